/* Folding in, scores, lists, explanations, distances. */
#define LFREC_IMPLEMENTATION
#define LFREC_STATIC
#include "lfrec.h"

#include "support.h"

#include <pthread.h>

enum { ITEMS = 40, K_MAX = 40 };

static const uint32_t sizes[] = {1, 3, 8, 9, 25, 32}; /* factors: every kind of stride */

/* ---- the formulas of the manual in double precision ---- */

typedef struct {
    double mean, h[K_MAX];
} known_user;

static known_user defined_user(const lfrec_model *m, const lfrec_history *history)
{
    known_user u;
    memset(&u, 0, sizeof u);
    const double n = (double)history->count, scale = m->scale_input && n > 0 ? 1 / sqrt(n) : 1;
    for (size_t k = 0; k < history->count; k++)
        u.mean += (double)history->value[k] - (double)m->item_mean[history->item[k]];
    u.mean = n > 0 ? u.mean / (n + (double)m->user_shrink) : 0;
    for (size_t k = 0; k < history->count; k++) {
        const size_t row = history->item[k] * m->stride;
        const double p = (double)history->value[k] - (double)m->item_mean[history->item[k]] - u.mean;
        for (size_t q = 0; q < m->factors; q++)
            u.h[q] += scale * (p * (double)m->encoder[row + q] + (m->implicit ? (double)m->implicit[row + q] : 0));
    }
    return u;
}

static double defined_score(const lfrec_model *m, const known_user *u, uint32_t item)
{
    double score = (double)m->item_mean[item] + u->mean + (m->offset ? (double)m->offset[item] : 0);
    for (size_t q = 0; q < m->factors; q++) score += (double)m->decoder[item * m->stride + q] * u->h[q];
    return score;
}

static double clamped(const lfrec_model *m, double score)
{
    return fmin(fmax(score, (double)m->scale_min), (double)m->scale_max);
}

/* A model, a user with `rated` ratings, and that user folded in. */
typedef struct {
    lfrec_model model;
    uint32_t item[ITEMS];
    float value[ITEMS];
    float factors[USER_ROOM(K_MAX)];
    lfrec_history history;
    lfrec_user user;
} fixture;

static void fixture_make(fixture *f, lfrec_setting setting, uint32_t factors, size_t rated)
{
    random_model(&f->model, setting, ITEMS, factors);
    f->history = history_over(f->item, f->value, rated, 2, 3);
    f->user = user_over(f->factors);
    ASSERT_OK(lfrec_fold_in(&f->model, &f->history, &f->user));
}

START_TEST(fold_in_and_scores_follow_the_formula)
{
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (size_t k = 0; k < COUNT(sizes); k++) {
            for (size_t rated = 0; rated <= 12; rated += 4) {
                for (int scaled = 0; scaled < 2; scaled++) {
                    fixture f;
                    float scores[ITEMS], rating;
                    fixture_make(&f, settings[s], sizes[k], rated);
                    f.model.scale_input = scaled;
                    ASSERT_OK(lfrec_fold_in(&f.model, &f.history, &f.user));
                    const known_user u = defined_user(&f.model, &f.history);
                    ck_assert_uint_eq(f.user.rated, rated);
                    ck_assert_double_eq_tol(f.user.mean, u.mean, 1e-5);
                    for (size_t q = 0; q < sizes[k]; q++) HOLDS(fabs((double)f.factors[q] - u.h[q]) < 1e-4);
                    for (size_t q = sizes[k]; q < f.model.stride; q++) HOLDS(f.factors[q] == 0);
                    ASSERT_OK(lfrec_score(&f.model, &f.user, 0, ITEMS, scores));
                    for (uint32_t i = 0; i < ITEMS; i++) {
                        const double score = defined_score(&f.model, &u, i);
                        HOLDS(fabs((double)scores[i] - score) < 1e-4);
                        ASSERT_OK(lfrec_predict(&f.model, &f.user, i, &rating));
                        HOLDS(fabs((double)rating - clamped(&f.model, score)) < 1e-4);
                    }
                    lfrec_model_destroy(&f.model);
                }
            }
        }
    }
}
END_TEST

START_TEST(histories_longer_than_a_block_are_folded_in_whole)
{
    enum { MANY = 1000 };
    uint32_t item[MANY];
    float value[MANY], factors[USER_ROOM(9)];
    static const size_t counts[] = {63, 64, 65, 127, 128, 129, MANY};
    for (size_t s = 0; s < COUNT(settings); s++) {
        lfrec_model model;
        random_model(&model, settings[s], MANY, 9);
        for (size_t c = 0; c < COUNT(counts); c++) {
            const lfrec_history history = history_over(item, value, counts[c], 0, 1);
            lfrec_user user = user_over(factors);
            ASSERT_OK(lfrec_fold_in(&model, &history, &user));
            const known_user u = defined_user(&model, &history);
            for (size_t q = 0; q < 9; q++) ck_assert_double_eq_tol(factors[q], u.h[q], 1e-3);
        }
        lfrec_model_destroy(&model);
    }
}
END_TEST

