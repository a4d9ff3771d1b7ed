/* Incremental means: exact sums, in any order, however many. */
#include "lfrec.h"

#include "support.h"

#define MOST (INT64_MAX - (INT64_C(1) << 40)) /* a sum above it takes no more */

static lfrec_means means_of(uint32_t items)
{
    lfrec_means means;
    ASSERT_OK(lfrec_means_create(&means, items, NULL));
    return means;
}

static void assert_same(const lfrec_means *a, const lfrec_means *b)
{
    ck_assert_int_eq(a->overall.total, b->overall.total);
    ck_assert_uint_eq(a->overall.count, b->overall.count);
    ck_assert_mem_eq(a->item, b->item, a->items * sizeof *a->item);
}

START_TEST(means_of_a_few_ratings_are_right)
{
    lfrec_means means = means_of(3);
    ASSERT_OK(lfrec_means_add(&means, 0, 4));
    ASSERT_OK(lfrec_means_add(&means, 1, 0));
    ASSERT_OK(lfrec_means_add(&means, 0, 2));
    ck_assert_uint_eq(means.overall.count, 3);
    ck_assert_double_eq(lfrec_sum_mean(&means.overall, 0, 9), 2);
    ck_assert_double_eq(lfrec_sum_mean(&means.item[0], 0, 9), 3);
    ck_assert_double_eq(lfrec_sum_mean(&means.item[1], 0, 9), 0); /* a rating of 0 counts */
    ck_assert_double_eq(lfrec_sum_mean(&means.item[2], 0, 9), 9); /* no rating: what was asked for */
    lfrec_means_destroy(&means);
    lfrec_means_destroy(&means);
    lfrec_means_destroy(NULL);
}
END_TEST

START_TEST(shrinking_counts_as_ratings_of_what_it_is_drawn_towards)
{
    lfrec_sum sum = {0, 0};
    ck_assert_double_eq(lfrec_sum_mean(&sum, 5, 3.5), 3.5);
    ASSERT_OK(lfrec_sum_add(&sum, 5));
    ck_assert_double_eq_tol(lfrec_sum_mean(&sum, 4, 3), (5 + 4 * 3) / 5.0, 1e-12);
    ASSERT_OK(lfrec_sum_add(&sum, 4));
    ck_assert_double_eq_tol(lfrec_sum_mean(&sum, 0.5f, 3), (9 + 0.5 * 3) / 2.5, 1e-12);
}
END_TEST

/* Float sums would stop growing at 2^24 ratings' worth: 1.67772 here. */
START_TEST(forty_million_ratings_have_an_exact_mean)
{
    const uint64_t count = BY_SPEED(40000000, 400000);
    lfrec_means means = means_of(2);
    lfrec_sum user = {0, 0};
    for (uint64_t k = 0; k < count; k++) HOLDS(lfrec_means_add(&means, 1, 3.5f) == LFREC_OK);
    for (uint64_t k = 0; k < count; k++) HOLDS(lfrec_sum_add(&user, 3.5f) == LFREC_OK);
    ck_assert_double_eq(lfrec_sum_mean(&means.overall, 0, 0), 3.5);
    ck_assert_double_eq(lfrec_sum_mean(&means.item[1], 0, 0), 3.5);
    ck_assert_double_eq(lfrec_sum_mean(&user, 0, 0), 3.5);
    ASSERT_OK(lfrec_means_add(&means, 1, 0.5f));
    ASSERT_OK(lfrec_sum_add(&user, 0.5f));
    const double expected = ((double)count * 3.5 + 0.5) / ((double)count + 1);
    ck_assert_double_eq_tol(lfrec_sum_mean(&means.overall, 0, 0), expected, 1e-12 * expected);
    ck_assert_double_eq_tol(lfrec_sum_mean(&means.item[1], 0, 0), expected, 1e-12 * expected);
    ck_assert_double_eq_tol(lfrec_sum_mean(&user, 0, 0), expected, 1e-12 * expected);
    ck_assert_uint_eq(means.overall.count, count + 1);
    ck_assert_uint_eq(means.item[0].count, 0);
    lfrec_means_destroy(&means);
}
END_TEST

/* The mean of the rest is summed from the history each time: a float sum of a million tenths is off by one in a hundred. */
START_TEST(mean_of_a_user_with_a_million_ratings_is_right)
{
    const uint32_t count = BY_SPEED(1000000, 20000);
    uint32_t *item = take(count * sizeof *item);
    float *value = take(count * sizeof *value), mean;
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, count, 1, 0, 2);
    lfrec_model model;
    ASSERT_OK(lfrec_model_create(&model, &options, NULL)); /* every item's mean is 1 */
    for (uint32_t k = 0; k < count; k++) {
        item[k] = k;
        value[k] = 1.1f;
    }
    const lfrec_history history = {item, value, count};
    ASSERT_OK(lfrec_user_mean(&model, &history, &mean));
    ck_assert_float_eq_tol(mean, 1.1f - 1.0f, 1e-8f);
    lfrec_model_destroy(&model);
    free(item);
    free(value);
}
END_TEST

