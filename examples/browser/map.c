#include "map.h"

static float dot(const float *a, const float *b, uint32_t count)
{
    float sum = 0;
    for (uint32_t q = 0; q < count; q++) sum += a[q] * b[q];
    return sum;
}

/* Length 1, or all 0 for what is next to nothing. */
static void normalize(float *vector, uint32_t count)
{
    const float square = dot(vector, vector, count), scale = square > 1e-20f ? 1.0f / __builtin_sqrtf(square) : 0.0f;
    for (uint32_t q = 0; q < count; q++) vector[q] *= scale;
}

/* One round: axis becomes the covariance of the rows times axis, less what lies along the axis before it. */
static void iterate(map *made, const lfrec_model *model, int which)
{
    const uint32_t K = model->factors;
    float *axis = made->axis[which], sum[MAP_MOST_FACTORS] = {0}, row[MAP_MOST_FACTORS];
    for (uint32_t i = 0; i < model->items; i++) {
        for (uint32_t q = 0; q < K; q++) row[q] = model->decoder[i * model->stride + q] - made->center[q];
        const float along = dot(row, axis, K);
        for (uint32_t q = 0; q < K; q++) sum[q] += along * row[q];
    }
    for (uint32_t q = 0; q < K; q++) axis[q] = sum[q];
    if (which == 1) {
        const float shared = dot(axis, made->axis[0], K);
        for (uint32_t q = 0; q < K; q++) axis[q] -= shared * made->axis[0][q];
    }
    normalize(axis, K);
}

void map_make(map *made, const lfrec_model *model)
{
    const uint32_t K = model->factors;
    for (uint32_t q = 0; q < MAP_MOST_FACTORS; q++) made->center[q] = made->axis[0][q] = made->axis[1][q] = 0;
    for (uint32_t i = 0; i < model->items; i++) {
        for (uint32_t q = 0; q < K; q++) made->center[q] += model->decoder[i * model->stride + q] / (float)model->items;
    }
    for (int which = 0; which < 2; which++) {
        float *axis = made->axis[which];
        for (uint32_t q = 0; q < K; q++) axis[q] = q % 2 == (uint32_t)which ? 1.0f : 0.5f;
        for (int round = 0; round < 100; round++) iterate(made, model, which);
        if (map_place(made, which, model->decoder, K) >= 0.0f) continue;
        for (uint32_t q = 0; q < K; q++) axis[q] = -axis[q];
    }
}

float map_place(const map *of, int axis, const float *factors, uint32_t count)
{
    return dot(factors, of->axis[axis], count) - dot(of->center, of->axis[axis], count);
}
