/* dataset.c - see dataset.h. One pass over each file, which is held in memory meanwhile: fields are cut and unquoted in place, numbers
 * are read by hand, and ids go through a hash table, so that a million rows take about a tenth of a second. */
#include "dataset.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const reason_text[DATASET_REASONS] = {
    [DATASET_FEW_COLUMNS] = "fewer than three columns",
    [DATASET_QUOTES] = "quotes that do not pair up",
    [DATASET_EMPTY_USER] = "empty user",
    [DATASET_EMPTY_ITEM] = "empty item",
    [DATASET_LONG_ID] = "an id longer than 512 bytes",
    [DATASET_BAD_TEXT] = "an id that is not UTF-8 text",
    [DATASET_NO_RATING] = "no rating",
    [DATASET_NO_NUMBER] = "a rating that is not a number",
    [DATASET_OFF_SCALE] = "a rating off the scale",
};

static bool fail(char error[DATASET_ERROR_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, DATASET_ERROR_MAX, format, arguments);
    va_end(arguments);
    return false;
}

static bool out_of_memory(char error[DATASET_ERROR_MAX], const char *path)
{
    return fail(error, "%s: out of memory", path);
}

/* ---- text that lives as long as the data ---- */

#define ARENA_BYTES ((size_t)64 * 1024)

typedef struct arena_block {
    struct arena_block *next;
    size_t used, bytes;
    char text[];
} arena_block;

/* Room for length bytes and a NUL, or NULL. */
static char *arena_take(dataset *data, size_t length)
{
    arena_block *block = data->arena;
    if (block == NULL || block->bytes - block->used <= length) {
        size_t bytes = length < ARENA_BYTES ? ARENA_BYTES : length + 1;
        arena_block *fresh = malloc(sizeof *fresh + bytes);
        if (fresh == NULL) return NULL;
        fresh->next = block;
        fresh->used = 0;
        fresh->bytes = bytes;
        data->arena = block = fresh;
    }
    char *text = block->text + block->used;
    block->used += length + 1;
    text[length] = '\0';
    return text;
}

/* ---- ids ---- */

#define NO_INDEX UINT32_MAX

static uint32_t hash_of(const char *text, size_t length)
{
    uint64_t hash = 0x9E3779B97F4A7C15u ^ length;
    for (; length >= 8; text += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, text, 8);
        hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    uint64_t rest = 0;
    for (size_t k = 0; k < length; k++) rest |= (uint64_t)(unsigned char)text[k] << (8 * k);
    hash = (hash ^ rest) * 0xD6E8FEB86659FD93u;
    return (uint32_t)(hash ^ hash >> 32);
}

/* The index of an id, or NO_INDEX; *at is then the slot where it belongs, if there are slots. */
static uint32_t ids_find(const dataset_ids *ids, const char *text, size_t length, uint32_t hash, uint32_t *at)
{
    if (ids->slots == 0) return NO_INDEX;
    uint32_t mask = ids->slots - 1;
    for (uint32_t k = hash & mask;; k = (k + 1) & mask) {
        uint32_t index = ids->slot[k];
        if (index == 0) {
            *at = k;
            return NO_INDEX;
        }
        index--;
        if (ids->hash[index] == hash && strncmp(ids->text[index], text, length) == 0 && ids->text[index][length] == '\0')
            return index;
    }
}

/* Grows so that one more id fits and at least half of the slots stay empty. */
static bool ids_reserve(dataset_ids *ids)
{
    if (ids->count == ids->capacity) {
        if (ids->capacity > UINT32_MAX / 4) return false;
        uint32_t capacity = ids->capacity ? ids->capacity * 2 : 1024;
        char **text = realloc(ids->text, capacity * sizeof *text);
        if (text == NULL) return false;
        ids->text = text;
        uint32_t *hash = realloc(ids->hash, capacity * sizeof *hash);
        if (hash == NULL) return false;
        ids->hash = hash;
        ids->capacity = capacity;
    }
    if (ids->slots / 2 <= ids->count) {
        uint32_t slots = ids->slots ? ids->slots * 2 : 4096;
        uint32_t *slot = calloc(slots, sizeof *slot);
        if (slot == NULL) return false;
        for (uint32_t index = 0; index < ids->count; index++) {
            uint32_t k = ids->hash[index] & (slots - 1);
            while (slot[k] != 0) k = (k + 1) & (slots - 1);
            slot[k] = index + 1;
        }
        free(ids->slot);
        ids->slot = slot;
        ids->slots = slots;
    }
    return true;
}

