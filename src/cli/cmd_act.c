/* dnnbrain act (dnn_act): activations of a network's layers for a list of images. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dnnbrain/sinks.h>

#include "pass.h"
#include "show.h"

typedef struct act_args {
    cli_network network;
    cli_units units;
    const char *pool, *projection, *out, *precision;
    long long batch, project, seed;
    bool compress;
} act_args;

static const cli_option options[] = {
    CLI_NETWORK_OPTIONS(act_args),
    CLI_UNIT_OPTIONS(act_args),
    {.name = "pool",
     .type = CLI_CHOICE,
     .offset = offsetof(act_args, pool),
     .choices = "max|mean|median|L1|L2",
     .help = "Shrink each channel's rows and columns to one number this way."},
    {.name = "project",
     .type = CLI_INT,
     .offset = offsetof(act_args, project),
     .value = "K",
     .min = 1,
     .max = 1e6,
     .help = "Write K sparse random projections of each layer in place of its units; distances "
             "between stimuli are kept to a relative error of about 1/sqrt(2K)."},
    {.name = "projection",
     .type = CLI_CHOICE,
     .offset = offsetof(act_args, projection),
     .choices = "li|achlioptas",
     .fallback = "li",
     .help = "Entries of the projection that are not 0: one in the square root of the number of "
             "units (li), or one in three (achlioptas; far slower)."},
    {.name = "seed",
     .type = CLI_INT,
     .offset = offsetof(act_args, seed),
     .value = "N",
     .fallback = "0",
     .min = 0,
     .max = 9007199254740992.0,
     .help = "Seed of the projection."},
    {.name = "out",
     .type = CLI_OUTFILE,
     .offset = offsetof(act_args, out),
     .required = true,
     .value = "FILE",
     .help = "Activation file to write (.act.h5)."},
    {.name = "batch",
     .type = CLI_INT,
     .offset = offsetof(act_args, batch),
     .value = "N",
     .fallback = "0",
     .min = 0,
     .max = 65536,
     .help = "Images per forward pass; 0 chooses from the memory budget."},
    CLI_PRECISION_OPTION(act_args),
    {.name = "compress",
     .type = CLI_FLAG,
     .offset = offsetof(act_args, compress),
     .help = "Compress the file with gzip (several times slower to write and read)."},
    {.name = NULL}};

/* What makes two runs the same job: everything that decides a value or its place. */
static dnb_status sign_job(char signature[33], const act_args *a, const cli_unit_set *units,
                           const cli_images *images, dnb_precision precision, cli_context *ctx,
                           dnb_err *err)
{
    char stimuli[33], *text = NULL;
    size_t size = 0;
    dnb_status status = dnb_stim_hash(&images->stim, stimuli, err);
    if (status != DNB_OK)
        return status;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the job's signature");
    cJSON *p = cJSON_Parse(dnb_provenance_json(ctx->provenance));
    static const char *const keys[] = {"program", "net", "input", "weights_xxh128"};
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(p, keys[k]));
        fprintf(f, "%s;", value ? value : "");
    }
    cJSON_Delete(p);
    fprintf(f, "%s;%s;", stimuli, a->pool ? a->pool : "");
    if (precision != DNB_PRECISION_F32)
        fprintf(f, "%s;", dnb_precision_name(precision));
    if (a->project)
        fprintf(f, "project %lld %s %lld;", a->project, a->projection, a->seed);
    for (size_t i = 0; i < units->n; i++) {
        fprintf(f, "%s", units->names[i]);
        for (int axis = 0; axis < DNB_AXES; axis++) {
            fprintf(f, ",%zu", units->selects[i].n[axis]);
            for (size_t k = 0; units->selects[i].index[axis] && k < units->selects[i].n[axis]; k++)
                fprintf(f, " %zu", units->selects[i].index[axis][k]);
        }
        fputc(';', f);
    }
    if (fclose(f) != 0) {
        free(text);
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the job's signature");
    }
    dnb_hash_bytes(text, size, signature);
    free(text);
    return DNB_OK;
}

static dnb_status scan(const cli_pass *pass, dnb_sink *sink, cli_context *ctx, dnb_err *err)
{
    dnb_scan_plan plan = {0};
    dnb_status status = cli_pass_plan(&plan, pass, sink, ctx, err);
    if (status != DNB_OK)
        return status;
    cli_say(ctx, "%s: %zu layers of %zu images, %zu at a time, %.1f MB of memory",
            dnb_net_name(pass->net), pass->units->n, pass->images->n, plan.batch,
            (double)plan.bytes / 1e6);
    cli_note_number(ctx, "batch", (double)plan.batch);
    cli_note_number(ctx, "planned_bytes", (double)plan.bytes);
    return cli_pass_run(pass, sink, ctx, err);
}

