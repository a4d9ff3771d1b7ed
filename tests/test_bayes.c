/* The Bayesian setting against a second implementation in double precision, written from the manual's formulas: a user's posterior, one
 * epoch, and what follows from them. */
#define LFREC_IMPLEMENTATION
#define LFREC_STATIC
#include "lfrec.h"

#include "support.h"

enum { MOST = 40 }; /* columns of the second implementation's matrices */

static const float steps[] = {0, 0.5f};
static const uint32_t sizes[] = {1, 2, 6, 14, 30}; /* factors: rows with and without padding */

/* ---- a user ---- */

/* What is known of a user: columns 0 .. K of h are free, h[K + 1] is 1. */
typedef struct {
    size_t K;
    double h[MOST], m[MOST], before[MOST], S[MOST][MOST], tau, omega;
} posterior;

static double lambda_of(size_t q, size_t K)
{
    return q < K ? 1.5 : q == K ? 7.0 : 0.0;
}

/* A^-1 of a positive definite matrix by Gauss and Jordan. */
static void invert(double A[MOST][MOST], double inverse[MOST][MOST], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) inverse[i][j] = i == j;
    }
    for (size_t p = 0; p < n; p++) {
        const double pivot = A[p][p];
        for (size_t j = 0; j < n; j++) {
            A[p][j] /= pivot;
            inverse[p][j] /= pivot;
        }
        for (size_t i = 0; i < n; i++) {
            const double f = A[i][p];
            for (size_t j = 0; i != p && j < n; j++) {
                A[i][j] -= f * A[p][j];
                inverse[i][j] -= f * inverse[p][j];
            }
        }
    }
}

static double normal_density(double z)
{
    return exp(-0.5 * z * z) / sqrt(2 * acos(-1));
}

static double normal_mass(double z)
{
    return 0.5 * erfc(-z / sqrt(2));
}

/* x and the variance of what is left of it: the rating, or the mean of the normal number around y that rounds to it. */
static double latent(const lfrec_model *m, uint32_t item, double value, double y, double precision, double *spread)
{
    const double x = (double)m->gain * (value - (double)m->item_mean[item]), half = 0.5 * (double)(m->gain * m->step);
    *spread = 0;
    if (half == 0 || precision == 0) return x;
    const double s = 1 / sqrt(precision);
    const double a = value < (double)m->scale_min + 1e-6 ? -1e9 : (x - half - y) / s;
    const double b = value > (double)m->scale_max - 1e-6 ? 1e9 : (x + half - y) / s;
    const double mass = normal_mass(b) - normal_mass(a);
    if (mass < 1e-5) return a < -1e8 ? x + half : b > 1e8 ? x - half : x;
    const double mean = (normal_density(a) - normal_density(b)) / mass;
    const double left =
        1 + ((a < -1e8 ? 0 : a * normal_density(a)) - (b > 1e8 ? 0 : b * normal_density(b))) / mass - mean * mean;
    *spread = left * s * s;
    return y + mean * s;
}

static double row_dot(const lfrec_model *m, uint32_t item, const double *h)
{
    double sum = 0;
    for (size_t q = 0; q < m->factors + 2; q++) sum += (double)m->decoder[item * m->stride + q] * h[q];
    return sum;
}

/* h and S from `h`, tau and omega as they are. */
static void encode(const lfrec_model *m, const lfrec_history *history, posterior *p)
{
    const size_t K = m->factors, n = K + 1;
    double A[MOST][MOST], right[MOST];
    memcpy(p->before, p->h, sizeof p->h);
    for (size_t i = 0; i < n; i++) {
        p->m[i] = 0;
        for (size_t k = 0; k < history->count; k++) {
            p->m[i] += (double)m->implicit[history->item[k] * m->stride + i] / sqrt((double)history->count);
        }
        right[i] = p->omega * lambda_of(i, K) * p->m[i];
        for (size_t j = 0; j < n; j++) A[i][j] = i == j ? p->omega * lambda_of(i, K) : 0;
    }
    for (size_t k = 0; k < history->count; k++) {
        const uint32_t item = history->item[k];
        const float *F = m->decoder + item * m->stride, *V = m->variance + item * m->stride;
        const double t = p->tau * (double)m->precision[item];
        double spread;
        const double x = latent(m, item, (double)history->value[k], row_dot(m, item, p->before), t, &spread);
        for (size_t i = 0; i < n; i++) {
            right[i] += t * (x - (double)F[K + 1]) * (double)F[i];
            A[i][i] += t * (double)V[i];
            for (size_t j = 0; j < n; j++) A[i][j] += t * (double)F[i] * (double)F[j];
        }
    }
    invert(A, p->S, n);
    for (size_t i = 0; i < n; i++) {
        p->h[i] = 0;
        for (size_t j = 0; j < n; j++) p->h[i] += p->S[i][j] * right[j];
    }
    p->h[n] = 1;
}

