#!/usr/bin/env python3
"""Every unit against every voxel: seconds of the univariate engine, and of scikit-learn on a few of the pairs.

    bench/bench_univariate.py BUILD_FOLDER [--rows 200] [--units 9216] [--targets 500] [--folds 3] [--threads 2] ...

BUILD_FOLDER/tests/probe_univariate is our side: all pairs, data in memory, best of --repeat inside the process.
scikit-learn's side is cross_val_score(LinearRegression()) pair by pair on --sample-units x --sample-targets of them;
its time for all pairs is that time SCALED by the number of pairs, and printed as such. Folds and scores of the sampled
pairs are compared too. The second column is processor time on one thread, which holds on a busy machine. Permutations (--permutations) are timed with --kind corr.
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
parser.add_argument("--units", type=int, default=9216)
parser.add_argument("--targets", type=int, default=500)
parser.add_argument("--folds", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeat", type=int, default=5)
parser.add_argument("--permutations", type=int, default=100)
parser.add_argument("--sample-units", type=int, default=40)
parser.add_argument("--sample-targets", type=int, default=20)
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)

import numpy as np  # noqa: E402: after the number of threads is set
from sklearn.linear_model import LinearRegression  # noqa: E402
from sklearn.model_selection import KFold, cross_val_score  # noqa: E402

rng = np.random.default_rng(1)
common = rng.standard_normal((args.rows, 20))
x = np.maximum(common @ rng.standard_normal((20, args.units)) + 3 * rng.standard_normal((args.rows, args.units)), 0)
x = x.astype(np.float32)
y = common @ rng.standard_normal((20, args.targets)) + 6 * rng.standard_normal((args.rows, args.targets))


def ours(folder, **options):
    words = [f"{k}={v}" for k, v in ({"threads": args.threads, "repeat": args.repeat, "k": args.folds} | options).items()]
    files = [os.path.join(folder, n) for n in ("x.npy", "y.npy", "out.npy")]
    done = subprocess.run([os.path.join(args.build, "tests", "probe_univariate"), *files, *words], capture_output=True,
                          text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout)


def row(name, **options):
    """Prints and returns seconds."""
    seconds, cpu = ours(folder, **options), ours(folder, clock="cpu", **(options | {"threads": 1}))
    print(f"{name:28} {seconds:8.4f} s  {cpu:8.4f} s of one processor  {pairs / seconds:10.3g} pairs/s")
    return seconds


with tempfile.TemporaryDirectory(prefix="bench_univariate_") as folder:
    np.save(os.path.join(folder, "x.npy"), x)
    np.save(os.path.join(folder, "y.npy"), y)
    pairs = args.units * args.targets
    print(f"{args.rows} x {args.units} units x {args.targets} targets, {args.folds} folds, {args.threads} threads, "
          f"load {os.getloadavg()[0]:.1f}")
    units = rng.choice(args.units, args.sample_units, replace=False)
    targets = rng.choice(args.targets, args.sample_targets, replace=False)
    start = time.perf_counter()
    theirs = np.array([[cross_val_score(LinearRegression(), x[:, [u]].astype(float), y[:, t], cv=KFold(args.folds),
                                        scoring="explained_variance").mean() for t in targets] for u in units])
    sampled = time.perf_counter() - start
    scaled = sampled / theirs.size * pairs
    print(f"scikit-learn: {sampled:.2f} s for {theirs.size} pairs = {theirs.size / sampled:.0f} pairs/s, "
          f"SCALED to all {pairs}: {scaled:.0f} s")
    every = os.path.join(folder, "all.npy")
    ours(folder, all=every, repeat=1)
    print(f"largest difference of the sampled pairs' scores: {np.abs(np.load(every)[np.ix_(units, targets)] - theirs).max():.1e}")
    for scoring in ("explained_variance", "r2", "correlation", "neg_mse", "spearman"):
        seconds = row("glm " + scoring, scoring=scoring)
        print(f"    {scaled / seconds:.0f} x scikit-learn (scaled)")
    row("lasso explained_variance", kind="lasso", alpha=0.1)
    row("corr", kind="corr")
    if args.permutations:
        seconds = ours(folder, kind="corr", perm=args.permutations, repeat=1)
        print(f"corr, {args.permutations} permutations   {seconds:8.3f} s")
