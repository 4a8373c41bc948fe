#!/usr/bin/env python3
"""dnnbrain act against two peers, in one run, on the same images, weights and number of threads.

    bench/bench_act.py DNNBRAIN_PROGRAM [--images 200] [--threads 2] [--repeat 3] [--no-reference]

AlexNet (random weights), its five ReLU layers, JPEGs of 500x375, to an .act.h5:
  reference  what DNNBrain's dnn_act does: the whole network once per layer, batches of 8, all results
             kept in memory, gzip-compressed HDF5 (run once: it takes half a minute)
  torch      the best simple script: one pass with hooks, batches of 32, uncompressed h5py
  dnnbrain   the program, as a whole process, start-up included
Each peer runs in a process of its own, imports included in neither peer's time (start-up of Python and
torch is subtracted by timing inside the process). Prints wall seconds and ratios of medians.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

LAYERS = {"conv1_relu": 1, "conv2_relu": 4, "conv3_relu": 7, "conv4_relu": 9, "conv5_relu": 11}


def make_inputs(folder, n):
    import numpy as np
    import torch
    import torchvision
    from PIL import Image

    rng = np.random.default_rng(1)
    os.makedirs(os.path.join(folder, "images"))
    names = []
    for i in range(n):
        coarse = Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)).resize((500, 375), Image.BICUBIC)
        pixels = np.asarray(coarse).astype(int) + rng.integers(-12, 12, (375, 500, 3))
        names.append(f"{i:04d}.jpg")
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(os.path.join(folder, "images", names[-1]), quality=90)
    with open(os.path.join(folder, "all.stim.csv"), "w") as f:
        f.write("type=image\npath=images\ndata=stimID\n" + "".join(x + "\n" for x in names))
    torch.manual_seed(0)
    torch.save(torchvision.models.alexnet(weights=None).state_dict(), os.path.join(folder, "alexnet.pth"))


def load(folder):
    import torch
    import torchvision
    from torchvision import transforms

    net = torchvision.models.alexnet(weights=None)
    net.load_state_dict(torch.load(os.path.join(folder, "alexnet.pth")))
    net.eval()
    prepare = transforms.Compose([
        transforms.Resize((224, 224)), transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
    names = open(os.path.join(folder, "all.stim.csv")).read().split("data=stimID\n")[1].split()
    return net, prepare, [os.path.join(folder, "images", x) for x in names]


def peer_reference(folder, out):
    import h5py
    import numpy as np
    import torch
    from PIL import Image

    net, prepare, files = load(folder)
    result = {}
    for name, index in LAYERS.items():
        kept = []
        hook = net.features[index].register_forward_hook(lambda m, i, o: kept.append(o.detach().numpy().copy()))
        for at in range(0, len(files), 8):
            net(torch.stack([prepare(Image.open(f).convert("RGB")) for f in files[at:at + 8]]))
        hook.remove()
        result[name] = np.concatenate(kept)
    with h5py.File(out, "w") as f:
        for name, values in result.items():
            f.create_dataset(name, data=values, compression="gzip")


def peer_torch(folder, out):
    import h5py
    import torch
    from PIL import Image

    net, prepare, files = load(folder)
    got = {}
    body = net.features[:12]
    for name, index in LAYERS.items():
        net.features[index].register_forward_hook(lambda m, i, o, name=name: got.__setitem__(name, o.numpy()))
    with torch.no_grad(), h5py.File(out, "w") as f:
        for at in range(0, len(files), 32):
            body(torch.stack([prepare(Image.open(x).convert("RGB")) for x in files[at:at + 32]]))
            for name, values in got.items():
                if name not in f:
                    f.create_dataset(name, (len(files),) + values.shape[1:], "f4")
                f[name][at:at + len(values)] = values


def run_peer(which, folder, out, threads):
    """Time of the peer's work, measured inside its process after imports."""
    r = subprocess.run([sys.executable, __file__, "--peer", which, folder, out, "--threads", str(threads)],
                       capture_output=True, text=True, check=True, env=dict(os.environ, OMP_NUM_THREADS=str(threads)))
    return float(r.stdout.split()[-1])


def run_ours(program, folder, out, threads):
    command = [program, "act", "-net", "AlexNet", "--weights", os.path.join(folder, "alexnet.pth"), "-stim",
               os.path.join(folder, "all.stim.csv"), "-layer", *LAYERS, "-out", out, "-quiet", "-threads", str(threads)]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def same(a, b):
    import h5py
    import numpy as np

    worst = 0.0
    with h5py.File(a) as f, h5py.File(b) as g:
        for name in LAYERS:
            x, y = f[name][...], g[name][...]
            worst = max(worst, float(np.abs(x - y).max() / np.abs(y).max()))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-reference", action="store_true")
    parser.add_argument("--peer", nargs=3)
    args = parser.parse_args()
    if args.peer:
        import h5py, torch, torchvision, PIL.Image  # noqa: imports stay out of the timing
        torch.set_num_threads(args.threads)
        start = time.perf_counter()
        {"reference": peer_reference, "torch": peer_torch}[args.peer[0]](*args.peer[1:])
        print(time.perf_counter() - start)
        return
    if not args.program:
        parser.error("name the dnnbrain program")
    with tempfile.TemporaryDirectory() as folder:
        make_inputs(folder, args.images)
        ours, torch_times = [], []
        for i in range(args.repeat):
            ours.append(run_ours(args.program, folder, os.path.join(folder, "ours.act.h5"), args.threads))
            torch_times.append(run_peer("torch", folder, os.path.join(folder, "torch.act.h5"), args.threads))
            os.remove(os.path.join(folder, "ours.act.h5")) if i + 1 < args.repeat else None
            os.remove(os.path.join(folder, "torch.act.h5")) if i + 1 < args.repeat else None
        a, b = statistics.median(ours), statistics.median(torch_times)
        print(f"largest difference, of the layer's maximum: "
              f"{same(os.path.join(folder, 'ours.act.h5'), os.path.join(folder, 'torch.act.h5')):.1e}")
        print(f"dnnbrain  {a:7.2f} s  (runs: {' '.join(f'{x:.2f}' for x in ours)})")
        print(f"torch     {b:7.2f} s  ratio {b / a:5.2f}  (runs: {' '.join(f'{x:.2f}' for x in torch_times)})")
        if not args.no_reference:
            c = run_peer("reference", folder, os.path.join(folder, "ref.act.h5"), args.threads)
            print(f"reference {c:7.2f} s  ratio {c / a:5.2f}")


if __name__ == "__main__":
    main()
