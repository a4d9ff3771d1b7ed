/* snapshot_write.c - the operator's state into bytes (the format is in snapshot.h). */
#include "bytes.h"
#include "operator_state.h"
#include "snapshot.h"

#include <stdlib.h>

enum { RATING_BYTES = 8, DRIFT_BYTES = 16, USER_BYTES = 2 + 4 + 1 + 8 + DRIFT_BYTES + 4 };

uint64_t lfrec_snapshot_witness(int64_t timestamp, const void *key, size_t key_length, const void *value, size_t value_length)
{
    uint8_t numbers[24];
    lfrec_set(numbers, (uint64_t)timestamp, 8);
    lfrec_set(numbers + 8, key ? key_length : UINT64_MAX, 8);
    lfrec_set(numbers + 16, value ? value_length : UINT64_MAX, 8);
    uint64_t hash = lfrec_fnv_words(LFREC_FNV_START, numbers, sizeof numbers);
    hash = lfrec_fnv_words(hash, key, key ? key_length : 0);
    return lfrec_fnv_words(hash, value, value ? value_length : 0);
}

typedef struct writer {
    lfrec_buffer *out;
    bool failed; /* no memory: nothing more is written */
    const lfrec_snapshot_about *about;
    const lfrec_store *store;
    uint64_t goodbyes;
} writer;

static uint8_t *room(writer *w, size_t bytes)
{
    if (w->failed || !lfrec_buffer_reserve(w->out, bytes)) {
        w->failed = true;
        return NULL;
    }
    uint8_t *at = (uint8_t *)w->out->bytes + w->out->length;
    w->out->length += bytes;
    return at;
}

static void put(writer *w, uint64_t value, unsigned size)
{
    uint8_t *at = room(w, size);
    if (at) {
        lfrec_set(at, value, size);
    }
}

static void put_bytes(writer *w, const void *bytes, size_t length)
{
    uint8_t *at = room(w, length);
    if (at && length > 0) {
        memcpy(at, bytes, length);
    }
}

static void put_id(writer *w, lfrec_id id)
{
    put(w, id.length, 2);
    put_bytes(w, id.bytes, id.length);
}

static void put_name(writer *w, const char *name)
{
    size_t length = strlen(name);
    put_id(w, (lfrec_id){name, length < LFREC_SNAPSHOT_NAME_MAX ? length : LFREC_SNAPSHOT_NAME_MAX});
}

static void put_sum(writer *w, const lfrec_sum *sum)
{
    put(w, (uint64_t)sum->total, 8);
    put(w, sum->count, 8);
}

/* The place of a partition in the list; UINT32_MAX: it is not there. */
static uint32_t place_of(const lfrec_snapshot_about *about, int32_t partition)
{
    for (uint32_t i = 0; i < about->partition_count; i++) {
        if (about->partitions[i].id == partition) {
            return i;
        }
    }
    return UINT32_MAX;
}

static void put_head(writer *w, const lfrec_operator_state *state)
{
    const lfrec_snapshot_about *about = w->about;
    put_bytes(w, LFREC_SNAPSHOT_MAGIC, 8);
    put(w, LFREC_SNAPSHOT_FORMAT, 4);
    put(w, 0, 8); /* the length, known at the end */
    put(w, (uint64_t)about->made, 8);
    put(w, lfrec_bits_of(about->scale_min), 4);
    put(w, lfrec_bits_of(about->scale_max), 4);
    put_name(w, about->cluster);
    put_name(w, about->topic);
    put(w, state->version, 8);
    put(w, state->trainings, 8);
    put(w, state->error.count, 8);
    put(w, lfrec_double_bits_of(state->error.model), 8);
    put(w, lfrec_double_bits_of(state->error.means), 8);
    put(w, lfrec_double_bits_of(state->error.recent), 8);
    put(w, lfrec_double_bits_of(state->error.recent_weight), 8);
    for (int i = 0; i < LFREC_BLEND_RANGES; i++) {
        put(w, lfrec_double_bits_of(state->blend.product[i]), 8);
        put(w, lfrec_double_bits_of(state->blend.square[i]), 8);
    }
    put(w, about->partition_count, 4);
    for (uint32_t i = 0; i < about->partition_count; i++) {
        const lfrec_snapshot_partition *p = &about->partitions[i];
        put(w, (uint32_t)p->id, 4);
        put(w, (uint64_t)p->position, 8);
        put(w, (uint64_t)p->resume, 8);
        put(w, (uint64_t)p->witness_offset, 8);
        put(w, p->witness, 8);
    }
}

/* Sums of the ratings that are written: those of partitions left out are taken out. */
static bool put_items(writer *w, const lfrec_operator_state *state, const lfrec_means *means)
{
    uint32_t items = lfrec_store_items(state->store);
    put(w, items, 4);
    for (uint32_t i = 0; i < items; i++) {
        put_id(w, lfrec_store_item_id(state->store, i));
        put_sum(w, &means->item[i]);
    }
    put_sum(w, &means->overall);
    return !w->failed;
}

/* model: NULL for none. */
static void put_model(writer *w, const lfrec_model *model)
{
    size_t bytes = 0, written = 0;
    if (!model || lfrec_save_size(model, &bytes) != LFREC_OK) {
        put(w, 0, 8);
        return;
    }
    put(w, bytes, 8);
    uint8_t *at = room(w, bytes);
    if (at) {
        w->failed |= lfrec_save_buffer(model, at, bytes, &written) != LFREC_OK || written != bytes;
    }
}

