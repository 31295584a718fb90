/* Compares the network with the inputs, outputs and classes of the host executor. Exit status 0 if all are equal. */
#include <stdio.h>

#include "model.h"
#include "model_vectors.h"

/* Elements of a tensor that are not as expected. */
static unsigned long differences(
    int sample, const char *tensor, const int8_t *found, const int8_t *expected, unsigned int size) {
    unsigned long count = 0;
    for (unsigned int i = 0; i < size; i++) {
        if (found[i] != expected[i]) {
            printf("sample %d, %s %u: %d, expected %d\n", sample, tensor, i, found[i], expected[i]);
            count++;
        }
    }
    return count;
}

int main(void) {
    static int8_t input[MUNAS_INPUT_SIZE];
    static int8_t output[MUNAS_OUTPUT_SIZE];
    unsigned long different = 0;
    for (int sample = 0; sample < MUNAS_TEST_SAMPLES; sample++) {
#if MUNAS_TEST_RAW
        munas_quantise_input(munas_test_raw[sample], input);
        different += differences(sample, "input", input, munas_test_inputs[sample], MUNAS_INPUT_SIZE);
#else
        for (unsigned int i = 0; i < MUNAS_INPUT_SIZE; i++) {
            input[i] = munas_test_inputs[sample][i];
        }
#endif
        if (munas_invoke(input, output) != 0) {
            printf("sample %d: munas_invoke failed\n", sample);
            return 1;
        }
        different += differences(sample, "output", output, munas_test_outputs[sample], MUNAS_OUTPUT_SIZE);
#if defined(MUNAS_INPUT_ROW_SIZE)
        munas_begin();
        for (unsigned int row = 0; row < MUNAS_INPUT_HEIGHT; row++) {
            if (munas_push_rows(input + row * MUNAS_INPUT_ROW_SIZE, 1) != 0) {
                printf("sample %d: munas_push_rows failed at row %u\n", sample, row);
                return 1;
            }
        }
        if (munas_push_rows(input, 1) == 0 || munas_finish(output) != 0) {
            printf("sample %d: the rows were not counted\n", sample);
            return 1;
        }
        different += differences(sample, "output in rows", output, munas_test_outputs[sample], MUNAS_OUTPUT_SIZE);
#endif
        const unsigned int class_index = munas_classify(output);
#if defined(MUNAS_LABEL_SIZE)
        printf("sample %d: class %u, %s\n", sample, class_index, munas_labels[class_index]);
#else
        printf("sample %d: class %u\n", sample, class_index);
#endif
        if (class_index != munas_test_classes[sample]) {
            printf("sample %d: class %u expected\n", sample, (unsigned int)munas_test_classes[sample]);
            different++;
        }
    }
    printf("%d samples, %lu differences\n", MUNAS_TEST_SAMPLES, different);
    return different != 0;
}