/* tau and omega given everything else; `errors`: expected sum of tau_i e^2. */
static void scale(const lfrec_model *m, const lfrec_history *history, double errors, posterior *p)
{
    const size_t K = m->factors;
    double prior = 0;
    for (size_t q = 0; q <= K; q++) prior += lambda_of(q, K) * (pow(p->h[q] - p->m[q], 2) + p->S[q][q]);
    p->tau = ((double)history->count + 80) / (errors + 80);
    p->omega = ((double)K + 21) / (prior + 20);
}

/* Expected tau_i e^2 of a rating over what is not known of the user, with the item's row F and variances V. */
static double expected_error(const lfrec_model *m, const lfrec_history *history, size_t k, const posterior *p,
                             const double *F, const float *V)
{
    const size_t K = m->factors;
    const uint32_t item = history->item[k];
    const double precision = (double)m->precision[item];
    double spread, y = 0, square = 0;
    const double x = latent(m, item, (double)history->value[k], row_dot(m, item, p->before), p->tau * precision, &spread);
    for (size_t q = 0; q < K + 2; q++) y += F[q] * p->h[q];
    square = pow(x - y, 2) + spread;
    for (size_t i = 0; i < K + 2; i++) {
        square += p->h[i] * p->h[i] * (double)V[i];
        for (size_t j = 0; i <= K && j <= K; j++) square += F[i] * p->S[i][j] * F[j];
        if (i <= K) square += p->S[i][i] * (double)V[i];
    }
    return precision * square;
}

static void serve(const lfrec_model *m, const lfrec_history *history, posterior *p)
{
    memset(p, 0, sizeof *p);
    p->K = m->factors;
    p->h[p->K + 1] = p->tau = p->omega = 1;
    for (int round = 0; round < 4; round++) {
        double errors = 0;
        encode(m, history, p);
        for (size_t k = 0; k < history->count && round < 3; k++) {
            double F[MOST];
            for (size_t q = 0; q < p->K + 2; q++) F[q] = (double)m->decoder[history->item[k] * m->stride + q];
            errors += expected_error(m, history, k, p, F, m->variance + history->item[k] * m->stride);
        }
        if (round < 3) scale(m, history, errors, p);
    }
}

static double variance_of(const lfrec_model *m, const posterior *p, uint32_t item)
{
    const size_t K = m->factors;
    const float *F = m->decoder + item * m->stride, *V = m->variance + item * m->stride;
    double variance = 1 / ((double)m->precision[item] * p->tau);
    for (size_t i = 0; i < K + 2; i++) {
        variance += (p->h[i] * p->h[i] + (i <= K ? p->S[i][i] : 0)) * (double)V[i];
        for (size_t j = 0; i <= K && j <= K; j++) variance += (double)F[i] * p->S[i][j] * (double)F[j];
    }
    return variance;
}

static lfrec_model trained_model(const lfrec_ratings *ratings, uint32_t factors, float step)
{
    lfrec_options options = lfrec_options_for(LFREC_BAYES, ratings->items, factors, 0.5f, 5);
    lfrec_model model;
    options.step = step;
    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
    ASSERT_OK(lfrec_train(&model, &options, ratings, NULL, NULL, NULL));
    return model;
}

