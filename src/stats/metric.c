/* Names of the metrics, and where a pair stands in a condensed matrix. */
#include "base/strbuf.h"
#include "base/enum_name.h"
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
    int found = dnb_enum_find(name, names, DNB_METRIC_COUNT, NULL, 0);
    if (found >= 0) {
        *out = (dnb_metric)found;
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
