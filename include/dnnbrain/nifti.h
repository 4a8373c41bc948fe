/* NIfTI-1 and NIfTI-2 images: reading (lazy, streamed) and writing.
 * room: neuro
 *
 * Formats: single files (.nii, .nii.gz) and pairs (.hdr + .img, each possibly .gz) of either
 * endianness are read; single little-endian files are written. Layout after the NIfTI-1 (Cox et al.
 * 2004, nifti1.h) and NIfTI-2 (2011) definitions; values and affines agree with nibabel's
 * get_fdata() and header.get_best_affine().
 *
 * Voxel order in this header is the file's: x fastest, then y, z, t. A block of volumes is
 * therefore a C-order array of shape (n_vol, nz, ny, nx). (brainimage.h speaks NumPy's C order over
 * (x, y, z).) */
#ifndef DNNBRAIN_NIFTI_H
#define DNNBRAIN_NIFTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/array.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Voxel types that can be read and written; values are the format's datatype codes. Files of the
 * other codes (RGB24, RGBA32, COMPLEX64/128/256, FLOAT128, BINARY) are refused by name. */
typedef enum dnb_nifti_type {
    DNB_NIFTI_UINT8 = 2,
    DNB_NIFTI_INT16 = 4,
    DNB_NIFTI_INT32 = 8,
    DNB_NIFTI_FLOAT32 = 16,
    DNB_NIFTI_FLOAT64 = 64,
    DNB_NIFTI_INT8 = 256,
    DNB_NIFTI_UINT16 = 512,
    DNB_NIFTI_UINT32 = 768,
    DNB_NIFTI_INT64 = 1024,
    DNB_NIFTI_UINT64 = 1280
} dnb_nifti_type;

/* The standard's name of a datatype code ("INT16", "RGB24", ...); "unknown" for a code it lacks. */
DNB_API const char *dnb_nifti_type_name(int datatype);

#define DNB_NIFTI_MAX_DIMS 7

/* A header, decoded, in the machine's own byte order. Plain value; no ownership. Field names and
 * meanings are the standard's. Text fields are NUL-terminated. */
typedef struct dnb_nifti_header {
    int version;     /* 1 or 2 */
    bool big_endian; /* of the file it came from */
    bool pair;       /* .hdr + .img */
    int ndim;        /* dim[0], 1..7 */
    /* dim[1..7]; entries beyond ndim are 1. Every entry >= 1 and the product of them all fits
     * size_t. */
    size_t shape[DNB_NIFTI_MAX_DIMS];
    int datatype;        /* a dnb_nifti_type once opened */
    double pixdim[8];    /* pixdim[0] is qfac; 1..3 spacing, 4 repetition time */
    uint64_t vox_offset; /* first byte of voxel data in the data file */
    double scl_slope; /* as stored; value = stored * slope + inter when slope is finite and not 0 */
    double scl_inter;
    double cal_min, cal_max, slice_duration, toffset;
    int64_t slice_start, slice_end;
    int slice_code;
    int xyzt_units, dim_info;
    int intent_code;
    double intent_p[3];
    char intent_name[17], descrip[81], aux_file[25];
    int qform_code, sform_code;
    double quatern[3]; /* b, c, d */
    double qoffset[3];
    double srow[3][4];
} dnb_nifti_header;

/* Fills a valid header of version 1, FLOAT32, unit spacing in mm, no orientation codes, from a
 * shape of 1..7 sizes. DNB_EARG on a zero size or ndim out of range, DNB_ENOMEM when the product
 * overflows. */
DNB_API dnb_status dnb_nifti_header_init(dnb_nifti_header *h, int ndim, const size_t *shape,
                                         dnb_err *err) DNB_MUST_CHECK;
/* Voxel-to-millimetre matrix, row-major: the sform when its code > 0, else the qform when its code
 * > 0, else spacing with x flipped and the centre at 0 (nibabel's get_best_affine). DNB_EFORMAT
 * when the qform's quaternion is no rotation. */
DNB_API dnb_status dnb_nifti_affine(const dnb_nifti_header *h, double affine[4][4],
                                    dnb_err *err) DNB_MUST_CHECK;
/* Sets sform (and its code, e.g. 2) from an affine; spacing (pixdim 1..3) becomes its column
 * lengths and the qform is set to the nearest rotation when the matrix has no shear, else switched
 * off (code 0). */
