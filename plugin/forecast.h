/* forecast.h - what a user would rate an item: the model's word, moved by the user's drift, blended with the means.
 *
 * The model is trained now and then; drift and blend learn from every rating between. They learn from a pair's first rating only, as the
 * running error does: a log that is delivered again moves nothing. Part of the operator; users are indices of its store.
 * A model that is not LFREC_BAYES, as before the first training, is the means alone: nothing is moved, and nothing learned. */
#ifndef LFREC_FORECAST_H
#define LFREC_FORECAST_H

#include "../lfrec.h"
#include "blend.h"
#include "drift.h"
#include "ratings.h"

#include <stdbool.h>

/* All zero is an empty one. */
typedef struct lfrec_forecaster {
    lfrec_drift *drift; /* room */
    uint32_t room;
    lfrec_blend blend;
} lfrec_forecaster;

/* One pair, before its rating is known. */
typedef struct lfrec_forecast {
    float predicted, by_means; /* within the scale */
    bool blended;              /* the rest is there, and there is something to learn */
    float model, means;        /* unclamped: the model's word with the drift in it; the means' */
    float variance, unit;      /* of the model's word without the drift; of such variances */
    size_t rated;              /* by the user so far */
    lfrec_drift ahead;
} lfrec_forecast;

/* Makes room for users 0 .. users - 1. false: no memory, nothing changed. */
bool lfrec_forecaster_reserve(lfrec_forecaster *forecaster, uint32_t users);
void lfrec_forecaster_free(lfrec_forecaster *forecaster);
void lfrec_forecaster_forget(lfrec_forecaster *forecaster, uint32_t user); /* no ratings any more: nothing is remembered */

/* Folds the user in as served: every score of the model is then a blended one. user: LFREC_NO_INDEX for one nobody knows.
 * *weight: the model's in it, by which lfrec_explain's shares are to be multiplied; may be NULL. */
lfrec_status lfrec_forecast_user(const lfrec_forecaster *forecaster, const lfrec_model *model, uint32_t user,
                                 const lfrec_history *history, lfrec_user *folded, float *weight);

/* item: LFREC_NO_INDEX for one nobody has rated. folded: its factors are scratch. */
lfrec_status lfrec_forecast_rating(const lfrec_forecaster *forecaster, const lfrec_model *model, uint32_t user,
                                   const lfrec_history *history, uint32_t item, lfrec_user *folded,
                                   lfrec_forecast *forecast);

/* The rating has come; the user is known by now. */
void lfrec_forecast_learn(lfrec_forecaster *forecaster, uint32_t user, const lfrec_forecast *forecast, float rating);

#endif
