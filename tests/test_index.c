/* The index: lists to the bit as lfrec_top makes them, whatever the model, the user and the query; what it passes over; its memory. */
#include "lfrec.h"

#include "support.h"

enum { MOST = 1300, K_MAX = 32, FILE_ROOM = 1 << 20 };

static const uint32_t sizes[] = {1, 3, 9, 25, K_MAX};            /* factors */
static const uint32_t catalogs[] = {1, 40, 511, 512, 513, MOST}; /* items: less than a stratum, one, more */

/* ---- models of every kind: made by create, viewed in a file with rows of K floats, or of 8-bit weights ---- */

typedef enum { MADE, VIEWED, PACKED, FORMS } form;

typedef struct {
    lfrec_model model;
    blob file; /* what a viewed model lies in */
} formed;

static void form_as(formed *f, form as)
{
    lfrec_model made = f->model;
    memset(&f->file, 0, sizeof f->file);
    if (as == MADE) return;
    f->file.room = FILE_ROOM;
    f->file.at = take(FILE_ROOM);
    ASSERT_OK(as == PACKED ? lfrec_save_packed(&made, append, &f->file) : lfrec_save(&made, append, &f->file));
    ASSERT_OK(lfrec_view(&f->model, f->file.at, f->file.bytes));
    lfrec_model_destroy(&made);
}

static form form_for(lfrec_setting setting)
{
    const form any = (form)draw_below(FORMS);
    return any == PACKED && (setting == LFREC_BAYES || setting == LFREC_RANKING) ? VIEWED : any;
}

static void formed_free(formed *f)
{
    lfrec_model_destroy(&f->model);
    free(f->file.at);
}

/* Factors are no more than items. */
static uint32_t at_most(uint32_t factors, uint32_t items)
{
    return factors < items ? factors : items;
}

/* The rows' norms become e^(spread z), z from -2 to 2. */
static void spread_norms(lfrec_model *model, float spread)
{
    for (uint32_t i = 0; i < model->items; i++) {
        const float scale = expf(spread * 2.0f * draw_float());
        for (uint32_t q = 0; q < model->factors; q++) writable(model->decoder)[i * model->stride + q] *= scale;
    }
}

/* ---- lists ---- */

/* Returns how many items the index's list took. */
static size_t assert_same_list(const lfrec_index *index, const lfrec_user *user, const lfrec_query *query)
{
    lfrec_scored *right = take(query->count * sizeof *right), *list = take(query->count * sizeof *list);
    size_t found, expected, scored = 77;
    ASSERT_OK(lfrec_top(index->model, user, query, right, &expected));
    ASSERT_OK(lfrec_index_top(index, user, query, list, &found, &scored));
    ck_assert_uint_eq(found, expected);
    ck_assert_mem_eq(list, right, found * sizeof *list);
    ck_assert_uint_le(scored, query->candidates ? query->candidate_count : index->model->items);
    ASSERT_OK(lfrec_index_top(index, user, query, list, &found, NULL));
    ck_assert_mem_eq(list, right, expected * sizeof *list);
    free(right);
    free(list);
    return scored;
}

