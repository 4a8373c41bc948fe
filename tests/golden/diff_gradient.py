"""Gradients against torch.autograd: with respect to the image for networks torchvision has, with respect to
parameters for ResNet18, and guided backpropagation.

A gradient jumps where a ReLU or a pool is within rounding of deciding otherwise: one of a network's millions of
units is, for some images, and then torch in float32 is as far from torch in float64 (1e-3 to 5e-2 of the
largest number) as we are from either. Between such images errors are about 1e-6. So up to TRIES images are
shown, one at a time, until one is within the limit; a wrong rule is wrong for all of them."""
from netdiff import *

PROBE = os.path.join(os.environ["DNB_BUILD"], "tests", "probe_gradient")
LIMIT = 1e-3
TRIES = 10


def export(model, size, tmp):
    """An ONNX file that keeps batch normalisation and the parameters' names."""
    file = os.path.join(tmp, "net.onnx")
    torch.onnx.export(model, torch.zeros(1, 3, size, size), file, opset_version=13, do_constant_folding=False,
                      training=torch.onnx.TrainingMode.PRESERVE, input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}})
    return file


def ours(file, images, wrt, tmp, options=()):
    """The gradients of channel 3 of the logits, flat."""
    path = os.path.join(tmp, "in.f32")
    images.numpy().tofile(path)
    p = subprocess.run([PROBE, "--channel", "3", *options, file, path, str(len(images)), tmp, "logits", *wrt],
                       capture_output=True, text=True)
    if p.returncode != 0:
        raise RuntimeError(p.stderr.strip())
    return [np.fromfile(os.path.join(tmp, f"{i}.f32"), np.float32) for i in range(len(wrt))]


def error_of(got, want):
    want = want.numpy().ravel()
    return np.abs(got.astype(np.float64) - want).max() / np.abs(want).max() if got.size == want.size else np.inf


def check(label, got, want):
    error = error_of(got, want)
    expect(error <= LIMIT, f"{label}: relative error {error:.2g}")


def check_images(label, model, size, options=()):
    """The image gradient, for the first image that no unit is undecided about."""
    errors = []
    with tempfile.TemporaryDirectory() as tmp:
        file = export(model, size, tmp)
        while len(errors) < TRIES and (not errors or errors[-1] > LIMIT):
            images = torch.from_numpy(np.random.default_rng(4 + len(errors)).standard_normal((1, 3, size, size), np.float32))
            got = ours(file, images, ["image"], tmp, options)[0]
            images.requires_grad_(True)
            model(images)[:, 3].sum().backward()
            errors.append(error_of(got, images.grad))
    expect(errors[-1] <= LIMIT, f"{label}: relative errors " + " ".join(f"{e:.2g}" for e in errors))


def make(name, **kw):
    model = getattr(torchvision.models, name)(weights=None, **kw)
    if name == "vgg16":  # for images of 96 x 96
        model.avgpool = torch.nn.Identity()
        model.classifier = torch.nn.Sequential(torch.nn.Linear(512 * 9, 128), torch.nn.ReLU(),
                                               torch.nn.Dropout(), torch.nn.Linear(128, 10))
    model = randomise(model, 3)
    for m in model.modules():
        if isinstance(m, torch.nn.ReLU):
            m.inplace = False
    return model


def image_gradient(name, size, **kw):
    check_images(name, make(name, **kw), size)


def guided(name, size):
    """Springenberg's rule by torch hooks."""
    model = make(name)
    for m in model.modules():
        if isinstance(m, torch.nn.ReLU):
            m.register_full_backward_hook(lambda _m, gi, _go: (gi[0].clamp(min=0),))
    check_images(f"{name} guided", model, size, ["--guided"])


def parameter_gradients(name, n, size):
    """All of them, for the first batch that no unit is undecided about."""
    model = make(name)
    wanted = [k for k, _ in model.named_parameters()]
    worst = np.inf
    with tempfile.TemporaryDirectory() as tmp:
        file = export(model, size, tmp)
        for seed in range(TRIES):
            images = torch.from_numpy(np.random.default_rng(5 + seed).standard_normal((n, 3, size, size), np.float32))
            got = ours(file, images, wanted, tmp)
            model.zero_grad()
            model(images)[:, 3].sum().backward()
            worst = max(error_of(g, p.grad) for (_, p), g in zip(model.named_parameters(), got))
            if worst <= LIMIT:
                break
    for (k, p), g in zip(model.named_parameters(), got):
        check(f"{name} {k}", g, p.grad)


class Recurrent(torch.nn.Module):
    """Both directions of a recurrent layer over the rows of an image, its last step's outputs as channels."""

    def __init__(self, kind):
        super().__init__()
        self.cells = getattr(torch.nn, kind)(6, 5, bidirectional=True, batch_first=True)

    def forward(self, x):
        return self.cells(x[:, 0])[0][:, -1]


class Layers(torch.nn.Module):
    """Layer normalisation, both forms of GELU, and bilinear resizing, down to one number per channel."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = torch.nn.Conv2d(3, 8, 3), torch.nn.LayerNorm((4, 4))

    def forward(self, x):
        y = torch.nn.functional.gelu(self.norm(self.first(x)))
        y = torch.nn.functional.interpolate(y, size=(7, 5), mode="bilinear", align_corners=False)
        return torch.nn.functional.gelu(y * y, approximate="tanh").sum((2, 3))


def layer_gradients(label, model):
    torch.manual_seed(6)
    check_images(label, model.eval(), 6)


for kind in ("RNN", "GRU", "LSTM"):
    layer_gradients(kind, Recurrent(kind))
layer_gradients("layers", Layers())
image_gradient("alexnet", 224)
image_gradient("vgg16", 96)
image_gradient("googlenet", 128, init_weights=False, aux_logits=False)
image_gradient("resnet50", 128)
image_gradient("mobilenet_v2", 96)
image_gradient("densenet121", 64)
guided("alexnet", 224)
guided("resnet18", 96)
parameter_gradients("resnet18", 2, 96)
finish()
