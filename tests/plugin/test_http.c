/* test_http.c - the HTTP port: addresses, ids in paths, and a real server on a loopback port, asked by plain sockets. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/clock.h"
#include "../../plugin/http.h"
#include "../../plugin/http_address.h"
#include "../../plugin/http_request.h"
#include "suite.h"

#include <arpa/inet.h>
#include <check.h>
#include <jansson.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* ---- addresses, ids, hosts ---- */

static const struct {
    const char *text, *written; /* NULL: refused */
    bool loopback;
} addresses[] = {
    {"8080", "127.0.0.1:8080", true},
    {":8080", "127.0.0.1:8080", true},
    {"0", "127.0.0.1:0", true},
    {"127.0.0.1:65535", "127.0.0.1:65535", true},
    {"127.3.2.1:1", "127.3.2.1:1", true},
    {"0.0.0.0:80", "0.0.0.0:80", false},
    {"10.0.0.7:80", "10.0.0.7:80", false},
    {"[::1]:8080", "[::1]:8080", true},
    {"[::]:8080", "[::]:8080", false},
    {"", NULL, false},
    {":", NULL, false},
    {"65536", NULL, false},
    {"123456", NULL, false},
    {"-1", NULL, false},
    {"80 ", NULL, false},
    {"localhost:80", NULL, false},
    {"127.0.0.1", NULL, false},
    {"127.0.0.1:", NULL, false},
    {"::1:80", NULL, false},
    {"[::1]", NULL, false},
    {"[]:80", NULL, false},
    {"[127.0.0.1]:80", NULL, false},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:80", NULL, false},
};

START_TEST(an_address_is_read_or_refused)
{
    lfrec_address address;
    char written[LFREC_ADDRESS_MAX];
    bool good = lfrec_address_read(addresses[_i].text, &address);
    ck_assert_msg(good == (addresses[_i].written != NULL), "%s", addresses[_i].text);
    if (good) {
        lfrec_address_write(&address, written);
        ck_assert_str_eq(written, addresses[_i].written);
        ck_assert_int_eq(address.loopback, addresses[_i].loopback);
    }
}
END_TEST

static const struct {
    const char *path, *id; /* NULL: refused */
} ids[] = {
    {"u1", "u1"},
    {"a%20b+c", "a b+c"},
    {"a/b%2Fc", "a/b/c"},
    {"%3Cscript%3E", "<script>"},
    {"%e2%82%ac", "\xe2\x82\xac"},
    {"..%2f..", "../.."},
    {"%25", "%"},
    {"", NULL},
    {"%", NULL},
    {"%4", NULL},
    {"%zz", NULL},
    {"a%00b", NULL},
    {"%ff", NULL},
    {"%e2%82", NULL},
};

START_TEST(an_id_is_decoded_or_refused)
{
    char id[LFREC_ID_MAX];
    size_t length;
    const char *fault = lfrec_request_id(ids[_i].path, id, &length);
    ck_assert_msg((fault == NULL) == (ids[_i].id != NULL), "%s: %s", ids[_i].path, fault ? fault : "taken");
    if (!fault) {
        ck_assert_uint_eq(length, strlen(ids[_i].id));
        ck_assert_mem_eq(id, ids[_i].id, length);
    }
}
END_TEST

START_TEST(an_id_of_512_bytes_is_the_longest)
{
    char id[LFREC_ID_MAX], path[3 * 513 + 1];
    size_t length;
    for (int i = 0; i < 513; i++) {
        memcpy(path + 3 * i, "%41", 4);
    }
    ck_assert_ptr_nonnull(lfrec_request_id(path, id, &length));
    path[3 * 512] = '\0';
    ck_assert_ptr_null(lfrec_request_id(path, id, &length));
    ck_assert_uint_eq(length, 512);
}
END_TEST

START_TEST(localhost_and_numbers_are_local_hosts_and_names_are_not)
{
    static const char *const local[] = {NULL,           "localhost", "LocalHost:80", "127.0.0.1",
                                        "127.0.0.1:80", "[::1]:80",  "[::1]"};
    static const char *const other[] = {
        "", "evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.nip", "::1:", "[evil.example]:80"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        ck_assert_msg(lfrec_request_host_is_local(local[i]), "%s", local[i]);
    }
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        ck_assert_msg(!lfrec_request_host_is_local(other[i]), "%s", other[i]);
    }
}
END_TEST

