/* Errors, rankings, splits. */
#include "lfrec.h"

#include "support.h"

/* ---- errors ---- */

START_TEST(errors_of_three_ratings_are_as_computed_by_hand)
{
    /* Means alone: items at 3, 4 and 5, a user who gave item 0 one more than its mean, another of whom nothing is known. */
    const lfrec_options options = lfrec_options_for(LFREC_ARTICLE, 3, 1, 1, 5);
    const lfrec_rating known_events[] = {{0, 0, 4}}, test_events[] = {{0, 1, 4.5f}, {0, 2, 3}, {1, 0, 5}};
    float factors[USER_ROOM(1)];
    lfrec_ratings known, test;
    lfrec_errors errors;
    lfrec_model model;
    ASSERT_OK(lfrec_ratings_create(&known, 2, 3, known_events, 1, NULL));
    ASSERT_OK(lfrec_ratings_create(&test, 2, 3, test_events, 3, NULL));
    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
    for (uint32_t i = 0; i < 3; i++) writable(model.item_mean)[i] = 3 + (float)i;
    ASSERT_OK(lfrec_evaluate(&model, &known, &test, factors, &errors));
    /* Predicted: 4 + 1; 5 + 1, clamped to 5; 3. Errors: 0.5, 2, -2. */
    ck_assert_uint_eq(errors.count, 3);
    ck_assert_double_eq_tol(errors.rmse, sqrt((0.25 + 4 + 4) / 3), 1e-6);
    ck_assert_double_eq_tol(errors.mae, 4.5 / 3, 1e-6);
    lfrec_model_destroy(&model);
    lfrec_ratings_destroy(&known);
    lfrec_ratings_destroy(&test);
}
END_TEST

START_TEST(errors_are_those_of_the_predictions)
{
    enum { USERS = BY_SPEED(40, 10), ITEMS = 200 };
    for (size_t s = 0; s < COUNT(settings); s++) {
        lfrec_ratings all, known, test;
        lfrec_model model;
        lfrec_errors errors;
        float factors[USER_ROOM(9)], rating;
        double squares = 0, sum = 0;
        size_t bytes, count = 0;
        generate(&all, USERS, ITEMS, 150, 2);
        ASSERT_OK(lfrec_split_size(&all, &bytes));
        void *memory = take(bytes);
        ASSERT_OK(lfrec_split(&all, LFREC_SPLIT_RATINGS, 0.5f, 3, memory, bytes, &known, &test));
        random_model(&model, settings[s], ITEMS, 9);
        ASSERT_OK(lfrec_evaluate(&model, &known, &test, factors, &errors));
        for (uint32_t u = 0; u < USERS; u++) {
            const lfrec_history history = lfrec_history_of(&known, u), asked = lfrec_history_of(&test, u);
            lfrec_user user = user_over(factors);
            ASSERT_OK(lfrec_fold_in(&model, &history, &user));
            for (size_t k = 0; k < asked.count; k++, count++) {
                ASSERT_OK(lfrec_predict(&model, &user, asked.item[k], &rating));
                const double e = (double)rating - (double)asked.value[k];
                squares += e * e;
                sum += fabs(e);
            }
        }
        ck_assert_uint_eq(errors.count, count);
        ck_assert_double_eq_tol(errors.rmse, sqrt(squares / (double)count), 1e-6);
        ck_assert_double_eq_tol(errors.mae, sum / (double)count, 1e-6);
        lfrec_model_destroy(&model);
        free(memory);
        lfrec_ratings_destroy(&all);
    }
}
END_TEST

