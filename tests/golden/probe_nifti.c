/* Runs the neuro room for diff_nifti.py: each command prints text or writes raw numbers that the
 * script compares with nibabel and numpy. Exit 1 and "STATUS: message" on stderr on failure. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnnbrain/brainimage.h"
#include "dnnbrain/nifti.h"
#include "dnnbrain/roi.h"

#define CHECK(call)                                                                                \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != DNB_OK)                                                                      \
            goto done;                                                                             \
    } while (0)

static void save(const char *path, const void *data, size_t bytes)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f) != 0) {
        perror(path);
        exit(2);
    }
}

static void print_list(const char *name, const double *v, int n)
{
    printf("%s", name);
    for (int i = 0; i < n; i++)
        printf(" %.17g", v[i]);
    printf("\n");
}

static dnb_status command_info(char **a, dnb_err *err)
{
    dnb_nifti *f = NULL;
    double m[4][4];
    dnb_status status;
    CHECK(dnb_nifti_open(&f, a[0], err));
    const dnb_nifti_header *h = dnb_nifti_header_of(f);
    printf("version %d\nbig_endian %d\npair %d\nndim %d\nshape", h->version, h->big_endian, h->pair,
           h->ndim);
    for (int i = 0; i < h->ndim; i++)
        printf(" %zu", h->shape[i]);
    printf("\nn_vox %zu\nn_vol %zu\n", dnb_nifti_n_vox(f), dnb_nifti_n_vol(f));
    printf("datatype %d\nxyzt_units %d\ndim_info %d\nintent_code %d\nqform_code %d\nsform_code %d\n"
           "slice_code %d\nslice_start %" PRId64 "\nslice_end %" PRId64 "\nvox_offset %" PRIu64
           "\n",
           h->datatype, h->xyzt_units, h->dim_info, h->intent_code, h->qform_code, h->sform_code,
           h->slice_code, h->slice_start, h->slice_end, h->vox_offset);
    print_list("pixdim", h->pixdim, 8);
    print_list("intent_p", h->intent_p, 3);
    print_list("quatern", h->quatern, 3);
    print_list("qoffset", h->qoffset, 3);
    print_list("srow", h->srow[0], 12);
    print_list("scl", (double[]){h->scl_slope, h->scl_inter}, 2);
    print_list("cal", (double[]){h->cal_min, h->cal_max}, 2);
    print_list("time", (double[]){h->slice_duration, h->toffset}, 2);
    printf("intent_name %s\ndescrip %s\naux_file %s\n", h->intent_name, h->descrip, h->aux_file);
    CHECK(dnb_nifti_affine(h, m, err));
    print_list("affine", m[0], 16);
    for (size_t i = 0; i < dnb_nifti_n_extensions(f); i++) {
        const dnb_nifti_extension *e = dnb_nifti_extension_at(f, i);
        printf("extension %d %zu ", e->code, e->size);
        for (size_t k = 0; k < e->size; k++) /* one line */
            putchar(((const char *)e->data)[k] == '\n' ? ' ' : ((const char *)e->data)[k]);
        printf("\n");
    }
done:
    dnb_nifti_close(f);
    return status;
}

/* read FILE f32|f64 OUT [FIRST COUNT] */
static dnb_status command_read(char **a, int n, dnb_err *err)
{
    dnb_nifti *f = NULL;
    dnb_array all = {0};
    double *part = NULL;
    dnb_status status;
    CHECK(dnb_nifti_open(&f, a[0], err));
    if (n == 3) {
        CHECK(dnb_nifti_read(f, strcmp(a[1], "f32") == 0 ? DNB_F32 : DNB_F64, 0, &all, err));
        save(a[2], all.data, dnb_array_bytes(&all));
    } else {
        size_t first = strtoul(a[3], NULL, 10), count = strtoul(a[4], NULL, 10);
        part = malloc(count * dnb_nifti_n_vox(f) * sizeof *part + 1);
        CHECK(dnb_nifti_read_f64(f, first, count, part, err));
        save(a[2], part, count * dnb_nifti_n_vox(f) * sizeof *part);
    }
done:
    dnb_array_release(&all);
    free(part);
    dnb_nifti_close(f);
    return status;
}

