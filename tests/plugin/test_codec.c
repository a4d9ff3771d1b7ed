/* test_codec.c - bytes to rating events and back: every way a value can be wrong has a reason of its own. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/codec.h"
#include "../../plugin/fields.h"
#include "../../plugin/json_read.h"
#include "../../plugin/json_scan.h"
#include "../../plugin/utf8.h"
#include "suite.h"

#include <check.h>
#include <float.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const lfrec_codec automatic = {LFREC_FORMAT_AUTO, 0.5f, 5.0f};
static const lfrec_codec json_only = {LFREC_FORMAT_JSON, 0.5f, 5.0f};
static const lfrec_codec csv_only = {LFREC_FORMAT_CSV, 0.5f, 5.0f};

static lfrec_decoded decoded;
static char text[LFREC_BAD_TEXT_MAX];

/* From a heap copy of exactly this size, so that a sanitizer sees every byte read too far. Freed by the next call. */
static lfrec_bad decode_bytes(const lfrec_codec *codec, const char *bytes, size_t length)
{
    static char *copy;
    free(copy);
    copy = malloc(length ? length : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, length);
    memset(text, 'x', sizeof text);
    lfrec_bad bad = lfrec_decode(codec, NULL, 0, copy, length, &decoded, text);
    if (bad != LFREC_BAD_NOTHING) { /* whatever came in, the reason is one clean line */
        ck_assert_ptr_nonnull(memchr(text, 0, sizeof text));
        ck_assert_uint_gt(strlen(text), 0);
        ck_assert_uint_eq(lfrec_utf8_valid_prefix(text, strlen(text)), strlen(text));
        for (const char *p = text; *p; p++) {
            ck_assert_msg((unsigned char)*p >= 0x20 && *p != 0x7F, "control character in: %s", text);
        }
    }
    return bad;
}

static lfrec_bad decode(const lfrec_codec *codec, const char *value)
{
    return decode_bytes(codec, value, strlen(value));
}

static lfrec_bad decode_key(const char *key, size_t length)
{
    return lfrec_decode(&automatic, key, length, NULL, 0, &decoded, text);
}

static void assert_id(lfrec_id id, const char *bytes, size_t length)
{
    ck_assert_msg(id.length == length && memcmp(id.bytes, bytes, length) == 0, "id is '%.*s', not '%s'", (int)id.length,
                  id.bytes, bytes);
}

static void assert_event(lfrec_bad bad, const char *user, const char *item, float rating)
{
    ck_assert_msg(bad == LFREC_BAD_NOTHING, "refused: %s (%s)", text, lfrec_bad_name(bad));
    ck_assert_int_eq(decoded.event.kind, LFREC_EVENT_RATE);
    assert_id(decoded.event.user, user, strlen(user));
    assert_id(decoded.event.item, item, strlen(item));
    ck_assert_double_eq((double)decoded.event.rating, (double)rating);
}

static void assert_retraction(lfrec_bad bad, const char *user, const char *item)
{
    ck_assert_msg(bad == LFREC_BAD_NOTHING, "refused: %s (%s)", text, lfrec_bad_name(bad));
    ck_assert_int_eq(decoded.event.kind, LFREC_EVENT_RETRACT);
    assert_id(decoded.event.user, user, strlen(user));
    assert_id(decoded.event.item, item, strlen(item));
}

static void assert_bad(lfrec_bad bad, lfrec_bad expected, const char *words)
{
    ck_assert_msg(bad == expected, "%s (%s), not %s", lfrec_bad_name(bad), bad ? text : "it is an event",
                  lfrec_bad_name(expected));
    ck_assert_msg(strstr(text, words) != NULL, "'%s' is not in: %s", words, text);
}

static char *repeat(const char *before, char c, size_t times, const char *after)
{
    size_t first = strlen(before), last = strlen(after);
    char *all = malloc(first + times + last + 1);
    ck_assert_ptr_nonnull(all);
    memcpy(all, before, first);
    memset(all + first, c, times);
    memcpy(all + first + times, after, last + 1);
    return all;
}

/* ---- JSON ---- */

START_TEST(a_plain_json_event_is_read)
{
    assert_event(decode(&automatic, "{\"user\":\"u1\",\"item\":\"i9\",\"rating\":4.5,\"ts\":1690000000}"), "u1", "i9", 4.5f);
    ck_assert(decoded.event.has_timestamp);
    ck_assert_int_eq(decoded.event.timestamp, 1690000000);
    assert_event(decode(&json_only, "{\"user\":\"u1\",\"item\":\"i9\",\"rating\":4.5}"), "u1", "i9", 4.5f);
    ck_assert(!decoded.event.has_timestamp);
}
END_TEST

START_TEST(json_fields_may_stand_in_any_order_and_with_white_space)
{
    static const char *const fields[] = {"\"user\" : \"u\"", "\"item\":\t\"i\"", "\"rating\"\n:\r3", "\"ts\": 7"};
    for (int order = 0; order < 256; order++) {
        int at[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3};
        bool all = true;
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < i; j++) {
                all = all && at[i] != at[j];
            }
        }
        if (!all) {
            continue;
        }
        char value[200];
        snprintf(value, sizeof value, " \r\n\t{ %s ,%s,\t%s\n, %s} \n", fields[at[0]], fields[at[1]], fields[at[2]],
                 fields[at[3]]);
        assert_event(decode(&automatic, value), "u", "i", 3.0f);
        ck_assert_int_eq(decoded.event.timestamp, 7);
    }
}
END_TEST

START_TEST(unknown_json_fields_are_ignored)
{
    assert_event(
        decode(&automatic,
               "{\"v\":1,\"user\":\"u\",\"w\":null,\"item\":\"i\",\"x\":\"}\",\"rating\":3,\"y\":true,\"z\":-0.5}"),
        "u", "i", 3.0f);
    assert_event(decode(&automatic, "{\"a\":{\"user\":\"x\",\"b\":[1,{\"c\":\"]}\\\"\"}]},\"user\":\"u\",\"item\":"
                                    "\"i\",\"rating\":3,\"d\":[]}"),
                 "u", "i", 3.0f);
    assert_event(decode(&automatic,
                        "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"10\":{ },"
                        "\"user\":\"u\",\"item\":\"i\",\"rating\":3}"),
                 "u", "i", 3.0f);
    assert_event(
        decode(&automatic,
               "{\"big\":123456789012345678901234567890,\"User\":\"x\",\"user\":\"u\",\"item\":\"i\",\"rating\":3}"),
        "u", "i", 3.0f);
}
END_TEST

