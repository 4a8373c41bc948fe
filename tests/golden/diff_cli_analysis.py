"""The analysis commands, by the toolbox's command lines, against NumPy, SciPy and scikit-learn: mask, pool, fe,
rdm of layers and of ROIs, roi, rsa."""
import functools
import itertools
import json
import os
import sys

from golden import *

try:
    import h5py
    from scipy import signal, stats
    from scipy.spatial.distance import pdist, squareform
    from sklearn.decomposition import PCA
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

sys.path.insert(0, os.path.join(os.environ["DNB_SOURCE"], "tests", "cli"))
from fixtures import activations, brain, image, rdms, stim, write

N = 9  # stimuli
LABELS = np.array([5, -1, 2, 5, 2, 2, -1, 5, 7])
rng = np.random.default_rng(11)
run = run_quietly
close = functools.partial(close, odd=True)  # NaN in the same places


def read(path):
    """What an HDF5 output holds; every one carries its provenance."""
    with h5py.File(path) as f:
        line = json.loads(f.attrs["provenance"])["command"]
        expect(os.path.basename(path) in line, "%s: its provenance says %s" % (path, line))
        return {name: f[name][()] for name in f}, dict(f.attrs)


# Small layers: n x chn x row x col; one of them stored as the toolbox stores it, one as plain float64 table.
conv = rng.standard_normal((N, 4, 3, 5)).astype(np.float32)
fc = rng.standard_normal((N, 12, 1, 1)).astype(np.float32)
few = rng.standard_normal((N, 3))
binary = (rng.random((N, 6, 2, 2)) < 0.5).astype(np.float32)
positive = rng.random((N, 8, 2, 1)).astype(np.float32)
LAYERS = {"conv": conv, "fc": fc, "binary": binary, "positive": positive}


def four(x):
    return x.reshape(x.shape + (1,) * (4 - x.ndim))


def make_files():
    activations("a.act.h5", LAYERS, compression="gzip")
    activations("few.act.h5", {"few": few})
    stim("n.stim.csv", ["%d.png" % i for i in range(N)], label=LABELS)
    write("u.dmask.csv", b"conv=row,chn,col\n3,1\n4,2\n2,5,1\nfc=chn\n12,1,2\nbinary=\n")


def test_mask():
    run("dnn_mask -act a.act.h5 -layer conv -chn 1 2 3 -out m.act.h5")
    out, _ = read("m.act.h5")
    expect(list(out) == ["conv"] and out["conv"].dtype == np.float32, "mask: one float32 layer")
    expect(np.array_equal(out["conv"], conv[:, :3]), "mask -chn")
    run("dnn_mask -act a.act.h5 -layer conv fc -chn 4 1 4 -out m.act.h5 --compress")
    out, _ = read("m.act.h5")
    expect(np.array_equal(out["conv"], conv[:, [3, 0, 3]]) and np.array_equal(out["fc"], fc[:, [3, 0, 3]]), "mask: order, repeats")
    run("dnn_mask -act a.act.h5 -dmask u.dmask.csv -out m.act.h5")
    out, _ = read("m.act.h5")
    want = conv[:, [3, 1]][:, :, [2, 0]][:, :, :, [1, 4, 0]]
    expect(set(out) == {"conv", "fc", "binary"} and np.array_equal(out["conv"], want), "mask -dmask: rows and columns")
    expect(np.array_equal(out["fc"], fc[:, [11, 0, 1]]) and np.array_equal(out["binary"], binary), "mask -dmask: fc, whole layer")
    run("dnn_mask -act a.act.h5 -layer conv -dmask u.dmask.csv -chn 1 -out m.act.h5")
    expect(np.array_equal(read("m.act.h5")[0]["conv"], conv[:, [0]][:, :, [2, 0]][:, :, :, [1, 4, 0]]), "mask: -chn over -dmask")
    run("dnn_mask -act few.act.h5 -out few4.act.h5")
    expect(np.array_equal(read("few4.act.h5")[0]["few"], four(few.astype(np.float32))), "mask: a table becomes n x chn x 1 x 1")
    with open("a.act.h5", "rb") as f:
        before = f.read()
    write("same.act.h5", before)
    run("dnn_mask -act same.act.h5 -layer conv -out same.act.h5")
    expect(np.array_equal(read("same.act.h5")[0]["conv"], conv), "mask: onto its own input")


