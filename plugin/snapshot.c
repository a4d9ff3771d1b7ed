/* snapshot.c - bytes back into the operator's state (the format is in snapshot.h). Nothing is believed before it is checked. */
#include "snapshot.h"
#include "bytes.h"
#include "operator_state.h"
#include "utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARTITION_BYTES = 36, LEAST_ITEM_BYTES = 2 + 1 + 16, LEAST_USER_BYTES = 2 + 1 + 33, RATING_BYTES = 8 };

/* Where reading is. Past the end, or at anything that is wrong: the first fault is kept, and only zeros are read from there on. */
typedef struct reader {
    const uint8_t *bytes;
    size_t at, end;
    const char *fault;
} reader;

static const uint8_t *take(reader *r, size_t bytes)
{
    if (r->fault || bytes > r->end - r->at) {
        r->fault = r->fault ? r->fault : "it ends too early";
        return NULL;
    }
    const uint8_t *at = r->bytes + r->at;
    r->at += bytes;
    return at;
}

static uint64_t number(reader *r, unsigned size)
{
    const uint8_t *at = take(r, size);
    return at ? lfrec_get(at, size) : 0;
}

static float number_float(reader *r)
{
    return lfrec_float_of((uint32_t)number(r, 4));
}

static double number_double(reader *r)
{
    return lfrec_double_of(number(r, 8));
}

/* A count of things that take at least so many bytes each: never more than can follow. */
static uint64_t count_of(reader *r, unsigned size, size_t least)
{
    uint64_t count = number(r, size);
    if (!r->fault && count > (r->end - r->at) / least) {
        r->fault = "a count is larger than what follows";
    }
    return r->fault ? 0 : count;
}

static lfrec_id id(reader *r, size_t least, size_t most)
{
    size_t length = (size_t)number(r, 2);
    const uint8_t *bytes = take(r, length);
    if (!bytes) {
        return (lfrec_id){"", 0};
    }
    if (length < least || length > most || memchr(bytes, 0, length) ||
        lfrec_utf8_valid_prefix((const char *)bytes, length) != length) {
        r->fault = "an id is not one";
        return (lfrec_id){"", 0};
    }
    return (lfrec_id){(const char *)bytes, length};
}

static void name(reader *r, char out[LFREC_SNAPSHOT_NAME_MAX + 1])
{
    lfrec_id read = id(r, 0, LFREC_SNAPSHOT_NAME_MAX);
    memcpy(out, read.bytes, read.length);
    out[read.length] = '\0';
}

static void read_head(lfrec_snapshot *s, reader *r)
{
    s->made = (int64_t)number(r, 8);
    s->scale_min = number_float(r);
    s->scale_max = number_float(r);
    if (!r->fault && !(s->scale_min >= -LFREC_MAX_RATING && s->scale_min < s->scale_max && s->scale_max <= LFREC_MAX_RATING)) {
        r->fault = "the scale is not one";
    }
    name(r, s->cluster);
    name(r, s->topic);
    s->model_version = number(r, 8);
    s->trainings = number(r, 8);
    s->error = r->at;
    number(r, 8);
    for (int i = 0; i < 4; i++) {
        double sum = number_double(r);
        if (!r->fault && !(sum >= 0 && isfinite(sum))) {
            r->fault = "a sum of squares is not one";
        }
    }
    for (int i = 0; i < LFREC_BLEND_RANGES; i++) {
        double product = number_double(r), square = number_double(r);
        if (!r->fault && !(isfinite(product) && square >= 0 && isfinite(square))) {
            r->fault = "a sum of squares is not one";
        }
    }
}

static void read_partitions(lfrec_snapshot *s, reader *r)
{
    uint32_t count = (uint32_t)count_of(r, 4, PARTITION_BYTES);
    if (count > LFREC_SNAPSHOT_PARTITIONS) {
        r->fault = "there are too many partitions";
        return;
    }
    s->partitions = calloc((size_t)count + 1, sizeof *s->partitions); /* + 1: never a size of 0 */
    if (!s->partitions) {
        r->fault = "no memory";
        return;
    }
    for (uint32_t i = 0; i < count && !r->fault; i++) {
        lfrec_snapshot_partition *p = &s->partitions[i];
        p->id = (int32_t)(uint32_t)number(r, 4);
        p->position = (int64_t)number(r, 8);
        p->resume = (int64_t)number(r, 8);
        p->witness_offset = (int64_t)number(r, 8);
        p->witness = number(r, 8);
        if (!r->fault && (p->id < 0 || p->resume < 0 || p->resume > p->position || p->witness_offset < -1 ||
                          p->witness_offset >= p->position)) {
            r->fault = "a partition's offsets contradict each other";
        }
        if (!r->fault && i > 0 && lfrec_snapshot_partition_of(s, p->id)) {
            r->fault = "a partition comes twice";
        }
        s->partition_count = i + 1;
    }
}

static lfrec_sum read_sum(reader *r)
{
    int64_t total = (int64_t)number(r, 8);
    return (lfrec_sum){.total = total, .count = number(r, 8)};
}

