#!/usr/bin/env python3
"""Ridge regression with a penalty for each target against NumPy/SciPy at the same precision, and against its floor.

    bench/bench_ridge.py [--build build/release] [--n 3000] [--d 1000] [--m 30000] [--alphas 20] [--folds 3]
                         [--threads 2] [--rounds 1] [--peer plain,fractions]

Float64. Two peers: `plain` predicts the test rows for every penalty (eigh of the covariance, or of the Gram matrix when
d > n, for every fold; all else products of whole matrices in blocks of targets that fit the cache; the usual good way);
`fractions` is the algorithm of src/stats/ridge_score.c in NumPy. Ours and the peers run in turn, `rounds` times, each in
a process of its own; the best time of each counts, and the processor's seconds are printed beside it, because other jobs
on the machine disturb those less. The floor is the number of operations of our own algorithm's products (eigendecompositions
not counted) at the speed of a large dgemm, measured in the same rounds. Threads wait without spinning, for all alike.
"""
import argparse
import ctypes
import json
import os
import resource
import subprocess
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--build", default="build/release")
parser.add_argument("--n", type=int, default=3000)
parser.add_argument("--d", type=int, default=1000)
parser.add_argument("--m", type=int, default=30000)
parser.add_argument("--alphas", type=int, default=20)
parser.add_argument("--folds", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=1)
parser.add_argument("--peer", default="plain,fractions")
parser.add_argument("--one", help=argparse.SUPPRESS)
args = parser.parse_args()
CORE = {"OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE", "SKYLAKEX" if "avx512dq" in open("/proc/cpuinfo").read() else "")}
if not CORE["OPENBLAS_CORETYPE"]:
    CORE = {}


def inputs():
    import numpy as np
    rng = np.random.default_rng(0)
    x = rng.standard_normal((args.n, args.d)) * np.logspace(0, -2, args.d)
    w = rng.standard_normal((args.d, args.m), dtype=np.float32)
    y = x.astype(np.float32) @ w
    y += rng.standard_normal(y.shape, dtype=np.float32) * rng.uniform(1, 30, args.m).astype(np.float32)
    return x, y.astype(np.float64), np.logspace(-2, 5, args.alphas)


def folds_of(n):
    import numpy as np
    return np.array_split(np.arange(n), args.folds)


def ours(x, y, alphas):
    import numpy as np
    lib = ctypes.CDLL(os.path.join(args.build, "libdnnbrain.so"))
    size, pointer = ctypes.c_size_t, ctypes.c_void_p

    class Folds(ctypes.Structure):
        _fields_ = [("n", size), ("k", size), ("fold", pointer), ("sizes", pointer)]

    class Options(ctypes.Structure):
        _fields_ = [("kind", ctypes.c_int), ("alphas", pointer), ("n_alphas", size), ("choice", ctypes.c_int),
                    ("inner", pointer), ("scoring", ctypes.c_int), ("shared", ctypes.c_bool), ("l1_ratio", ctypes.c_double),
                    ("components", size), ("per_target", ctypes.c_bool), ("no_scale", ctypes.c_bool),
                    ("tolerance", ctypes.c_double), ("iterations", size), ("memory", size), ("progress", pointer)]

    class Linear(ctypes.Structure):
        _fields_ = [("d", size), ("m", size)] + [(k, ctypes.POINTER(ctypes.c_double)) for k in ("coef", "intercept", "alpha", "score")] + \
            [("n_unconverged", size)]

    for name in ("dnb_regressor_new", "dnb_regressor_fit"):
        getattr(lib, name).restype = ctypes.c_int
    lib.dnb_threads_set(args.threads)
    err = ctypes.create_string_buffer(2048)
    fold = np.concatenate([np.full(len(t), f) for f, t in enumerate(folds_of(args.n))]).astype(np.uint64)
    sizes = np.array([len(t) for t in folds_of(args.n)], np.uint64)
    inner = Folds(args.n, args.folds, fold.ctypes.data, sizes.ctypes.data)
    opt = Options(kind=1, alphas=alphas.ctypes.data, n_alphas=len(alphas), choice=1, inner=ctypes.addressof(inner), scoring=1)
    r, out = pointer(), Linear()
    start = time.perf_counter()
    if lib.dnb_regressor_new(ctypes.byref(r), pointer(x.ctypes.data), size(args.n), size(args.d), ctypes.byref(opt), err):
        sys.exit(err.raw[4:].split(b"\0")[0].decode())
    print("factorised after %.2f s" % (time.perf_counter() - start), file=sys.stderr)
    if lib.dnb_regressor_fit(ctypes.byref(out), r, pointer(y.ctypes.data), size(args.m), err):
        sys.exit(err.raw[4:].split(b"\0")[0].decode())
    coef = np.ctypeslib.as_array(out.coef, (args.d, args.m))
    return coef, np.ctypeslib.as_array(out.alpha, (args.m,))


