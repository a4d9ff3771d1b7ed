/* single.c - one training file, one test file, one model. */
#include "evaluate.h"

#include <stdlib.h>

/* Share of the test ratings whose user or item has no training rating. */
static double unseen_share(const problem *p, const lfrec_ratings *train, const lfrec_ratings *test)
{
    uint8_t *seen = calloc(p->data.items.count, 1);
    size_t unseen = 0, count = test->row_start[test->users];
    if (seen == NULL) return -1;
    for (size_t k = 0; k < train->row_start[train->users]; k++) seen[train->item[k]] = 1;
    for (uint32_t u = 0; u < test->users; u++) {
        lfrec_history history = lfrec_history_of(test, u);
        for (size_t k = 0; k < history.count; k++)
            unseen += lfrec_history_of(&p->train, u).count == 0 || !seen[history.item[k]];
    }
    free(seen);
    return count > 0 ? (double)unseen / (double)count : 0;
}

static void print_ranking(const char *prefix, const outcome_of_run *o)
{
    printf("%srecall@20: %.4f\n%sndcg@10: %.4f\n%sndcg@100: %.4f\n", prefix, o->recall_20, prefix, o->ndcg_10, prefix,
           o->ndcg_100);
}

/* Trains on `train`, folds `known` in, reports on `test`; with `whole`, also what the same users get from a model that was trained on
 * them, too. */
static int report(const problem *p, const choices *chosen, const lfrec_ratings *train, const lfrec_ratings *test, bool is_new)
{
    const recipe how = recipe_of(chosen);
    const uint64_t seed = (uint64_t)chosen->seed;
    lfrec_model model = {0}, raw = {0}, shrunk = {0}, whole = {0};
    outcome_of_run o = {.people = 0}, popular = {.people = 0}, trained = {.people = 0};
    lfrec_errors by_raw = {0}, by_shrunk = {0};
    int code = train_model(p, train, &how, seed, &model, &o.train_seconds);
    if (code == 0) code = measure_fold_in(&model, &p->train, test, &o.fold_in_microseconds);
    if (code == 0 && is_new) code = train_model(p, &p->train, &how, seed, &whole, &trained.train_seconds);
    if (code == 0 && chosen->ranking) {
        code = measure_ranking(p, &model, train, &p->train, test, &o);
        if (code == 0) code = measure_ranking(p, NULL, train, &p->train, test, &popular);
        if (code == 0 && is_new) code = measure_ranking(p, &whole, train, &p->train, test, &trained);
        if (code == 0) {
            print_ranking("", &o);
            print_ranking("popularity ", &popular);
            if (is_new) print_ranking("trained on them ", &trained);
            printf("users: %zu\n", o.people);
        }
    } else if (code == 0) {
        code = means_model(p, train, false, &raw);
        if (code == 0) code = means_model(p, train, true, &shrunk);
        if (code == 0) code = measure_errors(&raw, &p->train, test, &by_raw);
        if (code == 0) code = measure_errors(&shrunk, &p->train, test, &by_shrunk);
        if (code == 0) code = measure_errors(&model, &p->train, test, &o.errors);
        if (code == 0 && is_new) code = measure_errors(&whole, &p->train, test, &trained.errors);
        if (code == 0) {
            printf("rmse: %.5f\nmae: %.5f\n", (double)o.errors.rmse, (double)o.errors.mae);
            printf("means rmse: %.5f\nshrunk means rmse: %.5f\n", (double)by_raw.rmse, (double)by_shrunk.rmse);
            if (is_new) printf("trained on them rmse: %.5f\n", (double)trained.errors.rmse);
        }
    }
    if (code == 0)
        printf("train seconds: %.3f\nfold-in microseconds: %.2f\nunseen: %.5f\n", o.train_seconds,
               o.fold_in_microseconds, unseen_share(p, train, test));
    lfrec_model_destroy(&model);
    lfrec_model_destroy(&raw);
    lfrec_model_destroy(&shrunk);
    lfrec_model_destroy(&whole);
    return code;
}

static int report_new_users(const problem *p, const choices *chosen)
{
    lfrec_ratings train = {0}, test = {0};
    uint8_t *is_new = calloc(p->data.users.count, 1);
    int code = is_new == NULL ? failed("choosing new users", LFREC_ERROR_MEMORY)
                              : choose_new_users(p, chosen->new_users, (uint64_t)chosen->seed, is_new);
    if (code == 0) code = ratings_of_users(&p->train, is_new, false, &train);
    if (code == 0) code = ratings_of_users(&p->test, is_new, true, &test);
    if (code == 0 && test.row_start[test.users] == 0)
        code = complain(EXIT_DATA, "--new-users %g: no test rating is of one of these users", chosen->new_users);
    if (code == 0) code = report(p, chosen, &train, &test, true);
    lfrec_ratings_destroy(&train);
    lfrec_ratings_destroy(&test);
    free(is_new);
    return code;
}

int evaluate_files(const choices *chosen)
{
    problem p;
    int code = problem_read(&p, chosen);
    if (code == 0)
        code = chosen->new_users > 0 ? report_new_users(&p, chosen) : report(&p, chosen, &p.train, &p.test, false);
    problem_free(&p);
    return code;
}
