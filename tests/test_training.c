/* Masks, loss, gradient and training. */
#include "lfrec.h"

#include "support.h"

/* ---- masks ---- */

START_TEST(mask_depends_on_seed_epoch_user_and_place_alone)
{
    enum { N = 200 };
    uint8_t mask[N], again[N], shorter[N], other[N];
    const size_t hidden = lfrec_mask(1, 2, 3, 0.4f, N, mask);
    size_t total = 0;
    for (size_t k = 0; k < N; k++) {
        HOLDS(mask[k] <= 1);
        total += mask[k];
    }
    ck_assert_uint_eq(hidden, total);
    ck_assert_uint_eq(lfrec_mask(1, 2, 3, 0.4f, N, again), hidden);
    ck_assert_mem_eq(mask, again, N);
    lfrec_mask(1, 2, 3, 0.4f, 50, shorter);
    ck_assert_mem_eq(mask, shorter, 50);
    lfrec_mask(2, 2, 3, 0.4f, N, other);
    ck_assert_mem_ne(mask, other, N);
    lfrec_mask(1, 3, 3, 0.4f, N, other);
    ck_assert_mem_ne(mask, other, N);
    lfrec_mask(1, 2, 4, 0.4f, N, other);
    ck_assert_mem_ne(mask, other, N);
    lfrec_mask(1, 3, 2, 0.4f, N, other);
    ck_assert_mem_ne(mask, other, N);
}
END_TEST

START_TEST(mask_hides_the_share_it_is_asked_for)
{
    enum { N = 1000, USERS = BY_SPEED(400, 40) };
    static const float shares[] = {0, 0.05f, 0.2f, 0.5f, 0.9f, 1};
    uint8_t mask[N];
    for (size_t s = 0; s < COUNT(shares); s++) {
        const double share = (double)shares[s], count = (double)N * USERS;
        double hidden = 0;
        for (uint32_t u = 0; u < USERS; u++) hidden += (double)lfrec_mask(7, 1, u, shares[s], N, mask);
        ck_assert_double_le(fabs(hidden - share * count), 5 * sqrt(count * share * (1 - share)));
    }
    ck_assert_uint_eq(lfrec_mask(7, 1, 0, 0.5f, 0, NULL), 0);
}
END_TEST

/* ---- loss ---- */

START_TEST(loss_of_four_entries_is_as_computed_by_hand)
{
    const float predicted[] = {1, 2, 0.5f, -1}, preference[] = {0.5f, 2, 0, 1};
    const uint8_t hidden[] = {1, 0, 1, 0};
    lfrec_loss loss, parts;
    memset(&loss, 0, sizeof loss);
    memset(&parts, 0, sizeof parts);
    lfrec_loss_add(&loss, predicted, preference, hidden, 4);
    ck_assert_double_eq_tol(loss.hidden_error, 0.25 + 0.25, 1e-12);
    ck_assert_double_eq_tol(loss.scope_error, 0.25 + 0 + 0.25 + 4, 1e-12);
    ck_assert_uint_eq(loss.hidden, 2);
    ck_assert_uint_eq(loss.scope, 4);
    ck_assert_double_eq_tol(lfrec_loss_value(&loss, 0.75f), 0.75 * 0.5 / 2 + 0.25 * 4.5 / 4, 1e-12);
    ck_assert_double_eq_tol(lfrec_loss_value(&loss, 0), 4.5 / 4, 1e-12);
    ck_assert_double_eq_tol(lfrec_loss_value(&loss, 1), 0.5 / 2, 1e-12);
    for (size_t k = 0; k < 4; k++) lfrec_loss_add(&parts, predicted + k, preference + k, hidden + k, 1);
    ck_assert_double_eq_tol(lfrec_loss_value(&parts, 0.75f), lfrec_loss_value(&loss, 0.75f), 1e-12);
    loss.scope_error += 9; /* the unknown entries of the article's scope, by the caller */
    loss.scope += 2;
    ck_assert_double_eq_tol(lfrec_loss_value(&loss, 0.75f), 0.75 * 0.5 / 2 + 0.25 * 13.5 / 6, 1e-12);
}
END_TEST

START_TEST(empty_sets_contribute_0_to_loss_and_gradient)
{
    const float predicted[] = {1, 2}, preference[] = {0, 0};
    const uint8_t none[] = {0, 0};
    float gradient[2];
    lfrec_loss loss;
    memset(&loss, 0, sizeof loss);
    ck_assert_double_eq(lfrec_loss_value(&loss, 0.8f), 0);
    lfrec_loss_add(&loss, NULL, NULL, NULL, 0);
    ck_assert_double_eq(lfrec_loss_value(&loss, 0.8f), 0);
    lfrec_loss_add(&loss, predicted, preference, none, 2);
    ck_assert_double_eq_tol(lfrec_loss_value(&loss, 0.8f), 0.2 * 5 / 2, 1e-7);
    lfrec_loss_gradient(0.8f, 0, 2, predicted, preference, none, 2, gradient);
    ck_assert_float_eq_tol(gradient[0], 2 * 1 * 0.2f / 2, 1e-7f);
    ck_assert_float_eq_tol(gradient[1], 2 * 2 * 0.2f / 2, 1e-7f);
    lfrec_loss_gradient(0.8f, 0, 0, predicted, preference, none, 2, gradient);
    ck_assert_float_eq(gradient[0], 0);
    ck_assert_float_eq(gradient[1], 0);
}
END_TEST

START_TEST(gradient_of_the_loss_is_its_slope)
{
    enum { N = 20 };
    float predicted[N], preference[N], gradient[N];
    uint8_t hidden[N];
    size_t count = 0;
    for (int k = 0; k < N; k++) {
        predicted[k] = draw_float();
        preference[k] = draw_float();
        count += hidden[k] = (uint8_t)draw_below(2);
    }
    lfrec_loss_gradient(0.7f, count, N, predicted, preference, hidden, N, gradient);
    for (int k = 0; k < N; k++) {
        const float at = predicted[k];
        double value[2];
        for (int side = 0; side < 2; side++) {
            lfrec_loss loss;
            memset(&loss, 0, sizeof loss);
            predicted[k] = side ? at + 0.25f : at - 0.25f;
            lfrec_loss_add(&loss, predicted, preference, hidden, N);
            value[side] = lfrec_loss_value(&loss, 0.7f);
        }
        ck_assert_double_eq_tol(gradient[k], (value[1] - value[0]) / 0.5, 1e-6);
        predicted[k] = at;
    }
    lfrec_loss_gradient(0.7f, count, N, predicted, preference, hidden, N, predicted); /* in place */
    ck_assert_mem_eq(predicted, gradient, sizeof gradient);
}
END_TEST

/* What only LFREC_ARTICLE can be asked for. */
static int first_path(lfrec_setting setting)
{
    return setting == LFREC_ARTICLE ? LFREC_PATH_DENSE : LFREC_PATH_SPARSE;
}

static int last_scope(lfrec_setting setting)
{
    return setting == LFREC_ARTICLE ? LFREC_SCOPE_ALL : LFREC_SCOPE_KNOWN;
}

/* ---- a trainer and its memory ---- */

typedef struct {
    lfrec_trainer t;
    void *memory;
} owned;

static owned trainer_of(const lfrec_options *options, const lfrec_ratings *ratings, const lfrec_model *start)
{
    owned o;
    size_t bytes;
    ASSERT_OK(lfrec_trainer_size(options, ratings, &bytes));
    o.memory = take(bytes);
    memset(o.memory, 0xff, bytes); /* NaN wherever something is used before it is set */
    ASSERT_OK(lfrec_trainer_init(&o.t, options, ratings, start, o.memory, bytes));
    return o;
}

