/* lines.h - a stream of bytes, cut into rows: for files and pipes.
 *
 * CR, LF and CRLF all end a row; so does the end of the input. In CSV rows a line end within quotes belongs to the row (in auto format
 * the row's first byte decides, as in the codec). Empty rows and a byte-order mark at the start are passed over. Memory is bounded:
 * what does not fit is reported and skipped up to the next line end. When it was an open quote that let a row grow too long, or to the
 * end of the input, its first line is given as a row of its own and reading goes on behind it: a stray quote costs one line, not the
 * file (and the codec says where that quote is).
 *
 *     lfrec_lines lines;
 *     lfrec_lines_open(&lines, LFREC_FORMAT_AUTO, LFREC_VALUE_MAX);
 *     for (;;) {
 *         lfrec_row row;
 *         switch (lfrec_lines_next(&lines, &row)) {
 *         case LFREC_LINES_ROW: use(row.bytes, row.length); break;
 *         case LFREC_LINES_TOO_LONG: report(row.line); break;
 *         case LFREC_LINES_MORE: {
 *             size_t room;
 *             char *space = lfrec_lines_space(&lines, &room);
 *             ssize_t got = read(fd, space, room);
 *             if (got > 0) lfrec_lines_added(&lines, (size_t)got); else lfrec_lines_finish(&lines);
 *             break; }
 *         case LFREC_LINES_END: lfrec_lines_close(&lines); return;
 *         }
 *     }
 */
#ifndef LFREC_LINES_H
#define LFREC_LINES_H

#include "format.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum lfrec_lines_result {
    LFREC_LINES_ROW,      /* one row, without its line end */
    LFREC_LINES_TOO_LONG, /* a row of more than max_row bytes; bytes and length are its beginning, the rest is skipped */
    LFREC_LINES_MORE,     /* give more input, or say that there is none */
    LFREC_LINES_END       /* finished, all rows were given */
} lfrec_lines_result;

/* Valid until the next call with the same lfrec_lines. */
typedef struct lfrec_row {
    const char *bytes;
    size_t length;
    uint64_t line; /* of its first byte, counted from 1 as an editor does */
} lfrec_row;

/* Private. */
typedef struct lfrec_lines {
    char *buffer;
    size_t capacity, start, scanned, end; /* start <= scanned <= end <= capacity; the row begins at start */
    size_t max_row;
    size_t first_end; /* position behind the first line end of the open row (within quotes), or 0 */
    uint64_t line;    /* line of `start` */
    uint64_t inner;   /* line ends seen within the open row */
    lfrec_format format;
    int state;     /* where in the row's grammar `scanned` is */
    bool after_cr; /* a LF at `scanned` belongs to the CR before it */
    bool skipping; /* within a row that was reported too long */
    bool finished, begun;
} lfrec_lines;

/* false: no memory. max_row is in bytes, at least 1. */
bool lfrec_lines_open(lfrec_lines *lines, lfrec_format format, size_t max_row);
void lfrec_lines_close(lfrec_lines *lines);

lfrec_lines_result lfrec_lines_next(lfrec_lines *lines, lfrec_row *row);

/* Where the next input goes and how much of it (at least 1 byte, right after LFREC_LINES_MORE); then how much came. */
char *lfrec_lines_space(lfrec_lines *lines, size_t *room);
void lfrec_lines_added(lfrec_lines *lines, size_t length);

/* The input has ended: a last row without a line end is a row. */
void lfrec_lines_finish(lfrec_lines *lines);

#endif
