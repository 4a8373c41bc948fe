"""NIfTI reading and writing, brain images, masks and ROIs against nibabel and numpy.

Every image is made here with nibabel (or, for the way back, read with it), so the two programs see the
same bytes. Real data are used as well when they are there: DNB_TEST_DATA, else <source>/../shared/data.
"""
import gzip
import io
import os
import struct
import subprocess
import sys
import tempfile
import warnings

from golden import data_dir

try:
    import numpy as np
    import nibabel as nib
    from nibabel.nifti1 import Nifti1Extension
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

PROBE = os.path.join(os.environ["DNB_BUILD"], "tests", "probe_nifti")
RNG = np.random.default_rng(20240611)
DTYPES = ["u1", "i2", "i4", "f4", "f8", "i1", "u2", "u4", "i8", "u8"]
CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "u4": 768, "i8": 1024, "u8": 1280}
SHAPES = [(5, 4, 3), (5, 4, 3, 6), (7,), (3, 5), (1, 6, 1, 4), (4, 3, 2, 1), (2, 3, 4, 2, 3), (2, 1, 3, 1, 2, 1, 2)]
SCALINGS = [None, (2.5, -3.25), (0, 5), (np.nan, 1), (1, 7)]  # slope, intercept; None: as nibabel writes them
warnings.simplefilter("ignore")
checks = 0


def check(ok, *what):
    global checks
    checks += 1
    if not ok:
        print("FAILED:", *what)
        sys.exit(1)


def probe(*args, fail=None, env=None):
    """Standard output; with fail=text the command must fail with a message that contains it."""
    r = subprocess.run([PROBE] + [str(a) for a in args], capture_output=True, encoding="utf-8", errors="replace",
                       env={**os.environ, **(env or {})})
    if fail is None:
        check(r.returncode == 0, args, r.returncode, r.stderr)
    else:
        check(r.returncode == 1 and fail in r.stderr, args, "expected", fail, "got", r.returncode, r.stderr)
    return r.stdout


def info(path):
    """`info` as a dictionary: numbers as lists of float, text fields as text."""
    out = {"extensions": []}
    for line in probe("info", path).split("\n"):
        key, _, rest = line.partition(" ")
        if key == "extension":
            code, size, text = rest.split(" ", 2)
            out["extensions"].append((int(code), int(size), text))
        elif key in ("intent_name", "descrip", "aux_file"):
            out[key] = rest
        elif key:
            out[key] = [float(x) for x in rest.split()]
    return out


def raw(path, dtype, shape):
    a = np.fromfile(path, dtype)
    check(a.size == np.prod(shape), path, a.size, shape)
    return a.reshape(shape)


def file_order(data):
    """Our file-order matrix: (n_vol, n_vox), x fastest."""
    full = data.reshape(data.shape + (1,) * (7 - data.ndim))
    n_vox = int(np.prod(full.shape[:3]))
    return full.reshape(n_vox, -1, order="F").T


def brain_order(data):
    """Volumes x voxels, voxels in numpy's C order over (x, y, z)."""
    full = data.reshape(data.shape + (1,) * (7 - data.ndim))
    n_vox = int(np.prod(full.shape[:3]))
    return np.moveaxis(full.reshape(full.shape[:3] + (-1,), order="F"), 3, 0).reshape(-1, n_vox)


def same(a, b):
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def values(dtype, shape):
    """Random values over the whole range of a type, its extremes included."""
    t = np.dtype(dtype)
    if t.kind == "f":
        a = RNG.standard_normal(shape).astype(t) * 100
        a.flat[0] = np.nan
        a.flat[-1] = -np.inf
        return a
    i = np.iinfo(t)
    a = RNG.integers(i.min, i.max, size=shape, dtype=t, endpoint=True)
    a.flat[0], a.flat[-1] = i.min, i.max
    return a


def random_rotation():
    q, r = np.linalg.qr(RNG.standard_normal((3, 3)))
    q = q * np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


def random_affine(flip):
    a = np.eye(4)
    a[:3, :3] = random_rotation() * [2.5, 1.25, 3.5]
    if flip:
        a[:, 2] *= -1
    a[:3, 3] = [-40.5, 12.25, 7]
    return a


def patch(header, version, endian, slope, inter):
    """Sets the scaling in header bytes as they are, nibabel would rescale the voxels."""
    header = bytearray(header)
    if version == 1:
        struct.pack_into(endian + "ff", header, 112, slope, inter)
    else:
        struct.pack_into(endian + "dd", header, 176, slope, inter)
    return bytes(header)


