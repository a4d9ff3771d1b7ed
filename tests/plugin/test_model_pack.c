/* A model from one operator to another: the same lists there, whatever the items' order; damage is refused. And the trainer's sample. */
#include "../../plugin/buffer.h"
#include "../../plugin/operator.h"
#include "../../plugin/sample.h"
#include "suite.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USERS = 60, ITEMS = 40 };

static char error[LFREC_OPERATOR_ERROR_MAX];

static bool take(void *context, const lfrec_recommendation *list)
{
    (void)context, (void)list;
    return true;
}

/* A list as text. */
static bool write_list(void *context, const lfrec_recommendation *list)
{
    char *text = context;
    size_t length = (size_t)sprintf(text, "%d rated:", (int)list->rated);
    for (size_t k = 0; k < list->count; k++) {
        length += (size_t)sprintf(text + length, " %.*s=%.4f", (int)list->items[k].item.length,
                                  list->items[k].item.bytes, (double)list->items[k].score);
    }
    return true;
}

static char *list_of(lfrec_operator *op, unsigned u, char text[4096])
{
    char user[16];
    lfrec_id id = {user, (size_t)snprintf(user, sizeof user, "u%u", u)};
    ck_assert(lfrec_operator_top(op, id, write_list, text));
    return text;
}

static lfrec_operator *open_operator(uint32_t factors)
{
    lfrec_operator_options options = lfrec_operator_options_for(factors, 1, 5);
    lfrec_operator *op;
    options.min_support = 1;
    ck_assert_msg(lfrec_operator_open(&op, &options, take, NULL, error), "%s", error);
    return op;
}

static void rate(lfrec_operator *op, unsigned u, unsigned i)
{
    char user[16], item[16];
    lfrec_event event = {.kind = LFREC_EVENT_RATE, .rating = (float)(1 + (u * 7 + i * 3 + u * i) % 5)};
    event.user = (lfrec_id){user, (size_t)snprintf(user, sizeof user, "u%u", u)};
    event.item = (lfrec_id){item, (size_t)snprintf(item, sizeof item, "i%u", i)};
    ck_assert_int_ne(lfrec_operator_learn(op, &event, 0, false), LFREC_REFUSED);
}

/* Users from .. to - 1, with the items in another order when backwards. */
static void rate_all(lfrec_operator *op, unsigned from, unsigned to, bool backwards)
{
    for (unsigned u = from; u < to; u++) {
        for (unsigned k = 0; k < 12; k++) {
            unsigned turn = backwards ? 11 - k : k;
            rate(op, u, (u * 5 + turn * turn) % ITEMS);
        }
    }
}

static void train(lfrec_operator *op)
{
    lfrec_job *job = lfrec_operator_retrain_begin(op);
    ck_assert_ptr_nonnull(job);
    lfrec_job_run(job);
    ck_assert_msg(lfrec_operator_retrain_adopt(op, job, error), "%s", error);
}

static lfrec_operator *trained(lfrec_buffer *packed)
{
    lfrec_operator *op = open_operator(8);
    rate_all(op, 0, USERS, false);
    ck_assert(!lfrec_operator_write_model(op, packed)); /* there is none yet */
    train(op);
    ck_assert(lfrec_operator_write_model(op, packed));
    return op;
}

START_TEST(a_model_gives_the_same_lists_to_another_operator)
{
    lfrec_buffer packed = {0};
    char here[4096], there[4096];
    lfrec_operator *trainer = trained(&packed), *scorer = open_operator(8);
    rate_all(scorer, USERS / 2, USERS, true); /* a part of the users, other indices, some items never heard of */
    ck_assert_msg(lfrec_operator_read_model(scorer, packed.bytes, packed.length, 7, error), "%s", error);
    lfrec_operator_stats stats = lfrec_operator_stats_of(scorer);
    ck_assert_uint_eq(stats.model_version, 7);
    ck_assert_uint_eq(stats.stale_users, USERS / 2);
    for (unsigned u = USERS / 2; u < USERS; u++) {
        ck_assert_str_eq(list_of(trainer, u, here), list_of(scorer, u, there));
    }
    lfrec_operator_close(trainer);
    lfrec_operator_close(scorer);
    lfrec_buffer_free(&packed);
}
END_TEST

