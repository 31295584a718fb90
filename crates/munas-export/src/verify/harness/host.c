/* Runs the network on samples from standard input and writes its outputs to standard output, both as raw int8. */
#include <stdio.h>
#include "harness.h"

int main(void)
{
    static int8_t input[HARNESS_INPUT_LENGTH];
    static int8_t output[HARNESS_OUTPUT_LENGTH];
    while (fread(input, sizeof input, 1, stdin) == 1) {
        if (HARNESS_INVOKE(input, output) != 0 || fwrite(output, sizeof output, 1, stdout) != 1) {
            return 1;
        }
    }
    return 0;
}
