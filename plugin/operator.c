/* operator.c - one event in, recommendations out. What is where: ratings.c knows who rated what, outbox.c who waits for a list, job.c
 * trains, forecast.c predicts, prequential.h keeps the running error; here they meet the model. */
#include "operator.h"

#include "../lfrec.h"
#include "forecast.h"
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
    /* Means and models have room for the same number of items, at least the store's. Items from the store's number up have no ratings and
     * are shown to nobody: see view_of. */
    lfrec_means means;
    lfrec_model model;  /* predicts ratings */
    lfrec_model ranker; /* orders lists; all zero until there is one */
    uint64_t version;   /* of both; 0: the means alone */
    bool follows;       /* the models are another operator's, and so are the means in them */
    uint64_t changes;   /* of ratings since all of the models' means were brought up to date */
    uint64_t trainings;
    lfrec_job *job; /* begun and neither adopted nor freed; not owned */

    lfrec_forecaster forecaster;
    lfrec_prequential error;
    uint64_t rates, retracts, forgets, published, unchanged, retrains, failed_retrains;

    /* Scratch. */
    float *factors;                /* of a user of the model: lfrec_user_floats */
    float *ranking_factors;        /* and of the ranker */
    lfrec_user listed_user;        /* whom op->scored is for, folded in into op->factors */
    float listed_weight;           /* of the model in op->listed_user's scores */
    lfrec_scored *scored;          /* top_n */
    lfrec_recommended *listed;     /* top_n */
    lfrec_reason *reasons;         /* options.reasons */
    lfrec_reason_out *reasons_out; /* top_n * options.reasons */
};

/* ---- opening and closing ---- */

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
                                    .seed = 1};
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
static lfrec_options model_options(const lfrec_operator *op, lfrec_setting setting, uint32_t items, uint32_t factors)
{
    lfrec_options options = lfrec_options_for(setting, items, factors, op->options.scale_min, op->options.scale_max);
    options.item_shrink = op->options.item_shrink;
    options.user_shrink = op->options.user_shrink;
    if (setting != LFREC_RANKING) {
        options.learning_rate *= op->options.learning_rate_scale;
    }
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
    op->scored = calloc(options->top_n, sizeof *op->scored);
    op->listed = calloc(options->top_n, sizeof *op->listed);
    op->reasons = calloc(reasons + 1, sizeof *op->reasons); /* + 1: never a size of 0 */
    op->reasons_out = calloc(reasons * options->top_n + 1, sizeof *op->reasons_out);
    lfrec_options first = model_options(op, LFREC_SGD, FIRST_ITEMS, FIRST_FACTORS);
    const char *field = NULL;
    lfrec_status status = lfrec_options_check(&first, &field);
    if (status != LFREC_OK) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "option %s: %s", field ? field : "?", lfrec_status_string(status));
        lfrec_operator_close(op);
        return false;
    }
    if (!op->store || !op->scored || !op->listed || !op->reasons || !op->reasons_out ||
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
    lfrec_forecaster_free(&op->forecaster);
    lfrec_store_close(op->store);
    free(op->factors);
    free(op->ranking_factors);
    free(op->scored);
    free(op->listed);
    free(op->reasons);
    free(op->reasons_out);
    free(op);
}

/* ---- means and model grow with the items ---- */

static bool has_ranker(const lfrec_operator *op)
{
    return op->ranker.items > 0;
}

/* A model as it is to be read: with as many items as the store knows. Borrowed, for functions that only read. */
static lfrec_model view_of(const lfrec_operator *op, const lfrec_model *model)
{
    lfrec_model view = *model;
    view.items = lfrec_store_items(op->store);
    view.writable = 0;
    view.memory = NULL;
    return view;
}

