#include "published.h"
#include "fingerprint.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* uthash reports a failed allocation by running this where the element was to be added; `added` is a local of that function. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) (added = false)
#include <uthash.h>

typedef struct entry {
    UT_hash_handle hh;
    uint64_t fingerprint, model;
    char id[]; /* hh.keylen bytes */
} entry;

struct lfrec_published {
    entry *entries;
};

lfrec_published *lfrec_published_open(void)
{
    return calloc(1, sizeof(lfrec_published));
}

void lfrec_published_close(lfrec_published *all)
{
    entry *e = all ? all->entries : NULL;
    if (e) {
        HASH_CLEAR(hh, all->entries); /* the table; the entries keep their links */
    }
    while (e) {
        entry *next = e->hh.next;
        free(e);
        e = next;
    }
    free(all);
}

/* NULL: no memory. */
static entry *entry_of(lfrec_published *all, const void *key, size_t length)
{
    entry *e;
    HASH_FIND(hh, all->entries, key, length, e);
    if (e) {
        return e;
    }
    e = calloc(1, sizeof *e + length);
    if (!e) {
        return NULL;
    }
    memcpy(e->id, key, length);
    bool added = true;
    HASH_ADD_KEYPTR(hh, all->entries, e->id, length, e);
    if (!added) {
        free(e);
        return NULL;
    }
    return e;
}

/* What encode.c wrote; of anything else the fingerprint is 0. */
static void read_list(const void *value, size_t length, entry *e)
{
    json_error_t error;
    json_t *list = json_loadb(value, length, JSON_DECODE_INT_AS_REAL, &error);
    const json_t *items = json_object_get(list, "items"), *item;
    uint64_t fingerprint = json_is_array(items) ? LFREC_FINGERPRINT_EMPTY : 0;
    size_t i;
    json_array_foreach(items, i, item)
    {
        const json_t *id = json_object_get(item, "item"), *score = json_object_get(item, "score");
        if (!json_is_string(id) || !json_is_number(score)) {
            fingerprint = 0;
            break;
        }
        fingerprint = lfrec_fingerprint_add(fingerprint, (lfrec_id){json_string_value(id), json_string_length(id)},
                                            json_number_value(score));
    }
    double model = json_number_value(json_object_get(list, "model")); /* versions are far below 2^53 */
    e->fingerprint = fingerprint;
    e->model = model > 0 && model < 9e15 ? (uint64_t)model : 0;
    json_decref(list);
}

bool lfrec_published_take(lfrec_published *all, const void *key, size_t key_length, const void *value, size_t length)
{
    if (!key || key_length == 0) {
        return true;
    }
    entry *e = entry_of(all, key, key_length);
    if (e && value) {
        read_list(value, length, e);
    } else if (e) {
        e->fingerprint = e->model = 0;
    }
    return e;
}

uint64_t lfrec_published_fingerprint(const lfrec_published *all, lfrec_id user)
{
    entry *e = NULL;
    if (all) {
        HASH_FIND(hh, all->entries, user.bytes, user.length, e);
    }
    return e ? e->fingerprint : 0;
}

void lfrec_published_each(const lfrec_published *all, void (*each)(void *context, const lfrec_published_list *list),
                          void *context)
{
    for (const entry *e = all->entries; e; e = e->hh.next) {
        const lfrec_published_list list = {{e->id, e->hh.keylen}, e->fingerprint, e->model};
        each(context, &list);
    }
}
