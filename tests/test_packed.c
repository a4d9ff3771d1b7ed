/* Models of 8-bit weights: what a weight becomes, what it costs in precision, and that everything that serves does so from the packed rows. */
#include "lfrec.h"

#include "support.h"

enum { ITEMS = 40, RATED = 9, HEADER = 72, ROOM = 64 };

static const uint32_t sizes[] = {1, 3, 4, 9, 25}; /* factors: with and without bytes that fill up a word */

static blob packed(const lfrec_model *model)
{
    blob b = {NULL, 0, 0};
    ASSERT_OK(lfrec_save_packed_size(model, &b.room));
    b.at = take(b.room);
    ASSERT_OK(lfrec_save_packed(model, append, &b));
    ck_assert_uint_eq(b.bytes, b.room);
    return b;
}

static void load_packed(lfrec_model *loaded, const lfrec_model *model)
{
    const blob b = packed(model);
    ASSERT_OK(lfrec_load_buffer(loaded, b.at, b.bytes, NULL));
    free(b.at);
}

static const int8_t *weights(const lfrec_model *model, const float *rows, uint32_t item)
{
    return (const int8_t *)(rows + item * model->stride + 1);
}

/* Somebody's ratings of every fourth item. */
static lfrec_history history_of_somebody(void)
{
    static uint32_t item[RATED];
    static float value[RATED];
    for (uint32_t k = 0; k < RATED; k++) {
        item[k] = 4 * k;
        value[k] = 0.5f + 0.5f * (float)draw_below(10);
    }
    const lfrec_history history = {item, value, RATED};
    return history;
}

START_TEST(a_weight_is_its_rows_scale_times_a_whole_number)
{
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (size_t k = 0; k < COUNT(sizes); k++) {
            lfrec_model model, loaded;
            random_model(&model, settings[s], ITEMS, sizes[k]);
            load_packed(&loaded, &model);
            HOLDS(loaded.packed && !model.packed);
            for (uint32_t i = 0; i < ITEMS; i++) {
                const float scale = loaded.decoder[i * loaded.stride];
                int largest = 0;
                for (uint32_t q = 0; q < sizes[k]; q++) {
                    const int weight = weights(&loaded, loaded.decoder, i)[q];
                    HOLDS(fabsf(scale * (float)weight - model.decoder[i * model.stride + q]) <= 0.5001f * scale);
                    largest = abs(weight) > largest ? abs(weight) : largest;
                }
                ck_assert_int_eq(largest, 127);
                for (uint32_t q = sizes[k]; q % 4 != 0; q++) {
                    ck_assert_int_eq(weights(&loaded, loaded.decoder, i)[q], 0);
                }
            }
            lfrec_model_destroy(&loaded);
            lfrec_model_destroy(&model);
        }
    }
}
END_TEST

START_TEST(rows_of_zeros_stay_zeros)
{
    lfrec_model model, loaded;
    const lfrec_options options = lfrec_options_for(LFREC_SGD, ITEMS, 9, 1, 5);
    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
    load_packed(&loaded, &model);
    for (size_t k = 0; k < ITEMS * loaded.stride; k++) ck_assert_float_eq(loaded.encoder[k], 0);
    lfrec_model_destroy(&loaded);
    lfrec_model_destroy(&model);
}
END_TEST

