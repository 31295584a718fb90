/* What the kernel covers at two positions is gathered on the stack and widened once for all output channels:
 * for each four elements, the pairs (0, 2) and (1, 3) of the first position, then those of the second. */

#if MUNAS_DSP

/* Four elements at two positions: r0 patch, r1 and r2 weights, r10 to r12 and lr sums. */
#define MUNAS_GATHERED_STEP                                                                                        \
    "ldmia r0!, {r4, r5, r6, r7}\n\t"                                                                              \
    "ldr r8, [r1], #4\n\t"                                                                                         \
    "sxtb16 r9, r8\n\t"                                                                                            \
    "sxtb16 r8, r8, ror #8\n\t"                                                                                    \
    "smlad r10, r9, r4, r10\n\t"                                                                                   \
    "smlad r11, r9, r6, r11\n\t"                                                                                   \
    "smlad r10, r8, r5, r10\n\t"                                                                                   \
    "smlad r11, r8, r7, r11\n\t"                                                                                   \
    "ldr r8, [r2], #4\n\t"                                                                                         \
    "sxtb16 r9, r8\n\t"                                                                                            \
    "sxtb16 r8, r8, ror #8\n\t"                                                                                    \
    "smlad r12, r9, r4, r12\n\t"                                                                                   \
    "smlad lr, r9, r6, lr\n\t"                                                                                     \
    "smlad r12, r8, r5, r12\n\t"                                                                                   \
    "smlad lr, r8, r7, lr\n\t"

/* Adds the products of so many words, at least one, to the sums of a block. */
MUNAS_ASSEMBLY void munas_dot_gathered(
    const uint32_t *patch MUNAS_ARGUMENT, const int8_t *weights_0 MUNAS_ARGUMENT,
    const int8_t *weights_1 MUNAS_ARGUMENT, munas_size words MUNAS_ARGUMENT, int32_t *sums MUNAS_ARGUMENT) {
    __asm__ volatile(
        "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
        "ldr r4, [sp, #36]\n\t"
        "ldm r4, {r10, r11, r12, lr}\n\t"
        /* Two steps per round; an odd number starts in the middle. */
        "adds r3, r3, #1\n\t"
        "lsrs r3, r3, #1\n\t"
        "bcc 2f\n"
        "1:\n\t" MUNAS_GATHERED_STEP
        "2:\n\t" MUNAS_GATHERED_STEP
        "subs r3, r3, #1\n\t"
        "bne 1b\n\t"
        "ldr r4, [sp, #36]\n\t"
        "stm r4, {r10, r11, r12, lr}\n\t"
        "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}");
}

/* Widens words of elements, at least one, to pairs in every other couple of words of the patch. */
static inline void munas_widen(const int8_t *elements, munas_size words, uint32_t offsets, uint32_t *patch) {
    uint32_t even, odd;
    __asm__ volatile(
        "1:\n\t"
        "ldr %[odd], [%[elements]], #4\n\t"
        "sxtab16 %[even], %[offsets], %[odd]\n\t"
        "sxtab16 %[odd], %[offsets], %[odd], ror #8\n\t"
        "strd %[even], %[odd], [%[patch]], #16\n\t"
        "subs %[words], %[words], #1\n\t"
        "bne 1b"
        : [elements] "+r"(elements), [words] "+r"(words), [patch] "+r"(patch), [even] "=&r"(even), [odd] "=&r"(odd)
        : [offsets] "r"(offsets)
        : "cc", "memory");
}

/* Copies length bytes; the last word overlaps the one before. */
static inline void munas_copy(const int8_t *source, munas_size length, int8_t *target) {
    if (length < 4) {
        for (munas_size i = 0; i < length; i++) {
            target[i] = source[i];
        }
        return;
    }
    for (munas_size i = 0; i < length - 4; i += 4) {
        munas_store_word(target + i, munas_load_word(source + i));
    }
    munas_store_word(target + length - 4, munas_load_word(source + length - 4));
}

