/* Runs folds and scores on .npy files for diff_folds.py:
 *   probe_folds folds KIND N K SEED LABELS.npy|- GROUPS.npy|- OUT.npy   fold of each row
 *   probe_folds columns SCORE Y.npy YHAT.npy OUT.npy                    a score per column
 *   probe_folds labels SCORE TRUTH.npy SAID.npy DECISION.npy|- CLASSES.npy OUT.npy
 *   probe_folds confusion TRUTH.npy SAID.npy CLASSES.npy OUT.npy */
#include "dnnbrain/array.h"
#include "dnnbrain/folds.h"
#include "dnnbrain/scoring.h"
#include "probe_words.h"

static dnb_err err;

static void must(dnb_status status)
{
    probe_must(status, &err);
}

static dnb_array load(const char *path)
{
    dnb_array a = {0};
    if (strcmp(path, "-") != 0)
        must(dnb_npy_read(&a, path, &err));
    return a;
}

static double *output(dnb_array *out, size_t n, size_t m)
{
    const size_t shape[2] = {n, m};
    must(dnb_array_init(out, DNB_F64, 2, shape, &err));
    memset(out->data, 0, n * m * sizeof(double));
    return out->data;
}

static void run_folds(char **argv, dnb_array *out)
{
    dnb_folds f;
    dnb_array labels = load(argv[6]), groups = load(argv[7]);
    dnb_folds_options o = {.k = strtoul(argv[4], NULL, 10),
                           .seed = strtoul(argv[5], NULL, 10),
                           .labels = labels.data,
                           .groups = groups.data};
    must(dnb_folds_kind_parse(&o.kind, argv[2], &err));
    must(dnb_folds_init(&f, strtoul(argv[3], NULL, 10), &o, &err));
    double *to = output(out, 1, f.n);
    for (size_t i = 0; i < f.n; i++)
        to[i] = (double)f.fold[i];
    dnb_folds_release(&f);
    dnb_array_release(&labels);
    dnb_array_release(&groups);
}

static void run_columns(char **argv, dnb_array *out)
{
    dnb_scoring scoring;
    dnb_array y = load(argv[3]), yhat = load(argv[4]);
    must(dnb_scoring_parse(&scoring, argv[2], &err));
    must(dnb_score_columns(output(out, 1, y.shape[1]), scoring, y.data, yhat.data, y.shape[0],
                           y.shape[1], &err));
    dnb_array_release(&y);
    dnb_array_release(&yhat);
}

static void run_labels(char **argv, dnb_array *out)
{
    dnb_scoring scoring;
    dnb_array truth = load(argv[3]), said = load(argv[4]), decision = load(argv[5]);
    dnb_array classes = load(argv[6]);
    must(dnb_scoring_parse(&scoring, argv[2], &err));
    must(dnb_score_labels(output(out, 1, 1), scoring, truth.data, said.data, decision.data,
                          truth.shape[0], classes.data, classes.shape[0], &err));
    dnb_array_release(&truth);
    dnb_array_release(&said);
    dnb_array_release(&decision);
    dnb_array_release(&classes);
}

static void run_confusion(char **argv, dnb_array *out)
{
    dnb_array truth = load(argv[2]), said = load(argv[3]), classes = load(argv[4]);
    size_t k = classes.shape[0];
    must(dnb_confusion(output(out, k, k), truth.data, said.data, truth.shape[0], classes.data, k,
                       &err));
    dnb_array_release(&truth);
    dnb_array_release(&said);
    dnb_array_release(&classes);
}

int main(int argc, char **argv)
{
    dnb_array out = {0};
    if (argc == 9 && strcmp(argv[1], "folds") == 0)
        run_folds(argv, &out);
    else if (argc == 6 && strcmp(argv[1], "columns") == 0)
        run_columns(argv, &out);
    else if (argc == 8 && strcmp(argv[1], "labels") == 0)
        run_labels(argv, &out);
    else if (argc == 6 && strcmp(argv[1], "confusion") == 0)
        run_confusion(argv, &out);
    else
        return 2;
    must(dnb_npy_write(&out, argv[argc - 1], &err));
    dnb_array_release(&out);
    return 0;
}
