"""Shape, index, reduction, gather and scatter operators with random shapes, element types and attributes against
NumPy and PyTorch, where ONNX's conformance data do not reach: every element type, negative axes and indices, empty
values, scalars, the attribute forms of old operator sets, padding wider than its input, Einsum of any shape. One
file holds many nodes; `dnnbrain run` computes them."""
import os
import random
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import torch
    from onnx import helper as h
    from onnx import numpy_helper
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

PROGRAM = os.environ["DNNBRAIN"]
FLOATS = ["float32", "float64", "float16"]
INTS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
TYPE = {np.dtype(t): getattr(onnx.TensorProto, t.replace("float32", "float").replace("float64", "double").upper())
        for t in FLOATS + INTS + ["bool"]}
rng = np.random.default_rng(5)
pick = random.Random(5)
cases = {}  # (opset, in float64) -> nodes, initializers, what to expect by output name


def case(op, inputs, want, opset=13, **attrs):
    """One node; want: its outputs (None = whatever it is). Inputs may be None (not given)."""
    wide = any(x is not None and x.dtype == np.float64 for x in inputs)
    nodes, constants, expected = cases.setdefault((opset, wide), ([], [], {}))
    at, names = len(nodes), []
    for i, x in enumerate(inputs):
        names.append("" if x is None else f"i{at}_{i}")
        if x is not None:
            constants.append(numpy_helper.from_array(np.ascontiguousarray(x).reshape(np.shape(x)), names[-1]))
    outs = [f"o{at}_{k}" for k in range(len(want))]
    # an empty list has no type that the helper could tell; left out, it means the same
    given = {k: v for k, v in attrs.items() if not (isinstance(v, list) and not v)}
    nodes.append(h.make_node(op, names, outs, name=f"{op}_{at}", **given))
    for name, w in zip(outs, want):
        if w is not None:
            expected[name] = (np.asarray(w), f"{op} {attrs} of {[None if x is None else (x.dtype, x.shape) for x in inputs]}")


def numbers(shape, t="float32", lo=-9, hi=9):
    t = np.dtype(t)
    if t.kind == "f":
        return np.asarray(rng.standard_normal(shape) * 3).astype(t)
    if t.kind == "b":
        return np.asarray(rng.integers(0, 2, shape)).astype(t)
    x = rng.integers(0 if t.kind == "u" else lo, hi, shape)
    x = np.asarray(x).astype(t)
    if t == np.uint64:
        x[np.asarray(rng.integers(0, 2, shape), bool)] += np.uint64(2**63)  # beyond int64
    return x


def shape(lo=1, hi=4, ndim=None, zero=False):
    s = [pick.randint(lo, hi) for _ in range(pick.randint(0 if ndim is None else ndim, 4 if ndim is None else ndim))]
    if zero and s and pick.random() < .3:
        s[pick.randrange(len(s))] = 0
    return s


def i64(*x):
    return np.array(x, np.int64)


