/* snapshot_writer.h - a background thread that writes one snapshot at a time, so that nobody waits for the disk; with back-off when it
 * fails. All functions are for the caller's one thread. */
#ifndef LFREC_SNAPSHOT_WRITER_H
#define LFREC_SNAPSHOT_WRITER_H

#include "snapshot_file.h"

typedef struct lfrec_snapshot_writer lfrec_snapshot_writer; /* opaque */

/* Takes PATH.lock. false: error says why not. interval_ms: from the end of one to the start of the next. */
bool lfrec_snapshot_writer_open(lfrec_snapshot_writer **out, const char *path, int64_t interval_ms,
                                char error[LFREC_SNAPSHOT_ERROR_MAX]);
/* Waits for one on its way. NULL is allowed. */
void lfrec_snapshot_writer_close(lfrec_snapshot_writer *writer);

typedef struct lfrec_snapshot_stats {
    uint64_t written, failed;
    double last_at;                   /* when the last good one was written, in seconds since 1970; 0: none yet */
    double last_seconds, all_seconds; /* that they took */
    uint64_t last_bytes;
} lfrec_snapshot_stats;

lfrec_snapshot_stats lfrec_snapshot_writer_stats(const lfrec_snapshot_writer *writer);

/* Is none on its way, and the interval, or the longer one after failures, over? */
bool lfrec_snapshot_writer_due(const lfrec_snapshot_writer *writer, int64_t now);
/* The buffer to write a snapshot into; only while none is on its way. */
lfrec_buffer *lfrec_snapshot_writer_buffer(lfrec_snapshot_writer *writer);
/* Starts writing the buffer. */
void lfrec_snapshot_writer_start(lfrec_snapshot_writer *writer, int64_t now);

/* None could be made: the next one is due later, and ever later until one goes well. */
void lfrec_snapshot_writer_back_off(lfrec_snapshot_writer *writer, int64_t now);

typedef enum lfrec_snapshot_written {
    LFREC_SNAPSHOT_NOTHING, /* none has ended */
    LFREC_SNAPSHOT_WRITTEN,
    LFREC_SNAPSHOT_FAILED /* logged, and tried again later; the last good one is as it was */
} lfrec_snapshot_written;

/* Has one ended? wait: not before it has. */
lfrec_snapshot_written lfrec_snapshot_writer_step(lfrec_snapshot_writer *writer, bool wait, int64_t now);

#endif
