/* options.c - the command line. */
#include "evaluate.h"

#include <stdlib.h>
#include <string.h>

typedef struct choice {
    const char *name, *value;
    double least, most;
    bool whole;
    const char *help;
    size_t offset; /* in choices */
} choice;

#define CHOICE(field) offsetof(choices, field)
static const choice numbers[] = {
    {"factors", "K", 1, LFREC_MAX_FACTORS, true, "instead of the setting's own number", CHOICE(factors)},
    {"seed", "N", 0, 9e15, true, "of training, and of the choice of --new-users (1)", CHOICE(seed)},
    {"seeds", "N", 1, 100, true, "with --data: splits by the seeds 1 .. N (3)", CHOICE(seeds)},
    {"new-users", "SHARE", 0, 0.9, false, "keep that share of the users out of training and report on them alone",
     CHOICE(new_users)},
    {"top", "N", 0, 1e9, true, "with --data: the N most rated items only; 0: all (0)", CHOICE(top)},
    {"retrain", "N", 0, 1e12, true,
     "with --prequential: most ratings between two trainings, a tenth of those so far if fewer; 0: never (10000)",
     CHOICE(retrain)},
};
#define NUMBERS (sizeof numbers / sizeof numbers[0])

typedef struct file_choice {
    const char *name, *value, *help;
    size_t offset;
} file_choice;

static const file_choice files[] = {
    {"train", "FILE", "ratings to learn from: a header, then userId,movieId,rating[,timestamp]; any ids", CHOICE(train)},
    {"test", "FILE", "ratings to be tested with, likewise", CHOICE(test)},
    {"data", "FOLDER", "as MovieLens distributes it, or a file: split it by several seeds, print a table", CHOICE(data)},
    {"curves", "FOLDER", "with --train and --test: draw by-epoch.svg and by-ratings-given.svg there", CHOICE(curves)},
    {"prequential", "FILE", "ratings in the order of time: predict each, then learn it", CHOICE(prequential)},
};
#define FILES (sizeof files / sizeof files[0])

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
    for (size_t k = 0; k < FILES; k++) {
        char left[40];
        snprintf(left, sizeof left, "--%s %s", files[k].name, files[k].value);
        printf("  %-20s %s\n", left, files[k].help);
    }
    puts(
        "  --setting NAME       article (the article's model, K = 25), sgd (K = 32), or bayes (14 factors; the "
        "default)\n"
        "  --quality NAME       default, or best: bayes by 62 factors, sgd by 64\n"
        "  --ranking            judge lists: recall@20, ndcg@10, ndcg@100 of the test ratings in the upper quarter of\n"
        "                       the scale, among all items new to the user. Without --setting by the ranking "
        "objective\n"
        "                       (K = 128), with it by predicted rating\n"
        "  --scale MIN..MAX     legal ratings; others are left out and counted. Otherwise what the training file has");
    for (size_t k = 0; k < NUMBERS; k++) {
        char left[40];
        snprintf(left, sizeof left, "--%s %s", numbers[k].name, numbers[k].value);
        printf("  %-20s %s\n", left, numbers[k].help);
    }
    puts(
        "  --help               this text\n"
        "\n"
        "`means rmse` is what the overall mean and the means of item and user alone reach, as in the article; `shrunk\n"
        "means rmse` draws means of few ratings towards 0. `unseen` is the share of test ratings whose user or item "
        "has no\n"
        "training rating. Seconds are of one thread's processor time; nothing is chosen by looking at the test "
        "ratings.\n"
        "Exit code 0; 1 when the data or a training fails; 2 for a wrong command line.");
}

static bool read_scale(const char *value, choices *chosen)
{
    char *end;
    double least = strtod(value, &end);
    if (end == value || strncmp(end, "..", 2) != 0) return false;
    const char *second = end + 2;
    double most = strtod(second, &end);
    chosen->scale_min = (float)least;
    chosen->scale_max = (float)most;
    chosen->has_scale = true;
    return end != second && *end == '\0' && least >= -(double)LFREC_MAX_RATING && least < most &&
           most <= (double)LFREC_MAX_RATING;
}

/* false: there is no such word option, and *known is false; or its value is wrong, which has been told. */
static bool take_word(const char *name, size_t length, const char *value, choices *chosen, bool *known)
{
    *known = true;
    if (length == 7 && strncmp(name, "setting", 7) == 0) {
        chosen->has_setting = true;
        for (int k = 0; k < 3; k++)
            if (strcmp(value, setting_name((lfrec_setting)k)) == 0) {
                chosen->setting = (lfrec_setting)k;
                return true;
            }
        return complain(0, "--setting %s: must be article, sgd or bayes", value);
    }
    if (length == 7 && strncmp(name, "quality", 7) == 0) {
        chosen->best = strcmp(value, "best") == 0;
        return chosen->best || strcmp(value, "default") == 0 || complain(0, "--quality %s: must be default or best", value);
    }
    if (length == 5 && strncmp(name, "scale", 5) == 0)
        return read_scale(value, chosen) || complain(0, "--scale %s: must be like 1..5, the lower number first", value);
    for (size_t k = 0; k < FILES; k++)
        if (strlen(files[k].name) == length && strncmp(files[k].name, name, length) == 0) {
            *(const char **)(void *)((char *)chosen + files[k].offset) = value;
            return true;
        }
    *known = false;
    return false;
}

static bool take_number(const choice *one, const char *value, choices *chosen)
{
    char *end;
    double number = strtod(value, &end);
    if (*end != '\0' || !(number >= one->least && number <= one->most) || (one->whole && number != (double)(uint64_t)number))
        return complain(0, "--%s %s: must be a %snumber from %g to %g", one->name, value, one->whole ? "whole " : "",
                        one->least, one->most);
    *(double *)(void *)((char *)chosen + one->offset) = number;
    return true;
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
    *chosen = (choices){.setting = LFREC_BAYES, .factors = -1, .seed = 1, .seeds = 3, .retrain = 10000};
    for (int k = 1; k < argc; k++) {
        const char *name = argv[k];
        if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
            chosen->help = true;
            return true;
        }
        if (strncmp(name, "--", 2) != 0)
            return complain(0, "%s: what is that? Options begin with --; see --help", name);
        if (strcmp(name, "--ranking") == 0) {
            chosen->ranking = true;
            continue;
        }
        size_t length = strcspn(name += 2, "=");
        const char *value = name[length] == '=' ? name + length + 1 : k + 1 < argc ? argv[++k] : "";
        const choice *number = NULL;
        for (size_t c = 0; c < NUMBERS; c++)
            if (strlen(numbers[c].name) == length && strncmp(numbers[c].name, name, length) == 0) number = &numbers[c];
        bool known = true, good = *value != '\0' && (number != NULL ? take_number(number, value, chosen)
                                                                    : take_word(name, length, value, chosen, &known));
        if (good) continue;
        if (!known) return complain(0, "--%.*s: there is no such option; see --help", (int)length, name);
        return *value != '\0' ? false : complain(0, "--%.*s: needs a value; see --help", (int)length, name);
    }
    return is_whole(chosen);
}