START_TEST(lists_are_those_of_lfrec_top_for_any_model_user_and_query)
{
    static uint32_t item[60], candidates[] = {0, 0, 0};
    static float value[60];
    static unsigned char refused[MOST];
    for (size_t round = 0; round < BY_SPEED(2000, 200); round++) {
        const lfrec_setting setting = all_settings[draw_below(COUNT(all_settings))];
        const uint32_t items = catalogs[draw_below(COUNT(catalogs))];
        formed f;
        lfrec_index index;
        random_model(&f.model, setting, items, at_most(sizes[draw_below(COUNT(sizes))], items));
        spread_norms(&f.model, 0.5f * (float)draw_below(3));
        form_as(&f, form_for(setting));
        ASSERT_OK(lfrec_index_create(&index, &f.model, NULL));
        const size_t rated = draw_below(items < 60 ? items + 1 : 60);
        const lfrec_history history = history_over(item, value, rated, 0, items < 300 ? 1 : 1 + draw_below(5));
        lfrec_user user = user_over(user_room(&f.model));
        lfrec_query query =
            lfrec_query_for(draw_below(3) ? draw_below(30) : draw_below(items + 2), draw_below(4) ? &history : NULL);
        ASSERT_OK(lfrec_fold_in(&f.model, &history, &user));
        query.min_support = draw_below(20);
        if (draw_below(4) == 0) {
            for (uint32_t i = 0; i < MOST; i++) refused[i] = (unsigned char)draw_below(2);
            query.filter = not_in, query.filter_context = refused;
        }
        if (draw_below(8) == 0 && items > 3) {
            candidates[0] = items - 1, candidates[1] = draw_below(items - 1);
            query.candidates = candidates, query.candidate_count = 2;
        }
        assert_same_list(&index, &user, &query);
        free(user.factors);
        lfrec_index_destroy(&index);
        formed_free(&f);
    }
}
END_TEST

/* Which items are in the list is decided by the last bits of their scores, by their numbers, or by rows that are no numbers. */
START_TEST(lists_are_exact_where_scores_are_nearly_equal_or_no_numbers)
{
    enum {
        EQUAL,
        NEARLY_EQUAL,
        FAR_FROM_ZERO,
        PARTS_THAT_CANCEL,
        NO_NUMBERS,
        INFINITIES,
        HUGE_ROWS,
        TINY_ROWS,
        USER_IS_NO_NUMBER,
        KINDS
    };
    static float value[5];
    static uint32_t item[5];
    for (size_t round = 0; round < BY_SPEED(20, 2) * KINDS * COUNT(all_settings); round++) {
        const size_t kind = round % KINDS;
        formed f;
        lfrec_index index;
        random_model(&f.model, all_settings[round / KINDS % COUNT(all_settings)], MOST, 25);
        lfrec_model model = f.model;
        const lfrec_history history = history_over(item, value, 5, draw_below(100), 7);
        lfrec_user user = user_over(user_room(&model));
        ASSERT_OK(lfrec_fold_in(&model, &history, &user));
        float first[25];
        memcpy(first, model.decoder, sizeof first);
        for (uint32_t i = 0; i < MOST; i++) {
            float *row = writable(model.decoder) + i * model.stride;
            for (uint32_t q = 0; q < 25; q++) {
                const float like = first[q], noise = draw_float();
                if (kind == EQUAL) row[q] = like;
                if (kind == NEARLY_EQUAL || kind == PARTS_THAT_CANCEL) row[q] = like * (1 + 1e-7f * noise);
                if (kind == FAR_FROM_ZERO) row[q] = 1e4f * (1 + like) * (1 + 1e-7f * noise);
                if (kind == HUGE_ROWS) row[q] *= 1e18f * expf(20 * noise);
                if (kind == TINY_ROWS) row[q] *= 1e-25f;
            }
            if (kind == NO_NUMBERS && i % 97 == 0) row[3] = NAN;
            if (kind == INFINITIES && i % 97 == 0) row[3] = INFINITY;
            if (kind < NO_NUMBERS || kind == TINY_ROWS) {
                writable(model.item_mean)[i] = kind == PARTS_THAT_CANCEL ? 1e6f + (float)i : 3;
                if (model.offset) writable(model.offset)[i] = kind == PARTS_THAT_CANCEL ? -1e6f - (float)i : 0;
                if (model.setting == LFREC_BAYES) row[26] = 0;
            }
        }
        const int numbers = kind != NO_NUMBERS && kind != INFINITIES; /* files have no others */
        form_as(&f, numbers ? form_for(model.setting) : MADE);
        if (kind == USER_IS_NO_NUMBER) user.factors[draw_below(25)] = draw_below(2) ? NAN : INFINITY;
        if (kind == USER_IS_NO_NUMBER && draw_below(4) == 0) user.mean = NAN;
        ASSERT_OK(lfrec_index_create(&index, &f.model, NULL));
        for (uint32_t count = 1; count <= 64; count *= 4) {
            lfrec_query query = lfrec_query_for(count, draw_below(2) ? &history : NULL);
            query.min_support = draw_below(5);
            assert_same_list(&index, &user, &query);
        }
        free(user.factors);
        lfrec_index_destroy(&index);
        formed_free(&f);
    }
}
END_TEST