def save(img, path, version, endian, scaling):
    """img with its array's own type, packed when the name says so, as a pair when it ends in .hdr."""
    pack = gzip.compress if path.endswith(".gz") else bytes
    fmap = img.make_file_map()
    streams = {k: io.BytesIO() for k in fmap}
    for k in fmap:
        fmap[k].fileobj = streams[k]
    img.to_file_map(fmap)
    single = "header" not in streams
    head = streams["image" if single else "header"].getvalue()
    if scaling:
        head = patch(head, version, endian, *scaling)
    with open(path, "wb") as f:
        f.write(pack(head))
    if not single:
        with open(path.replace(".hdr", ".img"), "wb") as f:
            f.write(pack(streams["image"].getvalue()))


def make(dtype, shape, version, pair, endian, affine=None):
    cls = {(1, False): nib.Nifti1Image, (2, False): nib.Nifti2Image,
           (1, True): nib.Nifti1Pair, (2, True): nib.Nifti2Pair}[version, pair]
    header = cls.header_class(endianness=endian)
    header.set_data_dtype(np.dtype(dtype).newbyteorder(endian))
    img = cls(values(dtype, shape), affine if affine is not None else random_affine(False), header)
    img.header.set_xyzt_units("mm", "sec")
    return img


def read_all_kinds(tmp):
    k = 0
    for dtype in DTYPES:
        for version in (1, 2):
            for endian in "<>":
                for name in ("a.nii", "a.nii.gz", "a.hdr", "a.hdr.gz"):
                    k += 1
                    shape, scaling = SHAPES[k % len(SHAPES)], SCALINGS[k % len(SCALINGS)]
                    path = os.path.join(tmp, name)
                    save(make(dtype, shape, version, ".hdr" in name, endian), path, version, endian, scaling)
                    one_read(path.replace(".hdr", ".img") if k // 2 % 2 else path, path, tmp,
                             (dtype, shape, version, endian, name, scaling))


def one_read(path, nib_path, tmp, what):
    want = nib.load(nib_path).get_fdata()
    n_vol, n_vox = file_order(want).shape
    first = n_vol // 3
    count = n_vol - first - (1 if n_vol > 2 else 0)
    vox = RNG.integers(0, n_vox, size=9)
    out = [os.path.join(tmp, "out%d.raw" % i) for i in range(7)]
    vox.astype("u8").tofile(out[6])
    picked = (first, count, out[6], vox.size)
    probe("read", path, "f64", out[0], "--", "read", path, "f32", out[1], "--",
          "read", path, "f64", out[2], first, count, "--", "brain", path, "f64", out[3], 0, n_vol, "--",
          "brain", path, "f64", out[4], *picked, "--", "brain", path, "f32", out[5], *picked)
    check(same(raw(out[0], "f8", (n_vol, n_vox)), file_order(want)), what)
    check(same(raw(out[2], "f8", (count, n_vox)), file_order(want)[first:first + count]), what, "range")
    check(same(raw(out[3], "f8", (n_vol, n_vox)), brain_order(want)), what, "voxel order")
    rows = brain_order(want)[first:first + count, vox]
    check(same(raw(out[4], "f8", rows.shape), rows), what, "picked")
    with np.errstate(over="ignore"):
        for got, full in ((raw(out[1], "f4", (n_vol, n_vox)), file_order(want)), (raw(out[5], "f4", rows.shape), rows)):
            check(np.allclose(got, full.astype("f4"), rtol=1.2e-7, atol=0, equal_nan=True), what, "float")


def compare_header(path, want, what, tol=0, got=None):
    """Every field of ours (read from path unless given) against nibabel's header object."""
    got, h = got or info(path), want.header
    fields = {"pixdim": h["pixdim"], "xyzt_units": [h["xyzt_units"]], "dim_info": [h["dim_info"]],
              "intent_code": [h["intent_code"]], "qform_code": [h["qform_code"]], "sform_code": [h["sform_code"]],
              "slice_code": [h["slice_code"]], "slice_start": [h["slice_start"]], "slice_end": [h["slice_end"]],
              "intent_p": [h["intent_p%d" % i] for i in (1, 2, 3)],
              "quatern": [h["quatern_" + c] for c in "bcd"], "qoffset": [h["qoffset_" + c] for c in "xyz"],
              "srow": np.concatenate([h["srow_" + c] for c in "xyz"]), "cal": [h["cal_min"], h["cal_max"]],
              "time": [h["slice_duration"], h["toffset"]], "shape": h.get_data_shape(),
              "affine": want.affine.ravel()}
    for key, value in fields.items():
        t = max(tol, 1e-6 if key == "affine" else 0)
        check(np.allclose(got[key], np.asarray(value, float), rtol=t, atol=t), what, key, got[key], value)
    for key in ("intent_name", "descrip", "aux_file"):
        check(got[key] == h[key].item().decode(), what, key, got[key], h[key])
    return got


