/* BMP: Windows headers of 40, 108 and 124 bytes and OS/2 ones of 12 and 64; 1, 4, 8 (palette, plain
 * or run-length coded), 16, 24 and 32 bits a pixel; bottom-up or top-down. Layouts after
 * Microsoft's "Bitmap Storage"; which of them are read, and the widening of 5 and 6 bits, follow
 * Pillow. */
#include "media/image_codecs.h"

#include <string.h>

enum { RAW = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3, FILE_HEADER = 14 };

typedef struct bmp {
    const dnb_blob *in;
    uint32_t header; /* bytes of the second header */
    size_t width, height;
    bool top_down;
    unsigned bits;
    uint32_t compression;
    size_t offset;  /* of the pixels */
    size_t palette; /* where the palette stands */
    uint64_t colours;
    unsigned entry;           /* bytes of a palette entry */
    uint8_t rgb[256][3];      /* palette */
    uint8_t lane[3];          /* 24/32 bits: byte of a pixel that holds R, G, B */
    unsigned shift_r, bits_g; /* 16 bits: 5-5-5 or 5-6-5 */
    dnb_image *out;
} bmp;

static unsigned get16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static dnb_status truncated(const bmp *b, dnb_err *err)
{
    return dnb_fail(err, DNB_EFORMAT, "%s: truncated BMP: ends within its header", b->in->name);
}

/* 5-6-5 or 5-5-5, or which byte holds which colour; masks other than the usual ones are refused. */
static dnb_status set_masks(bmp *b, uint32_t r, uint32_t g, uint32_t blue, uint32_t a, dnb_err *err)
{
    static const struct {
        unsigned bits;
        uint32_t r, g, b, a;
        uint8_t lane[3];
    } layouts[] = {
        {32, 0xff0000, 0xff00, 0xff, 0, {2, 1, 0}},
        {32, 0xff0000, 0xff00, 0xff, 0xff000000, {2, 1, 0}},
        {32, 0, 0, 0, 0, {2, 1, 0}},
        {32, 0xff000000, 0xff0000, 0xff00, 0, {3, 2, 1}},
        {32, 0xff000000, 0xff0000, 0xff00, 0xff, {3, 2, 1}},
        {32, 0xff, 0xff00, 0xff0000, 0xff000000, {0, 1, 2}},
        {24, 0xff0000, 0xff00, 0xff, 0, {2, 1, 0}},
        {16, 0xf800, 0x7e0, 0x1f, 0, {11, 6, 0}},
        {16, 0x7c00, 0x3e0, 0x1f, 0, {10, 5, 0}},
    };
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        if (layouts[i].bits != b->bits || layouts[i].r != r || layouts[i].g != g ||
            layouts[i].b != blue || (b->bits == 32 && layouts[i].a != a))
            continue;
        memcpy(b->lane, layouts[i].lane, 3);
        b->shift_r = layouts[i].lane[0];
        b->bits_g = layouts[i].lane[1];
        return DNB_OK;
    }
    return dnb_fail(err, DNB_EUNSUPPORTED,
                    "%s: BMP of %u bits with colour masks %08x %08x %08x %08x; save it as 24 bits",
                    b->in->name, b->bits, (unsigned)r, (unsigned)g, (unsigned)blue, (unsigned)a);
}

/* Colour masks stand in a long header, or behind a 40-byte one (then without alpha). */
static dnb_status read_masks(bmp *b, const uint8_t *h, dnb_err *err)
{
    size_t end = FILE_HEADER + (size_t)b->header;
    if (b->compression != BITFIELDS) {
        if (b->bits == 16)
            return set_masks(b, 0x7c00, 0x3e0, 0x1f, 0, err);
        return b->bits > 16 ? set_masks(b, 0xff0000, 0xff00, 0xff, 0, err) : DNB_OK;
    }
    if (b->header >= 56)
        return set_masks(b, get32(h + 40), get32(h + 44), get32(h + 48), get32(h + 52), err);
    if (b->in->size < end + 12)
        return truncated(b, err);
    b->palette += 12;
    const uint8_t *m = b->in->data + end;
    return set_masks(b, get32(m), get32(m + 4), get32(m + 8), 0, err);
}

static dnb_status check_coding(const bmp *b, dnb_err *err)
{
    bool known = b->compression == RAW || b->compression == BITFIELDS ||
                 (b->compression == RLE8 && b->bits == 8) ||
                 (b->compression == RLE4 && b->bits == 4);
    bool depth = b->bits == 1 || b->bits == 4 || b->bits == 8 || b->bits == 16 || b->bits == 24 ||
                 b->bits == 32;
    if (!known || !depth)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: BMP of %u bits a pixel with compression %u; save it as 24 bits",
                        b->in->name, b->bits, (unsigned)b->compression);
    return DNB_OK;
}

