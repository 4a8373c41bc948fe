"""Vision, quantised and signal operators against torch, torchvision and NumPy, where ONNX's own data say nothing:
random sizes and attributes, three spatial dimensions, antialiasing, odd transform lengths, integer products. One file
holds many nodes, each with inputs of its own; every back end runs it."""
import os
import random
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import torch
    import torch.nn.functional as F
    import torchvision
    from onnx import helper as h
    from onnx import mapping, numpy_helper
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

PROGRAM = os.environ["DNNBRAIN"]
rng = np.random.default_rng(5)
pick = random.Random(5)
cases = []


def case(op, inputs, want, opset=16, tolerance=1e-5, **attrs):
    """inputs: arrays, or None for one that is not given; want: an array or a tuple of them."""
    want = [np.asarray(w) for w in (want if isinstance(want, tuple) else (want,))]
    cases.append((op, [None if x is None else np.asarray(x) for x in inputs], want, opset, tolerance, attrs))


def floats(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def t64(x):
    return torch.from_numpy(np.ascontiguousarray(x)).double()


def f32(t):
    return t.numpy().astype(np.float32)


def sizes(n, lo, hi):
    return [pick.randint(lo, hi) for _ in range(n)]


# ---- running them ----------------------------------------------------------------------------------------------------


def value(name, a):
    return h.make_tensor_value_info(name, mapping.NP_TYPE_TO_TENSOR_TYPE[a.dtype], a.shape)


def run_all(folder, opset, some, backend):
    nodes, ins, outs, words = [], [], [], []
    for i, (op, inputs, want, _, _, attrs) in enumerate(some):
        names = ["" if x is None else f"x{i}_{k}" for k, x in enumerate(inputs)]
        nodes.append(h.make_node(op, names, [f"y{i}_{k}" for k in range(len(want))], **attrs))
        for name, x in zip(names, inputs):
            if x is not None:
                ins.append(value(name, x))
                np.save(os.path.join(folder, name + ".npy"), x)
                words.append(f"{name}={os.path.join(folder, name)}.npy")
        outs += [value(f"y{i}_{k}", w) for k, w in enumerate(want)]
    path, out = os.path.join(folder, "m.onnx"), os.path.join(folder, "out")
    subprocess.run(["rm", "-rf", out], check=True)
    onnx.save(h.make_model(h.make_graph(nodes, "g", ins, outs), opset_imports=[h.make_opsetid("", opset)]), path)
    done = subprocess.run([PROGRAM, "run", path, "-out", out, "-quiet", "-backend", backend, "-in", *words],
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"FAILED: opset {opset}, {backend}: {done.stderr}")
    for i, (op, inputs, want, _, tolerance, attrs) in enumerate(some):
        for k, w in enumerate(want):
            got = np.load(os.path.join(out, f"y{i}_{k}.npy"))
            what = f"{op} {attrs} of {[None if x is None else x.shape for x in inputs]}, output {k}, {backend}"
            if got.dtype != w.dtype or got.shape != w.shape:
                sys.exit(f"FAILED: {what}: {got.dtype} {got.shape}, expected {w.dtype} {w.shape}")
            if w.dtype.kind == "f":
                worst = np.abs(got.astype(float) - w.astype(float)).max() / max(1, np.abs(w.astype(float)).max())
                if not worst <= tolerance:
                    sys.exit(f"FAILED: {what}: differs by {worst:.2e}")
            elif not np.array_equal(got, w):
                sys.exit(f"FAILED: {what}: {np.sum(got != w)} of {w.size} integers differ")


# ---- resizing and sampling -------------------------------------------------------------------------------------------


def resizing():
    modes = {1: ("linear", "linear"), 2: ("bilinear", "linear"), 3: ("trilinear", "linear")}
    for i in range(24):
        n = 1 + i % 3
        x = floats(2, 3, *sizes(n, 2, 9))
        to = sizes(n, 2, 14)
        names = [modes[n]] + ([("bicubic", "cubic")] if n == 2 else [])
        for torch_mode, mode in names:
            align = bool(pick.randint(0, 1))
            want = f32(F.interpolate(t64(x), to, mode=torch_mode, align_corners=align))
            case("Resize", [x, None, None, np.array(list(x.shape[:2]) + to)], want, mode=mode,
                 coordinate_transformation_mode="align_corners" if align else "pytorch_half_pixel")
        case("Resize", [x, None, None, np.array(list(x.shape[:2]) + to)], f32(F.interpolate(t64(x), to)),
             mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    for i in range(8):  # antialiasing as torch has it: no taps outside, and a = -0.5
        x = floats(1, 2, *sizes(2, 8, 30))
        to = sizes(2, 3, 12)
        for torch_mode, mode in [("bilinear", "linear"), ("bicubic", "cubic")]:
            want = f32(F.interpolate(t64(x), to, mode=torch_mode, antialias=True))
            case("Resize", [x, None, None, np.array(to)], want, 18, mode=mode, antialias=1, axes=[2, 3],
                 exclude_outside=1, cubic_coeff_a=-0.5)
    x = floats(1, 1, 10, 20)
    for policy, to in [("not_larger", (5, 10)), ("not_smaller", (8, 16))]:
        want = f32(F.interpolate(t64(x), to, mode="bilinear"))
        case("Resize", [x, None, None, np.array([8, 10])], want, 18, mode="linear", axes=[-2, -1],
             keep_aspect_ratio_policy=policy)
    x = rng.integers(-9, 9, (1, 2, 3))
    case("Resize", [x, None, np.array([1, 1, 2], np.float32)], x.repeat(2, 2), mode="nearest")
    old = floats(1, 2, 4, 5)
    up = old.repeat(2, 2).repeat(3, 3)
    case("Upsample", [old], up, 7, mode="nearest", scales=[1.0, 1.0, 2.0, 3.0])
    case("Resize", [old, np.array([1, 1, 2, 3], np.float32)], up, 10, mode="nearest")
    case("Resize", [old[:, :, :, :4], np.array([1, 1, 1, 0.6], np.float32)], old[:, :, :, [0, 2]], 10, mode="nearest")


def sampling():
    for mode, torch_mode in [("bilinear", "bilinear"), ("nearest", "nearest"), ("bicubic", "bicubic")]:
        for padding in ["zeros", "border", "reflection"]:
            for align in [0, 1]:
                x = floats(2, 3, *sizes(2, 2, 7))
                grid = (floats(2, *sizes(2, 1, 8), 2) * 1.5).astype(np.float32)
                want = F.grid_sample(t64(x), t64(grid), torch_mode, padding, bool(align))
                case("GridSample", [x, grid], f32(want), mode=mode, padding_mode=padding, align_corners=align)
    for i in range(12):
        x = floats(2, 3, *sizes(2, 5, 12))
        n, ratio, scale = pick.randint(1, 5), pick.choice([0, 1, 2, 3]), pick.choice([0.25, 0.5, 1.0])
        low = rng.uniform(-2, 8, (n, 2)) / scale
        rois = np.concatenate([low, low + rng.uniform(1, 8, (n, 2)) / scale], 1).astype(np.float32)
        batch, (oh, ow) = rng.integers(0, 2, n), sizes(2, 1, 5)
        boxes = torch.cat([torch.from_numpy(batch)[:, None].double(), t64(rois)], 1)
        for aligned in [False, True]:
            want = torchvision.ops.roi_align(t64(x), boxes, (oh, ow), scale, ratio or -1, aligned)
            case("RoiAlign", [x, rois, batch], f32(want), sampling_ratio=ratio, spatial_scale=scale, output_height=oh,
                 output_width=ow, coordinate_transformation_mode="half_pixel" if aligned else "output_half_pixel")


def boxes():
    for i in range(8):
        n, batches, classes, most = pick.randint(1, 40), 2, 3, pick.choice([3, 100])
        low = rng.uniform(0, 5, (batches, n, 2)).astype(np.float32)
        b = np.concatenate([low, low + rng.uniform(0.5, 4, (batches, n, 2)).astype(np.float32)], 2)
        scores = rng.uniform(0, 1, (batches, classes, n)).astype(np.float32)
        limit, threshold = pick.choice([0.2, 0.5]), 0.3
        want = []
        for k in range(batches):
            for c in range(classes):
                good = np.flatnonzero(scores[k, c] > np.float32(threshold))
                kept = torchvision.ops.nms(torch.from_numpy(b[k, good]), torch.from_numpy(scores[k, c, good]), limit)
                want += [[k, c, good[j]] for j in kept.numpy()[:most]]
        numbers = [np.array(most), np.array(limit, np.float32), np.array(threshold, np.float32)]
        want = np.array(want, np.int64).reshape(-1, 3)
        case("NonMaxSuppression", [b[..., [1, 0, 3, 2]], scores, *numbers], want)
        centres = np.concatenate([(b[..., :2] + b[..., 2:]) / 2, b[..., 2:] - b[..., :2]], 2).astype(np.float32)
        case("NonMaxSuppression", [centres, scores, *numbers], want, center_point_box=1)


# ---- pooling and convolution -----------------------------------------------------------------------------------------


def pooling():
    pools = [F.max_pool1d, F.max_pool2d, F.max_pool3d]
    means = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d]
    unpools = [F.max_unpool1d, F.max_unpool2d, F.max_unpool3d]
    for i in range(18):
        n = 1 + i % 3
        x = floats(2, 3, *sizes(n, 6, 11))
        kernel, stride, dilation = sizes(n, 2, 4), sizes(n, 1, 3), sizes(n, 1, 2)
        pad, ceil = [k // 2 for k in kernel], pick.randint(0, 1)
        y, index = pools[n - 1](t64(x), kernel, stride, pad, dilation, bool(ceil), return_indices=True)
        plane = np.prod(x.shape[2:])
        index = index.numpy() + np.arange(6).reshape(2, 3, *[1] * n) * plane
        attrs = dict(kernel_shape=kernel, strides=stride, pads=pad * 2, ceil_mode=ceil)
        case("MaxPool", [x], (f32(y), index), dilations=dilation, **attrs)
        at = np.unravel_index(index % plane, x.shape[2:])
        by_column = np.ravel_multi_index(at, x.shape[2:], order="F") + index // plane * plane
        case("MaxPool", [x], (f32(y), by_column), dilations=dilation, storage_order=1, **attrs)
        case("MaxPool", [(x * 30).astype(np.int8)], pools[n - 1](t64((x * 30).astype(np.int8)), kernel, stride, pad,
             dilation, bool(ceil)).numpy().astype(np.int8), dilations=dilation, **attrs)
        for include in [0, 1]:
            y = means[n - 1](t64(x), kernel, stride, pad, bool(ceil), bool(include))
            case("AveragePool", [x], f32(y), count_include_pad=include, **attrs)
        small = floats(2, 3, *sizes(n, 2, 4))
        half = [2 * s for s in small.shape[2:]]
        spread = np.stack([rng.permutation(np.prod(half))[: np.prod(small.shape[2:])] for _ in range(6)])
        spread = spread.reshape(small.shape)
        y = unpools[n - 1](t64(small), torch.from_numpy(spread), [2] * n, [2] * n, 0, half)
        flat = spread + np.arange(6).reshape(2, 3, *[1] * n) * np.prod(half)
        case("MaxUnpool", [small, flat], f32(y), kernel_shape=[2] * n, strides=[2] * n)
    for p in [1, 2, 3]:
        x = floats(2, 3, 9, 8)
        y = F.lp_pool2d(t64(np.abs(x)), float(p), [3, 2], [2, 2])
        case("LpPool", [x], f32(y), p=p, kernel_shape=[3, 2], strides=[2, 2])
        case("GlobalLpPool", [x], np.linalg.norm(x.astype(float).reshape(2, 3, -1), p, -1).astype(np.float32)[..., None, None],
             p=p)
    x = floats(2, 3, 2, 3, 2, 2)
    case("GlobalAveragePool", [x], x.astype(float).mean((2, 3, 4, 5), keepdims=True).astype(np.float32))
    case("GlobalMaxPool", [x], x.max((2, 3, 4, 5), keepdims=True))


def convolution():
    forward = [F.conv1d, F.conv2d, F.conv3d]
    back = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d]
    for i in range(18):
        n, groups = 1 + i % 3, pick.choice([1, 2])
        x, bias = floats(2, 4, *sizes(n, 4, 8)), floats(6)
        kernel, stride, dilation = sizes(n, 1, 3), sizes(n, 1, 3), sizes(n, 1, 2)
        w, pad = floats(6, 4 // groups, *kernel), sizes(n, 0, 2)
        attrs = dict(strides=stride, dilations=dilation, group=groups, pads=pad * 2)
        t = lambda a: t64(a)
        y = forward[n - 1](t(x), t(w), t(bias), stride, pad, dilation, groups)
        case("Conv", [x, w, bias], f32(y), **attrs)
        wide = [a.astype(np.float64) for a in (x, w, bias)]
        case("Conv", wide, forward[n - 1](*map(t, wide), stride, pad, dilation, groups).numpy(), tolerance=1e-12, **attrs)
        w = floats(4, 6 // groups, *kernel)
        extra = [pick.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation)]
        pad = [min(p, (k - 1) * d // 2) for p, k, d in zip(pad, kernel, dilation)]
        y = back[n - 1](t(x), t(w), t(bias), stride, pad, extra, groups, dilation)
        attrs["pads"] = pad * 2
        case("ConvTranspose", [x, w, bias], f32(y), output_padding=extra, **attrs)


# ---- matrices and 8-bit numbers --------------------------------------------------------------------------------------


def matrices():
    for t in [np.int32, np.int64, np.uint32, np.uint64]:
        info = np.iinfo(t)
        a, b = [rng.integers(info.min, info.max, s, dtype=t) for s in [(2, 1, 3, 4), (5, 4, 2)]]
        case("MatMul", [a, b], a @ b)
        case("MatMul", [a[0, 0, 0], b], a[0, 0, 0] @ b)
        case("MatMul", [a, b[0, :, 0]], a @ b[0, :, 0])
        c = rng.integers(info.min, info.max, (3, 1), dtype=t)
        case("Gemm", [a[0, 0].T, b[0].T, c], a[0, 0] @ b[0] + c, transA=1, transB=1)
    a, b, c = floats(3, 4), floats(4, 5), floats(3, 1)
    case("Gemm", [a, b, c], 0.5 * a @ b + 2 * c, 6, alpha=0.5, beta=2.0, broadcast=1)
    u, i = rng.integers(0, 256, (2, 3, 7), dtype=np.uint8), rng.integers(-128, 128, (7, 4), dtype=np.int8)
    za, zb = rng.integers(0, 256, (2, 3, 1), dtype=np.uint8), rng.integers(-128, 128, 4, dtype=np.int8)
    wide = lambda x: x.astype(np.int64)
    sums = (wide(u) - wide(za)) @ (wide(i) - wide(zb))
    case("MatMulInteger", [u, i, za, zb], sums.astype(np.int32))
    sa, sb, sy = [rng.uniform(0.01, 0.03, s).astype(np.float32) for s in [(2, 3, 1), 4, 1]]
    y = np.rint(sums * (sa.astype(float) * sb / sy / 20)) + 7
    case("QLinearMatMul", [u, sa, za, i, sb, zb, sy * 20, np.array([7], np.int8)], np.clip(y, -128, 127).astype(np.int8))
    for n, conv in [(1, F.conv1d), (2, F.conv2d), (3, F.conv3d)]:
        x = rng.integers(0, 256, (2, 4, *sizes(n, 4, 6)), dtype=np.uint8)
        w = rng.integers(-128, 128, (6, 2, *sizes(n, 1, 3)), dtype=np.int8)
        zx, zw = np.array(100, np.uint8), rng.integers(-5, 5, 6, dtype=np.int8)
        kernels = t64(w) - t64(zw).reshape(-1, *[1] * (n + 1))
        sums = conv(t64(x) - 100, kernels, None, 1, 1, 1, 2).numpy()
        attrs = dict(pads=[1] * 2 * n, group=2)
        case("ConvInteger", [x, w, zx, zw], sums.astype(np.int32), **attrs)
        bias, sw = rng.integers(-9999, 9999, 6, dtype=np.int32), rng.uniform(0.01, 0.03, 6).astype(np.float32)
        along = (-1, *[1] * n)
        y = np.rint((sums + bias.reshape(along)) * (0.5 * sw.astype(float).reshape(along) / 2)) + 128
        case("QLinearConv", [x, np.float32(0.5), zx, w, sw, zw, np.float32(2), np.array(128, np.uint8), bias],
             np.clip(y, 0, 255).astype(np.uint8), **attrs)


def quantising():
    for t in [np.int8, np.uint8]:
        info = np.iinfo(t)
        x = (floats(2, 5, 3) * 200).astype(np.float32)
        x[0, 0] = [0.5, 1.5, -2.5]
        scale, zero = rng.uniform(0.5, 2, 5).astype(np.float32), rng.integers(info.min, info.max, 5, dtype=t)
        scale[0] = 1
        s, z = scale.reshape(5, 1), zero.reshape(5, 1).astype(int)
        y = np.clip(np.rint(x / s) + z, info.min, info.max).astype(t)
        case("QuantizeLinear", [x, scale, zero], y)
        case("DequantizeLinear", [y, scale, zero], ((y.astype(int) - z) * s).astype(np.float32))
        last = np.moveaxis(x, 1, 2)
        case("QuantizeLinear", [last, scale, zero], np.moveaxis(y, 1, 2), axis=-1)
    big = rng.integers(-2**31, 2**31, (3, 4)).astype(np.int32)
    case("DequantizeLinear", [big, np.float32(0.25)], (big * 0.25).astype(np.float32))
    zeros = np.zeros((2, 2), np.float32)
    case("DynamicQuantizeLinear", [zeros], (zeros.astype(np.uint8), np.float32(1), np.uint8(0)))


# ---- signals ---------------------------------------------------------------------------------------------------------


def parts(z):
    return np.stack([z.real, z.imag], -1).astype(np.float32)


def signals():
    for n in [1, 2, 3, 5, 7, 8, 12, 31, 64, 100, 127, 1000, 1024]:
        x = floats(2, n, 3, 2)
        z = x[..., 0].astype(float) + 1j * x[..., 1]
        case("DFT", [x], parts(np.fft.fft(z, axis=1)), 17)
        case("DFT", [x], parts(np.fft.ifft(z, axis=1)), 17, inverse=1)
        case("DFT", [x[..., :1]], parts(np.fft.rfft(x[..., 0].astype(float), axis=1)), 17, onesided=1)
        for length in [max(1, n - 3), n + 5]:
            case("DFT", [x, np.array(length)], parts(np.fft.fft(z, length, axis=1)), 17)
        case("DFT", [x], parts(np.fft.fft(z, axis=0)), 17, axis=0)
        case("DFT", [x], parts(np.fft.fft(z, axis=2)), 17, axis=2)
    for length, step in [(16, 4), (25, 7), (60, 60)]:
        x, window = floats(2, 60, 2), rng.uniform(0, 1, length).astype(np.float32)
        at = np.arange(0, 60 - length + 1, step)[:, None] + np.arange(length)
        z = (x[..., 0].astype(float) + 1j * x[..., 1])[:, at] * window
        case("STFT", [x, np.array(step), window], parts(np.fft.fft(z)), 17, onesided=0)
        case("STFT", [x[..., :1], np.array(step), window, np.array(length)], parts(np.fft.rfft(z.real)), 17)
    for op, f in [("HannWindow", np.hanning), ("BlackmanWindow", np.blackman)]:
        for n in [1, 2, 9, 16]:
            case(op, [np.array(n)], f(n).astype(np.float32), 17, periodic=0)
            case(op, [np.array(n)], f(n + 1)[:-1].astype(np.float64), 17, output_datatype=11)


def unpooling_network(folder):
    """Indices between nodes of a compiled network, at another batch than the file's."""
    nodes = [h.make_node("Conv", ["x", "w"], ["a"], kernel_shape=[3, 3], pads=[1] * 4),
             h.make_node("MaxPool", ["a"], ["b", "i"], kernel_shape=[2, 2], strides=[2, 2]),
             h.make_node("Relu", ["b"], ["c"]),
             h.make_node("MaxUnpool", ["c", "i"], ["y"], kernel_shape=[2, 2], strides=[2, 2])]
    w, x = floats(4, 3, 3, 3), floats(3, 3, 8, 6)
    y, i = F.max_pool2d(F.conv2d(t64(x), t64(w), padding=1), 2, return_indices=True)
    want = f32(F.max_unpool2d(torch.relu(y), i, 2))
    path, out = os.path.join(folder, "net.onnx"), os.path.join(folder, "net")
    graph = h.make_graph(nodes, "g", [value("x", x[:1])], [value("y", want[:1])], [numpy_helper.from_array(w, "w")])
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 13)]), path)
    np.save(os.path.join(folder, "x.npy"), x)
    for backend in ["reference", "reference64", "auto"]:
        done = subprocess.run([PROGRAM, "run", path, "-out", out, "-quiet", "-backend", backend, "-in",
                               "x=" + os.path.join(folder, "x.npy")], capture_output=True, text=True)
        if done.returncode or np.abs(np.load(os.path.join(out, "y.npy")) - want).max() > 1e-5:
            sys.exit(f"FAILED: unpooling network, {backend}: {done.stderr}")


for make in [resizing, sampling, boxes, pooling, convolution, matrices, quantising, signals]:
    make()
with tempfile.TemporaryDirectory() as folder:
    for backend in ["reference", "reference64", "auto"]:
        for opset in sorted({c[3] for c in cases}):
            run_all(folder, opset, [c for c in cases if c[3] == opset], backend)
    unpooling_network(folder)
print(len(cases), "cases agree on every back end")
