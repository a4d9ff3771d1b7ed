/* chart.h - a line chart as an SVG file. */
#ifndef CHART_H
#define CHART_H

#include <stdbool.h>
#include <stddef.h>

typedef struct chart_line {
    const char *name;
    const double *x, *y; /* count of each */
    size_t count;
} chart_line;

typedef struct chart {
    const char *title, *x_name, *y_name;
    bool doubling;           /* x goes by doublings; 0 stands one step left of the first of them */
    const chart_line *lines; /* at most CHART_LINES */
    size_t count;
} chart;

enum { CHART_LINES = 4 };

/* false: the file could not be written, and errno says why. */
bool chart_write(const chart *c, const char *path);

#endif
