/* lfrec.h - 0.1.0 - a dependency-free latent-factor recommender in one C99 header.
 *
 * SYNOPSIS
 *
 *     #define LFREC_IMPLEMENTATION            // in exactly one C or C++ file
 *     #include "lfrec.h"
 *
 *     lfrec_rating events[] = {{0, 0, 5}, {0, 1, 4}, {1, 0, 4}, {1, 2, 1}, {2, 1, 5}, {2, 2, 2}};
 *     lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 3, 2, 1, 5);   // 3 items, 2 factors, a scale of 1..5
 *     lfrec_ratings ratings;
 *     lfrec_model model;
 *     lfrec_ratings_create(&ratings, 3, 3, events, 6, NULL);
 *     lfrec_model_create(&model, &options, NULL);
 *     lfrec_train(&model, &options, &ratings, NULL, NULL, NULL);
 *
 *     float factors[LFREC_STRIDE(2)];
 *     lfrec_user user = {0, 0, factors};
 *     lfrec_history history = lfrec_history_of(&ratings, 0);
 *     lfrec_fold_in(&model, &history, &user);                                 // any history: no training for a new user
 *     lfrec_query query = lfrec_query_for(1, &history);
 *     lfrec_scored list[1];
 *     size_t found;
 *     lfrec_top(&model, &user, &query, list, &found);                         // the best item that user 0 has not rated
 *     lfrec_model_destroy(&model);
 *     lfrec_ratings_destroy(&ratings);
 *
 * Every call above returns a status worth checking; it is left out here only for room.
 *
 *
 * WORDS
 *
 *     rating        user, item, value. A rating of 0 is a rating: what is known is decided by the lists, never by a value.
 *     history       one user's ratings: item indices in ascending order, and values
 *     means         the overall and the item means; a user's mean is derived from the history when it is used
 *     preference    a rating less the means: 0 says "what the means alone would guess"
 *     factor        one of K latent directions
 *     encoder       turns a user's preferences into K factors
 *     decoder       turns K factors into a preference for every item
 *     fold-in       making a user's factors from a history: no training, so a new user is served at once
 *     mask          the known preferences that training hides from the encoder and asks the decoder to find again
 *     support       how many ratings an item has
 *
 *     U users, I items, K factors, B users in a batch, n a history's length. Every matrix is row-major. A matrix of
 *     factors is I x K, one row per item, with LFREC_STRIDE(K) floats from one row to the next; the floats after the
 *     K-th are 0.
 *
 *
 * THE MODEL
 *
 *     means         mu = mean of all r         b_i = mean over i's ratings of (r - mu)
 *                   c_u = mean over u's ratings of (r - mu - b_i)
 *     preference    p_ui = r_ui - mu - b_i - c_u; an absent rating enters as 0
 *     encode        h_u = s_u * sum over u's visible ratings j of p_uj L_j         L_j: row j of the encoder
 *     decode        y_ui = F_i . h_u                                               F_i: row i of the decoder
 *     predict       clamp(mu + b_i + c_u + y_ui)
 *
 *     s_u is 1, or n_u^-1/2 when options.scale_input is set. Two dense linear layers and no bias: P ~ F L P. There are no
 *     user parameters. This is the model of M. Mahowald, "Building a Recommender System, Part 2" (2019): a linear
 *     autoencoder over normalized preferences, trained by hiding known ones.
 *
 *     loss          w * mean of e^2 over the hidden entries + (1 - w) * mean of e^2 over the scope,  e = y - p
 *                   scope: the known entries, hidden ones included (default), or all U x I with 0 for the unknown.
 *                   An empty set contributes 0.
 *     gradient      g_ui = 2 e (w [hidden] / N_hidden + (1 - w) [in scope] / N_scope)
 *                   dF_i = sum_u g_ui h_u      G_u = sum_i g_ui F_i      dL_j = sum_u [j visible to u] s_u p_uj G_u
 *     step          v = momentum v + (gradient + decay w);  w = w - rate v
 *
 *     The weight of a rated item j in item i's score is s_u (F_i . L_j) p_uj, exactly: lfrec_explain lists these terms.
 *
 *     Means of few ratings are noise. With item_shrink and user_shrink above 0 a mean is sum / (count + shrink), drawn towards
 *     the overall mean (items) or 0 (users). In LFREC_ARTICLE both are 0, as in the article.
 *
 *
 * MEMORY. The header allocates only in the functions named *_create, lfrec_train and lfrec_load*, through an lfrec_allocator (NULL:
 * malloc and free). Each has a counterpart that works in the caller's memory: *_size says how much, *_init takes it at any
 * address, aligned or not. Training and scoring never allocate.
 *
 * THREADS. No globals, no locks. A model is read-only while it serves: any number of threads may fold in, score and list with one
 * model, each with its own lfrec_user. Functions that take a non-const pointer need it for themselves.
 *
 * DETERMINISM. The same options, ratings and seed give the same bits on one machine with one build, whatever the batch order.
 * The sparse path adds in one fixed order (16 partial sums, then a tree) on every instruction set; compiled with
 * -ffp-contract=off it gives the same bits everywhere. The dense path goes through the matrix product, whose rounding depends
 * on the instruction set: equal within 1e-5 of the weights' size. Random numbers and masks are the same on every machine.
 *
 * ERRORS. Every function that can fail returns an lfrec_status and writes its outputs only on LFREC_OK, unless it says
 * otherwise. NULL for a required pointer is LFREC_ERROR_ARGUMENT. A struct that no lfrec function has filled in, or one of
 * another version of this header, is LFREC_ERROR_UNINITIALIZED.
 *
 * LIMITS. Items and users up to 2^32 - 2, factors up to LFREC_MAX_FACTORS; products of sizes are checked for overflow of size_t.
 * Ratings are finite and within +-LFREC_MAX_RATING; means count them in steps of 2^-24.
 *
 * MACROS, all optional
 *
 *     name                   define before            default    what it does, what it costs
 *     LFREC_IMPLEMENTATION   one including file       -          compiles the functions
 *     LFREC_STATIC           every including file     -          all functions static: a private copy
 *     LFREC_API              every including file     extern     linkage of the functions, e.g. __declspec(dllexport)
 *     LFREC_ASSERT(x)        the implementation       nothing    checks internal invariants
 *     LFREC_NO_MALLOC        every including file     -          no malloc: NULL is no allocator. No stdlib.h.
 *     LFREC_NO_STDIO         every including file     -          no lfrec_save_file, lfrec_load_file. No stdio.h.
 *     LFREC_NO_SIMD          every including file     -          plain C only: smaller and slower, same results
 *     LFREC_NO_DOUBLE        every including file     -          lfrec_real is float: no double arithmetic in the object
 *     LFREC_NO_TRAINING      every including file     -          serve only: leaves out loss, gradient, trainer
 *     LFREC_NO_EVALUATION    every including file     -          leaves out errors, rankings, splits
 *     LFREC_NO_FILES         every including file     -          leaves out save and load
 *     LFREC_MAX_ISA          the implementation       AVX-512    the best instruction set to choose (an lfrec_isa)
 *
 *     A freestanding build (__STDC_HOSTED__ == 0) has LFREC_NO_MALLOC and LFREC_NO_STDIO. By default the implementation includes
 *     stdlib.h for malloc and stdio.h for the two file functions; mathematics and copying are its own.
 *
 * LICENSE: MIT, at the end of this file. */