/* What the ratings must add up to is left in *said. */
static void read_items(lfrec_snapshot *s, reader *r, lfrec_means *said)
{
    uint32_t count = (uint32_t)count_of(r, 4, LEAST_ITEM_BYTES);
    s->items = calloc((size_t)count + 1, sizeof *s->items);
    if (!s->items || lfrec_means_create(said, count + 1, NULL) != LFREC_OK) {
        r->fault = r->fault ? r->fault : "no memory";
        return;
    }
    s->item_count = count;
    for (uint32_t i = 0; i < count && !r->fault; i++) {
        s->items[i] = id(r, 1, LFREC_ID_MAX);
        said->item[i] = read_sum(r);
    }
    said->overall = read_sum(r);
}

static void read_model(lfrec_snapshot *s, reader *r)
{
    s->model_length = (size_t)count_of(r, 8, 1);
    s->model = r->at;
    take(r, s->model_length);
    if (!r->fault && (s->model_length > 0) != (s->model_version > 0)) {
        r->fault = "there is a model without a version, or a version without a model";
    }
    s->ranker_length = (size_t)count_of(r, 8, 1);
    s->ranker = r->at;
    take(r, s->ranker_length);
    if (!r->fault && s->ranker_length > 0 && s->model_version == 0) {
        r->fault = "there is a model without a version";
    }
}

static lfrec_drift read_drift(reader *r)
{
    lfrec_drift drift = {.slow = number_float(r), .fast = 0};
    drift.fast = number_float(r);
    drift.slow_variance = number_float(r);
    drift.fast_variance = number_float(r);
    if (!r->fault && !(isfinite(drift.slow) && isfinite(drift.fast) && drift.slow_variance >= 0 &&
                       isfinite(drift.slow_variance) && drift.fast_variance >= 0 && isfinite(drift.fast_variance))) {
        r->fault = "a user's drift is not one";
    }
    return drift;
}

static void read_user(const lfrec_snapshot *s, reader *r, lfrec_snapshot_user *user)
{
    user->id = id(r, 1, LFREC_ID_MAX);
    uint32_t place = (uint32_t)number(r, 4);
    uint64_t waits = number(r, 1);
    user->published = number(r, 8);
    user->drift = read_drift(r);
    user->count = (uint32_t)count_of(r, 4, RATING_BYTES);
    user->ratings = take(r, (size_t)user->count * RATING_BYTES);
    if (!r->fault && (place >= s->partition_count || waits > 1)) {
        r->fault = "a user's partition is not in it";
    }
    user->partition = r->fault ? 0 : s->partitions[place].id;
    user->waits = waits == 1;
}

void lfrec_snapshot_rating(const lfrec_snapshot_user *user, uint32_t index, uint32_t *item, float *value)
{
    const uint8_t *at = user->ratings + (size_t)index * RATING_BYTES;
    *item = (uint32_t)lfrec_get(at, 4);
    *value = lfrec_float_of((uint32_t)lfrec_get(at + 4, 4));
}

static void check_ratings(const lfrec_snapshot *s, reader *r, const lfrec_snapshot_user *user, lfrec_means *said)
{
    uint32_t before = 0;
    for (uint32_t k = 0; k < user->count && !r->fault; k++) {
        uint32_t item;
        float value;
        lfrec_snapshot_rating(user, k, &item, &value);
        if (item >= s->item_count || (k > 0 && item <= before)) {
            r->fault = "a user's items are not in order";
        } else if (!(value >= s->scale_min && value <= s->scale_max)) {
            r->fault = "a rating is off the scale";
        } else if (lfrec_means_remove(said, item, value) != LFREC_OK) {
            r->fault = "the sums are not those of the ratings";
        }
        before = item;
    }
}

/* The ratings are taken out of what the sums say; nothing may be left. */
static void read_users(lfrec_snapshot *s, reader *r, lfrec_means *said)
{
    uint64_t count = count_of(r, 8, LEAST_USER_BYTES);
    s->users = r->at;
    for (uint64_t u = 0; u < count && !r->fault; u++) {
        lfrec_snapshot_user user = {0};
        read_user(s, r, &user);
        check_ratings(s, r, &user, said);
        s->ratings += user.count;
    }
    s->user_count = count;
    bool left = said->overall.count > 0 || said->overall.total != 0;
    for (uint32_t i = 0; i < s->item_count; i++) {
        left |= said->item[i].count > 0 || said->item[i].total != 0;
    }
    if (!r->fault && left) {
        r->fault = "the sums are not those of the ratings";
    }
}

