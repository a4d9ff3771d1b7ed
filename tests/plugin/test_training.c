/* test_training.c - when a training is due. None is run here. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/training.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static bool publish_nothing(void *context, const lfrec_recommendation *recommendation)
{
    (void)context, (void)recommendation;
    return true;
}

static lfrec_operator *op;
static lfrec_training training;

static void begin(uint64_t every_events, uint32_t every_seconds)
{
    char error[LFREC_OPERATOR_ERROR_MAX];
    lfrec_operator_options options = lfrec_operator_options_for(4, 1, 5);
    ck_assert(lfrec_operator_open(&op, &options, publish_nothing, NULL, error));
    ck_assert(lfrec_training_open(&training, op, every_events, every_seconds, error));
}

static void end(void)
{
    lfrec_training_close(&training);
    lfrec_operator_close(op);
}

/* Events until one is due, from a training at so many. */
static uint64_t events_until_due(uint64_t most)
{
    for (uint64_t k = 1; k <= most; ++k) {
        lfrec_event event = {.kind = LFREC_EVENT_RATE, .user = {"u", 1}, .item = {"i", 1}, .rating = 3};
        lfrec_operator_learn(op, &event, 0, false);
        if (lfrec_training_due(&training, training.last)) {
            training.events_then = lfrec_operator_stats_of(op).events;
            return k;
        }
    }
    return 0;
}

START_TEST(a_training_waits_for_a_tenth_more_events_but_no_longer_than_said)
{
    ck_assert_uint_eq(lfrec_training_wait(0, 10000), 500);
    ck_assert_uint_eq(lfrec_training_wait(6000, 10000), 600);
    ck_assert_uint_eq(lfrec_training_wait(1000000, 10000), 10000);
    ck_assert_uint_eq(lfrec_training_wait(0, 20), 20);
    begin(700, 0);
    ck_assert_uint_eq(events_until_due(2000), 500);
    training.events_then = lfrec_operator_stats_of(op).events;
    while (training.events_then < 6000) {
        const uint64_t wait = lfrec_training_wait(training.events_then, 700);
        ck_assert_uint_eq(events_until_due(2000), wait);
    }
    end();
}
END_TEST

START_TEST(no_events_make_none_due_when_it_goes_by_time_or_by_demand)
{
    begin(0, 10);
    ck_assert_uint_eq(events_until_due(5000), 0);
    ck_assert(!lfrec_training_due(&training, training.last + 9999));
    ck_assert(lfrec_training_due(&training, training.last + 10000));
    training.events_then = lfrec_operator_stats_of(op).events;
    ck_assert(!lfrec_training_due(&training, training.last + 10000)); /* nothing new */
    training.demanded = true;
    ck_assert(lfrec_training_due(&training, training.last));
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training");
    TCase *all = tcase_create("all");
    tcase_add_test(all, a_training_waits_for_a_tenth_more_events_but_no_longer_than_said);
    tcase_add_test(all, no_events_make_none_due_when_it_goes_by_time_or_by_demand);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
