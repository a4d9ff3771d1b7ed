/* problem.c - the ratings to learn from and to be tested with. */
#include "evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LEVELS 101 /* of an ordinal scale */

void problem_free(problem *p)
{
    lfrec_ratings_destroy(&p->train);
    lfrec_ratings_destroy(&p->test);
    dataset_free(&p->data);
    thread_pool_stop(p->pool);
}

/* The step of the training ratings, 0 when there is none: the smallest difference between two neighbors of which all others are
 * multiples. */
static float find_step(const lfrec_rating *rating, size_t count, float low, float high)
{
    float level[MOST_LEVELS];
    size_t levels = 0;
    for (size_t k = 0; k < count; k++) {
        size_t at = 0;
        while (at < levels && level[at] < rating[k].value) at++;
        if (at < levels && level[at] <= rating[k].value) continue;
        if (levels == MOST_LEVELS) return 0;
        memmove(level + at + 1, level + at, (levels - at) * sizeof *level);
        level[at] = rating[k].value;
        levels++;
    }
    if (levels < 2) return 0;
    float step = level[1] - level[0];
    for (size_t k = 2; k < levels; k++)
        if (level[k] - level[k - 1] < step) step = level[k] - level[k - 1];
    for (size_t k = 0; k <= levels; k++) {
        float steps = ((k < levels ? level[k] : high) - low) / step;
        if (fabsf(steps - roundf(steps)) > 1e-3f * (1 + fabsf(steps))) return 0;
    }
    return (high - low) / step < (float)MOST_LEVELS ? step : 0;
}

/* Everything that follows from data and known. */
static int arrange(problem *p, const choices *chosen)
{
    dataset *d = &p->data;
    if (chosen != NULL && chosen->scale != NULL) {
        p->scale_min = chosen->scale_min;
        p->scale_max = chosen->scale_max;
    } else {
        p->scale_min = p->scale_max = d->rating[0].value;
        for (size_t k = 1; k < p->known; k++) {
            if (d->rating[k].value < p->scale_min) p->scale_min = d->rating[k].value;
            if (d->rating[k].value > p->scale_max) p->scale_max = d->rating[k].value;
        }
        if (!(p->scale_min < p->scale_max))
            return complain(EXIT_DATA, "every training rating is %g: that is no scale; give --scale MIN..MAX",
                            (double)p->scale_min);
    }
    p->step = find_step(d->rating, p->known, p->scale_min, p->scale_max);
    lfrec_ratings_destroy(&p->train);
    lfrec_ratings_destroy(&p->test);
    lfrec_status status = lfrec_ratings_create(&p->train, d->users.count, d->items.count, d->rating, p->known, NULL);
    if (status == LFREC_OK)
        status = lfrec_ratings_create(&p->test, d->users.count, d->items.count, d->rating + p->known,
                                      d->count - p->known, NULL);
    return status == LFREC_OK ? 0 : failed("arranging the ratings", status);
}

int problem_read(problem *p, const choices *chosen)
{
    char error[DATASET_ERROR_MAX];
    *p = (problem){.threads = (uint32_t)chosen->threads};
    dataset_init(&p->data);
    if (p->threads > 1) p->pool = thread_pool_start(p->threads);
    if (p->threads > 1 && p->pool == NULL)
        return complain(EXIT_DATA, "--threads %u: so many cannot be started", p->threads);
    if (chosen->scale != NULL) {
        p->data.limit_min = chosen->scale_min;
        p->data.limit_max = chosen->scale_max;
    }
    bool good = chosen->data != NULL ? dataset_read(&p->data, chosen->data, error)
                                     : dataset_read_ratings(&p->data, chosen->train, error);
    p->known = p->data.count;
    if (good && chosen->test != NULL) good = dataset_read_ratings(&p->data, chosen->test, error);
    if (!good) return complain(EXIT_DATA, "%s", error);
    dataset_print_refused(&p->data, stderr);
    if (chosen->top > 0 && chosen->data != NULL && !dataset_keep_most_rated(&p->data, (uint32_t)chosen->top))
        return failed("keeping the most rated", LFREC_ERROR_MEMORY);
    return chosen->data != NULL ? 0 : arrange(p, chosen);
}

