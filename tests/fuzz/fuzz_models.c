/* fuzz_models.c - any messages on the models' topic, and any bytes as a packed model.
 *
 * Input: its first byte's last bit chooses.
 *   0  messages: length (2 bytes, little-endian), bytes; and again. Each is a chunk as it is; then all of them once more.
 *   1  a packed model; it is read, and its rows are spread over a model with more items.
 * Checked: no crash, no read behind the end, nothing left; a model that is whole has the length and the hash that its chunks said. */
#include "../../plugin/model_pack.h"
#include "../../plugin/model_topic.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)    \
    do {                      \
        if (!(condition)) {   \
            __builtin_trap(); \
        }                     \
    } while (0)

/* A copy of its own, so that the sanitizer sees every byte that is read behind it. */
static void *copy_of(const uint8_t *bytes, size_t length)
{
    void *copy = malloc(length + (length == 0));
    REQUIRE(copy != NULL);
    memcpy(copy, bytes, length);
    return copy;
}

static uint64_t number_at(const uint8_t *at)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number |= (uint64_t)at[i] << (8 * i);
    }
    return number;
}

static void messages(const uint8_t *data, size_t size)
{
    lfrec_assembly *assembly = lfrec_assembly_open();
    lfrec_model_name name, last = {0};
    const void *model;
    size_t length;
    for (int round = 0; round < 2; round++) {
        for (size_t at = 0; at + 2 <= size;) {
            size_t bytes = data[at] | (size_t)data[at + 1] << 8;
            at += 2;
            bytes = bytes < size - at ? bytes : size - at;
            uint8_t *message = copy_of(data + at, bytes), head[LFREC_CHUNK_HEAD] = {0};
            memcpy(head, message, bytes < sizeof head ? bytes : sizeof head);
            lfrec_assembled result = lfrec_assembly_take(assembly, message, bytes);
            bool whole = lfrec_assembly_model(assembly, &name, &model, &length);
            REQUIRE(result != LFREC_ASSEMBLED_MODEL ||
                    (whole && name.version == number_at(head + 4) && length == number_at(head + 28)));
            REQUIRE(!whole || name.version >= last.version);
            last = whole ? name : last;
            free(message);
            at += bytes;
        }
    }
    lfrec_assembly_close(assembly);
}

/* Over one with more items, backwards. */
static void spread(const lfrec_model *model)
{
    lfrec_options options =
        lfrec_options_for(model->setting, model->items + 3, model->factors, model->scale_min, model->scale_max);
    uint32_t *index = calloc((size_t)model->items + 1, sizeof *index);
    lfrec_model room;
    REQUIRE(index != NULL);
    for (uint32_t k = 0; k < model->items; k++) {
        index[k] = model->items + 2 - k;
    }
    if (lfrec_model_create(&room, &options, NULL) == LFREC_OK) {
        lfrec_model_spread(model, index, &room);
        for (uint32_t k = 0; k < model->items; k++) {
            REQUIRE(room.item_mean[index[k]] == model->item_mean[k]);
        }
        lfrec_model_destroy(&room);
    }
    free(index);
}

static void packed(const uint8_t *data, size_t size)
{
    lfrec_packed p;
    char error[LFREC_PACK_ERROR_MAX] = "";
    uint8_t *bytes = copy_of(data, size);
    if (lfrec_packed_open(&p, bytes, size, error)) {
        lfrec_id id;
        for (uint32_t k = 0; lfrec_packed_item(&p, k, &id); k++) {
            REQUIRE(id.length >= 1 && id.length <= LFREC_ID_MAX && (const uint8_t *)id.bytes + id.length <= bytes + size);
        }
        spread(&p.model);
        if (p.ranker.items > 0) {
            REQUIRE(p.ranker.items == p.model.items);
            spread(&p.ranker);
        }
        lfrec_packed_close(&p);
    } else {
        REQUIRE(*error != '\0');
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        (data[0] & 1 ? packed : messages)(data + 1, size - 1);
    }
    return 0;
}