/* LFREC_BAYES: the factor of an item's bias is 1 in what lfrec_fold_in makes. A caller's own vector may have another. */
START_TEST(users_that_no_history_gives_get_their_lists)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        lfrec_model model;
        lfrec_index index;
        random_model(&model, all_settings[s], MOST, 9);
        spread_norms(&model, 1);
        ASSERT_OK(lfrec_index_create(&index, &model, NULL));
        for (int round = 0; round < 50; round++) {
            float *factors = user_room(&model);
            memset(factors, 0, lfrec_user_floats(&model) * sizeof *factors);
            lfrec_user user = user_over(factors);
            lfrec_query query = lfrec_query_for(10, NULL);
            for (size_t q = round % 2 ? model.factors : 0; q < columns_of(&model); q++) factors[q] = 10 * draw_float();
            user.mean = draw_float();
            assert_same_list(&index, &user, &query);
            free(factors);
        }
        lfrec_index_destroy(&index);
        lfrec_model_destroy(&model);
    }
}
END_TEST

/* ---- what is passed over ---- */

/* The share of items that a list of ten took, on average. */
static double share_scored(const lfrec_model *model)
{
    enum { USERS = 30 };
    lfrec_index index;
    size_t scored = 0;
    ASSERT_OK(lfrec_index_create(&index, model, NULL));
    for (int u = 0; u < USERS; u++) {
        float *factors = user_room(model);
        lfrec_user user = user_over(factors);
        lfrec_query query = lfrec_query_for(10, NULL);
        memset(factors, 0, lfrec_user_floats(model) * sizeof *factors);
        for (size_t q = 0; q < model->factors; q++) factors[q] = draw_float();
        if (model->setting == LFREC_BAYES) factors[model->factors + 1] = 1;
        query.min_support = 0;
        scored += assert_same_list(&index, &user, &query);
        free(factors);
    }
    lfrec_index_destroy(&index);
    return (double)scored / USERS / model->items;
}

START_TEST(items_are_passed_over_where_norms_differ)
{
    enum { ITEMS = 20000 };
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        lfrec_model model;
        random_model(&model, all_settings[s], ITEMS, 9);
        for (uint32_t i = 0; i < ITEMS; i++) writable(model.item_mean)[i] = 3;
        ck_assert_double_gt(share_scored(&model), 0.3); /* rows of nearly equal norms */
        spread_norms(&model, 1.5f);
        ck_assert_double_lt(share_scored(&model), 0.1);
        for (uint32_t i = 0; i < ITEMS; i++) { /* all rows far away in one direction, and as different as before */
            for (uint32_t q = 0; q < 9; q++) writable(model.decoder)[i * model.stride + q] += 10;
        }
        ck_assert_double_lt(share_scored(&model), 0.15);
        lfrec_model_destroy(&model);
    }
}
END_TEST

/* They are looked at, and the others as before. */
START_TEST(a_row_that_is_no_numbers_or_too_large_hides_no_bounds)
{
    enum { ITEMS = 20000 };
    static const float bad[] = {NAN, INFINITY, 1e6f, -1e30f};
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        for (size_t k = 0; k < COUNT(bad); k++) {
            lfrec_model model;
            random_model(&model, all_settings[s], ITEMS, 9);
            for (uint32_t i = 0; i < ITEMS; i++) writable(model.item_mean)[i] = 3;
            spread_norms(&model, 1.5f);
            writable(model.decoder)[777 * model.stride + 4] = bad[k];
            ck_assert_double_lt(share_scored(&model), 0.15);
            lfrec_model_destroy(&model);
        }
    }
}
END_TEST

