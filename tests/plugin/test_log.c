/* test_log.c - log lines, thinning, and signals as data. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/log.h"
#include "../../plugin/log_line.h"
#include "../../plugin/signals.h"
#include "suite.h"

#include <check.h>
#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    ck_assert_uint_le(strlen(text), 2 * LFREC_LOG_LINE_MAX);
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

/* ---- formats ---- */

static const char *line_of(lfrec_log_format format, const char *message, const lfrec_log_field *fields, size_t count,
                           uint64_t hidden)
{
    const lfrec_log_record record = {.milliseconds = 1690000000123,
                                     .level = LFREC_LOG_WARNING,
                                     .text = message,
                                     .hidden = hidden,
                                     .fields = fields,
                                     .field_count = count};
    static char line[LFREC_LOG_LINE_MAX + 1];
    size_t length = lfrec_log_line(format, &record, line);
    ck_assert_uint_le(length, LFREC_LOG_LINE_MAX);
    ck_assert_int_eq(line[length - 1], '\n');
    ck_assert_ptr_null(memchr(line, '\n', length - 1));
    line[length - 1] = '\0';
    return line;
}

static const lfrec_log_field some_fields[] = {
    LFREC_LOG_INTEGER("partition", 3),         LFREC_LOG_REAL("seconds", 0.25),
    LFREC_LOG_REAL("rmse", (double)NAN),       LFREC_LOG_STRING("reason", "off_scale"),
    LFREC_LOG_STRING("text", "two \"words\""), LFREC_LOG_STRING("empty", ""),
};

START_TEST(each_format_says_the_same)
{
    ck_assert_str_eq(line_of(LFREC_LOG_TEXT, "bad event", some_fields, 6, 4),
                     "2023-07-22T04:26:40.123Z warning bad event (and 4 more like this)");
    ck_assert_str_eq(line_of(LFREC_LOG_LOGFMT, "bad event", some_fields, 6, 4),
                     "time=2023-07-22T04:26:40.123Z level=warning msg=\"bad event\" partition=3 seconds=0.25 rmse=null "
                     "reason=off_scale "
                     "text=\"two \\\"words\\\"\" empty=\"\" more_like_this=4");
    ck_assert_str_eq(
        line_of(LFREC_LOG_JSON, "bad event", some_fields, 6, 4),
        "{\"time\":\"2023-07-22T04:26:40.123Z\",\"level\":\"warning\",\"msg\":\"bad "
        "event\",\"partition\":3,\"seconds\":0.25,"
        "\"rmse\":null,\"reason\":\"off_scale\",\"text\":\"two \\\"words\\\"\",\"empty\":\"\",\"more_like_this\":4}");
}
END_TEST

/* Whatever the bytes are, the line is one object, and valid text comes back as it was. */
START_TEST(a_line_of_json_is_valid_whatever_it_says)
{
    static const char *const messages[] = {
        "",
        "\"}\n{\"level\":\"error\"",
        "a\x01\x1f\x7f\t\r\n\\",
        "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xac",
        "cut \xe2\x82",
        "\xff\xfe\x80",
        "\xed\xa0\x80 surrogate",
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        const lfrec_log_field field = LFREC_LOG_STRING("id", messages[i]);
        const char *line = line_of(LFREC_LOG_JSON, messages[i], &field, 1, 0);
        json_t *object = json_loads(line, 0, NULL);
        ck_assert_msg(json_is_object(object), "%s", line);
        ck_assert_str_eq(json_string_value(json_object_get(object, "level")), "warning");
        if (i < 4) {
            ck_assert_str_eq(json_string_value(json_object_get(object, "msg")), messages[i]);
            ck_assert_str_eq(json_string_value(json_object_get(object, "id")), messages[i]);
        }
        json_decref(object);
    }
}
END_TEST

START_TEST(a_line_that_is_cut_is_still_whole)
{
    static const char fillers[] = "x\n\"";
    char message[LFREC_LOG_LINE_MAX + 100];
    for (size_t filler = 0; filler < 3; filler++) {
        for (size_t length = LFREC_LOG_LINE_MAX / 6 - 50; length < sizeof message;
             length += length < 1000 || length > 3900 ? 1 : 97) {
            memset(message, fillers[filler], length);
            message[length] = '\0';
            json_t *object = json_loads(line_of(LFREC_LOG_JSON, message, some_fields, 6, 1), 0, NULL);
            ck_assert_msg(json_is_object(object), "%zu of '%c'", length, fillers[filler]);
            json_decref(object);
            line_of(LFREC_LOG_LOGFMT, message, some_fields, 6, 1);
            line_of(LFREC_LOG_TEXT, message, some_fields, 6, 1);
        }
    }
}
END_TEST

START_TEST(the_format_can_be_chosen)
{
    lfrec_log_set_format(LFREC_LOG_JSON);
    lfrec_log_with(LFREC_LOG_WARNING, some_fields, 1, "%d lists", 3);
    lfrec_log_thinned_with(LFREC_LOG_WARNING, "key", some_fields, 1, "bad");
    lfrec_log(LFREC_LOG_INFO, "plain");
    ck_assert_uint_eq(lines(), 3);
    ck_assert_ptr_nonnull(strstr(text, "\"msg\":\"3 lists\",\"partition\":3}\n"));
    ck_assert_ptr_nonnull(strstr(text, "\"msg\":\"bad\",\"partition\":3}\n"));
    ck_assert_ptr_nonnull(strstr(text, "\"msg\":\"plain\"}\n"));
}
END_TEST

