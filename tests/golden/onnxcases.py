"""Small ONNX models with their expected results, in the layout of ONNX's conformance data, run by the program that
runs those (tests/onnx_conformance): results must have the very type and shape and agree to a relative 1e-3."""
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

RUNNER = os.path.join(os.environ["DNB_BUILD"], "tests", "onnx_conformance")


def info(name, a):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype) if hasattr(
        helper, "np_dtype_to_tensor_dtype") else onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[a.dtype], a.shape)


class Cases:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.want = {}

    def add_model(self, name, model, inputs, outputs, verdict="pass"):
        """A model with its inputs and expected outputs in order; verdict: the first word of the runner's line, or a
        text the line must hold."""
        where = os.path.join(self.folder.name, "node", name)
        data = os.path.join(where, "test_data_set_0")
        os.makedirs(data)
        with open(os.path.join(where, "model.onnx"), "wb") as f:
            f.write(model.SerializeToString())
        for kind, arrays in (("input", inputs), ("output", outputs)):
            for i, a in enumerate(arrays):
                with open(os.path.join(data, f"{kind}_{i}.pb"), "wb") as f:
                    f.write(numpy_helper.from_array(np.array(a, order="C")).SerializeToString())
        self.want[name] = verdict

    def add(self, op, inputs, outputs, opset=17, verdict="pass", **attrs):
        """One node. None among inputs or outputs: not given."""
        name = f"{op}_{len(self.want)}"
        ins = ["" if a is None else f"x{i}" for i, a in enumerate(inputs)]
        outs = ["" if a is None else f"y{i}" for i, a in enumerate(outputs)]
        node = helper.make_node(op, ins, outs, name="the_node", **attrs)
        inputs, outputs = ([a for a in both if a is not None] for both in (inputs, outputs))
        graph = helper.make_graph([node], name, [info(n, a) for n, a in zip(filter(None, ins), inputs)],
                                  [info(n, a) for n, a in zip(filter(None, outs), outputs)])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        self.add_model(name, model, inputs, outputs, verdict)

    def finish(self):
        p = subprocess.run([RUNNER, self.folder.name], capture_output=True, text=True)
        got = {}
        for line in p.stdout.splitlines()[:-1]:
            got[line.split()[1].rstrip(":")] = line
        failures = 0
        for name, verdict in self.want.items():
            line = got.get(name, "nothing was said about it")
            ok = line.startswith(verdict) or (verdict != "pass" and verdict in line)
            failures += not ok
            if not ok:
                print(f"FAIL {name}: expected {verdict}:", line)
        print(f"{len(self.want)} models, {failures} failures")
        sys.exit(1 if failures else 0)