POOLS = {"max": lambda x: x.max((2, 3)), "mean": lambda x: x.mean((2, 3)), "median": lambda x: np.median(x, (2, 3)),
         "L1": lambda x: np.abs(x).sum((2, 3)), "L2": lambda x: np.sqrt((x * x).sum((2, 3)))}


def test_pool():
    for method, truth in POOLS.items():
        run("dnn_pool -act a.act.h5 -layer conv binary -meth %s -out p.act.h5" % method)
        out, _ = read("p.act.h5")
        for name in ("conv", "binary"):
            close(out[name], truth(LAYERS[name].astype(np.float64))[:, :, None, None], "pool %s %s" % (method, name))
        run("dnn_pool -act a.act.h5 -layer conv -dmask u.dmask.csv -meth %s -out p.act.h5" % method)
        picked = conv[:, [3, 1]][:, :, [2, 0]][:, :, :, [1, 4, 0]].astype(np.float64)
        close(read("p.act.h5")[0]["conv"], truth(picked)[:, :, None, None], "pool %s of masked units" % method)


def features(x, axis, extract):
    """extract: n x d -> n x k. The result's shape follows the axis that patterns run over."""
    n, chn, row, col = x.shape
    if axis == "chn":
        parts = [extract(x[:, :, r, c]) for r in range(row) for c in range(col)]
        return np.stack(parts, -1).reshape(n, -1, row, col)
    if axis == "row_col":
        return np.stack([extract(x[:, c].reshape(n, -1)) for c in range(chn)], 1)[..., None]
    return extract(x.reshape(n, -1))[:, :, None, None]


def pca(k):
    return lambda x: PCA(k, svd_solver="full").fit_transform(x.astype(np.float64))


def hist(k):
    return lambda x: np.stack([np.histogram(row, k)[0] for row in x]).astype(np.float64)


def psd(k):
    return lambda x: np.stack([signal.periodogram(row.astype(np.float64))[1][:k] for row in x])


def test_fe():
    for line, extract in [("pca 3", pca(3)), ("pca 9", pca(9)), ("pca 0.7", pca(0.7)), ("hist 5", hist(5)), ("hist 1", hist(1)), ("psd 4", psd(4))]:
        run("dnn_fe -act a.act.h5 -layer conv fc -meth %s -out f.act.h5" % line)
        out, _ = read("f.act.h5")
        for name in ("conv", "fc"):
            want = features(LAYERS[name], None, extract)
            if line == "pca 9":  # nine centred rows have eight components; the last is rounding noise
                close(out[name][:, :8], want[:, :8], "fe %s %s" % (line, name), 2e-6)
                expect(np.abs(out[name][:, 8]).max() < 1e-5, "fe %s: nothing is left for the ninth" % line)
            else:
                close(out[name], want, "fe %s %s" % (line, name), 2e-6)
    for axis, extractors in [("chn", {"pca 2": pca(2), "hist 3": hist(3), "psd 3": psd(3)}),
                             ("row_col", {"pca 3": pca(3), "hist 4": hist(4), "psd 8": psd(8)})]:
        for line, extract in extractors.items():
            run("dnn_fe -act a.act.h5 -layer conv -meth %s -axis %s -out f.act.h5" % (line, axis))
            close(read("f.act.h5")[0]["conv"], features(conv, axis, extract), "fe %s -axis %s" % (line, axis), 2e-6)
    run("dnn_fe -act a.act.h5 -layer conv -dmask u.dmask.csv -meth pca 2 -axis chn -out f.act.h5")
    picked = conv[:, [3, 1]][:, :, [2, 0]][:, :, :, [1, 4, 0]]
    close(read("f.act.h5")[0]["conv"], features(picked, "chn", pca(2)), "fe of masked units", 2e-6)


def averaged(x):
    """Patterns averaged within labels, labels ascending."""
    return np.stack([x[LABELS == label].mean(0) for label in sorted(set(LABELS))])


def standardised(x):
    return (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)