START_TEST(escapes_in_ids_are_undone)
{
    assert_event(
        decode(&automatic, "{\"user\":\"a\\\"b\\\\c\\/d\",\"item\":\"\\u00e9\\n\\t\\ud83d\\ude00\",\"rating\":1}"),
        "a\"b\\c/d", "\xC3\xA9\n\t\xF0\x9F\x98\x80", 1.0f);
    assert_event(decode(&automatic, "{\"\\u0075ser\":\"u\",\"it\\u0065m\":\"i\",\"rating\":1}"), "u", "i", 1.0f);
    assert_event(decode(&automatic, "{\"note\":\"\\\\\",\"user\":\"u\",\"item\":\"i\",\"rating\":1}"), "u", "i", 1.0f);
}
END_TEST

START_TEST(integers_as_ids_are_kept_digit_by_digit)
{
    assert_event(decode(&automatic, "{\"user\":9007199254740992,\"item\":98765432109876543210,\"rating\":4}"),
                 "9007199254740992", "98765432109876543210", 4.0f);
    assert_event(decode(&automatic, "{\"user\":9007199254740993,\"item\":\"98765432109876543210\",\"rating\":4}"),
                 "9007199254740993", "98765432109876543210", 4.0f);
    assert_event(decode(&automatic, "{\"user\":-5,\"item\":0,\"rating\":4}"), "-5", "0", 4.0f);
    /* the same when jansson reads it */
    assert_event(decode(&automatic, "{\"\\u0075ser\":9007199254740993,\"item\":98765432109876543210 ,\"rating\":4}"),
                 "9007199254740993", "98765432109876543210", 4.0f);
    assert_event(decode(&automatic, "{\"user\":1234567890123456789012345678901234567890,\"item\":1,\"rating\":4}"),
                 "1234567890123456789012345678901234567890", "1", 4.0f);
}
END_TEST

START_TEST(other_numbers_as_ids_are_refused)
{
    assert_bad(decode(&automatic, "{\"user\":1e3,\"item\":\"i\",\"rating\":4}"), LFREC_BAD_TYPE,
               "user must be a string or an integer, not 1e3");
    assert_bad(decode(&automatic, "{\"user\":12.0,\"item\":\"i\",\"rating\":4}"), LFREC_BAD_TYPE,
               "user must be a string or an integer, not 12.0 (byte 8)");
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":1.5,\"rating\":4}"), LFREC_BAD_TYPE,
               "item must be a string or an integer");
}
END_TEST

START_TEST(ids_of_other_types_are_refused)
{
    static const char *const values[][2] = {
        {"null", "null"}, {"true", "a boolean"}, {"[\"u\"]", "an array"}, {"{\"id\":1}", "an object"}};
    for (size_t i = 0; i < 4; i++) {
        char value[100], words[100];
        snprintf(value, sizeof value, "{\"user\":%s,\"item\":\"i\",\"rating\":4}", values[i][0]);
        snprintf(words, sizeof words, "user must be a string or an integer, not %s", values[i][1]);
        assert_bad(decode(&automatic, value), LFREC_BAD_TYPE, words);
        snprintf(value, sizeof value, "{\"user\":\"u\",\"item\":%s,\"rating\":4}", values[i][0]);
        assert_bad(decode(&automatic, value), LFREC_BAD_TYPE, "item must be");
    }
}
END_TEST

START_TEST(a_missing_json_field_is_named)
{
    assert_bad(decode(&automatic, "{\"item\":\"i\",\"rating\":4}"), LFREC_BAD_MISSING_FIELD, "user is missing");
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"rating\":4}"), LFREC_BAD_MISSING_FIELD, "item is missing");
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\"}"), LFREC_BAD_MISSING_FIELD, "rating is missing");
    assert_bad(decode(&automatic, "{}"), LFREC_BAD_MISSING_FIELD, "user is missing");
    assert_bad(decode(&automatic, "{\"USER\":\"u\",\"item\":\"i\",\"rating\":4}"), LFREC_BAD_MISSING_FIELD, "user is missing");
}
END_TEST

START_TEST(a_null_rating_retracts)
{
    assert_retraction(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":null}"), "u", "i");
    assert_retraction(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\\\\\",\"rating\":null,\"ts\":5}"), "u", "i\\");
    ck_assert_int_eq(decoded.event.timestamp, 5);
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":\"\",\"rating\":null}"), LFREC_BAD_EMPTY_ID, "empty item");
}
END_TEST

START_TEST(a_rating_must_be_a_number_on_the_scale)
{
    static const struct {
        const char *rating;
        lfrec_bad bad;
        const char *words;
    } cases[] = {
        {"5.1", LFREC_BAD_OFF_SCALE, "rating 5.1 is not within the scale 0.5 to 5"},
        {"0", LFREC_BAD_OFF_SCALE, "rating 0 is not"},
        {"-4", LFREC_BAD_OFF_SCALE, "rating -4 is not"},
        {"0.4999", LFREC_BAD_OFF_SCALE, "scale"},
        {"1e30", LFREC_BAD_OFF_SCALE, "scale"},
        {"1e300", LFREC_BAD_OFF_SCALE, "scale"},
        {"1e999", LFREC_BAD_NUMBER, "too large"},
        {"-1e999", LFREC_BAD_NUMBER, "too large"},
        {"\"4\"", LFREC_BAD_TYPE, "rating must be a number or null, not a string"},
        {"true", LFREC_BAD_TYPE, "not a boolean"},
        {"[4]", LFREC_BAD_TYPE, "not an array"},
        {"{}", LFREC_BAD_TYPE, "not an object"},
        {"NaN", LFREC_BAD_SYNTAX, "NaN"},
        {"Infinity", LFREC_BAD_SYNTAX, "Infinity"},
        {"-Infinity", LFREC_BAD_SYNTAX, "not JSON"},
        {"0x4", LFREC_BAD_SYNTAX, "not JSON"},
        {"4,5", LFREC_BAD_SYNTAX, "not JSON"},
        {"04", LFREC_BAD_SYNTAX, "not JSON"},
        {"+4", LFREC_BAD_SYNTAX, "not JSON"},
        {".5", LFREC_BAD_SYNTAX, "not JSON"},
        {"4.", LFREC_BAD_SYNTAX, "not JSON"},
        {"", LFREC_BAD_SYNTAX, "not JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char value[100];
        snprintf(value, sizeof value, "{\"user\":\"u\",\"item\":\"i\",\"rating\":%s}", cases[i].rating);
        assert_bad(decode(&automatic, value), cases[i].bad, cases[i].words);
    }
    assert_event(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":0.5}"), "u", "i", 0.5f);
    assert_event(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":5.0}"), "u", "i", 5.0f);
    assert_event(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":45e-1}"), "u", "i", 4.5f);
    assert_event(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":3.3}"), "u", "i", 3.3f);
}
END_TEST

