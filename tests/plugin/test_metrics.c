/* test_metrics.c - the figures as Prometheus's text, the latency histogram, the points of the page's charts, the notice board. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/http_board.h"
#include "../../plugin/metrics.h"
#include "../../plugin/metrics_series.h"
#include "suite.h"

#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lfrec_metrics some_metrics(void)
{
    lfrec_metrics m = {
        .stats = {.events = 90,
                  .rates = 80,
                  .retracts = 7,
                  .forgets = 3,
                  .published = 41,
                  .unchanged = 5,
                  .retrains = 2,
                  .evicted = 6,
                  .failed_retrains = 1,
                  .users = 11,
                  .items = 12,
                  .ratings = 73,
                  .stale_users = 4,
                  .model_version = 2,
                  .rmse = 0.95,
                  .recent_rmse = 0.9,
                  .means_rmse = 0.99},
        .events = 100,
        .dead_letters = 10,
        .acknowledged = 45,
        .in_flight = 6,
        .partitions = 2,
        .lag = {{.partition = 0, .events = 17, .caught_up = true}, {.partition = 5, .events = -1}},
        .total_lag = -1,
        .role = "trainer",
        .delivery = "exactly-once",
        .acting_trainer = true,
        .model_parts = 3,
        .has_snapshots = true,
        .snapshots = {.written = 4, .failed = 1, .last_at = 1690000100.25, .last_seconds = 0.5, .all_seconds = 3, .last_bytes = 8192},
        .has_transactions = true,
        .committed = 20,
        .aborted = 2,
        .caught_up = true,
        .trains = true,
        .last_training = 1.5,
        .all_trainings = 2.25,
        .model_age = 30,
        .started = 1690000000.5,
        .resident = (double)NAN,
    };
    m.bad[LFREC_BAD_OFF_SCALE] = 8;
    m.bad[LFREC_BAD_NOTHING] = 2;
    lfrec_latency_add(&m.latency, 0.0007);
    lfrec_latency_add(&m.latency, 0.0007);
    lfrec_latency_add(&m.latency, 1000);
    return m;
}

static char *written(const lfrec_metrics *m)
{
    lfrec_buffer text = {0};
    ck_assert(lfrec_metrics_write(m, "ratings", "2.0.2", &text));
    ck_assert(lfrec_buffer_reserve(&text, 1));
    text.bytes[text.length] = '\0';
    return text.bytes;
}

/* ---- the text ---- */

static bool has_line(const char *text, const char *line)
{
    size_t length = strlen(line);
    for (; *text; text += strcspn(text, "\n") + 1) {
        if (strncmp(text, line, length) == 0 && text[length] == '\n') {
            return true;
        }
    }
    return false;
}

START_TEST(every_figure_that_is_known_has_a_sample)
{
    static const char *const lines[] = {
        "lfrec_events_total 100",
        "lfrec_learned_events_total{kind=\"retract\"} 7",
        "lfrec_bad_events_total{reason=\"off_scale\"} 8",
        "lfrec_bad_events_total{reason=\"refused\"} 2",
        "lfrec_bad_events_total{reason=\"syntax\"} 0",
        "lfrec_partition_lag{topic=\"ratings\",partition=\"0\"} 17",
        "lfrec_ready 1",
        "lfrec_users 11",
        "lfrec_items 12",
        "lfrec_ratings 73",
        "lfrec_model_version 2",
        "lfrec_model_age_seconds 30",
        "lfrec_retrain_seconds_sum 2.25",
        "lfrec_retrain_seconds_count 2",
        "lfrec_last_retrain_seconds 1.5",
        "lfrec_rmse{by=\"model\",window=\"recent\"} 0.9",
        "lfrec_rmse{by=\"means\",window=\"all\"} 0.99",
        "lfrec_users_evicted_total 6",
        "lfrec_acting_trainer 1",
        "lfrec_model_parts 3",
        "lfrec_snapshot_seconds_sum 3",
        "lfrec_snapshot_seconds_count 4",
        "lfrec_snapshot_failures_total 1",
        "lfrec_last_snapshot_timestamp_seconds 1690000100.25",
        "lfrec_last_snapshot_seconds 0.5",
        "lfrec_last_snapshot_bytes 8192",
        "lfrec_transactions_total{end=\"committed\"} 20",
        "lfrec_transactions_total{end=\"aborted\"} 2",
        "lfrec_instance_info{role=\"trainer\",delivery=\"exactly-once\"} 1",
        "lfrec_publish_queue 4",
        "lfrec_outputs_in_flight 6",
        "lfrec_output_latency_seconds_bucket{le=\"0.0005\"} 0",
        "lfrec_output_latency_seconds_bucket{le=\"0.001\"} 2",
        "lfrec_output_latency_seconds_bucket{le=\"60\"} 2",
        "lfrec_output_latency_seconds_bucket{le=\"+Inf\"} 3",
        "lfrec_output_latency_seconds_count 3",
        "process_start_time_seconds 1690000000.5",
    };
    lfrec_metrics m = some_metrics();
    char *text = written(&m);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        ck_assert_msg(has_line(text, lines[i]), "no line '%s' in\n%s", lines[i], text);
    }
    free(text);
}
END_TEST

