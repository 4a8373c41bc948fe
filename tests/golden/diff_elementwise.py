"""Elementwise operators against NumPy and SciPy through `dnnbrain run`, on every element type: what ONNX's own
conformance data show for float32 only. Functions are compared with their values in float64, rounded; integers exactly."""
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import scipy.special
    from onnx import helper as h
    from onnx.mapping import NP_TYPE_TO_TENSOR_TYPE as TYPES
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

PROGRAM = os.environ["DNNBRAIN"]
FLOATS = ["float16", "float32", "float64"]
INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
rng = np.random.default_rng(3)
checks = 0
np.seterr(all="ignore")


class Sheet:
    """One model: named inputs, many nodes, and what each result should be."""

    def __init__(self, opset=17):
        self.opset, self.inputs, self.nodes, self.want = opset, {}, [], {}

    def input(self, name, a):
        self.inputs[name] = np.asarray(a)
        return name

    def add(self, op, inputs, want, tag="", **attrs):
        name = f"{len(self.nodes)}_{op}{tag}"
        self.nodes.append(h.make_node(op, inputs, [name], **attrs))
        self.want[name] = np.asarray(want)

    def check(self, folder):
        global checks
        info = lambda n, a: h.make_tensor_value_info(n, TYPES[a.dtype], a.shape)
        graph = h.make_graph(self.nodes, "g", [info(n, a) for n, a in self.inputs.items()],
                             [info(n, a) for n, a in self.want.items()])
        path, out = os.path.join(folder, "m.onnx"), os.path.join(folder, "out")
        onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", self.opset)]), path)
        subprocess.run(["rm", "-rf", out], check=True)
        words = []
        for n, a in self.inputs.items():
            np.save(os.path.join(folder, n + ".npy"), a)
            words.append(f"{n}={os.path.join(folder, n)}.npy")
        done = subprocess.run([PROGRAM, "run", path, "-out", out, "-quiet", "-in", *words], capture_output=True, text=True)
        if done.returncode:
            sys.exit("FAILED: " + done.stderr)
        for n, want in self.want.items():
            got = np.load(os.path.join(out, n + ".npy"))
            if got.dtype != want.dtype or got.shape != want.shape:
                sys.exit(f"FAILED: {n} is {got.dtype} {got.shape}, expected {want.dtype} {want.shape}")
            if want.dtype.kind == "f":  # two units in the last place, and the smallest number
                e = np.finfo(want.dtype)
                same = (got == want) | (np.isnan(got) & np.isnan(want)) | (
                    np.abs(got.astype(float) - want.astype(float)) <= 2 * e.eps * np.abs(want.astype(float)) + e.tiny)
            else:
                same = got == want
            if not same.all():
                at = np.argwhere(~same)[0]
                sys.exit(f"FAILED: {n} at {at}: {got[tuple(at)]!r}, expected {want[tuple(at)]!r}")
            checks += 1




def unary(folder):
    softplus = lambda x: np.logaddexp(x, 0)
    functions = {
        "Abs": np.abs, "Acos": np.arccos, "Acosh": np.arccosh, "Asin": np.arcsin, "Asinh": np.arcsinh, "Atan": np.arctan,
        "Atanh": np.arctanh, "Ceil": np.ceil, "Cos": np.cos, "Cosh": np.cosh, "Erf": scipy.special.erf, "Exp": np.exp,
        "Floor": np.floor, "Log": np.log, "Neg": np.negative, "Reciprocal": np.reciprocal, "Round": np.rint,
        "Sign": np.sign, "Sin": np.sin, "Sinh": np.sinh, "Sqrt": np.sqrt, "Tan": np.tan, "Tanh": np.tanh,
        "Sigmoid": scipy.special.expit, "Softplus": softplus, "Softsign": lambda x: x / (1 + np.abs(x)),
        "Relu": lambda x: np.where(x < 0, 0, x), "HardSwish": lambda x: np.clip(x / 6 + 0.5, 0, 1) * x,
        "Elu": lambda x: np.where(x < 0, np.expm1(x), x), "Celu": lambda x: np.where(x < 0, np.expm1(x), x),
        "Selu": lambda x: 1.05070102214813232421875 * np.where(x < 0, 1.67326319217681884765625 * np.expm1(x), x),
        "ThresholdedRelu": lambda x: np.where(x > 1, x, 0),
        "Shrink": lambda x: np.where(np.abs(x) <= 0.5, 0, x),
        "LeakyRelu": lambda x: np.where(x < 0, 0.01 * x, x)}
    for t in FLOATS:
        s = Sheet()
        x = np.concatenate([rng.standard_normal(400) * scale for scale in (0.01, 0.5, 3, 30)]).astype(t)
        x = np.concatenate([x, np.array([0, -0.0, 0.5, 1.5, -2.5, 1, -1], t)])
        s.input("x", x.reshape(1, -1))
        for op, f in functions.items():
            if op == "Celu" and t != "float32":
                continue  # the standard has it for float32 only
            s.add(op, ["x"], f(s.inputs["x"].astype(float)).astype(t))
        s.add("IsNaN", ["x"], np.isnan(s.inputs["x"]))
        s.check(folder)
    for t in INTS[:4]:
        s = Sheet()
        x = rng.integers(np.iinfo(t).min, np.iinfo(t).max, (9, 11), t, True)
        s.input("x", x)
        for op, f in [("Abs", np.abs), ("Neg", np.negative), ("Sign", np.sign), ("Relu", lambda a: np.maximum(a, 0))]:
            s.add(op, ["x"], f(x).astype(t))
        s.check(folder)


