/* test_operator.c - the operator through its interface: events in, lists out, trainings run in this thread. */
#define _POSIX_C_SOURCE 200809L
#include "../../lfrec.h"
#include "../../plugin/job.h"
#include "../../plugin/operator.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a place for what is published ---- */

enum { LISTED_MAX = 128 };

struct list {
    char user[16];
    bool forgotten;
    uint64_t version;
    size_t rated, count;
    char item[LISTED_MAX][16];
    float score[LISTED_MAX];
    float reasons_sum[LISTED_MAX]; /* of the shares */
    size_t reason_count[LISTED_MAX];
};

struct sink {
    struct list *lists; /* in the order of publication */
    size_t count, room;
    size_t accept; /* lists still taken before the answer is "not now" */
};

static bool is_ranked; /* lists are not in the order of their scores */

static void copy_id(char text[16], lfrec_id id)
{
    ck_assert_uint_lt(id.length, 16);
    memcpy(text, id.bytes, id.length);
    text[id.length] = '\0';
}

static bool take(void *context, const lfrec_recommendation *recommendation)
{
    struct sink *sink = context;
    if (sink->accept == 0) {
        return false;
    }
    --sink->accept;
    if (sink->count == sink->room) {
        sink->room = sink->room ? sink->room * 2 : 64;
        sink->lists = realloc(sink->lists, sink->room * sizeof *sink->lists);
        ck_assert_ptr_nonnull(sink->lists);
    }
    struct list *list = &sink->lists[sink->count++];
    *list = (struct list){.forgotten = recommendation->forgotten,
                          .version = recommendation->model_version,
                          .rated = recommendation->rated,
                          .count = recommendation->count};
    copy_id(list->user, recommendation->user);
    ck_assert_uint_le(list->count, LISTED_MAX);
    for (size_t k = 0; k < list->count; ++k) {
        const lfrec_recommended *listed = &recommendation->items[k];
        copy_id(list->item[k], listed->item);
        list->score[k] = listed->score;
        ck_assert(isfinite(listed->score)); /* no list ever has a NaN */
        ck_assert(k == 0 || is_ranked || list->score[k - 1] >= list->score[k]);
        list->reason_count[k] = listed->reason_count;
        for (size_t r = 0; r < listed->reason_count; ++r) {
            list->reasons_sum[k] += listed->reasons[r].share;
            ck_assert(r == 0 || fabsf(listed->reasons[r - 1].share) >= fabsf(listed->reasons[r].share));
        }
    }
    return true;
}

/* The last list of a user; NULL: none. */
static const struct list *last_of(const struct sink *sink, const char *user)
{
    for (size_t k = sink->count; k-- > 0;) {
        if (strcmp(sink->lists[k].user, user) == 0) {
            return &sink->lists[k];
        }
    }
    return NULL;
}

static bool lists_item(const struct list *list, const char *item)
{
    for (size_t k = 0; k < list->count; ++k) {
        if (strcmp(list->item[k], item) == 0) {
            return true;
        }
    }
    return false;
}

static bool near_list(const struct list *a, const struct list *b, float most)
{
    bool same = a->forgotten == b->forgotten && a->count == b->count && a->rated == b->rated && a->version == b->version;
    for (size_t k = 0; same && k < a->count; ++k) {
        same = strcmp(a->item[k], b->item[k]) == 0 && fabsf(a->score[k] - b->score[k]) <= most;
    }
    return same;
}

static bool same_list(const struct list *a, const struct list *b)
{
    return near_list(a, b, 0);
}

/* ---- an operator and its sink ---- */

static struct sink sink;

static lfrec_operator *open_with(const lfrec_operator_options *options)
{
    char error[LFREC_OPERATOR_ERROR_MAX];
    lfrec_operator *op = NULL;
    free(sink.lists);
    sink = (struct sink){.accept = SIZE_MAX};
    is_ranked = options->ranking > 0;
    ck_assert_msg(lfrec_operator_open(&op, options, take, &sink, error), "%s", error);
    return op;
}

/* Everything may be listed, and means are raw: what comes out can be computed by hand. */
static lfrec_operator_options plain_options(void)
{
    lfrec_operator_options options = lfrec_operator_options_for(4, 0, 5);
    options.min_support = 0;
    options.item_shrink = 0;
    options.user_shrink = 0;
    return options;
}

static lfrec_operator *open_plain(void)
{
    lfrec_operator_options options = plain_options();
    return open_with(&options);
}

static lfrec_id id_of(const char *text)
{
    return (lfrec_id){text, strlen(text)};
}

static lfrec_learned rate_from(lfrec_operator *op, const char *user, const char *item, float rating, int32_t partition,
                               bool now)
{
    lfrec_event event = {.kind = LFREC_EVENT_RATE, .user = id_of(user), .item = id_of(item), .rating = rating};
    return lfrec_operator_learn(op, &event, partition, now);
}

static lfrec_learned rate(lfrec_operator *op, const char *user, const char *item, float rating)
{
    return rate_from(op, user, item, rating, 0, true);
}

static lfrec_learned retract(lfrec_operator *op, const char *user, const char *item)
{
    lfrec_event event = {.kind = LFREC_EVENT_RETRACT, .user = id_of(user), .item = id_of(item)};
    return lfrec_operator_learn(op, &event, 0, true);
}

static lfrec_learned forget_from(lfrec_operator *op, const char *user, bool now)
{
    lfrec_event event = {.kind = LFREC_EVENT_FORGET, .user = id_of(user)};
    return lfrec_operator_learn(op, &event, 0, now);
}

static lfrec_learned forget(lfrec_operator *op, const char *user)
{
    return forget_from(op, user, true);
}

/* The list as it would be published now. */
static struct list top(lfrec_operator *op, const char *user)
{
    struct sink one = {.accept = 1};
    ck_assert(lfrec_operator_top(op, id_of(user), take, &one));
    ck_assert_uint_eq(one.count, 1);
    struct list list = one.lists[0];
    free(one.lists);
    return list;
}

static bool retrain(lfrec_operator *op)
{
    char error[LFREC_OPERATOR_ERROR_MAX] = "";
    lfrec_job *job = lfrec_operator_retrain_begin(op);
    ck_assert_ptr_nonnull(job);
    lfrec_job_run(job);
    bool adopted = lfrec_operator_retrain_adopt(op, job, error);
    ck_assert_msg(adopted == (error[0] == '\0'), "%s", error);
    return adopted;
}

/* ---- people with tastes: rating = 3 + user + item + two latent directions + noise, in half stars ---- */

enum { USERS = 300, ITEMS = 80, RATED = 30 };

struct world {
    float user[USERS][3], item[ITEMS][3];
};

static float normal_times(lfrec_rng *rng, float deviation)
{
    return deviation * lfrec_rng_normal(rng);
}

static void make_world(struct world *world, lfrec_rng *rng)
{
    for (int u = 0; u < USERS; ++u) {
        world->user[u][0] = normal_times(rng, 0.3f);
        world->user[u][1] = normal_times(rng, 1);
        world->user[u][2] = normal_times(rng, 1);
    }
    for (int i = 0; i < ITEMS; ++i) {
        world->item[i][0] = normal_times(rng, 0.3f);
        world->item[i][1] = normal_times(rng, 0.6f);
        world->item[i][2] = normal_times(rng, 0.6f);
    }
}

static float taste(const struct world *world, uint32_t u, uint32_t i, lfrec_rng *rng)
{
    float rating = 3 + world->user[u][0] + world->item[i][0] + world->user[u][1] * world->item[i][1] +
                   world->user[u][2] * world->item[i][2] + normal_times(rng, 0.3f);
    rating = roundf(rating * 2) / 2;
    return rating < 0.5f ? 0.5f : rating > 5 ? 5 : rating;
}

