"""AlexNet from .pth files (zip and legacy) against torchvision, every layer of the reference's table, both
back ends; and what happens when the weights do not fit."""
import os
import tempfile

from netdiff import *

# Layer names and the torchvision modules behind them.
LAYERS = {
    "conv1": "features.0", "conv1_relu": "features.1", "conv1_maxpool": "features.2",
    "conv2": "features.3", "conv2_relu": "features.4", "conv2_maxpool": "features.5",
    "conv3": "features.6", "conv3_relu": "features.7", "conv4": "features.8", "conv4_relu": "features.9",
    "conv5": "features.10", "conv5_relu": "features.11", "conv5_maxpool": "features.12",
    "fc1": "classifier.1", "fc1_relu": "classifier.2", "fc2": "classifier.4", "fc2_relu": "classifier.5",
    "fc3": "classifier.6",
}

model = randomise(torchvision.models.alexnet(), 1)
images = np.random.default_rng(2).standard_normal((64, 3, 224, 224), np.float32)
truth = module_outputs(model, images, list(LAYERS.values()) + ["avgpool"])
named = {layer: truth[module] for layer, module in LAYERS.items()}

with tempfile.TemporaryDirectory() as tmp:
    zipped, legacy = os.path.join(tmp, "alexnet.pth"), os.path.join(tmp, "legacy.pth")
    state = model.state_dict()
    torch.save(state, zipped)
    torch.save(state, legacy, _use_new_zipfile_serialization=False)

    p = call("--weights", zipped, "ALEXNET", "list")
    expect(p.stdout.splitlines()[1:] == list(LAYERS), "main layers in the order of the table")

    few = {k: v[:1] for k, v in named.items()}
    for backend in ["reference"]:
        compare(f"{backend}, one image", run("AlexNet", images[:1], list(few), ["--weights", zipped, "--backend", backend]), few)
    for backend in backends():
        compare(f"{backend}, 64 images", run("alexnet", images, list(named), ["--weights", zipped, "--backend", backend]), named)
        # One layer at a time: no neighbour forces a value to be kept.
        for layer in ("conv5", "conv5_relu", "fc3"):
            compare(f"{backend}, {layer} alone", run("alexnet", images[:8], [layer], ["--weights", zipped, "--backend", backend]),
                    {layer: named[layer][:8]})
    compare("legacy file", run("alexnet", images[:1], list(few), ["--weights", legacy]), few)
    paths = {m: truth[m][:2] for m in truth}
    compare("module paths", run("alexnet", images[:2], list(paths), ["--weights", zipped]), paths)
    # Dropout changes nothing when not training: another name for its input.
    same = run("alexnet", images[:2], ["classifier.0", "classifier.3"], ["--weights", zipped])
    compare("dropouts", same, {"classifier.0": truth["avgpool"][:2], "classifier.3": named["fc1_relu"][:2]})

    half = os.path.join(tmp, "half.pth")
    torch.save({"epoch": 3, "state_dict": {"module." + k: v.half() for k, v in state.items()}}, half)
    compare("float16 checkpoint", run("alexnet", images[:2], ["conv5"], ["--weights", half]), {"conv5": named["conv5"][:2]}, 5e-3)

    # Weights that do not fit are named.
    def refused(label, what, *parts):
        path = os.path.join(tmp, label + ".pth")
        if isinstance(what, bytes):
            with open(path, "wb") as f:
                f.write(what)
        else:
            torch.save(what, path)
        q = call("--weights", path, "AlexNet", "list")
        expect(q.returncode == 1 and label + ".pth" in q.stderr and all(x in q.stderr for x in parts),
               f"{label}: {q.stderr.strip()}")

    refused("ten_classes", {**state, "classifier.6.weight": torch.zeros(10, 4096)},
            "tensor classifier.6.weight has shape 10x4096, AlexNet needs 1000x4096")
    refused("missing", {k: v for k, v in state.items() if k != "features.3.bias"}, "tensor features.3.bias is missing")
    refused("vgg", {**state, "features.40.weight": torch.zeros(1)}, "tensor features.40.weight has no place in AlexNet")
    refused("integers", {**state, "features.0.bias": torch.zeros(64, dtype=torch.int64)}, "features.0.bias", "int64")
    with open(zipped, "rb") as f:
        whole = f.read()
    refused("cut_zip", whole[: len(whole) // 2], "truncated")
    with open(legacy, "rb") as f:
        whole = f.read()
    refused("cut_legacy", whole[: len(whole) // 2], "truncated")

    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp}/pwned",)

    refused("evil", {**state, "extra": Evil()}, "posix.system", "nothing was run")
    refused("whole_module", model, "torchvision.models.alexnet.AlexNet")
    expect(not os.path.exists(os.path.join(tmp, "pwned")), "the hostile pickle ran nothing")
finish()
