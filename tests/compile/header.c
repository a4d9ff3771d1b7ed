/* header.c - what the matrix compiles, as C and as C++: the header after complex.h (whose macro I is a word of the header's manual), alone
 * or with its implementation, by macros of the command line. */
#ifdef AFTER_COMPLEX
#include <complex.h>
#endif
#include "../../lfrec.h"

lfrec_status uses_the_header(lfrec_options *options);
lfrec_status uses_the_header(lfrec_options *options)
{
    *options = lfrec_options_for(LFREC_ARTICLE, 3, 2, 1.0f, 5.0f);
    return lfrec_options_check(options, NULL);
}
