/* cortexm.c - everything below main() on a bare Cortex-M: vectors, memory, FPU, stack paint, text by semihosting, and the two mem*
 * functions that a compiler may call by itself. A status other than 0 from main, or a fault, ends QEMU with that status (99). */
#include "board.h"
#include <stdint.h>

/* From cortexm.ld. */
extern uint32_t image_data[], data_start[], data_end[], bss_start[], bss_end[], stack_low[], stack_top[];
int main(void);
void reset(void);
void fault(void);
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

enum { PAINT = 0x5a5a5a5a, SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

static void semihost(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = argument;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory", "cc");
}

void board_text(const char *text)
{
    semihost(SYS_WRITE0, text);
}

static _Noreturn void leave(int status)
{
    const uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)status};
    semihost(SYS_EXIT_EXTENDED, block);
    for (;;) continue;
}

/* Words below the first one whose paint is gone were never written. */
size_t board_stack_used(void)
{
    const uint32_t *p = stack_low;
    while (p < stack_top && *p == PAINT) p++;
    return (size_t)(stack_top - p) * 4;
}

void reset(void)
{
    uint32_t *to, *here = __builtin_frame_address(0);
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: coprocessors 10 and 11, the FPU, before anything may use it */
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
    for (to = data_start; to < data_end; to++) *to = image_data[to - data_start];
    for (to = bss_start; to < bss_end; to++) *to = 0;
    for (to = stack_low; to < here - 16; to++) *to = PAINT;
    leave(main());
}

void fault(void)
{
    board_text("fault\n");
    leave(99);
}

/* What the core reads first: where the stack begins, and what to call: at reset, then on each kind of fault. */
struct vectors {
    uint32_t *stack;
    void (*handler[15])(void);
};
__attribute__((section(".vectors"), used)) static const struct vectors vectors = {
    stack_top, {reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault}};

/* Not loops that the compiler would make calls of themselves of: -fno-tree-loop-distribute-patterns. */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    for (size_t k = 0; k < bytes; k++) ((uint8_t *)to)[k] = ((const uint8_t *)from)[k];
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    for (size_t k = 0; k < bytes; k++) ((uint8_t *)to)[k] = (uint8_t)value;
    return to;
}
