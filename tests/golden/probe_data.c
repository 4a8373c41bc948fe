/* Drives the data room for diff_data.py: each command reads or writes one file and prints what it
 * found. Values written follow one rule both sides know: element k of dataset d is (k % 1009) * 0.5
 * - d. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dnnbrain/actfile.h"
#include "dnnbrain/array.h"
#include "dnnbrain/dmask.h"
#include "dnnbrain/rdmfile.h"
#include "dnnbrain/roifile.h"
#include "dnnbrain/stim.h"

static int fail(const dnb_err *err)
{
    printf("error %s: %s\n", dnb_status_name(err->status), err->message);
    return 1;
}

static double rule(size_t k, size_t d)
{
    return (double)(k % 1009) * 0.5 - (double)d;
}

/* act-read FILE: per layer its name, shape, and the values as raw float32 into FILE.<i>.bin;
 * units 1.. of all stimuli (when there are two) into FILE.<i>.part. */
static int act_read(const char *path)
{
    dnb_actfile *f = NULL;
    dnb_err err;
    if (dnb_actfile_open(&f, path, &err) != DNB_OK)
        return fail(&err);
    for (size_t i = 0; i < dnb_actfile_count(f); i++) {
        const size_t *s = dnb_actfile_shape(f, i);
        size_t units = s[1] * s[2] * s[3];
        char name[4096];
        float *v = dnb_alloc(s[0] * units, sizeof *v);
        printf("%s %zu %zu %zu %zu\n", dnb_actfile_name(f, i), s[0], s[1], s[2], s[3]);
        /* Two pieces, so that ranges are tested. */
        size_t half = s[0] / 2;
        if (!v || dnb_actfile_read(f, i, 0, half, v, &err) != DNB_OK ||
            dnb_actfile_read(f, i, half, s[0] - half, v + half * units, &err) != DNB_OK)
            return fail(&err);
        snprintf(name, sizeof name, "%s.%zu.bin", path, i);
        FILE *out = fopen(name, "wb");
        fwrite(v, sizeof *v, s[0] * units, out);
        fclose(out);
        if (units > 2) {
            if (dnb_actfile_read_units(f, i, 0, s[0], 1, units - 2, v, &err) != DNB_OK)
                return fail(&err);
            snprintf(name, sizeof name, "%s.%zu.part", path, i);
            out = fopen(name, "wb");
            fwrite(v, sizeof *v, s[0] * (units - 2), out);
            fclose(out);
        }
        dnb_free(v);
    }
    printf("provenance %s\n", dnb_actfile_provenance(f) ? dnb_actfile_provenance(f) : "none");
    dnb_actfile_close(f);
    return 0;
}

/* act-write FILE LEVEL N: four layers of N stimuli by the rule. */
static int act_write(const char *path, int level, size_t n)
{
    dnb_act_layer layers[] = {{.name = "zz_first", .shape = {64, 55, 55}},
                              {.name = "block/conv1", .shape = {3, 5, 7}},
                              {.name = "block/deep/conv2", .shape = {1, 700, 701}},
                              {.name = "fc \xc3\xa9", .shape = {4096, 1, 1}}};
    enum { LAYERS = 4 };
    float *data[LAYERS];
    dnb_err err;
    for (size_t i = 0; i < LAYERS; i++) {
        size_t units = n * layers[i].shape[0] * layers[i].shape[1] * layers[i].shape[2];
        data[i] = dnb_alloc(units, sizeof(float));
        for (size_t k = 0; k < units; k++)
            data[i][k] = (float)rule(k, i);
        layers[i].data = data[i];
    }
    dnb_save_options options = {.compress = level, .provenance = "{\"program\":\"probe\"}"};
    dnb_status status = dnb_actfile_write(path, LAYERS, layers, n, &options, &err);
    for (size_t i = 0; i < LAYERS; i++)
        dnb_free(data[i]);
    return status == DNB_OK ? 0 : fail(&err);
}

static int roi_read(const char *path)
{
    dnb_roi r = {0};
    dnb_err err;
    if (dnb_roi_read(&r, path, &err) != DNB_OK)
        return fail(&err);
    double sum = 0;
    for (size_t i = 0; i < r.n_vol * r.n_roi; i++)
        sum += r.data[i] * (double)(i % 7 + 1);
    printf("%zu %zu %.17g\n", r.n_vol, r.n_roi, sum);
    for (size_t i = 0; i < r.n_roi; i++)
        printf("%s\n", r.names[i]);
    dnb_roi_release(&r);
    return 0;
}

static int roi_write(const char *path, size_t n_vol, size_t n_roi, int level)
{
    dnb_roi r = {0};
    dnb_err err;
    char(*text)[32] = calloc(n_roi, sizeof *text);
    const char **names = calloc(n_roi, sizeof *names);
    for (size_t i = 0; i < n_roi; i++) {
        snprintf(text[i], sizeof text[i], i % 3 ? "roi_%zu" : "r\xc3\xa9gion %zu", i);
        names[i] = text[i];
    }
    dnb_save_options options = {.compress = level, .provenance = "{}"};
    dnb_status status = dnb_roi_init(&r, n_vol, n_roi, names, &err);
    for (size_t k = 0; status == DNB_OK && k < n_vol * n_roi; k++)
        r.data[k] = rule(k, 0);
    if (status == DNB_OK)
        status = dnb_roi_write(&r, path, &options, &err);
    dnb_roi_release(&r);
    free(text);
    free(names);
    return status == DNB_OK ? 0 : fail(&err);
}

