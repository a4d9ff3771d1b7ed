/* operator_lists.c - who is recommended what, and whether that is news. */
#include "fingerprint.h"
#include "operator_private.h"

#include <stdlib.h>
#include <string.h>

#define NOT_RANKED SIZE_MAX

/* The items of a user's list by the ranker, into op->scored; returns how many. */
static size_t take_ranked(lfrec_operator *op, const lfrec_listing *listing)
{
    for (size_t k = 0; k < listing->found; ++k) {
        op->scored[k].item = listing->list[k].item;
    }
    return listing->found;
}

/* The same of one user, or NOT_RANKED. */
static size_t rank_one(lfrec_operator *op, const lfrec_history *history)
{
    lfrec_model ranker = lfrec_op_view(op, &op->ranker);
    op->lister.count = 0;
    bool ranked = lfrec_op_has_ranker(op) && lfrec_lister_add(&op->lister, &ranker, history) &&
                  lfrec_lister_run(&op->lister, &ranker);
    return ranked ? take_ranked(op, &op->lister.listing[0]) : NOT_RANKED;
}

/* The list that the training made; NULL: none, or the ranker may list others now. */
static const lfrec_scored *made_ahead(const lfrec_operator *op, uint32_t user)
{
    const lfrec_ahead *ahead = &op->ahead;
    if (!ahead->listed || user >= ahead->slots || op->outbox.user[user].changed >= ahead->training ||
        op->crossings != ahead->crossings) {
        return NULL;
    }
    const lfrec_scored *list = ahead->listed + (size_t)user * ahead->top_n;
    return list->item != LFREC_NO_INDEX ? list : NULL;
}

/* The user's best items with their predicted ratings, into op->scored, where the items are already when they are `ranked`; returns how
 * many. */
static size_t best_items(lfrec_operator *op, const lfrec_model *view, uint32_t user, const lfrec_history *history, size_t ranked)
{
    size_t found = ranked;
    op->listed_user.factors = op->factors;
    if (view->items == 0 ||
        lfrec_forecast_user(&op->forecaster, view, user, history, &op->listed_user, &op->listed_weight) != LFREC_OK) {
        return 0;
    }
    if (ranked == NOT_RANKED) {
        lfrec_query query = lfrec_query_for(op->options.top_n, history);
        query.min_support = op->options.min_support;
        return lfrec_top(view, &op->listed_user, &query, op->scored, &found) == LFREC_OK ? found : 0;
    }
    lfrec_status status = LFREC_OK;
    for (size_t k = 0; k < found && status == LFREC_OK; ++k) {
        status = lfrec_predict(view, &op->listed_user, op->scored[k].item, &op->scored[k].score);
    }
    return status == LFREC_OK ? found : 0;
}

static float rating_in(const lfrec_history *history, uint32_t item)
{
    size_t first = 0, last = history->count;
    while (last - first > 1) {
        size_t middle = first + (last - first) / 2;
        if (history->item[middle] <= item) {
            first = middle;
        } else {
            last = middle;
        }
    }
    return history->value[first];
}

/* Room for the reasons of a list. */
struct reasons_room {
    uint32_t most;         /* per item; 0: none are looked for */
    lfrec_reason *found;   /* most */
    lfrec_reason_out *out; /* top_n * most */
};

static struct reasons_room published_reasons(const lfrec_operator *op)
{
    return (struct reasons_room){op->options.reasons, op->reasons, op->reasons_out};
}

/* Hands a list of op->scored[0 .. count - 1] to a callback. */
static bool hand_over(lfrec_operator *op, uint32_t user, const lfrec_model *view, const lfrec_history *history,
                      size_t count, const struct reasons_room *room, lfrec_publish *publish, void *context)
{
    for (size_t k = 0; k < count; ++k) {
        lfrec_recommended *listed = &op->listed[k];
        *listed =
            (lfrec_recommended){.item = lfrec_store_item_id(op->store, op->scored[k].item), .score = op->scored[k].score};
        if (room->most == 0) {
            continue;
        }
        lfrec_explanation why = {.reasons = room->found, .room = room->most};
        if (lfrec_explain(view, &op->listed_user, history, op->scored[k].item, &why) != LFREC_OK) {
            why.count = 0;
        }
        lfrec_reason_out *out = room->out + k * room->most;
        for (size_t r = 0; r < why.count; ++r) {
            out[r] = (lfrec_reason_out){.item = lfrec_store_item_id(op->store, room->found[r].item),
                                        .rating = rating_in(history, room->found[r].item),
                                        .share = op->listed_weight * room->found[r].share};
        }
        listed->reasons = out;
        listed->reason_count = why.count;
    }
    lfrec_recommendation recommendation = {.user = lfrec_store_user_id(op->store, user),
                                           .slot = user,
                                           .partition = lfrec_store_partition(op->store, user),
                                           .model_version = op->version,
                                           .rated = history->count,
                                           .items = op->listed,
                                           .count = count};
    return publish(context, &recommendation);
}

