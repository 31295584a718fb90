/* Compares the network with the outputs and classes of the host executor. Exit status 0 if all are equal. */
#include <stdio.h>

#include "model.h"
#include "model_vectors.h"

int main(void) {
    unsigned long differences = 0;
    for (int sample = 0; sample < MUNAS_TEST_SAMPLES; sample++) {
        int8_t output[MUNAS_OUTPUT_SIZE];
        if (munas_invoke(munas_test_inputs[sample], output) != 0) {
            printf("sample %d: munas_invoke failed\n", sample);
            return 1;
        }
        for (unsigned int i = 0; i < MUNAS_OUTPUT_SIZE; i++) {
            if (output[i] != munas_test_outputs[sample][i]) {
                printf("sample %d, element %u: %d, expected %d\n", sample, i, output[i],
                    munas_test_outputs[sample][i]);
                differences++;
            }
        }
        const unsigned int class_index = munas_classify(output);
        printf("sample %d: class %u\n", sample, class_index);
        if (class_index != munas_test_classes[sample]) {
            printf("sample %d: class %u expected\n", sample, (unsigned int)munas_test_classes[sample]);
            differences++;
        }
    }
    printf("%d samples, %lu differences\n", MUNAS_TEST_SAMPLES, differences);
    return differences != 0;
}