START_TEST(scores_of_a_part_are_the_scores_of_the_whole)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        fixture f;
        float all[ITEMS], some[ITEMS];
        fixture_make(&f, all_settings[s], 9, 5);
        ASSERT_OK(lfrec_score(&f.model, &f.user, 0, ITEMS, all));
        for (uint32_t first = 0; first <= ITEMS; first++) {
            for (uint32_t count = 0; first + count <= ITEMS; count++) {
                ASSERT_OK(lfrec_score(&f.model, &f.user, first, count, some));
                HOLDS(memcmp(some, all + first, count * sizeof *some) == 0);
            }
        }
        ASSERT_STATUS(lfrec_score(&f.model, &f.user, 0, ITEMS + 1, some), LFREC_ERROR_RANGE);
        ASSERT_STATUS(lfrec_score(&f.model, &f.user, ITEMS, 1, some), LFREC_ERROR_RANGE);
        ASSERT_STATUS(lfrec_score(&f.model, &f.user, ITEMS + 1, 0, some), LFREC_ERROR_RANGE);
        ASSERT_STATUS(lfrec_score(&f.model, &f.user, UINT32_MAX, 2, some), LFREC_ERROR_RANGE);
        ASSERT_STATUS(lfrec_predict(&f.model, &f.user, ITEMS, some), LFREC_ERROR_RANGE);
        lfrec_model_destroy(&f.model);
    }
}
END_TEST

/* After training, as real weights are: a user without a history, an item without ratings. */
/* Rows are taken one by one and by as many as a vector has lanes; every instruction set adds in one order. */
START_TEST(dot_products_are_the_same_bits_on_every_instruction_set)
{
    enum { ROWS = 40, WIDEST = 96 };
    static const lfrec_isa sets[] = {LFREC_ISA_PORTABLE, LFREC_ISA_AVX2, LFREC_ISA_AVX512, LFREC_ISA_AUTO};
    float rows[ROWS * WIDEST], h[WIDEST], right[ROWS], y[ROWS + 1];
    uint32_t item[ROWS];
    for (size_t k = 0; k < COUNT(rows); k++) rows[k] = draw_float();
    for (size_t k = 0; k < WIDEST; k++) h[k] = draw_float();
    for (size_t k = 0; k < ROWS; k++) item[k] = draw_below(ROWS);
    for (size_t S = 16; S <= WIDEST; S += 16) {
        for (size_t n = 0; n <= ROWS; n++) {
            for (size_t k = 0; k < COUNT(sets); k++) {
                for (int in_order = 0; in_order < 2; in_order++) {
                    y[n] = 77;
                    lfrec__decode_plain(S, n, in_order ? NULL : item, rows, h, right);
                    lfrec__rows_for(S, sets[k])->decode(S, n, in_order ? NULL : item, rows, h, y);
                    HOLDS(memcmp(y, right, n * sizeof *y) == 0 && y[n] == 77);
                }
            }
        }
    }
}
END_TEST

START_TEST(unknown_users_and_items_are_predicted_by_the_means)
{
    for (size_t s = 0; s < COUNT(settings); s++) {
        lfrec_ratings ratings;
        generate(&ratings, 50, 20, 8, 2);
        const lfrec_ratings wider = {ratings.users, 21,   ratings.row_start, ratings.item,
                                     ratings.value, NULL, {NULL, NULL, NULL}};
        lfrec_options options = lfrec_options_for(settings[s], 21, 4, 0.5f, 5);
        float factors[USER_ROOM(4)], rating;
        lfrec_user user = user_over(factors);
        const lfrec_history nothing = {NULL, NULL, 0}, known = lfrec_history_of(&ratings, 0);
        lfrec_model model;
        options.epochs = 5;
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        ASSERT_OK(lfrec_train(&model, &options, &wider, NULL, NULL, NULL));
        ASSERT_OK(lfrec_fold_in(&model, &nothing, &user));
        ck_assert_float_eq(user.mean, 0);
        for (uint32_t i = 0; i < 21; i++) {
            const float offset = model.offset ? model.offset[i] : 0;
            ASSERT_OK(lfrec_predict(&model, &user, i, &rating));
            ck_assert_float_eq_tol(rating, (float)clamped(&model, (double)(model.item_mean[i] + offset)), 1e-6f);
        }
        ck_assert_float_eq_tol(rating, model.mean, 1e-6f); /* neither is known */
        ASSERT_OK(lfrec_fold_in(&model, &known, &user));
        ASSERT_OK(lfrec_predict(&model, &user, 20, &rating));
        ck_assert_float_eq_tol(rating, (float)clamped(&model, (double)(model.mean + user.mean)), 1e-6f);
        lfrec_model_destroy(&model);
        lfrec_ratings_destroy(&ratings);
    }
}
END_TEST

START_TEST(predictions_stay_on_the_scale)
{
    for (size_t s = 0; s < COUNT(settings); s++) {
        fixture f;
        float rating;
        int low = 0, high = 0;
        fixture_make(&f, settings[s], 8, 10);
        fill(f.model.decoder, ITEMS, 8, f.model.stride, 50);
        for (uint32_t i = 0; i < ITEMS; i++) {
            ASSERT_OK(lfrec_predict(&f.model, &f.user, i, &rating));
            ck_assert(rating >= 0.5f && rating <= 5);
            low += rating == 0.5f;
            high += rating == 5;
        }
        ck_assert_int_gt(low, 0);
        ck_assert_int_gt(high, 0);
        writable(f.model.decoder)[0] = NAN;
        ASSERT_OK(lfrec_predict(&f.model, &f.user, 0, &rating));
        ck_assert(rating >= 0.5f && rating <= 5);
        lfrec_model_destroy(&f.model);
    }
}
END_TEST

/* ---- lists ---- */

static void support_of_all(lfrec_model *m, uint32_t support)
{
    for (uint32_t i = 0; i < m->items; i++) ((uint32_t *)(uintptr_t)m->support)[i] = support;
}

