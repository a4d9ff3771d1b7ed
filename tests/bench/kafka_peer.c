/* kafka_peer.c - what lfrec-kafka is measured against and with, as plain as librdkafka lets it be. Used by bench_kafka.sh.
 *
 *   kafka_peer BOOTSTRAP consume TOPIC            read the topic to its end; prints messages a second, first to last
 *   kafka_peer BOOTSTRAP arrive TOPIC COUNT       print the time (ms since 1970) when COUNT messages were read from TOPIC's beginning
 *   kafka_peer BOOTSTRAP produce TOPIC FILE       produce the lines KEY|VALUE of FILE; prints the time (ms since 1970) when it began
 *   kafka_peer BOOTSTRAP echo IN OUT BYTES        answer every message of IN by one of BYTES bytes with the same key on OUT; until TERM
 *   kafka_peer BOOTSTRAP ask IN OUT RATE SECONDS  send RATE ratings a second of MovieLens 1M's users to IN, and wait for the message with
 *                                                 the user's key on OUT; prints p50, p99, maximum (ms) and the share that was answered
 *
 * Exit code 0, or 1 with a line on standard error. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { USERS = 6040, ITEMS = 3952, MOST_LINES = 1000000, LIMIT_MS = 30000, LATE_MS = 2000, MOST_PARTITIONS = 64 };

static char text[512];

static void die(const char *what, const char *why)
{
    fprintf(stderr, "kafka_peer: %s: %s\n", what, why);
    exit(1);
}

static double now_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *bootstrap, const char *const (*settings)[2],
                          void (*set)(rd_kafka_conf_t *))
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof text);
    for (; (*settings)[0]; settings++) {
        if (rd_kafka_conf_set(conf, (*settings)[0], (*settings)[1], text, sizeof text)) {
            die("settings", text);
        }
    }
    if (set) {
        set(conf);
    }
    rd_kafka_t *made = rd_kafka_new(type, conf, text, sizeof text);
    if (!made) {
        die("client", text);
    }
    if (type == RD_KAFKA_CONSUMER) {
        rd_kafka_poll_set_consumer(made);
    }
    return made;
}

static int partitions_of(rd_kafka_t *rk, const char *topic)
{
    const struct rd_kafka_metadata *answer;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, handle, &answer, LIMIT_MS);
    if (code || answer->topics[0].partition_cnt < 1 || answer->topics[0].partition_cnt > MOST_PARTITIONS) {
        die(topic, code ? rd_kafka_err2str(code) : "no such topic, or too many partitions");
    }
    int count = answer->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(answer);
    rd_kafka_topic_destroy(handle);
    return count;
}

/* All partitions, from their beginning, or from their end as it is now. */
static void assign(rd_kafka_t *rk, const char *topic, int partitions, bool from_end)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++) {
        int64_t low, high = RD_KAFKA_OFFSET_BEGINNING;
        if (from_end && rd_kafka_query_watermark_offsets(rk, topic, i, &low, &high, LIMIT_MS)) {
            die(topic, "its end is not known");
        }
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = high;
    }
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static const char *const consumer_settings[][2] = {
    {"group.id", "peer"},
    {"enable.auto.commit", "false"},
    {"enable.partition.eof", "true"},
    {"queued.min.messages", "1000000"},
    {"fetch.wait.max.ms", "50"},
    {NULL, NULL},
};
static const char *const bulk_settings[][2] = {
    {"acks", "all"}, {"enable.idempotence", "true"}, {"linger.ms", "1"}, {"compression.codec", "lz4"}, {NULL, NULL},
};
static const char *const quick_settings[][2] = {
    {"acks", "all"},
    {"enable.idempotence", "true"},
    {"linger.ms", "0"},
    {NULL, NULL},
};

static int consume(const char *bootstrap, const char *topic)
{
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, bootstrap, consumer_settings, NULL);
    int left = partitions_of(rk, topic);
    uint64_t count = 0;
    double first = 0, last = 0, limit = now_ms(CLOCK_MONOTONIC) + LIMIT_MS;
    assign(rk, topic, left, false);
    while (left > 0 && now_ms(CLOCK_MONOTONIC) < limit) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 1000);
        if (m && m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            left--;
        } else if (m && !m->err) {
            if (count++ % 64 == 0) {
                last = now_ms(CLOCK_MONOTONIC);
                first = first > 0 ? first : last;
            }
        }
        if (m) {
            rd_kafka_message_destroy(m);
        }
    }
    printf("%.0f\n", (double)count / (last - first) * 1e3);
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return left > 0;
}

