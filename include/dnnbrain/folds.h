/* Cross-validation folds: which rows are tested together.
 * room: stats
 *
 * Every scheme is a partition: each row is tested in exactly one fold and trains all others. The
 * unshuffled schemes give what scikit-learn 1.2 gives (KFold, StratifiedKFold, LeaveOneOut,
 * LeaveOneGroupOut, GroupKFold). */
#ifndef DNNBRAIN_FOLDS_H
#define DNNBRAIN_FOLDS_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_folds_kind {
    DNB_FOLDS_CONTIGUOUS = 0, /* k runs of rows; the first n % k hold one more (KFold) */
    DNB_FOLDS_STRATIFIED,     /* every class spread evenly over the folds (StratifiedKFold) */
    DNB_FOLDS_SHUFFLED,       /* seeded: rows at random, or each class at random given labels */
    DNB_FOLDS_LEAVE_ONE_OUT,
    DNB_FOLDS_LEAVE_GROUP_OUT, /* a fold per value of groups, ascending (LeaveOneGroupOut) */
    DNB_FOLDS_GROUPS, /* k folds, groups kept whole: the largest first, each to the fold with the
                         fewest rows so far (GroupKFold); of groups of one size the one with the
                         larger value first, as GroupKFold does up to 16 groups */
    DNB_FOLDS_KIND_COUNT
} dnb_folds_kind;

typedef struct dnb_folds_options {
    dnb_folds_kind kind;
    size_t k; /* not used by the leave-out kinds */
    uint64_t seed;
    const int64_t *labels; /* n; STRATIFIED needs it, SHUFFLED may have it */
    const int64_t *groups; /* n; LEAVE_GROUP_OUT and GROUPS need it */
} dnb_folds_options;

/* Released with dnb_folds_release. No fold is empty; k >= 2. */
typedef struct dnb_folds {
    size_t n, k;
    size_t *fold;  /* n: the fold in which row i is tested */
    size_t *sizes; /* k: rows tested in each */
} dnb_folds;

/* "contiguous", "stratified", "shuffled", "leave-one-out", "leave-group-out", "groups"; NULL past
 * the end. */
DNB_API const char *dnb_folds_kind_name(dnb_folds_kind kind);
/* By name; "kfold", "loo", "logo" and "groupkfold" are known too. */
DNB_API dnb_status dnb_folds_kind_parse(dnb_folds_kind *out, const char *name,
                                        dnb_err *err) DNB_MUST_CHECK;

/* Folds of n rows. DNB_EARG, with numbers, for k < 2, more folds than rows, than groups, or (when
 * stratified) than members of every class, and for missing labels or groups. A class with fewer
 * members than k is missing from some folds (see dnb_folds_least_class). Cost: n log n. */
DNB_API dnb_status dnb_folds_init(dnb_folds *out, size_t n, const dnb_folds_options *opt,
                                  dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_folds_release(dnb_folds *f);

/* The rows that train, or are tested in, `fold`, ascending, into rows (room for n); returns how
 * many. rows == NULL just counts. */
DNB_API size_t dnb_folds_train_rows(const dnb_folds *f, size_t fold, size_t *rows);
DNB_API size_t dnb_folds_test_rows(const dnb_folds *f, size_t fold, size_t *rows);

/* The class with the fewest members (the smallest such label) and their number, for warnings: a
 * stratified fold lacks it when *count < k. n >= 1. */
DNB_API dnb_status dnb_folds_least_class(int64_t *label, size_t *count, const int64_t *labels,
                                         size_t n, dnb_err *err) DNB_MUST_CHECK;

/* DNB_EARG when rows of one id (n strings; repeats of one stimulus) are tested in different folds:
 * the model would be tested on a stimulus it was trained on. The message names the stimulus, both
 * folds (counted from 1) and the mend. Cost: n log n. */
DNB_API dnb_status dnb_folds_check_repeats(const dnb_folds *f, const char *const *id,
                                           dnb_err *err) DNB_MUST_CHECK;

/* Nested cross-validation: folds of the training rows of `fold`. Row i of `inner` is the i-th of
 * dnb_folds_train_rows. opt->labels and opt->groups are those of all outer->n rows. */
DNB_API dnb_status dnb_folds_of_rows(dnb_folds *inner, const dnb_folds *outer, size_t fold,
                                     const dnb_folds_options *opt, dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
