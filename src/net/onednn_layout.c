/* Layouts: how a value lies in memory, as oneDNN describes it. Nothing here depends on its version.
 */
#include "base/mem.h"
#include "net/onednn_impl.h"

static dnnl_data_type_t data_type(dnb_dtype t)
{
    return t == DNB_BF16 ? dnnl_bf16 : dnnl_f32;
}

dnb_status dnb_layout_strided(dnb_layout **out, dnb_dtype type, int ndim, const size_t *dim,
                              const size_t *step, dnb_err *err)
{
    dnnl_dim_t d[DNB_MAX_DIMS], s[DNB_MAX_DIMS];
    dnb_layout *l = dnb_calloc(1, sizeof *l);
    if (!l)
        return dnb_fail_memory(err, "layout", sizeof *l);
    dnb_dims(d, ndim, dim);
    dnb_dims(s, ndim, step);
    dnb_status status =
        dnb_dnn_status(dnb_md_strided(&l->md, ndim, d, s, data_type(type)), "a memory layout", err);
    if (status == DNB_OK)
        *out = l;
    else
        dnb_free(l);
    return status;
}

dnb_status dnb_layout_plain(dnb_layout **out, dnb_dtype type, int ndim, const size_t *dim,
                            dnb_err *err)
{
    size_t step[DNB_MAX_DIMS], run = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        step[i] = run;
        run *= dim[i];
    }
    return dnb_layout_strided(out, type, ndim, dim, step, err);
}

dnb_status dnb_layout_any(dnb_layout **out, dnb_dtype type, int ndim, const size_t *dim,
                          dnb_err *err)
{
    dnnl_dim_t d[DNB_MAX_DIMS];
    dnb_layout *l = dnb_calloc(1, sizeof *l);
    if (!l)
        return dnb_fail_memory(err, "layout", sizeof *l);
    dnb_dims(d, ndim, dim);
    dnb_status status =
        dnb_dnn_status(dnb_md_any(&l->md, ndim, d, data_type(type)), "a memory layout", err);
    if (status == DNB_OK)
        *out = l;
    else
        dnb_free(l);
    return status;
}

dnb_status dnb_layout_from(dnb_layout **out, dnb_md_ref md, dnb_err *err)
{
    dnb_layout *l = dnb_calloc(1, sizeof *l);
    if (!l)
        return dnb_fail_memory(err, "layout", sizeof *l);
    dnb_status status = dnb_dnn_status(dnb_md_copy(&l->md, md), "a memory layout", err);
    if (status == DNB_OK)
        *out = l;
    else
        dnb_free(l);
    return status;
}

dnb_status dnb_layout_copy(dnb_layout **out, const dnb_layout *l, dnb_err *err)
{
    return dnb_layout_from(out, DNB_MD(l), err);
}

dnb_status dnb_layout_first(dnb_layout **out, const dnb_layout *l, int ndim, const size_t *dim,
                            size_t n, dnb_err *err)
{
    dnnl_dim_t d[DNB_MAX_DIMS];
    dnb_layout *part = dnb_calloc(1, sizeof *part);
    if (!part)
        return dnb_fail_memory(err, "layout", sizeof *part);
    dnb_dims(d, ndim, dim);
    d[0] = (dnnl_dim_t)n;
    dnb_status status =
        dnb_dnn_status(dnb_md_first(&part->md, DNB_MD(l), d), "part of a batch", err);
    if (status == DNB_OK)
        *out = part;
    else
        dnb_free(part);
    return status;
}

void dnb_layout_free(dnb_layout *l)
{
    if (!l)
        return;
    dnb_md_release(&l->md);
    dnb_free(l);
}

bool dnb_layout_equal(const dnb_layout *a, const dnb_layout *b)
{
    return dnnl_memory_desc_equal(DNB_MD(a), DNB_MD(b)) != 0;
}

dnb_dtype dnb_layout_type(const dnb_layout *l)
{
    return dnb_md_type(DNB_MD(l)) == dnnl_bf16 ? DNB_BF16 : DNB_F32;
}

size_t dnb_layout_bytes(const dnb_layout *l)
{
    return dnnl_memory_desc_get_size(DNB_MD(l));
}
