#if MUNAS_DSP

/* The products of a row of the input: the weights of the units are so many bytes apart. */
MUNAS_ASSEMBLY void munas_dot_dense_row(
    const int8_t *elements MUNAS_ARGUMENT, const int8_t *weights MUNAS_ARGUMENT, uint32_t offsets MUNAS_ARGUMENT,
    munas_size length MUNAS_ARGUMENT, munas_word *sums MUNAS_ARGUMENT, munas_size apart MUNAS_ARGUMENT) {
    __asm__ volatile(MUNAS_DENSE_DOT(
        "ldr r3, [sp, #48]\n\t"
        "add r8, r1, r3, lsl #1\n\t"
        "add r9, r8, r3\n\t"
        "add r3, r1, r3\n\t"));
}

#endif

/* Adds the products of a row of the input, at a position in the flattened input, to the sums of all units: the first row begins with
 * the biases, the last one makes elements of the sums. */
MUNAS_KERNEL void munas_dense_row(
    const struct munas_layer *layer, const int8_t *input, munas_size length, munas_size position, munas_word *sums,
    int8_t *output) {
    const munas_size features = layer->input_channels;
    const munas_size units = layer->output_channels;
    const int8_t *const weights = layer->weights + position;
    munas_size unit = 0;
    if (position == 0) {
        for (munas_size i = 0; i < units; i++) {
            sums[i] = MUNAS_READ_32(&layer->scales[i][0]);
        }
    }
#if MUNAS_DSP
    for (; length >= 4 && unit + 4 <= units; unit += 4) {
        munas_dot_dense_row(
            input, weights + unit * features, munas_pair_of(layer->input_offset), length, sums + unit, features);
    }
#endif
    for (; unit < units; unit += 2) {
        /* Of an odd number of units, the last is both. */
        const munas_size next = munas_smaller(unit + 1, units - 1u);
        int32_t sum_0 = sums[unit];
        int32_t sum_1 = sums[next];
        munas_dot_row(
            input, length, layer->input_offset, weights + unit * features, weights + next * features, &sum_0, &sum_1);
        sums[unit] = sum_0;
        sums[next] = sum_1;
    }
    if (position + length == features) {
        for (munas_size i = 0; i < units; i++) {
            output[i] = munas_requantise(munas_scale_of(layer, i), sums[i]);
        }
    }
}
