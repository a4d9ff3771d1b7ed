/* bench_train: how fast models are trained, on MovieLens 1M.
 *
 *     DATA=ml-1m build/tests/bench/bench_train          from the repository's root; REPEATS=9 TSV=1
 *
 * 1. The article's model (its 500 most rated films, 25 factors, batches of 64) against PyTorch: the same preferences, hiding, loss and
 *    optimizer, dense; the median epoch of one thread's processor time, and the error of a tenth that is held out.
 * 2. Training with two threads, by the clock on the wall: what other programs take counts, and the fastest runs tell more than the medians.
 * 3. Every setting on all ratings by the sparse path, against libmf built as its Makefile does: ratings x epochs a second.
 * 4. Time to quality: a whole program's processor time, from opening the file to the error on a random tenth.
 *    Epochs were chosen so that the error is just reached. */
#define LFREC_IMPLEMENTATION
#define LFREC_STATIC
#include "lfrec.h"

#include "../../examples/dataset.h"
#include "../../examples/thread_pool.h"
#include "bench.h"

#include <stdarg.h>
#include <unistd.h>

enum { FILMS = 500, ARTICLE_FACTORS = 25, ARTICLE_BATCH = 64, MOST_EPOCHS = 1000, TENTHS = 10 };

static const double none = (double)NAN;

static void check(lfrec_status status, const char *what)
{
    if (status != LFREC_OK) {
        fprintf(stderr, "bench_train: %s: %s\n", what, lfrec_status_string(status));
        exit(1);
    }
}

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes > 0 ? bytes : 1);
    if (memory == NULL) {
        fprintf(stderr, "bench_train: out of memory\n");
        exit(1);
    }
    return memory;
}

/* ---- data ---- */

static void read_data(dataset *data, const char *folder)
{
    char error[DATASET_ERROR_MAX];
    dataset_init(data);
    if (!dataset_read(data, folder, error)) {
        fprintf(stderr, "bench_train: %s\n", error);
        exit(1);
    }
}

/* Deals the ratings so that the last tenth, of size *held, is a random one. */
static void deal(lfrec_rating *rating, size_t count, size_t *held)
{
    lfrec_rng rng;
    lfrec_rng_seed(&rng, 1, 0);
    for (size_t k = count; k > 1; k--) {
        const uint32_t other = lfrec_rng_below(&rng, (uint32_t)k);
        const lfrec_rating keep = rating[k - 1];
        rating[k - 1] = rating[other];
        rating[other] = keep;
    }
    *held = count / TENTHS;
}

typedef struct {
    lfrec_ratings known, held;
    float lowest, highest;
} problem;

static void make_problem(problem *p, lfrec_rating *rating, size_t count, uint32_t users, uint32_t items, const dataset *data)
{
    size_t held;
    deal(rating, count, &held);
    check(lfrec_ratings_create(&p->known, users, items, rating, count - held, NULL), "ratings");
    check(lfrec_ratings_create(&p->held, users, items, rating + count - held, held, NULL), "ratings");
    p->lowest = data->lowest, p->highest = data->highest;
}

static void free_problem(problem *p)
{
    lfrec_ratings_destroy(&p->known);
    lfrec_ratings_destroy(&p->held);
}

/* The ratings of the most rated items, renumbered. */
static size_t most_rated(const dataset *data, lfrec_rating *out)
{
    uint32_t *order = allocate(data->items.count * sizeof *order), *number = allocate(data->items.count * sizeof *number);
    size_t count = 0;
    for (uint32_t i = 0; i < data->items.count; i++) order[i] = i, number[i] = UINT32_MAX;
    for (uint32_t place = 0; place < FILMS && place < data->items.count; place++) {
        uint32_t best = place;
        for (uint32_t k = place; k < data->items.count; k++)
            if (data->support[order[k]] > data->support[order[best]]) best = k;
        const uint32_t item = order[best];
        order[best] = order[place];
        number[item] = place;
    }
    for (size_t k = 0; k < data->count; k++) {
        lfrec_rating rating = data->rating[k];
        rating.item = number[rating.item];
        if (rating.item != UINT32_MAX) out[count++] = rating;
    }
    free(order), free(number);
    return count;
}