START_TEST(list_has_exactly_the_items_that_are_left)
{
    static const struct {
        uint32_t asked, right;
    } cases[] = {{0, 0}, {1, 1}, {10, 10}, {27, 27}, {28, 28}, {29, 28}, {100, 28}};
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        fixture f;
        unsigned char refused[ITEMS] = {0};
        lfrec_scored longest[100], list[100];
        size_t found;
        fixture_make(&f, all_settings[s], 9, 5);
        support_of_all(&f.model, 10);
        for (uint32_t k = 0; k < 7; k++) refused[3 * k + 1] = 1; /* none of the rated: 2, 5, 8, ... */
        lfrec_query query = lfrec_query_for(28, &f.history);
        query.filter = not_in;
        query.filter_context = refused;
        ASSERT_OK(lfrec_top(&f.model, &f.user, &query, longest, &found));
        ck_assert_uint_eq(found, 28);
        for (size_t c = 0; c < COUNT(cases); c++) {
            unsigned char listed[ITEMS] = {0};
            memset(list, 0x5a, sizeof list);
            const lfrec_scored untouched = list[99];
            query.count = cases[c].asked;
            ASSERT_OK(lfrec_top(&f.model, &f.user, &query, list, &found));
            ck_assert_uint_eq(found, cases[c].right);
            ck_assert_mem_eq(list, longest, found * sizeof *list);
            for (size_t k = 0; k < found; k++) {
                ck_assert_uint_lt(list[k].item, ITEMS);
                ck_assert_uint_eq(refused[list[k].item], 0);
                ck_assert_uint_eq(listed[list[k].item]++, 0);
                for (size_t j = 0; j < f.history.count; j++) ck_assert_uint_ne(list[k].item, f.history.item[j]);
            }
            for (size_t k = found; k < 100; k++) ck_assert_mem_eq(&list[k], &untouched, sizeof untouched);
        }
        ck_assert_uint_eq(lfrec_top(&f.model, &f.user, &query, NULL, &found), LFREC_ERROR_ARGUMENT);
        query.count = 0;
        ASSERT_OK(lfrec_top(&f.model, &f.user, &query, NULL, &found));
        ck_assert_uint_eq(found, 0);
        lfrec_model_destroy(&f.model);
    }
}
END_TEST

/* Every query against a sort of everything that may be listed. */
START_TEST(list_is_the_sorted_scores_of_what_may_be_listed)
{
    enum { MANY = 300, ROUNDS = BY_SPEED(400, 40) };
    uint32_t item[MANY], candidates[MANY];
    float value[MANY], scores[MANY], factors[USER_ROOM(5)];
    unsigned char refused[MANY], may[MANY];
    lfrec_scored list[MANY + 1];
    lfrec_model model;
    for (int round = 0; round < ROUNDS; round++) {
        random_model(&model, all_settings[round % 2], MANY, 5);
        if (round % 4 >= 2) { /* many ties */
            fill(model.decoder, MANY, 5, model.stride, 0);
            for (uint32_t i = 0; i < MANY; i++) {
                writable(model.item_mean)[i] = (float)draw_below(4) + 0.5f;
                if (model.offset) writable(model.offset)[i] = 0;
            }
        }
        const lfrec_history history = history_over(item, value, draw_below(60), draw_below(5), 1 + draw_below(4));
        lfrec_user user = user_over(factors);
        size_t found, right = 0, count = 0;
        lfrec_query query = lfrec_query_for(draw_below(MANY + 1), draw_below(2) ? &history : NULL);
        query.min_support = draw_below(30);
        ASSERT_OK(lfrec_fold_in(&model, &history, &user));
        ASSERT_OK(lfrec_score(&model, &user, 0, MANY, scores));
        memset(may, 1, sizeof may);
        if (draw_below(2)) {
            memset(may, 0, sizeof may);
            for (uint32_t i = 0; i < MANY; i++) {
                if (draw_below(2)) candidates[count++] = i, may[i] = 1;
            }
            for (size_t k = count; k > 1; k--) {
                const uint32_t other = draw_below((uint32_t)k), moved = candidates[k - 1];
                candidates[k - 1] = candidates[other];
                candidates[other] = moved;
            }
            query.candidates = candidates;
            query.candidate_count = count;
        }
        if (draw_below(2)) {
            for (uint32_t i = 0; i < MANY; i++) refused[i] = (unsigned char)draw_below(2);
            query.filter = not_in;
            query.filter_context = refused;
        }
        for (uint32_t i = 0; i < MANY; i++)
            may[i] = may[i] && model.support[i] >= query.min_support && !(query.filter && refused[i]);
        for (size_t k = 0; query.exclude && k < history.count; k++) may[history.item[k]] = 0;
        for (uint32_t i = 0; i < MANY; i++) right += may[i];
        if (right > query.count) right = query.count;
        ASSERT_OK(lfrec_top(&model, &user, &query, list, &found));
        HOLDS(found == right);
        for (size_t k = 0; k < found; k++) {
            uint32_t best = MANY;
            for (uint32_t i = 0; i < MANY; i++) {
                if (may[i] && (best == MANY || scores[i] > scores[best])) best = i;
            }
            HOLDS(list[k].item == best);
            HOLDS(list[k].score == (float)clamped(&model, (double)scores[best]));
            may[best] = 0;
        }
        lfrec_model_destroy(&model);
    }
}
END_TEST

/* Each listing is what lfrec_top makes of it. */
static void assert_as_alone(const lfrec_model *model, const lfrec_listing *listing, size_t count)
{
    for (size_t u = 0; u < count; u++) {
        lfrec_scored *alone = take(listing[u].query->count * sizeof *alone);
        size_t found;
        ASSERT_OK(lfrec_top(model, listing[u].user, listing[u].query, alone, &found));
        ck_assert_uint_eq(listing[u].found, found);
        ck_assert_mem_eq(listing[u].list, alone, found * sizeof *alone);
        free(alone);
    }
}

