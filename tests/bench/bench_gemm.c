/* bench_gemm: lfrec's single-precision GEMM against OpenBLAS, BLIS and libxsmm, one thread, all in one process.
 *
 *     cc -O2 -I. tests/bench/bench_gemm.c -o bench_gemm -ldl && ./bench_gemm          TSV=1 ./bench_gemm
 *
 * Three tables, each in a process of its own because the peers read their settings from the environment as they load:
 * the best instruction set of the machine; AVX2, where OpenBLAS's Haswell kernels are the measure; and the portable
 * kernels against the compiler's own vectorized plain loop. A figure is GFLOP/s: the median of REPEATS (15) samples by the
 * thread's processor time, the contestants taking turns sample by sample.
 *
 * The peers are Debian's libopenblas0-pthread, libblis4-openmp and libxsmm-dev, found by dlopen; one that is missing is
 * reported as absent. libxsmm comes as an archive only, so a shared library is linked from it beside this program, once;
 * LIBXSMM_SO names one made elsewhere. Settings of the peers in the environment are not passed on: some cost them half
 * their speed. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define LFREC_IMPLEMENTATION
#define LFREC_STATIC
#include "lfrec.h"

#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_REPEATS = 101, SAMPLE_NANOSECONDS = 2000000 };

/* ---- cases ---- */

typedef struct {
    const char *name;
    bool transpose_a, transpose_b;
    size_t m, n, k;
    double goal; /* against the best of the three, best instruction set */
} bench_case;

static const bench_case cases[] = {
    {"encode 64x25x500", false, false, 64, 25, 500, 1.05},
    {"encode 256x25x500", false, false, 256, 25, 500, 1.05},
    {"encode 6040x25x500", false, false, 6040, 25, 500, 1.05},
    {"decode 64x500x25", false, false, 64, 500, 25, 1.00},
    {"decode 256x500x25", false, false, 256, 500, 25, 1.00},
    {"decode 6040x500x25", false, false, 6040, 500, 25, 1.00},
    {"gradient A' 500x25x256", true, false, 500, 25, 256, 1.00},
    {"gradient A' 25x500x256", true, false, 25, 500, 256, 1.00},
    {"gradient A' 4096x64x256", true, false, 4096, 64, 256, 1.00},
    {"back-prop B' 64x25x500", false, true, 64, 25, 500, 1.50},
    {"back-prop B' 256x25x500", false, true, 256, 25, 500, 1.50},
    {"back-prop B' 256x500x25", false, true, 256, 500, 25, 1.15},
    {"wide 256x64x4096", false, false, 256, 64, 4096, 1.00},
    {"wide 256x4096x64", false, false, 256, 4096, 64, 1.00},
    {"square 256", false, false, 256, 256, 256, 0.97},
    {"square 512", false, false, 512, 512, 512, 0.97},
    {"square 1024", false, false, 1024, 1024, 1024, 0.97},
    {"square 2048", false, false, 2048, 2048, 2048, 0.97},
};
enum { CASES = sizeof cases / sizeof cases[0] };

typedef void xsmm_kernel(const float *a, const float *b, float *c);

typedef struct { /* a case with its operands, tightly packed, row-major */
    const bench_case *shape;
    size_t lda, ldb;
    float *a, *b, *c;
    void *scratch;
    lfrec_isa isa;
    xsmm_kernel *kernel; /* libxsmm's, for this shape; NULL if it has none */
} problem;

/* ---- contestants ---- */

