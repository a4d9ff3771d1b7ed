/* Models in chunks: whole again in any state of the topic, and never a mixture. */
#include "../../plugin/model_topic.h"
#include "suite.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = LFREC_CHUNK_HEAD + 100 };

static lfrec_buffer value;
static char key[LFREC_CHUNK_KEY_MAX];

static unsigned char *model_of(uint64_t version, size_t bytes)
{
    unsigned char *model = malloc(bytes);
    for (size_t i = 0; i < bytes; i++) {
        model[i] = (unsigned char)(i * 31 + version * 7 + i / 251);
    }
    return model;
}

static lfrec_assembled give(lfrec_assembly *a, uint64_t version, uint64_t maker, size_t bytes, uint32_t chunk)
{
    unsigned char *model = model_of(version, bytes);
    ck_assert(lfrec_model_chunk((lfrec_model_name){version, maker}, model, bytes, MOST, chunk, key, &value));
    ck_assert_uint_le(value.length, MOST);
    free(model);
    return lfrec_assembly_take(a, value.bytes, value.length);
}

static void is_newest(const lfrec_assembly *a, uint64_t version, uint64_t maker, size_t bytes)
{
    lfrec_model_name name;
    const void *got;
    size_t length;
    ck_assert(lfrec_assembly_model(a, &name, &got, &length));
    ck_assert_uint_eq(name.version, version);
    ck_assert_uint_eq(name.maker, maker);
    ck_assert_uint_eq(length, bytes);
    unsigned char *model = model_of(version, bytes);
    ck_assert_mem_eq(got, model, bytes);
    free(model);
}

START_TEST(a_model_of_any_size_is_whole_again)
{
    static const size_t sizes[] = {1, 99, 100, 101, 200, 201, 12345};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        lfrec_assembly *a = lfrec_assembly_open();
        uint32_t chunks = lfrec_model_chunks(sizes[i], MOST);
        ck_assert_uint_eq(chunks, (sizes[i] + 99) / 100);
        for (uint32_t chunk = 0; chunk < chunks; chunk++) {
            ck_assert_int_eq(give(a, 1, 7, sizes[i], chunk),
                             chunk + 1 < chunks ? LFREC_ASSEMBLED_PART : LFREC_ASSEMBLED_MODEL);
        }
        is_newest(a, 1, 7, sizes[i]);
        lfrec_assembly_close(a);
    }
}
END_TEST

START_TEST(chunks_in_any_order_and_twice_do_not_matter)
{
    static const uint32_t order[] = {3, 0, 3, 2, 0, 1};
    lfrec_assembly *a = lfrec_assembly_open();
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(give(a, 1, 7, 350, order[i]), i < 5 ? LFREC_ASSEMBLED_PART : LFREC_ASSEMBLED_MODEL);
    }
    is_newest(a, 1, 7, 350);
    lfrec_assembly_close(a);
}
END_TEST

/* The keys of one version are not those of the next: while the next is incomplete the topic still holds the whole one before. */
START_TEST(versions_take_turns_in_their_keys)
{
    lfrec_assembly *a = lfrec_assembly_open();
    give(a, 4, 7, 350, 2);
    ck_assert_str_eq(key, "0/2");
    give(a, 5, 7, 350, 2);
    ck_assert_str_eq(key, "1/2");
    lfrec_assembly_close(a);
}
END_TEST

START_TEST(the_newest_whole_model_wins_and_the_one_before_serves_meanwhile)
{
    lfrec_assembly *a = lfrec_assembly_open();
    for (uint32_t chunk = 0; chunk < 3; chunk++) {
        give(a, 1, 7, 300, chunk);
    }
    ck_assert_int_eq(give(a, 2, 7, 250, 0), LFREC_ASSEMBLED_PART);
    is_newest(a, 1, 7, 300);
    ck_assert_int_eq(give(a, 2, 7, 250, 1), LFREC_ASSEMBLED_PART);
    ck_assert_int_eq(give(a, 2, 7, 250, 2), LFREC_ASSEMBLED_MODEL);
    is_newest(a, 2, 7, 250);
    ck_assert_int_eq(give(a, 1, 7, 300, 0), LFREC_ASSEMBLED_PART); /* old news */
    is_newest(a, 2, 7, 250);
    lfrec_assembly_close(a);
}
END_TEST

START_TEST(versions_begin_anew_after_a_restart)
{
    lfrec_assembly *a = lfrec_assembly_open();
    for (uint32_t chunk = 0; chunk < 3; chunk++) {
        give(a, 8, 7, 300, chunk);
    }
    ck_assert_int_eq(give(a, 9, 7, 300, 0), LFREC_ASSEMBLED_PART);
    lfrec_assembly_restart(a);
    ck_assert_int_eq(give(a, 1, 7, 300, 0), LFREC_ASSEMBLED_PART);
    ck_assert_int_eq(give(a, 1, 7, 300, 1), LFREC_ASSEMBLED_PART);
    ck_assert_int_eq(give(a, 1, 7, 300, 2), LFREC_ASSEMBLED_MODEL);
    is_newest(a, 1, 7, 300);
    lfrec_assembly_close(a);
}
END_TEST