def jaccard(u, v):
    """As SciPy before 1.15 had it for numbers; later ones take them for booleans."""
    either = (u != 0) | (v != 0)
    return ((u != v) & either).sum() / either.sum() if either.any() else 0


def rdms_of(x, iteraxis, metric, zscore, p=None):
    n, chn, row, col = x.shape
    parts = [x.reshape(n, -1)]
    if iteraxis == "channel":
        parts = [x[:, c].reshape(n, -1) for c in range(chn)]
    elif iteraxis == "row_col":
        parts = [x[:, :, r, c] for r in range(row) for c in range(col)]
    options = {} if p is None else {"p": p}
    with np.errstate(all="ignore"):
        return np.stack([pdist(standardised(y) if zscore else y, jaccard if metric == "jaccard" else metric, **options)
                         for y in parts])


def check_drdm(layer, line, iteraxis, metric, zscore=False, cate=False, p=None, file="a.act.h5", x=None, tolerance=1e-6):
    x = four((LAYERS[layer] if x is None else x).astype(np.float64))
    run("dnn_rsa -act %s -layer %s %s -out d.rdm.h5" % (file, layer, line))
    out, attributes = read("d.rdm.h5")
    expect(attributes["type"] == "dRDM" and list(out) == [layer] and out[layer].dtype == np.float64, "dnn_rsa %s: a dRDM of float64" % line)
    close(out[layer], rdms_of(averaged(x) if cate else x, iteraxis, metric, zscore, p), "dnn_rsa %s %s" % (layer, line), tolerance)


METRICS = {"conv": ["euclidean", "sqeuclidean", "correlation", "cosine", "cityblock", "chebyshev", "canberra", "braycurtis",
                    "minkowski", "seuclidean", "hamming", "matching", "jaccard"],
           "positive": ["jensenshannon", "braycurtis", "canberra"],
           "binary": ["hamming", "jaccard", "dice", "kulczynski1", "rogerstanimoto", "russellrao", "sokalmichener", "sokalsneath", "yule"]}


def test_metrics():
    for layer, metrics in METRICS.items():
        for metric in metrics:
            x = LAYERS[layer].astype(np.float64)
            truth = x != 0 if layer == "binary" and metric not in ("hamming", "jaccard") else x
            check_drdm(layer, "-metric " + metric, None, metric, x=truth)
    check_drdm("conv", "", None, "euclidean")
    check_drdm("conv", "-metric minkowski -p 3", None, "minkowski", p=3)
    check_drdm("conv", "-metric minkowski -p 0.5", None, "minkowski", p=0.5)
    check_drdm("few", "-metric mahalanobis", None, "mahalanobis", file="few.act.h5", x=few.astype(np.float64))


def test_rdm_options():
    for iteraxis, metric, zscore, cate in itertools.product((None, "channel", "row_col"), ("euclidean", "correlation", "cityblock"),
                                                            (False, True), (False, True)):
        line = "-metric " + metric
        line += " -iteraxis " + iteraxis if iteraxis else ""
        line += " -zscore" if zscore else ""
        line += " -cate n.stim.csv" if cate else ""
        check_drdm("conv", line, iteraxis, metric, zscore, cate)
    run("dnn_rsa -act a.act.h5 -layer conv -chn 3 1 -iteraxis channel -metric cosine -out d.rdm.h5")
    close(read("d.rdm.h5")[0]["conv"], rdms_of(conv[:, [2, 0]].astype(np.float64), "channel", "cosine", False), "dnn_rsa -chn: order")
    run("dnn_rsa -act a.act.h5 -dmask u.dmask.csv -metric cityblock -out d.rdm.h5")
    out, _ = read("d.rdm.h5")
    picked = conv[:, [3, 1]][:, :, [2, 0]][:, :, :, [1, 4, 0]].astype(np.float64)
    expect(set(out) == {"conv", "fc", "binary"}, "dnn_rsa -dmask: its layers")
    close(out["conv"], rdms_of(picked, None, "cityblock", False), "dnn_rsa -dmask")


