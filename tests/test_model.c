/* The model as an object: options, memory, means, copies, preferences. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#endif
#include "lfrec.h"

#include "support.h"

#include <sys/mman.h>

/* ---- options ---- */

START_TEST(defaults_are_legal_for_every_setting_and_size)
{
    static const uint32_t shapes[][2] = {{1, 1}, {500, 25}, {UINT32_MAX - 1, LFREC_MAX_FACTORS}};
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        for (size_t k = 0; k < COUNT(shapes); k++) {
            const lfrec_options options = lfrec_options_for(all_settings[s], shapes[k][0], shapes[k][1], 1, 5);
            const char *field = "something";
            ASSERT_OK(lfrec_options_check(&options, &field));
            ck_assert_ptr_null(field);
            ASSERT_OK(lfrec_options_check(&options, NULL));
        }
    }
}
END_TEST

static lfrec_options good;

static void assert_bad(const lfrec_options *options, const char *name)
{
    const char *field = NULL;
    size_t bytes = 7;
    lfrec_model model;
    watch w;
    const lfrec_allocator allocator = watched(&w);
    const lfrec_status status = lfrec_options_check(options, &field);
    ck_assert_msg(status == LFREC_ERROR_ARGUMENT, "%s: %s", name, lfrec_status_string(status));
    ck_assert_str_eq(field, name);
    ASSERT_STATUS(lfrec_model_size(options, &bytes), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_model_create(&model, options, &allocator), LFREC_ERROR_ARGUMENT);
    ck_assert_uint_eq(bytes, 7);
    ck_assert_uint_eq(w.calls, 0);
}

#define ASSERT_BAD(field, bad)        \
    do {                              \
        lfrec_options options = good; \
        options.field = (bad);        \
        assert_bad(&options, #field); \
    } while (0)

#define ASSERT_GOOD(field, value)                       \
    do {                                                \
        lfrec_options options = good;                   \
        options.field = (value);                        \
        ASSERT_OK(lfrec_options_check(&options, NULL)); \
    } while (0)

START_TEST(every_bad_option_is_named)
{
    static const float no_numbers[] = {NAN, INFINITY, -INFINITY};
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        good = lfrec_options_for(all_settings[s], 20, 5, 1, 5);
        for (size_t k = 0; k < COUNT(no_numbers); k++) {
            ASSERT_BAD(scale_min, no_numbers[k]);
            ASSERT_BAD(scale_max, no_numbers[k]);
            ASSERT_BAD(item_shrink, no_numbers[k]);
            ASSERT_BAD(user_shrink, no_numbers[k]);
            ASSERT_BAD(start_deviation, no_numbers[k]);
            ASSERT_BAD(mask, no_numbers[k]);
            ASSERT_BAD(loss_weight, no_numbers[k]);
            ASSERT_BAD(learning_rate, no_numbers[k]);
            ASSERT_BAD(learning_rate_final, no_numbers[k]);
            ASSERT_BAD(momentum, no_numbers[k]);
            ASSERT_BAD(weight_decay, no_numbers[k]);
            ASSERT_BAD(holdout, no_numbers[k]);
        }
        ASSERT_BAD(setting, (lfrec_setting)77);
        ASSERT_BAD(items, 0);
        ASSERT_BAD(items, UINT32_MAX);
        ASSERT_BAD(factors, 0);
        ASSERT_BAD(factors, 21); /* more than items */
        ASSERT_BAD(factors, (uint32_t)-5);
        ASSERT_BAD(scale_min, -40000);
        ASSERT_BAD(scale_max, 40000);
        ASSERT_BAD(scale_max, 1); /* scale_min */
        ASSERT_BAD(scale_max, 0);
        ASSERT_BAD(item_shrink, -0.1f);
        ASSERT_BAD(user_shrink, -0.1f);
        ASSERT_BAD(start_deviation, 0);
        ASSERT_BAD(start_deviation, -1);
        ASSERT_BAD(mask, -0.1f);
        ASSERT_BAD(mask, 1.1f);
        ASSERT_BAD(loss_weight, -0.1f);
        ASSERT_BAD(loss_weight, 1.1f);
        ASSERT_BAD(scope, (lfrec_scope)2);
        ASSERT_BAD(path, (lfrec_path)3);
        ASSERT_BAD(epochs, 0);
        ASSERT_BAD(batch, 0);
        ASSERT_BAD(learning_rate, 0);
        ASSERT_BAD(learning_rate, -1);
        ASSERT_BAD(learning_rate_final, -0.1f);
        ASSERT_BAD(learning_rate_final, 1.1f);
        ASSERT_BAD(momentum, -0.1f);
        ASSERT_BAD(momentum, 1);
        ASSERT_BAD(weight_decay, -0.1f);
        ASSERT_BAD(holdout, -0.1f);
        ASSERT_BAD(holdout, 1);
        ASSERT_BAD(isa, (lfrec_isa)99);
    }
    good = lfrec_options_for(LFREC_ARTICLE, 2000, 5, 1, 5);
    ASSERT_BAD(factors, LFREC_MAX_FACTORS + 1);
    for (size_t s = 0; s < COUNT(all_settings); s++) { /* there are none in these settings */
        good = lfrec_options_for(all_settings[s], 20, 5, 1, 5);
        if (all_settings[s] == LFREC_ARTICLE) continue;
        ASSERT_BAD(momentum, 0.5f);
        ASSERT_BAD(scope, LFREC_SCOPE_ALL);
        ASSERT_BAD(path, LFREC_PATH_DENSE);
        ASSERT_GOOD(path, LFREC_PATH_SPARSE);
    }
}
END_TEST

