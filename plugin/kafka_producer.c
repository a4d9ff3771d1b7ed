#include "clock.h"
#include "kafka_private.h"
#include "log.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The names Kafka Streams gives to the headers of its dead letters (KIP-1034). */
static const char *const header_names[] = {
    "__streams.errors.exception", "__streams.errors.message", "__streams.errors.topic",
    "__streams.errors.partition", "__streams.errors.offset",
};
enum { FULL_QUEUE_MS = 10000 };
enum { EXCEPTION, MESSAGE, TOPIC, PARTITION, OFFSET, HEADERS };

size_t lfrec_kafka_room(const lfrec_kafka *k)
{
    if (k->ending != KAFKA_OPEN || k->spoiled || k->worn) {
        return 0;
    }
    size_t used = (size_t)rd_kafka_outq_len(k->producer);
    return used < k->queue_limit ? k->queue_limit - used : 0;
}

/* Turns the answer of a produce call into a status. */
static lfrec_kafka_status produced(lfrec_kafka *k, rd_kafka_resp_err_t code, const char *topic)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: k->counts.produced++; return LFREC_KAFKA_OK;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return LFREC_KAFKA_AGAIN;
    case RD_KAFKA_RESP_ERR__FATAL: {
        char reason[256];
        if (kafka_worn(k)) {
            return LFREC_KAFKA_AGAIN;
        }
        rd_kafka_fatal_error(k->producer, reason, sizeof reason);
        kafka_fail(k, LFREC_KAFKA_FATAL, "the producer cannot go on: %s", reason);
        return k->status;
    }
    default:
        if (k->in_transaction && code == RD_KAFKA_RESP_ERR__STATE) { /* it can only be aborted; the report that says why is still to come */
            k->spoiled = true;
            return LFREC_KAFKA_AGAIN;
        }
        kafka_fail(k, LFREC_KAFKA_FAILED, "topic %s: not delivered: %s%s", topic, rd_kafka_err2str(code),
                   kafka_lacks(code, true));
        return k->status;
    }
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

lfrec_kafka_status lfrec_kafka_publish(lfrec_kafka *k, const void *key, size_t key_length, const void *value,
                                       size_t value_length, void *cause)
{
    if (k->list_limit > 0 && key_length + value_length >= k->list_limit) {
        k->counts.undeliverable++;
        lfrec_log(LFREC_LOG_ERROR, "a list of %zu bytes for topic %s is given up: too large for it", value_length,
                  k->options->output_topic);
        k->handler.delivered(k->handler.context, cause, true);
        return LFREC_KAFKA_OK;
    }
    lfrec_kafka_status begun = kafka_transaction_begin(k);
    if (begun != LFREC_KAFKA_OK) {
        return begun;
    }
    int rc;
    int64_t start = lfrec_clock_ms();
    do {
        rc = rd_kafka_produce(k->output, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, writable(value), value_length, key,
                              key_length, cause);
        /* A list left for later would be part of another transaction than the offset it belongs to. */
    } while (rc != 0 && k->transactional && rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL &&
             lfrec_clock_ms() - start < FULL_QUEUE_MS && rd_kafka_poll(k->producer, 20) >= 0);
    return produced(k, rc == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error(), k->options->output_topic);
}

/* Sends a dead letter; takes the headers over when it returns OK. */
static lfrec_kafka_status send_dead_letter(lfrec_kafka *k, const void *key, size_t key_length, const void *value,
                                           size_t value_length, rd_kafka_headers_t *headers, void *cause)
{
    lfrec_kafka_status begun = kafka_transaction_begin(k);
    if (begun != LFREC_KAFKA_OK) {
        return begun;
    }
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = k->dead_letter},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {.ptr = writable(key), .size = key_length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {.ptr = writable(value), .size = value_length}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = cause},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(k->producer, parts, sizeof parts / sizeof parts[0]);
    rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (error) {
        rd_kafka_error_destroy(error);
    }
    return produced(k, code, k->options->dead_letter_topic);
}

static void note_left_out(const lfrec_kafka *k, rd_kafka_headers_t *headers, size_t bytes)
{
    char length[24];
    snprintf(length, sizeof length, "%zu", bytes);
    rd_kafka_header_add(headers, "lfrec.value.left.out.bytes", -1, length, -1);
    lfrec_log(LFREC_LOG_WARNING, "a dead letter of %zu bytes is too large for topic %s: sent without its value", bytes,
              k->options->dead_letter_topic);
}

