/* All pairs of rows: tiles, slabs and threads. See sweep.h for what is promised.
 *
 * Columns are cut into chunks of DNB_PANEL. When there are few tile pairs, S slabs share the chunks
 * (chunk c goes to slab c % S), each slab with its own accumulators, added in slab order at the
 * end. A task is (tile pair, slab); it walks its chunks in ascending order whatever the pieces the
 * source came in. Packing a float32 panel takes a quarter of the time of its products, so with
 * several tiles a stripe of columns is packed once for all pairs. */
#include "array/sweep.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <string.h>

#include "array/gram_single.h"
#include "array/panel.h"
#include "array/rows_load.h"
#include "base/mem.h"
#include "base/progress.h"

enum { TASKS_WANTED = 32, MOST_ROWS = 1 << 28, GROUP = 4, MERGE = 4096, TILES_PACKED = 3 };

size_t dnb_sweep_tile(const dnb_rows *x, size_t largest, size_t n_acc, size_t memory)
{
    size_t n = x->n, tiles = (n + largest - 1) / largest, even = (n + tiles - 1) / tiles;
    size_t tile = (even + 3) / 4 * 4;
    if (x->data || !x->whole_rows)
        return tile;
    /* Two blocks of at least one tile of whole rows must fit beside the accumulators and their
     * slabs. */
    double acc =
        (0.5 * (double)n * (double)n + (double)(n * tile)) * (double)(n_acc * sizeof(double)) * 1.1;
    double left = 0.9 * (double)memory - acc, row = 2.0 * (double)(x->d * dnb_dtype_size(x->dtype));
    while (tile > 4 && (double)tile * row > left)
        tile = tile / 8 * 4 > 4 ? tile / 8 * 4 : 4;
    return tile;
}

size_t dnb_tile_pair_count(size_t n_tiles)
{
    return n_tiles * (n_tiles + 1) / 2;
}

size_t dnb_tile_pair_index(size_t n_tiles, size_t ti, size_t tj)
{
    return ti * n_tiles - ti * (ti + 1) / 2 + tj;
}

double *dnb_pair_tiles_block(const dnb_pair_tiles *t, size_t q)
{
    return t->acc + q * t->n_acc * t->tile * t->tile;
}

double dnb_pair_tiles_get(const dnb_pair_tiles *t, size_t i, size_t j, size_t c)
{
    size_t ti = i / t->tile, tj = j / t->tile;
    const double *block = dnb_pair_tiles_block(t, dnb_tile_pair_index(t->n_tiles, ti, tj));
    return block[c * t->tile * t->tile + (i - ti * t->tile) * t->tile + (j - tj * t->tile)];
}

void dnb_pair_tiles_release(dnb_pair_tiles *t)
{
    dnb_free(t->acc);
    *t = (dnb_pair_tiles){0};
}

/* Everything a sweep holds while it runs. */
typedef struct sweep_state {
    const dnb_sweep *s;
    size_t n_tiles, n_pairs, n_slabs, acc_size; /* acc_size: doubles of one slab */
    double *acc;                                /* n_slabs x acc_size */
    double *sums;                               /* n_slabs x n, NULL unless row sums are wanted */
    double *panels;                             /* per thread: two panels */
    double *centre;                             /* column shift of the current piece */
    size_t centre_size;
    float *packed;      /* all tiles of a stripe, chunk after chunk of each; NULL = per task */
    size_t (*pairs)[2]; /* tile pair number -> (ti, tj) */
    int n_threads;
} sweep_state;

static void state_release(sweep_state *st)
{
    dnb_free(st->acc);
    dnb_free(st->sums);
    dnb_free(st->panels);
    dnb_free(st->centre);
    dnb_free(st->packed);
    dnb_free(st->pairs);
}

/* Doubles that hold a thread's two panels, be they packed or not. */
static size_t panel_size(const dnb_sweep *s)
{
    size_t wide = 2 * s->tile * DNB_PANEL, packed = dnb_single_size(s->tile);
    return wide > packed ? wide : packed;
}

/* Everything that follows from sizes alone. */
static void state_sizes(sweep_state *st, const dnb_sweep *s)
{
    size_t groups = (s->x->d + GROUP * DNB_PANEL - 1) / (GROUP * DNB_PANEL);
    *st = (sweep_state){.s = s, .n_threads = dnb_threads_get()};
    st->n_tiles = (s->x->n + s->tile - 1) / s->tile;
    st->n_pairs = dnb_tile_pair_count(st->n_tiles);
    st->n_slabs = (TASKS_WANTED + st->n_pairs - 1) / st->n_pairs;
    if (st->n_slabs > groups)
        st->n_slabs = groups;
    st->acc_size = s->tile * s->tile * s->n_acc * st->n_pairs; /* see dnb_pairs_check */
}

