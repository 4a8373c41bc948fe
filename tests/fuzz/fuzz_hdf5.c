/* .act.h5, .roi.h5, .rdm.h5 and files of weights: any bytes give data or a message, and never more
 * memory than the file can account for. */
#include "../support/fuzzfile.h"
#include "dnnbrain/actfile.h"
#include "dnnbrain/condensed.h"
#include "dnnbrain/rdmfile.h"
#include "dnnbrain/roifile.h"
#include "dnnbrain/weightsfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
DNB_API const char *__lsan_default_suppressions(void);
DNB_API const char *__asan_default_options(void);

/* libhdf5 loses memory of its own on some broken files; leaks of ours are still found. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

/* It also asks for whatever size a broken file names; malloc says no, and that must be survived. */
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

enum { MOST = 1 << 20 }; /* values read of one dataset */

static void read_act(const char *path)
{
    dnb_actfile *f = NULL;
    dnb_err err = {0};
    if (dnb_actfile_open(&f, path, &err) != DNB_OK) {
        FUZZ_CHECK(err.message[0] && !f);
        return;
    }
    for (size_t i = 0; i < dnb_actfile_count(f); i++) {
        const size_t *s = dnb_actfile_shape(f, i);
        size_t units = s[1] * s[2] * s[3], n = s[0];
        FUZZ_CHECK(units > 0 && n > 0);
        if (units > MOST)
            continue;
        n = n > MOST / units ? MOST / units : n;
        float *v = malloc(n * units * sizeof *v);
        if (dnb_actfile_read(f, i, s[0] - n, n, v, &err) != DNB_OK)
            FUZZ_CHECK(err.message[0]);
        if (dnb_actfile_read_units(f, i, 0, n, units / 2, units - units / 2, v, &err) != DNB_OK)
            FUZZ_CHECK(err.message[0]);
        free(v);
    }
    dnb_actfile_close(f);
}

static void read_roi(const char *path)
{
    dnb_roi r = {0};
    dnb_err err = {0};
    if (dnb_roi_read(&r, path, &err) != DNB_OK) {
        FUZZ_CHECK(err.message[0] && !r.names && !r.data);
        return;
    }
    double sum = 0;
    for (size_t i = 0; i < r.n_roi; i++)
        sum += (double)strlen(r.names[i]) + r.data[(r.n_vol - 1) * r.n_roi + i];
    FUZZ_CHECK(sum == sum || sum != sum);
    dnb_roi_release(&r);
}

static void read_rdm(const char *path)
{
    dnb_rdmfile *f = NULL;
    dnb_err err = {0};
    if (dnb_rdmfile_open(&f, path, &err) != DNB_OK) {
        FUZZ_CHECK(err.message[0] && !f);
        return;
    }
    for (size_t i = 0; i < dnb_rdmfile_count(f); i++) {
        const dnb_rdm_entry *e = dnb_rdmfile_entry(f, i);
        size_t n = dnb_condensed_order(e->n_pairs);
        FUZZ_CHECK(n * (n - 1) / 2 == e->n_pairs);
        if (e->n_pairs > MOST)
            continue;
        double *v = malloc(e->n_pairs * sizeof *v);
        if (dnb_rdmfile_read(f, i, e->n_iter - 1, 1, v, &err) != DNB_OK)
            FUZZ_CHECK(err.message[0]);
        free(v);
    }
    dnb_rdmfile_close(f);
}

static void read_weights(const char *path)
{
    dnb_weightsfile *f = NULL;
    dnb_err err = {0};
    if (dnb_weightsfile_open(&f, path, &err) != DNB_OK) {
        FUZZ_CHECK(err.message[0] && !f);
        return;
    }
    const dnb_weights_info *info = dnb_weightsfile_info(f);
    for (size_t l = 0; l < info->n_layers; l++) {
        const size_t *s = info->layers[l].shape;
        size_t d = s[0] * s[1] * s[2], m = info->n_targets, said;
        if (d > MOST || m > MOST)
            continue;
        double *x = calloc(d, sizeof *x), *y = calloc(m, sizeof *y);
        dnb_rows row = dnb_rows_f64(x, 1, d);
        if (!info->classify) {
            if (dnb_weightsfile_predict(y, f, l, &row, 1 << 26, &err) != DNB_OK)
                FUZZ_CHECK(err.message[0]);
        }
        for (size_t t = 0; info->classify && t < m; t++) {
            if (dnb_weightsfile_classify(&said, NULL, f, l, t, &row, false, 1 << 26, &err) ==
                DNB_OK)
                FUZZ_CHECK(said < info->classes[t].n);
            else
                FUZZ_CHECK(err.message[0]);
        }
        free(x);
        free(y);
    }
    dnb_weightsfile_close(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    read_act(path);
    read_roi(path);
    read_rdm(path);
    read_weights(path);
    return 0;
}
