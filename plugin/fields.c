#include "fields.h"
#include "number.h"
#include "utf8.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const field_names[LFREC_FIELD_COUNT] = {"user", "item", "rating", "ts"};

int lfrec_field_named(const char *key, size_t length)
{
    switch (length) {
    case 4:
        return memcmp(key, "user", 4) == 0   ? LFREC_FIELD_USER
               : memcmp(key, "item", 4) == 0 ? LFREC_FIELD_ITEM
                                             : LFREC_FIELD_COUNT;
    case 6: return memcmp(key, "rating", 6) == 0 ? LFREC_FIELD_RATING : LFREC_FIELD_COUNT;
    case 2: return memcmp(key, "ts", 2) == 0 ? LFREC_FIELD_TS : LFREC_FIELD_COUNT;
    default: return LFREC_FIELD_COUNT;
    }
}

lfrec_bad lfrec_complain(char text[LFREC_BAD_TEXT_MAX], lfrec_bad bad, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text, LFREC_BAD_TEXT_MAX, format, arguments);
    va_end(arguments);
    if (written < 0) {
        text[0] = '\0';
    }
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7F) {
            *p = '?';
        }
    }
    text[lfrec_utf8_valid_prefix(text, strlen(text))] = '\0';
    return bad;
}

/* How much of somebody else's text is shown in ours: whole characters of its first 40 bytes. A printf precision, so a NUL ends it too. */
static int shown(const lfrec_field *field)
{
    return (int)lfrec_utf8_valid_prefix(field->bytes, field->length < 40 ? field->length : 40);
}

lfrec_bad lfrec_id_judge(const char *name, const char *bytes, size_t length, char text[LFREC_BAD_TEXT_MAX])
{
    if (length == 0) {
        return lfrec_complain(text, LFREC_BAD_EMPTY_ID, "empty %s", name);
    }
    if (length > LFREC_ID_MAX) {
        return lfrec_complain(text, LFREC_BAD_LONG_ID, "%s has %zu bytes, at most %u are allowed", name, length, LFREC_ID_MAX);
    }
    const char *nul = memchr(bytes, 0, length);
    if (nul) {
        return lfrec_complain(text, LFREC_BAD_NUL_ID, "%s has a NUL, its byte %zu", name, (size_t)(nul - bytes));
    }
    return LFREC_BAD_NOTHING;
}

static const char *kind_name(lfrec_field_kind kind)
{
    switch (kind) {
    case LFREC_FIELD_STRING: return "a string";
    case LFREC_FIELD_NUMBER: return "a number";
    case LFREC_FIELD_NULL: return "null";
    case LFREC_FIELD_BOOLEAN: return "a boolean";
    case LFREC_FIELD_ARRAY: return "an array";
    case LFREC_FIELD_OBJECT: return "an object";
    case LFREC_FIELD_ABSENT: break;
    }
    return "missing";
}

static bool all_digits(const char *bytes, size_t length)
{
    size_t at = length > 0 && bytes[0] == '-';
    if (at == length) {
        return false;
    }
    while (at < length && bytes[at] >= '0' && bytes[at] <= '9') {
        at++;
    }
    return at == length;
}

static lfrec_bad judge_id(int which, const lfrec_field *field, lfrec_id *id, char text[LFREC_BAD_TEXT_MAX])
{
    const char *name = field_names[which];
    if (field->kind == LFREC_FIELD_ABSENT) {
        return lfrec_complain(text, LFREC_BAD_MISSING_FIELD, "%s is missing", name);
    }
    if (field->kind == LFREC_FIELD_NUMBER && !all_digits(field->bytes, field->length)) {
        return lfrec_complain(text, LFREC_BAD_TYPE, "%s must be a string or an integer, not %.*s (byte %zu)", name,
                              shown(field), field->bytes, field->at);
    }
    if (field->kind != LFREC_FIELD_STRING && field->kind != LFREC_FIELD_NUMBER) {
        return lfrec_complain(text, LFREC_BAD_TYPE, "%s must be a string or an integer, not %s (byte %zu)", name,
                              kind_name(field->kind), field->at);
    }
    lfrec_bad bad = lfrec_id_judge(name, field->bytes, field->length, text);
    if (bad == LFREC_BAD_NOTHING) {
        *id = (lfrec_id){field->bytes, field->length};
    }
    return bad;
}

