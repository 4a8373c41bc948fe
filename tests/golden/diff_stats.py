"""Differential test of the stats room and the linear algebra under it against NumPy, SciPy and scikit-learn.

Every case prints a line with its largest error; the script fails when one is above its tolerance."""
import sys
import warnings

from golden import *

try:
    import scipy.signal
    import scipy.stats
    from scipy.spatial.distance import pdist
    from sklearn.decomposition import PCA
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

warnings.simplefilter("ignore")
np.seterr(all="ignore")
run = Probe("probe_stats").run
rng = np.random.default_rng(20240607)


def compare(name, ours, peers, tolerance):
    """Relative to the largest finite number of the answer; NaN and infinity must stand in the same places."""
    check(name, ours, peers, tolerance, odd=True)


SCIPY = tuple(int(n) for n in scipy.__version__.split(".")[:2])
REAL = ("euclidean sqeuclidean correlation cosine cityblock chebyshev canberra braycurtis minkowski seuclidean "
        "hamming matching jaccard jensenshannon").split()
BOOLEAN = "dice kulczynski1 kulsinski rogerstanimoto russellrao sokalmichener sokalsneath yule".split()


def data_for(metric, n, d, dtype):
    x = rng.standard_normal((n, d)).astype(dtype)
    if metric == "jensenshannon":
        return np.abs(x)
    if metric in ("hamming", "matching", "jaccard"):
        return np.round(x)
    return (x > 0.4).astype(dtype) if metric in BOOLEAN else x


def digits(metric, x, otherwise):
    """The tolerance: products of float32 rows are float32 ones for two metrics."""
    return 1e-7 if x.dtype == np.float32 and x.shape[1] >= 2048 and metric in ("correlation", "cosine") else otherwise


def jaccard(u, v):
    either = (u != 0) | (v != 0)
    return ((u != v) & either).sum() / either.sum() if either.any() else 0


def kulsinski(u, v):
    differ = (u != v).sum()
    return (differ - (u & v).sum() + u.size) / (differ + u.size)


# What SciPy 1.10 (Debian 12) had and later ones lack or define for booleans only, by its formulas.
GONE = {"jaccard": jaccard, "kulsinski": kulsinski} if SCIPY >= (1, 11) else {}


def peer_pdist(x, metric, **options):
    if metric in BOOLEAN:
        x = x != 0
    return pdist(np.asarray(x, bool if metric in BOOLEAN else float), GONE.get(metric, metric), **options)


def float32_rows():
    normal, latent = rng.standard_normal, rng.standard_normal((100, 6)) @ rng.standard_normal((6, 9000))
    for name, x in (("normal", normal((100, 5000))), ("relu", np.maximum(normal((100, 20000)), 0)),
                    ("low rank", latent + 0.3 * normal((100, 9000))), ("mean 1000", normal((100, 9000)) + 1000),
                    ("common part, mean 1000", normal(9000) + 0.5 * normal((100, 9000)) + 1000),
                    ("50x300", normal((50, 300))), ("300x2048", normal((300, 2048))),
                    ("close", normal(9000) + 1e-3 * normal((100, 9000)))):
        yield name, x.astype(np.float32)


