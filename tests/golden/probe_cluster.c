/* Runs a clustering on .npy files, for diff_cluster.py:
 *   probe_cluster kmeans X [CENTRES] OUT k=   (n + k d + 1) numbers: labels, centres, inertia
 *   probe_cluster linkage DISTANCES OUT method= (n - 1) x 4, as SciPy's
 *   probe_cluster cut DISTANCES OUT method= k=  n labels
 * Keys: k, method, threads, seed, n_init. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnnbrain/array.h"
#include "dnnbrain/cluster.h"
#include "dnnbrain/runtime.h"

static const char *option(int argc, char **argv, const char *key)
{
    size_t len = strlen(key);
    for (int i = 2; i < argc; i++)
        if (strncmp(argv[i], key, len) == 0 && argv[i][len] == '=')
            return argv[i] + len + 1;
    return "0";
}

static dnb_status kmeans(dnb_array *out, const dnb_array *in, int argc, char **argv, dnb_err *err)
{
    size_t n = in[0].shape[0], d = in[0].shape[1], k = strtoul(option(argc, argv, "k"), NULL, 10);
    dnb_kmeans_options o = {.seed = strtoul(option(argc, argv, "seed"), NULL, 10),
                            .n_init = strtoul(option(argc, argv, "n_init"), NULL, 10),
                            .centres = in[1].data};
    dnb_kmeans m = {0};
    size_t shape[1] = {n + k * d + 1};
    dnb_status status = dnb_kmeans_fit(&m, in[0].data, n, d, k, &o, err);
    if (status == DNB_OK)
        status = dnb_array_init(out, DNB_F64, 1, shape, err);
    size_t *said = malloc(n * sizeof *said);
    if (status == DNB_OK)
        status = dnb_kmeans_predict(said, &m, in[0].data, n, err);
    if (status == DNB_OK) {
        double *v = out->data;
        for (size_t i = 0; i < n; i++)
            v[i] = said[i] == m.labels[i] ? (double)said[i] : -1;
        memcpy(v + n, m.centres, k * d * sizeof *v);
        v[n + k * d] = m.inertia;
    }
    free(said);
    dnb_kmeans_release(&m);
    return status;
}

static dnb_status tree(dnb_array *out, const dnb_array *in, int argc, char **argv, dnb_err *err)
{
    size_t n = 2, shape[2], k = strtoul(option(argc, argv, "k"), NULL, 10);
    while (n * (n - 1) / 2 < in[0].shape[0])
        n++;
    dnb_linkage method;
    dnb_merge *merges = malloc((n - 1) * sizeof *merges);
    size_t *labels = malloc(n * sizeof *labels);
    dnb_status status = dnb_linkage_parse(&method, option(argc, argv, "method"), err);
    bool cut = strcmp(argv[1], "cut") == 0;
    shape[0] = cut ? n : n - 1;
    shape[1] = cut ? 1 : 4;
    if (status == DNB_OK)
        status = dnb_linkage_run(merges, in[0].data, n, method, err);
    if (status == DNB_OK && cut)
        status = dnb_linkage_cut(labels, NULL, merges, n, k, err);
    if (status == DNB_OK)
        status = dnb_array_init(out, DNB_F64, 2, shape, err);
    for (size_t i = 0; status == DNB_OK && i < shape[0]; i++) {
        double *v = (double *)out->data + i * shape[1];
        if (cut) {
            v[0] = (double)labels[i];
            continue;
        }
        v[0] = (double)merges[i].a;
        v[1] = (double)merges[i].b;
        v[2] = merges[i].height;
        v[3] = (double)merges[i].size;
    }
    free(merges);
    free(labels);
    return status;
}

int main(int argc, char **argv)
{
    dnb_array in[2] = {0}, out = {0};
    dnb_err err = {0};
    dnb_status status = DNB_OK;
    int files = 0;
    while (files + 2 < argc && !strchr(argv[files + 2], '='))
        files++;
    if (files < 2 || files > 3)
        return 2;
    for (int i = 0; i + 1 < files && status == DNB_OK; i++)
        status = dnb_npy_read(&in[i], argv[2 + i], &err);
    dnb_threads_set(atoi(option(argc, argv, "threads")));
    if (status == DNB_OK)
        status = (strcmp(argv[1], "kmeans") == 0 ? kmeans : tree)(&out, in, argc, argv, &err);
    if (status == DNB_OK)
        status = dnb_npy_write(&out, argv[1 + files], &err);
    if (status != DNB_OK)
        fprintf(stderr, "%s: %s\n", dnb_status_name(status), err.message);
    dnb_array_release(&in[0]);
    dnb_array_release(&in[1]);
    dnb_array_release(&out);
    return status != DNB_OK;
}
