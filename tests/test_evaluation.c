/* Errors, rankings, splits. */
#define LFREC_IMPLEMENTATION
#define LFREC_STATIC
#include "lfrec.h"

#include "support.h"

/* ---- errors ---- */

START_TEST(rmse_and_mae_are_as_computed_by_hand)
{
    static const size_t start[] = {0, 1, 1, 2}, test_start[] = {0, 2, 3, 3};
    static const uint32_t item[] = {0, 1}, test_item[] = {0, 1, 2};
    static const float value[] = {3, 4}, test_value[] = {5, 3, 1};
    const lfrec_ratings known = {3, 3, start, item, value, NULL, {NULL, NULL, NULL}};
    const lfrec_ratings test = {3, 3, test_start, test_item, test_value, NULL, {NULL, NULL, NULL}};
    const lfrec_options options = lfrec_options_for(settings[_i], 3, 1, 1, 5);
    float factors[LFREC_STRIDE(1)];
    lfrec_errors errors;
    lfrec_model model; /* of the means alone: 3 for everything */
    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
    ASSERT_OK(lfrec_evaluate(&model, &known, &test, factors, &errors));
    ck_assert_uint_eq(errors.count, 3);
    ck_assert_double_eq_tol(errors.rmse, sqrt((4.0 + 0.0 + 4.0) / 3), 1e-6);
    ck_assert_double_eq_tol(errors.mae, 4.0 / 3, 1e-6);
    static const size_t nobody[] = {0, 0, 0, 0};
    const lfrec_ratings nothing = {3, 3, nobody, NULL, NULL, NULL, {NULL, NULL, NULL}};
    ASSERT_STATUS(lfrec_evaluate(&model, &known, &nothing, factors, &errors), LFREC_ERROR_EMPTY);
    writable(model.decoder)[2 * model.stride] = NAN;
    ASSERT_STATUS(lfrec_evaluate(&model, &known, &test, factors, &errors), LFREC_ERROR_NUMBER);
    lfrec_model_destroy(&model);
}
END_TEST

/* ---- rankings ---- */

START_TEST(ndcg_at_5_of_a_known_list_has_its_known_value)
{
    /* The list has relevances 2, 0, 3, 1, 0 in this order; one more item of relevance 3 comes after it. */
    static const float scores[] = {6, 5, 4, 3, 2, 1}, relevance[] = {2, 0, 3, 1, 0, 3};
    uint32_t order[6];
    lfrec_ranking ranking;
    ASSERT_OK(lfrec_rank(scores, relevance, 6, 5, LFREC_GAIN_LINEAR, order, &ranking));
    ck_assert_double_eq_tol(ranking.ndcg, 0.621602, 1e-6);
    ck_assert_double_eq_tol(ranking.recall, 0.75, 1e-6);
    ASSERT_OK(lfrec_rank(scores, relevance, 6, 5, LFREC_GAIN_EXPONENTIAL, order, &ranking));
    ck_assert_double_eq_tol(ranking.ndcg, 0.519261, 1e-6);
}
END_TEST

START_TEST(a_perfect_list_has_1_and_one_that_misses_all_has_0)
{
    static const float scores[] = {1, 2, 3, 4}, best[] = {0, 0, 1, 2}, worst[] = {1, 2, 0, 0};
    uint32_t order[4];
    lfrec_ranking ranking;
    ASSERT_OK(lfrec_rank(scores, best, 4, 2, LFREC_GAIN_LINEAR, order, &ranking));
    ck_assert_double_eq_tol(ranking.ndcg, 1, 1e-6);
    ck_assert_double_eq_tol(ranking.recall, 1, 1e-6);
    ASSERT_OK(lfrec_rank(scores, worst, 4, 2, LFREC_GAIN_LINEAR, order, &ranking));
    ck_assert_double_eq_tol(ranking.ndcg, 0, 1e-6);
    ck_assert_double_eq_tol(ranking.recall, 0, 1e-6);
}
END_TEST