/* ---- training with a clock ---- */

typedef struct {
    double last, epoch[MOST_EPOCHS];
    size_t count;
} stopwatch;

static int note_epoch(void *context, const lfrec_epoch *epoch)
{
    stopwatch *watch = context;
    const double now = bench_now();
    (void)epoch;
    if (watch->count < MOST_EPOCHS) watch->epoch[watch->count++] = now - watch->last;
    watch->last = now;
    return 0;
}

/* Returns the median epoch's seconds; the first one, which finds cold caches and does the preparing, is left out. */
static double train(lfrec_model *model, const lfrec_options *options, const lfrec_ratings *ratings)
{
    static stopwatch watch;
    check(lfrec_model_create(model, options, NULL), "model");
    watch = (stopwatch){.last = bench_now()};
    check(lfrec_train(model, options, ratings, note_epoch, &watch, NULL), "training");
    return watch.count > 1 ? bench_median(watch.epoch + 1, watch.count - 1) : watch.epoch[0];
}

static lfrec_options options_of(lfrec_setting setting, const problem *p, uint32_t factors, uint32_t epochs)
{
    lfrec_options options = lfrec_options_for(setting, p->known.items, factors, p->lowest, p->highest);
    options.holdout = 0;
    options.epochs = epochs;
    return options;
}

/* ---- 1. the article's model ---- */

static float preference(const lfrec_model *model, const lfrec_history *history, size_t k, float user_mean)
{
    return history->value[k] - model->item_mean[history->item[k]] - user_mean;
}

/* Root of the mean squared difference of unclamped preferences. */
static double held_out_error(const lfrec_model *model, const problem *p)
{
    double sum = 0;
    size_t count = 0;
    lfrec_user user = {0, 0, allocate(LFREC_STRIDE(model->factors) * sizeof(float))};
    for (uint32_t u = 0; u < p->held.users; u++) {
        const lfrec_history known = lfrec_history_of(&p->known, u), held = lfrec_history_of(&p->held, u);
        check(lfrec_fold_in(model, &known, &user), "fold-in");
        for (size_t k = 0; k < held.count; k++) {
            float score;
            check(lfrec_score(model, &user, held.item[k], 1, &score), "score");
            sum += ((double)score - (double)held.value[k]) * ((double)score - (double)held.value[k]);
        }
        count += held.count;
    }
    free(user.factors);
    return sqrt(sum / (double)count);
}

/* Of each rating: user, item and, as the model sees it, preference; the rating itself where model is NULL. */
static void write_entries(FILE *file, const lfrec_model *model, const lfrec_ratings *known, const lfrec_ratings *ratings)
{
    for (uint32_t u = 0; u < ratings->users; u++) {
        const lfrec_history of_known = lfrec_history_of(known, u), history = lfrec_history_of(ratings, u);
        float user_mean = 0;
        if (model != NULL) check(lfrec_user_mean(model, &of_known, &user_mean), "user mean");
        for (size_t k = 0; k < history.count; k++) {
            const float value = model != NULL ? preference(model, &history, k, user_mean) : history.value[k];
            fwrite(&u, sizeof u, 1, file);
            fwrite(&history.item[k], sizeof *history.item, 1, file);
            fwrite(&value, sizeof value, 1, file);
        }
    }
}

/* Reads what a command prints as scanf does, and the rest, so that it can end. false: a peer is absent; why has been told on standard error. */
static bool ask(const char *command, int answers, const char *format, ...)
{
    va_list to;
    va_start(to, format);
    FILE *output = popen(command, "r");
    const bool good = output != NULL && vfscanf(output, format, to) == answers;
    va_end(to);
    while (output != NULL && getc(output) != EOF) continue;
    return (output == NULL || pclose(output) == 0) && good;
}

