/* lfrec-interceptor.so in an application: this program, with a mock cluster. The application is checked to be as it was without it. */
#include "suite.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, USERS = 12, ITEMS = 10, PARTITIONS = 4 /* what the mock cluster gives a topic */ };

static char plugin[4096];
static rd_kafka_t *broker;
static rd_kafka_mock_cluster_t *cluster;

/* Beside this program: OUT/tests/plugin/test_interceptor and OUT/lfrec-interceptor.so. */
static void find_plugin(void)
{
    ssize_t length = readlink("/proc/self/exe", plugin, sizeof plugin - 64);
    ck_assert_int_gt(length, 0);
    plugin[length] = '\0';
    for (int up = 0; up < 3; up++) {
        *strrchr(plugin, '/') = '\0';
    }
    strcat(plugin, "/lfrec-interceptor.so");
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- an application ---- */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[512] = "";
    ck_assert_msg(rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK, "%s=%s: %s", name, value, text);
}

static rd_kafka_conf_t *configured(bool with_plugin)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster));
    if (with_plugin) {
        set(conf, "plugin.library.paths", plugin);
        set(conf, "lfrec.min.support", "0");
        set(conf, "lfrec.publish.rate", "0");
    }
    return conf;
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char text[512];
    rd_kafka_t *made = rd_kafka_new(type, conf, text, sizeof text);
    ck_assert_msg(made != NULL, "%s", text);
    return made;
}