def factor(x, y_rows):
    """Eigenvalues, map of X^T y or y to z, and of z / (l + a) to coefficients' side, for centred x."""
    import numpy as np
    import scipy.linalg
    n, d = x.shape
    if d < n:
        l, v = scipy.linalg.eigh(x.T @ x, overwrite_a=True, driver="evd")
        keep = l > l[-1] * max(n, d) * 2.2e-16
        return l[keep], np.ascontiguousarray(v[:, keep]), None
    l, u = scipy.linalg.eigh(x @ x.T, overwrite_a=True, driver="evd")
    keep = l > l[-1] * max(n, d) * 2.2e-16
    l, u = l[keep], u[:, keep]
    return l, x.T @ (u / np.sqrt(l)), u * np.sqrt(l)


def splits(x):
    import numpy as np
    for test in folds_of(args.n):
        train = np.setdiff1d(np.arange(args.n), test)
        mean = x[train].mean(0)
        centred = x[train] - mean
        l, v, us = factor(centred, None)
        yield train, test, centred, l, v, us, (x[test] - mean) @ v


def coordinates(centred, v, us, y):
    return v.T @ (centred.T @ y) if us is None else us.T @ y


def blocks(width=2048):
    return [slice(j, min(j + width, args.m)) for j in range(0, args.m, width)]


def refit(x, y, alphas, table):
    import numpy as np
    best = alphas[table.argmax(0)]
    mean, ymean = x.mean(0), y.mean(0)
    l, v, us = factor(x - mean, None)
    centred = x - mean
    coef = np.empty((x.shape[1], y.shape[1]))
    for j in blocks():
        z = coordinates(centred, v, us, y[:, j] - ymean[j])
        coef[:, j] = v @ (z / (l[:, None] + best[j]))
    return coef, best


def plain(x, y, alphas):
    import numpy as np
    table = np.zeros((len(alphas), args.m))
    for train, test, centred, l, v, us, b in splits(x):
        for j in blocks():
            yt = y[train, j]
            mean = yt.mean(0)
            z = coordinates(centred, v, us, yt - mean)
            e = y[test, j] - mean
            total = ((e - e.mean(0)) ** 2).sum(0)
            for a, alpha in enumerate(alphas):
                yhat = b @ (z / (l + alpha)[:, None])
                np.subtract(e, yhat, out=yhat)
                table[a, j] += 1 - np.einsum("ij,ij->j", yhat, yhat) / total
    return refit(x, y, alphas, table)


