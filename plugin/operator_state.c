#include "operator_state.h"
#include "operator_private.h"

#include <stdio.h>

lfrec_operator_state lfrec_operator_state_of(const lfrec_operator *op)
{
    return (lfrec_operator_state){.store = op->store,
                                  .means = &op->means,
                                  .model = lfrec_op_view(op, &op->model),
                                  .ranker = lfrec_op_has_ranker(op) ? lfrec_op_view(op, &op->ranker) : (lfrec_model){0},
                                  .version = op->version,
                                  .blend = op->forecaster.blend,
                                  .trainings = op->trainings,
                                  .error = op->error};
}

uint64_t lfrec_operator_published(const lfrec_operator *op, uint32_t user)
{
    return op->outbox.user[user].published;
}

bool lfrec_operator_waits(const lfrec_operator *op, uint32_t user)
{
    return op->outbox.user[user].waiting;
}

lfrec_drift lfrec_operator_drift(const lfrec_operator *op, uint32_t user)
{
    return op->forecaster.drift[user];
}

/* These items, in this order; NULL, or what is wrong. */
static const char *restore_items(lfrec_operator *op, const lfrec_operator_saved *saved)
{
    if (lfrec_store_items(op->store) > 0) {
        return "the operator knows items already";
    }
    if (op->options.most_items > 0 && saved->count > op->options.most_items) {
        return "it has more items than lfrec.max.items allows";
    }
    for (uint32_t i = 0; i < saved->count; ++i) {
        uint32_t index;
        if (!lfrec_op_is_id(saved->items[i]) || !lfrec_op_make_room_for_item(op) ||
            !lfrec_store_add_item(op->store, saved->items[i], &index)) {
            return "no memory for the items";
        }
        if (index != i) {
            return "an item comes twice";
        }
    }
    return NULL;
}

/* The saved models, if there are any. */
static const char *restore_models(lfrec_operator *op, const lfrec_operator_saved *saved)
{
    lfrec_model model = {0}, ranker = {0};
    bool ranked = saved->ranker.items > 0 && op->options.ranking > 0;
    if (saved->model.items == 0) {
        return NULL;
    }
    const char *fault = lfrec_op_misfit(op, &saved->model, false);
    if (!fault && ranked) {
        fault = lfrec_op_misfit(op, &saved->ranker, true);
    }
    if (fault || saved->model.items != saved->count || (ranked && saved->ranker.items != saved->count)) {
        return fault ? fault : "the model has other items";
    }
    lfrec_status status = lfrec_op_copy_into_room(op, &saved->model, op->model.items, &model);
    if (status == LFREC_OK && ranked) {
        status = lfrec_op_copy_into_room(op, &saved->ranker, op->model.items, &ranker);
    }
    if (status == LFREC_OK) {
        status = lfrec_op_take_over(op, &model, &ranker);
    } else {
        lfrec_model_destroy(&model);
    }
    if (status != LFREC_OK) {
        return lfrec_status_string(status);
    }
    op->version = saved->version;
    op->forecaster.blend = saved->blend;
    return NULL;
}

bool lfrec_operator_restore_model(lfrec_operator *op, lfrec_operator_saved *saved, char error[LFREC_OPERATOR_ERROR_MAX])
{
    const char *fault = restore_items(op, saved);
    op->trainings = saved->trainings;
    op->error = saved->error;
    if (!fault) {
        fault = restore_models(op, saved);
    }
    lfrec_model_destroy(&saved->model);
    lfrec_model_destroy(&saved->ranker);
    if (fault) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "%s", fault);
    }
    return !fault;
}

void lfrec_operator_follow(lfrec_operator *op)
{
    op->follows = true;
}

bool lfrec_operator_restore_rating(lfrec_operator *op, lfrec_id user, lfrec_id item, float rating, int32_t partition)
{
    if (!lfrec_op_is_id(user) || !lfrec_op_is_id(item) ||
        !(rating >= op->options.scale_min && rating <= op->options.scale_max)) {
        return false;
    }
    lfrec_place place = lfrec_store_seek(op->store, user, item);
    if (place.rated || (place.item == LFREC_NO_INDEX && !lfrec_op_may_know_item(op)) ||
        (place.item == LFREC_NO_INDEX && !lfrec_op_make_room_for_item(op)) || !lfrec_op_reserve_user(op) ||
        !lfrec_store_put(op->store, &place, rating, partition)) {
        return false;
    }
    if (lfrec_means_add(&op->means, place.item, rating) != LFREC_OK) {
        lfrec_store_take(op->store, &place);
        return false;
    }
    return true;
}

bool lfrec_operator_restore_user(lfrec_operator *op, lfrec_id id, int32_t partition, uint64_t published, bool waits,
                                 const lfrec_drift *drift)
{
    uint32_t user;
    if (!lfrec_op_is_id(id) || !lfrec_op_reserve_user(op) || !lfrec_store_add_user(op->store, id, partition, &user)) {
        return false;
    }
    op->outbox.user[user].published = published;
    lfrec_idle_touch(&op->idle, user);
    op->forecaster.drift[user] = *drift;
    if (waits || published == 0) {
        lfrec_outbox_push(&op->outbox, user);
    }
    return true;
}

#define UNKNOWN_LIST 1u /* as a fingerprint: something was published, and nobody knows what */

void lfrec_operator_settled(lfrec_operator *op, lfrec_id id, uint64_t fingerprint)
{
    uint32_t user = lfrec_store_find_user(op->store, id);
    if (user == LFREC_NO_INDEX) {
        return;
    }
    if (lfrec_store_history(op->store, user).count == 0) {
        lfrec_op_forget_user(op, user);
        lfrec_store_remove_user(op->store, user);
    } else {
        uint64_t before = op->outbox.user[user].published;
        lfrec_outbox_remove(&op->outbox, user);
        op->outbox.user[user].published = fingerprint ? fingerprint : before ? before : UNKNOWN_LIST;
    }
}

void lfrec_operator_has_list(lfrec_operator *op, lfrec_id id, uint64_t fingerprint, uint64_t version)
{
    uint32_t user = lfrec_store_find_user(op->store, id);
    if (user == LFREC_NO_INDEX || fingerprint == 0) {
        return;
    }
    op->outbox.user[user].published = fingerprint;
    if (version > op->version) {
        lfrec_outbox_remove(&op->outbox, user);
    }
}

int32_t lfrec_operator_partition_of(const lfrec_operator *op, lfrec_id id)
{
    uint32_t user = lfrec_store_find_user(op->store, id);
    return user == LFREC_NO_INDEX ? -1 : lfrec_store_partition(op->store, user);
}

void lfrec_operator_restored(lfrec_operator *op)
{
    lfrec_op_keep_to_ceiling(op, 0);
    lfrec_op_refresh_means(op);
}

bool lfrec_operator_oldest(const lfrec_operator *op, uint32_t *user)
{
    return lfrec_idle_first(&op->idle, user);
}

bool lfrec_operator_newer(const lfrec_operator *op, uint32_t *user)
{
    return lfrec_idle_next(&op->idle, user);
}
