/* test_published.c - a list read back from its topic is known for the one that was published. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/codec.h"
#include "../../plugin/operator_state.h"
#include "../../plugin/published.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lfrec_published *published;
static size_t lists;

static void set_up(void)
{
    published = lfrec_published_open();
    ck_assert_ptr_nonnull(published);
    lists = 0;
}

static void tear_down(void)
{
    lfrec_published_close(published);
}

static lfrec_id id_of(const char *text)
{
    return (lfrec_id){text, strlen(text)};
}

static bool take(const char *user, const char *value)
{
    return lfrec_published_take(published, user, strlen(user), value, value ? strlen(value) : 0);
}

static uint64_t fingerprint_of(const char *user)
{
    return lfrec_published_of(published, id_of(user)).fingerprint;
}

/* The output topic of an operator: what it publishes is taken as it is printed. */
static bool publish(void *context, const lfrec_recommendation *list)
{
    lfrec_buffer buffer = {0};
    (void)context;
    lists++;
    lfrec_encode_recommendation(list, &buffer);
    bool taken = lfrec_published_take(published, list->user.bytes, list->user.length,
                                      list->forgotten ? NULL : buffer.bytes, buffer.length);
    lfrec_buffer_free(&buffer);
    return taken;
}

static lfrec_operator *filled_operator(float least, float most)
{
    lfrec_operator *op = NULL;
    char error[LFREC_OPERATOR_ERROR_MAX], user[16], item[16];
    lfrec_operator_options options = lfrec_operator_options_for(4, least, most);
    options.min_support = 0;
    options.lists_ahead = false;
    ck_assert_msg(lfrec_operator_open(&op, &options, publish, NULL, error), "%s", error);
    for (int n = 0; n < 400; n++) {
        snprintf(user, sizeof user, "user %d", n / 20);
        snprintf(item, sizeof item, "i\xC3\xA9%d", (n / 20 * 7 + n % 20) % 40);
        lfrec_event event = {.kind = LFREC_EVENT_RATE, .user = id_of(user), .item = id_of(item)};
        event.rating = least + (most - least) * (float)((n * 37) % 101) / 100;
        ck_assert_int_eq(lfrec_operator_learn(op, &event, 0, false), LFREC_LEARNED);
    }
    while (lfrec_operator_republish(op, 100) > 0) {
    }
    return op;
}