def reductions():
    f64 = lambda x: x.astype(np.float64)
    logsumexp = lambda x, **k: np.log(np.exp(f64(x)).sum(**k))
    table = {"ReduceL1": lambda x, **k: np.abs(x).sum(**k), "ReduceL2": lambda x, **k: np.sqrt(np.square(f64(x)).sum(**k)),
             "ReduceLogSum": lambda x, **k: np.log(f64(np.abs(x)).sum(**k)), "ReduceLogSumExp": logsumexp,
             "ReduceMax": lambda x, **k: x.max(**k), "ReduceMean": lambda x, **k: f64(x).mean(**k),
             "ReduceMin": lambda x, **k: x.min(**k), "ReduceProd": lambda x, **k: x.prod(**k),
             "ReduceSum": lambda x, **k: x.sum(**k), "ReduceSumSquare": lambda x, **k: (x * x).sum(**k)}
    for op, f in table.items():
        exact = op in ("ReduceMax", "ReduceMin")
        types = FLOATS[:2] + (INTS if exact else ["int32", "int64"] if op in ("ReduceL1", "ReduceSum", "ReduceSumSquare")
                              else ["uint64"] if op == "ReduceProd" else [])
        for t in types + FLOATS[:1] * 6:
            s = shape(1, 5)
            x = numbers(s, t)
            x = np.abs(x) if op == "ReduceLogSum" else x
            axes = tuple(sorted(pick.sample(range(len(s)), pick.randint(1, len(s))))) if s else None
            keep = pick.randint(0, 1)
            given = [a - (len(s) if pick.random() < .5 else 0) for a in axes] if axes else None
            with np.errstate(all="ignore"):
                want = np.asarray(f(x, axis=axes, keepdims=bool(keep))).astype(t)
            if op == "ReduceSum":
                case(op, [x] + ([i64(*given)] if given else []), [want], keepdims=keep)
            else:
                case(op, [x], [want], opset=pick.choice([1, 11, 13]) if not given or min(given) >= 0 else 13, keepdims=keep,
                     **({"axes": given} if given else {}))
    x = numbers([2, 0, 3])
    case("ReduceSum", [x, i64(1)], [np.zeros([2, 1, 3], np.float32)])
    case("ReduceProd", [x], [np.ones([2, 3], np.float32)], axes=[1], keepdims=0)
    case("ReduceMax", [x], [np.full([2, 3], -np.inf, np.float32)], axes=[1], keepdims=0)
    case("ReduceSum", [x, i64(0, 2)], [np.zeros([0], np.float32)], keepdims=0)
    x = numbers([3, 4])
    case("ReduceSum", [x, np.zeros(0, np.int64)], [x], noop_with_empty_axes=1)
    case("ReduceSum", [x, None], [x.sum().reshape(1, 1)])
    x = x.copy()
    x[1, 2] = np.nan
    case("ReduceMax", [x], [x.max(axis=1)], axes=[1], keepdims=0)
    big = numbers([40, 3, 500])
    case("ReduceSum", [big, i64(0, 2)], [big.sum(axis=(0, 2), dtype=np.float64).astype(np.float32)], keepdims=0)
    case("ReduceLogSumExp", [big * 100], [np.logaddexp.reduce(big.astype(np.float64) * 100, axis=2).astype(np.float32)],
         axes=[2], keepdims=0)


def along():
    for t in FLOATS + INTS:
        for _ in range(3):
            s = shape(1, 6, pick.randint(1, 4))
            x = numbers(s, t, -3, 3)
            axis = pick.randrange(len(s))
            n, keep, last, given = s[axis], pick.randint(0, 1), pick.randint(0, 1), axis - pick.choice([0, len(s)])
            for op, f in ("ArgMax", np.argmax), ("ArgMin", np.argmin):
                want = n - 1 - f(np.flip(x, axis), axis) if last else f(x, axis)
                case(op, [x], [np.expand_dims(want, axis) if keep else want], axis=given, keepdims=keep, select_last_index=last)
            k, largest = pick.randint(0, n), pick.randint(0, 1)
            order = np.argsort(x.astype(object) * (-1 if largest else 1), axis, kind="stable").take(range(k), axis).astype(np.int64)
            case("TopK", [x, i64(k)], [np.take_along_axis(x, order, axis), order], axis=given, largest=largest,
                 sorted=pick.randint(0, 1))
            if t in ("float32", "float64", "int32", "int64"):
                reverse, exclusive = pick.randint(0, 1), pick.randint(0, 1)
                y = np.flip(x, axis) if reverse else x
                y = np.cumsum(y, axis, dtype=np.float64 if y.dtype.kind == "f" else t) - (y if exclusive else 0)
                case("CumSum", [x, np.array(given, pick.choice(["int32", "int64"]))],
                     [(np.flip(y, axis) if reverse else y).astype(t)], reverse=reverse, exclusive=exclusive)
    x = numbers([3, 700])
    order = np.argsort(-x, 1, kind="stable")[:, :20]
    case("TopK", [x], [np.take_along_axis(x, order, 1), order], opset=1, axis=1, k=20)
    case("TopK", [x, i64(20)], [np.take_along_axis(x, order, 1), order], opset=10)


