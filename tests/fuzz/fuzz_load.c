/* fuzz_load.c - any bytes as a model file.
 *
 * Input: the file. It is tried as it is, and once more with both checksums put right, since no mutation would get past them.
 * Checked: no crash; loading and viewing agree; a refused file leaves the model alone and no memory behind; what loads can be saved to
 * the same bytes, and serves: no list, prediction or distance leaves its range, and both ways of loading give the same ones. */
#define LFREC_IMPLEMENTATION
#define LFREC_STATIC
#include "../../lfrec.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)    \
    do {                      \
        if (!(condition)) {   \
            __builtin_trap(); \
        }                     \
    } while (0)

enum { LIST = 5, HISTORY = 4, SERVED_ITEMS = 2000 };

typedef struct {
    lfrec_scored list[LIST], near[LIST];
    size_t found, found_near;
    lfrec_explanation why;
    lfrec_reason reasons[HISTORY];
} answers;

/* Up to four ratings, spread over the items: a history that any number of items has. False: the model's numbers do not serve. */
static bool serve(const lfrec_model *model, answers *a)
{
    float *factors = malloc((1 + lfrec_user_floats(model)) * sizeof *factors);
    const bool rates = model->setting != LFREC_RANKING;
    const uint32_t items[HISTORY] = {0, model->items / 3, model->items / 2, model->items - 1};
    uint32_t item[HISTORY];
    float value[HISTORY], rating, distance;
    lfrec_history history = {item, value, 0};
    lfrec_user user = {0, 0, factors};
    memset(a, 0, sizeof *a);
    REQUIRE(factors != NULL);
    for (int k = 0; k < HISTORY; k++) {
        if (history.count == 0 || items[k] > item[history.count - 1]) {
            item[history.count] = items[k];
            value[history.count++] = k % 2 ? model->scale_max : model->scale_min;
        }
    }
    const bool sums = model->setting == LFREC_ARTICLE || model->setting == LFREC_SGD;
    const lfrec_status folded = lfrec_fold_in(model, &history, &user);
    REQUIRE(folded == LFREC_OK || (folded == LFREC_ERROR_NUMBER && !sums));
    if (folded != LFREC_OK) { /* weights near the largest float, which are no numbers any more when multiplied */
        free(factors);
        return false;
    }
    lfrec_query query = lfrec_query_for(LIST, &history);
    REQUIRE(lfrec_top(model, &user, &query, a->list, &a->found) == LFREC_OK && a->found <= LIST);
    for (size_t k = 0; k < a->found; k++) {
        REQUIRE(a->list[k].item < model->items && model->support[a->list[k].item] >= LFREC_MIN_SUPPORT);
        REQUIRE(!rates || (a->list[k].score >= model->scale_min && a->list[k].score <= model->scale_max));
    }
    a->why.reasons = a->reasons;
    a->why.room = HISTORY;
    const lfrec_status explained = lfrec_explain(model, &user, &history, model->items - 1, &a->why);
    REQUIRE(explained == LFREC_ERROR_NUMBER || (explained == LFREC_OK && a->why.count == history.count));
    for (size_t k = 0; k < a->why.count; k++) REQUIRE(isfinite(a->reasons[k].share));
    for (uint32_t i = 0; i < model->items && i < SERVED_ITEMS; i++) {
        REQUIRE(lfrec_predict(model, &user, i, &rating) == (rates ? LFREC_OK : LFREC_ERROR_ARGUMENT));
        REQUIRE(!rates || (rating >= model->scale_min && rating <= model->scale_max));
        REQUIRE(lfrec_deviation(model, &user, i, &rating) ==
                (model->setting == LFREC_BAYES ? LFREC_OK : LFREC_ERROR_ARGUMENT));
        REQUIRE(lfrec_distance(model, LFREC_COSINE, 0, i, &distance) == LFREC_OK);
    }
    if (model->items < SERVED_ITEMS) {
        REQUIRE(lfrec_nearest(model, LFREC_EUCLIDEAN, 0, LIST, a->near, &a->found_near) == LFREC_OK);
    }
    free(factors);
    return true;
}

static void try_file(const uint8_t *file, size_t size)
{
    static answers loaded_answers, viewed_answers;
    lfrec_model loaded, viewed, before;
    memset(&loaded, 0x5a, sizeof loaded);
    before = viewed = loaded;
    lfrec_status load = lfrec_load_buffer(&loaded, file, size, NULL);
    lfrec_status view = lfrec_view(&viewed, file, size);
    REQUIRE(load == view || load == LFREC_ERROR_MEMORY);
    if (load != LFREC_OK) {
        REQUIRE(memcmp(&loaded, &before, sizeof loaded) == 0); /* NOLINT: not one byte is written, padding included */
        return;
    }
    size_t bytes, written;
    REQUIRE(lfrec_save_size(&loaded, &bytes) == LFREC_OK && bytes == size);
    uint8_t *again = malloc(bytes + 1);
    REQUIRE(again != NULL);
    REQUIRE(lfrec_save_buffer(&loaded, again, bytes, &written) == LFREC_OK && written == bytes);
    REQUIRE(memcmp(again, file, bytes) == 0);
    REQUIRE(lfrec_save_buffer(&viewed, again, bytes, &written) == LFREC_OK && memcmp(again, file, bytes) == 0);
    free(again);
    if (serve(&loaded, &loaded_answers) && serve(&viewed, &viewed_answers)) {
        REQUIRE(loaded_answers.found == viewed_answers.found);
        for (size_t k = 0; k < loaded_answers.found; k++) {
            REQUIRE(loaded_answers.list[k].item == viewed_answers.list[k].item);
        }
    }
    lfrec_model_destroy(&loaded);
}

static void put_crc(uint8_t *file, size_t at)
{
    lfrec__put32(file + at, ~lfrec__crc(0xffffffffu, file, at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file = malloc(size ? size : 1); /* of this size exactly, and aligned */
    REQUIRE(file != NULL);
    memcpy(file, data, size);
    try_file(file, size);
    if (size >= LFREC_HEADER_BYTES + 4) {
        put_crc(file, LFREC_HEADER_BYTES - 4);
        put_crc(file, size - 4);
        try_file(file, size);
    }
    free(file);
    return 0;
}
