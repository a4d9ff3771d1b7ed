/* fingerprint.h - what makes a published list the same list: its items in their order, and their scores, as they are printed, to 0.01.
 *
 * FNV-1a over the items' ids, so that it is the same in every process, and the same when the list is read back from its topic: scores are
 * printed with 4 digits, and so are rounded to those before anything else. A collision would hold one changed list back until the user's
 * next change: one in 2^64. */
#ifndef LFREC_FINGERPRINT_H
#define LFREC_FINGERPRINT_H

#include "bytes.h"
#include "event.h"
#include <math.h>

#define LFREC_FINGERPRINT_EMPTY LFREC_FNV_START /* of a list without items */

static inline uint64_t lfrec_fingerprint_add(uint64_t fingerprint, lfrec_id item, double score)
{
    double unit = 1e-4; /* of the last digit printed */
    while (fabs(score) >= 9999.5 * unit && unit < 1e6) {
        unit *= 10;
    }
    const double half = score < 0 ? -0.5 : 0.5;
    const double printed = (double)(int64_t)(score / unit + half) * unit;
    fingerprint = lfrec_fnv_words(fingerprint, item.bytes, item.length);
    fingerprint = (fingerprint ^ (uint64_t)(int64_t)(printed * 100 + half)) * 1099511628211u;
    return fingerprint ? fingerprint : 1; /* 0 is no list */
}

#endif
