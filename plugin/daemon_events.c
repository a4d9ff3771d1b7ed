#include "clock.h"
#include "daemon_private.h"
#include "log.h"
#include "operator_state.h"
#include "snapshot.h"
#include <inttypes.h>

enum {
    FLUSH_STALL_MS = 2500, /* a flush without any acknowledgment for so long is given up */
    FLUSH_MOST_MS = 15000, /* at the end */
    REVOKE_MOST_MS = 4000, /* in a rebalance: others wait, and max.poll.interval.ms runs */
    ABORT_MS = 3000,
    COMMIT_WAIT_MS = 2000,
    HURRIED_COMMIT_WAIT_MS = 700 /* after the broker did not answer in time */
};

void daemon_give_up(daemon *d, int code, const char *why)
{
    if (d->code == LFREC_EXIT_CLEAN) {
        lfrec_log(LFREC_LOG_ERROR, "%s", why);
        d->code = code;
    }
    d->no_commit = true;
}

static void no_memory(daemon *d)
{
    daemon_give_up(d, LFREC_EXIT_FAILED, "out of memory; what is not committed will be read again by the next start");
}

/* ---- lists out ---- */

/* The operator has a list. Its holds: those that wait for this user, and the event being learned. */
bool daemon_on_list(void *context, const lfrec_recommendation *list)
{
    daemon *d = context;
    if (d->options->role == LFREC_ROLE_TRAINER) {
        return true;
    }
    d->buffer.length = 0;
    lfrec_encoded encoded = lfrec_encode_recommendation(list, &d->buffer);
    if (encoded != LFREC_ENCODED && encoded != LFREC_ENCODED_NULL) {
        daemon_give_up(d, LFREC_EXIT_FAILED,
                       encoded == LFREC_ENCODE_NO_MEMORY ? "no memory for a list" : "a list could not be written as JSON");
        return false;
    }
    lfrec_hold *holds = NULL;
    if (d->learning && !lfrec_delivery_deferred(d->delivery, list->slot, d->learning->id)) {
        holds = lfrec_delivery_hold(d->learning, d->learning_offset);
        if (!holds) {
            no_memory(d);
            return false;
        }
    }
    holds = lfrec_delivery_chain(lfrec_delivery_take(d->delivery, list->slot), holds);
    lfrec_output *output = lfrec_delivery_send(d->delivery, list, holds);
    if (!output) {
        no_memory(d); /* the holds stay: nothing is committed any more */
        return false;
    }
    lfrec_kafka_status status =
        lfrec_kafka_publish(d->kafka, list->user.bytes, list->user.length,
                            encoded == LFREC_ENCODED_NULL ? NULL : d->buffer.bytes, d->buffer.length, output);
    if (status == LFREC_KAFKA_OK) {
        if (d->http) {
            lfrec_board_list(lfrec_http_board(d->http), list, lfrec_clock_ms());
        }
        return true;
    }
    holds = lfrec_delivery_unsend(output);
    if (holds && !lfrec_delivery_defer(d->delivery, list->slot, holds)) {
        no_memory(d);
    }
    return false;
}

/* Whoever left to make way for others gets no list any more, so nothing waits for it. */
void daemon_on_evicted(void *context, lfrec_id user, uint32_t slot)
{
    daemon *d = context;
    (void)user;
    lfrec_delivery_let_go(lfrec_delivery_take(d->delivery, slot));
}

static void on_delivered(void *context, void *cause, bool settled)
{
    daemon *d = context;
    d->no_commit |= !settled && d->options->delivery == LFREC_AT_LEAST_ONCE; /* else its transaction is aborted */
    int64_t read_at = lfrec_delivery_output_read_at(cause);
    if (settled && read_at > 0) {
        lfrec_latency_add(&d->latency, (double)(lfrec_clock_us() - read_at) / 1e6);
    }
    lfrec_delivery_arrived(cause);
}

/* ---- messages in ---- */

void daemon_check_ready(daemon *d)
{
    bool ready = !d->reading.outputs;
    for (size_t i = 0; i < lfrec_delivery_count(d->delivery); i++) {
        ready &= lfrec_delivery_at(d->delivery, i)->caught_up;
    }
    if (ready && !d->ready && lfrec_delivery_count(d->delivery) > 0) {
        lfrec_operator_stats stats = lfrec_operator_stats_of(d->op);
        const lfrec_log_field fields[] = {
            LFREC_LOG_INTEGER("users", (int64_t)stats.users),
            LFREC_LOG_INTEGER("items", (int64_t)stats.items),
            LFREC_LOG_INTEGER("ratings", (int64_t)stats.ratings),
        };
        lfrec_log_with(LFREC_LOG_INFO, fields, 3, "caught up: %" PRIu64 " users, %" PRIu64 " items, %" PRIu64 " ratings",
                       stats.users, stats.items, stats.ratings);
        d->lists_wait = d->options->role != LFREC_ROLE_TRAINER;
        /* Without a model all lists would be published twice in a row. */
        bool trains = daemon_trains(d) && lfrec_config_retrains(d->options);
        d->first_model = trains && stats.model_version == 0 &&
                         (lfrec_retrain_busy(d->training.retrain) || lfrec_training_begin(&d->training, lfrec_clock_ms()));
        daemon_restored(d);
    }
    d->ready = ready;
}

