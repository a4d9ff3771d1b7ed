#define NAME shared_c
#include "shared_use.inc"