static dnb_status state_init(sweep_state *st, const dnb_sweep *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = s->x->n, total = 0, panels;
    state_sizes(st, s);
    if (!dnb_mul_size(&total, st->acc_size, st->n_slabs * sizeof(double)) || total > s->memory)
        return dnb_fail(err, DNB_ENOMEM,
                        "%s of %zu rows need %.1f MB of memory, more than the %.1f MB allowed; use "
                        "fewer rows or raise the memory budget",
                        s->what, n, 8e-6 * (double)st->acc_size * (double)st->n_slabs,
                        1e-6 * (double)s->memory);
    DNB_NEW(st->acc, st->acc_size * st->n_slabs, s->what);
    if (s->row_sum)
        DNB_NEW(st->sums, n * st->n_slabs, s->what);
    panels = (size_t)st->n_threads * panel_size(s);
    st->panels = dnb_alloc_aligned(panels, sizeof(double));
    if (!st->panels) {
        status = dnb_fail_memory(err, s->what, panels * sizeof(double));
        goto done;
    }
    memset(st->panels, 0, panels * sizeof(double));
    DNB_NEW(st->pairs, st->n_pairs, s->what);
    for (size_t ti = 0, q = 0; ti < st->n_tiles; ti++)
        for (size_t tj = ti; tj < st->n_tiles; tj++, q++) {
            st->pairs[q][0] = ti;
            st->pairs[q][1] = tj;
        }
done:
    if (status != DNB_OK)
        state_release(st);
    return status;
}

/* Rows first.. of the whole matrix, columns c.. of the piece, into a panel; adds to their sums. */
static void fill_panel(const sweep_state *st, void *panel, const dnb_piece *p, size_t first,
                       size_t count, size_t c, size_t k, double *sums)
{
    const dnb_sweep *s = st->s;
    if (s->single) {
        dnb_single_pack(panel, p, first, count, c, k, s->row_shift ? s->row_shift + first : NULL,
                        s->centre_columns ? st->centre + c : NULL, sums ? sums + first : NULL);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double *x = (double *)panel + i * DNB_PANEL;
        size_t row = first + i;
        dnb_panel_prefetch(p, row - p->row + DNB_PREFETCH_ROWS, c, k);
        double sum =
            dnb_panel_load(x, p, row - p->row, c, k, s->row_shift ? s->row_shift[row] : 0.0,
                           s->row_scale ? s->row_scale[row] : 1.0);
        if (s->indicator)
            dnb_panel_indicator(x, k);
        if (s->centre_columns)
            dnb_panel_sub(x, st->centre + c, k);
        else if (s->col_shift)
            dnb_panel_sub(x, s->col_shift + p->col + c, k);
        if (s->col_scale)
            dnb_panel_mul(x, s->col_scale + p->col + c, k);
        if (sums)
            sums[row] += sum;
    }
}

static size_t rows_of_tile(const sweep_state *st, size_t t)
{
    size_t first = t * st->s->tile, left = st->s->x->n - first;
    return left < st->s->tile ? left : st->s->tile;
}

static size_t chunks_of(size_t columns)
{
    return (columns + DNB_PANEL - 1) / DNB_PANEL;
}

/* Slab of the chunk that begins with that column of the matrix. */
static size_t slab_of(const sweep_state *st, size_t col)
{
    return col / (GROUP * DNB_PANEL) % st->n_slabs;
}

/* Where a tile's chunk from column c of a piece of d columns is packed. */
static float *packed_at(const sweep_state *st, size_t tile, size_t c, size_t d)
{
    return st->packed + (tile * chunks_of(d) + c / DNB_PANEL) * dnb_single_size(st->s->tile);
}

/* Every panel of a piece that holds all rows. */
static void pack_piece(sweep_state *st, const dnb_piece *p)
{
    size_t chunks = chunks_of(p->d);
#pragma omp parallel for schedule(dynamic) num_threads(st->n_threads)
    for (size_t tile = 0; tile < st->n_tiles; tile++)
        for (size_t i = 0; i < chunks; i++) {
            size_t c = i * DNB_PANEL, k = p->d - c < DNB_PANEL ? p->d - c : DNB_PANEL;
            size_t slab = slab_of(st, p->col + c);
            fill_panel(st, packed_at(st, tile, c, p->d), p, tile * st->s->tile,
                       rows_of_tile(st, tile), c, k,
                       st->sums ? st->sums + slab * st->s->x->n : NULL);
        }
}

