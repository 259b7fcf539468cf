"""
Writes validity.json: agreement, AUC and prediction-powered estimates computed a second time by packages and plain NumPy, for
report/statistics/agreement.ts, separation.ts and prediction-powered.ts. Run it after a formula changes:

    pip install numpy scipy scikit-learn krippendorff ppi-python && python test/unit/report/statistics/frozen/validity.py

Intervals are bootstrapped with draws of its own, so they agree with the frozen ones but for the noise of 1,000 draws. Each row
of a case is one answer: its item, then what was said of it.
"""

import json
from pathlib import Path

import krippendorff
import numpy as np
from ppi_py import ppi_mean_pointestimate
from scipy import stats
from sklearn.metrics import cohen_kappa_score, roc_auc_score

Z = stats.norm.ppf(0.975)
DRAWS = 20_000


def words_case(rng, items, answers, rare):
    """Two raters and a flag of an item's own frequency; the second repeats the first in nine answers of ten."""
    rows = []
    for item in range(items):
        share = rng.beta(rare, 3)
        for _ in range(answers):
            first = int(rng.random() < share)
            second = first if rng.random() < 0.9 else int(rng.random() < share)
            rows.append([f"q{item}", str(first), str(second)])
    return rows


def categories_case(rng, items, answers):
    """Three words; a third rater who skips some."""
    rows = []
    for item in range(items):
        usual = rng.integers(3)
        for _ in range(answers):
            said = [int(usual if rng.random() < 0.7 else rng.integers(3)) for _ in range(3)]
            rows.append([f"q{item}", *("abc"[word] for word in said[:2]), None if rng.random() < 0.3 else "abc"[said[2]]])
    return rows


def scores_case(rng, items, answers):
    rows = []
    for item in range(items):
        centre = rng.uniform(20, 80)
        for _ in range(answers):
            first = np.clip(rng.normal(centre, 15), 0, 100)
            rows.append([f"q{item}", round(float(first)), round(float(np.clip(first + rng.normal(3, 8), 0, 100)))])
    return rows


def alpha(rows, level):
    values = [row[1:] for row in rows]
    known = sorted({value for row in values for value in row if value is not None})
    code = {value: (value if level == "interval" else known.index(value)) for value in known}
    data = np.array([[np.nan if value is None else code[value] for value in row] for row in values], float).T
    if len(np.unique(data[~np.isnan(data)])) < 2:
        return None
    return float(krippendorff.alpha(data, level_of_measurement=level))


def kappa(rows):
    first, second = zip(*(row[1:3] for row in rows))
    return None if len({*first, *second}) < 2 else float(cohen_kappa_score(first, second))


def ac1(rows, words):
    """Gwet 2008, equations 7 and 8."""
    first, second = (np.array(side) for side in zip(*(row[1:3] for row in rows)))
    share = [(np.mean(first == word) + np.mean(second == word)) / 2 for word in words]
    chance = sum(each * (1 - each) for each in share) / (len(words) - 1)
    return float((np.mean(first == second) - chance) / (1 - chance))


def auc(rows):
    groups, scores = zip(*(row[1:3] for row in rows))
    return None if len(set(groups)) < 2 else float(roc_auc_score(groups, scores))


def bootstrapped(rows, measure, least, most, seed=7):
    """Student's t over items with the draws' standard deviation."""
    rng = np.random.default_rng(seed)
    items = {}
    for row in rows:
        items.setdefault(row[0], []).append(row)
    items = list(items.values())
    values = []
    for _ in range(DRAWS):
        value = measure([row for item in rng.integers(len(items), size=len(items)) for row in items[item]])
        if value is not None:
            values.append(value)
    estimate, count = measure(rows), len(items)
    half = stats.t.ppf(0.975, count - 1) * np.std(values, ddof=1) * np.sqrt(count / (count - 1))
    return [max(least, estimate - half), min(most, estimate + half)]


def measured(rows, measure, least=-1):
    return {"value": measure(rows), "ci95": bootstrapped(rows, measure, least, 1)}


def powered_case(rng, items, answers, labelled, of):
    """Item, the judge's value, and the label or null."""
    rows = []
    for item in range(items):
        centre = rng.uniform(20, 80)
        for _ in range(answers):
            truth = np.clip(rng.normal(centre, 20), 0, 100)
            judge = np.clip(truth + rng.normal(6, 10), 0, 100)
            label = of(truth) if rng.random() < labelled else None
            rows.append([f"q{item}", of(judge), label])
    return rows


