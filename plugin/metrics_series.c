#include "metrics_series.h"
#include <string.h>

void lfrec_series_add(lfrec_series *s, int64_t now_ms, const lfrec_point *point)
{
    if (s->count > 0 && now_ms - s->last_ms < s->period_ms) {
        return;
    }
    if (s->count == LFREC_SERIES_POINTS && s->folds) {
        for (size_t i = 0; i < LFREC_SERIES_POINTS / 2; i++) {
            s->point[i] = s->point[2 * i + 1]; /* the newest stays */
        }
        s->count = LFREC_SERIES_POINTS / 2;
        s->period_ms *= 2;
        if (now_ms - s->last_ms < s->period_ms) {
            return;
        }
    } else if (s->count == LFREC_SERIES_POINTS) {
        memmove(s->point, s->point + 1, (LFREC_SERIES_POINTS - 1) * sizeof *s->point);
        s->count--;
    }
    s->point[s->count++] = *point;
    s->last_ms = now_ms;
}
