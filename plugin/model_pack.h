/* model_pack.h - an operator's models with the names of their items, as bytes: what it can give to another, whose items have other indices.
 *
 *   "LFP2"  items u32  { length u16  id }...  padding to 8, then twice, for the model that predicts ratings and the one that orders
 *   lists: bytes u64 (0: there is none)  the model in the header's own format (which has a checksum)  padding to 8 */
#ifndef LFREC_MODEL_PACK_H
#define LFREC_MODEL_PACK_H

#include "../lfrec.h"
#include "buffer.h"
#include "ratings.h"

#define LFREC_PACK_ERROR_MAX 256u

/* Appends them. Each has as many items as the store; ranker: NULL for none. false: no memory. */
bool lfrec_model_pack(const lfrec_store *store, const lfrec_model *model, const lfrec_model *ranker, lfrec_buffer *buffer);

typedef struct lfrec_packed {
    lfrec_model model;        /* items in the maker's order */
    lfrec_model ranker;       /* likewise; no items: there is none */
    const unsigned char **id; /* model.items: where each id's length stands, in the bytes given to open */
} lfrec_packed;

/* The bytes are borrowed until close. false: error says why. */
bool lfrec_packed_open(lfrec_packed *packed, const void *bytes, size_t length, char error[LFREC_PACK_ERROR_MAX]);
void lfrec_packed_close(lfrec_packed *packed);
bool lfrec_packed_item(const lfrec_packed *packed, uint32_t index, lfrec_id *id); /* false: there are no more */

/* A model's content into another, fresh and of the same setting and factors, whose item index[k] is item k here; LFREC_NO_INDEX: it is left out. The others keep nothing but
 * the overall mean. */
void lfrec_model_spread(const lfrec_model *from, const uint32_t *index, lfrec_model *to);

#endif
