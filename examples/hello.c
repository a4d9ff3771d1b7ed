/* hello.c - lfrec in twenty lines. Build and run: cc -O2 -o hello examples/hello.c && ./hello */
#include <stdio.h>
#include <stdlib.h>
#define LFREC_IMPLEMENTATION
#include "../lfrec.h"

static void must(lfrec_status status)
{
    if (status == LFREC_OK) return;
    fprintf(stderr, "hello: %s\n", lfrec_status_string(status));
    exit(1);
}

int main(void)
{
    const char *film[] = {"Alien", "Blade Runner", "Terminator", "Casablanca", "Notting Hill", "Amelie"};
    const lfrec_rating rated[] = {/* user, item, rating */
                                  {0, 0, 5}, {0, 1, 5}, {0, 2, 4}, {0, 3, 2}, {0, 5, 1}, {1, 0, 4},
                                  {1, 1, 4}, {1, 2, 5}, {1, 4, 1}, {2, 0, 2}, {2, 2, 1}, {2, 3, 5},
                                  {2, 4, 4}, {2, 5, 5}, {3, 1, 2}, {3, 3, 4}, {3, 4, 5}, {3, 5, 4}};
    lfrec_ratings ratings;
    lfrec_model model;
    lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 6, 2, 1, 5); /* 6 items, 2 factors, ratings of 1 to 5 */
    options.epochs = 500, options.holdout = 0; /* so few ratings want many passes, and none of them held out */
    must(lfrec_ratings_create(&ratings, 4, 6, rated, sizeof rated / sizeof *rated, NULL));
    must(lfrec_model_create(&model, &options, NULL));
    must(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL));

    const uint32_t seen[] = {0, 5}; /* somebody new, who loves Alien and not Amelie: */
    const float stars[] = {5, 2};   /* no training needed */
    lfrec_history history = {seen, stars, 2};
    lfrec_query query = lfrec_query_for(1, &history);
    float factors[LFREC_STRIDE(2)];
    lfrec_user user = {0, 0, factors};
    lfrec_scored best;
    lfrec_reason reasons[2];
    lfrec_explanation why = {reasons, 2, 0, 0};
    size_t found;
    must(lfrec_fold_in(&model, &history, &user));
    must(lfrec_top(&model, &user, &query, &best, &found));
    must(lfrec_explain(&model, &user, &history, best.item, &why));
    printf("Watch %s: %.1f stars.\n", film[best.item], (double)best.score);
    printf("That is %.1f by the means", (double)why.baseline);
    for (size_t k = 0; k < why.count; k++)
        printf(", %+.1f for what you said of %s", (double)reasons[k].share, film[reasons[k].item]);
    puts(".");
    lfrec_model_destroy(&model);
    lfrec_ratings_destroy(&ratings);
    return 0;
}
