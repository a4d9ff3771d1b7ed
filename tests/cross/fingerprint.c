/* fingerprint.c [ISA] - what must be the same on every machine, as lines of text: streams of random numbers, masks, ratings, means, and per
 * setting and number of factors the bytes of a trained and saved model, lists, reasons. ISA is a number of lfrec_isa (0).
 *
 * Plain C, without Check: it runs wherever a compiler and an emulator are. Numbers are printed as hashes of their bits. */
#define LFREC_IMPLEMENTATION
#include "../../lfrec.h"
#include <stdio.h>
#include <stdlib.h>

#define MUST(call)                                                                                         \
    do {                                                                                                   \
        const lfrec_status must_status = (call);                                                           \
        if (must_status != LFREC_OK) {                                                                     \
            printf("fingerprint.c, line %d: %s: %s\n", __LINE__, #call, lfrec_status_string(must_status)); \
            exit(1);                                                                                       \
        }                                                                                                  \
    } while (0)

enum { USERS = 120, ITEMS = 90, EVENTS = 3000, LIST = 10, REASONS = 5, KINDS = 3, LISTED_USERS = 12 };

static lfrec_rating events[EVENTS];
static unsigned char file[200000];

/* ---- FNV-1a over numbers, the lowest byte first whatever the machine's order ---- */

static uint32_t hash_number(uint32_t hash, uint32_t number)
{
    for (int k = 0; k < 4; k++, number >>= 8) hash = (hash ^ (number & 255u)) * 16777619u;
    return hash;
}

static uint32_t hash_float(uint32_t hash, float number)
{
    uint32_t bits;
    unsigned char *to = (unsigned char *)&bits;
    const unsigned char *from = (const unsigned char *)&number;
    for (size_t k = 0; k < sizeof bits; k++) to[k] = from[k];
    return hash_number(hash, bits);
}

static uint32_t hash_bytes(const unsigned char *data, size_t bytes)
{
    uint32_t hash = 2166136261u;
    for (size_t k = 0; k < bytes; k++) hash = (hash ^ data[k]) * 16777619u;
    return hash;
}

static const uint32_t START = 2166136261u;

/* ---- random numbers and masks ---- */

static void show_streams(void)
{
    static uint32_t deck[500];
    static uint8_t hidden[300];
    for (uint64_t seed = 0; seed < 3; seed++) {
        uint32_t next = START, uniform = START, normal = START, below = START, shuffled = START, masks = START;
        lfrec_rng rng;
        lfrec_rng_seed(&rng, seed * UINT64_C(0x123456789abcdef), seed);
        for (uint32_t k = 0; k < 2000; k++) next = hash_number(next, lfrec_rng_next(&rng));
        for (uint32_t k = 0; k < 2000; k++) uniform = hash_float(uniform, lfrec_rng_uniform(&rng));
        for (uint32_t k = 0; k < 2000; k++) normal = hash_float(normal, lfrec_rng_normal(&rng));
        for (uint32_t k = 1; k < 2000; k++) below = hash_number(below, lfrec_rng_below(&rng, k * 2147483u));
        for (uint32_t k = 0; k < 500; k++) deck[k] = k;
        lfrec_rng_shuffle(&rng, deck, 500);
        for (uint32_t k = 0; k < 500; k++) shuffled = hash_number(shuffled, deck[k]);
        for (uint32_t user = 0; user < 50; user++) {
            masks = hash_number(masks, (uint32_t)lfrec_mask(seed, user % 4, user, 0.2f, 300, hidden));
            for (uint32_t k = 0; k < 300; k++) masks = hash_number(masks, hidden[k]);
        }
        printf("seed %d: next %08lx uniform %08lx normal %08lx below %08lx shuffle %08lx masks %08lx\n", (int)seed,
               (unsigned long)next, (unsigned long)uniform, (unsigned long)normal, (unsigned long)below,
               (unsigned long)shuffled, (unsigned long)masks);
    }
}

/* ---- ratings, means ---- */

static void make_events(void)
{
    lfrec_rng chance;
    lfrec_rng_seed(&chance, 5, 0);
    for (uint32_t k = 0; k < EVENTS; k++) {
        events[k].user = lfrec_rng_below(&chance, USERS);
        events[k].item = lfrec_rng_below(&chance, lfrec_rng_below(&chance, ITEMS) + 1);
        const uint32_t likes = events[k].user % KINDS == events[k].item % KINDS;
        events[k].value = 0.5f * (float)(1 + 4 * likes + lfrec_rng_below(&chance, 6));
    }
}

static void show_ratings(const lfrec_ratings *ratings)
{
    uint32_t rows = START, sums = START;
    lfrec_means means;
    for (uint32_t user = 0; user < USERS; user++) {
        const lfrec_history history = lfrec_history_of(ratings, user);
        for (size_t k = 0; k < history.count; k++) {
            rows = hash_float(hash_number(rows, history.item[k]), history.value[k]);
        }
    }
    MUST(lfrec_means_create(&means, ITEMS, NULL));
    MUST(lfrec_means_add_all(&means, ratings));
    for (uint32_t item = 0; item < ITEMS; item++) {
        sums = hash_number(hash_number(sums, (uint32_t)means.item[item].total), (uint32_t)means.item[item].count);
        sums = hash_float(sums, (float)lfrec_sum_mean(&means.item[item], 5.0f, 3));
    }
    lfrec_means_destroy(&means);
    printf("%lu ratings: rows %08lx means %08lx\n", (unsigned long)ratings->row_start[USERS], (unsigned long)rows,
           (unsigned long)sums);
}

/* ---- models ---- */

/* Items of lists, and bits of scores and shares. */
static void show_lists(const lfrec_model *model, const lfrec_ratings *ratings)
{
    static float factors[100000];
    uint32_t items = START, scores = START, shares = START;
    for (uint32_t user_index = 0; user_index < LISTED_USERS; user_index++) {
        lfrec_user user = {0, 0, factors};
        lfrec_scored list[LIST] = {{0, 0}};
        lfrec_reason reasons[REASONS];
        lfrec_explanation why = {reasons, REASONS, 0, 0};
        size_t found;
        const lfrec_history history = lfrec_history_of(ratings, user_index * 7);
        const lfrec_query query = lfrec_query_for(LIST, &history);
        MUST(lfrec_fold_in(model, &history, &user));
        MUST(lfrec_top(model, &user, &query, list, &found));
        MUST(lfrec_explain(model, &user, &history, list[0].item, &why));
        for (size_t k = 0; k < found; k++) {
            items = hash_number(items, list[k].item);
            scores = hash_float(scores, list[k].score);
        }
        for (size_t k = 0; k < why.count; k++)
            shares = hash_float(hash_number(shares, reasons[k].item), reasons[k].share);
        if (user_index == 0)
            printf("  first %lu %lu %lu", (unsigned long)list[0].item, (unsigned long)list[1].item,
                   (unsigned long)list[2].item);
    }
    printf("  lists %08lx scores %08lx reasons %08lx", (unsigned long)items, (unsigned long)scores, (unsigned long)shares);
}

/* What was saved, loaded, and saved again: the same bytes. */
static void show_file(const lfrec_model *model)
{
    size_t bytes, again;
    lfrec_model loaded;
    MUST(lfrec_save_buffer(model, file, sizeof file, &bytes));
    const uint32_t hash = hash_bytes(file, bytes);
    MUST(lfrec_load_buffer(&loaded, file, bytes, NULL));
    MUST(lfrec_save_buffer(&loaded, file, sizeof file, &again));
    lfrec_model_destroy(&loaded);
    printf(" %lu bytes %08lx%s", (unsigned long)bytes, (unsigned long)hash,
           again == bytes && hash_bytes(file, bytes) == hash ? "" : " AND OTHERS WHEN LOADED AND SAVED");
}

static int append(void *context, const void *data, size_t bytes)
{
    size_t *used = context;
    for (size_t k = 0; k < bytes; k++) file[*used + k] = ((const unsigned char *)data)[k];
    *used += bytes;
    return 1;
}

/* The same with weights of 8 bits. */
static void show_packed(const lfrec_model *model, const lfrec_ratings *ratings)
{
    size_t bytes = 0;
    lfrec_model loaded;
    MUST(lfrec_save_packed(model, append, &bytes));
    const uint32_t hash = hash_bytes(file, bytes);
    MUST(lfrec_load_buffer(&loaded, file, bytes, NULL));
    printf(" packed %lu bytes %08lx", (unsigned long)bytes, (unsigned long)hash);
    show_lists(&loaded, ratings);
    lfrec_model_destroy(&loaded);
}

static void show_model(const char *name, const lfrec_options *options, const lfrec_ratings *ratings)
{
    lfrec_model model;
    MUST(lfrec_model_create(&model, options, NULL));
    MUST(lfrec_train(&model, options, ratings, NULL, NULL, NULL));
    printf("%s, %lu factors:", name, (unsigned long)options->factors);
    show_file(&model);
    show_lists(&model, ratings);
    if (options->setting == LFREC_ARTICLE || options->setting == LFREC_SGD) show_packed(&model, ratings);
    printf("\n");
    lfrec_model_destroy(&model);
}

int main(int argc, char **argv)
{
    static const char *const name[] = {"article", "sgd", "bayes", "ranking"};
    const lfrec_isa isa = (lfrec_isa)(argc > 1 ? strtol(argv[1], NULL, 10) : 0);
    lfrec_ratings ratings;
    show_streams();
    make_events();
    MUST(lfrec_ratings_create(&ratings, USERS, ITEMS, events, EVENTS, NULL));
    show_ratings(&ratings);
    for (int setting = 0; setting < 4; setting++) {
        /* Rows of 8 take the plain loops everywhere, rows of 32 the widest vectors there are. */
        for (uint32_t factors = 5; factors <= 25; factors += 20) {
            lfrec_options options = lfrec_options_for((lfrec_setting)setting, ITEMS, factors, 0.5f, 5);
            options.epochs = 6;
            options.path = LFREC_PATH_SPARSE; /* the other promises bits on one machine only */
            options.isa = isa;
            if (lfrec_options_check(&options, NULL) != LFREC_OK) continue; /* a setting that was left out */
            show_model(name[setting], &options, &ratings);
            if (setting != LFREC_BAYES) continue;
            options.step = 0.5f;
            show_model("bayes, ordinal", &options, &ratings);
        }
    }
    lfrec_ratings_destroy(&ratings);
    return 0;
}
