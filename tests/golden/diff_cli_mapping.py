"""encode, probe, decode and corr, by the toolbox's command lines, against scikit-learn and NumPy on the same files:
scores of every fold, the best units and where they are, confusion matrices, images, groups, best layers."""
import functools
import json
import os
import sys

from golden import *

try:
    import h5py
    import nibabel
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
    from sklearn.metrics import accuracy_score, confusion_matrix, explained_variance_score, r2_score
    from sklearn.model_selection import GroupKFold, KFold, LeaveOneGroupOut, LeaveOneOut, StratifiedKFold
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

sys.path.insert(0, os.path.join(os.environ["DNB_SOURCE"], "tests", "cli"))
from fixtures import activations, image, stim, write

N = 36
rng = np.random.default_rng(5)
run = run_quietly
close = functools.partial(close, floor=1)


def load(*parts):
    return np.load(os.path.join(*parts))


def pearson(y, p):
    return np.corrcoef(y, p)[0, 1] if y.std() > 0 and p.std() > 0 else 0.0


def fold_scores(model, x, y, folds=None, score=explained_variance_score):
    """targets x folds; all targets are fitted together."""
    folds = folds or list(KFold(3).split(x))
    out = np.zeros((y.shape[1], len(folds)))
    for f, (train, test) in enumerate(folds):
        p = model.fit(x[train], y[train]).predict(x[test]).reshape(len(test), -1)
        out[:, f] = [score(y[test, t], p[:, t]) for t in range(y.shape[1])]
    return out


def best_units(units, y, scores_of):
    """The best of units (list of columns) per target: max, index, fold scores."""
    every = np.array([scores_of(u[:, None], y) for u in units])  # units x targets x folds
    unit = every.mean(2).argmax(0)
    rows = np.arange(y.shape[1])
    return every.mean(2)[unit, rows], unit, every[unit, rows]


def places(unit, shape):
    return np.stack(np.unravel_index(unit, shape), -1) + 1


conv = rng.standard_normal((N, 4, 3, 5)).astype(np.float32)
fc = rng.standard_normal((N, 10, 1, 1)).astype(np.float32)
LAYERS = {"conv": conv, "block/fc": fc}
Y = np.stack([fc[:, 3, 0, 0] + rng.normal(0, .5, N), conv[:, 2, 1, 4] + rng.normal(0, .5, N), rng.standard_normal(N)], 1)
ROIS = ["V1", "V2", "IT"]
LABEL = np.argsort(np.argsort(fc[:, 2, 0, 0] + rng.normal(0, .3, N))) // 12 + 1
CONDITION = np.where(fc[:, 5, 0, 0] + rng.normal(0, .4, N) > 0, "face", "house")
RT = fc[:, 1, 0, 0] + rng.normal(0, .3, N)
RUN = np.repeat([3, 1, 7, 5, 2, 9], 6)


class LeastNorm:
    """LinearRegression where units outnumber stimuli: SciPy's default cut-off lets the singular value that centring
    makes 0 through when rounding leaves a little of it."""

    def fit(self, x, y):
        self.mean, self.offset = x.mean(0), y.mean(0)
        self.coef = np.linalg.pinv(x - self.mean, rcond=1e-12) @ (y - self.offset)
        return self

    def predict(self, x):
        return (x - self.mean) @ self.coef + self.offset


def flat(layer):
    return LAYERS[layer].reshape(N, -1).astype(np.float64)


def make_files():
    activations("x.act.h5", LAYERS)
    with h5py.File("y.roi.h5", "w") as f:
        f.attrs.create("roi", ROIS, dtype=h5py.string_dtype())
        f["data"] = Y
    np.save("y.npy", Y)
    write("y.csv", ("V1,name,V2,IT\n" + "".join("%r,a,%r,%r\n" % tuple(map(float, r)) for r in Y)).encode())
    stim("s.stim.csv", ["s%d.png" % i for i in range(N)], label=LABEL, condition=CONDITION, RT=RT, run=RUN)
    volumes = rng.normal(100, 5, (4, 3, 2, N)).astype(np.float32)
    volumes[1, 1, 1] += 20 * conv[:, 2, 0, 3]
    volumes[0] = 0
    image("bold.nii.gz", volumes)
    mask = np.zeros((4, 3, 2), np.int16)
    mask[1], mask[2], mask[3, 0] = 4, 2, 9
    image("mask.nii.gz", mask)
    return volumes.astype(np.float64), mask


