/* Saving and loading: every way a file can be wrong, and that the right ones come back bit by bit. */
#include "lfrec.h"

#include "support.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ITEMS = 7, HEADER = 72 };

static const uint32_t sizes[] = {1, 3, 4, 7}; /* factors: with and without padding in memory */

static blob saved(const lfrec_model *model)
{
    blob b = {NULL, 0, 0};
    size_t written;
    ASSERT_OK(lfrec_save_size(model, &b.bytes));
    b.at = take(b.bytes);
    ASSERT_OK(lfrec_save_buffer(model, b.at, b.bytes, &written));
    ck_assert_uint_eq(written, b.bytes);
    return b;
}

static blob saved_random(lfrec_setting setting, uint32_t items, uint32_t factors)
{
    lfrec_model model;
    random_model(&model, setting, items, factors);
    const blob b = saved(&model);
    lfrec_model_destroy(&model);
    return b;
}

static void put32(unsigned char *at, uint32_t x)
{
    for (int k = 0; k < 4; k++) at[k] = (unsigned char)(x >> (8 * k));
}

static uint32_t get32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* CRC-32 bit by bit, as ISO 3309 writes it: not the header's. */
static uint32_t crc32_of(const unsigned char *data, size_t bytes)
{
    uint32_t crc = 0xffffffffu;
    for (size_t k = 0; k < bytes; k++) {
        crc ^= data[k];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* Both checksums right, whatever was changed before. */
static void seal(blob *b)
{
    put32(b->at + HEADER - 4, crc32_of(b->at, HEADER - 4));
    put32(b->at + b->bytes - 4, crc32_of(b->at, b->bytes - 4));
}

static int same_rows(const float *a, size_t a_stride, const float *b, size_t b_stride, size_t rows, size_t columns)
{
    if (!a || !b) return a == b;
    for (size_t i = 0; i < rows; i++) {
        if (memcmp(a + i * a_stride, b + i * b_stride, columns * sizeof(float)) != 0) return 0;
    }
    return 1;
}

static int same_model(const lfrec_model *a, const lfrec_model *b)
{
    return a->setting == b->setting && a->items == b->items && a->factors == b->factors && a->mean == b->mean &&
           a->scale_min == b->scale_min && a->scale_max == b->scale_max && a->item_shrink == b->item_shrink &&
           a->user_shrink == b->user_shrink && a->scale_input == b->scale_input && a->step == b->step &&
           a->gain == b->gain && memcmp(a->support, b->support, a->items * sizeof *a->support) == 0 &&
           same_rows(a->item_mean, 1, b->item_mean, 1, a->items, 1) && same_rows(a->offset, 1, b->offset, 1, a->items, 1) &&
           same_rows(a->encoder, a->stride, b->encoder, b->stride, a->items, columns_of(a)) &&
           same_rows(a->decoder, a->stride, b->decoder, b->stride, a->items, columns_of(a)) &&
           same_rows(a->implicit, a->stride, b->implicit, b->stride, a->items, columns_of(a)) &&
           same_rows(a->variance, a->stride, b->variance, b->stride, a->items, columns_of(a)) &&
           same_rows(a->precision, 1, b->precision, 1, a->items, 1) &&
           same_rows(a->gram, a->stride, b->gram, b->stride, a->factors, a->factors);
}

/* lfrec_view is for machines that have the file's byte order; the others are told so. */
static int little_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

/* Every way of loading must say `status`, leave the target as it was and give back what it took. */
static void assert_refused_each(const unsigned char *data, size_t bytes, lfrec_status status, const char *what, size_t where)
{
    lfrec_model model, before;
    watch w;
    const lfrec_allocator allocator = watched(&w);
    unsigned char *exact = take(bytes); /* so that a sanitizer sees a read beyond the end; aligned */
    memcpy(exact, data, bytes);
    memset(&model, 0x5a, sizeof model);
    before = model;
    const lfrec_status loaded = lfrec_load_buffer(&model, exact, bytes, &allocator);
    const lfrec_status viewed = lfrec_view(&model, exact, bytes);
    if (loaded != status || viewed != (little_endian() ? status : LFREC_ERROR_ARGUMENT))
        ck_abort_msg("%s %zu: load says '%s', view '%s', not '%s'", what, where, lfrec_status_string(loaded),
                     lfrec_status_string(viewed), lfrec_status_string(status));
    HOLDS(w.live == 0);
    HOLDS(memcmp(&model, &before, sizeof model) == 0);
    free(exact);
}

/* ---- what comes back ---- */

START_TEST(model_comes_back_bit_by_bit)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        for (size_t k = 0; k < COUNT(sizes); k++) {
            for (int scaled = 0; scaled < 2; scaled++) {
                lfrec_model model, loaded;
                random_model(&model, all_settings[s], ITEMS, sizes[k]);
                model.scale_input = scaled;
                model.item_shrink = 2.5f;
                model.user_shrink = 7;
                writable(model.decoder)[0] = -0.0f;
                writable(model.decoder)[model.stride] = 1e-42f; /* subnormal */
                const blob b = saved(&model);
                ASSERT_OK(lfrec_load_buffer(&loaded, b.at, b.bytes, NULL));
                ck_assert(same_model(&model, &loaded));
                ck_assert_uint_eq(loaded.stride, model.stride);
                for (uint32_t i = 0; i < ITEMS; i++) {
                    for (size_t q = columns_of(&model); q < loaded.stride; q++) {
                        HOLDS(!loaded.encoder || loaded.encoder[i * loaded.stride + q] == 0);
                        HOLDS(loaded.decoder[i * loaded.stride + q] == 0);
                    }
                }
                const blob again = saved(&loaded);
                ck_assert_uint_eq(again.bytes, b.bytes);
                ck_assert_mem_eq(again.at, b.at, b.bytes);
                lfrec_model_destroy(&loaded);
                lfrec_model_destroy(&model);
                free(b.at);
                free(again.at);
            }
        }
    }
}
END_TEST

