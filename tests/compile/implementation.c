/* implementation.c - the functions alone, as an object to look into: what it needs, what it defines, what leaving parts out leaves out. */
#define LFREC_IMPLEMENTATION
#include "../../lfrec.h"
