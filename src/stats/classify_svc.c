/* Linear support vectors, one pair of classes at a time: sequential minimal optimisation on the
 * centred kernel. With f_t = y_t - w.x_t the pair of rows that breaks the optimality most, by
 * second order, moves along its line until it is optimal or at a bound. */
#include <math.h>
#include <string.h>

#include "array/serial.h"
#include "array/simd.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "stats/classify_own.h"

static const double TINY = 1e-12; /* stands for a curvature that is not positive */

/* Rows in the order of their classes. */
typedef struct kernel {
    size_t n, d;
    size_t *row;  /* n: where the row stands in x */
    size_t *from; /* k + 1: first row of each class */
    double *gram; /* n x n, or NULL */
    double *x;    /* n x d centred, or NULL */
    double *mean; /* d */
    double *diagonal;
} kernel;

static void kernel_release(kernel *s)
{
    dnb_free(s->row);
    dnb_free(s->from);
    dnb_free(s->gram);
    dnb_free(s->x);
    dnb_free(s->mean);
    dnb_free(s->diagonal);
}

/* The Gram matrix of x as it came, its rows and columns brought into our order. */
static dnb_status turned_gram(kernel *s, const dnb_class_data *t, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_gram_options centred = {.centre = DNB_CENTRE_COLUMNS};
    dnb_rows rows = dnb_rows_f64(t->x, t->n, t->d);
    double *g = NULL;
    size_t n = t->n;
    DNB_NEW(g, n * n, "a kernel matrix");
    DNB_TRY(dnb_gram_run(g, &rows, &centred, err));
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            s->gram[i * n + j] = g[s->row[i] * n + s->row[j]];
done:
    dnb_free(g);
    return status;
}

static dnb_status make_kernel(kernel *s, const dnb_class_data *t, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = t->n, d = t->d, square = 0;
    bool fits = dnb_mul_size(&square, n, n) && square <= dnb_memory_budget() / 4 / sizeof(double);
    if (!fits && d > n)
        return dnb_fail(err, DNB_ENOMEM,
                        "support vectors of %zu rows need a kernel matrix of %.1f GB, more than a "
                        "quarter of the memory budget; take fewer rows",
                        n, 8e-9 * (double)n * (double)n);
    dnb_column_means(s->mean, t->x, n, d);
    if (fits) {
        s->gram = dnb_alloc_aligned(square, sizeof *s->gram);
        if (!s->gram)
            return dnb_fail_memory(err, "a kernel matrix", square * sizeof *s->gram);
    }
    if (d > n) {
        DNB_TRY(turned_gram(s, t, err));
    } else {
        DNB_NEW(s->x, n * d, "centred rows");
#pragma omp parallel for schedule(static)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < d; j++)
                s->x[i * d + j] = t->x[s->row[i] * d + j] - s->mean[j];
        dnb_rows rows = dnb_rows_f64(s->x, n, d);
        if (fits)
            DNB_TRY(dnb_gram_run(s->gram, &rows, NULL, err));
    }
    for (size_t i = 0; i < n; i++) {
        s->diagonal[i] = fits ? s->gram[i * n + i] : 0;
        for (size_t j = 0; !fits && j < d; j++)
            s->diagonal[i] += s->x[i * d + j] * s->x[i * d + j];
    }
done:
    return status;
}

static dnb_status kernel_init(kernel *s, const dnb_class_data *t, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(s->row, t->n, "the order of rows");
    DNB_NEW(s->from, t->k + 1, "the order of classes");
    DNB_NEW(s->mean, t->d, "column means");
    DNB_NEW(s->diagonal, t->n, "a diagonal");
    for (size_t c = 0; c < t->k; c++)
        s->from[c + 1] = s->from[c] + t->count[c];
    for (size_t i = 0; i < t->n; i++)
        s->row[s->from[t->y[i]]++] = i;
    for (size_t c = t->k; c > 0; c--)
        s->from[c] = s->from[c - 1];
    s->from[0] = 0;
    s->n = t->n;
    s->d = t->d;
    DNB_TRY(make_kernel(s, t, err));
done:
    return status;
}

/* Two classes: rows 0..n_a of `a`, then those of `b`. */
typedef struct pair {
    const kernel *s;
    size_t a, b, n_a, n; /* first row of either class; rows of the first, and in all */
    double c, *alpha, *f, *row_i, *row_j;
} pair;

static size_t place(const pair *p, size_t t)
{
    return t < p->n_a ? p->a + t : p->b + t - p->n_a;
}

