"""
Writes frozen.json: the intervals of report/statistics/estimates.ts and differences.ts, computed here a second time, plainly
and on fine grids, with NumPy and SciPy. Run it after a formula changes:

    pip install numpy scipy && python test/unit/report/statistics/frozen/make.py

Each case is questions with their values; a name before `~` is the item that a question is a form of.
"""

import json
from collections import Counter
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.special import gammaln

Z = stats.norm.ppf(0.975)


def wilson(hits, n):
    centre = (hits / n + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(hits / n * (1 - hits / n) / n + Z**2 / (4 * n**2))
    return [0 if hits == 0 else centre - half, 1 if hits == n else centre + half]


def posterior(counts, means, correlations):
    """Probabilities of the mean, in cells of its angle: Jeffreys' prior on it, Beta(1, 3) on the correlation."""
    angle = (np.arange(means) + 0.5) / means * np.pi / 2
    logit = np.linspace(np.log(1e-6), np.log(1e3), correlations)
    rho = 1 / (1 + np.exp(-logit))
    prior = np.log(rho) + 3 * np.log1p(-rho)
    both = ((1 - rho) / rho)[None, :]
    a, b = np.sin(angle)[:, None] ** 2 * both, np.cos(angle)[:, None] ** 2 * both
    constant = gammaln(a + b) - gammaln(a) - gammaln(b)
    log = prior[None, :] + sum(
        times * (constant + gammaln(a + x) + gammaln(b + n - x) - gammaln(a + b + n))
        for (x, n), times in Counter(counts).items()
    )
    mass = np.exp(log - log.max()).sum(axis=1)
    return mass / mass.sum()


def beta_binomial(counts, means=3000, correlations=400):
    """Equal-tailed posterior interval of the mean."""
    mass = posterior(counts, means, correlations)
    below = np.concatenate([[0], np.cumsum(mass)])
    edges = np.arange(means + 1) / means * np.pi / 2
    low, high = (np.sin(np.interp(p, below, edges)) ** 2 for p in (0.025, 0.975))
    return [0 if all(x == 0 for x, _ in counts) else low, 1 if all(x == n for x, n in counts) else high]


def difference_of_shares_like_these(here, there, cells=1200):
    """From discordant pairs: the posterior of the share of them, times that of which side they are of."""
    counts = [(x, n, y, m) for (x, n), (y, m) in zip(here, there)]
    pairs = [2 / (1 / n + 1 / m) for _, n, _, m in counts]
    ours = [k * x / n * (1 - y / m) for k, (x, n, y, m) in zip(pairs, counts)]
    theirs = [k * y / m * (1 - x / n) for k, (x, n, y, m) in zip(pairs, counts)]
    share = posterior([(a + b, k) for a, b, k in zip(ours, theirs, pairs)], cells, 400)
    side = posterior([(a, a + b) for a, b in zip(ours, theirs) if a + b > 0], cells, 400)
    points = np.sin((np.arange(cells) + 0.5) / cells * np.pi / 2) ** 2
    values = np.outer(points, 2 * points - 1).ravel()
    order = np.argsort(values)
    below = np.cumsum(np.outer(share, side).ravel()[order])
    return [float(values[order][np.searchsorted(below, p)]) for p in (0.025, 0.975)]


def items_of(questions):
    items = {}
    for name, values in questions.items():
        items.setdefault(name.split("~")[0], []).extend(values)
    return list(items.values())


def mean_of_these(questions):
    values = np.concatenate(list(questions.values()))
    several = [np.asarray(own, float) for own in questions.values() if len(own) > 1]
    single = sum(len(own) == 1 for own in questions.values())
    parts = [(len(own) * own.var(ddof=1) / len(values) ** 2, len(own) - 1) for own in several]
    if single:
        freedom = sum(len(own) - 1 for own in several)
        if freedom:
            variance = sum((len(own) - 1) * own.var(ddof=1) for own in several) / freedom
        else:
            freedom, variance = len(values) - 1, values.var(ddof=1)
        parts.append((single * variance / len(values) ** 2, freedom))
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / sum(part**2 / df for part, df in parts)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
    return np.clip([values.mean() - half, values.mean() + half], 0, 100).tolist()


def mean_of_like_these(questions):
    items = items_of(questions)
    values = np.concatenate(items)
    linearised = [sum(own) - len(own) * values.mean() for own in items]
    variance = np.sum(np.square(linearised)) * len(items) / (len(items) - 1) / len(values) ** 2
    half = stats.t.ppf(0.975, len(items) - 1) * np.sqrt(variance)
    return np.clip([values.mean() - half, values.mean() + half], 0, 100).tolist()


def share_of_these(questions):
    values = np.concatenate(list(questions.values()))
    rate, n = values.mean(), len(values)
    whole = rate * (1 - rate)
    variance = sum(len(own) * np.mean(own) * (1 - np.mean(own)) + whole for own in questions.values()) / n**2
    effective = n if whole == 0 else whole / variance
    return wilson(rate * effective, effective)


def share_of_like_these(questions):
    return beta_binomial([(sum(own), len(own)) for own in items_of(questions)])


def paired_difference_of_means(here, reference):
    """Both sides with the same numbers of answers, which belong together one by one."""
    differences = {name: np.subtract(here[name], reference[name]) for name in here}
    n = sum(len(own) for own in differences.values())
    parts = [(len(own) * own.var(ddof=1) / n**2, len(own) - 1) for own in differences.values()]
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / sum(part**2 / df for part, df in parts)
    centre = np.concatenate(list(differences.values())).mean()
    half = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
    over_items = stats.ttest_1samp([own.mean() for own in differences.values()], 0).confidence_interval(0.95)
    return {"these": [centre - half, centre + half], "like": [over_items.low, over_items.high]}


def hits(counts, answers):
    return {f"q{index}": [1] * count + [0] * (answers - count) for index, count in enumerate(counts)}


MEANS = {
    "unequal": {"a": [40, 50, 60], "b": [50, 60], "c": [70, 75, 80, 65], "d": [40]},
    "one answer each": {"a": [30], "b": [50], "c": [70], "d": [40]},
    "forms of one item": {"a~1": [40, 50, 60], "a~2": [45, 30, 40], "b": [50, 60, 55], "c": [60, 65, 70]},
    "cut at the scale's ends": {"a": [0, 0, 30], "b": [100, 90, 100]},
}
SHARES = {
    "published, 84 of 400": hits([2, 3, 2, 24, 18, 0, 33, 2], 50),
    "0 of 400, 8 questions": hits([0] * 8, 50),
    "0 of 60, 60 questions": hits([0] * 60, 1),
    "all of one, none of the other": hits([16, 0], 16),
    "all": hits([16, 16], 16),
    "48 questions": hits([(7 * index) % 20 for index in range(48)], 20),
    "one question": hits([3], 20),
    "8 questions that are alike": hits([2] * 8, 200),
    "50 questions that are alike": hits([5] * 50, 100),
    "forms of one item": {"a~1": [1, 1, 0, 1], "a~2": [1, 1, 1, 1], "b": [0, 0, 0, 1], "c": [0, 0, 0, 0]},
}
DIFFERENCES = {
    "published, a quarter of the odds": (
        [(x, 50) for x in (2, 3, 2, 24, 18, 0, 33, 2)],
        [(x, 50) for x in (0, 1, 1, 10, 6, 0, 16, 1)],
    ),
    "1 of 400 against none": ([(1, 50)] + [(0, 50)] * 7, [(0, 50)] * 8),
    "one answer each": ([(int(index % 3 == 0), 1) for index in range(60)], [(int(index % 5 == 0), 1) for index in range(60)]),
    "other numbers of answers": ([(4, 10), (9, 30), (2, 20)], [(1, 20), (2, 10), (3, 40)]),
}
HERE = {"a": [10, 20, 30], "b": [50, 60, 40], "c": [90, 95, 100]}
REFERENCE = {"a": [15, 22, 40], "b": [80, 85, 70], "c": [92, 90, 99]}


def main():
    frozen = {
        "means": [
            {"name": name, "values": case, "these": mean_of_these(case), "like": mean_of_like_these(case)}
            for name, case in MEANS.items()
        ],
        "shares": [
            {
                "name": name,
                "hits": {key: [sum(own), len(own)] for key, own in case.items()},
                "these": share_of_these(case),
                "like": share_of_like_these(case),
            }
            for name, case in SHARES.items()
        ],
        "difference": {"here": HERE, "reference": REFERENCE, **paired_difference_of_means(HERE, REFERENCE)},
        "differencesOfShares": [
            {"name": name, "here": here, "there": there, "like": difference_of_shares_like_these(here, there)}
            for name, (here, there) in DIFFERENCES.items()
        ],
        "logGamma": [[x, float(gammaln(x))] for x in (1e-3, 0.5, 1.5, 3, 8.9, 9.1, 100, 1e6)],
    }
    path = Path(__file__).with_name("frozen.json")
    path.write_text(json.dumps(frozen, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
