/* Progress bar, messages, signals and the JSON summary. */
#include "context.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A signal handler can reach nothing but a global. */
static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    if (stop_signal)
        _exit(128 + number);
    stop_signal = number;
}

void cli_catch_signals(void)
{
    struct sigaction act;
    memset(&act, 0, sizeof act);
    act.sa_handler = on_signal;
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    act.sa_handler =
        SIG_IGN; /* a full disk or closed pipe must come back as an error, not a death */
    sigaction(SIGXFSZ, &act, NULL);
    sigaction(SIGPIPE, &act, NULL);
}

bool cli_stop_requested(void)
{
    return stop_signal != 0;
}

static bool progress_cancelled(void *p)
{
    (void)p;
    return cli_stop_requested();
}

double cli_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* "1:05" or "12 s". */
static const char *duration(double s, char *buf, size_t size)
{
    if (s >= 60)
        snprintf(buf, size, "%d:%02d min", (int)(s / 60), (int)s % 60);
    else
        snprintf(buf, size, "%.0f s", s);
    return buf;
}

static void draw_bar(cli_context *ctx, double now)
{
    enum { WIDTH = 30 };
    char bar[WIDTH + 1], left[32];
    double part = ctx->bar.total ? (double)ctx->bar.done / (double)ctx->bar.total : 0;
    double spent = now - ctx->bar.start;
    int filled = (int)(part * WIDTH);
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %zu/%zu, %s left   ", ctx->bar.what, bar, ctx->bar.done,
            ctx->bar.total, part > 0 ? duration(spent / part - spent, left, sizeof left) : "?");
    fflush(stderr);
    ctx->bar.shown = true;
}

static void progress_report(void *p, const char *what, size_t done, size_t total)
{
    cli_context *ctx = p;
    double now = cli_now();
    char name[sizeof ctx->bar.what];
    snprintf(name, sizeof name, "%s", what);
    bool fresh = strcmp(name, ctx->bar.what) != 0 || done < ctx->bar.done;
    if (fresh) {
        cli_bar_clear(ctx);
        memcpy(ctx->bar.what, name, sizeof name);
        ctx->bar.start = now;
        ctx->bar.last = now;
        ctx->bar.tenth = 0;
    }
    ctx->bar.done = done;
    ctx->bar.total = total;
    if (ctx->bar.terminal) {
        if (fresh || done == total || now - ctx->bar.last > 0.1) {
            draw_bar(ctx, now);
            ctx->bar.last = now;
        }
        if (done == total)
            cli_bar_clear(ctx);
        return;
    }
    /* Plain lines: every tenth of the work, but at most one every 5 seconds. */
    int tenth = total ? (int)(10.0 * (double)done / (double)total) : 0;
    if (tenth > ctx->bar.tenth && now - ctx->bar.last >= 5) {
        fprintf(stderr, "%s: %zu/%zu\n", what, done, total);
        ctx->bar.tenth = tenth;
        ctx->bar.last = now;
    }
}

void cli_bar_clear(cli_context *ctx)
{
    if (ctx->bar.shown)
        fputs("\r\033[K", stderr);
    ctx->bar.shown = false;
}

dnb_status cli_context_init(cli_context *ctx, const cli_command *command, const cli_common *common,
                            int argc, const char *const *argv, dnb_err *err)
{
    *ctx = (cli_context){.command = command, .common = common, .program = argv[0]};
    ctx->progress.ctx = ctx;
    ctx->progress.report = common->quiet ? NULL : progress_report;
    ctx->progress.cancelled = progress_cancelled;
    ctx->memory = common->memory ? common->memory : dnb_memory_budget();
    ctx->bar.terminal = isatty(STDERR_FILENO) != 0;
    ctx->summary = cJSON_CreateObject();
    if (!ctx->summary)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the summary");
    cJSON_AddStringToObject(ctx->summary, "command", command->name);
    dnb_status status = dnb_provenance_new(&ctx->provenance, argc, argv, err);
    if (status != DNB_OK)
        cli_context_release(ctx);
    return status;
}

void cli_context_release(cli_context *ctx)
{
    dnb_provenance_free(ctx->provenance);
    cJSON_Delete(ctx->summary);
    ctx->provenance = NULL;
    ctx->summary = NULL;
}

void cli_say(cli_context *ctx, const char *fmt, ...)
{
    if (ctx->common->quiet)
        return;
    va_list ap;
    va_start(ap, fmt);
    cli_bar_clear(ctx);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

void cli_warn(cli_context *ctx, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cli_bar_clear(ctx);
    fputs("dnnbrain: warning: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

dnb_status cli_record_input(cli_context *ctx, const char *key, const char *path,
                            const char *its_provenance, dnb_err *err)
{
    char name[64];
    dnb_status status = dnb_provenance_set(ctx->provenance, key, path, err);
    if (status != DNB_OK || !its_provenance)
        return status;
    snprintf(name, sizeof name, "%s_provenance", key);
    return dnb_provenance_set(ctx->provenance, name, its_provenance, err);
}

dnb_status cli_usage(cli_context *ctx, dnb_err *err, const char *fmt, ...)
{
    char text[DNB_ERR_SIZE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    ctx->usage = true;
    return dnb_fail(err, DNB_EARG, "%s", text);
}

void cli_note(cli_context *ctx, const char *key, const char *value)
{
    cJSON_AddStringToObject(ctx->summary, key, value);
}

void cli_note_number(cli_context *ctx, const char *key, double value)
{
    cJSON_AddNumberToObject(ctx->summary, key, value);
}

void cli_list_output(cli_context *ctx, const char *path)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(ctx->summary, "outputs");
    if (!list)
        list = cJSON_AddArrayToObject(ctx->summary, "outputs");
    cJSON *item = list ? cJSON_CreateString(path) : NULL;
    if (item)
        cJSON_AddItemToArray(list, item);
}

void cli_wrote(cli_context *ctx, const char *path, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    cli_say(ctx, "wrote %s%s%s", path, text[0] ? ": " : "", text);
    cli_list_output(ctx, path);
}
