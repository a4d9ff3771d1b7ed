#include "interceptor_queue.h"
#include "buffer.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEPT_BYTES = 1 << 20 }; /* a buffer that grew beyond this in a rush is given back when it is empty */

#define ABSENT UINT32_MAX /* length of what is NULL */

/* Followed by the value and the key, each padded to 8 bytes. */
typedef struct record {
    int64_t offset;
    int32_t partition;
    uint32_t kind;
    uint32_t key_length, value_length;
} record;

struct lfrec_queue {
    pthread_mutex_t lock; /* guards filling and resting */
    lfrec_buffer filling;
    bool resting; /* the reader waits, or is about to */
    size_t limit; /* of each buffer */

    lfrec_buffer draining; /* the reader's */
    size_t drained;        /* bytes of it that were taken */
    int readable, writable;
};

static size_t padded(size_t length)
{
    return (length + 7) & ~(size_t)7;
}

bool lfrec_queue_open(lfrec_queue **out, size_t limit)
{
    int ends[2];
    lfrec_queue *q = calloc(1, sizeof *q);
    if (!q || pipe(ends) != 0) {
        free(q);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(ends[i], F_SETFL, O_NONBLOCK);
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    }
    q->readable = ends[0];
    q->writable = ends[1];
    q->limit = limit / 2;
    pthread_mutex_init(&q->lock, NULL);
    *out = q;
    return true;
}

void lfrec_queue_close(lfrec_queue *q)
{
    if (!q) {
        return;
    }
    close(q->readable);
    close(q->writable);
    lfrec_buffer_free(&q->filling);
    lfrec_buffer_free(&q->draining);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static void append(lfrec_buffer *buffer, const void *bytes, size_t length)
{
    if (length > 0) {
        memcpy(buffer->bytes + buffer->length, bytes, length);
    }
    buffer->length += padded(length);
}

bool lfrec_queue_put(lfrec_queue *q, const lfrec_queued *queued)
{
    size_t key_length = queued->key ? queued->key_length : 0, value_length = queued->value ? queued->value_length : 0;
    if (key_length > q->limit || value_length > q->limit || key_length >= ABSENT || value_length >= ABSENT) {
        return false;
    }
    size_t needed = sizeof(record) + padded(key_length) + padded(value_length);
    const record head = {
        .offset = queued->offset,
        .partition = queued->partition,
        .kind = queued->kind,
        .key_length = queued->key ? (uint32_t)key_length : ABSENT,
        .value_length = queued->value ? (uint32_t)value_length : ABSENT,
    };
    bool wake = false;
    pthread_mutex_lock(&q->lock);
    bool taken = q->filling.length + needed <= q->limit && lfrec_buffer_reserve(&q->filling, needed);
    if (taken) {
        append(&q->filling, &head, sizeof head);
        append(&q->filling, queued->value, value_length);
        append(&q->filling, queued->key, key_length);
        wake = q->resting;
        q->resting = false;
    }
    pthread_mutex_unlock(&q->lock);
    if (wake) {
        lfrec_queue_wake(q);
    }
    return taken;
}

/* The buffers change places when the reader's is used up. */
static bool refill(lfrec_queue *q)
{
    if (q->draining.capacity > KEPT_BYTES) {
        lfrec_buffer_free(&q->draining);
    }
    q->draining.length = 0;
    q->drained = 0;
    pthread_mutex_lock(&q->lock);
    lfrec_buffer empty = q->draining;
    q->draining = q->filling;
    q->filling = empty;
    pthread_mutex_unlock(&q->lock);
    return q->draining.length > 0;
}

bool lfrec_queue_take(lfrec_queue *q, lfrec_queued *out)
{
    if (q->drained == q->draining.length && !refill(q)) {
        return false;
    }
    record head;
    const char *at = q->draining.bytes + q->drained;
    memcpy(&head, at, sizeof head);
    const char *value = at + sizeof head;
    size_t value_length = head.value_length == ABSENT ? 0 : head.value_length;
    size_t key_length = head.key_length == ABSENT ? 0 : head.key_length;
    const char *key = value + padded(value_length);
    *out = (lfrec_queued){
        .kind = (lfrec_queued_kind)head.kind,
        .partition = head.partition,
        .offset = head.offset,
        .key = head.key_length == ABSENT ? NULL : key,
        .key_length = key_length,
        .value = head.value_length == ABSENT ? NULL : value,
        .value_length = value_length,
    };
    q->drained += sizeof head + padded(value_length) + padded(key_length);
    return true;
}

bool lfrec_queue_rest(lfrec_queue *q)
{
    char bytes[64];
    while (read(q->readable, bytes, sizeof bytes) > 0) { /* wakes that are over */
    }
    pthread_mutex_lock(&q->lock);
    bool empty = q->filling.length == 0;
    q->resting = empty;
    pthread_mutex_unlock(&q->lock);
    return empty && q->drained == q->draining.length;
}

int lfrec_queue_fd(const lfrec_queue *q)
{
    return q->readable;
}

void lfrec_queue_wake(lfrec_queue *q)
{
    char byte = 0;
    while (write(q->writable, &byte, 1) < 0 && errno == EINTR) { /* full is as good as written */
    }
}
