/* Distances of all pairs: chooses between the Gram matrix and the element-wise kernels, prepares
 * shifts and scales, and turns accumulated sums into distances. */
#include <math.h>
#include <stdint.h>

#include "array/gram.h"
#include "array/rows_load.h"
#include "base/mem.h"
#include "dnnbrain/distance.h"
#include "stats/mahalanobis.h"
#include "stats/pair_formula.h"
#include "stats/pair_kernels.h"

/* One call's state. */
typedef struct job {
    dnb_metric metric;
    double p;
    const dnb_rows *x;
    dnb_sweep sweep;
    dnb_pair_tiles tiles;
    double *row_shift, *row_scale, *row_sum, *col_scale, *scratch, *smallest;
    double *out;
    double *diagonal; /* x.x of every row (centred for correlation), for metrics made of products */
    unsigned char *redo; /* per tile pair of the sweep that repeats pairs */
    size_t redo_tile, redo_tiles;
} job;

/* Products in float32: from how many columns on, and the tiles in which pairs near each other are
 * repeated in float64 (small, for there are few). */
enum { SINGLE_COLUMNS = 2048, CLOSE_TILE = 64 };

/* Below it a distance from float32 products would keep fewer than five digits. */
static const double CLOSE = 0.01;

static void job_release(job *j)
{
    dnb_pair_tiles_release(&j->tiles);
    dnb_free(j->row_shift);
    dnb_free(j->row_scale);
    dnb_free(j->row_sum);
    dnb_free(j->col_scale);
    dnb_free(j->scratch);
    dnb_free(j->smallest);
    dnb_free(j->diagonal);
    dnb_free(j->redo);
}

static void use_kernel(job *j)
{
    static const struct {
        dnb_pair_kernel *kernel;
        size_t n_acc;
    } kernels[DNB_METRIC_COUNT] = {
        [DNB_CITYBLOCK] = {dnb_kernel_cityblock, 1},
        [DNB_CHEBYSHEV] = {dnb_kernel_chebyshev, 1},
        [DNB_CANBERRA] = {dnb_kernel_canberra, 1},
        [DNB_BRAYCURTIS] = {dnb_kernel_braycurtis, 2},
        [DNB_MINKOWSKI] = {dnb_kernel_minkowski, 1},
        [DNB_HAMMING] = {dnb_kernel_hamming, 1},
        [DNB_JACCARD] = {dnb_kernel_jaccard, 2},
        [DNB_JENSENSHANNON] = {dnb_kernel_jensenshannon, 1},
    };
    dnb_sweep *s = &j->sweep;
    s->kernel = kernels[j->metric].kernel ? kernels[j->metric].kernel : dnb_kernel_sqeuclidean;
    s->n_acc = kernels[j->metric].n_acc ? kernels[j->metric].n_acc : 1;
    s->tile = dnb_sweep_tile(j->x, DNB_PAIR_TILE, s->n_acc, s->memory);
    s->take_max = j->metric == DNB_CHEBYSHEV;
    s->ctx = &j->p;
    s->flops_per_item = 4;
    s->centre_columns = false;
}

/* Row shift and scale that z-score, NaN for constant rows. */
static dnb_status prepare_zscore(job *j, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = j->x->n;
    DNB_NEW(j->row_shift, n, "row means");
    DNB_NEW(j->row_scale, n, "row deviations");
    DNB_TRY(dnb_rows_moments(j->row_shift, j->row_scale, NULL, j->x, memory, err));
    for (size_t i = 0; i < n; i++)
        j->row_scale[i] = j->row_scale[i] > 0 ? 1 / sqrt(j->row_scale[i] / (double)j->x->d) : NAN;
    j->sweep.row_shift = j->row_shift;
    j->sweep.row_scale = j->row_scale;
done:
    return status;
}

