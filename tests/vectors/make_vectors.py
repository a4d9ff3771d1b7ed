#!/usr/bin/env python3
"""Golden numbers for tests/test_vectors.c: python3 tests/vectors/make_vectors.py >tests/vectors/vectors.h

A second implementation of what lfrec.h's manual describes, in double precision, from the formulas and without its code: random numbers,
masks, means, loss, gradient, mini-batches with momentum, the SGD setting, fold-in, scores, explanations. Python 3 alone; the output is
the same every time.
"""
import math
import struct

M32, M64 = (1 << 32) - 1, (1 << 64) - 1


def f32(x):
    """The float nearest to x."""
    return struct.unpack("<f", struct.pack("<f", x))[0]


# ---- random numbers: xoshiro128++ seeded by SplitMix64 ----


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


class Rng:
    def __init__(self, seed, stream):
        at = (seed + mix(stream)) & M64
        self.s = []
        for _ in range(2):
            at = (at + 0x9E3779B97F4A7C15) & M64
            z = mix(at)
            self.s += [z & M32, z >> 32]

    def next(self):
        def rotate(x, by):
            return ((x << by) | (x >> (32 - by))) & M32

        s = self.s
        result = (rotate((s[0] + s[3]) & M32, 7) + s[0]) & M32
        t = (s[1] << 9) & M32
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 11)
        return result

    def uniform(self):
        return (self.next() >> 8) / float(1 << 24)

    def normal(self):
        while True:
            x, y = 2 * self.uniform() - 1, 2 * self.uniform() - 1
            square = x * x + y * y
            if 0 < square < 1:
                return x * math.sqrt(-2 * math.log(square) / square)

    def below(self, bound):
        while True:  # 32 bits scaled to the bound; the draws that would be met once too often are thrown away
            product = self.next() * bound
            if product & M32 >= (1 << 32) % bound:
                return product >> 32

    def shuffle(self, values):
        for k in range(len(values), 1, -1):
            other = self.below(k)
            values[k - 1], values[other] = values[other], values[k - 1]


def mask(seed, epoch, user, share, count):
    rng = Rng(seed, epoch << 32 | user)
    return [rng.uniform() < share for _ in range(count)]


def named(name):
    """A use of the seed: eight letters, the first the highest byte."""
    return int.from_bytes(name.encode().ljust(8, b"\0"), "big")


# ---- the model ----


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


