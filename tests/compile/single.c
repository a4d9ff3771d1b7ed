/* single.c - the library without some of its parts, used. Prints the hash of the model. */
#define LFREC_IMPLEMENTATION
#include "exercise.h"
#include <stdio.h>

int main(void)
{
    uint32_t hash = 0;
    int line = exercise(0, &hash);
    if (line != 0) {
        printf("exercise.h, line %d failed\n", line);
        return 1;
    }
    printf("%08lx\n", (unsigned long)hash);
    return 0;
}