/* One task: a tile pair over the chunks of one slab within the pieces (b holds tj's rows; b == a
 * mostly). */
static void run_task(sweep_state *st, size_t q, size_t slab, const dnb_piece *a, const dnb_piece *b,
                     double *panels)
{
    const dnb_sweep *s = st->s;
    size_t ti = st->pairs[q][0], tj = st->pairs[q][1], T = s->tile;
    dnb_panels p = {.na = rows_of_tile(st, ti), .nb = rows_of_tile(st, tj), .same = ti == tj};
    float *single = (float *)panels;
    void *pa = panels, *pb = panels + T * DNB_PANEL;
    if (s->single)
        pb = single + dnb_single_size(T);
    if (p.same)
        pb = pa;
    double *acc = st->acc + slab * st->acc_size + q * s->n_acc * T * T;
    double *sums = st->sums && p.same ? st->sums + slab * s->x->n : NULL;
    if (s->single) {
        p.a32 = pa;
        p.b32 = pb;
    } else {
        p.a = pa;
        p.b = pb;
    }
    for (size_t c = 0; c < a->d; c += DNB_PANEL) {
        if (slab_of(st, a->col + c) != slab)
            continue;
        p.k = a->d - c < DNB_PANEL ? a->d - c : DNB_PANEL;
        if (st->packed) {
            p.a32 = packed_at(st, ti, c, a->d);
            p.b32 = packed_at(st, tj, c, a->d);
        } else {
            fill_panel(st, pa, a, ti * T, p.na, c, p.k, sums);
            if (!p.same)
                fill_panel(st, pb, b, tj * T, p.nb, c, p.k, NULL);
        }
        s->kernel(acc, T, &p, s->ctx);
    }
}

/* Column means over the rows of a piece, for centre_columns. */
static void find_centre(sweep_state *st, const dnb_piece *p)
{
    const dnb_sweep *s = st->s;
#pragma omp parallel for schedule(static) num_threads(st->n_threads)
    for (size_t c = 0; c < p->d; c += DNB_PANEL) {
        double sum[DNB_PANEL] = {0}, count[DNB_PANEL] = {0}, x[DNB_PANEL];
        size_t k = p->d - c < DNB_PANEL ? p->d - c : DNB_PANEL;
        for (size_t i = 0; i < p->n; i++) {
            size_t row = p->row + i;
            dnb_panel_prefetch(p, i + DNB_PREFETCH_ROWS, c, k);
            dnb_panel_load(x, p, i, c, k, s->row_shift ? s->row_shift[row] : 0.0,
                           s->row_scale ? s->row_scale[row] : 1.0);
            dnb_panel_add_finite(sum, count, x, k);
        }
        for (size_t j = 0; j < k; j++)
            st->centre[c + j] = count[j] > 0 ? sum[j] / count[j] : 0.0;
    }
}

/* All tasks whose tile pairs have their rows in a and b. */
static void run_pieces(sweep_state *st, const dnb_piece *a, const dnb_piece *b)
{
    const dnb_sweep *s = st->s;
    size_t T = s->tile, tasks = st->n_pairs * st->n_slabs;
#pragma omp parallel for schedule(dynamic) num_threads(st->n_threads)
    for (size_t t = 0; t < tasks; t++) {
        size_t q = t / st->n_slabs, ri = st->pairs[q][0] * T, rj = st->pairs[q][1] * T;
        if ((s->wanted && !s->wanted[q]) || ri < a->row || ri >= a->row + a->n || rj < b->row ||
            rj >= b->row + b->n)
            continue;
        run_task(st, q, t % st->n_slabs, a, b,
                 st->panels + (size_t)omp_get_thread_num() * panel_size(s));
    }
}

static dnb_status grow_centre(sweep_state *st, size_t size, dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (st->s->centre_columns && st->centre_size < size) {
        dnb_free(st->centre);
        st->centre_size = 0;
        DNB_NEW(st->centre, size, st->s->what);
        st->centre_size = size;
    }
done:
    return status;
}

