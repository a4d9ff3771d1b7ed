#define NAME shared_cc
#include "shared_use.inc"
