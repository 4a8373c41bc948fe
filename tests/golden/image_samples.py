"""Odd images, made on the fly: what diff_image.py compares and make_corpus_image.py shrinks to seeds.

samples(small) yields (name, bytes). small keeps every image tiny (for the fuzz corpus)."""
import io
import struct
import zlib

import numpy as np
from PIL import Image


def picture(width, height, channels=3, seed=0):
    """Smooth waves with some noise, so that filters, chroma and run lengths all have work."""
    rng = np.random.default_rng([seed, width, height, channels])
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = []
    for _ in range(channels):
        a, b, c = rng.uniform(0.5, 6, 3)
        wave = np.sin(x * a / max(width, 8) * 6 + b) + np.cos(y * c / max(height, 8) * 6 + x * 0.01)
        planes.append(127 + 60 * wave + rng.normal(0, 6, (height, width)))
    out = np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)
    return out[..., 0] if channels == 1 else out


def saved(array_or_image, kind, **options):
    im = array_or_image
    if not isinstance(im, Image.Image):
        im = Image.fromarray(im)
    f = io.BytesIO()
    im.save(f, kind, **options)
    return f.getvalue()


# ---------------------------------------------------------------- JPEG

def jpeg_markers(data):
    """(marker, start, end) of each segment up to and with SOS."""
    at = 2
    while at < len(data):
        marker = data[at + 1]
        end = at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        yield marker, at, end
        if marker == 0xDA:
            return
        at = end


def without_marker(data, drop):
    out = data[:2]
    last = 2
    for marker, start, end in jpeg_markers(data):
        if marker != drop:
            out += data[start:end]
        last = end
    return out + data[last:]


def with_adobe(data, transform):
    """The same JPEG with an Adobe segment that says how its colours are stored."""
    body = without_marker(data, 0xEE)
    return body[:2] + b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform]) + body[2:]


