/* ratings_store.h - ratings that arrive one by one, kept sorted as lfrec_ratings wants them, in a fixed amount of memory. */
#ifndef RATINGS_STORE_H
#define RATINGS_STORE_H

#include "../../lfrec.h"

enum { STORE_USERS = 16, STORE_ITEMS = 64, STORE_RATINGS = 240, STORE_LONGEST = 24 };

typedef struct ratings_store {
    size_t row_start[STORE_USERS + 1];
    uint32_t item[STORE_RATINGS];
    float value[STORE_RATINGS];
} ratings_store;

/* The store as lfrec sees it: the arrays are the store's. */
lfrec_ratings ratings_store_view(const ratings_store *store);
/* Adds a rating or replaces the user's older one of the item, O(ratings). LFREC_ERROR_RANGE; LFREC_ERROR_MEMORY when there is room for
 * no more, or for no more of this user. */
lfrec_status ratings_store_add(ratings_store *store, lfrec_rating rating);

#endif
