#!/usr/bin/env python3
"""RDMs and principal components against SciPy and scikit-learn, in one run, on the same data and number of threads.

    bench/bench_stats.py BUILD_FOLDER [--rows 200] [--columns 193600] [--threads 2] [--repeat 5] [--metrics ...]

BUILD_FOLDER/tests/probe_stats is our side (time inside the process, data in memory, best of --repeat). SciPy's pdist
gets float64, which is what it computes in; scikit-learn's default PCA (randomized solver at this shape) gets float64
and float32, best of two. The second ratio is of processor time with one thread on either side (pdist has no more): it
holds on a busy machine, where the first does not. Prints seconds, ratios, and how far the answers are apart: distances relative to SciPy's,
components against an exact SVD with scikit-learn's sign rule.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build")
parser.add_argument("--rows", type=int, default=200)
parser.add_argument("--columns", type=int, default=193600)
parser.add_argument("--components", type=int, default=50)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeat", type=int, default=5)
parser.add_argument("--metrics", nargs="*", default="correlation euclidean cosine cityblock chebyshev braycurtis canberra "
                    "seuclidean jaccard".split())
parser.add_argument("--no-pca", action="store_true")
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)

import numpy as np  # noqa: E402: after the number of threads is set
from scipy.spatial.distance import pdist  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402


def timed(f, repeat=1):
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        result = f()
        best = min(best, time.perf_counter() - start)
    return best, result


def ours(folder, command, **options):
    """Seconds and result of our side."""
    out = os.path.join(folder, "out.npy")
    words = [f"{k}={v}" for k, v in ({"threads": args.threads, "repeat": args.repeat} | options).items()]
    done = subprocess.run([os.path.join(args.build, "tests", "probe_stats"), command, os.path.join(folder, "x.npy"), out,
                           *words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout), np.load(out)


def activations():
    """Low-rank structure plus noise through a ReLU: what a convolutional layer gives."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((args.rows, 60)) @ rng.standard_normal((60, args.columns)) / 8
    x += rng.standard_normal(x.shape)
    return np.maximum(x, 0).astype(np.float32)


with tempfile.TemporaryDirectory(prefix="bench_stats_") as folder:
    x = activations()
    np.save(os.path.join(folder, "x.npy"), x)
    exact = x.astype(np.float64)
    print(f"{args.rows} x {args.columns} float32, {args.threads} threads, load {os.getloadavg()[0]:.1f}")
    for metric in args.metrics:
        before, mine = ours(folder, "pdist", metric=metric)
        peer_cpu = time.process_time()
        peer_time, peer = timed(lambda m=metric: pdist(exact, m))
        peer_cpu = time.process_time() - peer_cpu
        after, _ = ours(folder, "pdist", metric=metric)
        cpu, _ = ours(folder, "pdist", metric=metric, threads=1, clock="cpu")
        best = min(before, after)
        error = np.max(np.abs(mine - peer) / np.maximum(np.abs(peer), 1e-300))
        print(f"pdist {metric:12s} scipy {peer_time:7.3f} s   dnnbrain {best:7.3f} s   ratio {peer_time / best:6.1f}   "
              f"processor {peer_cpu:7.3f} / {cpu:7.3f} = {peer_cpu / cpu:5.1f}   relative difference {error:.0e}", flush=True)
    if not args.no_pca:
        k = args.components
        whole_time, parts = ours(folder, "pca", k=k, what="components")
        scores_time, _ = ours(folder, "pca", k=k, components=0)
        u, _, vt = np.linalg.svd(exact - exact.mean(0), full_matrices=False)
        signs = np.sign(u[np.argmax(np.abs(u), axis=0), range(len(u))])
        error = np.max(np.abs(parts - (vt * signs[:, None])[:k]))
        for name, data in (("float64", exact), ("float32", x)):
            peer_time, _ = timed(lambda d=data: PCA(k).fit_transform(d), 2)
            print(f"pca({k}) scikit-learn {name} {peer_time:7.3f} s   dnnbrain with components {whole_time:7.3f} s   ratio "
                  f"{peer_time / whole_time:6.1f}   scores alone {scores_time:7.3f} s   ratio {peer_time / scores_time:6.1f}",
                  flush=True)
        print(f"pca({k}) components: largest difference from an exact SVD {error:.0e}")
