/* shared_main.c - one implementation under a C and a C++ file. Prints the hash. */
#include <stdint.h>
#include <stdio.h>

int shared_c(uint32_t *hash);
int shared_cc(uint32_t *hash);

int main(void)
{
    uint32_t c = 0, cc = 0;
    int line = shared_c(&c), line_cc = shared_cc(&cc);
    if (line != 0 || line_cc != 0 || c != cc) {
        printf("exercise.h: C line %d, C++ line %d, models %08lx and %08lx\n", line, line_cc, (unsigned long)c,
               (unsigned long)cc);
        return 1;
    }
    printf("%08lx\n", (unsigned long)c);
    return 0;
}
