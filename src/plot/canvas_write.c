/* From the figure to a file. The same page gives the same bytes: no date is stored, and the
 * names cairo numbers by a process-wide counter in SVG are numbered anew. */
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/outfile.h"
#include "base/strbuf.h"
#include "plot/canvas.h"
#include "plot/raster.h"

static dnb_status cairo_failed(const char *path, cairo_status_t s, dnb_err *err)
{
    if (s == CAIRO_STATUS_NO_MEMORY)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory while drawing", path);
    return dnb_fail(err, DNB_EINTERNAL, "%s: drawing failed: %s", path, cairo_status_to_string(s));
}

/* What is drawn, and onto what page. */
typedef struct job {
    dnb_canvas *c;
    dnb_draw_fn *draw;
    void *figure;
    const char *path, *provenance;
} job;

/* Draws the figure; `scale` is target units per point. */
static dnb_status draw_on(const job *j, cairo_surface_t *target, double scale, bool paper,
                          dnb_err *err)
{
    cairo_t *cr = cairo_create(target);
    if (paper) {
        cairo_set_source_rgb(cr, 1, 1, 1);
        cairo_paint(cr);
    }
    cairo_scale(cr, scale, scale);
    dnb_canvas_set_fonts(j->c, cr);
    j->c->cr = cr;
    dnb_status status = j->draw(j->c, j->figure, err);
    j->c->cr = j->c->ruler;
    cairo_status_t bad = cairo_status(cr);
    cairo_destroy(cr);
    if (status == DNB_OK && bad != CAIRO_STATUS_SUCCESS)
        status = cairo_failed(j->path, bad, err);
    return status;
}

static dnb_status write_raster(const job *j, dnb_err *err)
{
    const dnb_canvas *c = j->c;
    double scale = c->dpi / 72.0;
    double w = ceil(c->width * scale - 1e-6), h = ceil(c->height * scale - 1e-6);
    if (w > 30000 || h > 30000 || w * h > 4e8)
        return dnb_fail(
            err, DNB_EARG,
            "%s: the figure would have %.0f x %.0f pixels; lower dpi or width_mm, or write "
            "a .pdf",
            j->path, w, h);
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)w, (int)h);
    dnb_status status = draw_on(j, image, scale, true, err);
    cairo_surface_flush(image);
    if (status == DNB_OK && c->kind == DNB_FILE_PNG)
        status = dnb_raster_write_png(image, c->dpi, j->provenance, j->path, err);
    else if (status == DNB_OK)
        status = dnb_raster_write_jpeg(image, c->dpi, j->provenance, j->path, err);
    cairo_surface_destroy(image);
    return status;
}

/* ---- PDF
 * -------------------------------------------------------------------------------------------- */

typedef struct stream {
    dnb_outfile *file;
    dnb_err *err;
    dnb_status status;
} stream;

static cairo_status_t put_stream(void *closure, const unsigned char *data, unsigned int n)
{
    stream *s = closure;
    if (s->status == DNB_OK)
        s->status = dnb_outfile_write(s->file, data, n, s->err);
    return s->status == DNB_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static dnb_status write_pdf(const job *j, dnb_err *err)
{
    stream s = {.err = err};
    dnb_status status = dnb_outfile_open(&s.file, j->path, err);
    if (status != DNB_OK)
        return status;
    cairo_surface_t *pdf =
        cairo_pdf_surface_create_for_stream(put_stream, &s, j->c->width, j->c->height);
    /* Later versions may pack the metadata into a compressed stream, where no search finds it. */
    cairo_pdf_surface_restrict_to_version(pdf, CAIRO_PDF_VERSION_1_4);
    cairo_pdf_surface_set_metadata(pdf, CAIRO_PDF_METADATA_CREATE_DATE, ""); /* none, not today */
    if (j->provenance)
        cairo_pdf_surface_set_metadata(pdf, CAIRO_PDF_METADATA_SUBJECT, j->provenance);
    status = draw_on(j, pdf, 1, false, err);
    cairo_surface_finish(pdf);
    cairo_status_t bad = cairo_surface_status(pdf);
    cairo_surface_destroy(pdf);
    if (s.status != DNB_OK)
        status = s.status; /* the stream has said what is wrong */
    else if (status == DNB_OK && bad != CAIRO_STATUS_SUCCESS)
        status = cairo_failed(j->path, bad, err);
    if (status == DNB_OK)
        return dnb_outfile_commit(s.file, err);
    dnb_outfile_abort(s.file);
    return status;
}

/* ---- SVG
 * -------------------------------------------------------------------------------------------- */

static cairo_status_t put_text(void *closure, const unsigned char *data, unsigned int n)
{
    dnb_strbuf *b = closure;
    dnb_strbuf_addn(b, (const char *)data, n);
    return b->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

/* Text between tags, or in an attribute. */
static void add_escaped(dnb_strbuf *b, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '&':
            dnb_strbuf_add(b, "&amp;");
            break;
        case '<':
            dnb_strbuf_add(b, "&lt;");
            break;
        case '>':
            dnb_strbuf_add(b, "&gt;");
            break;
        default:
            dnb_strbuf_addn(b, s, 1);
        }
    }
}

