#include "number.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* 10^0..10^22: the powers of ten that a double holds exactly. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { EXACT_POWER = 22, KEPT_DIGITS = 19 /* 10^19 < 2^64 */, FARTHEST_EXPONENT = 100000 };

/* x * 10^exponent. One rounding while |exponent| <= 22, one more for every further 22. */
static double scale_by_ten(double x, long exponent)
{
    for (; exponent > EXACT_POWER && x < DBL_MAX; exponent -= EXACT_POWER) {
        x *= powers[EXACT_POWER];
    }
    for (; exponent < -EXACT_POWER && x > 0.0; exponent += EXACT_POWER) {
        x /= powers[EXACT_POWER];
    }
    if (exponent > EXACT_POWER || exponent < -EXACT_POWER) {
        return x; /* infinite or zero already */
    }
    return exponent < 0 ? x / powers[-exponent] : x * powers[exponent];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

lfrec_number_result lfrec_number_read(const char *bytes, size_t length, lfrec_number *out)
{
    const char *p = bytes, *end = bytes + length;
    bool negative = false;
    uint64_t digits = 0; /* the first KEPT_DIGITS significant ones */
    int kept = 0;
    long exponent = 0;                            /* value = digits * 10^exponent */
    bool any = false, plain = true, whole = true; /* whole: no digit was dropped */

    if (p < end && (*p == '-' || *p == '+')) {
        negative = *p++ == '-';
    }
    for (bool behind_point = false; p < end; p++) {
        if (*p == '.' && !behind_point) {
            behind_point = true;
            plain = false;
            continue;
        }
        if (!is_digit(*p)) {
            break;
        }
        any = true;
        if (kept < KEPT_DIGITS) {
            digits = digits * 10 + (uint64_t)(*p - '0');
            kept += digits != 0; /* zeros in front do not count */
            exponent -= behind_point;
        } else {
            whole = false;
            exponent += !behind_point;
        }
    }
    if (!any) {
        return LFREC_NUMBER_MALFORMED;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        plain = false;
        bool down = false;
        if (p < end && (*p == '-' || *p == '+')) {
            down = *p++ == '-';
        }
        if (p == end) {
            return LFREC_NUMBER_MALFORMED;
        }
        long written = 0;
        for (; p < end && is_digit(*p); p++) {
            if (written < FARTHEST_EXPONENT) {
                written = written * 10 + (*p - '0');
            }
        }
        exponent += down ? -written : written;
    }
    if (p != end) {
        return LFREC_NUMBER_MALFORMED;
    }

    double value = scale_by_ten((double)digits, exponent);
    if (value > DBL_MAX) {
        return LFREC_NUMBER_TOO_LARGE;
    }
    out->value = negative ? -value : value;
    out->is_integer = plain && whole && digits <= (uint64_t)INT64_MAX;
    out->integer = 0;
    if (out->is_integer) {
        out->integer = negative ? -(int64_t)digits : (int64_t)digits;
    }
    return LFREC_NUMBER_READ;
}

bool lfrec_number_as_float(double value, float *out)
{
    /* Half a unit above FLT_MAX: from there on, rounding would go to infinity. Up to there a cast would be undefined (C11 6.3.1.5). */
    const double beyond = (double)FLT_MAX * (1.0 + (double)FLT_EPSILON / 4.0);
    if (fabs(value) <= (double)FLT_MAX) {
        *out = (float)value;
    } else if (fabs(value) < beyond) {
        *out = value < 0.0 ? -FLT_MAX : FLT_MAX;
    } else {
        return false;
    }
    return true;
}

static size_t write_unsigned(uint64_t value, char *out)
{
    char reversed[20];
    size_t count = 0;
    do {
        reversed[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < count; i++) {
        out[i] = reversed[count - 1 - i];
    }
    return count;
}

size_t lfrec_number_write_unsigned(uint64_t value, char out[LFREC_NUMBER_TEXT_MAX])
{
    return write_unsigned(value, out);
}

/* |value| = digits * 10^exponent, rounded to `count` significant digits. */
struct decimal {
    uint64_t digits;
    long exponent;
};

/* floor(log10(x)) for x > 0; may be one off next to a power of ten, which the rounding puts right. */
static long decimal_exponent(double x)
{
    if (x >= 1.0 && x < 1e9) { /* ratings and scores */
        long e = 0;
        while (x >= powers[e + 1]) {
            e++;
        }
        return e;
    }
    if (x < 1.0 && x >= 1e-6) { /* shares */
        long e = -1;
        while (x * powers[-e] < 1.0) {
            e--;
        }
        return e;
    }
    return (long)floor(log10(x));
}

static struct decimal round_to(double x, int count)
{
    long lowest = decimal_exponent(x) - (count - 1);
    uint64_t digits = (uint64_t)(scale_by_ten(x, -lowest) + 0.5);
    if (digits >= (uint64_t)powers[count]) { /* rounded up to one digit more, 9.96 to 10.0 */
        lowest++;
        digits = (uint64_t)(scale_by_ten(x, -lowest) + 0.5);
    }
    return (struct decimal){digits, lowest};
}

/* Positions 1e-5 .. 1e15 are written out, others get an exponent. */
static size_t write_decimal(bool negative, struct decimal d, char out[LFREC_NUMBER_TEXT_MAX])
{
    char digits[LFREC_NUMBER_TEXT_MAX];
    while (d.digits != 0 && d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    if (d.digits == 0) {
        out[0] = '0';
        return 1;
    }
    long count = (long)write_unsigned(d.digits, digits);
    long first = d.exponent + count - 1; /* decimal exponent of the first digit */
    char *p = out;
    if (negative) {
        *p++ = '-';
    }
    if (first < -5 || first >= 15) {
        *p++ = digits[0];
        if (count > 1) {
            *p++ = '.';
            memcpy(p, digits + 1, (size_t)(count - 1));
            p += count - 1;
        }
        *p++ = 'e';
        if (first < 0) {
            *p++ = '-';
        }
        p += write_unsigned((uint64_t)(first < 0 ? -first : first), p);
        return (size_t)(p - out);
    }
    if (first < 0) {
        *p++ = '0';
    }
    for (long at = first < 0 ? -1 : first; at >= d.exponent || at >= 0; at--) { /* at: the decimal exponent of this position */
        if (at == -1) {
            *p++ = '.';
        }
        *p++ = at <= first && at >= d.exponent ? digits[first - at] : '0';
    }
    return (size_t)(p - out);
}

/* 4 digits of 1 <= value < 9.9995, which most scores are. */
static size_t write_score(double value, char out[LFREC_NUMBER_TEXT_MAX])
{
    const unsigned digits = (unsigned)(value * 1e3 + 0.5);
    out[0] = (char)('0' + digits / 1000);
    out[1] = '.';
    out[2] = (char)('0' + digits / 100 % 10);
    out[3] = (char)('0' + digits / 10 % 10);
    out[4] = (char)('0' + digits % 10);
    size_t length = 5;
    while (out[length - 1] == '0') {
        --length;
    }
    return out[length - 1] == '.' ? 1 : length;
}

size_t lfrec_number_write(double value, int digits, char out[LFREC_NUMBER_TEXT_MAX])
{
    if (digits == 4 && value >= 1 && value < 9.9995) {
        return write_score(value, out);
    }
    double size = fabs(value);
    struct decimal d = {0, 0};
    if (size > 0.0) {
        d = round_to(size, digits);
    }
    return write_decimal(value < 0.0, d, out);
}

size_t lfrec_number_write_float(float value, char out[LFREC_NUMBER_TEXT_MAX])
{
    double size = fabs((double)value);
    struct decimal d = {0, 0};
    if (size < 1e5 && 2.0 * size == (double)(uint64_t)(2.0 * size)) { /* 3, 4.5: the ratings of most scales */
        d = (struct decimal){(uint64_t)(10.0 * size), -1};
    } else {
        for (int digits = 1; digits <= 9; digits++) { /* nine always do (FLT_DECIMAL_DIG) */
            d = round_to(size, digits);
            float back;
            if (lfrec_number_as_float(scale_by_ten((double)d.digits, d.exponent), &back) && back == fabsf(value)) {
                break;
            }
        }
    }
    return write_decimal(value < 0.0f, d, out);
}
