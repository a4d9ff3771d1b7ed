/* bench_scale: does the cost of a rating stay the same as the data grow? Time and memory on generated ratings.
 *
 *     build/tests/bench/bench_scale          TSV=1; LARGEST=1000000|10000000|100000000 (10000000)
 *
 * Users rate 100 items each, drawn by a power law: item i's chance falls as (i + 10)^-0.8, so that the most popular of 100 thousand items has a
 * thousand times the ratings of an ordinary one. Ratings are a mean, two taste factors and noise, in whole stars. A figure is an
 * epoch's processor time of one thread, divided by the ratings. The peer of a row is the same setting on a million ratings: goal 0.8, a
 * cost flat within 25%. Bytes are what lfrec's own *_size functions ask for; the process's peak is printed beside them.
 * Ratings and trainers are in pages of 2 MB where the system gives them. */
#define _DEFAULT_SOURCE /* madvise */
#define LFREC_IMPLEMENTATION
#define LFREC_STATIC
#include "lfrec.h"

#include "bench.h"

#include <sys/mman.h>
#include <sys/resource.h>

enum { PER_USER = 100, FACTORS = 32, SPREAD = 10, LARGE_PAGE = 1 << 21 };

static const double none = (double)NAN;

static void check(lfrec_status status, const char *what)
{
    if (status != LFREC_OK) {
        fprintf(stderr, "bench_scale: %s: %s\n", what, lfrec_status_string(status));
        exit(1);
    }
}

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes);
    if (memory == NULL) {
        fprintf(stderr, "bench_scale: out of memory\n");
        exit(1);
    }
    return memory;
}