/* Every kind of query among the listings, lists of 0 to all items, scores that are no numbers. */
START_TEST(lists_of_many_are_the_lists_of_each)
{
    enum { MANY = 150, USERS = 70 };
    static const size_t counts[] = {0, 1, 2, USERS};
    static uint32_t item[USERS][MANY];
    static float value[USERS][MANY];
    float *factors[USERS]; /* on the heap, so that a sanitizer sees what is read behind them */
    static lfrec_scored list[USERS][MANY];
    static const uint32_t candidates[] = {149, 3, 64, 63, 7, 100, 0};
    unsigned char refused[MANY];
    for (uint32_t i = 0; i < MANY; i++) refused[i] = (unsigned char)draw_below(2);
    for (size_t round = 0; round < 3 * COUNT(all_settings) * COUNT(counts); round++) {
        const size_t count = counts[round / COUNT(all_settings) % COUNT(counts)];
        const uint32_t sizes_here[] = {3, 9, 25};
        lfrec_model model;
        lfrec_history history[USERS];
        lfrec_user user[USERS];
        lfrec_query query[USERS];
        lfrec_listing listing[USERS];
        random_model(&model, all_settings[round % COUNT(all_settings)], MANY, sizes_here[round % 3]);
        for (size_t u = 0; u < count; u++) {
            history[u] = history_over(item[u], value[u], draw_below(40), draw_below(5), 1 + draw_below(3));
            factors[u] = take(lfrec_user_floats(&model) * sizeof(float));
            user[u] = user_over(factors[u]);
            ASSERT_OK(lfrec_fold_in(&model, &history[u], &user[u]));
            query[u] =
                lfrec_query_for(draw_below(3) ? draw_below(20) : draw_below(MANY + 1), draw_below(4) ? &history[u] : NULL);
            query[u].min_support = draw_below(20);
            if (draw_below(4) == 0) query[u].candidates = candidates, query[u].candidate_count = COUNT(candidates);
            if (draw_below(4) == 0) query[u].filter = not_in, query[u].filter_context = refused;
            listing[u] = (lfrec_listing){.user = &user[u], .query = &query[u], .list = list[u], .found = 77, .excluded = 77};
        }
        if (round % 5 == 0) {
            for (uint32_t i = 0; i < MANY; i += 3) writable(model.decoder)[i * model.stride] = i % 2 ? NAN : INFINITY;
        }
        ASSERT_OK(lfrec_top_many(&model, listing, count));
        assert_as_alone(&model, listing, count);
        for (size_t u = 0; u < count; u++) free(factors[u]);
        lfrec_model_destroy(&model);
    }
}
END_TEST

/* Which of many items are in a list is decided by the last bits of their scores, or by their numbers. */
START_TEST(lists_of_many_are_exact_where_scores_are_nearly_equal)
{
    enum { MANY = BY_SPEED(17001, 8601), USERS = 21, LIST = 32, RATED = 100 };
    enum { EQUAL, NEARLY_EQUAL, SOME_NEARLY_EQUAL, NO_NUMBERS_FIRST, FALLING, RISING, FEW, BEST_RATED, KINDS };
    static uint32_t item[USERS][RATED];
    static float value[USERS][RATED], factors[USERS][USER_ROOM(100)];
    static lfrec_scored list[USERS][LIST];
    static unsigned char refused[MANY];
    for (size_t i = 0; i < RATED; i++) refused[i] = 1;
    for (int kind = 0; kind < KINDS * 2; kind++) {
        const uint32_t K = kind < KINDS ? 25 : 100; /* more than the product takes at a time */
        const size_t count = (kind + kind / KINDS) % 2 ? USERS : USERS / 3 * 2; /* in more lanes, or fewer */
        lfrec_model model;
        lfrec_history history[USERS];
        lfrec_user user[USERS];
        lfrec_query query[USERS];
        lfrec_listing listing[USERS];
        random_model(&model, kind % 3 == 2 ? LFREC_RANKING : LFREC_SGD, MANY, K);
        for (size_t u = 0; u < USERS; u++) {
            const int best_rated = kind % KINDS == BEST_RATED; /* or refused by a filter */
            history[u] = best_rated ? history_over(item[u], value[u], 20 + 4 * u, 0, 1)
                                    : history_over(item[u], value[u], 9, (uint32_t)u, 700);
            user[u] = user_over(factors[u]);
            ASSERT_OK(lfrec_fold_in(&model, &history[u], &user[u]));
            if (best_rated) factors[u][0] = fabsf(factors[u][0]);
            query[u] = lfrec_query_for(u < 2 ? LIST : 1 + draw_below(LIST), u == 0 || draw_below(4) ? &history[u] : NULL);
            query[u].min_support = kind % KINDS == FEW;
            if (best_rated && u % 2)
                query[u].exclude = NULL, query[u].filter = not_in, query[u].filter_context = refused;
            listing[u] = (lfrec_listing){.user = &user[u], .query = &query[u], .list = list[u]};
        }
        for (uint32_t i = 0; i < MANY; i++) {
            float *row = writable(model.decoder) + i * model.stride;
            const uint32_t like = kind % KINDS == SOME_NEARLY_EQUAL ? i % 50 : 0;
            const float noise = kind % KINDS == EQUAL ? 0 : 1e-7f;
            writable(model.item_mean)[i] = 3;
            if (kind == NEARLY_EQUAL && i == like) row[0] = row[1] = 1e5f; /* rounds far */
            if (model.offset) writable(model.offset)[i] = 0;
            for (uint32_t q = 0; q < K && kind % KINDS < NO_NUMBERS_FIRST; q++) {
                row[q] = (i == like ? row[q] : model.decoder[like * model.stride + q]) * (1 + noise * draw_float());
            }
            if (kind % KINDS == NO_NUMBERS_FIRST && i < 8192) row[0] = NAN;
            if (kind % KINDS == FALLING || kind % KINDS == BEST_RATED) row[0] = 1e6f / (1 + (float)i);
            if (kind % KINDS == RISING) row[0] = (float)i;
            if (kind % KINDS == FEW)
                ((uint32_t *)(uintptr_t)model.support)[i] = i % 700 == 0; /* user 0 has rated nine of them */
        }
        ASSERT_OK(lfrec_top_many(&model, listing, count));
        assert_as_alone(&model, listing, count);
        lfrec_model_destroy(&model);
    }
}
END_TEST

