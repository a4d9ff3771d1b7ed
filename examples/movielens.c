/* movielens.c - the article "Building a Recommender System, Part 2" (M. Mahowald, 2019) on MovieLens, top to bottom.
 *
 *     movielens --data FOLDER          every step, with a few words on what it is for; --help lists the options
 *
 * Lines for scripts stand alone and begin at the left margin: `ratings: N`, `preferences: MIN .. MAX`, `final loss: X`,
 * `held-out RMSE: X (means only Y)`, `distance Star Wars - Empire: X`, `distance Star Wars - American Beauty: X`. All else is prose.
 * Exit code 0; 1 when the data or the training fails; 2 for a wrong command line. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LFREC_IMPLEMENTATION
#include "arguments.h"
#include "dataset.h"

enum { EXIT_DATA = 1, EXIT_USAGE = 2 };

#define LIST 10 /* recommendations to show */
#define MOST_RATED 20

/* ---- the command line ---- */

typedef struct settings {
    const char *data;
    double top, factors, mask, loss_weight, epochs, batch, learning_rate, seed, holdout; /* -1: the library's default */
    int scope;                                                                           /* lfrec_scope */
    bool help;
} settings;

#define FIELD(name) offsetof(settings, name)
enum { DATA, SCOPE, TOP, FACTORS, MASK, LOSS_WEIGHT, EPOCHS, BATCH, LEARNING_RATE, SEED, HOLDOUT, ARGUMENTS };
static const argument arguments[ARGUMENTS] = {
    [DATA] = {"data", "FOLDER",
              "as MovieLens distributes it: ratings.csv and movies.csv, or ratings.dat and\n"
              "movies.dat; a single file of user,item,rating[,timestamp] will do as well",
              .offset = FIELD(data)},
    [SCOPE] = {"scope", "known|all",
               "the second part of the loss: over the known preferences (known), or over every\n"
               "film of every person, 0 where nothing is known (all)",
               ARGUMENT_WORD, FIELD(scope), .words = {[LFREC_SCOPE_KNOWN] = "known", [LFREC_SCOPE_ALL] = "all"}},
    [TOP] = {"top", "N", "keep the N most rated films, 0 for all (500)", ARGUMENT_WHOLE, FIELD(top), .least = 0, .most = 1e9},
    [FACTORS] = {"factors", "K", "latent factors (25)", ARGUMENT_WHOLE, FIELD(factors), .least = 1, .most = LFREC_MAX_FACTORS},
    [MASK] = {"mask", "SHARE", "of each person's preferences to hide in training (0.2)", ARGUMENT_NUMBER, FIELD(mask),
              .least = 0, .most = 1},
    [LOSS_WEIGHT] = {"loss-weight", "W", "of the hidden preferences in the loss; the rest is the scope's (0.8)",
                     ARGUMENT_NUMBER, FIELD(loss_weight), .least = 0, .most = 1},
    [EPOCHS] = {"epochs", "N", "passes over the people", ARGUMENT_WHOLE, FIELD(epochs), .least = 1, .most = 1e6},
    [BATCH] = {"batch", "N", "people per step of gradient descent", ARGUMENT_WHOLE, FIELD(batch), .least = 1, .most = 1e9},
    [LEARNING_RATE] = {"learning-rate", "X", "length of the first step; too much diverges, too little learns nothing",
                       ARGUMENT_NUMBER, FIELD(learning_rate), .least = 1e-12, .most = 1e6},
    [SEED] = {"seed", "N", "another number, another run; the same number, the same run (1)", ARGUMENT_WHOLE,
              FIELD(seed), .least = 0, .most = 9e15},
    [HOLDOUT] = {"holdout", "SHARE", "of the ratings to keep from training and predict afterwards (0)", ARGUMENT_NUMBER,
                 FIELD(holdout), .least = 0, .most = 0.9},
};