/* Checks that an array is what comes next in the file, and goes on behind it. NULL: the setting has none. */
static const unsigned char *assert_next(const unsigned char *at, const void *array, size_t stride, size_t rows, size_t columns)
{
    for (size_t k = 0; array && k < rows * columns; k++, at += 4) {
        uint32_t word;
        memcpy(&word, (const char *)array + 4 * (k / columns * stride + k % columns), 4);
        HOLDS(get32(at) == word);
    }
    return at;
}

/* A view of a model's first items may have fewer of them than factors. */
START_TEST(view_of_the_first_items_comes_back)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        lfrec_model model, loaded;
        random_model(&model, all_settings[s], ITEMS, 5);
        lfrec_model first = model;
        first.items = 2;
        const blob b = saved(&first);
        ASSERT_OK(lfrec_load_buffer(&loaded, b.at, b.bytes, NULL));
        ck_assert(same_model(&first, &loaded));
        lfrec_model_destroy(&loaded);
        lfrec_model_destroy(&model);
        free(b.at);
    }
}
END_TEST

START_TEST(file_is_laid_out_as_the_manual_says)
{
    static const unsigned char magic[] = {0x89, 'L', 'F', 'R', 'E', 'C', 0x0d, 0x0a};
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        lfrec_model model;
        random_model(&model, all_settings[s], ITEMS, 3);
        const size_t columns = columns_of(&model), S = model.stride;
        const blob b = saved(&model);
        ck_assert_mem_eq(b.at, magic, 8);
        ck_assert_uint_eq(get32(b.at + 8), 1);
        ck_assert_uint_eq(get32(b.at + 12), (uint32_t)all_settings[s]);
        ck_assert_uint_eq(get32(b.at + 16), b.bytes);
        ck_assert_uint_eq(get32(b.at + 20), 0);
        ck_assert_uint_eq(get32(b.at + 24), ITEMS);
        ck_assert_uint_eq(get32(b.at + 28), 3);
        ck_assert_uint_eq(get32(b.at + 32), model.scale_input ? 1 : 0);
        const float numbers[] = {model.mean,        model.scale_min, model.scale_max, model.item_shrink,
                                 model.user_shrink, model.step,      model.gain};
        assert_next(b.at + 36, numbers, 1, COUNT(numbers), 1);
        ck_assert_uint_eq(get32(b.at + 64), 0);
        ck_assert_uint_eq(get32(b.at + 68), crc32_of(b.at, 68));
        const unsigned char *at = b.at + 72;
        at = assert_next(at, model.item_mean, 1, ITEMS, 1);
        at = assert_next(at, model.support, 1, ITEMS, 1);
        at = assert_next(at, model.encoder, S, ITEMS, columns);
        at = assert_next(at, model.decoder, S, ITEMS, columns);
        at = assert_next(at, model.offset, 1, ITEMS, 1);
        at = assert_next(at, model.implicit, S, ITEMS, columns);
        at = assert_next(at, model.variance, S, ITEMS, columns);
        at = assert_next(at, model.precision, 1, ITEMS, 1);
        at = assert_next(at, model.gram, S, 3, columns);
        ck_assert_uint_eq(get32(at), crc32_of(b.at, b.bytes - 4));
        ck_assert_ptr_eq(at + 4, b.at + b.bytes);
        lfrec_model_destroy(&model);
        free(b.at);
    }
}
END_TEST

