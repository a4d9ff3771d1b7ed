/* test_ceiling.c - no more users and items than allowed: who has been idle longest leaves, and nothing of them stays behind. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/idle.h"
#include "../../plugin/operator_state.h"
#include "../../plugin/snapshot.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lfrec_id id_of(const char *text)
{
    return (lfrec_id){text, strlen(text)};
}

static bool take_list(void *context, const lfrec_recommendation *list)
{
    (void)list;
    size_t *taken = context;
    ++*taken;
    return true;
}

static size_t taken;

static lfrec_operator *operator_with(uint32_t most_users, uint32_t most_items)
{
    lfrec_operator *op = NULL;
    char error[LFREC_OPERATOR_ERROR_MAX];
    lfrec_operator_options options = lfrec_operator_options_for(2, 0.5f, 5);
    options.min_support = 0;
    options.most_users = most_users;
    options.most_items = most_items;
    ck_assert_msg(lfrec_operator_open(&op, &options, take_list, &taken, error), "%s", error);
    return op;
}

static lfrec_learned learn(lfrec_operator *op, lfrec_event_kind kind, const char *user, const char *item, float rating)
{
    lfrec_event event = {.kind = kind, .user = id_of(user), .item = id_of(item), .rating = rating};
    return lfrec_operator_learn(op, &event, 0, true);
}

static bool knows(const lfrec_operator *op, const char *user)
{
    return lfrec_store_find_user(lfrec_operator_state_of(op).store, id_of(user)) != LFREC_NO_INDEX;
}

/* Means and idle order against the store, from scratch. */
static void check_consistent(const lfrec_operator *op)
{
    lfrec_operator_state state = lfrec_operator_state_of(op);
    lfrec_means means;
    ck_assert_int_eq(lfrec_means_create(&means, state.means->items, NULL), LFREC_OK);
    uint32_t user, seen = 0, there = 0;
    for (bool ok = lfrec_operator_oldest(op, &user); ok; ok = lfrec_operator_newer(op, &user)) {
        ck_assert(lfrec_store_has_user(state.store, user));
        lfrec_history history = lfrec_store_history(state.store, user);
        for (size_t k = 0; k < history.count; k++) {
            lfrec_means_add(&means, history.item[k], history.value[k]);
        }
        ++seen;
    }
    for (uint32_t u = 0; u < lfrec_store_user_slots(state.store); u++) {
        there += lfrec_store_has_user(state.store, u);
    }
    ck_assert_uint_eq(seen, there);
    ck_assert_mem_eq(&means.overall, &state.means->overall, sizeof means.overall);
    ck_assert_mem_eq(means.item, state.means->item, means.items * sizeof *means.item);
    lfrec_means_destroy(&means);
}

START_TEST(users_stand_in_the_order_of_their_latest_events)
{
    lfrec_idle idle = {0};
    uint32_t user, expected[3] = {2, 0, 7}, at = 0;
    ck_assert(!lfrec_idle_first(&idle, &user));
    ck_assert(lfrec_idle_reserve(&idle, 3));
    lfrec_idle_touch(&idle, 0);
    lfrec_idle_touch(&idle, 1);
    lfrec_idle_touch(&idle, 2);
    lfrec_idle_touch(&idle, 2);
    lfrec_idle_touch(&idle, 0);
    ck_assert(lfrec_idle_reserve(&idle, 100));
    lfrec_idle_touch(&idle, 7);
    lfrec_idle_remove(&idle, 1);
    lfrec_idle_remove(&idle, 1);
    lfrec_idle_remove(&idle, 50);
    for (bool ok = lfrec_idle_first(&idle, &user); ok; ok = lfrec_idle_next(&idle, &user)) {
        ck_assert_uint_eq(user, expected[at++]);
    }
    ck_assert_uint_eq(at, 3);
    lfrec_idle_remove(&idle, 2);
    lfrec_idle_remove(&idle, 7);
    lfrec_idle_remove(&idle, 0);
    ck_assert(!lfrec_idle_first(&idle, &user));
    lfrec_idle_free(&idle);
}
END_TEST