/* copy IN OUT DATATYPE SLOPE INTER VERSION LEVEL KEEP_EXTENSIONS [PROVENANCE] */
static dnb_status command_copy(char **a, int n, dnb_err *err)
{
    dnb_nifti *f = NULL;
    dnb_array all = {0};
    dnb_status status;
    CHECK(dnb_nifti_open(&f, a[0], err));
    CHECK(dnb_nifti_read(f, DNB_F64, 0, &all, err));
    dnb_nifti_header h = *dnb_nifti_header_of(f);
    h.datatype = atoi(a[2]);
    h.scl_slope = atof(a[3]);
    h.scl_inter = atof(a[4]);
    dnb_nifti_write_options opt = {
        .version = atoi(a[5]), .gzip_level = atoi(a[6]), .provenance = n > 8 ? a[8] : NULL};
    if (atoi(a[7]) && dnb_nifti_n_extensions(f)) {
        opt.extensions = dnb_nifti_extension_at(f, 0);
        opt.n_extensions = dnb_nifti_n_extensions(f);
    }
    CHECK(dnb_nifti_write(a[1], &h, DNB_F64, all.data, &opt, err));
done:
    dnb_array_release(&all);
    dnb_nifti_close(f);
    return status;
}

/* brain FILE f32|f64 OUT FIRST COUNT [VOXELS.raw N]: count x n_sel */
static dnb_status command_brain(char **a, int n, dnb_err *err)
{
    dnb_brain *b = NULL;
    size_t *vox = NULL;
    void *out = NULL;
    dnb_status status;
    CHECK(dnb_brain_open(&b, a[0], err));
    size_t first = strtoul(a[3], NULL, 10), count = strtoul(a[4], NULL, 10);
    size_t n_sel = n > 5 ? strtoul(a[6], NULL, 10) : dnb_brain_n_vox(b);
    bool f32 = strcmp(a[1], "f32") == 0;
    size_t bytes = count * n_sel * (f32 ? sizeof(float) : sizeof(double));
    out = malloc(bytes + 1);
    if (n > 5) {
        FILE *in = fopen(a[5], "rb");
        vox = malloc(n_sel * sizeof *vox + 1);
        if (!in || fread(vox, sizeof *vox, n_sel, in) != n_sel)
            exit(2);
        fclose(in);
    }
    if (f32)
        CHECK(dnb_brain_read_f32(b, first, count, vox, n_sel, out, NULL, err));
    else
        CHECK(dnb_brain_read_f64(b, first, count, vox, n_sel, out, NULL, err));
    save(a[2], out, bytes);
done:
    free(out);
    free(vox);
    dnb_brain_close(b);
    return status;
}

/* like IN OUT N_MAPS [MASK]: the first volumes of IN as maps, inside the mask only (-1 outside) */
static dnb_status command_like(char **a, int n, dnb_err *err)
{
    dnb_brain *b = NULL;
    dnb_mask *m = NULL;
    size_t *vox = NULL, maps = strtoul(a[2], NULL, 10);
    double *values = NULL;
    dnb_status status;
    CHECK(dnb_brain_open(&b, a[0], err));
    size_t n_sel = dnb_brain_n_vox(b);
    dnb_brain_write_options opt = {.fill = -1, .provenance = "{\"probe\": 1}"};
    if (n > 3) {
        CHECK(dnb_mask_read(&m, a[3], err));
        CHECK(dnb_mask_check(m, b, err));
        CHECK(dnb_mask_select(m, NULL, 0, &vox, &n_sel, err));
    }
    values = malloc(maps * n_sel * sizeof *values + 1);
    CHECK(dnb_brain_read_f64(b, 0, maps, vox, n_sel, values, NULL, err));
    CHECK(dnb_brain_write_like(a[1], b, maps, values, vox, n_sel, &opt, err));
done:
    free(values);
    dnb_mask_select_free(vox);
    dnb_mask_free(m);
    dnb_brain_close(b);
    return status;
}