/* As train_torch.py reads it. */
static bool write_for_torch(const char *path, const lfrec_options *o, const lfrec_model *model, const problem *p)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) return false;
    const uint32_t shape[] = {p->known.users, p->known.items, o->factors, o->batch, o->epochs};
    const float constants[] = {o->learning_rate, o->learning_rate_final, o->momentum,       o->weight_decay,
                               o->mask,          o->loss_weight,         o->start_deviation};
    const uint32_t counts[] = {(uint32_t)p->known.row_start[p->known.users], (uint32_t)p->held.row_start[p->held.users]};
    fwrite(shape, sizeof shape, 1, file);
    fwrite(constants, sizeof constants, 1, file);
    fwrite(counts, sizeof counts, 1, file);
    write_entries(file, model, &p->known, &p->known);
    write_entries(file, model, &p->known, &p->held);
    return fclose(file) == 0;
}

static bool ask_torch(const char *path, double *milliseconds, double *error, char version[64])
{
    char command[512];
    snprintf(command, sizeof command,
             "python=$(tests/bench/venv.sh torch numpy) && $python tests/bench/train_torch.py %s", path);
    return ask(command, 3, "%lf %lf %63s", milliseconds, error, version);
}

static void article(const dataset *data)
{
    lfrec_rating *rating = allocate(data->count * sizeof *rating);
    const size_t count = most_rated(data, rating);
    problem p;
    make_problem(&p, rating, count, data->users.count, FILMS, data);
    free(rating);
    lfrec_options options = options_of(LFREC_ARTICLE, &p, ARTICLE_FACTORS, 50);
    options.batch = ARTICLE_BATCH;
    double ms[2], error[2], torch_ms = none, torch_error = none;
    char version[64] = "", path[] = "/tmp/bench_train.XXXXXX", name[96];
    const int descriptor = mkstemp(path);
    if (descriptor >= 0) close(descriptor);
    static const lfrec_path paths[] = {LFREC_PATH_DENSE, LFREC_PATH_SPARSE};
    for (int k = 0; k < 2; k++) {
        lfrec_model model;
        options.path = paths[k];
        ms[k] = 1e3 * train(&model, &options, &p.known);
        error[k] = held_out_error(&model, &p);
        if (k == 0 && !(write_for_torch(path, &options, &model, &p) && ask_torch(path, &torch_ms, &torch_error, version)))
            torch_ms = torch_error = none;
        lfrec_model_destroy(&model);
    }
    unlink(path);
    if (version[0] != '\0') printf("# PyTorch %s, one thread\n", version);
    snprintf(name, sizeof name, "article's model, %u x %d, K = %d, batch %d: an epoch, dense", p.known.users, FILMS,
             ARTICLE_FACTORS, ARTICLE_BATCH);
    bench_row(name, "ms", ms[0], torch_ms, torch_ms / ms[0], 8);
    bench_row("  held-out error after 50 epochs", "RMSE", error[0], torch_error, torch_error / error[0], 1);
    bench_row("  the same by the sparse path, the default for so few ratings: an epoch", "ms", ms[1], torch_ms,
              torch_ms / ms[1], 8);
    bench_row("  held-out error", "RMSE", error[1], torch_error, torch_error / error[1], 1);
    free_problem(&p);
}

/* ---- 3. every setting, all ratings ---- */

/* Million ratings x epochs a second of libmf with 32 and 64 factors; NAN: it is absent. */
static void ask_libmf(const problem *p, double speed[2])
{
    char command[512], path[] = "/tmp/bench_train.XXXXXX";
    const int descriptor = mkstemp(path);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    if (file != NULL) write_entries(file, NULL, &p->known, &p->known);
    const bool written = file != NULL && fclose(file) == 0;
    snprintf(command, sizeof command,
             "library=$(tests/bench/libmf.sh) && python=$(tests/bench/venv.sh numpy) && "
             "$python tests/bench/train_libmf.py $library %s 32 64",
             path);
    if (!(written && ask(command, 2, "%lf %lf", &speed[0], &speed[1]))) speed[0] = speed[1] = none;
    unlink(path);
}

