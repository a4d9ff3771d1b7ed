/* operator.c - one event in, recommendations out. What is where: ratings.c knows who rated what, outbox.c who waits for a list, job.c
 * trains, forecast.c predicts, prequential.h keeps the running error; operator_private.h says how this file's work is divided. */
#include "operator_private.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_ITEMS 64u /* room for items at the start */
#define FIRST_FACTORS \
    16u /* of the model that knows the means alone; all zero. 16 make rows that the fast loops take. */

lfrec_operator_options lfrec_operator_options_for(uint32_t factors, float scale_min, float scale_max)
{
    return (lfrec_operator_options){.factors = factors,
                                    .ranking = 64,
                                    .top_n = 10,
                                    .reasons = 0,
                                    .min_support = LFREC_MIN_SUPPORT,
                                    .epochs = 64,
                                    .scale_min = scale_min,
                                    .scale_max = scale_max,
                                    .item_shrink = 5,
                                    .user_shrink = 10,
                                    .learning_rate_scale = 1,
                                    .threads = 1,
                                    .seed = 1,
                                    .lists_ahead = true};
}

/* NULL, or what is wrong. Comparisons are written so that NaN fails them. */
static const char *find_fault(const lfrec_operator_options *options)
{
    if (options->factors < 1 || options->factors > LFREC_MAX_FACTORS) {
        return "factors must be 1 to 1024";
    }
    if (options->ranking > LFREC_MAX_FACTORS) {
        return "factors of the ranking must be 0 to 1024";
    }
    if (options->top_n < 1 || options->top_n > LFREC_OP_MOST_LISTED) {
        return "the length of a list must be 1 to 100000";
    }
    if (options->reasons > LFREC_OP_MOST_LISTED || (uint64_t)options->reasons * options->top_n > LFREC_OP_MOST_REASONS) {
        return "reasons must be at most 100000, and reasons times the length of a list at most 10000000";
    }
    if (options->epochs < 1) {
        return "epochs must be at least 1";
    }
    if (options->threads < 1 || options->threads > LFREC_MAX_THREADS) {
        return "threads must be 1 to 256";
    }
    if (!(options->scale_min >= -LFREC_MAX_RATING && options->scale_max <= LFREC_MAX_RATING)) {
        return "the scale must be within -32768 and 32768";
    }
    if (!(options->scale_min < options->scale_max)) {
        return "the lowest rating must be below the highest";
    }
    if (!(options->item_shrink >= 0 && options->item_shrink <= 1e9f) ||
        !(options->user_shrink >= 0 && options->user_shrink <= 1e9f)) {
        return "the shrinkage of means must be 0 to 1e9";
    }
    if (!(options->learning_rate_scale > 0 && options->learning_rate_scale <= 1e9f)) {
        return "the learning rate's scale must be above 0 and at most 1e9";
    }
    return NULL;
}

bool lfrec_operator_open(lfrec_operator **out, const lfrec_operator_options *options, lfrec_publish *publish,
                         void *context, char error[LFREC_OPERATOR_ERROR_MAX])
{
    const char *fault = find_fault(options);
    if (fault) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "%s", fault);
        return false;
    }
    lfrec_operator *op = calloc(1, sizeof *op);
    if (!op) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "no memory for the operator");
        return false;
    }
    op->options = *options;
    op->publish = publish;
    op->context = context;
    size_t reasons = options->reasons;
    op->store = lfrec_store_open();
    op->scored = calloc(options->top_n, sizeof *op->scored);
    op->listed = calloc(options->top_n, sizeof *op->listed);
    op->reasons = calloc(reasons + 1, sizeof *op->reasons); /* + 1: never a size of 0 */
    op->reasons_out = calloc(reasons * options->top_n + 1, sizeof *op->reasons_out);
    lfrec_options first = lfrec_op_model_options(op, LFREC_SGD, FIRST_ITEMS, FIRST_FACTORS);
    const char *field = NULL;
    lfrec_status status = lfrec_options_check(&first, &field);
    if (status != LFREC_OK) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "option %s: %s", field ? field : "?", lfrec_status_string(status));
        lfrec_operator_close(op);
        return false;
    }
    if (!op->store || !op->scored || !op->listed || !op->reasons || !op->reasons_out ||
        !lfrec_lister_open(&op->lister, options->top_n, options->min_support) ||
        lfrec_means_create(&op->means, FIRST_ITEMS, NULL) != LFREC_OK ||
        lfrec_model_create(&op->model, &first, NULL) != LFREC_OK ||
        !(op->factors = calloc(lfrec_user_floats(&op->model), sizeof *op->factors))) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "no memory for the operator");
        lfrec_operator_close(op);
        return false;
    }
    *out = op;
    return true;
}

