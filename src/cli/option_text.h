/* One option as text, for help, man pages and docs alike. */
#ifndef DNB_CLI_OPTION_TEXT_H
#define DNB_CLI_OPTION_TEXT_H

#include "option.h"

/* "-layer LAYER..." */
void cli_option_synopsis(const cli_option *o, char *buf, size_t size);
/* The help sentence(s) with required, choices, range and default. */
void cli_option_description(const cli_option *o, char *buf, size_t size);

#endif
