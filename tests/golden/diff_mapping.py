"""Differential test of the mapping engine and of the partial eigenproblem under it against scikit-learn pipelines.

Every case prints a line with its largest error; the script fails when one is above its tolerance."""
import functools
import os
import sys
import warnings

from golden import *

try:
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
    from sklearn.metrics import confusion_matrix, explained_variance_score, r2_score
    from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

warnings.simplefilter("ignore")
PROBE = Probe("probe_mapping")
FOLDER = PROBE.folder.name
rng = np.random.default_rng(20240611)
check = functools.partial(check, floor=1)


class Answer:
    """The probe's output files, by name; None where there is none."""

    def __init__(self):
        self.files = {n[len("out_"):-4]: np.load(os.path.join(FOLDER, n))
                      for n in os.listdir(FOLDER) if n.startswith("out_")}

    def __getattr__(self, name):
        return self.files.get(name)

    def of(self, layer, name):
        return self.files.get(f"{layer}_{name}")


def probe(command, first, *layers, **options):
    for old in os.listdir(FOLDER):
        os.unlink(os.path.join(FOLDER, old))
    names = [PROBE.save(f"in{i}", a) for i, a in enumerate((first, *layers))]
    PROBE.call(command, PROBE.path("out"), *names, **options)
    return Answer()


def correlation(y, f):
    a, b = y - y.mean(), f - f.mean()
    size = np.sqrt((a * a).sum() * (b * b).sum())
    return (a * b).sum() / size if size > 0 else 0.0


class LeastNorm:
    """LinearRegression where features outnumber stimuli. scikit-learn's keeps the singular value that centring made
    zero when rounding leaves it above 2.2e-16 of the largest, and its answer is off by percents then."""

    def fit(self, x, y):
        self.mean, self.level = x.mean(0), y.mean(0)
        self.coef = np.linalg.pinv(x - self.mean, rcond=1e-10) @ (y - self.level)
        return self

    def predict(self, x):
        return (x - self.mean) @ self.coef + self.level


SCORERS = {"explained_variance": explained_variance_score, "r2": r2_score, "correlation": correlation}


def cross(model, x, y, k=3, scoring="explained_variance", together=False):
    """Fold by target scores and the predictions; every target fitted alone unless together."""
    scores, predicted = np.zeros((k, y.shape[1])), np.zeros(y.shape)
    for f, (train, test) in enumerate(KFold(k).split(x)):
        if together:
            predicted[test] = model.fit(x[train], y[train]).predict(x[test]).reshape(len(test), -1)
        else:
            for t in range(y.shape[1]):
                predicted[test, t] = np.ravel(model.fit(x[train], y[train, t]).predict(x[test]))
        for t in range(y.shape[1]):
            scores[f, t] = SCORERS[scoring](y[test, t], predicted[test, t])
    return scores, predicted


def data(n, d, m, decay=0.5, noise=0.5):
    x = rng.standard_normal((n, d)) * np.arange(1, d + 1) ** -decay + rng.standard_normal(d)
    w = rng.standard_normal((d, m)) / np.sqrt(d)
    return x, x @ w + noise * rng.standard_normal((n, m))


def pls(components, **options):
    return PLSRegression(components, tol=1e-24, max_iter=100000, **options)


def pca(k, model):
    return make_pipeline(PCA(k, svd_solver="full"), model)


def regressions():
    for n, d in ((90, 20), (60, 150), (64, 64)):
        x, y = data(n, d, 5)
        y[:, 4] = 3.0
        pre = f"n={n} d={d}"
        for name, peer, options in (
                ("glm", LeastNorm(), dict(model="glm")),
                ("ridge", Ridge(2.5), dict(model="ridge", alphas="2.5")),
                ("pca glm", pca(10, LinearRegression()), dict(model="glm", pca=10)),
                ("pca ridge", pca(7, Ridge(0.1)), dict(model="ridge", alphas="0.1", pca=7)),
                ("pls", pls(3), dict(model="pls", components=3, per_target=1)),
                ("pca pls", pca(12, pls(4)), dict(model="pls", components=4, per_target=1, pca=12)),
                ("pls unscaled", pls(3, scale=False),
                 dict(model="pls", components=3, per_target=1, no_scale=1))):
            for source in ("", "tiles", "rows") if name in ("glm", "pca glm") else ("",):
                got = probe("run", y, x, predictions=1, **options, **({"source": source} if source else {}))
                score, predicted = cross(peer, x, y)
                check(f"{pre} {name} {source}: scores", got.of(0, "score"), score)
                check(f"{pre} {name} {source}: predictions", got.of(0, "prediction"), predicted)
                check(f"{pre} {name} {source}: means", got.of(0, "mean")[0], score.mean(0))
        single = x.astype(np.float32)
        got = probe("run", y, single, model="glm", pca=8, scoring="correlation")
        check(f"{pre} pca glm correlation of float32", got.of(0, "score"),
              cross(pca(8, LinearRegression()), single.astype(float), y, scoring="correlation")[0])
        got = probe("run", y[:, :4], x, model="pls", components=2, pca=9)
        check(f"{pre} pca pls2", got.of(0, "score"),
              cross(pca(9, pls(2)), x, y[:, :4], together=True)[0])
        got = probe("run", y, x, model="lasso", alphas="0.05", tolerance=1e-10)
        check(f"{pre} lasso", got.of(0, "score"), cross(Lasso(0.05, tol=1e-10, max_iter=100000), x, y)[0], 1e-4)
        got = probe("run", y, x, model="elasticnet", alphas="0.05", pca=9, tolerance=1e-10)
        check(f"{pre} pca elastic net", got.of(0, "score"),
              cross(pca(9, ElasticNet(0.05, tol=1e-10, max_iter=100000)), x, y)[0], 1e-4)