START_TEST(who_has_been_idle_longest_makes_way)
{
    lfrec_operator *op = operator_with(3, 0);
    learn(op, LFREC_EVENT_RATE, "a", "i", 3);
    learn(op, LFREC_EVENT_RATE, "b", "i", 4);
    learn(op, LFREC_EVENT_RATE, "c", "j", 5);
    learn(op, LFREC_EVENT_RATE, "a", "i", 3); /* says nothing new, but a is not idle */
    learn(op, LFREC_EVENT_RATE, "c", "i", 1);
    size_t before = taken;
    ck_assert_int_eq(learn(op, LFREC_EVENT_RATE, "d", "k", 2), LFREC_LEARNED);
    ck_assert_uint_eq(taken, before + 1); /* d's list, and no goodbye: the list of b stays */
    ck_assert(!knows(op, "b") && knows(op, "a") && knows(op, "c") && knows(op, "d"));
    check_consistent(op);
    ck_assert_int_eq(learn(op, LFREC_EVENT_RATE, "b", "i", 4), LFREC_LEARNED); /* who comes back is a new user */
    ck_assert(!knows(op, "a"));
    lfrec_operator_stats stats = lfrec_operator_stats_of(op);
    ck_assert_uint_eq(stats.users, 3);
    ck_assert_uint_eq(stats.evicted, 2);
    check_consistent(op);
    lfrec_operator_close(op);
}
END_TEST

static char left[64];

static void note_evicted(void *context, lfrec_id user, uint32_t slot)
{
    (void)context, (void)slot;
    size_t length = strlen(left);
    snprintf(left + length, sizeof left - length, "%.*s ", (int)user.length, user.bytes);
}

START_TEST(whoever_makes_way_is_told_of)
{
    lfrec_operator *op = operator_with(2, 0);
    left[0] = '\0';
    lfrec_operator_tell_evicted(op, note_evicted);
    learn(op, LFREC_EVENT_RATE, "a", "x", 3);
    learn(op, LFREC_EVENT_RATE, "b", "x", 3);
    learn(op, LFREC_EVENT_FORGET, "a", "", 0);
    ck_assert_str_eq(left, "");
    learn(op, LFREC_EVENT_RATE, "c", "x", 3);
    learn(op, LFREC_EVENT_RATE, "d", "x", 3);
    learn(op, LFREC_EVENT_RATE, "e", "x", 3);
    ck_assert_str_eq(left, "b c ");
    lfrec_operator_close(op);
}
END_TEST

START_TEST(neither_a_state_nor_a_model_brings_more_items_than_allowed)
{
    char error[LFREC_OPERATOR_ERROR_MAX];
    lfrec_operator *op = operator_with(0, 2);
    lfrec_id items[] = {id_of("x"), id_of("y"), id_of("z")};
    lfrec_operator_saved saved = {.items = items, .count = 3};
    ck_assert(!lfrec_operator_restore_model(op, &saved, error));
    ck_assert_uint_eq(lfrec_operator_stats_of(op).items, 0);
    ck_assert(lfrec_operator_restore_rating(op, id_of("a"), items[0], 3, 0));
    ck_assert(lfrec_operator_restore_rating(op, id_of("a"), items[1], 3, 0));
    ck_assert(!lfrec_operator_restore_rating(op, id_of("a"), items[2], 3, 0));
    lfrec_operator_close(op);

    lfrec_operator *trainer = operator_with(0, 0), *scorer = operator_with(0, 5);
    lfrec_buffer packed = {0};
    for (int n = 0; n < 60; n++) {
        char user[8], item[8];
        snprintf(user, sizeof user, "u%d", n / 6);
        snprintf(item, sizeof item, "i%d", (n / 6 + n % 6) % 12);
        learn(trainer, LFREC_EVENT_RATE, user, item, (float)(1 + n % 5));
    }
    lfrec_job *job = lfrec_operator_retrain_begin(trainer);
    ck_assert_ptr_nonnull(job);
    lfrec_job_run(job);
    ck_assert(lfrec_operator_retrain_adopt(trainer, job, error));
    ck_assert(lfrec_operator_write_model(trainer, &packed));
    learn(scorer, LFREC_EVENT_RATE, "u1", "mine", 3);
    ck_assert_msg(lfrec_operator_read_model(scorer, packed.bytes, packed.length, 1, error), "%s", error);
    ck_assert_uint_eq(lfrec_operator_stats_of(scorer).items, 5);
    ck_assert_int_eq(learn(scorer, LFREC_EVENT_RATE, "u1", "i11", 3), LFREC_REFUSED);
    ck_assert_int_eq(learn(scorer, LFREC_EVENT_RATE, "u1", "i2", 3), LFREC_LEARNED);
    check_consistent(scorer);
    lfrec_operator_close(trainer);
    lfrec_operator_close(scorer);
    lfrec_buffer_free(&packed);
}
END_TEST

