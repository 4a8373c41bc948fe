/* Parsing a model file: bytes to messages. */
#include "net/onnx_load.h"

#include "base/mem.h"
#include "base/path.h"
#include "net/onnx_build.h"

/* Protocol buffers end at 2 GiB; larger models keep their weights in other files. */
#define MAX_FILE ((size_t)2 << 30)
/* Memory that parsing may take: a message of a few bytes becomes a struct of about a hundred. */
#define BYTES_PER_BYTE 64
#define BYTES_AT_START ((size_t)1 << 20)

/* protobuf-c's allocator: ours, with a ceiling. */
typedef struct memory {
    size_t left;
    bool failed; /* there was none, which is not the file's fault */
} memory;

static void *take(void *ctx, size_t n)
{
    memory *m = ctx;
    if (n > m->left)
        return NULL;
    m->left -= n;
    /* Large blocks may become the storage of an array. */
    void *p = n >= 1024 ? dnb_alloc_aligned(n, 1) : dnb_alloc(n, 1);
    m->failed |= p == NULL;
    return p;
}

static void give(void *ctx, void *p)
{
    (void)ctx;
    dnb_free(p);
}

/* Parses *data and frees it as soon as it is parsed. */
static dnb_status load(dnb_graph **out, unsigned char **owned, const void *data, size_t size,
                       dnb_onnx_source *from, const dnb_onnx_wish *wish, dnb_err *err)
{
    memory m = {.left = BYTES_AT_START + size * BYTES_PER_BYTE};
    ProtobufCAllocator allocator = {.alloc = take, .free = give, .allocator_data = &m};
    from->allocator = &allocator;
    if (size > MAX_FILE)
        return dnb_fail(err, DNB_EFORMAT, "%s: an ONNX model of more than 2 GiB cannot be",
                        from->name);
    Onnx__Model *model = onnx__model__unpack(&allocator, size, data);
    if (owned) {
        dnb_free(*owned);
        *owned = NULL;
    }
    if (!model && m.failed)
        return dnb_fail_memory(err, from->name, size);
    if (!model)
        return dnb_fail(err, DNB_EFORMAT, "%s: is truncated or no ONNX model", from->name);
    dnb_status status = dnb_onnx_build(out, model, from, wish, err);
    onnx__model__free_unpacked(model, &allocator);
    return status;
}

static dnb_status load_file(dnb_graph **out, const char *path, const dnb_onnx_wish *wish,
                            dnb_err *err)
{
    dnb_onnx_source from = {.name = path};
    unsigned char *data = NULL;
    size_t size;
    dnb_status status = dnb_file_read(path, MAX_FILE, &data, &size, err);
    if (status == DNB_OK)
        status = load(out, &data, data, size, &from, wish, err);
    dnb_free(data);
    return status;
}

dnb_status dnb_onnx_load(dnb_graph **out, const char *path, size_t height, size_t width,
                         dnb_err *err)
{
    const dnb_onnx_wish wish = {.height = height, .width = width};
    return load_file(out, path, &wish, err);
}

dnb_status dnb_onnx_load_any(dnb_graph **out, const char *path, dnb_err *err)
{
    const dnb_onnx_wish wish = {.any = true};
    return load_file(out, path, &wish, err);
}

dnb_status dnb_onnx_load_memory(dnb_graph **out, const char *name, const void *data, size_t size,
                                size_t height, size_t width, dnb_err *err)
{
    const dnb_onnx_wish wish = {.height = height, .width = width};
    dnb_onnx_source from = {.name = name, .from_memory = true};
    return load(out, NULL, data, size, &from, &wish, err);
}
