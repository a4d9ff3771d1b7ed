/* operator.h - the heart of the stream processor: one event in, recommendations out through a callback.
 *
 * No input or output, no Kafka, no clock and no thread of its own: its faces (the daemon, the pipe, the interceptor) bring those.
 * An operator belongs to one thread. The one exception is lfrec_job_run, which touches nothing but its job and may run in any thread
 * while the operator goes on learning; that is how ingestion never waits for a training. */
#ifndef LFREC_OPERATOR_H
#define LFREC_OPERATOR_H

#include "event.h"

struct lfrec_buffer;
typedef struct lfrec_operator lfrec_operator; /* opaque */
typedef struct lfrec_job lfrec_job; /* one training: a frozen copy of the ratings, then the model made from it */

#define LFREC_OPERATOR_ERROR_MAX 256u /* bytes for an error text, NUL included */

/* From lfrec_operator_options_for; change any field after that. */
typedef struct lfrec_operator_options {
    uint32_t factors; /* K of the model that predicts ratings, 1 .. 1024; fewer are used while there are fewer items */
    uint32_t ranking; /* K of the model that orders lists, likewise; 0: none, lists are in the order of predicted ratings */
    uint32_t top_n; /* length of a list, 1 .. 100,000 */
    uint32_t reasons; /* most reasons per recommended item, 0 .. 100,000; 0: none. top_n * reasons is at most 10,000,000. */
    uint32_t min_support;      /* an item with fewer ratings is not recommended; 0 switches the floor off */
    uint32_t epochs;           /* of a training on few ratings, at least 1; a million ratings get an eighth of that */
    float scale_min;           /* lowest legal rating */
    float scale_max;           /* highest legal rating, above scale_min; both within +-32768 */
    float item_shrink;         /* ratings' worth of the overall mean in every item mean, >= 0; 0: raw means */
    float user_shrink;         /* ratings' worth of 0 in every user mean, >= 0 */
    float learning_rate_scale; /* multiplies the library's own learning rate, > 0 */
    uint32_t most_users; /* with ratings; a further one makes the one leave, unpublished, whose latest event is the oldest. 0: no ceiling */
    uint32_t most_items; /* ratings of a further one are refused. 0: no ceiling */
    bool lists_ahead; /* a training makes everybody's list, 8 * top_n bytes each and 128 MB at most, so that little is left to do to publish it */
    uint32_t threads; /* that a training is shared out for, 1 .. 256: whoever runs it may lend them, and need not (lfrec_job_lend) */
    uint64_t seed; /* same seed, same threads, same events, same trainings at the same events: same lists */
} lfrec_operator_options;

/* Called for every list that is new or changed, in the operator's thread, from within learn or republish. Returns false to say "not now"
 * (a full queue): the user stays marked and is offered again by lfrec_operator_republish. What the recommendation points to is valid
 * during the call; the callback must not call the operator it came from. */
typedef bool lfrec_publish(void *context, const lfrec_recommendation *recommendation);

typedef struct lfrec_operator_stats {
    uint64_t events; /* legal ones, whether they changed anything or not; the sum of the next three */
    uint64_t rates, retracts, forgets;
    uint64_t published;             /* lists handed to the callback and taken by it */
    uint64_t unchanged;             /* lists not published because they were what the user already had */
    uint64_t retrains;              /* models adopted */
    uint64_t evicted;               /* users who made way for others: options.most_users */
    uint64_t failed_retrains;       /* diverged, or no memory; a cancelled training is neither adopted nor failed */
    uint64_t users, items, ratings; /* now: users with a rating, items ever seen, ratings */
    uint64_t stale_users;           /* waiting to be published again */
    uint64_t model_version;
    uint64_t predicted; /* ratings predicted before they were learned (prequential), since the start */
    double rmse;        /* prequential RMSE over all of those; NAN while there are none */
    double recent_rmse; /* the same over an exponential window of about 10,000 ratings */
    double means_rmse;  /* what the running means alone would have had, on the same ratings */
} lfrec_operator_stats;

/* The defaults for a scale and a number of factors. No field is checked before open. */
lfrec_operator_options lfrec_operator_options_for(uint32_t factors, float scale_min, float scale_max);

/* false: *error says what is wrong with the options, or that memory ran out. */
bool lfrec_operator_open(lfrec_operator **out, const lfrec_operator_options *options, lfrec_publish *publish,
                         void *context, char error[LFREC_OPERATOR_ERROR_MAX]);
/* From now on `evicted` is called, with the context of publish, for every user who makes way for others (options.most_users). */
void lfrec_operator_tell_evicted(lfrec_operator *op, void (*evicted)(void *context, lfrec_id user, uint32_t slot));
void lfrec_operator_close(lfrec_operator *op); /* NULL is allowed. A job that is still there outlives it, to be freed by its holder. */

typedef enum lfrec_learned {
    LFREC_LEARNED,   /* state changed */
    LFREC_UNCHANGED, /* the event said what was known already (a repeated rating, a retraction of nothing) */
    LFREC_REFUSED,   /* the event is not legal (off the scale, empty id), or its item one too many: state as before */
    LFREC_OUT_OF_MEMORY /* state as before */
} lfrec_learned;