DNB_API void dnb_nifti_set_affine(dnb_nifti_header *h, const double affine[4][4], int code);

/* A header extension. Codes: 4 AFNI, 6 plain-text comment, 32 CIFTI, 44 MATLAB, ... */
typedef struct dnb_nifti_extension {
    int code;
    size_t size;
    const void *data; /* size bytes; the format pads with NULs, so text may end in some */
} dnb_nifti_extension;

/* An image opened for reading. Not for use by two threads at once. */
typedef struct dnb_nifti dnb_nifti;

/* Reads header and extensions, no voxels. `path` may name either file of a pair. gzip is told by
 * content, not by suffix. Fails with DNB_EIO (cannot open), DNB_EFORMAT (wrong sizeof_hdr, magic,
 * dimensions, vox_offset, or a file shorter than its header promises: expected and present bytes
 * are named; of a gzip file, shorter than it could possibly unpack to), DNB_EUNSUPPORTED
 * (datatype). */
DNB_API dnb_status dnb_nifti_open(dnb_nifti **out, const char *path, dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_nifti_close(dnb_nifti *f);
/* Valid until close. */
DNB_API const dnb_nifti_header *dnb_nifti_header_of(const dnb_nifti *f);
DNB_API const char *dnb_nifti_path(const dnb_nifti *f);
DNB_API size_t dnb_nifti_n_extensions(const dnb_nifti *f);
DNB_API const dnb_nifti_extension *dnb_nifti_extension_at(const dnb_nifti *f, size_t i);
/* Voxels of one volume (dims 1..3) and number of volumes (product of dims 4..7). */
DNB_API size_t dnb_nifti_n_vox(const dnb_nifti *f);
DNB_API size_t dnb_nifti_n_vol(const dnb_nifti *f);

/* Volumes first .. first+count-1, scaled, into out[count * n_vox] (file order). Arithmetic is
 * double; the float variant rounds once at the end. Cost: one pass over those volumes; a gzip file
 * is unpacked from where the last read ended, or from its start when `first` lies before that, so
 * read forwards. When the read reaches the end of a gzip file its checksum is verified. DNB_EARG
 * when the range leaves the image. */
DNB_API dnb_status dnb_nifti_read_f64(dnb_nifti *f, size_t first, size_t count, double *out,
                                      dnb_err *err) DNB_MUST_CHECK;
DNB_API dnb_status dnb_nifti_read_f32(dnb_nifti *f, size_t first, size_t count, float *out,
                                      dnb_err *err) DNB_MUST_CHECK;
/* The whole image as DNB_F32 or DNB_F64 of shape (n_vol, nz, ny, nx). Needs n_vol * n_vox * 4 or 8
 * bytes; DNB_ENOMEM with the numbers, before any allocation, when that exceeds max_bytes (0 =
 * dnb_memory_budget()). */
DNB_API dnb_status dnb_nifti_read(dnb_nifti *f, dnb_dtype type, size_t max_bytes, dnb_array *out,
                                  dnb_err *err) DNB_MUST_CHECK;

/* How to write. Zero-initialise for the defaults. */
typedef struct dnb_nifti_write_options {
    int version; /* 1, 2, or 0: that of the header, but 2 when a size does not fit its 16 bits */
    /* gzip level 1..9 for a path ending in .gz; 0 = 1. See nifti_write.c for the measurement behind
     * it. */
    int gzip_level;
    /* Stored as a plain-text comment extension (code 6); NULL = none. */
    const char *provenance;
    const dnb_nifti_extension *extensions; /* written before the provenance */
    size_t n_extensions;
} dnb_nifti_write_options;

/* Writes a single file (.nii or .nii.gz; other suffixes are DNB_EARG), atomically, with h's shape,
 * datatype, slope, intercept, orientation and all other fields; endianness, pair and
 * vox_offset of h are ignored. `data` (type DNB_F32 or DNB_F64, product of h->shape elements, file
 * order) holds true values: stored = (value - inter) / slope when slope is finite and not 0.
 * Integer types round to nearest even and refuse values they cannot hold, NaN included (DNB_EARG,
 * naming the value and its place). opt may be NULL. Cost: one pass; memory: blocks of about 1 MiB.
 */
DNB_API dnb_status dnb_nifti_write(const char *path, const dnb_nifti_header *h, dnb_dtype type,
                                   const void *data, const dnb_nifti_write_options *opt,
                                   dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
