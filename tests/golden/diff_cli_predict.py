"""-save-weights of probe, encode and decode, and predict, against scikit-learn pipelines fitted on the same rows and applied to
the same new ones: labels, decisions, probabilities, numbers, what stands in the file, accuracy and confusions."""
import csv
import json
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import nibabel
    import numpy as np
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression, Ridge
    from sklearn.metrics import accuracy_score, confusion_matrix, r2_score
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

sys.path.insert(0, os.path.join(os.environ["DNB_SOURCE"], "tests", "cli"))
from fixtures import activations, image, rois, stim
from golden import BIN, expect, finish
from golden import close as close_to

N, NEW = 60, 25
rng = np.random.default_rng(8)


def close(ours, theirs, what, tolerance=1e-6):
    close_to(ours, theirs, what, tolerance, floor=1)


def run(line, quiet="-quiet"):
    words = line.split()
    done = subprocess.run([os.path.join(BIN, words[0]), *words[1:], *quiet.split()], capture_output=True, text=True)
    if done.returncode != 0 or (quiet == "-quiet" and (done.stdout or done.stderr)):
        raise AssertionError("%s\nexit %d\n%s%s" % (line, done.returncode, done.stdout, done.stderr))
    return done.stdout


def table(path):
    """Columns by name, in order."""
    with open(path, encoding="utf-8", newline="") as f:
        lines = [line for line in f if not line.startswith("#")]
    rows = list(csv.reader(lines, delimiter="," if path.endswith(".csv") else "\t"))
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


def numbers(columns, prefix):
    return np.array([[float(v) for v in values] for name, values in columns.items() if name.startswith(prefix)]).T


def behaviour(x):
    """Columns that follow features of x."""
    score = x[:, :3] + rng.normal(0, .6, (len(x), 3))
    return {"label": score.argmax(1) * 4 - 3, "condition": np.where(score[:, 0] > 0, "face", "a house"),
            "RT": x[:, 1] - x[:, 4] + rng.normal(0, .2, len(x)), "size": x[:, 2] + 5}


class Layer:
    def __init__(self, name, shape):
        self.name, self.shape = name, shape
        self.train, self.new = (rng.standard_normal((n,) + shape).astype(np.float32) + np.float32(.5) for n in (N, NEW))

    def rows(self, part):
        return getattr(self, part).reshape(len(getattr(self, part)), -1).astype(float)


LAYERS = [Layer("conv", (6, 4, 5)), Layer("block/fc", (12, 1, 1))]  # more units than stimuli, and fewer
ROIS = ["V1", "V2", "IT", "FFA", "PPA"]


def make_files():
    for part in ("train", "new"):
        activations(part + ".act.h5", {l.name: getattr(l, part) for l in LAYERS})
    b = {part: behaviour(LAYERS[1].rows(part)) for part in ("train", "new")}
    for part, n in (("train", N), ("new", NEW)):
        stim(part + ".stim.csv", ["%s%d.png" % (part, i) for i in range(n)], **b[part])
    return b


def classifiers():
    return [("svc", "-c 1", SVC(kernel="linear", C=1., tol=1e-6)), ("svc", "", SVC(kernel="linear", C=.025, tol=1e-6)),
            ("lrc", "", LogisticRegression(solver="newton-cg", tol=1e-8, max_iter=300)),
            ("lda", "", LinearDiscriminantAnalysis()), ("gnb", "", GaussianNB())]


def decisions(fit, x, model):
    if model == "gnb":
        return fit.predict_log_proba(x)
    f = fit.decision_function(x)
    return np.stack([-f, f], 1) if f.ndim == 1 else f


def check_table(columns, fit, x, model, target, what, probability):
    classes = [str(c) for c in fit.classes_]
    expect(columns[target] == [str(c) for c in fit.predict(x)], what + ": labels")
    head = "p" if probability else "decision"
    expect([c for c in columns if "(" in c] == ["%s(%s=%s)" % (head, target, c) for c in classes], what + ": columns of values")
    if probability:
        close(numbers(columns, head), fit.predict_proba(x), what + ": probabilities", 1e-5)
    else:
        close(numbers(columns, head), decisions(fit, x, model), what + ": decisions", 1e-4)


