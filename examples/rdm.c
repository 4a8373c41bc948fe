/* Correlation distances between the rows of a matrix: a representational
 * dissimilarity matrix.
 *
 *     cc rdm.c $(pkg-config --cflags --libs dnnbrain) -o rdm && ./rdm
 * patterns.npy
 *
 * Without a file it makes six patterns of 100 numbers, the first three of them
 * alike. */
#include <stdio.h>

#include <dnnbrain/array.h>
#include <dnnbrain/distance.h>
#include <dnnbrain/random.h>
#include <dnnbrain/rows.h>

/* Rows 0 to 2 share half of their variance. */
static dnb_status make_patterns(dnb_array *out, dnb_err *err)
{
    dnb_status status = dnb_array_init(out, DNB_F64, 2, (const size_t[]){6, 100}, err);
    if (status != DNB_OK)
        return status;
    double *x = out->data;
    for (size_t i = 0; i < 6; i++) {
        dnb_random own, shared;
        dnb_random_init(&own, 1, i);
        dnb_random_init(&shared, 1, 100);
        for (size_t k = 0; k < 100; k++)
            x[100 * i + k] = dnb_random_normal(&own) + (i < 3 ? dnb_random_normal(&shared) : 0);
    }
    return DNB_OK;
}

int main(int argc, char **argv)
{
    dnb_array file = {0}, patterns = {0}, distances = {0};
    dnb_rows rows;
    dnb_err err;
    const dnb_pdist_options options = {.metric = DNB_CORRELATION};

    dnb_status status = argc > 1 ? dnb_npy_read(&file, argv[1], &err) : make_patterns(&file, &err);
    if (status == DNB_OK)
        status = dnb_array_convert(&patterns, &file, DNB_F64, &err);
    if (status == DNB_OK)
        status = dnb_rows_of_array(&rows, &patterns, &err);
    if (status == DNB_OK)
        status = dnb_pdist(&distances, &rows, &options, &err);
    if (status == DNB_OK) {
        const double *d = distances.data;
        for (size_t i = 0; i < rows.n; i++) {
            for (size_t j = 0; j < rows.n; j++)
                printf("%7.3f", i == j  ? 0.0
                                : i < j ? d[dnb_condensed_index(rows.n, i, j)]
                                        : d[dnb_condensed_index(rows.n, j, i)]);
            putchar('\n');
        }
    } else {
        fprintf(stderr, "rdm: %s\n", err.message);
    }
    dnb_array_release(&distances);
    dnb_array_release(&patterns);
    dnb_array_release(&file);
    return status == DNB_OK ? 0 : 1;
}