START_TEST(user_is_the_posterior_of_the_formulas)
{
    static const size_t counts[] = {0, 1, 2, 17, 64, 100};
    enum { ITEMS = 130 };
    for (size_t c = 0; c < COUNT(sizes) * COUNT(steps); c++) {
        lfrec_ratings ratings;
        generate(&ratings, 60, ITEMS, 40, 3);
        lfrec_model model = trained_model(&ratings, sizes[c / COUNT(steps)], steps[c % COUNT(steps)]);
        lfrec_user user = user_over(user_room(&model));
        for (size_t k = 0; k < COUNT(counts); k++) {
            uint32_t item[ITEMS];
            float value[ITEMS];
            posterior p;
            const lfrec_history history = history_over(item, value, counts[k], 1, 1);
            ASSERT_OK(lfrec_fold_in(&model, &history, &user));
            serve(&model, &history, &p);
            const double gain = (double)model.gain;
            ck_assert_float_eq_tol(user.mean, (float)(p.h[model.factors] / gain), 1e-4f);
            for (size_t q = 0; q < model.factors; q++) HOLDS(fabs((double)user.factors[q] - p.h[q] / gain) < 1e-4);
            for (uint32_t i = 0; i < ITEMS; i += 7) {
                const double y = (double)model.item_mean[i] + row_dot(&model, i, p.h) / gain;
                const double deviation = sqrt(variance_of(&model, &p, i)) / gain;
                float score, rating, got;
                ASSERT_OK(lfrec_score(&model, &user, i, 1, &score));
                ASSERT_OK(lfrec_predict(&model, &user, i, &rating));
                ASSERT_OK(lfrec_deviation(&model, &user, i, &got));
                double expected = fmin(5, fmax(0.5, y));
                for (double level = 0.75; model.step > 0 && level < 5; level += 0.5) {
                    expected = (level < 0.8 ? 0.5 : expected) + 0.5 * normal_mass((y - level) / deviation);
                }
                HOLDS(fabs((double)score - y) < 2e-4);
                HOLDS(fabs((double)got - deviation) < 1e-4 * deviation + 1e-4);
                HOLDS(fabs((double)rating - expected) < 3e-4);
            }
        }
        free(user.factors);
        lfrec_model_destroy(&model);
        lfrec_ratings_destroy(&ratings);
    }
}
END_TEST

/* ---- an epoch ---- */

/* The trainer's state in double precision: I x (K + 2), U x (K + 2). */
typedef struct {
    size_t columns;
    double *F, *D, *Y, *E, *f0, *X, *h, *tau, *omega, *errors;
} plain;

static double *widen(const float *rows, size_t count, size_t columns, size_t stride)
{
    double *wide = take(count * columns * sizeof *wide);
    for (size_t i = 0; i < count * columns; i++) wide[i] = rows ? (double)rows[i / columns * stride + i % columns] : 0;
    return wide;
}

static void assert_same(const char *what, const float *rows, size_t stride, const double *right, size_t count, size_t columns)
{
    double largest = 0;
    for (size_t k = 0; k < count * columns; k++) largest = fmax(largest, fabs(right[k]));
    for (size_t k = 0; k < count * columns; k++) {
        const double x = (double)rows[k / columns * stride + k % columns];
        ck_assert_msg(fabs(x - right[k]) < 2e-4 * largest, "%s[%zu][%zu]: %g, not %g", what, k / columns, k % columns,
                      x, right[k]);
    }
}

