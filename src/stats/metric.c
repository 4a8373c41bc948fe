/* Names of the metrics, and where a pair stands in a condensed matrix. */
#include <math.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/mem.h"
#include "dnnbrain/distance.h"

static const char *const names[DNB_METRIC_COUNT] = {
    [DNB_EUCLIDEAN] = "euclidean",
    [DNB_SQEUCLIDEAN] = "sqeuclidean",
    [DNB_CORRELATION] = "correlation",
    [DNB_COSINE] = "cosine",
    [DNB_CITYBLOCK] = "cityblock",
    [DNB_CHEBYSHEV] = "chebyshev",
    [DNB_CANBERRA] = "canberra",
    [DNB_BRAYCURTIS] = "braycurtis",
    [DNB_MINKOWSKI] = "minkowski",
    [DNB_SEUCLIDEAN] = "seuclidean",
    [DNB_MAHALANOBIS] = "mahalanobis",
    [DNB_HAMMING] = "hamming",
    [DNB_MATCHING] = "matching",
    [DNB_JACCARD] = "jaccard",
    [DNB_JENSENSHANNON] = "jensenshannon",
    [DNB_DICE] = "dice",
    [DNB_KULCZYNSKI1] = "kulczynski1",
    [DNB_KULSINSKI] = "kulsinski",
    [DNB_ROGERSTANIMOTO] = "rogerstanimoto",
    [DNB_RUSSELLRAO] = "russellrao",
    [DNB_SOKALMICHENER] = "sokalmichener",
    [DNB_SOKALSNEATH] = "sokalsneath",
    [DNB_YULE] = "yule",
};

const char *dnb_metric_name(dnb_metric m)
{
    return (size_t)m < DNB_METRIC_COUNT ? names[m] : NULL;
}

dnb_status dnb_metric_parse(dnb_metric *out, const char *name, dnb_err *err)
{
    for (size_t m = 0; m < DNB_METRIC_COUNT; m++)
        if (strcmp(names[m], name) == 0) {
            *out = (dnb_metric)m;
            return DNB_OK;
        }
    dnb_strbuf known = {0};
    for (size_t m = 0; m < DNB_METRIC_COUNT; m++) {
        dnb_strbuf_add(&known, m ? " " : "");
        dnb_strbuf_add(&known, names[m]);
    }
    dnb_status status = dnb_fail(err, DNB_ENOTFOUND, "no metric '%s'; known: %s", name,
                                 known.text ? known.text : "(out of memory)");
    dnb_strbuf_release(&known);
    return status;
}

size_t dnb_condensed_count(size_t n)
{
    return n % 2 ? n * ((n - 1) / 2) : n / 2 * (n - (n > 0));
}

size_t dnb_condensed_index(size_t n, size_t i, size_t j)
{
    return i * n - i * (i + 1) / 2 + (j - i - 1);
}

size_t dnb_condensed_order(size_t count)
{
    size_t n = (size_t)(0.5 + sqrt(0.25 + 2.0 * (double)count));
    for (size_t m = n > 1 ? n - 1 : 1; m <= n + 2; m++)
        if (dnb_condensed_count(m) == count)
            return m;
    return 0;
}

void dnb_condensed_expand(double *square, const double *condensed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        square[i * n + i] = 0;
        for (size_t j = i + 1; j < n; j++)
            square[i * n + j] = square[j * n + i] = *condensed++;
    }
}
