#define _XOPEN_SOURCE 700 /* nice */
#include "interceptor_worker.h"
#include "clock.h"
#include "codec.h"
#include "interceptor_output.h"
#include "log.h"
#include "operator_config.h"
#include "training.h"
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    IDLE_MS = 100,
    PACED_MS = 10,     /* while lists wait */
    TURN_EVENTS = 256, /* most events between two looks at everything else */
    TURN_LISTS = 64,   /* most waiting lists a turn */
    LATE_OFFSET = -1,  /* no offset of a partition was seen yet */
    TRAINING_END_MS = 1000,
    NICENESS = 5 /* the application comes first where cores are few; on Linux this is the thread's own */
};

/* A partition of the input topic that events came from. */
typedef struct position {
    int32_t partition;
    int64_t next; /* offsets below are known */
} position;

struct lfrec_worker {
    const lfrec_interceptor_config *config;
    lfrec_queue *queue;
    pthread_t thread;
    atomic_bool stop, unsettled, inert;
    atomic_uint_least64_t left_out; /* events that found the queue full */

    /* The thread's own from here on. */
    lfrec_codec codec;
    lfrec_decoded decoded;
    lfrec_buffer buffer;
    lfrec_operator *op;
    lfrec_training training;
    lfrec_output *output;
    position *positions;
    size_t position_count;
    double tokens; /* lists the publish rate allows now */
    int64_t tokens_at;
    uint64_t bad, repeated, left_out_said;
    bool behind; /* more than a turn of events waits: lists come later */
};

/* ---- the operator's lists ---- */

static bool on_list(void *context, const lfrec_recommendation *list)
{
    lfrec_worker *w = context;
    w->buffer.length = 0;
    lfrec_encoded encoded = lfrec_encode_recommendation(list, &w->buffer);
    if (encoded != LFREC_ENCODED && encoded != LFREC_ENCODED_NULL) {
        lfrec_log_thinned(LFREC_LOG_ERROR, "encode", "lfrec: a list could not be written as JSON, or no memory for it");
        return encoded != LFREC_ENCODE_NO_MEMORY;
    }
    return lfrec_output_publish(w->output, list->user.bytes, list->user.length,
                                encoded == LFREC_ENCODED_NULL ? NULL : w->buffer.bytes, w->buffer.length);
}

/* ---- events ---- */

static void give_up(lfrec_worker *w, const char *why)
{
    if (!atomic_exchange(&w->inert, true)) {
        lfrec_log(LFREC_LOG_ERROR, "lfrec: %s: no more recommendations; the application goes on without them", why);
    }
}

static position *position_of(lfrec_worker *w, int32_t partition)
{
    for (size_t i = 0; i < w->position_count; i++) {
        if (w->positions[i].partition == partition) {
            return &w->positions[i];
        }
    }
    position *grown = realloc(w->positions, (w->position_count + 1) * sizeof *grown);
    if (!grown) {
        return NULL;
    }
    w->positions = grown;
    grown[w->position_count] = (position){.partition = partition, .next = LATE_OFFSET};
    return &grown[w->position_count++];
}

static void on_bad_event(lfrec_worker *w, const lfrec_queued *queued, const char *reason, const char *text)
{
    w->bad++;
    lfrec_log_thinned(LFREC_LOG_WARNING, reason, "lfrec: bad event at partition %" PRId32 " offset %" PRId64 ": %s: %s",
                      queued->partition, queued->offset, reason, text);
}

static void on_message(lfrec_worker *w, const lfrec_queued *queued)
{
    char text[LFREC_BAD_TEXT_MAX];
    position *p = position_of(w, queued->partition);
    if (!p) {
        give_up(w, "out of memory");
        return;
    }
    if (queued->offset < p->next) { /* read again: known already */
        w->repeated++;
        return;
    }
    p->next = queued->offset + 1;
    lfrec_bad bad =
        lfrec_decode(&w->codec, queued->key, queued->key_length, queued->value, queued->value_length, &w->decoded, text);
    if (bad == LFREC_BAD_NO_MEMORY) {
        give_up(w, "out of memory");
    } else if (bad) {
        on_bad_event(w, queued, lfrec_bad_name(bad), text);
    } else {
        switch (lfrec_operator_learn(w->op, &w->decoded.event, queued->partition, !w->behind)) {
        case LFREC_LEARNED:
        case LFREC_UNCHANGED: break;
        case LFREC_REFUSED:
            on_bad_event(w, queued, "refused", "off the scale, or of an item beyond lfrec.max.items");
            break;
        case LFREC_OUT_OF_MEMORY: give_up(w, "out of memory");
        }
    }
}

