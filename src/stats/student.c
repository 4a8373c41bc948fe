/* Student's t and F by the incomplete beta function (continued fraction, modified Lentz method). */
#include "stats/student.h"

#include <math.h>

/* The continued fraction of I_x(a, b) (Abramowitz & Stegun 26.5.8); converges fast for x <
 * (a+1)/(a+b+2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1), h;
    d = 1 / (fabs(d) < tiny ? tiny : d);
    h = d;
    for (int m = 1; m < 500; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 + even * d;
        c = 1 + even / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        d = 1 + odd * d;
        c = 1 + odd / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-15)
            break;
    }
    return h;
}

static double incomplete_beta(double a, double b, double x)
{
    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double dnb_student_cdf(double t, double df)
{
    /* Each form where it keeps its digits: near the middle, and in the tails. */
    if (t * t < df)
        return 0.5 + copysign(0.5, t) * incomplete_beta(0.5, df / 2, t * t / (df + t * t));
    double tail = 0.5 * incomplete_beta(df / 2, 0.5, df / (df + t * t));
    return t > 0 ? 1 - tail : tail;
}

double dnb_student_quantile(double p, double df)
{
    double lo = -1, hi = 1;
    while (dnb_student_cdf(lo, df) > p && lo > -1e300)
        lo *= 2;
    while (dnb_student_cdf(hi, df) < p && hi < 1e300)
        hi *= 2;
    for (int i = 0; i < 200 && hi - lo > 1e-15 * (fabs(lo) + fabs(hi)) + 1e-300; i++) {
        double mid = lo + (hi - lo) / 2;
        if (dnb_student_cdf(mid, df) < p)
            lo = mid;
        else
            hi = mid;
    }
    return lo + (hi - lo) / 2;
}

double dnb_f_quantile(double p, double df1, double df2)
{
    /* df1 F / (df1 F + df2) is beta-distributed. */
    double lo = 0, hi = 1;
    for (int i = 0; i < 200 && hi - lo > 1e-16 * hi; i++) {
        double mid = lo + (hi - lo) / 2;
        if (incomplete_beta(df1 / 2, df2 / 2, mid) < p)
            lo = mid;
        else
            hi = mid;
    }
    double x = lo + (hi - lo) / 2;
    return df2 * x / (df1 * (1 - x));
}