/* Floats of a stripe of that many columns packed for all pairs; 0 when it is not. */
static size_t packed_size(const sweep_state *st, size_t columns)
{
    const dnb_sweep *s = st->s;
    size_t chunk = st->n_tiles * dnb_single_size(s->tile);
    bool pays = s->single && st->n_tiles >= TILES_PACKED && !s->wanted;
    if (!pays || (!s->x->data && s->x->whole_rows) || 8 * chunk * sizeof(float) > s->memory)
        return 0;
    return chunk * chunks_of(columns);
}

/* Columns of one stripe: a whole number of chunks per slab, about 2e10 flops, within `bytes`. */
static size_t stripe_columns(const sweep_state *st, size_t bytes)
{
    const dnb_sweep *s = st->s;
    size_t d = s->x->d, step = st->n_slabs * GROUP * DNB_PANEL, n = s->x->n;
    double per_column = 0.5 * (double)n * (double)n * s->flops_per_item + 1;
    size_t columns = d, read = s->x->data ? 0 : n * dnb_dtype_size(s->x->dtype);
    size_t each = read + packed_size(st, DNB_PANEL) * sizeof(float) / DNB_PANEL;
    if (per_column * (double)columns > 4e10)
        columns = (size_t)(2e10 / per_column);
    if (each && bytes / each < columns)
        columns = bytes / each;
    if (columns >= d)
        return d;
    columns -= columns >= step ? columns % step : columns % DNB_PANEL;
    return columns ? columns : DNB_PANEL;
}

static dnb_status reserve_packed(sweep_state *st, size_t size, dnb_err *err)
{
    if (size == 0)
        return DNB_OK;
    st->packed = dnb_alloc_aligned(size, sizeof(float));
    return st->packed ? DNB_OK : dnb_fail_memory(err, st->s->what, size * sizeof(float));
}

/* Tiles of columns, all rows: from memory without copying, or read one after the other. */
static dnb_status sweep_columns(sweep_state *st, size_t bytes, dnb_err *err)
{
    const dnb_sweep *s = st->s;
    const dnb_rows *x = s->x;
    dnb_status status = DNB_OK;
    size_t columns = stripe_columns(st, bytes);
    size_t item = dnb_dtype_size(x->dtype);
    char *tile = NULL;
    if (!x->data)
        DNB_NEW(tile, x->n * columns * item, s->what);
    DNB_TRY(reserve_packed(st, packed_size(st, columns), err));
    DNB_TRY(grow_centre(st, columns, err));
    for (size_t col = 0; col < x->d; col += columns) {
        dnb_piece p = {.dtype = x->dtype, .n = x->n, .col = col, .stride = x->stride};
        p.d = x->d - col < columns ? x->d - col : columns;
        if (x->data) {
            p.data = (const char *)x->data + col * item;
        } else {
            DNB_TRY(x->read(x->ctx, 0, x->n, col, p.d, tile, err));
            p.data = tile;
            p.stride = p.d;
        }
        if (s->centre_columns)
            find_centre(st, &p);
        if (st->packed)
            pack_piece(st, &p);
        run_pieces(st, &p, &p);
        dnb_report(s->progress, s->what, col + p.d, x->d);
        DNB_TRY(dnb_check_cancel(s->progress, err));
    }
done:
    dnb_free(tile);
    return status;
}

/* Blocks of whole rows: one block stays while the later ones pass by. */
static dnb_status sweep_blocks(sweep_state *st, size_t bytes, dnb_err *err)
{
    const dnb_sweep *s = st->s;
    const dnb_rows *x = s->x;
    dnb_status status = DNB_OK;
    size_t row_bytes = x->d * dnb_dtype_size(x->dtype), block = bytes / 2 / row_bytes;
    char *buf[2] = {NULL, NULL};
    size_t done_pairs = 0, n_blocks;
    if (block < s->tile)
        return dnb_fail(
            err, DNB_ENOMEM,
            "%s need two blocks of %zu rows in memory, %.1f MB, more than the %.1f MB left "
            "of the budget; raise it",
            s->what, s->tile, 2e-6 * (double)s->tile * (double)row_bytes, 1e-6 * (double)bytes);
    block -= block % s->tile;
    n_blocks = (x->n + block - 1) / block;
    for (int i = 0; i < 2; i++)
        DNB_NEW(buf[i], block * row_bytes, s->what);
    DNB_TRY(grow_centre(st, x->d, err));
    for (size_t bi = 0; bi < n_blocks; bi++) {
        dnb_piece p[2];
        for (size_t bj = bi; bj < n_blocks; bj++) {
            dnb_piece *now = &p[bj > bi];
            *now = (dnb_piece){.data = buf[bj > bi],
                               .dtype = x->dtype,
                               .row = bj * block,
                               .d = x->d,
                               .stride = x->d};
            now->n = x->n - now->row < block ? x->n - now->row : block;
            DNB_TRY(x->read(x->ctx, now->row, now->n, 0, x->d, buf[bj > bi], err));
            if (s->centre_columns && bi == 0 && bj == 0)
                find_centre(st, now);
            run_pieces(st, &p[0], now);
            dnb_report(s->progress, s->what, ++done_pairs, dnb_tile_pair_count(n_blocks));
            DNB_TRY(dnb_check_cancel(s->progress, err));
        }
    }
done:
    dnb_free(buf[0]);
    dnb_free(buf[1]);
    return status;
}