void lfrec_operator_tell_evicted(lfrec_operator *op, void (*evicted)(void *context, lfrec_id user, uint32_t slot))
{
    op->tell_evicted = evicted;
}

void lfrec_operator_close(lfrec_operator *op)
{
    if (!op) {
        return;
    }
    if (op->job) {
        op->job->owner = NULL;
    }
    lfrec_model_destroy(&op->model);
    lfrec_model_destroy(&op->ranker);
    lfrec_means_destroy(&op->means);
    lfrec_outbox_free(&op->outbox);
    lfrec_idle_free(&op->idle);
    lfrec_forecaster_free(&op->forecaster);
    lfrec_store_close(op->store);
    free(op->factors);
    lfrec_ahead_free(&op->ahead);
    lfrec_lister_close(&op->lister);
    free(op->scored);
    free(op->listed);
    free(op->reasons);
    free(op->reasons_out);
    free(op);
}

void lfrec_op_forget_user(lfrec_operator *op, uint32_t user)
{
    op->outbox.user[user].changed = (uint32_t)op->trainings;
    lfrec_outbox_forget(&op->outbox, user);
    lfrec_idle_remove(&op->idle, user);
    lfrec_forecaster_forget(&op->forecaster, user);
}

bool lfrec_op_reserve_user(lfrec_operator *op)
{
    uint32_t users = lfrec_store_user_slots(op->store) + 1;
    return lfrec_outbox_reserve(&op->outbox, users) && lfrec_idle_reserve(&op->idle, users) &&
           lfrec_forecaster_reserve(&op->forecaster, users);
}

/* What is said of a pair before its rating is learned. false: nothing is known yet. */
static bool predict(const lfrec_operator *op, const lfrec_place *place, lfrec_forecast *forecast)
{
    lfrec_model view = lfrec_op_view(op, &op->model);
    if (lfrec_store_ratings(op->store) == 0) {
        return false;
    }
    lfrec_history history = {0};
    if (place->user != LFREC_NO_INDEX) {
        history = lfrec_store_history(op->store, place->user);
    }
    lfrec_user folded = {.factors = op->factors};
    return lfrec_forecast_rating(&op->forecaster, &view, place->user, &history, place->item, &folded, forecast) == LFREC_OK;
}

/* The user's list is not what it was. */
static void touch(lfrec_operator *op, uint32_t user, bool publish_now)
{
    op->outbox.user[user].changed = (uint32_t)op->trainings;
    if (!publish_now || !lfrec_op_refresh(op, user)) {
        lfrec_outbox_push(&op->outbox, user);
    }
}

