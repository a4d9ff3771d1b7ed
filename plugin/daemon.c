#include "clock.h"
#include "daemon_private.h"
#include "embedded.h"
#include "log.h"
#include "operator_config.h"
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum {
    IDLE_MS = 100,       /* how long an idle turn waits for a message */
    PACED_MS = 10,       /* the same while lists are to be published */
    TURN_MESSAGES = 256, /* most messages between two looks at everything else */
    TURN_LISTS = 64,     /* most lists of waiting users a turn: bounds the time between two polls */
    COMMIT_MS = 1000,
    TRANSACTION_MS = 100, /* between two ends: what a reader of committed messages waits at most, and what each costs, 5 to 20 ms, is worth */
    TRANSACTION_WAIT_MS = 500, /* for acknowledgments, with reading stopped */
    BACK_OFF_MOST_MS = 10000,
    CLOSE_MS = 3000,
    HURRIED_CLOSE_MS = 700, /* after the broker did not answer in time */
    TRAINING_END_MS = 1000, /* how long the end waits for a canceled training */
    STOP_LIMIT_MS = 30000   /* signals.h ends the process after this */
};

/* ---- the loop ---- */

/* Scheduled trainings wait until everybody has the last one's lists: otherwise a slow publish rate would never come to an end. */
static void serve_training(daemon *d, bool demanded, int64_t now)
{
    d->training.demanded |= demanded;
    switch (lfrec_training_step(&d->training, now)) {
    case LFREC_TRAINING_ADOPTED:
        d->lists_wait = d->options->role != LFREC_ROLE_TRAINER;
        d->first_model = false;
        daemon_model_trained(d);
        break;
    case LFREC_TRAINING_FAILED: d->first_model = false; break;
    case LFREC_TRAINING_NOTHING: break;
    }
    if (d->ready && daemon_trains(d) && (!d->lists_wait || d->training.demanded) && lfrec_training_due(&d->training, now)) {
        lfrec_training_begin(&d->training, now);
    }
}

/* How many waiting users may be published now: what the rate and the producer's queue allow. Half of the queue is left to events. */
static size_t lists_allowed(const daemon *d)
{
    if (!d->lists_wait || !d->ready || d->first_model || !daemon_publishes(d) || d->start_over) {
        return 0;
    }
    size_t by_rate = d->options->publish_rate > 0 ? (size_t)d->tokens : TURN_LISTS;
    size_t by_room = (lfrec_kafka_room(d->kafka) + 1) / 2;
    size_t allowed = by_rate < by_room ? by_rate : by_room;
    return allowed < TURN_LISTS ? allowed : TURN_LISTS;
}

static void serve_lists(daemon *d, int64_t now)
{
    double rate = d->options->publish_rate;
    double most = rate / 10 > 1 ? rate / 10 : 1;
    d->tokens += rate * (double)(now - d->tokens_at) / 1000;
    d->tokens = d->tokens < most ? d->tokens : most;
    d->tokens_at = now;
    size_t allowed = lists_allowed(d);
    if (allowed == 0) {
        return;
    }
    if (lfrec_operator_republish(d->op, allowed) == 0) {
        d->lists_wait = false;
        lfrec_delivery_settle(d->delivery); /* whoever is left there has the list already */
    }
    d->tokens -= rate > 0 ? (double)allowed : 0;
}

static void serve_messages(daemon *d)
{
    int wait = lists_allowed(d) > 0 || d->reading.outputs ? 0 : d->lists_wait ? PACED_MS : IDLE_MS;
    uint64_t before = d->events;
    lfrec_kafka_status status = lfrec_kafka_poll(d->kafka, wait);
    for (int i = 1; i < TURN_MESSAGES && status == LFREC_KAFKA_OK && d->events != before; i++) {
        before = d->events;
        status = lfrec_kafka_poll(d->kafka, 0);
    }
    /* A list refused by a full queue waits in the operator. */
    d->lists_wait |= d->ready && d->options->role != LFREC_ROLE_TRAINER && lfrec_operator_stats_of(d->op).stale_users > 0;
    if (status != LFREC_KAFKA_OK) {
        daemon_give_up(d, status == LFREC_KAFKA_FATAL ? LFREC_EXIT_FATAL : LFREC_EXIT_FAILED, lfrec_kafka_error(d->kafka));
    }
}

