#include "page.h"

/* The assembler reads the file; its path is relative to the folder in which the compiler runs, the repository's root. */
__asm__(".pushsection .rodata\n"
        "lfrec_page_begin:\n"
        ".incbin \"plugin/page.html\"\n"
        "lfrec_page_end:\n"
        ".popsection\n");

extern const char page_begin[] __asm__("lfrec_page_begin") __attribute__((visibility("hidden")));
extern const char page_end[] __asm__("lfrec_page_end") __attribute__((visibility("hidden")));

const char *lfrec_page(size_t *length)
{
    *length = (size_t)(page_end - page_begin);
    return page_begin;
}
