/* Training and serving against numbers of a second implementation, in Python and double precision: vectors/make_vectors.py. */
#include "lfrec.h"

#include "support.h"

/* I x K without padding; NULL: not in this setting. */
typedef struct {
    const char *name;
    lfrec_setting setting;
    lfrec_scope scope;
    int scale_input;
    uint32_t factors, batch;
    uint64_t seed;
    float start_deviation, mask, loss_weight, item_shrink, user_shrink, learning_rate, learning_rate_final, momentum;
    float weight_decay, holdout;
    float batch_loss, mean, new_mean;
    const uint8_t *hidden; /* in the first epoch, for every rating */
    const float *item_mean, *start_encoder, *start_decoder;
    const float *encoder_gradient, *decoder_gradient;   /* of batch_users, before the first epoch, under its masks */
    const float *losses, *errors;                       /* of each epoch */
    const float *encoder, *decoder, *offset, *implicit; /* after the last */
    const float *factors_of_new, *scores, *shares;      /* the newcomer's, all items', and the reasons for ASKED */
} golden;

#include "vectors/vectors.h"

static const lfrec_ratings ratings = {USERS, ITEMS, row_start, rated_item, rated_value, NULL, {NULL, NULL, NULL}};

static lfrec_options options_of(const golden *g, lfrec_path path)
{
    lfrec_options o = lfrec_options_for(g->setting, ITEMS, g->factors, 0.5f, 5);
    o.scope = g->scope;
    o.scale_input = g->scale_input;
    o.batch = g->batch;
    o.seed = g->seed;
    o.start_deviation = g->start_deviation;
    o.mask = g->mask;
    o.loss_weight = g->loss_weight;
    o.item_shrink = g->item_shrink;
    o.user_shrink = g->user_shrink;
    o.learning_rate = g->learning_rate;
    o.learning_rate_final = g->learning_rate_final;
    o.momentum = g->momentum;
    o.weight_decay = g->weight_decay;
    o.holdout = g->holdout;
    o.epochs = EPOCHS;
    o.path = path;
    ASSERT_OK(lfrec_options_check(&o, NULL));
    return o;
}

/* Within `tolerance` of the largest number there is in the array. */
static void assert_near(const char *name, const char *what, const float *rows, size_t stride, const float *right,
                        size_t count, size_t columns, float tolerance)
{
    float largest = 0;
    if (!right) {
        ck_assert_ptr_null(rows);
        return;
    }
    for (size_t k = 0; k < count * columns; k++) {
        largest = fmaxf(largest, fabsf(right[k]));
    }
    for (size_t k = 0; k < count; k++) {
        for (size_t q = 0; q < columns; q++) {
            const float x = rows[k * stride + q], y = right[k * columns + q];
            ck_assert_msg(fabsf(x - y) <= tolerance * largest, "%s, %s[%zu][%zu]: %.9g, not %.9g", name, what, k, q,
                          (double)x, (double)y);
        }
    }
}

static void assert_close(const char *name, const char *what, double x, double right)
{
    ck_assert_msg(fabs(x - right) <= 1e-5 * fabs(right), "%s, %s: %.9g, not %.9g", name, what, x, right);
}

START_TEST(masks_are_those_of_the_second_implementation)
{
    for (size_t c = 0; c < COUNT(goldens); c++) {
        for (uint32_t u = 0; u < USERS; u++) {
            uint8_t hidden[ITEMS];
            const size_t count = row_start[u + 1] - row_start[u];
            lfrec_mask(goldens[c].seed, 1, u, goldens[c].mask, count, hidden);
            ck_assert_mem_eq(hidden, goldens[c].hidden + row_start[u], count);
        }
    }
}
END_TEST

