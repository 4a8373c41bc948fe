/* Discrete Fourier transform of any length in double precision. room: net (internal) */
#ifndef DNB_NET_FFT_H
#define DNB_NET_FFT_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

/* Tables for one length; may be shared by threads, each with a scratch of its own. */
typedef struct dnb_fft dnb_fft;

/* n from 1 to 2^28. Powers of two go by Cooley and Tukey (1965), the rest by Bluestein (1970): both
 * cost n log n. */
dnb_status dnb_fft_new(dnb_fft **out, size_t n, dnb_err *err) DNB_MUST_CHECK;
void dnb_fft_free(dnb_fft *f);
/* Doubles a run needs as scratch. */
size_t dnb_fft_scratch(const dnb_fft *f);
/* x: n pairs (real, imaginary), transformed in place: sum over t of x[t] exp(-2 pi i k t / n);
 * inverse: exp(+...), divided by n. */
void dnb_fft_run(const dnb_fft *f, double *x, bool inverse, double *scratch);

#endif
