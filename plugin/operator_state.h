/* operator_state.h - the operator's state as a whole, for whoever writes it down and brings it back: the second half of operator.h.
 *
 * State is the ratings, the models, what moves their word between trainings, and per user what was published last. Means are the exact sums of the ratings and come back with
 * them. What comes back comes before anything is learned of the same partition. */
#ifndef LFREC_OPERATOR_STATE_H
#define LFREC_OPERATOR_STATE_H

#include "../lfrec.h"
#include "forecast.h"
#include "operator.h"
#include "prequential.h"
#include "ratings.h"

/* Borrowed from the operator until it is called again. */
typedef struct lfrec_operator_state {
    const lfrec_store *store;
    const lfrec_means *means; /* at least as many items as the store has; those behind are empty */
    lfrec_model model;        /* a view, of the store's items */
    lfrec_model ranker;       /* likewise; no items: there is none */
    uint64_t version;         /* of both; 0: the means alone */
    lfrec_blend blend;
    uint64_t trainings; /* begun: each takes a seed of its own */
    lfrec_prequential error;
} lfrec_operator_state;

lfrec_operator_state lfrec_operator_state_of(const lfrec_operator *op);
/* The fingerprint of the list that was published last, 0: none; and whether the user waits for a list. Of a user that is there. */
uint64_t lfrec_operator_published(const lfrec_operator *op, uint32_t user);
bool lfrec_operator_waits(const lfrec_operator *op, uint32_t user);
lfrec_drift lfrec_operator_drift(const lfrec_operator *op, uint32_t user);

/* All users in the order of their latest events; bring them back in this order. false: there is none, or no more. */
bool lfrec_operator_oldest(const lfrec_operator *op, uint32_t *user);
bool lfrec_operator_newer(const lfrec_operator *op, uint32_t *user);

/* What comes back of a state but the users. The models have just these items, or all zero: none; they are the operator's from the call
 * on, whatever comes of it. */
typedef struct lfrec_operator_saved {
    const lfrec_id *items; /* count */
    uint32_t count;
    lfrec_model model, ranker;
    uint64_t version, trainings;
    lfrec_prequential error;
    lfrec_blend blend;
} lfrec_operator_saved;

/* Only while the operator knows no items: these items, in this order. false: error says why the models cannot serve; the items are there,
 * unless they are more than options.most_items. */
bool lfrec_operator_restore_model(lfrec_operator *op, lfrec_operator_saved *saved, char error[LFREC_OPERATOR_ERROR_MAX]);

/* The models that came back are another operator's, as after lfrec_operator_read_model. Before any user comes back. */
void lfrec_operator_follow(lfrec_operator *op);

/* A user of a partition: sets ratings one by one; finish sets what was published. false: no memory, a rating off the scale, or an item too many. */
bool lfrec_operator_restore_rating(lfrec_operator *op, lfrec_id user, lfrec_id item, float rating, int32_t partition);
/* published 0 or waits: the user is to be published. */
bool lfrec_operator_restore_user(lfrec_operator *op, lfrec_id user, int32_t partition, uint64_t published, bool waits,
                                 const lfrec_drift *drift);
/* Whatever the user waited for is out already, from an earlier life: waits no more, and one without ratings is gone. fingerprint: of that list, 0:
 * not known. */
void lfrec_operator_settled(lfrec_operator *op, lfrec_id id, uint64_t fingerprint);
/* A user who came back of a state has this list, of a model of that version, since: an older model's is waited for no more. */
void lfrec_operator_has_list(lfrec_operator *op, lfrec_id id, uint64_t fingerprint, uint64_t version);
/* Where the user's latest event came from; -1: no such user. */
int32_t lfrec_operator_partition_of(const lfrec_operator *op, lfrec_id id);
/* After the last user: all means anew, and no more users than options.most_users. */
void lfrec_operator_restored(lfrec_operator *op);

#endif
