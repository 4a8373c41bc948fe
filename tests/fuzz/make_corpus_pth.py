"""Writes the seeds of fuzz_pth: small checkpoints of every form torch.save knows, whole and damaged.
Usage: make_corpus_pth.py [folder], default corpus/pth beside this script. The content is fixed, but
legacy files name storages by address and zip files carry the time."""
import collections
import io
import os
import pickle
import sys
import zipfile

import numpy as np
import torch

out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "pth")
os.makedirs(out, exist_ok=True)
torch.manual_seed(0)


def write(name, data):
    with open(os.path.join(out, name), "wb") as f:
        f.write(data)


def saved(what, **kw):
    f = io.BytesIO()
    torch.save(what, f, **kw)
    return f.getvalue()


LEGACY = {"_use_new_zipfile_serialization": False}
small = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 2), torch.nn.BatchNorm2d(2)).state_dict()
base = torch.arange(12, dtype=torch.float32)
views = {"whole": base, "part": base[3:7], "turned": base.view(3, 4).t(), "scalar": base[5], "none": base[:0]}
types = {str(t): torch.ones(2, dtype=t) for t in
         (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)}
checkpoint = {"epoch": 3, "best": torch.tensor(0.5), "loss": np.float64(1.5), "size": torch.Size([1, 2]),
              "state_dict": collections.OrderedDict(("module." + k, v) for k, v in small.items())}
parameter = {"w": torch.nn.Parameter(torch.ones(2))}

for name, what in [("module", small), ("views", views), ("types", types), ("checkpoint", checkpoint), ("parameter", parameter)]:
    write(name + "_zip", saved(what))
    write(name + "_legacy", saved(what, **LEGACY))
for protocol in (2, 3, 4, 5):
    write(f"protocol{protocol}", saved(views, pickle_protocol=protocol))

# The same archive, compressed.
f = io.BytesIO()
with zipfile.ZipFile(io.BytesIO(saved(small))) as z, zipfile.ZipFile(f, "w", zipfile.ZIP_DEFLATED) as packed:
    for info in z.infolist():
        packed.writestr(info.filename, z.read(info))
write("deflated_zip", f.getvalue())


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


write("evil_zip", saved({"x": Evil()}))
write("evil_legacy", saved({"x": Evil()}, **LEGACY))
write("cut_zip", saved(small)[:-30])
write("cut_legacy", saved(small, **LEGACY)[:-5])
write("bare_pickle", pickle.dumps({"a": [1, 2.5, "x", None, True, (1,), b"y", {3}]}, 0))
