/* operator.c - one event in, recommendations out. What is where: ratings.c knows who rated what, outbox.c who waits for a list, job.c
 * trains, prequential.h keeps the running error; here they meet the model. */
#include "operator.h"

#include "../lfrec.h"
#include "job.h"
#include "model_pack.h"
#include "operator_state.h"
#include "outbox.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ITEMS 64u /* room for items at the start */
#define FIRST_FACTORS \
    16u /* of the model that knows the means alone; all zero. 16 make rows that the fast loops take. */
#define SMALL_CATALOG 256u     /* items whose means can all be computed again at every rating: a microsecond */
#define MOST_LISTED 100000u    /* top_n, reasons */
#define MOST_REASONS 10000000u /* top_n * reasons: 120 MB of scratch */
#define FEWEST_USERS 2u        /* to train on */
#define FEWEST_ITEMS 2u

struct lfrec_operator {
    lfrec_operator_options options;
    lfrec_publish *publish;
    void *context;

    lfrec_store *store;
    lfrec_outbox outbox;
    /* Means and model have room for the same number of items, at least the store's. Items from the store's number up have no ratings and
     * are shown to nobody: see view_of. */
    lfrec_means means;
    lfrec_model model;
    uint64_t version; /* of the model; 0: the means alone */
    bool follows;     /* the model is another operator's, and so are its means */
    uint64_t changes; /* of ratings since all of the model's means were brought up to date */
    uint64_t trainings;
    lfrec_job *job; /* begun and neither adopted nor freed; not owned */

    lfrec_prequential error;
    uint64_t rates, retracts, forgets, published, unchanged, retrains, failed_retrains;

    uint32_t most_factors; /* that the scratch is for */
    /* Scratch. */
    float *factors;                /* LFREC_STRIDE of the most factors a model may have */
    lfrec_user listed_user;        /* whom op->scored is for, folded in into op->factors */
    lfrec_scored *scored;          /* top_n */
    lfrec_recommended *listed;     /* top_n */
    lfrec_reason *reasons;         /* options.reasons */
    lfrec_reason_out *reasons_out; /* top_n * options.reasons */
};

/* ---- opening and closing ---- */

lfrec_operator_options lfrec_operator_options_for(uint32_t factors, float scale_min, float scale_max)
{
    return (lfrec_operator_options){.factors = factors,
                                    .top_n = 10,
                                    .reasons = 0,
                                    .min_support = LFREC_MIN_SUPPORT,
                                    .epochs = 60,
                                    .scale_min = scale_min,
                                    .scale_max = scale_max,
                                    .item_shrink = 5,
                                    .user_shrink = 10,
                                    .learning_rate_scale = 1,
                                    .seed = 1};
}

