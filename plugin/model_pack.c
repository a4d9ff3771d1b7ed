#include "model_pack.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 8 };
static const char magic[4] = {'L', 'F', 'P', '1'};

static size_t padded(size_t length)
{
    return (length + 7) & ~(size_t)7;
}

bool lfrec_model_pack(const lfrec_store *store, const lfrec_model *model, lfrec_buffer *buffer)
{
    size_t names = HEAD, bytes = 0, written = 0;
    for (uint32_t item = 0; item < model->items; item++) {
        names += 2 + lfrec_store_item_id(store, item).length;
    }
    names = padded(names);
    if (lfrec_save_size(model, &bytes) != LFREC_OK || !lfrec_buffer_reserve(buffer, names + bytes)) {
        return false;
    }
    unsigned char *at = (unsigned char *)buffer->bytes + buffer->length;
    memset(at, 0, names);
    memcpy(at, magic, sizeof magic);
    for (int i = 0; i < 4; i++) {
        at[4 + i] = (unsigned char)(model->items >> (8 * i));
    }
    unsigned char *name = at + HEAD;
    for (uint32_t item = 0; item < model->items; item++) {
        lfrec_id id = lfrec_store_item_id(store, item);
        name[0] = (unsigned char)id.length; /* at most LFREC_ID_MAX */
        name[1] = (unsigned char)(id.length >> 8);
        memcpy(name + 2, id.bytes, id.length);
        name += 2 + id.length;
    }
    if (lfrec_save_buffer(model, at + names, bytes, &written) != LFREC_OK) {
        return false;
    }
    buffer->length += names + written;
    return true;
}

static bool fail(char error[LFREC_PACK_ERROR_MAX], const char *why)
{
    snprintf(error, LFREC_PACK_ERROR_MAX, "%s", why);
    return false;
}

bool lfrec_packed_open(lfrec_packed *p, const void *bytes, size_t length, char error[LFREC_PACK_ERROR_MAX])
{
    const unsigned char *at = bytes;
    *p = (lfrec_packed){0};
    if (length < HEAD || memcmp(at, magic, sizeof magic) != 0) {
        return fail(error, "these bytes are no model of lfrec-kafka's");
    }
    uint32_t items = at[4] | (uint32_t)at[5] << 8 | (uint32_t)at[6] << 16 | (uint32_t)at[7] << 24;
    if (items > length / 3) {
        return fail(error, "the model is cut short");
    }
    p->id = calloc((size_t)items + 1, sizeof *p->id);
    if (!p->id) {
        return fail(error, "no memory for a model");
    }
    size_t from = HEAD;
    for (uint32_t item = 0; item < items; item++) {
        size_t id = length - from >= 2 ? at[from] | (size_t)at[from + 1] << 8 : 0;
        if (id < 1 || id > LFREC_ID_MAX || id > length - from - 2) {
            lfrec_packed_close(p);
            return fail(error, "the names of the model's items are damaged");
        }
        p->id[item] = at + from;
        from += 2 + id;
    }
    from = padded(from);
    lfrec_status status = from <= length ? lfrec_load_buffer(&p->model, at + from, length - from, NULL) : LFREC_ERROR_CORRUPT;
    if (status != LFREC_OK || p->model.items != items) {
        snprintf(error, LFREC_PACK_ERROR_MAX, "the model cannot be read: %s",
                 status == LFREC_OK ? "it has other items than its names" : lfrec_status_string(status));
        lfrec_packed_close(p);
        return false;
    }
    return true;
}

void lfrec_packed_close(lfrec_packed *p)
{
    lfrec_model_destroy(&p->model);
    free(p->id);
    *p = (lfrec_packed){0};
}

bool lfrec_packed_item(const lfrec_packed *p, uint32_t index, lfrec_id *id)
{
    if (index >= p->model.items) {
        return false;
    }
    const unsigned char *at = p->id[index];
    *id = (lfrec_id){.bytes = (const char *)at + 2, .length = at[0] | (size_t)at[1] << 8};
    return true;
}

/* A fresh model's arrays are its maker's to write. */
static void *writable(const void *array)
{
    union {
        const void *in;
        void *out;
    } pointer = {.in = array};
    return pointer.out;
}

/* Rows of 4-byte words: `words` from each row, the strides may differ. NULL: this setting has no such array. */
static void spread(const void *from, size_t from_stride, const void *to, size_t to_stride, size_t words, uint32_t items,
                   const uint32_t *index)
{
    for (uint32_t k = 0; from && to && k < items; k++) {
        memcpy((char *)writable(to) + index[k] * to_stride * 4, (const char *)from + k * from_stride * 4, words * 4);
    }
}

void lfrec_model_spread(const lfrec_model *from, const uint32_t *index, lfrec_model *to)
{
    size_t words = from->stride < to->stride ? from->stride : to->stride;
    to->mean = from->mean;
    to->item_shrink = from->item_shrink;
    to->user_shrink = from->user_shrink;
    float *mean = writable(to->item_mean);
    for (uint32_t item = 0; item < to->items; item++) {
        mean[item] = from->mean;
    }
    spread(from->item_mean, 1, to->item_mean, 1, 1, from->items, index);
    spread(from->support, 1, to->support, 1, 1, from->items, index);
    spread(from->offset, 1, to->offset, 1, 1, from->items, index);
    spread(from->encoder, from->stride, to->encoder, to->stride, words, from->items, index);
    spread(from->decoder, from->stride, to->decoder, to->stride, words, from->items, index);
    spread(from->implicit, from->stride, to->implicit, to->stride, words, from->items, index);
}
