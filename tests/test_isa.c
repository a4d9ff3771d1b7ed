/* Which instruction set runs: the matrix product and the row kernels have one answer, whatever is asked for and LFREC_MAX_ISA allows. */
#undef LFREC_MAX_ISA
#define LFREC_STATIC
#include "lfrec.h"

static lfrec_isa test_cap; /* which is set from test to test */
#define LFREC_MAX_ISA test_cap
#define LFREC_IMPLEMENTATION
#include "lfrec.h"

#include "support.h"

static const lfrec_isa isas[] = {LFREC_ISA_AUTO, LFREC_ISA_PORTABLE, LFREC_ISA_AVX2, LFREC_ISA_AVX512, LFREC_ISA_NEON};

static int is_x86(lfrec_isa isa)
{
    return isa == LFREC_ISA_AVX2 || isa == LFREC_ISA_AVX512;
}

START_TEST(what_runs_is_neither_above_the_cap_nor_above_what_was_asked_for)
{
    for (size_t c = 1; c < COUNT(isas); c++) {
        test_cap = isas[c];
        for (size_t k = 0; k < COUNT(isas); k++) {
            const lfrec_isa runs = lfrec__isa(isas[k]), asked = isas[k] == LFREC_ISA_AUTO ? test_cap : isas[k];
            ck_assert_int_ne(runs, LFREC_ISA_AUTO);
            ck_assert_int_eq(lfrec__isa(runs), runs);
            if (runs == LFREC_ISA_PORTABLE) continue;
            ck_assert_int_eq(is_x86(runs), is_x86(asked));
            ck_assert_int_eq(is_x86(runs), is_x86(test_cap));
            ck_assert_int_le(runs, asked);
            ck_assert_int_le(runs, test_cap);
        }
        ck_assert_int_eq(lfrec_isa_best(), lfrec__isa(test_cap));
    }
}
END_TEST

#ifdef LFREC__VECTORS
START_TEST(products_and_rows_run_on_the_same_instruction_set)
{
    for (size_t c = 1; c < COUNT(isas); c++) {
        test_cap = isas[c];
        for (size_t k = 0; k < COUNT(isas); k++) {
            const lfrec_isa runs = lfrec__isa(isas[k]);
            const size_t lanes = runs == LFREC_ISA_AVX512 ? 16 : runs == LFREC_ISA_AVX2 ? 8 : 4;
            ck_assert_uint_eq(lfrec__kernels_of(isas[k])->lanes, lanes);
            const lfrec__rows *const rows = lfrec__rows_for(16, isas[k]);
            test_cap = LFREC_ISA_AVX512;
            ck_assert_ptr_eq(rows, lfrec__rows_for(16, runs));
            ck_assert_int_eq(rows == lfrec__rows_for(16, LFREC_ISA_PORTABLE), !is_x86(runs));
            test_cap = isas[c];
        }
    }
}
END_TEST
#endif

#ifdef LFREC__X86
enum { ROWS = LFREC__GEMM_MOST_ROWS, DEPTH = 70, A_ROW = DEPTH + 3, B_ROW = 71, C_ROW = 87 };

static float a[ROWS * A_ROW], b[DEPTH * B_ROW], c[ROWS * C_ROW], expected[ROWS * C_ROW];

/* Operands, and a block with one of all kinds of scalars. */
static lfrec__block block_of(size_t rows, size_t depth)
{
    lfrec__block block;
    memset(&block, 0, sizeof block);
    block.depth = depth;
    block.a_row = A_ROW, block.a_step = 1, block.b_step = B_ROW, block.b_next = 33, block.c_row = C_ROW;
    block.scale = rows % 2 == 0;
    block.alpha = block.scale ? 0.5f : 1.0f;
    block.add = rows % 3 == 0;
    block.beta = block.add ? 1.5f : 0.0f;
    block.ask = rows % 4 == 0;
    for (size_t i = 0; i < COUNT(a); i++) a[i] = (float)(i * 7919 % 1009) / 512.0f - 1.0f;
    for (size_t i = 0; i < COUNT(b); i++) b[i] = (float)(i * 6007 % 1013) / 512.0f - 1.0f;
    for (size_t i = 0; i < COUNT(c); i++) c[i] = expected[i] = (float)i;
    return block;
}

START_TEST(broad_tiles_have_the_bits_of_the_tiles)
{
    if (!__builtin_cpu_supports("avx512f")) return;
    for (size_t rows = 1; rows <= LFREC__GEMM_BROAD_ROWS; rows++) {
        for (size_t depth = 1; depth <= DEPTH; depth++) {
            const lfrec__block block = block_of(rows, depth);
            lfrec__kernels_avx512.tiles[rows - 1][1](a, b, expected, 16, &block);
            lfrec__kernels_avx512.tiles[rows - 1][1](a, b + block.b_next, expected + 32, 16, &block);
            lfrec__broad_tiles[rows - 1](a, b, c, 16, &block);
            ck_assert_msg(memcmp(c, expected, sizeof c) == 0, "%zu rows, depth %zu", rows, depth);
        }
    }
}
END_TEST
#endif

#ifdef LFREC__NARROW
START_TEST(narrow_tiles_have_the_bits_of_the_tiles)
{
    if (!__builtin_cpu_supports("avx512f")) return;
    for (size_t rows = 1; rows <= ROWS; rows++) {
        for (unsigned last = 1; last <= LFREC__GEMM_SHARED; last++) {
            const lfrec__block block = block_of(rows, last % 2 ? DEPTH : 1);
            lfrec__kernels_avx512.tiles[rows - 1][1](a, b, expected, last, &block);
            lfrec__narrow_tiles[rows - 1](a, b, c, last, &block);
            ck_assert_msg(memcmp(c, expected, sizeof c) == 0, "%zu rows, %u columns in the last vector", rows, last);
        }
    }
}
END_TEST
#endif

int main(void)
{
    const TTest *const tests[] = {
        what_runs_is_neither_above_the_cap_nor_above_what_was_asked_for,
#ifdef LFREC__VECTORS
        products_and_rows_run_on_the_same_instruction_set,
#endif
#ifdef LFREC__X86
        broad_tiles_have_the_bits_of_the_tiles,
#endif
#ifdef LFREC__NARROW
        narrow_tiles_have_the_bits_of_the_tiles,
#endif
    };
    return run_tests("isa", tests, COUNT(tests), 60);
}
