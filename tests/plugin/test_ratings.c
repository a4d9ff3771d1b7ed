/* test_ratings.c - the ratings store against a plain table of what should be in it. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/ratings.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lfrec_id id_of(const char *text)
{
    return (lfrec_id){text, strlen(text)};
}

static lfrec_place rate(lfrec_store *store, const char *user, const char *item, float value, int32_t partition)
{
    lfrec_place place = lfrec_store_seek(store, id_of(user), id_of(item));
    ck_assert(lfrec_store_put(store, &place, value, partition));
    return place;
}

static bool retract(lfrec_store *store, const char *user, const char *item)
{
    lfrec_place place = lfrec_store_seek(store, id_of(user), id_of(item));
    if (place.rated) {
        lfrec_store_take(store, &place);
    }
    return place.rated;
}

/* What every store must satisfy, whatever was done to it. */
static void check_invariants(const lfrec_store *store)
{
    uint64_t ratings = 0;
    uint32_t rated_users = 0;
    for (uint32_t u = 0; u < lfrec_store_user_slots(store); ++u) {
        if (!lfrec_store_has_user(store, u)) {
            continue;
        }
        lfrec_id id = lfrec_store_user_id(store, u);
        ck_assert_uint_eq(lfrec_store_find_user(store, id), u);
        ck_assert_int_eq(id.bytes[id.length], '\0');
        lfrec_history history = lfrec_store_history(store, u);
        ratings += history.count;
        rated_users += history.count > 0;
        for (size_t k = 0; k < history.count; ++k) {
            ck_assert_uint_lt(history.item[k], lfrec_store_items(store));
            ck_assert(k == 0 || history.item[k - 1] < history.item[k]);
        }
    }
    ck_assert_uint_eq(lfrec_store_ratings(store), ratings);
    ck_assert_uint_eq(lfrec_store_rated_users(store), rated_users);
    for (uint32_t i = 0; i < lfrec_store_items(store); ++i) {
        ck_assert_uint_eq(lfrec_store_find_item(store, lfrec_store_item_id(store, i)), i);
    }
}

START_TEST(an_empty_store_knows_nobody)
{
    lfrec_store *store = lfrec_store_open();
    ck_assert_uint_eq(lfrec_store_find_user(store, id_of("u")), LFREC_NO_INDEX);
    ck_assert_uint_eq(lfrec_store_find_item(store, id_of("i")), LFREC_NO_INDEX);
    ck_assert(!lfrec_store_has_user(store, 0));
    size_t row_start[1] = {7};
    lfrec_store_copy(store, row_start, NULL, NULL);
    ck_assert_uint_eq(row_start[0], 0);
    lfrec_place place = lfrec_store_seek(store, id_of("u"), id_of("i"));
    ck_assert(!place.rated);
    check_invariants(store);
    lfrec_store_close(store);
    lfrec_store_close(NULL);
}
END_TEST

START_TEST(the_last_value_of_a_pair_wins_and_counts_once)
{
    lfrec_store *store = lfrec_store_open();
    rate(store, "u", "i", 2, 0);
    rate(store, "u", "j", 1, 0);
    lfrec_place place = rate(store, "u", "i", 5, 0);
    lfrec_history history = lfrec_store_history(store, place.user);
    ck_assert_uint_eq(history.count, 2);
    ck_assert(history.value[0] == 5.0f && history.value[1] == 1.0f);
    ck_assert_uint_eq(lfrec_store_ratings(store), 2);
    check_invariants(store);
    lfrec_store_close(store);
}
END_TEST

START_TEST(a_rating_of_zero_is_a_rating)
{
    lfrec_store *store = lfrec_store_open();
    rate(store, "u", "i", 0, 0);
    lfrec_place place = lfrec_store_seek(store, id_of("u"), id_of("i"));
    ck_assert(place.rated && place.value == 0.0f);
    ck_assert_uint_eq(lfrec_store_ratings(store), 1);
    lfrec_store_close(store);
}
END_TEST

