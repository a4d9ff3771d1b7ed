/* drift.h - how far a user's ratings of late lie above or below what the model says of them.
 *
 * A Kalman filter (Kalman 1960) with two parts, taken as independent: a slow one, a random walk, for standards that change over a user's
 * life; and a fast one, which fades from rating to rating, for the mood of a sitting. It steps with the user's ratings, not with
 * the clock: timestamps are not to be trusted. Variances are in units of the model's own, whatever the rating scale. */
#ifndef LFREC_DRIFT_H
#define LFREC_DRIFT_H

#define LFREC_DRIFT_WALK 0.001f  /* variance that the slow part gains with every rating */
#define LFREC_DRIFT_WALKED 0.2f  /* the most it may have */
#define LFREC_DRIFT_KEPT 0.85f   /* of the fast part, from one rating to the next */
#define LFREC_DRIFT_SPREAD 0.05f /* the fast part's variance when nothing is known */

/* All zero: a user without ratings, whose level is what the model says. */
typedef struct lfrec_drift {
    float slow, fast; /* in ratings */
    float slow_variance, fast_variance;
} lfrec_drift;

/* What is known of the user's next rating. `unit`: of variances, in squared ratings. */
static inline lfrec_drift lfrec_drift_ahead(const lfrec_drift *now, float unit)
{
    const float kept = LFREC_DRIFT_KEPT, most = LFREC_DRIFT_WALKED * unit;
    lfrec_drift next = *now;
    next.slow_variance += LFREC_DRIFT_WALK * unit;
    if (next.slow_variance > most) {
        next.slow_variance = most;
    }
    next.fast *= kept;
    next.fast_variance = kept * kept * now->fast_variance + (1 - kept * kept) * LFREC_DRIFT_SPREAD * unit;
    return next;
}

/* `ahead` learns the error, rating - prediction with the drift in it, of a prediction that has this variance without the drift. */
static inline lfrec_drift lfrec_drift_learned(const lfrec_drift *ahead, float error, float variance)
{
    const float total = variance + ahead->slow_variance + ahead->fast_variance;
    const float slow = ahead->slow_variance / total, fast = ahead->fast_variance / total;
    return (lfrec_drift){.slow = ahead->slow + slow * error,
                         .fast = ahead->fast + fast * error,
                         .slow_variance = (1 - slow) * ahead->slow_variance,
                         .fast_variance = (1 - fast) * ahead->fast_variance};
}

#endif
