/* Ratings by user, built from events: order, duplicates, refusals, memory. */
#include "lfrec.h"

#include "support.h"

static lfrec_rating event(uint32_t user, uint32_t item, float value)
{
    const lfrec_rating e = {user, item, value};
    return e;
}

/* `count` events over a small grid, so that many pairs come more than once. */
static lfrec_rating *events_with_repetitions(size_t count, uint32_t users, uint32_t items)
{
    lfrec_rating *events = take(count * sizeof *events);
    for (size_t k = 0; k < count; k++) events[k] = event(draw_below(users), draw_below(items), draw_float());
    return events;
}

/* Against a table that each event overwrites. */
static void assert_last_wins(const lfrec_ratings *ratings, const lfrec_rating *events, size_t count)
{
    const size_t users = ratings->users, items = ratings->items;
    float *table = take(users * items * sizeof *table);
    for (size_t k = 0; k < users * items; k++) table[k] = NAN;
    for (size_t k = 0; k < count; k++) table[events[k].user * items + events[k].item] = events[k].value;
    ck_assert_uint_eq(ratings->row_start[0], 0);
    for (uint32_t u = 0; u < users; u++) {
        const lfrec_history history = lfrec_history_of(ratings, u);
        size_t k = 0;
        for (uint32_t i = 0; i < items; i++) {
            if (isnan(table[u * items + i])) continue;
            HOLDS(k < history.count && history.item[k] == i && history.value[k] == table[u * items + i]);
            k++;
        }
        ck_assert_uint_eq(k, history.count);
    }
    free(table);
}

START_TEST(events_in_any_order_become_rows_of_rising_items)
{
    const lfrec_rating events[] = {{2, 3, 1}, {0, 4, 2}, {2, 0, 3}, {0, 1, 4}, {2, 2, 5}};
    const size_t starts[] = {0, 2, 2, 5};
    const uint32_t items[] = {1, 4, 0, 2, 3};
    const float values[] = {4, 2, 3, 5, 1};
    lfrec_ratings ratings;
    ASSERT_OK(lfrec_ratings_create(&ratings, 3, 5, events, COUNT(events), NULL));
    ck_assert_uint_eq(ratings.users, 3);
    ck_assert_uint_eq(ratings.items, 5);
    ck_assert_mem_eq(ratings.row_start, starts, sizeof starts);
    ck_assert_mem_eq(ratings.item, items, sizeof items);
    ck_assert_mem_eq(ratings.value, values, sizeof values);
    ASSERT_OK(lfrec_ratings_check(&ratings, NULL));
    lfrec_ratings_destroy(&ratings);
    ck_assert_ptr_null(ratings.memory);
    lfrec_ratings_destroy(&ratings);
    lfrec_ratings_destroy(NULL);
}
END_TEST

