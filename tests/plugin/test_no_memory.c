/* test_no_memory.c - memory runs out at every possible place: the call says so, and the state is as it was. The sources are included, so
 * that their allocations, the header's and uthash's can be made to fail. */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long allocations_left = -1; /* negative: as many as you like */

static bool may_allocate(void)
{
    if (allocations_left < 0) {
        return true;
    }
    if (allocations_left == 0) {
        return false;
    }
    --allocations_left;
    return true;
}

static void *scarce_malloc(size_t bytes)
{
    return may_allocate() ? malloc(bytes) : NULL;
}

static void *scarce_calloc(size_t count, size_t bytes)
{
    return may_allocate() ? calloc(count, bytes) : NULL;
}

static void *scarce_realloc(void *block, size_t bytes)
{
    return may_allocate() ? realloc(block, bytes) : NULL;
}

#define malloc(bytes) scarce_malloc(bytes)
#define calloc(count, bytes) scarce_calloc(count, bytes)
#define realloc(block, bytes) scarce_realloc(block, bytes)
#define LFREC_STATIC
#define LFREC_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function" /* of the header's functions only some are used */
#include "../../lfrec.h"
#include "../../plugin/ratings.c"
#include "../../plugin/outbox.c"
#include "../../plugin/idle.c"
#include "../../plugin/forecast.c"
#include "../../plugin/job.c"
#include "../../plugin/operator.c"
#include "../../plugin/operator_lists.c"
#include "../../plugin/operator_models.c"
#include "suite.h"
#pragma GCC diagnostic pop

static bool take(void *context, const lfrec_recommendation *recommendation)
{
    (void)recommendation;
    ++*(size_t *)context;
    return true;
}

static lfrec_id id_of(const char *text)
{
    return (lfrec_id){text, strlen(text)};
}

/* What can be told apart from outside. */
struct state {
    uint64_t users, items, ratings, stale, predicted;
    double mean;
};

static struct state state_of(const lfrec_operator *op)
{
    lfrec_operator_stats stats = lfrec_operator_stats_of(op);
    return (struct state){stats.users,       stats.items,     stats.ratings,
                          stats.stale_users, stats.predicted, lfrec_sum_mean(&op->means.overall, 0, 0)};
}

static bool same_state(const struct state *a, const struct state *b)
{
    return a->users == b->users && a->items == b->items && a->ratings == b->ratings && a->stale == b->stale &&
           a->predicted == b->predicted && a->mean <= b->mean && a->mean >= b->mean;
}

START_TEST(an_operator_that_cannot_be_opened_says_so)
{
    lfrec_operator_options options = lfrec_operator_options_for(8, 1, 5);
    char error[LFREC_OPERATOR_ERROR_MAX];
    size_t published = 0;
    lfrec_operator *op = NULL;
    bool opened = false;
    long allowed = 0;
    for (; !opened; ++allowed) {
        ck_assert_int_lt(allowed, 100);
        error[0] = '\0';
        allocations_left = allowed;
        opened = lfrec_operator_open(&op, &options, take, &published, error);
        allocations_left = -1;
        ck_assert(opened || strstr(error, "memory"));
    }
    ck_assert_int_gt(allowed, 5);
    lfrec_operator_close(op);
}
END_TEST

/* Every event is tried with 0, 1, 2, ... allocations until it goes through. */
START_TEST(an_event_that_finds_no_memory_changes_nothing_and_can_be_tried_again)
{
    lfrec_operator_options options = lfrec_operator_options_for(8, 1, 5);
    char error[LFREC_OPERATOR_ERROR_MAX];
    size_t published = 0, refused = 0;
    lfrec_operator *op;
    ck_assert(lfrec_operator_open(&op, &options, take, &published, error));
    for (unsigned k = 0; k < 1500; ++k) {
        char user[16], item[16];
        snprintf(user, sizeof user, "u%u", (k * 7) % 300);
        snprintf(item, sizeof item, "i%u", (k * 11) % 700); /* more than two doublings of the model's room */
        lfrec_event event = {.kind = LFREC_EVENT_RATE, .user = id_of(user), .item = id_of(item), .rating = (float)(1 + k % 5)};
        if (k % 97 == 96) {
            snprintf(user, sizeof user, "stranger%u", k);
            event = (lfrec_event){.kind = LFREC_EVENT_FORGET, .user = id_of(user)};
        }
        lfrec_learned learned = LFREC_OUT_OF_MEMORY;
        for (long allowed = 0; learned == LFREC_OUT_OF_MEMORY; ++allowed) {
            ck_assert_int_lt(allowed, 20);
            struct state before = state_of(op);
            allocations_left = allowed;
            learned = lfrec_operator_learn(op, &event, 0, k % 3 == 0);
            allocations_left = -1;
            struct state after = state_of(op);
            ck_assert(learned != LFREC_OUT_OF_MEMORY || same_state(&before, &after));
            refused += learned == LFREC_OUT_OF_MEMORY;
        }
        ck_assert_int_ne(learned, LFREC_REFUSED);
    }
    ck_assert_uint_gt(refused, 1000);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).items, 700);
    lfrec_operator_republish(op, SIZE_MAX);
    lfrec_operator_close(op);
}
END_TEST

