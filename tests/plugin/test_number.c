/* test_number.c - decimal numbers and UTF-8, against strtod and against the definition. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/number.h"
#include "../../plugin/utf8.h"
#include "suite.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void) /* xorshift64 */
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static double read_text(const char *text)
{
    lfrec_number number;
    ck_assert_msg(lfrec_number_read(text, strlen(text), &number) == LFREC_NUMBER_READ, "%s", text);
    return number.value;
}

START_TEST(short_decimals_are_exactly_what_strtod_says)
{
    for (int round = 0; round < 100000; round++) {
        char text[64];
        uint64_t digits = next_random() % UINT64_C(1000000000000000) >> next_random() % 50; /* up to 15 digits */
        int places = (int)(next_random() % 16);
        double scale = pow(10.0, places);
        snprintf(text, sizeof text, "%s%.*f", round % 2 ? "-" : "", places, (double)digits / scale);
        if (strlen(text) > 17) {
            continue;
        }
        ck_assert_msg(read_text(text) == strtod(text, NULL), "%s", text);
    }
}
END_TEST

START_TEST(every_rating_with_three_decimals_is_the_nearest_float)
{
    for (int thousandths = 0; thousandths <= 200000; thousandths++) {
        char text[32];
        snprintf(text, sizeof text, "%d.%03d", thousandths / 1000, thousandths % 1000);
        ck_assert((float)read_text(text) == strtof(text, NULL));
    }
}
END_TEST

START_TEST(long_and_extreme_numbers_are_within_a_few_units_in_the_last_place)
{
    for (int round = 0; round < 100000; round++) {
        char text[64];
        int exponent = (int)(next_random() % 600) - 300;
        snprintf(text, sizeof text, "%llu.%llue%d", (unsigned long long)next_random() % 10,
                 (unsigned long long)next_random(), exponent);
        double expected = strtod(text, NULL), got = read_text(text);
        ck_assert_msg(fabs(got - expected) <= fabs(expected) * 8 * DBL_EPSILON, "%s: %.17g, not %.17g", text, got, expected);
    }
    ck_assert_double_eq(read_text("0e999999999"), 0.0);
    ck_assert_double_eq(read_text("-0"), 0.0);
    ck_assert_double_eq(read_text("1e-400"), 0.0);
    ck_assert_double_eq(read_text("1e-999999999999999999999"), 0.0);
    ck_assert_double_eq_tol(read_text("5e-324"), 5e-324, 5e-324);
    ck_assert_double_eq_tol(read_text("1.7976931348623e308") / 1.7976931348623e308, 1.0, 1e-14);
    static char zeros[1000];
    memset(zeros, '0', 900);
    zeros[1] = '.';
    strcpy(zeros + 900, "5e899"); /* 0.000...5, 899 places down and up again */
    ck_assert_double_eq_tol(read_text(zeros), 5.0, 1e-14);
}
END_TEST

START_TEST(numbers_beyond_a_double_are_too_large)
{
    static const char *const texts[] = {"1e309", "-1e309", "1e999999999999999999999", "18e307"};
    lfrec_number number;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert_int_eq(lfrec_number_read(texts[i], strlen(texts[i]), &number), LFREC_NUMBER_TOO_LARGE);
    }
    char nines[400];
    memset(nines, '9', sizeof nines);
    ck_assert_int_eq(lfrec_number_read(nines, sizeof nines, &number), LFREC_NUMBER_TOO_LARGE);
}
END_TEST

START_TEST(whatever_is_not_all_number_is_malformed)
{
    static const char *const texts[] = {"",     "-",    "+",     ".",   "-.",  "e5",      "1e",       "1e+",  "1e-",
                                        " 1",   "1 ",   "1.2.3", "1,5", "0x1", "nan",     "inf",      "-inf", "NaN",
                                        "1e5.", "1e5e", "--1",   "+-1", "1f",  "1_0",     "\xD9\xA1", "1\n",  "1-",
                                        "1e5 ", "..1",  "1..",   "++1", "-e1", "infinity"};
    lfrec_number number;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert_msg(lfrec_number_read(texts[i], strlen(texts[i]), &number) == LFREC_NUMBER_MALFORMED, "'%s'", texts[i]);
    }
    ck_assert_int_eq(lfrec_number_read("1\0", 2, &number), LFREC_NUMBER_MALFORMED);
}
END_TEST