static void ids_free(dataset_ids *ids)
{
    free(ids->text);
    free(ids->slot);
    free(ids->hash);
}

/* ---- UTF-8 ---- */

/* Bytes of the well-formed sequence at text (RFC 3629: no surrogates, nothing overlong), or 0. */
static size_t utf8_sequence(const unsigned char *text, size_t left)
{
    if (text[0] < 0x80) return 1;
    size_t length = text[0] >= 0xF0 ? 4 : text[0] >= 0xE0 ? 3 : 2;
    if (text[0] < 0xC2 || text[0] > 0xF4 || length > left) return 0;
    for (size_t k = 1; k < length; k++)
        if ((text[k] & 0xC0) != 0x80) return 0;
    if ((text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F) ||
        (text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F))
        return 0;
    return length;
}

static bool is_utf8(const char *text, size_t length)
{
    for (size_t k = 0, step; k < length; k += step)
        if ((step = utf8_sequence((const unsigned char *)text + k, length - k)) == 0) return false;
    return true;
}

/* A printable copy: ISO-8859-1 becomes UTF-8 when `latin1`, control characters become blanks. NULL: out of memory. */
static char *printable(dataset *data, const char *text, size_t length, bool latin1)
{
    size_t wide = 0;
    for (size_t k = 0; k < length; k++) wide += (unsigned char)text[k] >= 0x80;
    char *copy = arena_take(data, latin1 ? length + wide : length), *to = copy;
    if (copy == NULL) return NULL;
    for (size_t k = 0; k < length; k++) {
        unsigned char c = (unsigned char)text[k];
        if (c < 0x20 || c == 0x7F) {
            *to++ = ' ';
        } else if (c < 0x80 || !latin1) {
            *to++ = (char)c;
        } else {
            *to++ = (char)(0xC0 | c >> 6);
            *to++ = (char)(0x80 | (c & 0x3F));
        }
    }
    return copy;
}

/* ---- files ---- */

typedef struct file_bytes {
    char *data; /* NUL-terminated */
    size_t length;
} file_bytes;

typedef enum got { GOT_FILE, GOT_NOTHING, GOT_FOLDER, GOT_ERROR } got;

/* Reads all of a file, also one whose length is not known, such as a pipe. GOT_ERROR fills in error. */
static got slurp(const char *path, file_bytes *file, char error[DATASET_ERROR_MAX])
{
    *file = (file_bytes){NULL, 0};
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        if (errno == ENOENT || errno == ENOTDIR) return GOT_NOTHING;
        fail(error, "%s: cannot be opened: %s", path, strerror(errno));
        return GOT_ERROR;
    }
    long told = fseek(stream, 0, SEEK_END) == 0 ? ftell(stream) : -1;
    rewind(stream);
    /* A folder opens, tells LONG_MAX on some systems, and fails only when it is read. */
    size_t room = told > 0 && told < 0x7FFFFFFF ? (size_t)told + 1 : 65536;
    got result = GOT_FILE;
    errno = 0;
    for (;;) {
        char *larger = file->data == NULL || file->length + 1 >= room
                           ? realloc(file->data, (room += file->data ? room : 0) + 1)
                           : file->data;
        if (larger == NULL) {
            out_of_memory(error, path);
            result = GOT_ERROR;
            break;
        }
        file->data = larger;
        size_t n = fread(file->data + file->length, 1, room - file->length, stream);
        file->length += n;
        if (n == 0) break;
    }
    if (result == GOT_FILE && ferror(stream)) {
        result = errno == EISDIR ? GOT_FOLDER : GOT_ERROR;
        if (result == GOT_ERROR) fail(error, "%s: cannot be read: %s", path, strerror(errno));
    }
    fclose(stream);
    if (result != GOT_FILE) {
        free(file->data);
        *file = (file_bytes){NULL, 0};
        return result;
    }
    file->data[file->length] = '\0';
    static const struct {
        const char *magic;
        size_t length;
        const char *command;
    } packed[] = {{"PK\3\4", 4, "unzip"},
                  {"\x1F\x8B", 2, "gunzip -k"},
                  {"\xFD"
                   "7zXZ",
                   5, "xz -dk"},
                  {"\x28\xB5\x2F\xFD", 4, "unzstd"}};
    for (size_t k = 0; k < sizeof packed / sizeof packed[0]; k++)
        if (file->length >= packed[k].length && memcmp(file->data, packed[k].magic, packed[k].length) == 0) {
            fail(error, "%s: is compressed; unpack it first: %s %s", path, packed[k].command, path);
            free(file->data);
            *file = (file_bytes){NULL, 0};
            return GOT_ERROR;
        }
    return GOT_FILE;
}

