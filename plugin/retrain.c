/* retrain.c - one thread around lfrec_job_run, and more while it runs if the job asks for them. The byte in the pipe is both the
 * wake-up and, read back, proof that the thread is past its work; joining makes the job's memory visible to the caller. */
#define _XOPEN_SOURCE 700
#include "retrain.h"
#include "../examples/thread_pool.h"
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lfrec_retrain {
    int readable, writable; /* the ends of a pipe; a byte is in it while a job is done */
    lfrec_job *job;         /* NULL: no thread */
    pthread_t thread;
};

/* Serving comes first where cores are few. On Linux niceness is the thread's own; elsewhere it would slow the whole process. */
#define TRAINING_NICENESS 10

bool lfrec_retrain_open(lfrec_retrain **out, char error[LFREC_RETRAIN_ERROR_MAX])
{
    lfrec_retrain *retrain = calloc(1, sizeof *retrain);
    if (!retrain) {
        snprintf(error, LFREC_RETRAIN_ERROR_MAX, "no memory for the training thread");
        return false;
    }
    int ends[2];
    if (pipe(ends) != 0) {
        snprintf(error, LFREC_RETRAIN_ERROR_MAX, "cannot make a pipe for the training thread: %s", strerror(errno));
        free(retrain);
        return false;
    }
    for (int k = 0; k < 2; ++k) {
        fcntl(ends[k], F_SETFD, FD_CLOEXEC);
    }
    retrain->readable = ends[0];
    retrain->writable = ends[1];
    *out = retrain;
    return true;
}

/* The other threads have this one's niceness and signals. Without them it does all itself. */
static void run(lfrec_job *job)
{
    thread_pool *pool = job->options.threads > 1 ? thread_pool_start(job->options.threads) : NULL;
    if (pool) {
        lfrec_job_lend(job, thread_pool_run, pool);
    }
    lfrec_job_run(job);
    thread_pool_stop(pool);
}

static void *train(void *context)
{
    const lfrec_retrain *retrain = context;
#ifdef __linux__
    if (nice(TRAINING_NICENESS) == -1) {
        /* -1 is a legal result too, and training at normal priority is no error. */
    }
#endif
    run(retrain->job);
    ssize_t written;
    do {
        written = write(retrain->writable, "", 1);
    } while (written < 0 && errno == EINTR);
    return NULL;
}

bool lfrec_retrain_start(lfrec_retrain *retrain, lfrec_job *job, char error[LFREC_RETRAIN_ERROR_MAX])
{
    if (retrain->job) {
        snprintf(error, LFREC_RETRAIN_ERROR_MAX, "a training is running already");
        return false;
    }
    retrain->job = job;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited by the thread */
    int failed = pthread_create(&retrain->thread, NULL, train, retrain);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        retrain->job = NULL;
        snprintf(error, LFREC_RETRAIN_ERROR_MAX, "cannot start the training thread: %s", strerror(failed));
        return false;
    }
    return true;
}

bool lfrec_retrain_busy(const lfrec_retrain *retrain)
{
    return retrain->job != NULL;
}

bool lfrec_retrain_done(const lfrec_retrain *retrain)
{
    struct pollfd end = {.fd = retrain->readable, .events = POLLIN};
    return retrain->job && poll(&end, 1, 0) == 1;
}

int lfrec_retrain_fd(const lfrec_retrain *retrain)
{
    return retrain->readable;
}

void lfrec_retrain_cancel(lfrec_retrain *retrain)
{
    if (retrain->job) {
        lfrec_job_cancel(retrain->job);
    }
}

lfrec_job *lfrec_retrain_finish(lfrec_retrain *retrain)
{
    lfrec_job *job = retrain->job;
    if (job) {
        pthread_join(retrain->thread, NULL);
        char byte;
        ssize_t got;
        do {
            got = read(retrain->readable, &byte, 1);
        } while (got < 0 && errno == EINTR);
        retrain->job = NULL;
    }
    return job;
}

void lfrec_retrain_close(lfrec_retrain *retrain)
{
    if (!retrain) {
        return;
    }
    lfrec_retrain_cancel(retrain);
    lfrec_job_free(lfrec_retrain_finish(retrain));
    close(retrain->readable);
    close(retrain->writable);
    free(retrain);
}
