#include "forecast.h"
#include "room.h"

#include <stdlib.h>
#include <string.h>

bool lfrec_forecaster_reserve(lfrec_forecaster *forecaster, uint32_t users)
{
    if (users <= forecaster->room) {
        return true;
    }
    lfrec_drift *drift = lfrec_grown(forecaster->drift, &forecaster->room, users, sizeof *drift);
    if (!drift) {
        return false;
    }
    forecaster->drift = drift;
    return true;
}

void lfrec_forecaster_free(lfrec_forecaster *forecaster)
{
    free(forecaster->drift);
    *forecaster = (lfrec_forecaster){0};
}

void lfrec_forecaster_forget(lfrec_forecaster *forecaster, uint32_t user)
{
    forecaster->drift[user] = (lfrec_drift){0};
}

/* In squared ratings: what a variance of 1 is to the model, which multiplies ratings by its gain. */
static float unit_of(const lfrec_model *model)
{
    return model->gain > 0 ? 1 / (model->gain * model->gain) : 1;
}

static lfrec_drift drift_ahead(const lfrec_forecaster *forecaster, uint32_t user, float unit)
{
    lfrec_drift none = {0};
    return lfrec_drift_ahead(user != LFREC_NO_INDEX ? &forecaster->drift[user] : &none, unit);
}

lfrec_status lfrec_forecast_user(const lfrec_forecaster *forecaster, const lfrec_model *model, uint32_t user,
                                 const lfrec_history *history, lfrec_user *folded, float *weight)
{
    if (weight) {
        *weight = 1;
    }
    lfrec_status status = lfrec_fold_in(model, history, folded);
    if (status != LFREC_OK || model->setting != LFREC_BAYES) {
        return status;
    }
    float means;
    status = lfrec_user_mean(model, history, &means);
    if (status != LFREC_OK) {
        return status;
    }
    /* A score is item mean + user mean + F . h, and the means' is item mean + the user's plain mean: so the blend of the two is the score
     * of a user in between. */
    lfrec_drift ahead = drift_ahead(forecaster, user, unit_of(model));
    float share = lfrec_blend_weight(&forecaster->blend, history->count);
    folded->mean = means + share * (folded->mean + ahead.slow + ahead.fast - means);
    for (size_t k = 0; k < model->stride; ++k) {
        folded->factors[k] *= share;
    }
    if (weight) {
        *weight = share;
    }
    return LFREC_OK;
}

static float clamped(const lfrec_model *model, float rating)
{
    rating = rating < model->scale_min ? model->scale_min : rating;
    return rating > model->scale_max ? model->scale_max : rating;
}

lfrec_status lfrec_forecast_rating(const lfrec_forecaster *forecaster, const lfrec_model *model, uint32_t user,
                                   const lfrec_history *history, uint32_t item, lfrec_user *folded, lfrec_forecast *forecast)
{
    *forecast = (lfrec_forecast){.blended = model->setting == LFREC_BAYES, .unit = unit_of(model), .rated = history->count};
    lfrec_status status = lfrec_user_mean(model, history, &forecast->means);
    forecast->means += item != LFREC_NO_INDEX ? model->item_mean[item] : model->mean;
    forecast->by_means = forecast->predicted = clamped(model, forecast->means);
    if (status != LFREC_OK || !forecast->blended) {
        return status; /* folding in would cost time and add zeros */
    }
    float deviation = 0;
    status = lfrec_fold_in(model, history, folded);
    forecast->model = model->mean + folded->mean;
    if (status == LFREC_OK && item != LFREC_NO_INDEX) {
        status = lfrec_score(model, folded, item, 1, &forecast->model);
    }
    if (status == LFREC_OK && item != LFREC_NO_INDEX) {
        status = lfrec_deviation(model, folded, item, &deviation);
    }
    forecast->variance = deviation > 0 ? deviation * deviation : forecast->unit;
    forecast->ahead = drift_ahead(forecaster, user, forecast->unit);
    forecast->model += forecast->ahead.slow + forecast->ahead.fast;
    float share = lfrec_blend_weight(&forecaster->blend, history->count);
    forecast->predicted = clamped(model, forecast->means + share * (forecast->model - forecast->means));
    return status;
}

void lfrec_forecast_learn(lfrec_forecaster *forecaster, uint32_t user, const lfrec_forecast *forecast, float rating)
{
    if (!forecast->blended) {
        return;
    }
    forecaster->drift[user] = lfrec_drift_learned(&forecast->ahead, rating - forecast->model, forecast->variance);
    lfrec_blend_learn(&forecaster->blend, forecast->rated, forecast->model, forecast->means, rating, forecast->unit);
}
