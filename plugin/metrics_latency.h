/* metrics_latency.h - a histogram of seconds with fixed buckets, 0.1 ms to 60 s: how long from reading an event to the acknowledgment of
 * the output it caused. Adding is a dozen comparisons; quantiles are the reader's business. */
#ifndef LFREC_METRICS_LATENCY_H
#define LFREC_METRICS_LATENCY_H

#include <stdint.h>

#define LFREC_LATENCY_BUCKETS 17 /* the last one has no upper bound */

typedef struct lfrec_latency {
    uint64_t bucket[LFREC_LATENCY_BUCKETS]; /* not cumulative */
    uint64_t count;
    double sum; /* seconds */
} lfrec_latency;

/* Upper bounds in seconds, inclusive; one fewer than there are buckets. */
static const double lfrec_latency_bounds[LFREC_LATENCY_BUCKETS - 1] = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60,
};

static inline void lfrec_latency_add(lfrec_latency *latency, double seconds)
{
    int bucket = 0;
    while (bucket < LFREC_LATENCY_BUCKETS - 1 && seconds > lfrec_latency_bounds[bucket]) {
        bucket++;
    }
    latency->bucket[bucket]++;
    latency->count++;
    latency->sum += seconds;
}

#endif
