#include "daemon.h"
#include "clock.h"
#include "codec.h"
#include "delivery.h"
#include "embedded.h"
#include "kafka.h"
#include "log.h"
#include "operator_config.h"
#include "progress.h"
#include "signals.h"
#include "training.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    IDLE_MS = 100,       /* how long an idle turn waits for a message */
    PACED_MS = 10,       /* the same while lists are to be published */
    TURN_MESSAGES = 256, /* most messages between two looks at everything else */
    TURN_LISTS = 64,     /* most lists of waiting users a turn: bounds the time between two polls */
    COMMIT_MS = 1000,
    FLUSH_STALL_MS = 2500, /* a flush without any acknowledgment for so long is given up */
    FLUSH_MOST_MS = 15000, /* at the end */
    REVOKE_MOST_MS = 4000, /* in a rebalance: others wait, and max.poll.interval.ms runs */
    COMMIT_WAIT_MS = 2000,
    CLOSE_MS = 3000,
    HURRY_MS = 700,       /* the last two, after the broker did not answer in time */
    STOP_LIMIT_MS = 30000 /* signals.h ends the process after this */
};

typedef struct daemon {
    const lfrec_config *options;
    lfrec_codec codec;
    lfrec_decoded decoded;
    lfrec_buffer buffer;
    lfrec_signals *signals;
    lfrec_operator *op;
    lfrec_delivery *delivery;
    lfrec_training training;
    lfrec_kafka *kafka;
    lfrec_progress_line progress;

    lfrec_partition *learning; /* where the event being learned came from; NULL outside of learn */
    int64_t learning_offset;

    bool ready;        /* every assigned partition has caught up */
    bool first_model;  /* lists wait for the first training after catching up */
    bool lists_wait;   /* users may be waiting to be published */
    double tokens;     /* lists the publish rate allows now */
    int64_t tokens_at; /* clock, ms */
    int64_t commit_at;

    uint64_t events, bad, bad_by_reason[LFREC_BAD_COUNT];
    bool hurry;       /* the broker did not answer in time: wait no longer than needed */
    bool left_behind; /* an offset that could have been committed was not, when its partition left */
    bool stopping;
    bool no_commit; /* an output failed: nothing may be committed any more */
    int code;       /* why to end; 0 while running */
} daemon;

static void give_up(daemon *d, int code, const char *why)
{
    if (d->code == LFREC_EXIT_CLEAN) {
        lfrec_log(LFREC_LOG_ERROR, "%s", why);
        d->code = code;
    }
    d->no_commit = true;
}

static void no_memory(daemon *d)
{
    give_up(d, LFREC_EXIT_FAILED, "out of memory; what is not committed will be read again by the next start");
}

/* ---- lists out ---- */

/* The operator has a list. Its holds: those that wait for this user, and the event being learned. */
static bool on_list(void *context, const lfrec_recommendation *list)
{
    daemon *d = context;
    d->buffer.length = 0;
    lfrec_encoded encoded = lfrec_encode_recommendation(list, &d->buffer);
    if (encoded != LFREC_ENCODED && encoded != LFREC_ENCODED_NULL) {
        give_up(d, LFREC_EXIT_FAILED,
                encoded == LFREC_ENCODE_NO_MEMORY ? "no memory for a list" : "a list could not be written as JSON");
        return false;
    }
    lfrec_hold *holds = NULL;
    if (d->learning && !lfrec_delivery_deferred(d->delivery, list->user, d->learning->id)) {
        holds = lfrec_delivery_hold(d->learning, d->learning_offset);
        if (!holds) {
            no_memory(d);
            return false;
        }
    }
    holds = lfrec_delivery_chain(lfrec_delivery_take(d->delivery, list->user), holds);
    lfrec_kafka_status status =
        lfrec_kafka_publish(d->kafka, list->user.bytes, list->user.length,
                            encoded == LFREC_ENCODED_NULL ? NULL : d->buffer.bytes, d->buffer.length, holds);
    if (status == LFREC_KAFKA_OK) {
        return true;
    }
    if (holds && !lfrec_delivery_defer(d->delivery, list->user, holds)) {
        no_memory(d);
    }
    return false;
}

