/* The memory-bound loops of the sweep: conversion, shifts, sums. */
#include "array/panel.h"

#include "array/simd.h"

DNB_SIMD static void copy_f32(double *restrict dst, const float *restrict src, size_t k)
{
    for (size_t j = 0; j < k; j++)
        dst[j] = src[j];
}

DNB_SIMD static void copy_f64(double *restrict dst, const double *restrict src, size_t k)
{
    for (size_t j = 0; j < k; j++)
        dst[j] = src[j];
}

void dnb_panel_copy(double *dst, const dnb_piece *p, size_t i, size_t c, size_t k)
{
    size_t at = i * p->stride + c;
    if (p->dtype == DNB_F32)
        copy_f32(dst, (const float *)p->data + at, k);
    else
        copy_f64(dst, (const double *)p->data + at, k);
}

DNB_SIMD void dnb_panel_affine(double *x, size_t k, double shift, double scale)
{
    for (size_t j = 0; j < k; j++)
        x[j] = (x[j] - shift) * scale;
}

DNB_SIMD void dnb_panel_sub(double *restrict x, const double *restrict shift, size_t k)
{
    for (size_t j = 0; j < k; j++)
        x[j] -= shift[j];
}

DNB_SIMD void dnb_panel_mul(double *restrict x, const double *restrict scale, size_t k)
{
    for (size_t j = 0; j < k; j++)
        x[j] *= scale[j];
}

DNB_SIMD void dnb_panel_indicator(double *x, size_t k)
{
    for (size_t j = 0; j < k; j++)
        x[j] = x[j] != 0 ? 1.0 : 0.0;
}

DNB_SIMD double dnb_panel_sum(const double *x, size_t k)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t j = 0; j < k; j++)
        s += x[j];
    return s;
}

DNB_SIMD void dnb_panel_add_finite(double *restrict sum, double *restrict count,
                                   const double *restrict x, size_t k)
{
    for (size_t j = 0; j < k; j++) {
        int finite = x[j] - x[j] == 0;
        sum[j] += finite ? x[j] : 0.0;
        count[j] += finite ? 1.0 : 0.0;
    }
}

void dnb_panel_merge(double *restrict x, const double *restrict y, size_t k, int take_max)
{
    if (take_max)
        for (size_t j = 0; j < k; j++)
            x[j] = y[j] > x[j] || y[j] != y[j] ? y[j] : x[j];
    else
        for (size_t j = 0; j < k; j++)
            x[j] += y[j];
}
