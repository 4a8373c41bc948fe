/* Any bytes as a checkpoint: open, then read every tensor. */
#include <stddef.h>
#include <stdint.h>

#include "net/pth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dnb_pth *p = NULL;
    dnb_err err = {0};
    if (dnb_pth_open_memory(&p, "fuzz", data, size, &err) != DNB_OK)
        return 0;
    size_t total = 0;
    for (size_t i = 0; i < dnb_pth_count(p) && total < (size_t)16 << 20; i++) {
        dnb_array a = {0};
        const dnb_pth_tensor *t = dnb_pth_at(p, i);
        if (dnb_pth_find(p, t->name) != t)
            __builtin_trap();
        if (dnb_pth_read(p, t, &a, &err) == DNB_OK)
            total += dnb_array_bytes(&a);
        dnb_array_release(&a);
    }
    dnb_pth_close(p);
    return 0;
}
