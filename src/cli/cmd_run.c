/* dnnbrain run: any network file on arrays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/model.h>

#include "context.h"
#include "net_options.h"
#include "outputs.h"

typedef struct run_args {
    const char *model, *out, *backend, *precision, *grad;
    cli_strings in, layer, wrt;
    bool guided;
} run_args;

static const cli_option options[] = {
    {.name = "model",
     .type = CLI_INFILE,
     .offset = offsetof(run_args, model),
     .required = true,
     .positional = true,
     .value = "MODEL",
     .help = "Network file (.onnx, operator sets 1 to 18)."},
    {.name = "in",
     .type = CLI_STRINGS,
     .offset = offsetof(run_args, in),
     .value = "NAME=FILE",
     .help = "An array (.npy) for each of the network's inputs; a lone FILE is for its only one."},
    {.name = "layer",
     .type = CLI_STRINGS,
     .offset = offsetof(run_args, layer),
     .value = "VALUE",
     .help = "Values to write, by name. Default: the network's outputs."},
    {.name = "grad",
     .type = CLI_STRING,
     .offset = offsetof(run_args, grad),
     .value = "VALUE[:CHANNEL[,ROW,COL]]",
     .help = "Differentiate this value (the sum of its numbers, of one channel's, or one unit; "
             "counted from 1) and write grad_<wrt>.npy."},
    {.name = "wrt",
     .type = CLI_STRINGS,
     .offset = offsetof(run_args, wrt),
     .value = "VALUE",
     .help = "With -grad: what to differentiate by, inputs, inner values or weights. Default: the "
             "first input."},
    {.name = "guided",
     .type = CLI_FLAG,
     .offset = offsetof(run_args, guided),
     .help = "With -grad: guided backpropagation; ReLUs pass positive gradients only."},
    {.name = "out",
     .type = CLI_OUTDIR,
     .offset = offsetof(run_args, out),
     .required = true,
     .value = "DIR",
     .help = "Folder for one .npy file per value (made when missing); '/' in a name becomes '_'."},
    {.name = "backend",
     .type = CLI_CHOICE,
     .offset = offsetof(run_args, backend),
     .choices = "auto|onednn|reference|reference64",
     .fallback = "auto",
     .help = "What computes: oneDNN where it can, or the reference kernels in float32 or float64. "
             "oneDNN's ReLU makes 0 of NaN, so auto takes the reference for inputs with NaN or "
             "infinity."},
    CLI_PRECISION_OPTION(run_args),
    {.name = NULL}};

/* ---- inputs ---- */

static size_t find_input(const dnb_model *m, const char *name, size_t length)
{
    size_t n = dnb_model_input_count(m);
    for (size_t i = 0; i < n; i++) {
        const char *have = dnb_model_input_name(m, i);
        if (strlen(have) == length && strncmp(have, name, length) == 0)
            return i;
    }
    return n;
}

static dnb_status read_input(const run_args *a, const dnb_model *m, const char *word,
                             dnb_array *arrays, cli_context *ctx, dnb_err *err)
{
    const char *equals = strchr(word, '='), *file = equals ? equals + 1 : word;
    size_t n = dnb_model_input_count(m);
    size_t i = equals ? find_input(m, word, (size_t)(equals - word)) : 0;
    if (!equals && n != 1)
        return cli_usage(ctx, err, "%s has %zu inputs; give -in NAME=FILE", a->model, n);
    if (i >= n)
        return cli_usage(ctx, err, "%s has no input '%.*s'; its first is '%s'", a->model,
                         (int)(equals - word), word, n ? dnb_model_input_name(m, 0) : "(none)");
    if (arrays[i].data)
        return cli_usage(ctx, err, "input '%s' is given twice", dnb_model_input_name(m, i));
    dnb_status status = dnb_npy_read(&arrays[i], file, err);
    if (status == DNB_OK)
        status = cli_record_input(ctx, dnb_model_input_name(m, i), file, NULL, err);
    return status;
}

static dnb_status read_inputs(const run_args *a, const dnb_model *m, dnb_array *arrays,
                              cli_context *ctx, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t i = 0; status == DNB_OK && i < a->in.count; i++)
        status = read_input(a, m, a->in.items[i], arrays, ctx, err);
    for (size_t i = 0; status == DNB_OK && i < dnb_model_input_count(m); i++)
        if (!arrays[i].data)
            status = cli_usage(ctx, err, "input '%s' of %s is not given; use -in %s=FILE.npy",
                               dnb_model_input_name(m, i), a->model, dnb_model_input_name(m, i));
    return status;
}

/* ---- gradients ---- */

/* VALUE[:CHANNEL[,ROW,COL]]: takes the numbers off the end of `text`, if there are any. Value names
 * may hold colons themselves. */
