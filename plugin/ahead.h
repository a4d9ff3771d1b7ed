/* ahead.h - lists that a training makes, with its own models, so that whoever publishes everybody's new list afterwards finds most of them
 * done. Part of the operator's trainings. */
#ifndef LFREC_AHEAD_H
#define LFREC_AHEAD_H

#include "../lfrec.h"
#include "forecast.h"

#include <stdatomic.h>

/* All zero: none. The items of users whose ratings have not changed since the training began, as long as no item that it knew of has
 * crossed the support floor, are what its ranker lists now. The predicted ratings are what they were when it began. */
typedef struct lfrec_ahead {
    lfrec_scored *listed; /* slots x top_n, each list best first; item LFREC_NO_INDEX in front: none */
    uint32_t slots;       /* users' */
    uint32_t top_n, min_support;
    uint32_t training;  /* its number: see lfrec_outbox_user.changed */
    uint64_t crossings; /* of the operator when it began */
} lfrec_ahead;

#define LFREC_AHEAD_MOST 16777216u /* slots x top_n: 128 MB */

/* What the lists are made of; all borrowed. Of users, those with ratings, in their order there. */
typedef struct lfrec_ahead_source {
    const lfrec_ratings *ratings;
    const lfrec_model *model, *ranker; /* as trained on them; room for more items is allowed */
    const lfrec_forecaster *forecaster;
    const uint32_t *slot; /* of each user */
    uint32_t threads;     /* and who lends them: as in lfrec_options */
    lfrec_parallel *parallel;
    void *parallel_context;
    const atomic_bool *cancel; /* set: no more lists */
} lfrec_ahead_source;

/* Makes the lists that ahead asks for with all but `listed`. Without memory there are none, or fewer; the same when canceled. */
void lfrec_ahead_make(lfrec_ahead *ahead, const lfrec_ahead_source *source);
void lfrec_ahead_free(lfrec_ahead *ahead);

#endif