START_TEST(model_that_is_not_finite_is_not_evaluated)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t s = 0; s < COUNT(settings); s++) {
        lfrec_ratings ratings;
        lfrec_model model;
        float factors[USER_ROOM(4)];
        lfrec_errors errors;
        memset(&errors, 0x5a, sizeof errors);
        const lfrec_errors before = errors;
        generate(&ratings, 10, 12, 6, 1);
        random_model(&model, settings[s], 12, 4);
        const float *const arrays[] = {model.item_mean, model.encoder, model.decoder, model.offset, model.implicit};
        for (size_t k = 0; k < COUNT(arrays); k++) {
            for (size_t b = 0; arrays[k] && b < COUNT(bad); b++) {
                const float was = arrays[k][11];
                writable(arrays[k])[11] = bad[b];
                ASSERT_STATUS(lfrec_evaluate(&model, &ratings, &ratings, factors, &errors), LFREC_ERROR_NUMBER);
                writable(arrays[k])[11] = was;
            }
        }
        model.mean = NAN;
        ASSERT_STATUS(lfrec_evaluate(&model, &ratings, &ratings, factors, &errors), LFREC_ERROR_NUMBER);
        ck_assert_mem_eq(&errors, &before, sizeof errors);
        model.mean = 3;
        ASSERT_OK(lfrec_evaluate(&model, &ratings, &ratings, factors, &errors));
        lfrec_model_destroy(&model);
        lfrec_ratings_destroy(&ratings);
    }
}
END_TEST