/* Users of partitions that are the application's no more leave: another instance may have them. */
static void on_assignment(lfrec_worker *w, const int32_t *partitions, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->position_count; i++) {
        bool ours = false;
        for (size_t j = 0; j < count; j++) {
            ours |= partitions[j] == w->positions[i].partition;
        }
        if (ours) {
            w->positions[kept++] = w->positions[i];
        } else {
            lfrec_log(LFREC_LOG_INFO, "lfrec: partition %" PRId32 " has left, and its users with it",
                      w->positions[i].partition);
            lfrec_operator_drop_partition(w->op, w->positions[i].partition);
        }
    }
    w->position_count = kept;
}

/* Up to `most` of what is queued; returns how many. */
static size_t serve_queue(lfrec_worker *w, size_t most)
{
    lfrec_queued queued;
    size_t count = 0;
    while (count < most && !atomic_load(&w->inert) && lfrec_queue_take(w->queue, &queued)) {
        if (queued.kind == LFREC_QUEUED_ASSIGNMENT) {
            on_assignment(w, queued.value, queued.value_length / sizeof(int32_t));
        } else {
            on_message(w, &queued);
        }
        count++;
    }
    w->behind = count == most;
    return count;
}

/* ---- lists that wait, trainings, the log ---- */

static void serve_training(lfrec_worker *w, int64_t now)
{
    lfrec_training_step(&w->training, now);
    if (lfrec_operator_stats_of(w->op).stale_users == 0 && lfrec_training_due(&w->training, now)) {
        lfrec_training_begin(&w->training, now);
    }
}

static void serve_lists(lfrec_worker *w, int64_t now)
{
    double rate = w->config->config.publish_rate, most = rate / 10 > 1 ? rate / 10 : 1;
    w->tokens += rate * (double)(now - w->tokens_at) / 1000;
    w->tokens = w->tokens < most ? w->tokens : most;
    w->tokens_at = now;
    size_t allowed = rate > 0 && w->tokens < TURN_LISTS ? (size_t)w->tokens : TURN_LISTS;
    if (allowed > 0 && !atomic_load(&w->unsettled)) {
        size_t before = (size_t)lfrec_operator_stats_of(w->op).stale_users;
        size_t after = lfrec_operator_republish(w->op, allowed);
        w->tokens -= rate > 0 ? (double)(before - after) : 0;
    }
}

static void say_what_was_left_out(lfrec_worker *w)
{
    uint64_t left_out = atomic_load(&w->left_out);
    if (left_out > w->left_out_said) {
        lfrec_log_thinned(LFREC_LOG_WARNING, "left out",
                          "lfrec: the application reads faster than recommendations are learned: %" PRIu64
                          " events left out so far (lfrec.interceptor.queue.kbytes)",
                          left_out);
        w->left_out_said = left_out;
    }
}

static void wait_for_work(lfrec_worker *w)
{
    if (!lfrec_queue_rest(w->queue) || atomic_load(&w->stop)) {
        return;
    }
    struct pollfd ready[2] = {
        {.fd = lfrec_queue_fd(w->queue), .events = POLLIN},
        {.fd = lfrec_retrain_fd(w->training.retrain), .events = POLLIN},
    };
    poll(ready, 2, lfrec_operator_stats_of(w->op).stale_users > 0 ? PACED_MS : IDLE_MS);
}

/* ---- the end ---- */

/* The last words: everything that came is learned, every list that waits is published, everything is acknowledged; or time is up. */
static void drain(lfrec_worker *w)
{
    int64_t deadline = lfrec_clock_ms() + w->config->close_ms;
    lfrec_retrain_cancel(w->training.retrain);
    w->behind = true; /* one list for each user, at the end */
    while (lfrec_clock_ms() < deadline && serve_queue(w, TURN_EVENTS) > 0) {
        w->behind = true;
    }
    size_t waiting = 1;
    int unacknowledged = 1;
    while ((waiting > 0 || unacknowledged > 0) && !atomic_load(&w->inert) && !lfrec_output_failed(w->output)) {
        waiting = lfrec_operator_republish(w->op, TURN_LISTS);
        unacknowledged = lfrec_output_serve(w->output, 0);
        int64_t left = deadline - lfrec_clock_ms();
        if (left <= 0) {
            break;
        }
        if (waiting == 0 && unacknowledged > 0) {
            lfrec_output_serve(w->output, left < PACED_MS ? (int)left : PACED_MS);
        }
    }
    if (waiting > 0 || unacknowledged > 0) {
        lfrec_log(
            LFREC_LOG_WARNING,
            "lfrec: the end came before %zu lists were published and %d acknowledged (lfrec.interceptor.close.ms)",
            waiting, unacknowledged);
    }
}

