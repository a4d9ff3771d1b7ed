/* daemon_state.c - when snapshots are written, and whether one may be started from. */
#include "clock.h"
#include "daemon_private.h"
#include "log.h"
#include "operator_state.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- back ---- */

/* A file that is no good is kept for whoever wants to know why, and out of the way. */
static void put_aside(const char *path)
{
    size_t bytes = strlen(path) + sizeof ".bad";
    char *aside = malloc(bytes);
    if (aside) {
        snprintf(aside, bytes, "%s.bad", path);
        if (rename(path, aside) == 0) {
            lfrec_log(LFREC_LOG_WARNING, "it is kept as %s", aside);
        }
        free(aside);
    }
}

/* NULL, or why the snapshot is not one for this configuration. */
static const char *find_misfit(const daemon *d)
{
    const lfrec_config *o = d->options;
    if (strcmp(d->saved.topic, o->input_topic) != 0) {
        return "it is of another topic";
    }
    if (d->saved.scale_min < o->scale_min || d->saved.scale_min > o->scale_min || d->saved.scale_max < o->scale_max ||
        d->saved.scale_max > o->scale_max) {
        return "it was made with another scale";
    }
    if (o->most_items > 0 && d->saved.item_count > o->most_items) {
        return "it has more items than lfrec.max.items allows";
    }
    /* Either may not be known: an old broker, or one that has not answered yet. */
    if (d->cluster && *d->cluster && *d->saved.cluster && strcmp(d->saved.cluster, d->cluster) != 0) {
        return "it is of another cluster";
    }
    return NULL;
}

/* Is there a snapshot to restore from? */
static bool open_saved(daemon *d)
{
    const char *path = d->options->snapshot_path;
    char error[LFREC_SNAPSHOT_ERROR_MAX];
    if (d->saved_bytes.bytes) {
        return true;
    }
    switch (lfrec_snapshot_load(path, &d->saved_bytes, &d->saved, error)) {
    case LFREC_SNAPSHOT_NONE: return false;
    case LFREC_SNAPSHOT_BAD:
        lfrec_log(LFREC_LOG_ERROR, "snapshot not used: %s; the state is built from the topic", error);
        put_aside(path);
        return false;
    case LFREC_SNAPSHOT_GOOD: break;
    }
    const char *misfit = find_misfit(d);
    if (misfit) {
        lfrec_log(LFREC_LOG_WARNING, "snapshot %s not used: %s; the state is built from the topic", path, misfit);
        lfrec_snapshot_unload(&d->saved_bytes, &d->saved);
        return false;
    }
    return true;
}

bool daemon_open_state(daemon *d, char error[LFREC_SNAPSHOT_ERROR_MAX])
{
    const lfrec_config *o = d->options;
    if (!*o->snapshot_path) {
        return true;
    }
    if (!lfrec_snapshot_writer_open(&d->snapshots, o->snapshot_path, o->snapshot_interval, error)) {
        return false;
    }
    if (!open_saved(d)) {
        lfrec_log(LFREC_LOG_INFO, "no snapshot to start from: the state is built from the topic");
        return true;
    }
    char why[LFREC_SNAPSHOT_ERROR_MAX];
    lfrec_log(LFREC_LOG_INFO, "snapshot %s: %" PRIu64 " users, %" PRIu32 " items, %" PRIu64 " ratings, model %" PRIu64,
              o->snapshot_path, d->saved.user_count, d->saved.item_count, d->saved.ratings, d->saved.model_version);
    if (!lfrec_snapshot_restore_model(&d->saved, d->op, why)) {
        lfrec_log(LFREC_LOG_WARNING, "the snapshot's model is not used: %s; a training will make another", why);
    } else if (d->saved.model_version > 0) {
        d->training.adopted = lfrec_clock_ms();
        if (o->role == LFREC_ROLE_SCORER) {
            lfrec_operator_follow(d->op);
        }
    }
    return true;
}

