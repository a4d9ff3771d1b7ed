#include "lines.h"
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 65536 }; /* bytes of room for input beside the longest row */

enum row_state {
    ROW_START,     /* no byte yet */
    BLANKS,        /* auto: nothing but blanks yet, still undecided */
    PLAIN,         /* JSON: only a line end matters */
    FIELD_START,   /* CSV: a quote here opens */
    UNQUOTED,      /* CSV: a quote here is an ordinary byte */
    QUOTED,        /* CSV: line ends belong to the row */
    CLOSING_QUOTE, /* CSV: the quote closed, unless another one follows */
};

bool lfrec_lines_open(lfrec_lines *lines, lfrec_format format, size_t max_row)
{
    *lines = (lfrec_lines){.format = format, .max_row = max_row, .line = 1, .state = ROW_START};
    if (max_row > SIZE_MAX - CHUNK) {
        return false;
    }
    lines->capacity = max_row + CHUNK;
    lines->buffer = malloc(lines->capacity);
    return lines->buffer != NULL;
}

void lfrec_lines_close(lfrec_lines *lines)
{
    free(lines->buffer);
    *lines = (lfrec_lines){.finished = true, .begun = true};
}

char *lfrec_lines_space(lfrec_lines *lines, size_t *room)
{
    if (lines->start > 0) {
        size_t shift = lines->start;
        memmove(lines->buffer, lines->buffer + shift, lines->end - shift);
        lines->start = 0;
        lines->scanned -= shift;
        lines->end -= shift;
        lines->first_end -= lines->first_end > 0 ? shift : 0;
    }
    *room = lines->capacity - lines->end;
    return lines->buffer + lines->end;
}

void lfrec_lines_added(lfrec_lines *lines, size_t length)
{
    lines->end += length;
}

void lfrec_lines_finish(lfrec_lines *lines)
{
    lines->finished = true;
}

/* The state behind the byte c, which is no line end that ends the row. */
static enum row_state step(enum row_state state, lfrec_format format, char c)
{
    switch (state) {
    case ROW_START:
        if (format == LFREC_FORMAT_JSON) {
            return PLAIN;
        }
        if (format == LFREC_FORMAT_AUTO && (c == '{' || c == '[')) {
            return PLAIN;
        }
        if (format == LFREC_FORMAT_AUTO && (c == ' ' || c == '\t')) {
            return BLANKS;
        }
        return step(FIELD_START, format, c);
    case BLANKS: return c == '{' || c == '[' ? PLAIN : c == ' ' || c == '\t' ? BLANKS : step(UNQUOTED, format, c);
    case PLAIN: return PLAIN;
    case FIELD_START: return c == '"' ? QUOTED : c == ',' ? FIELD_START : UNQUOTED;
    case UNQUOTED: return c == ',' ? FIELD_START : UNQUOTED;
    case QUOTED: return c == '"' ? CLOSING_QUOTE : QUOTED;
    case CLOSING_QUOTE: return c == '"' ? QUOTED : c == ',' ? FIELD_START : UNQUOTED;
    }
    return state;
}

/* The next row begins at `start`, which stands on `line`. */
static void begin_row(lfrec_lines *lines, size_t start, uint64_t line)
{
    lines->start = lines->scanned = start;
    lines->line = line;
    lines->inner = 0;
    lines->first_end = 0;
    lines->state = ROW_START;
}

/* The open row's first line as a row of its own. */
static void split_first_line(lfrec_lines *lines, lfrec_row *row)
{
    size_t end = lines->first_end;
    while (lines->buffer[end - 1] == '\n' || lines->buffer[end - 1] == '\r') {
        end--; /* stops at the quote at the latest */
    }
    *row = (lfrec_row){lines->buffer + lines->start, end - lines->start, lines->line};
    lines->after_cr = lines->buffer[lines->first_end - 1] == '\r';
    begin_row(lines, lines->first_end, lines->line + 1);
}

/* A line end within quotes: counted, the first one remembered. CRLF is one. */
static void pass_inner_line_end(lfrec_lines *lines, char c)
{
    size_t behind = lines->scanned + 1;
    if (c == '\n' && lines->buffer[lines->scanned - 1] == '\r') { /* the byte before it is in the row: its opening quote is */
        if (lines->first_end == lines->scanned) {
            lines->first_end = behind;
        }
        return;
    }
    lines->inner++;
    if (lines->first_end == 0) {
        lines->first_end = behind;
    }
}

lfrec_lines_result lfrec_lines_next(lfrec_lines *lines, lfrec_row *row)
{
    if (!lines->begun) {
        if (lines->end < 3 && !lines->finished) {
            return LFREC_LINES_MORE;
        }
        lines->begun = true;
        if (lines->end >= 3 && memcmp(lines->buffer, "\xEF\xBB\xBF", 3) == 0) {
            begin_row(lines, 3, 1);
        }
    }
    for (; lines->scanned < lines->end; lines->scanned++) {
        char c = lines->buffer[lines->scanned];
        bool line_end = c == '\n' || c == '\r';
        bool second_half = c == '\n' && lines->after_cr;
        lines->after_cr = false;
        if (second_half) { /* nothing of the row has been read yet */
            lines->start = lines->scanned + 1;
            continue;
        }
        if (line_end && lines->state == QUOTED && !lines->skipping) {
            pass_inner_line_end(lines, c);
        } else if (line_end) {
            *row = (lfrec_row){lines->buffer + lines->start, lines->scanned - lines->start, lines->line};
            bool wanted = row->length > 0 && !lines->skipping;
            lines->after_cr = c == '\r';
            lines->skipping = false;
            begin_row(lines, lines->scanned + 1, lines->line + 1 + lines->inner);
            if (wanted) {
                return LFREC_LINES_ROW;
            }
            lines->scanned--; /* the loop adds one */
            continue;
        }
        if (lines->skipping) {
            lines->start = lines->scanned + 1;
            continue;
        }
        if (lines->scanned - lines->start == lines->max_row) { /* this byte is one too many */
            if (lines->first_end > 0) {
                split_first_line(lines, row);
                return LFREC_LINES_ROW;
            }
            *row = (lfrec_row){lines->buffer + lines->start, lines->max_row, lines->line};
            lines->skipping = true;
            lines->start = ++lines->scanned;
            return LFREC_LINES_TOO_LONG;
        }
        lines->state = (int)step((enum row_state)lines->state, lines->format, c);
    }
    if (!lines->finished) {
        return LFREC_LINES_MORE;
    }
    if (lines->start == lines->end || lines->skipping) {
        lines->start = lines->end;
        return LFREC_LINES_END;
    }
    if (lines->state == QUOTED && lines->first_end > 0) {
        split_first_line(lines, row);
        return LFREC_LINES_ROW;
    }
    *row = (lfrec_row){lines->buffer + lines->start, lines->end - lines->start, lines->line};
    begin_row(lines, lines->end, lines->line + lines->inner);
    return LFREC_LINES_ROW;
}
