/* Runs the network on samples from standard input, raw int8. To standard output goes, for each, the output and, where there is
   a function for it, the class as an unsigned int of this machine. */
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
#if defined(HARNESS_CLASSIFY)
        const unsigned int class_index = HARNESS_CLASSIFY(output);
        if (fwrite(&class_index, sizeof class_index, 1, stdout) != 1) {
            return 1;
        }
#endif
    }
    return 0;
}
