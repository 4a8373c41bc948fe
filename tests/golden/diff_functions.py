"""Models that bring functions along: names, attributes, defaults, missing inputs and outputs, functions calling
functions, sub-graphs inside functions and calls inside sub-graphs; and what must be refused."""
from onnxcases import *

node = helper.make_node
cases = Cases()
rng = np.random.default_rng(3)
PROGRAM = os.environ["DNNBRAIN"]
OPSETS = [helper.make_opsetid("", 15), helper.make_opsetid("mine", 1)]


def reference(n, name, ref, kind):
    """Attribute `name` of node n is the call's attribute `ref`."""
    a = onnx.AttributeProto(name=name, type=kind)
    a.ref_attr_name = ref
    n.attribute.append(a)
    return n


def function(name, inputs, outputs, nodes, attributes=(), defaults=None):
    f = helper.make_function("mine", name, inputs, outputs, nodes, OPSETS, list(attributes))
    data = f.SerializeToString()
    for key, value in (defaults or {}).items():  # attribute_proto, which older onnx packages do not know
        a = helper.make_attribute(key, value).SerializeToString()
        assert len(a) < 128
        data += bytes([11 << 3 | 2, len(a)]) + a
    return onnx.FunctionProto.FromString(data)


def call(name, inputs, outputs, node_name="", **attrs):
    return node(name, inputs, outputs, node_name, domain="mine", **attrs)


def model(nodes, functions, inputs, outputs, opsets=OPSETS):
    graph = helper.make_graph(nodes, "g", [info(k, a) for k, a in inputs.items()], [info(k, a) for k, a in outputs.items()])
    return helper.make_model(graph, functions=functions, opset_imports=opsets)


def add(name, nodes, functions, inputs, outputs, verdict="pass", **more):
    cases.add_model(name, model(nodes, functions, inputs, outputs, **more), list(inputs.values()), list(outputs.values()),
                    verdict)


def f32(*shape):
    return rng.standard_normal(shape).astype(np.float32)


x, z = f32(2, 3), f32(2, 3)
leaky = lambda a, slope: np.where(a < 0, np.float32(slope) * a, a)
FLOAT, INT, INTS = onnx.AttributeProto.FLOAT, onnx.AttributeProto.INT, onnx.AttributeProto.INTS

# The same inner names in two calls, and in the graph around them.
scaled = function("Scaled", ["a", "b"], ["r"], [node("Mul", ["a", "b"], ["t"]), node("Add", ["t", "a"], ["r"])])
add("twice", [call("Scaled", ["t", "b"], ["u"]), call("Scaled", ["u", "b"], ["r"])], [scaled], {"t": x, "b": z},
    {"r": (x * z + x) * z + (x * z + x)})

# Attributes: given, by default, absent (the operator's own default), and one name passed on as another.
sloped = function("Sloped", ["a"], ["r"], [reference(node("LeakyRelu", ["a"], ["r"]), "alpha", "slope", FLOAT)], ["slope"])
default = function("Default", ["a"], ["r"], [reference(node("LeakyRelu", ["a"], ["r"]), "alpha", "slope", FLOAT)],
                   defaults={"slope": 0.25})
passed = function("Passed", ["a"], ["r"], [reference(call("Sloped", ["a"], ["t"]), "slope", "s", FLOAT),
                                           call("Default", ["t"], ["r"])], ["s"])
functions = [passed, default, sloped]
add("attribute_given", [call("Sloped", ["a"], ["r"], slope=0.5)], functions, {"a": x}, {"r": leaky(x, 0.5)})
add("attribute_absent", [call("Sloped", ["a"], ["r"])], functions, {"a": x}, {"r": leaky(x, 0.01)})
add("attribute_default", [call("Default", ["a"], ["r"])], functions, {"a": x}, {"r": leaky(x, 0.25)})
add("attribute_over_default", [call("Default", ["a"], ["r"], slope=0.75)], functions, {"a": x}, {"r": leaky(x, 0.75)})
add("attribute_passed", [call("Passed", ["a"], ["r"], s=0.5)], functions, {"a": x}, {"r": leaky(leaky(x, 0.5), 0.25)})
add("attribute_passed_absent", [call("Passed", ["a"], ["r"])], functions, {"a": x}, {"r": leaky(leaky(x, 0.01), 0.25)})
add("attribute_of_another_type", [call("Sloped", ["a"], ["r"], slope=1)], functions, {"a": x}, {"r": x}, "given with type")
turned = function("Turned", ["a"], ["r"], [reference(node("Transpose", ["a"], ["r"]), "perm", "order", INTS)], ["order"])
cube = f32(2, 3, 4)
add("attribute_list", [call("Turned", ["a"], ["r"], order=[2, 0, 1])], [turned], {"a": cube}, {"r": cube.transpose(2, 0, 1)})
add("reference_outside", [reference(node("LeakyRelu", ["a"], ["r"]), "alpha", "slope", FLOAT)], functions, {"a": x}, {"r": x},
    "outside any function")

