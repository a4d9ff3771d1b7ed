/* Saving and loading: every file that is not whole and right is refused with its reason, and the target stays as it was. */
#define LFREC_IMPLEMENTATION
#define LFREC_STATIC
#include "lfrec.h"

#include "support.h"

#include <stdio.h>
#include <unistd.h>

enum { ITEMS = 7, FACTORS = 3 };

typedef struct {
    unsigned char *data;
    size_t bytes;
} saved;

static saved save(const lfrec_model *model)
{
    saved s;
    size_t written;
    ASSERT_OK(lfrec_save_size(model, &s.bytes));
    s.data = take(s.bytes);
    ASSERT_OK(lfrec_save_buffer(model, s.data, s.bytes, &written));
    ck_assert_uint_eq(written, s.bytes);
    return s;
}

static saved save_random(lfrec_setting setting)
{
    lfrec_model model;
    random_model(&model, setting, ITEMS, FACTORS);
    const saved s = save(&model);
    lfrec_model_destroy(&model);
    return s;
}

static uint32_t crc32_of(const unsigned char *data, size_t bytes)
{
    uint32_t crc = 0xffffffffu; /* one bit at a time: not the header's way */
    for (size_t k = 0; k < bytes; k++) {
        crc ^= data[k];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void put32(unsigned char *at, uint32_t x)
{
    for (int k = 0; k < 4; k++)
        at[k] = (unsigned char)(x >> 8 * k);
}

/* Right both checksums again after a change. */
static void seal(saved *s)
{
    put32(s->data + 60, crc32_of(s->data, 60));
    put32(s->data + s->bytes - 4, crc32_of(s->data, s->bytes - 4));
}

/* Load in every way; all say the same, and none touches the model on an error. */
static lfrec_status load(const saved *s, size_t bytes)
{
    lfrec_model model, view, untouched;
    memset(&model, 0x5a, sizeof model);
    memset(&view, 0x5a, sizeof view);
    memset(&untouched, 0x5a, sizeof untouched);
    unsigned char *exact = take(bytes); /* so that a sanitizer sees one byte too many */
    memcpy(exact, s->data, bytes);
    const lfrec_status status = lfrec_load_buffer(&model, exact, bytes, NULL), viewed = lfrec_view(&view, exact, bytes);
    ck_assert_int_eq(status, viewed);
    if (status == LFREC_OK) {
        lfrec_model_destroy(&model);
    } else {
        ck_assert_mem_eq(&model, &untouched, sizeof model);
        ck_assert_mem_eq(&view, &untouched, sizeof view);
    }
    free(exact);
    return status;
}

START_TEST(what_is_saved_comes_back_to_the_bit)
{
    static const uint32_t factors[] = {1, 3, 8, 16, 25, 70};
    for (size_t f = 0; f < COUNT(factors); f++) {
        lfrec_model model, loaded, view;
        random_model(&model, settings[_i], 90, factors[f]);
        saved s = save(&model);
        ASSERT_OK(lfrec_load_buffer(&loaded, s.data, s.bytes, NULL));
        ASSERT_OK(lfrec_view(&view, s.data, s.bytes));
        saved again = save(&loaded), viewed = save(&view);
        ck_assert_uint_eq(again.bytes, s.bytes);
        ck_assert_mem_eq(again.data, s.data, s.bytes);
        ck_assert_mem_eq(viewed.data, s.data, s.bytes);
        float a[LFREC_STRIDE(70)], b[LFREC_STRIDE(70)], value[4], left, right;
        uint32_t item[4];
        lfrec_user first = user_over(a), second = user_over(b);
        const lfrec_history history = history_over(item, value, 4, 2, 20);
        ASSERT_OK(lfrec_fold_in(&model, &history, &first));
        ASSERT_OK(lfrec_fold_in(&view, &history, &second));
        for (uint32_t i = 0; i < 90; i++) {
            ASSERT_OK(lfrec_predict(&model, &first, i, &left));
            ASSERT_OK(lfrec_predict(&view, &second, i, &right));
            HOLDS(left == right);
        }
        lfrec_model_destroy(&loaded);
        lfrec_model_destroy(&model);
        free(s.data), free(again.data), free(viewed.data);
    }
}
END_TEST

START_TEST(the_format_is_the_documented_one)
{
    static const unsigned char magic[8] = {0x89, 'L', 'F', 'R', 'E', 'C', 0x0d, 0x0a};
    saved s = save_random(settings[_i]);
    const size_t words = settings[_i] == LFREC_ARTICLE ? 2 + 2 * FACTORS : 3 + 3 * FACTORS;
    ck_assert_uint_eq(s.bytes, 64 + 4 * ITEMS * words + 4);
    ck_assert_mem_eq(s.data, magic, 8);
    ck_assert_uint_eq(s.data[8], 1);
    ck_assert_uint_eq(s.data[24], ITEMS);
    ck_assert_uint_eq(s.data[28], FACTORS);
    ck_assert_uint_eq(crc32_of((const unsigned char *)"123456789", 9), 0xcbf43926u);
    unsigned char crc[4];
    put32(crc, crc32_of(s.data, s.bytes - 4));
    ck_assert_mem_eq(crc, s.data + s.bytes - 4, 4);
    free(s.data);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    saved s = save_random(settings[_i]);
    for (size_t bytes = 0; bytes < s.bytes; bytes++)
        ck_assert_int_eq(load(&s, bytes), LFREC_ERROR_TRUNCATED);
    ck_assert_int_eq(load(&s, s.bytes), LFREC_OK);
    free(s.data);
}
END_TEST

START_TEST(every_flipped_bit_is_refused)
{
    saved s = save_random(settings[_i]);
    for (size_t k = 0; k < s.bytes; k++) {
        for (int bit = 0; bit < 8; bit++) {
            s.data[k] ^= (unsigned char)(1 << bit);
            HOLDS(load(&s, s.bytes) == (k < 8 ? LFREC_ERROR_FOREIGN : LFREC_ERROR_CORRUPT));
            s.data[k] ^= (unsigned char)(1 << bit);
        }
    }
    free(s.data);
}
END_TEST

START_TEST(foreign_future_and_longer_files_are_told_apart)
{
    saved s = save_random(settings[_i]);
    saved longer = {take(s.bytes + 1), s.bytes + 1};
    memcpy(longer.data, s.data, s.bytes);
    longer.data[s.bytes] = 0;
    ck_assert_int_eq(load(&longer, longer.bytes), LFREC_ERROR_CORRUPT);
    put32(s.data + 8, 2);
    seal(&s);
    ck_assert_int_eq(load(&s, s.bytes), LFREC_ERROR_VERSION);
    memcpy(s.data, "PK\3\4....", 8);
    seal(&s);
    ck_assert_int_eq(load(&s, s.bytes), LFREC_ERROR_FOREIGN);
    free(s.data);
    free(longer.data);
}
END_TEST

/* With right checksums: what a broken or hostile writer would make. */
START_TEST(fields_that_make_no_sense_are_refused_whatever_the_checksum_says)
{
    static const struct {
        size_t at;
        uint32_t word;
    } lies[] = {
        {8, 0},           {12, 2},           {12, 0xffffffffu}, {16, 64},          {20, 1},           {24, 0},
        {24, 0xffffffffu}, {24, ITEMS + 1},   {28, 0},           {28, FACTORS + 1}, {28, 1025},        {32, 2},
        {36, 0x7fc00000u}, {40, 0x7f800000u}, {44, 0},           {48, 0xbf800000u}, {52, 0x7fc00000u}, {56, 1},
        {64, 0x7fc00000u}, {64 + 8 * ITEMS, 0xff800000u},
    };
    for (size_t k = 0; k < COUNT(lies); k++) {
        saved s = save_random(settings[_i]);
        put32(s.data + lies[k].at, lies[k].word);
        seal(&s);
        ck_assert_msg(load(&s, s.bytes) == LFREC_ERROR_CORRUPT, "the lie at %zu was believed", lies[k].at);
        free(s.data);
    }
}
END_TEST

START_TEST(a_model_loads_from_any_address_and_is_viewed_at_multiples_of_4)
{
    saved s = save_random(settings[_i]);
    for (size_t shift = 0; shift < 16; shift++) {
        bordered b = border(s.bytes, shift);
        memcpy(b.at, s.data, s.bytes);
        lfrec_model model;
        ASSERT_OK(lfrec_load_buffer(&model, b.at, s.bytes, NULL));
        lfrec_model_destroy(&model);
        ASSERT_STATUS(lfrec_view(&model, b.at, s.bytes), shift % 4 ? LFREC_ERROR_ALIGNMENT : LFREC_OK);
        border_free(&b);
    }
    free(s.data);
}
END_TEST

START_TEST(a_view_is_not_written_to)
{
    saved s = save_random(settings[_i]);
    lfrec_model view, model;
    lfrec_means means;
    random_model(&model, settings[_i], ITEMS, FACTORS);
    ASSERT_OK(lfrec_view(&view, s.data, s.bytes));
    ASSERT_OK(lfrec_means_create(&means, ITEMS, NULL));
    ASSERT_STATUS(lfrec_model_set_means(&view, &means), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_model_copy(&view, &model), LFREC_ERROR_ARGUMENT);
    ASSERT_OK(lfrec_model_copy(&model, &view)); /* and so it becomes one of ours */
    saved copy = save(&model);
    ck_assert_mem_eq(copy.data, s.data, s.bytes);
    lfrec_model_destroy(&view);
    lfrec_model_destroy(&model);
    lfrec_means_destroy(&means);
    free(s.data), free(copy.data);
}
END_TEST

/* ---- the caller's functions ---- */

typedef struct {
    const saved *from;
    size_t used, calls, fail_at, short_at;
} device;

static int write_device(void *context, const void *data, size_t bytes)
{
    device *d = context;
    if (++d->calls == d->fail_at)
        return 0;
    ck_assert_mem_eq(d->from->data + d->used, data, bytes);
    d->used += bytes;
    return 1;
}

static int read_device(void *context, void *data, size_t bytes, size_t *got)
{
    device *d = context;
    if (++d->calls == d->fail_at)
        return 0;
    *got = d->calls == d->short_at ? bytes - 1 : bytes;
    memcpy(data, d->from->data + d->used, *got);
    d->used += *got;
    return 1;
}

START_TEST(a_writer_that_fails_at_any_call_is_an_io_error)
{
    lfrec_model model;
    random_model(&model, settings[_i], 90, 16);
    saved s = save(&model);
    device d = {&s, 0, 0, 0, 0};
    ASSERT_OK(lfrec_save(&model, write_device, &d));
    ck_assert_uint_eq(d.used, s.bytes);
    for (size_t call = 1, calls = d.calls; call <= calls; call++) {
        device failing = {&s, 0, 0, call, 0};
        ASSERT_STATUS(lfrec_save(&model, write_device, &failing), LFREC_ERROR_IO);
        ck_assert_uint_eq(failing.calls, call); /* and it is not asked again */
    }
    writable(model.decoder)[5] = NAN;
    ASSERT_STATUS(lfrec_save(&model, write_device, &d), LFREC_ERROR_NUMBER);
    lfrec_model_destroy(&model);
    free(s.data);
}
END_TEST

static lfrec_status read_all(device *d)
{
    lfrec_file file;
    lfrec_model model, untouched;
    memset(&model, 0x5a, sizeof model);
    memset(&untouched, 0x5a, sizeof untouched);
    lfrec_status status = lfrec_load_header(&file, read_device, d);
    if (status != LFREC_OK)
        return status;
    ck_assert_uint_eq(file.items, 90);
    ck_assert_uint_eq(file.bytes, d->from->bytes);
    bordered memory = border(file.memory_bytes, 3);
    status = lfrec_load(&model, &file, read_device, d, memory.at, memory.bytes);
    if (status != LFREC_OK)
        ck_assert_mem_eq(&model, &untouched, sizeof model);
    border_free(&memory);
    return status;
}

START_TEST(a_reader_that_fails_or_ends_at_any_call_is_told_apart)
{
    lfrec_model model;
    random_model(&model, settings[_i], 90, 16);
    saved s = save(&model);
    device d = {&s, 0, 0, 0, 0};
    ASSERT_OK(read_all(&d));
    ck_assert_uint_eq(d.used, s.bytes);
    for (size_t call = 1, calls = d.calls; call <= calls; call++) {
        device failing = {&s, 0, 0, call, 0}, ending = {&s, 0, 0, 0, call};
        ASSERT_STATUS(read_all(&failing), LFREC_ERROR_IO);
        ASSERT_STATUS(read_all(&ending), LFREC_ERROR_TRUNCATED);
    }
    lfrec_model_destroy(&model);
    free(s.data);
}
END_TEST

START_TEST(too_little_memory_to_load_into_is_refused)
{
    saved s = save_random(settings[_i]);
    device d = {&s, 0, 0, 0, 0};
    lfrec_file file;
    lfrec_model model;
    watch w;
    ASSERT_OK(lfrec_load_header(&file, read_device, &d));
    bordered memory = border(file.memory_bytes / 2, 0);
    ASSERT_STATUS(lfrec_load(&model, &file, read_device, &d, memory.at, memory.bytes), LFREC_ERROR_MEMORY);
    border_free(&memory);
    lfrec_allocator allocator = watched(&w);
    w.fail_at = 1;
    ASSERT_STATUS(lfrec_load_buffer(&model, s.data, s.bytes, &allocator), LFREC_ERROR_MEMORY);
    s.data[s.bytes - 20] ^= 1;
    ASSERT_STATUS(lfrec_load_buffer(&model, s.data, s.bytes, &allocator), LFREC_ERROR_CORRUPT);
    ck_assert_uint_eq(w.live, 0);
    free(s.data);
}
END_TEST

/* ---- files ---- */

START_TEST(a_file_is_replaced_whole_or_not_at_all)
{
    char folder[] = "/tmp/lfrec-test-files.XXXXXX", path[64], missing[64], temporary[64];
    lfrec_model model, loaded;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model", folder);
    snprintf(temporary, sizeof temporary, "%s/model.tmp", folder);
    snprintf(missing, sizeof missing, "%s/none/model", folder);
    random_model(&model, settings[_i], ITEMS, FACTORS);
    ASSERT_OK(lfrec_save_file(&model, path));
    saved s = save(&model);
    ASSERT_STATUS(lfrec_save_file(&model, missing), LFREC_ERROR_IO);
    ASSERT_STATUS(lfrec_save_file(&model, ""), LFREC_ERROR_ARGUMENT);
    writable(model.encoder)[0] = INFINITY; /* refused: the old file stays */
    ASSERT_STATUS(lfrec_save_file(&model, path), LFREC_ERROR_NUMBER);
    ck_assert_int_ne(access(temporary, F_OK), 0);
    ASSERT_OK(lfrec_load_file(&loaded, path, NULL));
    saved again = save(&loaded);
    ck_assert_mem_eq(again.data, s.data, s.bytes);
    lfrec_model_destroy(&loaded);
    ASSERT_STATUS(lfrec_load_file(&loaded, missing, NULL), LFREC_ERROR_IO);
    FILE *file = fopen(path, "ab");
    ck_assert_ptr_nonnull(file);
    fputc(0, file);
    fclose(file);
    ASSERT_STATUS(lfrec_load_file(&loaded, path, NULL), LFREC_ERROR_CORRUPT);
    unlink(path);
    rmdir(folder);
    lfrec_model_destroy(&model);
    free(s.data), free(again.data);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_saved_comes_back_to_the_bit,
        the_format_is_the_documented_one,
        every_truncation_is_refused,
        every_flipped_bit_is_refused,
        foreign_future_and_longer_files_are_told_apart,
        fields_that_make_no_sense_are_refused_whatever_the_checksum_says,
        a_model_loads_from_any_address_and_is_viewed_at_multiples_of_4,
        a_view_is_not_written_to,
        a_writer_that_fails_at_any_call_is_an_io_error,
        a_reader_that_fails_or_ends_at_any_call_is_told_apart,
        too_little_memory_to_load_into_is_refused,
        a_file_is_replaced_whole_or_not_at_all,
    };
    return run_for_settings("files", tests, COUNT(tests), BY_SPEED(20, 200));
}
