/* NonMaxSuppression: greedy choice of boxes by score. How many it chooses depends on the numbers,
 * so the shape rule chooses too. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/op_families.h"
#include "net/op_util.h"

typedef struct nms_box {
    double top, left, bottom, right;
} nms_box;

typedef struct nms_rank {
    double score;
    size_t box;
} nms_rank;

typedef struct nms_plan {
    const dnb_node *node;
    const dnb_array *boxes, *scores; /* batches x boxes x 4, batches x classes x boxes */
    double overlap, threshold;
    size_t most; /* per batch and class */
    bool centers;
} nms_plan;

/* Highest score first, equal scores in order. */
static int compare_rank(const void *a, const void *b)
{
    const nms_rank *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->box > y->box) - (x->box < y->box);
}

static nms_box box_at(const nms_plan *p, size_t i)
{
    double v[4];
    for (size_t k = 0; k < 4; k++)
        v[k] = dnb_array_at(p->boxes, i * 4 + k);
    if (p->centers) /* x, y, width, height */
        return (nms_box){v[1] - v[3] / 2, v[0] - v[2] / 2, v[1] + v[3] / 2, v[0] + v[2] / 2};
    return (nms_box){fmin(v[0], v[2]), fmin(v[1], v[3]), fmax(v[0], v[2]), fmax(v[1], v[3])};
}

/* Intersection over union; 0 for boxes without area. */
static double overlap_of(const nms_box *a, const nms_box *b)
{
    double h = fmin(a->bottom, b->bottom) - fmax(a->top, b->top);
    double w = fmin(a->right, b->right) - fmax(a->left, b->left);
    double area_a = (a->bottom - a->top) * (a->right - a->left);
    double area_b = (b->bottom - b->top) * (b->right - b->left);
    if (!(h > 0 && w > 0 && area_a > 0 && area_b > 0))
        return 0;
    return h * w / (area_a + area_b - h * w);
}

/* A scalar input, or fallback where it is not given. */
static dnb_status number_at(const dnb_node *n, const dnb_array *const *content, size_t i,
                            double fallback, double *out, dnb_err *err)
{
    const dnb_array *a = i < n->n_inputs ? content[i] : NULL;
    if (a && dnb_array_count(a) != 1)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input %zu is not one number", n->name,
                        n->op->name, i);
    *out = a ? dnb_array_at(a, 0) : fallback;
    return DNB_OK;
}

static dnb_status nms_read(const dnb_node *n, const dnb_array *const *content, nms_plan *out,
                           dnb_err *err)
{
    nms_plan p = {.node = n, .boxes = content[0], .scores = content[1]};
    double most = 0;
    int64_t centers = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(number_at(n, content, 2, 0, &most, err));
    DNB_TRY(number_at(n, content, 3, 0, &p.overlap, err));
    DNB_TRY(number_at(n, content, 4, -INFINITY, &p.threshold, err));
    DNB_TRY(dnb_node_int(n, "center_point_box", 0, &centers, err));
    const dnb_array *b = p.boxes, *s = p.scores;
    if (b->dtype == DNB_I64 || s->dtype == DNB_I64 || b->ndim != 3 || s->ndim != 3 ||
        b->shape[2] != 4 || b->shape[0] != s->shape[0] || b->shape[1] != s->shape[2])
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (NonMaxSuppression): boxes and scores do not fit", n->name);
    p.most = !(most > 0) ? 0 : most < (double)b->shape[1] ? (size_t)most : b->shape[1];
    p.centers = centers != 0;
    *out = p;
done:
    return status;
}

/* Chooses among the boxes of one batch for one class; kept holds places in `rank`. Returns how
 * many. box and rank have room for all. */
static size_t choose(const nms_plan *p, size_t batch, size_t class_index, nms_box *box,
                     nms_rank *rank, size_t *kept)
{
    size_t n = p->boxes->shape[1], n_rank = 0, n_kept = 0;
    const size_t first = (batch * p->scores->shape[1] + class_index) * n;
    for (size_t i = 0; i < n; i++) {
        double score = dnb_array_at(p->scores, first + i);
        if (score > p->threshold)
            rank[n_rank++] = (nms_rank){score, i};
    }
    qsort(rank, n_rank, sizeof *rank, compare_rank);
    for (size_t i = 0; i < n_rank && n_kept < p->most; i++) {
        bool free_of_others = true;
        box[i] = box_at(p, batch * n + rank[i].box);
        for (size_t k = 0; k < n_kept && free_of_others; k++)
            free_of_others = !(overlap_of(&box[i], &box[kept[k]]) > p->overlap);
        if (free_of_others)
            kept[n_kept++] = i;
    }
    return n_kept;
}

/* Counts the chosen boxes and, where dst is given, writes (batch, class, box) for the first
 * `room` of them. */
static dnb_status nms_choose(const nms_plan *p, int64_t *dst, size_t room, size_t *count,
                             dnb_err *err)
{
    size_t n = p->boxes->shape[1], total = 0, *kept = NULL;
    nms_box *box = NULL;
    nms_rank *rank = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(box, n, "boxes");
    DNB_NEW(rank, n, "boxes");
    DNB_NEW(kept, n, "boxes");
    for (size_t b = 0; b < p->scores->shape[0]; b++)
        for (size_t c = 0; c < p->scores->shape[1]; c++) {
            size_t chosen = choose(p, b, c, box, rank, kept);
            for (size_t k = 0; dst && k < chosen && total + k < room; k++) {
                dst[(total + k) * 3] = (int64_t)b;
                dst[(total + k) * 3 + 1] = (int64_t)c;
                dst[(total + k) * 3 + 2] = (int64_t)rank[kept[k]].box;
            }
            total += chosen;
        }
    *count = total;
done:
    dnb_free(box);
    dnb_free(rank);
    dnb_free(kept);
    return status;
}

static dnb_status nms_shape(const dnb_op_shapes *s, dnb_err *err)
{
    nms_plan p;
    size_t count = 0;
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < s->node->n_inputs; i++)
        if (s->in[i])
            DNB_TRY(dnb_op_need(s, i, err));
    DNB_TRY(nms_read(s->node, s->known, &p, err));
    DNB_TRY(nms_choose(&p, NULL, 0, &count, err));
    s->out[0] =
        (dnb_shape){.dtype = DNB_I64, .ndim = 2, .dim = {count, 3}, .elem = DNB_ELEM(DNB_I64)};
done:
    return status;
}

static dnb_status nms_run(const dnb_op_call *c, dnb_err *err)
{
    nms_plan p;
    size_t count;
    dnb_status status = nms_read(c->node, c->in, &p, err);
    if (status != DNB_OK)
        return status;
    return nms_choose(&p, c->out[0].data, c->out[0].shape[0], &count, err);
}

const dnb_op dnb_op_non_max_suppression = {.name = "NonMaxSuppression",
                                           .min_in = 2,
                                           .max_in = 5,
                                           .max_out = 1,
                                           .shape = nms_shape,
                                           .run = nms_run};
