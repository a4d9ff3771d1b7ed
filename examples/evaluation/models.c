/* models.c - training and measuring. */
#include "evaluate.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MOST_ORDINAL_LEVELS 6
#define MOST_FEW_TIMES 0.05 /* seconds that a measurement of short things takes at least */

recipe recipe_of(const choices *chosen)
{
    static const recipe usual[] = {{LFREC_ARTICLE, 25, 0}, {LFREC_SGD, 32, 0}, {LFREC_BAYES, 14, 0}, {LFREC_RANKING, 128, 0}};
    static const recipe best[] = {
        {LFREC_ARTICLE, 25, 0}, {LFREC_SGD, 64, 50}, {LFREC_BAYES, 62, 10}, {LFREC_RANKING, 128, 0}};
    lfrec_setting setting = chosen->setting >= 0 ? (lfrec_setting)chosen->setting
                            : chosen->ranking    ? LFREC_RANKING
                                                 : LFREC_BAYES;
    recipe how = chosen->best ? best[setting] : usual[setting];
    if (chosen->factors > 0) how.factors = (uint32_t)chosen->factors;
    return how;
}

lfrec_options options_of(const problem *p, const lfrec_ratings *ratings, const recipe *how, uint64_t seed)
{
    uint32_t factors = how->factors < ratings->items ? how->factors : ratings->items;
    lfrec_options options = lfrec_options_for(how->setting, ratings->items, factors, p->scale_min, p->scale_max);
    options.epochs = lfrec_epochs_for(how->setting, ratings->row_start[ratings->users]);
    if (options.epochs < how->epochs) options.epochs = how->epochs;
    options.seed = seed;
    options.threads = p->threads;
    options.parallel = p->pool != NULL ? thread_pool_run : NULL;
    options.parallel_context = p->pool;
    /* Rounding to one of a few levels hides more than rounding to one of many: validation errors say to leave ten alone. */
    const bool few_levels = p->step > 0 && (p->scale_max - p->scale_min) / p->step < (float)MOST_ORDINAL_LEVELS;
    if (how->setting == LFREC_BAYES && few_levels) options.step = p->step;
    return options;
}

static int show_progress(void *context, const lfrec_epoch *epoch)
{
    const char *name = context;
    fprintf(stderr, "\r%s: epoch %u of %u ", name, epoch->epoch, epoch->epochs);
    if (epoch->epoch == epoch->epochs) fputs("\r\033[K", stderr);
    fflush(stderr);
    return 0;
}