#ifndef LFREC_H
#define LFREC_H

#include <stddef.h>
#include <stdint.h>

#define LFREC_VERSION_MAJOR 0
#define LFREC_VERSION_MINOR 1
#define LFREC_VERSION_PATCH 0
#define LFREC_VERSION "0.1.0"

#if defined(__STDC_HOSTED__) && __STDC_HOSTED__ == 0
#ifndef LFREC_NO_MALLOC
#define LFREC_NO_MALLOC
#endif
#ifndef LFREC_NO_STDIO
#define LFREC_NO_STDIO
#endif
#endif

#ifndef LFREC_API
#ifdef LFREC_STATIC
#define LFREC_API static
#else
#define LFREC_API extern
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ===[ status ]====================================================================================================== */

typedef enum lfrec_status {
    LFREC_OK = 0,
    LFREC_ERROR_ARGUMENT,      /* NULL where it is not allowed, or an option out of its range */
    LFREC_ERROR_UNINITIALIZED, /* the struct was not filled in by this version of the header */
    LFREC_ERROR_OVERFLOW,      /* a size does not fit size_t, or a sum its counter */
    LFREC_ERROR_MEMORY,        /* the allocator failed, or the caller's memory is too small */
    LFREC_ERROR_ALIGNMENT,     /* data used in place must start at a multiple of 4 bytes */
    LFREC_ERROR_RANGE,         /* a user or an item index is not below its limit */
    LFREC_ERROR_NUMBER,        /* a rating or a weight is NaN, infinite or beyond +-LFREC_MAX_RATING */
    LFREC_ERROR_ORDER,         /* row starts fall, or a row's items do not strictly rise */
    LFREC_ERROR_EMPTY,         /* nothing to work on: no users, no items, no ratings */
    LFREC_ERROR_DIVERGED,      /* training left the finite numbers: use a smaller learning rate */
    LFREC_ERROR_IO,            /* the caller's read or write function, or the file, failed */
    LFREC_ERROR_TRUNCATED,     /* the file ends early */
    LFREC_ERROR_FOREIGN,       /* not an lfrec model */
    LFREC_ERROR_VERSION,       /* an lfrec model of a format newer than this header */
    LFREC_ERROR_CORRUPT        /* a checksum or a field of the file is wrong */
} lfrec_status;

/* What a status means, in a few words of English; never NULL, also for a number that is no status. */
LFREC_API const char *lfrec_status_string(lfrec_status status);

/* The type of sums and errors that need more than a float has. */
#ifdef LFREC_NO_DOUBLE
typedef float lfrec_real;
#else
typedef double lfrec_real;
#endif

