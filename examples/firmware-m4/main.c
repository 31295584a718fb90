/* Classifies the test vectors of a network that munas exported, and says whether the outputs are those of the host. */
#include <stdint.h>

#include "console.h"
#include "model.h"
#include "model_vectors.h"

/* The class with the largest score. Scores need no conversion to real numbers: all have the same scale. */
static unsigned int best_class(const int8_t *scores)
{
    unsigned int best = 0;
    for (unsigned int class = 1; class < MUNAS_OUTPUT_SIZE; class++) {
        if (scores[class] > scores[best]) {
            best = class;
        }
    }
    return best;
}

static int is_as_expected(const int8_t *scores, const int8_t *expected)
{
    for (unsigned int class = 0; class < MUNAS_OUTPUT_SIZE; class++) {
        if (scores[class] != expected[class]) {
            return 0;
        }
    }
    return 1;
}

int main(void)
{
    static int8_t scores[MUNAS_OUTPUT_SIZE];
    for (unsigned int sample = 0; sample < MUNAS_TEST_SAMPLES; sample++) {
        if (munas_invoke(munas_test_inputs[sample], scores) != 0) {
            console_text("munas_invoke failed\n");
            return 1;
        }
        console_text("sample ");
        console_number(sample);
        console_text(": class ");
        console_number(best_class(scores));
        console_text(is_as_expected(scores, munas_test_outputs[sample]) ? ", as on the host\n" : ", DIFFERS\n");
    }
    return 0;
}