static float any_rating(void)
{
    switch (draw_below(6)) {
    case 0: return 0.5f * (float)draw_below(11);
    case 1: return LFREC_MAX_RATING * draw_float();
    case 2: return 1e-4f * draw_float();
    case 3: return 1e-9f * draw_float();
    case 4: return 0;
    default: return 5 * draw_float();
    }
}

START_TEST(any_sequence_of_operations_equals_a_recomputation_to_the_last_bit)
{
    enum { USERS = 20, ITEMS = 15, OPERATIONS = BY_SPEED(200000, 5000) };
    float table[USERS][ITEMS];
    lfrec_means means = means_of(ITEMS);
    for (int u = 0; u < USERS; u++) {
        for (int i = 0; i < ITEMS; i++) table[u][i] = NAN;
    }
    for (int k = 0; k < OPERATIONS; k++) {
        const uint32_t item = draw_below(ITEMS);
        float *known = &table[draw_below(USERS)][item];
        if (isnan(*known)) {
            *known = any_rating();
            HOLDS(lfrec_means_add(&means, item, *known) == LFREC_OK);
        } else if (draw_below(3) == 0) {
            HOLDS(lfrec_means_remove(&means, item, *known) == LFREC_OK);
            *known = NAN;
        } else {
            const float old = *known;
            *known = any_rating();
            HOLDS(lfrec_means_replace(&means, item, old, *known) == LFREC_OK);
        }
        if (k % (OPERATIONS / 20)) continue;
        lfrec_rating events[USERS * ITEMS];
        size_t count = 0;
        for (uint32_t u = 0; u < USERS; u++) {
            for (uint32_t i = 0; i < ITEMS; i++) {
                const lfrec_rating event = {u, i, table[u][i]};
                if (!isnan(table[u][i])) events[count++] = event;
            }
        }
        lfrec_ratings ratings;
        lfrec_means fresh = means_of(ITEMS), backwards = means_of(ITEMS);
        ASSERT_OK(lfrec_ratings_create(&ratings, USERS, ITEMS, events, count, NULL));
        ASSERT_OK(lfrec_means_add_all(&fresh, &ratings));
        assert_same(&means, &fresh);
        while (count-- > 0) HOLDS(lfrec_means_add(&backwards, events[count].item, events[count].value) == LFREC_OK);
        assert_same(&means, &backwards);
        lfrec_ratings_destroy(&ratings);
        lfrec_means_destroy(&fresh);
        lfrec_means_destroy(&backwards);
    }
    lfrec_means_destroy(&means);
}
END_TEST

START_TEST(taking_everything_back_leaves_nothing)
{
    lfrec_means means = means_of(2);
    float values[100];
    for (int k = 0; k < 100; k++) ASSERT_OK(lfrec_means_add(&means, 1, values[k] = any_rating()));
    for (int k = 0; k < 100; k++) ASSERT_OK(lfrec_means_remove(&means, 1, values[(k * 37) % 100]));
    ck_assert_int_eq(means.overall.total, 0);
    ck_assert_uint_eq(means.overall.count, 0);
    ck_assert_int_eq(means.item[1].total, 0);
    ASSERT_STATUS(lfrec_means_remove(&means, 1, 3), LFREC_ERROR_EMPTY);
    lfrec_means_destroy(&means);
}
END_TEST

START_TEST(ratings_of_a_half_and_more_enter_exactly_and_smaller_ones_nearly)
{
    for (int k = 0; k < 10000; k++) {
        const float x = any_rating();
        lfrec_sum sum = {0, 0};
        HOLDS(lfrec_sum_add(&sum, x) == LFREC_OK);
        const double error = fabs(lfrec_sum_mean(&sum, 0, 0) - (double)x);
        HOLDS(error <= (fabsf(x) >= 0.5f ? 0 : ldexp(1, -25)));
    }
}
END_TEST