START_TEST(the_ends_of_any_scale_are_on_it)
{
    lfrec_codec tenth = {LFREC_FORMAT_CSV, 0.1f, 0.7f};
    assert_event(decode(&tenth, "u,i,0.1"), "u", "i", 0.1f);
    assert_event(decode(&tenth, "u,i,0.7"), "u", "i", 0.7f);
    assert_bad(decode(&tenth, "u,i,0.09999"), LFREC_BAD_OFF_SCALE, "scale 0.1 to 0.7");
    lfrec_codec zero = {LFREC_FORMAT_AUTO, 0.0f, 5.0f};
    assert_event(decode(&zero, "u,i,0"), "u", "i", 0.0f);
    lfrec_codec around = {LFREC_FORMAT_AUTO, -10.0f, 10.0f};
    assert_event(decode(&around, "{\"user\":\"u\",\"item\":\"i\",\"rating\":-9.75}"), "u", "i", -9.75f);
    lfrec_codec books = {LFREC_FORMAT_AUTO, 1.0f, 10.0f};
    assert_bad(decode(&books, "u,i,0"), LFREC_BAD_OFF_SCALE, "rating 0 is not within the scale 1 to 10");
}
END_TEST

START_TEST(a_timestamp_is_any_number_or_absent)
{
    static const struct {
        const char *ts;
        bool there;
        int64_t seconds;
    } good[] = {{"null", false, 0},
                {"-1", true, -1},
                {"1690000000.75", true, 1690000000},
                {"-0.5", true, -1},
                {"1.69e9", true, 1690000000},
                {"9223372036854775807", true, INT64_MAX}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char value[100];
        snprintf(value, sizeof value, "{\"user\":\"u\",\"item\":\"i\",\"rating\":4,\"ts\":%s}", good[i].ts);
        assert_event(decode(&automatic, value), "u", "i", 4.0f);
        ck_assert_int_eq(decoded.event.has_timestamp, good[i].there);
        ck_assert_int_eq(decoded.event.timestamp, good[i].seconds);
    }
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":4,\"ts\":\"2023-07-22\"}"), LFREC_BAD_TYPE,
               "ts must be a number, not a string");
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":4,\"ts\":1e30}"), LFREC_BAD_NUMBER,
               "ts 1e30 is too large");
    assert_bad(decode(&automatic, "u,i,4,noon"), LFREC_BAD_NUMBER, "ts \"noon\" is not a number");
}
END_TEST

START_TEST(duplicate_keys_are_refused)
{
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":4,\"rating\":5}"), LFREC_BAD_DUPLICATE, "rating");
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"us\\u0065r\":\"v\",\"item\":\"i\",\"rating\":4}"),
               LFREC_BAD_DUPLICATE, "twice");
    assert_bad(decode(&automatic, "{\"x\":1,\"user\":\"u\",\"item\":\"i\",\"rating\":4,\"x\":2}"), LFREC_BAD_DUPLICATE,
               "twice");
    assert_bad(decode(&automatic, "{\"rating\":null,\"user\":\"u\",\"item\":\"i\",\"rating\":4}"), LFREC_BAD_DUPLICATE,
               "twice");
}
END_TEST

START_TEST(empty_ids_are_refused_by_name)
{
    assert_bad(decode(&automatic, "{\"user\":\"\",\"item\":\"i\",\"rating\":4}"), LFREC_BAD_EMPTY_ID, "empty user");
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":\"\",\"rating\":4}"), LFREC_BAD_EMPTY_ID, "empty item");
    assert_bad(decode(&automatic, ",i,4"), LFREC_BAD_EMPTY_ID, "empty user");
    assert_bad(decode(&automatic, "u,,4"), LFREC_BAD_EMPTY_ID, "empty item");
    assert_bad(decode(&automatic, ",,"), LFREC_BAD_EMPTY_ID, "empty user");
    assert_bad(decode(&automatic, "\"\",i,4"), LFREC_BAD_EMPTY_ID, "empty user");
}
END_TEST

START_TEST(ids_may_have_up_to_the_longest_length)
{
    const char *const befores[] = {"{\"user\":\"", "{\"\\u0075ser\":\"", "", "\""};
    const char *const afters[] = {"\",\"item\":\"i\",\"rating\":4}", "\",\"item\":\"i\",\"rating\":4}", ",i,4", "\",i,4"};
    for (size_t i = 0; i < 4; i++) {
        char *value = repeat(befores[i], 'u', LFREC_ID_MAX, afters[i]);
        ck_assert_int_eq(decode(&automatic, value), LFREC_BAD_NOTHING);
        ck_assert_uint_eq(decoded.event.user.length, LFREC_ID_MAX);
        free(value);
        value = repeat(befores[i], 'u', LFREC_ID_MAX + 1, afters[i]);
        assert_bad(decode(&automatic, value), LFREC_BAD_LONG_ID, "user has 513 bytes, at most 512");
        free(value);
    }
    char *value = repeat("\"\"\"", 'u', LFREC_ID_MAX - 2, "\"\"\",i,4"); /* with its own quotes it is just as long as allowed */
    ck_assert_int_eq(decode(&automatic, value), LFREC_BAD_NOTHING);
    ck_assert_uint_eq(decoded.event.user.length, LFREC_ID_MAX);
    free(value);
    value = repeat("\"\"\"", 'u', LFREC_ID_MAX - 1, "\"\"\",i,4");
    assert_bad(decode(&automatic, value), LFREC_BAD_LONG_ID, "513");
    free(value);
}
END_TEST

START_TEST(a_nul_in_an_id_is_refused)
{
    assert_bad(decode(&automatic, "{\"user\":\"a\\u0000b\",\"item\":\"i\",\"rating\":4}"), LFREC_BAD_NUL_ID,
               "user has a NUL, its byte 1");
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":\"\\u0000\",\"rating\":4}"), LFREC_BAD_NUL_ID, "item has a NUL");
    assert_bad(decode_bytes(&automatic, "u\0x,i,4", 7), LFREC_BAD_NUL_ID, "user has a NUL");
    assert_bad(decode_bytes(&automatic, "{\"user\":\"a\0b\",\"item\":\"i\",\"rating\":4}", 34), LFREC_BAD_SYNTAX, "not JSON");
}
END_TEST

START_TEST(a_nul_byte_anywhere_in_json_is_refused)
{
    static const char event[] = "{\"user\":12,\"item\":\"i\\n\",\"x\":true,\"rating\":4.5}";
    for (size_t at = 0; at < sizeof event; at++) {
        char value[sizeof event];
        memcpy(value, event, at);
        value[at] = '\0';
        memcpy(value + at + 1, event + at, sizeof event - 1 - at);
        ck_assert_int_eq(decode_bytes(&json_only, value, sizeof value), at == 0 ? LFREC_BAD_FRAMING : LFREC_BAD_SYNTAX);
    }
}
END_TEST

START_TEST(ids_with_quotes_commas_and_newlines_are_ids)
{
    assert_event(decode(&automatic, "\"u,\"\"1\"\"\",\"line\r\nbreak\",4"), "u,\"1\"", "line\r\nbreak", 4.0f);
    assert_event(decode(&automatic, "{\"user\":\"u,\\\"1\\\"\",\"item\":\"line\\nbreak\",\"rating\":4}"), "u,\"1\"",
                 "line\nbreak", 4.0f);
    assert_event(decode(&automatic, "900001,\"\"\"012345678X\"\"\",1"), "900001", "\"012345678X\"", 1.0f);
}
END_TEST