START_TEST(ids_are_bytes_of_any_length_up_to_the_limit)
{
    lfrec_store *store = lfrec_store_open();
    char longest[LFREC_ID_MAX];
    memset(longest, 'x', sizeof longest);
    lfrec_id ids[] = {
        {"a", 1}, {"a\0b", 3}, {"a\0c", 3}, {"\xc3\xa9", 2}, {longest, LFREC_ID_MAX}, {longest, LFREC_ID_MAX - 1}};
    for (size_t k = 0; k < sizeof ids / sizeof *ids; ++k) {
        lfrec_place place = lfrec_store_seek(store, ids[k], ids[k]);
        ck_assert_uint_eq(place.user, LFREC_NO_INDEX);
        ck_assert(lfrec_store_put(store, &place, (float)k, 0));
        ck_assert_uint_eq(place.item, k);
        lfrec_id back = lfrec_store_item_id(store, place.item);
        ck_assert_uint_eq(back.length, ids[k].length);
        ck_assert_mem_eq(back.bytes, ids[k].bytes, back.length);
    }
    check_invariants(store);
    lfrec_store_close(store);
}
END_TEST

START_TEST(a_retraction_leaves_the_user_and_the_items_index)
{
    lfrec_store *store = lfrec_store_open();
    uint32_t item = rate(store, "u", "i", 4, 0).item;
    ck_assert(retract(store, "u", "i"));
    ck_assert(!retract(store, "u", "i"));
    ck_assert(!retract(store, "u", "never"));
    ck_assert(!retract(store, "nobody", "i"));
    ck_assert_uint_eq(lfrec_store_ratings(store), 0);
    ck_assert_uint_eq(lfrec_store_rated_users(store), 0);
    ck_assert_uint_eq(lfrec_store_find_item(store, id_of("i")), item);
    ck_assert_uint_ne(lfrec_store_find_user(store, id_of("u")), LFREC_NO_INDEX);
    ck_assert_uint_eq(lfrec_store_items(store), 1); /* "never" was only asked for */
    check_invariants(store);
    lfrec_store_close(store);
}
END_TEST

START_TEST(a_free_slot_is_taken_again_with_an_empty_history)
{
    lfrec_store *store = lfrec_store_open();
    rate(store, "a", "i", 1, 3);
    uint32_t slot = rate(store, "b", "i", 2, 3).user;
    rate(store, "c", "i", 3, 3);
    lfrec_store_remove_user(store, slot);
    ck_assert(!lfrec_store_has_user(store, slot));
    ck_assert_uint_eq(lfrec_store_find_user(store, id_of("b")), LFREC_NO_INDEX);
    uint32_t again;
    ck_assert(lfrec_store_add_user(store, id_of("d"), 5, &again));
    ck_assert_uint_eq(again, slot);
    ck_assert_uint_eq(lfrec_store_history(store, again).count, 0);
    ck_assert_int_eq(lfrec_store_partition(store, again), 5);
    ck_assert_uint_eq(lfrec_store_user_slots(store), 3);
    check_invariants(store);
    lfrec_store_close(store);
}
END_TEST

START_TEST(a_user_belongs_to_the_partition_of_the_latest_put)
{
    lfrec_store *store = lfrec_store_open();
    uint32_t user = rate(store, "u", "i", 1, 3).user;
    ck_assert_int_eq(lfrec_store_partition(store, user), 3);
    rate(store, "u", "i", 1, 4);
    ck_assert_int_eq(lfrec_store_partition(store, user), 4);
    lfrec_store_close(store);
}
END_TEST

START_TEST(a_copy_has_every_rating_by_user_and_nobody_without_ratings)
{
    lfrec_store *store = lfrec_store_open();
    rate(store, "a", "x", 1, 0);
    rate(store, "b", "y", 2, 0);
    rate(store, "c", "y", 3, 0);
    rate(store, "c", "x", 4, 0);
    retract(store, "b", "y");
    size_t row_start[3];
    uint32_t item[3];
    float value[3];
    ck_assert_uint_eq(lfrec_store_rated_users(store), 2);
    lfrec_store_copy(store, row_start, item, value);
    size_t starts[3] = {0, 1, 3};
    uint32_t items[3] = {0, 0, 1};
    float values[3] = {1, 4, 3};
    ck_assert_mem_eq(row_start, starts, sizeof starts);
    ck_assert_mem_eq(item, items, sizeof items);
    ck_assert_mem_eq(value, values, sizeof values);
    lfrec_store_close(store);
}
END_TEST