static void assign(rd_kafka_t *consumer, const char *topic)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int partition = 0; partition < PARTITIONS; partition++) {
        rd_kafka_topic_partition_list_add(list, topic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    ck_assert_int_eq(rd_kafka_assign(consumer, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
}

static rd_kafka_t *consumer_of(const char *topic, rd_kafka_conf_t *conf)
{
    set(conf, "group.id", "application");
    set(conf, "enable.partition.eof", "true");
    set(conf, "fetch.wait.max.ms", "10");
    set(conf, "fetch.error.backoff.ms", "10");
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, conf);
    assign(consumer, topic);
    return consumer;
}

static void produce(rd_kafka_t *producer, const char *topic, const char *key, const char *value)
{
    char copy[256] = "";
    rd_kafka_topic_t *handle = rd_kafka_topic_new(producer, topic, NULL);
    strncat(copy, value ? value : "", sizeof copy - 1);
    ck_assert_int_eq(
        rd_kafka_produce(handle, 0, RD_KAFKA_MSG_F_COPY, value ? copy : NULL, strlen(copy), key, strlen(key), NULL), 0);
    rd_kafka_topic_destroy(handle);
}

/* USERS users, each of whom rates most of ITEMS items. */
static int produce_ratings(void)
{
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, configured(false));
    int count = 0;
    for (int user = 0; user < USERS; user++) {
        for (int item = 0; item < ITEMS; item++) {
            char key[16], value[96];
            if ((user + item) % 3 == 0) {
                continue;
            }
            snprintf(key, sizeof key, "u%d", user);
            snprintf(value, sizeof value, "{\"user\":\"u%d\",\"item\":\"i%d\",\"rating\":%d}", user, item,
                     1 + (user * 7 + item * 3) % 5);
            produce(producer, "ratings", key, value);
            count++;
        }
    }
    ck_assert_int_eq(rd_kafka_flush(producer, PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
    return count;
}

/* Polls until the end of every partition, or of that many; returns how many messages came. on_message may be NULL. */
static int consume_to(int ends, rd_kafka_t *consumer, void (*on_message)(const rd_kafka_message_t *, void *), void *context)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    for (int count = 0; now_ms() < deadline;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        ends -= message && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (message && !message->err) {
            count++;
            if (on_message) {
                on_message(message, context);
            }
        }
        if (message) {
            rd_kafka_message_destroy(message);
        }
        if (ends == 0) {
            return count;
        }
    }
    ck_abort_msg("the end of the topic was not reached");
    return -1;
}

static int consume(rd_kafka_t *consumer, void (*on_message)(const rd_kafka_message_t *, void *), void *context)
{
    return consume_to(PARTITIONS, consumer, on_message, context);
}

typedef struct listed {
    int lists, nulls, of_user[USERS]; /* of_user: ratings that the newest list rests on */
} listed;

static void on_list(const rd_kafka_message_t *message, void *context)
{
    listed *l = context;
    int user, rated;
    char text[2048];
    snprintf(text, sizeof text, "%.*s", (int)message->len, (const char *)message->payload);
    ck_assert_int_eq(sscanf(message->key, "u%d", &user), 1);
    ck_assert(user >= 0 && user < USERS);
    l->lists++;
    l->nulls += message->payload == NULL;
    l->of_user[user] = 0;
    if (message->payload) {
        ck_assert_msg(sscanf(text, "{\"user\":\"u%*d\",\"model\":%*d,\"rated\":%d,\"items\":[", &rated) == 1, "%s", text);
        l->of_user[user] = rated;
    }
}

static listed published(const char *topic)
{
    listed l = {0};
    rd_kafka_t *consumer = consumer_of(topic, configured(false));
    consume(consumer, on_list, &l);
    rd_kafka_destroy(consumer);
    return l;
}

static void set_up(void)
{
    char text[512];
    find_plugin();
    broker = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    cluster = rd_kafka_mock_cluster_new(broker, 1); /* topics are made by their first use: sooner than by a request */
}

/* ---- what it does ---- */

START_TEST(an_application_that_consumes_ratings_publishes_lists)
{
    int sent = produce_ratings();
    rd_kafka_t *consumer = consumer_of("ratings", configured(true));
    ck_assert_int_eq(consume(consumer, NULL, NULL), sent);
    rd_kafka_destroy(consumer); /* everything that came is learned, and every list is acknowledged */
    listed l = published("recommendations");
    for (int user = 1; user < USERS; user++) { /* the first one's list stays empty: what is not rated nobody rated before */
        ck_assert_int_eq(l.of_user[user], ITEMS - (user % 3 == 0 ? 4 : 3));
    }
    ck_assert_int_eq(l.nulls, 0);
}
END_TEST

START_TEST(bad_events_and_tombstones_do_not_stop_it)
{
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, configured(false));
    produce(producer, "ratings", "u1", "{\"user\":\"u1\",\"item\":\"a\",\"rating\":4}");
    produce(producer, "ratings", "u2", "{\"user\":\"u2\",\"item\":\"a\",\"rating\":99}");
    produce(producer, "ratings", "u2", "no event");
    produce(producer, "ratings", "u2", "");
    produce(producer, "ratings", "u2", "u2,a,3");
    produce(producer, "ratings", "u1", NULL);
    ck_assert_int_eq(rd_kafka_flush(producer, PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_conf_t *conf = configured(true);
    set(conf, "lfrec.log.level", "error"); /* two warnings that are wanted here */
    rd_kafka_t *consumer = consumer_of("ratings", conf);
    ck_assert_int_eq(consume(consumer, NULL, NULL), 6);
    rd_kafka_destroy(consumer);
    listed l = published("recommendations");
    ck_assert_int_eq(l.of_user[2], 1);
    ck_assert_int_eq(l.of_user[1], 0);
    ck_assert_int_ge(l.nulls, 1);
    rd_kafka_destroy(producer);
}
END_TEST

START_TEST(offsets_read_again_are_learned_once)
{
    int sent = produce_ratings();
    rd_kafka_t *consumer = consumer_of("ratings", configured(true));
    ck_assert_int_eq(consume(consumer, NULL, NULL), sent);
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, configured(false));
    produce(producer, "ratings", "u1", "u1,i0,"); /* takes a rating back that reading again would bring back */
    ck_assert_int_eq(rd_kafka_flush(producer, PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
    ck_assert_int_eq(consume_to(1, consumer, NULL, NULL), 1);
    rd_kafka_topic_partition_list_t *start = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(start, "ratings", 0)->offset = sent - 1;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer, start, PATIENCE_MS);
    ck_assert_ptr_null(error);
    rd_kafka_topic_partition_list_destroy(start);
    ck_assert_int_eq(consume_to(1, consumer, NULL, NULL), 2);
    rd_kafka_destroy(consumer);
    ck_assert_int_eq(published("recommendations").of_user[1], ITEMS - 3 - 1);
}
END_TEST

START_TEST(other_topics_are_not_listened_to)
{
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, configured(false));
    produce(producer, "elsewhere", "u1", "u1,a,3");
    ck_assert_int_eq(rd_kafka_flush(producer, PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
    rd_kafka_t *consumer = consumer_of("elsewhere", configured(true));
    ck_assert_int_eq(consume(consumer, NULL, NULL), 1);
    rd_kafka_destroy(consumer);
    ck_assert_int_eq(published("recommendations").lists, 0);
}
END_TEST

/* ---- what the application does not notice ---- */

static int entries(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = 0;
    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

static void on_message_with_errno(const rd_kafka_message_t *message, void *context)
{
    (void)message, (void)context;
    errno = EDOM;
}

START_TEST(locale_signals_threads_and_files_are_as_before)
{
    sigset_t before, after;
    int threads = entries("/proc/self/task"), files = entries("/proc/self/fd"); /* before a producer's threads come and go */
    int sent = produce_ratings();
    sigprocmask(SIG_SETMASK, NULL, &before);
    setlocale(LC_ALL, "C.UTF-8");
    rd_kafka_t *consumer = consumer_of("ratings", configured(true));
    ck_assert_int_eq(consume(consumer, on_message_with_errno, NULL), sent);
    rd_kafka_destroy(consumer);
    ck_assert_str_eq(setlocale(LC_ALL, NULL), "C.UTF-8");
    sigprocmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number < 32; number++) {
        ck_assert_int_eq(sigismember(&before, number), sigismember(&after, number));
    }
    int64_t deadline = now_ms() + PATIENCE_MS;
    while ((entries("/proc/self/task") != threads || entries("/proc/self/fd") > files) && now_ms() < deadline) {
        sched_yield(); /* a joined thread's folder goes a moment later; the mock broker's ends of connections, too */
    }
    ck_assert_int_eq(entries("/proc/self/task"), threads);
    ck_assert_int_le(entries("/proc/self/fd"), files);
}
END_TEST

static int errors_seen;

static void on_error(rd_kafka_t *rk, int code, const char *text, void *opaque)
{
    (void)rk, (void)code, (void)text, (void)opaque;
    errors_seen++;
}

static int reports_seen;

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk, (void)message, (void)opaque;
    reports_seen++;
}

START_TEST(the_applications_callbacks_are_its_own)
{
    int opaque;
    produce_ratings();
    rd_kafka_conf_t *conf = configured(true);
    rd_kafka_conf_set_opaque(conf, &opaque);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_t *consumer = consumer_of("ratings", conf);
    consume(consumer, NULL, NULL);
    ck_assert_ptr_eq(rd_kafka_opaque(consumer), &opaque);
    rd_kafka_destroy(consumer);
    ck_assert_int_gt(published("recommendations").lists, 0);
    ck_assert_int_eq(errors_seen, 0);
    ck_assert_int_eq(reports_seen, 0);
}
END_TEST

START_TEST(a_producer_is_left_alone)
{
    rd_kafka_t *plain = client(RD_KAFKA_PRODUCER, configured(false));
    int threads = entries("/proc/self/task");
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, configured(true));
    int more = entries("/proc/self/task") - threads;
    rd_kafka_t *another = client(RD_KAFKA_PRODUCER, configured(false));
    ck_assert_int_eq(entries("/proc/self/task") - threads - more, more); /* as many threads as one without the plugin */
    rd_kafka_destroy(another);
    rd_kafka_destroy(producer);
    rd_kafka_destroy(plain);
}
END_TEST

START_TEST(the_end_waits_for_brokers_that_are_away_no_longer_than_allowed)
{
    int sent = produce_ratings();
    rd_kafka_conf_t *conf = configured(true);
    set(conf, "producer.bootstrap.servers", "127.0.0.1:1"); /* nobody is there */
    set(conf, "lfrec.interceptor.close.ms", "300");
    set(conf, "lfrec.log.level", "error");
    rd_kafka_t *consumer = consumer_of("ratings", conf);
    ck_assert_int_eq(consume(consumer, NULL, NULL), sent); /* goes on all the same */
    int64_t before = now_ms();
    rd_kafka_destroy(consumer);
    ck_assert_int_lt(now_ms() - before, 300 + 5000);
    ck_assert_int_eq(published("recommendations").lists, 0);
}
END_TEST

START_TEST(two_consumers_in_one_process_have_a_recommender_each)
{
    produce_ratings();
    rd_kafka_conf_t *first = configured(true), *second = configured(true);
    set(second, "lfrec.output.topic", "elsewhere");
    rd_kafka_t *one = consumer_of("ratings", first), *two = consumer_of("ratings", second);
    consume(one, NULL, NULL);
    consume(two, NULL, NULL);
    rd_kafka_destroy(one);
    rd_kafka_destroy(two);
    ck_assert_int_eq(published("recommendations").of_user[1], ITEMS - 3);
    ck_assert_int_eq(published("elsewhere").of_user[1], ITEMS - 3);
}
END_TEST

/* ---- configuration ---- */

static void refused(const char *property, const char *value, const char *text, const char *never)
{
    char error[512] = "";
    rd_kafka_conf_t *conf = configured(true);
    ck_assert_msg(rd_kafka_conf_set(conf, property, value, error, sizeof error) != RD_KAFKA_CONF_OK, "%s=%s was taken",
                  property, value);
    ck_assert_msg(strstr(error, text) != NULL, "%s", error);
    ck_assert_msg(!never || !strstr(error, never), "%s", error);
    rd_kafka_conf_destroy(conf);
}

START_TEST(wrong_properties_are_refused_with_a_reason)
{
    refused("lfrec.scale.min", "low", "must be a number", NULL);
    refused("lfrec.intput.topic", "x", "did you mean lfrec.input.topic", NULL);
    refused("lfrec.embedded", "true", "only lfrec-kafka", NULL);
    refused("lfrec.interceptor.queue.kbytes", "1", "must be an integer from 64", NULL);
    refused("lfrec.interceptor.close.ms", "-1", "must be an integer from 0", NULL);
    refused("producer.linger.ms", "soon", "linger.ms", NULL);
    refused("producer.no.such.property", "1", "no.such.property", NULL);
    refused("producer.sasl.pasword", "hunter2", "sasl.pasword", "hunter2");
    refused("group.instance", "x", "group.instance", NULL); /* not ours: librdkafka's own answer */
}
END_TEST

START_TEST(a_copied_configuration_has_the_same_properties)
{
    produce_ratings();
    rd_kafka_conf_t *conf = configured(true);
    set(conf, "lfrec.output.topic", "elsewhere");
    rd_kafka_conf_t *copy = rd_kafka_conf_dup(conf);
    rd_kafka_conf_destroy(conf);
    rd_kafka_t *consumer = consumer_of("ratings", copy);
    consume(consumer, NULL, NULL);
    rd_kafka_destroy(consumer);
    ck_assert_int_eq(published("elsewhere").of_user[1], ITEMS - 3);
    ck_assert_int_eq(published("recommendations").lists, 0);
}
END_TEST

START_TEST(a_configuration_that_is_never_used_leaves_nothing)
{
    rd_kafka_conf_t *conf = configured(true);
    set(conf, "producer.sasl.password", "hunter2");
    rd_kafka_conf_t *copy = rd_kafka_conf_dup(conf);
    rd_kafka_conf_destroy(conf);
    rd_kafka_conf_destroy(copy);
}
END_TEST

START_TEST(settings_without_sense_are_said_and_the_application_goes_on)
{
    int sent = produce_ratings();
    rd_kafka_conf_t *conf = configured(true);
    set(conf, "lfrec.output.topic", "ratings");
    rd_kafka_t *consumer = consumer_of("ratings", conf);
    ck_assert_int_eq(consume(consumer, NULL, NULL), sent);
    rd_kafka_destroy(consumer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interceptor");
    TCase *tests = tcase_create("application");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, NULL); /* a mock cluster takes a second to end; the process ends it sooner */
    tcase_add_test(tests, an_application_that_consumes_ratings_publishes_lists);
    tcase_add_test(tests, bad_events_and_tombstones_do_not_stop_it);
    tcase_add_test(tests, offsets_read_again_are_learned_once);
    tcase_add_test(tests, other_topics_are_not_listened_to);
    tcase_add_test(tests, locale_signals_threads_and_files_are_as_before);
    tcase_add_test(tests, the_applications_callbacks_are_its_own);
    tcase_add_test(tests, a_producer_is_left_alone);
    tcase_add_test(tests, the_end_waits_for_brokers_that_are_away_no_longer_than_allowed);
    tcase_add_test(tests, two_consumers_in_one_process_have_a_recommender_each);
    tcase_add_test(tests, wrong_properties_are_refused_with_a_reason);
    tcase_add_test(tests, a_copied_configuration_has_the_same_properties);
    tcase_add_test(tests, a_configuration_that_is_never_used_leaves_nothing);
    tcase_add_test(tests, settings_without_sense_are_said_and_the_application_goes_on);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