START_TEST(leading_zeros_make_another_id)
{
    assert_event(decode(&automatic, "u,0123456789,1"), "u", "0123456789", 1.0f);
    assert_event(decode(&automatic, "u,123456789,1"), "u", "123456789", 1.0f);
}
END_TEST

/* ---- values that are no event ---- */

START_TEST(an_empty_value_the_text_null_and_a_null_value_are_three_things)
{
    assert_bad(decode(&automatic, ""), LFREC_BAD_EMPTY_VALUE, "empty value (0 bytes");
    assert_bad(decode(&automatic, " \r\n"), LFREC_BAD_EMPTY_VALUE, "white space");
    assert_bad(decode(&automatic, "null"), LFREC_BAD_TEXT_NULL, "text null");
    assert_bad(decode(&json_only, " null\n"), LFREC_BAD_TEXT_NULL, "text null");
    assert_bad(decode(&csv_only, "null"), LFREC_BAD_TEXT_NULL, "text null");
    ck_assert_int_eq(decode_key("u1", 2), LFREC_BAD_NOTHING);
    ck_assert_int_eq(decoded.event.kind, LFREC_EVENT_FORGET);
    assert_id(decoded.event.user, "u1", 2);
    ck_assert_uint_eq(decoded.event.item.length, 0);
}
END_TEST

START_TEST(a_tombstone_needs_a_good_key)
{
    assert_bad(decode_key(NULL, 0), LFREC_BAD_EMPTY_ID, "without a key");
    assert_bad(decode_key("", 0), LFREC_BAD_EMPTY_ID, "without a key");
    assert_bad(decode_key("a\0b", 3), LFREC_BAD_NUL_ID, "key has a NUL");
    assert_bad(decode_key("a\xE9", 2), LFREC_BAD_NOT_UTF8, "key is not UTF-8: 0xE9 at byte 1");
    assert_bad(decode_key("\0\0\0\0\7u1", 7), LFREC_BAD_FRAMING, "schema id 7) in front of the key");
    char *key = repeat("", 'k', LFREC_ID_MAX + 1, "");
    assert_bad(decode_key(key, strlen(key)), LFREC_BAD_LONG_ID, "key has 513 bytes");
    ck_assert_int_eq(decode_key(key, LFREC_ID_MAX), LFREC_BAD_NOTHING);
    free(key);
}
END_TEST

START_TEST(the_user_in_the_value_decides_and_not_the_key)
{
    const char *value = "{\"user\":\"u1\",\"item\":\"i\",\"rating\":4}";
    const char *keys[] = {"u2", "\0\0\0\0\7u2", "\xE9", ""};
    const size_t lengths[] = {2, 7, 1, 0};
    for (size_t i = 0; i < 4; i++) {
        assert_event(lfrec_decode(&automatic, keys[i], lengths[i], value, strlen(value), &decoded, text), "u1", "i", 4.0f);
    }
    assert_event(lfrec_decode(&automatic, NULL, 0, value, strlen(value), &decoded, text), "u1", "i", 4.0f);
}
END_TEST

START_TEST(schema_registry_framing_is_named_with_its_id)
{
    static const char good[] = "\0\0\0\0\7{\"user\":\"u\",\"item\":\"i\",\"rating\":4}";
    assert_bad(decode_bytes(&automatic, good, sizeof good - 1), LFREC_BAD_FRAMING, "schema-registry framing (schema id 7)");
    assert_bad(decode_bytes(&csv_only, "\0\0\0\0\7u,i,4", 10), LFREC_BAD_FRAMING, "schema id 7");
    assert_bad(decode_bytes(&json_only, "\0\1\2\3\4\2u1\4i9\0\0\220@", 15), LFREC_BAD_FRAMING, "schema id 16909060");
    assert_bad(decode_bytes(&automatic, "\0\377\377\377\377", 5), LFREC_BAD_FRAMING, "schema id 4294967295");
    assert_bad(decode_bytes(&json_only, "\0\0", 2), LFREC_BAD_SYNTAX, "not JSON");
}
END_TEST

START_TEST(what_is_not_utf8_is_refused_with_byte_and_position)
{
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":\"caf\xE9\",\"rating\":4}"), LFREC_BAD_NOT_UTF8,
               "value is not UTF-8: 0xE9 at byte 23");
    assert_bad(decode(&automatic, "u,caf\xE9,4"), LFREC_BAD_NOT_UTF8, "UTF-8: 0xE9 at byte 5");
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":4,\"x\":\"\xED\xA0\x80\"}"),
               LFREC_BAD_NOT_UTF8, "UTF-8");
    assert_bad(decode(&automatic, "\xC0\x80,i,4"), LFREC_BAD_NOT_UTF8, "UTF-8: 0xC0 at byte 0");
    assert_event(decode(&automatic, "{\"user\":\"\xC3\xA9\",\"item\":\"\xF4\x8F\xBF\xBF\",\"rating\":4}"), "\xC3\xA9",
                 "\xF4\x8F\xBF\xBF", 4.0f);
}
END_TEST

START_TEST(a_lone_surrogate_is_refused)
{
    assert_bad(decode(&automatic, "{\"user\":\"\\ud800\",\"item\":\"i\",\"rating\":4}"), LFREC_BAD_SYNTAX, "not JSON");
    assert_bad(decode(&automatic, "{\"user\":\"\\udc00x\",\"item\":\"i\",\"rating\":4}"), LFREC_BAD_SYNTAX, "not JSON");
}
END_TEST

START_TEST(a_byte_order_mark_is_no_part_of_an_id)
{
    assert_event(decode(&automatic, "\xEF\xBB\xBFu,i,4"), "u", "i", 4.0f);
    assert_event(decode(&automatic, "\xEF\xBB\xBF{\"user\":\"u\",\"item\":\"i\",\"rating\":4}"), "u", "i", 4.0f);
    assert_bad(decode(&automatic, "\xEF\xBB\xBF"), LFREC_BAD_EMPTY_VALUE, "empty");
}
END_TEST

START_TEST(huge_values_are_refused_with_their_size)
{
    char *value = repeat("{\"user\":\"u\",\"item\":\"i\",\"rating\":4,\"x\":\"", 'x', 1 << 20, "\"}");
    assert_bad(decode(&automatic, value), LFREC_BAD_TOO_LARGE, "at most 65536");
    free(value);
    value = repeat("", 'x', 1 << 20, "");
    assert_bad(decode(&automatic, value), LFREC_BAD_TOO_LARGE, "value has 1048576 bytes");
    free(value);
    value = repeat("{\"user\":\"u\",\"item\":\"i\",\"rating\":4,\"x\":\"", 'x', 60000, "\"}");
    assert_event(decode(&automatic, value), "u", "i", 4.0f);
    free(value);
}
END_TEST

