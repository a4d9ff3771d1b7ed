#include "metrics.h"
#include "../lfrec.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* Appends as long as memory lasts. */
struct text {
    lfrec_buffer *out;
    bool good;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *format, ...)
{
    char line[512]; /* labels are topics (249 bytes) and words of ours */
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    t->good = t->good && length >= 0 && (size_t)length < sizeof line && lfrec_buffer_reserve(t->out, (size_t)length);
    for (int i = 0; t->good && i < length; i++) {
        t->out->bytes[t->out->length++] = line[i];
    }
}

static void describe(struct text *t, const char *name, const char *type, const char *help)
{
    put(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_count(struct text *t, const char *name, const char *type, const char *help, uint64_t value)
{
    describe(t, name, type, help);
    put(t, "%s %" PRIu64 "\n", name, value);
}

static void put_real(struct text *t, const char *name, const char *type, const char *help, double value)
{
    if (isfinite(value)) { /* a figure that is not known is left out */
        describe(t, name, type, help);
        put(t, "%s %.15g\n", name, value);
    }
}

static void put_events(struct text *t, const lfrec_metrics *m)
{
    put_count(t, "lfrec_events_total", "counter", "Events read from the input topic, bad ones included.", m->events);
    describe(t, "lfrec_learned_events_total", "counter", "Legal events by kind.");
    put(t, "lfrec_learned_events_total{kind=\"rate\"} %" PRIu64 "\n", m->stats.rates);
    put(t, "lfrec_learned_events_total{kind=\"retract\"} %" PRIu64 "\n", m->stats.retracts);
    put(t, "lfrec_learned_events_total{kind=\"forget\"} %" PRIu64 "\n", m->stats.forgets);
    describe(t, "lfrec_bad_events_total", "counter",
             "Events that could not be used, by reason; refused: of an item beyond lfrec.max.items.");
    for (int reason = 0; reason < LFREC_BAD_COUNT; reason++) {
        put(t, "lfrec_bad_events_total{reason=\"%s\"} %" PRIu64 "\n",
            reason == LFREC_BAD_NOTHING ? "refused" : lfrec_bad_name((lfrec_bad)reason), m->bad[reason]);
    }
}

static void put_lag(struct text *t, const lfrec_metrics *m, const char *topic)
{
    size_t shown = m->partitions < LFREC_METRICS_PARTITIONS ? m->partitions : LFREC_METRICS_PARTITIONS;
    put_count(t, "lfrec_partitions", "gauge", "Partitions assigned to this instance.", m->partitions);
    describe(t, "lfrec_partition_lag", "gauge", "Events between what was learned and the end of the partition.");
    for (size_t i = 0; i < shown; i++) {
        if (m->lag[i].events >= 0) {
            put(t, "lfrec_partition_lag{topic=\"%s\",partition=\"%" PRId32 "\"} %" PRId64 "\n", topic,
                m->lag[i].partition, m->lag[i].events);
        }
    }
    put_count(t, "lfrec_caught_up", "gauge",
              "1 when every assigned partition was read to the end it had when it was assigned.", m->caught_up);
    put_count(t, "lfrec_ready", "gauge", "1 when /readyz says so.", !lfrec_metrics_not_ready(m));
}

static void put_model(struct text *t, const lfrec_metrics *m)
{
    put_count(t, "lfrec_users", "gauge", "Users with a rating.", m->stats.users);
    put_count(t, "lfrec_users_evicted_total", "counter", "Users who left for others: lfrec.max.users.", m->stats.evicted);
    put_count(t, "lfrec_items", "gauge", "Items ever seen.", m->stats.items);
    put_count(t, "lfrec_ratings", "gauge", "Ratings that count now.", m->stats.ratings);
    put_count(t, "lfrec_model_version", "gauge", "Model that serves; 0: the means alone.", m->stats.model_version);
    put_real(t, "lfrec_model_age_seconds", "gauge", "Time since the model was adopted.", m->model_age);
    describe(t, "lfrec_retrain_seconds", "summary", "Time from the start of a training to its model's adoption.");
    put(t, "lfrec_retrain_seconds_sum %.9g\nlfrec_retrain_seconds_count %" PRIu64 "\n", m->all_trainings, m->stats.retrains);
    put_real(t, "lfrec_last_retrain_seconds", "gauge", "The same of the newest model.", m->last_training);
    put_count(t, "lfrec_retrain_failures_total", "counter", "Trainings that failed; the model before them served on.",
              m->stats.failed_retrains);
    put_count(t, "lfrec_retraining", "gauge", "1 while a training runs.", m->training);
    put_count(t, "lfrec_acting_trainer", "gauge",
              "1 where trainings run: in one of several trainers, and in no scorer.", m->acting_trainer);
    if (m->model_parts > 0) {
        put_count(t, "lfrec_model_parts", "gauge", "Messages that the newest model is on lfrec.model.topic.", m->model_parts);
    }
    describe(t, "lfrec_rmse", "gauge", "Root mean squared error of predicting each rating before it is learned.");
    const struct {
        const char *by, *window;
        double value;
    } rows[] = {
        {"model", "recent", m->stats.recent_rmse},
        {"model", "all", m->stats.rmse},
        {"means", "all", m->stats.means_rmse},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (isfinite(rows[i].value)) {
            put(t, "lfrec_rmse{by=\"%s\",window=\"%s\"} %.9g\n", rows[i].by, rows[i].window, rows[i].value);
        }
    }
}

static void put_outputs(struct text *t, const lfrec_metrics *m)
{
    put_count(t, "lfrec_lists_published_total", "counter", "Lists handed to the producer.", m->stats.published);
    put_count(t, "lfrec_lists_unchanged_total", "counter", "Lists not published: the user had them already.",
              m->stats.unchanged);
    put_count(t, "lfrec_publish_queue", "gauge", "Users who wait for a new list.", m->stats.stale_users);
    put_count(t, "lfrec_outputs_in_flight", "gauge", "Outputs handed to the producer and not acknowledged yet.", m->in_flight);
    put_count(t, "lfrec_outputs_acknowledged_total", "counter", "Outputs acknowledged by the broker.", m->acknowledged);
    put_count(t, "lfrec_outputs_undeliverable_total", "counter", "Outputs given up as too large.", m->undeliverable);
    put_count(t, "lfrec_dead_letters_total", "counter", "Bad events handed to the producer for the dead-letter topic.",
              m->dead_letters);
    describe(t, "lfrec_output_latency_seconds", "histogram",
             "Time from reading an event to the acknowledgment of the output it caused.");
    uint64_t below = 0;
    for (int i = 0; i < LFREC_LATENCY_BUCKETS - 1; i++) {
        below += m->latency.bucket[i];
        put(t, "lfrec_output_latency_seconds_bucket{le=\"%g\"} %" PRIu64 "\n", lfrec_latency_bounds[i], below);
    }
    put(t, "lfrec_output_latency_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", m->latency.count);
    put(t, "lfrec_output_latency_seconds_sum %.9g\nlfrec_output_latency_seconds_count %" PRIu64 "\n", m->latency.sum,
        m->latency.count);
}

static void put_snapshots(struct text *t, const lfrec_metrics *m)
{
    const lfrec_snapshot_stats *s = &m->snapshots;
    if (!m->has_snapshots) {
        return;
    }
    describe(t, "lfrec_snapshot_seconds", "summary", "Time that snapshots took to be on the disk.");
    put(t, "lfrec_snapshot_seconds_sum %.9g\nlfrec_snapshot_seconds_count %" PRIu64 "\n", s->all_seconds, s->written);
    put_count(t, "lfrec_snapshot_failures_total", "counter",
              "Snapshots that could not be written; the one before them stayed.", s->failed);
    if (s->written > 0) {
        put_real(t, "lfrec_last_snapshot_timestamp_seconds", "gauge",
                 "When the newest snapshot was written, in seconds since 1970.", s->last_at);
        put_real(t, "lfrec_last_snapshot_seconds", "gauge", "Time that it took.", s->last_seconds);
        put_count(t, "lfrec_last_snapshot_bytes", "gauge", "Its size.", s->last_bytes);
    }
}

static void put_transactions(struct text *t, const lfrec_metrics *m)
{
    if (m->has_transactions) {
        describe(t, "lfrec_transactions_total", "counter", "Transactions by how they ended.");
        put(t, "lfrec_transactions_total{end=\"committed\"} %" PRIu64 "\nlfrec_transactions_total{end=\"aborted\"} %" PRIu64 "\n",
            m->committed, m->aborted);
    }
}

bool lfrec_metrics_write(const lfrec_metrics *m, const char *topic, const char *library, lfrec_buffer *out)
{
    struct text t = {out, true};
    put_events(&t, m);
    put_lag(&t, m, topic);
    put_model(&t, m);
    put_outputs(&t, m);
    put_transactions(&t, m);
    put_snapshots(&t, m);
    if (m->role) {
        describe(&t, "lfrec_instance_info", "gauge", "What this instance is configured to do; always 1.");
        put(&t, "lfrec_instance_info{role=\"%s\",delivery=\"%s\"} 1\n", m->role, m->delivery);
    }
    describe(&t, "lfrec_build_info", "gauge", "Versions; always 1.");
    put(&t, "lfrec_build_info{version=\"%s\",librdkafka=\"%s\"} 1\n", LFREC_VERSION, library);
    put_real(&t, "process_start_time_seconds", "gauge", "When the process started, in seconds since 1970.", m->started);
    put_real(&t, "process_resident_memory_bytes", "gauge", "Memory in use.", m->resident);
    return t.good;
}

const char *lfrec_metrics_not_ready(const lfrec_metrics *m)
{
    if (m->partitions == 0) {
        return "no partition is assigned yet";
    }
    if (!m->caught_up) {
        return "catching up with the input topic";
    }
    if (m->trains && m->stats.model_version == 0) {
        return m->training ? "the first training is running" : "no model yet: the first training is still to come";
    }
    return NULL;
}
