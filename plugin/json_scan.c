#include "json_scan.h"
#include <string.h>

/* Longer numbers go to jansson: among them are those that overflow a double. */
enum { NUMBER_MAX = 32, UNKNOWN_MAX = 8 };

struct span {
    const char *bytes;
    size_t length;
};

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    return p;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}

/* p is behind the opening quote. Returns the closing one, NULL in doubt. */
static const char *string_end(const char *p, const char *end)
{
    for (; p < end; p++) {
        if (*p == '"') {
            return p;
        }
        if (*p == '\\' || (unsigned char)*p < 0x20) {
            return NULL;
        }
    }
    return NULL;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)?   An exponent, if there is one, is what the caller stumbles over. */
static const char *number_end(const char *p, const char *end)
{
    const char *start = p;
    if (*p == '-') {
        p++;
    }
    const char *digits = p;
    p = skip_digits(p, end);
    if (p == digits || (*digits == '0' && p - digits > 1)) {
        return NULL;
    }
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        p = skip_digits(p, end);
        if (p == fraction) {
            return NULL;
        }
    }
    return p - start <= NUMBER_MAX ? p : NULL;
}

static bool starts_with(const char *p, const char *end, const char *word, size_t length)
{
    return (size_t)(end - p) >= length && memcmp(p, word, length) == 0;
}

/* Returns the byte behind the value, NULL in doubt. p < end. field->at is left to the caller. */
static const char *scan_value(const char *p, const char *end, lfrec_field *field)
{
    const char *behind;
    field->bytes = p;
    switch (*p) {
    case '"':
        behind = string_end(p + 1, end);
        if (!behind) {
            return NULL;
        }
        field->kind = LFREC_FIELD_STRING;
        field->bytes = p + 1;
        field->length = (size_t)(behind - p - 1);
        return behind + 1;
    case 'n':
        field->kind = LFREC_FIELD_NULL;
        behind = starts_with(p, end, "null", 4) ? p + 4 : NULL;
        break;
    case 't':
        field->kind = LFREC_FIELD_BOOLEAN;
        behind = starts_with(p, end, "true", 4) ? p + 4 : NULL;
        break;
    case 'f':
        field->kind = LFREC_FIELD_BOOLEAN;
        behind = starts_with(p, end, "false", 5) ? p + 5 : NULL;
        break;
    default:
        field->kind = LFREC_FIELD_NUMBER;
        behind = number_end(p, end);
        break;
    }
    if (behind) {
        field->length = (size_t)(behind - p);
    }
    return behind;
}

/* false in doubt: seen before, or too many to remember. */
static bool remember(struct span *unknown, size_t *count, const char *key, size_t length)
{
    for (size_t i = 0; i < *count; i++) {
        if (unknown[i].length == length && memcmp(unknown[i].bytes, key, length) == 0) {
            return false;
        }
    }
    if (*count == UNKNOWN_MAX) {
        return false;
    }
    unknown[(*count)++] = (struct span){key, length};
    return true;
}

bool lfrec_json_scan(const char *value, size_t length, lfrec_fields *fields)
{
    struct span unknown[UNKNOWN_MAX];
    size_t unknown_count = 0;
    const char *end = value + length;
    const char *p = skip_space(value, end);
    memset(fields, 0, sizeof *fields);
    if (p == end || *p++ != '{') {
        return false;
    }
    for (;;) {
        p = skip_space(p, end);
        if (p == end || *p != '"') {
            return false; /* the empty object among others */
        }
        const char *key = p + 1;
        p = string_end(key, end);
        if (!p) {
            return false;
        }
        size_t key_length = (size_t)(p - key);
        p = skip_space(p + 1, end);
        if (p == end || *p != ':') {
            return false;
        }
        p = skip_space(p + 1, end);
        if (p == end) {
            return false;
        }
        lfrec_field ignored;
        int which = lfrec_field_named(key, key_length);
        lfrec_field *field = &ignored;
        if (which != LFREC_FIELD_COUNT) {
            field = &fields->of[which];
            if (field->kind != LFREC_FIELD_ABSENT) {
                return false;
            }
        } else if (!remember(unknown, &unknown_count, key, key_length)) {
            return false;
        }
        field->at = (size_t)(p - value);
        p = scan_value(p, end, field);
        if (!p) {
            return false;
        }
        p = skip_space(p, end);
        if (p == end) {
            return false;
        }
        if (*p == '}') {
            return skip_space(p + 1, end) == end;
        }
        if (*p++ != ',') {
            return false;
        }
    }
}