typedef void cblas_sgemm_function(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                                  const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef xsmm_kernel *xsmm_dispatch_function(int m, int n, int k, const int *lda, const int *ldb, const int *ldc,
                                            const float *alpha, const float *beta, const int *flags, const int *prefetch);

static struct {
    cblas_sgemm_function *openblas, *blis;
    xsmm_dispatch_function *xsmm;
} peers;

static void run_lfrec(const problem *p)
{
    lfrec_gemm g;
    memset(&g, 0, sizeof g);
    g.transpose_a = p->shape->transpose_a;
    g.transpose_b = p->shape->transpose_b;
    g.m = p->shape->m;
    g.n = p->shape->n;
    g.k = p->shape->k;
    g.alpha = 1.0f;
    g.a = p->a;
    g.lda = p->lda;
    g.b = p->b;
    g.ldb = p->ldb;
    g.c = p->c;
    g.ldc = p->shape->n;
    g.scratch = p->scratch;
    g.scratch_bytes = lfrec_sgemm_scratch_size();
    g.isa = p->isa;
    if (lfrec_sgemm(&g) != LFREC_OK) {
        abort();
    }
}

static void run_cblas(cblas_sgemm_function *sgemm, const problem *p)
{
    enum { row_major = 101, plain = 111, transposed = 112 };
    const bench_case *s = p->shape;
    sgemm(row_major, s->transpose_a ? transposed : plain, s->transpose_b ? transposed : plain, (int)s->m, (int)s->n,
          (int)s->k, 1.0f, p->a, (int)p->lda, p->b, (int)p->ldb, 0.0f, p->c, (int)s->n);
}

static void run_openblas(const problem *p)
{
    run_cblas(peers.openblas, p);
}

static void run_blis(const problem *p)
{
    run_cblas(peers.blis, p);
}

static void run_xsmm(const problem *p)
{
    p->kernel(p->b, p->a, p->c); /* column-major: C' = B' A' */
}

/* What the compiler makes of three loops when it is asked to vectorize them. */
#ifndef __clang__
__attribute__((optimize("O3")))
#endif
static void
run_plain(const problem *p)
{
    const bench_case *s = p->shape;
    const size_t a_row = s->transpose_a ? 1 : p->lda, a_step = s->transpose_a ? p->lda : 1;
    for (size_t i = 0; i < s->m; i++) {
        float *restrict c = p->c + i * s->n;
        memset(c, 0, s->n * sizeof *c);
        if (s->transpose_b) {
            for (size_t j = 0; j < s->n; j++) {
                for (size_t q = 0; q < s->k; q++) {
                    c[j] += p->a[i * a_row + q * a_step] * p->b[j * p->ldb + q];
                }
            }
        } else {
            for (size_t q = 0; q < s->k; q++) {
                const float a = p->a[i * a_row + q * a_step];
                const float *restrict b = p->b + q * p->ldb;
                for (size_t j = 0; j < s->n; j++) {
                    c[j] += a * b[j];
                }
            }
        }
    }
}

typedef struct {
    const char *name;
    void (*run)(const problem *); /* NULL: absent */
    bool measure;                 /* the ratio is to the best of those with this set */
    char detail[160];
} contestant;

/* ---- loading ---- */

static void *open_first(const char *const *names, char *found, size_t size)
{
    for (; *names != NULL; names++) {
        void *library = **names ? dlopen(*names, RTLD_NOW | RTLD_LOCAL) : NULL;
        if (library != NULL) {
            snprintf(found, size, "%s", *names);
            return library;
        }
    }
    snprintf(found, size, "absent");
    return NULL;
}

/* POSIX lets dlsym's pointer be a function; ISO C has no cast for it. */
static void symbol(void *library, const char *name, void *function_pointer)
{
    void *address = library != NULL ? dlsym(library, name) : NULL;
    memcpy(function_pointer, &address, sizeof address);
}

static void load_openblas(contestant *who)
{
    const char *const names[] = {"libopenblas.so.0", "libopenblas.so", NULL};
    void *library = open_first(names, who->detail, sizeof who->detail);
    void (*set_threads)(int) = NULL;
    char *(*core)(void) = NULL, *(*config)(void) = NULL;
    symbol(library, "cblas_sgemm", &peers.openblas);
    symbol(library, "openblas_set_num_threads", &set_threads);
    symbol(library, "openblas_get_corename", &core);
    symbol(library, "openblas_get_config", &config);
    if (peers.openblas != NULL && set_threads != NULL && core != NULL && config != NULL) {
        set_threads(1);
        snprintf(who->detail, sizeof who->detail, "core %s; %s", core(), config());
        who->run = run_openblas;
    }
}

static void load_blis(contestant *who)
{
    const char *const names[] = {"libblis.so.4", "libblis.so", NULL};
    void *library = open_first(names, who->detail, sizeof who->detail);
    const char *(*version)(void) = NULL;
    int (*arch)(void) = NULL;
    const char *(*arch_string)(int) = NULL;
    void (*init)(void) = NULL;
    symbol(library, "cblas_sgemm", &peers.blis);
    symbol(library, "bli_init", &init);
    symbol(library, "bli_info_get_version_str", &version);
    symbol(library, "bli_arch_query_id", &arch);
    symbol(library, "bli_arch_string", &arch_string);
    if (peers.blis != NULL && version != NULL && arch != NULL && arch_string != NULL && init != NULL) {
        init();
        snprintf(who->detail, sizeof who->detail, "%s, BLIS_ARCH_TYPE forced to %s", version(), arch_string(arch()));
        who->run = run_blis;
    }
}

static void load_xsmm(contestant *who)
{
    const char *own = getenv("BENCH_GEMM_XSMM");
    const char *const names[] = {own != NULL ? own : "", "libxsmm.so", "libxsmm.so.1", NULL};
    void *library = open_first(names, who->detail, sizeof who->detail);
    const char *(*target)(void) = NULL;
    void (*init)(void) = NULL;
    symbol(library, "libxsmm_init", &init);
    symbol(library, "libxsmm_smmdispatch", &peers.xsmm);
    symbol(library, "libxsmm_get_target_arch", &target);
    if (peers.xsmm != NULL && target != NULL && init != NULL) {
        init();
        snprintf(who->detail, sizeof who->detail, "JIT target %s, one kernel for the whole shape", target());
        who->run = run_xsmm;
    }
}

/* ---- measuring ---- */

/* The thread's own time, in nanoseconds: what other processes take of a shared machine is nobody's loss. All contestants work
 * in the calling thread. */
static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_value(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static float *matrix(size_t size)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, size * sizeof(float)) != 0) {
        abort();
    }
    return p;
}

