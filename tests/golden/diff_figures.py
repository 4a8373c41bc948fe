"""Every figure kind in every format, read back by other software: Pillow decodes PNG and JPEG and finds
size, resolution and provenance; the SVG parses as XML; poppler, where installed, draws the PDF and the
picture agrees with the PNG. Exit 77 when Pillow or NumPy is missing."""
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

from golden import expect, finish

try:
    import numpy as np
    from PIL import Image
except ImportError as missing:
    print(missing)
    sys.exit(77)

NOTE = '"note": "a -- b < c & d, é"'
DRAWN = ("rdm_items", "layers_together", "matrix_layers", "grid_overlay", "chart_line")  # one a kind


def check(ok, *what):
    expect(ok, " ".join(map(str, what)))


def pixels(path, reduce=1):
    im = Image.open(path).convert("RGB")
    return np.asarray(im.reduce(reduce) if reduce > 1 else im).astype(float)


def compare(a, b, name, most):
    """Two renderings of one page: the same size and, on average, the same colours."""
    h, w = min(a.shape[0], b.shape[0]), min(a.shape[1], b.shape[1])
    check(abs(a.shape[0] - b.shape[0]) <= 2 and abs(a.shape[1] - b.shape[1]) <= 2, name, a.shape, b.shape)
    diff = np.abs(a[:h, :w] - b[:h, :w]).mean()
    check(diff < most, name, "mean difference", diff)


def check_png(path, name):
    im = Image.open(path)
    im.load()
    check(round(im.info["dpi"][0]) == 300, name, "dpi", im.info.get("dpi"))
    check(NOTE in str(im.info.get("provenance")), name, "provenance", im.info.get("provenance"))
    check(im.width in (1052, 2162), name, "width", im.width)
    a = pixels(path)
    check((a[0] == 255).all() and (a[:, 0] == 255).all() and (a[:, -1] == 255).all(), name,
          "something is cut off at the page's edge")
    check((a[-1] == 255).all(), name, "something is cut off at the page's foot")
    check((a < 128).any(axis=2).mean() > 0.005, name, "page is empty")
    # little paper is wasted: the drawing reaches near all four edges
    rows, cols = np.where((a < 250).any(axis=2))
    check(rows.min() < 60 and im.height - rows.max() < 80 and cols.min() < 60, name, "wide margins",
          rows.min(), im.height - rows.max(), cols.min())


def check_svg(path, name, png):
    root = xml.parse(path).getroot()
    space = "{http://www.w3.org/2000/svg}"
    check(root.tag == space + "svg", name, root.tag)
    check(NOTE in (root.findtext(space + "metadata") or ""), name, "provenance")
    width, height = (float(root.get(k).removesuffix("pt")) for k in ("width", "height"))
    im = Image.open(png)
    check(abs(width * 300 / 72 - im.width) < 1.5 and abs(height * 300 / 72 - im.height) < 1.5, name, "size")
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    check(len(ids) == len(set(ids)), name, "ids are not unique")
    text = open(path, encoding="utf-8").read()
    for used in (e.get("{http://www.w3.org/1999/xlink}href") for e in root.iter()):
        if used and used.startswith("#"):
            check(used[1:] in ids, name, "dangling", used)
    check("<pattern" not in text, name, "image written as a pattern")


def check_pdf(path, name, png, scratch):
    head = open(path, "rb").read(5)
    check(head == b"%PDF-", name, head)
    if name not in DRAWN or not shutil.which("pdftoppm"):
        return
    stem = os.path.join(scratch, "page")
    subprocess.run(["pdftoppm", "-r", "300", "-png", "-singlefile", path, stem], check=True)
    compare(pixels(stem + ".png", 10), pixels(png, 10), name + ".pdf", 3)


def main():
    probe = os.path.join(os.environ["DNB_BUILD"], "tests", "probe_figures")
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("png", "jpg", "svg", "pdf"):
            subprocess.run([probe, folder, suffix], check=True)
        names = sorted(f[:-4] for f in os.listdir(folder) if f.endswith(".png"))
        check(len(names) >= 20, "only", len(names), "figures")
        for name in names:
            stem = os.path.join(folder, name)
            check_png(stem + ".png", name)
            check_svg(stem + ".svg", name, stem + ".png")
            check_pdf(stem + ".pdf", name, stem + ".png", folder)
            jpeg = Image.open(stem + ".jpg")
            check(NOTE in jpeg.info.get("comment", b"").decode(), name, "JPEG comment")
            check(round(jpeg.info["dpi"][0]) == 300, name, "JPEG dpi")
            compare(pixels(stem + ".jpg"), pixels(stem + ".png"), name + ".jpg", 3)
    finish(f"{len(names)} figures")


if __name__ == "__main__":
    main()
