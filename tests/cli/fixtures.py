"""fixtures.py FOLDER: the small files that the command-line cases work on, good ones and bad ones; seeded.

  img/ pictures.stim.csv     7 pictures (png, jpg, one grey), labels 3 1 2 1 2 3 1, conditions, onsets
  two.stim.csv               the first two of them
  batch.npy flat.npy         2x3x16x16 and 2x48 numbers for `run`
  net.onnx                   3x16x16 -> conv1 (8) conv1_relu pool1 conv2 (6) conv2_relu flat fc (5)
  layers.act.h5              12 stimuli: conv 4x3x5 (gzip), fc 10x1x1; twelve.stim.csv labels them
  bold.nii.gz rois.nii.gz    6x5x4 voxels, 12 volumes; ROIs 1, 2 and 5
  dnn.rdm.h5 brain.rdm.h5    RDMs of conv, fc / ROIs 1, 2, 5 over 8 conditions
  twelve.roi.h5              12 responses of V1, V2, IT; behave.stim.csv: label, condition, RT, run of the same
                             stimuli; repeats.stim.csv: six stimuli shown twice;
                             seven.npy: responses to the 7 pictures
  group/                     scores of six subjects, s1 to s6: .tsv and .npy, and .nii.gz of two maps
  *.weights.h5               lrc, ridge: of fc (condition and label; RT); svc, voxels: of V1, V2, IT and of 3 voxels;
                             columns: V1 from RT
  units.dmask.csv            conv: channels 4 2, rows 3 1, columns 2 5 1; fc: everything
  bad/                       damaged and hostile files, named for what is wrong
The differential tests import the functions. Exit 77: a package is missing."""
import gzip
import os
import struct
import sys

try:
    import h5py
    import nibabel
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from PIL import Image
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

LABELS = [3, 1, 2, 1, 2, 3, 1]
CONDITIONS = ["house", "face", "tool", "face", "tool", "house", "face"]


def pictures(folder, n=7, seed=1):
    """n pictures of various sizes and kinds; returns their names."""
    rng = np.random.default_rng(seed)
    os.makedirs(os.path.join(folder, "img"), exist_ok=True)
    names = []
    for i in range(n):
        height, width = (int(x) for x in rng.integers(9, 40, 2))
        grid = np.linspace(0, 255, height)[:, None, None] * rng.random(3) + np.linspace(0, 255, width)[None, :, None] * rng.random(3)
        pixels = np.clip(grid / 1.5 + rng.normal(0, 30, (height, width, 3)), 0, 255).astype(np.uint8)
        image = Image.fromarray(pixels if i != 4 else pixels[:, :, 0])
        names.append("p%02d.%s" % (i + 1, "jpg" if i % 3 == 2 else "png"))
        image.save(os.path.join(folder, "img", names[-1]), quality=95)
    return names


def stim(path, ids, where="img", **columns):
    lines = ["type=image", "path=" + where, "data=" + ",".join(["stimID", *columns])]
    lines += [",".join(map(str, row)) for row in zip(ids, *columns.values())]
    write(path, ("\n".join(lines) + "\n").encode())