/* One user's visit. The model's decoder and variances, which `encode` reads, still are those before the visit. */
static void visit(const lfrec_trainer *t, uint32_t u, double rho, plain *s)
{
    const lfrec_model *m = &t->model;
    const size_t K = m->factors, C = s->columns;
    const lfrec_history history = lfrec_history_of(t->ratings, u);
    const double n = (double)history.count;
    posterior p;
    memset(&p, 0, sizeof p);
    memcpy(p.h, s->h + u * C, C * sizeof(double));
    p.tau = s->tau[u];
    p.omega = s->omega[u];
    encode(m, &history, &p);
    double pull[MOST] = {0}, c = 0, errors = 0;
    for (size_t k = 0; k < history.count; k++) {
        const uint32_t i = history.item[k];
        double *F = s->F + i * C, *D = s->D + i * C, *Y = s->Y + i * C, *E = s->E + i * C, *f0 = s->f0 + i * C;
        const double ni = m->support[i], tau = (double)m->precision[i], w = tau * p.tau;
        double spread, SF[MOST] = {0}, known = 0, y = 0, unknown = 0;
        const double x = latent(m, i, (double)history.value[k], row_dot(m, i, p.before), w, &spread);
        for (size_t a = 0; a < C; a++) {
            for (size_t b = 0; a <= K && b <= K; b++) SF[a] += p.S[a][b] * F[b];
            known += SF[a] * F[a];
            y += F[a] * p.h[a];
            unknown += a == K ? 0 : p.h[a] * p.h[a] / D[a];
        }
        const double e = x - y;
        s->errors[i] += p.tau * (e * e + spread + known + unknown);
        errors += tau * (e * e + spread + unknown);
        for (size_t q = 0; q < C; q++) {
            if (q == K) continue;
            const double A = (q < K ? 200.0 : 12.0) / ni, S = q < K ? p.S[q][q] : 0;
            const double precision = w * (p.h[q] * p.h[q] + S) + A, g = w * (e * p.h[q] - SF[q]) + A * (f0[q] - F[q]);
            D[q] = D[q] * (1 - 1 / ni) + precision;
            F[q] += rho * g / (rho * precision + D[q]);
            pull[q] += (F[q] - f0[q]) / sqrt(ni);
        }
        for (size_t q = 0; q <= K; q++) {
            const double A = (q < K ? 10.0 : 30.0) / ni, l = lambda_of(q, K) * p.omega;
            E[q] = E[q] * (1 - 1 / ni) + l / n + A;
            Y[q] += (l * (p.h[q] - p.m[q]) / sqrt(n) - A * Y[q]) / E[q];
        }
        c += 1 / ni;
    }
    for (size_t q = 0; q < C; q++) {
        if (q == K) continue;
        double *X = s->X + u * C + q;
        const double a = q < K ? 200 : 12, next = a * (pull[q] + c * *X) / (a * c + (q < K ? 200 : 15));
        for (size_t k = 0; k < history.count; k++)
            s->f0[history.item[k] * C + q] += (next - *X) / sqrt((double)m->support[history.item[k]]);
        *X = next;
    }
    /* The user's share of what is not known of F S F' follows from the trace: S A = 1. */
    double fitted = 0;
    for (size_t q = 0; q <= K; q++) fitted += 1 - lambda_of(q, K) * p.omega * p.S[q][q];
    scale(m, &history, errors + fitted / p.tau, &p);
    memcpy(s->h + u * C, p.h, C * sizeof(double));
    s->tau[u] = p.tau;
    s->omega[u] = p.omega;
}

/* Float against double: only a visit at a time is compared, since an epoch's thousands amplify. Users are visited in the trainer's
 * order; its floats go on as the state to compare the next epoch from. */