START_TEST(one_bad_listing_among_many_is_refused_and_no_list_is_written)
{
    fixture f;
    const uint32_t beyond[] = {3, ITEMS};
    const float values[] = {1, 2};
    const lfrec_history outside = {beyond, values, 2};
    lfrec_scored list[2][4];
    fixture_make(&f, LFREC_SGD, 3, 4);
    const lfrec_query good = lfrec_query_for(4, &f.history), bad = lfrec_query_for(4, &outside);
    lfrec_listing listing[] = {{.user = &f.user, .query = &good, .list = list[0]},
                               {.user = &f.user, .query = &bad, .list = list[1]}};
    memset(list, 0x5a, sizeof list);
    const lfrec_scored untouched = list[0][0];
    ASSERT_STATUS(lfrec_top_many(&f.model, listing, 2), LFREC_ERROR_RANGE);
    listing[1].query = NULL;
    ASSERT_STATUS(lfrec_top_many(&f.model, listing, 2), LFREC_ERROR_ARGUMENT);
    listing[1].query = &good;
    listing[1].list = NULL;
    ASSERT_STATUS(lfrec_top_many(&f.model, listing, 2), LFREC_ERROR_ARGUMENT);
    listing[1].list = list[1];
    listing[1].user = NULL;
    ASSERT_STATUS(lfrec_top_many(&f.model, listing, 2), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_top_many(&f.model, NULL, 2), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_top_many(NULL, listing, 1), LFREC_ERROR_ARGUMENT);
    for (size_t k = 0; k < 8; k++) ck_assert_mem_eq(&list[k / 4][k % 4], &untouched, sizeof untouched);
    ASSERT_OK(lfrec_top_many(&f.model, NULL, 0));
    lfrec_model_destroy(&f.model);
}
END_TEST

START_TEST(items_that_few_rated_are_left_out_by_default)
{
    const lfrec_query query = lfrec_query_for(7, NULL);
    ck_assert_uint_eq(query.min_support, LFREC_MIN_SUPPORT);
    ck_assert_uint_ge(LFREC_MIN_SUPPORT, 3);
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        fixture f;
        lfrec_scored list[ITEMS];
        size_t found;
        fixture_make(&f, all_settings[s], 3, 0);
        for (uint32_t i = 0; i < ITEMS; i++) {
            ((uint32_t *)(uintptr_t)f.model.support)[i] = i % 5;
            writable(f.model.item_mean)[i] = i % 5 < 3 ? 5 : 3; /* few, but how they loved it */
        }
        lfrec_query all = lfrec_query_for(ITEMS, NULL);
        ASSERT_OK(lfrec_top(&f.model, &f.user, &all, list, &found));
        ck_assert_uint_eq(found, ITEMS / 5 * 2);
        for (size_t k = 0; k < found; k++) ck_assert_uint_ge(list[k].item % 5, 3);
        all.min_support = 0; /* off */
        ASSERT_OK(lfrec_top(&f.model, &f.user, &all, list, &found));
        ck_assert_uint_eq(found, ITEMS);
        ck_assert_uint_lt(list[0].item % 5, 3);
        lfrec_model_destroy(&f.model);
    }
}
END_TEST

/* The order is by the score before clamping: two items beyond the scale's end are not a tie. */
START_TEST(scores_beyond_the_scale_keep_their_order)
{
    fixture f;
    lfrec_scored list[ITEMS];
    size_t found;
    fixture_make(&f, LFREC_ARTICLE, 3, 0);
    support_of_all(&f.model, 10);
    for (uint32_t i = 0; i < ITEMS; i++) writable(f.model.item_mean)[i] = 6 + (float)i;
    const lfrec_query query = lfrec_query_for(ITEMS, NULL);
    ASSERT_OK(lfrec_top(&f.model, &f.user, &query, list, &found));
    for (uint32_t k = 0; k < ITEMS; k++) {
        ck_assert_uint_eq(list[k].item, ITEMS - 1 - k);
        ck_assert_float_eq(list[k].score, 5);
    }
    lfrec_model_destroy(&f.model);
}
END_TEST

START_TEST(no_list_contains_a_score_that_is_no_number)
{
    fixture f;
    lfrec_scored list[ITEMS];
    size_t found;
    fixture_make(&f, LFREC_ARTICLE, 3, 4);
    support_of_all(&f.model, 10);
    for (uint32_t i = 0; i < ITEMS; i += 2) writable(f.model.decoder)[i * f.model.stride] = i % 4 ? NAN : INFINITY;
    for (uint32_t count = 0; count <= ITEMS; count++) {
        const lfrec_query query = lfrec_query_for(count, NULL);
        ASSERT_OK(lfrec_top(&f.model, &f.user, &query, list, &found));
        ck_assert_uint_eq(found, count);
        for (size_t k = 0; k < found; k++) HOLDS(list[k].score >= 0.5f && list[k].score <= 5);
    }
    lfrec_model_destroy(&f.model);
}
END_TEST

