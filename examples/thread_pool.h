/* Threads for lfrec_options.parallel: a few that do their own parts of a step, always the same ones, and then those that
 * nobody has begun. They wait busily for a moment before they sleep, because the steps of training follow each other
 * within microseconds. */
#ifndef THREAD_POOL_H
#define THREAD_POOL_H

#include "lfrec.h"

typedef struct thread_pool thread_pool;

/* `count` (1 .. LFREC_MAX_THREADS) threads, the caller's own among them; NULL when there are no more to be had. */
thread_pool *thread_pool_start(unsigned count);
/* An lfrec_parallel; the context is a `thread_pool`. One caller at a time. */
void thread_pool_run(void *context, size_t parts, lfrec_task *task, void *work);
/* NULL is allowed. */
void thread_pool_stop(thread_pool *pool);

#endif
