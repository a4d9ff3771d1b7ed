/* test_published.c - a list read back from its topic is known for the one that was published. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/codec.h"
#include "../../plugin/operator_state.h"
#include "../../plugin/published.h"

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

static void compare(void *context, const lfrec_published_list *list)
{
    const lfrec_operator *op = context;
    lfrec_operator_state state = lfrec_operator_state_of(op);
    uint32_t user = lfrec_store_find_user(state.store, list->user);
    ck_assert_uint_ne(user, LFREC_NO_INDEX);
    ck_assert_uint_eq(list->fingerprint, lfrec_operator_published(op, user));
}

START_TEST(what_is_printed_has_the_fingerprint_of_what_was_published)
{
    static const float scales[][2] = {{1, 5}, {0, 0.5f}, {-10, 10}, {0, 100}, {-30000, 30000}};
    lfrec_operator *op = filled_operator(scales[_i][0], scales[_i][1]);
    ck_assert_uint_eq(lists, 20);
    lfrec_published_each(published, compare, op);
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
    uint64_t first = lfrec_published_fingerprint(published, id_of("u"));
    ck_assert_uint_ne(first, 0);
    ck_assert(take("u", "{\"user\":\"u\",\"model\":3,\"rated\":2,\"items\":[{\"item\":\"a\",\"score\":3.5}]}"));
    ck_assert_uint_eq(lfrec_published_fingerprint(published, id_of("u")), first);
    ck_assert(take("u", "{\"user\":\"u\",\"model\":3,\"rated\":2,\"items\":[{\"item\":\"a\",\"score\":3.51}]}"));
    ck_assert_uint_ne(lfrec_published_fingerprint(published, id_of("u")), first);
    ck_assert(take("u", "{\"model\":3,\"items\":[]}"));
    ck_assert_uint_ne(lfrec_published_fingerprint(published, id_of("u")), 0);
    static const char *const none[] = {
        NULL, "", "{", "[]", "7", "{\"items\":7}", "{\"items\":[7]}", "{\"items\":[{\"item\":1,\"score\":2}]}"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        ck_assert(take("u", none[i]));
        ck_assert_uint_eq(lfrec_published_fingerprint(published, id_of("u")), 0);
    }
    ck_assert(lfrec_published_take(published, NULL, 0, "{}", 2));
    ck_assert_uint_eq(lfrec_published_fingerprint(published, id_of("v")), 0);
    ck_assert_uint_eq(lfrec_published_fingerprint(NULL, id_of("v")), 0);
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
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