/* ---- rows and fields ---- */

/* What one file's reading needs to remember. */
typedef struct reader {
    const char *path;
    char *at, *end; /* the rest of the file */
    uint64_t line;  /* of the row being read, from 1 */
    int separator;  /* ',' ';' '\t', or ':' for "::" */
} reader;

/* Text between two separators, unquoted, in the file's own memory. */
typedef struct field {
    char *text;
    size_t length;
} field;

static void reader_open(reader *rows, const char *path, const file_bytes *file)
{
    *rows = (reader){.path = path, .at = file->data, .end = file->data + file->length, .line = 0, .separator = ','};
    if (file->length >= 3 && memcmp(file->data, "\xEF\xBB\xBF", 3) == 0) rows->at += 3; /* a byte order mark */
    size_t first = strcspn(rows->at, "\r\n");
    char *mark = memchr(rows->at, ':', first);
    while (mark != NULL && mark[1] != ':') mark = memchr(mark + 1, ':', first - (size_t)(mark + 1 - rows->at));
    const char *other = strpbrk(rows->at, ",;\t");
    if (mark != NULL) rows->separator = ':';
    else if (other != NULL && other < rows->at + first) rows->separator = (unsigned char)*other;
}

/* The next row that is not empty: its text, without the row's end. false at the end of the file. */
static bool reader_row(reader *rows, char **start, char **end)
{
    while (rows->at < rows->end) {
        char *row = rows->at, *stop = row;
        while (stop < rows->end && *stop != '\n' && *stop != '\r') stop++;
        rows->at = stop < rows->end ? stop + 1 : stop;
        if (stop + 1 < rows->end && stop[0] == '\r' && stop[1] == '\n') rows->at++;
        rows->line++;
        if (stop > row) {
            *start = row;
            *end = stop;
            return true;
        }
    }
    return false;
}

/* Cuts the field at *at off the row; *at becomes NULL after the row's last one. false: a quoted field goes wrong. */
static bool next_field(const reader *rows, char **at, const char *end, field *out)
{
    char *text = *at, *stop = text;
    if (text < end && *text == '"' && rows->separator != ':') {
        char *to = text;
        for (char *from = text + 1;; from++) {
            if (from >= end) return false;
            if (*from == '"') {
                if (from + 1 < end && from[1] == '"') {
                    from++;
                } else {
                    stop = from + 1;
                    break;
                }
            }
            *to++ = *from;
        }
        if (stop < end && *stop != rows->separator) return false;
        *out = (field){text, (size_t)(to - text)};
        *at = stop < end ? stop + 1 : NULL;
        return true;
    }
    size_t width = 1;
    if (rows->separator == ':') {
        width = 2;
        while (stop < end && !(stop[0] == ':' && stop + 1 < end && stop[1] == ':')) stop++;
    } else {
        while (stop < end && *stop != rows->separator) stop++;
    }
    *out = (field){text, (size_t)(stop - text)};
    *at = stop < end ? stop + width : NULL;
    return true;
}

static field trimmed(field f)
{
    while (f.length > 0 && (f.text[0] == ' ' || f.text[0] == '\t')) f.text++, f.length--;
    while (f.length > 0 && (f.text[f.length - 1] == ' ' || f.text[f.length - 1] == '\t')) f.length--;
    return f;
}