class Training:
    """One run, as options o describe it. ratings: for each user a list of (item, value), items rising."""

    def __init__(self, o, ratings, items):
        self.o, self.ratings, self.items, self.K = o, ratings, items, o["factors"]
        values = [r for row in ratings for _, r in row]
        self.mu = sum(values) / len(values)
        self.n = [sum(1 for row in ratings for i, _ in row if i == item) for item in range(items)]
        self.item_mean = []
        for item in range(items):
            total = sum(r for row in ratings for i, r in row if i == item)
            weight = self.n[item] + o["item_shrink"]
            self.item_mean.append((total + o["item_shrink"] * self.mu) / weight if weight else self.mu)
        self.order = [u for u, row in enumerate(ratings) if row]
        Rng(o["seed"] ^ named("holdout"), 0).shuffle(self.order)
        self.held = int(o["holdout"] * len(self.order))
        self.trained = len(self.order) - self.held
        rng = Rng(o["seed"] ^ named("weights"), 0)
        gain = self.gain() if o["setting"] == "SGD" else 1
        self.L, self.F = [], []
        for item in range(items):
            L, F = [], []
            for _ in range(self.K):
                L.append(f32(gain * o["start_deviation"] * rng.normal()) if self.n[item] else 0.0)
                F.append(f32(o["start_deviation"] / gain * rng.normal()) if self.n[item] else 0.0)
            self.L.append(L)
            self.F.append(F)
        self.offset = [0.0] * items
        self.Y = [[0.0] * self.K for _ in range(items)]

    def user_mean(self, row):
        weight = len(row) + self.o["user_shrink"]
        return sum(r - self.item_mean[i] for i, r in row) / weight if row else 0.0

    def preferences(self, row):
        c = self.user_mean(row)
        return [r - self.item_mean[i] - c for i, r in row]

    def gain(self):
        squares = [p * p for row in self.ratings for p in self.preferences(row)]
        return 0.9 / math.sqrt(sum(squares) / len(squares))

    def scale(self, visible):
        return visible**-0.5 if self.o["scale_input"] and visible else 1.0

    def encode(self, row, hidden):
        h = [0.0] * self.K
        s = self.scale(len(row) - sum(hidden))
        for (i, _), p, hide in zip(row, self.preferences(row), hidden):
            if not hide:
                for q in range(self.K):
                    h[q] += s * (p * self.L[i][q] + self.Y[i][q])
        return h

    def decode(self, h, i):
        return self.offset[i] + dot(self.F[i], h)

    # -- LFREC_ARTICLE: mini-batches --

    def gradient(self, users, epoch):
        """(loss terms, dL, dF) of a batch."""
        o, K = self.o, self.K
        entries = []  # user, item, error, hidden
        h, hidden = {}, {}
        for u in users:
            row = self.ratings[u]
            hidden[u] = mask(o["seed"], epoch, u, o["mask"], len(row))
            h[u] = self.encode(row, hidden[u])
            known = {i: (p, hide) for (i, _), p, hide in zip(row, self.preferences(row), hidden[u])}
            for i in range(self.items) if o["scope"] == "ALL" else known:
                p, hide = known.get(i, (0.0, False))
                entries.append((u, i, self.decode(h[u], i) - p, hide))
        N_scope, N_hidden = len(entries), sum(1 for e in entries if e[3])
        w = o["loss_weight"]
        dL = [[0.0] * K for _ in range(self.items)]
        dF = [[0.0] * K for _ in range(self.items)]
        G = {u: [0.0] * K for u in users}
        for u, i, e, hide in entries:
            g = 2 * e * ((w / N_hidden if hide else 0) + (1 - w) / N_scope)
            for q in range(K):
                dF[i][q] += g * h[u][q]
                G[u][q] += g * self.F[i][q]
        for u in users:
            row = self.ratings[u]
            s = self.scale(len(row) - sum(hidden[u]))
            for (j, _), p, hide in zip(row, self.preferences(row), hidden[u]):
                for q in range(K):
                    dL[j][q] += 0 if hide else s * p * G[u][q]
        terms = (sum(e * e for _, _, e, hide in entries if hide), N_hidden, sum(e * e for _, _, e, _ in entries), N_scope)
        return terms, dL, dF

    def value(self, terms):
        hidden_error, N_hidden, scope_error, N_scope = terms
        w = self.o["loss_weight"]
        return (w * hidden_error / N_hidden if N_hidden else 0) + ((1 - w) * scope_error / N_scope if N_scope else 0)

    def epoch_of_batches(self, epoch, rate):
        o = self.o
        if epoch == 1:
            self.V = [[[0.0] * self.K for _ in range(self.items)] for _ in range(2)]
        total = (0, 0, 0, 0)
        for first in range(0, self.trained, o["batch"]):
            terms, *gradients = self.gradient(self.order[: self.trained][first : first + o["batch"]], epoch)
            total = tuple(a + b for a, b in zip(total, terms))
            for weights, gradient, velocity in zip((self.L, self.F), gradients, self.V):
                for i in range(self.items):
                    for q in range(self.K):
                        velocity[i][q] = o["momentum"] * velocity[i][q] + gradient[i][q] + o["weight_decay"] * weights[i][q]
                        weights[i][q] -= rate * velocity[i][q]
        return total

    # -- LFREC_SGD: in units where preferences have a standard deviation of 0.9 --

    def epoch_of_users(self, epoch, rate):
        o, K, g = self.o, self.K, self.gain()
        if epoch == 1:
            self.f0 = [[0.0] * K for _ in range(self.items)]
            self.X = [[0.0] * K for _ in self.ratings]
        # p' = g p: so L' = L / g and F' = g F, o' = g o
        L = [[x / g for x in row] for row in self.L]
        F = [[x * g for x in row] for row in self.F]
        offset = [x * g for x in self.offset]
        total = [0.0, 0, 0.0, 0]
        for u in self.order[: self.trained]:
            row = self.ratings[u]
            if len(row) < 2:
                continue
            hidden = mask(o["seed"], epoch, u, o["mask"], len(row))
            visible = len(row) - sum(hidden)
            s = visible**-0.5 if visible else 1.0
            p = [g * x for x in self.preferences(row)]
            h = [0.0] * K
            for (j, _), x, hide in zip(row, p, hidden):
                for q in range(K):
                    h[q] += 0 if hide else s * (self.Y[j][q] + x * L[j][q])
            G, sum_c, pull = [0.0] * K, 0.0, [0.0] * K
            for (i, _), x, hide in zip(row, p, hidden):
                e = offset[i] + dot(F[i], h) - x
                total[2] += (e / g) ** 2
                total[3] += 1
                if hide:
                    total[0] += (e / g) ** 2
                    total[1] += 1
                e *= o["loss_weight"] if hide else 1 - o["loss_weight"]
                d = min(0.04 + 30 / self.n[i], 0.9 / rate)  # a step is at most nine tenths of the way
                sum_c += 1 / self.n[i]
                for q in range(K):
                    G[q] += e * F[i][q]
                    F[i][q] -= rate * (e * h[q] + d * (F[i][q] - self.f0[i][q]))
                    pull[q] += self.n[i] ** -0.5 * (F[i][q] - self.f0[i][q])
                offset[i] -= rate * e / 5
            for q in range(K):
                X = (pull[q] + sum_c * self.X[u][q]) / (sum_c + 1)
                for i, _ in row:
                    self.f0[i][q] += self.n[i] ** -0.5 * (X - self.X[u][q])
                self.X[u][q] = X
            for (j, _), x, hide in zip(row, p, hidden):
                for q in range(K):
                    if not hide:
                        self.Y[j][q] -= rate * (s * G[q] + o["weight_decay"] * self.Y[j][q])
                        L[j][q] -= rate * (s * x * G[q] + o["weight_decay"] * L[j][q])
        self.L = [[x * g for x in row] for row in L]
        self.F = [[x / g for x in row] for row in F]
        self.offset = [x / g for x in offset]
        return tuple(total)

    def epoch(self, epoch):
        """Returns the loss and the error of the hidden preferences: of held-out users, or without any as they were met."""
        o = self.o
        done = (epoch - 1) / (o["epochs"] - 1)
        rate = o["learning_rate"] * (1 - (1 - o["learning_rate_final"]) * done)
        head = self.order[: self.trained]
        Rng(o["seed"] ^ named("order"), epoch).shuffle(head)
        self.order[: self.trained] = head
        terms = self.epoch_of_users(epoch, rate) if o["setting"] == "SGD" else self.epoch_of_batches(epoch, rate)
        error, count = terms[0], terms[1]
        if self.held:
            error, count = 0.0, 0
            for u in self.order[self.trained :]:
                row = self.ratings[u]
                hidden = mask(o["seed"], 0, u, o["mask"], len(row))
                h = self.encode(row, hidden)
                for (i, _), p, hide in zip(row, self.preferences(row), hidden):
                    if hide:
                        error += (self.decode(h, i) - p) ** 2
                        count += 1
        return self.value(terms), math.sqrt(error / count) if count else 0.0


