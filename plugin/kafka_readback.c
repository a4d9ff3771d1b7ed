/* kafka_readback.c - reads the output topic from some point to its end, by a client of its own that is in no group, a piece at a time. */
#include "clock.h"
#include "kafka_private.h"
#include "log.h"
#include <poll.h>
#include <stdlib.h>

enum {
    ASK_MS = 1000,
    OPEN_MS = 3000, /* how long transactions of others that are open hold back what is behind them, and are waited for */
    STALL_MS = 30000 /* how long a broker that does not answer is waited for */
};

typedef struct part {
    int64_t next; /* to be read */
    int64_t end;  /* for this reading; -1: not known yet, INT64_MAX: it is done */
    bool held;    /* all there is for now has been read, but not to the end: behind an open transaction */
} part;

struct lfrec_kafka_outputs {
    lfrec_kafka *kafka;
    const char *topic;
    rd_kafka_t *client;
    int64_t since;
    part *parts; /* NULL: where to begin is not known yet */
    int count, left, held;
    int64_t progress; /* clock, ms */
};

static rd_kafka_t *new_reader(const lfrec_kafka *k, char error[LFREC_KAFKA_ERROR_MAX])
{
    rd_kafka_conf_t *conf = kafka_config(k->options, LFREC_CLIENT_CONSUMER, k->bootstrap, error);
    if (!conf) {
        return NULL;
    }
    rd_kafka_conf_set_log_cb(conf, kafka_on_log);
    rd_kafka_conf_set(conf, "isolation.level", "read_committed", NULL, 0);
    rd_kafka_conf_set(conf, "group.instance.id", "", NULL, 0);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, LFREC_KAFKA_ERROR_MAX);
    if (!client) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_poll_set_consumer(client);
    return client;
}

lfrec_kafka_outputs *lfrec_kafka_outputs_open(lfrec_kafka *k, int64_t since)
{
    char error[LFREC_KAFKA_ERROR_MAX] = "no memory";
    lfrec_kafka_outputs *o = calloc(1, sizeof *o);
    if (o) {
        *o = (lfrec_kafka_outputs){
            .kafka = k, .topic = k->options->output_topic, .since = since, .progress = lfrec_clock_ms()};
        o->client = new_reader(k, error);
    }
    if (!o || !o->client) {
        lfrec_log(LFREC_LOG_WARNING, "reading topic %s back: %s", k->options->output_topic, error);
        free(o);
        return NULL;
    }
    return o;
}

void lfrec_kafka_outputs_close(lfrec_kafka_outputs *o)
{
    if (o) {
        rd_kafka_assign(o->client, NULL);
        kafka_end_client(o->client);
        free(o->parts);
        free(o);
    }
}

/* Where to begin in each partition. false: not known. */
static bool find_beginning(lfrec_kafka_outputs *o, rd_kafka_topic_partition_list_t *list, int count)
{
    for (int i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, o->topic, i)->offset = o->since > 0 ? o->since : RD_KAFKA_OFFSET_BEGINNING;
    }
    if (o->since > 0 && rd_kafka_offsets_for_times(o->client, list, ASK_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        int64_t low, high, *from = &list->elems[i].offset;
        if (*from == RD_KAFKA_OFFSET_END) { /* as of now, also if it is asked for again */
            if (rd_kafka_query_watermark_offsets(o->client, o->topic, i, &low, &high, ASK_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
                return false;
            }
            *from = high;
        }
    }
    return true;
}

/* Reads on in each partition, to what will be its end then. */
static bool assign(lfrec_kafka_outputs *o)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(o->count);
    for (int i = 0; i < o->count; i++) {
        rd_kafka_topic_partition_list_add(list, o->topic, i)->offset = o->parts[i].next;
        o->parts[i].end = -1;
        o->parts[i].held = false;
    }
    o->left = o->count;
    o->held = 0;
    bool good = rd_kafka_assign(o->client, list) == RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
    return good;
}