def distances():
    for n, d in ((2, 1), (3, 5), (70, 1300), (301, 33)):
        for dtype in (np.float32, np.float64):
            for metric in REAL + BOOLEAN:
                x = data_for(metric, n, d, dtype)
                if metric == "jensenshannon" and d == 1:
                    continue  # 0 up to rounding, of which SciPy may take the root: NaN
                p = {"p": 3} if metric == "minkowski" else {}
                compare(f"pdist {metric} {n}x{d} {dtype.__name__}", run("pdist", x, metric=metric, **p),
                      peer_pdist(x, metric, **p), digits(metric, x, 1e-11))
    for name, x in float32_rows():
        for metric in ("correlation", "cosine"):
            error = run("pdist", x, metric=metric) - pdist(x.astype(float), metric)
            compare(f"pdist {metric}, float32 {name}, absolute", 1 + error, np.ones_like(error), 1e-7)
    x = rng.standard_normal((60, 12))
    compare("pdist mahalanobis", run("pdist", x, metric="mahalanobis"), pdist(x, "mahalanobis"), 1e-9)
    for p in (0.5, 1, 2, 2.5, np.inf):
        compare(f"pdist minkowski p={p}", run("pdist", x, metric="minkowski", p=p), pdist(x, "minkowski", p=p),
              1e-11)
    v = rng.uniform(0.5, 2, 12)
    compare("pdist seuclidean V", run("pdist", x, v, metric="seuclidean"), pdist(x, "seuclidean", V=v), 1e-11)
    z = scipy.stats.zscore(x, axis=1)
    for metric in "euclidean correlation cosine cityblock seuclidean mahalanobis".split():
        if metric == "mahalanobis":  # z-scored rows sum to 0: their covariance is singular
            refused("pdist zscore mahalanobis", "singular", run, "pdist", x, metric=metric, zscore=1)
        else:
            compare(f"pdist zscore {metric}", run("pdist", x, metric=metric, zscore=1), pdist(z, metric), 1e-9)
    refused("pdist unknown metric", "known:", run, "pdist", x, metric="manhattan")
    refused("pdist mahalanobis n <= d", "more rows than columns", run, "pdist", x.T, metric="mahalanobis")
    refused("pdist too little memory", "memory", run, "pdist", x, metric="euclidean", memory=9000)


def hard_distances():
    """A large common offset, near-identical rows, constant and zero rows, NaN and infinity."""
    x = rng.standard_normal((40, 3000))
    compare("pdist euclidean, offset 1e6", run("pdist", x + 1e6, metric="euclidean"), pdist(x + 1e6), 1e-9)
    compare("pdist correlation, offset 1e5", run("pdist", x + 1e5, metric="correlation"),
          pdist(x + 1e5, "correlation"), 1e-9)
    ramp = x + np.linspace(-1000, 5000, 3000)
    compare("pdist correlation, ramp", 1 - run("pdist", ramp, metric="correlation"), 1 - pdist(ramp, "correlation"), 1e-12)
    near = np.repeat(rng.standard_normal((5, 3000)), 8, axis=0) + 1e-7 * x
    for metric in ("euclidean", "sqeuclidean"):
        ours, peers = run("pdist", near, metric=metric), pdist(near, metric)
        compare(f"pdist {metric}, near-identical rows, relative", ours / peers, np.ones_like(peers), 1e-8)
    same = np.repeat(x[:3], 2, axis=0)
    compare("pdist euclidean, identical rows", run("pdist", same, metric="euclidean"), pdist(same), 1e-12)
    flat = x[:8].copy()
    flat[2] = 0
    flat[5] = 0
    flat[6] = 3.3
    for metric in "euclidean cosine cityblock braycurtis canberra jaccard seuclidean".split():
        compare(f"pdist {metric}, zero rows", run("pdist", flat, metric=metric), peer_pdist(flat, metric), 1e-11)
    constant = run("pdist", flat, metric="correlation")
    n, pairs = 8, [(i, j) for i in range(8) for j in range(i + 1, 8)]
    nan = np.array([bool({i, j} & {2, 5, 6}) for i, j in pairs])
    compare("pdist correlation, constant rows are NaN", np.isnan(constant), nan, 0)
    compare("pdist zscore, constant rows are NaN", np.isnan(run("pdist", flat, metric="euclidean", zscore=1)), nan, 0)
    broken = x[:8].copy()
    broken[3, 100] = np.nan
    for metric in "euclidean correlation cosine cityblock canberra braycurtis hamming jaccard".split():
        compare(f"pdist {metric}, NaN", run("pdist", broken, metric=metric), peer_pdist(broken, metric), 1e-11)
    touched = np.array([3 in pair for pair in pairs])
    compare("pdist chebyshev, NaN", np.isnan(run("pdist", broken, metric="chebyshev")), touched, 0)
    broken[3, 100] = np.inf
    for metric in "euclidean sqeuclidean cityblock chebyshev".split():
        compare(f"pdist {metric}, infinity", run("pdist", broken, metric=metric), peer_pdist(broken, metric), 1e-11)
    none = np.zeros((4, 6))
    none[3] = 1
    for metric in BOOLEAN:
        compare(f"pdist {metric}, all false", run("pdist", none, metric=metric), peer_pdist(none, metric), 0)
    negative = np.abs(x[:4])
    negative[1, 0] = -1
    compare("pdist jensenshannon, negative", run("pdist", negative, metric="jensenshannon"),
          peer_pdist(negative, "jensenshannon"), 1e-11)