def jpegs(small):
    sizes = [(17, 23)] if small else [(1, 1), (7, 5), (16, 16), (17, 23), (333, 251), (500, 375)]
    yield "jpeg_61x47", saved(picture(61, 47), "JPEG")
    for w, h in sizes:
        for sub in (0, 1, 2):
            yield f"jpeg_sub{sub}_{w}x{h}", saved(picture(w, h), "JPEG", quality=90, subsampling=sub)
    w, h = (19, 13) if small else (251, 187)
    rgb, grey, four = picture(w, h), picture(w, h, 1), Image.fromarray(picture(w, h, 4), "CMYK")
    yield "jpeg_411", saved(rgb, "JPEG", quality=80, subsampling="4:1:1")
    yield "jpeg_q10", saved(rgb, "JPEG", quality=10)
    yield "jpeg_q100", saved(rgb, "JPEG", quality=100, subsampling=0)
    yield "jpeg_grey", saved(grey, "JPEG", quality=85)
    yield "jpeg_grey_progressive", saved(grey, "JPEG", quality=85, progressive=True)
    yield "jpeg_optimized", saved(rgb, "JPEG", optimize=True)
    for sub in (0, 1, 2):
        yield f"jpeg_progressive{sub}", saved(rgb, "JPEG", progressive=True, subsampling=sub)
    yield "jpeg_exif_rotated", saved(rgb, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03"
                                     b"\0\0\0\x01\0\x06\0\0\0\0\0\0")
    cmyk = saved(four, "JPEG", quality=92)
    yield "jpeg_cmyk_adobe", cmyk
    yield "jpeg_cmyk_plain", without_marker(cmyk, 0xEE)
    yield "jpeg_ycck", with_adobe(cmyk, 2)
    yield "jpeg_cmyk_progressive", saved(four, "JPEG", progressive=True)
    plain = saved(rgb, "JPEG", subsampling=0)
    yield "jpeg_no_jfif", without_marker(plain, 0xE0)
    yield "jpeg_adobe_rgb", with_adobe(without_marker(plain, 0xE0), 0)
    yield "jpeg_adobe_ycc", with_adobe(without_marker(plain, 0xE0), 1)
    yield "jpeg_trailing", plain + b"trailing bytes"
    spoilt = bytearray(saved(rgb, "JPEG", quality=90))
    spoilt[len(spoilt) * 2 // 3] ^= 0x55
    yield "jpeg_bit_errors", bytes(spoilt)
    yield "jpeg_qtable_low", saved(rgb, "JPEG", quality=1)


# ---------------------------------------------------------------- PNG

def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def pack_rows(samples, depth):
    """samples: height x (width * channels) integers -> unfiltered rows (Pillow's own files bring the filters)."""
    out = []
    for y, row in enumerate(samples):
        if depth == 16:
            raw = row.astype(">u2").tobytes()
        elif depth == 8:
            raw = row.astype(np.uint8).tobytes()
        else:
            bits = ((row[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
            raw = np.packbits(bits.ravel()).tobytes()
        out.append(b"\0" + raw)
    return b"".join(out)


def png(samples, depth, kind, interlace=False, extra=b"", pixels=None):
    """A PNG by hand. samples: height x width x channels integers."""
    h, w, c = samples.shape
    if interlace:
        parts = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        raw = b"".join(pack_rows(p.reshape(p.shape[0], -1), depth) for p in parts if p.size)
    else:
        raw = pack_rows(samples.reshape(h, -1), depth)
    head = struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, int(interlace))
    body = zlib.compress(raw) if pixels is None else pixels
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", body)
            + chunk(b"IEND", b""))


def pngs(small):
    w, h = (13, 11) if small else (233, 149)
    rng = np.random.default_rng(5)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    for kind, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16),
                         6: (8, 16)}.items():
        for depth in depths:
            palette = chunk(b"PLTE", rng.integers(0, 256, 3 << depth, np.uint8).tobytes())
            for interlace in (False, True):
                # 16-bit grey: mostly above 255, some below (Pillow clips)
                top = 1 << (10 if depth == 16 and kind == 0 else depth)
                samples = rng.integers(0, top, (h, w, channels[kind]))
                yield (f"png_type{kind}_{depth}bit" + ("_adam7" if interlace else ""),
                       png(samples, depth, kind, interlace, palette if kind == 3 else b""))
    index = rng.integers(0, 256, (h, w, 1))
    for w1, h1 in ((1, 1), (3, 2), (2, 9)):
        yield f"png_adam7_{w1}x{h1}", png(rng.integers(0, 256, (h1, w1, 3)), 8, 2, True)
        yield f"png_adam7_grey16_{w1}x{h1}", png(rng.integers(0, 999, (h1, w1, 1)), 16, 0, True)
        yield f"png_adam7_1bit_{w1}x{h1}", png(rng.integers(0, 2, (h1, w1, 1)), 1, 0, True)
    some = rng.integers(0, 256, 300, np.uint8).tobytes()
    yield "png_palette_alpha", png(index, 8, 3, extra=chunk(b"PLTE", some * 2 + some[:168])
                                   + chunk(b"tRNS", bytes(range(100))))
    yield "png_palette_clear", png(index, 8, 3, extra=chunk(b"PLTE", some * 2 + some[:168])
                                   + chunk(b"tRNS", b"\xff\xff\0"))
    yield "png_palette_short", png(index, 8, 3, extra=chunk(b"PLTE", some[:60]))
    yield "png_grey_clear", png(index, 8, 0, extra=chunk(b"tRNS", b"\0\x11"))
    yield "png_grey1_clear", png(index & 1, 1, 0, extra=chunk(b"tRNS", b"\0\1"))
    yield "png_rgb_clear", png(rng.integers(0, 4, (h, w, 3)), 8, 2,
                               extra=chunk(b"tRNS", b"\0\1\0\2\0\3"))
    yield "png_gamma", png(index, 8, 0, extra=chunk(b"gAMA", struct.pack(">I", 45455)))
    yield "png_background", png(rng.integers(0, 256, (h, w, 4)), 8, 6,
                                extra=chunk(b"bKGD", b"\0\xff\0\0\0\xff"))
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
        im = Image.fromarray(picture(w, h)).convert(mode)
        yield f"png_pillow_{mode}", saved(im, "PNG")
    yield "png_icc", saved(picture(w, h), "PNG", icc_profile=b"not a profile")
    yield "png_16grey_pillow", saved(Image.fromarray(rng.integers(0, 65536, (h, w)).astype(np.int32)),
                                     "PNG")
    split = png(index, 8, 0)
    at = split.index(b"IDAT") - 4
    size = struct.unpack(">I", split[at:at + 4])[0]
    data = split[at + 8:at + 8 + size]
    pieces = b"".join(chunk(b"IDAT", data[i:i + 7]) for i in range(0, min(size, 700), 7))
    pieces += chunk(b"IDAT", data[700:]) if size > 700 else b""
    yield "png_many_idat", split[:at] + pieces + split[at + 12 + size:]
    if not small:
        for size in ((1, 1), (1, 300), (300, 1), (2, 2), (5, 7)):
            yield "png_%dx%d" % size, saved(picture(*size), "PNG")


