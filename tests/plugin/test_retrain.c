/* test_retrain.c - the training thread beside an operator that goes on learning. Run it under a thread sanitizer too. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/job.h"
#include "../../plugin/retrain.h"
#include "suite.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 }; /* of a test that would otherwise hang */

static bool take(void *context, const lfrec_recommendation *recommendation)
{
    (void)context;
    (void)recommendation;
    return true;
}

static void rate(lfrec_operator *op, unsigned u, unsigned i)
{
    char user[16], item[16];
    lfrec_event event = {.kind = LFREC_EVENT_RATE, .rating = (float)(1 + (u * 7 + i * 3 + u * i) % 5)};
    event.user = (lfrec_id){user, (size_t)snprintf(user, sizeof user, "u%u", u)};
    event.item = (lfrec_id){item, (size_t)snprintf(item, sizeof item, "i%u", i)};
    ck_assert_int_ne(lfrec_operator_learn(op, &event, 0, true), LFREC_REFUSED);
}

static lfrec_operator *open_with(uint32_t epochs, uint32_t threads, unsigned users)
{
    lfrec_operator_options options = lfrec_operator_options_for(8, 1, 5);
    options.epochs = epochs;
    options.threads = threads;
    options.ranking = 8;
    char error[LFREC_OPERATOR_ERROR_MAX];
    lfrec_operator *op;
    ck_assert(lfrec_operator_open(&op, &options, take, NULL, error));
    for (unsigned u = 0; u < users; ++u) {
        for (unsigned k = 0; k < 10; ++k) {
            rate(op, u, (u + k * k) % 40);
        }
    }
    return op;
}

static lfrec_operator *open_operator(uint32_t epochs)
{
    return open_with(epochs, 1, 60);
}

static lfrec_retrain *open_thread(void)
{
    char error[LFREC_RETRAIN_ERROR_MAX];
    lfrec_retrain *retrain;
    ck_assert(lfrec_retrain_open(&retrain, error));
    return retrain;
}

static void wait_until_done(const lfrec_retrain *retrain)
{
    struct pollfd end = {.fd = lfrec_retrain_fd(retrain), .events = POLLIN};
    ck_assert_int_eq(poll(&end, 1, PATIENCE_MS), 1);
    ck_assert(lfrec_retrain_done(retrain));
}

