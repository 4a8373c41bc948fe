/* The program: picks the subcommand. */
#include <stdio.h>

int main(void)
{
    fputs("dnnbrain: no commands yet\n", stderr);
    return 2;
}