static void say_how_it_went(lfrec_worker *w)
{
    lfrec_operator_stats stats = lfrec_operator_stats_of(w->op);
    lfrec_log(LFREC_LOG_INFO,
              "lfrec: the end: %" PRIu64 " events learned, %" PRIu64 " bad, %" PRIu64 " left out, %" PRIu64
              " read again; %" PRIu64 " users, %" PRIu64 " items, %" PRIu64 " lists acknowledged, model %" PRIu64,
              stats.events, w->bad, (uint64_t)atomic_load(&w->left_out), w->repeated, stats.users, stats.items,
              lfrec_output_counts_of(w->output).acknowledged, stats.model_version);
}

/* false: the training goes on, and needs the operator's memory. */
static bool end_training(lfrec_worker *w)
{
    if (!w->training.retrain) {
        return true;
    }
    lfrec_retrain_cancel(w->training.retrain);
    if (lfrec_retrain_busy(w->training.retrain)) {
        poll(&(struct pollfd){.fd = lfrec_retrain_fd(w->training.retrain), .events = POLLIN}, 1, TRAINING_END_MS);
    }
    if (lfrec_retrain_busy(w->training.retrain) && !lfrec_retrain_done(w->training.retrain)) {
        return false;
    }
    lfrec_training_close(&w->training);
    return true;
}

static void *run(void *context)
{
    lfrec_worker *w = context;
#ifdef __linux__
    if (nice(NICENESS) == -1) {
        /* -1 is a legal result too, and normal priority is no error. */
    }
#endif
    while (!atomic_load(&w->stop) && !atomic_load(&w->inert)) {
        int64_t now = lfrec_clock_ms();
        serve_training(w, now);
        size_t served = serve_queue(w, TURN_EVENTS);
        serve_lists(w, now);
        lfrec_output_serve(w->output, 0);
        say_what_was_left_out(w);
        if (lfrec_output_failed(w->output)) {
            give_up(w, "the producer is broken");
        }
        if (served == 0) {
            wait_for_work(w);
        }
    }
    if (!atomic_load(&w->inert)) {
        drain(w);
        say_how_it_went(w);
    }
    return NULL;
}

static void free_worker(lfrec_worker *w)
{
    bool ended = end_training(w);
    lfrec_output_close(w->output);
    lfrec_queue_close(w->queue);
    lfrec_buffer_free(&w->buffer);
    free(w->positions);
    if (ended) { /* else a training's thread goes on until the process ends, and this library stays loaded */
        lfrec_operator_close(w->op);
        free(w);
    }
}

/* ---- from other threads ---- */

static bool start_thread(lfrec_worker *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited by the thread: signals stay the application's */
    int failed = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0;
}

bool lfrec_worker_open(lfrec_worker **out, const lfrec_interceptor_config *config, const rd_kafka_conf_t *application,
                       char error[LFREC_WORKER_ERROR_MAX])
{
    const lfrec_config *c = &config->config;
    char config_error[LFREC_CONFIG_ERROR_MAX];
    lfrec_worker *w = calloc(1, sizeof *w);
    if (!w) {
        snprintf(error, LFREC_WORKER_ERROR_MAX, "no memory");
        return false;
    }
    w->config = config;
    w->codec = (lfrec_codec){.format = c->format, .scale_min = c->scale_min, .scale_max = c->scale_max};
    w->tokens_at = lfrec_clock_ms();
    lfrec_operator_options options = lfrec_operator_options_from(c);
    rd_kafka_conf_t *conf = lfrec_interceptor_config_producer(config, application, config_error);
    if (!conf) {
        snprintf(error, LFREC_WORKER_ERROR_MAX, "%.500s", config_error);
    } else if (lfrec_output_open(&w->output, &config->host, conf, c->output_topic, error) &&
               lfrec_operator_open(&w->op, &options, on_list, w, error) &&
               lfrec_training_open(&w->training, w->op, c->retrain_events, c->retrain_seconds, error)) {
        if (!lfrec_queue_open(&w->queue, (size_t)config->queue_kbytes * 1024)) {
            snprintf(error, LFREC_WORKER_ERROR_MAX, "no memory, or no file descriptors, for the queue");
        } else if (!start_thread(w)) {
            snprintf(error, LFREC_WORKER_ERROR_MAX, "cannot start a thread");
        } else {
            *out = w;
            return true;
        }
    }
    free_worker(w);
    return false;
}

void lfrec_worker_put(lfrec_worker *w, const lfrec_queued *queued)
{
    if (!atomic_load_explicit(&w->inert, memory_order_relaxed) && !lfrec_queue_put(w->queue, queued)) {
        atomic_fetch_add(&w->left_out, 1);
    }
}

void lfrec_worker_settled(lfrec_worker *w, bool settled)
{
    atomic_store(&w->unsettled, !settled);
}

void lfrec_worker_close(lfrec_worker *w)
{
    if (!w) {
        return;
    }
    atomic_store(&w->stop, true);
    lfrec_queue_wake(w->queue);
    pthread_join(w->thread, NULL);
    free_worker(w);
}
