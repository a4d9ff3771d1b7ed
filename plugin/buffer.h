/* buffer.h - bytes that grow: owned by the caller, reused from message to message. */
#ifndef LFREC_BUFFER_H
#define LFREC_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* All zero is an empty buffer. bytes are not NUL-terminated. */
typedef struct lfrec_buffer {
    char *bytes;
    size_t length;
    size_t capacity;
} lfrec_buffer;

/* Room for `more` further bytes behind length. false: no memory, and the buffer is as before. */
bool lfrec_buffer_reserve(lfrec_buffer *buffer, size_t more);

/* Frees the bytes and leaves an empty buffer, ready for use again. NULL is allowed. */
void lfrec_buffer_free(lfrec_buffer *buffer);

#endif