def encode_mv():
    run("db_encode -anal mv -act x.act.h5 -resp y.roi.h5 -model glm -cv 4 -scoring r2 -out mv")
    for layer in LAYERS:
        close(load("mv", layer, "score.npy")[0],
              fold_scores(LeastNorm(), flat(layer), Y, list(KFold(4).split(Y)), r2_score), "glm of " + layer)
    for model, peer, extra in [("ridge", Ridge(7.), "--alpha 7"), ("lasso", Lasso(.1, tol=1e-9, max_iter=100000), "-alpha .1"),
                               ("elasticnet", ElasticNet(.1, l1_ratio=.3, tol=1e-9, max_iter=100000), "-alpha .1 -l1-ratio .3"),
                               ("pls", PLSRegression(3, tol=1e-12, max_iter=5000), "-components 3"),
                               ("glm", make_pipeline(PCA(6), LinearRegression()), "-pca 6")]:
        run("db_encode -anal mv -act x.act.h5 -layer conv -resp y.npy -model %s %s -out mv2" % (model, extra))
        close(load("mv2", "conv", "score.npy")[0], fold_scores(peer, flat("conv"), Y), model + " " + extra,
              1e-3 if "net" in model or model == "lasso" else 1e-6)
    run("db_encode -anal mv -act x.act.h5 -layer conv -iteraxis channel -resp y.csv -roi IT V1 -model ridge -scoring correlation -out mv3")
    ours = load("mv3", "conv", "channel", "score.npy")
    for c in range(4):
        close(ours[c], fold_scores(Ridge(1.), conv[:, c].reshape(N, -1).astype(float), Y[:, [2, 0]], score=pearson), "channel %d" % c)
    run("db_encode -anal mv -act x.act.h5 -layer conv -iteraxis row_col -resp y.roi.h5 -model ridge -folds loo -scoring neg_mse -out mv4")
    ours = load("mv4", "conv", "row_col", "score.npy")
    expect(ours.shape == (15, 3, N), "leave one out: %s" % (ours.shape,))
    close(ours[7], fold_scores(Ridge(1.), conv[:, :, 1, 2].astype(float), Y, list(LeaveOneOut().split(Y)),
                               lambda y, p: -np.mean((y - p) ** 2)), "position 7")


def tables():
    """summary.tsv and summary.json say what the arrays say; intervals are of all rows taken together."""
    run("db_encode -anal mv -act x.act.h5 -resp y.roi.h5 -model ridge -alpha 7 -bootstrap 50 -permute 30 -out ta")
    with open("ta/summary.tsv", encoding="utf-8") as f:
        expect(f.readline().startswith("# provenance: {"), "summary: provenance")
        names = f.readline().split()
        rows = [dict(zip(names, line.split())) for line in f]
    layers = sorted(LAYERS)
    expect([(r["layer"], r["target"]) for r in rows] == [(l, t) for l in layers for t in ROIS], "summary: its rows")
    for i, layer in enumerate(layers):
        mine = rows[3 * i:3 * i + 3]
        score, interval = load("ta", layer, "score.npy")[0], load("ta", layer, "interval.npy")[0]
        predicted = np.zeros_like(Y)
        for train, test in KFold(3).split(Y):
            predicted[test] = Ridge(7.).fit(flat(layer)[train], Y[train]).predict(flat(layer)[test])
        together = [explained_variance_score(Y[:, t], predicted[:, t]) for t in range(3)]
        for column, values in [("score", score.mean(1)), ("sd", score.std(1, ddof=1)), ("score_all_rows", together), ("low", interval[:, 0]),
                               ("high", interval[:, 1])] + [(p, load("ta", layer, p + ".npy")[0]) for p in ("p", "p_max", "q", "p_family")]:
            close([float(r[column]) for r in mine], values, "summary of %s: %s" % (layer, column))
        expect(all(low < v < high for v, (low, high) in zip(together, interval)), "intervals hold the score")
    with open("ta/summary.json", encoding="utf-8") as f:
        said = json.load(f)
    expect((said["model"], said["scoring"], said["folds"], said["cv"], said["alpha"], said["n_constant"]) ==
           ("ridge", "explained_variance", "contiguous", 3, [7], 0), "summary.json: settings")
    expect(all(abs(a["score"] - float(b["score"])) < 1e-12 for a, b in zip(said["results"], rows)), "summary.json: results")