def shapes():
    for _ in range(25):
        t, s = pick.choice(FLOATS + INTS + ["bool"]), shape(zero=True)
        x = numbers(s, t)
        count = int(np.prod(s))
        case("Shape", [x], [np.array(s, np.int64)])
        case("Size", [x], [np.array(count, np.int64)])
        axis = pick.randint(-len(s), len(s))
        at = axis + len(s) if axis < 0 else axis
        case("Flatten", [x], [x.reshape(int(np.prod(s[:at])), int(np.prod(s[at:])))], axis=axis)
        case("Reshape", [x, i64(count, 1)], [x.reshape(count, 1)], opset=14, allowzero=1)
        case("Unsqueeze", [x, i64(-1, 0)], [x[None, ..., None]])
        case("Unsqueeze", [x], [x[None, None]], opset=1, axes=[1, 0])
        ones = [i for i, d in enumerate(s) if d == 1]
        case("Squeeze", [x], [np.squeeze(x)], opset=pick.choice([1, 11, 13]))
        if ones:
            case("Squeeze", [x, i64(ones[-1] - len(s))], [np.squeeze(x, ones[-1])])
        perm = pick.sample(range(len(s)), len(s))
        case("Transpose", [x], [x.transpose(perm)], perm=perm)
        if s and 0 not in s:
            case("Reshape", [x], [x.reshape(s[0], -1)], opset=1, shape=[0, -1])
            case("Reshape", [x, i64(0, -1)], [x.reshape(s[0], -1)])
    for s, perm in ([40, 33], [1, 0]), ([2, 33, 5, 70], [0, 2, 3, 1]), ([2, 9, 40, 3], [0, 2, 3, 1]), ([9, 40, 8], [2, 0, 1]), \
            ([3, 10, 65, 9], [3, 2, 0, 1]), ([100, 8], [1, 0]):  # in tiles
        x = numbers(s, pick.choice(["float32", "int64"]))
        case("Transpose", [x], [x.transpose(perm)], perm=perm)
    case("Reshape", [numbers([1, 1]), np.zeros(0, np.int64)], [None])
    case("ConstantOfShape", [np.zeros(0, np.int64)], [np.array(7, np.uint8)], value=numpy_helper.from_array(np.array([7], np.uint8)))
    case("ConstantOfShape", [i64(2, 0, 3)], [np.zeros([2, 0, 3], np.float32)])
    case("ConstantOfShape", [i64(2, 3)], [np.full([2, 3], True)], value=numpy_helper.from_array(np.array([True])))
    case("ConstantOfShape", [i64(2)], [np.full(2, .1, np.float16)], value=numpy_helper.from_array(np.array([.1], np.float16)))
    for t in FLOATS + INTS:
        k = pick.randint(-4, 4)
        x = numbers([pick.randint(1, 4), pick.randint(1, 4)], "int32")
        case("EyeLike", [x], [np.eye(*x.shape, k=k, dtype=t)], k=k, dtype=TYPE[np.dtype(t)])
        s = shape(1, 4, pick.randint(2, 4))
        x = numbers(s, t)
        case("Trilu", [x, np.array(k, np.int64)], [np.triu(x, k)])
        case("Trilu", [x], [np.tril(x)], opset=14, upper=0)
    for t in ["float32", "float64", "int16", "int32", "int64"]:
        case("Range", [np.array(v, t) for v in (10, -3, -2)], [np.arange(10, -3, -2, t)])
        case("Range", [np.array(v, t) for v in (3, 3, 1)], [np.zeros(0, t)])
    case("Range", [np.array(v, np.float32) for v in (0, 1, .1)], [np.arange(10).astype(np.float64).astype(np.float32) * np.float32(.1)])


