#define NAME private_c
#include "private.inc"
