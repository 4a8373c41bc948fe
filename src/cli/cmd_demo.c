/* dnnbrain demo: the whole chain on a world small enough to ship, by the commands a user would
 * type. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"
#include "outputs.h"

typedef struct demo_args {
    const char *out;
    long long each, draw, seed;
} demo_args;

static const cli_option options[] = {
    {.name = "out",
     .type = CLI_OUTDIR,
     .offset = offsetof(demo_args, out),
     .value = "DIR",
     .fallback = "dnnbrain-demo",
     .help = "Folder to write into."},
    {.name = "each",
     .type = CLI_INT,
     .offset = offsetof(demo_args, each),
     .value = "N",
     .fallback = "9",
     .min = 2,
     .max = 200,
     .help = "Pictures per category."},
    {.name = "seed",
     .type = CLI_INT,
     .offset = offsetof(demo_args, seed),
     .value = "SEED",
     .fallback = "1",
     .min = 0,
     .max = 1e9,
     .help = "Seed of pictures, brain and permutations."},
    {.name = "draw",
     .type = CLI_INT,
     .offset = offsetof(demo_args, draw),
     .value = "N",
     .fallback = "0",
     .min = 0,
     .max = 100000,
     .help = "Only draw N pictures per category and stop (training data for the network)."},
    {.name = NULL}};

/* The steps, word by word; run in the demo's folder. */
enum { MOST_WORDS = 24 };
static const char *const steps[][MOST_WORDS] = {
    {"act",        "-net",       DEMO_NET,     "--mean",   "0.5",   "0.5",     "0.5",
     "--std",      "0.25",       "0.25",       "0.25",     "-stim", DEMO_STIM, "-layer",
     "conv1_relu", "conv2_relu", "conv3_relu", "fc1_relu", "fc2",   "-out",    "dnn.act.h5"},
    {"rdm", "-act", "dnn.act.h5", "-metric", "correlation", "-out", "dnn.rdm.h5", "-fig", "dnn.png",
     "-order", DEMO_STIM},
    {"rdm", "-nif", DEMO_BRAIN, "-bmask", DEMO_MASK, "-metric", "correlation", "-out",
     "brain.rdm.h5", "-fig", "brain.png", "-order", DEMO_STIM},
    {"rsa", "-drdm", "dnn.rdm.h5", "-brdm", "brain.rdm.h5", "-permute", "2000", "-boot", "200",
     "-out", "rsa"},
    {"view", "-net", DEMO_NET, "--mean",  "0.5",           "0.5",    "0.5",        "--std",
     "0.25", "0.25", "0.25",   "-stim",   "some.stim.csv", "-layer", "conv1_relu", "-chn",
     "1",    "2",    "3",      "-format", "png",           "-out",   "maps"},
};
enum { STEP_ACT, STEP_RDM, STEP_BRAIN_RDM, STEP_RSA, STEP_VIEW, N_STEPS };

/* Runs this program with the step's words in dir. */
static dnb_status run_step(const char *dir, int step, cli_context *ctx, FILE *log, dnb_err *err)
{
    const char *argv[MOST_WORDS + 8] = {"dnnbrain"};
    char threads[24], memory[24];
    size_t n = 1;
    int code = -1;
    for (; n <= MOST_WORDS && steps[step][n - 1]; n++)
        argv[n] = steps[step][n - 1];
    if (ctx->common->threads) {
        snprintf(threads, sizeof threads, "%lld", ctx->common->threads);
        argv[n++] = "-threads";
        argv[n++] = threads;
    }
    if (ctx->common->memory) {
        snprintf(memory, sizeof memory, "%zu", ctx->common->memory);
        argv[n++] = "-memory";
        argv[n++] = memory;
    }
    if (ctx->common->quiet)
        argv[n++] = "-quiet";
    argv[n] = NULL;
    char *line = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&line, &size);
    for (size_t i = 0; f && argv[i]; i++)
        fprintf(f, "%s%s", i ? " " : "", argv[i]);
    if (!f || fclose(f) != 0)
        return dnb_fail(err, DNB_ENOMEM, "out of memory");
    cli_say(ctx, "\n$ %s", line);
    fprintf(log, "%s\n", line);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(dir) == 0)
            execv("/proc/self/exe", (char *const *)argv);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &code, 0) < 0 && errno == EINTR)
        kill(child, SIGTERM);
    dnb_status status = child > 0 && code == 0
                            ? DNB_OK
                            : dnb_fail(err, DNB_EINTERNAL, "this step failed: %s", line);
    free(line);
    return status;
}

