/* flash_nrf51.c - the upper end of the program memory of an nRF51 (BBC micro:bit), written word by word through its controller. */
#include "board.h"
#include <stdint.h>

enum { PAGE_BYTES = 1024, FLASH_AT = 0x38000 };
#define NVMC_READY (*(volatile uint32_t *)0x4001E400)
#define NVMC_CONFIG (*(volatile uint32_t *)0x4001E504) /* 0 read, 1 write, 2 erase */
#define NVMC_ERASE_PAGE (*(volatile uint32_t *)0x4001E508)

static size_t used;

static void configure(uint32_t mode)
{
    NVMC_CONFIG = mode;
    while (!NVMC_READY) continue;
}

const void *flash_address(void)
{
    return (const void *)FLASH_AT;
}

void flash_erase(void)
{
    configure(2);
    for (uint32_t page = FLASH_AT; page < FLASH_AT + FLASH_BYTES; page += PAGE_BYTES) {
        NVMC_ERASE_PAGE = page;
        while (!NVMC_READY) continue;
    }
    configure(0);
    used = 0;
}

/* What is left of the last word stays 1s, as after erasing: those bits can still be written. */
int flash_write(void *context, const void *data, size_t bytes)
{
    const uint8_t *from = data;
    (void)context;
    if (bytes > FLASH_BYTES - used) return 0;
    configure(1);
    for (size_t k = 0; k < bytes; k++, used++) {
        const uint32_t shift = 8 * (used % 4);
        volatile uint32_t *word = (volatile uint32_t *)(FLASH_AT + used / 4 * 4);
        *word = ~((0xffu & ~(uint32_t)from[k]) << shift);
        while (!NVMC_READY) continue;
    }
    configure(0);
    return 1;
}

size_t flash_used(void)
{
    return used;
}