/* NULL, or what is wrong. Comparisons are written so that NaN fails them. */
static const char *find_fault(const lfrec_operator_options *options)
{
    if (options->factors < 1 || options->factors > LFREC_MAX_FACTORS) {
        return "factors must be 1 to 1024";
    }
    if (options->top_n < 1 || options->top_n > MOST_LISTED) {
        return "the length of a list must be 1 to 100000";
    }
    if (options->reasons > MOST_LISTED || (uint64_t)options->reasons * options->top_n > MOST_REASONS) {
        return "reasons must be at most 100000, and reasons times the length of a list at most 10000000";
    }
    if (options->epochs < 1) {
        return "epochs must be at least 1";
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

/* The library's options for a model with room for `items` of `factors` factors. */
static lfrec_options model_options(const lfrec_operator *op, uint32_t items, uint32_t factors)
{
    lfrec_options options = lfrec_options_for(LFREC_SGD, items, factors, op->options.scale_min, op->options.scale_max);
    options.item_shrink = op->options.item_shrink;
    options.user_shrink = op->options.user_shrink;
    options.learning_rate *= op->options.learning_rate_scale;
    return options;
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
    uint32_t most_factors = options->factors > FIRST_FACTORS ? options->factors : FIRST_FACTORS;
    op->most_factors = most_factors;
    op->factors = calloc(LFREC_STRIDE(most_factors), sizeof *op->factors);
    op->scored = calloc(options->top_n, sizeof *op->scored);
    op->listed = calloc(options->top_n, sizeof *op->listed);
    op->reasons = calloc(reasons + 1, sizeof *op->reasons); /* + 1: never a size of 0 */
    op->reasons_out = calloc(reasons * options->top_n + 1, sizeof *op->reasons_out);
    lfrec_options first = model_options(op, FIRST_ITEMS, FIRST_FACTORS);
    const char *field = NULL;
    lfrec_status status = lfrec_options_check(&first, &field);
    if (status != LFREC_OK) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "option %s: %s", field ? field : "?", lfrec_status_string(status));
        lfrec_operator_close(op);
        return false;
    }
    if (!op->store || !op->factors || !op->scored || !op->listed || !op->reasons || !op->reasons_out ||
        lfrec_means_create(&op->means, FIRST_ITEMS, NULL) != LFREC_OK ||
        lfrec_model_create(&op->model, &first, NULL) != LFREC_OK) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "no memory for the operator");
        lfrec_operator_close(op);
        return false;
    }
    *out = op;
    return true;
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
    lfrec_means_destroy(&op->means);
    lfrec_outbox_free(&op->outbox);
    lfrec_store_close(op->store);
    free(op->factors);
    free(op->scored);
    free(op->listed);
    free(op->reasons);
    free(op->reasons_out);
    free(op);
}

/* ---- means and model grow with the items ---- */

/* The model as it is to be read: with as many items as the store knows. Borrowed, for functions that only read. */
static lfrec_model view_of(const lfrec_operator *op)
{
    lfrec_model view = op->model;
    view.items = lfrec_store_items(op->store);
    view.writable = 0;
    view.memory = NULL;
    return view;
}

/* A model with the operator's room and another's content. */
static lfrec_status copy_into_room(const lfrec_operator *op, const lfrec_model *from, uint32_t room, lfrec_model *to)
{
    lfrec_options options = model_options(op, room, from->factors);
    lfrec_status status = lfrec_model_create(to, &options, NULL);
    if (status == LFREC_OK) {
        status = lfrec_model_copy(to, from);
        if (status != LFREC_OK) {
            lfrec_model_destroy(to);
        }
    }
    return status;
}

/* Room for one item more than there are. Doubles, so that the copying is O(K) per item over the long run. */
static bool make_room_for_item(lfrec_operator *op)
{
    uint32_t items = lfrec_store_items(op->store);
    if (items < op->means.items) {
        return true;
    }
    uint32_t room = items <= LFREC_NO_INDEX / 2 ? items * 2 : LFREC_NO_INDEX - 1;
    if (room <= items) {
        return false;
    }
    lfrec_means means;
    if (lfrec_means_create(&means, room, NULL) != LFREC_OK) {
        return false;
    }
    lfrec_model model;
    if (copy_into_room(op, &op->model, room, &model) != LFREC_OK) {
        lfrec_means_destroy(&means);
        return false;
    }
    means.overall = op->means.overall;
    memcpy(means.item, op->means.item, op->means.items * sizeof *means.item);
    lfrec_means_destroy(&op->means);
    lfrec_model_destroy(&op->model);
    op->means = means;
    op->model = model;
    return true;
}

/* After a change of the item's sum. The item's own mean is brought up to date at once; the others, which lean on the overall mean, at once
 * in a small catalog and otherwise when enough has changed for that to show. O(1) per change over the long run, and a function of the
 * events alone. */
static void refresh_mean(lfrec_operator *op, uint32_t item)
{
    if (op->follows) {
        return;
    }
    uint64_t ratings = lfrec_store_ratings(op->store), room = op->model.items;
    uint64_t patience = room <= SMALL_CATALOG ? 0 : ratings / 64 > room / 8 ? ratings / 64 : room / 8;
    if (++op->changes >= patience) {
        lfrec_model_set_means(&op->model, &op->means);
        op->changes = 0;
    } else {
        lfrec_model_set_item_mean(&op->model, &op->means, item);
    }
}

/* ---- lists ---- */

