/* The single-precision GEMM against a double-precision product: shapes, edges, scalars, scratch, arguments. */
#include "lfrec.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#if !defined(TEST_GEMM_SIZE) && defined(LFREC_TEST_QUICK)
#define TEST_GEMM_SIZE 12
#endif
#ifdef LFREC_TEST_QUICK
#define TEST_GEMM_LONG 1
#else
#define TEST_GEMM_LONG 5
#endif
#ifndef TEST_GEMM_SIZE
#define TEST_GEMM_SIZE 40 /* every m, n, k up to this; valgrind gets a smaller one */
#endif

static const lfrec_isa isas[] = {LFREC_ISA_AUTO, LFREC_ISA_PORTABLE, LFREC_ISA_AVX2, LFREC_ISA_AVX512, LFREC_ISA_NEON};
enum { ISAS = sizeof isas / sizeof isas[0] };

static uint32_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % bound;
}

static float random_value(void)
{
    return (float)random_below(1u << 20) / 524288.0f - 1.0f;
}

/* ---- a product with its operands, each in memory of exactly its size and with NaN between its rows ---- */

typedef struct {
    size_t rows, columns, leading, size;
    float *memory, *at; /* at: memory plus `shift` floats */
} matrix;

typedef struct {
    lfrec_gemm g;
    matrix a, b, c;
    float *before; /* C before the product */
    char *scratch;
} product;

static matrix matrix_of(size_t rows, size_t columns, size_t padding, size_t shift)
{
    matrix x = {rows, columns, columns + padding, 0, NULL, NULL};
    x.size = rows == 0 || columns == 0 ? 0 : (rows - 1) * x.leading + columns;
    x.memory = malloc((x.size + shift) * sizeof(float) + (x.size + shift == 0));
    ck_assert_ptr_nonnull(x.memory);
    x.at = x.memory + shift;
    for (size_t i = 0; i < x.size; i++) {
        x.at[i] = i % x.leading < columns ? random_value() : NAN;
    }
    return x;
}

static product product_of(size_t m, size_t n, size_t k, int transpose_a, int transpose_b, size_t padding, size_t shift)
{
    product p;
    memset(&p, 0, sizeof p);
    p.a = transpose_a ? matrix_of(k, m, padding, shift) : matrix_of(m, k, padding, shift);
    p.b = transpose_b ? matrix_of(n, k, 2 * padding, shift) : matrix_of(k, n, 2 * padding, shift);
    p.c = matrix_of(m, n, 3 * padding, shift);
    p.before = malloc(p.c.size * sizeof(float) + 1);
    ck_assert_ptr_nonnull(p.before);
    p.g.transpose_a = transpose_a;
    p.g.transpose_b = transpose_b;
    p.g.m = m;
    p.g.n = n;
    p.g.k = k;
    p.g.alpha = 1.0f;
    p.g.a = p.a.at;
    p.g.lda = p.a.leading;
    p.g.b = p.b.at;
    p.g.ldb = p.b.leading;
    p.g.c = p.c.at;
    p.g.ldc = p.c.leading;
    return p;
}

static void product_scratch(product *p, size_t bytes)
{
    free(p->scratch);
    p->scratch = bytes > 0 ? malloc(bytes) : NULL;
    p->g.scratch = p->scratch;
    p->g.scratch_bytes = bytes;
}

static void product_free(product *p)
{
    free(p->a.memory);
    free(p->b.memory);
    free(p->c.memory);
    free(p->before);
    free(p->scratch);
}