static void print_help(void)
{
    const lfrec_options usual = lfrec_options_for(LFREC_ARTICLE, 500, 25, 1, 5);
    puts("usage: movielens --data FOLDER [options]\n"
         "\n"
         "Walks through \"Building a Recommender System, Part 2\" on a MovieLens data set: from ratings to\n"
         "preferences, a linear autoencoder trained by hiding what it should find again, and what it then\n"
         "recommends to somebody it has never met.\n");
    argument shown[ARGUMENTS];
    char epochs[64], batch[64], rate[128];
    memcpy(shown, arguments, sizeof shown);
    snprintf(epochs, sizeof epochs, "%s (%u)", shown[EPOCHS].help, usual.epochs);
    snprintf(batch, sizeof batch, "%s (%u)", shown[BATCH].help, usual.batch);
    snprintf(rate, sizeof rate, "%s (%.3g on a scale of 1 to 5)", shown[LEARNING_RATE].help, (double)usual.learning_rate);
    shown[EPOCHS].help = epochs;
    shown[BATCH].help = batch;
    shown[LEARNING_RATE].help = rate;
    arguments_print(shown, ARGUMENTS);
    puts("\n"
         "Things to try:\n"
         "  --holdout 0.1        is it any good? A tenth of the ratings is predicted without having been seen\n"
         "  --factors 5          a coarser idea of taste: more loss, yet how much more held-out error?\n"
         "  --mask 0             nothing hidden: the loss all but vanishes, and says nothing any more\n"
         "  --scope all          unknown means indifferent: predictions shrink towards the means\n"
         "  --learning-rate 5    divergence, and how it is reported\n"
         "\n"
         "Data: https://grouplens.org/datasets/movielens/ (ml-latest-small and ml-1m are good first ones).");
}

/* false: the reason has been told. */
static bool parse(int argc, char **argv, settings *chosen)
{
    *chosen = (settings){.scope = LFREC_SCOPE_KNOWN, .top = 500, .factors = 25, .seed = 1, .holdout = 0};
    chosen->mask = chosen->loss_weight = chosen->epochs = chosen->batch = chosen->learning_rate = -1;
    if (!arguments_parse(arguments, ARGUMENTS, argc, argv, chosen, &chosen->help)) return false;
    return chosen->help || chosen->data != NULL || complain(0, "--data FOLDER is missing; --help explains");
}

/* ---- printing ---- */

/* A number with commas between the thousands, in one of a few buffers that take turns. */
static const char *thousands(uint64_t number)
{
    static char buffers[8][32];
    static unsigned turn;
    char digits[24], *out = buffers[turn = (turn + 1) % 8];
    int count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    char *to = out;
    for (int k = 0; k < count; k++) {
        if (k > 0 && (count - k) % 3 == 0) *to++ = ',';
        *to++ = digits[k];
    }
    *to = '\0';
    return out;
}

