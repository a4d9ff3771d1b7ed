#include "clock.h"
#include "kafka_private.h"
#include "log.h"

enum { CALL_MS = 1000, SEEK_MS = 10000, PAUSE_MS = 50 };

/* librdkafka 2.0 may try to abort what the brokers never let begin, because they went away or forbade it, and is broken by their
 * answer. Whatever became of the transaction, its outputs and offsets did so together. */
bool kafka_worn(lfrec_kafka *k)
{
    char reason[256];
    int64_t age = lfrec_clock_ms() - k->began;
    bool old = age >= k->transaction_ms;
    if (!k->worn && k->in_transaction &&
        (old || rd_kafka_fatal_error(k->producer, reason, sizeof reason) == RD_KAFKA_RESP_ERR_INVALID_TXN_STATE)) {
        k->worn = k->spoiled = true;
        if (old) {
            lfrec_log(LFREC_LOG_WARNING,
                      "a transaction was open for %.1f s, longer than transaction.timeout.ms allows, and the brokers "
                      "ended it: going on with a new producer",
                      (double)age / 1000);
        } else {
            lfrec_log_thinned(LFREC_LOG_WARNING, "no transaction",
                              "the brokers know of no transaction to end: going on with a new producer");
        }
    }
    return k->worn;
}

/* A new producer in place of one that is worn. What was in the transaction is lost with it. false: not ready yet. */
static bool renew(lfrec_kafka *k, int limit_ms)
{
    char error[LFREC_KAFKA_ERROR_MAX];
    if (k->in_transaction) {
        kafka_close_producer(k);
        k->in_transaction = k->spoiled = k->transactions_ready = false;
        k->ending = KAFKA_OPEN;
        k->counts.aborted++;
        k->to_commit->cnt = 0;
        if (!kafka_open_producer(k, error)) {
            kafka_fail(k, LFREC_KAFKA_FATAL, "no new producer: %s", error);
            return false;
        }
    }
    k->worn = kafka_transactions_prepare(k, limit_ms) != LFREC_KAFKA_OK;
    return !k->worn;
}

/* What an answer of the transaction's calls means. Frees the error. */
typedef enum verdict { GOOD, AGAIN, ABORT, DEAD } verdict;

static verdict judge(lfrec_kafka *k, rd_kafka_error_t *error, const char *what)
{
    if (!error) {
        return GOOD;
    }
    verdict v = AGAIN;
    const char *text = rd_kafka_error_string(error), *name = rd_kafka_error_name(error);
    if (rd_kafka_error_is_fatal(error) || rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__FENCED) {
        v = DEAD;
        if (kafka_worn(k)) {
            rd_kafka_error_destroy(error);
            return v;
        }
        kafka_fail(k, LFREC_KAFKA_FATAL, "%s: %s (%s)%s", what, text, name,
                   rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__FENCED ? KAFKA_FENCED_HINT
                                                                           : kafka_lacks(rd_kafka_error_code(error), true));
    } else if (rd_kafka_error_txn_requires_abort(error)) {
        v = ABORT;
        lfrec_log_thinned(LFREC_LOG_WARNING, name, "%s: %s (%s); the transaction is done again", what, text, name);
    } else {
        lfrec_log_thinned(LFREC_LOG_WARNING, name, "%s: %s (%s); trying on", what, text, name);
        v = rd_kafka_error_is_retriable(error) || rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__TIMED_OUT ? AGAIN : ABORT;
    }
    rd_kafka_error_destroy(error);
    return v;
}

