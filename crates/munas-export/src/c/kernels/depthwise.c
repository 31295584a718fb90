/* ---- Depthwise convolution ---- */

/* The walk over what the kernel covers at an output position, for each channel. Steps are in elements. */
struct munas_taps {
    const int8_t *elements, *weights;
    munas_size rows, columns;
    /* From the end of a row to the start of the next. */
    munas_size elements_to_row, weights_to_row;
    munas_size channels;
#if MUNAS_DSP
    /* The columns, or 0 for all three of a kernel of three. */
    munas_size other_columns;
    /* The offset of the elements, twice. */
    uint32_t offsets;
    /* Of four channels, in the order 0, 2, 1, 3. */
    int32_t sums[4];
#endif
};

/* At a column of the output, below rows that start at these elements and weights. */
static inline void munas_set_taps(
    struct munas_taps *taps, const struct munas_layer *layer, const int8_t *elements, const int8_t *weights,
    munas_size x) {
    const struct munas_span columns = munas_columns_at(layer, x);
    const munas_size channels = layer->input_channels;
    taps->elements = elements + columns.start * channels;
    taps->weights = weights + columns.first * channels;
    taps->columns = columns.count;
    taps->elements_to_row = (layer->input_width - columns.count) * channels;
    taps->weights_to_row = (layer->kernel_width - columns.count) * channels;
#if MUNAS_DSP
    taps->other_columns = columns.count == 3 && layer->kernel_width == 3 ? 0 : columns.count;
#endif
}

#if MUNAS_DSP

/* Four channels under an element of the kernel: r3 elements, r12 weights, r8 offsets, r4 to r7 sums. */
#define MUNAS_DEPTHWISE_PRODUCTS                                                                                   \
    "sxtab16 lr, r8, r3\n\t"                                                                                       \
    "sxtb16 r2, r12\n\t"                                                                                           \
    "smlabb r4, lr, r2, r4\n\t"                                                                                    \
    "smlatt r5, lr, r2, r5\n\t"                                                                                    \
    "sxtab16 lr, r8, r3, ror #8\n\t"                                                                               \
    "sxtb16 r2, r12, ror #8\n\t"                                                                                   \
    "smlabb r6, lr, r2, r6\n\t"                                                                                    \
    "smlatt r7, lr, r2, r7\n\t"

/* Sums the products of four neighbouring channels, from channel c on, and their biases. */
MUNAS_ASSEMBLY void munas_dot_depthwise(
    struct munas_taps *taps MUNAS_ARGUMENT, munas_size c MUNAS_ARGUMENT,
    const int32_t (*scales)[2] MUNAS_ARGUMENT) {
    /* r0 elements, r1 weights, r9 channels, r10 columns and r11 rows to go */
    __asm__ volatile(
        "push {r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
        "ldr r4, [r2]\n\t"
        "ldr r5, [r2, #16]\n\t"
        "ldr r6, [r2, #8]\n\t"
        "ldr r7, [r2, #24]\n\t"
        "mov r12, r0\n\t"
        "ldrd r0, r2, [r12]\n\t"
        "add r0, r0, r1\n\t"
        "add r1, r1, r2\n\t"
        "ldr r11, [r12, #8]\n\t"
        "ldrd r9, r10, [r12, #24]\n\t"
        "ldr r8, [r12, #32]\n\t"
        "cmp r10, #0\n\t"
        "beq 2f\n"
        "1:\n\t"
        "ldr r3, [r0]\n\t"
        "add r0, r0, r9\n\t"
        "ldr r12, [r1]\n\t"
        "add r1, r1, r9\n\t" MUNAS_DEPTHWISE_PRODUCTS
        "subs r10, r10, #1\n\t"
        "bne 1b\n\t"
        "ldr r12, [sp]\n\t"
        "ldrd r2, r3, [r12, #16]\n\t"
        "add r0, r0, r2\n\t"
        "add r1, r1, r3\n\t"
        "ldr r10, [r12, #12]\n\t"
        "subs r11, r11, #1\n\t"
        "bne 1b\n\t"
        "b 4f\n"
        /* All of a kernel of three columns: r10 from a row of elements to the next. */
        "2:\n\t"
        "ldr r10, [r12, #16]\n\t"
        "add r10, r10, r9\n\t"
        "add r10, r10, r9, lsl #1\n"
        "3:\n\t"
        "ldr r3, [r0]\n\t"
        "ldr r12, [r1]\n\t" MUNAS_DEPTHWISE_PRODUCTS
        "ldr r3, [r0, r9]\n\t"
        "ldr r12, [r1, r9]\n\t" MUNAS_DEPTHWISE_PRODUCTS
        "ldr r3, [r0, r9, lsl #1]\n\t"
        "add r1, r1, r9, lsl #1\n\t"
        "ldr r12, [r1]\n\t" MUNAS_DEPTHWISE_PRODUCTS
        "add r0, r0, r10\n\t"
        "add r1, r1, r9\n\t"
        "subs r11, r11, #1\n\t"
        "bne 3b\n"
        "4:\n\t"
        "pop {r0}\n\t"
        "add r0, r0, #36\n\t"
        "stm r0, {r4, r5, r6, r7}\n\t"
        "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}");
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
        const struct munas_span rows = munas_rows_at(layer, y);
        const munas_size channels = layer->input_channels;
        const int8_t *const elements = input + rows.start * layer->input_width * channels;
        const int8_t *const weights = layer->weights + rows.first * layer->kernel_width * channels;
        struct munas_taps taps;
        taps.rows = rows.count;
        taps.channels = channels;
#if MUNAS_DSP
        taps.offsets = munas_pair_of(layer->input_offset);
#endif
        for (munas_size x = 0; x < layer->output_width; x++) {
            munas_set_taps(&taps, layer, elements, weights, x);
            munas_size c = 0;
#if MUNAS_DSP
            while (c + 4 <= channels) {
                munas_dot_depthwise(&taps, c, layer->scales + c);
                munas_store_four(layer, c, taps.sums[0], taps.sums[2], taps.sums[1], taps.sums[3], output);
                c += 4;
                /* The last two or three, with as many before them once more. */
                if (channels - c - 2 < 2) {
                    c = channels - 4;
                }
            }
#endif
            for (munas_size rest = channels - c; rest > 0; rest--) {
                munas_one_channel(layer, &taps, c, output);
                c++;
            }
            output += channels;
        }
    }
}
