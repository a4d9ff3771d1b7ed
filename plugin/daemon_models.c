/* daemon_models.c - the daemon as one of several: a trainer that publishes models, a scorer that follows them. */
#include "clock.h"
#include "daemon_private.h"
#include "log.h"
#include <inttypes.h>

enum { PUBLISH_MS = 10000 }; /* how long a model may take to be acknowledged: below max.poll.interval.ms */

static bool trainer(const daemon *d)
{
    return d->options->role == LFREC_ROLE_TRAINER;
}

lfrec_kafka_status daemon_open_models(daemon *d, const char *bootstrap, char error[LFREC_KAFKA_ERROR_MAX])
{
    d->sample = lfrec_sample_of(trainer(d) ? d->options->trainer_users : 0);
    return d->options->role == LFREC_ROLE_ALL ? LFREC_KAFKA_OK
                                              : lfrec_kafka_models_open(&d->models, d->options, bootstrap, error);
}

bool daemon_trains(const daemon *d)
{
    return !d->models || (trainer(d) && lfrec_kafka_models_leads(d->models));
}

bool daemon_publishes(const daemon *d)
{
    return !trainer(d) && (!d->models || lfrec_kafka_models_known(d->models));
}

bool daemon_in_sample(const daemon *d, lfrec_id user)
{
    return lfrec_sample_has(&d->sample, user);
}

static bool keep(void *context, lfrec_id user)
{
    return daemon_in_sample(context, user);
}

void daemon_model_trained(daemon *d)
{
    char error[LFREC_KAFKA_ERROR_MAX];
    uint64_t version;
    d->buffer.length = 0;
    if (!trainer(d)) {
        return;
    }
    if (!lfrec_kafka_models_leads(d->models)) {
        lfrec_log(LFREC_LOG_INFO, "the model is not published: another trainer leads meanwhile");
        return;
    }
    if (!lfrec_operator_write_model(d->op, &d->buffer)) {
        lfrec_log(LFREC_LOG_WARNING, "no memory to publish the model; the scorers keep the one before");
    } else if (!lfrec_kafka_models_publish(d->models, d->buffer.bytes, d->buffer.length, PUBLISH_MS, &version, error)) {
        lfrec_log(LFREC_LOG_WARNING, "the model is not published: %s; the scorers keep the one before", error);
        if (lfrec_kafka_models_broken(d->models, error)) {
            daemon_give_up(d, LFREC_EXIT_FATAL, error);
        }
    } else {
        lfrec_log(LFREC_LOG_INFO, "model %" PRIu64 " published: %zu bytes", version, d->buffer.length);
    }
}

void daemon_serve_models(daemon *d)
{
    uint64_t version, users = trainer(d) ? lfrec_operator_stats_of(d->op).users : 0;
    const void *bytes;
    size_t length;
    if (lfrec_sample_shrink(&d->sample, users)) {
        lfrec_operator_keep_users(d->op, keep, d);
        lfrec_log(LFREC_LOG_INFO, "the sample is halved: %" PRIu64 " users of %" PRIu64 " stay",
                  lfrec_operator_stats_of(d->op).users, users);
    }
    if (!d->models || !lfrec_kafka_models_poll(d->models, &version, &bytes, &length) || trainer(d)) {
        return;
    }
    char error[LFREC_OPERATOR_ERROR_MAX];
    if (lfrec_operator_read_model(d->op, bytes, length, version, error)) {
        lfrec_log(LFREC_LOG_INFO, "model %" PRIu64 " taken over; %" PRIu64 " users to publish again", version,
                  lfrec_operator_stats_of(d->op).stale_users);
        d->training.adopted = lfrec_clock_ms();
        d->lists_wait = true;
    } else {
        lfrec_log(LFREC_LOG_WARNING, "model %" PRIu64 " of topic %s cannot be used: %s", version,
                  d->options->model_topic, error);
    }
}
