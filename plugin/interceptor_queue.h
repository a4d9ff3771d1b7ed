/* interceptor_queue.h - events on their way from an application's threads to the recommender's one: bounded, and never waiting.
 *
 * Any thread puts; one thread takes. What is put is copied. Two buffers change places: writers append to one while the reader walks
 * through the other, so that the lock is held for one copy on one side and for a swap on the other. Each holds half of the limit. */
#ifndef LFREC_INTERCEPTOR_QUEUE_H
#define LFREC_INTERCEPTOR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lfrec_queue lfrec_queue; /* opaque */

typedef enum lfrec_queued_kind {
    LFREC_QUEUED_MESSAGE,
    LFREC_QUEUED_ASSIGNMENT /* value: int32_t partitions, those that are the application's now */
} lfrec_queued_kind;

typedef struct lfrec_queued {
    lfrec_queued_kind kind;
    int32_t partition;
    int64_t offset;
    const void *key; /* NULL: none */
    size_t key_length;
    const void *value; /* NULL: none; aligned for int32_t when taken */
    size_t value_length;
} lfrec_queued;

bool lfrec_queue_open(lfrec_queue **out, size_t limit); /* limit: bytes; false: no memory, or no pipe */
void lfrec_queue_close(lfrec_queue *queue);             /* NULL is allowed; nobody may put any more */

/* false: no room, or no memory; nothing was taken. */
bool lfrec_queue_put(lfrec_queue *queue, const lfrec_queued *queued);

/* The oldest, borrowed until the next call. false: nothing is there. */
bool lfrec_queue_take(lfrec_queue *queue, lfrec_queued *out);

/* Before the reader waits in poll(2) for the file descriptor. false: do not wait, something is there. */
bool lfrec_queue_rest(lfrec_queue *queue);
int lfrec_queue_fd(const lfrec_queue *queue); /* readable: something was put since, or wake was called */
void lfrec_queue_wake(lfrec_queue *queue);    /* from any thread */

#endif
