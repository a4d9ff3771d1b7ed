/* private_main.c - calls the four private copies, and prints the hash that they agree on. */
#include <stdint.h>
#include <stdio.h>

int private_a(uint32_t *hash);
int private_b(uint32_t *hash);
int private_c(uint32_t *hash);
int private_d(uint32_t *hash);

int main(void)
{
    int (*const copy[])(uint32_t *) = {private_a, private_b, private_c, private_d};
    uint32_t first = 0;
    for (int k = 0; k < 4; k++) {
        uint32_t hash = 0;
        int line = copy[k](&hash);
        if (line != 0) {
            printf("private copy %c: exercise.h, line %d failed\n", 'a' + k, line);
            return 1;
        }
        if (k == 0) first = hash;
        if (hash != first) {
            printf("private copy %c: model %08lx, the first one's is %08lx\n", 'a' + k, (unsigned long)hash,
                   (unsigned long)first);
            return 1;
        }
    }
    printf("%08lx\n", (unsigned long)first);
    return 0;
}
