/* fuzz_codec.c - any bytes as an event and as a stream of rows.
 *
 * Input: one byte that chooses the format (modulo 3) and, with its highest bit, a tombstone; then the value (or key).
 * Checked: no crash; a reason is one clean line; what the scanner is sure of, jansson confirms field by field, numbers against jansson's
 * own conversion; an event that was read is read again the same from what the encoder writes; rows do not depend on how the stream was
 * cut into pieces. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/codec.h"
#include "../../plugin/json_read.h"
#include "../../plugin/json_scan.h"
#include "../../plugin/lines.h"
#include "../../plugin/number.h"
#include "../../plugin/utf8.h"

#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)    \
    do {                      \
        if (!(condition)) {   \
            __builtin_trap(); \
        }                     \
    } while (0)

static bool same_id(lfrec_id a, lfrec_id b)
{
    return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

static void require_clean_line(const char text[LFREC_BAD_TEXT_MAX])
{
    REQUIRE(memchr(text, 0, LFREC_BAD_TEXT_MAX) != NULL);
    REQUIRE(text[0] != '\0');
    REQUIRE(lfrec_utf8_valid_prefix(text, strlen(text)) == strlen(text));
    for (; *text; text++) {
        REQUIRE((unsigned char)*text >= 0x20 && *text != 0x7F);
    }
}

/* jansson's own double beside ours. Its strtod is exact, ours within a few units in the last place. */
static void compare_number(const json_t *object, const char *name, const lfrec_field *field)
{
    lfrec_number ours;
    double theirs = json_real_value(json_object_get(object, name));
    REQUIRE(lfrec_number_read(field->bytes, field->length, &ours) == LFREC_NUMBER_READ);
    REQUIRE(fabs(ours.value - theirs) <= fabs(theirs) * 16 * DBL_EPSILON + DBL_MIN);
}

