/* wasm.c - the library as a WebAssembly module without a single import, and exports that copy and clear, which compilers like to turn
 * into calls of memcpy and memset. */
#define LFREC_IMPLEMENTATION
#include "exercise.h"

#define EXPORT(name) __attribute__((export_name(#name)))

static uint8_t block[2][512];

EXPORT(exercise_line) int exercise_line(uint32_t shift);
EXPORT(exercise_hash) uint32_t exercise_hash(void);
EXPORT(block_at) uint8_t *block_at(uint32_t which);
EXPORT(copy_block) void copy_block(uint32_t bytes);
EXPORT(clear_block) void clear_block(uint32_t bytes);

static uint32_t last_hash;

int exercise_line(uint32_t shift)
{
    return exercise(shift, &last_hash);
}

uint32_t exercise_hash(void)
{
    return last_hash;
}

uint8_t *block_at(uint32_t which)
{
    return block[which];
}

void copy_block(uint32_t bytes)
{
    for (uint32_t k = 0; k < bytes; k++) block[1][k] = block[0][k];
}

void clear_block(uint32_t bytes)
{
    for (uint32_t k = 0; k < bytes; k++) block[1][k] = 0;
}
