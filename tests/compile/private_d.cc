#define NAME private_d
#include "private.inc"
