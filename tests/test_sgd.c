/* The SGD setting: its step against plain loops in double precision, and that no constant depends on the rating scale. */
#include "lfrec.h"

#include "support.h"

enum { USERS = 25, ITEMS = 40 };

/* A trainer's weights in double precision, in the manual's units: preferences scaled to a standard deviation of 0.9. */
typedef struct {
    size_t factors;
    double gain;
    double *F, *L, *Y, *o, *f0, *X; /* I x K, I x K, I x K, I, I x K, U x K */
} plain;

static double *widen(const float *rows, size_t count, size_t columns, size_t stride, double factor)
{
    double *wide = take(count * columns * sizeof *wide);
    for (size_t i = 0; i < count; i++) {
        for (size_t q = 0; q < columns; q++) wide[i * columns + q] = factor * (double)rows[i * stride + q];
    }
    return wide;
}

static double preference_of(const lfrec_trainer *t, const lfrec_history *history, size_t k)
{
    double mean = 0;
    for (size_t j = 0; j < history->count; j++)
        mean += (double)history->value[j] - (double)t->model.item_mean[history->item[j]];
    mean /= (double)history->count + (double)t->options.user_shrink;
    return (double)history->value[k] - (double)t->model.item_mean[history->item[k]] - mean;
}

static plain plain_of(const lfrec_trainer *t)
{
    const size_t K = t->model.factors, S = t->model.stride;
    double squares = 0;
    for (uint32_t u = 0; u < t->ratings->users; u++) {
        const lfrec_history history = lfrec_history_of(t->ratings, u);
        for (size_t k = 0; k < history.count; k++) squares += pow(preference_of(t, &history, k), 2);
    }
    plain p;
    p.factors = K;
    p.gain = 0.9 / sqrt(squares / (double)t->ratings->row_start[t->ratings->users]);
    p.F = widen(t->decoder, ITEMS, K, S, p.gain);
    p.L = widen(t->encoder, ITEMS, K, S, 1 / p.gain);
    p.Y = widen(t->implicit, ITEMS, K, S, 1);
    p.o = widen(t->offset, ITEMS, 1, 1, p.gain);
    p.f0 = widen(t->prior, ITEMS, K, S, p.gain);
    p.X = widen(t->prior_user, USERS, K, S, p.gain);
    return p;
}

static void plain_free(plain *p)
{
    free(p->F);
    free(p->L);
    free(p->Y);
    free(p->o);
    free(p->f0);
    free(p->X);
}

/* One user's step, line by line as the manual has it. */
static void plain_step(plain *p, const lfrec_trainer *t, uint32_t user, double rate)
{
    enum { K_MAX = 32 };
    const lfrec_history history = lfrec_history_of(t->ratings, user);
    const size_t n = history.count, K = p->factors;
    const double w = (double)t->options.loss_weight, decay = (double)t->options.weight_decay;
    uint8_t hidden[ITEMS];
    double h[K_MAX] = {0}, G[K_MAX] = {0}, sum[K_MAX] = {0}, c = 0;
    if (n < 2) return; /* nothing to predict it from */
    const size_t visible = n - lfrec_mask(t->options.seed, t->at.epoch, user, t->options.mask, n, hidden);
    const double scale = visible ? 1 / sqrt((double)visible) : 1;
    for (size_t k = 0; k < n; k++) {
        const double x = p->gain * preference_of(t, &history, k);
        for (size_t q = 0; q < K && !hidden[k]; q++)
            h[q] += scale * (p->Y[history.item[k] * K + q] + x * p->L[history.item[k] * K + q]);
    }
    for (size_t k = 0; k < n; k++) {
        const size_t i = history.item[k];
        const double support = (double)t->model.support[i], d = fmin(0.04 + 30 / support, 0.9 / rate);
        double y = p->o[i];
        for (size_t q = 0; q < K; q++) y += p->F[i * K + q] * h[q];
        const double e = (hidden[k] ? w : 1 - w) * (y - p->gain * preference_of(t, &history, k));
        p->o[i] -= rate * e / 5;
        for (size_t q = 0; q < K; q++) {
            double *F = &p->F[i * K + q];
            G[q] += e * *F;
            *F -= rate * (e * h[q] + d * (*F - p->f0[i * K + q]));
            sum[q] += (*F - p->f0[i * K + q]) / sqrt(support);
        }
        c += 1 / support;
    }
    for (size_t q = 0; q < K; q++) {
        double *X = &p->X[user * K + q];
        const double moved = (sum[q] + c * *X) / (c + 1);
        for (size_t k = 0; k < n; k++)
            p->f0[history.item[k] * K + q] += (moved - *X) / sqrt((double)t->model.support[history.item[k]]);
        *X = moved;
    }
    for (size_t k = 0; k < n; k++) {
        const double x = p->gain * preference_of(t, &history, k);
        for (size_t q = 0; q < K && !hidden[k]; q++) {
            double *Y = &p->Y[history.item[k] * K + q], *L = &p->L[history.item[k] * K + q];
            *Y -= rate * (scale * G[q] + decay * *Y);
            *L -= rate * (scale * x * G[q] + decay * *L);
        }
    }
}

