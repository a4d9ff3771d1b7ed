#!/usr/bin/env python3
"""EASE (Steck 2019) on a ranking split, twice: blind to the ratings, and given the graded entries that LFREC_RANKING has.

    $(tests/bench/venv.sh numpy) tests/bench/ease.py TRAIN.csv TEST.csv

Files: a header, then userId,movieId,rating[,timestamp]. Prints recall@20, ndcg@10 and ndcg@100 as `evaluate --ranking` counts them: the relevant
items are the test ratings of 4 and more, the candidates all items that are new to the user, equal scores share their places.

What is compared: EASE is a full matrix of items by items, which knows a weight for every pair; a model of K factors knows 2 K numbers per
item, and folds in a user in microseconds. Published EASE sees only who rated what. The honest rival of a model that sees the ratings is
EASE given the same: entries of 0.4, 0.5, 0.7, 0.95 and 1.05 for 1 to 5 stars, linear in between. The ridge of each is chosen by NDCG@100 on a
fifth of every user's ratings of 4 and more, cut from the training file; the test file is looked at once.
"""
import csv
import sys
import time

import numpy as np

STARS = [1.0, 2.0, 3.0, 4.0, 5.0]
TARGETS = [0.4, 0.5, 0.7, 0.95, 1.05]
RIDGES = [100, 200, 400, 600, 800, 1000, 1500, 3000]
LISTS = {"recall@20": 20, "ndcg@10": 10, "ndcg@100": 100}


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        return [(row[0], row[1], float(row[2])) for row in rows]


def matrices(rows, users, items):
    """Who rated what, and the ratings, both U x I."""
    rated = np.zeros((len(users), len(items)), dtype=bool)
    rating = np.zeros((len(users), len(items)), dtype=np.float32)
    for user, item, value in rows:
        rated[users[user], items[item]] = True
        rating[users[user], items[item]] = value
    return rated, rating


def ease(x, ridge):
    """The item-item matrix with a zero diagonal that best rebuilds x from itself."""
    if len(x) < x.shape[1]:  # (X'X + r I)^-1 = (I - X' (XX' + r I)^-1 X) / r: fewer users than items
        gram = (x @ x.T).astype(np.float64) + ridge * np.eye(len(x))
        inverse = x.T @ -np.linalg.solve(gram, x.astype(np.float64)).astype(np.float32)
        inverse[np.diag_indices_from(inverse)] += 1
        inverse /= ridge
    else:
        gram = (x.T @ x).astype(np.float64) + ridge * np.eye(x.shape[1])
        inverse = np.linalg.inv(gram).astype(np.float32)
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def measure(scores, known, relevant):
    """Means over the users with something relevant. Ties share their places: each has the mean of its group's discounts."""
    sums, people = dict.fromkeys(LISTS, 0.0), 0
    discounts = 1 / np.log2(np.arange(scores.shape[1]) + 2)
    for user in np.flatnonzero(relevant.any(axis=1)):
        candidates = np.flatnonzero(~known[user])
        score, good = scores[user, candidates], relevant[user, candidates]
        order = np.argsort(-score, kind="stable")
        score, good = score[order], good[order].astype(np.float64)
        group = np.cumsum(np.concatenate(([0], score[1:] != score[:-1])))
        size = np.bincount(group)
        for name, length in LISTS.items():
            listed = np.zeros(len(order))
            listed[:length] = 1
            weight = listed if name.startswith("recall") else listed * discounts[: len(order)]
            shared = (np.bincount(group, weight) / size)[group]
            best = good.sum() if name.startswith("recall") else discounts[: min(length, int(good.sum()))].sum()
            sums[name] += float((shared * good).sum() / best)
        people += 1
    return {name: value / people for name, value in sums.items()}


def cut(rated, rating, seed):
    """A fifth of everyone's ratings of 4 and more."""
    chosen = np.zeros_like(rated)
    generator = np.random.default_rng(seed)
    for user in range(len(rated)):
        good = np.flatnonzero(rated[user] & (rating[user] >= 4))
        if len(good) >= 5:
            chosen[user, generator.choice(good, len(good) // 5, replace=False)] = True
    return chosen


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    train, test = read(sys.argv[1]), read(sys.argv[2])
    users = {user: k for k, user in enumerate(dict.fromkeys(row[0] for row in train + test))}
    items = {item: k for k, item in enumerate(dict.fromkeys(row[1] for row in train + test))}
    rated, rating = matrices(train, users, items)
    relevant, stars = matrices(test, users, items)
    relevant &= stars >= 4
    graded = np.interp(rating, STARS, TARGETS).astype(np.float32)
    held = cut(rated, rating, 1)
    print(f"{len(train)} ratings of {len(items)} items by {len(users)} users; numpy {np.__version__}")
    print("popularity", *(f"{name}: {value:.4f}" for name, value in measure(
        np.repeat(rated.sum(axis=0, dtype=np.float32)[None, :], len(users), 0), rated, relevant).items()))
    for name, entry in (("EASE, blind to ratings", np.ones_like(graded)), ("EASE, graded entries", graded)):
        start = time.process_time()
        left = rated & ~held
        x = np.where(left, entry, 0).astype(np.float32)
        found = {ridge: measure(x @ ease(x, ridge), left, held)["ndcg@100"] for ridge in RIDGES}
        ridge = max(found, key=found.get)
        x = np.where(rated, entry, 0).astype(np.float32)
        chosen = time.process_time()
        weights = ease(x, ridge)
        seconds = time.process_time() - chosen
        result = measure(x @ weights, rated, relevant)
        print(f"{name} (ridge {ridge}, chosen in {chosen - start:.0f} s)", *(f"{key}: {value:.4f}" for key, value in result.items()),
              f"train seconds: {seconds:.1f}")


if __name__ == "__main__":
    main()