/* The sink that writes, behind the projection if one is asked for. */
static dnb_status scan_into(const act_args *a, const cli_pass *pass, dnb_sink *file,
                            cli_context *ctx, dnb_err *err)
{
    char text[96];
    dnb_sink *sink = NULL;
    if (!a->project)
        return scan(pass, file, ctx, err);
    bool li = strcmp(a->projection, "li") == 0;
    dnb_projection_options po = {.k = (size_t)a->project,
                                 .kind = li ? DNB_PROJECTION_LI : DNB_PROJECTION_ACHLIOPTAS,
                                 .seed = (uint64_t)a->seed};
    snprintf(text, sizeof text, "%s, %lld features, seed %lld", a->projection, a->project, a->seed);
    dnb_status status = dnb_provenance_set(ctx->provenance, "projection", text, err);
    if (status == DNB_OK)
        status = dnb_sink_project_new(&sink, file, &po, err);
    if (status == DNB_OK)
        status = scan(pass, sink, ctx, err);
    dnb_sink_project_free(sink);
    return status;
}

/* What an interrupted run leaves, if anything: said with the error. */
static dnb_status say_what_is_kept(dnb_err *err, const char *out)
{
    char part[512];
    if (snprintf(part, sizeof part, "%s.part", out) < (int)sizeof part && access(part, F_OK) == 0)
        return dnb_fail(err, DNB_ECANCELLED,
                        "interrupted; what is done is kept in %s, the same command continues it",
                        part);
    return DNB_ECANCELLED;
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const act_args *a = args;
    dnb_net *net = NULL;
    dnb_sink *sink = NULL;
    cli_unit_set units = {0};
    cli_images images = {0};
    dnb_precision precision = DNB_PRECISION_F32;
    char signature[33];
    double start = cli_now();
    dnb_status status = cli_images_read(&images, a->network.stim, err);
    if (status == DNB_OK)
        status = cli_network_open(&net, &a->network, ctx, err);
    if (status == DNB_OK)
        status = cli_units_of_net(&units, &a->units, net, err);
    if (status == DNB_OK)
        status = cli_precision(&precision, a->precision, ctx, err);
    if (status == DNB_OK)
        status = sign_job(signature, a, &units, &images, precision, ctx, err);
    dnb_actwriter_options wo = {.save = {.compress = a->compress ? 4 : 0}, .signature = signature};
    if (status == DNB_OK)
        status = dnb_sink_actfile_new(&sink, a->out, &wo, err);
    if (status == DNB_OK) {
        cli_pass pass = {.net = net,
                         .units = &units,
                         .images = &images,
                         .pool = a->pool,
                         .batch = (size_t)a->batch,
                         .precision = precision,
                         .backend = cli_backend(ctx, a->network.cuda)};
        status = scan_into(a, &pass, sink, ctx, err);
    }
    if (status == DNB_OK) {
        if (dnb_sink_actfile_resumed(sink))
            cli_say(ctx, "continued an interrupted run after %zu images",
                    dnb_sink_actfile_resumed(sink));
        cli_note_number(ctx, "resumed_at", (double)dnb_sink_actfile_resumed(sink));
        status = dnb_sink_actfile_commit(sink, dnb_provenance_json(ctx->provenance), err);
    }
    if (status == DNB_OK) {
        cli_note_number(ctx, "stimuli", (double)images.n);
        cli_note_number(ctx, "layers", (double)units.n);
        cli_note_number(ctx, "seconds", cli_now() - start);
        cli_wrote(ctx, a->out, "%zu layer%s x %zu images, %.1f s", units.n, units.n == 1 ? "" : "s",
                  images.n, cli_now() - start);
    }
    dnb_sink_actfile_free(sink);
    if (status == DNB_ECANCELLED)
        status = say_what_is_kept(err, a->out);
    cli_unit_set_release(&units);
    dnb_net_free(net);
    cli_images_release(&images);
    return status;
}

static const char *const aliases[] = {"dnn_act", NULL};
static const char *const examples[] = {
    "dnnbrain act -net AlexNet -layer conv5 fc3 -stim all.stim.csv -out all.act.h5",
    "Activations of two layers of AlexNet, weights from $DNNBRAIN_DATA/models.",
    "dnnbrain act -net net.onnx --channels BGR --range 255 --mean 104 117 123 --std 1 1 1 -stim "
    "all.stim.csv -pool "
    "mean -out pooled.act.h5",
    "Every layer of an ONNX file with Caffe's preprocessing, one number per channel.", NULL};

const cli_command cmd_act = {.name = "act",
                             .aliases = aliases,
                             .summary = "activations of a network's layers for a list of images",
                             .description =
                                 "Shows the images of a stimulus list to a network and writes the "
                                 "activations of the named layers, one HDF5 "
                                 "dataset per layer (stimuli x channels x rows x columns, "
                                 "float32). All layers come from one forward pass, "
                                 "which stops at the deepest one. A layer's values are exactly its "
                                 "own: conv5 is the convolution's output "
                                 "before its ReLU.\n\nMemory use does not grow with the number of "
                                 "images. A run that was killed is continued "
                                 "by giving the same command again.",
                             .examples = examples,
                             .options = options,
                             .args_size = sizeof(act_args),
                             .busy_beside = true,
                             .run = run};