/* roi FILE MASK METHOD OUT [LABEL...]: prints the names */
static dnb_status command_roi(char **a, int n, dnb_err *err)
{
    dnb_brain *b = NULL;
    dnb_mask *m = NULL;
    dnb_roi_table t = {0};
    int64_t labels[64];
    dnb_status status;
    dnb_roi_options opt = {0};
    CHECK(dnb_roi_method_parse(a[2], &opt.method, err));
    CHECK(dnb_brain_open(&b, a[0], err));
    CHECK(dnb_mask_read(&m, a[1], err));
    for (int i = 4; i < n && i < 68; i++)
        labels[i - 4] = atoll(a[i]);
    if (n > 4) {
        opt.labels = labels;
        opt.n_labels = (size_t)n - 4;
    }
    CHECK(dnb_roi_run(&t, b, m, &opt, err));
    for (size_t i = 0; i < t.n_roi; i++)
        printf("%s\n", t.names[i]);
    save(a[3], t.data, t.n_vol * t.n_roi * sizeof *t.data);
done:
    dnb_roi_table_release(&t);
    dnb_mask_free(m);
    dnb_brain_close(b);
    return status;
}

/* pattern FILE MASK LABEL OUT: prints the number of voxels */
static dnb_status command_pattern(char **a, dnb_err *err)
{
    dnb_brain *b = NULL;
    dnb_mask *m = NULL;
    double *p = NULL;
    size_t n = 0;
    dnb_status status;
    CHECK(dnb_brain_open(&b, a[0], err));
    CHECK(dnb_mask_read(&m, a[1], err));
    CHECK(dnb_roi_pattern_read(&p, &n, b, m, atoll(a[2]), 0, NULL, err));
    printf("%zu\n", n);
    save(a[3], p, n * dnb_brain_n_vol(b) * sizeof *p);
done:
    dnb_roi_pattern_free(p);
    dnb_mask_free(m);
    dnb_brain_close(b);
    return status;
}

static int run_command(int argc, char **argv)
{
    dnb_err err = {0};
    dnb_status status = DNB_EARG;
    const char *what = argc > 0 ? argv[0] : "";
    char **a = argv + 1;
    int n = argc - 1;
    if (strcmp(what, "faults") == 0) { /* were the fault hooks compiled in? */
#ifdef DNB_FAULTS
        return 0;
#else
        return 1;
#endif
    }
    if (strcmp(what, "info") == 0 && n == 1)
        status = command_info(a, &err);
    else if (strcmp(what, "read") == 0 && (n == 3 || n == 5))
        status = command_read(a, n, &err);
    else if (strcmp(what, "copy") == 0 && n >= 8)
        status = command_copy(a, n, &err);
    else if (strcmp(what, "brain") == 0 && (n == 5 || n == 7))
        status = command_brain(a, n, &err);
    else if (strcmp(what, "like") == 0 && n >= 3)
        status = command_like(a, n, &err);
    else if (strcmp(what, "roi") == 0 && n >= 4)
        status = command_roi(a, n, &err);
    else if (strcmp(what, "pattern") == 0 && n == 4)
        status = command_pattern(a, &err);
    else
        return 2;
    if (status != DNB_OK)
        fprintf(stderr, "%s: %s\n", dnb_status_name(status), err.message);
    return status == DNB_OK ? 0 : 1;
}

/* Several commands may follow each other, separated by "--". */
int main(int argc, char **argv)
{
    int code = 0;
    for (int from = 1; code == 0 && from < argc;) {
        int to = from;
        while (to < argc && strcmp(argv[to], "--") != 0)
            to++;
        code = run_command(to - from, argv + from);
        from = to + 1;
    }
    return argc > 1 ? code : 2;
}
