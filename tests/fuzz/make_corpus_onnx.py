"""Writes the seeds of fuzz_onnx: small models with every tensor storage form and operator family, and broken
ones. Usage: make_corpus_onnx.py [folder], default corpus/onnx beside this script."""
import os
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "onnx")
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(0)


def raw(name, a, dtype=np.float32):
    return numpy_helper.from_array(np.asarray(a, dtype), name)


def listed(name, kind, dims, values):
    return helper.make_tensor(name, kind, dims, values)


def save(name, nodes, weights=(), opset=13, shape=(1, 2, 8, 8), outputs=("y",), inputs=None, kind=TensorProto.FLOAT):
    inputs = inputs or [helper.make_tensor_value_info("x", kind, shape)]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs], list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="")
    with open(os.path.join(out, name), "wb") as f:
        f.write(model.SerializeToString())
    return model


N = helper.make_node
k = rng.standard_normal((3, 2, 3, 3))
fc = rng.standard_normal((4, 48))
cnn = save("cnn", [
    N("Conv", ["x", "k", "b"], ["c"], "conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    N("BatchNormalization", ["c", "s", "b", "b", "s"], ["n"], "bn", epsilon=1e-5), N("Relu", ["n"], ["r"], "relu"),
    N("MaxPool", ["r"], ["p", "indices"], "pool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    N("Dropout", ["p"], ["d", "mask"], "drop"), N("Flatten", ["d"], ["f"], "flat", axis=1),
    N("Gemm", ["f", "w", "o"], ["y"], "fc", transB=1)],
    [raw("k", k), raw("b", [0, 1, 2]), raw("s", [1, 2, 3]), raw("w", fc), raw("o", np.zeros(4))], shape=("n", 2, 8, 8))
whole = cnn.SerializeToString()
for name, data in [("cut", whole[: len(whole) // 2]), ("garbage", bytes(rng.integers(0, 256, 300, np.uint8))), ("empty", b"")]:
    with open(os.path.join(out, name), "wb") as f:
        f.write(data)

forms = [raw("a", np.ones((1, 2, 1, 1)), np.float16), listed("b", TensorProto.FLOAT, [1], [2.0]), listed("c", TensorProto.FLOAT16, [1], [1.0]),
         listed("d", TensorProto.DOUBLE, [1], [3.0]), raw("e", [0.5], np.float64)]
save("forms", [N("Mul", ["x", "a"], ["t0"])] + [N("Add", [f"t{i}", n], [f"t{i + 1}" if i < 3 else "y"]) for i, n in enumerate("bcde")], forms)
save("moves", [
    N("Slice", ["x", "from", "to", "axes"], ["s"]), N("Pad", ["s", "pads"], ["p"], mode="reflect"), N("Transpose", ["p"], ["t"], perm=[0, 2, 3, 1]),
    N("Unsqueeze", ["t", "one"], ["u"]), N("Squeeze", ["u", "one"], ["v"]), N("Shape", ["v"], ["dims"]), N("Gather", ["dims", "zero"], ["n"], axis=0),
    N("Unsqueeze", ["n", "zero1"], ["n1"]), N("Concat", ["n1", "rest"], ["to_shape"], axis=0), N("Reshape", ["v", "to_shape"], ["r"]),
    N("Softmax", ["r"], ["q"], axis=-1), N("ReduceMean", ["q"], ["y"], axes=[1], keepdims=1)],
    [raw("from", [1, 1], np.int64), raw("to", [7, 7], np.int64), raw("axes", [2, 3], np.int64), raw("pads", [0, 0, 1, 1, 0, 0, 1, 1], np.int64),
     raw("one", [1], np.int64), raw("zero", 0, np.int64), raw("zero1", [0], np.int64), raw("rest", [-1], np.int64)])
save("old", [
    N("Conv", ["x", "k"], ["c"], auto_pad="SAME_UPPER", strides=[2, 2]), N("LRN", ["c"], ["l"], size=3), N("AveragePool", ["l"], ["a"], kernel_shape=[2, 2]),
    N("Upsample", ["a", "scales"], ["u"], mode="nearest"), N("Clip", ["u"], ["p"], min=0.0, max=6.0), N("GlobalAveragePool", ["p"], ["g"]),
    N("Squeeze", ["g"], ["z"], axes=[2, 3]), N("LogSoftmax", ["z"], ["y"], axis=1)],
    [raw("k", k), raw("scales", [1, 1, 2, 2])], opset=9)
save("resize", [
    N("Resize", ["x", "", "scales"], ["r"], mode="linear"), N("ConvTranspose", ["r", "k"], ["t"], strides=[2, 2]), N("InstanceNormalization", ["t", "s", "s"], ["i"]),
    N("Clip", ["i", "lo"], ["c"]), N("Sigmoid", ["c"], ["g"]), N("LeakyRelu", ["g"], ["m"], alpha=0.1), N("Tanh", ["m"], ["y"])],
    [raw("k", k.transpose(1, 0, 2, 3)), raw("s", np.ones(3)), raw("lo", 0), raw("scales", [1, 1, 2, 2])])
save("constant", [N("Constant", [], ["k"], value=raw("", k)), N("Conv", ["x", "k"], ["y"])])
save("unsupported", [N("If", ["x"], ["y"])])
save("cycle", [N("Add", ["x", "z"], ["y"]), N("Relu", ["y"], ["z"])])
save("twice", [N("Relu", ["x"], ["y"]), N("Relu", ["x"], ["y"])])
save("open_size", [N("Relu", ["x"], ["y"])], shape=("n", "c", "h", "w"))
save("two_inputs", [N("Add", ["x", "z"], ["y"])], inputs=[helper.make_tensor_value_info(n, TensorProto.FLOAT, (1, 2, 8, 8)) for n in "xz"])
huge = raw("k", [1.0])
huge.dims[:] = [1 << 40, 1 << 40]
save("huge", [N("Add", ["x", "k"], ["y"])], [huge])
negative = raw("k", [1.0])
negative.dims[:] = [-1]
save("negative", [N("Add", ["x", "k"], ["y"])], [negative])
outside = TensorProto(name="k", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
outside.external_data.add(key="location", value="../k.bin")
save("external", [N("Add", ["x", "k"], ["y"])], [outside])


def function(name, inputs, outputs, nodes, attributes=()):
    sets = [helper.make_opsetid("", 13), helper.make_opsetid("f", 1)]
    return helper.make_function("f", name, inputs, outputs, nodes, sets, list(attributes))


def with_functions(name, nodes, functions):
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 2, 8, 8))],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    model = helper.make_model(graph, functions=functions, opset_imports=[helper.make_opsetid("", 13), helper.make_opsetid("f", 1)],
                              producer_name="")
    with open(os.path.join(out, name), "wb") as f:
        f.write(model.SerializeToString())


def branch(name, nodes):
    return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info("o", TensorProto.FLOAT, None)])


leaky = N("LeakyRelu", ["a"], ["b"])
slope = leaky.attribute.add(name="alpha", type=1)
slope.ref_attr_name = "slope"
inner = function("Inner", ["a", "c"], ["b", "a"], [leaky], ["slope"])
outer = function("Outer", ["a"], ["r"], [
    N("Inner", ["a"], ["t", "u"], domain="f", slope=0.5), N("Shape", ["t"], ["s"]), N("Cast", ["s"], ["k"], to=9), N("ReduceMax", ["s"], ["m"]),
    N("Cast", ["m"], ["if"], to=9),
    N("If", ["if"], ["r"], then_branch=branch("yes", [N("Inner", ["u"], ["o"], domain="f")]), else_branch=branch("no", [N("Tanh", ["t"], ["o"])]))])
with_functions("functions", [N("Outer", ["x"], ["h"], "one", domain="f"), N("Outer", ["h"], ["y"], "two", domain="f")], [inner, outer])
with_functions("circle", [N("Ping", ["x"], ["y"], domain="f")], [
    function("Ping", ["a"], ["r"], [N("Pong", ["a"], ["r"], domain="f")]), function("Pong", ["a"], ["r"], [N("Ping", ["a"], ["r"], domain="f")])])
save("layers", [
    N("Reshape", ["x", "sequence"], ["q"]), N("LSTM", ["q", "w", "r", "", "", "", "", "p"], ["l", "h", "c"], hidden_size=2, direction="reverse"),
    N("Reshape", ["l", "sequence2"], ["q2"]),
    N("GRU", ["q2", "gw", "gr"], ["", "z"], hidden_size=2, activations=["HardSigmoid", "LeakyRelu"], activation_alpha=[0.3, 0.1], clip=2.0),
    N("LayerNormalization", ["z", "s"], ["n", "mean", "inv"], axis=1), N("LpNormalization", ["n"], ["v"], p=1),
    N("MeanVarianceNormalization", ["v"], ["f"], axes=[0, 1]), N("NegativeLogLikelihoodLoss", ["f", "labels"], ["y"], reduction="sum", ignore_index=1)],
    [raw("sequence", [8, 8, 2], np.int64), raw("sequence2", [8, 8, 2], np.int64), raw("w", np.ones((1, 8, 2))), raw("r", np.ones((1, 8, 2))),
     raw("p", np.ones((1, 6))), raw("gw", np.ones((1, 6, 2))), raw("gr", np.ones((1, 6, 2))), raw("s", np.ones((8, 2))), raw("labels", [[0, 1]], np.int64)],
    opset=17)
