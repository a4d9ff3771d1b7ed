/* operator_lists.c - who is recommended what, and whether that is news. */
#include "operator_private.h"

#include <math.h>
#include <stdlib.h>

/* Folds the user into the ranker. false: there is none, or it knows nothing that the user has rated, and all items are alike to it. */
static bool is_ranked(const lfrec_operator *op, const lfrec_history *history, lfrec_user *user)
{
    if (!lfrec_op_has_ranker(op)) {
        return false;
    }
    lfrec_model ranker = lfrec_op_view(op, &op->ranker);
    bool known = false;
    if (lfrec_fold_in(&ranker, history, user) == LFREC_OK) {
        for (size_t k = 0; k < ranker.factors; ++k) {
            known = known || user->factors[k] > 0 || user->factors[k] < 0;
        }
    }
    return known;
}

/* The user's best items with their predicted ratings, into op->scored; returns how many. */
static size_t best_items(lfrec_operator *op, const lfrec_model *view, uint32_t user, const lfrec_history *history)
{
    size_t found = 0;
    op->listed_user.factors = op->factors;
    if (view->items == 0 ||
        lfrec_forecast_user(&op->forecaster, view, user, history, &op->listed_user, &op->listed_weight) != LFREC_OK) {
        return 0;
    }
    lfrec_query query = lfrec_query_for(op->options.top_n, history);
    query.min_support = op->options.min_support;
    lfrec_user ranked_user = {.factors = op->ranking_factors};
    if (!is_ranked(op, history, &ranked_user)) {
        return lfrec_top(view, &op->listed_user, &query, op->scored, &found) == LFREC_OK ? found : 0;
    }
    lfrec_model ranker = lfrec_op_view(op, &op->ranker);
    lfrec_status status = lfrec_top(&ranker, &ranked_user, &query, op->scored, &found);
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

/* What makes a list the same list: its items in their order, and scores to 0.01. FNV-1a over them; never 0, which means "no list". A collision
 * would hold one changed list back until the user's next change: one in 2^64. */
static uint64_t fingerprint_of(const lfrec_scored *scored, size_t count)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t k = 0; k < count; ++k) {
        hash = (hash ^ scored[k].item) * 1099511628211u;
        hash = (hash ^ (uint64_t)llrint((double)scored[k].score * 100)) * 1099511628211u;
    }
    return hash ? hash : 1;
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

bool lfrec_op_refresh(lfrec_operator *op, uint32_t user)
{
    lfrec_history history = lfrec_store_history(op->store, user);
    if (history.count == 0) {
        return publish_goodbye(op, user);
    }
    lfrec_model view = lfrec_op_view(op, &op->model);
    const struct reasons_room room = published_reasons(op);
    size_t count = best_items(op, &view, user, &history);
    uint64_t fingerprint = fingerprint_of(op->scored, count);
    if (fingerprint == op->outbox.user[user].published) {
        ++op->unchanged;
    } else if (hand_over(op, user, &view, &history, count, &room, op->publish, op->context)) {
        ++op->published;
        op->outbox.user[user].published = fingerprint;
    } else {
        return false;
    }
    lfrec_outbox_remove(&op->outbox, user);
    return true;
}

size_t lfrec_operator_republish(lfrec_operator *op, size_t most)
{
    uint32_t user;
    for (; most > 0 && lfrec_outbox_first(&op->outbox, &user); --most) {
        if (!lfrec_op_refresh(op, user)) {
            break;
        }
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
    size_t count = best_items(op, &view, user, &history);
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