static void on_delivered(void *context, void *cause, bool settled)
{
    daemon *d = context;
    d->no_commit |= !settled;
    lfrec_delivery_let_go(cause);
}

/* ---- messages in ---- */

static void check_ready(daemon *d)
{
    bool ready = true;
    for (size_t i = 0; i < lfrec_delivery_count(d->delivery); i++) {
        ready &= lfrec_delivery_at(d->delivery, i)->caught_up;
    }
    if (ready && !d->ready && lfrec_delivery_count(d->delivery) > 0) {
        lfrec_operator_stats stats = lfrec_operator_stats_of(d->op);
        lfrec_log(LFREC_LOG_INFO, "caught up: %" PRIu64 " users, %" PRIu64 " items, %" PRIu64 " ratings", stats.users,
                  stats.items, stats.ratings);
        d->lists_wait = true;
        /* Without a model all lists would be published twice in a row. */
        bool trains = d->options->retrain_events > 0 || d->options->retrain_seconds > 0;
        d->first_model = trains && stats.model_version == 0 &&
                         (lfrec_retrain_busy(d->training.retrain) || lfrec_training_begin(&d->training, lfrec_clock_ms()));
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
        check_ready(d);
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
    if (*d->options->dead_letter_topic) {
        lfrec_hold *hold = lfrec_delivery_hold(p, message->offset);
        if (!hold) {
            no_memory(d);
            return false;
        }
        if (lfrec_kafka_dead_letter(d->kafka, message, reason, text, hold) != LFREC_KAFKA_OK) {
            lfrec_delivery_let_go(hold);
            return false;
        }
    }
    d->bad++;
    d->bad_by_reason[bad]++;
    lfrec_log_thinned(LFREC_LOG_WARNING, reason, "bad event at partition %" PRId32 " offset %" PRId64 ": %s: %s",
                      message->partition, message->offset, reason, text);
    return true;
}

static bool on_message(void *context, const lfrec_kafka_message *message)
{
    daemon *d = context;
    lfrec_partition *p = lfrec_delivery_find(d->delivery, message->partition);
    if (!p || message->offset < p->position) {
        return true; /* of an assignment that is over, or learned already */
    }
    if (lfrec_kafka_room(d->kafka) == 0 || d->code) {
        return false;
    }
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
    } else {
        const lfrec_event *event = &d->decoded.event;
        d->learning = p;
        d->learning_offset = message->offset;
        lfrec_learned learned = lfrec_operator_learn(d->op, event, p->id, p->caught_up);
        d->learning = NULL;
        /* To be published later: hold the offset back until then. (Published now, on_list did it; forgetting is always published.) */
        bool later = !p->caught_up && (learned == LFREC_LEARNED || event->kind == LFREC_EVENT_FORGET) &&
                     !old_news(p, message->offset) && !lfrec_delivery_deferred(d->delivery, event->user, p->id);
        if (learned == LFREC_OUT_OF_MEMORY) {
            no_memory(d);
            return false;
        }
        if (learned == LFREC_REFUSED &&
            !on_bad_event(d, p, message, LFREC_BAD_NOTHING, "refused", "the operator refuses this event")) {
            return false;
        }
        if (later) {
            lfrec_hold *hold = lfrec_delivery_hold(p, message->offset);
            if (!hold || !lfrec_delivery_defer(d->delivery, event->user, hold)) {
                no_memory(d);
                return false;
            }
        }
        p->events++;
    }
    d->events++;
    advance(d, p, message->offset + 1);
    return true;
}

static void on_end(void *context, int32_t partition, int64_t next)
{
    daemon *d = context;
    lfrec_partition *p = lfrec_delivery_find(d->delivery, partition);
    if (p) {
        p->target = p->caught_up ? p->target : 0; /* the end itself, whatever was thought of it before */
        advance(d, p, next);
    }
}

/* ---- partitions come and go ---- */