static void fill(float *x, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
}

/* Median GFLOP/s of each contestant; NAN for one that is absent or has no kernel for the shape. */
static void measure(problem *p, const contestant *who, size_t count, size_t repeats, double *rates)
{
    static double sample[8][MOST_REPEATS];
    const bench_case *s = p->shape;
    const double flops = 2.0 * (double)s->m * (double)s->n * (double)s->k;
    size_t calls[8];
    float *expected = matrix(s->m * s->n);
    run_lfrec(p);
    memcpy(expected, p->c, s->m * s->n * sizeof *expected);
    for (size_t w = 0; w < count; w++) {
        rates[w] = (double)NAN;
        if (who[w].run == NULL || (who[w].run == run_xsmm && p->kernel == NULL)) {
            continue;
        }
        memset(p->c, 0, s->m * s->n * sizeof *p->c);
        who[w].run(p);
        for (size_t i = 0; i < s->m * s->n; i++) {
            if (!(fabsf(p->c[i] - expected[i]) <= 1e-6f * (float)s->k)) {
                fprintf(stderr, "bench_gemm: %s and %s disagree on %s\n", who[0].name, who[w].name, s->name);
                exit(1);
            }
        }
        for (calls[w] = 1;; calls[w] *= 2) {
            const int64_t start = now();
            for (size_t c = 0; c < calls[w]; c++) {
                who[w].run(p);
            }
            if (now() - start >= SAMPLE_NANOSECONDS) {
                break;
            }
        }
        rates[w] = 0;
    }
    for (size_t r = 0; r < repeats; r++) {
        for (size_t w = 0; w < count; w++) {
            if (!isnan(rates[w])) {
                const int64_t start = now();
                for (size_t c = 0; c < calls[w]; c++) {
                    who[w].run(p);
                }
                sample[w][r] = flops * (double)calls[w] / (double)(now() - start);
            }
        }
    }
    for (size_t w = 0; w < count; w++) {
        if (!isnan(rates[w])) {
            qsort(sample[w], repeats, sizeof sample[w][0], by_value);
            rates[w] = sample[w][repeats / 2];
        }
    }
    free(expected);
}

static const char *cpu_name(void)
{
    static char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            fclose(f);
            colon[strcspn(colon, "\n")] = '\0';
            return colon + 2;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return "unknown";
}