/* `count` ratings of random pairs; scaled by `scale`. The same rng gives the same events. */
static void learn_world(lfrec_operator *op, const struct world *world, lfrec_rng *rng, int count, float scale)
{
    for (int k = 0; k < count; ++k) {
        uint32_t u = lfrec_rng_below(rng, USERS), i = lfrec_rng_below(rng, ITEMS);
        char user[16], item[16];
        snprintf(user, sizeof user, "u%u", u);
        snprintf(item, sizeof item, "i%u", i);
        ck_assert_int_ne(rate_from(op, user, item, scale * taste(world, u, i, rng), (int32_t)(u % 4), false), LFREC_REFUSED);
    }
}

static lfrec_operator *open_world(const lfrec_operator_options *options, float scale)
{
    static struct world world;
    lfrec_rng rng;
    lfrec_rng_seed(&rng, 7, 0);
    make_world(&world, &rng);
    lfrec_operator *op = open_with(options);
    learn_world(op, &world, &rng, USERS * RATED, scale);
    return op;
}

static lfrec_operator_options world_options(void)
{
    return lfrec_operator_options_for(4, 0.5f, 5);
}

/* ---- lists ---- */

START_TEST(options_out_of_range_are_refused_with_the_reason)
{
    const lfrec_operator_options good = lfrec_operator_options_for(8, 1, 5);
    lfrec_operator_options bad[14];
    for (size_t k = 0; k < 14; ++k) {
        bad[k] = good;
    }
    bad[0].factors = 0;
    bad[1].factors = 1025;
    bad[2].top_n = 0;
    bad[3].epochs = 0;
    bad[4].scale_min = 5;
    bad[5].scale_max = NAN;
    bad[6].scale_min = -INFINITY;
    bad[7].item_shrink = -1;
    bad[8].user_shrink = NAN;
    bad[9].learning_rate_scale = 0;
    bad[10].top_n = UINT32_MAX;
    bad[11].reasons = UINT32_MAX;
    bad[12].threads = 0;
    bad[13].threads = 257;
    for (size_t k = 0; k < 14; ++k) {
        char error[LFREC_OPERATOR_ERROR_MAX] = "";
        lfrec_operator *op = NULL;
        ck_assert_msg(!lfrec_operator_open(&op, &bad[k], take, &sink, error), "options %zu", k);
        ck_assert_uint_gt(strlen(error), 0);
        ck_assert_ptr_null(op);
    }
    lfrec_operator_close(open_with(&good));
    lfrec_operator_close(NULL);
}
END_TEST

