#!/usr/bin/env python3
"""Lasso of many targets on many features against scikit-learn, on the same data, penalty, tolerance and threads.

    bench/bench_lasso.py BUILD_FOLDER [--rows 1000] [--features 2000] [--targets 100] [--threads 2] [--repeat 5] [--peer-repeat 1]

BUILD_FOLDER/tests/probe_sparse is our side (time inside the process, data in memory, best of --repeat, everything from
the raw matrices to coefficients). scikit-learn gets one Lasso.fit of all targets, with features in the order it wants.
Targets have unit variance; penalties are 1, and those that leave about 1, 5 and 20 % of the coefficients in use. "apart"
is the largest difference of the targets' scores (R^2 on as many new rows). scikit-learn's Lasso uses one thread; the
ratio of processor times holds on a busy machine, where the first does not.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build")
parser.add_argument("--rows", type=int, default=1000)
parser.add_argument("--features", type=int, default=2000)
parser.add_argument("--targets", type=int, default=100)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeat", type=int, default=5)
parser.add_argument("--peer-repeat", type=int, default=1)
parser.add_argument("--rank", type=int, default=50, help="directions the features share; 0: independent features")
parser.add_argument("--tolerance", type=float, default=1e-4)
parser.add_argument("--iterations", type=int, default=1000)
parser.add_argument("--only", type=float, nargs="*", help="shares of coefficients in use; 0 is alpha 1")
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)

import numpy as np  # noqa: E402: after the number of threads is set
from sklearn.linear_model import Lasso  # noqa: E402
from sklearn.metrics import r2_score  # noqa: E402

warnings.simplefilter("ignore")
rng = np.random.default_rng(1)
n, d, m = args.rows, args.features, args.targets
x = rng.standard_normal((2 * n, d))
if args.rank:
    x += rng.standard_normal((2 * n, args.rank)) @ rng.standard_normal((args.rank, d)) / np.sqrt(args.rank)
w = rng.standard_normal((d, m)) * (rng.random((d, m)) < 0.02)
y = x @ w
y = y / y.std(axis=0) + rng.standard_normal((2 * n, m))
y = (y - y[:n].mean(axis=0)) / y[:n].std(axis=0)
x, new, y, truth = x[:n].copy(), x[n:].copy(), y[:n].copy(), y[n:].copy()


def ours(folder, alpha):
    names = [os.path.join(folder, s) for s in ("x", "y", "out")]
    x.tofile(names[0])
    y.tofile(names[1])
    done = subprocess.run([os.path.join(args.build, "tests", "probe_sparse"), "lasso", str(n), str(d), str(m), *names,
                           f"alphas={alpha!r}", f"tolerance={args.tolerance}", f"repeat={args.repeat}",
                           f"iterations={args.iterations}", f"threads={args.threads}"], stdout=subprocess.PIPE, text=True, check=True)
    v = np.fromfile(names[2])
    unconverged, seconds, cpu = done.stdout.split()
    return v[:d * m].reshape(d, m), v[d * m:d * m + m], float(seconds), int(unconverged), float(cpu)


def alpha_for(folder, share):
    lo, hi = 1e-4, 1.0
    for _ in range(12):
        mid = float(np.sqrt(lo * hi))
        lo, hi = (mid, hi) if (ours(folder, mid)[0] != 0).mean() > share else (lo, mid)
    return float(np.sqrt(lo * hi))


print(f"{n} x {d}, {m} targets, tolerance {args.tolerance:g}, {args.threads} threads")
with tempfile.TemporaryDirectory(prefix="bench_lasso_") as folder:
    for share in args.only if args.only is not None else (0, 0.01, 0.05, 0.2):
        repeat, args.repeat = args.repeat, 1
        alpha = alpha_for(folder, share) if share else 1.0
        args.repeat = repeat
        coef, intercept, seconds, unconverged, cpu = ours(folder, alpha)
        best = used = float("inf")
        ordered = np.asfortranarray(x)
        for _ in range(args.peer_repeat):
            start, before = time.perf_counter(), time.process_time()
            peer = Lasso(alpha=alpha, tol=args.tolerance, max_iter=args.iterations).fit(ordered, y)
            best, used = min(best, time.perf_counter() - start), min(used, time.process_time() - before)
        apart = np.abs(r2_score(truth, new @ coef + intercept, multioutput="raw_values")
                       - r2_score(truth, peer.predict(new), multioutput="raw_values")).max()
        print(f"alpha {alpha:8.5f}  in use {(coef != 0).mean():6.2%} (peer {(peer.coef_ != 0).mean():6.2%})  ours {seconds:8.4f} s  "
              f"scikit-learn {best:8.3f} s  ratio {best / seconds:6.1f}  (processor time {used / cpu:5.1f})  apart {apart:.1e}  not converged {unconverged} "
              f"(peer {int((np.asarray(peer.n_iter_) >= args.iterations).sum())})", flush=True)
sys.exit(0)