/* Ends a transaction every so often, and goes back after one that was aborted: at once, and ever later when the next ones are, too. */
static void serve_transaction(daemon *d, int64_t now)
{
    if (d->start_over) {
        /* One whose end the broker has not told yet has to end first. */
        if (now - d->commit_at < d->back_off || *lfrec_kafka_error(d->kafka) ||
            !lfrec_kafka_abort(d->kafka, TRANSACTION_WAIT_MS)) {
            return;
        }
        d->started_over_at = d->commit_at = now;
        d->back_off = d->back_off > 0 ? 2 * d->back_off : TRANSACTION_MS;
        d->back_off = d->back_off < BACK_OFF_MOST_MS ? d->back_off : BACK_OFF_MOST_MS;
        lfrec_log(LFREC_LOG_WARNING, "a transaction was aborted: reading again from the last one that was committed");
        d->start_over = !lfrec_kafka_start_over(d->kafka);
    } else if (now - d->commit_at >= TRANSACTION_MS) {
        d->commit_at = now;
        /* What aborts the transactions may come late in what is read again: only a good while ends the back-off. */
        if (daemon_transact(d, TRANSACTION_WAIT_MS) && now - d->started_over_at > BACK_OFF_MOST_MS + d->back_off) {
            d->back_off = 0;
        }
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
        s.lag = daemon_add_lag(s.lag, daemon_lag(d, i));
    }
    return s;
}

/* Said when it begins; how many there are is among the figures. */
static void tell_ceiling(daemon *d, int64_t now)
{
    if (d->options->most_users == 0 || d->ceiling_told || now < d->ceiling_at) {
        return;
    }
    d->ceiling_at = now + COMMIT_MS;
    if (lfrec_operator_stats_of(d->op).evicted > 0) {
        d->ceiling_told = true;
        lfrec_log(LFREC_LOG_WARNING,
                  "%" PRIu32
                  " users are in memory, as many as lfrec.max.users allows: those idle for the longest leave",
                  d->options->most_users);
    }
}

static void loop(daemon *d)
{
    lfrec_signals_seen seen = lfrec_signals_look(d->signals);
    lfrec_kafka_status joined = LFREC_KAFKA_AGAIN;
    lfrec_notify_ready(&d->notify); /* a broker that is away is waited for as long as it takes, and is no failed start */
    lfrec_notify_status(&d->notify, "waiting for a broker and the input topic");
    while (!seen.stop && joined == LFREC_KAFKA_AGAIN) {
        joined = lfrec_kafka_join(d->kafka);
        lfrec_notify_alive(&d->notify, lfrec_clock_ms());
        daemon_serve_http(d, lfrec_clock_ms());
        seen = lfrec_signals_look(d->signals);
    }
    if (joined != LFREC_KAFKA_OK && joined != LFREC_KAFKA_AGAIN) {
        daemon_give_up(d, joined == LFREC_KAFKA_FATAL ? LFREC_EXIT_FATAL : LFREC_EXIT_FAILED, lfrec_kafka_error(d->kafka));
    }
    d->hurry = joined == LFREC_KAFKA_AGAIN; /* stopped before a broker was reached */
    while (!seen.stop && !d->code) {
        int64_t now = lfrec_clock_ms();
        daemon_serve_models(d);
        serve_training(d, seen.retrain, now);
        if (seen.reloaded) {
            lfrec_notify_reloaded(&d->notify);
        }
        serve_messages(d);
        daemon_serve_read_back(d, now);
        serve_lists(d, now);
        daemon_serve_http(d, now);
        daemon_serve_state(d, now, false);
        lfrec_notify_status(&d->notify, d->ready ? "serving" : "waiting for partitions, or catching up");
        lfrec_notify_alive(&d->notify, now);
        if (d->options->delivery == LFREC_EXACTLY_ONCE) {
            serve_transaction(d, now);
        } else if (now - d->commit_at >= COMMIT_MS && !lfrec_kafka_commit_pending(d->kafka)) {
            d->commit_at = now;
            daemon_commit(d);
        }
        tell_ceiling(d, now);
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
    if (!lfrec_operator_open(&d->op, &options, daemon_on_list, d, error)) {
        lfrec_log(LFREC_LOG_ERROR, "%s", error);
        d->code = LFREC_EXIT_CONFIG;
        return false;
    }
    lfrec_operator_tell_evicted(d->op, daemon_on_evicted);
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

static bool open_state(daemon *d)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX];
    if (!daemon_open_state(d, error)) {
        lfrec_log(LFREC_LOG_ERROR, "%s", error);
        d->code = LFREC_EXIT_CONFIG;
        return false;
    }
    return true;
}

static bool open_http(daemon *d)
{
    char error[LFREC_HTTP_ERROR_MAX];
    if (!daemon_open_http(d, error)) {
        lfrec_log(LFREC_LOG_ERROR, "%s", error);
        d->code = LFREC_EXIT_FAILED;
        return false;
    }
    return true;
}

