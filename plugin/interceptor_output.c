#include "interceptor_output.h"
#include "log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lfrec_output {
    const lfrec_host *host;
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    lfrec_output_counts counts;
    bool failed, closing;
};

/* Runs in librdkafka's threads. */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    const char *end = strncmp(text, "[thrd:", 6) == 0 ? strstr(text, "]: ") : NULL;
    const char *words = end ? end + 3 : text;
    level = level <= LFREC_LOG_WARNING ? LFREC_LOG_WARNING
            : level >= LFREC_LOG_DEBUG ? LFREC_LOG_DEBUG
                                       : LFREC_LOG_INFO;
    lfrec_log_thinned(level, words, "lfrec: librdkafka: %s: %s", facility, words);
}

static void on_error(rd_kafka_t *client, int code, const char *text, void *opaque)
{
    lfrec_output *o = opaque;
    char reason[256];
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        o->host->fatal_error(client, reason, sizeof reason);
        lfrec_log(LFREC_LOG_ERROR, "lfrec: no more lists are published: %s; restart the application to go on", reason);
        o->failed = true;
    } else {
        lfrec_log_thinned(LFREC_LOG_WARNING, text, "lfrec: Kafka: %s (%s)", text,
                          o->host->err2name((rd_kafka_resp_err_t)code));
    }
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    lfrec_output *o = opaque;
    (void)client;
    if (!message->err) {
        o->counts.acknowledged++;
        return;
    }
    o->counts.lost++;
    if (!o->closing) {
        lfrec_log_thinned(LFREC_LOG_WARNING, o->host->err2name(message->err), "lfrec: a list for topic %s is lost: %s%s",
                          o->host->topic_name(message->rkt), o->host->err2str(message->err),
                          message->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                              ? ": make the topic (compacted, with as many partitions as the input)"
                              : "");
    }
}

bool lfrec_output_open(lfrec_output **out, const lfrec_host *host, rd_kafka_conf_t *conf, const char *topic,
                       char error[LFREC_OUTPUT_ERROR_MAX])
{
    lfrec_output *o = calloc(1, sizeof *o);
    if (!o) {
        snprintf(error, LFREC_OUTPUT_ERROR_MAX, "no memory for the producer");
        host->conf_destroy(conf);
        return false;
    }
    o->host = host;
    host->conf_set_opaque(conf, o);
    host->conf_set_log_cb(conf, on_log);
    host->conf_set_error_cb(conf, on_error);
    host->conf_set_dr_msg_cb(conf, on_delivery);
    o->producer = host->new (RD_KAFKA_PRODUCER, conf, error, LFREC_OUTPUT_ERROR_MAX);
    if (!o->producer) {
        host->conf_destroy(conf);
        free(o);
        return false;
    }
    o->topic = host->topic_new(o->producer, topic, NULL);
    if (!o->topic) {
        snprintf(error, LFREC_OUTPUT_ERROR_MAX, "topic %s: %s", topic, host->err2str(host->last_error()));
        lfrec_output_close(o);
        return false;
    }
    *out = o;
    return true;
}

/* librdkafka takes payloads as void *, and with F_COPY only reads them. */
static void *writable(const void *bytes)
{
    union {
        const void *in;
        void *out;
    } pointer = {.in = bytes};
    return pointer.out;
}

bool lfrec_output_publish(lfrec_output *o, const void *key, size_t key_length, const void *value, size_t value_length)
{
    if (o->failed) {
        return false;
    }
    if (o->host->produce(o->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, writable(value), value_length, key,
                         key_length, NULL) == 0) {
        return true;
    }
    rd_kafka_resp_err_t code = o->host->last_error();
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return false;
    }
    /* Too large, or a topic that is known to be missing: the same the next time, so this one is passed over. */
    o->counts.lost++;
    lfrec_log_thinned(LFREC_LOG_WARNING, o->host->err2name(code), "lfrec: a list of %zu bytes is lost: %s",
                      value_length, o->host->err2str(code));
    return true;
}

int lfrec_output_serve(lfrec_output *o, int timeout_ms)
{
    o->host->poll(o->producer, timeout_ms);
    return o->host->outq_len(o->producer);
}

bool lfrec_output_failed(const lfrec_output *o)
{
    return o->failed;
}

lfrec_output_counts lfrec_output_counts_of(const lfrec_output *o)
{
    return o->counts;
}

void lfrec_output_close(lfrec_output *o)
{
    if (!o) {
        return;
    }
    o->closing = true;
    o->host->purge(o->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    o->host->poll(o->producer, 0);
    if (o->topic) {
        o->host->topic_destroy(o->topic);
    }
    o->host->destroy(o->producer);
    free(o);
}