static void put_drift(writer *w, lfrec_drift drift)
{
    put(w, lfrec_bits_of(drift.slow), 4);
    put(w, lfrec_bits_of(drift.fast), 4);
    put(w, lfrec_bits_of(drift.slow_variance), 4);
    put(w, lfrec_bits_of(drift.fast_variance), 4);
}

static void put_user(writer *w, const lfrec_operator *op, const lfrec_operator_state *state, uint32_t user, uint32_t place)
{
    const lfrec_snapshot_about *about = w->about;
    lfrec_history history = lfrec_store_history(state->store, user);
    bool under_way = about->under_way && about->under_way(about->context, user);
    put_id(w, lfrec_store_user_id(state->store, user));
    put(w, place, 4);
    put(w, lfrec_operator_waits(op, user) || under_way, 1);
    put(w, under_way ? 0 : lfrec_operator_published(op, user), 8);
    put_drift(w, lfrec_operator_drift(op, user));
    put(w, history.count, 4);
    uint8_t *at = room(w, history.count * RATING_BYTES);
    for (size_t k = 0; at && k < history.count; k++, at += RATING_BYTES) {
        lfrec_set(at, history.item[k], 4);
        lfrec_set(at + 4, lfrec_bits_of(history.value[k]), 4);
    }
}

/* A user who is gone, as one without ratings who waits to be told. Who has come back is among the others. */
static bool put_goodbye(void *to, lfrec_id id, int32_t partition)
{
    writer *w = to;
    uint32_t place = place_of(w->about, partition);
    if (place != UINT32_MAX && lfrec_store_find_user(w->store, id) == LFREC_NO_INDEX) {
        put_id(w, id);
        put(w, place, 4);
        put(w, 1, 1);
        put(w, 0, 8);
        put_drift(w, (lfrec_drift){0});
        put(w, 0, 4);
        w->goodbyes++;
    }
    return !w->failed;
}

static size_t size_of(const lfrec_operator_state *state)
{
    size_t bytes = 4096 + (size_t)lfrec_store_ratings(state->store) * RATING_BYTES;
    for (uint32_t u = 0; u < lfrec_store_user_slots(state->store); u++) {
        if (lfrec_store_has_user(state->store, u)) {
            bytes += USER_BYTES + lfrec_store_user_id(state->store, u).length;
        }
    }
    for (uint32_t i = 0; i < lfrec_store_items(state->store); i++) {
        bytes += 2 + 16 + lfrec_store_item_id(state->store, i).length;
    }
    size_t model = 0;
    bytes += lfrec_save_size(&state->model, &model) == LFREC_OK ? model : 0;
    return state->ranker.items > 0 && lfrec_save_size(&state->ranker, &model) == LFREC_OK ? bytes + model : bytes;
}

/* The sums without the users of partitions that are not named; the operator's own where there are none. */
static bool means_of_written(const lfrec_operator_state *state, const lfrec_snapshot_about *about, lfrec_means *means)
{
    uint32_t items = lfrec_store_items(state->store);
    if (lfrec_means_create(means, items > 0 ? items : 1, NULL) != LFREC_OK) {
        return false;
    }
    means->overall = state->means->overall;
    memcpy(means->item, state->means->item, items * sizeof *means->item);
    for (uint32_t u = 0; u < lfrec_store_user_slots(state->store); u++) {
        if (!lfrec_store_has_user(state->store, u) || place_of(about, lfrec_store_partition(state->store, u)) != UINT32_MAX) {
            continue;
        }
        lfrec_history history = lfrec_store_history(state->store, u);
        for (size_t k = 0; k < history.count; k++) {
            lfrec_means_remove(means, history.item[k], history.value[k]);
        }
    }
    return true;
}

bool lfrec_snapshot_write(const lfrec_operator *op, const lfrec_snapshot_about *about, lfrec_buffer *out)
{
    lfrec_operator_state state = lfrec_operator_state_of(op);
    writer w = {.out = out, .about = about, .store = state.store};
    lfrec_means means = {0};
    out->length = 0;
    if (!lfrec_buffer_reserve(out, size_of(&state)) || !means_of_written(&state, about, &means)) {
        return false;
    }
    put_head(&w, &state);
    put_items(&w, &state, &means);
    lfrec_means_destroy(&means);
    put_model(&w, state.version > 0 ? &state.model : NULL);
    put_model(&w, state.version > 0 && state.ranker.items > 0 ? &state.ranker : NULL);
    size_t count_at = out->length;
    uint64_t users = 0;
    put(&w, 0, 8);
    uint32_t u;
    for (bool there = lfrec_operator_oldest(op, &u); there; there = lfrec_operator_newer(op, &u)) {
        uint32_t place = place_of(about, lfrec_store_partition(state.store, u));
        if (place != UINT32_MAX) {
            put_user(&w, op, &state, u, place);
            users++;
        }
    }
    if (about->goodbyes) {
        w.failed |= !about->goodbyes(about->context, put_goodbye, &w);
    }
    put(&w, 0, 8);
    if (w.failed) {
        return false;
    }
    uint8_t *bytes = (uint8_t *)out->bytes;
    lfrec_set(bytes + count_at, users + w.goodbyes, 8);
    lfrec_set(bytes + 12, out->length, 8);
    lfrec_set(bytes + out->length - 8, lfrec_fnv(LFREC_FNV_START, bytes, out->length - 8), 8);
    return true;
}