def repeats():
    for _ in range(20):
        t, s = pick.choice(FLOATS + INTS + ["bool"]), shape(zero=True)
        x = numbers(s, t)
        times = [pick.randint(0, 3) if pick.random() < .2 else pick.randint(1, 3) for _ in s]
        case("Tile", [x, i64(*times)], [np.tile(x, times)])
        target = [pick.randint(1, 3)] + [d if d != 1 else pick.randint(1, 4) for d in s]
        ask = [1 if pick.random() < .3 else d for d in target]
        case("Expand", [x, i64(*ask)], [x * np.ones(ask, x.dtype) if t != "bool" else x & np.ones(ask, bool)])
        if s and 0 not in s:
            axis = pick.randrange(len(s))
            if t.startswith("float"):
                case("Tile", [x, np.array([3], t), np.array([axis], t)], [np.concatenate([x] * 3, axis)], opset=1)
            n = pick.randint(1, 4)
            cuts = sorted(pick.randint(0, s[axis]) for _ in range(n - 1))
            parts = np.split(x, cuts, axis)
            sizes = [p.shape[axis] for p in parts]
            case("Split", [x, i64(*sizes)], parts, axis=axis - len(s))
            case("Split", [x], parts, opset=11, axis=axis, split=sizes)
            case("Concat", parts, [x], axis=axis - len(s))
            if axis == 1:
                case("Concat", parts, [x], opset=1)
    x = numbers([2, 7])
    case("Split", [x], np.split(x, [3, 6], 1), opset=18, axis=1, num_outputs=3)
    case("Split", [x], np.split(x, 7, 1), axis=1)
    case("Split", [x], [x[:1], None], opset=11)
    lens = i64(3, 0, 5, 1)
    x = numbers([5, 4, 2])
    want = x.copy()
    for b, n in enumerate(lens):
        want[:n, b] = x[:n, b][::-1]
    case("ReverseSequence", [x, lens], [want])
    case("ReverseSequence", [x.swapaxes(0, 1), lens], [want.swapaxes(0, 1)], time_axis=1, batch_axis=0)
    for b in 1, 2, 3:
        x = numbers([2, 2 * b * b, 3, 2], pick.choice(FLOATS + INTS))
        crd = x.reshape(2, 2, b, b, 3, 2).transpose(0, 1, 4, 2, 5, 3).reshape(2, 2, 3 * b, 2 * b)
        dcr = x.reshape(2, b, b, 2, 3, 2).transpose(0, 3, 4, 1, 5, 2).reshape(2, 2, 3 * b, 2 * b)
        case("DepthToSpace", [x], [crd], blocksize=b, mode="CRD")
        case("DepthToSpace", [x], [dcr], opset=1, blocksize=b)
        case("SpaceToDepth", [dcr], [x], blocksize=b)


def slices():
    for _ in range(60):
        t, s = pick.choice(FLOATS + INTS + ["bool"]), shape(1, 6, pick.randint(1, 4))
        x = numbers(s, t)
        axes = pick.sample(range(len(s)), pick.randint(1, len(s)))
        index, starts, ends, steps = [slice(None)] * len(s), [], [], []
        for a in axes:
            step = pick.choice([-3, -2, -1, 1, 2, 3])
            lo = pick.randint(-s[a], s[a] - 1)
            hi = pick.choice([pick.randint(-s[a], s[a]), 2**31 - 1 if step > 0 else -2**31])
            index[a] = slice(lo, None if abs(hi) > 99 else hi, step)
            starts, ends, steps = starts + [lo], ends + [hi], steps + [step]
        given = [a - pick.choice([0, len(s)]) for a in axes]
        it = pick.choice(["int32", "int64"])
        case("Slice", [x, *(np.array(v, it) for v in (starts, ends, given, steps))], [x[tuple(index)]])
        if min(steps) == 1 == max(steps):
            case("Slice", [x], [x[tuple(index)]], opset=1, starts=starts, ends=ends, axes=axes)
    for _ in range(40):
        t, s = pick.choice(["float32", "float64", "int32", "int64", "uint8", "bool"]), shape(1, 4, pick.randint(1, 4))
        x = numbers(s, t)
        pads = [[pick.randint(0, 6), pick.randint(0, 6)] for _ in s]
        flat = i64(*[p[0] for p in pads], *[p[1] for p in pads])
        mode = pick.choice(["constant", "reflect", "edge", "wrap"])
        value = numbers([], t)
        more = {"constant_values": value} if mode == "constant" else {}
        around = np.ix_(*[np.arange(-lo, d + hi) % d for d, (lo, hi) in zip(s, pads)])
        case("Pad", [x, flat] + ([value] if more else []), [x[around] if mode == "wrap" else np.pad(x, pads, mode, **more)],
             opset=18 if mode == "wrap" else 13, mode=mode)
        if t == "float32" and mode != "wrap":
            more = {"constant_values": 1.5} if mode == "constant" else {}
            case("Pad", [x], [np.pad(x, pads, mode, **more)], opset=2, mode=mode, pads=flat.tolist(), value=1.5)
            case("Pad", [x], [np.pad(x, pads, mode, **more)], opset=1, mode=mode, paddings=flat.tolist(), value=1.5)
    x = numbers([4, 5])
    case("Pad", [x, i64(-1, 2, -2, -3)], [np.pad(x[1:2], [(0, 0), (2, 0)])[:, :-3]])
    case("Pad", [x, i64(2, 1), None, i64(-1)], [np.pad(x, [(0, 0), (2, 1)])], opset=18)
    case("Pad", [np.zeros([0, 2], np.int64), i64(1, 0, 1, 0), np.array(2**62 + 1)], [np.full([2, 2], 2**62 + 1)])


