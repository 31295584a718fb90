/* ---- Depthwise convolution ---- */

/* The walk over what the kernel covers at an output position, for each channel. Steps are in elements. */
struct munas_taps {
    const int8_t *elements, *weights;
    munas_size rows, columns;
    /* From the end of a row to the start of the next. */
    munas_size elements_to_row, weights_to_row;
    munas_size channels;
};

static inline struct munas_taps munas_taps_at(
    const struct munas_layer *layer, const int8_t *input, munas_size y, munas_size x) {
    const munas_size channels = layer->input_channels;
    const struct munas_window window = munas_window_at(layer, input, y, x);
    struct munas_taps taps;
    taps.elements = window.input;
    taps.weights = layer->weights + (window.first_row * layer->kernel_width + window.first_column) * channels;
    taps.rows = window.rows;
    taps.columns = window.columns;
    taps.elements_to_row = (layer->input_width - window.columns) * channels;
    taps.weights_to_row = (layer->kernel_width - window.columns) * channels;
    taps.channels = channels;
    return taps;
}

#if MUNAS_DSP

/* Adds the products of four neighbouring channels, from channel c on, to their sums in the order 0, 2, 1, 3. */
MUNAS_ASSEMBLY void munas_dot_depthwise(
    const struct munas_taps *taps MUNAS_ARGUMENT, munas_size c MUNAS_ARGUMENT, uint32_t offsets MUNAS_ARGUMENT,
    int32_t *sums MUNAS_ARGUMENT) {
    /* r0 elements, r1 weights, r4 to r7 sums, r8 offsets, r9 channels, r10 columns and r11 rows to go */
    __asm__ volatile(
        "push {r0, r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
        "mov r12, r0\n\t"
        "mov r8, r2\n\t"
        "ldm r3, {r4, r5, r6, r7}\n\t"
        "ldrd r0, r2, [r12]\n\t"
        "add r0, r0, r1\n\t"
        "add r1, r1, r2\n\t"
        "ldrd r11, r10, [r12, #8]\n\t"
        "ldr r9, [r12, #24]\n"
        "1:\n\t"
        "ldr r3, [r0]\n\t"
        "add r0, r0, r9\n\t"
        "ldr r12, [r1]\n\t"
        "add r1, r1, r9\n\t"
        "sxtab16 lr, r8, r3\n\t"
        "sxtb16 r2, r12\n\t"
        "smlabb r4, lr, r2, r4\n\t"
        "smlatt r5, lr, r2, r5\n\t"
        "sxtab16 lr, r8, r3, ror #8\n\t"
        "sxtb16 r2, r12, ror #8\n\t"
        "smlabb r6, lr, r2, r6\n\t"
        "smlatt r7, lr, r2, r7\n\t"
        "subs r10, r10, #1\n\t"
        "bne 1b\n\t"
        "ldr r12, [sp]\n\t"
        "ldrd r2, r3, [r12, #16]\n\t"
        "add r0, r0, r2\n\t"
        "add r1, r1, r3\n\t"
        "ldr r10, [r12, #12]\n\t"
        "subs r11, r11, #1\n\t"
        "bne 1b\n\t"
        "ldr r3, [sp, #4]\n\t"
        "stm r3, {r4, r5, r6, r7}\n\t"
        "pop {r0, r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}");
}

/* Four neighbouring channels at an output position. */
static inline void munas_four_channels(
    const struct munas_layer *layer, const struct munas_taps *taps, munas_size c, int8_t *output) {
    int32_t sums[4] = {
        layer->scales[c][0], layer->scales[c + 2][0], layer->scales[c + 1][0], layer->scales[c + 3][0]};
    munas_dot_depthwise(taps, c, munas_pair_of(layer->input_offset), sums);
    const int8_t first = munas_requantise(munas_scale_of(layer, c), sums[0]);
    const int8_t second = munas_requantise(munas_scale_of(layer, c + 1), sums[2]);
    const int8_t third = munas_requantise(munas_scale_of(layer, c + 2), sums[1]);
    const int8_t fourth = munas_requantise(munas_scale_of(layer, c + 3), sums[3]);
    output[c] = first;
    output[c + 1] = second;
    output[c + 2] = third;
    output[c + 3] = fourth;
}

#endif

/* One channel at an output position. */
static inline void munas_one_channel(
    const struct munas_layer *layer, const struct munas_taps *taps, munas_size c, int8_t *output) {
    int32_t sum = MUNAS_READ_32(&layer->scales[c][0]);
    const int8_t *elements = taps->elements + c;
    const int8_t *weights = taps->weights + c;
    for (munas_size row = 0; row < taps->rows; row++) {
        for (munas_size column = 0; column < taps->columns; column++) {
            sum += (*elements + layer->input_offset) * MUNAS_READ_8(weights);
            elements += taps->channels;
            weights += taps->channels;
        }
        elements += taps->elements_to_row;
        weights += taps->weights_to_row;
    }
    output[c] = munas_requantise(munas_scale_of(layer, c), sum);
}

MUNAS_KERNEL void munas_convolve_depthwise(const struct munas_layer *layer, const int8_t *input, int8_t *output) {
    for (munas_size y = 0; y < layer->output_height; y++) {
        for (munas_size x = 0; x < layer->output_width; x++) {
            const struct munas_taps taps = munas_taps_at(layer, input, y, x);
            munas_size c = 0;
#if MUNAS_DSP
            for (; c + 4 <= layer->output_channels; c += 4) {
                munas_four_channels(layer, &taps, c, output);
            }
#endif
            for (munas_size rest = layer->output_channels - c; rest > 0; rest--) {
                munas_one_channel(layer, &taps, c, output);
                c++;
            }
            output += layer->output_channels;
        }
    }
}
