/* Linear discriminants: whiten the within-class scatter of columns scaled to unit within-class
 * deviation, keep the directions the class means span, and read off linear maps. */
#include <math.h>
#include <string.h>

#include "array/serial.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "stats/classify_own.h"

typedef struct lda {
    size_t n, d, k, rank;
    double *means;  /* k x d: class means */
    double *centre; /* d: their mean, weighted by priors */
    double *scale;  /* d: within-class deviations; 1 where there is none */
    double *w;      /* n x d: rows less their class mean, over the scale, over sqrt(n - k) */
    double *white;  /* d x rank: makes the within-class covariance the identity */
    double *prior;  /* k */
} lda;

static void lda_release(lda *s)
{
    dnb_free(s->means);
    dnb_free(s->centre);
    dnb_free(s->scale);
    dnb_free(s->w);
    dnb_free(s->white);
    dnb_free(s->prior);
}

/* Class means about the first row, so that a large offset costs no digits. */
static void class_means(lda *s, const dnb_class_data *t)
{
    enum { WIDTH = 64 };
    size_t d = t->d;
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < d; first += WIDTH) {
        size_t end = d - first < WIDTH ? d : first + WIDTH;
        for (size_t i = 0; i < t->n; i++)
            for (size_t j = first; j < end; j++)
                s->means[t->y[i] * d + j] += t->x[i * d + j] - t->x[j];
        for (size_t c = 0; c < t->k; c++)
            for (size_t j = first; j < end; j++) {
                double *mean = &s->means[c * d + j];
                *mean = t->x[j] + *mean / (double)t->count[c];
                s->centre[j] += s->prior[c] * *mean;
            }
    }
}

static double largest_mean(const lda *s, size_t j)
{
    double most = 0;
    for (size_t c = 0; c < s->k; c++)
        most = fmax(most, fabs(s->means[c * s->d + j]));
    return most;
}

/* w and scale. A column whose deviation is what rounding leaves of its mean counts as constant. */
static void within_rows(lda *s, const dnb_class_data *t)
{
    enum { WIDTH = 64 };
    size_t d = t->d;
    double root = sqrt((double)(t->n - t->k));
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < d; first += WIDTH) {
        size_t end = d - first < WIDTH ? d : first + WIDTH;
        for (size_t i = 0; i < t->n; i++)
            for (size_t j = first; j < end; j++) {
                double r = t->x[i * d + j] - s->means[t->y[i] * d + j];
                s->w[i * d + j] = r;
                s->scale[j] += r * r;
            }
        for (size_t j = first; j < end; j++) {
            s->scale[j] = sqrt(s->scale[j] / (double)t->n);
            s->scale[j] = s->scale[j] > 1e-13 * largest_mean(s, j) ? s->scale[j] : 1;
        }
        for (size_t i = 0; i < t->n; i++)
            for (size_t j = first; j < end; j++)
                s->w[i * d + j] /= s->scale[j] * root;
    }
}

/* All eigenvalues and vectors on one thread: fixed bits at any order. */
static dnb_status eigen(double *values, double *vectors, double *a, size_t n, dnb_err *err)
{
    int threads = dnb_serial_begin();
    dnb_status status = dnb_eigen(values, vectors, a, n, n, err);
    dnb_serial_end(threads);
    return status;
}

/* Whitening from the eigenvectors of w^T w, or of w w^T when columns outnumber rows. */
static dnb_status whiten(lda *s, double tolerance, dnb_err *err)
{
    dnb_status status = DNB_OK;
    bool wide = s->d > s->n;
    size_t q = wide ? s->n : s->d, d = s->d;
    const dnb_matmul_options turned = {.transpose_a = true, .alpha = 1};
    double *gram = NULL, *values = NULL, *v = NULL;
    DNB_NEW(gram, q * q, "a within-class covariance");
    DNB_NEW(values, q, "eigenvalues");
    DNB_NEW(v, q * q, "eigenvectors");
    if (wide) {
        dnb_rows rows = dnb_rows_f64(s->w, s->n, d);
        DNB_TRY(dnb_gram_run(gram, &rows, NULL, err));
    } else {
        DNB_TRY(dnb_matmul(gram, q, s->w, d, s->w, d, q, q, s->n, &turned, err));
    }
    DNB_TRY(eigen(values, v, gram, q, err));
    while (s->rank < q && values[s->rank] > tolerance * tolerance)
        s->rank++;
    if (s->rank == 0)
        DNB_TRY(dnb_fail(err, DNB_EARG,
                         "linear discriminants: no column varies within a class, so there is no "
                         "covariance to whiten"));
    DNB_NEW(s->white, d * s->rank, "a whitening matrix");
    for (size_t e = 0; e < q; e++)
        for (size_t r = 0; r < s->rank; r++)
            v[e * q + r] /= wide ? values[r] : sqrt(values[r]);
    if (wide)
        DNB_TRY(dnb_matmul(s->white, s->rank, s->w, d, v, q, d, s->rank, q, &turned, err));
    for (size_t j = 0; j < d; j++)
        for (size_t r = 0; r < s->rank; r++)
            s->white[j * s->rank + r] =
                (wide ? s->white[j * s->rank + r] : v[j * q + r]) / s->scale[j];
done:
    dnb_free(gram);
    dnb_free(values);
    dnb_free(v);
    return status;
}