START_TEST(who_waits_to_be_told_goodbye_does_not_count_and_stays)
{
    lfrec_operator *op = operator_with(1, 0);
    lfrec_event event = {.kind = LFREC_EVENT_RATE, .user = id_of("a"), .item = id_of("i"), .rating = 3};
    lfrec_operator_learn(op, &event, 0, false);
    event.kind = LFREC_EVENT_FORGET;
    lfrec_operator_learn(op, &event, 0, false);
    learn(op, LFREC_EVENT_RATE, "b", "i", 3);
    learn(op, LFREC_EVENT_RATE, "c", "i", 3);
    ck_assert(knows(op, "a") && !knows(op, "b") && knows(op, "c"));
    lfrec_operator_republish(op, 10);
    ck_assert(!knows(op, "a"));
    check_consistent(op);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_rating_of_one_item_too_many_is_refused)
{
    lfrec_operator *op = operator_with(0, 2);
    ck_assert_int_eq(learn(op, LFREC_EVENT_RATE, "a", "i", 3), LFREC_LEARNED);
    ck_assert_int_eq(learn(op, LFREC_EVENT_RATE, "a", "j", 3), LFREC_LEARNED);
    ck_assert_int_eq(learn(op, LFREC_EVENT_RATE, "b", "k", 3), LFREC_REFUSED);
    ck_assert(!knows(op, "b"));
    ck_assert_int_eq(learn(op, LFREC_EVENT_RATE, "b", "i", 3), LFREC_LEARNED);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).items, 2);
    check_consistent(op);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(ceilings_hold_whatever_comes)
{
    lfrec_operator *op = operator_with(17, 23);
    unsigned state = 1;
    for (int turn = 0; turn < 5000; turn++) {
        char user[16], item[16];
        state = state * 1103515245u + 12345u;
        snprintf(user, sizeof user, "u%u", state >> 16 & 63);
        snprintf(item, sizeof item, "i%u", state >> 22 & 31);
        unsigned what = state >> 27;
        learn(op,
              what == 0  ? LFREC_EVENT_FORGET
              : what < 4 ? LFREC_EVENT_RETRACT
                         : LFREC_EVENT_RATE,
              user, item, (float)(1 + what % 5));
        lfrec_operator_stats stats = lfrec_operator_stats_of(op);
        ck_assert_uint_le(stats.users, 17);
        ck_assert_uint_le(stats.items, 23);
        if (turn % 100 == 0) {
            check_consistent(op);
        }
    }
    check_consistent(op);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(the_order_survives_a_snapshot_and_a_lower_ceiling_is_kept)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX];
    lfrec_operator *op = operator_with(0, 0), *back = operator_with(2, 0);
    learn(op, LFREC_EVENT_RATE, "a", "i", 3);
    learn(op, LFREC_EVENT_RATE, "b", "i", 4);
    learn(op, LFREC_EVENT_RATE, "c", "j", 5);
    learn(op, LFREC_EVENT_RATE, "a", "j", 3);
    lfrec_snapshot_partition partition = {.id = 0, .position = 4, .resume = 4, .witness_offset = -1};
    lfrec_snapshot_about about = {
        .cluster = "", .topic = "t", .scale_min = 0.5f, .scale_max = 5, .partitions = &partition, .partition_count = 1};
    lfrec_buffer bytes = {0};
    lfrec_snapshot snapshot;
    ck_assert(lfrec_snapshot_write(op, &about, &bytes));
    ck_assert_msg(lfrec_snapshot_open(&snapshot, bytes.bytes, bytes.length, error), "%s", error);
    ck_assert(lfrec_snapshot_restore_model(&snapshot, back, error));
    ck_assert(lfrec_snapshot_restore_partition(&snapshot, back, 0));
    ck_assert(!knows(back, "b") && knows(back, "c") && knows(back, "a"));
    learn(back, LFREC_EVENT_RATE, "d", "i", 1);
    ck_assert(!knows(back, "c") && knows(back, "a") && knows(back, "d"));
    check_consistent(back);
    lfrec_snapshot_close(&snapshot);
    lfrec_buffer_free(&bytes);
    lfrec_operator_close(op);
    lfrec_operator_close(back);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ceiling");
    TCase *tests = tcase_create("ceiling");
    tcase_add_test(tests, users_stand_in_the_order_of_their_latest_events);
    tcase_add_test(tests, who_has_been_idle_longest_makes_way);
    tcase_add_test(tests, who_waits_to_be_told_goodbye_does_not_count_and_stays);
    tcase_add_test(tests, whoever_makes_way_is_told_of);
    tcase_add_test(tests, neither_a_state_nor_a_model_brings_more_items_than_allowed);
    tcase_add_test(tests, a_rating_of_one_item_too_many_is_refused);
    tcase_add_test(tests, ceilings_hold_whatever_comes);
    tcase_add_test(tests, the_order_survives_a_snapshot_and_a_lower_ceiling_is_kept);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
