/* clock.h - time: the kind that only moves forward, for pauses, paces and rates; and the date. */
#ifndef LFREC_CLOCK_H
#define LFREC_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since some fixed moment. */
static inline int64_t lfrec_clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Microseconds since the same moment. */
static inline int64_t lfrec_clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Seconds since 1970, for people and other programs: it may jump. */
static inline double lfrec_clock_date(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif
