"""What the network differential tests share: running probe_net and comparing layers."""
import os
import subprocess
import sys
import tempfile

import golden
from golden import data_dir, finish, np

try:
    import torch
    import torchvision
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

PROBE = os.path.join(os.environ["DNB_BUILD"], "tests", "probe_net")
TOLERANCE = 1e-4


def backends():
    """Those this build can run, besides the reference."""
    probe = subprocess.run([PROBE, "--backend", "onednn", "no-such-net", "list"], capture_output=True, text=True)
    return ["onednn"] if probe.stderr.startswith("not found: unknown network") else []


def call(*args):
    return subprocess.run([PROBE, *map(str, args)], capture_output=True, text=True)


def run(net, images, layers, options=()):
    """{layer: n x chn x row x col} of our network."""
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "in.f32")
        np.ascontiguousarray(images, np.float32).tofile(path)
        p = call(*options, net, "run", path, len(images), tmp, *layers)
        if p.returncode != 0:
            raise RuntimeError(f"{net}: {p.stderr.strip()}")
        out = {}
        for line in p.stdout.splitlines():
            i, *shape = map(int, line.split())
            out[layers[i]] = np.fromfile(os.path.join(tmp, f"{i}.f32"), np.float32).reshape(-1, *shape)
        return out


def expect(ok, what):
    golden.report(what, ok)


def compare(label, ours, theirs, tolerance=TOLERANCE):
    """Each layer: max |ours - theirs| / max |theirs|."""
    worst = 0.0
    for name, want in theirs.items():
        want = np.asarray(want)
        got = ours[name]
        if got.size != want.size:
            expect(False, f"{label} {name}: {got.shape} against {want.shape}")
            continue
        scale = np.abs(want).max()
        error = np.abs(got.reshape(want.shape).astype(np.float64) - want).max() / (scale or 1)
        worst = max(worst, error)
        if not error <= tolerance:
            expect(False, f"{label} {name}: relative error {error:.3g}")
    expect(worst <= tolerance, f"{label}: {len(theirs)} layers, worst relative error {worst:.2g}")


def module_outputs(model, images, names, first=False):
    """Outputs of named modules of a torch model, copied before an in-place ReLU can change them. A module
    called several times gives its last output, or its first."""
    out, hooks = {}, []
    modules = dict(model.named_modules())
    for name in names:
        def hook(_m, _i, y, name=name):
            if not (first and name in out):
                out[name] = y.detach().clone().numpy()
        hooks.append(modules[name].register_forward_hook(hook))
    with torch.no_grad():
        model(torch.from_numpy(images))
    for h in hooks:
        h.remove()
    return out


def randomise(model, seed):
    """Weights and batch statistics that keep activations alive through deep networks."""
    g = torch.Generator().manual_seed(seed)
    for m in model.modules():
        if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)):
            fan_in = m.weight[0].numel()
            m.weight.data = torch.randn(m.weight.shape, generator=g) * (2.0 / fan_in) ** 0.5
            if m.bias is not None:
                m.bias.data = torch.randn(m.bias.shape, generator=g) * 0.1
        elif isinstance(m, torch.nn.BatchNorm2d):
            n = m.num_features
            m.weight.data = torch.rand(n, generator=g) + 0.5
            m.bias.data = torch.randn(n, generator=g) * 0.1
            m.running_mean = torch.randn(n, generator=g) * 0.1
            m.running_var = torch.rand(n, generator=g) + 0.5
    return model.eval()
