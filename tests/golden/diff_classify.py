"""Differential test of the classifiers against scikit-learn.

Every case prints a line with its largest error; the script fails when one is above its tolerance."""
import os
import sys
import warnings

from golden import *

try:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold, cross_val_predict
    from sklearn.naive_bayes import GaussianNB
    from sklearn.svm import SVC
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

warnings.simplefilter("ignore")
np.seterr(all="ignore")
run = Probe("probe_classify").run
rng = np.random.default_rng(20250311)


def columns(decision):
    """scikit-learn's decision_function as our columns."""
    return np.column_stack([-decision, decision]) if decision.ndim == 1 else decision


def same_labels(name, ours, peers, decision, slack):
    """Equal, but where the peer itself is within `slack` of saying the other."""
    ordered = np.sort(decision, axis=1)
    close = ordered[:, -1] - ordered[:, -2] <= 2 * slack * (np.abs(decision).max() or 1)
    wrong = (ours != peers) & ~close
    report(name + ", labels", not wrong.any(), f"{wrong.sum()} of {len(ours)} differ ({(ours != peers).sum()} in all)")


def data(n, d, k, seed, unbalanced=False):
    """Overlapping classes in low-rank structure, labels that are not 0, 1, ..."""
    r = np.random.default_rng(seed)
    share = r.uniform(0.3, 3, k) if unbalanced else np.ones(k)
    y = r.choice(k, size=n, p=share / share.sum())
    y[:k] = np.arange(k)
    y[k:2 * k] = np.arange(k)
    hidden = r.standard_normal((k, 5))[y] * 0.7 + r.standard_normal((n, 5))
    x = hidden @ r.standard_normal((5, d)) + r.standard_normal((n, d))
    return x, (np.arange(k) * 7 - 10)[y]


def hostile(x):
    """Constant, repeated and summed columns, a large offset, unequal scales."""
    x = x.copy()
    x[:, 0] = 0.5  # of 0.1 scikit-learn's LDA makes a direction out of rounding
    x[:, 1] = x[:, 2]
    x[:, 3] = x[:, 4] + x[:, 5]
    x[:, 6] += 1000
    x[:, 7] *= 30
    return x


def all_data():
    for k in (2, 3, 8):
        for name, (n, d) in {"n > d": (300, 20), "d > n": (60, 400)}.items():
            x, y = data(2 * n, d, k, 31 * k + d, unbalanced=k == 3)
            yield f"{k} classes, {name}", x[:n], y[:n], x[n:]
    x, y = data(400, 12, 3, 5)
    yield "hostile columns", hostile(x)[:200], y[:200], hostile(x)[200:]
    x, y = data(100, 200, 3, 6)
    yield "hostile columns, d > n", hostile(x)[:50], y[:50], hostile(x)[50:]
    x, y = data(200, 1, 2, 7)
    yield "one column", x[:100], y[:100], x[100:]
    x, y = data(200, 1, 4, 8)
    yield "one column, 4 classes", x[:100], y[:100], x[100:]
    x, y = data(800, 30, 2, 9)
    score = x[:, 0] + 0.3 * rng.standard_normal(800)
    y = np.where(score > np.quantile(score, 0.97), 5, 9)
    yield "3 % of one class", x[:400], y[:400], x[400:]
    x = np.concatenate([data(40, 3, 2, 10)[0] + 50, data(40, 3, 2, 11)[0] - 50])
    order = rng.permutation(80)
    yield "separable", x[order], np.repeat([3, 4], 40)[order], x
    yield "n == d", *(lambda x, y: (x[:40], y[:40], x[40:]))(*data(80, 40, 2, 12))


def compare(kind, name, x, y, x2, peer, allowed, **options):
    peer.fit(x, y)
    decision = columns(peer.decision_function(x2))
    ours = run("predict", x, y, x2, kind=kind, **options)
    if kind == "svc" and len(peer.classes_) > 2:  # votes jump where a pair of classes is undecided
        pairs = np.abs(x2 @ peer.coef_.T + peer.intercept_)
        decided = pairs.min(1) > allowed * pairs.max()
        x2, decision, ours = x2[decided], decision[decided], ours[decided]
    check(f"{kind} {name}", ours[:, 1:], decision, allowed)
    same_labels(f"{kind} {name}", ours[:, 0], peer.predict(x2), decision, allowed)
    return peer


