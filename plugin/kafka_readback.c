/* kafka_readback.c - reads the output topic from some point to its end, by a client of its own that is in no group. */
#include "clock.h"
#include "kafka_private.h"
#include "log.h"
#include <stdlib.h>

enum {
    ASK_MS = 5000,
    POLL_MS = 100,
    OPEN_MS = 3000, /* how long transactions of others that are open hold back what is behind them, and are waited for */
    MOST_MS = 200000 /* below max.poll.interval.ms */
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

/* All partitions, and where to begin; NULL: could not be asked. */
static rd_kafka_topic_partition_list_t *where_from(lfrec_kafka *k, rd_kafka_t *client, const char *topic, int64_t since)
{
    int partitions = kafka_partitions_of(k, client, topic, false, ASK_MS);
    if (partitions < 1) {
        return NULL;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++) {
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = since > 0 ? since : RD_KAFKA_OFFSET_BEGINNING;
    }
    if (since > 0 && rd_kafka_offsets_for_times(client, list, ASK_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_topic_partition_list_destroy(list);
        return NULL;
    }
    return list;
}

/* Where partitions end for this reading; -1: not known yet. */
typedef struct ending {
    int64_t *of; /* by partition */
    int left;    /* partitions that have not been read to there */
} ending;

/* All there is for now of a partition has been read. What was there at the first such time counts, also behind an open transaction. */
static void at_end(rd_kafka_t *client, const char *topic, int32_t partition, int64_t at, ending *end)
{
    int64_t low, high, *of = &end->of[partition];
    if (*of == -1) {
        *of = rd_kafka_get_watermark_offsets(client, topic, partition, &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR ? high
                                                                                                                  : at;
    }
    if (*of <= at) {
        *of = INT64_MAX;
        end->left--;
    }
}

static bool read_to_end(rd_kafka_t *client, const char *topic, ending *end, lfrec_kafka_output *each, void *context)
{
    int64_t start = lfrec_clock_ms(), progress = start, now = start;
    bool good = true;
    while (good && end->left > 0 && now - start < MOST_MS) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(client, POLL_MS);
        if (m && m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            good = each(context, m->key, m->key_len, m->payload, m->len);
            progress = now;
        } else if (m && m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            at_end(client, topic, m->partition, m->offset, end);
            progress = now;
        } else if (m) {
            lfrec_log_thinned(LFREC_LOG_WARNING, "read back", "reading topic %s back: %s", topic,
                              rd_kafka_message_errstr(m));
        } else if (now - progress > OPEN_MS) {
            good = false;
        }
        if (m) {
            rd_kafka_message_destroy(m);
        }
        now = lfrec_clock_ms();
    }
    return good && end->left == 0;
}

bool lfrec_kafka_read_outputs(lfrec_kafka *k, int64_t since, lfrec_kafka_output *each, void *context)
{
    char error[LFREC_KAFKA_ERROR_MAX];
    const char *topic = k->options->output_topic;
    rd_kafka_t *client = new_reader(k, error);
    if (!client) {
        lfrec_log(LFREC_LOG_WARNING, "reading topic %s back: %s", topic, error);
        return false;
    }
    rd_kafka_topic_partition_list_t *list = where_from(k, client, topic, since);
    ending end = {.left = list ? list->cnt : 0};
    end.of = malloc(((size_t)end.left + 1) * sizeof *end.of);
    bool good = list && end.of;
    for (int i = 0; good && i < list->cnt; i++) {
        end.of[i] = -1;
    }
    if (good) {
        good = rd_kafka_assign(client, list) == RD_KAFKA_RESP_ERR_NO_ERROR &&
               read_to_end(client, topic, &end, each, context);
        rd_kafka_assign(client, NULL);
    }
    if (list) {
        rd_kafka_topic_partition_list_destroy(list);
    }
    free(end.of);
    kafka_destroy_consumer(client);
    return good;
}
