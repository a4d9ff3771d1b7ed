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
 *     lfrec_fold_in(&model, &history, &user); // any history: no training for a new user
 *     lfrec_query query = lfrec_query_for(1, &history);
 *     lfrec_scored list[1];
 *     size_t found;
 *     lfrec_top(&model, &user, &query, list, &found); // the best item that user 0 has not rated
 *     lfrec_model_destroy(&model);
 *     lfrec_ratings_destroy(&ratings);
 *
 * Every call above returns a status worth checking; it is left out here only for room.
 *
 *
 * WORDS
 *
 *     rating        user, item, value. A rating of 0 is a rating: what is known is decided by the lists, never by a
 *                   value.
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
 *     factors is I x K, one row per item, with LFREC_STRIDE(K) floats from one row to the next (K in a view of a file);
 *     the floats after the K-th are 0.
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
 *     s_u is 1, or n_u^-1/2 when options.scale_input is set. Two dense linear layers and no bias: P ~ F L P. There are
 *     no user parameters. This is the model of M. Mahowald, "Building a Recommender System, Part 2" (2019): a linear
 *     autoencoder over normalized preferences, trained by hiding known ones.
 *
 *     loss          w * mean of e^2 over the hidden entries + (1 - w) * mean of e^2 over the scope,  e = y - p
 *                   scope: the known entries, hidden ones included (default), or all U x I with 0 for the unknown.
 *                   An empty set contributes 0.
 *     gradient      g_ui = 2 e (w [hidden] / N_hidden + (1 - w) [in scope] / N_scope)
 *                   dF_i = sum_u g_ui h_u      G_u = sum_i g_ui F_i      dL_j = sum_u [j visible to u] s_u p_uj G_u
 *     step          v = momentum v + (gradient + decay w);  w = w - rate v
 *                   for every row; on the sparse path one without a gradient makes its steps when it is next read, at once
 *
 *     The weight of a rated item j in item i's score is s_u (F_i . L_j) p_uj, exactly: lfrec_explain lists these terms.
 *
 *
 * THE SGD SETTING keeps the two layers, the mask and the loss, and adds
 *
 *     implicit      h_u = n_u^-1/2 sum over visible j of (Y_j + p_uj L_j): that j was rated says something, whatever
 *                   the rating
 *     offset        y_ui = o_i + F_i . h_u
 *     prior         F_i is drawn to f0_i = n_i^-1/2 sum over users u who rated i of X_u, the more the fewer ratings i
 *                   has. X_u, a vector per user, lives during training only: f0 is folded into F, and nothing of it is
 *                   needed to serve.
 *     step          plain SGD, one user after the other in random order, every item at once (no batches, no momentum):
 *                       e = w_k (o_i + F_i . h - p_ui), w_k = w hidden, 1 - w visible        G = sum of e F_i
 *                       F_i -= rate (e h + d_i (F_i - f0_i)), d_i = 0.04 + 30 / n_i          o_i -= rate e / 5
 *                       X_u = (sum of n_i^-1/2 (F_i - f0_i) + c X_u) / (c + 1), c = sum of 1 / n_i; f0_i follows
 *                       Y_j -= rate (n^-1/2 G + decay Y_j)   L_j -= rate (n^-1/2 p_uj G + decay L_j), visible j
 *                   with preferences scaled to a standard deviation of 0.9, so that no constant depends on the rating
 *                   scale
 *
 *     Implicit input: Y. Koren, "Factorization meets the neighborhood" (2008). The prior by raters turns it round: S.
 *     Rendle, L. Zhang, Y. Koren, "On the difficulty of evaluating baselines" (2019), "flipped". Item means are drawn
 *     by 5 and user means by 10 ratings' worth.
 *
 *     Means of few ratings are noise. With item_shrink and user_shrink above 0 a mean is sum / (count + shrink), drawn
 *     towards the overall mean (items) or 0 (users). In LFREC_ARTICLE both are 0, as in the article.
 *
 *
 * THE BAYES SETTING is more accurate, for users that training never saw most of all, and predicts how sure it is. A
 * user's vector is not a sum with learned weights but the mean of a posterior; the encoder is Bayes' rule. Items have
 * the prior and the implicit input of LFREC_SGD. A rating less its item's mean, scaled to a standard deviation of 0.87
 * in all, is
 *
 *     rating        x_ui = F_i . h_u + noise of variance 1 / (tau_i tau_u): item and user have a precision each
 *     user          h_u ~ N(m_u, (omega_u Lambda)^-1), m_u = n_u^-1/2 sum over rated j of Y_j
 *     item          F_i ~ N(f0_i, A^-1), f0_i = n_i^-1/2 sum over raters u of X_u; what is learned is its mean F_i and,
 *                   column by column, its variance V_i
 *
 *     A row has K factors and two more columns: K is the user's bias (1 in every F_i), K + 1 the item's (1 in every
 *     h_u). Lambda is 1.5, and 7 for the bias; A 200 and 12; Y and X have priors of precision 10 and 30, and 200 and
 *     15.
 *
 *     encode        S_u = (tau_u sum over rated j of tau_j (F_j F_j' + diag V_j) + omega_u Lambda)^-1, over the user's
 *                   columns, and h_u = S_u (tau_u sum of tau_j x_uj F_j + omega_u Lambda m_u), the item's bias taken
 *                   off x first. Then tau_u = (n + 80) / (expected sum of tau_j e^2 + 80), omega_u = (K + 21) /
 *                   (expected (h - m)' Lambda (h - m) + 20): their posterior means under gamma priors, and again; four
 *                   rounds to serve, one a visit in training, which goes on from the last visit's.
 *     item's step   t = tau_i tau_u     e = x - F_i . h_u     p = t (h_u^2 + diag S_u) + A / n_i
 *                   D = (1 - 1 / n_i) D + p     V_i = 1 / D
 *                   F_i += rho g / (rho p + D), g = t (e h_u - S_u F_i) + (A / n_i) (f0_i - F_i)
 *                   D is the precision of F_i's posterior: a sum over its raters in which each visit replaces 1 / n_i.
 *                   rho falls from 5 to 0.7. At most the rating's own optimum is reached, whatever rho.
 *     prior's step  as in LFREC_SGD; Y_j moves by (dm - (10 / n_j) Y_j) / E_j, dm = Lambda omega_u (h_u - m_u)
 *                   n_u^-1/2, E its precision, kept like D
 *     every epoch   ends with tau_i = (n_i + 30) / (expected sum of tau_u e^2 + 30 / tau); the tau_u are divided by
 *                   their geometric mean
 *     predict       mu + b_i + F_i . h_u; variance 1 / (tau_i tau_u) + F_i' S_u F_i + sum of (h^2 + diag S) V
 *
 *     With options.step the ratings are ordinal: a rating of 4 stars says that a latent number lies between 3.5 and
 *     4.5, or beyond for the ends of the scale. x is then the mean, and noise grows by the variance, of that normal
 *     number cut to its interval, and the prediction is the expected rating. It brings the more the more factors there
 *     are.
 *
 *     Sources: R. Salakhutdinov, A. Mnih, "Bayesian probabilistic matrix factorization" (2008), by variational means as
 *     in Y. Lim, Y. Teh, "Variational Bayesian approach to movie rating prediction" (2007); the two priors as above;
 *     ordered probit: P. McCullagh, "Regression models for ordinal data" (1980).
 *
 *
 * THE RANKING OBJECTIVE answers another question: not how an item would be rated, but which are chosen and liked.
 * People rate what they choose, so that something was rated at all is a part of the answer.
 *
 *     loss          sum over ratings of (t(r) - p_u . F_i)^2 + a0 sum over all users and items of (p_u . F_i)^2
 *                   + lambda sum_u (n_u + a0 I) |p_u|^2 + lambda sum_i (n_i + a0 U) |F_i|^2
 *                   t(r) = 0.4, 0.5, 0.7, 0.95, 1.05 for the 1 .. 5 stars that the scale is stretched to. a0 is
 *                   options.loss_weight, lambda options.weight_decay; I and U count those with ratings. lambda is 0.01,
 *                   above 10,000 items times the root of 10,000 / I: the regularization grows with the catalog, and
 *                   would leave nothing of a large one otherwise
 *     encode        p_u = (a0 F'F + sum over rated F_j F_j' + lambda (n_u + a0 I) 1)^-1 sum over rated of t(r) F_j
 *     train         p of all users so, then F of all items with the roles changed, and again: every step exact up to
 *                   the residual of a few rounds of conjugate gradients that start from the last epoch's
 *     score         p_u . F_i: orders items, and is no rating
 *
 *     Y. Hu, Y. Koren, C. Volinsky, "Collaborative filtering for implicit feedback datasets" (2008); the weights of the
 *     regularization: S. Rendle et al., "Revisiting the performance of iALS on item recommendation benchmarks" (2021);
 *     conjugate gradients: G. Takacs, I. Pilaszy, D. Tikk, "Applications of the conjugate gradient method for implicit
 *     feedback collaborative filtering" (2011). A model is trained for one objective; programs that show lists and
 *     ratings hold one of each.
 *
 *
 * MEMORY. The header allocates only in the functions named *_create, lfrec_train and lfrec_load*, through an
 * lfrec_allocator (NULL: malloc and free). Each has a counterpart that works in the caller's memory: *_size says how
 * much, *_init takes it at any address, aligned or not. Training and scoring never allocate.
 *
 * THREADS. No globals, no locks. A model is read-only while it serves: any number of threads may fold in, score and
 * list with one model, each with its own lfrec_user. Functions that take a non-const pointer need it for themselves.
 *
 * The header starts no thread, but training can use the caller's: options.threads is how many, options.parallel does
 * the parts of a step on them, some microseconds' work each (examples/thread_pool.c is one way, OpenMP another).
 * LFREC_ARTICLE and LFREC_RANKING stay what they are up to the rounding of sums. LFREC_SGD and LFREC_BAYES take up to
 * 64 and 16 users together, a 64th of all at most: each is encoded by weights that are so many users old, and the items'
 * steps are taken one after the other as ever, every item's by one part. Held-out errors are the same to 2e-4.
 *
 * DETERMINISM. The same options, ratings and seed give the same bits on one machine with one build, whatever threads do
 * which parts, in whatever order. The sparse path adds in one fixed order (16 partial sums, then a tree) on every
 * instruction set; compiled with -ffp-contract=off it gives the same bits everywhere. The dense path goes through the
 * matrix product, whose rounding depends on the instruction set: equal within 1e-5 of the weights' size. Random numbers
 * and masks are the same on every machine.
 *
 * ERRORS. Every function that can fail returns an lfrec_status and writes its outputs only on LFREC_OK, unless it says
 * otherwise. NULL for a required pointer is LFREC_ERROR_ARGUMENT. A struct that no lfrec function has filled in, or one
 * of another version of this header, is LFREC_ERROR_UNINITIALIZED.
 *
 * LIMITS. Items and users up to 2^32 - 2, factors up to LFREC_MAX_FACTORS; products of sizes are checked for overflow
 * of size_t. Ratings are finite and within +-LFREC_MAX_RATING; means count them in steps of 2^-24.
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
 *     LFREC_NO_DOUBLE        every including file     -          lfrec_real is float: no double arithmetic in the
 *                            object
 *     LFREC_NO_TRAINING      every including file     -          serve only: leaves out loss, gradient, trainer
 *     LFREC_NO_EVALUATION    every including file     -          leaves out errors, rankings, splits
 *     LFREC_NO_FILES         every including file     -          leaves out save and load, and LFREC_NO_PACKED's
 *     LFREC_NO_ARTICLE       every including file     -          leaves out the setting LFREC_ARTICLE
 *     LFREC_NO_BAYES         every including file     -          leaves out the setting LFREC_BAYES
 *     LFREC_NO_RANKING       every including file     -          leaves out the setting LFREC_RANKING
 *     LFREC_NO_PACKED        every including file     -          leaves out models of 8-bit weights
 *     LFREC_NO_INDEX         every including file     -          leaves out the index of items by norm
 *     LFREC_NO_THREADS       every including file     -          options.threads is 1: smaller
 *     LFREC_MAX_ISA          the implementation       -          the best instruction set to use (an lfrec_isa)
 *
 *     A freestanding build (__STDC_HOSTED__ == 0) has LFREC_NO_MALLOC and LFREC_NO_STDIO. By default the implementation
 *     includes stdlib.h for malloc, stdio.h for the two file functions and the compiler's header of vector instructions;
 *     mathematics and copying are its own.
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

#if defined(LFREC_NO_FILES) && !defined(LFREC_NO_PACKED)
#define LFREC_NO_PACKED /* only files have such models */
#endif

#ifndef LFREC_API
#if defined(LFREC_STATIC) && (defined(__GNUC__) || defined(__clang__))
#define LFREC_API static __attribute__((unused))
#elif defined(LFREC_STATIC)
#define LFREC_API static
#else
#define LFREC_API extern
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ===[ status ]===================================================================================================== */

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
    LFREC_ERROR_CORRUPT,       /* a checksum or a field of the file is wrong */
    LFREC_ERROR_UNSUPPORTED /* a model of a setting, or of 8-bit weights, that this build leaves out (LFREC_NO_BAYES, ...) */
} lfrec_status;

/* What a status means, in a few words of English; never NULL, also for a number that is no status. */
LFREC_API const char *lfrec_status_string(lfrec_status status);

/* The type of sums and errors that need more than a float has. */
#ifdef LFREC_NO_DOUBLE
typedef float lfrec_real;
#else
typedef double lfrec_real;
#endif

/* ===[ memory ]===================================================================================================== */

/* allocate returns `bytes` of memory at any alignment, or NULL. release gets back what allocate gave. Both get
 * `context`. Training with more weights than caches hold is a tenth faster in memory of large pages: on Linux, from an
 * allocate that calls posix_memalign and madvise(MADV_HUGEPAGE). */
typedef struct lfrec_allocator {
    void *(*allocate)(void *context, size_t bytes);
    void (*release)(void *context, void *memory);
    void *context;
} lfrec_allocator;

/* Floats from one row of factors to the next: K rounded up so that rows are whole vectors. Up to 8 factors round up to
 * a multiple of 4, more to a multiple of 16 (4 without SIMD): little memory where there is little, whole AVX-512
 * registers elsewhere. */
#ifdef LFREC_NO_SIMD
#define LFREC_STRIDE(factors) (((size_t)(factors) + 3u) / 4u * 4u)
#else
#define LFREC_STRIDE(factors) \
    ((size_t)(factors) <= 8u ? ((size_t)(factors) + 3u) / 4u * 4u : ((size_t)(factors) + 15u) / 16u * 16u)
#endif
#define LFREC_MAX_FACTORS 1024u

/* ===[ random numbers ]============================================================================================= */

/* xoshiro128++ 1.0 (Blackman and Vigna 2019), seeded by SplitMix64 (Steele, Lea, Flood 2014). The caller owns the
 * state. First outputs of next() from the state {1, 2, 3, 4}: 641, 1573767, 3222811527, 3517856514, 836907274. Not for
 * secrets. */
typedef struct lfrec_rng {
    uint32_t state[4];
} lfrec_rng;

/* Different (seed, stream) pairs give unrelated sequences; stream 0 is the authors' own seeding. rng is not NULL, here
 * and below. */
LFREC_API void lfrec_rng_seed(lfrec_rng *rng, uint64_t seed, uint64_t stream);
LFREC_API uint32_t lfrec_rng_next(lfrec_rng *rng);                  /* 0 .. 2^32 - 1 */
LFREC_API float lfrec_rng_uniform(lfrec_rng *rng);                  /* [0, 1) in steps of 2^-24 */
LFREC_API float lfrec_rng_normal(lfrec_rng *rng);                   /* mean 0, variance 1 (Marsaglia's polar method) */
LFREC_API uint32_t lfrec_rng_below(lfrec_rng *rng, uint32_t bound); /* 0 .. bound - 1 without bias (Lemire 2019); 0 for bound 0 */
LFREC_API void lfrec_rng_shuffle(lfrec_rng *rng, uint32_t *values, size_t count); /* Fisher-Yates; count below 2^32 */

/* ---- GEMM: matrix products ------------------------------------------------------------------------------------------
 *
 *     C = alpha op(A) op(B) + beta C        op(A): m x k, op(B): k x n, C: m x n, all row-major
 *
 * in single precision, with the meaning BLAS gives it. op(X) is X, or X transposed when its flag is set; the leading
 * dimension counts floats from one stored row to the next, so A is stored m x k (lda >= k) or, transposed, k x m
 * (lda >= m), and likewise B. What the scalars do not need is not read: alpha 0 reads neither A nor B, beta 0
 * overwrites C whatever it held, NaN included. k = 0 leaves beta C; m = 0 or n = 0 leaves nothing to do.
 *
 *     lfrec_gemm product = {0};
 *     product.m = 64, product.n = 25, product.k = 500, product.alpha = 1;
 *     product.a = x, product.lda = 500, product.b = w, product.ldb = 25, product.c = h, product.ldc = 25;
 *     product.scratch = scratch, product.scratch_bytes = lfrec_sgemm_scratch_size();
 *     status = lfrec_sgemm(&product);
 *
 * Errors: LFREC_ERROR_ARGUMENT for a NULL operand that would be touched, a leading dimension too small or an isa that
 * is none; LFREC_ERROR_OVERFLOW for an operand larger than the address space. C is untouched then. Threads: nothing is
 * kept between calls; any number may run at once with a scratch and a C each. Memory: C must not overlap A, B or
 * scratch. Operands need the alignment of float, scratch needs none. Accuracy: |error of c_ij| <= (k + 3) eps (|alpha|
 * sum_p |a_ip b_pj| + |beta c_ij|), eps = 2^-24, to first order. Determinism: the same machine, isa, shape, transposes,
 * alpha, beta and scratch size give the same bits. Another isa or scratch size may group the sum over k differently. One
 * element's sum never depends on its place in C.
 */

/* Instruction sets that there are kernels for. One that the machine lacks or LFREC_MAX_ISA rules out falls back to the
 * best one below it in the same family, x86 or ARM, the portable one at last. PORTABLE is the compiler's 128-bit vectors
 * where the target has such registers, and otherwise, with LFREC_NO_SIMD, or with a compiler other than GCC and Clang,
 * the plain loop. */
typedef enum lfrec_isa {
    LFREC_ISA_AUTO = 0, /* the best there is */
    LFREC_ISA_PORTABLE = 1,
    LFREC_ISA_AVX2 = 2,   /* with FMA */
    LFREC_ISA_AVX512 = 3, /* AVX-512 F */
    LFREC_ISA_NEON = 4    /* AArch64 */
} lfrec_isa;

LFREC_API lfrec_isa lfrec_isa_best(void); /* what LFREC_ISA_AUTO means on this machine; never AUTO itself */
LFREC_API const char *lfrec_isa_string(lfrec_isa isa); /* "avx2"; "unknown" for a value that is none */

typedef struct lfrec_gemm { /* plain data; set what is needed, zero the rest */
    int transpose_a, transpose_b;
    size_t m, n, k;
    float alpha;
    const float *a;
    size_t lda;
    const float *b;
    size_t ldb;
    float beta;
    float *c;
    size_t ldc;
    void *scratch; /* the caller's working memory; NULL or a smaller one costs speed, never correctness */
    size_t scratch_bytes;
    lfrec_isa isa;
} lfrec_gemm;

LFREC_API size_t lfrec_sgemm_scratch_size(void);                   /* bytes for full speed at any shape, any isa */
LFREC_API lfrec_status lfrec_sgemm(const lfrec_gemm *g);           /* 4 KiB of stack stand in for a missing scratch */
LFREC_API lfrec_status lfrec_sgemm_reference(const lfrec_gemm *g); /* the plain loop; ignores isa and scratch */

/* ===[ ratings ]==================================================================================================== */

#define LFREC_MAX_RATING 32768.0f /* ratings are within +- this */

typedef struct lfrec_rating {
    uint32_t user, item;
    float value;
} lfrec_rating;

/* All ratings by user, borrowed or owned. User u's ratings are number row_start[u] .. row_start[u + 1] - 1; a row's
 * items strictly rise. May be filled in by hand over arrays of the caller's (memory = NULL), then checked by
 * lfrec_ratings_check. */
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

/* Sorts events (in any order, `count` of them) into ratings, in O(count + users + items). When a (user, item) pair
 * occurs more than once the last one wins. events is only read. size: bytes that init needs for `count` events, work
 * space included. */
LFREC_API lfrec_status lfrec_ratings_size(uint32_t users, uint32_t items, size_t count, size_t *bytes);
LFREC_API lfrec_status lfrec_ratings_init(lfrec_ratings *ratings, uint32_t users, uint32_t items,
                                          const lfrec_rating *events, size_t count, void *memory, size_t bytes);
LFREC_API lfrec_status lfrec_ratings_create(lfrec_ratings *ratings, uint32_t users, uint32_t items,
                                            const lfrec_rating *events, size_t count, const lfrec_allocator *allocator);
LFREC_API void lfrec_ratings_destroy(lfrec_ratings *ratings); /* NULL and all zero are allowed */

/* Looks at every row and rating. On an error *where (if not NULL) numbers the offending rating or row start. */
LFREC_API lfrec_status lfrec_ratings_check(const lfrec_ratings *ratings, size_t *where);

/* user is below ratings->users. */
LFREC_API lfrec_history lfrec_history_of(const lfrec_ratings *ratings, uint32_t user);

/* ===[ means ]====================================================================================================== */

/* A sum of ratings and their number. The sum is an integer in steps of 2^-24, so that adding and taking away in any
 * order is exact: after any sequence of operations it equals a recomputation from scratch, to the last bit. A rating of
 * magnitude 1/2 or more enters exactly, a smaller one to within 2^-25. */
typedef struct lfrec_sum {
    int64_t total;
    uint64_t count;
} lfrec_sum;

/* add: LFREC_ERROR_NUMBER for a value outside +-LFREC_MAX_RATING, LFREC_ERROR_OVERFLOW when the sum is full (1.6e7
 * ratings of 32768, 1e11 of 5). remove takes back what was added; LFREC_ERROR_EMPTY when nothing is there. Either
 * leaves the sum as it was on an error. */
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

/* ===[ options ]==================================================================================================== */

typedef enum lfrec_setting {
    LFREC_ARTICLE = 0, /* the article's model and nothing else: raw means, plain input, mini-batches */
    LFREC_SGD = 1,     /* the same two layers with four additions ("THE SGD SETTING" above): the more accurate one */
    LFREC_BAYES = 2, /* the user's vector is a posterior mean ("THE BAYES SETTING"): the most accurate, for new users too */
    LFREC_RANKING = 3 /* what belongs on a list, not how it would be rated ("THE RANKING OBJECTIVE"): scores, no ratings */
} lfrec_setting;

typedef enum lfrec_scope {
    LFREC_SCOPE_KNOWN = 0, /* second term of the loss over the known entries */
    LFREC_SCOPE_ALL = 1    /* over all entries, 0 for the unknown: the article's "overall" */
} lfrec_scope;

typedef enum lfrec_path {
    LFREC_PATH_AUTO = 0,  /* by density */
    LFREC_PATH_DENSE = 1, /* matrix products over B x I: cost by users x items */
    LFREC_PATH_SPARSE = 2 /* row by row: cost by ratings */
} lfrec_path;

/* Training can be shared out among the caller's threads; the header starts none. Does task(work, part) for every part
 * 0 .. parts - 1, in any order and on any threads, and returns when all are done: under OpenMP a `parallel for` over
 * task(work, part). `parts` may well be more than the threads there are. Quickest is who gives a thread the same parts
 * each time: its processor's caches hold their items' rows. */
typedef void lfrec_task(void *work, size_t part);
typedef void lfrec_parallel(void *context, size_t parts, lfrec_task *task, void *work);

#define LFREC_MAX_THREADS 256u

/* From lfrec_options_for; change any field after that. */
typedef struct lfrec_options {
    uint32_t check; /* set by lfrec_options_for */
    lfrec_setting setting;
    uint32_t items;   /* I, at least 1 */
    uint32_t factors; /* K, 1 .. LFREC_MAX_FACTORS and at most items */
    float scale_min;  /* predictions are clamped to scale_min .. scale_max */
    float scale_max;
    float item_shrink;     /* ratings' worth of the overall mean in every item mean, >= 0 */
    float user_shrink;     /* ratings' worth of 0 in every user mean, >= 0 */
    int scale_input;       /* nonzero: the encoder's sum is multiplied by n_u^-1/2. LFREC_ARTICLE and LFREC_SGD */
    float step;            /* LFREC_BAYES: ratings are scale_min, scale_min + step, ... and ordinal; 0: any number */
    uint64_t seed;         /* of starting weights, batch order, masks and held-out users */
    float start_deviation; /* standard deviation of the starting weights, > 0 */
    float mask;            /* share of each user's known preferences to hide, 0 .. 1. LFREC_ARTICLE and LFREC_SGD */
    float loss_weight;     /* w of the loss, 0 .. 1; LFREC_RANKING: the weight of an entry because it is one, a_0 */
    lfrec_scope scope;     /* LFREC_SCOPE_KNOWN but for LFREC_ARTICLE */
    lfrec_path path;       /* LFREC_PATH_DENSE in LFREC_ARTICLE only */
    uint32_t epochs;       /* most passes over the users, >= 1 */
    uint32_t batch;        /* B, >= 1; only LFREC_ARTICLE has batches, whatever it says */
    float learning_rate;   /* of the first epoch, > 0; multiplies the gradient of the loss above. LFREC_BAYES: rho */
    float learning_rate_final; /* of the last epoch, as a share of the first; linear in between, 0 .. 1. LFREC_BAYES:
                                  geometric in between, > 0 */
    float momentum;            /* 0 .. below 1; 0 but for LFREC_ARTICLE */
    float weight_decay;        /* >= 0; LFREC_RANKING: lambda, > 0 */
    float holdout;             /* share of the users held out for early stopping, 0 .. below 1; 0: no early stopping.
                                  LFREC_BAYES and LFREC_RANKING: 0 */
    uint32_t patience;         /* epochs without a better held-out error before training ends; 0: never ends early */
    lfrec_isa isa;             /* LFREC_ISA_AUTO, or a cap for tests */
    uint32_t threads; /* that steps are shared out for, 1 .. LFREC_MAX_THREADS. The result depends on this number,
                                  never on who does the parts or in which order */
    lfrec_parallel *parallel; /* does them; NULL: the calling thread, one after the other */
    void *parallel_context;
} lfrec_options;

/* The setting's own defaults for a problem of this size. */
LFREC_API lfrec_options lfrec_options_for(lfrec_setting setting, uint32_t items, uint32_t factors, float scale_min,
                                          float scale_max);
/* How many epochs suit this many ratings: fewer ratings want more passes. options_for's suit a million or so. */
LFREC_API uint32_t lfrec_epochs_for(lfrec_setting setting, size_t ratings);

/* LFREC_OK, or what is wrong; *field (if not NULL) names the option. */
LFREC_API lfrec_status lfrec_options_check(const lfrec_options *options, const char **field);

/* ===[ model ]====================================================================================================== */

/* Fields are for reading. A model made by init or create predicts by the means alone until it is trained or loaded. A
 * copy of the struct with a smaller `items` is a view of the first items: a model may have room for items still to
 * come. */
typedef struct lfrec_model {
    uint32_t check;
    lfrec_setting setting;
    uint32_t items, factors;
    size_t stride; /* floats from row to row of every matrix; a row is K floats, K + 2 in LFREC_BAYES */
    float mean;    /* mu */
    float scale_min, scale_max;
    float item_shrink, user_shrink;
    int scale_input;
    float step;              /* LFREC_BAYES: of ordinal ratings, or 0 */
    float gain;              /* LFREC_BAYES: its numbers are ratings times this. LFREC_RANKING: lambda. Else 0 */
    const float *item_mean;  /* I: mu + b_i */
    const uint32_t *support; /* I: ratings behind item_mean */
    const float *encoder;    /* I x K: row j is L_j. LFREC_ARTICLE and LFREC_SGD */
    const float *decoder;    /* I x K: row i is F_i */
    const float *offset;     /* I: o_i. LFREC_SGD */
    const float *implicit;   /* I x K: row j is Y_j. LFREC_SGD and LFREC_BAYES */
    const float *variance;   /* I x K: of F_i. LFREC_BAYES */
    const float *precision;  /* I: of i's ratings, tau_i. LFREC_BAYES */
    const float *gram;       /* K x K: a_0 F'F + lambda a_0 I. LFREC_RANKING */
    int packed;              /* weights of 8 bits in place of floats: see lfrec_save_packed */
    int writable;            /* 0: a view of constant memory, which no function changes */
    void *memory;            /* what create or load allocated, else NULL */
    lfrec_allocator allocator;
} lfrec_model;

LFREC_API lfrec_status lfrec_model_size(const lfrec_options *options, size_t *bytes);
LFREC_API lfrec_status lfrec_model_init(lfrec_model *model, const lfrec_options *options, void *memory, size_t bytes);
LFREC_API lfrec_status lfrec_model_create(lfrec_model *model, const lfrec_options *options, const lfrec_allocator *allocator);
LFREC_API void lfrec_model_destroy(lfrec_model *model); /* NULL and all zero are allowed */

/* Copies weights, means and options into a model of the same setting, as many factors and as many items or more. Items
 * beyond the source's get zero rows and the overall mean: they are predicted by the means alone until the next
 * training. */
LFREC_API lfrec_status lfrec_model_copy(lfrec_model *to, const lfrec_model *from);

/* Bring the model's means up to date: all in O(I), or the overall mean and one item's in O(1). means->items is
 * model->items. The caller has the model for itself meanwhile. */
LFREC_API lfrec_status lfrec_model_set_means(lfrec_model *model, const lfrec_means *means);
LFREC_API lfrec_status lfrec_model_set_item_mean(lfrec_model *model, const lfrec_means *means, uint32_t item);

/* ===[ preferences ]================================================================================================ */

/* c_u: the user's mean of what mu and the items leave over, O(n). 0 for an empty history. */
LFREC_API lfrec_status lfrec_user_mean(const lfrec_model *model, const lfrec_history *history, float *user_mean);
/* preference[k] = value[k] - item_mean[item[k]] - user_mean, for a stored or a new user. */
LFREC_API lfrec_status lfrec_normalize(const lfrec_model *model, const lfrec_history *history, float user_mean,
                                       float *preference);
/* rating[k] = clamp(preference[k] + item_mean[item[k]] + user_mean), for `count` items in any order. */
LFREC_API lfrec_status lfrec_denormalize(const lfrec_model *model, const uint32_t *item, const float *preference,
                                         size_t count, float user_mean, float *rating);

/* ===[ users and scores ]=========================================================================================== */

/* A folded-in history. */
typedef struct lfrec_user {
    float mean;     /* c_u */
    size_t rated;   /* n: ratings that were folded in */
    float *factors; /* h_u, and work space behind it: the caller's lfrec_user_floats floats */
} lfrec_user;

/* What user.factors must have room for: LFREC_STRIDE(K) in LFREC_ARTICLE and LFREC_SGD, more in the other two. 0 for
 * what is no model. */
LFREC_API size_t lfrec_user_floats(const lfrec_model *model);

typedef struct lfrec_scored {
    uint32_t item;
    float score; /* predicted rating, or a distance */
} lfrec_scored;

/* Fills in the user from a history, O(n K); LFREC_BAYES O(n K^2 + K^3); LFREC_RANKING O(n K + K^2) for each of some ten
 * rounds. An empty history gives the user nobody knows anything about: the means alone. LFREC_ERROR_NUMBER, from the last
 * two only: the model's numbers are too large for this history's equations; the user is to be filled in anew. */
LFREC_API lfrec_status lfrec_fold_in(const lfrec_model *model, const lfrec_history *history, lfrec_user *user);

/* The predicted rating of one item. An item without ratings and a user without ratings get the overall mean; never NaN,
 * always on the scale. LFREC_RANKING predicts no ratings: LFREC_ERROR_ARGUMENT. */
LFREC_API lfrec_status lfrec_predict(const lfrec_model *model, const lfrec_user *user, uint32_t item, float *rating);

#ifndef LFREC_NO_BAYES
/* LFREC_BAYES: the standard deviation of the rating that lfrec_predict predicts, in ratings; noise, what is not known
 * of the user, and what is not known of the item. */
LFREC_API lfrec_status lfrec_deviation(const lfrec_model *model, const lfrec_user *user, uint32_t item, float *deviation);
#endif

/* Scores of items first .. first + count - 1: unclamped ratings, in LFREC_RANKING numbers that only order items. */
LFREC_API lfrec_status lfrec_score(const lfrec_model *model, const lfrec_user *user, uint32_t first, uint32_t count,
                                   float *scores);

/* Says whether an item may be listed: nonzero yes. */
typedef int lfrec_filter(void *context, uint32_t item);

typedef struct lfrec_query {
    uint32_t count;               /* at most this many */
    uint32_t min_support;         /* items with fewer ratings are left out; 0: none */
    const lfrec_history *exclude; /* items not to list, usually the user's history; NULL: list rated items too */
    const uint32_t *candidates;   /* only these items, without repetition; NULL: all */
    size_t candidate_count;
    lfrec_filter *filter; /* NULL: all pass */
    void *filter_context;
} lfrec_query;

#define LFREC_MIN_SUPPORT 3u /* lfrec_query_for's floor: an item that one or two people loved tops nobody's list */

/* The best `count` items but those of `exclude`, with a support floor of LFREC_MIN_SUPPORT. */
LFREC_API lfrec_query lfrec_query_for(uint32_t count, const lfrec_history *exclude);

/* The items with the highest scores, best first, equal scores by rising item; list[].score is the predicted rating, or
 * in LFREC_RANKING the score.
 * Exclusion, floor, candidates and filter apply before the best are taken, so *found is min(query->count, items left).
 * list has room for query->count. */
LFREC_API lfrec_status lfrec_top(const lfrec_model *model, const lfrec_user *user, const lfrec_query *query,
                                 lfrec_scored *list, size_t *found);

/* One user's list among many. */
typedef struct lfrec_listing {
    const lfrec_user *user;
    const lfrec_query *query;
    lfrec_scored *list; /* the caller's, with room for query->count */
    size_t found;       /* what lfrec_top's *found is */
    size_t excluded;    /* work space */
} lfrec_listing;

/* Every listing as lfrec_top makes it, to the bit. The items are read once for all of them, from the cache after the
 * first: some 64 users at a time are best, lists of at most 32 the fastest. 12 and more of those take 88 KiB of stack where
 * there are vectors. After an error in any listing the lists of none are written. */
LFREC_API lfrec_status lfrec_top_many(const lfrec_model *model, lfrec_listing *listings, size_t count);

/* One rated item's part of a score. */
typedef struct lfrec_reason {
    uint32_t item;
    float share; /* s_u F_i . (p_uj L_j), with Y_j added to p_uj L_j in LFREC_SGD. LFREC_BAYES, in which the user's bias is a
                    factor: F_i' S_u (tau_u tau_j x_uj F_j + omega_u n^-1/2 Lambda Y_j), the item's bias taken off x.
                    LFREC_RANKING: t(r_j) F_i' A^-1 F_j, A the matrix that encodes */
} lfrec_reason;

typedef struct lfrec_explanation {
    lfrec_reason *reasons; /* the caller's array, */
    size_t room;           /* and its length */
    size_t count;          /* reasons written: min(room, n) */
    float baseline; /* item_mean + c_u + o_i: what is there before anything is said of single ratings. LFREC_BAYES:
                              item_mean and the item's own bias, as c_u is a sum over ratings too; LFREC_RANKING: 0 */
} lfrec_explanation;

/* Why `item` has its score: the terms of the sum, the largest magnitude first. lfrec_score's score is the baseline plus
 * the shares of all n ratings (up to rounding), which are finite. `user` was folded in from this history and keeps its
 * factors, but not the work space behind them; the caller sets reasons and room. LFREC_ERROR_NUMBER, with reasons written:
 * the model's numbers are too large. */
LFREC_API lfrec_status lfrec_explain(const lfrec_model *model, lfrec_user *user, const lfrec_history *history,
                                     uint32_t item, lfrec_explanation *explanation);

/* ===[ index ]====================================================================================================== */
#ifndef LFREC_NO_INDEX

/* A model's items in an order that lets one user's list from a large catalog pass over those that cannot get in. A score
 * is at most what it has besides the product, plus |h| |F_i|; so rows lie in strata of nearly equal norms, within a
 * stratum by the rest of their scores, and a stratum is left as soon as the next item's bound is behind the list's last
 * score. Norms are taken from the rows' center (0 with weights of 8 bits), which moves all of a user's scores alike. The
 * more norms differ, the more is passed over; where they are equal a list takes about as long as lfrec_top's. After C.
 * Teflioudi, R. Gemulla, O. Mykytiuk, "LEMP: fast retrieval of large entries in a matrix product" (2015).
 *
 * The index has copies of the rows, the means and the offsets, and scores by them: make a new one when those change. The
 * rest is the model's, which outlives it: supports, what makes ratings of scores, all of a query that has candidates. Any
 * number of threads may list from one. */
typedef struct lfrec_index {
    uint32_t check;
    const lfrec_model *model;
    lfrec_model ordered;  /* the model with rows, means and offsets in the index's order, for scoring only */
    const uint32_t *item; /* I: which item is at a place of that order */
    const float *norm;    /* of each stratum the largest |F_i - center| */
    const float *center;  /* of a row's columns that the product is bounded over */
    float rest;           /* the largest magnitude of what a score has besides the product */
    void *memory;         /* what lfrec_index_create allocated, else NULL */
    lfrec_allocator allocator;
} lfrec_index;

/* Making one takes O(I (K + log I)); bytes are those of the decoder's rows and some 12 for each item. */
LFREC_API lfrec_status lfrec_index_size(const lfrec_model *model, size_t *bytes);
LFREC_API lfrec_status lfrec_index_init(lfrec_index *index, const lfrec_model *model, void *memory, size_t bytes);
LFREC_API lfrec_status lfrec_index_create(lfrec_index *index, const lfrec_model *model, const lfrec_allocator *allocator);
LFREC_API void lfrec_index_destroy(lfrec_index *index); /* NULL and all zero are allowed */

/* lfrec_top's list, to the bit. *scored (if not NULL) is how many items were not passed over. A filter is asked in another
 * order, and of other items, than by lfrec_top. */
LFREC_API lfrec_status lfrec_index_top(const lfrec_index *index, const lfrec_user *user, const lfrec_query *query,
                                       lfrec_scored *list, size_t *found, size_t *scored);
#endif /* LFREC_NO_INDEX */

/* ===[ similarity ]================================================================================================= */

typedef enum lfrec_metric {
    LFREC_COSINE = 0, /* 1 - cosine: 0 same direction, 1 unrelated, 2 opposite; 1 when a vector is 0 */
    LFREC_EUCLIDEAN = 1
} lfrec_metric;

/* Between the decoder's rows: how differently people's tastes bear on the two items. */
LFREC_API lfrec_status lfrec_distance(const lfrec_model *model, lfrec_metric metric, uint32_t a, uint32_t b, float *distance);
/* The `count` items nearest to `item`, itself left out, nearest first; list[].score is the distance. */
LFREC_API lfrec_status lfrec_nearest(const lfrec_model *model, lfrec_metric metric, uint32_t item, uint32_t count,
                                     lfrec_scored *list, size_t *found);
/* The same from the other end: the least similar first. */
LFREC_API lfrec_status lfrec_farthest(const lfrec_model *model, lfrec_metric metric, uint32_t item, uint32_t count,
                                      lfrec_scored *list, size_t *found);

/* ===[ masks and loss ]============================================================================================= */
#ifndef LFREC_NO_TRAINING

/* Hide each of a user's `count` known entries with probability `share`: hidden[k] is 1 or 0. Depends on nothing but
 * (seed, epoch, user) and the entry's place k, so any thread or batch order sees the same mask. Returns how many are
 * hidden. */
LFREC_API size_t lfrec_mask(uint64_t seed, uint32_t epoch, uint32_t user, float share, size_t count, uint8_t *hidden);

/* Squared errors of the two terms of the loss, summed over as many entries as one likes. */
typedef struct lfrec_loss {
    lfrec_real hidden_error, scope_error;
    uint64_t hidden, scope; /* N_hidden, N_scope */
} lfrec_loss;

/* Adds `count` known entries. For LFREC_SCOPE_ALL the caller adds the unknown ones: their predictions' squares to
 * scope_error, their number to scope. */
LFREC_API void lfrec_loss_add(lfrec_loss *loss, const float *predicted, const float *preference, const uint8_t *hidden,
                              size_t count);
/* w * hidden_error / hidden + (1 - w) * scope_error / scope; an empty set contributes 0. */
LFREC_API lfrec_real lfrec_loss_value(const lfrec_loss *loss, float weight);
/* gradient[k] = d loss / d predicted[k] for known entries of a set with this many hidden and scope entries. May be
 * predicted itself. */
LFREC_API void lfrec_loss_gradient(float loss_weight, uint64_t hidden_count, uint64_t scope_count, const float *predicted,
                                   const float *preference, const uint8_t *hidden, size_t count, float *gradient);

/* ===[ training ]=================================================================================================== */

typedef enum lfrec_ending {
    LFREC_ENDED_EPOCHS = 0, /* all epochs done */
    LFREC_ENDED_PATIENCE,   /* no better held-out error for options.patience epochs */
    LFREC_ENDED_CANCELLED   /* the progress callback said so */
} lfrec_ending;

/* After every epoch. */
typedef struct lfrec_epoch {
    uint32_t epoch, epochs; /* 1 .. epochs */
    float learning_rate;
    lfrec_real loss;           /* over the training users of this epoch, as they were met */
    lfrec_real held_out_error; /* RMSE of the hidden preferences of the held-out users; of the training users without holdout */
    lfrec_real best_error; /* the smallest held-out error so far */
    uint32_t best_epoch;
} lfrec_epoch;

typedef struct lfrec_report {
    lfrec_ending ending;
    lfrec_path path;     /* the one that was taken */
    lfrec_epoch last;    /* the last epoch; on LFREC_ERROR_DIVERGED the epoch and learning rate that diverged */
    uint32_t best_epoch; /* whose weights the model has; the last one without holdout */
    lfrec_real best_error;
} lfrec_report;

/* Return nonzero to end training after this epoch. */
typedef int lfrec_progress(void *context, const lfrec_epoch *epoch);

/* Trains on the ratings and puts the best weights and the ratings' means into the model, which was made with the same
 * options. However the run ends, these are the weights of the epoch with the smallest held-out error (of the last epoch
 * when options.holdout is 0). On an error the model is as it was. progress and report may be NULL. Allocates
 * lfrec_trainer_size bytes through the model's allocator (LFREC_ERROR_ARGUMENT when it has none: a model from
 * lfrec_model_init is trained with a trainer). */
LFREC_API lfrec_status lfrec_train(lfrec_model *model, const lfrec_options *options, const lfrec_ratings *ratings,
                                   lfrec_progress *progress, void *context, lfrec_report *report);

/* The same step by step, in the caller's memory. Fields are for reading, save that weights may be set before the first
 * epoch. */
typedef struct lfrec_trainer {
    uint32_t check;
    lfrec_options options;
    const lfrec_ratings *ratings;                 /* borrowed for the trainer's life */
    lfrec_means means;                            /* of the ratings */
    lfrec_model model;                            /* what the next epoch starts from */
    float *encoder, *decoder, *offset, *implicit; /* the model's, writable; NULL where it has none */
    float *encoder_gradient, *decoder_gradient;   /* I x K, of the last batch; of no step where `moved` is set */
    float *user_mean;                           /* U: c_u under the model's means; NULL for LFREC_SGD with one thread */
    float *encoder_velocity, *decoder_velocity; /* I x K; NULL without momentum and `moved` */
    lfrec_model best;                           /* of the best epoch; only with holdout */
    float *prior;                               /* I x K: f0; LFREC_SGD and LFREC_BAYES, as the two below */
    float *prior_user;                          /* U x K: X */
    float *pull;                                /* sum of n_i^-1/2 (F_i - f0_i) over a user's ratings, for each part */
    float *root;                                /* I: n_i^-1/2 */
    float gain_square;                          /* (0.9 / standard deviation of the preferences)^2 */
    float *item_precision, *implicit_precision; /* I x K: posterior precisions of F and Y; LFREC_BAYES, as the rest here */
    float *user_precision, *user_spread;        /* U: tau_u, omega_u */
    float *user_state;                          /* U x K: h, in the ordinal case */
    float *item_error;                          /* I: sum of squares since the epoch began */
    float *constants;                           /* 5 x K: lambda, a, a_Y, a_X, which columns are free in an item */
    float *posterior; /* work space of encoding each user of a batch; LFREC_RANKING: of each part's solving for a row */
    float *known;     /* of each part, LFREC__BLOCK x K: F_i S */
    lfrec_real *nu;   /* of each user and part: squared errors by precision */
    float *user_factors;   /* U x K; LFREC_RANKING, as the rest here */
    size_t *by_item;       /* I + 1: where an item's ratings start in */
    uint32_t *rater;       /* these users, */
    float *target;         /* these targets, */
    float *target_by_user; /* and those of the ratings in their own order */
    uint32_t *order;       /* users with ratings: training users first, then held-out users */
    uint32_t training_users, held_out_users;
    lfrec_path path;
    lfrec_epoch at;     /* the last epoch */
    uint32_t together;  /* users whose steps are taken at once, as from the same weights: B; 1 in the other settings
                                with one thread */
    uint32_t *range;    /* threads + 1: part p steps the items range[p] .. range[p + 1] - 1 */
    size_t *entry;      /* B x threads + 1: where the entries of a part's items of a batch's user start; LFREC_ARTICLE
                           with several threads: this and `input` twice, for a batch and the one before */
    size_t room;        /* for so many entries */
    uint32_t *cut;      /* U x (threads - 1): where the items of parts 1, 2, ... start in a user's history */
    uint32_t *visible;  /* U, B with one thread: how many of a user's ratings are not hidden, */
    float *scale;       /* and s_u */
    float *squares;     /* U: sum of 1 / n_i over a user's items; NULL with one thread */
    lfrec_loss *losses; /* what each part has met */
    uint32_t *touched_count; /* of each part */
    uint32_t *touched;   /* I: rows whose gradient the last batch wrote, a part's from range[p] on; all others are 0 */
    uint8_t *is_touched; /* I */
    uint8_t *hidden;     /* the mask, of all ratings; with one thread, of a batch entry by entry, as */
    float *preference;   /* the preferences, */
    float *input;        /* what the encoder sees of them (s_u p_uj, 0 where hidden), */
    float *predicted;    /* what the decoder says, then d loss / d predicted */
    float *factors, *factors_gradient; /* B x threads x K, threads x K x B on the dense path: each part's; the sum in
                                          the first */
    float *gram;                       /* K x K of each part, and LFREC_RANKING's sum in the first */
    float *dense_input, *dense_error;  /* I x B: dense path */
    void *gemm_scratch;                /* of each part */
    size_t gemm_scratch_bytes;
#ifndef LFREC_NO_ARTICLE
    uint32_t *moved; /* I: 1 + the batch of the epoch that last read the item's rows; NULL where all rows move with each */
    float *coast;    /* 4 for each batch of an epoch: what so many steps without a gradient come to */
#endif
} lfrec_trainer;

LFREC_API lfrec_status lfrec_trainer_size(const lfrec_options *options, const lfrec_ratings *ratings, size_t *bytes);
/* start: a model to go on from (same items and factors), or NULL for random weights. Checks the ratings. */
LFREC_API lfrec_status lfrec_trainer_init(lfrec_trainer *trainer, const lfrec_options *options, const lfrec_ratings *ratings,
                                          const lfrec_model *start, void *memory, size_t bytes);
/* One pass over the training users; *epoch (may be NULL) says how it went. LFREC_ERROR_DIVERGED, which *epoch
 * tells about, too, when a weight is no longer finite. */
LFREC_API lfrec_status lfrec_trainer_epoch(lfrec_trainer *trainer, lfrec_epoch *epoch);
#ifndef LFREC_NO_ARTICLE
/* LFREC_ARTICLE: the gradient of the loss of these users (different ones, at most options.batch) under the masks of
 * `epoch`, into encoder_gradient and decoder_gradient; no weight changes. What an epoch does before each step, and what
 * tests check against finite differences. */
LFREC_API lfrec_status lfrec_trainer_gradient(lfrec_trainer *trainer, const uint32_t *users, uint32_t count,
                                              uint32_t epoch, lfrec_loss *loss);
#endif
/* Copies the best weights so far and the means into a model of the same shape. */
LFREC_API lfrec_status lfrec_trainer_finish(const lfrec_trainer *trainer, lfrec_model *model);
/* RMSE of the hidden preferences of the held-out users (the training users without holdout) under the trainer's
 * validation mask: the held_out_error of lfrec_epoch, for any model of the trainer's shape, of LFREC_ARTICLE or
 * LFREC_SGD: the others hide nothing. Overwrites the trainer's scratch only. */
LFREC_API lfrec_status lfrec_trainer_error(lfrec_trainer *trainer, const lfrec_model *model, lfrec_real *error);

#endif /* LFREC_NO_TRAINING */

/* ===[ evaluation ]================================================================================================= */
#ifndef LFREC_NO_EVALUATION

typedef struct lfrec_errors {
    lfrec_real rmse, mae;
    size_t count; /* ratings predicted */
} lfrec_errors;

/* Folds in each user of `known` and predicts that user's ratings in `test` (same users and items). LFREC_ERROR_EMPTY
 * without test ratings, LFREC_ERROR_NUMBER when the model is not finite, LFREC_ERROR_ARGUMENT for LFREC_RANKING.
 * factors: lfrec_user_floats floats of scratch. */
LFREC_API lfrec_status lfrec_evaluate(const lfrec_model *model, const lfrec_ratings *known, const lfrec_ratings *test,
                                      float *factors, lfrec_errors *errors);

typedef enum lfrec_gain {
    LFREC_GAIN_LINEAR = 0,     /* the relevance itself */
    LFREC_GAIN_EXPONENTIAL = 1 /* 2^relevance - 1 */
} lfrec_gain;

typedef struct lfrec_ranking {
    lfrec_real recall; /* relevant items among the first N / all relevant items */
    lfrec_real ndcg;   /* DCG / DCG of the best possible list of N, logarithmic discount 1 / log2(1 + place) */
} lfrec_ranking;

/* How well `scores` rank `count` candidates of which candidate k has relevance[k] >= 0 (0: not relevant). Candidates
 * with equal scores share their places: each gets the mean of what they would get in every order, so that ties never
 * flatter. N >= 1. LFREC_ERROR_EMPTY when nothing is relevant, LFREC_ERROR_NUMBER when a score is NaN. order: count
 * indices of scratch. */
LFREC_API lfrec_status lfrec_rank(const float *scores, const float *relevance, size_t count, size_t n, lfrec_gain gain,
                                  uint32_t *order, lfrec_ranking *ranking);

/* Deals ratings into a training and a test part by seed: every rating goes to the test part with probability `share`,
 * decided by (seed, user, place) alone. By user: all of a chosen user's ratings. Either part has all users and items.
 * size: bytes for both parts together. */
typedef enum lfrec_split_by { LFREC_SPLIT_RATINGS = 0, LFREC_SPLIT_USERS = 1 } lfrec_split_by;
LFREC_API lfrec_status lfrec_split_size(const lfrec_ratings *ratings, size_t *bytes);
LFREC_API lfrec_status lfrec_split(const lfrec_ratings *ratings, lfrec_split_by by, float share, uint64_t seed,
                                   void *memory, size_t bytes, lfrec_ratings *train, lfrec_ratings *test);

#endif /* LFREC_NO_EVALUATION */

/* ===[ save and load ]============================================================================================== */
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
 *         32      4  flags: bit 0 scale_input, bit 1 packed
 *         36     28  mean, scale_min, scale_max, item_shrink, user_shrink, step, gain: float32
 *         64      4  0
 *         68      4  CRC-32 of bytes 0 .. 67
 *         72     4I  item_mean: float32
 *          .     4I  support: uint32
 *          .         those of encoder, decoder, offset, implicit, variance, precision, gram that the setting has, in
 *                    this order: float32, rows without padding
 *          .      4  CRC-32 (ISO 3309, as zlib's) of everything before
 *
 * Packed, a row of encoder, decoder and implicit is a scale, float32, and K weights of 8 bits, int8, filled up to a
 * multiple of 4 with 0: a weight is its number times the scale, the largest of a row 127 times.
 *
 * Every array starts at a multiple of 4, so that a file in flash or mapped into memory serves in place. */
#define LFREC_FORMAT_VERSION 1u
#define LFREC_HEADER_BYTES 72u

/* Return nonzero for success, having written or read all `bytes`; a reader that has fewer sets *got to what it had and
 * returns nonzero. */
typedef int lfrec_write(void *context, const void *data, size_t bytes);
typedef int lfrec_read(void *context, void *data, size_t bytes, size_t *got);

/* What a file says of itself. */
typedef struct lfrec_file {
    uint32_t version;
    lfrec_setting setting;
    uint32_t items, factors;
    uint64_t bytes;      /* of the file */
    size_t memory_bytes; /* what lfrec_load needs */
    int packed;
    uint8_t header[LFREC_HEADER_BYTES];
} lfrec_file;

LFREC_API lfrec_status lfrec_save_size(const lfrec_model *model, size_t *bytes);
LFREC_API lfrec_status lfrec_save(const lfrec_model *model, lfrec_write *write, void *context);
LFREC_API lfrec_status lfrec_save_buffer(const lfrec_model *model, void *buffer, size_t bytes, size_t *written);

#ifndef LFREC_NO_PACKED
/* Saves with weights of 8 bits, LFREC_ARTICLE and LFREC_SGD only (else LFREC_ERROR_ARGUMENT): little more than a quarter of
 * the bytes, and predictions that are a little off. What is loaded or viewed from it stays packed: it folds in, scores,
 * lists, explains, measures distances and takes new means, and no weight is ever unpacked in memory; it cannot be
 * copied or trained on. A packed model saves as itself either way. */
LFREC_API lfrec_status lfrec_save_packed_size(const lfrec_model *model, size_t *bytes);
LFREC_API lfrec_status lfrec_save_packed(const lfrec_model *model, lfrec_write *write, void *context);
#endif

/* Loading in two steps, so that the caller can find the memory in between: the header, then the rest from the same
 * reader. *model is filled in only when every check has passed; the memory's content is undefined after an error. */
LFREC_API lfrec_status lfrec_load_header(lfrec_file *file, lfrec_read *read, void *context);
LFREC_API lfrec_status lfrec_load(lfrec_model *model, const lfrec_file *file, lfrec_read *read, void *context,
                                  void *memory, size_t bytes);
/* In one step, from a buffer, into allocated memory; lfrec_model_destroy gives it back. Bytes after the model's end are
 * LFREC_ERROR_CORRUPT. */
LFREC_API lfrec_status lfrec_load_buffer(lfrec_model *model, const void *buffer, size_t bytes,
                                         const lfrec_allocator *allocator);
/* No copy: the model's arrays are the buffer's, which outlives it and stays unchanged. The buffer starts at a multiple
 * of 4 (LFREC_ERROR_ALIGNMENT). Little-endian machines only (LFREC_ERROR_ARGUMENT elsewhere). */
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

/* ===[ end of the API: what follows is the implementation ]========================================================= */

#if defined(LFREC_IMPLEMENTATION) && !defined(LFREC_IMPLEMENTATION_DONE)
#define LFREC_IMPLEMENTATION_DONE

#ifndef LFREC_NO_MALLOC
#include <stdlib.h>
#endif
#if !defined(LFREC_NO_STDIO) && !defined(LFREC_NO_FILES)
#include <stdio.h>
#endif

/* Vector registers: none without GCC or Clang, and none where the target has none. */
#if defined(__GNUC__) && !defined(LFREC_NO_SIMD)
#if defined(__SSE2__) || defined(__ARM_NEON) || defined(__wasm_simd128__) || defined(__ALTIVEC__) || defined(__VX__)
#define LFREC__VECTORS 1
#endif
#if defined(__x86_64__) && defined(__SSE2__)
#define LFREC__X86 1
#include <immintrin.h>
#if defined(__clang__) ? __clang_major__ >= 14 : __GNUC__ >= 11
#define LFREC__TELLS_ZEN 1 /* others do not know Zen 4, of AMD's family 19h like Zen 3, from what came later */
#endif
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define LFREC__NEON 1
#include <arm_neon.h>
#endif
#endif

#ifndef LFREC_ASSERT
#define LFREC_ASSERT(x) ((void)0)
#endif

#if defined(__GNUC__) || defined(__clang__)
#define LFREC__INTERNAL static __attribute__((unused))
#define LFREC__INLINE static inline __attribute__((always_inline, unused))
#else
#define LFREC__INTERNAL static
#define LFREC__INLINE static inline
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ===[ status and small things ]==================================================================================== */

LFREC_API const char *lfrec_status_string(lfrec_status status)
{
    switch (status) {
    case LFREC_OK: return "ok";
    case LFREC_ERROR_ARGUMENT: return "an argument or option is not allowed";
    case LFREC_ERROR_UNINITIALIZED: return "a struct was not set up by this version of lfrec";
    case LFREC_ERROR_OVERFLOW: return "a size or sum is too large";
    case LFREC_ERROR_MEMORY: return "not enough memory";
    case LFREC_ERROR_ALIGNMENT: return "data used in place must start at a multiple of 4 bytes";
    case LFREC_ERROR_RANGE: return "a user or item index is out of range";
    case LFREC_ERROR_NUMBER: return "a number is not finite or too large";
    case LFREC_ERROR_ORDER: return "row starts or a row's items are not in order";
    case LFREC_ERROR_EMPTY: return "there is nothing to work on";
    case LFREC_ERROR_DIVERGED: return "training diverged: use a smaller learning rate";
    case LFREC_ERROR_IO: return "reading or writing failed";
    case LFREC_ERROR_TRUNCATED: return "the file ends early";
    case LFREC_ERROR_FOREIGN: return "not an lfrec model";
    case LFREC_ERROR_VERSION: return "the file's format is newer than this version of lfrec";
    case LFREC_ERROR_CORRUPT: return "the file is damaged";
    case LFREC_ERROR_UNSUPPORTED: return "the file's kind of model is left out of this build of lfrec";
    }
    return "unknown status";
}

#define LFREC__VERSION_NUMBER (LFREC_VERSION_MAJOR * 10000u + LFREC_VERSION_MINOR * 100u + LFREC_VERSION_PATCH)
#define LFREC__CHECK_OPTIONS (0x0b710000u + LFREC__VERSION_NUMBER)
#define LFREC__CHECK_MODEL (0x30de0000u + LFREC__VERSION_NUMBER)
#define LFREC__CHECK_INDEX (0x1d3e0000u + LFREC__VERSION_NUMBER)
#define LFREC__CHECK_TRAINER (0x72a10000u + LFREC__VERSION_NUMBER)

/* What only a setting needs that may be left out: 0 without it, and the compiler drops what is never asked for. */
#ifdef LFREC_NO_ARTICLE
#define LFREC__FOR_ARTICLE(x) 0
#else
#define LFREC__FOR_ARTICLE(x) (x)
#endif
#ifdef LFREC_NO_BAYES
#define LFREC__FOR_BAYES(x) 0
#else
#define LFREC__FOR_BAYES(x) (x)
#endif
#ifdef LFREC_NO_RANKING
#define LFREC__FOR_RANKING(x) 0
#else
#define LFREC__FOR_RANKING(x) (x)
#endif
#ifdef LFREC_NO_PACKED
#define LFREC__FOR_PACKED(x) 0
#else
#define LFREC__FOR_PACKED(x) (x)
#endif
/* How many threads: 1 without them, and then the compiler drops what only parts need. */
#ifdef LFREC_NO_THREADS
#define LFREC__FOR_THREADS(x) ((void)(x), 1u)
#else
#define LFREC__FOR_THREADS(x) (x)
#endif
#if defined(LFREC_NO_BAYES) && defined(LFREC_NO_RANKING)
#define LFREC__FOR_OUTER(x) 0
#else
#define LFREC__FOR_OUTER(x) (x)
#endif

/* Return a failed call's status from the function it stands in. */
#define LFREC__TRY(call)                                     \
    do {                                                     \
        const lfrec_status lfrec__status = (call);           \
        if (lfrec__status != LFREC_OK) return lfrec__status; \
    } while (0)

LFREC__INTERNAL void lfrec__copy(void *to, const void *from, size_t bytes)
{
    unsigned char *d = (unsigned char *)to;
    const unsigned char *s = (const unsigned char *)from;
    for (size_t k = 0; k < bytes; k++) d[k] = s[k];
}

LFREC__INTERNAL void lfrec__zero(void *to, size_t bytes)
{
    unsigned char *d = (unsigned char *)to;
    for (size_t k = 0; k < bytes; k++) d[k] = 0;
}

/* The arrays of a model that may be changed, behind their const: const says "read-only while it serves". */
LFREC__INTERNAL float *lfrec__floats(const float *constant)
{
    return (float *)constant;
}

LFREC__INTERNAL int lfrec__finite(float x)
{
    return x - x == 0.0f;
}

LFREC__INTERNAL int lfrec__all_finite(const float *x, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        if (!lfrec__finite(x[k])) return 0;
    }
    return 1;
}

/* NaN becomes the lower end. */
LFREC__INTERNAL float lfrec__clamp(float x, float low, float high)
{
    return x > low ? (x < high ? x : high) : low;
}

LFREC__INTERNAL uint32_t lfrec__float_bits(float x)
{
    uint32_t bits;
    lfrec__copy(&bits, &x, sizeof bits);
    return bits;
}

LFREC__INTERNAL float lfrec__bits_float(uint32_t bits)
{
    float x;
    lfrec__copy(&x, &bits, sizeof x);
    return x;
}

/* A 64-bit count or sum as a number. Compilers' run-time functions for 32-bit machines go by way of double, so without
 * it the number is cut to 32 bits, the last of which stands for all that were cut, and rounded once: the same bits. */
LFREC__INTERNAL lfrec_real lfrec__real(int64_t x)
{
#ifdef LFREC_NO_DOUBLE
    uint64_t size = x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
    uint32_t exponent = 127;
    for (; size >> 32; exponent++) size = size >> 1 | (size & 1u);
    const float magnitude = (float)(uint32_t)size * lfrec__bits_float(exponent << 23);
    return x < 0 ? -magnitude : magnitude;
#else
    return (lfrec_real)x;
#endif
}

/* Square root of x >= 0 to one unit in the last place. The first guess halves the exponent; each Newton step doubles
 * the right digits. */
LFREC__INTERNAL float lfrec__sqrtf(float x)
{
    if (!(x > 0.0f)) return 0.0f;
    if (!lfrec__finite(x)) return x;
    if (x < 1.17549435e-38f) return lfrec__sqrtf(x * 16777216.0f) / 4096.0f; /* subnormal: no exponent to halve */
    float y = lfrec__bits_float((lfrec__float_bits(x) >> 1) + 0x1fbd3f7du);
    for (int k = 0; k < 4; k++) y = 0.5f * (y + x / y);
    return y;
}

LFREC__INTERNAL lfrec_real lfrec__sqrt(lfrec_real x)
{
    const lfrec_real half = (lfrec_real)0.5;
    if (!(x > 0)) return 0;
    lfrec_real y = (lfrec_real)lfrec__sqrtf((float)x);
    if (!(y > 0)) return 0;
    y = half * (y + x / y);
    return half * (y + x / y);
}

/* Natural logarithm of a normal x > 0: ln(2^e m) = e ln 2 + 2 atanh(s), s = (m - 1) / (m + 1), m in [2^-1/2, 2^1/2). */
LFREC__INTERNAL float lfrec__logf(float x)
{
    const uint32_t bits = lfrec__float_bits(x);
    int exponent = (int)(bits >> 23) - 127;
    float m = lfrec__bits_float((bits & 0x007fffffu) | 0x3f800000u);
    if (m > 1.41421356f) {
        m *= 0.5f;
        exponent++;
    }
    const float s = (m - 1.0f) / (m + 1.0f), z = s * s;
    const float series = 1.0f + z * (0.333333333f + z * (0.2f + z * (0.142857143f + z * 0.111111111f)));
    return (float)exponent * 0.693147181f + 2.0f * s * series;
}

/* e^x within 2 units in the last place, 0 below and the largest float above what a float holds: 2^k e^r, |r| <= ln 2 /
 * 2. ln 2 comes in two parts, the first short enough that k times it is exact. */
LFREC__INTERNAL float lfrec__expf(float x)
{
    if (!(x > -87.0f)) return 0.0f;
    if (x > 88.0f) return 3.40282347e+38f;
    const float k = (float)(int)(x * 1.44269504f + (x < 0.0f ? -0.5f : 0.5f));
    const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
    const float series =
        1.0f +
        r * (1.0f + r * (0.5f + r * (0.166666667f + r * (0.0416666667f + r * (0.00833333333f + r * 0.00138888889f)))));
    return series * lfrec__bits_float((uint32_t)((int)k + 127) << 23);
}

/* The standard normal distribution at z and *density there; within 1e-7 (Abramowitz and Stegun 1964, 26.2.17). */
LFREC__INTERNAL float lfrec__normal(float z, float *density)
{
    const float d = 0.398942280f * lfrec__expf(-0.5f * z * z), t = 1.0f / (1.0f + 0.2316419f * (z < 0.0f ? -z : z));
    const float tail =
        d * t * (0.319381530f + t * (-0.356563782f + t * (1.781477937f + t * (-1.821255978f + t * 1.330274429f))));
    *density = d;
    return z > 0.0f ? 1.0f - tail : tail;
}

/* ===[ memory ]===================================================================================================== */

#ifdef LFREC_NO_SIMD
#define LFREC__ALIGNMENT sizeof(uint64_t)
#else
#define LFREC__ALIGNMENT ((size_t)64) /* a cache line and an AVX-512 register */
#endif

/* Hands out pieces of one block of memory. With base NULL it only measures: one layout function serves both *_size and
 * *_init. */
typedef struct lfrec__arena {
    unsigned char *base; /* at an aligned address */
    size_t used, capacity;
    int overflow, full;
} lfrec__arena;

LFREC__INTERNAL lfrec__arena lfrec__arena_measure(void)
{
    lfrec__arena arena;
    lfrec__zero(&arena, sizeof arena);
    arena.capacity = (size_t)-1;
    return arena;
}

LFREC__INTERNAL lfrec__arena lfrec__arena_over(void *memory, size_t bytes)
{
    lfrec__arena arena = lfrec__arena_measure();
    const size_t skip = (size_t)(0 - (uintptr_t)memory) % LFREC__ALIGNMENT;
    arena.base = (unsigned char *)memory + (skip < bytes ? skip : bytes);
    arena.capacity = skip < bytes ? bytes - skip : 0;
    return arena;
}

LFREC__INTERNAL void *lfrec__take(lfrec__arena *arena, size_t count, size_t size)
{
    const size_t limit = (size_t)-1 - 2 * LFREC__ALIGNMENT;
    if (size != 0 && count > limit / size) arena->overflow = 1;
    if (arena->overflow) return NULL;
    const size_t bytes = (count * size + LFREC__ALIGNMENT - 1) / LFREC__ALIGNMENT * LFREC__ALIGNMENT;
    if (bytes > limit - (arena->used < limit ? arena->used : limit)) {
        arena->overflow = 1;
        return NULL;
    }
    if (bytes > arena->capacity - arena->used) {
        arena->full = 1;
        return NULL;
    }
    void *piece = arena->base ? arena->base + arena->used : NULL;
    arena->used += bytes;
    return piece;
}

LFREC__INTERNAL float *lfrec__take_floats(lfrec__arena *arena, size_t rows, size_t columns)
{
    if (columns != 0 && rows > (size_t)-1 / columns) arena->overflow = 1;
    return (float *)lfrec__take(arena, arena->overflow ? 0 : rows * columns, sizeof(float));
}

LFREC__INTERNAL lfrec_status lfrec__arena_status(const lfrec__arena *arena)
{
    return arena->overflow ? LFREC_ERROR_OVERFLOW : arena->full ? LFREC_ERROR_MEMORY : LFREC_OK;
}

/* The measured size, with room to align the start. */
LFREC__INTERNAL lfrec_status lfrec__arena_bytes(const lfrec__arena *arena, size_t *bytes)
{
    LFREC__TRY(lfrec__arena_status(arena));
    *bytes = arena->used + LFREC__ALIGNMENT;
    return LFREC_OK;
}

#ifndef LFREC_NO_MALLOC
LFREC__INTERNAL void *lfrec__malloc(void *context, size_t bytes)
{
    (void)context;
    return malloc(bytes);
}

LFREC__INTERNAL void lfrec__free(void *context, void *memory)
{
    (void)context;
    free(memory);
}
#endif

LFREC__INTERNAL lfrec_status lfrec__allocator_or_default(const lfrec_allocator *given, lfrec_allocator *allocator)
{
    lfrec__zero(allocator, sizeof *allocator);
    if (given) {
        if (!given->allocate || !given->release) return LFREC_ERROR_ARGUMENT;
        *allocator = *given;
        return LFREC_OK;
    }
#ifdef LFREC_NO_MALLOC
    return LFREC_ERROR_ARGUMENT;
#else
    allocator->allocate = lfrec__malloc;
    allocator->release = lfrec__free;
    return LFREC_OK;
#endif
}

LFREC__INTERNAL void lfrec__release(const lfrec_allocator *allocator, void *memory)
{
    if (memory && allocator->release) allocator->release(allocator->context, memory);
}

/* ===[ random numbers ]============================================================================================= */

/* SplitMix64's output function: a bijection of 64 bits with 0 -> 0. */
LFREC__INTERNAL uint64_t lfrec__mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

LFREC_API void lfrec_rng_seed(lfrec_rng *rng, uint64_t seed, uint64_t stream)
{
    uint64_t at = seed + lfrec__mix(stream);
    for (int k = 0; k < 4; k += 2) {
        at += UINT64_C(0x9e3779b97f4a7c15);
        const uint64_t z = lfrec__mix(at);
        rng->state[k] = (uint32_t)z;
        rng->state[k + 1] = (uint32_t)(z >> 32);
    }
}

LFREC__INTERNAL uint32_t lfrec__rotate(uint32_t x, int by)
{
    return (x << by) | (x >> (32 - by));
}

LFREC_API uint32_t lfrec_rng_next(lfrec_rng *rng)
{
    uint32_t *s = rng->state;
    const uint32_t result = lfrec__rotate(s[0] + s[3], 7) + s[0];
    const uint32_t t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = lfrec__rotate(s[3], 11);
    return result;
}

LFREC_API float lfrec_rng_uniform(lfrec_rng *rng)
{
    return (float)(lfrec_rng_next(rng) >> 8) * (1.0f / 16777216.0f);
}

LFREC_API float lfrec_rng_normal(lfrec_rng *rng)
{
    for (;;) { /* a point in the unit disc; 1 in 1.27 is one. The second coordinate is thrown away: no state beside the generator's. */
        const float x = 2.0f * lfrec_rng_uniform(rng) - 1.0f;
        const float y = 2.0f * lfrec_rng_uniform(rng) - 1.0f;
        const float square = x * x + y * y;
        if (square > 0.0f && square < 1.0f) return x * lfrec__sqrtf(-2.0f * lfrec__logf(square) / square);
    }
}

LFREC_API uint32_t lfrec_rng_below(lfrec_rng *rng, uint32_t bound)
{
    if (bound == 0) return 0;
    uint64_t product = (uint64_t)lfrec_rng_next(rng) * bound;
    if ((uint32_t)product < bound) {
        const uint32_t least = (0u - bound) % bound; /* 2^32 mod bound: low halves below it would be met once too often */
        while ((uint32_t)product < least) product = (uint64_t)lfrec_rng_next(rng) * bound;
    }
    return (uint32_t)(product >> 32);
}

LFREC_API void lfrec_rng_shuffle(lfrec_rng *rng, uint32_t *values, size_t count)
{
    for (size_t k = count; k > 1; k--) {
        const uint32_t other = lfrec_rng_below(rng, (uint32_t)k);
        const uint32_t value = values[k - 1];
        values[k - 1] = values[other];
        values[other] = value;
    }
}

/* ---- GEMM: selection ladder ---------------------------------------------------------------------------------------*/

/* What runs when `asked` is asked for. */
static lfrec_isa lfrec__isa(lfrec_isa asked)
{
#if defined(LFREC_MAX_ISA)
    const lfrec_isa most = (lfrec_isa)(LFREC_MAX_ISA);
#elif defined(LFREC__NEON)
    const lfrec_isa most = LFREC_ISA_NEON;
#else
    const lfrec_isa most = LFREC_ISA_AVX512;
#endif
    if (asked == LFREC_ISA_AUTO) asked = most;
#if defined(LFREC__X86)
    const int x86 = asked != LFREC_ISA_NEON && most != LFREC_ISA_NEON;
    const lfrec_isa cap = asked < most ? asked : most;
    if (x86 && cap >= LFREC_ISA_AVX512 && __builtin_cpu_supports("avx512f")) return LFREC_ISA_AVX512;
    if (x86 && cap >= LFREC_ISA_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return LFREC_ISA_AVX2;
#elif defined(LFREC__NEON)
    if (asked == LFREC_ISA_NEON && most == LFREC_ISA_NEON) return LFREC_ISA_NEON;
#endif
    (void)asked;
    (void)most;
    return LFREC_ISA_PORTABLE;
}

/* Which of AMD's cores with AVX-512 this is: 4 for Zen 4, 5 for Zen 5 and later; 0: none, or the compiler cannot tell. */
LFREC__INTERNAL int lfrec__zen(void)
{
#if defined(LFREC__TELLS_ZEN)
    if (__builtin_cpu_is("amd") && __builtin_cpu_supports("avx512f")) return __builtin_cpu_is("amdfam19h") ? 4 : 5;
#endif
    return 0;
}

LFREC_API lfrec_isa lfrec_isa_best(void)
{
    return lfrec__isa(LFREC_ISA_AUTO);
}

LFREC_API const char *lfrec_isa_string(lfrec_isa isa)
{
    switch (isa) {
    case LFREC_ISA_AUTO: return "auto";
    case LFREC_ISA_PORTABLE: return "portable";
    case LFREC_ISA_AVX2: return "avx2";
    case LFREC_ISA_AVX512: return "avx512";
    case LFREC_ISA_NEON: return "neon";
    }
    return "unknown";
}

/* ---- GEMM: arguments and the plain loop ---------------------------------------------------------------------------*/

/* Is a rows x columns matrix with this leading dimension sound and addressable? */
static lfrec_status lfrec__matrix_check(const float *x, size_t rows, size_t columns, size_t leading)
{
    const size_t most = (size_t)-1 / 2 / sizeof(float);
    if (rows == 0 || columns == 0) return LFREC_OK;
    if (x == NULL || leading < columns) return LFREC_ERROR_ARGUMENT;
    if (columns > most || rows - 1 > (most - columns) / leading) return LFREC_ERROR_OVERFLOW;
    return LFREC_OK;
}

/* Does the product read A and B at all? */
static int lfrec__gemm_reads(const lfrec_gemm *g)
{
    return g->m > 0 && g->n > 0 && g->k > 0 && !(g->alpha >= 0 && g->alpha <= 0);
}

static lfrec_status lfrec__gemm_check(const lfrec_gemm *g)
{
    if (g == NULL || (unsigned)g->isa > (unsigned)LFREC_ISA_NEON) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__matrix_check(g->c, g->m, g->n, g->ldc));
    if (!lfrec__gemm_reads(g)) return LFREC_OK;
    LFREC__TRY(lfrec__matrix_check(g->a, g->transpose_a ? g->k : g->m, g->transpose_a ? g->m : g->k, g->lda));
    return lfrec__matrix_check(g->b, g->transpose_b ? g->n : g->k, g->transpose_b ? g->k : g->n, g->ldb);
}

static void lfrec__gemm_plain(const lfrec_gemm *g)
{
    const size_t a_row = g->transpose_a ? 1 : g->lda, a_step = g->transpose_a ? g->lda : 1;
    const size_t b_step = g->transpose_b ? 1 : g->ldb, b_column = g->transpose_b ? g->ldb : 1;
    const size_t depth = lfrec__gemm_reads(g) ? g->k : 0;
    const int overwrite = g->beta >= 0 && g->beta <= 0;
    size_t i, j, p;
    for (i = 0; i < g->m; i++) {
        float *c = g->c + i * g->ldc;
        for (j = 0; j < g->n; j++) c[j] = overwrite ? 0.0f : g->beta * c[j];
        for (p = 0; p < depth; p++) {
            const float a = g->alpha * g->a[i * a_row + p * a_step];
            const float *b = g->b + p * b_step;
            for (j = 0; j < g->n; j++) c[j] += a * b[j * b_column];
        }
    }
}

LFREC_API lfrec_status lfrec_sgemm_reference(const lfrec_gemm *g)
{
    LFREC__TRY(lfrec__gemm_check(g));
    lfrec__gemm_plain(g);
    return LFREC_OK;
}

/* ---- GEMM: blocking -------------------------------------------------------------------------------------------------
 *
 *        n                  for each block of B, at most COLUMNS wide and DEPTH deep:
 *      +---------+              copy B into panels two vectors wide, where that pays or must be
 *    k |  block  | B            for each strip of A, at most `rows` high:
 *      +---------+                  for each panel: one tile of C, held in registers over the whole depth
 *  k      panels
 * +--+ +--+--+--+
 * |  | |  |  |  | strip     m and k are split into nearly equal parts: 25 rows are 13 + 12.
 * +--+ +--+--+--+           A is read where it lies, but for a transposed A that many panels read.
 *  A    tiles of C
 *
 * Blocks, panels and a register tile are Goto's and BLIS's (Goto and van de Geijn 2008; Van Zee and van de Geijn 2015).
 */
#define LFREC__GEMM_DEPTH 512
#define LFREC__GEMM_COLUMNS 512
#define LFREC__GEMM_SHALLOW 48   /* only deeper operands are copied for their rows being far apart */
#define LFREC__GEMM_REUSE 24     /* B is copied where it serves more strips than this, */
#define LFREC__GEMM_REUSE_FAR 8  /* or than this, where its rows are further apart */
#define LFREC__GEMM_FAR 256      /* than so many floats, so that their lines share few of a cache's sets; */
#define LFREC__GEMM_ABREAST 8    /* to so many panels at a time, to read more than a cache line of a row */
#define LFREC__GEMM_GROUP 48     /* columns of a transposed A copied at a time: whole cache lines, strips of any isa */
#define LFREC__GEMM_AHEAD 256    /* the next strip of A is asked for where it is at least so long, */
#define LFREC__GEMM_MANY 4       /* a part with each panel, at least so many */
#define LFREC__GEMM_AWAY 262144  /* floats of a matrix that no near cache holds */
#define LFREC__GEMM_SOON 32      /* floats ahead in each row of such a transposed A that are asked for */
#define LFREC__GEMM_TALL 12      /* by tiles at least so high, as others seldom meet it */
#define LFREC__GEMM_BROAD_ROWS 6 /* of the highest broad tile */
#define LFREC__GEMM_MOST_ROWS 13 /* the highest tile of any isa */
#define LFREC__GEMM_WAY 1024     /* floats in a way of the nearest cache: rows of A so far apart, or nearly, */
#define LFREC__GEMM_NEARLY 8     /* share its sets: a tile of more rows than these hold would drive out its own */
#define LFREC__GEMM_SHARED 9     /* a second vector with at most so many columns is shared by rows */
#define LFREC__GEMM_SPARE 1024   /* floats of stack for a missing scratch: a panel of any isa at least 32 deep */
#define LFREC__GEMM_B_ROOM (LFREC__GEMM_DEPTH * LFREC__GEMM_COLUMNS)
#define LFREC__GEMM_A_ROOM (LFREC__GEMM_DEPTH * LFREC__GEMM_GROUP)

LFREC_API size_t lfrec_sgemm_scratch_size(void)
{
#if defined(LFREC__VECTORS)
    return sizeof(float) * (LFREC__GEMM_B_ROOM + LFREC__GEMM_A_ROOM) + LFREC__ALIGNMENT;
#else
    return 0;
#endif
}

#if !defined(LFREC__VECTORS)

LFREC_API lfrec_status lfrec_sgemm(const lfrec_gemm *g)
{
    return lfrec_sgemm_reference(g);
}

#else

/* ---- GEMM: vectors --------------------------------------------------------------------------------------------------
 *
 * What a kernel needs of an isa: a vector type lfrec__v_ISA of LANES floats, loaded from any address of a float, and
 *     SPLAT(x)   FMA(x, y, z) = x y + z   LOAD(p)   STORE(p, v)   LOAD_PART(p, part)   STORE_PART(p, v, part)
 * A part, made by PART(w) and of type lfrec__p_ISA, stands for the first w lanes, 1 <= w <= LANES: no float beyond them
 * is touched, and lanes beyond them load as 0. LOAD_LAST reads the only vector of a row of B: that part of it where
 * masks are free, else all of it, from a panel that has been padded. STEPS_AT_ONCE is how the loop over the depth is
 * unrolled: with AVX-512 Intel's cores mispredict the end of 25 steps, not that of 12 times two.
 */
typedef float lfrec__v_portable __attribute__((vector_size(16)));
typedef float lfrec__v_unaligned __attribute__((vector_size(16), aligned(4), may_alias));
typedef unsigned lfrec__p_portable;

LFREC__INLINE lfrec__v_portable lfrec__splat(float x)
{
    const lfrec__v_portable v = {x, x, x, x};
    return v;
}

LFREC__INLINE lfrec__v_portable lfrec__load_part(const float *p, unsigned w)
{
    const lfrec__v_portable v = {p[0], w > 1 ? p[1] : 0, w > 2 ? p[2] : 0, w > 3 ? p[3] : 0};
    return v;
}

LFREC__INLINE void lfrec__store_part(float *p, lfrec__v_portable v, unsigned w)
{
    unsigned i;
    for (i = 0; i < w; i++) p[i] = v[i];
}

#if defined(__clang__) || __GNUC__ >= 12
#define LFREC__SHUFFLE(x, y, a, b, c, d) __builtin_shufflevector(x, y, a, b, c, d)
#else
LFREC__INLINE lfrec__v_portable lfrec__shuffle(lfrec__v_portable x, lfrec__v_portable y, int a, int b, int c, int d)
{
    typedef int pattern __attribute__((vector_size(16)));
    const pattern lanes = {a, b, c, d};
    return __builtin_shuffle(x, y, lanes);
}
#define LFREC__SHUFFLE(x, y, a, b, c, d) lfrec__shuffle(x, y, a, b, c, d)
#endif

#define LFREC__TARGET_portable
#define LFREC__LANES_portable 4
#define LFREC__STEPS_AT_ONCE_portable
#define LFREC__PART_portable(w) (w)
#define LFREC__SPLAT_portable(x) lfrec__splat(x)
#define LFREC__FMA_portable(x, y, z) ((x) * (y) + (z))
#define LFREC__LOAD_portable(p) ((lfrec__v_portable) * (const lfrec__v_unaligned *)(p))
#define LFREC__STORE_portable(p, v) ((void)(*(lfrec__v_unaligned *)(p) = (v)))
#define LFREC__LOAD_PART_portable(p, part) lfrec__load_part(p, part)
#define LFREC__STORE_PART_portable(p, v, part) lfrec__store_part(p, v, part)
#define LFREC__LOAD_LAST_portable(p, part) LFREC__LOAD_portable(p)

#if defined(LFREC__NEON)
typedef float32x4_t lfrec__v_neon;
typedef unsigned lfrec__p_neon;
#define LFREC__TARGET_neon
#define LFREC__LANES_neon 4
#define LFREC__STEPS_AT_ONCE_neon
#define LFREC__PART_neon(w) (w)
#define LFREC__SPLAT_neon(x) vdupq_n_f32(x)
#define LFREC__FMA_neon(x, y, z) vfmaq_f32(z, x, y)
#define LFREC__LOAD_neon(p) vld1q_f32(p)
#define LFREC__STORE_neon(p, v) vst1q_f32(p, v)
#define LFREC__LOAD_PART_neon(p, part) ((float32x4_t)lfrec__load_part(p, part))
#define LFREC__STORE_PART_neon(p, v, part) lfrec__store_part(p, (lfrec__v_portable)(v), part)
#define LFREC__LOAD_LAST_neon(p, part) LFREC__LOAD_neon(p)
#endif

#if defined(LFREC__X86)
typedef __m256 lfrec__v_avx2;
typedef __m256i lfrec__p_avx2;
#define LFREC__TARGET_avx2 __attribute__((target("avx2,fma")))
#define LFREC__LANES_avx2 8
#define LFREC__STEPS_AT_ONCE_avx2
#define LFREC__PART_avx2(w) _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(w)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define LFREC__SPLAT_avx2(x) _mm256_set1_ps(x)
#define LFREC__FMA_avx2(x, y, z) _mm256_fmadd_ps(x, y, z)
#define LFREC__LOAD_avx2(p) _mm256_loadu_ps(p)
#define LFREC__STORE_avx2(p, v) _mm256_storeu_ps(p, v)
#define LFREC__LOAD_PART_avx2(p, part) _mm256_maskload_ps(p, part)
#define LFREC__STORE_PART_avx2(p, v, part) _mm256_maskstore_ps(p, part, v)
#define LFREC__LOAD_LAST_avx2(p, part) LFREC__LOAD_avx2(p)

typedef __m512 lfrec__v_avx512;
typedef __mmask16 lfrec__p_avx512;
#define LFREC__TARGET_avx512 __attribute__((target("avx512f")))
#define LFREC__LANES_avx512 16
#define LFREC__STEPS_AT_ONCE_avx512 LFREC__TWICE
#define LFREC__PART_avx512(w) ((__mmask16)((1u << (w)) - 1u))
#define LFREC__SPLAT_avx512(x) _mm512_set1_ps(x)
#define LFREC__FMA_avx512(x, y, z) _mm512_fmadd_ps(x, y, z)
#define LFREC__LOAD_avx512(p) _mm512_loadu_ps(p)
#define LFREC__STORE_avx512(p, v) _mm512_storeu_ps(p, v)
#define LFREC__LOAD_PART_avx512(p, part) _mm512_maskz_loadu_ps(part, p)
#define LFREC__STORE_PART_avx512(p, v, part) _mm512_mask_storeu_ps(p, part, v)
#define LFREC__LOAD_LAST_avx512(p, part) LFREC__LOAD_PART_avx512(p, part)
#endif

/* ---- GEMM: the tile -------------------------------------------------------------------------------------------------
 *
 * A tile is rows x (1 or 2) vectors of C. Its kernel sums over the whole depth of the block in registers and only then
 * meets alpha, beta and C, which it has asked for early if that pays. A is read through two strides, so A, A
 * transposed and a copy of that are the same to it. `last` columns are the last vector's. A single vector touches that
 * part of C only; a second one ends with the last column, and so begins among the first one's where `last` is less than
 * LANES: no masks, which cost a turn of the multiply-adds at every step (GCC lets them lie in general registers).
 */
typedef struct lfrec__block lfrec__block;
typedef void (*lfrec__tile)(const float *a, const float *b, float *c, unsigned last, const lfrec__block *block);

struct lfrec__block {      /* what all tiles of a block of B share; strides in floats */
    size_t depth, rows;    /* rows: the highest tile to use */
    size_t a_row, a_step;  /* from op(A)[i][p] to [i + 1][p] and to [i][p + 1] */
    size_t b_step, b_next; /* from one row of a panel of B to the next, from one panel to the next */
    size_t c_row;
    float alpha, beta;
    int scale, add;           /* is alpha not 1, is beta not 0 */
    int ask;                  /* is C to be asked for early: it will be read, or is far away */
    int soon;                 /* is a transposed A to be asked for, further along its rows, which are far away */
    const lfrec__tile *broad; /* [rows - 1]: tiles over two whole panels at once; NULL: none that pay */
};

typedef struct lfrec__kernels {
    lfrec__tile tiles[LFREC__GEMM_MOST_ROWS][2]; /* [rows - 1][vectors - 1] */
    size_t rows, lanes;                          /* the largest tile is rows x 2 lanes */
    size_t block;                                /* floats of a block of B at most */
    int masks;                                   /* part of a vector of B may be read where it lies */
} lfrec__kernels;

#if defined(__clang__)
#define LFREC__UNROLL _Pragma("clang loop unroll(full)")
#define LFREC__TWICE /* Clang's code gets slower by it for shallow products */
#else
#define LFREC__UNROLL _Pragma("GCC unroll 16")
#define LFREC__TWICE _Pragma("GCC unroll 2")
#endif

/* Do something for each vector of a tile. Full unrolling is what keeps all of sum in registers. */
#define LFREC__EACH(DO)                   \
    LFREC__UNROLL                         \
    for (i = 0; i < rows; i++) {          \
        LFREC__UNROLL                     \
        for (j = 0; j < vectors; j++) DO; \
    }

/* C = alpha sum + beta C for a tile whose last vector is `width` columns from column `at`. Vectors that overlap hold the
 * same there, and all of a row of C is read before it is written. */
#define LFREC__DEFINE_FINISH(ISA, ROWS)                                                                                  \
    LFREC__TARGET_##ISA LFREC__INLINE void lfrec__finish_##ISA(const unsigned rows, const unsigned vectors,              \
                                                               lfrec__v_##ISA sum[ROWS][2], float *c, const unsigned at, \
                                                               const unsigned width, const lfrec__block *block)          \
    {                                                                                                                    \
        const unsigned end = vectors - 1, whole = width == LFREC__LANES_##ISA;                                           \
        const size_t c_row = block->c_row;                                                                               \
        const lfrec__p_##ISA part = LFREC__PART_##ISA(width);                                                            \
        lfrec__v_##ISA x, y[2];                                                                                          \
        unsigned i, j;                                                                                                   \
        if (block->scale) {                                                                                              \
            x = LFREC__SPLAT_##ISA(block->alpha);                                                                        \
            LFREC__EACH(sum[i][j] *= x)                                                                                  \
        }                                                                                                                \
        if (block->add) {                                                                                                \
            const float *from = c;                                                                                       \
            x = LFREC__SPLAT_##ISA(block->beta);                                                                         \
            LFREC__UNROLL                                                                                                \
            for (i = 0; i < rows; i++, from += c_row) {                                                                  \
                if (end) y[0] = LFREC__LOAD_##ISA(from);                                                                 \
                y[end] = whole ? LFREC__LOAD_##ISA(from + at) : LFREC__LOAD_PART_##ISA(from + at, part);                 \
                LFREC__UNROLL                                                                                            \
                for (j = 0; j < vectors; j++) sum[i][j] = LFREC__FMA_##ISA(x, y[j], sum[i][j]);                          \
            }                                                                                                            \
        }                                                                                                                \
        LFREC__UNROLL                                                                                                    \
        for (i = 0; i < rows; i++, c += c_row) {                                                                         \
            if (end) LFREC__STORE_##ISA(c, sum[i][0]);                                                                   \
            if (whole) LFREC__STORE_##ISA(c + at, sum[i][end]);                                                          \
            else LFREC__STORE_PART_##ISA(c + at, sum[i][end], part);                                                     \
        }                                                                                                                \
    }

/* A tile's sums, with something asked of memory at every step. One pointer serves three rows of A, because an address can
 * scale a stride by 0, 1 or 2 for free. */
#define LFREC__STEPS(ISA, ASK)                                                                         \
    LFREC__STEPS_AT_ONCE_##ISA for (p = block->depth; p > 0; p--, b += b_step)                         \
    {                                                                                                  \
        ASK;                                                                                           \
        if (end) y[0] = LFREC__LOAD_##ISA(b);                                                          \
        y[end] = end ? LFREC__LOAD_##ISA(b + at) : LFREC__LOAD_LAST_##ISA(b, LFREC__PART_##ISA(last)); \
        LFREC__UNROLL                                                                                  \
        for (i = 0; i < rows; i++) {                                                                   \
            x = LFREC__SPLAT_##ISA(triple[i / 3][i % 3 * a_row]);                                      \
            LFREC__UNROLL                                                                              \
            for (j = 0; j < vectors; j++) sum[i][j] = LFREC__FMA_##ISA(x, y[j], sum[i][j]);            \
        }                                                                                              \
        LFREC__UNROLL                                                                                  \
        for (i = 0; i < triples; i++) triple[i] += a_step;                                             \
    }

#define LFREC__DEFINE_TILE(ISA, ROWS)                                                                            \
    LFREC__TARGET_##ISA LFREC__INLINE void lfrec__tile_##ISA(const unsigned rows, const unsigned vectors,        \
                                                             const float *a, const float *b, float *c,           \
                                                             const unsigned last, const lfrec__block *block)     \
    {                                                                                                            \
        const unsigned lanes = LFREC__LANES_##ISA, end = vectors - 1, triples = (rows + 2) / 3;                  \
        const unsigned at = end * last, width = end ? lanes : last; /* the last vector: where, how much of it */ \
        const size_t a_row = block->a_row, a_step = block->a_step, b_step = block->b_step, c_row = block->c_row; \
        const float *triple[(ROWS + 2) / 3];                                                                     \
        lfrec__v_##ISA sum[ROWS][2], x, y[2];                                                                    \
        unsigned i, j;                                                                                           \
        size_t p;                                                                                                \
        LFREC__UNROLL                                                                                            \
        for (i = 0; i < triples; i++) triple[i] = a + 3 * i * a_row;                                             \
        LFREC__EACH(sum[i][j] = LFREC__SPLAT_##ISA(0.0f))                                                        \
        if (block->ask) {                                                                                        \
            LFREC__EACH(__builtin_prefetch(c + i * c_row + j * lanes, 1))                                        \
        }                                                                                                        \
        if (rows >= LFREC__GEMM_TALL && end && block->soon) {                                                    \
            LFREC__STEPS(ISA, __builtin_prefetch(triple[0] + LFREC__GEMM_SOON, 0, 2))                            \
        } else {                                                                                                 \
            LFREC__STEPS(ISA, (void)0)                                                                           \
        }                                                                                                        \
        lfrec__finish_##ISA(rows, vectors, sum, c, at, width, block);                                            \
    }

#define LFREC__DEFINE_TILE_OF(ISA, M, V)                                                                    \
    LFREC__TARGET_##ISA static void lfrec__tile_##ISA##_##M##x##V(const float *a, const float *b, float *c, \
                                                                  unsigned last, const lfrec__block *block) \
    {                                                                                                       \
        lfrec__tile_##ISA(M, V, a, b, c, last, block);                                                      \
    }
#define LFREC__DEFINE_TILES_OF(ISA, M) LFREC__DEFINE_TILE_OF(ISA, M, 1) LFREC__DEFINE_TILE_OF(ISA, M, 2)
#define LFREC__NAME_TILES_OF(ISA, M) {lfrec__tile_##ISA##_##M##x1, lfrec__tile_##ISA##_##M##x2},

#define LFREC__UP_TO_6(DO, ISA) DO(ISA, 1) DO(ISA, 2) DO(ISA, 3) DO(ISA, 4) DO(ISA, 5) DO(ISA, 6)
#define LFREC__UP_TO_12(DO, ISA) \
    LFREC__UP_TO_6(DO, ISA) DO(ISA, 7) DO(ISA, 8) DO(ISA, 9) DO(ISA, 10) DO(ISA, 11) DO(ISA, 12)
#define LFREC__UP_TO_13(DO, ISA) LFREC__UP_TO_12(DO, ISA) DO(ISA, 13)

/* Tiles of every height up to ROWS and both widths, and the table of them. */
/* clang-format off */
#define LFREC__DEFINE_KERNELS(ISA, ROWS, BLOCK, MASKS)   \
    LFREC__DEFINE_FINISH(ISA, ROWS)                      \
    LFREC__DEFINE_TILE(ISA, ROWS)                        \
    LFREC__UP_TO_##ROWS(LFREC__DEFINE_TILES_OF, ISA)     \
    static const lfrec__kernels lfrec__kernels_##ISA = { \
        {LFREC__UP_TO_##ROWS(LFREC__NAME_TILES_OF, ISA)}, ROWS, LFREC__LANES_##ISA, BLOCK, MASKS};
/* clang-format on */

LFREC__DEFINE_KERNELS(portable, 6, LFREC__GEMM_B_ROOM / 2, 0)
#if defined(LFREC__NEON)
LFREC__DEFINE_KERNELS(neon, 12, LFREC__GEMM_B_ROOM / 2, 0)
#endif
#if defined(LFREC__X86)
/* As A's strips cost more to fetch, where they are low or their rows far apart, than B's panels. */
LFREC__DEFINE_KERNELS(avx2, 6, LFREC__GEMM_B_ROOM, 0)
LFREC__DEFINE_KERNELS(avx512, 13, LFREC__GEMM_B_ROOM, 1)
#endif

static const lfrec__kernels *lfrec__kernels_of(lfrec_isa isa)
{
    switch (lfrec__isa(isa)) {
#if defined(LFREC__X86)
    case LFREC_ISA_AVX512: return &lfrec__kernels_avx512;
    case LFREC_ISA_AVX2: return &lfrec__kernels_avx2;
#elif defined(LFREC__NEON)
    case LFREC_ISA_NEON: return &lfrec__kernels_neon;
#endif
    default: return &lfrec__kernels_portable;
    }
}

/* Tiles for AVX-512 alone, of each height: lfrec__NAME with its number of rows. */
#define LFREC__DEFINE_SPECIAL_OF(NAME, M)                                                                         \
    LFREC__TARGET_avx512 static void lfrec__##NAME##_##M(const float *a, const float *b, float *c, unsigned last, \
                                                         const lfrec__block *block)                               \
    {                                                                                                             \
        lfrec__##NAME(M, a, b, c, last, block);                                                                   \
    }
#define LFREC__NAME_SPECIAL_OF(NAME, M) lfrec__##NAME##_##M,

/* ---- GEMM: the narrow tile ------------------------------------------------------------------------------------------
 *
 * A tile's second vector with 9 columns or fewer would leave half its lanes idle, so two rows share it: 8 columns of
 * one, 8 of the next. B's columns stand there twice, and a blend puts the two rows' elements of A beside each other.
 * All rows together share one more vector, `rest`, for the last column: row 2i in lane i, row 2i + 1 in lane 8 + i. So
 * 12 rows of 25 columns take 19 multiply-adds, not 24; the order of each sum, and so its bits, are those of the tile.
 * That pays where blends do not take turns with multiply-adds: on AMD's Zen 5, neither on Zen 4 nor on Intel's.
 */
#if defined(LFREC__TELLS_ZEN)
#define LFREC__NARROW 1
LFREC__TARGET_avx512 LFREC__INLINE void lfrec__narrow(const unsigned rows, const float *a, const float *b, float *c,
                                                      const unsigned last, const lfrec__block *block)
{
    const unsigned lanes = LFREC__LANES_avx512, vectors = 2, triples = (rows + 2) / 3;
    const size_t a_row = block->a_row, a_step = block->a_step, b_step = block->b_step, c_row = block->c_row;
    const __mmask16 eight = LFREC__PART_avx512(last < 8 ? last : 8), upper = 0xff00;
    const float *triple[(LFREC__GEMM_MOST_ROWS + 2) / 3];
    __m512 sum[LFREC__GEMM_MOST_ROWS][2], rest = _mm512_setzero_ps(), x = rest, all = rest, pair, y, twice;
    unsigned i, j;
    size_t p;
    LFREC__UNROLL
    for (i = 0; i < triples; i++) triple[i] = a + 3 * i * a_row;
    LFREC__EACH(sum[i][j] = _mm512_setzero_ps()) /* the pair of rows i and i + 1 is summed in sum[i][1], i even */
    if (block->ask) {
        LFREC__EACH(__builtin_prefetch(c + i * c_row + j * lanes, 1))
    }
    for (p = block->depth; p > 0; p--, b += b_step) {
        y = _mm512_loadu_ps(b);
        twice = _mm512_maskz_loadu_ps(eight, b + lanes);
        twice = _mm512_maskz_shuffle_f32x4(0xffff, twice, twice, 0x44); /* without a mask GCC 12 warns of its own header */
        LFREC__UNROLL
        for (i = 0; i < rows; i++) {
            pair = x;
            x = _mm512_set1_ps(triple[i / 3][i % 3 * a_row]);
            sum[i][0] = _mm512_fmadd_ps(x, y, sum[i][0]);
            if (i % 2 == 0 && i + 1 < rows) continue;
            pair = i % 2 ? _mm512_mask_mov_ps(pair, upper, x) : x;
            sum[i / 2 * 2][1] = _mm512_fmadd_ps(pair, twice, sum[i / 2 * 2][1]);
            all = i > 1 ? _mm512_mask_mov_ps(all, (__mmask16)(0x101u << i / 2), pair) : pair;
        }
        rest = _mm512_fmadd_ps(all, _mm512_set1_ps(b[lanes + last - 1]), rest);
        LFREC__UNROLL
        for (i = 0; i < triples; i++) triple[i] += a_step;
    }
    LFREC__UNROLL
    for (i = rows; i-- > 0;) { /* from the last row: a pair's even row is the one that holds it */
        const int from = i % 2 ? 8 : 0, ninth = 16 + from + (int)i / 2;
        const __m512i columns = _mm512_setr_epi32(from, from + 1, from + 2, from + 3, from + 4, from + 5, from + 6,
                                                  from + 7, ninth, 0, 0, 0, 0, 0, 0, 0);
        sum[i][1] = _mm512_permutex2var_ps(sum[i / 2 * 2][1], columns, rest);
    }
    lfrec__finish_avx512(rows, vectors, sum, c, lanes, last, block);
}

LFREC__UP_TO_13(LFREC__DEFINE_SPECIAL_OF, narrow)
static const lfrec__tile lfrec__narrow_tiles[] = {LFREC__UP_TO_13(LFREC__NAME_SPECIAL_OF, narrow)}; /* [rows - 1] */
#endif

/* The narrow tiles of these kernels; NULL: none that pay. */
static const lfrec__tile *lfrec__narrow_of(const lfrec__kernels *kernels)
{
#if defined(LFREC__NARROW)
    if (kernels == &lfrec__kernels_avx512 && lfrec__zen() == 5) return lfrec__narrow_tiles;
#endif
    (void)kernels;
    return NULL;
}

/* ---- GEMM: the broad tile -------------------------------------------------------------------------------------------
 *
 * 6 rows over two panels side by side, where a tile has 12 over one: as many sums, but A is read half as often, B twice.
 * That pays where A is long and far away, and its rows share a cache's sets.
 */
#if defined(LFREC__X86)
LFREC__TARGET_avx512 LFREC__INLINE void lfrec__broad(const unsigned rows, const float *a, const float *b, float *c,
                                                     const unsigned last, const lfrec__block *block)
{
    const unsigned lanes = LFREC__LANES_avx512, vectors = 2, triples = (rows + 2) / 3;
    const size_t a_row = block->a_row, a_step = block->a_step, b_step = block->b_step, c_row = block->c_row;
    const float *triple[LFREC__GEMM_BROAD_ROWS / 3], *beside = b + block->b_next;
    __m512 sum[LFREC__GEMM_MOST_ROWS][2], more[LFREC__GEMM_MOST_ROWS][2], x, y[2], z[2]; /* as lfrec__finish takes them */
    unsigned i, j;
    size_t p;
    (void)last; /* both panels are whole */
    LFREC__UNROLL
    for (i = 0; i < triples; i++) triple[i] = a + 3 * i * a_row;
    LFREC__EACH(sum[i][j] = more[i][j] = _mm512_setzero_ps())
    if (block->ask) {
        LFREC__EACH(__builtin_prefetch(c + i * c_row + j * lanes, 1))
        LFREC__EACH(__builtin_prefetch(c + i * c_row + (vectors + j) * lanes, 1))
    }
    LFREC__TWICE for (p = block->depth; p > 0; p--, b += b_step, beside += b_step)
    {
        LFREC__UNROLL
        for (j = 0; j < vectors; j++) {
            y[j] = _mm512_loadu_ps(b + j * lanes);
            z[j] = _mm512_loadu_ps(beside + j * lanes);
        }
        LFREC__UNROLL
        for (i = 0; i < rows; i++) {
            x = _mm512_set1_ps(triple[i / 3][i % 3 * a_row]);
            LFREC__UNROLL
            for (j = 0; j < vectors; j++) {
                sum[i][j] = _mm512_fmadd_ps(x, y[j], sum[i][j]);
                more[i][j] = _mm512_fmadd_ps(x, z[j], more[i][j]);
            }
        }
        LFREC__UNROLL
        for (i = 0; i < triples; i++) triple[i] += a_step;
    }
    lfrec__finish_avx512(rows, vectors, sum, c, lanes, lanes, block);
    lfrec__finish_avx512(rows, vectors, more, c + vectors * lanes, lanes, lanes, block);
}

LFREC__UP_TO_6(LFREC__DEFINE_SPECIAL_OF, broad)
static const lfrec__tile lfrec__broad_tiles[] = {LFREC__UP_TO_6(LFREC__NAME_SPECIAL_OF, broad)}; /* [rows - 1] */
#endif

/* Do A's rows share sets of the nearest cache? */
static int lfrec__shares_sets(const lfrec_gemm *g)
{
    const size_t over = g->lda + LFREC__GEMM_NEARLY;
    return !g->transpose_a && over >= LFREC__GEMM_WAY && over % LFREC__GEMM_WAY <= 2 * LFREC__GEMM_NEARLY;
}

/* The broad tiles for blocks of this depth and width; NULL: none that pay. */
static const lfrec__tile *lfrec__broad_of(const lfrec_gemm *g, const lfrec__kernels *kernels, size_t depth, size_t width)
{
#if defined(LFREC__X86)
    const int far = lfrec__shares_sets(g) && g->m > LFREC__GEMM_AWAY / g->k && depth >= LFREC__GEMM_AHEAD;
    if (kernels == &lfrec__kernels_avx512 && far && width >= 4 * kernels->lanes) return lfrec__broad_tiles;
#endif
    (void)g;
    (void)kernels;
    (void)depth;
    (void)width;
    return NULL;
}

/* ---- GEMM: laying out operands ------------------------------------------------------------------------------------*/

LFREC__INLINE size_t lfrec__least(size_t x, size_t y)
{
    return x < y ? x : y;
}

/* to[0 .. width) = from[0 .. width), then zeros up to `padded`, a multiple of 4. */
LFREC__INLINE void lfrec__copy_row(const float *from, size_t width, float *to, size_t padded)
{
    size_t j = 0;
    for (; j + 4 <= width; j += 4) LFREC__STORE_portable(to + j, LFREC__LOAD_portable(from + j));
    if (width >= 4 && j < width) {
        LFREC__STORE_portable(to + width - 4, LFREC__LOAD_portable(from + width - 4)); /* overlaps the last */
        j = width;
    }
    for (; j < padded; j++) to[j] = j < width ? from[j] : 0.0f;
}

/* to (depth x padded) = the transpose of from (width x depth), 4 x 4 floats at a time, in blocks 16 deep because that
 * is a cache line of `from`. Columns beyond `width` repeat the last; nothing that is kept is computed from them. */
static void lfrec__transpose(const float *from, size_t from_row, size_t width, size_t depth, float *to, size_t padded)
{
    size_t top, j, p, q;
    for (top = 0; top < depth; top += 16) {
        const size_t bottom = lfrec__least(top + 16, depth);
        for (j = 0; j < padded; j += 4) {
            const float *row[4];
            float *t = to + top * padded + j;
            for (q = 0; q < 4; q++) row[q] = from + lfrec__least(j + q, width - 1) * from_row;
            for (p = top; p + 4 <= bottom; p += 4, t += 4 * padded) {
                const lfrec__v_portable r0 = LFREC__LOAD_portable(row[0] + p), r1 = LFREC__LOAD_portable(row[1] + p);
                const lfrec__v_portable r2 = LFREC__LOAD_portable(row[2] + p), r3 = LFREC__LOAD_portable(row[3] + p);
                const lfrec__v_portable low01 = LFREC__SHUFFLE(r0, r1, 0, 4, 1, 5);
                const lfrec__v_portable low23 = LFREC__SHUFFLE(r2, r3, 0, 4, 1, 5);
                const lfrec__v_portable high01 = LFREC__SHUFFLE(r0, r1, 2, 6, 3, 7);
                const lfrec__v_portable high23 = LFREC__SHUFFLE(r2, r3, 2, 6, 3, 7);
                LFREC__STORE_portable(t, LFREC__SHUFFLE(low01, low23, 0, 1, 4, 5));
                LFREC__STORE_portable(t + padded, LFREC__SHUFFLE(low01, low23, 2, 3, 6, 7));
                LFREC__STORE_portable(t + 2 * padded, LFREC__SHUFFLE(high01, high23, 0, 1, 4, 5));
                LFREC__STORE_portable(t + 3 * padded, LFREC__SHUFFLE(high01, high23, 2, 3, 6, 7));
            }
            for (; p < bottom; p++, t += padded)
                for (q = 0; q < 4; q++) t[q] = row[q][p];
        }
    }
}

/* A block of B as the tiles read it: panels two vectors wide, the last perhaps partial and elsewhere. */
typedef struct lfrec__panels {
    const float *first, *last;
    size_t row, last_row; /* floats from one row of a panel to the next, in all but the last panel and in the last */
    size_t next;          /* floats from one panel to the next */
} lfrec__panels;

/* Does B get copied before it is read? A transposed one always is. */
static int lfrec__copies_b(const lfrec_gemm *g, const lfrec__kernels *kernels, size_t depth)
{
    const int far = g->ldb > LFREC__GEMM_FAR && depth > LFREC__GEMM_SHALLOW;
    const size_t reuse = far ? LFREC__GEMM_REUSE_FAR : LFREC__GEMM_REUSE;
    return g->transpose_b || (g->m > reuse * kernels->rows && g->n > 2 * kernels->lanes);
}

/* Lay out the depth x width block of op(B) at b, copying to `room` what does not pay or must not be read in place. */
static lfrec__panels lfrec__lay_out(const lfrec_gemm *g, const lfrec__kernels *kernels, const float *b, size_t depth,
                                    size_t width, float *room)
{
    const size_t panel = 2 * kernels->lanes, whole = width / panel * panel;
    lfrec__panels panels;
    size_t few, j, p;
    panels.first = panels.last = room;
    panels.row = panels.last_row = panel;
    panels.next = panel * depth;
    if (g->transpose_b) {
        panels.last = room + whole * depth;
        for (j = 0; j < width; j += panel)
            lfrec__transpose(b + j * g->ldb, g->ldb, lfrec__least(panel, width - j), depth, room + j * depth, panel);
    } else if (lfrec__copies_b(g, kernels, depth)) {
        panels.last = room + whole * depth;
        for (few = 0; few < width; few += LFREC__GEMM_ABREAST * panel)
            for (p = 0; p < depth; p++)
                for (j = few; j < lfrec__least(width, few + LFREC__GEMM_ABREAST * panel); j += panel)
                    lfrec__copy_row(b + p * g->ldb + j, lfrec__least(panel, width - j), room + j * depth + p * panel, panel);
    } else {
        panels.first = b;
        panels.row = g->ldb;
        panels.next = panel;
        if (kernels->masks || width - whole > kernels->lanes) {
            panels.last = b + whole;
            panels.last_row = g->ldb;
        } else {
            for (p = 0; p < depth && whole < width; p++)
                lfrec__copy_row(b + p * g->ldb + whole, width - whole, room + p * panel, panel);
        }
    }
    return panels;
}

/* ---- GEMM: loops --------------------------------------------------------------------------------------------------*/

/* Asks for columns from .. from + part - 1 of a strip of A, which is far away where the product is large. */
LFREC__INLINE void lfrec__ask_strip(const lfrec__block *block, const float *a, size_t rows, size_t from, size_t part)
{
    const size_t end = lfrec__least(from + part, block->depth);
    size_t i, p;
    for (i = 0; i < rows; i++, a += block->a_row)
        for (p = from; p < end; p += 16) __builtin_prefetch(a + p, 0, 2);
}

/* C (m x width) = alpha A B + beta C for one block of B, strip by strip. */
static void lfrec__strips(const lfrec__kernels *kernels, lfrec__block *block, const lfrec__panels *panels, size_t m,
                          size_t width, const float *a, float *c)
{
    const size_t lanes = kernels->lanes, panel = 2 * lanes, partial = width % panel;
    const int ahead = block->a_step == 1 && block->depth >= LFREC__GEMM_AHEAD && width >= LFREC__GEMM_MANY * panel;
    const size_t part = ahead ? (block->depth - 1) / (width / panel) / 16 * 16 + 16 : 0;
    const lfrec__tile *narrow = lfrec__narrow_of(kernels);
    size_t strips = (m - 1) / block->rows + 1, rows = (m - 1) / strips + 1, next, from, many, j;
    for (; strips > 0; strips--, rows = next) {
        const float *b = panels->first;
        m -= rows;
        next = m > 0 ? (m - 1) / (strips - 1) + 1 : 0;
        block->b_step = panels->row;
        block->b_next = panels->next;
        for (j = from = 0; j + panel <= width; j += many * panel, b += many * panels->next, from += many * part) {
            const int pair = block->broad && j + 2 * panel <= width;
            many = pair ? 2 : 1;
            if (ahead) lfrec__ask_strip(block, a + rows * block->a_row, next, from, many * part);
            (pair ? block->broad[rows - 1] : kernels->tiles[rows - 1][1])(a, b, c + j, (unsigned)lanes, block);
        }
        if (partial > 0) {
            const size_t end = (partial - 1) / lanes, last = partial - end * lanes;
            const int share = end && narrow && last <= LFREC__GEMM_SHARED;
            block->b_step = panels->last_row;
            (share ? narrow[rows - 1] : kernels->tiles[rows - 1][end])(a, panels->last, c + j, (unsigned)last, block);
        }
        a += rows * block->a_row;
        c += rows * block->c_row;
    }
}

/* Lines in a set of the nearest cache: 12 since Intel's Ice Lake and AMD's Zen 5, else 8 as a rule. */
static size_t lfrec__ways(void)
{
#if defined(LFREC__TELLS_ZEN)
    if (lfrec__zen() == 5 || (__builtin_cpu_is("intel") && __builtin_cpu_supports("avx512vbmi2"))) return 12;
#endif
    return 8;
}

/* The highest tile that does not lose its own lines of A from the nearest cache. */
static size_t lfrec__most_rows(const lfrec_gemm *g, const lfrec__kernels *kernels)
{
    return lfrec__shares_sets(g) ? lfrec__least(kernels->rows, lfrec__ways()) : kernels->rows;
}

/* The whole product, with `room` floats of scratch: at least a panel's width for each step of depth. */
static void lfrec__gemm_blocked(const lfrec_gemm *g, const lfrec__kernels *kernels, float *scratch, size_t room)
{
    const size_t panel = 2 * kernels->lanes, group = LFREC__GEMM_GROUP;
    const int copy_a = g->transpose_a && g->n > 2 * panel && g->k > LFREC__GEMM_SHALLOW && g->lda > group &&
                       room >= kernels->block + LFREC__GEMM_A_ROOM;
    const size_t b_room = lfrec__least(kernels->block, room); /* and A's is behind it */
    const size_t steps = (g->k - 1) / lfrec__least(LFREC__GEMM_DEPTH, b_room / panel) + 1;
    const size_t depth = (g->k - 1) / steps + 1;
    /* In place a panel at a time stays near, and so does A, if it is the smaller. */
    const int one = depth > LFREC__GEMM_SHALLOW && g->m < g->n && !lfrec__copies_b(g, kernels, depth);
    const size_t columns = one ? panel : lfrec__least(LFREC__GEMM_COLUMNS, b_room / (panel * depth) * panel);
    float *copy = copy_a ? scratch + kernels->block : NULL;
    lfrec__block block;
    size_t column, step, i, p;
    block.broad = lfrec__broad_of(g, kernels, depth, lfrec__least(columns, g->n));
    block.rows = block.broad ? LFREC__GEMM_BROAD_ROWS : lfrec__most_rows(g, kernels);
    block.c_row = g->ldc;
    block.alpha = g->alpha;
    block.scale = g->alpha != 1.0f;
    block.soon = g->transpose_a && !copy_a && g->m > LFREC__GEMM_AWAY / g->k;
    for (column = 0; column < g->n; column += columns) {
        const size_t width = lfrec__least(columns, g->n - column);
        for (step = 0; step < g->k; step += depth) {
            const float *a = g->a + (g->transpose_a ? step * g->lda : step);
            const float *b = g->b + (g->transpose_b ? column * g->ldb + step : step * g->ldb + column);
            lfrec__panels panels;
            block.depth = lfrec__least(depth, g->k - step);
            block.beta = step == 0 ? g->beta : 1.0f;
            block.add = block.beta != 0.0f;
            block.ask = block.add || g->m > LFREC__GEMM_AWAY / g->n;
            panels = lfrec__lay_out(g, kernels, b, block.depth, width, scratch);
            if (copy_a) {
                block.a_row = 1;
                block.a_step = group;
                for (i = 0; i < g->m; i += group) {
                    const size_t rows = lfrec__least(group, g->m - i);
                    for (p = 0; p < block.depth; p++) lfrec__copy_row(a + p * g->lda + i, rows, copy + p * group, rows);
                    lfrec__strips(kernels, &block, &panels, rows, width, copy, g->c + i * g->ldc + column);
                }
            } else {
                block.a_row = g->transpose_a ? 1 : g->lda;
                block.a_step = g->transpose_a ? g->lda : 1;
                lfrec__strips(kernels, &block, &panels, g->m, width, a, g->c + column);
            }
        }
    }
}

LFREC_API lfrec_status lfrec_sgemm(const lfrec_gemm *g)
{
    float spare[LFREC__GEMM_SPARE];
    LFREC__TRY(lfrec__gemm_check(g));
    if (g->m == 0 || g->n == 0) return LFREC_OK;
    if (!lfrec__gemm_reads(g)) {
        lfrec__gemm_plain(g); /* beta C */
        return LFREC_OK;
    }
    const lfrec__kernels *kernels = lfrec__kernels_of(g->isa);
    const lfrec__arena scratch = lfrec__arena_over(g->scratch ? g->scratch : spare, g->scratch ? g->scratch_bytes : 0);
    if (scratch.capacity >= sizeof spare)
        lfrec__gemm_blocked(g, kernels, (float *)(void *)scratch.base, scratch.capacity / sizeof(float));
    else lfrec__gemm_blocked(g, kernels, spare, LFREC__GEMM_SPARE);
    return LFREC_OK;
}

#endif /* LFREC__VECTORS */

/* ===[ row kernels ]================================================================================================ */

/* The loops over a history that folding in and the sparse path of training consist of. S is the stride: floats from row
 * to row, all of which take part (the padding is 0 and stays 0). A hidden or absent rating has input 0 and adds
 * nothing.
 *
 *     encode   h += sum over k of x[k] L_item[k]                     item NULL: rows 0, 1, 2, ...
 *     decode   y[k] = F_item[k] . h                                  here, too, and in the next
 *     outer    M += sum over k of t[k] F_item[k] F_item[k]'          M is S x S; only its lower triangle counts
 *     apply    Y[k] = F_item[k] M                                    Y is n x S
 *     back     G = sum over k of g[k] F_item[k], and dF_item[k] += g[k] h
 *     front    dL_item[k] += x[k] G
 *     step     w = w - rate v, v = momentum v + (gradient + decay w), element by element; v NULL: no momentum
 *     coast    w = w + a[0] v + a[1] w, v = a[2] v + a[3] w, from the old w and v: steps without a gradient
 *     learn    one user's step of LFREC_SGD, in two functions (the encoder's moves the priors too), and of LFREC_BAYES
 *
 * A dot product is 16 partial sums, one for each column modulo 16, added as a tree: lane l + 8 to lane l, then 4, 2, 1.
 * The plain and the vector loops do the same additions in the same order, and so give the same bits (without FMA
 * contraction). */
typedef struct lfrec__sgd { /* one user's step of LFREC_SGD; shapes and names as in "THE SGD SETTING" */
    size_t n;
    const uint32_t *item;
    const float *preference, *input; /* n each: p, and n^-1/2 p where visible */
    const uint8_t *hidden;
    const float *root; /* I: n_i^-1/2 */
    float *decoder, *prior, *offset, *encoder, *implicit;
    const float *h;
    float *G, *pull;  /* K each; pull: sum of n_i^-1/2 (F_i - f0_i); learn_encoder takes what the priors move by */
    float *predicted; /* n: o_i + F_i . h before the step */
    float rate, weight, decay, scale, gain_square;
    const uint32_t *ahead; /* items of the next user, so many, whose rows memory is asked for */
    size_t ahead_n;
} lfrec__sgd;

typedef struct lfrec__bayes { /* one user's step of LFREC_BAYES; shapes and names as in "THE BAYES SETTING" */
    size_t n;
    const uint32_t *item;
    const float *error, *spread;    /* n each: x - F_i . h, and the variance of x */
    const float *root;              /* I: n_i^-1/2 */
    const float *known;             /* n x S: F_i S, for at most LFREC__BLOCK ratings at a time */
    const float *h, *square, *free; /* S each: h; h^2 + diagonal of S; both 0 where an item is not free, which is 0 here */
    const float *lambda, *a, *a_Y;                                                                   /* S each */
    float *decoder, *prior, *implicit, *variance, *item_precision, *implicit_precision, *item_error; /* of items */
    const float *precision;                                                                          /* I: tau_i */
    float *pull, *X;       /* S each: as in lfrec__sgd */
    const float *move;     /* S: lambda omega (h - m) n^-1/2 */
    float tau, push, rho;  /* tau_u; omega_u / n; rho */
    const uint32_t *ahead; /* as in lfrec__sgd */
    size_t ahead_n;
    lfrec_real nu; /* comes to: sum of tau_i (e^2 + variance + h^2 V) */
} lfrec__bayes;

#define LFREC__PULL 0.04f /* d_i = PULL + PULL_RARE / n_i, */
#define LFREC__PULL_RARE 30.0f
#define LFREC__PULL_MOST 0.9f     /* with rate d_i at most this */
#define LFREC__OFFSET_RATE 0.2f   /* of the rate of the rest */
#define LFREC__SGD_DEVIATION 0.9f /* what preferences are scaled to */
#define LFREC__CONSTANTS 5u
#define LFREC__SGD_LONG 1000.0f /* a longer history's gradient counts as this long: keeps the step finite */

typedef struct lfrec__rows {
    void (*encode)(size_t S, size_t n, const uint32_t *item, const float *x, const float *L, float *h);
    void (*decode)(size_t S, size_t n, const uint32_t *item, const float *F, const float *h, float *y);
    void (*outer)(size_t S, size_t n, const uint32_t *item, const float *t, const float *F, float *M);
    void (*apply)(size_t S, size_t n, const uint32_t *item, const float *F, const float *M, float *Y);
    void (*back)(size_t S, size_t n, const uint32_t *item, const float *g, const float *F, const float *h, float *G,
                 float *dF);
    void (*front)(size_t S, size_t n, const uint32_t *item, const float *x, const float *G, float *dL);
    void (*step)(size_t count, float *w, const float *gradient, float *v, float rate, float momentum, float decay);
    void (*coast)(size_t count, float *w, float *v, const float *a);
    void (*learn_decoder)(size_t S, const lfrec__sgd *u);
    void (*learn_encoder)(size_t S, const lfrec__sgd *u);
    void (*learn_bayes)(size_t S, lfrec__bayes *u);
} lfrec__rows;

/* The two numbers that an item's step needs besides vectors: its error, and how far it is drawn to its prior. */
LFREC__INLINE float lfrec__sgd_error(const lfrec__sgd *u, size_t k, float dot)
{
    const float y = u->offset[u->item[k]] + dot;
    u->predicted[k] = y;
    const float e = (u->hidden[k] ? u->weight : 1.0f - u->weight) * (y - u->preference[k]);
    u->offset[u->item[k]] -= LFREC__OFFSET_RATE * u->rate * e;
    return e;
}

LFREC__INLINE float lfrec__sgd_pull(const lfrec__sgd *u, float root)
{
    const float most = LFREC__PULL_MOST / u->rate, pull = LFREC__PULL + LFREC__PULL_RARE * root * root;
    return pull < most ? pull : most;
}

LFREC__INTERNAL float lfrec__tree16(float *lane)
{
    for (int half = 8; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    }
    return lane[0];
}

LFREC__INTERNAL float lfrec__dot(size_t S, const float *a, const float *b)
{
    float lane[16];
    for (int l = 0; l < 16; l++) lane[l] = 0.0f;
    for (size_t q = 0; q < S; q++) lane[q % 16] += a[q] * b[q];
    return lfrec__tree16(lane);
}

/* |a - b|^2 over n columns. */
LFREC__INTERNAL float lfrec__square_between(size_t n, const float *a, const float *b)
{
    float square = 0.0f;
    for (size_t q = 0; q < n; q++) square += (a[q] - b[q]) * (a[q] - b[q]);
    return square;
}

LFREC__INTERNAL void lfrec__encode_plain(size_t S, size_t n, const uint32_t *item, const float *x, const float *L, float *h)
{
    for (size_t k = 0; k < n; k++) {
        const float *row = L + (item ? item[k] : k) * S;
        for (size_t q = 0; q < S; q++) h[q] += x[k] * row[q];
    }
}

LFREC__INTERNAL void lfrec__outer_plain(size_t S, size_t n, const uint32_t *item, const float *t, const float *F, float *M)
{
    for (size_t k = 0; k < n; k++) {
        const float *row = F + (item ? item[k] : k) * S;
        for (size_t q = 0; q < S; q++) {
            for (size_t c = 0; c <= q; c++) M[q * S + c] += row[q] * (t[k] * row[c]);
        }
    }
}

LFREC__INTERNAL void lfrec__apply_plain(size_t S, size_t n, const uint32_t *item, const float *F, const float *M, float *Y)
{
    lfrec__zero(Y, n * S * sizeof(float));
    for (size_t k = 0; k < n; k++) {
        const float *row = F + (item ? item[k] : k) * S;
        for (size_t q = 0; q < S; q++) {
            for (size_t c = 0; c < S; c++) Y[k * S + c] += row[q] * M[q * S + c];
        }
    }
}

LFREC__INTERNAL void lfrec__decode_plain(size_t S, size_t n, const uint32_t *item, const float *F, const float *h, float *y)
{
    for (size_t k = 0; k < n; k++) y[k] = lfrec__dot(S, F + (item ? item[k] : k) * S, h);
}

#ifndef LFREC_NO_TRAINING
LFREC__INTERNAL void lfrec__back_plain(size_t S, size_t n, const uint32_t *item, const float *g, const float *F,
                                       const float *h, float *G, float *dF)
{
    for (size_t q = 0; q < S; q++) G[q] = 0.0f;
    for (size_t k = 0; k < n; k++) {
        const float *row = F + item[k] * S;
        float *gradient = dF + item[k] * S;
        for (size_t q = 0; q < S; q++) {
            G[q] += g[k] * row[q];
            gradient[q] += g[k] * h[q];
        }
    }
}

LFREC__INTERNAL void lfrec__front_plain(size_t S, size_t n, const uint32_t *item, const float *x, const float *G, float *dL)
{
    for (size_t k = 0; k < n; k++) {
        float *gradient = dL + item[k] * S;
        for (size_t q = 0; q < S; q++) gradient[q] += x[k] * G[q];
    }
}

LFREC__INTERNAL void lfrec__learn_decoder_plain(size_t S, const lfrec__sgd *u)
{
    for (size_t q = 0; q < S; q++) u->G[q] = u->pull[q] = 0.0f;
    for (size_t k = 0; k < u->n; k++) {
        float *F = u->decoder + u->item[k] * S;
        const float *prior = u->prior + u->item[k] * S, root = u->root[u->item[k]];
        const float e = lfrec__sgd_error(u, k, lfrec__dot(S, F, u->h)), pull = lfrec__sgd_pull(u, root);
        for (size_t q = 0; q < S; q++) {
            u->G[q] += e * F[q];
            F[q] -= u->rate * (e * u->h[q] + pull * (F[q] - prior[q]));
            u->pull[q] += root * (F[q] - prior[q]);
        }
    }
}

LFREC__INTERNAL void lfrec__learn_encoder_plain(size_t S, const lfrec__sgd *u)
{
    for (size_t k = 0; k < u->n; k++) {
        float *prior = u->prior + u->item[k] * S;
        for (size_t q = 0; q < S; q++) prior[q] += u->root[u->item[k]] * u->pull[q];
        if (u->hidden[k]) continue;
        float *Y = u->implicit + u->item[k] * S, *L = u->encoder + u->item[k] * S;
        const float input = u->gain_square * u->input[k];
        for (size_t q = 0; q < S; q++) {
            Y[q] -= u->rate * (u->scale * u->G[q] + u->decay * Y[q]);
            L[q] -= u->rate * (input * u->G[q] + u->decay * L[q]);
        }
    }
}

/* The numbers of an item's step besides vectors; returns the rating's precision tau_i tau_u. `known` is F S F',
 * `unknown` h^2 V. */
LFREC__INLINE float lfrec__bayes_errors(lfrec__bayes *u, size_t k, float known, float unknown)
{
    const uint32_t item = u->item[k];
    const float tau = u->precision[item], square = u->error[k] * u->error[k] + u->spread[k] + unknown;
    u->nu += (lfrec_real)(tau * square);
    u->item_error[item] += u->tau * (square + known);
    return tau * u->tau;
}

LFREC__INTERNAL void lfrec__learn_bayes_plain(size_t S, lfrec__bayes *u)
{
    for (size_t k = 0; k < u->n; k++) {
        const size_t at = u->item[k] * S;
        float *F = u->decoder + at, *V = u->variance + at, *D = u->item_precision + at;
        float *Y = u->implicit + at, *E = u->implicit_precision + at;
        const float *prior = u->prior + at, *known = u->known + k * S;
        float unknown[16];
        for (int l = 0; l < 16; l++) unknown[l] = 0.0f;
        for (size_t q = 0; q < S; q++) unknown[q % 16] += u->h[q] * u->h[q] * V[q];
        const float t = lfrec__bayes_errors(u, k, lfrec__dot(S, F, known), lfrec__tree16(unknown));
        const float root = u->root[u->item[k]], share = root * root, left = 1.0f - share, e = u->error[k];
        for (size_t q = 0; q < S; q++) {
            const float a = share * u->a[q], p = t * u->square[q] + a;
            const float g = u->free[q] * (t * (e * u->h[q] - known[q]) + a * (prior[q] - F[q]));
            D[q] = left * D[q] + p;
            F[q] += u->rho * g / (u->rho * p + D[q]);
            V[q] = u->free[q] / D[q];
            u->pull[q] += root * (F[q] - prior[q]);
        }
        for (size_t q = 0; q < S; q++) {
            const float a = share * u->a_Y[q];
            E[q] = left * E[q] + (u->push * u->lambda[q] + a);
            Y[q] += (u->move[q] - a * Y[q]) / E[q];
        }
    }
}

LFREC__INTERNAL void lfrec__step_plain(size_t count, float *w, const float *gradient, float *v, float rate,
                                       float momentum, float decay)
{
    for (size_t k = 0; k < count; k++) {
        float move = gradient[k] + decay * w[k];
        if (v) v[k] = move = momentum * v[k] + move;
        w[k] -= rate * move;
    }
}

LFREC__INTERNAL void lfrec__coast_plain(size_t count, float *w, float *v, const float *a)
{
    for (size_t k = 0; k < count; k++) {
        const float from = w[k], old = v[k];
        w[k] = from + (a[0] * old + a[1] * from);
        v[k] = a[2] * old + a[3] * from;
    }
}
#endif

#ifdef LFREC__VECTORS

/* Vectors at any float's address. Each instruction set works in its own width: a wider type than the registers' would
 * live in memory. */
typedef float lfrec__v4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef float lfrec__v8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef float lfrec__v16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint32_t lfrec__items4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t lfrec__four __attribute__((vector_size(16))); /* what comparing two lfrec__v4 gives: 0 or -1 */

/* Asks memory for the item's rows of two arrays. Inline: GCC takes a function that does nothing else for one without
 * effect. */
LFREC__INLINE void lfrec__ask(size_t S, size_t item, const float *a, const float *b)
{
    for (size_t q = item * S; q < (item + 1) * S; q += 16) {
        __builtin_prefetch(a + q);
        __builtin_prefetch(b + q);
    }
}

/* A row that is read after those before it: else compilers mix the loads of rows that lie one behind the other, and
 * memory, which looks ahead along them, loses its place. */
LFREC__INLINE const float *lfrec__in_turn(const float *row)
{
    __asm__ volatile("" : "+r"(row));
    return row;
}

#define LFREC__AT(V, p) (*(V *)(p))
#define LFREC__OF(V, p) (*(const V *)(p))

/* For loops whose length is a constant only at the usual strides: Clang unrolls those by itself and complains about the
 * others. */
#if defined(__clang__)
#define LFREC__UNROLL_SOME
#else
#define LFREC__UNROLL_SOME _Pragma("GCC unroll 8")
#endif

/* The tree over 16 partial sums, which are 4 vectors of 4, 2 of 8 or 1 of 16. */
LFREC__INLINE float lfrec__tree_4(const lfrec__v4 *sum)
{
    const lfrec__v4 b = (sum[0] + sum[2]) + (sum[1] + sum[3]);
    return (b[0] + b[2]) + (b[1] + b[3]);
}

/* The trees of as many rows as a vector has lanes, in halves: row r's sums are sum[r * 16 / L] and those behind it. The
 * same additions; what shuffles bring together are the halves of two rows instead of one's. */
LFREC__INLINE void lfrec__trees_4(const lfrec__v4 *sum, float *y)
{
    LFREC__UNROLL for (size_t r = 0; r < 4; r++) y[r] = lfrec__tree_4(sum + 4 * r);
}

#ifdef LFREC__X86
__attribute__((target("avx2"))) LFREC__INLINE float lfrec__tree_8(const lfrec__v8 *sum)
{
    const __m256 a = (__m256)(sum[0] + sum[1]);
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
}

__attribute__((target("avx2"))) LFREC__INLINE void lfrec__trees_8(const lfrec__v8 *sum, float *y)
{
    static const unsigned char row[8] = {0, 2, 1, 3, 4, 6, 5, 7}; /* that end in order */
    __m256 v[8];
    LFREC__UNROLL for (size_t r = 0; r < 8; r++) v[row[r]] = (__m256)(sum[2 * r] + sum[2 * r + 1]);
    LFREC__UNROLL for (size_t r = 0; r < 4; r++)
    {
        v[r] = _mm256_add_ps(_mm256_permute2f128_ps(v[r], v[r + 4], 0x20), _mm256_permute2f128_ps(v[r], v[r + 4], 0x31));
    }
    LFREC__UNROLL for (size_t r = 0; r < 2; r++)
    {
        v[r] = _mm256_add_ps(_mm256_shuffle_ps(v[r], v[r + 2], 0x44), _mm256_shuffle_ps(v[r], v[r + 2], 0xee));
    }
    _mm256_storeu_ps(y, _mm256_add_ps(_mm256_shuffle_ps(v[0], v[1], 0x88), _mm256_shuffle_ps(v[0], v[1], 0xdd)));
}

__attribute__((target("avx512f"))) LFREC__INLINE float lfrec__tree_16(const lfrec__v16 *sum)
{
    const __m512d v = _mm512_castps_pd((__m512)sum[0]); /* extraction by halves is there for doubles only */
    const __m256d low = _mm512_maskz_extractf64x4_pd(255, v, 0), high = _mm512_maskz_extractf64x4_pd(255, v, 1);
    const __m256 a = _mm256_add_ps(_mm256_castpd_ps(low), _mm256_castpd_ps(high));
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
}

/* Whole masks, as the functions without one start from undefined registers, which some compilers warn of. */
#define LFREC__HALVES(how, a, b, low, high) \
    _mm512_add_ps(_mm512_maskz_shuffle_##how(65535, a, b, low), _mm512_maskz_shuffle_##how(65535, a, b, high))

__attribute__((target("avx512f"))) LFREC__INLINE void lfrec__trees_16(const lfrec__v16 *sum, float *y)
{
    static const unsigned char row[16] = {0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15};
    __m512 v[16];
    LFREC__UNROLL for (size_t r = 0; r < 16; r++) v[row[r]] = (__m512)sum[r];
    LFREC__UNROLL for (size_t r = 0; r < 8; r++) v[r] = LFREC__HALVES(f32x4, v[r], v[r + 8], 0x44, 0xee);
    LFREC__UNROLL for (size_t r = 0; r < 4; r++) v[r] = LFREC__HALVES(f32x4, v[r], v[r + 4], 0x88, 0xdd);
    LFREC__UNROLL for (size_t r = 0; r < 2; r++) v[r] = LFREC__HALVES(ps, v[r], v[r + 2], 0x44, 0xee);
    _mm512_storeu_ps(y, LFREC__HALVES(ps, v[0], v[1], 0x88, 0xdd));
}
#endif

/* One set of the functions for one instruction set with vectors V of L lanes. The functions named *_by work on W
 * columns at a time, W = 16, 32 or 64 and S a multiple of it, or on S columns: a constant once inlined, so that sums
 * stay in registers. Some work with a copy of *user: a store to a row could have changed the original, which would be
 * read again after each. */
#define LFREC__SERVING_ROWS(name, target, V, L)                                                                       \
    target LFREC__INLINE void lfrec__sums_##name(size_t S, const float *a, const float *b, V *sum)                    \
    {                                                                                                                 \
        LFREC__UNROLL for (size_t l = 0; l < 16 / L; l++) sum[l] = LFREC__OF(V, a + l * L) * LFREC__OF(V, b + l * L); \
        LFREC__UNROLL_SOME for (size_t q = 16; q < S; q += 16)                                                        \
        {                                                                                                             \
            LFREC__UNROLL for (size_t l = 0; l < 16 / L; l++) sum[l] +=                                               \
                LFREC__OF(V, a + q + l * L) * LFREC__OF(V, b + q + l * L);                                            \
        }                                                                                                             \
    }                                                                                                                 \
    target LFREC__INLINE float lfrec__dot_##name(size_t S, const float *a, const float *b)                            \
    {                                                                                                                 \
        V sum[16 / L];                                                                                                \
        lfrec__sums_##name(S, a, b, sum);                                                                             \
        return lfrec__tree_##L(sum);                                                                                  \
    }                                                                                                                 \
    target LFREC__INLINE void lfrec__encode_by_##name(size_t W, size_t S, size_t n, const uint32_t *item,             \
                                                      const float *x, const float *rows, float *h)                    \
    {                                                                                                                 \
        for (size_t c = 0; c < S; c += W) {                                                                           \
            V sum[64 / L];                                                                                            \
            LFREC__UNROLL for (size_t q = 0; q < W / L; q++) sum[q] = LFREC__OF(V, h + c + q * L);                    \
            for (size_t k = 0; k < n; k++) {                                                                          \
                const float *row = rows + (item ? item[k] : k) * S + c;                                               \
                LFREC__UNROLL for (size_t q = 0; q < W / L; q++) sum[q] += x[k] * LFREC__OF(V, row + q * L);          \
            }                                                                                                         \
            LFREC__UNROLL for (size_t q = 0; q < W / L; q++) LFREC__AT(V, h + c + q * L) = sum[q];                    \
        }                                                                                                             \
    }                                                                                                                 \
    target LFREC__INTERNAL void lfrec__encode_##name(size_t S, size_t n, const uint32_t *item, const float *x,        \
                                                     const float *rows, float *h)                                     \
    {                                                                                                                 \
        if (S % 64 == 0) lfrec__encode_by_##name(64, S, n, item, x, rows, h);                                         \
        else if (S % 32 == 0) lfrec__encode_by_##name(32, S, n, item, x, rows, h);                                    \
        else lfrec__encode_by_##name(16, S, n, item, x, rows, h);                                                     \
    }                                                                                                                 \
    target LFREC__INLINE void lfrec__decode_by_##name(size_t S, size_t n, const uint32_t *item, const float *F,       \
                                                      const float *h, float *y)                                       \
    {                                                                                                                 \
        size_t k = 0;                                                                                                 \
        for (; k + L <= n; k += L) {                                                                                  \
            V sum[16];                                                                                                \
            LFREC__UNROLL for (size_t r = 0; r < L; r++)                                                              \
                lfrec__sums_##name(S, lfrec__in_turn(F + (item ? item[k + r] : k + r) * S), h, sum + r * (16 / L));   \
            lfrec__trees_##L(sum, y + k);                                                                             \
        }                                                                                                             \
        for (; k < n; k++) y[k] = lfrec__dot_##name(S, F + (item ? item[k] : k) * S, h);                              \
    }                                                                                                                 \
    target LFREC__INTERNAL void lfrec__decode_##name(size_t S, size_t n, const uint32_t *item, const float *F,        \
                                                     const float *h, float *y)                                        \
    {                                                                                                                 \
        if (S == 16) lfrec__decode_by_##name(16, n, item, F, h, y);                                                   \
        else if (S == 32) lfrec__decode_by_##name(32, n, item, F, h, y);                                              \
        else if (S == 64) lfrec__decode_by_##name(64, n, item, F, h, y);                                              \
        else lfrec__decode_by_##name(S, n, item, F, h, y);                                                            \
    }                                                                                                                 \
    target LFREC__INLINE void lfrec__outer_at_##name(size_t W, size_t S, size_t n, const uint32_t *item,              \
                                                     const float *t, const float *F, float *M, size_t r, size_t c)    \
    {                                                                                                                 \
        V sum[16];                                                                                                    \
        LFREC__UNROLL for (size_t q = 0; q < 8 * W; q++) sum[q] = LFREC__OF(V, M + (r + q / W) * S + c + q % W * L);  \
        for (size_t k = 0; k < n; k++) {                                                                              \
            const float *row = F + (item ? item[k] : k) * S;                                                          \
            V scaled[2];                                                                                              \
            LFREC__UNROLL for (size_t l = 0; l < W; l++) scaled[l] = t[k] * LFREC__OF(V, row + c + l * L);            \
            LFREC__UNROLL for (size_t q = 0; q < 8 * W; q++) sum[q] += row[r + q / W] * scaled[q % W];                \
        }                                                                                                             \
        LFREC__UNROLL for (size_t q = 0; q < 8 * W; q++) LFREC__AT(V, M + (r + q / W) * S + c + q % W * L) = sum[q];  \
    }                                                                                                                 \
    target LFREC__INLINE void lfrec__outer_by_##name(size_t S, size_t n, const uint32_t *item, const float *t,        \
                                                     const float *F, float *M)                                        \
    {                                                                                                                 \
        for (size_t r = 0; r < S; r += 8) {                                                                           \
            size_t c = 0;                                                                                             \
            for (; L == 16 && c + L < r + 8; c += 2 * L) lfrec__outer_at_##name(2, S, n, item, t, F, M, r, c);        \
            for (; c < r + 8; c += L) lfrec__outer_at_##name(1, S, n, item, t, F, M, r, c);                           \
        }                                                                                                             \
    }                                                                                                                 \
    target LFREC__INTERNAL void lfrec__outer_##name(size_t S, size_t n, const uint32_t *item, const float *t,         \
                                                    const float *F, float *M)                                         \
    {                                                                                                                 \
        if (S == 32) lfrec__outer_by_##name(32, n, item, t, F, M);                                                    \
        else if (S == 64) lfrec__outer_by_##name(64, n, item, t, F, M);                                               \
        else lfrec__outer_by_##name(S, n, item, t, F, M);                                                             \
    }                                                                                                                 \
    target LFREC__INLINE void lfrec__apply_by_##name(size_t many, size_t S, const float *const *row, const float *M,  \
                                                     float *Y)                                                        \
    {                                                                                                                 \
        for (size_t c = 0; c < S; c += L) {                                                                           \
            const V zero = {0.0f};                                                                                    \
            V sum[8];                                                                                                 \
            LFREC__UNROLL for (size_t k = 0; k < many; k++) sum[k] = zero;                                            \
            for (size_t q = 0; q < S; q++) {                                                                          \
                const V m = LFREC__OF(V, M + q * S + c);                                                              \
                LFREC__UNROLL for (size_t k = 0; k < many; k++) sum[k] += row[k][q] * m;                              \
            }                                                                                                         \
            LFREC__UNROLL for (size_t k = 0; k < many; k++) LFREC__AT(V, Y + k * S + c) = sum[k];                     \
        }                                                                                                             \
    }                                                                                                                 \
    target LFREC__INTERNAL void lfrec__apply_##name(size_t S, size_t n, const uint32_t *item, const float *F,         \
                                                    const float *M, float *Y)                                         \
    {                                                                                                                 \
        for (size_t first = 0, many; first < n; first += many) {                                                      \
            const float *row[8];                                                                                      \
            many = n - first < 8 ? 1 : 8;                                                                             \
            for (size_t k = 0; k < many; k++) row[k] = F + (item ? item[first + k] : first + k) * S;                  \
            if (many == 8) lfrec__apply_by_##name(8, S, row, M, Y + first * S);                                       \
            else lfrec__apply_by_##name(1, S, row, M, Y + first * S);                                                 \
        }                                                                                                             \
    }

#ifndef LFREC_NO_TRAINING
#define LFREC__TRAINING_ROWS(name, target, V, L)                                                                           \
    target LFREC__INLINE void lfrec__back_by_##name(size_t W, size_t S, size_t n, const uint32_t *item, const float *g,    \
                                                    const float *F, const float *h, float *G, float *dF)                   \
    {                                                                                                                      \
        for (size_t c = 0; c < S; c += W) {                                                                                \
            const V zero = {0.0f};                                                                                         \
            V sum[64 / L];                                                                                                 \
            LFREC__UNROLL for (size_t q = 0; q < W / L; q++) sum[q] = zero;                                                \
            for (size_t k = 0; k < n; k++) {                                                                               \
                const float *row = F + item[k] * S + c;                                                                    \
                float *gradient = dF + item[k] * S + c;                                                                    \
                LFREC__UNROLL for (size_t q = 0; q < W / L; q++)                                                           \
                {                                                                                                          \
                    sum[q] += g[k] * LFREC__OF(V, row + q * L);                                                            \
                    LFREC__AT(V, gradient + q * L) += g[k] * LFREC__OF(V, h + c + q * L);                                  \
                }                                                                                                          \
            }                                                                                                              \
            LFREC__UNROLL for (size_t q = 0; q < W / L; q++) LFREC__AT(V, G + c + q * L) = sum[q];                         \
        }                                                                                                                  \
    }                                                                                                                      \
    target LFREC__INTERNAL void lfrec__back_##name(size_t S, size_t n, const uint32_t *item, const float *g,               \
                                                   const float *F, const float *h, float *G, float *dF)                    \
    {                                                                                                                      \
        if (S % 64 == 0) lfrec__back_by_##name(64, S, n, item, g, F, h, G, dF);                                            \
        else if (S % 32 == 0) lfrec__back_by_##name(32, S, n, item, g, F, h, G, dF);                                       \
        else lfrec__back_by_##name(16, S, n, item, g, F, h, G, dF);                                                        \
    }                                                                                                                      \
    target LFREC__INTERNAL void lfrec__front_##name(size_t S, size_t n, const uint32_t *item, const float *x,              \
                                                    const float *G, float *dL)                                             \
    {                                                                                                                      \
        for (size_t k = 0; k < n; k++) {                                                                                   \
            float *gradient = dL + item[k] * S;                                                                            \
            LFREC__UNROLL_SOME for (size_t q = 0; q < S; q += L) LFREC__AT(V, gradient + q) += x[k] * LFREC__OF(V, G + q); \
        }                                                                                                                  \
    }                                                                                                                      \
    target LFREC__INTERNAL void lfrec__step_##name(size_t count, float *w, const float *gradient, float *v,                \
                                                   float rate, float momentum, float decay)                                \
    {                                                                                                                      \
        for (size_t k = 0; k < count; k += L) {                                                                            \
            V move = LFREC__OF(V, gradient + k) + decay * LFREC__OF(V, w + k);                                             \
            if (v) {                                                                                                       \
                move = momentum * LFREC__OF(V, v + k) + move;                                                              \
                LFREC__AT(V, v + k) = move;                                                                                \
            }                                                                                                              \
            LFREC__AT(V, w + k) -= rate * move;                                                                            \
        }                                                                                                                  \
    }                                                                                                                      \
    target LFREC__INTERNAL void lfrec__coast_##name(size_t count, float *w, float *v, const float *a)                      \
    {                                                                                                                      \
        for (size_t k = 0; k < count; k += L) {                                                                            \
            const V from = LFREC__OF(V, w + k), old = LFREC__OF(V, v + k);                                                 \
            LFREC__AT(V, w + k) = from + (a[0] * old + a[1] * from);                                                       \
            LFREC__AT(V, v + k) = a[2] * old + a[3] * from;                                                                \
        }                                                                                                                  \
    }                                                                                                                      \
    target LFREC__INLINE void lfrec__learn_decoder_by_##name(size_t S, const lfrec__sgd *user)                             \
    {                                                                                                                      \
        const lfrec__sgd local = *user, *u = &local;                                                                       \
        const V zero = {0.0f};                                                                                             \
        for (size_t q = 0; q < S; q += L) LFREC__AT(V, u->G + q) = LFREC__AT(V, u->pull + q) = zero;                       \
        for (size_t k = 0; k < u->n; k++) {                                                                                \
            if (k < u->ahead_n) lfrec__ask(S, u->ahead[k], u->decoder, u->prior);                                          \
            float *F = u->decoder + u->item[k] * S;                                                                        \
            const float *prior = u->prior + u->item[k] * S, root = u->root[u->item[k]];                                    \
            const float e = lfrec__sgd_error(u, k, lfrec__dot_##name(S, F, u->h)), pull = lfrec__sgd_pull(u, root);        \
            LFREC__UNROLL_SOME for (size_t q = 0; q < S; q += L)                                                           \
            {                                                                                                              \
                const V f = LFREC__OF(V, F + q), f0 = LFREC__OF(V, prior + q);                                             \
                const V moved = f - u->rate * (e * LFREC__OF(V, u->h + q) + pull * (f - f0));                              \
                LFREC__AT(V, F + q) = moved;                                                                               \
                LFREC__AT(V, u->G + q) += e * f;                                                                           \
                LFREC__AT(V, u->pull + q) += root * (moved - f0);                                                          \
            }                                                                                                              \
        }                                                                                                                  \
    }                                                                                                                      \
    target LFREC__INTERNAL void lfrec__learn_decoder_##name(size_t S, const lfrec__sgd *u)                                 \
    {                                                                                                                      \
        if (S == 16) lfrec__learn_decoder_by_##name(16, u);                                                                \
        else if (S == 32) lfrec__learn_decoder_by_##name(32, u);                                                           \
        else lfrec__learn_decoder_by_##name(S, u);                                                                         \
    }                                                                                                                      \
    target LFREC__INTERNAL void lfrec__learn_encoder_##name(size_t S, const lfrec__sgd *user)                              \
    {                                                                                                                      \
        const lfrec__sgd local = *user, *u = &local;                                                                       \
        for (size_t k = 0; k < u->n; k++) {                                                                                \
            if (k < u->ahead_n) lfrec__ask(S, u->ahead[k], u->encoder, u->implicit);                                       \
            float *prior = u->prior + u->item[k] * S;                                                                      \
            const float root = u->root[u->item[k]];                                                                        \
            for (size_t q = 0; q < S; q += L) LFREC__AT(V, prior + q) += root * LFREC__OF(V, u->pull + q);                 \
            if (u->hidden[k]) continue;                                                                                    \
            float *Y = u->implicit + u->item[k] * S, *encoder = u->encoder + u->item[k] * S;                               \
            const float input = u->gain_square * u->input[k];                                                              \
            for (size_t q = 0; q < S; q += L) {                                                                            \
                const V G = LFREC__OF(V, u->G + q), y = LFREC__OF(V, Y + q), l = LFREC__OF(V, encoder + q);                \
                LFREC__AT(V, Y + q) = y - u->rate * (u->scale * G + u->decay * y);                                         \
                LFREC__AT(V, encoder + q) = l - u->rate * (input * G + u->decay * l);                                      \
            }                                                                                                              \
        }                                                                                                                  \
    }                                                                                                                      \
    target LFREC__INLINE void lfrec__learn_bayes_by_##name(size_t S, lfrec__bayes *u)                                      \
    {                                                                                                                      \
        for (size_t k = 0; k < u->n; k++) {                                                                                \
            if (k < u->ahead_n) {                                                                                          \
                lfrec__ask(S, u->ahead[k], u->decoder, u->prior);                                                          \
                lfrec__ask(S, u->ahead[k], u->variance, u->implicit);                                                      \
                lfrec__ask(S, u->ahead[k], u->item_precision, u->implicit_precision);                                      \
            }                                                                                                              \
            const size_t at = u->item[k] * S;                                                                              \
            float *F = u->decoder + at, *V_ = u->variance + at, *D = u->item_precision + at;                               \
            float *Y = u->implicit + at, *E = u->implicit_precision + at;                                                  \
            const float *prior = u->prior + at, *known = u->known + k * S;                                                 \
            V sum[16 / L];                                                                                                 \
            LFREC__UNROLL for (size_t l = 0; l < 16 / L; l++) sum[l] =                                                     \
                LFREC__OF(V, u->h + l * L) * LFREC__OF(V, u->h + l * L) * LFREC__OF(V, V_ + l * L);                        \
            LFREC__UNROLL_SOME for (size_t q = 16; q < S; q += 16)                                                         \
            {                                                                                                              \
                LFREC__UNROLL for (size_t l = 0; l < 16 / L; l++) sum[l] +=                                                \
                    LFREC__OF(V, u->h + q + l * L) * LFREC__OF(V, u->h + q + l * L) * LFREC__OF(V, V_ + q + l * L);        \
            }                                                                                                              \
            const float t = lfrec__bayes_errors(u, k, lfrec__dot_##name(S, F, known), lfrec__tree_##L(sum));               \
            const float root = u->root[u->item[k]], share = root * root, left = 1.0f - share, e = u->error[k];             \
            LFREC__UNROLL_SOME for (size_t q = 0; q < S; q += L)                                                           \
            {                                                                                                              \
                const V f = LFREC__OF(V, F + q), f0 = LFREC__OF(V, prior + q), open = LFREC__OF(V, u->free + q);           \
                const V a = share * LFREC__OF(V, u->a + q), p = t * LFREC__OF(V, u->square + q) + a;                       \
                const V g = open * (t * (e * LFREC__OF(V, u->h + q) - LFREC__OF(V, known + q)) + a * (f0 - f));            \
                const V d = left * LFREC__OF(V, D + q) + p, moved = f + u->rho * g / (u->rho * p + d);                     \
                LFREC__AT(V, D + q) = d;                                                                                   \
                LFREC__AT(V, F + q) = moved;                                                                               \
                LFREC__AT(V, V_ + q) = open / d;                                                                           \
                LFREC__AT(V, u->pull + q) += root * (moved - f0);                                                          \
            }                                                                                                              \
            LFREC__UNROLL_SOME for (size_t q = 0; q < S; q += L)                                                           \
            {                                                                                                              \
                const V y = LFREC__OF(V, Y + q), a = share * LFREC__OF(V, u->a_Y + q);                                     \
                const V d = left * LFREC__OF(V, E + q) + (u->push * LFREC__OF(V, u->lambda + q) + a);                      \
                LFREC__AT(V, E + q) = d;                                                                                   \
                LFREC__AT(V, Y + q) = y + (LFREC__OF(V, u->move + q) - a * y) / d;                                         \
            }                                                                                                              \
        }                                                                                                                  \
    }                                                                                                                      \
    target LFREC__INTERNAL void lfrec__learn_bayes_##name(size_t S, lfrec__bayes *u)                                       \
    {                                                                                                                      \
        if (S == 16) lfrec__learn_bayes_by_##name(16, u);                                                                  \
        else if (S == 32) lfrec__learn_bayes_by_##name(32, u);                                                             \
        else lfrec__learn_bayes_by_##name(S, u);                                                                           \
    }
#else
#define LFREC__TRAINING_ROWS(name, target, V, L)
#endif

#define LFREC__ROWS(name, target, V, L) LFREC__SERVING_ROWS(name, target, V, L) LFREC__TRAINING_ROWS(name, target, V, L)

LFREC__ROWS(portable, , lfrec__v4, 4)
#ifdef LFREC__X86
LFREC__ROWS(avx2, __attribute__((target("avx2"))), lfrec__v8, 8)
LFREC__ROWS(avx512, __attribute__((target("avx512f"))), lfrec__v16, 16)
#endif

#endif /* LFREC__VECTORS */

#ifndef LFREC_NO_TRAINING
#define LFREC__FOR_TRAINING(x) x
#else
#define LFREC__FOR_TRAINING(x) 0
#endif
#define LFREC__ROWS_TABLE(name)                                                                                    \
    {                                                                                                              \
        lfrec__encode_##name, lfrec__decode_##name, LFREC__FOR_OUTER(lfrec__outer_##name),                         \
            LFREC__FOR_BAYES(LFREC__FOR_TRAINING(lfrec__apply_##name)),                                            \
            LFREC__FOR_ARTICLE(LFREC__FOR_TRAINING(lfrec__back_##name)), LFREC__FOR_TRAINING(lfrec__front_##name), \
            LFREC__FOR_ARTICLE(LFREC__FOR_TRAINING(lfrec__step_##name)),                                           \
            LFREC__FOR_ARTICLE(LFREC__FOR_TRAINING(lfrec__coast_##name)),                                          \
            LFREC__FOR_TRAINING(lfrec__learn_decoder_##name), LFREC__FOR_TRAINING(lfrec__learn_encoder_##name),    \
            LFREC__FOR_BAYES(LFREC__FOR_TRAINING(lfrec__learn_bayes_##name))                                       \
    }

/* The kernels for a stride: rows shorter than a vector of 16 take the plain loops. */
LFREC__INTERNAL const lfrec__rows *lfrec__rows_for(size_t S, lfrec_isa isa)
{
    static const lfrec__rows plain = LFREC__ROWS_TABLE(plain);
#ifdef LFREC__VECTORS
    static const lfrec__rows portable = LFREC__ROWS_TABLE(portable);
#ifdef LFREC__X86
    static const lfrec__rows avx2 = LFREC__ROWS_TABLE(avx2), avx512 = LFREC__ROWS_TABLE(avx512);
    isa = lfrec__isa(isa);
    if (S % 16 == 0 && isa == LFREC_ISA_AVX512) return &avx512;
    if (S % 16 == 0 && isa == LFREC_ISA_AVX2) return &avx2;
#endif
    if (S % 16 == 0) return &portable;
#endif
    (void)S;
    (void)isa;
    return &plain;
}

/* ===[ ratings ]==================================================================================================== */

/* row_start, item and value stay; `by_item` and `start` are the sort's work space. */
LFREC__INTERNAL lfrec_status lfrec__ratings_layout(lfrec__arena *arena, uint32_t users, uint32_t items, size_t count,
                                                   size_t **row_start, uint32_t **item, float **value, size_t **by_item,
                                                   size_t **start)
{
    if (users > 0xfffffffeu || items > 0xfffffffeu) return LFREC_ERROR_OVERFLOW;
    *row_start = (size_t *)lfrec__take(arena, (size_t)users + 1, sizeof(size_t));
    *item = (uint32_t *)lfrec__take(arena, count, sizeof(uint32_t));
    *value = (float *)lfrec__take(arena, count, sizeof(float));
    *by_item = (size_t *)lfrec__take(arena, count, sizeof(size_t));
    *start = (size_t *)lfrec__take(arena, (size_t)(users > items ? users : items) + 1, sizeof(size_t));
    return lfrec__arena_status(arena);
}

LFREC_API lfrec_status lfrec_ratings_size(uint32_t users, uint32_t items, size_t count, size_t *bytes)
{
    lfrec__arena arena = lfrec__arena_measure();
    size_t *row_start, *by_item, *start;
    uint32_t *item;
    float *value;
    if (!bytes) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__ratings_layout(&arena, users, items, count, &row_start, &item, &value, &by_item, &start));
    return lfrec__arena_bytes(&arena, bytes);
}

LFREC__INTERNAL int lfrec__legal_rating(float value)
{
    return value >= -LFREC_MAX_RATING && value <= LFREC_MAX_RATING;
}

/* counts[k + 1] = how often k occurs, then counts[k] = where k's run starts. */
LFREC__INTERNAL void lfrec__running_total(size_t *counts, size_t length)
{
    for (size_t k = 1; k < length; k++) counts[k] += counts[k - 1];
}

LFREC_API lfrec_status lfrec_ratings_init(lfrec_ratings *ratings, uint32_t users, uint32_t items,
                                          const lfrec_rating *events, size_t count, void *memory, size_t bytes)
{
    size_t *row_start, *by_item, *start;
    uint32_t *item;
    float *value;
    if (!ratings || (!events && count) || !memory) return LFREC_ERROR_ARGUMENT;
    lfrec__arena arena = lfrec__arena_over(memory, bytes);
    LFREC__TRY(lfrec__ratings_layout(&arena, users, items, count, &row_start, &item, &value, &by_item, &start));
    for (size_t k = 0; k < count; k++) {
        if (events[k].user >= users || events[k].item >= items) return LFREC_ERROR_RANGE;
        if (!lfrec__legal_rating(events[k].value)) return LFREC_ERROR_NUMBER;
    }
    /* Two stable counting sorts, by item and then by user: rows by rising item, and the events of one pair in their own
     * order. */
    lfrec__zero(start, ((size_t)items + 1) * sizeof *start);
    for (size_t k = 0; k < count; k++) start[events[k].item + (size_t)1]++;
    lfrec__running_total(start, (size_t)items + 1);
    for (size_t k = 0; k < count; k++) by_item[start[events[k].item]++] = k;
    lfrec__zero(start, ((size_t)users + 1) * sizeof *start);
    for (size_t k = 0; k < count; k++) start[events[k].user + (size_t)1]++;
    lfrec__running_total(start, (size_t)users + 1);
    lfrec__copy(row_start, start, ((size_t)users + 1) * sizeof *start);
    for (size_t k = 0; k < count; k++) {
        const lfrec_rating *event = &events[by_item[k]];
        const size_t at = start[event->user]++;
        item[at] = event->item;
        value[at] = event->value;
    }
    /* Close the gaps where a pair occurs more than once; the last event wins. */
    size_t kept = 0;
    for (size_t user = 0, k = 0; user < users; user++) {
        const size_t end = row_start[user + 1], first = kept;
        row_start[user] = first;
        for (; k < end; k++) {
            if (kept > first && item[kept - 1] == item[k]) kept--;
            item[kept] = item[k];
            value[kept++] = value[k];
        }
    }
    row_start[users] = kept;
    lfrec__zero(ratings, sizeof *ratings);
    ratings->users = users;
    ratings->items = items;
    ratings->row_start = row_start;
    ratings->item = item;
    ratings->value = value;
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_ratings_create(lfrec_ratings *ratings, uint32_t users, uint32_t items,
                                            const lfrec_rating *events, size_t count, const lfrec_allocator *allocator)
{
    lfrec_allocator own;
    size_t bytes;
    if (!ratings) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__allocator_or_default(allocator, &own));
    LFREC__TRY(lfrec_ratings_size(users, items, count, &bytes));
    void *memory = own.allocate(own.context, bytes);
    if (!memory) return LFREC_ERROR_MEMORY;
    const lfrec_status status = lfrec_ratings_init(ratings, users, items, events, count, memory, bytes);
    if (status != LFREC_OK) {
        lfrec__release(&own, memory);
        return status;
    }
    ratings->memory = memory;
    ratings->allocator = own;
    return LFREC_OK;
}

LFREC_API void lfrec_ratings_destroy(lfrec_ratings *ratings)
{
    if (!ratings) return;
    lfrec__release(&ratings->allocator, ratings->memory);
    lfrec__zero(ratings, sizeof *ratings);
}

#ifdef LFREC__VECTORS
/* How many ratings behind a row's first are legal as in lfrec__check_row, asked of four at a time without a branch for
 * each, as lists of many users ask this of millions. 0: one of them is not, or there are too few. */
LFREC__INTERNAL size_t lfrec__legal_fours(const uint32_t *item, const float *value, size_t count, uint32_t items)
{
    lfrec__four bad = {0, 0, 0, 0};
    size_t k = 1;
    for (; k + 4 <= count; k += 4) {
        const lfrec__items4 x = LFREC__OF(lfrec__items4, item + k), before = LFREC__OF(lfrec__items4, item + k - 1);
        const lfrec__v4 v = LFREC__OF(lfrec__v4, value + k);
        bad |= (x >= items) | (x <= before) | ~((v >= -LFREC_MAX_RATING) & (v <= LFREC_MAX_RATING));
    }
    return bad[0] | bad[1] | bad[2] | bad[3] ? 0 : k - 1;
}
#endif

LFREC__INTERNAL lfrec_status lfrec__check_row(const uint32_t *item, const float *value, size_t count, uint32_t items,
                                              size_t *where)
{
    for (size_t k = 0; k < count; k++) {
        *where = k;
        if (item[k] >= items) return LFREC_ERROR_RANGE;
        if (k > 0 && item[k] <= item[k - 1]) return LFREC_ERROR_ORDER;
        if (!lfrec__legal_rating(value[k])) return LFREC_ERROR_NUMBER;
#ifdef LFREC__VECTORS
        if (k == 0) k = lfrec__legal_fours(item, value, count, items);
#endif
    }
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_ratings_check(const lfrec_ratings *ratings, size_t *where)
{
    size_t unused;
    if (!where) where = &unused;
    *where = 0;
    if (!ratings || !ratings->row_start) return LFREC_ERROR_ARGUMENT;
    const size_t *start = ratings->row_start;
    if (start[0] != 0) return LFREC_ERROR_ORDER;
    for (size_t user = 0; user < ratings->users; user++) {
        *where = user + 1;
        if (start[user + 1] < start[user]) return LFREC_ERROR_ORDER;
    }
    *where = 0;
    if (start[ratings->users] > 0 && (!ratings->item || !ratings->value)) return LFREC_ERROR_ARGUMENT;
    for (size_t user = 0; user < ratings->users; user++) {
        const size_t first = start[user];
        const lfrec_status status = lfrec__check_row(ratings->item + first, ratings->value + first,
                                                     start[user + 1] - first, ratings->items, where);
        *where += first;
        if (status != LFREC_OK) return status;
    }
    return LFREC_OK;
}

LFREC_API lfrec_history lfrec_history_of(const lfrec_ratings *ratings, uint32_t user)
{
    const size_t first = ratings->row_start[user];
    lfrec_history history;
    history.count = ratings->row_start[user + (size_t)1] - first;
    history.item = history.count ? ratings->item + first : NULL;
    history.value = history.count ? ratings->value + first : NULL;
    return history;
}

LFREC__INTERNAL lfrec_status lfrec__check_history(const lfrec_history *history, uint32_t items)
{
    size_t where;
    if (!history || (history->count && (!history->item || !history->value))) return LFREC_ERROR_ARGUMENT;
    return lfrec__check_row(history->item, history->value, history->count, items, &where);
}

/* ===[ means ]====================================================================================================== */

#define LFREC__SUM_STEPS 16777216.0f /* 2^24 steps to 1 */

/* Exact from magnitude 1/2 up: 24 bits of mantissa end at 2^-24 or above. Below, to the nearest step. */
LFREC__INTERNAL int64_t lfrec__steps(float value)
{
    const uint32_t bits = lfrec__float_bits(value);
    const int shift = (int)(bits >> 23 & 255u) - 126; /* 2^24 value = mantissa 2^shift */
    const int64_t mantissa = (int64_t)((bits & 0x007fffffu) | 0x00800000u);
    const int64_t size = shift >= 0    ? mantissa << shift
                         : shift > -25 ? (mantissa + ((int64_t)1 << (-shift - 1))) >> -shift
                                       : 0;
    return bits >> 31 ? -size : size;
}

LFREC__INTERNAL lfrec_status lfrec__sum_move(lfrec_sum *sum, int64_t by)
{
    const int64_t most = INT64_MAX - ((int64_t)1 << 40);
    if ((by > 0 && sum->total > most) || (by < 0 && sum->total < -most)) return LFREC_ERROR_OVERFLOW;
    sum->total += by;
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_sum_add(lfrec_sum *sum, float value)
{
    if (!sum) return LFREC_ERROR_ARGUMENT;
    if (!lfrec__legal_rating(value)) return LFREC_ERROR_NUMBER;
    LFREC__TRY(lfrec__sum_move(sum, lfrec__steps(value)));
    sum->count++;
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_sum_remove(lfrec_sum *sum, float value)
{
    if (!sum) return LFREC_ERROR_ARGUMENT;
    if (!lfrec__legal_rating(value)) return LFREC_ERROR_NUMBER;
    if (sum->count == 0) return LFREC_ERROR_EMPTY;
    LFREC__TRY(lfrec__sum_move(sum, -lfrec__steps(value)));
    sum->count--;
    return LFREC_OK;
}

LFREC_API lfrec_real lfrec_sum_mean(const lfrec_sum *sum, float shrink, lfrec_real towards)
{
    const lfrec_real count = lfrec__real((int64_t)sum->count) + (lfrec_real)shrink;
    if (!(count > 0)) return towards;
    return (lfrec__real(sum->total) / (lfrec_real)LFREC__SUM_STEPS + (lfrec_real)shrink * towards) / count;
}

LFREC_API lfrec_status lfrec_means_size(uint32_t items, size_t *bytes)
{
    lfrec__arena arena = lfrec__arena_measure();
    if (!bytes) return LFREC_ERROR_ARGUMENT;
    lfrec__take(&arena, items, sizeof(lfrec_sum));
    return lfrec__arena_bytes(&arena, bytes);
}

LFREC_API lfrec_status lfrec_means_init(lfrec_means *means, uint32_t items, void *memory, size_t bytes)
{
    if (!means || !memory) return LFREC_ERROR_ARGUMENT;
    lfrec__arena arena = lfrec__arena_over(memory, bytes);
    lfrec_sum *item = (lfrec_sum *)lfrec__take(&arena, items, sizeof(lfrec_sum));
    LFREC__TRY(lfrec__arena_status(&arena));
    lfrec__zero(item, items * sizeof(lfrec_sum));
    lfrec__zero(means, sizeof *means);
    means->items = items;
    means->item = item;
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_means_create(lfrec_means *means, uint32_t items, const lfrec_allocator *allocator)
{
    lfrec_allocator own;
    size_t bytes;
    if (!means) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__allocator_or_default(allocator, &own));
    LFREC__TRY(lfrec_means_size(items, &bytes));
    void *memory = own.allocate(own.context, bytes);
    if (!memory) return LFREC_ERROR_MEMORY;
    const lfrec_status status = lfrec_means_init(means, items, memory, bytes);
    LFREC_ASSERT(status == LFREC_OK);
    means->memory = memory;
    means->allocator = own;
    return status;
}

LFREC_API void lfrec_means_destroy(lfrec_means *means)
{
    if (!means) return;
    lfrec__release(&means->allocator, means->memory);
    lfrec__zero(means, sizeof *means);
}

LFREC_API lfrec_status lfrec_means_add(lfrec_means *means, uint32_t item, float value)
{
    if (!means || !means->item) return LFREC_ERROR_ARGUMENT;
    if (item >= means->items) return LFREC_ERROR_RANGE;
    LFREC__TRY(lfrec_sum_add(&means->overall, value));
    const lfrec_status status = lfrec_sum_add(&means->item[item], value);
    if (status != LFREC_OK) (void)lfrec_sum_remove(&means->overall, value);
    return status;
}

LFREC_API lfrec_status lfrec_means_remove(lfrec_means *means, uint32_t item, float value)
{
    if (!means || !means->item) return LFREC_ERROR_ARGUMENT;
    if (item >= means->items) return LFREC_ERROR_RANGE;
    LFREC__TRY(lfrec_sum_remove(&means->item[item], value));
    const lfrec_status status = lfrec_sum_remove(&means->overall, value);
    if (status != LFREC_OK) (void)lfrec_sum_add(&means->item[item], value);
    return status;
}

LFREC_API lfrec_status lfrec_means_replace(lfrec_means *means, uint32_t item, float old_value, float new_value)
{
    if (!means || !means->item) return LFREC_ERROR_ARGUMENT;
    if (item >= means->items) return LFREC_ERROR_RANGE;
    const lfrec_sum overall = means->overall, of_item = means->item[item];
    lfrec_status status = lfrec_means_remove(means, item, old_value);
    if (status == LFREC_OK) status = lfrec_means_add(means, item, new_value);
    if (status != LFREC_OK) { /* adding the old value back might not fit a sum that is nearly full */
        means->overall = overall;
        means->item[item] = of_item;
    }
    return status;
}

LFREC_API lfrec_status lfrec_means_add_all(lfrec_means *means, const lfrec_ratings *ratings)
{
    LFREC__TRY(lfrec_ratings_check(ratings, NULL));
    const size_t count = ratings->row_start[ratings->users];
    for (size_t k = 0; k < count; k++) LFREC__TRY(lfrec_means_add(means, ratings->item[k], ratings->value[k]));
    return LFREC_OK;
}

/* ===[ options ]==================================================================================================== */

/* LFREC_RANKING: beyond, lambda falls with the root of the items. What it takes off a singular value is lambda a0 times
 * the root of users times items, and what people choose has no larger ones for being found among more items. */
#define LFREC__MANY_ITEMS 10000.0f

LFREC_API lfrec_options lfrec_options_for(lfrec_setting setting, uint32_t items, uint32_t factors, float scale_min,
                                          float scale_max)
{
    lfrec_options options;
    lfrec__zero(&options, sizeof options);
    options.check = LFREC__CHECK_OPTIONS;
    options.setting = setting;
    options.items = items;
    options.factors = factors;
    options.scale_min = scale_min;
    options.scale_max = scale_max;
    /* Ratings s times as large train alike at a rate of 1 / s^2 and a decay of s^2. With few items each has a large
     * part of the gradient. */
    const float range = scale_max - scale_min;
    options.seed = 1;
    options.start_deviation = 0.02f;
    options.mask = 0.2f;
    options.loss_weight = 0.8f;
    options.scope = LFREC_SCOPE_KNOWN;
    options.path = LFREC_PATH_AUTO;
    options.epochs = 50;
    options.batch = 32;
    options.learning_rate = 1.6f / (range * range) * (items < 40 ? (float)items / 40.0f : 1.0f);
    options.learning_rate_final = 0.02f;
    options.momentum = 0.9f;
    options.weight_decay = 4.5e-5f * range * range;
    options.holdout = 0.1f;
    options.patience = 20;
    options.threads = 1;
    if (setting == LFREC_SGD) {
        options.item_shrink = 5.0f;
        options.user_shrink = 10.0f;
        options.scale_input = 1;
        options.start_deviation = 0.05f;
        options.epochs = 30;
        options.learning_rate = 0.05f;
        options.learning_rate_final = 0.02f;
        options.momentum = 0.0f;
        options.weight_decay = 0.02f;
        options.holdout = 0.0f; /* the falling rate ends the run where it should end; every user's ratings count */
    }
    if (setting == LFREC_BAYES || setting == LFREC_RANKING) {
        options.item_shrink = 5.0f;
        options.user_shrink = 10.0f;
        options.epochs = 8;
        options.momentum = 0.0f;
        options.holdout = 0.0f;
        options.weight_decay = 0.01f;
        options.loss_weight = 0.12f;
    }
    if (setting == LFREC_BAYES) {
        options.start_deviation = 0.2f;
        options.learning_rate = 5.0f;
        options.learning_rate_final = 0.14f;
    }
    if (setting == LFREC_RANKING) {
        options.start_deviation = 0.1f / lfrec__sqrtf(factors > 1 ? (float)factors : 1.0f);
        if ((float)items > LFREC__MANY_ITEMS) options.weight_decay *= lfrec__sqrtf(LFREC__MANY_ITEMS / (float)items);
    }
    return options;
}

LFREC_API uint32_t lfrec_epochs_for(lfrec_setting setting, size_t ratings)
{
    const int bayes = setting == LFREC_BAYES;
    const uint32_t fewest = bayes ? 10 : setting == LFREC_SGD ? 30 : 50, most = bayes ? 96 : 60;
    const size_t visits = bayes ? 9000000 : 5000000; /* of ratings in a whole run */
    if (setting == LFREC_RANKING) return 8;
    if (ratings == 0 || visits / ratings >= most) return most;
    return visits / ratings > fewest ? (uint32_t)(visits / ratings) : fewest;
}

LFREC__INTERNAL int lfrec__legal_setting(uint32_t setting)
{
    return setting == LFREC_SGD || LFREC__FOR_ARTICLE(setting == LFREC_ARTICLE) ||
           LFREC__FOR_BAYES(setting == LFREC_BAYES) || LFREC__FOR_RANKING(setting == LFREC_RANKING);
}

/* The step of ordinal ratings: none, or a scale of 2 to 101 levels. */
LFREC__INTERNAL int lfrec__legal_step(lfrec_setting setting, float low, float high, float step)
{
    const float levels = (high - low) / step;
    return (step >= 0.0f && step <= 0.0f) || (setting == LFREC_BAYES && step > 0.0f && levels >= 0.9f && levels < 100.5f);
}

LFREC_API lfrec_status lfrec_options_check(const lfrec_options *options, const char **field)
{
    const char *unused;
    if (!field) field = &unused;
    *field = "options";
    if (!options) return LFREC_ERROR_ARGUMENT;
    if (options->check != LFREC__CHECK_OPTIONS) return LFREC_ERROR_UNINITIALIZED;
    const lfrec_options *o = options;
    const int article = o->setting == LFREC_ARTICLE, bayes = o->setting == LFREC_BAYES;
    const int ranking = o->setting == LFREC_RANKING;
    /* Written so that NaN fails every test. */
    *field = !lfrec__legal_setting((uint32_t)o->setting)                                 ? "setting"
             : o->items < 1 || o->items > 0xfffffffeu                                    ? "items"
             : o->factors < 1 || o->factors > LFREC_MAX_FACTORS || o->factors > o->items ? "factors"
             : !lfrec__legal_rating(o->scale_min)                                        ? "scale_min"
             : !lfrec__legal_rating(o->scale_max) || !(o->scale_max > o->scale_min)      ? "scale_max"
             : !(o->item_shrink >= 0.0f && o->item_shrink < 1e9f)                        ? "item_shrink"
             : !(o->user_shrink >= 0.0f && o->user_shrink < 1e9f)                        ? "user_shrink"
             : !lfrec__legal_step(o->setting, o->scale_min, o->scale_max, o->step)       ? "step"
             : !(o->start_deviation > 0.0f && o->start_deviation < 1e9f)                 ? "start_deviation"
             : !(o->mask >= 0.0f && o->mask <= 1.0f)                                     ? "mask"
             : !(o->loss_weight >= 0.0f && o->loss_weight <= 1.0f)                       ? "loss_weight"
             : (uint32_t)o->scope > (article ? LFREC_SCOPE_ALL : LFREC_SCOPE_KNOWN)      ? "scope"
             : (uint32_t)o->path > LFREC_PATH_SPARSE                                     ? "path"
             : o->path == LFREC_PATH_DENSE && !article                                   ? "path"
             : o->epochs < 1                                                             ? "epochs"
             : o->batch < 1                                                              ? "batch"
             : !(o->learning_rate > 0.0f && lfrec__finite(o->learning_rate))             ? "learning_rate"
             : !(o->learning_rate_final >= (bayes ? 1e-6f : 0.0f) && o->learning_rate_final <= 1.0f)
                 ? "learning_rate_final"
             : !(o->momentum >= 0.0f && o->momentum < (article ? 1.0f : 1e-9f))         ? "momentum"
             : !(o->weight_decay >= (ranking ? 1e-9f : 0.0f) && o->weight_decay < 1e9f) ? "weight_decay"
             : !(o->holdout >= 0.0f && o->holdout < (bayes || ranking ? 1e-9f : 1.0f))  ? "holdout"
             : (uint32_t)o->isa > LFREC_ISA_NEON                                        ? "isa"
             : o->threads < 1 || o->threads > LFREC__FOR_THREADS(LFREC_MAX_THREADS)     ? "threads"
                                                                                        : NULL;
    return *field ? LFREC_ERROR_ARGUMENT : LFREC_OK;
}

/* ===[ model ]====================================================================================================== */

/* The arrays of a model, in the order of its file. */
enum {
    LFREC__ITEM_MEAN,
    LFREC__SUPPORT,
    LFREC__ENCODER,
    LFREC__DECODER,
    LFREC__OFFSET,
    LFREC__IMPLICIT,
    LFREC__VARIANCE,
    LFREC__PRECISION,
    LFREC__GRAM,
    LFREC__ARRAYS
};

LFREC__INTERNAL int lfrec__is_matrix(int which)
{
    return which == LFREC__ENCODER || which == LFREC__DECODER || which == LFREC__IMPLICIT || which == LFREC__VARIANCE ||
           which == LFREC__GRAM;
}

/* Whether a model of this setting has the array. */
LFREC__INTERNAL int lfrec__has(lfrec_setting setting, int which)
{
    switch (which) {
    case LFREC__ENCODER: return setting == LFREC_ARTICLE || setting == LFREC_SGD;
    case LFREC__OFFSET: return setting == LFREC_SGD;
    case LFREC__IMPLICIT: return setting == LFREC_SGD || setting == LFREC_BAYES;
    case LFREC__VARIANCE:
    case LFREC__PRECISION: return LFREC__FOR_BAYES(setting == LFREC_BAYES);
    case LFREC__GRAM: return LFREC__FOR_RANKING(setting == LFREC_RANKING);
    default: return 1;
    }
}

/* Columns of a matrix: the factors, and behind them in LFREC_BAYES two for the user's and the item's bias. */
LFREC__INTERNAL uint32_t lfrec__columns(lfrec_setting setting, uint32_t factors)
{
    return setting == LFREC_BAYES ? factors + 2 : factors;
}

LFREC__INTERNAL const void *lfrec__array(const lfrec_model *model, int which)
{
    switch (which) {
    case LFREC__ITEM_MEAN: return model->item_mean;
    case LFREC__SUPPORT: return model->support;
    case LFREC__ENCODER: return model->encoder;
    case LFREC__DECODER: return model->decoder;
    case LFREC__OFFSET: return model->offset;
    case LFREC__IMPLICIT: return model->implicit;
    case LFREC__VARIANCE: return model->variance;
    case LFREC__PRECISION: return model->precision;
    default: return model->gram;
    }
}

LFREC__INTERNAL void lfrec__set_array(lfrec_model *model, int which, const void *array)
{
    const float *floats = (const float *)array;
    switch (which) {
    case LFREC__ITEM_MEAN: model->item_mean = floats; break;
    case LFREC__SUPPORT: model->support = (const uint32_t *)array; break;
    case LFREC__ENCODER: model->encoder = floats; break;
    case LFREC__DECODER: model->decoder = floats; break;
    case LFREC__OFFSET: model->offset = floats; break;
    case LFREC__IMPLICIT: model->implicit = floats; break;
    case LFREC__VARIANCE: model->variance = floats; break;
    case LFREC__PRECISION: model->precision = floats; break;
    default: model->gram = floats; break;
    }
}

/* 32-bit words of a matrix's row: of floats, or packed, where the first is the scale. */
LFREC__INTERNAL uint32_t lfrec__row_words(lfrec_setting setting, uint32_t factors, int packed)
{
    (void)packed;
    return LFREC__FOR_PACKED(packed) ? 1 + (factors + 3) / 4 : lfrec__columns(setting, factors);
}

typedef struct lfrec__shape {
    size_t rows, columns, stride;
} lfrec__shape;

LFREC__INTERNAL lfrec__shape lfrec__shape_of(const lfrec_model *model, int which)
{
    lfrec__shape shape;
    shape.columns = lfrec__is_matrix(which) ? lfrec__row_words(model->setting, model->factors, model->packed) : 1;
    shape.stride = lfrec__is_matrix(which) ? model->stride : 1;
    shape.rows = which == LFREC__GRAM ? shape.columns : model->items;
    return shape;
}

LFREC__INTERNAL lfrec_status lfrec__model_layout(lfrec__arena *arena, lfrec_setting setting, uint32_t items,
                                                 uint32_t factors, int packed, lfrec_model *model)
{
    lfrec__zero(model, sizeof *model);
    model->setting = setting;
    model->items = items;
    model->factors = factors;
    model->packed = packed;
    model->stride = lfrec__row_words(setting, factors, packed);
    if (!LFREC__FOR_PACKED(packed)) model->stride = LFREC_STRIDE(model->stride);
    for (int which = 0; which < LFREC__ARRAYS; which++) {
        if (!lfrec__has(setting, which)) continue;
        const lfrec__shape shape = lfrec__shape_of(model, which);
        lfrec__set_array(model, which, lfrec__take_floats(arena, shape.rows, shape.stride));
    }
    return lfrec__arena_status(arena);
}

LFREC_API lfrec_status lfrec_model_size(const lfrec_options *options, size_t *bytes)
{
    lfrec__arena arena = lfrec__arena_measure();
    lfrec_model model;
    if (!bytes) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec_options_check(options, NULL));
    LFREC__TRY(lfrec__model_layout(&arena, options->setting, options->items, options->factors, 0, &model));
    return lfrec__arena_bytes(&arena, bytes);
}

/* A model in an arena, all zero but its shape. */
LFREC__INTERNAL lfrec_status lfrec__model_over(lfrec_model *model, lfrec__arena *arena, lfrec_setting setting,
                                               uint32_t items, uint32_t factors, int packed)
{
    lfrec_model made;
    LFREC__TRY(lfrec__model_layout(arena, setting, items, factors, packed, &made));
    made.check = LFREC__CHECK_MODEL;
    made.writable = 1;
    if (!arena->base) { /* measuring: there is nothing to write to */
        *model = made;
        return LFREC_OK;
    }
    for (int which = 0; which < LFREC__ARRAYS; which++) {
        if (!lfrec__has(setting, which)) continue;
        const lfrec__shape shape = lfrec__shape_of(&made, which);
        lfrec__zero((void *)lfrec__array(&made, which), shape.rows * shape.stride * sizeof(float));
    }
    *model = made;
    return LFREC_OK;
}

LFREC__INTERNAL lfrec_status lfrec__model_over_options(lfrec_model *model, lfrec__arena *arena, const lfrec_options *options)
{
    LFREC__TRY(lfrec__model_over(model, arena, options->setting, options->items, options->factors, 0));
    model->scale_min = options->scale_min;
    model->scale_max = options->scale_max;
    model->item_shrink = options->item_shrink;
    model->user_shrink = options->user_shrink;
    model->scale_input = options->scale_input != 0;
    model->step = options->step;
    model->gain = options->setting == LFREC_BAYES     ? 1.0f
                  : options->setting == LFREC_RANKING ? options->weight_decay
                                                      : 0.0f;
    model->mean = 0.5f * options->scale_min + 0.5f * options->scale_max;
    for (size_t i = 0; arena->base && i < model->items; i++) lfrec__floats(model->item_mean)[i] = model->mean;
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_model_init(lfrec_model *model, const lfrec_options *options, void *memory, size_t bytes)
{
    if (!model || !memory) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec_options_check(options, NULL));
    lfrec__arena arena = lfrec__arena_over(memory, bytes);
    return lfrec__model_over_options(model, &arena, options);
}

LFREC_API lfrec_status lfrec_model_create(lfrec_model *model, const lfrec_options *options, const lfrec_allocator *allocator)
{
    lfrec_allocator own;
    size_t bytes;
    if (!model) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__allocator_or_default(allocator, &own));
    LFREC__TRY(lfrec_model_size(options, &bytes));
    void *memory = own.allocate(own.context, bytes);
    if (!memory) return LFREC_ERROR_MEMORY;
    const lfrec_status status = lfrec_model_init(model, options, memory, bytes);
    LFREC_ASSERT(status == LFREC_OK);
    model->memory = memory;
    model->allocator = own;
    return status;
}

LFREC_API void lfrec_model_destroy(lfrec_model *model)
{
    if (!model) return;
    lfrec__release(&model->allocator, model->memory);
    lfrec__zero(model, sizeof *model);
}

LFREC__INTERNAL lfrec_status lfrec__check_model(const lfrec_model *model)
{
    if (!model) return LFREC_ERROR_ARGUMENT;
    return model->check == LFREC__CHECK_MODEL ? LFREC_OK : LFREC_ERROR_UNINITIALIZED;
}

LFREC__INTERNAL lfrec_status lfrec__check_writable(const lfrec_model *model)
{
    LFREC__TRY(lfrec__check_model(model));
    return model->writable ? LFREC_OK : LFREC_ERROR_ARGUMENT;
}

LFREC__INTERNAL int lfrec__model_finite(const lfrec_model *model)
{
    if (!lfrec__finite(model->mean)) return 0;
    for (int which = 0; which < LFREC__ARRAYS; which++) {
        if (which == LFREC__SUPPORT || !lfrec__has(model->setting, which)) continue;
        const lfrec__shape shape = lfrec__shape_of(model, which);
        const float *array = (const float *)lfrec__array(model, which);
        for (size_t i = 0; i < shape.rows; i++) {
            const int packed = LFREC__FOR_PACKED(model->packed) && lfrec__is_matrix(which);
            if (!lfrec__all_finite(array + i * shape.stride, packed ? 1 : shape.columns)) return 0;
        }
    }
    return 1;
}

/* Weights, row by row: the strides may differ. */
LFREC__INTERNAL void lfrec__copy_rows(void *to, size_t to_stride, const void *from, size_t from_stride, size_t rows,
                                      size_t columns)
{
    unsigned char *d = (unsigned char *)to;
    const unsigned char *s = (const unsigned char *)from;
    for (size_t k = 0; k < rows; k++) {
        lfrec__copy(d + k * to_stride * sizeof(float), s + k * from_stride * sizeof(float), columns * sizeof(float));
    }
}

LFREC__INTERNAL void lfrec__copy_weights(lfrec_model *to, const lfrec_model *from)
{
    for (int which = 0; which < LFREC__ARRAYS; which++) {
        if (!lfrec__has(from->setting, which)) continue;
        const lfrec__shape there = lfrec__shape_of(from, which), here = lfrec__shape_of(to, which);
        unsigned char *d = (unsigned char *)lfrec__array(to, which);
        lfrec__copy_rows(d, here.stride, lfrec__array(from, which), there.stride, there.rows, here.columns);
        lfrec__zero(d + there.rows * here.stride * sizeof(float), (here.rows - there.rows) * here.stride * sizeof(float));
    }
}

/* Whether `to` can take the weights of `from`. */
LFREC__INTERNAL lfrec_status lfrec__check_source(const lfrec_model *to, const lfrec_model *from)
{
    LFREC__TRY(lfrec__check_model(from));
    const int alike = to->setting == from->setting && to->factors == from->factors && !to->packed && !from->packed;
    return alike && to->items >= from->items ? LFREC_OK : LFREC_ERROR_ARGUMENT;
}

LFREC_API lfrec_status lfrec_model_copy(lfrec_model *to, const lfrec_model *from)
{
    LFREC__TRY(lfrec__check_writable(to));
    if (to == from) return LFREC_OK;
    LFREC__TRY(lfrec__check_source(to, from));
    to->mean = from->mean;
    to->scale_min = from->scale_min;
    to->scale_max = from->scale_max;
    to->item_shrink = from->item_shrink;
    to->user_shrink = from->user_shrink;
    to->scale_input = from->scale_input;
    to->step = from->step;
    to->gain = from->gain;
    lfrec__copy_weights(to, from);
    for (size_t i = from->items; i < to->items; i++) lfrec__floats(to->item_mean)[i] = from->mean;
    return LFREC_OK;
}

LFREC__INTERNAL void lfrec__set_item(lfrec_model *model, const lfrec_sum *sum, uint32_t item)
{
    lfrec__floats(model->item_mean)[item] = (float)lfrec_sum_mean(sum, model->item_shrink, (lfrec_real)model->mean);
    ((uint32_t *)model->support)[item] = sum->count < 0xffffffffu ? (uint32_t)sum->count : 0xffffffffu;
}

LFREC__INTERNAL lfrec_status lfrec__set_overall(lfrec_model *model, const lfrec_means *means)
{
    LFREC__TRY(lfrec__check_writable(model));
    if (!means || !means->item || means->items != model->items) return LFREC_ERROR_ARGUMENT;
    const lfrec_real middle = (lfrec_real)(0.5f * model->scale_min + 0.5f * model->scale_max);
    model->mean = (float)lfrec_sum_mean(&means->overall, 0.0f, middle);
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_model_set_means(lfrec_model *model, const lfrec_means *means)
{
    LFREC__TRY(lfrec__set_overall(model, means));
    for (uint32_t i = 0; i < model->items; i++) lfrec__set_item(model, &means->item[i], i);
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_model_set_item_mean(lfrec_model *model, const lfrec_means *means, uint32_t item)
{
    if (model && item >= model->items) return LFREC_ERROR_RANGE;
    LFREC__TRY(lfrec__set_overall(model, means));
    lfrec__set_item(model, &means->item[item], item);
    return LFREC_OK;
}

/* ===[ preferences ]================================================================================================ */

/* Without checks: c_u = sum of (r - mu - b_i) / (n + shrink). */
LFREC__INTERNAL float lfrec__user_mean(const lfrec_model *model, const lfrec_history *history)
{
    lfrec_real sum = 0;
    for (size_t k = 0; k < history->count; k++) {
        sum += (lfrec_real)history->value[k] - (lfrec_real)model->item_mean[history->item[k]];
    }
    return history->count ? (float)(sum / ((lfrec_real)history->count + (lfrec_real)model->user_shrink)) : 0.0f;
}

LFREC__INTERNAL float lfrec__preference(const lfrec_model *model, const lfrec_history *history, size_t k, float user_mean)
{
    return history->value[k] - model->item_mean[history->item[k]] - user_mean;
}

/* s_u for a user with `count` visible ratings. */
LFREC__INTERNAL float lfrec__input_scale(int scale_input, size_t count)
{
    return scale_input && count > 0 ? 1.0f / lfrec__sqrtf((float)count) : 1.0f;
}

LFREC_API lfrec_status lfrec_user_mean(const lfrec_model *model, const lfrec_history *history, float *user_mean)
{
    if (!user_mean) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__check_model(model));
    LFREC__TRY(lfrec__check_history(history, model->items));
    *user_mean = lfrec__user_mean(model, history);
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_normalize(const lfrec_model *model, const lfrec_history *history, float user_mean,
                                       float *preference)
{
    LFREC__TRY(lfrec__check_model(model));
    LFREC__TRY(lfrec__check_history(history, model->items));
    if (!preference && history->count) return LFREC_ERROR_ARGUMENT;
    for (size_t k = 0; k < history->count; k++) preference[k] = lfrec__preference(model, history, k, user_mean);
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_denormalize(const lfrec_model *model, const uint32_t *item, const float *preference,
                                         size_t count, float user_mean, float *rating)
{
    LFREC__TRY(lfrec__check_model(model));
    if (count && (!item || !preference || !rating)) return LFREC_ERROR_ARGUMENT;
    for (size_t k = 0; k < count; k++) {
        if (item[k] >= model->items) return LFREC_ERROR_RANGE;
    }
    for (size_t k = 0; k < count; k++) {
        rating[k] = lfrec__clamp(preference[k] + model->item_mean[item[k]] + user_mean, model->scale_min, model->scale_max);
    }
    return LFREC_OK;
}

/* ===[ users and scores ]=========================================================================================== */

#define LFREC__BLOCK 64u             /* items or ratings handled at a time: what the stack holds */
#define LFREC__FAR ((size_t)1 << 21) /* floats of rows that come from memory, or nearly all */

LFREC__INTERNAL size_t lfrec__block_of(size_t left)
{
    return left < LFREC__BLOCK ? left : LFREC__BLOCK;
}

/* The lower triangle of M, S x S, also above the diagonal of its first n rows. */
LFREC__INTERNAL void lfrec__mirror(size_t S, size_t n, float *M)
{
    for (size_t q = 0; q < n; q++) {
        for (size_t c = q + 1; c < S; c++) M[q * S + c] = M[c * S + q];
    }
}

#ifndef LFREC_NO_PACKED
/* The kernels over packed rows, S words each. */
LFREC__INTERNAL void lfrec__encode_packed(size_t S, size_t n, const uint32_t *item, const float *x, const float *L, float *h)
{
    for (size_t k = 0; k < n; k++) {
        const float *row = L + item[k] * S, scaled = x[k] * row[0];
        const int8_t *weight = (const int8_t *)(row + 1);
        for (size_t q = 0; q < 4 * (S - 1); q++) h[q] += scaled * (float)weight[q];
    }
}

LFREC__INTERNAL void lfrec__decode_packed(size_t S, size_t n, const uint32_t *item, const float *F, const float *h, float *y)
{
    for (size_t k = 0; k < n; k++) {
        const float *row = F + (item ? item[k] : k) * S;
        const int8_t *weight = (const int8_t *)(row + 1);
        float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        for (size_t q = 0; q < 4 * (S - 1); q += 4) {
            for (size_t l = 0; l < 4; l++) sum[l] += (float)weight[q + l] * h[q + l];
        }
        y[k] = row[0] * ((sum[0] + sum[2]) + (sum[1] + sum[3]));
    }
}

/* Of the weights without their scales. Exact in 32 bits: 1024 x 127 x 127. */
LFREC__INTERNAL int32_t lfrec__dot_weights(size_t S, const float *a, const float *b)
{
    const int8_t *x = (const int8_t *)(a + 1), *y = (const int8_t *)(b + 1);
    int32_t sum = 0;
    for (size_t q = 0; q < 4 * (S - 1); q++) sum += (int32_t)x[q] * y[q];
    return sum;
}

LFREC__INTERNAL float lfrec__dot_packed(size_t S, const float *a, const float *b)
{
    return a[0] * b[0] * (float)lfrec__dot_weights(S, a, b);
}
#endif

/* Kernels over a model's rows, whatever they are made of. */
LFREC__INTERNAL void lfrec__encode_rows(const lfrec_model *model, size_t n, const uint32_t *item, const float *x,
                                        const float *L, float *h)
{
#ifndef LFREC_NO_PACKED
    if (model->packed) {
        lfrec__encode_packed(model->stride, n, item, x, L, h);
        return;
    }
#endif
    lfrec__rows_for(model->stride, LFREC_ISA_AUTO)->encode(model->stride, n, item, x, L, h);
}

LFREC__INTERNAL void lfrec__decode_rows(const lfrec_model *model, size_t n, const uint32_t *item, const float *F,
                                        const float *h, float *y)
{
#ifndef LFREC_NO_PACKED
    if (model->packed) {
        lfrec__decode_packed(model->stride, n, item, F, h, y);
        return;
    }
#endif
    /* The same bits. Zen 4 reads rows in order sooner by shorter vectors, where they come from memory. */
    const int far = !item && model->items * model->stride >= LFREC__FAR;
    const lfrec_isa isa = far && lfrec__zen() == 4 ? LFREC_ISA_AVX2 : LFREC_ISA_AUTO;
    lfrec__rows_for(model->stride, isa)->decode(model->stride, n, item, F, h, y);
}

/* Of two rows of the model, over K columns where they are floats. */
LFREC__INTERNAL float lfrec__dot_rows(const lfrec_model *model, size_t K, const float *a, const float *b)
{
    (void)model;
    return LFREC__FOR_PACKED(model->packed) ? LFREC__FOR_PACKED(lfrec__dot_packed(model->stride, a, b))
                                            : lfrec__dot(K, a, b);
}

/* The encoder's sum, n at most LFREC__BLOCK ratings at a time. */
LFREC__INTERNAL void lfrec__fold_in_sum(const lfrec_model *model, const lfrec_history *history, lfrec_user *user)
{
    const float scale = lfrec__input_scale(model->scale_input, history->count);
    for (size_t first = 0; first < history->count; first += LFREC__BLOCK) {
        const size_t n = lfrec__block_of(history->count - first);
        float input[LFREC__BLOCK];
        for (size_t k = 0; k < n; k++) input[k] = scale * lfrec__preference(model, history, first + k, user->mean);
        lfrec__encode_rows(model, n, history->item + first, input, model->encoder, user->factors);
        if (model->implicit) {
            for (size_t k = 0; k < n; k++) input[k] = scale;
            lfrec__encode_rows(model, n, history->item + first, input, model->implicit, user->factors);
        }
    }
}

#ifndef LFREC_NO_BAYES
/* LFREC_BAYES: a user's posterior, in S floats each and S x S, S the stride. One piece of memory holds it, behind the S
 * floats of the factors when a user is served. Rows and columns 0 .. K - 1 are factors, K is the user's bias and K + 1
 * the item's. */
typedef struct lfrec__posterior {
    float *h;           /* mean, h[K + 1] = 1 */
    float *before;      /* the h that the ordinal x were computed from */
    float *m;           /* prior mean */
    float *noise;       /* sum of tau_i V_i */
    float *z;           /* sum of tau_i x F_i */
    float *scalars;     /* tau_u, omega_u */
    float *row, *share; /* scratch, of LFREC__SWEEP rows from row on */
    float *precision;   /* sum of tau_i F_i F_i', lower triangle */
    float *covariance;  /* S */
} lfrec__posterior;

#define LFREC__SWEEP 4u /* pivots at a time */
#define LFREC__POSTERIOR_ROWS (6u + LFREC__SWEEP)

/* S of lfrec__posterior and other constants, for ratings of a standard deviation of LFREC__BAYES_DEVIATION around the
 * means. */
#define LFREC__BAYES_DEVIATION 0.87f
#define LFREC__LAMBDA 1.5f      /* prior precision of a user's factor, */
#define LFREC__LAMBDA_BIAS 7.0f /* of the bias, */
#define LFREC__TAU_PRIOR 40.0f  /* and weights of the priors of tau_u, omega_u, */
#define LFREC__OMEGA_PRIOR 10.0f
#define LFREC__ROUNDS 4 /* of encoding and estimating tau_u and omega_u in turn */

LFREC__INTERNAL lfrec__posterior lfrec__posterior_at(float *memory, size_t S)
{
    lfrec__posterior p;
    float **const rows[] = {&p.h, &p.before, &p.m, &p.noise, &p.z, &p.scalars, &p.row, &p.share};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) *rows[k] = memory + k * S;
    p.precision = memory + LFREC__POSTERIOR_ROWS * S;
    p.covariance = p.precision + S * S;
    return p;
}

LFREC__INTERNAL size_t lfrec__posterior_floats(size_t S)
{
    return LFREC__POSTERIOR_ROWS * S + 2 * S * S;
}

LFREC__INTERNAL float lfrec__lambda(const lfrec_model *model, size_t q)
{
    return q < model->factors ? LFREC__LAMBDA : q == model->factors ? LFREC__LAMBDA_BIAS : 0.0f;
}

/* The rating as the posterior takes it: relative to the item's mean, in the setting's units. An ordinal rating says
 * only that the latent one, of mean y and this precision, rounds to it: x is the mean, *spread the variance of what is
 * left (both ends of the scale are open). */
LFREC__INTERNAL float lfrec__latent(const lfrec_model *model, uint32_t item, float value, float y, float precision,
                                    float *spread)
{
    const float x = model->gain * (value - model->item_mean[item]), half = 0.5f * model->gain * model->step;
    *spread = 0.0f;
    if (!(half > 0.0f && precision > 0.0f)) return x;
    const int lowest = value<model->scale_min + 0.5f * model->step, highest = value> model->scale_max - 0.5f * model->step;
    const float deviation = 1.0f / lfrec__sqrtf(precision), a = (x - half - y) / deviation, b = (x + half - y) / deviation;
    float at_a = 0.0f, at_b = 0.0f;
    const float below = lowest ? 0.0f : lfrec__normal(a, &at_a), upto = highest ? 1.0f : lfrec__normal(b, &at_b);
    const float mass = upto - below;
    if (!(mass > 1e-5f)) return lowest ? x + half : highest ? x - half : x; /* far off: the nearest that it can be */
    const float mean = (at_a - at_b) / mass;
    const float left = 1.0f + ((lowest ? 0.0f : a * at_a) - (highest ? 0.0f : b * at_b)) / mass - mean * mean;
    *spread = left > 0.0f ? left * deviation * deviation : 0.0f;
    return y + mean * deviation;
}

/* What does not change over the rounds: precision, noise and m. */
LFREC__INTERNAL void lfrec__posterior_gather(const lfrec_model *model, const lfrec__rows *rows,
                                             const lfrec_history *history, lfrec__posterior *p)
{
    const size_t S = model->stride;
    const float scale = lfrec__input_scale(1, history->count);
    lfrec__zero(p->m, S * sizeof(float));
    lfrec__zero(p->noise, S * sizeof(float));
    lfrec__zero(p->precision, S * S * sizeof(float));
    for (size_t first = 0; first < history->count; first += LFREC__BLOCK) {
        const size_t n = lfrec__block_of(history->count - first);
        const uint32_t *item = history->item + first;
        float weight[LFREC__BLOCK];
        for (size_t k = 0; k < n; k++) weight[k] = model->precision[item[k]];
        rows->encode(S, n, item, weight, model->variance, p->noise);
        rows->outer(S, n, item, weight, model->decoder, p->precision);
        for (size_t k = 0; k < n; k++) weight[k] = scale;
        rows->encode(S, n, item, weight, model->implicit, p->m);
    }
}

/* From z: the covariance S = (tau_u (precision + noise) + omega_u diag(lambda))^-1 and the mean h = S right-hand side.
 * Inverted in place from its negative, of which only the lower triangle counts: to sweep row and column k of A, of
 * diagonal d (Goodnight 1979), takes a_k a_k' / d off A, a_k being that column with 1 in the place of d, and first 0 in
 * A in its place. Some columns go at a time: each is brought up to date by those before it, which lose their element in
 * its place. */
LFREC__INTERNAL void lfrec__posterior_solve(const lfrec_model *model, const lfrec__rows *rows, lfrec__posterior *p)
{
    const size_t S = model->stride, size = (size_t)model->factors + 1;
    const float tau = p->scalars[0], omega = p->scalars[1], less = -tau;
    const float *bias = p->precision + size * S;
    float *A = p->covariance;
    lfrec__zero(A, S * S * sizeof(float));
    for (size_t q = 0; q < size; q++) {
        rows->encode(S, 1, NULL, &less, p->precision + q * S, A + q * S);
        A[q * S + q] -= tau * p->noise[q] + omega * lfrec__lambda(model, q);
    }
    lfrec__zero(p->row, LFREC__SWEEP * S * sizeof(float));
    for (size_t first = 0, n = 0; first < size; first += n, n = 0) {
        float share[LFREC__SWEEP], weight[LFREC__SWEEP];
        for (size_t k = first; n < LFREC__SWEEP && k < size; k++, n++) {
            float *a = p->row + n * S;
            for (size_t q = 0; q < size; q++) {
                float *at = q < k ? A + k * S + q : A + q * S + k;
                a[q] = *at;
                *at = 0.0f;
            }
            for (size_t b = 0; b < n; b++) weight[b] = share[b] * p->row[b * S + k];
            rows->encode(S, n, NULL, weight, p->row, a);
            for (size_t b = 0; b < n; b++) p->row[b * S + k] = 0.0f;
            share[n] = -1.0f / (a[k] < -1e-12f ? a[k] : -1e-12f);
            a[k] = 1.0f;
        }
        rows->outer(S, n, NULL, share, p->row, A);
    }
    lfrec__mirror(S, size, A);
    for (size_t q = 0; q < size; q++) {
        p->row[q] = tau * (p->z[q] - bias[q]) + omega * lfrec__lambda(model, q) * p->m[q];
    }
    lfrec__zero(p->h, S * sizeof(float));
    rows->decode(S, size, NULL, p->covariance, p->row, p->h);
    p->h[size] = 1.0f;
}

/* New tau_u and omega_u from the posterior; `errors` is the sum of tau_i (e^2 + variance of x) over the ratings. */
LFREC__INTERNAL void lfrec__posterior_scales(const lfrec_model *model, const lfrec__posterior *p, size_t n, lfrec_real errors)
{
    const size_t S = model->stride, size = (size_t)model->factors + 1;
    lfrec_real nu = errors + (lfrec_real)p->noise[size], prior = 0, fitted = 0;
    for (size_t q = 0; q < size; q++) {
        const float lambda = lfrec__lambda(model, q), move = p->h[q] - p->m[q], variance = p->covariance[q * S + q];
        nu += (lfrec_real)(p->noise[q] * p->h[q] * p->h[q]);
        fitted += (lfrec_real)(1.0f - lambda * p->scalars[1] * variance);
        prior += (lfrec_real)(lambda * (move * move + variance));
    }
    nu += fitted / (lfrec_real)p->scalars[0];
    const lfrec_real tau_prior = (lfrec_real)(2.0f * LFREC__TAU_PRIOR),
                     omega_prior = (lfrec_real)(2.0f * LFREC__OMEGA_PRIOR);
    p->scalars[0] = (float)(((lfrec_real)n + tau_prior) / (nu + tau_prior));
    p->scalars[1] = (float)(((lfrec_real)size + omega_prior) / (prior + omega_prior));
}

/* A look at every rating with x from the h before: z, to solve for h with, and the errors of an h of 0; or when that is
 * solved, what lfrec__posterior_scales asks for, the errors of the h after. */
LFREC__INTERNAL lfrec_real lfrec__posterior_look(const lfrec_model *model, const lfrec__rows *rows,
                                                 const lfrec_history *history, int solved, lfrec__posterior *p)
{
    const size_t S = model->stride;
    lfrec_real errors = 0;
    for (size_t first = 0; first < history->count; first += LFREC__BLOCK) {
        const size_t n = lfrec__block_of(history->count - first);
        const uint32_t *item = history->item + first;
        float y[LFREC__BLOCK], after[LFREC__BLOCK];
        if (model->step > 0.0f) rows->decode(S, n, item, model->decoder, p->before, y);
        if (solved) rows->decode(S, n, item, model->decoder, p->h, after);
        else lfrec__zero(after, sizeof after);
        for (size_t k = 0; k < n; k++) {
            const float tau = model->precision[item[k]];
            float spread;
            const float x = lfrec__latent(model, item[k], history->value[first + k], y[k], tau * p->scalars[0], &spread);
            errors += (lfrec_real)(tau * ((x - after[k]) * (x - after[k]) + spread));
            y[k] = tau * x;
        }
        if (!solved) rows->encode(S, n, item, y, model->decoder, p->z);
    }
    return errors;
}

/* The errors of h where x does not depend on an h before, from those of 0 and without the ratings: less 2 h.z - h'
 * (precision) h. The precision is there above its diagonal, too. */
LFREC__INTERNAL lfrec_real lfrec__posterior_errors(const lfrec__rows *rows, size_t S, lfrec_real of_0,
                                                   const lfrec__posterior *p)
{
    float by_z, by_precision;
    rows->decode(S, S, NULL, p->precision, p->h, p->row);
    rows->decode(S, 1, NULL, p->h, p->row, &by_precision);
    rows->decode(S, 1, NULL, p->h, p->z, &by_z);
    const lfrec_real errors = of_0 - (lfrec_real)(2.0f * by_z - by_precision);
    return errors > 0 ? errors : 0;
}

LFREC__INTERNAL void lfrec__fold_in_bayes(const lfrec_model *model, const lfrec_history *history, lfrec_user *user)
{
    const lfrec__rows *rows = lfrec__rows_for(model->stride, LFREC_ISA_AUTO);
    const size_t S = model->stride, K = model->factors;
    lfrec__posterior p = lfrec__posterior_at(user->factors + S, S);
    lfrec__posterior_gather(model, rows, history, &p);
    lfrec__zero(p.h, S * sizeof(float));
    p.h[K + 1] = 1.0f;
    p.scalars[0] = p.scalars[1] = 1.0f;
    const int ordinal = model->step > 0.0f;
    lfrec_real of_0 = 0;
    lfrec__mirror(S, S, p.precision);
    for (int round = 0; round < LFREC__ROUNDS; round++) {
        if (round > 0) {
            const lfrec_real errors = ordinal ? lfrec__posterior_look(model, rows, history, 1, &p)
                                              : lfrec__posterior_errors(rows, S, of_0, &p);
            lfrec__posterior_scales(model, &p, history->count, errors);
        }
        if (round == 0 || ordinal) {
            lfrec__copy(p.before, p.h, S * sizeof(float));
            lfrec__zero(p.z, S * sizeof(float));
            of_0 = lfrec__posterior_look(model, rows, history, 0, &p);
        }
        lfrec__posterior_solve(model, rows, &p);
    }
    for (size_t q = 0; q < S; q++) user->factors[q] = p.h[q] / model->gain;
    user->factors[K] = 0.0f; /* in user->mean */
    user->mean = p.h[K] / model->gain;
}

/* Variance of a rating: noise, F S F', and what is not known of F_i; in the setting's units. */
LFREC__INTERNAL float lfrec__bayes_variance(const lfrec_model *model, const lfrec_user *user, uint32_t item)
{
    const size_t S = model->stride, K = model->factors;
    const lfrec__posterior p = lfrec__posterior_at(user->factors + S, S);
    const float *F = model->decoder + item * S, *V = model->variance + item * S;
    float sum = 0.0f, known[LFREC__BLOCK];
    for (size_t first = 0; first <= K + 1; first += LFREC__BLOCK) {
        const size_t n = lfrec__block_of(K + 2 - first);
        lfrec__rows_for(S, LFREC_ISA_AUTO)->decode(S, n, NULL, p.covariance + first * S, F, known);
        for (size_t k = 0; k < n; k++) {
            const size_t q = first + k;
            const float *row = p.covariance + q * S, f = q == K ? 1.0f : F[q];
            sum += f * (known[k] + row[K] * (1.0f - F[K])) + (p.h[q] * p.h[q] + row[q]) * V[q];
        }
    }
    const float tau = model->precision[item] > 0.0f ? model->precision[item] : 1.0f;
    return 1.0f / (tau * p.scalars[0]) + sum;
}

/* Of ordinal ratings: lowest + step * sum over the levels above of the probability to reach them. */
LFREC__INTERNAL float lfrec__expected(const lfrec_model *model, const lfrec_user *user, uint32_t item, float score)
{
    const float deviation = lfrec__sqrtf(lfrec__bayes_variance(model, user, item)) / model->gain + 1e-9f;
    const uint32_t levels = (uint32_t)((model->scale_max - model->scale_min) / model->step + 0.5f);
    float rating = model->scale_min, density;
    for (uint32_t k = 0; k < levels; k++) {
        const float level = model->scale_min + ((float)k + 0.5f) * model->step;
        rating += model->step * lfrec__normal((score - level) / deviation, &density);
    }
    return lfrec__clamp(rating, model->scale_min, model->scale_max);
}
#endif /* LFREC_NO_BAYES */

#ifndef LFREC_NO_RANKING
#define LFREC__RANKING_ROWS 5u /* a user: factors, a direction of scores, three vectors of conjugate gradients */

/* What ratings of 1 .. 5 stars, or of where these are on another scale, mean to LFREC_RANKING. */
LFREC__INTERNAL float lfrec__target(const lfrec_model *model, float value)
{
    static const float targets[] = {0.4f, 0.5f, 0.7f, 0.95f, 1.05f, 1.05f};
    const float at = 4.0f * (lfrec__clamp(value, model->scale_min, model->scale_max) - model->scale_min) /
                     (model->scale_max - model->scale_min);
    const size_t star = (size_t)at;
    return targets[star] + (at - (float)star) * (targets[star + 1] - targets[star]);
}

/* x moves towards A^-1 b by conjugate gradients (Hestenes and Stiefel 1952), A = gram + sum of F_j F_j' + ridge I over
 * the rows `item` of F. `work`: r, d and A d, S floats each. Ends after `rounds`, or when the residual is 1e-5 of b. */
LFREC__INTERNAL void lfrec__conjugate(const lfrec__rows *rows, size_t S, const float *gram, float ridge,
                                      size_t gram_rows, const lfrec_history *history, const float *F, const float *b,
                                      float *x, float *work, int rounds)
{
    float *r = work, *d = work + S, *Ad = work + 2 * S;
    float last = 0.0f, enough = 0.0f;
    for (int round = -1; round < rounds; round++) {
        const float *direction = round < 0 ? x : d; /* first the residual of x */
        int somewhere = round >= 0;                 /* from 0 there is nothing to multiply */
        for (size_t q = 0; q < S && !somewhere; q++) somewhere = x[q] != 0.0f;
        lfrec__zero(Ad, S * sizeof(float));
        if (somewhere) rows->decode(S, gram_rows, NULL, gram, direction, Ad);
        for (size_t q = 0; q < S; q++) Ad[q] += ridge * direction[q];
        for (size_t first = 0; somewhere && first < history->count; first += LFREC__BLOCK) {
            const size_t n = lfrec__block_of(history->count - first);
            float dots[LFREC__BLOCK];
            rows->decode(S, n, history->item + first, F, direction, dots);
            rows->encode(S, n, history->item + first, dots, F, Ad);
        }
        if (round < 0) {
            for (size_t q = 0; q < S; q++) d[q] = r[q] = b[q] - Ad[q];
            rows->decode(S, 1, NULL, r, r, &last);
            rows->decode(S, 1, NULL, b, b, &enough);
            enough *= 1e-10f;
        } else {
            float curvature, square;
            rows->decode(S, 1, NULL, d, Ad, &curvature);
            if (curvature <= 0.0f) return;                          /* numbers so small that their squares are 0 */
            const float step = last / curvature + 0.0f * curvature; /* and so large that they are none: NaN */
            for (size_t q = 0; q < S; q++) {
                x[q] += step * d[q];
                r[q] -= step * Ad[q];
            }
            rows->decode(S, 1, NULL, r, r, &square);
            const float kept = square / last;
            for (size_t q = 0; q < S; q++) d[q] = r[q] + kept * d[q];
            last = square;
        }
        if (last <= enough && lfrec__finite(last)) return;
    }
}

#define LFREC__SOLVED 64 /* rounds of conjugate gradients that are more than enough */

/* a = A_u^-1 b for the user with this history. */
LFREC__INTERNAL void lfrec__rank_solve(const lfrec_model *model, const lfrec_history *history, const float *b, float *a,
                                       float *work)
{
    lfrec__zero(a, model->stride * sizeof(float));
    lfrec__conjugate(lfrec__rows_for(model->stride, LFREC_ISA_AUTO), model->stride, model->gram,
                     model->gain * (float)history->count, model->factors, history, model->decoder, b, a, work,
                     LFREC__SOLVED);
}

LFREC__INTERNAL void lfrec__fold_in_ranking(const lfrec_model *model, const lfrec_history *history, lfrec_user *user)
{
    const lfrec__rows *rows = lfrec__rows_for(model->stride, LFREC_ISA_AUTO);
    const size_t S = model->stride;
    float *b = user->factors + S;
    lfrec__zero(b, S * sizeof(float));
    for (size_t first = 0; first < history->count; first += LFREC__BLOCK) {
        const size_t n = lfrec__block_of(history->count - first);
        float target[LFREC__BLOCK];
        for (size_t k = 0; k < n; k++) target[k] = lfrec__target(model, history->value[first + k]);
        rows->encode(S, n, history->item + first, target, model->decoder, b);
    }
    lfrec__rank_solve(model, history, b, user->factors, user->factors + 2 * S);
}
#endif /* LFREC_NO_RANKING */

LFREC_API size_t lfrec_user_floats(const lfrec_model *model)
{
    if (lfrec__check_model(model) != LFREC_OK) return 0;
    const size_t S = model->stride;
    if (LFREC__FOR_BAYES(model->setting == LFREC_BAYES)) return S + LFREC__FOR_BAYES(lfrec__posterior_floats(S));
    if (LFREC__FOR_RANKING(model->setting == LFREC_RANKING)) return LFREC__FOR_RANKING(LFREC__RANKING_ROWS) * S;
    return LFREC_STRIDE(model->factors);
}

LFREC_API lfrec_status lfrec_fold_in(const lfrec_model *model, const lfrec_history *history, lfrec_user *user)
{
    LFREC__TRY(lfrec__check_model(model));
    LFREC__TRY(lfrec__check_history(history, model->items));
    if (!user || !user->factors) return LFREC_ERROR_ARGUMENT;
    user->mean = model->setting == LFREC_BAYES ? 0.0f : lfrec__user_mean(model, history); /* there a part of the posterior */
    user->rated = history->count;
    lfrec__zero(user->factors, LFREC_STRIDE(lfrec__columns(model->setting, model->factors)) * sizeof(float));
#ifndef LFREC_NO_BAYES
    if (model->setting == LFREC_BAYES) {
        lfrec__fold_in_bayes(model, history, user);
        return lfrec__all_finite(user->factors, model->stride) ? LFREC_OK : LFREC_ERROR_NUMBER;
    }
#endif
#ifndef LFREC_NO_RANKING
    if (model->setting == LFREC_RANKING) {
        lfrec__fold_in_ranking(model, history, user);
        return lfrec__all_finite(user->factors, model->stride) ? LFREC_OK : LFREC_ERROR_NUMBER;
    }
#endif
    lfrec__fold_in_sum(model, history, user);
    return LFREC_OK;
}

LFREC__INTERNAL float lfrec__magnitude(float x)
{
    return x < 0.0f ? -x : x;
}

/* What the means alone say of an item to a user. */
LFREC__INTERNAL float lfrec__baseline(const lfrec_model *model, uint32_t item, float user_mean)
{
    const float baseline = model->item_mean[item] + user_mean;
    return model->setting == LFREC_RANKING ? 0.0f : model->offset ? baseline + model->offset[item] : baseline;
}

/* Those of item `first` and the n - 1 behind it are added to scores. */
LFREC__INTERNAL void lfrec__add_baselines(const lfrec_model *model, size_t first, size_t n, float user_mean, float *scores)
{
    size_t k = 0;
    if (model->setting == LFREC_RANKING) return;
#ifdef LFREC__VECTORS
    const float *mean = model->item_mean + first, *offset = model->offset ? model->offset + first : NULL;
    for (; k + 4 <= n; k += 4) {
        lfrec__v4 baseline = LFREC__OF(lfrec__v4, mean + k) + user_mean;
        if (offset) baseline += LFREC__OF(lfrec__v4, offset + k);
        LFREC__AT(lfrec__v4, scores + k) += baseline;
    }
#endif
    for (; k < n; k++) scores[k] += lfrec__baseline(model, (uint32_t)(first + k), user_mean);
}

/* The predicted rating that a score stands for, or the score where it stands for none. */
LFREC__INTERNAL float lfrec__rating(const lfrec_model *model, const lfrec_user *user, uint32_t item, float score)
{
    (void)user;
    (void)item;
    if (LFREC__FOR_RANKING(model->setting == LFREC_RANKING)) return score;
    if (LFREC__FOR_BAYES(model->step > 0.0f)) return LFREC__FOR_BAYES(lfrec__expected(model, user, item, score));
    return lfrec__clamp(score, model->scale_min, model->scale_max);
}

LFREC__INTERNAL lfrec_status lfrec__check_user(const lfrec_user *user)
{
    return user && user->factors ? LFREC_OK : LFREC_ERROR_ARGUMENT;
}

LFREC_API lfrec_status lfrec_score(const lfrec_model *model, const lfrec_user *user, uint32_t first, uint32_t count,
                                   float *scores)
{
    LFREC__TRY(lfrec__check_model(model));
    LFREC__TRY(lfrec__check_user(user));
    if (!scores && count) return LFREC_ERROR_ARGUMENT;
    if (first > model->items || count > model->items - first) return LFREC_ERROR_RANGE;
    lfrec__decode_rows(model, count, NULL, model->decoder + first * model->stride, user->factors, scores);
    lfrec__add_baselines(model, first, count, user->mean, scores);
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_predict(const lfrec_model *model, const lfrec_user *user, uint32_t item, float *rating)
{
    float score;
    if (!rating) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec_score(model, user, item, 1, &score));
    if (model->setting == LFREC_RANKING) return LFREC_ERROR_ARGUMENT;
    *rating = lfrec__rating(model, user, item, score);
    return LFREC_OK;
}

#ifndef LFREC_NO_BAYES
LFREC_API lfrec_status lfrec_deviation(const lfrec_model *model, const lfrec_user *user, uint32_t item, float *deviation)
{
    LFREC__TRY(lfrec__check_model(model));
    LFREC__TRY(lfrec__check_user(user));
    if (!deviation || model->setting != LFREC_BAYES) return LFREC_ERROR_ARGUMENT;
    if (item >= model->items) return LFREC_ERROR_RANGE;
    *deviation = lfrec__sqrtf(lfrec__bayes_variance(model, user, item)) / model->gain;
    return LFREC_OK;
}
#endif

/* The best `capacity` of a stream of scored items: a heap with the worst of them on top, then sorted. */
typedef struct lfrec__best {
    lfrec_scored *list;
    size_t count, capacity;
} lfrec__best;

/* Whether a belongs before b: higher score, then lower item. A score that is not a number is the lowest. */
LFREC__INTERNAL int lfrec__before(const lfrec_scored *a, const lfrec_scored *b)
{
    if (a->score > b->score) return 1;
    if (a->score == b->score) return a->item < b->item;
    return b->score != b->score && (a->score == a->score || a->item < b->item);
}

LFREC__INTERNAL void lfrec__sift_down(lfrec_scored *heap, size_t at, size_t count)
{
    const lfrec_scored moving = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count) break;
        if (child + 1 < count && lfrec__before(&heap[child], &heap[child + 1])) child++;
        if (!lfrec__before(&moving, &heap[child])) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

LFREC__INTERNAL void lfrec__best_offer(lfrec__best *best, uint32_t item, float score)
{
    lfrec_scored *heap = best->list;
    lfrec_scored offered;
    offered.item = item;
    offered.score = score;
    if (best->count == best->capacity) {
        if (best->capacity == 0 || !lfrec__before(&offered, &heap[0])) return;
        heap[0] = offered;
        lfrec__sift_down(heap, 0, best->count);
        return;
    }
    size_t at = best->count++;
    while (at > 0 && lfrec__before(&heap[(at - 1) / 2], &offered)) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = offered;
}

/* The worst goes to the end, again and again: what is left is in order, best first. */
LFREC__INTERNAL void lfrec__best_sort(lfrec__best *best)
{
    lfrec_scored *list = best->list;
    size_t rising = 1;
    while (rising < best->count && lfrec__before(&list[rising], &list[rising - 1])) rising++;
    if (rising >= best->count) { /* worst first, as lists of many users often are */
        for (size_t low = 0, high = best->count; low + 1 < high; low++) {
            const lfrec_scored worst = list[low];
            list[low] = list[--high];
            list[high] = worst;
        }
        return;
    }
    for (size_t count = best->count; count > 1; count--) {
        const lfrec_scored worst = list[0];
        list[0] = list[count - 1];
        lfrec__sift_down(list, 0, count - 1);
        list[count - 1] = worst;
    }
}

/* Is `item` in a rising list? */
LFREC__INTERNAL int lfrec__contains(const uint32_t *rising, size_t count, uint32_t item)
{
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (rising[middle] < item) low = middle + 1;
        else high = middle;
    }
    return low < count && rising[low] == item;
}

LFREC_API lfrec_query lfrec_query_for(uint32_t count, const lfrec_history *exclude)
{
    lfrec_query query;
    lfrec__zero(&query, sizeof query);
    query.count = count;
    query.min_support = LFREC_MIN_SUPPORT;
    query.exclude = exclude;
    return query;
}

LFREC__INTERNAL lfrec_status lfrec__check_listing(const lfrec_model *model, const lfrec_listing *listing)
{
    const lfrec_query *query = listing->query;
    LFREC__TRY(lfrec__check_user(listing->user));
    if (!query || (!listing->list && query->count)) return LFREC_ERROR_ARGUMENT;
    if (query->exclude) LFREC__TRY(lfrec__check_history(query->exclude, model->items));
    for (size_t k = 0; query->candidates && k < query->candidate_count; k++) {
        if (query->candidates[k] >= model->items) return LFREC_ERROR_RANGE;
    }
    return LFREC_OK;
}

/* Scores of n items: `candidates`, or `first` and those behind it. */
LFREC__INTERNAL void lfrec__score_block(const lfrec_model *model, const lfrec_user *user, size_t first, size_t n,
                                        const uint32_t *candidates, float *scores)
{
    const float *F = candidates ? model->decoder : model->decoder + first * model->stride;
    lfrec__decode_rows(model, n, candidates, F, user->factors, scores);
    for (size_t k = 0; candidates && k < n; k++) scores[k] += lfrec__baseline(model, candidates[k], user->mean);
    if (!candidates) lfrec__add_baselines(model, first, n, user->mean, scores);
}

/* A list in the making. */
LFREC__INTERNAL lfrec__best lfrec__best_of(const lfrec_listing *listing)
{
    const lfrec__best best = {listing->list, listing->found, listing->query->count};
    return best;
}

LFREC__INTERNAL int lfrec__is_full(const lfrec__best *best)
{
    return best->count > 0 && best->count == best->capacity;
}

#define LFREC__EXCLUDED (-3.40282347e+38f) /* an excluded item's score: behind nearly everything */

/* Gives the excluded items below `end` the score LFREC__EXCLUDED; scores[0] is item first's, the next one's is `step`
 * behind. Those below `first` have been taken. */
LFREC__INTERNAL void lfrec__exclude(lfrec_listing *listing, size_t first, size_t end, float *scores, size_t step)
{
    const lfrec_history *exclude = listing->query->exclude;
    size_t k = listing->excluded;
    for (; exclude && k < exclude->count && exclude->item[k] < end; k++)
        scores[(exclude->item[k] - first) * step] = LFREC__EXCLUDED;
    listing->excluded = k;
}

LFREC__INTERNAL int lfrec__may_list(const lfrec_model *model, const lfrec_query *query, uint32_t item)
{
    return model->support[item] >= query->min_support && (!query->filter || query->filter(query->filter_context, item));
}

/* Which of 16 scores are not behind a list's last one, as bits. */
LFREC__INTERNAL unsigned lfrec__hits(const float *scores, float last)
{
#ifdef LFREC__VECTORS
    const lfrec__v4 limit = {last, last, last, last};
    const lfrec__four bit = {1, 2, 4, 8};
    lfrec__four hits = {0, 0, 0, 0};
    LFREC__UNROLL for (int k = 0; k < 16; k += 4) hits |= ~(LFREC__OF(lfrec__v4, scores + k) < limit) & bit << k;
    return (unsigned)(hits[0] | hits[1] | hits[2] | hits[3]);
#else
    unsigned hits = 0;
    for (int k = 0; k < 16; k++) hits |= (unsigned)!(scores[k] < last) << k;
    return hits;
#endif
}

/* The number of the lowest bit that is set. */
LFREC__INTERNAL unsigned lfrec__lowest(unsigned bits)
{
#if defined(__GNUC__) || defined(__clang__)
    return (unsigned)__builtin_ctz(bits);
#else
    unsigned at = 0;
    while (!(bits >> at & 1)) at++;
    return at;
#endif
}

/* Offers n items with these scores to a list: `items`, or `first` and those behind it. Most are behind its last one.
 * scores: LFREC__BLOCK, numbers behind the n-th, too. excluded says of each item whether it is; NULL: look it up. */
LFREC__INTERNAL void lfrec__offer_block(const lfrec_model *model, lfrec_listing *listing, size_t first, size_t n,
                                        const uint32_t *items, const float *scores, const uint8_t *excluded)
{
    const lfrec_history *exclude = listing->query->exclude;
    lfrec__best best = lfrec__best_of(listing);
    for (size_t part = 0; part < n; part += 16) {
        unsigned hits = lfrec__is_full(&best) ? lfrec__hits(scores + part, best.list[0].score) : 0xffffu;
        if (n - part < 16) hits &= 0xffffu >> (16 - (n - part));
        for (; hits; hits &= hits - 1) {
            const size_t k = part + lfrec__lowest(hits);
            const uint32_t item = items ? items[k] : (uint32_t)(first + k);
            if (lfrec__is_full(&best) && scores[k] < best.list[0].score) continue;
            if (excluded ? excluded[k] : exclude && lfrec__contains(exclude->item, exclude->count, item)) continue;
            if (lfrec__may_list(model, listing->query, item)) lfrec__best_offer(&best, item, scores[k]);
        }
    }
    listing->found = best.count;
}

/* Scores and offers n items, at most LFREC__BLOCK: `candidates`, or `first` and those behind it. */
LFREC__INTERNAL void lfrec__list_block(const lfrec_model *model, lfrec_listing *listing, size_t first, size_t n,
                                       const uint32_t *candidates)
{
    float scores[LFREC__BLOCK];
    uint8_t excluded[LFREC__BLOCK];
    if (n < LFREC__BLOCK) lfrec__zero(scores, sizeof scores);
    lfrec__score_block(model, listing->user, first, n, candidates, scores);
    if (!candidates) {
        const size_t from = listing->excluded;
        lfrec__zero(excluded, sizeof excluded);
        lfrec__exclude(listing, first, first + n, scores, 1);
        for (size_t k = from; k < listing->excluded; k++) excluded[listing->query->exclude->item[k] - first] = 1;
    }
    lfrec__offer_block(model, listing, first, n, candidates, scores, candidates ? NULL : excluded);
}

/* Offers items first .. first + n - 1 to a list. */
LFREC__INTERNAL void lfrec__list_items(const lfrec_model *model, lfrec_listing *listing, size_t first, size_t n)
{
    for (size_t done = 0; done < n; done += LFREC__BLOCK) {
        lfrec__list_block(model, listing, first + done, lfrec__block_of(n - done), NULL);
    }
}

/* What a score may be rounded by in all, of the sum of its terms' magnitudes. */
LFREC__INTERNAL float lfrec__rounding(size_t columns)
{
    return (float)(columns + 8) * 2.38418579e-7f; /* 2^-22 */
}

/* |x| or a little more, as squares of the smallest numbers are 0. */
LFREC__INTERNAL float lfrec__norm(float square)
{
    return lfrec__finite(square) ? 1.001f * lfrec__sqrtf(square) + 1e-18f : square;
}

#define LFREC__LISTED 8192u /* items at a time for all users: stay in a cache */

#ifdef LFREC__VECTORS

/* ---- lists of many users --------------------------------------------------------------------------------------------
 *
 * A group of users in the lanes. The matrix product makes their scores faster than lfrec_score, but rounds in another
 * way. So it only says which items cannot get into a list; the others are kept, and scored again as lfrec_score does:
 *
 *     the pilot: what the average user would be shown
 *         the limit of a user becomes what enough of its items reach, less the slack
 *     for each block of items    C (items x users) = F H', H in the lanes
 *         an item whose C + base is not below the user's limit is kept
 *         where no more can be kept: the limit becomes what enough of the kept ones reach, less the slack; others go
 *     the kept ones are scored and offered to the list
 *
 * Two sums of the same K products differ by less than 2 K 2^-24 sum of |F_q h_q|, whatever their order (Higham 2002,
 * section 3.1), and that sum is at most |F_i| |h|. The slack doubles it, and has some for means and offsets. */
#define LFREC__GROUP 32u       /* users, */
#define LFREC__GROUP_HALF 16u  /* or at most these */
#define LFREC__GROUP_LEAST 12u /* fewer are quicker one by one */
#define LFREC__GROUP_ITEMS 256u
#define LFREC__SIFTED 64u      /* items at a time; then limits are looked at anew */
#define LFREC__GROUP_DEPTH 64u /* factors at a time */
#define LFREC__KEPT 64u        /* items of a user, and of the pilot; a multiple of 16 */
#define LFREC__KEPT_LIST 32u   /* a longer list is made another way */

/* The items of a call. */
typedef struct lfrec__listed {
    size_t first, n;
    float norm;    /* the largest of a factor row, or more */
    float base;    /* the largest |mean| + |offset|, or more */
    size_t pilots; /* items of the pilot; 0: there is none */
    float pilot_base[LFREC__KEPT];
    float pilot[LFREC__KEPT * LFREC__GROUP_DEPTH]; /* their rows, a stride apart */
    uint8_t pilot_at[LFREC__LISTED];               /* which of them item first + k is, from 1; 0: none of them */
} lfrec__listed;

typedef struct lfrec__group {
    lfrec_listing *listing[LFREC__GROUP];
    size_t users, lanes;       /* lanes: LFREC__GROUP or its half */
    float slack[LFREC__GROUP]; /* how far two ways of adding up a score may be apart */
    float limit[LFREC__GROUP]; /* what is below it, without the user's mean, gets into no list */
    size_t kept[LFREC__GROUP];
    uint32_t item[LFREC__GROUP][LFREC__KEPT];         /* rising */
    float kept_score[LFREC__GROUP][LFREC__KEPT];      /* LFREC__EXCLUDED behind those kept */
    float base[LFREC__GROUP_ITEMS];                   /* what the means say of an item, but for the user's */
    float factors[LFREC__GROUP_DEPTH * LFREC__GROUP]; /* K x lanes */
    float score[LFREC__GROUP_ITEMS * LFREC__GROUP];   /* items x lanes */
} lfrec__group;

/* An item that reaches limits, and whose: a bit each. */
typedef struct lfrec__reached {
    uint32_t item, users;
} lfrec__reached;

/* Which of 16 scores are not below their limits, as bits. */
LFREC__INLINE unsigned lfrec__reaching_4(const float *score, float base, const float *limit)
{
    const lfrec__four bit = {1, 2, 4, 8};
    lfrec__four hits = {0, 0, 0, 0};
    LFREC__UNROLL for (int k = 0; k < 16; k += 4) hits |=
        (LFREC__OF(lfrec__v4, score + k) + base >= LFREC__OF(lfrec__v4, limit + k)) & bit << k;
    return (unsigned)(hits[0] | hits[1] | hits[2] | hits[3]);
}

#ifdef LFREC__X86
__attribute__((target("avx2"))) LFREC__INLINE unsigned lfrec__reaching_8(const float *score, float base, const float *limit)
{
    const __m256 more = _mm256_set1_ps(base);
    const __m256 low = _mm256_add_ps(_mm256_loadu_ps(score), more);
    const __m256 high = _mm256_add_ps(_mm256_loadu_ps(score + 8), more);
    return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(low, _mm256_loadu_ps(limit), _CMP_GE_OQ)) |
           (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(high, _mm256_loadu_ps(limit + 8), _CMP_GE_OQ)) << 8;
}

__attribute__((target("avx512f"))) LFREC__INLINE unsigned lfrec__reaching_16(const float *score, float base, const float *limit)
{
    const __m512 sum = _mm512_add_ps(_mm512_loadu_ps(score), _mm512_set1_ps(base));
    return _mm512_cmp_ps_mask(sum, _mm512_loadu_ps(limit), _CMP_GE_OQ);
}
#endif

/* The items of n that reach a limit of so many lanes. */
#define LFREC__REACH(name, target, L)                                                                        \
    target LFREC__INTERNAL size_t lfrec__reach_##name(const float *score, size_t lanes, const float *base,   \
                                                      const float *limit, size_t n, lfrec__reached *reached) \
    {                                                                                                        \
        size_t count = 0;                                                                                    \
        for (size_t k = 0; k < n; k++, score += lanes) {                                                     \
            unsigned users = lfrec__reaching_##L(score, base[k], limit);                                     \
            if (lanes > LFREC__GROUP_HALF)                                                                   \
                users |= lfrec__reaching_##L(score + LFREC__GROUP_HALF, base[k], limit + LFREC__GROUP_HALF)  \
                         << LFREC__GROUP_HALF;                                                               \
            reached[count].item = (uint32_t)k;                                                               \
            reached[count].users = users;                                                                    \
            count += users != 0;                                                                             \
        }                                                                                                    \
        return count;                                                                                        \
    }

LFREC__REACH(portable, , 4)
#ifdef LFREC__X86
LFREC__REACH(avx2, __attribute__((target("avx2"))), 8)
LFREC__REACH(avx512, __attribute__((target("avx512f"))), 16)
#endif

LFREC__INTERNAL size_t lfrec__reach(const float *score, size_t lanes, const float *base, const float *limit, size_t n,
                                    lfrec__reached *reached)
{
#ifdef LFREC__X86
    const lfrec_isa isa = lfrec__isa(LFREC_ISA_AUTO);
    if (isa == LFREC_ISA_AVX512) return lfrec__reach_avx512(score, lanes, base, limit, n, reached);
    if (isa == LFREC_ISA_AVX2) return lfrec__reach_avx2(score, lanes, base, limit, n, reached);
#endif
    return lfrec__reach_portable(score, lanes, base, limit, n, reached);
}

/* |x|^2 */
LFREC__INLINE float lfrec__square(const float *x, size_t n)
{
    lfrec__v4 square[4] = {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}};
    float sum = 0.0f;
    size_t q = 0;
    for (; q + 16 <= n; q += 16) {
        LFREC__UNROLL for (size_t p = 0; p < 4; p++)
        {
            const lfrec__v4 v = LFREC__OF(lfrec__v4, x + q + 4 * p);
            square[p] += v * v;
        }
    }
    for (; q < n; q++) sum += x[q] * x[q];
    square[0] += square[1] + (square[2] + square[3]);
    return sum + (square[0][0] + square[0][1] + square[0][2] + square[0][3]);
}

/* What the average of these users would be shown has most of what each of them will be shown, or scores like it. There is
 * no pilot where lists have begun, as they have limits already, for few items, and for more factors than fit. */
LFREC__INTERNAL void lfrec__choose_pilot(const lfrec_model *model, const lfrec_listing *listings, size_t count,
                                         lfrec__listed *items)
{
    float factors[LFREC__GROUP_DEPTH];
    lfrec_scored list[LFREC__KEPT];
    const lfrec_user average = {0.0f, 0, factors};
    lfrec_query query = lfrec_query_for(LFREC__KEPT, NULL);
    lfrec_listing listing = {&average, &query, list, 0, 0};
    const float share = 1.0f / (float)count;
    query.min_support = 0;
    items->pilots = 0;
    if (items->first > 0 || items->n < 8 * LFREC__KEPT || model->stride > LFREC__GROUP_DEPTH) return;
    lfrec__zero(factors, sizeof factors);
    for (size_t u = 0; u < count; u++) {
        const lfrec_query *of = listings[u].query;
        for (size_t q = 0; q < model->stride; q++) factors[q] += share * listings[u].user->factors[q];
        if (of->min_support > query.min_support) query.min_support = of->min_support;
    }
    lfrec__list_items(model, &listing, 0, items->n);
    lfrec__zero(items->pilot_at, sizeof items->pilot_at);
    for (size_t k = 0; k < listing.found; k++) {
        const size_t item = list[k].item, S = model->stride;
        const float *row = model->decoder + item * S;
        for (size_t q = 0; q < S; q += 4)
            LFREC__AT(lfrec__v4, items->pilot + k * S + q) = LFREC__OF(lfrec__v4, row + q);
        items->pilot_base[k] = lfrec__baseline(model, list[k].item, 0.0f);
        items->pilot_at[item] = (uint8_t)(k + 1);
    }
    items->pilots = listing.found;
}

/* The bounds of a call's items. */
LFREC__INTERNAL void lfrec__measure(const lfrec_model *model, lfrec__listed *items)
{
    float norms = 0.0f, bases = 0.0f; /* sums, so that what is no number is not lost */
    items->norm = items->base = 0.0f;
    for (size_t i = items->first; i < items->first + items->n; i += 16) {
        const size_t rows = lfrec__least(16, items->first + items->n - i);
        const float norm = lfrec__square(model->decoder + i * model->stride, rows * model->stride);
        float base = lfrec__square(model->item_mean + i, rows);
        if (model->offset) base += lfrec__square(model->offset + i, rows);
        items->norm = norm > items->norm ? norm : items->norm;
        items->base = base > items->base ? base : items->base;
        norms += norm;
        bases += base;
    }
    items->norm = lfrec__norm(lfrec__finite(norms) ? items->norm : norms);
    items->base = 1.5f * lfrec__norm(lfrec__finite(bases) ? items->base : bases); /* |a| + |b| < 1.5 |(a, b)| */
}

/* A full list's last score is a limit, unless it is no number. */
LFREC__INTERNAL void lfrec__group_limit(const lfrec_model *model, lfrec__group *group, size_t u)
{
    const lfrec_listing *listing = group->listing[u];
    const float mean = model->setting == LFREC_RANKING ? 0.0f : listing->user->mean;
    if (listing->found < listing->query->count || !(listing->list[0].score == listing->list[0].score)) return;
    group->limit[u] = listing->list[0].score - mean - group->slack[u];
}

/* Puts factors `from` and at most LFREC__GROUP_DEPTH behind it into the lanes. */
LFREC__INTERNAL void lfrec__group_factors(const lfrec_model *model, lfrec__group *group, size_t from)
{
    const size_t count = lfrec__least(LFREC__GROUP_DEPTH, model->stride - from);
    for (size_t u = 0; u < group->users; u++) {
        const float *h = group->listing[u]->user->factors + from;
        for (size_t q = 0; q < count; q++) group->factors[q * group->lanes + u] = h[q];
    }
}

/* False where numbers are so large, or none, that the slack says nothing. */
LFREC__INTERNAL int lfrec__group_open(const lfrec_model *model, const lfrec__listed *items, lfrec__group *group)
{
    const float rounding = lfrec__rounding(model->factors);
    int small = 1;
    group->lanes = group->users > LFREC__GROUP_HALF ? LFREC__GROUP : LFREC__GROUP_HALF;
    if (group->users < group->lanes) lfrec__zero(group->factors, sizeof group->factors);
    lfrec__group_factors(model, group, 0);
    for (size_t u = 0; u < LFREC__GROUP; u++) group->limit[u] = -LFREC__EXCLUDED; /* a lane of nobody has no hits */
    for (size_t u = 0; u < group->users; u++) {
        const lfrec_user *user = group->listing[u]->user;
        const float norm = lfrec__norm(lfrec__square(user->factors, model->stride));
        const float reach = norm * items->norm + items->base + lfrec__magnitude(user->mean);
        small &= reach < 1e30f;
        group->slack[u] = rounding * reach;
        group->kept[u] = 0;
        group->limit[u] = LFREC__EXCLUDED;
        lfrec__group_limit(model, group, u);
        for (size_t k = 0; k < LFREC__KEPT; k++) group->kept_score[u][k] = LFREC__EXCLUDED;
    }
    return small;
}

/* Scores of n rows but for the means. */
LFREC__INTERNAL void lfrec__group_score(const lfrec_model *model, const float *rows, size_t n, lfrec__group *group,
                                        float *score)
{
    const size_t K = lfrec__columns(model->setting, model->factors);
    lfrec_gemm g;
    lfrec__zero(&g, sizeof g);
    g.m = n;
    g.n = g.ldb = g.ldc = group->lanes;
    g.lda = model->stride;
    g.b = group->factors;
    g.c = score;
    g.alpha = 1.0f;
    for (size_t from = 0; from < K; from += LFREC__GROUP_DEPTH) {
        g.k = lfrec__least(LFREC__GROUP_DEPTH, K - from);
        if (K > LFREC__GROUP_DEPTH) lfrec__group_factors(model, group, from);
        g.a = rows + from;
        g.beta = from > 0 ? 1.0f : 0.0f;
        const lfrec_status status = lfrec_sgemm(&g);
        LFREC_ASSERT(status == LFREC_OK);
        (void)status;
    }
}

/* How many of `all` scores are higher than each one. Those behind them, up to LFREC__KEPT, are LFREC__EXCLUDED. */
LFREC__INTERNAL void lfrec__rank_portable(const float *score, size_t all, uint8_t *rank)
{
    for (size_t k = 0; k < all; k += 4) {
        lfrec__four before[4] = {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}};
        for (size_t other = 0; other < all; other += 4) {
            const lfrec__v4 others = LFREC__OF(lfrec__v4, score + other);
            LFREC__UNROLL for (size_t r = 0; r < 4; r++) before[r] -= others > score[k + r];
        }
        LFREC__UNROLL for (size_t r = 0; r < 4; r++)
        {
            const int32_t sum = before[r][0] + before[r][1] + before[r][2] + before[r][3];
            rank[k + r] = (uint8_t)sum;
        }
    }
}

#ifdef LFREC__X86
#define LFREC__RANK(name, target, L)                                                                \
    target LFREC__INTERNAL void lfrec__rank_##name(const float *score, size_t all, uint8_t *rank)   \
    {                                                                                               \
        for (size_t k = 0; k < all; k++) {                                                          \
            int higher = 0;                                                                         \
            for (size_t other = 0; other < all; other += L)                                         \
                higher += __builtin_popcount((unsigned)LFREC__HIGHER_##L(score + other, score[k])); \
            rank[k] = (uint8_t)higher;                                                              \
        }                                                                                           \
    }

#define LFREC__HIGHER_8(p, x) _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(p), _mm256_set1_ps(x), _CMP_GT_OQ))
#define LFREC__HIGHER_16(p, x) _mm512_cmp_ps_mask(_mm512_loadu_ps(p), _mm512_set1_ps(x), _CMP_GT_OQ)
LFREC__RANK(avx2, __attribute__((target("avx2,popcnt"))), 8)
LFREC__RANK(avx512, __attribute__((target("avx512f,popcnt"))), 16)
#endif

LFREC__INTERNAL void lfrec__group_rank(const float *score, size_t all, uint8_t *rank)
{
#ifdef LFREC__X86
    const lfrec_isa isa = lfrec__isa(LFREC_ISA_AUTO);
    if (isa == LFREC_ISA_AVX512) lfrec__rank_avx512(score, all, rank);
    else if (isa == LFREC_ISA_AVX2) lfrec__rank_avx2(score, all, rank);
    else
#endif
        lfrec__rank_portable(score, all, rank);
}

/* Raises the limit to what enough of those kept reach. */
LFREC__INTERNAL void lfrec__group_raise(lfrec__group *group, size_t u)
{
    const size_t enough = group->listing[u]->query->count, all = group->kept[u];
    const float *score = group->kept_score[u];
    float by_rank[LFREC__KEPT];
    uint8_t rank[LFREC__KEPT];
    size_t last = enough - 1;
    if (all < enough) return;
    lfrec__group_rank(score, all, rank);
    for (size_t k = 0; k < all; k++) by_rank[k] = LFREC__EXCLUDED; /* a rank behind equal scores has none */
    for (size_t k = 0; k < all; k++) by_rank[rank[k]] = score[k];
    while (by_rank[last] <= LFREC__EXCLUDED) last--;
    const float reached = by_rank[last] - 2.0f * group->slack[u];
    if (reached > group->limit[u]) group->limit[u] = reached;
}

/* Drops those below the limit. */
LFREC__INTERNAL void lfrec__group_drop(lfrec__group *group, size_t u)
{
    float *score = group->kept_score[u];
    const size_t all = group->kept[u];
    size_t kept = 0;
    for (size_t k = 0; k < all; k++) {
        group->item[u][kept] = group->item[u][k];
        score[kept] = score[k];
        kept += !(score[k] < group->limit[u]);
    }
    for (size_t k = kept; k < all; k++) score[k] = LFREC__EXCLUDED;
    group->kept[u] = kept;
}

/* Sets limits by the pilot. Its items come again with the others. */
LFREC__INTERNAL void lfrec__group_pilot(const lfrec_model *model, const lfrec__listed *items, lfrec__group *group)
{
    lfrec__group_score(model, items->pilot, items->pilots, group, group->score + group->lanes); /* row 0 is of none */
    for (size_t u = 0; u < group->users; u++) {
        const lfrec_query *query = group->listing[u]->query;
        const lfrec_history *exclude = query->exclude;
        float *score = group->kept_score[u];
        size_t kept = 0;
        if (query->filter) continue; /* may be costly: not asked twice */
        for (size_t k = 0; exclude && k < exclude->count && exclude->item[k] < items->n; k++)
            group->score[items->pilot_at[exclude->item[k]] * group->lanes + u] = LFREC__EXCLUDED;
        for (size_t k = 0; k < items->pilots; k++) {
            const float product = group->score[(k + 1) * group->lanes + u];
            score[kept] = product + items->pilot_base[k];
            kept += product > LFREC__EXCLUDED;
        }
        group->kept[u] = kept;
        lfrec__group_raise(group, u);
        group->kept[u] = 0;
        for (size_t k = 0; k < items->pilots; k++) score[k] = LFREC__EXCLUDED;
    }
}

/* An empty list gets the best of those kept, worst first: a heap. */
LFREC__INTERNAL void lfrec__group_fill(const lfrec__group *group, size_t u, lfrec__best *best)
{
    uint8_t rank[LFREC__KEPT], equals[LFREC__KEPT];
    const float *score = group->kept_score[u];
    const size_t all = group->kept[u];
    lfrec__group_rank(score, all, rank);
    lfrec__zero(equals, sizeof equals);
    best->count = lfrec__least(best->capacity, all);
    for (size_t k = 0; k < all; k++) {
        const size_t at = rank[k] + equals[rank[k]]++; /* equal scores by rising item */
        if (at >= best->count) continue;
        best->list[best->count - 1 - at].item = group->item[u][k];
        best->list[best->count - 1 - at].score = score[k];
    }
}

/* Scores those kept as lfrec_score does, and offers them to the list. */
LFREC__INTERNAL void lfrec__group_flush(const lfrec_model *model, lfrec__group *group, size_t u)
{
    lfrec_listing *listing = group->listing[u];
    float *score = group->kept_score[u];
    lfrec__best best = lfrec__best_of(listing);
    lfrec__score_block(model, listing->user, 0, group->kept[u], group->item[u], score);
    const int empty = best.count == 0;
    if (empty) lfrec__group_fill(group, u, &best);
    for (size_t k = 0; k < group->kept[u]; k++) {
        if (!empty) lfrec__best_offer(&best, group->item[u][k], score[k]);
        score[k] = LFREC__EXCLUDED;
    }
    group->kept[u] = 0;
    listing->found = best.count;
    lfrec__group_limit(model, group, u);
}

/* Keeps an item for a user. score: but for the user's mean. */
LFREC__INTERNAL void lfrec__group_keep(const lfrec_model *model, lfrec__group *group, size_t u, uint32_t item, float score)
{
    if (score < group->limit[u] || score <= LFREC__EXCLUDED) return; /* the limit may be higher since */
    if (!lfrec__may_list(model, group->listing[u]->query, item)) return;
    group->item[u][group->kept[u]] = item;
    group->kept_score[u][group->kept[u]++] = score;
    if (group->kept[u] < LFREC__KEPT) return;
    lfrec__group_raise(group, u);
    lfrec__group_drop(group, u);
    if (group->kept[u] > LFREC__KEPT / 4 * 3) lfrec__group_flush(model, group, u); /* they are nearly equal */
}

/* Keeps of n items what may get into a list. Limits rise on the way. */
LFREC__INTERNAL void lfrec__group_sift(const lfrec_model *model, lfrec__group *group, size_t first, size_t n)
{
    lfrec__reached reached[LFREC__SIFTED];
    for (size_t done = 0; done < n; done += LFREC__SIFTED) {
        const float *score = group->score + done * group->lanes, *base = group->base + done;
        const size_t rows =
            lfrec__reach(score, group->lanes, base, group->limit, lfrec__least(LFREC__SIFTED, n - done), reached);
        for (size_t r = 0; r < rows; r++) {
            const size_t k = reached[r].item;
            for (unsigned users = reached[r].users; users; users &= users - 1) {
                const size_t u = lfrec__lowest(users);
                const uint32_t item = (uint32_t)(first + done + k);
                lfrec__group_keep(model, group, u, item, score[k * group->lanes + u] + base[k]);
            }
        }
    }
}

/* Offers items to the lists of a group. False: nothing was done. */
LFREC__INTERNAL int lfrec__list_group(const lfrec_model *model, const lfrec__listed *items, lfrec__group *group)
{
    if (!lfrec__group_open(model, items, group)) return 0;
    if (items->pilots > 0) lfrec__group_pilot(model, items, group);
    for (size_t done = 0; done < items->n; done += LFREC__GROUP_ITEMS) {
        const size_t first = items->first + done, n = lfrec__least(LFREC__GROUP_ITEMS, items->n - done);
        lfrec__group_score(model, model->decoder + first * model->stride, n, group, group->score);
        lfrec__zero(group->base, sizeof group->base);
        lfrec__add_baselines(model, first, n, 0.0f, group->base);
        for (size_t u = 0; u < group->users; u++)
            lfrec__exclude(group->listing[u], first, first + n, group->score + u, group->lanes);
        lfrec__group_sift(model, group, first, n);
    }
    for (size_t u = 0; u < group->users; u++) lfrec__group_flush(model, group, u);
    return 1;
}

/* To all lists that are not of candidates, group by group. Its room on the stack is not for callers with few lists. */
__attribute__((noinline)) LFREC__INTERNAL void lfrec__list_groups(const lfrec_model *model, lfrec_listing *listings,
                                                                  size_t count, size_t first, size_t n)
{
    lfrec__listed items;
    lfrec__group group;
    items.first = first;
    items.n = n;
    lfrec__measure(model, &items);
    lfrec__choose_pilot(model, listings, count, &items);
    for (size_t u = 0; u < count;) {
        for (group.users = 0; u < count && group.users < LFREC__GROUP; u++) {
            const lfrec_query *query = listings[u].query;
            if (query->candidates) continue;
            if (query->count > 0 && query->count <= LFREC__KEPT_LIST) group.listing[group.users++] = &listings[u];
            else lfrec__list_items(model, &listings[u], first, n);
        }
        if (group.users >= LFREC__GROUP_LEAST && lfrec__list_group(model, &items, &group)) continue;
        for (size_t v = 0; v < group.users; v++) lfrec__list_items(model, group.listing[v], first, n);
    }
}
#endif

/* To all lists that are not of candidates. */
LFREC__INTERNAL void lfrec__list_all(const lfrec_model *model, lfrec_listing *listings, size_t count, size_t first, size_t n)
{
#ifdef LFREC__VECTORS
    if (count >= LFREC__GROUP_LEAST && !LFREC__FOR_PACKED(model->packed)) {
        lfrec__list_groups(model, listings, count, first, n);
        return;
    }
#endif
    for (size_t u = 0; u < count; u++) {
        if (!listings[u].query->candidates) lfrec__list_items(model, &listings[u], first, n);
    }
}

/* Best first, and ratings. */
LFREC__INTERNAL void lfrec__list_finish(const lfrec_model *model, const lfrec_listing *listing)
{
    lfrec__best best = lfrec__best_of(listing);
    lfrec__best_sort(&best);
    for (size_t k = 0; k < best.count; k++) {
        best.list[k].score = lfrec__rating(model, listing->user, best.list[k].item, best.list[k].score);
    }
}

LFREC_API lfrec_status lfrec_top_many(const lfrec_model *model, lfrec_listing *listings, size_t count)
{
    LFREC__TRY(lfrec__check_model(model));
    if (!listings && count) return LFREC_ERROR_ARGUMENT;
    for (size_t u = 0; u < count; u++) LFREC__TRY(lfrec__check_listing(model, &listings[u]));
    for (size_t u = 0; u < count; u++) {
        const lfrec_query *query = listings[u].query;
        listings[u].found = listings[u].excluded = 0;
        for (size_t first = 0; query->candidates && first < query->candidate_count; first += LFREC__BLOCK) {
            lfrec__list_block(model, &listings[u], first, lfrec__block_of(query->candidate_count - first),
                              query->candidates + first);
        }
    }
    for (size_t first = 0; first < model->items; first += LFREC__LISTED) {
        const size_t left = model->items - first;
        lfrec__list_all(model, listings, count, first, left < LFREC__LISTED ? left : LFREC__LISTED);
    }
    for (size_t u = 0; u < count; u++) lfrec__list_finish(model, &listings[u]);
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_top(const lfrec_model *model, const lfrec_user *user, const lfrec_query *query,
                                 lfrec_scored *list, size_t *found)
{
    lfrec_listing listing;
    listing.user = user;
    listing.query = query;
    listing.list = list;
    if (!found) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec_top_many(model, &listing, 1));
    *found = listing.found;
    return LFREC_OK;
}

/* A score is linear in the history: rated item k adds coefficient (a . A_k) + b . Y_k, with A the encoder in
 * LFREC_ARTICLE and LFREC_SGD, else the decoder; and Y where there is any. */
typedef struct lfrec__sensitivity {
    const float *a, *b;
} lfrec__sensitivity;

#ifndef LFREC_NO_BAYES
/* a = S F_i, b = omega n^-1/2 lambda a; the user's bias is a part of F_i. */
LFREC__INTERNAL lfrec__sensitivity lfrec__bayes_sensitivity(const lfrec_model *model, lfrec_user *user, size_t rated,
                                                            const float *F)
{
    const size_t S = model->stride;
    lfrec__posterior p = lfrec__posterior_at(user->factors + S, S);
    const float scale = p.scalars[1] * lfrec__input_scale(1, rated) / model->gain;
    lfrec__sensitivity to;
    lfrec__copy(p.row, F, S * sizeof(float));
    p.row[model->factors] = 1.0f;
    for (size_t q = 0; q < S; q++) p.share[q] = lfrec__dot(S, p.covariance + q * S, p.row);
    for (size_t q = 0; q < S; q++) p.row[q] = scale * lfrec__lambda(model, q) * p.share[q];
    to.a = p.share;
    to.b = p.row;
    return to;
}

LFREC__INTERNAL float lfrec__bayes_share(const lfrec_model *model, const lfrec_user *user, const lfrec_history *history,
                                         size_t k, const lfrec__sensitivity *to)
{
    const size_t S = model->stride, row = history->item[k] * S;
    const float *F = model->decoder + row;
    const lfrec__posterior p = lfrec__posterior_at(user->factors + S, S);
    const float precision = model->precision[history->item[k]] * p.scalars[0];
    float spread;
    const float y = model->step > 0.0f ? lfrec__dot(S, F, p.before) : 0.0f;
    const float x = lfrec__latent(model, history->item[k], history->value[k], y, precision, &spread);
    return precision * (x - F[model->factors + 1]) / model->gain * lfrec__dot(S, to->a, F) +
           lfrec__dot(S, to->b, model->implicit + row);
}
#endif

#ifndef LFREC_NO_RANKING
/* F_i . A^-1 (sum of target F_k): a = A^-1 F_i. */
LFREC__INTERNAL lfrec__sensitivity lfrec__ranking_sensitivity(const lfrec_model *model, lfrec_user *user,
                                                              const lfrec_history *history, const float *F)
{
    float *room = user->factors + model->stride;
    lfrec__sensitivity to;
    lfrec__rank_solve(model, history, F, room, room + model->stride);
    to.a = to.b = room;
    return to;
}

LFREC__INTERNAL float lfrec__ranking_share(const lfrec_model *model, const lfrec_history *history, size_t k,
                                           const lfrec__sensitivity *to)
{
    return lfrec__target(model, history->value[k]) *
           lfrec__dot(model->stride, to->a, model->decoder + history->item[k] * model->stride);
}
#endif

LFREC__INTERNAL lfrec__sensitivity lfrec__sensitivity_of(const lfrec_model *model, lfrec_user *user,
                                                         const lfrec_history *history, uint32_t item)
{
    const float *F = model->decoder + item * model->stride;
    lfrec__sensitivity to;
    to.a = to.b = F;
#ifndef LFREC_NO_BAYES
    if (model->setting == LFREC_BAYES) return lfrec__bayes_sensitivity(model, user, history->count, F);
#endif
#ifndef LFREC_NO_RANKING
    if (model->setting == LFREC_RANKING) return lfrec__ranking_sensitivity(model, user, history, F);
#endif
    (void)user;
    (void)history;
    return to;
}

LFREC__INTERNAL float lfrec__share(const lfrec_model *model, const lfrec_user *user, const lfrec_history *history,
                                   size_t k, const lfrec__sensitivity *to)
{
    const size_t S = model->stride, row = history->item[k] * S;
    if (LFREC__FOR_BAYES(model->setting == LFREC_BAYES)) {
        return LFREC__FOR_BAYES(lfrec__bayes_share(model, user, history, k, to));
    }
    if (LFREC__FOR_RANKING(model->setting == LFREC_RANKING)) {
        return LFREC__FOR_RANKING(lfrec__ranking_share(model, history, k, to));
    }
    float share = lfrec__dot_rows(model, S, to->a, model->encoder + row) * lfrec__preference(model, history, k, user->mean);
    if (model->implicit) share += lfrec__dot_rows(model, S, to->b, model->implicit + row);
    return lfrec__input_scale(model->scale_input, history->count) * share;
}

LFREC_API lfrec_status lfrec_explain(const lfrec_model *model, lfrec_user *user, const lfrec_history *history,
                                     uint32_t item, lfrec_explanation *explanation)
{
    LFREC__TRY(lfrec__check_model(model));
    LFREC__TRY(lfrec__check_user(user));
    LFREC__TRY(lfrec__check_history(history, model->items));
    if (!explanation || (!explanation->reasons && explanation->room)) return LFREC_ERROR_ARGUMENT;
    if (item >= model->items) return LFREC_ERROR_RANGE;
    const size_t room = explanation->room;
    const lfrec__sensitivity to = lfrec__sensitivity_of(model, user, history, item);
    lfrec_reason *reasons = explanation->reasons;
    size_t kept = 0;
    for (size_t k = 0; k < history->count; k++) {
        lfrec_reason reason;
        reason.item = history->item[k];
        reason.share = lfrec__share(model, user, history, k, &to);
        if (!lfrec__finite(reason.share)) return LFREC_ERROR_NUMBER;
        /* Insertion: reasons are few, and a full list loses its last. */
        size_t at = kept < room ? kept++ : room;
        while (at > 0 && lfrec__magnitude(reason.share) > lfrec__magnitude(reasons[at - 1].share)) {
            if (at < room) reasons[at] = reasons[at - 1];
            at--;
        }
        if (at < room) reasons[at] = reason;
    }
    explanation->count = kept;
    explanation->baseline = lfrec__baseline(model, item, user->mean);
    if (LFREC__FOR_BAYES(model->setting == LFREC_BAYES)) { /* the item's own bias instead of the user's */
        explanation->baseline += model->decoder[item * model->stride + model->factors + 1] / model->gain - user->mean;
    }
    return LFREC_OK;
}

/* ===[ index ]====================================================================================================== */
#ifndef LFREC_NO_INDEX

#define LFREC__STRATUM 512u  /* items; a multiple of LFREC__BLOCK */
#define LFREC__OUTLIER 16.0f /* times the mean square of a row's norm */

/* Columns of the product that a bound is for: not LFREC_BAYES's last one, the item's bias, whose factor is 1. */
LFREC__INTERNAL size_t lfrec__bound_columns(const lfrec_model *model)
{
    return model->setting == LFREC_BAYES ? (size_t)model->factors + 1 : model->factors;
}

/* What init fills in. */
typedef struct lfrec__index_arrays {
    float *rows, *mean, *offset, *norm, *center;
    uint32_t *item;
} lfrec__index_arrays;

/* The rows' place is first that of the items in order, which take two floats each. */
LFREC__INTERNAL lfrec_status lfrec__index_layout(lfrec__arena *arena, const lfrec_model *model, lfrec__index_arrays *to)
{
    const size_t items = model->items;
    to->rows = lfrec__take_floats(arena, items, model->stride < 2 ? 2 : model->stride);
    to->mean = lfrec__take_floats(arena, items, 1);
    to->offset = model->offset ? lfrec__take_floats(arena, items, 1) : NULL;
    to->item = (uint32_t *)lfrec__take(arena, items, sizeof(uint32_t));
    to->norm = lfrec__take_floats(arena, items / LFREC__STRATUM + 1, 1);
    to->center = lfrec__take_floats(arena, lfrec__bound_columns(model), 1);
    return lfrec__arena_status(arena);
}

LFREC_API lfrec_status lfrec_index_size(const lfrec_model *model, size_t *bytes)
{
    lfrec__arena arena = lfrec__arena_measure();
    lfrec__index_arrays arrays;
    LFREC__TRY(lfrec__check_model(model));
    if (!bytes) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__index_layout(&arena, model, &arrays));
    return lfrec__arena_bytes(&arena, bytes);
}

LFREC__INTERNAL float lfrec__item_bias(const lfrec_model *model, size_t item)
{
    return model->setting == LFREC_BAYES ? model->decoder[item * model->stride + lfrec__bound_columns(model)] : 0.0f;
}

/* What an item's score has besides that product and what is the user's. */
LFREC__INTERNAL float lfrec__rest(const lfrec_model *model, size_t item)
{
    return lfrec__baseline(model, (uint32_t)item, 0.0f) + lfrec__item_bias(model, item);
}

/* The magnitudes of its parts, by which it may be rounded. */
LFREC__INTERNAL float lfrec__rest_size(const lfrec_model *model, size_t item)
{
    const float offset = model->offset ? model->offset[item] : 0.0f, bias = lfrec__item_bias(model, item);
    return lfrec__magnitude(model->item_mean[item]) + lfrec__magnitude(offset) + lfrec__magnitude(bias);
}

/* The mean of the rows that are no outliers. Any finite vector would do, and packed rows have 0. `sum` is work space of
 * bound_columns floats. */
LFREC__INTERNAL void lfrec__center(const lfrec_model *model, float *center, float *sum)
{
    const size_t columns = lfrec__bound_columns(model), S = model->stride;
    float squares = 0.0f, finite = 0.0f, met = 0.0f;
    lfrec__zero(center, columns * sizeof *center);
    if (LFREC__FOR_PACKED(model->packed)) return;
    for (size_t i = 0; i < model->items; i++) {
        const float square = lfrec__square_between(columns, model->decoder + i * S, center);
        if (!lfrec__finite(squares + square)) continue;
        squares += square;
        finite += 1.0f;
    }
    lfrec__zero(sum, columns * sizeof *sum);
    for (size_t i = 0; i < model->items; i++) {
        const float *row = model->decoder + i * S;
        if (!(lfrec__square_between(columns, row, center) * finite <= LFREC__OUTLIER * squares)) continue;
        for (size_t q = 0; q < columns; q++) sum[q] += row[q];
        met += 1.0f;
    }
    for (size_t q = 0; q < columns && met > 0.0f; q++) center[q] = sum[q] / met;
    if (!lfrec__all_finite(center, columns)) lfrec__zero(center, columns * sizeof *center);
}

LFREC__INTERNAL float lfrec__norm_from(const lfrec_model *model, size_t item, const float *center)
{
    const float *row = model->decoder + item * model->stride;
    if (LFREC__FOR_PACKED(model->packed)) /* the scale is not squared, as small ones would be 0 */
        return lfrec__magnitude(row[0]) * lfrec__norm((float)LFREC__FOR_PACKED(lfrec__dot_weights(model->stride, row, row)));
    return lfrec__norm(lfrec__square_between(lfrec__bound_columns(model), row, center));
}

/* Items by falling norm, then each stratum's by falling rest. */
LFREC__INTERNAL void lfrec__index_order(lfrec_index *index, const lfrec__index_arrays *to, lfrec_scored *list)
{
    const lfrec_model *model = index->model;
    lfrec__best order = {list, 0, model->items};
    for (uint32_t i = 0; i < model->items; i++) lfrec__best_offer(&order, i, lfrec__norm_from(model, i, to->center));
    lfrec__best_sort(&order);
    for (size_t first = 0; first < model->items; first += LFREC__STRATUM) {
        lfrec__best stratum = {list + first, 0, model->items - first};
        if (stratum.capacity > LFREC__STRATUM) stratum.capacity = LFREC__STRATUM;
        to->norm[first / LFREC__STRATUM] = stratum.list[0].score;
        for (size_t k = 0; k < stratum.capacity; k++) {
            const uint32_t i = stratum.list[k].item;
            const float size = lfrec__rest_size(model, i);
            lfrec__best_offer(&stratum, i, lfrec__rest(model, i));
            if (size > index->rest) index->rest = size;
        }
        lfrec__best_sort(&stratum);
    }
}

LFREC_API lfrec_status lfrec_index_init(lfrec_index *index, const lfrec_model *model, void *memory, size_t bytes)
{
    lfrec__index_arrays to;
    lfrec_index made;
    LFREC__TRY(lfrec__check_model(model));
    if (!index || !memory) return LFREC_ERROR_ARGUMENT;
    lfrec__arena arena = lfrec__arena_over(memory, bytes);
    LFREC__TRY(lfrec__index_layout(&arena, model, &to));
    lfrec__zero(&made, sizeof made);
    made.check = LFREC__CHECK_INDEX;
    made.model = model;
    made.item = to.item;
    made.norm = to.norm;
    made.center = to.center;
    made.ordered = *model;
    made.ordered.decoder = to.rows;
    made.ordered.item_mean = to.mean;
    made.ordered.offset = to.offset;
    made.ordered.writable = 0;
    made.ordered.memory = NULL;
    lfrec__center(model, to.center, to.rows);
    lfrec_scored *list = (lfrec_scored *)(void *)to.rows;
    lfrec__index_order(&made, &to, list);
    for (size_t k = 0; k < model->items; k++) to.item[k] = list[k].item;
    for (size_t k = 0; k < model->items; k++) {
        const size_t i = to.item[k], S = model->stride;
        lfrec__copy(to.rows + k * S, model->decoder + i * S, S * sizeof(float));
        to.mean[k] = model->item_mean[i];
        if (to.offset) to.offset[k] = model->offset[i];
    }
    *index = made;
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_index_create(lfrec_index *index, const lfrec_model *model, const lfrec_allocator *allocator)
{
    lfrec_allocator own;
    size_t bytes;
    if (!index) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__allocator_or_default(allocator, &own));
    LFREC__TRY(lfrec_index_size(model, &bytes));
    void *memory = own.allocate(own.context, bytes);
    if (!memory) return LFREC_ERROR_MEMORY;
    const lfrec_status status = lfrec_index_init(index, model, memory, bytes);
    LFREC_ASSERT(status == LFREC_OK);
    index->memory = memory;
    index->allocator = own;
    return status;
}

LFREC_API void lfrec_index_destroy(lfrec_index *index)
{
    if (!index) return;
    lfrec__release(&index->allocator, index->memory);
    lfrec__zero(index, sizeof *index);
}

/* What bounds a user's scores. */
typedef struct lfrec__bound {
    float from, length; /* an item scores at most from + length * norm + rest, */
    float size; /* and something for rounding: this, and length * norm, bound the magnitudes of all that is added */
    float rounding;
} lfrec__bound;

LFREC__INTERNAL lfrec__bound lfrec__bound_of(const lfrec_index *index, const lfrec_user *user)
{
    const lfrec_model *model = index->model;
    const size_t columns = lfrec__bound_columns(model);
    const float *h = user->factors, *center = index->center, mean = model->setting == LFREC_RANKING ? 0.0f : user->mean;
    const float bias = model->setting == LFREC_BAYES ? lfrec__magnitude(h[columns] - 1.0f) * index->rest : 0.0f;
    lfrec__bound bound;
    bound.length = lfrec__norm(lfrec__dot(columns, h, h));
    bound.from = mean + lfrec__dot(columns, center, h) + bias;
    bound.size =
        bound.length * lfrec__norm(lfrec__dot(columns, center, center)) + index->rest + bias + lfrec__magnitude(mean);
    bound.rounding = lfrec__rounding(columns);
    return bound;
}

/* The most that an item of this norm scores but for its rest. Where numbers overflow the size does, too, and nothing is
 * below this; an item whose row is no numbers is in no full list. */
LFREC__INTERNAL float lfrec__most(const lfrec__bound *bound, float norm)
{
    const float product = bound->length * norm;
    return bound->from + product + bound->rounding * (product + bound->size);
}

LFREC_API lfrec_status lfrec_index_top(const lfrec_index *index, const lfrec_user *user, const lfrec_query *query,
                                       lfrec_scored *list, size_t *found, size_t *scored)
{
    lfrec_listing listing = {user, query, list, 0, 0};
    size_t unused;
    if (!index || !found) return LFREC_ERROR_ARGUMENT;
    if (index->check != LFREC__CHECK_INDEX) return LFREC_ERROR_UNINITIALIZED;
    const lfrec_model *model = index->model, *ordered = &index->ordered;
    if (!scored) scored = &unused;
    LFREC__TRY(lfrec__check_model(model));
    LFREC__TRY(lfrec__check_listing(model, &listing));
    *scored = query->candidate_count;
    if (query->candidates) return lfrec_top(model, user, query, list, found);
    *scored = *found = 0;
    if (query->count == 0) return LFREC_OK;
    const lfrec__bound bound = lfrec__bound_of(index, user);
    for (size_t first = 0, n; first < ordered->items; first += LFREC__STRATUM) {
        const float most = lfrec__most(&bound, index->norm[first / LFREC__STRATUM]);
        const size_t left = ordered->items - first, end = first + (left < LFREC__STRATUM ? left : LFREC__STRATUM);
        for (size_t k = first; k < end; k += n) {
            const lfrec__best best = lfrec__best_of(&listing);
            float scores[LFREC__BLOCK];
            if (lfrec__is_full(&best) && most + lfrec__rest(ordered, k) < list[0].score) break;
            n = lfrec__block_of(end - k);
            if (n < LFREC__BLOCK) lfrec__zero(scores, sizeof scores);
            lfrec__score_block(ordered, user, k, n, NULL, scores);
            lfrec__offer_block(model, &listing, 0, n, index->item + k, scores, NULL);
            *scored += n;
        }
    }
    lfrec__list_finish(model, &listing);
    *found = listing.found;
    return LFREC_OK;
}

#endif /* LFREC_NO_INDEX */

/* ===[ similarity ]================================================================================================= */

LFREC__INTERNAL float lfrec__distance(const lfrec_model *model, lfrec_metric metric, uint32_t a, uint32_t b)
{
    const size_t S = model->stride;
    const float *x = model->decoder + a * S, *y = model->decoder + b * S;
    if (metric == LFREC_EUCLIDEAN && LFREC__FOR_PACKED(model->packed)) {
        return lfrec__sqrtf(lfrec__dot_rows(model, S, x, x) + lfrec__dot_rows(model, S, y, y) -
                            2.0f * lfrec__dot_rows(model, S, x, y));
    }
    if (metric == LFREC_EUCLIDEAN) return lfrec__sqrtf(lfrec__square_between(model->factors, x, y));
    const size_t K = model->setting == LFREC_BAYES ? model->factors : S; /* biases are no taste */
    const float size = lfrec__sqrtf(lfrec__dot_rows(model, K, x, x)) * lfrec__sqrtf(lfrec__dot_rows(model, K, y, y));
    return size > 0.0f ? 1.0f - lfrec__clamp(lfrec__dot_rows(model, K, x, y) / size, -1.0f, 1.0f) : 1.0f;
}

LFREC_API lfrec_status lfrec_distance(const lfrec_model *model, lfrec_metric metric, uint32_t a, uint32_t b, float *distance)
{
    LFREC__TRY(lfrec__check_model(model));
    if (!distance || (metric != LFREC_COSINE && metric != LFREC_EUCLIDEAN)) return LFREC_ERROR_ARGUMENT;
    if (a >= model->items || b >= model->items) return LFREC_ERROR_RANGE;
    *distance = lfrec__distance(model, metric, a, b);
    return LFREC_OK;
}

/* sign -1: the nearest, +1: the farthest. */
LFREC__INTERNAL lfrec_status lfrec__by_distance(const lfrec_model *model, lfrec_metric metric, uint32_t item,
                                                uint32_t count, lfrec_scored *list, size_t *found, float sign)
{
    LFREC__TRY(lfrec__check_model(model));
    if (!found || (!list && count) || (metric != LFREC_COSINE && metric != LFREC_EUCLIDEAN))
        return LFREC_ERROR_ARGUMENT;
    if (item >= model->items) return LFREC_ERROR_RANGE;
    lfrec__best best;
    best.list = list;
    best.count = 0;
    best.capacity = count;
    for (uint32_t other = 0; other < model->items; other++) {
        if (other != item) lfrec__best_offer(&best, other, sign * lfrec__distance(model, metric, item, other));
    }
    lfrec__best_sort(&best);
    for (size_t k = 0; k < best.count; k++) list[k].score *= sign;
    *found = best.count;
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_nearest(const lfrec_model *model, lfrec_metric metric, uint32_t item, uint32_t count,
                                     lfrec_scored *list, size_t *found)
{
    return lfrec__by_distance(model, metric, item, count, list, found, -1.0f);
}

LFREC_API lfrec_status lfrec_farthest(const lfrec_model *model, lfrec_metric metric, uint32_t item, uint32_t count,
                                      lfrec_scored *list, size_t *found)
{
    return lfrec__by_distance(model, metric, item, count, list, found, 1.0f);
}

/* ===[ masks and loss ]============================================================================================= */
#ifndef LFREC_NO_TRAINING

/* One seed, several uses of it that must not see each other's numbers. */
#define LFREC__SEED_WEIGHTS UINT64_C(0x7765696768747300)
#define LFREC__SEED_ORDER UINT64_C(0x6f72646572000000)
#define LFREC__SEED_HOLDOUT UINT64_C(0x686f6c646f757400)
#define LFREC__VALIDATION 0u /* the epoch whose masks measure the held-out error; training counts from 1 */

LFREC_API size_t lfrec_mask(uint64_t seed, uint32_t epoch, uint32_t user, float share, size_t count, uint8_t *hidden)
{
    lfrec_rng rng;
    size_t total = 0;
    lfrec_rng_seed(&rng, seed, (uint64_t)epoch << 32 | user);
    for (size_t k = 0; k < count; k++) {
        hidden[k] = lfrec_rng_uniform(&rng) < share;
        total += hidden[k];
    }
    return total;
}

/* Sums of squares over every fourth entry, and how many entries are hidden. */
typedef struct lfrec__error_sums {
    lfrec_real known[4], hidden[4];
    size_t hidden_count;
} lfrec__error_sums;

#ifdef LFREC__VECTORS
typedef lfrec_real lfrec__two __attribute__((vector_size(2 * sizeof(lfrec_real))));

/* The entries up to a multiple of four, which is returned; the same sums as one by one. */
LFREC__INTERNAL size_t lfrec__add_fours(lfrec__error_sums *sum, const float *predicted, const float *preference,
                                        const uint8_t *hidden, size_t count)
{
    lfrec__two known[2] = {{0, 0}, {0, 0}}, of_hidden[2] = {{0, 0}, {0, 0}};
    lfrec__four hidden_count = {0, 0, 0, 0};
    size_t k = 0;
    for (; k + 4 <= count; k += 4) {
        const lfrec__v4 e = LFREC__OF(lfrec__v4, predicted + k) - LFREC__OF(lfrec__v4, preference + k);
        const lfrec__four flag = {hidden[k], hidden[k + 1], hidden[k + 2], hidden[k + 3]}, mask = flag != 0; /* 0, -1 */
        const lfrec__v4 x = (lfrec__v4)((lfrec__four)e & mask);
        hidden_count -= mask;
        LFREC__UNROLL for (size_t j = 0; j < 2; j++)
        {
            const lfrec__two error = {(lfrec_real)e[2 * j], (lfrec_real)e[2 * j + 1]};
            const lfrec__two hidden_error = {(lfrec_real)x[2 * j], (lfrec_real)x[2 * j + 1]};
            known[j] += error * error;
            of_hidden[j] += hidden_error * hidden_error;
        }
    }
    for (size_t j = 0; j < 4; j++) {
        sum->known[j] = known[j / 2][j % 2];
        sum->hidden[j] = of_hidden[j / 2][j % 2];
        sum->hidden_count += (size_t)hidden_count[j];
    }
    return k;
}
#endif

LFREC_API void lfrec_loss_add(lfrec_loss *loss, const float *predicted, const float *preference, const uint8_t *hidden,
                              size_t count)
{
    static const float share[2] = {0.0f, 1.0f};
    lfrec__error_sums sum;
    size_t k = 0;
    lfrec__zero(&sum, sizeof sum);
#ifdef LFREC__VECTORS
    k = lfrec__add_fours(&sum, predicted, preference, hidden, count);
#endif
    for (; k < count; k++) { /* no branch on what is random, and sums that need not wait for each other */
        const float e = predicted[k] - preference[k], x = share[hidden[k] != 0] * e;
        sum.known[k % 4] += (lfrec_real)e * (lfrec_real)e;
        sum.hidden[k % 4] += (lfrec_real)x * (lfrec_real)x;
        sum.hidden_count += hidden[k] != 0;
    }
    loss->hidden += sum.hidden_count;
    loss->hidden_error += (sum.hidden[0] + sum.hidden[2]) + (sum.hidden[1] + sum.hidden[3]);
    loss->scope_error += (sum.known[0] + sum.known[2]) + (sum.known[1] + sum.known[3]);
    loss->scope += count;
}

LFREC_API lfrec_real lfrec_loss_value(const lfrec_loss *loss, float weight)
{
    lfrec_real value = 0;
    if (loss->hidden) value += (lfrec_real)weight * loss->hidden_error / lfrec__real((int64_t)loss->hidden);
    if (loss->scope) value += (lfrec_real)(1.0f - weight) * loss->scope_error / lfrec__real((int64_t)loss->scope);
    return value;
}

LFREC_API void lfrec_loss_gradient(float loss_weight, uint64_t hidden_count, uint64_t scope_count, const float *predicted,
                                   const float *preference, const uint8_t *hidden, size_t count, float *gradient)
{
    const float of_hidden = hidden_count ? 2.0f * loss_weight / (float)lfrec__real((int64_t)hidden_count) : 0.0f;
    const float of_scope = scope_count ? 2.0f * (1.0f - loss_weight) / (float)lfrec__real((int64_t)scope_count) : 0.0f;
    const float weight[2] = {of_scope, of_hidden + of_scope};
    for (size_t k = 0; k < count; k++) {
        gradient[k] = (predicted[k] - preference[k]) * weight[hidden[k] != 0];
    }
}

/* ===[ training ]=================================================================================================== */

/* Above this share of known entries the matrix products are the quicker way. */
#define LFREC__DENSE_ABOVE 0.30f

LFREC__INTERNAL lfrec_path lfrec__choose_path(const lfrec_options *options, const lfrec_ratings *ratings)
{
    if (options->path != LFREC_PATH_AUTO) return options->path;
    const float entries = (float)ratings->row_start[ratings->users], cells = (float)ratings->users * (float)ratings->items;
    return entries > LFREC__DENSE_ABOVE * cells ? LFREC_PATH_DENSE : LFREC_PATH_SPARSE;
}

/* Users whose steps are taken at once. Parts have to wait for each other two to four times in a batch: the longer it is
 * the less that costs, and the older are the weights that its users start from. */
#define LFREC__TOGETHER 64u
#define LFREC__TOGETHER_WIDE 16u  /* with LFREC_BAYES's posteriors of more than 64 columns, which take much room */
#define LFREC__TOGETHER_SHARE 64u /* but at most this fraction of the users */

LFREC__INTERNAL uint32_t lfrec__together(const lfrec_options *o, uint32_t users)
{
    if (o->setting == LFREC_ARTICLE) return o->batch < users ? o->batch : users;
    if (o->setting == LFREC_RANKING || LFREC__FOR_THREADS(o->threads) == 1 || users < 2 * LFREC__TOGETHER_SHARE)
        return 1;
    const uint32_t most = o->setting == LFREC_BAYES && o->factors > 62 ? LFREC__TOGETHER_WIDE : LFREC__TOGETHER;
    return users / LFREC__TOGETHER_SHARE < most ? users / LFREC__TOGETHER_SHARE : most;
}

/* Rows that do not depend on each other are shared out in smaller pieces, for threads to take as they get done. */
LFREC__INTERNAL size_t lfrec__pieces(size_t parts)
{
    return parts > 1 ? 16 * parts : 1;
}

LFREC__INTERNAL size_t lfrec__parts(const lfrec_trainer *t)
{
    return LFREC__FOR_THREADS(t->options.threads);
}

/* Where part p of `count` things begins. */
LFREC__INTERNAL size_t lfrec__part_at(size_t count, size_t parts, size_t p)
{
    const size_t each = parts > 1 ? count / parts : count, left = count - each * parts;
    return each * p + (p < left ? p : left);
}

#ifndef LFREC_NO_ARTICLE
/* Entries of t->coast: for 0 batches, as many as an epoch can have, the last perhaps not full, and one more. */
LFREC__INTERNAL size_t lfrec__coasts(uint32_t users, uint32_t together)
{
    return users / together + 2;
}

/* Where momentum or decay moves all rows with every batch, but few of them have a gradient. */
LFREC__INTERNAL int lfrec__layout_coast(lfrec__arena *arena, lfrec_trainer *t, const lfrec_options *o, uint32_t users)
{
    const int some = t->path == LFREC_PATH_SPARSE && o->scope != LFREC_SCOPE_ALL;
    if (!some || (o->momentum <= 0.0f && o->weight_decay <= 0.0f)) return 0;
    t->moved = (uint32_t *)lfrec__take(arena, o->items, sizeof(uint32_t));
    t->coast = lfrec__take_floats(arena, lfrec__coasts(users, t->together), 4);
    return 1;
}
#endif

LFREC__INTERNAL lfrec_status lfrec__trainer_layout(lfrec__arena *arena, lfrec_trainer *t, const lfrec_options *o,
                                                   const lfrec_ratings *ratings)
{
    const size_t items = o->items, S = LFREC_STRIDE(lfrec__columns(o->setting, o->factors));
    const int article = LFREC__FOR_ARTICLE(o->setting == LFREC_ARTICLE);
    const int bayes = LFREC__FOR_BAYES(o->setting == LFREC_BAYES), ranking = LFREC__FOR_RANKING(o->setting == LFREC_RANKING);
    const int layers = !bayes && !ranking;
    const size_t batch = t->together = lfrec__together(o, ratings->users), parts = LFREC__FOR_THREADS(o->threads);
    const size_t turns = article && parts > 1 ? 2 : 1;
    const size_t all = ratings->row_start[ratings->users];
    size_t longest = 0, entries = all;
    for (uint32_t user = 0; user < ratings->users; user++) {
        const size_t count = lfrec_history_of(ratings, user).count;
        if (count > longest) longest = count;
    }
    if (batch > 0 && longest < entries / batch) entries = longest * batch; /* the most that a batch can hold */
    t->path = article ? lfrec__choose_path(o, ratings) : LFREC_PATH_SPARSE;
    const int dense = t->path == LFREC_PATH_DENSE, gram = !dense && o->scope == LFREC_SCOPE_ALL;
    t->order = (uint32_t *)lfrec__take(arena, ratings->users, sizeof(uint32_t));
    t->means.item = (lfrec_sum *)lfrec__take(arena, items, sizeof(lfrec_sum));
    t->hidden = (uint8_t *)lfrec__take(arena, layers && parts > 1 ? all : entries, 1);
    t->preference = lfrec__take_floats(arena, entries, 1);
    t->room = entries;
    t->input = lfrec__take_floats(arena, entries, turns);
    t->predicted = lfrec__take_floats(arena, entries, 1);
    t->factors = lfrec__take_floats(arena, batch, parts * S);
    t->factors_gradient = lfrec__take_floats(arena, batch, parts * S);
    t->range = (uint32_t *)lfrec__take(arena, parts + 1, sizeof(uint32_t));
    t->entry = (size_t *)lfrec__take(arena, batch * parts + 1, turns * sizeof(size_t));
    t->cut = (uint32_t *)lfrec__take(arena, ratings->users, (parts - 1) * sizeof(uint32_t));
    t->visible = (uint32_t *)lfrec__take(arena, parts > 1 ? ratings->users : batch, sizeof(uint32_t));
    t->scale = lfrec__take_floats(arena, parts > 1 ? ratings->users : batch, 1);
    t->losses = (lfrec_loss *)lfrec__take(arena, lfrec__pieces(parts), sizeof(lfrec_loss));
    if (!article && !ranking) {
        t->prior = lfrec__take_floats(arena, items, S);
        t->prior_user = lfrec__take_floats(arena, ratings->users, S);
        t->pull = lfrec__take_floats(arena, batch, parts * S);
        t->root = lfrec__take_floats(arena, items, 1);
        t->squares = parts > 1 ? lfrec__take_floats(arena, ratings->users, 1) : NULL;
    }
    if (bayes) {
        t->item_precision = lfrec__take_floats(arena, items, S);
        t->implicit_precision = lfrec__take_floats(arena, items, S);
        t->user_precision = lfrec__take_floats(arena, ratings->users, 1);
        t->user_spread = lfrec__take_floats(arena, ratings->users, 1);
        t->user_state = o->step > 0.0f ? lfrec__take_floats(arena, ratings->users, S) : NULL;
        t->item_error = lfrec__take_floats(arena, items, 1);
        t->constants = lfrec__take_floats(arena, LFREC__CONSTANTS, S);
        t->posterior = lfrec__take_floats(arena, batch, LFREC__FOR_BAYES(lfrec__posterior_floats(S)));
        t->known = lfrec__take_floats(arena, parts * LFREC__BLOCK, S);
        t->nu = (lfrec_real *)lfrec__take(arena, batch, parts * sizeof(lfrec_real));
    }
    if (ranking) {
        t->user_factors = lfrec__take_floats(arena, ratings->users, S);
        t->gram = lfrec__take_floats(arena, parts * S, S);
        t->posterior = lfrec__take_floats(arena, LFREC__FOR_RANKING(LFREC__RANKING_ROWS) * lfrec__pieces(parts), S);
        t->by_item = (size_t *)lfrec__take(arena, items + 1, sizeof(size_t));
        t->rater = (uint32_t *)lfrec__take(arena, all, sizeof(uint32_t));
        t->target = lfrec__take_floats(arena, all, 1);
        t->target_by_user = lfrec__take_floats(arena, all, 1);
    }
    if (article || (layers && parts > 1)) t->user_mean = lfrec__take_floats(arena, ratings->users, 1);
    if (article) {
        t->encoder_gradient = lfrec__take_floats(arena, items, S);
        t->decoder_gradient = lfrec__take_floats(arena, items, S);
        const int late = LFREC__FOR_ARTICLE(lfrec__layout_coast(arena, t, o, ratings->users));
        t->encoder_velocity = late || o->momentum > 0.0f ? lfrec__take_floats(arena, items, S) : NULL;
        t->decoder_velocity = late || o->momentum > 0.0f ? lfrec__take_floats(arena, items, S) : NULL;
        t->touched_count = (uint32_t *)lfrec__take(arena, parts, sizeof(uint32_t));
        t->touched = (uint32_t *)lfrec__take(arena, items, sizeof(uint32_t));
        t->is_touched = (uint8_t *)lfrec__take(arena, items, 1);
        t->gram = gram ? lfrec__take_floats(arena, parts * S, S) : NULL;
        t->dense_input = dense ? lfrec__take_floats(arena, batch, items) : NULL;
        t->dense_error = dense ? lfrec__take_floats(arena, batch, items) : NULL;
        t->gemm_scratch_bytes = dense || gram ? lfrec_sgemm_scratch_size() : 0;
        t->gemm_scratch = t->gemm_scratch_bytes ? lfrec__take(arena, parts, t->gemm_scratch_bytes) : NULL;
    }
    if (o->holdout > 0.0f) LFREC__TRY(lfrec__model_over_options(&t->best, arena, o));
    return lfrec__model_over_options(&t->model, arena, o);
}

LFREC__INTERNAL lfrec_status lfrec__check_training(const lfrec_options *options, const lfrec_ratings *ratings)
{
    LFREC__TRY(lfrec_options_check(options, NULL));
    LFREC__TRY(lfrec_ratings_check(ratings, NULL));
    if (ratings->items != options->items) return LFREC_ERROR_ARGUMENT;
    return ratings->row_start[ratings->users] > 0 ? LFREC_OK : LFREC_ERROR_EMPTY;
}

LFREC_API lfrec_status lfrec_trainer_size(const lfrec_options *options, const lfrec_ratings *ratings, size_t *bytes)
{
    lfrec__arena arena = lfrec__arena_measure();
    lfrec_trainer trainer;
    if (!bytes) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__check_training(options, ratings));
    lfrec__zero(&trainer, sizeof trainer);
    LFREC__TRY(lfrec__trainer_layout(&arena, &trainer, options, ratings));
    return lfrec__arena_bytes(&arena, bytes);
}

/* Users with ratings in random order; the last share of them is held out, at least one stays. */
LFREC__INTERNAL void lfrec__deal_users(lfrec_trainer *t)
{
    uint32_t count = 0;
    for (uint32_t user = 0; user < t->ratings->users; user++) {
        if (lfrec_history_of(t->ratings, user).count > 0) t->order[count++] = user;
    }
    lfrec_rng rng;
    lfrec_rng_seed(&rng, t->options.seed ^ LFREC__SEED_HOLDOUT, 0);
    lfrec_rng_shuffle(&rng, t->order, count);
    t->held_out_users = (uint32_t)(t->options.holdout * (float)count);
    if (t->held_out_users >= count) t->held_out_users = count - 1;
    t->training_users = count - t->held_out_users;
}

/* Every part's items have about the same number of ratings, a step of LFREC_ARTICLE taken for one, and the batch's
 * column of a dense item for half as many. */
LFREC__INTERNAL void lfrec__deal_items(lfrec_trainer *t)
{
    const size_t parts = lfrec__parts(t), users = t->ratings->users, items = t->model.items;
    const size_t row = !t->encoder_gradient ? 0 : users / (t->path == LFREC_PATH_DENSE ? 2 : t->together);
    const size_t all = t->ratings->row_start[users] + items * row;
    uint32_t i = 0;
    size_t met = 0;
    for (size_t p = 0; p < parts; p++) {
        while (i < items && met < lfrec__part_at(all, parts, p)) met += t->model.support[i++] + row;
        t->range[p] = i;
    }
    t->range[parts] = (uint32_t)items;
    for (uint32_t user = 0; user < t->ratings->users; user++) {
        const lfrec_history history = lfrec_history_of(t->ratings, user);
        size_t k = 0;
        for (size_t p = 1; p < parts; p++) {
            while (k < history.count && history.item[k] < t->range[p]) k++;
            t->cut[user * (parts - 1) + p - 1] = (uint32_t)k;
        }
    }
}

LFREC__INTERNAL void lfrec__random_weights(lfrec_trainer *t)
{
    lfrec_rng rng;
    lfrec_rng_seed(&rng, t->options.seed ^ LFREC__SEED_WEIGHTS, 0);
    for (size_t i = 0; i < t->model.items; i++) {
        for (size_t q = 0; q < t->model.factors; q++) {
            if (t->encoder) t->encoder[i * t->model.stride + q] = lfrec_rng_normal(&rng);
            t->decoder[i * t->model.stride + q] = lfrec_rng_normal(&rng);
        }
    }
}

LFREC__INTERNAL void lfrec__scale_weights(lfrec_trainer *t)
{
    /* LFREC_SGD's deviation is for preferences of the standard size; an encoder takes such sizes in, a decoder gives
     * them out. */
    const float gain = t->model.setting == LFREC_SGD ? lfrec__sqrtf(t->gain_square) : 1.0f;
    for (size_t i = 0; i < t->model.items; i++) {
        const float rated = t->model.support[i] ? 1.0f : 0.0f; /* an item that nobody rated stays at 0: the means alone */
        for (size_t q = 0; q < t->model.factors; q++) {
            if (t->encoder) t->encoder[i * t->model.stride + q] *= rated * gain * t->options.start_deviation;
            t->decoder[i * t->model.stride + q] *= rated * t->options.start_deviation / gain;
        }
    }
}

LFREC__INTERNAL void lfrec__deal_out(const lfrec_options *o, size_t parts, lfrec_task *task, void *work)
{
    if (LFREC__FOR_THREADS(o->threads) > 1 && o->parallel) {
        o->parallel(o->parallel_context, parts, task, work);
    } else {
        for (size_t part = 0; part < parts; part++) task(work, part);
    }
}

/* What takes longest before training, and does not wait for each other. */
typedef struct lfrec__start {
    lfrec_trainer *t;
    int fresh;
    lfrec_status status;
} lfrec__start;

LFREC__INTERNAL void lfrec__start_part(void *work, size_t part)
{
    lfrec__start *s = (lfrec__start *)work;
    if (part > 0) s->status = lfrec_means_add_all(&s->t->means, s->t->ratings);
    else if (s->fresh) lfrec__random_weights(s->t);
}

LFREC__INTERNAL void lfrec__zero_floats(float *x, size_t count)
{
    if (x) lfrec__zero(x, count * sizeof *x);
}

/* (deviation / root mean square of the preferences)^2; 1 where every preference is 0. */
LFREC__INTERNAL float lfrec__gain_square(const lfrec_trainer *t, float deviation)
{
    lfrec_real squares = 0;
    for (uint32_t user = 0; user < t->ratings->users; user++) {
        const lfrec_history history = lfrec_history_of(t->ratings, user);
        const float user_mean = lfrec__user_mean(&t->model, &history);
        for (size_t k = 0; k < history.count; k++) {
            const lfrec_real p = (lfrec_real)lfrec__preference(&t->model, &history, k, user_mean);
            squares += p * p;
        }
    }
    const float mean = (float)(squares / (lfrec_real)t->ratings->row_start[t->ratings->users]);
    return mean > 1e-12f ? deviation * deviation / mean : 1.0f;
}

#ifndef LFREC_NO_BAYES
/* LFREC_BAYES: constants for a standard deviation of LFREC__BAYES_DEVIATION; precisions of priors: of F and its bias,
 * of Y and its bias (the user's), of X and its bias (the item's). */
#define LFREC__A 200.0f
#define LFREC__A_BIAS 12.0f
#define LFREC__A_Y 10.0f
#define LFREC__A_Y_BIAS 30.0f
#define LFREC__A_X 200.0f
#define LFREC__A_X_BIAS 15.0f
#define LFREC__NOISE 0.75f         /* variance of a rating to start from */
#define LFREC__ITEM_PRIOR 15.0f    /* weight of the prior of tau_i */
#define LFREC__PRECISION_MOST 1e4f /* of tau_i: ratings without noise would send it to infinity */

/* The item's posterior precision of a new or given model, the first user state, and the constants column by column.
 * Columns that are free in nothing get a precision of 1, so that nothing divides by 0. An item's bias is kept against
 * the mean that it is relative to. */
LFREC__INTERNAL void lfrec__init_bayes(lfrec_trainer *t, const lfrec_model *start)
{
    const size_t S = t->model.stride, K = t->model.factors;
    float *lambda = t->constants, *a = lambda + S, *a_Y = a + S, *a_X = a_Y + S, *open = a_X + S;
    float *variance = lfrec__floats(t->model.variance), *precision = lfrec__floats(t->model.precision);
    for (size_t q = 0; q < S; q++) {
        lambda[q] = lfrec__lambda(&t->model, q);
        open[q] = q < K || q == K + 1 ? 1.0f : 0.0f;
        a[q] = q < K ? LFREC__A : q == K + 1 ? LFREC__A_BIAS : 1.0f;
        a_Y[q] = q < K ? LFREC__A_Y : q == K ? LFREC__A_Y_BIAS : 1.0f;
        a_X[q] = q < K ? LFREC__A_X : q == K + 1 ? LFREC__A_X_BIAS : 1.0f;
    }
    for (size_t i = 0; i < t->model.items; i++) {
        float *D = t->item_precision + i * S, *E = t->implicit_precision + i * S, *V = variance + i * S;
        const int fresh = !start || i >= start->items || !(precision[i] > 0.0f);
        if (fresh) precision[i] = 1.0f / LFREC__NOISE;
        else t->decoder[i * S + K + 1] += t->model.gain * (start->item_mean[i] - t->model.item_mean[i]);
        t->decoder[i * S + K] = 1.0f;
        t->prior[i * S + K] = 1.0f;
        t->prior[i * S + K + 1] = t->model.gain * (t->model.mean - t->model.item_mean[i]);
        for (size_t q = 0; q < S; q++) {
            const float support = q == K + 1 ? precision[i] * (float)t->model.support[i] : 0.0f;
            D[q] = !fresh && V[q] > 0.0f ? 1.0f / V[q] : a[q] + support;
            V[q] = open[q] / D[q];
            E[q] = a_Y[q];
        }
    }
    for (size_t u = 0; u < t->ratings->users; u++) {
        t->user_precision[u] = t->user_spread[u] = 1.0f;
        if (!t->user_state) continue;
        const lfrec_history history = lfrec_history_of(t->ratings, (uint32_t)u);
        lfrec__zero(t->user_state + u * S, S * sizeof(float));
        t->user_state[u * S + K] = t->model.gain * lfrec__user_mean(&t->model, &history);
        t->user_state[u * S + K + 1] = 1.0f;
    }
}

#endif /* LFREC_NO_BAYES */

/* c = sum of 1 / n_i over a user's items. */
LFREC__INTERNAL float lfrec__squares_of(const lfrec_trainer *t, const lfrec_history *history)
{
    float c = 0.0f;
    for (size_t k = 0; k < history->count; k++) c += t->root[history->item[k]] * t->root[history->item[k]];
    return c;
}

#ifndef LFREC_NO_RANKING
/* LFREC_RANKING: targets by user and by item. A counting sort: by_item[i + 1] is first where item i starts, then the
 * end of what has been placed. */
LFREC__INTERNAL void lfrec__init_ranking(lfrec_trainer *t)
{
    const size_t *start = t->ratings->row_start;
    size_t placed = 0;
    for (size_t i = 0; i < t->model.items; i++) {
        t->by_item[i + 1] = placed;
        placed += t->model.support[i];
    }
    for (uint32_t user = 0; user < t->ratings->users; user++) {
        for (size_t k = start[user]; k < start[user + 1]; k++) {
            const size_t at = t->by_item[t->ratings->item[k] + 1]++;
            t->target_by_user[k] = lfrec__target(&t->model, t->ratings->value[k]);
            t->rater[at] = user;
            t->target[at] = t->target_by_user[k];
        }
    }
    t->by_item[0] = 0;
}
#endif

LFREC_API lfrec_status lfrec_trainer_init(lfrec_trainer *trainer, const lfrec_options *options,
                                          const lfrec_ratings *ratings, const lfrec_model *start, void *memory, size_t bytes)
{
    lfrec_trainer made;
    if (!trainer || !memory) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__check_training(options, ratings));
    lfrec__zero(&made, sizeof made);
    lfrec__arena arena = lfrec__arena_over(memory, bytes);
    LFREC__TRY(lfrec__trainer_layout(&arena, &made, options, ratings));
    if (start) LFREC__TRY(lfrec__check_source(&made.model, start));
    made.check = LFREC__CHECK_TRAINER;
    made.options = *options;
    made.ratings = ratings;
    made.encoder = lfrec__floats(made.model.encoder);
    made.decoder = lfrec__floats(made.model.decoder);
    made.offset = lfrec__floats(made.model.offset);
    made.implicit = lfrec__floats(made.model.implicit);
    const size_t items = options->items, S = made.model.stride;
    lfrec__zero_floats(made.encoder_gradient, items * S);
    lfrec__zero_floats(made.decoder_gradient, items * S);
    lfrec__zero_floats(made.encoder_velocity, items * S);
    lfrec__zero_floats(made.decoder_velocity, items * S);
    lfrec__zero_floats(made.prior, items * S);
    lfrec__zero_floats(made.prior_user, ratings->users * S);
    lfrec__zero_floats(made.user_factors, ratings->users * S);
    if (made.is_touched) {
        lfrec__zero(made.is_touched, items);
        lfrec__zero(made.touched_count, lfrec__parts(&made) * sizeof(uint32_t));
    }
    lfrec__zero(made.means.item, items * sizeof(lfrec_sum));
    made.means.items = options->items;
    lfrec__start all;
    all.t = &made;
    all.fresh = !start;
    lfrec__deal_out(options, 2, lfrec__start_part, &all);
    LFREC__TRY(all.status);
    LFREC__TRY(lfrec_model_set_means(&made.model, &made.means));
    for (size_t i = 0; made.root && i < items; i++) {
        made.root[i] = made.model.support[i] ? 1.0f / lfrec__sqrtf((float)made.model.support[i]) : 0.0f;
    }
    made.gain_square = 1.0f;
    if (options->setting == LFREC_SGD) made.gain_square = lfrec__gain_square(&made, LFREC__SGD_DEVIATION);
#ifndef LFREC_NO_BAYES
    if (options->setting == LFREC_BAYES) {
        made.gain_square = start ? start->gain * start->gain : lfrec__gain_square(&made, LFREC__BAYES_DEVIATION);
        made.model.gain = start ? start->gain : lfrec__sqrtf(made.gain_square); /* the weights are in these units */
    }
#endif
    for (uint32_t user = 0; user < ratings->users; user++) {
        const lfrec_history history = lfrec_history_of(ratings, user);
        if (made.user_mean) made.user_mean[user] = lfrec__user_mean(&made.model, &history);
        if (made.squares) made.squares[user] = lfrec__squares_of(&made, &history);
    }
    lfrec__deal_users(&made);
    lfrec__deal_items(&made);
    if (start) {
        lfrec__copy_weights(&made.model, start);
        LFREC__TRY(lfrec_model_set_means(&made.model, &made.means)); /* the weights are start's, the means these ratings' */
    } else {
        lfrec__scale_weights(&made);
    }
#ifndef LFREC_NO_BAYES
    if (options->setting == LFREC_BAYES) lfrec__init_bayes(&made, start);
#endif
#ifndef LFREC_NO_RANKING
    if (options->setting == LFREC_RANKING) lfrec__init_ranking(&made);
#endif
    made.at.epochs = options->epochs;
    *trainer = made;
    return LFREC_OK;
}

/* What the parts of a step have in common. A user's rows and entries are numbered by b, its place among `users`. */
typedef struct lfrec__work {
    lfrec_trainer *t;
    const lfrec__rows *rows;
    const lfrec_model *model; /* the trainer's, or the one that lfrec_trainer_error looks at */
    const uint32_t *users;
    uint32_t first, count, epoch; /* of users: those before `first` are done */
    size_t least;                 /* users with fewer ratings are left out */
    lfrec_loss met;               /* LFREC_ARTICLE: in this batch, */
    int step;                     /* and whether the weights move, */
    size_t turn;                  /* whose room it has, */
    struct lfrec__work *last;     /* and the batch before, where the encoder's steps are still due */
    const float *X;               /* LFREC_RANKING: rows to sum a Gram matrix over, */
    size_t rows_of_X;             /* so many */
} lfrec__work;

LFREC__INTERNAL lfrec__work lfrec__work_for(lfrec_trainer *t)
{
    lfrec__work w;
    lfrec__zero(&w, sizeof w);
    w.t = t;
    w.rows = lfrec__rows_for(t->model.stride, t->options.isa);
    w.model = &t->model;
    w.epoch = t->at.epoch;
    return w;
}

LFREC__INTERNAL void lfrec__do_parts(lfrec__work *w, size_t parts, lfrec_task *task)
{
    lfrec__deal_out(&w->t->options, parts, task, w);
}

LFREC__INTERNAL void lfrec__loss_join(lfrec_loss *sum, const lfrec_loss *more)
{
    sum->hidden_error += more->hidden_error;
    sum->scope_error += more->scope_error;
    sum->hidden += more->hidden;
    sum->scope += more->scope;
}

/* What the parts have met, in their order. */
LFREC__INTERNAL lfrec_loss lfrec__losses(const lfrec_trainer *t, size_t parts)
{
    lfrec_loss sum = t->losses[0];
    for (size_t p = 1; p < parts; p++) lfrec__loss_join(&sum, &t->losses[p]);
    return sum;
}

LFREC__INTERNAL lfrec_history lfrec__history_at(const lfrec__work *w, uint32_t b)
{
    return lfrec_history_of(w->t->ratings, w->users[b]);
}

LFREC__INTERNAL size_t *lfrec__entries(const lfrec__work *w)
{
    return w->t->entry + w->turn * (w->t->together * lfrec__parts(w->t) + 1);
}

/* Where a part's items start in user b's history. */
LFREC__INTERNAL size_t lfrec__cut_at(const lfrec__work *w, uint32_t b, size_t part)
{
    const size_t parts = lfrec__parts(w->t);
    if (part == 0) return 0;
    return part < parts ? w->t->cut[w->users[b] * (parts - 1) + part - 1] : lfrec__history_at(w, b).count;
}

/* Room for the entries of `count` users: a part's beside each other, which no other part's processor then writes, but a
 * user's for LFREC_BAYES, which encodes by users. */
LFREC__INTERNAL void lfrec__seat(lfrec__work *w, const uint32_t *users, uint32_t count)
{
    lfrec_trainer *t = w->t;
    const size_t parts = lfrec__parts(t), all = count * parts, inner = t->encoder ? count : parts;
    size_t at = 0, *entry = lfrec__entries(w);
    w->users = users;
    w->count = count;
    for (size_t outer = 0; outer < all; outer += inner) {
        for (size_t k = 0; k < inner; k++) {
            const size_t b = t->encoder ? k : outer / inner, part = t->encoder ? outer / inner : k;
            entry[b * parts + part] = at;
            at += lfrec__cut_at(w, (uint32_t)b, part + 1) - lfrec__cut_at(w, (uint32_t)b, part);
        }
    }
    entry[all] = at;
}

/* Where user b's scale and sum of squares are, */
LFREC__INTERNAL size_t lfrec__place(const lfrec__work *w, uint32_t b)
{
    return lfrec__parts(w->t) > 1 ? w->users[b] : b;
}

/* and the mask. */
LFREC__INTERNAL uint8_t *lfrec__mask_of(const lfrec__work *w, uint32_t b)
{
    const lfrec_trainer *t = w->t;
    return t->hidden + (lfrec__parts(t) > 1 ? t->ratings->row_start[w->users[b]] : t->entry[b]);
}

/* A part's items of a user, and their entries. */
typedef struct lfrec__slice {
    lfrec_history of;
    uint8_t *hidden;
    float *preference, *input, *predicted;
} lfrec__slice;

LFREC__INTERNAL lfrec__slice lfrec__slice_of(const lfrec__work *w, uint32_t b, size_t part)
{
    const lfrec_trainer *t = w->t;
    const size_t entry = lfrec__entries(w)[b * lfrec__parts(t) + part];
    const size_t first = lfrec__cut_at(w, b, part), end = lfrec__cut_at(w, b, part + 1);
    lfrec__slice s;
    s.of = lfrec__history_at(w, b);
    if (first > 0) { /* NULL, where there is nothing, has no next */
        s.of.item += first;
        s.of.value += first;
    }
    s.of.count = s.of.count < w->least ? 0 : end - first;
    s.hidden = lfrec__mask_of(w, b) + first;
    s.preference = t->preference + entry;
    s.input = t->input + w->turn * t->room + entry;
    s.predicted = t->predicted + entry;
    return s;
}

/* sum: `count` floats of each part, the next part's `next` further on. The first become the sum. */
LFREC__INTERNAL void lfrec__sum(float *sum, size_t count, size_t parts, size_t next)
{
    for (size_t p = 1; p < parts; p++) {
        for (size_t q = 0; q < count; q++) sum[q] += sum[p * next + q];
    }
}

/* rows: `parts` rows of S floats each for user b. */
LFREC__INTERNAL float *lfrec__sum_parts(const lfrec_trainer *t, float *rows, uint32_t b)
{
    const size_t S = t->model.stride, parts = lfrec__parts(t);
    float *sum = rows + b * parts * S;
    lfrec__sum(sum, S, parts, S);
    return sum;
}

/* The same for all users of the batch. */
LFREC__INTERNAL void lfrec__sum_all(const lfrec__work *w, float *rows)
{
    for (uint32_t b = w->first; b < w->count; b++) lfrec__sum_parts(w->t, rows, b);
}

#ifdef LFREC__VECTORS
#define LFREC__NEAR ((size_t)1 << 18) /* floats: an array no larger stays in a cache without being asked for */
#define LFREC__AHEAD 128u             /* ratings: what is asked for still finds room near */

/* Which items' rows the steps of user b's items from `first` on ask for: those of the part's next user. */
LFREC__INTERNAL size_t lfrec__ahead(const lfrec__work *w, uint32_t b, size_t part, size_t first, const uint32_t **item)
{
    const lfrec_trainer *t = w->t;
    const int alone = lfrec__parts(t) == 1;
    if (t->model.items * (size_t)t->model.stride <= LFREC__NEAR) return 0;
    if (alone ? w->users + b + 1 >= t->order + t->training_users : b + 1 >= w->count) return 0;
    const lfrec_history next = alone ? lfrec__history_at(w, b + 1) : lfrec__slice_of(w, b + 1, part).of;
    const size_t n = next.count < LFREC__AHEAD ? next.count : LFREC__AHEAD;
    *item = next.item + first;
    return n > first ? n - first : 0;
}

/* Asks for user b's sum, which another part may have made. */
LFREC__INLINE void lfrec__ask_sum(const lfrec__work *w, uint32_t b, const float *rows)
{
    const size_t parts = lfrec__parts(w->t);
    if (parts > 1 && b < w->count) lfrec__ask(w->model->stride, b * parts, rows, rows);
}

/* Asks for what users to come in t->order are found by: of the next the prior's vector, of the one after that the
 * ratings, and where those of a later one are. */
LFREC__INLINE void lfrec__ask_user(const lfrec_trainer *t, const uint32_t *user)
{
    if (t->order + t->training_users - user <= 4) return;
    __builtin_prefetch(t->ratings->row_start + user[4]);
    if (t->prior_user) lfrec__ask(t->model.stride, user[1], t->prior_user, t->prior_user);
    const lfrec_history later = lfrec_history_of(t->ratings, user[2]);
    for (size_t k = 0; k < later.count && k < LFREC__AHEAD; k += 16) {
        __builtin_prefetch(later.item + k);
        __builtin_prefetch(later.value + k);
    }
}

/* Asks for what else user b needs: the rows that the user before did not ask for, each item's numbers, and the ratings
 * of the user whose rows are next. */
LFREC__INLINE void lfrec__ask_for(const lfrec__work *w, uint32_t b, const lfrec_history *history)
{
    const lfrec_trainer *t = w->t;
    const lfrec_model *m = &t->model;
    const float *const rows[] = {t->encoder,  t->implicit,       t->decoder,           t->prior,
                                 m->variance, t->item_precision, t->implicit_precision};
    const float *const numbers[] = {m->item_mean, t->root, t->offset, m->precision, t->item_error};
    const uint32_t *user = w->users + b;
    const size_t asked = lfrec__parts(t) == 1 && user > t->order ? lfrec_history_of(t->ratings, user[-1]).count : 0;
    if (m->items * (size_t)m->stride <= LFREC__NEAR) return;
    for (size_t k = 0; k < history->count && k < LFREC__AHEAD; k++) {
        const size_t item = history->item[k];
        for (size_t a = 0; k >= asked && a < sizeof rows / sizeof *rows; a++) {
            if (rows[a]) lfrec__ask(m->stride, item, rows[a], rows[a]);
        }
        for (size_t a = 0; a < sizeof numbers / sizeof *numbers; a++) {
            if (numbers[a]) __builtin_prefetch(numbers[a] + item);
        }
    }
    lfrec__ask_user(t, user);
}
#else
#define lfrec__ahead(w, b, part, first, item) ((void)(b), (void)(first), (size_t)0)
#define lfrec__ask_for(w, b, history) ((void)0)
#define lfrec__ask_user(t, user) ((void)0)
#define lfrec__ask_sum(w, b, rows) ((void)0)
#define lfrec__ask(S, item, a, b) ((void)(S), (void)(item))
#endif

#ifndef LFREC_NO_ARTICLE
#define LFREC__BEHIND 16u /* rows to be brought up to date: what is asked for still finds room in the nearest cache */

/* An item's rows stay behind as long as no batch reads them. n steps without a gradient take (v, w) to A^n (v, w), A =
 * (momentum, decay; -rate momentum, 1 - rate decay): the table holds A^0, A^1, ..., less the 1 of w. A batch's gradient
 * is added to v where that is a step ahead of w, which follows when it is next read. */
LFREC__INTERNAL void lfrec__start_coasting(lfrec_trainer *t)
{
    const lfrec_real rate = (lfrec_real)t->at.learning_rate;
    const lfrec_real momentum = (lfrec_real)t->options.momentum, decay = (lfrec_real)t->options.weight_decay;
    lfrec_real v[2] = {1, 0}, w[2] = {0, 0};
    lfrec__zero(t->moved, t->model.items * sizeof(uint32_t));
    for (size_t n = 0; n < lfrec__coasts(t->ratings->users, t->together); n++) {
        for (size_t k = 0; k < 2; k++) {
            t->coast[4 * n + k] = (float)v[k];
            t->coast[4 * n + 2 + k] = (float)w[k];
        }
        v[0] = momentum * v[0] + decay * w[0];
        v[1] = momentum * v[1] + decay * (1 + w[1]);
        w[0] -= rate * v[0];
        w[1] -= rate * v[1];
    }
}

LFREC__INTERNAL int lfrec__coasting(const lfrec__work *w)
{
    return w->step && w->t->moved;
}

/* An item's w is brought to where `batches` leave it, v to `more` than that. */
LFREC__INTERNAL void lfrec__coast(const lfrec__work *w, size_t item, uint32_t batches, size_t more)
{
    lfrec_trainer *t = w->t;
    const size_t S = t->model.stride, n = batches - t->moved[item];
    const float late = t->moved[item] ? t->at.learning_rate : 0.0f;
    const float *of_w = t->coast + 4 * n + 2, *of_v = t->coast + 4 * (n + more);
    const float a[4] = {of_w[0] - late * (1.0f + of_w[1]), of_w[1], of_v[0] - late * of_v[1], of_v[1]};
    w->rows->coast(S, t->encoder + item * S, t->encoder_velocity + item * S, a);
    w->rows->coast(S, t->decoder + item * S, t->decoder_velocity + item * S, a);
    t->moved[item] = batches + 1;
}

/* Brings the part's rows of user b's items to where the batch starts. */
LFREC__INTERNAL void lfrec__catch_up(const lfrec__work *w, uint32_t b, size_t part, const lfrec_history *history)
{
    lfrec_trainer *t = w->t;
    const size_t S = t->model.stride;
    const uint32_t batch = (uint32_t)(w->users - t->order) / t->together;
    uint32_t *behind = t->touched + t->range[part];
    const uint32_t *ahead = behind;
    size_t count = 0;
    for (size_t k = 0; k < history->count; k++) { /* no branch on what is random */
        behind[count] = history->item[k];
        count += t->moved[history->item[k]] <= batch;
    }
    lfrec__ask_user(t, w->users + b);
    const size_t next = lfrec__ahead(w, b, part, 0, &ahead), own = count > LFREC__BEHIND ? count - LFREC__BEHIND : 0;
    for (size_t k = 0; k < count; k++) {
        if (next > 0 && k < own + next) {
            const uint32_t item = k < own ? behind[k + LFREC__BEHIND] : ahead[k - own];
            lfrec__ask(S, item, t->encoder, t->encoder_velocity);
            lfrec__ask(S, item, t->decoder, t->decoder_velocity);
        }
        lfrec__coast(w, behind[k], batch, 1);
    }
}
#endif

/* Masks of users, and what follows from them alone. */
LFREC__INTERNAL void lfrec__hide(void *work, size_t piece)
{
    const lfrec__work *w = (const lfrec__work *)work;
    lfrec_trainer *t = w->t;
    const size_t pieces = lfrec__pieces(lfrec__parts(t)), end = lfrec__part_at(w->count, pieces, piece + 1);
    for (size_t k = lfrec__part_at(w->count, pieces, piece); k < end; k++) {
        const uint32_t b = (uint32_t)k;
        const size_t n = lfrec__history_at(w, b).count;
        if (n < w->least) continue;
        const size_t hidden = lfrec_mask(t->options.seed, w->epoch, w->users[b], t->options.mask, n, lfrec__mask_of(w, b));
        t->visible[lfrec__place(w, b)] = (uint32_t)(n - hidden);
        t->scale[lfrec__place(w, b)] = lfrec__input_scale(w->model->scale_input, n - hidden);
    }
}

/* All masks before an epoch, with several parts: each user's is one sequence of random numbers. */
LFREC__INTERNAL void lfrec__hide_all(lfrec__work *w, const uint32_t *users, uint32_t count)
{
    const size_t parts = lfrec__parts(w->t);
    w->users = users;
    w->count = count;
    if (parts > 1) lfrec__do_parts(w, lfrec__pieces(parts), lfrec__hide);
}

/* Starts a batch; with one part its masks are made only now. */
LFREC__INTERNAL void lfrec__begin(lfrec__work *w, const uint32_t *users, uint32_t count)
{
    lfrec__seat(w, users, count);
    if (lfrec__parts(w->t) == 1) lfrec__hide(w, 0);
}

/* Preferences and encoder input. */
LFREC__INTERNAL void lfrec__prepare(const lfrec__work *w, uint32_t b, const lfrec__slice *s)
{
    const lfrec_trainer *t = w->t;
    const lfrec_history whole = lfrec__history_at(w, b);
    const float user_mean =
        t->user_mean && w->model == &t->model ? t->user_mean[w->users[b]] : lfrec__user_mean(w->model, &whole);
    const float scale[2] = {t->scale[lfrec__place(w, b)], 0.0f}; /* no branch on what is random */
    for (size_t k = 0; k < s->of.count; k++) {
        const float preference = lfrec__preference(w->model, &s->of, k, user_mean);
        s->preference[k] = preference;
        s->input[k] = scale[s->hidden[k]] * preference;
    }
}

/* The part's share in the encoding of the users. */
LFREC__INTERNAL void lfrec__encode(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    const lfrec_trainer *t = w->t;
    const size_t S = w->model->stride, parts = lfrec__parts(t);
    for (uint32_t b = w->first; b < w->count; b++) {
        const lfrec__slice s = lfrec__slice_of(w, b, part);
        float *h = t->factors + (b * parts + part) * S;
        lfrec__zero(h, S * sizeof(float));
        if (s.of.count == 0) continue;
#ifndef LFREC_NO_ARTICLE
        if (lfrec__coasting(w)) lfrec__catch_up(w, b, part, &s.of);
#endif
        if (w->least) lfrec__ask_for(w, b, &s.of); /* LFREC_SGD, whose steps ask for the next user's */
        lfrec__prepare(w, b, &s);
        w->rows->encode(S, s.of.count, s.of.item, s.input, w->model->encoder, h);
        if (!w->model->implicit) continue;
        const float implicit[2] = {t->scale[lfrec__place(w, b)], 0.0f};
        for (size_t k = 0; k < s.of.count; k++) s.predicted[k] = implicit[s.hidden[k]];
        w->rows->encode(S, s.of.count, s.of.item, s.predicted, w->model->implicit, h);
    }
}

LFREC__INTERNAL void lfrec__product(const lfrec_trainer *t, size_t part, int transpose_a, int transpose_b, size_t m,
                                    size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b,
                                    size_t ldb, float beta, float *c, size_t ldc)
{
    lfrec_gemm g;
    g.transpose_a = transpose_a;
    g.transpose_b = transpose_b;
    g.m = m;
    g.n = n;
    g.k = k;
    g.alpha = alpha;
    g.a = a;
    g.lda = lda;
    g.b = b;
    g.ldb = ldb;
    g.beta = beta;
    g.c = c;
    g.ldc = ldc;
    g.scratch = (unsigned char *)t->gemm_scratch + part * t->gemm_scratch_bytes;
    g.scratch_bytes = t->gemm_scratch_bytes;
    g.isa = t->options.isa;
    const lfrec_status status = lfrec_sgemm(&g);
    LFREC_ASSERT(status == LFREC_OK);
    (void)status;
}

LFREC__INTERNAL lfrec_real lfrec__sum_of_squares(const float *x, size_t count)
{
    lfrec_real sum = 0;
    for (size_t k = 0; k < count; k++) sum += (lfrec_real)x[k] * (lfrec_real)x[k];
    return sum;
}

LFREC__INTERNAL lfrec_status lfrec__check_trainer(const lfrec_trainer *trainer)
{
    if (!trainer) return LFREC_ERROR_ARGUMENT;
    return trainer->check == LFREC__CHECK_TRAINER ? LFREC_OK : LFREC_ERROR_UNINITIALIZED;
}

#ifndef LFREC_NO_ARTICLE
/* The part's rows that the last batch wrote go back to 0. */
LFREC__INTERNAL void lfrec__clear_gradient(lfrec_trainer *t, size_t part)
{
    const size_t S = t->model.stride;
    const uint32_t *touched = t->touched + t->range[part];
    for (uint32_t k = 0; k < t->touched_count[part]; k++) {
        const size_t row = touched[k];
        lfrec__zero(t->encoder_gradient + row * S, S * sizeof(float));
        lfrec__zero(t->decoder_gradient + row * S, S * sizeof(float));
        t->is_touched[row] = 0;
    }
    t->touched_count[part] = 0;
}

LFREC__INTERNAL void lfrec__touch(lfrec_trainer *t, size_t part, const uint32_t *item, size_t n)
{
    uint32_t *touched = t->touched + t->range[part], count = t->touched_count[part];
    uint8_t *is_touched = t->is_touched;
    for (size_t k = 0; k < n; k++) {
        if (is_touched[item[k]]) continue;
        is_touched[item[k]] = 1;
        touched[count++] = item[k];
    }
    t->touched_count[part] = count;
}

LFREC__INTERNAL void lfrec__touch_all(lfrec_trainer *t, size_t part)
{
    for (uint32_t i = t->range[part]; i < t->range[part + 1]; i++) lfrec__touch(t, part, &i, 1);
}

/* The part's rows move by their gradients. Plain SGD moves only those that have one; momentum and decay move all. */
LFREC__INTERNAL void lfrec__step(lfrec_trainer *t, const lfrec__rows *rows, size_t part)
{
    const size_t S = t->model.stride, first = t->range[part] * S, count = t->range[part + 1] * S - first;
    const float momentum = t->options.momentum, decay = t->options.weight_decay, rate = t->at.learning_rate;
    if (momentum > 0.0f || decay > 0.0f) {
        float *v = t->encoder_velocity ? t->encoder_velocity + first : NULL;
        rows->step(count, t->encoder + first, t->encoder_gradient + first, v, rate, momentum, decay);
        v = t->decoder_velocity ? t->decoder_velocity + first : NULL;
        rows->step(count, t->decoder + first, t->decoder_gradient + first, v, rate, momentum, decay);
        return;
    }
    for (uint32_t k = 0; k < t->touched_count[part]; k++) {
        const size_t at = t->touched[t->range[part] + k] * S;
        rows->step(S, t->encoder + at, t->encoder_gradient + at, NULL, rate, 0.0f, 0.0f);
        rows->step(S, t->decoder + at, t->decoder_gradient + at, NULL, rate, 0.0f, 0.0f);
    }
}

/* The unknown entries of LFREC_SCOPE_ALL, given the sum of all squared predictions, the known ones' too. */
LFREC__INTERNAL void lfrec__add_unknown(lfrec_loss *loss, lfrec_real all_squares, const float *predicted, size_t known,
                                        size_t all)
{
    const lfrec_real unknown = all_squares - lfrec__sum_of_squares(predicted, known);
    loss->scope_error += unknown > 0 ? unknown : 0;
    loss->scope += all - known;
}

/* 2 (1 - w) / N_scope: what an unknown entry's prediction is multiplied by to be its gradient. */
LFREC__INTERNAL float lfrec__unknown_weight(const lfrec__work *w)
{
    const int all = w->t->options.scope == LFREC_SCOPE_ALL;
    return all && w->met.scope ? 2.0f * (1.0f - w->t->options.loss_weight) / (float)w->met.scope : 0.0f;
}

/* Sparse path: everything by rows of the known entries. In LFREC_SCOPE_ALL the squares of the unknown predictions are
 * h'(F'F)h less those of the known ones, so that no unknown entry is ever looked at: with c = 2 (1 - w) / N_scope and y
 * = F h for every item, the term's gradient is dF += c F (sum_u h h') and G += c (F'F) h; what the known entries have
 * in it besides, -c p, goes with their own gradient. */
LFREC__INTERNAL void lfrec__sparse_decoder(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    lfrec_trainer *t = w->t;
    const size_t S = t->model.stride, parts = lfrec__parts(t), items = t->range[part + 1] - t->range[part];
    const float c = lfrec__unknown_weight(w), *F = t->decoder + t->range[part] * S;
    float *gram = t->options.scope == LFREC_SCOPE_ALL ? t->gram + part * S * S : NULL;
    lfrec_loss met = t->losses[part];
    const int coasting = lfrec__coasting(w);
    if (!coasting) lfrec__clear_gradient(t, part);
    if (gram) lfrec__product(t, part, 1, 0, S, S, items, 1.0f, F, S, F, S, 0.0f, gram, S);
    for (uint32_t b = w->first; b < w->count; b++) {
        const lfrec__slice s = lfrec__slice_of(w, b, part);
        const float *h = t->factors + b * parts * S;
        float *G = t->factors_gradient + (b * parts + part) * S;
        lfrec__ask_sum(w, b + 1, t->factors);
        w->rows->decode(S, s.of.count, s.of.item, t->decoder, h, s.predicted);
        lfrec_loss_add(&met, s.predicted, s.preference, s.hidden, s.of.count);
        if (gram) {
            lfrec_real squares = 0;
            for (size_t q = 0; q < S; q++) squares += (lfrec_real)h[q] * (lfrec_real)lfrec__dot(S, gram + q * S, h);
            lfrec__add_unknown(&met, squares, s.predicted, s.of.count, items);
        }
        for (size_t first = 0; first < s.of.count; first += LFREC__BLOCK) {
            const size_t n = lfrec__block_of(s.of.count - first);
            float y[LFREC__BLOCK], *g = s.predicted + first;
            if (gram) lfrec__copy(y, g, n * sizeof(float));
            lfrec_loss_gradient(t->options.loss_weight, w->met.hidden, w->met.scope, g, s.preference + first,
                                s.hidden + first, n, g);
            for (size_t k = 0; gram && k < n; k++) g[k] -= c * y[k];
        }
        if (!coasting) lfrec__touch(t, part, s.of.item, s.of.count);
        w->rows->back(S, s.of.count, s.of.item, s.predicted, t->decoder, h, G,
                      coasting ? t->decoder_velocity : t->decoder_gradient);
        for (size_t row = 0; gram && row < S; row++) G[row] += c * lfrec__dot(S, gram + row * S, h);
    }
    t->losses[part] = met;
    if (!gram) return;
    lfrec__product(t, part, 1, 0, S, S, w->count, c, t->factors, parts * S, t->factors, parts * S, 0.0f, gram, S);
    lfrec__product(t, part, 0, 0, items, S, S, 1.0f, F, S, gram, S, 1.0f, t->decoder_gradient + t->range[part] * S, S);
}

LFREC__INTERNAL void lfrec__sparse_encoder(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    lfrec_trainer *t = w->t;
    const size_t S = t->model.stride, parts = lfrec__parts(t);
    float *dL = lfrec__coasting(w) ? t->encoder_velocity : t->encoder_gradient;
    for (uint32_t b = w->first; b < w->count; b++) {
        const lfrec__slice s = lfrec__slice_of(w, b, part);
        lfrec__ask_sum(w, b + 1, t->factors_gradient);
        w->rows->front(S, s.of.count, s.of.item, s.input, t->factors_gradient + b * parts * S, dL);
    }
    if (t->options.scope == LFREC_SCOPE_ALL) lfrec__touch_all(t, part);
    if (w->step && !t->moved) lfrec__step(t, w->rows, part);
}

/* Dense path: X and E are I x B, H and G are K x B, so that users fill the vectors of the products they are columns of:
 * H = L'X, Y = F H, dF = E H', G = F'E, dL = X G'. A part has its items' rows, in the room that a whole batch's take. */
typedef struct lfrec__dense {
    size_t first, count; /* the part's items */
    float *X, *E;        /* count x B */
    float *H, *G;        /* K x B, the part's share; the batch's sum is in part 0's */
} lfrec__dense;

LFREC__INTERNAL size_t lfrec__dense_room(const lfrec_trainer *t) /* floats of a share of H or G */
{
    return t->together * t->model.stride;
}

LFREC__INTERNAL lfrec__dense lfrec__dense_of(const lfrec_trainer *t, size_t part)
{
    const size_t first = t->range[part], rows = first * t->together, share = part * lfrec__dense_room(t);
    const lfrec__dense d = {first,
                            t->range[part + 1] - first,
                            t->dense_input + rows,
                            t->dense_error + rows,
                            t->factors + share,
                            t->factors_gradient + share};
    return d;
}

LFREC__INTERNAL void lfrec__dense_encode(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    lfrec_trainer *t = w->t;
    const lfrec__dense d = lfrec__dense_of(t, part);
    const size_t S = t->model.stride, K = t->model.factors, B = w->count;
    lfrec__zero(d.X, d.count * B * sizeof(float));
    for (uint32_t b = 0; b < B; b++) {
        const lfrec__slice s = lfrec__slice_of(w, b, part);
        if (w->step) lfrec__ask_user(t, w->users + b);
        lfrec__prepare(w, b, &s);
        for (size_t k = 0; k < s.of.count; k++) d.X[(s.of.item[k] - d.first) * B + b] = s.input[k];
    }
    lfrec__product(t, part, 1, 0, K, B, d.count, 1.0f, t->encoder + d.first * S, S, d.X, B, 0.0f, d.H, B);
}

LFREC__INTERNAL void lfrec__dense_decoder(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    lfrec_trainer *t = w->t;
    const lfrec__dense d = lfrec__dense_of(t, part);
    const size_t S = t->model.stride, K = t->model.factors, B = w->count, cells = d.count * B;
    const float c = lfrec__unknown_weight(w), *F = t->decoder + d.first * S;
    lfrec_loss met = t->losses[part];
    size_t known = 0;
    lfrec__product(t, part, 0, 0, d.count, B, K, 1.0f, F, S, t->factors, B, 0.0f, d.E, B);
    for (uint32_t b = 0; b < B; b++) {
        const lfrec__slice s = lfrec__slice_of(w, b, part);
        for (size_t k = 0; k < s.of.count; k++) s.predicted[k] = d.E[(s.of.item[k] - d.first) * B + b];
        known += s.of.count;
    }
    if (t->options.scope == LFREC_SCOPE_ALL) {
        const float *predicted = t->predicted + lfrec__entries(w)[part]; /* of all users, one behind the other */
        lfrec__add_unknown(&met, lfrec__sum_of_squares(d.E, cells), predicted, known, cells);
        for (size_t k = 0; k < cells; k++) d.E[k] *= c;
    } else {
        lfrec__zero(d.E, cells * sizeof(float));
    }
    for (uint32_t b = 0; b < B; b++) {
        const lfrec__slice s = lfrec__slice_of(w, b, part);
        lfrec_loss_add(&met, s.predicted, s.preference, s.hidden, s.of.count);
        lfrec_loss_gradient(t->options.loss_weight, w->met.hidden, w->met.scope, s.predicted, s.preference, s.hidden,
                            s.of.count, s.predicted);
        for (size_t k = 0; k < s.of.count; k++) d.E[(s.of.item[k] - d.first) * B + b] = s.predicted[k];
    }
    t->losses[part] = met;
    lfrec__product(t, part, 0, 1, d.count, K, B, 1.0f, d.E, B, t->factors, B, 0.0f, t->decoder_gradient + d.first * S, S);
    lfrec__product(t, part, 1, 0, K, B, d.count, 1.0f, F, S, d.E, B, 0.0f, d.G, B);
}

LFREC__INTERNAL void lfrec__dense_encoder(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    lfrec_trainer *t = w->t;
    const lfrec__dense d = lfrec__dense_of(t, part);
    const size_t S = t->model.stride, K = t->model.factors, B = w->count;
    lfrec__touch_all(t, part);
    lfrec__product(t, part, 0, 1, d.count, K, B, 1.0f, d.X, B, t->factors_gradient, B, 0.0f,
                   t->encoder_gradient + d.first * S, S);
    if (w->step) lfrec__step(t, w->rows, part);
}

/* H or G of the whole batch from the parts'. */
LFREC__INTERNAL void lfrec__batch_sum(const lfrec__work *w, float *rows)
{
    const lfrec_trainer *t = w->t;
    const size_t cells = t->model.factors * w->count;
    if (t->path == LFREC_PATH_DENSE) lfrec__sum(rows, cells, lfrec__parts(t), lfrec__dense_room(t));
    else lfrec__sum_all(w, rows);
}

LFREC__INTERNAL void lfrec__batch_encoder(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    if (w->t->path == LFREC_PATH_DENSE) lfrec__dense_encoder(work, part);
    else lfrec__sparse_encoder(work, part);
}

/* A part's share in the encoding waits for nobody's steps but its own. */
LFREC__INTERNAL void lfrec__batch_encode(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    if (w->last) lfrec__batch_encoder(w->last, part);
    if (w->t->path == LFREC_PATH_DENSE) lfrec__dense_encode(work, part);
    else lfrec__encode(work, part);
}

/* The gradient of these users' loss, which *w then knows; when w->step is set and the loss is finite, the step too, with
 * several parts that of the encoder only with the next batch. An item's rows and entries stay with one part; what parts
 * have to tell each other are sums over items, H and G. */
LFREC__INTERNAL void lfrec__batch(lfrec__work *w, const uint32_t *users, uint32_t count)
{
    lfrec_trainer *t = w->t;
    const size_t parts = lfrec__parts(t);
    const int dense = t->path == LFREC_PATH_DENSE, all = t->options.scope == LFREC_SCOPE_ALL;
    const int coasting = lfrec__coasting(w);
    lfrec__begin(w, users, count);
    w->met.hidden = 0;
    for (uint32_t b = 0; b < count; b++)
        w->met.hidden += lfrec__history_at(w, b).count - t->visible[lfrec__place(w, b)];
    w->met.scope = all ? count * (uint64_t)t->model.items : lfrec__entries(w)[count * parts];
    lfrec__zero(t->losses, parts * sizeof(lfrec_loss));
    /* Where no gradient gets into what a batch reads, each user goes all the way while the rows are near. */
    const int each = coasting && parts == 1;
    do {
        w->count = each ? w->first + 1 : count;
        lfrec__do_parts(w, parts, lfrec__batch_encode);
        lfrec__batch_sum(w, t->factors);
        lfrec__do_parts(w, parts, dense ? lfrec__dense_decoder : lfrec__sparse_decoder);
        if (each) lfrec__sparse_encoder(w, 0);
        w->first = w->count;
    } while (w->first < count);
    w->first = 0;
    w->met = lfrec__losses(t, parts);
    w->step = w->step && lfrec__finite((float)lfrec_loss_value(&w->met, t->options.loss_weight));
    if (each || (coasting && !w->step)) return; /* velocities are lost, weights are not */
    lfrec__batch_sum(w, t->factors_gradient);
    if (parts == 1 || !w->step) lfrec__do_parts(w, parts, lfrec__batch_encoder);
}

LFREC_API lfrec_status lfrec_trainer_gradient(lfrec_trainer *trainer, const uint32_t *users, uint32_t count,
                                              uint32_t epoch, lfrec_loss *loss)
{
    LFREC__TRY(lfrec__check_trainer(trainer));
    if (!loss || (!users && count) || count > trainer->options.batch || count > trainer->ratings->users)
        return LFREC_ERROR_ARGUMENT;
    if (trainer->options.setting != LFREC_ARTICLE) return LFREC_ERROR_ARGUMENT;
    size_t entries = 0;
    for (uint32_t b = 0; b < count; b++) {
        if (users[b] >= trainer->ratings->users) return LFREC_ERROR_RANGE;
        entries += lfrec_history_of(trainer->ratings, users[b]).count;
    }
    if (entries > trainer->ratings->row_start[trainer->ratings->users])
        return LFREC_ERROR_ARGUMENT; /* users named twice: no room */
    lfrec__work w = lfrec__work_for(trainer);
    w.epoch = epoch;
    lfrec__hide_all(&w, users, count);
    lfrec__batch(&w, users, count);
    *loss = w.met;
    return LFREC_OK;
}

/* Mini-batches over the training users. Returns 0 as soon as a batch's loss is not finite. */
LFREC__INTERNAL int lfrec__epoch_batches(lfrec_trainer *t, lfrec_loss *sum)
{
    const size_t parts = lfrec__parts(t);
    lfrec__work turns[2], *w = turns;
    uint32_t batches = 0;
    turns[0] = lfrec__work_for(t);
    turns[0].step = 1;
    turns[1] = turns[0];
    turns[1].turn = 1;
    for (size_t part = 0; t->moved && part < parts; part++) lfrec__clear_gradient(t, part);
    if (t->moved) lfrec__start_coasting(t);
    lfrec__hide_all(w, t->order, t->training_users);
    for (uint32_t first = 0, left = t->training_users; left > 0 && w->step;) {
        const uint32_t count = left < t->together ? left : t->together;
        lfrec__work *last = w;
        if (parts > 1) w = &turns[1 - w->turn];
        w->last = batches > 0 && parts > 1 ? last : NULL;
        lfrec__batch(w, t->order + first, count);
        lfrec__loss_join(sum, &w->met);
        first += count;
        left -= count;
        batches += w->step != 0;
    }
    if (parts > 1 && w->step) lfrec__do_parts(w, parts, lfrec__batch_encoder);
    for (size_t i = 0; t->moved && i < t->model.items; i++) {
        if (t->moved[i] <= batches) lfrec__coast(w, i, batches, 0);
    }
    return w->step;
}
#endif /* LFREC_NO_ARTICLE */

LFREC__INTERNAL void lfrec__look_back(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    lfrec_trainer *t = w->t;
    const size_t S = w->model->stride;
    for (uint32_t b = 0; b < w->count; b++) {
        const lfrec__slice s = lfrec__slice_of(w, b, part);
        const float *h = t->factors + b * lfrec__parts(t) * S;
        w->rows->decode(S, s.of.count, s.of.item, w->model->decoder, h, s.predicted);
        for (size_t k = 0; w->model->offset && k < s.of.count; k++) s.predicted[k] += w->model->offset[s.of.item[k]];
        lfrec_loss_add(&t->losses[part], s.predicted, s.preference, s.hidden, s.of.count);
    }
}

LFREC_API lfrec_status lfrec_trainer_error(lfrec_trainer *trainer, const lfrec_model *model, lfrec_real *error)
{
    LFREC__TRY(lfrec__check_trainer(trainer));
    LFREC__TRY(lfrec__check_model(model));
    lfrec_trainer *t = trainer;
    if (!error || !t->encoder || model->setting != t->model.setting || model->items != t->model.items ||
        model->factors != t->model.factors || model->stride != t->model.stride) {
        return LFREC_ERROR_ARGUMENT;
    }
    lfrec__work w = lfrec__work_for(t);
    w.model = model;
    w.epoch = LFREC__VALIDATION;
    lfrec__zero(t->losses, lfrec__parts(t) * sizeof(lfrec_loss));
    const uint32_t *users = t->held_out_users ? t->order + t->training_users : t->order;
    const uint32_t all = t->held_out_users ? t->held_out_users : t->training_users;
    lfrec__hide_all(&w, users, all);
    for (uint32_t left = all; left > 0;) {
        const uint32_t count = left < t->together ? left : t->together;
        lfrec__begin(&w, users, count);
        lfrec__do_parts(&w, lfrec__parts(t), lfrec__encode);
        lfrec__sum_all(&w, t->factors);
        lfrec__do_parts(&w, lfrec__parts(t), lfrec__look_back);
        users += count;
        left -= count;
    }
    const lfrec_loss loss = lfrec__losses(t, lfrec__parts(t));
    *error = loss.hidden ? lfrec__sqrt(loss.hidden_error / lfrec__real((int64_t)loss.hidden)) : 0;
    return LFREC_OK;
}

/* LFREC_SGD: `together` users at a time. Every part adds up its items' share in the encoding of all, as the last batch
 * left the weights, takes one user after the other through the steps of its items' decoder rows, and given the sums of
 * that through those of the rest: an item's rows and entries stay with one part. A user with one rating has nothing to
 * be predicted from. */
LFREC__INTERNAL lfrec__sgd lfrec__sgd_at(const lfrec__work *w, uint32_t b, size_t part)
{
    lfrec_trainer *t = w->t;
    const size_t S = t->model.stride, parts = lfrec__parts(t);
    const lfrec__slice s = lfrec__slice_of(w, b, part);
    lfrec__sgd u;
    u.n = s.of.count;
    u.item = s.of.item;
    u.preference = s.preference;
    u.input = s.input;
    u.hidden = s.hidden;
    u.predicted = s.predicted;
    u.root = t->root;
    u.decoder = t->decoder;
    u.prior = t->prior;
    u.offset = t->offset;
    u.encoder = t->encoder;
    u.implicit = t->implicit;
    u.h = t->factors + b * parts * S;
    u.G = t->factors_gradient + (b * parts + part) * S;
    u.pull = t->pull + (b * parts + part) * S;
    u.rate = t->at.learning_rate;
    u.weight = t->options.loss_weight;
    u.decay = t->options.weight_decay;
    u.scale = t->scale[lfrec__place(w, b)];
    u.gain_square = t->gain_square;
    u.ahead_n = lfrec__ahead(w, b, part, 0, &u.ahead);
    return u;
}

LFREC__INTERNAL void lfrec__sgd_decoder(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    lfrec_loss met;
    lfrec__zero(&met, sizeof met);
    for (uint32_t b = 0; b < w->count; b++) {
        const lfrec__sgd u = lfrec__sgd_at(w, b, part);
        lfrec__ask_sum(w, b + 1, w->t->factors);
        w->rows->learn_decoder(w->t->model.stride, &u);
        lfrec_loss_add(&met, u.predicted, u.preference, u.hidden, u.n);
    }
    lfrec__loss_join(&w->t->losses[part], &met);
}

LFREC__INTERNAL void lfrec__sgd_encoder(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    for (uint32_t b = 0; b < w->count; b++) {
        lfrec__sgd u = lfrec__sgd_at(w, b, part);
        lfrec__ask_sum(w, b + 1, w->t->factors_gradient);
        lfrec__ask_sum(w, b + 1, w->t->pull);
        u.G -= part * w->t->model.stride;
        u.pull -= part * w->t->model.stride;
        w->rows->learn_encoder(w->t->model.stride, &u);
    }
}

/* X moves to its ridge solution given the parts' `pull` and c = sum of 1 / n_i, with precisions a of F and a_X of X, or 1
 * each; `pull` becomes the move. */
LFREC__INTERNAL void lfrec__move_prior(const lfrec__work *w, uint32_t b, const float *a, const float *a_X)
{
    lfrec_trainer *t = w->t;
    const size_t S = t->model.stride;
    const lfrec_history history = lfrec__history_at(w, b);
    const float c = t->squares ? t->squares[w->users[b]] : lfrec__squares_of(t, &history);
    float *pull = lfrec__sum_parts(t, t->pull, b), *X = t->prior_user + w->users[b] * S;
    for (size_t q = 0; q < S; q++) {
        const float own = a ? a[q] : 1.0f;
        const float next = own * (pull[q] + c * X[q]) / (own * c + (a_X ? a_X[q] : 1.0f));
        pull[q] = next - X[q];
        X[q] = next;
    }
}

/* What the encoder's steps take of the part's users: the sum of G, and the prior's move. */
LFREC__INTERNAL void lfrec__sgd_between(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    lfrec_trainer *t = w->t;
    const size_t parts = lfrec__parts(t), end = lfrec__part_at(w->count, parts, part + 1);
    for (size_t k = lfrec__part_at(w->count, parts, part); k < end; k++) {
        const uint32_t b = (uint32_t)k;
        const lfrec_history history = lfrec__history_at(w, b);
        const float n = (float)history.count, cap = t->gain_square * (n > LFREC__SGD_LONG ? LFREC__SGD_LONG / n : 1.0f);
        if (history.count < w->least) continue;
        float *G = lfrec__sum_parts(t, t->factors_gradient, b);
        for (size_t q = 0; q < t->model.stride; q++) G[q] *= cap;
        lfrec__move_prior(w, b, NULL, NULL);
    }
}

LFREC__INTERNAL int lfrec__epoch_users(lfrec_trainer *t, lfrec_loss *sum)
{
    lfrec__work w = lfrec__work_for(t);
    const size_t parts = lfrec__parts(t);
    w.least = 2;
    lfrec__zero(t->losses, parts * sizeof(lfrec_loss));
    lfrec__hide_all(&w, t->order, t->training_users);
    for (uint32_t first = 0, left = t->training_users; left > 0;) {
        const uint32_t count = left < t->together ? left : t->together;
        lfrec__begin(&w, t->order + first, count);
        lfrec__do_parts(&w, parts, lfrec__encode);
        lfrec__sum_all(&w, t->factors);
        lfrec__do_parts(&w, parts, lfrec__sgd_decoder);
        lfrec__do_parts(&w, parts, lfrec__sgd_between);
        lfrec__do_parts(&w, parts, lfrec__sgd_encoder);
        first += count;
        left -= count;
    }
    *sum = lfrec__losses(t, parts);
    return lfrec__finite((float)lfrec_loss_value(sum, t->options.loss_weight));
}

#ifndef LFREC_NO_BAYES
/* LFREC_BAYES: `together` users at a time, as the setting above. Each is encoded; every part steps its items with one
 * user after the other; then the prior means of the items follow, and the users' own scales. A user's posterior stays in
 * its work space in between, in whose scratch rows the steps find h and h^2 + variance where an item is free, and
 * lambda omega (h - m) n^-1/2. */
LFREC__INTERNAL lfrec__posterior lfrec__user_posterior(const lfrec_trainer *t, uint32_t b)
{
    return lfrec__posterior_at(t->posterior + b * lfrec__posterior_floats(t->model.stride), t->model.stride);
}

LFREC__INTERNAL void lfrec__bayes_encode(void *work, size_t place)
{
    const lfrec__work *w = (const lfrec__work *)work;
    lfrec_trainer *t = w->t;
    const uint32_t b = (uint32_t)place, user = w->users[b];
    const lfrec_model *model = &t->model;
    const size_t S = model->stride, K = model->factors;
    const lfrec_history history = lfrec__history_at(w, b);
    lfrec__posterior p = lfrec__user_posterior(t, b);
    const size_t entry = t->entry[b * lfrec__parts(t)];
    float *x = t->preference + entry, *spread = t->input + entry, *y = t->predicted + entry;
    float *h = p.before, *square = p.row, *move = p.share;
    const float *lambda = t->constants, *open = lambda + 4 * S;
    lfrec__ask_for(w, b, &history);
    p.scalars[0] = t->user_precision[user];
    p.scalars[1] = t->user_spread[user];
    if (t->user_state) w->rows->decode(S, history.count, history.item, model->decoder, t->user_state + user * S, y);
    for (size_t k = 0; k < history.count; k++) {
        const float tau = model->precision[history.item[k]];
        x[k] = lfrec__latent(model, history.item[k], history.value[k], y[k], tau * p.scalars[0], &spread[k]);
        y[k] = tau * x[k];
    }
    lfrec__posterior_gather(model, w->rows, &history, &p);
    lfrec__zero(p.z, S * sizeof(float));
    w->rows->encode(S, history.count, history.item, y, model->decoder, p.z);
    lfrec__posterior_solve(model, w->rows, &p);
    if (t->user_state) lfrec__copy(t->user_state + user * S, p.h, S * sizeof(float));
    t->scale[b] = lfrec__input_scale(1, history.count);
    for (size_t q = 0; q < S; q++) {
        h[q] = open[q] * p.h[q];
        square[q] = open[q] * (p.h[q] * p.h[q] + p.covariance[q * S + q]);
        move[q] = lambda[q] * p.scalars[1] * (p.h[q] - p.m[q]) * t->scale[b];
    }
    square[K + 1] = 1.0f;
}

LFREC__INTERNAL void lfrec__bayes_user(const lfrec__work *w, uint32_t b, size_t part, lfrec__bayes *u)
{
    lfrec_trainer *t = w->t;
    const size_t S = t->model.stride, at_part = b * lfrec__parts(t) + part;
    const lfrec__posterior p = lfrec__user_posterior(t, b);
    float *known = t->known + part * LFREC__BLOCK * S;
    const lfrec__slice s = lfrec__slice_of(w, b, part);
    const lfrec_history history = s.of;
    float *y = s.predicted;
    lfrec_loss *met = &t->losses[part];
    w->rows->decode(S, history.count, history.item, t->decoder, p.h, y);
    for (size_t k = 0; k < history.count; k++) {
        y[k] = s.preference[k] - y[k];
        met->scope_error += (lfrec_real)(y[k] * y[k] / t->gain_square);
    }
    met->scope += history.count;
    u->h = p.before;
    u->square = p.row;
    u->move = p.share;
    u->known = known;
    u->tau = p.scalars[0];
    u->push = p.scalars[1] * t->scale[b] * t->scale[b];
    u->pull = t->pull + at_part * S;
    u->nu = 0;
    lfrec__zero(u->pull, S * sizeof(float));
    for (size_t first = 0; first < history.count; first += LFREC__BLOCK) {
        u->n = lfrec__block_of(history.count - first);
        u->item = history.item + first;
        u->error = y + first;
        u->spread = s.input + first;
        u->ahead_n = lfrec__ahead(w, b, part, first, &u->ahead);
        w->rows->apply(S, u->n, u->item, t->decoder, p.covariance, known);
        w->rows->learn_bayes(S, u);
    }
    t->nu[at_part] = u->nu;
    for (size_t k = 0; k < history.count; k++) y[k] = t->root[history.item[k]];
}

LFREC__INTERNAL void lfrec__bayes_items(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    const lfrec_trainer *t = w->t;
    const size_t S = t->model.stride;
    lfrec__bayes u;
    lfrec__zero(&u, sizeof u);
    u.root = t->root;
    u.lambda = t->constants;
    u.a = u.lambda + S;
    u.a_Y = u.a + S;
    u.free = u.a + 3 * S;
    u.decoder = t->decoder;
    u.prior = t->prior;
    u.implicit = t->implicit;
    u.variance = lfrec__floats(t->model.variance);
    u.item_precision = t->item_precision;
    u.implicit_precision = t->implicit_precision;
    u.item_error = t->item_error;
    u.precision = t->model.precision;
    u.rho = t->at.learning_rate;
    for (uint32_t b = 0; b < w->count; b++) lfrec__bayes_user(w, b, part, &u);
}

/* The part's items, then its users. */
LFREC__INTERNAL void lfrec__bayes_after(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    lfrec_trainer *t = w->t;
    const size_t S = t->model.stride, parts = lfrec__parts(t), end = lfrec__part_at(w->count, parts, part + 1);
    for (uint32_t b = 0; b < w->count; b++) {
        const lfrec__slice s = lfrec__slice_of(w, b, part);
        w->rows->front(S, s.of.count, s.of.item, s.predicted, t->pull + b * parts * S, t->prior);
    }
    for (size_t place = lfrec__part_at(w->count, parts, part); place < end; place++) {
        const uint32_t b = (uint32_t)place;
        lfrec__posterior p = lfrec__user_posterior(t, b);
        lfrec_real nu = 0;
        for (size_t k = 0; k < parts; k++) nu += t->nu[b * parts + k];
        lfrec__zero(p.noise, S * sizeof(float)); /* in nu already, with the variances that each step left */
        lfrec__posterior_scales(&t->model, &p, lfrec__history_at(w, b).count, nu);
        t->user_precision[w->users[b]] = p.scalars[0];
        t->user_spread[w->users[b]] = p.scalars[1];
    }
}

LFREC__INTERNAL int lfrec__epoch_bayes(lfrec_trainer *t, lfrec_loss *sum)
{
    lfrec__work w = lfrec__work_for(t);
    const size_t parts = lfrec__parts(t), S = t->model.stride;
    float *precision = lfrec__floats(t->model.precision);
    lfrec__zero(t->losses, parts * sizeof(lfrec_loss));
    lfrec__zero(t->item_error, t->model.items * sizeof(float));
    for (uint32_t first = 0, left = t->training_users; left > 0;) {
        const uint32_t count = left < t->together ? left : t->together;
        lfrec__seat(&w, t->order + first, count);
        lfrec__do_parts(&w, count, lfrec__bayes_encode);
        lfrec__do_parts(&w, parts, lfrec__bayes_items);
        for (uint32_t b = 0; b < count; b++) lfrec__move_prior(&w, b, t->constants + S, t->constants + 3 * S);
        lfrec__do_parts(&w, parts, lfrec__bayes_after);
        first += count;
        left -= count;
    }
    *sum = lfrec__losses(t, parts);
    /* The users' precisions have a geometric mean of 1; the items' say the rest. */
    lfrec_real logarithms = 0, errors = 0;
    for (uint32_t at = 0; at < t->training_users; at++)
        logarithms += (lfrec_real)lfrec__logf(t->user_precision[t->order[at]]);
    const float scale = lfrec__expf(-(float)(logarithms / (lfrec_real)t->training_users));
    for (uint32_t at = 0; at < t->training_users; at++) t->user_precision[t->order[at]] *= scale;
    for (size_t i = 0; i < t->model.items; i++) errors += (lfrec_real)t->item_error[i];
    const float tau = errors > 0 ? (float)(lfrec__real((int64_t)sum->scope) / errors) : 1.0f;
    for (size_t i = 0; i < t->model.items; i++) {
        const float at_tau =
            ((float)t->model.support[i] + 2.0f * LFREC__ITEM_PRIOR) / (t->item_error[i] + 2.0f * LFREC__ITEM_PRIOR / tau);
        precision[i] = at_tau < LFREC__PRECISION_MOST ? at_tau : LFREC__PRECISION_MOST;
    }
    return lfrec__finite((float)sum->scope_error);
}

#endif /* LFREC_NO_BAYES */

#ifndef LFREC_NO_RANKING
#define LFREC__ROUNDS_OF_HALF 5 /* of conjugate gradients for a row, from where it was; */
#define LFREC__FIRST_ROUNDS 16  /* and from nowhere */

LFREC__INTERNAL void lfrec__gram_part(void *work, size_t part)
{
    const lfrec__work *w = (const lfrec__work *)work;
    const size_t S = w->t->model.stride, parts = lfrec__parts(w->t);
    const size_t end = lfrec__part_at(w->rows_of_X, parts, part + 1);
    float weight[LFREC__BLOCK], *gram = w->t->gram + part * S * S;
    for (size_t k = 0; k < LFREC__BLOCK; k++) weight[k] = w->t->options.loss_weight;
    lfrec__zero(gram, S * S * sizeof(float));
    for (size_t first = lfrec__part_at(w->rows_of_X, parts, part); first < end; first += LFREC__BLOCK)
        w->rows->outer(S, lfrec__block_of(end - first), NULL, weight, w->X + first * S, gram);
}

/* LFREC_RANKING: t->gram = a_0 (X'X + lambda `rated` I) for the X that the other side's rows are solved from; `rated` of
 * its rows have ratings, the others are 0. */
LFREC__INTERNAL void lfrec__half_gram(lfrec__work *w, const float *X, size_t count, size_t rated)
{
    lfrec_trainer *t = w->t;
    const size_t S = t->model.stride, K = t->model.factors, parts = lfrec__parts(t);
    w->X = X;
    w->rows_of_X = count;
    lfrec__do_parts(w, parts, lfrec__gram_part);
    for (size_t k = S * S; k < parts * S * S; k++) t->gram[k % (S * S)] += t->gram[k];
    for (size_t q = 0; q < K; q++)
        t->gram[q * S + q] += t->options.weight_decay * t->options.loss_weight * (float)rated;
    lfrec__mirror(S, K, t->gram);
}

/* x of one user or item from its ratings, which are targets and rows of F. */
LFREC__INTERNAL void lfrec__half_row(const lfrec__work *w, size_t piece, const uint32_t *index, const float *target,
                                     size_t count, const float *F, float *x)
{
    const lfrec_trainer *t = w->t;
    const size_t S = t->model.stride;
    const int rounds = t->at.epoch == 1 ? LFREC__FIRST_ROUNDS : LFREC__ROUNDS_OF_HALF;
    float *b = t->posterior + piece * LFREC__RANKING_ROWS * S;
    lfrec_history entries;
    entries.item = index;
    entries.value = target;
    entries.count = count;
    lfrec__zero(b, S * sizeof(float));
    w->rows->encode(S, count, index, target, F, b);
    lfrec__conjugate(w->rows, S, t->gram, t->options.weight_decay * (float)count, t->model.factors, &entries, F, b, x,
                     b + S, rounds);
}

LFREC__INTERNAL void lfrec__rank_users(void *work, size_t piece)
{
    const lfrec__work *w = (const lfrec__work *)work;
    const lfrec_trainer *t = w->t;
    const lfrec_ratings *r = t->ratings;
    const size_t pieces = lfrec__pieces(lfrec__parts(t)), end = lfrec__part_at(r->users, pieces, piece + 1);
    for (size_t u = lfrec__part_at(r->users, pieces, piece); u < end; u++) { /* in the order of memory */
        const size_t first = r->row_start[u], n = r->row_start[u + 1] - first;
        if (n > 0)
            lfrec__half_row(w, piece, r->item + first, t->target_by_user + first, n, t->decoder,
                            t->user_factors + u * t->model.stride);
    }
}

LFREC__INTERNAL void lfrec__rank_items(void *work, size_t piece)
{
    const lfrec__work *w = (const lfrec__work *)work;
    const lfrec_trainer *t = w->t;
    const size_t S = t->model.stride, pieces = lfrec__pieces(lfrec__parts(t));
    const size_t end = lfrec__part_at(t->model.items, pieces, piece + 1);
    lfrec_loss met;
    lfrec__zero(&met, sizeof met);
    for (size_t i = lfrec__part_at(t->model.items, pieces, piece); i < end; i++) {
        const uint32_t *rater = t->rater + t->by_item[i];
        const float *target = t->target + t->by_item[i];
        const size_t n = t->by_item[i + 1] - t->by_item[i];
        if (n > 0) lfrec__half_row(w, piece, rater, target, n, t->user_factors, t->decoder + i * S);
        for (size_t first = 0; first < n; first += LFREC__BLOCK) {
            const size_t many = lfrec__block_of(n - first);
            float score[LFREC__BLOCK];
            w->rows->decode(S, many, rater + first, t->user_factors, t->decoder + i * S, score);
            for (size_t k = 0; k < many; k++) {
                const lfrec_real e = (lfrec_real)(target[first + k] - score[k]);
                met.scope_error += e * e;
            }
        }
        met.scope += n;
    }
    t->losses[piece] = met;
}

/* Users, then items: alternating least squares. The loss is the mean of (target - score)^2 over the ratings. */
LFREC__INTERNAL int lfrec__epoch_ranking(lfrec_trainer *t, lfrec_loss *sum)
{
    lfrec__work w = lfrec__work_for(t);
    const size_t S = t->model.stride, K = t->model.factors, items = t->model.items;
    const size_t pieces = lfrec__pieces(lfrec__parts(t));
    size_t rated = 0;
    for (size_t i = 0; i < items; i++) rated += t->by_item[i + 1] > t->by_item[i];
    lfrec__half_gram(&w, t->decoder, items, rated);
    lfrec__do_parts(&w, pieces, lfrec__rank_users);
    lfrec__half_gram(&w, t->user_factors, t->ratings->users, t->training_users);
    lfrec__do_parts(&w, pieces, lfrec__rank_items);
    *sum = lfrec__losses(t, pieces);
    lfrec__half_gram(&w, t->decoder, items, rated);
    lfrec__copy_rows(lfrec__floats(t->model.gram), S, t->gram, S, K, K);
    return lfrec__finite((float)sum->scope_error);
}
#endif /* LFREC_NO_RANKING */

LFREC_API lfrec_status lfrec_trainer_epoch(lfrec_trainer *trainer, lfrec_epoch *epoch)
{
    LFREC__TRY(lfrec__check_trainer(trainer));
    lfrec_trainer *t = trainer;
    const lfrec_options *o = &t->options;
    lfrec_epoch *at = &t->at;
    lfrec_loss sum;
    lfrec_rng rng;
    at->epoch++;
    const float done = o->epochs > 1 ? (float)(at->epoch - 1) / (float)(o->epochs - 1) : 0.0f;
    at->learning_rate = o->learning_rate * (1.0f - (1.0f - o->learning_rate_final) * (done < 1.0f ? done : 1.0f));
    if (o->setting == LFREC_BAYES)
        at->learning_rate =
            o->learning_rate * lfrec__expf((done < 1.0f ? done : 1.0f) * lfrec__logf(o->learning_rate_final));
    lfrec_rng_seed(&rng, o->seed ^ LFREC__SEED_ORDER, at->epoch);
    lfrec_rng_shuffle(&rng, t->order, t->training_users);
    lfrec__zero(&sum, sizeof sum);
    int finite;
    if (LFREC__FOR_ARTICLE(o->setting == LFREC_ARTICLE)) finite = LFREC__FOR_ARTICLE(lfrec__epoch_batches(t, &sum));
    else if (LFREC__FOR_BAYES(o->setting == LFREC_BAYES)) finite = LFREC__FOR_BAYES(lfrec__epoch_bayes(t, &sum));
    else if (LFREC__FOR_RANKING(o->setting == LFREC_RANKING))
        finite = LFREC__FOR_RANKING(lfrec__epoch_ranking(t, &sum));
    else finite = lfrec__epoch_users(t, &sum);
    finite = finite && lfrec__model_finite(&t->model);
    /* The last two hide nothing: their loss is the mean square of the training error alone. */
    const int hides = o->setting == LFREC_ARTICLE || o->setting == LFREC_SGD;
    at->loss = lfrec_loss_value(&sum, hides ? o->loss_weight : 0.0f);
    if (finite && t->held_out_users) {
        LFREC__TRY(lfrec_trainer_error(t, &t->model, &at->held_out_error));
        finite = lfrec__finite((float)at->held_out_error);
    } else {
        at->held_out_error = sum.hidden ? lfrec__sqrt(sum.hidden_error / lfrec__real((int64_t)sum.hidden))
                             : hides    ? 0
                                        : lfrec__sqrt(at->loss);
    }
    if (finite && (!t->held_out_users || at->best_epoch == 0 || at->held_out_error <= at->best_error)) {
        at->best_epoch = at->epoch;
        at->best_error = at->held_out_error;
        if (t->held_out_users) LFREC__TRY(lfrec_model_copy(&t->best, &t->model));
    }
    if (epoch) *epoch = *at;
    return finite ? LFREC_OK : LFREC_ERROR_DIVERGED;
}

LFREC_API lfrec_status lfrec_trainer_finish(const lfrec_trainer *trainer, lfrec_model *model)
{
    LFREC__TRY(lfrec__check_trainer(trainer));
    LFREC__TRY(lfrec__check_writable(model));
    const int early = trainer->held_out_users && trainer->at.best_epoch;
    return lfrec_model_copy(model, early ? &trainer->best : &trainer->model);
}

LFREC__INTERNAL lfrec_status lfrec__train_over(lfrec_model *model, const lfrec_options *options,
                                               const lfrec_ratings *ratings, lfrec_progress *progress, void *context,
                                               lfrec_report *report, void *memory, size_t bytes)
{
    lfrec_trainer trainer;
    LFREC__TRY(lfrec_trainer_init(&trainer, options, ratings, NULL, memory, bytes));
    LFREC__TRY(lfrec__check_source(model, &trainer.model)); /* now, not after the last epoch */
    report->path = trainer.path;
    report->ending = LFREC_ENDED_EPOCHS;
    for (uint32_t epoch = 0; epoch < options->epochs; epoch++) {
        const lfrec_status status = lfrec_trainer_epoch(&trainer, &report->last);
        report->best_epoch = report->last.best_epoch;
        report->best_error = report->last.best_error;
        if (status != LFREC_OK) return status;
        if (progress && progress(context, &report->last)) {
            report->ending = LFREC_ENDED_CANCELLED;
            break;
        }
        if (options->patience && report->last.epoch - report->best_epoch >= options->patience) {
            report->ending = LFREC_ENDED_PATIENCE;
            break;
        }
    }
    return lfrec_trainer_finish(&trainer, model);
}

LFREC_API lfrec_status lfrec_train(lfrec_model *model, const lfrec_options *options, const lfrec_ratings *ratings,
                                   lfrec_progress *progress, void *context, lfrec_report *report)
{
    lfrec_report unused;
    size_t bytes;
    if (!report) report = &unused;
    LFREC__TRY(lfrec__check_writable(model));
    LFREC__TRY(lfrec_trainer_size(options, ratings, &bytes));
    if (!model->allocator.allocate) return LFREC_ERROR_ARGUMENT;
    void *memory = model->allocator.allocate(model->allocator.context, bytes);
    if (!memory) return LFREC_ERROR_MEMORY;
    lfrec__zero(report, sizeof *report);
    const lfrec_status status = lfrec__train_over(model, options, ratings, progress, context, report, memory, bytes);
    lfrec__release(&model->allocator, memory);
    return status;
}

#endif /* LFREC_NO_TRAINING */

/* ===[ evaluation ]================================================================================================= */
#ifndef LFREC_NO_EVALUATION

LFREC_API lfrec_status lfrec_evaluate(const lfrec_model *model, const lfrec_ratings *known, const lfrec_ratings *test,
                                      float *factors, lfrec_errors *errors)
{
    LFREC__TRY(lfrec__check_model(model));
    LFREC__TRY(lfrec_ratings_check(known, NULL));
    LFREC__TRY(lfrec_ratings_check(test, NULL));
    if (!factors || !errors || known->users != test->users || model->setting == LFREC_RANKING)
        return LFREC_ERROR_ARGUMENT;
    if (known->items > model->items || test->items > model->items) return LFREC_ERROR_RANGE;
    if (!lfrec__model_finite(model)) return LFREC_ERROR_NUMBER;
    lfrec_real squares = 0, sizes = 0;
    lfrec_user user;
    user.factors = factors;
    for (uint32_t u = 0; u < test->users; u++) {
        const lfrec_history asked = lfrec_history_of(test, u), history = lfrec_history_of(known, u);
        if (asked.count == 0) continue;
        LFREC__TRY(lfrec_fold_in(model, &history, &user));
        for (size_t first = 0; first < asked.count; first += LFREC__BLOCK) {
            const size_t n = lfrec__block_of(asked.count - first);
            float scores[LFREC__BLOCK];
            lfrec__decode_rows(model, n, asked.item + first, model->decoder, factors, scores);
            for (size_t k = 0; k < n; k++) {
                const float score = scores[k] + lfrec__baseline(model, asked.item[first + k], user.mean);
                const lfrec_real e =
                    (lfrec_real)(lfrec__rating(model, &user, asked.item[first + k], score) - asked.value[first + k]);
                squares += e * e;
                sizes += e < 0 ? -e : e;
            }
        }
    }
    const size_t count = test->row_start[test->users];
    if (count == 0) return LFREC_ERROR_EMPTY;
    errors->rmse = lfrec__sqrt(squares / (lfrec_real)count);
    errors->mae = sizes / (lfrec_real)count;
    errors->count = count;
    return LFREC_OK;
}

/* Heap sort of `order` by falling key, equal keys by rising index. */
LFREC__INTERNAL int lfrec__key_after(const float *key, uint32_t a, uint32_t b)
{
    return key[a] < key[b] || (key[a] == key[b] && a > b);
}

LFREC__INTERNAL void lfrec__key_sift(const float *key, uint32_t *order, size_t at, size_t count)
{
    const uint32_t moving = order[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count) break;
        if (child + 1 < count && lfrec__key_after(key, order[child + 1], order[child])) child++;
        if (!lfrec__key_after(key, order[child], moving)) break;
        order[at] = order[child];
        at = child;
    }
    order[at] = moving;
}

LFREC__INTERNAL void lfrec__sort_by(const float *key, uint32_t *order, size_t count)
{
    for (size_t k = 0; k < count; k++) order[k] = (uint32_t)k;
    for (size_t k = count / 2; k > 0; k--) lfrec__key_sift(key, order, k - 1, count);
    for (size_t left = count; left > 1; left--) {
        const uint32_t last = order[0];
        order[0] = order[left - 1];
        lfrec__key_sift(key, order, 0, left - 1);
        order[left - 1] = last;
    }
}

LFREC__INTERNAL lfrec_real lfrec__gain(float relevance, lfrec_gain gain)
{
    if (gain == LFREC_GAIN_LINEAR) return (lfrec_real)relevance;
    /* 2^r - 1: the whole part by doubling, the rest by the exponential series. */
    const float whole = relevance < 126.0f ? (float)(int)relevance : 126.0f;
    const lfrec_real x = (lfrec_real)(relevance < 126.0f ? relevance - whole : 0.0f) * (lfrec_real)0.69314718055994531;
    lfrec_real term = 1, power = 1;
    for (int k = 1; k < 14; k++) power += term *= x / (lfrec_real)k;
    for (int k = 0; k < (int)whole; k++) power *= 2;
    return power - 1;
}

LFREC__INTERNAL lfrec_real lfrec__discount(size_t place)
{
    return (lfrec_real)0.69314718055994531 / (lfrec_real)lfrec__logf((float)place + 2.0f); /* places from 0 */
}

LFREC_API lfrec_status lfrec_rank(const float *scores, const float *relevance, size_t count, size_t n, lfrec_gain gain,
                                  uint32_t *order, lfrec_ranking *ranking)
{
    if (!scores || !relevance || !order || !ranking || n == 0) return LFREC_ERROR_ARGUMENT;
    if (count > 0xffffffffu) return LFREC_ERROR_OVERFLOW;
    size_t relevant = 0;
    for (size_t k = 0; k < count; k++) {
        if (scores[k] != scores[k] || !(relevance[k] >= 0.0f) || !lfrec__finite(relevance[k]))
            return LFREC_ERROR_NUMBER;
        relevant += relevance[k] > 0.0f;
    }
    if (relevant == 0) return LFREC_ERROR_EMPTY;
    lfrec__sort_by(scores, order, count);
    lfrec_real hits = 0, dcg = 0, ideal = 0;
    for (size_t first = 0, end; first < count && first < n; first = end) { /* a group of equal scores shares places first .. end - 1 */
        lfrec_real gains = 0, discounts = 0;
        size_t group_relevant = 0;
        for (end = first; end < count && scores[order[end]] == scores[order[first]]; end++) {
            gains += lfrec__gain(relevance[order[end]], gain);
            group_relevant += relevance[order[end]] > 0.0f;
        }
        const size_t listed = (end < n ? end : n) - first;
        for (size_t place = first; place < first + listed; place++) discounts += lfrec__discount(place);
        dcg += gains * discounts / (lfrec_real)(end - first);
        hits += (lfrec_real)group_relevant * (lfrec_real)listed / (lfrec_real)(end - first);
    }
    lfrec__sort_by(relevance, order, count);
    for (size_t place = 0; place < count && place < n; place++) {
        ideal += lfrec__gain(relevance[order[place]], gain) * lfrec__discount(place);
    }
    ranking->recall = hits / (lfrec_real)relevant;
    ranking->ndcg = dcg / ideal;
    return LFREC_OK;
}

#define LFREC__SEED_SPLIT UINT64_C(0x73706c6974000000)

LFREC__INTERNAL lfrec_status lfrec__split_layout(lfrec__arena *arena, const lfrec_ratings *ratings, size_t **train_start,
                                                 size_t **test_start, uint32_t **item, float **value)
{
    const size_t count = ratings->row_start[ratings->users];
    *train_start = (size_t *)lfrec__take(arena, (size_t)ratings->users + 1, sizeof(size_t));
    *test_start = (size_t *)lfrec__take(arena, (size_t)ratings->users + 1, sizeof(size_t));
    *item = (uint32_t *)lfrec__take(arena, count, sizeof(uint32_t));
    *value = (float *)lfrec__take(arena, count, sizeof(float));
    return lfrec__arena_status(arena);
}

LFREC_API lfrec_status lfrec_split_size(const lfrec_ratings *ratings, size_t *bytes)
{
    lfrec__arena arena = lfrec__arena_measure();
    size_t *train_start, *test_start;
    uint32_t *item;
    float *value;
    if (!bytes) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec_ratings_check(ratings, NULL));
    LFREC__TRY(lfrec__split_layout(&arena, ratings, &train_start, &test_start, &item, &value));
    return lfrec__arena_bytes(&arena, bytes);
}

LFREC_API lfrec_status lfrec_split(const lfrec_ratings *ratings, lfrec_split_by by, float share, uint64_t seed,
                                   void *memory, size_t bytes, lfrec_ratings *train, lfrec_ratings *test)
{
    size_t *start[2];
    uint32_t *item;
    float *value;
    if (!memory || !train || !test || train == test || !(share >= 0.0f && share <= 1.0f)) return LFREC_ERROR_ARGUMENT;
    if (by != LFREC_SPLIT_RATINGS && by != LFREC_SPLIT_USERS) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec_ratings_check(ratings, NULL));
    lfrec__arena arena = lfrec__arena_over(memory, bytes);
    LFREC__TRY(lfrec__split_layout(&arena, ratings, &start[0], &start[1], &item, &value));
    /* The same draws twice: once to count, so that the test part's place is known, once to copy. */
    size_t offset[2] = {0, 0};
    for (int copying = 0; copying < 2; copying++) {
        size_t at[2] = {0, 0};
        for (uint32_t u = 0; u < ratings->users; u++) {
            const lfrec_history history = lfrec_history_of(ratings, u);
            lfrec_rng rng;
            lfrec_rng_seed(&rng, seed ^ LFREC__SEED_SPLIT, u);
            int part = lfrec_rng_uniform(&rng) < share;
            start[0][u] = at[0];
            start[1][u] = at[1];
            for (size_t k = 0; k < history.count; k++) {
                if (by == LFREC_SPLIT_RATINGS) part = lfrec_rng_uniform(&rng) < share;
                if (copying) {
                    item[offset[part] + at[part]] = history.item[k];
                    value[offset[part] + at[part]] = history.value[k];
                }
                at[part]++;
            }
        }
        start[0][ratings->users] = at[0];
        start[1][ratings->users] = at[1];
        offset[1] = at[0];
    }
    lfrec_ratings *parts[2];
    parts[0] = train;
    parts[1] = test;
    const uint32_t users = ratings->users, items = ratings->items;
    for (int part = 0; part < 2; part++) {
        lfrec__zero(parts[part], sizeof *parts[part]);
        parts[part]->users = users;
        parts[part]->items = items;
        parts[part]->row_start = start[part];
        parts[part]->item = item + offset[part];
        parts[part]->value = value + offset[part];
    }
    return LFREC_OK;
}

#endif /* LFREC_NO_EVALUATION */

/* ===[ save and load ]============================================================================================== */
#ifndef LFREC_NO_FILES

#define LFREC__FLAG_SCALE_INPUT 1u
#define LFREC__FLAG_PACKED 2u
#define LFREC__CHUNK 256u /* bytes on the stack between the model and the caller's reader or writer; a multiple of 4 */

LFREC__INTERNAL const uint8_t *lfrec__magic(void)
{
    static const uint8_t magic[8] = {0x89, 'L', 'F', 'R', 'E', 'C', 0x0d, 0x0a};
    return magic;
}

/* CRC-32 of ISO 3309, reflected, four bits at a time: 64 bytes of table. Start with 0xffffffff, invert at the end. */
LFREC__INTERNAL uint32_t lfrec__crc(uint32_t crc, const uint8_t *data, size_t bytes)
{
    static const uint32_t table[16] = {0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u,
                                       0x4db26158u, 0x5005713cu, 0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu,
                                       0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu};
    for (size_t k = 0; k < bytes; k++) {
        crc ^= data[k];
        crc = (crc >> 4) ^ table[crc & 15u];
        crc = (crc >> 4) ^ table[crc & 15u];
    }
    return crc;
}

LFREC__INTERNAL void lfrec__put32(uint8_t *at, uint32_t x)
{
    for (int k = 0; k < 4; k++) at[k] = (uint8_t)(x >> (8 * k));
}

LFREC__INTERNAL uint32_t lfrec__get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* 64 bits hold it: below 2^32 items of a few thousand words. */
LFREC__INTERNAL uint64_t lfrec__file_bytes(lfrec_setting setting, uint32_t items, uint32_t factors, int packed)
{
    const uint32_t columns = lfrec__row_words(setting, factors, packed);
    uint64_t words = 0;
    for (int which = 0; which < LFREC__ARRAYS; which++) {
        if (!lfrec__has(setting, which)) continue;
        words += (uint64_t)(which == LFREC__GRAM ? columns : items) * (lfrec__is_matrix(which) ? columns : 1u);
    }
    return LFREC_HEADER_BYTES + words * 4u + 4u;
}

LFREC__INTERNAL lfrec_status lfrec__saved_size(const lfrec_model *model, int packed, size_t *bytes)
{
    if (!bytes) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__check_model(model));
    const uint64_t size = lfrec__file_bytes(model->setting, model->items, model->factors, packed || model->packed);
    if (size > (size_t)-1) return LFREC_ERROR_OVERFLOW;
    *bytes = (size_t)size;
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_save_size(const lfrec_model *model, size_t *bytes)
{
    return lfrec__saved_size(model, 0, bytes);
}

LFREC__INTERNAL void lfrec__fill_header(const lfrec_model *model, int packed, uint8_t *header)
{
    const uint64_t bytes = lfrec__file_bytes(model->setting, model->items, model->factors, packed);
    lfrec__zero(header, LFREC_HEADER_BYTES);
    lfrec__copy(header, lfrec__magic(), 8);
    lfrec__put32(header + 8, LFREC_FORMAT_VERSION);
    lfrec__put32(header + 12, (uint32_t)model->setting);
    lfrec__put32(header + 16, (uint32_t)bytes);
    lfrec__put32(header + 20, (uint32_t)(bytes >> 32));
    lfrec__put32(header + 24, model->items);
    lfrec__put32(header + 28, model->factors);
    lfrec__put32(header + 32, (model->scale_input ? LFREC__FLAG_SCALE_INPUT : 0u) | (packed ? LFREC__FLAG_PACKED : 0u));
    const float numbers[] = {model->mean,        model->scale_min, model->scale_max, model->item_shrink,
                             model->user_shrink, model->step,      model->gain};
    for (size_t k = 0; k < 7; k++) lfrec__put32(header + 36 + 4 * k, lfrec__float_bits(numbers[k]));
    lfrec__put32(header + 68, ~lfrec__crc(0xffffffffu, header, 68));
}

/* Gathers 32-bit words into chunks for the caller's function and keeps the checksum. */
typedef struct lfrec__writer {
    lfrec_write *write;
    void *context;
    uint32_t crc;
    size_t used;
    int failed;
    uint8_t chunk[LFREC__CHUNK];
} lfrec__writer;

LFREC__INTERNAL void lfrec__flush(lfrec__writer *w)
{
    w->crc = lfrec__crc(w->crc, w->chunk, w->used);
    if (!w->failed && w->used && !w->write(w->context, w->chunk, w->used)) w->failed = 1;
    w->used = 0;
}

LFREC__INTERNAL void lfrec__write32(lfrec__writer *w, uint32_t x)
{
    if (w->used == LFREC__CHUNK) lfrec__flush(w);
    lfrec__put32(w->chunk + w->used, x);
    w->used += 4;
}

#ifndef LFREC_NO_PACKED
LFREC__INTERNAL float lfrec__row_scale(const float *row, uint32_t factors)
{
    float most = 0.0f;
    for (uint32_t q = 0; q < factors; q++) most = lfrec__magnitude(row[q]) > most ? lfrec__magnitude(row[q]) : most;
    return most / 127.0f;
}

/* Word `at` of a row that is to be packed: the scale, then four weights, the first in the lowest bits. Rounded to the nearest. */
LFREC__INTERNAL uint32_t lfrec__packed_word(const float *row, uint32_t factors, float scale, size_t at)
{
    uint32_t word = 0;
    if (at == 0) return lfrec__float_bits(scale);
    for (size_t q = 4 * (at - 1); q < 4 * at && q < factors; q++) {
        const float steps = scale > 0.0f ? lfrec__clamp(row[q] / scale + 127.5f, 0.5f, 254.5f) : 127.5f;
        word |= (((uint32_t)steps - 127u) & 255u) << (8 * (q % 4));
    }
    return word;
}
#endif

/* Word q of a model's row. What is packed behind the scale has no byte order. */
LFREC__INTERNAL uint32_t lfrec__row_word(const unsigned char *row, size_t q, int packed)
{
    uint32_t word;
    (void)packed;
    if (LFREC__FOR_PACKED(packed && q > 0)) return lfrec__get32(row + 4 * q);
    lfrec__copy(&word, row + 4 * q, 4);
    return word;
}

LFREC__INTERNAL lfrec_status lfrec__save(const lfrec_model *model, int packed, lfrec_write *write, void *context)
{
    lfrec__writer w;
    if (!write) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__check_model(model));
    if (!lfrec__model_finite(model)) return LFREC_ERROR_NUMBER;
    w.write = write;
    w.context = context;
    w.crc = 0xffffffffu;
    w.failed = 0;
    w.used = LFREC_HEADER_BYTES;
    if (model->packed) packed = 1;
    lfrec__fill_header(model, packed, w.chunk);
    for (int which = 0; which < LFREC__ARRAYS; which++) {
        if (!lfrec__has(model->setting, which)) continue;
        const lfrec__shape shape = lfrec__shape_of(model, which);
        const unsigned char *array = (const unsigned char *)lfrec__array(model, which);
        const int matrix = lfrec__is_matrix(which);
        for (size_t i = 0; i < shape.rows; i++) {
            const unsigned char *row = array + 4 * i * shape.stride;
#ifndef LFREC_NO_PACKED
            if (matrix && packed && !model->packed) {
                const float *floats = (const float *)lfrec__array(model, which) + i * shape.stride;
                const float scale = lfrec__row_scale(floats, model->factors);
                for (size_t q = 0; q < lfrec__row_words(model->setting, model->factors, 1); q++)
                    lfrec__write32(&w, lfrec__packed_word(floats, model->factors, scale, q));
                continue;
            }
#endif
            for (size_t q = 0; q < shape.columns; q++) lfrec__write32(&w, lfrec__row_word(row, q, matrix && packed));
        }
    }
    lfrec__flush(&w);
    lfrec__write32(&w, ~w.crc);
    lfrec__flush(&w);
    return w.failed ? LFREC_ERROR_IO : LFREC_OK;
}

LFREC_API lfrec_status lfrec_save(const lfrec_model *model, lfrec_write *write, void *context)
{
    return lfrec__save(model, 0, write, context);
}

#ifndef LFREC_NO_PACKED
LFREC__INTERNAL int lfrec__can_pack(uint32_t setting)
{
    return setting == (uint32_t)LFREC_ARTICLE || setting == (uint32_t)LFREC_SGD;
}

LFREC_API lfrec_status lfrec_save_packed_size(const lfrec_model *model, size_t *bytes)
{
    LFREC__TRY(lfrec__check_model(model));
    return lfrec__can_pack((uint32_t)model->setting) ? lfrec__saved_size(model, 1, bytes) : LFREC_ERROR_ARGUMENT;
}

LFREC_API lfrec_status lfrec_save_packed(const lfrec_model *model, lfrec_write *write, void *context)
{
    LFREC__TRY(lfrec__check_model(model));
    return lfrec__can_pack((uint32_t)model->setting) ? lfrec__save(model, 1, write, context) : LFREC_ERROR_ARGUMENT;
}
#endif

/* A buffer as a reader's or a writer's context. */
typedef struct lfrec__buffer {
    uint8_t *data;
    size_t used, capacity;
} lfrec__buffer;

LFREC__INTERNAL int lfrec__write_buffer(void *context, const void *data, size_t bytes)
{
    lfrec__buffer *buffer = (lfrec__buffer *)context;
    if (bytes > buffer->capacity - buffer->used) return 0;
    lfrec__copy(buffer->data + buffer->used, data, bytes);
    buffer->used += bytes;
    return 1;
}

LFREC__INTERNAL int lfrec__read_buffer(void *context, void *data, size_t bytes, size_t *got)
{
    lfrec__buffer *buffer = (lfrec__buffer *)context;
    const size_t left = buffer->capacity - buffer->used;
    *got = bytes < left ? bytes : left;
    lfrec__copy(data, buffer->data + buffer->used, *got);
    buffer->used += *got;
    return 1;
}

LFREC_API lfrec_status lfrec_save_buffer(const lfrec_model *model, void *buffer, size_t bytes, size_t *written)
{
    size_t needed;
    lfrec__buffer out;
    if (!buffer || !written) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec_save_size(model, &needed));
    if (bytes < needed) return LFREC_ERROR_MEMORY;
    out.data = (uint8_t *)buffer;
    out.used = 0;
    out.capacity = bytes;
    LFREC__TRY(lfrec_save(model, lfrec__write_buffer, &out));
    *written = out.used;
    return LFREC_OK;
}

LFREC__INTERNAL lfrec_status lfrec__read_all(lfrec_read *read, void *context, uint8_t *data, size_t bytes, size_t *got)
{
    *got = 0;
    if (!read(context, data, bytes, got) || *got > bytes) return LFREC_ERROR_IO;
    return *got == bytes ? LFREC_OK : LFREC_ERROR_TRUNCATED;
}

/* The numbers of a model that stand in the header. */
LFREC__INTERNAL void lfrec__take_header(lfrec_model *model, const uint8_t *header)
{
    float *const numbers[] = {&model->mean,        &model->scale_min, &model->scale_max, &model->item_shrink,
                              &model->user_shrink, &model->step,      &model->gain};
    for (size_t k = 0; k < 7; k++) *numbers[k] = lfrec__bits_float(lfrec__get32(header + 36 + 4 * k));
    model->scale_input = (lfrec__get32(header + 32) & LFREC__FLAG_SCALE_INPUT) != 0;
}

/* Everything that the header can be asked, of which `got` bytes are there; *model gets all but its arrays. */
LFREC__INTERNAL lfrec_status lfrec__parse_header(lfrec_file *file, lfrec_model *model, const uint8_t *header, size_t got)
{
    lfrec__arena arena = lfrec__arena_measure();
    for (size_t k = 0; k < 8 && k < got; k++) {
        if (header[k] != lfrec__magic()[k]) return LFREC_ERROR_FOREIGN;
    }
    if (got < LFREC_HEADER_BYTES) return LFREC_ERROR_TRUNCATED;
    if (lfrec__get32(header + 68) != (uint32_t)~lfrec__crc(0xffffffffu, header, 68)) return LFREC_ERROR_CORRUPT;
    lfrec__zero(file, sizeof *file);
    file->version = lfrec__get32(header + 8);
    if (file->version > LFREC_FORMAT_VERSION) return LFREC_ERROR_VERSION;
    const uint32_t setting = lfrec__get32(header + 12), flags = lfrec__get32(header + 32);
    file->setting = (lfrec_setting)setting;
    file->bytes = (uint64_t)lfrec__get32(header + 16) | (uint64_t)lfrec__get32(header + 20) << 32;
    file->items = lfrec__get32(header + 24);
    file->factors = lfrec__get32(header + 28);
    file->packed = LFREC__FOR_PACKED((flags & LFREC__FLAG_PACKED) != 0 && lfrec__can_pack(setting));
    lfrec__copy(file->header, header, LFREC_HEADER_BYTES);
    if (setting <= (uint32_t)LFREC_RANKING &&
        (!lfrec__legal_setting(setting) || ((flags & LFREC__FLAG_PACKED) && !LFREC__FOR_PACKED(1)))) {
        return LFREC_ERROR_UNSUPPORTED;
    }
    if (file->version < 1 || !lfrec__legal_setting(setting) || file->items < 1 || file->items > 0xfffffffeu ||
        file->factors < 1 || file->factors > LFREC_MAX_FACTORS ||
        flags > LFREC__FLAG_SCALE_INPUT + (file->packed ? LFREC__FLAG_PACKED : 0u) || lfrec__get32(header + 64) != 0 ||
        file->bytes != lfrec__file_bytes(file->setting, file->items, file->factors, file->packed)) {
        return LFREC_ERROR_CORRUPT;
    }
    LFREC__TRY(lfrec__model_layout(&arena, file->setting, file->items, file->factors, file->packed, model));
    lfrec__take_header(model, header);
    const lfrec_model *m = model;
    const int has_gain = m->setting == LFREC_BAYES || m->setting == LFREC_RANKING;
    if (!lfrec__finite(m->mean) || !lfrec__legal_rating(m->scale_min) || !lfrec__legal_rating(m->scale_max) ||
        !(m->scale_min < m->scale_max) || !(m->item_shrink >= 0.0f && m->item_shrink < 1e9f) ||
        !(m->user_shrink >= 0.0f && m->user_shrink < 1e9f) ||
        !lfrec__legal_step(m->setting, m->scale_min, m->scale_max, m->step) ||
        !(has_gain ? m->gain > 0.0f && lfrec__finite(m->gain) : lfrec__get32(header + 60) == 0)) {
        return LFREC_ERROR_CORRUPT;
    }
    return lfrec__arena_bytes(&arena, &file->memory_bytes);
}

LFREC_API lfrec_status lfrec_load_header(lfrec_file *file, lfrec_read *read, void *context)
{
    uint8_t header[LFREC_HEADER_BYTES];
    lfrec_file parsed;
    lfrec_model model;
    size_t got;
    if (!file || !read) return LFREC_ERROR_ARGUMENT;
    const lfrec_status status = lfrec__read_all(read, context, header, sizeof header, &got);
    if (status != LFREC_OK && status != LFREC_ERROR_TRUNCATED) return status;
    LFREC__TRY(lfrec__parse_header(&parsed, &model, header, got));
    *file = parsed;
    return LFREC_OK;
}

typedef struct lfrec__reader {
    lfrec_read *read;
    void *context;
    uint32_t crc;
} lfrec__reader;

/* `count` rows of 32-bit words, little-endian in the file, native in memory; `rows` is an array of floats or of
 * uint32_t. */
LFREC__INTERNAL lfrec_status lfrec__read_rows(lfrec__reader *r, void *rows, size_t count, size_t columns, size_t stride,
                                              int packed)
{
    uint8_t chunk[LFREC__CHUNK];
    unsigned char *to = (unsigned char *)rows;
    for (size_t k = 0; k < count; k++) {
        for (size_t first = 0; first < columns; first += LFREC__CHUNK / 4) {
            const size_t left = columns - first, n = left < LFREC__CHUNK / 4 ? left : LFREC__CHUNK / 4;
            size_t got;
            LFREC__TRY(lfrec__read_all(r->read, r->context, chunk, 4 * n, &got));
            r->crc = lfrec__crc(r->crc, chunk, 4 * n);
            for (size_t q = 0; q < n; q++) {
                const uint32_t word = lfrec__get32(chunk + 4 * q);
                const int raw = packed && first + q > 0; /* bytes, which have no order */
                lfrec__copy(to + 4 * (k * stride + first + q), raw ? (const void *)(chunk + 4 * q) : &word, 4);
            }
        }
    }
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_load(lfrec_model *model, const lfrec_file *file, lfrec_read *read, void *context,
                                  void *memory, size_t bytes)
{
    lfrec_model made;
    lfrec_file parsed;
    lfrec__reader r;
    uint8_t tail[4];
    size_t got;
    if (!model || !file || !read || !memory) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__parse_header(&parsed, &made, file->header, LFREC_HEADER_BYTES));
    lfrec__arena arena = lfrec__arena_over(memory, bytes);
    LFREC__TRY(lfrec__model_over(&made, &arena, parsed.setting, parsed.items, parsed.factors, parsed.packed));
    lfrec__take_header(&made, parsed.header);
    r.read = read;
    r.context = context;
    r.crc = lfrec__crc(0xffffffffu, parsed.header, LFREC_HEADER_BYTES);
    for (int which = 0; which < LFREC__ARRAYS; which++) {
        void *array = (void *)lfrec__array(&made, which);
        if (!array) continue;
        const lfrec__shape shape = lfrec__shape_of(&made, which);
        if (shape.stride > 1)
            LFREC__TRY(lfrec__read_rows(&r, array, shape.rows, shape.columns, shape.stride, made.packed));
        else LFREC__TRY(lfrec__read_rows(&r, array, 1, shape.rows, shape.rows, 0));
    }
    LFREC__TRY(lfrec__read_all(read, context, tail, 4, &got));
    if (lfrec__get32(tail) != (uint32_t)~r.crc || !lfrec__model_finite(&made)) return LFREC_ERROR_CORRUPT;
    *model = made;
    return LFREC_OK;
}

LFREC__INTERNAL lfrec_status lfrec__load_create(lfrec_model *model, lfrec_read *read, void *context,
                                                const lfrec_allocator *allocator)
{
    lfrec_allocator own;
    lfrec_file file;
    lfrec_model made;
    LFREC__TRY(lfrec__allocator_or_default(allocator, &own));
    LFREC__TRY(lfrec_load_header(&file, read, context));
    void *memory = own.allocate(own.context, file.memory_bytes);
    if (!memory) return LFREC_ERROR_MEMORY;
    const lfrec_status status = lfrec_load(&made, &file, read, context, memory, file.memory_bytes);
    if (status != LFREC_OK) {
        lfrec__release(&own, memory);
        return status;
    }
    made.memory = memory;
    made.allocator = own;
    *model = made;
    return LFREC_OK;
}

LFREC_API lfrec_status lfrec_load_buffer(lfrec_model *model, const void *buffer, size_t bytes, const lfrec_allocator *allocator)
{
    lfrec__buffer in;
    lfrec_file file;
    if (!model || !buffer) return LFREC_ERROR_ARGUMENT;
    in.data = (uint8_t *)buffer;
    in.used = 0;
    in.capacity = bytes;
    LFREC__TRY(lfrec_load_header(&file, lfrec__read_buffer, &in));
    if (bytes < file.bytes) return LFREC_ERROR_TRUNCATED;
    if (bytes > file.bytes) return LFREC_ERROR_CORRUPT;
    in.used = 0;
    return lfrec__load_create(model, lfrec__read_buffer, &in, allocator);
}

LFREC_API lfrec_status lfrec_view(lfrec_model *model, const void *buffer, size_t bytes)
{
    const uint8_t *data = (const uint8_t *)buffer;
    const uint16_t one = 1;
    uint8_t low;
    lfrec_file file;
    lfrec_model made;
    if (!model || !buffer) return LFREC_ERROR_ARGUMENT;
    lfrec__copy(&low, &one, 1);
    if (!low) return LFREC_ERROR_ARGUMENT;
    if ((uintptr_t)buffer % sizeof(float) != 0) return LFREC_ERROR_ALIGNMENT;
    LFREC__TRY(lfrec__parse_header(&file, &made, data, bytes < LFREC_HEADER_BYTES ? bytes : LFREC_HEADER_BYTES));
    if (bytes < file.bytes) return LFREC_ERROR_TRUNCATED;
    if (bytes > file.bytes) return LFREC_ERROR_CORRUPT;
    if (lfrec__get32(data + bytes - 4) != (uint32_t)~lfrec__crc(0xffffffffu, data, bytes - 4))
        return LFREC_ERROR_CORRUPT;
    made.check = LFREC__CHECK_MODEL;
    made.stride = lfrec__row_words(file.setting, file.factors, file.packed);
    const uint8_t *at = data + LFREC_HEADER_BYTES;
    for (int which = 0; which < LFREC__ARRAYS; which++) {
        if (!lfrec__has(made.setting, which)) continue;
        const lfrec__shape shape = lfrec__shape_of(&made, which);
        lfrec__set_array(&made, which, at);
        at += 4 * shape.rows * shape.columns;
    }
    if (!lfrec__model_finite(&made)) return LFREC_ERROR_CORRUPT;
    *model = made;
    return LFREC_OK;
}

#ifndef LFREC_NO_STDIO

#define LFREC__PATH_MAX 4096u

LFREC__INTERNAL int lfrec__write_stream(void *context, const void *data, size_t bytes)
{
    return fwrite(data, 1, bytes, (FILE *)context) == bytes;
}

LFREC__INTERNAL int lfrec__read_stream(void *context, void *data, size_t bytes, size_t *got)
{
    *got = fread(data, 1, bytes, (FILE *)context);
    return !ferror((FILE *)context);
}

LFREC_API lfrec_status lfrec_save_file(const lfrec_model *model, const char *path)
{
    char temporary[LFREC__PATH_MAX];
    size_t length = 0;
    if (!path) return LFREC_ERROR_ARGUMENT;
    LFREC__TRY(lfrec__check_model(model));
    while (path[length]) length++;
    if (length == 0 || length + sizeof ".tmp" > LFREC__PATH_MAX) return LFREC_ERROR_ARGUMENT;
    lfrec__copy(temporary, path, length);
    lfrec__copy(temporary + length, ".tmp", sizeof ".tmp");
    FILE *stream = fopen(temporary, "wb");
    if (!stream) return LFREC_ERROR_IO;
    lfrec_status status = lfrec_save(model, lfrec__write_stream, stream);
    if (fclose(stream) != 0 && status == LFREC_OK) status = LFREC_ERROR_IO;
    if (status == LFREC_OK && rename(temporary, path) != 0) status = LFREC_ERROR_IO;
    if (status != LFREC_OK) (void)remove(temporary);
    return status;
}

LFREC_API lfrec_status lfrec_load_file(lfrec_model *model, const char *path, const lfrec_allocator *allocator)
{
    lfrec_model made;
    if (!model || !path) return LFREC_ERROR_ARGUMENT;
    FILE *stream = fopen(path, "rb");
    if (!stream) return LFREC_ERROR_IO;
    lfrec_status status = lfrec__load_create(&made, lfrec__read_stream, stream, allocator);
    if (status == LFREC_OK && fgetc(stream) != EOF) {
        lfrec_model_destroy(&made);
        status = LFREC_ERROR_CORRUPT;
    }
    (void)fclose(stream);
    if (status == LFREC_OK) *model = made;
    return status;
}

#endif /* LFREC_NO_STDIO */
#endif /* LFREC_NO_FILES */

#ifdef __cplusplus
}
#endif

#endif /* LFREC_IMPLEMENTATION */

/* MIT License
 *
 * Copyright (c) 2026 lfrec contributors
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
 * documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
 * rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to
 * permit persons to whom the Software is furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
 * Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
 * WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
 * COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
 * OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE. */