def probe(b):
    for model, options, peer in classifiers():
        for pca in (0, 7):
            run("dnn_probe -anal mv -model %s %s -act train.act.h5 -stim train.stim.csv -beh label condition %s -out p -save-weights p.weights.h5"
                % (model, options, "-pca %d" % pca if pca else ""))
            for layer in LAYERS:
                for target in ("label", "condition"):
                    what = "%s %s pca %d, %s from %s" % (model, options, pca, target, layer.name)
                    fit = make_pipeline(PCA(pca, svd_solver="full"), peer) if pca else peer
                    fit.fit(layer.rows("train"), b["train"][target])
                    line = "dnnbrain predict -weights p.weights.h5 -act new.act.h5 -layer %s -beh %s -out o.tsv" % (layer.name, target)
                    for values in ("decision",) + (() if model == "svc" else ("probability",)):
                        run(line + " -values " + values)
                        check_table(table("o.tsv"), fit, layer.rows("new"), model, target, what, values == "probability")
                    if layer is LAYERS[1]:
                        file_of(model, pca, layer, target, fit)


def file_of(model, pca, layer, target, fit):
    """The documented layout, read by h5py and used as scikit-learn uses its own numbers."""
    x, name = layer.rows("new"), layer.name + "." + target
    last = fit[-1] if pca else fit
    with h5py.File("p.weights.h5") as f:
        expect(f.attrs["type"] == "weights" and f.attrs["model"] == model and f.attrs["input"] == "activations", name + ": attributes")
        expect(list(f.attrs["layers"]) == sorted(l.name for l in LAYERS) and list(f.attrs["targets"]) == ["label", "condition"], name + ": lists")
        expect(list(f.attrs["classes." + target]) == [str(c) for c in last.classes_], name + ": classes")
        expect("dnn_probe" in json.loads(f.attrs["provenance"])["command"], name + ": provenance")
        if model != "gnb":
            w, intercept = f[name][()], f[name + ".intercept"][:, 0, 0, 0]
            expect(w.dtype == np.float64 and w.shape[1:] == layer.shape, name + ": type and shape")
            coef = last.coef_ @ fit[0].components_ if pca else last.coef_
            close(w.reshape(len(w), -1), coef, model + " " + name + ": weights in the file", 1e-3)
            z = x @ w.reshape(len(w), -1).T + intercept
            if model != "svc" or len(last.classes_) == 2:
                close(z.reshape(len(z), -1), fit.decision_function(x).reshape(len(z), -1), model + " " + name + ": by hand", 1e-4)
            return
        mean, var, prior = (f[name + part][()] for part in (".mean", ".variance", ".prior"))
        if pca:
            x = x @ f[name + ".components"][()].reshape(pca, -1).T + f[name + ".offset"][:, 0, 0, 0]
        k = len(prior)
        mean, var, prior = mean.reshape(k, -1), var.reshape(k, -1), prior[:, 0, 0, 0]
        joint = np.log(prior) - .5 * (np.log(2 * np.pi * var).sum(1) + ((x[:, None] - mean) ** 2 / var).sum(2))
        close(joint - np.logaddexp.reduce(joint, 1)[:, None], fit.predict_log_proba(layer.rows("new")), "gnb %s: by hand" % name, 1e-6)


def regressions(b):
    targets = np.stack([b["train"]["RT"], b["train"]["size"]], 1)
    for model, options, peer in [("glm", "", LinearRegression()), ("ridge", "-alpha 3", Ridge(3.)), ("pls", "-components 2", PLSRegression(2, tol=1e-15, max_iter=10000)),
                                 ("elasticnet", "-alpha .1", ElasticNet(.1, tol=1e-12, max_iter=100000))]:
        for pca in ("", "-pca 6"):
            run("dnn_probe -anal mv -model %s %s %s -act train.act.h5 -layer block/fc -stim train.stim.csv -beh RT size -out r -save-weights r.weights.h5"
                % (model, options, pca))
            fit = make_pipeline(PCA(6, svd_solver="full"), peer) if pca else peer
            want = fit.fit(LAYERS[1].rows("train"), targets).predict(LAYERS[1].rows("new"))
            run("dnnbrain predict -weights r.weights.h5 -act new.act.h5 -out r.npy")
            close(np.load("r.npy"), want, "probe %s %s" % (model, pca))
    run("dnnbrain predict -weights r.weights.h5 -act new.act.h5 -stim new.stim.csv -beh size -out r.csv")
    columns = table("r.csv")
    expect(list(columns) == ["stimulus", "size"] and columns["stimulus"][3] == "new3.png", "a table of numbers: its columns")
    close(numbers(columns, "size")[:, 0], want[:, 1], "a table of numbers")
    said = json.loads(run("dnnbrain predict -weights r.weights.h5 -act new.act.h5 -stim new.stim.csv -out r.csv", "-quiet -json"))["scores"]
    close([said["RT"]["correlation"], said["size"]["r2"]], [np.corrcoef(b["new"]["RT"], want[:, 0])[0, 1], r2_score(b["new"]["size"], want[:, 1])],
          "how well numbers are predicted")


