"""The data room's files against h5py and numpy, both ways: what they write we read, what we write they read."""
import os
import subprocess
import sys
import tempfile

from golden import data_dir

try:
    import h5py
    import numpy as np
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

PROBE = os.path.join(os.environ["DNB_BUILD"], "tests", "probe_data")
rng = np.random.default_rng(1)
checks = 0


server = subprocess.Popen([PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def probe(*args, ok=True):
    """One command to the probe, which runs all along; returns what it printed."""
    server.stdin.write(("\t".join(map(str, args)) + "\n").encode())
    server.stdin.flush()
    lines = []
    while True:
        line = server.stdout.readline().decode()
        assert line, (args, "the probe died", server.wait())
        if line.startswith("#end "):
            break
        lines.append(line)
    out = "".join(lines)
    assert (int(line.split()[1]) == 0) == ok, (args, line, out[-500:])
    return out


def same(a, b, what):
    global checks
    checks += 1
    assert a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True), what


def rule(shape, d, dtype):
    n = int(np.prod(shape))
    return ((np.arange(n) % 1009) * 0.5 - d).astype(dtype).reshape(shape)


def weighted(a):
    return float(np.sum(a.ravel() * (np.arange(a.size) % 7 + 1)))


def check_act_read(path, arrays):
    """arrays: name -> array, in the order we must list them."""
    lines = probe("act-read", path).splitlines()
    for i, (name, a) in enumerate(arrays):
        four = a.reshape(a.shape + (1,) * (4 - a.ndim))
        assert lines[i] == " ".join([name, *map(str, four.shape)]), lines[i]
        with np.errstate(over="ignore"):
            want = four.astype(np.float32)
        same(np.fromfile(f"{path}.{i}.bin", np.float32).reshape(four.shape), want, (path, name))
        flat = want.reshape(len(want), -1)
        if flat.shape[1] > 2:
            got = np.fromfile(f"{path}.{i}.part", np.float32).reshape(len(want), -1)
            same(got, flat[:, 1:-1], (path, name, "units"))
    return lines[-1]


def test_act_read(folder):
    shapes = {"conv5": (7, 16, 5, 6), "fc": (7, 40, 1, 1), "two": (7, 33), "three": (7, 4, 9), "one": (7,)}
    types = ["<f4", "<f8", "<f2", ">f4", ">f8", ">f2", "<i4", ">i2", "|u1", "|i1", "<u8", "<i8", "<u4", "<u2"]
    for k, t in enumerate(types):
        for extra in ({}, {"compression": "gzip"}, {"compression": "gzip", "compression_opts": 9, "shuffle": True},
                      {"chunks": True, "fletcher32": True}):
            path = os.path.join(folder, f"{k}{len(extra)}{'s' if 'shuffle' in extra else ''}.act.h5")
            arrays = []
            with h5py.File(path, "w") as f:
                for name, shape in shapes.items():
                    a = (rng.standard_normal(shape) * 50).astype(np.dtype(t)) if "f" in t else \
                        rng.integers(0, 100, shape).astype(np.dtype(t))
                    f.create_dataset(name, data=a, **extra)
                    arrays.append((name, a))
                nested = a[:, :, None][:, :2] if a.ndim > 1 else a
                f.create_dataset("blocks/0/conv", data=nested, **extra)
                arrays.append(("blocks/0/conv", nested))
            check_act_read(path, sorted(arrays, key=lambda x: x[0]))
    # Creation order is kept where the file tracks it; provenance is found; soft and external links are passed over.
    path = os.path.join(folder, "order.act.h5")
    with h5py.File(path, "w", track_order=True) as f:
        for name in ("z", "y", "a"):
            f[name] = np.full((3, 4), ord(name), np.float32)
        f.attrs["provenance"] = '{"a": 1}'
        f["soft"] = h5py.SoftLink("/z")
        f["outside"] = h5py.ExternalLink("/etc/passwd", "/x")
    last = check_act_read(path, [(n, np.full((3, 4), ord(n), np.float32)) for n in "zya"])
    assert last == 'provenance {"a": 1}', last
    # Chunks of every awkward shape; some never written; a block of something else before HDF5's own bytes.
    for block in (0, 1024):
        for libver in ("earliest", "latest"):
            path = os.path.join(folder, f"chunks{block}{libver}.act.h5")
            arrays = []
            with h5py.File(path, "w", userblock_size=block, libver=libver, track_order=True) as f:
                for i, chunk in enumerate(((2, 5, 2, 4), (7, 16, 5, 6), (1, 16, 5, 6), (5, 1, 1, 1), (7, 1, 5, 1), (3, 7, 3, 5))):
                    for extra in ({}, {"compression": "gzip", "shuffle": True}, {"shuffle": True}):
                        a = rng.standard_normal((7, 16, 5, 6)).astype("f4")
                        arrays.append((f"{i}{len(extra)}", a))
                        f.create_dataset(arrays[-1][0], data=a, chunks=chunk, **extra)
                holes = f.create_dataset("holes", (7, 16, 5, 6), "f4", chunks=(1, 8, 5, 6), compression="gzip", fillvalue=3)
                a = np.full((7, 16, 5, 6), 3, "f4")
                holes[3] = a[3] = rng.standard_normal((16, 5, 6)).astype("f4")
                arrays.append(("holes", a))
            check_act_read(path, arrays)
    # The newest file format, and values that overflow float32.
    path = os.path.join(folder, "latest.act.h5")
    big = np.array([[1e300, -1e300, np.nan, 1.5]])
    with h5py.File(path, "w", libver="latest") as f:
        f.create_dataset("x", data=big, chunks=(1, 2), maxshape=(None, None))
        for i in range(100):
            f[f"many/{i:03d}"] = np.float32([[i]])
    check_act_read(path, [(f"many/{i:03d}", np.float32([[i]])) for i in range(100)] + [("x", big)])


def test_act_write(folder):
    shapes = {"zz_first": (64, 55, 55), "block/conv1": (3, 5, 7), "block/deep/conv2": (1, 700, 701),
              "fc \u00e9": (4096, 1, 1)}
    for level in (0, 1, 4, 9):
        for n in (1, 6):
            path = os.path.join(folder, f"w{level}{n}.act.h5")
            probe("act-write", path, level, n)
            with h5py.File(path, "r") as f:
                assert sorted(f.keys()) == ["block", "fc \u00e9", "zz_first"], list(f.keys())
                assert f.attrs["provenance"] == '{"program":"probe"}'
                for d, (name, shape) in enumerate(shapes.items()):
                    assert f[name].compression == ("gzip" if level else None)
                    same(f[name][...], rule((n,) + shape, d, np.float32), (level, name))
            check_act_read(path, [(m, rule((n,) + s, d, np.float32)) for d, (m, s) in enumerate(shapes.items())])


def test_act_bad(folder):
    path = os.path.join(folder, "bad.act.h5")

    def expect(text, status="bad file format"):
        out = probe("act-read", path, ok=False)
        assert text in out and path in out and out.startswith(f"error {status}"), out

    with open(path, "wb") as f:
        f.write(b"plain text")
    expect("not an HDF5 file")
    with h5py.File(path, "w"):
        pass
    expect("holds no layer")
    for value, text in ((np.array([b"abc", b"d"]), "holds text"), (["vlen", "text"], "holds text"),
                        (np.zeros(3, [("a", "f4")]), "holds records"), (np.zeros((1, 2, 3, 4, 5), "f4"), "5 dimensions"),
                        (np.float32(3), "0 dimensions"), (np.zeros((0, 3), "f4"), "is empty"),
                        (np.array([True]), "enumeration"), (np.zeros(3, "c8"), "holds records")):
        with h5py.File(path, "w") as f:
            f["x"] = value
        expect(text)
    with h5py.File(path, "w") as f:
        f.create_dataset("x", data=np.zeros((4, 5), "f4"), compression="lzf")
    expect("filter 32000", "unsupported")
    with h5py.File(path, "w") as f:
        f.create_dataset("x", shape=(1 << 40, 1 << 20), dtype="f4", chunks=(1, 1024))
    expect("claims")
    with h5py.File(path, "w") as f:
        f.create_dataset("x", shape=(1 << 62, 4), dtype="f8", chunks=(1, 4))
    expect("2^63")
    probe("act-write", path, 0, 2)
    size = os.path.getsize(path)
    os.truncate(path, size - 100000)
    expect("truncated file")
    with h5py.File(path, "w") as f:  # groups in a circle
        f.create_group("a")["b"] = f["/"]
    expect("in a circle")
    with h5py.File(path, "w") as f:
        a, b = f.create_group("a"), f.create_group("b")
        a["x"] = a["y"] = b["x"] = b["y"] = f["/"]
    expect("in a circle")
    expect_missing = probe("act-read", path + ".none", ok=False)
    assert "No such file" in expect_missing


def test_roi(folder):
    path = os.path.join(folder, "t.roi.h5")
    names = ["V1", "V2 left", "r\u00e9gion", "x" * 300]
    data = rng.standard_normal((9, 4))
    forms = {"list": names, "vlen_utf8": np.array(names, dtype=h5py.string_dtype()),
             "vlen_ascii": np.array([n.encode() for n in names], dtype=h5py.string_dtype("ascii")),
             "fixed": np.array([n.encode() for n in names]),
             "fixed_utf8": np.array([n.encode() for n in names], dtype=h5py.string_dtype("utf-8", 400))}
    for form, value in forms.items():
        for d in (data, data.astype("f4"), (data * 10).astype("i2"), data.astype(">f8")):
            for extra in ({"compression": "gzip"}, {}):
                with h5py.File(path, "w") as f:
                    f.attrs["roi"] = value
                    f.create_dataset("data", data=d, **extra)
                    f["notes"] = "not our business"
                out = probe("roi-read", path).split("\n")
                assert out[0].split()[:2] == ["9", "4"]
                assert abs(float(out[0].split()[2]) - weighted(d.astype("f8"))) < 1e-9, form
                assert out[1:5] == names, (form, out)
    with h5py.File(path, "w") as f:  # one ROI as scalar text and 1-D data
        f.attrs["roi"] = "V1"
        f["data"] = data[:, 0]
    assert probe("roi-read", path).splitlines()[1:] == ["V1"]
    for n_vol, n_roi in ((3, 1), (4, 3500), (2, 3501), (3, 4095), (3, 4096), (2, 100000)):
        for level in (0, 4):
            probe("roi-write", path, n_vol, n_roi, level)
            want = [f"roi_{i}" if i % 3 else f"r\u00e9gion {i}" for i in range(n_roi)]
            with h5py.File(path, "r") as f:
                assert list(f.keys()) == ["data"] and f["data"].compression == ("gzip" if level else None)
                same(f["data"][...], rule((n_vol, n_roi), 0, "f8"), "roi data")
                assert list(f.attrs["roi"]) == want, "roi names"
            assert probe("roi-read", path).splitlines()[1:] == want
    with h5py.File(path, "w", libver="latest", track_order=True) as f:  # 100,000 names as h5py can write them
        f.attrs["roi"] = np.array(want, dtype=h5py.string_dtype())
        f["data"] = np.zeros((1, len(want)))
    assert probe("roi-read", path).splitlines()[1:] == want
    for prepare, text in ((lambda f: None, "no root attribute 'roi'"),
                          (lambda f: f.attrs.update(roi=["a"]), "no dataset 'data'"),
                          (lambda f: (f.attrs.update(roi=["a", "b"]), f.update({})), "no dataset 'data'"),
                          (lambda f: (f.attrs.update(roi=[1, 2]), f.create_dataset("data", data=data)), "is not text"),
                          (lambda f: (f.attrs.update(roi=["a"]), f.create_dataset("data", data=data)), "names 1 ROIs")):
        with h5py.File(path, "w") as f:
            prepare(f)
        out = probe("roi-read", path, ok=False)
        assert text in out, out


def test_rdm(folder):
    path = os.path.join(folder, "t.rdm.h5")
    for level in (0, 4):
        for kind in ("bRDM", "dRDM"):
            probe("rdm-write", path, kind, level)
            with h5py.File(path, "r") as f:
                assert f.attrs["type"] == kind and f.attrs["provenance"] == '{"seed":7}'
                shape = (4186,) if kind == "bRDM" else (3, 4186)
                same(f["conv1/relu"][...], rule(shape, 0, "f8"), kind)
                same(f["a"][...], rule(shape[:-1] and (1, 1) or (1,), 1, "f8"), kind)
            assert probe("rdm-read", path).split()[0] == kind
    b, d = rng.standard_normal(4186), rng.standard_normal((5, 10))
    with h5py.File(path, "w") as f:
        f.attrs["type"] = "bRDM"
        f.create_dataset("hIT", data=b, compression="gzip")
    out = probe("rdm-read", path).split()
    assert out[:5] == ["bRDM", "hIT", "1", "4186", "92"] and abs(float(out[5]) - weighted(b)) < 1e-9
    with h5py.File(path, "w") as f:
        f.attrs["type"] = np.bytes_("dRDM")
        f.create_dataset("conv5", data=d.astype("f4"), compression="gzip")
    out = probe("rdm-read", path).split()
    assert out[:5] == ["dRDM", "conv5", "5", "10", "5"]
    assert abs(float(out[5]) - weighted(d.astype("f4").astype("f8"))) < 1e-9
    for attr, data, text in ((None, b, "'type' is missing"), ("xRDM", b, "'type' is 'xRDM'"),
                             ("bRDM", d, "2 dimensions"), ("dRDM", b, "1 dimensions"),
                             ("bRDM", b[:4185], "4185 pairs"), (7, b, "is not text")):
        with h5py.File(path, "w") as f:
            if attr is not None:
                f.attrs["type"] = attr
            f["k"] = data
        assert text in probe("rdm-read", path, ok=False), text
    real = data_dir("brain", "objects92.rdm.h5")
    if real:
        out = probe("rdm-read", real).splitlines()
        with h5py.File(real, "r") as f:
            for line, key in zip(out[1:], f):
                assert line.split()[:4] == [key, "1", "4186", "92"], line
                assert abs(float(line.split()[4]) - weighted(f[key][...])) < 1e-6


def test_npy(folder):
    source, copy = os.path.join(folder, "s.npy"), os.path.join(folder, "c.npy")
    for t in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"):
        for order in "<>":
            for shape in ((), (0,), (5,), (3, 4), (2, 0, 3), (2, 3, 4), (2, 1, 3, 2, 1, 2, 1, 3)):
                for fortran in (False, True):
                    for version in ((1, 0), (2, 0), (3, 0)) if shape == (3, 4) else ((1, 0),):
                        a = np.asarray(rng.integers(0, 2 if t == "?" else 100, shape)).astype(np.dtype(order + t))
                        a = np.asfortranarray(a) if fortran else a
                        with open(source, "wb") as f:
                            np.lib.format.write_array(f, a, version=version)
                        out = probe("npy-copy", source, copy)
                        assert out.split()[0] == a.dtype.newbyteorder("=").name, out
                        back = np.load(copy)
                        same(back, a.astype(a.dtype.newbyteorder("<")), (t, shape, fortran))
    a = np.asfortranarray(rng.standard_normal((300, 200)))
    np.save(source, a)
    probe("npy-copy", source, copy)
    same(np.load(copy), np.ascontiguousarray(a), "fortran")
    for value, text in ((np.array(["a"]), "'<U1'"), (np.array([1j]), "'<c16'"), (np.zeros(2, [("a", "f4")]), "structured"),
                        (np.zeros((1,) * 9), "dimensions")):
        np.save(source, value)
        out = probe("npy-copy", source, copy, ok=False)
        assert text in out and source in out, out
    np.save(source, np.zeros(100))
    for cut in (3, 9, 60, 500):
        blob = open(source, "rb").read()[:cut]
        open(source + ".cut", "wb").write(blob)
        assert "cut off" in probe("npy-copy", source + ".cut", copy, ok=False)


def test_stim(folder):
    """The reference's way of reading: header lines split at '=', rows split at ','."""
    source, copy = os.path.join(folder, "s.stim.csv"), os.path.join(folder, "c.stim.csv")
    text = "type=image\npath=/data/x\ntitle=two words\ndata=stimID,label,condition,RT\na b.jpg,3,cat,0.1\nb.jpg,-4,,1e-300\n"
    open(source, "w").write(text)
    assert probe("stim-copy", source, copy) == "image 2 /data/x\n"
    assert open(copy).read() == text, open(copy).read()
    real = data_dir("stimuli", "objects92.stim.csv")
    if real:
        out = probe("stim-copy", real, copy).split()
        assert out[:2] == ["image", "92"] and os.path.isdir(out[2])
        assert open(copy).read() == open(real).read()


with tempfile.TemporaryDirectory() as top:
    for test in (test_act_read, test_act_write, test_act_bad, test_roi, test_rdm, test_npy, test_stim):
        folder = os.path.join(top, test.__name__)
        os.mkdir(folder)
        test(folder)
        print(test.__name__, "ok", flush=True)
server.stdin.close()
assert server.wait() == 0
print(checks, "arrays compared")