void lfrec_kafka_outputs_again(lfrec_kafka_outputs *o)
{
    if (o->parts) {
        assign(o);
    }
}

static bool begin(lfrec_kafka_outputs *o)
{
    int count = kafka_partitions_of(o->kafka, o->client, o->topic, false, ASK_MS);
    part *parts = count > 0 ? calloc((size_t)count, sizeof *parts) : NULL;
    if (!parts) {
        return false;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    bool good = find_beginning(o, list, count);
    for (int i = 0; good && i < count; i++) {
        parts[i].next = list->elems[i].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (!good) {
        free(parts);
        return false;
    }
    o->parts = parts;
    o->count = count;
    return assign(o);
}

/* All there is for now of a partition has been read. What was there at the first such time counts, also behind an open transaction. */
static void at_end(lfrec_kafka_outputs *o, int32_t partition, int64_t at)
{
    int64_t low, high;
    part *p = &o->parts[partition];
    p->next = at;
    o->held -= p->held;
    p->held = false;
    if (p->end == -1) {
        bool known =
            rd_kafka_get_watermark_offsets(o->client, o->topic, partition, &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR;
        p->end = known ? high : at;
    }
    if (p->end <= at) {
        p->end = INT64_MAX;
        o->left--;
    } else if (p->end < INT64_MAX) {
        p->held = true;
        o->held++;
    }
}

static bool take(lfrec_kafka_outputs *o, const rd_kafka_message_t *m, lfrec_kafka_output *each, void *context)
{
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        at_end(o, m->partition, m->offset);
    } else if (m->err) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "read back", "reading topic %s back: %s%s", o->topic,
                          rd_kafka_message_errstr(m), kafka_lacks(m->err, false));
        return true;
    } else {
        part *p = &o->parts[m->partition];
        p->next = m->offset + 1;
        o->held -= p->held;
        p->held = false;
        if (!each(context, m->key, m->key_len, m->payload, m->len)) {
            return false;
        }
    }
    o->progress = lfrec_clock_ms();
    return true;
}

/* Nothing has come for longer than is waited for. */
static bool stalled(const lfrec_kafka_outputs *o, int64_t now)
{
    bool open = o->parts && o->held == o->left;
    if (now - o->progress < (open ? OPEN_MS : STALL_MS)) {
        return false;
    }
    lfrec_log(LFREC_LOG_WARNING, "reading topic %s back: %s for %d s", o->topic,
              open ? "another instance's transaction has been open" : "nothing has come",
              (open ? OPEN_MS : STALL_MS) / 1000);
    return true;
}

lfrec_kafka_reading lfrec_kafka_outputs_step(lfrec_kafka_outputs *o, lfrec_kafka_output *each, void *context, int limit_ms)
{
    int64_t start = lfrec_clock_ms(), now = start;
    if (!o->parts && !begin(o)) {
        poll(NULL, 0, limit_ms); /* the brokers may refuse at once */
        return stalled(o, lfrec_clock_ms()) ? LFREC_KAFKA_UNREADABLE : LFREC_KAFKA_READING;
    }
    while (o->left > 0 && now - start < limit_ms) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(o->client, (int)(limit_ms - (now - start)));
        bool good = !m || take(o, m, each, context);
        if (m) {
            rd_kafka_message_destroy(m);
        }
        now = lfrec_clock_ms();
        if (!good || stalled(o, now)) {
            return LFREC_KAFKA_UNREADABLE;
        }
    }
    return o->left > 0 ? LFREC_KAFKA_READING : LFREC_KAFKA_READ;
}

int64_t lfrec_kafka_outputs_left(const lfrec_kafka_outputs *o)
{
    int64_t left = 0;
    for (int i = 0; i < o->count; i++) {
        int64_t low, high;
        if (!o->parts || o->parts[i].next < 0 ||
            rd_kafka_get_watermark_offsets(o->client, o->topic, i, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return -1;
        }
        left += high > o->parts[i].next ? high - o->parts[i].next : 0;
    }
    return left;
}