/* A model with the operator's room and another's content. */
static lfrec_status copy_into_room(const lfrec_operator *op, const lfrec_model *from, uint32_t room, lfrec_model *to)
{
    lfrec_options options = model_options(op, from->setting, room, from->factors);
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
    lfrec_model model, ranker = {0};
    if (copy_into_room(op, &op->model, room, &model) != LFREC_OK) {
        lfrec_means_destroy(&means);
        return false;
    }
    if (has_ranker(op) && copy_into_room(op, &op->ranker, room, &ranker) != LFREC_OK) {
        lfrec_means_destroy(&means);
        lfrec_model_destroy(&model);
        return false;
    }
    means.overall = op->means.overall;
    memcpy(means.item, op->means.item, op->means.items * sizeof *means.item);
    lfrec_means_destroy(&op->means);
    lfrec_model_destroy(&op->model);
    lfrec_model_destroy(&op->ranker);
    op->means = means;
    op->model = model;
    op->ranker = ranker;
    return true;
}

/* The ranker's means are never looked at, but with them comes the support of each item. */
static void refresh_means(lfrec_operator *op)
{
    if (op->follows) {
        return;
    }
    lfrec_model_set_means(&op->model, &op->means);
    if (has_ranker(op)) {
        lfrec_model_set_means(&op->ranker, &op->means);
    }
    op->changes = 0;
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
        refresh_means(op);
    } else {
        lfrec_model_set_item_mean(&op->model, &op->means, item);
        if (has_ranker(op)) {
            lfrec_model_set_item_mean(&op->ranker, &op->means, item);
        }
    }
}

/* ---- lists ---- */

