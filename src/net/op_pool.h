/* What pooling kernels share. room: net (internal) */
#ifndef DNB_NET_OP_POOL_H
#define DNB_NET_OP_POOL_H

#include "net/op_util.h"

/* Kernel indices lo..hi-1 that fall inside 0..in for output position `at` of dimension i; kernel
 * index k lies at start + k * dilation. */
static inline void dnb_window_clip(const dnb_window *w, int i, size_t at, size_t in, int64_t *start,
                                   int64_t *lo, int64_t *hi)
{
    int64_t d = (int64_t)w->dilation[i];
    *start = (int64_t)(at * w->stride[i]) - (int64_t)w->pad_lo[i];
    *lo = *start < 0 ? (-*start + d - 1) / d : 0;
    *hi = (int64_t)in - *start <= 0 ? 0 : ((int64_t)in - *start + d - 1) / d;
    if (*hi > (int64_t)w->kernel[i])
        *hi = (int64_t)w->kernel[i];
    if (*lo > *hi)
        *lo = *hi;
}

#endif
