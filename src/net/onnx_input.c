/* What a model declares about its inputs. */
#include "net/onnx_input.h"

#define DEFAULT_CHANNELS 3

/* What the model says about an input, sizes left open filled in from the caller's. */
dnb_status dnb_onnx_image_shape(dnb_shape *shape, const Onnx__ValueInfo *v,
                                const dnb_onnx_source *from, size_t height, size_t width,
                                dnb_err *err)
{
    const Onnx__TensorType *type = v->type ? v->type->tensor_type : NULL;
    const Onnx__Shape *s = type ? type->shape : NULL;
    if (!s || s->n_dim != 4)
        return dnb_fail(
            err, DNB_EUNSUPPORTED,
            "%s: input '%.200s' has %zu dimensions; images (batch x channels x height x width) "
            "are supported",
            from->name, v->name, s ? s->n_dim : 0);
    if (type->elem_type != 1 && type->elem_type != 10 && type->elem_type != 11)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: input '%.200s' does not take floating-point numbers", from->name,
                        v->name);
    *shape = (dnb_shape){.dtype = DNB_F32, .ndim = 4};
    const size_t given[4] = {1, DEFAULT_CHANNELS, height, width};
    for (size_t i = 0; i < 4; i++) {
        int64_t d = s->dim[i]->dim_value;
        bool open = d == 0 || d == -1;
        if (d < -1 || d > 1 << 24)
            return dnb_fail(err, DNB_EFORMAT, "%s: input '%.200s': dimension %zu is %lld",
                            from->name, v->name, i, (long long)d);
        shape->dim[i] = !open && (i < 2 || given[i] == 0) ? (size_t)d : given[i];
        if (shape->dim[i] == 0)
            return dnb_fail(
                err, DNB_EARG,
                "%s: input '%.200s' leaves the image size open; give it with --size H W",
                from->name, v->name);
    }
    return DNB_OK;
}

/* An input as the model declares it; what is left open stays open. */
dnb_status dnb_onnx_input_shape(dnb_shape *shape, const Onnx__ValueInfo *v,
                                const dnb_onnx_source *from, dnb_err *err)
{
    const Onnx__TensorType *type = v->type ? v->type->tensor_type : NULL;
    dnb_dtype elem = DNB_F32;
    *shape = (dnb_shape){.ndim = -1};
    if (!type && v->type)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: input '%.200s' is no tensor, which is unsupported", from->name,
                        v->name);
    if (!type)
        return DNB_OK; /* formal inputs of bodies may say nothing */
    if (type->elem_type && !dnb_onnx_dtype(type->elem_type, &elem))
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: input '%.200s' has element type %d, which is unsupported", from->name,
                        v->name, type->elem_type);
    shape->dtype = dnb_storage_class(elem);
    shape->elem = type->elem_type ? DNB_ELEM(elem) : 0;
    if (!type->shape)
        return DNB_OK;
    if (type->shape->n_dim > DNB_MAX_DIMS)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: input '%.200s' has %zu dimensions; more than 8 are unsupported",
                        from->name, v->name, type->shape->n_dim);
    shape->ndim = (int)type->shape->n_dim;
    for (int i = 0; i < shape->ndim; i++) {
        int64_t d = type->shape->dim[i]->dim_value;
        shape->dim[i] = d > 0 ? (size_t)d : 0;
    }
    return DNB_OK;
}
