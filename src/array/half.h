/* IEEE half and bfloat16, in plain C (round to nearest even). room: array (internal) */
#ifndef DNB_ARRAY_HALF_H
#define DNB_ARRAY_HALF_H

#include <stdint.h>
#include <string.h>

static inline float dnb_bits_to_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline uint32_t dnb_float_to_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float dnb_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exp = (h >> 10) & 31u, man = h & 0x3ffu;
    if (exp == 31)
        return dnb_bits_to_float(sign | 0x7f800000u | man << 13);
    if (exp == 0) {
        float v = (float)man * 0x1p-24f;
        return sign ? -v : v;
    }
    return dnb_bits_to_float(sign | (exp + 112) << 23 | man << 13);
}

static inline uint16_t dnb_float_to_half(float f)
{
    uint32_t u = dnb_float_to_bits(f), sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
    if (a > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u | (a >> 13 & 0x3ffu));
    if (a >= 0x477ff000u) /* 65520 rounds to infinity */
        return (uint16_t)(sign | 0x7c00u);
    if (a < 0x38800000u) { /* subnormal: let float addition do the rounding */
        float r = dnb_bits_to_float(a) + 0.5f;
        return (uint16_t)(sign | (dnb_float_to_bits(r) - 0x3f000000u));
    }
    a += 0xfffu + (a >> 13 & 1u);
    return (uint16_t)(sign | (a - 0x38000000u) >> 13);
}

static inline float dnb_bfloat_to_float(uint16_t b)
{
    return dnb_bits_to_float((uint32_t)b << 16);
}

static inline uint16_t dnb_float_to_bfloat(float f)
{
    uint32_t u = dnb_float_to_bits(f);
    if ((u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(u >> 16 | 0x40u);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

#endif
