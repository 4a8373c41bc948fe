/* Man pages, shell completion and the command reference, written from the option tables. */
#include "help.h"

#include <errno.h>
#include <string.h>

#include <dnnbrain/runtime.h>

#include "commands.h"
#include "option_text.h"

/* roff needs backslashes and leading dots or quotes escaped, and hyphens of options as \-. */
static void roff(FILE *out, const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        if (text[0] == '\n' && text[1] == '\n') {
            fputs("\n.PP\n", out);
            text++;
            line_start = true;
            continue;
        }
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        line_start = false;
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text == '\n' ? ' ' : *text, out);
    }
}

static void man_options(FILE *out, const cli_option *table)
{
    char text[1024];
    for (const cli_option *o = table; o->name; o++) {
        cli_option_synopsis(o, text, sizeof text);
        fputs(".TP\n.B ", out);
        roff(out, text);
        fputc('\n', out);
        cli_option_description(o, text, sizeof text);
        roff(out, text);
        fputc('\n', out);
    }
}

static void man_header(FILE *out, const char *name, const char *summary)
{
    fputs(".\\\" Generated from the option tables by `dnnbrain --generate-docs`; do not edit.\n",
          out);
    fprintf(out, ".TH %s 1 \"\" \"dnnbrain %s\" \"dnnbrain manual\"\n.SH NAME\n", name,
            dnb_version());
    roff(out, name);
    fputs(" \\- ", out);
    roff(out, summary);
    fputs("\n.SH SYNOPSIS\n", out);
}

static void man_command(FILE *out, const cli_command *c)
{
    char name[64], text[256];
    snprintf(name, sizeof name, "dnnbrain-%s", c->name);
    man_header(out, name, c->summary);
    fprintf(out, ".B dnnbrain %s\n", c->name);
    for (const cli_option *o = c->options; o->name; o++) {
        cli_option_synopsis(o, text, sizeof text);
        fputs(o->required ? "" : "[", out);
        roff(out, text);
        fputs(o->required ? "\n" : "]\n", out);
    }
    fputs(".SH DESCRIPTION\n", out);
    roff(out, c->description);
    fputs("\n.SH OPTIONS\n.B \\-name\nand\n.B \\-\\-name\nare the same option; a list takes values "
          "until the next option.\n",
          out);
    man_options(out, c->options);
    fputs(".SH COMMON OPTIONS\n", out);
    man_options(out, cli_common_options);
    if (c->examples && c->examples[0]) {
        fputs(".SH EXAMPLES\n", out);
        for (const char *const *e = c->examples; e[0]; e += 2) {
            fputs(".TP\n.B ", out);
            roff(out, e[0]);
            fputc('\n', out);
            roff(out, e[1]);
            fputc('\n', out);
        }
    }
    fputs(".SH EXIT STATUS\n0 on success, 1 on failure, 2 on a wrong command line.\n"
          ".SH SEE ALSO\n.BR dnnbrain (1)\n",
          out);
}

static void man_overview(FILE *out, const cli_command *unused)
{
    (void)unused;
    man_header(out, "dnnbrain", "maps deep neural networks to brains");
    fputs(".B dnnbrain\nCOMMAND [OPTIONS]\n.SH COMMANDS\n", out);
    for (const cli_command *const *c = cli_commands; *c; c++) {
        fprintf(out, ".TP\n.BR dnnbrain\\-%s (1)", (*c)->name);
        for (const char *const *a = (*c)->aliases; a && *a; a++)
            fprintf(out, ", also called %s", *a);
        fputc('\n', out);
        roff(out, (*c)->summary);
        fputc('\n', out);
    }
    fputs(".SH EXIT STATUS\n0 on success, 1 on failure, 2 on a wrong command line.\n", out);
}

static bool takes_file(cli_type type)
{
    return type == CLI_INFILE || type == CLI_INFILES || type == CLI_INPATHS ||
           type == CLI_OUTFILE || type == CLI_OUTNAME;
}