static lfrec_bad read_number(int which, const lfrec_field *field, const char *allowed, lfrec_number *number,
                             char text[LFREC_BAD_TEXT_MAX])
{
    const char *name = field_names[which];
    if (field->kind != LFREC_FIELD_NUMBER) {
        return lfrec_complain(text, LFREC_BAD_TYPE, "%s must be %s, not %s (byte %zu)", name, allowed,
                              kind_name(field->kind), field->at);
    }
    switch (lfrec_number_read(field->bytes, field->length, number)) {
    case LFREC_NUMBER_READ: return LFREC_BAD_NOTHING;
    case LFREC_NUMBER_TOO_LARGE:
        return lfrec_complain(text, LFREC_BAD_NUMBER, "%s %.*s is too large (byte %zu)", name, shown(field),
                              field->bytes, field->at);
    case LFREC_NUMBER_MALFORMED: break;
    }
    return lfrec_complain(text, LFREC_BAD_NUMBER, "%s \"%.*s\" is not a number (byte %zu)", name, shown(field),
                          field->bytes, field->at);
}

static lfrec_bad judge_rating(const lfrec_field *field, float scale_min, float scale_max, lfrec_event *event,
                              char text[LFREC_BAD_TEXT_MAX])
{
    if (field->kind == LFREC_FIELD_ABSENT) {
        return lfrec_complain(text, LFREC_BAD_MISSING_FIELD, "rating is missing (null would take a rating back)");
    }
    if (field->kind == LFREC_FIELD_NULL) {
        event->kind = LFREC_EVENT_RETRACT;
        return LFREC_BAD_NOTHING;
    }
    lfrec_number number = {0};
    lfrec_bad bad = read_number(LFREC_FIELD_RATING, field, "a number or null", &number, text);
    if (bad != LFREC_BAD_NOTHING) {
        return bad;
    }
    /* Compared as floats, as the scale is kept: with the scale's end at 0.1, a rating of 0.1 is on it. */
    float rating;
    if (!lfrec_number_as_float(number.value, &rating) || rating < scale_min || rating > scale_max) {
        char low[LFREC_NUMBER_TEXT_MAX], high[LFREC_NUMBER_TEXT_MAX];
        int low_length = (int)lfrec_number_write_float(scale_min, low);
        int high_length = (int)lfrec_number_write_float(scale_max, high);
        return lfrec_complain(text, LFREC_BAD_OFF_SCALE, "rating %.*s is not within the scale %.*s to %.*s (byte %zu)",
                              shown(field), field->bytes, low_length, low, high_length, high, field->at);
    }
    event->kind = LFREC_EVENT_RATE;
    event->rating = rating;
    return LFREC_BAD_NOTHING;
}

static lfrec_bad judge_timestamp(const lfrec_field *field, lfrec_event *event, char text[LFREC_BAD_TEXT_MAX])
{
    if (field->kind == LFREC_FIELD_ABSENT || field->kind == LFREC_FIELD_NULL) {
        return LFREC_BAD_NOTHING;
    }
    lfrec_number number = {0};
    lfrec_bad bad = read_number(LFREC_FIELD_TS, field, "a number", &number, text);
    if (bad != LFREC_BAD_NOTHING) {
        return bad;
    }
    if (number.is_integer) {
        event->timestamp = number.integer;
    } else if (fabs(number.value) < 9.2e18) { /* within int64_t */
        event->timestamp = (int64_t)floor(number.value);
    } else {
        return lfrec_complain(text, LFREC_BAD_NUMBER, "ts %.*s is too large (byte %zu)", shown(field), field->bytes,
                              field->at);
    }
    event->has_timestamp = true;
    return LFREC_BAD_NOTHING;
}

lfrec_bad lfrec_fields_judge(const lfrec_fields *fields, float scale_min, float scale_max, lfrec_event *event,
                             char text[LFREC_BAD_TEXT_MAX])
{
    *event = (lfrec_event){.kind = LFREC_EVENT_RATE};
    lfrec_bad bad = judge_id(LFREC_FIELD_USER, &fields->of[LFREC_FIELD_USER], &event->user, text);
    if (bad == LFREC_BAD_NOTHING) {
        bad = judge_id(LFREC_FIELD_ITEM, &fields->of[LFREC_FIELD_ITEM], &event->item, text);
    }
    if (bad == LFREC_BAD_NOTHING) {
        bad = judge_rating(&fields->of[LFREC_FIELD_RATING], scale_min, scale_max, event, text);
    }
    if (bad == LFREC_BAD_NOTHING) {
        bad = judge_timestamp(&fields->of[LFREC_FIELD_TS], event, text);
    }
    return bad;
}
