"""Writes the seeds of fuzz_graph: recipes of small sensible graphs. Operators are numbered by their order in
src/net/op_table.c. Usage: make_corpus_graph.py [folder], default corpus/graph beside this script."""
import os
import re
import sys

here = os.path.dirname(os.path.abspath(__file__))
out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "corpus", "graph")
os.makedirs(out, exist_ok=True)
table = open(os.path.join(here, "..", "..", "src", "net", "op_table.c")).read()
OPS = re.findall(r"&dnb_op_(\w+),", table)
source = open(os.path.join(here, "fuzz_graph.c")).read()


def names(array):
    return re.findall(r'"([^"]+)"', re.search(array + r"\[\] = \{(.*?)\};", source, re.S).group(1))


INTS, LISTS, TEXTS = names("int_attrs"), names("list_attrs"), names("text_attrs")
TEXT_NAMES = names("text_names")


def number(name, value):
    return [0, INTS.index(name), value]


def numbers(name, *values):
    return [4, LISTS.index(name), len(values), *values]


def text(name, value):
    return [1, TEXT_NAMES.index(name), TEXTS.index(value)]


def value(back=0):
    """The value defined `back` definitions ago."""
    return [2, back]


def constant(shape, integers=None):
    count = 1
    for s in shape:
        count *= s
    content = integers if integers is not None else [60 + 37 * i % 90 for i in range(count)]
    return [3, 0, len(shape), 0 if integers is not None else 1, *shape, *content]


def node(op, inputs=(value(),), attrs=()):
    data = [OPS.index(op), len(inputs), len(attrs)]
    for part in (*inputs, *attrs):
        data += part
    return data + [0]


def save(name, *nodes, opset=13):
    data = [opset - 7]
    for n in nodes:
        data += n
    with open(os.path.join(out, name), "wb") as f:
        f.write(bytes(data))


conv = node("conv", [value(), constant([4, 3, 3, 3]), constant([4])], [numbers("pads", 1, 1, 1, 1)])
# A value's constants are values too, so the result of a node is the last value defined.
save("cnn", conv, node("relu"), node("max_pool", attrs=[numbers("kernel_shape", 2, 2), numbers("strides", 2, 2)]),
     node("flatten"))
save("norm", conv, node("batch_norm", [value(), *[constant([4])] * 4]), node("relu"), node("lrn", attrs=[number("size", 3)]))
save("residual", conv, node("conv", [value(), constant([4, 4, 1, 1])]), node("add", [value(), value(2)]), node("relu"))
save("branches", conv, node("relu", [value()]), node("concat", [value(), value(1)], [number("axis", 1)]),
     node("softmax", attrs=[number("axis", 1)]))
save("transposed", node("conv_transpose", [value(), constant([3, 2, 2, 2])], [numbers("strides", 2, 2)]), node("tanh"))
save("depthwise", node("conv", [value(), constant([3, 1, 3, 3])], [number("group", 3), text("auto_pad", "SAME_UPPER")]),
     node("sigmoid"), node("mul", [value(), value(1)]))
save("average", node("average_pool", attrs=[numbers("kernel_shape", 4, 4), numbers("strides", 3, 3), number("ceil_mode", 1),
                                            numbers("pads", 1, 1, 1, 1)]),
     node("adaptive_average_pool", attrs=[numbers("output_size", 2, 1)]), node("global_max_pool"))
# 242 stands for -1.
save("shapes", node("reshape", [value(), constant([3], [0, 3, 242])]), node("unsqueeze", [value(), constant([1], [2])]))
save("moves", node("transpose", attrs=[numbers("perm", 0, 2, 3, 1)]),
     node("slice", [value(), constant([1], [1]), constant([1], [5]), constant([1], [2]), constant([1], [2])]),
     node("pad", [value(), constant([4], [0, 0, 1, 1]), constant([1]), constant([2], [1, 3])]), node("gather", [value(), constant([2], [1, 0])], [number("axis", 1)]))
save("reduce", node("reduce_mean", attrs=[numbers("axes", 2, 3)]), node("squeeze", attrs=[numbers("axes", 2, 3)]),
     node("gemm", [value(), constant([3, 4]), constant([4])]), node("log_softmax"), opset=12)
save("instance", node("instance_norm", [value(), constant([3]), constant([3])]), node("leaky_relu"), node("dropout"))
save("old", node("upsample", attrs=[[2, 4, 2, 2, 4, 4]]), node("crop", attrs=[numbers("border", 1, 1, 1, 1)]),
     node("image_scaler"), node("clip"), opset=7)
