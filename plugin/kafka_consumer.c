#include "clock.h"
#include "kafka_private.h"
#include "log.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A message that the handler does not take is kept this long before the partitions are paused. Pausing throws away what was fetched
 * ahead, so short fullness is waited out; but a member that does not poll for max.poll.interval.ms loses its partitions. */
enum { HOLD_BEFORE_PAUSE_MS = 500 };

static bool cooperative(rd_kafka_t *client)
{
    const char *protocol = rd_kafka_rebalance_protocol(client);
    return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}

static void pause_all(lfrec_kafka *k, bool pause)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    if (rd_kafka_assignment(k->consumer, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    if (pause) {
        rd_kafka_pause_partitions(k->consumer, list);
    } else {
        rd_kafka_resume_partitions(k->consumer, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
    k->paused = pause;
    lfrec_log(LFREC_LOG_DEBUG, pause ? "intake paused: the producer's queue is full" : "intake goes on");
}

void kafka_drop_held(lfrec_kafka *k, const rd_kafka_topic_partition_list_t *of)
{
    held_message **link = &k->held;
    k->held_last = NULL;
    while (*link) {
        held_message *held = *link;
        if (!of || rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)of, k->options->input_topic,
                                                      held->message->partition)) {
            *link = held->next;
            rd_kafka_message_destroy(held->message);
            free(held);
        } else {
            k->held_last = held;
            link = &held->next;
        }
    }
}

/* With exactly-once the offsets decide what was published. They cannot be had while a dead instance's transaction is open, which ends after its
 * transaction.timeout.ms at the latest. */
enum { COMMITTED_MS = 5000, COMMITTED_MOST_MS = 60000 };

static rd_kafka_resp_err_t ask_committed(lfrec_kafka *k, rd_kafka_topic_partition_list_t *list)
{
    int64_t start = lfrec_clock_ms();
    rd_kafka_resp_err_t code;
    do {
        code = list->cnt ? rd_kafka_committed(k->consumer, list, COMMITTED_MS) : RD_KAFKA_RESP_ERR_NO_ERROR;
        if (code) {
            lfrec_log(LFREC_LOG_WARNING, "the group's committed offsets are not known (%s)%s", rd_kafka_err2str(code),
                      k->transactional ? ": asking again" : ": bad events may reach the dead-letter topic again");
        }
    } while (code && k->transactional && lfrec_clock_ms() - start < COMMITTED_MOST_MS &&
             k->handler.waiting(k->handler.context));
    return code;
}

bool kafka_place(lfrec_kafka *k, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *committed = rd_kafka_topic_partition_list_copy(list);
    rd_kafka_resp_err_t code = ask_committed(k, committed);
    int64_t deadline = lfrec_clock_ms() + 5000;
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *p = &list->elems[i];
        int64_t left = deadline - lfrec_clock_ms();
        int64_t begin, end;
        if (left <= 0 || rd_kafka_query_watermark_offsets(k->consumer, p->topic, p->partition, &begin, &end, (int)left)) {
            begin = end = -1;
        }
        int64_t from = k->handler.assigned(
            k->handler.context, p->partition,
            code || committed->elems[i].err || committed->elems[i].offset < 0 ? -1 : committed->elems[i].offset, begin, end);
        p->offset = from == LFREC_KAFKA_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING : from;
    }
    rd_kafka_topic_partition_list_destroy(committed);
    k->handler.placed(k->handler.context);
    return !code || !k->transactional;
}