def fancy_header(img):
    h = img.header
    h.set_xyzt_units("micron", "msec")
    h.set_dim_info(freq=1, phase=0, slice=2)
    h.set_intent("t test", (17,), name="faces > houses")
    h["slice_code"], h["slice_start"], h["slice_end"] = 3, 0, 2
    h["slice_duration"], h["toffset"] = 0.0625, 12.5
    h["cal_min"], h["cal_max"] = -3.5, 77
    h["descrip"], h["aux_file"] = b"a description that is fairly long, up to its 80 bytes", b"other.txt"
    if len(h.get_data_shape()) > 3:
        h["pixdim"][4] = 2.5


def orientations():
    """Images whose affine comes from each of the three sources."""
    k = 0
    for version in (1, 2):
        for endian in "<>":
            for flip in (False, True):
                for form in ("both", "q", "s", "none"):
                    k += 1
                    shape = ((4, 5, 6), (4, 5), (4, 5, 6, 2))[k % 3]
                    img = make("f4", shape, version, False, endian, random_affine(flip))
                    if form in ("s", "none"):
                        img.set_qform(None, 0)
                    elif form == "q":
                        img.set_qform(img.affine, 1)
                    else:
                        img.set_qform(random_affine(not flip), 2)
                    if form in ("q", "none"):
                        img.header["sform_code"] = 0
                    fancy_header(img)
                    yield img, (version, endian, flip, form, shape)
    for axis in range(3):  # half turns: the quaternion's real part is 0
        a = -np.eye(4)
        a[axis, axis] = a[3, 3] = 1
        img = make("f4", (2, 3, 4), 1, False, "<", a)
        img.set_qform(a, 1)
        img.header["sform_code"] = 0
        yield img, ("half turn", axis)


def headers(tmp):
    path, copy = os.path.join(tmp, "h.nii"), os.path.join(tmp, "h2.nii.gz")
    for img, what in orientations():
        img.header.extensions.append(Nifti1Extension("comment", b"first note"))
        img.header.extensions.append(Nifti1Extension("afni", b"<xml/>" * 9))
        with open(path, "wb") as f:
            f.write(img.to_bytes())
        loaded = nib.load(path)
        got = compare_header(path, loaded, what)
        check([(c, t.rstrip("\0")) for c, _, t in got["extensions"]] == [(6, "first note"), (4, "<xml/>" * 9)],
              what, got["extensions"])
        for version in (0, 1, 2):  # our own file, seen by nibabel
            probe("copy", path, copy, 16, "nan", 0, version, 0, 1, '{"made by": "the test \u00e9"}')
            back = nib.load(copy)
            expected = {0: type(loaded), 1: nib.Nifti1Image, 2: nib.Nifti2Image}[version]
            check(type(back) is expected, what, type(back))
            check(back.header["sizeof_hdr"] == (540 if expected is nib.Nifti2Image else 348), what)
            ours = compare_header(copy, back, (what, "written"))
            narrowed = version == 1 and isinstance(loaded, nib.Nifti2Image)  # doubles become floats
            compare_header(copy, loaded, (what, "kept"), 1e-3 if narrowed else 0, ours)
            check(np.allclose(back.affine, loaded.affine, rtol=0, atol=1e-3 if narrowed else 0), what, back.affine)
            check(same(back.get_fdata(), loaded.get_fdata()), what)
            notes = [(e.get_code(), e.get_content()) for e in back.header.extensions]
            notes = [(c, t.encode() if isinstance(t, str) else t) for c, t in notes]
            check(notes == [(6, b"first note"), (4, b"<xml/>" * 9), (6, '{"made by": "the test \u00e9"}'.encode())],
                  what, notes)