/* ===[ memory ]====================================================================================================== */

/* allocate returns `bytes` of memory at any alignment, or NULL. release gets back what allocate gave. Both get `context`. */
typedef struct lfrec_allocator {
    void *(*allocate)(void *context, size_t bytes);
    void (*release)(void *context, void *memory);
    void *context;
} lfrec_allocator;

/* Floats from one row of factors to the next: K rounded up so that rows are whole vectors. Up to 8 factors round up to a
 * multiple of 4, more to a multiple of 16 (4 without SIMD): little memory where there is little, whole AVX-512 registers elsewhere. */
#ifdef LFREC_NO_SIMD
#define LFREC_STRIDE(factors) (((size_t)(factors) + 3u) / 4u * 4u)
#else
#define LFREC_STRIDE(factors)                                                                                                    \
    ((size_t)(factors) <= 8u ? ((size_t)(factors) + 3u) / 4u * 4u : ((size_t)(factors) + 15u) / 16u * 16u)
#endif
#define LFREC_MAX_FACTORS 1024u

/* ===[ random numbers ]============================================================================================== */

/* xoshiro128++ 1.0 (Blackman and Vigna 2019), seeded by SplitMix64 (Steele, Lea, Flood 2014). The caller owns the state.
 * First outputs of next() from the state {1, 2, 3, 4}: 641, 1573767, 3222811527, 3517856514, 836907274.
 * Not for secrets. */
typedef struct lfrec_rng {
    uint32_t state[4];
} lfrec_rng;

/* Different (seed, stream) pairs give unrelated sequences; stream 0 is the authors' own seeding. rng is not NULL, here and below. */
LFREC_API void lfrec_rng_seed(lfrec_rng *rng, uint64_t seed, uint64_t stream);
LFREC_API uint32_t lfrec_rng_next(lfrec_rng *rng);                  /* 0 .. 2^32 - 1 */
LFREC_API float lfrec_rng_uniform(lfrec_rng *rng);                  /* [0, 1) in steps of 2^-24 */
LFREC_API float lfrec_rng_normal(lfrec_rng *rng);                   /* mean 0, variance 1 (Marsaglia's polar method) */
LFREC_API uint32_t lfrec_rng_below(lfrec_rng *rng, uint32_t bound); /* 0 .. bound - 1 without bias (Lemire 2019); 0 for bound 0 */
LFREC_API void lfrec_rng_shuffle(lfrec_rng *rng, uint32_t *values, size_t count); /* Fisher-Yates; count below 2^32 */

/* GEMM-BEGIN API */
typedef enum lfrec_isa { LFREC_ISA_AUTO = 0, LFREC_ISA_PORTABLE = 1, LFREC_ISA_AVX2 = 2, LFREC_ISA_AVX512 = 3, LFREC_ISA_NEON = 4 } lfrec_isa;
/* GEMM-END API */

/* ===[ ratings ]===================================================================================================== */

#define LFREC_MAX_RATING 32768.0f /* ratings are within +- this */

typedef struct lfrec_rating {
    uint32_t user, item;
    float value;
} lfrec_rating;

/* All ratings by user, borrowed or owned. User u's ratings are number row_start[u] .. row_start[u + 1] - 1; a row's items
 * strictly rise. May be filled in by hand over arrays of the caller's (memory = NULL), then checked by lfrec_ratings_check. */
typedef struct lfrec_ratings {
    uint32_t users, items;
    const size_t *row_start; /* users + 1 */
    const uint32_t *item;    /* row_start[users], each below items */
    const float *value;      /* row_start[users] */
    void *memory;            /* what lfrec_ratings_create allocated, else NULL */
    lfrec_allocator allocator;
} lfrec_ratings;

/* One user's ratings, borrowed: `count` items in strictly rising order and their values. */
typedef struct lfrec_history {
    const uint32_t *item;
    const float *value;
    size_t count;
} lfrec_history;

/* Sorts events (in any order, `count` of them) into ratings, in O(count + users + items). When a (user, item) pair occurs more than once
 * the last one wins. events is only read. size: bytes that init needs for `count` events, work space included. */
LFREC_API lfrec_status lfrec_ratings_size(uint32_t users, uint32_t items, size_t count, size_t *bytes);
LFREC_API lfrec_status lfrec_ratings_init(lfrec_ratings *ratings, uint32_t users, uint32_t items, const lfrec_rating *events,
                                          size_t count, void *memory, size_t bytes);
LFREC_API lfrec_status lfrec_ratings_create(lfrec_ratings *ratings, uint32_t users, uint32_t items, const lfrec_rating *events,
                                            size_t count, const lfrec_allocator *allocator);
LFREC_API void lfrec_ratings_destroy(lfrec_ratings *ratings); /* NULL and all zero are allowed */

/* Looks at every row and rating. On an error *where (if not NULL) is the number of the offending rating or row start. */
LFREC_API lfrec_status lfrec_ratings_check(const lfrec_ratings *ratings, size_t *where);

