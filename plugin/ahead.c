#include "ahead.h"
#include "lister.h"
#include "ratings.h"

#include <stdlib.h>

#define PARTS 4u /* for each thread, so that none waits long for the last */

/* The work that parts share: each has users and lists of its own. */
struct making {
    const lfrec_ahead_source *from;
    lfrec_ahead *ahead;
    lfrec_model model, ranker; /* of the items of the ratings */
    size_t parts;
};

/* A part's own. */
struct maker {
    const struct making *all;
    lfrec_lister lister;
    uint32_t user[LFREC_LISTER_USERS]; /* of the lister */
    float *factors;                    /* of a user of the model */
};

/* The predicted ratings beside the items. Only a list that is whole stays what it is when more items come: their rows in the ranker are 0,
 * and so are their scores. */
static void keep_list(const struct maker *maker, uint32_t user, const lfrec_listing *listing)
{
    const lfrec_ahead_source *from = maker->all->from;
    const lfrec_model *model = &maker->all->model;
    const uint32_t top_n = maker->lister.top_n;
    const lfrec_history history = lfrec_history_of(from->ratings, user);
    lfrec_user folded = {.factors = maker->factors};
    lfrec_scored *list = maker->all->ahead->listed + (size_t)from->slot[user] * top_n;
    bool whole = listing->found == top_n && listing->list[top_n - 1].score > 0;
    whole = whole && lfrec_forecast_user(from->forecaster, model, user, &history, &folded, NULL) == LFREC_OK;
    for (uint32_t n = 0; n < top_n && whole; ++n) {
        list[n].item = listing->list[n].item;
        whole = lfrec_predict(model, &folded, list[n].item, &list[n].score) == LFREC_OK;
    }
    if (!whole) {
        list->item = LFREC_NO_INDEX;
    }
}

static void keep_lists(struct maker *maker)
{
    if (lfrec_lister_run(&maker->lister, &maker->all->ranker)) {
        for (uint32_t k = 0; k < maker->lister.count; ++k) {
            keep_list(maker, maker->user[k], &maker->lister.listing[k]);
        }
    }
    maker->lister.count = 0;
}

static bool canceled(const struct making *all)
{
    return atomic_load_explicit(all->from->cancel, memory_order_relaxed);
}

/* An lfrec_task. */
static void make_part(void *work, size_t part)
{
    const struct making *all = work;
    const lfrec_ratings *ratings = all->from->ratings;
    struct maker maker = {.all = all, .factors = malloc(lfrec_user_floats(&all->model) * sizeof(float))};
    lfrec_lister *lister = &maker.lister;
    const uint32_t first = (uint32_t)((uint64_t)ratings->users * part / all->parts);
    uint32_t last = (uint32_t)((uint64_t)ratings->users * (part + 1) / all->parts);
    if (!maker.factors || !lfrec_lister_open(lister, all->ahead->top_n, all->ahead->min_support) ||
        !lfrec_lister_fit(lister, &all->ranker)) {
        last = first;
    }
    for (uint32_t user = first; user < last && !canceled(all); ++user) {
        const lfrec_history history = lfrec_history_of(ratings, user);
        maker.user[lister->count] = user;
        if (lfrec_lister_add(lister, &all->ranker, &history) && lister->count == lister->users) {
            keep_lists(&maker);
        }
    }
    if (lister->count > 0) {
        keep_lists(&maker);
    }
    lfrec_lister_close(lister);
    free(maker.factors);
}

void lfrec_ahead_make(lfrec_ahead *ahead, const lfrec_ahead_source *source)
{
    const size_t lists = ahead->slots, top_n = ahead->top_n;
    struct making all = {.from = source, .ahead = ahead, .model = *source->model, .ranker = *source->ranker};
    all.model.items = all.ranker.items = source->ratings->items;
    all.parts = source->threads > 1 ? PARTS * source->threads : 1;
    ahead->listed = malloc(lists * top_n * sizeof *ahead->listed);
    if (!ahead->listed) {
        return;
    }
    for (size_t k = 0; k < lists; ++k) {
        ahead->listed[k * top_n].item = LFREC_NO_INDEX;
    }
    if (all.parts > 1 && source->parallel) {
        source->parallel(source->parallel_context, all.parts, make_part, &all);
        return;
    }
    for (size_t part = 0; part < all.parts; ++part) {
        make_part(&all, part);
    }
}

void lfrec_ahead_free(lfrec_ahead *ahead)
{
    free(ahead->listed);
    *ahead = (lfrec_ahead){0};
}
