/* flash_ram.c - a buffer where there is memory enough for one. */
#include "board.h"
#include <stdint.h>

static uint32_t buffer[FLASH_BYTES / 4];
static size_t used;

const void *flash_address(void)
{
    return buffer;
}

void flash_erase(void)
{
    for (size_t k = 0; k < FLASH_BYTES / 4; k++) buffer[k] = 0xffffffff;
    used = 0;
}

int flash_write(void *context, const void *data, size_t bytes)
{
    (void)context;
    if (bytes > FLASH_BYTES - used) return 0;
    for (size_t k = 0; k < bytes; k++) ((uint8_t *)buffer)[used + k] = ((const uint8_t *)data)[k];
    used += bytes;
    return 1;
}

size_t flash_used(void)
{
    return used;
}
