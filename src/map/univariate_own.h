/* What the files of the univariate engine share. room: map (internal)
 *
 * Rows are put in order of their fold ("part"). Each variable, unit or target, is prepared alike:
 * deviations from its mean within each part, and what its parts' means and sums of squares say
 * about the rows tested and trained. A pair then needs one product sum per part: with C the sum
 * over part f and A the sum over all rows, the rows trained have A - C - (n_f n_train / n) gap_x
 * gap_y (Chan, Golub & LeVeque 1983). */
#ifndef DNB_MAP_UNIVARIATE_OWN_H
#define DNB_MAP_UNIVARIATE_OWN_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/univariate.h"

/* The scores within this (relative above 1) of the best are as good. */
#define DNB_UV_TIE 1e-12

typedef struct dnb_uv_parts {
    size_t n, k;
    size_t *place; /* n: where row i stands in order of parts */
    size_t *start; /* k + 1: first place of each part */
} dnb_uv_parts;

/* folds == NULL: one part of all rows. */
dnb_status dnb_uv_parts_init(dnb_uv_parts *p, size_t n, const dnb_folds *folds,
                             dnb_err *err) DNB_MUST_CHECK;
void dnb_uv_parts_release(dnb_uv_parts *p);

/* Prepared variables. Numbers by fold and variable stand at [fold * room + variable]. */
typedef struct dnb_uv_side {
    const dnb_uv_parts *parts;
    size_t room;   /* variables it can hold */
    double *dev;   /* room x n: in, values in order of parts; out, deviations from part means; with
                      one part of length 1 */
    double *rank;  /* room x n: deviations of ranks within parts, of length 1; NULL: no ranks */
    double *step;  /* room x k: sqrt(n_f) (mean of the part - mean of all) */
    double *gap;   /* mean of the rows tested - of those trained */
    double *test;  /* sums of squared deviations: exactly 0 for a constant */
    double *train; /* the same of the rows trained */
} dnb_uv_side;

dnb_status dnb_uv_side_init(dnb_uv_side *s, const dnb_uv_parts *parts, size_t room, bool ranks,
                            dnb_err *err) DNB_MUST_CHECK;
void dnb_uv_side_release(dnb_uv_side *s);
/* Bytes for each variable. */
size_t dnb_uv_side_bytes(const dnb_uv_parts *parts, bool ranks);
/* Prepares the first `count` variables of s->dev. what ("unit") and first name them in messages. */
dnb_status dnb_uv_side_prepare(dnb_uv_side *s, size_t count, const char *what, size_t first,
                               dnb_err *err) DNB_MUST_CHECK;

typedef struct dnb_uv_model {
    bool correlation; /* r of all rows: no folds */
    bool absolute;
    dnb_scoring scoring;
    double alpha;
    size_t tile_u, tile_t; /* units and targets worked on at a time */
    size_t wide;           /* parts of more than one row: those that need a product */
} dnb_uv_model;

dnb_uv_model dnb_uv_model_of(const dnb_univariate_options *o, const dnb_uv_parts *parts);
/* Numbers of scratch one tile needs. */
size_t dnb_uv_tile_scratch(const dnb_uv_model *w);

/* Units u.. against targets t.., at most a tile of each. best[t] and where[t] (by target of the
 * side): the largest mean score and its unit among these (absolute: the largest |r|). all: NULL, or
 * where unit u's and target t's mean score goes, `stride` numbers to the next unit. */
typedef struct dnb_uv_tile {
    const dnb_uv_side *x, *y;
    size_t u, n_u, t, n_t;
    double *best, *where;
    double *all;
    size_t n_all, stride; /* of the first n_all targets */
} dnb_uv_tile;
void dnb_uv_tile_run(const dnb_uv_model *w, const dnb_uv_tile *tile, double *scratch);

/* Whether a score is better than the best so far by more than rounding. */
static inline bool dnb_uv_better(double score, double best)
{
    double size = best < 0 ? -best : best;
    return score > best + DNB_UV_TIE * (size > 1 ? size : 1);
}

/* A result of zeros, with p and p_max when asked. */
dnb_status dnb_uv_result_init(dnb_univariate *u, size_t m, size_t k, bool p,
                              dnb_err *err) DNB_MUST_CHECK;
/* Folds must be of n rows and each test `least` rows or more, and train some. */
dnb_status dnb_uv_folds_check(const dnb_folds *folds, size_t n, size_t least, const char *score,
                              dnb_err *err) DNB_MUST_CHECK;

/* Fold scores of one pair, score[f * stride], from sums that cancel nowhere. scratch: 4 k. */
void dnb_uv_pair(double *score, size_t stride, const dnb_uv_model *w, const dnb_uv_side *x,
                 size_t u, const dnb_uv_side *y, size_t t, double *scratch);

/* Columns of x as variables. Holds x in memory when it fits. */
typedef struct dnb_uv_reader {
    dnb_rows x;
    dnb_array hold;
    void *raw; /* a tile of columns, or rows, when x is not in memory */
    size_t raw_rows;
} dnb_uv_reader;
/* width: most columns asked for at a time. */
dnb_status dnb_uv_reader_init(dnb_uv_reader *r, const dnb_rows *x, size_t width, size_t memory,
                              dnb_err *err) DNB_MUST_CHECK;
void dnb_uv_reader_release(dnb_uv_reader *r);
/* dst (width x n): columns col.. , each with its rows where place says. */
dnb_status dnb_uv_read(double *dst, dnb_uv_reader *r, size_t col, size_t width, const size_t *place,
                       dnb_err *err) DNB_MUST_CHECK;

#endif
