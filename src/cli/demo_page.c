/* The demo's result and its page: one HTML file with the figures inside it. */
#include "demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outputs.h"

/* The whole of a file, NUL-terminated; NULL when it cannot be read. */
static unsigned char *slurp(const char *dir, const char *name, size_t *size)
{
    char *path = cli_join(dir, name);
    FILE *f = path ? fopen(path, "rb") : NULL;
    unsigned char *data = NULL;
    free(path);
    if (f && fseek(f, 0, SEEK_END) == 0) {
        long end = ftell(f);
        rewind(f);
        data = end >= 0 ? calloc((size_t)end + 1, 1) : NULL;
        *size = data ? fread(data, 1, (size_t)end, f) : 0;
    }
    if (f)
        fclose(f);
    return data;
}

static double number(const cJSON *item, const char *key)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(item, key));
}

dnb_status demo_read_result(demo_result *out, const char *dir, const char *json, dnb_err *err)
{
    size_t size = 0;
    unsigned char *text = slurp(dir, json, &size);
    cJSON *root = text ? cJSON_Parse((const char *)text) : NULL;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "results"), *item;
    *out = (demo_result){.recovered = 0};
    free(text);
    if (!list) {
        cJSON_Delete(root);
        return dnb_fail(err, DNB_EFORMAT, "%s/%s: no results in it", dir, json);
    }
    cJSON_ArrayForEach(item, list)
    {
        const char *layer = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "layer"));
        const char *roi = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "roi"));
        int k = roi ? atoi(roi) - 1 : -1;
        if (!layer || k < 0 || k >= DEMO_ROIS ||
            (out->best[k][0] && number(item, "r") <= out->r[k]))
            continue;
        snprintf(out->best[k], sizeof out->best[k], "%s", layer);
        out->r[k] = number(item, "r");
        out->p[k] = number(item, "p_max");
    }
    for (int k = 0; k < DEMO_ROIS; k++)
        out->recovered += strcmp(out->best[k], demo_drivers[k]) == 0;
    cJSON_Delete(root);
    return DNB_OK;
}

static void escaped(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
}

static void base64(FILE *out, const unsigned char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        unsigned v = (unsigned)data[i] << 16;
        v |= i + 1 < size ? (unsigned)data[i + 1] << 8 : 0;
        v |= i + 2 < size ? data[i + 2] : 0;
        fputc(digits[v >> 18], out);
        fputc(digits[v >> 12 & 63], out);
        fputc(i + 1 < size ? digits[v >> 6 & 63] : '=', out);
        fputc(i + 2 < size ? digits[v & 63] : '=', out);
    }
}

static void figure(FILE *out, const char *dir, const char *name, const char *type,
                   const char *caption)
{
    size_t size = 0;
    unsigned char *data = slurp(dir, name, &size);
    if (!data)
        return;
    fprintf(out, "<figure><img alt=\"%s\" src=\"data:image/%s;base64,", caption, type);
    base64(out, data, size);
    fprintf(out, "\"><figcaption>%s <span class=\"file\">%s</span></figcaption></figure>\n",
            caption, name);
    free(data);
}

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>dnnbrain "
    "demo</title>\n<style>\n"
    "body{font:16px/1.5 system-ui,sans-serif;color:#222;max-width:52rem;margin:2rem auto;padding:0 "
    "1rem}\n"
    "h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2.2rem}\n"
    "pre{background:#f5f5f2;border:1px solid "
    "#ddd;padding:.8rem;white-space:pre-wrap;font-size:.82rem}\n"
    "table{border-collapse:collapse}th,td{padding:.3rem .9rem;border-bottom:1px solid "
    "#ccc;text-align:left}\n"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}figure{margin:1.2rem "
    "0}img{max-width:100%;height:auto}\n"
    "figcaption{font-size:.85rem;color:#555}.file{font-family:monospace;color:#888}\n</style>\n";

static void table(FILE *out, const demo_result *r)
{
    fputs("<table><tr><th>ROI</th><th>driven by</th><th>best layer found</th><th>Spearman r</th>"
          "<th>p, corrected</th></tr>\n",
          out);
    for (int k = 0; k < DEMO_ROIS; k++)
        fprintf(out,
                "<tr><td>%d</td><td>%s</td><td>%s</td><td class=\"n\">%.3f</td><td "
                "class=\"n\">%.4f</td></tr>\n",
                k + 1, demo_drivers[k], r->best[k], r->r[k], r->p[k]);
    fprintf(out, "</table>\n<p>%d of %d recovered.</p>\n", r->recovered, DEMO_ROIS);
}

dnb_status demo_write_page(const char *dir, const char *commands, const demo_result *result,
                           cli_context *ctx, dnb_err *err)
{
    char *html = NULL, *path = cli_join(dir, "index.html");
    size_t size = 0;
    FILE *out = path ? open_memstream(&html, &size) : NULL;
    if (!out) {
        free(path);
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the page");
    }
    fputs(head, out);
    fputs("<meta name=\"provenance\" content=\"", out);
    escaped(out, dnb_provenance_json(ctx->provenance));
    fputs("\">\n<h1>From images to a brain map</h1>\n<p>A small convolutional network saw drawn "
          "pictures of ten kinds. A "
          "brain was simulated: the voxels of each of its four regions are random mixtures of one "
          "layer's units, plus "
          "as much noise as signal. Representational similarity analysis asks which layer drives "
          "which region, "
          "without being told.</p>\n<h2>Answer</h2>\n",
          out);
    table(out, result);
    figure(out, dir, "rsa.png", "png",
           "Correlation of every layer's RDM with every region's; the grey band holds the "
           "permutation null, filled "
           "points are significant after correction for all layers and regions.");
    fputs("<h2>The network's view</h2>\n", out);
    figure(out, dir, "dnn.png", "png",
           "Dissimilarity of every pair of pictures in each layer, ordered by category.");
    figure(out, dir, "maps/demo_net_conv1_relu_fig1.png", "png",
           "Feature maps of the first layer.");
    fputs("<h2>The brain's view</h2>\n", out);
    figure(out, dir, "brain.png", "png",
           "The same dissimilarities from the voxels of each region.");
    fputs("<h2>Commands</h2>\n<p>Everything above was made by these, run in this folder; they work "
          "the same on your "
          "own images, network and scans.</p>\n<pre>",
          out);
    escaped(out, commands);
    fprintf(out, "</pre>\n<p class=\"file\">made by dnnbrain %s</p>\n</html>\n", dnb_version());
    dnb_status status = fclose(out) == 0 ? cli_write_text(path, html, err)
                                         : dnb_fail(err, DNB_ENOMEM, "out of memory for the page");
    if (status == DNB_OK)
        cli_wrote(ctx, path, "open it in a browser");
    free(html);
    free(path);
    return status;
}