def penalties():
    grid = [0.01, 1.0, 30.0, 1000.0]
    for n, d in ((80, 15), (60, 130)):
        for k in (0, 8):
            x, y = data(n, d, 4, noise=1.5)
            search = GridSearchCV(Ridge(), {"alpha": grid}, cv=KFold(3), scoring="r2")
            if k:
                search = pca(k, search)
            got = probe("run", y, x, model="ridge", alphas=",".join(map(str, grid)), choice="cv", pca=k)
            check(f"n={n} d={d} pca={k} nested ridge", got.of(0, "score"), cross(search, x, y)[0])


def degenerate():
    x, y = data(60, 100, 3)
    x[:, 5] = 1.0
    x[:, 6] = x[:, 7]
    check("d > n, constant and equal columns", probe("run", y, x).of(0, "score"), cross(LeastNorm(), x, y)[0])
    twice = np.vstack([x[:30], x[:30]])
    check("d > n, repeated stimuli", probe("run", y, twice, k=4).of(0, "score"),
          cross(LeastNorm(), twice, y, 4)[0])
    check("ridge, repeated stimuli", probe("run", y, twice, k=4, model="ridge").of(0, "score"),
          cross(Ridge(), twice, y, 4)[0])
    x, y = data(80, 12, 3)
    x[:, 11] = x[:, 0] + x[:, 1]
    check("n > d, collinear", probe("run", y, x).of(0, "score"), cross(LeastNorm(), x, y)[0])
    check("large offset", probe("run", y + 1e5, x + 1e4, pca=5, predictions=1).of(0, "prediction"),
          cross(pca(5, LinearRegression()), x + 1e4, y + 1e5)[1])


def float32_products():
    """Wide float32 layers: their Gram matrix is of float32 products where that serves, and exact where it does not."""
    n, d = 300, 6000
    latent = rng.standard_normal((n, 80)) * np.arange(1, 81) ** -0.7
    y = latent[:, :40] @ rng.standard_normal((40, 6)) + 2 * rng.standard_normal((n, 6))
    relu = np.maximum(latent @ rng.standard_normal((80, d)) + 0.5 * rng.standard_normal((n, d)), 0).astype(np.float32)
    low = (latent[:, :20] @ rng.standard_normal((20, d)) + 1e-3 * rng.standard_normal((n, d))).astype(np.float32)
    for what, x in (("relu", relu), ("large offset", relu + 100), ("huge", relu * np.float32(1e21)),
                    ("tiny", relu * np.float32(1e-23)), ("low rank", low)):
        for k in (20, 40):
            got = probe("run", y, x, pca=k, predictions=1)
            # What float32 features say is uncertain by 1e-7 of them; eigenvectors of nearly equal values by more.
            score, said = cross(pca(k, LinearRegression()), x.astype(float), y, together=True)
            check(f"float32 {what}, pca {k}", got.of(0, "score"), score)
            check(f"float32 {what}, pca {k}, predictions", got.of(0, "prediction"), said)
        one = probe("run", y, x, pca=20, threads=1)
        check(f"float32 {what}, tiles", probe("run", y, x, pca=20, source="tiles", threads=2).of(0, "score"),
              one.of(0, "score"), 0)


