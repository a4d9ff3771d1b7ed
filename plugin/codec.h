/* codec.h - bytes <-> rating event, recommendation. Knows no model and no Kafka, keeps no state, touches no locale: any number of
 * threads may use it at once.
 *
 * An event's value is one of
 *   JSON   {"user":"u1","item":"i9","rating":4.5,"ts":1690000000}   fields in any order; unknown fields are ignored
 *   CSV    u1,i9,4.5,1690000000                                     user,item,rating[,ts]; RFC 4180 quoting; one line end allowed
 * and its meaning is
 *   rating a number          LFREC_EVENT_RATE; the rating must be finite and on the scale
 *   rating null, CSV empty   LFREC_EVENT_RETRACT; in JSON the field must be there: a forgotten one is an error, not a retraction
 *   value NULL (tombstone)   LFREC_EVENT_FORGET for the user whose id is the key, byte for byte
 * The user in the value decides; the key is looked at for tombstones only. Ids are strings; a JSON integer is taken digit by digit
 * (9007199254740993 stays that), any other number is refused. ts is optional (absent, null or empty), any number, kept in whole
 * seconds. The word null and an empty value are not tombstones but errors, each with its own reason.
 *
 * A plain flat JSON object is read by a scanner of a few dozen nanoseconds; whenever that has any doubt, jansson reads the value and
 * its verdict is the truth. */
#ifndef LFREC_CODEC_H
#define LFREC_CODEC_H

#include "buffer.h"
#include "event.h"
#include "format.h"

#define LFREC_VALUE_MAX 65536u  /* bytes; a longer value is refused unread */
#define LFREC_BAD_TEXT_MAX 256u /* bytes for a reason text, NUL included */

/* Why a value is no event. Numbers may change with versions; the names of lfrec_bad_name are stable (metrics, dead-letter headers). */
typedef enum lfrec_bad {
    LFREC_BAD_NOTHING = 0,   /* it is an event */
    LFREC_BAD_EMPTY_VALUE,   /* zero bytes; not a tombstone */
    LFREC_BAD_TEXT_NULL,     /* the four letters null; not a tombstone */
    LFREC_BAD_FRAMING,       /* 0x00 and a schema id in front (schema-registry serializers) */
    LFREC_BAD_TOO_LARGE,     /* more than LFREC_VALUE_MAX bytes */
    LFREC_BAD_NOT_UTF8,      /* value or key */
    LFREC_BAD_SYNTAX,        /* neither JSON nor CSV */
    LFREC_BAD_TRAILING_DATA, /* something after the event, a second event for example */
    LFREC_BAD_NOT_OBJECT,    /* JSON, but an array or a single value */
    LFREC_BAD_NESTING,       /* nested deeper than anybody needs */
    LFREC_BAD_DUPLICATE,     /* the same field twice */
    LFREC_BAD_MISSING_FIELD, /* user, item or rating is not there */
    LFREC_BAD_TYPE,          /* a field has the wrong type */
    LFREC_BAD_EMPTY_ID,      /* user, item or key is empty, or a tombstone has no key */
    LFREC_BAD_LONG_ID,       /* more than LFREC_ID_MAX bytes */
    LFREC_BAD_NUL_ID,        /* a NUL in an id */
    LFREC_BAD_NUMBER,        /* rating or ts is not a number, or too large for one */
    LFREC_BAD_OFF_SCALE,     /* the rating is not within the scale */
    LFREC_BAD_NO_MEMORY,     /* nothing is known about the value */
    LFREC_BAD_COUNT
} lfrec_bad;

/* A short stable lower_case name, "off_scale" for example; "unknown" for a number that is none of them. */
const char *lfrec_bad_name(lfrec_bad bad);

typedef struct lfrec_codec {
    lfrec_format format;
    float scale_min; /* lowest legal rating */
    float scale_max; /* highest legal rating */
} lfrec_codec;

/* The event's ids point into the value, the key, or (ids with escapes) into the two buffers here: the struct must stay where it is
 * and value and key must live as long as the event is looked at. */
typedef struct lfrec_decoded {
    lfrec_event event;
    char user[LFREC_ID_MAX];
    char item[LFREC_ID_MAX];
} lfrec_decoded;

/* One message. value NULL: a tombstone (value_length is not looked at); key NULL: no key. LFREC_BAD_NOTHING and *out, or the reason,
 * with a text that says what and where: one line, valid UTF-8, NUL-terminated, no control characters, and *out is undefined. */
lfrec_bad lfrec_decode(const lfrec_codec *codec, const void *key, size_t key_length, const void *value,
                       size_t value_length, lfrec_decoded *out, char text[LFREC_BAD_TEXT_MAX]);

typedef enum lfrec_encoded {
    LFREC_ENCODED,      /* appended to the buffer */
    LFREC_ENCODED_NULL, /* a true null value (tombstone): nothing appended; the user forgotten, LFREC_EVENT_FORGET */
    LFREC_ENCODE_NO_MEMORY,  /* buffer as before */
    LFREC_ENCODE_NOT_FINITE, /* a NaN or an infinity in it: buffer as before */
    LFREC_ENCODE_BAD_ID      /* an id that is empty or not UTF-8: buffer as before */
} lfrec_encoded;

/* Appends one line of JSON without a line end:
 *   {"user":"u1","model":3,"rated":12,"items":[{"item":"i9","score":3.87,"reasons":[{"item":"i2","rating":5,"share":0.31}]}]}
 * Scores and shares are rounded to 4 significant digits, ratings are written so that they read back the same. "reasons" is there when
 * reasons is not NULL. */
lfrec_encoded lfrec_encode_recommendation(const lfrec_recommendation *recommendation, lfrec_buffer *buffer);

/* Appends an event as lfrec_decode reads it, JSON, for producers. */
lfrec_encoded lfrec_encode_event(const lfrec_event *event, lfrec_buffer *buffer);

#endif
