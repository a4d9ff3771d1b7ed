#include "clock.h"
#include "kafka_private.h"
#include "log.h"
#include <string.h>

/* The topic's number of partitions; 0: it does not exist; -1: the answer did not come (the message says why). Asks as the consumer, whose
 * questions do not make a broker create the topic. */
static int partitions_of(lfrec_kafka *k, const char *name, int limit_ms)
{
    const struct rd_kafka_metadata *answer = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(k->consumer, name, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(k->consumer, 0, topic, &answer, limit_ms);
    rd_kafka_topic_destroy(topic);
    int count = -1;
    if (code) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "no metadata", "waiting for a broker: %s", rd_kafka_err2str(code));
    } else if (answer->topic_cnt == 1) {
        switch (answer->topics[0].err) {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
        case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
            count = answer->topics[0].partition_cnt;
            break;
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
            count = 0;
            break;
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
            kafka_fail(k, LFREC_KAFKA_FAILED, "topic %s: %s", name, rd_kafka_err2str(answer->topics[0].err));
            break;
        default:
            lfrec_log_thinned(LFREC_LOG_WARNING, "topic metadata", "topic %s: %s", name,
                              rd_kafka_err2str(answer->topics[0].err));
        }
    }
    if (answer) {
        rd_kafka_metadata_destroy(answer);
    }
    return count;
}

static bool create(lfrec_kafka *k, const char *name, int partitions, const char *setting, const char *value)
{
    char text[256];
    bool created = false;
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, -1, text, sizeof text);
    if (!topic) {
        kafka_fail(k, LFREC_KAFKA_FAILED, "topic %s does not exist and cannot be made: %s", name, text);
        return false;
    }
    if (setting) {
        rd_kafka_NewTopic_set_config(topic, setting, value);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(k->producer);
    rd_kafka_CreateTopics(k->producer, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10000);
    const rd_kafka_CreateTopics_result_t *result = event ? rd_kafka_event_CreateTopics_result(event) : NULL;
    rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    const char *why = event && code ? rd_kafka_event_error_string(event) : rd_kafka_err2str(code);
    if (!code && result) {
        size_t count = 0;
        const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &count);
        if (count == 1) {
            code = rd_kafka_topic_result_error(topics[0]);
            why = rd_kafka_topic_result_error_string(topics[0]);
        }
    }
    if (!code) {
        lfrec_log(LFREC_LOG_INFO, "made topic %s with %d partitions%s%s%s%s", name, partitions, setting ? ", " : "",
                  setting ? setting : "", setting ? "=" : "", setting ? value : "");
        created = true;
    } else if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        created = true; /* another instance was faster */
    } else {
        kafka_fail(k, LFREC_KAFKA_FAILED,
                   "topic %s does not exist, and the broker did not let us make it (%s): make it, then start again",
                   name, why ? why : rd_kafka_err2str(code));
    }
    if (event) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return created;
}

/* 1: there; 0: ask again later; -1: failed. */
static int ensure(lfrec_kafka *k, const char *name, int partitions, const char *setting, const char *value, int limit_ms)
{
    int found = partitions_of(k, name, limit_ms);
    if (found == 0) {
        return create(k, name, partitions, setting, value) ? 1 : -1;
    }
    return found > 0 ? 1 : k->status == LFREC_KAFKA_OK ? 0 : -1;
}

lfrec_kafka_status kafka_topics_prepare(lfrec_kafka *k, int limit_ms)
{
    const char *input = k->options->input_topic;
    int partitions = partitions_of(k, input, limit_ms);
    if (partitions == 0) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "input missing",
                          "topic %s does not exist: waiting until somebody makes it", input);
    }
    if (partitions <= 0) {
        return k->status == LFREC_KAFKA_OK ? LFREC_KAFKA_AGAIN : k->status;
    }
    /* Only the newest list of a user matters: a compacted topic keeps just that. */
    int there = ensure(k, k->options->output_topic, partitions, "cleanup.policy", "compact", limit_ms);
    if (there == 1 && *k->options->dead_letter_topic) {
        there = ensure(k, k->options->dead_letter_topic, partitions, NULL, NULL, limit_ms);
    }
    return there == 1 ? LFREC_KAFKA_OK : there == 0 ? LFREC_KAFKA_AGAIN : k->status;
}
