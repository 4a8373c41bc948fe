/* The walk over folds and layers, chunk of targets by chunk. room: map (internal) */
#ifndef DNB_MAP_MAPPING_WALK_H
#define DNB_MAP_MAPPING_WALK_H

#include "map/mapping_own.h"

/* The walk of one model; those of several models walk together over the same designs.
 * A chunk's targets under all permutations are columns: column p * chunk + t is target first + t
 * with its rows as permutation p puts them; the first `chunk` columns are the observed targets. */
typedef struct dnb_map_walk {
    const dnb_mapping_options *o;
    const dnb_map_plan *plan;
    const dnb_map_layer *layers;
    size_t n_layers;
    const double *y;       /* n x m */
    const int64_t *labels; /* n; instead of y */
    unsigned char *varies; /* m: a constant target is no test: its p are 1, it is in no family */
    const uint32_t *table; /* permutations */
    size_t first, chunk, columns;
    dnb_mapping *out;      /* observed scores, predictions, choices go here */
    double *sum;           /* n_layers x columns: scores added over the folds */
    double *inner, *outer; /* n_layers x columns: of the fold at hand; NULL unless choosing */
    double *best;          /* columns: scores of the layers chosen, added over the folds */
    size_t done, total;    /* splits, for progress; the first walk's count */
} dnb_map_walk;

/* Adds the scores of layer l in this split, of which `design` was made, to add (columns; may be
 * NULL) and stores them at keep (columns; may be NULL); with fold < plan->k the observed targets'
 * own results are stored. penalty: folds of the training rows, for penalties by cross-validation.
 */
dnb_status dnb_map_score_targets(dnb_map_walk *w, size_t l, const dnb_map_design *design,
                                 const dnb_map_split *split, const dnb_folds *penalty, double *add,
                                 double *keep, size_t fold, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_map_score_classes(dnb_map_walk *w, size_t l, const dnb_map_design *design,
                                 const dnb_map_split *split, double *add, double *keep, size_t fold,
                                 dnb_err *err) DNB_MUST_CHECK;
/* All folds of one chunk, for `count` models. */
dnb_status dnb_map_walk_run(dnb_map_walk *w, size_t count, dnb_err *err) DNB_MUST_CHECK;

/* Counts of permutations that reach the observed, for one layer or for the best ones. */
typedef struct dnb_map_null {
    double *largest; /* n_perm: each permutation's largest mean score; entry 0 is not used */
    size_t *reach;   /* m */
} dnb_map_null;

dnb_status dnb_map_null_init(dnb_map_null *null, size_t n_perm, size_t m,
                             dnb_err *err) DNB_MUST_CHECK;
void dnb_map_null_release(dnb_map_null *null);
/* Takes the mean scores of a chunk's columns in. */
void dnb_map_null_add(dnb_map_null *null, const dnb_map_walk *w, const double *mean);
/* p, p_max and q of the observed mean scores. */
dnb_status dnb_map_null_test(dnb_mapping_test *test, const dnb_map_null *null,
                             const dnb_map_walk *w, const double *mean,
                             dnb_err *err) DNB_MUST_CHECK;
/* p[m] against each permutation's largest. */
void dnb_map_p_max(double *p, const dnb_map_walk *w, const double *mean, const double *largest);

#endif