static dnb_status read_header(bmp *b, dnb_err *err)
{
    const uint8_t *h = b->in->data + FILE_HEADER;
    if (b->in->size < FILE_HEADER + 4)
        return truncated(b, err);
    b->header = get32(h);
    if (b->header != 12 && b->header != 40 && b->header != 64 && b->header != 108 &&
        b->header != 124)
        return dnb_fail(err, DNB_EUNSUPPORTED, "%s: BMP with an unknown header of %u bytes",
                        b->in->name, (unsigned)b->header);
    if (b->in->size < FILE_HEADER + (size_t)b->header)
        return truncated(b, err);
    b->offset = get32(b->in->data + 10);
    b->palette = FILE_HEADER + b->header;
    if (b->header == 12) {
        b->width = get16(h + 4);
        b->height = get16(h + 6);
        b->bits = get16(h + 10);
        b->entry = 3;
    } else {
        uint32_t height = get32(h + 8);
        b->top_down = height >> 31;
        b->width = get32(h + 4);
        b->height = b->top_down ? 0 - height : height;
        b->bits = get16(h + 14);
        b->compression = get32(h + 16);
        b->colours = get32(h + 32);
        b->entry = 4;
    }
    dnb_status status = check_coding(b, err);
    return status == DNB_OK ? read_masks(b, h, err) : status;
}

/* Blue, green, red(, unused). Entries the file lacks are grey, as in Pillow. Sets where pixels
 * begin when the header does not say, or says what some writers do: where the palette begins. */
static void read_palette(bmp *b)
{
    uint64_t n = b->colours ? b->colours : (uint64_t)1 << b->bits;
    if (b->offset == FILE_HEADER + (size_t)b->header && b->bits <= 8)
        b->offset += 4 * n < b->in->size ? (size_t)(4 * n) : b->in->size;
    for (int i = 0; i < 256; i++)
        memset(b->rgb[i], i, 3);
    size_t at = b->palette;
    if (b->bits <= 8) {
        for (size_t i = 0; i < n && i < 256 && b->in->size - at >= b->entry; i++, at += b->entry)
            for (int c = 0; c < 3; c++)
                b->rgb[i][c] = b->in->data[at + 2 - (size_t)c];
        if (n > 256)
            at = b->palette; /* absurd count: no place to derive from it */
    }
    if (b->offset == 0)
        b->offset = at;
}

static uint8_t *row_of(const bmp *b, size_t y)
{
    size_t from_top = b->top_down ? y : b->height - 1 - y;
    return b->out->data + from_top * b->width * 3;
}

static void put_indexed(const bmp *b, uint8_t *rgb, const uint8_t *src)
{
    unsigned per_byte = 8 / b->bits, mask = (1u << b->bits) - 1;
    for (size_t x = 0; x < b->width; x++) {
        unsigned shift = (per_byte - 1 - x % per_byte) * b->bits;
        memcpy(rgb + 3 * x, b->rgb[src[x / per_byte] >> shift & mask], 3);
    }
}

static void put_16(const bmp *b, uint8_t *rgb, const uint8_t *src)
{
    unsigned mask_g = (1u << b->bits_g) - 1;
    for (size_t x = 0; x < b->width; x++, rgb += 3, src += 2) {
        unsigned v = get16(src);
        rgb[0] = (uint8_t)((v >> b->shift_r & 31) * 255 / 31);
        rgb[1] = (uint8_t)((v >> 5 & mask_g) * 255 / mask_g);
        rgb[2] = (uint8_t)((v & 31) * 255 / 31);
    }
}

static void put_bytes(const bmp *b, uint8_t *rgb, const uint8_t *src)
{
    for (size_t x = 0; x < b->width; x++, rgb += 3, src += b->bits / 8)
        for (int c = 0; c < 3; c++)
            rgb[c] = src[b->lane[c]];
}

/* Rows are padded to 4 bytes; the last row's padding may be missing. */
static size_t row_bytes(const bmp *b)
{
    return (b->width * b->bits + 7) / 8;
}

static size_t row_stride(const bmp *b)
{
    return (row_bytes(b) + 3) & ~(size_t)3;
}

static dnb_status check_plain(const bmp *b, dnb_err *err)
{
    size_t used = row_bytes(b);
    size_t left = b->offset < b->in->size ? b->in->size - b->offset : 0;
    size_t rows = left < used ? 0 : (left - used) / row_stride(b) + 1;
    if (rows < b->height)
        return dnb_fail(err, DNB_EFORMAT, "%s: truncated BMP: holds %zu of %zu rows", b->in->name,
                        rows, b->height);
    return DNB_OK;
}