/* "=2.75" and the like go. */
static char *without_scores(char *list)
{
    char *to = list;
    for (const char *from = list; *from; from++) {
        if (*from == '=') {
            from += strcspn(from, " ");
            if (!*from) {
                break;
            }
        }
        *to++ = *from;
    }
    *to = '\0';
    return list;
}

START_TEST(an_operator_with_a_foreign_model_goes_on_learning)
{
    lfrec_buffer packed = {0};
    char here[4096], there[4096];
    lfrec_operator *trainer = trained(&packed), *scorer = open_operator(8);
    ck_assert_msg(lfrec_operator_read_model(scorer, packed.bytes, packed.length, 1, error), "%s", error);
    rate_all(scorer, 0, USERS, true);
    for (unsigned u = 0; u < USERS; u++) { /* the means are the model's, and the level of late only moves all scores alike */
        ck_assert_str_eq(without_scores(list_of(trainer, u, here)), without_scores(list_of(scorer, u, there)));
    }
    for (unsigned i = 100; i < 400; i++) { /* items that the model does not know: the room grows */
        rate(scorer, 3, i);
    }
    lfrec_operator_drop_partition(scorer, 1);
    list_of(scorer, 3, there);
    ck_assert_ptr_nonnull(strstr(there, "rated: i"));
    packed.length = 0;
    ck_assert(lfrec_operator_write_model(trainer, &packed));
    ck_assert_msg(lfrec_operator_read_model(scorer, packed.bytes, packed.length, 2, error), "%s", error);
    ck_assert_str_eq(without_scores(list_of(trainer, 5, here)), without_scores(list_of(scorer, 5, there)));
    lfrec_operator_close(trainer);
    lfrec_operator_close(scorer);
    lfrec_buffer_free(&packed);
}
END_TEST

START_TEST(damage_is_refused_and_the_old_model_stays)
{
    lfrec_buffer packed = {0};
    char before[4096], after[4096];
    lfrec_operator *trainer = trained(&packed), *scorer = open_operator(8);
    rate_all(scorer, 0, USERS, true);
    ck_assert(lfrec_operator_read_model(scorer, packed.bytes, packed.length, 1, error));
    list_of(scorer, 9, before);
    for (size_t length = 0; length < packed.length; length += 1 + length / 16) {
        char *cut = malloc(length + 1); /* so that a sanitizer sees what is read behind the end */
        memcpy(cut, packed.bytes, length);
        ck_assert(!lfrec_operator_read_model(scorer, cut, length, 2, error));
        free(cut);
    }
    for (size_t at = 0; at < packed.length; at += 1 + at / 64) {
        packed.bytes[at] ^= 0x40;
        if (lfrec_operator_read_model(scorer, packed.bytes, packed.length, 1, error)) { /* another item's name, then: that is no damage here */
            ck_assert_uint_lt(at, 8 + ITEMS * 8);
        }
        packed.bytes[at] ^= 0x40;
    }
    ck_assert(lfrec_operator_read_model(scorer, packed.bytes, packed.length, 1, error));
    ck_assert_str_eq(list_of(scorer, 9, after), before);
    lfrec_operator_close(trainer);
    lfrec_operator_close(scorer);
    lfrec_buffer_free(&packed);
}
END_TEST

START_TEST(more_factors_than_allowed_are_refused)
{
    lfrec_buffer packed = {0};
    lfrec_operator *trainer = open_operator(32), *scorer = open_operator(8);
    rate_all(trainer, 0, USERS, false);
    train(trainer);
    ck_assert(lfrec_operator_write_model(trainer, &packed));
    ck_assert(!lfrec_operator_read_model(scorer, packed.bytes, packed.length, 1, error));
    ck_assert_ptr_nonnull(strstr(error, "lfrec.factors"));
    lfrec_operator_close(trainer);
    lfrec_operator_close(scorer);
    lfrec_buffer_free(&packed);
}
END_TEST