/* Runs it and checks every element against the bound the header states, and that nothing between C's rows changed. */
static void product_check(product *p, lfrec_status (*sgemm)(const lfrec_gemm *))
{
    const lfrec_gemm *g = &p->g;
    const size_t a_row = g->transpose_a ? 1 : g->lda, a_step = g->transpose_a ? g->lda : 1;
    const size_t b_step = g->transpose_b ? 1 : g->ldb, b_column = g->transpose_b ? g->ldb : 1;
    const double alpha = (double)g->alpha, beta = (double)g->beta, eps = ldexp(1.0, -24);
    memcpy(p->before, p->c.at, p->c.size * sizeof(float));
    ck_assert_int_eq(sgemm(g), LFREC_OK);
    for (size_t i = 0; i < g->m; i++) {
        for (size_t j = 0; j < g->n; j++) {
            const double old = beta == 0 ? 0 : beta * (double)p->before[i * g->ldc + j];
            double sum = 0, size = 0;
            for (size_t q = 0; alpha != 0 && q < g->k; q++) {
                const double term = (double)g->a[i * a_row + q * a_step] * (double)g->b[q * b_step + j * b_column];
                sum += term;
                size += fabs(term);
            }
            const double error = fabs((double)g->c[i * g->ldc + j] - (alpha * sum + old));
            const double bound = ((double)g->k + 3) * eps * (fabs(alpha) * size + fabs(old));
            if (!(error <= bound)) {
                ck_abort_msg(
                    "%s m %zu n %zu k %zu transposes %d %d lda %zu ldb %zu ldc %zu alpha %g beta %g scratch %zu: "
                    "c[%zu][%zu] off by %g, bound %g",
                    lfrec_isa_string(g->isa), g->m, g->n, g->k, g->transpose_a, g->transpose_b, g->lda, g->ldb, g->ldc,
                    alpha, beta, g->scratch_bytes, i, j, error, bound);
            }
        }
    }
    for (size_t i = 0; i < p->c.size; i++) {
        if (i % p->c.leading >= p->c.columns && memcmp(&p->c.at[i], &p->before[i], sizeof(float)) != 0) {
            ck_abort_msg("%s m %zu n %zu k %zu: wrote beyond row %zu of C", lfrec_isa_string(g->isa), g->m, g->n, g->k,
                         i / p->c.leading);
        }
    }
}

/* ---- tests; _i counts instruction sets where it is looped ---- */

START_TEST(every_shape_is_right_whatever_the_transposes_scalars_padding_and_scratch)
{
    static const float alphas[] = {1.0f, -0.75f, 0.0f, 1.0f}, betas[] = {0.0f, 1.0f, 0.5f, -2.0f};
    random_state = (uint32_t)_i;
    for (size_t m = 1; m <= TEST_GEMM_SIZE; m++) {
        for (size_t n = 1; n <= TEST_GEMM_SIZE; n++) {
            for (size_t k = 1; k <= TEST_GEMM_SIZE; k++) {
                const size_t full = lfrec_sgemm_scratch_size(), scratches[] = {0, full, 5000, full - 1};
                product p =
                    product_of(m, n, k, (int)random_below(2), (int)random_below(2), random_below(3), random_below(2));
                p.g.isa = isas[_i];
                p.g.alpha = alphas[random_below(4)];
                p.g.beta = betas[random_below(4)];
                product_scratch(&p, k % 8 == 0 ? scratches[random_below(4)] : 0);
                product_check(&p, lfrec_sgemm);
                product_free(&p);
            }
        }
    }
}
END_TEST

START_TEST(every_shape_is_right_in_the_reference)
{
    random_state = 99;
    for (size_t m = 1; m <= 9; m++) {
        for (size_t n = 1; n <= 9; n++) {
            for (size_t k = 1; k <= 9; k++) {
                product p = product_of(m, n, k, (int)random_below(2), (int)random_below(2), random_below(3), 0);
                p.g.alpha = random_value();
                p.g.beta = random_below(2) ? random_value() : 0.0f;
                product_check(&p, lfrec_sgemm_reference);
                product_free(&p);
            }
        }
    }
}
END_TEST

START_TEST(shapes_larger_than_a_block_are_right)
{
    static const size_t shapes[][3] = {{64, 25, 513},  {3, 520, 300},  {25, 65, 257},  {300, 33, 70}, {1, 1, 1100},
                                       {13, 7, 1030},  {1, 1100, 3},   {200, 130, 65}, {301, 545, 9}, {50, 64, 600},
                                       {110, 300, 70}, {30, 130, 260}, {27, 70, 1024}};
    random_state = (uint32_t)_i;
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        for (int transposes = 0; transposes < 4; transposes++) {
            for (int scratch = 0; scratch < 3; scratch++) {
                product p = product_of(shapes[s][0], shapes[s][1], shapes[s][2], transposes & 1, transposes >> 1,
                                       (size_t)transposes, 0);
                p.g.isa = isas[_i];
                p.g.alpha = transposes == 2 ? 0.5f : 1.0f;
                p.g.beta = transposes == 1 ? 0.0f : 1.5f;
                product_scratch(&p, scratch == 0 ? 0 : scratch == 1 ? 30000 : lfrec_sgemm_scratch_size());
                product_check(&p, lfrec_sgemm);
                product_free(&p);
            }
        }
    }
}
END_TEST

