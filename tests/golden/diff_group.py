"""dnnbrain group against SciPy: means, t, intervals (ttest_1samp), exact sign flips (permutation_test with
'samples'), the largest t by plain NumPy, Benjamini-Hochberg by its definition; from tables, arrays, images and
encode's folders; Fisher's z, chance, contrasts, targets that some subject lacks; any number of threads."""
import itertools
import json
import os
import subprocess
import sys
import tempfile

try:
    import nibabel
    import numpy as np
    from PIL import Image
    from scipy.stats import permutation_test, ttest_1samp
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

from golden import close as close_to
from golden import expect, finish

PROGRAM = os.environ["DNNBRAIN"]
N, LAYERS, ROIS = 7, ["conv1", "conv3", "fc"], ["V1", "V4", "IT", "FFA"]
STATISTICS = ["mean", "sd", "t", "p", "p_max", "q", "low", "high"]
rng = np.random.default_rng(9)


def close(ours, theirs, what, tolerance=1e-9):
    close_to(ours, theirs, what, tolerance, floor=1, odd=True)


def group(files, options="", warns=""):
    line = [PROGRAM, "group", "-scores", *files, "-out", "g", "-quiet", *options.split()]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode != 0 or done.stdout or (warns not in done.stderr if warns else done.stderr):
        raise AssertionError("%s\nexit %d\n%s%s" % (line, done.returncode, done.stdout, done.stderr))
    with open("g.json") as f:
        return json.load(f)


def read_table(path):
    with open(path) as f:
        rows = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")]
    return [dict(zip(rows[0], row)) for row in rows[1:]]


def benjamini_hochberg(p):
    p = np.asarray(p)
    order = np.argsort(p)
    q = np.empty(len(p))
    least = 1.0
    for rank in range(len(p), 0, -1):
        least = min(least, p[order[rank - 1]] * len(p) / rank)
        q[order[rank - 1]] = least
    return q


def truth(x, two_sided=False):
    """x: subjects x targets, without NaN."""
    test = ttest_1samp(x, 0)
    n = len(x)
    interval = test.confidence_interval(0.95)
    signs = np.array(list(itertools.product([1, -1], repeat=n)))
    flipped = signs[:, :, None] * x[None]
    t = flipped.mean(1) / (flipped.std(1, ddof=1) / np.sqrt(n))
    t = np.abs(t) if two_sided else t
    seen = t[0] - 1e-9
    out = {"mean": x.mean(0), "sd": x.std(0, ddof=1), "t": test.statistic,
           "p": permutation_test((x,), lambda v, axis: np.abs(v.mean(axis)) if two_sided else v.mean(axis),
                                 permutation_type="samples", alternative="greater", n_resamples=np.inf,
                                 vectorized=True, axis=0).pvalue,
           "p_max": (t.max(1)[:, None] >= seen).mean(0), "low": interval.low, "high": interval.high}
    out["q"] = benjamini_hochberg(out["p"])
    return out


def compare(ours, x, what, two_sided=False):
    """ours: name -> values in the order of x's columns; columns of x with a NaN are left out."""
    whole = ~np.isnan(x).any(0)
    theirs = truth(x[:, whole], two_sided)
    for name in STATISTICS:
        want = np.full(x.shape[1], np.nan)
        want[whole] = theirs[name]
        close(ours[name], want, "%s: %s" % (what, name))


def table_of(rows):
    return {name: [float(r[name]) if r[name] not in ("", "n/a", "nan") else np.nan for r in rows] for name in STATISTICS}


def write_tables(x, column="score"):
    """x: subjects x layers x ROIs; rows in another order for each subject but the first."""
    files = []
    for i in range(len(x)):
        rows = [(l, r, repr(float(x[i, a, b]))) for a, l in enumerate(LAYERS) for b, r in enumerate(ROIS)]
        rows = rows if i == 0 else [rows[k] for k in rng.permutation(len(rows))]
        files.append("s%d.tsv" % i)
        with open(files[-1], "w") as f:
            f.write("\n".join("\t".join(r) for r in [("layer", "target", column), *rows]) + "\n")
    return files