bool lfrec_snapshot_open(lfrec_snapshot *s, const void *bytes, size_t length, char error[LFREC_SNAPSHOT_ERROR_MAX])
{
    *s = (lfrec_snapshot){.bytes = bytes};
    reader r = {.bytes = bytes, .end = length};
    const uint8_t *magic = take(&r, 8);
    uint32_t version = (uint32_t)number(&r, 4);
    uint64_t said_length = number(&r, 8);
    if (!magic || memcmp(magic, LFREC_SNAPSHOT_MAGIC, 8) != 0) {
        r.fault = "it is no snapshot";
    } else if (!r.fault && version != LFREC_SNAPSHOT_FORMAT) {
        snprintf(error, LFREC_SNAPSHOT_ERROR_MAX, "its format is version %" PRIu32 ", and this program reads %u",
                 version, LFREC_SNAPSHOT_FORMAT);
        return false;
    } else if (!r.fault && (said_length != length || length < 28)) {
        r.fault = "it is not as long as it says";
    } else if (!r.fault &&
               lfrec_fnv(LFREC_FNV_START, bytes, length - 8) != lfrec_get((const uint8_t *)bytes + length - 8, 8)) {
        r.fault = "its checksum is wrong";
    }
    lfrec_means said = {0};
    if (!r.fault) {
        r.end -= 8;
        read_head(s, &r);
        read_partitions(s, &r);
        read_items(s, &r, &said);
        read_model(s, &r);
    }
    if (!r.fault) {
        read_users(s, &r, &said);
    }
    if (!r.fault && r.at != r.end) {
        r.fault = "something follows its end";
    }
    lfrec_means_destroy(&said);
    if (r.fault) {
        snprintf(error, LFREC_SNAPSHOT_ERROR_MAX, "%s", r.fault);
        lfrec_snapshot_close(s);
    }
    return !r.fault;
}

void lfrec_snapshot_close(lfrec_snapshot *s)
{
    free(s->partitions);
    free(s->items);
    *s = (lfrec_snapshot){0};
}

bool lfrec_snapshot_next_user(const lfrec_snapshot *s, size_t *at, lfrec_snapshot_user *user)
{
    const uint8_t *length = s->bytes + 12;
    reader r = {.bytes = s->bytes, .at = *at ? *at : s->users, .end = (size_t)lfrec_get(length, 8) - 8};
    if (r.at == r.end) {
        return false;
    }
    read_user(s, &r, user);
    *at = r.at;
    return !r.fault;
}

const lfrec_snapshot_partition *lfrec_snapshot_partition_of(const lfrec_snapshot *s, int32_t partition)
{
    for (uint32_t i = 0; i < s->partition_count; i++) {
        if (s->partitions[i].id == partition) {
            return &s->partitions[i];
        }
    }
    return NULL;
}

bool lfrec_snapshot_restore_model(const lfrec_snapshot *s, lfrec_operator *op, char error[LFREC_SNAPSHOT_ERROR_MAX])
{
    lfrec_operator_saved saved = {
        .items = s->items, .count = s->item_count, .version = s->model_version, .trainings = s->trainings};
    lfrec_status status = LFREC_OK;
    if (s->model_length > 0) {
        status = lfrec_load_buffer(&saved.model, s->bytes + s->model, s->model_length, NULL);
    }
    if (s->ranker_length > 0 && status == LFREC_OK) {
        status = lfrec_load_buffer(&saved.ranker, s->bytes + s->ranker, s->ranker_length, NULL);
    }
    reader r = {.bytes = s->bytes, .at = s->error, .end = s->error + 40 + 16 * LFREC_BLEND_RANGES};
    saved.error.count = number(&r, 8);
    saved.error.model = number_double(&r);
    saved.error.means = number_double(&r);
    saved.error.recent = number_double(&r);
    saved.error.recent_weight = number_double(&r);
    for (int i = 0; i < LFREC_BLEND_RANGES; i++) {
        saved.blend.product[i] = number_double(&r);
        saved.blend.square[i] = number_double(&r);
    }
    if (status != LFREC_OK) { /* the items come back all the same */
        lfrec_model_destroy(&saved.model);
        lfrec_model_destroy(&saved.ranker);
    }
    char why[LFREC_OPERATOR_ERROR_MAX] = "";
    bool restored = lfrec_operator_restore_model(op, &saved, why);
    if (status != LFREC_OK) {
        snprintf(error, LFREC_SNAPSHOT_ERROR_MAX, "its model: %s", lfrec_status_string(status));
        return false;
    }
    if (!restored) {
        snprintf(error, LFREC_SNAPSHOT_ERROR_MAX, "%.*s", (int)LFREC_SNAPSHOT_ERROR_MAX - 1, why);
    }
    return restored;
}

bool lfrec_snapshot_restore_partition(const lfrec_snapshot *s, lfrec_operator *op, int32_t partition)
{
    lfrec_snapshot_user user;
    bool good = true;
    for (size_t at = 0; good && lfrec_snapshot_next_user(s, &at, &user);) {
        if (user.partition != partition) {
            continue;
        }
        for (uint32_t k = 0; good && k < user.count; k++) {
            uint32_t item;
            float value;
            lfrec_snapshot_rating(&user, k, &item, &value);
            good = lfrec_operator_restore_rating(op, user.id, s->items[item], value, partition);
        }
        good = good && lfrec_operator_restore_user(op, user.id, partition, user.published, user.waits, &user.drift);
    }
    lfrec_operator_restored(op);
    return good;
}