/* user is below ratings->users. */
LFREC_API lfrec_history lfrec_history_of(const lfrec_ratings *ratings, uint32_t user);

/* ===[ means ]======================================================================================================= */

/* A sum of ratings and their number. The sum is an integer in steps of 2^-24, so that adding and taking away in any order is
 * exact: after any sequence of operations it equals a recomputation from scratch, to the last bit. A rating of magnitude 1/2 or
 * more enters exactly, a smaller one to within 2^-25. */
typedef struct lfrec_sum {
    int64_t total;
    uint64_t count;
} lfrec_sum;

/* add: LFREC_ERROR_NUMBER for a value outside +-LFREC_MAX_RATING, LFREC_ERROR_OVERFLOW when the sum is full (2.8e8 ratings of 32768,
 * 1e11 of 5). remove takes back what was added; LFREC_ERROR_EMPTY when nothing is there. Either leaves the sum as it was on an error. */
LFREC_API lfrec_status lfrec_sum_add(lfrec_sum *sum, float value);
LFREC_API lfrec_status lfrec_sum_remove(lfrec_sum *sum, float value);
/* (sum + shrink * towards) / (count + shrink); `towards` when count + shrink is 0. shrink is not negative. */
LFREC_API lfrec_real lfrec_sum_mean(const lfrec_sum *sum, float shrink, lfrec_real towards);

/* Overall and item sums of a changing set of ratings. Every operation is O(1). */
typedef struct lfrec_means {
    uint32_t items;
    lfrec_sum overall;
    lfrec_sum *item; /* items, the caller's or create's */
    void *memory;
    lfrec_allocator allocator;
} lfrec_means;

LFREC_API lfrec_status lfrec_means_size(uint32_t items, size_t *bytes);
LFREC_API lfrec_status lfrec_means_init(lfrec_means *means, uint32_t items, void *memory, size_t bytes); /* empties it */
LFREC_API lfrec_status lfrec_means_create(lfrec_means *means, uint32_t items, const lfrec_allocator *allocator);
LFREC_API void lfrec_means_destroy(lfrec_means *means);
LFREC_API lfrec_status lfrec_means_add(lfrec_means *means, uint32_t item, float value);
LFREC_API lfrec_status lfrec_means_replace(lfrec_means *means, uint32_t item, float old_value, float new_value);
LFREC_API lfrec_status lfrec_means_remove(lfrec_means *means, uint32_t item, float value);
LFREC_API lfrec_status lfrec_means_add_all(lfrec_means *means, const lfrec_ratings *ratings); /* on an error some may have been added */

/* ===[ options ]===================================================================================================== */

typedef enum lfrec_setting {
    LFREC_ARTICLE = 0 /* the article's model and nothing else: raw means, plain input */
} lfrec_setting;

typedef enum lfrec_scope {
    LFREC_SCOPE_KNOWN = 0, /* second term of the loss over the known entries */
    LFREC_SCOPE_ALL = 1    /* over all entries, 0 for the unknown: the article's "overall" */
} lfrec_scope;

typedef enum lfrec_path {
    LFREC_PATH_AUTO = 0, /* by density */
    LFREC_PATH_DENSE = 1, /* matrix products over B x I: cost by users x items */
    LFREC_PATH_SPARSE = 2 /* row by row: cost by ratings */
} lfrec_path;

/* From lfrec_options_for; change any field after that. */
typedef struct lfrec_options {
    uint32_t check;   /* set by lfrec_options_for */
    lfrec_setting setting;
    uint32_t items;   /* I, at least 1 */
    uint32_t factors; /* K, 1 .. LFREC_MAX_FACTORS and at most items */
    float scale_min;  /* predictions are clamped to scale_min .. scale_max */
    float scale_max;
    float item_shrink; /* ratings' worth of the overall mean in every item mean, >= 0 */
    float user_shrink; /* ratings' worth of 0 in every user mean, >= 0 */
    int scale_input;   /* nonzero: the encoder's sum is multiplied by n_u^-1/2 */
    uint64_t seed;     /* of starting weights, batch order, masks and held-out users */
    float start_deviation; /* standard deviation of the starting weights, > 0 */
    float mask;            /* share of each user's known preferences to hide, 0 .. 1 */
    float loss_weight;     /* w of the loss, 0 .. 1 */
    lfrec_scope scope;
    lfrec_path path;
    uint32_t epochs;           /* most passes over the users, >= 1 */
    uint32_t batch;            /* B, >= 1 */
    float learning_rate;       /* of the first epoch, > 0; multiplies the gradient of the loss above */
    float learning_rate_final; /* of the last epoch, as a share of the first; linear in between, 0 .. 1 */
    float momentum;            /* 0 .. below 1 */
    float weight_decay;        /* >= 0 */
    float holdout;             /* share of the users held out for early stopping, 0 .. below 1; 0: no early stopping */
    uint32_t patience;         /* epochs without a better held-out error before training ends; 0: never ends early */
    lfrec_isa isa;             /* LFREC_ISA_AUTO, or a cap for tests */
} lfrec_options;

