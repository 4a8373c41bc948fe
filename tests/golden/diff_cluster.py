"""Differential test of k-means and agglomerative clustering against scikit-learn and SciPy.

Every case prints a line; the script fails when one is above its tolerance."""
import sys
import warnings

from golden import *

try:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist
    from sklearn.cluster import KMeans
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

warnings.simplefilter("ignore")
run = Probe("probe_cluster").run
rng = np.random.default_rng(20250312)


def partition(labels):
    """Labels renumbered in the order of their first rows."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def kmeans(x, centres, **options):
    k, d = np.shape(centres)
    out = run("kmeans", x, centres, k=k, **options)
    return out[:len(x)], out[len(x):-1].reshape(k, d), out[-1]


def compare_kmeans():
    for n, d, k in ((200, 3, 4), (500, 20, 10), (50, 300, 3), (30, 1, 5), (40, 2, 1), (300, 4, 40)):
        hidden = rng.standard_normal((k, d)) * 3
        for name, x in (("blobs", hidden[rng.integers(k, size=n)] + rng.standard_normal((n, d))),
                        ("offset", rng.standard_normal((n, d)) + 1000)):
            start = x[rng.choice(n, k, replace=False)]
            peer = KMeans(k, init=start, n_init=1, algorithm="lloyd").fit(x)
            labels, centres, inertia = kmeans(x, start)
            report(f"kmeans {name} {n}x{d} k={k}", np.array_equal(labels, peer.labels_) and
                   np.allclose(centres, peer.cluster_centers_, rtol=1e-9, atol=1e-9) and
                   abs(inertia - peer.inertia_) <= 1e-9 * max(inertia, 1), f"inertia {inertia:.4f} {peer.inertia_:.4f}")
            ours = run("kmeans", x, k=k, seed=3)
            again = run("kmeans", x, k=k, seed=3, threads=1)
            report("kmeans threads", np.array_equal(ours, again))
            best = KMeans(k, n_init=10, random_state=0).fit(x).inertia_
            report("kmeans from its own seeds", ours[-1] <= 1.05 * best + 1e-9, f"{ours[-1]:.4f}, scikit-learn {best:.4f}")
    x = rng.standard_normal((60, 2))
    start = np.vstack([x[:2], [[500, 500]]])  # the last one gets no row
    peer = KMeans(3, init=start, n_init=1, algorithm="lloyd").fit(x)
    labels, centres, _ = kmeans(x, start)
    report("kmeans, empty cluster", np.array_equal(labels, peer.labels_) and np.allclose(centres, peer.cluster_centers_))
    ours = run("kmeans", np.ones((9, 2)), k=3)
    report("kmeans, equal rows", ours[-1] == 0)
    for word, x, k in (("x[4, 1]", np.where(np.arange(20).reshape(10, 2) == 9, np.nan, 1.0), 2), ("11 clusters", np.ones((10, 2)), 11),
                       ("0 clusters", np.ones((10, 2)), 0)):
        refused(f"kmeans, {word}", word, run, "kmeans", x, k=k)


def compare_trees():
    for n in (2, 3, 10, 150):
        distances = pdist(rng.standard_normal((n, 4)))
        for method in ("single", "complete", "average", "ward"):
            peer = linkage(distances, method)
            ours = run("linkage", distances, method=method)
            fine = np.array_equal(ours[:, [0, 1, 3]], peer[:, [0, 1, 3]]) and np.allclose(ours[:, 2], peer[:, 2], rtol=1e-9)
            report(f"linkage {method} {n}", fine)
            for k in sorted({1, 2, 3, 7, n // 2, n - 1} & set(range(1, n + 1))):
                labels = run("cut", distances, method=method, k=k)
                flat = fcluster(peer, peer[n - k - 1, 2], "distance") if k < n else np.arange(n)
                report(f"cut {method} {n} k={k}", np.array_equal(np.ravel(labels), partition(flat)))
                if k < n - 1 and n > 2:  # SciPy's search for the cut passes over the first merge
                    report(f"cut {method} {n} k={k}, maxclust",
                           np.array_equal(np.ravel(labels), partition(fcluster(peer, k, "maxclust"))))
    grid = pdist(np.array([[i, j] for i in range(5) for j in range(5)], float))  # ties everywhere
    for method in ("single", "complete", "average", "ward"):
        ours, peer = run("linkage", grid, method=method), linkage(grid, method)
        heights = np.sort(ours[:, 2])
        report(f"linkage {method}, ties", np.array_equal(ours[:, 2], heights) and ours[-1, 3] == 25 and
               (method != "single" or np.allclose(heights, peer[:, 2])))
    labels = run("cut", grid, method="single", k=5)
    report("cut single, ties go together", np.all(labels == 0))
    broken = grid.copy()
    broken[3] = np.nan
    for word, d, options in (("distance 3 is nan", broken, {"method": "ward"}), ("known: single", grid, {"method": "median"}),
                             ("distance 0 is -1", -grid, {"method": "ward"})):
        refused(f"linkage, {word}", word, run, "linkage", d, **options)
    refused("cut 26 of 25", "26 clusters", run, "cut", grid, method="ward", k=26)


compare_kmeans()
compare_trees()
finish()
