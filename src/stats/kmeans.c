/* k-means by Lloyd's algorithm from k-means++ seeds. Distances are a matrix product, sums go column
 * by column in the order of the rows, so no result depends on threads. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "array/simd.h"
#include "base/mem.h"
#include "dnnbrain/cluster.h"
#include "dnnbrain/linalg.h"
#include "dnnbrain/random.h"
#include "stats/classify_own.h"

typedef struct lloyd {
    size_t n, d, k;
    double *x;                       /* n x d, centred */
    double *mean;                    /* d */
    double *centres, *moved, *norm;  /* k x d, k x d, k */
    double *product;                 /* n x k */
    double *least;                   /* n: k-means++'s squared distance to the nearest seed */
    double *trial;                   /* n */
    size_t *labels, *before, *count; /* n, n, k */
} lloyd;

static void lloyd_release(lloyd *s)
{
    double *numbers[] = {s->x,    s->mean,    s->centres, s->moved,
                         s->norm, s->product, s->least,   s->trial};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        dnb_free(numbers[i]);
    dnb_free(s->labels);
    dnb_free(s->before);
    dnb_free(s->count);
}

static dnb_status lloyd_init(lloyd *s, const double *x, size_t n, size_t d, size_t k, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t size;
    s->n = n;
    s->d = d;
    s->k = k;
    if (!dnb_mul_size(&size, n, d) || !(s->x = dnb_alloc_aligned(size, sizeof *s->x)))
        return dnb_fail_memory(err, "centred rows", n * d * sizeof *s->x);
    if (!dnb_mul_size(&size, n, k))
        return dnb_fail_memory(err, "distances to centres", SIZE_MAX);
    DNB_NEW(s->product, size, "distances to centres");
    DNB_NEW(s->mean, d, "column means");
    DNB_NEW(s->centres, k * d, "centres");
    DNB_NEW(s->moved, k * d, "centres");
    DNB_NEW(s->norm, k, "centres' norms");
    DNB_NEW(s->least, n, "distances to seeds");
    DNB_NEW(s->trial, n, "distances to a seed");
    DNB_NEW(s->labels, n, "labels");
    DNB_NEW(s->before, n, "labels");
    DNB_NEW(s->count, k, "cluster sizes");
    dnb_column_means(s->mean, x, n, d);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            s->x[i * d + j] = x[i * d + j] - s->mean[j];
done:
    return status;
}

DNB_SIMD static double square_distance(const double *a, const double *b, size_t d)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < d; j++)
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

/* Squared distances of all rows to row r, no more than `bound`, into out; returns their sum. */
static double distances_to(const lloyd *s, double *out, size_t r, const double *bound)
{
    double sum = 0;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < s->n; i++) {
        double here = square_distance(s->x + i * s->d, s->x + r * s->d, s->d);
        out[i] = bound ? fmin(here, bound[i]) : here;
    }
    for (size_t i = 0; i < s->n; i++)
        sum += out[i];
    return sum;
}

/* A row drawn with chance proportional to its distance. */
static size_t draw_row(const lloyd *s, double total, dnb_random *r)
{
    double at = dnb_random_uniform(r) * total, sum = 0;
    for (size_t i = 0; i < s->n; i++) {
        sum += s->least[i];
        if (sum > at)
            return i;
    }
    return (size_t)dnb_random_below(r, s->n);
}

/* k-means++, each seed the best of a few drawn. */
static void seed_centres(lloyd *s, dnb_random *r)
{
    size_t first = (size_t)dnb_random_below(r, s->n), trials = 2 + (size_t)log((double)s->k);
    double total = distances_to(s, s->least, first, NULL);
    memcpy(s->centres, s->x + first * s->d, s->d * sizeof *s->x);
    for (size_t c = 1; c < s->k; c++) {
        size_t best = 0;
        double best_sum = INFINITY;
        for (size_t e = 0; e < trials; e++) {
            size_t row = draw_row(s, total, r);
            double sum = distances_to(s, s->trial, row, s->least);
            if (sum < best_sum) {
                best_sum = sum;
                best = row;
            }
        }
        total = distances_to(s, s->trial, best, s->least);
        memcpy(s->least, s->trial, s->n * sizeof *s->least);
        memcpy(s->centres + c * s->d, s->x + best * s->d, s->d * sizeof *s->x);
    }
}

