/* test_lines.c - rows out of a stream of bytes, however the stream is cut into pieces. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/codec.h"
#include "../../plugin/lines.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All rows as text: "LINE:ROW|" each, "LINE!BEGINNING|" for one that is too long. */
static const char *rows_of(const char *input, size_t length, lfrec_format format, size_t max_row, size_t piece)
{
    static char all[4096];
    size_t used = 0, given = 0;
    lfrec_lines lines;
    ck_assert(lfrec_lines_open(&lines, format, max_row));
    for (;;) {
        lfrec_row row;
        lfrec_lines_result result = lfrec_lines_next(&lines, &row);
        if (result == LFREC_LINES_END) {
            break;
        }
        if (result == LFREC_LINES_MORE) {
            size_t room;
            char *space = lfrec_lines_space(&lines, &room);
            ck_assert_uint_gt(room, 0);
            size_t more = length - given < piece ? length - given : piece;
            more = more < room ? more : room;
            if (more == 0) {
                lfrec_lines_finish(&lines);
            } else {
                memcpy(space, input + given, more);
                lfrec_lines_added(&lines, more);
                given += more;
            }
            continue;
        }
        ck_assert_uint_le(row.length, max_row);
        ck_assert_uint_lt(used + row.length + 32, sizeof all);
        used += (size_t)snprintf(all + used, sizeof all - used, "%llu%c", (unsigned long long)row.line,
                                 result == LFREC_LINES_ROW ? ':' : '!');
        memcpy(all + used, row.bytes, row.length);
        used += row.length;
        all[used++] = '|';
    }
    lfrec_lines_close(&lines);
    all[used] = '\0';
    return all;
}

static void assert_rows(lfrec_format format, size_t max_row, const char *input, const char *expected)
{
    size_t length = strlen(input);
    for (size_t piece = 1; piece <= length + 1; piece++) {
        const char *rows = rows_of(input, length, format, max_row, piece);
        ck_assert_msg(strcmp(rows, expected) == 0, "in pieces of %zu: %s", piece, rows);
    }
}

START_TEST(cr_lf_and_crlf_all_end_a_row)
{
    for (int format = LFREC_FORMAT_AUTO; format <= LFREC_FORMAT_CSV; format++) {
        assert_rows((lfrec_format)format, 100, "a,b\nc\rd\r\ne", "1:a,b|2:c|3:d|4:e|");
        assert_rows((lfrec_format)format, 100, "a\n\n\r\r\n\nb\r\n", "1:a|6:b|");
        assert_rows((lfrec_format)format, 100, "a\n\rb", "1:a|3:b|");
    }
}
END_TEST

START_TEST(an_input_without_rows_gives_none)
{
    assert_rows(LFREC_FORMAT_AUTO, 100, "", "");
    assert_rows(LFREC_FORMAT_AUTO, 100, "\n", "");
    assert_rows(LFREC_FORMAT_AUTO, 100, "\xEF\xBB\xBF", "");
    assert_rows(LFREC_FORMAT_AUTO, 100, "\xEF\xBB\xBF\r\n", "");
}
END_TEST

START_TEST(a_byte_order_mark_is_passed_over_at_the_start_only)
{
    assert_rows(LFREC_FORMAT_CSV, 100, "\xEF\xBB\xBF\"a\nb\",c\n\xEF\xBB\xBFz", "1:\"a\nb\",c|3:\xEF\xBB\xBFz|");
    assert_rows(LFREC_FORMAT_AUTO, 100, "\xEF\xBB", "1:\xEF\xBB|");
}
END_TEST

START_TEST(line_ends_within_csv_quotes_belong_to_the_row)
{
    assert_rows(LFREC_FORMAT_CSV, 100, "u,\"a\nb\",4\nv,i,3", "1:u,\"a\nb\",4|3:v,i,3|");
    assert_rows(LFREC_FORMAT_AUTO, 100, "\"a\r\nb\rc\",i\r\nv", "1:\"a\r\nb\rc\",i|4:v|");
    assert_rows(LFREC_FORMAT_CSV, 100, "\"a\"\"\n\"\"b\",i\nv", "1:\"a\"\"\n\"\"b\",i|3:v|");
    assert_rows(LFREC_FORMAT_CSV, 100, "\"\"\"012345678X\"\"\",0\rv", "1:\"\"\"012345678X\"\"\",0|2:v|");
}
END_TEST