/* The setting's own defaults for a problem of this size. */
LFREC_API lfrec_options lfrec_options_for(lfrec_setting setting, uint32_t items, uint32_t factors, float scale_min, float scale_max);

/* LFREC_OK, or what is wrong; *field (if not NULL) names the option. */
LFREC_API lfrec_status lfrec_options_check(const lfrec_options *options, const char **field);

/* ===[ model ]======================================================================================================= */

/* Fields are for reading. A model made by init or create predicts by the means alone until it is trained or loaded. */
typedef struct lfrec_model {
    uint32_t check;
    lfrec_setting setting;
    uint32_t items, factors;
    size_t stride;          /* floats from row to row of encoder and decoder */
    float mean;             /* mu */
    float scale_min, scale_max;
    float item_shrink, user_shrink;
    int scale_input;
    const float *item_mean;  /* I: mu + b_i */
    const uint32_t *support; /* I: ratings behind item_mean */
    const float *encoder;    /* I x K: row j is L_j */
    const float *decoder;    /* I x K: row i is F_i */
    float *writable;         /* the same arrays for the functions that change a model; NULL for a view of constant memory */
    void *memory;            /* what create or load allocated, else NULL */
    lfrec_allocator allocator;
} lfrec_model;

LFREC_API lfrec_status lfrec_model_size(const lfrec_options *options, size_t *bytes);
LFREC_API lfrec_status lfrec_model_init(lfrec_model *model, const lfrec_options *options, void *memory, size_t bytes);
LFREC_API lfrec_status lfrec_model_create(lfrec_model *model, const lfrec_options *options, const lfrec_allocator *allocator);
LFREC_API void lfrec_model_destroy(lfrec_model *model); /* NULL and all zero are allowed */

/* Copies weights, means and settings into a model of as many factors and as many items or more. Items beyond the source's get zero
 * rows and the overall mean: they are predicted by the means alone until the next training. */
LFREC_API lfrec_status lfrec_model_copy(lfrec_model *to, const lfrec_model *from);

/* Bring the model's means up to date: all in O(I), or the overall mean and one item's in O(1). means->items is model->items. The caller
 * has the model for itself meanwhile. */
LFREC_API lfrec_status lfrec_model_set_means(lfrec_model *model, const lfrec_means *means);
LFREC_API lfrec_status lfrec_model_set_item_mean(lfrec_model *model, const lfrec_means *means, uint32_t item);

/* ===[ preferences ]================================================================================================= */

/* c_u: the user's mean of what mu and the items leave over, O(n). 0 for an empty history. */
LFREC_API lfrec_status lfrec_user_mean(const lfrec_model *model, const lfrec_history *history, float *user_mean);
/* preference[k] = value[k] - item_mean[item[k]] - user_mean, for a stored or a new user. */
LFREC_API lfrec_status lfrec_normalize(const lfrec_model *model, const lfrec_history *history, float user_mean, float *preference);
/* rating[k] = clamp(preference[k] + item_mean[item[k]] + user_mean), for `count` items in any order. */
LFREC_API lfrec_status lfrec_denormalize(const lfrec_model *model, const uint32_t *item, const float *preference, size_t count,
                                         float user_mean, float *rating);

/* ===[ users and scores ]============================================================================================ */

/* A folded-in history. `factors` is LFREC_STRIDE(K) floats of the caller's. */
typedef struct lfrec_user {
    float mean;      /* c_u */
    size_t rated;    /* n: ratings that were folded in */
    float *factors;  /* h_u */
} lfrec_user;

typedef struct lfrec_scored {
    uint32_t item;
    float score; /* predicted rating, or a distance */
} lfrec_scored;

/* Fills in the user from a history, O(n K). An empty history gives the user nobody knows anything about: the means alone. */
LFREC_API lfrec_status lfrec_fold_in(const lfrec_model *model, const lfrec_history *history, lfrec_user *user);

/* The predicted rating of one item. An item without ratings and a user without ratings get the overall mean; never NaN, always on the scale. */
LFREC_API lfrec_status lfrec_predict(const lfrec_model *model, const lfrec_user *user, uint32_t item, float *rating);

/* Unclamped scores of items first .. first + count - 1. */
LFREC_API lfrec_status lfrec_score(const lfrec_model *model, const lfrec_user *user, uint32_t first, uint32_t count, float *scores);

/* Says whether an item may be listed: nonzero yes. */
typedef int lfrec_filter(void *context, uint32_t item);

typedef struct lfrec_query {
    uint32_t count;                /* at most this many */
    uint32_t min_support;          /* items with fewer ratings are left out; 0: none */
    const lfrec_history *exclude;  /* items not to list, usually the user's history; NULL: list rated items too */
    const uint32_t *candidates;    /* only these items, without repetition; NULL: all */
    size_t candidate_count;
    lfrec_filter *filter; /* NULL: all pass */
    void *filter_context;
} lfrec_query;

#define LFREC_MIN_SUPPORT 3u /* lfrec_query_for's floor: an item that one or two people loved tops nobody's list */