/* Users of no, one, two, ... ratings. */
static void uneven_ratings(lfrec_ratings *ratings, uint32_t users, uint32_t items)
{
    lfrec_rating *events = take((size_t)users * users * sizeof *events);
    size_t count = 0;
    for (uint32_t u = 0; u < users; u++) {
        for (uint32_t k = 0; k < u; k++) {
            const lfrec_rating event = {u, draw_below(items), 0.5f * (float)(1 + draw_below(10))};
            events[count++] = event;
        }
    }
    ASSERT_OK(lfrec_ratings_create(ratings, users, items, events, count, NULL));
    free(events);
}

/* ---- the gradient, against slopes of the model's definition in double precision ---- */

typedef struct {
    const owned *trainer;
    const uint32_t *users;
    uint32_t count, epoch;
} batch;

/* The loss of a batch as the manual defines it, entry by entry. */
static double defined_loss(const batch *b)
{
    const lfrec_trainer *t = &b->trainer->t;
    const lfrec_options *o = &t->options;
    const size_t K = o->factors, S = t->model.stride;
    double hidden_error = 0, scope_error = 0, hidden_count = 0, scope_count = 0;
    double *h = take(K * sizeof *h);
    for (uint32_t k = 0; k < b->count; k++) {
        const uint32_t user = b->users[k];
        const lfrec_history history = lfrec_history_of(t->ratings, user);
        const size_t n = history.count;
        uint8_t *mask = take(n);
        const size_t masked = lfrec_mask(o->seed, b->epoch, user, o->mask, n, mask);
        const double scale = o->scale_input && n > masked ? 1 / sqrt((double)(n - masked)) : 1;
        double mean = 0;
        for (size_t j = 0; j < n; j++) mean += (double)(history.value[j] - t->model.item_mean[history.item[j]]);
        if (n) mean /= (double)n + (double)o->user_shrink;
        for (size_t q = 0; q < K; q++) h[q] = 0;
        for (size_t j = 0; j < n; j++) {
            const double p = (double)(history.value[j] - t->model.item_mean[history.item[j]]) - mean;
            for (size_t q = 0; q < K && !mask[j]; q++) h[q] += scale * p * (double)t->encoder[history.item[j] * S + q];
        }
        size_t j = 0;
        for (uint32_t i = 0; i < o->items; i++) {
            const int known = j < n && history.item[j] == i;
            if (!known && o->scope == LFREC_SCOPE_KNOWN) continue;
            double e = known ? -((double)(history.value[j] - t->model.item_mean[i]) - mean) : 0;
            for (size_t q = 0; q < K; q++) e += (double)t->decoder[i * S + q] * h[q];
            scope_error += e * e;
            scope_count++;
            if (known && mask[j]) {
                hidden_error += e * e;
                hidden_count++;
            }
            j += (size_t)known;
        }
        free(mask);
    }
    free(h);
    const double w = (double)o->loss_weight;
    return (hidden_count > 0 ? w * hidden_error / hidden_count : 0) +
           (scope_count > 0 ? (1 - w) * scope_error / scope_count : 0);
}

/* The loss is a parabola in any one weight, so that a central difference is exact. */
static double slope(const batch *b, float *weight)
{
    const float at = *weight;
    *weight = at + 0.25f;
    const double above = defined_loss(b), up = (double)*weight;
    *weight = at - 0.25f;
    const double below = defined_loss(b), down = (double)*weight;
    *weight = at;
    return (above - below) / (up - down);
}

static void assert_gradient(uint32_t factors, lfrec_scope scope, lfrec_path path, float mask, int scale_input)
{
    enum { USERS = 14, ITEMS = 70 };
    const uint32_t users[] = {9, 1, 13, 0, 2, 5, 12};
    lfrec_ratings ratings;
    uneven_ratings(&ratings, USERS, ITEMS);
    lfrec_options options = lfrec_options_for(LFREC_ARTICLE, ITEMS, factors, 0.5f, 5);
    options.scope = scope;
    options.path = path;
    options.mask = mask;
    options.momentum = 0;
    options.scale_input = scale_input;
    options.batch = COUNT(users);
    options.start_deviation = 0.3f;
    owned o = trainer_of(&options, &ratings, NULL);
    const batch b = {&o, users, COUNT(users), 3};
    lfrec_loss loss;
    ck_assert_int_eq(o.t.path, path);
    /* Another batch first: what it leaves behind must not be seen. */
    ASSERT_OK(lfrec_trainer_gradient(&o.t, users + 2, 4, 1, &loss));
    ASSERT_OK(lfrec_trainer_gradient(&o.t, users, COUNT(users), 3, &loss));
    const double expected = defined_loss(&b);
    ck_assert_double_eq_tol(lfrec_loss_value(&loss, options.loss_weight), expected, 1e-5 * (1 + expected));
    float *const weights[] = {o.t.encoder, o.t.decoder};
    const float *const gradients[] = {o.t.encoder_gradient, o.t.decoder_gradient};
    for (int which = 0; which < 2; which++) {
        double largest = 0;
        const size_t all = ITEMS * factors;
        for (size_t k = 0; k < ITEMS * o.t.model.stride; k++)
            largest = fmax(largest, fabs((double)gradients[which][k]));
        if (mask < 1 && which == 0) ck_assert_double_gt(largest, 0);
        for (size_t k = 0, sample = all < 300 ? all : BY_SPEED(300, 60); k < sample; k++) {
            const size_t place = all < 300 ? k : draw_below((uint32_t)all);
            const size_t at = place / factors * o.t.model.stride + place % factors;
            const double error = fabs((double)gradients[which][at] - slope(&b, weights[which] + at));
            ck_assert_msg(error <= 2e-5 * largest + 1e-9, "K %u scope %d path %d mask %g: weight %zu of %s: %g, slope %g",
                          factors, scope, path, (double)mask, at, which ? "decoder" : "encoder",
                          (double)gradients[which][at], slope(&b, weights[which] + at));
        }
        for (size_t i = 0; i < ITEMS; i++) { /* padding */
            for (size_t q = factors; q < o.t.model.stride; q++) HOLDS(gradients[which][i * o.t.model.stride + q] == 0);
        }
    }
    free(o.memory);
    lfrec_ratings_destroy(&ratings);
}

static void assert_gradients(lfrec_scope scope, lfrec_path path)
{
    static const uint32_t factors[] = {1, 3, 8, 25, 32, 64};
    static const float masks[] = {0.4f, 0, 1};
    for (size_t k = 0; k < COUNT(factors); k++) assert_gradient(factors[k], scope, path, 0.4f, 0);
    for (size_t m = 0; m < BY_SPEED(COUNT(masks), 1); m++) {
        assert_gradient(3, scope, path, masks[m], 0);
        assert_gradient(25, scope, path, masks[m], 1);
    }
}

START_TEST(gradient_over_known_entries_is_the_slope_on_the_sparse_path)
{
    assert_gradients(LFREC_SCOPE_KNOWN, LFREC_PATH_SPARSE);
}
END_TEST

START_TEST(gradient_over_known_entries_is_the_slope_on_the_dense_path)
{
    assert_gradients(LFREC_SCOPE_KNOWN, LFREC_PATH_DENSE);
}
END_TEST

START_TEST(gradient_over_all_entries_is_the_slope_on_the_sparse_path)
{
    assert_gradients(LFREC_SCOPE_ALL, LFREC_PATH_SPARSE);
}
END_TEST

START_TEST(gradient_over_all_entries_is_the_slope_on_the_dense_path)
{
    assert_gradients(LFREC_SCOPE_ALL, LFREC_PATH_DENSE);
}
END_TEST