START_TEST(a_quote_within_a_field_opens_nothing)
{
    assert_rows(LFREC_FORMAT_CSV, 100, "5\" pipe,i,4\nv,i,3", "1:5\" pipe,i,4|2:v,i,3|");
    assert_rows(LFREC_FORMAT_AUTO, 100, " \"a\nb", "1: \"a|2:b|");
}
END_TEST

START_TEST(quotes_mean_nothing_in_json_rows)
{
    assert_rows(LFREC_FORMAT_JSON, 100, "\"a\nb", "1:\"a|2:b|");
    assert_rows(LFREC_FORMAT_AUTO, 100, "{\"user\n \t{\"a\",\"\n[\"\n\"a\nb\"", "1:{\"user|2: \t{\"a\",\"|3:[\"|4:\"a\nb\"|");
}
END_TEST

START_TEST(a_stray_quote_costs_one_row_and_not_the_file)
{
    assert_rows(LFREC_FORMAT_CSV, 100, "\"u,i,4\nv,i,3\nw,i,2\n", "1:\"u,i,4|2:v,i,3|3:w,i,2|");
    assert_rows(LFREC_FORMAT_CSV, 100, "\"u,i,4\r\nv,i,3\rw,i,2", "1:\"u,i,4|2:v,i,3|3:w,i,2|");
    assert_rows(LFREC_FORMAT_CSV, 12, "\"u,i,4\nv,i,3\nw,i,2\nx,i,1\n", "1:\"u,i,4|2:v,i,3|3:w,i,2|4:x,i,1|");
    assert_rows(LFREC_FORMAT_CSV, 12, "\"u,i,4\r\n\r\nv,i,3\nw,i,2\n", "1:\"u,i,4|3:v,i,3|4:w,i,2|");
}
END_TEST

START_TEST(rows_that_are_too_long_are_reported_and_skipped)
{
    assert_rows(LFREC_FORMAT_CSV, 5, "abcde\nabcdef\nx\n", "1:abcde|2!abcde|3:x|");
    assert_rows(LFREC_FORMAT_CSV, 5, "abcdefghijklmnopqrstuvwxyz\r\nabcde\r\nabcdefg", "1!abcde|2:abcde|3!abcde|");
    assert_rows(LFREC_FORMAT_CSV, 5, "\"abcdefghijkl\"\nx\n", "1!\"abcd|2:x|");
    assert_rows(LFREC_FORMAT_JSON, 1, "a\nbb\nc", "1:a|2!b|3:c|");
}
END_TEST

START_TEST(memory_is_bounded_by_the_longest_row)
{
    lfrec_lines lines;
    ck_assert(lfrec_lines_open(&lines, LFREC_FORMAT_AUTO, 1000));
    size_t capacity = lines.capacity, given = 0, rows = 0, long_rows = 0;
    for (bool finished = false;;) {
        lfrec_row row;
        lfrec_lines_result result = lfrec_lines_next(&lines, &row);
        if (result == LFREC_LINES_END) {
            break;
        }
        rows += result == LFREC_LINES_ROW;
        long_rows += result == LFREC_LINES_TOO_LONG;
        if (result == LFREC_LINES_MORE) {
            ck_assert(!finished);
            size_t room;
            char *space = lfrec_lines_space(&lines, &room);
            for (size_t i = 0; i < room; i++, given++) { /* rows of 10, and every millionth byte a row of 500,000 */
                space[i] = given % 1000000 < 500000 ? 'x' : given % 10 == 0 ? '\r' : ',';
            }
            lfrec_lines_added(&lines, room);
            if (given > 20000000) {
                finished = true;
                lfrec_lines_finish(&lines);
            }
        }
    }
    ck_assert_uint_eq(lines.capacity, capacity);
    ck_assert_uint_ge(long_rows, 20);
    ck_assert_uint_ge(rows, 19 * 49999);
    lfrec_lines_close(&lines);
}
END_TEST

