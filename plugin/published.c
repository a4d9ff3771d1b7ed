#include "published.h"
#include "fingerprint.h"
#include "number.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    uint64_t user; /* 0: free */
    lfrec_published_list list;
} entry;

struct lfrec_published {
    entry *entries;     /* a user's is the first of the same user or free from its own place on */
    size_t room, users; /* room: a power of two */
};

/* ---- users ---- */

enum { FIRST_ROOM = 1024 };

static uint64_t name_of(const void *id, size_t length)
{
    const uint8_t *at = id;
    uint64_t name = length;
    for (size_t left = length; left > 0;) {
        uint8_t word[8] = {0};
        size_t some = left < sizeof word ? left : sizeof word;
        memcpy(word, at, some);
        name = (name ^ lfrec_get(word, 8)) * 0x9e3779b97f4a7c15u;
        name ^= name >> 32;
        at += some;
        left -= some;
    }
    name *= 0xff51afd7ed558ccdu;
    name ^= name >> 32;
    return name ? name : 1;
}

static entry *place_of(entry *entries, size_t room, uint64_t user)
{
    size_t at = user & (room - 1);
    while (entries[at].user != 0 && entries[at].user != user) {
        at = (at + 1) & (room - 1);
    }
    return &entries[at];
}

/* Kept two thirds full at most. false: no memory. */
static bool reserve(lfrec_published *all)
{
    if (3 * (all->users + 1) <= 2 * all->room) {
        return true;
    }
    size_t room = all->room ? 2 * all->room : FIRST_ROOM;
    entry *entries = calloc(room, sizeof *entries);
    if (!entries) {
        return false;
    }
    for (size_t i = 0; i < all->room; i++) {
        if (all->entries[i].user != 0) {
            *place_of(entries, room, all->entries[i].user) = all->entries[i];
        }
    }
    free(all->entries);
    all->entries = entries;
    all->room = room;
    return true;
}

lfrec_published *lfrec_published_open(void)
{
    return calloc(1, sizeof(lfrec_published));
}

void lfrec_published_close(lfrec_published *all)
{
    if (all) {
        free(all->entries);
        free(all);
    }
}

/* ---- lists ---- */

static uint64_t version_of(double number) /* versions are far below 2^53 */
{
    return number > 0 && number < 9e15 ? (uint64_t)number : 0;
}

/* Any JSON. Of what is no list of ours the fingerprint is 0. */
static lfrec_published_list read_json(const void *value, size_t length)
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
    lfrec_published_list found = {fingerprint, version_of(json_number_value(json_object_get(list, "model")))};
    json_decref(list);
    return found;
}

/* What is left of a value that is read byte for byte as encode.c writes it; NULL: it is not like that. */
typedef const char *reading;

static reading after(reading at, const char *end, const char *text)
{
    size_t length = strlen(text);
    return at && (size_t)(end - at) >= length && memcmp(at, text, length) == 0 ? at + length : NULL;
}

static reading after_string(reading at, const char *end, lfrec_id *id)
{
    at = after(at, end, "\"");
    const char *close = at ? memchr(at, '"', (size_t)(end - at)) : NULL;
    if (!close || memchr(at, '\\', (size_t)(close - at))) {
        return NULL;
    }
    *id = (lfrec_id){at, (size_t)(close - at)};
    return close + 1;
}

static reading after_number(reading at, const char *end, double *value)
{
    const char *begin = at;
    lfrec_number number;
    while (at && at < end && *at != ',' && *at != '}') {
        at++;
    }
    if (!at || lfrec_number_read(begin, (size_t)(at - begin), &number) != LFREC_NUMBER_READ) {
        return NULL;
    }
    *value = number.value;
    return at;
}

static reading after_reasons(reading at, const char *end)
{
    lfrec_id id;
    double number;
    reading empty = after(at, end, "]");
    if (empty) {
        return empty;
    }
    do {
        at = after_string(after(at, end, "{\"item\":"), end, &id);
        at = after_number(after(at, end, ",\"rating\":"), end, &number);
        at = after(after_number(after(at, end, ",\"share\":"), end, &number), end, "}");
    } while (at && at < end && *at == ',' && at++);
    return after(at, end, "]");
}

/* The quick way for nearly all lists: without escapes. false: read_json knows better. */
static bool read_ours(const char *value, size_t length, lfrec_published_list *found)
{
    const char *end = value + length;
    lfrec_id id = {0};
    double model = 0, number = 0;
    uint64_t fingerprint = LFREC_FINGERPRINT_EMPTY;
    reading at = after_string(after(value, end, "{\"user\":"), end, &id);
    at = after_number(after(at, end, ",\"model\":"), end, &model);
    at = after_number(after(at, end, ",\"rated\":"), end, &number);
    at = after(at, end, ",\"items\":[");
    if (at && at < end && *at != ']') {
        do {
            at = after_string(after(at, end, "{\"item\":"), end, &id);
            at = after_number(after(at, end, ",\"score\":"), end, &number);
            if (!at) {
                return false;
            }
            fingerprint = lfrec_fingerprint_add(fingerprint, id, number);
            reading reasons = after(at, end, ",\"reasons\":[");
            at = after(reasons ? after_reasons(reasons, end) : at, end, "}");
        } while (at && at < end && *at == ',' && at++);
    }
    if (after(at, end, "]}") != end) {
        return false;
    }
    *found = (lfrec_published_list){fingerprint, version_of(model)};
    return true;
}

bool lfrec_published_take(lfrec_published *all, const void *key, size_t key_length, const void *value, size_t length)
{
    if (!key || key_length == 0) {
        return true;
    }
    if (!reserve(all)) {
        return false;
    }
    uint64_t user = name_of(key, key_length);
    entry *e = place_of(all->entries, all->room, user);
    all->users += e->user == 0;
    e->user = user;
    if (!value) {
        e->list = (lfrec_published_list){0};
    } else if (!read_ours(value, length, &e->list)) {
        e->list = read_json(value, length);
    }
    return true;
}

lfrec_published_list lfrec_published_of(const lfrec_published *all, lfrec_id user)
{
    return all && all->room ? place_of(all->entries, all->room, name_of(user.bytes, user.length))->list
                            : (lfrec_published_list){0};
}

size_t lfrec_published_users(const lfrec_published *all)
{
    return all->users;
}
