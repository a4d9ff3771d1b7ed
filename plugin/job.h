/* job.h - one training: a frozen copy of the ratings, the models made from it, and how it went. Part of the operator; its public half
 * (run, cancel, free) is in operator.h. */
#ifndef LFREC_JOB_H
#define LFREC_JOB_H

#include "../lfrec.h"
#include "ahead.h"
#include "operator.h"
#include "ratings.h"

#include <stdatomic.h>

typedef enum lfrec_job_state {
    LFREC_JOB_READY, /* not run yet */
    LFREC_JOB_TRAINED,
    LFREC_JOB_CANCELLED,
    LFREC_JOB_FAILED
} lfrec_job_state;

/* A weight or offset beyond this is a divergence that happens to be finite. Within it no score overflows: with 1024 factors, 2^32 ratings in a
 * history and ratings of 32768, |F . h| < 2^10 * 1e7 * (2^32 * 2^16 * 1e7) < 3e31, and a float reaches 3e38. */
#define LFREC_JOB_MAX_WEIGHT 1e7f

/* Whether all of a model's numbers are within that. */
bool lfrec_job_is_sane(const lfrec_model *model);

struct lfrec_job {
    lfrec_job **owner;     /* where the operator remembers its job, cleared by free; NULL once the operator is closed */
    lfrec_options options; /* items: those of the ratings; threads of all that is shared out */
    uint32_t room;         /* items the model is to have room for, at least options.items */
    lfrec_ratings ratings; /* into the arrays below */
    size_t *row_start;
    uint32_t *item;
    float *value;
    lfrec_model model;             /* room items; all zero until trained */
    lfrec_options ranking_options; /* items and seed as in options; factors 0: no ranker */
    lfrec_model ranker;            /* likewise; orders lists */
    uint32_t *slot;                /* of each user of the ratings; NULL: no lists are wanted */
    lfrec_forecaster forecaster; /* for them, as it was when the ratings were copied; its users are those of the ratings */
    lfrec_ahead ahead;           /* the lists, once it has run */
    lfrec_job_state state;
    char error[LFREC_OPERATOR_ERROR_MAX]; /* of LFREC_JOB_FAILED */
    atomic_bool cancel;
};

/* Copies the store's ratings. options->items is the store's; ranking: NULL for no ranker. NULL: no memory. */
lfrec_job *lfrec_job_new(const lfrec_store *store, const lfrec_options *options, const lfrec_options *ranking, uint32_t room);
/* Who does the parts of what options.threads share out; else the thread that runs the job does. Before it runs. */
void lfrec_job_lend(lfrec_job *job, lfrec_parallel *parallel, void *context);

#endif