START_TEST(a_book_crossing_file_is_read_as_people_have_it)
{
    static const char file[] =
        "900001,\"\"\"012345678X\"\"\",0\r900002,123456789,5\r900003,\"\"\"0123456789\"\"\",7\r,,\r,,\r,,\r"
        "900004,0123456789,5\r900005,\"a,b\",10\r900006,x,\r900007,\"\"\"y\"\"\",1\r900008,z,9";
    static const struct {
        lfrec_bad bad;
        const char *item;
        float rating; /* 0: a retraction */
    } expected[] = {{LFREC_BAD_OFF_SCALE, "", 0},
                    {LFREC_BAD_NOTHING, "123456789", 5},
                    {LFREC_BAD_NOTHING, "\"0123456789\"", 7},
                    {LFREC_BAD_EMPTY_ID, "", 0},
                    {LFREC_BAD_EMPTY_ID, "", 0},
                    {LFREC_BAD_EMPTY_ID, "", 0},
                    {LFREC_BAD_NOTHING, "0123456789", 5},
                    {LFREC_BAD_NOTHING, "a,b", 10},
                    {LFREC_BAD_NOTHING, "x", 0},
                    {LFREC_BAD_NOTHING, "\"y\"", 1},
                    {LFREC_BAD_NOTHING, "z", 9}};
    lfrec_codec codec = {LFREC_FORMAT_AUTO, 1.0f, 10.0f};
    lfrec_lines lines;
    size_t count = 0;
    ck_assert(lfrec_lines_open(&lines, codec.format, LFREC_VALUE_MAX));
    for (;;) {
        lfrec_row row;
        lfrec_lines_result result = lfrec_lines_next(&lines, &row);
        if (result == LFREC_LINES_END) {
            break;
        }
        if (result == LFREC_LINES_MORE) {
            size_t room;
            char *space = lfrec_lines_space(&lines, &room);
            if (lines.end == 0) {
                memcpy(space, file, sizeof file - 1);
                lfrec_lines_added(&lines, sizeof file - 1);
            } else {
                lfrec_lines_finish(&lines);
            }
            continue;
        }
        ck_assert_int_eq(result, LFREC_LINES_ROW);
        ck_assert_uint_lt(count, sizeof expected / sizeof *expected);
        ck_assert_uint_eq(row.line, count + 1);
        lfrec_decoded decoded;
        char text[LFREC_BAD_TEXT_MAX];
        ck_assert_int_eq(lfrec_decode(&codec, NULL, 0, row.bytes, row.length, &decoded, text), expected[count].bad);
        if (expected[count].bad == LFREC_BAD_EMPTY_ID) {
            ck_assert_str_eq(text, "empty user");
        } else if (expected[count].bad == LFREC_BAD_NOTHING) {
            ck_assert_uint_eq(decoded.event.item.length, strlen(expected[count].item));
            ck_assert_mem_eq(decoded.event.item.bytes, expected[count].item, decoded.event.item.length);
            ck_assert(decoded.event.rating == expected[count].rating);
        }
        count++;
    }
    ck_assert_uint_eq(count, sizeof expected / sizeof *expected);
    lfrec_lines_close(&lines);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lines");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, cr_lf_and_crlf_all_end_a_row);
    tcase_add_test(tests, an_input_without_rows_gives_none);
    tcase_add_test(tests, a_byte_order_mark_is_passed_over_at_the_start_only);
    tcase_add_test(tests, line_ends_within_csv_quotes_belong_to_the_row);
    tcase_add_test(tests, a_quote_within_a_field_opens_nothing);
    tcase_add_test(tests, quotes_mean_nothing_in_json_rows);
    tcase_add_test(tests, a_stray_quote_costs_one_row_and_not_the_file);
    tcase_add_test(tests, rows_that_are_too_long_are_reported_and_skipped);
    tcase_add_test(tests, memory_is_bounded_by_the_longest_row);
    tcase_add_test(tests, a_book_crossing_file_is_read_as_people_have_it);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