/* Gathers what the kernel covers at an output position. */
MUNAS_KERNEL void munas_gather(
    const struct munas_layer *layer, const int8_t *input, munas_size position, uint32_t *patch) {
    const munas_size channels = layer->input_channels;
    const munas_size input_row = layer->input_width * channels;
    const munas_size kernel_row = layer->kernel_width * channels;
    const uint32_t offsets = munas_pair_of(layer->input_offset);
    const struct munas_window window =
        munas_window_at(layer, input, position / layer->output_width, position % layer->output_width);
    const int8_t *elements = window.input;
    const int is_inside = window.rows == layer->kernel_height && window.columns == layer->kernel_width;
    if (is_inside && kernel_row % 4 == 0) {
        for (munas_size row = 0; row < layer->kernel_height; row++) {
            munas_widen(elements, kernel_row / 4, offsets, patch);
            elements += input_row;
            patch += kernel_row;
        }
        return;
    }
    uint32_t words[MUNAS_PATCH_WORDS];
    const munas_size length = (layer->kernel_height * kernel_row + 3) / 4;
    const uint32_t zeros = ((uint32_t)-layer->input_offset & 0xffu) * 0x01010101u;
    if (is_inside) {
        /* What the weights behind those of the kernel are multiplied with. */
        words[length - 1] = zeros;
    } else {
        for (munas_size i = 0; i < length; i++) {
            words[i] = zeros;
        }
    }
    int8_t *target = (int8_t *)words + window.first_row * kernel_row + window.first_column * channels;
    for (munas_size row = 0; row < window.rows; row++) {
        munas_copy(elements, window.columns * channels, target);
        elements += input_row;
        target += kernel_row;
    }
    munas_widen((const int8_t *)words, length, offsets, patch);
}

/* One output channel. */
static inline void munas_convolve_last(
    const struct munas_layer *layer, const uint32_t *patch, const int8_t *weights, munas_size words,
    munas_size channel, int8_t *output_0, int8_t *output_1) {
    const struct munas_scale scale = munas_scale_of(layer, channel);
    int32_t sum_0 = layer->scales[channel][0];
    int32_t sum_1 = sum_0;
    for (; words > 0; words--) {
        const uint32_t word = munas_load_word(weights);
        const uint32_t even = munas_even(word);
        const uint32_t odd = munas_odd(word);
        sum_0 = munas_dot(odd, patch[1], munas_dot(even, patch[0], sum_0));
        sum_1 = munas_dot(odd, patch[3], munas_dot(even, patch[2], sum_1));
        patch += 4;
        weights += 4;
    }
    output_0[channel] = munas_requantise(scale, sum_0);
    output_1[channel] = munas_requantise(scale, sum_1);
}

MUNAS_KERNEL void munas_convolve_gathered(const struct munas_layer *layer, const int8_t *input, int8_t *output) {
    uint32_t patch[4 * MUNAS_PATCH_WORDS];
    const munas_size kernel = (munas_size)layer->kernel_height * layer->kernel_width * layer->input_channels;
    const munas_size words = (kernel + 3) / 4;
    const munas_size positions = (munas_size)layer->output_height * layer->output_width;
    for (munas_size position = 0; position < positions; position += 2) {
        const munas_size second = munas_smaller(position + 1, positions - 1);
        int8_t *const output_0 = output + position * layer->output_channels;
        int8_t *const output_1 = output + second * layer->output_channels;
        const int8_t *weights = layer->weights;
        munas_gather(layer, input, position, patch);
        munas_gather(layer, input, second, patch + 2);
        munas_size c = 0;
        for (; c + 2 <= layer->output_channels; c += 2) {
            const struct munas_channels channels = {c, c + 1};
            int32_t sums[4];
            munas_start_sums(layer, channels, sums);
            munas_dot_gathered(patch, weights, weights + kernel, words, sums);
            munas_store_sums(layer, channels, sums, output_0, output_1);
            weights += 2 * kernel;
        }
        if (c < layer->output_channels) {
            munas_convolve_last(layer, patch, weights, words, c, output_0, output_1);
        }
    }
}

#endif