def decode(b):
    """From regions, voxels and columns, by name and by place."""
    y = {part: LAYERS[1].rows(part)[:, :5] for part in ("train", "new")}
    for part in y:
        rois(part + ".roi.h5", ROIS, y[part])
        np.save(part + ".npy", y[part])
        np.savetxt(part + ".csv", y[part][:, ::-1], "%.17g", ",", header=",".join(ROIS[::-1]), comments="")
    rois("more.roi.h5", ["A"] + ROIS[::-1], np.concatenate([np.ones((NEW, 1)), y["new"][:, ::-1]], 1))
    for model, options, peer in classifiers():
        run("db_decode -anal mv -model %s %s -stim train.stim.csv -beh condition label -resp train.roi.h5 -out d -save-weights d.weights.h5" % (model, options))
        fit = peer.fit(y["train"], b["train"]["label"])
        for resp in ("new.roi.h5", "more.roi.h5", "new.csv", "new.npy"):
            run("dnnbrain predict -weights d.weights.h5 -resp %s -beh label -values decision -out o.csv" % resp)
            check_table(table("o.csv"), fit, y["new"], model, "label", "decode %s from %s" % (model, resp), False)
    told = json.loads(run("dnnbrain predict -weights d.weights.h5 -resp new.roi.h5 -stim new.stim.csv -beh label -out o.tsv -confusion c.tsv", "-quiet -json"))
    truth, said = b["new"]["label"], fit.predict(y["new"])
    close(told["scores"]["label"]["accuracy"], accuracy_score(truth, said), "accuracy")
    counts = table("c.tsv")
    expect(list(counts) == ["true class", "-3", "1", "5"] and counts["true class"] == ["-3", "1", "5"], "confusion: classes")
    close(np.array([[int(v) for v in counts[c]] for c in ("-3", "1", "5")]).T, confusion_matrix(truth, said), "confusion")
    strange = truth.copy()
    strange[:2] = 77
    stim("strange.stim.csv", ["n%d.png" % i for i in range(NEW)], label=strange)
    told = subprocess.run([os.path.join(BIN, "dnnbrain"), *"predict -weights d.weights.h5 -resp new.roi.h5 -stim strange.stim.csv -beh label -out o.tsv "
                           "-confusion c.tsv -quiet -json".split()], capture_output=True, text=True, check=True)
    expect("2 stimuli are of classes that the weights do not know (the first: '77')" in told.stderr, "unknown classes: warning")
    close(json.loads(told.stdout)["scores"]["label"]["accuracy"], accuracy_score(strange, said), "unknown classes: accuracy")
    expect(table("c.tsv")["true class"] == ["-3", "1", "5", "77"], "unknown classes: confusion")
    run("db_decode -anal mv -model ridge -alpha 2 -stim train.stim.csv -beh RT size -resp train.roi.h5 -out d -save-weights d.weights.h5")
    run("dnnbrain predict -weights d.weights.h5 -resp more.roi.h5 -out o.npy")
    close(np.load("o.npy"), Ridge(2.).fit(y["train"], np.stack([b["train"]["RT"], b["train"]["size"]], 1)).predict(y["new"]), "decode ridge")
    run("db_encode -anal mv -model glm -stim train.stim.csv -beh RT size -resp train.npy -out e -save-weights e.weights.h5")
    run("dnnbrain predict -weights e.weights.h5 -stim new.stim.csv -out o.npy")
    x = [np.stack([b[part]["RT"], b[part]["size"]], 1) for part in ("train", "new")]
    close(np.load("o.npy"), LinearRegression().fit(x[0], y["train"]).predict(x[1]), "encode -beh")


