/* The names a PyTorch checkpoint may mention. None is ever called: tensors are put together by our
 * own code, the rest is ignored. */
#include "net/pth_parts.h"

#define TORCH_TYPE(module, storage, dtype)                                                         \
    {                                                                                              \
        module, storage, DNB_PK_NAME, DNB_PTH_STORAGE | (dtype)                                    \
    }
#define STORAGES(module, suffix)                                                                   \
    TORCH_TYPE(module, "Float" suffix, DNB_F32), TORCH_TYPE(module, "Double" suffix, DNB_F64),     \
        TORCH_TYPE(module, "Half" suffix, DNB_F16),                                                \
        TORCH_TYPE(module, "BFloat16" suffix, DNB_BF16),                                           \
        TORCH_TYPE(module, "Long" suffix, DNB_I64), TORCH_TYPE(module, "Int" suffix, DNB_I32),     \
        TORCH_TYPE(module, "Short" suffix, DNB_I16), TORCH_TYPE(module, "Char" suffix, DNB_I8),    \
        TORCH_TYPE(module, "Byte" suffix, DNB_U8), TORCH_TYPE(module, "Bool" suffix, DNB_BOOL)
#define DTYPE(name, dtype)                                                                         \
    {                                                                                              \
        "torch", name, DNB_PK_NAME, DNB_PTH_DTYPE | (dtype)                                        \
    }
#define IGNORED(module, name)                                                                      \
    {                                                                                              \
        module, name, DNB_PK_CALL, DNB_PTH_OTHER                                                   \
    }

const dnb_pk_global dnb_pth_globals[] = {
    {"torch._utils", "_rebuild_tensor", DNB_PK_CALL, DNB_PTH_TENSOR},
    {"torch._utils", "_rebuild_tensor_v2", DNB_PK_CALL, DNB_PTH_TENSOR},
    {"torch._utils", "_rebuild_tensor_v3", DNB_PK_CALL, DNB_PTH_TENSOR_V3},
    {"torch._utils", "_rebuild_parameter", DNB_PK_CALL, DNB_PTH_PARAMETER},
    {"torch._utils", "_rebuild_parameter_with_state", DNB_PK_CALL, DNB_PTH_PARAMETER},
    {"torch._tensor", "_rebuild_from_type_v2", DNB_PK_CALL, DNB_PTH_FROM_TYPE},
    {"torch", "Tensor", DNB_PK_NAME, DNB_PTH_OTHER},
    {"torch.nn.parameter", "Parameter", DNB_PK_NAME, DNB_PTH_OTHER},
    {"torch.nn.parameter", "Buffer", DNB_PK_NAME, DNB_PTH_OTHER},
    STORAGES("torch", "Storage"),
    STORAGES("torch.storage", "Storage"),
    STORAGES("torch.cuda", "Storage"),
    TORCH_TYPE("torch.storage", "UntypedStorage", DNB_U8),
    TORCH_TYPE("torch", "UntypedStorage", DNB_U8),
    DTYPE("float32", DNB_F32),
    DTYPE("float64", DNB_F64),
    DTYPE("float16", DNB_F16),
    DTYPE("bfloat16", DNB_BF16),
    DTYPE("int64", DNB_I64),
    DTYPE("int32", DNB_I32),
    DTYPE("int16", DNB_I16),
    DTYPE("int8", DNB_I8),
    DTYPE("uint8", DNB_U8),
    DTYPE("uint16", DNB_U16),
    DTYPE("uint32", DNB_U32),
    DTYPE("uint64", DNB_U64),
    DTYPE("bool", DNB_BOOL),
    {"torch", "Size", DNB_PK_IDENTITY, DNB_PTH_OTHER},
    IGNORED("torch", "device"),
    {"torch.serialization", "_get_layout", DNB_PK_CALL, DNB_PTH_OTHER},
    {"collections", "OrderedDict", DNB_PK_DICT, DNB_PTH_OTHER},
    {"collections", "defaultdict", DNB_PK_DICT, DNB_PTH_OTHER},
    {"collections", "Counter", DNB_PK_DICT, DNB_PTH_OTHER},
    /* What training scripts store beside the weights: looked past. */
    IGNORED("argparse", "Namespace"),
    IGNORED("numpy.core.multiarray", "scalar"),
    IGNORED("numpy.core.multiarray", "_reconstruct"),
    IGNORED("numpy._core.multiarray", "scalar"),
    IGNORED("numpy._core.multiarray", "_reconstruct"),
    IGNORED("numpy", "dtype"),
    IGNORED("numpy", "ndarray"),
    IGNORED("_codecs", "encode"),
    IGNORED("builtins", "set"),
    IGNORED("__builtin__", "set"),
    IGNORED("builtins", "list"),
    IGNORED("__builtin__", "list"),
    IGNORED("builtins", "int"),
    IGNORED("builtins", "bytearray"),
    IGNORED("datetime", "datetime"),
    IGNORED("pathlib", "PosixPath"),
    {0},
};