START_TEST(last_event_of_a_pair_wins_wherever_it_stands)
{
    const lfrec_rating events[] = {{0, 1, 2}, {0, 2, 1}, {0, 1, 5}, {1, 1, 2}, {0, 2, 3}, {0, 2, 4}};
    lfrec_ratings ratings;
    ASSERT_OK(lfrec_ratings_create(&ratings, 2, 3, events, COUNT(events), NULL));
    const lfrec_history history = lfrec_history_of(&ratings, 0);
    ck_assert_uint_eq(history.count, 2);
    ck_assert_float_eq(history.value[0], 5);
    ck_assert_float_eq(history.value[1], 4);
    ck_assert_uint_eq(ratings.row_start[2], 3);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(many_repeated_events_equal_a_table_that_each_overwrites)
{
    static const struct {
        size_t count;
        uint32_t users, items;
    } shapes[] = {{1, 1, 1}, {50, 1, 1}, {200, 1, 20}, {200, 20, 1}, {3000, 30, 40}, {500, 300, 200}};
    for (size_t k = 0; k < COUNT(shapes); k++) {
        lfrec_rating *events = events_with_repetitions(shapes[k].count, shapes[k].users, shapes[k].items);
        lfrec_ratings ratings;
        ASSERT_OK(lfrec_ratings_create(&ratings, shapes[k].users, shapes[k].items, events, shapes[k].count, NULL));
        ASSERT_OK(lfrec_ratings_check(&ratings, NULL));
        assert_last_wins(&ratings, events, shapes[k].count);
        lfrec_ratings_destroy(&ratings);
        free(events);
    }
}
END_TEST

START_TEST(doubled_log_gives_the_same_ratings)
{
    enum { N = 400 };
    lfrec_rating *events = events_with_repetitions(2 * N, 20, 20);
    lfrec_ratings once, twice;
    memcpy(events + N, events, N * sizeof *events);
    ASSERT_OK(lfrec_ratings_create(&once, 20, 20, events, N, NULL));
    ASSERT_OK(lfrec_ratings_create(&twice, 20, 20, events, 2 * N, NULL));
    const size_t count = once.row_start[20];
    ck_assert_mem_eq(once.row_start, twice.row_start, 21 * sizeof *once.row_start);
    ck_assert_mem_eq(once.item, twice.item, count * sizeof *once.item);
    ck_assert_mem_eq(once.value, twice.value, count * sizeof *once.value);
    lfrec_ratings_destroy(&once);
    lfrec_ratings_destroy(&twice);
    free(events);
}
END_TEST

START_TEST(rating_of_zero_is_a_rating)
{
    const lfrec_rating events[] = {{0, 0, 4}, {0, 1, 0}, {1, 0, 2}};
    lfrec_ratings ratings;
    ASSERT_OK(lfrec_ratings_create(&ratings, 2, 2, events, COUNT(events), NULL));
    const lfrec_history history = lfrec_history_of(&ratings, 0);
    ck_assert_uint_eq(history.count, 2);
    ck_assert_float_eq(history.value[1], 0);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(no_users_no_items_and_no_ratings_are_legal)
{
    static const uint32_t shapes[][2] = {{0, 0}, {0, 5}, {5, 0}, {3, 4}};
    for (size_t k = 0; k < COUNT(shapes); k++) {
        lfrec_ratings ratings;
        ASSERT_OK(lfrec_ratings_create(&ratings, shapes[k][0], shapes[k][1], NULL, 0, NULL));
        ASSERT_OK(lfrec_ratings_check(&ratings, NULL));
        ck_assert_uint_eq(ratings.row_start[shapes[k][0]], 0);
        for (uint32_t u = 0; u < shapes[k][0]; u++) ck_assert_uint_eq(lfrec_history_of(&ratings, u).count, 0);
        lfrec_ratings_destroy(&ratings);
    }
}
END_TEST

static lfrec_status build_one(uint32_t users, uint32_t items, lfrec_rating e)
{
    const lfrec_rating events[] = {{0, 0, 1}, e};
    lfrec_ratings ratings, before;
    watch w;
    const lfrec_allocator allocator = watched(&w);
    memset(&ratings, 0x5a, sizeof ratings);
    before = ratings;
    const lfrec_status status = lfrec_ratings_create(&ratings, users, items, events, 2, &allocator);
    if (status == LFREC_OK) {
        lfrec_ratings_destroy(&ratings);
    } else {
        ck_assert_mem_eq(&ratings, &before, sizeof ratings);
    }
    ck_assert_uint_eq(w.live, 0);
    return status;
}

START_TEST(index_out_of_range_is_refused_and_nothing_is_kept)
{
    ASSERT_OK(build_one(2, 3, event(1, 2, 1)));
    ASSERT_STATUS(build_one(2, 3, event(2, 2, 1)), LFREC_ERROR_RANGE);
    ASSERT_STATUS(build_one(2, 3, event(1, 3, 1)), LFREC_ERROR_RANGE);
    ASSERT_STATUS(build_one(2, 3, event(UINT32_MAX, 0, 1)), LFREC_ERROR_RANGE);
    ASSERT_STATUS(build_one(2, 3, event(0, UINT32_MAX, 1)), LFREC_ERROR_RANGE);
    ASSERT_STATUS(build_one(0, 3, event(0, 0, 1)), LFREC_ERROR_RANGE);
    ASSERT_STATUS(build_one(2, 0, event(0, 0, 1)), LFREC_ERROR_RANGE);
}
END_TEST

START_TEST(value_that_is_not_a_number_or_too_large_is_refused)
{
    ASSERT_OK(build_one(2, 3, event(1, 2, LFREC_MAX_RATING)));
    ASSERT_OK(build_one(2, 3, event(1, 2, -LFREC_MAX_RATING)));
    const float bad[] = {NAN, INFINITY, -INFINITY, nextafterf(LFREC_MAX_RATING, INFINITY),
                         nextafterf(-LFREC_MAX_RATING, -INFINITY)};
    for (size_t k = 0; k < COUNT(bad); k++) ASSERT_STATUS(build_one(2, 3, event(1, 2, bad[k])), LFREC_ERROR_NUMBER);
}
END_TEST

START_TEST(sizes_beyond_the_address_space_are_refused_before_anything_is_allocated)
{
    size_t bytes = 7;
    lfrec_ratings ratings;
    watch w;
    const lfrec_allocator allocator = watched(&w);
    const lfrec_rating one = event(0, 0, 1);
    const size_t counts[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4 + 1, SIZE_MAX / 8, SIZE_MAX / sizeof(lfrec_rating) + 1};
    for (size_t k = 0; k < COUNT(counts); k++) {
        ASSERT_STATUS(lfrec_ratings_size(1, 1, counts[k], &bytes), LFREC_ERROR_OVERFLOW);
        ASSERT_STATUS(lfrec_ratings_create(&ratings, 1, 1, &one, counts[k], &allocator), LFREC_ERROR_OVERFLOW);
    }
    ASSERT_STATUS(lfrec_ratings_size(UINT32_MAX, 1, 0, &bytes), LFREC_ERROR_OVERFLOW);
    ASSERT_STATUS(lfrec_ratings_size(1, UINT32_MAX, 0, &bytes), LFREC_ERROR_OVERFLOW);
    ASSERT_STATUS(lfrec_ratings_create(&ratings, UINT32_MAX, 1, NULL, 0, &allocator), LFREC_ERROR_OVERFLOW);
    ck_assert_uint_eq(bytes, 7);
    ck_assert_uint_eq(w.calls, 0);
#if SIZE_MAX > UINT32_MAX
    ASSERT_OK(lfrec_ratings_size(UINT32_MAX - 1, UINT32_MAX - 1, (size_t)1 << 36, &bytes));
    ck_assert_uint_ge(bytes, ((size_t)1 << 36) * 16 + 2 * ((size_t)UINT32_MAX) * 8);
#else
    ASSERT_STATUS(lfrec_ratings_size(UINT32_MAX - 1, 1, 0, &bytes), LFREC_ERROR_OVERFLOW);
#endif
}
END_TEST

START_TEST(null_is_refused)
{
    const lfrec_rating one = event(0, 0, 1);
    size_t bytes;
    unsigned char memory[4096];
    lfrec_ratings ratings;
    lfrec_allocator half = {watch_allocate, NULL, NULL};
    ASSERT_STATUS(lfrec_ratings_size(1, 1, 1, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_ratings_init(NULL, 1, 1, &one, 1, memory, sizeof memory), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_ratings_init(&ratings, 1, 1, NULL, 1, memory, sizeof memory), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_ratings_init(&ratings, 1, 1, &one, 1, NULL, sizeof memory), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_ratings_create(NULL, 1, 1, &one, 1, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_ratings_create(&ratings, 1, 1, NULL, 1, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_ratings_create(&ratings, 1, 1, &one, 1, &half), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_ratings_check(NULL, &bytes), LFREC_ERROR_ARGUMENT);
    memset(&ratings, 0, sizeof ratings);
    ASSERT_STATUS(lfrec_ratings_check(&ratings, &bytes), LFREC_ERROR_ARGUMENT);
}
END_TEST

START_TEST(allocator_that_fails_is_reported)
{
    const lfrec_rating one = event(0, 0, 1);
    lfrec_ratings ratings;
    watch w;
    const lfrec_allocator allocator = watched(&w);
    w.fail_at = 1;
    ASSERT_STATUS(lfrec_ratings_create(&ratings, 1, 1, &one, 1, &allocator), LFREC_ERROR_MEMORY);
    ASSERT_OK(lfrec_ratings_create(&ratings, 1, 1, &one, 1, &allocator));
    ck_assert_uint_eq(w.live, 1);
    lfrec_ratings_destroy(&ratings);
    ck_assert_uint_eq(w.live, 0);
    ck_assert_uint_eq(w.calls, 2);
}
END_TEST

START_TEST(memory_may_start_at_any_address_and_only_its_bytes_are_used)
{
    enum { N = 100 };
    lfrec_rating *events = events_with_repetitions(N, 7, 9);
    size_t bytes;
    ASSERT_OK(lfrec_ratings_size(7, 9, N, &bytes));
    for (size_t shift = 0; shift < 16; shift++) {
        bordered b = border(bytes, shift);
        lfrec_ratings ratings;
        ASSERT_OK(lfrec_ratings_init(&ratings, 7, 9, events, N, b.at, bytes));
        ck_assert_ptr_null(ratings.memory);
        HOLDS((uintptr_t)ratings.row_start % sizeof(size_t) == 0 && (uintptr_t)ratings.item % sizeof(uint32_t) == 0);
        HOLDS((uintptr_t)ratings.value % sizeof(float) == 0);
        assert_last_wins(&ratings, events, N);
        ASSERT_OK(lfrec_ratings_check(&ratings, NULL));
        lfrec_ratings_destroy(&ratings);
        border_free(&b);
    }
    free(events);
}
END_TEST

START_TEST(too_little_memory_is_refused_and_not_overrun)
{
    enum { N = 20 };
    lfrec_rating *events = events_with_repetitions(N, 7, 9);
    size_t bytes, refused = 0;
    ASSERT_OK(lfrec_ratings_size(7, 9, N, &bytes));
    for (size_t less = 0; less <= bytes; less++) {
        bordered b = border(less, less % 16);
        lfrec_ratings ratings;
        const lfrec_status status = lfrec_ratings_init(&ratings, 7, 9, events, N, b.at, less);
        if (status == LFREC_OK) assert_last_wins(&ratings, events, N);
        else ck_assert_int_eq(status, LFREC_ERROR_MEMORY);
        refused += status != LFREC_OK;
        border_free(&b);
    }
    ck_assert_uint_ge(refused, bytes - 128); /* the size has room to align the start, no more */
    ck_assert_uint_le(refused, bytes);
    free(events);
}
END_TEST

/* ---- filled in by hand ---- */

static size_t starts[] = {0, 2, 2, 5};
static uint32_t items[] = {1, 4, 0, 2, 3};
static float values[] = {4, 2, 3, 5, 1};
static const lfrec_ratings by_hand = {3, 5, starts, items, values, NULL, {NULL, NULL, NULL}};

START_TEST(ratings_filled_in_by_hand_are_served)
{
    lfrec_ratings ratings = by_hand;
    ASSERT_OK(lfrec_ratings_check(&ratings, NULL));
    const lfrec_history last = lfrec_history_of(&ratings, 2);
    ck_assert_uint_eq(last.count, 3);
    ck_assert_ptr_eq(last.item, items + 2);
    ck_assert_ptr_eq(last.value, values + 2);
    ck_assert_uint_eq(lfrec_history_of(&ratings, 1).count, 0);
    lfrec_ratings_destroy(&ratings); /* frees nothing */
}
END_TEST

static void assert_found(lfrec_status expected, size_t expected_where)
{
    size_t where = 99;
    ASSERT_STATUS(lfrec_ratings_check(&by_hand, &where), expected);
    ck_assert_uint_eq(where, expected_where);
    ASSERT_STATUS(lfrec_ratings_check(&by_hand, NULL), expected);
}

START_TEST(check_names_the_row_start_that_falls)
{
    starts[1] = 3;
    assert_found(LFREC_ERROR_ORDER, 2);
    starts[1] = 2;
    starts[3] = 1;
    assert_found(LFREC_ERROR_ORDER, 3);
    starts[3] = 5;
    starts[0] = 1;
    assert_found(LFREC_ERROR_ORDER, 0);
}
END_TEST

START_TEST(check_names_the_rating_whose_item_does_not_rise)
{
    items[4] = 2;
    assert_found(LFREC_ERROR_ORDER, 4);
    items[3] = 0;
    assert_found(LFREC_ERROR_ORDER, 3);
    items[0] = 4;
    assert_found(LFREC_ERROR_ORDER, 1);
}
END_TEST

START_TEST(check_names_the_rating_whose_item_is_out_of_range)
{
    items[4] = 5;
    assert_found(LFREC_ERROR_RANGE, 4);
    items[1] = UINT32_MAX;
    assert_found(LFREC_ERROR_RANGE, 1);
}
END_TEST

START_TEST(check_names_a_bad_rating_wherever_it_stands_in_a_long_row)
{
    enum { LONG = 11 };
    for (size_t bad = 1; bad < LONG; bad++) {
        for (int kind = 0; kind < 3; kind++) {
            size_t start[] = {0, LONG}, where = 99;
            uint32_t item[LONG];
            float value[LONG];
            lfrec_ratings row = {.users = 1, .items = LONG, .row_start = start, .item = item, .value = value};
            for (uint32_t k = 0; k < LONG; k++) item[k] = k, value[k] = 3;
            ASSERT_OK(lfrec_ratings_check(&row, NULL));
            if (kind == 0) item[bad] = LONG;
            if (kind == 1) item[bad] = item[bad - 1];
            if (kind == 2) value[bad] = NAN;
            ASSERT_STATUS(lfrec_ratings_check(&row, &where), kind == 0   ? LFREC_ERROR_RANGE
                                                             : kind == 1 ? LFREC_ERROR_ORDER
                                                                         : LFREC_ERROR_NUMBER);
            ck_assert_uint_eq(where, bad);
        }
    }
}
END_TEST

START_TEST(check_names_the_rating_that_is_not_a_number)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 40000, -40000};
    for (size_t at = 0; at < COUNT(values); at++) {
        for (size_t k = 0; k < COUNT(bad); k++) {
            const float good = values[at];
            values[at] = bad[k];
            assert_found(LFREC_ERROR_NUMBER, at);
            values[at] = good;
        }
    }
}
END_TEST

START_TEST(check_refuses_missing_arrays)
{
    lfrec_ratings ratings = by_hand;
    ratings.item = NULL;
    ASSERT_STATUS(lfrec_ratings_check(&ratings, NULL), LFREC_ERROR_ARGUMENT);
    ratings = by_hand;
    ratings.value = NULL;
    ASSERT_STATUS(lfrec_ratings_check(&ratings, NULL), LFREC_ERROR_ARGUMENT);
    ratings = by_hand;
    ratings.row_start = NULL;
    ASSERT_STATUS(lfrec_ratings_check(&ratings, NULL), LFREC_ERROR_ARGUMENT);
}
END_TEST

START_TEST(every_status_has_words_of_its_own)
{
    for (int a = LFREC_OK; a <= LFREC_ERROR_UNSUPPORTED; a++) {
        ck_assert_str_ne(lfrec_status_string((lfrec_status)a), "unknown status");
        for (int b = LFREC_OK; b < a; b++) {
            ck_assert_str_ne(lfrec_status_string((lfrec_status)a), lfrec_status_string((lfrec_status)b));
        }
    }
    ck_assert_str_eq(lfrec_status_string((lfrec_status)(LFREC_ERROR_UNSUPPORTED + 1)), "unknown status");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        events_in_any_order_become_rows_of_rising_items,
        last_event_of_a_pair_wins_wherever_it_stands,
        many_repeated_events_equal_a_table_that_each_overwrites,
        doubled_log_gives_the_same_ratings,
        rating_of_zero_is_a_rating,
        no_users_no_items_and_no_ratings_are_legal,
        index_out_of_range_is_refused_and_nothing_is_kept,
        value_that_is_not_a_number_or_too_large_is_refused,
        sizes_beyond_the_address_space_are_refused_before_anything_is_allocated,
        null_is_refused,
        allocator_that_fails_is_reported,
        memory_may_start_at_any_address_and_only_its_bytes_are_used,
        too_little_memory_is_refused_and_not_overrun,
        ratings_filled_in_by_hand_are_served,
        check_names_the_row_start_that_falls,
        check_names_the_rating_whose_item_does_not_rise,
        check_names_the_rating_whose_item_is_out_of_range,
        check_names_a_bad_rating_wherever_it_stands_in_a_long_row,
        check_names_the_rating_that_is_not_a_number,
        check_refuses_missing_arrays,
        every_status_has_words_of_its_own,
    };
    return run_tests("ratings", tests, COUNT(tests), 60);
}