/* A list that a restored user waits for holds back what the group has not committed yet. */
static bool hold_for_waiting(daemon *d, lfrec_partition *p)
{
    lfrec_snapshot_user user;
    for (size_t at = 0; lfrec_snapshot_next_user(&d->saved, &at, &user);) {
        if (user.partition != p->id || !(user.waits || user.published == 0) ||
            lfrec_operator_partition_of(d->op, user.id) != p->id) {
            continue; /* the last: there are more users in the snapshot than may be now */
        }
        lfrec_hold *hold = lfrec_delivery_hold(p, p->committed > 0 ? p->committed : 0);
        if (!hold || !lfrec_delivery_defer(d->delivery, lfrec_operator_slot_of(d->op, user.id), hold)) {
            return false;
        }
    }
    return true;
}

static int64_t refuse(const lfrec_partition *p, const char *why)
{
    lfrec_log(LFREC_LOG_WARNING,
              "partition %" PRId32 ": the snapshot does not fit: %s; its users are built from the topic", p->id, why);
    return LFREC_KAFKA_BEGINNING;
}

int64_t daemon_restore(daemon *d, lfrec_partition *p, int64_t begin, int64_t end)
{
    if (!d->snapshots) {
        return LFREC_KAFKA_BEGINNING;
    }
    if (!d->cluster) {
        d->cluster = lfrec_kafka_cluster(d->kafka);
    }
    const char *misfit = d->saved_bytes.bytes ? find_misfit(d) : NULL;
    if (misfit) {
        return refuse(p, misfit);
    }
    const lfrec_snapshot_partition *s = open_saved(d) ? lfrec_snapshot_partition_of(&d->saved, p->id) : NULL;
    if (!s) {
        return LFREC_KAFKA_BEGINNING;
    }
    if (begin < 0 || end < 0) {
        return refuse(p, "where the partition begins and ends could not be asked");
    }
    if (end < s->position) {
        return refuse(p, "the partition ends before the snapshot's offset: the topic was made again");
    }
    if (begin > s->resume) {
        return refuse(p, "the partition begins after the snapshot's offset: events in between are gone");
    }
    if (!lfrec_snapshot_restore_partition(&d->saved, d->op, p->id)) {
        lfrec_operator_drop_partition(d->op, p->id);
        return refuse(p, "no memory for its users, or they have ratings from other partitions");
    }
    if (!hold_for_waiting(d, p)) {
        daemon_give_up(d, LFREC_EXIT_FAILED, "no memory for the snapshot's users");
    }
    p->position = s->resume;
    p->restored = s->position;
    p->witness_offset = s->witness_offset;
    p->witness = s->witness;
    bool before = s->witness_offset >= 0 && s->witness_offset < s->resume;
    p->proven = s->witness_offset < 0 || s->witness_offset < begin;
    return before && !p->proven ? s->witness_offset : s->resume;
}

/* The state of a partition is of another topic: away with it. */
static void start_over(daemon *d, const lfrec_partition *old)
{
    int32_t id = old->id;
    int64_t target = old->target;
    refuse(old, "another event is where its last one was: the topic was made again");
    lfrec_operator_drop_partition(d->op, id);
    lfrec_partition *p = lfrec_delivery_assign(d->delivery, id);
    if (!p || !lfrec_kafka_rewind(d->kafka, id)) {
        daemon_give_up(d, LFREC_EXIT_FAILED, "the partition cannot be read from its beginning; a new start may");
        return;
    }
    p->target = target;
    p->started = lfrec_clock_ms();
    d->ready = false;
}

bool daemon_prove(daemon *d, lfrec_partition *p, const lfrec_kafka_message *message, uint64_t witness)
{
    if (message->offset < p->witness_offset) {
        return true; /* not there yet */
    }
    if (message->offset == p->witness_offset && witness != p->witness) {
        start_over(d, p);
        return false;
    }
    p->proven = true; /* or the witness was compacted away, and there is nothing to go by */
    return true;
}

void daemon_restored(daemon *d)
{
    lfrec_snapshot_unload(&d->saved_bytes, &d->saved);
    daemon_close_read_back(d);
}

/* ---- down ---- */

static bool under_way(void *context, uint32_t slot)
{
    const daemon *d = context;
    return lfrec_delivery_under_way(d->delivery, slot);
}

static bool goodbyes(void *context, bool (*each)(void *to, lfrec_id id, int32_t partition), void *to)
{
    const daemon *d = context;
    return lfrec_delivery_goodbyes(d->delivery, each, to);
}

