#!/usr/bin/env python3
"""Cross-validated mapping against scikit-learn, on the same data and one thread on either side.

    bench/bench_mapping.py BUILD_FOLDER [--rows 4916] [--columns 43264 ...] [--targets 2000] [--threads 1]

Two jobs. "small": 1,000 stimuli x 100 features, least squares, 10 folds, 5,000 targets; scikit-learn is cross_val_score
target by target, timed on 50 of them and scaled. "layers": features of a decaying spectrum plus noise (float32, on
disk), PCA(100) inside each of 10 folds, then least squares and PLS(10) onto --targets; scikit-learn is timed on one
fold of the first layer (its default randomised PCA in float32, its exact one in float64 unless --no-exact) and scaled by
the folds; PLS target by target on 20 targets. Prints processor seconds (they hold on a busy machine) and seconds.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build")
parser.add_argument("--rows", type=int, default=4916)
parser.add_argument("--columns", type=int, nargs="*", default=[43264])
parser.add_argument("--targets", type=int, default=2000)
parser.add_argument("--folds", type=int, default=10)
parser.add_argument("--components", type=int, default=100)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--memory", type=float, default=8e9)
parser.add_argument("--jobs", nargs="*", default=["small", "layers"])
parser.add_argument("--no-exact", action="store_true")
parser.add_argument("--no-peer", action="store_true")
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)

import numpy as np  # noqa: E402: after the number of threads is set
from sklearn.cross_decomposition import PLSRegression  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.linear_model import LinearRegression  # noqa: E402
from sklearn.model_selection import KFold, cross_val_score  # noqa: E402

rng = np.random.default_rng(7)


def ours(folder, y, layers, **options):
    """The line our side prints, as numbers by name, and the mean scores of the first layer."""
    np.save(os.path.join(folder, "y.npy"), y)
    words = [f"{k}={v}" for k, v in ({"threads": args.threads, "memory": args.memory} | options).items()]
    done = subprocess.run([os.path.join(args.build, "tests", "probe_mapping"), "run", os.path.join(folder, "out"),
                           os.path.join(folder, "y.npy"), *layers, *words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    told = done.stdout.split()
    return (dict(zip(told[::2], map(float, told[1::2]))), np.load(os.path.join(folder, "out_0_mean.npy"))[0])


def cpu(f):
    start, wall = time.process_time(), time.perf_counter()
    result = f()
    return time.process_time() - start, time.perf_counter() - wall, result


def show(what, told, peer, scaled):
    print(f"{what}: ours {told['cpu']:.2f} s of processor ({told['seconds']:.2f} s), planned {told['planned']:.0f} MB, peak "
          f"{told['peak']:.0f} MB" + (f"; scikit-learn {peer:.1f} s {scaled}; {peer / told['cpu']:.1f}x" if peer else ""), flush=True)


def small(folder):
    x = rng.standard_normal((1000, 100))
    y = x @ rng.standard_normal((100, 5000)) + 10 * rng.standard_normal((1000, 5000))
    np.save(os.path.join(folder, "x.npy"), x)
    told, mean = ours(folder, y, [os.path.join(folder, "x.npy")], model="glm", k=10)
    spent, _, scores = cpu(lambda: [cross_val_score(LinearRegression(), x, y[:, t], cv=KFold(10),
                                                    scoring="explained_variance").mean() for t in range(50)])
    show("glm, 1,000 x 100, 5,000 targets, 10 folds", told, spent * 100, "(50 targets, scaled)")
    print(f"   largest difference {np.abs(mean[:50] - scores).max():.1e}")


def layer(path, n, d, latent):
    """Rows in blocks, so that nothing this large stands in memory twice."""
    out = np.lib.format.open_memmap(path, "w+", np.float32, (n, d))
    mix = rng.standard_normal((latent.shape[1], d), dtype=np.float32)
    for i in range(0, n, 256):
        part = out[i:i + 256]
        part[:] = latent[i:i + 256] @ mix + 0.5 * rng.standard_normal(part.shape, dtype=np.float32)
        np.maximum(part, 0, out=part)
    out.flush()


def layers(folder):
    n, k = args.rows, args.components
    latent = (rng.standard_normal((n, 400)) * np.arange(1, 401) ** -0.5).astype(np.float32)
    y = latent[:, :200] @ rng.standard_normal((200, args.targets)) + 3 * rng.standard_normal((n, args.targets))
    paths = []
    for i, d in enumerate(args.columns):
        paths.append(os.path.join(folder, f"layer{i}.npy"))
        layer(paths[-1], n, d, latent)
    shape = f"{n} x {'+'.join(map(str, args.columns))}, PCA({k}), {args.targets} targets, {args.folds} folds"
    exact = quick = after = pls = 0
    if not args.no_peer:
        x = np.load(paths[0])
        train, test = next(iter(KFold(args.folds).split(x)))
        quick, _, p = cpu(lambda: PCA(k).fit(x[train]))
        after, _, _ = cpu(lambda: LinearRegression().fit(p.transform(x[train]), y[train]).predict(p.transform(x[test])))
        z = p.transform(x[train])
        pls = cpu(lambda: [PLSRegression(10).fit(z, y[train, t]) for t in range(20)])[0] * args.targets / 20
        if not args.no_exact:
            exact = cpu(lambda: PCA(k, svd_solver="full").fit(x[train].astype(float)))[0]
        del x
    times = args.folds * sum(args.columns) / args.columns[0]
    say = "(one fold, scaled)"
    told, _ = ours(folder, y, paths, model="glm", pca=k, k=args.folds, source="file", scoring="correlation")
    show(f"glm, {shape}, against its randomised PCA", told, times * (quick + after), say)
    if exact:
        show("   against its exact PCA", told, times * (exact + after), say)
    told, _ = ours(folder, y, paths, model="pls", components=10, per_target=1, pca=k, k=args.folds, source="file",
                   scoring="correlation")
    show(f"pls, {shape}, against its randomised PCA", told, times * quick + args.folds * len(paths) * pls, say)
    if exact:
        show("   against its exact PCA", told, times * exact + args.folds * len(paths) * pls, say)


with tempfile.TemporaryDirectory(prefix="bench_mapping_") as temporary:
    for job in args.jobs:
        {"small": small, "layers": layers}[job](temporary)