START_TEST(bad_queries_are_refused_and_write_nothing)
{
    fixture f;
    const uint32_t beyond[] = {3, ITEMS}, falling[] = {4, 3};
    const float values[] = {1, 2};
    const lfrec_history outside = {beyond, values, 2}, unordered = {falling, values, 2}, none = {NULL, NULL, 1};
    lfrec_scored list[4];
    size_t found = 77;
    fixture_make(&f, LFREC_SGD, 3, 4);
    lfrec_query query = lfrec_query_for(4, NULL);
    query.candidates = beyond;
    query.candidate_count = 2;
    ASSERT_STATUS(lfrec_top(&f.model, &f.user, &query, list, &found), LFREC_ERROR_RANGE);
    query = lfrec_query_for(4, &outside);
    ASSERT_STATUS(lfrec_top(&f.model, &f.user, &query, list, &found), LFREC_ERROR_RANGE);
    query = lfrec_query_for(4, &unordered);
    ASSERT_STATUS(lfrec_top(&f.model, &f.user, &query, list, &found), LFREC_ERROR_ORDER);
    query = lfrec_query_for(4, &none);
    ASSERT_STATUS(lfrec_top(&f.model, &f.user, &query, list, &found), LFREC_ERROR_ARGUMENT);
    query = lfrec_query_for(4, NULL);
    ASSERT_STATUS(lfrec_top(&f.model, NULL, &query, list, &found), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_top(&f.model, &f.user, NULL, list, &found), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_top(&f.model, &f.user, &query, list, NULL), LFREC_ERROR_ARGUMENT);
    ck_assert_uint_eq(found, 77);
    lfrec_user homeless = user_over(NULL);
    float x;
    ASSERT_STATUS(lfrec_fold_in(&f.model, &f.history, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_fold_in(&f.model, &f.history, &homeless), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_fold_in(&f.model, NULL, &f.user), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_fold_in(&f.model, &outside, &f.user), LFREC_ERROR_RANGE);
    ASSERT_STATUS(lfrec_fold_in(&f.model, &unordered, &f.user), LFREC_ERROR_ORDER);
    ASSERT_STATUS(lfrec_predict(&f.model, &homeless, 0, &x), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_predict(&f.model, &f.user, 0, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_score(&f.model, &f.user, 0, 1, NULL), LFREC_ERROR_ARGUMENT);
    lfrec_model_destroy(&f.model);
}
END_TEST

/* ---- explanations ---- */

START_TEST(explanation_adds_up_to_the_score)
{
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (size_t k = 0; k < COUNT(sizes); k++) {
            fixture f;
            float scores[ITEMS];
            fixture_make(&f, settings[s], sizes[k], 12);
            ASSERT_OK(lfrec_score(&f.model, &f.user, 0, ITEMS, scores));
            for (uint32_t i = 0; i < ITEMS; i++) {
                lfrec_reason reasons[ITEMS];
                lfrec_explanation why = {reasons, ITEMS, 0, 0};
                unsigned char seen[ITEMS] = {0};
                ASSERT_OK(lfrec_explain(&f.model, &f.user, &f.history, i, &why));
                HOLDS(why.count == 12);
                double sum = (double)why.baseline;
                for (size_t j = 0; j < why.count; j++) {
                    HOLDS(seen[reasons[j].item]++ == 0);
                    HOLDS(j == 0 || fabsf(reasons[j].share) <= fabsf(reasons[j - 1].share));
                    sum += (double)reasons[j].share;
                }
                for (size_t j = 0; j < f.history.count; j++) HOLDS(seen[f.history.item[j]] == 1);
                HOLDS(fabs(sum - (double)scores[i]) < 1e-4);
                const float offset = f.model.offset ? f.model.offset[i] : 0;
                HOLDS(fabsf(why.baseline - (f.model.item_mean[i] + f.user.mean + offset)) < 1e-5f);
            }
            lfrec_model_destroy(&f.model);
        }
    }
}
END_TEST

/* A share is what the score would lose without the rating, the means left as they are. */
START_TEST(share_is_the_term_of_its_rating)
{
    for (size_t s = 0; s < COUNT(settings); s++) {
        fixture f;
        lfrec_reason reasons[ITEMS];
        lfrec_explanation why = {reasons, ITEMS, 0, 0};
        fixture_make(&f, settings[s], 9, 12);
        const lfrec_model *m = &f.model;
        const double scale = m->scale_input ? 1 / sqrt(12) : 1;
        ASSERT_OK(lfrec_explain(m, &f.user, &f.history, 7, &why));
        for (size_t k = 0; k < f.history.count; k++) {
            const uint32_t j = f.history.item[k];
            const double p = (double)f.history.value[k] - (double)m->item_mean[j] - (double)f.user.mean;
            double share = 0;
            for (size_t q = 0; q < m->factors; q++) {
                const double y = m->implicit ? (double)m->implicit[j * m->stride + q] : 0;
                share += scale * (double)m->decoder[7 * m->stride + q] * (p * (double)m->encoder[j * m->stride + q] + y);
            }
            size_t at = 0;
            while (reasons[at].item != j) at++;
            ck_assert_double_eq_tol(reasons[at].share, share, 1e-5);
        }
        lfrec_model_destroy(&f.model);
    }
}
END_TEST

/* Finite weights, whose product is not. */
START_TEST(reasons_that_are_no_numbers_are_refused)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        fixture f;
        lfrec_reason reasons[ITEMS];
        lfrec_explanation why = {reasons, ITEMS, 99, 7};
        fixture_make(&f, all_settings[s], 9, 12);
        for (size_t q = 0; q < 9; q++) {
            ((float *)f.model.decoder)[7 * f.model.stride + q] = 3e38f;
            for (size_t k = 0; k < f.history.count; k++) {
                const size_t at = f.history.item[k] * f.model.stride + q;
                if (f.model.encoder) ((float *)f.model.encoder)[at] = 3e38f;
            }
        }
        ASSERT_STATUS(lfrec_explain(&f.model, &f.user, &f.history, 7, &why), LFREC_ERROR_NUMBER);
        HOLDS(why.count == 99 && why.baseline == 7);
        f.history = history_over(f.item, f.value, 1, 7, 1);
        if (!f.model.encoder) ASSERT_STATUS(lfrec_fold_in(&f.model, &f.history, &f.user), LFREC_ERROR_NUMBER);
        lfrec_model_destroy(&f.model);
    }
}
END_TEST