START_TEST(the_ends_of_every_range_are_legal)
{
    good = lfrec_options_for(LFREC_ARTICLE, 20, 5, 1, 5);
    ASSERT_GOOD(factors, 1);
    ASSERT_GOOD(factors, 20);
    ASSERT_GOOD(scale_min, -LFREC_MAX_RATING);
    ASSERT_GOOD(scale_max, LFREC_MAX_RATING);
    ASSERT_GOOD(item_shrink, 0);
    ASSERT_GOOD(item_shrink, 100);
    ASSERT_GOOD(user_shrink, 0);
    ASSERT_GOOD(mask, 0);
    ASSERT_GOOD(mask, 1);
    ASSERT_GOOD(loss_weight, 0);
    ASSERT_GOOD(loss_weight, 1);
    ASSERT_GOOD(scope, LFREC_SCOPE_ALL);
    ASSERT_GOOD(path, LFREC_PATH_DENSE);
    ASSERT_GOOD(epochs, UINT32_MAX);
    ASSERT_GOOD(batch, UINT32_MAX);
    ASSERT_GOOD(learning_rate_final, 0);
    ASSERT_GOOD(learning_rate_final, 1);
    ASSERT_GOOD(momentum, 0);
    ASSERT_GOOD(momentum, 0.999f);
    ASSERT_GOOD(holdout, 0);
    ASSERT_GOOD(patience, 0);
    ASSERT_GOOD(seed, UINT64_MAX);
}
END_TEST

START_TEST(options_that_options_for_did_not_make_are_refused)
{
    lfrec_options options;
    const char *field = NULL;
    size_t bytes;
    memset(&options, 0, sizeof options);
    ASSERT_STATUS(lfrec_options_check(&options, &field), LFREC_ERROR_UNINITIALIZED);
    ck_assert_ptr_nonnull(field);
    memset(&options, 0xff, sizeof options);
    ASSERT_STATUS(lfrec_options_check(&options, &field), LFREC_ERROR_UNINITIALIZED);
    ASSERT_STATUS(lfrec_model_size(&options, &bytes), LFREC_ERROR_UNINITIALIZED);
    options = lfrec_options_for(LFREC_ARTICLE, 20, 5, 1, 5);
    options.check++; /* as another version would */
    ASSERT_STATUS(lfrec_options_check(&options, &field), LFREC_ERROR_UNINITIALIZED);
    ASSERT_STATUS(lfrec_options_check(NULL, &field), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_options_check(NULL, NULL), LFREC_ERROR_ARGUMENT);
}
END_TEST

START_TEST(fewer_ratings_want_more_epochs)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        uint32_t last = lfrec_epochs_for(all_settings[s], 0);
        for (size_t ratings = 1; ratings < SIZE_MAX / 3; ratings *= 3) {
            const uint32_t epochs = lfrec_epochs_for(all_settings[s], ratings);
            ck_assert_uint_ge(epochs, 1);
            ck_assert_uint_le(epochs, last);
            last = epochs;
        }
    }
}
END_TEST

/* ---- memory ---- */

START_TEST(new_model_predicts_the_middle_of_the_scale)
{
    for (size_t s = 0; s < COUNT(settings); s++) {
        const lfrec_options options = lfrec_options_for(settings[s], 30, 5, 1, 5);
        float factors[LFREC_STRIDE(5)], rating;
        lfrec_user user = user_over(factors);
        const lfrec_history nothing = {NULL, NULL, 0};
        lfrec_model model;
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        ASSERT_OK(lfrec_fold_in(&model, &nothing, &user));
        for (uint32_t i = 0; i < 30; i++) {
            ASSERT_OK(lfrec_predict(&model, &user, i, &rating));
            ck_assert_float_eq(rating, 3);
            ck_assert_uint_eq(model.support[i], 0);
        }
        lfrec_model_destroy(&model);
        lfrec_model_destroy(&model);
        lfrec_model_destroy(NULL);
    }
}
END_TEST