def logistic():
    for name, x, y, x2 in all_data():
        for c in (1, 0.01, 30):
            # lbfgs stops at SciPy's ftol, 2e-9 of the loss, whatever tol says: 1e-3 off here. newton-cg arrives in tens of
            # steps, then often fails to see that it has: 10000 steps changed no digit and took minutes.
            peer = LogisticRegression(C=c, tol=1e-10, max_iter=200, solver="newton-cg")
            compare("lrc", f"C={c} {name}", x, y, x2, peer, 1e-4, c=c)
        check(f"lrc probability {name}", run("probability", x, y, x2, kind="logistic", c=30), peer.predict_proba(x2), 1e-4)
        coef = run("coef", x, y, kind="lrc", c=30)
        gradient_is_zero(name, x, y, coef, 30)
        check(f"lrc start {name}", run("warm", x, y, x2, kind="lrc"), run("predict", x, y, x2, kind="lrc"), 1e-5)


def residuals(x, y, coef):
    """p - y of every map."""
    classes = np.unique(y)
    scores = x @ coef[:, :-1].T + coef[:, -1]
    if len(classes) == 2:
        return 1 / (1 + np.exp(-scores)) - (y == classes[1])[:, None]
    p = np.exp(scores - scores.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True) - (y[:, None] == classes)


def gradient_is_zero(name, x, y, coef, c):
    """The optimum itself, whatever the peer reached: C X^T (p - y) + w = 0 to 1e-6 of C |X|^T 1."""
    residual = residuals(x, y, coef)
    g = c * residual.T @ x + coef[:, :-1]
    scale = c * np.abs(x).sum(0)
    error = max(np.max(np.abs(g) / scale), np.max(np.abs(residual.sum(0))) / len(x))
    report(f"lrc gradient {name}", error < 1e-7, f"{error:.1e}")


def zero_in_subgradient(name, x, y, coef, c):
    """The optimum of |w| + C loss, whatever a peer reaches: C X^T (p - y) is -sign(w) where w is not 0, within +-1 where
    it is, and the intercepts' derivatives are 0; relative to C |X|^T 1 where that is above 1."""
    residual, w = residuals(x, y, coef), coef[:, :-1]
    g = c * residual.T @ x
    off = np.where(w != 0, np.abs(g + np.sign(w)), np.maximum(np.abs(g) - 1, 0)) / np.maximum(1, c * np.abs(x).sum(0))
    error = max(np.max(off), np.max(np.abs(residual.sum(0))) / len(x))
    report(f"l1 optimum {name}", error < 1e-6, f"{error:.1e}, {np.count_nonzero(w)} of {w.size} weights")


def small_data():
    """Standardised and small: there saga reaches the optimum, within a second."""
    for k in (2, 3, 8):
        x, y = data(240, 8, k, 300 + k, unbalanced=k == 3)
        x = (x - x.mean(0)) / x.std(0)
        yield f"{k} classes", x[:120], y[:120], x[120:]
    x, y = data(200, 1, 4, 8)
    x = (x - x.mean(0)) / x.std(0)
    yield "one column, 4 classes", x[:100], y[:100], x[100:]


def l1():
    for name, x, y, x2 in all_data():
        for c in (0.03, 1):
            zero_in_subgradient(f"C={c} {name}", x, y, run("coef", x, y, kind="lrc", l1=1, c=c), c)
    for name, x, y, x2 in small_data():
        for c in (0.1, 1):
            peer = LogisticRegression(penalty="l1", solver="saga", C=c, tol=1e-10, max_iter=20000, random_state=0).fit(x, y)
            coef = run("coef", x, y, kind="lrc", l1=1, c=c)
            theirs = np.column_stack([peer.coef_, peer.intercept_])
            slack = objective_l1(name, x, y, coef, c) - objective_l1(name, x, y, theirs, c)
            report(f"l1 objective C={c} {name}", abs(slack) <= 1e-9 * len(x) * c, f"{slack:.1e} above saga's")
            check(f"l1 probability C={c} {name}", run("probability", x, y, x2, kind="lrc", l1=1, c=c), peer.predict_proba(x2), 1e-4)