static void on_assign(lfrec_kafka *k, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t code;
    k->assigned = true;
    if (!kafka_place(k, list)) {
        if (k->handler.waiting(k->handler.context)) { /* else it was given up */
            kafka_fail(k, LFREC_KAFKA_FAILED,
                       "the group's committed offsets could not be had, and exactly-once rests on them");
        }
        while (list->cnt > 0) { /* nothing is to be read of them */
            rd_kafka_topic_partition_list_del_by_idx(list, 0);
        }
    }
    kafka_topics_look_again(k, 1000);
    if (cooperative(k->consumer)) {
        rd_kafka_error_t *error = rd_kafka_incremental_assign(k->consumer, list);
        if (error) {
            kafka_fail(k, LFREC_KAFKA_FATAL, "cannot take partitions: %s", rd_kafka_error_string(error));
            rd_kafka_error_destroy(error);
        }
    } else if ((code = rd_kafka_assign(k->consumer, list)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_fail(k, LFREC_KAFKA_FATAL, "cannot take partitions: %s", rd_kafka_err2str(code));
    }
    k->commits_held = false;
    if (k->paused) {
        pause_all(k, true);
    }
}

static void on_revoke(lfrec_kafka *k, rd_kafka_topic_partition_list_t *list)
{
    bool lost = rd_kafka_assignment_lost(k->consumer) != 0;
    int32_t *partitions = malloc((size_t)(list->cnt ? list->cnt : 1) * sizeof *partitions);
    kafka_drop_held(k, list);
    if (partitions) {
        for (int i = 0; i < list->cnt; i++) {
            partitions[i] = list->elems[i].partition;
        }
        k->handler.revoked(k->handler.context, partitions, (size_t)list->cnt, lost);
        free(partitions);
    } else {
        kafka_fail(k, LFREC_KAFKA_FAILED, "no memory in a rebalance");
    }
    if (cooperative(k->consumer)) {
        k->commits_held = !k->closing;
        rd_kafka_error_t *error = rd_kafka_incremental_unassign(k->consumer, list);
        if (error) {
            rd_kafka_error_destroy(error);
        }
    } else {
        rd_kafka_assign(k->consumer, NULL);
    }
}

void kafka_on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    lfrec_kafka *k = opaque;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        on_assign(k, list);
    } else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        on_revoke(k, list);
    } else {
        lfrec_log(LFREC_LOG_WARNING, "rebalance: %s", rd_kafka_err2str(code));
        rd_kafka_assign(client, NULL);
    }
}

static bool offer(lfrec_kafka *k, const rd_kafka_message_t *m)
{
    /* librdkafka gives a null value as a null pointer, and an empty one as a pointer to nothing. */
    lfrec_kafka_message message = {
        .partition = m->partition,
        .offset = m->offset,
        .key = m->key,
        .key_length = m->key_len,
        .value = m->payload,
        .value_length = m->len,
        .timestamp = rd_kafka_message_timestamp(m, NULL),
        .native = m,
    };
    return k->handler.message(k->handler.context, &message);
}

static void hold(lfrec_kafka *k, rd_kafka_message_t *m)
{
    held_message *held = malloc(sizeof *held);
    if (!held) {
        rd_kafka_message_destroy(m);
        kafka_fail(k, LFREC_KAFKA_FAILED, "no memory for a message");
        return;
    }
    *held = (held_message){.message = m};
    if (k->held) {
        k->held_last->next = held;
    } else {
        k->held = held;
        k->held_since = lfrec_clock_ms();
    }
    k->held_last = held;
}

static void on_message_error(lfrec_kafka *k, const rd_kafka_message_t *m)
{
    const char *text = rd_kafka_message_errstr(m);
    switch (m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF: k->handler.end(k->handler.context, m->partition, m->offset); break;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        lfrec_log_thinned(LFREC_LOG_WARNING, text, "group %s: %s%s; trying on",
                          lfrec_config_client_value(k->options, LFREC_CLIENT_CONSUMER, "group.id"),
                          rd_kafka_err2str(m->err), kafka_lacks(m->err, false));
        break;
    case RD_KAFKA_RESP_ERR__FATAL: kafka_fail(k, LFREC_KAFKA_FATAL, "the consumer cannot go on: %s", text); break;
    default:
        lfrec_log_thinned(LFREC_LOG_WARNING, text, "consuming %s: %s%s", k->options->input_topic, text,
                          kafka_lacks(m->err, false));
    }
}

/* One message or event of the consumer. */
static void serve_consumer(lfrec_kafka *k, int timeout_ms)
{
    rd_kafka_message_t *m = rd_kafka_consumer_poll(k->consumer, timeout_ms);
    if (!m) {
        return;
    }
    if (m->err) {
        on_message_error(k, m);
        rd_kafka_message_destroy(m);
    } else if (k->held || !offer(k, m)) {
        hold(k, m);
    } else {
        rd_kafka_message_destroy(m);
    }
}

/* Offers the held messages again, in order. */
static void serve_held(lfrec_kafka *k, int timeout_ms)
{
    while (k->held && offer(k, k->held->message)) {
        held_message *done = k->held;
        k->held = done->next;
        rd_kafka_message_destroy(done->message);
        free(done);
    }
    if (!k->held) {
        k->held_last = NULL;
        if (k->paused) {
            pause_all(k, false);
        }
        return;
    }
    rd_kafka_poll(k->producer, timeout_ms < 20 ? timeout_ms : 20); /* returns as soon as a report comes */
    if (!k->paused && lfrec_clock_ms() - k->held_since > HOLD_BEFORE_PAUSE_MS) {
        pause_all(k, true);
    }
    if (k->paused) {
        serve_consumer(k, 0); /* nothing but events comes from paused partitions; this keeps the membership */
    }
}

