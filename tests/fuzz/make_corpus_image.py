"""Writes the seeds of fuzz_image: the odd images of the differential test, at their smallest."""
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "golden"))
import image_samples  # noqa: E402

folder = os.path.join(here, "corpus", "image")
os.makedirs(folder, exist_ok=True)
seeds = list(image_samples.samples(small=True))
seeds += [("bad_" + name, data) for name, data, _ in image_samples.broken(small=True)]
for name, data in seeds:
    if 0 < len(data) <= 2500:
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)
