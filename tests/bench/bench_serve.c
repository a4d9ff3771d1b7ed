/* bench_serve: top-20 lists of all items, against what the machine could do.
 *
 *     DATA=ml-1m build/tests/bench/bench_serve          REPEATS=9 TSV=1; without DATA: generated factors of the same size
 *
 * 1. Lists for all users, selection included, against the matrix product that computes the same scores and keeps none of them.
 * 2. One user against 1 million items (K = 32), against reading the factors from memory once.
 * 3. The same lists by bounded scores: blocks of items whose bound is below the 20th best score are skipped. Exact: every list is
 *    compared with lfrec_top_many's. */
#define LFREC_IMPLEMENTATION
#define LFREC_STATIC
#include "lfrec.h"

#include "../../examples/dataset.h"
#include "bench.h"

enum { LIST = 20, FACTORS = 32, BLOCK = 64, SUPERBLOCK = 2048, BATCH = 64, MILLION = 1000000 };

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

/* ---- bounded scores ----
 *
 * score(i) = base_i + F_i . h <= base_i + |F_i| |h|, so over a block: largest base + largest norm x |h|. Items are laid out by falling
 * norm in superblocks and by falling base inside each, so that both are nearly equal within a block. Blocks are visited by falling bound
 * until the next bound is below the list's last score. */

typedef struct {
    uint32_t items, blocks;
    size_t stride;
    uint32_t *item;               /* by place */
    float *factors, *base;        /* by place */
    float *most_base, *most_norm; /* by block */
    double *bound;                /* scratch, by block */
    uint32_t *order;              /* scratch, by block */
} bounded;

typedef struct {
    uint32_t item;
    float norm, base;
} bounded_key;

static int by_norm(const void *x, const void *y)
{
    const bounded_key *a = x, *b = y;
    return (a->norm < b->norm) - (a->norm > b->norm);
}

static int by_base(const void *x, const void *y)
{
    const bounded_key *a = x, *b = y;
    return (a->base < b->base) - (a->base > b->base);
}

static void bounded_init(bounded *b, const lfrec_model *model)
{
    const uint32_t items = model->items, blocks = (items + BLOCK - 1) / BLOCK;
    bounded_key *key = allocate(items * sizeof *key);
    b->items = items, b->blocks = blocks, b->stride = model->stride;
    b->item = allocate(items * sizeof *b->item);
    b->factors = allocate(items * model->stride * sizeof *b->factors);
    b->base = allocate(items * sizeof *b->base);
    b->most_base = allocate(blocks * sizeof *b->most_base);
    b->most_norm = allocate(blocks * sizeof *b->most_norm);
    b->bound = allocate(blocks * sizeof *b->bound);
    b->order = allocate(blocks * sizeof *b->order);
    for (uint32_t i = 0; i < items; i++) {
        double square = 0;
        for (uint32_t k = 0; k < model->factors; k++) {
            square += (double)model->decoder[i * model->stride + k] * (double)model->decoder[i * model->stride + k];
        }
        key[i].item = i;
        key[i].norm = (float)sqrt(square);
        key[i].base = model->item_mean[i] + (model->offset != NULL ? model->offset[i] : 0);
    }
    qsort(key, items, sizeof *key, by_norm);
    for (uint32_t i = 0; i < items; i += SUPERBLOCK) {
        qsort(key + i, items - i < SUPERBLOCK ? items - i : SUPERBLOCK, sizeof *key, by_base);
    }
    for (uint32_t i = 0; i < items; i++) {
        const uint32_t block = i / BLOCK;
        b->item[i] = key[i].item;
        b->base[i] = key[i].base;
        memcpy(b->factors + i * b->stride, model->decoder + key[i].item * model->stride, b->stride * sizeof *b->factors);
        if (i % BLOCK == 0 || key[i].base > b->most_base[block]) b->most_base[block] = key[i].base;
        if (i % BLOCK == 0 || key[i].norm > b->most_norm[block]) b->most_norm[block] = key[i].norm;
    }
    free(key);
}

static void bounded_free(bounded *b)
{
    free(b->item), free(b->factors), free(b->base), free(b->most_base), free(b->most_norm), free(b->bound), free(b->order);
}

/* Best first, equal scores by rising item. */
static bool better(float score, uint32_t item, const lfrec_scored *than)
{
    return score > than->score || (score >= than->score && item < than->item);
}

/* A binary heap of block numbers by bound, largest at 0. */
static void sift(const double *bound, uint32_t *heap, uint32_t count, uint32_t at)
{
    for (;;) {
        uint32_t child = 2 * at + 1, moved = heap[at];
        if (child >= count) return;
        if (child + 1 < count && bound[heap[child + 1]] > bound[heap[child]]) child++;
        if (bound[heap[child]] <= bound[moved]) return;
        heap[at] = heap[child], heap[child] = moved;
        at = child;
    }
}

