#!/usr/bin/env python3
"""Golden numbers for tests/test_posteriors.c: python3 tests/vectors/make_posteriors.py >tests/vectors/posteriors.h

A second implementation of THE BAYES SETTING and THE RANKING OBJECTIVE of lfrec.h's manual, in double precision, from the formulas and without the
header's code: training, fold-in, scores, deviations. Linear systems are solved by elimination, not by Cholesky or conjugate gradients.
Ratings, random numbers, means and the order of users come from make_vectors.py. Python 3 alone.
"""
import math

from make_vectors import ITEMS, NEWCOMER, Rng, Training, array, case, dot, f32, flat, make_ratings, named

EPOCHS = 3
LOW, HIGH = 0.5, 5.0
TARGETS = [0.4, 0.5, 0.7, 0.95, 1.05]


def inverse(matrix):
    """By Gauss and Jordan, with the largest pivot."""
    n = len(matrix)
    rows = [list(row) + [float(i == j) for j in range(n)] for i, row in enumerate(matrix)]
    for k in range(n):
        pivot = max(range(k, n), key=lambda r: abs(rows[r][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for r in range(n):
            if r != k:
                rows[r] = [x - rows[r][k] * y for x, y in zip(rows[r], rows[k])]
    return [row[n:] for row in rows]


def times(matrix, vector):
    return [dot(row, vector) for row in matrix]


def density(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def below(x):
    return (1 + math.erf(x / math.sqrt(2))) / 2


class Bayes:
    LAMBDA, LAMBDA_BIAS = 1.5, 7.0
    A, A_BIAS, A_Y, A_Y_BIAS, A_X, A_X_BIAS = 200.0, 12.0, 10.0, 30.0, 200.0, 15.0

    def __init__(self, ratings, items, factors, step, seed):
        self.means = Training(case("", "ARTICLE", item_shrink=5.0, user_shrink=10.0, seed=seed, factors=factors), ratings, items)
        self.ratings, self.K, self.step, self.seed = ratings, factors, step, seed
        self.n = self.means.n
        K = factors
        squares = [p * p for row in ratings for p in self.means.preferences(row)]
        self.gain = 0.87 / math.sqrt(sum(squares) / len(squares))
        rng = Rng(seed ^ named("weights"), 0)
        self.free = list(range(K)) + [K + 1]  # an item's columns; K is the user's bias, 1 in every item
        self.prior = [self.A] * K + [0.0, self.A_BIAS]
        self.prior_x = [self.A_X] * K + [0.0, self.A_X_BIAS]
        self.prior_y = [self.A_Y] * K + [self.A_Y_BIAS]
        self.of_user = [self.LAMBDA] * K + [self.LAMBDA_BIAS]
        self.F, self.V, self.D, self.f0, self.Y, self.E, self.tau = [], [], [], [], [], [], []
        for i in range(items):
            start = [f32(0.2 * rng.normal()) for _ in range(K)]
            self.F.append((start if self.n[i] else [0.0] * K) + [1.0, 0.0])
            self.tau.append(1 / 0.75)
            D = [self.A] * K + [math.inf, self.A_BIAS + self.tau[i] * self.n[i]]
            self.D.append(D)
            self.V.append([1 / x for x in D])
            self.f0.append([0.0] * K + [1.0, self.gain * (self.means.mu - self.means.item_mean[i])])
            self.Y.append([0.0] * (K + 1))
            self.E.append(list(self.prior_y))
        self.X = [[0.0] * (K + 2) for _ in ratings]
        self.tau_u, self.omega_u = [1.0] * len(ratings), [1.0] * len(ratings)
        self.h = [[0.0] * K + [self.gain * self.means.user_mean(row), 1.0] for row in ratings]
        self.start = [list(row) for row in self.F]

    def latent(self, i, r, y, precision):
        """Mean and variance of the number behind a rating, relative to the item's mean."""
        x = self.gain * (r - self.means.item_mean[i])
        if not self.step:
            return x, 0.0
        half, deviation = self.gain * self.step / 2, precision**-0.5
        a = (x - half - y) / deviation if r > LOW + self.step / 2 else -math.inf
        b = (x + half - y) / deviation if r < HIGH - self.step / 2 else math.inf
        mass = below(b) - below(a)
        mean = (density(a) - density(b)) / mass
        edge = (a * density(a) if a > -math.inf else 0) - (b * density(b) if b < math.inf else 0)
        return y + mean * deviation, (1 + edge / mass - mean * mean) * deviation**2

    def encode(self, row, h, tau, omega):
        """(x and its variance of each rating, m, S, h) from the h before."""
        K = self.K
        x = [self.latent(i, r, dot(self.F[i], h), self.tau[i] * tau) for i, r in row]
        m = [sum(self.Y[i][q] for i, _ in row) / math.sqrt(len(row)) for q in range(K + 1)]
        A = [[tau * sum(self.tau[i] * (self.F[i][q] * self.F[i][c] + (self.V[i][q] if q == c else 0)) for i, _ in row)
              + (omega * self.of_user[q] if q == c else 0) for c in range(K + 1)] for q in range(K + 1)]  # fmt: skip
        S = inverse(A)
        right = [tau * sum(self.tau[i] * (y - self.F[i][K + 1]) * self.F[i][q] for (i, _), (y, _) in zip(row, x))
                 + omega * self.of_user[q] * m[q] for q in range(K + 1)]  # fmt: skip
        return x, m, S, times(S, right) + [1.0]

    def scales(self, n, nu, tau, omega, h, m, S):
        """tau and omega of a user anew; nu: expected squared errors, what is not known of h left out."""
        K = self.K
        nu += sum(1 - self.of_user[q] * omega * S[q][q] for q in range(K + 1)) / tau
        spread = sum(self.of_user[q] * ((h[q] - m[q]) ** 2 + S[q][q]) for q in range(K + 1))
        return (n + 80) / (nu + 80), (K + 1 + 20) / (spread + 20)

    def unknown(self, i, h):
        return sum(h[q] ** 2 * self.V[i][q] for q in self.free)

    def learn_user(self, u, rho, errors):
        row, K, n = self.ratings[u], self.K, len(self.ratings[u])
        tau, omega = self.tau_u[u], self.omega_u[u]
        x, m, S, h = self.encode(row, self.h[u], tau, omega)
        self.h[u] = h
        nu, total, pull = 0.0, 0.0, [0.0] * (K + 2)
        for (i, _), (y, spread) in zip(row, x):
            F, D, f0, E, Y, share = self.F[i], self.D[i], self.f0[i], self.E[i], self.Y[i], 1 / self.n[i]
            e = y - dot(F, h)
            SF = times(S, F[: K + 1]) + [0.0]
            square = e * e + spread + self.unknown(i, h)
            nu += self.tau[i] * square
            errors[i] += tau * (square + dot(F, SF))
            total += (e / self.gain) ** 2
            t = self.tau[i] * tau
            for q in self.free:
                a = share * self.prior[q]
                p = t * (h[q] ** 2 + (S[q][q] if q <= K else 0)) + a
                g = t * (e * h[q] - SF[q]) + a * (f0[q] - F[q])
                D[q] = (1 - share) * D[q] + p
                F[q] += rho * g / (rho * p + D[q])
                self.V[i][q] = 1 / D[q]
                pull[q] += share**0.5 * (F[q] - f0[q])
            for q in range(K + 1):
                a = share * self.prior_y[q]
                E[q] = (1 - share) * E[q] + omega * self.of_user[q] / n + a
                Y[q] += (self.of_user[q] * omega * (h[q] - m[q]) / math.sqrt(n) - a * Y[q]) / E[q]
        c = sum(1 / self.n[i] for i, _ in row)
        for q in self.free:
            next_x = self.prior[q] * (pull[q] + c * self.X[u][q]) / (self.prior[q] * c + self.prior_x[q])
            for i, _ in row:
                self.f0[i][q] += self.n[i] ** -0.5 * (next_x - self.X[u][q])
            self.X[u][q] = next_x
        self.tau_u[u], self.omega_u[u] = self.scales(n, nu, tau, omega, h, m, S)
        return total

    def epoch(self, epoch):
        rho = f32(5.0) * f32(0.14) ** ((epoch - 1) / (EPOCHS - 1))
        head = self.means.order
        Rng(self.seed ^ named("order"), epoch).shuffle(head)
        errors = [0.0] * len(self.F)
        total = sum(self.learn_user(u, rho, errors) for u in head)
        scale = math.exp(-sum(math.log(self.tau_u[u]) for u in head) / len(head))
        for u in head:
            self.tau_u[u] *= scale
        count = sum(self.n)
        tau = count / sum(errors)
        self.tau = [(n + 30) / (e + 30 / tau) for n, e in zip(self.n, errors)]
        return math.sqrt(total / count)

    def fold_in(self, row):
        h, tau, omega = [0.0] * (self.K + 1) + [1.0], 1.0, 1.0
        for k in range(4):
            before = h
            x, m, S, h = self.encode(row, before, tau, omega)
            if k < 3:
                nu = sum(self.tau[i] * ((y - dot(self.F[i], h)) ** 2 + spread + self.unknown(i, h))
                         for (i, _), (y, spread) in zip(row, x))  # fmt: skip
                tau, omega = self.scales(len(row), nu, tau, omega, h, m, S)
        scores, deviations, predicted = [], [], []
        for i, F in enumerate(self.F):
            scores.append(self.means.item_mean[i] + dot(F, h) / self.gain)
            variance = 1 / (self.tau[i] * tau) + dot(F[: self.K + 1], times(S, F[: self.K + 1]))
            variance += sum((h[q] ** 2 + (S[q][q] if q <= self.K else 0)) * self.V[i][q] for q in self.free)
            deviations.append(math.sqrt(variance) / self.gain)
            rating = scores[-1]
            if self.step:
                levels = [LOW + self.step * (k + 0.5) for k in range(round((HIGH - LOW) / self.step))]
                rating = LOW + self.step * sum(below((scores[-1] - level) / deviations[-1]) for level in levels)
            predicted.append(min(max(rating, LOW), HIGH))
        return [x / self.gain for x in h], scores, deviations, predicted


class Ranking:
    def __init__(self, ratings, items, factors, seed, lam=f32(0.01), a0=f32(0.12)):
        means = Training(case("", "ARTICLE", seed=seed, factors=factors), ratings, items)
        self.n, self.K, self.lam, self.a0, self.ratings = means.n, factors, lam, a0, ratings
        rng, deviation = Rng(seed ^ named("weights"), 0), f32(0.1 / math.sqrt(factors))
        self.F = []
        for i in range(items):
            start = [f32(deviation * rng.normal()) for _ in range(factors)]
            self.F.append(start if self.n[i] else [0.0] * factors)
        self.start = [list(row) for row in self.F]
        self.by_item = [[(u, r) for u, row in enumerate(ratings) for i, r in row if i == item] for item in range(items)]

    @staticmethod
    def target(r):
        at = 4 * (r - LOW) / (HIGH - LOW)
        star = min(int(at), 3)
        return TARGETS[star] + (at - star) * (TARGETS[star + 1] - TARGETS[star])

    def solve(self, row, other, others):
        """The row that fits these targets on the other side's rows; `others` of those have ratings."""
        if not row:
            return [0.0] * self.K
        K = self.K
        A = [[self.a0 * sum(x[q] * x[c] for x in other) + sum(other[i][q] * other[i][c] for i, _ in row)
              + (self.lam * (len(row) + self.a0 * others) if q == c else 0) for c in range(K)] for q in range(K)]  # fmt: skip
        return times(inverse(A), [sum(self.target(r) * other[i][q] for i, r in row) for q in range(K)])

    def epoch(self):
        items, users = sum(n > 0 for n in self.n), sum(len(row) > 0 for row in self.ratings)
        P = [self.solve(row, self.F, items) for row in self.ratings]
        self.F = [self.solve(row, P, users) for row in self.by_item]

    def fold_in(self, row):
        p = self.solve(row, self.F, sum(n > 0 for n in self.n))
        return p, [dot(F, p) for F in self.F]


def main():
    ratings = make_ratings()
    print("/* Made by make_posteriors.py; not to be edited. */")
    print("/* clang-format off */\n")
    print("enum { USERS = %d, ITEMS = %d, NEW_RATINGS = %d, EPOCHS = %d };\n" % (len(ratings), ITEMS, len(NEWCOMER), EPOCHS))
    array("row_start", [sum(map(len, ratings[:u])) for u in range(len(ratings) + 1)], "size_t")
    array("rated_item", [i for row in ratings for i, _ in row], "uint32_t")
    array("rated_value", [r for row in ratings for _, r in row])
    array("new_item", [i for i, _ in NEWCOMER], "uint32_t")
    array("new_value", [r for _, r in NEWCOMER])
    table = []
    for name, factors, step, seed in (("plain", 3, 0.0, 1), ("wide", 9, 0.0, 7), ("ordinal", 3, 0.5, 1 << 40)):
        b = Bayes(ratings, ITEMS, factors, step, seed)
        errors = [b.epoch(k) for k in range(1, EPOCHS + 1)]
        factors_of_new, scores, deviations, predicted = b.fold_in(NEWCOMER)
        print("\n/* bayes, " + name + " */")
        arrays = {
            "start": flat(b.start), "errors": errors, "decoder": flat(b.F), "implicit": flat(b.Y), "variance": flat(b.V), "precision": b.tau,
            "factors": factors_of_new, "scores": scores, "deviations": deviations, "predicted": predicted,
        }  # fmt: skip
        for key, values in arrays.items():
            array("%s_%s" % (name, key), values)
        table.append("    {" + ", ".join(['"%s"' % name, str(factors), "%sf" % step, "UINT64_C(%d)" % seed, "%.9ef" % b.gain]
                                         + ["%s_%s" % (name, key) for key in arrays]) + "},")  # fmt: skip
    print("\nstatic const bayes_golden bayes_goldens[] = {\n" + "\n".join(table) + "\n};")
    r = Ranking(ratings, ITEMS, 3, 5)
    for _ in range(EPOCHS):
        r.epoch()
    p, scores = r.fold_in(NEWCOMER)
    print("\n/* ranking */\nenum { RANKING_FACTORS = 3, RANKING_SEED = 5 };")
    array("ranking_start", flat(r.start))
    array("ranking_decoder", flat(r.F))
    array("ranking_factors", p)
    array("ranking_scores", scores)


if __name__ == "__main__":
    main()