START_TEST(illegal_events_are_refused_and_change_nothing)
{
    lfrec_operator *op = open_plain();
    rate(op, "u", "i", 3);
    char long_id[LFREC_ID_MAX + 1];
    memset(long_id, 'x', sizeof long_id);
    const lfrec_event bad[] = {
        {.kind = LFREC_EVENT_RATE, .user = id_of("u"), .item = id_of("i"), .rating = NAN},
        {.kind = LFREC_EVENT_RATE, .user = id_of("u"), .item = id_of("i"), .rating = INFINITY},
        {.kind = LFREC_EVENT_RATE, .user = id_of("u"), .item = id_of("i"), .rating = -INFINITY},
        {.kind = LFREC_EVENT_RATE, .user = id_of("u"), .item = id_of("i"), .rating = 5.5f},
        {.kind = LFREC_EVENT_RATE, .user = id_of("u"), .item = id_of("i"), .rating = -0.5f},
        {.kind = LFREC_EVENT_RATE, .user = {"", 0}, .item = id_of("i"), .rating = 4},
        {.kind = LFREC_EVENT_RATE, .user = id_of("u"), .item = {NULL, 0}, .rating = 4},
        {.kind = LFREC_EVENT_RATE, .user = {long_id, sizeof long_id}, .item = id_of("i"), .rating = 4},
        {.kind = LFREC_EVENT_RETRACT, .user = id_of("u"), .item = {long_id, sizeof long_id}},
        {.kind = LFREC_EVENT_FORGET, .user = {NULL, 0}},
        {.kind = (lfrec_event_kind)77, .user = id_of("u"), .item = id_of("i"), .rating = 4},
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; ++k) {
        ck_assert_msg(lfrec_operator_learn(op, &bad[k], 0, true) == LFREC_REFUSED, "event %zu", k);
    }
    lfrec_operator_stats stats = lfrec_operator_stats_of(op);
    ck_assert_uint_eq(stats.events, 1);
    ck_assert_uint_eq(stats.ratings, 1);
    ck_assert_uint_eq(sink.count, 1);
    /* Ids of the full length, and the ends of the scale, are legal. */
    lfrec_event edge = {.kind = LFREC_EVENT_RATE, .user = id_of("u"), .item = {long_id, LFREC_ID_MAX}, .rating = 5};
    ck_assert_int_eq(lfrec_operator_learn(op, &edge, 0, false), LFREC_LEARNED);
    ck_assert_int_eq(rate_from(op, "u", "j", 0, 0, false), LFREC_LEARNED);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_list_has_exactly_n_items_or_all_that_are_left)
{
    static const uint32_t asked[] = {1, 10, 34, 35, 36, 100};
    lfrec_operator_options options = plain_options();
    options.top_n = asked[_i];
    lfrec_operator *op = open_with(&options);
    char item[16];
    for (int i = 0; i < 40; ++i) {
        snprintf(item, sizeof item, "i%d", i);
        rate(op, "everybody", item, (float)(i % 6));
    }
    for (int i = 0; i < 5; ++i) {
        snprintf(item, sizeof item, "i%d", i * 7);
        rate(op, "u", item, 4);
    }
    struct list list = top(op, "u");
    ck_assert_uint_eq(list.count, asked[_i] < 35 ? asked[_i] : 35);
    for (size_t k = 0; k < list.count; ++k) {
        for (size_t other = 0; other < k; ++other) {
            ck_assert_str_ne(list.item[k], list.item[other]);
        }
    }
    for (int i = 0; i < 5; ++i) {
        snprintf(item, sizeof item, "i%d", i * 7);
        ck_assert(!lists_item(&list, item));
    }
    ck_assert_uint_eq(top(op, "everybody").count, 0);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(nothing_rated_is_listed_before_and_after_a_training)
{
    lfrec_operator_options options = world_options();
    options.top_n = LISTED_MAX;
    lfrec_operator *op = open_world(&options, 1);
    for (int round = 0; round < 2; ++round) {
        lfrec_operator_republish(op, SIZE_MAX);
        for (size_t k = 0; k < sink.count; ++k) {
            ck_assert_uint_eq(sink.lists[k].count + sink.lists[k].rated, ITEMS);
        }
        sink.count = 0;
        ck_assert(retrain(op));
    }
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_ranker_orders_lists_and_leaves_the_ratings_beside_them_alone)
{
    lfrec_operator_options options = world_options();
    options.top_n = ITEMS;
    struct list lists[2];
    for (int k = 0; k < 2; ++k) {
        options.ranking = k == 0 ? 0 : 16;
        lfrec_operator *op = open_world(&options, 1);
        ck_assert(retrain(op));
        lists[k] = top(op, "u7");
        lfrec_operator_close(op);
    }
    ck_assert_uint_eq(lists[0].count, lists[1].count);
    size_t moved = 0;
    for (size_t a = 0; a < lists[0].count; ++a) {
        size_t b = 0;
        while (b < lists[1].count && strcmp(lists[0].item[a], lists[1].item[b]) != 0) {
            ++b;
        }
        ck_assert_uint_lt(b, lists[1].count);
        ck_assert(lists[0].score[a] == lists[1].score[b]);
        moved += a != b;
    }
    ck_assert_uint_gt(moved, lists[0].count / 2);
}
END_TEST

START_TEST(a_user_of_items_the_ranker_does_not_know_gets_a_list_by_predicted_rating)
{
    lfrec_operator_options options = world_options();
    lfrec_operator *op = open_world(&options, 1);
    ck_assert(retrain(op));
    rate(op, "newcomer", "came later", 5);
    struct list list = top(op, "newcomer");
    ck_assert_uint_eq(list.count, options.top_n);
    for (size_t k = 1; k < list.count; ++k) {
        ck_assert(list.score[k - 1] >= list.score[k]);
    }
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_user_with_one_rating_is_served)
{
    lfrec_operator *op = open_plain();
    rate(op, "a", "x", 5);
    ck_assert_uint_eq(last_of(&sink, "a")->count, 0); /* nothing else exists; the list is published all the same */
    rate(op, "b", "y", 1);
    const struct list *list = last_of(&sink, "b");
    ck_assert_uint_eq(list->count, 1);
    ck_assert_str_eq(list->item[0], "x");
    ck_assert(list->score[0] == 5.0f);
    ck_assert_uint_eq(list->rated, 1);
    ck_assert_uint_eq(list->version, 0);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(items_with_little_support_top_nobodys_list_unless_asked_for)
{
    lfrec_operator_options options = lfrec_operator_options_for(4, 0.5f, 5);
    options.min_support = _i ? 0 : 3;
    options.item_shrink = _i ? 0 : 5;
    lfrec_operator *op = open_with(&options);
    for (int u = 0; u < 30; ++u) {
        char user[16], item[16];
        snprintf(user, sizeof user, "u%d", u);
        snprintf(item, sizeof item, "good%d", u % 3);
        rate_from(op, user, item, u % 2 ? 4.5f : 4, 0, false);
        rate_from(op, user, "bad", 2, 0, false);
    }
    rate_from(op, "fan", "loved by one", 5, 0, false);
    rate(op, "new", "bad", 3);
    struct list list = top(op, "new");
    ck_assert_int_eq(lists_item(&list, "loved by one"), _i);
    ck_assert_uint_eq(list.count, _i ? 4 : 3);
    if (_i) {
        ck_assert_str_eq(list.item[0], "loved by one");
    }
    lfrec_operator_close(op);
}
END_TEST

START_TEST(top_answers_for_known_users_only_and_changes_nothing)
{
    lfrec_operator *op = open_plain();
    rate(op, "a", "x", 5);
    ck_assert(!lfrec_operator_top(op, id_of("nobody"), take, &sink));
    lfrec_operator_stats before = lfrec_operator_stats_of(op);
    top(op, "a");
    lfrec_operator_stats after = lfrec_operator_stats_of(op);
    ck_assert_uint_eq(before.published, after.published);
    ck_assert_uint_eq(before.unchanged, after.unchanged);
    lfrec_operator_close(op);
}
END_TEST

/* ---- what is remembered ---- */

enum { TABLE_USERS = 25, TABLE_ITEMS = 20 };

/* Scores by raw means, straight from a table: mean of the item (of all when it has none) plus the user's mean of what is left over. */
static void check_against_table(lfrec_operator *op, float table[TABLE_USERS][TABLE_ITEMS])
{
    double sum = 0, item_sum[TABLE_ITEMS] = {0};
    int count = 0, item_count[TABLE_ITEMS] = {0};
    for (int u = 0; u < TABLE_USERS; ++u) {
        for (int i = 0; i < TABLE_ITEMS; ++i) {
            if (!isnan(table[u][i])) {
                sum += (double)table[u][i];
                item_sum[i] += (double)table[u][i];
                ++count;
                ++item_count[i];
            }
        }
    }
    ck_assert_uint_eq(lfrec_operator_stats_of(op).ratings, (uint64_t)count);
    for (int u = 0; u < TABLE_USERS; ++u) {
        char user[16];
        snprintf(user, sizeof user, "u%d", u);
        double left_over = 0;
        int rated = 0;
        for (int i = 0; i < TABLE_ITEMS; ++i) {
            if (!isnan(table[u][i])) {
                left_over += (double)table[u][i] - item_sum[i] / item_count[i];
                ++rated;
            }
        }
        struct sink one = {.accept = 1};
        ck_assert(lfrec_operator_top(op, id_of(user), take, &one) == (rated > 0));
        for (size_t k = 0; one.count && k < one.lists[0].count; ++k) {
            int i = atoi(one.lists[0].item[k] + 1);
            ck_assert(isnan(table[u][i]));
            double score = (item_count[i] ? item_sum[i] / item_count[i] : sum / count) + left_over / rated;
            score = score < 0 ? 0 : score > 5 ? 5 : score;
            ck_assert_double_eq_tol((double)one.lists[0].score[k], score, 1e-5);
        }
        free(one.lists);
    }
}

START_TEST(means_equal_a_recomputation_after_any_sequence)
{
    static float table[TABLE_USERS][TABLE_ITEMS];
    lfrec_operator_options options = plain_options();
    options.top_n = TABLE_ITEMS;
    lfrec_operator *op = open_with(&options);
    lfrec_rng rng;
    lfrec_rng_seed(&rng, (uint64_t)_i, 1);
    for (int u = 0; u < TABLE_USERS; ++u) {
        for (int i = 0; i < TABLE_ITEMS; ++i) {
            table[u][i] = NAN;
        }
    }
    for (int step = 0; step < 3000; ++step) {
        uint32_t u = lfrec_rng_below(&rng, TABLE_USERS), i = lfrec_rng_below(&rng, TABLE_ITEMS);
        uint32_t what = lfrec_rng_below(&rng, 200);
        char user[16], item[16];
        snprintf(user, sizeof user, "u%u", u);
        snprintf(item, sizeof item, "i%u", i);
        bool now = lfrec_rng_below(&rng, 2), known = !isnan(table[u][i]);
        sink.accept = lfrec_rng_below(&rng, 4); /* the queue is often full */
        if (what < 130) {
            float rating = (float)lfrec_rng_below(&rng, 11) / 2;
            bool same = known && table[u][i] == rating;
            ck_assert_int_eq(rate_from(op, user, item, rating, (int32_t)(u % 5), now), same ? LFREC_UNCHANGED : LFREC_LEARNED);
            table[u][i] = rating;
        } else if (what < 190) {
            ck_assert_int_eq(retract(op, user, item), known ? LFREC_LEARNED : LFREC_UNCHANGED);
            table[u][i] = NAN;
        } else if (what < 197) {
            forget_from(op, user, now);
            for (int k = 0; k < TABLE_ITEMS; ++k) {
                table[u][k] = NAN;
            }
        } else {
            lfrec_operator_drop_partition(op, (int32_t)(u % 5));
            for (uint32_t gone = u % 5; gone < TABLE_USERS; gone += 5) {
                for (int k = 0; k < TABLE_ITEMS; ++k) {
                    table[gone][k] = NAN;
                }
            }
        }
        if (step % 100 == 0) {
            check_against_table(op, table);
        }
    }
    check_against_table(op, table);
    sink.accept = SIZE_MAX;
    ck_assert_uint_eq(lfrec_operator_republish(op, SIZE_MAX), 0);
    check_against_table(op, table);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(the_last_rating_of_a_pair_wins_in_every_interleaving)
{
    /* (u,i,2) before (u,i,5), with (u,j,1) before, between and after. */
    static const char *items[3][3] = {{"j", "i", "i"}, {"i", "j", "i"}, {"i", "i", "j"}};
    static const float ratings[3][3] = {{1, 2, 5}, {2, 1, 5}, {2, 5, 1}};
    lfrec_operator *op = open_plain();
    for (int k = 0; k < 3; ++k) {
        rate(op, "u", items[_i][k], ratings[_i][k]);
    }
    rate(op, "v", "k", 3);
    struct list list = top(op, "v"); /* item means 5 and 1, v's own mean 0 */
    ck_assert_uint_eq(lfrec_operator_stats_of(op).ratings, 3);
    ck_assert_str_eq(list.item[0], "i");
    ck_assert(list.score[0] == 5.0f && list.score[1] == 1.0f);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_log_delivered_twice_gives_the_same_state_and_error)
{
    lfrec_operator_options options = world_options();
    lfrec_operator *op = open_world(&options, 1);
    lfrec_operator_republish(op, SIZE_MAX);
    lfrec_operator_stats before = lfrec_operator_stats_of(op);
    struct list list = top(op, "u17");
    /* A pair occurs more than once in the log, so its second delivery changes opinions there and back; the end is the same. */
    static struct world world;
    lfrec_rng rng;
    lfrec_rng_seed(&rng, 7, 0);
    make_world(&world, &rng);
    learn_world(op, &world, &rng, USERS * RATED, 1);
    size_t published = sink.count;
    lfrec_operator_republish(op, SIZE_MAX);
    lfrec_operator_stats after = lfrec_operator_stats_of(op);
    struct list again = top(op, "u17");
    ck_assert(same_list(&list, &again));
    ck_assert_uint_eq(before.ratings, after.ratings);
    ck_assert_uint_eq(before.predicted, after.predicted);
    ck_assert(before.rmse == after.rmse && before.recent_rmse == after.recent_rmse && before.means_rmse == after.means_rmse);
    ck_assert_uint_eq(sink.count, published); /* and nobody is told anything */
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_log_delivered_twice_after_a_training_moves_nothing_either)
{
    lfrec_operator_options options = world_options();
    lfrec_operator *op = open_world(&options, 1);
    ck_assert(retrain(op));
    static struct world world;
    for (int delivery = 0; delivery < 2; ++delivery) {
        static struct list list;
        lfrec_rng rng;
        lfrec_rng_seed(&rng, 7, 0);
        make_world(&world, &rng);
        learn_world(op, &world, &rng, USERS * RATED + 3000, 1); /* the 3000 are new, in the first delivery */
        struct list now = top(op, "u17");
        ck_assert(delivery == 0 || same_list(&list, &now));
        list = now;
    }
    lfrec_operator_close(op);
}
END_TEST

static void rate_items(lfrec_operator *op, const char *user, int first, int last, float rating)
{
    for (int i = first; i < last; ++i) {
        char item[16];
        snprintf(item, sizeof item, "i%d", i);
        rate_from(op, user, item, rating, 9, false);
    }
}

START_TEST(a_user_who_comes_back_after_being_forgotten_is_a_new_user)
{
    lfrec_operator_options options = world_options();
    lfrec_operator *op = open_world(&options, 1);
    ck_assert(retrain(op));
    static const char *const ways[] = {"stranger", "forgotten", "taken back", "moved"};
    struct list lists[4];
    for (int k = 0; k < 4; ++k) {
        if (k > 0) {
            rate_items(op, ways[k], 0, 40, 5);
            rate_items(op, ways[k], 40, 70, 0.5f); /* the level falls: a drift */
        }
        sink.accept = 0; /* the goodbye waits, and so does the user */
        if (k == 1) {
            forget(op, ways[k]);
        } else if (k == 2) {
            for (int i = 0; i < 70; ++i) {
                char item[16];
                snprintf(item, sizeof item, "i%d", i);
                retract(op, ways[k], item);
            }
        } else if (k == 3) {
            lfrec_operator_drop_partition(op, 9);
        }
        rate_items(op, ways[k], 0, 4, 3);
        sink.accept = SIZE_MAX;
        lists[k] = top(op, ways[k]);
        forget(op, ways[k]);
        ck_assert_uint_eq(lists[k].rated, 4);
        /* What everybody's ratings teach the blend stays, so not to the bit. */
        for (size_t n = 0; n < lists[0].count; ++n) {
            float difference = lists[k].score[n] - lists[0].score[n];
            ck_assert_msg(fabsf(difference) < 0.1f, "%s: %g", ways[k], (double)difference);
        }
    }
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_rating_of_zero_is_a_rating)
{
    lfrec_operator *op = open_plain();
    rate(op, "u1", "a", 4);
    rate(op, "u1", "b", 0);
    rate(op, "u2", "a", 2);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).ratings, 3);
    ck_assert_uint_eq(top(op, "u1").count, 0);
    struct list list = top(op, "u2"); /* b's mean 0, u2's mean 2 - 3 */
    ck_assert_uint_eq(list.count, 1);
    ck_assert(list.score[0] == 0.0f);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(equal_ratings_everywhere_train_to_lists_without_nan)
{
    lfrec_operator *op = open_plain();
    for (int u = 0; u < 6; ++u) {
        for (int i = 0; i < 5; ++i) {
            char user[16], item[16];
            snprintf(user, sizeof user, "u%d", u);
            snprintf(item, sizeof item, "i%d", (u + i) % 8);
            rate(op, user, item, 3);
        }
    }
    ck_assert(retrain(op));
    lfrec_operator_republish(op, SIZE_MAX);
    struct list list = top(op, "u0");
    ck_assert_uint_eq(list.count, 3);
    ck_assert_double_eq_tol((double)list.score[0], 3, 0.05);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(taking_the_only_rating_back_forgets_the_user)
{
    lfrec_operator *op = open_plain();
    rate(op, "other", "i", 2);
    rate(op, "u", "i", 4);
    ck_assert_int_eq(retract(op, "u", "never rated"), LFREC_UNCHANGED);
    ck_assert_int_eq(retract(op, "u", "i"), LFREC_LEARNED);
    ck_assert(last_of(&sink, "u")->forgotten);
    size_t published = sink.count;
    ck_assert_int_eq(retract(op, "u", "i"), LFREC_UNCHANGED);
    ck_assert_int_eq(retract(op, "nobody", "i"), LFREC_UNCHANGED);
    ck_assert_uint_eq(sink.count, published);
    lfrec_operator_stats stats = lfrec_operator_stats_of(op);
    ck_assert_uint_eq(stats.users, 1);
    ck_assert_uint_eq(stats.ratings, 1);
    ck_assert_uint_eq(stats.stale_users, 0);
    ck_assert(!lfrec_operator_top(op, id_of("u"), take, &sink));
    /* and comes back as a new user */
    ck_assert_int_eq(rate(op, "u", "j", 1), LFREC_LEARNED);
    ck_assert_uint_eq(last_of(&sink, "u")->rated, 1);
    ck_assert(!last_of(&sink, "u")->forgotten);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(the_very_last_rating_of_all_can_be_taken_back)
{
    lfrec_operator *op = open_plain();
    rate(op, "u", "i", 4);
    retract(op, "u", "i");
    lfrec_operator_stats stats = lfrec_operator_stats_of(op);
    ck_assert_uint_eq(stats.users + stats.ratings, 0);
    rate(op, "v", "j", 2);
    struct list list = top(op, "v");
    ck_assert_uint_eq(list.count, 1); /* i is still an item, worth the overall mean */
    ck_assert(list.score[0] == 2.0f);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(forgetting_is_published_for_known_and_for_unknown_users)
{
    lfrec_operator *op = open_plain();
    rate(op, "u", "i", 4);
    rate(op, "u", "j", 4);
    ck_assert_int_eq(forget(op, "u"), LFREC_LEARNED);
    ck_assert(last_of(&sink, "u")->forgotten);
    ck_assert_uint_eq(last_of(&sink, "u")->count, 0);
    ck_assert_int_eq(forget(op, "stranger"), LFREC_UNCHANGED);
    ck_assert(last_of(&sink, "stranger")->forgotten);
    lfrec_operator_stats stats = lfrec_operator_stats_of(op);
    ck_assert_uint_eq(stats.users + stats.ratings + stats.stale_users, 0);
    ck_assert_uint_eq(stats.forgets, 2);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_goodbye_that_was_refused_is_said_later_unless_the_user_is_back)
{
    lfrec_operator *op = open_plain();
    rate(op, "u", "i", 4);
    rate(op, "v", "i", 4);
    sink.accept = 0;
    forget(op, "u");
    retract(op, "v", "i");
    lfrec_operator_stats stats = lfrec_operator_stats_of(op);
    ck_assert_uint_eq(stats.users, 0);
    ck_assert_uint_eq(stats.stale_users, 2);
    ck_assert(!lfrec_operator_top(op, id_of("u"), take, &sink));
    rate(op, "v", "j", 2);
    sink.accept = SIZE_MAX;
    ck_assert_uint_eq(lfrec_operator_republish(op, SIZE_MAX), 0);
    ck_assert(last_of(&sink, "u")->forgotten);
    ck_assert(!last_of(&sink, "v")->forgotten);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).users, 1);
    lfrec_operator_close(op);
}
END_TEST

/* ---- publishing ---- */

START_TEST(an_unchanged_list_is_not_published_again)
{
    lfrec_operator *op = open_plain();
    rate(op, "a", "x", 5);
    rate(op, "a", "y", 3);
    rate(op, "b", "z", 4);
    size_t published = sink.count;
    uint64_t unchanged = lfrec_operator_stats_of(op).unchanged; /* a's second empty list */
    ck_assert_int_eq(rate(op, "b", "z", 4), LFREC_UNCHANGED);   /* repeated: not even looked at */
    ck_assert_uint_eq(lfrec_operator_stats_of(op).unchanged, unchanged);
    rate(op, "c", "w", 2);
    rate_from(op, "b", "z", 3.5f, 0, false);
    rate_from(op, "b", "z", 4, 0, false); /* there and back */
    forget(op, "c");
    ck_assert_uint_eq(lfrec_operator_republish(op, SIZE_MAX), 0);
    ck_assert_str_eq(sink.lists[published - 1].user, "b");
    ck_assert_uint_eq(lfrec_operator_stats_of(op).published, sink.count);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_list_that_is_what_the_user_has_is_counted_as_unchanged)
{
    lfrec_operator *op = open_plain();
    rate(op, "a", "x", 5);
    rate(op, "b", "y", 5);
    rate_from(op, "b", "y", 4, 0, false);
    rate_from(op, "b", "y", 5, 0, false);
    size_t published = sink.count;
    ck_assert_uint_eq(lfrec_operator_stats_of(op).stale_users, 1);
    ck_assert_uint_eq(lfrec_operator_republish(op, SIZE_MAX), 0);
    ck_assert_uint_eq(sink.count, published);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).unchanged, 1);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(not_now_keeps_the_user_waiting_in_order)
{
    lfrec_operator *op = open_plain();
    sink.accept = 0;
    static const char *users[] = {"a", "b", "c", "d"};
    for (int k = 0; k < 4; ++k) {
        ck_assert_int_eq(rate(op, users[k], "x", 5), LFREC_LEARNED);
    }
    rate(op, "a", "y", 1); /* again: keeps the first place */
    ck_assert_uint_eq(lfrec_operator_stats_of(op).stale_users, 4);
    ck_assert_uint_eq(lfrec_operator_republish(op, 10), 4);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).published, 0);
    sink.accept = 2;
    ck_assert_uint_eq(lfrec_operator_republish(op, 10), 2);
    sink.accept = SIZE_MAX;
    ck_assert_uint_eq(lfrec_operator_republish(op, 1), 1);
    ck_assert_uint_eq(lfrec_operator_republish(op, 0), 1);
    ck_assert_int_eq(rate(op, "d", "x", 5), LFREC_UNCHANGED); /* nothing new, but d still waits: told at once */
    ck_assert_uint_eq(lfrec_operator_stats_of(op).stale_users, 0);
    ck_assert_uint_eq(sink.count, 4);
    for (int k = 0; k < 4; ++k) {
        ck_assert_str_eq(sink.lists[k].user, users[k]);
    }
    lfrec_operator_close(op);
}
END_TEST