def streams():
    """The same bits from memory, from tiles and from blocks of rows, for any number of threads."""
    x = rng.standard_normal((150, 9000)).astype(np.float32)
    for metric in "correlation cityblock chebyshev jaccard seuclidean euclidean".split():
        one = run("pdist", x, metric=metric, threads=1)
        for options in ({"threads": 2}, {"threads": 5}, {"threads": 2, "source": "tiles"},
                        {"threads": 3, "source": "tiles", "memory": 6000000},
                        {"threads": 2, "source": "rows", "memory": 20000000}):
            ours = run("pdist", x, metric=metric, **options)
            compare(f"pdist {metric} {options}", ours, one, 0)
        # So little memory for blocks of rows forces smaller tiles: the last bits may differ.
        ours = run("pdist", x, metric=metric, source="rows", memory=10000000)
        compare(f"pdist {metric} row blocks", ours, one, digits(metric, x, 1e-12))
    ours = run("pdist", x, metric="cosine", source="rows", memory=10000000, zscore=1)
    compare("pdist cosine zscore row blocks", ours, pdist(scipy.stats.zscore(x.astype(float), axis=1), "cosine"), 1e-9)
    for centre, peer in ((0, x), (1, x - x.mean(0, dtype=float)), (2, x - x.mean(1, keepdims=True, dtype=float))):
        peer = peer.astype(float) @ peer.astype(float).T
        compare(f"gram centre={centre}", run("gram", x, centre=centre), peer, 1e-11)
        compare(f"gram centre={centre} tiles", run("gram", x, centre=centre, source="tiles", memory=6000000), peer, 1e-11)
        compare(f"gram centre={centre} rows", run("gram", x, centre=centre, source="rows", memory=10000000), peer, 1e-11)
        one = run("gram", x, centre=centre, threads=1)
        compare(f"gram centre={centre} threads", run("gram", x, centre=centre, threads=4), one, 0)
    # Float32 products: several tiles, so that stripes of columns are packed once for all pairs.
    x = np.maximum(rng.standard_normal((730, 5100)) + rng.random(5100), 0).astype(np.float32)
    for centre, peer in ((0, x), (1, x - x.mean(0, dtype=float))):
        peer = peer.astype(float) @ peer.astype(float).T
        one = run("gram", x, centre=centre, single=1, threads=1)
        compare(f"gram centre={centre} of float32 products", one, peer, 1e-7)
        for options in ({}, {"source": "tiles"}, {"source": "tiles", "memory": 26000000}, {"memory": 26000000}):
            ours = run("gram", x, centre=centre, single=1, threads=2, **options)
            compare(f"gram centre={centre} of float32 products {options}", ours, one, 0)
        if np.array_equal(one, run("gram", x, centre=centre)):
            compare("float32 products were not asked for", 1, 0, 0)
    ours = run("gram", x, centre=1, single=1, source="rows", memory=30000000)
    compare("gram of float32 products, row blocks", ours, peer, 1e-7)


