/* progress.h - how it goes: one line kept up to date on a terminal, a log line every 10 s elsewhere (only when something happened). */
#ifndef LFREC_PROGRESS_H
#define LFREC_PROGRESS_H

#include "operator.h"

typedef struct lfrec_progress_line {
    bool off, terminal;
    int64_t shown, measured; /* clocks, ms */
    uint64_t shown_events, measured_events;
    double rate; /* events per second, lately */
} lfrec_progress_line;

typedef struct lfrec_progress_sample {
    lfrec_operator_stats stats;
    uint64_t events;  /* read so far, bad ones included */
    uint64_t bad;     /* of those */
    uint64_t waiting; /* outputs that are not acknowledged yet */
    int64_t lag;      /* events behind the input's end; -1: not known; below -1: there is no such thing */
    bool catching_up; /* rebuilding the state of newly assigned partitions */
    bool training;
} lfrec_progress_sample;

void lfrec_progress_open(lfrec_progress_line *progress, bool off, int64_t now);
/* Is it time for the next line? */
bool lfrec_progress_due(const lfrec_progress_line *progress, int64_t now);
void lfrec_progress_show(lfrec_progress_line *progress, const lfrec_progress_sample *sample, int64_t now);
/* Takes the terminal's line away and logs the last figures. */
void lfrec_progress_close(lfrec_progress_line *progress, const lfrec_progress_sample *sample, int64_t now);

#endif