START_TEST(learning_without_publishing_marks_the_user_once)
{
    lfrec_operator *op = open_plain();
    for (int k = 0; k < 10; ++k) {
        char item[16];
        snprintf(item, sizeof item, "i%d", k);
        rate_from(op, "u", item, 3, 0, false);
    }
    ck_assert_uint_eq(sink.count, 0);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).stale_users, 1);
    lfrec_operator_republish(op, SIZE_MAX);
    ck_assert_uint_eq(sink.count, 1);
    ck_assert_uint_eq(sink.lists[0].rated, 10);
    lfrec_operator_close(op);
}
END_TEST

/* ---- partitions ---- */

START_TEST(a_dropped_partitions_users_leave_unpublished_and_come_back_from_the_log)
{
    lfrec_operator *op = open_plain();
    rate_from(op, "stays", "x", 4, 1, true);
    rate_from(op, "goes", "x", 2, 2, true);
    rate_from(op, "goes", "y", 1, 2, false);
    size_t published = sink.count;
    lfrec_operator_drop_partition(op, 2);
    lfrec_operator_drop_partition(op, 9);
    ck_assert_uint_eq(lfrec_operator_republish(op, SIZE_MAX), 0);
    ck_assert_uint_eq(sink.count, published);
    lfrec_operator_stats stats = lfrec_operator_stats_of(op);
    ck_assert_uint_eq(stats.users, 1);
    ck_assert_uint_eq(stats.ratings, 1);
    ck_assert(!lfrec_operator_top(op, id_of("goes"), take, &sink));
    rate_from(op, "stays", "z", 4, 1, true);
    ck_assert(last_of(&sink, "stays")->score[0] == 4.0f); /* y, by the overall mean: its only rating left */
    /* The partition is back: nothing of what was known before is used, and the list is published although it was once before. */
    rate_from(op, "goes", "x", 5, 2, true);
    ck_assert_uint_eq(last_of(&sink, "goes")->rated, 1);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).ratings, 3);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_user_belongs_to_the_partition_of_the_latest_rating)
{
    lfrec_operator *op = open_plain();
    rate_from(op, "u", "x", 4, 0, true);
    rate_from(op, "u", "y", 4, 2, true);
    lfrec_operator_drop_partition(op, 0);
    ck_assert_uint_eq(top(op, "u").rated, 2);
    rate_from(op, "u", "x", 4, 1, true); /* says nothing new, but from where */
    lfrec_operator_drop_partition(op, 2);
    ck_assert_uint_eq(top(op, "u").rated, 2);
    lfrec_operator_drop_partition(op, 1);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).users, 0);
    lfrec_operator_close(op);
}
END_TEST