def classifiers():
    for n, d, c in ((90, 12, 2), (90, 12, 3), (60, 140, 2), (60, 140, 3)):
        x, _ = data(n, d, 1)
        labels = rng.integers(0, c, n) * 2 + 3
        x[:, :4] += labels[:, None] * rng.standard_normal(4) * 0.5
        for name, peer, options in (
                ("lrc", LogisticRegression(tol=1e-10, max_iter=10000), dict(model="lrc")),
                ("svc", SVC(kernel="linear", C=0.025, tol=1e-8), dict(model="svc", tolerance=1e-8)),
                ("lda", LinearDiscriminantAnalysis(), dict(model="lda")),
                ("gnb", GaussianNB(), dict(model="gnb"))):
            for k in (0, 6):
                model = pca(k, peer) if k else peer
                got = probe("run", labels.astype(np.int64), x, folds="stratified", pca=k, **options)
                score, confusion = [], []
                for train, test in StratifiedKFold(3).split(x, labels):
                    said = model.fit(x[train], labels[train]).predict(x[test])
                    score.append(np.mean(said == labels[test]))
                    confusion.append(confusion_matrix(labels[test], said, labels=np.unique(labels)).ravel())
                pre = f"{name} n={n} d={d} classes={c} pca={k}"
                check(f"{pre}: accuracy", got.of(0, "score")[:, 0], np.array(score), 1e-12)
                check(f"{pre}: confusion", got.of(0, "confusion"), np.array(confusion, float), 1e-12)


def permutations():
    """p values from scores of permuted targets, each permutation undone by recomputing it here is not possible (the
    permutations are the engine's); so: what must hold whatever they are."""
    x, y = data(60, 90, 6, noise=0.1)
    y[:, 3:] = rng.standard_normal((60, 3))
    for options in (dict(model="glm"), dict(model="glm", pca=6), dict(model="ridge", choice="loo", alphas="1,10"),
                    dict(model="pls", components=2, pca=6)):
        got = probe("run", y, x, permutations=99, **options)
        again = probe("run", y[:, ::-1], x, permutations=99, **options)
        p, largest, q = (got.of(0, s)[0] for s in ("p", "pmax", "q"))
        check(f"{options}: signal has the smallest p", p[:3], np.full(3, 0.01), 1e-12)
        check(f"{options}: p_max >= p", np.minimum(largest - p, 0), np.zeros(6))
        check(f"{options}: order of targets is nothing", again.of(0, "p")[0][::-1], p)
        order = np.argsort(p)
        rates = p[order] * 6 / np.arange(1, 7)
        peer = np.empty(6)
        peer[order] = np.minimum.accumulate(rates[::-1])[::-1]
        check(f"{options}: q is Benjamini and Hochberg's", q, np.minimum(peer, 1))
    runs = np.repeat(np.arange(6), 10).astype(np.int64)
    level = np.repeat(rng.standard_normal(6), 10)[:, None] * 10
    got = probe("run", level + 0 * y[:, :1], x, permutations=19, exchange=runs)
    check("exchange within runs keeps a target of run means", got.of(0, "p")[0], np.ones(1), 1e-12)


def layers():
    x0, _ = data(72, 20, 1)
    x1, _ = data(72, 100, 1)
    y = np.hstack([x0 @ rng.standard_normal((20, 4)), x1 @ rng.standard_normal((100, 4))])
    y += 0.3 * rng.standard_normal(y.shape) * y.std(0)
    got = probe("run", y, x0, x1, pca=12, choose=1, inner_k=4, permutations=9)
    model = pca(12, LinearRegression())
    best, chosen = np.zeros((3, 8)), np.zeros((2, 8))
    where = np.zeros((3, 8))
    for f, (train, test) in enumerate(KFold(3).split(y)):
        inner = np.array([cross(model, x[train], y[train], 4)[0].mean(0) for x in (x0, x1)])
        outer = []
        for x in (x0, x1):
            said = model.fit(x[train], y[train]).predict(x[test])
            outer.append([explained_variance_score(y[test, t], said[:, t]) for t in range(8)])
        where[f] = inner.argmax(0)
        best[f] = np.array(outer)[inner.argmax(0), np.arange(8)]
        for t in range(8):
            chosen[inner.argmax(0)[t], t] += 1
    check("best layer: which", got.best_layer, where, 0)
    check("best layer: score on the outer fold", got.best_score, best)
    check("best layer: how often", got.best_chosen, chosen, 0)
    check("family p is no smaller than a layer's", np.minimum(got.family[1] - got.of(1, "pmax")[0], 0), np.zeros(8))


def weights():
    for n, d in ((70, 25), (50, 120)):
        x, y = data(n, d, 4)
        x = x.astype(np.float32).astype(float)
        for name, peer, options in (
                ("glm", LeastNorm(), dict(model="glm")),
                ("ridge", Ridge(3.0), dict(model="ridge", alphas="3")),
                ("ridge loo", Ridge(3.0), dict(model="ridge", alphas="3", choice="loo")),
                ("pca glm", pca(9, LinearRegression()), dict(model="glm", pca=9)),
                ("pls unscaled", pls(3, scale=False),
                 dict(model="pls", components=3, no_scale=1)),
                ("pls", pls(3), dict(model="pls", components=3))):
            for source in ("", "tiles", "rows"):
                got = probe("weights", y, x.astype(np.float32), **options, **({"source": source} if source else {}))
                fit = peer.fit(x, y)
                new = rng.standard_normal((20, d))
                check(f"weights n={n} d={d} {name} {source}: predictions", new @ got.weights + got.intercept,
                      fit.predict(new))