def algebra():
    a, b = rng.standard_normal((70, 130)), rng.standard_normal((130, 90))
    compare("matmul", run("matmul", a, b), a @ b, 1e-13)
    compare("matmul A^T", run("matmul", a.T.copy(), b, ta=1, alpha=2), 2 * a @ b, 1e-13)
    compare("matmul B^T", run("matmul", a, b.T.copy(), tb=1), a @ b, 1e-13)
    compare("matmul both", run("matmul", a.T.copy(), b.T.copy(), ta=1, tb=1), a @ b, 1e-13)
    compare("matmul float32", run("matmul", a.astype("f4"), b.astype("f4")), a @ b, 1e-5)
    wide = rng.standard_normal((40, 3000))
    compare("matmul threads", run("matmul", a[:, :40], wide, threads=1), run("matmul", a[:, :40], wide, threads=3), 0)
    s = a @ a.T
    w, v = np.linalg.eigh(s)
    for k in (70, 30, 5, 1):
        ours = run("eigen", s, k=k)
        compare(f"eigen values k={k}", ours[:k, 0], w[::-1][:k], 1e-13)
        vectors = ours[:, 1:]
        compare(f"eigen vectors k={k}", np.abs(np.sum(vectors * v[:, ::-1][:, :k], axis=0)), np.ones(k), 1e-10)
    compare("eigen threads", run("eigen", s, threads=1), run("eigen", s, threads=3), 0)
    rhs = rng.standard_normal((70, 3))
    compare("solve positive", run("solve", s, rhs, positive=1), np.linalg.solve(s, rhs), 1e-9)
    g = rng.standard_normal((70, 70))
    compare("solve general", run("solve", g, rhs), np.linalg.solve(g, rhs), 1e-9)
    refused("solve singular", "singular", run, "solve", np.ones((4, 4)), np.ones((4, 1)))
    refused("solve indefinite", "not positive definite", run, "solve", -np.eye(4), np.ones((4, 1)), positive=1)
    refused("eigen NaN", "NaN", run, "eigen", np.full((3, 3), np.nan))
    for m in (a, b, g):
        compare(f"svd {m.shape} product", run("svd", m), m, 1e-12)
        compare(f"svd {m.shape} values", run("svd", m, what="s"), np.linalg.svd(m, compute_uv=False), 1e-13)


def tau_a(x, y):
    i, j = np.triu_indices(len(x), 1)
    return np.mean(np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]))


def correlations():
    for n in (2, 3, 10, 517):
        for ties in (0, 4, 1):
            x, y = rng.standard_normal(n), rng.standard_normal(n)
            y += 0.5 * x
            if ties == 4:
                x, y = np.round(x * 2), np.round(y)
            elif ties == 1:
                y = np.round(y)
            constant = np.ptp(x) == 0 or np.ptp(y) == 0
            peers = [scipy.stats.pearsonr(x, y)[0], scipy.stats.spearmanr(x, y)[0],
                     np.nan if constant else tau_a(x, y), scipy.stats.kendalltau(x, y)[0]]
            compare(f"correlate n={n} ties={ties}", run("correlate", x, y), peers, 1e-12)
            compare(f"rank n={n} ties={ties}", run("rank", y), scipy.stats.rankdata(y), 0)
    x = rng.standard_normal(50)
    compare("correlate offset", run("correlate", x + 1e7, x**2 - 1e7)[0], scipy.stats.pearsonr(x + 1e7, x**2 - 1e7)[0], 1e-7)
    compare("correlate constant", run("correlate", x, np.full(50, 0.1)), [np.nan] * 4, 0)
    x[3] = np.nan
    compare("correlate NaN", run("correlate", x, np.arange(50.0)), [np.nan] * 4, 0)


