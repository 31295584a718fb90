/* Runs the network on samples from standard input, in the bytes of this machine. To standard output goes, for each, the input where
   HARNESS_QUANTISE makes it, the output, and where there is a function for it the class as an unsigned int. */
#include <stdio.h>
#include "harness.h"

static int write_all(const void *bytes, size_t count)
{
    return fwrite(bytes, count, 1, stdout) == 1;
}

int main(void)
{
    static HARNESS_RAW sample[HARNESS_INPUT_LENGTH];
    static int8_t output[HARNESS_OUTPUT_LENGTH];
    while (fread(sample, sizeof sample, 1, stdin) == 1) {
#if defined(HARNESS_QUANTISE)
        static int8_t input[HARNESS_INPUT_LENGTH];
        HARNESS_QUANTISE(sample, input);
        if (!write_all(input, sizeof input)) {
            return 1;
        }
#else
        const int8_t *const input = sample;
#endif
        if (HARNESS_INVOKE(input, output) != 0 || !write_all(output, sizeof output)) {
            return 1;
        }
#if defined(HARNESS_CLASSIFY)
        const unsigned int class_index = HARNESS_CLASSIFY(output);
        if (!write_all(&class_index, sizeof class_index)) {
            return 1;
        }
#endif
    }
    return 0;
}