static void advance(daemon *d, lfrec_partition *p, int64_t position)
{
    p->position = position > p->position ? position : p->position;
    if (!p->caught_up && p->target >= 0 && p->position >= p->target) {
        p->caught_up = true;
        lfrec_log(LFREC_LOG_DEBUG, "partition %" PRId32 " caught up at offset %" PRId64 ": %" PRIu64 " events in %.1f s",
                  p->id, p->position, p->events, (double)(lfrec_clock_ms() - p->started) / 1000);
        daemon_check_ready(d);
    }
}

/* The broker has been told of everything below the committed offset: while rebuilding, bad events there are old news. */
static bool old_news(const lfrec_partition *p, int64_t offset)
{
    return offset < p->committed;
}

/* false: the producer is full. */
static bool on_bad_event(daemon *d, lfrec_partition *p, const lfrec_kafka_message *message, lfrec_bad bad,
                         const char *reason, const char *text)
{
    if (old_news(p, message->offset)) {
        return true;
    }
    if (*d->options->dead_letter_topic && d->options->role != LFREC_ROLE_TRAINER) { /* the scorers have it, too */
        lfrec_hold *hold = lfrec_delivery_hold(p, message->offset);
        lfrec_output *output = hold ? lfrec_delivery_send(d->delivery, NULL, hold) : NULL;
        if (!output) {
            no_memory(d);
            return false;
        }
        if (lfrec_kafka_dead_letter(d->kafka, message, reason, text, output) != LFREC_KAFKA_OK) {
            lfrec_delivery_arrived(output);
            return false;
        }
    }
    d->bad++;
    d->bad_by_reason[bad]++;
    const lfrec_log_field fields[] = {
        LFREC_LOG_STRING("reason", reason),
        LFREC_LOG_INTEGER("partition", message->partition),
        LFREC_LOG_INTEGER("offset", message->offset),
    };
    lfrec_log_thinned_with(LFREC_LOG_WARNING, reason, fields, 3,
                           "bad event at partition %" PRId32 " offset %" PRId64 ": %s: %s", message->partition,
                           message->offset, reason, text);
    return true;
}

static bool on_refused(daemon *d, lfrec_partition *p, const lfrec_kafka_message *message)
{
    return on_bad_event(d, p, message, LFREC_BAD_NOTHING, "refused", "off the scale, or of an item beyond lfrec.max.items");
}