/* Length of the id that starts at s: up to the quote or bracket that closes it. */
static size_t id_length(const char *s)
{
    return strcspn(s, "\")'<> \n");
}

static bool id_starts(const char *svg, const char *at)
{
    return at[0] == '#' || (at - svg >= 4 && strncmp(at - 4, " id=", 4) == 0 && at[0] == '"');
}

/* Copies svg with its ids replaced by i0, i1, ... in order of appearance. ids hold pointers into
 * svg. The list is searched backwards: a name is used soon after it appears. */
static dnb_status add_renumbered(dnb_strbuf *b, const char *svg, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const char **seen = NULL;
    size_t n = 0, cap = 0;
    const char *from = svg;
    for (const char *p = svg; *p; p++) {
        if (!id_starts(svg, p) || id_length(p + 1) == 0)
            continue;
        size_t length = id_length(p + 1), k = n;
        while (k > 0 &&
               !(id_length(seen[k - 1]) == length && memcmp(seen[k - 1], p + 1, length) == 0))
            k--;
        if (k == 0) {
            if (n == cap) {
                cap = cap ? 2 * cap : 256;
                const char **grown = dnb_realloc(seen, cap, sizeof *seen);
                if (!grown) {
                    status = dnb_fail_memory(err, "SVG names", cap * sizeof *seen);
                    goto done;
                }
                seen = grown;
            }
            seen[n++] = p + 1;
            k = n;
        }
        dnb_strbuf_addn(b, from, (size_t)(p + 1 - from));
        dnb_strbuf_addf(b, "i%zu", k - 1);
        from = p + 1 + length;
        p += length;
    }
    dnb_strbuf_add(b, from);
done:
    dnb_free(seen);
    return status;
}

/* The whole SVG: cairo's drawing with ids renumbered and the provenance behind the opening tag. */
static dnb_status assemble_svg(dnb_strbuf *out, const char *drawn, const char *provenance,
                               const char *path, dnb_err *err)
{
    const char *open = strstr(drawn, "<svg");
    const char *body = open ? strchr(open, '>') : NULL;
    if (!body)
        return dnb_fail(err, DNB_EINTERNAL, "%s: cairo wrote no <svg> element", path);
    dnb_strbuf_addn(out, drawn, (size_t)(body + 1 - drawn));
    if (provenance) {
        dnb_strbuf_add(out, "\n<metadata>");
        add_escaped(out, provenance);
        dnb_strbuf_add(out, "</metadata>");
    }
    return add_renumbered(out, body + 1, err);
}

static dnb_status write_svg(const job *j, dnb_err *err)
{
    dnb_strbuf drawn = {0}, whole = {0};
    cairo_surface_t *svg =
        cairo_svg_surface_create_for_stream(put_text, &drawn, j->c->width, j->c->height);
    dnb_status status = draw_on(j, svg, 1, true, err);
    cairo_surface_finish(svg);
    cairo_status_t bad = drawn.failed ? CAIRO_STATUS_NO_MEMORY : cairo_surface_status(svg);
    cairo_surface_destroy(svg);
    DNB_TRY(status);
    if (bad != CAIRO_STATUS_SUCCESS || !drawn.text) {
        status = cairo_failed(j->path, bad, err);
        goto done;
    }
    DNB_TRY(assemble_svg(&whole, drawn.text, j->provenance, j->path, err));
    if (whole.failed) {
        status = dnb_fail_memory(err, j->path, drawn.len);
        goto done;
    }
    DNB_TRY(dnb_file_write(j->path, whole.text, whole.len, err));
done:
    dnb_strbuf_release(&drawn);
    dnb_strbuf_release(&whole);
    return status;
}

/* -----------------------------------------------------------------------------------------------------
 */

dnb_status dnb_canvas_run(const char *path, const dnb_figure_options *options, double default_mm,
                          dnb_draw_fn *draw, void *figure, dnb_err *err)
{
    dnb_canvas c;
    char *provenance = NULL;
    dnb_status status = dnb_canvas_init(&c, path, options, default_mm, err);
    if (status != DNB_OK)
        return status;
    if (options && options->provenance) {
        size_t size = 3 * strlen(options->provenance) + 1; /* bad bytes grow to three */
        DNB_NEW(provenance, size, "provenance");
        dnb_clean_text(provenance, size, options->provenance);
    }
    DNB_TRY(draw(&c, figure, err));
    c.measuring = false;
    job j = {&c, draw, figure, path, provenance};
    if (c.kind == DNB_FILE_PDF)
        status = write_pdf(&j, err);
    else if (c.kind == DNB_FILE_SVG)
        status = write_svg(&j, err);
    else
        status = write_raster(&j, err);
done:
    dnb_free(provenance);
    dnb_canvas_release(&c);
    return status;
}