START_TEST(a_transposed_a_that_no_near_cache_holds_is_right)
{
    product p;
    random_state = (uint32_t)_i;
    p = product_of(1030, 33, 257, 1, 0, 1, 0);
    p.g.isa = isas[_i];
    p.g.beta = 1.5f;
    product_check(&p, lfrec_sgemm);
    product_free(&p);
}
END_TEST

/* Rows of A that share a cache's sets; B in place, copied, transposed; panels in pairs, one more, a part of one more; more of
 * them than rows; two steps of depth. */
START_TEST(a_long_a_that_no_near_cache_holds_is_right)
{
    static const size_t shapes[][4] = {
        {270, 84, 1024, 0}, {270, 96, 1024, 1}, {130, 300, 2048, 0}, {1030, 150, 257, 0}, {70, 75, 4096, 0}};
    random_state = (uint32_t)_i;
    for (size_t s = 0; s < TEST_GEMM_LONG; s++) {
        product p = product_of(shapes[s][0], shapes[s][1], shapes[s][2], 0, (int)shapes[s][3], 0, 0);
        p.g.isa = isas[_i];
        p.g.alpha = s % 2 ? -0.5f : 1.0f;
        p.g.beta = s < 2 ? 1.5f : 0.0f;
        product_scratch(&p, lfrec_sgemm_scratch_size());
        product_check(&p, lfrec_sgemm);
        product_free(&p);
    }
}
END_TEST

START_TEST(beta_zero_overwrites_nan_in_edge_tiles_too)
{
    for (size_t n = 1; n <= 70; n += 3) {
        product p = product_of(14, n, 5, 0, n % 2 == 0, 1, 0);
        p.g.isa = isas[_i];
        for (size_t i = 0; i < p.c.size; i++) {
            p.c.at[i] = i % 2 ? NAN : INFINITY;
        }
        product_check(&p, lfrec_sgemm);
        product_free(&p);
    }
}
END_TEST

START_TEST(alpha_zero_reads_neither_a_nor_b)
{
    product p = product_of(14, 37, 5, 0, 0, 1, 0);
    p.g.isa = isas[_i];
    p.g.alpha = 0.0f;
    p.g.beta = 0.5f;
    for (size_t i = 0; i < p.a.size; i++) {
        p.a.at[i] = NAN;
    }
    product_check(&p, lfrec_sgemm);
    product_check(&p, lfrec_sgemm_reference);
    p.g.a = p.g.b = NULL;
    p.g.lda = p.g.ldb = 0;
    ck_assert_int_eq(lfrec_sgemm(&p.g), LFREC_OK);
    product_free(&p);
}
END_TEST

START_TEST(nan_in_an_operand_reaches_its_row_or_column_and_nothing_else)
{
    product p = product_of(14, 37, 9, 0, 0, 0, 0);
    p.g.isa = isas[_i];
    p.a.at[3 * p.g.lda + 8] = NAN;
    p.b.at[2 * p.g.ldb + 36] = INFINITY;
    ck_assert_int_eq(lfrec_sgemm(&p.g), LFREC_OK);
    for (size_t i = 0; i < 14; i++) {
        for (size_t j = 0; j < 37; j++) {
            ck_assert_int_eq(!isfinite(p.g.c[i * p.g.ldc + j]), i == 3 || j == 36);
        }
    }
    product_free(&p);
}
END_TEST

START_TEST(depth_zero_leaves_beta_c)
{
    static const float betas[] = {0.0f, 1.0f, -0.5f};
    for (size_t b = 0; b < 3; b++) {
        product p = product_of(5, 19, 0, 0, 0, 2, 0);
        p.g.isa = isas[_i];
        p.g.beta = betas[b];
        p.g.a = p.g.b = NULL;
        product_check(&p, lfrec_sgemm);
        product_check(&p, lfrec_sgemm_reference);
        product_free(&p);
    }
}
END_TEST

