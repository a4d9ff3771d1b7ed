/* fuzz_load.c - any bytes as a model file.
 *
 * Checked: no crash; loading and viewing agree; what loads serves numbers on its scale, and saves to the very same bytes. An input whose first
 * byte is odd gets right checksums first, so that the checks behind them are reached. */
#define LFREC_IMPLEMENTATION
#include "../../lfrec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) \
    do { \
        if (!(condition)) { \
            __builtin_trap(); \
        } \
    } while (0)

static void put_crc(uint8_t *at, uint32_t crc)
{
    for (int k = 0; k < 4; k++) {
        at[k] = (uint8_t)(crc >> 8 * k);
    }
}

static void serve(const lfrec_model *model)
{
    static float factors[LFREC_STRIDE(LFREC_MAX_FACTORS)];
    const uint32_t item[] = {0};
    const float value[] = {3};
    lfrec_user user = {0, 0, factors};
    lfrec_history history = {item, value, 1};
    lfrec_scored list[5];
    lfrec_reason reasons[1];
    lfrec_explanation why = {reasons, 1, 0, 0};
    size_t found;
    REQUIRE(lfrec_fold_in(model, &history, &user) == LFREC_OK);
    lfrec_query query = lfrec_query_for(5, &history);
    query.min_support = 0;
    REQUIRE(lfrec_top(model, &user, &query, list, &found) == LFREC_OK);
    for (size_t k = 0; k < found; k++) {
        REQUIRE(list[k].item > 0 && list[k].item < model->items);
        REQUIRE(list[k].score >= model->scale_min && list[k].score <= model->scale_max);
        REQUIRE(lfrec_explain(model, &user, &history, list[k].item, &why) == LFREC_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    const size_t bytes = size - 1;
    uint8_t *file = malloc(bytes ? bytes : 1);
    memcpy(file, data + 1, bytes);
    if (data[0] & 1 && bytes >= LFREC_HEADER_BYTES + 4) {
        put_crc(file + 60, ~lfrec__crc(0xffffffffu, file, 60));
        put_crc(file + bytes - 4, ~lfrec__crc(0xffffffffu, file, bytes - 4));
    }
    lfrec_model model, view;
    const lfrec_status status = lfrec_load_buffer(&model, file, bytes, NULL);
    REQUIRE(lfrec_view(&view, file, bytes) == status);
    if (status == LFREC_OK) {
        size_t written;
        uint8_t *again = malloc(bytes);
        serve(&model);
        serve(&view);
        REQUIRE(lfrec_save_buffer(&model, again, bytes, &written) == LFREC_OK);
        REQUIRE(written == bytes && memcmp(again, file, bytes) == 0);
        free(again);
        lfrec_model_destroy(&model);
    }
    free(file);
    return 0;
}
