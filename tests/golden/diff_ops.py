"""Operators with random attributes against PyTorch in float64: one ONNX file holds many nodes that all read one
value, and every back end computes them."""
import random

from netdiff import *

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

import torch.nn.functional as F

N, C, H, W = 3, 12, 15, 13
rng = np.random.default_rng(11)
pick = random.Random(11)
images = rng.standard_normal((N, 3, H, W)).astype(np.float32)
nodes, constants, want = [], [], {}


def constant(a):
    name = f"k{len(constants)}"
    constants.append(numpy_helper.from_array(np.ascontiguousarray(a), name))
    return name


def weights(*shape):
    a = rng.standard_normal(shape).astype(np.float32) / max(1, np.sqrt(np.prod(shape[1:])))
    return a, torch.from_numpy(a).double()


def add(op, result, inputs=(), first="x", **attrs):
    name = f"{op}_{len(nodes)}"
    nodes.append(helper.make_node(op, [first, *inputs], [name], name=name + "_node", **attrs))
    want[name] = result.numpy()
    return name


# Networks take images of three channels; the operators read twelve.
w, tw = weights(C, 3, 1, 1)
x = F.conv2d(torch.from_numpy(images).double(), tw)
nodes.append(helper.make_node("Conv", ["image", constant(w)], ["x"]))


def pair(lo, hi):
    return [pick.randint(lo, hi), pick.randint(lo, hi)]


for i in range(40):
    groups = pick.choice([1, 1, 1, 2, 3, C])
    out, kernel, stride, dilation = groups * pick.randint(1, 24 // groups), pair(1, 5), pair(1, 3), pair(1, 2)
    low, high = pair(0, 3), pair(0, 3)
    w, tw = weights(out, C // groups, *kernel)
    b, tb = weights(out)
    padded = F.pad(x, (low[1], high[1], low[0], high[0]))
    y = F.conv2d(padded, tw, tb if i % 2 else None, stride, 0, dilation, groups)
    add("Conv", y, [constant(w)] + ([constant(b)] if i % 2 else []), strides=stride, dilations=dilation,
        pads=low + high, group=groups)

for i in range(20):
    groups = pick.choice([1, 1, 2, 3])
    out, kernel, stride, dilation = pick.randint(1, 8), pair(1, 4), pair(1, 3), pair(1, 2)
    pad = [pick.randint(0, (k - 1) * d) for k, d in zip(kernel, dilation)]
    extra = [pick.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation)]
    w, tw = weights(C, out, *kernel)
    b, tb = weights(out * groups)
    y = F.conv_transpose2d(x, tw, tb, stride, pad, extra, groups, dilation)
    add("ConvTranspose", y, [constant(w), constant(b)], strides=stride, dilations=dilation, pads=pad + pad,
        output_padding=extra, group=groups)

for i in range(40):
    kernel, stride = pair(1, 4), pair(1, 3)
    pad, ceil = [pick.randint(0, k // 2) for k in kernel], bool(i % 2)
    attrs = dict(kernel_shape=kernel, strides=stride, pads=pad + pad, ceil_mode=int(ceil))
    if i % 4 < 2:
        dilation = pair(1, 2)
        add("MaxPool", F.max_pool2d(x, kernel, stride, pad, dilation, ceil), dilations=dilation, **attrs)
    else:
        include = bool(i // 4 % 2)
        add("AveragePool", F.avg_pool2d(x, kernel, stride, pad, ceil, include), count_include_pad=int(include), **attrs)

add("GlobalAveragePool", x.mean((2, 3), keepdim=True))
add("GlobalMaxPool", x.amax((2, 3), keepdim=True))
add("ReduceMean", x.mean((1, 3)), axes=[1, -1], keepdims=0)
add("ReduceMean", x.mean((2, 3), keepdim=True), axes=[2, 3])

for size in (1, 3, 5, 7):
    # PyTorch pads its window like ONNX for odd sizes.
    add("LRN", F.local_response_norm(x, size, 0.5, 0.75, 2.0), size=size, alpha=0.5, beta=0.75, bias=2.0)
for epsilon in (1e-5, 0.3):
    arrays = [rng.uniform(0.2, 2, C).astype(np.float32) for _ in range(4)]
    t = [torch.from_numpy(a).double() for a in arrays]
    add("BatchNormalization", F.batch_norm(x, t[2], t[3], t[0], t[1], eps=epsilon), map(constant, arrays), epsilon=epsilon)
    add("InstanceNormalization", F.instance_norm(x, weight=t[0], bias=t[1], eps=epsilon), map(constant, arrays[:2]),
        epsilon=epsilon)
for axis in (1, 2, 3, -1):
    add("Softmax", x.softmax(axis), axis=axis)
    add("LogSoftmax", x.log_softmax(axis), axis=axis)

add("Relu", x.relu())
add("LeakyRelu", F.leaky_relu(x, 0.2), alpha=0.2)
add("Sigmoid", x.sigmoid())
add("Tanh", x.tanh())
add("Clip", x.clamp(-0.5, 0.8), [constant(np.float32(-0.5)), constant(np.float32(0.8))])
for shape in ((C, 1, 1), (1, C, H, 1), (W,), (1,), (N, C, H, W)[1:]):
    a, t = weights(*shape)
    add("Add", x + t, [constant(a)])
    add("Mul", x * t, [constant(a)])
    add("Sub", x - t, [constant(a)])
    add("Div", x / (t.abs() + 1), [constant(np.abs(a) + 1)])

for mode, torch_mode in (("constant", "constant"), ("reflect", "reflect"), ("edge", "replicate")):
    add("Pad", F.pad(x, (1, 2, 3, 0), torch_mode), [constant(np.array([0, 0, 3, 1, 0, 0, 0, 2]))], mode=mode)
for scale in (2, 3):
    add("Resize", F.interpolate(x, scale_factor=scale), ["", constant(np.array([1, 1, scale, scale], np.float32))],
        mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
add("Transpose", x.permute(0, 2, 3, 1), perm=[0, 2, 3, 1])
add("Slice", x[:, 2:9:3, :, 1:], [constant(np.array(v)) for v in ([2, 1], [9, 99], [1, 3], [3, 1])])
flat = add("Flatten", x.flatten(1), axis=1)
for columns in (1, 7, 64):
    w, t = weights(columns, C * H * W)
    b, tb = weights(columns)
    add("Gemm", 0.5 * x.flatten(1) @ t.T + 2 * tb, [constant(w), constant(b)], first=flat, alpha=0.5, beta=2.0, transB=1)
    add("MatMul", x.flatten(1) @ t.T, [constant(w.T)], first=flat)
w, t = weights(W, 5)
add("MatMul", x @ t, [constant(w)])

graph = helper.make_graph(nodes, "operators", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, H, W])],
                          [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in want], constants)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
model.ir_version = 8
with tempfile.TemporaryDirectory() as tmp:
    file = os.path.join(tmp, "operators.onnx")
    onnx.save(model, file)
    for backend in ["reference", "reference64", *backends()]:
        # A batch larger than the input pads the last one.
        ours = run(file, images, list(want), ["--backend", backend, "--batch", 4 if backend == "onednn" else N])
        compare(backend, ours, want, 5e-7 if backend == "reference64" else 5e-6)
finish()