/* ---- a server ---- */

static lfrec_http *http;
static lfrec_operator *op;

static bool swallow(void *context, const lfrec_recommendation *recommendation)
{
    (void)context;
    (void)recommendation;
    return true;
}

static void rate(const char *user, const char *item, float rating)
{
    lfrec_event event = {.kind = LFREC_EVENT_RATE, .user = {user, strlen(user)}, .item = {item, strlen(item)}, .rating = rating};
    ck_assert_int_eq(lfrec_operator_learn(op, &event, 0, true), LFREC_LEARNED);
}

static void set_up(void)
{
    char error[LFREC_OPERATOR_ERROR_MAX], why[LFREC_HTTP_ERROR_MAX];
    lfrec_operator_options options = lfrec_operator_options_for(4, 0.5f, 5);
    options.min_support = 0;
    ck_assert_msg(lfrec_operator_open(&op, &options, swallow, NULL, error), "%s", error);
    ck_assert_msg(lfrec_http_open(&http, "0", "ratings", "2.0.2", why), "%s", why);
}

static void tear_down(void)
{
    lfrec_http_close(http);
    lfrec_operator_close(op);
}

static int connected(void)
{
    lfrec_address address;
    struct timeval limit = {.tv_sec = 40};
    ck_assert(lfrec_address_read(lfrec_http_address(http), &address));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address.socket, address.length), 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* All that comes until the other side closes. */
static char *received(int fd)
{
    size_t length = 0, room = 1 << 16;
    char *text = malloc(room);
    ssize_t got;
    while ((got = recv(fd, text + length, room - length - 1, 0)) > 0) {
        length += (size_t)got;
        if (room - length < 4096) {
            room *= 2;
            text = realloc(text, room);
            ck_assert_ptr_nonnull(text);
        }
    }
    ck_assert_int_eq(got, 0);
    text[length] = '\0';
    close(fd);
    return text;
}

/* The whole answer to one request, with its header; to be freed. */
static char *ask(const char *method, const char *path, const char *headers)
{
    char request[4096];
    int fd = connected();
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method, path,
             headers);
    send_text(fd, request);
    return received(fd);
}

static int code_of(const char *answer)
{
    int code = 0;
    ck_assert_int_eq(sscanf(answer, "HTTP/1.1 %d", &code), 1);
    return code;
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    ck_assert_ptr_nonnull(end);
    return end + 4;
}

static void expect(const char *method, const char *path, const char *headers, int code, const char *part)
{
    char *answer = ask(method, path, headers);
    ck_assert_msg(code_of(answer) == code && strstr(answer, part) != NULL, "%s %s: %s", method, path, answer);
    free(answer);
}

START_TEST(each_path_answers_with_its_type)
{
    expect("GET", "/", "", 200, "Content-Type: text/html; charset=utf-8");
    expect("GET", "/", "", 200, "<!doctype html>");
    expect("GET", "/metrics", "", 200, "Content-Type: text/plain; version=0.0.4; charset=utf-8");
    expect("GET", "/metrics", "", 200, "\nlfrec_events_total 0\n");
    expect("GET", "/status", "", 200, "Content-Type: application/json");
    expect("GET", "/healthz", "", 200, "ok\n");
    expect("GET", "/readyz", "", 503, "not ready: no partition is assigned yet\n");
    expect("GET", "/nothing", "", 404, "/users/ID");
    expect("GET", "/users", "", 404, "/users/ID");
    expect("GET", "/metrics/", "", 404, "there is");
    expect("GET", "/status?a=b", "", 200, "\"events\":0");
}
END_TEST

START_TEST(nothing_is_stored_framed_or_sniffed)
{
    char *answer = ask("GET", "/status", "");
    ck_assert_ptr_nonnull(strstr(answer, "Cache-Control: no-store"));
    ck_assert_ptr_nonnull(strstr(answer, "X-Frame-Options: DENY"));
    ck_assert_ptr_nonnull(strstr(answer, "X-Content-Type-Options: nosniff"));
    free(answer);
}
END_TEST

START_TEST(only_reading_is_allowed)
{
    expect("POST", "/", "Content-Length: 0\r\n", 405, "Allow: GET, HEAD");
    expect("DELETE", "/users/u1", "", 405, "GET or HEAD");
    expect("PUT", "/metrics", "Content-Length: 0\r\n", 405, "GET or HEAD");
    char *answer = ask("HEAD", "/metrics", "");
    ck_assert_int_eq(code_of(answer), 200);
    ck_assert_str_eq(body_of(answer), "");
    free(answer);
}
END_TEST