/* 60 users and 40 items in a plain table; the store must agree after every kind of change. */
START_TEST(the_store_equals_a_plain_table_after_any_sequence)
{
    enum { USERS = 60, ITEMS = 40 };
    static float table[USERS][ITEMS];
    lfrec_rng rng;
    lfrec_rng_seed(&rng, (uint64_t)_i, 0);
    for (int u = 0; u < USERS; ++u) {
        for (int i = 0; i < ITEMS; ++i) {
            table[u][i] = NAN;
        }
    }
    lfrec_store *store = lfrec_store_open();
    for (int step = 0; step < 20000; ++step) {
        uint32_t u = lfrec_rng_below(&rng, USERS), i = lfrec_rng_below(&rng, ITEMS), what = lfrec_rng_below(&rng, 200);
        char user[8], item[8];
        snprintf(user, sizeof user, "u%u", u);
        snprintf(item, sizeof item, "i%u", i);
        if (what < 140) {
            float value = (float)lfrec_rng_below(&rng, 11) / 2;
            rate(store, user, item, value, (int32_t)(u % 4));
            table[u][i] = value;
        } else if (what < 195) {
            ck_assert(retract(store, user, item) == !isnan(table[u][i]));
            table[u][i] = NAN;
        } else {
            uint32_t slot = lfrec_store_find_user(store, id_of(user));
            if (slot != LFREC_NO_INDEX && what % 2) {
                lfrec_store_clear_user(store, slot);
            } else if (slot != LFREC_NO_INDEX) {
                lfrec_store_remove_user(store, slot);
            }
            for (int k = 0; k < ITEMS; ++k) {
                table[u][k] = NAN;
            }
        }
        if (step % 1000 == 0) {
            check_invariants(store);
        }
    }
    uint64_t known = 0;
    for (int u = 0; u < USERS; ++u) {
        for (int i = 0; i < ITEMS; ++i) {
            char user[8], item[8];
            snprintf(user, sizeof user, "u%d", u);
            snprintf(item, sizeof item, "i%d", i);
            lfrec_place place = lfrec_store_seek(store, id_of(user), id_of(item));
            ck_assert(place.rated == !isnan(table[u][i]));
            ck_assert(!place.rated || place.value == table[u][i]);
            known += place.rated;
        }
    }
    ck_assert_uint_eq(lfrec_store_ratings(store), known);
    ck_assert_uint_le(lfrec_store_user_slots(store), USERS);
    check_invariants(store);
    lfrec_store_close(store);
}
END_TEST

START_TEST(items_added_in_order_get_the_same_indices_again)
{
    lfrec_store *store = lfrec_store_open();
    uint32_t first, second, again;
    ck_assert(lfrec_store_add_item(store, id_of("x"), &first));
    ck_assert(lfrec_store_add_item(store, id_of("y"), &second));
    ck_assert(lfrec_store_add_item(store, id_of("x"), &again));
    ck_assert_uint_eq(first, 0);
    ck_assert_uint_eq(second, 1);
    ck_assert_uint_eq(again, 0);
    ck_assert_uint_eq(rate(store, "u", "y", 1, 0).item, 1);
    lfrec_store_close(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ratings store");
    TCase *tests = tcase_create("store");
    tcase_add_test(tests, an_empty_store_knows_nobody);
    tcase_add_test(tests, the_last_value_of_a_pair_wins_and_counts_once);
    tcase_add_test(tests, a_rating_of_zero_is_a_rating);
    tcase_add_test(tests, ids_are_bytes_of_any_length_up_to_the_limit);
    tcase_add_test(tests, a_retraction_leaves_the_user_and_the_items_index);
    tcase_add_test(tests, a_free_slot_is_taken_again_with_an_empty_history);
    tcase_add_test(tests, a_user_belongs_to_the_partition_of_the_latest_put);
    tcase_add_test(tests, a_copy_has_every_rating_by_user_and_nobody_without_ratings);
    tcase_add_loop_test(tests, the_store_equals_a_plain_table_after_any_sequence, 1, 4);
    tcase_add_test(tests, items_added_in_order_get_the_same_indices_again);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
