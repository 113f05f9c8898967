#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What scikit-learn makes of planted data, for tests/train: a developer's tool, needs scikit-learn.

    python3 tools/compare_probes.py > tests/data/probes/sklearn.json

The data are made from integers by a formula that tests/support/planted_rows.h repeats, so that the
file holds results alone.
"""
import json

import numpy as np
import sklearn
from sklearn import metrics
from sklearn.feature_selection import f_classif
from sklearn.linear_model import LogisticRegression, Ridge

MASK = (1 << 64) - 1
SHARES = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0]
ROWS, WIDTH, CLASSES = 600, 8, 3


def unit(index):
    """In [0, 1): splitmix64 of an index."""
    z = (index * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return ((z ^ (z >> 31)) >> 11) * 2.0**-53


def planted():
    x = np.array([[2 * unit(r * WIDTH + c) - 1 for c in range(WIDTH)] for r in range(ROWS)], dtype=np.float32)
    noise = np.array([[2 * unit(1_000_000 + r * CLASSES + k) - 1 for k in range(CLASSES)] for r in range(ROWS)])
    scores = 2 * x[:, :CLASSES].astype(np.float64) + 0.5 * noise
    values = 1.5 * x[:, 0].astype(np.float64) - 0.5 * x[:, 3] + 0.25 + 0.1 * noise[:, 0]
    return x.astype(np.float64), np.argmax(scores, axis=1), values


def logistic(x, y, strength, balanced=False):
    model = LogisticRegression(C=1 / (len(y) * strength), tol=1e-12, max_iter=100000, solver="newton-cg",
                               class_weight="balanced" if balanced else None)
    return model.fit(x, y)


def objective(model, x, y, strength, balanced=False):
    """Weighted mean cross-entropy plus strength / 2 times the squared weights."""
    logits = x @ model.coef_.T + model.intercept_
    logits -= logits.max(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    counts = np.bincount(y)
    weights = (len(y) / (len(counts) * counts))[y] if balanced else np.ones(len(y))
    entropy = -(weights * log_p[np.arange(len(y)), y]).sum() / weights.sum()
    return entropy + strength / 2 * (model.coef_**2).sum()


def codelength(x, y, strength, seed):
    """The online code, each label's probability mixed with a uniform one in shares known : 1."""
    order = np.random.default_rng(seed).permutation(len(y))
    ends = []
    for share in SHARES:
        end = int(np.floor(share * len(y) + 0.5))
        if end > (ends[-1] if ends else 0):
            ends.append(end)
    bits = ends[0] * np.log2(CLASSES)
    for known, end in zip(ends, ends[1:]):
        rows, new = order[:known], order[known:end]
        p = np.zeros((len(new), CLASSES))
        seen = np.unique(y[rows])
        if len(seen) == 1:
            p[:, seen[0]] = 1
        elif len(seen) == 2:  # two vectors of half the length are what softmax makes of one: half the penalty
            p[:, seen] = logistic(x[rows], y[rows], strength / 2).predict_proba(x[new])
        else:
            p[:, seen] = logistic(x[rows], y[rows], strength).predict_proba(x[new])
        own = p[np.arange(len(new)), y[new]]
        bits -= np.log2((known * own + 1 / CLASSES) / (known + 1)).sum()
    return bits


def main():
    x, y, values = planted()
    out = {"scikit-learn": sklearn.__version__, "rows": ROWS, "counts": np.bincount(y).tolist(), "logistic": []}
    for strength in (1e-4, 1e-2, 1.0):
        for balanced in (False, True):
            model = logistic(x, y, strength, balanced)
            out["logistic"].append({"lambda": strength, "balanced": balanced,
                                    "objective": objective(model, x, y, strength, balanced),
                                    "weights": model.coef_.tolist(), "intercept": model.intercept_.tolist()})
    ridge = Ridge(alpha=0.01 * ROWS, tol=1e-14, solver="cholesky").fit(x, values)
    out["ridge"] = {"lambda": 0.01, "weights": ridge.coef_.tolist(), "intercept": ridge.intercept_,
                    "r2": metrics.r2_score(values, ridge.predict(x))}
    out["f"] = f_classif(x, y)[0].tolist()
    train, test = slice(0, 400), slice(400, ROWS)
    for name, labels in (("three", y), ("two", (y == 2).astype(int))):
        model = logistic(x[train], labels[train], 1e-2 if name == "three" else 0.5e-2)
        guess, p = model.predict(x[test]), model.predict_proba(x[test])
        true = labels[test]
        out["scores_" + name] = {
            "accuracy": metrics.accuracy_score(true, guess),
            "balanced_accuracy": metrics.balanced_accuracy_score(true, guess),
            "f1": metrics.f1_score(true, guess, average="macro" if name == "three" else "binary"),
            "mcc": metrics.matthews_corrcoef(true, guess),
            "roc_auc": metrics.roc_auc_score(true, p, multi_class="ovr") if name == "three"
            else metrics.roc_auc_score(true, p[:, 1])}
    bits = [codelength(x, y, 1e-2, seed) for seed in range(10)]
    out["code"] = {"lambda": 1e-2, "bits": bits}
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
