/* operator.h - the heart of the stream processor: one event in, recommendations out through a callback.
 *
 * No input or output, no Kafka, no clock and no thread of its own: its faces (the daemon, the pipe, the interceptor) bring those.
 * An operator belongs to one thread. The one exception is lfrec_job_run, which touches nothing but its job and may run in any thread
 * while the operator goes on learning; that is how ingestion never waits for a training. */
#ifndef LFREC_OPERATOR_H
#define LFREC_OPERATOR_H

#include "event.h"

typedef struct lfrec_operator lfrec_operator; /* opaque */
typedef struct lfrec_job lfrec_job;           /* one training: a frozen copy of the ratings, then the model made from it */

#define LFREC_OPERATOR_ERROR_MAX 256u /* bytes for an error text, NUL included */

typedef struct lfrec_operator_options {
    uint32_t factors;        /* K, at least 1; fewer are used while there are fewer items */
    uint32_t top_n;          /* length of a list, at least 1 */
    uint32_t reasons;        /* reasons per recommended item; 0: none */
    uint32_t min_support;    /* an item with fewer ratings is not recommended; 0 switches the floor off */
    uint32_t epochs;         /* most epochs of one training */
    float scale_min;         /* lowest legal rating */
    float scale_max;         /* highest legal rating, above scale_min */
    uint64_t seed;           /* same seed, same events, same trainings: same lists */
} lfrec_operator_options;

/* Called for every list that is new or changed, in the operator's thread, from within learn, republish or flush. Returns false to
 * say "not now" (a full queue): the user stays marked and is offered again by lfrec_operator_republish. */
typedef bool lfrec_publish(void *context, const lfrec_recommendation *recommendation);

typedef struct lfrec_operator_stats {
    uint64_t events;        /* learned, all kinds */
    uint64_t rates, retracts, forgets;
    uint64_t published;     /* lists handed to the callback and taken by it */
    uint64_t unchanged;     /* lists not published because they were what the user already had */
    uint64_t retrains;      /* models adopted */
    uint64_t failed_retrains;
    uint64_t users, items, ratings; /* now */
    uint64_t stale_users;   /* waiting to be published again */
    uint64_t model_version;
    uint64_t predicted;     /* ratings predicted before they were learned (prequential), since the start */
    double rmse;            /* prequential RMSE over all of those; NAN while there are none */
    double recent_rmse;     /* the same over an exponential window of about 10,000 ratings */
    double means_rmse;      /* what the running means alone would have had, on the same ratings */
} lfrec_operator_stats;

/* The defaults for a scale and a number of factors. */
lfrec_operator_options lfrec_operator_options_for(uint32_t factors, float scale_min, float scale_max);

/* false: *error says what is wrong with the options, or that memory ran out. */
bool lfrec_operator_open(lfrec_operator **out, const lfrec_operator_options *options, lfrec_publish *publish, void *context,
                         char error[LFREC_OPERATOR_ERROR_MAX]);
void lfrec_operator_close(lfrec_operator *op); /* NULL is allowed */

typedef enum lfrec_learned {
    LFREC_LEARNED,      /* state changed */
    LFREC_UNCHANGED,    /* the event said what was known already (a repeated rating, a retraction of nothing) */
    LFREC_REFUSED,      /* the event is not legal (off the scale, empty id): state as before */
    LFREC_OUT_OF_MEMORY /* state as before */
} lfrec_learned;

/* Learn one event that came from `partition` (0 where there are none). The user's list is refreshed and published when `publish_now`,
 * else the user is marked stale and republish brings the list later (catching up at start, or under load). */
lfrec_learned lfrec_operator_learn(lfrec_operator *op, const lfrec_event *event, int32_t partition, bool publish_now);

/* Publish up to `most` stale users' lists; returns how many users are still stale. Stops early when the callback says "not now". */
size_t lfrec_operator_republish(lfrec_operator *op, size_t most);

/* The users whose events came from this partition leave, unpublished: another instance owns them now. */
void lfrec_operator_drop_partition(lfrec_operator *op, int32_t partition);

/* The list of one user now, through `publish` (not the operator's own callback), whether it changed or not. false: unknown user. */
bool lfrec_operator_top(lfrec_operator *op, lfrec_id user, lfrec_publish *publish, void *context);

/* Training in three steps. begin copies the ratings (NULL: too few to train on, or no memory); run trains, in any thread; adopt swaps
 * the model in whole, marks every user stale and frees the job. A failed training (divergence) leaves the old model in place, is
 * counted, and adopt returns false with the reason. One job at a time. A job that is not adopted is given to lfrec_job_free. */
lfrec_job *lfrec_operator_retrain_begin(lfrec_operator *op);
void lfrec_job_run(lfrec_job *job);
void lfrec_job_cancel(lfrec_job *job); /* from any thread: run returns within about one epoch */
bool lfrec_operator_retrain_adopt(lfrec_operator *op, lfrec_job *job, char error[LFREC_OPERATOR_ERROR_MAX]);
void lfrec_job_free(lfrec_job *job);

lfrec_operator_stats lfrec_operator_stats_of(const lfrec_operator *op);

#endif
