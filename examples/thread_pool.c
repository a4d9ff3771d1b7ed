#include "thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* Looks for work, microseconds in all, before a thread offers its processor to others with every look, and looks before it
 * sleeps. */
#define BUSY 200
#define PATIENCE 2000

/* A job is numbered, and its number stands in the same word as that of its next part: who takes a part has thereby seen
 * the job that it belongs to, however late it comes. */
struct thread_pool {
    _Alignas(64) atomic_uint_fast64_t next; /* job << 32 | part */
    _Alignas(64) atomic_size_t done;        /* parts of this job */
    _Alignas(64) _Atomic(lfrec_task *) task;
    _Atomic(void *) work;
    atomic_size_t parts;
    atomic_int sleepers, stop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    unsigned count;
    pthread_t thread[];
};

/* Does parts until there is none left. Returns whether it did any. */
static int help(thread_pool *pool)
{
    int helped = 0;
    uint_fast64_t ticket = atomic_load(&pool->next);
    for (;;) {
        lfrec_task *task = atomic_load(&pool->task);
        void *work = atomic_load(&pool->work);
        const size_t parts = atomic_load(&pool->parts), part = (size_t)(ticket & 0xffffffffu);
        if (part >= parts) return helped;
        /* When this succeeds the job is still the one of the ticket, and so were the three above. */
        if (!atomic_compare_exchange_weak(&pool->next, &ticket, ticket + 1)) continue;
        task(work, part);
        atomic_fetch_add(&pool->done, 1);
        helped = 1;
        ticket++;
    }
}

static void rest(int looks)
{
    if (looks > BUSY) {
        sched_yield();
        return;
    }
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void *serve(void *argument)
{
    thread_pool *pool = argument;
    while (!atomic_load(&pool->stop)) {
        int looks = 0;
        while (!help(pool) && looks < PATIENCE && !atomic_load(&pool->stop)) {
            rest(++looks);
        }
        if (looks < PATIENCE) continue;
        pthread_mutex_lock(&pool->lock);
        atomic_fetch_add(&pool->sleepers, 1);
        /* Looks once more, now that whoever brings work sees a sleeper. */
        if ((size_t)(atomic_load(&pool->next) & 0xffffffffu) >= atomic_load(&pool->parts) && !atomic_load(&pool->stop))
            pthread_cond_wait(&pool->wake, &pool->lock);
        atomic_fetch_sub(&pool->sleepers, 1);
        pthread_mutex_unlock(&pool->lock);
    }
    return NULL;
}

static void wake(thread_pool *pool)
{
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

thread_pool *thread_pool_start(unsigned count)
{
    if (count < 1 || count > LFREC_MAX_THREADS) return NULL;
    thread_pool *pool = aligned_alloc(64, (sizeof *pool + count * sizeof(pthread_t) + 63) / 64 * 64);
    if (!pool) return NULL;
    *pool = (thread_pool){0};
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (pool->count = 0; pool->count < count - 1; pool->count++) {
        if (pthread_create(&pool->thread[pool->count], NULL, serve, pool) != 0) {
            thread_pool_stop(pool);
            return NULL;
        }
    }
    return pool;
}

void thread_pool_run(void *context, size_t parts, lfrec_task *task, void *work)
{
    thread_pool *pool = context;
    if (parts == 0) return;
    const uint_fast64_t job = (atomic_load(&pool->next) >> 32) + 1;
    /* With no part left in the old job nobody can take one while these change. */
    atomic_store(&pool->parts, 0);
    atomic_store(&pool->done, 0);
    atomic_store(&pool->task, task);
    atomic_store(&pool->work, work);
    atomic_store(&pool->next, job << 32);
    atomic_store(&pool->parts, parts);
    wake(pool);
    (void)help(pool);
    for (int looks = 0; atomic_load(&pool->done) < parts; looks += looks <= BUSY) rest(looks);
}

void thread_pool_stop(thread_pool *pool)
{
    if (!pool) return;
    atomic_store(&pool->stop, 1);
    wake(pool);
    for (unsigned k = 0; k < pool->count; k++) pthread_join(pool->thread[k], NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    free(pool);
}
