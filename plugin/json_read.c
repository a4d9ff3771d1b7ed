#include "json_read.h"
#include <jansson.h>
#include <string.h>

/* These walk a text that jansson has accepted, so they judge nothing; the end is looked at all the same, lest memory
 * safety hang on jansson's strictness. p <= end, and so is what they return. */
static const char *skip_byte(const char *p, const char *end)
{
    return p < end ? p + 1 : end;
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    return p;
}

static const char *skip_string(const char *p, const char *end)
{
    for (p = skip_byte(p, end); p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end) {
            p++;
        }
    }
    return skip_byte(p, end);
}

static const char *skip_scalar(const char *p, const char *end)
{
    static const char ends[] = {',', '}', ']', ' ', '\n', '\r', '\t'};
    while (p < end && !memchr(ends, *p, sizeof ends)) {
        p++;
    }
    return p;
}

static const char *skip_value(const char *p, const char *end)
{
    size_t depth = 0;
    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (*p == '}' || *p == ']') {
            depth -= depth > 0;
            p++;
        } else if (*p == ',' || *p == ':') {
            p++;
        } else {
            p = skip_scalar(p, end);
        }
        if (depth == 0) {
            break;
        }
        p = skip_space(p, end);
    }
    return p;
}

static lfrec_bad reason_of(enum json_error_code code)
{
    switch (code) {
    case json_error_out_of_memory: return LFREC_BAD_NO_MEMORY;
    case json_error_stack_overflow: return LFREC_BAD_NESTING;
    case json_error_invalid_utf8: return LFREC_BAD_NOT_UTF8;
    case json_error_end_of_input_expected: return LFREC_BAD_TRAILING_DATA;
    case json_error_duplicate_key: return LFREC_BAD_DUPLICATE;
    case json_error_numeric_overflow: return LFREC_BAD_NUMBER;
    default: return LFREC_BAD_SYNTAX;
    }
}

static lfrec_bad complain(const json_error_t *error, char text[LFREC_BAD_TEXT_MAX])
{
    lfrec_bad bad = reason_of(json_error_code(error));
    const char *what = bad == LFREC_BAD_TRAILING_DATA ? "trailing data after the event"
                       : bad == LFREC_BAD_NESTING     ? "nested too deeply"
                       : bad == LFREC_BAD_DUPLICATE   ? "a field is there twice"
                       : bad == LFREC_BAD_NUMBER      ? "a number is too large"
                                                      : "not JSON";
    return lfrec_complain(text, bad, "%s, at byte %d: %s", what, error->position, error->text);
}

static lfrec_field_kind kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING: return LFREC_FIELD_STRING;
    case JSON_INTEGER:
    case JSON_REAL: return LFREC_FIELD_NUMBER;
    case JSON_NULL: return LFREC_FIELD_NULL;
    case JSON_TRUE:
    case JSON_FALSE: return LFREC_FIELD_BOOLEAN;
    case JSON_ARRAY: return LFREC_FIELD_ARRAY;
    case JSON_OBJECT: break;
    }
    return LFREC_FIELD_OBJECT;
}

/* `text` is where the value stands, up to `end` at most. Numbers are taken from there digit by digit, for jansson's integers end at 2^63. Other strings than
 * ids are not looked into by anybody. */
static void take(json_t *value, const char *text, const char *end, char *storage, lfrec_field *field)
{
    field->kind = kind_of(value);
    field->bytes = text;
    field->length = 0;
    if (field->kind == LFREC_FIELD_NUMBER) {
        field->length = (size_t)(skip_scalar(text, end) - text);
    } else if (field->kind == LFREC_FIELD_STRING && storage) {
        field->length = json_string_length(value);
        memcpy(storage, json_string_value(value), field->length < LFREC_ID_MAX ? field->length : LFREC_ID_MAX);
        field->bytes = storage;
    }
}

lfrec_bad lfrec_json_read(const char *value, size_t length, lfrec_fields *fields, char user[LFREC_ID_MAX],
                          char item[LFREC_ID_MAX], char text[LFREC_BAD_TEXT_MAX])
{
    /* No JSON has such a byte, but jansson 2.14 passes over one behind a number or a literal. */
    const char *nul = memchr(value, 0, length);
    if (nul) {
        return lfrec_complain(text, LFREC_BAD_SYNTAX, "not JSON, at byte %zu: a NUL", (size_t)(nul - value));
    }
    json_error_t error;
    /* Integers as reals: else those above 2^63 would be refused. \u0000 is allowed here and judged with the ids. */
    json_t *object = json_loadb(
        value, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    if (!object) {
        return complain(&error, text);
    }
    if (!json_is_object(object)) {
        lfrec_bad bad = lfrec_complain(text, LFREC_BAD_NOT_OBJECT, "a JSON %s where one object was expected",
                                       json_is_array(object)    ? "array"
                                       : json_is_string(object) ? "string"
                                       : json_is_number(object) ? "number"
                                                                : "literal");
        json_decref(object);
        return bad;
    }

    /* jansson keeps the order of insertion and there are no duplicates, so its members and the text's are the same sequence. */
    memset(fields, 0, sizeof *fields);
    const char *end = value + length;
    const char *p = skip_byte(skip_space(value, end), end);
    const char *key;
    json_t *member;
    json_object_foreach(object, key, member)
    {
        p = skip_space(skip_string(skip_space(p, end), end), end);
        p = skip_space(skip_byte(p, end), end); /* the colon */
        int which = lfrec_field_named(key, strlen(key));
        if (which != LFREC_FIELD_COUNT) {
            char *storage = which == LFREC_FIELD_USER ? user : which == LFREC_FIELD_ITEM ? item : NULL;
            take(member, p, end, storage, &fields->of[which]);
            fields->of[which].at = (size_t)(p - value);
        }
        p = skip_byte(skip_space(skip_value(p, end), end), end); /* the comma or the closing bracket */
    }
    json_decref(object);
    return LFREC_BAD_NOTHING;
}
