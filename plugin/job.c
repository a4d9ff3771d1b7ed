/* job.c - one training. run and cancel are the only functions that another thread calls; run writes nothing that cancel reads but an atomic. */
#include "job.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

lfrec_job *lfrec_job_new(const lfrec_store *store, const lfrec_options *options, const lfrec_options *ranking, uint32_t room)
{
    uint32_t users = lfrec_store_rated_users(store);
    uint64_t count = lfrec_store_ratings(store); /* they are all in memory, so their number fits size_t */
    lfrec_job *job = calloc(1, sizeof *job);
    if (!job) {
        return NULL;
    }
    atomic_init(&job->cancel, false);
    job->options = *options;
    job->ranking_options = ranking ? *ranking : (lfrec_options){0};
    job->room = room;
    job->row_start = calloc((size_t)users + 1, sizeof *job->row_start);
    job->item = malloc((size_t)count * sizeof *job->item);
    job->value = malloc((size_t)count * sizeof *job->value);
    if (!job->row_start || !job->item || !job->value) {
        lfrec_job_free(job);
        return NULL;
    }
    lfrec_store_copy(store, job->row_start, job->item, job->value);
    job->ratings = (lfrec_ratings){
        .users = users, .items = options->items, .row_start = job->row_start, .item = job->item, .value = job->value};
    return job;
}

void lfrec_job_lend(lfrec_job *job, lfrec_parallel *parallel, void *context)
{
    job->options.parallel = job->ranking_options.parallel = parallel;
    job->options.parallel_context = job->ranking_options.parallel_context = context;
}

/* Between epochs. */
static int ask_to_go_on(void *context, const lfrec_epoch *epoch)
{
    const lfrec_job *job = context;
    (void)epoch;
    return atomic_load_explicit(&job->cancel, memory_order_relaxed);
}

/* rows may be NULL: not every setting has every array. */
static bool are_within(const float *rows, size_t count, float most)
{
    for (size_t k = 0; rows && k < count; ++k) {
        if (!(fabsf(rows[k]) <= most)) { /* written so that NaN fails */
            return false;
        }
    }
    return true;
}

bool lfrec_job_is_sane(const lfrec_model *model)
{
    size_t items = model->items, weights = items * model->stride;
    const float most = LFREC_JOB_MAX_WEIGHT;
    return are_within(model->encoder, weights, most) && are_within(model->decoder, weights, most) &&
           are_within(model->implicit, weights, most) && are_within(model->variance, weights, most) &&
           are_within(model->offset, items, most) &&
           are_within(model->precision, items, FLT_MAX); /* no factor of a score: ratings without noise make it large */
}

static lfrec_status train(lfrec_job *job, const lfrec_options *options, lfrec_model *model, lfrec_report *report)
{
    lfrec_options with_room = *options;
    with_room.items = job->room;
    lfrec_status status = lfrec_model_create(model, &with_room, NULL);
    if (status == LFREC_OK) {
        status = lfrec_train(model, options, &job->ratings, ask_to_go_on, job, report);
    }
    if (status == LFREC_OK && report->ending != LFREC_ENDED_CANCELLED && !lfrec_job_is_sane(model)) {
        status = LFREC_ERROR_DIVERGED;
    }
    return status;
}

static void list_ahead(lfrec_job *job)
{
    const lfrec_ahead_source source = {
        .ratings = &job->ratings,
        .model = &job->model,
        .ranker = &job->ranker,
        .forecaster = &job->forecaster,
        .slot = job->slot,
        .threads = job->options.threads,
        .parallel = job->options.parallel,
        .parallel_context = job->options.parallel_context,
        .cancel = &job->cancel,
    };
    lfrec_ahead_make(&job->ahead, &source);
}

void lfrec_job_run(lfrec_job *job)
{
    lfrec_report report = {0};
    lfrec_status status = train(job, &job->options, &job->model, &report);
    if (status == LFREC_OK && report.ending != LFREC_ENDED_CANCELLED && job->ranking_options.factors > 0) {
        status = train(job, &job->ranking_options, &job->ranker, &report);
    }
    if (status == LFREC_OK && report.ending == LFREC_ENDED_CANCELLED) {
        job->state = LFREC_JOB_CANCELLED;
        return;
    }
    job->state = status == LFREC_OK ? LFREC_JOB_TRAINED : LFREC_JOB_FAILED;
    if (status == LFREC_OK && job->slot) {
        list_ahead(job);
    }
    if (status == LFREC_ERROR_DIVERGED) {
        snprintf(job->error, sizeof job->error, "training diverged in epoch %u at learning rate %g; the model before it stays",
                 (unsigned)report.last.epoch, (double)report.last.learning_rate);
    } else if (status != LFREC_OK) {
        snprintf(job->error, sizeof job->error, "training failed: %s; the model before it stays",
                 lfrec_status_string(status));
    }
}

void lfrec_job_cancel(lfrec_job *job)
{
    atomic_store_explicit(&job->cancel, true, memory_order_relaxed);
}

void lfrec_job_free(lfrec_job *job)
{
    if (!job) {
        return;
    }
    if (job->owner && *job->owner == job) {
        *job->owner = NULL;
    }
    lfrec_model_destroy(&job->model);
    lfrec_model_destroy(&job->ranker);
    free(job->row_start);
    free(job->item);
    free(job->value);
    free(job->slot);
    lfrec_forecaster_free(&job->forecaster);
    lfrec_ahead_free(&job->ahead);
    free(job);
}
