/* test_forecast.c - what moves and blends the model's word between trainings, on models made for the purpose. */
#include "../../plugin/forecast.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

enum { USERS = 12, ITEMS = 10 };

/* Users of two kinds who love one half of the items and hate the other. */
static lfrec_model trained(lfrec_setting setting)
{
    lfrec_rating rating[USERS * ITEMS];
    size_t count = 0;
    for (uint32_t u = 0; u < USERS; ++u) {
        for (uint32_t i = 0; i < ITEMS; ++i) {
            if ((u * 7 + i * 3) % 5 != 0) {
                rating[count++] = (lfrec_rating){u, i, u % 2 == i % 2 ? 5 : 1};
            }
        }
    }
    lfrec_ratings ratings;
    ck_assert_int_eq(lfrec_ratings_create(&ratings, USERS, ITEMS, rating, count, NULL), LFREC_OK);
    lfrec_options options = lfrec_options_for(setting, ITEMS, 2, 1, 5);
    options.epochs = 60;
    options.holdout = 0;
    lfrec_model model;
    ck_assert_int_eq(lfrec_model_create(&model, &options, NULL), LFREC_OK);
    ck_assert_int_eq(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL), LFREC_OK);
    lfrec_ratings_destroy(&ratings);
    return model;
}

static const uint32_t some_items[] = {0, 1, 2, 4};
static const float some_values[] = {4, 2, 5, 5};
static const lfrec_history some = {some_items, some_values, 4};
static float factors[4096];

static lfrec_forecast forecast_of(const lfrec_forecaster *forecaster, const lfrec_model *model, uint32_t item)
{
    lfrec_user folded = {.factors = factors};
    lfrec_forecast forecast;
    ck_assert_uint_le(lfrec_user_floats(model), sizeof factors / sizeof *factors);
    ck_assert_int_eq(lfrec_forecast_rating(forecaster, model, 0, &some, item, &folded, &forecast), LFREC_OK);
    return forecast;
}

static void learn_often(lfrec_forecaster *forecaster, const lfrec_model *model, float above, int times)
{
    for (int k = 0; k < times; ++k) {
        lfrec_forecast forecast = forecast_of(forecaster, model, 3 + (uint32_t)k % 2);
        lfrec_forecast_learn(forecaster, 0, &forecast, forecast.model - forecast.ahead.slow - forecast.ahead.fast + above);
    }
}