DNB_SIMD static void products(double *out, const double *x, size_t n, size_t d, const double *v)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t j = 0; j < d; j++)
            sum += x[i * d + j] * v[j];
        out[i] = sum;
    }
}

/* Kernel of row t with all rows of the pair. */
static void kernel_row(const pair *p, double *out, size_t t)
{
    const kernel *s = p->s;
    size_t at = place(p, t), n_b = p->n - p->n_a;
    if (s->gram) {
        const double *row = s->gram + at * s->n;
        memcpy(out, row + p->a, p->n_a * sizeof *out);
        memcpy(out + p->n_a, row + p->b, n_b * sizeof *out);
    } else {
        const double *v = s->x + at * s->d;
        products(out, s->x + p->a * s->d, p->n_a, s->d, v);
        products(out + p->n_a, s->x + p->b * s->d, n_b, s->d, v);
    }
}

/* May row t move so that y_t alpha_t grows (up) or falls? */
static bool can_rise(const pair *p, size_t t)
{
    return t < p->n_a ? p->alpha[t] < p->c : p->alpha[t] > 0;
}

static bool can_fall(const pair *p, size_t t)
{
    return t < p->n_a ? p->alpha[t] > 0 : p->alpha[t] < p->c;
}

/* The first row to move, by largest f. */
static size_t pick_first(const pair *p)
{
    size_t best = p->n;
    for (size_t t = 0; t < p->n; t++)
        if (can_rise(p, t) && (best == p->n || p->f[t] >= p->f[best]))
            best = t;
    return best;
}

/* The second, by what the move gains; *gap is how far from optimal the pair of classes is. */
static size_t pick_second(const pair *p, size_t i, double *gap)
{
    size_t best = p->n;
    double gain = 0, least = INFINITY, own = p->s->diagonal[place(p, i)];
    for (size_t t = 0; t < p->n; t++) {
        if (!can_fall(p, t))
            continue;
        double difference = p->f[i] - p->f[t];
        least = fmin(least, p->f[t]);
        if (!(difference > 0))
            continue;
        double curve = own + p->s->diagonal[place(p, t)] - 2 * p->row_i[t];
        double here = difference * difference / (curve > 0 ? curve : TINY);
        if (here >= gain) {
            gain = here;
            best = t;
        }
    }
    *gap = p->f[i] - least;
    return best;
}

static void move_pair(pair *p, size_t i, size_t j)
{
    kernel_row(p, p->row_j, j);
    double curve = p->s->diagonal[place(p, i)] + p->s->diagonal[place(p, j)] - 2 * p->row_i[j];
    double step = (p->f[i] - p->f[j]) / (curve > 0 ? curve : TINY);
    double room_i = i < p->n_a ? p->c - p->alpha[i] : p->alpha[i];
    double room_j = j < p->n_a ? p->alpha[j] : p->c - p->alpha[j];
    bool full_i = step >= room_i && room_i <= room_j, full_j = step >= room_j && room_j <= room_i;
    step = full_i ? room_i : full_j ? room_j : step;
    p->alpha[i] =
        i < p->n_a ? (full_i ? p->c : p->alpha[i] + step) : (full_i ? 0 : p->alpha[i] - step);
    p->alpha[j] =
        j < p->n_a ? (full_j ? 0 : p->alpha[j] - step) : (full_j ? p->c : p->alpha[j] + step);
#pragma omp simd
    for (size_t t = 0; t < p->n; t++)
        p->f[t] -= step * (p->row_i[t] - p->row_j[t]);
}

/* Mean f of the rows off their bounds, else the middle between what the bounds allow. */
static double pair_intercept(const pair *p)
{
    double sum = 0, above = -INFINITY, below = INFINITY;
    size_t free_rows = 0;
    for (size_t t = 0; t < p->n; t++) {
        bool up = can_rise(p, t), down = can_fall(p, t);
        if (up && down) {
            sum += p->f[t];
            free_rows++;
        }
        above = up ? fmax(above, p->f[t]) : above;
        below = down ? fmin(below, p->f[t]) : below;
    }
    return free_rows ? sum / (double)free_rows : 0.5 * (above + below);
}

