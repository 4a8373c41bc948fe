"""`dnnbrain run` against torch and NumPy: exported networks at other batch and image sizes, inner values by name,
element types, several inputs, control flow, clean refusals; and, where they are, the real models."""
import json
import os
import subprocess
import sys
import tempfile

from golden import data_dir

try:
    import numpy as np
    import onnx
    import torch
    from onnx import TensorProto as T
    from onnx import helper as h
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

PROGRAM = os.environ["DNNBRAIN"]
TYPES = {np.dtype("float32"): T.FLOAT, np.dtype("float64"): T.DOUBLE, np.dtype("float16"): T.FLOAT16,
         np.dtype("int64"): T.INT64, np.dtype("int32"): T.INT32, np.dtype("uint8"): T.UINT8, np.dtype("bool"): T.BOOL}
checks = 0


def check(ok, what):
    global checks
    checks += 1
    if not ok:
        sys.exit("FAILED: " + what)


def run(folder, model, inputs, *more, fails=None):
    """The results by file name; with fails, the text of stderr."""
    out = os.path.join(folder, "out")
    subprocess.run(["rm", "-rf", out], check=True)
    words = []
    for name, x in inputs.items():
        path = os.path.join(folder, f"in{len(words)}.npy")
        np.save(path, x)
        words.append(f"{name}={path}")
    command = [PROGRAM, "run", model, "-out", out, "-quiet", *(["-in", *words] if words else []), *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if fails is not None:
        check(done.returncode == 1 and fails in done.stderr, f"{fails!r} in {done.stderr!r} (exit {done.returncode})")
        check(not os.path.exists(out) or not os.listdir(out), "nothing is left after a failure")
        return done.stderr
    check(done.returncode == 0, done.stderr)
    made = {f[:-4]: np.load(os.path.join(out, f)) for f in os.listdir(out) if f.endswith(".npy")}
    with open(os.path.join(out, "run.json")) as f:
        made["run"] = json.load(f)
    return made


def close(a, b, tolerance, what):
    check(a.shape == b.shape and a.dtype == b.dtype, f"{what}: {a.dtype} {a.shape}, expected {b.dtype} {b.shape}")
    worst = np.abs(a.astype(float) - b.astype(float)).max() / max(np.abs(b.astype(float)).max(), 1e-30)
    check(worst <= tolerance, f"{what}: differs by {worst:.2e} of the maximum")


def bf16(folder, path, x, want):
    """Near float32; the error recorded is the one there is; the reference kernels stay float32."""
    exact = run(folder, path, {"x": x}, "-layer", "y")
    got = run(folder, path, {"x": x}, "-layer", "y", "-precision", "bf16")
    close(got["y"], want, 2e-2, "output in bf16")
    off = np.abs(got["y"] - exact["y"]).max() / np.abs(exact["y"]).max()
    if got["run"]["precision"] == "bf16":
        name, error = got["run"]["bf16_error"].split()
        check(name == "y" and abs(float(error) - off) <= 0.06 * off and off > 0, f"error {error} recorded, {off:.2e} found")
    else:
        check(off == 0 and "bf16_error" not in got["run"], "without the instructions it is float32")
    got = run(folder, path, {"x": x}, "-layer", "y", "-precision", "bf16", "-backend", "reference")
    check(got["run"]["precision"] == "float32", "the reference kernels compute in float32")
    check(exact["run"]["precision"] == "float32" and "bf16_error" not in exact["run"], "float32 is the default")


def exported(folder):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
                              torch.nn.Conv2d(8, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
                              torch.nn.Linear(4, 5)).eval()
    path = os.path.join(folder, "net.onnx")
    torch.onnx.export(net, torch.zeros(1, 3, 16, 16), path, input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": {0: "n", 2: "h", 3: "w"}, "y": {0: "n"}})
    first = onnx.load(path).graph.node[0].output[0]
    for size in [(1, 16, 16), (3, 20, 31)]:
        x = np.random.default_rng(size[0]).standard_normal((size[0], 3, *size[1:]), dtype=np.float32)
        with torch.no_grad():
            want, inner = net(torch.tensor(x)).numpy(), net[0](torch.tensor(x)).numpy()
        for backend in ["auto", "reference", "reference64"]:
            got = run(folder, path, {"x": x}, "-layer", "y", first, "-backend", backend)
            close(got["y"], want, 1e-5, f"output, {backend}")
            close(got[first.replace("/", "_")], inner, 1e-5, f"inner value, {backend}")
            check(got["run"]["backend"] == ("onednn" if backend == "auto" else backend), "the back end is recorded")
    bf16(folder, path, x, want)
    leaf = torch.tensor(x, requires_grad=True)
    inner_value = net[0](leaf)
    inner_value.retain_grad()
    net[1:](inner_value)[:, 2].sum().backward()
    got = run(folder, path, {"x": x}, "-grad", "y:3", "-wrt", "x", first, "0.weight")
    close(got["grad_x"], leaf.grad.numpy(), 1e-5, "gradient by the input")
    close(got["grad_" + first.replace("/", "_")], inner_value.grad.numpy(), 1e-5, "gradient by an inner value")
    close(got["grad_0.weight"], net[0].weight.grad.numpy(), 1e-5, "gradient by a weight")
    leaf.grad = None
    net[0](leaf)[:, 4, 5, 6].sum().backward()
    close(run(folder, path, {"x": x}, "-grad", first + ":5,6,7")["grad_x"], leaf.grad.numpy(), 1e-5, "gradient of a unit")
    run(folder, path, {"x": x}, "-layer", "nope", fails="nope")
    run(folder, path, {"x": x[:, :2]}, fails="'x' takes")
    run(folder, path, {"x": x.astype(np.int64)}, fails="takes float32")


def not_finite(folder):
    """NaN and infinity come through a ReLU whatever computes, unless oneDNN is asked for by name."""
    for t in ["float32", "float16"]:
        m = model(folder, [h.make_node("Relu", ["a"], ["b"])], [("a", t, [2, 3])], [("b", t, [2, 3])])
        for odd in (np.nan, np.inf, -np.inf):
            a = np.array([[-1, odd, 2], [3, -4, 5]], t)
            want = np.where(np.isnan(a), a, np.maximum(a, 0))
            for backend in ("auto", "reference"):
                got = run(folder, m, {"a": a}, "-backend", backend)
                check(got["run"]["backend"] == "reference" and np.array_equal(got["b"], want, equal_nan=True), f"ReLU of {odd}, {t}, {backend}")
        finite = run(folder, m, {"a": np.ones((2, 3), t)})
        check(finite["run"]["backend"] == "onednn", "finite inputs go to oneDNN")


def model(folder, nodes, inputs, outputs, initializers=(), opset=13):
    g = h.make_graph(nodes, "g", [h.make_tensor_value_info(n, TYPES[np.dtype(t)], s) for n, t, s in inputs],
                     [h.make_tensor_value_info(n, TYPES[np.dtype(t)], s) for n, t, s in outputs], list(initializers))
    path = os.path.join(folder, "m.onnx")
    onnx.save(h.make_model(g, opset_imports=[h.make_opsetid("", opset)]), path)
    return path


def types(folder):
    rng = np.random.default_rng(0)
    for t in ["float32", "float64", "float16", "int64", "int32"]:
        a, b = (rng.standard_normal((2, 3)) * 50).astype(t), (rng.standard_normal((3,)) * 50).astype(t)
        m = model(folder, [h.make_node("Mul", ["a", "b"], ["x/y"])], [("a", t, [2, 3]), ("b", t, [3])], [("x/y", t, [2, 3])])
        got = run(folder, m, {"a": a, "b": b})["x_y"]
        check(got.dtype == np.dtype(t) and np.array_equal(got, a * b), f"{t} product, exactly")
    body = h.make_graph([h.make_node("Add", ["s", "step"], ["t"]), h.make_node("Identity", ["c"], ["d"]),
                         h.make_node("Identity", ["t"], ["u"])], "body",
                        [h.make_tensor_value_info("i", T.INT64, []), h.make_tensor_value_info("c", T.BOOL, []),
                         h.make_tensor_value_info("s", T.FLOAT, [2])],
                        [h.make_tensor_value_info("d", T.BOOL, []), h.make_tensor_value_info("t", T.FLOAT, [2]),
                         h.make_tensor_value_info("u", T.FLOAT, [2])])
    m = model(folder, [h.make_node("Loop", ["n", "", "s0"], ["last", "all"], body=body)],
              [("n", "int64", []), ("s0", "float32", [2]), ("step", "float32", [2])],
              [("last", "float32", [2]), ("all", "float32", [None, 2])])
    step = np.array([1, -2], np.float32)
    got = run(folder, m, {"n": np.array(4), "s0": np.zeros(2, np.float32), "step": step})
    check(np.array_equal(got["last"], 4 * step), "Loop: last state")
    check(np.array_equal(got["all"], np.arange(1, 5)[:, None] * step), "Loop: all states")


def refusals(folder):
    m = model(folder, [h.make_node("NoSuchOperator", ["a"], ["b"])], [("a", "float32", [2])], [("b", "float32", [2])])
    text = run(folder, m, {"a": np.zeros(2, np.float32)}, fails="NoSuchOperator")
    check("unsupported" in text, text)


def real(folder):
    models, photos = data_dir("models"), data_dir("stimuli", "natural")
    if not models or not photos:
        print("real models: not here")
        return
    from PIL import Image

    def images(side, raw=False):
        x = np.stack([np.asarray(Image.open(os.path.join(photos, f)).convert("RGB").resize((side, side), Image.BILINEAR))
                      for f in sorted(os.listdir(photos)) if f.endswith((".jpg", ".bmp"))]).astype(np.float32)
        if not raw:
            x = (x / 255 - np.float32([.485, .456, .406])) / np.float32([.229, .224, .225])
        return x.transpose(0, 3, 1, 2).astype(np.float32)

    def classes(name, key, x):
        out = run(folder, os.path.join(models, name), {key: x})
        return next(v for k, v in out.items() if k != "run").reshape(len(x), -1).argmax(1)

    full, half = classes("squeezenet1_1.onnx", "data", images(224)), classes("squeezenet_fp16.onnx", "data_0", images(224))
    print(f"SqueezeNet, float16 against float32: {(full == half).sum()} of {len(full)} photographs in the same class")
    check((full == half).all(), "float16 and float32 see the same")
    style = run(folder, os.path.join(models, "candy_style.onnx"), {"inputImage": images(720, raw=True)[:1]})
    picture = next(v for k, v in style.items() if k != "run")
    check(picture.shape == (1, 3, 720, 720) and np.isfinite(picture).all(), "the style network's picture")


with tempfile.TemporaryDirectory() as folder:
    exported(folder)
    types(folder)
    not_finite(folder)
    refusals(folder)
    real(folder)
print(f"{checks} checks passed")