START_TEST(gradient_of_no_users_is_0)
{
    lfrec_ratings ratings;
    uneven_ratings(&ratings, 6, 10);
    for (int path = LFREC_PATH_DENSE; path <= LFREC_PATH_SPARSE; path++) {
        const uint32_t full[] = {5, 4}, no_ratings[] = {0};
        lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 10, 3, 0.5f, 5);
        options.path = (lfrec_path)path;
        owned o = trainer_of(&options, &ratings, NULL);
        lfrec_loss loss;
        for (uint32_t count = 0; count < 2; count++) {
            ASSERT_OK(lfrec_trainer_gradient(&o.t, full, 2, 1, &loss));
            ASSERT_OK(lfrec_trainer_gradient(&o.t, no_ratings, count, 1, &loss));
            ck_assert_double_eq(lfrec_loss_value(&loss, 0.8f), 0);
            for (size_t k = 0; k < 10 * o.t.model.stride; k++) {
                HOLDS(o.t.encoder_gradient[k] == 0 && o.t.decoder_gradient[k] == 0);
            }
        }
        free(o.memory);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(masks_do_not_depend_on_the_order_or_the_size_of_a_batch)
{
    const uint32_t order[] = {3, 9, 1, 7}, reversed[] = {7, 1, 9, 3};
    lfrec_ratings ratings;
    uneven_ratings(&ratings, 12, 30);
    lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 30, 4, 0.5f, 5);
    options.path = LFREC_PATH_SPARSE;
    owned o = trainer_of(&options, &ratings, NULL);
    lfrec_loss one, other, single, sum;
    memset(&sum, 0, sizeof sum);
    ASSERT_OK(lfrec_trainer_gradient(&o.t, order, 4, 5, &one));
    ASSERT_OK(lfrec_trainer_gradient(&o.t, reversed, 4, 5, &other));
    for (size_t k = 0; k < 4; k++) {
        ASSERT_OK(lfrec_trainer_gradient(&o.t, order + k, 1, 5, &single));
        sum.hidden += single.hidden;
        sum.hidden_error += single.hidden_error;
    }
    ck_assert_uint_gt(one.hidden, 0);
    ck_assert_uint_eq(one.hidden, other.hidden);
    ck_assert_uint_eq(one.hidden, sum.hidden);
    ck_assert_double_eq_tol(one.hidden_error, other.hidden_error, 1e-9);
    ck_assert_double_eq_tol(one.hidden_error, sum.hidden_error, 1e-9);
    free(o.memory);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

/* ---- paths, instruction sets, repetition ---- */

typedef struct {
    float *encoder, *decoder;
    size_t count;
} weights;

static weights weights_after(const lfrec_options *options, const lfrec_ratings *ratings, int epochs)
{
    owned o = trainer_of(options, ratings, NULL);
    weights w;
    for (int k = 0; k < epochs; k++) ASSERT_OK(lfrec_trainer_epoch(&o.t, NULL));
    w.count = options->items * o.t.model.stride;
    w.encoder = take(w.count * sizeof(float));
    w.decoder = take(w.count * sizeof(float));
    memcpy(w.encoder, o.t.encoder, w.count * sizeof(float));
    memcpy(w.decoder, o.t.decoder, w.count * sizeof(float));
    free(o.memory);
    return w;
}

static void weights_free(weights *w)
{
    free(w->encoder);
    free(w->decoder);
}

static int same_bits(const weights *a, const weights *b)
{
    return !memcmp(a->encoder, b->encoder, a->count * sizeof(float)) &&
           !memcmp(a->decoder, b->decoder, a->count * sizeof(float));
}

/* The largest difference, as a share of the largest weight. */
static double difference(const weights *a, const weights *b)
{
    double most = 0, largest = 0;
    for (size_t k = 0; k < a->count; k++) {
        largest = fmax(largest, fmax(fabs((double)a->encoder[k]), fabs((double)a->decoder[k])));
        most = fmax(most, fabs((double)a->encoder[k] - (double)b->encoder[k]));
        most = fmax(most, fabs((double)a->decoder[k] - (double)b->decoder[k]));
    }
    return most / largest;
}

START_TEST(dense_and_sparse_paths_give_the_same_weights)
{
    static const uint32_t factors[] = {1, 3, 25, 64};
    lfrec_ratings ratings;
    generate(&ratings, 50, 70, 20, 3);
    for (size_t k = 0; k < COUNT(factors); k++) {
        for (int scope = 0; scope < 2; scope++) {
            lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 70, factors[k], 0.5f, 5);
            options.scope = (lfrec_scope)scope;
            options.batch = 16;
            options.weight_decay = k % 2 ? 0.001f : 0;
            options.momentum = k == 0 ? 0 : 0.9f;
            options.path = LFREC_PATH_DENSE;
            weights dense = weights_after(&options, &ratings, 3);
            options.path = LFREC_PATH_SPARSE;
            weights sparse = weights_after(&options, &ratings, 3);
            ck_assert_double_lt(difference(&dense, &sparse), 1e-5);
            weights_free(&dense);
            weights_free(&sparse);
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

static weights weights_of(const owned *o)
{
    weights w;
    w.encoder = o->t.encoder;
    w.decoder = o->t.decoder;
    w.count = o->t.model.items * o->t.model.stride;
    return w;
}

/* The last items have no ratings; a batch reads a sixth of the others. Between epochs somebody asks for a gradient. */
START_TEST(rows_that_move_when_they_are_read_are_where_every_batch_would_have_moved_them)
{
    static const struct {
        float momentum, decay;
    } cases[] = {{0.9f, 0}, {0.9f, 0.01f}, {0, 0.5f}, {0.5f, 0.5f}, {0, 0}};
    static const uint32_t users[] = {3, 1};
    enum { USERS = 90, ITEMS = 120, RATED = 110 };
    lfrec_ratings ratings;
    generate(&ratings, USERS, RATED, 5, 2);
    ratings.items = ITEMS;
    for (size_t c = 0; c < COUNT(cases); c++) {
        for (uint32_t threads = 1; threads <= 3; threads += 2) {
            lfrec_options options = lfrec_options_for(LFREC_ARTICLE, ITEMS, 5, 0.5f, 5);
            options.momentum = cases[c].momentum;
            options.weight_decay = cases[c].decay;
            options.batch = 4;
            options.holdout = 0.2f;
            options.threads = threads;
            options.path = LFREC_PATH_SPARSE;
            owned late = trainer_of(&options, &ratings, NULL), once = trainer_of(&options, &ratings, NULL);
            ck_assert_int_eq(late.t.moved != NULL, c + 1 < COUNT(cases));
            once.t.moved = NULL;
            for (int k = 0; k < 6; k++) {
                lfrec_epoch a, b;
                lfrec_loss of_late, of_once;
                ASSERT_OK(lfrec_trainer_epoch(&late.t, &a));
                ASSERT_OK(lfrec_trainer_epoch(&once.t, &b));
                ck_assert_double_eq_tol(a.loss, b.loss, 1e-5 * b.loss);
                ck_assert_double_eq_tol(a.held_out_error, b.held_out_error, 1e-5 * b.held_out_error);
                ck_assert_uint_eq(a.best_epoch, b.best_epoch);
                const weights x = weights_of(&late), y = weights_of(&once);
                const double off = difference(&x, &y);
                ck_assert_msg(off < 5e-6, "case %zu, %u threads, epoch %d: %g off", c, threads, k, off);
                ASSERT_OK(lfrec_trainer_gradient(&late.t, users, COUNT(users), 9, &of_late));
                ASSERT_OK(lfrec_trainer_gradient(&once.t, users, COUNT(users), 9, &of_once));
                for (size_t n = 0; n < x.count; n++) {
                    ck_assert_float_eq_tol(late.t.encoder_gradient[n], once.t.encoder_gradient[n], 1e-4f);
                    ck_assert_float_eq_tol(late.t.decoder_gradient[n], once.t.decoder_gradient[n], 1e-4f);
                }
            }
            free(late.memory);
            free(once.memory);
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(path_is_chosen_by_density)
{
    lfrec_ratings thin, thick;
    generate(&thin, 40, 50, 3, 2);
    generate(&thick, 40, 50, 40, 2);
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 50, 3, 0.5f, 5);
    owned a = trainer_of(&options, &thin, NULL), b = trainer_of(&options, &thick, NULL);
    ck_assert_int_eq(a.t.path, LFREC_PATH_SPARSE);
    ck_assert_int_eq(b.t.path, LFREC_PATH_DENSE);
    free(a.memory);
    free(b.memory);
    lfrec_ratings_destroy(&thin);
    lfrec_ratings_destroy(&thick);
}
END_TEST

START_TEST(instruction_sets_give_the_same_weights)
{
    static const uint32_t factors[] = {8, 25, 64, 100};
    static const lfrec_isa isas[] = {LFREC_ISA_AVX2, LFREC_ISA_AVX512, LFREC_ISA_NEON, LFREC_ISA_AUTO};
    lfrec_ratings ratings;
    generate(&ratings, 40, 110, 20, 3);
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (size_t k = 0; k < BY_SPEED(COUNT(factors), 2); k++) {
            for (int path = first_path(settings[s]); path <= LFREC_PATH_SPARSE; path++) {
                lfrec_options options = lfrec_options_for(settings[s], 110, factors[k], 0.5f, 5);
                options.path = (lfrec_path)path;
                options.batch = 16;
                options.isa = LFREC_ISA_PORTABLE;
                weights portable = weights_after(&options, &ratings, 2);
                for (size_t i = 0; i < COUNT(isas); i++) {
                    options.isa = isas[i];
                    weights other = weights_after(&options, &ratings, 2);
                    /* Compiled without contraction, the sparse path promises the same bits. */
                    if (path == LFREC_PATH_SPARSE) ck_assert(same_bits(&portable, &other));
                    else ck_assert_double_lt(difference(&portable, &other), 1e-5);
                    weights_free(&other);
                }
                weights_free(&portable);
            }
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(same_seed_gives_the_same_bits_and_another_seed_others)
{
    lfrec_ratings ratings;
    generate(&ratings, 40, 50, 15, 3);
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (int path = first_path(settings[s]); path <= LFREC_PATH_SPARSE; path++) {
            lfrec_options options = lfrec_options_for(settings[s], 50, 9, 0.5f, 5);
            options.path = (lfrec_path)path;
            weights one = weights_after(&options, &ratings, 3), two = weights_after(&options, &ratings, 3);
            options.seed = 2;
            weights other = weights_after(&options, &ratings, 3);
            ck_assert(same_bits(&one, &two));
            ck_assert(!same_bits(&one, &other));
            weights_free(&one);
            weights_free(&two);
            weights_free(&other);
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(trainers_memory_may_start_at_any_address_and_gives_the_same_bits)
{
    lfrec_ratings ratings;
    generate(&ratings, 12, 20, 8, 2);
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (int path = first_path(settings[s]); path <= LFREC_PATH_SPARSE; path++) {
            for (int scope = 0; scope <= last_scope(settings[s]); scope++) {
                lfrec_options options = lfrec_options_for(settings[s], 20, 9, 0.5f, 5);
                options.path = (lfrec_path)path;
                options.scope = (lfrec_scope)scope;
                options.holdout = 0.2f;
                weights expected = weights_after(&options, &ratings, 2);
                size_t bytes;
                ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
                for (size_t shift = 0; shift < 16; shift += BY_SPEED(1, 7)) {
                    bordered b = border(bytes, shift);
                    lfrec_trainer t;
                    lfrec_model model;
                    ASSERT_OK(lfrec_trainer_init(&t, &options, &ratings, NULL, b.at, bytes));
                    for (int k = 0; k < 2; k++) ASSERT_OK(lfrec_trainer_epoch(&t, NULL));
                    ck_assert_mem_eq(t.encoder, expected.encoder, expected.count * sizeof(float));
                    ck_assert_mem_eq(t.decoder, expected.decoder, expected.count * sizeof(float));
                    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
                    ASSERT_OK(lfrec_trainer_finish(&t, &model));
                    lfrec_model_destroy(&model);
                    border_free(&b);
                }
                weights_free(&expected);
            }
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(too_little_memory_is_refused_and_not_overrun)
{
    lfrec_ratings ratings;
    generate(&ratings, 4, 5, 3, 1);
    for (size_t s = 0; s < COUNT(settings); s++) {
        lfrec_options options = lfrec_options_for(settings[s], 5, 2, 0.5f, 5);
        size_t bytes, refused = 0;
        options.path = LFREC_PATH_SPARSE;
        options.holdout = 0.3f;
        ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
        for (size_t less = 0; less <= bytes; less += BY_SPEED(1, 67)) {
            bordered b = border(less, less % 16);
            lfrec_trainer t;
            const lfrec_status status = lfrec_trainer_init(&t, &options, &ratings, NULL, b.at, less);
            refused += status != LFREC_OK;
            if (status != LFREC_OK) HOLDS(status == LFREC_ERROR_MEMORY);
            else ASSERT_OK(lfrec_trainer_epoch(&t, NULL));
            border_free(&b);
        }
        ck_assert_uint_ge(refused, (bytes - 128) / BY_SPEED(1, 67));
        ck_assert_uint_le(refused, bytes);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

/* ---- runs ---- */

enum { SEEN = 400 };

typedef struct {
    lfrec_epoch seen[SEEN];
    uint32_t count, cancel_at;
} diary;

static int keep_diary(void *context, const lfrec_epoch *epoch)
{
    diary *d = context;
    ck_assert_uint_lt(d->count, SEEN);
    d->seen[d->count++] = *epoch;
    return d->count == d->cancel_at;
}

START_TEST(training_beats_the_means_on_ratings_with_tastes_in_them)
{
    lfrec_ratings ratings, train, test;
    size_t bytes;
    generate(&ratings, BY_SPEED(600, 150), 60, 25, 3);
    ASSERT_OK(lfrec_split_size(&ratings, &bytes));
    void *memory = take(bytes);
    ASSERT_OK(lfrec_split(&ratings, LFREC_SPLIT_RATINGS, 0.1f, 1, memory, bytes, &train, &test));
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (int path = first_path(settings[s]); path <= LFREC_PATH_SPARSE; path++) {
            lfrec_options options = lfrec_options_for(settings[s], 60, 8, 0.5f, 5);
            float factors[LFREC_STRIDE(8)];
            lfrec_errors means_only, trained;
            lfrec_means means;
            lfrec_model model;
            options.epochs = 60;
            options.path = (lfrec_path)path;
            ASSERT_OK(lfrec_means_create(&means, 60, NULL));
            ASSERT_OK(lfrec_means_add_all(&means, &train));
            ASSERT_OK(lfrec_model_create(&model, &options, NULL));
            ASSERT_OK(lfrec_model_set_means(&model, &means));
            ASSERT_OK(lfrec_evaluate(&model, &train, &test, factors, &means_only));
            ASSERT_OK(lfrec_train(&model, &options, &train, NULL, NULL, NULL));
            ASSERT_OK(lfrec_evaluate(&model, &train, &test, factors, &trained));
            ck_assert_msg(trained.rmse < 0.85 * means_only.rmse, "setting %d path %d: %g, means only %g", settings[s],
                          path, trained.rmse, means_only.rmse);
            ck_assert_double_lt(trained.mae, 0.85 * means_only.mae);
            lfrec_means_destroy(&means);
            lfrec_model_destroy(&model);
        }
    }
    free(memory);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(progress_is_told_every_epoch_and_its_learning_rate)
{
    lfrec_ratings ratings;
    generate(&ratings, 40, 30, 10, 2);
    for (size_t s = 0; s < COUNT(settings); s++) {
        lfrec_options options = lfrec_options_for(settings[s], 30, 4, 0.5f, 5);
        diary d = {.count = 0};
        lfrec_report report;
        lfrec_model model;
        options.epochs = 11;
        options.holdout = 0;
        options.learning_rate = 0.004f;
        options.learning_rate_final = 0.25f;
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        ASSERT_OK(lfrec_train(&model, &options, &ratings, keep_diary, &d, &report));
        ck_assert_uint_eq(d.count, 11);
        for (uint32_t k = 0; k < 11; k++) {
            ck_assert_uint_eq(d.seen[k].epoch, k + 1);
            ck_assert_uint_eq(d.seen[k].epochs, 11);
            ck_assert_float_eq_tol(d.seen[k].learning_rate, 0.004f * (1 - 0.75f * (float)k / 10), 1e-8f);
        }
        ck_assert_double_lt(d.seen[10].loss, d.seen[0].loss);
        ck_assert_int_eq(report.ending, LFREC_ENDED_EPOCHS);
        ck_assert_uint_eq(report.last.epoch, 11);
        ck_assert_uint_eq(report.best_epoch, 11); /* without held-out users: the last */
        lfrec_model_destroy(&model);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

/* Few ratings, many factors, no decay: the held-out error falls and then rises. */
static lfrec_options options_that_overfit(lfrec_setting setting, uint32_t items)
{
    lfrec_options options = lfrec_options_for(setting, items, 30, 0.5f, 5);
    options.holdout = 0.3f;
    options.patience = 0;
    options.weight_decay = 0;
    options.mask = 0.4f;
    options.epochs = BY_SPEED(120, 40);
    options.learning_rate = setting == LFREC_ARTICLE ? 0.3f : 0.15f;
    options.start_deviation = 0.05f;
    options.batch = 64;
    options.learning_rate_final = 1;
    return options;
}

START_TEST(best_weights_come_back_however_the_run_ends)
{
    lfrec_ratings ratings;
    generate(&ratings, 80, 40, 12, 3);
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (int ending = LFREC_ENDED_EPOCHS; ending <= LFREC_ENDED_CANCELLED; ending++) {
            lfrec_options options = options_that_overfit(settings[s], 40);
            static diary d;
            lfrec_report report;
            lfrec_model model;
            lfrec_real best = INFINITY, returned;
            uint32_t best_epoch = 0;
            memset(&d, 0, sizeof d);
            if (ending == LFREC_ENDED_PATIENCE) options.patience = 6;
            if (ending == LFREC_ENDED_CANCELLED) d.cancel_at = options.epochs - 5;
            ASSERT_OK(lfrec_model_create(&model, &options, NULL));
            ASSERT_OK(lfrec_train(&model, &options, &ratings, keep_diary, &d, &report));
            for (uint32_t k = 0; k < d.count; k++) {
                if (d.seen[k].held_out_error < best) {
                    best = d.seen[k].held_out_error;
                    best_epoch = k + 1;
                }
                ck_assert_double_eq(d.seen[k].best_error, best);
                ck_assert_uint_eq(d.seen[k].best_epoch, best_epoch);
            }
            ck_assert_msg(best_epoch > 1 && best_epoch < d.count,
                          "setting %d: the error did not fall and rise: best of %u is %u", settings[s], d.count, best_epoch);
            ck_assert_int_eq(report.ending, ending);
            ck_assert_uint_eq(report.best_epoch, best_epoch);
            ck_assert_double_eq(report.best_error, best);
            ck_assert_uint_eq(report.last.epoch, d.count);
            if (ending == LFREC_ENDED_EPOCHS) ck_assert_uint_eq(d.count, options.epochs);
            if (ending == LFREC_ENDED_PATIENCE) ck_assert_uint_eq(d.count, best_epoch + 6);
            if (ending == LFREC_ENDED_CANCELLED) ck_assert_uint_eq(d.count, options.epochs - 5);
            owned judge = trainer_of(&options, &ratings, NULL);
            ASSERT_OK(lfrec_trainer_error(&judge.t, &model, &returned));
            ck_assert_double_eq(returned, best); /* to the bit */
            free(judge.memory);
            lfrec_model_destroy(&model);
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

/* The held-out error is 0 in every epoch then, and says nothing for the first. */
START_TEST(where_nothing_is_hidden_the_last_weights_are_the_best)
{
    lfrec_ratings ratings;
    generate(&ratings, 80, 40, 12, 3);
    for (size_t s = 0; s < COUNT(settings); s++) {
        lfrec_options options = options_that_overfit(settings[s], 40);
        lfrec_report report;
        lfrec_model model;
        options.mask = 0;
        options.patience = 6;
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        ASSERT_OK(lfrec_train(&model, &options, &ratings, NULL, NULL, &report));
        ck_assert_uint_eq(report.best_epoch, options.epochs);
        ck_assert_int_eq(report.ending, LFREC_ENDED_EPOCHS);
        lfrec_model_destroy(&model);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(cancelling_after_the_first_epoch_gives_its_weights)
{
    lfrec_ratings ratings;
    generate(&ratings, 30, 20, 10, 2);
    for (int held = 0; held < 2; held++) {
        lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 20, 4, 0.5f, 5);
        diary d = {.cancel_at = 1};
        lfrec_report report;
        lfrec_model model;
        options.holdout = held ? 0.2f : 0;
        weights expected = weights_after(&options, &ratings, 1);
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        ASSERT_OK(lfrec_train(&model, &options, &ratings, keep_diary, &d, &report));
        ck_assert_int_eq(report.ending, LFREC_ENDED_CANCELLED);
        ck_assert_uint_eq(report.best_epoch, 1);
        ck_assert_mem_eq(model.encoder, expected.encoder, expected.count * sizeof(float));
        weights_free(&expected);
        lfrec_model_destroy(&model);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(one_user_is_left_to_train_on_whatever_is_held_out)
{
    const lfrec_rating events[] = {{3, 0, 1}, {3, 1, 5}, {3, 2, 2}};
    lfrec_ratings ratings;
    ASSERT_OK(lfrec_ratings_create(&ratings, 5, 3, events, 3, NULL));
    for (size_t s = 0; s < COUNT(settings); s++) {
        lfrec_options options = lfrec_options_for(settings[s], 3, 2, 1, 5);
        options.holdout = 0.99f;
        owned o = trainer_of(&options, &ratings, NULL);
        ck_assert_uint_eq(o.t.training_users, 1);
        ck_assert_uint_eq(o.t.held_out_users, 0);
        ASSERT_OK(lfrec_trainer_epoch(&o.t, NULL));
        free(o.memory);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

/* The share of users with ratings, each once, and none that has none. */
START_TEST(held_out_users_are_not_trained_on)
{
    lfrec_ratings ratings;
    uneven_ratings(&ratings, 21, 30); /* user 0 has no rating */
    lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 30, 4, 0.5f, 5);
    options.holdout = 0.25f;
    owned o = trainer_of(&options, &ratings, NULL);
    int held[21] = {0}, seen[21] = {0};
    ck_assert_uint_eq(o.t.held_out_users, 5);
    ck_assert_uint_eq(o.t.training_users, 15);
    for (uint32_t k = 0; k < 20; k++) {
        ck_assert_int_eq(seen[o.t.order[k]]++, 0);
        held[o.t.order[k]] = k >= 15;
    }
    ck_assert_int_eq(seen[0], 0);
    for (int epoch = 0; epoch < 3; epoch++) {
        ASSERT_OK(lfrec_trainer_epoch(&o.t, NULL));
        for (uint32_t k = 15; k < 20; k++) ck_assert_int_eq(held[o.t.order[k]], 1);
    }
    free(o.memory);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(divergence_is_reported_and_leaves_the_model_as_it_was)
{
    lfrec_ratings ratings;
    generate(&ratings, 50, 20, 8, 2);
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (int path = first_path(settings[s]); path <= LFREC_PATH_SPARSE; path++) {
            for (int held = 0; held < 2; held++) {
                lfrec_options options = lfrec_options_for(settings[s], 20, 4, 0.5f, 5);
                lfrec_report report;
                lfrec_model model, before;
                watch w;
                const lfrec_allocator allocator = watched(&w);
                options.path = (lfrec_path)path;
                options.holdout = held ? 0.2f : 0;
                options.epochs = 10;
                ASSERT_OK(lfrec_model_create(&model, &options, &allocator));
                ASSERT_OK(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL));
                const size_t bytes = w.bytes; /* of the trainer: more than the model's */
                size_t model_bytes;
                ASSERT_OK(lfrec_model_size(&options, &model_bytes));
                unsigned char *copy = take(model_bytes);
                memcpy(copy, model.memory, model_bytes);
                before = model;
                options.learning_rate = 1e6f;
                ASSERT_STATUS(lfrec_train(&model, &options, &ratings, NULL, NULL, &report), LFREC_ERROR_DIVERGED);
                ck_assert_uint_ge(report.last.epoch, 1);
                ck_assert_uint_le(report.last.epoch, 10);
                ck_assert_float_gt(report.last.learning_rate, 1e5f);
                ck_assert_float_le(report.last.learning_rate, 1e6f);
                ck_assert_mem_eq(&before, &model, sizeof model);
                ck_assert_mem_eq(copy, model.memory, model_bytes);
                ck_assert_uint_eq(w.live, 1);
                ck_assert_uint_eq(w.bytes, bytes);
                free(copy);
                lfrec_model_destroy(&model);
            }
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(training_allocates_once_what_trainer_size_says_and_gives_it_back)
{
    lfrec_ratings ratings;
    generate(&ratings, 30, 20, 10, 2);
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 20, 4, 0.5f, 5);
    size_t bytes;
    lfrec_model model;
    watch w;
    const lfrec_allocator allocator = watched(&w);
    ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
    ASSERT_OK(lfrec_model_create(&model, &options, &allocator));
    ASSERT_OK(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL));
    ck_assert_uint_eq(w.calls, 2);
    ck_assert_uint_eq(w.bytes, bytes);
    ck_assert_uint_eq(w.live, 1);
    w.fail_at = 3;
    ASSERT_STATUS(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL), LFREC_ERROR_MEMORY);
    ck_assert_uint_eq(w.live, 1);
    lfrec_model_destroy(&model);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(trainer_goes_on_from_a_model)
{
    lfrec_ratings ratings;
    generate(&ratings, 100, 30, 12, 2);
    for (size_t s = 0; s < COUNT(settings); s++) {
        lfrec_options options = lfrec_options_for(settings[s], 30, 5, 0.5f, 5);
        lfrec_model model;
        lfrec_epoch first, next;
        options.holdout = 0;
        options.epochs = 40;
        if (settings[s] == LFREC_ARTICLE) options.learning_rate = 0.1f;
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        owned scratch = trainer_of(&options, &ratings, NULL);
        ASSERT_OK(lfrec_trainer_epoch(&scratch.t, &first));
        free(scratch.memory);
        ASSERT_OK(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL));
        owned o = trainer_of(&options, &ratings, &model);
        ck_assert_mem_eq(o.t.encoder, model.encoder, 30 * model.stride * sizeof(float));
        ck_assert_mem_eq(o.t.decoder, model.decoder, 30 * model.stride * sizeof(float));
        ASSERT_OK(lfrec_trainer_epoch(&o.t, &next));
        ck_assert_double_lt(next.loss, 0.9 * first.loss);
        free(o.memory);
        lfrec_model_destroy(&model);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(trainer_goes_on_with_more_items_than_the_model_had)
{
    lfrec_ratings few, more;
    generate(&few, 60, 20, 10, 2);
    generate(&more, 60, 26, 12, 2);
    for (size_t s = 0; s < COUNT(settings); s++) {
        lfrec_options options = lfrec_options_for(settings[s], 20, 4, 0.5f, 5);
        lfrec_model old;
        options.epochs = 5;
        ASSERT_OK(lfrec_model_create(&old, &options, NULL));
        ASSERT_OK(lfrec_train(&old, &options, &few, NULL, NULL, NULL));
        options.items = 26;
        owned o = trainer_of(&options, &more, &old);
        ck_assert_mem_eq(o.t.decoder, old.decoder, 20 * old.stride * sizeof(float));
        for (int k = 0; k < 3; k++) ASSERT_OK(lfrec_trainer_epoch(&o.t, NULL));
        float sum = 0;
        for (size_t k = 20 * old.stride; k < 26 * old.stride; k++) sum += fabsf(o.t.decoder[k]);
        ck_assert_float_gt(sum, 0); /* the new items learn */
        free(o.memory);
        lfrec_model_destroy(&old);
    }
    lfrec_ratings_destroy(&few);
    lfrec_ratings_destroy(&more);
}
END_TEST

START_TEST(model_of_another_shape_is_no_start)
{
    lfrec_ratings ratings;
    generate(&ratings, 20, 20, 10, 2);
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 20, 4, 0.5f, 5);
    size_t bytes;
    ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
    void *memory = take(bytes);
    static const struct {
        lfrec_setting setting;
        uint32_t items, factors;
    } shapes[] = {{LFREC_ARTICLE, 21, 4}, {LFREC_ARTICLE, 20, 5}, {LFREC_SGD, 20, 4}};
    for (size_t k = 0; k < COUNT(shapes); k++) {
        lfrec_model start;
        lfrec_trainer t;
        random_model(&start, shapes[k].setting, shapes[k].items, shapes[k].factors);
        ASSERT_STATUS(lfrec_trainer_init(&t, &options, &ratings, &start, memory, bytes), LFREC_ERROR_ARGUMENT);
        lfrec_model_destroy(&start);
    }
    free(memory);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(ratings_that_are_all_the_same_have_no_loss_no_gradient_and_change_nothing)
{
    enum { USERS = 6, ITEMS = 10 };
    lfrec_rating events[30];
    lfrec_ratings ratings;
    for (uint32_t k = 0; k < 30; k++) {
        const lfrec_rating event = {k / 5, (k / 5 + k % 5 * 2) % ITEMS, 3};
        events[k] = event;
    }
    ASSERT_OK(lfrec_ratings_create(&ratings, USERS, ITEMS, events, 30, NULL));
    for (int path = LFREC_PATH_DENSE; path <= LFREC_PATH_SPARSE; path++) {
        for (int scope = 0; scope < 2; scope++) {
            lfrec_options options = lfrec_options_for(LFREC_ARTICLE, ITEMS, 3, 0, 5);
            const uint32_t users[] = {0, 1, 2, 3, 4, 5};
            lfrec_loss loss;
            options.path = (lfrec_path)path;
            options.scope = (lfrec_scope)scope;
            options.weight_decay = 0; /* which moves weights without any gradient */
            owned o = trainer_of(&options, &ratings, NULL);
            ASSERT_OK(lfrec_trainer_gradient(&o.t, users, USERS, 1, &loss));
            ck_assert_uint_gt(loss.hidden, 0); /* masks pick known entries: a preference of 0 is known */
            ck_assert_uint_lt(loss.hidden, 30);
            ck_assert_uint_eq(loss.scope, scope == LFREC_SCOPE_KNOWN ? 30 : USERS * ITEMS);
            ck_assert_double_eq(lfrec_loss_value(&loss, options.loss_weight), 0);
            for (size_t k = 0; k < ITEMS * o.t.model.stride; k++) {
                HOLDS(o.t.encoder_gradient[k] == 0 && o.t.decoder_gradient[k] == 0);
            }
            free(o.memory);
            weights before = weights_after(&options, &ratings, 0), after = weights_after(&options, &ratings, 3);
            ck_assert(same_bits(&before, &after));
            weights_free(&before);
            weights_free(&after);
        }
    }
    for (size_t s = 0; s < COUNT(settings); s++) {
        const lfrec_options options = lfrec_options_for(settings[s], ITEMS, 3, 0, 5);
        lfrec_model model;
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        ASSERT_OK(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL));
        for (uint32_t u = 0; u < USERS; u++) {
            const lfrec_history history = lfrec_history_of(&ratings, u);
            float factors[LFREC_STRIDE(3)];
            lfrec_user user = user_over(factors);
            lfrec_query query = lfrec_query_for(ITEMS, &history);
            lfrec_scored list[ITEMS];
            size_t found;
            query.min_support = 0;
            ASSERT_OK(lfrec_fold_in(&model, &history, &user));
            ASSERT_OK(lfrec_top(&model, &user, &query, list, &found));
            ck_assert_uint_eq(found, 5);
            for (size_t k = 0; k < found; k++) {
                for (size_t j = 0; j < 5; j++) ck_assert_uint_ne(list[k].item, history.item[j]);
                if (settings[s] == LFREC_ARTICLE) ck_assert_float_eq(list[k].score, 3);
                else ck_assert_float_eq_tol(list[k].score, 3, 0.01f);
            }
        }
        lfrec_model_destroy(&model);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

/* Nobody has rated the last item: its random start must not show in what is predicted. */
START_TEST(item_that_nobody_rated_is_predicted_by_the_means_after_training)
{
    lfrec_ratings some, ratings;
    generate(&some, 60, 20, 10, 2);
    const lfrec_ratings wider = {some.users, 21, some.row_start, some.item, some.value, NULL, {NULL, NULL, NULL}};
    ratings = wider;
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (int scope = 0; scope <= last_scope(settings[s]); scope++) {
            lfrec_options options = lfrec_options_for(settings[s], 21, 4, 0.5f, 5);
            float factors[LFREC_STRIDE(4)], rating;
            lfrec_user user = user_over(factors);
            lfrec_model model;
            options.epochs = 10;
            options.scope = (lfrec_scope)scope;
            ASSERT_OK(lfrec_model_create(&model, &options, NULL));
            ASSERT_OK(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL));
            for (uint32_t u = 0; u < 60; u++) {
                const lfrec_history history = lfrec_history_of(&ratings, u);
                ASSERT_OK(lfrec_fold_in(&model, &history, &user));
                ASSERT_OK(lfrec_predict(&model, &user, 20, &rating));
                ck_assert_float_eq_tol(rating, fminf(5, fmaxf(0.5f, model.mean + user.mean)), 1e-6f);
            }
            lfrec_model_destroy(&model);
        }
    }
    lfrec_ratings_destroy(&some);
}
END_TEST

START_TEST(users_with_one_rating_and_with_none_are_no_harm)
{
    const lfrec_rating events[] = {{1, 0, 5}, {3, 2, 1}, {4, 2, 4}};
    lfrec_ratings ratings;
    ASSERT_OK(lfrec_ratings_create(&ratings, 6, 3, events, 3, NULL));
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (int path = first_path(settings[s]); path <= LFREC_PATH_SPARSE; path++) {
            for (int masking = 0; masking < 3; masking++) {
                lfrec_options options = lfrec_options_for(settings[s], 3, 2, 1, 5);
                float factors[LFREC_STRIDE(2)], rating;
                lfrec_user user = user_over(factors);
                lfrec_model model;
                options.path = (lfrec_path)path;
                options.mask = 0.5f * (float)masking;
                options.holdout = 0.4f;
                ASSERT_OK(lfrec_model_create(&model, &options, NULL));
                ASSERT_OK(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL));
                for (uint32_t u = 0; u < 6; u++) {
                    const lfrec_history history = lfrec_history_of(&ratings, u);
                    ASSERT_OK(lfrec_fold_in(&model, &history, &user));
                    for (uint32_t i = 0; i < 3; i++) {
                        ASSERT_OK(lfrec_predict(&model, &user, i, &rating));
                        HOLDS(rating >= 1 && rating <= 5);
                    }
                }
                lfrec_model_destroy(&model);
            }
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(batches_larger_than_the_users_and_of_one_are_legal)
{
    static const uint32_t batches[] = {1, 3, 29, 30, 31, UINT32_MAX};
    lfrec_ratings ratings;
    generate(&ratings, 30, 20, 10, 2);
    for (size_t k = 0; k < COUNT(batches); k++) {
        for (int path = LFREC_PATH_DENSE; path <= LFREC_PATH_SPARSE; path++) {
            lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 20, 4, 0.5f, 5);
            lfrec_epoch first, last;
            options.batch = batches[k];
            options.epochs = 100;
            options.learning_rate = batches[k] == 1 ? 0.005f : 0.05f;
            options.path = (lfrec_path)path;
            options.start_deviation = 0.05f; /* so small a set is slow to leave 0 */
            options.weight_decay = 0;
            owned o = trainer_of(&options, &ratings, NULL);
            ASSERT_OK(lfrec_trainer_epoch(&o.t, &first));
            for (int epoch = 1; epoch < 100; epoch++) ASSERT_OK(lfrec_trainer_epoch(&o.t, &last));
            ck_assert_msg(last.loss < 0.8 * first.loss, "batch %u path %d: %g, then %g", batches[k], path, first.loss,
                          last.loss);
            free(o.memory);
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

/* ---- refusals ---- */

START_TEST(nothing_to_train_on_is_refused)
{
    static const uint32_t shapes[][2] = {{0, 5}, {4, 5}};
    for (size_t k = 0; k < COUNT(shapes); k++) {
        const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 5, 2, 1, 5);
        lfrec_ratings ratings;
        lfrec_model model;
        size_t bytes;
        ASSERT_OK(lfrec_ratings_create(&ratings, shapes[k][0], shapes[k][1], NULL, 0, NULL));
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        ASSERT_STATUS(lfrec_trainer_size(&options, &ratings, &bytes), LFREC_ERROR_EMPTY);
        ASSERT_STATUS(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL), LFREC_ERROR_EMPTY);
        lfrec_model_destroy(&model);
        lfrec_ratings_destroy(&ratings);
    }
}
END_TEST

START_TEST(ratings_options_and_model_that_do_not_fit_are_refused)
{
    lfrec_ratings ratings;
    generate(&ratings, 20, 10, 5, 1);
    lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 11, 2, 0.5f, 5);
    lfrec_model model;
    size_t bytes;
    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
    ASSERT_STATUS(lfrec_trainer_size(&options, &ratings, &bytes), LFREC_ERROR_ARGUMENT); /* 11 items, 10 */
    options.items = 10;
    ASSERT_OK(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL)); /* into a larger model */
    options.factors = 3;
    ASSERT_STATUS(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL), LFREC_ERROR_ARGUMENT);
    options.factors = 2;
    options.mask = 2;
    ASSERT_STATUS(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL), LFREC_ERROR_ARGUMENT);
    options.mask = 0.2f;
    lfrec_model_destroy(&model);
    options.items = 9;
    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
    options.items = 10;
    ASSERT_STATUS(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_train(&model, NULL, &ratings, NULL, NULL, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_train(&model, &options, NULL, NULL, NULL, NULL), LFREC_ERROR_ARGUMENT);
    lfrec_model_destroy(&model);
    options = lfrec_options_for(LFREC_SGD, 10, 2, 0.5f, 5);
    random_model(&model, LFREC_ARTICLE, 10, 2);
    diary d = {.count = 0};
    ASSERT_STATUS(lfrec_train(&model, &options, &ratings, keep_diary, &d, NULL), LFREC_ERROR_ARGUMENT);
    ck_assert_uint_eq(d.count, 0); /* before the first epoch */
    lfrec_model_destroy(&model);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(ratings_that_are_out_of_order_are_refused)
{
    const size_t starts[] = {0, 2};
    const uint32_t items[] = {1, 0};
    const float values[] = {1, 2};
    const lfrec_ratings unordered = {1, 2, starts, items, values, NULL, {NULL, NULL, NULL}};
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 2, 1, 1, 5);
    lfrec_model model;
    random_model(&model, LFREC_ARTICLE, 2, 1);
    ASSERT_STATUS(lfrec_train(&model, &options, &unordered, NULL, NULL, NULL), LFREC_ERROR_ORDER);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(model_in_the_callers_memory_is_trained_by_a_trainer_alone)
{
    lfrec_ratings ratings;
    generate(&ratings, 20, 10, 5, 1);
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 10, 2, 0.5f, 5);
    size_t bytes;
    lfrec_model model;
    ASSERT_OK(lfrec_model_size(&options, &bytes));
    void *memory = take(bytes);
    ASSERT_OK(lfrec_model_init(&model, &options, memory, bytes));
    ASSERT_STATUS(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL), LFREC_ERROR_ARGUMENT);
    owned o = trainer_of(&options, &ratings, NULL);
    ASSERT_OK(lfrec_trainer_epoch(&o.t, NULL));
    ASSERT_OK(lfrec_trainer_finish(&o.t, &model));
    ck_assert_mem_eq(model.decoder, o.t.decoder, 10 * model.stride * sizeof(float));
    ck_assert_mem_eq(model.item_mean, o.t.model.item_mean, 10 * sizeof(float));
    free(o.memory);
    free(memory);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(trainer_refuses_what_it_cannot_take)
{
    lfrec_ratings ratings;
    uneven_ratings(&ratings, 6, 10);
    lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 10, 2, 0.5f, 5);
    options.batch = 4;
    owned o = trainer_of(&options, &ratings, NULL);
    const uint32_t beyond[] = {1, 6}, users[] = {1, 2, 3, 4, 5};
    lfrec_trainer unmade;
    lfrec_loss loss;
    lfrec_model model, other;
    lfrec_real error;
    unsigned char memory[8];
    memset(&unmade, 0, sizeof unmade);
    random_model(&model, LFREC_ARTICLE, 10, 2);
    random_model(&other, LFREC_ARTICLE, 10, 3);
    ASSERT_STATUS(lfrec_trainer_gradient(&o.t, beyond, 2, 1, &loss), LFREC_ERROR_RANGE);
    ASSERT_STATUS(lfrec_trainer_gradient(&o.t, users, 5, 1, &loss), LFREC_ERROR_ARGUMENT); /* more than a batch */
    ASSERT_STATUS(lfrec_trainer_gradient(&o.t, NULL, 1, 1, &loss), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_trainer_gradient(&o.t, users, 1, 1, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_trainer_gradient(&unmade, users, 1, 1, &loss), LFREC_ERROR_UNINITIALIZED);
    ASSERT_STATUS(lfrec_trainer_gradient(NULL, users, 1, 1, &loss), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_trainer_epoch(&unmade, NULL), LFREC_ERROR_UNINITIALIZED);
    ASSERT_STATUS(lfrec_trainer_epoch(NULL, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_trainer_finish(&unmade, &model), LFREC_ERROR_UNINITIALIZED);
    ASSERT_STATUS(lfrec_trainer_finish(&o.t, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_trainer_finish(&o.t, &other), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_trainer_error(&o.t, &other, &error), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_trainer_error(&o.t, &model, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_trainer_size(&options, &ratings, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_trainer_init(NULL, &options, &ratings, NULL, memory, 8), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_trainer_init(&unmade, &options, &ratings, NULL, NULL, 8), LFREC_ERROR_ARGUMENT);
    lfrec_model_destroy(&model);
    lfrec_model_destroy(&other);
    free(o.memory);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

/* The longest history, as often as a batch has places, is more entries than all users have together. */
START_TEST(user_named_twice_in_a_batch_is_counted_twice_or_refused)
{
    enum { N = 300 };
    lfrec_rating events[N + 1];
    lfrec_ratings ratings;
    for (uint32_t k = 0; k <= N; k++) {
        const lfrec_rating event = {k < N ? 0 : 1, k % N, 1 + (float)(k % 5)};
        events[k] = event;
    }
    ASSERT_OK(lfrec_ratings_create(&ratings, 2, N, events, N + 1, NULL));
    for (int path = LFREC_PATH_DENSE; path <= LFREC_PATH_SPARSE; path++) {
        lfrec_options options = lfrec_options_for(LFREC_ARTICLE, N, 2, 1, 5);
        const uint32_t twice[] = {0, 0};
        lfrec_loss one, two;
        options.path = (lfrec_path)path;
        owned o = trainer_of(&options, &ratings, NULL);
        ASSERT_OK(lfrec_trainer_gradient(&o.t, twice, 1, 1, &one));
        const lfrec_status status = lfrec_trainer_gradient(&o.t, twice, 2, 1, &two);
        if (status == LFREC_OK) ck_assert_double_eq_tol(two.hidden_error, 2 * one.hidden_error, 1e-6);
        else ck_assert_int_eq(status, LFREC_ERROR_ARGUMENT);
        free(o.memory);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        mask_depends_on_seed_epoch_user_and_place_alone,
        mask_hides_the_share_it_is_asked_for,
        loss_of_four_entries_is_as_computed_by_hand,
        empty_sets_contribute_0_to_loss_and_gradient,
        gradient_of_the_loss_is_its_slope,
        gradient_over_known_entries_is_the_slope_on_the_sparse_path,
        gradient_over_known_entries_is_the_slope_on_the_dense_path,
        gradient_over_all_entries_is_the_slope_on_the_sparse_path,
        gradient_over_all_entries_is_the_slope_on_the_dense_path,
        gradient_of_no_users_is_0,
        masks_do_not_depend_on_the_order_or_the_size_of_a_batch,
        dense_and_sparse_paths_give_the_same_weights,
        rows_that_move_when_they_are_read_are_where_every_batch_would_have_moved_them,
        path_is_chosen_by_density,
        instruction_sets_give_the_same_weights,
        same_seed_gives_the_same_bits_and_another_seed_others,
        trainers_memory_may_start_at_any_address_and_gives_the_same_bits,
        too_little_memory_is_refused_and_not_overrun,
        training_beats_the_means_on_ratings_with_tastes_in_them,
        progress_is_told_every_epoch_and_its_learning_rate,
        best_weights_come_back_however_the_run_ends,
        where_nothing_is_hidden_the_last_weights_are_the_best,
        cancelling_after_the_first_epoch_gives_its_weights,
        one_user_is_left_to_train_on_whatever_is_held_out,
        held_out_users_are_not_trained_on,
        divergence_is_reported_and_leaves_the_model_as_it_was,
        training_allocates_once_what_trainer_size_says_and_gives_it_back,
        trainer_goes_on_from_a_model,
        trainer_goes_on_with_more_items_than_the_model_had,
        model_of_another_shape_is_no_start,
        ratings_that_are_all_the_same_have_no_loss_no_gradient_and_change_nothing,
        item_that_nobody_rated_is_predicted_by_the_means_after_training,
        users_with_one_rating_and_with_none_are_no_harm,
        batches_larger_than_the_users_and_of_one_are_legal,
        nothing_to_train_on_is_refused,
        ratings_options_and_model_that_do_not_fit_are_refused,
        ratings_that_are_out_of_order_are_refused,
        model_in_the_callers_memory_is_trained_by_a_trainer_alone,
        trainer_refuses_what_it_cannot_take,
        user_named_twice_in_a_batch_is_counted_twice_or_refused,
    };
    return run_tests("training", tests, COUNT(tests), 120);
}