static lfrec_learned learn_rate(lfrec_operator *op, const lfrec_event *event, int32_t partition, bool publish_now)
{
    lfrec_place place = lfrec_store_seek(op->store, event->user, event->item);
    if (place.item == LFREC_NO_INDEX && !lfrec_op_may_know_item(op)) {
        return LFREC_REFUSED;
    }
    bool newcomer = place.user == LFREC_NO_INDEX || lfrec_store_history(op->store, place.user).count == 0;
    if (newcomer && op->options.most_users > 0) {
        lfrec_op_keep_to_ceiling(op, 1);
        place = lfrec_store_seek(op->store, event->user, event->item);
    }
    bool was_rated = place.rated;
    float old = place.value;
    lfrec_forecast forecast;
    bool fresh = !was_rated && predict(op, &place, &forecast);
    /* First all that can fail, then the rest. */
    if (place.item == LFREC_NO_INDEX && !lfrec_op_make_room_for_item(op)) {
        return LFREC_OUT_OF_MEMORY;
    }
    if (place.user == LFREC_NO_INDEX && !lfrec_op_reserve_user(op)) {
        return LFREC_OUT_OF_MEMORY;
    }
    uint32_t item = place.item == LFREC_NO_INDEX ? lfrec_store_items(op->store) : place.item;
    lfrec_status status = was_rated ? lfrec_means_replace(&op->means, item, old, event->rating)
                                    : lfrec_means_add(&op->means, item, event->rating);
    if (status != LFREC_OK) {
        return LFREC_OUT_OF_MEMORY; /* the sum is full */
    }
    if (!lfrec_store_put(op->store, &place, event->rating, partition)) {
        lfrec_means_remove(&op->means, item, event->rating); /* a pair that was rated cannot come here */
        return LFREC_OUT_OF_MEMORY;
    }
    ++op->rates;
    lfrec_idle_touch(&op->idle, place.user);
    if (fresh) {
        lfrec_prequential_add(&op->error, forecast.predicted, forecast.by_means, event->rating);
        lfrec_forecast_learn(&op->forecaster, place.user, &forecast, event->rating);
    }
    if (was_rated && old == event->rating) {
        if (publish_now && op->outbox.user[place.user].waiting) {
            touch(op, place.user, true);
        }
        return LFREC_UNCHANGED;
    }
    lfrec_op_refresh_mean(op, place.item);
    touch(op, place.user, publish_now);
    return LFREC_LEARNED;
}

static lfrec_learned learn_retract(lfrec_operator *op, const lfrec_event *event, bool publish_now)
{
    lfrec_place place = lfrec_store_seek(op->store, event->user, event->item);
    ++op->retracts;
    if (!place.rated) {
        return LFREC_UNCHANGED;
    }
    lfrec_idle_touch(&op->idle, place.user);
    lfrec_store_take(op->store, &place);
    lfrec_means_remove(&op->means, place.item, place.value);
    if (lfrec_store_history(op->store, place.user).count == 0) {
        lfrec_forecaster_forget(&op->forecaster, place.user);
    }
    lfrec_op_refresh_mean(op, place.item);
    touch(op, place.user, publish_now);
    return LFREC_LEARNED;
}

/* Takes a user's ratings out of the means; the store still has them. */
static void remove_from_means(lfrec_operator *op, const lfrec_history *history)
{
    for (size_t k = 0; k < history->count; ++k) {
        lfrec_means_remove(&op->means, history->item[k], history->value[k]);
    }
}

static lfrec_learned learn_forget(lfrec_operator *op, const lfrec_event *event, int32_t partition, bool publish_now)
{
    uint32_t user;
    if (!lfrec_op_reserve_user(op) || !lfrec_store_add_user(op->store, event->user, partition, &user)) {
        return LFREC_OUT_OF_MEMORY;
    }
    ++op->forgets;
    lfrec_idle_touch(&op->idle, user);
    lfrec_history history = lfrec_store_history(op->store, user);
    bool known = history.count > 0;
    remove_from_means(op, &history);
    for (size_t k = 0; k < history.count; ++k) {
        lfrec_op_refresh_mean(op, history.item[k]);
    }
    lfrec_store_clear_user(op->store, user);
    lfrec_forecaster_forget(&op->forecaster, user);
    touch(op, user, publish_now);
    return known ? LFREC_LEARNED : LFREC_UNCHANGED;
}

bool lfrec_op_is_id(lfrec_id id)
{
    return id.bytes && id.length >= 1 && id.length <= LFREC_ID_MAX;
}

