/* fields.h - the four fields of a rating event as its reader found them, before anybody judged them. The three readers (json_scan,
 * json_read, csv) only find; lfrec_fields_judge alone decides what is an event, so that all formats obey one set of rules. */
#ifndef LFREC_FIELDS_H
#define LFREC_FIELDS_H

#include "codec.h"

typedef enum lfrec_field_kind {
    LFREC_FIELD_ABSENT,
    LFREC_FIELD_STRING,
    LFREC_FIELD_NUMBER, /* bytes are its text, unread; from CSV it may be anything */
    LFREC_FIELD_NULL,
    LFREC_FIELD_BOOLEAN,
    LFREC_FIELD_ARRAY,
    LFREC_FIELD_OBJECT
} lfrec_field_kind;

typedef struct lfrec_field {
    lfrec_field_kind kind;
    const char *bytes; /* strings: decoded, valid UTF-8; may hold only the first LFREC_ID_MAX bytes of a longer one */
    size_t length;     /* the whole length */
    size_t at;         /* where the field begins in the value, in bytes from 0 */
} lfrec_field;

enum { LFREC_FIELD_USER, LFREC_FIELD_ITEM, LFREC_FIELD_RATING, LFREC_FIELD_TS, LFREC_FIELD_COUNT };

typedef struct lfrec_fields {
    lfrec_field of[LFREC_FIELD_COUNT];
} lfrec_fields;

/* Which of the four a JSON key names; LFREC_FIELD_COUNT for any other key. */
int lfrec_field_named(const char *key, size_t length);

/* LFREC_BAD_NOTHING and *event, or the reason with its text. */
lfrec_bad lfrec_fields_judge(const lfrec_fields *fields, float scale_min, float scale_max, lfrec_event *event,
                             char text[LFREC_BAD_TEXT_MAX]);

/* What holds for any id. `name` is for the text. */
lfrec_bad lfrec_id_judge(const char *name, const char *bytes, size_t length, char text[LFREC_BAD_TEXT_MAX]);

/* Writes the text of a reason, printf-like but with nothing in it that could hurt a log line or a header (control characters become
 * '?', it is cut between characters), and returns `bad`. */
lfrec_bad lfrec_complain(char text[LFREC_BAD_TEXT_MAX], lfrec_bad bad, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