def write(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def network(path, size=16, operator="Relu", seed=2, channels=(8, 6, 5)):
    """A small convolutional network as ONNX; returns its weights."""
    rng = np.random.default_rng(seed)
    a, b, c = channels
    flat = b * (size // 2) ** 2
    weights = {"w1": rng.normal(0, .3, (a, 3, 3, 3)), "b1": rng.normal(0, .2, a), "w2": rng.normal(0, .2, (b, a, 3, 3)),
               "b2": rng.normal(0, .2, b), "w3": rng.normal(0, .1, (c, flat)), "b3": rng.normal(0, .2, c)}
    weights = {name: w.astype(np.float32) for name, w in weights.items()}
    node = helper.make_node
    nodes = [node("Conv", ["image", "w1", "b1"], ["conv1"], name="conv1", pads=[1] * 4, kernel_shape=[3, 3]),
             node(operator, ["conv1"], ["conv1_relu"], name="conv1_relu"),
             node("MaxPool", ["conv1_relu"], ["pool1"], name="pool1", kernel_shape=[2, 2], strides=[2, 2]),
             node("Conv", ["pool1", "w2", "b2"], ["conv2"], name="conv2", pads=[1] * 4, kernel_shape=[3, 3]),
             node("Relu", ["conv2"], ["conv2_relu"], name="conv2_relu"),
             node("Flatten", ["conv2_relu"], ["flat"], name="flat"),
             node("Gemm", ["flat", "w3", "b3"], ["fc"], name="fc", transB=1)]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, size, size])
    out = helper.make_tensor_value_info("fc", TensorProto.FLOAT, ["n", c])
    graph = helper.make_graph(nodes, "small", [image], [out], [numpy_helper.from_array(w, n) for n, w in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    write(path, model.SerializeToString())
    return weights


def activations(path, layers, **options):
    with h5py.File(path, "w") as f:
        for name, values in layers.items():
            f.create_dataset(name, data=values, **options)


def image(path, values):
    nibabel.save(nibabel.Nifti1Image(values, np.diag([2, 2, 2, 1.0])), path)


def brain(folder, n_vol, seed=4):
    """bold.nii.gz and rois.nii.gz; returns volumes and labels."""
    rng = np.random.default_rng(seed)
    bold = rng.normal(100, 10, (6, 5, 4, n_vol)).astype(np.float32)
    labels = np.zeros((6, 5, 4), np.int16)
    labels[:2], labels[3:5, 1:4], labels[5, :, :2] = 1, 2, 5
    image(os.path.join(folder, "bold.nii.gz"), bold)
    image(os.path.join(folder, "rois.nii.gz"), labels)
    return bold, labels


def rdms(path, kind, values):
    with h5py.File(path, "w") as f:
        f.attrs["type"] = kind
        for key, pairs in values.items():
            f[key] = pairs


def good(folder):
    rng = np.random.default_rng(3)
    stim(os.path.join(folder, "pictures.stim.csv"), pictures(folder), label=LABELS, condition=CONDITIONS,
         onset=[0, 2.5, 5, 7.5, 10, 12.5, 15])
    stim(os.path.join(folder, "two.stim.csv"), ["p01.png", "p02.png"])
    network(os.path.join(folder, "net.onnx"))
    np.save(os.path.join(folder, "batch.npy"), rng.standard_normal((2, 3, 16, 16), dtype=np.float32))
    np.save(os.path.join(folder, "flat.npy"), rng.standard_normal((2, 48), dtype=np.float32))
    activations(os.path.join(folder, "layers.act.h5"),
                {"conv": rng.standard_normal((12, 4, 3, 5)).astype(np.float32),
                 "fc": rng.standard_normal((12, 10, 1, 1)).astype(np.float32)}, compression="gzip")
    stim(os.path.join(folder, "twelve.stim.csv"), ["s%d.png" % i for i in range(12)], label=[2, 1, 3] * 4)
    write(os.path.join(folder, "units.dmask.csv"), b"conv=row,chn,col\n3,1\n4,2\n2,5,1\nfc=\n")
    brain(folder, 12)
    rdms(os.path.join(folder, "dnn.rdm.h5"), "dRDM", {k: rng.random((1, 28)) for k in ("conv", "fc")})
    rdms(os.path.join(folder, "brain.rdm.h5"), "bRDM", {k: rng.random(28) for k in ("1", "2", "5")})


def rois(path, names, values):
    with h5py.File(path, "w") as f:
        f.attrs.create("roi", names, dtype=h5py.string_dtype())
        f["data"] = values


def mapping(folder, bad):
    """Responses and behaviour for the 12 stimuli of layers.act.h5."""
    rng = np.random.default_rng(6)
    ids, values = ["s%d.png" % i for i in range(12)], rng.standard_normal((12, 3))
    names = ["V1", "V2", "IT"]
    rois(os.path.join(folder, "twelve.roi.h5"), names, values)
    np.save(os.path.join(folder, "seven.npy"), rng.standard_normal((7, 3)))
    rt = [float("%.3f" % x) for x in rng.random(12)]
    stim(os.path.join(folder, "behave.stim.csv"), ids, label=[1, 2] * 6, condition=["face", "house", "tool"] * 4, RT=rt,
         run=[1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])
    stim(os.path.join(folder, "repeats.stim.csv"), ["a%d.png" % (i % 6) for i in range(12)], RT=rt, image=[i % 6 for i in range(12)])
    stim(os.path.join(bad, "behave.stim.csv"), ids, label=[4] * 12, RT=["nan"] + rt[1:], half=[.5] * 12, rare=[1] + [2] * 11)
    rois(os.path.join(bad, "eleven.roi.h5"), names, values[:11])
    rois(os.path.join(bad, "flat.roi.h5"), names, np.ones((12, 3)))
    values[2, 1] = np.nan
    rois(os.path.join(bad, "nan.roi.h5"), names, values)
    volumes = rng.standard_normal((6, 5, 4, 12)).astype(np.float32)
    volumes[1, 2, 3, 4] = np.nan
    image(os.path.join(bad, "nan.nii.gz"), volumes)
    np.save(os.path.join(bad, "six.npy"), rng.standard_normal((6, 2)))
    np.save(os.path.join(bad, "cube.npy"), np.ones((12, 2, 2)))


def group(folder, bad):
    """group/: scores of six subjects, as tables (conv, fc by V1, V2, IT) and as images of two layers."""
    rng = np.random.default_rng(7)
    keys = [(l, r) for l in ("conv", "fc") for r in ("V1", "V2", "IT")]

    def table(path, rows, column="score"):
        write(path, "\n".join("%s\t%s\t%s" % row for row in [("layer", "target", column), *rows]).encode() + b"\n")

    os.makedirs(os.path.join(folder, "group"), exist_ok=True)
    for i in range(1, 7):
        rows = [(*key, "%.6f" % rng.normal(0.2, 0.15)) for key in keys]
        table(os.path.join(folder, "group", "s%d.tsv" % i), rows)
        np.save(os.path.join(folder, "group", "s%d.npy" % i), rng.normal(0.2, 0.2, (2, 4)))
        maps = rng.normal(0.2, 0.2, (6, 5, 4, 2)).astype(np.float32)
        maps[:, 0] = 0
        image(os.path.join(folder, "group", "s%d.nii.gz" % i), maps)
    table(os.path.join(bad, "lacks.tsv"), rows[:2] + rows[3:])
    table(os.path.join(bad, "twice.tsv"), rows + rows[3:4])
    table(os.path.join(bad, "words.tsv"), [(*key, "high") for key in keys])
    table(os.path.join(bad, "above_one.tsv"), [(*key, "1.2") for key in keys])
    table(os.path.join(bad, "infinite.tsv"), [(*key, "inf") for key in keys])
    np.save(os.path.join(bad, "three.npy"), np.ones((2, 3)))
    image(os.path.join(bad, "one_map.nii.gz"), maps[..., 0])
    nibabel.save(nibabel.Nifti1Image(maps, np.diag([2, 2, 2.5, 1.0])), os.path.join(bad, "elsewhere.nii.gz"))


def weights(path, model, source, targets, classes=None, features=None, **sets):
    """A file of weights; `sets` are shapes of datasets, '__' for the dot of a name."""
    rng = np.random.default_rng(7)
    with h5py.File(path, "w") as f:
        f.attrs.update({"type": "weights", "model": model, "input": source})
        layer = next(iter(sets)).split("__")[0]
        for name, texts in [("layers", [layer]), ("targets", targets), ("features", features or [])] + \
                [("classes." + t, c) for t, c in zip(targets, classes or [])]:
            if texts:
                f.attrs.create(name, texts, dtype=h5py.string_dtype())
        for name, shape in sets.items():
            values = np.array([[1, 2, 3], [0, 0, 0], [5, 4, 3]]) if name.endswith("voxel") else rng.standard_normal(shape)
            f[name.replace("__", ".")] = values


def saved_models(folder, bad):
    texts, whole, names = ["face", "house", "tool"], ["1", "2"], ["V1", "V2", "IT"]
    at = lambda name: os.path.join(folder, name + ".weights.h5")
    both = dict(fc__condition=(3, 10), fc__condition__intercept=3, fc__label=(1, 10), fc__label__intercept=1)
    weights(at("lrc"), "lrc", "activations", ["condition", "label"], [texts, whole], **both)
    weights(at("ridge"), "ridge", "activations", ["RT"], fc=(1, 10), fc__intercept=1)
    weights(at("svc"), "svc", "responses", ["condition"], [texts], names, resp__condition=(3, 3), resp__condition__intercept=3)
    weights(at("voxels"), "svc", "responses", ["condition"], [texts], resp__condition=(3, 3), resp__condition__intercept=3, feature__voxel=(3, 3))
    weights(at("columns"), "glm", "behaviour", ["V1"], None, ["RT"], beh=(1, 1), beh__intercept=1)
    at = lambda name: os.path.join(bad, name + ".weights.h5")
    weights(at("classes"), "lrc", "activations", ["condition", "label"], [texts], **both)
    weights(at("shape"), "svc", "activations", ["condition"], [whole], fc__condition=(3, 10), fc__condition__intercept=3)
    weights(at("intercept"), "ridge", "activations", ["RT"], fc=(1, 10))
    weights(at("model"), "forest", "activations", ["RT"], fc=(1, 10), fc__intercept=1)
    weights(at("variance"), "gnb", "activations", ["label"], [whole], fc__label__mean=(2, 10), fc__label__variance=(2, 10), fc__label__prior=2)
    weights(at("feature_names"), "svc", "responses", ["condition"], [texts], names[:2], resp__condition=(3, 3), resp__condition__intercept=3)


def lying_nifti(source, path, **fields):
    """An uncompressed copy whose header says something else; dim = the eight sizes."""
    with gzip.open(source) as f:
        data = bytearray(f.read())
    if "dim" in fields:
        data[40:56] = struct.pack("<8h", *fields["dim"])
    write(path, bytes(data[:fields.get("size", len(data))]))


def bad_images(folder, bad):
    with open(os.path.join(folder, "img", "p01.png"), "rb") as f:
        png = f.read()
    with open(os.path.join(folder, "img", "p03.jpg"), "rb") as f:
        jpg = f.read()
    for name, data in [("cut.png", png[:len(png) // 2]), ("cut.jpg", jpg[:len(jpg) // 2]), ("empty.png", b""),
                       ("garbage.jpg", bytes(range(256)) * 4), ("good.png", png)]:
        write(os.path.join(bad, "img", name), data)
    for name in ("missing.png", "cut.png", "cut.jpg", "empty.png", "garbage.jpg"):
        stim(os.path.join(bad, name + ".stim.csv"), ["good.png", name], where="bad/img")


def bad_networks(bad):
    network(os.path.join(bad, "operator.onnx"), operator="Mystery")
    with open(os.path.join(bad, "..", "net.onnx"), "rb") as f:
        write(os.path.join(bad, "cut.onnx"), f.read()[:1500])
    write(os.path.join(bad, "garbage.onnx"), b"this is not a network\n" * 40)


def bad_weights(bad):
    """.pth files for AlexNet; without torch they are left out and their cases skip."""
    try:
        import torch
    except ImportError:
        return

    class Hostile:
        def __reduce__(self):
            return os.system, ("touch pwned",)

    shapes = {"features.0.weight": (64, 3, 11, 11), "features.0.bias": (64,)}
    right = {name: torch.zeros(shape) for name, shape in shapes.items()}
    for name, what in [("missing", right), ("hostile", {"features.0.weight": Hostile()}),
                       ("shape", {**right, "features.0.weight": torch.zeros(64, 3, 7, 7)})]:
        torch.save(what, os.path.join(bad, name + ".pth"))
    torch.save({"features.0.weight": Hostile()}, os.path.join(bad, "hostile_legacy.pth"), _use_new_zipfile_serialization=False)
    with open(os.path.join(bad, "missing.pth"), "rb") as f:
        data = f.read()
    write(os.path.join(bad, "cut.pth"), data[:len(data) // 2])
    write(os.path.join(bad, "text.pth"), b"<html>404 not found</html>\n")


def bad_lists(folder, bad):
    def text(name, content):
        write(os.path.join(bad, name), content.encode())

    text("no_type.stim.csv", "path=bad/img\ndata=stimID\ngood.png\n")
    text("no_data.stim.csv", "type=image\npath=img\n")
    text("no_rows.stim.csv", "type=image\npath=bad/img\ndata=stimID\n")
    # what spreadsheets make of lists and tables
    text("semicolons.stim.csv", "type=image\npath=bad/img\ndata=stimID;label;RT\ngood.png;1;0,5\n")
    text("decimal_comma.stim.csv", "type=image\npath=bad/img\ndata=stimID,label,RT\ngood.png,1,0,5\n")
    text("quotes.stim.csv", 'type=image\npath=bad/img\ndata="stimID","label"\n"good.png","1"\n')
    text("semicolons.csv", "V1;V2\n" + "0,5;1,5\n" * 12)
    text("hash_na.csv", "V1,V2\n" + "".join("%d,%s\n" % (i % 5, "#N/A" if i == 3 else i) for i in range(12)))
    text("words.csv", "V1\n" + "high\nlow\n" * 6)
    text("few_fields.stim.csv", "type=image\npath=bad/img\ndata=stimID,label,RT\ngood.png,1,0.5\ngood.png,2\n")
    text("text_label.stim.csv", "type=image\npath=bad/img\ndata=stimID,label\ngood.png,face\n")
    text("video.stim.csv", "type=video\npath=film.mp4\ndata=stimID\n1\n")
    text("unlabelled.stim.csv", "type=image\npath=bad/img\ndata=stimID\n" + "good.png\n" * 12)
    text("zero.dmask.csv", "conv=chn\n0,1\n")
    text("beyond.dmask.csv", "conv=row\n4\n")
    text("other_layer.dmask.csv", "conv7=chn\n1\n")
    text("axis.dmask.csv", "conv=depth\n1\n")
    text("no_numbers.dmask.csv", "conv=chn\n")
    stim(os.path.join(bad, "eleven.stim.csv"), ["a.png"] * 11, label=[1] * 11)


def bad_brains(folder, bad):
    source = os.path.join(folder, "bold.nii.gz")
    lying_nifti(source, os.path.join(bad, "cut.nii"), size=2000)
    lying_nifti(source, os.path.join(bad, "huge.nii"), dim=[4, 30000, 30000, 30000, 12, 1, 1, 1])
    lying_nifti(source, os.path.join(bad, "negative.nii"), dim=[4, 6, -5, 4, 12, 1, 1, 1])
    with open(source, "rb") as f:
        data = f.read()
    write(os.path.join(bad, "cut.nii.gz"), data[:len(data) // 2])
    write(os.path.join(bad, "garbage.nii.gz"), b"not gzip at all " * 30)
    image(os.path.join(bad, "other_shape.nii.gz"), np.ones((6, 5, 3), np.int16))
    image(os.path.join(bad, "empty_mask.nii.gz"), np.zeros((6, 5, 4), np.int16))
    image(os.path.join(bad, "fraction_mask.nii.gz"), np.full((6, 5, 4), 0.5, np.float32))


def bad_hdf5(folder, bad):
    rng = np.random.default_rng(5)
    write(os.path.join(bad, "text.act.h5"), b"layer,value\n1,2\n" * 100)
    with open(os.path.join(folder, "layers.act.h5"), "rb") as f:
        write(os.path.join(bad, "cut.act.h5"), f.read()[:1800])
    write(os.path.join(bad, "empty.act.h5"), b"")
    activations(os.path.join(bad, "nothing.act.h5"), {})
    activations(os.path.join(bad, "uneven.act.h5"), {"a": np.ones((12, 3), np.float32), "b": np.ones((9, 3), np.float32)})
    activations(os.path.join(bad, "one.act.h5"), {"a": np.ones((1, 3), np.float32)})
    activations(os.path.join(bad, "text_layer.act.h5"), {"a": np.array([b"x", b"y"])})
    values = rng.standard_normal((6, 4, 2, 2)).astype(np.float32)
    values[2, 1, 0, 1] = np.nan
    activations(os.path.join(bad, "nan.act.h5"), {"a": values})
    rdms(os.path.join(bad, "pairs.rdm.h5"), "dRDM", {"conv": rng.random((1, 27))})
    rdms(os.path.join(bad, "seven.rdm.h5"), "bRDM", {"1": rng.random(21)})
    rdms(os.path.join(bad, "uneven.rdm.h5"), "dRDM", {"a": rng.random((1, 28)), "b": rng.random((1, 21))})
    nan = rng.random((1, 28))
    nan[0, 5] = np.nan
    rdms(os.path.join(bad, "nan.rdm.h5"), "dRDM", {"conv": nan})
    with h5py.File(os.path.join(bad, "no_type.rdm.h5"), "w") as f:
        f["conv"] = rng.random((1, 28))


def main(folder):
    bad = os.path.join(folder, "bad")
    os.makedirs(bad, exist_ok=True)
    good(folder)
    bad_images(folder, bad)
    bad_networks(bad)
    bad_weights(bad)
    bad_lists(folder, bad)
    bad_brains(folder, bad)
    bad_hdf5(folder, bad)
    mapping(folder, bad)
    group(folder, bad)
    saved_models(folder, bad)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: fixtures.py FOLDER")
    main(sys.argv[1])
