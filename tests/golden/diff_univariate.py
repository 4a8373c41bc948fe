"""Differential test of the univariate engine against scikit-learn: cross_val_score of one-feature models.

Scores of every pair agree to 1e-9 of the larger of 1 and the score; best units are the peer's, or as good."""
import sys
import warnings

from golden import *

try:
    import scipy.stats
    from sklearn.linear_model import Lasso, LinearRegression
    from sklearn.metrics import explained_variance_score, make_scorer, mean_squared_error, r2_score
    from sklearn.model_selection import KFold, LeaveOneGroupOut, LeaveOneOut, cross_val_score
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

warnings.simplefilter("ignore")
PROBE = Probe("probe_univariate")
rng = np.random.default_rng(7231)


def run(x, y, **options):
    """(scores of folds, mean, unit, p, p_max), all pairs' means; parts first when an axis is named."""
    x, y, path = PROBE.save("x", x), PROBE.save("y", np.asarray(y, float)), PROBE.path
    if options.get("axis") != "row_col":
        options["all"] = path("all.npy")
    PROBE.call(x, y, path("out.npy"), **options)
    out = np.load(path("out.npy"))
    if "axis" in options:
        return out
    out = out[0]
    return (out[:-4], out[-4], out[-3].astype(int), out[-2], out[-1]), np.load(path("all.npy"))


def same(name, fine, detail=""):
    expect(fine, f"{name} {detail}")


def near(name, ours, theirs, tolerance=1e-9):
    """Of every number: the difference over the larger of 1 and the peer's."""
    error = np.max(np.abs(ours - theirs) / np.maximum(1, np.abs(theirs)))
    tally.worst = max(tally.worst, error)
    same(name, bool(error <= tolerance), error)


def flat(v):
    return np.ptp(v) <= 1e-12 * max(1, np.abs(v).max())


def pearson(y, p):
    return 0.0 if flat(y) or flat(p) else scipy.stats.pearsonr(y, p)[0]


def spearman(y, p):
    return 0.0 if flat(y) or flat(p) else scipy.stats.spearmanr(y, p)[0]


def variance(y, p):
    """Whether a constant target is predicted up to a constant is left to rounding by scikit-learn."""
    return float(flat(y - p)) if flat(y) else explained_variance_score(y, p)


SCORES = {"explained_variance": variance, "r2": r2_score, "correlation": pearson,
          "spearman": spearman, "neg_mse": lambda y, p: -mean_squared_error(y, p)}


def peer(x, y, model, scoring, splits):
    """units x targets x folds"""
    score = make_scorer(SCORES[scoring])
    return np.array([[cross_val_score(model, x[:, [j]].astype(float), y[:, t], cv=splits, scoring=score)
                      for t in range(y.shape[1])] for j in range(x.shape[1])])


def compare(name, x, y, model, scoring, splits, skip=(), **options):
    (folds, mean, unit, _, _), every = run(x, y, scoring=scoring, **options)
    theirs = peer(x, y, model, scoring, splits)
    keep = [t for t in range(y.shape[1]) if t not in skip]
    near(name + " all", every[:, keep], theirs.mean(2)[:, keep])
    picked = theirs[unit[keep], keep]
    near(name + " folds", folds.T[keep], picked)
    near(name + " best", mean[keep], theirs.mean(2).max(0)[keep])
    first = (theirs.mean(2) >= theirs.mean(2).max(0) - 1e-12 * np.maximum(1, np.abs(theirs.mean(2).max(0)))).argmax(0)
    same(name + " units", np.array_equal(unit[keep], first[keep]), (unit[keep], first[keep]))
    return folds, unit, every


def sample(n, d, m, dtype=np.float64):
    """Units and targets that share signal, with offsets, ties and repeats."""
    common = rng.normal(size=(n, 4))
    x = common @ rng.normal(size=(4, d)) + rng.normal(size=(n, d)) + 20 * rng.normal(size=d)
    y = common @ rng.normal(size=(4, m)) + 2 * rng.normal(size=(n, m)) - 7 * rng.normal(size=m)
    x[:, 1] = np.round(x[:, 1])  # ties
    x[:, 2] = np.maximum(x[:, 2] - x[:, 2].mean(), 0)  # as after a ReLU
    x[:, d - 1] = x[:, 0]  # a repeat: the first counts
    return np.ascontiguousarray(x.astype(dtype)), y


ols = LinearRegression()
for scoring in SCORES:
    for n, d, m, k in [(31, 7, 4, 3), (60, 4, 2, 10), (12, 6, 2, 2)]:
        x, y = sample(n, d, m, np.float32 if k == 10 else np.float64)
        compare(f"{scoring} {n} x {d} x {m}", x, y, ols, scoring, KFold(k), k=k)
    x, y = sample(40, 6, 3)
    groups = np.sort(rng.integers(0, 5, 40))
    x += 50 * rng.normal(size=5)[groups][:, None]  # runs at levels of their own
    compare(f"{scoring} groups", x, y, ols, scoring, list(LeaveOneGroupOut().split(x, None, groups)),
            folds="leave-group-out", groups=groups)
    x, y = sample(50, 8, 3)
    for alpha in (0.05, 0.6):
        compare(f"{scoring} lasso {alpha}", x, y, Lasso(alpha=alpha, tol=1e-14, max_iter=100000), scoring, KFold(4),
                kind="lasso", alpha=alpha, k=4)