# ---- the cases ----

ITEMS = 11
ASKED = 4  # the item that is explained
NEWCOMER = [(1, 4.5), (3, 0.5), (6, 5.0), (7, 3.0), (10, 2.0)]
BATCH = [7, 1, 12, 0, 4]


def make_ratings():
    """13 users: the first without a rating, the second with one; nobody rates the last item."""
    rng = Rng(2019, 0)
    ratings = [[], [(3, 4.0)]]
    for _ in range(11):
        ratings.append([(i, 0.5 * (1 + rng.below(10))) for i in range(ITEMS - 1) if rng.uniform() < 0.55])
    return ratings


def case(name, setting, **changes):
    o = {
        "name": name, "setting": setting, "scope": "KNOWN", "factors": 3, "item_shrink": 0.0, "user_shrink": 0.0, "scale_input": 0,
        "seed": 1, "start_deviation": 0.3, "mask": 0.3, "loss_weight": 0.8, "epochs": 3, "batch": 5, "learning_rate": 0.05,
        "learning_rate_final": 0.5, "momentum": 0.9, "weight_decay": 0.0, "holdout": 0.0,
    }  # fmt: skip
    if setting == "SGD":
        o.update(item_shrink=5.0, user_shrink=10.0, scale_input=1, momentum=0.0, weight_decay=0.02)
    o.update(changes)
    return {k: f32(v) if isinstance(v, float) else v for k, v in o.items()}


CASES = [
    case("known", "ARTICLE"),
    case("all", "ARTICLE", scope="ALL", factors=9, weight_decay=0.01, seed=7),
    case("scaled", "ARTICLE", scale_input=1, item_shrink=2.5, user_shrink=3.0, holdout=0.3, factors=9, seed=1 << 40),
    case("plain", "ARTICLE", scope="ALL", momentum=0.0, batch=64, mask=0.0),
    case("sgd", "SGD"),
    case("sgd_held", "SGD", holdout=0.3, factors=9, seed=99, loss_weight=0.5, learning_rate=0.02),
]