START_TEST(only_plain_integers_that_fit_are_integers)
{
    lfrec_number number;
    static const struct {
        const char *text;
        bool is_integer;
        int64_t integer;
    } cases[] = {{"0", true, 0},
                 {"-7", true, -7},
                 {"+7", true, 7},
                 {"00012", true, 12},
                 {"9223372036854775807", true, INT64_MAX},
                 {"-9223372036854775807", true, -INT64_MAX},
                 {"9223372036854775808", false, 0},
                 {"99999999999999999999", false, 0},
                 {"10000000000000000000000", false, 0},
                 {"7.0", false, 0},
                 {"7e0", false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(lfrec_number_read(cases[i].text, strlen(cases[i].text), &number), LFREC_NUMBER_READ);
        ck_assert_msg(number.is_integer == cases[i].is_integer, "%s", cases[i].text);
        ck_assert_int_eq(number.integer, cases[i].integer);
    }
}
END_TEST

static const char *written(double value, int digits)
{
    static char out[LFREC_NUMBER_TEXT_MAX + 1];
    out[lfrec_number_write(value, digits, out)] = '\0';
    return out;
}

static const char *written_float(float value)
{
    static char out[LFREC_NUMBER_TEXT_MAX + 1];
    out[lfrec_number_write_float(value, out)] = '\0';
    return out;
}

START_TEST(rounded_numbers_are_short_and_have_no_zeros_at_the_end)
{
    ck_assert_str_eq(written(0.0, 4), "0");
    ck_assert_str_eq(written(-0.0, 4), "0");
    ck_assert_str_eq(written(4.0, 4), "4");
    ck_assert_str_eq(written(10.0, 4), "10");
    ck_assert_str_eq(written(3.87, 4), "3.87");
    ck_assert_str_eq(written(3.14159, 4), "3.142");
    ck_assert_str_eq(written(-0.31, 4), "-0.31");
    ck_assert_str_eq(written(9.99951, 4), "10");
    ck_assert_str_eq(written(99999.0, 4), "100000");
    ck_assert_str_eq(written(123456.0, 4), "123500");
    ck_assert_str_eq(written(0.00012345, 4), "0.0001235");
    ck_assert_str_eq(written(0.00001, 4), "0.00001");
    ck_assert_str_eq(written(0.000001, 4), "1e-6");
    ck_assert_str_eq(written(1.5e15, 4), "1.5e15");
    ck_assert_str_eq(written(-1.2345e-30, 4), "-1.235e-30");
    ck_assert_str_eq(written(1.0, 1), "1");
    ck_assert_str_eq(written(0.96, 1), "1");
    ck_assert_str_eq(written(DBL_MAX, 4), "1.798e308");
    ck_assert_str_eq(written(DBL_MIN, 9), "2.22507386e-308");
}
END_TEST

START_TEST(floats_are_written_shortest)
{
    ck_assert_str_eq(written_float(5.0f), "5");
    ck_assert_str_eq(written_float(4.5f), "4.5");
    ck_assert_str_eq(written_float(3.3f), "3.3");
    ck_assert_str_eq(written_float(0.1f), "0.1");
    ck_assert_str_eq(written_float(16777216.0f), "16777216");
    ck_assert_str_eq(written_float(FLT_MAX), "3.4028235e38");
    ck_assert_str_eq(written_float(-FLT_MIN), "-1.1754944e-38");
}
END_TEST

START_TEST(any_float_reads_back_the_same)
{
    for (int round = 0; round < 100000; round++) {
        uint32_t bits = (uint32_t)next_random();
        float value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) {
            continue;
        }
        const char *text = written_float(value);
        ck_assert_msg(strtof(text, NULL) == value && (float)read_text(text) == value, "%s for %.9g", text, (double)value);
        ck_assert_uint_lt(strlen(text), LFREC_NUMBER_TEXT_MAX);
    }
}
END_TEST

