/* check.h - as much of Check as the header's suites use, without a library: for processors that have no libcheck at hand. Every test runs in a
 * process of its own. Timeouts are the caller's business. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct TTest {
    const char *name;
    void (*run)(int);
} TTest;

#define START_TEST(test)                                    \
    static void test##_run(int _i __attribute__((unused))); \
    static const TTest test##_test = {#test, test##_run};   \
    static const TTest *const test = &test##_test;          \
    static void test##_run(int _i __attribute__((unused)))
#define END_TEST

enum { CHECK_MOST = 400, CK_NORMAL = 0 };

typedef struct TCase {
    struct {
        const TTest *test;
        int first, end;
    } entries[CHECK_MOST];
    int count;
} TCase;
typedef struct Suite {
    const char *name;
    TCase *cases[CHECK_MOST];
    int count;
} Suite;
typedef struct SRunner {
    Suite *suite;
    int ran, failed;
} SRunner;

static inline Suite *suite_create(const char *name)
{
    Suite *suite = calloc(1, sizeof *suite);
    if (!suite) abort();
    suite->name = name;
    return suite;
}

static inline TCase *tcase_create(const char *name)
{
    TCase *made = calloc(1, sizeof *made);
    (void)name;
    if (!made) abort();
    return made;
}

static inline void suite_add_tcase(Suite *suite, TCase *added)
{
    suite->cases[suite->count++] = added;
}

static inline void tcase_set_timeout(TCase *of, double seconds)
{
    (void)of;
    (void)seconds;
}

static inline void tcase_add_loop_test(TCase *to, const TTest *test, int first, int end)
{
    if (to->count == CHECK_MOST) abort();
    to->entries[to->count].test = test;
    to->entries[to->count].first = first;
    to->entries[to->count++].end = end;
}
#define tcase_add_test(to, test) tcase_add_loop_test(to, test, 0, 1)

static inline SRunner *srunner_create(Suite *suite)
{
    SRunner *runner = calloc(1, sizeof *runner);
    if (!runner) abort();
    runner->suite = suite;
    return runner;
}

static inline int check_failed(const TTest *test, int loop)
{
    int status = 1;
    (void)fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        test->run(loop);
        exit(0);
    }
    if (child > 0) (void)waitpid(child, &status, 0);
    if (status != 0) printf("%s, %d: status %d\n", test->name, loop, status);
    return status != 0;
}

static inline void srunner_run_all(SRunner *runner, int how)
{
    (void)how;
    for (int c = 0; c < runner->suite->count; c++) {
        const TCase *all = runner->suite->cases[c];
        for (int k = 0; k < all->count; k++) {
            for (int loop = all->entries[k].first; loop < all->entries[k].end; loop++, runner->ran++) {
                runner->failed += check_failed(all->entries[k].test, loop);
            }
        }
    }
    printf("%s: %d tests, %d failed\n", runner->suite->name, runner->ran, runner->failed);
}

static inline int srunner_ntests_failed(SRunner *runner)
{
    return runner->failed;
}

static inline void srunner_free(SRunner *runner)
{
    for (int c = 0; c < runner->suite->count; c++) free(runner->suite->cases[c]);
    free(runner->suite);
    free(runner);
}

/* ---- assertions ---- */