/* Serving from what was loaded or is viewed gives the same bits as serving from what was saved. */
static void assert_serves_alike(const lfrec_model *model, const lfrec_model *other)
{
    uint32_t item[3];
    float value[3], *h = user_room(model), *other_h = user_room(other);
    const lfrec_history history = history_over(item, value, 3, 0, 2);
    lfrec_user user = user_over(h), other_user = user_over(other_h);
    lfrec_query query = lfrec_query_for(ITEMS, NULL);
    lfrec_scored list[ITEMS], other_list[ITEMS];
    size_t found, other_found;
    query.min_support = 0;
    ASSERT_OK(lfrec_fold_in(model, &history, &user));
    ASSERT_OK(lfrec_fold_in(other, &history, &other_user));
    ASSERT_OK(lfrec_top(model, &user, &query, list, &found));
    ASSERT_OK(lfrec_top(other, &other_user, &query, other_list, &other_found));
    HOLDS(found == ITEMS && other_found == ITEMS);
    HOLDS(memcmp(list, other_list, sizeof list) == 0);
    free(h);
    free(other_h);
}

START_TEST(view_serves_in_place_and_is_never_changed)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        for (size_t k = 0; k < COUNT(sizes); k++) {
            lfrec_model model, view;
            random_model(&model, all_settings[s], ITEMS, sizes[k]);
            const blob b = saved(&model);
            for (size_t shift = 0; shift < 16; shift++) {
                bordered copy = border(b.bytes, shift);
                memcpy(copy.at, b.at, b.bytes);
                memset(&view, 0x5a, sizeof view);
                const lfrec_model before = view;
                const lfrec_status status = lfrec_view(&view, copy.at, b.bytes);
                if (shift % 4 && little_endian()) {
                    ck_assert_int_eq(status, LFREC_ERROR_ALIGNMENT);
                    ck_assert_mem_eq(&view, &before, sizeof view);
                    border_free(&copy);
                    continue;
                }
                if (!little_endian()) {
                    ck_assert_int_eq(status, LFREC_ERROR_ARGUMENT);
                    border_free(&copy);
                    continue;
                }
                ASSERT_OK(status);
                ck_assert(same_model(&model, &view));
                ck_assert((const unsigned char *)view.decoder > copy.at &&
                          (const unsigned char *)view.decoder < copy.at + b.bytes);
                assert_serves_alike(&model, &view);
                lfrec_means means;
                ASSERT_OK(lfrec_means_create(&means, ITEMS, NULL));
                ASSERT_STATUS(lfrec_model_copy(&view, &model), LFREC_ERROR_ARGUMENT);
                ASSERT_STATUS(lfrec_model_set_means(&view, &means), LFREC_ERROR_ARGUMENT);
                ASSERT_STATUS(lfrec_model_set_item_mean(&view, &means, 0), LFREC_ERROR_ARGUMENT);
                lfrec_means_destroy(&means);
                const blob again = saved(&view);
                ck_assert_mem_eq(again.at, b.at, b.bytes);
                free(again.at);
                lfrec_model_destroy(&view); /* the buffer is not its own */
                ck_assert_mem_eq(copy.at, b.at, b.bytes);
                border_free(&copy);
            }
            free(b.at);
            lfrec_model_destroy(&model);
        }
    }
}
END_TEST

START_TEST(buffers_and_memory_may_start_at_any_address)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        lfrec_model model, loaded;
        random_model(&model, all_settings[s], ITEMS, 3);
        const blob b = saved(&model);
        for (size_t shift = 0; shift < 16; shift++) {
            bordered copy = border(b.bytes, shift);
            size_t written;
            ASSERT_OK(lfrec_save_buffer(&model, copy.at, b.bytes, &written));
            ck_assert_mem_eq(copy.at, b.at, b.bytes);
            ASSERT_OK(lfrec_load_buffer(&loaded, copy.at, b.bytes, NULL));
            ck_assert(same_model(&model, &loaded));
            assert_serves_alike(&model, &loaded);
            lfrec_model_destroy(&loaded);
            border_free(&copy);
        }
        free(b.at);
        lfrec_model_destroy(&model);
    }
}
END_TEST

/* ---- readers and writers ---- */

/* A reader and writer over a buffer that fails at one call. */
typedef struct {
    blob *data;
    size_t at, calls, fail_at;
    int lie; /* say more than was asked for instead of failing */
} stream;

