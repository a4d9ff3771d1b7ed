/* test_delivery.c - which offsets may be committed, by examples and against a plain table of what is outstanding. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/delivery.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lfrec_id id_of(const char *text)
{
    return (lfrec_id){text, strlen(text)};
}

static lfrec_delivery *delivery;
static lfrec_partition *first;

static void set_up(void)
{
    delivery = lfrec_delivery_open();
    ck_assert_ptr_nonnull(delivery);
    first = lfrec_delivery_assign(delivery, 0);
    ck_assert_ptr_nonnull(first);
}

static void tear_down(void)
{
    lfrec_delivery_close(delivery);
}

/* Learns the event at an offset: position moves on. */
static lfrec_hold *held_event(lfrec_partition *partition, int64_t offset)
{
    lfrec_hold *hold = lfrec_delivery_hold(partition, offset);
    ck_assert_ptr_nonnull(hold);
    partition->position = offset + 1;
    return hold;
}

START_TEST(nothing_seen_commits_nothing)
{
    ck_assert_int_eq(lfrec_delivery_committable(first), -1);
    ck_assert_uint_eq(lfrec_delivery_count(delivery), 1);
    ck_assert_uint_eq(lfrec_delivery_holds(delivery), 0);
}
END_TEST

START_TEST(position_is_committable_when_nothing_is_outstanding)
{
    first->position = 17;
    ck_assert_int_eq(lfrec_delivery_committable(first), 17);
}
END_TEST

START_TEST(oldest_unacknowledged_output_holds_the_offset)
{
    lfrec_hold *three = held_event(first, 3), *five = held_event(first, 5), *nine = held_event(first, 9);
    ck_assert_int_eq(lfrec_delivery_committable(first), 3);
    lfrec_delivery_let_go(five); /* reports may come in any order */
    ck_assert_int_eq(lfrec_delivery_committable(first), 3);
    lfrec_delivery_let_go(three);
    ck_assert_int_eq(lfrec_delivery_committable(first), 9);
    lfrec_delivery_let_go(nine);
    ck_assert_int_eq(lfrec_delivery_committable(first), 10);
}
END_TEST

static lfrec_recommendation list_for(const char *user, uint32_t slot, bool forgotten)
{
    return (lfrec_recommendation){.user = id_of(user), .slot = slot, .partition = 0, .forgotten = forgotten};
}

START_TEST(a_list_is_under_way_until_it_is_reported)
{
    lfrec_recommendation list = list_for("u", 70, false);
    ck_assert(!lfrec_delivery_under_way(delivery, 70));
    lfrec_output *one = lfrec_delivery_send(delivery, &list, held_event(first, 3));
    lfrec_output *two = lfrec_delivery_send(delivery, &list, NULL);
    ck_assert(lfrec_delivery_under_way(delivery, 70));
    ck_assert(!lfrec_delivery_under_way(delivery, 69));
    lfrec_delivery_arrived(two);
    ck_assert(lfrec_delivery_under_way(delivery, 70));
    ck_assert_int_eq(lfrec_delivery_committable(first), 3);
    ck_assert_int_eq(lfrec_delivery_resume(first), 4); /* the state has it: a list is made again from that */
    lfrec_delivery_arrived(one);
    ck_assert(!lfrec_delivery_under_way(delivery, 70));
    ck_assert_int_eq(lfrec_delivery_committable(first), 4);
    lfrec_delivery_arrived(NULL);
}
END_TEST

START_TEST(a_list_that_was_not_handed_over_gives_its_holds_back)
{
    lfrec_recommendation list = list_for("u", 0, true);
    lfrec_hold *hold = held_event(first, 3);
    lfrec_output *output = lfrec_delivery_send(delivery, &list, hold);
    ck_assert_ptr_eq(lfrec_delivery_unsend(output), hold);
    ck_assert(!lfrec_delivery_under_way(delivery, 0));
    ck_assert_int_eq(lfrec_delivery_committable(first), 3);
    lfrec_delivery_let_go(hold);
}
END_TEST

START_TEST(a_dead_letter_under_way_is_read_again_by_the_next_start)
{
    lfrec_output *letter = lfrec_delivery_send(delivery, NULL, held_event(first, 5));
    lfrec_hold *list = held_event(first, 7);
    first->position = 20;
    ck_assert_int_eq(lfrec_delivery_resume(first), 5);
    lfrec_delivery_arrived(letter);
    ck_assert_int_eq(lfrec_delivery_resume(first), 20);
    ck_assert_int_eq(lfrec_delivery_committable(first), 7);
    lfrec_delivery_let_go(list);
}
END_TEST

static bool note_goodbye(void *context, lfrec_id id, int32_t partition)
{
    char *text = context;
    sprintf(text + strlen(text), "%.*s@%d ", (int)id.length, id.bytes, (int)partition);
    return true;
}

