/* test_log.c - log lines, thinning, and signals as data. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/log.h"
#include "../../plugin/signals.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *captured;
static int real_stderr;
static char text[16384];

static void set_up(void)
{
    captured = tmpfile();
    ck_assert_ptr_nonnull(captured);
    real_stderr = dup(STDERR_FILENO);
    dup2(fileno(captured), STDERR_FILENO);
}

static void tear_down(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    fclose(captured);
}

/* Everything logged so far. */
static const char *logged(void)
{
    rewind(captured);
    text[fread(text, 1, sizeof text - 1, captured)] = '\0';
    return text;
}

static size_t lines(void)
{
    size_t count = 0;
    for (const char *p = logged(); *p; p++) {
        count += *p == '\n';
    }
    return count;
}

START_TEST(message_is_one_line_with_time_and_level)
{
    lfrec_log(LFREC_LOG_WARNING, "%d lists", 3);
    ck_assert_uint_eq(lines(), 1);
    ck_assert_ptr_nonnull(strstr(text, "Z warning 3 lists\n"));
    ck_assert_int_eq(text[10], 'T');
}
END_TEST

START_TEST(control_characters_cannot_forge_a_line)
{
    lfrec_log(LFREC_LOG_INFO, "id %s", "a\nb\r\t\x1b[2J\x7f\xc3\xa9");
    ck_assert_uint_eq(lines(), 1);
    ck_assert_ptr_nonnull(strstr(text, "id a\\nb\\r\\t\\x1b[2J\\x7f\xc3\xa9\n"));
}
END_TEST

START_TEST(long_message_is_cut)
{
    char *huge = malloc(100000);
    ck_assert_ptr_nonnull(huge);
    memset(huge, 'x', 99999);
    huge[99999] = '\0';
    lfrec_log(LFREC_LOG_INFO, "%s", huge);
    memset(huge, '\n', 99999);
    lfrec_log(LFREC_LOG_INFO, "%s", huge);
    free(huge);
    ck_assert_uint_eq(lines(), 2);
    ck_assert_uint_lt(strlen(text), 6000);
}
END_TEST

START_TEST(level_decides_what_is_shown)
{
    lfrec_log_level(LFREC_LOG_WARNING);
    lfrec_log(LFREC_LOG_INFO, "no");
    lfrec_log(LFREC_LOG_DEBUG, "no");
    lfrec_log_thinned(LFREC_LOG_INFO, "key", "no");
    lfrec_log(LFREC_LOG_ERROR, "yes");
    ck_assert_uint_eq(lines(), 1);
    ck_assert_ptr_nonnull(strstr(text, "error yes"));
}
END_TEST

START_TEST(repeated_message_is_shown_once)
{
    for (int i = 0; i < 1000; i++) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "broker away", "attempt %d", i);
    }
    ck_assert_uint_eq(lines(), 1);
    lfrec_log_thinned(LFREC_LOG_WARNING, "something else", "other");
    ck_assert_uint_eq(lines(), 2);
}
END_TEST

START_TEST(digits_do_not_make_a_key_new)
{
    for (int i = 0; i < 100; i++) {
        char key[64];
        snprintf(key, sizeof key, "connect to 127.0.0.1:%d failed after %d ms", 9000 + i, i);
        lfrec_log_thinned(LFREC_LOG_WARNING, key, "%s", key);
    }
    ck_assert_uint_eq(lines(), 1);
}
END_TEST

START_TEST(more_keys_than_there_is_room_for)
{
    for (int i = 0; i < 200; i++) {
        char key[2] = {(char)('!' + i % 90), '\0'};
        lfrec_log_thinned(LFREC_LOG_WARNING, key, "message");
    }
    ck_assert_uint_ge(lines(), 80); /* each key at least once, digits aside */
}
END_TEST

START_TEST(signals_become_data)
{
    lfrec_signals *signals;
    ck_assert(lfrec_signals_open(&signals, 10000));
    struct pollfd ready = {.fd = lfrec_signals_fd(signals), .events = POLLIN};
    ck_assert_int_eq(poll(&ready, 1, 0), 0);
    kill(getpid(), SIGUSR1);
    ck_assert_int_eq(poll(&ready, 1, 5000), 1);
    lfrec_signals_seen seen = lfrec_signals_look(signals);
    ck_assert(seen.retrain);
    ck_assert(!seen.stop);
    ck_assert(!lfrec_signals_look(signals).retrain);
    ck_assert_int_eq(poll(&ready, 1, 0), 0);
    kill(getpid(), SIGHUP);
    ck_assert_int_eq(poll(&ready, 1, 5000), 1);
    seen = lfrec_signals_look(signals);
    ck_assert(!seen.stop && !seen.retrain);
    kill(getpid(), SIGINT);
    ck_assert_int_eq(poll(&ready, 1, 5000), 1);
    ck_assert(lfrec_signals_look(signals).stop);
    ck_assert(lfrec_signals_look(signals).stop);
    lfrec_signals_close(signals);
    lfrec_signals_close(NULL);
}
END_TEST

START_TEST(second_stop_leaves_with_1)
{
    lfrec_signals *signals;
    ck_assert(lfrec_signals_open(&signals, 10000));
    struct pollfd ready = {.fd = lfrec_signals_fd(signals), .events = POLLIN};
    kill(getpid(), SIGTERM);
    ck_assert_int_eq(poll(&ready, 1, 5000), 1);
    kill(getpid(), SIGTERM);
    poll(NULL, 0, 10000);
    _exit(0);
}
END_TEST

START_TEST(stop_that_takes_too_long_leaves_with_1)
{
    lfrec_signals *signals;
    ck_assert(lfrec_signals_open(&signals, 50));
    kill(getpid(), SIGTERM);
    poll(NULL, 0, 10000);
    _exit(0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log and signals");
    TCase *tests = tcase_create("log");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, message_is_one_line_with_time_and_level);
    tcase_add_test(tests, control_characters_cannot_forge_a_line);
    tcase_add_test(tests, long_message_is_cut);
    tcase_add_test(tests, level_decides_what_is_shown);
    tcase_add_test(tests, repeated_message_is_shown_once);
    tcase_add_test(tests, digits_do_not_make_a_key_new);
    tcase_add_test(tests, more_keys_than_there_is_room_for);
    tcase_add_test(tests, signals_become_data);
    tcase_add_exit_test(tests, second_stop_leaves_with_1, 1);
    tcase_add_exit_test(tests, stop_that_takes_too_long_leaves_with_1, 1);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