static int arrive(const char *bootstrap, const char *topic, long count)
{
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, bootstrap, consumer_settings, NULL);
    double limit = now_ms(CLOCK_MONOTONIC) + LIMIT_MS;
    assign(rk, topic, partitions_of(rk, topic), false);
    while (count > 0 && now_ms(CLOCK_MONOTONIC) < limit) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 1000);
        count -= m && !m->err;
        if (m) {
            rd_kafka_message_destroy(m);
        }
    }
    printf("%.0f\n", now_ms(CLOCK_REALTIME));
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return count > 0;
}

static long reported, refused;

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk, (void)opaque;
    reported++;
    refused += message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void count_reports(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
}

static int produce(const char *bootstrap, const char *topic, const char *path)
{
    static char *lines[MOST_LINES];
    static char line[65536];
    size_t count = 0;
    FILE *file = fopen(path, "r");
    while (file && count < MOST_LINES && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        lines[count] = strchr(line, '|') ? strdup(line) : NULL;
        count += lines[count] != NULL;
    }
    if (!file || count == 0) {
        die(path, "no lines KEY|VALUE");
    }
    fclose(file);
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, bootstrap, bulk_settings, count_reports);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    partitions_of(rk, topic); /* connected, and the topic known */
    const double began = now_ms(CLOCK_MONOTONIC);
    printf("%.0f\n", now_ms(CLOCK_REALTIME));
    for (size_t sent = 0; sent < count; sent++) {
        char *key = lines[sent], *value = strchr(key, '|') + 1;
        while (rd_kafka_produce(handle, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, strlen(value), key,
                                (size_t)(value - key - 1), NULL)) {
            rd_kafka_poll(rk, 5);
        }
        if (sent % 1024 == 0) {
            rd_kafka_poll(rk, 0);
        }
    }
    while (reported < (long)count && now_ms(CLOCK_MONOTONIC) < began + LIMIT_MS) {
        rd_kafka_poll(rk, 100);
    }
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(rk);
    for (size_t i = 0; i < count; i++) {
        free(lines[i]);
    }
    return reported < (long)count || refused > 0;
}

static atomic_bool ended;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&ended, true);
}

static int echo(const char *bootstrap, const char *in, const char *out, size_t bytes)
{
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, bootstrap, consumer_settings, NULL);
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, bootstrap, quick_settings, count_reports);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(producer, out, NULL);
    char *answer = malloc(bytes + 1);
    signal(SIGTERM, on_signal);
    memset(answer, 'x', bytes);
    partitions_of(producer, out);
    assign(consumer, in, partitions_of(consumer, in), true);
    printf("ready\n");
    fflush(stdout);
    while (!atomic_load(&ended)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(consumer, 20);
        if (m && !m->err) {
            rd_kafka_produce(handle, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, answer, bytes, m->key, m->key_len, NULL);
        }
        if (m) {
            rd_kafka_message_destroy(m);
        }
        rd_kafka_poll(producer, 0);
    }
    rd_kafka_flush(producer, LIMIT_MS);
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(producer);
    rd_kafka_destroy_flags(consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(answer);
    return 0;
}

/* When the user's rating was sent, in us; 0: no answer is waited for. */
static _Atomic int64_t asked[USERS + 1];

typedef struct answers {
    rd_kafka_t *consumer;
    double *ms; /* room for all that is asked */
    size_t count, room;
} answers;

static int64_t now_us(void)
{
    return (int64_t)(now_ms(CLOCK_MONOTONIC) * 1e3);
}