# Inputs and outputs that are not given, passed through, or given twice.
clip = function("Limit", ["a", "lo", "hi"], ["r", "low"], [node("Clip", ["a", "lo", "hi"], ["r"]), node("Neg", ["r"], ["low"])])
zero = np.float32(0).reshape(())
add("missing_middle_input", [call("Limit", ["a", "", "hi"], ["r"])], [clip], {"a": x, "hi": zero}, {"r": np.minimum(x, 0)})
add("missing_last_input", [call("Limit", ["a", "lo"], ["r"])], [clip], {"a": x, "lo": zero}, {"r": np.maximum(x, 0)})
add("missing_first_output", [call("Limit", ["a", "lo"], ["", "n"])], [clip], {"a": x, "lo": zero}, {"n": -np.maximum(x, 0)})
both = function("Both", ["a"], ["a", "n", "n"], [node("Neg", ["a"], ["n"])])
add("passed_through", [call("Both", ["x"], ["p", "q", "r"])], [both], {"x": x}, {"p": x, "q": -x, "r": -x})
nothing = function("Nothing", ["a"], ["a"], [])
add("no_nodes", [call("Nothing", ["x"], ["p"])], [nothing], {"x": x}, {"p": x})
add("no_outputs_wanted", [call("Limit", ["x"], [""]), node("Neg", ["x"], ["y"])], [clip], {"x": x}, {"y": -x})
add("too_many_inputs", [call("Nothing", ["x", "x"], ["p"])], [nothing], {"x": x}, {"p": x}, "2 inputs and 1 outputs")
add("too_many_outputs", [call("Nothing", ["x"], ["p", "q"])], [nothing], {"x": x}, {"p": x}, "1 inputs and 2 outputs")
twins = function("Twins", ["a", "a"], ["r"], [node("Neg", ["a"], ["r"])])
add("twin_inputs", [call("Twins", ["x", "x"], ["p"])], [twins], {"x": x}, {"p": x}, "has two inputs")
add("unknown_function", [call("Other", ["x"], ["p"])], [nothing], {"x": x}, {"p": x}, "unsupported")
add("function_twice", [call("Nothing", ["x"], ["p"])], [nothing, nothing], {"x": x}, {"p": x}, "occurs twice")
add("no_value_from_outside", [node("Neg", ["x"], ["secret"]), call("Thief", ["x"], ["p"])],
    [function("Thief", ["a"], ["r"], [node("Add", ["a", "secret"], ["r"])])], {"x": x}, {"p": x}, "needs 'p/secret'")

# A function may take a standard operator's name; what copies a value is the standard's Identity all the same.
identity = helper.make_function("", "Identity", ["a"], ["r"], [node("Neg", ["a"], ["r"])], OPSETS)
add("own_identity", [call("Both", ["x"], ["p", "q"]), node("Identity", ["q"], ["r"])], [both, identity], {"x": x},
    {"p": x, "q": -x, "r": x})

# A model of nothing but calls need not import the standard's operators.
add("only_functions_import", [call("Scaled", ["x", "z"], ["p"])], [scaled], {"x": x, "z": z}, {"p": x * z + x},
    opsets=[helper.make_opsetid("mine", 1)])


# Sub-graphs in functions: inner names, attributes and calls inside them.
def branch(name, nodes, out):
    return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(out, TensorProto.FLOAT, [2, 3])])


choose = function("Choose", ["c", "a"], ["r"], [
    node("Neg", ["a"], ["t"]),
    node("If", ["c"], ["r"],
         then_branch=branch("yes", [reference(node("LeakyRelu", ["t"], ["u"]), "alpha", "slope", FLOAT),
                                    call("Scaled", ["u", "a"], ["r1"])], "r1"),
         else_branch=branch("no", [node("If", ["c"], ["inner"],
                                        then_branch=branch("deep", [node("Abs", ["t"], ["d"])], "d"),
                                        else_branch=branch("deeper", [call("Both", ["t"], ["e", "f"]),
                                                                      node("Add", ["f", "a"], ["d"])], "d"))], "inner"))],
                  ["slope"])