/* labels = the nearest of k centres for n rows; norm and product are room for k and n x k. */
static dnb_status nearest(size_t *labels, const double *x, size_t n, size_t d,
                          const double *centres, size_t k, double *norm, double *product,
                          dnb_err *err)
{
    const dnb_matmul_options turned = {.transpose_b = true, .alpha = -2};
    for (size_t c = 0; c < k; c++) {
        norm[c] = 0;
        for (size_t j = 0; j < d; j++)
            norm[c] += centres[c * d + j] * centres[c * d + j];
    }
    dnb_status status = dnb_matmul(product, k, x, d, centres, d, n, k, d, &turned, err);
    if (status != DNB_OK)
        return status;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        for (size_t c = 1; c < k; c++)
            if (product[i * k + c] + norm[c] < product[i * k + best] + norm[best])
                best = c;
        labels[i] = best;
    }
    return DNB_OK;
}

/* A cluster without rows takes the row farthest from its own centre out of that row's cluster. */
static void fill_empty(lloyd *s)
{
    for (size_t c = 0; c < s->k; c++) {
        if (s->count[c] > 0)
            continue;
        size_t far = s->n;
        double most = -1;
        for (size_t i = 0; i < s->n; i++) {
            double here =
                s->count[s->labels[i]] > 1
                    ? square_distance(s->x + i * s->d, s->centres + s->labels[i] * s->d, s->d)
                    : -1;
            if (here > most) {
                most = here;
                far = i;
            }
        }
        if (far == s->n)
            return;
        size_t from = s->labels[far];
        for (size_t j = 0; j < s->d; j++) {
            s->moved[from * s->d + j] -= s->x[far * s->d + j];
            s->moved[c * s->d + j] = s->x[far * s->d + j];
        }
        s->count[from]--;
        s->count[c] = 1;
        s->labels[far] = c;
    }
}

/* moved = the means of the clusters as labelled. */
static void mean_centres(lloyd *s)
{
    enum { WIDTH = 64 };
    size_t d = s->d;
    memset(s->count, 0, s->k * sizeof *s->count);
    memset(s->moved, 0, s->k * d * sizeof *s->moved);
    for (size_t i = 0; i < s->n; i++)
        s->count[s->labels[i]]++;
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < d; first += WIDTH) {
        size_t end = d - first < WIDTH ? d : first + WIDTH;
        for (size_t i = 0; i < s->n; i++)
            for (size_t j = first; j < end; j++)
                s->moved[s->labels[i] * d + j] += s->x[i * d + j];
    }
    fill_empty(s);
    for (size_t c = 0; c < s->k; c++)
        for (size_t j = 0; j < d; j++)
            s->moved[c * d + j] /= s->count[c] ? (double)s->count[c] : 1;
}

static double mean_variance(const lloyd *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->n * s->d; i++)
        sum += s->x[i] * s->x[i];
    return sum / ((double)s->n * (double)s->d);
}

/* From the centres on until labels stand still or centres nearly do. */
static dnb_status run_lloyd(lloyd *s, size_t most, double tolerance, size_t *rounds, dnb_err *err)
{
    dnb_status status = DNB_OK;
    bool still = false;
    for (*rounds = 0; *rounds < most;) {
        DNB_TRY(nearest(s->labels, s->x, s->n, s->d, s->centres, s->k, s->norm, s->product, err));
        mean_centres(s);
        double shift = square_distance(s->centres, s->moved, s->k * s->d);
        memcpy(s->centres, s->moved, s->k * s->d * sizeof *s->moved);
        still = *rounds > 0 && memcmp(s->labels, s->before, s->n * sizeof *s->labels) == 0;
        memcpy(s->before, s->labels, s->n * sizeof *s->labels);
        ++*rounds;
        if (still || shift <= tolerance)
            break;
    }
    if (!still)
        DNB_TRY(nearest(s->labels, s->x, s->n, s->d, s->centres, s->k, s->norm, s->product, err));
done:
    return status;
}

static double inertia(const lloyd *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->n; i++)
        sum += square_distance(s->x + i * s->d, s->centres + s->labels[i] * s->d, s->d);
    return sum;
}

