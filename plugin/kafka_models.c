#include "kafka_models.h"
#include "clock.h"
#include "kafka_private.h"
#include "log.h"
#include "model_topic.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    CHUNK_BYTES = 900000, /* below a topic's default max.message.bytes, 1048588 */
    TURN_MESSAGES = 64,
    LOOK_MS = 5000, /* between two looks at whether the topic is still the same one */
    ASK_MS = 500,
    CLOSE_MS = 1000
};

struct lfrec_kafka_models {
    const lfrec_config *options;
    rd_kafka_t *consumer, *producer; /* producer: a trainer's */
    rd_kafka_topic_t *topic;
    lfrec_assembly *assembly;
    lfrec_buffer chunk;
    uint64_t maker;        /* drawn at the start */
    uint64_t version;      /* the newest seen or sent */
    lfrec_model_name told; /* the newest whole one that was handed out; version 0: none was */
    uint32_t parts;        /* of that one */
    bool owns;             /* a trainer: the partition is ours */
    bool assigned;         /* a trainer: it was told whether it is, at least once */
    bool known;
    bool again;        /* a scorer: the topic is being read once more */
    int64_t next;      /* the offset after the last one seen since the assignment */
    int64_t timestamp; /* the latest of any before that; -1: none */
    struct {
        int64_t at; /* the next one; clock, ms */
        int64_t next, timestamp;
    } look;     /* what the two above were when the topic was last found to be the same; next 0: not yet */
    int unsent; /* chunks of that version without a good report */
};

/* Sticky, so that a trainer that joins does not take the lead from one that has it. Nothing is ever committed here, which librdkafka 2.0
 * would pay for with the assignment. */
static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    lfrec_kafka_models *m = opaque;
    rd_kafka_error_t *error;
    bool ours = false;
    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
        ours |= list->elems[i].partition == 0;
    }
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        error = rd_kafka_incremental_assign(client, list);
        m->assigned = true;
        m->owns |= ours;
        m->next = ours ? 0 : m->next;
        lfrec_log(LFREC_LOG_INFO, m->owns ? "this trainer leads" : "another trainer leads; waiting to take over");
    } else {
        error = rd_kafka_incremental_unassign(client, list);
        m->owns &= !ours;
    }
    m->known &= !ours;
    if (error) {
        lfrec_log(LFREC_LOG_WARNING, "topic %s: %s", m->options->model_topic, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
}

/* A model's version as the mark of its chunks. */
static void *mark_of(uint64_t version)
{
    return (void *)(uintptr_t)version; // NOLINT(performance-no-int-to-ptr): never followed
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    lfrec_kafka_models *m = opaque;
    (void)client;
    /* Reports of a model that was given up may come while the next one is sent. */
    m->unsent -= message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->_private == mark_of(m->version);
    if (message->err) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "model", "a part of a model is not delivered to topic %s: %s%s",
                          m->options->model_topic, rd_kafka_err2str(message->err), kafka_lacks(message->err, true));
    }
}

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    /* What is wrong with the properties the main clients have said. */
    bool worth = level <= LFREC_LOG_WARNING && strcmp(facility, "CONFWARN") != 0;
    lfrec_log_thinned(worth ? LFREC_LOG_WARNING : LFREC_LOG_DEBUG, text, "librdkafka (models): %s: %s", facility, text);
}