def scatters():
    def into(x, where, updates, reduction):
        y = x.copy()
        f = {"none": lambda a, b: b, "add": np.add, "mul": np.multiply, "min": np.minimum, "max": np.maximum}[reduction]
        for at, u in zip(where, updates):
            with np.errstate(all="ignore"):
                y[at] = f(y[at], u)
        return y

    for _ in range(60):
        t, s = pick.choice(FLOATS[:2] + INTS), shape(1, 5, pick.randint(1, 4))
        x, axis, it = numbers(s, t), pick.randrange(len(s)), pick.choice(["int32", "int64"])
        n = pick.randint(0, 4)
        index = rng.integers(-s[axis], s[axis], shape(zero=True, ndim=pick.randint(0, 3))).astype(it)
        case("Gather", [x, index], [np.take(x, index % s[axis] if index.size else index, axis)], axis=axis - pick.choice([0, len(s)]))
        within = [pick.randint(1, d) if a != axis else n for a, d in enumerate(s)]
        index = rng.integers(-s[axis], s[axis], within).astype(it)
        where = [tuple(int(index[p]) if a == axis else p[a] for a in range(len(s))) for p in np.ndindex(*within)]
        case("GatherElements", [x, index], [np.array([x[w] for w in where], t).reshape(within)], axis=axis - len(s))
        kind = pick.choice(["none", "add", "mul", "min", "max"])
        updates = numbers(within, t)
        case("ScatterElements", [x, index, updates], [into(x, where, updates.reshape(-1), kind)], opset=18, axis=axis,
             reduction=kind)
        case("Scatter", [x, index, updates], [into(x, where, updates.reshape(-1), "none")], opset=9, axis=axis)
        depth, lead = pick.randint(1, len(s)), shape(1, 3, pick.randint(0, 2), zero=True)
        index = np.stack([rng.integers(-d, d, lead) for d in s[:depth]], -1).astype(np.int64)
        where = [tuple(i) for i in index.reshape(-1, depth)]
        updates = numbers(lead + s[depth:], t)
        case("ScatterND", [x, index, updates], [into(x, where, updates.reshape([len(where)] + s[depth:]), kind)], opset=18,
             reduction=kind)
        case("GatherND", [x, index], [np.array([x[w] for w in where], t).reshape(lead + s[depth:])])
    x, index = numbers([2, 3, 4, 5]), rng.integers(-4, 4, [2, 3, 6, 1])
    case("GatherND", [x, index], [np.take_along_axis(x, index % 4, 2)], batch_dims=2)


