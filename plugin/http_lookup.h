/* http_lookup.h - questions about users, from HTTP's threads to the operator's: who asks waits, for a bounded time; the daemon's loop answers
 * between two messages. */
#ifndef LFREC_HTTP_LOOKUP_H
#define LFREC_HTTP_LOOKUP_H

#include "operator.h"
#include <jansson.h>

typedef struct lfrec_lookups lfrec_lookups; /* opaque */

lfrec_lookups *lfrec_lookups_open(void);          /* NULL: no memory */
void lfrec_lookups_close(lfrec_lookups *lookups); /* when nobody asks any more; NULL is allowed */

/* wake: called, by whatever thread asks, when there is something to serve; it must not wait. NULL: not any more, once this returns. */
void lfrec_lookups_wake_by(lfrec_lookups *lookups, void (*wake)(void *context), void *context);

typedef enum lfrec_lookup {
    LFREC_LOOKUP_FOUND,
    LFREC_LOOKUP_UNKNOWN, /* a user without ratings, here */
    LFREC_LOOKUP_BUSY,    /* not answered in time, or too many ask */
    LFREC_LOOKUP_NO_MEMORY
} lfrec_lookup;

/* From any thread but the operator's. FOUND: *user (see http_user.h) is a new reference. */
lfrec_lookup lfrec_lookups_ask(lfrec_lookups *lookups, lfrec_id id, int limit_ms, json_t **user);

/* From here on nobody is waited for: who asks is told BUSY at once. */
void lfrec_lookups_end(lfrec_lookups *lookups);

/* In the operator's thread: answers up to `most` questions. Next to nothing when there is none. */
void lfrec_lookups_serve(lfrec_lookups *lookups, lfrec_operator *op, size_t most);

#endif
