"""Lasso, elastic net and partial least squares against scikit-learn.

Every case prints a line with its largest error; the script fails when one is above its tolerance. Predictions are
compared (relative to the targets' spread, on the training rows and on new ones), and coefficients where they are unique."""
import sys
import warnings

from golden import *

try:
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.linear_model import ElasticNet, ElasticNetCV, Lasso, LassoCV
    from sklearn.model_selection import KFold
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

warnings.simplefilter("ignore")
PROBE = Probe("probe_sparse")
rng = np.random.default_rng(20240921)


class Ours:
    """One fit by the probe: coef (d x m), intercept, alpha, the number that did not converge."""

    def __init__(self, kind, x, y, **options):
        n, d = x.shape
        m = y.shape[1]
        names = [PROBE.path(s) for s in ("x", "y", "out")]
        np.ascontiguousarray(x, float).tofile(names[0])
        np.ascontiguousarray(y, float).tofile(names[1])
        self.unconverged = int(PROBE.call(kind, n, d, m, *names, **options).split()[0])
        v = np.fromfile(names[2])
        self.coef = v[:d * m].reshape(d, m)
        self.intercept = v[d * m:d * m + m]
        self.alpha = v[d * m + m:]

    def predict(self, x):
        return x @ self.coef + self.intercept


def small(name, error, tolerance):
    report(name, bool(error <= tolerance), f"{error:.2e} (<= {tolerance:g})")


def apart(a, b, y):
    spread = y.std(axis=0)
    return (np.abs(np.asarray(a).reshape(-1, y.shape[1]) - np.asarray(b).reshape(-1, y.shape[1])) / np.where(spread > 0, spread, 1)).max()


def world(n, d, m, rank=None, noise=1.0, active=5, seed=0):
    """Features of decaying variance and targets that depend on a few of them; with as many new rows."""
    g = np.random.default_rng(seed)
    x = g.standard_normal((2 * n, d))
    if rank:
        x = g.standard_normal((2 * n, rank)) @ g.standard_normal((rank, d)) / np.sqrt(rank) + 0.5 * x
    w = np.zeros((d, m))
    for t in range(m):
        w[g.choice(d, min(active, d), replace=False), t] = g.standard_normal(min(active, d))
    y = x @ w + noise * g.standard_normal((2 * n, m)) + 3 * g.standard_normal(m)
    x += 5 * g.standard_normal(d)
    return x[:n], y[:n], x[n:]


def fitted(model, x, y):
    """Each target on its own, so that the tolerance is each one's own."""
    fits = [type(model)(**model.get_params()).fit(np.asfortranarray(x), y[:, t]) for t in range(y.shape[1])]
    return fits


def predictions(fits, x):
    return np.stack([f.predict(x) for f in fits], axis=1)


# ---- lasso and elastic net -----------------------------------------------------------------------------------------

shapes = {"n > p": (120, 30, 7), "p > n": (60, 200, 7), "one target": (80, 50, 1), "alike features": (100, 150, 4)}
for name, (n, d, m) in shapes.items():
    x, y, new = world(n, d, m, rank=5 if "alike" in name else None)
    for alpha in (1.0, 0.3, 0.05, 0.005):
        peer = fitted(Lasso(alpha=alpha, tol=1e-10, max_iter=1000000), x, y)
        ours = Ours("lasso", x, y, alphas=[alpha], tolerance=1e-10, iterations=100000)
        small(f"lasso {name}, alpha {alpha}", max(apart(ours.predict(x), predictions(peer, x), y),
                                                   apart(ours.predict(new), predictions(peer, new), y)), 1e-6)
        coef = np.stack([f.coef_ for f in peer], axis=1)
        small(f"lasso {name}, alpha {alpha}: coefficients", np.abs(ours.coef - coef).max(), 1e-4)
        small(f"lasso {name}, alpha {alpha}: not converged", ours.unconverged, 0)
        loose = Ours("lasso", x, y, alphas=[alpha])
        best = Ours("lasso", x, y, alphas=[alpha], tolerance=1e-12, iterations=100000)

        def objective(o):
            r = y - o.predict(x)
            return (r * r).sum(axis=0) / 2 + n * alpha * np.abs(o.coef).sum(axis=0)
        gap = (objective(loose) - objective(best)) / (((y - y.mean(axis=0)) ** 2).sum(axis=0))
        small(f"lasso {name}, alpha {alpha}: default tolerance kept", gap.max(), 1e-4)
    for ratio in (0.05, 0.3, 0.5, 0.9, 1.0):
        for alpha in (0.5, 0.02):
            peer = fitted(ElasticNet(alpha=alpha, l1_ratio=ratio, tol=1e-12, max_iter=1000000), x, y)
            ours = Ours("elasticnet", x, y, alphas=[alpha], l1_ratio=ratio, tolerance=1e-12, iterations=100000)
            small(f"elastic net {name}, alpha {alpha}, l1_ratio {ratio}",
                  max(apart(ours.predict(x), predictions(peer, x), y), apart(ours.predict(new), predictions(peer, new), y)), 1e-6)