START_TEST(a_foreign_host_name_is_refused_on_a_loopback_address)
{
    int fd = connected();
    send_text(fd, "GET /status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    char *answer = received(fd);
    ck_assert_int_eq(code_of(answer), 421);
    free(answer);
}
END_TEST

START_TEST(ready_after_catching_up_with_a_model_and_not_while_stopping)
{
    lfrec_metrics m = {.partitions = 1, .caught_up = true, .trains = true, .stats.model_version = 1};
    lfrec_board_show(lfrec_http_board(http), &m, lfrec_clock_ms());
    expect("GET", "/readyz", "", 200, "ready\n");
    lfrec_board_stopping(lfrec_http_board(http));
    expect("GET", "/readyz", "", 503, "stopping");
}
END_TEST

START_TEST(a_loop_that_has_not_turned_for_a_minute_is_not_healthy)
{
    lfrec_metrics m = {0};
    lfrec_board_show(lfrec_http_board(http), &m, lfrec_clock_ms() - 61000);
    expect("GET", "/healthz", "", 503, "has not turned");
}
END_TEST

/* ---- users: this thread is the operator's, others ask ---- */

struct asker {
    pthread_t thread;
    char path[2048];
    char *answer;
};

static atomic_int asking; /* who has no answer yet */

/* Sleeps a moment; who only yields may keep everybody else from running under valgrind. */
static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void *ask_about_a_user(void *context)
{
    struct asker *asker = context;
    asker->answer = ask("GET", asker->path, "");
    atomic_fetch_sub(&asking, 1);
    return NULL;
}

static void run_askers(struct asker *askers, int count)
{
    atomic_store(&asking, count);
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(pthread_create(&askers[i].thread, NULL, ask_about_a_user, &askers[i]), 0);
    }
    while (atomic_load(&asking) > 0) {
        lfrec_http_serve(http, op);
        nap();
    }
    for (int i = 0; i < count; i++) {
        pthread_join(askers[i].thread, NULL);
    }
}

static json_t *user_at(const char *path, int code)
{
    struct asker asker = {.answer = NULL};
    snprintf(asker.path, sizeof asker.path, "%s", path);
    run_askers(&asker, 1);
    ck_assert_msg(code_of(asker.answer) == code, "%s", asker.answer);
    json_t *json = json_loads(body_of(asker.answer), 0, NULL);
    ck_assert_msg(json_is_object(json), "%s", asker.answer);
    free(asker.answer);
    return json;
}

static const char *text_at(json_t *array, size_t index, const char *field)
{
    return json_string_value(json_object_get(json_array_get(array, index), field));
}

static void train(void)
{
    char error[LFREC_OPERATOR_ERROR_MAX];
    lfrec_job *job = lfrec_operator_retrain_begin(op);
    ck_assert_ptr_nonnull(job);
    lfrec_job_run(job);
    ck_assert_msg(lfrec_operator_retrain_adopt(op, job, error), "%s", error);
}

START_TEST(a_user_is_shown_with_history_list_and_reasons)
{
    for (int u = 0; u < 20; u++) {
        for (int i = 0; i < 6; i++) {
            char user[8], item[8];
            snprintf(user, sizeof user, "u%d", u);
            snprintf(item, sizeof item, "i%d", (u + i) % 8);
            rate(user, item, (float)(1 + (u * 7 + i * 3 + u * i) % 5));
        }
    }
    rate("u3", "i4", 4.1f);
    train();
    json_t *user = user_at("/users/u3", 200), *history = json_object_get(user, "history"),
           *items = json_object_get(user, "items");
    ck_assert_str_eq(json_string_value(json_object_get(user, "user")), "u3");
    ck_assert_int_eq(json_integer_value(json_object_get(user, "model")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(user, "rated")), 6);
    ck_assert_uint_eq(json_array_size(history), 6);
    ck_assert_uint_eq(json_array_size(items), 2);
    for (size_t k = 0; k < 6; k++) {
        if (strcmp(text_at(history, k, "item"), "i4") == 0) {
            ck_assert_double_eq_tol(json_real_value(json_object_get(json_array_get(history, k), "rating")), 4.1, 1e-12);
        }
    }
    for (size_t k = 0; k < 2; k++) {
        json_t *reasons = json_object_get(json_array_get(items, k), "reasons");
        ck_assert_uint_eq(json_array_size(reasons), 5);
        for (size_t r = 0; r < 5; r++) {
            ck_assert_str_ne(text_at(reasons, r, "item"), text_at(items, k, "item"));
            ck_assert(json_is_real(json_object_get(json_array_get(reasons, r), "share")));
        }
    }
    json_decref(user);
}
END_TEST