START_TEST(value_out_of_range_changes_nothing)
{
    const float bad[] = {NAN, INFINITY, -INFINITY, nextafterf(LFREC_MAX_RATING, INFINITY), -1e30f};
    lfrec_means means = means_of(2), before = means_of(2);
    ASSERT_OK(lfrec_means_add(&means, 0, 3));
    ASSERT_OK(lfrec_means_add(&before, 0, 3));
    for (size_t k = 0; k < COUNT(bad); k++) {
        ASSERT_STATUS(lfrec_means_add(&means, 0, bad[k]), LFREC_ERROR_NUMBER);
        ASSERT_STATUS(lfrec_means_remove(&means, 0, bad[k]), LFREC_ERROR_NUMBER);
        ASSERT_STATUS(lfrec_means_replace(&means, 0, 3, bad[k]), LFREC_ERROR_NUMBER);
        ASSERT_STATUS(lfrec_means_replace(&means, 0, bad[k], 3), LFREC_ERROR_NUMBER);
    }
    ASSERT_STATUS(lfrec_means_add(&means, 2, 3), LFREC_ERROR_RANGE);
    ASSERT_STATUS(lfrec_means_remove(&means, 2, 3), LFREC_ERROR_RANGE);
    ASSERT_STATUS(lfrec_means_replace(&means, UINT32_MAX, 3, 4), LFREC_ERROR_RANGE);
    ASSERT_STATUS(lfrec_means_remove(&means, 1, 3), LFREC_ERROR_EMPTY); /* item 1 has no rating, though item 0 has */
    ASSERT_STATUS(lfrec_means_replace(&means, 1, 3, 4), LFREC_ERROR_EMPTY);
    assert_same(&means, &before);
    lfrec_means_destroy(&means);
    lfrec_means_destroy(&before);
}
END_TEST

START_TEST(sum_takes_sixteen_million_of_the_largest_ratings_and_refuses_the_next)
{
    lfrec_sum sum = {0, 0};
    uint64_t taken = 0;
#ifdef LFREC_TEST_QUICK
    taken = (1u << 24) - 100;
    sum.total = (int64_t)taken << 39;
    sum.count = taken;
#endif
    while (lfrec_sum_add(&sum, LFREC_MAX_RATING) == LFREC_OK) taken++;
    ck_assert_uint_eq(taken, (1u << 24) - 2);
    ck_assert_uint_eq(sum.count, taken);
    ck_assert_int_eq(sum.total, (int64_t)taken << 39);
    ASSERT_STATUS(lfrec_sum_add(&sum, LFREC_MAX_RATING), LFREC_ERROR_OVERFLOW);
    ck_assert_uint_eq(sum.count, taken);
    ASSERT_OK(lfrec_sum_remove(&sum, LFREC_MAX_RATING));
    ASSERT_OK(lfrec_sum_add(&sum, LFREC_MAX_RATING));
    ck_assert_double_eq(lfrec_sum_mean(&sum, 0, 0), (double)LFREC_MAX_RATING);
}
END_TEST

/* Only one of two sums is full: neither may move. */
START_TEST(full_sum_of_either_kind_leaves_both_as_they_were)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        const float value = (float)sign;
        lfrec_means means = means_of(1), before = means_of(1);
        for (int which = 0; which < 2; which++) {
            const lfrec_sum full = {sign * (MOST + 1), 5}, room = {0, 5};
            means.overall = before.overall = which ? full : room;
            means.item[0] = before.item[0] = which ? room : full;
            ASSERT_STATUS(lfrec_means_add(&means, 0, value), LFREC_ERROR_OVERFLOW);
            assert_same(&means, &before);
            ASSERT_STATUS(lfrec_means_remove(&means, 0, -value), LFREC_ERROR_OVERFLOW);
            assert_same(&means, &before);
            ASSERT_STATUS(lfrec_means_replace(&means, 0, -value, value), LFREC_ERROR_OVERFLOW);
            assert_same(&means, &before);
        }
        lfrec_means_destroy(&means);
        lfrec_means_destroy(&before);
    }
}
END_TEST

START_TEST(replacing_in_a_full_sum_is_refused_without_a_trace)
{
    lfrec_means means = means_of(1), before = means_of(1);
    const lfrec_sum full = {MOST + (1 << 30), 10}; /* still full when a rating of 1 is gone */
    means.overall = means.item[0] = before.overall = before.item[0] = full;
    ASSERT_STATUS(lfrec_means_replace(&means, 0, 1, 2), LFREC_ERROR_OVERFLOW);
    assert_same(&means, &before);
    lfrec_means_destroy(&means);
    lfrec_means_destroy(&before);
}
END_TEST

START_TEST(replacing_is_possible_in_a_sum_that_is_nearly_full)
{
    lfrec_means means = means_of(1);
    means.overall.total = means.item[0].total = MOST - (INT64_C(1) << 39);
    means.overall.count = means.item[0].count = 10;
    ASSERT_OK(lfrec_means_replace(&means, 0, 1, 2));
    ck_assert_int_eq(means.overall.total, MOST - (INT64_C(1) << 39) + (1 << 24));
    lfrec_means_destroy(&means);
}
END_TEST

