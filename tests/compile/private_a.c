#define NAME private_a
#include "private.inc"
