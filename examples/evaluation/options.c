/* options.c - the command line. */
#include "evaluate.h"

#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(choices, name)
static const argument arguments[] = {
    {"train", "FILE", "ratings to learn from: a header, then userId,movieId,rating[,timestamp]; any ids",
     .offset = FIELD(train)},
    {"test", "FILE", "ratings to be tested with, likewise", .offset = FIELD(test)},
    {"data", "FOLDER", "as MovieLens distributes it, or a file: split it by several seeds, print a table",
     .offset = FIELD(data)},
    {"curves", "FOLDER", "with --train and --test: draw by-epoch.svg and by-ratings-given.svg there", .offset = FIELD(curves)},
    {"prequential", "FILE", "ratings in the order of time: predict each, then learn it", .offset = FIELD(prequential)},
    {"setting", "NAME", "article (the article's model, K = 25), sgd (K = 32), or bayes (14 factors; the default)",
     ARGUMENT_WORD, FIELD(setting), .words = {"article", "sgd", "bayes"}},
    {"quality", "NAME", "default, or best: bayes by 62 factors, sgd by 64", ARGUMENT_WORD, FIELD(best),
     .words = {"default", "best"}},
    {"ranking", NULL,
     "judge lists: recall@20, ndcg@10, ndcg@100 of the test ratings in the upper quarter of\n"
     "the scale, among all items new to the user. Without --setting by the ranking objective\n"
     "(K = 128), with it by predicted rating",
     ARGUMENT_FLAG, .offset = FIELD(ranking)},
    {"scale", "MIN..MAX", "legal ratings; others are left out and counted. Otherwise what the training file has",
     .offset = FIELD(scale)},
    {"factors", "K", "instead of the setting's own number", ARGUMENT_WHOLE, FIELD(factors), .least = 1,
     .most = LFREC_MAX_FACTORS},
    {"seed", "N", "of training, and of the choice of --new-users (1)", ARGUMENT_WHOLE, FIELD(seed), .least = 0, .most = 9e15},
    {"seeds", "N", "with --data: splits by the seeds 1 .. N (3)", ARGUMENT_WHOLE, FIELD(seeds), .least = 1, .most = 100},
    {"new-users", "SHARE", "keep that share of the users out of training and report on them alone", ARGUMENT_NUMBER,
     FIELD(new_users), .least = 0, .most = 0.9},
    {"top", "N", "with --data: the N most rated items only; 0: all (0)", ARGUMENT_WHOLE, FIELD(top), .least = 0, .most = 1e9},
    {"threads", "N", "for training, whose seconds are then by the clock on the wall (1)", ARGUMENT_WHOLE,
     FIELD(threads), .least = 1, .most = LFREC_MAX_THREADS},
    {"retrain", "N", "with --prequential: most ratings between two trainings, a tenth of those so far if fewer; 0: never (10000)",
     ARGUMENT_WHOLE, FIELD(retrain), .least = 0, .most = 1e12},
};
#define ARGUMENTS (sizeof arguments / sizeof arguments[0])

void print_help(void)
{
    puts("usage: evaluate --train FILE --test FILE [options]\n"
         "       evaluate --train FILE --test FILE --ranking [options]\n"
         "       evaluate --data FOLDER [--ranking] [--seeds N] [--top N]\n"
         "       evaluate --train FILE --test FILE --curves FOLDER [--setting NAME]\n"
         "       evaluate --prequential FILE [--factors K] [--retrain N] [--scale MIN..MAX]\n"
         "\n"
         "Measures how well held-out ratings are predicted, how well the items that people go on to rate highly are\n"
         "ranked, or how well a stream of ratings is predicted as it comes in.\n");
    arguments_print(arguments, ARGUMENTS);
    puts(
        "\n"
        "`means rmse` is what the overall mean and the means of item and user alone reach, as in the article; `shrunk\n"
        "means rmse` draws means of few ratings towards 0. `unseen` is the share of test ratings whose user or item "
        "has no\n"
        "training rating. Seconds are of one thread's processor time; nothing is chosen by looking at the test "
        "ratings.\n"
        "Exit code 0; 1 when the data or a training fails; 2 for a wrong command line.");
}

/* "1..5"; a number's reader would take "1." from it. */
static bool read_scale(choices *chosen)
{
    char first[32], *end;
    const char *dots = strstr(chosen->scale, "..");
    if (dots == NULL || dots == chosen->scale || dots[2] == '\0' || (size_t)(dots - chosen->scale) >= sizeof first)
        return false;
    memcpy(first, chosen->scale, (size_t)(dots - chosen->scale));
    first[dots - chosen->scale] = '\0';
    const double least = strtod(first, &end);
    if (*end != '\0') return false;
    const double most = strtod(dots + 2, &end);
    chosen->scale_min = (float)least;
    chosen->scale_max = (float)most;
    return *end == '\0' && least >= -(double)LFREC_MAX_RATING && least < most && most <= (double)LFREC_MAX_RATING;
}

static bool is_whole(const choices *chosen)
{
    int ways = (chosen->train != NULL || chosen->test != NULL) + (chosen->data != NULL) + (chosen->prequential != NULL);
    if (ways == 0) return complain(0, "--train FILE and --test FILE are missing; --help explains");
    if (ways > 1) return complain(0, "only one of --train with --test, --data and --prequential at a time; see --help");
    if (chosen->train == NULL && chosen->test != NULL) return complain(0, "--train FILE is missing; --help explains");
    if (chosen->train != NULL && chosen->test == NULL) return complain(0, "--test FILE is missing; --help explains");
    if (chosen->curves != NULL && (chosen->train == NULL || chosen->ranking))
        return complain(0, "--curves goes with --train and --test, and not with --ranking; see --help");
    return true;
}

bool parse(int argc, char **argv, choices *chosen)
{
    *chosen = (choices){.setting = -1, .factors = -1, .seed = 1, .seeds = 3, .retrain = 10000, .threads = 1};
    if (!arguments_parse(arguments, ARGUMENTS, argc, argv, chosen, &chosen->help)) return false;
    if (chosen->help) return true;
    if (chosen->scale != NULL && !read_scale(chosen))
        return complain(0, "--scale %s: must be like 1..5, the lower number first", chosen->scale);
    return is_whole(chosen);
}