/* ---- trainings ---- */

START_TEST(a_training_swaps_the_model_whole_and_brings_everybody_a_new_list)
{
    lfrec_operator_options options = world_options();
    lfrec_operator *op = open_world(&options, 1);
    lfrec_operator_republish(op, SIZE_MAX);
    uint64_t users = lfrec_operator_stats_of(op).users;
    lfrec_job *job = lfrec_operator_retrain_begin(op);
    rate(op, "u1", "i1", 5); /* goes on meanwhile, by the old model */
    lfrec_job_run(job);
    rate(op, "u2", "i2", 5);
    for (size_t k = 0; k < sink.count; ++k) {
        ck_assert_uint_eq(sink.lists[k].version, 0);
    }
    char error[LFREC_OPERATOR_ERROR_MAX];
    ck_assert(lfrec_operator_retrain_adopt(op, job, error));
    lfrec_operator_stats stats = lfrec_operator_stats_of(op);
    ck_assert_uint_eq(stats.model_version, 1);
    ck_assert_uint_eq(stats.retrains, 1);
    ck_assert_uint_eq(stats.stale_users, users);
    sink.count = 0;
    size_t stale = users;
    while (stale > 0) { /* paced */
        size_t left = lfrec_operator_republish(op, 50);
        ck_assert_uint_eq(left, stale > 50 ? stale - 50 : 0);
        stale = left;
    }
    for (size_t k = 0; k < sink.count; ++k) {
        ck_assert_uint_eq(sink.lists[k].version, 1);
        ck_assert_uint_eq(sink.lists[k].count, 10);
    }
    ck_assert_uint_gt(sink.count, users / 2); /* most lists are new */
    lfrec_operator_close(op);
}
END_TEST

