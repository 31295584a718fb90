#if MUNAS_DSP

/* The products of all elements of the input: the weights of the units lie one behind the other. */
MUNAS_ASSEMBLY void munas_dot_dense(
    const int8_t *elements MUNAS_ARGUMENT, const int8_t *weights MUNAS_ARGUMENT, uint32_t offsets MUNAS_ARGUMENT,
    munas_size features MUNAS_ARGUMENT, int32_t *sums MUNAS_ARGUMENT) {
    __asm__ volatile(MUNAS_DENSE_DOT(
        "add r8, r1, r3, lsl #1\n\t"
        "add r9, r8, r3\n\t"
        "add r3, r1, r3\n\t"));
}

static inline void munas_four_units(
    const struct munas_layer *layer, const int8_t *input, munas_size features, munas_size unit, int8_t *output) {
    int32_t sums[4] = {
        layer->scales[unit][0], layer->scales[unit + 1][0], layer->scales[unit + 2][0], layer->scales[unit + 3][0]};
    munas_dot_dense(input, layer->weights + unit * features, munas_pair_of(layer->input_offset), features, sums);
    munas_store_four(layer, unit, sums[0], sums[1], sums[2], sums[3], output);
}

/* Two units; of an odd number, the last is both. */
static inline void munas_two_units(
    const struct munas_layer *layer, const int8_t *input, munas_size features, munas_size unit, int8_t *output) {
    const munas_size next = munas_smaller(unit + 1, layer->output_channels - 1u);
    const int8_t *const weights_0 = layer->weights + unit * features;
    const int8_t *const weights_1 = layer->weights + next * features;
    int32_t sum_0 = layer->scales[unit][0];
    int32_t sum_1 = layer->scales[next][0];
    munas_dot_row(input, features, layer->input_offset, weights_0, weights_1, &sum_0, &sum_1);
    output[unit] = munas_requantise(munas_scale_of(layer, unit), sum_0);
    output[next] = munas_requantise(munas_scale_of(layer, next), sum_1);
}

MUNAS_KERNEL void munas_dense(const struct munas_layer *layer, const int8_t *input, int8_t *output) {
    const munas_size features = (munas_size)layer->kernel_height * layer->kernel_width * layer->input_channels;
    munas_size unit = 0;
    if (features >= 4) {
        for (; unit + 4 <= layer->output_channels; unit += 4) {
            munas_four_units(layer, input, features, unit, output);
        }
    }
    for (; unit < layer->output_channels; unit += 2) {
        munas_two_units(layer, input, features, unit, output);
    }
}

#else

MUNAS_KERNEL void munas_dense(const struct munas_layer *layer, const int8_t *input, int8_t *output) {
    const munas_size features = (munas_size)layer->kernel_height * layer->kernel_width * layer->input_channels;
    struct munas_rows rows;
    rows.elements = input;
    rows.count = 1;
    rows.length = features;
    rows.elements_step = 0;
    rows.weights_step = 0;
    rows.offset = layer->input_offset;
    rows.weights = layer->weights;
    rows.kernel = features;
    for (munas_size unit = 0; unit < layer->output_channels; unit += MUNAS_BLOCK) {
        munas_block(layer, &rows, unit, output);
    }
}

#endif