static rd_kafka_t *new_client(lfrec_kafka_models *m, lfrec_client which, const char *bootstrap,
                              char error[LFREC_KAFKA_ERROR_MAX])
{
    rd_kafka_conf_t *conf = kafka_config(m->options, which, bootstrap, error);
    if (!conf) {
        return NULL;
    }
    rd_kafka_conf_set_opaque(conf, m);
    rd_kafka_conf_set_log_cb(conf, on_log);
    if (which == LFREC_CLIENT_PRODUCER) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    } else {
        char group[512];
        const char *base = lfrec_config_client_value(m->options, LFREC_CLIENT_CONSUMER, "group.id");
        snprintf(group, sizeof group, "%s.trainer", base ? base : "lfrec");
        rd_kafka_conf_set(conf, "group.id", group, NULL, 0);
        rd_kafka_conf_set(conf, "partition.assignment.strategy", "cooperative-sticky", NULL, 0);
        rd_kafka_conf_set(conf, "queued.min.messages", "1000", NULL, 0);
        rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    }
    rd_kafka_t *client = rd_kafka_new(which == LFREC_CLIENT_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf,
                                      error, LFREC_KAFKA_ERROR_MAX);
    if (!client) {
        rd_kafka_conf_destroy(conf);
    }
    return client;
}

/* Different for each process and start. */
static uint64_t draw(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t mixed = ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) ^ ((uint64_t)getpid() << 40);
    mixed = (mixed ^ (mixed >> 33)) * 0xff51afd7ed558ccdu;
    return mixed ^ (mixed >> 33);
}

lfrec_kafka_status lfrec_kafka_models_open(lfrec_kafka_models **out, const lfrec_config *options, const char *bootstrap,
                                           char error[LFREC_KAFKA_ERROR_MAX])
{
    lfrec_kafka_models *m = calloc(1, sizeof *m);
    if (m) {
        m->options = options;
        m->maker = draw();
        m->assembly = lfrec_assembly_open();
    }
    if (!m || !m->assembly) {
        snprintf(error, LFREC_KAFKA_ERROR_MAX, "no memory for the models' topic");
        free(m);
        return LFREC_KAFKA_FAILED;
    }
    bool trainer = options->role == LFREC_ROLE_TRAINER;
    m->consumer = new_client(m, LFREC_CLIENT_CONSUMER, bootstrap, error);
    m->producer = m->consumer && trainer ? new_client(m, LFREC_CLIENT_PRODUCER, bootstrap, error) : NULL;
    if (!m->consumer || (trainer && !m->producer)) {
        lfrec_kafka_models_close(m);
        return LFREC_KAFKA_BAD_CONFIG;
    }
    rd_kafka_poll_set_consumer(m->consumer);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, options->model_topic, trainer ? RD_KAFKA_PARTITION_UA : 0)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t code = trainer ? rd_kafka_subscribe(m->consumer, list) : rd_kafka_assign(m->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    m->topic = trainer ? rd_kafka_topic_new(m->producer, options->model_topic, NULL) : NULL;
    if (code) {
        snprintf(error, LFREC_KAFKA_ERROR_MAX, "cannot follow topic %s: %s", options->model_topic, rd_kafka_err2str(code));
        lfrec_kafka_models_close(m);
        return LFREC_KAFKA_FAILED;
    }
    *out = m;
    return LFREC_KAFKA_OK;
}