def write_all_kinds(tmp):
    src, dst = os.path.join(tmp, "s.nii"), os.path.join(tmp, "d.nii")
    k = 0
    for version, shape in [(v, s) for v in (1, 2) for s in SHAPES]:
        data = RNG.integers(0, 60, size=shape).astype("f8")
        nib.Nifti1Image(data, np.eye(4)).to_filename(src)
        written, commands = [], []
        for dtype in DTYPES:
            for slope, inter in (("nan", 0), (0.5, 0), (2, 0), (1, -3)):
                suffix, level = ((".nii", 0), (".nii.gz", 0), (".nii.gz", 1 + k % 9))[k % 3]
                k += 1
                dst = os.path.join(tmp, "d%d%s" % (len(written), suffix))
                written.append((dst, dtype, slope, inter))
                commands += ["copy", src, dst, CODES[dtype], slope, inter, version, level, 0, "--"]
        probe(*commands[:-1])
        for dst, dtype, slope, inter in written:
            back = nib.load(dst)
            check(back.get_data_dtype() == np.dtype(dtype), dtype, back.get_data_dtype())
            check(back.shape == shape, back.shape, shape)
            want = data
            if slope == 2 and np.dtype(dtype).kind != "f":
                want = np.rint(data / 2) * 2  # half to even, as we promise
            check(same(back.get_fdata(), want), dtype, slope, inter, shape)
            os.unlink(dst)
    # extremes survive unscaled; what does not fit is refused, by place
    for dtype in ("u1", "i1", "u2", "i2", "i4", "u4"):
        i = np.iinfo(dtype)
        data = np.array([[[i.min, i.max]]], "f8")
        nib.Nifti1Image(data, np.eye(4)).to_filename(src)
        probe("copy", src, dst, CODES[dtype], 1, 0, 1, 0, 0)
        check(same(nib.load(dst).get_fdata(), data), dtype)
        nib.Nifti1Image(np.array([[[0.0, i.max + 1.0]]]), np.eye(4)).to_filename(src)
        probe("copy", src, dst, CODES[dtype], 1, 0, 1, 0, 0, fail="at voxel (0, 0, 1) of volume 0")
    nib.Nifti1Image(np.full((1, 1, 1, 2), np.nan), np.eye(4)).to_filename(src)
    probe("copy", src, dst, 4, 1, 0, 1, 0, 0, fail="of volume 0 (counted from 0) does not fit INT16")
    probe("copy", src, dst, 16, 1, 0, 1, 0, 0)
    check(np.isnan(nib.load(dst).get_fdata()).all())
    nib.Nifti1Image(np.full((1, 1, 1), 1e300), np.eye(4)).to_filename(src)
    probe("copy", src, dst, 16, 1, 0, 1, 0, 0, fail="does not fit FLOAT32")


def freesurfer_vectors(tmp):
    """Longer than 16-bit sizes: nibabel's -1/glmin and ico7 forms, and our NIfTI-2."""
    path, out = os.path.join(tmp, "v.nii"), os.path.join(tmp, "v2.nii")
    for shape in ((40000, 1, 1), (163842, 1, 1), (40000, 1, 1, 3)):
        img = nib.Nifti1Image(RNG.standard_normal(shape).astype("f4"), np.eye(4))
        img.to_filename(path)
        check(info(path)["shape"] == list(shape), shape)
        one_read(path, path, tmp, shape)
        probe("copy", path, out, 16, 1, 0, 0, 0, 0)
        check(isinstance(nib.load(out), nib.Nifti2Image) and nib.load(out).shape == shape, shape)
        check(same(nib.load(out).get_fdata(), img.get_fdata()), shape)
        probe("copy", path, out, 16, 1, 0, 1, 0, 0, fail="dim does not fit a NIfTI-1 file")


def big_files(tmp):
    """Several 1 MiB blocks, several threads, volumes that straddle blocks."""
    for name in ("b.nii", "b.nii.gz"):
        path = os.path.join(tmp, name)
        for dtype, endian, shape in (("i2", ">", (61, 47, 31, 19)), ("f8", "<", (90, 80, 70, 3))):
            img = nib.Nifti1Image(np.zeros(shape, dtype), np.eye(4),
                                  nib.Nifti1Header(endianness=endian))
            img = nib.Nifti1Image((RNG.standard_normal(shape) * 1000).astype(dtype), np.eye(4), img.header)
            img.set_data_dtype(np.dtype(dtype).newbyteorder(endian))
            save(img, path, 1, endian, (0.1, 3))
            for threads in ("1", "3"):
                os.environ["OMP_NUM_THREADS"] = threads
                one_read(path, path, tmp, (name, dtype, shape, threads))
                del os.environ["OMP_NUM_THREADS"]


