/* single.c - uses the implementation of another object, without the parts that it was built without. Prints the hash of the model. */
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