static void learn(lfrec_operator *op, const char *kind, unsigned count)
{
    for (unsigned k = 0; k < count; ++k) {
        char user[16], item[16];
        snprintf(user, sizeof user, "u%u", k % 20);
        snprintf(item, sizeof item, "%s%u", kind, (k * 3) % 50);
        lfrec_event event = {.kind = LFREC_EVENT_RATE, .user = id_of(user), .item = id_of(item), .rating = (float)(1 + k % 5)};
        ck_assert_int_ne(lfrec_operator_learn(op, &event, 0, false), LFREC_OUT_OF_MEMORY);
    }
}

START_TEST(a_training_that_finds_no_memory_keeps_the_old_model)
{
    lfrec_operator_options options = lfrec_operator_options_for(8, 1, 5);
    options.epochs = 2;
    char error[LFREC_OPERATOR_ERROR_MAX];
    size_t published = 0;
    lfrec_operator *op;
    ck_assert(lfrec_operator_open(&op, &options, take, &published, error));
    learn(op, "i", 200);
    bool adopted = false;
    uint64_t failed = 0, not_begun = 0;
    for (long allowed = 0; !adopted; ++allowed) {
        ck_assert_int_lt(allowed, 50);
        allocations_left = allowed;
        lfrec_job *job = lfrec_operator_retrain_begin(op);
        if (job) {
            lfrec_job_run(job);
            adopted = lfrec_operator_retrain_adopt(op, job, error);
            failed += !adopted;
            ck_assert_msg(adopted || strstr(error, "memory"), "%s", error);
        } else {
            ++not_begun;
        }
        allocations_left = -1;
        ck_assert_uint_eq(lfrec_operator_stats_of(op).failed_retrains, failed);
        ck_assert_uint_eq(lfrec_operator_stats_of(op).model_version, adopted);
    }
    ck_assert_uint_eq(not_begun, 4);
    ck_assert_uint_gt(failed, 1);
    lfrec_operator_republish(op, SIZE_MAX);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_model_that_finds_no_memory_to_grow_is_not_adopted)
{
    lfrec_operator_options options = lfrec_operator_options_for(8, 1, 5);
    options.epochs = 2;
    char error[LFREC_OPERATOR_ERROR_MAX] = "";
    size_t published = 0;
    lfrec_operator *op;
    ck_assert(lfrec_operator_open(&op, &options, take, &published, error));
    learn(op, "i", 200);
    lfrec_job *job = lfrec_operator_retrain_begin(op);
    ck_assert_ptr_nonnull(job);
    lfrec_job_run(job);
    learn(op, "late", 200); /* past the room that the job's model has */
    allocations_left = 0;
    ck_assert(!lfrec_operator_retrain_adopt(op, job, error));
    allocations_left = -1;
    ck_assert_ptr_nonnull(strstr(error, "memory"));
    ck_assert_uint_eq(lfrec_operator_stats_of(op).failed_retrains, 1);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).model_version, 0);
    lfrec_operator_republish(op, SIZE_MAX);
    ck_assert_uint_eq(published, 20);
    lfrec_operator_close(op);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("no memory");
    TCase *tests = tcase_create("no memory");
    tcase_add_test(tests, an_operator_that_cannot_be_opened_says_so);
    tcase_add_test(tests, an_event_that_finds_no_memory_changes_nothing_and_can_be_tried_again);
    tcase_add_test(tests, a_training_that_finds_no_memory_keeps_the_old_model);
    tcase_add_test(tests, a_model_that_finds_no_memory_to_grow_is_not_adopted);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