START_TEST(what_is_not_known_is_left_out)
{
    lfrec_metrics m = some_metrics();
    m.model_age = m.stats.rmse = m.stats.recent_rmse = (double)NAN;
    m.has_snapshots = m.has_transactions = false;
    m.model_parts = 0;
    m.role = NULL;
    char *text = written(&m);
    ck_assert_ptr_null(strstr(text, "snapshot"));
    ck_assert_ptr_null(strstr(text, "transactions"));
    ck_assert_ptr_null(strstr(text, "model_parts"));
    ck_assert_ptr_null(strstr(text, "instance_info"));
    ck_assert_ptr_null(strstr(text, "partition=\"5\""));
    ck_assert_ptr_null(strstr(text, "model_age"));
    ck_assert_ptr_null(strstr(text, "window=\"recent\""));
    ck_assert_ptr_null(strstr(text, "resident_memory"));
    ck_assert_ptr_null(strstr(text, "nan"));
    free(text);
}
END_TEST

/* By the rules of the format: a family's HELP and TYPE come once, before all of its samples, which stand together; a sample is
 * NAME[{LABEL="VALUE",...}] NUMBER; a counter ends in _total; the text ends with a line end. */
START_TEST(the_text_keeps_to_the_exposition_format)
{
    lfrec_metrics m = some_metrics();
    char *text = written(&m), *seen[256], family[128] = "", type[32] = "";
    size_t families = 0, samples = 0;
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            size_t length = strcspn(line + 7, " ");
            ck_assert_uint_lt(length, sizeof family);
            memcpy(family, line + 7, length);
            family[length] = '\0';
            ck_assert_uint_gt(strlen(line), 7 + length + 1);
            for (size_t i = 0; i < families; i++) {
                ck_assert_str_ne(seen[i], family);
            }
            ck_assert_uint_lt(families, 256);
            seen[families++] = strdup(family);
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            char name[128];
            ck_assert_int_eq(sscanf(line, "# TYPE %127s %31s", name, type), 2);
            ck_assert_str_eq(name, family);
            ck_assert(strcmp(type, "counter") != 0 || strcmp(name + strlen(name) - 6, "_total") == 0);
        } else {
            size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
            ck_assert_msg(strncmp(line, family, strlen(family)) == 0, "%s after %s", line, family);
            ck_assert(name == strlen(family) || strcmp(type, "histogram") == 0 || strcmp(type, "summary") == 0);
            char *value = line + name, *end;
            if (*value == '{') {
                value = strchr(value, '}');
                ck_assert_ptr_nonnull(value);
                value++;
            }
            ck_assert_int_eq(*value, ' ');
            strtod(value + 1, &end);
            ck_assert_msg(end != value + 1 && *end == '\0', "%s", line);
            samples++;
        }
    }
    ck_assert_uint_gt(families, 25);
    ck_assert_uint_gt(samples, families);
    while (families > 0) {
        free(seen[--families]);
    }
    free(text);
}
END_TEST

START_TEST(more_partitions_than_are_shown_are_counted)
{
    lfrec_metrics m = some_metrics();
    m.partitions = LFREC_METRICS_PARTITIONS + 9;
    char *text = written(&m);
    ck_assert(has_line(text, "lfrec_partitions 265"));
    free(text);
}
END_TEST

START_TEST(a_topic_of_the_longest_name_fits)
{
    lfrec_metrics m = some_metrics();
    char topic[250];
    lfrec_buffer text = {0};
    memset(topic, 't', 249);
    topic[249] = '\0';
    ck_assert(lfrec_metrics_write(&m, topic, "2.0.2", &text));
    lfrec_buffer_free(&text);
}
END_TEST

START_TEST(ready_is_caught_up_and_with_a_model)
{
    lfrec_metrics m = some_metrics();
    ck_assert_ptr_null(lfrec_metrics_not_ready(&m));
    m.stats.model_version = 0;
    ck_assert_ptr_nonnull(strstr(lfrec_metrics_not_ready(&m), "no model"));
    m.training = true;
    ck_assert_ptr_nonnull(strstr(lfrec_metrics_not_ready(&m), "training"));
    m.trains = false; /* by demand only: nothing to wait for */
    ck_assert_ptr_null(lfrec_metrics_not_ready(&m));
    m.caught_up = false;
    ck_assert_ptr_nonnull(strstr(lfrec_metrics_not_ready(&m), "catching up"));
    m.partitions = 0;
    ck_assert_ptr_nonnull(strstr(lfrec_metrics_not_ready(&m), "no partition"));
}
END_TEST