def select():
    for _ in range(30):
        t, s = pick.choice(FLOATS + INTS + ["bool"]), shape(1, 4, pick.randint(1, 4), zero=True)
        x = numbers(s, t, -2, 2)
        x[np.asarray(rng.integers(0, 2, s), bool)] = 0
        case("NonZero", [x], [np.array(np.nonzero(x), np.int64).reshape(len(s), -1)])
        axis = pick.randrange(len(s))
        keep = rng.integers(0, 2, pick.randint(0, s[axis])).astype(bool)
        case("Compress", [x, keep], [np.compress(keep, x, axis)], axis=axis - len(s))
        keep = rng.integers(0, 2, int(np.prod(s))).astype(bool)
        case("Compress", [x, keep], [np.compress(keep, x)])
        if t == "bool" or 0 in s:
            continue
        for sort in 0, 1:
            for a in [None, axis]:
                y, first, inverse, count = np.unique(x, True, True, True, a)
                inverse = inverse.reshape(-1)
                if not sort:
                    order = np.argsort(first)
                    y, first, count = np.take(y, order, 0 if a is None else a), first[order], count[order]
                    inverse = np.argsort(order)[inverse]
                case("Unique", [x], [y, first, inverse, count], sorted=sort, **({} if a is None else {"axis": a - len(s)}))
    for t in FLOATS + INTS:
        index, axis, depth = numbers([2, 3], pick.choice(["int32", "int64", "float32"]), -7, 7), pick.randint(-3, 2), 5
        values = numbers([2], t)
        index = np.trunc(index)
        at = np.expand_dims(index, axis)
        lines = np.arange(depth).reshape([depth if a == axis % 3 else 1 for a in range(3)])
        hot = (lines == np.where(at < 0, at + depth, at)) & (at >= -depth) & (at < depth)
        case("OneHot", [index, np.array([depth], pick.choice(["int64", "float32"])), values],
             [np.where(hot, values[1], values[0])], axis=axis)


def nothing():
    """No elements at all go through elementwise operators too."""
    x, row = numbers([0, 3]), numbers([3])
    for op, *more in ("Add", row), ("Mul", numbers([1])), ("Relu",), ("Exp",), ("Max", row), ("Sum", row), ("Clip",), ("Mean",):
        case(op, [x, *more], [x])
    case("Less", [x, row], [np.zeros([0, 3], bool)])
    case("Where", [np.zeros([0, 1], bool), x, row], [x])
    case("Cast", [x], [np.zeros([0, 3], np.int32)], to=int(TYPE[np.dtype("int32")]))
    case("Hardmax", [numbers([2, 0])], [np.zeros([2, 0], np.float32)])


def einsums():
    fixed = [("ij,jk->ik", [3, 4], [4, 5]), ("ij,jk", [3, 4], [4, 5]), ("ii->i", [4, 4]), ("ii", [4, 4]), ("bij, bjk -> bik", [2, 3, 4], [2, 4, 2]),
             ("...ij,...jk->...ik", [5, 2, 3, 4], [2, 4, 3]), ("...ij,jk", [1, 2, 3, 4], [4, 5]), ("i,j,k->kji", [2], [3], [4]),
             ("ab,bc,cd,de->ae", [2, 3], [3, 4], [4, 2], [2, 5]), ("ijk,il,jl,kl->", [2, 3, 4], [2, 5], [3, 5], [4, 5]),
             (",ij->ji", [], [2, 3]), ("i...->...", [4, 2, 3]), ("...->...", [2, 3]), ("bA,bB->AB", [2, 3], [2, 4]), ("cba", [2, 3, 4]),
             ("...ii->...i", [2, 3, 3]), ("iij,jkk->ik", [3, 3, 2], [2, 4, 4]), ("ij,ij->", [3, 4], [3, 4]), ("i,i", [0], [0]),
             ("ij,j->i", [0, 3], [3]), ("ij,jk->ik", [2, 0], [0, 3]), ("ij,ij->ij", [3, 1], [3, 4]), ("a,a,a->a", [3], [3], [3]),
             ("ij,kj->ik", [20, 37], [300, 37]), ("bij,bjk->bik", [2, 5, 33], [2, 33, 270]), ("ij,jk->ki", [9, 20], [20, 7])]
    for equation, *s in fixed:
        for t in "float32", "float64", "int32":
            x = [numbers(d, t) for d in s]
            wide = [v.astype(np.float64) if t == "float32" else v for v in x]
            case("Einsum", x, [np.einsum(equation.replace(" ", ""), *wide).astype(t)], equation=equation)
    for _ in range(30):
        size = {c: pick.randint(1, 4) for c in "abcdeXY"}
        terms = ["".join(pick.choice("abcdeXY") for _ in range(pick.randint(0, 4))) for _ in range(pick.randint(1, 4))]
        used = sorted(set("".join(terms)))
        equation = ",".join(terms) + "->" + "".join(pick.sample(used, pick.randint(0, len(used))))
        x = [numbers([size[c] for c in term]) for term in terms]
        case("Einsum", x, [np.einsum(equation, *[v.astype(np.float64) for v in x]).astype(np.float32)], equation=equation)
    x = numbers([3, 2, 5, 5], "float64")
    case("Det", [x], [np.linalg.det(x)])
    case("Det", [np.array([[0, 1], [1, 0]], np.float32)], [np.float32(-1)])


