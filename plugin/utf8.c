#include "utf8.h"
#include <stdint.h>
#include <string.h>

/* Length of the character at p, 0 when it is not one. The second byte's range is what rules out overlong forms (after E0, F0),
 * surrogates (ED) and what lies above U+10FFFF (F4): Unicode 15, table 3-7. */
static size_t character_length(const unsigned char *p, size_t left)
{
    unsigned char low = 0x80, high = 0xBF;
    size_t length;
    if (p[0] < 0x80) {
        return 1;
    } else if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        length = 2;
    } else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        length = 3;
        low = p[0] == 0xE0 ? 0xA0 : 0x80;
        high = p[0] == 0xED ? 0x9F : 0xBF;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        length = 4;
        low = p[0] == 0xF0 ? 0x90 : 0x80;
        high = p[0] == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    if (left < length || p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return length;
}

size_t lfrec_utf8_valid_prefix(const char *bytes, size_t length)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t at = 0;
    for (;;) {
        /* ASCII, nearly everything that is ever seen, eight bytes at a time. */
        while (length - at >= 8) {
            uint64_t eight;
            memcpy(&eight, p + at, sizeof eight);
            if (eight & UINT64_C(0x8080808080808080)) {
                break;
            }
            at += 8;
        }
        if (at == length) {
            return at;
        }
        size_t step = character_length(p + at, length - at);
        if (step == 0) {
            return at;
        }
        at += step;
    }
}
