/* Training shared out among threads: the same bits whoever does the parts and in which order, the same model up to rounding for any number
 * of parts where users are not taken together, one as good where they are. And the threads of examples/thread_pool.c. */
#include "lfrec.h"

#include "../examples/thread_pool.c" /* NOLINT(bugprone-suspicious-include): who sleeps is its own business but here */
#include "support.h"

/* Settings, and the paths of LFREC_ARTICLE with both scopes. */
static const struct {
    lfrec_setting setting;
    lfrec_path path;
    lfrec_scope scope;
    float holdout;
} cases[] = {
    {LFREC_ARTICLE, LFREC_PATH_DENSE, LFREC_SCOPE_KNOWN, 0.1f},  {LFREC_ARTICLE, LFREC_PATH_DENSE, LFREC_SCOPE_ALL, 0},
    {LFREC_ARTICLE, LFREC_PATH_SPARSE, LFREC_SCOPE_KNOWN, 0.1f}, {LFREC_ARTICLE, LFREC_PATH_SPARSE, LFREC_SCOPE_ALL, 0},
    {LFREC_SGD, LFREC_PATH_AUTO, LFREC_SCOPE_KNOWN, 0.1f},       {LFREC_BAYES, LFREC_PATH_AUTO, LFREC_SCOPE_KNOWN, 0},
    {LFREC_RANKING, LFREC_PATH_AUTO, LFREC_SCOPE_KNOWN, 0},
};

static lfrec_options options_of(size_t which, uint32_t items, uint32_t threads)
{
    lfrec_options options = lfrec_options_for(cases[which].setting, items, 5, 0.5f, 5);
    options.path = cases[which].path;
    options.scope = cases[which].scope;
    options.holdout = cases[which].holdout;
    options.epochs = 3;
    options.threads = threads;
    return options;
}

static void backwards(void *context, size_t parts, lfrec_task *task, void *work)
{
    size_t *most = context;
    if (most && parts > *most) *most = parts;
    while (parts-- > 0) task(work, parts);
}

static lfrec_model trained(const lfrec_options *options, const lfrec_ratings *ratings, lfrec_report *report)
{
    lfrec_model model;
    ASSERT_OK(lfrec_model_create(&model, options, NULL));
    ASSERT_OK(lfrec_train(&model, options, ratings, NULL, NULL, report));
    return model;
}

static void *bytes_of(const lfrec_model *model, size_t *bytes)
{
    ASSERT_OK(lfrec_save_size(model, bytes));
    void *memory = take(*bytes);
    ASSERT_OK(lfrec_save_buffer(model, memory, *bytes, bytes));
    return memory;
}

static void assert_same_bits(const lfrec_model *a, const lfrec_model *b, size_t which, uint32_t threads)
{
    size_t bytes, other;
    void *first = bytes_of(a, &bytes), *second = bytes_of(b, &other);
    ck_assert_uint_eq(bytes, other);
    ck_assert_msg(memcmp(first, second, bytes) == 0, "case %zu differs with %u threads", which, threads);
    free(first);
    free(second);
}