START_TEST(debug_messages_can_be_switched_on_and_off)
{
    lfrec_log_level(LFREC_LOG_WARNING);
    ck_assert_int_eq(lfrec_log_toggle_debug(), LFREC_LOG_DEBUG);
    lfrec_log(LFREC_LOG_DEBUG, "seen");
    ck_assert_int_eq(lfrec_log_toggle_debug(), LFREC_LOG_WARNING);
    lfrec_log(LFREC_LOG_INFO, "not seen");
    lfrec_log_level(LFREC_LOG_DEBUG);
    ck_assert_int_eq(lfrec_log_toggle_debug(), LFREC_LOG_INFO);
    lfrec_log(LFREC_LOG_DEBUG, "not seen");
    ck_assert_uint_eq(lines(), 1);
}
END_TEST

/* ---- a file ---- */

static size_t lines_of(const char *path)
{
    size_t count = 0;
    FILE *in = fopen(path, "r");
    if (!in) {
        return 0;
    }
    for (int c = getc(in); c != EOF; c = getc(in)) {
        count += c == '\n';
    }
    fclose(in);
    return count;
}

START_TEST(a_file_that_was_moved_away_is_opened_anew)
{
    char folder[] = "/tmp/lfrec-log-XXXXXX", path[64], moved[64], error[LFREC_LOG_ERROR_MAX];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(moved, sizeof moved, "%s/log.1", folder);
    ck_assert_msg(lfrec_log_open(path, error), "%s", error);
    ck_assert(!lfrec_log_on_terminal());
    lfrec_log(LFREC_LOG_INFO, "first");
    ck_assert_int_eq(rename(path, moved), 0);
    lfrec_log(LFREC_LOG_INFO, "second");
    ck_assert_uint_eq(lines_of(moved), 2);
    lfrec_log_reopen(); /* says so in the new file */
    lfrec_log(LFREC_LOG_INFO, "third");
    ck_assert_uint_eq(lines_of(moved), 2);
    ck_assert_uint_eq(lines_of(path), 2);
    ck_assert_int_eq(rename(path, moved), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0); /* in the way: the old one serves on */
    lfrec_log_reopen();
    ck_assert_uint_eq(lines_of(moved), 3);
    ck_assert_uint_eq(lines(), 0);
    ck_assert(lfrec_log_open("", error));
    lfrec_log_reopen();
    ck_assert_uint_eq(lines(), 1);
    rmdir(path);
    unlink(moved);
    rmdir(folder);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_an_error_that_names_it)
{
    char error[LFREC_LOG_ERROR_MAX] = "";
    ck_assert(!lfrec_log_open("/nowhere/at/all.log", error));
    ck_assert_ptr_nonnull(strstr(error, "/nowhere/at/all.log"));
    lfrec_log(LFREC_LOG_INFO, "still here");
    ck_assert_uint_eq(lines(), 1);
}
END_TEST

START_TEST(usr2_switches_debug_messages_and_hup_opens_the_file_anew)
{
    lfrec_signals *signals;
    ck_assert(lfrec_signals_open(&signals, 10000));
    struct pollfd ready = {.fd = lfrec_signals_fd(signals), .events = POLLIN};
    kill(getpid(), SIGUSR2);
    ck_assert_int_eq(poll(&ready, 1, 5000), 1);
    lfrec_signals_seen seen = lfrec_signals_look(signals);
    ck_assert(!seen.stop && !seen.retrain);
    lfrec_log(LFREC_LOG_DEBUG, "a detail");
    kill(getpid(), SIGHUP);
    ck_assert_int_eq(poll(&ready, 1, 5000), 1);
    lfrec_signals_close(signals);
    ck_assert_uint_eq(lines(), 3);
    ck_assert_ptr_nonnull(strstr(text, "SIGUSR2: debug messages are shown"));
    ck_assert_ptr_nonnull(strstr(text, "a detail"));
    ck_assert_ptr_nonnull(strstr(text, "SIGHUP: the log goes to standard error"));
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
    tcase_add_test(tests, each_format_says_the_same);
    tcase_add_test(tests, a_line_of_json_is_valid_whatever_it_says);
    tcase_add_test(tests, a_line_that_is_cut_is_still_whole);
    tcase_add_test(tests, the_format_can_be_chosen);
    tcase_add_test(tests, debug_messages_can_be_switched_on_and_off);
    tcase_add_test(tests, a_file_that_was_moved_away_is_opened_anew);
    tcase_add_test(tests, a_file_that_cannot_be_opened_is_an_error_that_names_it);
    tcase_add_test(tests, usr2_switches_debug_messages_and_hup_opens_the_file_anew);
    tcase_add_test(tests, signals_become_data);
    tcase_add_exit_test(tests, second_stop_leaves_with_1, 1);
    tcase_add_exit_test(tests, stop_that_takes_too_long_leaves_with_1, 1);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
