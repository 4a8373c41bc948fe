/* The formulas of the metrics, once each (definitions: scipy.spatial.distance). */
#include "stats/pair_formula.h"

#include <math.h>

bool dnb_metric_is_boolean(dnb_metric m)
{
    return m >= DNB_DICE && m <= DNB_YULE;
}

bool dnb_metric_is_product(dnb_metric m)
{
    return m == DNB_EUCLIDEAN || m == DNB_SQEUCLIDEAN || m == DNB_SEUCLIDEAN ||
           m == DNB_CORRELATION || m == DNB_COSINE || dnb_metric_is_boolean(m);
}

bool dnb_products_keep_digits(double xx, double yy, double xy)
{
    return xx + yy - 2 * xy > 1e-6 * (xx + yy);
}

/* tt, tf, ft, ff: columns where both, only x, only y, neither are true. */
static double from_counts(dnb_metric m, double tt, double tf, double ft, double ff)
{
    double differ = tf + ft, d = tt + tf + ft + ff;
    switch (m) {
    case DNB_DICE:
        return differ / (2 * tt + differ);
    case DNB_KULCZYNSKI1:
        return tt / differ;
    case DNB_KULSINSKI:
        return (differ - tt + d) / (differ + d);
    case DNB_ROGERSTANIMOTO:
    case DNB_SOKALMICHENER:
        return 2 * differ / (tt + ff + 2 * differ);
    case DNB_RUSSELLRAO:
        return (d - tt) / d;
    case DNB_SOKALSNEATH:
        return 2 * differ / (tt + 2 * differ);
    case DNB_YULE:
        return tf * ft == 0 ? 0 : 2 * tf * ft / (tt * ff + tf * ft);
    default:
        return NAN;
    }
}

double dnb_metric_from_products(dnb_metric m, double xx, double yy, double xy, double d)
{
    if (dnb_metric_is_boolean(m))
        return from_counts(m, xy, xx - xy, yy - xy, d - xx - yy + xy);
    double square = xx + yy - 2 * xy, r;
    switch (m) {
    case DNB_EUCLIDEAN:
    case DNB_SEUCLIDEAN:
        return square < 0 ? 0 : sqrt(square);
    case DNB_SQEUCLIDEAN:
        return square < 0 ? 0 : square;
    case DNB_CORRELATION:
    case DNB_COSINE:
        r = xy / (sqrt(xx) * sqrt(yy));
        return 1 - (r > 1 ? 1 : r < -1 ? -1 : r);
    default:
        return NAN;
    }
}

double dnb_metric_from_sums(dnb_metric m, double a, double b, double d, double p)
{
    switch (m) {
    case DNB_EUCLIDEAN:
    case DNB_SEUCLIDEAN:
        return sqrt(a);
    case DNB_MINKOWSKI:
        return pow(a, 1 / p);
    case DNB_HAMMING:
        return a / d;
    case DNB_BRAYCURTIS:
        return a / b;
    case DNB_JACCARD:
        return b == 0 ? 0 : a / b;
    case DNB_JENSENSHANNON:
        return a < 0 ? 0 : sqrt(a / 2);
    default:
        return a;
    }
}
