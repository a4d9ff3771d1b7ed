/* The ranking objective against plain loops in double precision: a user, an epoch's half steps, the loss; and what the Bayesian and the
 * ranking setting have in common: the same bits by every instruction set, no byte beside the caller's memory. */
#define LFREC_IMPLEMENTATION
#define LFREC_STATIC
#include "lfrec.h"

#include "support.h"

enum { MOST = 40 };

static const uint32_t sizes[] = {1, 2, 5, 16, 30};

/* x of A x = b, A symmetric and positive definite, n at most MOST, by elimination; A and b are used up. */
static void solve(double A[MOST][MOST], double *b, size_t n)
{
    for (size_t p = 0; p < n; p++) {
        for (size_t i = p + 1; i < n; i++) {
            const double f = A[i][p] / A[p][p];
            for (size_t j = p; j < n; j++) A[i][j] -= f * A[p][j];
            b[i] -= f * b[p];
        }
    }
    for (size_t p = n; p-- > 0;) {
        for (size_t j = p + 1; j < n; j++) b[p] -= A[p][j] * b[j];
        b[p] /= A[p][p];
    }
}

static double target_of(double rating, double low, double high)
{
    static const double stars[] = {0.4, 0.5, 0.7, 0.95, 1.05};
    const double at = 4 * (rating - low) / (high - low);
    const int star = at >= 4 ? 3 : (int)at;
    return stars[star] + (at - star) * (stars[star + 1] - stars[star]);
}

/* The row of X that is best for these targets and rows of F (count x K of `all`, of which `rated` have ratings). */
static void best_row(const float *F, size_t stride, size_t all, size_t rated, size_t K, const uint32_t *index,
                     const double *target, size_t count, const lfrec_options *o, double *x)
{
    double A[MOST][MOST] = {{0}};
    const double a0 = (double)o->loss_weight, lambda = (double)o->weight_decay;
    for (size_t p = 0; p < K; p++) {
        for (size_t q = 0; q < K; q++) {
            for (size_t k = 0; k < all; k++) A[p][q] += a0 * (double)F[k * stride + p] * (double)F[k * stride + q];
            for (size_t k = 0; k < count; k++)
                A[p][q] += (double)F[index[k] * stride + p] * (double)F[index[k] * stride + q];
        }
        A[p][p] += lambda * ((double)count + a0 * (double)rated);
        x[p] = 0;
        for (size_t k = 0; k < count; k++) x[p] += target[k] * (double)F[index[k] * stride + p];
    }
    solve(A, x, K);
}

static lfrec_model trained_model(const lfrec_ratings *ratings, const lfrec_options *options)
{
    lfrec_model model;
    ASSERT_OK(lfrec_model_create(&model, options, NULL));
    ASSERT_OK(lfrec_train(&model, options, ratings, NULL, NULL, NULL));
    return model;
}

START_TEST(user_is_the_least_squares_solution)
{
    enum { USERS = 80, ITEMS = 100 };
    static const size_t counts[] = {0, 1, 3, 64, 90};
    for (size_t s = 0; s < COUNT(sizes); s++) {
        lfrec_ratings ratings;
        generate(&ratings, USERS, ITEMS, 25, 3);
        const lfrec_options options = lfrec_options_for(LFREC_RANKING, ITEMS, sizes[s], 0.5f, 5);
        lfrec_model model = trained_model(&ratings, &options);
        lfrec_user user = user_over(user_room(&model));
        size_t rated = 0;
        for (size_t i = 0; i < ITEMS; i++) rated += model.support[i] > 0;
        for (size_t c = 0; c < COUNT(counts); c++) {
            uint32_t item[ITEMS];
            float value[ITEMS], scores[ITEMS], largest = 0;
            double target[ITEMS], x[MOST];
            const lfrec_history history = history_over(item, value, counts[c], 2, 1);
            for (size_t k = 0; k < counts[c]; k++) target[k] = target_of((double)value[k], 0.5, 5);
            best_row(model.decoder, model.stride, ITEMS, rated, sizes[s], item, target, counts[c], &options, x);
            ASSERT_OK(lfrec_fold_in(&model, &history, &user));
            ASSERT_OK(lfrec_score(&model, &user, 0, ITEMS, scores));
            for (size_t i = 0; i < ITEMS; i++) largest = fmaxf(largest, fabsf(scores[i]));
            for (size_t i = 0; i < ITEMS; i++) {
                double y = 0;
                for (size_t q = 0; q < sizes[s]; q++) y += x[q] * (double)model.decoder[i * model.stride + q];
                HOLDS(fabs((double)scores[i] - y) <= 1e-4 * (double)largest);
            }
        }
        free(user.factors);
        lfrec_model_destroy(&model);
        lfrec_ratings_destroy(&ratings);
    }
}
END_TEST

