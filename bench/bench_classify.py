#!/usr/bin/env python3
"""Ten-fold cross-validation of a classifier against scikit-learn's cross_val_score, in one run, on the same data and
folds, with the same number of threads.

    bench/bench_classify.py BUILD_FOLDER [--rows 4916] [--columns 100] [--classes 2 8] [--kinds lrc] [--threads 2] [--repeat 3]

BUILD_FOLDER/tests/probe_classify is our side: dnb_classifier_cross on data in memory, fits and predictions. Both sides
are timed in turn, best of --repeat. The second ratio is of processor time with one thread on either side: it holds on a
busy machine, where the first does not. Prints the accuracies too: scikit-learn's logistic regression stops early, at tol
1e-4 or 100 steps, ours at the optimum.
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
parser.add_argument("--rows", type=int, default=4916)
parser.add_argument("--columns", type=int, default=100)
parser.add_argument("--classes", type=int, nargs="*", default=[2, 8])
parser.add_argument("--kinds", nargs="*", default=["lrc"])
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeat", type=int, default=3)
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np  # noqa: E402: after the number of threads is set
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import StratifiedKFold, cross_val_score  # noqa: E402
from sklearn.naive_bayes import GaussianNB  # noqa: E402
from sklearn.svm import SVC  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

warnings.simplefilter("ignore")
PEERS = {"lrc": LogisticRegression(), "svc": SVC(kernel="linear", C=0.025), "lda": LinearDiscriminantAnalysis(),
         "gnb": GaussianNB()}


def ours(folder, **options):
    words = [f"{k}={v}" for k, v in options.items()]
    names = [os.path.join(folder, f"{n}.npy") for n in ("x", "y", "fold", "out")]
    done = subprocess.run([os.path.join(args.build, "tests", "probe_classify"), "cross", *names, "repeat=1", *words],
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout), np.load(names[-1])[:, 0]


def theirs(kind, x, y, folds, clock):
    start = clock()
    score = cross_val_score(PEERS[kind], x, y, cv=folds)
    return clock() - start, score.mean()


def structured(n, d, k):
    """Ten hidden factors behind the columns, classes that differ in them and overlap."""
    rng = np.random.default_rng(1)
    y = rng.integers(k, size=n)
    hidden = rng.standard_normal((n, 10)) + 0.8 * rng.standard_normal((k, 10))[y]
    return hidden @ rng.standard_normal((10, d)) / 2 + rng.standard_normal((n, d)), y.astype(np.int64)


for k in args.classes:
    x, y = structured(args.rows, args.columns, k)
    folds = list(StratifiedKFold(10).split(x, y))
    fold = np.empty(len(y), np.int64)
    for i, (_, test) in enumerate(folds):
        fold[test] = i
    for kind in args.kinds:
        with tempfile.TemporaryDirectory(prefix="bench_classify_") as folder:
            for name, a in (("x", x), ("y", y), ("fold", fold)):
                np.save(os.path.join(folder, name + ".npy"), a)
            wall, peer_wall, cpu, peer_cpu = [], [], [], []
            for _ in range(args.repeat):
                seconds, labels = ours(folder, kind=kind, threads=args.threads)
                wall.append(seconds)
                seconds, score = theirs(kind, x, y, folds, time.perf_counter)
                peer_wall.append(seconds)
                cpu.append(ours(folder, kind=kind, threads=1, clock="cpu")[0])
                with threadpool_limits(1):
                    peer_cpu.append(theirs(kind, x, y, folds, time.process_time)[0])
            print(f"{kind} {args.rows} x {args.columns}, {k} classes: scikit-learn {min(peer_wall):.3f} s, dnnbrain "
                  f"{min(wall):.3f} s, ratio {min(peer_wall) / min(wall):.1f}; processor {min(peer_cpu):.3f} / {min(cpu):.3f} = "
                  f"{min(peer_cpu) / min(cpu):.1f}; accuracy {score:.4f} and {np.mean(labels == y):.4f}; load "
                  f"{os.getloadavg()[0]:.1f}", flush=True)
