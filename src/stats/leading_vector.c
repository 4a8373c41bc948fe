/* The leading singular vector of a matrix: Lanczos's method with full reorthogonalisation on its
 * smaller side, restarted from the best vector so far (Golub & Van Loan, Matrix Computations,
 * ch. 10). */
#include "stats/regress_pls.h"

#include <math.h>
#include <string.h>

#include "array/simd.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "stats/standard.h"

#define BASIS 40    /* vectors between restarts */
#define RESTARTS 50 /* then the best so far must do: singular values are equal to many digits */
#define DENSE 512   /* up to this order the product of the matrix with itself is made */
#define CLOSE 1e-13 /* residual over eigenvalue */
#define TILE 256    /* columns a thread sums over */

DNB_SIMD static void add_scaled(double *restrict y, double a, const double *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

void dnb_matvec(double *y, const double *a, const double *x, size_t rows, size_t cols)
{
#pragma omp parallel for schedule(static) if (rows * cols > 20000)
    for (size_t i = 0; i < rows; i++)
        y[i] = dnb_dot(a + i * cols, x, cols);
}

void dnb_matvec_transposed(double *y, const double *a, const double *x, size_t rows, size_t cols)
{
#pragma omp parallel for schedule(static) if (rows * cols > 20000)
    for (size_t j = 0; j < cols; j += TILE) {
        size_t width = cols - j < TILE ? cols - j : TILE;
        memset(y + j, 0, width * sizeof *y);
        for (size_t i = 0; i < rows; i++)
            add_scaled(y + j, x[i], a + i * cols + j, width);
    }
}

/* The symmetric operator: a a^T or a^T a, whichever is smaller. */
typedef struct side {
    const double *a;
    size_t d, m, order;
    double *dense; /* order x order, or NULL */
    double *other; /* max(d, m): what lies between the two products */
} side;

static void apply(double *y, const side *s, const double *x)
{
    if (s->dense) {
        dnb_matvec(y, s->dense, x, s->order, s->order);
    } else if (s->order == s->d) {
        dnb_matvec_transposed(s->other, s->a, x, s->d, s->m);
        dnb_matvec(y, s->a, s->other, s->d, s->m);
    } else {
        dnb_matvec(s->other, s->a, x, s->d, s->m);
        dnb_matvec_transposed(y, s->a, s->other, s->d, s->m);
    }
}

static double normalise(double *x, size_t n)
{
    double length = sqrt(dnb_dot(x, x, n));
    for (size_t i = 0; length > 0 && i < n; i++)
        x[i] /= length;
    return length;
}

/* Where to start: the operator's image of the unit vector that it stretches most. */
static void start_vector(double *x, const side *s, double *scratch)
{
    size_t best = 0;
    memset(scratch, 0, s->order * sizeof *scratch);
    for (size_t i = 0; i < s->d; i++)
        for (size_t j = 0; j < s->m; j++)
            scratch[s->order == s->d ? i : j] += s->a[i * s->m + j] * s->a[i * s->m + j];
    for (size_t i = 1; i < s->order; i++)
        best = scratch[i] > scratch[best] ? i : best;
    memset(scratch, 0, s->order * sizeof *scratch);
    scratch[best] = 1;
    apply(x, s, scratch);
}

/* The largest eigenvalue of the tridiagonal matrix of `steps` steps, and its vector. */
static dnb_status small_eigen(double *value, double *vector, const double *alpha,
                              const double *beta, size_t steps, dnb_err *err)
{
    double t[BASIS * BASIS] = {0};
    for (size_t i = 0; i < steps; i++) {
        t[i * steps + i] = alpha[i];
        if (i + 1 < steps)
            t[i * steps + i + 1] = t[(i + 1) * steps + i] = beta[i];
    }
    return dnb_eigen(value, vector, t, steps, 1, err);
}

/* One run from x (unit); x becomes the best vector of the space. *done: it is close enough. */
static dnb_status run(double *x, double *value, bool *done_it, const side *s, double *basis,
                      dnb_err *err)
{
    dnb_status status = DNB_OK;
    double alpha[BASIS], beta[BASIS], vector[BASIS] = {1};
    size_t n = s->order, steps = 0;
    memcpy(basis, x, n * sizeof *x);
    for (*done_it = false; !*done_it && steps < BASIS;) {
        double *u = basis + steps * n, *next = u + n;
        apply(next, s, u);
        alpha[steps] = dnb_dot(next, u, n);
        for (int twice = 0; twice < 2; twice++)
            for (size_t i = 0; i <= steps; i++)
                add_scaled(next, -dnb_dot(next, basis + i * n, n), basis + i * n, n);
        beta[steps] = normalise(next, n);
        steps++;
        if (steps % 4 != 0 && steps < BASIS && steps < n && beta[steps - 1] > CLOSE * alpha[0])
            continue;
        DNB_TRY(small_eigen(value, vector, alpha, beta, steps, err));
        *done_it = steps == n || beta[steps - 1] * fabs(vector[steps - 1]) <= CLOSE * *value;
    }
    memset(x, 0, n * sizeof *x);
    for (size_t i = 0; i < steps; i++)
        add_scaled(x, vector[i], basis + i * n, n);
    normalise(x, n);
done:
    return status;
}

dnb_status dnb_leading_vector(double *w, double *sigma, const double *a, size_t d, size_t m,
                              dnb_err *err)
{
    dnb_status status = DNB_OK;
    side s = {.a = a, .d = d, .m = m, .order = d < m ? d : m};
    double *basis = NULL, *x = NULL, value = 0;
    bool close = false;
    DNB_NEW(basis, (BASIS + 1) * s.order, "a singular vector");
    DNB_NEW(x, s.order, "a singular vector");
    DNB_NEW(s.other, d > m ? d : m, "a singular vector");
    if (s.order <= DENSE) {
        DNB_NEW(s.dense, s.order * s.order, "a singular vector");
        DNB_TRY(dnb_matmul(
            s.dense, s.order, a, m, a, m, s.order, s.order, d < m ? m : d,
            &(dnb_matmul_options){.transpose_a = d >= m, .transpose_b = d < m, .alpha = 1}, err));
    }
    start_vector(x, &s, basis);
    *sigma = 0;
    if (normalise(x, s.order) == 0)
        goto done;
    for (int again = 0; !close && again < RESTARTS; again++)
        DNB_TRY(run(x, &value, &close, &s, basis, err));
    *sigma = sqrt(value > 0 ? value : 0);
    if (s.order == d && d < m) {
        memcpy(w, x, d * sizeof *w);
    } else {
        dnb_matvec(w, a, x, d, m);
        normalise(w, d);
    }
done:
    dnb_free(basis);
    dnb_free(x);
    dnb_free(s.dense);
    dnb_free(s.other);
    return status;
}