/* Enough users that they are taken together, more threads than some histories have items, more than the machine has. */
START_TEST(result_does_not_depend_on_who_does_the_parts)
{
    enum { USERS = BY_SPEED(300, 200), ITEMS = 60 };
    static const uint32_t counts[] = {2, 3, 8};
    lfrec_ratings ratings;
    generate(&ratings, USERS, ITEMS, 15, 2);
    for (size_t c = 0; c < COUNT(counts); c++) {
        thread_pool *pool = thread_pool_start(counts[c]);
        ck_assert_ptr_nonnull(pool);
        for (size_t which = 0; which < COUNT(cases); which++) {
            lfrec_options options = options_of(which, ITEMS, counts[c]);
            lfrec_report reports[3];
            size_t most = 0;
            lfrec_model alone = trained(&options, &ratings, &reports[0]);
            options.parallel = backwards;
            options.parallel_context = &most;
            lfrec_model turned = trained(&options, &ratings, &reports[1]);
            options.parallel = thread_pool_run;
            options.parallel_context = pool;
            lfrec_model together = trained(&options, &ratings, &reports[2]);
            ck_assert_uint_ge(most, counts[c]);
            assert_same_bits(&alone, &turned, which, counts[c]);
            assert_same_bits(&alone, &together, which, counts[c]);
            for (size_t k = 1; k < 3; k++) {
                ck_assert_mem_eq(&reports[0].last.loss, &reports[k].last.loss, sizeof(lfrec_real));
                ck_assert_mem_eq(&reports[0].best_error, &reports[k].best_error, sizeof(lfrec_real));
            }
            lfrec_model_destroy(&alone);
            lfrec_model_destroy(&turned);
            lfrec_model_destroy(&together);
        }
        thread_pool_stop(pool);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

static double largest_difference(const float *a, const float *b, size_t count, double *largest)
{
    double worst = 0;
    for (size_t k = 0; a && k < count; k++) {
        worst = fmax(worst, fabs((double)a[k] - (double)b[k]));
        *largest = fmax(*largest, fabs((double)a[k]));
    }
    return worst;
}

/* Conjugate gradients end where they are close enough. */
static double closeness(size_t which)
{
    return cases[which].setting == LFREC_RANKING ? 1e-3 : 1e-4;
}

/* So few users are taken one after the other: parts change nothing but the order in which their sums are added. */
START_TEST(parts_add_up_to_the_whole)
{
    enum { USERS = 100, ITEMS = 40 };
    lfrec_ratings ratings;
    generate(&ratings, USERS, ITEMS, 12, 2);
    for (size_t which = 0; which < COUNT(cases); which++) {
        lfrec_options options = options_of(which, ITEMS, 1);
        const lfrec_model one = trained(&options, &ratings, NULL);
        static const uint32_t counts[] = {2, 7, LFREC_MAX_THREADS};
        for (size_t c = 0; c < COUNT(counts); c++) {
            options.threads = counts[c];
            lfrec_model other = trained(&options, &ratings, NULL);
            double largest = 0;
            const double off = largest_difference(one.decoder, other.decoder, ITEMS * one.stride, &largest);
            ck_assert_msg(largest > 0 && off <= closeness(which) * largest, "case %zu, %u threads: %g off, of %g",
                          which, counts[c], off, largest);
            largest = 0;
            const double encoder_off = largest_difference(one.encoder, other.encoder, ITEMS * one.stride, &largest);
            ck_assert_msg(encoder_off <= closeness(which) * largest, "case %zu, %u threads: encoder %g off, of %g",
                          which, counts[c], encoder_off, largest);
            lfrec_model_destroy(&other);
        }
        lfrec_model gone = one;
        lfrec_model_destroy(&gone);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

/* Users taken together start from weights that are some users old. */
START_TEST(users_taken_together_learn_as_well)
{
    enum { USERS = BY_SPEED(800, 150), ITEMS = 80 };
    static const lfrec_setting both[] = {LFREC_SGD, LFREC_BAYES};
    lfrec_ratings ratings, train, test;
    size_t bytes;
    generate(&ratings, USERS, ITEMS, 25, 2);
    ASSERT_OK(lfrec_split_size(&ratings, &bytes));
    void *memory = take(bytes);
    ASSERT_OK(lfrec_split(&ratings, LFREC_SPLIT_RATINGS, 0.1f, 1, memory, bytes, &train, &test));
    for (size_t which = 0; which < COUNT(both); which++) {
        double rmse[2];
        for (uint32_t threads = 1; threads <= 2; threads++) {
            lfrec_options options = lfrec_options_for(both[which], ITEMS, 5, 0.5f, 5);
            lfrec_errors errors = {0};
            options.epochs = BY_SPEED(25, 5);
            options.threads = threads;
            lfrec_model model = trained(&options, &train, NULL);
            float *factors = user_room(&model);
            ASSERT_OK(lfrec_evaluate(&model, &train, &test, factors, &errors));
            rmse[threads - 1] = (double)errors.rmse;
            free(factors);
            lfrec_model_destroy(&model);
        }
        ck_assert_msg(rmse[1] < 1.01 * rmse[0], "setting %d: %g, and %g with one thread", (int)both[which], rmse[1],
                      rmse[0]);
    }
    free(memory);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(training_with_threads_stays_in_memory_of_the_size_that_is_told)
{
    enum { ITEMS = 30 };
    lfrec_ratings ratings;
    generate(&ratings, 200, ITEMS, 8, 2);
    for (size_t which = 0; which < COUNT(cases); which++) {
        lfrec_options options = options_of(which, ITEMS, 5);
        size_t bytes;
        lfrec_trainer trainer;
        ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
        bordered memory = border(bytes, 4);
        ASSERT_OK(lfrec_trainer_init(&trainer, &options, &ratings, NULL, memory.at, memory.bytes));
        ASSERT_OK(lfrec_trainer_epoch(&trainer, NULL));
        border_free(&memory);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(number_of_threads_is_checked)
{
    lfrec_options options = lfrec_options_for(LFREC_SGD, 10, 3, 1, 5);
    const char *field;
    ck_assert_uint_eq(options.threads, 1);
    ASSERT_OK(lfrec_options_check(&options, &field));
    static const uint32_t wrong[] = {0, LFREC_MAX_THREADS + 1, UINT32_MAX};
    for (size_t k = 0; k < COUNT(wrong); k++) {
        options.threads = wrong[k];
        ASSERT_STATUS(lfrec_options_check(&options, &field), LFREC_ERROR_ARGUMENT);
        ck_assert_str_eq(field, "threads");
    }
}
END_TEST

/* ---- the pool ---- */

enum { JOBS = BY_SPEED(20000, 500), MOST_PARTS = 37 };

static void count_up(void *work, size_t part)
{
    ((unsigned *)work)[part]++;
}

/* Each part writes to a place of its own without a lock: a part done twice, or late, or not at all, is seen. */
START_TEST(every_part_is_done_once_and_before_the_end)
{
    unsigned done[MOST_PARTS];
    for (unsigned count = 1; count <= 4; count++) {
        thread_pool *pool = thread_pool_start(count);
        ck_assert_ptr_nonnull(pool);
        for (size_t job = 0; job < JOBS; job++) {
            const size_t parts = job % (MOST_PARTS + 1);
            memset(done, 0, sizeof done);
            thread_pool_run(pool, parts, count_up, done);
            for (size_t k = 0; k < MOST_PARTS; k++) HOLDS(done[k] == (k < parts));
        }
        thread_pool_stop(pool);
    }
}
END_TEST

typedef struct {
    pthread_t by[3];
    atomic_size_t started;
} meeting;

static void meet(void *work, size_t part)
{
    meeting *m = work;
    m->by[part] = pthread_self();
    atomic_fetch_add(&m->started, 1);
    while (atomic_load(&m->started) < COUNT(m->by)) sched_yield();
}

START_TEST(a_part_is_always_done_by_the_same_thread_when_all_have_one)
{
    thread_pool *pool = thread_pool_start(3);
    ck_assert_ptr_nonnull(pool);
    meeting first = {.started = 0};
    thread_pool_run(pool, COUNT(first.by), meet, &first);
    for (int job = 0; job < 1000; job++) {
        meeting next = {.started = 0};
        thread_pool_run(pool, COUNT(next.by), meet, &next);
        for (size_t k = 0; k < COUNT(next.by); k++) HOLDS(pthread_equal(next.by[k], first.by[k]));
    }
    thread_pool_stop(pool);
}
END_TEST

START_TEST(threads_that_have_gone_to_sleep_wake_for_work)
{
    unsigned done[MOST_PARTS] = {0};
    thread_pool *pool = thread_pool_start(3);
    ck_assert_ptr_nonnull(pool);
    for (int job = 1; job <= 3; job++) {
        while (atomic_load(&pool->sleepers) < 2) sched_yield();
        thread_pool_run(pool, MOST_PARTS, count_up, done);
        for (size_t k = 0; k < MOST_PARTS; k++) HOLDS(done[k] == (unsigned)job);
    }
    while (atomic_load(&pool->sleepers) < 2) sched_yield();
    thread_pool_stop(pool);
    thread_pool_stop(NULL);
    ck_assert_ptr_null(thread_pool_start(0));
    ck_assert_ptr_null(thread_pool_start(LFREC_MAX_THREADS + 1));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        result_does_not_depend_on_who_does_the_parts,
        parts_add_up_to_the_whole,
        users_taken_together_learn_as_well,
        training_with_threads_stays_in_memory_of_the_size_that_is_told,
        number_of_threads_is_checked,
        every_part_is_done_once_and_before_the_end,
        a_part_is_always_done_by_the_same_thread_when_all_have_one,
        threads_that_have_gone_to_sleep_wake_for_work,
    };
    return run_tests("threads", tests, COUNT(tests), 120);
}