START_TEST(memory_may_start_at_any_address_and_only_its_bytes_are_used)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        const lfrec_options options = lfrec_options_for(all_settings[s], 11, 9, 1, 5);
        size_t bytes;
        ASSERT_OK(lfrec_model_size(&options, &bytes));
        for (size_t shift = 0; shift < 16; shift++) {
            bordered b = border(bytes, shift);
            lfrec_model model, other;
            ASSERT_OK(lfrec_model_init(&model, &options, b.at, bytes));
            ck_assert_ptr_null(model.memory);
            HOLDS((uintptr_t)model.item_mean % sizeof(float) == 0 && (uintptr_t)model.support % sizeof(uint32_t) == 0);
            HOLDS((uintptr_t)model.encoder % sizeof(float) == 0 && (uintptr_t)model.decoder % sizeof(float) == 0);
            random_model(&other, all_settings[s], 11, 9);
            ASSERT_OK(lfrec_model_copy(&model, &other)); /* writes every weight */
            ck_assert_mem_eq(model.decoder, other.decoder, 11 * model.stride * sizeof(float));
            lfrec_model_destroy(&other);
            lfrec_model_destroy(&model);
            border_free(&b);
        }
    }
}
END_TEST

START_TEST(too_little_memory_is_refused_and_not_overrun)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        const lfrec_options options = lfrec_options_for(all_settings[s], 5, 3, 1, 5);
        size_t bytes, refused = 0;
        ASSERT_OK(lfrec_model_size(&options, &bytes));
        for (size_t less = 0; less <= bytes; less++) {
            bordered b = border(less, less % 16);
            lfrec_model model, before;
            memset(&model, 0x5a, sizeof model);
            before = model;
            const lfrec_status status = lfrec_model_init(&model, &options, b.at, less);
            refused += status != LFREC_OK;
            if (status != LFREC_OK) HOLDS(status == LFREC_ERROR_MEMORY && !memcmp(&model, &before, sizeof model));
            border_free(&b);
        }
        ck_assert_uint_ge(refused, bytes - 128);
        ck_assert_uint_le(refused, bytes);
    }
}
END_TEST

START_TEST(allocator_that_fails_is_reported)
{
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 5, 3, 1, 5);
    lfrec_model model;
    watch w;
    const lfrec_allocator allocator = watched(&w), half = {watch_allocate, NULL, &w};
    size_t bytes;
    w.fail_at = 1;
    ASSERT_STATUS(lfrec_model_create(&model, &options, &allocator), LFREC_ERROR_MEMORY);
    ASSERT_OK(lfrec_model_create(&model, &options, &allocator));
    ASSERT_OK(lfrec_model_size(&options, &bytes));
    ck_assert_uint_eq(w.bytes, bytes);
    lfrec_model_destroy(&model);
    ck_assert_uint_eq(w.live, 0);
    ASSERT_STATUS(lfrec_model_create(&model, &options, &half), LFREC_ERROR_ARGUMENT);
    ck_assert_uint_eq(w.calls, 2);
}
END_TEST

