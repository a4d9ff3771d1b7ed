/* ratings.c - the ratings store. Users and items are blocks of their own (uthash needs fixed addresses), found by id through a hash
 * table and by index through an array of pointers. */
#include "ratings.h"

#include <stdlib.h>
#include <string.h>

/* uthash reports a failed allocation by running this where the element was to be added; `added` is a local of that function. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) (added = false)
#include <uthash.h>

struct user_slot {
    UT_hash_handle hh;
    uint32_t *items; /* one block: room items, then room values; NULL while room is 0 */
    float *values;   /* inside that block */
    uint32_t count, room;
    uint32_t index;
    int32_t partition;
    uint32_t id_length;
    char id[]; /* id_length bytes and a NUL */
};

struct item_slot {
    UT_hash_handle hh;
    uint32_t index;
    uint32_t id_length;
    char id[]; /* id_length bytes and a NUL */
};

struct lfrec_store {
    struct user_slot *user_table; /* uthash heads; NULL while empty */
    struct item_slot *item_table;
    struct user_slot **users; /* user_room; NULL in a free slot */
    struct item_slot **items; /* item_room, of which item_count are there */
    uint32_t *free_slots;     /* user_room, a stack: there is room for every slot, so that freeing one cannot fail */
    uint32_t user_slots, user_room, free_count;
    uint32_t item_count, item_room;
    uint32_t rated_users;
    uint64_t ratings;
};

#define FIRST_ROOM 8u /* of every array that grows */

/* The next room of a full array; the same room again when indices are used up. */
static uint32_t larger_room(uint32_t room)
{
    if (room == 0) {
        return FIRST_ROOM;
    }
    return room <= LFREC_NO_INDEX / 2 ? room * 2 : LFREC_NO_INDEX;
}

static void *resized(void *block, uint32_t room, size_t size)
{
    return room <= SIZE_MAX / size ? realloc(block, room * size) : NULL;
}

lfrec_store *lfrec_store_open(void)
{
    return calloc(1, sizeof(lfrec_store));
}

void lfrec_store_close(lfrec_store *store)
{
    if (!store) {
        return;
    }
    HASH_CLEAR(hh, store->user_table);
    HASH_CLEAR(hh, store->item_table);
    for (uint32_t u = 0; u < store->user_slots; ++u) {
        if (store->users[u]) {
            free(store->users[u]->items);
            free(store->users[u]);
        }
    }
    for (uint32_t i = 0; i < store->item_count; ++i) {
        free(store->items[i]);
    }
    free(store->users);
    free(store->items);
    free(store->free_slots);
    free(store);
}

/* ---- looking up ---- */

static unsigned hash_of(lfrec_id id)
{
    unsigned hash;
    HASH_VALUE(id.bytes, id.length, hash);
    return hash;
}

static struct user_slot *find_user(const lfrec_store *store, lfrec_id id, unsigned hash)
{
    struct user_slot *user;
    HASH_FIND_BYHASHVALUE(hh, store->user_table, id.bytes, id.length, hash, user);
    return user;
}

static struct item_slot *find_item(const lfrec_store *store, lfrec_id id, unsigned hash)
{
    struct item_slot *item;
    HASH_FIND_BYHASHVALUE(hh, store->item_table, id.bytes, id.length, hash, item);
    return item;
}

/* The first place in a history whose item is not below `item`. */
static uint32_t lower_bound(const struct user_slot *user, uint32_t item)
{
    uint32_t first = 0, length = user->count;
    while (length > 0) {
        uint32_t half = length / 2;
        bool below = user->items[first + half] < item;
        first = below ? first + half + 1 : first;
        length = below ? length - half - 1 : half;
    }
    return first;
}

lfrec_place lfrec_store_seek(const lfrec_store *store, lfrec_id user_id, lfrec_id item_id)
{
    lfrec_place place = {.user_id = user_id,
                         .item_id = item_id,
                         .user_hash = hash_of(user_id),
                         .item_hash = hash_of(item_id),
                         .user = LFREC_NO_INDEX,
                         .item = LFREC_NO_INDEX};
    const struct user_slot *user = find_user(store, user_id, place.user_hash);
    const struct item_slot *item = find_item(store, item_id, place.item_hash);
    if (item) {
        place.item = item->index;
    }
    if (user) {
        place.user = user->index;
        /* A new item gets the highest index, so it stands last. */
        place.position = item ? lower_bound(user, item->index) : user->count;
        if (item && place.position < user->count && user->items[place.position] == item->index) {
            place.rated = true;
            place.value = user->values[place.position];
        }
    }
    return place;
}