/* The user's best items, into op->scored; returns how many. */
static size_t best_items(lfrec_operator *op, const lfrec_model *view, const lfrec_history *history)
{
    size_t found = 0;
    op->listed_user.factors = op->factors;
    if (view->items == 0 || lfrec_fold_in(view, history, &op->listed_user) != LFREC_OK) {
        return 0;
    }
    lfrec_query query = lfrec_query_for(op->options.top_n, history);
    query.min_support = op->options.min_support;
    return lfrec_top(view, &op->listed_user, &query, op->scored, &found) == LFREC_OK ? found : 0;
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
                                        .share = room->found[r].share};
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
    lfrec_outbox_forget(&op->outbox, user);
    lfrec_store_remove_user(op->store, user);
    return true;
}

/* Makes the user's list and publishes it if it is news. false: the callback said "not now". The user waits then, or not, as before. */
static bool refresh(lfrec_operator *op, uint32_t user)
{
    lfrec_history history = lfrec_store_history(op->store, user);
    if (history.count == 0) {
        return publish_goodbye(op, user);
    }
    lfrec_model view = view_of(op);
    const struct reasons_room room = published_reasons(op);
    size_t count = best_items(op, &view, &history);
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
        if (!refresh(op, user)) {
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
    lfrec_model view = view_of(op);
    size_t count = best_items(op, &view, &history);
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
    size_t most = reasons < MOST_REASONS / op->options.top_n ? reasons : MOST_REASONS / op->options.top_n;
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

/* ---- learning ---- */

static float clamped(const lfrec_operator *op, float rating)
{
    rating = rating < op->options.scale_min ? op->options.scale_min : rating;
    return rating > op->options.scale_max ? op->options.scale_max : rating;
}

/* What model and means say of a pair before its rating is learned. */
static bool predict(const lfrec_operator *op, const lfrec_place *place, float *predicted, float *by_means)
{
    lfrec_model view = view_of(op);
    if (lfrec_store_ratings(op->store) == 0) {
        return false;
    }
    lfrec_history history = {0};
    if (place->user != LFREC_NO_INDEX) {
        history = lfrec_store_history(op->store, place->user);
    }
    lfrec_user user = {.factors = op->factors};
    bool means_alone = op->version == 0 || place->item == LFREC_NO_INDEX; /* folding in would cost time and add zeros */
    if ((means_alone ? lfrec_user_mean(&view, &history, &user.mean) : lfrec_fold_in(&view, &history, &user)) != LFREC_OK) {
        return false;
    }
    *by_means = clamped(op, (place->item == LFREC_NO_INDEX ? view.mean : view.item_mean[place->item]) + user.mean);
    if (means_alone) {
        *predicted = *by_means;
        return true;
    }
    return lfrec_predict(&view, &user, place->item, predicted) == LFREC_OK;
}

/* The user's list is not what it was. */
static void touch(lfrec_operator *op, uint32_t user, bool publish_now)
{
    if (!publish_now || !refresh(op, user)) {
        lfrec_outbox_push(&op->outbox, user);
    }
}

static lfrec_learned learn_rate(lfrec_operator *op, const lfrec_event *event, int32_t partition, bool publish_now)
{
    lfrec_place place = lfrec_store_seek(op->store, event->user, event->item);
    bool was_rated = place.rated;
    float old = place.value, predicted = 0, by_means = 0;
    bool fresh = !was_rated && predict(op, &place, &predicted, &by_means);
    /* First all that can fail, then the rest. */
    if (place.item == LFREC_NO_INDEX && !make_room_for_item(op)) {
        return LFREC_OUT_OF_MEMORY;
    }
    if (place.user == LFREC_NO_INDEX && !lfrec_outbox_reserve(&op->outbox, lfrec_store_user_slots(op->store) + 1)) {
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
    if (fresh) {
        lfrec_prequential_add(&op->error, predicted, by_means, event->rating);
    }
    if (was_rated && old == event->rating) {
        if (publish_now && op->outbox.user[place.user].waiting) {
            touch(op, place.user, true);
        }
        return LFREC_UNCHANGED;
    }
    refresh_mean(op, place.item);
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
    lfrec_store_take(op->store, &place);
    lfrec_means_remove(&op->means, place.item, place.value);
    refresh_mean(op, place.item);
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
    if (!lfrec_outbox_reserve(&op->outbox, lfrec_store_user_slots(op->store) + 1) ||
        !lfrec_store_add_user(op->store, event->user, partition, &user)) {
        return LFREC_OUT_OF_MEMORY;
    }
    ++op->forgets;
    lfrec_history history = lfrec_store_history(op->store, user);
    bool known = history.count > 0;
    remove_from_means(op, &history);
    for (size_t k = 0; k < history.count; ++k) {
        refresh_mean(op, history.item[k]);
    }
    lfrec_store_clear_user(op->store, user);
    touch(op, user, publish_now);
    return known ? LFREC_LEARNED : LFREC_UNCHANGED;
}

static bool is_id(lfrec_id id)
{
    return id.bytes && id.length >= 1 && id.length <= LFREC_ID_MAX;
}

lfrec_learned lfrec_operator_learn(lfrec_operator *op, const lfrec_event *event, int32_t partition, bool publish_now)
{
    if (!is_id(event->user) || (event->kind != LFREC_EVENT_FORGET && !is_id(event->item))) {
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
    lfrec_outbox_forget(&op->outbox, user);
    lfrec_store_remove_user(op->store, user);
}

/* After users left. */
static void refresh_means(lfrec_operator *op)
{
    if (!op->follows) {
        lfrec_model_set_means(&op->model, &op->means);
        op->changes = 0;
    }
}

void lfrec_operator_drop_partition(lfrec_operator *op, int32_t partition)
{
    for (uint32_t user = 0; user < lfrec_store_user_slots(op->store); ++user) {
        if (lfrec_store_has_user(op->store, user) && lfrec_store_partition(op->store, user) == partition) {
            drop_user(op, user);
        }
    }
    refresh_means(op);
}

void lfrec_operator_keep_users(lfrec_operator *op, bool (*keep)(void *context, lfrec_id user), void *context)
{
    for (uint32_t user = 0; user < lfrec_store_user_slots(op->store); ++user) {
        if (lfrec_store_has_user(op->store, user) && !keep(context, lfrec_store_user_id(op->store, user))) {
            drop_user(op, user);
        }
    }
    refresh_means(op);
}

/* ---- training ---- */

lfrec_job *lfrec_operator_retrain_begin(lfrec_operator *op)
{
    uint32_t items = lfrec_store_items(op->store), users = lfrec_store_rated_users(op->store);
    if (op->job || items < FEWEST_ITEMS || users < FEWEST_USERS) {
        return NULL;
    }
    lfrec_options options = model_options(op, items, op->options.factors < items ? op->options.factors : items);
    options.seed = op->options.seed + op->trainings;
    uint64_t most = lfrec_epochs_for(options.setting, 0),
             epochs = lfrec_epochs_for(options.setting, (size_t)lfrec_store_ratings(op->store));
    epochs = op->options.epochs * epochs / most;
    options.epochs = epochs > 0 ? (uint32_t)epochs : 1;
    op->job = lfrec_job_new(op->store, &options, op->model.items);
    if (op->job) {
        op->job->owner = &op->job;
        ++op->trainings;
    }
    return op->job;
}

/* Nobody's list is what it was. */
static void touch_all(lfrec_operator *op)
{
    for (uint32_t user = 0; user < lfrec_store_user_slots(op->store); ++user) {
        if (lfrec_store_has_user(op->store, user)) {
            lfrec_outbox_push(&op->outbox, user);
        }
    }
}

/* The job's model, with the operator's room and today's means, in place of the operator's. */
static lfrec_status take_model(lfrec_operator *op, lfrec_job *job)
{
    if (job->model.items != op->model.items) {
        /* Items came while the training ran. */
        lfrec_model larger;
        lfrec_status status = copy_into_room(op, &job->model, op->model.items, &larger);
        if (status != LFREC_OK) {
            return status;
        }
        lfrec_model_destroy(&job->model);
        job->model = larger;
    }
    lfrec_status status = lfrec_model_set_means(&job->model, &op->means);
    if (status != LFREC_OK) {
        return status;
    }
    lfrec_model old = op->model;
    op->model = job->model;
    job->model = old; /* freed with the job */
    op->changes = 0;
    return LFREC_OK;
}

bool lfrec_operator_retrain_adopt(lfrec_operator *op, lfrec_job *job, char error[LFREC_OPERATOR_ERROR_MAX])
{
    bool adopted = false;
    if (job->state == LFREC_JOB_READY) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "the training has not run");
    } else if (job->state == LFREC_JOB_CANCELLED) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "the training was cancelled; the model before it stays");
    } else if (job->state == LFREC_JOB_FAILED) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "%s", job->error);
        ++op->failed_retrains;
    } else {
        lfrec_status status = take_model(op, job);
        adopted = status == LFREC_OK;
        if (!adopted) {
            snprintf(error, LFREC_OPERATOR_ERROR_MAX, "cannot take the new model: %s; the model before it stays",
                     lfrec_status_string(status));
            ++op->failed_retrains;
        }
    }
    if (adopted) {
        ++op->version;
        ++op->retrains;
        op->follows = false;
        touch_all(op);
    }
    lfrec_job_free(job);
    return adopted;
}

