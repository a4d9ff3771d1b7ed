#include "ratings_store.h"

lfrec_ratings ratings_store_view(const ratings_store *store)
{
    lfrec_ratings ratings = {0};
    ratings.users = STORE_USERS;
    ratings.items = STORE_ITEMS;
    ratings.row_start = store->row_start;
    ratings.item = store->item;
    ratings.value = store->value;
    return ratings;
}

lfrec_status ratings_store_add(ratings_store *store, lfrec_rating rating)
{
    if (rating.user >= STORE_USERS || rating.item >= STORE_ITEMS) return LFREC_ERROR_RANGE;
    const size_t end = store->row_start[rating.user + 1], all = store->row_start[STORE_USERS];
    size_t at = store->row_start[rating.user];
    while (at < end && store->item[at] < rating.item) at++;
    if (at == end || store->item[at] != rating.item) {
        if (all == STORE_RATINGS || end - store->row_start[rating.user] == STORE_LONGEST) return LFREC_ERROR_MEMORY;
        for (size_t k = all; k > at; k--) {
            store->item[k] = store->item[k - 1];
            store->value[k] = store->value[k - 1];
        }
        for (size_t user = rating.user + 1; user <= STORE_USERS; user++) store->row_start[user]++;
    }
    store->item[at] = rating.item;
    store->value[at] = rating.value;
    return LFREC_OK;
}
