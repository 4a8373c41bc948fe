/* NIfTI reading from memory: single files (plain or gzip), and pairs. A first byte 'P' means a
 * pair: two bytes of header length follow, then header, then image. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "dnnbrain/nifti.h"
#include "neuro/nifti_internal.h"

/* Images whose voxels are read; a larger one (a packed header can promise a lot) is only opened. */
#define MAX_VOXELS ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(dnb_nifti *f)
{
    size_t n_vox = dnb_nifti_n_vox(f), n_vol = dnb_nifti_n_vol(f);
    double affine[4][4];
    dnb_array a = {0};
    for (size_t i = 0; i < dnb_nifti_n_extensions(f); i++) {
        const dnb_nifti_extension *e = dnb_nifti_extension_at(f, i);
        volatile unsigned char last = ((const unsigned char *)e->data)[e->size]; /* the NUL */
        if (last != 0)
            abort();
    }
    if (dnb_nifti_affine(dnb_nifti_header_of(f), affine, NULL) != DNB_OK)
        affine[0][0] = 0;
    if (n_vox > MAX_VOXELS || n_vol > MAX_VOXELS / n_vox)
        return;
    if (dnb_nifti_read(f, DNB_F32, 0, &a, NULL) == DNB_OK)
        dnb_array_release(&a);
    double *last = malloc(n_vox * sizeof *last);
    if (last && dnb_nifti_read_f64(f, n_vol - 1, 1, last, NULL) == DNB_OK &&
        dnb_nifti_read_f64(f, 0, 1, last, NULL) != DNB_OK)
        abort(); /* what the last volume has, the first has too */
    free(last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dnb_bytesource *head = NULL, *image = NULL;
    dnb_nifti *f = NULL;
    size_t head_size = size;
    if (size > 3 && data[0] == 'P') {
        head_size = (size_t)data[1] << 8 | data[2];
        data += 3;
        size -= 3;
        if (head_size > size)
            head_size = size;
        if (dnb_bytesource_memory(&image, data + head_size, size - head_size, "fuzz.img", NULL) !=
            DNB_OK)
            return 0;
    }
    if (dnb_bytesource_memory(&head, data, head_size, "fuzz.nii", NULL) != DNB_OK) {
        dnb_bytesource_close(image);
        return 0;
    }
    if (dnb_nifti_open_sources(&f, head, image, NULL) == DNB_OK) {
        read_all(f);
        dnb_nifti_close(f);
    }
    return 0;
}