def powered(rows):
    """The paper's estimate; variance and lambda from sums over items."""
    items = np.array([row[0] for row in rows])
    judge = np.array([row[1] for row in rows], float)
    known = np.array([row[2] is not None for row in rows])
    label = np.array([0 if row[2] is None else row[2] for row in rows], float)
    n, rest = known.sum(), (~known).sum()
    names = np.unique(items)
    of_labels = np.array([((label - label[known].mean()) * known)[items == name].sum() / n for name in names])
    of_judge = np.array(
        [
            ((judge - judge[~known].mean()) * ~known)[items == name].sum() / rest
            - ((judge - judge[known].mean()) * known)[items == name].sum() / n
            for name in names
        ]
    )
    tuned = float(np.clip(-(of_labels @ of_judge) / (of_judge @ of_judge), 0, 1))
    estimate = ppi_mean_pointestimate(label[known], judge[known], judge[~known], lam=tuned)
    own = len(np.unique(items[known]))
    error = np.sqrt(((of_labels + tuned * of_judge) ** 2).sum() * own / (own - 1))
    one_by_one = np.where(known, (label - label[known].mean()) / n, 0) + tuned * np.where(
        known, -(judge - judge[known].mean()) / n, (judge - judge[~known].mean()) / rest
    )
    # the paper's lambda takes answers as independent
    paper = np.cov(label[known], judge[known])[0, 1] / ((1 + n / rest) * judge.var(ddof=1))
    half = stats.t.ppf(0.975, own - 1)
    return {
        "value": float(np.ravel(estimate)[0]),
        "lambda": tuned,
        "paperLambda": float(paper),
        "error": float(error),
        "independentError": float(np.sqrt((one_by_one**2).sum() * n / (n - 1))),
        "freedom": own - 1,
        "t": float(half),
    }


def mean_range(rows):
    of = powered(rows)
    return np.clip([of["value"] - of["t"] * of["error"], of["value"] + of["t"] * of["error"]], 0, 100).tolist()


def share_range(rows):
    of = powered(rows)
    half = of["t"] * max(of["error"], of["independentError"])
    p, n = of["value"], of["value"] * (1 - of["value"]) / (half / Z) ** 2
    centre, scale = (p + Z**2 / (2 * n)) / (1 + Z**2 / n), Z / (1 + Z**2 / n)
    half = scale * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return [centre - half, centre + half]


def main():
    rng = np.random.default_rng(20)
    flags = {"common": words_case(rng, 24, 10, 2), "rare": words_case(rng, 40, 25, 0.25)}
    categories = categories_case(rng, 16, 8)
    scores = scores_case(rng, 20, 10)
    groups = [[item, int(a > 50), b] for item, a, b in scores]
    means = {
        "clustered": powered_case(rng, 20, 12, 0.3, lambda score: round(float(score))),
        "one answer each": powered_case(rng, 300, 1, 0.3, lambda score: round(float(score))),
    }
    shares = {"clustered": powered_case(rng, 24, 15, 0.3, lambda score: int(score < 40))}
    frozen = {
        "flags": [
            {
                "name": name,
                "rows": rows,
                "alpha": measured(rows, lambda own: alpha(own, "nominal")),
                "kappa": measured(rows, kappa),
                "ac1": measured(rows, lambda own: ac1(own, ["0", "1"])),
            }
            for name, rows in flags.items()
        ],
        "categories": {
            "rows": categories,
            "alpha": measured(categories, lambda own: alpha(own, "nominal")),
            "ac1OfTwo": ac1(categories, ["a", "b", "c"]),
            "kappaOfTwo": kappa(categories),
        },
        "scores": {"rows": scores, "alpha": measured(scores, lambda own: alpha(own, "interval"))},
        "auc": {"rows": groups, **measured(groups, auc, least=0)},
        "means": [
            {"name": name, "rows": rows, **powered(rows), "ci95": mean_range(rows)} for name, rows in means.items()
        ],
        "shares": [
            {"name": name, "rows": rows, **powered(rows), "ci95": share_range(rows)} for name, rows in shares.items()
        ],
    }
    path = Path(__file__).with_name("validity.json")
    path.write_text(json.dumps(frozen, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