static uint64_t fingerprint_of(const lfrec_operator *op, size_t count)
{
    uint64_t fingerprint = LFREC_FINGERPRINT_EMPTY;
    for (size_t k = 0; k < count; ++k) {
        fingerprint = lfrec_fingerprint_add(fingerprint, lfrec_store_item_id(op->store, op->scored[k].item),
                                            (double)op->scored[k].score);
    }
    return fingerprint;
}

static bool publish_goodbye(lfrec_operator *op, uint32_t user)
{
    lfrec_recommendation recommendation = {.user = lfrec_store_user_id(op->store, user),
                                           .slot = user,
                                           .partition = lfrec_store_partition(op->store, user),
                                           .forgotten = true,
                                           .model_version = op->version};
    if (!op->publish(op->context, &recommendation)) {
        return false;
    }
    ++op->published;
    lfrec_op_forget_user(op, user);
    lfrec_store_remove_user(op->store, user);
    return true;
}

/* Publishes op->scored[0 .. count - 1] as the user's list, if that is news; reasons are op->listed_user's. */
static bool publish_list(lfrec_operator *op, uint32_t user, const lfrec_model *view, const lfrec_history *history, size_t count)
{
    const struct reasons_room room = published_reasons(op);
    uint64_t fingerprint = fingerprint_of(op, count);
    if (fingerprint == op->outbox.user[user].published) {
        ++op->unchanged;
    } else if (hand_over(op, user, view, history, count, &room, op->publish, op->context)) {
        ++op->published;
        op->outbox.user[user].published = fingerprint;
    } else {
        return false;
    }
    lfrec_outbox_remove(&op->outbox, user);
    return true;
}

/* The user has ratings; `ranked` as in best_items. */
static bool refresh(lfrec_operator *op, uint32_t user, const lfrec_history *history, size_t ranked)
{
    lfrec_model view = lfrec_op_view(op, &op->model);
    return publish_list(op, user, &view, history, best_items(op, &view, user, history, ranked));
}

/* The same with a list that the training made. Its reasons, if any are wanted, are made here, and then so are its predicted ratings: they
 * add up to these. */
static bool refresh_ahead(lfrec_operator *op, uint32_t user, const lfrec_history *history, const lfrec_scored *list)
{
    memcpy(op->scored, list, op->ahead.top_n * sizeof *list);
    if (op->options.reasons > 0) {
        return refresh(op, user, history, op->ahead.top_n);
    }
    return publish_list(op, user, NULL, history, op->ahead.top_n);
}

bool lfrec_op_refresh(lfrec_operator *op, uint32_t user)
{
    lfrec_history history = lfrec_store_history(op->store, user);
    return history.count == 0 ? publish_goodbye(op, user) : refresh(op, user, &history, rank_one(op, &history));
}

/* Those who wait next, and where their lists are. */
struct batch {
    size_t count;
    uint32_t user[LFREC_LISTER_USERS];
    lfrec_history history[LFREC_LISTER_USERS];
    const lfrec_scored *ahead[LFREC_LISTER_USERS];    /* made by the training, */
    const lfrec_listing *listing[LFREC_LISTER_USERS]; /* or here; both NULL: not ranked */
};

