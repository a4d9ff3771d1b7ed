/* narrow.c - where size_t has 32 bits: sizes beyond it are refused, never wrapped, and what fits trains the same model as everywhere.
 * Prints the hash of the model. */
#define LFREC_IMPLEMENTATION
#include "exercise.h"
#include <stdio.h>

#define EXPECT(condition)                                                            \
    do {                                                                             \
        if (!(condition)) {                                                          \
            printf("narrow.c, line %d: '%s' does not hold\n", __LINE__, #condition); \
            return 1;                                                                \
        }                                                                            \
    } while (0)

int main(void)
{
    lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 40000000, 64, 1, 5);
    lfrec_model model;
    lfrec_ratings ratings;
    lfrec_means means;
    size_t bytes = 7;
    uint32_t hash = 0;
    EXPECT(sizeof(size_t) == 4);
    EXPECT(lfrec_model_size(&options, &bytes) == LFREC_ERROR_OVERFLOW && bytes == 7);
    EXPECT(lfrec_model_create(&model, &options, NULL) == LFREC_ERROR_OVERFLOW);
    EXPECT(lfrec_means_size(300000000, &bytes) == LFREC_ERROR_OVERFLOW && bytes == 7);
    EXPECT(lfrec_means_create(&means, 300000000, NULL) == LFREC_ERROR_OVERFLOW);
    EXPECT(lfrec_ratings_size(10, 10, 0x40000000, &bytes) == LFREC_ERROR_OVERFLOW && bytes == 7);
    EXPECT(lfrec_ratings_create(&ratings, 0xfffffffeu, 10, NULL, 0, NULL) == LFREC_ERROR_OVERFLOW);
    options.items = 1000000; /* 1e6 x 64 x 2 x 4 bytes fit */
    EXPECT(lfrec_model_size(&options, &bytes) == LFREC_OK && bytes > 512000000);
    options.factors = 1024; /* 8e9 do not */
    EXPECT(lfrec_model_size(&options, &bytes) == LFREC_ERROR_OVERFLOW);
    int line = exercise(0, &hash);
    if (line != 0) {
        printf("exercise.h, line %d failed\n", line);
        return 1;
    }
    printf("%08lx\n", (unsigned long)hash);
    return 0;
}