START_TEST(deep_nesting_is_refused_as_such)
{
    static const char openers[] = "[{";
    for (size_t i = 0; i < 2; i++) {
        char *value = repeat("{\"user\":\"u\",\"item\":\"i\",\"rating\":4,\"x\":", openers[i], 30000, "}");
        lfrec_bad bad = decode(&automatic, value);
        if (openers[i] == '[') {
            assert_bad(bad, LFREC_BAD_NESTING, "nested too deeply");
        } else {
            assert_bad(bad, LFREC_BAD_SYNTAX, "not JSON"); /* an object begins with a key */
        }
        free(value);
    }
    char *value = repeat("", '[', 60000, "");
    assert_bad(decode(&automatic, value), LFREC_BAD_NESTING, "nested too deeply");
    free(value);
    assert_event(
        decode(&automatic, "{\"x\":[[[[[[[[[[{\"y\":[[]]}]]]]]]]]]],\"user\":\"u\",\"item\":\"i\",\"rating\":4}"), "u",
        "i", 4.0f);
}
END_TEST

START_TEST(two_events_in_one_value_are_refused_whole)
{
    assert_bad(decode(&automatic,
                      "{\"user\":\"u\",\"item\":\"i\",\"rating\":4}\n{\"user\":\"u\",\"item\":\"j\",\"rating\":4}"),
               LFREC_BAD_TRAILING_DATA, "trailing data");
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":4}x"), LFREC_BAD_TRAILING_DATA, "trailing data");
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":4}}"), LFREC_BAD_TRAILING_DATA, "trailing data");
    assert_bad(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":4}\nu,i,4"), LFREC_BAD_TRAILING_DATA,
               "trailing data");
    assert_bad(decode(&automatic, "u,i,4\nu,j,4"), LFREC_BAD_TRAILING_DATA, "trailing data after the row, at byte 6");
    assert_bad(decode(&automatic, "u,i,4\n\n"), LFREC_BAD_TRAILING_DATA, "trailing data");
}
END_TEST

START_TEST(json_that_is_no_object_is_refused)
{
    assert_bad(decode(&automatic,
                      "[{\"user\":\"u\",\"item\":\"i\",\"rating\":4},{\"user\":\"u\",\"item\":\"j\",\"rating\":4}]"),
               LFREC_BAD_NOT_OBJECT, "a JSON array where one object was expected");
    assert_bad(decode(&json_only, "\"u,i,4\""), LFREC_BAD_NOT_OBJECT, "a JSON string");
    assert_bad(decode(&json_only, "42"), LFREC_BAD_NOT_OBJECT, "a JSON number");
    assert_bad(decode(&json_only, "true"), LFREC_BAD_NOT_OBJECT, "a JSON literal");
}
END_TEST

START_TEST(what_is_neither_json_nor_csv_says_so)
{
    static const char *const values[] = {"{",
                                         "{\"user\"",
                                         "{\"user\":\"u",
                                         "{\"user\":\"u\",}",
                                         "{user:1}",
                                         "{'user':'u'}",
                                         "[1,",
                                         "{\"user\":\"u\"\"item\":1}",
                                         "{\"user\":\"a\nb\",\"item\":\"i\",\"rating\":4}",
                                         "{,}",
                                         "{\"user\":\"\\x\"}",
                                         "{\"user\":tru}",
                                         "{\"user\":\"u\" \"x\"}",
                                         "{\"a\":1,,\"b\":2}"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_bad(decode(&automatic, values[i]), LFREC_BAD_SYNTAX, "not JSON, at byte");
    }
    assert_bad(decode(&automatic, "hello"), LFREC_BAD_SYNTAX, "neither a JSON object nor CSV");
    assert_bad(decode(&json_only, "u,i,4"), LFREC_BAD_SYNTAX, "not JSON");
    assert_bad(decode(&csv_only, "{\"user\":\"u\",\"item\":\"i\",\"rating\":4}"), LFREC_BAD_SYNTAX, "not CSV");
}
END_TEST

START_TEST(every_truncation_of_an_event_is_refused_or_read_but_never_misread)
{
    const char *json = "{\"user\":\"u1\",\"item\":\"i\\u00e9\",\"rating\":4.5,\"ts\":1690000000,\"x\":[{}]}";
    for (size_t length = 0; length < strlen(json); length++) {
        ck_assert_int_ne(decode_bytes(&automatic, json, length), LFREC_BAD_NOTHING);
    }
    const char *csv = "\"u\"\"1\",i,4";
    for (size_t length = 0; length < strlen(csv); length++) {
        lfrec_bad bad = decode_bytes(&automatic, csv, length);
        ck_assert(bad != LFREC_BAD_NOTHING || decoded.event.kind == LFREC_EVENT_RETRACT);
    }
}
END_TEST

/* ---- CSV ---- */

START_TEST(a_csv_row_is_read_with_or_without_time_and_line_end)
{
    static const char *const ends[] = {"", "\n", "\r", "\r\n"};
    for (size_t i = 0; i < 4; i++) {
        char value[64];
        snprintf(value, sizeof value, "u,i,4%s", ends[i]);
        assert_event(decode(&automatic, value), "u", "i", 4.0f);
        ck_assert(!decoded.event.has_timestamp);
        snprintf(value, sizeof value, "u,\"i\",\"4.5\",1690000000%s", ends[i]);
        assert_event(decode(&csv_only, value), "u", "i", 4.5f);
        ck_assert_int_eq(decoded.event.timestamp, 1690000000);
        snprintf(value, sizeof value, "u,i,4,%s", ends[i]);
        assert_event(decode(&automatic, value), "u", "i", 4.0f);
        ck_assert(!decoded.event.has_timestamp);
    }
}
END_TEST

START_TEST(an_empty_csv_rating_retracts)
{
    assert_retraction(decode(&automatic, "u,i,"), "u", "i");
    assert_retraction(decode(&automatic, "u,i,\r\n"), "u", "i");
    assert_retraction(decode(&automatic, "u,i,\"\""), "u", "i");
    assert_retraction(decode(&automatic, "u,i,,1690000000"), "u", "i");
    ck_assert_int_eq(decoded.event.timestamp, 1690000000);
    assert_bad(decode(&automatic, "u,i"), LFREC_BAD_MISSING_FIELD, "rating is missing");
}
END_TEST

