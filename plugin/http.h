/* http.h - the one HTTP port, read-only, by libmicrohttpd, in threads of its own:
 *
 *   /            a live page
 *   /status      what the page draws, JSON
 *   /users/ID    history, list and reasons of a user, JSON (see http_user.h); /users?id=ID is the same, for ids that are no path
 *   /metrics     Prometheus's text format
 *   /healthz     200 while the daemon's loop turns, else 503
 *   /readyz      200 when caught up and with a model, else 503 and what is waited for
 *
 * There is no authentication: who reaches the port reads everything. On a loopback address only requests for "localhost" or a
 * numeric host are answered, so that no foreign web page can read it through a name of its own that leads here. */
#ifndef LFREC_HTTP_H
#define LFREC_HTTP_H

#include "http_board.h"

typedef struct lfrec_http lfrec_http; /* opaque */

#define LFREC_HTTP_ERROR_MAX 256u /* bytes for an error text, NUL included */

/* How long who asks about a user waits for lfrec_http_serve, before the answer is that the daemon is busy. */
#ifndef LFREC_HTTP_LOOKUP_MS
#define LFREC_HTTP_LOOKUP_MS 2000
#endif

/* address: see http_address.h; topic, library: see lfrec_metrics_write. Logs where it listens. false: error says why. The threads block
 * the signals that the caller's thread blocks. */
bool lfrec_http_open(lfrec_http **out, const char *address, const char *topic, const char *library,
                     char error[LFREC_HTTP_ERROR_MAX]);
/* Where it listens, "127.0.0.1:8080". */
const char *lfrec_http_address(const lfrec_http *http);
/* Ends the threads; those that still ask get an answer or are cut off. NULL is allowed. */
void lfrec_http_close(lfrec_http *http);

/* For the daemon's thread. */
lfrec_board *lfrec_http_board(lfrec_http *http);
/* wake: called in another thread when lfrec_http_serve has something to do; it must not wait. NULL: not any more, once this returns. */
void lfrec_http_wake_by(lfrec_http *http, void (*wake)(void *context), void *context);
/* Answers questions about users; to be called often. */
void lfrec_http_serve(lfrec_http *http, lfrec_operator *op);

#endif