def test_rdm_memory():
    """The same numbers when the budget leaves room for a few columns or iterations at a time."""
    wide = rng.standard_normal((12, 60, 9, 9)).astype(np.float32)
    activations("wide.act.h5", {"wide": wide})
    for line, iteraxis, metric in [("", None, "correlation"), ("", None, "cityblock"), ("-iteraxis channel", "channel", "euclidean"),
                                   ("-iteraxis row_col", "row_col", "correlation")]:
        run("dnn_rsa -act wide.act.h5 -metric %s %s -out d.rdm.h5 -memory 60K" % (metric, line))
        close(read("d.rdm.h5")[0]["wide"], rdms_of(wide.astype(np.float64), iteraxis, metric, False), "dnn_rsa -memory 60K " + line + metric)
    run("dnn_mask -act wide.act.h5 -chn 60 1 -out m.act.h5 -memory 60K")
    expect(np.array_equal(read("m.act.h5")[0]["wide"], wide[:, [59, 0]]), "mask -memory 60K")
    run("dnn_pool -act wide.act.h5 -meth mean -out m.act.h5 -memory 60K")
    close(read("m.act.h5")[0]["wide"], wide.mean((2, 3), np.float64)[:, :, None, None], "pool -memory 60K")
    run("dnn_fe -act wide.act.h5 -meth hist 4 -axis row_col -out f.act.h5 -memory 60K")
    close(read("f.act.h5")[0]["wide"], features(wide, "row_col", hist(4)), "fe -memory 60K")


def test_not_numbers():
    """NaN comes out where it went in, and where a distance has no value."""
    x = conv.astype(np.float64).copy()
    x[2, 1, 0, 3] = np.nan
    x[5] = 1.5  # constant: no correlation
    x[7] = 0    # zero: no angle
    activations("nan.act.h5", {"conv": x.astype(np.float32)})
    y = x.astype(np.float32).astype(np.float64)
    for metric in ("euclidean", "correlation", "cosine", "cityblock", "minkowski", "canberra", "braycurtis"):
        check_drdm("conv", "-metric " + metric, None, metric, file="nan.act.h5", x=y)
        check_drdm("conv", "-iteraxis channel -metric " + metric, "channel", metric, file="nan.act.h5", x=y)
    check_drdm("conv", "-zscore", None, "euclidean", True, file="nan.act.h5", x=y)
    run("dnn_rsa -act nan.act.h5 -metric chebyshev -out d.rdm.h5")  # scipy's overlooks NaN
    square = squareform(read("d.rdm.h5")[0]["conv"][0])
    expect(np.isnan(np.delete(square[2], 2)).all() and not np.isnan(np.delete(square, 2, 0)[:, np.arange(N) != 2]).any(), "chebyshev of NaN")
    for method in POOLS:
        run("dnn_pool -act nan.act.h5 -meth %s -out p.act.h5" % method)
        close(read("p.act.h5")[0]["conv"], POOLS[method](y)[:, :, None, None], "pool %s of NaN" % method)