START_TEST(csv_ratings_must_be_decimal_numbers)
{
    static const char *const ratings[] = {"nan", "NaN",       "inf", "-inf",  "Infinity", "0x4", "4,",
                                          " 4",  "4 ",        "4..", "4.5.6", "--4",      "1e",  "four",
                                          "4\t", "\"4\"\"\"", "-",   ".",     "4_0",      "1e+", "4f"};
    for (size_t i = 0; i < sizeof ratings / sizeof *ratings; i++) {
        char value[64];
        if (strcmp(ratings[i], "4,") == 0) {
            continue; /* a ts that is empty */
        }
        snprintf(value, sizeof value, "u,i,%s", ratings[i]);
        assert_bad(decode(&automatic, value), LFREC_BAD_NUMBER, "is not a number (byte 4)");
    }
    assert_bad(decode(&automatic, "u,i,\"4,5\""), LFREC_BAD_NUMBER, "rating \"4,5\" is not a number");
    assert_bad(decode(&automatic, "u,i,1e999"), LFREC_BAD_NUMBER, "rating 1e999 is too large");
    assert_bad(decode(&automatic, "userId,movieId,rating,timestamp"), LFREC_BAD_NUMBER, "rating \"rating\" is not a number");
    assert_event(decode(&automatic, "u,i,+4"), "u", "i", 4.0f);
    assert_event(decode(&automatic, "u,i,4."), "u", "i", 4.0f);
    assert_event(decode(&automatic, "u,i,.5"), "u", "i", 0.5f);
    assert_event(decode(&automatic, "u,i,004.50"), "u", "i", 4.5f);
}
END_TEST

START_TEST(broken_csv_quoting_is_refused_with_its_position)
{
    assert_bad(decode(&automatic, "\"u,i,4"), LFREC_BAD_SYNTAX, "the quote at byte 0 is never closed");
    assert_bad(decode(&automatic, "u,\"i\"\",4"), LFREC_BAD_SYNTAX, "the quote at byte 2 is never closed");
    assert_bad(decode(&automatic, "u,\"i\"x,4"), LFREC_BAD_SYNTAX, "behind the closing quote, at byte 5");
    assert_bad(decode(&automatic, "u,5\" pipe,4"), LFREC_BAD_SYNTAX, "a quote within a field without quotes, at byte 3");
    assert_bad(decode(&automatic, "u,i,4,5,6"), LFREC_BAD_SYNTAX, "more than the 4 fields");
    assert_bad(decode(&automatic, "u;i;4"), LFREC_BAD_SYNTAX, "neither a JSON object nor CSV");
}
END_TEST

START_TEST(white_space_belongs_to_csv_ids)
{
    assert_event(decode(&csv_only, " u,i ,4"), " u", "i ", 4.0f);
}
END_TEST

/* ---- the scanner against jansson ---- */

START_TEST(the_scanner_reads_what_producers_write)
{
    static const char *const plain[] = {
        "{\"user\":\"1\",\"item\":\"1193\",\"rating\":5,\"ts\":978300760}",
        "{\"user\": \"\xC3\xA9\", \"item\": \"i\", \"rating\": 4.5}",
        "{\"rating\":null,\"item\":12,\"user\":98765432109876543210}",
        "{\"user\":\"u\",\"item\":\"i\",\"rating\":4.5,\"source\":\"web\",\"ok\":true}"};
    static const char *const odd[] = {"{}",
                                      "[]",
                                      "",
                                      "{\"user\":\"\\n\"}",
                                      "{\"user\":[]}",
                                      "{\"rating\":1e3}",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"user\":\"u\"} x",
                                      "{\"user\":01}",
                                      "{\"user\":-}",
                                      "{\"user\":1.}",
                                      "{\"ts\":123456789012345678901234567890123}",
                                      "{\"a\":nul}",
                                      "{\"a\":true,}"};
    lfrec_fields fields;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        ck_assert_msg(lfrec_json_scan(plain[i], strlen(plain[i]), &fields), "%s", plain[i]);
    }
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        ck_assert_msg(!lfrec_json_scan(odd[i], strlen(odd[i]), &fields), "%s", odd[i]);
    }
}
END_TEST

START_TEST(scanner_and_jansson_agree_on_mangled_events)
{
    static const char alphabet[] = "{}[]\",:\\0123456789.-+eEunltrf \t\n\xC3\xA9";
    static const char model[] = "{\"user\":\"u1\",\"item\":\"i9\",\"rating\":4.5,\"ts\":1690000000,\"x\":true}";
    uint32_t random = 1;
    int scanned = 0;
    for (int round = 0; round < 200000; round++) {
        char value[sizeof model];
        memcpy(value, model, sizeof model);
        for (int change = 0; change < 1 + round % 3; change++) {
            random = random * 1664525u + 1013904223u;
            value[(random >> 8) % (sizeof model - 1)] = alphabet[(random >> 16) % (sizeof alphabet - 1)];
        }
        size_t length = sizeof model - 1 - (random >> 28) % 3;
        lfrec_fields fast, sure;
        char user[LFREC_ID_MAX], item[LFREC_ID_MAX];
        if (lfrec_utf8_valid_prefix(value, length) != length || !lfrec_json_scan(value, length, &fast)) {
            continue;
        }
        scanned++;
        ck_assert_msg(lfrec_json_read(value, length, &sure, user, item, text) == LFREC_BAD_NOTHING, "%.*s: %s",
                      (int)length, value, text);
        for (int i = 0; i < LFREC_FIELD_COUNT; i++) {
            ck_assert_int_eq(fast.of[i].kind, sure.of[i].kind);
            ck_assert_uint_eq(fast.of[i].at, sure.of[i].at);
            if (i < LFREC_FIELD_RATING || fast.of[i].kind == LFREC_FIELD_NUMBER) {
                if (fast.of[i].kind == LFREC_FIELD_STRING || fast.of[i].kind == LFREC_FIELD_NUMBER) {
                    ck_assert_uint_eq(fast.of[i].length, sure.of[i].length);
                    ck_assert_mem_eq(fast.of[i].bytes, sure.of[i].bytes, fast.of[i].length);
                }
            }
        }
    }
    ck_assert_int_gt(scanned, 10000);
}
END_TEST

START_TEST(reason_names_are_stable_and_unique)
{
    for (int i = 0; i < LFREC_BAD_COUNT; i++) {
        const char *name = lfrec_bad_name((lfrec_bad)i);
        ck_assert_ptr_nonnull(name);
        ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789"), strlen(name));
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(name, lfrec_bad_name((lfrec_bad)j));
        }
    }
    ck_assert_str_eq(lfrec_bad_name(LFREC_BAD_OFF_SCALE), "off_scale");
    ck_assert_str_eq(lfrec_bad_name((lfrec_bad)99), "unknown");
}
END_TEST

/* ---- encoding ---- */

static lfrec_id id_of(const char *bytes)
{
    return (lfrec_id){bytes, strlen(bytes)};
}

