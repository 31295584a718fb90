/* Without padding and with offsets that are part of the biases, elements can be widened where they lie. This
 * needs no memory, and widens them anew for each two output channels. */

#if MUNAS_DSP

/* Four elements at two positions: r0 and r1 elements, r2 and r3 weights, r4 to r7 sums. */
#define MUNAS_DIRECT_STEP                                                                                          \
    "ldr r8, [r0], #4\n\t"                                                                                         \
    "ldr r9, [r1], #4\n\t"                                                                                         \
    MUNAS_DIRECT_PRODUCTS
#define MUNAS_DIRECT_PRODUCTS                                                                                      \
    "sxtb16 r10, r8\n\t"                                                                                           \
    "sxtb16 r8, r8, ror #8\n\t"                                                                                    \
    "sxtb16 r11, r9\n\t"                                                                                           \
    "sxtb16 r9, r9, ror #8\n\t"                                                                                    \
    "ldr r12, [r2], #4\n\t"                                                                                        \
    "sxtb16 lr, r12\n\t"                                                                                           \
    "sxtb16 r12, r12, ror #8\n\t"                                                                                  \
    "smlad r4, lr, r10, r4\n\t"                                                                                    \
    "smlad r5, lr, r11, r5\n\t"                                                                                    \
    "smlad r4, r12, r8, r4\n\t"                                                                                    \
    "smlad r5, r12, r9, r5\n\t"                                                                                    \
    "ldr r12, [r3], #4\n\t"                                                                                        \
    "sxtb16 lr, r12\n\t"                                                                                           \
    "sxtb16 r12, r12, ror #8\n\t"                                                                                  \
    "smlad r6, lr, r10, r6\n\t"                                                                                    \
    "smlad r7, lr, r11, r7\n\t"                                                                                    \
    "smlad r6, r12, r8, r6\n\t"                                                                                    \
    "smlad r7, r12, r9, r7\n\t"

/* Adds the products of a row of so many elements, at least four, to the sums of a block. The last one to three are
 * taken from the last word of the row, shifted so that zeros meet the weights behind the row. */
MUNAS_ASSEMBLY void munas_dot_direct(
    const int8_t *elements_0 MUNAS_ARGUMENT, const int8_t *elements_1 MUNAS_ARGUMENT,
    const int8_t *weights_0 MUNAS_ARGUMENT, const int8_t *weights_1 MUNAS_ARGUMENT,
    munas_size length MUNAS_ARGUMENT, int32_t *sums MUNAS_ARGUMENT) {
    __asm__ volatile(
        "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
        "ldr r8, [sp, #36]\n\t"
        "ldr r12, [sp, #40]\n\t"
        "ldm r12, {r4, r5, r6, r7}\n\t"
        /* Instead of the length, the end of the whole words of the first row; below, the rest. */
        "and r9, r8, #3\n\t"
        "sub r10, r8, r9\n\t"
        "add r10, r10, r0\n\t"
        "push {r9, r10}\n\t"
        /* Two steps per round; an odd number of words starts in the middle. */
        "tst r8, #4\n\t"
        "bne 2f\n"
        "1:\n\t" MUNAS_DIRECT_STEP
        "2:\n\t" MUNAS_DIRECT_STEP
        "ldr r8, [sp, #4]\n\t"
        "cmp r0, r8\n\t"
        "bne 1b\n\t"
        "ldr r10, [sp]\n\t"
        "cmp r10, #0\n\t"
        "beq 3f\n\t"
        "sub r11, r10, #4\n\t"
        "ldr r8, [r0, r11]\n\t"
        "ldr r9, [r1, r11]\n\t"
        "lsl r11, r11, #3\n\t"
        "rsb r11, r11, #0\n\t"
        "lsr r8, r8, r11\n\t"
        "lsr r9, r9, r11\n\t" MUNAS_DIRECT_PRODUCTS
        "3:\n\t"
        "add sp, sp, #8\n\t"
        "ldr r12, [sp, #40]\n\t"
        "stm r12, {r4, r5, r6, r7}\n\t"
        "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}");
}

MUNAS_KERNEL void munas_convolve_direct(const struct munas_layer *layer, const int8_t *input, int8_t *output) {
    const munas_size channels = layer->input_channels;
    const munas_size input_row = layer->input_width * channels;
    const munas_size kernel_row = layer->kernel_width * channels;
    const munas_size kernel = layer->kernel_height * kernel_row;
    const munas_size positions = (munas_size)layer->output_height * layer->output_width;
    for (munas_size position = 0; position < positions; position += 2) {
        const munas_size second = munas_smaller(position + 1, positions - 1);
        int8_t *const output_0 = output + position * layer->output_channels;
        int8_t *const output_1 = output + second * layer->output_channels;
        const int8_t *const elements_0 =
            munas_window_at(layer, input, position / layer->output_width, position % layer->output_width).input;
        const int8_t *const elements_1 =
            munas_window_at(layer, input, second / layer->output_width, second % layer->output_width).input;
        for (munas_size c = 0; c < layer->output_channels; c += 2) {
            const struct munas_channels channels = munas_channels_from(layer, c);
            const int8_t *weights_0 = layer->weights + channels.first * kernel;
            const int8_t *weights_1 = layer->weights + channels.second * kernel;
            munas_size row = 0;
            int32_t sums[4];
            munas_start_sums(layer, channels, sums);
            for (munas_size rows = layer->kernel_height; rows > 0; rows--) {
                munas_dot_direct(elements_0 + row, elements_1 + row, weights_0, weights_1, kernel_row, sums);
                row += input_row;
                weights_0 += kernel_row;
                weights_1 += kernel_row;
            }
            munas_store_sums(layer, channels, sums, output_0, output_1);
        }
    }
}

#endif
