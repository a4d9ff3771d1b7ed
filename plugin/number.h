/* number.h - decimal numbers as text, in and out, whatever the locale says about decimal points (so no strtod, no printf). */
#ifndef LFREC_NUMBER_H
#define LFREC_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lfrec_number {
    double value;    /* always set, finite */
    bool is_integer; /* written without point and exponent, and it fits: */
    int64_t integer;
} lfrec_number;

typedef enum lfrec_number_result {
    LFREC_NUMBER_READ,
    LFREC_NUMBER_MALFORMED, /* not [+-] digits [. digits] [e [+-] digits], with a digit before or after the point */
    LFREC_NUMBER_TOO_LARGE  /* beyond a double */
} lfrec_number_result;

/* All of `length` bytes are to be the number: no white space, no NaN, no infinity, no hexadecimal. The value is correctly rounded to
 * double when it has at most 15 significant digits and a decimal exponent within 22, else it is within a few units in the last place;
 * as a float it is correctly rounded for up to 8 significant digits. */
lfrec_number_result lfrec_number_read(const char *bytes, size_t length, lfrec_number *out);

/* The nearest float. false: beyond all floats, and *out is as before. */
bool lfrec_number_as_float(double value, float *out);

#define LFREC_NUMBER_TEXT_MAX 32u /* bytes, more than any of these writes */

/* Write a number as JSON likes it, not NUL-terminated; the length is returned. `value` must be finite. The first rounds to `digits`
 * significant digits (1..9, half away from zero) and drops zeros at the end; the second writes the fewest digits that read back as the
 * same float. */
size_t lfrec_number_write(double value, int digits, char out[LFREC_NUMBER_TEXT_MAX]);
size_t lfrec_number_write_float(float value, char out[LFREC_NUMBER_TEXT_MAX]);
size_t lfrec_number_write_unsigned(uint64_t value, char out[LFREC_NUMBER_TEXT_MAX]);

#endif
