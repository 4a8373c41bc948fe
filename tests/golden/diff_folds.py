"""Differential test of folds and scores against scikit-learn.

Folds must be the same; scores agree to 1e-12. The script fails when one does not."""
import sys
import warnings

from golden import *

try:
    import scipy.stats
    from sklearn import metrics
    from sklearn.model_selection import GroupKFold, KFold, LeaveOneGroupOut, LeaveOneOut, StratifiedKFold
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

warnings.simplefilter("ignore")
PROBE = Probe("probe_folds")
rng = np.random.default_rng(20240711)


def run(*words):
    """Arrays travel as files, None as '-'; raises Refused when the probe fails."""
    words = [PROBE.save(f"in{i}", w) if isinstance(w, np.ndarray) else "-" if w is None else w for i, w in enumerate(words)]
    PROBE.call(*words, PROBE.path("out.npy"))
    return np.load(PROBE.path("out.npy"))


def same(name, fine, detail=""):
    expect(fine, f"{name} {detail}")


def names_a_number(name, *words):
    """A refusal says which number is at fault."""
    try:
        run(*words)
        expect(False, name + " was accepted")
    except Refused as why:
        expect(any(c.isdigit() for c in str(why)), f"{name}: {why}")


def peer_folds(splitter, n, labels=None, groups=None):
    fold = np.full(n, -1)
    for f, (_, test) in enumerate(splitter.split(np.zeros((n, 1)), labels, groups)):
        fold[test] = f
    return fold


def folds(kind, n, k, labels=None, groups=None, seed=0):
    return run("folds", kind, n, k, seed, labels, groups)[0].astype(int)


def whole_groups(ours, peer, groups):
    """The same folds; where groups have equal sizes, whose order NumPy's sort leaves open, folds of the same sizes of
    whole groups."""
    if len(set(np.unique(groups, return_counts=True)[1])) == len(np.unique(groups)):
        return np.array_equal(ours, peer)
    return np.array_equal(np.sort(np.bincount(ours)), np.sort(np.bincount(peer))) and \
        all(len(set(ours[groups == g])) == 1 for g in np.unique(groups))


# Folds
for n, k in [(2, 2), (10, 3), (11, 4), (200, 3), (97, 10), (5, 5)]:
    same(f"KFold {n} {k}", np.array_equal(folds("contiguous", n, k), peer_folds(KFold(k), n)))
    same(f"LeaveOneOut {n}", np.array_equal(folds("loo", n, 0), peer_folds(LeaveOneOut(), n)))
for trial in range(40):
    n = int(rng.integers(12, 150))
    classes = int(rng.integers(2, 9))
    labels = rng.choice(rng.integers(-50, 50, classes), n)
    k = int(rng.integers(2, max(3, min(12, np.bincount(labels + 50).max()))))
    same(f"StratifiedKFold {trial}",
          np.array_equal(folds("stratified", n, k, labels), peer_folds(StratifiedKFold(k), n, labels)))
    few = rng.choice(rng.permutation(100)[:int(rng.integers(3, 15))] - 40, n)
    same(f"LeaveOneGroupOut {trial}",
          np.array_equal(folds("leave-group-out", n, 0, None, few), peer_folds(LeaveOneGroupOut(), n, None, few)))
    k = int(rng.integers(2, len(np.unique(few)) + 1))
    same(f"GroupKFold {trial}",
          whole_groups(folds("groups", n, k, None, few), peer_folds(GroupKFold(k), n, None, few), few))
    # Groups of distinct sizes: the very folds.
    sizes = rng.permutation(40)[:int(rng.integers(17, 35))] + 1
    many = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    same(f"GroupKFold many {trial}",
          np.array_equal(folds("groups", len(many), k, None, many), peer_folds(GroupKFold(k), len(many), None, many)))

# Shuffled folds: a permutation of the same fold sizes, per class too, and the seed tells.
for trial in range(10):
    n, k = int(rng.integers(30, 120)), int(rng.integers(2, 7))
    labels = rng.integers(0, 3, n)
    ours = folds("shuffled", n, k, seed=trial)
    same("shuffled sizes", np.array_equal(np.bincount(ours), np.bincount(peer_folds(KFold(k), n))))
    same("shuffled same seed", np.array_equal(ours, folds("shuffled", n, k, seed=trial)))
    same("shuffled other seed", not np.array_equal(ours, folds("shuffled", n, k, seed=trial + 1)))
    ours, peer = folds("shuffled", n, k, labels, seed=trial), peer_folds(StratifiedKFold(k), n, labels)
    same("shuffled moves rows", not np.array_equal(ours, peer))
    for c in range(3):
        same("shuffled class", np.array_equal(np.bincount(ours[labels == c], minlength=k),
                                               np.bincount(peer[labels == c], minlength=k)))