static int stream_write(void *context, const void *data, size_t bytes)
{
    stream *s = context;
    if (++s->calls == s->fail_at || bytes > s->data->bytes - s->at) return 0;
    memcpy(s->data->at + s->at, data, bytes);
    s->at += bytes;
    return 1;
}

static int stream_read(void *context, void *data, size_t bytes, size_t *got)
{
    stream *s = context;
    if (++s->calls == s->fail_at) {
        *got = bytes + 1;
        return s->lie;
    }
    *got = bytes < s->data->bytes - s->at ? bytes : s->data->bytes - s->at;
    memcpy(data, s->data->at + s->at, *got);
    s->at += *got;
    return 1;
}

START_TEST(writer_that_fails_at_any_call_is_reported)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        lfrec_model model;
        random_model(&model, all_settings[s], 40, 5);
        blob b = saved(&model), out = {take(b.bytes), b.bytes, 0};
        stream all = {&out, 0, 0, 0, 0};
        ASSERT_OK(lfrec_save(&model, stream_write, &all));
        ck_assert_uint_eq(all.at, b.bytes);
        ck_assert_mem_eq(out.at, b.at, b.bytes);
        ck_assert_uint_gt(all.calls, 2);
        for (size_t call = 1; call <= all.calls; call++) {
            stream failing = {&out, 0, 0, call, 0};
            ASSERT_STATUS(lfrec_save(&model, stream_write, &failing), LFREC_ERROR_IO);
            ck_assert_uint_eq(failing.calls, call); /* not called again after it failed */
        }
        ASSERT_STATUS(lfrec_save(&model, NULL, NULL), LFREC_ERROR_ARGUMENT);
        free(b.at);
        free(out.at);
        lfrec_model_destroy(&model);
    }
}
END_TEST

START_TEST(reader_that_fails_at_any_call_is_reported)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        lfrec_model model, loaded, before;
        lfrec_file file;
        random_model(&model, all_settings[s], 40, 5);
        blob b = saved(&model);
        stream all = {&b, 0, 0, 0, 0};
        ASSERT_OK(lfrec_load_header(&file, stream_read, &all));
        ck_assert_uint_eq(file.version, LFREC_FORMAT_VERSION);
        ck_assert_int_eq(file.setting, all_settings[s]);
        ck_assert_uint_eq(file.items, 40);
        ck_assert_uint_eq(file.factors, 5);
        ck_assert_uint_eq(file.bytes, b.bytes);
        bordered memory = border(file.memory_bytes, 5);
        ASSERT_OK(lfrec_load(&loaded, &file, stream_read, &all, memory.at, file.memory_bytes));
        ck_assert(same_model(&model, &loaded));
        ck_assert_uint_eq(all.at, b.bytes); /* no byte beyond the model's: others may follow in the stream */
        for (size_t call = 1; call <= all.calls; call++) {
            for (int lie = 0; lie < 2; lie++) {
                stream failing = {&b, 0, 0, call, lie};
                memset(&loaded, 0x5a, sizeof loaded);
                before = loaded;
                lfrec_status status = lfrec_load_header(&file, stream_read, &failing);
                ck_assert_int_eq(status, call == 1 ? LFREC_ERROR_IO : LFREC_OK);
                if (status == LFREC_OK)
                    status = lfrec_load(&loaded, &file, stream_read, &failing, memory.at, file.memory_bytes);
                ck_assert_int_eq(status, LFREC_ERROR_IO);
                ck_assert_uint_eq(failing.calls, call);
                ck_assert_mem_eq(&loaded, &before, sizeof loaded);
            }
        }
        stream again = {&b, 0, 0, 0, 0};
        ASSERT_OK(lfrec_load_header(&file, stream_read, &again));
        border_free(&memory);
        size_t refused = 0;
        for (size_t less = 0; less < file.memory_bytes; less += BY_SPEED(7, 199)) {
            bordered small = border(less, less % 16);
            again.at = HEADER;
            const lfrec_status status = lfrec_load(&loaded, &file, stream_read, &again, small.at, less);
            HOLDS(status == LFREC_OK || status == LFREC_ERROR_MEMORY);
            refused += status == LFREC_ERROR_MEMORY;
            border_free(&small);
        }
        ck_assert_uint_ge(refused, (file.memory_bytes - 128) / BY_SPEED(7, 199));
        free(b.at);
        lfrec_model_destroy(&model);
    }
}
END_TEST