lfrec_kafka_status lfrec_kafka_poll(lfrec_kafka *k, int timeout_ms)
{
    bool idle = timeout_ms > 0;
    if (idle || ++k->turn % 32 == 0) {
        rd_kafka_poll(k->producer, 0);
        kafka_serve_commits(k, 0);
    }
    if (k->held || k->paused) { /* paused without: a rebalance or a new start took away what was held */
        serve_held(k, timeout_ms);
    } else {
        /* Reports wait in the producer's own queue meanwhile: look at it often while some are to come. */
        serve_consumer(k, idle && timeout_ms > 5 && rd_kafka_outq_len(k->producer) > 0 ? 5 : timeout_ms);
    }
    return k->status;
}

void lfrec_kafka_wake(lfrec_kafka *k)
{
    rd_kafka_queue_yield(k->incoming);
}

void lfrec_kafka_commit(lfrec_kafka *k, int32_t partition, int64_t offset)
{
    if (k->ending != KAFKA_OPEN) {
        return; /* with the next one */
    }
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_find(k->to_commit, k->options->input_topic, partition);
    if (!p) {
        p = rd_kafka_topic_partition_list_add(k->to_commit, k->options->input_topic, partition);
    }
    p->offset = offset;
}

void lfrec_kafka_commit_send(lfrec_kafka *k)
{
    if (k->to_commit->cnt > 0 && !k->commits_held) {
        if (rd_kafka_commit_queue(k->consumer, k->to_commit, k->commits, NULL, NULL) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            k->commits_pending++;
        }
    }
    rd_kafka_topic_partition_list_destroy(k->to_commit);
    k->to_commit = rd_kafka_topic_partition_list_new(8);
}

bool lfrec_kafka_commit_pending(const lfrec_kafka *k)
{
    return k->commits_pending > 0;
}

void kafka_serve_commits(lfrec_kafka *k, int timeout_ms)
{
    if (k->commits_pending == 0) {
        return;
    }
    rd_kafka_event_t *event = rd_kafka_queue_poll(k->commits, timeout_ms);
    if (!event) {
        return;
    }
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT) {
        const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
        rd_kafka_resp_err_t code = rd_kafka_event_error(event);
        k->commits_pending--;
        if (code) { /* the offsets are sent again with the next commit */
            lfrec_log_thinned(LFREC_LOG_WARNING, rd_kafka_err2name(code), "offsets not committed: %s",
                              rd_kafka_err2str(code));
            k->commit_refused = true;
        }
        for (int i = 0; !code && list && i < list->cnt; i++) {
            if (list->elems[i].err) {
                lfrec_log_thinned(LFREC_LOG_WARNING, "commit", "offset of partition %" PRId32 " not committed: %s",
                                  list->elems[i].partition, rd_kafka_err2str(list->elems[i].err));
                k->commit_refused = true;
            } else {
                k->handler.committed(k->handler.context, list->elems[i].partition, list->elems[i].offset);
            }
        }
    }
    rd_kafka_event_destroy(event);
}

bool lfrec_kafka_commit_wait(lfrec_kafka *k, int limit_ms)
{
    int64_t deadline = lfrec_clock_ms() + limit_ms;
    k->commit_refused = false;
    while (k->commits_pending > 0) {
        int64_t left = deadline - lfrec_clock_ms();
        if (left <= 0) {
            return false;
        }
        kafka_serve_commits(k, (int)left);
    }
    return !k->commit_refused;
}

/* Drops what is held of a partition, but for the first: that one is being offered. */
static void drop_behind_first(lfrec_kafka *k, int32_t partition)
{
    if (!k->held) {
        return;
    }
    held_message **link = &k->held->next;
    k->held_last = k->held;
    while (*link) {
        held_message *held = *link;
        if (held->message->partition == partition) {
            *link = held->next;
            rd_kafka_message_destroy(held->message);
            free(held);
        } else {
            k->held_last = held;
            link = &held->next;
        }
    }
}

bool lfrec_kafka_rewind(lfrec_kafka *k, int32_t partition)
{
    drop_behind_first(k, partition);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, k->options->input_topic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(k->consumer, list, 5000);
    bool good = !error && !list->elems[0].err;
    if (!good) {
        lfrec_log(LFREC_LOG_WARNING, "partition %" PRId32 " cannot be read again from its beginning: %s", partition,
                  error ? rd_kafka_error_string(error) : rd_kafka_err2str(list->elems[0].err));
    }
    if (error) {
        rd_kafka_error_destroy(error);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return good;
}

int64_t lfrec_kafka_lag(const lfrec_kafka *k, int32_t partition, int64_t position)
{
    int64_t low, high;
    if (rd_kafka_get_watermark_offsets(k->consumer, k->options->input_topic, partition, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0 || position < 0) {
        return -1;
    }
    return high > position ? high - position : 0;
}
