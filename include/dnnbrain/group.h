/* Group statistics: is a score above chance in the population that subjects were drawn from?
 * room: stats
 *
 * Subjects are the random factor; targets (voxels, ROIs, layers times ROIs) are tested each and
 * together. Under the null hypothesis a subject's difference from chance is as likely to be
 * negative as positive, so all sign patterns are equally likely: exact for symmetric differences,
 * whatever the targets have to do with each other (Nichols & Holmes 2002; Winkler et al. 2014). */
#ifndef DNNBRAIN_GROUP_H
#define DNNBRAIN_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/runtime.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero-initialise for the defaults. */
typedef struct dnb_group_options {
    bool two_sided; /* default: means above 0 are looked for */
    size_t n_perm;  /* sign patterns: all 2^n when that is at most n_perm, else so many drawn at
                       random, the observed one beside them; 0: no p, p_max and q */
    uint64_t seed;
    size_t n_boot; /* intervals: bootstrap draws of the subjects (>= 2), 0: Student's t */
    double level;  /* of the intervals, 0 < level < 1; 0 = 0.95 */
    size_t memory; /* bytes of work space beside x and the results; 0 = dnb_memory_budget() */
    const dnb_progress *progress; /* may be NULL */
} dnb_group_options;

/* All arrays have m numbers, NaN for a target left out. Released with dnb_group_release. */
typedef struct dnb_group {
    size_t n, m;       /* subjects, targets */
    size_t n_left_out; /* targets that lack a number in some subject */
    size_t n_flips;    /* sign patterns p counts, the observed one among them; 0 without p */
    bool exact;        /* they are all that there are */
    double *mean, *sd; /* over subjects; sd with n - 1 */
    double *t;         /* mean sqrt(n) / sd: infinite for equal numbers but 0, 0 for zeros */
    /* NULL without n_perm. p: share of sign patterns with a t as large (two_sided: as far from 0).
     * p_max: of patterns whose largest t over all targets is as large, so corrected for the family
     * of targets. q: Benjamini-Hochberg's false discovery rate over the targets. */
    double *p, *p_max, *q;
    double *low, *high; /* interval of the mean */
} dnb_group;

/* x: n x m row-major, a row per subject, differences from chance (for correlations best of their
 * atanh). A NaN takes its target out of every result and of the families. DNB_EARG: fewer than two
 * subjects, infinity (named by subject and target), options out of range. DNB_ENOMEM where sign
 * patterns or draws do not fit `memory`. Same bits for any number of threads.
 *
 * No p is below 1 / 2^n (two_sided: 2 / 2^n). Which interval: Student's t is exact for normal
 * differences; the bootstrap-t (Efron 1981) follows skewed ones. Coverage of both with 8 to 20
 * subjects is measured in tests/calibration/test_group_null.c. Cost: about n / 8 + 4 flops per
 * sign pattern and target (20 subjects: 0.8 ns on one processor); 4 n + 10 log(n_boot) per draw and
 * target. */
DNB_API dnb_status dnb_group_run(dnb_group *out, const double *x, size_t n, size_t m,
                                 const dnb_group_options *opt, dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_group_release(dnb_group *g);

#ifdef __cplusplus
}
#endif
#endif