START_TEST(reader_that_ends_early_is_told_from_one_that_fails)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        const blob b = saved_random(all_settings[s], ITEMS, 3);
        for (size_t bytes = 0; bytes < b.bytes; bytes++) {
            blob part = {b.at, bytes, 0};
            stream in = {&part, 0, 0, 0, 0};
            unsigned char memory[2048];
            lfrec_file file;
            lfrec_model model;
            const lfrec_status status = lfrec_load_header(&file, stream_read, &in);
            HOLDS(status == (bytes < HEADER ? LFREC_ERROR_TRUNCATED : LFREC_OK));
            if (status == LFREC_OK)
                HOLDS(lfrec_load(&model, &file, stream_read, &in, memory, sizeof memory) == LFREC_ERROR_TRUNCATED);
        }
        free(b.at);
    }
}
END_TEST

/* ---- files that are wrong ---- */

START_TEST(every_truncation_is_reported)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        const blob b = saved_random(all_settings[s], ITEMS, 3);
        for (size_t bytes = 0; bytes < b.bytes; bytes++)
            assert_refused_each(b.at, bytes, LFREC_ERROR_TRUNCATED, "first bytes", bytes);
        free(b.at);
    }
}
END_TEST

START_TEST(every_flipped_bit_is_reported)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        blob b = saved_random(all_settings[s], 3, 2);
        for (size_t bit = 0; bit < 8 * b.bytes; bit++) {
            b.at[bit / 8] ^= (unsigned char)(1 << bit % 8);
            assert_refused_each(b.at, b.bytes, bit < 64 ? LFREC_ERROR_FOREIGN : LFREC_ERROR_CORRUPT, "bit", bit);
            b.at[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        free(b.at);
    }
}
END_TEST

START_TEST(newer_format_is_named_and_older_than_the_first_is_damage)
{
    blob b = saved_random(LFREC_ARTICLE, ITEMS, 3);
    put32(b.at + 8, 2);
    seal(&b);
    assert_refused_each(b.at, b.bytes, LFREC_ERROR_VERSION, "version", 2);
    assert_refused_each(b.at, HEADER, LFREC_ERROR_VERSION, "version", 2); /* whatever comes after the header then */
    put32(b.at + 8, UINT32_MAX);
    seal(&b);
    assert_refused_each(b.at, b.bytes, LFREC_ERROR_VERSION, "version", UINT32_MAX);
    put32(b.at + 8, 0);
    seal(&b);
    assert_refused_each(b.at, b.bytes, LFREC_ERROR_CORRUPT, "version", 0);
    free(b.at);
}
END_TEST

START_TEST(foreign_files_are_told_from_damaged_ones)
{
    static const char *const files[] = {"x", "\x89PNG\r\n\x1a\n", "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n",
                                        "PK\x03\x04", "{\"model\":[]}"};
    unsigned char zeros[200] = {0};
    for (size_t k = 0; k < COUNT(files); k++)
        assert_refused_each((const unsigned char *)files[k], strlen(files[k]), LFREC_ERROR_FOREIGN, "file", k);
    assert_refused_each(zeros, sizeof zeros, LFREC_ERROR_FOREIGN, "zeros", 0);
    assert_refused_each(zeros, 0, LFREC_ERROR_TRUNCATED, "nothing", 0);
    /* What a transfer as text makes of it. */
    blob b = saved_random(LFREC_ARTICLE, ITEMS, 3);
    memmove(b.at + 6, b.at + 7, b.bytes - 7);
    assert_refused_each(b.at, b.bytes - 1, LFREC_ERROR_FOREIGN, "line ends", 0);
    free(b.at);
}
END_TEST

START_TEST(bytes_after_the_end_are_refused)
{
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        const blob b = saved_random(all_settings[s], ITEMS, 3);
        unsigned char *longer = take(b.bytes + 100);
        memset(longer, 0, b.bytes + 100);
        memcpy(longer, b.at, b.bytes);
        for (size_t more = 1; more <= 100; more += 9)
            assert_refused_each(longer, b.bytes + more, LFREC_ERROR_CORRUPT, "bytes more", more);
        free(longer);
        free(b.at);
    }
}
END_TEST

