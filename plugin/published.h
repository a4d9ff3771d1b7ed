/* published.h - what the output topic says is published: each user's newest list, as its fingerprint and its model's version. No Kafka. */
#ifndef LFREC_PUBLISHED_H
#define LFREC_PUBLISHED_H

#include "event.h"

typedef struct lfrec_published lfrec_published; /* opaque */

typedef struct lfrec_published_list {
    lfrec_id user;
    uint64_t fingerprint; /* fingerprint.h; 0: no list, but a goodbye, or nothing of ours */
    uint64_t model;
} lfrec_published_list;

lfrec_published *lfrec_published_open(void);      /* NULL: no memory */
void lfrec_published_close(lfrec_published *all); /* NULL is allowed */

/* One message of the output topic, in the order of its partition; value NULL: a null value. false: no memory. */
bool lfrec_published_take(lfrec_published *all, const void *key, size_t key_length, const void *value, size_t length);
/* 0: none is known. NULL is allowed. */
uint64_t lfrec_published_fingerprint(const lfrec_published *all, lfrec_id user);
void lfrec_published_each(const lfrec_published *all, void (*each)(void *context, const lfrec_published_list *list),
                          void *context);

#endif