size_t dnb_sweep_bytes(const dnb_sweep *s)
{
    sweep_state st;
    const dnb_rows *x = s->x;
    state_sizes(&st, s);
    double acc = (double)st.acc_size * (double)st.n_slabs * sizeof(double);
    double panels = (double)st.n_threads * (double)panel_size(s) * sizeof(double);
    double left = (double)s->memory > acc ? (double)s->memory - acc : 0, tile = 0;
    size_t columns = !x->data && x->whole_rows ? x->d : stripe_columns(&st, (size_t)left);
    if (!x->data && x->whole_rows)
        tile = fmin(left, 2.0 * (double)x->n * (double)x->d * (double)dnb_dtype_size(x->dtype));
    else if (!x->data)
        tile = (double)x->n * (double)columns * (double)dnb_dtype_size(x->dtype);
    if (s->centre_columns)
        tile += (double)columns * sizeof(double);
    tile += (double)packed_size(&st, columns) * sizeof(float);
    return (size_t)fmin(acc + panels + tile, (double)(SIZE_MAX / 4));
}

static void merge_slabs(sweep_state *st)
{
    const dnb_sweep *s = st->s;
    /* In stretches, as there may be but one tile pair. */
#pragma omp parallel for schedule(static) num_threads(st->n_threads)
    for (size_t at = 0; at < st->acc_size; at += MERGE) {
        size_t size = st->acc_size - at < MERGE ? st->acc_size - at : MERGE;
        for (size_t slab = 1; slab < st->n_slabs; slab++)
            dnb_panel_merge(st->acc + at, st->acc + slab * st->acc_size + at, size, s->take_max);
    }
    if (s->row_sum)
        for (size_t i = 0; i < s->x->n; i++) {
            s->row_sum[i] = 0;
            for (size_t slab = 0; slab < st->n_slabs; slab++)
                s->row_sum[i] += st->sums[slab * s->x->n + i];
        }
}

dnb_status dnb_pairs_check(size_t n, dnb_err *err)
{
    if (n > MOST_ROWS)
        return dnb_fail(err, DNB_ENOMEM, "all pairs of %zu rows do not fit any memory", n);
    return DNB_OK;
}

dnb_status dnb_sweep_run(dnb_pair_tiles *out, const dnb_sweep *s, dnb_err *err)
{
    sweep_state st;
    dnb_status status = dnb_pairs_check(s->x->n, err);
    if (status == DNB_OK)
        status = state_init(&st, s, err);
    if (status != DNB_OK)
        return status;
    size_t used = st.acc_size * st.n_slabs * sizeof(double), left = s->memory - used;
    if (!s->x->data && s->x->whole_rows)
        DNB_TRY(sweep_blocks(&st, left, err));
    else if (!s->x->data && left / (s->x->n * sizeof(double)) < DNB_PANEL)
        DNB_TRY(
            dnb_fail(err, DNB_ENOMEM,
                     "%s of %zu rows leave no room to read them: %.1f of %.1f MB are taken; raise "
                     "the memory budget",
                     s->what, s->x->n, 1e-6 * (double)used, 1e-6 * (double)s->memory));
    else
        DNB_TRY(sweep_columns(&st, left, err));
    merge_slabs(&st);
    *out = (dnb_pair_tiles){
        .n = s->x->n, .tile = s->tile, .n_tiles = st.n_tiles, .n_acc = s->n_acc, .acc = st.acc};
    st.acc = NULL;
done:
    state_release(&st);
    return status;
}
