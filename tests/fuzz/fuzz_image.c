/* JPEG, PNG and BMP from memory, then a small resize: no crash, and what is returned is a whole
 * image. */
#include <stdlib.h>

#include "dnnbrain/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dnb_image im = {0}, small = {0};
    dnb_err err = {0};
    if (dnb_image_decode(&im, data, size, "input", &err) != DNB_OK) {
        if (err.status == DNB_OK || err.message[0] == '\0' || im.data)
            abort();
        return 0;
    }
    /* Wide and flat or tall ones would spend the time on the resize. */
    if (im.width * im.height <= 1 << 22) {
        if (dnb_image_resize(&small, &im, 13, 9, &err) != DNB_OK)
            abort();
        dnb_image_release(&small);
    }
    dnb_image_release(&im);
    return 0;
}