START_TEST(hostile_ids_come_back_as_they_are)
{
    static const char hostile[] = "</script><img src=x onerror=alert(1)>\"'\\\n";
    rate(hostile, hostile, 3);
    json_t *user = user_at("/users/%3C/script%3E%3Cimg%20src=x%20onerror=alert(1)%3E%22'%5C%0A", 200);
    ck_assert_str_eq(json_string_value(json_object_get(user, "user")), hostile);
    ck_assert_str_eq(text_at(json_object_get(user, "history"), 0, "item"), hostile);
    json_decref(user);
}
END_TEST

START_TEST(an_unknown_user_and_a_bad_id_are_told_apart)
{
    json_t *error = user_at("/users/nobody", 404);
    ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(error, "error")), "no ratings of such a user"));
    json_decref(error);
    error = user_at("/users/a%00b", 400);
    ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(error, "error")), "NUL"));
    json_decref(error);
    error = user_at("/users?id=..", 404); /* a path of dots does not get past a browser */
    json_decref(error);
    error = user_at("/users?id=%ff", 400);
    json_decref(error);
    error = user_at("/users?id=", 400);
    json_decref(error);
    error = user_at("/users/", 400);
    json_decref(error);
}
END_TEST

START_TEST(a_long_history_is_cut_and_its_length_told)
{
    for (int i = 0; i < 1200; i++) {
        char item[8];
        snprintf(item, sizeof item, "i%d", i);
        rate("u", item, 3);
    }
    json_t *user = user_at("/users/u", 200);
    ck_assert_int_eq(json_integer_value(json_object_get(user, "rated")), 1200);
    ck_assert_uint_eq(json_array_size(json_object_get(user, "history")), 1000);
    json_decref(user);
}
END_TEST

START_TEST(many_askers_at_once_each_get_their_own_user)
{
    enum { ASKERS = 24 };
    struct asker askers[ASKERS];
    for (int i = 0; i < ASKERS; i++) {
        char user[8];
        snprintf(user, sizeof user, "u%d", i);
        rate(user, "x", (float)(1 + i % 5));
        askers[i] = (struct asker){.answer = NULL};
        snprintf(askers[i].path, sizeof askers[i].path, "/users/%s", user);
    }
    run_askers(askers, ASKERS);
    for (int i = 0; i < ASKERS; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "\"user\":\"u%d\"", i);
        ck_assert_msg(strstr(askers[i].answer, expected) != NULL, "%s", askers[i].answer);
        free(askers[i].answer);
    }
}
END_TEST

START_TEST(who_asks_a_busy_daemon_is_told_so_in_time)
{
    int64_t began = lfrec_clock_ms();
    expect("GET", "/users/u1", "", 503, "busy"); /* nobody serves */
    int64_t took = lfrec_clock_ms() - began;
    ck_assert_int_ge(took, LFREC_HTTP_LOOKUP_MS - 100);
    ck_assert_int_le(took, LFREC_HTTP_LOOKUP_MS + 13000);
    lfrec_http_serve(http, op); /* the question is gone */
    expect("GET", "/healthz", "", 200, "ok");
}
END_TEST

static void count_wake(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
}

START_TEST(a_question_wakes_whoever_has_the_answer)
{
    atomic_int woken = 0;
    rate("u1", "i1", 3);
    lfrec_http_wake_by(http, count_wake, &woken);
    json_decref(user_at("/users/u1", 200));
    ck_assert_int_eq(atomic_load(&woken), 1);
    lfrec_http_wake_by(http, NULL, NULL);
    json_decref(user_at("/users/u1", 200));
    ck_assert_int_eq(atomic_load(&woken), 1);
}
END_TEST