/* Unclamped scores. Returns how many items were scored. */
static size_t bounded_top(bounded *b, const lfrec_model *model, const lfrec_user *user, const uint8_t *excluded,
                          lfrec_scored *list, size_t *found)
{
    const lfrec__rows *rows = lfrec__rows_for(b->stride, LFREC_ISA_AUTO);
    const float *h = user->factors;
    uint32_t left = b->blocks;
    size_t scored = 0;
    double norm = 0;
    *found = 0;
    for (size_t k = 0; k < b->stride; k++) norm += (double)h[k] * (double)h[k];
    norm = sqrt(norm) * (1 + 1e-5); /* more than the sums' rounding */
    for (uint32_t block = 0; block < left; block++) {
        b->bound[block] = (double)b->most_base[block] + (double)b->most_norm[block] * norm + (double)user->mean + 1e-5;
        b->order[block] = block;
    }
    for (uint32_t at = left / 2; at-- > 0;) sift(b->bound, b->order, left, at);
    while (left > 0 && !(*found == LIST && b->bound[b->order[0]] < (double)list[LIST - 1].score)) {
        const uint32_t first = b->order[0] * BLOCK, end = first + BLOCK < b->items ? first + BLOCK : b->items;
        float scores[BLOCK];
        b->order[0] = b->order[--left];
        sift(b->bound, b->order, left, 0);
        rows->decode(b->stride, end - first, NULL, b->factors + first * b->stride, h, scores);
        for (uint32_t i = first; i < end; i++) {
            const float score = scores[i - first] + lfrec__baseline(model, b->item[i], user->mean);
            size_t place = *found;
            if (excluded[b->item[i]] || (place == LIST && !better(score, b->item[i], &list[LIST - 1]))) continue;
            if (place == LIST) place--;
            else ++*found;
            for (; place > 0 && better(score, b->item[i], &list[place - 1]); place--) list[place] = list[place - 1];
            list[place].item = b->item[i];
            list[place].score = score;
        }
        scored += end - first;
    }
    return scored;
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

static double bounded_lists(const audience *a, bounded *b, uint8_t *excluded, uint64_t *sum, double *share)
{
    const double start = bench_now();
    size_t scored = 0;
    for (uint32_t u = 0; u < a->users; u++) {
        const lfrec_history history = lfrec_history_of(a->ratings, u);
        const lfrec_user user = user_of(a, u);
        lfrec_scored list[LIST];
        size_t found;
        for (size_t k = 0; k < history.count; k++) excluded[history.item[k]] = 1;
        scored += bounded_top(b, a->model, &user, excluded, list, &found);
        for (size_t k = 0; k < history.count; k++) excluded[history.item[k]] = 0;
        for (size_t k = 0; k < found; k++) *sum = *sum * 31 + list[k].item;
    }
    *share = 1 - (double)scored / ((double)a->users * (double)a->model->items);
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
    bounded b;
    uint8_t *excluded = calloc(a->model->items, 1);
    float *scores = by_product ? allocate((size_t)BATCH * a->model->items * sizeof *scores) : NULL;
    void *scratch = allocate(lfrec_sgemm_scratch_size());
    volatile uint64_t sink = 0;
    bounded_init(&b, a->model);
    /* The copy by norm starts at a multiple of 64 as the model's own array need not. */
    const size_t floats = (size_t)a->model->items * a->model->stride;
    for (size_t r = 0; r < bench_repeats(); r++) {
        uint64_t plain = 0, skipping = 0;
        one[r] = lists(a, &plain);
        two[r] = bounded_lists(a, &b, excluded, &skipping, &share);
        peer[r] = by_product ? products(a, scores, scratch) : reading(b.factors, floats, &sink);
        if (plain != skipping) {
            fprintf(stderr, "bench_serve: %s: bounded lists differ from lfrec_top_many's\n", name);
            exit(1);
        }
    }
    const double t1 = bench_median(one, bench_repeats()), t2 = bench_median(two, bench_repeats()),
                 t = bench_median(peer, bench_repeats()), goal = by_product ? 0.5 : 1.0;
    bench_row(name, "ms", 1e3 * t1, 1e3 * t, t / t1, goal);
    snprintf(label, sizeof label, "%s, bounded: %.1f%% skipped", name, 100 * share);
    bench_row(label, "ms", 1e3 * t2, 1e3 * t, t / t2, goal);
    bounded_free(&b);
    free(excluded), free(scores), free(scratch);
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