lfrec_kafka_status kafka_transactions_prepare(lfrec_kafka *k, int limit_ms)
{
    if (!k->transactional || k->transactions_ready) {
        return k->status;
    }
    switch (judge(k, rd_kafka_init_transactions(k->producer, limit_ms), "beginning with transactions")) {
    case GOOD: break;
    case DEAD: return k->status;
    case AGAIN:
    case ABORT:
        if (k->status == LFREC_KAFKA_OK) {
            return LFREC_KAFKA_AGAIN;
        }
        return k->status;
    }
    k->transactions_ready = true;
    /* The first message to a topic that the producer does not know yet would wait half a second. */
    rd_kafka_topic_t *const topics[] = {k->output, k->dead_letter};
    for (size_t i = 0; i < 2; i++) {
        const struct rd_kafka_metadata *about = NULL;
        if (topics[i] && rd_kafka_metadata(k->producer, 0, topics[i], &about, limit_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_metadata_destroy(about);
        }
    }
    return k->status;
}

bool lfrec_kafka_in_transaction(const lfrec_kafka *k)
{
    return k->in_transaction;
}

lfrec_kafka_status kafka_transaction_begin(lfrec_kafka *k)
{
    if (k->worn) {
        return LFREC_KAFKA_AGAIN;
    }
    if (!k->transactional || k->in_transaction) {
        return LFREC_KAFKA_OK;
    }
    switch (judge(k, rd_kafka_begin_transaction(k->producer), "beginning a transaction")) {
    case GOOD: break;
    case AGAIN:
    case ABORT: return k->status == LFREC_KAFKA_OK ? LFREC_KAFKA_AGAIN : k->status;
    case DEAD: return k->status;
    }
    k->in_transaction = true;
    k->began = lfrec_clock_ms();
    k->spoiled = false;
    return LFREC_KAFKA_OK;
}

/* The offsets of a transaction that has ended, one way or the other. */
static rd_kafka_topic_partition_list_t *take_offsets(lfrec_kafka *k)
{
    rd_kafka_topic_partition_list_t *list = k->to_commit;
    k->to_commit = rd_kafka_topic_partition_list_new(8);
    return list;
}

static verdict send_offsets(lfrec_kafka *k)
{
    if (k->to_commit->cnt == 0) {
        return GOOD;
    }
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(k->consumer);
    verdict v = judge(k, rd_kafka_send_offsets_to_transaction(k->producer, k->to_commit, group, CALL_MS),
                      "offsets into a transaction");
    rd_kafka_consumer_group_metadata_destroy(group);
    return v;
}

/* One step towards the end of the transaction. Each may have to be repeated, for as long as the broker is away. */
static verdict step(lfrec_kafka *k)
{
    switch (k->ending) {
    case KAFKA_OPEN: return AGAIN;
    case KAFKA_OFFSETS: return send_offsets(k);
    case KAFKA_COMMITTING:
        return judge(k, rd_kafka_commit_transaction(k->producer, CALL_MS), "committing a transaction");
    case KAFKA_ABORTING: return judge(k, rd_kafka_abort_transaction(k->producer, CALL_MS), "aborting a transaction");
    }
    return AGAIN;
}

static void ended(lfrec_kafka *k)
{
    rd_kafka_poll(k->producer, 0); /* the reports of what was purged */
    k->ending = KAFKA_OPEN;
    k->in_transaction = false;
    k->spoiled = false;
}

static void tell_committed(lfrec_kafka *k)
{
    rd_kafka_topic_partition_list_t *done = take_offsets(k);
    for (int i = 0; i < done->cnt; i++) {
        k->handler.committed(k->handler.context, done->elems[i].partition, done->elems[i].offset);
    }
    rd_kafka_topic_partition_list_destroy(done);
}

/* Takes the transaction as far to its end as it goes now. */
static lfrec_kafka_end go_on(lfrec_kafka *k)
{
    for (;;) {
        bool aborting = k->ending == KAFKA_ABORTING;
        switch (step(k)) {
        case AGAIN: return LFREC_KAFKA_LATER;
        case DEAD: return LFREC_KAFKA_ABORTED;
        case ABORT:
            if (aborting) {
                return LFREC_KAFKA_LATER;
            }
            k->ending = KAFKA_ABORTING;
            break;
        case GOOD:
            if (aborting) {
                rd_kafka_topic_partition_list_destroy(take_offsets(k));
                k->counts.aborted++;
                ended(k);
                return LFREC_KAFKA_ABORTED;
            }
            if (k->ending == KAFKA_COMMITTING) {
                k->counts.committed++;
                ended(k);
                tell_committed(k);
                return LFREC_KAFKA_COMMITTED;
            }
            k->ending = KAFKA_COMMITTING;
        }
    }
}

lfrec_kafka_end lfrec_kafka_transact(lfrec_kafka *k, bool complete)
{
    if (k->status != LFREC_KAFKA_OK || k->worn) {
        return LFREC_KAFKA_ABORTED;
    }
    if (k->ending == KAFKA_OPEN) {
        if (!k->spoiled && (!complete || k->commits_held)) {
            rd_kafka_topic_partition_list_destroy(take_offsets(k)); /* of partitions that may be somebody else's next time */
            return LFREC_KAFKA_LATER;
        }
        if (!k->in_transaction && k->to_commit->cnt == 0) {
            return LFREC_KAFKA_COMMITTED;
        }
        if (kafka_transaction_begin(k) != LFREC_KAFKA_OK) {
            return LFREC_KAFKA_LATER;
        }
        k->ending = k->spoiled ? KAFKA_ABORTING : KAFKA_OFFSETS;
    }
    return go_on(k);
}

bool lfrec_kafka_abort(lfrec_kafka *k, int limit_ms)
{
    if (!k->in_transaction && !k->worn) {
        rd_kafka_topic_partition_list_destroy(take_offsets(k));
        return true;
    }
    if (k->ending != KAFKA_COMMITTING) { /* else it may be committed already: only the answer tells */
        k->ending = KAFKA_ABORTING;
    }
    int64_t start = lfrec_clock_ms();
    while (k->in_transaction && !k->worn && k->status == LFREC_KAFKA_OK && lfrec_clock_ms() - start < limit_ms) {
        if (go_on(k) == LFREC_KAFKA_LATER) {
            rd_kafka_poll(k->producer, PAUSE_MS);
        }
    }
    return k->worn && !k->closing ? renew(k, limit_ms) : !k->in_transaction;
}

bool lfrec_kafka_start_over(lfrec_kafka *k)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    if (rd_kafka_assignment(k->consumer, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return true;
    }
    kafka_drop_held(k, NULL);
    for (int i = 0; i < list->cnt; i++) {
        k->handler.revoked(k->handler.context, &list->elems[i].partition, 1, true);
    }
    rd_kafka_error_t *error = NULL;
    const char *fault = NULL;
    if (!kafka_place(k, list)) {
        fault = "the group's offsets are not known";
    } else if (list->cnt > 0 && (error = rd_kafka_seek_partitions(k->consumer, list, SEEK_MS))) {
        fault = rd_kafka_error_string(error);
    }
    for (int i = 0; i < list->cnt && !fault; i++) {
        fault = list->elems[i].err ? rd_kafka_err2str(list->elems[i].err) : NULL;
    }
    if (fault) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "start over",
                          "cannot start over after an aborted transaction: %s; trying again", fault);
    }
    if (error) {
        rd_kafka_error_destroy(error);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return !fault;
}
