/* operator_models.c - the operator's models: they grow with the items, follow the means, are trained, and come from other operators. */
#include "model_pack.h"
#include "operator_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_CATALOG 256u /* items whose means can all be computed again at every rating: a microsecond */
#define FEWEST_USERS 2u    /* to train on */
#define FEWEST_ITEMS 2u

lfrec_options lfrec_op_model_options(const lfrec_operator *op, lfrec_setting setting, uint32_t items, uint32_t factors)
{
    lfrec_options options = lfrec_options_for(setting, items, factors, op->options.scale_min, op->options.scale_max);
    options.item_shrink = op->options.item_shrink;
    options.user_shrink = op->options.user_shrink;
    options.threads = op->options.threads;
    if (setting != LFREC_RANKING) {
        options.learning_rate *= op->options.learning_rate_scale;
    }
    return options;
}

bool lfrec_op_has_ranker(const lfrec_operator *op)
{
    return op->ranker.items > 0;
}

lfrec_model lfrec_op_view(const lfrec_operator *op, const lfrec_model *model)
{
    lfrec_model view = *model;
    view.items = lfrec_store_items(op->store);
    view.writable = 0;
    view.memory = NULL;
    return view;
}

lfrec_status lfrec_op_copy_into_room(const lfrec_operator *op, const lfrec_model *from, uint32_t room, lfrec_model *to)
{
    lfrec_options options = lfrec_op_model_options(op, from->setting, room, from->factors);
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
bool lfrec_op_make_room_for_item(lfrec_operator *op)
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
    if (lfrec_op_copy_into_room(op, &op->model, room, &model) != LFREC_OK) {
        lfrec_means_destroy(&means);
        return false;
    }
    if (lfrec_op_has_ranker(op) && lfrec_op_copy_into_room(op, &op->ranker, room, &ranker) != LFREC_OK) {
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

/* Before the item's support in the models is brought up to date. */
static void note_crossing(lfrec_operator *op, uint32_t item)
{
    const uint32_t floor = op->options.min_support;
    op->crossings += (op->model.support[item] < floor) != (op->means.item[item].count < floor) && item < op->trained_items;
}

/* The ranker's means are never looked at, but with them comes the support of each item. */
void lfrec_op_refresh_means(lfrec_operator *op)
{
    if (op->follows) {
        return;
    }
    for (uint32_t item = 0; item < op->model.items; ++item) {
        note_crossing(op, item);
    }
    lfrec_model_set_means(&op->model, &op->means);
    if (lfrec_op_has_ranker(op)) {
        lfrec_model_set_means(&op->ranker, &op->means);
    }
    op->changes = 0;
}

/* After a change of the item's sum. The item's own mean is brought up to date at once; the others, which lean on the overall mean, at once
 * in a small catalog and otherwise when enough has changed for that to show. O(1) per change over the long run, and a function of the
 * events alone. */
void lfrec_op_refresh_mean(lfrec_operator *op, uint32_t item)
{
    if (op->follows) {
        return;
    }
    uint64_t ratings = lfrec_store_ratings(op->store), room = op->model.items;
    uint64_t patience = room <= SMALL_CATALOG ? 0 : ratings / 64 > room / 8 ? ratings / 64 : room / 8;
    if (++op->changes >= patience) {
        lfrec_op_refresh_means(op);
    } else {
        note_crossing(op, item);
        lfrec_model_set_item_mean(&op->model, &op->means, item);
        if (lfrec_op_has_ranker(op)) {
            lfrec_model_set_item_mean(&op->ranker, &op->means, item);
        }
    }
}

/* The job makes lists, too, if they are wanted, and if there is memory. */
static void want_lists(const lfrec_operator *op, lfrec_job *job)
{
    const uint32_t slots = lfrec_store_user_slots(op->store);
    if (!op->options.lists_ahead || (uint64_t)slots * op->options.top_n > LFREC_AHEAD_MOST ||
        !lfrec_forecaster_reserve(&job->forecaster, job->ratings.users) ||
        !(job->slot = malloc(job->ratings.users * sizeof *job->slot))) {
        return;
    }
    job->ahead = (lfrec_ahead){.slots = slots,
                               .top_n = op->options.top_n,
                               .min_support = op->options.min_support,
                               .training = (uint32_t)op->trainings,
                               .crossings = op->crossings};
    job->forecaster.blend = op->forecaster.blend;
    uint32_t row = 0;
    for (uint32_t user = 0; user < slots; ++user) {
        if (lfrec_store_has_user(op->store, user) && lfrec_store_history(op->store, user).count > 0) {
            job->forecaster.drift[row] = op->forecaster.drift[user];
            job->slot[row++] = user;
        }
    }
}

lfrec_job *lfrec_operator_retrain_begin(lfrec_operator *op)
{
    uint32_t items = lfrec_store_items(op->store), users = lfrec_store_rated_users(op->store);
    if (op->job || items < FEWEST_ITEMS || users < FEWEST_USERS) {
        return NULL;
    }
    lfrec_options options =
        lfrec_op_model_options(op, LFREC_BAYES, items, op->options.factors < items ? op->options.factors : items);
    options.seed = op->options.seed + op->trainings;
    uint64_t most = lfrec_epochs_for(options.setting, 0),
             epochs = lfrec_epochs_for(options.setting, (size_t)lfrec_store_ratings(op->store));
    epochs = op->options.epochs * epochs / most;
    options.epochs = epochs > 0 ? (uint32_t)epochs : 1;
    lfrec_options ranking;
    if (op->options.ranking > 0) {
        ranking =
            lfrec_op_model_options(op, LFREC_RANKING, items, op->options.ranking < items ? op->options.ranking : items);
        ranking.epochs = lfrec_epochs_for(LFREC_RANKING, (size_t)lfrec_store_ratings(op->store));
        ranking.seed = options.seed;
    }
    op->job = lfrec_job_new(op->store, &options, op->options.ranking > 0 ? &ranking : NULL, op->model.items);
    if (op->job) {
        op->job->owner = &op->job;
        ++op->trainings;
        op->trained_items = items;
        if (op->options.ranking > 0) {
            want_lists(op, op->job);
        }
    }
    return op->job;
}

void lfrec_op_touch_all(lfrec_operator *op)
{
    for (uint32_t user = 0; user < lfrec_store_user_slots(op->store); ++user) {
        if (lfrec_store_has_user(op->store, user)) {
            lfrec_outbox_push(&op->outbox, user);
        }
    }
}

/* A job's model gets the operator's room and today's means. */
static lfrec_status fit_model(const lfrec_operator *op, lfrec_model *model)
{
    if (model->items != op->model.items) {
        /* Items came while the training ran. */
        lfrec_model larger;
        lfrec_status status = lfrec_op_copy_into_room(op, model, op->model.items, &larger);
        if (status != LFREC_OK) {
            return status;
        }
        lfrec_model_destroy(model);
        *model = larger;
    }
    return lfrec_model_set_means(model, &op->means);
}

static void exchange(lfrec_model *a, lfrec_model *b)
{
    lfrec_model keep = *a;
    *a = *b;
    *b = keep;
}

/* Room for a user of each of these models; one without items is none. */
static lfrec_status fit_users(lfrec_operator *op, const lfrec_model *model, const lfrec_model *ranker)
{
    float *more = model->items > 0 ? realloc(op->factors, lfrec_user_floats(model) * sizeof *more) : op->factors;
    op->factors = more ? more : op->factors;
    return more && (ranker->items == 0 || lfrec_lister_fit(&op->lister, ranker)) ? LFREC_OK : LFREC_ERROR_MEMORY;
}

void lfrec_op_take_lists(lfrec_operator *op, lfrec_ahead *ahead)
{
    lfrec_ahead_free(&op->ahead);
    if (ahead) {
        op->ahead = *ahead;
        *ahead = (lfrec_ahead){0};
    }
}

/* The job's models in place of the operator's, which are freed with the job: both or neither. */
static lfrec_status take_models(lfrec_operator *op, lfrec_job *job)
{
    lfrec_status status = fit_model(op, &job->model);
    if (status == LFREC_OK && job->ranking_options.factors > 0) {
        status = fit_model(op, &job->ranker);
    }
    if (status == LFREC_OK) {
        status = fit_users(op, &job->model, &job->ranker);
    }
    if (status == LFREC_OK) {
        lfrec_op_take_lists(op, &job->ahead);
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
        lfrec_op_touch_all(op);
    }
    lfrec_job_free(job);
    return adopted;
}

bool lfrec_operator_write_model(const lfrec_operator *op, lfrec_buffer *buffer)
{
    lfrec_model model = lfrec_op_view(op, &op->model), ranker = lfrec_op_view(op, &op->ranker);
    return op->version > 0 && lfrec_model_pack(op->store, &model, lfrec_op_has_ranker(op) ? &ranker : NULL, buffer);
}

bool lfrec_op_may_know_item(const lfrec_operator *op)
{
    return op->options.most_items == 0 || lfrec_store_items(op->store) < op->options.most_items;
}

/* The items of a packed model, known from here on; their indices here, LFREC_NO_INDEX where it is one too many. */
static bool know_items(lfrec_operator *op, const lfrec_packed *packed, uint32_t *index)
{
    lfrec_id id;
    for (uint32_t k = 0; lfrec_packed_item(packed, k, &id); ++k) {
        index[k] = lfrec_store_find_item(op->store, id);
        if (index[k] == LFREC_NO_INDEX && lfrec_op_may_know_item(op) &&
            (!lfrec_op_make_room_for_item(op) || !lfrec_store_add_item(op->store, id, &index[k]))) {
            return false;
        }
    }
    return true;
}

const char *lfrec_op_misfit(const lfrec_operator *op, const lfrec_model *model, bool ranker)
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
    return lfrec_job_is_sane(model) ? NULL : "the model has weights that only a diverged training leaves";
}

lfrec_status lfrec_op_take_over(lfrec_operator *op, lfrec_model *model, lfrec_model *ranker)
{
    lfrec_status status = fit_users(op, model, ranker);
    if (status == LFREC_OK) {
        lfrec_op_take_lists(op, NULL);
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
    lfrec_options options = lfrec_op_model_options(op, from->setting, op->model.items, from->factors);
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
    const char *fault = lfrec_op_misfit(op, &packed.model, false);
    if (!fault && packed.ranker.items > 0) {
        fault = lfrec_op_misfit(op, &packed.ranker, true);
    }
    uint32_t *index = calloc((size_t)packed.model.items + 1, sizeof *index);
    lfrec_model model = {0}, ranker = {0};
    if (!fault && (!index || !know_items(op, &packed, index))) {
        fault = "no memory for the model's items";
    }
    if (!fault) {
        lfrec_status status = spread_into_room(op, &packed.model, index, &model);
        status = status == LFREC_OK ? spread_into_room(op, &packed.ranker, index, &ranker) : status;
        status = status == LFREC_OK ? lfrec_op_take_over(op, &model, &ranker) : status;
        fault = status == LFREC_OK ? NULL : lfrec_status_string(status);
    }
    if (fault) {
        snprintf(error, LFREC_OPERATOR_ERROR_MAX, "cannot take the model: %s", fault);
        lfrec_model_destroy(&model);
        lfrec_model_destroy(&ranker);
    } else {
        op->version = version;
        op->follows = true;
        lfrec_op_touch_all(op);
    }
    free(index);
    lfrec_packed_close(&packed);
    return !fault;
}