static bool on_message(void *context, const lfrec_kafka_message *message)
{
    daemon *d = context;
    lfrec_partition *p = lfrec_delivery_find(d->delivery, message->partition);
    if (!p) {
        return true; /* of an assignment that is over */
    }
    uint64_t witness = d->snapshots ? lfrec_snapshot_witness(message->timestamp, message->key, message->key_length,
                                                             message->value, message->value_length)
                                    : 0;
    if (!p->proven && !daemon_prove(d, p, message, witness)) {
        return true; /* it comes again, after the others */
    }
    if (message->offset < p->restored && message->offset < p->position) {
        return true; /* it was read for the proof */
    }
    if (message->offset < p->position) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "offsets went back",
                          "partition %" PRId32 " went back to offset %" PRId64 " from %" PRId64
                          ": skipped as known; was the topic made again, restart to read it anew",
                          p->id, message->offset, p->position);
        return true;
    }
    if (lfrec_kafka_room(d->kafka) == 0 || d->code || d->start_over || d->reading.outputs) {
        return false;
    }
    p->reading = d->http ? lfrec_clock_us() : 0;
    char text[LFREC_BAD_TEXT_MAX];
    lfrec_bad bad = lfrec_decode(&d->codec, message->key, message->key_length, message->value, message->value_length,
                                 &d->decoded, text);
    if (bad == LFREC_BAD_NO_MEMORY) {
        no_memory(d);
        return false;
    }
    if (bad) {
        if (!on_bad_event(d, p, message, bad, lfrec_bad_name(bad), text)) {
            return false;
        }
    } else if (d->options->role == LFREC_ROLE_TRAINER) {
        const lfrec_event *event = &d->decoded.event;
        /* Nothing is published but goodbyes, to nobody: they let the user go. */
        lfrec_learned learned = daemon_in_sample(d, event->user)
                                    ? lfrec_operator_learn(d->op, event, p->id, event->kind != LFREC_EVENT_RATE)
                                    : LFREC_UNCHANGED;
        if (learned == LFREC_OUT_OF_MEMORY) {
            no_memory(d);
            return false;
        }
        if (learned == LFREC_REFUSED) {
            on_refused(d, p, message);
        }
        p->events++;
    } else {
        const lfrec_event *event = &d->decoded.event;
        d->learning = p;
        d->learning_offset = message->offset;
        bool exactly = d->options->delivery == LFREC_EXACTLY_ONCE, old = old_news(p, message->offset);
        lfrec_learned learned = lfrec_operator_learn(d->op, event, p->id, exactly ? !old : p->caught_up);
        d->learning = NULL;
        if (exactly && old) {
            /* Its list was in the transaction that moved the group's offset past it. */
            lfrec_operator_settled(d->op, event->user, lfrec_published_of(d->published, event->user).fingerprint);
        }
        /* To be published later: hold the offset back until then. (Published now, on_list did it; forgetting is always published.) */
        bool later = !exactly && !p->caught_up && (learned == LFREC_LEARNED || event->kind == LFREC_EVENT_FORGET) &&
                     !old_news(p, message->offset);
        uint32_t slot = later ? lfrec_operator_slot_of(d->op, event->user) : UINT32_MAX;
        later = later && !lfrec_delivery_deferred(d->delivery, slot, p->id);
        if (learned == LFREC_OUT_OF_MEMORY) {
            no_memory(d);
            return false;
        }
        if (learned == LFREC_REFUSED && !on_refused(d, p, message)) {
            return false;
        }
        if (later) {
            lfrec_hold *hold = lfrec_delivery_hold(p, message->offset);
            if (!hold || !lfrec_delivery_defer(d->delivery, slot, hold)) {
                no_memory(d);
                return false;
            }
        }
        p->events++;
    }
    d->events++;
    p->witness_offset = message->offset;
    p->witness = witness;
    advance(d, p, message->offset + 1);
    return true;
}

static void on_end(void *context, int32_t partition, int64_t next)
{
    daemon *d = context;
    lfrec_partition *p = lfrec_delivery_find(d->delivery, partition);
    if (p) {
        p->proven |= next > p->witness_offset;    /* the last event is not there any more: compacted away */
        p->target = p->caught_up ? p->target : 0; /* the end itself, whatever was thought of it before */
        advance(d, p, next);
    }
}

/* ---- partitions come and go ---- */

static int64_t on_assigned(void *context, int32_t partition, int64_t committed, int64_t begin, int64_t end)
{
    daemon *d = context;
    lfrec_operator_drop_partition(d->op, partition); /* nothing of an earlier assignment may mix in */
    lfrec_partition *p = lfrec_delivery_assign(d->delivery, partition);
    if (!p) {
        no_memory(d);
        return LFREC_KAFKA_BEGINNING;
    }
    if (end >= 0 && committed > end) {
        lfrec_log(LFREC_LOG_WARNING,
                  "partition %" PRId32 " ends at %" PRId64 ", before the group's offset %" PRId64
                  ": the topic was made again; starting it over",
                  partition, end, committed);
        committed = -1;
    }
    p->committed = committed;
    p->target = end;
    p->started = lfrec_clock_ms();
    d->ready = false;
    d->hurry = false;
    int64_t from = daemon_restore(d, p, begin, end);
    d->read_back |= from != LFREC_KAFKA_BEGINNING || committed > 0;
    d->read_back_all |= from == LFREC_KAFKA_BEGINNING && committed > 0;
    const lfrec_log_field fields[] = {
        LFREC_LOG_INTEGER("partition", partition),
        LFREC_LOG_INTEGER("from", from == LFREC_KAFKA_BEGINNING ? begin : p->position),
        LFREC_LOG_INTEGER("end", end),
        LFREC_LOG_INTEGER("committed", committed),
    };
    if (from == LFREC_KAFKA_BEGINNING) {
        lfrec_log_with(LFREC_LOG_INFO, fields,
                       4, "partition %" PRId32 " assigned: reading %" PRId64 " offsets from its beginning; committed %" PRId64,
                       partition, end >= 0 && begin >= 0 ? end - begin : end, committed);
    } else {
        lfrec_log_with(LFREC_LOG_INFO, fields, 4,
                       "partition %" PRId32 " assigned: reading on after the snapshot, %" PRId64
                       " offsets from %" PRId64 "; committed %" PRId64,
                       partition, end - p->position, p->position, committed);
    }
    return from;
}