def eigenvectors():
    for n, k, kind in ((1200, 20, "decay"), (1500, 100, "decay"), (1100, 30, "flat"), (1200, 40, "low rank"),
                       (1200, 60, "equal"), (1000, 12, "signs"), (1024, 20, "exponential")):
        q = np.linalg.qr(rng.standard_normal((n, n)))[0]
        values = {"decay": np.arange(1, n + 1) ** -1.0, "flat": 1 + rng.random(n) * 1e-2,
                  "low rank": np.where(np.arange(n) < 25, 25.0 - np.arange(n), 0),
                  "equal": np.where(np.arange(n) < 300, 2.0, np.where(np.arange(n) < 500, 1.0, 0.5)),
                  "signs": np.linspace(-5, 1, n) ** 3, "exponential": 0.7 ** np.arange(n)}[kind]
        a = (q * values) @ q.T
        a = (a + a.T) / 2
        got = probe("eigen", a, k=k)
        w, v = np.linalg.eigh(a)
        w, v = w[::-1][:k], v[:, ::-1][:, :k]
        scale = np.abs(values).max()
        pre = f"eigen n={n} k={k} {kind}"
        u = got.vectors
        check(f"{pre}: values", got.values[0] / scale, w / scale, 1e-12)
        check(f"{pre}: residuals", np.linalg.norm(a @ u - u * got.values[0], axis=0) / scale, np.zeros(k), 1e-12)
        check(f"{pre}: orthonormal", u.T @ u, np.eye(k), 1e-12)
        if kind == "decay":
            check(f"{pre}: vectors", np.abs((u * v).sum(0)), np.ones(k), 1e-8)
        if kind != "signs":  # LAPACK takes over there: inner eigenvalues of a far larger matrix
            check(f"{pre}: threads", probe("eigen", a, k=k, threads=1).vectors, u, 0)


def threads():
    x, y = data(90, 200, 7)
    for options in (dict(), dict(pca=8), dict(model="ridge", choice="loo", alphas="1,5"), dict(model="pls", pca=8)):
        one = probe("run", y, x, permutations=5, threads=1, predictions=1, **options)
        two = probe("run", y, x, permutations=5, threads=2, predictions=1, **options)
        check(f"{options}: same bits for 1 and 2 threads", one.of(0, "prediction"), two.of(0, "prediction"), 0)
        check(f"{options}: same p for 1 and 2 threads", one.of(0, "p"), two.of(0, "p"), 0)
    small = probe("run", y, x, permutations=400, pca=8, memory=5_200_000)
    large = probe("run", y, x, permutations=400, pca=8)
    check("targets in chunks", small.of(0, "p"), large.of(0, "p"), 1e-12)
    # Large enough for block Lanczos; two layers, so that designs of a fold and of the next stand side by side.
    x, y = data(1300, 1500, 4)
    wide = np.hstack([x, x ** 2, np.abs(x)]).astype(np.float32)
    one, two, three = (probe("run", y, x, wide, model="glm", pca=40, threads=t, predictions=1) for t in (1, 2, 3))
    for layer in (0, 1):
        check(f"layer {layer} of 1,300 rows: same bits for 1 and 2 threads", one.of(layer, "prediction"), two.of(layer, "prediction"), 0)
        check(f"layer {layer} of 1,300 rows: same bits for 1 and 3 threads", one.of(layer, "prediction"), three.of(layer, "prediction"), 0)


def refusals():
    x, y = data(40, 60, 3)
    bad = y.copy()
    bad[7, 1] = np.nan
    refused("NaN target", ["target 2", "stimulus 8"], lambda: probe("run", bad, x))
    for d in (10, 60):
        hole = x[:, :d].copy()
        hole[4, 3] = np.inf
        refused(f"infinite feature, d={d}", ["stimulus 5"], lambda: probe("run", y, hole))
    refused("components", ["30", "26"], lambda: probe("run", y, x, pca=30))
    refused("other length", ["39", "40"], lambda: probe("run", y, x, x[:39]))
    refused("memory", ["MB"], lambda: probe("run", y, x, memory=1000))
    refused("scoring", ["accuracy"], lambda: probe("run", y, x, scoring="accuracy"))
    refused("one class", ["two classes"], lambda: probe("run", np.ones(40, np.int64), x))
    refused("best of one", ["best"], lambda: probe("run", y, x, choose=1))


for part in (regressions, penalties, degenerate, classifiers, permutations, layers, weights, eigenvectors, threads,
             refusals, float32_products):
    if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
        part()
finish()