def like(tmp):
    src, mask = os.path.join(tmp, "l.nii.gz"), os.path.join(tmp, "m.nii")
    for img, what in orientations():
        with gzip.open(src, "wb") as f:
            f.write(img.to_bytes())
        loaded = nib.load(src)
        data = loaded.get_fdata()
        three = data.reshape((data.shape + (1,))[:3] + (-1,))
        inside = RNG.integers(0, 3, size=three.shape[:3])
        inside.flat[0] = 1
        nib.Nifti1Image(inside.astype("i2"), loaded.affine).to_filename(mask)
        for n_maps in {1, three.shape[3]}:
            for use_mask in (False, True):
                dst = os.path.join(tmp, "o.nii.gz" if use_mask else "o.nii")
                probe("like", src, dst, n_maps, *([mask] if use_mask else []))
                back = nib.load(dst)
                want = three[..., :n_maps] if n_maps > 1 else three[..., 0]
                if use_mask:
                    want = want.copy()
                    want[inside == 0] = -1
                check(back.get_data_dtype() == np.float32, what)
                check(same(back.get_fdata(), want.astype("f4").astype("f8")), what, n_maps, use_mask)
                check(np.array_equal(back.affine, loaded.affine), what, back.affine, loaded.affine)
                h, g = back.header, loaded.header
                for key in ("qform_code", "sform_code", "xyzt_units", "intent_code", "intent_p1", "quatern_b",
                            "quatern_c", "quatern_d", "qoffset_x", "srow_x", "srow_y", "srow_z", "dim_info"):
                    check(np.array_equal(h[key], g[key]), what, key)
                check(np.array_equal(h["pixdim"][:2], g["pixdim"][:2]), what)
                check(h["cal_max"] == 0 and h.get_slope_inter() in ((1, 0), (None, None)), what)
                notes = [e.get_content() for e in h.extensions]
                check(notes in ([b'{"probe": 1}'], ['{"probe": 1}']), notes)
    # a fourth volume spacing (TR) is kept
    img = nib.Nifti1Image(np.zeros((2, 2, 2, 5), "f4"), np.eye(4))
    img.header["pixdim"][4] = 1.75
    img.to_filename(src)
    probe("like", src, os.path.join(tmp, "o.nii"), 2)
    check(nib.load(os.path.join(tmp, "o.nii")).header["pixdim"][4] == 1.75)
    probe("like", src, os.path.join(tmp, "o.img"), 2, fail="ending in .nii or .nii.gz")
    probe("like", src, os.path.join(tmp, "none", "o.nii"), 2, fail="does not exist")


def numpy_roi(data, mask, labels, method):
    cols = []
    for label in labels:
        v = np.atleast_2d(data[mask == label].T if data.ndim == 4 else data[mask == label])
        cols.append({"mean": v.mean(1), "max": v.max(1), "std": v.std(1)}[method])
    return np.stack(cols, 1)


def rois_of(image, mask, tmp, exact_labels=None):
    data, m = nib.load(image).get_fdata(), nib.load(mask).get_fdata()
    m = m.reshape(m.shape[:3])
    labels = np.unique(m[m != 0])
    n_vol = data.shape[3] if data.ndim == 4 else 1
    out = os.path.join(tmp, "roi.raw")
    for method in ("mean", "max", "std"):
        want = numpy_roi(data, m, labels, method)
        got = []
        for threads in ("1", "4"):
            names = probe("roi", image, mask, method, out, env={"OMP_NUM_THREADS": threads}).split()
            check(names == [str(int(x)) for x in labels], names, labels)
            got.append(raw(out, "f8", (n_vol, labels.size)))
            check(np.allclose(got[-1], want, rtol=1e-12, atol=1e-12 * np.nanmax(np.abs(data)), equal_nan=True),
                  image, method, np.nanmax(np.abs(got[-1] - want)))
        check(same(got[0], got[1]), "threads change the result")
        check(method != "max" or same(got[0], want), "max is exact")
        some = list(labels[::-2].astype(int))
        check(probe("roi", image, mask, method, out, *some).split() == [str(x) for x in some])
        check(np.allclose(raw(out, "f8", (n_vol, len(some))), numpy_roi(data, m, some, method), rtol=1e-12,
                          atol=1e-12 * np.nanmax(np.abs(data)), equal_nan=True))
    for label in labels[[0, -1]]:
        n = int(probe("pattern", image, mask, int(label), out))
        want = np.atleast_2d(data[m == label].T)
        check(n == want.shape[1] and same(raw(out, "f8", want.shape), want), image, label)
    missing = int(labels.max()) + 1
    listed = " ".join(str(int(x)) for x in labels)
    if exact_labels is None:
        probe("roi", image, mask, "mean", out, missing, fail="no voxel has the label %d; its labels are %s"
              % (missing, listed))
        probe("pattern", image, mask, missing, out, fail="no voxel has the label %d" % missing)
    probe("roi", image, mask, "median", out, fail='unknown ROI method "median"; use mean, max or std')