# No room for products of features: descent by way of the residual gives the same answer.
x, y, new = world(60, 200, 3)
peer = fitted(Lasso(alpha=0.05, tol=1e-10, max_iter=1000000), x, y)
tight = Ours("lasso", x, y, alphas=[0.05], tolerance=1e-10, iterations=1000000, memory=220000)
small("lasso without room for products", apart(tight.predict(new), predictions(peer, new), y), 1e-6)
peer = fitted(ElasticNet(alpha=0.001, l1_ratio=0.2, tol=1e-10, max_iter=1000000), x[:20], y[:20])
ours = Ours("elasticnet", x[:20], y[:20], alphas=[0.001], l1_ratio=0.2, tolerance=1e-10, iterations=1000000)
small("elastic net with far more features at work than rows", apart(ours.predict(new), predictions(peer, new), y[:20]), 1e-6)

# Constant features and targets, copies of features.
x, y, new = world(90, 40, 5)
x[:, 3] = new[:, 3] = 4.0
x[:, 11] = new[:, 11] = 0.1
y[:, 2] = -7.25
peer = fitted(Lasso(alpha=0.1, tol=1e-10, max_iter=100000), x, y)
ours = Ours("lasso", x, y, alphas=[0.1], tolerance=1e-10, iterations=100000)
small("lasso, constant features and target", apart(ours.predict(new), predictions(peer, new), y), 1e-6)
small("lasso, constant features and target: exact", np.abs(ours.coef[[3, 11]]).max() + np.abs(ours.coef[:, 2]).max()
       + abs(ours.intercept[2] + 7.25) + ours.unconverged, 0)
x[:, 20:30] = x[:, 10:20]
new[:, 20:30] = new[:, 10:20]
peer = fitted(Lasso(alpha=0.05, tol=1e-10, max_iter=100000), x, y)
ours = Ours("lasso", x, y, alphas=[0.05], tolerance=1e-10, iterations=100000)
small("lasso, every feature of ten twice", apart(ours.predict(new), predictions(peer, new), y), 1e-6)
small("lasso, every feature of ten twice: not converged", ours.unconverged, 0)
peer = fitted(ElasticNet(alpha=0.05, l1_ratio=0.5, tol=1e-12, max_iter=100000), x, y)
ours = Ours("elasticnet", x, y, alphas=[0.05], l1_ratio=0.5, tolerance=1e-12, iterations=100000)
small("elastic net, every feature of ten twice", apart(ours.predict(new), predictions(peer, new), y), 1e-6)

# A bound on the passes that cannot suffice is counted.
x, y, _ = world(60, 200, 7)
ours = Ours("lasso", x, y, alphas=[0.001], tolerance=1e-10, iterations=2)
small("lasso, two passes: targets counted", abs(ours.unconverged - 7), 0)

