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

int main(void)
{
    const TTest *const tests[] = {
        what_runs_is_neither_above_the_cap_nor_above_what_was_asked_for,
#ifdef LFREC__VECTORS
        products_and_rows_run_on_the_same_instruction_set,
#endif
    };
    return run_tests("isa", tests, COUNT(tests), 60);
}
