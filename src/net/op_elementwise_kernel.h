/* Reference kernel of broadcasting arithmetic on floats, once per REAL (see each_real.h). room: net
 * (internal) */

static REAL NAME(apply)(dnb_prim_alg alg, REAL a, REAL b)
{
    switch (alg) {
    case DNB_ALG_ADD:
        return a + b;
    case DNB_ALG_SUB:
        return a - b;
    case DNB_ALG_MUL:
        return a * b;
    default:
        return a / b;
    }
}

static void NAME(binary)(const dnb_array *out, const dnb_array *a, const dnb_array *b,
                         dnb_prim_alg alg)
{
    const REAL *pa = a->data, *pb = b->data;
    REAL *dst = out->data;
    size_t sa[DNB_MAX_DIMS], sb[DNB_MAX_DIMS], n = dnb_array_count(out);
    size_t width = out->ndim ? out->shape[out->ndim - 1] : 1, rows = width ? n / width : 0;
    int last = out->ndim ? out->ndim - 1 : 0;
    dnb_broadcast_steps(a, out, sa);
    dnb_broadcast_steps(b, out, sb);
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        size_t ia = 0, ib = 0, rest = r;
        for (int d = last - 1; d >= 0; d--) {
            ia += rest % out->shape[d] * sa[d];
            ib += rest % out->shape[d] * sb[d];
            rest /= out->shape[d];
        }
        for (size_t x = 0; x < width; x++)
            dst[r * width + x] = NAME(apply)(alg, pa[ia + x * sa[last]], pb[ib + x * sb[last]]);
    }
}