/* Fisher-Yates, j = splitmix64 mod (i + 1) for i = count - 1 .. 1. */
void shuffled(uint32_t *order, size_t count, uint64_t seed)
{
    for (size_t k = 0; k < count; k++) order[k] = (uint32_t)k;
    for (size_t i = count; i-- > 1;) {
        uint64_t z = seed += 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        size_t j = (size_t)((z ^ (z >> 31)) % (i + 1));
        uint32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

/* The upper quarter: 4 and more of 1 .. 5, also with half stars. */
bool is_relevant(const problem *p, float rating)
{
    return rating >= p->scale_min + 0.75f * (p->scale_max - p->scale_min);
}

#define FEWEST_RELEVANT 10u

/* Marks a fifth of the relevant ratings of each user who has at least ten. false: no memory. */
static bool mark_relevant(const problem *p, const uint32_t *order, uint8_t *is_test)
{
    const dataset *d = &p->data;
    uint32_t *left = calloc(d->users.count, sizeof *left);
    if (left == NULL) return false;
    for (size_t k = 0; k < d->count; k++) left[d->rating[k].user] += is_relevant(p, d->rating[k].value);
    for (uint32_t u = 0; u < d->users.count; u++) left[u] = left[u] >= FEWEST_RELEVANT ? left[u] / 5 : 0;
    for (size_t k = 0; k < d->count; k++) {
        const lfrec_rating *r = &d->rating[order[k]];
        if (!is_relevant(p, r->value) || left[r->user] == 0) continue;
        left[r->user]--;
        is_test[order[k]] = 1;
    }
    free(left);
    return true;
}

int problem_split(problem *p, uint64_t seed, bool ranking)
{
    dataset *d = &p->data;
    size_t tenth = (size_t)llrint((double)d->count * 0.1), at = 0;
    uint32_t *order = malloc((d->count + 1) * sizeof *order);
    uint8_t *is_test = calloc(d->count + 1, 1);
    lfrec_rating *dealt = malloc((d->count + 1) * sizeof *dealt);
    bool good = order != NULL && is_test != NULL && dealt != NULL;
    p->scale_min = d->lowest;
    p->scale_max = d->highest;
    lfrec_rating *original = d->rating;
    if (good) {
        shuffled(order, d->count, seed);
        if (ranking) {
            good = mark_relevant(p, order, is_test);
        } else {
            for (size_t k = 0; k < tenth; k++) is_test[order[k]] = 1;
        }
    }
    if (good) {
        for (size_t k = 0; k < d->count; k++)
            if (!is_test[k]) dealt[at++] = original[k];
        p->known = at;
        for (size_t k = 0; k < d->count; k++)
            if (is_test[k]) dealt[at++] = original[k];
        d->rating = dealt; /* for arrange only: the next split starts from the file's order again */
    }
    int code = !good                  ? failed("splitting the ratings", LFREC_ERROR_MEMORY)
               : p->known == d->count ? complain(EXIT_DATA, "too few ratings to split")
                                      : arrange(p, NULL);
    d->rating = original;
    free(order);
    free(is_test);
    free(dealt);
    return code;
}

int choose_new_users(const problem *p, double share, uint64_t seed, uint8_t *is_new)
{
    uint32_t users = p->data.users.count, *order = malloc((users + (size_t)1) * sizeof *order);
    if (order == NULL) return failed("choosing new users", LFREC_ERROR_MEMORY);
    shuffled(order, users, seed);
    size_t count = (size_t)llrint(share * users);
    memset(is_new, 0, users);
    for (size_t k = 0; k < count; k++) is_new[order[k]] = 1;
    free(order);
    return 0;
}

int ratings_of_users(const lfrec_ratings *from, const uint8_t *is_new, bool which, lfrec_ratings *to)
{
    size_t count = from->row_start[from->users], kept = 0;
    lfrec_rating *events = malloc((count + 1) * sizeof *events);
    if (events == NULL) return failed("choosing users", LFREC_ERROR_MEMORY);
    for (uint32_t user = 0; user < from->users; user++) {
        lfrec_history history = lfrec_history_of(from, user);
        for (size_t k = 0; k < history.count && (is_new[user] != 0) == which; k++)
            events[kept++] = (lfrec_rating){user, history.item[k], history.value[k]};
    }
    lfrec_status status = lfrec_ratings_create(to, from->users, from->items, events, kept, NULL);
    free(events);
    return status == LFREC_OK ? 0 : failed("choosing users", status);
}