static int table(lfrec_isa isa)
{
    const bool tsv = getenv("TSV") != NULL && strcmp(getenv("TSV"), "0") != 0;
    const char *wanted = getenv("REPEATS"), *only = getenv("ONLY");
    const size_t repeats = wanted != NULL && atoi(wanted) >= 9 && atoi(wanted) <= MOST_REPEATS ? (size_t)atoi(wanted) : 15;
    contestant who[] = {{"lfrec", run_lfrec, false, ""},
                        {"OpenBLAS", NULL, true, ""},
                        {"BLIS", NULL, isa != LFREC_ISA_AVX2, ""},
                        {"libxsmm", NULL, isa != LFREC_ISA_AVX2, ""}};
    size_t count = 4;
    snprintf(who[0].detail, sizeof who[0].detail, "kernels %s", lfrec_isa_string(isa));
    if (isa == LFREC_ISA_PORTABLE) {
        who[1].name = "plain loop";
        who[1].run = run_plain;
        snprintf(who[1].detail, sizeof who[1].detail, "vectorized by the compiler");
        count = 2;
    } else {
        load_openblas(&who[1]);
        load_blis(&who[2]);
        load_xsmm(&who[3]);
    }
    printf("# GEMM, one thread, single precision, GFLOP/s, median of %zu; CPU %s; compiler %s\n", repeats, cpu_name(),
           __VERSION__);
    for (size_t w = 0; w < count; w++) {
        printf("# %s: %s\n", who[w].name, who[w].detail);
    }
    printf(tsv ? "case" : "%-24s", "case");
    for (size_t w = 0; w < count; w++) {
        printf(tsv ? "\t%s" : " %10s", who[w].name);
    }
    printf(tsv ? "\t%s\tgoal\n" : " %18s   goal\n", isa == LFREC_ISA_AVX2 ? "ratio to OpenBLAS" : "ratio to best peer");
    for (size_t i = 0; i < CASES; i++) {
        const bench_case *s = &cases[i];
        const int m = (int)s->m, n = (int)s->n, k = (int)s->k;
        const float one = 1.0f, zero = 0.0f;
        problem p = {s, s->transpose_a ? s->m : s->k, s->transpose_b ? s->k : s->n, NULL, NULL, NULL, NULL, isa, NULL};
        double rates[8], best = 0;
        const double goal = isa == LFREC_ISA_PORTABLE ? 1.00 : isa == LFREC_ISA_AVX2 ? 0.97 : s->goal;
        if (only != NULL && strstr(s->name, only) == NULL) {
            continue;
        }
        p.a = matrix(s->m * s->k);
        p.b = matrix(s->k * s->n);
        p.c = matrix(s->m * s->n);
        p.scratch = matrix(lfrec_sgemm_scratch_size() / sizeof(float) + 1);
        fill(p.a, s->m * s->k, 1);
        fill(p.b, s->k * s->n, 2);
        if (peers.xsmm != NULL && !s->transpose_b) { /* it has no kernels for what is, to it, A transposed */
            const int flags = s->transpose_a ? 2 : 0, lda = (int)p.lda, ldb = (int)p.ldb;
            p.kernel = peers.xsmm(n, m, k, &ldb, &lda, &n, &one, &zero, &flags, NULL);
        }
        measure(&p, who, count, repeats, rates);
        printf(tsv ? "%s" : "%-24s", s->name);
        for (size_t w = 0; w < count; w++) {
            if (isnan(rates[w])) {
                printf(tsv ? "\t%s" : " %10s", who[w].run == NULL ? "absent" : "-");
            } else {
                printf(tsv ? "\t%.1f" : " %10.1f", rates[w]);
                best = who[w].measure && rates[w] > best ? rates[w] : best;
            }
        }
        if (best > 0) {
            printf(tsv ? "\t%.3f\t%.2f%s\n" : " %18.3f   %.2f%s\n", rates[0] / best, goal,
                   rates[0] / best >= goal ? ""
                   : tsv                   ? ""
                                           : "  missed");
        } else {
            printf(tsv ? "\t-\t%.2f\n" : "                  -   %.2f\n", goal);
        }
        fflush(stdout);
        free(p.a);
        free(p.b);
        free(p.c);
        free(p.scratch);
    }
    return 0;
}