START_TEST(the_running_error_falls_below_that_of_the_means_after_a_training)
{
    static struct world world;
    lfrec_rng rng;
    lfrec_rng_seed(&rng, 11, 0);
    make_world(&world, &rng);
    lfrec_operator_options options = world_options();
    lfrec_operator *op = open_with(&options);
    learn_world(op, &world, &rng, 10, 1);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).predicted, lfrec_operator_stats_of(op).ratings - 1);
    learn_world(op, &world, &rng, 8000, 1);
    lfrec_operator_stats before = lfrec_operator_stats_of(op);
    ck_assert(before.rmse == before.means_rmse); /* no model yet: the means are all there is */
    ck_assert(before.rmse < 1.5 && before.rmse > 0.3);
    ck_assert(retrain(op));
    learn_world(op, &world, &rng, 3000, 1);
    lfrec_operator_stats after = lfrec_operator_stats_of(op);
    double predicted = (double)(after.predicted - before.predicted);
    double model = after.rmse * after.rmse * (double)after.predicted - before.rmse * before.rmse * (double)before.predicted;
    double means = after.means_rmse * after.means_rmse * (double)after.predicted -
                   before.means_rmse * before.means_rmse * (double)before.predicted;
    model = sqrt(model / predicted);
    means = sqrt(means / predicted);
    ck_assert_msg(model < 0.85 * means, "after the training: model %.4f, means %.4f", model, means);
    ck_assert(after.rmse < before.rmse);
    ck_assert(after.recent_rmse < after.rmse);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(ratings_of_any_scale_train_alike)
{
    static const float scales[] = {0.02f, 1, 20, 5000};
    lfrec_operator_options options = world_options();
    options.scale_min *= scales[_i];
    options.scale_max *= scales[_i];
    lfrec_operator *op = open_world(&options, scales[_i]);
    ck_assert(retrain(op));
    static struct world world;
    lfrec_rng rng;
    lfrec_rng_seed(&rng, 7, 0);
    make_world(&world, &rng);
    lfrec_operator_stats before = lfrec_operator_stats_of(op);
    lfrec_rng_seed(&rng, 8, 0);
    learn_world(op, &world, &rng, 2000, scales[_i]);
    lfrec_operator_stats after = lfrec_operator_stats_of(op);
    ck_assert_uint_gt(after.predicted, before.predicted + 1000);
    double model = after.rmse * after.rmse * (double)after.predicted - before.rmse * before.rmse * (double)before.predicted;
    double means = after.means_rmse * after.means_rmse * (double)after.predicted -
                   before.means_rmse * before.means_rmse * (double)before.predicted;
    ck_assert_msg(sqrt(model) < 0.85 * sqrt(means), "scale %g: model %.4f of the means", (double)scales[_i],
                  sqrt(model / means));
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_failed_training_keeps_the_old_model_and_is_counted)
{
    lfrec_operator_options options = world_options();
    lfrec_operator *op = open_world(&options, 1);
    lfrec_operator_republish(op, SIZE_MAX);
    struct list before = top(op, "u3");
    for (int k = 1; k <= 2; ++k) {
        char error[LFREC_OPERATOR_ERROR_MAX] = "";
        lfrec_job *job = lfrec_operator_retrain_begin(op);
        job->options.epochs = 0; /* no training goes wrong by itself */
        lfrec_job_run(job);
        ck_assert(!lfrec_operator_retrain_adopt(op, job, error));
        ck_assert_msg(strstr(error, "training failed") && strstr(error, "model before it stays"), "%s", error);
        lfrec_operator_stats stats = lfrec_operator_stats_of(op);
        ck_assert_uint_eq(stats.failed_retrains, (uint64_t)k);
        ck_assert_uint_eq(stats.retrains, 0);
        ck_assert_uint_eq(stats.model_version, 0);
        ck_assert_uint_eq(stats.stale_users, 0);
    }
    struct list after = top(op, "u3");
    ck_assert(same_list(&before, &after));
    rate(op, "u3", "i5", 1);
    rate(op, "new", "i5", 1);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_cancelled_training_is_neither_adopted_nor_failed)
{
    lfrec_operator_options options = world_options();
    options.epochs = 1000000;
    lfrec_operator *op = open_world(&options, 1);
    lfrec_job *job = lfrec_operator_retrain_begin(op);
    lfrec_job_cancel(job);
    lfrec_job_run(job);
    char error[LFREC_OPERATOR_ERROR_MAX];
    ck_assert(!lfrec_operator_retrain_adopt(op, job, error));
    ck_assert_ptr_nonnull(strstr(error, "cancelled"));
    lfrec_operator_stats stats = lfrec_operator_stats_of(op);
    ck_assert_uint_eq(stats.failed_retrains + stats.retrains, 0);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(one_job_at_a_time_and_none_on_too_little)
{
    lfrec_operator *op = open_plain();
    ck_assert_ptr_null(lfrec_operator_retrain_begin(op));
    rate(op, "u", "i", 3);
    rate(op, "u", "j", 3);
    ck_assert_ptr_null(lfrec_operator_retrain_begin(op));
    rate(op, "v", "i", 4);
    lfrec_job *job = lfrec_operator_retrain_begin(op);
    ck_assert_ptr_nonnull(job);
    ck_assert_ptr_null(lfrec_operator_retrain_begin(op));
    lfrec_job_free(job);
    job = lfrec_operator_retrain_begin(op);
    ck_assert_ptr_nonnull(job);
    char error[LFREC_OPERATOR_ERROR_MAX];
    ck_assert(!lfrec_operator_retrain_adopt(op, job, error)); /* was never run; adopt frees it all the same */
    ck_assert(retrain(op)); /* two users, two items, three ratings: a model of two factors */
    lfrec_operator_republish(op, SIZE_MAX);
    job = lfrec_operator_retrain_begin(op);
    ck_assert_ptr_nonnull(job);
    lfrec_operator_close(op);
    lfrec_job_run(job); /* outlives its operator */
    lfrec_job_free(job);
    lfrec_job_free(NULL);
}
END_TEST

START_TEST(items_that_came_after_the_training_are_served_by_the_means)
{
    lfrec_operator_options options = world_options();
    options.ranking = 0;
    options.min_support = 0;
    options.top_n = LISTED_MAX;
    lfrec_operator *op = open_world(&options, 1);
    lfrec_job *job = lfrec_operator_retrain_begin(op);
    char item[16], error[LFREC_OPERATOR_ERROR_MAX];
    /* More than the model has room for, while it is being trained, then more after it. */
    for (int k = 0; k < 100; ++k) {
        snprintf(item, sizeof item, "new%d", k);
        rate_from(op, "u1", item, 4.5f, 0, false);
    }
    lfrec_job_run(job);
    ck_assert(lfrec_operator_retrain_adopt(op, job, error));
    lfrec_operator_republish(op, SIZE_MAX);
    struct list list = top(op, "u2");
    ck_assert(lists_item(&list, "new99"));
    for (int k = 100; k < 600; ++k) {
        snprintf(item, sizeof item, "new%d", k);
        ck_assert_int_eq(rate_from(op, "u5", item, 5, 0, false), LFREC_LEARNED);
    }
    list = top(op, "u2");
    ck_assert(lists_item(&list, "new100")); /* loved by one; the floor is off */
    ck_assert_uint_eq(list.version, 1);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).items, ITEMS + 600);
    /* A user of new items only has no preference the encoder knows: everything by the means. */
    rate_from(op, "newcomer", "new7", 1, 0, false);
    ck_assert_uint_eq(top(op, "newcomer").rated, 1);
    ck_assert(retrain(op));
    lfrec_operator_republish(op, SIZE_MAX);
    lfrec_operator_close(op);
}
END_TEST