START_TEST(null_is_refused)
{
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 5, 3, 1, 5);
    unsigned char memory[8];
    lfrec_model model;
    ASSERT_STATUS(lfrec_model_size(&options, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_model_size(NULL, &(size_t){0}), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_model_init(NULL, &options, memory, 8), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_model_init(&model, &options, NULL, 8), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_model_init(&model, NULL, memory, 8), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_model_create(NULL, &options, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_model_create(&model, NULL, NULL), LFREC_ERROR_ARGUMENT);
}
END_TEST

/* Every call that takes a model, with one that nothing has made, one of another version, and none. */
START_TEST(model_that_nothing_has_made_is_refused_everywhere)
{
    enum { ZERO, GARBAGE, OTHER_VERSION, NONE };
    static const uint32_t item[] = {0};
    static const float value[] = {3};
    const lfrec_history history = {item, value, 1};
    const lfrec_query query = lfrec_query_for(1, NULL);
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 5, 3, 1, 5);
    float factors[LFREC_STRIDE(3)] = {0}, x[5];
    size_t size;
    lfrec_user user = user_over(factors);
    lfrec_scored list[1];
    lfrec_explanation explanation = {NULL, 0, 0, 0};
    lfrec_means means;
    lfrec_ratings ratings;
    lfrec_errors errors;
    const lfrec_rating event = {0, 0, 3};
    ASSERT_OK(lfrec_means_create(&means, 5, NULL));
    ASSERT_OK(lfrec_ratings_create(&ratings, 1, 5, &event, 1, NULL));
    for (int kind = ZERO; kind <= NONE; kind++) {
        lfrec_model made, bad;
        ASSERT_OK(lfrec_model_create(&made, &options, NULL));
        memset(&bad, kind == GARBAGE ? 0x5a : 0, sizeof bad);
        if (kind == OTHER_VERSION) {
            bad = made;
            bad.check++;
        }
        lfrec_model *model = kind == NONE ? NULL : &bad;
        const lfrec_status expected = kind == NONE ? LFREC_ERROR_ARGUMENT : LFREC_ERROR_UNINITIALIZED;
        ASSERT_STATUS(lfrec_model_copy(model, &made), expected);
        ASSERT_STATUS(lfrec_model_copy(&made, model), expected);
        ASSERT_STATUS(lfrec_model_set_means(model, &means), expected);
        if (kind != ZERO) ASSERT_STATUS(lfrec_model_set_item_mean(model, &means, 0), expected);
        ASSERT_STATUS(lfrec_user_mean(model, &history, x), expected);
        ASSERT_STATUS(lfrec_normalize(model, &history, 0, x), expected);
        ASSERT_STATUS(lfrec_denormalize(model, item, value, 1, 0, x), expected);
        ASSERT_STATUS(lfrec_fold_in(model, &history, &user), expected);
        ASSERT_STATUS(lfrec_predict(model, &user, 0, x), expected);
        ASSERT_STATUS(lfrec_score(model, &user, 0, 1, x), expected);
        ASSERT_STATUS(lfrec_top(model, &user, &query, list, &size), expected);
        ASSERT_STATUS(lfrec_explain(model, &user, &history, 0, &explanation), expected);
        ASSERT_STATUS(lfrec_distance(model, LFREC_COSINE, 0, 0, x), expected);
        ASSERT_STATUS(lfrec_nearest(model, LFREC_COSINE, 0, 1, list, &size), expected);
        ASSERT_STATUS(lfrec_farthest(model, LFREC_COSINE, 0, 1, list, &size), expected);
        ASSERT_STATUS(lfrec_train(model, &options, &ratings, NULL, NULL, NULL), expected);
        ASSERT_STATUS(lfrec_evaluate(model, &ratings, &ratings, factors, &errors), expected);
        ASSERT_STATUS(lfrec_save_size(model, &size), expected);
        ASSERT_STATUS(lfrec_save_buffer(model, x, sizeof x, &size), expected);
        ASSERT_STATUS(lfrec_save_file(model, "/dev/null"), expected);
        lfrec_model_destroy(&made);
    }
    lfrec_means_destroy(&means);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(sizes_of_forty_million_items_are_exact)
{
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 40000000, 64, 1, 5);
    size_t bytes = 7;
    watch w;
    const lfrec_allocator allocator = watched(&w);
    lfrec_model model;
#if SIZE_MAX > UINT32_MAX
    const size_t items = 40000000, weights = items * 64 * 4;
    ASSERT_OK(lfrec_model_size(&options, &bytes));
    ck_assert_uint_ge(bytes, 2 * weights + 2 * 4 * items);
    ck_assert_uint_le(bytes, 2 * weights + 2 * 4 * items + 5 * 64); /* each array from a cache line on */
    w.fail_at = 1;
    ASSERT_STATUS(lfrec_model_create(&model, &options, &allocator), LFREC_ERROR_MEMORY);
    const lfrec_options most = lfrec_options_for(LFREC_SGD, UINT32_MAX - 1, LFREC_MAX_FACTORS, 1, 5);
    ASSERT_OK(lfrec_model_size(&most, &bytes));
    ck_assert_uint_ge(bytes, (size_t)(UINT32_MAX - 1) * (3 * 4096 + 12));
#else
    ASSERT_STATUS(lfrec_model_size(&options, &bytes), LFREC_ERROR_OVERFLOW);
    ASSERT_STATUS(lfrec_model_create(&model, &options, &allocator), LFREC_ERROR_OVERFLOW);
    ck_assert_uint_eq(bytes, 7);
    ck_assert_uint_eq(w.calls, 0);
#endif
}
END_TEST