static lfrec_snapshot_mark mark_of(const daemon *d)
{
    return (lfrec_snapshot_mark){.events = d->events,
                                 .acknowledged = lfrec_kafka_counts_of(d->kafka).acknowledged,
                                 .version = lfrec_operator_stats_of(d->op).model_version,
                                 .partitions = lfrec_delivery_count(d->delivery)};
}

/* The partitions that the state stands for. 0: it does not stand for all of what is assigned yet. */
static uint32_t list_partitions(const daemon *d, lfrec_snapshot_partition *list)
{
    uint32_t count = 0;
    for (size_t i = 0; i < lfrec_delivery_count(d->delivery); i++) {
        const lfrec_partition *p = lfrec_delivery_at(d->delivery, i);
        if (!p->proven || p->position < p->restored) {
            return 0;
        }
        if (p->position >= 0) {
            list[count++] = (lfrec_snapshot_partition){.id = p->id,
                                                       .position = p->position,
                                                       .resume = lfrec_delivery_resume(p),
                                                       .witness_offset = p->witness_offset,
                                                       .witness = p->witness};
        }
    }
    return count;
}

static void begin_snapshot(daemon *d, int64_t now)
{
    size_t assigned = lfrec_delivery_count(d->delivery);
    lfrec_snapshot_partition *list = calloc(assigned + 1, sizeof *list);
    lfrec_snapshot_about about = {.cluster = d->cluster ? d->cluster : "",
                                  .topic = d->options->input_topic,
                                  .made = (int64_t)(lfrec_clock_date() * 1000),
                                  .scale_min = d->options->scale_min,
                                  .scale_max = d->options->scale_max,
                                  .partitions = list,
                                  .under_way = under_way,
                                  .goodbyes = goodbyes,
                                  .context = d};
    about.partition_count = list && assigned <= LFREC_SNAPSHOT_PARTITIONS ? list_partitions(d, list) : 0;
    if (about.partition_count > 0) {
        if (lfrec_snapshot_write(d->op, &about, lfrec_snapshot_writer_buffer(d->snapshots))) {
            d->marked = mark_of(d);
            lfrec_snapshot_writer_start(d->snapshots, now);
            lfrec_log(LFREC_LOG_DEBUG, "snapshot: %zu bytes gathered in %" PRId64 " ms",
                      lfrec_snapshot_writer_buffer(d->snapshots)->length, lfrec_clock_ms() - now);
        } else {
            lfrec_snapshot_writer_back_off(d->snapshots, now);
            lfrec_log_thinned(LFREC_LOG_WARNING, "snapshot memory", "no memory to gather a snapshot in; trying again");
        }
    }
    free(list);
}

void daemon_serve_state(daemon *d, int64_t now, bool last)
{
    if (!d->snapshots) {
        return;
    }
    if (lfrec_snapshot_writer_step(d->snapshots, last, now) == LFREC_SNAPSHOT_FAILED) {
        d->marked = (lfrec_snapshot_mark){0};
    }
    lfrec_snapshot_mark mark = mark_of(d);
    bool news = mark.events != d->marked.events || mark.acknowledged != d->marked.acknowledged ||
                mark.version != d->marked.version || mark.partitions != d->marked.partitions;
    /* With exactly-once, at the end of a transaction: then nothing is under way, and nothing in it can be undone. */
    bool exactly = d->options->delivery == LFREC_EXACTLY_ONCE;
    /* What could not be delivered, or was in a transaction that was aborted, must be met again: it is in no snapshot. Nor is what the output topic
     * has beyond the snapshot that was restored, before it is read back. */
    bool whole = !d->no_commit && !d->start_over && !d->reading.outputs;
    if (news && whole && (last || lfrec_snapshot_writer_due(d->snapshots, now)) &&
        (!exactly || (daemon_transact(d, 0) && !lfrec_kafka_in_transaction(d->kafka)))) {
        begin_snapshot(d, now);
        lfrec_snapshot_writer_step(d->snapshots, last, now);
    }
}

void daemon_close_state(daemon *d)
{
    lfrec_snapshot_writer_close(d->snapshots);
    lfrec_snapshot_unload(&d->saved_bytes, &d->saved);
    daemon_close_read_back(d);
    free(d->cluster);
}
