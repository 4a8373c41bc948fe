"""Gradients against torch.autograd: with respect to the image for networks torchvision has, with respect to
parameters for ResNet18, and guided backpropagation."""
from netdiff import *

PROBE = os.path.join(os.environ["DNB_BUILD"], "tests", "probe_gradient")
LIMIT = 1e-3


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


def check(label, got, want):
    want = want.numpy().ravel()
    if got.size != want.size:
        return expect(False, f"{label}: {got.size} numbers, not {want.size}")
    error = np.abs(got.astype(np.float64) - want).max() / np.abs(want).max()
    expect(error <= LIMIT, f"{label}: relative error {error:.2g}")


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


def image_gradient(name, n, size, options=(), **kw):
    model = make(name, **kw)
    images = torch.from_numpy(np.random.default_rng(4).standard_normal((n, 3, size, size), np.float32))
    with tempfile.TemporaryDirectory() as tmp:
        got = ours(export(model, size, tmp), images, ["image"], tmp, options)[0]
    images.requires_grad_(True)
    model(images)[:, 3].sum().backward()
    check(f"{name} {' '.join(options)}", got, images.grad)


def guided(name, n, size):
    """Springenberg's rule by torch hooks."""
    model = make(name)
    for m in model.modules():
        if isinstance(m, torch.nn.ReLU):
            m.register_full_backward_hook(lambda _m, gi, _go: (gi[0].clamp(min=0),))
    images = torch.from_numpy(np.random.default_rng(4).standard_normal((n, 3, size, size), np.float32))
    with tempfile.TemporaryDirectory() as tmp:
        got = ours(export(model, size, tmp), images, ["image"], tmp, ["--guided"])[0]
    images.requires_grad_(True)
    model(images)[:, 3].sum().backward()
    check(f"{name} guided", got, images.grad)


def parameter_gradients(name, n, size):
    model = make(name)
    images = torch.from_numpy(np.random.default_rng(5).standard_normal((n, 3, size, size), np.float32))
    wanted = [k for k, _ in model.named_parameters()]
    with tempfile.TemporaryDirectory() as tmp:
        file = export(model, size, tmp)
        got = ours(file, images, wanted, tmp)
    model(images)[:, 3].sum().backward()
    for (k, p), g in zip(model.named_parameters(), got):
        check(f"{name} {k}", g, p.grad)


image_gradient("alexnet", 2, 224)
image_gradient("vgg16", 1, 96)
image_gradient("googlenet", 2, 128, init_weights=False, aux_logits=False)
image_gradient("resnet50", 2, 128)
image_gradient("mobilenet_v2", 2, 96)
image_gradient("densenet121", 1, 64)
guided("alexnet", 2, 224)
guided("resnet18", 2, 96)
parameter_gradients("resnet18", 2, 96)
finish()