static dnb_status parse_target(char *text, dnb_model_gradient *g, cli_context *ctx, dnb_err *err)
{
    char *colon = strrchr(text, ':');
    g->target = text;
    if (!colon || colon[1] == '\0' || strspn(colon + 1, "0123456789,") != strlen(colon + 1))
        return DNB_OK;
    for (char *at = colon + 1;; at++) {
        char *end;
        unsigned long long v = strtoull(at, &end, 10);
        if (end == at || v == 0 || v > SIZE_MAX || g->n_index == 3)
            return cli_usage(ctx, err,
                             "-grad %s: give VALUE, VALUE:CHANNEL or VALUE:CHANNEL,ROW,COL", text);
        g->index[g->n_index++] = (size_t)v - 1;
        if (*end == '\0')
            break;
        at = end;
    }
    *colon = '\0';
    return DNB_OK;
}

static dnb_status add_gradient(const run_args *a, dnb_model *m, const dnb_array *inputs,
                               cli_context *ctx, dnb_err *err)
{
    const char *first = dnb_model_input_name(m, 0);
    dnb_model_gradient g = {.wrt = a->wrt.count ? a->wrt.items : &first,
                            .n_wrt = a->wrt.count ? a->wrt.count : 1,
                            .guided_relu = a->guided};
    if (!first)
        return dnb_fail(err, DNB_EARG, "%s has no input to differentiate by", a->model);
    char *text = strdup(a->grad);
    if (!text)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for a name");
    dnb_status status = parse_target(text, &g, ctx, err);
    if (status == DNB_OK)
        status = dnb_model_add_gradient(m, &inputs[0], &g, err);
    free(text);
    return status;
}

/* What to write: the values asked for, then the gradients; free() the list and the names from
 * n_named on. */
static dnb_status list_values(const run_args *a, const dnb_model *m, char ***out, size_t *count,
                              dnb_err *err)
{
    size_t n_layers = a->layer.count ? a->layer.count : a->grad ? 0 : dnb_model_output_count(m);
    size_t n_wrt = !a->grad ? 0 : a->wrt.count ? a->wrt.count : 1, n = 0;
    char **values = calloc(n_layers + n_wrt + 1, sizeof *values);
    for (; values && n < n_layers; n++) {
        values[n] = strdup(a->layer.count ? a->layer.items[n] : dnb_model_output_name(m, n));
        if (!values[n])
            goto failed;
    }
    for (size_t i = 0; values && i < n_wrt; i++, n++) {
        const char *name = a->wrt.count ? a->wrt.items[i] : dnb_model_input_name(m, 0);
        values[n] = malloc(strlen(name) + sizeof "grad_");
        if (!values[n])
            goto failed;
        sprintf(values[n], "grad_%s", name);
    }
    if (!values)
        goto failed;
    *out = values;
    *count = n;
    return DNB_OK;
failed:
    for (size_t i = 0; values && i < n; i++)
        free(values[i]);
    free(values);
    return dnb_fail(err, DNB_ENOMEM, "out of memory for the results' names");
}

/* ---- results ---- */

/* DIR/<value>.npy with '/' as '_'; free() it. */
static char *result_path(const char *dir, const char *value)
{
    size_t n = strlen(value);
    char *name = malloc(n + sizeof ".npy");
    if (!name)
        return NULL;
    for (size_t i = 0; i < n; i++)
        name[i] = value[i] == '/' ? '_' : value[i];
    strcpy(name + n, ".npy");
    char *path = cli_join(dir, name);
    free(name);
    return path;
}

static dnb_status write_results(const run_args *a, const char *const *values, size_t n,
                                const dnb_array *out, cli_context *ctx, dnb_err *err)
{
    dnb_status status = cli_make_dir(a->out, err);
    for (size_t i = 0; status == DNB_OK && i < n; i++) {
        char shape[200], *path = result_path(a->out, values[i]);
        if (!path)
            return dnb_fail(err, DNB_ENOMEM, "out of memory for a file name");
        status = dnb_npy_write(&out[i], path, err);
        if (status == DNB_OK)
            cli_wrote(ctx, path, "%s %s", dnb_dtype_name(out[i].dtype),
                      dnb_array_shape_text(&out[i], shape, sizeof shape));
        free(path);
    }
    char *path = status == DNB_OK ? cli_join(a->out, "run.json") : NULL;
    if (status == DNB_OK && !path)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for a file name");
    if (status == DNB_OK)
        status = cli_write_text(path, dnb_provenance_json(ctx->provenance), err);
    free(path);
    return status;
}

/* Two values must not want one file. */
static dnb_status check_names(const char *const *values, size_t n, cli_context *ctx, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t i = 0; status == DNB_OK && i < n; i++) {
        char *one = result_path(".", values[i]);
        for (size_t k = 0; status == DNB_OK && one && k < i; k++) {
            char *other = result_path(".", values[k]);
            if (other && strcmp(one, other) == 0)
                status = cli_usage(ctx, err, "values '%s' and '%s' would be written to one file",
                                   values[k], values[i]);
            free(other);
        }
        free(one);
    }
    return status;
}