START_TEST(epoch_is_that_of_the_formulas)
{
    enum { USERS = 7, ITEMS = 40 };
    for (size_t c = 0; c < COUNT(sizes) * COUNT(steps); c++) {
        lfrec_ratings ratings;
        generate(&ratings, USERS, ITEMS, 20, 3);
        lfrec_options options = lfrec_options_for(LFREC_BAYES, ITEMS, sizes[c / COUNT(steps)], 0.5f, 5);
        options.step = steps[c % COUNT(steps)];
        options.epochs = 3;
        size_t bytes;
        lfrec_trainer t;
        ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
        void *memory = take(bytes);
        ASSERT_OK(lfrec_trainer_init(&t, &options, &ratings, NULL, memory, bytes));
        const size_t S = t.model.stride, C = t.model.factors + 2, K = C - 2;
        for (int epoch = 0; epoch < 3; epoch++) {
            plain s = {C,
                       widen(t.decoder, ITEMS, C, S),
                       widen(t.item_precision, ITEMS, C, S),
                       widen(t.implicit, ITEMS, C, S),
                       widen(t.implicit_precision, ITEMS, C, S),
                       widen(t.prior, ITEMS, C, S),
                       widen(t.prior_user, USERS, C, S),
                       widen(t.user_state, USERS, C, S),
                       widen(t.user_precision, USERS, 1, 1),
                       widen(t.user_spread, USERS, 1, 1),
                       widen(NULL, ITEMS, 1, 1)};
            lfrec_model *m = &t.model;
            const double rho = 5 * pow(0.14, epoch / 2.0);
            uint32_t order[USERS];
            lfrec_rng rng;
            memcpy(order, t.order, t.training_users * sizeof *order);
            lfrec_rng_seed(&rng, options.seed ^ LFREC__SEED_ORDER, (uint64_t)epoch + 1);
            lfrec_rng_shuffle(&rng, order, t.training_users);
            /* What `encode` reads is rounded to the model's floats after each visit, then put back. */
            const size_t rows = ITEMS * S * sizeof(float);
            float *F = take(rows), *V = take(rows), *Y = take(rows);
            memcpy(F, m->decoder, rows);
            memcpy(V, m->variance, rows);
            memcpy(Y, m->implicit, rows);
            double logarithms = 0, errors = 0, count = 0;
            for (uint32_t k = 0; k < t.training_users; k++) {
                visit(&t, order[k], rho, &s);
                for (size_t i = 0; i < ITEMS * C; i++) {
                    const size_t at = i / C * S + i % C;
                    writable(m->decoder)[at] = (float)s.F[i];
                    writable(m->variance)[at] = i % C == K ? 0 : (float)(1 / s.D[i]);
                    writable(m->implicit)[at] = (float)s.Y[i];
                }
            }
            memcpy(writable(m->decoder), F, rows);
            memcpy(writable(m->variance), V, rows);
            memcpy(writable(m->implicit), Y, rows);
            for (uint32_t k = 0; k < t.training_users; k++) logarithms += log(s.tau[order[k]]);
            for (uint32_t k = 0; k < t.training_users; k++) s.tau[order[k]] /= exp(logarithms / t.training_users);
            for (uint32_t i = 0; i < ITEMS; i++) {
                errors += s.errors[i];
                count += m->support[i];
            }
            for (uint32_t i = 0; i < ITEMS; i++)
                s.errors[i] = (m->support[i] + 30) / (s.errors[i] + 30 * errors / count);
            ASSERT_OK(lfrec_trainer_epoch(&t, NULL));
            assert_same("decoder", t.decoder, S, s.F, ITEMS, C);
            assert_same("implicit", t.implicit, S, s.Y, ITEMS, C);
            assert_same("prior", t.prior, S, s.f0, ITEMS, C);
            assert_same("raters' share of the prior", t.prior_user, S, s.X, USERS, C);
            assert_same("precision of an item", m->precision, 1, s.errors, ITEMS, 1);
            assert_same("precision of a user", t.user_precision, 1, s.tau, USERS, 1);
            assert_same("spread of a user", t.user_spread, 1, s.omega, USERS, 1);
            for (size_t i = 0; i < ITEMS * C; i++) s.D[i] = i % C == K ? 0 : 1 / s.D[i];
            assert_same("variance", m->variance, S, s.D, ITEMS, C);
            double *const all[] = {s.F, s.D, s.Y, s.E, s.f0, s.X, s.h, s.tau, s.omega, s.errors};
            for (size_t k = 0; k < COUNT(all); k++) free(all[k]);
            free(F);
            free(V);
            free(Y);
        }
        free(memory);
        lfrec_ratings_destroy(&ratings);
    }
}
END_TEST

/* ---- what follows ---- */

START_TEST(explanation_adds_up_to_the_score)
{
    enum { ITEMS = 60 };
    for (size_t c = 0; c < COUNT(sizes) * COUNT(steps); c++) {
        lfrec_ratings ratings;
        generate(&ratings, 50, ITEMS, 25, 3);
        lfrec_model model = trained_model(&ratings, sizes[c / COUNT(steps)], steps[c % COUNT(steps)]);
        lfrec_user user = user_over(user_room(&model));
        for (uint32_t u = 0; u < 5; u++) {
            const lfrec_history history = lfrec_history_of(&ratings, u);
            ASSERT_OK(lfrec_fold_in(&model, &history, &user));
            for (uint32_t i = 0; i < ITEMS; i += 5) assert_explained(&model, &user, &history, i, 2e-4f);
        }
        free(user.factors);
        lfrec_model_destroy(&model);
        lfrec_ratings_destroy(&ratings);
    }
}
END_TEST