/* ---- models of others ---- */

bool lfrec_operator_write_model(const lfrec_operator *op, lfrec_buffer *buffer)
{
    lfrec_model view = view_of(op);
    return op->version > 0 && lfrec_model_pack(op->store, &view, buffer);
}

/* The items of a packed model, known from here on; their indices here. */
static bool know_items(lfrec_operator *op, const lfrec_packed *packed, uint32_t *index)
{
    lfrec_id id;
    for (uint32_t k = 0; lfrec_packed_item(packed, k, &id); ++k) {
        index[k] = lfrec_store_find_item(op->store, id);
        if (index[k] == LFREC_NO_INDEX && (!make_room_for_item(op) || !lfrec_store_add_item(op->store, id, &index[k]))) {
            return false;
        }
    }
    return true;
}

bool lfrec_operator_read_model(lfrec_operator *op, const void *bytes, size_t length, uint64_t version,
                               char error[LFREC_OPERATOR_ERROR_MAX])
{
    lfrec_packed packed;
    lfrec_model model;
    if (!lfrec_packed_open(&packed, bytes, length, error)) {
        return false;
    }
    lfrec_options options = model_options(op, op->model.items, packed.model.factors);
    uint32_t *index = calloc((size_t)packed.model.items + 1, sizeof *index);
    bool read = false;
    if (packed.model.setting != options.setting || packed.model.factors > op->most_factors) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX,
                 "the model is of another kind, or has more factors than lfrec.factors allows here");
    } else if (!index || !know_items(op, &packed, index)) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "no memory for a model of %u items", (unsigned)packed.model.items);
    } else {
        options = model_options(op, op->model.items, packed.model.factors); /* there may be more room now */
        lfrec_status status = lfrec_model_create(&model, &options, NULL);
        if (status == LFREC_OK) {
            lfrec_model_spread(&packed.model, index, &model);
            lfrec_model_destroy(&op->model);
            op->model = model;
            op->version = version;
            op->follows = true;
            touch_all(op);
            read = true;
        } else {
            snprintf(error, LFREC_OPERATOR_ERROR_MAX, "cannot take the model: %s", lfrec_status_string(status));
        }
    }
    free(index);
    lfrec_packed_close(&packed);
    return read;
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