/* Rows that sum to 1; smallest[i] < 0 or a zero sum will give infinity. */
static dnb_status prepare_jensenshannon(job *j, bool zscore, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = j->x->n;
    if (zscore)
        DNB_TRY(dnb_fail(err, DNB_EARG,
                         "jensenshannon needs numbers >= 0, which z-scored rows are not; leave out "
                         "one of the two"));
    DNB_NEW(j->row_scale, n, "row sums");
    DNB_NEW(j->smallest, n, "row minima");
    DNB_TRY(dnb_rows_moments(j->row_scale, NULL, j->smallest, j->x, memory, err));
    for (size_t i = 0; i < n; i++) {
        if (j->row_scale[i] == 0)
            j->smallest[i] = -1;
        j->row_scale[i] = 1 / (j->row_scale[i] * (double)j->x->d);
    }
    j->sweep.row_scale = j->row_scale;
done:
    return status;
}

static dnb_status prepare_seuclidean(job *j, const double *variance, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t d = j->x->d, n = j->x->n;
    DNB_NEW(j->col_scale, d, "column variances");
    if (!variance) {
        DNB_NEW(j->scratch, d, "column means");
        DNB_TRY(dnb_columns_moments(j->scratch, j->col_scale, j->x, j->row_shift, j->row_scale,
                                    memory, err));
    }
    for (size_t c = 0; c < d; c++) {
        double v = variance ? variance[c] : j->col_scale[c] / (double)(n - 1);
        j->col_scale[c] = v > 0 ? 1 / sqrt(v) : NAN;
    }
    j->sweep.col_scale = j->col_scale;
done:
    return status;
}

/* May products be taken in float32? Few columns average out no rounding and gain little time;
 * z-scored rows need their mean exactly. */
static bool may_be_single(const job *j, const dnb_pdist_options *o)
{
    return j->x->dtype == DNB_F32 && j->x->d >= SINGLE_COLUMNS &&
           (j->metric == DNB_CORRELATION || (j->metric == DNB_COSINE && !o->zscore));
}

static dnb_status prepare(job *j, const dnb_pdist_options *o, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_sweep *s = &j->sweep;
    dnb_gram_sweep_init(s, j->x, memory);
    s->what = "distances";
    s->indicator = dnb_metric_is_boolean(j->metric);
    if (!dnb_metric_is_product(j->metric))
        use_kernel(j);
    if (j->metric == DNB_JENSENSHANNON)
        DNB_TRY(prepare_jensenshannon(j, o->zscore, memory, err));
    /* Correlation does not change under z-scoring. */
    if (o->zscore && j->metric != DNB_CORRELATION && j->metric != DNB_JENSENSHANNON)
        DNB_TRY(prepare_zscore(j, memory, err));
    if (j->metric == DNB_SEUCLIDEAN)
        DNB_TRY(prepare_seuclidean(j, o->variance, memory, err));
    if (may_be_single(j, o))
        dnb_gram_sweep_single(s);
    s->centre_columns =
        j->metric == DNB_EUCLIDEAN || j->metric == DNB_SQEUCLIDEAN || j->metric == DNB_SEUCLIDEAN;
    if (j->metric == DNB_CORRELATION) {
        DNB_NEW(j->row_shift, j->x->n, "row means");
        DNB_TRY(dnb_rows_shift(j->row_shift, j->x, s->single, memory, err));
        s->row_shift = j->row_shift;
    }
    if (j->metric == DNB_CORRELATION || j->metric == DNB_CHEBYSHEV) {
        DNB_NEW(j->row_sum, j->x->n, "row sums");
        s->row_sum = j->row_sum;
    }
done:
    return status;
}

/* One pair from the accumulators of the Gram sweep. */
static double product_pair(const job *j, double xy, size_t r, size_t c)
{
    double d = (double)j->x->d;
    if (j->metric == DNB_CORRELATION)
        xy -= j->row_sum[r] * j->row_sum[c] / d;
    return dnb_metric_from_products(j->metric, j->diagonal[r], j->diagonal[c], xy, d);
}