static void read_plain(const bmp *b)
{
    for (size_t y = 0; y < b->height; y++) {
        const uint8_t *src = b->in->data + b->offset + y * row_stride(b);
        if (b->bits <= 8)
            put_indexed(b, row_of(b, y), src);
        else if (b->bits == 16)
            put_16(b, row_of(b, y), src);
        else
            put_bytes(b, row_of(b, y), src);
    }
}

/* Where the next run goes. Pixels that runs skip are colour 0; what a run holds beyond its row is
 * dropped. (Pillow 9.4 loses its place at a jump, at an empty row, and after an uncompressed 4-bit
 * run of odd length; there we follow the format.) */
typedef struct cursor {
    const bmp *b;
    size_t x, y;
    bool dry; /* only move */
} cursor;

/* Two 4-bit colours or one 8-bit colour a byte; the one byte is repeated when repeat is set. */
static void put_run(cursor *c, const uint8_t *bytes, size_t n, bool repeat)
{
    bool four = c->b->bits == 4;
    size_t room = c->x < c->b->width ? c->b->width - c->x : 0;
    if (n > room)
        n = room;
    if (!c->dry && n > 0) {
        uint8_t *rgb = row_of(c->b, c->y) + 3 * c->x;
        for (size_t i = 0; i < n; i++, rgb += 3) {
            unsigned v = bytes[repeat ? 0 : four ? i / 2 : i];
            if (four)
                v = i % 2 == 0 ? v >> 4 : v & 15;
            memcpy(rgb, c->b->rgb[v], 3);
        }
    }
    c->x += n;
}

static bool rle_done(const cursor *c)
{
    return c->y >= c->b->height || (c->y == c->b->height - 1 && c->x >= c->b->width);
}

/* Runs until the picture is full, the end code, or the end of the file. */
static void read_runs(cursor *c)
{
    const uint8_t *p = c->b->in->data + c->b->offset, *end = c->b->in->data + c->b->in->size;
    while (!rle_done(c) && end - p >= 2) {
        size_t count = p[0], value = p[1];
        p += 2;
        if (count) {
            put_run(c, p - 1, count, true);
        } else if (value == 0) {
            c->x = 0;
            c->y++;
        } else if (value == 1) {
            return;
        } else if (value == 2) {
            if (end - p < 2)
                return;
            c->x += p[0];
            c->y += p[1];
            p += 2;
        } else {
            size_t bytes = c->b->bits == 4 ? (value + 1) / 2 : value;
            if ((size_t)(end - p) < bytes)
                return;
            put_run(c, p, value, false);
            p += bytes;
            if (bytes % 2 && p < end)
                p++;
        }
    }
}

/* A walk without pixels, so that a short file fails before memory is taken for its picture. */
static dnb_status check_rle(const bmp *b, dnb_err *err)
{
    cursor c = {.b = b, .dry = true};
    if (b->offset < b->in->size)
        read_runs(&c);
    if (!rle_done(&c))
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: truncated BMP: runs end in row %zu of %zu, column %zu of %zu",
                        b->in->name, c.y, b->height, c.x, b->width);
    return DNB_OK;
}

/* Doubles what is filled, so that a picture of one colour costs a copy. */
static void fill(uint8_t *dst, size_t pixels, const uint8_t *rgb)
{
    memcpy(dst, rgb, 3);
    for (size_t done = 1; done < pixels;) {
        size_t n = done < pixels - done ? done : pixels - done;
        memcpy(dst + 3 * done, dst, 3 * n);
        done += n;
    }
}

static void read_rle(const bmp *b)
{
    cursor c = {.b = b};
    fill(b->out->data, b->width * b->height, b->rgb[0]);
    read_runs(&c);
}

dnb_status dnb_bmp_decode(dnb_image *out, const dnb_blob *in, dnb_err *err)
{
    bmp b = {.in = in, .out = out};
    dnb_status status = read_header(&b, err);
    if (status == DNB_OK)
        status = dnb_image_check_size(in, b.width, b.height, err);
    if (status != DNB_OK)
        return status;
    bool rle = b.compression == RLE8 || b.compression == RLE4;
    read_palette(&b);
    status = rle ? check_rle(&b, err) : check_plain(&b, err);
    if (status == DNB_OK)
        status = dnb_image_init_for(out, in, b.width, b.height, err);
    if (status == DNB_OK && rle)
        read_rle(&b);
    else if (status == DNB_OK)
        read_plain(&b);
    return status;
}
