"""Forward pass and image gradient of a unit, against torch.autograd: seconds a batch, least of several runs taken
in turn. On a busy machine use --threads 1 and compare processor time.
    bench_gradient.py BUILD_DIR [--threads N] [--batch N] [--runs N] [NET...]"""
import argparse
import os
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--runs", type=int, default=3)
parser.add_argument("nets", nargs="*", default=["alexnet", "vgg16", "googlenet", "resnet50"])
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)

import numpy as np
import torch
import torchvision

torch.set_num_threads(args.threads)


def once(model, images):
    """Wall and processor seconds of torch."""
    x = images.clone().requires_grad_(True)
    wall, cpu = time.perf_counter(), time.process_time()
    model(x)[:, 3].sum().backward()
    return time.perf_counter() - wall, time.process_time() - cpu


for name in args.nets:
    kw = dict(init_weights=False, aux_logits=False) if name == "googlenet" else {}
    model = getattr(torchvision.models, name)(weights=None, **kw).eval().requires_grad_(False)
    images = torch.randn(args.batch, 3, 224, 224)
    ours, theirs = [9e9, 9e9], [9e9, 9e9]
    with tempfile.TemporaryDirectory() as tmp:
        file, data = os.path.join(tmp, "net.onnx"), os.path.join(tmp, "in.f32")
        torch.onnx.export(model, images[:1], file, opset_version=13, do_constant_folding=False,
                          training=torch.onnx.TrainingMode.PRESERVE, input_names=["image"], output_names=["logits"],
                          dynamic_axes={"image": {0: "n"}})
        images.numpy().tofile(data)
        for _ in range(args.runs):
            p = subprocess.run([os.path.join(args.build, "tests", "probe_gradient"), "--channel", "3", "--time", "2",
                                file, data, str(args.batch), tmp, "logits", "image"], capture_output=True, text=True)
            if p.returncode:
                raise SystemExit(p.stderr)
            words = next(line for line in p.stdout.splitlines() if line.startswith("seconds")).split()
            ours = [min(a, float(b)) for a, b in zip(ours, words[1::2])]
            for _ in range(2):
                theirs = [min(a, b) for a, b in zip(theirs, once(model, images))]
    print(f"{name:10} clock: {ours[0]:.3f} s, torch {theirs[0]:.3f} s, {theirs[0] / ours[0]:.2f} x; "
          f"processor: {ours[1]:.3f} s, torch {theirs[1]:.3f} s, {theirs[1] / ours[1]:.2f} x", flush=True)
