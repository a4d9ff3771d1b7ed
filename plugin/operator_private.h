/* operator_private.h - what the parts of the operator share: operator.c learns and opens, operator_models.c keeps and trains the models,
 * operator_lists.c makes and publishes lists, operator_state.c brings a saved state back. */
#ifndef LFREC_OPERATOR_PRIVATE_H
#define LFREC_OPERATOR_PRIVATE_H

#include "../lfrec.h"
#include "forecast.h"
#include "idle.h"
#include "job.h"
#include "lister.h"
#include "operator.h"
#include "outbox.h"
#include "prequential.h"
#include "ratings.h"

#define LFREC_OP_MOST_LISTED 100000u    /* top_n, reasons */
#define LFREC_OP_MOST_REASONS 10000000u /* top_n * reasons: 120 MB of scratch */

struct lfrec_operator {
    lfrec_operator_options options;
    lfrec_publish *publish;
    void (*tell_evicted)(void *context, lfrec_id user, uint32_t slot); /* NULL: nobody wants to know */
    void *context;

    lfrec_store *store;
    lfrec_outbox outbox;
    lfrec_idle idle; /* every user of the store */
    /* Means and models have room for the same number of items, at least the store's. Items from the store's number up have no ratings and
     * are shown to nobody: see lfrec_op_view. */
    lfrec_means means;
    lfrec_model model;  /* predicts ratings */
    lfrec_model ranker; /* orders lists; all zero until there is one */
    uint64_t version;   /* of both; 0: the means alone */
    bool follows;       /* the models are another operator's, and so are the means in them */
    uint64_t changes;   /* of ratings since all of the models' means were brought up to date */
    uint64_t trainings;
    lfrec_job *job; /* begun and neither adopted nor freed; not owned */
    lfrec_ahead ahead;
    uint32_t trained_items; /* of the latest training */
    uint64_t crossings;     /* of the support floor, in either direction, by items that a training may have known */

    lfrec_forecaster forecaster;
    lfrec_prequential error;
    uint64_t rates, retracts, forgets, published, unchanged, retrains, failed_retrains, evicted;

    /* Scratch. */
    float *factors;                /* of a user of the model: lfrec_user_floats */
    lfrec_lister lister;           /* by the ranker */
    lfrec_user listed_user;        /* whom op->scored is for, folded in into op->factors */
    float listed_weight;           /* of the model in op->listed_user's scores */
    lfrec_scored *scored;          /* top_n */
    lfrec_recommended *listed;     /* top_n */
    lfrec_reason *reasons;         /* options.reasons */
    lfrec_reason_out *reasons_out; /* top_n * options.reasons */
};

/* ---- operator.c ---- */

bool lfrec_op_is_id(lfrec_id id);
bool lfrec_op_reserve_user(lfrec_operator *op); /* room for one user more than there are; false: no memory */
void lfrec_op_forget_user(lfrec_operator *op, uint32_t user); /* who has no ratings any more, and is new from here on */

void lfrec_op_keep_to_ceiling(lfrec_operator *op, uint32_t more); /* makes way for so many users more */

/* ---- operator_models.c ---- */

/* The library's options for a model with room for `items` of `factors` factors. */
lfrec_options lfrec_op_model_options(const lfrec_operator *op, lfrec_setting setting, uint32_t items, uint32_t factors);
bool lfrec_op_has_ranker(const lfrec_operator *op);
/* A model as it is to be read: with as many items as the store knows. Borrowed, for functions that only read. */
lfrec_model lfrec_op_view(const lfrec_operator *op, const lfrec_model *model);
/* A model with the operator's room and another's content. */
lfrec_status lfrec_op_copy_into_room(const lfrec_operator *op, const lfrec_model *from, uint32_t room, lfrec_model *to);
bool lfrec_op_make_room_for_item(lfrec_operator *op);  /* for one more than there are; false: no memory */
bool lfrec_op_may_know_item(const lfrec_operator *op); /* one more: options.most_items */
void lfrec_op_refresh_means(lfrec_operator *op);
void lfrec_op_refresh_mean(lfrec_operator *op, uint32_t item);
void lfrec_op_touch_all(lfrec_operator *op); /* nobody's list is what it was */
/* What a model must be for this operator to serve from it; its items are another matter. ranker: it orders lists. NULL: it fits. */
const char *lfrec_op_misfit(const lfrec_operator *op, const lfrec_model *model, bool ranker);
/* The lists made by the models' training in place of those there are, taken over from where they are; NULL: none. */
void lfrec_op_take_lists(lfrec_operator *op, lfrec_ahead *ahead);
/* Models with the operator's room in place of its own; ranker: no items for none. Takes them over in any case. */
lfrec_status lfrec_op_take_over(lfrec_operator *op, lfrec_model *model, lfrec_model *ranker);

/* ---- operator_lists.c ---- */

/* Makes the user's list and publishes it if it is news. false: the callback said "not now". The user waits then, or not, as before. */
bool lfrec_op_refresh(lfrec_operator *op, uint32_t user);

#endif