uint32_t lfrec_store_find_user(const lfrec_store *store, lfrec_id id)
{
    const struct user_slot *user = find_user(store, id, hash_of(id));
    return user ? user->index : LFREC_NO_INDEX;
}

uint32_t lfrec_store_find_item(const lfrec_store *store, lfrec_id id)
{
    const struct item_slot *item = find_item(store, id, hash_of(id));
    return item ? item->index : LFREC_NO_INDEX;
}

/* ---- users and items come and go ---- */

/* NULL: no memory, nothing changed (but perhaps larger arrays). */
static struct user_slot *add_user(lfrec_store *store, lfrec_id id, unsigned hash, int32_t partition)
{
    if (store->free_count == 0 && store->user_slots == store->user_room) {
        uint32_t room = larger_room(store->user_room);
        if (room == store->user_room) {
            return NULL;
        }
        struct user_slot **users = resized(store->users, room, sizeof(struct user_slot *));
        if (!users) {
            return NULL;
        }
        store->users = users;
        uint32_t *free_slots = resized(store->free_slots, room, sizeof *free_slots);
        if (!free_slots) {
            return NULL;
        }
        store->free_slots = free_slots;
        store->user_room = room;
    }
    struct user_slot *user = malloc(sizeof *user + id.length + 1);
    if (!user) {
        return NULL;
    }
    *user = (struct user_slot){.partition = partition, .id_length = (uint32_t)id.length};
    memcpy(user->id, id.bytes, id.length);
    user->id[id.length] = '\0';
    bool added = true;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, store->user_table, user->id, id.length, hash, user);
    if (!added) {
        free(user);
        return NULL;
    }
    user->index = store->free_count > 0 ? store->free_slots[--store->free_count] : store->user_slots++;
    store->users[user->index] = user;
    return user;
}

static void remove_user(lfrec_store *store, struct user_slot *user)
{
    HASH_DELETE(hh, store->user_table, user);
    store->users[user->index] = NULL;
    store->free_slots[store->free_count++] = user->index;
    free(user->items);
    free(user);
}

static struct item_slot *add_item(lfrec_store *store, lfrec_id id, unsigned hash)
{
    if (store->item_count == store->item_room) {
        uint32_t room = larger_room(store->item_room);
        if (room == store->item_room) {
            return NULL;
        }
        struct item_slot **items = resized(store->items, room, sizeof(struct item_slot *));
        if (!items) {
            return NULL;
        }
        store->items = items;
        store->item_room = room;
    }
    struct item_slot *item = malloc(sizeof *item + id.length + 1);
    if (!item) {
        return NULL;
    }
    *item = (struct item_slot){.index = store->item_count, .id_length = (uint32_t)id.length};
    memcpy(item->id, id.bytes, id.length);
    item->id[id.length] = '\0';
    bool added = true;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, store->item_table, item->id, id.length, hash, item);
    if (!added) {
        free(item);
        return NULL;
    }
    store->items[store->item_count++] = item;
    return item;
}

/* Room for one rating more. */
static bool make_room(struct user_slot *user)
{
    if (user->count < user->room) {
        return true;
    }
    uint32_t room = larger_room(user->room);
    uint32_t *items = room > user->room ? resized(NULL, room, sizeof *items + sizeof *user->values) : NULL;
    if (!items) {
        return false;
    }
    float *values = (float *)(items + room);
    if (user->count > 0) {
        memcpy(items, user->items, user->count * sizeof *items);
        memcpy(values, user->values, user->count * sizeof *values);
    }
    free(user->items);
    user->items = items;
    user->values = values;
    user->room = room;
    return true;
}