/* ---- the state as a whole: operator_state.h ---- */

lfrec_operator_state lfrec_operator_state_of(const lfrec_operator *op)
{
    return (lfrec_operator_state){.store = op->store,
                                  .means = &op->means,
                                  .model = view_of(op),
                                  .version = op->version,
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

/* What a model must be for this operator to serve from it. */
static const char *find_misfit(const lfrec_operator *op, const lfrec_model *model)
{
    lfrec_options ours = model_options(op, FIRST_ITEMS, FIRST_FACTORS);
    uint32_t most = op->options.factors > FIRST_FACTORS ? op->options.factors : FIRST_FACTORS;
    if (model->setting != ours.setting) {
        return "the model is of another kind";
    }
    if (model->factors > most) {
        return "the model has more factors than the options say";
    }
    if (model->scale_min < ours.scale_min || model->scale_min > ours.scale_min || model->scale_max < ours.scale_max ||
        model->scale_max > ours.scale_max) {
        return "the model is for another scale";
    }
    return model->items == lfrec_store_items(op->store) ? NULL : "the model has other items";
}

bool lfrec_operator_restore_model(lfrec_operator *op, const lfrec_id *items, uint32_t count, lfrec_model *model,
                                  uint64_t version, uint64_t trainings, const lfrec_prequential *error_so_far,
                                  char error[LFREC_OPERATOR_ERROR_MAX])
{
    const char *fault = lfrec_store_items(op->store) > 0 ? "the operator knows items already" : NULL;
    for (uint32_t i = 0; i < count && !fault; ++i) {
        uint32_t index;
        if (!is_id(items[i]) || !make_room_for_item(op) || !lfrec_store_add_item(op->store, items[i], &index)) {
            fault = "no memory for the items";
        } else if (index != i) {
            fault = "an item comes twice";
        }
    }
    op->trainings = trainings;
    op->error = *error_so_far;
    bool there = model->items > 0 && !fault;
    if (there) {
        fault = find_misfit(op, model);
    }
    lfrec_model larger;
    if (there && !fault) {
        lfrec_status status = copy_into_room(op, model, op->model.items, &larger);
        if (status == LFREC_OK) {
            lfrec_model_destroy(&op->model);
            op->model = larger;
            op->version = version;
        } else {
            fault = lfrec_status_string(status);
        }
    }
    lfrec_model_destroy(model);
    if (fault) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "%s", fault);
    }
    return !fault;
}

