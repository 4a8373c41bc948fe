"""outputs.py: with -json and -quiet every command prints one JSON object and nothing else; every file it lists
is there and carries its provenance, each kind of file in its own way. Paths and layers have names that a
careless printf, shell or XML writer would trip over.

Environment: DNNBRAIN the program, DNB_FIXTURES the files of fixtures.py. Exit 77: those or a package are missing."""
import html
import json
import os
import re
import subprocess
import sys
import tempfile

try:
    import h5py
    import nibabel
    import numpy as np
    from PIL import Image
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

PROGRAM, FIXTURES = os.environ["DNNBRAIN"], os.environ["DNB_FIXTURES"]
ODD = "o%s & <\"ü'> dir"  # a folder's name
LAYER = "block %d/ré<lu>&\"1'"

COMMANDS = [
    ["dnn_act", "-net", "net.onnx", "-layer", "conv1", "fc", "-stim", "pictures.stim.csv", "-out", ODD + "/act.act.h5"],
    ["dnn_act", "-net", "net.onnx", "-layer", "fc", "-stim", "pictures.stim.csv", "-compress", "-out", ODD + "/packed.act.h5"],
    ["dnn_mask", "-act", "layers.act.h5", "-layer", "conv", "-chn", "2", "-out", ODD + "/mask.act.h5"],
    ["dnn_pool", "-act", "layers.act.h5", "-layer", "conv", "-meth", "L2", "-out", ODD + "/pool.act.h5"],
    ["dnn_fe", "-act", "layers.act.h5", "-meth", "psd", "3", "-out", ODD + "/fe.act.h5"],
    ["dnn_rsa", "-act", "layers.act.h5", "-out", ODD + "/dnn.rdm.h5", "-fig", ODD + "/dnn.png"],
    ["dnn_rsa", "-act", "layers.act.h5", "-order", "twelve.stim.csv", "-out", ODD + "/dnn.rdm.h5", "-fig", ODD + "/dnn.svg"],
    ["dnn_rsa", "-act", "layers.act.h5", "-cate", "twelve.stim.csv", "-out", ODD + "/dnn.rdm.h5", "-fig", ODD + "/dnn.pdf"],
    ["brain_rsa", "-nif", "bold.nii.gz", "-bmask", "rois.nii.gz", "-out", ODD + "/brain.rdm.h5"],
    ["brain_roi", "-nif", "bold.nii.gz", "-mask", "rois.nii.gz", "-out", ODD + "/brain.roi.h5"],
    ["dnnbrain", "rsa", "-drdm", "dnn.rdm.h5", "-brdm", "brain.rdm.h5", "-permute", "20", "-boot", "5", "-out", ODD + "/rsa"],
    ["dnn_view", "-net", "net.onnx", "-layer", "conv1", "-chn", "1", "-stim", "two.stim.csv", "-out", ODD + "/maps"],
    ["dnn_view", "-net", "net.onnx", "-layer", "pool1", "-chn", "8", "1", "-stim", "two.stim.csv", "-format", "svg", "-out", ODD + "/maps"],
    ["dnnbrain", "group", "-scores", "group/s1.nii.gz", "group/s2.nii.gz", "-permute", "0", "-out", ODD + "/maps_of_group"],
    ["dnnbrain", "group", "-scores", "group/s1.tsv", "group/s2.tsv", "-permute", "0", "-out", ODD + "/group", "-fig", ODD + "/group.svg"],
    # Layers with odd names, through every command that takes them, written by the one before.
    ["dnn_mask", "-act", "odd.act.h5", "-layer", LAYER, "-out", ODD + "/odd.act.h5"],
    ["dnn_rsa", "-act", ODD + "/odd.act.h5", "-layer", LAYER, "-out", ODD + "/odd.rdm.h5", "-fig", ODD + "/odd.svg"],
    ["dnnbrain", "rsa", "-drdm", ODD + "/odd.rdm.h5", "-brdm", "brain.rdm.h5", "-layer", LAYER, "-permute", "20", "-figformat", "svg",
     "-out", ODD + "/odd"],
    ["dnnbrain", "demo", "-each", "2", "-out", ODD + "/demo"],
    ["db_info", ODD + "/act.act.h5"], ["db_info", ODD + "/brain.roi.h5"], ["db_info", ODD + "/odd.rdm.h5"], ["db_info", "units.dmask.csv"],
    ["db_info", "meta.stim.csv"], ["db_info", ODD + "/demo/brain.nii.gz"], ["db_info", "net.onnx"],
]