static double sums_pair(const job *j, double a, double b, size_t r, size_t c)
{
    if (j->metric == DNB_CHEBYSHEV && (isnan(j->row_sum[r]) || isnan(j->row_sum[c])))
        return NAN;
    if (j->metric == DNB_JENSENSHANNON && (isnan(j->row_scale[r]) || isnan(j->row_scale[c])))
        return NAN;
    if (j->metric == DNB_JENSENSHANNON && (j->smallest[r] < 0 || j->smallest[c] < 0))
        return INFINITY;
    return dnb_metric_from_sums(j->metric, a, b, (double)j->x->d, j->p);
}

/* Has the pair of distance `value` lost digits? */
static bool lost_digits(const job *j, double value, double xy, size_t r, size_t c)
{
    if (j->sweep.single)
        return value < CLOSE;
    return !dnb_products_keep_digits(j->diagonal[r], j->diagonal[c], xy);
}

/* Every pair of one tile pair into the condensed result. products: of the Gram sweep, not sums of
 * an element-wise one. With redo set, marks pairs that lost digits, or, in the second sweep,
 * replaces only them. */
static void finish_tile(job *j, size_t ti, size_t tj, bool products, bool second)
{
    const dnb_pair_tiles *t = &j->tiles;
    size_t T = t->tile, n = t->n, Q = j->redo_tile;
    const double *block = dnb_pair_tiles_block(t, dnb_tile_pair_index(t->n_tiles, ti, tj));
    for (size_t r = ti * T; r < n && r < (ti + 1) * T; r++)
        for (size_t c = tj > ti ? tj * T : r + 1; c < n && c < (tj + 1) * T; c++) {
            double a = block[(r - ti * T) * T + (c - tj * T)];
            double b = t->n_acc > 1 ? block[T * T + (r - ti * T) * T + (c - tj * T)] : 0;
            double *out = j->out + dnb_condensed_index(n, r, c);
            if (second && !isnan(*out))
                continue;
            *out = products ? product_pair(j, a, r, c) : sums_pair(j, a, b, r, c);
            if (j->redo && !second && lost_digits(j, *out, a, r, c)) {
                size_t q = dnb_tile_pair_index(j->redo_tiles, r / Q, c / Q);
                *out = NAN;
#pragma omp atomic write
                j->redo[q] = 1;
            }
        }
}

static void finish(job *j, bool products, bool second)
{
    size_t n_tiles = j->tiles.n_tiles;
#pragma omp parallel for schedule(dynamic)
    for (size_t ti = 0; ti < n_tiles; ti++)
        for (size_t tj = ti; tj < n_tiles; tj++)
            finish_tile(j, ti, tj, products, second);
}

/* Row norms from the tiles. True where float32 would have served: no overflow, nothing to speak of
 * lost to underflow, and no row whose shift stands so far from its mean that the norm is a small
 * difference (also NaN: false). */
static bool find_diagonal(job *j)
{
    bool fits = true;
    for (size_t i = 0; i < j->x->n; i++) {
        double xx = dnb_pair_tiles_get(&j->tiles, i, i, 0), raw = xx;
        if (j->row_sum)
            xx -= j->row_sum[i] * j->row_sum[i] / (double)j->x->d;
        j->diagonal[i] = xx;
        fits &= raw < 1e30 && xx > 1e-20 && raw < 4 * xx;
    }
    return fits;
}

/* The Gram sweep in float32 where it serves, else in float64; what is to be repeated is allocated.
 */
static dnb_status run_products(job *j, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = j->x->n;
    DNB_NEW(j->diagonal, n, "row norms");
    DNB_TRY(dnb_sweep_run(&j->tiles, &j->sweep, err));
    if (!find_diagonal(j) && j->sweep.single) {
        dnb_pair_tiles_release(&j->tiles);
        j->sweep.single = false;
        DNB_TRY(dnb_sweep_run(&j->tiles, &j->sweep, err));
        find_diagonal(j);
    }
    if (j->sweep.centre_columns || j->sweep.single) {
        j->redo_tile =
            dnb_sweep_tile(j->x, j->sweep.single ? CLOSE_TILE : DNB_PAIR_TILE, 1, memory);
        j->redo_tiles = (n + j->redo_tile - 1) / j->redo_tile;
        DNB_NEW(j->redo, dnb_tile_pair_count(j->redo_tiles), "pairs to repeat");
    }
done:
    return status;
}

