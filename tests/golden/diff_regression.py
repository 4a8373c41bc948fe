"""Differential test of the linear models against scikit-learn: least squares, ridge, and how ridge chooses penalties.

Every case prints a line with its largest error; the script fails when one is above its tolerance."""
import sys
import warnings

from golden import *

try:
    from scipy.stats import pearsonr, spearmanr
    from sklearn.linear_model import LinearRegression, Ridge, RidgeCV
    from sklearn.metrics import explained_variance_score, mean_squared_error, r2_score
    from sklearn.model_selection import GridSearchCV, KFold
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

warnings.simplefilter("ignore")
PROBE = Probe("probe_regression")


def run(x, y, **options):
    """coef (d x m), intercept, penalty, score, table of scores."""
    PROBE.call(PROBE.save("x", x), PROBE.save("y", y), PROBE.path("out.npy"), **options)
    out = np.load(PROBE.path("out.npy"))
    d = x.shape[1]
    return out[:d], out[d], out[d + 1], out[d + 2], out[d + 3:]


def world(n, d, m, seed, offset=3.0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)) * rng.uniform(0.3, 3, d) + offset * rng.standard_normal(d)
    w = rng.standard_normal((d, m)) * (rng.random((d, m)) < 0.3)
    noise = rng.uniform(0.2, 30, m)
    return x, x @ w + noise * rng.standard_normal((n, m)) + offset