/* Folds the user into the ranker. false: there is none, or it knows nothing that the user has rated, and all items are alike to it. */
static bool is_ranked(const lfrec_operator *op, const lfrec_history *history, lfrec_user *user)
{
    if (!has_ranker(op)) {
        return false;
    }
    lfrec_model ranker = view_of(op, &op->ranker);
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
    lfrec_model ranker = view_of(op, &op->ranker);
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

/* A user without ratings is new again. */
static void forget_user(lfrec_operator *op, uint32_t user)
{
    lfrec_outbox_forget(&op->outbox, user);
    lfrec_forecaster_forget(&op->forecaster, user);
}

static bool reserve_user(lfrec_operator *op)
{
    uint32_t users = lfrec_store_user_slots(op->store) + 1;
    return lfrec_outbox_reserve(&op->outbox, users) && lfrec_forecaster_reserve(&op->forecaster, users);
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
    forget_user(op, user);
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
    lfrec_model view = view_of(op, &op->model);
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
    lfrec_model view = view_of(op, &op->model);
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

/* What is said of a pair before its rating is learned. false: nothing is known yet. */
static bool predict(const lfrec_operator *op, const lfrec_place *place, lfrec_forecast *forecast)
{
    lfrec_model view = view_of(op, &op->model);
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
    if (!publish_now || !refresh(op, user)) {
        lfrec_outbox_push(&op->outbox, user);
    }
}

static lfrec_learned learn_rate(lfrec_operator *op, const lfrec_event *event, int32_t partition, bool publish_now)
{
    lfrec_place place = lfrec_store_seek(op->store, event->user, event->item);
    bool was_rated = place.rated;
    float old = place.value;
    lfrec_forecast forecast;
    bool fresh = !was_rated && predict(op, &place, &forecast);
    /* First all that can fail, then the rest. */
    if (place.item == LFREC_NO_INDEX && !make_room_for_item(op)) {
        return LFREC_OUT_OF_MEMORY;
    }
    if (place.user == LFREC_NO_INDEX && !reserve_user(op)) {
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
        lfrec_prequential_add(&op->error, forecast.predicted, forecast.by_means, event->rating);
        lfrec_forecast_learn(&op->forecaster, place.user, &forecast, event->rating);
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
    if (lfrec_store_history(op->store, place.user).count == 0) {
        lfrec_forecaster_forget(&op->forecaster, place.user);
    }
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
    if (!reserve_user(op) || !lfrec_store_add_user(op->store, event->user, partition, &user)) {
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
    lfrec_forecaster_forget(&op->forecaster, user);
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
    forget_user(op, user);
    lfrec_store_remove_user(op->store, user);
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
    lfrec_options options = model_options(op, LFREC_BAYES, items, op->options.factors < items ? op->options.factors : items);
    options.seed = op->options.seed + op->trainings;
    uint64_t most = lfrec_epochs_for(options.setting, 0),
             epochs = lfrec_epochs_for(options.setting, (size_t)lfrec_store_ratings(op->store));
    epochs = op->options.epochs * epochs / most;
    options.epochs = epochs > 0 ? (uint32_t)epochs : 1;
    lfrec_options ranking;
    if (op->options.ranking > 0) {
        ranking = model_options(op, LFREC_RANKING, items, op->options.ranking < items ? op->options.ranking : items);
        ranking.epochs = lfrec_epochs_for(LFREC_RANKING, (size_t)lfrec_store_ratings(op->store));
        ranking.seed = options.seed;
    }
    op->job = lfrec_job_new(op->store, &options, op->options.ranking > 0 ? &ranking : NULL, op->model.items);
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

/* A job's model gets the operator's room, today's means, and room in *factors for a user. */
static lfrec_status fit_model(const lfrec_operator *op, lfrec_model *model, float **factors)
{
    if (model->items != op->model.items) {
        /* Items came while the training ran. */
        lfrec_model larger;
        lfrec_status status = copy_into_room(op, model, op->model.items, &larger);
        if (status != LFREC_OK) {
            return status;
        }
        lfrec_model_destroy(model);
        *model = larger;
    }
    float *more = realloc(*factors, lfrec_user_floats(model) * sizeof *more);
    if (!more) {
        return LFREC_ERROR_MEMORY;
    }
    *factors = more;
    return lfrec_model_set_means(model, &op->means);
}

static void exchange(lfrec_model *a, lfrec_model *b)
{
    lfrec_model keep = *a;
    *a = *b;
    *b = keep;
}

/* The job's models in place of the operator's, which are freed with the job: both or neither. */
static lfrec_status take_models(lfrec_operator *op, lfrec_job *job)
{
    lfrec_status status = fit_model(op, &job->model, &op->factors);
    if (status == LFREC_OK && job->ranking_options.factors > 0) {
        status = fit_model(op, &job->ranker, &op->ranking_factors);
    }
    if (status == LFREC_OK) {
        exchange(&op->model, &job->model);
        exchange(&op->ranker, &job->ranker);
        op->changes = 0;
    }
    return status;
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
        lfrec_status status = take_models(op, job);
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
    lfrec_model model = view_of(op, &op->model), ranker = view_of(op, &op->ranker);
    return op->version > 0 && lfrec_model_pack(op->store, &model, has_ranker(op) ? &ranker : NULL, buffer);
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

/* What a model must be for this operator to serve from it; its items are another matter. ranker: it orders lists. */
static const char *find_misfit(const lfrec_operator *op, const lfrec_model *model, bool ranker)
{
    if (model->setting != (ranker ? LFREC_RANKING : LFREC_BAYES)) {
        return "the model is of another kind";
    }
    if (model->factors > (ranker ? op->options.ranking : op->options.factors)) {
        return ranker ? "the model has more factors than lfrec.ranking allows here"
                      : "the model has more factors than lfrec.factors allows here";
    }
    const float least = op->options.scale_min, most = op->options.scale_max;
    if (model->scale_min < least || model->scale_min > least || model->scale_max < most || model->scale_max > most) {
        return "the model is for another scale";
    }
    return NULL;
}

/* Models with the operator's room in place of its own; ranker: no items for none. Takes them over in any case. */
static lfrec_status take_over(lfrec_operator *op, lfrec_model *model, lfrec_model *ranker)
{
    float **scratch[] = {&op->factors, &op->ranking_factors};
    lfrec_model *models[] = {model, ranker};
    lfrec_status status = LFREC_OK;
    for (int k = 0; k < 2 && status == LFREC_OK && models[k]->items > 0; ++k) {
        float *more = realloc(*scratch[k], lfrec_user_floats(models[k]) * sizeof *more);
        *scratch[k] = more ? more : *scratch[k];
        status = more ? LFREC_OK : LFREC_ERROR_MEMORY;
    }
    if (status == LFREC_OK) {
        exchange(&op->model, model);
        exchange(&op->ranker, ranker);
    }
    lfrec_model_destroy(model);
    lfrec_model_destroy(ranker);
    return status;
}

/* A packed model's content with the operator's items and room. */
static lfrec_status spread_into_room(const lfrec_operator *op, const lfrec_model *from, const uint32_t *index,
                                     lfrec_model *to)
{
    lfrec_options options = model_options(op, from->setting, op->model.items, from->factors);
    lfrec_status status = from->items > 0 ? lfrec_model_create(to, &options, NULL) : LFREC_OK;
    if (status == LFREC_OK && from->items > 0) {
        lfrec_model_spread(from, index, to);
    }
    return status;
}

bool lfrec_operator_read_model(lfrec_operator *op, const void *bytes, size_t length, uint64_t version,
                               char error[LFREC_OPERATOR_ERROR_MAX])
{
    lfrec_packed packed;
    if (!lfrec_packed_open(&packed, bytes, length, error)) {
        return false;
    }
    if (op->options.ranking == 0) {
        lfrec_model_destroy(&packed.ranker);
    }
    const char *fault = find_misfit(op, &packed.model, false);
    if (!fault && packed.ranker.items > 0) {
        fault = find_misfit(op, &packed.ranker, true);
    }
    uint32_t *index = calloc((size_t)packed.model.items + 1, sizeof *index);
    lfrec_model model = {0}, ranker = {0};
    if (!fault && (!index || !know_items(op, &packed, index))) {
        fault = "no memory for the model's items";
    }
    if (!fault) {
        lfrec_status status = spread_into_room(op, &packed.model, index, &model);
        status = status == LFREC_OK ? spread_into_room(op, &packed.ranker, index, &ranker) : status;
        status = status == LFREC_OK ? take_over(op, &model, &ranker) : status;
        fault = status == LFREC_OK ? NULL : lfrec_status_string(status);
    }
    if (fault) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "cannot take the model: %s", fault);
        lfrec_model_destroy(&model);
        lfrec_model_destroy(&ranker);
    } else {
        op->version = version;
        op->follows = true;
        touch_all(op);
    }
    free(index);
    lfrec_packed_close(&packed);
    return !fault;
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
                                  .model = view_of(op, &op->model),
                                  .ranker = has_ranker(op) ? view_of(op, &op->ranker) : (lfrec_model){0},
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
    for (uint32_t i = 0; i < saved->count; ++i) {
        uint32_t index;
        if (!is_id(saved->items[i]) || !make_room_for_item(op) || !lfrec_store_add_item(op->store, saved->items[i], &index)) {
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
    const char *fault = find_misfit(op, &saved->model, false);
    if (!fault && ranked) {
        fault = find_misfit(op, &saved->ranker, true);
    }
    if (fault || saved->model.items != saved->count || (ranked && saved->ranker.items != saved->count)) {
        return fault ? fault : "the model has other items";
    }
    lfrec_status status = copy_into_room(op, &saved->model, op->model.items, &model);
    if (status == LFREC_OK && ranked) {
        status = copy_into_room(op, &saved->ranker, op->model.items, &ranker);
    }
    if (status == LFREC_OK) {
        status = take_over(op, &model, &ranker);
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

bool lfrec_operator_restore_rating(lfrec_operator *op, lfrec_id user, lfrec_id item, float rating, int32_t partition)
{
    if (!is_id(user) || !is_id(item) || !(rating >= op->options.scale_min && rating <= op->options.scale_max)) {
        return false;
    }
    lfrec_place place = lfrec_store_seek(op->store, user, item);
    if (place.rated || (place.item == LFREC_NO_INDEX && !make_room_for_item(op)) || !reserve_user(op) ||
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
    if (!is_id(id) || !reserve_user(op) || !lfrec_store_add_user(op->store, id, partition, &user)) {
        return false;
    }
    op->outbox.user[user].published = published;
    op->forecaster.drift[user] = *drift;
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
        forget_user(op, user);
        lfrec_store_remove_user(op->store, user);
    } else {
        lfrec_outbox_remove(&op->outbox, user);
        op->outbox.user[user].published = UNKNOWN_LIST;
    }
}

void lfrec_operator_restored(lfrec_operator *op)
{
    refresh_means(op);
}
