/* The page: primitives, text and the common style. */
#include "plot/canvas.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"

static const double degree = 3.14159265358979323846 / 180.0;

/* ---- making
 * ----------------------------------------------------------------------------------------- */

static dnb_style default_style(double font_pt)
{
    double s = font_pt / 7.0; /* everything keeps its proportion to the letters */
    return (dnb_style){.font = font_pt,
                       .title_font = 8.0 * s,
                       .small_font = 5.0 * s,
                       .line = 0.5,
                       .data_line = 1.0,
                       .tick = 2.2 * s,
                       .gap = 2.0 * s,
                       .marker = 1.9 * s,
                       .ink = {0.10, 0.10, 0.10, 1},
                       .muted = {0.40, 0.40, 0.40, 1},
                       .faint = {0.80, 0.80, 0.80, 1},
                       .null_band = {0.88, 0.88, 0.88, 1},
                       .ceiling = {0.99, 0.91, 0.74, 1},
                       .missing = {0.816, 0.816, 0.816, 1}};
}

dnb_file_kind dnb_file_kind_of(const char *path)
{
    static const struct {
        const char *suffix;
        dnb_file_kind kind;
    } known[] = {{".png", DNB_FILE_PNG},
                 {".jpg", DNB_FILE_JPEG},
                 {".jpeg", DNB_FILE_JPEG},
                 {".svg", DNB_FILE_SVG},
                 {".pdf", DNB_FILE_PDF}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (dnb_path_has_suffix(path, known[i].suffix))
            return known[i].kind;
    return DNB_FILE_NONE;
}

bool dnb_figure_can_write(const char *path)
{
    return dnb_file_kind_of(path) != DNB_FILE_NONE;
}

static dnb_status check_range(const char *what, double value, double low, double high, dnb_err *err)
{
    if (value == 0 || (value >= low && value <= high))
        return DNB_OK;
    return dnb_fail(err, DNB_EARG, "figure option %s is %g, expected %g to %g (0 for the default)",
                    what, value, low, high);
}

static dnb_status check_options(const char *path, const dnb_figure_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (dnb_file_kind_of(path) == DNB_FILE_NONE)
        return dnb_fail(err, DNB_EARG,
                        "%s: a figure's name must end in .png, .jpg, .jpeg, .svg or .pdf", path);
    DNB_TRY(dnb_path_check_parent(path, err));
    DNB_TRY(check_range("width_mm", o->width_mm, 30, 1000, err));
    DNB_TRY(check_range("dpi", o->dpi, 30, 1200, err));
    DNB_TRY(check_range("font_pt", o->font_pt, 4, 24, err));
done:
    return status;
}

typedef struct font_check {
    bool works;     /* an unusable face would put the whole drawing into its error state */
    bool has_minus; /* U+2212; cairo's built-in font, used where none is installed, lacks it */
} font_check;

static font_check try_font(const char *family)
{
    cairo_font_face_t *face =
        cairo_toy_font_face_create(family, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_matrix_t size, unit;
    cairo_matrix_init_scale(&size, 10, 10);
    cairo_matrix_init_identity(&unit);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_scaled_font_t *font = cairo_scaled_font_create(face, &size, &unit, options);
    cairo_text_extents_t letters = {0}, minus = {0}, missing = {0};
    cairo_scaled_font_text_extents(font, "Mg", &letters);
    cairo_scaled_font_text_extents(font, "\xe2\x88\x92", &minus);
    cairo_scaled_font_text_extents(font, "\xee\x80\x80", &missing); /* private use: in no font */
    font_check found = {
        .works = cairo_scaled_font_status(font) == CAIRO_STATUS_SUCCESS && letters.x_advance > 0,
        .has_minus = minus.width != missing.width || minus.height != missing.height};
    cairo_scaled_font_destroy(font);
    cairo_font_options_destroy(options);
    cairo_font_face_destroy(face);
    return found;
}

dnb_status dnb_canvas_init(dnb_canvas *c, const char *path, const dnb_figure_options *options,
                           double default_mm, dnb_err *err)
{
    static const dnb_figure_options none = {0};
    const dnb_figure_options *o = options ? options : &none;
    const char *family = o->font ? o->font : "DejaVu Sans";
    dnb_status status = check_options(path, o, err);
    if (status != DNB_OK)
        return status;
    font_check found = try_font(family);
    *c = (dnb_canvas){.measuring = true,
                      .style = default_style(o->font_pt > 0 ? o->font_pt : 7),
                      .width = (o->width_mm > 0 ? o->width_mm : default_mm) * DNB_PT_PER_MM,
                      .dpi = o->dpi > 0 ? o->dpi : 300,
                      .kind = dnb_file_kind_of(path),
                      .has_font = found.works,
                      .has_minus = found.has_minus};
    cairo_surface_t *nowhere = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    c->ruler = cairo_create(nowhere);
    cairo_surface_destroy(nowhere);
    c->cr = c->ruler;
    if (!c->has_font)
        return DNB_OK;
    /* Unhinted: the same layout at every resolution. */
    cairo_font_options_t *fonts = cairo_font_options_create();
    cairo_font_options_set_hint_metrics(fonts, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_hint_style(fonts, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_antialias(fonts, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(c->ruler, fonts);
    cairo_font_options_destroy(fonts);
    cairo_select_font_face(c->ruler, family, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    return DNB_OK;
}

void dnb_canvas_set_fonts(const dnb_canvas *c, cairo_t *cr)
{
    if (!c->has_font)
        return;
    cairo_font_options_t *fonts = cairo_font_options_create();
    cairo_get_font_options(c->ruler, fonts);
    cairo_set_font_options(cr, fonts);
    cairo_font_options_destroy(fonts);
    cairo_set_font_face(cr, cairo_get_font_face(c->ruler));
}

void dnb_canvas_release(dnb_canvas *c)
{
    cairo_destroy(c->ruler);
    c->cr = c->ruler = NULL;
}

/* ---- colours
 * ---------------------------------------------------------------------------------------- */

dnb_color dnb_series_color(size_t i)
{
    static const uint8_t base[8][3] = {{0, 114, 178},   {213, 94, 0},  {0, 158, 115},
                                       {204, 121, 167}, {230, 159, 0}, {86, 180, 233},
                                       {110, 80, 40},   {90, 90, 90}};
    dnb_color c = dnb_color_of(base[i % 8]);
    if (i / 8 % 3 == 1) /* the second eight darker, the third lighter */
        return (dnb_color){0.55 * c.r, 0.55 * c.g, 0.55 * c.b, 1};
    if (i / 8 % 3 == 2)
        return (dnb_color){0.5 + 0.5 * c.r, 0.5 + 0.5 * c.g, 0.5 + 0.5 * c.b, 1};
    return c;
}

dnb_color dnb_color_of(const uint8_t rgb[3])
{
    return (dnb_color){rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0, 1};
}

static void use_color(dnb_canvas *c, dnb_color color)
{
    cairo_set_source_rgba(c->cr, color.r, color.g, color.b, color.a);
}

/* ---- primitives
 * ------------------------------------------------------------------------------------- */

static bool is_raster(const dnb_canvas *c)
{
    return c->kind == DNB_FILE_PNG || c->kind == DNB_FILE_JPEG;
}

double dnb_snap(const dnb_canvas *c, double x)
{
    if (!is_raster(c))
        return x;
    double scale = c->dpi / 72.0;
    return floor(x * scale + 0.5) / scale;
}

dnb_rect dnb_snap_rect(const dnb_canvas *c, dnb_rect r)
{
    dnb_rect s = {dnb_snap(c, r.x), dnb_snap(c, r.y), 0, 0};
    s.w = dnb_snap(c, r.x + r.w) - s.x;
    s.h = dnb_snap(c, r.y + r.h) - s.y;
    return s;
}

void dnb_canvas_line(dnb_canvas *c, double x0, double y0, double x1, double y1, double width,
                     dnb_color color)
{
    use_color(c, color);
    cairo_set_line_width(c->cr, width);
    cairo_move_to(c->cr, x0, y0);
    cairo_line_to(c->cr, x1, y1);
    cairo_stroke(c->cr);
}

void dnb_canvas_fill(dnb_canvas *c, dnb_rect r, dnb_color color)
{
    use_color(c, color);
    cairo_rectangle(c->cr, r.x, r.y, r.w, r.h);
    cairo_fill(c->cr);
}

void dnb_canvas_frame(dnb_canvas *c, dnb_rect r, double width, dnb_color color)
{
    use_color(c, color);
    cairo_set_line_width(c->cr, width);
    cairo_rectangle(c->cr, r.x, r.y, r.w, r.h);
    cairo_stroke(c->cr);
}

void dnb_canvas_hatch(dnb_canvas *c, dnb_rect r, dnb_color color)
{
    double step = 2.0;
    cairo_save(c->cr);
    cairo_rectangle(c->cr, r.x, r.y, r.w, r.h);
    cairo_clip(c->cr);
    use_color(c, color);
    cairo_set_line_width(c->cr, 0.35);
    /* x + y constant along a line, and a multiple of step, so neighbouring cells join up */
    double last = r.x + r.w + r.y + r.h;
    for (double k = ceil((r.x + r.y) / step) * step; k < last; k += step) {
        cairo_move_to(c->cr, k - r.y, r.y);
        cairo_line_to(c->cr, k - r.y - r.h, r.y + r.h);
    }
    cairo_stroke(c->cr);
    cairo_restore(c->cr);
}

static void marker_path(cairo_t *cr, double x, double y, int shape, double r)
{
    static const double corner[4][4][2] = {{{-0.9, -0.9}, {0.9, -0.9}, {0.9, 0.9}, {-0.9, 0.9}},
                                           {{0, -1.2}, {1.1, 0.8}, {-1.1, 0.8}, {0, -1.2}},
                                           {{0, -1.25}, {1.25, 0}, {0, 1.25}, {-1.25, 0}},
                                           {{0, 1.2}, {1.1, -0.8}, {-1.1, -0.8}, {0, 1.2}}};
    cairo_new_path(cr);
    if (shape % 5 == 0) {
        cairo_arc(cr, x, y, r, 0, 360 * degree);
    } else {
        for (int i = 0; i < 4; i++)
            cairo_line_to(cr, x + r * corner[shape % 5 - 1][i][0],
                          y + r * corner[shape % 5 - 1][i][1]);
    }
    cairo_close_path(cr);
}

void dnb_canvas_marker(dnb_canvas *c, double x, double y, int shape, double radius, bool filled,
                       dnb_color color)
{
    marker_path(c->cr, x, y, shape, radius);
    use_color(c, filled ? color : (dnb_color){1, 1, 1, 1});
    cairo_fill_preserve(c->cr);
    use_color(c, color);
    cairo_set_line_width(c->cr, 0.7);
    cairo_stroke(c->cr);
}

/* How many times a picture is enlarged, pixel by pixel, before cairo scales it. On pixels: not at
 * all when they are much finer than the picture's (then the nearest one is taken), three times when
 * they are alike (then averaging keeps the pictures' pixels square). In vectors: enough that a
 * viewer which smooths images cannot blur the edges. */
static size_t enlargement(const dnb_canvas *c, dnb_rect r, size_t rows, size_t cols)
{
    size_t side = rows > cols ? rows : cols;
    double fine = fmin(r.w / (double)cols, r.h / (double)rows) * c->dpi / 72.0;
    if (is_raster(c))
        return fine >= 3 || fine < 1 || side > 4096 ? 1 : 3;
    return side > 600 ? 1 : (600 + side - 1) / side;
}

static cairo_surface_t *image_of(const uint8_t *rgb, size_t rows, size_t cols, size_t k)
{
    cairo_surface_t *image =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(cols * k), (int)(rows * k));
    unsigned char *data = cairo_image_surface_get_data(image);
    if (!data)
        return image; /* in its error state, which passes on to whoever draws it */
    size_t stride = (size_t)cairo_image_surface_get_stride(image);
    for (size_t i = 0; i < rows * k; i++)
        for (size_t j = 0; j < cols * k; j++) {
            const uint8_t *p = rgb + 3 * (i / k * cols + j / k);
            uint32_t pixel = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
            memcpy(data + i * stride + 4 * j, &pixel, 4);
        }
    cairo_surface_mark_dirty(image);
    return image;
}

void dnb_canvas_image(dnb_canvas *c, dnb_rect r, const uint8_t *rgb, size_t rows, size_t cols,
                      double opacity)
{
    if (c->measuring || rows == 0 || cols == 0 || rows > 32000 || cols > 32000)
        return;
    r = dnb_snap_rect(c, r);
    size_t k = enlargement(c, r, rows, cols);
    cairo_surface_t *image = image_of(rgb, rows, cols, k);
    double sx = r.w / (double)(cols * k), sy = r.h / (double)(rows * k);
    cairo_save(c->cr);
    cairo_rectangle(c->cr, r.x, r.y, r.w, r.h);
    cairo_clip(c->cr);
    cairo_translate(c->cr, r.x, r.y);
    cairo_scale(c->cr, sx, sy);
    cairo_set_source_surface(c->cr, image, 0, 0);
    cairo_pattern_t *source = cairo_get_source(c->cr);
    bool shrinks = fmin(sx, sy) * c->dpi / 72.0 < 1; /* then average, do not sample */
    cairo_pattern_set_filter(source, shrinks ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST);
    /* Pixels: no blending with the paper at the border. Vectors: a plain image, as cairo would
     * write a padded one into SVG as a fill pattern over a boundless plane, which some viewers
     * cannot show. */
    if (is_raster(c))
        cairo_pattern_set_extend(source, CAIRO_EXTEND_PAD);
    if (opacity < 1)
        cairo_paint_with_alpha(c->cr, opacity);
    else
        cairo_paint(c->cr);
    cairo_restore(c->cr);
    cairo_surface_destroy(image);
}

/* ---- text
 * ------------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at s, 0 when it is malformed, overlong or a surrogate. */
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    if (s[0] >= 0xf5)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

/* cairo refuses bad UTF-8 for good, so texts pass through here; control characters become spaces.
 */
void dnb_clean_text(char *out, size_t size, const char *s)
{
    size_t len = 0;
    for (const unsigned char *p = (const unsigned char *)s; *p;) {
        size_t n = utf8_length(p);
        const char *put = n ? (const char *)p : "\xef\xbf\xbd";
        size_t width = n ? n : 3;
        if (*p < 0x20 || *p == 0x7f)
            put = " ";
        if (len + width + 1 > size)
            break;
        memcpy(out + len, put, width);
        len += width;
        p += n ? n : 1;
    }
    out[len] = '\0';
}

static void replace_all(char *s, const char *from, char to)
{
    size_t n = strlen(from);
    for (char *p = strstr(s, from); p; p = strstr(p, from)) {
        *p = to;
        memmove(p + 1, p + n, strlen(p + n) + 1);
    }
}

/* Text as it can be shown: valid, and without the two signs of our own that a poor font lacks. */
static void prepare_text(const dnb_canvas *c, char *out, size_t size, const char *s)
{
    dnb_clean_text(out, size, s);
    if (c->has_minus)
        return;
    replace_all(out, "\xe2\x88\x92", '-');
    replace_all(out, "\xe2\x80\xa6", '~');
}

static void set_font(cairo_t *cr, double size, bool bold)
{
    cairo_font_face_t *now = cairo_get_font_face(cr);
    cairo_font_weight_t weight = bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL;
    if (cairo_toy_font_face_get_weight(now) != weight) {
        cairo_font_face_t *face = cairo_toy_font_face_create(cairo_toy_font_face_get_family(now),
                                                             CAIRO_FONT_SLANT_NORMAL, weight);
        cairo_set_font_face(cr, face);
        cairo_font_face_destroy(face);
    }
    cairo_set_font_size(cr, size);
}

double dnb_text_width(dnb_canvas *c, const char *s, double size, bool bold)
{
    char clean[512];
    cairo_text_extents_t e = {0};
    if (!s || !c->has_font)
        return 0;
    prepare_text(c, clean, sizeof clean, s);
    set_font(c->ruler, size, bold);
    cairo_text_extents(c->ruler, clean, &e);
    return e.x_advance;
}

void dnb_canvas_text(dnb_canvas *c, double x, double y, const char *s, dnb_text t)
{
    char clean[512];
    if (!s || !*s || !c->has_font)
        return;
    prepare_text(c, clean, sizeof clean, s);
    double size = t.size > 0 ? t.size : c->style.font;
    double width = dnb_text_width(c, clean, size, t.bold);
    double dx = t.align == 'l' ? 0 : t.align == 'r' ? -width : -width / 2;
    /* Centred on the middle of digits and capitals, the same for every text of a row. */
    double dy = t.valign == 'b' ? 0 : t.valign == 't' ? 0.76 * size : 0.36 * size;
    cairo_save(c->cr);
    set_font(c->cr, size, t.bold);
    cairo_translate(c->cr, x, y);
    cairo_rotate(c->cr, -t.angle * degree);
    cairo_move_to(c->cr, dx, dy);
    use_color(c, t.color ? *t.color : c->style.ink);
    cairo_show_text(c->cr, clean);
    cairo_restore(c->cr);
    cairo_new_path(c->cr);
}

const char *dnb_text_fit(dnb_canvas *c, const char *s, double size, bool bold, double max_width,
                         char *buf, size_t buf_size)
{
    char clean[512];
    dnb_clean_text(clean, sizeof clean < buf_size ? sizeof clean : buf_size, s ? s : "");
    memcpy(buf, clean, strlen(clean) + 1);
    size_t len = strlen(clean), head = len, tail = len;
    /* Takes characters from the middle, keeping the end, which tells conv3_1 from conv3_2. */
    while (dnb_text_width(c, buf, size, bold) > max_width && len > 1) {
        if (head == len)
            head = tail = len / 2;
        else if (head >= len - tail && head > 0)
            head--;
        else
            tail++;
        while (head > 0 && ((unsigned char)clean[head] & 0xc0) == 0x80)
            head--;
        while (tail < len && ((unsigned char)clean[tail] & 0xc0) == 0x80)
            tail++;
        if (head + 3 + (len - tail) + 1 > buf_size)
            continue;
        memcpy(buf, clean, head);
        memcpy(buf + head, "\xe2\x80\xa6", 3);
        memcpy(buf + head + 3, clean + tail, len - tail + 1);
        if (head == 0 && tail >= len)
            break;
    }
    return buf;
}
