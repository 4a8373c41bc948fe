/* What the network probes share: raw float32 files in and out, and leaving with a status. */
#ifndef DNB_TEST_PROBE_IO_H
#define DNB_TEST_PROBE_IO_H

#include <stdio.h>
#include <stdlib.h>

#include "dnnbrain/status.h"

static int die(dnb_status status, const dnb_err *err)
{
    fprintf(stderr, "%s: %s\n", dnb_status_name(status), err->message);
    return 1;
}

/* Ends the program when it cannot. */
static float *read_floats(const char *path, size_t count)
{
    FILE *f = fopen(path, "rb");
    float *x = malloc(count * sizeof *x);
    if (!f || !x || fread(x, sizeof *x, count, f) != count) {
        fprintf(stderr, "%s: cannot read %zu numbers\n", path, count);
        exit(1);
    }
    fclose(f);
    return x;
}

/* FOLDER/<i>.f32; 1 when it cannot. */
static int write_floats(const char *folder, size_t i, const float *x, size_t count)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%zu.f32", folder, i);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(x, sizeof *x, count, f) != count || fclose(f) != 0) {
        perror(path);
        return 1;
    }
    return 0;
}

#endif
