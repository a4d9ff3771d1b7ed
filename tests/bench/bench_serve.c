/* bench_serve: top-20 lists of all items, against what the machine could do.
 *
 *     DATA=ml-1m build/tests/bench/bench_serve          REPEATS=9 TSV=1; without DATA: generated factors of the same size
 *
 * 1. Lists for all users, selection included, against the matrix product that computes the same scores and keeps none of them.
 * 2. One user against 1 million items (K = 32), against reading the factors from memory once.
 * 3. The same lists by lfrec_index_top, one by one, which passes over items whose bound is below the 20th best score. Exact: every
 *    list is compared with lfrec_top_many's. */
#define LFREC_IMPLEMENTATION
#define LFREC_STATIC
#include "lfrec.h"

#include "../../examples/dataset.h"
#include "bench.h"

enum { LIST = 20, FACTORS = 32, BATCH = 64, MILLION = 1000000 };

static void check(lfrec_status status, const char *what)
{
    if (status != LFREC_OK) {
        fprintf(stderr, "bench_serve: %s: %s\n", what, lfrec_status_string(status));
        exit(1);
    }
}

static void *allocate(size_t bytes)
{
    void *memory = NULL;
    if (posix_memalign(&memory, 64, bytes) != 0) {
        fprintf(stderr, "bench_serve: out of memory\n");
        exit(1);
    }
    return memory;
}

/* ---- models ---- */

/* Factors whose rows have norms e^(spread z), z normal: spread 0 leaves the bound nothing to skip. */
static void generate(lfrec_model *model, uint32_t items, float spread)
{
    const lfrec_options options = lfrec_options_for(LFREC_SGD, items, FACTORS, 1, 5);
    lfrec_rng rng;
    float *decoder, *mean;
    check(lfrec_model_create(model, &options, NULL), "model");
    decoder = (float *)(uintptr_t)model->decoder; /* the model is our own */
    mean = (float *)(uintptr_t)model->item_mean;
    lfrec_rng_seed(&rng, 1, 0);
    for (uint32_t i = 0; i < items; i++) {
        const float scale = 0.2f * expf(spread * lfrec_rng_normal(&rng));
        mean[i] = 3.0f + 0.3f * lfrec_rng_normal(&rng);
        for (uint32_t k = 0; k < FACTORS; k++) decoder[i * model->stride + k] = scale * lfrec_rng_normal(&rng);
    }
}

/* ---- cases ---- */

typedef struct {
    const lfrec_model *model;
    const lfrec_ratings *ratings;
    float *factors; /* U x K */
    float *mean;    /* U */
    uint32_t users;
} audience;

static lfrec_user user_of(const audience *a, uint32_t u)
{
    lfrec_user user = {0, 0, NULL};
    user.mean = a->mean[u];
    user.rated = lfrec_history_of(a->ratings, u).count;
    user.factors = a->factors + u * a->model->stride;
    return user;
}

/* Seconds of lfrec_top_many for all, BATCH users at a time. */
static double lists(const audience *a, uint64_t *sum)
{
    static lfrec_scored list[BATCH][LIST];
    static lfrec_history history[BATCH];
    static lfrec_query query[BATCH];
    static lfrec_user user[BATCH];
    static lfrec_listing listing[BATCH];
    const double start = bench_now();
    for (uint32_t first = 0; first < a->users; first += BATCH) {
        const uint32_t count = a->users - first < BATCH ? a->users - first : BATCH;
        for (uint32_t u = 0; u < count; u++) {
            history[u] = lfrec_history_of(a->ratings, first + u);
            query[u] = lfrec_query_for(LIST, &history[u]);
            query[u].min_support = 0;
            user[u] = user_of(a, first + u);
            listing[u].user = &user[u];
            listing[u].query = &query[u];
            listing[u].list = list[u];
        }
        check(lfrec_top_many(a->model, listing, count), "top");
        for (uint32_t u = 0; u < count; u++) {
            for (size_t k = 0; k < listing[u].found; k++) *sum = *sum * 31 + list[u][k].item;
        }
    }
    return bench_now() - start;
}

/* The same by lfrec_index_top, one user at a time; *share: of items passed over. */
static double index_lists(const audience *a, const lfrec_index *index, uint64_t *sum, double *share)
{
    const double start = bench_now();
    size_t all = 0;
    for (uint32_t u = 0; u < a->users; u++) {
        const lfrec_history history = lfrec_history_of(a->ratings, u);
        const lfrec_user user = user_of(a, u);
        lfrec_query query = lfrec_query_for(LIST, &history);
        lfrec_scored list[LIST];
        size_t found, scored;
        query.min_support = 0;
        check(lfrec_index_top(index, &user, &query, list, &found, &scored), "top by index");
        all += scored;
        for (size_t k = 0; k < found; k++) *sum = *sum * 31 + list[k].item;
    }
    *share = 1 - (double)all / ((double)a->users * (double)a->model->items);
    return bench_now() - start;
}

/* The same scores by matrix products of BATCH users, thrown away. */
static double products(const audience *a, float *scores, void *scratch)
{
    const double start = bench_now();
    for (uint32_t u = 0; u < a->users; u += BATCH) {
        lfrec_gemm g;
        memset(&g, 0, sizeof g);
        g.transpose_b = 1;
        g.m = a->users - u < BATCH ? a->users - u : BATCH, g.n = a->model->items, g.k = a->model->factors;
        g.alpha = 1;
        g.a = a->factors + u * a->model->stride, g.lda = a->model->stride;
        g.b = a->model->decoder, g.ldb = a->model->stride;
        g.c = scores, g.ldc = g.n;
        g.scratch = scratch, g.scratch_bytes = lfrec_sgemm_scratch_size();
        check(lfrec_sgemm(&g), "product");
    }
    return bench_now() - start;
}