/* The float64 Gram sweep over the tile pairs that redo marks and their rows' norms, or over all
 * when that is most of them. */
static void use_double(job *j)
{
    size_t wanted = 0, n_tiles = j->redo_tiles;
    j->sweep.single = false;
    for (size_t ti = 0; ti < n_tiles; ti++)
        for (size_t tj = ti + 1; tj < n_tiles; tj++)
            if (j->redo[dnb_tile_pair_index(n_tiles, ti, tj)]) {
                j->redo[dnb_tile_pair_index(n_tiles, ti, ti)] = 1;
                j->redo[dnb_tile_pair_index(n_tiles, tj, tj)] = 1;
            }
    for (size_t q = 0; q < dnb_tile_pair_count(n_tiles); q++)
        wanted += j->redo[q];
    if (2 * wanted > dnb_tile_pair_count(n_tiles))
        return;
    j->sweep.tile = j->redo_tile;
    j->sweep.wanted = j->redo;
}

/* Pairs that lost digits (marked by NaN) once more: euclidean ones from the differences themselves,
 * those of float32 products in float64. */
static dnb_status redo_pairs(job *j, dnb_err *err)
{
    dnb_status status = DNB_OK;
    bool any = false, products = j->sweep.single;
    for (size_t q = 0; q < dnb_tile_pair_count(j->redo_tiles); q++)
        any |= j->redo[q];
    if (!any)
        return DNB_OK;
    dnb_pair_tiles_release(&j->tiles);
    if (products) {
        use_double(j);
    } else {
        use_kernel(j);
        j->sweep.wanted = j->redo;
    }
    DNB_TRY(dnb_sweep_run(&j->tiles, &j->sweep, err));
    if (products)
        find_diagonal(j);
    finish(j, products, true);
done:
    return status;
}

static dnb_status run(job *j, const dnb_pdist_options *o, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    bool products = dnb_metric_is_product(j->metric);
    DNB_TRY(prepare(j, o, memory, err));
    j->sweep.progress = o->progress;
    if (products)
        DNB_TRY(run_products(j, memory, err));
    else
        DNB_TRY(dnb_sweep_run(&j->tiles, &j->sweep, err));
    finish(j, products, false);
    if (j->redo)
        DNB_TRY(redo_pairs(j, err));
done:
    return status;
}

/* minkowski with exponents 1, 2 and infinity has faster names. */
static dnb_status resolve(job *j, const dnb_pdist_options *o, dnb_err *err)
{
    j->metric = o->metric == DNB_MATCHING ? DNB_HAMMING : o->metric;
    j->p = o->p == 0 ? 2 : o->p;
    if ((size_t)o->metric >= DNB_METRIC_COUNT)
        return dnb_fail(err, DNB_EARG, "no metric has the number %d", (int)o->metric);
    if (j->metric != DNB_MINKOWSKI)
        return DNB_OK;
    if (!(j->p > 0))
        return dnb_fail(err, DNB_EARG, "minkowski's exponent p is %g; it must be above 0", o->p);
    if (j->p == 1)
        j->metric = DNB_CITYBLOCK;
    else if (j->p == 2)
        j->metric = DNB_EUCLIDEAN;
    else if (isinf(j->p))
        j->metric = DNB_CHEBYSHEV;
    return DNB_OK;
}

