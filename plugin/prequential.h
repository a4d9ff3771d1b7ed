/* prequential.h - the error as it goes: every rating is predicted before it is learned (Dawid 1984), by the model and by the means alone. */
#ifndef LFREC_PREQUENTIAL_H
#define LFREC_PREQUENTIAL_H

#include <math.h>
#include <stdint.h>

#define LFREC_RECENT 10000.0 /* ratings in the exponential window: one that old weighs 1/e */

/* All zero: nothing predicted. */
typedef struct lfrec_prequential {
    uint64_t count;
    double model, means;          /* sums of squared errors */
    double recent, recent_weight; /* the model's, exponentially weighted, and the weights' sum */
} lfrec_prequential;

static inline void lfrec_prequential_add(lfrec_prequential *error, float predicted, float by_means, float rating)
{
    double e = (double)predicted - (double)rating, m = (double)by_means - (double)rating;
    ++error->count;
    error->model += e * e;
    error->means += m * m;
    error->recent += e * e - error->recent / LFREC_RECENT;
    error->recent_weight += 1 - error->recent_weight / LFREC_RECENT;
}

/* NAN while nothing was predicted. */
static inline double lfrec_prequential_rmse(double sum, double count)
{
    return count > 0 ? sqrt(sum / count) : (double)NAN;
}

#endif
