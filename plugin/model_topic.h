/* model_topic.h - models as messages of a compacted topic: cut into chunks, put together again, whatever came between. No Kafka, no model.
 *
 * A model is some bytes with a version and its maker (a number drawn by each trainer). Its chunks are numbered, and a chunk's key is
 * "0/N" or "1/N", by turns from version to version: while a new model is not complete, the one before it still is, also after compaction.
 * A chunk's value is a head of LFREC_CHUNK_HEAD bytes, little-endian, and its part of the model:
 *   "LFM1"  version u64  maker u64  chunk u32  chunks u32  bytes u64 (of the whole)  hash u64 (FNV-1a of the whole) */
#ifndef LFREC_MODEL_TOPIC_H
#define LFREC_MODEL_TOPIC_H

#include "buffer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LFREC_CHUNK_HEAD 44u
#define LFREC_CHUNK_KEY_MAX 24u
#define LFREC_MODEL_BYTES_MAX \
    ((uint64_t)1 << 31) /* larger ones are refused: memory for them is asked for at their first chunk */

typedef struct lfrec_model_name {
    uint64_t version, maker;
} lfrec_model_name;

static inline bool lfrec_model_same(lfrec_model_name one, lfrec_model_name other)
{
    return one.version == other.version && one.maker == other.maker;
}

/* ---- sending ---- */

/* How many chunks, each of at most `most` bytes with its head (above LFREC_CHUNK_HEAD). */
uint32_t lfrec_model_chunks(size_t bytes, size_t most);
/* One of them: its key, and its value in place of what the buffer held. false: no memory. */
bool lfrec_model_chunk(lfrec_model_name name, const void *model, size_t bytes, size_t most, uint32_t chunk,
                       char key[LFREC_CHUNK_KEY_MAX], lfrec_buffer *value);

/* ---- receiving ---- */

typedef struct lfrec_assembly lfrec_assembly; /* opaque; at most two models at a time */

lfrec_assembly *lfrec_assembly_open(void);           /* NULL: no memory */
void lfrec_assembly_close(lfrec_assembly *assembly); /* NULL is allowed */

typedef enum lfrec_assembled {
    LFREC_ASSEMBLED_PART,  /* taken, or known already; nothing new is whole */
    LFREC_ASSEMBLED_MODEL, /* a model of a higher version than any before is whole: see lfrec_assembly_model */
    LFREC_ASSEMBLED_BAD,   /* no chunk, or one that contradicts its model: passed over */
    LFREC_ASSEMBLED_NO_MEMORY
} lfrec_assembled;

void lfrec_assembly_restart(lfrec_assembly *assembly); /* as after open: versions may begin anew */

/* Which model a message is a part of. false: of none. */
bool lfrec_model_named(const void *value, size_t length, lfrec_model_name *name);
/* One message of the topic, in its order. value NULL (a tombstone) is passed over. */
lfrec_assembled lfrec_assembly_take(lfrec_assembly *assembly, const void *value, size_t length);
/* The newest whole model, until the next take. false: there is none yet. */
bool lfrec_assembly_model(const lfrec_assembly *assembly, lfrec_model_name *name, const void **bytes, size_t *length);

#endif