#if SIZE_MAX > UINT32_MAX
/* Products of row and width beyond 2^31 and 2^32: only the first and the last row of 40 million are ever touched. */
START_TEST(first_and_last_of_forty_million_items_score_correctly)
{
    enum { K = 64 };
    const uint32_t items = 40000000, last = items - 1;
    const size_t matrix = (size_t)items * K * sizeof(float), vector = (size_t)items * sizeof(float);
    const size_t bytes = 2 * matrix + 2 * vector;
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, K, K, 1, 5);
    unsigned char *space = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED) return; /* no such address space here: nothing to be tested */
    lfrec_model model, small;
    ASSERT_OK(lfrec_model_create(&small, &options, NULL));
    model = small;
    model.items = items;
    model.encoder = (const float *)(const void *)space;
    model.decoder = (const float *)(const void *)(space + matrix);
    model.item_mean = (const float *)(const void *)(space + 2 * matrix);
    model.support = (const uint32_t *)(const void *)(space + 2 * matrix + vector);
    const uint32_t rows[] = {0, last};
    double expected_h[K] = {0}, product[2] = {0, 0};
    for (size_t r = 0; r < 2; r++) {
        for (size_t q = 0; q < K; q++) {
            writable(model.encoder)[rows[r] * (size_t)K + q] = 0.1f * draw_float();
            writable(model.decoder)[rows[r] * (size_t)K + q] = draw_float();
        }
        writable(model.item_mean)[rows[r]] = 2.5f + (float)r;
        ((uint32_t *)(uintptr_t)model.support)[rows[r]] = 10;
    }
    const float values[] = {4, 2};
    const lfrec_history history = {rows, values, 2};
    const float user_mean = (4 - 2.5f + 2 - 3.5f) / 2;
    float factors[K], rating, score;
    lfrec_user user = user_over(factors);
    ASSERT_OK(lfrec_fold_in(&model, &history, &user));
    ck_assert_float_eq_tol(user.mean, user_mean, 1e-6f);
    for (size_t q = 0; q < K; q++) {
        expected_h[q] = 1.5 * (double)model.encoder[q] - 1.5 * (double)model.encoder[last * (size_t)K + q];
        ck_assert_double_eq_tol(factors[q], expected_h[q], 1e-5);
        for (size_t r = 0; r < 2; r++) product[r] += (double)model.decoder[rows[r] * (size_t)K + q] * expected_h[q];
    }
    lfrec_query query = lfrec_query_for(2, NULL);
    query.candidates = rows;
    query.candidate_count = 2;
    lfrec_scored list[2];
    size_t found;
    ASSERT_OK(lfrec_top(&model, &user, &query, list, &found));
    ck_assert_uint_eq(found, 2);
    for (size_t r = 0; r < 2; r++) {
        const double right = 2.5 + (double)r + (double)user_mean + product[r];
        ASSERT_OK(lfrec_score(&model, &user, rows[r], 1, &score));
        ck_assert_double_eq_tol(score, right, 1e-5);
        ASSERT_OK(lfrec_predict(&model, &user, rows[r], &rating));
        ck_assert_double_eq_tol(rating, fmin(fmax(right, 1), 5), 1e-5);
        lfrec_reason reasons[2];
        lfrec_explanation why = {reasons, 2, 0, 0};
        ASSERT_OK(lfrec_explain(&model, &user, &history, rows[r], &why));
        ck_assert_double_eq_tol(why.baseline + reasons[0].share + reasons[1].share, right, 1e-5);
        const lfrec_scored *listed = list[0].item == rows[r] ? &list[0] : &list[1];
        ck_assert_uint_eq(listed->item, rows[r]);
        ck_assert_float_eq(listed->score, rating);
    }
    double square = 0;
    for (size_t q = 0; q < K; q++)
        square += pow((double)model.decoder[q] - (double)model.decoder[last * (size_t)K + q], 2);
    ASSERT_OK(lfrec_distance(&model, LFREC_EUCLIDEAN, 0, last, &score));
    ck_assert_double_eq_tol(score, sqrt(square), 1e-4);
    ASSERT_STATUS(lfrec_predict(&model, &user, items, &rating), LFREC_ERROR_RANGE);
    lfrec_model_destroy(&small);
    munmap(space, bytes);
}
END_TEST
#endif

/* ---- means ---- */

START_TEST(means_of_the_model_are_the_ratings_means)
{
    /* The first user gives 4 and 0, the second 2: three known entries, one of them 0. */
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 3, 1, 0, 5);
    lfrec_means means;
    lfrec_model model;
    ASSERT_OK(lfrec_means_create(&means, 3, NULL));
    ASSERT_OK(lfrec_means_add(&means, 0, 4));
    ASSERT_OK(lfrec_means_add(&means, 1, 0));
    ASSERT_OK(lfrec_means_add(&means, 0, 2));
    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
    ASSERT_OK(lfrec_model_set_means(&model, &means));
    ck_assert_float_eq(model.mean, 2);
    ck_assert_float_eq(model.item_mean[0], 3);
    ck_assert_float_eq(model.item_mean[1], 0);
    ck_assert_float_eq(model.item_mean[2], 2); /* not rated: the overall mean */
    ck_assert_uint_eq(model.support[0], 2);
    ck_assert_uint_eq(model.support[1], 1);
    ck_assert_uint_eq(model.support[2], 0);
    lfrec_means_destroy(&means);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(shrunk_means_are_drawn_to_the_overall_mean)
{
    lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 3, 1, 0, 5);
    lfrec_means means;
    lfrec_model model;
    options.item_shrink = 4;
    options.user_shrink = 3;
    ASSERT_OK(lfrec_means_create(&means, 3, NULL));
    ASSERT_OK(lfrec_means_add(&means, 0, 4));
    ASSERT_OK(lfrec_means_add(&means, 1, 0));
    ASSERT_OK(lfrec_means_add(&means, 0, 2));
    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
    ASSERT_OK(lfrec_model_set_means(&model, &means));
    ck_assert_float_eq_tol(model.item_mean[0], (6 + 4 * 2.0f) / 6, 1e-6f);
    ck_assert_float_eq_tol(model.item_mean[1], (0 + 4 * 2.0f) / 5, 1e-6f);
    ck_assert_float_eq(model.item_mean[2], 2);
    const uint32_t item[] = {0, 1};
    const float value[] = {4, 0};
    const lfrec_history history = {item, value, 2};
    float mean;
    ASSERT_OK(lfrec_user_mean(&model, &history, &mean));
    ck_assert_float_eq_tol(mean, (4 - 14.0f / 6 + 0 - 1.6f) / (2 + 3), 1e-6f);
    lfrec_means_destroy(&means);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(one_items_mean_brought_up_to_date_equals_all_of_them)
{
    enum { ITEMS = 40 };
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        const lfrec_options options = lfrec_options_for(all_settings[s], ITEMS, 4, 1, 5);
        lfrec_means means;
        lfrec_model one, all;
        ASSERT_OK(lfrec_means_create(&means, ITEMS, NULL));
        ASSERT_OK(lfrec_model_create(&one, &options, NULL));
        ASSERT_OK(lfrec_model_create(&all, &options, NULL));
        ASSERT_OK(lfrec_model_set_means(&one, &means));
        for (int round = 0; round < 500; round++) {
            const uint32_t item = draw_below(ITEMS);
            ASSERT_OK(lfrec_means_add(&means, item, 3 + 2 * draw_float()));
            ASSERT_OK(lfrec_model_set_item_mean(&one, &means, item));
            ASSERT_OK(lfrec_model_set_means(&all, &means));
            HOLDS(one.mean == all.mean && one.item_mean[item] == all.item_mean[item]);
            HOLDS(one.support[item] == all.support[item] && one.support[item] == means.item[item].count);
            for (uint32_t i = 0; all_settings[s] == LFREC_ARTICLE && i < ITEMS; i++) {
                HOLDS(means.item[i].count == 0 || one.item_mean[i] == all.item_mean[i]);
            }
        }
        ASSERT_STATUS(lfrec_model_set_item_mean(&one, &means, ITEMS), LFREC_ERROR_RANGE);
        lfrec_means_destroy(&means);
        lfrec_model_destroy(&one);
        lfrec_model_destroy(&all);
    }
}
END_TEST