/* The best `count` items but those of `exclude`, with a support floor of LFREC_MIN_SUPPORT. */
LFREC_API lfrec_query lfrec_query_for(uint32_t count, const lfrec_history *exclude);

/* The items with the highest unclamped scores, best first, equal scores by rising item; list[].score is clamped. Exclusion, floor,
 * candidates and filter apply before the best are taken, so *found is min(query->count, items left). list has room for query->count. */
LFREC_API lfrec_status lfrec_top(const lfrec_model *model, const lfrec_user *user, const lfrec_query *query, lfrec_scored *list,
                                 size_t *found);

/* One rated item's part of a score. */
typedef struct lfrec_reason {
    uint32_t item;
    float share; /* s_u (F_i . L_j) p_uj */
} lfrec_reason;

/* Why `item` has its score: every term of the sum, the largest magnitude first, at most `count` of them. The score before clamping is
 * *baseline + the sum over all n terms (up to rounding); *baseline = item_mean + c_u. reasons has room for min(count, n) entries. */
LFREC_API lfrec_status lfrec_explain(const lfrec_model *model, const lfrec_history *history, uint32_t item, size_t count,
                                     lfrec_reason *reasons, size_t *found, float *baseline);

/* ===[ similarity ]================================================================================================== */

typedef enum lfrec_metric {
    LFREC_COSINE = 0,   /* 1 - cosine: 0 same direction, 1 unrelated, 2 opposite; 1 when a vector is 0 */
    LFREC_EUCLIDEAN = 1
} lfrec_metric;

/* Between the decoder's rows: how differently people's tastes bear on the two items. */
LFREC_API lfrec_status lfrec_distance(const lfrec_model *model, lfrec_metric metric, uint32_t a, uint32_t b, float *distance);
/* The `count` items nearest to `item`, itself left out, nearest first; list[].score is the distance. */
LFREC_API lfrec_status lfrec_nearest(const lfrec_model *model, lfrec_metric metric, uint32_t item, uint32_t count, lfrec_scored *list,
                                     size_t *found);
/* The same from the other end: the least similar first. */
LFREC_API lfrec_status lfrec_farthest(const lfrec_model *model, lfrec_metric metric, uint32_t item, uint32_t count,
                                      lfrec_scored *list, size_t *found);

/* ===[ masks and loss ]============================================================================================== */
#ifndef LFREC_NO_TRAINING

/* Hide each of a user's `count` known entries with probability `share`: hidden[k] is 1 or 0. Depends on nothing but (seed, epoch, user)
 * and the entry's place k, so any thread or batch order sees the same mask. Returns how many are hidden. */
LFREC_API size_t lfrec_mask(uint64_t seed, uint32_t epoch, uint32_t user, float share, size_t count, uint8_t *hidden);

/* Squared errors of the two terms of the loss, summed over as many entries as one likes. */
typedef struct lfrec_loss {
    lfrec_real hidden_error, scope_error;
    uint64_t hidden, scope; /* N_hidden, N_scope */
} lfrec_loss;

/* Adds `count` known entries. For LFREC_SCOPE_ALL the caller adds the unknown ones: their predictions' squares to scope_error,
 * their number to scope. */
LFREC_API void lfrec_loss_add(lfrec_loss *loss, const float *predicted, const float *preference, const uint8_t *hidden, size_t count);
/* w * hidden_error / hidden + (1 - w) * scope_error / scope; an empty set contributes 0. */
LFREC_API lfrec_real lfrec_loss_value(const lfrec_loss *loss, float weight);
/* gradient[k] = d loss / d predicted[k] for known entries of a set with this many hidden and scope entries. May be predicted itself. */
LFREC_API void lfrec_loss_gradient(float weight, uint64_t hidden_count, uint64_t scope_count, const float *predicted,
                                   const float *preference, const uint8_t *hidden, size_t count, float *gradient);

/* ===[ training ]==================================================================================================== */

typedef enum lfrec_ending {
    LFREC_ENDED_EPOCHS = 0, /* all epochs done */
    LFREC_ENDED_PATIENCE,   /* no better held-out error for options.patience epochs */
    LFREC_ENDED_CANCELLED   /* the progress callback said so */
} lfrec_ending;

/* After every epoch. */
typedef struct lfrec_epoch {
    uint32_t epoch, epochs;   /* 1 .. epochs */
    float learning_rate;
    lfrec_real loss;          /* over the training users of this epoch, as they were met */
    lfrec_real held_out_error; /* RMSE of the hidden preferences of the held-out users; of the training users without holdout */
    lfrec_real best_error;    /* the smallest held-out error so far */
    uint32_t best_epoch;
} lfrec_epoch;

typedef struct lfrec_report {
    lfrec_ending ending;
    lfrec_path path;   /* the one that was taken */
    lfrec_epoch last;  /* the last epoch; on LFREC_ERROR_DIVERGED the epoch and learning rate that diverged */
    uint32_t best_epoch; /* whose weights the model has; the last one without holdout */
    lfrec_real best_error;
} lfrec_report;