def voxels(b):
    """Voxels by mask, by mask and label, and by their places alone."""
    volumes = {part: rng.normal(10, 1, (4, 3, 2, n)).astype(np.float32) for part, n in (("train", N), ("new", NEW))}
    for part, v in volumes.items():
        v[1, :, 0] += 2 * LAYERS[1].rows(part).T[:3]
        image(part + ".nii.gz", v)
    mask = np.zeros((4, 3, 2), np.int16)
    mask[1], mask[3, 1] = 2, 1
    image("mask.nii.gz", mask)
    for options, inside in (("-bmask mask.nii.gz", mask != 0), ("-bmask mask.nii.gz -roi 2", mask == 2), ("", np.ones(mask.shape, bool))):
        run("db_decode -anal mv -model lrc -stim train.stim.csv -beh condition -resp train.nii.gz %s -out v -save-weights v.weights.h5" % options)
        fit = LogisticRegression(solver="newton-cg", tol=1e-8, max_iter=300).fit(
            nibabel.load("train.nii.gz").get_fdata()[inside].T, b["train"]["condition"])
        for again in {options, ""}:
            run("dnnbrain predict -weights v.weights.h5 -resp new.nii.gz %s -out v.tsv" % again)
            check_table(table("v.tsv"), fit, nibabel.load("new.nii.gz").get_fdata()[inside].T, "lrc", "condition", "voxels " + options, True)
        with h5py.File("v.weights.h5") as f:
            expect(np.array_equal(f["feature.voxel"], np.argwhere(inside)), "voxels: places in the file")
            expect(list(f.attrs["layers"]) == ["resp"] and f.attrs["input"] == "responses", "voxels: the layer's name")


def threads():
    for model, options in (("lrc", ""), ("gnb", "-pca 5"), ("svc", ""), ("ridge", "")):
        target = "size" if model == "ridge" else "label"
        for n in (1, 2):
            run("dnn_probe -anal mv -model %s %s -act train.act.h5 -layer conv -stim train.stim.csv -beh %s -out t -threads %d -save-weights t%d.h5"
                % (model, options, target, n, n))
            run("dnnbrain predict -weights t%d.h5 -act new.act.h5 -threads %d -out t%d.tsv" % (n, n, n))
        with h5py.File("t1.h5") as a, h5py.File("t2.h5") as b:
            names = []
            a.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
            expect(len(names) >= 2 and all(np.array_equal(a[name], b[name]) for name in names), model + ": the same weights for 1 and 2 threads")
        expect(table("t1.tsv") == table("t2.tsv"), model + ": the same predictions for 1 and 2 threads")


def by_h5py(b):
    """A file written by h5py alone, as the documentation says."""
    fit = LinearDiscriminantAnalysis().fit(LAYERS[1].rows("train"), b["train"]["label"])
    with h5py.File("hand.h5", "w") as f:
        f.attrs.update({"type": "weights", "model": "lda", "input": "activations"})
        for name, texts in (("layers", ["block/fc"]), ("targets", ["label"]), ("classes.label", ["minus three", "one", "five"])):
            f.attrs.create(name, texts, dtype=h5py.string_dtype())
        f["block/fc.label"], f["block/fc.label.intercept"] = fit.coef_, fit.intercept_
    run("dnnbrain predict -weights hand.h5 -act new.act.h5 -values none -out h.tsv")
    columns = table("h.tsv")
    names = dict(zip(fit.classes_, ["minus three", "one", "five"]))
    expect(list(columns) == ["stimulus", "label"] and columns["label"] == [names[c] for c in fit.predict(LAYERS[1].rows("new"))], "a file by h5py")


with tempfile.TemporaryDirectory() as top:
    os.chdir(top)
    columns_of = make_files()
    probe(columns_of)
    regressions(columns_of)
    decode(columns_of)
    voxels(columns_of)
    threads()
    by_h5py(columns_of)
    os.chdir("/")
finish()