def tables():
    x = rng.normal(0.15, 0.3, (N, len(LAYERS), len(ROIS))) + rng.normal(0, 0.1, (N, 1, 1))
    flat = x.reshape(N, -1)
    files = write_tables(x)
    said = group(files)
    rows = read_table("g.tsv")
    expect([(r["layer"], r["target"]) for r in rows] == list(itertools.product(LAYERS, ROIS)), "order of rows")
    expect(all(r["n"] == str(N) for r in rows), "n of every row")
    expect(said["exact"] and said["sign_patterns"] == 2 ** N and said["interval"] == "Student's t", "settings")
    compare(table_of(rows), flat, "tables")
    profile = said["mean_over_targets"]
    compare({k: [r[k] for r in profile] for k in STATISTICS}, x.mean(2), "means over targets")
    group(files, "-two-sided -chance 0.1", "7 subjects, two-sided, give no p-value below 0.0156")
    compare(table_of(read_table("g.tsv")), flat - 0.1, "two-sided, chance", two_sided=True)
    group(files, "-layer fc conv1 -max-stat")
    rows = read_table("g.tsv")
    compare(table_of(rows), x[:, [2, 0]].reshape(N, -1), "layers chosen")
    expect([r["significant"] == "1" for r in rows] == [float(r["p_max"]) < 0.05 for r in rows], "findings")
    group(files, "-contrast fc conv1 -two-sided", "two-sided")
    rows = read_table("g.tsv")
    expect({r["layer"] for r in rows} == {"fc - conv1"}, "name of a contrast")
    compare(table_of(rows), x[:, 2] - x[:, 0], "contrast", two_sided=True)
    z = np.tanh(x)
    files = write_tables(z, "r")
    group(files, "-fisher-z -column r -chance 0.05")
    compare(table_of(read_table("g.tsv")), np.arctanh(z).reshape(N, -1) - np.arctanh(0.05), "Fisher's z")


def lacking():
    x = rng.normal(0.1, 0.3, (N, len(LAYERS), len(ROIS)))
    x[2, 1, 3] = np.nan
    files = write_tables(x)
    said = group(files)
    rows = read_table("g.tsv")
    expect(said["left_out"] == 1 and rows[7]["n"] == str(N - 1), "a target left out is counted")
    compare(table_of(rows), x.reshape(N, -1), "a missing number")
    with open(files[4]) as f:
        lines = f.read().splitlines()
    with open(files[4], "w") as f:
        f.write("\n".join(l for l in lines if not l.startswith("conv1\tV4\t")) + "\nfc\tPPA\t0.5\n")
    refused = subprocess.run([PROGRAM, "group", "-scores", *files, "-out", "no"], capture_output=True, text=True)
    expect(refused.returncode == 1 and "conv1, target V4" in refused.stderr and "-common" in refused.stderr,
           "tables that differ are refused")
    group(files, "-common")
    compare(table_of(read_table("g.tsv")), np.delete(x.reshape(N, -1), 1, 1), "rows in common")


def random_patterns():
    """More subjects than all patterns: near the exact p, and the same with any number of threads."""
    x = rng.normal(0.1, 0.3, (16, 3, 40))
    for i in range(16):
        np.save("a%d.npy" % i, x[i])
    files = ["a%d.npy" % i for i in range(16)]
    said = group(files, "-permute 5000 -bootstrap 300 -threads 1")
    expect(not said["exact"] and said["sign_patterns"] == 5001 and said["interval"] == "bootstrap-t", "drawn patterns")
    once = {k: np.load("g_%s.npy" % k) for k in STATISTICS}
    group(files, "-permute 5000 -bootstrap 300 -threads 2")
    for k in STATISTICS:
        expect((once[k] == np.load("g_%s.npy" % k)).all(), "threads: " + k)
    group(files, "-permute 65536")
    exact = np.load("g_p.npy")
    error = np.abs(once["p"] - exact) / np.sqrt(exact * (1 - exact) / 5000 + 1e-7)
    expect(error.max() < 5, "drawn patterns are near all of them: %.2f" % error.max())
    close(np.load("g_mean.npy"), x.mean(0), "arrays: mean")
    close(np.load("g_t.npy"), ttest_1samp(x, 0).statistic, "arrays: t")
    folds = rng.normal(0.1, 0.3, (N, 2, 5, 3))
    for i in range(N):
        np.save("f%d.npy" % i, folds[i])
    group(["f%d.npy" % i for i in range(N)])
    compare({k: np.load("g_%s.npy" % k).ravel() for k in STATISTICS}, folds.mean(3).reshape(N, -1), "folds are averaged")


