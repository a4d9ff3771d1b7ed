/* board.h - what the programs need of the machine they run on: text out, a place that keeps a model, how much stack was used.
 * cortexm.c and one of flash_nrf51.c, flash_ram.c implement it for the boards, host.c (and flash_ram.c) for a desktop. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>

void board_text(const char *text);

/* The most bytes of stack in use at any time so far; 0 where nobody knows. */
size_t board_stack_used(void);

/* A place for `bytes` of data that outlive what made them: flash, or a buffer that stands for it. Starts at a multiple of 4 and is
 * written once, front to back, after flash_erase. flash_write is an lfrec_write: nonzero for success. */
enum { FLASH_BYTES = 8192 };
const void *flash_address(void);
void flash_erase(void);
int flash_write(void *context, const void *data, size_t bytes);
size_t flash_used(void);

#endif
