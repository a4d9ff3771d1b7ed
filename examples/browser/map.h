/* map.h - a model's films as points: the two directions in which its decoder's rows differ most. */
#ifndef MAP_H
#define MAP_H

#include "../../lfrec.h"

enum { MAP_MOST_FACTORS = 32 };

typedef struct map {
    float center[MAP_MOST_FACTORS];
    float axis[2][MAP_MOST_FACTORS]; /* of length 1, at right angles; all 0 where nothing differs */
} map;

/* Principal directions by power iteration; the model has at most MAP_MOST_FACTORS factors. The signs are fixed by the first item. */
void map_make(map *made, const lfrec_model *model);
/* Where a row of factors is along an axis. */
float map_place(const map *of, int axis, const float *factors, uint32_t count);

#endif