/* ---- the sample ---- */

static bool keep(void *context, lfrec_id user)
{
    return lfrec_sample_has(context, user);
}

START_TEST(a_sample_is_bounded_uniform_and_the_same_in_any_order)
{
    enum { MANY = 100000, MOST = 1000 };
    lfrec_sample sample = lfrec_sample_of(MOST);
    unsigned count = 0, of_tenth[10] = {0};
    char user[16];
    for (unsigned u = 0; u < MANY; u++) {
        lfrec_id id = {user, (size_t)snprintf(user, sizeof user, "u%u", u)};
        count += lfrec_sample_has(&sample, id);
        while (lfrec_sample_shrink(&sample, count)) {
            count = 0;
            for (unsigned v = 0; v <= u; v++) {
                lfrec_id other = {user, (size_t)snprintf(user, sizeof user, "u%u", v)};
                count += lfrec_sample_has(&sample, other);
            }
        }
    }
    ck_assert_uint_le(count, MOST);
    ck_assert_uint_gt(count, MOST / 3);
    for (unsigned u = 0; u < MANY; u++) {
        lfrec_id id = {user, (size_t)snprintf(user, sizeof user, "u%u", u)};
        of_tenth[u / (MANY / 10)] += lfrec_sample_has(&sample, id);
    }
    for (unsigned tenth = 0; tenth < 10; tenth++) { /* within 5 standard deviations of an equal share */
        double mean = count / 10.0, away = of_tenth[tenth] - mean;
        ck_assert_msg(away * away < 25 * mean, "tenth %u has %u of %u", tenth, of_tenth[tenth], count);
    }
    lfrec_sample all = lfrec_sample_of(0);
    ck_assert(!lfrec_sample_shrink(&all, UINT64_MAX));
}
END_TEST

START_TEST(users_outside_of_the_sample_leave_with_their_ratings)
{
    lfrec_operator *op = open_operator(8), *fresh = open_operator(8);
    lfrec_sample half = {.threshold = UINT64_MAX / 2};
    char user[16], here[4096], there[4096];
    rate_all(op, 0, USERS, false);
    lfrec_operator_keep_users(op, keep, &half);
    unsigned kept = 0;
    for (unsigned u = 0; u < USERS; u++) {
        lfrec_id id = {user, (size_t)snprintf(user, sizeof user, "u%u", u)};
        if (lfrec_sample_has(&half, id)) {
            rate_all(fresh, u, u + 1, false);
            kept++;
        }
    }
    ck_assert_uint_eq(lfrec_operator_stats_of(op).users, kept);
    ck_assert_uint_eq(lfrec_operator_stats_of(op).ratings, lfrec_operator_stats_of(fresh).ratings);
    for (unsigned u = 0; u < USERS; u++) { /* as if the others had never been */
        lfrec_id id = {user, (size_t)snprintf(user, sizeof user, "u%u", u)};
        if (lfrec_sample_has(&half, id)) {
            ck_assert_int_eq(strncmp(list_of(op, u, here), list_of(fresh, u, there), 8), 0);
        }
    }
    lfrec_operator_close(op);
    lfrec_operator_close(fresh);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("models of others");
    TCase *tests = tcase_create("pack");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_model_gives_the_same_lists_to_another_operator);
    tcase_add_test(tests, an_operator_with_a_foreign_model_goes_on_learning);
    tcase_add_test(tests, damage_is_refused_and_the_old_model_stays);
    tcase_add_test(tests, more_factors_than_allowed_are_refused);
    tcase_add_test(tests, a_sample_is_bounded_uniform_and_the_same_in_any_order);
    tcase_add_test(tests, users_outside_of_the_sample_leave_with_their_ratings);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