typedef struct {
    const char *name;
    lfrec_setting setting;
    uint32_t factors;
} speed_case;

static const speed_case speeds[] = {
    {"article, K = 32", LFREC_ARTICLE, 32},
    {"sgd, K = 32", LFREC_SGD, 32},
    {"bayes, K = 30 (rows of 32)", LFREC_BAYES, 30},
    {"article, K = 64", LFREC_ARTICLE, 64},
    {"sgd, K = 64", LFREC_SGD, 64},
    {"bayes, K = 62 (rows of 64)", LFREC_BAYES, 62},
    {"ranking, K = 64", LFREC_RANKING, 64},
};

static void all_settings(const problem *p)
{
    const double ratings = (double)p->known.row_start[p->known.users];
    double libmf[2];
    ask_libmf(p, libmf);
    for (size_t k = 0; k < sizeof speeds / sizeof *speeds; k++) {
        char name[96];
        lfrec_model model;
        lfrec_options options =
            options_of(speeds[k].setting, p, speeds[k].factors, (uint32_t)(bench_repeats() < 9 ? bench_repeats() : 9) + 1);
        options.path = LFREC_PATH_SPARSE;
        const double speed = 1e-6 * ratings / train(&model, &options, &p->known), peer = libmf[speeds[k].factors > 32];
        lfrec_model_destroy(&model);
        snprintf(name, sizeof name, "ratings x epochs: %s", speeds[k].name);
        bench_row(name, "M a second", speed, peer, speed / peer, 1);
    }
}

/* ---- 2. two threads ---- */

typedef struct {
    const char *name;
    lfrec_setting setting;
    uint32_t factors, epochs;
    lfrec_path path;
} threads_case;

static const threads_case threaded[] = {
    {"article, 500 films, K = 25, dense", LFREC_ARTICLE, ARTICLE_FACTORS, 40, LFREC_PATH_DENSE},
    {"article, K = 32", LFREC_ARTICLE, 32, 15, LFREC_PATH_SPARSE},
    {"sgd, K = 32", LFREC_SGD, 32, 15, LFREC_PATH_SPARSE},
    {"bayes, 30 factors", LFREC_BAYES, 30, 6, LFREC_PATH_SPARSE},
    {"bayes, 62 factors", LFREC_BAYES, 62, 6, LFREC_PATH_SPARSE},
    {"ranking, K = 64", LFREC_RANKING, 64, 8, LFREC_PATH_SPARSE},
};

/* Seconds on the wall of one training. */
static double training_seconds(const lfrec_options *options, const problem *p)
{
    lfrec_model model;
    check(lfrec_model_create(&model, options, NULL), "model");
    const double start = bench_clock(CLOCK_MONOTONIC);
    check(lfrec_train(&model, options, &p->known, NULL, NULL, NULL), "training");
    const double seconds = bench_clock(CLOCK_MONOTONIC) - start;
    lfrec_model_destroy(&model);
    return seconds;
}

static void two_threads(const problem *all, const problem *films)
{
    thread_pool *pool = thread_pool_start(2);
    for (size_t k = 0; pool != NULL && k < sizeof threaded / sizeof *threaded; k++) {
        const problem *p = threaded[k].path == LFREC_PATH_DENSE ? films : all;
        double seconds[3][BENCH_MOST_REPEATS]; /* with 0, 1, 2 threads */
        char name[96];
        for (size_t repeat = 0; repeat < bench_repeats(); repeat++) {
            for (uint32_t threads = 1; threads <= 2; threads++) {
                lfrec_options options = options_of(threaded[k].setting, p, threaded[k].factors, threaded[k].epochs);
                options.batch = ARTICLE_BATCH;
                options.path = threaded[k].path;
                options.threads = threads;
                options.parallel = thread_pool_run;
                options.parallel_context = pool;
                seconds[threads][repeat] = training_seconds(&options, p);
            }
        }
        const double one = bench_median(seconds[1], bench_repeats()), two = bench_median(seconds[2], bench_repeats());
        snprintf(name, sizeof name, "two threads (fastest runs: %.2f): %s", seconds[1][0] / seconds[2][0], threaded[k].name);
        bench_row(name, "ms", 1e3 * two, 1e3 * one, one / two, 1.7);
    }
    if (pool == NULL) printf("# two threads: absent: no thread could be started\n");
    thread_pool_stop(pool);
}