/* What a list is worth on average over every order of `count` candidates that the scores allow. */
static void average_over_orders(const float *scores, const float *relevance, size_t count, size_t n, double *ndcg, double *recall)
{
    size_t place[6], orders = 0;
    double ideal = 0, relevant = 0;
    *ndcg = *recall = 0;
    for (size_t k = 0; k < count; k++) {
        size_t better = 0; /* the ideal list: by relevance */
        for (size_t j = 0; j < count; j++)
            better += relevance[j] > relevance[k] || (relevance[j] == relevance[k] && j < k);
        ideal += better < n ? (double)relevance[k] / log2((double)better + 2) : 0;
        relevant += relevance[k] > 0;
    }
    size_t total = 1;
    for (size_t k = 0; k < count; k++)
        total *= count;
    for (size_t code = 0; code < total; code++) { /* place[p] is the candidate at place p */
        int legal = 1;
        size_t rest = code;
        for (size_t p = 0; p < count; p++, rest /= count) {
            place[p] = rest % count;
            for (size_t j = 0; j < p; j++)
                legal &= place[j] != place[p];
            legal &= p == 0 || scores[place[p - 1]] >= scores[place[p]];
        }
        if (!legal)
            continue;
        orders++;
        for (size_t p = 0; p < n && p < count; p++) {
            *ndcg += (double)relevance[place[p]] / log2((double)p + 2);
            *recall += relevance[place[p]] > 0;
        }
    }
    *ndcg /= (double)orders * ideal;
    *recall /= (double)orders * relevant;
}

START_TEST(equal_scores_are_worth_the_mean_over_their_orders)
{
    static const float scores[][6] = {{1, 1, 1, 1, 1, 1}, {2, 1, 1, 1, 0, 0}, {3, 3, 2, 2, 1, 1}, {5, 4, 3, 2, 2, 2}};
    static const float relevance[6] = {0, 3, 1, 0, 2, 1};
    uint32_t order[6];
    lfrec_ranking ranking;
    for (size_t s = 0; s < COUNT(scores); s++) {
        for (size_t n = 1; n <= 7; n++) {
            double ndcg, recall;
            average_over_orders(scores[s], relevance, 6, n, &ndcg, &recall);
            ASSERT_OK(lfrec_rank(scores[s], relevance, 6, n, LFREC_GAIN_LINEAR, order, &ranking));
            ck_assert_double_eq_tol(ranking.ndcg, ndcg, 1e-6);
            ck_assert_double_eq_tol(ranking.recall, recall, 1e-6);
        }
    }
}
END_TEST

