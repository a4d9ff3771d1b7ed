#include "model_topic.h"
#include "bytes.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_MOST ((uint64_t)16 << 20) /* bytes of a part that has not come yet; ours are below a megabyte */

static const char magic[4] = {'L', 'F', 'M', '1'};

uint32_t lfrec_model_chunks(size_t bytes, size_t most)
{
    size_t payload = most - LFREC_CHUNK_HEAD;
    return bytes == 0 ? 1 : (uint32_t)((bytes - 1) / payload + 1);
}

bool lfrec_model_chunk(lfrec_model_name name, const void *model, size_t bytes, size_t most, uint32_t chunk,
                       char key[LFREC_CHUNK_KEY_MAX], lfrec_buffer *value)
{
    size_t payload = most - LFREC_CHUNK_HEAD, from = chunk * payload,
           length = bytes - from < payload ? bytes - from : payload;
    value->length = 0;
    if (!lfrec_buffer_reserve(value, LFREC_CHUNK_HEAD + length)) {
        return false;
    }
    snprintf(key, LFREC_CHUNK_KEY_MAX, "%u/%" PRIu32, (unsigned)(name.version % 2), chunk);
    unsigned char *at = (unsigned char *)value->bytes;
    memcpy(at, magic, sizeof magic);
    lfrec_set(at + 4, name.version, 8);
    lfrec_set(at + 12, name.maker, 8);
    lfrec_set(at + 20, chunk, 4);
    lfrec_set(at + 24, lfrec_model_chunks(bytes, most), 4);
    lfrec_set(at + 28, bytes, 8);
    lfrec_set(at + 36, lfrec_fnv(LFREC_FNV_START, model, bytes), 8);
    memcpy(at + LFREC_CHUNK_HEAD, (const char *)model + from, length);
    value->length = LFREC_CHUNK_HEAD + length;
    return true;
}

/* A model that comes in parts. */
typedef struct slot {
    lfrec_model_name name;
    unsigned char *bytes;
    size_t length;
    uint64_t hash;
    uint32_t chunks, missing;
    size_t payload;      /* of each chunk but the last */
    unsigned char *have; /* chunks */
} slot;

struct lfrec_assembly {
    slot slots[2]; /* by the version's last bit */
    bool whole;
    unsigned newest; /* the slot of the newest whole model */
    uint64_t version;
};

lfrec_assembly *lfrec_assembly_open(void)
{
    return calloc(1, sizeof(lfrec_assembly));
}

static void clear(slot *s)
{
    free(s->bytes);
    free(s->have);
    *s = (slot){0};
}

void lfrec_assembly_close(lfrec_assembly *a)
{
    if (a) {
        clear(&a->slots[0]);
        clear(&a->slots[1]);
        free(a);
    }
}

void lfrec_assembly_restart(lfrec_assembly *a)
{
    clear(&a->slots[0]);
    clear(&a->slots[1]);
    *a = (lfrec_assembly){0};
}

/* The head of a chunk, judged by itself. */
typedef struct head {
    lfrec_model_name name;
    uint32_t chunk, chunks;
    uint64_t bytes, hash;
    size_t length; /* of this part */
} head;

static bool read_head(const unsigned char *value, size_t length, head *h)
{
    if (length < LFREC_CHUNK_HEAD || memcmp(value, magic, sizeof magic) != 0) {
        return false;
    }
    *h = (head){
        .name = {.version = lfrec_get(value + 4, 8), .maker = lfrec_get(value + 12, 8)},
        .chunk = (uint32_t)lfrec_get(value + 20, 4),
        .chunks = (uint32_t)lfrec_get(value + 24, 4),
        .bytes = lfrec_get(value + 28, 8),
        .hash = lfrec_get(value + 36, 8),
        .length = length - LFREC_CHUNK_HEAD,
    };
    /* The last version there could be would keep out every later one. */
    return h->name.version < UINT64_MAX && h->chunk < h->chunks && h->bytes >= 1 && h->bytes <= LFREC_MODEL_BYTES_MAX &&
           h->chunks <= h->bytes && h->length >= 1 && h->length <= h->bytes;
}

bool lfrec_model_named(const void *value, size_t length, lfrec_model_name *name)
{
    head h;
    bool named = value && read_head(value, length, &h);
    if (named) {
        *name = h.name;
    }
    return named;
}

/* All parts but the last are of one size, which a part tells by its own size and place; 0: it contradicts itself. So what is set aside for
 * a model is in proportion to a part that did come, or the last one says of the others no more than a message may hold. */
static size_t payload_of(const head *h)
{
    uint64_t rest = h->bytes - h->length, others = h->chunks - 1;
    if (h->chunk < others) {
        return h->length * others < h->bytes && h->bytes <= h->length * h->chunks ? h->length : 0;
    }
    return others == 0 ? (rest == 0 ? h->length : 0)
           : rest % others == 0 && rest / others >= h->length && rest / others <= PART_MOST ? (size_t)(rest / others)
                                                                                            : 0;
}

static bool begin(slot *s, const head *h)
{
    clear(s);
    s->bytes = malloc((size_t)h->bytes);
    s->have = calloc(h->chunks, 1);
    if (!s->bytes || !s->have) {
        clear(s);
        return false;
    }
    s->name = h->name;
    s->length = (size_t)h->bytes;
    s->hash = h->hash;
    s->chunks = s->missing = h->chunks;
    s->payload = payload_of(h);
    return true;
}

lfrec_assembled lfrec_assembly_take(lfrec_assembly *a, const void *value, size_t length)
{
    head h;
    if (!value) {
        return LFREC_ASSEMBLED_PART;
    }
    if (!read_head(value, length, &h) || payload_of(&h) == 0) {
        return LFREC_ASSEMBLED_BAD;
    }
    if (a->whole && h.name.version <= a->version) {
        return LFREC_ASSEMBLED_PART; /* of an older one, or of one that two trainers made: the first that was whole stays */
    }
    slot *s = &a->slots[h.name.version % 2];
    if (!s->have || !lfrec_model_same(s->name, h.name)) {
        if (!begin(s, &h)) {
            return LFREC_ASSEMBLED_NO_MEMORY;
        }
    }
    if (s->length != h.bytes || s->chunks != h.chunks || s->hash != h.hash || s->payload != payload_of(&h)) {
        return LFREC_ASSEMBLED_BAD;
    }
    if (!s->have[h.chunk]) {
        s->have[h.chunk] = 1;
        s->missing--;
    }
    memcpy(s->bytes + s->payload * h.chunk, (const unsigned char *)value + LFREC_CHUNK_HEAD, h.length);
    if (s->missing > 0) {
        return LFREC_ASSEMBLED_PART;
    }
    if (lfrec_fnv(LFREC_FNV_START, s->bytes, s->length) != s->hash) {
        clear(s);
        return LFREC_ASSEMBLED_BAD;
    }
    a->whole = true;
    a->newest = (unsigned)(h.name.version % 2);
    a->version = h.name.version;
    clear(&a->slots[1 - a->newest]);
    return LFREC_ASSEMBLED_MODEL;
}

bool lfrec_assembly_model(const lfrec_assembly *a, lfrec_model_name *name, const void **bytes, size_t *length)
{
    const slot *s = &a->slots[a->newest];
    if (!a->whole || !s->bytes || s->name.version != a->version) {
        return false; /* none yet, or the one after the next is under way in its place */
    }
    *name = s->name;
    *bytes = s->bytes;
    *length = s->length;
    return true;
}
