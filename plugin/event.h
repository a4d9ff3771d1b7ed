/* event.h - what flows through the stream, as plain data: a rating event in, a recommendation out.
 *
 * Ids are byte strings with a length: any valid UTF-8 of 1..LFREC_ID_MAX bytes, NUL excluded. Pointers are borrowed from whoever
 * hands the struct over and are valid for the duration of that call only. */
#ifndef LFREC_EVENT_H
#define LFREC_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LFREC_ID_MAX 512u /* bytes; longer ids are refused by the codec */

typedef struct lfrec_id {
    const char *bytes; /* not NUL-terminated */
    size_t length;
} lfrec_id;

typedef enum lfrec_event_kind {
    LFREC_EVENT_RATE,    /* user, item, rating: the last one for (user, item) wins */
    LFREC_EVENT_RETRACT, /* user, item: the rating is taken back */
    LFREC_EVENT_FORGET   /* user: all of the user's ratings go (a tombstone on the ratings topic) */
} lfrec_event_kind;

typedef struct lfrec_event {
    lfrec_event_kind kind;
    lfrec_id user;
    lfrec_id item;      /* empty for LFREC_EVENT_FORGET */
    float rating;       /* LFREC_EVENT_RATE only; finite and on the scale */
    bool has_timestamp; /* the timestamp is carried, never trusted for order */
    int64_t timestamp;  /* seconds since 1970, as the producer wrote it */
} lfrec_event;

/* One rated item's share in a score; shares of all rated items and the baseline add up to it exactly (before clamping). */
typedef struct lfrec_reason_out {
    lfrec_id item;
    float rating; /* what the user gave it */
    float share;  /* its part of the score, in rating units, signed */
} lfrec_reason_out;

typedef struct lfrec_recommended {
    lfrec_id item;
    float score;                     /* predicted rating, on the scale */
    const lfrec_reason_out *reasons; /* strongest first; NULL when not asked for */
    size_t reason_count;
} lfrec_recommended;

typedef struct lfrec_recommendation {
    lfrec_id user;
    uint32_t slot;          /* the operator's number for the user; a later user may get it once this one is gone */
    int32_t partition;      /* where the user's latest event came from */
    bool forgotten;         /* the user is gone: published as a null value, and the rest is empty */
    uint64_t model_version; /* 0: means only, before the first training; then 1, 2, ... */
    size_t rated;           /* how many ratings of the user it rests on */
    const lfrec_recommended *items; /* best first */
    size_t count;
} lfrec_recommendation;

#endif
