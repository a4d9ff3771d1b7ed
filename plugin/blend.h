/* blend.h - how far to trust the model beyond the means: prediction = means + weight * (model - means), a weight for each range of a user's
 * number of ratings (0, 1..2, 3..6, 7..14, ...). By least squares over past predictions, each made before its rating was learned, so
 * nothing is judged by what it was made from (stacking: Wolpert 1992). The prior says to trust the model. */
#ifndef LFREC_BLEND_H
#define LFREC_BLEND_H

#include <stddef.h>

#define LFREC_BLEND_RANGES 16
#define LFREC_BLEND_PRIOR 10.0 /* in the same unit as the squares: some 60 ratings' worth */

/* All zero: nothing predicted yet. */
typedef struct lfrec_blend {
    double product[LFREC_BLEND_RANGES]; /* sums of (model - means) * (rating - means), */
    double square[LFREC_BLEND_RANGES];  /* of (model - means)^2; both in the model's own unit of variance */
} lfrec_blend;

static inline int lfrec_blend_range(size_t ratings)
{
    int range = 0;
    for (size_t above = ratings + 1; above > 1 && range < LFREC_BLEND_RANGES - 1; above /= 2) {
        ++range;
    }
    return range;
}

/* 0 .. 1. */
static inline float lfrec_blend_weight(const lfrec_blend *blend, size_t ratings)
{
    const int range = lfrec_blend_range(ratings);
    const double weight = (LFREC_BLEND_PRIOR + blend->product[range]) / (LFREC_BLEND_PRIOR + blend->square[range]);
    return weight < 0 ? 0 : weight > 1 ? 1 : (float)weight;
}

static inline void lfrec_blend_learn(lfrec_blend *blend, size_t ratings, float model, float means, float rating, float unit)
{
    const int range = lfrec_blend_range(ratings);
    const double beyond = (double)model - (double)means;
    blend->product[range] += beyond * ((double)rating - (double)means) / (double)unit;
    blend->square[range] += beyond * beyond / (double)unit;
}

#endif