/* ---- points ---- */

static lfrec_series filled(bool folds, int points)
{
    lfrec_series s = {.period_ms = 10, .folds = folds};
    for (int i = 0; i < points; i++) {
        lfrec_point p = {.time = i, .events = (uint64_t)i};
        lfrec_series_add(&s, 1000 + 10 * i, &p);
    }
    return s;
}

START_TEST(points_too_near_to_the_last_are_left_out)
{
    lfrec_series s = {.period_ms = 10};
    lfrec_point p = {.time = 1};
    lfrec_series_add(&s, 0, &p); /* the clock may start at 0 */
    lfrec_series_add(&s, 9, &p);
    ck_assert_uint_eq(s.count, 1);
    lfrec_series_add(&s, 10, &p);
    ck_assert_uint_eq(s.count, 2);
}
END_TEST

START_TEST(a_sliding_series_keeps_the_newest_points)
{
    lfrec_series s = filled(false, 3 * LFREC_SERIES_POINTS);
    ck_assert_uint_eq(s.count, LFREC_SERIES_POINTS);
    ck_assert(s.point[0].time == 2 * LFREC_SERIES_POINTS);
    ck_assert(s.point[s.count - 1].time == 3 * LFREC_SERIES_POINTS - 1);
}
END_TEST

START_TEST(a_folding_series_keeps_the_whole_run_at_equal_distances)
{
    lfrec_series s = filled(true, 10 * LFREC_SERIES_POINTS);
    ck_assert_uint_gt(s.count, LFREC_SERIES_POINTS / 2);
    ck_assert_uint_le(s.count, LFREC_SERIES_POINTS);
    ck_assert(s.point[0].time < 40);
    ck_assert(s.point[s.count - 1].time >= 10 * LFREC_SERIES_POINTS - 16);
    for (size_t i = 1; i < s.count; i++) {
        ck_assert_double_eq(s.point[i].time - s.point[i - 1].time, 16);
    }
}
END_TEST

/* ---- the board ---- */

static json_t *status_of(lfrec_board *board)
{
    char *text = lfrec_board_status(board);
    ck_assert_ptr_nonnull(text);
    json_t *status = json_loads(text, 0, NULL);
    ck_assert_msg(status != NULL, "%s", text);
    free(text);
    return status;
}

static lfrec_id id_of(const char *text)
{
    return (lfrec_id){text, strlen(text)};
}

START_TEST(an_empty_board_has_a_status_and_is_not_ready)
{
    lfrec_board *board = lfrec_board_open("ratings", "2.0.2");
    json_t *status = status_of(board);
    ck_assert(json_is_null(json_object_get(status, "rmse")));
    ck_assert(json_is_string(json_object_get(status, "waiting_for")));
    ck_assert_ptr_nonnull(lfrec_board_not_ready(board));
    json_decref(status);
    lfrec_board_close(board);
}
END_TEST

START_TEST(the_status_shows_figures_points_and_each_new_model_once)
{
    lfrec_board *board = lfrec_board_open("ratings", "2.0.2");
    lfrec_metrics m = some_metrics();
    for (int i = 0; i < 5; i++) {
        m.stats.model_version = i < 2 ? 0 : i < 4 ? 1 : 2;
        lfrec_board_show(board, &m, 1000 * (i + 1));
    }
    json_t *status = status_of(board), *retrains = json_object_get(status, "retrains");
    ck_assert_int_eq(json_integer_value(json_object_get(status, "events")), 100);
    ck_assert_int_eq(json_integer_value(json_object_get(status, "bad")), 10);
    ck_assert(json_is_null(json_object_get(status, "lag")));
    ck_assert_double_eq_tol(json_real_value(json_object_get(status, "latency_p50")), 0.001, 1e-9);
    ck_assert(json_is_null(json_object_get(status, "latency_p99")));
    ck_assert_uint_eq(json_array_size(json_object_get(status, "recent")), 5);
    ck_assert_uint_eq(json_array_size(retrains), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(retrains, 1), "model")), 2);
    ck_assert_ptr_null(lfrec_board_not_ready(board));
    ck_assert_int_eq(lfrec_board_silent_ms(board, 5300), 300);
    lfrec_board_stopping(board);
    ck_assert_str_eq(lfrec_board_not_ready(board), "stopping");
    json_decref(status);
    lfrec_board_close(board);
}
END_TEST

