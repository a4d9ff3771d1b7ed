/* metrics_series.h - figures over time for the page: as many points as fit, at equal distances. A series either keeps the newest points,
 * or, folding, keeps the whole run: when it is full every second point goes and the distance doubles. */
#ifndef LFREC_METRICS_SERIES_H
#define LFREC_METRICS_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LFREC_SERIES_POINTS 300 /* even */

typedef struct lfrec_point {
    double time;     /* seconds since 1970 */
    uint64_t events; /* read so far: a rate is the difference of two points */
    int64_t lag;     /* -1: not known */
    double rmse;     /* recent; NAN: nothing predicted yet */
} lfrec_point;

/* All zero but for period_ms and folds: an empty series. */
typedef struct lfrec_series {
    int64_t period_ms; /* between two points, at least */
    bool folds;
    int64_t last_ms; /* clock of the last point */
    size_t count;
    lfrec_point point[LFREC_SERIES_POINTS]; /* oldest first */
} lfrec_series;

/* Adds a point unless the last one is too near. now_ms: a clock that only moves forward. */
void lfrec_series_add(lfrec_series *series, int64_t now_ms, const lfrec_point *point);

#endif
