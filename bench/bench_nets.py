#!/usr/bin/env python3
"""Networks against python3-torch and against the sum of their bare oneDNN primitives, in one run.

    bench/bench_nets.py BUILD_DIR [--nets AlexNet VGG16 ResNet50 GoogLeNet] [--batch 8] [--threads 2]
                        [--repeat 11] [--profile] [--gradient]

torchvision's networks with random weights (GoogLeNet without its auxiliary heads and transform_input)
are written as ONNX files. torch (eval, no_grad) and BUILD_DIR/bench_net, which opens the file through
the public interface and taps the last layer, take turns, batch after batch, so that both see the same
machine; milliseconds are the best and, in brackets, the median. "primitives" is the sum of the best
run's times of the oneDNN primitives that do the network's arithmetic, as oneDNN measures them inside the
run (ONEDNN_VERBOSE=1); layout changes and everything between primitives are left out. "of them" is the wall
time of these same runs over that sum (median): what planning costs. bf16 is the same network with -precision bf16 (- where the processor has no bfloat16
instructions). --profile lists where the time goes.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

BARS = {"AlexNet": 1.5, "VGG16": 1.4, "ResNet50": 1.4, "GoogLeNet": 2.0}


def make_net(name):
    import torch
    import torchvision.models as models

    torch.manual_seed(0)
    net = {"AlexNet": lambda: models.alexnet(weights=None),
           "VGG16": lambda: models.vgg16(weights=None, init_weights=False),
           "ResNet50": lambda: models.resnet50(weights=None),
           "GoogLeNet": lambda: models.googlenet(weights=None, aux_logits=False, transform_input=False,
                                                 init_weights=False)}[name]()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # a trained network keeps its scale from layer to layer
            torch.nn.init.constant_(module.running_var, 0.2)
    return net.eval()


def write_onnx(net, path, batch):
    import torch

    torch.onnx.export(net, torch.zeros(batch, 3, 224, 224), path, opset_version=13, input_names=["data"],
                      output_names=["prob"], dynamic_axes={"data": {0: "n"}, "prob": {0: "n"}})


class Ours:
    """bench_net as a co-process."""

    def __init__(self, build, path, args, precision="float32", verbose=False):
        env = dict(os.environ, ONEDNN_VERBOSE="1" if verbose else "0", OMP_NUM_THREADS=str(args.threads))
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [os.path.join(build, "bench_net"), path, str(args.batch), str(args.threads), precision], env=env,
            stdin=subprocess.PIPE, stdout=self.log, stderr=subprocess.PIPE, text=True, bufsize=1)
        first = self.process.stderr.readline()
        self.ready = first.startswith("ready")
        self.error = float(self.process.stderr.readline().split()[1]) if self.ready else 0.0
        if not self.ready and "does not compute" not in first:
            sys.exit(f"{path}: {first.strip()}")

    def run(self):
        self.process.stdin.write("\n")
        line = self.process.stderr.readline()
        try:
            return float(line)
        except ValueError:
            sys.exit(f"bench_net: {line.strip()}")

    def close(self):
        """Ends the process; returns what oneDNN said, one list of lines per run."""
        self.process.stdin.close()
        self.process.wait()
        self.log.seek(0)
        runs = []
        for line in self.log:
            if line.startswith("run"):
                runs.append([])
            elif runs and ",exec," in line:
                runs[-1].append(line.strip().split(","))
        self.log.close()
        return runs


def primitives(build, path, args, precision):
    """(kind, implementation, problem, best ms) of each primitive, in order; per run the sum of those that do
    arithmetic, and the wall time."""
    ours = Ours(build, path, args, precision, verbose=True)
    if not ours.ready:
        return None, None, None
    walls = [ours.run() for _ in range(args.repeat)]
    runs = [r for r in ours.close() if r]
    if len({len(r) for r in runs}) != 1:
        sys.exit("oneDNN's reports differ from run to run")
    rows = [(at[0][3], at[0][4], f"{at[0][6]} {at[0][9]}", min(float(x[-1]) for x in at)) for at in zip(*runs)]
    sums = [sum(float(x[-1]) for x in r if x[3] != "reorder") for r in runs]
    return rows, sums, walls


def text(times):
    return f"{min(times):7.1f} ({statistics.median(times):7.1f})" if times else "      -          "


def profile(rows):
    total = sum(r[3] for r in rows)
    kinds = {}
    for kind, _, _, ms in rows:
        kinds[kind] = kinds.get(kind, 0) + ms
    print("   " + ", ".join(f"{k} {v:.1f} ms" for k, v in sorted(kinds.items(), key=lambda x: -x[1])))
    for kind, impl, what, ms in sorted(rows, key=lambda r: -r[3])[:25]:
        print(f"   {ms:7.2f} ms {100 * ms / total:5.1f}%  {kind:12} {impl:28} {what}")


def bench(name, args, folder):
    import torch

    net = make_net(name)
    path = os.path.join(folder, name + ".onnx")
    write_onnx(net, path, args.batch)
    data = torch.rand(args.batch, 3, 224, 224) * 2 - 1
    ours, half = Ours(args.build, path, args), Ours(args.build, path, args, "bf16")
    times = {"torch": [], "ours": [], "bf16": []}
    with torch.no_grad():
        net(data)
        for _ in range(args.repeat):
            start = time.perf_counter()
            net(data)
            times["torch"].append(1e3 * (time.perf_counter() - start))
            times["ours"].append(ours.run())
            if half.ready:
                times["bf16"].append(half.run())
    error = f"{half.error:.1e}" if half.ready else "-"
    ours.close()
    half.close()
    rows, sums, walls = primitives(args.build, path, args, "float32")
    bare = min(sums)
    t, o = min(times["torch"]), min(times["ours"])
    b = min(times["bf16"]) if times["bf16"] else None
    faster = f"{t / b:5.2f}" if b else "    -"
    print(f"{name:10} {text(times['torch'])} {text(times['ours'])}  {t / o:5.2f} ({BARS[name]:.1f})  {bare:7.1f}"
          f"  {statistics.median(w / s for w, s in zip(walls, sums)):5.2f} (1.2)  {text(times['bf16'])}  {faster}  {error}", flush=True)
    if args.profile:
        profile(rows)
        half_rows, _, _ = primitives(args.build, path, args, "bf16")
        if half_rows:
            print("   bf16:")
            profile(half_rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--nets", nargs="+", default=list(BARS), choices=list(BARS))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=11)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--gradient", action="store_true")
    args = parser.parse_args()
    if args.gradient:
        sys.exit("--gradient: not built; this library has no gradients yet")
    import torch

    torch.set_num_threads(args.threads)
    print(f"batch {args.batch}, {args.threads} threads, torch {torch.__version__}; ms: best (median) of {args.repeat}")
    print("net               torch              dnnbrain    ratio (bar)  primitives  of them         bf16"
          "         torch/bf16  bf16 error")
    with tempfile.TemporaryDirectory() as folder:
        for name in args.nets:
            bench(name, args, folder)


if __name__ == "__main__":
    main()
