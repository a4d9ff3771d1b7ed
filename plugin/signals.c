#include "signals.h"
#include "clock.h"
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct lfrec_signals {
    pthread_t thread;
    sigset_t set;      /* what the thread waits for; SIGALRM, sent to the thread alone, ends it */
    sigset_t old_mask; /* the caller's, given back by close */
    int pipe[2];       /* a byte in it: something came */
    int stop_limit_ms;
    atomic_bool stop, retrain, reloaded, done;
};

static void wake(lfrec_signals *s)
{
    char byte = 0;
    while (write(s->pipe[1], &byte, 1) < 0 && errno == EINTR) { /* full is as good as written */
    }
}

static void *watch(void *context)
{
    lfrec_signals *s = context;
    int64_t deadline = 0;
    for (;;) {
        int got;
        if (!atomic_load(&s->stop)) {
            got = sigwaitinfo(&s->set, NULL);
        } else {
            int64_t left = deadline - lfrec_clock_ms();
            struct timespec wait = {.tv_sec = left > 0 ? left / 1000 : 0, .tv_nsec = left > 0 ? left % 1000 * 1000000 : 0};
            got = sigtimedwait(&s->set, NULL, &wait);
        }
        if (atomic_load(&s->done)) {
            return NULL;
        }
        if (got < 0 && errno == EAGAIN) {
            lfrec_log(LFREC_LOG_ERROR, "not stopped within %d s: leaving now", s->stop_limit_ms / 1000);
            _exit(1);
        }
        if (got == SIGTERM || got == SIGINT) {
            if (atomic_load(&s->stop)) {
                lfrec_log(LFREC_LOG_WARNING, "second signal: leaving at once");
                _exit(1);
            }
            deadline = lfrec_clock_ms() + s->stop_limit_ms;
            atomic_store(&s->stop, true);
        } else if (got == SIGUSR1) {
            atomic_store(&s->retrain, true);
        } else if (got == SIGHUP) {
            lfrec_log_reopen();
            atomic_store(&s->reloaded, true);
        } else if (got == SIGUSR2) {
            bool debug = lfrec_log_toggle_debug() == LFREC_LOG_DEBUG;
            lfrec_log(LFREC_LOG_WARNING, "SIGUSR2: debug messages are %s", debug ? "shown from here on" : "no longer shown");
        }
        wake(s);
    }
}

bool lfrec_signals_open(lfrec_signals **out, int stop_limit_ms)
{
    lfrec_signals *s = calloc(1, sizeof *s);
    if (!s) {
        return false;
    }
    if (pipe(s->pipe) != 0) {
        free(s);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(s->pipe[i], F_SETFL, O_NONBLOCK);
        fcntl(s->pipe[i], F_SETFD, FD_CLOEXEC);
    }
    s->stop_limit_ms = stop_limit_ms;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&s->set);
    sigaddset(&s->set, SIGTERM);
    sigaddset(&s->set, SIGINT);
    sigaddset(&s->set, SIGUSR1);
    sigaddset(&s->set, SIGUSR2);
    sigaddset(&s->set, SIGHUP);
    sigaddset(&s->set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &s->set, &s->old_mask);
    if (pthread_create(&s->thread, NULL, watch, s) != 0) {
        pthread_sigmask(SIG_SETMASK, &s->old_mask, NULL);
        close(s->pipe[0]);
        close(s->pipe[1]);
        free(s);
        return false;
    }
    *out = s;
    return true;
}

void lfrec_signals_close(lfrec_signals *s)
{
    if (!s) {
        return;
    }
    atomic_store(&s->done, true);
    pthread_kill(s->thread, SIGALRM);
    pthread_join(s->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &s->old_mask, NULL);
    close(s->pipe[0]);
    close(s->pipe[1]);
    free(s);
}

int lfrec_signals_fd(const lfrec_signals *s)
{
    return s->pipe[0];
}

bool lfrec_signals_stop(lfrec_signals *s)
{
    return atomic_load(&s->stop);
}

lfrec_signals_seen lfrec_signals_look(lfrec_signals *s)
{
    /* Empty the pipe first: what comes after this leaves a byte behind and is seen by the next look. */
    char bytes[64];
    while (read(s->pipe[0], bytes, sizeof bytes) > 0) {
    }
    return (lfrec_signals_seen){.stop = atomic_load(&s->stop),
                                .retrain = atomic_exchange(&s->retrain, false),
                                .reloaded = atomic_exchange(&s->reloaded, false)};
}