def test_brain():
    bold, labels = brain(".", N, 21)
    parts = {k: bold[labels == k].T.astype(np.float64) for k in (1, 2, 5)}  # volumes x voxels
    for method, f in {"mean": lambda x: x.mean(1), "max": lambda x: x.max(1), "std": lambda x: x.std(1)}.items():
        run("brain_roi -nif bold.nii.gz -mask rois.nii.gz -method %s -out b.roi.h5" % method)
        out, attributes = read("b.roi.h5")
        expect([str(r) for r in attributes["roi"]] == ["1", "2", "5"], "brain_roi: names")
        close(out["data"], np.stack([f(parts[k]) for k in (1, 2, 5)], 1), "brain_roi " + method)
    run("brain_roi -nif bold.nii.gz -mask rois.nii.gz -roi 5 1 -out b.roi.h5")
    out, attributes = read("b.roi.h5")
    expect([str(r) for r in attributes["roi"]] == ["5", "1"], "brain_roi -roi: names")
    close(out["data"], np.stack([parts[k].mean(1) for k in (5, 1)], 1), "brain_roi -roi")
    for metric, zscore, cate in itertools.product(("euclidean", "correlation", "seuclidean", "cityblock"), (False, True), (False, True)):
        line = "-metric " + metric + (" -zscore" if zscore else "") + (" -cate n.stim.csv" if cate else "")
        run("brain_rsa -nif bold.nii.gz -bmask rois.nii.gz -roi 1 2 %s -out b.rdm.h5" % line)
        out, attributes = read("b.rdm.h5")
        expect(attributes["type"] == "bRDM" and set(out) == {"1", "2"}, "brain_rsa: a bRDM of two ROIs")
        for k in (1, 2):
            x = averaged(parts[k]) if cate else parts[k]
            close(out[str(k)], pdist(standardised(x) if zscore else x, metric), "brain_rsa ROI %d %s" % (k, line))
    run("brain_rsa -nif bold.nii.gz -bmask rois.nii.gz -metric minkowski -p 3 -out b.rdm.h5")
    out, _ = read("b.rdm.h5")
    expect(set(out) == {"1", "2", "5"}, "brain_rsa: every ROI of the mask")
    close(out["5"], pdist(parts[5], "minkowski", p=3), "brain_rsa minkowski")
    broken = bold.copy()
    broken[0, 0, 0, 3] = np.nan  # in ROI 1
    image("nan.nii.gz", broken)
    run("brain_roi -nif nan.nii.gz -mask rois.nii.gz -method max -out b.roi.h5")
    want = np.stack([parts[k].max(1) for k in (1, 2, 5)], 1)
    want[3, 0] = np.nan
    close(read("b.roi.h5")[0]["data"], want, "brain_roi of NaN")


def tau_a(x, y):
    i, j = np.triu_indices(len(x), 1)
    return np.mean(np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]))


CORRELATIONS = {"pearson": lambda x, y: stats.pearsonr(x, y)[0], "spearman": lambda x, y: stats.spearmanr(x, y)[0],
                "kendall-a": tau_a, "kendall-b": lambda x, y: stats.kendalltau(x, y)[0]}


def table(path):
    """Rows of a .tsv below its comment, which must be the provenance."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines()
    comment = [line for line in lines if line.startswith("#")]
    expect(len(comment) == 1 and "command" in json.loads(comment[0][comment[0].index("{"):]), path + ": provenance in a comment")
    names, *rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [dict(zip(names, row)) for row in rows]


def rsa(line):
    """The table's rows, checked against the JSON."""
    run("dnnbrain rsa -drdm d.rdm.h5 -brdm b.rdm.h5 -figformat none -out r " + line)
    rows = table("r.tsv")
    with open("r.json", encoding="utf-8") as f:
        report = json.load(f)
    expect("command" in report["provenance"] and len(report["results"]) == len(rows), "rsa: JSON of every row")
    for row, result in zip(rows, report["results"]):
        for name, value in result.items():
            same = row[name] == value if isinstance(value, str) else \
                np.isnan(float(row[name])) if value is None else np.isclose(float(row[name]), value, rtol=1e-9)
            expect(same, "rsa: %s is %s in the table, %s in JSON" % (name, row[name], value))
    return rows