def rois(tmp):
    image, mask = os.path.join(tmp, "r.nii.gz"), os.path.join(tmp, "rm.nii.gz")
    for k, shape in enumerate(((6, 7, 8, 40), (6, 7, 8), (5, 1, 9, 3), (30, 31, 32, 50))):
        data = RNG.standard_normal(shape) * 50 + 1000
        m = RNG.integers(-2, 6, size=shape[:3])
        if k == 0:
            data[m == 3, :] = np.nan
            data[tuple(np.argwhere(m == 4)[2]) + (5,)] = np.nan
        nib.Nifti1Image(data.astype(["f8", "f4", "i2", "f4"][k]), np.eye(4)).to_filename(image)
        kind = ["i2", "f4", "i8", "i4"][k]
        nib.Nifti1Image(m.astype(kind), np.eye(4), dtype=kind).to_filename(mask)
        rois_of(image, mask, tmp)
    # a scaled mask (labels that are whole only nearly), and a 4-D one of one volume
    m = RNG.integers(0, 200, size=shape[:3]).astype("f8")
    img = nib.Nifti1Image(m[..., None], np.eye(4))
    img.header.set_data_dtype("i2")
    img.to_filename(mask)
    check(nib.load(mask).dataobj.slope != 1, "the mask should be scaled")
    data = nib.load(image).get_fdata()
    names = probe("roi", image, mask, "mean", os.path.join(tmp, "roi.raw")).split()
    labels = np.unique(m[m != 0])
    check(names == [str(int(x)) for x in labels])
    check(np.allclose(raw(os.path.join(tmp, "roi.raw"), "f8", (50, labels.size)),
                      numpy_roi(data, m, labels, "mean"), rtol=1e-12))
    out = os.path.join(tmp, "roi.raw")
    for bad, text in ((np.full(shape[:3], 0.5), "voxel (0, 0, 0) of the mask is 0.5"),
                      (np.where(m == m[3, 4, 5], np.nan, 1.0), "of the mask is nan"),
                      (np.zeros(shape[:3]), "the mask is 0 everywhere"),
                      (np.ones(shape), "has 50 volumes; a mask has one"),
                      (np.ones((30, 31, 33)), "is 30x31x33 voxels but image")):
        nib.Nifti1Image(bad.astype("f4"), np.eye(4)).to_filename(mask)
        probe("roi", image, mask, "mean", out, fail=text)
    probe("roi", image, mask, "mean", out, fail="r.nii.gz is 30x31x32")


def refusals(tmp):
    """By name: types we do not read, formats that are to come."""
    path, out = os.path.join(tmp, "x.nii"), os.path.join(tmp, "o.raw")
    rgb = np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    rgba = np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])
    for data, name in ((rgb, "RGB24"), (rgba, "RGBA32"), (np.zeros((2, 2), "c8"), "COMPLEX64"),
                       (np.zeros((2, 2), "c16"), "COMPLEX128")):
        nib.Nifti1Image(data, np.eye(4)).to_filename(path)
        probe("read", path, "f64", out, fail="unsupported: %s: voxels are %s" % (path, name))
    good = nib.Nifti1Image(np.zeros((2, 2, 2), "f4"), np.eye(4))
    for name, text in (("x.dscalar.nii", "CIFTI-2"), ("x.dtseries.nii", "CIFTI-2"), ("x.dlabel.nii", "CIFTI-2"),
                       ("x.func.gii", "GIFTI"), ("x.mgz", "MGH"), ("x.mgh", "MGH")):
        probe("brain", os.path.join(tmp, name), "f64", out, 0, 1, fail="unsupported: %s: %s" %
              (os.path.join(tmp, name), text))
    probe("brain", os.path.join(tmp, "x.txt"), "f64", out, 0, 1, fail="not the name of a brain image")
    good.header["intent_code"] = 3006
    good.to_filename(path)
    probe("brain", path, "f64", out, 0, 1, fail="a CIFTI-2 file (intent 3006")