/* False when `most` steps do not do. */
static bool optimise(pair *p, double eps, size_t most)
{
    for (size_t t = 0; t < p->n; t++)
        p->f[t] = t < p->n_a ? 1 : -1;
    for (size_t round = 0; round < most; round++) {
        double gap;
        size_t i = pick_first(p);
        if (i == p->n)
            return true;
        kernel_row(p, p->row_i, i);
        size_t j = pick_second(p, i, &gap);
        if (gap < eps || j == p->n)
            return true;
        move_pair(p, i, j);
    }
    return false;
}

/* coef (d) and the intercept on columns as they came; `sign` turns the map round. */
static double pair_map(const pair *p, double *coef, const dnb_class_data *t, double sign)
{
    size_t d = t->d;
    double b = pair_intercept(p);
    for (size_t e = 0; e < p->n; e++) {
        if (p->alpha[e] == 0)
            continue;
        const double *x = t->x + p->s->row[place(p, e)] * d;
        double by = sign * (e < p->n_a ? p->alpha[e] : -p->alpha[e]);
        for (size_t j = 0; j < d; j++)
            coef[j] += by * (x[j] - p->s->mean[j]);
    }
    b *= sign;
    for (size_t j = 0; j < d; j++)
        b -= p->s->mean[j] * coef[j];
    return b;
}

static dnb_status fit_pair(dnb_classifier *c, size_t map, size_t a, size_t b, const kernel *s,
                           const dnb_class_data *t, const dnb_classifier_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *room = NULL;
    size_t n = t->count[a] + t->count[b];
    size_t most = o->max_iterations ? o->max_iterations : n > 100000 ? 100 * n : 10000000;
    DNB_NEW(room, 4 * n, "a pair of classes");
    pair p = {.s = s, .a = s->from[a], .b = s->from[b], .n_a = t->count[a], .n = n, .c = o->c};
    p.alpha = room;
    p.f = room + n;
    p.row_i = room + 2 * n;
    p.row_j = room + 3 * n;
    if (!optimise(&p, o->tolerance > 0 ? o->tolerance : 1e-3, most))
        DNB_TRY(dnb_fail(err, DNB_EARG,
                         "support vectors did not converge in %zu steps; scale the columns, choose "
                         "a smaller C or allow more steps",
                         most));
    c->intercept[map] = pair_map(&p, c->coef + map * t->d, t, t->k == 2 ? -1 : 1);
done:
    dnb_free(room);
    return status;
}

dnb_status dnb_fit_svc(dnb_classifier *c, const dnb_class_data *t, const dnb_classifier_options *o,
                       dnb_err *err)
{
    dnb_status status = DNB_OK;
    kernel s = {0};
    size_t pairs = t->k * (t->k - 1) / 2, first_bad = pairs;
    dnb_err first_err = {0};
    DNB_TRY(dnb_classifier_maps(c, pairs, err));
    DNB_TRY(kernel_init(&s, t, err));
#pragma omp parallel for schedule(dynamic)
    for (size_t map = 0; map < pairs; map++) {
        dnb_err own = {0};
        size_t a = 0, b = map;
        while (b >= t->k - 1 - a)
            b -= t->k - 1 - a++;
        if (fit_pair(c, map, a, a + 1 + b, &s, t, o, &own) == DNB_OK)
            continue;
#pragma omp critical(dnb_svc_error)
        if (map < first_bad) {
            first_bad = map;
            first_err = own;
        }
    }
    if (first_bad < pairs)
        DNB_TRY(dnb_fail(err, first_err.status, "%s", first_err.message));
done:
    kernel_release(&s);
    return status;
}

/* What the pair of a and b says for a: its value, positive when a wins. */
static double pair_value(const double *f, size_t k, size_t a, size_t b)
{
    size_t low = a < b ? a : b, high = a < b ? b : a;
    double v = f[low * k - low * (low + 1) / 2 + high - low - 1];
    return a < b ? v : -v;
}

size_t dnb_svc_votes(double *decision, const double *f, size_t k)
{
    size_t best = 0, most = 0;
    for (size_t a = 0; a < k; a++) {
        size_t elected = 0, votes = 0;
        double sum = 0;
        for (size_t b = 0; b < k; b++) {
            if (b == a)
                continue;
            double v = pair_value(f, k, a, b);
            /* A value of 0: libsvm elects the second of the pair, scikit-learn's decision values
             * count it for the first. */
            elected += a < b ? v > 0 : v >= 0;
            votes += a < b ? v >= 0 : v > 0;
            sum += v;
        }
        decision[a] = (double)votes + sum / (3 * (fabs(sum) + 1));
        if (elected > most) {
            most = elected;
            best = a;
        }
    }
    return best;
}