def hdf5(path):
    with h5py.File(path) as f:
        return f.attrs["provenance"]


def nifti(path):
    return next(e.get_content().decode().rstrip("\0") for e in nibabel.load(path).header.extensions)


def picture(path):
    with Image.open(path) as image:
        image.load()
        return image.info["provenance"] if path.endswith(".png") else image.info["comment"].decode()


def text(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def svg(path):
    from xml.etree import ElementTree
    root = ElementTree.fromstring(text(path))
    return "".join(next(e for e in root.iter() if e.tag.endswith("metadata")).itertext()).strip()


def pdf(path):
    with open(path, "rb") as f:
        data = f.read()
    subject = re.search(rb"/Subject (<[0-9A-Fa-f\s]*>|\((?:\\.|[^\\)])*\))", data, re.S).group(1)
    if subject.startswith(b"<"):
        return bytes.fromhex(subject[1:-1].decode()).decode("utf-16")
    return re.sub(rb"\\(.)", rb"\1", subject[1:-1]).decode()


def header_line(path):
    return json.dumps(json.loads(re.search(r"^provenance=(.*)$", text(path), re.M).group(1)))


HOW = {".h5": hdf5, ".nii.gz": nifti, ".png": picture, ".jpg": picture, ".svg": svg, ".pdf": pdf, ".stim.csv": header_line,
       ".tsv": lambda p: text(p).splitlines()[0].split("provenance: ", 1)[1], ".json": lambda p: json.dumps(json.loads(text(p))["provenance"]),
       ".html": lambda p: html.unescape(re.search(r'<meta name="provenance" content="([^"]*)">', text(p)).group(1))}


def check_provenance(path, words):
    if path.endswith(".onnx"):
        return []
    how = next((f for suffix, f in HOW.items() if path.endswith(suffix)), None)
    if not how:
        return ["%s: of no kind whose provenance is known" % path]
    try:
        made = json.loads(how(path))
    except Exception as e:  # whatever is wrong with the file is the answer
        return ["%s: no provenance in it: %r" % (path, e)]
    missing = [w for w in words[1:] if w not in made["command"] and json.dumps(w) not in made["command"] and "'" not in w]
    return ["%s: its provenance lacks %s: %s" % (path, missing, made["command"])] if missing or "program" not in made else []


def check(words):
    command = [os.path.join(os.path.dirname(PROGRAM), words[0]), *words[1:], "-json", "-quiet"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False)
    problems = []
    if done.returncode != 0 or done.stderr:
        problems.append("exit %d, %r on stderr" % (done.returncode, done.stderr))
    try:
        summary = json.loads(done.stdout)
    except ValueError as e:
        return problems + ["not one JSON object: %s\n%s" % (e, done.stdout)]
    if summary.get("ok") is not True or len(json.loads(done.stdout, object_pairs_hook=list)) != len(summary):
        problems.append("not ok, or a key twice: " + done.stdout)
    for path in summary.get("outputs", []):
        problems += check_provenance(path, words)
    if words[0] != "db_info" and not summary.get("outputs"):
        problems.append("lists no output")
    return problems


def main():
    if not os.path.exists(os.path.join(FIXTURES, "layers.act.h5")):
        print("skipped: the fixtures could not be made")
        return 77
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in os.listdir(FIXTURES):
            os.symlink(os.path.join(FIXTURES, name), name)
        os.mkdir(ODD)
        with h5py.File("odd.act.h5", "w") as f:
            f[LAYER] = np.random.default_rng(1).standard_normal((8, 3, 2, 2)).astype(np.float32)
        with open("meta.stim.csv", "w", encoding="utf-8") as f:
            f.write("type=image\npath=img\nok=no\ncommand=other\nname=\"x\" <y>\ndata=stimID\np01.png\n")
        for words in COMMANDS:
            problems = check(words)
            if problems:
                failures += 1
                print("%s\n  %s" % (" ".join(words), "\n  ".join(problems)))
        left = [f for _, _, names in os.walk(ODD) for f in names if ".tmp-" in f or f.endswith(".part")]
        if left:
            failures += 1
            print("left behind:", left)
        os.chdir("/")
    print("%d commands, %d wrong" % (len(COMMANDS), failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
