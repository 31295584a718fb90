/* ---- Convolution, a row of odd width ---- */

#if !MUNAS_DSP

#define munas_convolve_odd_row munas_convolve

#else

/* Four elements and an output channel: r4 and r5 pairs of elements. */
#define MUNAS_SINGLE_PRODUCTS(weights, sum)                                                                        \
    "ldr r8, [" weights "], #4\n\t"                                                                                \
    "sxtb16 r9, r8\n\t"                                                                                            \
    "sxtb16 r8, r8, ror #8\n\t"                                                                                    \
    "smlad " sum ", r9, r4, " sum "\n\t"                                                                           \
    "smlad " sum ", r8, r5, " sum "\n\t"

/* Adds the products of so many words, at least one, of the first position of a patch to the sums of four output channels. Their weights
 * are so many bytes apart. */
MUNAS_ASSEMBLY void munas_dot_single(
    const uint32_t *patch MUNAS_ARGUMENT, const int8_t *weights MUNAS_ARGUMENT, munas_size kernel MUNAS_ARGUMENT,
    munas_size words MUNAS_ARGUMENT, int32_t *sums MUNAS_ARGUMENT) {
    __asm__ volatile(
        "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
        "ldr r4, [sp, #36]\n\t"
        "ldm r4, {r10, r11, r12, lr}\n\t"
        "add r6, r1, r2, lsl #1\n\t"
        "add r7, r6, r2\n\t"
        "add r2, r1, r2\n"
        "1:\n\t"
        "ldrd r4, r5, [r0], #16\n\t" MUNAS_SINGLE_PRODUCTS("r1", "r10") MUNAS_SINGLE_PRODUCTS("r2", "r11")
        MUNAS_SINGLE_PRODUCTS("r6", "r12") MUNAS_SINGLE_PRODUCTS("r7", "lr")
        "subs r3, r3, #1\n\t"
        "bne 1b\n\t"
        "ldr r4, [sp, #36]\n\t"
        "stm r4, {r10, r11, r12, lr}\n\t"
        "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}");
}

/* One position. */
MUNAS_KERNEL void munas_convolve_single(
    const struct munas_layer *layer, const int8_t *input, munas_size position, int8_t *output) {
    uint32_t patch[4 * MUNAS_PATCH_WORDS];
    const munas_size kernel = (munas_size)layer->kernel_height * layer->kernel_width * layer->input_channels;
    const munas_size words = (kernel + 3) / 4;
    const int8_t *weights = layer->weights;
    munas_size c = 0;
    munas_gather(layer, input, position, patch);
    for (; c + 4 <= layer->output_channels; c += 4) {
        int32_t sums[4] = {
            layer->scales[c][0], layer->scales[c + 1][0], layer->scales[c + 2][0], layer->scales[c + 3][0]};
        munas_dot_single(patch, weights, kernel, words, sums);
        munas_store_four(layer, c, sums[0], sums[1], sums[2], sums[3], output);
        weights += 4 * kernel;
    }
    for (; c < layer->output_channels; c++) {
        const uint32_t *pairs = patch;
        const int8_t *word = weights;
        int32_t sum = layer->scales[c][0];
        for (munas_size i = words; i > 0; i--) {
            const uint32_t four = munas_load_word(word);
            sum = munas_dot(munas_odd(four), pairs[1], munas_dot(munas_even(four), pairs[0], sum));
            pairs += 4;
            word += 4;
        }
        output[c] = munas_requantise(munas_scale_of(layer, c), sum);
        weights += kernel;
    }
}

/* Pairs of positions, as whole layers are computed, and the last one by itself. */
MUNAS_KERNEL void munas_convolve_odd_row(const struct munas_layer *layer, const int8_t *input, int8_t *output) {
    const munas_size last = layer->output_width - 1u;
    if (last > 0) {
        struct munas_layer pairs = *layer;
        pairs.output_width = (uint16_t)last;
        munas_convolve_gathered(&pairs, input, output);
    }
    munas_convolve_single(layer, input, last, output + last * layer->output_channels);
}

#endif
