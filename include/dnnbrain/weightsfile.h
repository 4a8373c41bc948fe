/* Files of weights (.h5): models fitted on all stimuli (dnb_mapping_weights_new), kept to predict
 * from others. room: map
 *
 * HDF5, float64. Root attributes: type = "weights"; model ("ridge", "svc", ...); input
 * ("activations", "responses" or "behaviour": where the features come from); layers (names);
 * targets (names, unless they are voxels); features (names, where they have some); for classifiers
 * classes.TARGET (labels as they were written, ascending); provenance. Datasets, for a layer L of
 * chn x row x col features:
 *   regression       L (targets x chn x row x col), L.intercept (targets): y = x L^T + L.intercept
 *   lrc, svc, lda    per target T: L.T (maps x chn x row x col), L.T.intercept (maps); maps as
 *                    dnb_classifier_coef: one of two classes, else one per class (svc: per pair)
 *   gnb              per target T: L.T.mean, L.T.variance (classes x chn x row x col), L.T.prior
 *                    (classes); after PCA mean and variance are classes x components, of the scores
 *                    z = x L.T.components^T + L.T.offset
 *   target.voxel, feature.voxel    x, y, z from 0 of targets or features that are voxels
 * PCA before other models is folded into the weights. All datasets but voxels are written with four
 * axes, ones where fewer are named. */
#ifndef DNNBRAIN_WEIGHTSFILE_H
#define DNNBRAIN_WEIGHTSFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/mapping.h"
#include "dnnbrain/rows.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the features are. */
typedef enum dnb_weights_input {
    DNB_WEIGHTS_ACTIVATIONS = 0, /* units of layers */
    DNB_WEIGHTS_RESPONSES,       /* regions or voxels, one layer */
    DNB_WEIGHTS_BEHAVIOUR        /* columns of a stimulus list, one layer */
} dnb_weights_input;

/* "activations", "responses", "behaviour"; NULL past the end. */
DNB_API const char *dnb_weights_input_name(dnb_weights_input input);

typedef struct dnb_weights_layer {
    const char *name;
    size_t shape[3]; /* chn, row, col */
} dnb_weights_layer;

/* The labels of a target's classes, as they were written, in the order of the classifier's. */
typedef struct dnb_weights_classes {
    size_t n;
    const char *const *names;
} dnb_weights_classes;

/* What a file holds. Plain value; whoever fills it owns what it points to. */
typedef struct dnb_weights_info {
    bool classify;
    dnb_regression_kind regression;
    dnb_classifier_kind classifier; /* when classify */
    size_t n_components;            /* of PCA before naive Bayes; 0: none */
    dnb_weights_input input;
    size_t n_layers;
    const dnb_weights_layer *layers;
    size_t n_targets;
    const char *const *targets;         /* n_targets; NULL: not known (classifiers need them) */
    const size_t *target_voxels;        /* n_targets x 3, or NULL */
    const char *const *features;        /* as many as the first layer has, or NULL */
    const size_t *feature_voxels;       /* features x 3, or NULL */
    const dnb_weights_classes *classes; /* n_targets when classify */
} dnb_weights_info;

/* ---- writing ---- */

typedef struct dnb_weightswriter dnb_weightswriter;

/* Starts a file that appears when committed. info must live until then; so must what it points to.
 * memory: bytes push may hold, 0 = dnb_memory_budget(). DNB_EARG: what info says cannot be kept
 * (names that exclude each other, no layers, no classes). */
DNB_API dnb_status dnb_weightswriter_open(dnb_weightswriter **out, const char *path,
                                          const dnb_weights_info *info, size_t memory,
                                          dnb_err *err) DNB_MUST_CHECK;
/* Adds a layer's model: of a regression all targets at once (target 0), of classifiers one target
 * after the other. Holds its weights once: 8 d m bytes. */
DNB_API dnb_status dnb_weightswriter_push(dnb_weightswriter *w, size_t layer, size_t target,
                                          const dnb_mapping_weights *fit,
                                          dnb_err *err) DNB_MUST_CHECK;
/* Finishes, when every layer and target was pushed; provenance (JSON) may be NULL. w is freed
 * whatever happens. */
DNB_API dnb_status dnb_weightswriter_commit(dnb_weightswriter *w, const char *provenance,
                                            dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_weightswriter_abort(dnb_weightswriter *w);

/* ---- reading and applying ---- */

typedef struct dnb_weightsfile dnb_weightsfile;

/* Opens and checks a file: every dataset is there in the shape that the others ask for, every
 * target has its classes. DNB_EFORMAT names what is missing. */
DNB_API dnb_status dnb_weightsfile_open(dnb_weightsfile **out, const char *path,
                                        dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_weightsfile_close(dnb_weightsfile *f);
/* What it holds; lives as long as f. */
DNB_API const dnb_weights_info *dnb_weightsfile_info(const dnb_weightsfile *f);
/* The root attribute "provenance", or NULL. */
DNB_API const char *dnb_weightsfile_provenance(const dnb_weightsfile *f);
/* Index of a layer or a target by name; DNB_ENOTFOUND names the nearest. */
DNB_API dnb_status dnb_weightsfile_find_layer(const dnb_weightsfile *f, const char *name,
                                              size_t *index, dnb_err *err) DNB_MUST_CHECK;
DNB_API dnb_status dnb_weightsfile_find_target(const dnb_weightsfile *f, const char *name,
                                               size_t *index, dnb_err *err) DNB_MUST_CHECK;

/* Regressions: y (x->n x n_targets) = predictions from rows of the layer's features. Classifiers
 * fail with DNB_EARG, a number of features that differs with DNB_ESHAPE. memory: bytes to hold
 * beside y, 0 = dnb_memory_budget(). NaN or infinity in x or in the weights fails with DNB_EARG. On
 * failure y may hold part of the result. Same bits for any number of threads. Cost: 2 n d m flops;
 * the weights are read once, in blocks of features. */
DNB_API dnb_status dnb_weightsfile_predict(double *y, dnb_weightsfile *f, size_t layer,
                                           const dnb_rows *x, size_t memory,
                                           dnb_err *err) DNB_MUST_CHECK;
/* Classifiers: said[x->n] = the class of every row, as its place in info's classes of the target;
 * values (x->n x classes, may be NULL) = what dnb_classifier_predict gives as decisions, or with
 * `probability` what dnb_classifier_probability gives (SVC: DNB_EUNSUPPORTED). */
DNB_API dnb_status dnb_weightsfile_classify(size_t *said, double *values, dnb_weightsfile *f,
                                            size_t layer, size_t target, const dnb_rows *x,
                                            bool probability, size_t memory,
                                            dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
