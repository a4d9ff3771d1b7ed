/* What several suites of the header need: memory that is watched, random numbers of their own, ratings with a known truth.
 * Include after lfrec.h. */
#ifndef LFREC_TESTS_SUPPORT_H
#define LFREC_TESTS_SUPPORT_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sizes for a machine, and for valgrind, which is fifty times slower. */
#ifdef LFREC_TEST_QUICK
#define BY_SPEED(full, quick) (quick)
#else
#define BY_SPEED(full, quick) (full)
#endif

#define ASSERT_OK(call) ck_assert_int_eq((call), LFREC_OK)
#define ASSERT_STATUS(call, status) ck_assert_int_eq((call), (status))

/* For inner loops: Check's own assertions write to a file each time that they hold. */
#define HOLDS(condition)                                                  \
    do {                                                                  \
        if (!(condition)) ck_abort_msg("'%s' does not hold", #condition); \
    } while (0)

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static inline void *take(size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

/* ---- random numbers: not the header's ---- */

static uint64_t draw_state = 88172645463325252u;

static inline uint32_t draw_below(uint32_t bound)
{
    draw_state ^= draw_state << 13;
    draw_state ^= draw_state >> 7;
    draw_state ^= draw_state << 17;
    return (uint32_t)((draw_state >> 32) * bound >> 32);
}

/* [-1, 1) */
static inline float draw_float(void)
{
    return (float)draw_below(1u << 24) / 8388608.0f - 1.0f;
}

/* ---- an allocator that counts, and fails when told ---- */

typedef struct {
    size_t calls, live, bytes; /* bytes: of the last allocation */
    size_t fail_at;            /* the call that gets NULL, from 1; 0: none */
} watch;

static inline void *watch_allocate(void *context, size_t bytes)
{
    watch *w = context;
    if (++w->calls == w->fail_at) return NULL;
    void *memory = take(bytes);
    memset(memory, 0xff, bytes); /* NaN wherever something is used before it is set */
    w->live++;
    w->bytes = bytes;
    return memory;
}

static inline void watch_release(void *context, void *memory)
{
    watch *w = context;
    w->live--;
    free(memory);
}

static inline lfrec_allocator watched(watch *w)
{
    const lfrec_allocator allocator = {watch_allocate, watch_release, w};
    memset(w, 0, sizeof *w);
    return allocator;
}

/* ---- memory at any address, with a border that shows a write beside it ---- */

enum { BORDER = 64 };

typedef struct {
    unsigned char *block, *at; /* at: `shift` bytes after a multiple of 64 */
    size_t bytes;
} bordered;

static inline bordered border(size_t bytes, size_t shift)
{
    bordered b;
    b.bytes = bytes;
    b.block = take(bytes + shift + 3 * BORDER);
    memset(b.block, 0xa5, bytes + shift + 3 * BORDER);
    b.at = b.block + BORDER;
    b.at += (BORDER - (uintptr_t)b.at % BORDER) % BORDER + shift;
    return b;
}

static inline void border_free(bordered *b)
{
    for (size_t k = 0; k < BORDER; k++) {
        ck_assert_msg(b->at[b->bytes + k] == 0xa5, "byte %zu after the end was written", k);
        ck_assert_msg(b->at[-1 - (ptrdiff_t)k] == 0xa5, "byte %zu before the start was written", k + 1);
    }
    free(b->block);
}

/* ---- ratings with tastes in them ---- */

/* `per_user` ratings of each user on average: mean + item + user + the product of `rank` hidden tastes + noise, rounded to halves and kept on
 * 0.5 .. 5. */
static inline void generate(lfrec_ratings *ratings, uint32_t users, uint32_t items, uint32_t per_user, uint32_t rank)
{
    float *user_taste = take(users * rank * sizeof *user_taste), *item_taste = take(items * rank * sizeof *item_taste);
    float *item_level = take(items * sizeof *item_level);
    lfrec_rating *events = take((size_t)users * items * sizeof *events);
    size_t count = 0;
    for (uint32_t k = 0; k < users * rank; k++) user_taste[k] = draw_float() + draw_float();
    for (uint32_t k = 0; k < items * rank; k++) item_taste[k] = draw_float() + draw_float();
    for (uint32_t i = 0; i < items; i++) item_level[i] = 0.6f * draw_float();
    for (uint32_t u = 0; u < users; u++) {
        const float level = 0.4f * draw_float();
        for (uint32_t i = 0; i < items; i++) {
            if (draw_below(items) >= per_user) continue;
            float x = 3.0f + level + item_level[i] + 0.3f * draw_float();
            for (uint32_t q = 0; q < rank; q++) x += 0.9f * user_taste[u * rank + q] * item_taste[i * rank + q];
            x = roundf(2.0f * x) / 2.0f;
            events[count].user = u;
            events[count].item = i;
            events[count++].value = x < 0.5f ? 0.5f : x > 5.0f ? 5.0f : x;
        }
    }
    ASSERT_OK(lfrec_ratings_create(ratings, users, items, events, count, NULL));
    free(user_taste);
    free(item_taste);
    free(item_level);
    free(events);
}

/* ---- a file in memory: append is its lfrec_write ---- */

typedef struct {
    unsigned char *at;
    size_t bytes, room;
} blob;

static inline int append(void *context, const void *data, size_t bytes)
{
    blob *b = context;
    if (bytes > b->room - b->bytes) return 0;
    memcpy(b->at + b->bytes, data, bytes);
    b->bytes += bytes;
    return 1;
}

/* ---- models with any weights ---- */

/* The two that encode by a sum, and all. */
static const lfrec_setting settings[] = {LFREC_ARTICLE, LFREC_SGD};
static const lfrec_setting all_settings[] = {LFREC_ARTICLE, LFREC_SGD, LFREC_BAYES, LFREC_RANKING};

static inline size_t columns_of(const lfrec_model *model)
{
    return model->factors + (model->setting == LFREC_BAYES ? 2 : 0);
}

/* What a user's factors need at most, for a fixed array; and exactly, freed by free. */
#define USER_ROOM(factors) ((9 + 3 * LFREC_STRIDE((factors) + 2)) * LFREC_STRIDE((factors) + 2))

static inline float *user_room(const lfrec_model *model)
{
    return take(lfrec_user_floats(model) * sizeof(float));
}

/* A model's array, writable as it is by the tests alone. */
static inline float *writable(const float *array)
{
    return (float *)(uintptr_t)array;
}

static inline void fill(const float *rows, size_t count, size_t columns, size_t stride, float size)
{
    for (size_t k = 0; rows && k < count; k++) {
        for (size_t q = 0; q < columns; q++) writable(rows)[k * stride + q] = size * draw_float();
    }
}

/* Made by create, then random: what tests of serving need no training for. */
static inline void random_model(lfrec_model *model, lfrec_setting setting, uint32_t items, uint32_t factors)
{
    const lfrec_options options = lfrec_options_for(setting, items, factors, 0.5f, 5.0f);
    ASSERT_OK(lfrec_model_create(model, &options, NULL));
    model->mean = 3.25f;
    fill(model->item_mean, items, 1, 1, 0.5f);
    for (uint32_t i = 0; i < items; i++) {
        writable(model->item_mean)[i] += 3.25f;
        ((uint32_t *)(uintptr_t)model->support)[i] = draw_below(50);
    }
    fill(model->encoder, items, factors, model->stride, 0.3f);
    fill(model->decoder, items, factors, model->stride, 0.8f);
    fill(model->offset, items, 1, 1, 0.1f);
    fill(model->implicit, items, factors, model->stride, 0.1f);
    for (uint32_t i = 0; setting == LFREC_BAYES && i < items; i++) {
        const size_t row = i * model->stride;
        writable(model->precision)[i] = 1.5f + 0.5f * draw_float();
        writable(model->decoder)[row + factors] = 1;
        writable(model->decoder)[row + factors + 1] = 0.2f * draw_float();
        for (uint32_t q = 0; q < factors + 2; q++) {
            writable(model->variance)[row + q] = q == factors ? 0 : 0.02f + 0.01f * draw_float();
        }
    }
    for (uint32_t i = 0; setting == LFREC_RANKING && i < items; i++) { /* F'F, and something on its diagonal */
        for (uint32_t a = 0; a < factors; a++) {
            for (uint32_t b = 0; b < factors; b++) {
                writable(model->gram)[a * model->stride + b] +=
                    0.1f * model->decoder[i * model->stride + a] * model->decoder[i * model->stride + b] +
                    (a == b ? 0.01f : 0);
            }
        }
    }
}

static inline lfrec_user user_over(float *factors)
{
    lfrec_user user;
    memset(&user, 0, sizeof user);
    user.factors = factors;
    return user;
}

/* Any history: `count` items at even distances, from item `first` on. */
static inline lfrec_history history_over(uint32_t *item, float *value, size_t count, uint32_t first, uint32_t distance)
{
    const lfrec_history history = {item, value, count};
    for (size_t k = 0; k < count; k++) {
        item[k] = first + (uint32_t)k * distance;
        value[k] = 0.5f * (float)(1 + draw_below(10));
    }
    return history;
}

/* A filter: refused[item] says of each item whether it is. */
static inline int not_in(void *context, uint32_t item)
{
    const unsigned char *refused = context;
    return !refused[item];
}

/* All reasons and the baseline add up to the item's score. `user` was folded in from this history. */
static inline void assert_explained(const lfrec_model *model, lfrec_user *user, const lfrec_history *history,
                                    uint32_t item, float tolerance)
{
    lfrec_reason *reasons = take(history->count * sizeof *reasons);
    lfrec_explanation why = {reasons, history->count, 0, 0};
    float score;
    ASSERT_OK(lfrec_explain(model, user, history, item, &why));
    ASSERT_OK(lfrec_score(model, user, item, 1, &score));
    double sum = (double)why.baseline;
    for (size_t k = 0; k < why.count; k++) sum += (double)reasons[k].share;
    ck_assert_uint_eq(why.count, history->count);
    ck_assert_float_eq_tol(score, (float)sum, tolerance);
    free(reasons);
}

/* ---- a suite that is one list of tests ---- */

/* Each test once for every _i in 0 .. loops - 1. */
static inline int run_loops(const char *name, const TTest *const *tests, size_t count, int loops, double seconds)
{
    Suite *suite = suite_create(name);
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    tcase_set_timeout(all, seconds);
    for (size_t k = 0; k < count; k++) tcase_add_loop_test(all, tests[k], 0, loops);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static inline int run_tests(const char *name, const TTest *const *tests, size_t count, double seconds)
{
    return run_loops(name, tests, count, 1, seconds);
}

/* settings[_i] is the test's setting. */
static inline int run_for_settings(const char *name, const TTest *const *tests, size_t count, double seconds)
{
    return run_loops(name, tests, count, (int)COUNT(settings), seconds);
}

#endif