pairs = np.repeat(np.arange(5), 2)
names_a_number("more folds than rows", "folds", "contiguous", 4, 5, 0, None, None)
names_a_number("one fold", "folds", "contiguous", 4, 1, 0, None, None)
names_a_number("one row", "folds", "loo", 1, 0, 0, None, None)
names_a_number("small classes", "folds", "stratified", 10, 3, 0, pairs, None)
names_a_number("few groups", "folds", "groups", 10, 6, 0, None, pairs)
names_a_number("one group", "folds", "leave-group-out", 10, 0, 0, None, np.zeros(10, np.int64))


# Scores of numbers
def spearman(y, p):
    r = scipy.stats.spearmanr(y, p)[0]
    return 0.0 if np.isnan(r) else r


def pearson(y, p):
    return 0.0 if np.ptp(y) == 0 or np.ptp(p) == 0 else scipy.stats.pearsonr(y, p)[0]


PEERS = {"explained_variance": metrics.explained_variance_score, "r2": metrics.r2_score,
         "neg_mean_squared_error": lambda y, p: -metrics.mean_squared_error(y, p),
         "correlation": pearson, "spearman": spearman}
worst = 0.0
for n, m in [(2, 3), (7, 1), (60, 30), (500, 9)]:
    y = rng.normal(size=(n, m)) + 30 * rng.normal(size=m)
    p = y + rng.normal(size=(n, m)) * 10.0 ** rng.integers(-3, 2, m)
    y[:, 0] = 2.5  # a constant target
    if m > 5:
        p[:, 1] = -1.25  # a constant prediction
        y[:, 2] = p[:, 2] = 0.5  # both, exact
        p[:, 3] = y[:, 3]  # exact
        y[:, 4] = np.round(y[:, 4])  # ties
        y[:, 5], p[:, 5] = 3.0, 4.0  # a constant, off by a constant
    for name, peer in PEERS.items():
        ours = run("columns", name, y, p)[0]
        theirs = np.array([peer(y[:, j], p[:, j]) for j in range(m)])
        error = np.max(np.abs(ours - theirs) / np.maximum(1, np.abs(theirs)))
        worst = max(worst, error)
        same(f"{name} {n} x {m}", error <= 1e-12, error)
names_a_number("r2 of one row", "columns", "r2", np.ones((1, 2)), np.ones((1, 2)))
try:
    run("columns", "r2", np.full((3, 1), np.nan), np.ones((3, 1)))
    same("NaN", False, "was accepted")
except Refused as why:
    same("NaN", "NaN" in str(why), str(why))

# Scores of labels
for trial in range(30):
    n, c = int(rng.integers(12, 200)), int(rng.integers(2, 6))
    names = np.sort(rng.permutation(60)[:c] - 30)
    truth = np.concatenate([names, rng.choice(names, n - c)])
    said = np.where(rng.random(n) < 0.6, truth, rng.choice(names, n))
    if trial % 3 == 0:
        said[said == names[0]] = names[1]  # a class never said
    if trial % 5 == 0:
        said[0] = 77  # a class that is not there
    decision = rng.normal(size=(n, c)) + (truth[:, None] == names)
    if trial % 2:
        decision = np.round(decision, 1)  # ties
    if c == 2:
        area = metrics.roc_auc_score(truth == names[1], decision[:, 1])
    else:
        share = np.exp(decision) / np.exp(decision).sum(1, keepdims=True)
        decision = np.round(share, 2) if trial % 2 else share
        area = np.mean([metrics.roc_auc_score(truth == names[k], decision[:, k]) for k in range(c)])
        if trial % 2 == 0:
            same("roc_auc_ovr", abs(area - metrics.roc_auc_score(truth, decision, multi_class="ovr")) <= 1e-12)
    peers = {"accuracy": metrics.accuracy_score(truth, said), "roc_auc": area,
             "balanced_accuracy": metrics.balanced_accuracy_score(truth, said),
             "f1_macro": metrics.f1_score(truth, said, average="macro")}
    for name, theirs in peers.items():
        ours = run("labels", name, truth, said, decision, names)[0, 0]
        worst = max(worst, abs(ours - theirs))
        same(f"{name} {trial}", abs(ours - theirs) <= 1e-12, (ours, theirs))
    if trial % 5:
        same("confusion", np.array_equal(run("confusion", truth, said, names),
                                          metrics.confusion_matrix(truth, said, labels=names)))
names_a_number("AUC of one class", "labels", "auc", np.full(6, 3), np.full(6, 3), rng.normal(size=(6, 2)), np.array([1, 3]))
names_a_number("confusion of a stranger", "confusion", np.array([1, 2]), np.array([1, 3]), np.array([1, 2]))

finish(f"largest score error {worst:.1e}")
