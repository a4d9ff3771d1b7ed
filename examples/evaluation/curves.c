/* curves.c - learning curves: the error by epoch, and the error by how many ratings a user has given. */
#include "chart.h"
#include "evaluate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEW_SHARE 0.1  /* of the users, whom nobody trains on in the second curve */
#define MOST_GIVEN 64u /* ratings; users with fewer are left out, so that every point is of the same users */
#define POINTS 8       /* 0, 1, 2, 4, .. MOST_GIVEN */

typedef struct curve {
    double *x, *train, *held;
    size_t count;
} curve;

static bool curve_room(curve *c, size_t points)
{
    c->x = calloc(points, sizeof *c->x);
    c->train = calloc(points, sizeof *c->train);
    c->held = calloc(points, sizeof *c->held);
    return c->x != NULL && c->train != NULL && c->held != NULL;
}

static void curve_free(curve *c)
{
    free(c->x);
    free(c->train);
    free(c->held);
}

static int write_chart(const chart *c, const char *folder, const char *name)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return complain(EXIT_DATA, "%s: too long a name", folder);
    if (!chart_write(c, path)) return complain(EXIT_DATA, "%s: %s", path, strerror(errno));
    printf("%s\n", path);
    return 0;
}

static int note_epoch(const problem *p, lfrec_trainer *trainer, lfrec_model *model, curve *c)
{
    lfrec_errors train, held;
    lfrec_epoch epoch;
    lfrec_status status = lfrec_trainer_epoch(trainer, &epoch);
    if (status == LFREC_OK) status = lfrec_trainer_finish(trainer, model);
    if (status != LFREC_OK) return failed("training", status);
    int code = measure_errors(model, &p->train, &p->train, &train);
    if (code == 0) code = measure_errors(model, &p->train, &p->test, &held);
    if (code != 0) return code;
    c->x[c->count] = epoch.epoch;
    c->train[c->count] = (double)train.rmse;
    c->held[c->count++] = (double)held.rmse;
    return 0;
}

/* Epoch by epoch; nobody stops early, so that what comes after the best epoch is seen. */
static int by_epoch(const problem *p, const choices *chosen, const recipe *how)
{
    lfrec_options options = options_of(p, &p->train, how, (uint64_t)chosen->seed);
    options.holdout = 0;
    lfrec_model model = {0};
    lfrec_trainer trainer;
    curve c = {.count = 0};
    size_t bytes = 0;
    lfrec_status status = lfrec_model_create(&model, &options, NULL);
    if (status == LFREC_OK) status = lfrec_trainer_size(&options, &p->train, &bytes);
    void *memory = status == LFREC_OK ? malloc(bytes) : NULL;
    if (status == LFREC_OK && (memory == NULL || !curve_room(&c, options.epochs))) status = LFREC_ERROR_MEMORY;
    if (status == LFREC_OK) status = lfrec_trainer_init(&trainer, &options, &p->train, NULL, memory, bytes);
    int code = status == LFREC_OK ? 0 : failed("training", status);
    while (code == 0 && c.count < options.epochs) code = note_epoch(p, &trainer, &model, &c);
    if (code == 0) {
        char title[80];
        snprintf(title, sizeof title, "Error by epoch: %s, %u factors", setting_name(how->setting), (unsigned)options.factors);
        const chart_line lines[] = {{"held-out ratings", c.x, c.held, c.count}, {"training ratings", c.x, c.train, c.count}};
        const chart drawn = {title, "epoch", "RMSE", false, lines, 2};
        code = write_chart(&drawn, chosen->curves, "by-epoch.svg");
    }
    curve_free(&c);
    free(memory);
    lfrec_model_destroy(&model);
    return code;
}

