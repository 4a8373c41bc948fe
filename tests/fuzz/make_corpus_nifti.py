"""Writes the seed corpus of fuzz_nifti: small NIfTI files of every type, version, byte order, packed or not,
as single files and as pairs ('P', header length, header, image), and a few broken ones.

Usage: make_corpus_nifti.py [folder]   (default: corpus/nifti beside this script). Needs no packages.
"""
import os
import struct
import sys
import zlib

TYPES = {2: "B", 4: "h", 8: "i", 16: "f", 64: "d", 256: "b", 512: "H", 768: "I", 1024: "q", 1280: "Q"}
COUNT = 24


def header1(end, datatype, pair, offset, dim=(3, 2, 3, 4, 1, 1, 1, 1), slope=0.0, inter=0.0, qform=0, sform=0):
    h = bytearray(348)
    struct.pack_into(end + "i", h, 0, 348)
    struct.pack_into(end + "8h", h, 40, *dim)
    struct.pack_into(end + "hh", h, 70, datatype, 0)
    struct.pack_into(end + "8f", h, 76, -1, 2, 2, 2.5, 1.5, 1, 1, 1)
    struct.pack_into(end + "fff", h, 108, offset, slope, inter)
    struct.pack_into(end + "hh", h, 252, qform, sform)
    struct.pack_into(end + "6f", h, 256, 0, 1, 0, -10, 20, 30)
    struct.pack_into(end + "12f", h, 280, 2, 0, 0, -10, 0, 2, 0, 20, 0, 0, 2.5, 30)
    h[344:348] = b"ni1\0" if pair else b"n+1\0"
    return bytes(h)


def header2(end, datatype, pair, offset, dim=(3, 2, 3, 4, 1, 1, 1, 1), slope=0.0, inter=0.0, qform=0, sform=0):
    h = bytearray(540)
    struct.pack_into(end + "i", h, 0, 540)
    h[4:12] = b"ni2\0\r\n\x1a\n" if pair else b"n+2\0\r\n\x1a\n"
    struct.pack_into(end + "hh", h, 12, datatype, 0)
    struct.pack_into(end + "8q", h, 16, *dim)
    struct.pack_into(end + "8d", h, 104, 1, 2, 2, 2.5, 1.5, 1, 1, 1)
    struct.pack_into(end + "qdd", h, 168, offset, slope, inter)
    struct.pack_into(end + "ii", h, 344, qform, sform)
    struct.pack_into(end + "6d", h, 352, 0, 1, 0, -10, 20, 30)
    return bytes(h)


def voxels(end, datatype):
    return struct.pack("%s%d%s" % (end, COUNT, TYPES[datatype]), *range(COUNT))


def pack(data):
    c = zlib.compressobj(6, zlib.DEFLATED, 31)
    return c.compress(data) + c.flush()


def extension(end, code, text):
    size = (len(text) + 8 + 15) // 16 * 16
    return struct.pack(end + "ii", size, code) + text.ljust(size - 8, b"\0")


def as_pair(head, image):
    return b"P" + struct.pack(">H", len(head)) + head + image


def files():
    for k, datatype in enumerate(TYPES):
        end = "<>"[k % 2]
        form = {"qform": k % 2, "sform": k // 2 % 2, "slope": (0, 2, float("nan"))[k % 3], "inter": k}
        yield "v1_%d.nii" % datatype, header1(end, datatype, False, 352, **form) + bytes(4) + voxels(end, datatype)
        yield "v2_%d.nii" % datatype, header2(end, datatype, False, 544, **form) + bytes(4) + voxels(end, datatype)
    four = {"dim": (4, 2, 3, 2, 2, 1, 1, 1)}
    single = header1("<", 4, False, 352, **four) + bytes(4) + voxels("<", 4)
    yield "v1_4d.nii.gz", pack(single)
    yield "v1_two_members.nii.gz", pack(single[:380]) + pack(single[380:]) + bytes(9)
    yield "v1_cut.nii.gz", pack(single)[:-12]
    yield "v2_big.nii.gz", pack(header2(">", 8, False, 544, **four) + bytes(4) + voxels(">", 8))
    yield "v1_pair", as_pair(header1("<", 4, True, 0), voxels("<", 4))
    yield "v2_pair_gz", as_pair(pack(header2(">", 64, True, 16)), pack(bytes(16) + voxels(">", 64)))
    notes = extension("<", 6, b"a comment") + extension("<", 44, b"x" * 30)
    yield "v1_notes.nii", header1("<", 4, False, 352 + len(notes)) + b"\1\0\0\0" + notes + voxels("<", 4)
    yield "v1_notes_pair", as_pair(header1("<", 4, True, 0) + b"\1\0\0\0" + notes, voxels("<", 4))
    yield "v1_bad_note.nii", (header1("<", 4, False, 384) + b"\1\0\0\0" + struct.pack("<ii", 1 << 30, 6)
                              + bytes(24) + voxels("<", 4))
    yield "v1_rgb.nii", header1("<", 128, False, 352) + bytes(4 + 72)
    yield "v1_zero_dim.nii", header1("<", 4, False, 352, dim=(3, 2, 0, 4, 1, 1, 1, 1)) + bytes(52)
    yield "v1_vector.nii", bytes_with_glmin(header1("<", 2, False, 352, dim=(3, -1, 1, 1, 1, 1, 1, 1)), 24) + bytes(28)
    yield "v2_huge.nii", header2("<", 2, False, 544, dim=(7,) + (1 << 40,) * 7) + bytes(52)
    yield "empty", b""


def bytes_with_glmin(head, glmin):
    return head[:144] + struct.pack("<i", glmin) + head[148:]


folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "nifti")
os.makedirs(folder, exist_ok=True)
for name, content in files():
    with open(os.path.join(folder, name), "wb") as f:
        f.write(content)