START_TEST(nothing_learned_leaves_the_models_word_alone)
{
    lfrec_model model = trained(LFREC_BAYES);
    lfrec_forecaster forecaster = {0};
    ck_assert(lfrec_forecaster_reserve(&forecaster, 1));
    lfrec_user folded = {.factors = factors};
    ck_assert_int_eq(lfrec_fold_in(&model, &some, &folded), LFREC_OK);
    float rating;
    ck_assert_int_eq(lfrec_predict(&model, &folded, 6, &rating), LFREC_OK);
    ck_assert_float_eq_tol(forecast_of(&forecaster, &model, 6).predicted, rating, 1e-5f);
    lfrec_forecaster_free(&forecaster);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(a_user_who_rates_higher_than_foreseen_is_foreseen_higher_and_forgotten_on_demand)
{
    lfrec_model model = trained(LFREC_BAYES);
    lfrec_forecaster forecaster = {0};
    ck_assert(lfrec_forecaster_reserve(&forecaster, 1));
    lfrec_forecast before = forecast_of(&forecaster, &model, 7);
    learn_often(&forecaster, &model, 0.5f, 400);
    forecaster.blend = (lfrec_blend){0}; /* the drift alone */
    ck_assert_float_eq_tol(forecast_of(&forecaster, &model, 7).model - before.model, 0.5f, 0.1f);
    lfrec_forecaster_forget(&forecaster, 0);
    ck_assert(forecast_of(&forecaster, &model, 7).model == before.model);
    lfrec_forecaster_free(&forecaster);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(one_odd_rating_is_a_mood_that_passes)
{
    lfrec_drift drift = {0};
    lfrec_drift ahead = lfrec_drift_ahead(&drift, 1);
    drift = lfrec_drift_learned(&ahead, 2, 0.75f);
    ahead = lfrec_drift_ahead(&drift, 1);
    ck_assert_float_gt(ahead.fast, 0.01f);
    ck_assert_float_lt(ahead.slow, 0.1f * ahead.fast);
    for (int k = 0; k < 30; ++k) {
        ahead = lfrec_drift_ahead(&ahead, 1);
    }
    ck_assert_float_lt(ahead.fast, 0.001f);
    ck_assert_float_eq(ahead.slow, drift.slow);
    ck_assert_float_le(ahead.slow_variance, LFREC_DRIFT_WALKED);
    ck_assert_float_le(ahead.fast_variance, LFREC_DRIFT_SPREAD);
}
END_TEST

START_TEST(drift_does_not_depend_on_the_scale)
{
    lfrec_drift small = {0}, large = {0};
    for (int k = 0; k < 50; ++k) {
        float error = (float)(k % 7) - 2;
        lfrec_drift a = lfrec_drift_ahead(&small, 1), b = lfrec_drift_ahead(&large, 400);
        small = lfrec_drift_learned(&a, error, 0.8f);
        large = lfrec_drift_learned(&b, 20 * error, 400 * 0.8f);
    }
    ck_assert_float_eq_tol(20 * small.slow, large.slow, 1e-4f);
    ck_assert_float_eq_tol(20 * small.fast, large.fast, 1e-4f);
}
END_TEST

START_TEST(a_model_that_knows_no_better_than_the_means_loses_its_weight)
{
    lfrec_blend blend = {0};
    ck_assert_float_eq(lfrec_blend_weight(&blend, 0), 1);
    for (int k = 0; k < 1000; ++k) {
        lfrec_blend_learn(&blend, 1, k % 2 ? 4 : 2, 3, 3 + (float)(k % 3 - 1), 1);
        lfrec_blend_learn(&blend, 20, k % 2 ? 4 : 2, 3, k % 2 ? 4.5f : 1.5f, 1);
    }
    ck_assert_float_lt(lfrec_blend_weight(&blend, 1), 0.1f);
    ck_assert_float_lt(lfrec_blend_weight(&blend, 2), 0.1f);
    ck_assert_float_eq(lfrec_blend_weight(&blend, 3), 1);  /* another range: nothing was learned */
    ck_assert_float_eq(lfrec_blend_weight(&blend, 20), 1); /* never more than the model says */
    ck_assert_float_eq(lfrec_blend_weight(&blend, SIZE_MAX), 1);
}
END_TEST

START_TEST(the_served_users_scores_are_the_forecast_ratings)
{
    lfrec_model model = trained(LFREC_BAYES);
    lfrec_forecaster forecaster = {0};
    ck_assert(lfrec_forecaster_reserve(&forecaster, 1));
    learn_often(&forecaster, &model, -0.3f, 20);
    float scores[ITEMS], weight;
    lfrec_user folded = {.factors = factors};
    ck_assert_int_eq(lfrec_forecast_user(&forecaster, &model, 0, &some, &folded, &weight), LFREC_OK);
    ck_assert(weight > 0 && weight < 1);
    ck_assert_int_eq(lfrec_score(&model, &folded, 0, ITEMS, scores), LFREC_OK);
    for (uint32_t i = 0; i < ITEMS; ++i) {
        float on_scale = fminf(fmaxf(scores[i], 1), 5);
        ck_assert_float_eq_tol(on_scale, forecast_of(&forecaster, &model, i).predicted, 1e-5f);
    }
    lfrec_forecaster_free(&forecaster);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(an_unknown_user_and_an_unknown_item_get_the_means)
{
    lfrec_model model = trained(LFREC_BAYES);
    lfrec_forecaster forecaster = {0};
    lfrec_user folded = {.factors = factors};
    lfrec_history nothing = {0};
    lfrec_forecast forecast;
    ck_assert_int_eq(
        lfrec_forecast_rating(&forecaster, &model, LFREC_NO_INDEX, &nothing, LFREC_NO_INDEX, &folded, &forecast), LFREC_OK);
    ck_assert_float_eq_tol(forecast.by_means, model.mean, 1e-5f);
    ck_assert_float_eq_tol(forecast.predicted, model.mean, 0.2f);
    ck_assert(forecast.variance > 0);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(another_setting_is_served_as_it_is)
{
    lfrec_model model = trained(LFREC_SGD);
    lfrec_forecaster forecaster = {0};
    ck_assert(lfrec_forecaster_reserve(&forecaster, 1));
    lfrec_forecast forecast = forecast_of(&forecaster, &model, 3);
    lfrec_forecast_learn(&forecaster, 0, &forecast, 1);
    ck_assert(!forecast.blended);
    ck_assert(forecast_of(&forecaster, &model, 3).predicted == forecast.predicted);
    lfrec_forecaster_free(&forecaster);
    lfrec_model_destroy(&model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("forecast");
    TCase *all = tcase_create("all");
    tcase_add_test(all, nothing_learned_leaves_the_models_word_alone);
    tcase_add_test(all, a_user_who_rates_higher_than_foreseen_is_foreseen_higher_and_forgotten_on_demand);
    tcase_add_test(all, one_odd_rating_is_a_mood_that_passes);
    tcase_add_test(all, drift_does_not_depend_on_the_scale);
    tcase_add_test(all, a_model_that_knows_no_better_than_the_means_loses_its_weight);
    tcase_add_test(all, the_served_users_scores_are_the_forecast_ratings);
    tcase_add_test(all, an_unknown_user_and_an_unknown_item_get_the_means);
    tcase_add_test(all, another_setting_is_served_as_it_is);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