START_TEST(goodbyes_under_way_are_known_by_id)
{
    char text[100] = "";
    lfrec_recommendation a = list_for("a", 1, true), b = list_for("b", 2, true), c = list_for("c", 1, true);
    lfrec_output *one = lfrec_delivery_send(delivery, &a, NULL), *two = lfrec_delivery_send(delivery, &b, NULL),
                 *three = lfrec_delivery_send(delivery, &c, NULL);
    lfrec_delivery_arrived(two);
    ck_assert(lfrec_delivery_goodbyes(delivery, note_goodbye, text));
    ck_assert_str_eq(text, "c@0 a@0 ");
    lfrec_delivery_arrived(three);
    lfrec_delivery_arrived(one);
    text[0] = '\0';
    ck_assert(lfrec_delivery_goodbyes(delivery, note_goodbye, text));
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(deferred_list_holds_until_it_is_acknowledged)
{
    lfrec_hold *hold = held_event(first, 4);
    first->position = 8;
    ck_assert(lfrec_delivery_defer(delivery, 1, hold));
    ck_assert(lfrec_delivery_deferred(delivery, 1, 0));
    ck_assert(!lfrec_delivery_deferred(delivery, 1, 1));
    ck_assert(!lfrec_delivery_deferred(delivery, 2, 0));
    ck_assert_ptr_null(lfrec_delivery_take(delivery, 2));
    lfrec_hold *taken = lfrec_delivery_take(delivery, 1);
    ck_assert_ptr_eq(taken, hold);
    ck_assert_ptr_null(lfrec_delivery_take(delivery, 1));
    ck_assert_int_eq(lfrec_delivery_committable(first), 4); /* under way, not acknowledged */
    lfrec_delivery_let_go(taken);
    ck_assert_int_eq(lfrec_delivery_committable(first), 8);
}
END_TEST

START_TEST(one_list_settles_a_user_of_two_partitions)
{
    lfrec_partition *second = lfrec_delivery_assign(delivery, 1);
    first = lfrec_delivery_find(delivery, 0);
    ck_assert(lfrec_delivery_defer(delivery, 1, held_event(first, 4)));
    ck_assert(lfrec_delivery_defer(delivery, 1, held_event(second, 6)));
    ck_assert_uint_eq(lfrec_delivery_deferred_users(delivery), 1);
    lfrec_delivery_let_go(lfrec_delivery_take(delivery, 1));
    ck_assert_int_eq(lfrec_delivery_committable(first), 5);
    ck_assert_int_eq(lfrec_delivery_committable(second), 7);
}
END_TEST

START_TEST(settling_lets_every_deferred_hold_go_and_no_other)
{
    ck_assert(lfrec_delivery_defer(delivery, 1, held_event(first, 1)));
    ck_assert(lfrec_delivery_defer(delivery, 2, held_event(first, 2)));
    lfrec_hold *flying = held_event(first, 3);
    lfrec_delivery_settle(delivery);
    ck_assert_uint_eq(lfrec_delivery_deferred_users(delivery), 0);
    ck_assert_int_eq(lfrec_delivery_committable(first), 3);
    lfrec_delivery_let_go(flying);
}
END_TEST

START_TEST(removed_partition_lets_go_and_late_reports_are_harmless)
{
    lfrec_partition *second = lfrec_delivery_assign(delivery, 1);
    first = lfrec_delivery_find(delivery, 0);
    lfrec_hold *flying = held_event(first, 1);
    ck_assert(lfrec_delivery_defer(delivery, 90, held_event(first, 2)));
    ck_assert(lfrec_delivery_defer(delivery, 90, held_event(second, 3)));
    ck_assert(lfrec_delivery_defer(delivery, 7, held_event(first, 4)));
    lfrec_delivery_remove(delivery, 0);
    ck_assert_ptr_null(lfrec_delivery_find(delivery, 0));
    ck_assert_uint_eq(lfrec_delivery_deferred_users(delivery), 1);
    ck_assert_int_eq(lfrec_delivery_committable(second), 3);
    /* The partition comes back; a report of its former life changes nothing. */
    first = lfrec_delivery_assign(delivery, 0);
    lfrec_hold *again = held_event(first, 0);
    lfrec_delivery_let_go(flying);
    ck_assert_int_eq(lfrec_delivery_committable(first), 0);
    lfrec_delivery_let_go(again);
    ck_assert_int_eq(lfrec_delivery_committable(first), 1);
}
END_TEST

START_TEST(assigning_again_starts_anew)
{
    lfrec_hold *flying = held_event(first, 7);
    first = lfrec_delivery_assign(delivery, 0);
    ck_assert_uint_eq(lfrec_delivery_count(delivery), 1);
    ck_assert_int_eq(lfrec_delivery_committable(first), -1);
    lfrec_delivery_let_go(flying);
}
END_TEST

/* A random life: events that publish, defer or do neither, reports in any order, partitions that leave. The reference is a table of
 * every offset with what it waits for. */
enum { PARTITIONS = 3, EVENTS = 4000, USERS = 20 };
enum { DONE, FLYING, WAITING };

typedef struct row {
    int state;
    unsigned user;
    lfrec_hold *hold; /* FLYING */
} row;

static uint32_t seed = 1;
static unsigned draw(unsigned below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void check_partition(const lfrec_partition *partition, const row *rows, int64_t count)
{
    int64_t expected = count > 0 ? count : -1;
    for (int64_t i = 0; i < count; i++) {
        if (rows[i].state != DONE) {
            expected = i;
            break;
        }
    }
    ck_assert_int_eq(lfrec_delivery_committable(partition), expected);
}

START_TEST(random_life_agrees_with_a_table)
{
    static row rows[PARTITIONS][EVENTS];
    lfrec_partition *partition[PARTITIONS];
    int64_t count[PARTITIONS] = {0};
    for (int p = 0; p < PARTITIONS; p++) {
        partition[p] = lfrec_delivery_assign(delivery, p);
    }
    for (int step = 0; step < EVENTS; step++) {
        int p = (int)draw(PARTITIONS);
        unsigned user = draw(USERS);
        int64_t offset = count[p]++;
        row *r = &rows[p][offset];
        *r = (row){.user = user};
        partition[p]->position = offset + 1;
        unsigned kind = draw(4);
        if (kind == 0 && !lfrec_delivery_deferred(delivery, user, p)) { /* the list is to come later */
            r->state = WAITING;
            ck_assert(lfrec_delivery_defer(delivery, user, lfrec_delivery_hold(partition[p], offset)));
        } else if (kind == 1) { /* published: the user's waiting holds go with it, all or none of them acknowledged at once here */
            lfrec_hold *chain = lfrec_delivery_take(delivery, user);
            lfrec_delivery_let_go(chain);
            for (int q = 0; q < PARTITIONS; q++) {
                for (int64_t i = 0; i < count[q]; i++) {
                    if (rows[q][i].state == WAITING && rows[q][i].user == user) {
                        rows[q][i].state = DONE;
                    }
                }
            }
            r->state = FLYING;
            r->hold = lfrec_delivery_hold(partition[p], offset);
        }
        if (draw(2)) { /* a report for some output under way */
            int q = (int)draw(PARTITIONS);
            for (int64_t i = count[q] > 40 ? count[q] - 40 + draw(20) : 0; i < count[q]; i++) {
                if (rows[q][i].state == FLYING) {
                    lfrec_delivery_let_go(rows[q][i].hold);
                    rows[q][i].state = DONE;
                    break;
                }
            }
        }
        if (draw(500) == 0) { /* a partition leaves and comes back */
            int q = (int)draw(PARTITIONS);
            lfrec_delivery_remove(delivery, q);
            for (int64_t i = 0; i < count[q]; i++) {
                if (rows[q][i].state == FLYING) {
                    lfrec_delivery_let_go(rows[q][i].hold); /* a late report */
                }
                rows[q][i].state = DONE;
            }
            partition[q] = lfrec_delivery_assign(delivery, q);
            count[q] = 0;
        }
        check_partition(partition[p], rows[p], count[p]);
    }
    for (int p = 0; p < PARTITIONS; p++) {
        check_partition(partition[p], rows[p], count[p]);
        for (int64_t i = 0; i < count[p]; i++) {
            if (rows[p][i].state == FLYING) {
                lfrec_delivery_let_go(rows[p][i].hold);
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("delivery");
    TCase *tests = tcase_create("delivery");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, nothing_seen_commits_nothing);
    tcase_add_test(tests, position_is_committable_when_nothing_is_outstanding);
    tcase_add_test(tests, oldest_unacknowledged_output_holds_the_offset);
    tcase_add_test(tests, a_list_is_under_way_until_it_is_reported);
    tcase_add_test(tests, a_list_that_was_not_handed_over_gives_its_holds_back);
    tcase_add_test(tests, a_dead_letter_under_way_is_read_again_by_the_next_start);
    tcase_add_test(tests, goodbyes_under_way_are_known_by_id);
    tcase_add_test(tests, deferred_list_holds_until_it_is_acknowledged);
    tcase_add_test(tests, one_list_settles_a_user_of_two_partitions);
    tcase_add_test(tests, settling_lets_every_deferred_hold_go_and_no_other);
    tcase_add_test(tests, removed_partition_lets_go_and_late_reports_are_harmless);
    tcase_add_test(tests, assigning_again_starts_anew);
    tcase_add_test(tests, random_life_agrees_with_a_table);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