def compiled(folder):
    """A network of such operators, as PyTorch exports it, through every back end."""
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 8, 3, padding=1)
            self.shuffle = torch.nn.PixelShuffle(2)

        def forward(self, x):
            a, b = torch.split(self.conv(x), [3, 5], 1)
            c = torch.cat([b, a], 1).view(x.shape[0], 2, 4, 8, 8).transpose(1, 2).reshape(x.shape[0], 8, 8, 8)
            d = torch.nn.functional.pad(self.shuffle(c), (2, 1, 1, 2), "reflect")
            e = d.amax(1, keepdim=True).repeat(1, 2, 1, 1) + d.logsumexp((2, 3), keepdim=True)
            v, i = self.shuffle(c).flatten(1).topk(7, 1)  # no equal values: PyTorch breaks ties as it likes
            return torch.cat([v, i.float(), torch.cumsum(v, 1), d.norm(2, 1).flatten(1), e.prod(1).flatten(1)], 1)

    torch.manual_seed(0)
    net, path, made = Net().eval(), os.path.join(folder, "net.onnx"), os.path.join(folder, "made")
    x = torch.randn(3, 3, 8, 8)
    torch.onnx.export(net, x, path, opset_version=13, input_names=["x"], output_names=["y"])
    np.save(os.path.join(folder, "x.npy"), x.numpy())
    want = net(x).detach().numpy()
    for backend in "auto", "reference", "reference64":
        subprocess.run([PROGRAM, "run", path, "-in", f"x={folder}/x.npy", "-out", made, "-quiet", "-backend", backend],
                       check=True)
        worst = np.abs(np.load(os.path.join(made, "y.npy")) - want).max() / np.abs(want).max()
        if not worst < 1e-5:
            sys.exit(f"FAILED: exported network, {backend}: differs by {worst:.1e} of the maximum")


def compare(folder):
    n = 0
    for (opset, _), (nodes, constants, expected) in sorted(cases.items()):
        outputs = [h.make_tensor_value_info(name, TYPE[w.dtype], w.shape) for name, (w, _) in expected.items()]
        path, made = os.path.join(folder, "m.onnx"), os.path.join(folder, f"out{n}")
        onnx.save(h.make_model(h.make_graph(nodes, "g", [], outputs, constants), opset_imports=[h.make_opsetid("", opset)]), path)
        done = subprocess.run([PROGRAM, "run", path, "-out", made, "-quiet"], capture_output=True, text=True)
        if done.returncode:
            node = next((x for x in nodes if f"'{x.name}'" in done.stderr), None)
            sys.exit(f"FAILED: {done.stderr}{expected.get(node.output[0], ('', ''))[1] if node else ''}")
        for name, (w, what) in expected.items():
            got = np.load(os.path.join(made, name + ".npy"))
            tolerance = {"float16": 2e-3, "float32": 2e-5, "float64": 1e-9}.get(str(w.dtype), 0)
            same = got.dtype == w.dtype and got.shape == w.shape
            if not same or not np.allclose(got, w, tolerance, tolerance * 1e-1, equal_nan=True):
                sys.exit(f"FAILED: {what} (opset {opset})\n{got.dtype} {got.shape}, expected {w.dtype} {w.shape}\n"
                         f"{str(got)[:2000]}\nexpected\n{str(w)[:2000]}")
            n += 1
    print(f"{n} results agree")


for make in reductions, along, shapes, repeats, slices, scatters, select, nothing, einsums:
    make()
with tempfile.TemporaryDirectory() as folder:
    compare(folder)
    compiled(folder)