START_TEST(two_trainers_models_of_one_version_are_never_mixed)
{
    lfrec_assembly *a = lfrec_assembly_open();
    ck_assert_int_eq(give(a, 1, 7, 300, 0), LFREC_ASSEMBLED_PART);
    ck_assert_int_eq(give(a, 1, 8, 300, 1), LFREC_ASSEMBLED_PART);
    ck_assert_int_eq(give(a, 1, 8, 300, 2), LFREC_ASSEMBLED_PART);
    ck_assert_int_eq(give(a, 1, 7, 300, 1), LFREC_ASSEMBLED_PART);
    ck_assert_int_eq(give(a, 1, 7, 300, 0), LFREC_ASSEMBLED_PART);
    ck_assert_int_eq(give(a, 1, 7, 300, 2), LFREC_ASSEMBLED_MODEL);
    is_newest(a, 1, 7, 300);
    lfrec_assembly_close(a);
}
END_TEST

START_TEST(what_is_no_chunk_is_passed_over)
{
    lfrec_assembly *a = lfrec_assembly_open();
    ck_assert_int_eq(lfrec_assembly_take(a, NULL, 0), LFREC_ASSEMBLED_PART);
    ck_assert_int_eq(lfrec_assembly_take(a, "", 0), LFREC_ASSEMBLED_BAD);
    ck_assert_int_eq(lfrec_assembly_take(a, "hello", 5), LFREC_ASSEMBLED_BAD);
    ck_assert_int_eq(give(a, UINT64_MAX, 7, 100, 0), LFREC_ASSEMBLED_BAD); /* none could follow it */
    ck_assert_int_eq(give(a, 1, 7, 300, 0), LFREC_ASSEMBLED_PART);
    for (size_t length = 0; length < value.length; length++) { /* cut short: never read behind the end, never whole */
        ck_assert_int_ne(lfrec_assembly_take(a, value.bytes, length), LFREC_ASSEMBLED_MODEL);
    }
    lfrec_assembly_close(a);
    for (size_t at = 0; at < 1000; at++) { /* one byte is wrong: noticed by the hash at the latest */
        a = lfrec_assembly_open();
        give(a, 1, 7, 200, 0);
        unsigned char *model = model_of(1, 200);
        lfrec_model_chunk((lfrec_model_name){1, 7}, model, 200, MOST, 1, key, &value);
        free(model);
        value.bytes[at % value.length] ^= (char)(1 << (at / value.length % 8));
        lfrec_assembled result = lfrec_assembly_take(a, value.bytes, value.length);
        ck_assert_int_ne(result, LFREC_ASSEMBLED_MODEL);
        lfrec_assembly_close(a);
    }
    lfrec_assembly_close(NULL);
}
END_TEST

START_TEST(a_flipped_bit_in_any_part_is_noticed_and_a_good_copy_mends_it)
{
    lfrec_assembly *a = lfrec_assembly_open();
    unsigned char *model = model_of(1, 200);
    lfrec_model_chunk((lfrec_model_name){1, 7}, model, 200, MOST, 0, key, &value);
    free(model);
    value.bytes[LFREC_CHUNK_HEAD + 5] ^= 1;
    ck_assert_int_eq(lfrec_assembly_take(a, value.bytes, value.length), LFREC_ASSEMBLED_PART);
    ck_assert_int_eq(give(a, 1, 7, 200, 1), LFREC_ASSEMBLED_BAD);
    ck_assert_int_eq(give(a, 1, 7, 200, 0), LFREC_ASSEMBLED_PART);
    ck_assert_int_eq(give(a, 1, 7, 200, 1), LFREC_ASSEMBLED_MODEL);
    lfrec_assembly_close(a);
}
END_TEST

static void tear_down(void)
{
    lfrec_buffer_free(&value);
}

int main(void)
{
    Suite *suite = suite_create("model topic");
    TCase *tests = tcase_create("chunks");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, a_model_of_any_size_is_whole_again);
    tcase_add_test(tests, chunks_in_any_order_and_twice_do_not_matter);
    tcase_add_test(tests, versions_take_turns_in_their_keys);
    tcase_add_test(tests, the_newest_whole_model_wins_and_the_one_before_serves_meanwhile);
    tcase_add_test(tests, versions_begin_anew_after_a_restart);
    tcase_add_test(tests, two_trainers_models_of_one_version_are_never_mixed);
    tcase_add_test(tests, what_is_no_chunk_is_passed_over);
    tcase_add_test(tests, a_flipped_bit_in_any_part_is_noticed_and_a_good_copy_mends_it);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