START_TEST(a_training_in_the_background_is_adopted_while_events_are_learned)
{
    lfrec_operator *op = open_operator(40);
    lfrec_retrain *retrain = open_thread();
    char error[LFREC_OPERATOR_ERROR_MAX];
    for (unsigned round = 1; round <= 5; ++round) {
        ck_assert(!lfrec_retrain_busy(retrain) && !lfrec_retrain_done(retrain));
        ck_assert(lfrec_retrain_start(retrain, lfrec_operator_retrain_begin(op), error));
        for (unsigned k = 0; k < 500; ++k) {
            rate(op, k % 70, (k * round) % 50); /* new users and items among them */
        }
        wait_until_done(retrain);
        ck_assert(lfrec_retrain_busy(retrain));
        ck_assert_msg(lfrec_operator_retrain_adopt(op, lfrec_retrain_finish(retrain), error), "%s", error);
        ck_assert_uint_eq(lfrec_operator_stats_of(op).model_version, round);
    }
    lfrec_retrain_close(retrain);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(only_one_training_at_a_time)
{
    lfrec_operator *op = open_operator(5), *other = open_operator(5);
    lfrec_retrain *retrain = open_thread();
    char error[LFREC_OPERATOR_ERROR_MAX];
    ck_assert(lfrec_retrain_start(retrain, lfrec_operator_retrain_begin(op), error));
    lfrec_job *second = lfrec_operator_retrain_begin(other);
    ck_assert(!lfrec_retrain_start(retrain, second, error));
    ck_assert_ptr_nonnull(strstr(error, "already"));
    lfrec_job_free(second);
    lfrec_job *first = lfrec_retrain_finish(retrain); /* waits */
    ck_assert(lfrec_operator_retrain_adopt(op, first, error));
    ck_assert_ptr_null(lfrec_retrain_finish(retrain));
    lfrec_retrain_close(retrain);
    lfrec_operator_close(op);
    lfrec_operator_close(other);
}
END_TEST

START_TEST(a_cancelled_training_ends_early)
{
    lfrec_operator *op = open_operator(UINT32_MAX); /* years */
    lfrec_retrain *retrain = open_thread();
    char error[LFREC_OPERATOR_ERROR_MAX];
    lfrec_retrain_cancel(retrain); /* nothing runs: nothing happens */
    ck_assert(lfrec_retrain_start(retrain, lfrec_operator_retrain_begin(op), error));
    ck_assert(!lfrec_retrain_done(retrain));
    lfrec_retrain_cancel(retrain);
    wait_until_done(retrain);
    ck_assert(!lfrec_operator_retrain_adopt(op, lfrec_retrain_finish(retrain), error));
    ck_assert_ptr_nonnull(strstr(error, "cancelled"));
    ck_assert_uint_eq(lfrec_operator_stats_of(op).failed_retrains, 0);
    lfrec_retrain_close(retrain);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(closing_cancels_and_frees_what_runs)
{
    lfrec_operator *op = open_operator(UINT32_MAX);
    lfrec_retrain *retrain = open_thread();
    char error[LFREC_OPERATOR_ERROR_MAX];
    ck_assert(lfrec_retrain_start(retrain, lfrec_operator_retrain_begin(op), error));
    lfrec_retrain_close(retrain);
    lfrec_retrain_close(NULL);
    lfrec_job *next = lfrec_operator_retrain_begin(op); /* the operator knows that its job is gone */
    ck_assert_ptr_nonnull(next);
    lfrec_job_free(next);
    lfrec_operator_close(op);
}
END_TEST

static lfrec_job *trained(lfrec_operator *op, lfrec_retrain *retrain)
{
    char error[LFREC_OPERATOR_ERROR_MAX];
    ck_assert(lfrec_retrain_start(retrain, lfrec_operator_retrain_begin(op), error));
    return lfrec_retrain_finish(retrain); /* waits */
}

static void assert_same_lists(const lfrec_ahead *a, const lfrec_ahead *b)
{
    size_t lists = 0;
    for (size_t user = 0; user < a->slots; ++user) {
        const lfrec_scored *one = a->listed + user * a->top_n, *other = b->listed + user * b->top_n;
        ck_assert_uint_eq(one->item, other->item);
        for (size_t n = 0; one->item != UINT32_MAX && n < a->top_n; ++n) {
            ck_assert_uint_eq(one[n].item, other[n].item);
            ck_assert_float_eq(one[n].score, other[n].score);
        }
        lists += one->item != UINT32_MAX;
    }
    ck_assert_uint_gt(lists, a->slots / 2);
}

/* With as many threads as a training is shared out for, and with one that does all of it. */
START_TEST(who_does_the_parts_of_a_training_makes_no_difference)
{
    lfrec_operator *op = open_with(20, (uint32_t)_i, 300), *other = open_with(20, (uint32_t)_i, 300);
    lfrec_retrain *retrain = open_thread();
    lfrec_job *shared = trained(op, retrain), *alone = lfrec_operator_retrain_begin(other);
    lfrec_job_run(alone);
    ck_assert_int_eq(shared->state, LFREC_JOB_TRAINED);
    for (uint32_t item = 0; item < shared->model.items; ++item) {
        for (uint32_t k = 0; k < shared->model.factors; ++k) {
            const size_t at = (size_t)item * shared->model.stride + k;
            ck_assert_float_eq(shared->model.decoder[at], alone->model.decoder[at]);
        }
    }
    assert_same_lists(&shared->ahead, &alone->ahead);
    lfrec_job_free(shared);
    lfrec_job_free(alone);
    lfrec_retrain_close(retrain);
    lfrec_operator_close(op);
    lfrec_operator_close(other);
}
END_TEST

START_TEST(lists_are_the_same_by_any_number_of_threads)
{
    lfrec_operator *op = open_with(20, 3, 300);
    lfrec_retrain *retrain = open_thread();
    lfrec_job *job = trained(op, retrain);
    lfrec_ahead alone = job->ahead;
    lfrec_ahead_make(&alone, &(lfrec_ahead_source){.ratings = &job->ratings,
                                                   .model = &job->model,
                                                   .ranker = &job->ranker,
                                                   .forecaster = &job->forecaster,
                                                   .slot = job->slot,
                                                   .threads = 1,
                                                   .cancel = &job->cancel});
    ck_assert_ptr_ne(alone.listed, job->ahead.listed);
    assert_same_lists(&alone, &job->ahead);
    lfrec_ahead_free(&alone);
    lfrec_job_free(job);
    lfrec_retrain_close(retrain);
    lfrec_operator_close(op);
}
END_TEST

static volatile sig_atomic_t signalled;

static void count_signal(int number)
{
    (void)number;
    ++signalled;
}

START_TEST(signals_go_to_the_other_threads)
{
    struct sigaction action = {.sa_handler = count_signal};
    sigaction(SIGUSR1, &action, NULL);
    lfrec_operator *op = open_operator(UINT32_MAX);
    lfrec_retrain *retrain = open_thread();
    char error[LFREC_OPERATOR_ERROR_MAX];
    sigset_t one, before, after;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    sigprocmask(SIG_BLOCK, &one, &before);
    ck_assert(lfrec_retrain_start(retrain, lfrec_operator_retrain_begin(op), error));
    kill(getpid(), SIGUSR1);
    /* Were it the training thread's, it would have been delivered there; blocked in both it waits for this thread. */
    sigset_t pending;
    sigpending(&pending);
    ck_assert_int_eq(sigismember(&pending, SIGUSR1), 1);
    ck_assert_int_eq(signalled, 0);
    sigprocmask(SIG_SETMASK, &before, &after);
    ck_assert_int_eq(sigismember(&after, SIGUSR1), 1); /* starting a thread left this thread's mask alone */
    ck_assert_int_eq(signalled, 1);
    lfrec_retrain_close(retrain);
    lfrec_operator_close(op);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training thread");
    TCase *tests = tcase_create("thread");
    tcase_set_timeout(tests, 2 * PATIENCE_MS / 1000);
    tcase_add_test(tests, a_training_in_the_background_is_adopted_while_events_are_learned);
    tcase_add_test(tests, only_one_training_at_a_time);
    tcase_add_test(tests, a_cancelled_training_ends_early);
    tcase_add_test(tests, closing_cancels_and_frees_what_runs);
    tcase_add_loop_test(tests, who_does_the_parts_of_a_training_makes_no_difference, 1, 4);
    tcase_add_test(tests, lists_are_the_same_by_any_number_of_threads);
    tcase_add_test(tests, signals_go_to_the_other_threads);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