START_TEST(health_is_told_at_once_however_many_look_ups_wait)
{
    enum { ASKERS = 56 };
    static struct asker askers[ASKERS];
    atomic_int waiting = 0;
    int busy = 0;
    atomic_store(&asking, ASKERS);
    lfrec_http_wake_by(http, count_wake, &waiting);
    for (int i = 0; i < ASKERS; i++) {
        strcpy(askers[i].path, "/users/u1");
        ck_assert_int_eq(pthread_create(&askers[i].thread, NULL, ask_about_a_user, &askers[i]), 0);
    }
    while (atomic_load(&waiting) < 48) { /* nobody serves */
        nap();
    }
    expect("GET", "/healthz", "", 200, "ok\n");
    expect("GET", "/readyz", "", 503, "not ready");
    expect("GET", "/users/u1", "", 503, "busy"); /* one too many */
    ck_assert_int_ge(atomic_load(&asking), 48);  /* still */
    while (atomic_load(&asking) > 0) {
        lfrec_http_serve(http, op);
        nap();
    }
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(askers[i].thread, NULL);
        busy += strstr(askers[i].answer, "busy") != NULL;
        free(askers[i].answer);
    }
    ck_assert_int_le(busy, ASKERS - 48);
}
END_TEST

START_TEST(clients_that_say_nothing_or_read_nothing_hold_nobody_up)
{
    int silent[8];
    for (int i = 0; i < 8; i++) {
        silent[i] = connected();
        send_text(silent[i],
                  i % 2 ? "GET /metr"
                        : "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    for (int i = 0; i < 8; i++) {
        expect("GET", "/healthz", "", 200, "ok");
    }
    for (int i = 0; i < 8; i++) {
        close(silent[i]);
    }
}
END_TEST

START_TEST(closing_while_somebody_asks_ends)
{
    int fd = connected();
    send_text(fd, "GET /users/u1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect("GET", "/healthz", "", 200, "ok");
    lfrec_http_close(http);
    http = NULL;
    close(fd);
}
END_TEST

START_TEST(a_port_in_use_is_an_error_that_names_it)
{
    char error[LFREC_HTTP_ERROR_MAX];
    lfrec_http *second = NULL;
    ck_assert(!lfrec_http_open(&second, lfrec_http_address(http), "ratings", "2.0.2", error));
    ck_assert_ptr_nonnull(strstr(error, lfrec_http_address(http)));
    ck_assert_ptr_nonnull(strstr(error, "in use"));
    ck_assert_ptr_null(second);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *words = tcase_create("words");
    tcase_add_loop_test(words, an_address_is_read_or_refused, 0, sizeof addresses / sizeof *addresses);
    tcase_add_loop_test(words, an_id_is_decoded_or_refused, 0, sizeof ids / sizeof *ids);
    tcase_add_test(words, an_id_of_512_bytes_is_the_longest);
    tcase_add_test(words, localhost_and_numbers_are_local_hosts_and_names_are_not);
    suite_add_tcase(suite, words);
    TCase *server = tcase_create("server");
    tcase_add_checked_fixture(server, set_up, tear_down);
    tcase_add_test(server, each_path_answers_with_its_type);
    tcase_add_test(server, nothing_is_stored_framed_or_sniffed);
    tcase_add_test(server, only_reading_is_allowed);
    tcase_add_test(server, a_foreign_host_name_is_refused_on_a_loopback_address);
    tcase_add_test(server, ready_after_catching_up_with_a_model_and_not_while_stopping);
    tcase_add_test(server, a_loop_that_has_not_turned_for_a_minute_is_not_healthy);
    tcase_add_test(server, a_user_is_shown_with_history_list_and_reasons);
    tcase_add_test(server, hostile_ids_come_back_as_they_are);
    tcase_add_test(server, an_unknown_user_and_a_bad_id_are_told_apart);
    tcase_add_test(server, a_long_history_is_cut_and_its_length_told);
    tcase_add_test(server, many_askers_at_once_each_get_their_own_user);
    tcase_add_test(server, who_asks_a_busy_daemon_is_told_so_in_time);
    tcase_add_test(server, a_question_wakes_whoever_has_the_answer);
    tcase_add_test(server, health_is_told_at_once_however_many_look_ups_wait);
    tcase_add_test(server, clients_that_say_nothing_or_read_nothing_hold_nobody_up);
    tcase_add_test(server, closing_while_somebody_asks_ends);
    tcase_add_test(server, a_port_in_use_is_an_error_that_names_it);
    suite_add_tcase(suite, server);
    return run_suite(suite);
}