START_TEST(room_for_a_few_reasons_keeps_the_strongest)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        fixture f;
        lfrec_reason all[ITEMS], some[ITEMS];
        fixture_make(&f, all_settings[s], 9, 12);
        for (uint32_t i = 0; i < ITEMS; i++) {
            lfrec_explanation whole = {all, ITEMS, 0, 0};
            ASSERT_OK(lfrec_explain(&f.model, &f.user, &f.history, i, &whole));
            for (size_t room = 0; room <= 13; room++) {
                lfrec_explanation why = {room ? some : NULL, room, 99, 0};
                memset(some, 0x5a, sizeof some);
                const lfrec_reason untouched = some[room];
                ASSERT_OK(lfrec_explain(&f.model, &f.user, &f.history, i, &why));
                HOLDS(why.count == (room < 12 ? room : 12));
                HOLDS(why.baseline == whole.baseline);
                HOLDS(memcmp(some, all, why.count * sizeof *some) == 0);
                HOLDS(memcmp(&some[room], &untouched, sizeof untouched) == 0);
            }
        }
        lfrec_explanation why = {NULL, 1, 0, 0};
        ASSERT_STATUS(lfrec_explain(&f.model, &f.user, &f.history, 0, &why), LFREC_ERROR_ARGUMENT);
        why.room = 0;
        ASSERT_STATUS(lfrec_explain(&f.model, &f.user, &f.history, ITEMS, &why), LFREC_ERROR_RANGE);
        ASSERT_STATUS(lfrec_explain(&f.model, &f.user, NULL, 0, &why), LFREC_ERROR_ARGUMENT);
        ASSERT_STATUS(lfrec_explain(&f.model, NULL, &f.history, 0, &why), LFREC_ERROR_ARGUMENT);
        ASSERT_STATUS(lfrec_explain(&f.model, &f.user, &f.history, 0, NULL), LFREC_ERROR_ARGUMENT);
        lfrec_model_destroy(&f.model);
    }
}
END_TEST

/* ---- distances ---- */

static const lfrec_metric metrics[] = {LFREC_COSINE, LFREC_EUCLIDEAN};

static double defined_distance(const lfrec_model *m, lfrec_metric metric, uint32_t a, uint32_t b)
{
    double aa = 0, bb = 0, ab = 0, square = 0;
    for (size_t q = 0; q < m->factors; q++) {
        const double x = (double)m->decoder[a * m->stride + q], y = (double)m->decoder[b * m->stride + q];
        aa += x * x;
        bb += y * y;
        ab += x * y;
        square += (x - y) * (x - y);
    }
    return metric == LFREC_EUCLIDEAN ? sqrt(square) : aa > 0 && bb > 0 ? 1 - ab / sqrt(aa * bb) : 1;
}

START_TEST(distance_follows_the_formula)
{
    for (size_t k = 0; k < COUNT(sizes); k++) {
        lfrec_model model;
        float there, back;
        random_model(&model, LFREC_ARTICLE, ITEMS, sizes[k]);
        for (size_t q = 0; q < sizes[k]; q++) writable(model.decoder)[5 * model.stride + q] = 0; /* no direction */
        for (size_t m = 0; m < COUNT(metrics); m++) {
            for (uint32_t a = 0; a < ITEMS; a++) {
                for (uint32_t b = 0; b < ITEMS; b++) {
                    ASSERT_OK(lfrec_distance(&model, metrics[m], a, b, &there));
                    ASSERT_OK(lfrec_distance(&model, metrics[m], b, a, &back));
                    HOLDS(there == back);
                    HOLDS(there >= 0 && (metrics[m] == LFREC_EUCLIDEAN || there <= 2));
                    HOLDS(fabs((double)there - defined_distance(&model, metrics[m], a, b)) < 1e-5);
                }
            }
        }
        ASSERT_STATUS(lfrec_distance(&model, LFREC_COSINE, 0, ITEMS, &there), LFREC_ERROR_RANGE);
        ASSERT_STATUS(lfrec_distance(&model, LFREC_COSINE, ITEMS, 0, &there), LFREC_ERROR_RANGE);
        ASSERT_STATUS(lfrec_distance(&model, (lfrec_metric)2, 0, 0, &there), LFREC_ERROR_ARGUMENT);
        ASSERT_STATUS(lfrec_distance(&model, LFREC_COSINE, 0, 0, NULL), LFREC_ERROR_ARGUMENT);
        lfrec_model_destroy(&model);
    }
}
END_TEST

