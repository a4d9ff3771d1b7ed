/* evaluate.h - how good are the predictions, the lists, and the running predictions of a stream? What the parts of the program share.
 *
 * Functions that return int return an exit code: 0, or EXIT_DATA or EXIT_USAGE after having said why on standard error. */
#ifndef EVALUATE_H
#define EVALUATE_H

#include "../arguments.h"
#include "../dataset.h"
#include "../thread_pool.h"

enum { EXIT_DATA = 1, EXIT_USAGE = 2 };

typedef struct choices {
    const char *train, *test, *data, *prequential, *curves, *scale;
    int setting; /* a lfrec_setting; -1: not given */
    int best;    /* 1: --quality best */
    bool ranking, help;
    double factors, seed, seeds, new_users, top, retrain, threads; /* factors -1: the setting's own */
    float scale_min, scale_max;                                    /* with `scale` only */
} choices;

/* Ratings to learn from and ratings to be tested with: the same users and items in both. */
typedef struct problem {
    dataset data;
    size_t known; /* the first so many of data.rating are to learn from; the others test */
    lfrec_ratings train, test;
    float scale_min, scale_max;
    float step; /* of the training ratings: all are scale_min + a whole number of steps; 0: there is none */
    uint32_t threads;
    thread_pool *pool; /* NULL for one thread */
} problem;

/* What to train. */
typedef struct recipe {
    lfrec_setting setting;
    uint32_t factors;
    uint32_t epochs; /* at least so many */
} recipe;

/* Errors, or places, of one way to predict. */
typedef struct outcome_of_run {
    lfrec_errors errors;
    double recall_20, ndcg_10, ndcg_100; /* with --ranking */
    size_t people;                       /* whose lists were judged */
    double train_seconds, fold_in_microseconds;
} outcome_of_run;

/* main.c */
int failed(const char *what, lfrec_status status);
double cpu_seconds(void); /* of all threads */
const char *setting_name(lfrec_setting setting);

/* options.c. false: the reason has been told. */
bool parse(int argc, char **argv, choices *chosen);
void print_help(void);

/* problem.c */
void problem_free(problem *p);
int problem_read(problem *p, const choices *chosen);
/* order[0 .. count - 1]: a permutation, the same on every machine; count below 2^32. */
void shuffled(uint32_t *order, size_t count, uint64_t seed);
/* Deals the data anew by seed: a tenth of the ratings to test with, or with `ranking` a fifth of the best ratings of everyone
 * who gave at least ten of them. */
int problem_split(problem *p, uint64_t seed, bool ranking);
bool is_relevant(const problem *p, float rating);
/* is_new[user]: kept out of training. */
int choose_new_users(const problem *p, double share, uint64_t seed, uint8_t *is_new);
/* The ratings of these users (is_new as `which` says); the others' rows are empty. Freed by lfrec_ratings_destroy. */
int ratings_of_users(const lfrec_ratings *from, const uint8_t *is_new, bool which, lfrec_ratings *to);

/* models.c */
recipe recipe_of(const choices *chosen);
lfrec_options options_of(const problem *p, const lfrec_ratings *ratings, const recipe *how, uint64_t seed);
int train_model(const problem *p, const lfrec_ratings *ratings, const recipe *how, uint64_t seed, lfrec_model *model,
                double *seconds);
/* A model of the means alone: raw, or drawn towards the overall mean as LFREC_SGD does. */
int means_model(const problem *p, const lfrec_ratings *ratings, bool shrunk, lfrec_model *model);
float *user_room(const lfrec_model *model); /* NULL: no memory */
int measure_errors(const lfrec_model *model, const lfrec_ratings *known, const lfrec_ratings *test, lfrec_errors *errors);
int measure_fold_in(const lfrec_model *model, const lfrec_ratings *known, const lfrec_ratings *test, double *microseconds);
/* model NULL: by popularity, the number of ratings in `train`. */
int measure_ranking(const problem *p, const lfrec_model *model, const lfrec_ratings *train, const lfrec_ratings *known,
                    const lfrec_ratings *test, outcome_of_run *outcome);

/* single.c, table.c, prequential.c, curves.c: the ways to use the program. */
int evaluate_files(const choices *chosen);
int evaluate_table(const choices *chosen);
int evaluate_stream(const choices *chosen);
int evaluate_curves(const choices *chosen);

#endif
