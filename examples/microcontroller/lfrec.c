/* lfrec.c - the library, as an object of its own: its size is counted apart. */
#define LFREC_IMPLEMENTATION
#include "../../lfrec.h"