lfrec_learned lfrec_operator_learn(lfrec_operator *op, const lfrec_event *event, int32_t partition, bool publish_now)
{
    if (!lfrec_op_is_id(event->user) || (event->kind != LFREC_EVENT_FORGET && !lfrec_op_is_id(event->item))) {
        return LFREC_REFUSED;
    }
    switch (event->kind) {
    case LFREC_EVENT_RATE:
        /* NaN fails too. */
        if (!(event->rating >= op->options.scale_min && event->rating <= op->options.scale_max)) {
            return LFREC_REFUSED;
        }
        return learn_rate(op, event, partition, publish_now);
    case LFREC_EVENT_RETRACT: return learn_retract(op, event, publish_now);
    case LFREC_EVENT_FORGET: return learn_forget(op, event, partition, publish_now);
    }
    return LFREC_REFUSED;
}

static void drop_user(lfrec_operator *op, uint32_t user)
{
    lfrec_history history = lfrec_store_history(op->store, user);
    remove_from_means(op, &history);
    lfrec_op_forget_user(op, user);
    lfrec_store_remove_user(op->store, user);
}

/* Users without ratings wait to be told goodbye, and stay for that. */
void lfrec_op_keep_to_ceiling(lfrec_operator *op, uint32_t more)
{
    uint32_t user;
    bool there = op->options.most_users > 0 && lfrec_idle_first(&op->idle, &user);
    while (there && (uint64_t)lfrec_store_rated_users(op->store) + more > op->options.most_users) {
        uint32_t idle = user;
        there = lfrec_idle_next(&op->idle, &user);
        lfrec_history history = lfrec_store_history(op->store, idle);
        if (history.count == 0) {
            continue;
        }
        remove_from_means(op, &history);
        for (size_t k = 0; k < history.count; ++k) {
            lfrec_op_refresh_mean(op, history.item[k]);
        }
        if (op->tell_evicted) {
            op->tell_evicted(op->context, lfrec_store_user_id(op->store, idle), idle);
        }
        lfrec_op_forget_user(op, idle);
        lfrec_store_remove_user(op->store, idle);
        ++op->evicted;
    }
}

void lfrec_operator_drop_partition(lfrec_operator *op, int32_t partition)
{
    for (uint32_t user = 0; user < lfrec_store_user_slots(op->store); ++user) {
        if (lfrec_store_has_user(op->store, user) && lfrec_store_partition(op->store, user) == partition) {
            drop_user(op, user);
        }
    }
    lfrec_op_refresh_means(op);
}

void lfrec_operator_keep_users(lfrec_operator *op, bool (*keep)(void *context, lfrec_id user), void *context)
{
    for (uint32_t user = 0; user < lfrec_store_user_slots(op->store); ++user) {
        if (lfrec_store_has_user(op->store, user) && !keep(context, lfrec_store_user_id(op->store, user))) {
            drop_user(op, user);
        }
    }
    lfrec_op_refresh_means(op);
}

uint32_t lfrec_operator_slot_of(const lfrec_operator *op, lfrec_id id)
{
    return lfrec_store_find_user(op->store, id);
}

lfrec_operator_stats lfrec_operator_stats_of(const lfrec_operator *op)
{
    return (lfrec_operator_stats){
        .events = op->rates + op->retracts + op->forgets,
        .rates = op->rates,
        .retracts = op->retracts,
        .forgets = op->forgets,
        .published = op->published,
        .unchanged = op->unchanged,
        .retrains = op->retrains,
        .failed_retrains = op->failed_retrains,
        .evicted = op->evicted,
        .users = lfrec_store_rated_users(op->store),
        .items = lfrec_store_items(op->store),
        .ratings = lfrec_store_ratings(op->store),
        .stale_users = op->outbox.waiting,
        .model_version = op->version,
        .predicted = op->error.count,
        .rmse = lfrec_prequential_rmse(op->error.model, (double)op->error.count),
        .recent_rmse = lfrec_prequential_rmse(op->error.recent, op->error.recent_weight),
        .means_rmse = lfrec_prequential_rmse(op->error.means, (double)op->error.count),
    };
}