/* A decimal number. Plain ones are exact: up to 15 digits divided by a power of ten that a double holds are rounded once. */
static bool parse_rating(field f, float *value)
{
    static const double power[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    f = trimmed(f);
    const char *at = f.text, *end = f.text + f.length;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    uint64_t digits = 0;
    unsigned count = 0, decimals = 0;
    bool point = false;
    for (; at < end && count < 16; at++) {
        if (*at >= '0' && *at <= '9') {
            digits = digits * 10 + (uint64_t)(*at - '0');
            count++;
            decimals += point;
        } else if (*at == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    double number;
    if (at == end && count > 0 && count <= 15) {
        number = (double)digits / power[decimals];
        if (negative) number = -number;
    } else { /* long or with an exponent; strtod also knows words and hexadecimal, which are no ratings */
        char copy[64], *stop;
        if (f.length == 0 || f.length >= sizeof copy) return false;
        for (size_t k = 0; k < f.length; k++)
            if (strchr("0123456789+-.eE", f.text[k]) == NULL || f.text[k] == '\0') return false;
        memcpy(copy, f.text, f.length);
        copy[f.length] = '\0';
        number = strtod(copy, &stop);
        if (stop != copy + f.length || !(fabs(number) <= 1e30)) return false;
    }
    *value = (float)number;
    return true;
}

/* Seconds since 1970; 0 when the field is no whole number. */
static int64_t parse_timestamp(field f)
{
    f = trimmed(f);
    int64_t seconds = 0;
    if (f.length > 18) return 0;
    for (size_t k = 0; k < f.length; k++) {
        if (f.text[k] < '0' || f.text[k] > '9') return 0;
        seconds = seconds * 10 + (f.text[k] - '0');
    }
    return seconds;
}

/* ---- ratings ---- */

static void refuse(dataset *data, const reader *rows, dataset_reason reason)
{
    if (data->refused_rows < DATASET_SHOWN) {
        char *shown = data->shown[data->refused_rows];
        if (reason == DATASET_OFF_SCALE)
            snprintf(shown, DATASET_ERROR_MAX, "%s:%llu: %s %g .. %g", rows->path, (unsigned long long)rows->line,
                     reason_text[reason], (double)data->limit_min, (double)data->limit_max);
        else
            snprintf(shown, DATASET_ERROR_MAX, "%s:%llu: %s", rows->path, (unsigned long long)rows->line,
                     reason_text[reason]);
    }
    data->refused_rows++;
    data->refused[reason]++;
}

typedef enum outcome { ROW_KEPT, ROW_REFUSED, ROW_NO_MEMORY } outcome;

/* Looks an id up, or gives it the next index. Only new ids are looked at closely: a known one has passed. */
static outcome intern(dataset *data, dataset_ids *ids, field id, uint32_t *index, dataset_reason *reason)
{
    uint32_t hash = hash_of(id.text, id.length), at = 0;
    *index = ids_find(ids, id.text, id.length, hash, &at);
    if (*index != NO_INDEX) return ROW_KEPT;
    if (id.length > DATASET_ID_MAX) {
        *reason = DATASET_LONG_ID;
        return ROW_REFUSED;
    }
    if (!is_utf8(id.text, id.length)) {
        *reason = DATASET_BAD_TEXT;
        return ROW_REFUSED;
    }
    if (!ids_reserve(ids)) return ROW_NO_MEMORY;
    char *copy = arena_take(data, id.length);
    if (copy == NULL) return ROW_NO_MEMORY;
    memcpy(copy, id.text, id.length);
    ids_find(ids, id.text, id.length, hash, &at);
    *index = ids->count++;
    ids->text[*index] = copy;
    ids->hash[*index] = hash;
    ids->slot[at] = *index + 1;
    return ROW_KEPT;
}

static bool reserve_rating(dataset *data)
{
    if (data->count < data->capacity) return true;
    size_t capacity = data->capacity ? data->capacity * 2 : 4096;
    if (capacity > SIZE_MAX / sizeof *data->rating) return false;
    lfrec_rating *rating = realloc(data->rating, capacity * sizeof *rating);
    if (rating == NULL) return false;
    data->rating = rating;
    int64_t *timestamp = realloc(data->timestamp, capacity * sizeof *timestamp);
    if (timestamp == NULL) return false;
    data->timestamp = timestamp;
    data->capacity = capacity;
    return true;
}

/* Per-item arrays follow items.capacity, which grows by doubling. */
static bool reserve_items(dataset *data, uint32_t before)
{
    uint32_t capacity = data->items.capacity;
    if (capacity == before) return true;
    char **title = realloc(data->title, capacity * sizeof *title);
    if (title != NULL) data->title = title;
    char **genres = realloc(data->genres, capacity * sizeof *genres);
    if (genres != NULL) data->genres = genres;
    uint32_t *support = realloc(data->support, capacity * sizeof *support);
    if (support != NULL) data->support = support;
    if (title == NULL || genres == NULL || support == NULL) return false;
    for (uint32_t k = before; k < capacity; k++) {
        data->title[k] = data->genres[k] = NULL;
        data->support[k] = 0;
    }
    return true;
}

static outcome read_rating(dataset *data, const reader *rows, char *row, char *end, dataset_reason *reason)
{
    if (memchr(row, '\0', (size_t)(end - row)) != NULL) { /* so that strncmp may compare ids from here on */
        *reason = DATASET_BAD_TEXT;
        return ROW_REFUSED;
    }
    field column[4];
    unsigned columns = 0;
    for (char *at = row; at != NULL && columns < 4; columns++)
        if (!next_field(rows, &at, end, &column[columns])) {
            *reason = DATASET_QUOTES;
            return ROW_REFUSED;
        }
    float value;
    *reason = columns < 3                                          ? DATASET_FEW_COLUMNS
              : column[0].length == 0                              ? DATASET_EMPTY_USER
              : column[1].length == 0                              ? DATASET_EMPTY_ITEM
              : trimmed(column[2]).length == 0                     ? DATASET_NO_RATING
              : !parse_rating(column[2], &value)                   ? DATASET_NO_NUMBER
              : value < data->limit_min || value > data->limit_max ? DATASET_OFF_SCALE
                                                                   : DATASET_REASONS;
    if (*reason != DATASET_REASONS) return ROW_REFUSED;

    uint32_t user = 0, item = 0, before = data->items.capacity;
    /* Files are mostly sorted by user: the last one is the best guess. */
    uint32_t last = data->count > 0 ? data->rating[data->count - 1].user : NO_INDEX;
    if (last != NO_INDEX && strncmp(data->users.text[last], column[0].text, column[0].length) == 0 &&
        data->users.text[last][column[0].length] == '\0') {
        user = last;
    } else {
        outcome of_user = intern(data, &data->users, column[0], &user, reason);
        if (of_user != ROW_KEPT) return of_user;
    }
    outcome of_item = intern(data, &data->items, column[1], &item, reason);
    if (!reserve_items(data, before)) return ROW_NO_MEMORY;
    if (of_item != ROW_KEPT) return of_item;
    if (!reserve_rating(data)) return ROW_NO_MEMORY;

    int64_t when = columns > 3 ? parse_timestamp(column[3]) : 0;
    data->rating[data->count] = (lfrec_rating){user, item, value};
    data->timestamp[data->count] = when;
    data->timed += when != 0;
    if (data->count == 0 || value < data->lowest) data->lowest = value;
    if (data->count == 0 || value > data->highest) data->highest = value;
    data->count++;
    data->support[item]++;
    return ROW_KEPT;
}

/* A first line whose third column has letters and no digit names the columns. */
static bool is_header(const reader *rows, const char *row, const char *end)
{
    reader probe = *rows;
    char copy[1024];
    size_t length = (size_t)(end - row);
    if (length > sizeof copy) return false;
    memcpy(copy, row, length);
    field column = {NULL, 0};
    char *at = copy;
    for (int k = 0; k < 3; k++)
        if (at == NULL || !next_field(&probe, &at, copy + length, &column)) return false;
    bool letters = false;
    for (size_t k = 0; k < column.length; k++) {
        unsigned char c = (unsigned char)column.text[k];
        if (c >= '0' && c <= '9') return false;
        letters |= (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80;
    }
    return letters;
}

static bool take_ratings(dataset *data, const char *path, const file_bytes *file, char error[DATASET_ERROR_MAX])
{
    reader rows;
    reader_open(&rows, path, file);
    size_t before = data->count, refused_before = data->refused_rows;
    bool first = true;
    for (char *row, *end; reader_row(&rows, &row, &end); first = false) {
        if (first && is_header(&rows, row, end)) continue;
        dataset_reason reason = DATASET_REASONS;
        outcome one = read_rating(data, &rows, row, end, &reason);
        if (one == ROW_NO_MEMORY) return out_of_memory(error, path);
        if (one == ROW_REFUSED) refuse(data, &rows, reason);
    }
    if (data->count > before) return true;
    if (data->refused_rows == refused_before)
        return fail(error, "%s: has no ratings in it; expected rows of user,item,rating", path);
    return fail(error, "%s: not one of its %zu rows is a rating; expected user,item,rating[,timestamp]. %s", path,
                data->refused_rows - refused_before, refused_before == 0 ? data->shown[0] : "");
}

bool dataset_read_ratings(dataset *data, const char *path, char error[DATASET_ERROR_MAX])
{
    file_bytes file;
    switch (slurp(path, &file, error)) {
    case GOT_FILE: break;
    case GOT_NOTHING: return fail(error, "%s: no such file; expected rows of user,item,rating[,timestamp]", path);
    case GOT_FOLDER: return fail(error, "%s: is a folder; expected a file of user,item,rating[,timestamp]", path);
    default: return false;
    }
    bool good = take_ratings(data, path, &file, error);
    free(file.data);
    return good;
}

/* ---- titles ---- */

static bool take_titles(dataset *data, const char *path, const file_bytes *file, char error[DATASET_ERROR_MAX])
{
    bool latin1 = !is_utf8(file->data, file->length);
    reader rows;
    reader_open(&rows, path, file);
    uint32_t before = data->titled;
    for (char *row, *end; reader_row(&rows, &row, &end);) {
        field column[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
        unsigned columns = 0;
        bool good = memchr(row, '\0', (size_t)(end - row)) == NULL;
        for (char *at = row; at != NULL && columns < 3 && good; columns++)
            good = next_field(&rows, &at, end, &column[columns]);
        if (!good || columns < 2 || column[1].length == 0) continue; /* such an item goes by its id */
        uint32_t at, hash = hash_of(column[0].text, column[0].length);
        uint32_t item = ids_find(&data->items, column[0].text, column[0].length, hash, &at);
        if (item == NO_INDEX) continue;
        data->titled += data->title[item] == NULL;
        data->title[item] = printable(data, column[1].text, column[1].length, latin1);
        data->genres[item] = printable(data, column[2].text, column[2].length, latin1);
        if (data->title[item] == NULL || data->genres[item] == NULL) return out_of_memory(error, path);
    }
    if (data->titled == before && data->items.count > 0)
        return fail(error, "%s: has no title for any rated item; is it of another data set? Expected rows of item,title,genres",
                    path);
    return true;
}

bool dataset_read_titles(dataset *data, const char *path, char error[DATASET_ERROR_MAX])
{
    file_bytes file;
    switch (slurp(path, &file, error)) {
    case GOT_FILE: break;
    case GOT_NOTHING: return fail(error, "%s: no such file; expected rows of item,title,genres", path);
    case GOT_FOLDER: return fail(error, "%s: is a folder; expected a file of item,title,genres", path);
    default: return false;
    }
    bool good = take_titles(data, path, &file, error);
    free(file.data);
    return good;
}

/* ---- a folder ---- */

bool dataset_read(dataset *data, const char *path, char error[DATASET_ERROR_MAX])
{
    static const char *const endings[] = {"csv", "dat"};
    size_t room = strlen(path) + sizeof "/ratings.csv.xz";
    char *name = malloc(room);
    if (name == NULL) return out_of_memory(error, path);
    bool good = false, decided = false;
    for (size_t k = 0; k < 2 && !decided; k++) {
        file_bytes file;
        snprintf(name, room, "%s/ratings.%s", path, endings[k]);
        got found = slurp(name, &file, error);
        if (found == GOT_NOTHING || found == GOT_FOLDER) continue;
        decided = true;
        if (found == GOT_ERROR) break;
        good = take_ratings(data, name, &file, error);
        free(file.data);
        if (!good) break;
        snprintf(name, room, "%s/movies.%s", path, endings[k]);
        found = slurp(name, &file, error);
        if (found == GOT_FILE) {
            good = take_titles(data, name, &file, error);
            free(file.data);
        } else if (found == GOT_ERROR) {
            good = false;
        }
    }
    if (!decided) {
        file_bytes file;
        got found = slurp(path, &file, error);
        if (found == GOT_FILE) {
            good = take_ratings(data, path, &file, error);
            free(file.data);
        } else if (found == GOT_NOTHING) {
            fail(error,
                 "%s: no such folder or file; expected a MovieLens folder (ratings.csv and movies.csv, or ratings.dat "
                 "and movies.dat) or a "
                 "file of user,item,rating[,timestamp]",
                 path);
        } else if (found == GOT_FOLDER) {
            FILE *packed = NULL;
            for (size_t k = 0; k < 2 && packed == NULL; k++) {
                snprintf(name, room, "%s/ratings.%s.xz", path, endings[k]);
                packed = fopen(name, "rb");
            }
            if (packed != NULL) {
                fclose(packed);
                fail(error, "%s: is compressed; unpack it into a folder together with the movies file: xz -dk %s", name, name);
            } else {
                fail(error,
                     "%s: has neither ratings.csv nor ratings.dat in it; expected a MovieLens folder as it comes out "
                     "of the archive (is it one "
                     "folder further down?)",
                     path);
            }
        }
    }
    free(name);
    return good;
}

void dataset_print_refused(const dataset *data, FILE *to)
{
    if (data->refused_rows == 0) return;
    for (size_t k = 0; k < data->refused_rows && k < DATASET_SHOWN; k++) fprintf(to, "%s\n", data->shown[k]);
    fprintf(to, "%zu row%s refused in all:", data->refused_rows, data->refused_rows == 1 ? "" : "s");
    const char *comma = "";
    for (int reason = 0; reason < DATASET_REASONS; reason++)
        if (data->refused[reason] > 0) {
            fprintf(to, "%s %zu with %s", comma, data->refused[reason], reason_text[reason]);
            comma = ",";
        }
    fputc('\n', to);
}

/* ---- questions ---- */

const char *dataset_title(const dataset *data, uint32_t item)
{
    return data->title[item] != NULL ? data->title[item] : data->items.text[item];
}

const char *dataset_genres(const dataset *data, uint32_t item)
{
    return data->genres[item] != NULL ? data->genres[item] : "";
}

bool dataset_item(const dataset *data, const char *id, uint32_t *item)
{
    uint32_t at;
    size_t length = strlen(id);
    uint32_t found = ids_find(&data->items, id, length, hash_of(id, length), &at);
    if (found == NO_INDEX) return false;
    *item = found;
    return true;
}

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool begins(const char *text, const char *with)
{
    for (; *with != '\0'; text++, with++)
        if (small(*text) != small(*with)) return false;
    return true;
}

bool dataset_find(const dataset *data, const char *text, uint32_t *item)
{
    int best = 0; /* 1: contains, 2: begins with */
    for (uint32_t k = 0; k < data->items.count; k++) {
        const char *title = dataset_title(data, k);
        int match = begins(title, text) ? 2 : 0;
        for (const char *at = title; *at != '\0' && match == 0; at++) match = begins(at, text);
        if (match > best || (match == best && match > 0 && data->support[k] > data->support[*item])) {
            best = match;
            *item = k;
        }
    }
    return best > 0;
}

/* Numbers as numbers, before all other text; text by its bytes. */
static int compare_ids(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    bool na = strspn(a, "0123456789") == la, nb = strspn(b, "0123456789") == lb;
    if (na != nb) return na ? -1 : 1;
    if (na) {
        const char *za = a + strspn(a, "0"), *zb = b + strspn(b, "0");
        size_t da = la - (size_t)(za - a), db = lb - (size_t)(zb - b);
        if (da != db) return da < db ? -1 : 1;
        int order = strcmp(za, zb);
        if (order != 0) return order;
    }
    return strcmp(a, b);
}

/* Whether item a comes before item b: more ratings, then the smaller id. */
static bool before(const dataset *data, uint32_t a, uint32_t b)
{
    if (data->support[a] != data->support[b]) return data->support[a] > data->support[b];
    return compare_ids(data->items.text[a], data->items.text[b]) < 0;
}

/* Heap sort: in place, and unlike qsort it can be told about the data. */
static void sift(const dataset *data, uint32_t *order, size_t root, size_t count)
{
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && before(data, order[child], order[child + 1])) child++;
        if (!before(data, order[root], order[child])) return;
        uint32_t held = order[root];
        order[root] = order[child];
        order[child] = held;
    }
}

void dataset_most_rated(const dataset *data, uint32_t *order)
{
    uint32_t count = data->items.count;
    for (uint32_t k = 0; k < count; k++) order[k] = k;
    for (size_t k = count / 2; k > 0; k--) sift(data, order, k - 1, count);
    for (size_t left = count; left > 1; left--) {
        uint32_t last = order[0];
        order[0] = order[left - 1];
        order[left - 1] = last;
        sift(data, order, 0, left - 1);
    }
}

/* ---- changes ---- */

bool dataset_keep_most_rated(dataset *data, uint32_t most)
{
    uint32_t all = data->items.count, kept = most < all ? most : all;
    if (all == 0) return true;
    uint32_t *order = calloc(all, sizeof *order), *renamed = malloc(all * sizeof *renamed);
    dataset_ids items = {.capacity = kept,
                         .text = malloc((kept + 1) * sizeof *items.text),
                         .hash = malloc((kept + 1) * sizeof *items.hash)};
    char **title = malloc((kept + 1) * sizeof *title), **genres = malloc((kept + 1) * sizeof *genres);
    uint32_t *support = malloc((kept + 1) * sizeof *support);
    uint32_t slots = 4096;
    while (slots / 2 <= kept) slots *= 2;
    items.slot = calloc(slots, sizeof *items.slot);
    items.slots = slots;
    if (!order || !renamed || !items.text || !items.hash || !items.slot || !title || !genres || !support) {
        free(order), free(renamed), free(title), free(genres), free(support);
        ids_free(&items);
        return false;
    }
    dataset_most_rated(data, order);
    data->titled = 0;
    for (uint32_t k = 0; k < all; k++) renamed[k] = NO_INDEX;
    for (uint32_t k = 0; k < kept; k++) {
        uint32_t old = order[k], at = 0;
        renamed[old] = k;
        ids_find(&items, data->items.text[old], strlen(data->items.text[old]), data->items.hash[old], &at);
        items.text[k] = data->items.text[old];
        items.hash[k] = data->items.hash[old];
        items.slot[at] = ++items.count;
        title[k] = data->title[old];
        genres[k] = data->genres[old];
        support[k] = data->support[old];
        data->titled += title[k] != NULL;
    }
    size_t count = 0;
    data->timed = 0;
    data->lowest = data->highest = 0;
    for (size_t k = 0; k < data->count; k++) {
        lfrec_rating rating = data->rating[k];
        if ((rating.item = renamed[rating.item]) == NO_INDEX) continue;
        if (count == 0 || rating.value < data->lowest) data->lowest = rating.value;
        if (count == 0 || rating.value > data->highest) data->highest = rating.value;
        data->timed += data->timestamp[k] != 0;
        data->timestamp[count] = data->timestamp[k];
        data->rating[count++] = rating;
    }
    data->count = count;
    ids_free(&data->items);
    free(data->title), free(data->genres), free(data->support);
    data->items = items;
    data->title = title;
    data->genres = genres;
    data->support = support;
    free(order), free(renamed);
    return true;
}

typedef struct timed_rating {
    int64_t when;
    lfrec_rating rating;
} timed_rating;

bool dataset_sort_by_time(dataset *data)
{
    if (data->count < 2) return true;
    if (data->count > SIZE_MAX / 2 / sizeof(timed_rating)) return false;
    timed_rating *from = malloc(2 * data->count * sizeof *from);
    if (from == NULL) return false;
    timed_rating *to = from + data->count, *memory = from;
    for (size_t k = 0; k < data->count; k++) from[k] = (timed_rating){data->timestamp[k], data->rating[k]};
    /* Merge sort from the bottom up: stable. */
    for (size_t width = 1; width < data->count; width *= 2) {
        for (size_t start = 0; start < data->count; start += 2 * width) {
            size_t middle = start + width < data->count ? start + width : data->count;
            size_t end = middle + width < data->count ? middle + width : data->count;
            size_t a = start, b = middle;
            for (size_t k = start; k < end; k++)
                to[k] = a < middle && (b >= end || from[a].when <= from[b].when) ? from[a++] : from[b++];
        }
        timed_rating *other = from;
        from = to;
        to = other;
    }
    for (size_t k = 0; k < data->count; k++) {
        data->timestamp[k] = from[k].when;
        data->rating[k] = from[k].rating;
    }
    free(memory);
    return true;
}

/* ---- beginning and end ---- */

void dataset_init(dataset *data)
{
    *data = (dataset){.limit_min = -LFREC_MAX_RATING, .limit_max = LFREC_MAX_RATING};
}

void dataset_free(dataset *data)
{
    ids_free(&data->users);
    ids_free(&data->items);
    free(data->title);
    free(data->genres);
    free(data->support);
    free(data->rating);
    free(data->timestamp);
    for (arena_block *block = data->arena; block != NULL;) {
        arena_block *next = block->next;
        free(block);
        block = next;
    }
    dataset_init(data);
}