static void on_assigned(void *context, int32_t partition, int64_t committed, int64_t end)
{
    daemon *d = context;
    lfrec_operator_drop_partition(d->op, partition); /* nothing of an earlier assignment may mix in */
    lfrec_partition *p = lfrec_delivery_assign(d->delivery, partition);
    if (!p) {
        no_memory(d);
        return;
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
    lfrec_log(LFREC_LOG_INFO,
              "partition %" PRId32 " assigned: reading %" PRId64 " offsets from its beginning; committed %" PRId64,
              partition, end, committed);
}

static void commit(daemon *d)
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

/* Waits until everything handed to the producer is acknowledged, and what that allows is committed; not longer than makes sense. */
static void finish_outputs(daemon *d)
{
    bool flushed = lfrec_kafka_flush(d->kafka, d->hurry ? 0 : FLUSH_STALL_MS, d->stopping ? FLUSH_MOST_MS : REVOKE_MOST_MS);
    d->hurry |= !flushed;
    commit(d);
    d->hurry |= !lfrec_kafka_commit_wait(d->kafka, d->hurry ? HURRY_MS : COMMIT_WAIT_MS);
}

static void on_revoked(void *context, const int32_t *partitions, size_t count, bool lost)
{
    daemon *d = context;
    if (!lost) {
        finish_outputs(d);
    }
    for (size_t i = 0; i < count; i++) {
        const lfrec_partition *p = lfrec_delivery_find(d->delivery, partitions[i]);
        d->left_behind |= p && !lost && lfrec_delivery_committable(p) > (p->committed > 0 ? p->committed : 0);
        lfrec_log(LFREC_LOG_INFO, "partition %" PRId32 " %s: its users leave", partitions[i], lost ? "lost" : "revoked");
        lfrec_operator_drop_partition(d->op, partitions[i]);
        lfrec_delivery_remove(d->delivery, partitions[i]);
    }
    lfrec_log(LFREC_LOG_INFO, "%" PRIu64 " users stay", lfrec_operator_stats_of(d->op).users);
    check_ready(d);
}

/* ---- the loop ---- */

/* Scheduled trainings wait until everybody has the last one's lists: otherwise a slow publish rate would never come to an end. */
static void serve_training(daemon *d, bool demanded, int64_t now)
{
    d->training.demanded |= demanded;
    switch (lfrec_training_step(&d->training, now)) {
    case LFREC_TRAINING_ADOPTED:
        d->lists_wait = true;
        d->first_model = false;
        break;
    case LFREC_TRAINING_FAILED:
        d->first_model = false;
        break;
    case LFREC_TRAINING_NOTHING:
        break;
    }
    if (d->ready && (!d->lists_wait || d->training.demanded) && lfrec_training_due(&d->training, now)) {
        lfrec_training_begin(&d->training, now);
    }
}

/* Publishes waiting users, as many as the rate and the producer's queue allow. Half of the queue is left to events. */
static void serve_lists(daemon *d, int64_t now)
{
    double rate = d->options->publish_rate;
    d->tokens += rate * (double)(now - d->tokens_at) / 1000;
    d->tokens_at = now;
    double most = rate / 10 > 1 ? rate / 10 : 1;
    d->tokens = d->tokens < most ? d->tokens : most;
    if (!d->lists_wait || !d->ready || d->first_model) {
        return;
    }
    size_t allowed = rate > 0 ? (size_t)d->tokens : TURN_LISTS;
    size_t room = (lfrec_kafka_room(d->kafka) + 1) / 2;
    allowed = allowed < room ? allowed : room;
    allowed = allowed < TURN_LISTS ? allowed : TURN_LISTS;
    if (allowed == 0) {
        return;
    }
    if (lfrec_operator_republish(d->op, allowed) == 0) {
        d->lists_wait = false;
        lfrec_delivery_settle(d->delivery); /* whoever is left under a user's id has the list already */
    }
    d->tokens -= rate > 0 ? (double)allowed : 0;
}

static void serve_messages(daemon *d)
{
    int wait = d->lists_wait && d->ready && !d->first_model ? PACED_MS : IDLE_MS;
    uint64_t before = d->events;
    lfrec_kafka_status status = lfrec_kafka_poll(d->kafka, wait);
    for (int i = 1; i < TURN_MESSAGES && status == LFREC_KAFKA_OK && d->events != before; i++) {
        before = d->events;
        status = lfrec_kafka_poll(d->kafka, 0);
    }
    /* A list refused by a full queue waits in the operator. */
    d->lists_wait |= d->ready && lfrec_operator_stats_of(d->op).stale_users > 0;
    if (status != LFREC_KAFKA_OK) {
        give_up(d, status == LFREC_KAFKA_FATAL ? LFREC_EXIT_FATAL : LFREC_EXIT_FAILED, lfrec_kafka_error(d->kafka));
    }
}

static lfrec_progress_sample sample(const daemon *d)
{
    lfrec_progress_sample s = {
        .stats = lfrec_operator_stats_of(d->op),
        .events = d->events,
        .bad = d->bad,
        .waiting = (uint64_t)lfrec_kafka_counts_of(d->kafka).queued,
        .catching_up = !d->ready,
        .training = lfrec_retrain_busy(d->training.retrain),
    };
    for (size_t i = 0; i < lfrec_delivery_count(d->delivery); i++) {
        const lfrec_partition *p = lfrec_delivery_at(d->delivery, i);
        int64_t lag = lfrec_kafka_lag(d->kafka, p->id, p->position);
        s.lag = s.lag < 0 || lag < 0 ? -1 : s.lag + lag;
    }
    return s;
}

static void loop(daemon *d)
{
    lfrec_signals_seen seen = lfrec_signals_look(d->signals);
    lfrec_kafka_status joined = LFREC_KAFKA_AGAIN;
    while (!seen.stop && joined == LFREC_KAFKA_AGAIN) {
        joined = lfrec_kafka_join(d->kafka);
        seen = lfrec_signals_look(d->signals);
    }
    if (joined != LFREC_KAFKA_OK && joined != LFREC_KAFKA_AGAIN) {
        give_up(d, joined == LFREC_KAFKA_FATAL ? LFREC_EXIT_FATAL : LFREC_EXIT_FAILED, lfrec_kafka_error(d->kafka));
    }
    d->hurry = joined == LFREC_KAFKA_AGAIN; /* stopped before a broker was reached */
    while (!seen.stop && !d->code) {
        int64_t now = lfrec_clock_ms();
        serve_training(d, seen.retrain, now);
        serve_messages(d);
        serve_lists(d, now);
        if (now - d->commit_at >= COMMIT_MS && !lfrec_kafka_commit_pending(d->kafka)) {
            d->commit_at = now;
            commit(d);
        }
        if (lfrec_progress_due(&d->progress, now)) {
            lfrec_progress_sample s = sample(d);
            lfrec_progress_show(&d->progress, &s, now);
        }
        seen = lfrec_signals_look(d->signals);
    }
}

/* ---- start and stop ---- */

static bool open_operator(daemon *d)
{
    char error[LFREC_OPERATOR_ERROR_MAX];
    const lfrec_config *o = d->options;
    lfrec_operator_options options = lfrec_operator_options_from(o);
    if (!lfrec_operator_open(&d->op, &options, on_list, d, error)) {
        lfrec_log(LFREC_LOG_ERROR, "%s", error);
        d->code = LFREC_EXIT_CONFIG;
        return false;
    }
    if (!lfrec_training_open(&d->training, d->op, o->retrain_events, o->retrain_seconds, error)) {
        lfrec_log(LFREC_LOG_ERROR, "%s", error);
        d->code = LFREC_EXIT_FAILED;
        return false;
    }
    return true;
}

static bool open_embedded(daemon *d, lfrec_embedded **embedded)
{
    char error[LFREC_EMBEDDED_ERROR_MAX];
    const lfrec_config *o = d->options;
    int partitions = (int)o->embedded_partitions;
    if (!lfrec_embedded_start(embedded, o->input_topic, partitions, error) ||
        !lfrec_embedded_topic(*embedded, o->output_topic, partitions, error) ||
        (*o->dead_letter_topic && !lfrec_embedded_topic(*embedded, o->dead_letter_topic, partitions, error))) {
        lfrec_log(LFREC_LOG_ERROR, "%s", error);
        d->code = LFREC_EXIT_FAILED;
        return false;
    }
    printf("embedded broker: %s\n", lfrec_embedded_bootstrap(*embedded));
    fflush(stdout);
    return true;
}

static bool open_kafka(daemon *d, const lfrec_embedded *embedded)
{
    char error[LFREC_KAFKA_ERROR_MAX];
    const lfrec_kafka_handler handler = {
        .context = d,
        .assigned = on_assigned,
        .revoked = on_revoked,
        .message = on_message,
        .end = on_end,
        .delivered = on_delivered,
        .committed = on_committed,
    };
    lfrec_kafka_status status =
        lfrec_kafka_open(&d->kafka, d->options, embedded ? lfrec_embedded_bootstrap(embedded) : NULL, &handler, error);
    if (status != LFREC_KAFKA_OK) {
        lfrec_log(LFREC_LOG_ERROR, "%s", error);
        d->code = status == LFREC_KAFKA_BAD_CONFIG ? LFREC_EXIT_CONFIG : LFREC_EXIT_FAILED;
        return false;
    }
    return true;
}

/* Drain, flush, commit, leave the group. false: a client could not be closed in time. */
static bool stop(daemon *d)
{
    lfrec_progress_sample last = sample(d);
    bool asked = d->code == LFREC_EXIT_CLEAN;
    if (asked) {
        lfrec_log(LFREC_LOG_INFO, "stopping: %" PRIu64 " outputs under way", last.waiting);
    }
    d->stopping = true;
    lfrec_retrain_cancel(d->training.retrain);
    finish_outputs(d);
    lfrec_progress_close(&d->progress, &last, lfrec_clock_ms());
    int queued = lfrec_kafka_counts_of(d->kafka).queued;
    d->left_behind = false; /* from here on it counts */
    bool closed = lfrec_kafka_close(d->kafka, d->hurry ? HURRY_MS : CLOSE_MS);
    if (asked && (queued > 0 || d->left_behind || !closed)) {
        d->code = LFREC_EXIT_FAILED;
        lfrec_log(LFREC_LOG_ERROR, "stopped, but %s: no broker answered in time; what is not committed will be read again",
                  queued > 0       ? "not all outputs were acknowledged"
                  : d->left_behind ? "not all offsets were committed"
                                   : "the group was not left");
    }
    return closed;
}

lfrec_daemon_end lfrec_daemon_run(const lfrec_config *options)
{
    daemon d = {
        .options = options,
        .codec = {.format = options->format, .scale_min = options->scale_min, .scale_max = options->scale_max},
        .tokens_at = lfrec_clock_ms(),
    };
    lfrec_embedded *embedded = NULL;
    bool closed = true;
    if (!lfrec_signals_open(&d.signals, STOP_LIMIT_MS)) {
        lfrec_log(LFREC_LOG_ERROR, "cannot wait for signals");
        return (lfrec_daemon_end){.code = LFREC_EXIT_FAILED};
    }
    d.delivery = lfrec_delivery_open();
    if (!d.delivery) {
        no_memory(&d);
    } else if (open_operator(&d) && (!options->embedded || open_embedded(&d, &embedded)) && open_kafka(&d, embedded)) {
        lfrec_progress_open(&d.progress, options->quiet, lfrec_clock_ms());
        loop(&d);
        closed = stop(&d);
    }
    if (closed) { /* else librdkafka's threads are alive and may call back */
        if (d.training.retrain) {
            lfrec_training_close(&d.training);
        }
        lfrec_operator_close(d.op);
        lfrec_delivery_close(d.delivery);
        lfrec_embedded_stop(embedded);
        lfrec_buffer_free(&d.buffer);
        lfrec_signals_close(d.signals);
    }
    return (lfrec_daemon_end){.code = d.code, .threads_left = !closed};
}