static bool open_kafka(daemon *d, const lfrec_embedded *embedded)
{
    char error[LFREC_KAFKA_ERROR_MAX];
    const lfrec_kafka_handler handler = daemon_kafka_handler(d);
    const char *bootstrap = embedded ? lfrec_embedded_bootstrap(embedded) : NULL;
    lfrec_kafka_status status = lfrec_kafka_open(&d->kafka, d->options, bootstrap, &handler, error);
    if (status == LFREC_KAFKA_OK && (status = daemon_open_models(d, bootstrap, error)) != LFREC_KAFKA_OK) {
        lfrec_kafka_close(d->kafka, CLOSE_MS);
        d->kafka = NULL;
    }
    if (status != LFREC_KAFKA_OK) {
        lfrec_log(LFREC_LOG_ERROR, "%s", error);
        d->code = status == LFREC_KAFKA_BAD_CONFIG ? LFREC_EXIT_CONFIG : LFREC_EXIT_FAILED;
        return false;
    }
    return true;
}

/* Bad events by reason, the figures behind "N bad". */
static void tell_bad_events(const daemon *d)
{
    for (int reason = 0; reason < LFREC_BAD_COUNT; reason++) {
        if (d->bad_by_reason[reason] > 0) {
            lfrec_log(LFREC_LOG_INFO, "bad events: %" PRIu64 " %s", d->bad_by_reason[reason],
                      reason == LFREC_BAD_NOTHING ? "refused" : lfrec_bad_name((lfrec_bad)reason));
        }
    }
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
    daemon_wake_for_http(d, false);
    lfrec_notify_stopping(&d->notify);
    if (d->http) {
        lfrec_board_stopping(lfrec_http_board(d->http));
    }
    lfrec_retrain_cancel(d->training.retrain);
    daemon_finish_outputs(d);
    daemon_serve_state(d, lfrec_clock_ms(), true);
    daemon_stop_read_back(d);
    tell_ceiling(d, INT64_MAX - COMMIT_MS);
    lfrec_progress_close(&d->progress, &last, lfrec_clock_ms());
    tell_bad_events(d);
    int queued = lfrec_kafka_counts_of(d->kafka).queued;
    d->left_behind = false; /* from here on it counts */
    lfrec_kafka_models_close(d->models);
    d->models = NULL;
    /* A member that waits to be let in, say for a dead one's session to end, has nothing to leave undone. */
    bool joining = !d->hurry && lfrec_delivery_count(d->delivery) == 0;
    bool closed = lfrec_kafka_close(d->kafka, d->hurry ? HURRIED_CLOSE_MS : CLOSE_MS);
    if (asked && joining && !closed && queued == 0) {
        lfrec_log(LFREC_LOG_INFO, "stopped while waiting to join the group");
    } else if (asked && (queued > 0 || d->left_behind || !closed)) {
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
    lfrec_notify_open(&d.notify);
    if (!lfrec_signals_open(&d.signals, STOP_LIMIT_MS)) {
        lfrec_log(LFREC_LOG_ERROR, "cannot wait for signals");
        return (lfrec_daemon_end){.code = LFREC_EXIT_FAILED};
    }
    d.delivery = lfrec_delivery_open();
    if (!d.delivery) {
        daemon_give_up(&d, LFREC_EXIT_FAILED, "no memory");
    } else if (open_operator(&d) && open_state(&d) && open_http(&d) &&
               (!options->embedded || open_embedded(&d, &embedded)) && open_kafka(&d, embedded)) {
        lfrec_progress_open(&d.progress, options->quiet, lfrec_clock_ms());
        daemon_wake_for_http(&d, true);
        loop(&d);
        closed = stop(&d);
    }
    if (closed && d.training.retrain) {
        /* A training ends within an epoch, and on much data an epoch is long: the process need not wait for it. */
        lfrec_retrain_cancel(d.training.retrain);
        if (lfrec_retrain_busy(d.training.retrain)) {
            poll(&(struct pollfd){.fd = lfrec_retrain_fd(d.training.retrain), .events = POLLIN}, 1, TRAINING_END_MS);
        }
        closed = !lfrec_retrain_busy(d.training.retrain) || lfrec_retrain_done(d.training.retrain);
        if (closed) {
            lfrec_training_close(&d.training);
        }
    }
    if (closed) { /* else threads are alive and may use all of this */
        lfrec_http_close(d.http);
        daemon_close_state(&d);
        lfrec_operator_close(d.op);
        lfrec_delivery_close(d.delivery);
        lfrec_embedded_stop(embedded);
        lfrec_buffer_free(&d.buffer);
        lfrec_signals_close(d.signals);
    }
    lfrec_notify_close(&d.notify);
    return (lfrec_daemon_end){.code = d.code, .threads_left = !closed};
}