START_TEST(rounding_agrees_with_printf)
{
    for (int round = 0; round < 100000; round++) {
        double value = (double)((int64_t)next_random() >> (next_random() % 40)) / 1e12;
        int digits = 1 + round % 9;
        char expected[64];
        snprintf(expected, sizeof expected, "%.*e", digits - 1, value);
        double want = strtod(expected, NULL), got = read_text(written(value, digits));
        ck_assert_msg(fabs(want - got) <= fabs(want) * 1e-15 ||
                          fabs(fabs(want - value) - fabs(got - value)) <= fabs(value) * 1e-14,
                      "%.17g to %d: %s", value, digits, written(value, digits));
    }
}
END_TEST

START_TEST(doubles_that_round_to_a_float_become_it_and_no_others)
{
    float out = 7.0f;
    ck_assert(lfrec_number_as_float(3.4028235e38, &out) && out == FLT_MAX);
    ck_assert(lfrec_number_as_float(-3.40282347e38, &out) && out == -FLT_MAX);
    ck_assert(lfrec_number_as_float(3.40282356e38, &out) && out == FLT_MAX);
    out = 7.0f;
    ck_assert(!lfrec_number_as_float(3.40282358e38, &out));
    ck_assert(!lfrec_number_as_float(-1e300, &out));
    ck_assert(out == 7.0f);
}
END_TEST

START_TEST(unsigned_integers_are_written)
{
    char out[LFREC_NUMBER_TEXT_MAX + 1];
    out[lfrec_number_write_unsigned(0, out)] = '\0';
    ck_assert_str_eq(out, "0");
    out[lfrec_number_write_unsigned(UINT64_MAX, out)] = '\0';
    ck_assert_str_eq(out, "18446744073709551615");
}
END_TEST

/* The bytes of any code point, surrogates and overlong forms included. */
static size_t put_code_point(uint32_t c, size_t length, char *out)
{
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (char)(length == 1 ? c : lead[length] | c);
    return length;
}

START_TEST(exactly_the_unicode_scalar_values_in_shortest_form_are_utf8)
{
    char bytes[4];
    for (uint32_t c = 0; c < 0x1FFFFF; c += c < 0x11000 ? 1 : 97) {
        size_t shortest = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        bool scalar = c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF);
        for (size_t length = shortest; length <= 4; length++) {
            bool good = scalar && length == shortest;
            put_code_point(c, length, bytes);
            ck_assert_msg((lfrec_utf8_valid_prefix(bytes, length) == length) == good, "U+%X in %zu bytes", c, length);
            if (good) {
                for (size_t cut = 1; cut < length; cut++) {
                    ck_assert_uint_eq(lfrec_utf8_valid_prefix(bytes, cut), 0);
                }
            }
        }
    }
}
END_TEST

START_TEST(the_position_of_the_first_bad_byte_is_found_at_any_distance)
{
    char bytes[64];
    for (size_t length = 1; length <= sizeof bytes; length++) {
        for (size_t bad = 0; bad < length; bad++) {
            memset(bytes, 'a', sizeof bytes);
            bytes[bad] = '\xFF';
            ck_assert_uint_eq(lfrec_utf8_valid_prefix(bytes, length), bad);
        }
        memset(bytes, 'a', sizeof bytes);
        ck_assert_uint_eq(lfrec_utf8_valid_prefix(bytes, length), length);
    }
    ck_assert_uint_eq(lfrec_utf8_valid_prefix("", 0), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("numbers and UTF-8");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, short_decimals_are_exactly_what_strtod_says);
    tcase_add_test(tests, every_rating_with_three_decimals_is_the_nearest_float);
    tcase_add_test(tests, long_and_extreme_numbers_are_within_a_few_units_in_the_last_place);
    tcase_add_test(tests, numbers_beyond_a_double_are_too_large);
    tcase_add_test(tests, whatever_is_not_all_number_is_malformed);
    tcase_add_test(tests, only_plain_integers_that_fit_are_integers);
    tcase_add_test(tests, rounded_numbers_are_short_and_have_no_zeros_at_the_end);
    tcase_add_test(tests, floats_are_written_shortest);
    tcase_add_test(tests, any_float_reads_back_the_same);
    tcase_add_test(tests, rounding_agrees_with_printf);
    tcase_add_test(tests, doubles_that_round_to_a_float_become_it_and_no_others);
    tcase_add_test(tests, unsigned_integers_are_written);
    tcase_add_test(tests, exactly_the_unicode_scalar_values_in_shortest_form_are_utf8);
    tcase_add_test(tests, the_position_of_the_first_bad_byte_is_found_at_any_distance);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