/* A quarter of the ratings is hidden. */
static lfrec_errors errors_of(lfrec_setting setting, const lfrec_ratings *ratings, float low, float high, float step,
                              double *inside)
{
    lfrec_ratings train, test;
    lfrec_errors errors;
    size_t bytes;
    ASSERT_OK(lfrec_split_size(ratings, &bytes));
    void *memory = take(bytes);
    ASSERT_OK(lfrec_split(ratings, LFREC_SPLIT_RATINGS, 0.25f, 5, memory, bytes, &train, &test));
    lfrec_options options = lfrec_options_for(setting, ratings->items, 6, low, high);
    lfrec_model model;
    options.step = step;
    options.epochs = 30;
    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
    ASSERT_OK(lfrec_train(&model, &options, &train, NULL, NULL, NULL));
    lfrec_user user = user_over(user_room(&model));
    ASSERT_OK(lfrec_evaluate(&model, &train, &test, user.factors, &errors));
    if (inside) {
        size_t within = 0, count = 0;
        for (uint32_t u = 0; u < ratings->users; u++) {
            const lfrec_history known = lfrec_history_of(&train, u), asked = lfrec_history_of(&test, u);
            ASSERT_OK(lfrec_fold_in(&model, &known, &user));
            for (size_t k = 0; k < asked.count; k++, count++) {
                float rating, deviation;
                ASSERT_OK(lfrec_predict(&model, &user, asked.item[k], &rating));
                ASSERT_OK(lfrec_deviation(&model, &user, asked.item[k], &deviation));
                within += fabsf(rating - asked.value[k]) < deviation;
            }
        }
        *inside = (double)within / (double)count;
    }
    free(user.factors);
    lfrec_model_destroy(&model);
    free(memory);
    return errors;
}

