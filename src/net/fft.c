/* Fourier transform: radix-2 butterflies, and Bluestein's chirp for other lengths. */
#include "net/fft.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

#define MAX_LENGTH ((size_t)1 << 28)

struct dnb_fft {
    size_t n, m;    /* m: power of two that the butterflies work on (n itself, or >= 2 n - 1) */
    double *root;   /* exp(-2 pi i k / m), k < m / 2 */
    double *chirp;  /* exp(-pi i k^2 / n), k < n; NULL when n is a power of two */
    double *kernel; /* transform of the conjugate chirp, wrapped around m */
};

/* exp(-pi i k / n); k below 2 n. */
static void unit(double *to, size_t k, size_t n)
{
    const double pi = 3.14159265358979323846;
    double angle = pi * (double)k / (double)n;
    to[0] = cos(angle);
    to[1] = -sin(angle);
}

static void multiply(double *x, const double *y)
{
    double re = x[0] * y[0] - x[1] * y[1];
    x[1] = x[0] * y[1] + x[1] * y[0];
    x[0] = re;
}

static void bit_reverse(double *x, size_t n)
{
    for (size_t i = 1, j = 0; i < n; i++) {
        size_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j |= bit;
        if (i < j)
            for (int k = 0; k < 2; k++) {
                double t = x[2 * i + (size_t)k];
                x[2 * i + (size_t)k] = x[2 * j + (size_t)k];
                x[2 * j + (size_t)k] = t;
            }
    }
}

/* Forward transform of m numbers, m a power of two. */
static void radix2(const double *root, double *x, size_t m)
{
    bit_reverse(x, m);
    for (size_t half = 1; half < m; half *= 2)
        for (size_t at = 0; at < m; at += 2 * half)
            for (size_t k = 0; k < half; k++) {
                double *a = x + 2 * (at + k), *b = a + 2 * half;
                const double *w = root + 2 * (k * (m / (2 * half)));
                double re = b[0] * w[0] - b[1] * w[1], im = b[0] * w[1] + b[1] * w[0];
                b[0] = a[0] - re;
                b[1] = a[1] - im;
                a[0] += re;
                a[1] += im;
            }
}

static void conjugate(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[2 * i + 1] = -x[2 * i + 1];
}

/* The chirp's tables. k^2 is taken modulo 2 n, where the chirp repeats. */
static dnb_status make_chirp(dnb_fft *f, dnb_err *err)
{
    size_t n = f->n, m = f->m;
    dnb_status status = DNB_OK;
    DNB_NEW(f->chirp, 2 * n, "Fourier transform");
    DNB_NEW(f->kernel, 2 * m, "Fourier transform");
    for (size_t k = 0; k < n; k++) {
        unit(f->chirp + 2 * k, k * k % (2 * n), n);
        size_t mirror = k ? m - k : 0;
        f->kernel[2 * k] = f->kernel[2 * mirror] = f->chirp[2 * k];
        f->kernel[2 * k + 1] = f->kernel[2 * mirror + 1] = -f->chirp[2 * k + 1];
    }
    radix2(f->root, f->kernel, m);
done:
    return status;
}

dnb_status dnb_fft_new(dnb_fft **out, size_t n, dnb_err *err)
{
    dnb_fft *f = NULL;
    dnb_status status = DNB_OK;
    if (n < 1 || n > MAX_LENGTH)
        return dnb_fail(err, DNB_EARG, "Fourier transform of length %zu is out of range", n);
    DNB_NEW(f, 1, "Fourier transform");
    f->n = n;
    bool power = (n & (n - 1)) == 0;
    for (f->m = 1; f->m < (power ? n : 2 * n - 1);)
        f->m *= 2;
    DNB_NEW(f->root, f->m > 1 ? f->m : 2, "Fourier transform");
    for (size_t k = 0; k < f->m / 2; k++)
        unit(f->root + 2 * k, 2 * k, f->m);
    if (!power)
        DNB_TRY(make_chirp(f, err));
    *out = f;
    f = NULL;
done:
    dnb_fft_free(f);
    return status;
}

void dnb_fft_free(dnb_fft *f)
{
    if (!f)
        return;
    dnb_free(f->root);
    dnb_free(f->chirp);
    dnb_free(f->kernel);
    dnb_free(f);
}

size_t dnb_fft_scratch(const dnb_fft *f)
{
    return f->chirp ? 2 * f->m : 0;
}

/* x[k] = chirp[k] * sum over t of x[t] chirp[t] conj(chirp[k - t]): a convolution of length m. */
static void bluestein(const dnb_fft *f, double *x, double *y)
{
    size_t n = f->n, m = f->m;
    memset(y, 0, 2 * m * sizeof *y);
    for (size_t k = 0; k < n; k++) {
        y[2 * k] = x[2 * k];
        y[2 * k + 1] = x[2 * k + 1];
        multiply(y + 2 * k, f->chirp + 2 * k);
    }
    radix2(f->root, y, m);
    for (size_t k = 0; k < m; k++)
        multiply(y + 2 * k, f->kernel + 2 * k);
    conjugate(y, m); /* back by the forward transform of the conjugate */
    radix2(f->root, y, m);
    for (size_t k = 0; k < n; k++) {
        x[2 * k] = y[2 * k] / (double)m;
        x[2 * k + 1] = -y[2 * k + 1] / (double)m;
        multiply(x + 2 * k, f->chirp + 2 * k);
    }
}

void dnb_fft_run(const dnb_fft *f, double *x, bool inverse, double *scratch)
{
    if (inverse)
        conjugate(x, f->n);
    if (f->chirp)
        bluestein(f, x, scratch);
    else
        radix2(f->root, x, f->n);
    if (!inverse)
        return;
    for (size_t i = 0; i < f->n; i++) {
        x[2 * i] /= (double)f->n;
        x[2 * i + 1] /= -(double)f->n;
    }
}
