"""Networks of the zoo against torchvision with random weights: every main layer, and some module paths."""
import os
import tempfile

from netdiff import *


def vgg_layers(convs, bn):
    """{layer: module} by the pattern of the reference's table."""
    layers, module, conv = {}, 0, 0
    for count in convs:
        for _ in range(count):
            conv += 1
            for suffix in [""] + ["_bn"] * bn + ["_relu"]:
                layers[f"conv{conv}{suffix}"] = f"features.{module}"
                module += 1
        layers[f"conv{conv}_maxpool"] = f"features.{module}"
        module += 1
    return {**layers, "fc1": "classifier.0", "fc1_relu": "classifier.1", "fc2": "classifier.3", "fc2_relu": "classifier.4", "fc3": "classifier.6"}


def resnet_layers(depths, block):
    layers = {"conv": "conv1", "bn": "bn1", "relu": "relu", "maxpool": "maxpool"}
    for stage, n in enumerate(depths, 1):
        layers.update({f"layer{stage}_{block}{i}": f"layer{stage}.{i}" for i in range(n)})
    return {**layers, "avgpool": "avgpool", "fc": "fc"}


same = lambda *names: {n: n for n in names}
GOOGLE = same("conv1", "maxpool1", "conv2", "conv3", "maxpool2", "inception3a", "inception3b", "maxpool3", *[f"inception4{c}" for c in "abcde"],
              "maxpool4", "inception5a", "inception5b", "fc")
V3 = {"conv1": "Conv2d_1a_3x3", "conv2": "Conv2d_2a_3x3", "conv3": "Conv2d_2b_3x3", "maxpool1": "maxpool1", "conv4": "Conv2d_3b_1x1",
      "conv5": "Conv2d_4a_3x3", "maxpool2": "maxpool2",
      **{f"inception{i}": "Mixed_" + m for i, m in enumerate("5b 5c 5d 6a 6b 6c 6d 6e 7a 7b 7c".split(), 1)}, "avgpool": "avgpool", "fc": "fc"}


class Vggish(torch.nn.Module):
    """The PyTorch port of VGGish: channels last before the first linear layer."""

    def __init__(self):
        super().__init__()
        layers, c = [], 1
        for out in (64, "M", 128, "M", 256, 256, "M", 512, 512, "M"):
            layers += [torch.nn.MaxPool2d(2, 2)] if out == "M" else [torch.nn.Conv2d(c, out, 3, 1, 1), torch.nn.ReLU(True)]
            c = c if out == "M" else out
        self.features = torch.nn.Sequential(*layers)
        self.embeddings = torch.nn.Sequential(torch.nn.Linear(512 * 24, 4096), torch.nn.ReLU(True), torch.nn.Linear(4096, 4096),
                                              torch.nn.ReLU(True), torch.nn.Linear(4096, 128), torch.nn.ReLU(True))

    def forward(self, x):
        return self.embeddings(self.features(x).permute(0, 2, 3, 1).reshape(len(x), -1))


class CifarResNet(torch.nn.Module):
    """He et al.'s CIFAR-10 net with shortcuts that subsample and pad (their option A)."""

    class Block(torch.nn.Module):
        def __init__(self, c_in, c_out):
            super().__init__()
            self.stride, self.extra = 1 + (c_in != c_out), (c_out - c_in) // 2
            self.conv1 = torch.nn.Conv2d(c_in, c_out, 3, self.stride, 1, bias=False)
            self.bn1 = torch.nn.BatchNorm2d(c_out)
            self.conv2 = torch.nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
            self.bn2 = torch.nn.BatchNorm2d(c_out)

        def forward(self, x):
            y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            short = x[:, :, :: self.stride, :: self.stride]
            return torch.relu(y + torch.nn.functional.pad(short, (0, 0, 0, 0, self.extra, self.extra)))

    def __init__(self, n):
        super().__init__()
        self.conv1, self.bn1, self.relu = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(16), torch.nn.ReLU()
        for stage, c in enumerate((16, 32, 64), 1):
            c_in = (16, 16, 32)[stage - 1]
            setattr(self, f"layer{stage}", torch.nn.Sequential(*[self.Block(c_in if i == 0 else c, c) for i in range(n)]))
        self.avgpool, self.linear = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.relu(self.bn1(self.conv1(x))))))
        return self.linear(self.avgpool(x).flatten(1))