/* The words after which a shell offers files, the choices of an option, or nothing. */
static void bash_case(FILE *out, const cli_option *table)
{
    for (const cli_option *o = table; o->name; o++) {
        if (o->positional || o->type == CLI_FLAG)
            continue;
        fprintf(out, "            -%s|--%s) ", o->name, o->name);
        if (o->choices) {
            fputs("COMPREPLY=($(compgen -W '", out);
            for (const char *p = o->choices; *p; p++)
                fputc(*p == '|' ? ' ' : *p, out);
            fputs("' -- \"$cur\")) ;;\n", out);
        } else if (takes_file(o->type)) {
            fputs("COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n", out);
        } else if (o->type == CLI_OUTDIR) {
            fputs("COMPREPLY=($(compgen -d -- \"$cur\")) ;;\n", out);
        } else {
            fputs(";;\n", out);
        }
    }
}

static void bash_words(FILE *out, const cli_option *table)
{
    for (const cli_option *o = table; o->name; o++)
        if (!o->positional)
            fprintf(out, " -%s", o->name);
}

static void bash_completion(FILE *out, const cli_command *unused)
{
    (void)unused;
    fputs("# Generated from the option tables by `dnnbrain --generate-docs`; do not edit.\n"
          "_dnnbrain()\n{\n    local cur=${COMP_WORDS[COMP_CWORD]} "
          "prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[0]##*/}\n"
          "    COMPREPLY=()\n    if [[ $cmd == dnnbrain ]]; then\n        if ((COMP_CWORD == 1)); "
          "then\n"
          "            COMPREPLY=($(compgen -W '",
          out);
    for (const cli_command *const *c = cli_commands; *c; c++)
        fprintf(out, "%s ", (*c)->name);
    fputs("--help --version' -- \"$cur\"))\n            return\n        fi\n        "
          "cmd=${COMP_WORDS[1]}\n    fi\n"
          "    case $cmd in\n",
          out);
    for (const cli_command *const *c = cli_commands; *c; c++) {
        fprintf(out, "    %s", (*c)->name);
        for (const char *const *a = (*c)->aliases; a && *a; a++)
            fprintf(out, "|%s", *a);
        fputs(")\n        case $prev in\n", out);
        bash_case(out, (*c)->options);
        bash_case(out, cli_common_options);
        fputs("            *) if [[ $cur == -* ]]; then\n                   COMPREPLY=($(compgen "
              "-W '",
              out);
        bash_words(out, (*c)->options);
        bash_words(out, cli_common_options);
        fputs("' -- \"$cur\"))\n               else\n                   COMPREPLY=($(compgen -f -- "
              "\"$cur\"))\n"
              "               fi ;;\n        esac ;;\n",
              out);
    }
    fputs("    esac\n}\ncomplete -o filenames -F _dnnbrain dnnbrain", out);
    for (const cli_command *const *c = cli_commands; *c; c++)
        for (const char *const *a = (*c)->aliases; a && *a; a++)
            fprintf(out, " %s", *a);
    fputc('\n', out);
}

/* A single-quoted zsh word with brackets and colons of _arguments escaped. */
static void zsh_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (*text == '[' || *text == ']' || *text == ':')
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void zsh_options(FILE *out, const cli_option *table)
{
    for (const cli_option *o = table; o->name; o++) {
        const char *action = takes_file(o->type)     ? "_files"
                             : o->type == CLI_OUTDIR ? "_files -/"
                                                     : " ";
        if (o->positional) {
            fprintf(out, "            '*:%s:_files' \\\n", o->value);
            continue;
        }
        fprintf(out, "            '%s-%s[", cli_is_list(o->type) ? "*" : "", o->name);
        zsh_text(out, o->help);
        fputs("]", out);
        if (o->type != CLI_FLAG) {
            fputs(":", out);
            zsh_text(out, o->value ? o->value : "choice");
            fputs(":", out);
            if (o->choices) {
                fputc('(', out);
                for (const char *p = o->choices; *p; p++)
                    fputc(*p == '|' ? ' ' : *p, out);
                fputc(')', out);
            } else {
                fputs(action, out);
            }
        }
        fputs("' \\\n", out);
    }
}

