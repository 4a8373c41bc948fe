/* What operators on 8-bit numbers share. room: net (internal) */
#ifndef DNB_NET_OP_QUANTIZE_H
#define DNB_NET_OP_QUANTIZE_H

#include "net/op.h"

/* Range of int8 or uint8; false for other types. */
bool dnb_quant_range(dnb_dtype elem, double *lo, double *hi);
/* x within lo..hi; a NaN becomes lo. */
int64_t dnb_quant_clip(double x, double lo, double hi);

#endif