/* Takes off whitened class means m (k x rank, about the centre) what is outside the directions
 * their weighted scatter spans to `tolerance` of its largest. The scatter of sqrt(prior) m is seen
 * through its k x k Gram matrix, so the projector works on the classes' side. */
static dnb_status span_means(double *m, const lda *s, double tolerance, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t k = s->k, r = s->rank, rank = 0;
    const dnb_matmul_options second = {.transpose_b = true, .alpha = 1};
    double *weighted = NULL, *gram = NULL, *values = NULL, *u = NULL;
    DNB_NEW(weighted, k * r, "weighted class means");
    DNB_NEW(gram, k * k, "a between-class covariance");
    DNB_NEW(values, k, "eigenvalues");
    DNB_NEW(u, k * k, "eigenvectors");
    for (size_t c = 0; c < k; c++)
        for (size_t j = 0; j < r; j++)
            weighted[c * r + j] = m[c * r + j] * sqrt(s->prior[c]);
    DNB_TRY(dnb_matmul(gram, k, weighted, r, weighted, r, k, k, r, &second, err));
    DNB_TRY(eigen(values, u, gram, k, err));
    while (rank < k - 1 && values[rank] > tolerance * tolerance * values[0])
        rank++;
    for (size_t a = 0; a < k; a++)
        for (size_t b = 0; b < k; b++) {
            double sum = 0;
            for (size_t e = 0; e < rank; e++)
                sum += u[a * k + e] * u[b * k + e];
            gram[a * k + b] = sum / sqrt(s->prior[a]);
        }
    DNB_TRY(dnb_matmul(m, r, gram, k, weighted, r, k, r, k, NULL, err));
done:
    dnb_free(weighted);
    dnb_free(gram);
    dnb_free(values);
    dnb_free(u);
    return status;
}

/* Linear maps from the projected means: coef_c = m_c white^T, and what the centre and the priors
 * ask of the intercepts. Two classes: the second less the first. */
static dnb_status store(dnb_classifier *c, const lda *s, const double *m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t d = s->d, k = s->k;
    const dnb_matmul_options second = {.transpose_b = true, .alpha = 1};
    double *coef = NULL;
    DNB_NEW(coef, k * d, "weights");
    DNB_TRY(dnb_classifier_maps(c, k == 2 ? 1 : k, err));
    DNB_TRY(dnb_matmul(coef, d, m, s->rank, s->white, s->rank, k, d, s->rank, &second, err));
    for (size_t a = 0; a < k; a++) {
        size_t to = k == 2 ? 0 : a;
        double sign = k == 2 && a == 0 ? -1 : 1, b = log(s->prior[a]);
        for (size_t r = 0; r < s->rank; r++)
            b -= 0.5 * m[a * s->rank + r] * m[a * s->rank + r];
        for (size_t j = 0; j < d; j++) {
            b -= s->centre[j] * coef[a * d + j];
            c->coef[to * d + j] += sign * coef[a * d + j];
        }
        c->intercept[to] += sign * b;
    }
done:
    dnb_free(coef);
    return status;
}

static dnb_status solve(dnb_classifier *c, lda *s, const dnb_class_data *t, double tolerance,
                        dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *m = NULL, *from_centre = NULL;
    class_means(s, t);
    within_rows(s, t);
    DNB_TRY(whiten(s, tolerance, err));
    DNB_NEW(from_centre, s->k * s->d, "class means");
    DNB_NEW(m, s->k * s->rank, "whitened class means");
    for (size_t a = 0; a < s->k; a++)
        for (size_t j = 0; j < s->d; j++)
            from_centre[a * s->d + j] = s->means[a * s->d + j] - s->centre[j];
    DNB_TRY(dnb_matmul(m, s->rank, from_centre, s->d, s->white, s->rank, s->k, s->rank, s->d, NULL,
                       err));
    DNB_TRY(span_means(m, s, tolerance, err));
    DNB_TRY(store(c, s, m, err));
done:
    dnb_free(m);
    dnb_free(from_centre);
    return status;
}

dnb_status dnb_fit_lda(dnb_classifier *c, const dnb_class_data *t, const dnb_classifier_options *o,
                       dnb_err *err)
{
    dnb_status status = DNB_OK;
    lda s = {.n = t->n, .d = t->d, .k = t->k};
    size_t size;
    if (t->n <= t->k)
        return dnb_fail(err, DNB_EARG,
                        "linear discriminants need more rows than classes, not %zu of %zu", t->n,
                        t->k);
    if (!dnb_mul_size(&size, t->n, t->d) || !(s.w = dnb_alloc_aligned(size, sizeof *s.w)))
        return dnb_fail_memory(err, "rows less their class means", t->n * t->d * sizeof *s.w);
    DNB_NEW(s.means, t->k * t->d, "class means");
    DNB_NEW(s.centre, t->d, "the mean of class means");
    DNB_NEW(s.scale, t->d, "column scales");
    DNB_NEW(s.prior, t->k, "priors");
    for (size_t a = 0; a < t->k; a++)
        s.prior[a] = (double)t->count[a] / (double)t->n;
    DNB_TRY(solve(c, &s, t, o->tolerance > 0 ? o->tolerance : 1e-4, err));
done:
    lda_release(&s);
    return status;
}
