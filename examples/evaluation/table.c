/* table.c - a data set split by several seeds, every setting, and what peers reached on the very same splits. */
#include "evaluate.h"

#include <math.h>

typedef struct row {
    const char *name;
    int means; /* 1: raw means, 2: shrunk means; with --ranking 1: popularity */
    recipe how;
} row;

static const row rating_rows[] = {
    {"means, as in the article", 1, {LFREC_ARTICLE, 1, 0}}, {"shrunk means", 2, {LFREC_SGD, 1, 0}},
    {"article, K = 25", 0, {LFREC_ARTICLE, 25, 0}},         {"sgd, K = 32", 0, {LFREC_SGD, 32, 0}},
    {"sgd, K = 64 (best)", 0, {LFREC_SGD, 64, 50}},         {"bayes, 14 factors", 0, {LFREC_BAYES, 14, 0}},
    {"bayes, 62 factors (best)", 0, {LFREC_BAYES, 62, 10}},
};
static const row ranking_rows[] = {
    {"popularity", 1, {LFREC_ARTICLE, 1, 0}},
    {"by rating: bayes, 14", 0, {LFREC_BAYES, 14, 0}},
    {"ranking, K = 64", 0, {LFREC_RANKING, 64, 0}},
    {"ranking, K = 128", 0, {LFREC_RANKING, 128, 0}},
};

/* Measured on the same splits by seeds 1 .. 3 (ranking: seed 1), each peer with the best parameters that were found for it. */
typedef struct peer {
    const char *name;
    double small, ml_1m, top_500; /* RMSE; 0: not measured */
} peer;
static const peer peers[] = {
    {"LensKit", 0.853, 0.865, 0.846},
    {"Surprise SVD, tuned", 0.850, 0.847, 0.831},
    {"item kNN", 0.849, 0.854, 0.837},
    {"SVD++", 0.864, 0.855, 0.843},
    {"cmfrec, implicit features", 0.838, 0.841, 0.825},
    {"libmf, k = 256", 0.864, 0.838, 0.822},
};
typedef struct ranking_peer {
    const char *name;
    double small[3], ml_1m[3];
} ranking_peer;
static const ranking_peer ranking_peers[] = {
    {"EASE, blind to ratings", {0.330, 0.345, 0.405}, {0.344, 0.398, 0.477}},
    {"EASE, graded entries", {0.337, 0.358, 0.420}, {0.357, 0.419, 0.495}},
    {"EDLAE, rank 100", {0.311, 0.307, 0.379}, {0.338, 0.394, 0.474}},
    {"implicit ALS", {0.306, 0.308, 0.374}, {0.342, 0.373, 0.473}},
};

#define MOST_SEEDS 100
#define RATINGS_ML_1M 1000209u
#define RATINGS_TOP_500 530109u
#define RATINGS_SMALL 100836u

static double mean_of(const double *x, size_t count)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++) sum += x[k];
    return sum / (double)count;
}

/* Standard deviation of single seeds. */
static double spread_of(const double *x, size_t count)
{
    double mean = mean_of(x, count), sum = 0;
    for (size_t k = 0; k < count; k++) sum += (x[k] - mean) * (x[k] - mean);
    return count > 1 ? sqrt(sum / (double)(count - 1)) : 0;
}

static int run_row(const problem *p, const row *one, bool ranking, uint64_t seed, outcome_of_run *o)
{
    lfrec_model model = {0};
    int code = one->means ? means_model(p, &p->train, one->means == 2, &model)
                          : train_model(p, &p->train, &one->how, seed, &model, &o->train_seconds);
    if (code == 0) code = measure_fold_in(&model, &p->train, &p->test, &o->fold_in_microseconds);
    if (code == 0 && ranking) code = measure_ranking(p, one->means ? NULL : &model, &p->train, &p->train, &p->test, o);
    if (code == 0 && !ranking) code = measure_errors(&model, &p->train, &p->test, &o->errors);
    lfrec_model_destroy(&model);
    return code;
}

static void print_row(const char *name, bool ranking, const outcome_of_run *o, size_t seeds)
{
    double first[MOST_SEEDS], second[MOST_SEEDS], third[MOST_SEEDS], train[MOST_SEEDS], fold[MOST_SEEDS];
    for (size_t k = 0; k < seeds; k++) {
        first[k] = ranking ? o[k].recall_20 : (double)o[k].errors.rmse;
        second[k] = ranking ? o[k].ndcg_10 : (double)o[k].errors.mae;
        third[k] = o[k].ndcg_100;
        train[k] = o[k].train_seconds;
        fold[k] = o[k].fold_in_microseconds;
    }
    printf("%-28s  %.4f  %.4f  %.4f", name, mean_of(first, seeds), spread_of(first, seeds), mean_of(second, seeds));
    if (ranking) printf("  %.4f", mean_of(third, seeds));
    printf("  %8.2f  %8.1f\n", mean_of(train, seeds), mean_of(fold, seeds));
    fflush(stdout);
}

static void print_peers(const problem *p, bool ranking)
{
    size_t n = p->data.count;
    if (n != RATINGS_ML_1M && n != RATINGS_TOP_500 && n != RATINGS_SMALL) return;
    if (ranking && n == RATINGS_TOP_500) return;
    puts("\nPeers, as they were measured on these very splits:");
    for (size_t k = 0; ranking && k < sizeof ranking_peers / sizeof *ranking_peers; k++) {
        const double *of = n == RATINGS_SMALL ? ranking_peers[k].small : ranking_peers[k].ml_1m;
        printf("%-28s  %.3f           %.3f   %.3f\n", ranking_peers[k].name, of[0], of[1], of[2]);
    }
    for (size_t k = 0; !ranking && k < sizeof peers / sizeof *peers; k++)
        printf("%-28s  %.3f\n", peers[k].name,
               n == RATINGS_SMALL   ? peers[k].small
               : n == RATINGS_ML_1M ? peers[k].ml_1m
                                    : peers[k].top_500);
}

int evaluate_table(const choices *chosen)
{
    problem p;
    size_t seeds = (size_t)chosen->seeds;
    const row *rows = chosen->ranking ? ranking_rows : rating_rows;
    size_t count = chosen->ranking ? sizeof ranking_rows / sizeof *rows : sizeof rating_rows / sizeof *rows;
    int code = problem_read(&p, chosen);
    if (code == 0) {
        printf("%s: %zu ratings of %u items by %u users\n", chosen->data, p.data.count, p.data.items.count,
               p.data.users.count);
        printf("%s; seeds 1 to %zu; spread is the standard deviation of one seed\n\n",
               chosen->ranking ? "a fifth of everyone's ratings in the upper quarter of the scale is hidden"
                               : "nine tenths to learn from, a tenth to be tested with",
               seeds);
        printf("%-28s  %s   train s  fold-in us\n", "",
               chosen->ranking ? "rec@20  spread  ndcg10  ndcg100" : "RMSE    spread  MAE   ");
    }
    for (size_t r = 0; r < count && code == 0; r++) {
        outcome_of_run o[MOST_SEEDS] = {{.people = 0}};
        for (size_t k = 0; k < seeds && code == 0; k++) {
            code = problem_split(&p, k + 1, chosen->ranking);
            if (code == 0) code = run_row(&p, &rows[r], chosen->ranking, k + 1, &o[k]);
        }
        if (code == 0) print_row(rows[r].name, chosen->ranking, o, seeds);
    }
    if (code == 0) print_peers(&p, chosen->ranking);
    problem_free(&p);
    return code;
}
