/* LFREC_BAYES and LFREC_RANKING against numbers of a second implementation, in Python and double precision:
 * vectors/make_posteriors.py. */
#include "lfrec.h"

#include "support.h"

/* I x (K + 2) without padding, but implicit: I x (K + 1). */
typedef struct {
    const char *name;
    uint32_t factors;
    float step;
    uint64_t seed;
    float gain;
    const float *start, *errors;                                   /* of each epoch */
    const float *decoder, *implicit, *variance, *precision;        /* after the last */
    const float *factors_of_new, *scores, *deviations, *predicted; /* the newcomer's */
} bayes_golden;

#include "vectors/posteriors.h"

static const lfrec_ratings ratings = {USERS, ITEMS, row_start, rated_item, rated_value, NULL, {NULL, NULL, NULL}};
static const lfrec_history newcomer = {new_item, new_value, NEW_RATINGS};

/* Within `tolerance` of the largest number there is in the array. */
static void assert_near(const char *name, const char *what, const float *rows, size_t stride, const float *right,
                        size_t count, size_t columns, float tolerance)
{
    float largest = 0;
    for (size_t k = 0; k < count * columns; k++) largest = fmaxf(largest, fabsf(right[k]));
    for (size_t k = 0; k < count; k++) {
        for (size_t q = 0; q < columns; q++) {
            const float x = rows[k * stride + q], y = right[k * columns + q];
            ck_assert_msg(fabsf(x - y) <= tolerance * largest, "%s, %s[%zu][%zu]: %.9g, not %.9g", name, what, k, q,
                          (double)x, (double)y);
        }
    }
}

typedef struct {
    lfrec_trainer trainer;
    void *memory;
} training;

/* A trainer with the golden starting weights. */
static void begin(training *t, const lfrec_options *options, const float *start, size_t columns)
{
    size_t bytes;
    ASSERT_OK(lfrec_options_check(options, NULL));
    ASSERT_OK(lfrec_trainer_size(options, &ratings, &bytes));
    t->memory = take(bytes);
    ASSERT_OK(lfrec_trainer_init(&t->trainer, options, &ratings, NULL, t->memory, bytes));
    const size_t S = t->trainer.model.stride;
    /* Random numbers go through a float's logarithm and root here; from then on the weights are the very same. */
    assert_near("start", "decoder", t->trainer.decoder, S, start, ITEMS, columns, 2e-6f);
    for (size_t i = 0; i < ITEMS; i++) memcpy(t->trainer.decoder + i * S, start + i * columns, columns * sizeof(float));
}

static lfrec_options bayes_options(const bayes_golden *g)
{
    lfrec_options o = lfrec_options_for(LFREC_BAYES, ITEMS, g->factors, 0.5f, 5);
    o.epochs = EPOCHS;
    o.step = g->step;
    o.seed = g->seed;
    return o;
}

static lfrec_model trained(const lfrec_options *options, training *t)
{
    lfrec_model model;
    ASSERT_OK(lfrec_model_create(&model, options, NULL));
    ASSERT_OK(lfrec_trainer_finish(&t->trainer, &model));
    free(t->memory);
    return model;
}

static lfrec_model bayes_model(const bayes_golden *g)
{
    const lfrec_options options = bayes_options(g);
    training t;
    begin(&t, &options, g->start, g->factors + 2u);
    ck_assert_float_eq_tol(t.trainer.model.gain, g->gain, 1e-5f * g->gain);
    for (int k = 0; k < EPOCHS; k++) {
        lfrec_epoch epoch;
        ASSERT_OK(lfrec_trainer_epoch(&t.trainer, &epoch));
        ck_assert_msg(fabs(epoch.held_out_error - (double)g->errors[k]) <= 1e-4 * (double)g->errors[k],
                      "%s: epoch %d: %g, not %g", g->name, k + 1, epoch.held_out_error, (double)g->errors[k]);
    }
    return trained(&options, &t);
}