/* What memory is asked for at random is then found by fewer look-ups of pages. */
static void *allocate_large(size_t bytes)
{
    const size_t whole = (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    void *memory = NULL;
    if (posix_memalign(&memory, LARGE_PAGE, whole) != 0) return allocate(bytes);
#ifdef MADV_HUGEPAGE
    (void)madvise(memory, whole, MADV_HUGEPAGE);
#endif
    return memory;
}

static int by_item(const void *x, const void *y)
{
    const uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

/* The inverse of the distribution function of the density (x + 10)^-0.8 on 0 .. items. */
static uint32_t draw_item(lfrec_rng *rng, uint32_t items)
{
    const double low = pow(SPREAD, 0.2), high = pow(items + SPREAD, 0.2);
    const double at = pow(low + (high - low) * (double)lfrec_rng_uniform(rng), 5) - SPREAD;
    return at <= 0 ? 0 : at >= items - 1 ? items - 1 : (uint32_t)at;
}

/* Different items, in order; there are far more of them. */
static void draw_row(lfrec_rng *rng, uint32_t items, const float *taste, uint32_t *item, float *value)
{
    size_t count = 0;
    while (count < PER_USER) {
        while (count < PER_USER) item[count++] = draw_item(rng, items);
        qsort(item, count, sizeof *item, by_item);
        size_t kept = 0;
        for (size_t k = 0; k < count; k++)
            if (kept == 0 || item[kept - 1] != item[k]) item[kept++] = item[k];
        count = kept;
    }
    const float level = 3.5f + 0.4f * lfrec_rng_normal(rng), a = lfrec_rng_normal(rng), b = lfrec_rng_normal(rng);
    for (size_t k = 0; k < PER_USER; k++) {
        const float *t = taste + 3 * item[k];
        const float rating = roundf(level + t[0] + a * t[1] + b * t[2] + 0.7f * lfrec_rng_normal(rng));
        value[k] = rating < 1 ? 1 : rating > 5 ? 5 : rating;
    }
}

/* Straight into rows: sorting a hundred million events is not what is measured. */
static lfrec_ratings generate(uint32_t users, uint32_t items)
{
    const size_t count = (size_t)users * PER_USER;
    size_t *start = allocate((users + 1) * sizeof *start);
    uint32_t *item = allocate_large(count * sizeof *item);
    float *value = allocate_large(count * sizeof *value), *taste = allocate(3 * items * sizeof *taste);
    lfrec_rng rng;
    lfrec_rng_seed(&rng, 1, 0);
    for (size_t k = 0; k < 3 * (size_t)items; k++) taste[k] = 0.5f * lfrec_rng_normal(&rng);
    for (uint32_t u = 0; u <= users; u++) start[u] = (size_t)u * PER_USER;
    for (uint32_t u = 0; u < users; u++) draw_row(&rng, items, taste, item + start[u], value + start[u]);
    free(taste);
    lfrec_ratings ratings;
    memset(&ratings, 0, sizeof ratings);
    ratings.users = users, ratings.items = items, ratings.row_start = start, ratings.item = item, ratings.value = value;
    check(lfrec_ratings_check(&ratings, NULL), "generated ratings");
    return ratings;
}

static void free_generated(lfrec_ratings *ratings)
{
    free((void *)(uintptr_t)ratings->row_start);
    free((void *)(uintptr_t)ratings->item);
    free((void *)(uintptr_t)ratings->value);
}

typedef struct {
    const char *name;
    lfrec_setting setting;
    uint32_t factors;
} scale_setting;

static const scale_setting settings[] = {
    {"article, K = 32", LFREC_ARTICLE, FACTORS},
    {"sgd, K = 32", LFREC_SGD, FACTORS},
    {"bayes, K = 14", LFREC_BAYES, 14},
    {"ranking, K = 64", LFREC_RANKING, 64},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static lfrec_options options_of(const scale_setting *s, uint32_t items)
{
    lfrec_options options = lfrec_options_for(s->setting, items, s->factors, 1, 5);
    options.holdout = 0;
    options.epochs = 2;
    options.path = LFREC_PATH_SPARSE;
    return options;
}

/* Nanoseconds per rating of the second epoch: the first one meets cold memory. */
static double time_epoch(const scale_setting *s, const lfrec_ratings *ratings)
{
    lfrec_options options = options_of(s, ratings->items);
    lfrec_trainer trainer;
    size_t bytes;
    double taken = 0;
    check(lfrec_trainer_size(&options, ratings, &bytes), "trainer size");
    void *memory = allocate_large(bytes);
    check(lfrec_trainer_init(&trainer, &options, ratings, NULL, memory, bytes), "trainer");
    for (uint32_t k = 0; k < options.epochs; k++) {
        const double start = bench_now();
        check(lfrec_trainer_epoch(&trainer, NULL), "epoch");
        taken = bench_now() - start;
    }
    free(memory);
    return 1e9 * taken / (double)ratings->row_start[ratings->users];
}

static double peak_megabytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* What the ratings and their training need together. */
static double bytes_of(const scale_setting *s, uint32_t users, uint32_t items, uint32_t per_user)
{
    lfrec_rating *rating = allocate((size_t)users * per_user * sizeof *rating);
    lfrec_ratings ratings;
    size_t trainer, stored, count = 0;
    for (uint32_t u = 0; u < users; u++)
        for (uint32_t k = 0; k < per_user; k++) rating[count++] = (lfrec_rating){u, k, 3};
    check(lfrec_ratings_create(&ratings, users, items, rating, count, NULL), "ratings");
    free(rating);
    const lfrec_options options = options_of(s, items);
    check(lfrec_trainer_size(&options, &ratings, &trainer), "trainer size");
    check(lfrec_ratings_size(users, items, count, &stored), "ratings size");
    lfrec_ratings_destroy(&ratings);
    return (double)trainer + (double)stored;
}

static void memory_table(void)
{
    bench_header("model that serves");
    for (size_t k = 0; k < SETTINGS; k++) {
        const scale_setting *s = &settings[k];
        const double base = bytes_of(s, 1000, 1000, 20);
        char name[96];
        size_t one, two;
        lfrec_options few = options_of(s, 1000), many = options_of(s, 2000);
        check(lfrec_model_size(&few, &one), "model size");
        check(lfrec_model_size(&many, &two), "model size");
        snprintf(name, sizeof name, "training, per rating: %s", s->name);
        bench_row(name, "bytes", (bytes_of(s, 1000, 1000, 40) - base) / 20000, 0, none, none);
        snprintf(name, sizeof name, "training, per item: %s", s->name);
        bench_row(name, "bytes", (bytes_of(s, 1000, 2000, 20) - base) / 1000, (double)(two - one) / 1000, none, none);
        snprintf(name, sizeof name, "training, per user: %s", s->name);
        bench_row(name, "bytes",
                  (bytes_of(s, 2000, 1000, 20) - base) / 1000 - 20 * (bytes_of(s, 1000, 1000, 40) - base) / 20000, 0,
                  none, none);
    }
}

int main(void)
{
    static const struct {
        uint32_t users, items;
    } sizes[] = {{10000, 5000}, {100000, 20000}, {1000000, 100000}};
    const char *text = getenv("LARGEST");
    const double largest = text != NULL && *text != '\0' ? strtod(text, NULL) : 1e7;
    double first[SETTINGS];
    bench_machine();
    bench_header("a million ratings");
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        const double count = (double)sizes[n].users * PER_USER;
        if (count > largest) {
            printf("# %.0f million ratings left out: LARGEST=%.0f would have them\n", 1e-6 * count, count);
            continue;
        }
        lfrec_ratings ratings = generate(sizes[n].users, sizes[n].items);
        for (size_t k = 0; k < SETTINGS; k++) {
            char name[96];
            const double ns = time_epoch(&settings[k], &ratings);
            if (n == 0) first[k] = ns;
            snprintf(name, sizeof name, "%.0f M ratings, %u users, %u items: %s", 1e-6 * count, sizes[n].users,
                     sizes[n].items, settings[k].name);
            bench_row(name, "ns a rating", ns, first[k], first[k] / ns, 0.8);
        }
        if (!bench_tsv()) printf("# the process's largest size so far: %.0f MB\n", peak_megabytes());
        free_generated(&ratings);
    }
    memory_table();
    return 0;
}
