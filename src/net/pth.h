/* PyTorch checkpoints: the named tensors of a file made by torch.save, zip format (since 1.6) or
 * legacy. Nothing in the file is executed. The state_dict is taken from the top level or from under
 * state_dict, model_state_dict, model, net, ...; prefixes that wrappers put before every name
 * ("module.", "_orig_mod.") are dropped; nested dicts join their names with dots.
 * room: net (internal) */
#ifndef DNB_NET_PTH_H
#define DNB_NET_PTH_H

#include "dnnbrain/array.h"
#include "net/bytes.h"

typedef struct dnb_pth dnb_pth;

typedef struct dnb_pth_tensor {
    char *name;
    dnb_dtype dtype;
    int ndim;
    size_t shape[DNB_MAX_DIMS];
    /* Where it lies: elements of a storage. */
    size_t stride[DNB_MAX_DIMS];
    size_t offset;
    size_t storage;
} dnb_pth_tensor;

/* Reads the directory of tensors, not their numbers; every tensor is known to lie inside its
 * storage, and every storage inside the file. */
dnb_status dnb_pth_open(dnb_pth **out, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* The same from memory, which must outlive *out. */
dnb_status dnb_pth_open_memory(dnb_pth **out, const char *name, const void *data, size_t size,
                               dnb_err *err) DNB_MUST_CHECK;
void dnb_pth_close(dnb_pth *p);

/* In the order of the file. */
size_t dnb_pth_count(const dnb_pth *p);
const dnb_pth_tensor *dnb_pth_at(const dnb_pth *p, size_t i);
/* NULL when there is none. */
const dnb_pth_tensor *dnb_pth_find(const dnb_pth *p, const char *name);
/* A contiguous array of the tensor's type and shape, its numbers not read yet. */
dnb_status dnb_pth_make(const dnb_pth_tensor *t, dnb_array *out, dnb_err *err) DNB_MUST_CHECK;
/* Reads the numbers into such an array. Cost: one pass. */
dnb_status dnb_pth_fill(const dnb_pth *p, const dnb_pth_tensor *t, const dnb_array *a,
                        dnb_err *err) DNB_MUST_CHECK;
/* Reads the numbers into a fresh contiguous array of the tensor's own type. Cost: one pass. */
dnb_status dnb_pth_read(const dnb_pth *p, const dnb_pth_tensor *t, dnb_array *out,
                        dnb_err *err) DNB_MUST_CHECK;

#endif
