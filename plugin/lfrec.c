/* lfrec.c - the header's functions, compiled once for the plugin. */
#define LFREC_IMPLEMENTATION
#include "../lfrec.h"
