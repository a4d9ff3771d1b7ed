/* retrain.h - a background thread that runs one training at a time.
 *
 * The thread runs lfrec_job_run and nothing else, with as many threads as the operator's options say, which are there only while it runs;
 * the operator stays with the caller's thread. When a training has ended the thread
 * makes a file descriptor readable, so that a main loop can sleep in poll(2) on it beside its other sources. All functions are for the
 * caller's one thread. The thread blocks every signal: they go to the process's other threads. */
#ifndef LFREC_RETRAIN_H
#define LFREC_RETRAIN_H

#include "operator.h"

#define LFREC_RETRAIN_ERROR_MAX 256u /* bytes for an error text, NUL included */

typedef struct lfrec_retrain lfrec_retrain; /* opaque */

/* No thread runs yet. false: *error says why (memory, file descriptors). */
bool lfrec_retrain_open(lfrec_retrain **out, char error[LFREC_RETRAIN_ERROR_MAX]);
/* Cancels and frees a job that is still there. Takes up to about one epoch. NULL is allowed. Close before the operator. */
void lfrec_retrain_close(lfrec_retrain *retrain);

/* Starts a thread for the job and owns the job until finish. false: a job is there already, or no thread could be made; the job stays the
 * caller's. */
bool lfrec_retrain_start(lfrec_retrain *retrain, lfrec_job *job, char error[LFREC_RETRAIN_ERROR_MAX]);

bool lfrec_retrain_busy(const lfrec_retrain *retrain); /* a job is there: running, or done and waiting for finish */
bool lfrec_retrain_done(const lfrec_retrain *retrain); /* a job is there and has ended: finish will not wait */
int lfrec_retrain_fd(const lfrec_retrain *retrain); /* readable while done; the same for the life of `retrain`; only to be polled */

/* Asks a running training to stop; it is then done within about one epoch. Nothing happens when no job is there. */
void lfrec_retrain_cancel(lfrec_retrain *retrain);

/* Waits for the end, joins the thread and hands the job back, for lfrec_operator_retrain_adopt or lfrec_job_free. NULL: no job was there. */
lfrec_job *lfrec_retrain_finish(lfrec_retrain *retrain);

#endif