def with_constants(x):
    x = x.copy()
    x[:, 1] = 0.1
    x[:, x.shape[1] // 2] = -7
    return x


def collinear(x):
    d = x.shape[1]
    return np.hstack([x, x[:, : d // 2], x[:, :3] @ np.array([[1.0, 2], [3, -1], [0.5, 1]])])


CASES = {}
for tag, n, d in (("n > d", 60, 11), ("d > n", 25, 70), ("n = d", 30, 30), ("n = d + 1", 31, 30)):
    for m in (1, 37):
        CASES[f"{tag}, {m} targets"] = world(n, d, m, n + d + m)
x, y = world(50, 9, 5, 1)
CASES["constant columns"] = with_constants(x), y
CASES["collinear columns"] = collinear(x), y
x, y = world(20, 40, 3, 2)
CASES["constant columns, d > n"] = with_constants(x), y
CASES["collinear columns, d > n"] = collinear(x), y
x, y = world(40, 6, 3, 3)
y[:, 1] = 0.1
CASES["constant target"] = x, y
CASES["large offset"] = world(80, 7, 2, 4, offset=1e5)
CASES["one feature"] = world(30, 1, 4, 5)

agreed = 0
for name, (x, y) in CASES.items():
    coef, intercept, *_ = run(x, y, kind="glm")
    peer = LinearRegression().fit(x, y)
    xc = x - x.mean(0)
    least = np.linalg.lstsq(xc, y - y.mean(0), rcond=max(x.shape) * np.finfo(float).eps)[0]
    check(f"glm, {name}: coefficients", coef, least)
    # LinearRegression cuts at 1 eps, so rounding decides whether it takes a singular direction for real; then its
    # coefficients are of the order 1e15.
    if peer.rank_ == np.linalg.matrix_rank(xc):
        agreed += 1
        check(f"glm, {name}: LinearRegression", np.vstack([coef, intercept]), np.vstack([peer.coef_.T, peer.intercept_]))
    for alpha in (0.03, 1.0, 250.0):
        coef, intercept, used, *_ = run(x, y, kind="ridge", alphas=[alpha])
        peer = Ridge(alpha=alpha).fit(x, y)
        check(f"ridge {alpha:g}, {name}", np.vstack([coef, intercept]), np.vstack([peer.coef_.T, peer.intercept_]))
        assert (used == alpha).all()
    for column in np.flatnonzero(np.ptp(x, axis=0) == 0):
        assert (run(x, y, kind="glm")[0][column] == 0).all(), "a constant feature has the coefficient 0"

assert agreed >= len(CASES) // 2, "LinearRegression was hardly compared"
ALPHAS = np.logspace(-2, 5, 15)


def loo_by_hand(x, y, alpha):
    n = len(x)
    error = np.empty_like(y)
    for i in range(n):
        keep = np.arange(n) != i
        error[i] = y[i] - Ridge(alpha=alpha).fit(x[keep], y[keep]).predict(x[i:i + 1])[0]
    return -(error ** 2).mean(0)


def gcv_by_hand(x, y, alpha):
    n = len(x)
    xc = x - x.mean(0)
    hat = xc @ np.linalg.solve(xc.T @ xc + alpha * np.eye(x.shape[1]), xc.T) + 1 / n
    e = y - hat @ y
    return -n * (e ** 2).sum(0) / (n - np.trace(hat)) ** 2


for name, (x, y) in CASES.items():
    if "constant target" in name:
        continue
    coef, intercept, used, score, table = run(x, y, kind="ridge", choice="loo", alphas=ALPHAS)
    peer = RidgeCV(ALPHAS, alpha_per_target=y.shape[1] > 1).fit(x, y if y.shape[1] > 1 else y[:, 0])
    check(f"loo, {name}: RidgeCV's penalties", used, np.atleast_1d(peer.alpha_))
    check(f"loo, {name}: RidgeCV's scores", score, np.atleast_1d(peer.best_score_))
    check(f"loo, {name}: RidgeCV's model", np.vstack([coef, intercept]),
          np.vstack([peer.coef_.T.reshape(x.shape[1], -1), np.atleast_1d(peer.intercept_)]))
    check(f"loo, {name}: refitted without each row", table[7], loo_by_hand(x, y, ALPHAS[7]))
    *_, table = run(x, y, kind="ridge", choice="gcv", alphas=ALPHAS)
    if x.shape[1] < 2 * len(x):
        check(f"gcv, {name}: by hand", table[[5, 7, 12]], [gcv_by_hand(x, y, a) for a in ALPHAS[[5, 7, 12]]])

SCORES = {
    "r2": r2_score, "explained_variance": explained_variance_score, "neg_mse": lambda t, p: -mean_squared_error(t, p),
    "correlation": lambda t, p: pearsonr(t, p)[0], "spearman": lambda t, p: spearmanr(t, p)[0],
}


def cv_by_hand(x, y, folds, score):
    table = np.zeros((len(ALPHAS), y.shape[1]))
    for train, test in KFold(folds).split(x):
        for a, alpha in enumerate(ALPHAS):
            said = Ridge(alpha=alpha).fit(x[train], y[train]).predict(x[test])
            table[a] += [score(y[test, j], said[:, j]) / folds for j in range(y.shape[1])]
    return table


def near_equal(x):
    """Columns that are orthonormal but for noise: every pair of eigenvalues is close."""
    return np.linalg.qr(x - x.mean(0))[0] * 10 + 1e-6 * x


for name, (x, y) in CASES.items():
    for scoring in ("r2", "correlation") if "targets" in name else SCORES:
        if "constant target" in name and scoring in ("correlation", "spearman"):
            continue
        folds = 3 if len(x) < 40 else 4
        _, _, used, score, table = run(x, y, kind="ridge", choice="cv", alphas=ALPHAS, folds=folds, scoring=scoring)
        peer = cv_by_hand(x, y, folds, SCORES[scoring])
        if "constant target" in name:
            # A perfect prediction; scikit-learn's own misses by rounding and then counts as 0.
            peer[:, 1] = 0 if scoring == "neg_mse" else 1
            assert used[1] == ALPHAS[0], "of equal scores the first wins"
        check(f"cv {scoring}, {name}", table, peer)
        check(f"cv {scoring}, {name}: what is chosen", score, peer.max(0))
        *_, slow = run(x, y, kind="ridge", choice="cv", alphas=ALPHAS, folds=folds, scoring=scoring, predicting=1)
        check(f"cv {scoring}, {name}: by predictions", slow, table)

# Wide ranges of eigenvalues and penalties, repeated eigenvalues, many folds, enough of everything for the fractions.
rng = np.random.default_rng(8)
x, y = world(300, 60, 70, 9)
decades = x * np.logspace(0, -5, 60)
for name, x in {"plain": x, "decades": decades, "near-equal eigenvalues": near_equal(x), "collinear": collinear(x),
                "one-hot": np.eye(12)[rng.integers(0, 12, 300)], "d > n": rng.standard_normal((300, 400))}.items():
    for scoring in ("r2", "correlation", "explained_variance", "neg_mse"):
        for folds in (3, 20):
            options = dict(kind="ridge", choice="cv", alphas=np.logspace(-4, 10, 25), folds=folds, scoring=scoring)
            check(f"fractions, {name}, {folds} folds, {scoring}", run(x, y, **options)[4],
                  run(x, y, predicting=1, **options)[4])

x, y = CASES["n > d, 37 targets"]
coef, intercept, used, score, _ = run(x, y, kind="ridge", choice="cv", alphas=ALPHAS, folds=5)
for j in (0, 5, 36):
    peer = GridSearchCV(Ridge(), {"alpha": ALPHAS}, cv=KFold(5), scoring="r2").fit(x, y[:, j])
    check(f"GridSearchCV, target {j}: penalty", used[j], peer.best_params_["alpha"])
    check(f"GridSearchCV, target {j}: score", score[j], peer.best_score_)
    check(f"GridSearchCV, target {j}: model", np.append(coef[:, j], intercept[j]),
          np.append(peer.best_estimator_.coef_, peer.best_estimator_.intercept_))
_, _, used, score, table = run(x, y, kind="ridge", choice="cv", alphas=ALPHAS, folds=5, shared=1)
peer = GridSearchCV(Ridge(), {"alpha": ALPHAS}, cv=KFold(5), scoring="r2").fit(x, y)
check("GridSearchCV, shared penalty", used, np.full(37, peer.best_params_["alpha"]))
check("GridSearchCV, shared score", score.mean(), peer.best_score_)

for name in ("n > d, 37 targets", "d > n, 37 targets"):
    x, y = CASES[name]
    y = np.hstack([y] * 40) + rng.standard_normal((len(x), 37 * 40))
    for options in (dict(kind="glm"), dict(kind="ridge", alphas=ALPHAS, choice="loo"),
                    dict(kind="ridge", alphas=ALPHAS, choice="cv", folds=3)):
        one, two = (run(x, y, threads=t, **options) for t in (1, 2))
        report(f"{options['kind']} {options.get('choice', '')}, {name}: bits of 1 and 2 threads",
               all(np.array_equal(a, b) for a, b in zip(one, two)))

finish()