/* Fields that no lfrec function writes, under right checksums: what an attacker or another program could make. */
START_TEST(fields_that_make_no_sense_are_refused)
{
    static const struct {
        size_t at;
        uint32_t value;
    } changes[] = {
        {12, 4},          {12, UINT32_MAX}, {16, HEADER},     {16, 0},          {20, 1},          {24, 0},
        {24, ITEMS + 1},  {24, ITEMS - 1},  {24, UINT32_MAX}, {28, 0},          {28, 2},          {28, 4},
        {28, ITEMS + 1},  {28, UINT32_MAX}, {32, 2},          {32, UINT32_MAX}, {36, 0x7fc00000}, {36, 0x7f800000},
        {40, 0x7fc00000}, {40, 0xff800000}, {40, 0x40a00000}, {44, 0x7f800000}, {44, 0x3f000000}, {48, 0x7fc00000},
        {48, 0xbf800000}, {52, 0x7fc00000}, {52, 0xbf800000}, {56, 1},          {56, 0xbf800000}, {56, 0x7fc00000},
        {60, 0x80000000}, {60, 0x7fc00000}, {64, 1},
    };
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        for (size_t k = 0; k < COUNT(changes); k++) {
            blob b = saved_random(all_settings[s], ITEMS, 3);
            put32(b.at + changes[k].at, changes[k].value);
            seal(&b);
            assert_refused_each(b.at, b.bytes, LFREC_ERROR_CORRUPT, "field", changes[k].at);
            free(b.at);
        }
        blob b = saved_random(all_settings[s], ITEMS, 3);
        put32(b.at + 12, (uint32_t)all_settings[(s + 1) % COUNT(all_settings)]); /* the other setting has another size */
        seal(&b);
        assert_refused_each(b.at, b.bytes, LFREC_ERROR_CORRUPT, "setting", 0);
        free(b.at);
    }
}
END_TEST

START_TEST(weights_that_are_no_numbers_are_neither_saved_nor_loaded)
{
    static const uint32_t bad[] = {0x7fc00000, 0x7f800000, 0xff800000};
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        blob b = saved_random(all_settings[s], ITEMS, 3);
        for (size_t at = HEADER; at < b.bytes - 4; at += 4) {
            if (at >= HEADER + 4 * ITEMS && at < HEADER + 8 * ITEMS) continue; /* support is no float */
            const uint32_t was = get32(b.at + at);
            put32(b.at + at, bad[at / 4 % 3]);
            seal(&b);
            assert_refused_each(b.at, b.bytes, LFREC_ERROR_CORRUPT, "number", at);
            put32(b.at + at, was);
        }
        free(b.at);
        lfrec_model model;
        unsigned char buffer[2000];
        size_t written = 77;
        random_model(&model, all_settings[s], ITEMS, 3);
        const float *const arrays[] = {model.item_mean, model.encoder,  model.decoder,   model.offset,
                                       model.implicit,  model.variance, model.precision, model.gram};
        for (size_t k = 0; k < COUNT(arrays); k++) {
            if (!arrays[k]) continue;
            const float was = arrays[k][1];
            writable(arrays[k])[1] = NAN;
            ASSERT_STATUS(lfrec_save_buffer(&model, buffer, sizeof buffer, &written), LFREC_ERROR_NUMBER);
            writable(arrays[k])[1] = was;
        }
        ck_assert_uint_eq(written, 77);
        lfrec_model_destroy(&model);
    }
}
END_TEST

/* A few bytes must not make the reader ask for gigabytes: a buffer's length is known before anything is allocated. */
START_TEST(small_buffer_that_promises_a_huge_model_allocates_nothing)
{
    blob b = saved_random(LFREC_ARTICLE, ITEMS, 3);
    const uint32_t items = 40000000, factors = 64;
    const uint64_t bytes = HEADER + (uint64_t)items * (2 + 2 * factors) * 4 + 4;
    lfrec_model model;
    watch w;
    const lfrec_allocator allocator = watched(&w);
    put32(b.at + 16, (uint32_t)bytes);
    put32(b.at + 20, (uint32_t)(bytes >> 32));
    put32(b.at + 24, items);
    put32(b.at + 28, factors);
    seal(&b);
    const lfrec_status status = lfrec_load_buffer(&model, b.at, b.bytes, &allocator);
    ck_assert(status == (SIZE_MAX > UINT32_MAX ? LFREC_ERROR_TRUNCATED : LFREC_ERROR_OVERFLOW));
    ck_assert_uint_eq(w.calls, 0);
    free(b.at);
}
END_TEST

