#include "clock.h"
#include "kafka_private.h"
#include "log.h"
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESTROY_MS = 2000 };

void kafka_fail(lfrec_kafka *k, lfrec_kafka_status status, const char *format, ...)
{
    if (k->status == LFREC_KAFKA_OK) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(k->error, sizeof k->error, format, arguments);
        va_end(arguments);
        k->status = status;
    }
}

const char *kafka_lacks(rd_kafka_resp_err_t code, bool writing)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return writing ? ": the account needs WRITE on it" : ": the account needs READ on it";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED: return ": the account needs READ on the group";
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return ": the account needs WRITE on the transactional.id";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return ": the account needs WRITE on the topics of lists and dead letters";
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return writing ? ": is it gone? The next start makes it again" : "";
    default: return "";
    }
}

const char *lfrec_kafka_library(void)
{
    return rd_kafka_version_str();
}

const char *lfrec_kafka_error(const lfrec_kafka *k)
{
    return k->error;
}

/* Runs in librdkafka's threads. */
void kafka_on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    /* "Configuration property X is a consumer property and will be ignored by this producer": a name without a prefix goes to both. */
    if (strcmp(facility, "CONFWARN") == 0 && strstr(text, "will be ignored by this")) {
        level = LFREC_LOG_DEBUG;
    }
    /* The text begins with "[thrd:NAME]: ". */
    const char *end = strncmp(text, "[thrd:", 6) == 0 ? strstr(text, "]: ") : NULL;
    const char *words = end ? end + 3 : text;
    if (level <= LFREC_LOG_ERROR) {
        level = LFREC_LOG_WARNING; /* a broker that is away is no error of ours yet */
    } else if (level == 5) {
        level = LFREC_LOG_INFO;
    }
    if (level >= LFREC_LOG_DEBUG) {
        lfrec_log(level, "librdkafka: %s: %s", facility, text);
    } else {
        lfrec_log_thinned(level, words, "librdkafka: %s: %s", facility, words);
    }
}

/* librdkafka before 2.6.1 sends the SCRAM nonce twice, which brokers from 3.7.2, 3.8.1 and 3.9 on no longer take (CVE-2024-56128):
 * "invalid credentials", whatever the password. */
static bool scram_is_broken(const lfrec_kafka *k)
{
    static const char *const names[] = {"sasl.mechanism", "sasl.mechanisms"};
    bool scram = false;
    for (size_t i = 0; i < 2; i++) {
        const char *value = lfrec_config_client_value(k->options, LFREC_CLIENT_CONSUMER, names[i]);
        scram |= value && strncmp(value, "SCRAM", 5) == 0;
    }
    return scram && rd_kafka_version() < 0x020601ff;
}

/* Runs in the caller's thread, inside a poll. */
static void on_error(rd_kafka_t *client, int code, const char *text, void *opaque)
{
    lfrec_kafka *k = opaque;
    char reason[256];
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        if (client == k->producer && kafka_worn(k)) {
            return;
        }
        rd_kafka_resp_err_t cause = rd_kafka_fatal_error(client, reason, sizeof reason);
        kafka_fail(k, LFREC_KAFKA_FATAL, "the Kafka client cannot go on: %s (%s)%s", reason, rd_kafka_err2name(cause),
                   cause == RD_KAFKA_RESP_ERR__FENCED ? KAFKA_FENCED_HINT : kafka_lacks(cause, true));
    } else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "all brokers down", "no broker can be reached; trying on (%s)", text);
    } else if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION && scram_is_broken(k)) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "scram",
                          "the broker refuses the password, or the way librdkafka %s does SCRAM: brokers since 3.7.2, "
                          "3.8.1 and 3.9 want 2.6.1 "
                          "or later; PLAIN with TLS works",
                          rd_kafka_version_str());
    } else {
        lfrec_log_thinned(LFREC_LOG_WARNING, text, "Kafka: %s (%s)", text, rd_kafka_err2name((rd_kafka_resp_err_t)code));
    }
}

