"""Normalisations and losses against PyTorch in float64, in every version's meaning: what ONNX's conformance data leave
out (training mode of old versions, per-feature statistics, groups, root mean squares, Lp, element types)."""
from onnxcases import *

try:
    import torch
    import torch.nn.functional as F
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

rng = np.random.default_rng(9)
cases = Cases()


def draw(*shape, dtype=np.float32, positive=False):
    a = rng.standard_normal(shape) * 2 + 0.7
    return (np.abs(a) + 0.1 if positive else a).astype(dtype)


def t(a):
    return torch.from_numpy(np.asarray(a).astype(np.float64))


def n(a, dtype=np.float32):
    return a.numpy().astype(dtype)


# ---- BatchNormalization
for opset, inference, training in ((6, {"is_test": 1}, {"is_test": 0}), (7, {}, {}), (9, {}, {}),
                                   (14, {}, {"training_mode": 1}), (15, {}, {"training_mode": 1})):
    for shape in ((4, 3), (4, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 4), (7,)):
        c = shape[1] if len(shape) > 1 else 1
        x, scale, bias, mean = draw(*shape), draw(c), draw(c), draw(c)
        var = draw(c, positive=True)
        view = t(x).reshape(1, 1, -1) if len(shape) == 1 else t(x)
        y = F.batch_norm(view, t(mean), t(var), t(scale), t(bias), False, 0, 1e-3).reshape(shape)
        if opset >= 9 or len(shape) > 1:
            cases.add("BatchNormalization", [x, scale, bias, mean, var], [n(y)], opset=opset, epsilon=1e-3, **inference)
        y = F.batch_norm(view, None, None, t(scale), t(bias), True, 0, 1e-3).reshape(shape)
        axes = [0, 2] if len(shape) == 1 else [0, *range(2, len(shape))]
        m, v = view.mean(axes), view.var(axes, unbiased=False)
        outs = [n(y), n(t(mean) * 0.7 + m * 0.3), n(t(var) * 0.7 + v * 0.3)]
        if opset < 14:
            outs += [n(m), n(v)]
        cases.add("BatchNormalization", [x, scale, bias, mean, var], outs, opset=opset, epsilon=1e-3, momentum=0.7,
                  **training)

x, var = draw(3, 4, 2, 5), draw(4, 2, 5, positive=True)
scale, bias, mean = draw(4, 2, 5), draw(4, 2, 5), draw(4, 2, 5)
y = (t(x) - t(mean)) / (t(var) + 1e-5).sqrt() * t(scale) + t(bias)
cases.add("BatchNormalization", [x, scale, bias, mean, var], [n(y)], opset=7, spatial=0)
m, v = t(x).mean(0), t(x).var(0, unbiased=False)
y = (t(x) - m) / (v + 1e-5).sqrt() * t(scale) + t(bias)
cases.add("BatchNormalization", [x, scale, bias, mean, var],
          [n(y), n(t(mean) * 0.9 + m * 0.1), n(t(var) * 0.9 + v * 0.1), n(m), n(v)], opset=7, spatial=0)
# Version 15: data, scale and statistics of three types.
x, var = draw(2, 3, 4, dtype=np.float16), draw(3, dtype=np.float64, positive=True)
scale, bias, mean = draw(3), draw(3), draw(3, dtype=np.float64)
y = F.batch_norm(t(x), t(mean), t(var), t(scale), t(bias), False, 0, 1e-5)
cases.add("BatchNormalization", [x, scale, bias, mean, var], [n(y, np.float16)], opset=15)
y = F.batch_norm(t(x), None, None, t(scale), t(bias), True, 0, 1e-5)
m, v = t(x).mean([0, 2]), t(x).var([0, 2], unbiased=False)
cases.add("BatchNormalization", [x, scale, bias, mean, var],
          [n(y, np.float16), n(t(mean) * 0.9 + m * 0.1, np.float64), n(t(var) * 0.9 + v * 0.1, np.float64)], opset=15,
          training_mode=1)
cases.add("BatchNormalization", [x, scale, bias, mean, var], [x, mean, var], opset=15, verdict="makes no output")