START_TEST(items_are_passed_over_where_means_differ)
{
    enum { ITEMS = 20000 };
    for (size_t s = 0; s < COUNT(settings); s++) {
        lfrec_model model;
        random_model(&model, settings[s], ITEMS, 9);
        fill(model.item_mean, ITEMS, 1, 1, 100);
        ck_assert_double_lt(share_scored(&model), 0.15);
        lfrec_model_destroy(&model);
    }
}
END_TEST

/* ---- memory, and what an index is of ---- */

START_TEST(index_stays_what_its_model_was)
{
    lfrec_model model;
    lfrec_index index;
    lfrec_scored before[10], after[10];
    float factors[USER_ROOM(9)];
    size_t found;
    random_model(&model, LFREC_SGD, MOST, 9);
    ASSERT_OK(lfrec_index_create(&index, &model, NULL));
    const lfrec_history none = {NULL, NULL, 0};
    const lfrec_query query = lfrec_query_for(10, NULL);
    lfrec_user user = user_over(factors);
    ASSERT_OK(lfrec_fold_in(&model, &none, &user));
    ASSERT_OK(lfrec_index_top(&index, &user, &query, before, &found, NULL));
    writable(model.item_mean)[before[9].item] = 5;
    ASSERT_OK(lfrec_index_top(&index, &user, &query, after, &found, NULL));
    ck_assert_mem_eq(before, after, sizeof before);
    lfrec_index_destroy(&index);
    ASSERT_OK(lfrec_index_create(&index, &model, NULL));
    assert_same_list(&index, &user, &query);
    ASSERT_OK(lfrec_index_top(&index, &user, &query, after, &found, NULL));
    ck_assert_uint_eq(after[0].item, before[9].item);
    lfrec_index_destroy(&index);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(memory_may_be_anywhere_and_is_all_that_is_touched)
{
    float factors[USER_ROOM(K_MAX)];
    for (size_t c = 0; c < COUNT(catalogs); c++) {
        for (size_t k = 0; k < COUNT(sizes); k++) {
            formed f;
            size_t bytes;
            random_model(&f.model, all_settings[k % COUNT(all_settings)], catalogs[c], at_most(sizes[k], catalogs[c]));
            form_as(&f, k % 2 ? MADE : VIEWED);
            const lfrec_history none = {NULL, NULL, 0};
            const lfrec_query query = lfrec_query_for(catalogs[c], NULL);
            lfrec_user user = user_over(factors);
            ASSERT_OK(lfrec_fold_in(&f.model, &none, &user));
            ASSERT_OK(lfrec_index_size(&f.model, &bytes));
            for (size_t shift = 0; shift < 64; shift += 1 + draw_below(9)) {
                bordered memory = border(bytes, shift);
                lfrec_index index;
                ASSERT_OK(lfrec_index_init(&index, &f.model, memory.at, bytes));
                assert_same_list(&index, &user, &query);
                border_free(&memory);
            }
            bordered memory = border(bytes, 0);
            lfrec_index index;
            memset(&index, 0x11, sizeof index);
            const lfrec_index untouched = index;
            ASSERT_STATUS(lfrec_index_init(&index, &f.model, memory.at, bytes - 129), LFREC_ERROR_MEMORY);
            ck_assert_mem_eq(&index, &untouched, sizeof index);
            border_free(&memory);
            formed_free(&f);
        }
    }
}
END_TEST

START_TEST(allocator_gets_back_what_it_gave)
{
    watch w;
    lfrec_model model;
    lfrec_index index;
    size_t bytes;
    random_model(&model, LFREC_SGD, 40, 9);
    ASSERT_OK(lfrec_index_size(&model, &bytes));
    lfrec_allocator allocator = watched(&w);
    ASSERT_OK(lfrec_index_create(&index, &model, &allocator));
    ck_assert_uint_eq(w.live, 1);
    ck_assert_uint_eq(w.bytes, bytes);
    lfrec_index_destroy(&index);
    ck_assert_uint_eq(w.live, 0);
    lfrec_index_destroy(&index); /* all zero */
    lfrec_index_destroy(NULL);
    allocator = watched(&w);
    w.fail_at = 1;
    ASSERT_STATUS(lfrec_index_create(&index, &model, &allocator), LFREC_ERROR_MEMORY);
    lfrec_model_destroy(&model);
}
END_TEST

START_TEST(bad_arguments_are_refused_and_write_nothing)
{
    lfrec_model model, none;
    lfrec_index index, unmade;
    lfrec_scored list[4];
    float factors[USER_ROOM(3)];
    const uint32_t beyond[] = {3, 40};
    const float values[] = {1, 2};
    const lfrec_history outside = {beyond, values, 2}, empty = {NULL, NULL, 0};
    size_t bytes = 77, found = 77, scored = 77;
    memset(&none, 0, sizeof none);
    memset(&unmade, 0, sizeof unmade);
    random_model(&model, LFREC_SGD, 40, 3);
    ASSERT_STATUS(lfrec_index_size(NULL, &bytes), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_index_size(&none, &bytes), LFREC_ERROR_UNINITIALIZED);
    ASSERT_STATUS(lfrec_index_size(&model, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_index_init(NULL, &model, list, sizeof list), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_index_init(&index, &none, list, sizeof list), LFREC_ERROR_UNINITIALIZED);
    ASSERT_STATUS(lfrec_index_init(&index, &model, NULL, 1), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_index_create(NULL, &model, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_index_create(&index, NULL, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_OK(lfrec_index_create(&index, &model, NULL));
    lfrec_user user = user_over(factors);
    ASSERT_OK(lfrec_fold_in(&model, &empty, &user));
    lfrec_query query = lfrec_query_for(4, NULL);
    ASSERT_STATUS(lfrec_index_top(NULL, &user, &query, list, &found, &scored), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_index_top(&unmade, &user, &query, list, &found, &scored), LFREC_ERROR_UNINITIALIZED);
    ASSERT_STATUS(lfrec_index_top(&index, NULL, &query, list, &found, &scored), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_index_top(&index, &user, NULL, list, &found, &scored), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_index_top(&index, &user, &query, NULL, &found, &scored), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_index_top(&index, &user, &query, list, NULL, &scored), LFREC_ERROR_ARGUMENT);
    query.exclude = &outside;
    ASSERT_STATUS(lfrec_index_top(&index, &user, &query, list, &found, &scored), LFREC_ERROR_RANGE);
    query = lfrec_query_for(4, NULL);
    query.candidates = beyond, query.candidate_count = 2;
    ASSERT_STATUS(lfrec_index_top(&index, &user, &query, list, &found, &scored), LFREC_ERROR_RANGE);
    ck_assert_uint_eq(bytes, 77);
    ck_assert_uint_eq(found, 77);
    ck_assert_uint_eq(scored, 77);
    lfrec_index_destroy(&index);
    lfrec_model_destroy(&model);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        lists_are_those_of_lfrec_top_for_any_model_user_and_query,
        lists_are_exact_where_scores_are_nearly_equal_or_no_numbers,
        users_that_no_history_gives_get_their_lists,
        items_are_passed_over_where_norms_differ,
        a_row_that_is_no_numbers_or_too_large_hides_no_bounds,
        items_are_passed_over_where_means_differ,
        index_stays_what_its_model_was,
        memory_may_be_anywhere_and_is_all_that_is_touched,
        allocator_gets_back_what_it_gave,
        bad_arguments_are_refused_and_write_nothing,
    };
    return run_tests("index", tests, COUNT(tests), 120);
}