START_TEST(means_of_another_number_of_items_are_refused)
{
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 5, 2, 1, 5);
    lfrec_means means, unmade;
    lfrec_model model;
    memset(&unmade, 0, sizeof unmade);
    ASSERT_OK(lfrec_means_create(&means, 6, NULL));
    ASSERT_OK(lfrec_means_add(&means, 0, 1));
    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
    ASSERT_STATUS(lfrec_model_set_means(&model, &means), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_model_set_means(&model, &unmade), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_model_set_means(&model, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_model_set_item_mean(&model, &means, 0), LFREC_ERROR_ARGUMENT);
    ck_assert_float_eq(model.mean, 3);
    lfrec_means_destroy(&means);
    lfrec_model_destroy(&model);
}
END_TEST

/* ---- copies ---- */

static void assert_rows(const float *to, size_t to_stride, const float *from, size_t from_stride, size_t rows,
                        size_t columns, size_t more)
{
    if (!from) {
        ck_assert_ptr_null(to);
        return;
    }
    for (size_t k = 0; k < rows; k++)
        ck_assert_mem_eq(to + k * to_stride, from + k * from_stride, columns * sizeof(float));
    for (size_t k = rows; k < rows + more; k++) {
        for (size_t q = 0; q < columns; q++) HOLDS(to[k * to_stride + q] == 0.0f);
    }
}

START_TEST(copy_into_a_larger_model_predicts_the_same_and_new_items_by_the_means)
{
    for (size_t s = 0; s < COUNT(settings); s++) {
        const lfrec_options options = lfrec_options_for(settings[s], 17, 9, 0, 1); /* another scale, too */
        float factors[LFREC_STRIDE(9)], again[LFREC_STRIDE(9)], a, b;
        lfrec_user user = user_over(factors), other = user_over(again);
        uint32_t item[4];
        float value[4];
        const lfrec_history history = history_over(item, value, 4, 1, 3);
        lfrec_model small, large;
        random_model(&small, settings[s], 12, 9);
        ASSERT_OK(lfrec_model_create(&large, &options, NULL));
        fill(large.encoder, 17, 9, large.stride, 9);
        fill(large.decoder, 17, 9, large.stride, 9);
        fill(large.offset, 17, 1, 1, 9);
        fill(large.implicit, 17, 9, large.stride, 9);
        ASSERT_OK(lfrec_model_copy(&large, &small));
        ck_assert_uint_eq(large.items, 17);
        assert_rows(large.encoder, large.stride, small.encoder, small.stride, 12, 9, 5);
        assert_rows(large.decoder, large.stride, small.decoder, small.stride, 12, 9, 5);
        assert_rows(large.offset, 1, small.offset, 1, 12, 1, 5);
        assert_rows(large.implicit, large.stride, small.implicit, small.stride, 12, 9, 5);
        ASSERT_OK(lfrec_fold_in(&small, &history, &user));
        ASSERT_OK(lfrec_fold_in(&large, &history, &other));
        ck_assert_mem_eq(factors, again, sizeof factors);
        for (uint32_t i = 0; i < 17; i++) {
            ASSERT_OK(lfrec_score(&large, &other, i, 1, &b));
            if (i < 12) {
                ASSERT_OK(lfrec_score(&small, &user, i, 1, &a));
                ck_assert_float_eq(a, b);
                ck_assert_uint_eq(large.support[i], small.support[i]);
            } else {
                ck_assert_float_eq_tol(b, small.mean + user.mean, 1e-6f);
                ck_assert_uint_eq(large.support[i], 0);
            }
        }
        ck_assert_float_eq(large.scale_max, 5);
        lfrec_model_destroy(&small);
        lfrec_model_destroy(&large);
    }
}
END_TEST