START_TEST(empty_c_is_nothing_to_do)
{
    lfrec_gemm g;
    memset(&g, 0, sizeof g);
    g.isa = isas[_i];
    g.alpha = 1.0f;
    g.n = g.k = 7;
    ck_assert_int_eq(lfrec_sgemm(&g), LFREC_OK);
    ck_assert_int_eq(lfrec_sgemm_reference(&g), LFREC_OK);
    g.m = 7;
    g.n = 0;
    ck_assert_int_eq(lfrec_sgemm(&g), LFREC_OK);
    g.m = g.n = g.k = 0;
    ck_assert_int_eq(lfrec_sgemm(&g), LFREC_OK);
}
END_TEST

START_TEST(scratch_of_any_size_and_alignment_is_enough_and_never_overrun)
{
    const size_t full = lfrec_sgemm_scratch_size();
    const size_t sizes[] = {0, 1, 63, 4095, 4096, 4160, 4161, 9000, 65536, full - 1, full, full + 100};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t shift = 0; shift < 3; shift++) {
            product p = product_of(40, 70, 300, shift == 1, s % 2 == 0, 0, 0);
            const size_t bytes = sizes[s] > full + 100 ? 0 : sizes[s];
            unsigned char *memory = malloc(shift + bytes + 16);
            ck_assert_ptr_nonnull(memory);
            memset(memory, 0xa5, shift + bytes + 16);
            p.g.isa = isas[_i];
            p.g.scratch = memory + shift;
            p.g.scratch_bytes = bytes;
            product_check(&p, lfrec_sgemm);
            for (size_t i = 0; i < 16; i++) {
                ck_assert_uint_eq(memory[shift + bytes + i], 0xa5);
            }
            ck_assert(shift == 0 || memory[0] == 0xa5);
            free(memory);
            product_free(&p);
        }
    }
}
END_TEST

START_TEST(operands_need_only_the_alignment_of_float)
{
    for (size_t shift = 0; shift < 17; shift++) {
        product p = product_of(13, 50, 33, shift % 2 == 0, shift % 3 == 0, shift % 4, shift);
        p.g.isa = isas[_i];
        p.g.beta = 1.0f;
        product_scratch(&p, lfrec_sgemm_scratch_size());
        product_check(&p, lfrec_sgemm);
        product_free(&p);
    }
}
END_TEST

START_TEST(same_product_twice_gives_same_bits_and_a_row_alone_the_same_as_among_others)
{
    product p = product_of(64, 70, 300, 0, 0, 0, 0);
    float first[64 * 70];
    p.g.isa = isas[_i];
    product_scratch(&p, lfrec_sgemm_scratch_size());
    ck_assert_int_eq(lfrec_sgemm(&p.g), LFREC_OK);
    memcpy(first, p.g.c, sizeof first);
    ck_assert_int_eq(lfrec_sgemm(&p.g), LFREC_OK);
    ck_assert_int_eq(memcmp(first, p.g.c, sizeof first), 0);
    p.g.m = 1;
    for (size_t i = 0; i < 64; i++) {
        p.g.a = p.a.at + i * p.g.lda;
        ck_assert_int_eq(lfrec_sgemm(&p.g), LFREC_OK);
        ck_assert_int_eq(memcmp(first + i * 70, p.g.c, 70 * sizeof(float)), 0);
    }
    product_free(&p);
}
END_TEST

static void refused(const lfrec_gemm *g, lfrec_status expected)
{
    ck_assert_int_eq(lfrec_sgemm(g), expected);
    ck_assert_int_eq(lfrec_sgemm_reference(g), expected);
}

