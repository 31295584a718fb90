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

#if defined(MUNAS_INPUT_ROW_SIZE)

/* The network takes its input row by row, as a sensor delivers it: no more than a row is ever held. */
static int run(const munas_raw *raw, const int8_t *expected, int8_t *scores)
{
    static int8_t row[MUNAS_INPUT_ROW_SIZE];
    int is_input_equal = 1;
    munas_begin();
    for (unsigned int y = 0; y < MUNAS_INPUT_HEIGHT; y++) {
        munas_quantise_rows(raw + y * MUNAS_INPUT_ROW_SIZE, row, 1);
        is_input_equal &= is_equal(row, expected + y * MUNAS_INPUT_ROW_SIZE, MUNAS_INPUT_ROW_SIZE);
        if (munas_push_rows(row, 1) != 0) {
            return 0;
        }
    }
    return munas_finish(scores) == 0 && is_input_equal;
}

#else

static int run(const munas_raw *raw, const int8_t *expected, int8_t *scores)
{
    static int8_t input[MUNAS_INPUT_SIZE];
    munas_quantise_input(raw, input);
    return munas_invoke(input, scores) == 0 && is_equal(input, expected, MUNAS_INPUT_SIZE);
}

#endif

int main(void)
{
    static int8_t scores[MUNAS_OUTPUT_SIZE];
    for (unsigned int sample = 0; sample < MUNAS_TEST_SAMPLES; sample++) {
        const int is_run = run(munas_test_raw[sample], munas_test_inputs[sample], scores);
        const unsigned int class = munas_classify(scores);
        const int is_as_expected = is_run && is_equal(scores, munas_test_outputs[sample], MUNAS_OUTPUT_SIZE) && class == munas_test_classes[sample];
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