tv = torchvision.models
VGGISH = {**{k: v for k, v in vgg_layers((1, 1, 2, 2), 0).items() if not k.startswith("fc")},
          "fc1": "embeddings.0", "fc1_relu": "embeddings.1", "fc2": "embeddings.2", "fc2_relu": "embeddings.3", "fc3": "embeddings.4"}
CIFAR = {**{k: v for k, v in resnet_layers((3, 3, 3), "block").items() if k != "maxpool"}, "fc": "linear"}
NETS = [
    ("Vgg11", lambda: tv.vgg11(), 224, vgg_layers((1, 1, 2, 2, 2), 0), ["avgpool", "features.3", "classifier.6"]),
    ("vgg19-bn", lambda: tv.vgg19_bn(), 224, vgg_layers((2, 2, 4, 4, 4), 1), ["features.1"]),
    ("Resnet18", lambda: tv.resnet18(), 224, resnet_layers((2, 2, 2, 2), "block"), ["layer1.0.conv1", "layer2.0.downsample", "layer4.1.bn2", "layer4"]),
    ("Resnet50", lambda: tv.resnet50(), 224, resnet_layers((3, 4, 6, 3), "bottleneck"), ["layer1.0.conv3", "layer3.5.bn1", "layer1.0.downsample.0"]),
    ("GoogLeNet", lambda: tv.googlenet(aux_logits=False, init_weights=False), 224, GOOGLE, ["inception3a.branch2.1", "inception4c.branch4.0", "conv1.bn"]),
    ("InceptionV3", lambda: tv.inception_v3(init_weights=False), 299, V3, ["Mixed_7b.branch3x3_2b", "Mixed_6c.branch7x7dbl_4.conv"]),
    ("VGGish", Vggish, (1, 96, 64), VGGISH, []),
    ("Resnet20_cifar", lambda: CifarResNet(3), 32, CIFAR, ["layer2.0.bn2"]),
]

for name, make, size, layers, paths in NETS:
    shape = size if isinstance(size, tuple) else (3, size, size)
    model = randomise(make(), 5)
    images = np.random.default_rng(6).standard_normal((2, *shape), np.float32)
    truth = module_outputs(model, images, list(layers.values()) + paths)
    want = {**{layer: truth[module] for layer, module in layers.items()}, **{p: truth[p] for p in paths}}
    with tempfile.TemporaryDirectory() as tmp:
        file = os.path.join(tmp, "w.pth")
        torch.save(model.state_dict(), file)
        listed = call("--weights", file, name, "list").stdout.splitlines()
        expect(listed[1:] == list(layers), f"{name}: main layers in order")
        for backend in backends() or ["reference"]:
            compare(f"{name}, {backend}", run(name, images, list(want), ["--weights", file, "--backend", backend]), want)

# A deeper network's checkpoint holds all that a shallower one needs: it must not pass for it.
with tempfile.TemporaryDirectory() as tmp:
    file = os.path.join(tmp, "w.pth")
    torch.save(tv.resnet34().state_dict(), file)
    p = call("--weights", file, "Resnet18", "list")
    expect(p.returncode == 1 and "has no place in Resnet18" in p.stderr, f"Resnet34's weights in Resnet18: {p.stderr.strip()}")

# Real weights in the legacy format.
data = data_dir()
if data:
    stored = torch.load(os.path.join(data, "models", "resnet20_cifar10.th"), map_location="cpu")["state_dict"]
    model = CifarResNet(3)
    model.load_state_dict({k[len("module."):]: v for k, v in stored.items()}, strict=False)
    model.eval()
    images = np.random.default_rng(7).standard_normal((4, 3, 32, 32), np.float32)
    truth = module_outputs(model, images, list(CIFAR.values()))
    os.environ["DNNBRAIN_DATA"] = data
    compare("resnet20_cifar10.th", run("resnet20cifar", images, list(CIFAR)), {layer: truth[module] for layer, module in CIFAR.items()})
finish()
