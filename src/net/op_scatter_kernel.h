/* What scattering does with an update, once per kind of number (see each_number.h). room: net
 * (internal) */

/* dst[0..n) op= src[0..n). */
static void NAME(scatter)(scatter_kind kind, void *to, const void *from, size_t at_to,
                          size_t at_from, size_t n)
{
    REAL *dst = (REAL *)to + at_to;
    const REAL *src = (const REAL *)from + at_from;
    for (size_t i = 0; i < n; i++) {
        REAL a = dst[i], b = src[i];
        switch (kind) {
        case SCATTER_ADD:
            dst[i] = (REAL)ADD(a, b);
            break;
        case SCATTER_MUL:
            dst[i] = (REAL)MUL(a, b);
            break;
        case SCATTER_MIN:
            dst[i] = b < a || IS_NAN(b) ? b : a;
            break;
        case SCATTER_MAX:
            dst[i] = b > a || IS_NAN(b) ? b : a;
            break;
        default:
            dst[i] = b;
        }
    }
}
