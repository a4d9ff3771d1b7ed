/* snapshot_dump.c - a snapshot for people and other programs: the ratings as CSV. */
#include "number.h"
#include "snapshot_file.h"

#include <inttypes.h>
#include <string.h>

/* Quoted where the reader of such rows (csv.h) needs it. */
static void put_field(FILE *out, lfrec_id id)
{
    bool plain = memchr(id.bytes, ',', id.length) == NULL && memchr(id.bytes, '"', id.length) == NULL &&
                 memchr(id.bytes, '\n', id.length) == NULL && memchr(id.bytes, '\r', id.length) == NULL;
    if (plain) {
        fwrite(id.bytes, 1, id.length, out);
        return;
    }
    putc('"', out);
    for (size_t i = 0; i < id.length; i++) {
        if (id.bytes[i] == '"') {
            putc('"', out);
        }
        putc(id.bytes[i], out);
    }
    putc('"', out);
}

static void put_about(const lfrec_snapshot *s, const char *path, FILE *about)
{
    fprintf(about, "snapshot %s: topic %s, %" PRIu64 " users, %" PRIu32 " items, %" PRIu64 " ratings, model %" PRIu64 "\n",
            path, s->topic, s->user_count, s->item_count, s->ratings, s->model_version);
    for (uint32_t i = 0; i < s->partition_count; i++) {
        fprintf(about, "partition %" PRId32 ": up to offset %" PRId64 "\n", s->partitions[i].id, s->partitions[i].position);
    }
}

bool lfrec_snapshot_dump(const char *path, FILE *out, FILE *about, char error[LFREC_SNAPSHOT_ERROR_MAX])
{
    lfrec_snapshot_bytes bytes;
    lfrec_snapshot snapshot;
    if (lfrec_snapshot_load(path, &bytes, &snapshot, error) != LFREC_SNAPSHOT_GOOD) {
        return false;
    }
    put_about(&snapshot, path, about);
    lfrec_snapshot_user user;
    for (size_t at = 0; lfrec_snapshot_next_user(&snapshot, &at, &user);) {
        for (uint32_t k = 0; k < user.count; k++) {
            char number[64];
            uint32_t item;
            float value;
            lfrec_snapshot_rating(&user, k, &item, &value);
            put_field(out, user.id);
            putc(',', out);
            put_field(out, snapshot.items[item]);
            fprintf(out, ",%.*s\n", (int)lfrec_number_write_float(value, number), number);
        }
    }
    lfrec_snapshot_unload(&bytes, &snapshot);
    bool good = fflush(out) == 0 && !ferror(out);
    if (!good) {
        snprintf(error, LFREC_SNAPSHOT_ERROR_MAX, "cannot write the ratings of %.100s", path);
    }
    return good;
}
