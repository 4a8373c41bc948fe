/* The program: picks the subcommand (by argv[0] or the first word), parses, runs, reports. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dnnbrain/linalg.h>
#include <dnnbrain/runtime.h>
#include <dnnbrain/suggest.h>

#include "commands.h"
#include "context.h"
#include "files.h"
#include "help.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* OpenBLAS and the OpenMP runtime read their environment when they are loaded, so other settings
 * need a fresh start of the program. What the user has set stays. Failing to restart costs speed
 * only. */
static void restart_tuned(const cli_command *command, char **argv)
{
    const char *core = command->heavy_blas ? dnb_blas_better_core() : NULL;
    bool tuned = core && setenv("OPENBLAS_CORETYPE", core, 1) == 0;
    /* While a network computes, images are decoded and results written beside it: a thread that
     * spins until its team is complete keeps them from the processor. */
    if (command->busy_beside && !getenv("OMP_WAIT_POLICY") && !getenv("GOMP_SPINCOUNT"))
        tuned |= setenv("GOMP_SPINCOUNT", "1000", 1) == 0;
    if (tuned)
        execv("/proc/self/exe", argv);
}

static void report_failure(cli_context *ctx, const dnb_err *err)
{
    cli_bar_clear(ctx);
    fprintf(stderr, "dnnbrain %s: %s\n", ctx->command->name, err->message);
    cJSON_AddStringToObject(ctx->summary, "error", err->message);
}

static void print_summary(cli_context *ctx, bool ok)
{
    cJSON_AddBoolToObject(ctx->summary, "ok", ok);
    char *text = cJSON_Print(ctx->summary);
    if (text)
        puts(text);
    cJSON_free(text);
}

static int run_command(const cli_command *command, int argc, char **argv, int first)
{
    dnb_err err = {0};
    cli_common common = {0};
    cli_context ctx;
    int code = EXIT_FAILED;
    void *args = calloc(1, command->args_size ? command->args_size : 1);
    if (!args) {
        fputs("dnnbrain: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    dnb_status status =
        cli_parse(command, argc, (const char *const *)argv, first, args, &common, &err);
    if (status == DNB_OK && common.help) {
        cli_print_help(command, stdout);
        code = EXIT_OK;
        goto done;
    }
    if (status == DNB_OK && common.version) {
        printf("dnnbrain %s\n", dnb_version());
        code = EXIT_OK;
        goto done;
    }
    if (status != DNB_OK) {
        fprintf(stderr, "dnnbrain %s: %s\n", command->name, err.message);
        cli_print_usage(command, stderr);
        code = status == DNB_EARG ? EXIT_USAGE : EXIT_FAILED;
        goto done;
    }
    restart_tuned(command, argv);
    cli_catch_signals();
    dnb_threads_set((int)common.threads);
    status = cli_context_init(&ctx, command, &common, argc, (const char *const *)argv, &err);
    if (status != DNB_OK) {
        fprintf(stderr, "dnnbrain: %s\n", err.message);
        goto done;
    }
    status = cli_check_files(command, args, &err);
    if (status == DNB_OK)
        status = command->run(args, &ctx, &err);
    if (status != DNB_OK)
        report_failure(&ctx, &err);
    cli_bar_clear(&ctx);
    if (common.json)
        print_summary(&ctx, status == DNB_OK);
    code = status == DNB_OK ? EXIT_OK : ctx.usage ? EXIT_USAGE : EXIT_FAILED;
    cli_context_release(&ctx);
done:
    cli_args_release(command, args);
    free(args);
    return code;
}

static int unknown_command(const char *name)
{
    enum { MOST = 128 };
    const char *names[MOST];
    size_t n = 0;
    char near[256] = "";
    for (const cli_command *const *c = cli_commands; *c && n < MOST; c++) {
        names[n++] = (*c)->name;
        for (const char *const *a = (*c)->aliases; a && *a && n < MOST; a++)
            names[n++] = *a;
    }
    dnb_suggest(near, sizeof near, name, names, n);
    fprintf(stderr, "dnnbrain: unknown command '%s'%s; `dnnbrain --help` lists them\n", name, near);
    return EXIT_USAGE;
}

static int dispatch(int argc, char **argv)
{
    const char *base = argc > 0 && argv[0] ? strrchr(argv[0], '/') : NULL;
    const cli_command *command = argc > 0 ? cli_find_command(base ? base + 1 : argv[0]) : NULL;
    if (command)
        return run_command(command, argc, argv, 1);
    if (argc < 2) {
        cli_print_overview(stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-help") == 0 || strcmp(word, "-h") == 0 ||
        strcmp(word, "help") == 0) {
        command = argc > 2 ? cli_find_command(argv[2]) : NULL;
        if (argc > 2 && !command)
            return unknown_command(argv[2]);
        if (command)
            cli_print_help(command, stdout);
        else
            cli_print_overview(stdout);
        return EXIT_OK;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-version") == 0) {
        printf("dnnbrain %s\n", dnb_version());
        return EXIT_OK;
    }
    if (strcmp(word, "--generate-docs") == 0) {
        dnb_err err = {0};
        if (argc == 3 && cli_generate_docs(argv[2], &err) == DNB_OK)
            return EXIT_OK;
        fprintf(stderr, "dnnbrain: %s\n",
                argc == 3 ? err.message : "--generate-docs needs a folder");
        return argc == 3 ? EXIT_FAILED : EXIT_USAGE;
    }
    command = cli_find_command(word);
    return command ? run_command(command, argc, argv, 2) : unknown_command(word);
}

/* Started with a standard stream closed, the next file opened would take its place, and messages
 * would be written into an output. Opened the wrong way round, they fail as on a closed one. */
static bool occupy_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    if (!occupy_standard_streams())
        return EXIT_FAILED;
    int code = dispatch(argc, argv);
    bool lost = ferror(stdout) != 0;
    if ((fflush(stdout) != 0 || lost) && code == EXIT_OK) {
        fputs("dnnbrain: cannot write to standard output\n", stderr);
        code = EXIT_FAILED;
    }
    return code;
}