for truth in (True, False):
    want = leaky(-x, 0.5) * x + leaky(-x, 0.5) if truth else x + x
    add(f"branches_{truth}", [call("Choose", ["c", "x"], ["t"], slope=0.5), call("Choose", ["c", "t"], ["p"], slope=1.0)],
        [choose, scaled, both], {"c": np.array(truth), "x": x},
        {"p": -want * want + -want if truth else want + want})

# A sub-graph of the graph that calls a function.
add("call_in_body", [node("If", ["c"], ["p"], then_branch=branch("yes", [call("Scaled", ["x", "z"], ["r"])], "r"),
                          else_branch=branch("no", [node("Neg", ["x"], ["r"])], "r"))], [scaled],
    {"c": np.array(True), "x": x, "z": z}, {"p": x * z + x})

# Circles, towers and floods.
itself = function("Itself", ["a"], ["r"], [node("Neg", ["a"], ["t"]), call("Itself", ["t"], ["r"])])
add("calls_itself", [call("Itself", ["x"], ["p"])], [itself, nothing], {"x": x}, {"p": x}, "'Itself' calls itself")
ping = function("Ping", ["a"], ["r"], [call("Pong", ["a"], ["r"])])
pong = function("Pong", ["a", "c"], ["r"], [node("If", ["c"], ["r"], then_branch=branch("y", [call("Ping", ["a"], ["s"])], "s"),
                                                 else_branch=branch("n", [node("Neg", ["a"], ["s"])], "s"))])
user = function("User", ["a"], ["r"], [call("Ping", ["a"], ["r"])])
add("call_each_other", [call("User", ["x"], ["p"])], [user, ping, pong], {"x": x}, {"p": x}, "calls itself")


def tower(levels, calls):
    made = [function("F0", ["a"], ["r"], [node("Neg", ["a"], ["r"])])]
    for i in range(1, levels):
        names = ["a", *(f"t{k}" for k in range(1, calls)), "r"]
        made.append(function(f"F{i}", ["a"], ["r"], [call(f"F{i - 1}", [names[k]], [names[k + 1]]) for k in range(calls)]))
    return made


add("tower", [call("F59", ["x"], ["p"])], tower(60, 1), {"x": x}, {"p": -x})
add("high_tower", [call("F79", ["x"], ["p"])], tower(80, 1), {"x": x}, {"p": x}, "64 deep")
add("many", [call("F9", ["x"], ["p"])], tower(10, 2), {"x": x}, {"p": x})
add("flood", [call("F39", ["x"], ["p"])], tower(40, 2), {"x": x}, {"p": x}, "unfold to more than 262144 nodes")
empty = [function("F0", ["a"], [], [])] + [function(f"F{i}", ["a"], [], [call(f"F{i - 1}", ["a"], [])] * 2) for i in range(1, 60)]
add("flood_of_nothing", [call("F59", ["x"], []), node("Neg", ["x"], ["y"])], empty, {"x": x}, {"y": x},
    "unfold to more than 262144 nodes")


# Inner values can be asked for by name; slashes in the file's own names make them ambiguous, so ':' joins then.
def inner_names(separator, own):
    with tempfile.TemporaryDirectory() as tmp:
        path, out = os.path.join(tmp, "m.onnx"), os.path.join(tmp, "out")
        outer = function("Outer", ["a", "b"], ["r"], [call("Scaled", ["a", "b"], ["s"], "inner_call"), node("Neg", ["s"], ["r"])])
        onnx.save(model([call("Outer", ["x", "z"], [own], "the_call")], [outer, scaled], {"x": x, "z": z}, {own: x}), path)
        for key, a in (("x", x), ("z", z)):
            np.save(os.path.join(tmp, key + ".npy"), a)
        wanted = [own, "the_call", separator.join([own, "s"]), separator.join([own, "s", "t"])]
        done = subprocess.run([PROGRAM, "run", path, "-out", out, "-quiet", "-in", f"x={tmp}/x.npy", f"z={tmp}/z.npy", "-layer",
                               *wanted], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"inner names: {done.stderr}")
        for name, want in zip(wanted, (-(x * z + x), -(x * z + x), x * z + x, x * z)):
            got = np.load(os.path.join(out, name.replace("/", "_") + ".npy")) if os.path.exists(
                os.path.join(out, name.replace("/", "_") + ".npy")) else None
            if got is None or not np.allclose(got, want, 1e-6):
                sys.exit(f"inner value {name}: {got}, expected {want}; files {os.listdir(out)}")


inner_names("/", "y")
inner_names(":", "net/y")
cases.finish()