def findings():
    """-max-stat and -fdr: what the summary, the printed line and the thresholded map say follows p_max.npy, or q.npy."""
    act = "-act x.act.h5 -layer conv "
    for command, name, option, said, found in [
            ("db_encode -anal mv -model glm -pca 4 " + act + "-resp bold.nii.gz -bmask mask.nii.gz -permute 40", "conv", "-max-stat",
             "p < 0.05, max-statistic", lambda p, q: p < .05),
            ("db_encode -anal uv -model glm " + act + "-resp bold.nii.gz -bmask mask.nii.gz -permute 200", "conv", "-fdr 0.2",
             "q < 0.2, false discovery rate", lambda p, q: q < .2),
            ("db_corr " + act + "-resp bold.nii.gz -bmask mask.nii.gz -permute 40", "conv", "-max-stat",
             "p < 0.05, max-statistic", lambda p, q: p < .05),
            ("dnn_probe -anal mv -model ridge -stim s.stim.csv -beh RT run " + act + "-permute 40", "conv", "-fdr 0.3",
             "q < 0.3, false discovery rate", lambda p, q: q < .3),
            ("db_decode -anal mv -model glm -act x.act.h5 -layer block/fc -resp y.roi.h5 -permute 40", "block/fc", "-max-stat",
             "p < 0.05, max-statistic", lambda p, q: p < .05)]:
        words = command.split()
        done = subprocess.run([os.path.join(BIN, words[0]), *words[1:], *option.split(), "-out", "fi"], capture_output=True, text=True)
        expect(done.returncode == 0, command + done.stderr)
        want = found(load("fi", name, "p_max.npy").reshape(-1), load("fi", name, "q.npy").reshape(-1))
        line = "%s: %d of %d targets at %s\n" % (name, want.sum(), want.size, said)
        expect(line in done.stderr, command + ": " + done.stderr)
        with open("fi/summary.json", encoding="utf-8") as f:
            report = json.load(f)
        expect(report["criterion"] == said and [r["significant"] for r in report["results"]] == list(want.astype(int)), command + ": summary")
        if "bold" in command:
            score, marked = (nibabel.load("fi/conv/%s.nii.gz" % n).get_fdata().reshape(-1) for n in ("score", "score_significant"))
            inside = nibabel.load("mask.nii.gz").get_fdata().reshape(-1) != 0
            kept = np.zeros(inside.size)
            kept[inside] = np.where(want, score[inside], 0)
            expect(np.array_equal(marked, kept), command + ": map")
            expect(0 < want.sum() < want.size, command + ": nothing, or all, was found")


def memory():
    """Layers that do not fit together are taken one by one, with the same scores."""
    line = os.path.join(BIN, "db_encode") + " -anal mv -act x.act.h5 -resp y.roi.h5 -model glm -out %s -memory %d"
    low, high = 1 << 20, 1 << 28
    while high - low > 1024:
        middle = (low + high) // 2
        done = subprocess.run((line % ("me", middle)).split(), capture_output=True, text=True)
        if done.returncode == 0:
            high, said = middle, done.stderr
        else:
            expect("raise --memory" in done.stderr, "too little memory: " + done.stderr)
            low = middle
    expect("layers are taken one by one" in said, "with %d bytes: %s" % (high, said))
    run(line % ("me", high))
    run(line % ("me2", 1 << 28))
    for layer in LAYERS:
        expect(np.array_equal(load("me", layer, "score.npy"), load("me2", layer, "score.npy")), "one by one: " + layer)