# ---------------------------------------------------------------- BMP

def bmp(width, height, bits, body, palette=b"", compression=0, masks=(), header=40, colours=0,
        top_down=False, offset=None):
    signed = -height if top_down else height
    if header == 12:
        second = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        second = struct.pack("<IiiHHIIiiII", header, width, signed, 1, bits, compression, len(body),
                             2835, 2835, colours, 0)
    if header >= 108:
        second += struct.pack("<IIII", *(tuple(masks) + (0,) * 4)[:4])
        masks = ()
    second += b"\0" * (header - len(second))
    second += b"".join(struct.pack("<I", m) for m in masks)
    start = 14 + len(second) + len(palette)
    if offset is not None:
        start = offset
    return struct.pack("<2sIHHI", b"BM", 14 + len(second) + len(palette) + len(body), 0, 0,
                       start) + second + palette + body


def bmp_rows(samples, bits):
    """height x width integers of `bits` bits -> rows padded to 4 bytes, in the order given."""
    rows = []
    for row in samples:
        if bits >= 8:
            raw = row.astype("<u4").view(np.uint8).reshape(len(row), 4)[:, :bits // 8].tobytes()
        else:
            planes = ((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8)
            raw = np.packbits(planes.ravel()).tobytes()
        rows.append(raw + b"\0" * (-len(raw) % 4))
    return b"".join(rows)


def rle8(samples):
    """Alternates repeated and literal runs; ends rows and the picture."""
    out = b""
    for row in samples:
        x = 0
        while x < len(row):
            n = 1
            while x + n < len(row) and n < 255 and row[x + n] == row[x]:
                n += 1
            if n > 2 or len(row) - x < 3:
                out += bytes([n, row[x]])
            else:
                n = min(len(row) - x, 3 + int(row[x]) % 9)
                out += bytes([0, n]) + bytes(int(v) for v in row[x:x + n]) + b"\0" * (n % 2)
            x += n
        out += b"\0\0"
    return out + b"\0\1"


def rle4(samples):
    """Repeated pairs and literal runs of even length (Pillow misreads odd ones)."""
    out = b""
    for row in samples:
        x = 0
        while x < len(row):
            left = len(row) - x
            if left >= 4 and int(row[x]) % 2:
                n = 4 if left < 8 else 8
                pairs = bytes(int(row[x + i]) << 4 | int(row[x + i + 1]) for i in range(0, n, 2))
                out += bytes([0, n]) + pairs + b"\0" * (len(pairs) % 2)
            else:
                n = min(left, 2)
                out += bytes([n, int(row[x]) << 4 | (int(row[x + 1]) if n > 1 else 0)])
            x += n
        out += b"\0\0"
    return out + b"\0\1"


def bmps(small):
    w, h = (11, 7) if small else (147, 93)
    rng = np.random.default_rng(9)
    colours = rng.integers(0, 256, (256, 4), np.uint8)
    quads, triples = colours.tobytes(), colours[:, :3].tobytes()
    ramp = bytes(v for i in range(256) for v in (i, i, i, 0))
    for bits in (1, 4, 8):
        body = bmp_rows(rng.integers(0, 1 << bits, (h, w)), bits)
        n = 1 << bits
        for header in (40, 64, 108, 124):
            yield f"bmp_{bits}bit_h{header}", bmp(w, h, bits, body, quads[:4 * n], header=header)
        yield f"bmp_{bits}bit_os2", bmp(w, h, bits, body, triples[:3 * n], header=12)
        yield f"bmp_{bits}bit_top", bmp(w, h, bits, body, quads[:4 * n], top_down=True)
    yield "bmp_1bit_black_white", bmp(w, h, 1, bmp_rows(rng.integers(0, 2, (h, w)), 1),
                                      b"\0\0\0\0\xff\xff\xff\0")
    yield "bmp_1bit_white_black", bmp(w, h, 1, bmp_rows(rng.integers(0, 2, (h, w)), 1),
                                      b"\xff\xff\xff\0\0\0\0\0")
    eight = bmp_rows(rng.integers(0, 256, (h, w)), 8)
    yield "bmp_8bit_grey", bmp(w, h, 8, eight, ramp)
    yield "bmp_8bit_10colours", bmp(w, h, 8, bmp_rows(rng.integers(0, 10, (h, w)), 8), quads[:40],
                                    colours=10)
    yield "bmp_8bit_too_few_colours", bmp(w, h, 8, eight, quads[:400], colours=100)
    yield "bmp_8bit_offset_at_palette", bmp(w, h, 8, eight, quads, offset=54)
    yield "bmp_8bit_offset_zero", bmp(w, h, 8, eight, quads, offset=0)
    yield "bmp_24bit_gap", bmp(w, h, 24, b"gap!" + bmp_rows(rng.integers(0, 1 << 24, (h, w)), 24),
                               offset=58)
    wide = rng.integers(0, 1 << 16, (h, w))
    yield "bmp_16bit", bmp(w, h, 16, bmp_rows(wide, 16))
    for header in (40, 108, 124):
        yield f"bmp_565_h{header}", bmp(w, h, 16, bmp_rows(wide, 16), compression=3,
                                        masks=(0xF800, 0x7E0, 0x1F), header=header)
        yield f"bmp_555_h{header}", bmp(w, h, 16, bmp_rows(wide, 16), compression=3,
                                        masks=(0x7C00, 0x3E0, 0x1F), header=header)
    for header in (40, 64, 108):
        yield f"bmp_24bit_h{header}", bmp(w, h, 24, bmp_rows(rng.integers(0, 1 << 24, (h, w)), 24),
                                          header=header)
    yield "bmp_24bit_os2", bmp(w, h, 24, bmp_rows(rng.integers(0, 1 << 24, (h, w)), 24), header=12)
    yield "bmp_24bit_top", bmp(w, h, 24, bmp_rows(rng.integers(0, 1 << 24, (h, w)), 24),
                               top_down=True)
    yield "bmp_24bit_unpadded_end", bmp(w, h, 24, bmp_rows(rng.integers(0, 1 << 24, (h, w)), 24)
                                        )[:-(-(w * 3) % 4) or None]
    deep = bmp_rows(rng.integers(0, 1 << 32, (h, w)), 32)
    yield "bmp_32bit", bmp(w, h, 32, deep)
    yield "bmp_32bit_top", bmp(w, h, 32, deep, top_down=True)
    for i, masks in enumerate([(0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0),
                               (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
                               (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
                               (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0, 0, 0, 0)]):
        yield f"bmp_32bit_masks{i}", bmp(w, h, 32, deep, compression=3, masks=masks, header=124)
    yield "bmp_32bit_masks_short", bmp(w, h, 32, deep, compression=3, masks=(0xFF0000, 0xFF00, 0xFF))
    runs = np.repeat(rng.integers(0, 256, (h, w)), rng.integers(1, 6, w), axis=1)[:, :w]
    yield "bmp_rle8", bmp(w, h, 8, rle8(runs), quads, compression=1)
    yield "bmp_rle8_grey", bmp(w, h, 8, rle8(runs), ramp, compression=1)
    yield "bmp_rle8_top", bmp(w, h, 8, rle8(runs), quads, compression=1, top_down=True)
    yield "bmp_rle4", bmp(w, h, 4, rle4(runs % 16), quads[:64], compression=2)
    # By hand, 6 x 4: a run cut at the row's end, short rows, literals. (Jumps, empty rows and odd 4-bit
    # literals, which Pillow misreads, are in the unit test.)
    yield "bmp_rle8_hand", bmp(6, 4, 8, bytes([9, 3, 0, 0, 2, 5, 0, 0, 1, 7, 0, 0, 3, 8, 0, 3, 1, 2, 3,
                                               0, 0, 0, 0, 1]), quads, compression=1)
    yield "bmp_rle4_hand", bmp(6, 2, 4, bytes([6, 0x12, 0, 0, 0, 4, 0x34, 0x56, 2, 0x78, 0, 1]),
                               quads[:64], compression=2)
    for mode in ("RGB", "L", "P", "1", "RGBA"):
        yield f"bmp_pillow_{mode}", saved(Image.fromarray(picture(w, h)).convert(mode), "BMP")


# ---------------------------------------------------------------- damaged files

def broken(small):
    """(name, bytes, words the message must hold): Pillow refuses each of them too."""
    jpeg, png_, bmp_ = (saved(picture(61, 47), k) for k in ("JPEG", "PNG", "BMP"))
    progressive = saved(picture(61, 47), "JPEG", progressive=True)
    yield "empty", b"", ["empty"]
    yield "text", b"stimID,label\n", ["not a JPEG", "stimID,l"]
    yield "gif_magic", b"GIF89a" + b"\0" * 20, ["GIF", "convert"]
    for cut in (4, 200, len(jpeg) // 2, len(jpeg) - 30):
        yield f"jpeg_cut_{cut}", jpeg[:cut], ["truncated JPEG"]
    yield "jpeg_progressive_cut", progressive[:-200], ["truncated JPEG"]
    yield "jpeg_no_frame", b"\xff\xd8\xff\xd9", ["JPEG"]
    yield "jpeg_12bit", jpeg.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), ["JPEG", "12"]
    for cut in (10, 30, len(png_) // 2):
        yield f"png_cut_{cut}", png_[:cut], ["truncated PNG"]
    yield "png_bad_crc", png_[:20] + b"\x7f" + png_[21:], ["damaged PNG"]
    yield "png_bad_data", png(np.zeros((9, 9, 3), int), 8, 2, pixels=b"\x78\x9cgarbage garbage"), [
        "damaged PNG"]
    yield "png_short_data", png(np.zeros((9, 9, 3), int), 8, 2, pixels=zlib.compress(b"\0" * 40)), [
        "PNG"]
    yield "png_zero_wide", png(np.zeros((9, 0, 3), int), 8, 2), ["PNG"]
    yield "png_bomb", png(np.zeros((1, 1, 3), int), 8, 2).replace(
        png(np.zeros((1, 1, 3), int), 8, 2)[12:33],
        chunk(b"IHDR", struct.pack(">IIBBBBB", 1 << 16, 1 << 16, 8, 2, 0, 0, 0))[4:]), [
            "65536 x 65536", "limit"]
    yield "png_too_short", png(np.zeros((1, 1, 3), int), 8, 2).replace(
        png(np.zeros((1, 1, 3), int), 8, 2)[12:33],
        chunk(b"IHDR", struct.pack(">IIBBBBB", 9999, 9999, 8, 2, 0, 0, 0))[4:]), [
            "9999 x 9999", "truncated"]
    for cut in (2, 20, 60, len(bmp_) - 200):
        yield f"bmp_cut_{cut}", bmp_[:cut], ["truncated BMP"]
    yield "bmp_rle_cut", bmp(6, 4, 8, bytes([6, 3, 0, 0, 2, 5]), b"\1\2\3\4" * 256, compression=1), [
        "truncated BMP", "row 1 of 4"]
    yield "bmp_2bit", bmp(4, 4, 2, b"\0" * 64), ["2 bits", "BMP"]
    yield "bmp_masks", bmp(4, 4, 16, b"\0" * 64, compression=3, masks=(1, 2, 4)), ["masks"]
    yield "bmp_jpeg_inside", bmp(4, 4, 24, b"\0" * 64, compression=4), ["compression 4"]
    yield "bmp_bomb", bmp(1 << 20, 1 << 20, 24, b"\0" * 64), ["limit"]
    yield "bmp_odd_header", bmp(4, 4, 24, b"\0" * 64, header=52), ["header of 52"]


def beyond_limits():
    """(name, bytes, words): files we refuse though Pillow reads them."""
    data = saved(picture(20, 20), "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    yield "jpeg_many_scans", data[:-2] + data[scan:-2] * 1100 + data[-2:], ["more than 1000 scans"]


def samples(small=False):
    yield from jpegs(small)
    yield from pngs(small)
    yield from bmps(small)