static void heading(const char *text)
{
    static int number;
    printf("\n%d. %s\n\n", ++number, text);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef struct progress {
    bool terminal;
    uint32_t shown; /* tenths of the way */
} progress;

static int show_progress(void *context, const lfrec_epoch *epoch)
{
    progress *state = context;
    uint32_t tenths = (uint32_t)((uint64_t)epoch->epoch * 10 / epoch->epochs);
    if (state->terminal) {
        char bar[41];
        uint32_t full = (uint32_t)((uint64_t)epoch->epoch * 40 / epoch->epochs);
        for (uint32_t k = 0; k < 40; k++) bar[k] = k < full ? '#' : '.';
        bar[40] = '\0';
        printf("\r   [%s] epoch %u of %u, loss %.4f ", bar, epoch->epoch, epoch->epochs, epoch->loss);
        if (epoch->epoch == epoch->epochs) putchar('\n');
        fflush(stdout);
    } else if (epoch->epoch == 1 || tenths > state->shown) {
        printf("   epoch %*u of %u: loss %.4f\n", (int)(epoch->epochs > 99 ? 4 : 2), epoch->epoch, epoch->epochs,
               epoch->loss);
        fflush(stdout);
        state->shown = tenths;
    }
    return 0;
}

/* ---- the steps ---- */

/* What the steps share. Freed by done. */
typedef struct walk {
    dataset data;
    lfrec_options options;
    lfrec_ratings ratings;     /* of the films that were kept */
    lfrec_ratings train, test; /* views: without a holdout, train is ratings and test is empty */
    void *split;
    lfrec_means means; /* of train */
    lfrec_model model;
    float *factors; /* of one person */
} walk;

static void done(walk *w)
{
    lfrec_model_destroy(&w->model);
    lfrec_means_destroy(&w->means);
    lfrec_ratings_destroy(&w->ratings);
    free(w->split);
    free(w->factors);
    dataset_free(&w->data);
}

static int failed(const char *what, lfrec_status status)
{
    return complain(EXIT_DATA, "%s: %s", what, lfrec_status_string(status));
}

#define TRY(what, call)                                        \
    do {                                                       \
        lfrec_status status_ = (call);                         \
        if (status_ != LFREC_OK) return failed(what, status_); \
    } while (0)

static int read_ratings(walk *w, const char *path)
{
    char error[DATASET_ERROR_MAX];
    double start = seconds_now();
    if (!dataset_read(&w->data, path, error)) return complain(EXIT_DATA, "%s", error);
    double taken = seconds_now() - start;
    fflush(stdout);
    dataset_print_refused(&w->data, stderr);
    const dataset *data = &w->data;
    if (!(data->highest > data->lowest))
        return complain(EXIT_DATA, "every rating is %g: nobody prefers anything", (double)data->lowest);

    heading("Ratings");
    printf("   %s people gave %s ratings, %g to %g, to %s films; read in %.2f s.\n"
           "   The films that most people rated, with their mean:\n\n",
           thousands(data->users.count), thousands(data->count), (double)data->lowest, (double)data->highest,
           thousands(data->items.count), taken);
    uint32_t *order = malloc(data->items.count * sizeof *order);
    double *sum = calloc(data->items.count, sizeof *sum);
    if (order != NULL && sum != NULL) {
        for (size_t k = 0; k < data->count; k++) sum[data->rating[k].item] += (double)data->rating[k].value;
        dataset_most_rated(data, order);
        for (uint32_t k = 0; k < data->items.count && k < MOST_RATED; k++) {
            uint32_t item = order[k];
            const char *genres = dataset_genres(data, item);
            printf("   %2u. %6s x %.2f  %s%s%s%s\n", k + 1, thousands(data->support[item]), sum[item] / data->support[item],
                   dataset_title(data, item), *genres ? "  (" : "", genres, *genres ? ")" : "");
        }
    }
    bool good = order != NULL && sum != NULL;
    free(order);
    free(sum);
    return good ? 0 : failed("the most rated films", LFREC_ERROR_MEMORY);
}

static int keep_popular(walk *w, uint32_t top)
{
    uint32_t before = w->data.items.count;
    heading("The popular films");
    if (top != 0 && top < before) {
        if (!dataset_keep_most_rated(&w->data, top)) return failed("keeping the most rated films", LFREC_ERROR_MEMORY);
        printf("   A film that few have rated tells little about anybody's taste. Kept: the %s most rated\n"
               "   of %s films.\n\n",
               thousands(w->data.items.count), thousands(before));
    } else {
        printf("   All %s films are kept.\n\n", thousands(before));
    }
    TRY("sorting the ratings",
        lfrec_ratings_create(&w->ratings, w->data.users.count, w->data.items.count, w->data.rating, w->data.count, NULL));
    size_t known = w->ratings.row_start[w->ratings.users];
    printf("ratings: %zu\n\n", known);
    double cells = (double)w->ratings.users * (double)w->ratings.items;
    printf("   As a table of %s people by %s films, %.1f%% of it is filled; the rest is what we want to know.\n",
           thousands(w->ratings.users), thousands(w->ratings.items), 100.0 * (double)known / cells);
    return 0;
}

/* The smallest and the largest preference under the model's means. */
static lfrec_status preference_range(const walk *w, const lfrec_model *model, float *least, float *most)
{
    float *preference = malloc((w->ratings.items + 1) * sizeof *preference);
    if (preference == NULL) return LFREC_ERROR_MEMORY;
    lfrec_status status = LFREC_OK;
    *least = *most = 0;
    for (uint32_t user = 0; user < w->ratings.users && status == LFREC_OK; user++) {
        lfrec_history history = lfrec_history_of(&w->ratings, user);
        float mean;
        status = lfrec_user_mean(model, &history, &mean);
        if (status == LFREC_OK) status = lfrec_normalize(model, &history, mean, preference);
        for (size_t k = 0; k < history.count && status == LFREC_OK; k++) {
            if (preference[k] < *least) *least = preference[k];
            if (preference[k] > *most) *most = preference[k];
        }
    }
    free(preference);
    return status;
}

static int show_preferences(walk *w)
{
    heading("From ratings to preferences");
    TRY("means", lfrec_means_create(&w->means, w->ratings.items, NULL));
    TRY("means", lfrec_means_add_all(&w->means, &w->ratings));
    TRY("means", lfrec_model_set_means(&w->model, &w->means));
    uint32_t best = 0;
    for (uint32_t item = 1; item < w->model.items; item++)
        if (w->model.item_mean[item] > w->model.item_mean[best]) best = item;
    printf("   A rating mixes how good a film is, how generous a person is, and what that person prefers. The\n"
           "   first two are means, and what they leave over is the preference: 0 says just as the means would\n"
           "   guess. The overall mean is %.3f; the best liked film has %.2f:\n"
           "   %s.\n\n",
           (double)w->model.mean, (double)w->model.item_mean[best], dataset_title(&w->data, best));
    float least, most;
    TRY("preferences", preference_range(w, &w->model, &least, &most));
    printf("preferences: %.3f .. %.3f\n", (double)least, (double)most);
    return 0;
}

/* Takes the held-out ratings away, and the means that knew them. */
static int hold_out(walk *w, float share)
{
    w->train = w->ratings;
    w->train.memory = NULL;
    if (share <= 0) return 0;
    heading("Ratings to be tested with");
    size_t bytes;
    TRY("holding out ratings", lfrec_split_size(&w->ratings, &bytes));
    w->split = malloc(bytes);
    if (w->split == NULL) return failed("holding out ratings", LFREC_ERROR_MEMORY);
    TRY("holding out ratings",
        lfrec_split(&w->ratings, LFREC_SPLIT_RATINGS, share, w->options.seed, w->split, bytes, &w->train, &w->test));
    size_t held = w->test.row_start[w->test.users], left = w->train.row_start[w->train.users];
    printf("   %s ratings are put aside; the model, its means included, will be made of the other %s.\n",
           thousands(held), thousands(left));
    if (held == 0 || left == 0)
        return complain(EXIT_DATA, "--holdout %g leaves nothing on one side of so few ratings", (double)share);
    lfrec_means_destroy(&w->means);
    TRY("means", lfrec_means_create(&w->means, w->train.items, NULL));
    TRY("means", lfrec_means_add_all(&w->means, &w->train));
    return 0;
}

/* Looks at the masks that training is going to use. */
static int check_masks(const walk *w)
{
    heading("Hiding preferences");
    const lfrec_options *o = &w->options;
    size_t known = 0, first = 0, second = 0, both = 0, changed = 0;
    uint8_t *hidden = malloc(3 * (size_t)w->train.items + 1);
    if (hidden == NULL) return failed("masks", LFREC_ERROR_MEMORY);
    for (uint32_t user = 0; user < w->train.users; user++) {
        size_t count = lfrec_history_of(&w->train, user).count;
        uint8_t *one = hidden, *two = one + count, *again = two + count;
        first += lfrec_mask(o->seed, 1, user, o->mask, count, one);
        second += lfrec_mask(o->seed, 2, user, o->mask, count, two);
        lfrec_mask(o->seed, 1, user, o->mask, count, again);
        changed += memcmp(one, again, count) != 0;
        for (size_t k = 0; k < count; k++) both += one[k] && two[k];
        known += count;
    }
    free(hidden);
    double n = (double)known, share = (double)o->mask;
    printf("   In training each known preference is hidden from the input with a chance of %g, anew in every\n"
           "   epoch; the model has to find it from the others. The check:\n"
           "   epoch 1 hides %s of %s (%.1f%%), epoch 2 hides %s (%.1f%%), both %s (%.1f%%; chance\n"
           "   alone makes it %.1f%%). Asked again, epoch 1 hides %s.\n",
           share, thousands(first), thousands(known), 100 * (double)first / n, thousands(second), 100 * (double)second / n,
           thousands(both), 100 * (double)both / n, 100 * share * share, changed == 0 ? "the very same ones" : "OTHERS");
    return changed == 0 ? 0 : complain(EXIT_DATA, "the masks are not reproducible");
}

static int train(walk *w)
{
    const lfrec_options *o = &w->options;
    heading("Training");
    printf("   Two matrices of %s films by %u factors: the encoder turns a person's preferences into %u numbers,\n"
           "   the decoder turns those into a preference for every film. Nothing is kept per person.\n"
           "   Loss: %g of the mean squared error over the hidden preferences, %g of it over %s.\n"
           "   Stochastic gradient descent, %s people a step, learning rate %g falling to %g.\n\n",
           thousands(o->items), o->factors, o->factors, (double)o->loss_weight, (double)(1 - o->loss_weight),
           o->scope == LFREC_SCOPE_ALL ? "everything, unknown as 0" : "all the known ones", thousands(o->batch),
           (double)o->learning_rate, (double)(o->learning_rate * o->learning_rate_final));
    progress state = {.terminal = isatty(STDOUT_FILENO)};
    lfrec_report report = {0};
    double start = seconds_now();
    lfrec_status status = lfrec_train(&w->model, o, &w->train, show_progress, &state, &report);
    if (status == LFREC_ERROR_DIVERGED) {
        if (state.terminal) putchar('\n');
        return complain(EXIT_DATA, "training diverged in epoch %u: a learning rate of %g is too much here; try --learning-rate %.2g",
                        report.last.epoch, (double)report.last.learning_rate, (double)o->learning_rate / 4);
    }
    if (status != LFREC_OK) return failed("training", status);
    printf("\nfinal loss: %.4f\n\n   after %u epochs in %.1f s.", report.last.loss, report.last.epoch, seconds_now() - start);
    puts(o->scope == LFREC_SCOPE_ALL ? " With all of the table in it, most of it 0, this is no measure to compare\n"
                                       "   with a loss over known preferences."
                                     : "");
    return 0;
}

static int show_errors(walk *w)
{
    if (w->test.users == 0) return 0;
    heading("Ratings it has not seen");
    lfrec_model means_only = {0};
    lfrec_errors with = {0}, without = {0};
    lfrec_status status = lfrec_model_create(&means_only, &w->options, NULL);
    if (status == LFREC_OK) status = lfrec_model_set_means(&means_only, &w->means);
    if (status == LFREC_OK) status = lfrec_evaluate(&means_only, &w->train, &w->test, w->factors, &without);
    if (status == LFREC_OK) status = lfrec_evaluate(&w->model, &w->train, &w->test, w->factors, &with);
    lfrec_model_destroy(&means_only);
    if (status != LFREC_OK) return failed("held-out ratings", status);
    printf("   The root of the mean squared error over the %s ratings that were put aside:\n\n", thousands(with.count));
    printf("held-out RMSE: %.4f (means only %.4f)\n", with.rmse, without.rmse);
    return 0;
}

/* ---- somebody new ---- */

#define SAID 8

/* What the sample person says about a few films: a history, kept sorted by item. */
typedef struct person {
    uint32_t item[SAID];
    float value[SAID];
    size_t count;
} person;

static void say(person *who, uint32_t item, float value)
{
    size_t k = who->count;
    for (size_t at = 0; at < who->count; at++)
        if (who->item[at] == item) return;
    for (; k > 0 && who->item[k - 1] > item; k--) {
        who->item[k] = who->item[k - 1];
        who->value[k] = who->value[k - 1];
    }
    who->item[k] = item;
    who->value[k] = value;
    who->count++;
}

/* Loves Star Wars and Jurassic Park and not much else; in data without them, the first two of the most rated films. */
static person sample_person(const dataset *data)
{
    static const char *const loved[] = {"Star Wars: Episode IV", "Jurassic Park (1993)"};
    static const char *const not_loved[] = {"American Beauty", "Forrest Gump",   "Shakespeare in Love",
                                            "Fargo",           "Titanic (1997)", "Pulp Fiction"};
    const float high = data->highest, low = data->lowest + (data->highest - data->lowest) / 4;
    person who = {.count = 0};
    uint32_t item, found = 0;
    for (size_t k = 0; k < 2; k++)
        if (dataset_find(data, loved[k], &item)) {
            say(&who, item, high);
            found++;
        }
    for (size_t k = 0; k < 6; k++)
        if (dataset_find(data, not_loved[k], &item)) say(&who, item, low);
    if (found == 2) return who;
    who.count = 0;
    for (item = 0; item < data->items.count && item < 6; item++) say(&who, item, item < 2 ? high : low);
    return who;
}

static int recommend(const walk *w, const person *who)
{
    const dataset *data = &w->data;
    lfrec_history history = {who->item, who->value, who->count};
    printf("   Said:\n");
    for (int love = 1; love >= 0; love--)
        for (size_t k = 0; k < who->count; k++)
            if ((who->value[k] >= (data->lowest + data->highest) / 2) == (love == 1))
                printf("    %4.2g  %s\n", (double)who->value[k], dataset_title(data, who->item[k]));

    lfrec_user user = {0, 0, w->factors};
    lfrec_query query = lfrec_query_for(LIST, &history);
    lfrec_scored list[LIST];
    size_t found;
    TRY("fold-in", lfrec_fold_in(&w->model, &history, &user));
    TRY("recommendations", lfrec_top(&w->model, &user, &query, list, &found));
    printf("   Recommended, with the rating that is predicted:\n");
    for (size_t k = 0; k < found; k++)
        printf("    %.2f  %s\n", (double)list[k].score, dataset_title(data, list[k].item));
    if (found == 0) return 0;

    lfrec_reason reasons[3];
    lfrec_explanation why = {reasons, 3, 0, 0.0f};
    TRY("reasons", lfrec_explain(&w->model, &user, &history, list[0].item, &why));
    printf("   Why the first? The means alone say %.2f, to which every rating adds its part, foremost:\n",
           (double)why.baseline);
    for (size_t k = 0; k < why.count; k++)
        printf("   %+.2f  %s\n", (double)reasons[k].share, dataset_title(data, reasons[k].item));
    return 0;
}

static int meet_somebody(const walk *w)
{
    heading("Somebody new");
    person who = sample_person(&w->data);
    printf("   A person the model has never met, who loves two films and not much else. What was said goes in\n"
           "   as preferences and comes out as a prediction for every film, without any training.\n\n");
    int code = recommend(w, &who);
    if (code != 0) return code;

    heading("The same person, reversed");
    printf("   Every rating turned round: what was loved is disliked, what was disliked is loved.\n\n");
    for (size_t k = 0; k < who.count; k++) who.value[k] = w->data.lowest + w->data.highest - who.value[k];
    return recommend(w, &who);
}

/* ---- films ---- */

static int compare_films(const walk *w)
{
    const dataset *data = &w->data;
    uint32_t star_wars, empire, beauty;
    heading("Films beside films");
    bool all = dataset_find(data, "Star Wars: Episode IV", &star_wars) &&
               dataset_find(data, "Empire Strikes Back", &empire) && dataset_find(data, "American Beauty", &beauty);
    printf("   Each film is a row of the decoder: how the %u factors bear on it. Films with rows in the same\n"
           "   direction please the same people. As a distance, 1 less the cosine: 0 is the same direction, 1\n"
           "   unrelated, 2 the opposite.\n\n",
           w->options.factors);
    if (all) {
        float near, far;
        TRY("distances", lfrec_distance(&w->model, LFREC_COSINE, star_wars, empire, &near));
        TRY("distances", lfrec_distance(&w->model, LFREC_COSINE, star_wars, beauty, &far));
        printf("distance Star Wars - Empire: %.4f\ndistance Star Wars - American Beauty: %.4f\n\n", (double)near,
               (double)far);
    } else {
        star_wars = 0;
        printf("   Star Wars, The Empire Strikes Back and American Beauty are not all among these films; so here is\n"
               "   the most rated one, %s.\n\n",
               dataset_title(data, star_wars));
    }
    lfrec_scored list[5];
    size_t found;
    TRY("the nearest films", lfrec_nearest(&w->model, LFREC_COSINE, star_wars, 5, list, &found));
    printf("   Nearest to %s:\n", dataset_title(data, star_wars));
    for (size_t k = 0; k < found; k++)
        printf("    %.2f  %s\n", (double)list[k].score, dataset_title(data, list[k].item));
    TRY("the least similar film", lfrec_farthest(&w->model, LFREC_COSINE, star_wars, 1, list, &found));
    if (found > 0)
        printf("   Least similar to it:\n    %.2f  %s\n", (double)list[0].score, dataset_title(data, list[0].item));
    return 0;
}

/* ---- the walk ---- */

static int choose_options(walk *w, const settings *chosen)
{
    const dataset *data = &w->data;
    lfrec_options *o = &w->options;
    if (chosen->factors > data->items.count)
        return complain(EXIT_USAGE, "--factors %g: there are only %u films; take at most as many factors",
                        chosen->factors, data->items.count);
    *o = lfrec_options_for(LFREC_ARTICLE, data->items.count, (uint32_t)chosen->factors, data->lowest, data->highest);
    o->holdout = 0; /* everybody trains, and no epoch is skipped: as in the article */
    o->patience = 0;
    /* The library's decay suits half a million ratings; like any prior it weighs more against fewer. */
    double fewer = 500000.0 / (double)data->count;
    o->weight_decay *= (float)(fewer < 1 ? 1 : fewer > 12 ? 12 : fewer);
    o->scope = (lfrec_scope)chosen->scope;
    o->seed = (uint64_t)chosen->seed;
    if (chosen->mask >= 0) o->mask = (float)chosen->mask;
    if (chosen->loss_weight >= 0) o->loss_weight = (float)chosen->loss_weight;
    if (chosen->epochs >= 0) o->epochs = (uint32_t)chosen->epochs;
    if (chosen->batch >= 0) o->batch = (uint32_t)chosen->batch;
    if (chosen->learning_rate >= 0) o->learning_rate = (float)chosen->learning_rate;
    const char *field;
    lfrec_status status = lfrec_options_check(o, &field);
    if (status != LFREC_OK) return complain(EXIT_USAGE, "%s: %s", field, lfrec_status_string(status));
    TRY("the model", lfrec_model_create(&w->model, o, NULL));
    w->factors = malloc(LFREC_STRIDE(o->factors) * sizeof *w->factors);
    return w->factors != NULL ? 0 : failed("the model", LFREC_ERROR_MEMORY);
}

static int walk_through(walk *w, const settings *chosen)
{
    int code = read_ratings(w, chosen->data);
    if (code == 0) code = keep_popular(w, (uint32_t)chosen->top);
    if (code == 0) code = choose_options(w, chosen);
    if (code == 0) code = show_preferences(w);
    if (code == 0) code = hold_out(w, (float)chosen->holdout);
    if (code == 0) code = check_masks(w);
    if (code == 0) code = train(w);
    if (code == 0) code = show_errors(w);
    if (code == 0) code = meet_somebody(w);
    if (code == 0) code = compare_films(w);
    return code;
}

int main(int argc, char **argv)
{
    settings chosen;
    if (!parse(argc, argv, &chosen)) return EXIT_USAGE;
    if (chosen.help) {
        print_help();
        return 0;
    }
    walk w = {.split = NULL};
    dataset_init(&w.data);
    puts("Building a recommender system, part 2, on MovieLens");
    int code = walk_through(&w, &chosen);
    done(&w);
    if (code == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        return complain(EXIT_DATA, "standard output: %s", strerror(errno));
    return code;
}
