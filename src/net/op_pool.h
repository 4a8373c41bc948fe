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

/* What a window covers of a plane: in each dimension first, first + dilation, ... below end. */
typedef struct dnb_cover {
    size_t first[3], end[3], count;
} dnb_cover;

static inline dnb_cover dnb_window_cover(const dnb_window *w, const size_t in[3],
                                         const size_t at[3])
{
    dnb_cover cover = {.count = 1};
    for (int i = 0; i < 3; i++) {
        int64_t start, lo, hi;
        dnb_window_clip(w, i, at[i], in[i], &start, &lo, &hi);
        cover.count *= (size_t)(hi - lo);
        if (lo == hi)
            continue;
        cover.first[i] = (size_t)(start + lo * (int64_t)w->dilation[i]);
        cover.end[i] = (size_t)(start + (hi - 1) * (int64_t)w->dilation[i]) + 1;
    }
    return cover;
}

/* How many elements, when padding counts too (but not what ceil_mode hangs over beyond it). */
static inline size_t dnb_window_padded(const dnb_window *w, const size_t in[3], const size_t at[3])
{
    size_t count = 1;
    for (int i = 0; i < 3; i++) {
        int64_t start, lo, hi;
        dnb_window_clip(w, i, at[i], in[i] + w->pad_hi[i], &start, &lo, &hi);
        count *= (size_t)hi;
    }
    return count;
}

/* Element e of an n[0] x n[1] x n[2] plane. */
static inline void dnb_place_3d(const size_t n[3], size_t e, size_t at[3])
{
    at[0] = e / (n[1] * n[2]);
    at[1] = e / n[2] % n[1];
    at[2] = e % n[2];
}

#endif
