/* .npy: any bytes give an array or a message; an array's own header describes it. */
#include "../support/fuzzfile.h"
#include "array/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dnb_array a = {0}, b = {0};
    dnb_err err = {0};
    char buf[DNB_NPY_HEADER_MAX];
    FILE *f = size ? fmemopen((void *)data, size, "rb") : NULL;
    if (!f)
        return 0;
    dnb_status status = dnb_npy_read_stream(&a, f, size, "x.npy", &err);
    fclose(f);
    if (status != DNB_OK) {
        FUZZ_CHECK(err.message[0] && !a.data);
        return 0;
    }
    size_t head = dnb_npy_header(&a, buf), bytes = dnb_array_bytes(&a);
    FUZZ_CHECK(head > 0 && bytes <= size);
    char *whole = malloc(head + bytes);
    memcpy(whole, buf, head);
    if (bytes)
        memcpy(whole + head, a.data, bytes);
    f = fmemopen(whole, head + bytes, "rb");
    FUZZ_CHECK(f && dnb_npy_read_stream(&b, f, head + bytes, "y.npy", &err) == DNB_OK);
    fclose(f);
    FUZZ_CHECK(a.dtype == b.dtype && a.ndim == b.ndim && dnb_array_bytes(&b) == bytes);
    FUZZ_CHECK(memcmp(a.data, b.data, bytes) == 0);
    free(whole);
    dnb_array_release(&a);
    dnb_array_release(&b);
    return 0;
}
