/* What the files of the mapping engine share. room: map (internal)
 *
 * A layer is reduced once (mapping_reduce.c); a split of the rows makes a design of it
 * (mapping_design.c); a model on a design predicts targets (mapping_model.c); mapping_run.c walks
 * the folds, permutations and layers; mapping_plan.c checks and counts bytes before any work. */
#ifndef DNB_MAP_MAPPING_OWN_H
#define DNB_MAP_MAPPING_OWN_H

#include "dnnbrain/mapping.h"

/* How a layer is held and what folds make of it. */
typedef enum dnb_map_form {
    DNB_MAP_FEATURES = 0, /* float64 features; with PCA from their scatter matrix */
    DNB_MAP_GRAM_PCA,     /* scores from blocks of the Gram matrix */
    DNB_MAP_GRAM_HAT,     /* hat matrices from blocks of the Gram matrix */
    DNB_MAP_COORDINATES   /* rows z_i with z_i . z_j = the Gram matrix */
} dnb_map_form;

dnb_map_form dnb_map_form_of(const dnb_mapping_options *o, size_t n, size_t d);

typedef struct dnb_map_layer {
    const char *name;
    dnb_map_form form;
    size_t n, d, r; /* r: columns of x, or n - 1 at most for a Gram matrix */
    double *x;      /* n x r: centred features or coordinates; NULL for the Gram forms */
    double *mean;   /* d: what was taken off the features; FEATURES only */
    double *g;      /* n x n: of the centred rows; the Gram forms */
    size_t *pivot;  /* r: the rows whose coordinates are a lower triangle; COORDINATES only */
} dnb_map_layer;

/* Reads the layer; memory bounds what it holds while it does. */
dnb_status dnb_map_reduce(dnb_map_layer *out, const dnb_mapping_layer *layer,
                          const dnb_mapping_options *o, size_t memory, dnb_err *err) DNB_MUST_CHECK;
void dnb_map_layer_release(dnb_map_layer *l);

/* Rows (of all n) that train and are tested. */
typedef struct dnb_map_split {
    const size_t *train, *test;
    size_t n_train, n_test;
} dnb_map_split;

/* What a model sees of a layer in one split. */
typedef struct dnb_map_design {
    size_t n_train, n_test, r;
    double *train, *test; /* n_train x r, n_test x r; NULL with hat */
    double *hat;          /* n_test x n_train: centred training targets to centred predictions */
    double *dual;         /* asked for: n_train x r, train = (centred rows) (rows^T dual) */
} dnb_map_design;

/* dual: make `dual` (GRAM_PCA) too. */
dnb_status dnb_map_design_init(dnb_map_design *out, const dnb_map_layer *l,
                               const dnb_map_split *split, const dnb_mapping_options *o, bool dual,
                               dnb_err *err) DNB_MUST_CHECK;
void dnb_map_design_release(dnb_map_design *d);
/* K + shift, factorised: the centred Gram matrix k (n x n, destroyed) becomes b <- K^+ b, or
 * (K + alpha)^-1 b when alpha > 0; b is n x m with columns orthogonal to constants. */
dnb_status dnb_map_kernel_solve(double *b, size_t m, double *k, size_t n, double alpha,
                                dnb_err *err) DNB_MUST_CHECK;
/* The block of the layer's Gram matrix of `rows` against the training rows, centred by the training
 * rows' means: dst is n_rows x n_train. */
dnb_status dnb_map_kernel(double *dst, const dnb_map_layer *l, const size_t *rows, size_t n_rows,
                          const size_t *train, size_t n_train, dnb_err *err) DNB_MUST_CHECK;

/* A regression fitted, target after target, on a design's training rows. */
typedef struct dnb_map_model {
    const dnb_map_design *design;
    dnb_regressor *regressor; /* NULL with a hat matrix */
    double *hat;              /* the design's, or own_hat */
    double *own_hat;
    double alpha; /* of a hat matrix */

} dnb_map_model;

/* inner: folds of the training rows for DNB_PENALTY_CV (else NULL). columns: how many targets will
 * be asked for in all, which decides what is worth preparing. */
dnb_status dnb_map_model_init(dnb_map_model *out, const dnb_map_design *d,
                              const dnb_mapping_options *o, const dnb_folds *inner, size_t columns,
                              size_t memory, dnb_err *err) DNB_MUST_CHECK;
void dnb_map_model_release(dnb_map_model *m);
/* y (n_train x c; spoilt) to predictions of the test rows (n_test x c) and penalties (c; may be
 * NULL). */
dnb_status dnb_map_model_predict(double *yhat, double *alpha, dnb_map_model *m, double *y, size_t c,
                                 dnb_err *err) DNB_MUST_CHECK;
/* Whether all targets of a permutation must be fitted in one call. */
bool dnb_map_model_whole(const dnb_mapping_options *o);
/* Penalty of a model that has one fixed, else 0. */
double dnb_map_fixed_alpha(const dnb_mapping_options *o);

/* Permutations: table[p * n + i] = the row whose target row i gets; p = 0 is the identity. */
dnb_status dnb_map_permutations(uint32_t **table, size_t n, const dnb_mapping_options *o,
                                dnb_err *err) DNB_MUST_CHECK;

/* What a run will hold. */
typedef struct dnb_map_plan {
    size_t n, m, k, inner_k, n_perm; /* n_perm: with the observed one */
    size_t block;                    /* targets (times permutations) fitted at once, unless all
                                        of a permutation must be: see dnb_map_block */
    size_t chunk;                    /* targets whose permutations are held at once */
    double fixed, total;             /* bytes: layers and a fold; all */
    double fold;                     /* of them, free while layers are read */
    size_t side;                     /* designs made at once, side by side */
    double read;                     /* what reading a layer may hold, instead of `fold` */
} dnb_map_plan;

/* Of n_models models, which must be able to share layers and folds. */
dnb_status dnb_map_plan_init(dnb_map_plan *p, const dnb_mapping_layer *layers, size_t n_layers,
                             bool has_labels, size_t m, const dnb_mapping_options *models,
                             size_t n_models, dnb_err *err) DNB_MUST_CHECK;
/* Columns this model is fitted to at once. */
size_t dnb_map_block(const dnb_map_plan *p, const dnb_mapping_options *o);

/* The same for the weights of one layer: bytes held while they are fitted. */
dnb_status dnb_map_weights_plan(double *bytes, const dnb_mapping_layer *layer, bool has_labels,
                                size_t m, const dnb_mapping_options *o,
                                dnb_err *err) DNB_MUST_CHECK;
/* Columns first .. first + count - 1 of rows i .. i + n - 1 as float64 without gaps; raw (unless
 * the rows are in memory) holds them as the source gives them: n whole rows or n x count. */
dnb_status dnb_map_read_columns(double *dst, void *raw, const dnb_rows *x, size_t i, size_t n,
                                size_t first, size_t count, dnb_err *err) DNB_MUST_CHECK;
/* Rows to read at a time when `count` columns of each are wanted. */
size_t dnb_map_rows_at_once(const dnb_rows *x, size_t count, size_t memory);
/* Finite targets; varies[t] (m, zeros; may be NULL) becomes 1 where a target does. */
dnb_status dnb_map_check_targets(unsigned char *varies, const double *y, size_t n, size_t m,
                                 dnb_err *err) DNB_MUST_CHECK;

#endif
