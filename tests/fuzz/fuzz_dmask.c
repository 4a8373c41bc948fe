/* .dmask.csv: any bytes give a mask or a message; masks read back the same and select only what
 * exists. */
#include "../support/fuzzfile.h"
#include "dnnbrain/dmask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void apply(const dnb_dmask_layer *l)
{
    enum { C = 5, H = 4, W = 6 };
    dnb_select s = {0};
    dnb_err err = {0};
    if (dnb_select_init(&s, l, (size_t[]){C, H, W}, &err) != DNB_OK) {
        FUZZ_CHECK(err.message[0]);
        return;
    }
    float src[C * H * W];
    for (size_t i = 0; i < C * H * W; i++)
        src[i] = (float)i;
    size_t n = dnb_select_count(&s);
    float *dst = n < 1000000 ? malloc((n ? n : 1) * sizeof *dst) : NULL;
    if (dst) {
        dnb_select_apply(&s, src, dst);
        for (size_t u = 0; u < n; u++) {
            size_t at[DNB_AXES];
            dnb_select_locate(&s, u, at);
            FUZZ_CHECK(dst[u] == (float)(((at[0] - 1) * H + at[1] - 1) * W + at[2] - 1));
        }
    }
    free(dst);
    dnb_select_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dnb_dmask m = {0}, back = {0};
    dnb_err err = {0};
    if (dnb_dmask_read(&m, fuzz_file(data, size), &err) != DNB_OK) {
        FUZZ_CHECK(err.message[0] && !m.layers);
        return 0;
    }
    FUZZ_CHECK(dnb_dmask_write(&m, fuzz_path(1), &err) == DNB_OK);
    FUZZ_CHECK(dnb_dmask_read(&back, fuzz_path(1), &err) == DNB_OK);
    FUZZ_CHECK(back.n_layers == m.n_layers);
    for (size_t i = 0; i < m.n_layers; i++) {
        const dnb_dmask_layer *a = &m.layers[i], *b = &back.layers[i];
        FUZZ_CHECK(strcmp(a->name, b->name) == 0);
        for (int k = 0; k < DNB_AXES; k++)
            FUZZ_CHECK(a->n[k] == b->n[k] && !a->index[k] == !b->index[k] &&
                       (!a->index[k] ||
                        memcmp(a->index[k], b->index[k], a->n[k] * sizeof *a->index[k]) == 0));
        apply(a);
    }
    dnb_dmask_release(&back);
    dnb_dmask_release(&m);
    return 0;
}