/* A subnormal scale is far from a 127th of the largest weight: the weights stop at 127, on their own side of 0. */
START_TEST(weights_near_0_keep_their_signs)
{
    lfrec_model model, loaded;
    random_model(&model, LFREC_SGD, ITEMS, 4);
    for (uint32_t i = 0; i < ITEMS; i++) {
        for (uint32_t q = 0; q < 4; q++)
            writable(model.decoder)[i * model.stride + q] = (q % 2 ? -188 : 188) * 0x1p-149f;
    }
    load_packed(&loaded, &model);
    for (uint32_t i = 0; i < ITEMS; i++) {
        for (uint32_t q = 0; q < 4; q++) ck_assert_int_eq(weights(&loaded, loaded.decoder, i)[q], q % 2 ? -127 : 127);
    }
    lfrec_model_destroy(&loaded);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(file_has_a_byte_a_weight_and_a_scale_a_row)
{
    lfrec_model model;
    size_t bytes = 0;
    random_model(&model, LFREC_SGD, ITEMS, 25);
    ASSERT_OK(lfrec_save_packed_size(&model, &bytes));
    ck_assert_uint_eq(bytes, HEADER + ITEMS * (3 * 4 + 3 * (4 + 28)) + 4);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(scores_are_as_near_as_the_rounding_allows)
{
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (size_t k = 0; k < COUNT(sizes); k++) {
            float factors[ROOM], rough[ROOM], right[ITEMS], scores[ITEMS], most = 0;
            lfrec_model model, loaded;
            random_model(&model, settings[s], ITEMS, sizes[k]);
            load_packed(&loaded, &model);
            const lfrec_history history = history_of_somebody();
            lfrec_user user = user_over(factors), other = user_over(rough);
            HOLDS(lfrec_user_floats(&loaded) <= ROOM);
            ASSERT_OK(lfrec_fold_in(&model, &history, &user));
            ASSERT_OK(lfrec_fold_in(&loaded, &history, &other));
            ck_assert_float_eq(user.mean, other.mean);
            ASSERT_OK(lfrec_score(&model, &user, 0, ITEMS, right));
            ASSERT_OK(lfrec_score(&loaded, &other, 0, ITEMS, scores));
            for (size_t i = 0; i < ITEMS; i++) most = fmaxf(most, fabsf(right[i] - scores[i]));
            /* Two roundings to 1/254 of sizes of order 1, which mostly cancel. */
            ck_assert_float_lt(most, 0.05f);
            lfrec_model_destroy(&loaded);
            lfrec_model_destroy(&model);
        }
    }
}
END_TEST

START_TEST(a_trained_model_loses_next_to_nothing_on_held_out_ratings)
{
    lfrec_ratings all, known, test;
    size_t bytes = 0;
    generate(&all, 300, 120, 40, 3);
    ASSERT_OK(lfrec_split_size(&all, &bytes));
    void *memory = take(bytes);
    ASSERT_OK(lfrec_split(&all, LFREC_SPLIT_RATINGS, 0.1f, 1, memory, bytes, &known, &test));
    for (size_t s = 0; s < COUNT(settings); s++) {
        float factors[ROOM];
        lfrec_model model, loaded;
        lfrec_errors right = {0, 0, 0}, rough = {0, 0, 0};
        const lfrec_options options = lfrec_options_for(settings[s], 120, 8, 0.5f, 5);
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        ASSERT_OK(lfrec_train(&model, &options, &known, NULL, NULL, NULL));
        load_packed(&loaded, &model);
        ASSERT_OK(lfrec_evaluate(&model, &known, &test, factors, &right));
        ASSERT_OK(lfrec_evaluate(&loaded, &known, &test, factors, &rough));
        ck_assert_uint_gt(rough.count, 0);
        ck_assert_double_eq_tol(rough.rmse, right.rmse, 0.002);
        lfrec_model_destroy(&loaded);
        lfrec_model_destroy(&model);
    }
    free(memory);
    lfrec_ratings_destroy(&all);
}
END_TEST

START_TEST(reasons_add_up_to_the_score_and_lists_follow_the_scores)
{
    for (size_t s = 0; s < COUNT(settings); s++) {
        float factors[ROOM], scores[ITEMS];
        lfrec_model model, loaded;
        lfrec_scored list[ITEMS];
        lfrec_reason reasons[RATED];
        lfrec_explanation why = {reasons, RATED, 0, 0};
        size_t found = 0;
        random_model(&model, settings[s], ITEMS, 9);
        load_packed(&loaded, &model);
        const lfrec_history history = history_of_somebody();
        lfrec_user user = user_over(factors);
        lfrec_query query = lfrec_query_for(ITEMS, NULL);
        query.min_support = 0;
        ASSERT_OK(lfrec_fold_in(&loaded, &history, &user));
        ASSERT_OK(lfrec_score(&loaded, &user, 0, ITEMS, scores));
        ASSERT_OK(lfrec_top(&loaded, &user, &query, list, &found));
        ck_assert_uint_eq(found, ITEMS);
        for (size_t k = 1; k < found; k++) HOLDS(scores[list[k - 1].item] >= scores[list[k].item]);
        for (uint32_t i = 0; i < ITEMS; i++) {
            ASSERT_OK(lfrec_explain(&loaded, &user, &history, i, &why));
            float sum = why.baseline;
            for (size_t k = 0; k < why.count; k++) sum += reasons[k].share;
            ck_assert_float_eq_tol(sum, scores[i], 1e-4f);
        }
        lfrec_model_destroy(&loaded);
        lfrec_model_destroy(&model);
    }
}
END_TEST

START_TEST(distances_are_those_of_the_packed_rows)
{
    lfrec_model model, loaded;
    float right = 0, rough = 0;
    random_model(&model, LFREC_ARTICLE, ITEMS, 25);
    load_packed(&loaded, &model);
    for (uint32_t a = 0; a < ITEMS; a++) {
        for (uint32_t b = 0; b < ITEMS; b++) {
            ASSERT_OK(lfrec_distance(&model, LFREC_COSINE, a, b, &right));
            ASSERT_OK(lfrec_distance(&loaded, LFREC_COSINE, a, b, &rough));
            HOLDS(fabsf(right - rough) < 0.02f);
            ASSERT_OK(lfrec_distance(&model, LFREC_EUCLIDEAN, a, b, &right));
            ASSERT_OK(lfrec_distance(&loaded, LFREC_EUCLIDEAN, a, b, &rough));
            HOLDS(fabsf(right - rough) < 0.03f && (a != b || rough == 0.0f));
        }
    }
    lfrec_model_destroy(&loaded);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(viewed_loaded_and_saved_again_it_is_the_same)
{
    for (size_t k = 0; k < COUNT(sizes); k++) {
        lfrec_model model, loaded, view;
        const uint16_t one = 1;
        size_t bytes = 0;
        random_model(&model, LFREC_SGD, ITEMS, sizes[k]);
        const blob b = packed(&model);
        ASSERT_OK(lfrec_load_buffer(&loaded, b.at, b.bytes, NULL));
        const blob again = packed(&loaded);
        ck_assert_uint_eq(again.bytes, b.bytes);
        ck_assert_mem_eq(again.at, b.at, b.bytes);
        /* By the plain functions, too. */
        ASSERT_OK(lfrec_save_size(&loaded, &bytes));
        ck_assert_uint_eq(bytes, b.bytes);
        memset(again.at, 0, again.bytes);
        ASSERT_OK(lfrec_save_buffer(&loaded, again.at, again.bytes, &bytes));
        ck_assert_mem_eq(again.at, b.at, b.bytes);
        if (*(const unsigned char *)&one == 1) { /* lfrec_view is for little-endian machines */
            ASSERT_OK(lfrec_view(&view, b.at, b.bytes));
            HOLDS(view.packed && (const unsigned char *)view.decoder > b.at);
            ck_assert_mem_eq(view.decoder, loaded.decoder, ITEMS * loaded.stride * sizeof(float));
        }
        free(again.at);
        free(b.at);
        lfrec_model_destroy(&loaded);
        lfrec_model_destroy(&model);
    }
}
END_TEST

START_TEST(every_flipped_bit_is_reported)
{
    lfrec_model model, loaded;
    random_model(&model, LFREC_SGD, 7, 3);
    const blob b = packed(&model);
    for (size_t bit = 0; bit < 8 * b.bytes; bit++) {
        b.at[bit / 8] ^= (unsigned char)(1u << bit % 8);
        HOLDS(lfrec_load_buffer(&loaded, b.at, b.bytes, NULL) != LFREC_OK);
        b.at[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    free(b.at);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(new_means_are_taken_and_copies_refused)
{
    lfrec_model model, loaded;
    lfrec_means means;
    random_model(&model, LFREC_SGD, ITEMS, 9);
    load_packed(&loaded, &model);
    ASSERT_OK(lfrec_means_create(&means, ITEMS, NULL));
    ASSERT_OK(lfrec_means_add(&means, 3, 4.5f));
    ASSERT_OK(lfrec_model_set_means(&loaded, &means));
    ck_assert_float_eq(loaded.mean, 4.5f);
    ASSERT_STATUS(lfrec_model_copy(&model, &loaded), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_model_copy(&loaded, &model), LFREC_ERROR_ARGUMENT);
    lfrec_means_destroy(&means);
    lfrec_model_destroy(&loaded);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(training_does_not_start_from_it)
{
    lfrec_model model, loaded;
    lfrec_ratings ratings;
    lfrec_trainer trainer;
    size_t bytes = 0;
    generate(&ratings, 30, ITEMS, 10, 2);
    const lfrec_options options = lfrec_options_for(LFREC_SGD, ITEMS, 9, 0.5f, 5);
    random_model(&model, LFREC_SGD, ITEMS, 9);
    load_packed(&loaded, &model);
    ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
    void *memory = take(bytes);
    ASSERT_STATUS(lfrec_trainer_init(&trainer, &options, &ratings, &loaded, memory, bytes), LFREC_ERROR_ARGUMENT);
    free(memory);
    lfrec_ratings_destroy(&ratings);
    lfrec_model_destroy(&loaded);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(settings_that_do_not_encode_by_a_sum_are_refused)
{
    const lfrec_setting others[] = {LFREC_BAYES, LFREC_RANKING};
    for (size_t s = 0; s < COUNT(others); s++) {
        lfrec_model model;
        size_t bytes;
        blob b = {NULL, 0, 0};
        random_model(&model, others[s], ITEMS, 3);
        ASSERT_STATUS(lfrec_save_packed_size(&model, &bytes), LFREC_ERROR_ARGUMENT);
        ASSERT_STATUS(lfrec_save_packed(&model, append, &b), LFREC_ERROR_ARGUMENT);
        lfrec_model_destroy(&model);
    }
    ASSERT_STATUS(lfrec_save_packed(NULL, append, NULL), LFREC_ERROR_ARGUMENT);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_weight_is_its_rows_scale_times_a_whole_number,
        rows_of_zeros_stay_zeros,
        weights_near_0_keep_their_signs,
        file_has_a_byte_a_weight_and_a_scale_a_row,
        scores_are_as_near_as_the_rounding_allows,
        a_trained_model_loses_next_to_nothing_on_held_out_ratings,
        reasons_add_up_to_the_score_and_lists_follow_the_scores,
        distances_are_those_of_the_packed_rows,
        viewed_loaded_and_saved_again_it_is_the_same,
        every_flipped_bit_is_reported,
        new_means_are_taken_and_copies_refused,
        training_does_not_start_from_it,
        settings_that_do_not_encode_by_a_sum_are_refused,
    };
    return run_tests("packed", tests, COUNT(tests), 60);
}
