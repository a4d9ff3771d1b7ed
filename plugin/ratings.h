/* ratings.h - the ratings store: ids <-> dense indices, and every user's history. It knows no bytes of a message, no model, no Kafka.
 *
 * An index is a uint32_t below the number of slots. A user's slot is freed when the user leaves and taken again by a later user.
 * An item keeps its index for the life of the store, also when its last rating goes: models and published lists name items by index.
 * Indices are a function of the calls alone: equal calls give equal indices.
 *
 * A user may have no ratings: such a user is waiting to be told goodbye and is left out of every copy for training.
 * A user belongs to the partition of its latest put.
 *
 * Histories are sorted by item index, without repeats. Nothing here is thread-safe. Pointers handed out are valid until the next
 * call that takes a store that is not const. When memory runs out a call says so, and the store is as it was before. */
#ifndef LFREC_RATINGS_H
#define LFREC_RATINGS_H

#include "../lfrec.h" /* for its plain data: lfrec_history */
#include "event.h"

#define LFREC_NO_INDEX UINT32_MAX /* "no such user", "no such item" */

typedef struct lfrec_store lfrec_store; /* opaque */

/* Where a (user, item) pair is or would stand. Made by seek; valid for one put or take, until anything else changes the store. */
typedef struct lfrec_place {
    lfrec_id user_id, item_id;     /* borrowed from the caller of seek */
    unsigned user_hash, item_hash; /* private: what seek computed, so that put need not */
    uint32_t user, item;           /* LFREC_NO_INDEX: unknown so far; put fills them in */
    uint32_t position;             /* of the item in the user's history */
    bool rated;                    /* the pair has a rating */
    float value;                   /* that rating */
} lfrec_place;

lfrec_store *lfrec_store_open(void);        /* NULL: no memory */
void lfrec_store_close(lfrec_store *store); /* NULL is allowed */

/* Looks the pair up; changes nothing. Ids must not be empty or longer than LFREC_ID_MAX (the caller has checked). */
lfrec_place lfrec_store_seek(const lfrec_store *store, lfrec_id user, lfrec_id item);
/* Sets the rating of a place, adding user and item where they are new. false: no memory, nothing changed. O(n) for a history of n: one
 * block move. value is finite. */
bool lfrec_store_put(lfrec_store *store, lfrec_place *place, float value, int32_t partition);
/* Takes the rating of a place with place->rated back. The user stays, possibly without ratings. */
void lfrec_store_take(lfrec_store *store, const lfrec_place *place);

/* The user's index, added without ratings when unknown. false: no memory, nothing changed. */
bool lfrec_store_add_user(lfrec_store *store, lfrec_id id, int32_t partition, uint32_t *index);
/* Takes all ratings of a user back; the user stays. */
void lfrec_store_clear_user(lfrec_store *store, uint32_t index);
/* The user leaves, ratings and all, and the slot is free. */
void lfrec_store_remove_user(lfrec_store *store, uint32_t index);
/* The item's index, added without ratings when unknown (a restored state brings its items in their order). false: no memory. */
bool lfrec_store_add_item(lfrec_store *store, lfrec_id id, uint32_t *index);

uint32_t lfrec_store_find_user(const lfrec_store *store, lfrec_id id); /* LFREC_NO_INDEX: unknown */
uint32_t lfrec_store_find_item(const lfrec_store *store, lfrec_id id); /* LFREC_NO_INDEX: unknown */

/* Slots bound every user index; some are free. Visit all users with: for u below slots, if has_user(u). */
uint32_t lfrec_store_user_slots(const lfrec_store *store);
bool lfrec_store_has_user(const lfrec_store *store, uint32_t user);
uint32_t lfrec_store_items(const lfrec_store *store);       /* item indices are 0 .. items - 1 */
uint32_t lfrec_store_rated_users(const lfrec_store *store); /* users with at least one rating */
uint64_t lfrec_store_ratings(const lfrec_store *store);

/* Of a user or item that is there. The id's bytes are NUL-terminated besides. */
lfrec_id lfrec_store_user_id(const lfrec_store *store, uint32_t user);
lfrec_id lfrec_store_item_id(const lfrec_store *store, uint32_t item);
lfrec_history lfrec_store_history(const lfrec_store *store, uint32_t user);
int32_t lfrec_store_partition(const lfrec_store *store, uint32_t user);

/* Copies all ratings for training into the caller's arrays: row_start has rated_users + 1 entries, item and value have `ratings`. Users in
 * slot order, those without ratings left out, so numbered anew; items keep their indices. */
void lfrec_store_copy(const lfrec_store *store, size_t *row_start, uint32_t *item, float *value);

#endif
