/* Classifies the test vectors of a network that munas exported, and says whether outputs and classes are those of the host. */
#include <stdint.h>

#include "console.h"
#include "model.h"
#include "model_vectors.h"

static int is_as_expected(const int8_t *scores, unsigned int class, unsigned int sample)
{
    for (unsigned int i = 0; i < MUNAS_OUTPUT_SIZE; i++) {
        if (scores[i] != munas_test_outputs[sample][i]) {
            return 0;
        }
    }
    return class == munas_test_classes[sample];
}

int main(void)
{
    static int8_t scores[MUNAS_OUTPUT_SIZE];
    for (unsigned int sample = 0; sample < MUNAS_TEST_SAMPLES; sample++) {
        if (munas_invoke(munas_test_inputs[sample], scores) != 0) {
            console_text("munas_invoke failed\n");
            return 1;
        }
        const unsigned int class = munas_classify(scores);
        console_text("sample ");
        console_number(sample);
        console_text(": class ");
        console_number(class);
        console_text(is_as_expected(scores, class, sample) ? ", as on the host\n" : ", DIFFERS\n");
    }
    return 0;
}