def rdm_tests():
    n = 23
    pairs = n * (n - 1) // 2
    models, rois = rng.uniform(size=(3, pairs)), rng.uniform(size=(2, pairs))
    models[1] = np.round(models[1])  # a categorical model
    rois[1] += models[1]
    peers = [scipy.stats.pearsonr, scipy.stats.spearmanr, lambda a, b: (tau_a(a, b), 0), scipy.stats.kendalltau]
    for kind, peer in enumerate(peers):
        for two in (0, 1):
            one = run("rdmtest", models, rois, kind=kind, n_perm=300, seed=5, two=two, threads=1)
            many = run("rdmtest", models, rois, kind=kind, n_perm=300, seed=5, two=two, threads=4)
            compare(f"rdmtest kind={kind} two={two}, r", one[..., 0], [[peer(m, r)[0] for r in rois] for m in models], 1e-12)
            compare(f"rdmtest kind={kind} two={two}, threads", many, one, 0)
            compare(f"rdmtest kind={kind} two={two}, real effect", one[1, 1, 1:3], [1 / 301] * 2, 0)
        one = run("bootstrap", models, np.vstack([rois, rois[:1]]), kind=kind, n_boot=150, seed=2, threads=1)
        many = run("bootstrap", models, np.vstack([rois, rois[:1]]), kind=kind, n_boot=150, seed=2, threads=3)
        compare(f"bootstrap kind={kind}, threads", many, one, 0)
        subjects = rois[1] + rng.standard_normal((5, pairs))
        ready = [scipy.stats.zscore(s) if kind == 0 else scipy.stats.rankdata(s) for s in subjects]
        mean = np.mean(ready, axis=0)
        upper = np.mean([peer(s, mean)[0] for s in ready])
        lower = np.mean([peer(s, np.mean(ready[:i] + ready[i + 1:], axis=0))[0] for i, s in enumerate(ready)])
        compare(f"ceiling kind={kind}", run("ceiling", subjects, kind=kind), [lower, upper], 1e-11)
    # Against every permutation of the labels of a small RDM, written down here.
    from itertools import permutations
    m = 6
    square = rng.uniform(size=(m, m))
    square += square.T
    upper = np.triu_indices(m, 1)
    brain = rng.uniform(size=len(upper[0]))
    exact = [np.corrcoef(square[np.ix_(p, p)][upper], brain)[0, 1] for p in permutations(range(m))]
    ours = run("rdmtest", square[upper][None], brain[None], n_perm=20000, seed=1)[0, 0]
    p = np.mean(np.array(exact) >= exact[0] - 1e-12)
    compare("rdmtest p against all permutations", ours[1], p, 0.05 if p > 0.1 else 0.3)
    compare("rdmtest null band against all permutations", ours[3:], np.quantile(exact, [0.025, 0.95, 0.975]), 0.03)
    flat = models.copy()
    flat[0] = 1
    compare("rdmtest constant model", np.isnan(run("rdmtest", flat, rois, n_perm=20)[..., 1]), [[1, 1], [0, 0], [0, 0]], 0)
    flat[0, 3] = np.nan
    refused("rdmtest NaN", "model RDM 1: the dissimilarity of conditions 1 and 5", run, "rdmtest", flat, rois, n_perm=20)


def flip(u, vt):
    signs = np.sign(u[np.argmax(np.abs(u), axis=0), range(u.shape[1])])
    return u * signs, vt * signs[:, None]