static void compare_readers(const char *value, size_t length)
{
    static const char *const names[] = {"user", "item", "rating", "ts"};
    lfrec_fields fast, sure;
    char user[LFREC_ID_MAX], item[LFREC_ID_MAX], text[LFREC_BAD_TEXT_MAX];
    if (lfrec_utf8_valid_prefix(value, length) != length) {
        return;
    }
    bool scanned = lfrec_json_scan(value, length, &fast);
    lfrec_bad bad = lfrec_json_read(value, length, &sure, user, item, text);
    REQUIRE(!scanned || bad == LFREC_BAD_NOTHING);
    if (bad != LFREC_BAD_NOTHING) {
        require_clean_line(text);
        return;
    }
    json_t *object = json_loadb(value, length, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
    REQUIRE(json_is_object(object));
    for (int i = 0; i < LFREC_FIELD_COUNT; i++) {
        const lfrec_field *field = &sure.of[i];
        REQUIRE((field->kind == LFREC_FIELD_ABSENT) == (json_object_get(object, names[i]) == NULL));
        if (field->kind == LFREC_FIELD_NUMBER) {
            compare_number(object, names[i], field);
        }
        if (!scanned) {
            continue;
        }
        REQUIRE(fast.of[i].kind == field->kind && fast.of[i].at == field->at);
        if (field->kind == LFREC_FIELD_NUMBER || (field->kind == LFREC_FIELD_STRING && i < LFREC_FIELD_RATING)) {
            REQUIRE(fast.of[i].length == field->length);
            REQUIRE(memcmp(fast.of[i].bytes, field->bytes, field->length < LFREC_ID_MAX ? field->length : LFREC_ID_MAX) == 0);
        }
    }
    json_decref(object);
}

static void require_round_trip(const lfrec_codec *codec, const lfrec_event *event)
{
    lfrec_buffer buffer = {0};
    lfrec_decoded again;
    char text[LFREC_BAD_TEXT_MAX];
    REQUIRE(lfrec_encode_event(event, &buffer) == LFREC_ENCODED);
    lfrec_codec json = {LFREC_FORMAT_JSON, codec->scale_min, codec->scale_max};
    REQUIRE(lfrec_decode(&json, NULL, 0, buffer.bytes, buffer.length, &again, text) == LFREC_BAD_NOTHING);
    REQUIRE(again.event.kind == event->kind && same_id(again.event.user, event->user) &&
            same_id(again.event.item, event->item));
    REQUIRE(event->kind != LFREC_EVENT_RATE || again.event.rating == event->rating);
    REQUIRE(again.event.has_timestamp == event->has_timestamp && again.event.timestamp == event->timestamp);
    lfrec_buffer_free(&buffer);
}

static void require_good_event(const lfrec_codec *codec, const lfrec_event *event)
{
    REQUIRE(event->user.length > 0 && event->user.length <= LFREC_ID_MAX);
    REQUIRE(memchr(event->user.bytes, 0, event->user.length) == NULL);
    REQUIRE(lfrec_utf8_valid_prefix(event->user.bytes, event->user.length) == event->user.length);
    if (event->kind == LFREC_EVENT_FORGET) {
        return;
    }
    REQUIRE(event->item.length > 0 && event->item.length <= LFREC_ID_MAX);
    REQUIRE(memchr(event->item.bytes, 0, event->item.length) == NULL);
    REQUIRE(event->kind != LFREC_EVENT_RATE || (event->rating >= codec->scale_min && event->rating <= codec->scale_max));
    require_round_trip(codec, event);
}

/* A digest of all rows when the input comes in pieces of this size. */
static uint64_t rows_digest(const char *input, size_t length, lfrec_format format, size_t piece)
{
    enum { ROW_MAX = 48 };
    uint64_t digest = 1469598103934665603u; /* FNV-1a */
    size_t given = 0, covered = 0;
    lfrec_lines lines;
    REQUIRE(lfrec_lines_open(&lines, format, ROW_MAX));
    for (;;) {
        lfrec_row row = {NULL, 0, 0};
        lfrec_lines_result result = lfrec_lines_next(&lines, &row);
        if (result == LFREC_LINES_END) {
            break;
        }
        if (result == LFREC_LINES_MORE) {
            size_t room, more = length - given;
            char *space = lfrec_lines_space(&lines, &room);
            REQUIRE(room > 0);
            more = more < piece ? more : piece;
            more = more < room ? more : room;
            if (more == 0) {
                lfrec_lines_finish(&lines);
            } else {
                memcpy(space, input + given, more);
                lfrec_lines_added(&lines, more);
                given += more;
            }
            continue;
        }
        REQUIRE(row.length > 0 && row.length <= ROW_MAX);
        covered += row.length;
        digest = (digest ^ (uint64_t)result ^ row.line << 8) * 1099511628211u;
        for (size_t i = 0; i < row.length; i++) {
            digest = (digest ^ (unsigned char)row.bytes[i]) * 1099511628211u;
        }
    }
    REQUIRE(given == length && covered <= length);
    lfrec_lines_close(&lines);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    lfrec_codec codec = {(lfrec_format)(data[0] % 3), -10.0f, 10.0f};
    bool tombstone = data[0] & 0x80;
    const char *value = (const char *)data + 1;
    size_t length = size - 1;
    lfrec_decoded decoded;
    char text[LFREC_BAD_TEXT_MAX];
    lfrec_bad bad = tombstone ? lfrec_decode(&codec, value, length, NULL, 0, &decoded, text)
                              : lfrec_decode(&codec, NULL, 0, value, length, &decoded, text);
    if (bad == LFREC_BAD_NOTHING) {
        require_good_event(&codec, &decoded.event);
    } else {
        require_clean_line(text);
    }
    compare_readers(value, length);
    uint64_t whole = rows_digest(value, length, codec.format, length + 1);
    REQUIRE(rows_digest(value, length, codec.format, 1) == whole);
    REQUIRE(rows_digest(value, length, codec.format, 7) == whole);
    return 0;
}