START_TEST(ratings_that_cannot_be_evaluated_are_refused)
{
    lfrec_ratings ratings, fewer, none, wide;
    lfrec_model model;
    float factors[USER_ROOM(2)];
    lfrec_errors errors;
    generate(&ratings, 10, 12, 6, 1);
    ASSERT_OK(lfrec_ratings_create(&fewer, 9, 12, NULL, 0, NULL));
    ASSERT_OK(lfrec_ratings_create(&none, 10, 12, NULL, 0, NULL));
    ASSERT_OK(lfrec_ratings_create(&wide, 10, 13, NULL, 0, NULL));
    random_model(&model, LFREC_ARTICLE, 12, 2);
    ASSERT_STATUS(lfrec_evaluate(&model, &ratings, &none, factors, &errors), LFREC_ERROR_EMPTY);
    ASSERT_STATUS(lfrec_evaluate(&model, &fewer, &ratings, factors, &errors), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_evaluate(&model, &wide, &ratings, factors, &errors), LFREC_ERROR_RANGE);
    ASSERT_STATUS(lfrec_evaluate(&model, &ratings, &wide, factors, &errors), LFREC_ERROR_RANGE);
    ASSERT_STATUS(lfrec_evaluate(&model, NULL, &ratings, factors, &errors), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_evaluate(&model, &ratings, NULL, factors, &errors), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_evaluate(&model, &ratings, &ratings, NULL, &errors), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_evaluate(&model, &ratings, &ratings, factors, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_OK(lfrec_evaluate(&model, &none, &ratings, factors, &errors)); /* users of whom nothing is known */
    lfrec_model_destroy(&model);
    lfrec_ratings_destroy(&ratings);
    lfrec_ratings_destroy(&fewer);
    lfrec_ratings_destroy(&none);
    lfrec_ratings_destroy(&wide);
}
END_TEST

/* ---- rankings ---- */

START_TEST(ndcg_of_a_known_list_is_as_published)
{
    /* Listed in this order: relevance 2, 0, 3, 1, 0; a sixth candidate of relevance 3 is missed. */
    const float scores[] = {9, 8, 7, 6, 5, 4}, relevance[] = {2, 0, 3, 1, 0, 3};
    uint32_t order[6];
    lfrec_ranking ranking;
    ASSERT_OK(lfrec_rank(scores, relevance, 6, 5, LFREC_GAIN_LINEAR, order, &ranking));
    ck_assert_double_eq_tol(ranking.ndcg, 0.621602, 1e-6);
    ck_assert_double_eq_tol(ranking.recall, 3.0 / 4, 1e-9);
    ASSERT_OK(lfrec_rank(scores, relevance, 6, 5, LFREC_GAIN_EXPONENTIAL, order, &ranking));
    ck_assert_double_eq_tol(ranking.ndcg, 0.519261, 1e-6);
    ck_assert_double_eq_tol(ranking.recall, 3.0 / 4, 1e-9);
}
END_TEST

START_TEST(best_order_has_ndcg_1_and_a_list_of_all_has_recall_1)
{
    const float scores[] = {1, 5, 3, 2, 4}, relevance[] = {0, 4.5f, 1, 0, 2};
    uint32_t order[5];
    lfrec_ranking ranking;
    for (size_t n = 1; n <= 7; n++) {
        for (int gain = 0; gain < 2; gain++) {
            ASSERT_OK(lfrec_rank(scores, relevance, 5, n, (lfrec_gain)gain, order, &ranking));
            ck_assert_double_eq_tol(ranking.ndcg, 1, 1e-9);
            ck_assert_double_eq_tol(ranking.recall, fmin(1, (double)n / 3), 1e-9);
        }
    }
}
END_TEST

START_TEST(list_that_misses_all_has_0)
{
    const float scores[] = {5, 4, 3, 2, 1}, relevance[] = {0, 0, 0, 1, 3};
    uint32_t order[5];
    lfrec_ranking ranking;
    for (int gain = 0; gain < 2; gain++) {
        ASSERT_OK(lfrec_rank(scores, relevance, 5, 3, (lfrec_gain)gain, order, &ranking));
        ck_assert_double_eq(ranking.ndcg, 0);
        ck_assert_double_eq(ranking.recall, 0);
    }
}
END_TEST

static double gain_of(float relevance, lfrec_gain gain)
{
    return gain == LFREC_GAIN_LINEAR ? (double)relevance : exp2((double)relevance) - 1;
}

enum { CANDIDATES = 6, ORDERS = 720 };

typedef struct {
    double ndcg, recall;
    size_t orders;
} brute;

/* The mean over every order that the scores allow, by trying all permutations; the ideal as the best of them all. */
static brute by_permutations(const float *scores, const float *relevance, size_t n, lfrec_gain gain)
{
    brute sum = {0, 0, 0};
    double ideal = 0, relevant = 0;
    for (size_t k = 0; k < CANDIDATES; k++) relevant += relevance[k] > 0;
    for (uint32_t number = 0; number < ORDERS; number++) {
        uint32_t left[CANDIDATES], order[CANDIDATES], rest = number;
        int allowed = 1;
        double dcg = 0, hits = 0;
        for (uint32_t k = 0; k < CANDIDATES; k++) left[k] = k;
        for (uint32_t k = 0; k < CANDIDATES; k++) {
            const uint32_t count = CANDIDATES - k, pick = rest % count;
            rest /= count;
            order[k] = left[pick];
            left[pick] = left[count - 1];
            allowed = allowed && (k == 0 || scores[order[k - 1]] >= scores[order[k]]);
        }
        for (size_t k = 0; k < CANDIDATES && k < n; k++) {
            dcg += gain_of(relevance[order[k]], gain) / log2((double)k + 2);
            hits += relevance[order[k]] > 0;
        }
        ideal = fmax(ideal, dcg);
        if (allowed) {
            sum.ndcg += dcg;
            sum.recall += hits / relevant;
            sum.orders++;
        }
    }
    sum.ndcg /= ideal * (double)sum.orders;
    sum.recall /= (double)sum.orders;
    return sum;
}

START_TEST(ties_count_as_the_mean_of_all_their_orders)
{
    for (int round = 0; round < BY_SPEED(300, 30); round++) {
        float scores[CANDIDATES], relevance[CANDIDATES];
        uint32_t order[CANDIDATES];
        lfrec_ranking ranking;
        for (size_t k = 0; k < CANDIDATES; k++) {
            scores[k] = (float)draw_below(3) - 1;
            relevance[k] = 0.5f * (float)draw_below(6);
        }
        relevance[draw_below(CANDIDATES)] = 2.5f;
        const size_t n = 1 + draw_below(CANDIDATES + 1);
        for (int gain = 0; gain < 2; gain++) {
            const brute right = by_permutations(scores, relevance, n, (lfrec_gain)gain);
            ASSERT_OK(lfrec_rank(scores, relevance, CANDIDATES, n, (lfrec_gain)gain, order, &ranking));
            HOLDS(fabs(ranking.ndcg - right.ndcg) < 1e-6);
            HOLDS(fabs(ranking.recall - right.recall) < 1e-9);
        }
    }
}
END_TEST

/* A model that says the same of everything must look like chance, wherever the relevant items stand. */
START_TEST(constant_scores_do_not_flatter)
{
    enum { N = 100 };
    float scores[N], relevance[N];
    uint32_t order[N];
    lfrec_ranking first, last;
    for (size_t k = 0; k < N; k++) scores[k] = 3;
    for (int where = 0; where < 2; where++) {
        for (size_t k = 0; k < N; k++) relevance[k] = (where ? k >= N - 5 : k < 5) ? 1 : 0;
        ASSERT_OK(lfrec_rank(scores, relevance, N, 10, LFREC_GAIN_LINEAR, order, where ? &last : &first));
    }
    ck_assert_double_eq_tol(first.ndcg, last.ndcg, 1e-12);
    ck_assert_double_eq_tol(first.recall, 0.1, 1e-12);
    ck_assert_double_eq_tol(last.recall, 0.1, 1e-12);
    ck_assert_double_lt(first.ndcg, 0.1);
}
END_TEST

START_TEST(rankings_that_mean_nothing_are_refused)
{
    const float scores[] = {1, 2, 3}, relevance[] = {0, 1, 2}, nothing[] = {0, 0, 0}, negative[] = {0, -1, 2};
    const float bad_scores[] = {1, NAN, 3}, bad_relevance[] = {0, NAN, 1}, infinite[] = {0, INFINITY, 1};
    const float unbounded[] = {-INFINITY, 1, INFINITY};
    uint32_t order[3];
    lfrec_ranking ranking, before;
    memset(&ranking, 0x5a, sizeof ranking);
    before = ranking;
    ASSERT_STATUS(lfrec_rank(scores, nothing, 3, 2, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_EMPTY);
    ASSERT_STATUS(lfrec_rank(scores, relevance, 0, 2, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_EMPTY);
    ASSERT_STATUS(lfrec_rank(bad_scores, relevance, 3, 2, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_NUMBER);
    ASSERT_STATUS(lfrec_rank(scores, bad_relevance, 3, 2, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_NUMBER);
    ASSERT_STATUS(lfrec_rank(scores, infinite, 3, 2, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_NUMBER);
    ASSERT_STATUS(lfrec_rank(scores, negative, 3, 2, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_NUMBER);
    ASSERT_STATUS(lfrec_rank(scores, relevance, 3, 0, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_rank(NULL, relevance, 3, 2, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_rank(scores, NULL, 3, 2, LFREC_GAIN_LINEAR, order, &ranking), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_rank(scores, relevance, 3, 2, LFREC_GAIN_LINEAR, NULL, &ranking), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_rank(scores, relevance, 3, 2, LFREC_GAIN_LINEAR, order, NULL), LFREC_ERROR_ARGUMENT);
    ck_assert_mem_eq(&ranking, &before, sizeof ranking);
    ASSERT_OK(lfrec_rank(unbounded, relevance, 3, 1, LFREC_GAIN_LINEAR, order, &ranking));
    ck_assert_double_eq_tol(ranking.ndcg, 1, 1e-9);
}
END_TEST

/* ---- splits ---- */

typedef struct {
    lfrec_ratings train, test;
    void *memory;
    size_t bytes;
} parts;

static parts split_of(const lfrec_ratings *ratings, lfrec_split_by by, float share, uint64_t seed)
{
    parts p;
    ASSERT_OK(lfrec_split_size(ratings, &p.bytes));
    p.memory = take(p.bytes);
    ASSERT_OK(lfrec_split(ratings, by, share, seed, p.memory, p.bytes, &p.train, &p.test));
    return p;
}

static size_t count_of(const lfrec_ratings *ratings)
{
    return ratings->row_start[ratings->users];
}

/* Every rating is in exactly one part, with its value: both parts of a user merge to the history. */
static void assert_union(const lfrec_ratings *ratings, const parts *p)
{
    ASSERT_OK(lfrec_ratings_check(&p->train, NULL));
    ASSERT_OK(lfrec_ratings_check(&p->test, NULL));
    HOLDS(p->train.users == ratings->users && p->train.items == ratings->items);
    HOLDS(p->test.users == ratings->users && p->test.items == ratings->items);
    HOLDS(count_of(&p->train) + count_of(&p->test) == count_of(ratings));
    for (uint32_t u = 0; u < ratings->users; u++) {
        const lfrec_history all = lfrec_history_of(ratings, u), train = lfrec_history_of(&p->train, u),
                            test = lfrec_history_of(&p->test, u);
        size_t a = 0, b = 0;
        for (size_t k = 0; k < all.count; k++) {
            const int in_train = a < train.count && train.item[a] == all.item[k];
            const int in_test = b < test.count && test.item[b] == all.item[k];
            HOLDS(in_train + in_test == 1);
            HOLDS((in_train ? train.value[a] : test.value[b]) == all.value[k]);
            a += (size_t)in_train;
            b += (size_t)in_test;
        }
        HOLDS(a == train.count && b == test.count);
    }
}

static int same_ratings(const lfrec_ratings *a, const lfrec_ratings *b)
{
    return count_of(a) == count_of(b) && memcmp(a->row_start, b->row_start, (a->users + 1) * sizeof *a->row_start) == 0 &&
           memcmp(a->item, b->item, count_of(a) * sizeof *a->item) == 0 &&
           memcmp(a->value, b->value, count_of(a) * sizeof *a->value) == 0;
}

START_TEST(parts_are_disjoint_and_make_the_whole)
{
    static const float shares[] = {0, 0.1f, 0.5f, 1};
    lfrec_ratings ratings;
    generate(&ratings, BY_SPEED(300, 100), 60, 25, 2);
    for (int by = LFREC_SPLIT_RATINGS; by <= LFREC_SPLIT_USERS; by++) {
        for (size_t k = 0; k < COUNT(shares); k++) {
            parts p = split_of(&ratings, (lfrec_split_by)by, shares[k], 5);
            assert_union(&ratings, &p);
            const double n = by == LFREC_SPLIT_USERS ? ratings.users : (double)count_of(&ratings),
                         share = (double)shares[k];
            const double spread = sqrt(share * (1 - share) / n),
                         got = (double)count_of(&p.test) / (double)count_of(&ratings);
            ck_assert_double_le(fabs(got - share), 6 * spread);
            for (uint32_t u = 0; by == LFREC_SPLIT_USERS && u < ratings.users; u++)
                HOLDS(lfrec_history_of(&p.train, u).count == 0 || lfrec_history_of(&p.test, u).count == 0);
            free(p.memory);
        }
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(split_depends_on_seed_user_and_place_alone)
{
    lfrec_ratings ratings;
    generate(&ratings, 100, 60, 25, 2);
    const lfrec_ratings fewer = {50, 60, ratings.row_start, ratings.item, ratings.value, NULL, {NULL, NULL, NULL}};
    for (int by = LFREC_SPLIT_RATINGS; by <= LFREC_SPLIT_USERS; by++) {
        parts one = split_of(&ratings, (lfrec_split_by)by, 0.3f, 5),
              same = split_of(&ratings, (lfrec_split_by)by, 0.3f, 5),
              other = split_of(&ratings, (lfrec_split_by)by, 0.3f, 6),
              part = split_of(&fewer, (lfrec_split_by)by, 0.3f, 5);
        ck_assert(same_ratings(&one.train, &same.train) && same_ratings(&one.test, &same.test));
        ck_assert(!same_ratings(&one.test, &other.test));
        /* The first users alone are dealt as they are among all. */
        ck_assert_mem_eq(part.test.row_start, one.test.row_start, 51 * sizeof(size_t));
        ck_assert_mem_eq(part.test.item, one.test.item, count_of(&part.test) * sizeof(uint32_t));
        free(one.memory);
        free(same.memory);
        free(other.memory);
        free(part.memory);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(splits_memory_may_start_at_any_address_and_too_little_is_refused)
{
    lfrec_ratings ratings, train, test;
    size_t bytes, refused = 0;
    generate(&ratings, 8, 10, 4, 1);
    parts right = split_of(&ratings, LFREC_SPLIT_RATINGS, 0.4f, 2);
    ASSERT_OK(lfrec_split_size(&ratings, &bytes));
    for (size_t shift = 0; shift < 16; shift++) {
        bordered b = border(bytes, shift);
        ASSERT_OK(lfrec_split(&ratings, LFREC_SPLIT_RATINGS, 0.4f, 2, b.at, bytes, &train, &test));
        ck_assert(same_ratings(&train, &right.train) && same_ratings(&test, &right.test));
        border_free(&b);
    }
    for (size_t less = 0; less < bytes; less++) {
        bordered b = border(less, less % 16);
        const lfrec_status status = lfrec_split(&ratings, LFREC_SPLIT_RATINGS, 0.4f, 2, b.at, less, &train, &test);
        HOLDS(status == LFREC_OK || status == LFREC_ERROR_MEMORY);
        refused += status == LFREC_ERROR_MEMORY;
        border_free(&b);
    }
    ck_assert_uint_ge(refused, bytes - 128);
    free(right.memory);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(bad_splits_are_refused)
{
    lfrec_ratings ratings, train, test;
    size_t bytes;
    generate(&ratings, 8, 10, 4, 1);
    ASSERT_OK(lfrec_split_size(&ratings, &bytes));
    void *m = take(bytes);
    static const float shares[] = {-0.1f, 1.1f, NAN, INFINITY};
    for (size_t k = 0; k < COUNT(shares); k++)
        ASSERT_STATUS(lfrec_split(&ratings, LFREC_SPLIT_USERS, shares[k], 1, m, bytes, &train, &test), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_split(&ratings, (lfrec_split_by)2, 0.1f, 1, m, bytes, &train, &test), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_split(&ratings, LFREC_SPLIT_USERS, 0.1f, 1, m, bytes, &train, &train), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_split(&ratings, LFREC_SPLIT_USERS, 0.1f, 1, NULL, bytes, &train, &test), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_split(&ratings, LFREC_SPLIT_USERS, 0.1f, 1, m, bytes, NULL, &test), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_split(&ratings, LFREC_SPLIT_USERS, 0.1f, 1, m, bytes, &train, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_split(NULL, LFREC_SPLIT_USERS, 0.1f, 1, m, bytes, &train, &test), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_split_size(NULL, &bytes), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_split_size(&ratings, NULL), LFREC_ERROR_ARGUMENT);
    free(m);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        errors_of_three_ratings_are_as_computed_by_hand,
        errors_are_those_of_the_predictions,
        model_that_is_not_finite_is_not_evaluated,
        ratings_that_cannot_be_evaluated_are_refused,
        ndcg_of_a_known_list_is_as_published,
        best_order_has_ndcg_1_and_a_list_of_all_has_recall_1,
        list_that_misses_all_has_0,
        ties_count_as_the_mean_of_all_their_orders,
        constant_scores_do_not_flatter,
        rankings_that_mean_nothing_are_refused,
        parts_are_disjoint_and_make_the_whole,
        split_depends_on_seed_user_and_place_alone,
        splits_memory_may_start_at_any_address_and_too_little_is_refused,
        bad_splits_are_refused,
    };
    return run_tests("evaluation", tests, COUNT(tests), 120);
}
