/* snapshot_file.h - a snapshot on disk: written so that at any moment the whole old or the whole new one is there; read by mapping.
 *
 * PATH.tmp is written, flushed to the disk and renamed to PATH, and then the folder is flushed. PATH.lock is held by the process that
 * writes PATH, for as long as it lives. */
#ifndef LFREC_SNAPSHOT_FILE_H
#define LFREC_SNAPSHOT_FILE_H

#include "snapshot.h"
#include <stdio.h>

/* PATH.lock, as a descriptor to be closed at the end; -1: error says why not (another process has it, no such folder, no right). */
int lfrec_snapshot_lock(const char *path, char error[LFREC_SNAPSHOT_ERROR_MAX]);

/* false: error says what failed and why; the old file is as it was. May take as long as the disk does. */
bool lfrec_snapshot_save(const char *path, const void *bytes, size_t length, char error[LFREC_SNAPSHOT_ERROR_MAX]);

/* A file's bytes, read-only; they stay what they are when a new file takes its place. All zero: none. */
typedef struct lfrec_snapshot_bytes {
    void *bytes;
    size_t length;
} lfrec_snapshot_bytes;

typedef enum lfrec_snapshot_found {
    LFREC_SNAPSHOT_GOOD,
    LFREC_SNAPSHOT_NONE, /* no such file */
    LFREC_SNAPSHOT_BAD   /* error says what is wrong with it */
} lfrec_snapshot_found;

lfrec_snapshot_found lfrec_snapshot_load(const char *path, lfrec_snapshot_bytes *bytes, lfrec_snapshot *snapshot,
                                         char error[LFREC_SNAPSHOT_ERROR_MAX]);
void lfrec_snapshot_unload(lfrec_snapshot_bytes *bytes, lfrec_snapshot *snapshot); /* all zero is allowed */

/* The ratings as CSV rows user,item,rating on `out`, in the form lfrec-kafka reads, and what the file is about as lines on `about`.
 * false: error says why not. */
bool lfrec_snapshot_dump(const char *path, FILE *out, FILE *about, char error[LFREC_SNAPSHOT_ERROR_MAX]);

#endif