/* A short list for the feature maps: the first picture of six categories. */
static dnb_status write_short_list(const char *dir, dnb_err *err)
{
    static const char text[] =
        "type=image\npath=stimuli\ndata=stimID\ncircle_001.png\nsquare_001.png\nstar_001.png\n"
        "checks_001.png\nwood_001.png\nvertical_001.png\n";
    char *path = cli_join(dir, "some.stim.csv");
    dnb_status status =
        path ? cli_write_text(path, text, err) : dnb_fail(err, DNB_ENOMEM, "out of memory");
    free(path);
    return status;
}

static dnb_status chain(const demo_args *a, FILE *log, cli_context *ctx, dnb_err *err)
{
    dnb_status status = demo_write_net(a->out, ctx, err);
    if (status == DNB_OK)
        status = write_short_list(a->out, err);
    for (int step = 0; step < N_STEPS && status == DNB_OK; step++) {
        status = run_step(a->out, step, ctx, log, err);
        if (status == DNB_OK && step == STEP_ACT)
            status = demo_simulate(a->out, "dnn.act.h5", (uint64_t)a->seed, ctx, err);
    }
    return status;
}

static void say_result(const demo_result *r, cli_context *ctx)
{
    cli_say(ctx, "\n%-4s %-12s %-12s %8s %8s", "ROI", "driven by", "best layer", "rho", "p");
    for (int k = 0; k < DEMO_ROIS; k++)
        cli_say(ctx, "%-4d %-12s %-12s %8.3f %8.4f", k + 1, demo_drivers[k], r->best[k], r->r[k],
                r->p[k]);
    cli_say(ctx, "%d of %d recovered\n", r->recovered, DEMO_ROIS);
    cli_note_number(ctx, "recovered", r->recovered);
    cli_note_number(ctx, "rois", DEMO_ROIS);
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const demo_args *a = args;
    demo_result result;
    char *commands = NULL;
    size_t size = 0;
    if (a->draw)
        return demo_draw(a->out, (size_t)a->draw, (uint64_t)a->seed, ctx, err);
    FILE *log = open_memstream(&commands, &size);
    if (!log)
        return dnb_fail(err, DNB_ENOMEM, "out of memory");
    dnb_status status = dnb_provenance_set_number(ctx->provenance, "seed", (double)a->seed, err);
    if (status == DNB_OK)
        status = demo_draw(a->out, (size_t)a->each, (uint64_t)a->seed, ctx, err);
    if (status == DNB_OK)
        status = chain(a, log, ctx, err);
    fclose(log);
    if (status == DNB_OK)
        status = demo_read_result(&result, a->out, "rsa.json", err);
    if (status == DNB_OK) {
        say_result(&result, ctx);
        status = demo_write_page(a->out, commands, &result, ctx, err);
    }
    free(commands);
    return status;
}

static const char *const examples[] = {
    "dnnbrain demo", "Everything below ./dnnbrain-demo; open its index.html.", NULL};

const cli_command cmd_demo = {
    .name = "demo",
    .summary = "the whole chain, from images to a brain map, on a small built-in world",
    .description = "Draws pictures of shapes, textures and gratings, shows them to a small "
                   "convolutional network shipped with the "
                   "program, simulates a brain whose regions are driven by known layers plus "
                   "noise, and recovers which layer "
                   "drives which region by representational similarity analysis. Each step is an "
                   "ordinary dnnbrain command, "
                   "printed before it runs. Figures and a self-contained page (index.html) are "
                   "written; nothing is fetched.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(demo_args),
    .run = run};