def array(name, values, kind="float"):
    text = [str(int(v)) if kind != "float" else repr(float("%.9g" % v)) for v in values]
    text = [t + "f" if kind == "float" else t for t in text] or ["0"]
    print("static const %s %s[] = {" % (kind, name))
    line = "   "
    for t in text:
        if len(line) + len(t) + 2 > 120:
            print(line)
            line = "   "
        line += " " + t + ","
    print(line + "\n};")


def flat(rows):
    return [x for row in rows for x in row]


def main():
    ratings = make_ratings()
    print("/* Made by make_vectors.py; not to be edited. */")
    print("/* clang-format off */\n")
    print("enum { USERS = %d, ITEMS = %d, RATINGS = %d, EPOCHS = 3, ASKED = %d, NEW_RATINGS = %d, BATCH_USERS = %d };\n"
          % (len(ratings), ITEMS, sum(map(len, ratings)), ASKED, len(NEWCOMER), len(BATCH)))  # fmt: skip
    array("row_start", [sum(map(len, ratings[:u])) for u in range(len(ratings) + 1)], "size_t")
    array("rated_item", [i for row in ratings for i, _ in row], "uint32_t")
    array("rated_value", [r for row in ratings for _, r in row])
    array("new_item", [i for i, _ in NEWCOMER], "uint32_t")
    array("new_value", [r for _, r in NEWCOMER])
    array("batch_users", BATCH, "uint32_t")
    table = []
    for o in CASES:
        t = Training(o, ratings, ITEMS)
        name = o["name"]
        print("\n/* " + name + " */")
        array(name + "_hidden", flat(mask(o["seed"], 1, u, o["mask"], len(row)) for u, row in enumerate(ratings)), "uint8_t")
        array(name + "_item_mean", t.item_mean)
        array(name + "_start_encoder", flat(t.L))
        array(name + "_start_decoder", flat(t.F))
        loss = 0.0
        if o["setting"] == "ARTICLE":
            terms, dL, dF = t.gradient(BATCH, 1)
            loss = t.value(terms)
            array(name + "_encoder_gradient", flat(dL))
            array(name + "_decoder_gradient", flat(dF))
        epochs = [t.epoch(k) for k in range(1, o["epochs"] + 1)]
        array(name + "_losses", [x for x, _ in epochs])
        array(name + "_errors", [x for _, x in epochs])
        array(name + "_encoder", flat(t.L))
        array(name + "_decoder", flat(t.F))
        if o["setting"] == "SGD":
            array(name + "_offset", t.offset)
            array(name + "_implicit", flat(t.Y))
        h = t.encode(NEWCOMER, [False] * len(NEWCOMER))
        mean, s = t.user_mean(NEWCOMER), t.scale(len(NEWCOMER))
        scores = [t.item_mean[i] + mean + t.decode(h, i) for i in range(ITEMS)]
        shares = [s * dot(t.F[ASKED], [p * x + y for x, y in zip(t.L[j], t.Y[j])])
                  for (j, _), p in zip(NEWCOMER, t.preferences(NEWCOMER))]  # fmt: skip
        assert abs(t.item_mean[ASKED] + mean + t.offset[ASKED] + sum(shares) - scores[ASKED]) < 1e-12
        array(name + "_factors", h)
        array(name + "_scores", scores)
        array(name + "_shares", shares)
        sgd = o["setting"] == "SGD"
        fields = ['"%s"' % name, "LFREC_" + o["setting"], "LFREC_SCOPE_" + o["scope"], o["scale_input"], o["factors"], o["batch"],
                  "UINT64_C(%d)" % o["seed"]]  # fmt: skip
        for key in ("start_deviation", "mask", "loss_weight", "item_shrink", "user_shrink", "learning_rate", "learning_rate_final",
                    "momentum", "weight_decay", "holdout"):  # fmt: skip
            fields.append("%sf" % repr(float("%.9g" % o[key])))
        fields += ["%.9ef" % loss, "%.9ef" % t.mu, "%.9ef" % mean]
        for suffix in ("hidden", "item_mean", "start_encoder", "start_decoder", "encoder_gradient", "decoder_gradient", "losses", "errors",
                       "encoder", "decoder", "offset", "implicit", "factors", "scores", "shares"):  # fmt: skip
            there = suffix not in (("encoder_gradient", "decoder_gradient") if sgd else ("offset", "implicit"))
            fields.append(name + "_" + suffix if there else "NULL")
        table.append("    {" + ",\n     ".join(", ".join(map(str, fields[k : k + 5])) for k in range(0, len(fields), 5)) + "},")
    print("\nstatic const golden goldens[] = {")
    print("\n".join(table))
    print("};")


if __name__ == "__main__":
    main()