#define ck_assert_msg(condition, ...)                                           \
    do {                                                                        \
        if (!(condition)) {                                                     \
            printf("%s, line %d: '%s' fails ", __FILE__, __LINE__, #condition); \
            printf("" __VA_ARGS__);                                             \
            printf("\n");                                                       \
            exit(1);                                                            \
        }                                                                       \
    } while (0)
#define ck_assert(condition) ck_assert_msg(condition, "%s", "")
#define ck_abort_msg(...) ck_assert_msg(0, __VA_ARGS__)

#define CHECK_COMPARE(type, format, as, a, relation, b)                                                          \
    do {                                                                                                         \
        const type check_a = (type)(a), check_b = (type)(b);                                                     \
        ck_assert_msg(check_a relation check_b, "%s: " format ", " format, #a " " #relation " " #b, (as)check_a, \
                      (as)check_b);                                                                              \
    } while (0)
#define CHECK_INT(a, relation, b) CHECK_COMPARE(intmax_t, "%lld", long long, a, relation, b)
#define CHECK_UINT(a, relation, b) CHECK_COMPARE(uintmax_t, "%llu", unsigned long long, a, relation, b)
#define CHECK_REAL(a, relation, b) CHECK_COMPARE(double, "%.9g", double, a, relation, b)
#define CHECK_NEAR(a, b, tolerance) CHECK_REAL(fabs((double)(b) - (double)(a)), <, (double)(tolerance))

#define ck_assert_int_eq(a, b) CHECK_INT(a, ==, b)
#define ck_assert_int_ne(a, b) CHECK_INT(a, !=, b)
#define ck_assert_int_lt(a, b) CHECK_INT(a, <, b)
#define ck_assert_int_le(a, b) CHECK_INT(a, <=, b)
#define ck_assert_int_gt(a, b) CHECK_INT(a, >, b)
#define ck_assert_int_ge(a, b) CHECK_INT(a, >=, b)
#define ck_assert_uint_eq(a, b) CHECK_UINT(a, ==, b)
#define ck_assert_uint_ne(a, b) CHECK_UINT(a, !=, b)
#define ck_assert_uint_lt(a, b) CHECK_UINT(a, <, b)
#define ck_assert_uint_le(a, b) CHECK_UINT(a, <=, b)
#define ck_assert_uint_gt(a, b) CHECK_UINT(a, >, b)
#define ck_assert_uint_ge(a, b) CHECK_UINT(a, >=, b)
#define ck_assert_float_eq(a, b) CHECK_REAL(a, ==, b)
#define ck_assert_float_ne(a, b) CHECK_REAL(a, !=, b)
#define ck_assert_float_lt(a, b) CHECK_REAL(a, <, b)
#define ck_assert_float_le(a, b) CHECK_REAL(a, <=, b)
#define ck_assert_float_gt(a, b) CHECK_REAL(a, >, b)
#define ck_assert_float_ge(a, b) CHECK_REAL(a, >=, b)
#define ck_assert_float_eq_tol(a, b, tolerance) CHECK_NEAR(a, b, tolerance)
#define ck_assert_double_eq(a, b) CHECK_REAL(a, ==, b)
#define ck_assert_double_ne(a, b) CHECK_REAL(a, !=, b)
#define ck_assert_double_lt(a, b) CHECK_REAL(a, <, b)
#define ck_assert_double_le(a, b) CHECK_REAL(a, <=, b)
#define ck_assert_double_gt(a, b) CHECK_REAL(a, >, b)
#define ck_assert_double_ge(a, b) CHECK_REAL(a, >=, b)
#define ck_assert_double_eq_tol(a, b, tolerance) CHECK_NEAR(a, b, tolerance)
#define ck_assert_ptr_eq(a, b) ck_assert((const void *)(a) == (const void *)(b))
#define ck_assert_ptr_ne(a, b) ck_assert((const void *)(a) != (const void *)(b))
#define ck_assert_ptr_null(a) ck_assert((a) == NULL)
#define ck_assert_ptr_nonnull(a) ck_assert((a) != NULL)
#define ck_assert_str_eq(a, b) ck_assert_msg(strcmp(a, b) == 0, "'%s', '%s'", a, b)
#define ck_assert_str_ne(a, b) ck_assert_msg(strcmp(a, b) != 0, "'%s'", a)
#define ck_assert_mem_eq(a, b, bytes) ck_assert(memcmp(a, b, bytes) == 0)
#define ck_assert_mem_ne(a, b, bytes) ck_assert(memcmp(a, b, bytes) != 0)

#endif
