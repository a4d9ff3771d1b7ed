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

/* Each has parts of its own in every job, always the same ones: what they worked on is in its processor's caches. The
 * first is whoever calls. */
typedef struct thread_server {
    _Alignas(64) atomic_uint_fast64_t next; /* job << 32 | part */
    thread_pool *pool;
    pthread_t thread;
} thread_server;

/* A job is numbered, and its number stands in the same word as that of a server's next part: who takes a part has
 * thereby seen the job that it belongs to, however late it comes. */
struct thread_pool {
    _Alignas(64) atomic_size_t done; /* parts of this job */
    _Alignas(64) _Atomic(lfrec_task *) task;
    _Atomic(void *) work;
    atomic_size_t parts;
    atomic_int sleepers, stop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    unsigned count;
    thread_server server[];
};

static size_t first_part(const thread_pool *pool, size_t parts, unsigned server)
{
    return (parts * server + pool->count - 1) / pool->count;
}

static int has_part(thread_pool *pool, unsigned server)
{
    return (size_t)(atomic_load(&pool->server[server].next) & 0xffffffffu) <
           first_part(pool, atomic_load(&pool->parts), server + 1);
}

/* Does parts of this server in this job until there is none left. Returns whether it did any. */
static int help_with(thread_pool *pool, unsigned server, uint_fast64_t job)
{
    int helped = 0;
    uint_fast64_t ticket = atomic_load(&pool->server[server].next);
    for (;;) {
        lfrec_task *task = atomic_load(&pool->task);
        void *work = atomic_load(&pool->work);
        const size_t parts = atomic_load(&pool->parts), part = (size_t)(ticket & 0xffffffffu);
        if (ticket >> 32 != job || part >= first_part(pool, parts, server + 1)) return helped;
        /* When this succeeds the job is still the one of the ticket, and so were the three above. */
        if (!atomic_compare_exchange_weak(&pool->server[server].next, &ticket, ticket + 1)) continue;
        task(work, part);
        atomic_fetch_add(&pool->done, 1);
        helped = 1;
        ticket++;
    }
}

/* The server's own parts, then those of the same job that others have not come to. */
static int help(thread_pool *pool, unsigned own)
{
    const uint_fast64_t job = atomic_load(&pool->server[own].next) >> 32;
    if (!help_with(pool, own, job)) return 0;
    for (unsigned k = 1; k < pool->count; k++) help_with(pool, (own + k) % pool->count, job);
    return 1;
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
    const thread_server *self = argument;
    thread_pool *pool = self->pool;
    const unsigned own = (unsigned)(self - pool->server);
    while (!atomic_load(&pool->stop)) {
        int looks = 0;
        while (!help(pool, own) && looks < PATIENCE && !atomic_load(&pool->stop)) {
            rest(++looks);
        }
        if (looks < PATIENCE) continue;
        pthread_mutex_lock(&pool->lock);
        atomic_fetch_add(&pool->sleepers, 1);
        /* Looks once more, now that whoever brings work sees a sleeper. */
        if (!has_part(pool, own) && !atomic_load(&pool->stop)) pthread_cond_wait(&pool->wake, &pool->lock);
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

static void stop(thread_pool *pool, unsigned started)
{
    atomic_store(&pool->stop, 1);
    wake(pool);
    for (unsigned k = 1; k < started; k++) pthread_join(pool->server[k].thread, NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    free(pool);
}

thread_pool *thread_pool_start(unsigned count)
{
    if (count < 1 || count > LFREC_MAX_THREADS) return NULL;
    thread_pool *pool = aligned_alloc(64, sizeof *pool + count * sizeof(thread_server));
    if (!pool) return NULL;
    *pool = (thread_pool){.count = count};
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (unsigned k = 0; k < count; k++) pool->server[k] = (thread_server){.pool = pool};
    for (unsigned k = 1; k < count; k++) {
        if (pthread_create(&pool->server[k].thread, NULL, serve, &pool->server[k]) == 0) continue;
        stop(pool, k);
        return NULL;
    }
    return pool;
}

void thread_pool_run(void *context, size_t parts, lfrec_task *task, void *work)
{
    thread_pool *pool = context;
    if (parts == 0) return;
    const uint_fast64_t job = (atomic_load(&pool->server[0].next) >> 32) + 1;
    /* With no part left in the old job nobody can take one while these change. */
    atomic_store(&pool->parts, 0);
    atomic_store(&pool->done, 0);
    atomic_store(&pool->task, task);
    atomic_store(&pool->work, work);
    for (unsigned k = 0; k < pool->count; k++)
        atomic_store(&pool->server[k].next, job << 32 | first_part(pool, parts, k));
    atomic_store(&pool->parts, parts);
    wake(pool);
    (void)help(pool, 0);
    for (int looks = 0; atomic_load(&pool->done) < parts; looks += looks <= BUSY) rest(looks);
}

void thread_pool_stop(thread_pool *pool)
{
    if (pool) stop(pool, pool->count);
}
