"""Image reading, resizing and normalising against Pillow, torchvision and numpy: identical pixels,
identical floats. Images are made on the fly (image_samples.py)."""
import os
import subprocess
import sys
import tempfile
import warnings

from golden import data_dir, expect, finish

try:
    import numpy as np
    import PIL
    from PIL import Image, ImageFile
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)
try:
    import torch
    from torchvision import transforms
except ImportError:
    torch = None

import image_samples  # noqa: E402

warnings.simplefilter("ignore")
PROBE = os.path.join(os.environ["DNB_BUILD"], "tests", "probe_image")
SIZES = [(224, 224), (227, 227), (97, 131), (1, 1), (640, 3), (5, 481), (299, 299)]
# We follow Pillow 9 (Debian 12). Later ones show indices past the end of a palette as black, not as a grey
# ramp, and read BMP files with a header of 52 bytes.
LATER = int(PIL.__version__.split(".")[0]) > 9
PALETTE_PAST_END = {"png_palette_short", "bmp_8bit_too_few_colours"}


def natural(folder):
    """Real photographs and pictures, when the test data is there."""
    names = []
    for sub in ("objects92", "natural"):
        top = data_dir("stimuli", sub)
        if top:
            names += [os.path.join(top, n) for n in sorted(os.listdir(top))
                      if n.lower().endswith((".png", ".jpg", ".jpeg", ".bmp"))]
    return names