static void assert_trained(const golden *g, lfrec_path path)
{
    const lfrec_options options = options_of(g, path);
    const size_t K = g->factors;
    size_t bytes;
    lfrec_trainer t;
    ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
    void *memory = take(bytes);
    ASSERT_OK(lfrec_trainer_init(&t, &options, &ratings, NULL, memory, bytes));
    const size_t S = t.model.stride;
    assert_close(g->name, "mean", t.model.mean, g->mean);
    assert_near(g->name, "item means", t.model.item_mean, 1, g->item_mean, ITEMS, 1, 1e-6f);
    /* Random numbers go through a float's logarithm and root here; from then on the weights are the very same. */
    assert_near(g->name, "start of the encoder", t.encoder, S, g->start_encoder, ITEMS, K, 2e-6f);
    assert_near(g->name, "start of the decoder", t.decoder, S, g->start_decoder, ITEMS, K, 2e-6f);
    for (size_t i = 0; i < ITEMS; i++) {
        memcpy(t.encoder + i * S, g->start_encoder + i * K, K * sizeof(float));
        memcpy(t.decoder + i * S, g->start_decoder + i * K, K * sizeof(float));
    }
    if (g->encoder_gradient) {
        lfrec_loss loss;
        ASSERT_OK(lfrec_trainer_gradient(&t, batch_users, BATCH_USERS, 1, &loss));
        assert_close(g->name, "loss of a batch", lfrec_loss_value(&loss, g->loss_weight), g->batch_loss);
        assert_near(g->name, "gradient of the encoder", t.encoder_gradient, S, g->encoder_gradient, ITEMS, K, 1e-5f);
        assert_near(g->name, "gradient of the decoder", t.decoder_gradient, S, g->decoder_gradient, ITEMS, K, 1e-5f);
    }
    for (int k = 0; k < EPOCHS; k++) {
        lfrec_epoch epoch;
        ASSERT_OK(lfrec_trainer_epoch(&t, &epoch));
        assert_close(g->name, "loss", epoch.loss, g->losses[k]);
        assert_close(g->name, "error", epoch.held_out_error, g->errors[k]);
    }
    assert_near(g->name, "encoder", t.encoder, S, g->encoder, ITEMS, K, 1e-5f);
    assert_near(g->name, "decoder", t.decoder, S, g->decoder, ITEMS, K, 1e-5f);
    assert_near(g->name, "offset", t.offset, 1, g->offset, ITEMS, 1, 1e-5f);
    assert_near(g->name, "implicit", t.implicit, S, g->implicit, ITEMS, K, 1e-5f);
    free(memory);
}

START_TEST(epochs_on_the_sparse_path_are_those_of_the_second_implementation)
{
    for (size_t c = 0; c < COUNT(goldens); c++) {
        assert_trained(&goldens[c], LFREC_PATH_SPARSE);
    }
}
END_TEST

START_TEST(epochs_on_the_dense_path_are_those_of_the_second_implementation)
{
    for (size_t c = 0; c < COUNT(goldens); c++) {
        if (goldens[c].setting == LFREC_ARTICLE) assert_trained(&goldens[c], LFREC_PATH_DENSE);
    }
}
END_TEST

START_TEST(newcomer_is_served_as_by_the_second_implementation)
{
    static const lfrec_history history = {new_item, new_value, NEW_RATINGS};
    for (size_t c = 0; c < COUNT(goldens); c++) {
        const golden *g = &goldens[c];
        const size_t K = g->factors;
        const lfrec_options options = options_of(g, LFREC_PATH_SPARSE);
        float factors[LFREC_STRIDE(ITEMS)], scores[ITEMS], mean = 0;
        lfrec_user user = user_over(factors);
        lfrec_reason reasons[NEW_RATINGS];
        lfrec_explanation why = {reasons, NEW_RATINGS, 0, 0};
        lfrec_model model;
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        model.mean = g->mean;
        memcpy(writable(model.item_mean), g->item_mean, ITEMS * sizeof(float));
        for (size_t i = 0; i < ITEMS; i++) {
            memcpy(writable(model.encoder) + i * model.stride, g->encoder + i * K, K * sizeof(float));
            memcpy(writable(model.decoder) + i * model.stride, g->decoder + i * K, K * sizeof(float));
            if (g->implicit) {
                memcpy(writable(model.implicit) + i * model.stride, g->implicit + i * K, K * sizeof(float));
                writable(model.offset)[i] = g->offset[i];
            }
        }
        ASSERT_OK(lfrec_user_mean(&model, &history, &mean));
        assert_close(g->name, "user's mean", mean, g->new_mean);
        ASSERT_OK(lfrec_fold_in(&model, &history, &user));
        assert_near(g->name, "factors", factors, K, g->factors_of_new, 1, K, 1e-5f);
        ASSERT_OK(lfrec_score(&model, &user, 0, ITEMS, scores));
        assert_near(g->name, "scores", scores, 1, g->scores, ITEMS, 1, 1e-5f);
        for (uint32_t i = 0; i < ITEMS; i++) {
            float rating;
            ASSERT_OK(lfrec_predict(&model, &user, i, &rating));
            assert_close(g->name, "rating", rating, fmin(5, fmax(0.5, (double)g->scores[i])));
        }
        ASSERT_OK(lfrec_explain(&model, &user, &history, ASKED, &why));
        ck_assert_uint_eq(why.count, NEW_RATINGS);
        for (size_t k = 0; k < NEW_RATINGS; k++) {
            size_t at = 0;
            while (new_item[at] != reasons[k].item) {
                ck_assert_uint_lt(++at, NEW_RATINGS);
            }
            ck_assert_float_eq_tol(reasons[k].share, g->shares[at], 1e-6f);
        }
        lfrec_model_destroy(&model);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        masks_are_those_of_the_second_implementation,
        epochs_on_the_sparse_path_are_those_of_the_second_implementation,
        epochs_on_the_dense_path_are_those_of_the_second_implementation,
        newcomer_is_served_as_by_the_second_implementation,
    };
    return run_tests("vectors", tests, COUNT(tests), 60);
}