def faults(tmp):
    """Every allocation fails once: a clean error each time, and no half-written file stays."""
    if subprocess.run([PROBE, "faults"]).returncode != 0:
        return
    image, mask = os.path.join(tmp, "f.nii.gz"), os.path.join(tmp, "fm.nii")
    pair = os.path.join(tmp, "f.hdr")
    out = os.path.join(tmp, "out")
    img = nib.Nifti1Image(RNG.standard_normal((4, 5, 6, 7)).astype("f4"), np.eye(4))
    img.header.extensions.append(Nifti1Extension("comment", b"note"))
    img.to_filename(image)
    nib.Nifti1Pair(img.dataobj, img.affine).to_filename(pair)
    nib.Nifti1Image(RNG.integers(0, 4, size=(4, 5, 6)).astype("u1"), np.eye(4)).to_filename(mask)
    os.mkdir(out)
    commands = [("info", image), ("read", pair, "f32", out + "/o.raw"),
                ("copy", image, out + "/c.nii.gz", 4, 0.01, 0, 1, 0, 1, "made"),
                ("like", image, out + "/l.nii", 2, mask), ("roi", image, mask, "std", out + "/r.raw", 2, 3),
                ("pattern", image, mask, 1, out + "/p.raw")]
    for command in commands:
        for n in range(1, 400):
            for f in os.listdir(out):
                os.unlink(os.path.join(out, f))
            r = subprocess.run([PROBE] + [str(x) for x in command], capture_output=True, encoding="utf-8",
                               errors="replace", env={**os.environ, "DNNBRAIN_FAULT_ALLOC": str(n)})
            if r.returncode == 0:
                break
            check(r.returncode == 1 and r.stderr.startswith("out of memory: "), command, n, r.returncode, r.stderr)
            check(os.listdir(out) == [], command, n, os.listdir(out))
        check(5 < n < 399, command, n, "the number of allocations is odd")


def real_data(tmp):
    base, haxby = data_dir(), data_dir("brain", "haxby_slice")
    if not haxby:
        print("real data absent: that part skipped")
        return
    bold, mask = os.path.join(haxby, "bold.nii.gz"), os.path.join(haxby, "mask.nii.gz")
    compare_header(bold, nib.load(bold), "haxby bold")
    one_read(bold, bold, tmp, "haxby bold")
    one_read(mask, mask, tmp, "haxby mask")
    rois_of(bold, mask, tmp)
    dst = os.path.join(tmp, "haxby.nii.gz")
    probe("like", bold, dst, 5, mask)
    m = nib.load(mask).get_fdata()
    want = nib.load(bold).get_fdata()[..., :5]
    want[m.reshape(m.shape[:3]) == 0] = -1
    check(same(nib.load(dst).get_fdata(), want) and np.array_equal(nib.load(dst).affine, nib.load(bold).affine))
    cifti = os.path.join(base, "formats", "cifti2")
    for name in sorted(os.listdir(cifti)) if os.path.isdir(cifti) else []:
        if name.endswith(".nii"):
            link = os.path.join(tmp, "plain_name.nii")
            os.symlink(os.path.join(cifti, name), link)
            probe("brain", link, "f64", os.path.join(tmp, "o.raw"), 0, 1, fail="a CIFTI-2 file (intent 30")
            check(info(link)["extensions"][0][0] == 32, name)
            want = nib.Nifti2Image.from_filename(link)
            one_plain(link, want, tmp, name)
            os.unlink(link)


def one_plain(path, img, tmp, what):
    """The bare NIfTI-2 inside a CIFTI file."""
    out = os.path.join(tmp, "out.raw")
    probe("read", path, "f64", out)
    check(same(np.fromfile(out, "f8"), img.get_fdata().ravel(order="F")), what)


with tempfile.TemporaryDirectory() as folder:
    for part in (read_all_kinds, headers, write_all_kinds, freesurfer_vectors, big_files, like, rois, refusals,
                 faults, real_data):
        began = checks
        part(folder)
        print("%-20s %6d checks" % (part.__name__, checks - began), flush=True)
print("%d checks" % checks)
