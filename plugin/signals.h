/* signals.h - signals as data: a thread waits for them and wakes the main loop through a pipe. No handler ever runs, so nothing is
 * interrupted at a bad moment.
 *
 * TERM, INT  stop; a second one leaves at once, and so does a stop that takes longer than its limit, both with exit code 1: that
 *            holds even while the main thread is stuck in somebody else's library
 * USR1       retrain now
 * USR2       debug messages too, or no longer
 * HUP        the log's file is opened anew
 * PIPE       ignored: a closed output shows as an error of write() */
#ifndef LFREC_SIGNALS_H
#define LFREC_SIGNALS_H

#include <stdbool.h>

typedef struct lfrec_signals lfrec_signals; /* opaque; at most one at a time */

/* To be called before any other thread is made: threads inherit what is blocked. stop_limit_ms: how long a stop may take. */
bool lfrec_signals_open(lfrec_signals **out, int stop_limit_ms);
void lfrec_signals_close(lfrec_signals *signals); /* NULL is allowed */

typedef struct lfrec_signals_seen {
    bool stop;     /* stays true */
    bool retrain;  /* true once for each (burst of) USR1 */
    bool reloaded; /* likewise: HUP was served */
} lfrec_signals_seen;

/* What came so far. */
lfrec_signals_seen lfrec_signals_look(lfrec_signals *signals);
bool lfrec_signals_stop(lfrec_signals *signals); /* the first of these, which stays */
/* Readable when something came since the last look. */
int lfrec_signals_fd(const lfrec_signals *signals);

#endif
