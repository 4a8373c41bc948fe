#!/usr/bin/env python3
"""Cross-validated mapping against scikit-learn, on the same data and one thread on either side.

    bench/bench_mapping.py BUILD_FOLDER [--rows 4916] [--columns 43264 ...] [--targets 2000] [--threads 1]

Jobs. "small": 1,000 stimuli x 100 features, least squares, 10 folds, 5,000 targets; scikit-learn is cross_val_score
target by target, timed on 50 of them and scaled. "layers": features of a decaying spectrum plus noise (float32, on
disk), PCA(100) inside each of 10 folds, then least squares and PLS(10) onto --targets; scikit-learn is timed on one
fold of the first layer (its default randomised PCA in float32, its exact one in float64 unless --no-exact) and scaled by
the folds; PLS target by target on 20 targets. "pls": 10 components of 100 features for 2,000 targets, together and
target by target, 10 folds. "paper": five layers as large as AlexNet's ReLUs (9.5 GB of files in --folder at 4,916 rows,
deleted afterwards), PCA(100) inside each of 10 folds, least squares and PLS(10) in one call, --memory; scikit-learn's two
pipelines, their PCA the default randomised one, are timed on one fold of every layer (--peer-layers: of the first so
many, and scaled by features) and scaled by the folds: on the float32 features as they are stored, and with --peer-double
on float64 copies, the precision of its other estimators (16 GB for the first layer); its exact PCA on the smallest layer
unless --no-exact. The largest difference of their fold's scores from ours is printed.
--no-peer leaves scikit-learn out, --peer-only leaves ours out. Prints processor seconds (they hold on a busy machine) and seconds.
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
parser.add_argument("--peer-only", action="store_true")
parser.add_argument("--peer-double", action="store_true")
parser.add_argument("--peer-layers", type=int, default=5)
parser.add_argument("--folder", help="where the files stand (default: a temporary folder)")
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)

import numpy as np  # noqa: E402: after the number of threads is set
from sklearn.cross_decomposition import PLSRegression  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.linear_model import LinearRegression  # noqa: E402
from sklearn.model_selection import KFold, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402

rng = np.random.default_rng(7)


def ours(folder, y, layers, **options):
    """The line our side prints, as numbers by name, and the mean scores of the first layer."""
    np.save(os.path.join(folder, "y.npy"), y)
    words = [f"{k}={v}" for k, v in ({"threads": args.threads, "memory": args.memory} | options).items()]
    # Through a shell that forks: a program started by a large process has that process's peak counted as its own.
    done = subprocess.run(["sh", "-c", '"$@"; exit $?', "sh", os.path.join(args.build, "tests", "probe_mapping"), "run",
                           os.path.join(folder, "out"), os.path.join(folder, "y.npy"), *layers, *words],
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    told = done.stdout.split()
    first = "out." + options["model"].split(",")[0] if "," in options["model"] else "out"
    return (dict(zip(told[::2], map(float, told[1::2]))), np.load(os.path.join(folder, first + "_0_mean.npy"))[0])


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


def pls(folder):
    n, k = args.rows, args.components
    x = rng.standard_normal((n, k)) * np.arange(1, k + 1) ** -0.5
    y = x @ rng.standard_normal((k, args.targets)) + 3 * rng.standard_normal((n, args.targets))
    np.save(os.path.join(folder, "x.npy"), x)
    train, test = next(iter(KFold(args.folds).split(x)))
    for model, what in (("pls", "together"), ("pls1", "target by target")):
        told, _ = ours(folder, y, [os.path.join(folder, "x.npy")], model=model, components=10, k=args.folds)
        spent = 0
        if not args.no_peer:
            few = y if model == "pls" else y[:, :20]
            parts = [few] if model == "pls" else few.T
            spent = cpu(lambda: [PLSRegression(10).fit(x[train], p[train]).predict(x[test]) for p in parts])[0]
            spent *= args.folds * (1 if model == "pls" else args.targets / 20)
        show(f"pls {what}, {n} x {k}, {args.targets} targets, {args.folds} folds", told, spent,
             "(one fold, scaled)" if model == "pls" else "(one fold of 20 targets, scaled)")


PAPER = {"relu1": 193600, "relu2": 139968, "relu3": 64896, "relu4": 43264, "relu5": 43264}


def tell(what, wall, spent):
    print(f"   {what}: {wall:.1f} s, {spent:.1f} s of processor", flush=True)
    return np.array([wall, spent])


def correlations(a, b):
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))


def paper_peer(x, y, name, exact, double, score):
    """Seconds and processor seconds of one fold: both pipelines on all targets, both on one target, with exact PCA.
    score: ours of that fold by model, or None."""
    train, test = next(iter(KFold(args.folds).split(y)))
    fit, held = x[train].astype(np.float64 if double else np.float32), x[test]

    def once(what, targets, model, solver="auto"):
        pipeline = make_pipeline(PCA(args.components, svd_solver=solver, random_state=0), model)
        spent, wall, said = cpu(lambda: pipeline.fit(fit, targets[train]).predict(held))
        apart = ""
        if score and what in score:
            apart = f"; scores differ from ours by at most {np.abs(correlations(targets[test], said) - score[what]).max():.1e}"
        return tell(f"scikit-learn, one fold of {name} in {fit.dtype}, {what}{apart}", wall, spent)

    both = once("glm", y, LinearRegression()) + once("pls", y, PLSRegression(10))
    voxel = full = None
    if exact:
        voxel = (once("glm of one voxel", y[:, 0], LinearRegression()) +
                 once("pls of one voxel", y[:, 0], PLSRegression(10)))
        if not args.no_exact:
            full = (once("glm, exact PCA", y, LinearRegression(), "full") + once("pls, exact PCA", y, PLSRegression(10), "full"))
    return both, voxel, full


def paper(folder):
    n = args.rows
    latent = (rng.standard_normal((n, 400)) * np.arange(1, 401) ** -0.5).astype(np.float32)
    y = latent[:, :200] @ rng.standard_normal((200, args.targets)) + 3 * rng.standard_normal((n, args.targets))
    paths = {name: os.path.join(folder, name + ".npy") for name in PAPER}
    for name, d in PAPER.items():
        tell(f"making {name}, {n} x {d}", *cpu(lambda: layer(paths[name], n, d, latent))[1::-1])
    shape = f"glm and pls(10), {n} x {'+'.join(map(str, PAPER.values()))}, PCA({args.components}), {args.targets} targets, {args.folds} folds"
    told, scores = None, {}
    if not args.peer_only:
        told, _ = ours(folder, y, list(paths.values()), model="glm,pls", components=10, pca=args.components, k=args.folds,
                       source="file", scoring="correlation")
        print(f"{shape}: ours {told['seconds']:.1f} s, {told['cpu']:.1f} s of processor on {args.threads} threads, planned "
              f"{told['planned']:.0f} MB, peak {told['peak']:.0f} MB", flush=True)
        for i, name in enumerate(PAPER):
            scores[name] = {m: np.load(os.path.join(folder, f"out.{m}_{i}_score.npy"))[0] for m in ("glm", "pls")}
    if args.no_peer:
        return
    timed, last, total = list(PAPER)[:args.peer_layers], list(PAPER)[-1], sum(PAPER.values())
    measured, scale = sum(PAPER[name] for name in timed), args.folds * total / PAPER[last]
    for double in (False, True)[:1 + args.peer_double]:
        both, voxel, full = np.zeros(2), None, None
        for name in dict.fromkeys(timed + [last]):
            one, voxel, full = paper_peer(np.load(paths[name], mmap_mode="r"), y, name, name == last, double, scores.get(name))
            both = both + one * (name in timed)
        what = "float64" if double else "float32"
        say = f"one fold of {len(timed)} layers x {args.folds} folds" + (" x features" if measured < total else "")
        peers = [(f"{what}, all voxels in one fit", both * args.folds * total / measured, say)]
        if full is not None:
            peers.append((f"{what}, exact PCA, all voxels in one fit", full * scale, f"one fold of {last} x {args.folds} folds x features"))
        peers.append((f"{what}, ESTIMATE, voxel by voxel (PCA fitted anew for every voxel)", voxel * scale * args.targets,
                      f"one fold of one voxel of {last} x {args.folds} folds x features x {args.targets} voxels"))
        for what, (wall, spent), say in peers:
            ratio = f"; {wall / told['seconds']:.1f}x by the clock, {spent / told['cpu']:.1f}x in processor" if told else ""
            print(f"scikit-learn, {what}: {wall:.0f} s, {spent:.0f} s of processor (scaled: {say}){ratio}", flush=True)


with tempfile.TemporaryDirectory(prefix="bench_mapping_", dir=args.folder) as temporary:
    for job in args.jobs:
        {"small": small, "layers": layers, "pls": pls, "paper": paper}[job](temporary)
