/* print.h - numbers without printf. */
#ifndef PRINT_H
#define PRINT_H

#include "../../lfrec.h"

void print_number(uint32_t number);
void print_hex(uint32_t number);
void print_decimal(float number); /* three decimals, rounded; below 4 million */
void print_list(const lfrec_scored *list, size_t count);
/* The item's score and why: the baseline and each reason. */
void print_reasons(uint32_t item, const lfrec_explanation *explanation);
/* Returns nonzero, having said what failed, unless the status is LFREC_OK. */
int print_failed(const char *what, lfrec_status status);

#endif