/* ---- 4. time to quality ---- */

typedef struct {
    const char *name;
    lfrec_setting setting;
    uint32_t factors, epochs;
    bool ordinal;
    double rmse, seconds; /* to be reached, and in what time */
    double libmf;         /* seconds for that RMSE with the best parameters found for it; NAN: never reached */
} quality_case;

static void quality(const char *folder, const quality_case *c)
{
    dataset data;
    problem p;
    lfrec_model model;
    lfrec_errors errors;
    char name[160];
    const double start = bench_now();
    read_data(&data, folder);
    const double read = bench_now() - start;
    make_problem(&p, data.rating, data.count, data.users.count, data.items.count, &data);
    lfrec_options options = options_of(c->setting, &p, c->factors, c->epochs);
    if (c->ordinal) options.step = 1;
    check(lfrec_model_create(&model, &options, NULL), "model");
    check(lfrec_train(&model, &options, &p.known, NULL, NULL, NULL), "training");
    float *factors = allocate(lfrec_user_floats(&model) * sizeof *factors);
    check(lfrec_evaluate(&model, &p.known, &p.held, factors, &errors), "evaluation");
    const double seconds = bench_now() - start;
    if (!bench_tsv()) printf("# reading the file took %.2f s of the next row\n", read);
    snprintf(name, sizeof name, "RMSE %.4f (%.4f in %.1f s): %s", (double)errors.rmse, c->rmse, c->seconds, c->name);
    bench_row(name, "s", seconds, c->libmf, c->libmf / seconds, isnan(c->libmf) ? none : c->libmf / c->seconds);
    free(factors);
    lfrec_model_destroy(&model);
    free_problem(&p);
    dataset_free(&data);
}

int main(void)
{
    const quality_case qualities[] = {
        {"sgd, K = 16, 14 epochs", LFREC_SGD, 16, 14, false, 0.8376, 0.8, 8.6},
        {"sgd, K = 32, 34 epochs", LFREC_SGD, 32, 34, false, 0.826, 1.5, none},
        {"bayes, 30 factors, 8 epochs", LFREC_BAYES, 30, 8, false, 0.826, 1.5, none},
        {"bayes, 62, ordinal, 10 epochs", LFREC_BAYES, 62, 10, true, 0.816, 7, none},
    };
    const char *folder = getenv("DATA");
    bench_machine();
    if (folder == NULL || *folder == '\0') {
        printf("bench_train: absent: DATA= names no folder of MovieLens 1M\n");
        return 0;
    }
    dataset data;
    read_data(&data, folder);
    bench_header("PyTorch");
    article(&data);
    lfrec_rating *rating = allocate(data.count * sizeof *rating);
    problem p, films;
    make_problem(&films, rating, most_rated(&data, rating), data.users.count, FILMS, &data);
    free(rating);
    make_problem(&p, data.rating, data.count, data.users.count, data.items.count, &data);
    bench_header("one thread");
    two_threads(&p, &films);
    bench_header("libmf, as many factors");
    all_settings(&p);
    free_problem(&p);
    free_problem(&films);
    dataset_free(&data);
    bench_header("libmf, as measured before");
    for (size_t k = 0; k < sizeof qualities / sizeof *qualities; k++) quality(folder, &qualities[k]);
    return 0;
}