x, y = sample(23, 5, 3)
compare("leave one out", x, y, ols, "neg_mse", LeaveOneOut(), folds="leave-one-out")

# Constants: a unit everywhere or where it trains, a target everywhere or where it is tested.
x, y = sample(30, 6, 5)
x[:, 3] = 1.5
x[10:, 4] = -2.0
y[:, 1] = 3.0
y[:10, 2] = 0.25
y[10:, 3] = 1.0
for scoring in SCORES:
    compare(f"{scoring} constants", x, y, ols, scoring, KFold(3), k=3)
same("a constant target is predicted", np.all(run(x, y, k=3)[1][:, 1] == 1))
same("a constant unit explains nothing", np.all(run(x, y, k=3)[1][3, [0, 2, 4]] == [0, 1 / 3, 0]))

# Correlation over all rows
x, y = sample(80, 40, 9)
x[:, 5] = 4.0
y[:, 3] = -1.0
r = np.array([[pearson(x[:, j], y[:, t]) for t in range(9)] for j in range(40)])
(folds, mean, unit, _, _), every = run(x, y, kind="corr")
near("corr all", every, r, 1e-12)
same("corr units", np.array_equal(unit, r.argmax(0)), (unit, r.argmax(0)))
near("corr best", mean, r.max(0), 1e-12)
(folds, mean, unit, _, _), every = run(x, y, kind="corr", absolute=1)
same("|corr| units", np.array_equal(unit, np.abs(r).argmax(0)))
near("|corr| best", mean, r[unit, np.arange(9)], 1e-12)

# Same bits for any number of threads, budget and way of reading
x, y = sample(70, 700, 300, np.float32)
for kind in ({"scoring": "r2"}, {"kind": "corr"}, {"scoring": "spearman"}, {"folds": "leave-one-out", "scoring": "neg_mse"}):
    first, every = run(x, y, threads=1, perm=2, **kind)
    for how in ({"threads": 2}, {"threads": 2, "source": "tiles", "memory": 2000000},
                {"threads": 1, "source": "rows", "memory": 2000000}):
        again, pairs = run(x, y, perm=2, **kind, **how)
        same(f"bits {kind} {how}", np.array_equal(every, pairs) and all(map(np.array_equal, first, again)))

# Permutations: p of the best of all units, and of the best of all targets
x, y = sample(40, 30, 6)
x[:, 7] = y[:, 2] + 0.1 * rng.normal(size=40)
for kind in ("corr", "glm"):
    (_, best, _, p, p_max), _ = run(x, y, kind=kind, perm=199, seed=3)
    same(f"{kind} p of a strong unit", p[2] == 1 / 200 and p_max[2] == 1 / 200, (p, p_max))
    same(f"{kind} p_max is no smaller", np.all(p_max >= p))
    same(f"{kind} p are counts", np.allclose(p * 200, np.round(p * 200)))
    (_, _, _, other, _), _ = run(x, y, kind=kind, perm=199, seed=4)
    same(f"{kind} p of another seed", np.max(np.abs(p - other)) < 0.15 and not np.array_equal(p, other))
null = np.array([run(x, rng.permutation(y), kind="corr")[0][1] for _ in range(200)])
(_, best, _, p, p_max), _ = run(x, y, kind="corr", perm=999)
for name, ours, theirs in (("p", p, (null >= best).mean(0)), ("p_max", p_max, (null.max(1)[:, None] >= best).mean(0))):
    same(name + " against NumPy's permutations", np.max(np.abs(ours - theirs)) < 0.12, (ours, theirs))

# A layer's parts
x, y = sample(36, 24, 5, np.float32)
whole = run(x, y)[1]
for axis, units in (("channel", [np.arange(c * 6, c * 6 + 6) for c in range(4)]),
                    ("row_col", [np.arange(p, 24, 6) for p in range(6)])):
    out = run(x, y, axis=axis, chn=4, area=6)
    same(axis + " parts", len(out) == len(units), len(out))
    for part, u in zip(out, units):
        near(axis + " best", part[3], whole[u].max(0), 1e-12)
        same(axis + " units", np.array_equal(part[4].astype(int), u[whole[u].argmax(0)]))

# Refusals
for name, where in (("unit 3", "x"), ("target 1", "y")):
    for bad in (np.nan, np.inf):
        x, y = sample(20, 6, 3)
        {"x": x, "y": y}[where][4, int(name[-1])] = bad
        try:
            run(x, y)
            same(f"{bad} in {where}", False, "was accepted")
        except Refused as why:
            same(f"{bad} in {where}", name in str(why) and "row 5" in str(why), str(why))
for name, options in (("r2 of single rows", dict(folds="leave-one-out", scoring="r2")), ("labels", dict(scoring="accuracy")),
                      ("negative alpha", dict(kind="lasso", alpha=-1)), ("too little memory", dict(memory=1000, perm=10000))):
    try:
        run(*sample(20, 6, 3), **options)
        same(name, False, "was accepted")
    except Refused:
        same(name, True)

finish(f"largest error {tally.worst:.1e}")
