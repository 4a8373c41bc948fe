/* Student's t and Fisher's F. room: stats (internal) */
#ifndef DNB_STATS_STUDENT_H
#define DNB_STATS_STUDENT_H

/* P(T <= t) with df > 0 degrees of freedom. */
double dnb_student_cdf(double t, double df);
/* The t with P(T <= t) = p, 0 < p < 1. */
double dnb_student_quantile(double p, double df);
/* The f with P(F <= f) = p, 0 < p < 1, df1 and df2 > 0 degrees of freedom. */
double dnb_f_quantile(double p, double df1, double df2);

#endif