def encode_uv():
    run("db_encode -anal uv -act x.act.h5 -resp y.roi.h5 -model glm -out uv")
    for layer, values in LAYERS.items():
        mean, unit, scores = best_units(flat(layer).T, Y, lambda x, y: fold_scores(LinearRegression(), x, y))
        close(load("uv", layer, "max_score.npy")[0], mean, "uv max of " + layer)
        close(load("uv", layer, "score.npy")[0], scores, "uv scores of " + layer)
        expect(np.array_equal(load("uv", layer, "location.npy")[0], places(unit, values.shape[1:])), "uv places of " + layer)
    # Places are those of the whole layer, whatever was selected.
    write("u.dmask.csv", b"conv=chn,row\n4,3\n2,3\n")
    run("db_encode -anal uv -act x.act.h5 -dmask u.dmask.csv -iteraxis channel -resp y.roi.h5 -model ridge -alpha 3 -out uv2")
    ours, where = load("uv2", "conv", "channel", "max_score.npy"), load("uv2", "conv", "channel", "location.npy")
    for i, c in enumerate((3, 2)):
        mean, unit, _ = best_units(conv[:, c, 1:3].reshape(N, -1).T.astype(float), Y, lambda x, y: fold_scores(Ridge(3.), x, y))
        close(ours[i], mean, "selected channel %d" % c)
        expect(np.array_equal(where[i], np.stack([np.full(3, c + 1), unit // 5 + 2, unit % 5 + 1], 1)), "its places")


def images(volumes, mask):
    inside = np.isin(mask, (4, 9))
    y = volumes[inside].T
    run("db_encode -anal uv -act x.act.h5 -layer conv -resp bold.nii.gz -bmask mask.nii.gz -roi 4 9 -model glm -out im")
    mean, unit, _ = best_units(flat("conv").T, y, lambda x, t: fold_scores(LinearRegression(), x, t))
    close(load("im", "conv", "max_score.npy")[0], mean, "image: scores")
    saved = nibabel.load("im/conv/score.nii.gz")
    want = np.zeros(mask.shape)
    want[inside] = mean
    close(saved.get_fdata(), want, "score image", 1e-5)
    expect(np.array_equal(saved.affine, nibabel.load("bold.nii.gz").affine), "geometry")
    for axis, name in enumerate(("chn", "row", "col")):
        want[inside] = places(unit, conv.shape[1:])[:, axis]
        expect(np.array_equal(nibabel.load("im/conv/%s_location.nii.gz" % name).get_fdata(), want), name + " image")
    run("db_corr -act x.act.h5 -layer conv -iteraxis channel -resp bold.nii.gz -out im2")
    inside = np.any(volumes != 0, -1)
    r = nibabel.load("im2/conv/channel/score.nii.gz").get_fdata()
    close(r[inside][:, 2], [max(pearson(v, u) for u in conv[:, 2].reshape(N, -1).T) for v in volumes[inside]], "corr image", 1e-5)
    expect(not r[~inside].any(), "corr image: 0 outside")
    # A voxel that does not vary scores 0 and takes no part.
    volumes[1, 0, 0] = 7
    image("flat.nii.gz", volumes.astype(np.float32))
    run("db_encode -anal mv -act x.act.h5 -layer block/fc -resp flat.nii.gz -bmask mask.nii.gz -model glm -permute 20 -out im3",
        warns="1 of 14 targets do not vary; their scores are set to 0")
    score, p = load("im3", "block/fc", "score.npy")[0], load("im3", "block/fc", "p_max.npy")[0]
    expect(not score[0].any() and score[1:].all() and p[0] == 1 and p.min() < 1, "constant voxel")


def probe():
    folds = list(StratifiedKFold(3).split(np.zeros(N), LABEL))
    codes = np.unique(CONDITION, return_inverse=True)[1]
    for model, peer in [("svc", SVC(kernel="linear", C=.025)), ("lrc", LogisticRegression(C=1., tol=1e-10, max_iter=10000)),
                        ("lda", LinearDiscriminantAnalysis()), ("gnb", GaussianNB())]:
        run("dnn_probe -anal mv -act x.act.h5 -layer block/fc -stim s.stim.csv -beh label condition -model %s -out pr" % model)
        score, conf = load("pr", "block/fc", "score.npy"), load("pr", "block/fc", "conf_m.npy")
        expect(score.shape == (1, 2, 3) and conf.shape == (1, 2, 3, 3, 3), "%s: shapes" % model)
        for t, labels in enumerate((LABEL, codes)):
            for f, (train, test) in enumerate(StratifiedKFold(3).split(np.zeros(N), labels)):
                said = peer.fit(flat("block/fc")[train], labels[train]).predict(flat("block/fc")[test])
                k = labels.max() - labels.min() + 1
                close(score[0, t, f], accuracy_score(labels[test], said), "%s: accuracy" % model)
                close(conf[0, t, f, :k, :k], confusion_matrix(labels[test], said), "%s: confusion" % model)
        run("dnn_probe -anal uv -act x.act.h5 -layer block/fc -stim s.stim.csv -beh label -model %s -out pr" % model)
        every = np.array([[accuracy_score(LABEL[test], peer.fit(u[train], LABEL[train]).predict(u[test])) for train, test in folds]
                          for u in flat("block/fc").T[:, :, None]])
        unit = load("pr", "block/fc", "location.npy")[0, 0, 0] - 1
        close(load("pr", "block/fc", "max_score.npy")[0, 0], every.mean(1).max(), "%s: best unit" % model)
        close(load("pr", "block/fc", "score.npy")[0, 0], every[unit], "%s: its folds" % model)
        said = np.concatenate([peer.fit(flat("block/fc")[a][:, [unit]], LABEL[a]).predict(flat("block/fc")[b][:, [unit]]) for a, b in folds])
        close(load("pr", "block/fc", "conf_m.npy")[0, 0].sum(0), confusion_matrix(np.concatenate([LABEL[b] for _, b in folds]), said), "%s: its confusion" % model)
    commonest = [np.unique(labels, return_counts=True)[1].max() / N for labels in (LABEL, CONDITION)]
    for scoring, want in (("accuracy", commonest), ("balanced_accuracy", [1 / 3, 1 / 2]), ("auc", [.5, .5]), ("f1", [None] * 2)):
        run("dnn_probe -anal mv -act x.act.h5 -stim s.stim.csv -beh label condition -model lda -scoring %s -fig pf.png -out pf" % scoring)
        with open("pf/summary.json", encoding="utf-8") as f:
            said = [row.get("chance") for row in json.load(f)["results"]]
        expect(said == want * len(LAYERS), "probe: chance of %s: %s" % (scoring, said))
    run("dnn_probe -anal uv -act x.act.h5 -layer conv -stim s.stim.csv -beh RT -model corr -out pc")
    r = [pearson(u, RT) for u in flat("conv").T]
    close(load("pc", "conv", "max_score.npy"), [[max(r)]], "probe corr")
    expect(not os.path.exists("pc/conv/score.npy"), "probe corr: no folds")
    run("dnn_probe -anal mv -act x.act.h5 -layer block/fc -stim s.stim.csv -beh RT label -model glm -groups s.stim.csv:run -folds leave-group-out -out pg")
    close(load("pg", "block/fc", "score.npy")[0],
          fold_scores(LinearRegression(), flat("block/fc"), np.stack([RT, LABEL], 1), list(LeaveOneGroupOut().split(Y, groups=RUN))), "groups out")


def decode(volumes, mask):
    y = volumes[mask == 4].T
    run("db_decode -anal mv -act x.act.h5 -resp bold.nii.gz -bmask mask.nii.gz -roi 4 -model glm -out de")
    for layer, values in LAYERS.items():
        close(load("de", layer, "score.npy").reshape(-1, 3), fold_scores(LinearRegression(), y, flat(layer)), "decode " + layer)
        expect(load("de", layer, "score.npy").shape == values.shape[1:] + (3,), "decode: shape")
    run("db_decode -anal uv -act x.act.h5 -layer conv -dmask u.dmask.csv -resp y.roi.h5 -model glm -out de2")
    chosen = conv[:, [3, 2]][:, :, 1:3].reshape(N, -1).astype(float)
    mean, unit, scores = best_units(Y.T, chosen, lambda x, t: fold_scores(LinearRegression(), x, t))
    close(load("de2", "conv", "max_score.npy").reshape(-1), mean, "decode uv")
    close(load("de2", "conv", "score.npy").reshape(-1, 3), scores, "decode uv folds")
    expect(np.array_equal(load("de2", "conv", "location.npy").reshape(-1), unit + 1), "decode uv places")
    run("db_decode -anal mv -stim s.stim.csv -beh RT label -resp y.roi.h5 -model ridge -groups s.stim.csv:run -cv 2 -out de3")
    close(load("de3", "beh", "score.npy").reshape(2, 2), fold_scores(Ridge(1.), Y, np.stack([RT, LABEL], 1), list(GroupKFold(2).split(Y, groups=RUN))), "decode behaviour")


def banded_peer(bands, y, penalty, train, test):
    """Prediction of y[test] with that penalty per band (inf: left out), and the product measure's shares of R^2."""
    kept = [b for b, p in enumerate(penalty) if np.isfinite(p)]
    x = np.hstack([bands[b] / np.sqrt(penalty[b]) for b in kept])
    width = np.cumsum([0] + [bands[b].shape[1] for b in kept])
    mean, offset = x[train].mean(0), y[train].mean()
    w = np.linalg.lstsq(np.vstack([x[train] - mean, np.eye(x.shape[1])]), np.append(y[train] - offset, np.zeros(x.shape[1])), rcond=None)[0]
    centre = y[test].mean()
    parts = np.zeros((len(penalty), len(test)))
    for i, b in enumerate(kept):
        of = slice(width[i], width[i + 1])
        parts[b] = (x[test] - mean)[:, of] @ w[of]
    p = parts.sum(0) + offset
    total = ((y[test] - centre) ** 2).sum()
    share = parts @ (2 * (y[test] - centre) - (p - centre)) - (offset - centre) * (p - centre).sum() / len(penalty)
    return p, share / total


def banded():
    grid = "-alpha 1 10 100 "
    for layer in LAYERS:  # one band is ridge regression
        run("db_encode -anal mv -model ridge -act x.act.h5 -layer %s -resp y.roi.h5 -scoring r2 %s -out b1" % (layer, grid))
        run("db_encode -anal mv -model banded -act x.act.h5 -layer %s -resp y.roi.h5 -scoring r2 %s -out b2" % (layer, grid))
        close(load("b2", "banded", "score.npy"), load("b1", layer, "score.npy"), "one band is ridge: " + layer)
        close(load("b2", "banded", "split.npy"), load("b1", layer, "score.npy"), "its share is all: " + layer)
    names = list(LAYERS)
    run("db_encode -anal mv -model banded -act x.act.h5 -layer %s -resp y.roi.h5 -scoring r2 %s -iterations 12 -seed 4 -partition -out b3" %
        (" ".join(names), grid))
    score, split, alpha, unique, common = (load("b3", "banded", n + ".npy") for n in ("score", "split", "alpha", "unique", "common"))
    expect(score.shape == (1, 3, 3) and split.shape == alpha.shape == unique.shape == (2, 3, 3) and common.shape == (4, 3, 3), "banded: shapes")
    expect(len(np.unique(alpha[np.isfinite(alpha)])) > 3, "banded: penalties differ between bands")
    alone = np.stack([load("b1", names[1], "score.npy")[0]] * 2)
    run("db_encode -anal mv -model ridge -act x.act.h5 -layer %s -resp y.roi.h5 -scoring r2 %s -out b1" % (names[0], grid))
    alone[1] = load("b1", names[0], "score.npy")[0]
    close(unique, score - alone, "unique is what the others lack")
    close(common.sum(0), score[0], "parts add up to the whole")
    close(split.sum(0), score[0], "shares add up to the whole")
    bands = [flat(n) for n in names]
    for f, (train, test) in enumerate(KFold(3).split(Y)):
        for t in range(3):
            p, share = banded_peer(bands, Y[:, t], alpha[:, t, f], train, test)
            close(score[0, t, f], r2_score(Y[test, t], p), "banded score")
            close(split[:, t, f], share, "banded shares")
    with open("b3/summary.json", encoding="utf-8") as f:
        rows = json.load(f)["results"]
    expect([(r["layer"], r["target"]) for r in rows] == [(l, t) for l in ["banded"] + names for t in ROIS], "banded: rows of the summary")
    close([r["score"] for r in rows[:3]], score[0].mean(1), "banded: summary of the score")
    close([r["split"] for r in rows[3:]], split.mean(2).reshape(-1), "banded: summary of the shares")
    close([r["unique"] for r in rows[3:]], unique.mean(2).reshape(-1), "banded: summary of unique parts")
    # Behaviour as one more band; images; the same for any number of threads.
    for n in (1, 2):
        run("dnnbrain encode -anal mv -model banded -act x.act.h5 -layer conv -stim s.stim.csv -beh RT label -resp bold.nii.gz "
            "-bmask mask.nii.gz -groups s.stim.csv:run -cv 2 -partition -threads %d -out bb%d" % (n, n))
    for n in ("score", "split", "alpha", "unique", "common"):
        expect(np.array_equal(load("bb1", "banded", n + ".npy"), load("bb2", "banded", n + ".npy")), "banded %s: 1 and 2 threads" % n)
    inside = nibabel.load("mask.nii.gz").get_fdata() != 0
    y, image4 = nibabel.load("bold.nii.gz").get_fdata()[inside].T, nibabel.load("bb1/banded/split.nii.gz").get_fdata()
    split, alpha = load("bb1", "banded", "split.npy"), load("bb1", "banded", "alpha.npy")
    close(image4[inside].T, split.mean(2), "banded: image", 1e-5)
    for f, (train, test) in enumerate(GroupKFold(2).split(y, groups=RUN)):
        for t in (0, 3, 7):
            close(split[:, t, f], banded_peer([flat("conv"), np.stack([RT, LABEL], 1)], y[:, t], alpha[:, t, f], train, test)[1], "a band of behaviour")


def decode_classes():
    """Classes from ROIs, in decode's shapes."""
    codes = np.unique(CONDITION, return_inverse=True)[1]
    for model, peer in [("svc", SVC(kernel="linear", C=.1)), ("lda", LinearDiscriminantAnalysis())]:
        run("db_decode -anal mv -stim s.stim.csv -beh label condition -resp y.roi.h5 -model %s %s -folds leave-group-out "
            "-groups s.stim.csv:run -out dc" % (model, "-c .1" if model == "svc" else ""))
        score, conf = load("dc", "beh", "score.npy"), load("dc", "beh", "conf_m.npy")
        expect(score.shape == (2, 1, 1, 6) and conf.shape == (2, 1, 1, 6, 3, 3), "decode %s: shapes" % model)
        for t, labels in enumerate((LABEL - 1, codes)):
            for f, (train, test) in enumerate(LeaveOneGroupOut().split(Y, groups=RUN)):
                said = peer.fit(Y[train], labels[train]).predict(Y[test])
                close(score[t, 0, 0, f], accuracy_score(labels[test], said), "decode %s: accuracy" % model)
                close(conf[t, 0, 0, f], confusion_matrix(labels[test], said, labels=range(3)), "decode %s: confusion" % model)
    run("db_decode -anal uv -stim s.stim.csv -beh condition -resp y.roi.h5 -model gnb -out dc2")
    every = np.array([[accuracy_score(codes[b], GaussianNB().fit(u[a], codes[a]).predict(u[b])) for a, b in StratifiedKFold(3).split(Y, codes)]
                      for u in Y.T[:, :, None]])
    close(load("dc2", "beh", "max_score.npy"), every.mean(1).max().reshape(1, 1, 1), "decode uv: best ROI's accuracy")
    best = load("dc2", "beh", "location.npy")
    expect(best.shape == (1, 1, 1) and every.mean(1)[best.item() - 1] == every.mean(1).max(), "decode uv: best ROI")


def corr():
    run("db_corr -act x.act.h5 -resp y.roi.h5 -iteraxis channel -out co")
    ours = load("co", "conv", "channel", "score.npy")
    r = np.array([[[pearson(conv[:, c, i, j], Y[:, t]) for t in range(3)] for i in range(3) for j in range(5)] for c in range(4)])
    close(ours, r.max(1), "corr")
    unit = r.argmax(1)
    expect(np.array_equal(load("co", "conv", "channel", "location.npy")[..., 1:], np.stack([unit // 5 + 1, unit % 5 + 1], -1)), "corr places")
    with open("co/conv/channel/score.csv", encoding="utf-8") as f:
        expect(f.readline().strip() == ",".join(ROIS), "score.csv: its columns")
        close(np.loadtxt(f, delimiter=","), ours, "score.csv", 1e-12)
    with open("co/provenance.json", encoding="utf-8") as f:
        expect("x.act.h5" in json.load(f)["command"], "corr: provenance")


def predict(volumes, mask):
    """Weights fitted on all stimuli, applied to others."""
    new = {k: rng.standard_normal((5,) + v.shape[1:]).astype(np.float32) for k, v in LAYERS.items()}
    activations("new.act.h5", new)
    run("db_encode -anal mv -act x.act.h5 -resp y.roi.h5 -model ridge -alpha 5 -out w -save-weights w.h5")
    for layer, values in new.items():
        fit = Ridge(5.).fit(flat(layer), Y)
        run("dnnbrain predict -weights w.h5 -act new.act.h5 -layer %s -out new.roi.h5" % layer)
        with h5py.File("new.roi.h5") as f:
            close(f["data"], fit.predict(values.reshape(5, -1)), "predict " + layer, 1e-5)
            expect([str(n) for n in f.attrs["roi"]] == ROIS, "predict: names")
        with h5py.File("w.h5") as f:
            close(f[layer][()].reshape(3, -1), fit.coef_, "weights of " + layer, 1e-5)
            close(f[layer + ".intercept"][:, 0, 0, 0], fit.intercept_, "intercept of " + layer, 1e-5)
    run("db_encode -anal mv -act x.act.h5 -layer conv -dmask u.dmask.csv -resp bold.nii.gz -bmask mask.nii.gz -model glm -pca 4 -out w -save-weights w2.h5")
    run("dnnbrain predict -weights w2.h5 -act new.act.h5 -layer conv -dmask u.dmask.csv -like mask.nii.gz -out new.nii.gz")
    fit = make_pipeline(PCA(4), LinearRegression()).fit(conv[:, [3, 2], 1:3].reshape(N, -1).astype(float), volumes[mask != 0].T)
    image4 = nibabel.load("new.nii.gz").get_fdata()
    close(image4[mask != 0].T, fit.predict(new["conv"][:, [3, 2], 1:3].reshape(5, -1)), "predicted image", 1e-5)
    expect(image4.shape == mask.shape + (5,) and not image4[mask == 0].any(), "predicted image: its shape")


def ceilings():
    """Three measurements of each of 12 stimuli: ICC(1) of each target."""
    ids = np.tile(np.arange(12), 3)
    stim("r.stim.csv", ["s%d.png" % i for i in ids], run=np.repeat([1, 2, 3], 12), id=ids)
    y = rng.standard_normal((12, 4))[ids] + .5 * rng.standard_normal((N, 4))
    np.save("r.npy", y)
    run("db_encode -anal mv -act x.act.h5 -layer conv -stim r.stim.csv -groups r.stim.csv:id -resp r.npy -model ridge -scoring correlation -out ce")
    means = np.stack([y[ids == i].mean(0) for i in range(12)])
    within = np.mean([y[ids == i].var(0, ddof=1) for i in range(12)], 0)
    between = 3 * means.var(0, ddof=1)
    icc = (between - within) / (between + 2 * within)
    ours = load("ce", "ceiling.npy")
    close(ours[:, 0], icc, "ICC(1)")
    close(ours[:, 1], (between - within) / between, "reliability")
    with open("ce/summary.json", encoding="utf-8") as f:
        rows = json.load(f)["results"]
    close([r["ceiling"] for r in rows], np.sqrt(icc), "ceiling of a correlation")
    close([r["normalised"] for r in rows], load("ce", "conv", "score.npy")[0].mean(1) / np.sqrt(icc), "normalised scores")
    np.save("c.npy", [.5, .4, .3, .2])
    run("db_encode -anal mv -act x.act.h5 -layer conv -resp r.npy -ceiling c.npy -model ridge -out ce2")
    with open("ce2/summary.json", encoding="utf-8") as f:
        close([r["ceiling"] for r in json.load(f)["results"]], [.5, .4, .3, .2], "given ceiling")


def threads():
    for n in (1, 2):
        run("dnnbrain encode -anal mv -act x.act.h5 -resp y.roi.h5 -model ridge -alpha 1 10 100 -permute 50 -best-layer -bootstrap 50 "
            "-folds shuffled -threads %d -out t%d" % (n, n))
        run("dnnbrain encode -anal uv -act x.act.h5 -resp y.roi.h5 -model glm -permute 50 -threads %d -out u%d" % (n, n))
    for folder in "tu":
        for top, _, names in os.walk(folder + "1"):
            for name in (n for n in names if n.endswith(".npy")):
                a = os.path.join(top, name)
                expect(np.array_equal(np.load(a), np.load(a.replace(folder + "1", folder + "2", 1))), a + ": the same for 1 and 2 threads")
    layer, score = load("t1", "best_layer.npy"), load("t1", "best_score.npy")
    every = np.stack([load("t1", name, "score.npy")[0] for name in sorted(LAYERS)])
    expect(layer.shape == (3, 3) and set(layer.flat) <= {1, 2}, "best layers")
    close(score, np.take_along_axis(every, layer[None] - 1, 0)[0], "the best layers' scores are those layers'")


def haxby():
    folder = data_dir("brain", "haxby_slice")
    if not folder:
        print("no haxby_slice: left out")
        return
    rows = [line.split() for line in open(os.path.join(folder, "attributes_literal.txt"), encoding="utf-8") if line.strip()]
    names = sorted({r[0] for r in rows} - {"rest"})
    x = np.array([[float(r[0] == n) for n in names] for r in rows])
    runs = np.array([int(r[1]) for r in rows])
    stim("h.stim.csv", ["v%d.png" % i for i in range(len(rows))], run=runs, **{n: x[:, i] for i, n in enumerate(names)})
    bold, mask = os.path.join(folder, "bold.nii.gz"), os.path.join(folder, "mask.nii.gz")
    run("db_encode -anal mv -model glm -stim h.stim.csv -beh %s -resp %s -bmask %s -groups h.stim.csv:run -folds leave-group-out "
        "-scoring correlation -out h" % (" ".join(names), bold, mask))
    volumes, inside = nibabel.load(bold), nibabel.load(mask).get_fdata().reshape(40, 20, 1) != 0
    y = volumes.get_fdata()[inside]
    close(load("h", "beh", "score.npy")[0], fold_scores(LinearRegression(), x, y.T, list(LeaveOneGroupOut().split(x, groups=runs)), pearson),
          "haxby: voxels from categories")
    expect(nibabel.load("h/beh/score.nii.gz").shape == volumes.shape[:3], "haxby: image")

    # Categories from voxels: the mean volume of every run and category, z-scored within its run.
    all_voxels, seen = volumes.get_fdata(), np.array([r[0] for r in rows])
    means, category, block = [], [], []
    for one in np.unique(runs):
        of_run = np.stack([all_voxels[..., (runs == one) & (seen == n)].mean(-1) for n in names], -1)
        deviation = of_run.std(-1, keepdims=True)
        means.append((of_run - of_run.mean(-1, keepdims=True)) / np.where(deviation > 0, deviation, 1))
        category += names
        block += [one] * len(names)
    nibabel.save(nibabel.Nifti1Image(np.concatenate(means, -1).astype(np.float32), volumes.affine), "means.nii.gz")
    stim("c.stim.csv", ["b%d.png" % i for i in range(len(category))], run=block, condition=category)
    y = nibabel.load("means.nii.gz").get_fdata()[inside].T
    codes = np.unique(category, return_inverse=True)[1]
    for model, peer in [("svc", SVC(kernel="linear", C=.025)), ("lrc", LogisticRegression(C=1., tol=1e-10, max_iter=10000)),
                        ("gnb", GaussianNB())]:
        run("db_decode -anal mv -model %s -stim c.stim.csv -beh condition -resp means.nii.gz -bmask %s -groups c.stim.csv:run "
            "-folds leave-group-out -out hc" % (model, mask))
        score, conf = load("hc", "beh", "score.npy")[0, 0, 0], load("hc", "beh", "conf_m.npy")[0, 0, 0]
        for f, (train, test) in enumerate(LeaveOneGroupOut().split(y, groups=block)):
            said = peer.fit(y[train], codes[train]).predict(y[test])
            close(score[f], accuracy_score(codes[test], said), "haxby %s: accuracy of fold %d" % (model, f))
            close(conf[f], confusion_matrix(codes[test], said, labels=range(len(names))), "haxby %s: confusion of fold %d" % (model, f))
        print("haxby, %d categories from %d voxels by %s: %.1f %% correct" % (len(names), y.shape[1], model, 100 * score.mean()))


with own_folder():
    bold_volumes, bold_mask = make_files()
    encode_mv()
    tables()
    memory()
    encode_uv()
    findings()
    images(bold_volumes.copy(), bold_mask)
    probe()
    decode(bold_volumes, bold_mask)
    banded()
    decode_classes()
    corr()
    predict(bold_volumes, bold_mask)
    ceilings()
    threads()
    haxby()
finish()