static json_t *parse(const lfrec_buffer *buffer)
{
    json_error_t error;
    json_t *root = json_loadb(buffer->bytes, buffer->length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    ck_assert_msg(root != NULL, "%s in %.*s", error.text, (int)buffer->length, buffer->bytes);
    return root;
}

static void assert_text(const lfrec_buffer *buffer, const char *expected)
{
    ck_assert_msg(buffer->length == strlen(expected) && memcmp(buffer->bytes, expected, buffer->length) == 0, "%.*s",
                  (int)buffer->length, buffer->bytes);
}

START_TEST(a_recommendation_is_one_line_of_json)
{
    lfrec_reason_out reasons[] = {{id_of("i2"), 5.0f, 0.31f}, {id_of("i3"), 3.5f, -0.125f}};
    lfrec_recommended items[] = {
        {id_of("i9"), 3.87f, reasons, 2}, {id_of("i4"), 3.0f, NULL, 0}, {id_of("i5"), 2.71828f, reasons, 0}};
    lfrec_recommendation list = {.user = id_of("u1"), .model_version = 3, .rated = 12, .items = items, .count = 3};
    lfrec_buffer buffer = {0};
    ck_assert_int_eq(lfrec_encode_recommendation(&list, &buffer), LFREC_ENCODED);
    assert_text(&buffer,
                "{\"user\":\"u1\",\"model\":3,\"rated\":12,\"items\":[{\"item\":\"i9\",\"score\":3.87,\"reasons\":["
                "{\"item\":\"i2\",\"rating\":5,\"share\":0.31},{\"item\":\"i3\",\"rating\":3.5,\"share\":-0.125}]},"
                "{\"item\":\"i4\",\"score\":3},{\"item\":\"i5\",\"score\":2.718,\"reasons\":[]}]}");
    json_decref(parse(&buffer));
    lfrec_buffer_free(&buffer);
}
END_TEST

START_TEST(an_empty_list_and_the_largest_numbers_are_written)
{
    lfrec_recommendation list = {.user = id_of("u"), .model_version = UINT64_MAX, .rated = SIZE_MAX};
    lfrec_buffer buffer = {0};
    ck_assert_int_eq(lfrec_encode_recommendation(&list, &buffer), LFREC_ENCODED);
    char expected[200];
    snprintf(expected, sizeof expected, "{\"user\":\"u\",\"model\":18446744073709551615,\"rated\":%zu,\"items\":[]}",
             SIZE_MAX);
    assert_text(&buffer, expected);
    lfrec_buffer_free(&buffer);
}
END_TEST

START_TEST(a_forgotten_user_is_a_null_value)
{
    lfrec_recommendation list = {.user = id_of("u"), .forgotten = true};
    lfrec_event event = {.kind = LFREC_EVENT_FORGET, .user = id_of("u")};
    lfrec_buffer buffer = {0};
    ck_assert_int_eq(lfrec_encode_recommendation(&list, &buffer), LFREC_ENCODED_NULL);
    ck_assert_int_eq(lfrec_encode_event(&event, &buffer), LFREC_ENCODED_NULL);
    ck_assert_uint_eq(buffer.length, 0);
    lfrec_buffer_free(&buffer);
}
END_TEST

START_TEST(every_byte_an_id_may_have_comes_back)
{
    char all[128 + 8];
    size_t length = 0;
    for (int c = 1; c < 128; c++) {
        all[length++] = (char)c;
    }
    memcpy(all + length, "\xC3\xA9\xF0\x9F\x98\x80", 6);
    length += 6;
    lfrec_recommended item = {{all, length}, 1.0f, NULL, 0};
    lfrec_recommendation list = {.user = {all, length}, .items = &item, .count = 1};
    lfrec_buffer buffer = {0};
    ck_assert_int_eq(lfrec_encode_recommendation(&list, &buffer), LFREC_ENCODED);
    ck_assert_ptr_null(memchr(buffer.bytes, '\n', buffer.length));
    json_t *root = parse(&buffer);
    json_t *user = json_object_get(root, "user");
    ck_assert_uint_eq(json_string_length(user), length);
    ck_assert_mem_eq(json_string_value(user), all, length);
    json_decref(root);

    lfrec_event event = {.kind = LFREC_EVENT_RATE, .user = {all, length}, .item = id_of("\"\\\n"), .rating = 2.5f};
    buffer.length = 0;
    ck_assert_int_eq(lfrec_encode_event(&event, &buffer), LFREC_ENCODED);
    ck_assert_int_eq(decode_bytes(&json_only, buffer.bytes, buffer.length), LFREC_BAD_NOTHING);
    assert_id(decoded.event.user, all, length);
    assert_id(decoded.event.item, "\"\\\n", 3);
    lfrec_buffer_free(&buffer);
}
END_TEST

START_TEST(an_encoded_event_is_decoded_to_the_same)
{
    static const float ratings[] = {0.5f, 4.5f, 3.3f, 1.0f / 3.0f, 4.9999995f, 5.0f};
    static const int64_t times[] = {0, -1, 1690000000, INT64_MAX, -INT64_MAX};
    lfrec_codec wide = {LFREC_FORMAT_AUTO, -FLT_MAX, FLT_MAX};
    lfrec_buffer buffer = {0};
    for (size_t i = 0; i < sizeof ratings / sizeof *ratings; i++) {
        for (size_t j = 0; j < sizeof times / sizeof *times; j++) {
            lfrec_event event = {LFREC_EVENT_RATE, id_of("u"), id_of("i"), ratings[i], true, times[j]};
            buffer.length = 0;
            ck_assert_int_eq(lfrec_encode_event(&event, &buffer), LFREC_ENCODED);
            assert_event(decode_bytes(&wide, buffer.bytes, buffer.length), "u", "i", ratings[i]);
            ck_assert_int_eq(decoded.event.timestamp, times[j]);
        }
    }
    lfrec_event retraction = {.kind = LFREC_EVENT_RETRACT, .user = id_of("u"), .item = id_of("i")};
    buffer.length = 0;
    ck_assert_int_eq(lfrec_encode_event(&retraction, &buffer), LFREC_ENCODED);
    assert_text(&buffer, "{\"user\":\"u\",\"item\":\"i\",\"rating\":null}");
    assert_retraction(decode_bytes(&wide, buffer.bytes, buffer.length), "u", "i");
    lfrec_buffer_free(&buffer);
}
END_TEST

START_TEST(nan_and_infinity_are_never_written)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    lfrec_buffer buffer = {0};
    ck_assert(lfrec_buffer_reserve(&buffer, 3));
    memcpy(buffer.bytes, "abc", 3);
    buffer.length = 3;
    for (size_t i = 0; i < 3; i++) {
        lfrec_reason_out reason = {id_of("j"), 4.0f, bad[i]};
        lfrec_recommended items[] = {{id_of("i"), bad[i], NULL, 0}, {id_of("i"), 4.0f, &reason, 1}};
        for (size_t k = 0; k < 2; k++) {
            lfrec_recommendation list = {.user = id_of("u"), .items = &items[k], .count = 1};
            ck_assert_int_eq(lfrec_encode_recommendation(&list, &buffer), LFREC_ENCODE_NOT_FINITE);
        }
        lfrec_event event = {.kind = LFREC_EVENT_RATE, .user = id_of("u"), .item = id_of("i"), .rating = bad[i]};
        ck_assert_int_eq(lfrec_encode_event(&event, &buffer), LFREC_ENCODE_NOT_FINITE);
    }
    assert_text(&buffer, "abc");
    lfrec_buffer_free(&buffer);
}
END_TEST

