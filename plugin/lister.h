/* lister.h - lists of several users at a time, in the order of a model that ranks. Part of the operator and of its trainings: whoever has a
 * lister uses it alone. */
#ifndef LFREC_LISTER_H
#define LFREC_LISTER_H

#include "../lfrec.h"

#include <stdbool.h>

#define LFREC_LISTER_USERS 64u

/* All zero is a closed one. */
typedef struct lfrec_lister {
    uint32_t users; /* room, 1 .. LFREC_LISTER_USERS: fewer at a time where lists are long */
    uint32_t count; /* added; the caller sets it back to 0 */
    uint32_t top_n, min_support;
    size_t floats;                  /* of a user of the model */
    float *factors;                 /* users x floats */
    lfrec_scored *scored;           /* users x top_n */
    lfrec_listing *listing;         /* users; those added */
    struct lfrec_lister_user *user; /* users; what listings point to */
} lfrec_lister;

bool lfrec_lister_open(lfrec_lister *lister, uint32_t top_n, uint32_t min_support); /* false: no memory */
void lfrec_lister_close(lfrec_lister *lister);
bool lfrec_lister_fit(lfrec_lister *lister, const lfrec_model *ranker); /* before the model is used. false: no memory */

/* Folds a user in as the next listing. The history is borrowed until run. false: the model knows nothing that the user has rated, and all
 * items are alike to it; nothing was added. */
bool lfrec_lister_add(lfrec_lister *lister, const lfrec_model *ranker, const lfrec_history *history);
/* Makes the lists of those added; without their histories' items. false, and no lists: the model or a history is none. */
bool lfrec_lister_run(lfrec_lister *lister, const lfrec_model *ranker);

#endif