START_TEST(nearest_and_farthest_are_the_sorted_distances)
{
    lfrec_model model;
    random_model(&model, LFREC_SGD, ITEMS, 3);
    for (size_t q = 0; q < 3; q++) { /* ties: 11 and 30 like 4 */
        writable(model.decoder)[11 * model.stride + q] = model.decoder[4 * model.stride + q];
        writable(model.decoder)[30 * model.stride + q] = model.decoder[4 * model.stride + q];
    }
    for (size_t m = 0; m < COUNT(metrics); m++) {
        for (uint32_t item = 0; item < ITEMS; item++) {
            for (int far = 0; far < 2; far++) {
                lfrec_scored list[ITEMS + 1], part[ITEMS];
                unsigned char listed[ITEMS] = {0};
                size_t found;
                lfrec_status (*const call)(const lfrec_model *, lfrec_metric, uint32_t, uint32_t, lfrec_scored *,
                                           size_t *) = far ? lfrec_farthest : lfrec_nearest;
                ASSERT_OK(call(&model, metrics[m], item, ITEMS + 1, list, &found));
                HOLDS(found == ITEMS - 1);
                listed[item] = 1;
                for (size_t k = 0; k < found; k++) {
                    float distance, best = 0;
                    uint32_t right = ITEMS;
                    for (uint32_t other = 0; other < ITEMS; other++) {
                        if (listed[other]) continue;
                        ASSERT_OK(lfrec_distance(&model, metrics[m], item, other, &distance));
                        if (right == ITEMS || (far ? distance > best : distance < best)) best = distance, right = other;
                    }
                    HOLDS(list[k].item == right && list[k].score == best);
                    listed[right] = 1;
                }
                ASSERT_OK(call(&model, metrics[m], item, 5, part, &found));
                HOLDS(found == 5 && memcmp(part, list, 5 * sizeof *part) == 0);
                ASSERT_OK(call(&model, metrics[m], item, 0, NULL, &found));
                HOLDS(found == 0);
            }
        }
    }
    lfrec_scored list[2];
    size_t found;
    ASSERT_STATUS(lfrec_nearest(&model, LFREC_COSINE, ITEMS, 2, list, &found), LFREC_ERROR_RANGE);
    ASSERT_STATUS(lfrec_farthest(&model, (lfrec_metric)9, 0, 2, list, &found), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_nearest(&model, LFREC_COSINE, 0, 2, NULL, &found), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_nearest(&model, LFREC_COSINE, 0, 2, list, NULL), LFREC_ERROR_ARGUMENT);
    lfrec_model_destroy(&model);
}
END_TEST

/* ---- threads ---- */

enum { THREADS = 4, SERVED = BY_SPEED(200, 20) };

typedef struct {
    const lfrec_model *model;
    const lfrec_ratings *ratings;
    uint32_t first; /* each thread goes round the users from another one on */
    lfrec_scored list[SERVED][10];
    lfrec_status status;
} served;

static void *serve(void *context)
{
    served *s = context;
    for (uint32_t k = 0; k < SERVED && s->status == LFREC_OK; k++) {
        const uint32_t u = (s->first + k) % SERVED;
        const lfrec_history history = lfrec_history_of(s->ratings, u);
        float factors[USER_ROOM(25)];
        lfrec_user user = user_over(factors);
        lfrec_query query = lfrec_query_for(10, &history);
        size_t found = 0;
        query.min_support = 0;
        s->status = lfrec_fold_in(s->model, &history, &user);
        if (s->status == LFREC_OK) s->status = lfrec_top(s->model, &user, &query, s->list[u], &found);
    }
    return NULL;
}

START_TEST(threads_that_share_a_model_get_the_same_bits)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        lfrec_ratings ratings;
        lfrec_model model;
        pthread_t thread[THREADS];
        served *work = take((THREADS + 1) * sizeof *work);
        generate(&ratings, SERVED, 200, 20, 2);
        random_model(&model, all_settings[s], 200, 25);
        memset(work, 0, (THREADS + 1) * sizeof *work);
        for (uint32_t t = 0; t <= THREADS; t++) {
            work[t].model = &model;
            work[t].ratings = &ratings;
            work[t].first = t * 37 % SERVED;
        }
        serve(&work[THREADS]);
        ASSERT_OK(work[THREADS].status);
        for (size_t t = 0; t < THREADS; t++) ck_assert_int_eq(pthread_create(&thread[t], NULL, serve, &work[t]), 0);
        for (size_t t = 0; t < THREADS; t++) {
            ck_assert_int_eq(pthread_join(thread[t], NULL), 0);
            ASSERT_OK(work[t].status);
            ck_assert_mem_eq(work[t].list, work[THREADS].list, sizeof work[t].list);
        }
        free(work);
        lfrec_model_destroy(&model);
        lfrec_ratings_destroy(&ratings);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        fold_in_and_scores_follow_the_formula,
        histories_longer_than_a_block_are_folded_in_whole,
        scores_of_a_part_are_the_scores_of_the_whole,
        dot_products_are_the_same_bits_on_every_instruction_set,
        unknown_users_and_items_are_predicted_by_the_means,
        predictions_stay_on_the_scale,
        list_has_exactly_the_items_that_are_left,
        list_is_the_sorted_scores_of_what_may_be_listed,
        lists_of_many_are_the_lists_of_each,
        lists_of_many_are_exact_where_scores_are_nearly_equal,
        one_bad_listing_among_many_is_refused_and_no_list_is_written,
        items_that_few_rated_are_left_out_by_default,
        scores_beyond_the_scale_keep_their_order,
        no_list_contains_a_score_that_is_no_number,
        bad_queries_are_refused_and_write_nothing,
        explanation_adds_up_to_the_score,
        share_is_the_term_of_its_rating,
        reasons_that_are_no_numbers_are_refused,
        room_for_a_few_reasons_keeps_the_strongest,
        distance_follows_the_formula,
        nearest_and_farthest_are_the_sorted_distances,
        threads_that_share_a_model_get_the_same_bits,
    };
    return run_tests("serving", tests, COUNT(tests), 120);
}
