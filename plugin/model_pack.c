#include "model_pack.h"
#include "bytes.h"
#include "utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 8, LENGTH = 8 };
static const char magic[4] = {'L', 'F', 'P', '2'};

static size_t padded(size_t length)
{
    return (length + 7) & ~(size_t)7;
}

/* model: NULL for none. */
static bool put_model(const lfrec_model *model, lfrec_buffer *buffer)
{
    size_t bytes = 0, written = 0;
    if (model && lfrec_save_size(model, &bytes) != LFREC_OK) {
        return false;
    }
    const size_t room = LENGTH + padded(bytes);
    if (!lfrec_buffer_reserve(buffer, room)) {
        return false;
    }
    unsigned char *at = (unsigned char *)buffer->bytes + buffer->length;
    memset(at, 0, room);
    lfrec_set(at, bytes, LENGTH);
    if (model && lfrec_save_buffer(model, at + LENGTH, bytes, &written) != LFREC_OK) {
        return false;
    }
    buffer->length += room;
    return true;
}

bool lfrec_model_pack(const lfrec_store *store, const lfrec_model *model, const lfrec_model *ranker, lfrec_buffer *buffer)
{
    size_t names = HEAD;
    for (uint32_t item = 0; item < model->items; item++) {
        names += 2 + lfrec_store_item_id(store, item).length;
    }
    names = padded(names);
    if (!lfrec_buffer_reserve(buffer, names)) {
        return false;
    }
    unsigned char *at = (unsigned char *)buffer->bytes + buffer->length;
    memset(at, 0, names);
    memcpy(at, magic, sizeof magic);
    lfrec_set(at + sizeof magic, model->items, 4);
    unsigned char *name = at + HEAD;
    for (uint32_t item = 0; item < model->items; item++) {
        lfrec_id id = lfrec_store_item_id(store, item); /* at most LFREC_ID_MAX bytes */
        lfrec_set(name, id.length, 2);
        memcpy(name + 2, id.bytes, id.length);
        name += 2 + id.length;
    }
    const size_t before = buffer->length;
    buffer->length += names;
    if (!put_model(model, buffer) || !put_model(ranker, buffer)) {
        buffer->length = before;
        return false;
    }
    return true;
}

static bool fail(char error[LFREC_PACK_ERROR_MAX], const char *why)
{
    snprintf(error, LFREC_PACK_ERROR_MAX, "%s", why);
    return false;
}

/* From *from on, which moves behind it. false: error says what is wrong with it. */
static bool read_model(const unsigned char *at, size_t length, size_t *from, uint32_t items, lfrec_model *model,
                       char error[LFREC_PACK_ERROR_MAX])
{
    const size_t left = length > *from ? length - *from : 0;
    const uint64_t bytes = left >= LENGTH ? lfrec_get(at + *from, LENGTH) : left;
    if (left < LENGTH || bytes > left - LENGTH) {
        return fail(error, "the model cannot be read: it is cut short");
    }
    lfrec_status status = bytes > 0 ? lfrec_load_buffer(model, at + *from + LENGTH, (size_t)bytes, NULL) : LFREC_OK;
    if (status != LFREC_OK || (bytes > 0 && model->items != items)) {
        snprintf(error, LFREC_PACK_ERROR_MAX, "the model cannot be read: %s",
                 status == LFREC_OK ? "it has other items than its names" : lfrec_status_string(status));
        return false;
    }
    *from += LENGTH + padded((size_t)bytes);
    return true;
}

bool lfrec_packed_open(lfrec_packed *p, const void *bytes, size_t length, char error[LFREC_PACK_ERROR_MAX])
{
    const unsigned char *at = bytes;
    *p = (lfrec_packed){0};
    if (length < HEAD || memcmp(at, magic, sizeof magic) != 0) {
        return fail(error, "these bytes are no model of lfrec-kafka's");
    }
    uint32_t items = (uint32_t)lfrec_get(at + sizeof magic, 4);
    if (items > length / 3) {
        return fail(error, "the model is cut short");
    }
    p->id = calloc((size_t)items + 1, sizeof *p->id);
    if (!p->id) {
        return fail(error, "no memory for a model");
    }
    size_t from = HEAD;
    for (uint32_t item = 0; item < items; item++) {
        size_t id = length - from >= 2 ? (size_t)lfrec_get(at + from, 2) : 0;
        const char *text = (const char *)at + from + 2;
        if (id < 1 || id > LFREC_ID_MAX || id > length - from - 2 || memchr(text, 0, id) ||
            lfrec_utf8_valid_prefix(text, id) != id) {
            lfrec_packed_close(p);
            return fail(error, "the names of the model's items are damaged");
        }
        p->id[item] = at + from;
        from += 2 + id;
    }
    from = padded(from);
    bool good = read_model(at, length, &from, items, &p->model, error) &&
                read_model(at, length, &from, items, &p->ranker, error);
    if (good && (p->model.items != items || from != length)) {
        good = fail(error, "the model cannot be read: it is missing, or something follows its end");
    }
    if (!good) {
        lfrec_packed_close(p);
    }
    return good;
}

void lfrec_packed_close(lfrec_packed *p)
{
    lfrec_model_destroy(&p->model);
    lfrec_model_destroy(&p->ranker);
    free(p->id);
    *p = (lfrec_packed){0};
}

bool lfrec_packed_item(const lfrec_packed *p, uint32_t index, lfrec_id *id)
{
    if (index >= p->model.items) {
        return false;
    }
    const unsigned char *at = p->id[index];
    *id = (lfrec_id){.bytes = (const char *)at + 2, .length = (size_t)lfrec_get(at, 2)};
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
        if (index[k] != LFREC_NO_INDEX) {
            memcpy((char *)writable(to) + index[k] * to_stride * 4, (const char *)from + k * from_stride * 4, words * 4);
        }
    }
}

void lfrec_model_spread(const lfrec_model *from, const uint32_t *index, lfrec_model *to)
{
    size_t words = from->stride < to->stride ? from->stride : to->stride;
    to->mean = from->mean;
    to->item_shrink = from->item_shrink;
    to->user_shrink = from->user_shrink;
    to->gain = from->gain;
    to->step = from->step;
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
    spread(from->variance, from->stride, to->variance, to->stride, words, from->items, index);
    spread(from->precision, 1, to->precision, 1, 1, from->items, index);
    for (size_t row = 0; from->gram && to->gram && row < from->factors; row++) {
        memcpy((float *)writable(to->gram) + row * to->stride, from->gram + row * from->stride, words * sizeof(float));
    }
}