def objective_l1(name, x, y, coef, c):
    classes = np.unique(y)
    scores = x @ coef[:, :-1].T + coef[:, -1]
    if len(classes) == 2:
        loss = np.logaddexp(0, np.where(y == classes[1], -1, 1) * scores[:, 0])
    else:
        loss = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(y)), np.searchsorted(classes, y)]
    return np.abs(coef[:, :-1]).sum() + c * loss.sum()


def svc():
    for name, x, y, x2 in all_data():
        if name.startswith("hostile"):  # libsvm's kernel is float32: an offset of 1000 leaves it no digits
            x, x2 = x - x.mean(0), x2 - x.mean(0)
        for c in (0.025, 1):
            if c == 1 and name.startswith("hostile"):
                continue  # libsvm does not end in minutes
            peer = compare("svc", f"C={c} {name}", x, y, x2, SVC(kernel="linear", C=c, tol=1e-6), 1e-4, c=c, tolerance=1e-6)
            check(f"svc coef C={c} {name}", run("coef", x, y, kind="svc", c=c, tolerance=1e-6),
                  np.column_stack([peer.coef_, peer.intercept_]), 1e-4)
            peer = SVC(kernel="linear", C=c).fit(x, y)
            ours = run("predict", x, y, x2, kind="svc", c=c)
            same_labels(f"svc C={c} {name}, default eps", ours[:, 0], peer.predict(x2), columns(peer.decision_function(x2)), 1e-3)
    x, y = data(200, 12, 3, 5)
    check("svc, an offset", run("predict", x + 500, y, x + 500, kind="svc", tolerance=1e-6)[:, 1:],
          run("predict", x, y, x, kind="svc", tolerance=1e-6)[:, 1:], 1e-4)
    refused("svc probability", "not probabilities", run, "probability", x, y, x, kind="svc")


def lda():
    for name, x, y, x2 in all_data():
        peer = compare("lda", name, x, y, x2, LinearDiscriminantAnalysis(), 1e-6)
        check(f"lda probability {name}", run("probability", x, y, x2, kind="lda"), peer.predict_proba(x2), 1e-6)
    x, y = data(60, 5, 3, 20)
    line = x[:, :1] * 0 + rng.standard_normal((60, 5)) * 0.5 + y[:, None] * np.ones(5)
    compare("lda", "means on a line", line, y, x, LinearDiscriminantAnalysis(), 1e-6)


def bayes():
    for name, x, y, x2 in all_data():
        peer = GaussianNB().fit(x, y)
        ours = run("predict", x, y, x2, kind="gnb")
        check(f"gnb {name}", np.exp(ours[:, 1:]), peer.predict_proba(x2), 1e-6)
        same_labels(f"gnb {name}", ours[:, 0], peer.predict(x2), peer.predict_log_proba(x2), 1e-9)


def peers():
    return {"lrc": LogisticRegression(tol=1e-10, max_iter=200, solver="newton-cg"), "svc": SVC(kernel="linear", C=0.025),
            "lda": LinearDiscriminantAnalysis(), "gnb": GaussianNB()}


def cross():
    for n, d, k in ((200, 30, 2), (210, 15, 4), (90, 500, 3)):
        x, y = data(n, d, k, n)
        fold = np.empty(n, np.int64)
        for i, (_, test) in enumerate(StratifiedKFold(5).split(x, y)):
            fold[test] = i
        for kind, peer in peers().items():
            ours = run("cross", x, y, fold, kind=kind)
            theirs = cross_val_predict(peer, x, y, cv=StratifiedKFold(5))
            report(f"cross {kind} {n}x{d}", np.array_equal(ours[:, 0], theirs), f"{(ours[:, 0] != theirs).sum()} differ")
            alone = np.empty_like(ours)
            for i in range(5):
                alone[fold == i] = run("predict", x[fold != i], y[fold != i], x[fold == i], kind=kind)
            check(f"cross {kind} {n}x{d}, fold by fold", ours, alone, 2e-3 if kind == "svc" else 1e-5)
    x, y = data(30, 4, 3, 1)
    y[:] = np.repeat([0, 1, 2], 10)
    ours = run("cross", x, y, y, kind="lda")
    report("cross, class absent from training", np.all(np.isneginf(ours[np.arange(30), 1 + y])), "-infinity")
    refused("cross, one class left", "fold 1: all", run, "cross", x[:20], y[:20], y[:20], kind="lda")


