/* sample.h - a uniform sample of users that is never larger than allowed: those whose id's hash is below a threshold, which is halved
 * whenever there are too many. The same users, whatever the order they come in, for the same threshold. */
#ifndef LFREC_SAMPLE_H
#define LFREC_SAMPLE_H

#include "event.h"

typedef struct lfrec_sample {
    uint64_t threshold; /* hashes up to here belong to it */
    uint64_t most;      /* users; 0: as many as there are */
} lfrec_sample;

static inline lfrec_sample lfrec_sample_of(uint64_t most)
{
    return (lfrec_sample){.threshold = UINT64_MAX, .most = most};
}

/* FNV-1a, then the finisher of MurmurHash3: near ids get hashes far apart. */
static inline bool lfrec_sample_has(const lfrec_sample *sample, lfrec_id user)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < user.length; i++) {
        hash = (hash ^ (unsigned char)user.bytes[i]) * 1099511628211u;
    }
    hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
    hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53u;
    return (hash ^ (hash >> 33)) <= sample->threshold;
}

/* There are so many users now: true when the sample has been halved, and those outside of it have to leave. */
static inline bool lfrec_sample_shrink(lfrec_sample *sample, uint64_t users)
{
    if (sample->most == 0 || users <= sample->most) {
        return false;
    }
    sample->threshold /= 2;
    return true;
}

#endif
