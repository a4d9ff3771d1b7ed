/* expected.c - does by the same C code what the test does in the page, and prints what must be seen there, as JSON: a step's name, the error
 * curve's numbers where it trained, and the list: film, stars and reasons as the page writes them. */
#include "../../examples/browser/recommender.h"
#include <stdio.h>
#include <stdlib.h>

static void must(lfrec_status status)
{
    if (status == LFREC_OK) return;
    (void)fprintf(stderr, "expected: %s\n", lfrec_status_string(status));
    exit(1);
}

static void print_list(void)
{
    must(refresh());
    printf("\"list\":[");
    for (uint32_t place = 0; place < list_count(); place++) {
        printf("%s{\"title\":\"%s\",\"stars\":\"%.2f\",\"baseline\":\"%.2f\",\"reasons\":[", place ? "," : "",
               film_title(list_film(place)), (double)list_stars(place), (double)list_baseline(place));
        for (uint32_t k = 0; k < reason_count(place); k++) {
            printf("%s{\"title\":\"%s\",\"share\":\"%+.2f\"}", k ? "," : "", film_title(reason_film(place, k)),
                   (double)reason_share(place, k));
        }
        printf("]}");
    }
    printf("]");
}

static void step(const char *name)
{
    printf("{\"step\":\"%s\",", name);
    print_list();
    printf("}");
}

static void train(const char *name)
{
    must(train_begin());
    printf("{\"step\":\"%s\",\"ratings\":%lu,\"errors\":[", name, (unsigned long)rating_count());
    for (int k = 0; train_left() > 0; k++) {
        must(train_epoch());
        printf("%s\"%.4f\"", k ? "," : "", (double)train_error());
    }
    must(train_end());
    printf("],");
    print_list();
    printf("}");
}

int main(void)
{
    must(begin());
    printf("[");
    train("opened");
    printf(",\n");
    must(rate(10, 5));
    step("clicked 5 stars for film 10");
    printf(",\n");
    must(rate(12, 5));
    must(rate(33, 1));
    step("and 5 for film 12, 1 for film 33");
    printf(",\n");
    must(rate(33, 2));
    step("and by the keyboard 2 for film 33");
    printf(",\n");
    train("trained again");
    printf(",\n");
    must(rate(12, 0));
    step("and took back film 12");
    printf("]\n");
    return 0;
}