lfrec_kafka_status lfrec_kafka_dead_letter(lfrec_kafka *k, const lfrec_kafka_message *message, const char *reason,
                                           const char *text, void *cause)
{
    rd_kafka_headers_t *theirs = NULL, *headers;
    if (rd_kafka_message_headers(message->native, &theirs) == RD_KAFKA_RESP_ERR_NO_ERROR && theirs) {
        headers = rd_kafka_headers_copy(theirs);
        for (size_t i = 0; i < HEADERS; i++) { /* a dead letter that was replayed and is still bad: the newest account replaces the old */
            rd_kafka_header_remove(headers, header_names[i]);
        }
    } else {
        headers = rd_kafka_headers_new(HEADERS);
    }
    char partition[16], offset[24];
    snprintf(partition, sizeof partition, "%" PRId32, message->partition);
    snprintf(offset, sizeof offset, "%" PRId64, message->offset);
    rd_kafka_header_add(headers, header_names[EXCEPTION], -1, reason, -1);
    rd_kafka_header_add(headers, header_names[MESSAGE], -1, text, -1);
    rd_kafka_header_add(headers, header_names[TOPIC], -1, k->options->input_topic, -1);
    rd_kafka_header_add(headers, header_names[PARTITION], -1, partition, -1);
    rd_kafka_header_add(headers, header_names[OFFSET], -1, offset, -1);
    bool too_large = k->letter_limit > 0 && message->key_length + message->value_length >= k->letter_limit;
    if (too_large) {
        note_left_out(k, headers, message->value_length);
    }
    lfrec_kafka_status status = send_dead_letter(k, message->key, message->key_length, too_large ? NULL : message->value,
                                                 too_large ? 0 : message->value_length, headers, cause);
    if (status == LFREC_KAFKA_OK) {
        k->counts.dead_letters++;
    } else {
        rd_kafka_headers_destroy(headers);
    }
    return status;
}

/* A dead letter too large for its topic goes again without its value: its headers tell where the original is. */
static bool send_without_value(lfrec_kafka *k, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    if (message->rkt != k->dead_letter || !message->payload ||
        rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR || !headers) {
        return false;
    }
    rd_kafka_headers_t *copy = rd_kafka_headers_copy(headers);
    note_left_out(k, copy, message->len);
    if (send_dead_letter(k, message->key, message->key_len, NULL, 0, copy, message->_private) != LFREC_KAFKA_OK) {
        rd_kafka_headers_destroy(copy);
        return false;
    }
    return true;
}

/* A message that is not delivered ends its transaction: all of it is done again. What was too large will be left out then. */
static void spoil(lfrec_kafka *k, const rd_kafka_message_t *message)
{
    size_t bytes = message->len + message->key_len;
    k->spoiled = true;
    if (message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        size_t *limit = message->rkt == k->dead_letter ? &k->letter_limit : &k->list_limit;
        *limit = *limit == 0 || bytes < *limit ? bytes : *limit;
    }
    if (message->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE && message->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
        lfrec_log_thinned(LFREC_LOG_WARNING, rd_kafka_err2name(message->err),
                          "topic %s: %zu bytes not delivered: %s%s; the transaction is done again",
                          rd_kafka_topic_name(message->rkt), bytes, rd_kafka_err2str(message->err),
                          kafka_lacks(message->err, true));
    }
}

void kafka_on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    lfrec_kafka *k = opaque;
    const char *topic = rd_kafka_topic_name(message->rkt);
    bool settled = false;
    if (k->transactional && message->err) {
        spoil(k, message);
        k->handler.delivered(k->handler.context, message->_private, false);
        return;
    }
    switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        k->counts.acknowledged++;
        settled = true;
        break;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        if (send_without_value(k, message)) {
            return; /* the cause goes on with the second letter */
        }
        k->counts.undeliverable++;
        lfrec_log(LFREC_LOG_ERROR,
                  "a message of %zu bytes for topic %s is given up: larger than the topic's max.message.bytes",
                  message->len, topic);
        settled = true;
        break;
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT: break;
    case RD_KAFKA_RESP_ERR__FATAL: {
        char reason[256];
        rd_kafka_fatal_error(client, reason, sizeof reason);
        kafka_fail(k, LFREC_KAFKA_FATAL, "topic %s: not delivered: %s", topic, reason);
        break;
    }
    default:
        kafka_fail(k, LFREC_KAFKA_FAILED, "topic %s: not delivered: %s%s", topic, rd_kafka_err2str(message->err),
                   kafka_lacks(message->err, true));
    }
    k->handler.delivered(k->handler.context, message->_private, settled);
}

bool lfrec_kafka_flush(lfrec_kafka *k, int limit_ms, int most_ms)
{
    int64_t start = lfrec_clock_ms(), progress = start;
    int left = rd_kafka_outq_len(k->producer);
    while (left > 0) {
        rd_kafka_flush(k->producer, 20);
        int now_left = rd_kafka_outq_len(k->producer);
        int64_t now = lfrec_clock_ms();
        if (now_left < left) {
            progress = now;
        }
        left = now_left;
        if (left > 0 && (now - progress >= limit_ms || now - start >= most_ms)) {
            return false;
        }
    }
    return true;
}
