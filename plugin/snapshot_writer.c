#define _XOPEN_SOURCE 700
#include "snapshot_writer.h"
#include "clock.h"
#include "log.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOW_MS = 2000 }; /* said when it takes so long, and longer than the interval */
enum { FIRST_BACK_OFF_MS = 1000, MOST_BACK_OFF_MS = 300000 };

struct lfrec_snapshot_writer {
    char *path;
    int lock;
    int64_t interval, next; /* ms; the clock when the next one may start */
    int64_t back_off;       /* ms; 0: the last one went well */
    int64_t started;        /* clock, ms */
    bool slow;              /* said of this one */
    lfrec_buffer buffer;
    bool busy;     /* started, and its end not yet seen */
    bool threaded; /* a thread is to be joined */
    pthread_t thread;
    atomic_bool ended;
    bool good;      /* of the thread's, until it has ended */
    double seconds; /* likewise: that it took */
    lfrec_snapshot_stats stats;
    char error[LFREC_SNAPSHOT_ERROR_MAX];
};

bool lfrec_snapshot_writer_open(lfrec_snapshot_writer **out, const char *path, int64_t interval_ms,
                                char error[LFREC_SNAPSHOT_ERROR_MAX])
{
    lfrec_snapshot_writer *w = calloc(1, sizeof *w);
    char *copy = malloc(strlen(path) + 1);
    if (!w || !copy) {
        free(w);
        free(copy);
        snprintf(error, LFREC_SNAPSHOT_ERROR_MAX, "no memory for the snapshot");
        return false;
    }
    memcpy(copy, path, strlen(path) + 1);
    w->path = copy;
    w->interval = interval_ms;
    w->lock = lfrec_snapshot_lock(path, error);
    if (w->lock < 0) {
        free(copy);
        free(w);
        return false;
    }
    *out = w;
    return true;
}

void lfrec_snapshot_writer_close(lfrec_snapshot_writer *w)
{
    if (!w) {
        return;
    }
    lfrec_snapshot_writer_step(w, true, 0);
    close(w->lock);
    lfrec_buffer_free(&w->buffer);
    free(w->path);
    free(w);
}

lfrec_snapshot_stats lfrec_snapshot_writer_stats(const lfrec_snapshot_writer *w)
{
    return w->stats;
}

bool lfrec_snapshot_writer_due(const lfrec_snapshot_writer *w, int64_t now)
{
    return !w->busy && now >= w->next;
}

lfrec_buffer *lfrec_snapshot_writer_buffer(lfrec_snapshot_writer *w)
{
    return &w->buffer;
}

static void *save(void *context)
{
    lfrec_snapshot_writer *w = context;
    int64_t began = lfrec_clock_us();
    w->good = lfrec_snapshot_save(w->path, w->buffer.bytes, w->buffer.length, w->error);
    w->seconds = (double)(lfrec_clock_us() - began) / 1e6;
    atomic_store(&w->ended, true);
    return NULL;
}

void lfrec_snapshot_writer_start(lfrec_snapshot_writer *w, int64_t now)
{
    sigset_t all, before;
    atomic_store(&w->ended, false);
    w->next = now + w->interval;
    w->started = now;
    w->slow = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited by the thread */
    int failed = pthread_create(&w->thread, NULL, save, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    w->busy = true;
    w->threaded = !failed;
    if (failed) {
        save(w); /* rather late than not */
        lfrec_log(LFREC_LOG_WARNING, "no thread for the snapshot: %s", strerror(failed));
    }
}

void lfrec_snapshot_writer_back_off(lfrec_snapshot_writer *w, int64_t now)
{
    int64_t longer = w->back_off > 0 ? 2 * w->back_off : FIRST_BACK_OFF_MS;
    longer = longer < MOST_BACK_OFF_MS ? longer : MOST_BACK_OFF_MS;
    w->back_off = longer > w->interval ? longer : w->interval < MOST_BACK_OFF_MS ? w->interval : MOST_BACK_OFF_MS;
    w->next = now + w->back_off;
}

lfrec_snapshot_written lfrec_snapshot_writer_step(lfrec_snapshot_writer *w, bool wait, int64_t now)
{
    if (!w->busy || (!wait && !atomic_load(&w->ended))) {
        if (w->busy && !w->slow && now - w->started >= SLOW_MS && now - w->started > w->interval) {
            w->slow = true;
            lfrec_log_thinned(LFREC_LOG_WARNING, "slow disk",
                              "a snapshot is being written for %.0f s to %s: a slow disk; the stream goes on",
                              (double)(now - w->started) / 1000, w->path);
        }
        return LFREC_SNAPSHOT_NOTHING;
    }
    if (w->threaded) {
        pthread_join(w->thread, NULL);
    }
    w->busy = w->threaded = false;
    uint64_t bytes = w->buffer.length;
    lfrec_buffer_free(&w->buffer); /* as much memory as the file is long */
    if (w->good) {
        w->stats.written++;
        w->stats.last_at = lfrec_clock_date();
        w->stats.last_seconds = w->seconds;
        w->stats.all_seconds += w->seconds;
        w->stats.last_bytes = bytes;
        if (w->back_off > 0) {
            lfrec_log(LFREC_LOG_INFO, "snapshots are written again to %s", w->path);
        }
        w->back_off = 0;
        w->next = now + w->interval;
        return LFREC_SNAPSHOT_WRITTEN;
    }
    w->stats.failed++;
    lfrec_snapshot_writer_back_off(w, now);
    lfrec_log(LFREC_LOG_ERROR,
              "no snapshot: %s; the last good one stays, trying again in %.0f s; a start takes longer until then",
              w->error, (double)w->back_off / 1000);
    return LFREC_SNAPSHOT_FAILED;
}
