/* metrics.h - the figures that an operator on call wants, as plain data, and as Prometheus's text format (version 0.0.4). */
#ifndef LFREC_METRICS_H
#define LFREC_METRICS_H

#include "buffer.h"
#include "codec.h"
#include "metrics_latency.h"
#include "operator.h"
#include "snapshot_writer.h"

#define LFREC_METRICS_PARTITIONS 256u /* whose lag is shown; the total is over all */

typedef struct lfrec_metrics_lag {
    int32_t partition;
    int64_t events; /* behind the partition's end; -1: not known */
    bool caught_up;
} lfrec_metrics_lag;

/* All zero: nothing has happened. */
typedef struct lfrec_metrics {
    lfrec_operator_stats stats;
    uint64_t events;                                    /* read so far, bad ones included */
    uint64_t bad[LFREC_BAD_COUNT];                      /* by reason; [LFREC_BAD_NOTHING]: refused by the operator */
    uint64_t dead_letters, acknowledged, undeliverable; /* outputs */
    uint64_t in_flight;                                 /* outputs handed to the producer and not acknowledged */
    lfrec_latency latency;

    lfrec_metrics_lag lag[LFREC_METRICS_PARTITIONS];
    size_t partitions; /* assigned; the first LFREC_METRICS_PARTITIONS of them are in lag */
    int64_t total_lag; /* -1: not known */

    const char *role, *delivery; /* the options' words; NULL: not known yet */
    bool acting_trainer;         /* trainings, if there are any, run here */
    uint32_t model_parts; /* messages that the newest model is; 0: none, or this instance is no trainer or scorer */
    bool has_snapshots, has_transactions;
    lfrec_snapshot_stats snapshots;
    uint64_t committed, aborted; /* transactions */

    bool caught_up; /* every assigned partition was read to the end that it had when it was assigned */
    bool trains;    /* a model is to be expected: trainings are scheduled, here or where a scorer has them from */
    bool training;  /* one is running */
    double last_training, all_trainings; /* seconds that adopted models took */
    double model_age;                    /* seconds since the model was adopted; NAN: no model */
    double started;                      /* when the process did, in seconds since 1970 */
    double resident;                     /* bytes of memory; NAN: not known */
} lfrec_metrics;

/* NULL: ready to serve, which is caught up and with a model (where trainings are scheduled at all). Else what is waited for. */
const char *lfrec_metrics_not_ready(const lfrec_metrics *metrics);

/* topic: the input's, for the label of the lags; library: librdkafka's version. false: no memory. */
bool lfrec_metrics_write(const lfrec_metrics *metrics, const char *topic, const char *library, lfrec_buffer *out);

#endif