# Penalties by cross-validation, in any order.
for name, (n, d, m) in {"n > p": (100, 30, 6), "p > n": (60, 150, 6)}.items():
    x, y, new = world(n, d, m, seed=3, noise=2)
    alphas = np.array([0.01, 1.0, 0.3, 0.1, 0.03, 3.0])
    peer = fitted(LassoCV(alphas=alphas, cv=KFold(4), tol=1e-9, max_iter=100000), x, y)
    ours = Ours("lasso", x, y, alphas=alphas, tolerance=1e-9, iterations=100000, folds=4, scoring="neg_mse")
    small(f"LassoCV {name}: penalties", np.abs(ours.alpha - [f.alpha_ for f in peer]).max(), 0)
    small(f"LassoCV {name}: predictions", apart(ours.predict(new), predictions(peer, new), y), 1e-5)
    peer = fitted(ElasticNetCV(alphas=alphas, l1_ratio=0.4, cv=KFold(4), tol=1e-9, max_iter=100000), x, y)
    ours = Ours("elasticnet", x, y, alphas=alphas, l1_ratio=0.4, tolerance=1e-9, iterations=100000, folds=4, scoring="neg_mse")
    small(f"ElasticNetCV {name}: penalties", np.abs(ours.alpha - [f.alpha_ for f in peer]).max(), 0)
    small(f"ElasticNetCV {name}: predictions", apart(ours.predict(new), predictions(peer, new), y), 1e-5)
    # One penalty for all: the best mean over targets and folds.
    scores = np.zeros(len(alphas))
    for train, test in KFold(4).split(x):
        for i, a in enumerate(alphas):
            said = predictions(fitted(Lasso(alpha=a, tol=1e-9, max_iter=100000), x[train], y[train]), x[test])
            scores[i] -= ((said - y[test]) ** 2).mean()
    ours = Ours("lasso", x, y, alphas=alphas, tolerance=1e-9, iterations=100000, folds=4, scoring="neg_mse", shared=1)
    small(f"lasso {name}, one penalty for all", np.abs(ours.alpha - alphas[scores.argmax()]).max(), 0)

# ---- partial least squares -----------------------------------------------------------------------------------------


def pls(name, x, y, new, components, tolerance, no_scale=0):
    model = PLSRegression(components, scale=not no_scale, tol=1e-20, max_iter=100000).fit(x, y)
    ours = Ours("pls", x, y, components=components, no_scale=no_scale)
    small(f"pls {name}, {components} components", max(apart(ours.predict(x), model.predict(x), y),
                                                      apart(ours.predict(new), model.predict(new), y)), tolerance)
    ours = Ours("pls", x, y, components=components, no_scale=no_scale, per_target=1)
    alone = [PLSRegression(components, scale=not no_scale).fit(x, y[:, t]) for t in range(y.shape[1])]
    said = np.stack([f.predict(new).ravel() for f in alone], axis=1)
    small(f"pls {name}, {components} components, each target alone", apart(ours.predict(new), said, y), tolerance)


for name, (n, d, m) in {"n > p": (120, 20, 6), "p > n": (50, 90, 6), "one target": (80, 30, 1),
                        "more targets than rows": (40, 12, 70), "many of both": (60, 130, 150)}.items():
    x, y, new = world(n, d, m, rank=8, seed=11)
    x *= 10.0 ** rng.uniform(-2, 2, d)
    new = new * 1.0
    for components in (1, 2, 5, 10):
        pls(name, x, y, x[::-1] + 0.1 * x.std(axis=0) * rng.standard_normal(x.shape), components, 1e-6)
    pls(name + ", unscaled", x, y, x[::-1], 3, 1e-6, no_scale=1)
x, y, new = world(80, 7, 3, seed=12)
pls("all components", x, y, new, 7, 1e-6)
x, y, new = world(60, 30, 5, seed=13)
x[:, 4] = new[:, 4] = 2.0
y[:, 1] = 3.0
pls("constant feature and target", x, y, new, 4, 1e-6)
x[:, 20:] = x[:, 10:20]
new[:, 20:] = new[:, 10:20]
pls("copies of features", x, y, new, 6, 1e-6)
# The default stopping rule of scikit-learn.
x, y, new = world(200, 40, 30, rank=8, seed=14)
model = PLSRegression(5).fit(x, y)
small("pls, scikit-learn's own tolerance", apart(Ours("pls", x, y, components=5).predict(new), model.predict(new), y), 1e-2)
# More components than x has directions: those that are left make nothing worse than least squares.
x, y, new = world(30, 10, 2, seed=15)
x[:, 5:] = x[:, :5] @ rng.standard_normal((5, 5))
ours = Ours("pls", x, y, components=9)
basis = np.linalg.lstsq(x - x.mean(axis=0), y - y.mean(axis=0), rcond=None)[0]
small("pls past the rank of x is least squares", apart(ours.predict(x), (x - x.mean(axis=0)) @ basis + y.mean(axis=0), y), 1e-6)
# Principal components in the features' place: the same only without scaling.
x, y, new = world(70, 25, 4, seed=16)
turn = np.linalg.qr(rng.standard_normal((25, 25)))[0]
a = Ours("pls", x, y, components=4, no_scale=1)
b = Ours("pls", x @ turn, y, components=4, no_scale=1)
small("pls of rotated features, unscaled", apart(a.predict(new), b.predict(new @ turn), y), 1e-9)

finish()