static void *take_answers(void *context)
{
    answers *a = context;
    while (!atomic_load(&ended)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(a->consumer, 20);
        if (m && !m->err && m->key && m->key_len < 8) {
            char key[8] = "";
            memcpy(key, m->key, m->key_len);
            long user = strtol(key, NULL, 10);
            int64_t since = user >= 1 && user <= USERS ? atomic_exchange(&asked[user], 0) : 0;
            double ms = (double)(now_us() - since) / 1e3;
            if (since > 0 && ms < LATE_MS && a->count < a->room) { /* later: a list that another cause brought */
                a->ms[a->count++] = ms;
            }
        }
        if (m) {
            rd_kafka_message_destroy(m);
        }
    }
    return NULL;
}

static int by_value(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* Every user in turn, an item never rated before as far as chance can tell, the worst rating and the best in turn: the list changes. */
static int ask(const char *bootstrap, const char *in, const char *out, int rate, int seconds)
{
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, bootstrap, quick_settings, count_reports);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(producer, in, NULL);
    answers a = {.consumer = client(RD_KAFKA_CONSUMER, bootstrap, consumer_settings, NULL),
                 .room = (size_t)rate * (size_t)seconds};
    a.ms = calloc(a.room, sizeof *a.ms);
    partitions_of(producer, in);
    assign(a.consumer, out, partitions_of(a.consumer, out), true);
    pthread_t listener;
    pthread_create(&listener, NULL, take_answers, &a);
    uint64_t random = (uint64_t)now_us() * 2654435761u + 1;
    const int64_t began = now_us() + 200000; /* the listener's first fetch is under way by then */
    for (size_t i = 0; i < a.room; i++) {
        int64_t due = began + (int64_t)i * 1000000 / rate, left;
        while ((left = due - now_us()) > 0) {
            rd_kafka_poll(producer, 0);
            struct timespec pause = {.tv_nsec = left > 200 ? 100000 : 20000};
            nanosleep(&pause, NULL);
        }
        char key[16], value[128];
        random = random * 6364136223846793005u + 1442695040888963407u;
        long user = 1 + (long)((random >> 33) % USERS), item = 1 + (long)((random >> 20) % ITEMS);
        int key_length = snprintf(key, sizeof key, "%ld", user);
        int length = snprintf(value, sizeof value, "{\"user\":\"%ld\",\"item\":\"%ld\",\"rating\":%d,\"ts\":978300760}",
                              user, item, i % 2 ? 1 : 5);
        atomic_store(&asked[user], now_us());
        rd_kafka_produce(handle, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, (size_t)length, key,
                         (size_t)key_length, NULL);
        rd_kafka_poll(producer, 0);
    }
    rd_kafka_flush(producer, LIMIT_MS);
    for (int64_t end = now_us() + LATE_MS * 1000; a.count < a.room && now_us() < end;) {
        struct timespec pause = {.tv_nsec = 10000000};
        nanosleep(&pause, NULL);
    }
    atomic_store(&ended, true);
    pthread_join(listener, NULL);
    if (a.count > 0) {
        qsort(a.ms, a.count, sizeof *a.ms, by_value);
        printf("%.3f %.3f %.3f %.3f\n", a.ms[a.count / 2], a.ms[a.count * 99 / 100], a.ms[a.count - 1],
               (double)a.count / (double)a.room);
    }
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(producer);
    rd_kafka_destroy_flags(a.consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(a.ms);
    return a.count == 0;
}

int main(int argc, char **argv)
{
    const char *command = argc > 3 ? argv[2] : "";
    if (argc == 4 && strcmp(command, "consume") == 0) {
        return consume(argv[1], argv[3]);
    }
    if (argc == 5 && strcmp(command, "arrive") == 0) {
        return arrive(argv[1], argv[3], atol(argv[4]));
    }
    if (argc == 5 && strcmp(command, "produce") == 0) {
        return produce(argv[1], argv[3], argv[4]);
    }
    if (argc == 6 && strcmp(command, "echo") == 0) {
        return echo(argv[1], argv[3], argv[4], (size_t)atol(argv[5]));
    }
    if (argc == 7 && strcmp(command, "ask") == 0) {
        return ask(argv[1], argv[3], argv[4], atoi(argv[5]), atoi(argv[6]));
    }
    fprintf(stderr, "kafka_peer: see the top of tests/bench/kafka_peer.c\n");
    return 1;
}
