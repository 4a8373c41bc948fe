/* What the pieces of the .pth reader share. room: net (internal) */
#ifndef DNB_NET_PTH_PARTS_H
#define DNB_NET_PTH_PARTS_H

#include "net/pickle.h"
#include "net/pth.h"
#include "net/pth_zip.h"

/* What a recognised name of PyTorch stands for (dnb_pk_global.detail; storages and dtypes carry
 * their dnb_dtype instead, after DNB_PTH_STORAGE or DNB_PTH_DTYPE). */
enum {
    DNB_PTH_OTHER,
    DNB_PTH_TENSOR,    /* _rebuild_tensor(storage, offset, size, stride), _v2 with more behind */
    DNB_PTH_TENSOR_V3, /* as v2 with the dtype after the hooks */
    DNB_PTH_PARAMETER, /* _rebuild_parameter(tensor, ...) */
    DNB_PTH_FROM_TYPE, /* _rebuild_from_type_v2(function, type, args, state) */
    DNB_PTH_STORAGE = 0x100,
    DNB_PTH_DTYPE = 0x200,
    DNB_PTH_TYPE_MASK = 0xff
};

/* The closed list of names a checkpoint's pickle may mention. */
extern const dnb_pk_global dnb_pth_globals[];

typedef struct dnb_pth_storage {
    const char *key;
    dnb_dtype dtype;
    size_t count;                /* elements, as the pickle states */
    bool found;                  /* the members below are set */
    size_t at;                   /* position in the file (stored) */
    const dnb_zip_entry *packed; /* a compressed zip entry; NULL = stored */
} dnb_pth_storage;

struct dnb_pth {
    dnb_bytes in;
    dnb_zip *zip; /* NULL for the legacy format */
    dnb_pickle *pickle;
    bool big;                  /* numbers are big-endian */
    dnb_pth_storage *storages; /* sorted by key */
    size_t n_storages;
    dnb_pth_tensor *tensors;
    size_t n_tensors, cap_tensors;
    const dnb_pth_tensor **by_name;
};

/* The storages named by the pickle's persistent ids, into p->storages. */
dnb_status dnb_pth_list_storages(dnb_pth *p, dnb_err *err) DNB_MUST_CHECK;
dnb_pth_storage *dnb_pth_find_storage(const dnb_pth *p, const char *key);
/* The tensors of the state_dict, into p->tensors; storages must be listed. */
dnb_status dnb_pth_list_tensors(dnb_pth *p, dnb_err *err) DNB_MUST_CHECK;
/* A legacy file: the pickles, then the storages one after the other. Sets p->pickle, p->big,
 * p->storages. */
dnb_status dnb_pth_read_legacy(dnb_pth *p, dnb_err *err) DNB_MUST_CHECK;

#endif