/* With another lambda than the model had, which its users are encoded by from then on. */
START_TEST(training_goes_on_from_a_model_by_its_own_options)
{
    enum { ITEMS = 50, RATED = 12, K = 5 };
    lfrec_ratings ratings;
    generate(&ratings, 60, ITEMS, 20, 3);
    lfrec_options options = lfrec_options_for(LFREC_RANKING, ITEMS, K, 0.5f, 5);
    lfrec_model model = trained_model(&ratings, &options);
    options.weight_decay *= 50;
    size_t bytes, rated = 0;
    lfrec_trainer t;
    ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
    void *memory = take(bytes);
    ASSERT_OK(lfrec_trainer_init(&t, &options, &ratings, &model, memory, bytes));
    ASSERT_OK(lfrec_trainer_epoch(&t, NULL));
    ASSERT_OK(lfrec_trainer_finish(&t, &model));
    for (size_t i = 0; i < ITEMS; i++) rated += model.support[i] > 0;
    uint32_t item[ITEMS];
    float value[ITEMS];
    double target[RATED], x[MOST];
    const lfrec_history history = history_over(item, value, RATED, 2, 1);
    for (size_t k = 0; k < RATED; k++) target[k] = target_of((double)value[k], 0.5, 5);
    best_row(model.decoder, model.stride, ITEMS, rated, K, item, target, RATED, &options, x);
    lfrec_user user = user_over(user_room(&model));
    ASSERT_OK(lfrec_fold_in(&model, &history, &user));
    for (size_t q = 0; q < K; q++) ck_assert_double_eq_tol((double)user.factors[q], x[q], 1e-3 * fabs(x[q]) + 1e-5);
    free(user.factors);
    free(memory);
    lfrec_model_destroy(&model);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

/* (loss of the manual, mean square error of the targets) of a trainer's two matrices. */
static double loss_of(const lfrec_trainer *t, double *error)
{
    const lfrec_ratings *r = t->ratings;
    const size_t K = t->model.factors, S = t->model.stride;
    const double a0 = (double)t->options.loss_weight, lambda = (double)t->options.weight_decay;
    double loss = 0, users = 0, items = 0;
    *error = 0;
    for (uint32_t u = 0; u < r->users; u++) users += lfrec_history_of(r, u).count > 0;
    for (uint32_t i = 0; i < r->items; i++) items += t->model.support[i] > 0;
    for (uint32_t u = 0; u < r->users; u++) {
        const lfrec_history history = lfrec_history_of(r, u);
        for (uint32_t i = 0, k = 0; i < r->items; i++) {
            double y = 0;
            for (size_t q = 0; q < K; q++) y += (double)t->user_factors[u * S + q] * (double)t->decoder[i * S + q];
            loss += a0 * y * y;
            if (k < history.count && history.item[k] == i)
                *error += pow(target_of((double)history.value[k++], 0.5, 5) - y, 2);
        }
        for (size_t q = 0; q < K; q++) {
            loss += lambda * ((double)history.count + a0 * items) * pow((double)t->user_factors[u * S + q], 2);
        }
    }
    for (uint32_t i = 0; i < r->items; i++) {
        for (size_t q = 0; q < K; q++)
            loss += lambda * (t->model.support[i] + a0 * users) * pow((double)t->decoder[i * S + q], 2);
    }
    loss += *error;
    *error /= (double)r->row_start[r->users];
    return loss;
}

START_TEST(every_epoch_lowers_the_loss_and_its_items_are_least_squares_solutions)
{
    enum { USERS = 70, ITEMS = 50 };
    for (size_t s = 0; s < COUNT(sizes); s++) {
        lfrec_ratings ratings;
        generate(&ratings, USERS, ITEMS, 15, 3);
        const lfrec_options options = lfrec_options_for(LFREC_RANKING, ITEMS, sizes[s], 0.5f, 5);
        size_t bytes;
        lfrec_trainer t;
        double last = INFINITY, error;
        ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
        void *memory = take(bytes);
        ASSERT_OK(lfrec_trainer_init(&t, &options, &ratings, NULL, memory, bytes));
        for (uint32_t e = 0; e < options.epochs; e++) {
            lfrec_epoch epoch;
            ASSERT_OK(lfrec_trainer_epoch(&t, &epoch));
            const double loss = loss_of(&t, &error);
            ck_assert_msg(loss < last, "%u factors, epoch %u: %g after %g", sizes[s], e, loss, last);
            ck_assert_msg(fabs((double)epoch.loss - error) < 1e-4 * error, "%g is said, %g is so", (double)epoch.loss, error);
            last = loss;
        }
        for (uint32_t i = 0; i < ITEMS; i++) {
            double target[USERS], x[MOST], size = 0, off = 0;
            uint32_t rater[USERS];
            size_t count = 0;
            for (uint32_t u = 0; u < USERS; u++) {
                const lfrec_history history = lfrec_history_of(&ratings, u);
                for (size_t k = 0; k < history.count; k++) {
                    if (history.item[k] != i) continue;
                    rater[count] = u;
                    target[count++] = target_of((double)history.value[k], 0.5, 5);
                }
            }
            best_row(t.user_factors, t.model.stride, USERS, t.training_users, sizes[s], rater, target, count, &options, x);
            for (size_t q = 0; q < sizes[s]; q++) {
                size += x[q] * x[q];
                off += pow(x[q] - (double)t.decoder[i * t.model.stride + q], 2);
            }
            ck_assert_msg(off <= 1e-3 * size, "item %u is off by %g of %g", i, sqrt(off), sqrt(size));
        }
        free(memory);
        lfrec_ratings_destroy(&ratings);
    }
}
END_TEST

static void assert_all_explained(const lfrec_model *model, lfrec_user *user, const lfrec_history *history)
{
    ASSERT_OK(lfrec_fold_in(model, history, user));
    for (uint32_t i = 0; i < model->items; i++) assert_explained(model, user, history, i, 1e-4f);
}

START_TEST(explanation_adds_up_to_the_score)
{
    enum { ITEMS = 60 };
    for (size_t s = 0; s < COUNT(sizes); s++) {
        lfrec_ratings ratings;
        generate(&ratings, 50, ITEMS, 20, 3);
        const lfrec_options options = lfrec_options_for(LFREC_RANKING, ITEMS, sizes[s], 0.5f, 5);
        lfrec_model model = trained_model(&ratings, &options);
        lfrec_user user = user_over(user_room(&model));
        const lfrec_history history = lfrec_history_of(&ratings, 3);
        assert_all_explained(&model, &user, &history);
        free(user.factors);
        lfrec_model_destroy(&model);
        lfrec_ratings_destroy(&ratings);
    }
}
END_TEST

/* So much regularization that every epoch makes the weights smaller, until their squares are less than the least float: K = 1 came to
 * 0 / 0 there, and trainings were said to diverge. */
START_TEST(weights_that_vanish_stay_numbers)
{
    enum { USERS = 30, ITEMS = 20 };
    static const float decays[] = {1.5f, 4.3f, 7.3f, 20.0f};
    lfrec_ratings ratings;
    generate(&ratings, USERS, ITEMS, 8, 3);
    for (size_t d = 0; d < COUNT(decays); d++) {
        for (uint32_t epochs = 1; epochs < 40; epochs += 3) {
            lfrec_options options = lfrec_options_for(LFREC_RANKING, ITEMS, 1, 0.5f, 5);
            options.weight_decay = decays[d];
            options.loss_weight = 0.02f;
            options.epochs = epochs;
            lfrec_model model = trained_model(&ratings, &options);
            lfrec_user user = user_over(user_room(&model));
            for (uint32_t u = 0; u < USERS; u++) {
                const lfrec_history history = lfrec_history_of(&ratings, u);
                assert_all_explained(&model, &user, &history);
            }
            free(user.factors);
            lfrec_model_destroy(&model);
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(scores_are_no_ratings)
{
    lfrec_ratings ratings;
    lfrec_errors errors;
    lfrec_query query = lfrec_query_for(3, NULL);
    lfrec_scored list[3];
    size_t found = 0;
    float rating = 7;
    generate(&ratings, 50, 20, 8, 2);
    const lfrec_options options = lfrec_options_for(LFREC_RANKING, 20, 4, 0.5f, 5);
    lfrec_model model = trained_model(&ratings, &options);
    lfrec_user user = user_over(user_room(&model));
    const lfrec_history history = lfrec_history_of(&ratings, 0);
    ASSERT_OK(lfrec_fold_in(&model, &history, &user));
    ASSERT_STATUS(lfrec_predict(&model, &user, 0, &rating), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_deviation(&model, &user, 0, &rating), LFREC_ERROR_ARGUMENT);
    ck_assert_float_eq(rating, 7);
    ASSERT_STATUS(lfrec_evaluate(&model, &ratings, &ratings, user.factors, &errors), LFREC_ERROR_ARGUMENT);
    ASSERT_OK(lfrec_top(&model, &user, &query, list, &found));
    for (size_t k = 0; k < found; k++) {
        float score;
        ASSERT_OK(lfrec_score(&model, &user, list[k].item, 1, &score));
        ck_assert_float_eq(list[k].score, score);
    }
    free(user.factors);
    lfrec_model_destroy(&model);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

/* Measured on generated ratings of 3,700, 30,000 and 100,000 items, where 0.01, 0.006 and 0.003 are best, and 0.01 ends at 0. */
START_TEST(large_catalogs_are_regularized_less)
{
    const float few = lfrec_options_for(LFREC_RANKING, 3700, 64, 1, 5).weight_decay;
    const float some = lfrec_options_for(LFREC_RANKING, 30000, 64, 1, 5).weight_decay;
    const float many = lfrec_options_for(LFREC_RANKING, 100000, 64, 1, 5).weight_decay;
    ck_assert_float_eq_tol(few, 0.01f, 1e-9f);
    ck_assert_float_eq_tol(some, 0.0058f, 1e-4f);
    ck_assert_float_eq_tol(many, 0.0032f, 1e-4f);
}
END_TEST

/* ---- of both settings that solve for a user ---- */

typedef struct {
    lfrec_setting setting;
    float step;
} variant;

static const variant variants[] = {{LFREC_BAYES, 0}, {LFREC_BAYES, 0.5f}, {LFREC_RANKING, 0}};

static lfrec_options options_of(const variant *v, uint32_t items, uint32_t factors)
{
    lfrec_options options = lfrec_options_for(v->setting, items, factors, 0.5f, 5);
    options.step = v->step;
    options.epochs = 3;
    return options;
}

/* Of the model that comes of it, saved; freed by free. */
static unsigned char *trained_file(const lfrec_ratings *ratings, const lfrec_options *options, size_t *bytes)
{
    lfrec_model model = trained_model(ratings, options);
    size_t written;
    ASSERT_OK(lfrec_save_size(&model, bytes));
    unsigned char *file = take(*bytes);
    ASSERT_OK(lfrec_save_buffer(&model, file, *bytes, &written));
    lfrec_model_destroy(&model);
    return file;
}

START_TEST(instruction_sets_give_the_same_bits)
{
    static const lfrec_isa isas[] = {LFREC_ISA_AVX2, LFREC_ISA_AVX512, LFREC_ISA_NEON, LFREC_ISA_AUTO};
    static const uint32_t factors[] = {3, 14, 16, 30, 62, 64};
    lfrec_ratings ratings;
    generate(&ratings, BY_SPEED(120, 40), 90, 30, 3);
    for (size_t v = 0; v < COUNT(variants); v++) {
        for (size_t f = 0; f < BY_SPEED(COUNT(factors), 3); f++) {
            lfrec_options options = options_of(&variants[v], 90, factors[f]);
            size_t bytes, other_bytes;
            options.isa = LFREC_ISA_PORTABLE;
            unsigned char *file = trained_file(&ratings, &options, &bytes);
            for (size_t i = 0; i < COUNT(isas); i++) {
                options.isa = isas[i];
                unsigned char *other = trained_file(&ratings, &options, &other_bytes);
                ck_assert_uint_eq(bytes, other_bytes);
                ck_assert_msg(memcmp(file, other, bytes) == 0, "variant %zu, %u factors: %s gives others", v,
                              factors[f], lfrec_isa_string(isas[i]));
                free(other);
            }
            free(file);
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

/* The plain loops, which short rows and LFREC_NO_SIMD take, against the vectors. */
START_TEST(plain_loops_give_the_bits_of_the_vectors)
{
    enum { S = 48, N = 21, ROWS = 30 };
    static const lfrec__rows plain = LFREC__ROWS_TABLE(plain);
    const lfrec__rows *const fast = lfrec__rows_for(S, LFREC_ISA_AUTO);
    uint32_t item[N];
    float F[ROWS * S], t[N], M[S * S], other[S * S], Y[N * S], other_Y[N * S];
    for (size_t k = 0; k < N; k++) {
        item[k] = draw_below(ROWS);
        t[k] = draw_float();
    }
    for (size_t k = 0; k < ROWS * S; k++) F[k] = draw_float();
    for (size_t k = 0; k < S * S; k++) M[k] = other[k] = draw_float();
    plain.apply(S, N, item, F, M, Y);
    fast->apply(S, N, item, F, M, other_Y);
    ck_assert_mem_eq(Y, other_Y, sizeof Y);
    plain.outer(S, N, item, t, F, M);
    fast->outer(S, N, item, t, F, other);
    for (size_t q = 0; q < S; q++) ck_assert_mem_eq(M + q * S, other + q * S, (q + 1) * sizeof(float));
}
END_TEST

START_TEST(training_stays_in_memory_of_the_size_that_is_told)
{
    static const uint32_t factors[] = {1, 2, 5, 14, 16};
    lfrec_ratings ratings;
    generate(&ratings, 30, 20, 8, 2);
    for (size_t v = 0; v < COUNT(variants); v++) {
        for (size_t f = 0; f < COUNT(factors); f++) {
            const lfrec_options options = options_of(&variants[v], 20, factors[f]);
            for (size_t shift = 0; shift < 20; shift += 7) {
                size_t bytes;
                lfrec_trainer t;
                ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
                bordered b = border(bytes, shift);
                ASSERT_STATUS(lfrec_trainer_init(&t, &options, &ratings, NULL, b.at, bytes - 2 * BORDER), LFREC_ERROR_MEMORY);
                ASSERT_OK(lfrec_trainer_init(&t, &options, &ratings, NULL, b.at, bytes));
                for (int e = 0; e < 2; e++) ASSERT_OK(lfrec_trainer_epoch(&t, NULL));
                lfrec_model model;
                size_t model_bytes;
                ASSERT_OK(lfrec_model_size(&options, &model_bytes));
                bordered m = border(model_bytes, shift);
                ASSERT_OK(lfrec_model_init(&model, &options, m.at, model_bytes));
                ASSERT_OK(lfrec_trainer_finish(&t, &model));
                bordered room = border(lfrec_user_floats(&model) * sizeof(float), 0);
                lfrec_user user = user_over((float *)(void *)room.at);
                const lfrec_history history = lfrec_history_of(&ratings, 4);
                lfrec_reason reasons[3];
                lfrec_explanation why = {reasons, 3, 0, 0};
                ASSERT_OK(lfrec_fold_in(&model, &history, &user));
                ASSERT_OK(lfrec_explain(&model, &user, &history, 1, &why));
                border_free(&room);
                border_free(&m);
                border_free(&b);
            }
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        user_is_the_least_squares_solution,
        every_epoch_lowers_the_loss_and_its_items_are_least_squares_solutions,
        explanation_adds_up_to_the_score,
        weights_that_vanish_stay_numbers,
        scores_are_no_ratings,
        large_catalogs_are_regularized_less,
        instruction_sets_give_the_same_bits,
        plain_loops_give_the_bits_of_the_vectors,
        training_stays_in_memory_of_the_size_that_is_told,
        training_goes_on_from_a_model_by_its_own_options,
    };
    return run_tests("ranking", tests, COUNT(tests), 120);
}