START_TEST(copy_into_a_model_that_does_not_fit_is_refused_and_changes_nothing)
{
    static const uint32_t shapes[][2] = {{11, 9}, {12, 8}, {20, 10}};
    lfrec_model from;
    random_model(&from, LFREC_ARTICLE, 12, 9);
    for (size_t k = 0; k < COUNT(shapes) + 1; k++) {
        lfrec_model to;
        if (k < COUNT(shapes)) random_model(&to, LFREC_ARTICLE, shapes[k][0], shapes[k][1]);
        else random_model(&to, LFREC_SGD, 12, 9);
        const size_t bytes = to.items * to.stride * sizeof(float);
        float *before = take(bytes);
        memcpy(before, to.decoder, bytes);
        ASSERT_STATUS(lfrec_model_copy(&to, &from), LFREC_ERROR_ARGUMENT);
        ck_assert_mem_eq(before, to.decoder, bytes);
        free(before);
        lfrec_model_destroy(&to);
    }
    ASSERT_OK(lfrec_model_copy(&from, &from));
    lfrec_model_destroy(&from);
}
END_TEST

/* ---- preferences ---- */

START_TEST(normalizing_and_back_is_the_identity_for_stored_and_new_users)
{
    lfrec_ratings ratings;
    generate(&ratings, 30, 40, 12, 2);
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        const lfrec_options options = lfrec_options_for(all_settings[s], 40, 5, 0.5f, 5);
        lfrec_means means;
        lfrec_model model;
        ASSERT_OK(lfrec_means_create(&means, 40, NULL));
        ASSERT_OK(lfrec_means_add_all(&means, &ratings));
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        ASSERT_OK(lfrec_model_set_means(&model, &means));
        for (uint32_t u = 0; u <= 30; u++) {
            uint32_t item[40];
            float value[40] = {0}, preference[40], rating[40], mean, by_hand = 0;
            lfrec_history history = u < 30 ? lfrec_history_of(&ratings, u) : history_over(item, value, 9, 2, 4);
            for (size_t k = 0; k < history.count; k++) by_hand += history.value[k] - model.item_mean[history.item[k]];
            if (history.count) by_hand /= (float)history.count + options.user_shrink;
            ASSERT_OK(lfrec_user_mean(&model, &history, &mean));
            ck_assert_float_eq_tol(mean, by_hand, 1e-5f);
            ASSERT_OK(lfrec_normalize(&model, &history, mean, preference));
            float sum = 0;
            for (size_t k = 0; k < history.count; k++) {
                const float expected = history.value[k] - model.item_mean[history.item[k]] - mean;
                ck_assert_float_eq_tol(preference[k], expected, 1e-6f);
                sum += preference[k];
            }
            if (all_settings[s] == LFREC_ARTICLE) ck_assert_float_eq_tol(sum, 0, 1e-4f);
            ASSERT_OK(lfrec_denormalize(&model, history.item, preference, history.count, mean, rating));
            for (size_t k = 0; k < history.count; k++) ck_assert_float_eq_tol(rating[k], history.value[k], 2e-6f);
        }
        lfrec_means_destroy(&means);
        lfrec_model_destroy(&model);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(ratings_that_are_all_the_same_have_preferences_of_exactly_0)
{
    lfrec_rating events[30];
    lfrec_ratings ratings;
    for (uint32_t k = 0; k < 30; k++) {
        const lfrec_rating event = {k / 5, (k / 5 + k % 5 * 2) % 10, 3};
        events[k] = event;
    }
    ASSERT_OK(lfrec_ratings_create(&ratings, 6, 10, events, 30, NULL));
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        const lfrec_options options = lfrec_options_for(all_settings[s], 10, 3, 0, 5);
        lfrec_means means;
        lfrec_model model;
        ASSERT_OK(lfrec_means_create(&means, 10, NULL));
        ASSERT_OK(lfrec_means_add_all(&means, &ratings));
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        ASSERT_OK(lfrec_model_set_means(&model, &means));
        for (uint32_t u = 0; u < 6; u++) {
            const lfrec_history history = lfrec_history_of(&ratings, u);
            float mean = 9, preference[5];
            ck_assert_uint_eq(history.count, 5);
            ASSERT_OK(lfrec_user_mean(&model, &history, &mean));
            ck_assert_float_eq(mean, 0);
            ASSERT_OK(lfrec_normalize(&model, &history, mean, preference));
            for (int k = 0; k < 5; k++) ck_assert_float_eq(preference[k], 0);
        }
        lfrec_means_destroy(&means);
        lfrec_model_destroy(&model);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(empty_history_has_mean_0_and_no_preferences)
{
    const lfrec_history nothing = {NULL, NULL, 0};
    lfrec_model model;
    float mean = 9;
    random_model(&model, LFREC_ARTICLE, 5, 2);
    ASSERT_OK(lfrec_user_mean(&model, &nothing, &mean));
    ck_assert_float_eq(mean, 0);
    ASSERT_OK(lfrec_normalize(&model, &nothing, mean, NULL));
    ASSERT_OK(lfrec_denormalize(&model, NULL, NULL, 0, mean, NULL));
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(denormalized_ratings_are_on_the_scale_in_any_order)
{
    const uint32_t item[] = {4, 0, 4};
    const float preference[] = {100, -100, 0.25f};
    float rating[3];
    lfrec_model model;
    random_model(&model, LFREC_ARTICLE, 5, 2);
    ASSERT_OK(lfrec_denormalize(&model, item, preference, 3, 0, rating));
    ck_assert_float_eq(rating[0], 5);
    ck_assert_float_eq(rating[1], 0.5f);
    ck_assert_float_eq_tol(rating[2], model.item_mean[4] + 0.25f, 1e-6f);
    const uint32_t beyond[] = {4, 5, 4};
    ASSERT_STATUS(lfrec_denormalize(&model, beyond, preference, 3, 1, rating), LFREC_ERROR_RANGE);
    ck_assert_float_eq(rating[0], 5); /* as it was */
    ck_assert_float_eq(rating[1], 0.5f);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(history_that_is_none_is_refused)
{
    static const uint32_t falling[] = {3, 2}, twice[] = {2, 2}, beyond[] = {2, 5}, right[] = {2, 3};
    static const float values[] = {1, 2}, nan_value[] = {1, NAN}, huge[] = {1, 1e9f};
    static const struct {
        lfrec_history history;
        lfrec_status expected;
    } cases[] = {
        {{falling, values, 2}, LFREC_ERROR_ORDER}, {{twice, values, 2}, LFREC_ERROR_ORDER},
        {{beyond, values, 2}, LFREC_ERROR_RANGE},  {{right, nan_value, 2}, LFREC_ERROR_NUMBER},
        {{right, huge, 2}, LFREC_ERROR_NUMBER},    {{NULL, values, 2}, LFREC_ERROR_ARGUMENT},
        {{right, NULL, 2}, LFREC_ERROR_ARGUMENT},
    };
    float factors[LFREC_STRIDE(2)] = {7, 7}, x[2] = {7, 7};
    lfrec_user user = user_over(factors);
    lfrec_model model;
    random_model(&model, LFREC_ARTICLE, 5, 2);
    for (size_t k = 0; k <= COUNT(cases); k++) {
        const lfrec_history *history = k < COUNT(cases) ? &cases[k].history : NULL;
        const lfrec_status expected = k < COUNT(cases) ? cases[k].expected : LFREC_ERROR_ARGUMENT;
        lfrec_query query = lfrec_query_for(1, history);
        lfrec_scored list[1];
        lfrec_reason reasons[2] = {{7, 7}, {7, 7}};
        lfrec_explanation why = {reasons, 2, 7, 7};
        size_t found = 7;
        ASSERT_STATUS(lfrec_user_mean(&model, history, x), expected);
        ASSERT_STATUS(lfrec_normalize(&model, history, 0, x), expected);
        ASSERT_STATUS(lfrec_fold_in(&model, history, &user), expected);
        ASSERT_STATUS(lfrec_explain(&model, &user, history, 0, &why), expected);
        if (history) ASSERT_STATUS(lfrec_top(&model, &user, &query, list, &found), expected);
        ck_assert_uint_eq(found, 7);
        ck_assert_uint_eq(why.count, 7);
        ck_assert_float_eq(x[0], 7);
        ck_assert_float_eq(factors[0], 7);
        ck_assert_uint_eq(user.rated, 0);
    }
    lfrec_model_destroy(&model);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        defaults_are_legal_for_every_setting_and_size,
        every_bad_option_is_named,
        the_ends_of_every_range_are_legal,
        options_that_options_for_did_not_make_are_refused,
        fewer_ratings_want_more_epochs,
        new_model_predicts_the_middle_of_the_scale,
        memory_may_start_at_any_address_and_only_its_bytes_are_used,
        too_little_memory_is_refused_and_not_overrun,
        allocator_that_fails_is_reported,
        null_is_refused,
        model_that_nothing_has_made_is_refused_everywhere,
        sizes_of_forty_million_items_are_exact,
#if SIZE_MAX > UINT32_MAX
        first_and_last_of_forty_million_items_score_correctly,
#endif
        means_of_the_model_are_the_ratings_means,
        shrunk_means_are_drawn_to_the_overall_mean,
        one_items_mean_brought_up_to_date_equals_all_of_them,
        means_of_another_number_of_items_are_refused,
        copy_into_a_larger_model_predicts_the_same_and_new_items_by_the_means,
        copy_into_a_model_that_does_not_fit_is_refused_and_changes_nothing,
        normalizing_and_back_is_the_identity_for_stored_and_new_users,
        ratings_that_are_all_the_same_have_preferences_of_exactly_0,
        empty_history_has_mean_0_and_no_preferences,
        denormalized_ratings_are_on_the_scale_in_any_order,
        history_that_is_none_is_refused,
    };
    return run_tests("model", tests, COUNT(tests), 60);
}