START_TEST(epochs_of_bayes_are_those_of_the_second_implementation)
{
    for (size_t c = 0; c < COUNT(bayes_goldens); c++) {
        const bayes_golden *g = &bayes_goldens[c];
        const size_t K = g->factors;
        lfrec_model model = bayes_model(g);
        const size_t S = model.stride;
        assert_near(g->name, "decoder", model.decoder, S, g->decoder, ITEMS, K + 2, 1e-4f);
        assert_near(g->name, "implicit", model.implicit, S, g->implicit, ITEMS, K + 1, 1e-4f);
        assert_near(g->name, "variance", model.variance, S, g->variance, ITEMS, K + 2, 1e-4f);
        assert_near(g->name, "precision", model.precision, 1, g->precision, ITEMS, 1, 1e-4f);
        lfrec_model_destroy(&model);
    }
}
END_TEST

START_TEST(newcomer_to_bayes_is_served_as_by_the_second_implementation)
{
    for (size_t c = 0; c < COUNT(bayes_goldens); c++) {
        const bayes_golden *g = &bayes_goldens[c];
        const size_t K = g->factors;
        lfrec_model model = bayes_model(g);
        float scores[ITEMS];
        lfrec_user user = {0, 0, NULL};
        user.factors = take(lfrec_user_floats(&model) * sizeof(float));
        ASSERT_OK(lfrec_fold_in(&model, &newcomer, &user));
        assert_near(g->name, "factors", user.factors, K, g->factors_of_new, 1, K, 1e-4f);
        ck_assert_float_eq_tol(user.mean, g->factors_of_new[K], 1e-4f);
        ASSERT_OK(lfrec_score(&model, &user, 0, ITEMS, scores));
        assert_near(g->name, "scores", scores, 1, g->scores, ITEMS, 1, 1e-4f);
        for (uint32_t i = 0; i < ITEMS; i++) {
            float rating, deviation;
            ASSERT_OK(lfrec_predict(&model, &user, i, &rating));
            ck_assert_float_eq_tol(rating, g->predicted[i], 1e-4f);
            ASSERT_OK(lfrec_deviation(&model, &user, i, &deviation));
            ck_assert_float_eq_tol(deviation, g->deviations[i], 1e-4f);
        }
        free(user.factors);
        lfrec_model_destroy(&model);
    }
}
END_TEST

START_TEST(epochs_and_newcomer_of_ranking_are_those_of_the_second_implementation)
{
    lfrec_options options = lfrec_options_for(LFREC_RANKING, ITEMS, RANKING_FACTORS, 0.5f, 5);
    options.epochs = EPOCHS;
    options.seed = RANKING_SEED;
    training t;
    begin(&t, &options, ranking_start, RANKING_FACTORS);
    for (int k = 0; k < EPOCHS; k++) ASSERT_OK(lfrec_trainer_epoch(&t.trainer, NULL));
    lfrec_model model = trained(&options, &t);
    assert_near("ranking", "decoder", model.decoder, model.stride, ranking_decoder, ITEMS, RANKING_FACTORS, 1e-4f);
    float scores[ITEMS];
    lfrec_user user = {0, 0, NULL};
    user.factors = take(lfrec_user_floats(&model) * sizeof(float));
    ASSERT_OK(lfrec_fold_in(&model, &newcomer, &user));
    assert_near("ranking", "factors", user.factors, RANKING_FACTORS, ranking_factors, 1, RANKING_FACTORS, 1e-4f);
    ASSERT_OK(lfrec_score(&model, &user, 0, ITEMS, scores));
    assert_near("ranking", "scores", scores, 1, ranking_scores, ITEMS, 1, 1e-4f);
    free(user.factors);
    lfrec_model_destroy(&model);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        epochs_of_bayes_are_those_of_the_second_implementation,
        newcomer_to_bayes_is_served_as_by_the_second_implementation,
        epochs_and_newcomer_of_ranking_are_those_of_the_second_implementation,
    };
    return run_tests("posteriors", tests, COUNT(tests), 60);
}
