/* Random numbers: published outputs, seeding, and that each distribution is the one it says. */
#include "lfrec.h"

#include "support.h"

enum { DRAWS = BY_SPEED(1000000, 100000) };

static double chi_square(const size_t *seen, size_t bins, double expected)
{
    double sum = 0;
    for (size_t k = 0; k < bins; k++) sum += ((double)seen[k] - expected) * ((double)seen[k] - expected) / expected;
    return sum;
}

START_TEST(next_gives_the_published_outputs)
{
    /* The reference implementation's, by way of two other reimplementations. */
    static const uint32_t expected[] = {641u,        1573767u,    3222811527u, 3517856514u, 836907274u,
                                        4247214768u, 3867114732u, 1355841295u, 495546011u,  621204420u};
    lfrec_rng rng = {{1, 2, 3, 4}};
    for (size_t k = 0; k < COUNT(expected); k++) ck_assert_uint_eq(lfrec_rng_next(&rng), expected[k]);
}
END_TEST

START_TEST(stream_0_is_seeded_by_splitmix64)
{
    /* SplitMix64's first outputs are published for the seeds 0 (e220a839..., 6e789e6a...) and 1234567 (6457827717110365317,
     * 3203168211198807973). */
    static const struct {
        uint64_t seed, first, second;
    } published[] = {{0, UINT64_C(0xe220a8397b1dcdaf), UINT64_C(0x6e789e6aa1b965f4)},
                     {1234567, UINT64_C(6457827717110365317), UINT64_C(3203168211198807973)}};
    for (size_t k = 0; k < COUNT(published); k++) {
        lfrec_rng rng;
        lfrec_rng_seed(&rng, published[k].seed, 0);
        ck_assert_uint_eq((uint64_t)rng.state[1] << 32 | rng.state[0], published[k].first);
        ck_assert_uint_eq((uint64_t)rng.state[3] << 32 | rng.state[2], published[k].second);
    }
}
END_TEST

START_TEST(every_stream_is_seeded_as_computed_elsewhere)
{
    /* By tests/vectors/make_vectors.py's generator. */
    static const struct {
        uint64_t seed, stream;
        uint32_t state[4];
    } computed[] = {
        {1, 1, {0x3fd80dfau, 0x95041e21u, 0xc789c30eu, 0xebf4ef4bu}},
        {42, UINT64_C(7) << 32 | 9, {0x36b6842fu, 0x8284d66bu, 0x90560a18u, 0x56fb1adbu}},
        {UINT64_MAX, UINT64_MAX, {0xfdd6265bu, 0x66d390c2u, 0x6282f30fu, 0x70e50e3du}},
    };
    for (size_t k = 0; k < COUNT(computed); k++) {
        lfrec_rng rng;
        lfrec_rng_seed(&rng, computed[k].seed, computed[k].stream);
        for (int word = 0; word < 4; word++) ck_assert_uint_eq(rng.state[word], computed[k].state[word]);
    }
}
END_TEST

START_TEST(same_seed_and_stream_repeat_and_any_others_differ)
{
    enum { SIDE = 64 };
    static uint64_t first[SIDE * SIDE];
    for (uint32_t seed = 0; seed < SIDE; seed++) {
        for (uint32_t stream = 0; stream < SIDE; stream++) {
            lfrec_rng rng, again;
            lfrec_rng_seed(&rng, seed, stream);
            lfrec_rng_seed(&again, seed, stream);
            uint64_t *at = &first[seed * SIDE + stream];
            *at = lfrec_rng_next(&rng);
            *at = *at << 32 | lfrec_rng_next(&rng);
            HOLDS(lfrec_rng_next(&again) == *at >> 32);
            HOLDS(lfrec_rng_next(&again) == (*at & 0xffffffffu));
        }
    }
    for (size_t a = 0; a < SIDE * SIDE; a++) {
        for (size_t b = a + 1; b < SIDE * SIDE && b < a + 2 * SIDE; b++) HOLDS(first[a] != first[b]);
        HOLDS(a == (a * 7 + 1) % (SIDE * SIDE) || first[a] != first[(a * 7 + 1) % (SIDE * SIDE)]);
    }
}
END_TEST

