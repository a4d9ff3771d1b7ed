#include "log_line.h"
#include "utf8.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    END_ROOM = 4 /* kept for what closes a line: a quote, a brace, a line end */
};

/* A line under construction. What does not fit is left out, whole characters and whole fields at a time. */
struct line {
    char *bytes;
    size_t length;
};

static size_t room(const struct line *l)
{
    return l->length < LFREC_LOG_LINE_MAX - END_ROOM ? LFREC_LOG_LINE_MAX - END_ROOM - l->length : 0;
}

static bool put(struct line *l, const char *bytes, size_t length)
{
    if (length > room(l)) {
        return false;
    }
    memcpy(l->bytes + l->length, bytes, length);
    l->length += length;
    return true;
}

static bool put_text(struct line *l, const char *text)
{
    return put(l, text, strlen(text));
}

/* Closing characters have room always. */
static void end(struct line *l, char c)
{
    l->bytes[l->length++] = c;
}

static const char *level_name(int level)
{
    return level <= LFREC_LOG_ERROR     ? "error"
           : level <= LFREC_LOG_WARNING ? "warning"
           : level <= LFREC_LOG_INFO    ? "info"
                                        : "debug";
}

/* One character that may not stand for itself, escaped: as \xNN in plain text, as JSON has it else. */
static size_t escaped(unsigned char c, bool json, char out[8])
{
    static const char hex[] = "0123456789abcdef";
    char letter = c == '\n'                         ? 'n'
                  : c == '\r'                       ? 'r'
                  : c == '\t'                       ? 't'
                  : json && (c == '"' || c == '\\') ? (char)c
                                                    : '\0';
    if (letter) {
        memcpy(out, (char[]){'\\', letter}, 2);
        return 2;
    }
    if (json) {
        memcpy(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        return 6;
    }
    memcpy(out, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
    return 4;
}

/* Bytes that are no UTF-8 stay in plain text; in JSON each is a replacement character. */
static void put_escaped(struct line *l, const char *text, bool json)
{
    size_t left = strlen(text);
    size_t valid = json ? lfrec_utf8_valid_prefix(text, left) : left;
    while (left > 0) {
        unsigned char c = (unsigned char)*text;
        char out[8];
        size_t length = 1, taken = 1;
        if (valid == 0) {
            memcpy(out, (char[]){'\xEF', '\xBF', '\xBD'}, 3);
            length = 3;
        } else if (c < 0x20 || c == 0x7f || (json && (c == '"' || c == '\\'))) {
            length = escaped(c, json, out);
        } else if (json && c >= 0xC0) {
            length = taken = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
            memcpy(out, text, taken);
        } else {
            out[0] = (char)c;
        }
        if (!put(l, out, length)) {
            return;
        }
        text += taken;
        left -= taken;
        valid = valid > 0 ? valid - taken : 0;
        if (json && valid == 0) {
            valid = lfrec_utf8_valid_prefix(text, left);
        }
    }
}

static void put_quoted(struct line *l, const char *text)
{
    if (room(l) < 2) {
        return;
    }
    put_text(l, "\"");
    put_escaped(l, text, true);
    end(l, '"');
}

/* logfmt needs quotes only around what a reader could take for something else. */
static void put_word(struct line *l, const char *text)
{
    bool plain = *text != '\0';
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        plain = plain && *p > ' ' && *p < 0x7f && *p != '"' && *p != '=' && *p != '\\';
    }
    if (!plain) {
        put_quoted(l, text);
    } else {
        put_text(l, text);
    }
}

static void put_value(struct line *l, lfrec_log_format format, const lfrec_log_field *field)
{
    char number[32];
    switch (field->kind) {
    case LFREC_LOG_IS_TEXT:
        if (format == LFREC_LOG_JSON) {
            put_quoted(l, field->text);
        } else {
            put_word(l, field->text);
        }
        return;
    case LFREC_LOG_IS_INTEGER: snprintf(number, sizeof number, "%" PRId64, field->integer); break;
    case LFREC_LOG_IS_REAL:
        snprintf(number, sizeof number, isfinite(field->real) ? "%.6g" : "null", field->real);
        break;
    }
    put_text(l, number);
}

/* ,"name": or ` name=`; false: no room for a field of this name with a value of some length. */
static bool put_name(struct line *l, lfrec_log_format format, const char *name)
{
    if (room(l) < strlen(name) + 64) {
        return false;
    }
    put_text(l, format == LFREC_LOG_JSON ? ",\"" : " ");
    put_text(l, name);
    put_text(l, format == LFREC_LOG_JSON ? "\":" : "=");
    return true;
}

static void put_field(struct line *l, lfrec_log_format format, const lfrec_log_field *field)
{
    if (put_name(l, format, field->name)) {
        put_value(l, format, field);
    }
}

/* 2026-11-25T12:57:46.332Z */
static void write_time(int64_t milliseconds, char out[40])
{
    time_t seconds = (time_t)(milliseconds / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t length = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + length, 40 - length, ".%03dZ", (int)(milliseconds % 1000));
}

static void write_text(struct line *l, const lfrec_log_record *r, const char *time)
{
    put_text(l, time);
    put_text(l, " ");
    put_text(l, level_name(r->level));
    put_text(l, " ");
    put_escaped(l, r->text, false);
    if (r->hidden > 0) {
        char more[64];
        snprintf(more, sizeof more, " (and %" PRIu64 " more like this)", r->hidden);
        put_text(l, more);
    }
}

static void write_fields(struct line *l, lfrec_log_format format, const lfrec_log_record *r)
{
    for (size_t i = 0; i < r->field_count; i++) {
        put_field(l, format, &r->fields[i]);
    }
    if (r->hidden > 0) {
        const lfrec_log_field more = LFREC_LOG_INTEGER("more_like_this", (int64_t)r->hidden);
        put_field(l, format, &more);
    }
}

// NOLINTNEXTLINE(readability-non-const-parameter): l writes to line
size_t lfrec_log_line(lfrec_log_format format, const lfrec_log_record *r, char line[LFREC_LOG_LINE_MAX])
{
    struct line l = {line, 0};
    char time[40];
    write_time(r->milliseconds, time);
    switch (format) {
    case LFREC_LOG_TEXT: write_text(&l, r, time); break;
    case LFREC_LOG_LOGFMT:
        put_text(&l, "time=");
        put_text(&l, time);
        put_text(&l, " level=");
        put_text(&l, level_name(r->level));
        put_text(&l, " msg=");
        put_word(&l, r->text);
        write_fields(&l, format, r);
        break;
    case LFREC_LOG_JSON:
        put_text(&l, "{\"time\":\"");
        put_text(&l, time);
        put_text(&l, "\",\"level\":\"");
        put_text(&l, level_name(r->level));
        put_text(&l, "\",\"msg\":");
        put_quoted(&l, r->text);
        write_fields(&l, format, r);
        end(&l, '}');
        break;
    }
    end(&l, '\n');
    return l.length;
}