static void assert_close(const double *right, const float *rows, size_t count, size_t columns, size_t stride,
                         double factor, const char *name)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t q = 0; q < columns; q++) {
            largest = fmax(largest, fabs(right[i * columns + q]));
            worst = fmax(worst, fabs(right[i * columns + q] - factor * (double)rows[i * stride + q]));
        }
    }
    ck_assert_msg(largest > 0, "%s is all 0", name);
    ck_assert_msg(worst <= 1e-4 * largest, "%s: %g off, of %g", name, worst, largest);
}

static void assert_epochs(uint32_t factors, lfrec_isa isa, float mask)
{
    lfrec_ratings ratings;
    generate(&ratings, USERS, ITEMS, 12, 2);
    lfrec_options options = lfrec_options_for(LFREC_SGD, ITEMS, factors, 0.5f, 5);
    size_t bytes;
    options.isa = isa;
    options.mask = mask;
    options.epochs = 3;
    options.weight_decay = 0.01f;
    ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
    void *memory = take(bytes);
    lfrec_trainer t;
    ASSERT_OK(lfrec_trainer_init(&t, &options, &ratings, NULL, memory, bytes));
    plain p = plain_of(&t);
    for (uint32_t epoch = 0; epoch < options.epochs; epoch++) {
        ASSERT_OK(lfrec_trainer_epoch(&t, NULL));
        for (uint32_t k = 0; k < t.training_users; k++) /* the order is still that of the epoch */
            plain_step(&p, &t, t.order[k], (double)t.at.learning_rate);
    }
    const size_t S = t.model.stride;
    assert_close(p.F, t.decoder, ITEMS, factors, S, p.gain, "F");
    assert_close(p.L, t.encoder, ITEMS, factors, S, 1 / p.gain, "L");
    if (mask < 1) assert_close(p.Y, t.implicit, ITEMS, factors, S, 1, "Y");
    assert_close(p.o, t.offset, ITEMS, 1, 1, p.gain, "o");
    assert_close(p.f0, t.prior, ITEMS, factors, S, p.gain, "f0");
    assert_close(p.X, t.prior_user, USERS, factors, S, p.gain, "X");
    plain_free(&p);
    free(memory);
    lfrec_ratings_destroy(&ratings);
}

START_TEST(steps_of_every_instruction_set_are_those_of_plain_loops)
{
    static const uint32_t factors[] = {1, 3, 8, 9, 25, 32};
    for (size_t k = 0; k < COUNT(factors); k++) {
        for (int isa = LFREC_ISA_AUTO; isa <= (int)lfrec_isa_best(); isa++)
            assert_epochs(factors[k], (lfrec_isa)isa, 0.3f);
        assert_epochs(factors[k], LFREC_ISA_AUTO, 0);
    }
}
END_TEST

/* The same tastes on a scale of 0.5 .. 5 and of 10 .. 100: the same rates, the same epochs, twenty times the error. */
START_TEST(ratings_times_20_give_the_same_result_times_20)
{
    lfrec_ratings ratings, train, test;
    size_t bytes;
    double rmse[2], final_loss[2];
    generate(&ratings, BY_SPEED(300, 60), ITEMS, 20, 2);
    ASSERT_OK(lfrec_split_size(&ratings, &bytes));
    void *memory = take(bytes);
    for (int scaled = 0; scaled < 2; scaled++) {
        const float by = scaled ? 20 : 1;
        for (size_t k = 0; scaled && k < ratings.row_start[ratings.users]; k++) writable(ratings.value)[k] *= by;
        lfrec_options options = lfrec_options_for(LFREC_SGD, ITEMS, 5, 0.5f * by, 5 * by);
        float factors[LFREC_STRIDE(5)];
        lfrec_report report;
        lfrec_errors errors;
        lfrec_model model;
        options.epochs = 20;
        ASSERT_OK(lfrec_split(&ratings, LFREC_SPLIT_RATINGS, 0.1f, 1, memory, bytes, &train, &test));
        ASSERT_OK(lfrec_model_create(&model, &options, NULL));
        ASSERT_OK(lfrec_train(&model, &options, &train, NULL, NULL, &report));
        ASSERT_OK(lfrec_evaluate(&model, &train, &test, factors, &errors));
        rmse[scaled] = errors.rmse / (double)by;
        final_loss[scaled] = report.last.loss / (double)(by * by);
        lfrec_model_destroy(&model);
    }
    ck_assert_double_eq_tol(rmse[1], rmse[0], 1e-3 * rmse[0]);
    ck_assert_double_eq_tol(final_loss[1], final_loss[0], 2e-3 * final_loss[0]);
    free(memory);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        steps_of_every_instruction_set_are_those_of_plain_loops,
        ratings_times_20_give_the_same_result_times_20,
    };
    return run_tests("sgd", tests, COUNT(tests), 120);
}