START_TEST(neighboring_streams_are_uncorrelated)
{
    lfrec_rng a, b;
    double sum = 0;
    lfrec_rng_seed(&a, 5, 100);
    lfrec_rng_seed(&b, 5, 101);
    for (int k = 0; k < DRAWS; k++)
        sum += ((double)lfrec_rng_uniform(&a) - 0.5) * ((double)lfrec_rng_uniform(&b) - 0.5);
    ck_assert_double_lt(fabs(sum / DRAWS * 12.0), 5.0 / sqrt(DRAWS));
}
END_TEST

START_TEST(uniform_is_in_0_to_1_in_steps_of_a_float_and_even)
{
    enum { BINS = 64 };
    size_t seen[BINS] = {0};
    lfrec_rng rng;
    double sum = 0, squares = 0;
    lfrec_rng_seed(&rng, 1, 0);
    for (int k = 0; k < DRAWS; k++) {
        const float x = lfrec_rng_uniform(&rng);
        HOLDS(x >= 0.0f && x < 1.0f);
        HOLDS(x * 16777216.0f == floorf(x * 16777216.0f));
        seen[(int)(x * BINS)]++;
        sum += (double)x;
        squares += (double)x * (double)x;
    }
    ck_assert_double_lt(chi_square(seen, BINS, (double)DRAWS / BINS), 120.0); /* 63 degrees of freedom: exceeded once in 50,000 */
    ck_assert_double_lt(fabs(sum / DRAWS - 0.5), 5.0 * sqrt(1.0 / 12.0 / DRAWS));
    ck_assert_double_lt(fabs(squares / DRAWS - 1.0 / 3.0), 5.0 * sqrt(4.0 / 45.0 / DRAWS));
}
END_TEST

START_TEST(largest_uniform_is_below_1)
{
    /* next() is rotate(s0 + s3, 7) + s0: all ones from this state. */
    lfrec_rng rng = {{0, 0, 0, 0xffffffffu}};
    ck_assert_float_eq(lfrec_rng_uniform(&rng), 16777215.0f / 16777216.0f);
}
END_TEST

START_TEST(normal_has_the_moments_and_tails_of_a_normal)
{
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0, along = 0, last = 0;
    size_t beyond_1 = 0, beyond_2 = 0, beyond_3 = 0;
    lfrec_rng rng;
    lfrec_rng_seed(&rng, 3, 0);
    for (int k = 0; k < DRAWS; k++) {
        const double x = (double)lfrec_rng_normal(&rng);
        HOLDS(isfinite(x));
        m1 += x, m2 += x * x, m3 += x * x * x, m4 += x * x * x * x;
        along += x * last;
        last = x;
        beyond_1 += fabs(x) > 1;
        beyond_2 += fabs(x) > 2;
        beyond_3 += fabs(x) > 3;
    }
    const double error = 5.0 / sqrt(DRAWS); /* five standard errors of a mean of variance 1 */
    ck_assert_double_lt(fabs(m1 / DRAWS), error);
    ck_assert_double_lt(fabs(m2 / DRAWS - 1), error * sqrt(2));
    ck_assert_double_lt(fabs(m3 / DRAWS), error * sqrt(15));
    ck_assert_double_lt(fabs(m4 / DRAWS - 3), error * sqrt(96));
    ck_assert_double_lt(fabs(along / DRAWS), error);
    ck_assert_double_lt(fabs((double)beyond_1 / DRAWS - 0.3173105), error * sqrt(0.3173 * 0.6827));
    ck_assert_double_lt(fabs((double)beyond_2 / DRAWS - 0.0455003), error * sqrt(0.0455 * 0.9545));
    ck_assert_double_lt(fabs((double)beyond_3 / DRAWS - 0.0026998), error * sqrt(0.0027 * 0.9973));
}
END_TEST

START_TEST(below_stays_below_and_0_and_1_give_0)
{
    lfrec_rng rng;
    lfrec_rng_seed(&rng, 4, 0);
    for (int k = 0; k < 1000; k++) {
        HOLDS(lfrec_rng_below(&rng, 0) == 0);
        HOLDS(lfrec_rng_below(&rng, 1) == 0);
        HOLDS(lfrec_rng_below(&rng, 2) < 2);
        HOLDS(lfrec_rng_below(&rng, 3) < 3);
        HOLDS(lfrec_rng_below(&rng, 0x80000001u) <= 0x80000000u);
        HOLDS(lfrec_rng_below(&rng, UINT32_MAX) < UINT32_MAX);
    }
}
END_TEST

