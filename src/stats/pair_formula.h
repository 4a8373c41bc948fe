/* From accumulated sums to distances. room: stats (internal) */
#ifndef DNB_STATS_PAIR_FORMULA_H
#define DNB_STATS_PAIR_FORMULA_H

#include <stdbool.h>

#include "dnnbrain/distance.h"

/* Is the metric made from products of rows (x.x, y.y, x.y)? */
bool dnb_metric_is_product(dnb_metric m);
/* Does the metric see x != 0 as true? Then xx, yy, xy count trues. */
bool dnb_metric_is_boolean(dnb_metric m);
/* Distance from xx = x.x, yy = y.y, xy = x.y of rows of d numbers (centred rows for correlation).
 */
double dnb_metric_from_products(dnb_metric m, double xx, double yy, double xy, double d);
/* Distance from the sums the element-wise kernels make; b is the second accumulator or 0. */
double dnb_metric_from_sums(dnb_metric m, double a, double b, double d, double p);
/* x.x + y.y - 2 x.y keeps at least ten digits. */
bool dnb_products_keep_digits(double xx, double yy, double xy);

#endif
