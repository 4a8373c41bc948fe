"""Seeds of fuzz_stim, fuzz_dmask, fuzz_table, fuzz_npy and fuzz_hdf5 (needs numpy and h5py). Files are kept small: the fuzzers mutate
bytes, and every one should matter. The files of the latest HDF5 format hold the time of their making, so they differ from run to run.
Other files in the folders are inputs that once went wrong."""
import io
import os
import zlib

import h5py
import numpy as np

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def put(kind, name, data):
    os.makedirs(os.path.join(HERE, kind), exist_ok=True)
    with open(os.path.join(HERE, kind, name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


put("stim", "image", "type=image\npath=pics\ntitle=t\ndata=stimID,label,condition,RT\na.png,1,cat,0.5\nb.png,-2,,nan\n")
put("stim", "video", "\ufefftype=video\r\npath=/x/y.mp4\r\n\r\ndata=onset,stimID\r\n0,1\r\n1.5e3,22\r\n")
put("stim", "clip", "path=.\ntype=video_clip\nk=a=b\ndata=stimID\n x y \n")
put("stim", "short_row", "type=image\npath=p\ndata=stimID,label\na\n")
put("stim", "bad_label", "type=image\npath=p\ndata=stimID,label\na,1.0\n")
put("stim", "no_data", "type=image\npath=p\n")
put("dmask", "axes", "conv5=chn,row,col\n1,2,5\n3\n4,1\nfc=\n")
put("dmask", "order", "a/b=c=col,chn\r\n6\r\n\r\n5,5 , 1\r\n")
put("dmask", "range", "x=row\n400\n")
put("dmask", "zero", "x=row\n0\n")
put("table", "csv", "\x01a,b,c\n1,0.5,x\n2,n/a,\"y, \"\"z\"\"\"\n")
put("table", "tsv", "\x00# provenance: {\"a\":1}\nid\tv\n7\t1e-3\n8\t\n")
put("table", "blanks", "\x43rest 0\n face  1\n")
put("table", "quote", "\x01a\n\"x\n")
for name, a in {"f4": np.arange(6, dtype="<f4").reshape(2, 3), "be": np.arange(3, dtype=">i8"), "bool": np.array(True),
                "half": np.zeros((1, 2, 0), "f2"), "text": np.array(["a"]), "u1": np.arange(8, dtype="u1").reshape(2, 2, 2)}.items():
    for version in ((1, 0), (2, 0), (3, 0)):
        f = io.BytesIO()
        np.lib.format.write_array(f, np.asfortranarray(a) if version[0] > 1 else a, version=version)
        put("npy", f"{name}_{version[0]}", f.getvalue())

h5_count = 0


def h5(name, fill, **options):
    global h5_count
    f = io.BytesIO()
    with h5py.File(f, "w", **options) as h:
        fill(h)
    put("hdf5", name, f.getvalue())
    h5_count += 1


def act(h, **extra):
    h.create_dataset("conv1", data=np.arange(2 * 3 * 2 * 2, dtype="f4").reshape(2, 3, 2, 2), **extra)
    h.create_dataset("b/fc", data=np.arange(6, dtype="f8").reshape(2, 3), **extra)
    h.attrs["provenance"] = "{}"


def roi(h, names, data=np.arange(6.0).reshape(3, 2), **extra):
    h.attrs["roi"] = names
    h.create_dataset("data", data=data, **extra)


def rdm(h, kind, data, **extra):
    h.attrs["type"] = kind
    h.create_dataset("k", data=data, **extra)


def weights(h, model, **sets):
    for name, text in (("type", "weights"), ("model", model), ("input", "activations")):
        h.attrs[name] = text
    h.attrs["layers"], h.attrs["targets"] = ["fc"], ["t", "u"] if model == "ridge" else ["t"]
    if model != "ridge":
        h.attrs["classes.t"] = ["a", "b", "c"]
    for name, shape in sets.items():
        h[name.replace("_", ".")] = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)


for libver in ("earliest", "latest"):
    h5(f"weights_ridge_{libver}", lambda h: weights(h, "ridge", fc=(2, 2, 1, 2), fc_intercept=(2,), target_voxel=(2, 3)), libver=libver)
    h5(f"weights_svc_{libver}", lambda h: weights(h, "svc", fc_t=(3, 4), fc_t_intercept=(3,), feature_voxel=(4, 3)), libver=libver)
    h5(f"weights_gnb_{libver}", lambda h: weights(h, "gnb", fc_t_components=(2, 4), fc_t_offset=(2,), fc_t_mean=(3, 2), fc_t_variance=(3, 2),
                                                  fc_t_prior=(3,)), libver=libver)
for libver in ("earliest", "latest"):
    h5(f"act_{libver}", act, libver=libver)
    h5(f"act_gzip_{libver}", lambda h: act(h, compression="gzip", shuffle=True), libver=libver)
    h5(f"act_chunk_{libver}", lambda h: act(h, chunks=True, fletcher32=True), libver=libver)
    h5(f"roi_{libver}", lambda h: roi(h, ["V1", "r\u00e9gion"], compression="gzip"), libver=libver)
    h5(f"roi_fixed_{libver}", lambda h: roi(h, np.array([b"V1", b"V2"]), np.zeros((3, 2), ">i2")), libver=libver)
    h5(f"bRDM_{libver}", lambda h: rdm(h, "bRDM", np.arange(6.0), compression="gzip"), libver=libver)
    h5(f"dRDM_{libver}", lambda h: rdm(h, "dRDM", np.arange(6, dtype="f4").reshape(2, 3), chunks=(1, 2)), libver=libver)
h5("many", lambda h: [h.create_dataset(f"l{i}", data=np.float32([[i]])) for i in range(12)], libver="latest", track_order=True)
h5("wide", lambda h: h.create_dataset("x", data=np.zeros((2, 9), "f4"), chunks=(1, 2), maxshape=(None, None)), libver="latest")


def dense_links(h):
    """Enough names for a heap of several blocks under a B-tree of two levels."""
    h.create_dataset("x", data=np.float32([[1, 2]]))
    for i in range(60):
        h[f"link number {i}"] = h["x"]


def dense_attributes(h):
    for i in range(12):
        h.attrs[f"a{i}"] = i
    roi(h, ["V1", "V2"], np.zeros((1, 2)))


def short_chunk(h):
    d = h.create_dataset("x", shape=(4, 4), dtype=">f4", chunks=(2, 4), compression="gzip")
    d.id.write_direct_chunk((0, 0), zlib.compress(b"short"))


h5("dense_links", dense_links, libver="latest")
h5("dense_attributes", dense_attributes, libver="latest")
h5("chunk_unpacks_short", short_chunk, libver="latest")
h5("filters", lambda h: act(h, compression="gzip", shuffle=True, fletcher32=True), libver="latest")
h5("scalar_roi", lambda h: roi(h, "V1", np.zeros(3)))


def damaged(name, of, edit):
    """A seed with something broken in it that libhdf5 1.10 does not notice."""
    with open(os.path.join(HERE, "hdf5", of), "rb") as f:
        data = bytearray(f.read())
    edit(data)
    put("hdf5", name, bytes(data))


def longer_object(data):
    at = data.index(b"GCOL") + 16
    data[at + 8] += 1


def more_values(data):
    """The attribute's shape (behind its name and its type: class 9 within, text of size 1) says more than it holds."""
    at = data.index(b"roi\0\0\0\0\0") + 8 + 16
    while data[at:at + 2] != b"\1\1":
        at += 8
    data[at + 8] += 40


def endless_object(data):
    """So large that libhdf5, which rounds up and adds, finds the next object where this one is."""
    at = data.index(b"GCOL") + 16
    data[at + 8:at + 16] = (2**64 - 16).to_bytes(8, "little")


def free_loop(data):
    """The names' free list leads back to its first piece."""
    at = data.index(b"HEAP") + 16
    first = int.from_bytes(data[at:at + 8], "little")
    piece = int.from_bytes(data[at + 8:at + 16], "little") + first
    data[piece:piece + 8] = data[at:at + 8]


def wider_element(data):
    """Chunks of elements of 8 bytes in a dataset of float32."""
    at = data.index(b"\3\2\3") + 3 + 8 + 8
    assert data[at] == 4
    data[at] = 8


damaged("heap_object_endless", "roi_earliest", endless_object)
damaged("names_free_loop", "roi_earliest", free_loop)
damaged("chunk_element_too_wide", "dRDM_earliest", wider_element)
damaged("heap_object_too_long", "roi_earliest", longer_object)
damaged("attribute_too_short", "roi_earliest", more_values)
print(h5_count + 5, "HDF5 seeds")