def test_rsa_correlations():
    n = 8
    models = np.round(rng.random((3, n * (n - 1) // 2)), 1)  # with ties
    rois = {"V1": np.round(models[0] + rng.normal(0, 0.3, models.shape[1]), 1), "IT": rng.random(models.shape[1])}
    rdms("d.rdm.h5", "dRDM", {"conv": models[:2], "fc": models[2:]})
    rdms("b.rdm.h5", "bRDM", rois)
    for method, f in CORRELATIONS.items():
        rows = rsa("-permute 0 -method " + method)
        expect([(r["layer"], r["roi"]) for r in rows] == [(m, k) for m in ("conv:1", "conv:2", "fc") for k in ("IT", "V1")],
               "rsa: rows by layer, then ROI")
        want = [f(models[m], rois[k]) for m in range(3) for k in ("IT", "V1")]
        close([float(r["r"]) for r in rows], np.array(want), "rsa " + method)
        expect(all(np.isnan(float(r["p"])) and np.isnan(float(r["p_max"])) for r in rows), "rsa -permute 0: no p")
    rows = rsa("-permute 0 -layer fc -roi V1 IT")
    expect([(r["layer"], r["roi"]) for r in rows] == [("fc", "V1"), ("fc", "IT")], "rsa -layer -roi: chosen, in that order")


def exact_null(models, rois, f):
    """r of every permutation of the conditions: permutations x models x rois."""
    n = squareform(models[0]).shape[0]
    pairs = np.triu_indices(n, 1)
    out = []
    for order in itertools.permutations(range(n)):
        shuffled = [squareform(m)[np.ix_(order, order)][pairs] for m in models]
        out.append([[f(m, r) for r in rois] for m in shuffled])
    return np.array(out)


def test_rsa_p_values():
    """p = (1 + as extreme) / (1 + N), against all 720 permutations of six conditions."""
    n, draws = 6, 19999
    models = rng.random((2, 15))
    rois = np.stack([models[0] + rng.normal(0, 0.25, 15), models[1] + rng.normal(0, 0.6, 15), rng.random(15)])
    rdms("d.rdm.h5", "dRDM", {"a": models[:1], "b": models[1:]})
    rdms("b.rdm.h5", "bRDM", {str(k): r for k, r in enumerate(rois)})
    for method, line in [("pearson", ""), ("spearman", ""), ("spearman", " -twosided"), ("kendall-a", "")]:
        null = exact_null(models, rois, lambda x, y: CORRELATIONS[method](x, y))
        observed = null[0]  # the identity comes first
        size = np.abs if line else lambda x: x
        rows = rsa("-permute %d -seed 3 -method %s%s" % (draws, method, line))
        for i, row in enumerate(rows):
            m, k = divmod(i, len(rois))
            extreme = size(null) >= size(observed[m, k]) - 1e-12
            for name, want in [("p", extreme[:, m, k].mean()), ("p_max", extreme.any((1, 2)).mean())]:
                p = float(row[name])
                error = 5 * np.sqrt(want * (1 - want) / draws) + 2 / draws
                count = p * (draws + 1)
                expect(abs(p - want) <= error, "rsa %s%s %s: %.4f, of all permutations %.4f" % (method, line, name, p, want))
                expect(abs(count - round(count)) < 1e-6 and round(count) >= 1, "rsa %s: a count of %d" % (name, draws + 1))
            for name, level in [("null_2.5", 0.025), ("null_95", 0.95), ("null_97.5", 0.975)]:
                value = float(row[name])
                below, at = (null[:, m, k] < value - 1e-9).mean(), (null[:, m, k] <= value + 1e-9).mean()
                expect(below - 0.01 <= level <= at + 0.01, "rsa %s %s: %.4f" % (method, name, value))


def test_rsa_bootstrap():
    n, draws = 16, 4000
    a = rng.random(n * (n - 1) // 2)
    b = a + rng.normal(0, 0.2, a.shape)
    rdms("d.rdm.h5", "dRDM", {"a": a[None]})
    rdms("b.rdm.h5", "bRDM", {"b": b})
    square_a, square_b = squareform(a), squareform(b)
    theirs = []
    while len(theirs) < draws:
        pick = rng.integers(0, n, n)
        i, j = np.triu_indices(n, 1)
        keep = pick[i] != pick[j]
        theirs.append(np.corrcoef(square_a[pick[i], pick[j]][keep], square_b[pick[i], pick[j]][keep])[0, 1])
    row, = rsa("-permute 0 -boot %d -method pearson" % draws)
    # A t interval on Fisher's z, its width from the draws.
    half = np.std(np.arctanh(theirs), ddof=1) * np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 2)
    z = np.arctanh(stats.pearsonr(a, b)[0])
    for name, want in [("ci_low", np.tanh(z - half)), ("ci_high", np.tanh(z + half))]:
        expect(abs(float(row[name]) - want) < 0.03, "rsa -boot %s: %s against %.3f" % (name, row[name], want))
    first = rsa("-permute 100 -boot 50 -threads 1")
    expect(rsa("-permute 100 -boot 50 -threads 2") == first, "rsa: the same for any number of threads")
    expect(rsa("-permute 100 -boot 50 -seed 2") != first, "rsa: another seed, other draws")


with own_folder():
    make_files()
    run_tests(globals())
finish()