static rd_kafka_t *new_client(lfrec_kafka *k, lfrec_client which, const char *bootstrap, char error[LFREC_KAFKA_ERROR_MAX])
{
    rd_kafka_conf_t *conf = kafka_config(k->options, which, bootstrap, error);
    if (!conf) {
        return NULL;
    }
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_log_cb(conf, kafka_on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (which == LFREC_CLIENT_PRODUCER) {
        char value[32] = "";
        size_t size = sizeof value;
        rd_kafka_conf_get(conf, "queue.buffering.max.messages", value, &size);
        k->queue_limit = (size_t)strtoul(value, NULL, 10);
        size = sizeof value;
        rd_kafka_conf_get(conf, "transaction.timeout.ms", value, &size);
        k->transaction_ms = strtol(value, NULL, 10);
        rd_kafka_conf_set_dr_msg_cb(conf, kafka_on_delivery);
    } else {
        rd_kafka_conf_set_rebalance_cb(conf, kafka_on_rebalance);
    }
    rd_kafka_t *client = rd_kafka_new(which == LFREC_CLIENT_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf,
                                      error, LFREC_KAFKA_ERROR_MAX);
    if (!client) {
        rd_kafka_conf_destroy(conf);
    }
    return client;
}

bool kafka_open_producer(lfrec_kafka *k, char error[LFREC_KAFKA_ERROR_MAX])
{
    const lfrec_config *o = k->options;
    k->producer = new_client(k, LFREC_CLIENT_PRODUCER, k->bootstrap, error);
    if (k->producer) {
        k->output = rd_kafka_topic_new(k->producer, o->output_topic, NULL);
        k->dead_letter = *o->dead_letter_topic ? rd_kafka_topic_new(k->producer, o->dead_letter_topic, NULL) : NULL;
    }
    return k->producer;
}

void kafka_close_producer(lfrec_kafka *k)
{
    rd_kafka_purge(k->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(k->producer, 0);
    rd_kafka_topic_destroy(k->output);
    if (k->dead_letter) {
        rd_kafka_topic_destroy(k->dead_letter);
    }
    kafka_end_client(k->producer);
    k->producer = NULL;
}

lfrec_kafka_status lfrec_kafka_open(lfrec_kafka **out, const lfrec_config *options, const char *bootstrap,
                                    const lfrec_kafka_handler *handler, char error[LFREC_KAFKA_ERROR_MAX])
{
    lfrec_kafka *k = calloc(1, sizeof *k);
    if (!k) {
        snprintf(error, LFREC_KAFKA_ERROR_MAX, "no memory for the Kafka clients");
        return LFREC_KAFKA_FAILED;
    }
    k->options = options;
    k->bootstrap = bootstrap;
    k->handler = *handler;
    k->status = LFREC_KAFKA_OK;
    k->transactional = options->delivery == LFREC_EXACTLY_ONCE;
    bool opened = kafka_open_producer(k, error);
    k->consumer = opened ? new_client(k, LFREC_CLIENT_CONSUMER, bootstrap, error) : NULL;
    if (!k->consumer) {
        if (opened) {
            kafka_close_producer(k);
        }
        free(k);
        return LFREC_KAFKA_BAD_CONFIG;
    }
    rd_kafka_poll_set_consumer(k->consumer);
    k->incoming = rd_kafka_queue_get_consumer(k->consumer);
    k->commits = rd_kafka_queue_new(k->consumer);
    k->to_commit = rd_kafka_topic_partition_list_new(8);
    *out = k;
    return LFREC_KAFKA_OK;
}

lfrec_kafka_status lfrec_kafka_join(lfrec_kafka *k)
{
    int64_t start = lfrec_clock_ms();
    lfrec_kafka_status status = kafka_topics_prepare(k, 1000);
    if (status == LFREC_KAFKA_AGAIN) { /* serve error callbacks, and do not come back at once */
        int64_t left = 1000 - (lfrec_clock_ms() - start);
        rd_kafka_poll(k->producer, left > 0 ? (int)left : 0);
        status = lfrec_kafka_poll(k, 0);
        return status == LFREC_KAFKA_OK ? LFREC_KAFKA_AGAIN : status;
    }
    if (status != LFREC_KAFKA_OK) {
        return status;
    }
    /* Before subscribing: while a dead instance's transaction is open, nobody is told the group's offsets. */
    status = kafka_transactions_prepare(k, 1000);
    if (status != LFREC_KAFKA_OK) {
        return status;
    }
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, k->options->input_topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(k->consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code) {
        kafka_fail(k, LFREC_KAFKA_FAILED, "cannot subscribe to %s: %s", k->options->input_topic, rd_kafka_err2str(code));
    }
    return k->status;
}

char *lfrec_kafka_cluster(const lfrec_kafka *k)
{
    char *id = rd_kafka_clusterid(k->producer, 0); /* by malloc; known since the first answer of a broker */
    return id ? id : calloc(1, 1);
}

lfrec_kafka_counts lfrec_kafka_counts_of(const lfrec_kafka *k)
{
    lfrec_kafka_counts counts = k->counts;
    counts.queued = rd_kafka_outq_len(k->producer);
    return counts;
}

/* rd_kafka_consumer_close has no time limit; this has. The rebalance callback is served from the queue, to which
 * messages may still come: rd_kafka_queue_poll_callback would abort on one of those. */
bool kafka_close_consumer(rd_kafka_t *consumer, int limit_ms)
{
    int64_t deadline = lfrec_clock_ms() + limit_ms;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(consumer, queue);
    if (error) {
        lfrec_log(LFREC_LOG_WARNING, "leaving the group: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    } else {
        while (!rd_kafka_consumer_closed(consumer) && lfrec_clock_ms() < deadline) {
            rd_kafka_message_t *late = rd_kafka_consume_queue(queue, 20); /* serves callbacks, and hands out what was fetched */
            if (late) {
                rd_kafka_message_destroy(late);
            }
        }
    }
    rd_kafka_queue_destroy(queue);
    return rd_kafka_consumer_closed(consumer);
}

/* librdkafka 2.0.2 fails an assertion when it destroys a consumer that has joined by cooperative-sticky and was never assigned anything. Such a
 * one has left its group by then, and stays behind: the process is about to end. */
static bool may_destroy_consumer(const lfrec_kafka *k)
{
    const char *strategy = lfrec_config_client_value(k->options, LFREC_CLIENT_CONSUMER, "partition.assignment.strategy");
    return k->assigned || !strategy || !strstr(strategy, "cooperative");
}

struct ending {
    rd_kafka_t *client;
    atomic_bool done;
};

static void *end_client(void *context)
{
    struct ending *e = context;
    rd_kafka_destroy_flags(e->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    atomic_store(&e->done, true);
    return NULL;
}

/* librdkafka 2.0.2 was seen to wait for a thread of its own for ever, after the input topic had been forbidden for a while. Such a consumer
 * has left its group, too, and stays behind. */
void kafka_end_client(rd_kafka_t *client)
{
    pthread_t thread;
    struct ending *e = malloc(sizeof *e);
    if (!e) {
        return;
    }
    *e = (struct ending){.client = client};
    if (pthread_create(&thread, NULL, end_client, e) != 0) {
        end_client(e);
        free(e);
        return;
    }
    for (int64_t start = lfrec_clock_ms(); !atomic_load(&e->done) && lfrec_clock_ms() - start < DESTROY_MS;) {
        poll(NULL, 0, 2);
    }
    if (atomic_load(&e->done)) {
        pthread_join(thread, NULL);
        free(e);
    } else {
        lfrec_log(LFREC_LOG_WARNING, "a Kafka client does not end: leaving it behind");
        pthread_detach(thread);
    }
}

bool lfrec_kafka_close(lfrec_kafka *k, int limit_ms)
{
    if (!k) {
        return true;
    }
    k->closing = true;
    lfrec_kafka_abort(k, limit_ms); /* else its readers wait until it times out */
    kafka_drop_held(k, NULL);       /* a message that is alive keeps the client from ending */
    if (!kafka_close_consumer(k->consumer, limit_ms)) {
        return false;
    }
    rd_kafka_topic_partition_list_destroy(k->to_commit);
    rd_kafka_queue_destroy(k->commits);
    rd_kafka_queue_destroy(k->incoming);
    if (may_destroy_consumer(k)) {
        kafka_end_client(k->consumer);
    }
    kafka_close_producer(k);
    free(k);
    return true;
}