static int by_number(const void *x, const void *y)
{
    const uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

/* `given` of a history's ratings: the first of a random order that is the user's own, so that more ratings include the fewer. */
typedef struct part {
    uint32_t *order, *item;
    float *value;
} part;

static lfrec_history first_of(const lfrec_history *whole, uint32_t user, uint64_t seed, size_t given, part *room)
{
    shuffled(room->order, whole->count, seed + user);
    qsort(room->order, given, sizeof *room->order, by_number);
    for (size_t k = 0; k < given; k++) {
        room->item[k] = whole->item[room->order[k]];
        room->value[k] = whole->value[room->order[k]];
    }
    return (lfrec_history){room->item, room->value, given};
}

/* Squared errors of a user's test ratings with so many given. */
static lfrec_status add_errors(const lfrec_model *model, const lfrec_history *given, const lfrec_history *test,
                               float *factors, double *sum)
{
    lfrec_user user = {.factors = factors};
    lfrec_status status = lfrec_fold_in(model, given, &user);
    for (size_t k = 0; k < test->count && status == LFREC_OK; k++) {
        float rating;
        status = lfrec_predict(model, &user, test->item[k], &rating);
        *sum += ((double)rating - (double)test->value[k]) * ((double)rating - (double)test->value[k]);
    }
    return status;
}

static int sum_over_new_users(const problem *p, const uint8_t *is_new, const lfrec_model *model, uint64_t seed,
                              double *error, size_t *people)
{
    uint32_t items = p->train.items;
    part room = {malloc(items * sizeof *room.order), malloc(items * sizeof *room.item), malloc(items * sizeof *room.value)};
    float *factors = user_room(model);
    size_t count = 0;
    lfrec_status status = room.order && room.item && room.value && factors ? LFREC_OK : LFREC_ERROR_MEMORY;
    *people = 0;
    for (uint32_t u = 0; u < p->train.users && status == LFREC_OK; u++) {
        const lfrec_history known = lfrec_history_of(&p->train, u), test = lfrec_history_of(&p->test, u);
        if (!is_new[u] || known.count < MOST_GIVEN || test.count == 0) continue;
        for (int k = 0; k < POINTS && status == LFREC_OK; k++) {
            const lfrec_history given = first_of(&known, u, seed, k == 0 ? 0 : (size_t)1 << (k - 1), &room);
            status = add_errors(model, &given, &test, factors, &error[k]);
        }
        count += test.count;
        ++*people;
    }
    for (int k = 0; k < POINTS && count > 0; k++) error[k] = sqrt(error[k] / (double)count);
    free(room.order);
    free(room.item);
    free(room.value);
    free(factors);
    return status == LFREC_OK ? 0 : failed("folding in", status);
}

/* The error for people nobody trained on, by how many of their ratings are folded in. */
static int by_ratings_given(const problem *p, const choices *chosen, const recipe *how)
{
    uint64_t seed = (uint64_t)chosen->seed;
    uint8_t *is_new = calloc(p->data.users.count, 1);
    lfrec_ratings others = {0};
    lfrec_model model = {0}, means = {0};
    double given[POINTS], error[POINTS] = {0}, by_means[POINTS] = {0}, seconds;
    size_t people = 0;
    int code = is_new == NULL ? failed("choosing new users", LFREC_ERROR_MEMORY)
                              : choose_new_users(p, chosen->new_users > 0 ? chosen->new_users : NEW_SHARE, seed, is_new);
    if (code == 0) code = ratings_of_users(&p->train, is_new, false, &others);
    if (code == 0) code = train_model(p, &others, how, seed, &model, &seconds);
    if (code == 0) code = means_model(p, &others, true, &means);
    if (code == 0) code = sum_over_new_users(p, is_new, &model, seed, error, &people);
    if (code == 0) code = sum_over_new_users(p, is_new, &means, seed, by_means, &people);
    if (code == 0 && people == 0) code = complain(EXIT_DATA, "no new user has %u ratings to give", MOST_GIVEN);
    if (code == 0) {
        char title[96];
        for (int k = 0; k < POINTS; k++) given[k] = k == 0 ? 0 : (double)(1 << (k - 1));
        snprintf(title, sizeof title, "Error for %zu people the model has never seen", people);
        const chart_line lines[] = {{setting_name(how->setting), given, error, POINTS},
                                    {"shrunk means", given, by_means, POINTS}};
        const chart drawn = {title, "ratings they have given", "RMSE", true, lines, 2};
        code = write_chart(&drawn, chosen->curves, "by-ratings-given.svg");
    }
    lfrec_model_destroy(&model);
    lfrec_model_destroy(&means);
    lfrec_ratings_destroy(&others);
    free(is_new);
    return code;
}

int evaluate_curves(const choices *chosen)
{
    problem p;
    recipe how = recipe_of(chosen);
    int code = problem_read(&p, chosen);
    if (code == 0) code = by_epoch(&p, chosen, &how);
    if (code == 0) code = by_ratings_given(&p, chosen, &how);
    problem_free(&p);
    return code;
}