/* What may happen while a training runs, and while its lists go out. */
static void disturb(lfrec_operator *op, int kind, int round)
{
    static struct world world;
    lfrec_rng rng;
    char name[16], item[16];
    lfrec_rng_seed(&rng, 11, (uint64_t)round);
    snprintf(name, sizeof name, "u%d", 40 * round + 5);
    snprintf(item, sizeof item, "new%d", round);
    switch (kind) {
    case 1: learn_world(op, &world, &rng, 3, 1); break;   /* a few ratings more */
    case 2: learn_world(op, &world, &rng, 300, 1); break; /* items come above the floor */
    case 3:                                               /* items fall below it */
        for (int i = 0; i < ITEMS; ++i) {
            snprintf(item, sizeof item, "i%d", i);
            retract(op, name, item);
        }
        break;
    case 4: /* one goes, another comes and may get the place */
        forget(op, name);
        rate(op, "newcomer", "i3", 5);
        rate(op, "newcomer", item, 1);
        break;
    case 5: lfrec_operator_drop_partition(op, round); break;
    default: break;
    }
}

/* Lists made within the training, in batches and one by one are the same, whatever has happened since; but those made within show ratings as
 * they were predicted then. */
START_TEST(everybodys_new_list_is_the_list_that_top_gives)
{
    lfrec_operator_options options = world_options();
    char error[LFREC_OPERATOR_ERROR_MAX];
    options.ranking = 16;
    options.min_support = USERS * RATED / ITEMS - 12; /* many items are near it */
    options.lists_ahead = _i % 2;
    lfrec_operator *op = open_world(&options, 1);
    ck_assert(retrain(op));
    disturb(op, 2, 7); /* what trained models say has been moved since: forecast.h */
    lfrec_operator_republish(op, SIZE_MAX);
    lfrec_job *job = lfrec_operator_retrain_begin(op);
    disturb(op, _i / 2, 0);
    lfrec_job_run(job);
    ck_assert_int_eq(job->ahead.listed != NULL, _i % 2);
    disturb(op, _i / 2, 1);
    ck_assert(lfrec_operator_retrain_adopt(op, job, error));
    size_t shown = 0;
    for (int round = 2; lfrec_operator_stats_of(op).stale_users > 0; ++round) {
        sink.count = 0;
        lfrec_operator_republish(op, 71);
        for (size_t k = 0; k < sink.count; ++k) {
            struct list now = top(op, sink.lists[k].user);
            ck_assert(near_list(&sink.lists[k], &now, _i > 1 && _i % 2 ? 1 : 0));
        }
        shown += sink.count;
        if (round < 4) {
            disturb(op, _i / 2, round);
        }
    }
    ck_assert_uint_gt(shown, USERS / 3);
    lfrec_operator_close(op);
}
END_TEST

/* Shown by lists that somebody has tampered with. Reasons are made when they are published, and so are then the ratings that they explain. */
START_TEST(lists_of_the_training_are_published_but_for_users_who_rated_since)
{
    lfrec_operator_options options = world_options();
    char error[LFREC_OPERATOR_ERROR_MAX];
    options.ranking = 16;
    options.min_support = 0;
    options.reasons = _i % 2 ? 1 : 0;
    lfrec_operator *op = open_world(&options, 1);
    lfrec_job *job = lfrec_operator_retrain_begin(op);
    lfrec_job_run(job);
    for (size_t user = 0; user < job->ahead.slots; ++user) {
        lfrec_scored *list = job->ahead.listed + user * job->ahead.top_n, first = list[0];
        list[0] = (lfrec_scored){.item = list[1].item, .score = 1.25f};
        list[1] = first;
    }
    ck_assert_int_eq(rate_from(op, "u7", "i7", 3.25f, 0, false), LFREC_LEARNED);
    ck_assert(lfrec_operator_retrain_adopt(op, job, error));
    lfrec_operator_republish(op, SIZE_MAX);
    for (size_t k = 0; k < sink.count; ++k) {
        const struct list *list = &sink.lists[k];
        struct list now = top(op, list->user);
        int moved = strcmp(list->user, "u7") != 0;
        ck_assert_str_eq(list->item[0], now.item[moved]);
        ck_assert_str_eq(list->item[1], now.item[1 - moved]);
        ck_assert_float_eq(list->score[0], moved && options.reasons == 0 ? 1.25f : now.score[moved]);
        ck_assert_uint_eq(list->reason_count[0], options.reasons);
    }
    ck_assert_uint_eq(sink.count, USERS);
    lfrec_operator_close(op);
}
END_TEST

/* (score - shares) of an item is a part of the item's own plus a part of the user's own. */
START_TEST(reasons_add_up_to_the_score)
{
    lfrec_operator_options options = world_options();
    options.reasons = ITEMS;
    options.top_n = ITEMS;
    lfrec_operator *op = open_world(&options, 1);
    ck_assert(retrain(op));
    struct list a = top(op, "u4"), b = top(op, "u9");
    double difference = 0, spread = 0;
    int compared = 0;
    for (size_t k = 0; k < a.count; ++k) {
        ck_assert_uint_eq(a.reason_count[k], a.rated);
        for (size_t j = 0; j < b.count; ++j) {
            bool clamped = a.score[k] <= 0.5f || a.score[k] >= 5 || b.score[j] <= 0.5f || b.score[j] >= 5;
            if (strcmp(a.item[k], b.item[j]) != 0 || clamped) {
                continue;
            }
            double here = (double)(a.score[k] - a.reasons_sum[k]) - (double)(b.score[j] - b.reasons_sum[j]);
            difference = compared++ ? difference : here;
            ck_assert_double_eq_tol(here, difference, 1e-4);
            spread += fabs((double)a.reasons_sum[k]);
        }
    }
    ck_assert_int_gt(compared, 10);
    ck_assert_double_gt(spread / compared, 0.05); /* the shares are not all nothing */
    /* Fewer are the strongest of them. */
    lfrec_operator_close(op);
    options.reasons = 3;
    op = open_world(&options, 1);
    ck_assert(retrain(op));
    ck_assert_uint_eq(top(op, "u4").reason_count[0], 3);
    lfrec_operator_close(op);
}
END_TEST

