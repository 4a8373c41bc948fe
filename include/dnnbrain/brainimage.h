/* Brain images, whatever their file format: a matrix of volumes x voxels, and maps written back
 * into the same geometry. room: neuro
 *
 * Voxel numbers are NumPy's: the C-order position in nibabel's data array, index = (x * ny + y) *
 * nz + z for a volume of shape (nx, ny, nz). So ascending numbers are exactly the order in which
 * data[mask == label] lists voxels (x slowest, z fastest), although the file itself stores x
 * fastest. */
#ifndef DNNBRAIN_BRAINIMAGE_H
#define DNNBRAIN_BRAINIMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/nifti.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_brain_kind {
    DNB_BRAIN_VOLUME = 0 /* NIfTI volume(s); surfaces and grayordinates are to come */
} dnb_brain_kind;

/* An image opened for reading. Not for use by two threads at once. */
typedef struct dnb_brain dnb_brain;

/* True when the name has the suffix of any brain image, readable or not yet: .nii .nii.gz .hdr .img
 * (.dscalar.nii .dtseries.nii .dlabel.nii and the other CIFTI-2 names), .gii, .mgh .mgz. */
DNB_API bool dnb_brain_is_image_name(const char *path);
/* The suffix of a map made from `path`: the image's own (".nii.gz", ".dscalar.nii", ...; ".nii" for
 * a .hdr/.img pair; ".nii.gz" for a name of no known suffix). Static text. */
DNB_API const char *dnb_brain_suffix(const char *path);

/* Opens by suffix and reads the geometry, no data. CIFTI-2 (by suffix or by the header's intent
 * code 3000..3099), GIFTI and MGH/MGZ are DNB_EUNSUPPORTED, an unknown suffix DNB_EARG; else as
 * dnb_nifti_open. */
DNB_API dnb_status dnb_brain_open(dnb_brain **out, const char *path, dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_brain_close(dnb_brain *b);

DNB_API dnb_brain_kind dnb_brain_kind_of(const dnb_brain *b);
DNB_API const char *dnb_brain_path(const dnb_brain *b);
/* Spatial shape, three sizes (nx, ny, nz), and its product. */
DNB_API const size_t *dnb_brain_shape(const dnb_brain *b);
DNB_API size_t dnb_brain_n_vox(const dnb_brain *b);
/* Volumes (time points, maps); 1 for a 3-D image. Dims 5..7 of a NIfTI file count as further
 * volumes. */
DNB_API size_t dnb_brain_n_vol(const dnb_brain *b);
/* The NIfTI header behind the image, valid until close; NULL for kinds without one. */
DNB_API const dnb_nifti_header *dnb_brain_nifti_header(const dnb_brain *b);
/* Voxel-to-millimetre matrix; DNB_EUNSUPPORTED for kinds without one. */
DNB_API dnb_status dnb_brain_affine(const dnb_brain *b, double affine[4][4],
                                    dnb_err *err) DNB_MUST_CHECK;
/* "40x20x1" into buf; returns buf. */
DNB_API char *dnb_brain_shape_text(const size_t shape[3], char *buf, size_t size);

/* out[i * n_sel + j] = volume first + i at voxel vox[j], scaled; count x n_sel. vox == NULL means
 * every voxel in ascending order (n_sel must then be n_vox). vox may be in any order and repeat.
 * The file is streamed in blocks of 1 MiB per thread; memory beyond `out`: those, and 16 bytes per
 * selected voxel. Results do not depend on the number of threads. Read forwards (see
 * dnb_nifti_read_f64). DNB_EARG when the volume range or a voxel number leaves the image. progress
 * may be NULL. */
DNB_API dnb_status dnb_brain_read_f64(dnb_brain *b, size_t first, size_t count, const size_t *vox,
                                      size_t n_sel, double *out, const dnb_progress *progress,
                                      dnb_err *err) DNB_MUST_CHECK;
DNB_API dnb_status dnb_brain_read_f32(dnb_brain *b, size_t first, size_t count, const size_t *vox,
                                      size_t n_sel, float *out, const dnb_progress *progress,
                                      dnb_err *err) DNB_MUST_CHECK;

/* DNB_ESHAPE, naming both files and both shapes, unless a and b have the same spatial shape. */
DNB_API dnb_status dnb_brain_check_same_shape(const dnb_brain *a, const dnb_brain *b,
                                              dnb_err *err) DNB_MUST_CHECK;

typedef struct dnb_brain_write_options {
    dnb_nifti_type type;    /* stored type; 0 = FLOAT32 */
    double fill;            /* value of voxels outside vox; the zero default is the usual choice */
    const char *provenance; /* text stored with the image; NULL = none */
    const char *descrip;    /* up to 79 bytes into the header's description; NULL = keep `like`'s */
} dnb_brain_write_options;

/* Writes n_maps maps with the geometry of `like` (spacing, qform, sform, units, intent; display
 * range, slice timing and scaling are cleared): values[i * n_sel + j] goes to map i, voxel vox[j];
 * vox == NULL means all voxels ascending. One map gives a 3-D image, more give 4-D. The suffix of
 * `path` must fit like's kind: .nii or .nii.gz for volumes. Atomic. opt may be NULL. Memory: one
 * map as double. DNB_EARG when a voxel number leaves the image or n_maps is 0. */
DNB_API dnb_status dnb_brain_write_like(const char *path, const dnb_brain *like, size_t n_maps,
                                        const double *values, const size_t *vox, size_t n_sel,
                                        const dnb_brain_write_options *opt,
                                        dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
