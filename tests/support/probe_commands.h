/* A probe of the form PROBE COMMAND IN.npy ... OUT.npy [key=value ...]: reads the arrays, runs the
 * command, writes its result. Keys of all of them: threads=N, repeat=N (prints the best time in
 * seconds; of the processor with clock=cpu). */
#ifndef DNB_TEST_PROBE_COMMANDS_H
#define DNB_TEST_PROBE_COMMANDS_H

#include "dnnbrain/array.h"
#include "dnnbrain/runtime.h"
#include "probe_words.h"

enum { PROBE_INPUTS = 4 };

typedef struct probe_args {
    const char *command;
    dnb_array in[PROBE_INPUTS];
    int n_in;
    probe_words words;
} probe_args;

typedef struct probe_command {
    const char *name;
    dnb_status (*run)(dnb_array *out, const probe_args *a, dnb_err *err);
} probe_command;

static inline dnb_status probe_matrix(dnb_array *out, size_t rows, size_t cols, dnb_err *err)
{
    const size_t shape[2] = {rows, cols};
    return dnb_array_init(out, DNB_F64, 2, shape, err);
}

static inline dnb_status probe_repeat(dnb_array *out, const probe_args *a, const probe_command *c,
                                      dnb_err *err)
{
    size_t repeat = probe_size(&a->words, "repeat", 0);
    bool cpu = probe_text(&a->words, "clock") && strcmp(probe_text(&a->words, "clock"), "cpu") == 0;
    double best = 1e300;
    dnb_status status = DNB_OK;
    for (size_t r = 0; r < (repeat ? repeat : 1) && status == DNB_OK; r++) {
        dnb_array_release(out);
        double start = probe_clock(cpu);
        status = c->run(out, a, err);
        double took = probe_clock(cpu) - start;
        best = took < best ? took : best;
    }
    if (repeat && status == DNB_OK)
        printf("%.6f\n", best);
    return status;
}

/* The probe's main, whose status it returns. */
static inline int probe_main(int argc, char **argv, const probe_command *commands, size_t n)
{
    probe_args a = {.command = argc > 1 ? argv[1] : ""};
    const probe_command *c = NULL;
    dnb_array out = {0};
    dnb_err err = {0};
    dnb_status status = DNB_OK;
    int files = 0;
    a.words = probe_words_after(argc, argv, 2, &files);
    for (size_t i = 0; i < n; i++)
        c = strcmp(commands[i].name, a.command) == 0 ? &commands[i] : c;
    if (!c || files < 2 || files > PROBE_INPUTS + 1) {
        fprintf(stderr, "usage: %s COMMAND IN.npy ... OUT.npy [key=value ...]; commands:", argv[0]);
        for (size_t i = 0; i < n; i++)
            fprintf(stderr, " %s", commands[i].name);
        fprintf(stderr, "\n");
        return 2;
    }
    dnb_threads_set((int)probe_number(&a.words, "threads", 0));
    for (; a.n_in + 1 < files && status == DNB_OK; a.n_in++)
        status = dnb_npy_read(&a.in[a.n_in], argv[2 + a.n_in], &err);
    if (status == DNB_OK)
        status = probe_repeat(&out, &a, c, &err);
    if (status == DNB_OK)
        status = dnb_npy_write(&out, argv[1 + files], &err);
    for (int i = 0; i < PROBE_INPUTS; i++)
        dnb_array_release(&a.in[i]);
    dnb_array_release(&out);
    return probe_said(status, &err);
}

#endif
