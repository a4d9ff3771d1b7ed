#include "kafka_private.h"
#include "log.h"
#include <stdio.h>

int kafka_partitions_of(lfrec_kafka *k, rd_kafka_t *client, const char *name, bool writing, int limit_ms)
{
    const struct rd_kafka_metadata *answer = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, topic, &answer, limit_ms);
    rd_kafka_topic_destroy(topic);
    int count = -1;
    if (code) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "no metadata", "waiting for a broker: %s", rd_kafka_err2str(code));
    } else if (answer->topic_cnt == 1) {
        switch (answer->topics[0].err) {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
        case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE: count = answer->topics[0].partition_cnt; break;
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: count = 0; break;
        case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
            kafka_fail(k, LFREC_KAFKA_FAILED, "topic %s: %s", name, rd_kafka_err2str(answer->topics[0].err));
            break;
        default:
            lfrec_log_thinned(LFREC_LOG_WARNING, name, "topic %s: %s%s; trying on", name,
                              rd_kafka_err2str(answer->topics[0].err), kafka_lacks(answer->topics[0].err, writing));
        }
    }
    if (answer) {
        rd_kafka_metadata_destroy(answer);
    }
    return count;
}

typedef struct verdict {
    rd_kafka_resp_err_t code; /* NO_ERROR: made; TOPIC_ALREADY_EXISTS */
    char text[256];
} verdict;

/* Asks the producer's broker to make a topic. */
static verdict create(lfrec_kafka *k, const char *name, int partitions, const char *setting, const char *value, int limit_ms)
{
    verdict v = {.code = RD_KAFKA_RESP_ERR__INVALID_ARG};
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, -1, v.text, sizeof v.text);
    if (!topic) {
        return v;
    }
    if (setting) {
        rd_kafka_NewTopic_set_config(topic, setting, value);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(k->producer);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(k->producer, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, limit_ms, NULL, 0);
    rd_kafka_CreateTopics(k->producer, &topic, 1, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, limit_ms + 500);
    const char *why = NULL;
    v.code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (event && v.code) {
        why = rd_kafka_event_error_string(event);
    } else if (event) {
        size_t count = 0;
        const rd_kafka_topic_result_t **topics =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        if (count == 1) {
            v.code = rd_kafka_topic_result_error(topics[0]);
            why = rd_kafka_topic_result_error_string(topics[0]);
        }
    }
    snprintf(v.text, sizeof v.text, "%s", why ? why : rd_kafka_err2str(v.code));
    if (event) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return v;
}

/* An output topic, made where it is missing. Making is tried before looking: a producer's look could make it by the broker's defaults. */
static lfrec_kafka_status ensure(lfrec_kafka *k, const char *name, int partitions, const char *setting,
                                 const char *value, bool writing, int limit_ms)
{
    verdict v = create(k, name, partitions, setting, value, limit_ms);
    if (v.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        lfrec_log(LFREC_LOG_INFO, "made topic %s with %d partitions%s%s%s%s", name, partitions, setting ? ", " : "",
                  setting ? setting : "", setting ? "=" : "", setting ? value : "");
        return LFREC_KAFKA_OK;
    }
    /* There already, not allowed, not known to this broker (the mock cluster), or no controller just now: good enough if we see the topic. */
    int found = kafka_partitions_of(k, k->producer, name, writing, limit_ms);
    if (found > 0) {
        return LFREC_KAFKA_OK;
    }
    if (v.code == RD_KAFKA_RESP_ERR__TIMED_OUT || v.code == RD_KAFKA_RESP_ERR__TRANSPORT ||
        v.code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT || v.code == RD_KAFKA_RESP_ERR_NOT_CONTROLLER) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "no topics made", "waiting for a broker to make topic %s: %s", name, v.text);
    } else if (found == 0 && v.code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) { /* else it was made this moment */
        kafka_fail(k, LFREC_KAFKA_FAILED,
                   "topic %s does not exist, and the broker did not let us make it (%s): make it, then start again",
                   name, v.text);
    }
    return k->status == LFREC_KAFKA_OK ? LFREC_KAFKA_AGAIN : k->status;
}

lfrec_kafka_status kafka_topics_prepare(lfrec_kafka *k, int limit_ms)
{
    const char *input = k->options->input_topic, *dead_letter = k->options->dead_letter_topic;
    int partitions = kafka_partitions_of(k, k->consumer, input, false, limit_ms);
    if (partitions == 0) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "input missing",
                          "topic %s does not exist: waiting until somebody makes it", input);
    }
    if (partitions <= 0) {
        return k->status == LFREC_KAFKA_OK ? LFREC_KAFKA_AGAIN : k->status;
    }
    k->input_partitions = partitions;
    if (k->options->embedded) {
        return LFREC_KAFKA_OK; /* whoever started that broker made the topics; it knows no requests for it */
    }
    if (k->options->role != LFREC_ROLE_ALL) {
        lfrec_kafka_status models = ensure(k, k->options->model_topic, 1, "cleanup.policy", "compact",
                                           k->options->role == LFREC_ROLE_TRAINER, limit_ms);
        if (models != LFREC_KAFKA_OK) {
            return models;
        }
    }
    /* Only the newest list of a user matters: a compacted topic keeps just that. */
    lfrec_kafka_status status = ensure(k, k->options->output_topic, partitions, "cleanup.policy", "compact", true, limit_ms);
    if (status == LFREC_KAFKA_OK && *dead_letter) {
        status = ensure(k, dead_letter, partitions, NULL, NULL, true, limit_ms);
    }
    return status;
}

void kafka_topics_look_again(lfrec_kafka *k, int limit_ms)
{
    int partitions = kafka_partitions_of(k, k->consumer, k->options->input_topic, false, limit_ms);
    if (partitions > k->input_partitions) {
        lfrec_log(LFREC_LOG_WARNING,
                  "topic %s has %d partitions now, %d before: keys may go to other partitions; ratings of one user in "
                  "two partitions "
                  "count together, in the order they are read, and only while one instance has both",
                  k->options->input_topic, partitions, k->input_partitions);
        k->input_partitions = partitions;
    }
}
