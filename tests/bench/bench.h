/* bench.h - what the benchmarks share: clocks, medians, and tables with one row for each case.
 *
 * A row is: case, unit, lfrec, peer, ratio, goal. A ratio above 1 is lfrec ahead, whatever the unit. TSV=1 separates by tabs,
 * REPEATS sets how many samples a median is of (9). Include after lfrec.h. */
#ifndef BENCH_H
#define BENCH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BENCH_MOST_REPEATS = 101 };

static inline double bench_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The thread's own seconds: what other processes take of a shared machine does not count. */
static inline double bench_now(void)
{
    return bench_clock(CLOCK_THREAD_CPUTIME_ID);
}

static inline size_t bench_repeats(void)
{
    const char *text = getenv("REPEATS");
    const long repeats = text != NULL ? strtol(text, NULL, 10) : 0;
    return repeats < 1 ? 9 : repeats > BENCH_MOST_REPEATS ? BENCH_MOST_REPEATS : (size_t)repeats;
}

static inline int bench_by_value(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static inline double bench_median(double *sample, size_t count)
{
    qsort(sample, count, sizeof *sample, bench_by_value);
    return sample[count / 2];
}

static inline bool bench_tsv(void)
{
    const char *text = getenv("TSV");
    return text != NULL && *text != '\0';
}

static inline void bench_machine(void)
{
    char line[256], cpu[256] = "unknown CPU";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            snprintf(cpu, sizeof cpu, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (file != NULL) fclose(file);
#ifdef __clang__
    printf("# %s; clang %s; %s; one thread, its processor time, medians of %zu\n", cpu, __clang_version__,
           lfrec_isa_string(lfrec_isa_best()), bench_repeats());
#else
    printf("# %s; gcc %s; %s; one thread, its processor time, medians of %zu\n", cpu, __VERSION__,
           lfrec_isa_string(lfrec_isa_best()), bench_repeats());
#endif
}

static inline void bench_header(const char *peer)
{
    if (bench_tsv()) {
        printf("case\tunit\tlfrec\t%s\tratio\tgoal\n", peer);
    } else {
        printf("%-66s %-12s %12s %28s %7s %6s\n", "case", "unit", "lfrec", peer, "ratio", "goal");
    }
}

static inline void bench_cell(double value, int width, const char *absent)
{
    char text[32];
    snprintf(text, sizeof text, "%.4g", value);
    if (bench_tsv()) {
        printf("\t%s", isnan(value) ? absent : text);
    } else {
        printf(" %*s", width, isnan(value) ? absent : text);
    }
}

/* NAN stands for what is absent. */
static inline void bench_row(const char *name, const char *unit, double lfrec, double peer, double ratio, double goal)
{
    if (bench_tsv()) {
        printf("%s\t%s", name, unit);
    } else {
        printf("%-66s %-12s", name, unit);
    }
    bench_cell(lfrec, 12, "absent");
    bench_cell(peer, 28, "absent");
    bench_cell(ratio, 7, "-");
    bench_cell(goal, 6, "-");
    printf("\n");
    fflush(stdout);
}

#endif