static void rank_batch(lfrec_operator *op, size_t most, struct batch *batch)
{
    lfrec_model ranker = lfrec_op_view(op, &op->ranker);
    uint32_t user;
    bool there = lfrec_outbox_first(&op->outbox, &user);
    op->lister.count = 0;
    for (batch->count = 0; there && batch->count < most && batch->count < op->lister.users; ++batch->count) {
        const size_t k = batch->count;
        const lfrec_listing *next = &op->lister.listing[op->lister.count];
        batch->user[k] = user;
        batch->history[k] = lfrec_store_history(op->store, user);
        batch->ahead[k] = made_ahead(op, user);
        bool added = lfrec_op_has_ranker(op) && !batch->ahead[k] && batch->history[k].count > 0 &&
                     lfrec_lister_add(&op->lister, &ranker, &batch->history[k]);
        batch->listing[k] = added ? next : NULL;
        there = lfrec_outbox_next(&op->outbox, &user);
    }
    if (op->lister.count > 0 && !lfrec_lister_run(&op->lister, &ranker)) {
        memset(batch->listing, 0, sizeof batch->listing); /* cannot be: each of them was folded in */
    }
}

static bool refresh_next(lfrec_operator *op, const struct batch *batch, size_t k)
{
    size_t ranked = NOT_RANKED;
    if (batch->history[k].count == 0) {
        return publish_goodbye(op, batch->user[k]);
    }
    if (batch->listing[k]) {
        ranked = take_ranked(op, batch->listing[k]);
    } else if (batch->ahead[k]) {
        return refresh_ahead(op, batch->user[k], &batch->history[k], batch->ahead[k]);
    }
    return refresh(op, batch->user[k], &batch->history[k], ranked);
}

size_t lfrec_operator_republish(lfrec_operator *op, size_t most)
{
    struct batch batch;
    bool taken = true;
    for (; taken && most > 0 && op->outbox.waiting > 0; most -= batch.count) {
        rank_batch(op, most, &batch);
        for (size_t k = 0; k < batch.count && taken; ++k) {
            taken = refresh_next(op, &batch, k);
        }
    }
    if (op->outbox.waiting == 0) {
        lfrec_op_take_lists(op, NULL);
    }
    return op->outbox.waiting;
}

static bool list_of(lfrec_operator *op, lfrec_id id, const struct reasons_room *room, lfrec_publish *publish, void *context)
{
    uint32_t user = lfrec_store_find_user(op->store, id);
    if (user == LFREC_NO_INDEX) {
        return false;
    }
    lfrec_history history = lfrec_store_history(op->store, user);
    if (history.count == 0) {
        return false;
    }
    lfrec_model view = lfrec_op_view(op, &op->model);
    size_t count = best_items(op, &view, user, &history, rank_one(op, &history));
    hand_over(op, user, &view, &history, count, room, publish, context);
    return true;
}

bool lfrec_operator_top(lfrec_operator *op, lfrec_id id, lfrec_publish *publish, void *context)
{
    const struct reasons_room room = published_reasons(op);
    return list_of(op, id, &room, publish, context);
}

lfrec_looked lfrec_operator_look(lfrec_operator *op, lfrec_id id, uint32_t reasons, lfrec_publish *publish, void *context)
{
    size_t most = reasons < LFREC_OP_MOST_REASONS / op->options.top_n ? reasons : LFREC_OP_MOST_REASONS / op->options.top_n;
    struct reasons_room room = {
        .most = (uint32_t)most,
        .found = calloc(most + 1, sizeof *room.found), /* + 1: never a size of 0 */
        .out = calloc(most * op->options.top_n + 1, sizeof *room.out),
    };
    lfrec_looked looked = LFREC_LOOK_NO_MEMORY;
    if (room.found && room.out) {
        looked = list_of(op, id, &room, publish, context) ? LFREC_LOOKED : LFREC_LOOK_UNKNOWN;
    }
    free(room.found);
    free(room.out);
    return looked;
}

size_t lfrec_operator_history(const lfrec_operator *op, lfrec_id id, lfrec_rated *each, void *context)
{
    uint32_t user = lfrec_store_find_user(op->store, id);
    if (user == LFREC_NO_INDEX) {
        return 0;
    }
    lfrec_history history = lfrec_store_history(op->store, user);
    for (size_t k = 0;
         k < history.count && each(context, lfrec_store_item_id(op->store, history.item[k]), history.value[k]); ++k) {
    }
    return history.count;
}