dnb_status dnb_pdist(dnb_array *out, const dnb_rows *x, const dnb_pdist_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_pdist_options o = opt ? *opt : (dnb_pdist_options){0};
    size_t memory = o.memory ? o.memory : dnb_memory_budget(), held;
    dnb_array result = {0}, hold = {0}, white = {0};
    dnb_rows rows;
    job j = {0};
    DNB_TRY(resolve(&j, &o, err));
    DNB_TRY(dnb_rows_check(x, err));
    DNB_TRY(dnb_pairs_check(x->n, err));
    size_t count = dnb_condensed_count(x->n);
    if (count > memory / sizeof(double))
        DNB_TRY(dnb_fail(err, DNB_ENOMEM,
                         "the distances of %zu rows take %.1f MB, more than the %.1f MB of memory "
                         "allowed",
                         x->n, 8e-6 * (double)count, 1e-6 * (double)memory));
    DNB_TRY(dnb_array_init(&result, DNB_F64, 1, &count, err));
    memory -= count * sizeof(double);
    if (j.metric == DNB_MAHALANOBIS) {
        DNB_TRY(dnb_whiten(&white, x, o.zscore, memory, err));
        DNB_TRY(dnb_rows_of_array(&rows, &white, err));
        memory -= dnb_array_bytes(&white);
        j.metric = DNB_EUCLIDEAN;
        o.zscore = false;
    } else {
        DNB_TRY(dnb_rows_load(&rows, &hold, x, memory / 2, err));
    }
    held = hold.data ? dnb_array_bytes(&hold) : 0;
    j.x = &rows;
    j.out = result.data;
    if (count > 0)
        DNB_TRY(run(&j, &o, memory - held, err));
    *out = result;
    result = (dnb_array){0};
done:
    job_release(&j);
    dnb_array_release(&result);
    dnb_array_release(&hold);
    dnb_array_release(&white);
    return status;
}

size_t dnb_pdist_plan_bytes(const dnb_rows *x, const dnb_pdist_options *opt)
{
    dnb_pdist_options o = opt ? *opt : (dnb_pdist_options){0};
    size_t memory = o.memory ? o.memory : dnb_memory_budget(), part = 0, again = 0;
    dnb_rows rows = *x;
    job j = {.x = &rows};
    double held = 8.0 * (double)dnb_condensed_count(x->n) + 5.0 * 8 * (double)x->n;
    if (resolve(&j, &o, NULL) != DNB_OK || dnb_pairs_check(x->n, NULL) != DNB_OK)
        return 0;                      /* dnb_pdist will say why */
    if (j.metric == DNB_MAHALANOBIS) { /* the whitened matrix and what makes it */
        held += 8.0 * (2.0 * (double)x->n + 2.0 * (double)x->d) * (double)x->d;
        rows.data = x;
    } else if (!x->data && !x->cheap && dnb_rows_bytes(x) <= memory / 2) {
        held += (double)dnb_rows_bytes(x);
        rows.data = x;
    }
    if (j.metric == DNB_SEUCLIDEAN)
        held += 16.0 * (double)x->d;
    memory = held < (double)memory ? memory - (size_t)held : 0;
    dnb_gram_sweep_init(&j.sweep, &rows, memory);
    j.sweep.centre_columns = true;
    if (dnb_metric_is_product(j.metric))
        part = dnb_sweep_bytes(&j.sweep);
    if (!dnb_metric_is_product(j.metric) || !dnb_metric_is_boolean(j.metric)) {
        use_kernel(&j);
        again = dnb_sweep_bytes(&j.sweep);
    }
    held += (double)(part > again ? part : again);
    return held < (double)(SIZE_MAX / 4) ? (size_t)held : SIZE_MAX / 4;
}

dnb_status dnb_pdist_from_gram(double *condensed, const double *g, size_t n, dnb_metric m,
                               dnb_err *err)
{
    if (m != DNB_EUCLIDEAN && m != DNB_SQEUCLIDEAN && m != DNB_COSINE && m != DNB_CORRELATION)
        return dnb_fail(err, DNB_EARG, "a Gram matrix does not give the metric %s",
                        dnb_metric_name(m) ? dnb_metric_name(m) : "?");
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            *condensed++ = dnb_metric_from_products(m, g[i * n + i], g[j * n + j], g[i * n + j], 0);
    return DNB_OK;
}
