/* page.h - the live page, whole, as it stands in page.html: the file's bytes are in the program. */
#ifndef LFREC_PAGE_H
#define LFREC_PAGE_H

#include <stddef.h>

/* Not NUL-terminated; for the life of the program. */
const char *lfrec_page(size_t *length);

#endif
