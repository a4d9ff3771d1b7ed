/* published.h - what the output topic says is published: each user's newest list, as its fingerprint and its model's version. No Kafka.
 *
 * Users are known by 64 bits of their ids, so that one costs 24 to 72 bytes: that one of five million is taken for another, and gets a list
 * twice or late, is one chance in a million. */
#ifndef LFREC_PUBLISHED_H
#define LFREC_PUBLISHED_H

#include "event.h"

typedef struct lfrec_published lfrec_published; /* opaque */

typedef struct lfrec_published_list {
    uint64_t fingerprint; /* fingerprint.h; 0: no list, but a goodbye, or nothing of ours, or nothing is known */
    uint64_t model;
} lfrec_published_list;

lfrec_published *lfrec_published_open(void);      /* NULL: no memory */
void lfrec_published_close(lfrec_published *all); /* NULL is allowed */

/* One message of the output topic, in the order of its partition; value NULL: a null value. false: no memory. */
bool lfrec_published_take(lfrec_published *all, const void *key, size_t key_length, const void *value, size_t length);
/* NULL is allowed: nothing is known. */
lfrec_published_list lfrec_published_of(const lfrec_published *all, lfrec_id user);
size_t lfrec_published_users(const lfrec_published *all);

#endif