static void zsh_completion(FILE *out, const cli_command *unused)
{
    (void)unused;
    fputs("#compdef dnnbrain", out);
    for (const cli_command *const *c = cli_commands; *c; c++)
        for (const char *const *a = (*c)->aliases; a && *a; a++)
            fprintf(out, " %s", *a);
    fputs("\n# Generated from the option tables by `dnnbrain --generate-docs`; do not edit.\n"
          "_dnnbrain() {\n    local cmd=$service\n    if [[ $cmd == dnnbrain ]]; then\n        if "
          "((CURRENT == 2)); then\n"
          "            local -a commands=(\n",
          out);
    for (const cli_command *const *c = cli_commands; *c; c++) {
        fprintf(out, "                '%s:", (*c)->name);
        zsh_text(out, (*c)->summary);
        fputs("'\n", out);
    }
    fputs("            )\n            _describe command commands\n            return\n        fi\n "
          "       cmd=$words[2]\n"
          "        shift words\n        ((CURRENT--))\n    fi\n    case $cmd in\n",
          out);
    for (const cli_command *const *c = cli_commands; *c; c++) {
        fprintf(out, "    %s", (*c)->name);
        for (const char *const *a = (*c)->aliases; a && *a; a++)
            fprintf(out, "|%s", *a);
        fputs(")\n        _arguments \\\n", out);
        zsh_options(out, (*c)->options);
        zsh_options(out, cli_common_options);
        fputs("            && return ;;\n", out);
    }
    fputs("    esac\n}\n_dnnbrain \"$@\"\n", out);
}

static void markdown_options(FILE *out, const cli_option *table)
{
    char name[256], text[1024];
    fputs("| option | meaning |\n|---|---|\n", out);
    for (const cli_option *o = table; o->name; o++) {
        cli_option_synopsis(o, name, sizeof name);
        cli_option_description(o, text, sizeof text);
        const char *parts[2] = {name, text};
        for (int i = 0; i < 2; i++) {
            fputs(i ? "" : "| `", out);
            for (const char *p = parts[i]; *p; p++)
                fprintf(out, *p == '|' ? "\\%c" : "%c", *p);
            fputs(i ? " |\n" : "` | ", out);
        }
    }
}

static void markdown_reference(FILE *out, const cli_command *unused)
{
    (void)unused;
    fputs("<!-- Generated from the option tables by `dnnbrain --generate-docs`; do not edit. -->\n"
          "# Command reference\n\n`-name` and `--name` are the same option; a list takes values "
          "until the next option.\n"
          "Exit status: 0 on success, 1 on failure, 2 on a wrong command line.\n",
          out);
    for (const cli_command *const *c = cli_commands; *c; c++) {
        fprintf(out, "\n## dnnbrain %s\n\n", (*c)->name);
        if ((*c)->aliases && (*c)->aliases[0])
            fprintf(out, "Also called `%s`.\n\n", (*c)->aliases[0]);
        fprintf(out, "%s\n\n", (*c)->description);
        if ((*c)->options->name)
            markdown_options(out, (*c)->options);
        for (const char *const *e = (*c)->examples; e && e[0]; e += 2)
            fprintf(out, "\n%s\n\n    %s\n", e[1], e[0]);
    }
    fputs("\n## Common options\n\n", out);
    markdown_options(out, cli_common_options);
}

static dnb_status write_page(const char *dir, const char *name,
                             void (*write)(FILE *, const cli_command *), const cli_command *command,
                             dnb_err *err)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return dnb_fail(err, DNB_EARG, "%s: the path is too long", dir);
    FILE *out = fopen(path, "w");
    if (!out)
        return dnb_fail(err, DNB_EIO, "%s: cannot create: %s", path, strerror(errno));
    write(out, command);
    bool bad = ferror(out) != 0;
    if (fclose(out) != 0 || bad)
        return dnb_fail(err, DNB_EIO, "%s: cannot write", path);
    return DNB_OK;
}

dnb_status cli_generate_docs(const char *dir, dnb_err *err)
{
    char name[128];
    dnb_status status = write_page(dir, "man/dnnbrain.1", man_overview, NULL, err);
    for (const cli_command *const *c = cli_commands; *c && status == DNB_OK; c++) {
        snprintf(name, sizeof name, "man/dnnbrain-%s.1", (*c)->name);
        status = write_page(dir, name, man_command, *c, err);
    }
    if (status == DNB_OK)
        status = write_page(dir, "completions/dnnbrain.bash", bash_completion, NULL, err);
    if (status == DNB_OK)
        status = write_page(dir, "completions/_dnnbrain", zsh_completion, NULL, err);
    if (status == DNB_OK)
        status = write_page(dir, "commands.md", markdown_reference, NULL, err);
    return status;
}
