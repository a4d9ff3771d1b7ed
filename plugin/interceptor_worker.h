/* interceptor_worker.h - the recommender within an application: a thread with an operator, fed by a queue, publishing by its own producer. */
#ifndef LFREC_INTERCEPTOR_WORKER_H
#define LFREC_INTERCEPTOR_WORKER_H

#include "interceptor_config.h"
#include "interceptor_queue.h"

typedef struct lfrec_worker lfrec_worker; /* opaque */

#define LFREC_WORKER_ERROR_MAX 512u /* bytes for an error text, NUL included */

/* Starts the thread, with all signals blocked. config and its host are borrowed until close; application: the client's configuration,
 * read during the call. false: error says why. */
bool lfrec_worker_open(lfrec_worker **out, const lfrec_interceptor_config *config, const rd_kafka_conf_t *application,
                       char error[LFREC_WORKER_ERROR_MAX]);

/* From any thread, never waiting. An event that finds the queue full is left out, counted, and said in the log. */
void lfrec_worker_put(lfrec_worker *worker, const lfrec_queued *queued);
/* From any thread. unsettled: partitions may be about to leave; lists that wait are held back until an assignment is put. */
void lfrec_worker_settled(lfrec_worker *worker, bool settled);

/* Learns and publishes what is there, as far as close.ms allows, and ends. A training that does not end in time keeps its thread until
 * the process ends. NULL is allowed. */
void lfrec_worker_close(lfrec_worker *worker);

#endif
