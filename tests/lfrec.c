/* lfrec.c - the header's functions, compiled once for the suites. A suite that looks inside has a copy of its own: LFREC_STATIC. */
#define LFREC_IMPLEMENTATION
#include "lfrec.h"
