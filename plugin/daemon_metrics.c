/* daemon_metrics.c - the daemon's figures for the HTTP port, and the questions that come from there. */
#include "clock.h"
#include "daemon_private.h"
#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { SHOW_MS = 250 };

/* Bytes of memory in use, NAN where the system does not tell. */
static double resident_bytes(void)
{
    unsigned long long size, resident;
    FILE *file = fopen("/proc/self/statm", "re");
    bool read = file && fscanf(file, "%llu %llu", &size, &resident) == 2; // NOLINT(cert-err34-c): the kernel's own numbers
    if (file) {
        fclose(file);
    }
    return read ? (double)resident * (double)sysconf(_SC_PAGESIZE) : (double)NAN;
}

int64_t daemon_lag(const daemon *d, size_t i)
{
    const lfrec_partition *p = lfrec_delivery_at(d->delivery, i);
    return lfrec_kafka_lag(d->kafka, p->id, p->position);
}

int64_t daemon_add_lag(int64_t total, int64_t lag)
{
    return total < 0 || lag < 0 ? -1 : total + lag;
}

static void measure_lag(const daemon *d, lfrec_metrics *m)
{
    m->partitions = lfrec_delivery_count(d->delivery);
    for (size_t i = 0; i < m->partitions; i++) {
        const lfrec_partition *p = lfrec_delivery_at(d->delivery, i);
        int64_t lag = daemon_lag(d, i);
        m->total_lag = daemon_add_lag(m->total_lag, lag);
        if (i < LFREC_METRICS_PARTITIONS) {
            m->lag[i] = (lfrec_metrics_lag){.partition = p->id, .events = lag, .caught_up = p->caught_up};
        }
    }
}

static const char *role_of(const daemon *d)
{
    static const char *const words[] = {"all", "trainer", "scorer"};
    return words[d->options->role];
}

static lfrec_metrics figures(const daemon *d, int64_t now)
{
    const lfrec_training *t = &d->training;
    lfrec_kafka_counts counts = lfrec_kafka_counts_of(d->kafka);
    lfrec_metrics m = {
        .stats = lfrec_operator_stats_of(d->op),
        .events = d->events,
        .dead_letters = counts.dead_letters,
        .acknowledged = counts.acknowledged,
        .undeliverable = counts.undeliverable,
        .in_flight = (uint64_t)counts.queued,
        .latency = d->latency,
        .role = role_of(d),
        .delivery = d->options->delivery == LFREC_EXACTLY_ONCE ? "exactly-once" : "at-least-once",
        .acting_trainer = daemon_trains(d),
        .model_parts = d->models ? lfrec_kafka_models_parts(d->models) : 0,
        .has_snapshots = d->snapshots != NULL,
        .has_transactions = d->options->delivery == LFREC_EXACTLY_ONCE,
        .committed = counts.committed,
        .aborted = counts.aborted,
        .caught_up = d->ready,
        .trains = lfrec_config_retrains(d->options) && (d->options->role != LFREC_ROLE_TRAINER || daemon_trains(d)),
        .training = lfrec_retrain_busy(t->retrain),
        .last_training = t->last_seconds,
        .all_trainings = t->all_seconds,
        .started = d->started,
        .resident = resident_bytes(),
    };
    if (d->snapshots) {
        m.snapshots = lfrec_snapshot_writer_stats(d->snapshots);
    }
    m.model_age = t->adopted > 0 ? (double)(now - t->adopted) / 1000 : (double)NAN;
    for (int reason = 0; reason < LFREC_BAD_COUNT; reason++) {
        m.bad[reason] = d->bad_by_reason[reason];
    }
    measure_lag(d, &m);
    return m;
}

bool daemon_open_http(daemon *d, char error[LFREC_HTTP_ERROR_MAX])
{
    const lfrec_config *o = d->options;
    d->started = lfrec_clock_date();
    return !*o->http_listen || lfrec_http_open(&d->http, o->http_listen, o->input_topic, lfrec_kafka_library(), error);
}

static void wake(void *context)
{
    lfrec_kafka_wake(context);
}

void daemon_wake_for_http(daemon *d, bool on)
{
    if (d->http) {
        lfrec_http_wake_by(d->http, on ? wake : NULL, d->kafka);
    }
}

void daemon_serve_http(daemon *d, int64_t now)
{
    if (!d->http) {
        return;
    }
    lfrec_http_serve(d->http, d->op);
    if (now - d->shown_at >= SHOW_MS) {
        d->shown_at = now;
        lfrec_metrics m = figures(d, now);
        lfrec_board_show(lfrec_http_board(d->http), &m, now);
    }
}
