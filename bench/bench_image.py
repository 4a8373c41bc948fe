"""Images per second: decode + resize to 224x224 + normalise, ours against Pillow + numpy, same files,
same run. usage: DNB_BUILD=build/release python3 bench/bench_image.py [count] [width] [height]"""
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden"))
import image_samples  # noqa: E402

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def pillow(paths):
    mean, std = (np.array(v, np.float32)[:, None, None] for v in (MEAN, STD))
    out = np.empty((len(paths), 3, 224, 224), np.float32)
    start = time.perf_counter()
    for i, path in enumerate(paths):
        im = Image.open(path).convert("RGB").resize((224, 224), Image.BILINEAR)
        a = np.asarray(im).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
        out[i] = (a - mean) / std
    return time.perf_counter() - start


def ours(paths, threads):
    probe = os.path.join(os.environ["DNB_BUILD"], "tests", "probe_image")
    numbers = [threads, 0, 32, 224, 224, 0, 1, *MEAN, *STD]
    run = subprocess.run([probe, "load", *map(str, numbers), "-"], input="\n".join(paths).encode(),
                         stdout=subprocess.PIPE, check=True)
    return float(run.stdout.split()[-1])


def main():
    count, width, height = [int(v) for v in sys.argv[1:4]] + [200, 500, 375][len(sys.argv) - 1:]
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i in range(count):
            paths.append(os.path.join(folder, f"{i}.jpg"))
            Image.fromarray(image_samples.picture(width, height, seed=i)).save(paths[-1], quality=90)
        size = sum(map(os.path.getsize, paths)) / count / 1000
        print(f"{count} JPEGs of {width}x{height}, {size:.0f} kB each; best of 5, images per second")
        best = {}
        for _ in range(5):
            for name, run in (("Pillow + numpy", pillow), ("in the caller's thread", lambda p: ours(p, 0)),
                              ("1 loader thread", lambda p: ours(p, 1)),
                              ("2 loader threads", lambda p: ours(p, 2))):
                best[name] = min(best.get(name, 1e9), run(paths))
        for name, seconds in best.items():
            print(f"{name:24} {count / seconds:8.1f}  {best['Pillow + numpy'] / seconds:5.2f}x")


if __name__ == "__main__":
    main()