/* Return nonzero to end training after this epoch. */
typedef int lfrec_progress(void *context, const lfrec_epoch *epoch);

/* Trains on the ratings and puts the best weights and the ratings' means into the model, which was made with the same options. However the
 * run ends, these are the weights of the epoch with the smallest held-out error (of the last epoch when options.holdout is 0). On an error
 * the model is as it was. progress and report may be NULL. Allocates lfrec_trainer_size bytes. */
LFREC_API lfrec_status lfrec_train(lfrec_model *model, const lfrec_options *options, const lfrec_ratings *ratings,
                                   lfrec_progress *progress, void *context, lfrec_report *report);

/* The same step by step, in the caller's memory. Fields are for reading, save that weights may be set before the first epoch. */
typedef struct lfrec_trainer {
    uint32_t check;
    lfrec_options options;
    const lfrec_ratings *ratings; /* borrowed for the trainer's life */
    lfrec_model model;            /* what the next epoch starts from */
    float *encoder, *decoder;     /* model.encoder and model.decoder, writable */
    float *encoder_gradient, *decoder_gradient; /* I x K, of the last batch */
    float *encoder_velocity, *decoder_velocity; /* I x K; NULL without momentum */
    float *best;                  /* encoder and decoder of the best epoch; NULL without holdout */
    uint32_t *order;              /* U: training users first, then held-out users */
    uint32_t training_users;
    lfrec_path path;
    lfrec_epoch at;               /* the last epoch */
    uint32_t touched_count;
    uint32_t *touched;            /* I: rows whose gradient the last batch wrote (sparse path) */
    uint8_t *is_touched;          /* I */
    uint8_t *hidden;              /* mask of a batch, entry by entry */
    float *preference, *predicted; /* of a batch, entry by entry */
    float *factors, *factors_gradient; /* B x K */
    float *gram, *gram_factors;   /* K x K, K x K: LFREC_SCOPE_ALL on the sparse path */
    float *dense_input, *dense_error; /* B x I: dense path */
    void *gemm_scratch;
    size_t gemm_scratch_bytes;
} lfrec_trainer;

LFREC_API lfrec_status lfrec_trainer_size(const lfrec_options *options, const lfrec_ratings *ratings, size_t *bytes);
/* start: a model to go on from (same items and factors), or NULL for random weights. Checks the ratings. */
LFREC_API lfrec_status lfrec_trainer_init(lfrec_trainer *trainer, const lfrec_options *options, const lfrec_ratings *ratings,
                                          const lfrec_model *start, void *memory, size_t bytes);
/* One pass over the training users; *epoch (may be NULL) says how it went. LFREC_ERROR_DIVERGED when a weight is no longer finite. */
LFREC_API lfrec_status lfrec_trainer_epoch(lfrec_trainer *trainer, lfrec_epoch *epoch);
/* The gradient of the loss of these users (at most options.batch) under the masks of `epoch`, into encoder_gradient and
 * decoder_gradient; no weight changes. What an epoch does before each step, and what tests check against finite differences. */
LFREC_API lfrec_status lfrec_trainer_gradient(lfrec_trainer *trainer, const uint32_t *users, uint32_t count, uint32_t epoch,
                                              lfrec_loss *loss);
/* Copies the best weights so far and the means into a model of the same shape. */
LFREC_API lfrec_status lfrec_trainer_finish(const lfrec_trainer *trainer, lfrec_model *model);
/* RMSE of the hidden preferences of the held-out users (the training users without holdout) under the trainer's validation mask: the
 * held_out_error of lfrec_epoch, for any model of the trainer's shape. Overwrites the trainer's scratch only. */
LFREC_API lfrec_status lfrec_trainer_error(lfrec_trainer *trainer, const lfrec_model *model, lfrec_real *error);

#endif /* LFREC_NO_TRAINING */

/* ===[ evaluation ]================================================================================================== */
#ifndef LFREC_NO_EVALUATION

typedef struct lfrec_errors {
    lfrec_real rmse, mae;
    size_t count; /* ratings predicted */
} lfrec_errors;

/* Folds in each user of `known` and predicts that user's ratings in `test` (same users and items). LFREC_ERROR_EMPTY without test ratings,
 * LFREC_ERROR_NUMBER when the model is not finite. factors: LFREC_STRIDE(K) floats of scratch. */
LFREC_API lfrec_status lfrec_evaluate(const lfrec_model *model, const lfrec_ratings *known, const lfrec_ratings *test, float *factors,
                                      lfrec_errors *errors);

typedef enum lfrec_gain {
    LFREC_GAIN_LINEAR = 0,     /* the relevance itself */
    LFREC_GAIN_EXPONENTIAL = 1 /* 2^relevance - 1 */
} lfrec_gain;

typedef struct lfrec_ranking {
    lfrec_real recall; /* relevant items among the first N / all relevant items */
    lfrec_real ndcg;   /* DCG / DCG of the best possible list of N, logarithmic discount 1 / log2(1 + place) */
} lfrec_ranking;

