/* utf8.h - is it UTF-8? (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF; a NUL byte is valid UTF-8.) */
#ifndef LFREC_UTF8_H
#define LFREC_UTF8_H

#include <stddef.h>

/* How many bytes at the start are whole valid characters: `length` when all is UTF-8, else the position of the first bad one. */
size_t lfrec_utf8_valid_prefix(const char *bytes, size_t length);

#endif