START_TEST(hidden_ratings_are_predicted_better_than_by_sgd_and_the_deviation_is_right)
{
    lfrec_ratings ratings;
    double inside;
    generate(&ratings, BY_SPEED(600, 150), 60, 20, 2);
    const lfrec_errors sgd = errors_of(LFREC_SGD, &ratings, 0.5f, 5, 0, NULL);
    for (size_t k = 0; k < COUNT(steps); k++) {
        const lfrec_errors bayes = errors_of(LFREC_BAYES, &ratings, 0.5f, 5, steps[k], &inside);
        ck_assert_msg(bayes.rmse < sgd.rmse, "step %g: %g, sgd %g", (double)steps[k], (double)bayes.rmse, (double)sgd.rmse);
        ck_assert_msg(inside > 0.55 && inside < 0.82, "%g of the ratings are within one deviation", inside);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(another_rating_scale_changes_no_relative_error)
{
    lfrec_ratings ratings;
    generate(&ratings, 200, 50, 20, 2);
    const size_t count = ratings.row_start[ratings.users];
    for (size_t k = 0; k < COUNT(steps); k++) {
        const lfrec_errors here = errors_of(LFREC_BAYES, &ratings, 0.5f, 5, steps[k], NULL);
        for (size_t r = 0; r < count; r++) writable(ratings.value)[r] = 20 * ratings.value[r] - 10;
        const lfrec_errors there = errors_of(LFREC_BAYES, &ratings, 0, 90, 20 * steps[k], NULL);
        for (size_t r = 0; r < count; r++) writable(ratings.value)[r] = (ratings.value[r] + 10) / 20;
        ck_assert_msg(fabs((double)there.rmse / 20 / (double)here.rmse - 1) < 2e-3, "%g here, %g there",
                      (double)here.rmse, (double)there.rmse / 20);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(training_goes_on_from_a_model)
{
    lfrec_ratings ratings;
    generate(&ratings, 150, 40, 20, 2);
    lfrec_options options = lfrec_options_for(LFREC_BAYES, 40, 5, 0.5f, 5);
    lfrec_model model = trained_model(&ratings, 5, 0);
    size_t bytes;
    lfrec_trainer t;
    lfrec_epoch epoch;
    ASSERT_OK(lfrec_trainer_size(&options, &ratings, &bytes));
    void *memory = take(bytes);
    ASSERT_OK(lfrec_trainer_init(&t, &options, &ratings, NULL, memory, bytes));
    ASSERT_OK(lfrec_trainer_epoch(&t, &epoch));
    const double cold = (double)epoch.loss;
    ASSERT_OK(lfrec_trainer_init(&t, &options, &ratings, &model, memory, bytes));
    ASSERT_OK(lfrec_trainer_epoch(&t, &epoch));
    ck_assert_msg((double)epoch.loss < 0.9 * cold, "%g from a model, %g from nothing", (double)epoch.loss, cold);
    lfrec_model_destroy(&model);
    model = trained_model(&ratings, 5, 0.5f); /* of ordinal ratings, which the options know nothing of */
    ASSERT_OK(lfrec_trainer_init(&t, &options, &ratings, &model, memory, bytes));
    ck_assert_float_eq(t.model.step, 0);
    ck_assert_float_eq(t.gain_square, model.gain * model.gain);
    free(memory);
    lfrec_model_destroy(&model);
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(item_that_nobody_rated_and_user_without_ratings_get_the_means)
{
    lfrec_rating events[200];
    lfrec_ratings ratings;
    for (uint32_t k = 0; k < 200; k++) {
        events[k].user = k / 10;
        events[k].item = k % 10;
        events[k].value = (float)(1 + (k * 7 + k / 10) % 5);
    }
    ASSERT_OK(lfrec_ratings_create(&ratings, 20, 12, events, 200, NULL));
    for (size_t k = 0; k < COUNT(steps); k++) {
        lfrec_model model = trained_model(&ratings, 3, steps[k]);
        lfrec_user user = user_over(user_room(&model));
        const lfrec_history nothing = {NULL, NULL, 0};
        float score;
        ASSERT_OK(lfrec_fold_in(&model, &nothing, &user));
        ASSERT_OK(lfrec_score(&model, &user, 11, 1, &score));
        ck_assert_float_eq_tol(score, model.mean, 1e-5f);
        ck_assert_float_eq_tol(user.mean, 0, 1e-6f);
        free(user.factors);
        lfrec_model_destroy(&model);
    }
    lfrec_ratings_destroy(&ratings);
}
END_TEST

START_TEST(only_ordinal_scales_of_the_setting_are_taken)
{
    const char *field;
    lfrec_options o = lfrec_options_for(LFREC_BAYES, 20, 3, 1, 5);
    static const float good[] = {0, 0.5f, 1, 2, 4, 0.04f}, bad[] = {-1, NAN, INFINITY, 5, 0.03f};
    for (size_t k = 0; k < COUNT(good); k++) {
        o.step = good[k];
        ASSERT_OK(lfrec_options_check(&o, NULL));
    }
    for (size_t k = 0; k < COUNT(bad); k++) {
        o.step = bad[k];
        ASSERT_STATUS(lfrec_options_check(&o, &field), LFREC_ERROR_ARGUMENT);
        ck_assert_str_eq(field, "step");
    }
    o = lfrec_options_for(LFREC_SGD, 20, 3, 1, 5);
    o.step = 1;
    ASSERT_STATUS(lfrec_options_check(&o, &field), LFREC_ERROR_ARGUMENT);
    o = lfrec_options_for(LFREC_BAYES, 20, 3, 1, 5);
    o.holdout = 0.1f;
    ASSERT_STATUS(lfrec_options_check(&o, &field), LFREC_ERROR_ARGUMENT);
    ck_assert_str_eq(field, "holdout");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        user_is_the_posterior_of_the_formulas,
        epoch_is_that_of_the_formulas,
        explanation_adds_up_to_the_score,
        hidden_ratings_are_predicted_better_than_by_sgd_and_the_deviation_is_right,
        another_rating_scale_changes_no_relative_error,
        training_goes_on_from_a_model,
        item_that_nobody_rated_and_user_without_ratings_get_the_means,
        only_ordinal_scales_of_the_setting_are_taken,
    };
    return run_tests("bayes", tests, COUNT(tests), 120);
}
