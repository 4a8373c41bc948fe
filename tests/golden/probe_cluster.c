/* Runs a clustering on .npy files, for diff_cluster.py:
 *   probe_cluster kmeans X [CENTRES] OUT k=   (n + k d + 1) numbers: labels, centres, inertia
 *   probe_cluster linkage DISTANCES OUT method= (n - 1) x 4, as SciPy's
 *   probe_cluster cut DISTANCES OUT method= k=  n labels
 * Keys: k, method, threads, seed, n_init. */
#include "dnnbrain/cluster.h"
#include "probe_commands.h"

static dnb_status kmeans(dnb_array *out, const probe_args *a, dnb_err *err)
{
    const dnb_array *in = a->in;
    const probe_words *w = &a->words;
    size_t n = in[0].shape[0], d = in[0].shape[1], k = probe_size(w, "k", 0);
    dnb_kmeans_options o = {.seed = probe_size(w, "seed", 0),
                            .n_init = probe_size(w, "n_init", 0),
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

static dnb_status tree(dnb_array *out, const probe_args *a, dnb_err *err)
{
    const dnb_array *in = a->in;
    const probe_words *w = &a->words;
    size_t n = 2, shape[2], k = probe_size(w, "k", 0);
    while (n * (n - 1) / 2 < in[0].shape[0])
        n++;
    dnb_linkage method;
    dnb_merge *merges = malloc((n - 1) * sizeof *merges);
    size_t *labels = malloc(n * sizeof *labels);
    dnb_status status = dnb_linkage_parse(&method, probe_text(w, "method"), err);
    bool cut = strcmp(a->command, "cut") == 0;
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
    static const probe_command commands[] = {{"kmeans", kmeans}, {"linkage", tree}, {"cut", tree}};
    return probe_main(argc, argv, commands, sizeof commands / sizeof *commands);
}