START_TEST(the_newest_lists_are_shown_one_for_a_user_in_a_row)
{
    lfrec_board *board = lfrec_board_open("ratings", "2.0.2");
    lfrec_recommended items[30];
    for (size_t i = 0; i < 30; i++) {
        items[i] = (lfrec_recommended){.item = id_of("<i>\"item\"</i>"), .score = 3.5f};
    }
    for (int i = 0; i < 40; i++) {
        char user[16];
        snprintf(user, sizeof user, "u%d", i / 2);
        lfrec_recommendation list = {.user = id_of(user), .model_version = 3, .rated = (size_t)i, .items = items, .count = 30};
        lfrec_board_list(board, &list, 1000 * i);
    }
    json_t *status = status_of(board), *lists = json_object_get(status, "lists");
    ck_assert_uint_eq(json_array_size(lists), 12);
    for (size_t i = 0; i < 12; i++) {
        json_t *list = json_object_get(json_array_get(lists, i), "list");
        ck_assert_int_eq(json_integer_value(json_object_get(list, "rated")), (int)(39 - 2 * i));
        ck_assert_uint_eq(json_array_size(json_object_get(list, "items")), 10);
    }
    json_decref(status);
    lfrec_board_close(board);
}
END_TEST

START_TEST(lists_of_the_longest_ids_are_shown_with_fewer_items_and_goodbyes_not)
{
    lfrec_board *board = lfrec_board_open("ratings", "2.0.2");
    char longest[LFREC_ID_MAX];
    memset(longest, '\x01', sizeof longest); /* six bytes each in JSON */
    lfrec_recommended items[10];
    for (size_t i = 0; i < 10; i++) {
        items[i] = (lfrec_recommended){.item = {longest, sizeof longest}, .score = 1};
    }
    lfrec_recommendation list = {.user = {longest, sizeof longest}, .items = items, .count = 10};
    lfrec_board_list(board, &list, 0);
    list.user.length = 1;
    lfrec_board_list(board, &list, 0);
    list = (lfrec_recommendation){.user = id_of("gone"), .forgotten = true};
    lfrec_board_list(board, &list, 0);
    json_t *status = status_of(board), *lists = json_object_get(status, "lists");
    ck_assert_uint_eq(json_array_size(lists), 2);
    ck_assert_uint_eq(json_array_size(json_object_get(json_object_get(json_array_get(lists, 0), "list"), "items")), 1);
    ck_assert_uint_eq(json_array_size(json_object_get(json_object_get(json_array_get(lists, 1), "list"), "items")), 0);
    json_decref(status);
    lfrec_board_close(board);
}
END_TEST

START_TEST(of_many_lists_at_once_some_are_shown)
{
    lfrec_board *board = lfrec_board_open("ratings", "2.0.2");
    for (int i = 0; i < 1000; i++) {
        char user[16];
        snprintf(user, sizeof user, "u%d", i);
        lfrec_recommendation list = {.user = id_of(user), .rated = (size_t)i};
        lfrec_board_list(board, &list, 5000);
    }
    json_t *status = status_of(board);
    json_t *newest = json_object_get(json_array_get(json_object_get(status, "lists"), 0), "list");
    ck_assert_int_lt(json_integer_value(json_object_get(newest, "rated")), 100);
    json_decref(status);
    lfrec_board_close(board);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *text = tcase_create("text");
    tcase_add_test(text, every_figure_that_is_known_has_a_sample);
    tcase_add_test(text, what_is_not_known_is_left_out);
    tcase_add_test(text, the_text_keeps_to_the_exposition_format);
    tcase_add_test(text, more_partitions_than_are_shown_are_counted);
    tcase_add_test(text, a_topic_of_the_longest_name_fits);
    tcase_add_test(text, ready_is_caught_up_and_with_a_model);
    suite_add_tcase(suite, text);
    TCase *points = tcase_create("points");
    tcase_add_test(points, points_too_near_to_the_last_are_left_out);
    tcase_add_test(points, a_sliding_series_keeps_the_newest_points);
    tcase_add_test(points, a_folding_series_keeps_the_whole_run_at_equal_distances);
    suite_add_tcase(suite, points);
    TCase *board = tcase_create("board");
    tcase_add_test(board, an_empty_board_has_a_status_and_is_not_ready);
    tcase_add_test(board, the_status_shows_figures_points_and_each_new_model_once);
    tcase_add_test(board, the_newest_lists_are_shown_one_for_a_user_in_a_row);
    tcase_add_test(board, lists_of_the_longest_ids_are_shown_with_fewer_items_and_goodbyes_not);
    tcase_add_test(board, of_many_lists_at_once_some_are_shown);
    suite_add_tcase(suite, board);
    return run_suite(suite);
}