static int rdm_read(const char *path)
{
    dnb_rdmfile *f = NULL;
    dnb_err err;
    if (dnb_rdmfile_open(&f, path, &err) != DNB_OK)
        return fail(&err);
    printf("%s\n", dnb_rdmfile_type(f) == DNB_BRDM ? "bRDM" : "dRDM");
    for (size_t i = 0; i < dnb_rdmfile_count(f); i++) {
        const dnb_rdm_entry *e = dnb_rdmfile_entry(f, i);
        double *v = dnb_alloc(e->n_iter * e->n_pairs, sizeof *v), sum = 0;
        if (!v || dnb_rdmfile_read(f, i, 0, e->n_iter, v, &err) != DNB_OK)
            return fail(&err);
        for (size_t k = 0; k < e->n_iter * e->n_pairs; k++)
            sum += v[k] * (double)(k % 7 + 1);
        printf("%s %zu %zu %zu %.17g\n", e->key, e->n_iter, e->n_pairs,
               dnb_condensed_order(e->n_pairs), sum);
        dnb_free(v);
    }
    dnb_rdmfile_close(f);
    return 0;
}

/* rdm-write FILE bRDM|dRDM LEVEL */
static int rdm_write(const char *path, const char *type, int level)
{
    bool brain = strcmp(type, "bRDM") == 0;
    dnb_rdm_entry e[] = {{.key = "conv1/relu", .n_iter = brain ? 1 : 3, .n_pairs = 4186},
                         {.key = "a", .n_iter = 1, .n_pairs = 1}};
    double *data[2];
    dnb_err err;
    for (size_t i = 0; i < 2; i++) {
        data[i] = dnb_alloc(e[i].n_iter * e[i].n_pairs, sizeof(double));
        for (size_t k = 0; k < e[i].n_iter * e[i].n_pairs; k++)
            data[i][k] = rule(k, i);
        e[i].data = data[i];
    }
    dnb_save_options options = {.compress = level, .provenance = "{\"seed\":7}"};
    dnb_status status = dnb_rdm_write(path, brain ? DNB_BRDM : DNB_DRDM, 2, e, &options, &err);
    dnb_free(data[0]);
    dnb_free(data[1]);
    return status == DNB_OK ? 0 : fail(&err);
}

/* npy-copy IN OUT: prints type and shape. */
static int npy_copy(const char *in, const char *out)
{
    dnb_array a = {0};
    dnb_err err;
    char shape[256];
    if (dnb_npy_read(&a, in, &err) != DNB_OK)
        return fail(&err);
    printf("%s %s\n", dnb_dtype_name(a.dtype), dnb_array_shape_text(&a, shape, sizeof shape));
    dnb_status status = dnb_npy_write(&a, out, &err);
    dnb_array_release(&a);
    return status == DNB_OK ? 0 : fail(&err);
}

static int stim_copy(const char *in, const char *out)
{
    dnb_stim s = {0};
    dnb_err err;
    if (dnb_stim_read(&s, in, &err) != DNB_OK)
        return fail(&err);
    printf("%s %zu %s\n", dnb_stim_type_name(s.type), dnb_stim_count(&s), s.root);
    dnb_status status = dnb_stim_write(&s, out, NULL, &err);
    dnb_stim_release(&s);
    return status == DNB_OK ? 0 : fail(&err);
}

static int run(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[0] : "";
    const char *path = argc > 1 ? argv[1] : "";
    if (strcmp(what, "act-read") == 0)
        return act_read(path);
    if (strcmp(what, "act-write") == 0 && argc == 4)
        return act_write(path, atoi(argv[2]), (size_t)atoi(argv[3]));
    if (strcmp(what, "roi-read") == 0)
        return roi_read(path);
    if (strcmp(what, "roi-write") == 0 && argc == 5)
        return roi_write(path, (size_t)atoi(argv[2]), (size_t)atoi(argv[3]), atoi(argv[4]));
    if (strcmp(what, "rdm-read") == 0)
        return rdm_read(path);
    if (strcmp(what, "rdm-write") == 0 && argc == 4)
        return rdm_write(path, argv[2], atoi(argv[3]));
    if (strcmp(what, "npy-copy") == 0 && argc == 3)
        return npy_copy(path, argv[2]);
    if (strcmp(what, "stim-copy") == 0 && argc == 3)
        return stim_copy(path, argv[2]);
    return 2;
}

/* One command a line on stdin, words separated by tabs; after its output a line "#end STATUS". */
int main(void)
{
    char line[8192];
    while (fgets(line, sizeof line, stdin)) {
        char *words[8];
        int n = 0;
        line[strcspn(line, "\n")] = '\0';
        for (char *w = strtok(line, "\t"); w && n < 8; w = strtok(NULL, "\t"))
            words[n++] = w;
        printf("#end %d\n", run(n, words));
        fflush(stdout);
    }
    return 0;
}
