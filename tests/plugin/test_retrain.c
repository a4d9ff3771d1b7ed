/* test_retrain.c - the training thread beside an operator that goes on learning. Run it under a thread sanitizer too. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/operator.h"
#include "../../plugin/retrain.h"

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

static lfrec_operator *open_operator(uint32_t epochs)
{
    lfrec_operator_options options = lfrec_operator_options_for(8, 1, 5);
    options.epochs = epochs;
    char error[LFREC_OPERATOR_ERROR_MAX];
    lfrec_operator *op;
    ck_assert(lfrec_operator_open(&op, &options, take, NULL, error));
    for (unsigned u = 0; u < 60; ++u) {
        for (unsigned k = 0; k < 10; ++k) {
            rate(op, u, (u + k * k) % 40);
        }
    }
    return op;
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
    tcase_add_test(tests, signals_go_to_the_other_threads);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
