#include "codec.h"
#include "csv.h"
#include "fields.h"
#include "json_read.h"
#include "json_scan.h"
#include "utf8.h"
#include <string.h>

const char *lfrec_bad_name(lfrec_bad bad)
{
    static const char *const names[LFREC_BAD_COUNT] = {
        [LFREC_BAD_NOTHING] = "nothing",
        [LFREC_BAD_EMPTY_VALUE] = "empty_value",
        [LFREC_BAD_TEXT_NULL] = "text_null",
        [LFREC_BAD_FRAMING] = "schema_framing",
        [LFREC_BAD_TOO_LARGE] = "too_large",
        [LFREC_BAD_NOT_UTF8] = "not_utf8",
        [LFREC_BAD_SYNTAX] = "syntax",
        [LFREC_BAD_TRAILING_DATA] = "trailing_data",
        [LFREC_BAD_NOT_OBJECT] = "not_an_object",
        [LFREC_BAD_NESTING] = "nesting",
        [LFREC_BAD_DUPLICATE] = "duplicate_field",
        [LFREC_BAD_MISSING_FIELD] = "missing_field",
        [LFREC_BAD_TYPE] = "wrong_type",
        [LFREC_BAD_EMPTY_ID] = "empty_id",
        [LFREC_BAD_LONG_ID] = "long_id",
        [LFREC_BAD_NUL_ID] = "nul_in_id",
        [LFREC_BAD_NUMBER] = "bad_number",
        [LFREC_BAD_OFF_SCALE] = "off_scale",
        [LFREC_BAD_NO_MEMORY] = "no_memory",
    };
    return (unsigned)bad < LFREC_BAD_COUNT ? names[bad] : "unknown";
}

/* Schema-registry serializers put 0x00 and the schema's id, 4 bytes, big-endian, in front of what they write. */
static bool is_framed(const char *bytes, size_t length)
{
    return length >= 5 && bytes[0] == 0;
}

static lfrec_bad complain_framing(const char *what, const char *bytes, char text[LFREC_BAD_TEXT_MAX])
{
    const unsigned char *id = (const unsigned char *)bytes + 1;
    unsigned long schema = (unsigned long)id[0] << 24 | (unsigned long)id[1] << 16 | (unsigned long)id[2] << 8 | id[3];
    return lfrec_complain(text, LFREC_BAD_FRAMING,
                          "schema-registry framing (schema id %lu) in front of the %s: produce plain JSON or CSV",
                          schema, what);
}

static lfrec_bad require_utf8(const char *what, const char *bytes, size_t length, char text[LFREC_BAD_TEXT_MAX])
{
    size_t valid = lfrec_utf8_valid_prefix(bytes, length);
    if (valid == length) {
        return LFREC_BAD_NOTHING;
    }
    return lfrec_complain(text, LFREC_BAD_NOT_UTF8, "%s is not UTF-8: 0x%02X at byte %zu", what,
                          (unsigned char)bytes[valid], valid);
}

static lfrec_bad decode_tombstone(const char *key, size_t length, lfrec_event *event, char text[LFREC_BAD_TEXT_MAX])
{
    if (!key || length == 0) {
        return lfrec_complain(text, LFREC_BAD_EMPTY_ID, "null value without a key: no user to forget");
    }
    if (is_framed(key, length)) {
        return complain_framing("key", key, text);
    }
    lfrec_bad bad = lfrec_id_judge("key", key, length, text);
    if (bad == LFREC_BAD_NOTHING) {
        bad = require_utf8("key", key, length, text);
    }
    *event = (lfrec_event){.kind = LFREC_EVENT_FORGET, .user = {key, length}};
    return bad;
}

static size_t space_prefix(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length && (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\t')) {
        at++;
    }
    return at;
}

static bool is_text_null(const char *bytes, size_t length)
{
    return length >= 4 && memcmp(bytes, "null", 4) == 0 && space_prefix(bytes + 4, length - 4) == length - 4;
}

lfrec_bad lfrec_decode(const lfrec_codec *codec, const void *key, size_t key_length, const void *value,
                       size_t value_length, lfrec_decoded *out, char text[LFREC_BAD_TEXT_MAX])
{
    if (!value) {
        return decode_tombstone(key, key_length, &out->event, text);
    }
    const char *bytes = value;
    size_t length = value_length;
    if (length == 0) {
        return lfrec_complain(text, LFREC_BAD_EMPTY_VALUE, "empty value (0 bytes, which is not a null value)");
    }
    if (is_framed(bytes, length)) {
        return complain_framing("value", bytes, text);
    }
    if (length > LFREC_VALUE_MAX) {
        return lfrec_complain(text, LFREC_BAD_TOO_LARGE, "value has %zu bytes, at most %u are allowed", length,
                              LFREC_VALUE_MAX);
    }
    lfrec_bad bad = require_utf8("value", bytes, length, text);
    if (bad != LFREC_BAD_NOTHING) {
        return bad;
    }
    if (length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) { /* a byte-order mark must not become part of the first id */
        bytes += 3;
        length -= 3;
    }
    size_t first = space_prefix(bytes, length);
    if (first == length) {
        return lfrec_complain(text, LFREC_BAD_EMPTY_VALUE, "empty value (nothing but white space)");
    }
    if (is_text_null(bytes + first, length - first)) {
        return lfrec_complain(text, LFREC_BAD_TEXT_NULL,
                              "the text null, which is not a null value: to forget a user, send none");
    }

    lfrec_fields fields;
    lfrec_format format = codec->format;
    if (format == LFREC_FORMAT_AUTO) {
        format = bytes[first] == '{' || bytes[first] == '[' ? LFREC_FORMAT_JSON : LFREC_FORMAT_CSV;
    }
    if (format == LFREC_FORMAT_CSV) {
        bad = lfrec_csv_read(bytes, length, &fields, out->user, out->item, text);
    } else if (!lfrec_json_scan(bytes, length, &fields)) {
        bad = lfrec_json_read(bytes, length, &fields, out->user, out->item, text);
    }
    return bad != LFREC_BAD_NOTHING ? bad
                                    : lfrec_fields_judge(&fields, codec->scale_min, codec->scale_max, &out->event, text);
}