/* ---- the command ---- */

static dnb_status record(const run_args *a, dnb_backend how, cli_context *ctx, dnb_err *err)
{
    char hash[33];
    dnb_status status = dnb_hash_file(a->model, hash, err);
    if (status == DNB_OK)
        status = dnb_provenance_set(ctx->provenance, "model", a->model, err);
    if (status == DNB_OK)
        status = dnb_provenance_set(ctx->provenance, "model_xxh128", hash, err);
    if (status == DNB_OK)
        status = dnb_provenance_set(ctx->provenance, "backend", dnb_backend_name(how), err);
    cli_note(ctx, "backend", dnb_backend_name(how));
    return status;
}

static dnb_status run_values(const run_args *a, const dnb_model *m, const dnb_array *inputs,
                             cli_context *ctx, dnb_err *err)
{
    size_t n = 0;
    char **names = NULL;
    dnb_array *out = NULL;
    double *error = NULL;
    dnb_precision used = DNB_PRECISION_F32;
    dnb_err fallback = {0};
    dnb_model_options o = {
        .progress = &ctx->progress, .memory = ctx->memory, .used = &used, .fallback = &fallback};
    dnb_backend how = DNB_BACKEND_AUTO;
    dnb_status status = list_values(a, m, &names, &n, err);
    const char *const *values = (const char *const *)names;
    if (status == DNB_OK) {
        out = calloc(n + 1, sizeof *out);
        o.error = error = calloc(n + 1, sizeof *error);
        if (!out || !error)
            status = dnb_fail(err, DNB_ENOMEM, "out of memory for %zu results", n);
    }
    if (status == DNB_OK)
        status = dnb_backend_find(&o.backend, a->backend, err);
    if (status == DNB_OK)
        status = cli_precision(&o.precision, a->precision, ctx, err);
    if (status == DNB_OK)
        status = check_names(values, n, ctx, err);
    if (status == DNB_OK)
        status = dnb_model_run(m, inputs, values, n, &o, out, &how, err);
    if (status == DNB_OK)
        status = record(a, how, ctx, err);
    if (status == DNB_OK && *fallback.message)
        cli_say(ctx, "computed node by node by the reference kernels: %s", fallback.message);
    if (status == DNB_OK && o.precision != used)
        cli_warn(ctx, "this network, or back end, is computed in %s", dnb_precision_name(used));
    if (status == DNB_OK)
        status = cli_precision_record(used, values, error, n, ctx, err);
    if (status == DNB_OK)
        status = write_results(a, values, n, out, ctx, err);
    for (size_t i = 0; out && i < n; i++)
        dnb_array_release(&out[i]);
    free(out);
    free(error);
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return status;
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const run_args *a = args;
    dnb_model *m = NULL;
    dnb_array *inputs = NULL;
    double start = cli_now();
    dnb_status status = dnb_model_open(&m, a->model, err);
    if (status == DNB_OK && !(inputs = calloc(dnb_model_input_count(m) + 1, sizeof *inputs)))
        status = dnb_fail(err, DNB_ENOMEM, "out of memory for the inputs");
    if (status == DNB_OK)
        status = read_inputs(a, m, inputs, ctx, err);
    if (status == DNB_OK && !a->grad && (a->wrt.count || a->guided))
        status = cli_usage(ctx, err, "-wrt and -guided go with -grad");
    if (status == DNB_OK && a->grad)
        status = add_gradient(a, m, inputs, ctx, err);
    if (status == DNB_OK)
        status = run_values(a, m, inputs, ctx, err);
    if (status == DNB_OK)
        cli_note_number(ctx, "seconds", cli_now() - start);
    if (status == DNB_EUNSUPPORTED) {
        dnb_err why = *err;
        status = dnb_fail(err, status, "unsupported: %.900s", why.message);
    }
    for (size_t i = 0; inputs && i < dnb_model_input_count(m); i++)
        dnb_array_release(&inputs[i]);
    free(inputs);
    dnb_model_close(m);
    return status;
}

static const char *const examples[] = {
    "dnnbrain run net.onnx -in data=images.npy -out results",
    "The network's outputs for an array of images.",
    "dnnbrain run net.onnx -in images.npy -layer conv1 fire2/concat -out results",
    "Two inner values: results/conv1.npy and results/fire2_concat.npy.",
    "dnnbrain run net.onnx -in images.npy -grad fc:282 -out saliency",
    "How the pixels of each image move unit 282 of fc: saliency/grad_data.npy.",
    NULL};

const cli_command cmd_run = {
    .name = "run",
    .summary = "run any network file on arrays",
    .description =
        "Runs an ONNX file on .npy arrays and writes any of its values as .npy, in the element "
        "type the file gives them. Inputs may have any number, shape and type the file allows.\n\n"
        "An operator, or a variant of one, that is missing ends the run with status 1 and a "
        "message that says so and names it.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(run_args),
    .run = run};
