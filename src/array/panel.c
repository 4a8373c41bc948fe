/* The memory-bound loops of the sweep: conversion, shifts, sums. */
#include "array/panel.h"

#include "array/simd.h"

/* dst = (src - shift) * scale; returns its sum. */
DNB_SIMD static double load_f32(double *restrict dst, const float *restrict src, size_t k,
                                double shift, double scale)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t j = 0; j < k; j++) {
        double v = ((double)src[j] - shift) * scale;
        dst[j] = v;
        s += v;
    }
    return s;
}

DNB_SIMD static double load_f64(double *restrict dst, const double *restrict src, size_t k,
                                double shift, double scale)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t j = 0; j < k; j++) {
        double v = (src[j] - shift) * scale;
        dst[j] = v;
        s += v;
    }
    return s;
}

double dnb_panel_load(double *dst, const dnb_piece *p, size_t i, size_t c, size_t k, double shift,
                      double scale)
{
    size_t at = i * p->stride + c;
    if (p->dtype == DNB_F32)
        return load_f32(dst, (const float *)p->data + at, k, shift, scale);
    return load_f64(dst, (const double *)p->data + at, k, shift, scale);
}

DNB_SIMD static double load_single(float *restrict dst, const float *restrict src, size_t k,
                                   float shift)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t j = 0; j < k; j++) {
        float v = src[j] - shift;
        dst[j] = v;
        s += (double)v;
    }
    return s;
}

DNB_SIMD static double load_single_columns(float *restrict dst, const float *restrict src, size_t k,
                                           float shift, const double *restrict by_column)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t j = 0; j < k; j++) {
        float v = src[j] - shift - (float)by_column[j];
        dst[j] = v;
        s += (double)v;
    }
    return s;
}

double dnb_panel_load_single(float *dst, const dnb_piece *p, size_t i, size_t c, size_t k,
                             double shift, const double *by_column)
{
    const float *src = (const float *)p->data + i * p->stride + c;
    return by_column ? load_single_columns(dst, src, k, (float)shift, by_column)
                     : load_single(dst, src, k, (float)shift);
}

void dnb_panel_prefetch(const dnb_piece *p, size_t i, size_t c, size_t k)
{
    if (i >= p->n)
        return;
    size_t item = dnb_dtype_size(p->dtype);
    const char *from = (const char *)p->data + (i * p->stride + c) * item;
    for (size_t b = 0; b < k * item; b += 64)
        DNB_PREFETCH(from + b);
}

DNB_SIMD static void affine(double *x, size_t k, double shift, double scale)
{
    for (size_t j = 0; j < k; j++)
        x[j] = (x[j] - shift) * scale;
}

void dnb_panel_affine(double *x, size_t k, double shift, double scale)
{
    affine(x, k, shift, scale);
}

DNB_SIMD static void sub(double *restrict x, const double *restrict shift, size_t k)
{
    for (size_t j = 0; j < k; j++)
        x[j] -= shift[j];
}

void dnb_panel_sub(double *x, const double *shift, size_t k)
{
    sub(x, shift, k);
}

DNB_SIMD static void mul(double *restrict x, const double *restrict scale, size_t k)
{
    for (size_t j = 0; j < k; j++)
        x[j] *= scale[j];
}

void dnb_panel_mul(double *x, const double *scale, size_t k)
{
    mul(x, scale, k);
}

DNB_SIMD static void indicator(double *x, size_t k)
{
    for (size_t j = 0; j < k; j++)
        x[j] = x[j] != 0 ? 1.0 : 0.0;
}

void dnb_panel_indicator(double *x, size_t k)
{
    indicator(x, k);
}

DNB_SIMD static double sum(const double *x, size_t k)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t j = 0; j < k; j++)
        s += x[j];
    return s;
}

double dnb_panel_sum(const double *x, size_t k)
{
    return sum(x, k);
}

DNB_SIMD static void add_finite(double *restrict sum, double *restrict count,
                                const double *restrict x, size_t k)
{
    for (size_t j = 0; j < k; j++) {
        int finite = x[j] - x[j] == 0;
        sum[j] += finite ? x[j] : 0.0;
        count[j] += finite ? 1.0 : 0.0;
    }
}

void dnb_panel_add_finite(double *sum, double *count, const double *x, size_t k)
{
    add_finite(sum, count, x, k);
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