def components():
    for n, d, k in ((30, 400, 10), (400, 30, 10), (50, 50, 49), (5, 3, 3), (120, 700, 0), (700, 120, 0)):
        x = rng.standard_normal((n, d)) @ np.diag(rng.uniform(0.2, 2, d)) + rng.standard_normal(d) * 10
        peer = PCA(k or None, svd_solver="full").fit(x)
        u, s, vt = np.linalg.svd(x - x.mean(0), full_matrices=False)
        u, vt = flip(u, vt)
        real = min(n - 1, d, k or n)  # centring takes one dimension; the component left over is noise
        for source in ({}, {"source": "tiles"}, {"source": "rows"}):
            name = f"pca {n}x{d} k={k} {source}"
            ours = {w: run("pca", x, k=k, what=w, **source) for w in "scores components variance ratio mean".split()}
            compare(f"{name} scores", ours["scores"][:, :real], (u * s)[:, :real], 1e-9)
            compare(f"{name} scores, sklearn", ours["scores"][:, :real], peer.transform(x)[:, :real], 1e-9)
            compare(f"{name} components", ours["components"][:real], vt[:real], 1e-8)
            compare(f"{name} variance", ours["variance"], peer.explained_variance_, 1e-12)
            compare(f"{name} ratio", ours["ratio"], peer.explained_variance_ratio_, 1e-12)
            compare(f"{name} mean", ours["mean"], x.mean(0), 1e-12)
    for shape in ((40, 300), (300, 40)):
        x = rng.standard_normal(shape) @ np.diag(0.93 ** np.arange(shape[1]))
        for f in (0.3, 0.8, 0.95, 0.999):
            peer = PCA(f, svd_solver="full").fit(x)
            compare(f"pca {shape} variance={f}", run("pca", x, variance=f), peer.transform(x), 1e-9)
        big = x.astype(np.float32) + 100
        peer = PCA(5, svd_solver="full").fit(big.astype(float))
        compare(f"pca {shape} float32", run("pca", big, k=5), peer.transform(big.astype(float)), 1e-9)
        other = rng.standard_normal((7, shape[1]))
        compare(f"pca {shape} predict", run("pca", x, other, k=5, what="predict"),
              PCA(5, svd_solver="full").fit(x).transform(other), 1e-9)
        one = run("pca", x, k=5, what="components", threads=1)
        compare(f"pca {shape} threads", run("pca", x, k=5, what="components", threads=4), one, 0)
    wide = rng.standard_normal((60, 20000)).astype(np.float32)
    whole = run("pca", wide, k=6, what="components")
    for source in ("tiles", "rows"):
        ours = run("pca", wide, k=6, what="components", source=source, memory=4000000)
        compare(f"pca 60x20000 in pieces ({source})", ours, whole, 1e-9)
    tall = rng.standard_normal((20000, 60)).astype(np.float32)
    for source in ("tiles", "rows"):
        ours = run("pca", tall, k=6, source=source, memory=6000000)
        compare(f"pca 20000x60 in pieces ({source})", ours, run("pca", tall, k=6), 1e-9)
    refused("pca too many components", "at most 3", run, "pca", rng.standard_normal((3, 9)), k=4)
    refused("pca NaN", "NaN", run, "pca", np.full((3, 9), np.nan), k=2)


def features():
    for dtype in (np.float32, np.float64):
        for n in (1, 2, 100, 5000):
            for bins in (1, 7, 10, 64):
                for x in (rng.standard_normal(n), np.round(rng.standard_normal(n) * 8) / 8, np.full(n, 2.5),
                          rng.integers(0, 2 * bins + 1, n) * 0.1):
                    x = x.astype(dtype)
                    if dtype is np.float32 and int(np.__version__.split(".")[0]) > 1:
                        continue  # NumPy 2 keeps the bins' edges in float32: other values fall on them
                    compare(f"hist {dtype.__name__} n={n} bins={bins}", run("hist", x, bins=bins),
                          np.histogram(x, bins)[0], 0)
    refused("hist NaN", "NaN", run, "hist", np.array([1.0, np.nan]))
    for n in (1, 2, 3, 16, 97, 1000, 3025):
        x = rng.standard_normal(n) + 50
        compare(f"psd n={n}", run("psd", x), scipy.signal.periodogram(x)[1], 1e-10)
        compare(f"zscore n={n}", run("zscore", x), scipy.stats.zscore(x), 1e-12)
    compare("psd first bins", run("psd", x, bins=5), scipy.signal.periodogram(x)[1][:5], 1e-10)
    refused("psd too many bins", "it has 1513", run, "psd", x, bins=1514)
    compare("zscore constant", run("zscore", np.full(9, 0.1)), np.full(9, np.nan), 0)
    pools = {"max": lambda m: m.max(1), "mean": lambda m: m.mean(1), "median": lambda m: np.median(m, axis=1),
             "L1": lambda m: np.linalg.norm(m, 1, axis=1), "L2": lambda m: np.linalg.norm(m, 2, axis=1)}
    for n in (1, 2, 3, 8, 49, 3025):
        for m in (rng.standard_normal((64, n)), np.maximum(rng.standard_normal((64, n)), 0), np.ones((64, n))):
            m = m.astype(np.float32)
            if n == 49:
                m[5, 7] = np.nan
            for kind, peer in pools.items():
                compare(f"pool {kind} n={n}", run("pool", m, kind=kind), peer(m.astype(float)), 1e-7)


for group in (distances, hard_distances, streams, algebra, correlations, rdm_tests, components, features):
    try:
        group()
    except Refused as e:
        report(group.__name__, False, f"the probe refused: {e}")
finish()
