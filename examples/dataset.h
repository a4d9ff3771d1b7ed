/* dataset.h - ratings as people have them, from files into lfrec_rating events.
 *
 *     dataset data;
 *     char error[DATASET_ERROR_MAX];
 *     dataset_init(&data);
 *     if (!dataset_read(&data, "ml-latest-small", error)) { ... error says what, where and what to do ... }
 *     ... data.rating[0 .. data.count - 1], dataset_title(&data, item) ...
 *     dataset_free(&data);
 *
 * Reads
 *     a MovieLens folder   ratings.csv and movies.csv, or ratings.dat and movies.dat (`user::item::rating::timestamp`);
 *                          without a movies file the ids stand for the titles
 *     one file of ratings  user, item, rating and perhaps a timestamp, in this order, with or without a header line, separated by
 *                          the first of `::` `,` `;` tab that is found in the first line
 *
 * A row ends with CR, LF or CRLF, or where the file ends; no field spans rows. Fields may be quoted as in CSV: "" inside quotes is one
 * quote. Ids are any text, kept byte for byte: 7, 07 and "7" in quotes of its own are three ids. Titles that are not UTF-8 are taken
 * for ISO-8859-1, and control characters in them become blanks, so every title is printable UTF-8.
 *
 * A row that cannot be used is left out and counted, never guessed at: see dataset_print_refused. Only libc and lfrec.h are used, and
 * the program that includes this also compiles lfrec.h's implementation somewhere. */
#ifndef DATASET_H
#define DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../lfrec.h"

#define DATASET_ERROR_MAX 512
#define DATASET_ID_MAX 512u /* bytes of an id */
#define DATASET_SHOWN 3     /* refused rows that are kept to be shown */

typedef enum dataset_reason {
    DATASET_FEW_COLUMNS,
    DATASET_QUOTES,
    DATASET_EMPTY_USER,
    DATASET_EMPTY_ITEM,
    DATASET_LONG_ID,
    DATASET_BAD_TEXT,
    DATASET_NO_RATING,
    DATASET_NO_NUMBER,
    DATASET_OFF_SCALE,
    DATASET_REASONS /* how many there are */
} dataset_reason;

/* Ids of one kind, in the order in which they were first met. Text is NUL-terminated UTF-8. */
typedef struct dataset_ids {
    uint32_t count, capacity;
    char **text;    /* capacity */
    uint32_t *slot; /* open addressing: index + 1, 0 for empty */
    uint32_t *hash; /* capacity: of text[index] */
    uint32_t slots; /* a power of two, 0 before the first id */
} dataset_ids;

/* Fields are for reading, but for the limits, which may be set between dataset_init and reading. */
typedef struct dataset {
    float limit_min, limit_max; /* ratings outside are refused; everything that lfrec.h takes by default */

    dataset_ids users, items; /* ids by index */
    char **title, **genres;   /* by item; NULL where there is none */
    uint32_t titled;          /* items with a title */
    uint32_t *support;        /* by item: its rows among rating[] */

    size_t count, capacity;
    lfrec_rating *rating;  /* in the order of the file, one file after the other */
    int64_t *timestamp;    /* seconds since 1970; 0 where unknown */
    size_t timed;          /* ratings with a timestamp */
    float lowest, highest; /* of the ratings that were kept; 0 and 0 before the first */

    size_t refused[DATASET_REASONS];
    size_t refused_rows;
    char shown[DATASET_SHOWN][DATASET_ERROR_MAX];

    void *arena; /* blocks that own all text */
} dataset;

void dataset_init(dataset *data);
void dataset_free(dataset *data); /* leaves it as dataset_init does */

/* Reads a folder or a file, as said above, and appends to what is there already: ids keep their indices. On false the error tells what
 * is wrong, where, and what to do, and `data` is good for dataset_free only. A file without one usable rating is an error. */
bool dataset_read(dataset *data, const char *path, char error[DATASET_ERROR_MAX]);
/* The two halves of it. Titles of items that nobody rated are left out. */
bool dataset_read_ratings(dataset *data, const char *path, char error[DATASET_ERROR_MAX]);
bool dataset_read_titles(dataset *data, const char *path, char error[DATASET_ERROR_MAX]);

/* In a few lines: the first refused rows with file, line and reason, then how many for each reason. Nothing when there were none. */
void dataset_print_refused(const dataset *data, FILE *to);

/* The title, or the id where there is none. item < data->items.count, here and below. */
const char *dataset_title(const dataset *data, uint32_t item);
const char *dataset_genres(const dataset *data, uint32_t item); /* "" where there are none */

/* The item with this id. false: there is none. */
bool dataset_item(const dataset *data, const char *id, uint32_t *item);

/* The item whose title begins with `text`, or else contains it (capital or small letters alike); of several, the most rated one. */
bool dataset_find(const dataset *data, const char *text, uint32_t *item);

/* order[0 .. items.count - 1] becomes all items, most rated first; of equally many, the smaller id first (numbers as numbers). */
void dataset_most_rated(const dataset *data, uint32_t *order);

/* Keeps the `most` most rated items, numbered in that order, and their ratings. Users keep their indices, also those who lose every
 * rating. false: out of memory, and nothing changed. */
bool dataset_keep_most_rated(dataset *data, uint32_t most);

/* Puts the ratings in the order of their timestamps; those without one come first, and equal ones stay in the order of the file. false: out
 * of memory, and nothing changed. */
bool dataset_sort_by_time(dataset *data);

#endif
