/* Masks resolved against a layer's shape, and the copy they stand for. */
#include <string.h>

#include "base/mem.h"
#include "dnnbrain/dmask.h"

static const char *axis_word(int axis)
{
    static const char *const words[DNB_AXES] = {"channel", "row", "column"};
    return words[axis];
}

dnb_status dnb_select_init(dnb_select *out, const dnb_dmask_layer *m, const size_t shape[DNB_AXES],
                           dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_select s = {0};
    size_t source = 1, taken = 1;
    for (int a = 0; a < DNB_AXES; a++) {
        s.shape[a] = shape[a];
        s.n[a] = m && m->index[a] ? m->n[a] : shape[a];
        if (!dnb_mul_size(&source, source, shape[a]) || !dnb_mul_size(&taken, taken, s.n[a])) {
            status = dnb_fail(err, DNB_ENOMEM, "layer %s: too many units", m ? m->name : "?");
            goto done;
        }
        if (!m || !m->index[a])
            continue;
        DNB_NEW(s.index[a], m->n[a], "selection");
        for (size_t i = 0; i < m->n[a]; i++) {
            size_t v = m->index[a][i];
            if (v < 1 || v > shape[a]) {
                status = dnb_fail(err, DNB_EARG, "layer %s: %s %zu is out of range 1..%zu", m->name,
                                  axis_word(a), v, shape[a]);
                goto done;
            }
            s.index[a][i] = v - 1;
        }
    }
    *out = s;
    s = (dnb_select){0};
done:
    dnb_select_release(&s);
    return status;
}

void dnb_select_release(dnb_select *s)
{
    for (int a = 0; a < DNB_AXES; a++)
        dnb_free(s->index[a]);
    *s = (dnb_select){0};
}

size_t dnb_select_count(const dnb_select *s)
{
    return s->n[DNB_AXIS_CHN] * s->n[DNB_AXIS_ROW] * s->n[DNB_AXIS_COL];
}

size_t dnb_select_source_count(const dnb_select *s)
{
    return s->shape[DNB_AXIS_CHN] * s->shape[DNB_AXIS_ROW] * s->shape[DNB_AXIS_COL];
}

bool dnb_select_is_all(const dnb_select *s)
{
    for (int a = 0; a < DNB_AXES; a++) {
        if (s->n[a] != s->shape[a])
            return false;
        for (size_t i = 0; s->index[a] && i < s->n[a]; i++)
            if (s->index[a][i] != i)
                return false;
    }
    return true;
}

static size_t source_of(const dnb_select *s, int axis, size_t i)
{
    return s->index[axis] ? s->index[axis][i] : i;
}

/* One row of the result from one row of the source. */
static void copy_row(const dnb_select *s, const float *src, float *dst)
{
    const size_t *col = s->index[DNB_AXIS_COL];
    if (!col) {
        memcpy(dst, src, s->n[DNB_AXIS_COL] * sizeof *dst);
        return;
    }
    for (size_t k = 0; k < s->n[DNB_AXIS_COL]; k++)
        dst[k] = src[col[k]];
}

void dnb_select_apply(const dnb_select *s, const float *src, float *dst)
{
    size_t width = s->shape[DNB_AXIS_COL], plane = s->shape[DNB_AXIS_ROW] * width;
    bool whole_planes = !s->index[DNB_AXIS_ROW] && !s->index[DNB_AXIS_COL];
    if (whole_planes && !s->index[DNB_AXIS_CHN]) {
        memcpy(dst, src, dnb_select_count(s) * sizeof *dst);
        return;
    }
    for (size_t c = 0; c < s->n[DNB_AXIS_CHN]; c++) {
        const float *channel = src + source_of(s, DNB_AXIS_CHN, c) * plane;
        if (whole_planes) {
            memcpy(dst, channel, plane * sizeof *dst);
            dst += plane;
            continue;
        }
        for (size_t r = 0; r < s->n[DNB_AXIS_ROW]; r++) {
            copy_row(s, channel + source_of(s, DNB_AXIS_ROW, r) * width, dst);
            dst += s->n[DNB_AXIS_COL];
        }
    }
}

void dnb_select_locate(const dnb_select *s, size_t u, size_t place[DNB_AXES])
{
    for (int a = DNB_AXES - 1; a >= 0; a--) {
        place[a] = source_of(s, a, u % s->n[a]) + 1;
        u /= s->n[a];
    }
}