START_TEST(bad_arguments_are_refused_and_c_is_untouched)
{
    for (int transposes = 0; transposes < 4; transposes++) {
        product p = product_of(3, 5, 7, transposes & 1, transposes >> 1, 0, 0);
        lfrec_gemm bad;
        memcpy(p.before, p.c.at, p.c.size * sizeof(float));
        bad = p.g;
        bad.a = NULL;
        refused(&bad, LFREC_ERROR_ARGUMENT);
        bad = p.g;
        bad.b = NULL;
        refused(&bad, LFREC_ERROR_ARGUMENT);
        bad = p.g;
        bad.c = NULL;
        refused(&bad, LFREC_ERROR_ARGUMENT);
        bad = p.g;
        bad.lda--;
        refused(&bad, LFREC_ERROR_ARGUMENT);
        bad = p.g;
        bad.ldb--;
        refused(&bad, LFREC_ERROR_ARGUMENT);
        bad = p.g;
        bad.ldc--;
        refused(&bad, LFREC_ERROR_ARGUMENT);
        bad = p.g;
        bad.isa = (lfrec_isa)7;
        refused(&bad, LFREC_ERROR_ARGUMENT);
        ck_assert_int_eq(memcmp(p.before, p.c.at, p.c.size * sizeof(float)), 0);
        product_free(&p);
    }
    refused(NULL, LFREC_ERROR_ARGUMENT);
}
END_TEST

START_TEST(sizes_beyond_the_address_space_are_refused)
{
    const size_t huge = (size_t)-1 / 4;
    product p = product_of(3, 5, 7, 0, 0, 0, 0);
    lfrec_gemm bad = p.g;
    bad.m = huge;
    refused(&bad, LFREC_ERROR_OVERFLOW);
    bad = p.g;
    bad.ldc = huge;
    refused(&bad, LFREC_ERROR_OVERFLOW);
    bad = p.g;
    bad.lda = huge;
    refused(&bad, LFREC_ERROR_OVERFLOW);
    bad = p.g;
    bad.ldb = (size_t)-1;
    refused(&bad, LFREC_ERROR_OVERFLOW);
    bad = p.g;
    bad.k = bad.lda = (size_t)1 << (8 * sizeof(size_t) - 4);
    refused(&bad, LFREC_ERROR_OVERFLOW);
    bad = p.g;
    bad.n = bad.ldb = bad.ldc = (size_t)-1;
    refused(&bad, LFREC_ERROR_OVERFLOW);
    product_free(&p);
}
END_TEST

START_TEST(best_instruction_set_is_a_named_one_and_respects_the_cap)
{
    const lfrec_isa best = lfrec_isa_best();
    ck_assert_int_ne(best, LFREC_ISA_AUTO);
    for (int i = 0; i < ISAS; i++) {
        ck_assert_str_ne(lfrec_isa_string(isas[i]), "unknown");
    }
    ck_assert_str_eq(lfrec_isa_string((lfrec_isa)7), "unknown");
#ifdef LFREC_MAX_ISA
    ck_assert_int_le(best, LFREC_MAX_ISA);
#endif
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gemm");
    TCase *tests = tcase_create("gemm");
    SRunner *runner = srunner_create(suite);
    int failed;
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, every_shape_is_right_whatever_the_transposes_scalars_padding_and_scratch, 0, ISAS);
    tcase_add_test(tests, every_shape_is_right_in_the_reference);
    tcase_add_loop_test(tests, shapes_larger_than_a_block_are_right, 0, ISAS);
    tcase_add_loop_test(tests, a_transposed_a_that_no_near_cache_holds_is_right, 0, ISAS);
    tcase_add_loop_test(tests, a_long_a_that_no_near_cache_holds_is_right, 0, ISAS);
    tcase_add_loop_test(tests, beta_zero_overwrites_nan_in_edge_tiles_too, 0, ISAS);
    tcase_add_loop_test(tests, alpha_zero_reads_neither_a_nor_b, 0, ISAS);
    tcase_add_loop_test(tests, nan_in_an_operand_reaches_its_row_or_column_and_nothing_else, 0, ISAS);
    tcase_add_loop_test(tests, depth_zero_leaves_beta_c, 0, ISAS);
    tcase_add_loop_test(tests, empty_c_is_nothing_to_do, 0, ISAS);
    tcase_add_loop_test(tests, scratch_of_any_size_and_alignment_is_enough_and_never_overrun, 0, ISAS);
    tcase_add_loop_test(tests, operands_need_only_the_alignment_of_float, 0, ISAS);
    tcase_add_loop_test(tests, same_product_twice_gives_same_bits_and_a_row_alone_the_same_as_among_others, 0, ISAS);
    tcase_add_test(tests, bad_arguments_are_refused_and_c_is_untouched);
    tcase_add_test(tests, sizes_beyond_the_address_space_are_refused);
    tcase_add_test(tests, best_instruction_set_is_a_named_one_and_respects_the_cap);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
