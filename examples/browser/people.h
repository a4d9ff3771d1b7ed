/* people.h - ratings of people who do not exist, the same ones every time. */
#ifndef PEOPLE_H
#define PEOPLE_H

#include "../../lfrec.h"

enum { PEOPLE = 1000, MOST_EACH = 24 };

/* Fills events (PEOPLE * MOST_EACH of them) and returns how many there are. Users are 0 .. PEOPLE - 1, values 1 .. 5. */
size_t people_rate(lfrec_rating *events);

#endif