void lfrec_kafka_models_close(lfrec_kafka_models *m)
{
    if (!m) {
        return;
    }
    if (m->consumer) {
        if (!kafka_close_consumer(m->consumer, CLOSE_MS)) {
            return; /* no broker answers: left to the end of the process */
        }
        if (m->assigned || m->options->role != LFREC_ROLE_TRAINER) { /* else see may_destroy_consumer in kafka.c */
            kafka_end_client(m->consumer);
        }
    }
    if (m->producer) {
        rd_kafka_purge(m->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_poll(m->producer, 0);
        if (m->topic) {
            rd_kafka_topic_destroy(m->topic);
        }
        kafka_end_client(m->producer);
    }
    lfrec_assembly_close(m->assembly);
    lfrec_buffer_free(&m->chunk);
    free(m);
}

/* ---- is it still the same topic? ---- */

/* There may be another topic under the name, whose versions begin anew, and librdkafka 2.0 knows no topic by its id. So a scorer reads all of
 * it again, and follows whatever is the newest model now: most often the one that it has. A trainer's versions go on from the highest in any
 * case. */
static void begin_again(lfrec_kafka_models *m, const char *why)
{
    lfrec_log(LFREC_LOG_WARNING, "topic %s: %s: was it made again? Its models are looked at anew",
              m->options->model_topic, why);
    lfrec_assembly_restart(m->assembly);
    m->next = 0;
    m->timestamp = -1;
    m->look.next = 0;
    if (m->options->role == LFREC_ROLE_SCORER) {
        m->again = true;
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, m->options->model_topic, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
        rd_kafka_assign(m->consumer, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
}

static void looked(lfrec_kafka_models *m)
{
    m->look.next = m->next;
    m->look.timestamp = m->timestamp;
}

/* Whatever is newer than what was read lies behind it, or else it is another topic. What has been read since the last look says nothing
 * here: it may be the other topic's. */
static void look_for_newer_ones_before(lfrec_kafka_models *m, int64_t now)
{
    if (m->options->role != LFREC_ROLE_SCORER || m->again || !m->known || m->look.next == 0 || m->look.timestamp < 0 ||
        now < m->look.at) {
        return;
    }
    m->look.at = now + LOOK_MS;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, m->options->model_topic, 0)->offset = m->look.timestamp + 1;
    if (rd_kafka_offsets_for_times(m->consumer, list, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR && !list->elems[0].err) {
        if (list->elems[0].offset >= 0 && list->elems[0].offset < m->look.next) {
            begin_again(m, "newer messages stand where others were read");
        } else {
            looked(m);
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* false: it is read again later, if at all. */
static bool same_topic(lfrec_kafka_models *m, const rd_kafka_message_t *message)
{
    lfrec_model_name name;
    bool end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    bool scorer = m->options->role == LFREC_ROLE_SCORER;
    if (message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && scorer && m->next > 0) {
        begin_again(m, "it is gone");
        return true;
    }
    if (message->partition != 0 || (message->err && !end)) {
        return true;
    }
    if (message->offset < m->next) {
        begin_again(m, "its offsets went back");
        return !scorer;
    }
    m->next = message->offset + !end;
    if (end) {
        return true;
    }
    int64_t timestamp = rd_kafka_message_timestamp(message, NULL);
    m->timestamp = timestamp > m->timestamp ? timestamp : m->timestamp;
    if (scorer && m->known && !m->again && lfrec_model_named(message->payload, message->len, &name) &&
        name.version <= m->told.version && !lfrec_model_same(name, m->told)) {
        begin_again(m, "an older model's part came after a newer one");
        return false;
    }
    return true;
}

/* ---- following ---- */

static void take(lfrec_kafka_models *m, const rd_kafka_message_t *message)
{
    if (!same_topic(m, message)) {
        return;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (message->partition == 0) {
            if (!m->known && m->next == 0 && m->options->role == LFREC_ROLE_SCORER) {
                lfrec_log(LFREC_LOG_INFO, "topic %s has no model yet: lists are by the means until a trainer publishes one",
                          m->options->model_topic);
            }
            m->known = true;
            m->again = false;
            if (m->look.next == 0) {
                looked(m);
            }
        }
        return;
    }
    if (message->err) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "models", "following topic %s: %s%s", m->options->model_topic,
                          rd_kafka_message_errstr(message), kafka_lacks(message->err, false));
        return;
    }
    switch (lfrec_assembly_take(m->assembly, message->payload, message->len)) {
    case LFREC_ASSEMBLED_MODEL:
    case LFREC_ASSEMBLED_PART: break;
    case LFREC_ASSEMBLED_BAD:
        lfrec_log_thinned(LFREC_LOG_WARNING, "bad chunk",
                          "topic %s offset %" PRId64 ": no part of a model, or a damaged one: passed over",
                          m->options->model_topic, message->offset);
        break;
    case LFREC_ASSEMBLED_NO_MEMORY:
        lfrec_log_thinned(LFREC_LOG_ERROR, "model memory", "no memory for a model: the one before serves on");
        break;
    }
}

bool lfrec_kafka_models_poll(lfrec_kafka_models *m, uint64_t *version, const void **bytes, size_t *length)
{
    if (m->producer) {
        rd_kafka_poll(m->producer, 0);
    }
    for (int i = 0; i < TURN_MESSAGES; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(m->consumer, 0);
        if (!message) {
            break;
        }
        take(m, message);
        rd_kafka_message_destroy(message);
    }
    look_for_newer_ones_before(m, lfrec_clock_ms());
    lfrec_model_name name;
    if (!m->known || m->again || !lfrec_assembly_model(m->assembly, &name, bytes, length) || lfrec_model_same(name, m->told)) {
        return false;
    }
    m->told = name;
    m->version = name.version > m->version ? name.version : m->version;
    m->parts = lfrec_model_chunks(*length, CHUNK_BYTES);
    *version = name.version;
    return true;
}

uint32_t lfrec_kafka_models_parts(const lfrec_kafka_models *m)
{
    return m->parts;
}

bool lfrec_kafka_models_known(const lfrec_kafka_models *m)
{
    return m->known;
}

bool lfrec_kafka_models_leads(const lfrec_kafka_models *m)
{
    return m->owns && m->known;
}

bool lfrec_kafka_models_broken(const lfrec_kafka_models *m, char error[LFREC_KAFKA_ERROR_MAX])
{
    char reason[256];
    rd_kafka_resp_err_t code = m->producer ? rd_kafka_fatal_error(m->producer, reason, sizeof reason) : 0;
    if (code) {
        snprintf(error, LFREC_KAFKA_ERROR_MAX, "models cannot be published any more: %s (%s)", reason,
                 rd_kafka_err2name(code));
    }
    return code != 0;
}

bool lfrec_kafka_models_publish(lfrec_kafka_models *m, const void *bytes, size_t length, int limit_ms,
                                uint64_t *version, char error[LFREC_KAFKA_ERROR_MAX])
{
    char key[LFREC_CHUNK_KEY_MAX];
    int64_t deadline = lfrec_clock_ms() + limit_ms;
    uint32_t chunks = lfrec_model_chunks(length, CHUNK_BYTES);
    lfrec_model_name name = {.version = m->version + 1, .maker = m->maker};
    m->version = name.version; /* one that fails is not used again */
    m->unsent = (int)chunks;
    for (uint32_t chunk = 0; chunk < chunks;) {
        if (!lfrec_model_chunk(name, bytes, length, CHUNK_BYTES, chunk, key, &m->chunk)) {
            snprintf(error, LFREC_KAFKA_ERROR_MAX, "no memory for a part of the model");
            return false;
        }
        if (rd_kafka_produce(m->topic, 0, RD_KAFKA_MSG_F_COPY, m->chunk.bytes, m->chunk.length, key, strlen(key),
                             mark_of(name.version)) == 0) {
            chunk++;
        } else if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            snprintf(error, LFREC_KAFKA_ERROR_MAX, "%s", rd_kafka_err2str(rd_kafka_last_error()));
            return false;
        }
        rd_kafka_poll(m->producer, chunk < chunks && lfrec_clock_ms() < deadline ? 10 : 0);
        if (lfrec_clock_ms() >= deadline) {
            break;
        }
    }
    while (m->unsent > 0 && lfrec_clock_ms() < deadline) {
        rd_kafka_poll(m->producer, 20);
    }
    if (m->unsent > 0) {
        snprintf(error, LFREC_KAFKA_ERROR_MAX, "%d of %" PRIu32 " parts were not acknowledged within %d s", m->unsent,
                 chunks, limit_ms / 1000);
        return false;
    }
    m->parts = chunks;
    *version = name.version;
    return true;
}
