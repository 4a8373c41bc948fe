#!/usr/bin/env python3
"""dnnbrain rdm straight from images against its floor: forward pass + Gram matrices at the speed of a large dgemm.

    bench/bench_gram.py DNNBRAIN_PROGRAM [--images 600] [--memory 3500M] [--threads 2] [--folder DIR]

AlexNet (random weights), its five ReLU layers (485,000 units), images that all differ, Euclidean distances: exact
Gram matrices with products and sums in float64. Prints
  forward    `dnnbrain act` of the same layers pooled to one number a channel: decoding and the forward pass alone
  floor      n^2 d operations (a symmetric product) at the speed of one large dgemm through numpy's OpenBLAS
  run        the command: seconds in all, of them in the pass (and writing of the scratch file); the ratio to
             forward + floor, and the same of processor seconds, which other jobs on the machine disturb less
  memory     the plan it printed, the peak measured by the system, their ratio; the scratch file's size
Peak is what the kernel reports of the child (ru_maxrss).
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

LAYERS = {"conv1_relu": 193600, "conv2_relu": 139968, "conv3_relu": 64896, "conv4_relu": 43264, "conv5_relu": 43264}


def make_inputs(folder, n):
    import numpy as np
    from PIL import Image

    os.makedirs(os.path.join(folder, "images"), exist_ok=True)
    names = ["%05d.jpg" % i for i in range(n)]
    for i, name in enumerate(names):
        path = os.path.join(folder, "images", name)
        if not os.path.exists(path):
            rng = np.random.default_rng(i)
            coarse = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((500, 375), Image.BICUBIC).save(path, quality=90)
    with open(os.path.join(folder, "all.stim.csv"), "w") as f:
        f.write("type=image\npath=images\ndata=stimID\n" + "".join(x + "\n" for x in names))
    weights = os.path.join(folder, "alexnet.pth")
    if not os.path.exists(weights):
        import torch
        import torchvision
        torch.manual_seed(0)
        torch.save(torchvision.models.alexnet(weights=None).state_dict(), weights)


def timed(command, env):
    """Seconds, processor seconds, bytes at the peak, and the JSON summary of one run."""
    start = time.monotonic()
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit("%s: exit %d" % (" ".join(command), child.returncode))
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, json.loads(out)


DGEMM = """
import time, numpy as np
n = 3000
a = np.random.default_rng(0).random((n, n)); b = a.T.copy(); a @ b
best = [1e9, 1e9]
for _ in range(5):
    wall, cpu = time.monotonic(), time.process_time()
    a @ b
    best = [min(best[0], time.monotonic() - wall), min(best[1], time.process_time() - cpu)]
print(2 * n ** 3 / best[0], 2 * n ** 3 / best[1])
"""


def dgemm_speed(env):
    """Operations a second, and a processor second, with the kernels the program asks OpenBLAS for."""
    flags = open("/proc/cpuinfo").read() if os.path.exists("/proc/cpuinfo") else ""
    if "avx512f" in flags:
        env = dict(env, OPENBLAS_CORETYPE=env.get("OPENBLAS_CORETYPE", "SKYLAKEX"))
    return [float(x) for x in subprocess.run([sys.executable, "-c", DGEMM], env=env, check=True, stdout=subprocess.PIPE).stdout.split()]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("--images", type=int, default=600)
    p.add_argument("--memory", default="3500M")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--metric", default="euclidean")
    p.add_argument("--folder", help="where inputs are made and kept; default: a temporary folder")
    a = p.parse_args()
    program = os.path.abspath(a.program)
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.path.abspath(a.folder or temporary)
        make_inputs(folder, a.images)
        os.chdir(folder)
        env = dict(os.environ, OMP_NUM_THREADS=str(a.threads), OPENBLAS_NUM_THREADS=str(a.threads), TMPDIR=folder)
        network = ["-net", "AlexNet", "--weights", "alexnet.pth", "-stim", "all.stim.csv", "-layer", *LAYERS,
                   "--threads", str(a.threads), "-json", "-quiet"]
        speed = dgemm_speed(env)
        forward, forward_cpu, _, _ = timed([program, "act", *network, "-pool", "max", "-out", "pooled.act.h5"], env)
        run, run_cpu, peak, said = timed(
            [program, "rdm", *network, "-metric", a.metric, "--memory", a.memory, "-out", "all.rdm.h5"], env)
        speed = [max(pair) for pair in zip(speed, dgemm_speed(env))]
        for name in ("pooled.act.h5", "all.rdm.h5"):
            os.unlink(name)
    floor, floor_cpu = (a.images ** 2 * sum(LAYERS.values()) / x for x in speed)
    print("images   %d x %d units, %d threads; dgemm %.1f GFLOP/s, %.1f a processor second"
          % (a.images, sum(LAYERS.values()), a.threads, speed[0] / 1e9, speed[1] / 1e9))
    print("forward  %.1f s, %.1f processor seconds" % (forward, forward_cpu))
    print("floor    %.1f s, %.1f" % (floor, floor_cpu))
    print("run      %.1f s, %.1f (pass %.1f s): %.2f x (forward + floor), %.2f x of processor seconds"
          % (run, run_cpu, said["pass_seconds"], run / (forward + floor), run_cpu / (forward_cpu + floor_cpu)))
    print("memory   planned %.1f MB, peak %.1f MB: %.3f of the plan; scratch %.1f MB"
          % (said["planned_bytes"] / 1e6, peak / 1e6, peak / said["planned_bytes"], said["scratch_bytes"] / 1e6))


if __name__ == "__main__":
    main()