START_TEST(a_ranking_of_nothing_relevant_or_of_no_numbers_is_refused)
{
    static const float none[] = {0, 0}, bad[] = {1, -1}, some[] = {0, 1}, scores[] = {1, 2}, broken[] = {1, NAN};
    uint32_t order[2];
    lfrec_ranking ranking;
    ASSERT_STATUS(lfrec_rank(scores, none, 2, 1, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_EMPTY);
    ASSERT_STATUS(lfrec_rank(scores, some, 0, 1, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_EMPTY);
    ASSERT_STATUS(lfrec_rank(scores, bad, 2, 1, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_NUMBER);
    ASSERT_STATUS(lfrec_rank(broken, some, 2, 1, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_NUMBER);
    ASSERT_STATUS(lfrec_rank(scores, some, 2, 0, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_rank(NULL, some, 2, 1, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_ARGUMENT);
}
END_TEST

/* ---- splits ---- */

enum { USERS = 300, ITEMS = 60 };

static void split(const lfrec_ratings *all, lfrec_split_by by, float share, uint64_t seed, lfrec_ratings *train, lfrec_ratings *test,
                  bordered *memory)
{
    size_t bytes;
    ASSERT_OK(lfrec_split_size(all, &bytes));
    *memory = border(bytes, 5);
    ASSERT_OK(lfrec_split(all, by, share, seed, memory->at, bytes, train, test));
    ASSERT_OK(lfrec_ratings_check(train, NULL));
    ASSERT_OK(lfrec_ratings_check(test, NULL));
}

START_TEST(every_rating_is_in_exactly_one_part)
{
    lfrec_ratings all, train, test;
    bordered memory;
    generate(&all, USERS, ITEMS, 20, 2);
    split(&all, _i ? LFREC_SPLIT_USERS : LFREC_SPLIT_RATINGS, 0.3f, 1, &train, &test, &memory);
    for (uint32_t u = 0; u < USERS; u++) {
        const lfrec_history whole = lfrec_history_of(&all, u), a = lfrec_history_of(&train, u), b = lfrec_history_of(&test, u);
        size_t at_a = 0, at_b = 0;
        ck_assert_uint_eq(a.count + b.count, whole.count);
        ck_assert(_i == 0 || a.count == 0 || b.count == 0); /* by user: all or nothing */
        for (size_t k = 0; k < whole.count; k++) {
            const int in_a = at_a < a.count && a.item[at_a] == whole.item[k];
            const lfrec_history *part = in_a ? &a : &b;
            size_t *at = in_a ? &at_a : &at_b;
            HOLDS(*at < part->count && part->item[*at] == whole.item[k] && part->value[*at] == whole.value[k]);
            ++*at;
        }
    }
    lfrec_ratings_destroy(&all);
    border_free(&memory);
}
END_TEST

START_TEST(the_share_is_kept_and_the_seed_decides)
{
    const lfrec_split_by by = _i ? LFREC_SPLIT_USERS : LFREC_SPLIT_RATINGS;
    lfrec_ratings all, train, test, again, same, other;
    bordered memory, more, most;
    generate(&all, USERS, ITEMS, 20, 2);
    const size_t count = all.row_start[USERS];
    split(&all, by, 0.25f, 1, &train, &test, &memory);
    split(&all, by, 0.25f, 1, &again, &same, &more);
    split(&all, by, 0.25f, 2, &again, &other, &most);
    const double size = (double)test.row_start[USERS], units = _i ? USERS : (double)count;
    ck_assert_double_le(fabs(size / (double)count - 0.25), 5 * sqrt(0.25 * 0.75 / units) + 0.02 * _i);
    ck_assert_uint_eq(same.row_start[USERS], test.row_start[USERS]);
    ck_assert_mem_eq(same.item, test.item, test.row_start[USERS] * sizeof *test.item);
    ck_assert_mem_ne(other.row_start, test.row_start, (USERS + 1) * sizeof *test.row_start);
    border_free(&memory), border_free(&more), border_free(&most);
    split(&all, by, 0, 1, &train, &test, &memory);
    ck_assert_uint_eq(test.row_start[USERS], 0);
    border_free(&memory);
    split(&all, by, 1, 1, &train, &test, &memory);
    ck_assert_uint_eq(train.row_start[USERS], 0);
    ASSERT_STATUS(lfrec_split(&all, by, 1.5f, 1, memory.at, memory.bytes, &train, &test), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_split(&all, by, 0.5f, 1, memory.at, 100, &train, &test), LFREC_ERROR_MEMORY);
    border_free(&memory);
    lfrec_ratings_destroy(&all);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        rmse_and_mae_are_as_computed_by_hand,
        ndcg_at_5_of_a_known_list_has_its_known_value,
        a_perfect_list_has_1_and_one_that_misses_all_has_0,
        equal_scores_are_worth_the_mean_over_their_orders,
        a_ranking_of_nothing_relevant_or_of_no_numbers_is_refused,
        every_rating_is_in_exactly_one_part,
        the_share_is_kept_and_the_seed_decides,
    };
    return run_for_settings("evaluation", tests, COUNT(tests), BY_SPEED(20, 200));
}
