#include "chart.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

enum { WIDTH = 640, HEIGHT = 360, LEFT = 64, RIGHT = 616, TOP = 44, BOTTOM = 304, MOST_TICKS = 12 };

/* Blue, orange, green, purple that are told apart in gray and by colorblind people (Okabe and Ito 2008); lines differ by dashes besides. */
static const char *const colors[CHART_LINES] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7"};
static const char *const dashes[CHART_LINES] = {"none", "7 3", "2 3", "9 3 2 3"};

typedef struct range {
    double low, high;
} range;

static double place_of(const chart *c, double x)
{
    return !c->doubling ? x : x >= 1 ? log2(x) : -1;
}

static void widen(range *r, double x)
{
    r->low = fmin(r->low, x);
    r->high = fmax(r->high, x);
}

static double scaled(const range *r, double x, double from, double to)
{
    return from + (to - from) * (x - r->low) / (r->high - r->low);
}

/* A step of 1, 2 or 5 times a power of ten that gives at most `most` steps. */
static double step_of(const range *r, int most)
{
    double step = pow(10, floor(log10((r->high - r->low) / most)));
    static const double times[] = {1, 2, 5, 10};
    for (size_t k = 0; k < sizeof times / sizeof *times; k++)
        if ((r->high - r->low) / (step * times[k]) <= most) return step * times[k];
    return step * 10;
}

/* Text that has no character that XML minds. */
static void write_text(FILE *file, double x, double y, const char *anchor, const char *text)
{
    fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, text);
}

static void write_axes(FILE *file, const chart *c, const range *x, const range *y)
{
    char text[32];
    double step = step_of(y, 6);
    for (long k = lround(ceil(y->low / step)); (double)k * step <= y->high; k++) {
        double at = (double)k * step, place = scaled(y, at, BOTTOM, TOP);
        fprintf(file, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", LEFT, place, RIGHT);
        snprintf(text, sizeof text, "%.*f", step < 0.01 ? 3 : 2, at);
        write_text(file, LEFT - 8, place + 4, "end", text);
    }
    step = c->doubling ? 1 : fmax(1, step_of(x, MOST_TICKS));
    for (long k = lround(ceil(x->low / step)); (double)k * step <= x->high; k++) {
        double at = (double)k * step, place = scaled(x, at, LEFT, RIGHT);
        fprintf(file, "<path class=\"grid\" d=\"M%.1f %dV%d\"/>\n", place, BOTTOM, BOTTOM + 5);
        snprintf(text, sizeof text, "%g", !c->doubling ? at : at < 0 ? 0 : exp2(at));
        write_text(file, place, BOTTOM + 18, "middle", text);
    }
    fprintf(file, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, BOTTOM, RIGHT);
    write_text(file, (LEFT + RIGHT) / 2.0, BOTTOM + 40, "middle", c->x_name);
    fprintf(file, "<text transform=\"translate(16 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
            (TOP + BOTTOM) / 2, c->y_name);
    fprintf(file, "<text class=\"title\" x=\"%d\" y=\"22\">%s</text>\n", LEFT, c->title);
}

static void write_line(FILE *file, const chart *c, size_t k, const range *x, const range *y)
{
    const chart_line *line = &c->lines[k];
    fprintf(file, "<polyline stroke=\"%s\" stroke-dasharray=\"%s\" points=\"", colors[k], dashes[k]);
    for (size_t at = 0; at < line->count; at++)
        fprintf(file, "%.1f,%.1f ", scaled(x, place_of(c, line->x[at]), LEFT, RIGHT), scaled(y, line->y[at], BOTTOM, TOP));
    fputs("\"/>\n", file);
    double key = TOP + 10 + 18 * (double)k;
    fprintf(file, "<polyline stroke=\"%s\" stroke-dasharray=\"%s\" points=\"%d,%.1f %d,%.1f\"/>\n", colors[k],
            dashes[k], RIGHT - 200, key, RIGHT - 172, key);
    write_text(file, RIGHT - 164, key + 4, "start", line->name);
}

bool chart_write(const chart *c, const char *path)
{
    range x = {DBL_MAX, -DBL_MAX}, y = x;
    for (size_t k = 0; k < c->count; k++)
        for (size_t at = 0; at < c->lines[k].count; at++) {
            widen(&x, place_of(c, c->lines[k].x[at]));
            widen(&y, c->lines[k].y[at]);
        }
    if (!(x.high > x.low)) x.high = x.low + 1;
    double margin = y.high > y.low ? 0.05 * (y.high - y.low) : 0.1;
    y.low -= margin, y.high += margin;
    FILE *file = fopen(path, "w");
    if (file == NULL) return false;
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n"
            "<style>text{font:12px sans-serif;fill:#333}.title{font-size:15px}polyline{fill:none;stroke-width:2}"
            ".grid{stroke:#ddd;fill:none}.axis{stroke:#333;fill:none}</style>\n"
            "<title>%s</title><rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT, c->title);
    write_axes(file, c, &x, &y);
    for (size_t k = 0; k < c->count; k++) write_line(file, c, k, &x, &y);
    fputs("</svg>\n", file);
    bool good = !ferror(file);
    return (fclose(file) == 0) && good;
}