def make(folder):
    names = []
    for name, data in image_samples.samples():
        if LATER and name in PALETTE_PAST_END:
            print(f"skip {name}: Pillow {PIL.__version__} reads it otherwise")
            continue
        names.append(os.path.join(folder, name))
        with open(names[-1], "wb") as f:
            f.write(data)
    for name, w, h, kind, options in [
            ("large.jpg", 4000, 3000, "JPEG", {"quality": 75}),
            ("tall.jpg", 33, 2999, "JPEG", {"progressive": True}),
            ("wide.png", 3001, 17, "PNG", {"compress_level": 1}),
            ("large.bmp", 1999, 1501, "BMP", {})]:
        small = Image.fromarray(image_samples.picture(max(w // 8, 2), max(h // 8, 2)))
        names.append(os.path.join(folder, name))
        small.resize((w, h), Image.BICUBIC).save(names[-1], kind, **options)
    return names


def read_pixels(path):
    raw = np.fromfile(path, np.uint8)
    w, h = raw[:8].view(np.uint32)
    return raw[8:].reshape(h, w, 3)


def same(ours, theirs, what):
    theirs = np.asarray(theirs)
    if ours.shape != theirs.shape:
        expect(False, f"{what}: shape {ours.shape} != {theirs.shape}")
    elif not np.array_equal(ours, theirs):
        differ = (ours != theirs).any(-1)
        expect(False, f"{what}: {differ.sum()} of {differ.size} pixels differ, first at "
                     f"{tuple(np.argwhere(differ)[0])}: {ours[differ][0]} != {theirs[differ][0]}")


def compare_pixels(folder, names):
    """Every image at its own size and at two target sizes."""
    jobs = []
    for i, name in enumerate(names):
        for k in range(2):
            size = SIZES[k] if i % 3 == 0 else SIZES[(2 * i + k) % len(SIZES)]
            jobs.append((name, size, os.path.join(folder, f"out{i}_{k}")))
    lines = "".join(f"{n}\t{s[0]}\t{s[1]}\t{p}\n" for n, s, p in jobs)
    subprocess.run([PROBE, "each"], input=lines.encode(), check=True)
    done = set()
    for name, size, prefix in jobs:
        short = os.path.basename(name)
        if os.path.exists(prefix + ".err"):
            expect(False, f"{short}: {open(prefix + '.err').read()}")
            continue
        image = Image.open(name).convert("RGB")
        same(read_pixels(prefix + ".full"), image, f"{short} decoded")
        same(read_pixels(prefix + ".small"), image.resize(size, Image.BILINEAR), f"{short} to {size}")
        done.add(name)
        os.remove(prefix + ".full")
        os.remove(prefix + ".small")
    return len(done)


def compare_broken(folder):
    """Bad files: the message names the file and what is wrong; Pillow refuses them too, but for those
    beyond a limit of ours."""
    cases = [(n, d, w, not LATER or n != "bmp_odd_header") for n, d, w in image_samples.broken(False)]
    cases += [(n, d, w, False) for n, d, w in image_samples.beyond_limits()]
    for name, data, _, _ in cases:
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)
    cases += [("absent", None, ["No such file"], True), ("", None, ["is a folder"], True)]
    lines = "".join(f"{os.path.join(folder, c[0])}\t9\t9\t{os.path.join(folder, 'bad%d' % i)}\n"
                    for i, c in enumerate(cases))
    subprocess.run([PROBE, "each"], input=lines.encode(), check=True)
    for i, (name, _, words, both) in enumerate(cases):
        out = os.path.join(folder, f"bad{i}.err")
        if not os.path.exists(out):
            expect(False, f"{name}: accepted")
            continue
        message = open(out).read()
        for word in [os.path.join(folder, name)] + words:
            expect(word in message, f"{name}: message lacks \"{word}\": {message}")
        try:
            Image.open(os.path.join(folder, name)).convert("RGB")
            expect(not both, f"{name}: Pillow reads it")
        except Exception as e:
            expect(both, f"{name}: Pillow refuses it: {e}")
    return len(cases)


def compare_cuts(folder):
    """JPEGs cut short byte by byte: refused when Pillow refuses, else the same pixels."""
    data = dict(image_samples.samples())
    cases, lines = [], ""
    for name in ("jpeg_61x47", "jpeg_sub2_1x1", "jpeg_411", "jpeg_progressive0", "jpeg_cmyk_adobe", "jpeg_grey"):
        whole = data[name]
        for cut in list(range(1, 30)) + list(range(30, len(whole), max(len(whole) // 12, 1))):
            path = os.path.join(folder, f"cut{len(cases)}")
            with open(path, "wb") as f:
                f.write(whole[:-cut])
            lines += f"{path}\t9\t9\t{path}\n"
            cases.append((f"{name} less {cut} bytes", path))
    subprocess.run([PROBE, "each"], input=lines.encode(), check=True)
    accepted = 0
    for what, path in cases:
        try:
            image = Image.open(path).convert("RGB")
        except Exception:
            expect(os.path.exists(path + ".err"), f"{what}: accepted, but Pillow refuses it")
            continue
        expect(os.path.exists(path + ".full"), f"{what}: refused, but Pillow reads it")
        if os.path.exists(path + ".full"):
            same(read_pixels(path + ".full"), image, what)
            accepted += 1
    expect(0 < accepted < len(cases), "cut files: both kinds must occur")
    return len(cases)


def expected_planes(images, height, width, bgr, scale, mean, std):
    out = []
    for im in images:
        small = im.resize((width, height), Image.BILINEAR)
        if torch:
            t = transforms.ToTensor()(small)
            if bgr:
                t = t[[2, 1, 0]]
            if scale != 1:
                t = t * scale
            out.append(transforms.Normalize(mean, std)(t).numpy())
        else:
            a = np.asarray(small).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
            a = (a[::-1] if bgr else a) * np.float32(scale)
            m, s = (np.array(v, np.float32)[:, None, None] for v in (mean, std))
            out.append((a - m) / s)
    return np.stack(out)


def compare_loader(folder, names):
    """The loader, at several numbers of threads and queue lengths: floats, pixels and hashes."""
    images = [Image.open(n).convert("RGB") for n in names]
    imagenet = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    setups = [(0, 0, 7, 224, 224, 0, 1, *imagenet), (1, 1, 3, 61, 90, 0, 1, *imagenet),
              (2, 0, 16, 224, 224, 1, 255, [104, 117, 123], [1, 1, 1]),
              (4, 3, 1, 33, 7, 1, 255, [103.939, 116.779, 123.68], [57.375, 57.12, 58.395]),
              (3, 2, 500, 50, 50, 0, 1, [0.5] * 3, [0.5] * 3)]
    for threads, queue, batch, h, w, bgr, scale, mean, std in setups:
        out = os.path.join(folder, "loaded")
        for suffix in (".planes", ".rgb"):
            if os.path.exists(out + suffix):
                os.remove(out + suffix)
        numbers = [threads, queue, batch, h, w, bgr, scale, *mean, *std]
        run = subprocess.run([PROBE, "load", *map(str, numbers), out], check=True,
                             input="\n".join(names).encode(), stdout=subprocess.PIPE)
        what = f"loader with {threads} threads, {h}x{w}"
        planes = np.fromfile(out + ".planes", np.float32).reshape(len(names), 3, h, w)
        want = expected_planes(images, h, w, bgr, scale, mean, std)
        expect(np.array_equal(planes, want), f"{what}: floats differ by {abs(planes - want).max()}")
        rgb = np.fromfile(out + ".rgb", np.uint8).reshape(len(names), h, w, 3)
        for i, im in enumerate(images):
            same(rgb[i], im.resize((w, h), Image.BILINEAR), f"{what}: {names[i]}")
        hashes = run.stdout.decode().split("\n")[:len(names)]
        expect(all(len(x) == 32 for x in hashes), f"{what}: hashes")
        check_hashes(names, hashes)


def check_hashes(names, hashes):
    """Against xxhsum where there is one."""
    try:
        out = subprocess.run(["xxhsum", "-H2", *names], stdout=subprocess.PIPE, check=True)
    except FileNotFoundError:
        return
    want = [line.split()[0] for line in out.stdout.decode().splitlines()]
    expect(want == hashes, "hashes differ from xxhsum's")


def compare_loader_error(folder, names):
    """Two bad files: the earlier one is reported, whatever the number of threads."""
    bad = [os.path.join(folder, "bad_early"), os.path.join(folder, "bad_late")]
    for path in bad:
        with open(path, "wb") as f:
            f.write(b"no image")
    paths = names[:20] + [bad[0]] + names[20:25] + [bad[1]] + names[25:]
    for threads in (0, 1, 4):
        run = subprocess.run([PROBE, "load", str(threads), "0", "8", "64", "64", "0", "1", "0", "0",
                              "0", "1", "1", "1", "-"], input="\n".join(paths).encode(),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        text = run.stderr.decode()
        expect(run.returncode == 2 and bad[0] in text, f"loader error with {threads} threads: {text}")


def main():
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with tempfile.TemporaryDirectory() as folder:
        made = make(folder)
        names = made + natural(folder)
        compared = compare_pixels(folder, names)
        refused = compare_broken(folder)
        cut = compare_cuts(folder)
        compare_loader(folder, [n for n in made if "large" not in n][::4])
        compare_loader_error(folder, made[:40])
    print(f"compared {compared} images of {len(names)} ({len(made)} made) with Pillow "
          f"{PIL.__version__}, {refused} damaged files, {cut} cut ones, "
          f"floats with {'torchvision' if torch else 'numpy'}")
    expect(len(made) >= 100 and compared == len(names), "fewer than 100 images compared")
    finish()


if __name__ == "__main__":
    main()
