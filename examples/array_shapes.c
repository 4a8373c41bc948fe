/* Fills an array with reproducible normal numbers, converts it, and prints what came out.
 *
 *     cc array_shapes.c $(pkg-config --cflags --libs dnnbrain) -o array_shapes && ./array_shapes */
#include <stdio.h>

#include <dnnbrain/array.h>
#include <dnnbrain/random.h>
#include <dnnbrain/runtime.h>

int main(void)
{
    dnb_array a = {0}, b = {0};
    dnb_err err;
    int code = 1;
    if (dnb_array_init(&a, DNB_F64, 2, (const size_t[]){3, 4}, &err) != DNB_OK)
        goto done;

    dnb_random random;
    dnb_random_init(&random, 1, 0);
    double *x = a.data;
    for (size_t i = 0; i < dnb_array_count(&a); i++)
        x[i] = dnb_random_normal(&random);

    if (dnb_array_convert(&b, &a, DNB_F32, &err) != DNB_OK)
        goto done;
    char shape[64];
    printf("dnnbrain %s: %s array of %s, first value %.4f\n", dnb_version(),
           dnb_array_shape_text(&b, shape, sizeof shape), dnb_dtype_name(b.dtype),
           ((float *)b.data)[0]);
    code = 0;
done:
    if (code)
        fprintf(stderr, "%s\n", err.message);
    dnb_array_release(&a);
    dnb_array_release(&b);
    return code;
}
