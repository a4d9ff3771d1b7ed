#include "lister.h"

#include <stdlib.h>

#define MOST_SCORED 65536u /* users x top_n, unless one list alone is longer */

struct lfrec_lister_user {
    lfrec_history history;
    lfrec_query query;
    lfrec_user folded;
};

bool lfrec_lister_open(lfrec_lister *lister, uint32_t top_n, uint32_t min_support)
{
    uint32_t users = MOST_SCORED / top_n;
    users = users < 1 ? 1 : users < LFREC_LISTER_USERS ? users : LFREC_LISTER_USERS;
    *lister = (lfrec_lister){
        .users = users,
        .top_n = top_n,
        .min_support = min_support,
        .scored = calloc((size_t)users * top_n, sizeof *lister->scored),
        .listing = calloc(users, sizeof *lister->listing),
        .user = calloc(users, sizeof *lister->user),
    };
    return lister->scored && lister->listing && lister->user;
}

void lfrec_lister_close(lfrec_lister *lister)
{
    free(lister->factors);
    free(lister->scored);
    free(lister->listing);
    free(lister->user);
    *lister = (lfrec_lister){0};
}

bool lfrec_lister_fit(lfrec_lister *lister, const lfrec_model *ranker)
{
    size_t floats = lfrec_user_floats(ranker);
    float *factors = realloc(lister->factors, lister->users * floats * sizeof *factors);
    if (factors) {
        lister->factors = factors;
        lister->floats = floats;
    }
    return factors != NULL;
}

bool lfrec_lister_add(lfrec_lister *lister, const lfrec_model *ranker, const lfrec_history *history)
{
    struct lfrec_lister_user *user = &lister->user[lister->count];
    user->history = *history;
    user->folded = (lfrec_user){.factors = lister->factors + lister->count * lister->floats};
    bool known = false;
    if (lfrec_fold_in(ranker, &user->history, &user->folded) == LFREC_OK) {
        for (size_t k = 0; k < ranker->factors; ++k) {
            known = known || user->folded.factors[k] > 0 || user->folded.factors[k] < 0;
        }
    }
    if (known) {
        user->query = lfrec_query_for(lister->top_n, &user->history);
        user->query.min_support = lister->min_support;
        lister->listing[lister->count] = (lfrec_listing){
            .user = &user->folded, .query = &user->query, .list = lister->scored + (size_t)lister->count * lister->top_n};
        ++lister->count;
    }
    return known;
}

bool lfrec_lister_run(lfrec_lister *lister, const lfrec_model *ranker)
{
    return lfrec_top_many(ranker, lister->listing, lister->count) == LFREC_OK;
}