START_TEST(memory_that_is_not_there_is_reported)
{
    const blob b = saved_random(LFREC_SGD, ITEMS, 3);
    unsigned char *buffer = take(b.bytes);
    lfrec_model model;
    watch w;
    const lfrec_allocator allocator = watched(&w);
    size_t written = 77;
    w.fail_at = 1;
    ASSERT_STATUS(lfrec_load_buffer(&model, b.at, b.bytes, &allocator), LFREC_ERROR_MEMORY);
    ASSERT_OK(lfrec_load_buffer(&model, b.at, b.bytes, &allocator));
    ck_assert_uint_eq(w.live, 1);
    for (size_t less = 0; less < b.bytes; less += 7) {
        bordered small = border(less, 0);
        ASSERT_STATUS(lfrec_save_buffer(&model, small.at, less, &written), LFREC_ERROR_MEMORY);
        border_free(&small);
    }
    ck_assert_uint_eq(written, 77);
    ASSERT_STATUS(lfrec_save_buffer(&model, NULL, b.bytes, &written), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_save_buffer(&model, buffer, b.bytes, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_save_size(&model, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_load_buffer(NULL, b.at, b.bytes, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_load_buffer(&model, NULL, b.bytes, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_view(NULL, b.at, b.bytes), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_view(&model, NULL, b.bytes), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_load_header(NULL, stream_read, NULL), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_load_header(&(lfrec_file){0}, NULL, NULL), LFREC_ERROR_ARGUMENT);
    lfrec_model_destroy(&model);
    ck_assert_uint_eq(w.live, 0);
    free(buffer);
    free(b.at);
}
END_TEST

/* lfrec_load trusts no lfrec_file that lfrec_load_header did not fill in. */
START_TEST(header_that_was_not_read_is_refused)
{
    blob b = saved_random(LFREC_ARTICLE, ITEMS, 3);
    stream s = {&b, HEADER, 0, 0, 0};
    unsigned char memory[2048];
    lfrec_file file;
    lfrec_model model;
    memset(&file, 0, sizeof file);
    file.items = 5;
    ASSERT_STATUS(lfrec_load(&model, &file, stream_read, &s, memory, sizeof memory), LFREC_ERROR_FOREIGN);
    ck_assert_uint_eq(s.calls, 0);
    free(b.at);
}
END_TEST

/* ---- files on disk ---- */

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[2][128];
    static int turn;
    turn = !turn;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void folder_make(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/lfrec-files-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void folder_remove(void)
{
    static const char *const names[] = {"model", "model.tmp"};
    for (size_t k = 0; k < COUNT(names); k++) {
        (void)unlink(path_of(names[k]));
        (void)rmdir(path_of(names[k]));
    }
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else was left there */
}

static void write_file(const char *path, const void *data, size_t bytes)
{
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, bytes, f), bytes);
    ck_assert_int_eq(fclose(f), 0);
}

START_TEST(file_on_disk_comes_back_and_is_replaced_whole)
{
    folder_make();
    for (size_t s = 0; s < COUNT(all_settings); s++) {
        lfrec_model model, loaded;
        watch w;
        const lfrec_allocator allocator = watched(&w);
        random_model(&model, all_settings[s], 200, 7);
        ASSERT_OK(lfrec_save_file(&model, path_of("model"))); /* the second time over the first */
        ck_assert_int_ne(access(path_of("model.tmp"), F_OK), 0);
        ASSERT_OK(lfrec_load_file(&loaded, path_of("model"), &allocator));
        ck_assert(same_model(&model, &loaded));
        lfrec_model_destroy(&loaded);
        ck_assert_uint_eq(w.live, 0);
        lfrec_model_destroy(&model);
    }
    folder_remove();
}
END_TEST

START_TEST(save_that_fails_leaves_the_old_file)
{
    folder_make();
    lfrec_model model, loaded;
    random_model(&model, LFREC_SGD, ITEMS, 3);
    ASSERT_OK(lfrec_save_file(&model, path_of("model")));
    /* The temporary file cannot be made. */
    ck_assert_int_eq(mkdir(path_of("model.tmp"), 0700), 0);
    ASSERT_STATUS(lfrec_save_file(&model, path_of("model")), LFREC_ERROR_IO);
    (void)rmdir(path_of("model.tmp"));
    /* The model cannot be saved. */
    const float was = model.decoder[0];
    writable(model.decoder)[0] = INFINITY;
    ASSERT_STATUS(lfrec_save_file(&model, path_of("model")), LFREC_ERROR_NUMBER);
    ck_assert_int_ne(access(path_of("model.tmp"), F_OK), 0);
    writable(model.decoder)[0] = was;
    ASSERT_OK(lfrec_load_file(&loaded, path_of("model"), NULL));
    ck_assert(same_model(&model, &loaded));
    lfrec_model_destroy(&loaded);
    /* A folder is in the way of the new name. */
    (void)unlink(path_of("model"));
    ck_assert_int_eq(mkdir(path_of("model"), 0700), 0);
    ASSERT_STATUS(lfrec_save_file(&model, path_of("model")), LFREC_ERROR_IO);
    ck_assert_int_ne(access(path_of("model.tmp"), F_OK), 0);
    ASSERT_STATUS(lfrec_save_file(&model, path_of("nowhere/model")), LFREC_ERROR_IO);
    ASSERT_STATUS(lfrec_save_file(&model, ""), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_save_file(&model, NULL), LFREC_ERROR_ARGUMENT);
    char *endless = take(5000);
    memset(endless, 'a', 5000);
    endless[4999] = '\0';
    ASSERT_STATUS(lfrec_save_file(&model, endless), LFREC_ERROR_ARGUMENT);
    free(endless);
    lfrec_model_destroy(&model);
    folder_remove();
}
END_TEST

START_TEST(disk_that_is_full_is_reported)
{
    /* /dev/full as the temporary file: every write to it fails. */
    folder_make();
    lfrec_model model, loaded;
    random_model(&model, LFREC_SGD, 2000, 7);
    ASSERT_OK(lfrec_save_file(&model, path_of("model")));
    if (access("/dev/full", W_OK) == 0 && symlink("/dev/full", path_of("model.tmp")) == 0) {
        ASSERT_STATUS(lfrec_save_file(&model, path_of("model")), LFREC_ERROR_IO);
        ASSERT_OK(lfrec_load_file(&loaded, path_of("model"), NULL));
        ck_assert(same_model(&model, &loaded));
        lfrec_model_destroy(&loaded);
    }
    lfrec_model_destroy(&model);
    folder_remove();
}
END_TEST

START_TEST(bad_files_on_disk_are_refused)
{
    folder_make();
    const blob b = saved_random(LFREC_ARTICLE, ITEMS, 3);
    unsigned char *longer = take(b.bytes + 1);
    lfrec_model model, before;
    watch w;
    const lfrec_allocator allocator = watched(&w);
    memset(&model, 0x5a, sizeof model);
    before = model;
    ASSERT_STATUS(lfrec_load_file(&model, path_of("model"), &allocator), LFREC_ERROR_IO); /* not there */
    ASSERT_STATUS(lfrec_load_file(&model, folder, &allocator), LFREC_ERROR_IO);           /* a folder */
    ASSERT_STATUS(lfrec_load_file(&model, NULL, &allocator), LFREC_ERROR_ARGUMENT);
    ASSERT_STATUS(lfrec_load_file(NULL, folder, &allocator), LFREC_ERROR_ARGUMENT);
    for (size_t bytes = 0; bytes < b.bytes; bytes += 13) {
        write_file(path_of("model"), b.at, bytes);
        ASSERT_STATUS(lfrec_load_file(&model, path_of("model"), &allocator), LFREC_ERROR_TRUNCATED);
    }
    memcpy(longer, b.at, b.bytes);
    longer[b.bytes] = 0;
    write_file(path_of("model"), longer, b.bytes + 1);
    ASSERT_STATUS(lfrec_load_file(&model, path_of("model"), &allocator), LFREC_ERROR_CORRUPT);
    b.at[100] ^= 1;
    write_file(path_of("model"), b.at, b.bytes);
    ASSERT_STATUS(lfrec_load_file(&model, path_of("model"), &allocator), LFREC_ERROR_CORRUPT);
    write_file(path_of("model"), "movieId,title\n", 14);
    ASSERT_STATUS(lfrec_load_file(&model, path_of("model"), &allocator), LFREC_ERROR_FOREIGN);
    ck_assert_uint_eq(w.live, 0);
    ck_assert_mem_eq(&model, &before, sizeof model);
    free(longer);
    free(b.at);
    folder_remove();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        model_comes_back_bit_by_bit,
        view_of_the_first_items_comes_back,
        file_is_laid_out_as_the_manual_says,
        view_serves_in_place_and_is_never_changed,
        buffers_and_memory_may_start_at_any_address,
        writer_that_fails_at_any_call_is_reported,
        reader_that_fails_at_any_call_is_reported,
        reader_that_ends_early_is_told_from_one_that_fails,
        every_truncation_is_reported,
        every_flipped_bit_is_reported,
        newer_format_is_named_and_older_than_the_first_is_damage,
        foreign_files_are_told_from_damaged_ones,
        bytes_after_the_end_are_refused,
        fields_that_make_no_sense_are_refused,
        weights_that_are_no_numbers_are_neither_saved_nor_loaded,
        small_buffer_that_promises_a_huge_model_allocates_nothing,
        memory_that_is_not_there_is_reported,
        header_that_was_not_read_is_refused,
        file_on_disk_comes_back_and_is_replaced_whole,
        save_that_fails_leaves_the_old_file,
        disk_that_is_full_is_reported,
        bad_files_on_disk_are_refused,
    };
    return run_tests("files", tests, COUNT(tests), 120);
}
