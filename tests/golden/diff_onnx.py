"""ONNX files against PyTorch: torchvision networks exported at several operator sets, compared at every leaf
module; and real models on real photographs, when the data folder is there."""
import os
import tempfile

from netdiff import *

try:
    import onnx
    from PIL import Image
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)


def module_of(node_name):
    """"/layer1/layer1.0/conv1/Conv" -> "layer1.0.conv1": a child of a sequence repeats the sequence's name."""
    path, last = "", None
    for part in node_name.split("/")[1:-1]:
        path = path[: -len(last)] + part if last and part.startswith(last + ".") else f"{path}.{part}".lstrip(".")
        last = part
    return path


def leaves(model, file):
    """{module path: node name} for leaf modules that are one node of the file."""
    leaf = {n for n, m in model.named_modules() if n and not list(m.children())}
    nodes = {}
    for node in onnx.load(file).graph.node:
        path = module_of(node.name)
        if path in leaf:
            nodes.setdefault(path, []).append(node)
    return {p: ns for p, ns in nodes.items() if len(ns) == 1}


def slim(model):
    """Large classifiers say nothing about the loader: make them small."""
    small = None
    for i, m in enumerate(getattr(model, "classifier", [])):
        if isinstance(m, torch.nn.Linear) and (small or m.in_features > 4096):
            model.classifier[i] = torch.nn.Linear(small or m.in_features, 64 if m.out_features > 1000 else m.out_features)
            small = model.classifier[i].out_features
    return model


def exported(name, opset, folded, size=224, **kw):
    model = randomise(slim(getattr(torchvision.models, name)(weights=None, **kw)), 3)
    images = np.random.default_rng(4).standard_normal((2, 3, size, size), np.float32)
    with tempfile.TemporaryDirectory() as tmp:
        file = os.path.join(tmp, f"{name}.onnx")
        torch.onnx.export(model, torch.zeros(1, 3, size, size), file, opset_version=opset, do_constant_folding=folded,
                          training=torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE,
                          input_names=["image"], output_names=["logits"],
                          dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}})
        label = f"{name} opset {opset}{' folded' if folded else ''}"
        with torch.no_grad():
            logits = model(torch.from_numpy(images)).numpy()
        want = {"logits": logits}
        if not folded:
            nodes = leaves(model, file)
            truth = module_outputs(model, images, list(nodes), first=True)
            # By the value's name and by the node's.
            for i, (path, (node,)) in enumerate(nodes.items()):
                want[node.name if i % 2 else node.output[0]] = truth[path]
            expect(len(want) > 10, f"{label}: {len(want)} values to compare")
        for backend in backends() or ["reference"]:
            compare(f"{label}, {backend}", run(file, images, list(want), ["--backend", backend]), want)


for name, opset, folded, kw in [
    ("alexnet", 9, False, {}), ("alexnet", 17, True, {}), ("vgg11", 13, False, {}),
    ("squeezenet1_1", 9, False, {}), ("squeezenet1_1", 13, True, {}),
    ("googlenet", 11, False, dict(aux_logits=False, init_weights=False)),
    ("googlenet", 16, True, dict(aux_logits=False, init_weights=False, transform_input=True)),
    ("resnet18", 8, False, {}), ("resnet18", 11, True, {}), ("resnet18", 13, False, {}), ("resnet18", 17, True, {}),
    ("mobilenet_v2", 12, False, {}),
]:
    exported(name, opset, folded, **kw)

# ---- real models ----

data = data_dir()
if data:
    stims = [line.strip().split(",") for line in open(os.path.join(data, "stimuli", "natural.stim.csv")) if "." in line and "=" not in line]
    paths = [os.path.join(data, "stimuli", "natural", s[0]) for s in stims]
    classes = [int(s[1]) for s in stims]

    def photographs(size, mean=(104, 117, 123)):
        """BGR, 0..255, minus the mean."""
        out = []
        for path in paths:
            image = Image.open(path).convert("RGB").resize((size, size), Image.BILINEAR)
            out.append((np.asarray(image, np.float32)[:, :, ::-1] - np.float32(mean)).transpose(2, 0, 1))
        return np.stack(out)

    for name, size, layer, inner in [("bvlc_googlenet", 224, "prob", "inception_3b/output"), ("squeezenet1_1", 227, "prob", "conv1"),
                              ("squeezenet_fp16", 224, "softmaxout_1", "conv1_1")]:
        file = os.path.join(data, "models", name + ".onnx")
        for backend in backends() or ["reference"]:
            out = run(file, photographs(size), [layer, inner], ["--backend", backend])
            prob = out[layer].reshape(len(paths), -1)
            top = prob.argsort(1)[:, ::-1]
            first = sum(top[i, 0] == c for i, c in enumerate(classes))
            five = sum(c in top[i, :5] for i, c in enumerate(classes))
            expect(prob.shape[1] == 1000 and np.allclose(prob.sum(1), 1, atol=1e-3), f"{name} {backend}: probabilities")
            expect(first >= len(paths) // 2 and five >= len(paths) - 2, f"{name} {backend}: {first} of {len(paths)} right, {five} among the first five")
finish()
