/* host.c - the desktop as a board. */
#include "board.h"
#include <stdio.h>

void board_text(const char *text)
{
    (void)fputs(text, stdout);
}

size_t board_stack_used(void)
{
    return 0;
}
