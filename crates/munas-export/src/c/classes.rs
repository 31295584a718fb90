//! The C text of `munas_classify`: from the network's output to a class, as [`munas_quant::predicted_class`].

use super::Model;

/// The declarations in `model.h`.
pub(super) fn declarations(model: &Model<'_>) -> String {
    format!(
        "#define MUNAS_CLASSES {}\n\
         /* The class, from 0, that an output of munas_invoke stands for: {}. */\n\
         unsigned int munas_classify(const int8_t *output);\n",
        model.network.classes(),
        how(model).replace('`', ""),
    )
}

/// How an output is read, in words.
pub(super) fn how(model: &Model<'_>) -> &'static str {
    if model.outputs() == 1 {
        "1 if its only element, the logit of class 1, is above `MUNAS_OUTPUT_ZERO_POINT`, else 0"
    } else {
        "the index of the largest element, the first of equals"
    }
}

/// The function in `model.c`.
pub(super) fn function(model: &Model<'_>) -> &'static str {
    if model.outputs() == 1 {
        "\nunsigned int munas_classify(const int8_t *output) {\n    \
         return output[0] - MUNAS_OUTPUT_ZERO_POINT > 0 ? 1 : 0;\n}\n"
    } else {
        "\nunsigned int munas_classify(const int8_t *output) {\n    \
         unsigned int best = 0;\n    \
         for (unsigned int i = 1; i < MUNAS_OUTPUT_SIZE; i++) {\n        \
         if (output[i] > output[best]) {\n            best = i;\n        }\n    }\n    \
         return best;\n}\n"
    }
}