/* Learn one event that came from `partition` (0 where there are none). The user's list is refreshed and published when `publish_now`,
 * else the user is marked stale and republish brings the list later (catching up at start, or under load). An event that changes
 * nothing refreshes nothing.
 *
 * - A list is published when its items, their order, or a score by 0.01 or more differ from what was published for the user last;
 *   a list that is empty for want of candidates is a list.
 * - A user whose last rating is taken back is forgotten: published as such, and gone.
 * - Forgetting is published for unknown users too: an earlier run may have left a list of theirs behind. It returns LFREC_UNCHANGED.
 * - A rating is predicted before it is learned when its pair has no rating: a repeated event, or a changed opinion, is no fresh
 *   prediction. The very first rating of all is not predicted either.
 * - What a rating teaches besides, for predictions until the next training (forecast.h), it teaches when its pair had no rating: the same log
 *   delivered twice leaves the same state.
 * - An item that came after the training is predicted by the means alone until the next one, and stands behind those the ranker knows. */
lfrec_learned lfrec_operator_learn(lfrec_operator *op, const lfrec_event *event, int32_t partition, bool publish_now);

/* Publish up to `most` stale users' lists; returns how many users are still stale. Stops early when the callback says "not now". */
size_t lfrec_operator_republish(lfrec_operator *op, size_t most);

/* The users whose latest rating came from this partition leave, unpublished: another instance owns them now. Their items stay, with the
 * ratings of those who stay. O(users). */
void lfrec_operator_drop_partition(lfrec_operator *op, int32_t partition);

/* Users for whom keep says false leave, unpublished; their items stay. O(users). */
void lfrec_operator_keep_users(lfrec_operator *op, bool (*keep)(void *context, lfrec_id user), void *context);

/* The list of one user now, through `publish` (not the operator's own callback), whether it changed or not; the user's state does not
 * change. false: a user without ratings. */
bool lfrec_operator_top(lfrec_operator *op, lfrec_id user, lfrec_publish *publish, void *context);

typedef enum lfrec_looked { LFREC_LOOKED, LFREC_LOOK_UNKNOWN, LFREC_LOOK_NO_MEMORY } lfrec_looked;

/* The same with up to `reasons` reasons per item, whatever the options say: for somebody who asks why. UNKNOWN: a user without ratings. */
lfrec_looked lfrec_operator_look(lfrec_operator *op, lfrec_id id, uint32_t reasons, lfrec_publish *publish, void *context);

/* The number that recommendations have for the user; UINT32_MAX: no such user. */
uint32_t lfrec_operator_slot_of(const lfrec_operator *op, lfrec_id id);

/* One rating of a history; returns false to see no more of them. */
typedef bool lfrec_rated(void *context, lfrec_id item, float rating);

/* What the user rated, in the order in which the items were first seen; returns how many ratings there are, 0 for an unknown user. */
size_t lfrec_operator_history(const lfrec_operator *op, lfrec_id id, lfrec_rated *each, void *context);

/* Lists. One model predicts ratings, another orders lists: what people go on to choose is not what they would rate highest. Both are
 * trained on the same ratings and swapped together. Until the first training, and for a user who has rated nothing that the second one
 * knows, lists are in the order of predicted ratings; the score beside an item is the predicted rating always, and the reasons are its.
 * What a training leads to be published shows the ratings predicted as the training began, to users whose own ratings have not changed since
 * (options.lists_ahead, and no reasons). Others, and whoever asks, get them as they are now.
 *
 * Training in three steps. begin copies the ratings (NULL: a job is under way, too few to train on, or no memory): ingestion waits for that
 * copy, some milliseconds for a million ratings, and for nothing else. run trains, in any thread. adopt swaps the model in whole, marks
 * every user stale and frees the job, whatever comes of it: true; or false with the reason, and the old model serves on. A failed
 * training (divergence) is counted, a cancelled one is not. A job that is not adopted is given to lfrec_job_free, by the
 * operator's thread. One job at a time. */
lfrec_job *lfrec_operator_retrain_begin(lfrec_operator *op);
void lfrec_job_run(lfrec_job *job);
void lfrec_job_cancel(lfrec_job *job); /* from any thread: run returns within about one epoch */
bool lfrec_operator_retrain_adopt(lfrec_operator *op, lfrec_job *job, char error[LFREC_OPERATOR_ERROR_MAX]);
void lfrec_job_free(lfrec_job *job);

/* The model as bytes that any other operator can read: the items' ids, then the header's own format. Appended to the buffer. false: no
 * memory, or there is no model yet. */
bool lfrec_operator_write_model(const lfrec_operator *op, struct lfrec_buffer *buffer);
/* Another operator's model in place of the own, under its version there; every user becomes stale. From then on the means are that model's,
 * too, not those of the own events: they come from all users, not from a part of them. false: *error says why, and nothing changed (but
 * for items that are known now). */
bool lfrec_operator_read_model(lfrec_operator *op, const void *bytes, size_t length, uint64_t version,
                               char error[LFREC_OPERATOR_ERROR_MAX]);

lfrec_operator_stats lfrec_operator_stats_of(const lfrec_operator *op);

#endif
