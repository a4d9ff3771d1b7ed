/* The reader of ratings files and MovieLens folders: rows, ends of rows, quotes, encodings, bad rows, order. */
#include "../examples/dataset.c"

#include <check.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every test has an empty folder and an empty data set. */
static char folder[64];
static dataset data;
static char error[DATASET_ERROR_MAX];

static void set_up(void)
{
    strcpy(folder, "/tmp/lfrec-dataset-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    dataset_init(&data);
    error[0] = '\0';
}

static const char *path_of(const char *name)
{
    static char path[4][128];
    static int turn;
    char *out = path[turn = (turn + 1) % 4];
    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

static void tear_down(void)
{
    static const char *const names[] = {"ratings.csv", "movies.csv",     "ratings.dat",
                                        "movies.dat",  "ratings.dat.xz", "more.csv"};
    dataset_free(&data);
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) remove(path_of(names[k]));
    rmdir(folder);
}

static void write_bytes(const char *name, const char *bytes, size_t length)
{
    FILE *file = fopen(path_of(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static void read_good(const char *path)
{
    bool good = dataset_read(&data, path, error);
    ck_assert_msg(good, "%s", error);
}

static void read_bad(const char *path, const char *part)
{
    ck_assert(!dataset_read(&data, path, error));
    ck_assert_msg(strstr(error, part) != NULL, "'%s' is not in: %s", part, error);
}

/* Rating number k, by ids. */
static void expect(size_t k, const char *user, const char *item, double value)
{
    ck_assert_uint_lt(k, data.count);
    ck_assert_str_eq(data.users.text[data.rating[k].user], user);
    ck_assert_str_eq(data.items.text[data.rating[k].item], item);
    ck_assert_double_eq_tol((double)data.rating[k].value, value, 1e-6);
}

static void expect_number(float value, float right)
{
    ck_assert_double_eq((double)value, (double)right);
}

static size_t refused_lines(void)
{
    char text[4096] = ""; /* nothing written leaves it as it is */
    FILE *memory = fmemopen(text, sizeof text, "w");
    dataset_print_refused(&data, memory);
    fclose(memory);
    size_t lines = 0;
    for (const char *at = text; *at; at++) lines += *at == '\n';
    return lines;
}

/* ---- MovieLens as it is distributed ---- */

START_TEST(csv_folder_with_crlf_and_quoted_titles)
{
    write_text("ratings.csv",
               "userId,movieId,rating,timestamp\r\n1,11,4.0,964982703\r\n1,6,0.5,964981247\r\n22,11,5.0,847117005\r\n");
    write_text(
        "movies.csv",
        "movieId,title,genres\r\n6,Heat (1995),Action|Crime\r\n11,\"American President, The (1995)\",Comedy|Drama\r\n"
        "12,\"Dracula: \"\"Dead\"\" and Loving It\",Comedy\r\n");
    read_good(folder);
    ck_assert_uint_eq(data.count, 3);
    expect(0, "1", "11", 4);
    expect(1, "1", "6", 0.5);
    expect(2, "22", "11", 5);
    ck_assert_int_eq(data.timestamp[1], 964981247);
    ck_assert_uint_eq(data.timed, 3);
    ck_assert_str_eq(dataset_title(&data, 0), "American President, The (1995)");
    ck_assert_str_eq(dataset_genres(&data, 1), "Action|Crime");
    ck_assert_uint_eq(data.titled, 2);
    ck_assert_uint_eq(data.items.count, 2); /* nobody rated Dracula */
    expect_number(data.lowest, 0.5f);
    expect_number(data.highest, 5.0f);
    ck_assert_uint_eq(data.refused_rows, 0);
    ck_assert_uint_eq(refused_lines(), 0);
}
END_TEST

START_TEST(doubled_quotes_in_a_title_are_one_quote)
{
    write_text("ratings.csv", "1,7,4\n");
    write_text("movies.csv", "movieId,title,genres\n7,\"\"\"Great Performances\"\" Cats (1998)\",Musical\n");
    read_good(folder);
    ck_assert_str_eq(dataset_title(&data, 0), "\"Great Performances\" Cats (1998)");
}
END_TEST

START_TEST(dat_folder_with_latin1_titles)
{
    write_text("ratings.dat", "1::1193::5::978300760\n1::661::3::978302109\n2::1193::4::978298413\n");
    write_text("movies.dat",
               "661::Mis\xE9rables, Les: Part 1 (1995)::Drama\n1193::One Flew \xAB Over \xBB (1975)::Drama\n");
    read_good(folder);
    ck_assert_uint_eq(data.count, 3);
    expect(1, "1", "661", 3);
    ck_assert_str_eq(dataset_title(&data, 1), "Mis\xC3\xA9rables, Les: Part 1 (1995)");
    ck_assert_str_eq(dataset_title(&data, 0), "One Flew \xC2\xAB Over \xC2\xBB (1975)");
}
END_TEST

START_TEST(utf8_titles_stay_as_they_are)
{
    write_text("ratings.csv", "1,7,4\n");
    write_text("movies.csv", "7,Am\xC3\xA9lie (2001),Comedy\n");
    read_good(folder);
    ck_assert_str_eq(dataset_title(&data, 0), "Am\xC3\xA9lie (2001)");
}
END_TEST

START_TEST(every_latin1_byte_becomes_printable_utf8)
{
    char row[300] = "7::";
    size_t length = 3;
    for (int byte = 1; byte < 256; byte++)
        if (byte != '\n' && byte != '\r' && byte != ':') row[length++] = (char)byte;
    memcpy(row + length, "::Drama\n", 8);
    write_text("ratings.dat", "1::7::4::0\n");
    write_bytes("movies.dat", row, length + 8);
    read_good(folder);
    const char *title = dataset_title(&data, 0);
    ck_assert(is_utf8(title, strlen(title)));
    for (const char *at = title; *at; at++) ck_assert((unsigned char)*at >= 0x20 && *at != 0x7F);
    ck_assert_uint_eq(data.timed, 0); /* 0 is no time */
}
END_TEST

START_TEST(a_folder_without_titles_goes_by_ids)
{
    write_text("ratings.csv", "u,i,4\nu,j,2\n");
    read_good(folder);
    ck_assert_str_eq(dataset_title(&data, 1), "j");
    ck_assert_str_eq(dataset_genres(&data, 1), "");
}
END_TEST

/* ---- rows ---- */

static const char *const ends[] = {"\n", "\r", "\r\n"};

START_TEST(every_row_end_will_do_also_none_at_the_end)
{
    const char *end = ends[_i / 2];
    char text[200];
    snprintf(text, sizeof text, "userId,movieId,rating%sa,x,1%s%sb,y,2%sc,z,3.5%s", end, end, end, end, _i % 2 ? end : "");
    write_text("more.csv", text);
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(data.count, 3);
    expect(2, "c", "z", 3.5);
    ck_assert_uint_eq(data.refused_rows, 0);
}
END_TEST

START_TEST(line_numbers_count_every_kind_of_end)
{
    write_text("more.csv", "a,x,1\r\nb,y,2\rc,z,3\n\n\nbad\n");
    read_good(path_of("more.csv"));
    ck_assert_ptr_nonnull(strstr(data.shown[0], "more.csv:6: fewer than three columns"));
}
END_TEST

START_TEST(separators_are_found_in_the_first_line)
{
    static const char *const texts[] = {"u 1,i 1,4,7\n", "u 1;i 1;4;7\n", "u 1\ti 1\t4\t7\n", "u 1::i 1::4::7\n"};
    write_text("more.csv", texts[_i]);
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(data.count, 1);
    expect(0, "u 1", "i 1", 4);
    ck_assert_int_eq(data.timestamp[0], 7);
}
END_TEST

START_TEST(a_byte_order_mark_is_no_part_of_the_first_id)
{
    write_text("more.csv", "\xEF\xBB\xBFu,i,4\n");
    read_good(path_of("more.csv"));
    expect(0, "u", "i", 4);
}
END_TEST

START_TEST(a_first_row_of_ratings_is_no_header)
{
    write_text("more.csv", "alice,Heat,4\nbob,Heat,5\n");
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(data.count, 2);
}
END_TEST

START_TEST(ids_are_text_and_zeros_count)
{
    write_text("more.csv", "1,7,4\n1,07,3\n1,\"\"\"7\"\"\",2\n01,7,5\n9007199254740993,7,1\n9007199254740992,7,1\n");
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(data.items.count, 3);
    ck_assert_uint_eq(data.users.count, 4);
    ck_assert_str_eq(data.items.text[2], "\"7\"");
}
END_TEST

START_TEST(numbers_in_every_spelling)
{
    write_text("more.csv",
               "u,a,4\nu,b,4.50\nu,c, 3 \nu,d,+2\nu,e,-1.25\nu,f,.5\nu,g,5.\nu,h,1e1\nu,i,0.100000000000000000001\n");
    read_good(path_of("more.csv"));
    static const double right[] = {4, 4.5, 3, 2, -1.25, 0.5, 5, 10, 0.1};
    ck_assert_uint_eq(data.count, 9);
    for (size_t k = 0; k < 9; k++) expect_number(data.rating[k].value, (float)right[k]);
}
END_TEST

START_TEST(what_is_no_rating_is_refused_with_its_reason)
{
    static const struct {
        const char *row;
        dataset_reason reason;
    } bad[] = {
        {"u,i,nan", DATASET_NO_NUMBER},     {"u,i,inf", DATASET_NO_NUMBER},
        {"u,i,0x4", DATASET_NO_NUMBER},     {"u,i,four", DATASET_NO_NUMBER},
        {"u,i,4 5", DATASET_NO_NUMBER},     {"u,i,.", DATASET_NO_NUMBER},
        {"u,i,1.2.3", DATASET_NO_NUMBER},   {"u,i,--1", DATASET_NO_NUMBER},
        {"u,i,1e999", DATASET_NO_NUMBER},   {"u,i,", DATASET_NO_RATING},
        {"u,i,  ", DATASET_NO_RATING},      {"u,i,40000", DATASET_OFF_SCALE},
        {",i,4", DATASET_EMPTY_USER},       {"u,,4", DATASET_EMPTY_ITEM},
        {"u,i", DATASET_FEW_COLUMNS},       {"u", DATASET_FEW_COLUMNS},
        {"\"u,i,4", DATASET_QUOTES},        {"\"u\"x,i,4", DATASET_QUOTES},
        {"\xE9,i,4", DATASET_BAD_TEXT},     {"u,\xED\xA0\x80,4", DATASET_BAD_TEXT},
        {"u,\xC0\xAF,4", DATASET_BAD_TEXT},
    };
    char text[100];
    snprintf(text, sizeof text, "good,good,4\n%s\ngood,better,5\n", bad[_i].row);
    write_text("more.csv", text);
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(data.count, 2);
    ck_assert_uint_eq(data.refused_rows, 1);
    ck_assert_uint_eq(data.refused[bad[_i].reason], 1);
    ck_assert_ptr_nonnull(strstr(data.shown[0], "more.csv:2: "));
    ck_assert_uint_eq(refused_lines(), 2);
}
END_TEST

START_TEST(nul_bytes_and_long_ids_are_refused)
{
    char text[2000];
    size_t length = (size_t)snprintf(text, sizeof text, "good,good,4\nab%c,i,4\n", '\0');
    memset(text + length, 'x', 513);
    memcpy(text + length + 513, ",i,4\n", 5);
    write_bytes("more.csv", text, length + 518);
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(data.count, 1);
    ck_assert_uint_eq(data.refused_rows, 2);
    ck_assert_uint_eq(data.refused[DATASET_LONG_ID], 1);
    ck_assert_uint_eq(data.refused[DATASET_BAD_TEXT], 1);
}
END_TEST

START_TEST(off_the_scale_is_refused_and_not_averaged)
{
    data.limit_min = 1;
    data.limit_max = 10;
    write_text("more.csv", "u,a,0\nu,b,10\nu,c,1\nu,d,10.5\n");
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(data.count, 2);
    ck_assert_uint_eq(data.refused[DATASET_OFF_SCALE], 2);
    ck_assert_ptr_nonnull(strstr(data.shown[0], "off the scale 1 .. 10"));
    expect_number(data.lowest, 1.0f);
}
END_TEST

/* Rows as a well-known dump of book ratings has them: CR alone, ids in three quotes, rows of commas, 0 for "not rated". */
START_TEST(book_ratings_as_people_have_them)
{
    data.limit_min = 1;
    data.limit_max = 10;
    write_text("more.csv", "User-ID,ISBN,Book-Rating\r900001,\"\"\"012345678X\"\"\",0\r900002,123456789,5\r900003,"
                           "\"\"\"0123456789\"\"\",7\r"
                           ",,\r,,\r,,\r900004,0123456789,8\r900004,\"\"\"012345678X\"\"\",9\r,,\r900005,123456789,10");
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(data.count, 5);
    expect(0, "900002", "123456789", 5);
    expect(1, "900003", "\"0123456789\"", 7);
    expect(2, "900004", "0123456789", 8);
    expect(3, "900004", "\"012345678X\"", 9);
    expect(4, "900005", "123456789", 10);
    ck_assert_uint_eq(data.items.count, 4);
    ck_assert_uint_eq(data.refused[DATASET_OFF_SCALE], 1);
    ck_assert_uint_eq(data.refused[DATASET_EMPTY_USER], 4);
    ck_assert_uint_eq(refused_lines(), DATASET_SHOWN + 1);
    ck_assert_ptr_nonnull(strstr(data.shown[1], ":5: empty user"));
    expect_number(data.lowest, 5.0f);
}
END_TEST

START_TEST(a_flood_of_bad_rows_is_a_few_lines)
{
    size_t rows = 200000;
    char *text = malloc(rows * 3 + 16);
    for (size_t k = 0; k < rows; k++) memcpy(text + 3 * k, ",,\r", 3);
    memcpy(text + 3 * rows, "u,i,4", 5);
    write_bytes("more.csv", text, rows * 3 + 5);
    free(text);
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(data.count, 1);
    ck_assert_uint_eq(data.refused_rows, rows);
    ck_assert_uint_eq(data.users.count, 1);
    ck_assert_uint_eq(refused_lines(), DATASET_SHOWN + 1);
}
END_TEST

START_TEST(a_second_file_goes_on_with_the_same_ids)
{
    write_text("ratings.csv", "userId,movieId,rating\na,x,1\nb,y,2\n");
    write_text("more.csv", "userId,movieId,rating\nb,x,3\nc,z,4\n");
    read_good(path_of("ratings.csv"));
    size_t first = data.count;
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(first, 2);
    ck_assert_uint_eq(data.count, 4);
    ck_assert_uint_eq(data.rating[2].user, 1);
    ck_assert_uint_eq(data.rating[2].item, 0);
    ck_assert_uint_eq(data.support[0], 2);
    expect(3, "c", "z", 4);
}
END_TEST

START_TEST(many_ids_are_all_told_apart)
{
    FILE *file = fopen(path_of("more.csv"), "w");
    for (unsigned k = 0; k < 30000; k++) fprintf(file, "user-%u,%u,%u\n", k, k * 7919u, k % 5 + 1);
    fclose(file);
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(data.users.count, 30000);
    ck_assert_uint_eq(data.items.count, 30000);
    for (unsigned k = 0; k < 30000; k++) ck_assert_uint_eq(data.rating[k].item, k);
}
END_TEST

/* ---- what goes wrong ---- */

START_TEST(errors_say_what_is_expected)
{
    read_bad(path_of("nowhere"), "no such folder or file; expected a MovieLens folder");
    read_bad(folder, "neither ratings.csv nor ratings.dat");
    write_text("ratings.dat.xz", "\xFD"
                                 "7zXZ");
    read_bad(folder, "xz -dk");
    read_bad(path_of("ratings.dat.xz"), "is compressed");
    write_text("more.csv", "PK\3\4 rest");
    read_bad(path_of("more.csv"), "unzip");
    write_text("more.csv", "");
    read_bad(path_of("more.csv"), "has no ratings in it");
    write_text("more.csv", "userId,movieId,rating\n");
    read_bad(path_of("more.csv"), "has no ratings in it");
    write_text("more.csv", "one\ntwo\n");
    read_bad(path_of("more.csv"), "not one of its 2 rows is a rating");
}
END_TEST

START_TEST(titles_of_another_data_set_are_an_error)
{
    write_text("ratings.csv", "1,7,4\n");
    write_text("movies.csv", "movieId,title,genres\n8,Heat,Action\n");
    read_bad(folder, "of another data set");
}
END_TEST

START_TEST(an_empty_data_set_can_be_asked_and_freed)
{
    uint32_t item = 77;
    ck_assert(!dataset_find(&data, "x", &item));
    ck_assert(!dataset_item(&data, "x", &item));
    ck_assert(dataset_keep_most_rated(&data, 5));
    ck_assert(dataset_sort_by_time(&data));
    dataset_most_rated(&data, &item);
    ck_assert_uint_eq(item, 77);
}
END_TEST

/* ---- questions and changes ---- */

START_TEST(most_rated_first_and_equal_ones_by_id)
{
    write_text("more.csv", "a,10,1\nb,10,2\na,9,1\nb,9,2\na,8,3\na,100,3\na,x,3\nc,x,1\nd,x,2\n");
    read_good(path_of("more.csv"));
    uint32_t order[5];
    dataset_most_rated(&data, order);
    static const char *const right[] = {"x", "9", "10", "8", "100"};
    for (size_t k = 0; k < 5; k++) ck_assert_str_eq(data.items.text[order[k]], right[k]);
}
END_TEST

START_TEST(keeping_the_most_rated_renumbers_by_rank)
{
    write_text("ratings.csv", "a,10,1,5\nb,10,2,6\na,9,1,7\nb,9,2,0\nc,8,5,9\na,x,3,1\nb,x,1,2\nd,x,2,3\n");
    write_text("movies.csv", "x,Ex,Drama\n9,Nine,Comedy\n8,Eight,War\n");
    read_good(folder);
    ck_assert(dataset_keep_most_rated(&data, 2));
    ck_assert_uint_eq(data.items.count, 2);
    ck_assert_str_eq(dataset_title(&data, 0), "Ex");
    ck_assert_str_eq(dataset_title(&data, 1), "Nine");
    ck_assert_uint_eq(data.count, 5);
    ck_assert_uint_eq(data.timed, 4);
    expect(0, "a", "9", 1);
    expect(4, "d", "x", 2);
    ck_assert_uint_eq(data.users.count, 4);
    expect_number(data.highest, 3.0f);
    write_text("more.csv", "e,9,4\ne,new,4\n"); /* ids are still found */
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(data.rating[5].item, 1);
    ck_assert_uint_eq(data.rating[6].item, 2);
    ck_assert_str_eq(dataset_title(&data, 2), "new");
    uint32_t item;
    ck_assert(dataset_item(&data, "9", &item));
    ck_assert_uint_eq(item, 1);
    ck_assert(!dataset_item(&data, "10", &item)); /* not kept */
}
END_TEST

START_TEST(keeping_more_than_there_are_keeps_all)
{
    write_text("more.csv", "a,1,1\na,2,2\n");
    read_good(path_of("more.csv"));
    ck_assert(dataset_keep_most_rated(&data, 100));
    ck_assert_uint_eq(data.items.count, 2);
    ck_assert_uint_eq(data.count, 2);
}
END_TEST

START_TEST(titles_are_found_by_beginning_then_part_then_fame)
{
    write_text("ratings.csv", "a,1,1\nb,1,2\na,2,1\na,3,5\nb,3,5\nc,3,5\na,4,1\n");
    write_text("movies.csv", "1,Star Trek,S\n2,Stars,S\n3,A Star Is Born,S\n4,Other,S\n");
    read_good(folder);
    uint32_t item;
    ck_assert(dataset_find(&data, "star", &item));
    ck_assert_str_eq(dataset_title(&data, item), "Star Trek");
    ck_assert(dataset_find(&data, "STARS", &item));
    ck_assert_str_eq(dataset_title(&data, item), "Stars");
    ck_assert(dataset_find(&data, "is born", &item));
    ck_assert_str_eq(dataset_title(&data, item), "A Star Is Born");
    ck_assert(!dataset_find(&data, "Star Wars", &item));
}
END_TEST

START_TEST(time_order_is_stable_and_unknown_comes_first)
{
    write_text("more.csv", "a,1,1,30\na,2,2,10\na,3,3,\na,4,4,10\na,5,5,20\na,6,1,x\na,7,2,10\n");
    read_good(path_of("more.csv"));
    ck_assert_uint_eq(data.timed, 5);
    ck_assert(dataset_sort_by_time(&data));
    static const char *const right[] = {"3", "6", "2", "4", "7", "5", "1"};
    for (size_t k = 0; k < 7; k++) ck_assert_str_eq(data.items.text[data.rating[k].item], right[k]);
    ck_assert_int_eq(data.timestamp[6], 30);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("dataset");
    TCase *t = tcase_create("movielens");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, csv_folder_with_crlf_and_quoted_titles);
    tcase_add_test(t, doubled_quotes_in_a_title_are_one_quote);
    tcase_add_test(t, dat_folder_with_latin1_titles);
    tcase_add_test(t, utf8_titles_stay_as_they_are);
    tcase_add_test(t, every_latin1_byte_becomes_printable_utf8);
    tcase_add_test(t, a_folder_without_titles_goes_by_ids);
    suite_add_tcase(s, t);

    t = tcase_create("rows");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, every_row_end_will_do_also_none_at_the_end, 0, 6);
    tcase_add_test(t, line_numbers_count_every_kind_of_end);
    tcase_add_loop_test(t, separators_are_found_in_the_first_line, 0, 4);
    tcase_add_test(t, a_byte_order_mark_is_no_part_of_the_first_id);
    tcase_add_test(t, a_first_row_of_ratings_is_no_header);
    tcase_add_test(t, ids_are_text_and_zeros_count);
    tcase_add_test(t, numbers_in_every_spelling);
    tcase_add_loop_test(t, what_is_no_rating_is_refused_with_its_reason, 0, 21);
    tcase_add_test(t, nul_bytes_and_long_ids_are_refused);
    tcase_add_test(t, off_the_scale_is_refused_and_not_averaged);
    tcase_add_test(t, book_ratings_as_people_have_them);
    tcase_add_test(t, a_flood_of_bad_rows_is_a_few_lines);
    tcase_add_test(t, a_second_file_goes_on_with_the_same_ids);
    tcase_add_test(t, many_ids_are_all_told_apart);
    suite_add_tcase(s, t);

    t = tcase_create("errors");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, errors_say_what_is_expected);
    tcase_add_test(t, titles_of_another_data_set_are_an_error);
    tcase_add_test(t, an_empty_data_set_can_be_asked_and_freed);
    suite_add_tcase(s, t);

    t = tcase_create("questions");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, most_rated_first_and_equal_ones_by_id);
    tcase_add_test(t, keeping_the_most_rated_renumbers_by_rank);
    tcase_add_test(t, keeping_more_than_there_are_keeps_all);
    tcase_add_test(t, titles_are_found_by_beginning_then_part_then_fame);
    tcase_add_test(t, time_order_is_stable_and_unknown_comes_first);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