/* Scaling 32 bits to 3 2^30 values without throwing any away would give every third value twice as often. */
START_TEST(below_has_no_bias)
{
    size_t of_three[3] = {0}, of_seven[7] = {0};
    lfrec_rng rng;
    lfrec_rng_seed(&rng, 5, 0);
    for (int k = 0; k < DRAWS; k++) {
        of_three[lfrec_rng_below(&rng, 3u << 30) % 3]++;
        of_seven[lfrec_rng_below(&rng, 7)]++;
    }
    ck_assert_double_lt(chi_square(of_three, 3, DRAWS / 3.0), 22.0); /* 2 degrees of freedom: once in 60,000 */
    ck_assert_double_lt(chi_square(of_seven, 7, DRAWS / 7.0), 32.0);
}
END_TEST

START_TEST(below_throws_away_exactly_the_draws_that_would_be_biased)
{
    static const uint32_t bounds[] = {2, 3, 10, 0x7fffffffu, 0x80000000u, 0x80000001u, 3u << 30, UINT32_MAX};
    for (size_t k = 0; k < COUNT(bounds); k++) {
        const uint64_t biased = (UINT64_C(1) << 32) % bounds[k];
        lfrec_rng rng, plain;
        lfrec_rng_seed(&rng, 6, k);
        plain = rng;
        for (int round = 0; round < 10000; round++) {
            uint64_t product;
            do product = (uint64_t)lfrec_rng_next(&plain) * bounds[k];
            while ((product & 0xffffffffu) < biased);
            HOLDS(lfrec_rng_below(&rng, bounds[k]) == product >> 32);
        }
    }
}
END_TEST

START_TEST(shuffle_keeps_every_value)
{
    enum { LENGTH = 1000 };
    uint32_t values[LENGTH];
    size_t moved = 0;
    int seen[LENGTH] = {0};
    lfrec_rng rng;
    lfrec_rng_seed(&rng, 7, 0);
    for (uint32_t k = 0; k < LENGTH; k++) values[k] = k;
    lfrec_rng_shuffle(&rng, values, LENGTH);
    for (uint32_t k = 0; k < LENGTH; k++) {
        ck_assert_uint_lt(values[k], LENGTH);
        ck_assert_int_eq(seen[values[k]]++, 0);
        moved += values[k] != k;
    }
    ck_assert_uint_gt(moved, LENGTH - 20);
}
END_TEST

START_TEST(every_order_is_equally_likely)
{
    enum { ROUNDS = DRAWS / 5 };
    size_t seen[256] = {0}, expected[24];
    lfrec_rng rng;
    lfrec_rng_seed(&rng, 8, 0);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t v[4] = {0, 1, 2, 3};
        lfrec_rng_shuffle(&rng, v, 4);
        seen[v[0] << 6 | v[1] << 4 | v[2] << 2 | v[3]]++;
    }
    size_t orders = 0;
    for (size_t k = 0; k < 256; k++) {
        if (!seen[k]) continue;
        ck_assert_uint_lt(orders, 24);
        expected[orders++] = seen[k];
    }
    ck_assert_uint_eq(orders, 24);
    ck_assert_double_lt(chi_square(expected, 24, ROUNDS / 24.0), 65.0); /* 23 degrees of freedom: once in 100,000 */
}
END_TEST

START_TEST(shuffling_nothing_or_one_value_touches_nothing)
{
    uint32_t one = 5;
    lfrec_rng rng, before;
    lfrec_rng_seed(&rng, 9, 0);
    before = rng;
    lfrec_rng_shuffle(&rng, NULL, 0);
    lfrec_rng_shuffle(&rng, &one, 1);
    ck_assert_uint_eq(one, 5);
    ck_assert_mem_eq(&rng, &before, sizeof rng);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        next_gives_the_published_outputs,
        stream_0_is_seeded_by_splitmix64,
        every_stream_is_seeded_as_computed_elsewhere,
        same_seed_and_stream_repeat_and_any_others_differ,
        neighboring_streams_are_uncorrelated,
        uniform_is_in_0_to_1_in_steps_of_a_float_and_even,
        largest_uniform_is_below_1,
        normal_has_the_moments_and_tails_of_a_normal,
        below_stays_below_and_0_and_1_give_0,
        below_has_no_bias,
        below_throws_away_exactly_the_draws_that_would_be_biased,
        shuffle_keeps_every_value,
        every_order_is_equally_likely,
        shuffling_nothing_or_one_value_touches_nothing,
    };
    return run_tests("random numbers", tests, COUNT(tests), 60);
}