START_TEST(bad_ratings_are_not_added)
{
    const size_t starts[] = {0, 2};
    const uint32_t items[] = {1, 0};
    const float values[] = {1, 2};
    const lfrec_ratings unordered = {1, 2, starts, items, values, NULL, {NULL, NULL, NULL}};
    lfrec_means means = means_of(2), empty = means_of(2);
    ASSERT_STATUS(lfrec_means_add_all(&means, &unordered), LFREC_ERROR_ORDER);
    ASSERT_STATUS(lfrec_means_add_all(&means, NULL), LFREC_ERROR_ARGUMENT);
    assert_same(&means, &empty);
    lfrec_means_destroy(&means);
    lfrec_means_destroy(&empty);
}
END_TEST

START_TEST(ratings_of_more_items_than_the_means_have_are_refused)
{
    const lfrec_rating event = {0, 4, 1};
    lfrec_ratings ratings;
    lfrec_means means = means_of(4);
    ASSERT_OK(lfrec_ratings_create(&ratings, 1, 5, &event, 1, NULL));
    ASSERT_STATUS(lfrec_means_add_all(&means, &ratings), LFREC_ERROR_RANGE);
    ck_assert_uint_eq(means.overall.count, 0);
    lfrec_ratings_destroy(&ratings);
    lfrec_means_destroy(&means);
}
END_TEST

START_TEST(null_and_unmade_means_are_refused)
{
    lfrec_means means, unmade;
    size_t bytes;
    unsigned char memory[256];
    memset(&unmade, 0, sizeof unmade);
    ASSERT_STATUS(lfrec_sum_add(NULL, 1), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_sum_remove(NULL, 1), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_means_size(1, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_means_init(NULL, 1, memory, sizeof memory), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_means_init(&means, 1, NULL, sizeof memory), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_means_create(NULL, 1, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_means_add(NULL, 0, 1), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_means_add(&unmade, 0, 1), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_means_remove(NULL, 0, 1), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_means_replace(NULL, 0, 1, 2), LFREC_ERROR_ARGUMENT);
    ASSERT_OK(lfrec_means_size(0, &bytes));
    ASSERT_OK(lfrec_means_init(&means, 0, memory, sizeof memory));
    ASSERT_STATUS(lfrec_means_add(&means, 0, 1), LFREC_ERROR_RANGE);
}
END_TEST

START_TEST(memory_may_start_at_any_address_and_too_little_is_refused)
{
    size_t bytes;
    ASSERT_OK(lfrec_means_size(9, &bytes));
    for (size_t shift = 0; shift < 16; shift++) {
        bordered b = border(bytes, shift);
        lfrec_means means;
        ASSERT_OK(lfrec_means_init(&means, 9, b.at, bytes));
        for (uint32_t i = 0; i < 9; i++) {
            ck_assert_uint_eq(means.item[i].count, 0);
            ASSERT_OK(lfrec_means_add(&means, i, 1));
        }
        ASSERT_STATUS(lfrec_means_init(&means, 9, b.at, 9 * sizeof(lfrec_sum) - 1), LFREC_ERROR_MEMORY);
        ASSERT_STATUS(lfrec_means_init(&means, 9, b.at, 0), LFREC_ERROR_MEMORY);
        lfrec_means_destroy(&means);
        border_free(&b);
    }
}
END_TEST

START_TEST(allocator_that_fails_is_reported)
{
    lfrec_means means;
    watch w;
    const lfrec_allocator allocator = watched(&w);
    w.fail_at = 1;
    ASSERT_STATUS(lfrec_means_create(&means, 5, &allocator), LFREC_ERROR_MEMORY);
    ASSERT_OK(lfrec_means_create(&means, 5, &allocator));
    lfrec_means_destroy(&means);
    ck_assert_uint_eq(w.live, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        means_of_a_few_ratings_are_right,
        shrinking_counts_as_ratings_of_what_it_is_drawn_towards,
        forty_million_ratings_have_an_exact_mean,
        mean_of_a_user_with_a_million_ratings_is_right,
        any_sequence_of_operations_equals_a_recomputation_to_the_last_bit,
        taking_everything_back_leaves_nothing,
        ratings_of_a_half_and_more_enter_exactly_and_smaller_ones_nearly,
        value_out_of_range_changes_nothing,
        sum_takes_sixteen_million_of_the_largest_ratings_and_refuses_the_next,
        full_sum_of_either_kind_leaves_both_as_they_were,
        replacing_in_a_full_sum_is_refused_without_a_trace,
        replacing_is_possible_in_a_sum_that_is_nearly_full,
        bad_ratings_are_not_added,
        ratings_of_more_items_than_the_means_have_are_refused,
        null_and_unmade_means_are_refused,
        memory_may_start_at_any_address_and_too_little_is_refused,
        allocator_that_fails_is_reported,
    };
    return run_tests("means", tests, COUNT(tests), 60);
}
