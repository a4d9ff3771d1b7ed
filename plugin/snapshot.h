/* snapshot.h - the operator's state and the input offsets it stands for, as bytes. Knows no Kafka, no files, no clock.
 *
 * FORMAT 1, little-endian, without padding. An id is its length (u16) and its bytes.
 *
 *     8     89 'L' 'F' 'S' 'N' 'A' 'P' 0A
 *     u32   format version, 1
 *     u64   bytes of the whole
 *     i64   when it was made, ms since 1970
 *     f32   lowest and highest legal rating
 *     id    the cluster's id (may be empty: not known)
 *     id    the input topic's name
 *     u64   model version, trainings begun; predictions counted
 *     f64   sums of squared errors: model, means, recent, recent weight (prequential.h)
 *     f64   for each of 16 ranges of a user's ratings: sum of products, sum of squares (blend.h)
 *     u32   partitions; for each: i32 id, i64 position, i64 resume, i64 witness offset (-1: none), u64 witness
 *     u32   items; for each: id, u64 total (two's complement), u64 count (lfrec_sum)
 *           the overall total and count
 *     u64   bytes of the model, 0: none; the model (lfrec.h, FILE FORMAT)
 *     u64   bytes of the model that orders lists, 0: none; that model
 *     u64   users, the longest idle first; for each: id, u32 place of its partition in the list above, u8 1: waits for a list, u64 published (0: nothing),
 *           f32 slow drift, fast drift, variances of both (drift.h), u32 ratings; for each: u32 item, f32 value, items ascending
 *     u64   FNV-1a of everything before
 *
 * It stands for every event below a partition's position, and for no other. Reading starts at `resume`, at or below the position: events
 * from there on are to be learned again, which changes nothing that lasts, because a dead letter of theirs was not acknowledged.
 * The witness is the last event that was learned and what it said: a topic that was made again has something else there. */
#ifndef LFREC_SNAPSHOT_H
#define LFREC_SNAPSHOT_H

#include "buffer.h"
#include "drift.h"
#include "operator.h"

#define LFREC_SNAPSHOT_ERROR_MAX 256u    /* bytes for an error text, NUL included */
#define LFREC_SNAPSHOT_FORMAT 1u         /* the version written, and the only one read */
#define LFREC_SNAPSHOT_NAME_MAX 249u     /* bytes in the cluster's id or the topic's name */
#define LFREC_SNAPSHOT_PARTITIONS 10000u /* most */

typedef struct lfrec_snapshot_partition {
    int32_t id;
    int64_t position, resume;
    int64_t witness_offset;
    uint64_t witness;
} lfrec_snapshot_partition;

/* What the operator does not know. Borrowed for the call. */
typedef struct lfrec_snapshot_about {
    const char *cluster, *topic;
    int64_t made;
    float scale_min, scale_max;
    const lfrec_snapshot_partition *partitions;
    uint32_t partition_count;
    /* Has the user's last list not been acknowledged? Then it counts as not published. */
    bool (*under_way)(void *context, uint32_t slot);
    /* Users who are gone from the operator while their goodbye is not acknowledged: calls each for every one. */
    bool (*goodbyes)(void *context, bool (*each)(void *to, lfrec_id id, int32_t partition), void *to);
    void *context;
} lfrec_snapshot_about;

/* The witness of an event: a hash of its timestamp, key and value (FNV-1a by words of 8 bytes). */
uint64_t lfrec_snapshot_witness(int64_t timestamp, const void *key, size_t key_length, const void *value, size_t value_length);

/* Puts a snapshot in place of the buffer's content. Users of partitions that are not named are left out. false: no memory. */
bool lfrec_snapshot_write(const lfrec_operator *op, const lfrec_snapshot_about *about, lfrec_buffer *out);

/* A snapshot that was found good, over bytes that outlive it. Fields are for reading. */
typedef struct lfrec_snapshot {
    const uint8_t *bytes;
    char cluster[LFREC_SNAPSHOT_NAME_MAX + 1], topic[LFREC_SNAPSHOT_NAME_MAX + 1];
    int64_t made;
    float scale_min, scale_max;
    uint64_t model_version, trainings;
    uint32_t partition_count, item_count;
    uint64_t user_count, ratings;
    lfrec_snapshot_partition *partitions; /* owned */
    lfrec_id *items;                      /* owned; the ids are in bytes */
    size_t model, model_length;           /* private: where things are in bytes */
    size_t ranker, ranker_length;
    size_t users, error;
} lfrec_snapshot;

/* Checks everything: checksum, form, ids, numbers, order, and that the sums are those of the ratings. false: error says what is wrong. */
bool lfrec_snapshot_open(lfrec_snapshot *snapshot, const void *bytes, size_t length, char error[LFREC_SNAPSHOT_ERROR_MAX]);
void lfrec_snapshot_close(lfrec_snapshot *snapshot); /* all zero is allowed */

/* One user; the pointers are into the snapshot. Ratings are read by lfrec_snapshot_rating. */
typedef struct lfrec_snapshot_user {
    lfrec_id id;
    int32_t partition;
    bool waits;
    uint64_t published;
    lfrec_drift drift;
    uint32_t count;
    const uint8_t *ratings;
} lfrec_snapshot_user;

/* *at: 0 at first. false: there are no more. */
bool lfrec_snapshot_next_user(const lfrec_snapshot *snapshot, size_t *at, lfrec_snapshot_user *user);
/* index < user->count */
void lfrec_snapshot_rating(const lfrec_snapshot_user *user, uint32_t index, uint32_t *item, float *value);

const lfrec_snapshot_partition *lfrec_snapshot_partition_of(const lfrec_snapshot *snapshot, int32_t partition); /* NULL: not in it */

/* Into an operator without items: items, model, running error. false: error says why there is no model; the rest is there. */
bool lfrec_snapshot_restore_model(const lfrec_snapshot *snapshot, lfrec_operator *op, char error[LFREC_SNAPSHOT_ERROR_MAX]);
/* The users of one partition, of which the operator has none. false: no memory, or a rating off the operator's scale; some users may
 * be there: drop the partition. */
bool lfrec_snapshot_restore_partition(const lfrec_snapshot *snapshot, lfrec_operator *op, int32_t partition);

#endif