def threads():
    for name, x, y, x2 in all_data():
        for kind, l1 in (("lrc", 0), ("lrc", 1), ("svc", 0), ("lda", 0), ("gnb", 0)):
            one, two, five = (run("predict", x, y, x2, kind=kind, l1=l1, c=0.1, threads=t) for t in (1, 2, 5))
            report(f"threads {kind} l1={l1} {name}", np.array_equal(one, two) and np.array_equal(one, five), "bits")
    x, y = data(300, 40, 3, 2)
    fold = np.arange(300) % 6
    for kind in ("lrc", "svc", "lda", "gnb"):
        one, two = (run("cross", x, y, fold, kind=kind, threads=t) for t in (1, 2))
        report(f"threads cross {kind}", np.array_equal(one, two), "bits")


def refusals():
    x, y = data(30, 4, 3, 1)
    for kind in ("lrc", "svc", "lda", "gnb"):
        refused(f"{kind} single class", "single class 5", run, "predict", x, np.full(30, 5), x, kind=kind)
        for bad in (np.nan, np.inf):
            broken = x.copy()
            broken[7, 2] = bad
            refused(f"{kind} {bad}", "x[7, 2]", run, "predict", broken, y, x, kind=kind)
            refused(f"{kind} {bad} in new rows", "x[7, 2]", run, "predict", x, y, broken, kind=kind)
    refused("lda n <= classes", "more rows than classes", run, "predict", x[:3], np.arange(3), x, kind="lda")
    refused("unknown kind", "known: lrc", run, "predict", x, y, x, kind="forest")
    refused("negative C", "C is -1", run, "predict", x, y, x, kind="svc", c=-1)
    refused("l1 of svc", "L1", run, "predict", x, y, x, kind="svc", l1=1)
    refused("too few steps", "did not converge", run, "predict", x, y, x, kind="lrc", iterations=1)
    refused("too few steps, svc", "did not converge", run, "predict", x, y, x, kind="svc", iterations=1)
    refused("gnb constant", "constant", run, "predict", np.ones((30, 4)), y, x, kind="gnb")


def haxby():
    """Categories of objects from one slice of a brain, leave one run out."""
    folder = data_dir("brain", "haxby_slice")
    if not folder:
        print("skipped haxby: no real data")
        return
    try:
        import nibabel
        bold = nibabel.load(os.path.join(folder, "bold.nii.gz")).get_fdata()
        mask = nibabel.load(os.path.join(folder, "mask.nii.gz")).get_fdata() > 0
    except ImportError as missing:
        print(f"skipped haxby: {missing}")
        return
    with open(os.path.join(folder, "attributes.txt")) as f:
        rows = [line.split() for line in f if line.strip()]
    rows = rows[-bold.shape[3]:]
    category, number = np.array([r[0] for r in rows]), np.array([int(float(r[1])) for r in rows])
    v = bold[mask].T
    keep = category != "0"  # rest
    v, category, number = v[keep], category[keep], number[keep]
    for r in np.unique(number):
        part = v[number == r]
        sd = part.std(0)
        v[number == r] = (part - part.mean(0)) / np.where(sd > 0, sd, 1)
    blocks = [(r, c) for r in np.unique(number) for c in np.unique(category)]
    x = np.array([v[(number == r) & (category == c)].mean(0) for r, c in blocks])
    groups, y = (np.unique([b[i] for b in blocks], return_inverse=True)[1].astype(np.int64) for i in (0, 1))
    for kind, peer in peers().items():
        ours = run("cross", x, y, groups, kind=kind)[:, 0]
        theirs = cross_val_predict(peer, x, y, groups=groups, cv=LeaveOneGroupOut())
        report(f"haxby {kind} {x.shape}", np.array_equal(ours, theirs),
               f"accuracy {np.mean(ours == y):.4f}, scikit-learn {np.mean(theirs == y):.4f}, {(ours != theirs).sum()} differ")


only = sys.argv[1:]
for part in (logistic, l1, svc, lda, bayes, cross, threads, refusals, haxby):
    if not only or part.__name__ in only:
        part()
finish()