typedef uint64_t words __attribute__((vector_size(64)));

/* Every byte loaded once; the sum keeps the compiler from leaving it out. */
static double reading(const float *factors, size_t floats, volatile uint64_t *out)
{
    const double start = bench_now();
    const words *p = (const words *)(const void *)factors;
    words sum = {0}, other = {0};
    for (size_t i = 0; i + 1 < floats / 16; i += 2) sum ^= p[i], other ^= p[i + 1];
    *out = sum[0] ^ other[1];
    return bench_now() - start;
}

/* Both ways, in turn, and the peer named. */
static void compare(const audience *a, const char *name, bool by_product)
{
    double one[BENCH_MOST_REPEATS], two[BENCH_MOST_REPEATS], peer[BENCH_MOST_REPEATS], share = 0;
    char label[96];
    lfrec_index index;
    float *scores = by_product ? allocate((size_t)BATCH * a->model->items * sizeof *scores) : NULL;
    void *scratch = allocate(lfrec_sgemm_scratch_size());
    volatile uint64_t sink = 0;
    check(lfrec_index_create(&index, a->model, NULL), "index");
    /* The copy by norm starts at a multiple of 64 as the model's own array need not. */
    const size_t floats = (size_t)a->model->items * a->model->stride;
    for (size_t r = 0; r < bench_repeats(); r++) {
        uint64_t plain = 0, skipping = 0;
        one[r] = lists(a, &plain);
        two[r] = index_lists(a, &index, &skipping, &share);
        peer[r] = by_product ? products(a, scores, scratch) : reading(index.ordered.decoder, floats, &sink);
        if (plain != skipping) {
            fprintf(stderr, "bench_serve: %s: lists by index differ from lfrec_top_many's\n", name);
            exit(1);
        }
    }
    const double t1 = bench_median(one, bench_repeats()), t2 = bench_median(two, bench_repeats()),
                 t = bench_median(peer, bench_repeats()), goal = by_product ? 0.5 : 1.0;
    bench_row(name, "ms", 1e3 * t1, 1e3 * t, t / t1, goal);
    snprintf(label, sizeof label, "%s, index: %.1f%% skipped", name, 100 * share);
    bench_row(label, "ms", 1e3 * t2, 1e3 * t, t / t2, by_product ? (double)NAN : goal);
    lfrec_index_destroy(&index);
    free(scores), free(scratch);
}

static void fold_in_all(audience *a)
{
    a->factors = allocate(a->users * a->model->stride * sizeof *a->factors);
    a->mean = allocate(a->users * sizeof *a->mean);
    for (uint32_t u = 0; u < a->users; u++) {
        const lfrec_history history = lfrec_history_of(a->ratings, u);
        lfrec_user user = user_of(a, u);
        check(lfrec_fold_in(a->model, &history, &user), "fold-in");
        a->mean[u] = user.mean;
    }
}

static void all_users(const char *folder)
{
    dataset data;
    char error[DATASET_ERROR_MAX];
    lfrec_ratings ratings;
    lfrec_model model;
    dataset_init(&data);
    if (!dataset_read(&data, folder, error)) {
        fprintf(stderr, "bench_serve: %s\n", error);
        exit(1);
    }
    check(lfrec_ratings_create(&ratings, data.users.count, data.items.count, data.rating, data.count, NULL), "ratings");
    lfrec_options options = lfrec_options_for(LFREC_SGD, ratings.items, FACTORS, data.lowest, data.highest);
    options.epochs = 10;
    check(lfrec_model_create(&model, &options, NULL), "model");
    check(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL), "training");
    audience a = {&model, &ratings, NULL, NULL, ratings.users};
    fold_in_all(&a);
    compare(&a, "all users of DATA", true);
    free(a.factors), free(a.mean);
    lfrec_model_destroy(&model);
    lfrec_ratings_destroy(&ratings);
    dataset_free(&data);
}

/* `users` without histories and with normal factors, over generated items. */
static void strangers(const char *name, uint32_t users, uint32_t items, float spread, bool by_product)
{
    lfrec_model model;
    lfrec_rng rng;
    generate(&model, items, spread);
    size_t *starts = calloc((size_t)users + 1, sizeof *starts);
    lfrec_ratings none;
    memset(&none, 0, sizeof none);
    none.users = users, none.items = items, none.row_start = starts;
    audience a = {&model, &none, NULL, NULL, users};
    a.factors = allocate(users * model.stride * sizeof *a.factors);
    a.mean = calloc(users, sizeof *a.mean);
    lfrec_rng_seed(&rng, 2, 0);
    for (size_t i = 0; i < users * model.stride; i++) a.factors[i] = lfrec_rng_normal(&rng);
    compare(&a, name, by_product);
    free(a.factors), free(a.mean), free(starts);
    lfrec_model_destroy(&model);
}

int main(void)
{
    const char *folder = getenv("DATA");
    bench_machine();
    printf("# top %d; peer: all users against the product that computes the scores, K = %d; one user against reading "
           "the factors\n",
           LIST, FACTORS);
    bench_header("product, or reading");
    if (folder != NULL && *folder != '\0') all_users(folder);
    else bench_row("all users of DATA (DATA= names no folder)", "ms", (double)NAN, (double)NAN, (double)NAN, 0.5);
    strangers("6040 users x 3706 items, equal norms", 6040, 3706, 0, true);
    strangers("one user x 1 million items, equal norms", 1, MILLION, 0, false);
    strangers("one user x 1 million items, norms e^(z/2)", 1, MILLION, 0.5f, false);
    return 0;
}
