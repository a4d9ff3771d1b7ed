#include "training.h"
#include "log.h"
#include "clock.h"
#include <inttypes.h>
#include <string.h>

bool lfrec_training_open(lfrec_training *t, lfrec_operator *op, uint64_t every_events, uint32_t every_seconds,
                         char error[LFREC_RETRAIN_ERROR_MAX])
{
    memset(t, 0, sizeof *t);
    t->op = op;
    t->every_events = every_events;
    t->every_seconds = every_seconds;
    t->last = lfrec_clock_ms();
    return lfrec_retrain_open(&t->retrain, error);
}

void lfrec_training_close(lfrec_training *t)
{
    lfrec_retrain_close(t->retrain);
    t->retrain = NULL;
}

uint64_t lfrec_training_wait(uint64_t events, uint64_t most)
{
    const uint64_t least = 500, tenth = events / 10, wait = tenth > least ? tenth : least;
    return wait < most ? wait : most;
}

bool lfrec_training_due(const lfrec_training *t, int64_t now)
{
    if (t->demanded) {
        return true;
    }
    uint64_t fresh = lfrec_operator_stats_of(t->op).events - t->events_then;
    return fresh > 0 && ((t->every_events > 0 && fresh >= lfrec_training_wait(t->events_then, t->every_events)) ||
                         (t->every_seconds > 0 && now - t->last >= (int64_t)t->every_seconds * 1000));
}

bool lfrec_training_begin(lfrec_training *t, int64_t now)
{
    if (lfrec_retrain_busy(t->retrain)) {
        return false; /* a demand stays until the next one begins */
    }
    lfrec_operator_stats stats = lfrec_operator_stats_of(t->op);
    bool demanded = t->demanded;
    t->demanded = false;
    t->events_then = stats.events;
    t->last = now;
    lfrec_job *job = lfrec_operator_retrain_begin(t->op);
    if (!job) {
        lfrec_log(demanded ? LFREC_LOG_WARNING : LFREC_LOG_DEBUG,
                  "no training: %" PRIu64 " ratings of %" PRIu64 " users are too few (or memory is short)",
                  stats.ratings, stats.users);
        return false;
    }
    char error[LFREC_RETRAIN_ERROR_MAX];
    if (!lfrec_retrain_start(t->retrain, job, error)) {
        lfrec_log(LFREC_LOG_WARNING, "no training: %s", error);
        lfrec_job_free(job);
        return false;
    }
    t->began = now;
    const lfrec_log_field fields[] = {
        LFREC_LOG_INTEGER("ratings", (int64_t)stats.ratings),
        LFREC_LOG_INTEGER("users", (int64_t)stats.users),
    };
    lfrec_log_with(LFREC_LOG_INFO, fields, 2, "training begins on %" PRIu64 " ratings of %" PRIu64 " users",
                   stats.ratings, stats.users);
    return true;
}

lfrec_training_result lfrec_training_step(lfrec_training *t, int64_t now)
{
    if (!lfrec_retrain_done(t->retrain)) {
        return LFREC_TRAINING_NOTHING;
    }
    char error[LFREC_OPERATOR_ERROR_MAX];
    bool adopted = lfrec_operator_retrain_adopt(t->op, lfrec_retrain_finish(t->retrain), error);
    double seconds = (double)(now - t->began) / 1000;
    lfrec_operator_stats stats = lfrec_operator_stats_of(t->op);
    if (!adopted) {
        const lfrec_log_field fields[] = {
            LFREC_LOG_REAL("seconds", seconds),
            LFREC_LOG_STRING("error", error),
            LFREC_LOG_INTEGER("model", (int64_t)stats.model_version),
        };
        lfrec_log_with(LFREC_LOG_WARNING, fields, 3, "training failed after %.1f s: %s; model %" PRIu64 " serves on",
                       seconds, error, stats.model_version);
        return LFREC_TRAINING_FAILED;
    }
    t->adopted = now;
    t->last_seconds = seconds;
    t->all_seconds += seconds;
    const lfrec_log_field fields[] = {
        LFREC_LOG_INTEGER("model", (int64_t)stats.model_version),
        LFREC_LOG_REAL("seconds", seconds),
        LFREC_LOG_INTEGER("to_publish", (int64_t)stats.stale_users),
    };
    lfrec_log_with(LFREC_LOG_INFO, fields, 3, "model %" PRIu64 " after %.1f s of training; %" PRIu64 " users to publish again",
                   stats.model_version, seconds, stats.stale_users);
    return LFREC_TRAINING_ADOPTED;
}