def shapes():
    """Two shapes that broadcast."""
    full = rng.integers(1, 5, rng.integers(1, 5))
    keep = rng.integers(0, 3, full.shape) > 0
    a = np.where(keep, full, 1)
    b = np.where(keep & (rng.integers(0, 3, full.shape) == 0), 1, full)
    return tuple(a), tuple(b[rng.integers(0, len(full)) if len(full) > 1 and a[0] == full[0] else 0:])


def numbers(t, shape, lo=None, hi=None):
    if t in FLOATS:
        return (rng.standard_normal(shape) * 8).astype(t)
    return rng.integers(np.iinfo(t).min if lo is None else lo, np.iinfo(t).max if hi is None else hi, shape, t, True)


def divide(a, b):
    """Towards zero, exactly; the most negative number by -1 wraps around."""
    big = np.frompyfunc(lambda x, y: abs(int(x)) // abs(int(y)) * (1 if (x < 0) == (y < 0) else -1), 2, 1)(a, b)
    bits = 8 * a.dtype.itemsize
    return np.vectorize(lambda v: int(v) % 2**bits, otypes=[object])(big).astype(f"uint{bits}").astype(a.dtype)


def binary(folder):
    for t in FLOATS + INTS:
        for trial in range(4):
            s = Sheet()
            sa, sb = shapes()
            a, b, c = numbers(t, sa), numbers(t, sb), numbers(t, sb)
            b[b == 0] = 1
            for n, v in [("a", a), ("b", b), ("c", c)]:
                s.input(n, v)
            for op, f in [("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply)]:
                s.add(op, ["a", "b"], f(a, b))
            s.add("Div", ["a", "b"], a / b if t in FLOATS else divide(a, b))
            s.add("Mod", ["a", "b"], np.fmod(a, b), fmod=1)
            if t in INTS:
                s.add("Mod", ["a", "b"], np.mod(a, b))
            for op, f in [("Equal", np.equal), ("Less", np.less), ("Greater", np.greater),
                          ("LessOrEqual", np.less_equal), ("GreaterOrEqual", np.greater_equal)]:
                s.add(op, ["a", "b"], f(a, b))
            s.add("Max", ["a", "b", "c"], np.maximum(np.maximum(a, b), c))
            s.add("Min", ["a", "b", "c"], np.minimum(np.minimum(a, b), c))
            if t in FLOATS:
                total = a.astype(float) + b.astype(float) + c.astype(float)
                s.add("Pow", ["a", "b"], np.power(a.astype(float), b.astype(float)).astype(t))
            if t in FLOATS[1:]:  # narrower sums may cancel
                s.add("PRelu", ["c", "b"], np.where(c < 0, c * b, c))
            if t == "float64":
                s.add("Sum", ["a", "b", "c"], total)
            test = s.input("test", rng.integers(0, 2, sb).astype(bool))
            s.add("Where", [test, "a", "b"], np.where(s.inputs[test], a, b))
            if t.startswith("u"):
                n = s.input("n", numbers(t, sb, 0, 8 * a.dtype.itemsize - 1))
                s.add("BitShift", ["a", n], np.left_shift(a, s.inputs[n]), direction="LEFT")
                s.add("BitShift", ["a", n], np.right_shift(a, s.inputs[n]), direction="RIGHT")
            s.check(folder)


def mixed_powers(folder):
    for t in FLOATS[1:] + ["int32", "int64"]:
        for u in FLOATS[1:] + INTS:
            s = Sheet()
            a = (rng.integers(1, 9, (3, 4)) * (1 if t[0] == "i" else 0.5)).astype(t)
            b = rng.integers(0, 6, (4,)).astype(u)
            s.input("a", a)
            s.input("b", b)
            s.add("Pow", ["a", "b"], np.power(a.astype(float), b.astype(float)).astype(t))
            s.check(folder)


def casts(folder):
    s = Sheet()
    every = FLOATS + INTS + ["bool"]
    for t in every:
        if t in FLOATS:
            a = np.concatenate([rng.uniform(0, 120, 40), [0, 0.25, 0.999, 100.5]]).astype(t)
            wide = (rng.standard_normal(60) * 1e3).astype(t)
        else:
            a = rng.integers(0, 2, 40).astype(bool) if t == "bool" else numbers(t, 40)
            wide = a
        s.input("x" + t, a)
        s.input("wide" + t, wide)
        for u in every:
            source = "x" + t if t in FLOATS and u in INTS else "wide" + t
            s.add("Cast", [source], s.inputs[source].astype(u), f"_{t}_{u}", to=int(TYPES[np.dtype(u)]))
    s.check(folder)


def logic(folder):
    for trial in range(10):
        s = Sheet()
        sa, sb = shapes()
        a, b = rng.integers(0, 2, sa).astype(bool), rng.integers(0, 2, sb).astype(bool)
        s.input("a", a)
        s.input("b", b)
        for op, f in [("And", np.logical_and), ("Or", np.logical_or), ("Xor", np.logical_xor), ("Equal", np.equal)]:
            s.add(op, ["a", "b"], f(a, b))
        s.add("Not", ["a"], ~a)
        s.check(folder)


with tempfile.TemporaryDirectory() as where:
    for part in (unary, binary, mixed_powers, casts, logic):
        part(where)
print(f"{checks} results agree")
