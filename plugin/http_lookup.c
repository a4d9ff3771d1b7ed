#include "http_lookup.h"
#include "http_user.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_WAITING = 48 }; /* each holds a connection of the port; the others are for other questions */

enum state { WAITING, TAKEN, ANSWERED };

/* Lives on the stack of who asks. */
struct question {
    struct question *next;
    enum state state;
    lfrec_id id;
    lfrec_looked looked;
    json_t *user;
};

struct lfrec_lookups {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool ended;
    struct question *first, **end; /* those that wait, oldest first */
    atomic_size_t waiting;         /* how many: a look without the lock */
    void (*wake)(void *);
    void *waker;
};

lfrec_lookups *lfrec_lookups_open(void)
{
    lfrec_lookups *l = calloc(1, sizeof *l);
    pthread_condattr_t monotonic;
    if (!l || pthread_condattr_init(&monotonic) != 0) {
        free(l);
        return NULL;
    }
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    bool made = pthread_mutex_init(&l->lock, NULL) == 0 && pthread_cond_init(&l->answered, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    if (!made) {
        free(l);
        return NULL;
    }
    l->end = &l->first;
    return l;
}

void lfrec_lookups_close(lfrec_lookups *l)
{
    if (l) {
        pthread_cond_destroy(&l->answered);
        pthread_mutex_destroy(&l->lock);
        free(l);
    }
}

void lfrec_lookups_wake_by(lfrec_lookups *l, void (*wake)(void *context), void *context)
{
    pthread_mutex_lock(&l->lock);
    l->wake = wake;
    l->waker = context;
    pthread_mutex_unlock(&l->lock);
}

static void take_out(lfrec_lookups *l, struct question *question)
{
    struct question **at = &l->first;
    while (*at != question) {
        at = &(*at)->next;
    }
    *at = question->next;
    if (!question->next) {
        l->end = at;
    }
    atomic_fetch_sub(&l->waiting, 1);
}

static struct timespec time_in(int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

lfrec_lookup lfrec_lookups_ask(lfrec_lookups *l, lfrec_id id, int limit_ms, json_t **user)
{
    struct question question = {.id = id};
    const struct timespec limit = time_in(limit_ms);
    pthread_mutex_lock(&l->lock);
    if (atomic_load(&l->waiting) >= MOST_WAITING) {
        pthread_mutex_unlock(&l->lock);
        return LFREC_LOOKUP_BUSY;
    }
    *l->end = &question;
    l->end = &question.next;
    atomic_fetch_add(&l->waiting, 1);
    if (l->wake) {
        l->wake(l->waker);
    }
    int waited = 0;
    while (question.state == WAITING && waited != ETIMEDOUT && !l->ended) {
        waited = pthread_cond_timedwait(&l->answered, &l->lock, &limit);
    }
    while (question.state == TAKEN) { /* the answer is a matter of a millisecond, and is written here: no leaving before it has come */
        pthread_cond_wait(&l->answered, &l->lock);
    }
    if (question.state == WAITING) {
        take_out(l, &question);
        pthread_mutex_unlock(&l->lock);
        return LFREC_LOOKUP_BUSY;
    }
    pthread_mutex_unlock(&l->lock);
    *user = question.user;
    return question.looked == LFREC_LOOKED         ? LFREC_LOOKUP_FOUND
           : question.looked == LFREC_LOOK_UNKNOWN ? LFREC_LOOKUP_UNKNOWN
                                                   : LFREC_LOOKUP_NO_MEMORY;
}

void lfrec_lookups_end(lfrec_lookups *l)
{
    pthread_mutex_lock(&l->lock);
    l->ended = true;
    pthread_cond_broadcast(&l->answered);
    pthread_mutex_unlock(&l->lock);
}

void lfrec_lookups_serve(lfrec_lookups *l, lfrec_operator *op, size_t most)
{
    for (; most > 0 && atomic_load(&l->waiting) > 0; most--) {
        pthread_mutex_lock(&l->lock);
        struct question *question = l->first;
        if (!question) {
            pthread_mutex_unlock(&l->lock);
            return;
        }
        take_out(l, question);
        question->state = TAKEN;
        pthread_mutex_unlock(&l->lock);
        json_t *user = NULL;
        lfrec_looked looked = lfrec_http_user(op, question->id, &user);
        pthread_mutex_lock(&l->lock);
        question->looked = looked;
        question->user = user;
        question->state = ANSWERED;
        pthread_cond_broadcast(&l->answered);
        pthread_mutex_unlock(&l->lock);
    }
}