START_TEST(what_is_printed_has_the_fingerprint_of_what_was_published)
{
    static const float scales[][2] = {{1, 5}, {0, 0.5f}, {-10, 10}, {0, 100}, {-30000, 30000}};
    lfrec_operator *op = filled_operator(scales[_i][0], scales[_i][1]);
    ck_assert_uint_eq(lists, 20);
    lfrec_operator_state state = lfrec_operator_state_of(op);
    for (uint32_t user = 0; user < 20; user++) {
        lfrec_id id = lfrec_store_user_id(state.store, user);
        ck_assert_uint_eq(lfrec_published_of(published, id).fingerprint, lfrec_operator_published(op, user));
    }
    ck_assert_uint_eq(lfrec_published_users(published), 20);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(whoever_has_a_later_models_list_waits_no_more)
{
    lfrec_operator *op = NULL;
    char error[LFREC_OPERATOR_ERROR_MAX];
    lfrec_operator_options options = lfrec_operator_options_for(4, 1, 5);
    ck_assert_msg(lfrec_operator_open(&op, &options, publish, NULL, error), "%s", error);
    lfrec_event event = {.kind = LFREC_EVENT_RATE, .user = id_of("user 0"), .item = id_of("x"), .rating = 3};
    ck_assert_int_eq(lfrec_operator_learn(op, &event, 7, false), LFREC_LEARNED);
    ck_assert_int_eq(lfrec_operator_partition_of(op, event.user), 7);
    ck_assert_int_eq(lfrec_operator_partition_of(op, id_of("nobody")), -1);
    lfrec_operator_has_list(op, event.user, 5, 1); /* of a later model than this one's: it waits no more */
    ck_assert_uint_eq(lfrec_operator_republish(op, 1), 0);
    ck_assert_uint_eq(lists, 0);
    ck_assert_uint_eq(lfrec_operator_published(op, 0), 5);
    lfrec_operator_settled(op, event.user, 0);
    ck_assert_uint_eq(lfrec_operator_published(op, 0), 5);
    lfrec_operator_settled(op, event.user, 9);
    ck_assert_uint_eq(lfrec_operator_published(op, 0), 9);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(the_newest_message_counts_and_what_is_no_list_is_none)
{
    ck_assert(take("u", "{\"user\":\"u\",\"model\":3,\"rated\":1,\"items\":[{\"item\":\"a\",\"score\":3.5}]}"));
    uint64_t first = fingerprint_of("u");
    ck_assert_uint_ne(first, 0);
    ck_assert(take("u", "{\"user\":\"u\",\"model\":3,\"rated\":2,\"items\":[{\"item\":\"a\",\"score\":3.5}]}"));
    ck_assert_uint_eq(fingerprint_of("u"), first);
    ck_assert(take("u", "{\"user\":\"u\",\"model\":3,\"rated\":2,\"items\":[{\"item\":\"a\",\"score\":3.51}]}"));
    ck_assert_uint_ne(fingerprint_of("u"), first);
    ck_assert(take("u", "{\"model\":3,\"items\":[]}"));
    ck_assert_uint_ne(fingerprint_of("u"), 0);
    static const char *const none[] = {
        NULL, "", "{", "[]", "7", "{\"items\":7}", "{\"items\":[7]}", "{\"items\":[{\"item\":1,\"score\":2}]}"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        ck_assert(take("u", none[i]));
        ck_assert_uint_eq(fingerprint_of("u"), 0);
    }
    ck_assert(lfrec_published_take(published, NULL, 0, "{}", 2));
    ck_assert_uint_eq(fingerprint_of("v"), 0);
    ck_assert_uint_eq(lfrec_published_of(NULL, id_of("v")).fingerprint, 0);
}
END_TEST

/* What encode.c writes is read quickly, anything else by jansson: they must agree. A space in front makes it anything else. */
START_TEST(both_ways_to_read_a_list_agree)
{
    static const char *const lists_of[] = {
        "{\"user\":\"u\",\"model\":0,\"rated\":1,\"items\":[]}",
        "{\"user\":\"u\",\"model\":12,\"rated\":1,\"items\":[{\"item\":\"a]}\",\"score\":3.5},{\"item\":\"b\","
        "\"score\":-12}]}",
        "{\"user\":\"u\",\"model\":3,\"rated\":1,\"items\":[{\"item\":\"a\",\"score\":3e-5,\"reasons\":[]}]}",
        "{\"user\":\"u\",\"model\":3,\"rated\":1,\"items\":[{\"item\":\"a\",\"score\":3.5,\"reasons\":[{\"item\":\"]\","
        "\"rating\":4,"
        "\"share\":0.1},{\"item\":\"d\",\"rating\":4.5,\"share\":-0.1}]},{\"item\":\"b\",\"score\":1}]}",
        "{\"user\":\"u\",\"model\":3,\"rated\":1,\"items\":[{\"item\":\"a\\\"\",\"score\":3.5}]}",
    };
    char spaced[512];
    for (size_t i = 0; i < sizeof lists_of / sizeof lists_of[0]; i++) {
        snprintf(spaced, sizeof spaced, " %s", lists_of[i]);
        ck_assert(take("quick", lists_of[i]) && take("slow", spaced));
        lfrec_published_list quick = lfrec_published_of(published, id_of("quick")),
                             slow = lfrec_published_of(published, id_of("slow"));
        ck_assert_msg(quick.fingerprint != 0 && quick.fingerprint == slow.fingerprint && quick.model == slow.model,
                      "%s", lists_of[i]);
        for (size_t length = 0; length < strlen(lists_of[i]); length++) { /* cut short it is no list */
            char *cut = strndup(lists_of[i], length);
            ck_assert(lfrec_published_take(published, "cut", 3, cut, length));
            ck_assert_uint_eq(fingerprint_of("cut"), 0);
            free(cut);
        }
    }
}
END_TEST

START_TEST(many_users_are_told_apart)
{
    enum { MANY = 100000 };
    char user[32], value[128];
    for (int round = 0; round < 2; round++) {
        for (int n = 0; n < MANY; n++) {
            snprintf(user, sizeof user, "user number %d", n);
            snprintf(value, sizeof value, "{\"user\":\"%s\",\"model\":%d,\"rated\":1,\"items\":[]}", user, n + round);
            ck_assert(take(user, value));
        }
    }
    ck_assert_uint_eq(lfrec_published_users(published), MANY);
    for (int n = 0; n < MANY; n++) {
        snprintf(user, sizeof user, "user number %d", n);
        ck_assert_uint_eq(lfrec_published_of(published, id_of(user)).model, (unsigned)n + 1);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("published");
    TCase *tests = tcase_create("published");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, what_is_printed_has_the_fingerprint_of_what_was_published, 0, 5);
    tcase_add_test(tests, whoever_has_a_later_models_list_waits_no_more);
    tcase_add_test(tests, the_newest_message_counts_and_what_is_no_list_is_none);
    tcase_add_test(tests, both_ways_to_read_a_list_agree);
    tcase_add_test(tests, many_users_are_told_apart);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
