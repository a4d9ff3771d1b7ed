/* The support floor on real ratings: no film that one or two people loved tops anybody's list. Needs MovieLens latest-small, in
 * ../shared/data/ml-latest-small or where DATA_SMALL says; passes without it, and says so. */
#include "../lfrec.h"

#include "../examples/dataset.c"
#include "support.h"

enum { LISTED = 20, FACTORS = 16 };

/* Rated once or twice, and nothing but 5. */
static int loved_by_few(const lfrec_means *means, uint32_t item)
{
    const lfrec_sum *sum = &means->item[item];
    return sum->count > 0 && sum->count <= 2 && !(lfrec_sum_mean(sum, 0, 0) < 5);
}

static size_t listed_of_few(const lfrec_model *model, const lfrec_means *means, const lfrec_history *history, uint32_t floor)
{
    float factors[LFREC_STRIDE(FACTORS)];
    lfrec_user user = user_over(factors);
    lfrec_query query = lfrec_query_for(LISTED, history);
    lfrec_scored list[LISTED];
    size_t found, few = 0;
    if (floor != LFREC_MIN_SUPPORT) query.min_support = floor;
    ASSERT_OK(lfrec_fold_in(model, history, &user));
    ASSERT_OK(lfrec_top(model, &user, &query, list, &found));
    ck_assert_uint_eq(found, LISTED);
    for (size_t k = 0; k < found; k++) few += (size_t)loved_by_few(means, list[k].item);
    return few;
}

START_TEST(films_that_one_or_two_people_loved_are_listed_only_when_the_floor_is_off)
{
    const char *path = getenv("DATA_SMALL");
    static char error[DATASET_ERROR_MAX];
    dataset data;
    dataset_init(&data);
    if (!dataset_read(&data, path ? path : "../shared/data/ml-latest-small", error)) {
        printf("skip the support floor on real ratings: %s\n", error);
        dataset_free(&data);
        return;
    }
    const uint32_t items = data.items.count;
    lfrec_ratings ratings;
    lfrec_model model;
    lfrec_means means;
    lfrec_options options = lfrec_options_for(settings[_i], items, FACTORS, 0.5f, 5.0f);
    options.epochs = BY_SPEED(20, 1);
    ASSERT_OK(lfrec_ratings_create(&ratings, data.users.count, items, data.rating, data.count, NULL));
    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
    ASSERT_OK(lfrec_means_create(&means, items, NULL));
    ASSERT_OK(lfrec_means_add_all(&means, &ratings));
    ASSERT_OK(lfrec_train(&model, &options, &ratings, NULL, NULL, NULL));
    size_t few = 0;
    for (uint32_t i = 0; i < items; i++) few += (size_t)loved_by_few(&means, i);
    ck_assert_uint_eq(few, 296);

    uint32_t shawshank;
    const float five = 5;
    ck_assert(dataset_item(&data, "318", &shawshank));
    const lfrec_history nothing = {NULL, NULL, 0}, one = {&shawshank, &five, 1};
    ck_assert_uint_eq(listed_of_few(&model, &means, &nothing, LFREC_MIN_SUPPORT), 0);
    ck_assert_uint_eq(listed_of_few(&model, &means, &one, LFREC_MIN_SUPPORT), 0);
    if (settings[_i] == LFREC_ARTICLE) ck_assert_uint_gt(listed_of_few(&model, &means, &nothing, 0), 0); /* raw means */
    lfrec_means_destroy(&means);
    lfrec_model_destroy(&model);
    lfrec_ratings_destroy(&ratings);
    dataset_free(&data);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {films_that_one_or_two_people_loved_are_listed_only_when_the_floor_is_off};
    return run_for_settings("support floor", tests, COUNT(tests), BY_SPEED(60, 300));
}
