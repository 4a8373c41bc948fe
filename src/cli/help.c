/* --help and usage lines. */
#include "help.h"

#include <string.h>

#include <dnnbrain/runtime.h>

#include "commands.h"
#include "option_text.h"

enum { WIDTH = 100, INDENT = 26 };

/* Prints text wrapped at WIDTH, continuation lines indented; `at` is the column it starts in. */
static void wrap(FILE *out, const char *text, int indent, int at)
{
    while (*text) {
        if (text[0] == '\n' && text[1] == '\n') { /* a new paragraph */
            fprintf(out, "\n\n%*s", indent, "");
            at = indent;
            text += 2;
            continue;
        }
        size_t n = strcspn(text, " \n");
        if (at > indent && at + 1 + (int)n > WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            fputc(' ', out);
            at++;
        }
        fwrite(text, 1, n, out);
        at += (int)n;
        text += n;
        if (text[0] == ' ' || (text[0] == '\n' && text[1] != '\n'))
            text++;
    }
    fputc('\n', out);
}

void cli_print_usage(const cli_command *command, FILE *out)
{
    char buf[256];
    int at = fprintf(out, "usage: dnnbrain %s", command->name);
    for (int required = 1; required >= 0; required--)
        for (const cli_option *o = command->options; o->name; o++) {
            if (o->required != required)
                continue;
            cli_option_synopsis(o, buf, sizeof buf);
            int n = (int)strlen(buf) + (required ? 0 : 2);
            if (at + n + 1 > WIDTH) {
                fprintf(out, "\n%*s", 10, "");
                at = 10;
            }
            at += fprintf(out, required ? " %s" : " [%s]", buf);
        }
    fputc('\n', out);
}

static void print_table(const cli_option *table, FILE *out)
{
    char name[256], text[1024];
    for (const cli_option *o = table; o->name; o++) {
        cli_option_synopsis(o, name, sizeof name);
        int at = fprintf(out, "  %s", name);
        if (at >= INDENT - 1) {
            fputc('\n', out);
            at = 0;
        }
        fprintf(out, "%*s", INDENT - at, "");
        cli_option_description(o, text, sizeof text);
        wrap(out, text, INDENT, INDENT);
    }
}

void cli_print_help(const cli_command *command, FILE *out)
{
    cli_print_usage(command, out);
    fputc('\n', out);
    wrap(out, command->description, 0, 0);
    if (command->aliases && command->aliases[0]) {
        fputs("\nAlso called:", out);
        for (const char *const *a = command->aliases; *a; a++)
            fprintf(out, " %s", *a);
        fputc('\n', out);
    }
    if (command->options->name) {
        fputs("\nOptions (-name and --name are the same; a list takes values until the next "
              "option):\n",
              out);
        print_table(command->options, out);
    }
    fputs("\nCommon options:\n", out);
    print_table(cli_common_options, out);
    if (command->examples && command->examples[0]) {
        fputs("\nExamples:\n", out);
        for (const char *const *e = command->examples; e[0]; e += 2)
            fprintf(out, "  %s\n      %s\n", e[0], e[1]);
    }
}

void cli_print_overview(FILE *out)
{
    fprintf(out,
            "dnnbrain %s: maps deep neural networks to brains\n\n"
            "usage: dnnbrain COMMAND [OPTIONS]\n"
            "       dnnbrain COMMAND --help\n\nCommands:\n",
            dnb_version());
    for (const cli_command *const *c = cli_commands; *c; c++) {
        const char *alias = (*c)->aliases ? (*c)->aliases[0] : NULL;
        fprintf(out, "  %-8s %-12s %s\n", (*c)->name, alias ? alias : "", (*c)->summary);
    }
    fputs("\nThe second column is the command's name in the DNNBrain toolbox; both names take the "
          "same options.\n"
          "New here? `dnnbrain demo` runs the whole chain, from images to a brain map, in a "
          "minute.\n",
          out);
}