bool lfrec_operator_restore_rating(lfrec_operator *op, lfrec_id user, lfrec_id item, float rating, int32_t partition)
{
    if (!is_id(user) || !is_id(item) || !(rating >= op->options.scale_min && rating <= op->options.scale_max)) {
        return false;
    }
    lfrec_place place = lfrec_store_seek(op->store, user, item);
    if (place.rated || (place.item == LFREC_NO_INDEX && !make_room_for_item(op)) ||
        !lfrec_outbox_reserve(&op->outbox, lfrec_store_user_slots(op->store) + 1) ||
        !lfrec_store_put(op->store, &place, rating, partition)) {
        return false;
    }
    if (lfrec_means_add(&op->means, place.item, rating) != LFREC_OK) {
        lfrec_store_take(op->store, &place);
        return false;
    }
    return true;
}

bool lfrec_operator_restore_user(lfrec_operator *op, lfrec_id id, int32_t partition, uint64_t published, bool waits)
{
    uint32_t user;
    if (!is_id(id) || !lfrec_outbox_reserve(&op->outbox, lfrec_store_user_slots(op->store) + 1) ||
        !lfrec_store_add_user(op->store, id, partition, &user)) {
        return false;
    }
    op->outbox.user[user].published = published;
    if (waits || published == 0) {
        lfrec_outbox_push(&op->outbox, user);
    }
    return true;
}

#define UNKNOWN_LIST 1u /* as a fingerprint: something was published, and nobody knows what */

void lfrec_operator_settled(lfrec_operator *op, lfrec_id id)
{
    uint32_t user = lfrec_store_find_user(op->store, id);
    if (user == LFREC_NO_INDEX) {
        return;
    }
    if (lfrec_store_history(op->store, user).count == 0) {
        lfrec_outbox_forget(&op->outbox, user);
        lfrec_store_remove_user(op->store, user);
    } else {
        lfrec_outbox_remove(&op->outbox, user);
        op->outbox.user[user].published = UNKNOWN_LIST;
    }
}

void lfrec_operator_restored(lfrec_operator *op)
{
    lfrec_model_set_means(&op->model, &op->means);
    op->changes = 0;
}
