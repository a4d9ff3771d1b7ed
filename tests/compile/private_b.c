#define NAME private_b
#include "private.inc"
