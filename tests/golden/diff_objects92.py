"""The whole chain on real data: GoogLeNet and SqueezeNet on the 92 objects, RDMs against human and monkey IT.

Known answers (Pillow bilinear resize to the input size, float64 statistics, RDM = 1 - Pearson r) must come out
to 1e-3; for SqueezeNet the correlations are recomputed here with SciPy from the program's own activations.
Real data: $DNB_TEST_DATA, else ../shared/data beside the source. Exit 77 when absent.
"""
import json
import os
import subprocess
import sys
import tempfile

from golden import data_dir, finish, report

try:
    import h5py
    from scipy.spatial.distance import pdist
    from scipy.stats import kendalltau, pearsonr, spearmanr
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

DATA = data_dir()
PROGRAM = os.environ["DNNBRAIN"]
CAFFE = "--channels BGR --range 255 --mean 104 117 123 --std 1 1 1".split()
# layer: Spearman hIT, Spearman mIT, Pearson hIT, Kendall tau-b hIT
KNOWN = {
    "conv1/7x7_s2": (0.0914, 0.1429, 0.1128, 0.0611),
    "inception_3b/output": (0.1718, 0.2132, 0.2222, 0.1160),
    "inception_4c/output": (0.3555, 0.4452, 0.4150, 0.2432),
    "inception_5b/output": (0.2181, 0.3215, 0.3311, 0.1477),
}
SQUEEZE = ["conv1", "fire4/concat", "fire9/concat", "conv10"]


def run(*words):
    subprocess.run([PROGRAM, *words, "-quiet"], check=True)


def correlations(folder, dnn, method):
    run("rsa", "-drdm", dnn, "-brdm", os.path.join(DATA, "brain", "objects92.rdm.h5"), "-method", method, "-permute",
        "0", "-out", os.path.join(folder, "rsa"), "-figformat", "none")
    results = json.load(open(os.path.join(folder, "rsa.json")))["results"]
    return {(x["layer"], x["roi"]): x["r"] for x in results}


def chain(folder, model, layers):
    act, rdm = os.path.join(folder, "x.act.h5"), os.path.join(folder, "x.rdm.h5")
    run("act", "-net", os.path.join(DATA, "models", model), *CAFFE, "-stim",
        os.path.join(DATA, "stimuli", "objects92.stim.csv"), "-layer", *layers, "-out", act)
    run("rdm", "-act", act, "-metric", "correlation", "-out", rdm)
    return act, rdm


def main():
    if not data_dir("models", "bvlc_googlenet.onnx"):
        print("skipped: no real data")
        sys.exit(77)

    def check(what, got, want, tolerance):
        report(what, bool(abs(got - want) <= tolerance), f"{got:.4f}, known {want:.4f}")

    with tempfile.TemporaryDirectory() as folder:
        _, rdm = chain(folder, "bvlc_googlenet.onnx", list(KNOWN))
        found = {m: correlations(folder, rdm, m) for m in ("spearman", "pearson", "kendall-b")}
        for layer, (s_human, s_monkey, p_human, k_human) in KNOWN.items():
            check(f"{layer} Spearman hIT", found["spearman"][layer, "hIT"], s_human, 1e-3)
            check(f"{layer} Spearman mIT", found["spearman"][layer, "mIT"], s_monkey, 1e-3)
            check(f"{layer} Pearson hIT", found["pearson"][layer, "hIT"], p_human, 1e-3)
            check(f"{layer} Kendall tau-b hIT", found["kendall-b"][layer, "hIT"], k_human, 1e-3)
        act, rdm = chain(folder, "squeezenet1_1.onnx", SQUEEZE)
        found = {m: correlations(folder, rdm, m) for m in ("spearman", "pearson", "kendall-b")}
        with h5py.File(act) as a, h5py.File(os.path.join(DATA, "brain", "objects92.rdm.h5")) as b:
            for layer in SQUEEZE:
                mine = pdist(a[layer][...].reshape(92, -1).astype(float), "correlation")
                for roi in ("hIT", "mIT"):
                    theirs = b[roi][...].ravel()
                    check(f"squeezenet {layer} Spearman {roi}", found["spearman"][layer, roi],
                          spearmanr(mine, theirs)[0], 1e-6)
                    check(f"squeezenet {layer} Pearson {roi}", found["pearson"][layer, roi],
                          pearsonr(mine, theirs)[0], 1e-6)
                    check(f"squeezenet {layer} Kendall {roi}", found["kendall-b"][layer, roi],
                          kendalltau(mine, theirs)[0], 1e-6)
    finish()


main()