def fractions(x, y, alphas):
    import numpy as np
    table = np.zeros((len(alphas), args.m))
    for train, test, centred, l, v, us, b in splits(x):
        g = b.T @ b
        gap = l[None, :] - l[:, None]
        near = np.abs(gap) <= 1e-3 * np.maximum(l[None, :], l[:, None])
        m = np.where(near, 0, g / np.where(near, 1, gap))
        rows, cols = np.nonzero(np.triu(near, 1))
        f = 1 / (l + alphas[:, None])
        shifted = np.where(alphas[:, None] >= l.max(), -f * l / alphas[:, None], f)
        fnear = 2 * g[rows, cols] * f[:, rows] * f[:, cols]
        for j in blocks():
            yt = y[train, j]
            mean = yt.mean(0)
            z = coordinates(centred, v, us, yt - mean)
            e = y[test, j] - mean
            total = ((e - e.mean(0)) ** 2).sum(0)
            error = (e ** 2).sum(0) - 2 * (f @ (z * (b.T @ e))) + shifted @ (2 * z * (m @ z)) + (f * f) @ (np.diag(g)[:, None] * z * z)
            error += fnear @ (z[rows] * z[cols])
            table[:, j] += 1 - error / total
    return refit(x, y, alphas, table)


def dgemm():
    import numpy as np
    a = np.random.default_rng(1).standard_normal((4000, 4000))
    a @ a
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(3):
        a @ a
    return {"speed": 6 * 4000.0 ** 3 / (time.perf_counter() - start), "cpu": 6 * 4000.0 ** 3 / (time.process_time() - cpu)}


def one(name):
    import numpy as np
    if name == "dgemm":
        print(json.dumps(dgemm()))
        return
    x, y, alphas = inputs()
    used = resource.getrusage(resource.RUSAGE_SELF)
    start, cpu = time.perf_counter(), used.ru_utime + used.ru_stime
    coef, alpha = {"ours": ours, "plain": plain, "fractions": fractions}[name](x, y, alphas)
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"seconds": seconds, "cpu": used.ru_utime + used.ru_stime - cpu, "peak": used.ru_maxrss / 1e6,
                      "coef": float(np.abs(coef[:, ::997]).sum()), "alpha": float(np.log(alpha).sum())}))


def main():
    env = dict(os.environ, OMP_WAIT_POLICY="passive", OMP_NUM_THREADS=str(args.threads), OPENBLAS_NUM_THREADS=str(args.threads), **CORE)
    names = ["ours"] + args.peer.split(",") + ["dgemm"]
    best = {}
    for _ in range(args.rounds):
        for name in names:
            done = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--one", name], env=env, check=True, stdout=subprocess.PIPE)
            r = json.loads(done.stdout)
            if name == "dgemm":
                best[name] = max(best.get(name, r), r, key=lambda x: x["cpu"])
                continue
            print("%-10s %7.2f s  %7.2f s of processor  %5.2f GB  (sum |coef| %.10g, log alpha %.10g)" %
                  (name, r["seconds"], r["cpu"], r["peak"], r["coef"], r["alpha"]), flush=True)
            if name not in best or r["seconds"] < best[name]["seconds"]:
                best[name] = r
    r = min(args.d, args.n * (args.folds - 1) // args.folds)
    test = min(args.n / args.folds, args.d)
    n, d, m = args.n, args.d, args.m
    if d < n:
        flops = 2.0 * m * (2 * n * d + args.folds * (d * r + test * r + r * r + 4 * args.alphas * r) + d * r + d * r)
    else:
        train = n * (args.folds - 1) / args.folds
        flops = 2.0 * m * (args.folds * (train * r + test * r + r * r + 4 * args.alphas * r) + 2 * n * n + n * d)
    many = 2.0 * m * args.folds * args.alphas * (n / args.folds) * r
    speed, cpu = best["dgemm"]["speed"], best["dgemm"]["cpu"]
    print("dgemm %.0f GFLOP a second, %.0f a processor second; our products %.2f TFLOP, plain's predictions alone %.2f" %
          (speed / 1e9, cpu / 1e9, flops / 1e12, many / 1e12))
    mine = best["ours"]
    print("ours / floor: %.2f in seconds, %.2f in processor seconds" % (mine["seconds"] * speed / flops, mine["cpu"] * cpu / flops))
    for name in args.peer.split(","):
        p = best[name]
        print("%s / ours: %.2f in seconds, %.2f in processor seconds" % (name, p["seconds"] / mine["seconds"], p["cpu"] / mine["cpu"]))


one(args.one) if args.one else main()