/* How well `scores` rank `count` candidates of which candidate k has relevance[k] >= 0 (0: not relevant). Candidates with equal scores share
 * their places: each gets the mean of what they would get in every order, so that ties never flatter. N >= 1. LFREC_ERROR_EMPTY when
 * nothing is relevant, LFREC_ERROR_NUMBER when a score is NaN. order: count indices of scratch. */
LFREC_API lfrec_status lfrec_rank(const float *scores, const float *relevance, size_t count, size_t n, lfrec_gain gain, uint32_t *order,
                                  lfrec_ranking *ranking);

/* Deals ratings into a training and a test part by seed: every rating goes to the test part with probability `share`, decided by (seed, user,
 * place) alone. By user: all of a chosen user's ratings. Either part has all users and items. size: bytes for both parts together. */
typedef enum lfrec_split_by { LFREC_SPLIT_RATINGS = 0, LFREC_SPLIT_USERS = 1 } lfrec_split_by;
LFREC_API lfrec_status lfrec_split_size(const lfrec_ratings *ratings, size_t *bytes);
LFREC_API lfrec_status lfrec_split(const lfrec_ratings *ratings, lfrec_split_by by, float share, uint64_t seed, void *memory, size_t bytes,
                                   lfrec_ratings *train, lfrec_ratings *test);

#endif /* LFREC_NO_EVALUATION */

/* ===[ save and load ]=============================================================================================== */
#ifndef LFREC_NO_FILES

/* FILE FORMAT 1, little-endian, the same bytes on every machine:
 *
 *     offset  bytes  what
 *          0      8  89 'L' 'F' 'R' 'E' 'C' 0D 0A
 *          8      4  format version, 1
 *         12      4  setting (lfrec_setting)
 *         16      8  bytes of the whole file
 *         24      4  items I
 *         28      4  factors K
 *         32      4  flags: bit 0 scale_input
 *         36     20  mean, scale_min, scale_max, item_shrink, user_shrink: float32
 *         56      4  0
 *         60      4  CRC-32 of bytes 0 .. 59
 *         64     4I  item_mean: float32
 *          .     4I  support: uint32
 *          .    4IK  encoder: float32, rows without padding
 *          .    4IK  decoder
 *          .      4  CRC-32 (ISO 3309, as zlib's) of everything before
 *
 * Every array starts at a multiple of 4, so that a file in flash or mapped into memory serves in place. */
#define LFREC_FORMAT_VERSION 1u
#define LFREC_HEADER_BYTES 64u

/* Return nonzero for success, having written or read all `bytes`; a reader that has fewer sets *got to what it had and returns nonzero. */
typedef int lfrec_write(void *context, const void *data, size_t bytes);
typedef int lfrec_read(void *context, void *data, size_t bytes, size_t *got);

/* What a file says of itself. */
typedef struct lfrec_file {
    uint32_t version;
    lfrec_setting setting;
    uint32_t items, factors;
    uint64_t bytes;      /* of the file */
    size_t memory_bytes; /* what lfrec_load needs */
    uint8_t header[LFREC_HEADER_BYTES];
} lfrec_file;

LFREC_API lfrec_status lfrec_save_size(const lfrec_model *model, size_t *bytes);
LFREC_API lfrec_status lfrec_save(const lfrec_model *model, lfrec_write *write, void *context);
LFREC_API lfrec_status lfrec_save_buffer(const lfrec_model *model, void *buffer, size_t bytes, size_t *written);

/* Loading in two steps, so that the caller can find the memory in between: the header, then the rest from the same reader. *model is filled
 * in only when every check has passed; the memory's content is undefined after an error. */
LFREC_API lfrec_status lfrec_load_header(lfrec_file *file, lfrec_read *read, void *context);
LFREC_API lfrec_status lfrec_load(lfrec_model *model, const lfrec_file *file, lfrec_read *read, void *context, void *memory, size_t bytes);
/* In one step, from a buffer, into allocated memory; lfrec_model_destroy gives it back. Bytes after the model's end are LFREC_ERROR_CORRUPT. */
LFREC_API lfrec_status lfrec_load_buffer(lfrec_model *model, const void *buffer, size_t bytes, const lfrec_allocator *allocator);
/* No copy: the model's arrays are the buffer's, which outlives it and stays unchanged. The buffer starts at a multiple of 4
 * (LFREC_ERROR_ALIGNMENT). Little-endian machines only (LFREC_ERROR_ARGUMENT elsewhere). */
LFREC_API lfrec_status lfrec_view(lfrec_model *model, const void *buffer, size_t bytes);

#ifndef LFREC_NO_STDIO
/* save writes path.tmp beside `path` and renames it, so that the old file stays until the new one is whole. */
LFREC_API lfrec_status lfrec_save_file(const lfrec_model *model, const char *path);
LFREC_API lfrec_status lfrec_load_file(lfrec_model *model, const char *path, const lfrec_allocator *allocator);
#endif

#endif /* LFREC_NO_FILES */

#ifdef __cplusplus
}
#endif

#endif /* LFREC_H */

/* ===[ end of the API: what follows is the implementation ]========================================================== */