def images():
    shape, affine = (5, 4, 3), np.diag([2.0, 2, 2, 1])
    mask = rng.random(shape) < 0.6
    nibabel.save(nibabel.Nifti1Image(mask.astype(np.int16), affine), "mask.nii.gz")
    x = np.zeros((N, 2, *shape), np.float32)
    x[:, :, mask] = rng.normal(0.2, 0.4, (N, 2, mask.sum())).astype(np.float32)
    gap = tuple(np.argwhere(mask)[3])
    x[(1, slice(None), *gap)] = 0
    for i in range(N):
        nibabel.save(nibabel.Nifti1Image(np.moveaxis(x[i], 0, -1), affine), "m%d.nii.gz" % i)
        for l, name in enumerate(["conv", "fc"]):
            os.makedirs("sub%d/%s" % (i, name), exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(x[i, l], affine), "sub%d/%s/score.nii.gz" % (i, name))
        with open("sub%d/summary.tsv" % i, "w") as f:
            f.write("layer\ttarget\tscore\nconv\tall\t0.1\nfc\tall\t0.2\n")
    want = np.where(mask, x, np.nan).astype(float)
    want[(1, slice(None), *gap)] = np.nan
    flat = want[:, :, mask].reshape(N, -1)
    for files, options, what in ((["m%d.nii.gz" % i for i in range(N)], "", "images"),
                                 (["m%d.nii.gz" % i for i in range(N)], "-mask mask.nii.gz", "images with a mask"),
                                 (["sub%d" % i for i in range(N)], "-mask mask.nii.gz", "folders")):
        said = group(files, options + " -max-stat -fig g.png")
        expect(said["left_out"] == 2, what + ": left out")
        rows = read_table("g.tsv")
        expect(rows[0]["layer"] == ("conv" if what == "folders" else "1"), what + ": name of the layer")
        expect(rows[0]["target"] == "(%d,%d,%d)" % tuple(np.argwhere(mask)[0]), what + ": name of a voxel")
        compare(table_of(rows), flat, what)
        theirs = truth(flat[:, ~np.isnan(flat).any(0)])
        for name in STATISTICS:
            outside = 1 if name in ("p", "p_max", "q") else 0
            full = np.full(flat.shape[1], outside, float)
            full[~np.isnan(flat).any(0)] = theirs[name]
            volume = np.full((*shape, 2), outside, float)
            volume[mask] = full.reshape(2, -1).T
            got = nibabel.load("g_%s.nii.gz" % name)
            close(got.get_fdata(), volume, "%s: image of %s" % (what, name), 1e-6)
            expect((got.affine == affine).all(), what + ": geometry")
        found = nibabel.load("g_mean_significant.nii.gz").get_fdata()
        p_max, mean = (nibabel.load("g_%s.nii.gz" % k).get_fdata() for k in ("p_max", "mean"))
        close(found, np.where(p_max < 0.05, mean, 0), what + ": findings", 1e-6)


def slices():
    """The picture of a map is of places in the head: however its axes are stored, left is left and front is up."""
    shape, sides = (5, 6, 4), (2.0, 3.0, 2.5)
    x = np.zeros((N, *shape), np.float32)
    x[:, 1:4, 1:5, 1:3] = rng.normal(0.2, 0.4, (N, 3, 4, 2))
    pictures = {}
    for what, flips, order in (("as they are", (0, 0, 0), (0, 1, 2)), ("right to left", (1, 0, 0), (0, 1, 2)),
                               ("all turned", (1, 1, 1), (0, 1, 2)), ("axes exchanged", (0, 1, 0), (2, 0, 1)),
                               ("truly mirrored", (0, 0, 0), (0, 1, 2))):
        affine = np.zeros((4, 4))
        affine[3, 3] = 1
        for stored, axis in enumerate(order):
            affine[axis, stored] = -sides[axis] if flips[axis] else sides[axis]
            affine[axis, 3] = sides[axis] * (shape[axis] - 1) * flips[axis]
        for i in range(N):
            data = np.transpose(np.flip(x[i], [a for a in range(3) if flips[a]]), order)
            data = data[::-1] if what == "truly mirrored" else data
            nibabel.save(nibabel.Nifti1Image(data, affine), "s%d.nii.gz" % i)
        group(["s%d.nii.gz" % i for i in range(N)], "-fig s.png")
        pictures[what] = np.asarray(Image.open("s.png").convert("RGB"))
    first = pictures.pop("as they are")
    mirrored = pictures.pop("truly mirrored")
    expect(first.shape == mirrored.shape and not np.array_equal(first, mirrored), "slices: a mirrored brain looks different")
    for what, picture in pictures.items():
        expect(np.array_equal(first, picture), "slices: axes stored " + what)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    tables()
    lacking()
    random_patterns()
    images()
    slices()
    os.chdir("/")
finish()