/* Threads that wait for each other take processor time, too. */
static double training_clock(const problem *p)
{
    struct timespec now;
    if (p->pool == NULL) return cpu_seconds();
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int train_model(const problem *p, const lfrec_ratings *ratings, const recipe *how, uint64_t seed, lfrec_model *model,
                double *seconds)
{
    lfrec_options options = options_of(p, ratings, how, seed);
    lfrec_report report = {0};
    lfrec_status status = lfrec_model_create(model, &options, NULL);
    if (status != LFREC_OK) return failed("the model", status);
    char name[16];
    snprintf(name, sizeof name, "%s", setting_name(how->setting));
    double start = training_clock(p);
    status = lfrec_train(model, &options, ratings, isatty(STDERR_FILENO) ? show_progress : NULL, name, &report);
    *seconds = training_clock(p) - start;
    if (status == LFREC_ERROR_DIVERGED)
        return complain(EXIT_DATA, "training diverged in epoch %u: use a smaller number of factors, or another setting",
                        report.last.epoch);
    return status == LFREC_OK ? 0 : failed("training", status);
}

int means_model(const problem *p, const lfrec_ratings *ratings, bool shrunk, lfrec_model *model)
{
    lfrec_options options =
        lfrec_options_for(shrunk ? LFREC_SGD : LFREC_ARTICLE, ratings->items, 1, p->scale_min, p->scale_max);
    lfrec_means means = {0};
    lfrec_status status = lfrec_model_create(model, &options, NULL);
    if (status == LFREC_OK) status = lfrec_means_create(&means, ratings->items, NULL);
    if (status == LFREC_OK) status = lfrec_means_add_all(&means, ratings);
    if (status == LFREC_OK) status = lfrec_model_set_means(model, &means);
    lfrec_means_destroy(&means);
    return status == LFREC_OK ? 0 : failed("means", status);
}

float *user_room(const lfrec_model *model)
{
    return malloc(lfrec_user_floats(model) * sizeof(float));
}

int measure_errors(const lfrec_model *model, const lfrec_ratings *known, const lfrec_ratings *test, lfrec_errors *errors)
{
    float *factors = user_room(model);
    lfrec_status status = factors == NULL ? LFREC_ERROR_MEMORY : lfrec_evaluate(model, known, test, factors, errors);
    free(factors);
    return status == LFREC_OK ? 0 : failed("predicting the test ratings", status);
}

int measure_fold_in(const lfrec_model *model, const lfrec_ratings *known, const lfrec_ratings *test, double *microseconds)
{
    lfrec_user user = {.factors = user_room(model)};
    lfrec_status status = user.factors == NULL ? LFREC_ERROR_MEMORY : LFREC_OK;
    size_t times = 0;
    double start = cpu_seconds(), taken = 0;
    while (status == LFREC_OK && taken < MOST_FEW_TIMES) {
        for (uint32_t u = 0; u < known->users && status == LFREC_OK; u++) {
            if (lfrec_history_of(test, u).count == 0) continue;
            lfrec_history history = lfrec_history_of(known, u);
            status = lfrec_fold_in(model, &history, &user);
            times++;
        }
        taken = cpu_seconds() - start;
        if (times == 0) break;
    }
    free(user.factors);
    *microseconds = times > 0 ? 1e6 * taken / (double)times : 0;
    return status == LFREC_OK ? 0 : failed("folding in", status);
}

typedef struct judge { /* scratch for one user's list */
    float *score, *relevance, *factors;
    uint32_t *order;
} judge;

static lfrec_status judge_user(const problem *p, const lfrec_model *model, const float *popularity,
                               const lfrec_history *known, const lfrec_history *test, judge *j, outcome_of_run *sum)
{
    uint32_t items = p->data.items.count, count = 0;
    lfrec_status status = LFREC_OK;
    if (model != NULL) {
        lfrec_user user = {.factors = j->factors};
        status = lfrec_fold_in(model, known, &user);
        if (status == LFREC_OK) status = lfrec_score(model, &user, 0, items, j->score);
        if (status != LFREC_OK) return status;
    }
    size_t at = 0, next = 0, relevant = 0;
    for (uint32_t item = 0; item < items; item++) {
        while (next < test->count && test->item[next] < item) next++;
        bool good = next < test->count && test->item[next] == item && is_relevant(p, test->value[next]);
        if (at < known->count && known->item[at] == item) {
            at++;
            continue;
        }
        relevant += good;
        j->relevance[count] = good ? 1.0f : 0.0f;
        j->score[count++] = model != NULL ? j->score[item] : popularity[item];
    }
    if (relevant == 0) return LFREC_OK;
    static const size_t length[3] = {20, 10, 100};
    lfrec_ranking place[3] = {{0, 0}, {0, 0}, {0, 0}};
    for (int k = 0; k < 3 && status == LFREC_OK; k++)
        status = lfrec_rank(j->score, j->relevance, count, length[k], LFREC_GAIN_LINEAR, j->order, &place[k]);
    sum->recall_20 += (double)place[0].recall;
    sum->ndcg_10 += (double)place[1].ndcg;
    sum->ndcg_100 += (double)place[2].ndcg;
    sum->people++;
    return status;
}

int measure_ranking(const problem *p, const lfrec_model *model, const lfrec_ratings *train, const lfrec_ratings *known,
                    const lfrec_ratings *test, outcome_of_run *outcome)
{
    uint32_t items = p->data.items.count;
    float *popularity = calloc(items, sizeof *popularity);
    judge j = {malloc(items * sizeof(float)), malloc(items * sizeof(float)), model ? user_room(model) : NULL,
               malloc(items * sizeof(uint32_t))};
    bool good = popularity && j.score && j.relevance && j.order && (model == NULL || j.factors);
    lfrec_status status = good ? LFREC_OK : LFREC_ERROR_MEMORY;
    for (size_t k = 0; good && k < train->row_start[train->users]; k++) popularity[train->item[k]]++;
    outcome->recall_20 = outcome->ndcg_10 = outcome->ndcg_100 = 0;
    outcome->people = 0;
    for (uint32_t u = 0; u < test->users && status == LFREC_OK; u++) {
        lfrec_history of_test = lfrec_history_of(test, u), history = lfrec_history_of(known, u);
        if (of_test.count > 0) status = judge_user(p, model, popularity, &history, &of_test, &j, outcome);
    }
    if (status == LFREC_OK && outcome->people == 0) status = LFREC_ERROR_EMPTY;
    if (status == LFREC_OK) {
        outcome->recall_20 /= (double)outcome->people;
        outcome->ndcg_10 /= (double)outcome->people;
        outcome->ndcg_100 /= (double)outcome->people;
    }
    free(popularity);
    free(j.score);
    free(j.relevance);
    free(j.factors);
    free(j.order);
    return status == LFREC_OK ? 0 : failed("judging the lists", status);
}
