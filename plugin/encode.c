/* encode.c - the writing half of codec.h. */
#include "codec.h"
#include "number.h"
#include "utf8.h"
#include <math.h>
#include <string.h>

enum { SCORE_DIGITS = 4 };

/* Appends as long as nothing went wrong; the first failure sticks. */
struct writer {
    lfrec_buffer *buffer;
    lfrec_encoded result;
};

static inline void put(struct writer *w, const char *bytes, size_t length)
{
    if (w->result != LFREC_ENCODED) {
        return;
    }
    if (w->buffer->capacity - w->buffer->length < length && !lfrec_buffer_reserve(w->buffer, length)) {
        w->result = LFREC_ENCODE_NO_MEMORY;
        return;
    }
    memcpy(w->buffer->bytes + w->buffer->length, bytes, length);
    w->buffer->length += length;
}

#define PUT_LITERAL(w, literal) put(w, literal, sizeof(literal) - 1)

static void put_id(struct writer *w, lfrec_id id)
{
    static const char hex[] = "0123456789abcdef";
    if (id.length == 0 || lfrec_utf8_valid_prefix(id.bytes, id.length) != id.length) {
        w->result = w->result == LFREC_ENCODED ? LFREC_ENCODE_BAD_ID : w->result;
        return;
    }
    PUT_LITERAL(w, "\"");
    size_t plain = 0; /* start of what goes out as it is */
    for (size_t i = 0; i < id.length; i++) {
        unsigned char c = (unsigned char)id.bytes[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        put(w, id.bytes + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\') {
            put(w, (char[]){'\\', (char)c}, 2);
        } else {
            put(w, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        }
    }
    put(w, id.bytes + plain, id.length - plain);
    PUT_LITERAL(w, "\"");
}

static void put_rounded(struct writer *w, float value)
{
    char text[LFREC_NUMBER_TEXT_MAX];
    if (!isfinite(value)) {
        w->result = w->result == LFREC_ENCODED ? LFREC_ENCODE_NOT_FINITE : w->result;
        return;
    }
    put(w, text, lfrec_number_write((double)value, SCORE_DIGITS, text));
}

static void put_exact(struct writer *w, float value)
{
    char text[LFREC_NUMBER_TEXT_MAX];
    if (!isfinite(value)) {
        w->result = w->result == LFREC_ENCODED ? LFREC_ENCODE_NOT_FINITE : w->result;
        return;
    }
    put(w, text, lfrec_number_write_float(value, text));
}

static void put_unsigned(struct writer *w, uint64_t value)
{
    char text[LFREC_NUMBER_TEXT_MAX];
    put(w, text, lfrec_number_write_unsigned(value, text));
}

static void put_reasons(struct writer *w, const lfrec_recommended *recommended)
{
    PUT_LITERAL(w, ",\"reasons\":[");
    for (size_t i = 0; i < recommended->reason_count; i++) {
        const lfrec_reason_out *reason = &recommended->reasons[i];
        if (i > 0) {
            PUT_LITERAL(w, ",");
        }
        PUT_LITERAL(w, "{\"item\":");
        put_id(w, reason->item);
        PUT_LITERAL(w, ",\"rating\":");
        put_exact(w, reason->rating);
        PUT_LITERAL(w, ",\"share\":");
        put_rounded(w, reason->share);
        PUT_LITERAL(w, "}");
    }
    PUT_LITERAL(w, "]");
}

/* All or nothing. */
static lfrec_encoded finish(const struct writer *w, size_t length_before)
{
    if (w->result != LFREC_ENCODED) {
        w->buffer->length = length_before;
    }
    return w->result;
}

lfrec_encoded lfrec_encode_recommendation(const lfrec_recommendation *recommendation, lfrec_buffer *buffer)
{
    if (recommendation->forgotten) {
        return LFREC_ENCODED_NULL;
    }
    struct writer w = {buffer, LFREC_ENCODED};
    size_t before = buffer->length;
    PUT_LITERAL(&w, "{\"user\":");
    put_id(&w, recommendation->user);
    PUT_LITERAL(&w, ",\"model\":");
    put_unsigned(&w, recommendation->model_version);
    PUT_LITERAL(&w, ",\"rated\":");
    put_unsigned(&w, recommendation->rated);
    PUT_LITERAL(&w, ",\"items\":[");
    for (size_t i = 0; i < recommendation->count; i++) {
        const lfrec_recommended *recommended = &recommendation->items[i];
        if (i > 0) {
            PUT_LITERAL(&w, ",");
        }
        PUT_LITERAL(&w, "{\"item\":");
        put_id(&w, recommended->item);
        PUT_LITERAL(&w, ",\"score\":");
        put_rounded(&w, recommended->score);
        if (recommended->reasons) {
            put_reasons(&w, recommended);
        }
        PUT_LITERAL(&w, "}");
    }
    PUT_LITERAL(&w, "]}");
    return finish(&w, before);
}

lfrec_encoded lfrec_encode_event(const lfrec_event *event, lfrec_buffer *buffer)
{
    if (event->kind == LFREC_EVENT_FORGET) {
        return LFREC_ENCODED_NULL;
    }
    struct writer w = {buffer, LFREC_ENCODED};
    size_t before = buffer->length;
    PUT_LITERAL(&w, "{\"user\":");
    put_id(&w, event->user);
    PUT_LITERAL(&w, ",\"item\":");
    put_id(&w, event->item);
    PUT_LITERAL(&w, ",\"rating\":");
    if (event->kind == LFREC_EVENT_RETRACT) {
        PUT_LITERAL(&w, "null");
    } else {
        put_exact(&w, event->rating);
    }
    if (event->has_timestamp) {
        uint64_t size = (uint64_t)event->timestamp;
        PUT_LITERAL(&w, ",\"ts\":");
        if (event->timestamp < 0) {
            PUT_LITERAL(&w, "-");
            size = 0 - size;
        }
        put_unsigned(&w, size);
    }
    PUT_LITERAL(&w, "}");
    return finish(&w, before);
}
