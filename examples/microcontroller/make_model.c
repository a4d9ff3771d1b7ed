/* make_model.c - the desktop's part: trains a model of 500 films and 25 factors and writes it to two files: as it is, and with
 * weights of 8 bits. */
#include "../../lfrec.h"
#include <stdio.h>

enum { USERS = 600, ITEMS = 500, FACTORS = 25, KINDS = 5, EACH = 30 };

static lfrec_rating events[USERS * EACH];

/* Every user likes two kinds of films and rates some of all. */
static void make_ratings(void)
{
    lfrec_rng chance;
    lfrec_rng_seed(&chance, 1, 0);
    for (uint32_t k = 0; k < USERS * EACH; k++) {
        events[k].user = k / EACH;
        events[k].item = lfrec_rng_below(&chance, ITEMS);
        const uint32_t kind = events[k].item % KINDS;
        const int likes = kind == events[k].user % KINDS || kind == events[k].user / KINDS % KINDS;
        events[k].value = (float)(1 + (likes ? 2 : 0) + (int)lfrec_rng_below(&chance, 3));
    }
}

static int write_stream(void *context, const void *data, size_t bytes)
{
    return fwrite(data, 1, bytes, context) == bytes;
}

static lfrec_status save_packed(const lfrec_model *model, const char *path)
{
    FILE *stream = fopen(path, "wb");
    if (!stream) return LFREC_ERROR_IO;
    const lfrec_status status = lfrec_save_packed(model, write_stream, stream);
    return fclose(stream) == 0 ? status : LFREC_ERROR_IO;
}

static lfrec_status train_and_save(const char *path, const char *packed_path)
{
    lfrec_ratings ratings = {0};
    lfrec_model model = {0};
    const lfrec_options options = lfrec_options_for(LFREC_SGD, ITEMS, FACTORS, 1, 5);
    lfrec_status status = lfrec_ratings_create(&ratings, USERS, ITEMS, events, USERS * EACH, NULL);
    if (status == LFREC_OK) status = lfrec_model_create(&model, &options, NULL);
    if (status == LFREC_OK) status = lfrec_train(&model, &options, &ratings, NULL, NULL, NULL);
    if (status == LFREC_OK) status = lfrec_save_file(&model, path);
    if (status == LFREC_OK) status = save_packed(&model, packed_path);
    lfrec_model_destroy(&model);
    lfrec_ratings_destroy(&ratings);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "make_model FILE FILE8: train a model and write it there\n");
        return 2;
    }
    make_ratings();
    const lfrec_status status = train_and_save(argv[1], argv[2]);
    if (status != LFREC_OK) (void)fprintf(stderr, "%s, %s: %s\n", argv[1], argv[2], lfrec_status_string(status));
    return status != LFREC_OK;
}
