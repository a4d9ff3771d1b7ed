/* nearest.c - "did you mean" (options.h: lfrec_config_nearest). */
#include "options_table.h"
#include <string.h>

enum { NAME_MAX_COMPARED = 64 };

/* Edits (insert, delete, replace, swap of neighbours) that make b of a; NAME_MAX_COMPARED and more when either is too long. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MAX_COMPARED + 1];
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > NAME_MAX_COMPARED || b_length > NAME_MAX_COMPARED) {
        return NAME_MAX_COMPARED;
    }
    for (size_t j = 0; j <= b_length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t *now = rows[i % 3];
        const size_t *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best) {
                best = before[j - 2] + 1;
            }
            now[j] = best;
        }
    }
    return rows[a_length % 3][b_length];
}

const char *lfrec_config_nearest(const char *name)
{
    const char *nearest = NULL;
    size_t prefix = strlen("lfrec.");
    size_t least = strlen(name) / 4 + 1; /* so far is not near any more */
    if (least > 4) {
        least = 4;
    }
    for (size_t i = 0; i < LFREC_OPTION_COUNT; i++) {
        const char *candidate = lfrec_option_table[i].name;
        size_t whole = distance(name, candidate), bare = distance(name, candidate + prefix);
        size_t edits = whole < bare ? whole : bare;
        if (edits < least) {
            least = edits;
            nearest = candidate;
        }
    }
    return nearest;
}