void dnb_kmeans_release(dnb_kmeans *k)
{
    if (!k)
        return;
    dnb_free(k->centres);
    dnb_free(k->labels);
    *k = (dnb_kmeans){0};
}

/* First centres of start number `start`. */
static void begin(lloyd *s, const dnb_kmeans_options *o, size_t start)
{
    dnb_random random;
    if (!o->centres) {
        dnb_random_init(&random, o->seed, start);
        seed_centres(s, &random);
        return;
    }
    for (size_t c = 0; c < s->k; c++)
        for (size_t j = 0; j < s->d; j++)
            s->centres[c * s->d + j] = o->centres[c * s->d + j] - s->mean[j];
}

static dnb_status best_start(dnb_kmeans *best, lloyd *s, const dnb_kmeans_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t starts = o->centres ? 1 : o->n_init ? o->n_init : 10, rounds = 0;
    double tolerance = (o->tolerance > 0 ? o->tolerance : 1e-4) * mean_variance(s);
    best->inertia = INFINITY;
    for (size_t start = 0; start < starts; start++) {
        begin(s, o, start);
        DNB_TRY(run_lloyd(s, o->max_iterations ? o->max_iterations : 300, tolerance, &rounds, err));
        double here = inertia(s);
        if (!(here < best->inertia))
            continue;
        best->inertia = here;
        best->iterations = rounds;
        memcpy(best->labels, s->labels, s->n * sizeof *s->labels);
        for (size_t c = 0; c < s->k; c++)
            for (size_t j = 0; j < s->d; j++)
                best->centres[c * s->d + j] = s->centres[c * s->d + j] + s->mean[j];
    }
done:
    return status;
}

dnb_status dnb_kmeans_fit(dnb_kmeans *out, const double *x, size_t n, size_t d, size_t k,
                          const dnb_kmeans_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_kmeans_options o = opt ? *opt : (dnb_kmeans_options){0};
    dnb_kmeans best = {.n = n, .d = d, .k = k};
    lloyd s = {0};
    if (d == 0 || k == 0 || k > n)
        return dnb_fail(err, DNB_EARG, "%zu clusters of %zu rows of %zu columns", k, n, d);
    if (!(o.tolerance >= 0))
        return dnb_fail(err, DNB_EARG, "a tolerance of %g; it must be 0 or more", o.tolerance);
    DNB_TRY(dnb_class_rows_check(x, n, d, err));
    if (o.centres) {
        status = dnb_class_rows_check(o.centres, k, d, err);
        if (status != DNB_OK)
            return dnb_fail_prefix(err, status, "first centres");
    }
    DNB_NEW(best.centres, k * d, "centres");
    DNB_NEW(best.labels, n, "labels");
    DNB_TRY(lloyd_init(&s, x, n, d, k, err));
    DNB_TRY(best_start(&best, &s, &o, err));
    *out = best;
    best = (dnb_kmeans){0};
done:
    lloyd_release(&s);
    dnb_kmeans_release(&best);
    return status;
}

dnb_status dnb_kmeans_predict(size_t *labels, const dnb_kmeans *k, const double *x, size_t n,
                              dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *norm = NULL, *product = NULL, *from = NULL, *centres = NULL;
    size_t *said = NULL;
    DNB_TRY(dnb_class_rows_check(x, n, k->d, err));
    DNB_NEW(norm, k->k, "centres' norms");
    DNB_NEW(product, n * k->k, "distances to centres");
    DNB_NEW(from, n * k->d, "rows");
    DNB_NEW(centres, k->k * k->d, "centres");
    DNB_NEW(said, n, "labels");
    /* Seen from the first centre, so that a large common offset costs no digits. */
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k->d; j++)
            from[i * k->d + j] = x[i * k->d + j] - k->centres[j];
    for (size_t c = 0; c < k->k; c++)
        for (size_t j = 0; j < k->d; j++)
            centres[c * k->d + j] = k->centres[c * k->d + j] - k->centres[j];
    DNB_TRY(nearest(said, from, n, k->d, centres, k->k, norm, product, err));
    memcpy(labels, said, n * sizeof *labels);
done:
    dnb_free(norm);
    dnb_free(product);
    dnb_free(from);
    dnb_free(centres);
    dnb_free(said);
    return status;
}