/* Where a loadable libxsmm is: as LIBXSMM_SO says, else beside this program, made from Debian's archive if it is not there. */
static void find_xsmm(char *path, size_t size)
{
    const char *own = getenv("LIBXSMM_SO");
    char command[2 * PATH_MAX];
    ssize_t length;
    if (own != NULL) {
        snprintf(path, size, "%s", own);
        return;
    }
    length = readlink("/proc/self/exe", path, size - sizeof "libxsmm.so");
    while (length > 0 && path[length - 1] != '/') {
        length--;
    }
    if (length <= 0) {
        path[0] = '\0';
        return;
    }
    strcpy(path + length, "libxsmm.so");
    if (access(path, R_OK) != 0 && access("/usr/lib/libxsmm.a", R_OK) == 0) {
        snprintf(
            command, sizeof command,
            "cc -shared -o '%s' -Wl,--whole-archive /usr/lib/libxsmm.a /usr/lib/libxsmmnoblas.a -Wl,--no-whole-archive "
            "-ldl -lpthread -lm",
            path);
        if (system(command) != 0) {
            fprintf(stderr, "bench_gemm: could not link libxsmm.so from its archive\n");
        }
    }
}

/* Drop every variable whose name starts with one of the peers' prefixes. */
static void forget_settings_of_peers(void)
{
    static const char *const prefixes[] = {"OPENBLAS_", "GOTO_", "BLIS_", "LIBXSMM_", "OMP_", NULL};
    for (size_t i = 0; environ[i] != NULL;) {
        const size_t length = strcspn(environ[i], "=");
        char name[128];
        bool theirs = false;
        for (const char *const *prefix = prefixes; *prefix != NULL; prefix++) {
            theirs = theirs || strncmp(environ[i], *prefix, strlen(*prefix)) == 0;
        }
        if (theirs && length < sizeof name) {
            memcpy(name, environ[i], length);
            name[length] = '\0';
            unsetenv(name); /* the list closes up */
        } else {
            i++;
        }
    }
}

/* One table in a fresh copy of this program, with the peers told what they may use. */
static int table_in_child(char *self, lfrec_isa isa)
{
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        char number[16];
        char *arguments[] = {self, NULL};
        char xsmm[PATH_MAX];
        snprintf(number, sizeof number, "%d", (int)isa);
        find_xsmm(xsmm, sizeof xsmm);
        forget_settings_of_peers();
        setenv("BENCH_GEMM_XSMM", xsmm, 1);
        setenv("BENCH_GEMM_ISA", number, 1);
        setenv("OPENBLAS_NUM_THREADS", "1", 1);
        setenv("OMP_NUM_THREADS", "1", 1);
        setenv("BLIS_NUM_THREADS", "1", 1);
        if (isa == LFREC_ISA_AVX512) {
            setenv("BLIS_ARCH_TYPE", "0", 1); /* skx */
        } else if (isa == LFREC_ISA_AVX2) {
            setenv("OPENBLAS_CORETYPE", "Haswell", 1);
            setenv("BLIS_ARCH_TYPE", "3", 1); /* haswell */
            setenv("LIBXSMM_TARGET", "hsw", 1);
        }
        execv("/proc/self/exe", arguments);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "bench_gemm: the table for %s failed\n", lfrec_isa_string(isa));
        return 1;
    }
    return 0;
}

int main(int count, char **arguments)
{
    const char *mine = getenv("BENCH_GEMM_ISA");
    const lfrec_isa best = lfrec_isa_best();
    int failed = 0;
    if (mine != NULL) {
        return table((lfrec_isa)atoi(mine));
    }
    if (count > 1) {
        fprintf(stderr, "usage: %s (settings in the environment: TSV=1 REPEATS=15 ONLY=text LIBXSMM_SO=path)\n",
                arguments[0]);
        return 2;
    }
    if (best != LFREC_ISA_PORTABLE && best != LFREC_ISA_AVX2) {
        failed |= table_in_child(arguments[0], best);
        printf("\n");
        fflush(stdout);
    }
    if (best == LFREC_ISA_AVX512 || best == LFREC_ISA_AVX2) {
        failed |= table_in_child(arguments[0], LFREC_ISA_AVX2);
        printf("\n");
        fflush(stdout);
    }
    return failed | table_in_child(arguments[0], LFREC_ISA_PORTABLE);
}