struct seen_history {
    size_t count, most;
    char item[RATED][16];
    float rating[RATED];
};

static bool see(void *context, lfrec_id item, float rating)
{
    struct seen_history *seen = context;
    copy_id(seen->item[seen->count], item);
    seen->rating[seen->count++] = rating;
    return seen->count < seen->most;
}

START_TEST(a_look_gives_the_history_and_the_list_with_reasons_that_are_not_published)
{
    lfrec_operator *op = open_plain();
    rate(op, "a", "x", 5);
    rate(op, "a", "y", 2);
    rate(op, "b", "x", 4);
    rate(op, "b", "z", 3);
    ck_assert(retrain(op));
    struct seen_history seen = {.most = RATED};
    ck_assert_uint_eq(lfrec_operator_history(op, id_of("a"), see, &seen), 2);
    ck_assert_uint_eq(seen.count, 2);
    ck_assert_str_eq(seen.item[0], "x");
    ck_assert_str_eq(seen.item[1], "y");
    ck_assert(seen.rating[0] == 5 && seen.rating[1] == 2);
    lfrec_operator_stats before = lfrec_operator_stats_of(op);
    struct sink one = {.accept = 1};
    ck_assert_int_eq(lfrec_operator_look(op, id_of("a"), 5, take, &one), LFREC_LOOKED);
    struct list listed = top(op, "a");
    ck_assert(same_list(&one.lists[0], &listed));
    ck_assert_uint_eq(one.lists[0].count, 1);
    ck_assert_uint_eq(one.lists[0].reason_count[0], 2);
    ck_assert_uint_eq(listed.reason_count[0], 0);
    free(one.lists);
    lfrec_operator_stats after = lfrec_operator_stats_of(op);
    ck_assert(before.published == after.published && before.stale_users == after.stale_users);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(a_look_at_nobody_says_so_and_a_history_can_be_left_early)
{
    lfrec_operator *op = open_plain();
    rate(op, "a", "x", 5);
    rate(op, "a", "y", 2);
    struct sink none = {.accept = 1};
    struct seen_history seen = {.most = 1};
    ck_assert_int_eq(lfrec_operator_look(op, id_of("b"), 5, take, &none), LFREC_LOOK_UNKNOWN);
    ck_assert_uint_eq(none.count, 0);
    ck_assert_uint_eq(lfrec_operator_history(op, id_of("b"), see, &seen), 0);
    ck_assert_uint_eq(seen.count, 0);
    ck_assert_uint_eq(lfrec_operator_history(op, id_of("a"), see, &seen), 2);
    ck_assert_uint_eq(seen.count, 1);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(the_same_seed_and_events_give_the_same_lists)
{
    lfrec_operator_options options = world_options();
    struct list lists[3];
    for (int k = 0; k < 3; ++k) {
        options.seed = k < 2 ? 5 : 6;
        lfrec_operator *op = open_world(&options, 1);
        lfrec_operator_republish(op, k == 1 ? SIZE_MAX : 3); /* how much was published has no bearing */
        ck_assert(retrain(op));
        rate(op, "u1", "i1", 2);
        ck_assert(retrain(op));
        lists[k] = top(op, "u8");
        lfrec_operator_close(op);
    }
    ck_assert(same_list(&lists[0], &lists[1]));
    ck_assert(!same_list(&lists[0], &lists[2]));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("operator");
    TCase *lists = tcase_create("lists");
    tcase_add_test(lists, options_out_of_range_are_refused_with_the_reason);
    tcase_add_test(lists, illegal_events_are_refused_and_change_nothing);
    tcase_add_loop_test(lists, a_list_has_exactly_n_items_or_all_that_are_left, 0, 6);
    tcase_add_test(lists, nothing_rated_is_listed_before_and_after_a_training);
    tcase_add_test(lists, a_ranker_orders_lists_and_leaves_the_ratings_beside_them_alone);
    tcase_add_test(lists, a_user_of_items_the_ranker_does_not_know_gets_a_list_by_predicted_rating);
    tcase_add_test(lists, a_user_with_one_rating_is_served);
    tcase_add_loop_test(lists, items_with_little_support_top_nobodys_list_unless_asked_for, 0, 2);
    tcase_add_test(lists, top_answers_for_known_users_only_and_changes_nothing);
    tcase_add_test(lists, a_look_gives_the_history_and_the_list_with_reasons_that_are_not_published);
    tcase_add_test(lists, a_look_at_nobody_says_so_and_a_history_can_be_left_early);
    suite_add_tcase(suite, lists);

    TCase *memory = tcase_create("memory");
    tcase_add_loop_test(memory, means_equal_a_recomputation_after_any_sequence, 1, 6);
    tcase_add_loop_test(memory, the_last_rating_of_a_pair_wins_in_every_interleaving, 0, 3);
    tcase_add_test(memory, a_log_delivered_twice_gives_the_same_state_and_error);
    tcase_add_test(memory, a_log_delivered_twice_after_a_training_moves_nothing_either);
    tcase_add_test(memory, a_user_who_comes_back_after_being_forgotten_is_a_new_user);
    tcase_add_test(memory, a_rating_of_zero_is_a_rating);
    tcase_add_test(memory, equal_ratings_everywhere_train_to_lists_without_nan);
    tcase_add_test(memory, taking_the_only_rating_back_forgets_the_user);
    tcase_add_test(memory, the_very_last_rating_of_all_can_be_taken_back);
    tcase_add_test(memory, forgetting_is_published_for_known_and_for_unknown_users);
    tcase_add_test(memory, a_goodbye_that_was_refused_is_said_later_unless_the_user_is_back);
    tcase_add_test(memory, a_dropped_partitions_users_leave_unpublished_and_come_back_from_the_log);
    tcase_add_test(memory, a_user_belongs_to_the_partition_of_the_latest_rating);
    suite_add_tcase(suite, memory);

    TCase *publishing = tcase_create("publishing");
    tcase_add_test(publishing, an_unchanged_list_is_not_published_again);
    tcase_add_test(publishing, a_list_that_is_what_the_user_has_is_counted_as_unchanged);
    tcase_add_test(publishing, not_now_keeps_the_user_waiting_in_order);
    tcase_add_test(publishing, learning_without_publishing_marks_the_user_once);
    suite_add_tcase(suite, publishing);

    TCase *trainings = tcase_create("trainings");
    tcase_set_timeout(trainings, 60);
    tcase_add_test(trainings, a_training_swaps_the_model_whole_and_brings_everybody_a_new_list);
    tcase_add_test(trainings, the_running_error_falls_below_that_of_the_means_after_a_training);
    tcase_add_loop_test(trainings, ratings_of_any_scale_train_alike, 0, 4);
    tcase_add_test(trainings, a_failed_training_keeps_the_old_model_and_is_counted);
    tcase_add_test(trainings, a_cancelled_training_is_neither_adopted_nor_failed);
    tcase_add_test(trainings, one_job_at_a_time_and_none_on_too_little);
    tcase_add_test(trainings, items_that_came_after_the_training_are_served_by_the_means);
    tcase_add_loop_test(trainings, everybodys_new_list_is_the_list_that_top_gives, 0, 12);
    tcase_add_loop_test(trainings, lists_of_the_training_are_published_but_for_users_who_rated_since, 0, 2);
    tcase_add_test(trainings, reasons_add_up_to_the_score);
    tcase_add_test(trainings, the_same_seed_and_events_give_the_same_lists);
    suite_add_tcase(suite, trainings);

    return run_suite(suite);
}
