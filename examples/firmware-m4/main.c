/* Classifies the test vectors of a network that munas exported, from the sensor's values on, and says whether inputs, outputs and
   classes are those of the host. */
#include <stdint.h>

#include "console.h"
#include "model.h"
#include "model_vectors.h"

static int is_equal(const int8_t *found, const int8_t *expected, unsigned int size)
{
    for (unsigned int i = 0; i < size; i++) {
        if (found[i] != expected[i]) {
            return 0;
        }
    }
    return 1;
}

int main(void)
{
    static int8_t input[MUNAS_INPUT_SIZE];
    static int8_t scores[MUNAS_OUTPUT_SIZE];
    for (unsigned int sample = 0; sample < MUNAS_TEST_SAMPLES; sample++) {
        munas_quantise_input(munas_test_raw[sample], input);
        if (munas_invoke(input, scores) != 0) {
            console_text("munas_invoke failed\n");
            return 1;
        }
        const unsigned int class = munas_classify(scores);
        const int is_as_expected = is_equal(input, munas_test_inputs[sample], MUNAS_INPUT_SIZE)
            && is_equal(scores, munas_test_outputs[sample], MUNAS_OUTPUT_SIZE) && class == munas_test_classes[sample];
        console_text("sample ");
        console_number(sample);
        console_text(": class ");
        console_number(class);
        console_text(", ");
        console_text(munas_labels[class]);
        console_text(is_as_expected ? ", as on the host\n" : ", DIFFERS\n");
    }
    return 0;
}
