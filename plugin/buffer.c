#include "buffer.h"
#include <stdint.h>
#include <stdlib.h>

bool lfrec_buffer_reserve(lfrec_buffer *buffer, size_t more)
{
    if (buffer->capacity - buffer->length >= more) {
        return true;
    }
    if (more > SIZE_MAX / 2 - buffer->length) {
        return false;
    }
    size_t capacity = buffer->length + more;
    if (capacity < 2 * buffer->capacity) { /* both are below SIZE_MAX / 2 */
        capacity = 2 * buffer->capacity;
    }
    if (capacity < 256) {
        capacity = 256;
    }
    char *bytes = realloc(buffer->bytes, capacity);
    if (!bytes) {
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

void lfrec_buffer_free(lfrec_buffer *buffer)
{
    if (buffer) {
        free(buffer->bytes);
        buffer->bytes = NULL;
        buffer->length = buffer->capacity = 0;
    }
}
