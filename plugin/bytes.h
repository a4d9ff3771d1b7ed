/* bytes.h - little-endian numbers into and out of bytes, and a hash of bytes: of what is kept in files and topics. */
#ifndef LFREC_BYTES_H
#define LFREC_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LFREC_SNAPSHOT_MAGIC "\x89LFSNAP\n"
#define LFREC_FNV_START 14695981039346656037u

static inline uint64_t lfrec_fnv(uint64_t hash, const void *bytes, size_t length)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ byte[i]) * 1099511628211u;
    }
    return hash;
}

static inline uint64_t lfrec_get(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static inline void lfrec_set(uint8_t *bytes, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

/* The same over words of 8 bytes, the last one filled with zeros: eight times as fast, for what every event pays. */
static inline uint64_t lfrec_fnv_words(uint64_t hash, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    for (; length >= 8; length -= 8, at += 8) {
        hash = (hash ^ lfrec_get(at, 8)) * 1099511628211u;
    }
    return (hash ^ lfrec_get(at, (unsigned)length)) * 1099511628211u;
}

static inline float lfrec_float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t lfrec_bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double lfrec_double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t lfrec_double_bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

#endif