bool lfrec_store_put(lfrec_store *store, lfrec_place *place, float value, int32_t partition)
{
    bool new_user = place->user == LFREC_NO_INDEX;
    struct user_slot *user =
        new_user ? add_user(store, place->user_id, place->user_hash, partition) : store->users[place->user];
    if (!user) {
        return false;
    }
    if (!place->rated) {
        bool room = make_room(user);
        if (room && place->item == LFREC_NO_INDEX) {
            /* The last thing that can fail, so that a new item never has to be taken back. */
            const struct item_slot *item = add_item(store, place->item_id, place->item_hash);
            room = item != NULL;
            place->item = item ? item->index : LFREC_NO_INDEX;
        }
        if (!room) {
            if (new_user) {
                remove_user(store, user);
            }
            return false;
        }
        uint32_t behind = user->count - place->position;
        memmove(user->items + place->position + 1, user->items + place->position, behind * sizeof *user->items);
        memmove(user->values + place->position + 1, user->values + place->position, behind * sizeof *user->values);
        user->items[place->position] = place->item;
        store->rated_users += user->count == 0;
        ++user->count;
        ++store->ratings;
    }
    user->values[place->position] = value;
    user->partition = partition;
    place->user = user->index;
    place->rated = true;
    place->value = value;
    return true;
}

void lfrec_store_take(lfrec_store *store, const lfrec_place *place)
{
    struct user_slot *user = store->users[place->user];
    uint32_t behind = user->count - place->position - 1;
    memmove(user->items + place->position, user->items + place->position + 1, behind * sizeof *user->items);
    memmove(user->values + place->position, user->values + place->position + 1, behind * sizeof *user->values);
    --user->count;
    --store->ratings;
    store->rated_users -= user->count == 0;
}

bool lfrec_store_add_user(lfrec_store *store, lfrec_id id, int32_t partition, uint32_t *index)
{
    unsigned hash = hash_of(id);
    struct user_slot *user = find_user(store, id, hash);
    if (!user) {
        user = add_user(store, id, hash, partition);
    }
    if (!user) {
        return false;
    }
    *index = user->index;
    return true;
}

void lfrec_store_clear_user(lfrec_store *store, uint32_t index)
{
    struct user_slot *user = store->users[index];
    store->ratings -= user->count;
    store->rated_users -= user->count > 0;
    free(user->items);
    user->items = NULL;
    user->values = NULL;
    user->count = 0;
    user->room = 0;
}

void lfrec_store_remove_user(lfrec_store *store, uint32_t index)
{
    lfrec_store_clear_user(store, index);
    remove_user(store, store->users[index]);
}

bool lfrec_store_add_item(lfrec_store *store, lfrec_id id, uint32_t *index)
{
    unsigned hash = hash_of(id);
    const struct item_slot *item = find_item(store, id, hash);
    if (!item) {
        item = add_item(store, id, hash);
    }
    if (!item) {
        return false;
    }
    *index = item->index;
    return true;
}

/* ---- looking around ---- */

uint32_t lfrec_store_user_slots(const lfrec_store *store)
{
    return store->user_slots;
}

bool lfrec_store_has_user(const lfrec_store *store, uint32_t user)
{
    return user < store->user_slots && store->users[user];
}

uint32_t lfrec_store_items(const lfrec_store *store)
{
    return store->item_count;
}

uint32_t lfrec_store_rated_users(const lfrec_store *store)
{
    return store->rated_users;
}

uint64_t lfrec_store_ratings(const lfrec_store *store)
{
    return store->ratings;
}

lfrec_id lfrec_store_user_id(const lfrec_store *store, uint32_t user)
{
    return (lfrec_id){store->users[user]->id, store->users[user]->id_length};
}

lfrec_id lfrec_store_item_id(const lfrec_store *store, uint32_t item)
{
    return (lfrec_id){store->items[item]->id, store->items[item]->id_length};
}

lfrec_history lfrec_store_history(const lfrec_store *store, uint32_t user)
{
    const struct user_slot *slot = store->users[user];
    return (lfrec_history){slot->items, slot->values, slot->count};
}

int32_t lfrec_store_partition(const lfrec_store *store, uint32_t user)
{
    return store->users[user]->partition;
}

void lfrec_store_copy(const lfrec_store *store, size_t *row_start, uint32_t *item, float *value)
{
    size_t row = 0, filled = 0;
    row_start[0] = 0;
    for (uint32_t u = 0; u < store->user_slots; ++u) {
        const struct user_slot *user = store->users[u];
        if (user && user->count > 0) {
            memcpy(item + filled, user->items, user->count * sizeof *item);
            memcpy(value + filled, user->values, user->count * sizeof *value);
            filled += user->count;
            row_start[++row] = filled;
        }
    }
}
