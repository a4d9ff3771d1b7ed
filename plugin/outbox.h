/* outbox.h - per user: what was published last, and who waits to be published again, in the order of arrival.
 *
 * Users are indices of the ratings store. Every operation is O(1); only reserve can fail. Not thread-safe. */
#ifndef LFREC_OUTBOX_H
#define LFREC_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

/* Links are indices + 1; 0 is none. */
struct lfrec_outbox_user {
    uint64_t published; /* fingerprint of the list that was published last; 0: none */
    uint32_t next, previous;
    uint32_t changed; /* the number of the latest training when the user's ratings changed last */
    bool waiting;
};

/* All zero is an empty outbox. */
typedef struct lfrec_outbox {
    struct lfrec_outbox_user *user; /* room */
    uint32_t room;
    uint32_t first, last;
    uint32_t waiting; /* how many */
} lfrec_outbox;

/* Makes room for users 0 .. users - 1. false: no memory, nothing changed. */
bool lfrec_outbox_reserve(lfrec_outbox *outbox, uint32_t users);
void lfrec_outbox_free(lfrec_outbox *outbox);

void lfrec_outbox_push(lfrec_outbox *outbox, uint32_t index); /* to the end; who waits already keeps the place */
void lfrec_outbox_remove(lfrec_outbox *outbox, uint32_t index); /* waits no more; nothing happens to one who does not wait */
void lfrec_outbox_forget(lfrec_outbox *outbox, uint32_t index); /* the same, and nothing is published: the user has left */
bool lfrec_outbox_first(const lfrec_outbox *outbox, uint32_t *user); /* false: nobody waits */
bool lfrec_outbox_next(const lfrec_outbox *outbox, uint32_t *user);  /* who waits behind this one; false: nobody */

#endif