void daemon_commit(daemon *d)
{
    for (size_t i = 0; i < lfrec_delivery_count(d->delivery) && !d->no_commit; i++) {
        lfrec_partition *p = lfrec_delivery_at(d->delivery, i);
        int64_t offset = lfrec_delivery_committable(p);
        if (offset > p->committed && offset > 0) {
            lfrec_kafka_commit(d->kafka, p->id, offset);
        }
    }
    lfrec_kafka_commit_send(d->kafka);
}

static void on_committed(void *context, int32_t partition, int64_t offset)
{
    daemon *d = context;
    lfrec_partition *p = lfrec_delivery_find(d->delivery, partition);
    if (p && offset > p->committed) {
        p->committed = offset;
    }
}

bool daemon_transact(daemon *d, int wait_ms)
{
    if (d->start_over) {
        return false; /* what comes after an aborted transaction must not be committed before what was in it */
    }
    bool complete = !d->no_commit && lfrec_kafka_flush(d->kafka, wait_ms, wait_ms);
    for (size_t i = 0; i < lfrec_delivery_count(d->delivery) && complete; i++) {
        lfrec_partition *p = lfrec_delivery_at(d->delivery, i);
        int64_t offset = lfrec_delivery_committable(p);
        if (offset > p->committed && offset > 0) {
            lfrec_kafka_commit(d->kafka, p->id, offset);
        }
    }
    switch (lfrec_kafka_transact(d->kafka, complete)) {
    case LFREC_KAFKA_COMMITTED: return complete;
    case LFREC_KAFKA_LATER: return false;
    case LFREC_KAFKA_ABORTED: d->start_over = true; return false;
    }
    return false;
}

void daemon_finish_outputs(daemon *d)
{
    if (d->options->delivery == LFREC_EXACTLY_ONCE) {
        if (!daemon_transact(d, d->hurry ? 0 : FLUSH_STALL_MS)) {
            lfrec_kafka_abort(d->kafka, ABORT_MS); /* whoever reads on does all of it again */
            d->start_over = true;
            d->hurry = true;
        }
        return;
    }
    bool flushed = lfrec_kafka_flush(d->kafka, d->hurry ? 0 : FLUSH_STALL_MS, d->stopping ? FLUSH_MOST_MS : REVOKE_MOST_MS);
    d->hurry |= !flushed;
    daemon_commit(d);
    d->hurry |= !lfrec_kafka_commit_wait(d->kafka, d->hurry ? HURRIED_COMMIT_WAIT_MS : COMMIT_WAIT_MS);
}

/* Signs of life while a broker takes long. */
static bool on_waiting(void *context)
{
    daemon *d = context;
    int64_t now = lfrec_clock_ms();
    lfrec_notify_alive(&d->notify, now);
    daemon_serve_http(d, now);
    return !lfrec_signals_stop(d->signals);
}

static void on_revoked(void *context, const int32_t *partitions, size_t count, bool lost)
{
    daemon *d = context;
    if (!lost) {
        daemon_finish_outputs(d);
    } else if (d->options->delivery == LFREC_EXACTLY_ONCE && lfrec_kafka_in_transaction(d->kafka)) {
        lfrec_kafka_abort(d->kafka, ABORT_MS);
        d->start_over = true; /* partitions that stay had their outputs in it too */
    }
    for (size_t i = 0; i < count; i++) {
        const lfrec_partition *p = lfrec_delivery_find(d->delivery, partitions[i]);
        d->left_behind |= p && !lost && lfrec_delivery_committable(p) > (p->committed > 0 ? p->committed : 0);
        lfrec_log(LFREC_LOG_INFO, "partition %" PRId32 " %s: its users leave", partitions[i], lost ? "lost" : "revoked");
        lfrec_operator_drop_partition(d->op, partitions[i]);
        lfrec_delivery_remove(d->delivery, partitions[i]);
    }
    if (lfrec_delivery_count(d->delivery) == 0) {
        daemon_stop_read_back(d);
    }
    lfrec_log(LFREC_LOG_INFO, "%" PRIu64 " users stay", lfrec_operator_stats_of(d->op).users);
    daemon_check_ready(d);
}

lfrec_kafka_handler daemon_kafka_handler(daemon *d)
{
    return (lfrec_kafka_handler){
        .context = d,
        .assigned = on_assigned,
        .waiting = on_waiting,
        .placed = daemon_read_back,
        .revoked = on_revoked,
        .message = on_message,
        .end = on_end,
        .delivered = on_delivered,
        .committed = on_committed,
    };
}