# ---- InstanceNormalization, GroupNormalization
for shape in ((2, 6, 5), (2, 6, 3, 4), (1, 6, 2, 3, 2)):
    x, scale, bias = draw(*shape), draw(6), draw(6)
    cases.add("InstanceNormalization", [x, scale, bias], [n(F.instance_norm(t(x), weight=t(scale), bias=t(bias), eps=1e-3))],
              epsilon=1e-3)
    for groups in (1, 2, 3, 6):
        scale, bias = draw(groups), draw(groups)
        wide = [t(a).repeat_interleave(6 // groups) for a in (scale, bias)]
        cases.add("GroupNormalization", [x, scale, bias], [n(F.group_norm(t(x), groups, *wide, 1e-3))], opset=18,
                  num_groups=groups, epsilon=1e-3)

# ---- LayerNormalization, RMSNormalization
x = draw(2, 3, 4, 5)
for axis in (0, 1, 2, 3, -1, -3):
    for dtype in (np.float32, np.float64, np.float16):
        tail = x.shape[axis:]
        data, scale, bias = x.astype(dtype), draw(*tail, dtype=dtype), draw(*tail, dtype=dtype)
        y = F.layer_norm(t(data), tail, t(scale), t(bias), 1e-2)
        dims = list(range(axis % 4, 4))
        mean = t(data).mean(dims, keepdim=True)
        inverse = 1 / (t(data).var(dims, unbiased=False, keepdim=True) + 1e-2).sqrt()
        if dtype != np.float16:  # which rounds in between: not to the suite's tolerance near zero
            cases.add("LayerNormalization", [data, scale, bias], [n(y, dtype), n(mean), n(inverse)], axis=axis, epsilon=1e-2)
        cases.add("LayerNormalization", [data, scale, bias], [None, n(mean, np.float32), None], axis=axis)
    y = F.layer_norm(t(x), x.shape[axis:], t(draw(*x.shape[axis:]) * 0 + 2), None, 1e-5)
    cases.add("LayerNormalization", [x, np.full(x.shape[axis:], 2, np.float32)], [n(y)], axis=axis)
    scale = draw(*x.shape[axis:])
    y = t(x) / ((t(x) ** 2).mean(dims, keepdim=True) + 1e-2).sqrt() * t(scale)
    cases.add("RMSNormalization", [x, scale], [n(y)], axis=axis, epsilon=1e-2)
# scale and bias that broadcast, within the group and across groups
scale, bias = draw(1, 5), draw(3, 1, 1)
y = F.layer_norm(t(x), (4, 5)) * t(scale) + t(bias)
cases.add("LayerNormalization", [x, scale, bias], [n(y)], axis=2)
cases.add("LayerNormalization", [x, draw(2, 5)], [x], axis=2, verdict="do not broadcast")
cases.add("LayerNormalization", [x, draw(5)], [x], verdict="stash_type 7", stash_type=7)

# ---- MeanVarianceNormalization, LpNormalization
for axes in ([0, 2, 3], [1], [2, 3], [-1], [0, 1, 2, 3], [0, 3]):
    y = (t(x) - t(x).mean(axes, keepdim=True)) / t(x).var(axes, unbiased=False, keepdim=True).sqrt()
    cases.add("MeanVarianceNormalization", [x], [n(y)], opset=13, axes=axes)
for axis in (0, 1, -1):
    for p in (1, 2):
        data = draw(3, 4, 5)
        data[:, :, 2] = 0
        data[1] = 0
        cases.add("LpNormalization", [data], [n(F.normalize(t(data), p, axis, 0 + 1e-30))], axis=axis, p=p)

# ---- Softmax, LogSoftmax: over everything from the axis on, before version 13
for op, f in (("Softmax", F.softmax), ("LogSoftmax", F.log_softmax)):
    for opset in (1, 6, 11, 12, 13):
        for axis in (None, 0, 1, 2, 3):
            attrs = {} if axis is None else {"axis": axis}
            at = axis if axis is not None else 1 if opset < 13 else 3
            y = f(t(x), at) if opset >= 13 else f(t(x).reshape(int(np.prod(x.shape[:at])), -1), 1).reshape(x.shape)
            cases.add(op, [x], [n(y)], opset=opset, **attrs)

# ---- losses
for extra in ((), (3,), (2, 3), (2, 1, 2)):
    scores, weight = draw(4, 5, *extra), draw(5, positive=True)
    for dtype in (np.int32, np.int64):
        label = rng.integers(0, 5, (4, *extra)).astype(dtype)
        for reduction in ("none", "sum", "mean", None):
            for w in (None, weight):
                for ignore in (None, 2, -1):
                    lab, kw = label.copy(), {}
                    if ignore is not None:
                        lab.flat[::3] = ignore
                        kw["ignore_index"] = ignore
                    attrs = dict(kw, **({"reduction": reduction} if reduction else {}))
                    tw = None if w is None else t(w)
                    args = (torch.from_numpy(lab.astype(np.int64)), tw)
                    kw["reduction"] = reduction or "mean"
                    loss = F.nll_loss(t(scores), *args, **kw)
                    cases.add("NegativeLogLikelihoodLoss", [scores, lab, w], [n(loss)], opset=13, **attrs)
                    loss, log_prob = F.cross_entropy(t(scores), *args, **kw), F.log_softmax(t(scores), 1)
                    outs = [n(loss), n(log_prob)] if dtype == np.int32 else [n(loss)]
                    cases.add("SoftmaxCrossEntropyLoss", [scores, lab, w], outs, opset=13, **attrs)
cases.add("NegativeLogLikelihoodLoss", [scores, np.full((4, 2, 1, 2), 5)], [np.float32(0)], opset=13,
          verdict="label 5 is not one of 5 classes")

cases.finish()
