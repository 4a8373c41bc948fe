/* Order of the entries of an axis, once per kind of number (see each_number.h). room: net
 * (internal) */

/* -1, 0 or 1: entry a of the axis against entry b, element by element; NaN comes last and equals
 * NaN. */
static int NAME(compare_entry)(const void *data, const dnb_lines *l, size_t a, size_t b)
{
    const REAL *x = data;
    for (size_t o = 0; o < l->outer; o++)
        for (size_t i = 0; i < l->inner; i++) {
            REAL va = x[(o * l->n + a) * l->inner + i], vb = x[(o * l->n + b) * l->inner + i];
            if (IS_NAN(va) || IS_NAN(vb)) {
                if (IS_NAN(va) != IS_NAN(vb))
                    return IS_NAN(va) ? 1 : -1;
            } else if (va != vb) {
                return va < vb ? -1 : 1;
            }
        }
    return 0;
}