START_TEST(ids_that_are_not_utf8_or_empty_are_not_encoded)
{
    lfrec_recommended item = {id_of("caf\xE9"), 1.0f, NULL, 0};
    lfrec_recommendation list = {.user = id_of("u"), .items = &item, .count = 1};
    lfrec_event event = {.kind = LFREC_EVENT_RATE, .user = id_of("u"), .item = id_of(""), .rating = 1.0f};
    lfrec_buffer buffer = {0};
    ck_assert_int_eq(lfrec_encode_recommendation(&list, &buffer), LFREC_ENCODE_BAD_ID);
    ck_assert_int_eq(lfrec_encode_event(&event, &buffer), LFREC_ENCODE_BAD_ID);
    ck_assert_uint_eq(buffer.length, 0);
    lfrec_buffer_free(&buffer);
}
END_TEST

/* ---- locale ---- */

/* A locale whose decimal point is a comma: one that is there, else one made by localedef in a folder of its own. */
static bool use_comma_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8", "sv_SE.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (setlocale(LC_ALL, names[i]) && *localeconv()->decimal_point == ',') {
            return true;
        }
    }
    char folder[] = "/tmp/lfrec-locale-XXXXXX", command[500];
    if (!mkdtemp(folder)) {
        return false;
    }
    snprintf(command, sizeof command,
             "cd %s && printf 'LC_NUMERIC\\ndecimal_point \",\"\\nthousands_sep \".\"\\ngrouping 3;3\\nEND "
             "LC_NUMERIC\\n' >source && "
             "localedef -c -i source ./xx_XX >log 2>&1; test -f xx_XX/LC_NUMERIC",
             folder);
    bool made = system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 && setlocale(LC_NUMERIC, "xx_XX");
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 && made && *localeconv()->decimal_point == ',';
}

START_TEST(a_comma_locale_changes_nothing)
{
    if (!use_comma_locale()) {
        fputs("a_comma_locale_changes_nothing: no such locale here and no localedef, nothing checked\n", stderr);
        return;
    }
    ck_assert_double_eq(strtod("4,5", NULL), 4.5); /* the locale is in force */
    assert_event(decode(&automatic, "{\"user\":\"u\",\"item\":\"i\",\"rating\":4.5}"), "u", "i", 4.5f);
    assert_event(decode(&automatic, "{\"user\":\"u\\n\",\"item\":\"i\",\"rating\":4.5,\"x\":1.5}"), "u\n", "i", 4.5f);
    assert_event(decode(&automatic, "u,i,4.5"), "u", "i", 4.5f);
    assert_bad(decode(&automatic, "u,i,\"4,5\""), LFREC_BAD_NUMBER, "is not a number");
    assert_bad(decode(&automatic, "u,i,5.5"), LFREC_BAD_OFF_SCALE, "rating 5.5 is not within the scale 0.5 to 5");
    lfrec_recommended item = {id_of("i"), 3.87f, NULL, 0};
    lfrec_recommendation list = {.user = id_of("u"), .items = &item, .count = 1};
    lfrec_buffer buffer = {0};
    ck_assert_int_eq(lfrec_encode_recommendation(&list, &buffer), LFREC_ENCODED);
    assert_text(&buffer, "{\"user\":\"u\",\"model\":0,\"rated\":0,\"items\":[{\"item\":\"i\",\"score\":3.87}]}");
    lfrec_buffer_free(&buffer);
}
END_TEST

#define ADD(name) tcase_add_test(tests, name)

static Suite *codec_suite(void)
{
    Suite *suite = suite_create("codec");
    TCase *tests = tcase_create("json");
    ADD(a_plain_json_event_is_read);
    ADD(json_fields_may_stand_in_any_order_and_with_white_space);
    ADD(unknown_json_fields_are_ignored);
    ADD(escapes_in_ids_are_undone);
    ADD(integers_as_ids_are_kept_digit_by_digit);
    ADD(other_numbers_as_ids_are_refused);
    ADD(ids_of_other_types_are_refused);
    ADD(a_missing_json_field_is_named);
    ADD(a_null_rating_retracts);
    ADD(a_rating_must_be_a_number_on_the_scale);
    ADD(the_ends_of_any_scale_are_on_it);
    ADD(a_timestamp_is_any_number_or_absent);
    ADD(duplicate_keys_are_refused);
    ADD(empty_ids_are_refused_by_name);
    ADD(ids_may_have_up_to_the_longest_length);
    ADD(a_nul_in_an_id_is_refused);
    ADD(a_nul_byte_anywhere_in_json_is_refused);
    ADD(ids_with_quotes_commas_and_newlines_are_ids);
    ADD(leading_zeros_make_another_id);
    suite_add_tcase(suite, tests);

    tests = tcase_create("no event");
    ADD(an_empty_value_the_text_null_and_a_null_value_are_three_things);
    ADD(a_tombstone_needs_a_good_key);
    ADD(the_user_in_the_value_decides_and_not_the_key);
    ADD(schema_registry_framing_is_named_with_its_id);
    ADD(what_is_not_utf8_is_refused_with_byte_and_position);
    ADD(a_lone_surrogate_is_refused);
    ADD(a_byte_order_mark_is_no_part_of_an_id);
    ADD(huge_values_are_refused_with_their_size);
    ADD(deep_nesting_is_refused_as_such);
    ADD(two_events_in_one_value_are_refused_whole);
    ADD(json_that_is_no_object_is_refused);
    ADD(what_is_neither_json_nor_csv_says_so);
    ADD(every_truncation_of_an_event_is_refused_or_read_but_never_misread);
    suite_add_tcase(suite, tests);

    tests = tcase_create("csv");
    ADD(a_csv_row_is_read_with_or_without_time_and_line_end);
    ADD(an_empty_csv_rating_retracts);
    ADD(csv_ratings_must_be_decimal_numbers);
    ADD(broken_csv_quoting_is_refused_with_its_position);
    ADD(white_space_belongs_to_csv_ids);
    suite_add_tcase(suite, tests);

    tests = tcase_create("scanner");
    ADD(the_scanner_reads_what_producers_write);
    ADD(scanner_and_jansson_agree_on_mangled_events);
    ADD(reason_names_are_stable_and_unique);
    suite_add_tcase(suite, tests);

    tests = tcase_create("encoding");
    ADD(a_recommendation_is_one_line_of_json);
    ADD(an_empty_list_and_the_largest_numbers_are_written);
    ADD(a_forgotten_user_is_a_null_value);
    ADD(every_byte_an_id_may_have_comes_back);
    ADD(an_encoded_event_is_decoded_to_the_same);
    ADD(nan_and_infinity_are_never_written);
    ADD(ids_that_are_not_utf8_or_empty_are_not_encoded);
    ADD(a_comma_locale_changes_nothing);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return run_suite(codec_suite());
}
