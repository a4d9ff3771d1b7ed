#include "csv.h"
#include <string.h>

struct cell {
    const char *bytes; /* without the quotes around it */
    size_t length;
    size_t at;
    bool doubled; /* there are doubled quotes in it */
};

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

/* Reads the cell at *at and moves *at to what ends it: a comma, a line end, or the end. */
static lfrec_bad read_cell(const char *row, size_t length, size_t *at, struct cell *cell, char text[LFREC_BAD_TEXT_MAX])
{
    size_t p = *at;
    *cell = (struct cell){row + p, 0, p, false};
    if (p < length && row[p] == '"') {
        size_t start = ++p;
        for (;; p++) {
            if (p == length) {
                return lfrec_complain(text, LFREC_BAD_SYNTAX, "not CSV: the quote at byte %zu is never closed", *at);
            }
            if (row[p] == '"') {
                if (p + 1 == length || row[p + 1] != '"') {
                    break;
                }
                cell->doubled = true;
                p++;
            }
        }
        cell->bytes = row + start;
        cell->length = p - start;
        p++;
        if (p < length && row[p] != ',' && !is_line_end(row[p])) {
            return lfrec_complain(text, LFREC_BAD_SYNTAX, "not CSV: something behind the closing quote, at byte %zu", p);
        }
    } else {
        for (; p < length && row[p] != ',' && !is_line_end(row[p]); p++) {
            if (row[p] == '"') {
                return lfrec_complain(text, LFREC_BAD_SYNTAX,
                                      "not CSV: a quote within a field without quotes, at byte %zu", p);
            }
        }
        cell->length = p - *at;
    }
    *at = p;
    return LFREC_BAD_NOTHING;
}

/* Copies the cell with its doubled quotes made single; only the first LFREC_ID_MAX bytes of it. Returns the whole length. */
static size_t undouble(const struct cell *cell, char storage[LFREC_ID_MAX])
{
    size_t length = 0;
    for (size_t i = 0; i < cell->length; i++) {
        if (length < LFREC_ID_MAX) {
            storage[length] = cell->bytes[i];
        }
        length++;
        i += cell->bytes[i] == '"';
    }
    return length;
}

static lfrec_field field_of(int which, const struct cell *cell, char *storage)
{
    lfrec_field field = {LFREC_FIELD_STRING, cell->bytes, cell->length, cell->at};
    if (which == LFREC_FIELD_RATING || which == LFREC_FIELD_TS) {
        field.kind = cell->length == 0 ? LFREC_FIELD_NULL : LFREC_FIELD_NUMBER;
    } else if (cell->doubled) {
        field.bytes = storage;
        field.length = undouble(cell, storage);
    }
    return field;
}

lfrec_bad lfrec_csv_read(const char *row, size_t length, lfrec_fields *fields, char user[LFREC_ID_MAX],
                         char item[LFREC_ID_MAX], char text[LFREC_BAD_TEXT_MAX])
{
    memset(fields, 0, sizeof *fields);
    size_t at = 0;
    int count = 0;
    for (;;) {
        struct cell cell;
        if (count == LFREC_FIELD_COUNT) {
            return lfrec_complain(text, LFREC_BAD_SYNTAX,
                                  "not CSV: more than the 4 fields user,item,rating,ts, at byte %zu", at);
        }
        lfrec_bad bad = read_cell(row, length, &at, &cell, text);
        if (bad != LFREC_BAD_NOTHING) {
            return bad;
        }
        fields->of[count] = field_of(count, &cell, count == LFREC_FIELD_USER ? user : item);
        count++;
        if (at == length || row[at] != ',') {
            break;
        }
        at++;
    }
    if (at < length) {
        at += row[at] == '\r' && at + 1 < length && row[at + 1] == '\n' ? 2 : 1;
        if (at < length) {
            return lfrec_complain(text, LFREC_BAD_TRAILING_DATA, "trailing data after the row, at byte %zu", at);
        }
    }
    if (count == 1) {
        return lfrec_complain(text, LFREC_BAD_SYNTAX, "neither a JSON object nor CSV user,item,rating[,ts]");
    }
    return LFREC_BAD_NOTHING;
}
