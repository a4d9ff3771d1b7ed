/* prequential.c - a stream of ratings, each predicted before it is learned, by the operator that lfrec-kafka runs. */
#include "evaluate.h"

#include "../../plugin/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FACTORS 14
#define COLD 5 /* ratings of a user who is still cold */
#define PARTS 10

/* Squared errors of some predictions. */
typedef struct running {
    double model, means;
    uint64_t count;
} running;

static double root(double sum, uint64_t count)
{
    return count > 0 ? sqrt(sum / (double)count) : 0;
}

static bool publish_nothing(void *context, const lfrec_recommendation *recommendation)
{
    (void)context, (void)recommendation;
    return true;
}

static int retrain(lfrec_operator *op)
{
    char error[LFREC_OPERATOR_ERROR_MAX];
    lfrec_job *job = lfrec_operator_retrain_begin(op);
    if (job == NULL) return 0; /* too few to train on yet */
    lfrec_job_run(job);
    return lfrec_operator_retrain_adopt(op, job, error) ? 0 : complain(EXIT_DATA, "training: %s", error);
}

/* The operator's sums after an event, from what it reports. */
static running sums_of(const lfrec_operator_stats *stats)
{
    double n = (double)stats->predicted;
    if (stats->predicted == 0) return (running){0, 0, 0};
    return (running){stats->rmse * stats->rmse * n, stats->means_rmse * stats->means_rmse * n, stats->predicted};
}

static int learn_one(lfrec_operator *op, const dataset *d, size_t k)
{
    const char *user = d->users.text[d->rating[k].user], *item = d->items.text[d->rating[k].item];
    lfrec_event event = {.kind = LFREC_EVENT_RATE,
                         .user = {user, strlen(user)},
                         .item = {item, strlen(item)},
                         .rating = d->rating[k].value,
                         .timestamp = d->timestamp[k],
                         .has_timestamp = d->timestamp[k] != 0};
    switch (lfrec_operator_learn(op, &event, 0, false)) {
    case LFREC_REFUSED: return complain(EXIT_DATA, "rating %zu (user %s, item %s) was refused", k + 1, user, item);
    case LFREC_OUT_OF_MEMORY: return failed("learning", LFREC_ERROR_MEMORY);
    default: return 0;
    }
}

static int run_stream(lfrec_operator *op, const problem *p, uint64_t every)
{
    const dataset *d = &p->data;
    uint32_t *given = calloc(d->users.count, sizeof *given);
    if (given == NULL) return failed("the stream", LFREC_ERROR_MEMORY);
    running cold = {0, 0, 0}, last = {0, 0, 0};
    int code = 0;
    size_t shown = 0;
    uint64_t trained = 0;
    puts("ratings    RMSE so far: model  means    model's RMSE in this tenth");
    running at_last_tenth = last;
    for (size_t k = 0; k < d->count && code == 0; k++) {
        code = learn_one(op, d, k);
        lfrec_operator_stats stats = lfrec_operator_stats_of(op);
        running now = sums_of(&stats);
        if (given[d->rating[k].user]++ < COLD && now.count > last.count) {
            cold.model += now.model - last.model;
            cold.means += now.means - last.means;
            cold.count++;
        }
        last = now;
        if (code == 0 && every > 0 && k + 1 - trained >= lfrec_training_wait(trained, every)) {
            code = retrain(op);
            trained = k + 1;
        }
        if ((k + 1) * PARTS / d->count > shown && code == 0) {
            shown = (k + 1) * PARTS / d->count;
            printf("%9zu  %18.4f  %.4f  %.4f\n", k + 1, root(last.model, last.count), root(last.means, last.count),
                   root(last.model - at_last_tenth.model, last.count - at_last_tenth.count));
            at_last_tenth = last;
            fflush(stdout);
        } else if (k % 1000 == 0 && isatty(STDERR_FILENO)) {
            fprintf(stderr, "\r%zu of %zu \r", k, d->count);
        }
    }
    free(given);
    if (code == 0)
        printf("rmse: %.5f\nmeans rmse: %.5f\ncold rmse: %.5f\ncold means rmse: %.5f\ncold ratings: %llu\nretrains: "
               "%llu\n",
               root(last.model, last.count), root(last.means, last.count), root(cold.model, cold.count),
               root(cold.means, cold.count), (unsigned long long)cold.count,
               (unsigned long long)lfrec_operator_stats_of(op).retrains);
    return code;
}

int evaluate_stream(const choices *chosen)
{
    problem p = {.known = 0};
    char error[DATASET_ERROR_MAX], fault[LFREC_OPERATOR_ERROR_MAX];
    dataset_init(&p.data);
    if (chosen->scale != NULL) {
        p.data.limit_min = chosen->scale_min;
        p.data.limit_max = chosen->scale_max;
    }
    int code = dataset_read_ratings(&p.data, chosen->prequential, error) ? 0 : complain(EXIT_DATA, "%s", error);
    if (code == 0) dataset_print_refused(&p.data, stderr);
    for (size_t k = 1; k < p.data.count && code == 0; k++)
        if (p.data.timestamp[k] != 0 && p.data.timestamp[k - 1] > p.data.timestamp[k])
            code = complain(EXIT_DATA, "%s: rating %zu is older than the one before it: sort the file by time",
                            chosen->prequential, k + 1);
    lfrec_operator *op = NULL;
    if (code == 0) {
        lfrec_operator_options options =
            lfrec_operator_options_for(chosen->factors > 0 ? (uint32_t)chosen->factors : FACTORS,
                                       chosen->scale != NULL ? chosen->scale_min : p.data.lowest,
                                       chosen->scale != NULL ? chosen->scale_max : p.data.highest);
        options.seed = (uint64_t)chosen->seed;
        options.ranking = 0; /* nobody looks at lists here */
        if (!lfrec_operator_open(&op, &options, publish_nothing, NULL, fault)) code = complain(EXIT_DATA, "%s", fault);
    }
    if (code == 0) code = run_stream(op, &p, (uint64_t)chosen->retrain);
    lfrec_operator_close(op);
    dataset_free(&p.data);
    return code;
}
