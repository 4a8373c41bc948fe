"""dnn_rsa and dnn_fe straight from stimuli against the same by way of an activation file: equal bits, whatever is
kept where; dnn_act -project against NumPy's distances."""
import itertools
import json
import os
import subprocess
import sys

from golden import *

try:
    import h5py
    import onnx  # noqa: F401  (fixtures.py needs it)
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

sys.path.insert(0, os.path.join(os.environ["DNB_SOURCE"], "tests", "cli"))
from fixtures import LABELS, network, pictures, stim, write

PROGRAM = os.environ["DNNBRAIN"]
N = 40  # pictures


def run(command, line):
    done = subprocess.run([PROGRAM, command, *line.split(), "-quiet", "-json"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError("%s %s\nexit %d\n%s" % (command, line, done.returncode, done.stderr))
    return json.loads(done.stdout)


def same(a, b, what):
    with h5py.File(a) as x, h5py.File(b) as y:
        expect(list(x) == list(y), what + ": layers")
        for key in x:
            expect(x[key].shape == y[key].shape and np.array_equal(x[key][()], y[key][()], equal_nan=True), "%s: %s" % (what, key))
        given, seen = (json.loads(f.attrs["provenance"]) for f in (x, y))
        expect(seen["net"] == "net" and seen["weights_xxh128"] and seen["stimuli_xxh128"] in given["act_provenance"],
               what + ": provenance")


def from_stimuli():
    """Each analysis three ways: by a file, in memory, with a byte too little for that."""
    units = {"all": "-layer conv1 conv2_relu fc", "chn": "-layer conv1 conv2 -chn 6 2", "dmask": "-dmask units.dmask.csv"}
    rdm = ["-metric euclidean", "-metric correlation -zscore", "-metric cityblock -cate pictures.stim.csv",
           "-metric cosine -iteraxis channel", "-metric euclidean -iteraxis row_col -cate pictures.stim.csv"]
    fe = ["-meth pca 3", "-meth pca 0.9", "-meth hist 4 -axis row_col", "-meth psd 1", "-meth pca 2 -axis chn"]
    seen = "-net net.onnx -stim pictures.stim.csv "
    for (kind, chosen), pool in itertools.product(units.items(), ("", "-pool L2")):
        run("act", "%s %s %s -out given.act.h5" % (seen, chosen, pool))
        for command, options in [("rdm", o) for o in rdm] + [("fe", o) for o in fe]:
            # One number a channel is no pattern of its own; two channels give no third component.
            if (pool and ("iteraxis channel" in options or "row_col" in options)) or (kind != "all" and "3" in options):
                continue
            what = "%s %s %s %s" % (command, kind, pool, options)
            run(command, "-act given.act.h5 %s -out file.h5" % options)
            said = run(command, "%s %s %s %s -out memory.h5" % (seen, chosen, pool, options))
            expect(said["scratch_bytes"] == 0, what + ": all in memory")
            same("file.h5", "memory.h5", what)
            if os.path.getsize("given.act.h5") < 400000:  # no less memory would do
                continue
            said = run(command, "%s %s %s %s -memory %d -scratch . -out scratch.h5"
                       % (seen, chosen, pool, options, said["planned_bytes"] - 1))
            same("file.h5", "scratch.h5", what + ", less memory")
            expect(said["scratch_bytes"] > 0, what + ": a scratch file")


def projections():
    """Distances on a thousand stimuli of random numbers are test_sinks's; here, that files hold what they should."""
    seen = "-net net.onnx -stim pictures.stim.csv -layer conv1 flat "
    run("act", seen + "-out all.act.h5")
    run("act", seen + "-project 300 -seed 7 -out p.act.h5")
    run("act", seen + "-project 300 -seed 7 -batch 2 -threads 1 -out q.act.h5")
    run("act", seen + "-project 300 -seed 7 -projection achlioptas -out r.act.h5")
    run("act", seen + "-project 300 -seed 8 -out s.act.h5")
    with h5py.File("all.act.h5") as a, h5py.File("p.act.h5") as p, h5py.File("q.act.h5") as q, \
            h5py.File("r.act.h5") as r, h5py.File("s.act.h5") as s:
        for key in ("conv1", "flat"):
            expect(p[key].shape == (N, 300, 1, 1), key + ": shape")
            expect(np.array_equal(p[key], q[key]), key + ": batches and threads")
            expect(not np.array_equal(p[key], s[key]), key + ": seed")
            for kind, f in (("li", p), ("achlioptas", r)):
                x, y = (np.asarray(g[key], np.float64).reshape(N, -1) for g in (a, f))
                before, after = (((m[:, None] - m[None]) ** 2).sum(2)[np.triu_indices(len(m), 1)] for m in (x, y))
                expect(abs((after / before).mean() - 1) < 0.1, "%s %s: mean ratio %g" % (key, kind, (after / before).mean()))
        expect("li, 300 features, seed 7" == json.loads(p.attrs["provenance"])["projection"], "provenance of a projection")


with own_folder():
    network("net.onnx")
    names = pictures(".", N)
    stim("pictures.stim.csv", names, label=(LABELS * N)[:N])
    write("units.dmask.csv", b"conv1=chn,row\n4,2,7\n3,1,9,16\nconv2_relu=col\n2,5,1\n")
    from_stimuli()
    projections()
finish()
