/* dnnbrain roi (brain_roi): ROI responses of a brain image. */
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/roi.h>
#include <dnnbrain/roifile.h>

#include "context.h"

typedef struct roi_args {
    const char *nif, *mask, *method, *out;
    cli_ints roi;
} roi_args;

static const cli_option options[] = {
    {.name = "nif",
     .type = CLI_INFILE,
     .offset = offsetof(roi_args, nif),
     .required = true,
     .value = "FILE",
     .help = "Brain image, volumes by time or stimulus (.nii, .nii.gz)."},
    {.name = "mask",
     .type = CLI_INFILE,
     .offset = offsetof(roi_args, mask),
     .required = true,
     .value = "FILE",
     .help = "Image of ROI labels; 0 is outside."},
    {.name = "roi",
     .type = CLI_INTS,
     .offset = offsetof(roi_args, roi),
     .value = "LABEL",
     .help = "ROI labels to use. Default: all in the mask."},
    {.name = "method",
     .type = CLI_CHOICE,
     .offset = offsetof(roi_args, method),
     .choices = "mean|max|std",
     .fallback = "mean",
     .help = "What summarises the voxels of an ROI."},
    {.name = "out",
     .type = CLI_OUTFILE,
     .offset = offsetof(roi_args, out),
     .required = true,
     .value = "FILE",
     .help = "ROI response table to write (.roi.h5)."},
    {.name = NULL}};

static dnb_status save(const roi_args *a, const dnb_roi_table *table, cli_context *ctx,
                       dnb_err *err)
{
    dnb_roi roi = {0};
    dnb_save_options so = {.provenance = dnb_provenance_json(ctx->provenance)};
    dnb_status status =
        dnb_roi_init(&roi, table->n_vol, table->n_roi, (const char *const *)table->names, err);
    if (status != DNB_OK)
        return status;
    memcpy(roi.data, table->data, table->n_vol * table->n_roi * sizeof *roi.data);
    status = dnb_roi_write(&roi, a->out, &so, err);
    if (status == DNB_OK)
        cli_wrote(ctx, a->out, "%zu volumes x %zu ROIs", roi.n_vol, roi.n_roi);
    dnb_roi_release(&roi);
    return status;
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const roi_args *a = args;
    dnb_brain *image = NULL;
    dnb_mask *mask = NULL;
    dnb_roi_table table = {0};
    int64_t *labels = NULL;
    dnb_roi_options o = {.n_labels = a->roi.count, .progress = &ctx->progress};
    dnb_status status = dnb_roi_method_parse(a->method, &o.method, err);
    if (status == DNB_OK)
        status = dnb_brain_open(&image, a->nif, err);
    if (status == DNB_OK)
        status = dnb_mask_read(&mask, a->mask, err);
    if (status == DNB_OK && a->roi.count) {
        labels = calloc(a->roi.count, sizeof *labels);
        if (!labels)
            status = dnb_fail(err, DNB_ENOMEM, "out of memory for -roi");
        for (size_t i = 0; labels && i < a->roi.count; i++)
            labels[i] = a->roi.items[i];
        o.labels = labels;
    }
    if (status == DNB_OK)
        status = cli_record_input(ctx, "nif", a->nif, NULL, err);
    if (status == DNB_OK)
        status = cli_record_input(ctx, "mask", a->mask, NULL, err);
    if (status == DNB_OK)
        status = dnb_roi_run(&table, image, mask, &o, err);
    if (status == DNB_OK)
        status = save(a, &table, ctx, err);
    dnb_roi_table_release(&table);
    free(labels);
    dnb_mask_free(mask);
    dnb_brain_close(image);
    return status;
}

static const char *const aliases[] = {"brain_roi", NULL};
static const char *const examples[] = {
    "dnnbrain roi -nif bold.nii.gz -mask rois.nii.gz -method mean -out bold.roi.h5",
    "Mean response of every ROI in every volume.", NULL};

const cli_command cmd_roi = {.name = "roi",
                             .aliases = aliases,
                             .summary = "ROI responses of a brain image",
                             .description = "Summarises the voxels of every ROI in every volume of "
                                            "a brain image. The ROI names in the output "
                                            "are the mask's label numbers. The standard deviation "
                                            "is the population's (divided by the number "
                                            "of voxels).",
                             .examples = examples,
                             .options = options,
                             .args_size = sizeof(roi_args),
                             .run = run};
