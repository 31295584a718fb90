/* ---- Products without the DSP extension ----
 *
 * Blocks of output channels at one position, so that an element is loaded and widened once for all of them. */

#if !MUNAS_DSP

/* Rows of elements, and as many of weights for each output channel. */
struct munas_rows {
    const int8_t *elements;
    munas_size count, length;
    /* Added to each element. */
    int offset;
    /* From the start of a row to the start of the next. */
    munas_size elements_step, weights_step;
    /* The weights of the first output channel, and how far those of the next are from them. */
    const int8_t *weights;
    munas_size kernel;
};

#if defined(__thumb__) && !defined(__thumb2__) && !defined(MUNAS_PORTABLE)

#define MUNAS_BLOCK 4

/* The sums of a block and where the weights of its channels lie. */
struct munas_sums {
    int32_t sums[MUNAS_BLOCK];
    const int8_t *weights[MUNAS_BLOCK];
};

/* Adds the products to the sums. Compilers keep no sums in r8 to r11, to which ARMv6-M can do little but add. r0 to
 * r3 are the ends of the rows of weights, r4 that of the row of elements, and r5 counts up to 0. */
MUNAS_ASSEMBLY void munas_dot_rows(
    struct munas_sums *sums MUNAS_ARGUMENT, const struct munas_rows *rows MUNAS_ARGUMENT) {
    __asm__ volatile(
        ".syntax unified\n\t"
        "push {r4, r5, r6, r7, lr}\n\t"
        "mov r4, r8\n\t"
        "mov r5, r9\n\t"
        "mov r6, r10\n\t"
        "mov r7, r11\n\t"
        "push {r0, r1, r4, r5, r6, r7}\n\t"
        "ldm r0!, {r4, r5, r6, r7}\n\t"
        "mov r8, r4\n\t"
        "mov r9, r5\n\t"
        "mov r10, r6\n\t"
        "mov r11, r7\n\t"
        "ldm r1!, {r4, r5, r6, r7}\n\t"
        "mov lr, r5\n\t"
        "mov r12, r7\n\t"
        "ldm r0!, {r1, r2, r3, r5}\n\t"
        "adds r4, r4, r6\n\t"
        "adds r0, r1, r6\n\t"
        "adds r1, r2, r6\n\t"
        "adds r2, r3, r6\n\t"
        "adds r3, r5, r6\n\t"
        "rsbs r5, r6, #0\n"
        "1:\n\t"
        "ldrsb r6, [r4, r5]\n\t"
        "add r6, r12\n\t"
        "ldrsb r7, [r0, r5]\n\t"
        "muls r7, r6, r7\n\t"
        "add r8, r7\n\t"
        "ldrsb r7, [r1, r5]\n\t"
        "muls r7, r6, r7\n\t"
        "add r9, r7\n\t"
        "ldrsb r7, [r2, r5]\n\t"
        "muls r7, r6, r7\n\t"
        "add r10, r7\n\t"
        "ldrsb r7, [r3, r5]\n\t"
        "muls r7, r6, r7\n\t"
        "add r11, r7\n\t"
        "adds r5, r5, #1\n\t"
        "bne 1b\n\t"
        /* The next row. */
        "mov r7, lr\n\t"
        "subs r7, r7, #1\n\t"
        "beq 2f\n\t"
        "mov lr, r7\n\t"
        "ldr r7, [sp, #4]\n\t"
        "ldr r5, [r7, #16]\n\t"
        "adds r4, r4, r5\n\t"
        "ldr r5, [r7, #20]\n\t"
        "adds r0, r0, r5\n\t"
        "adds r1, r1, r5\n\t"
        "adds r2, r2, r5\n\t"
        "adds r3, r3, r5\n\t"
        "ldr r5, [r7, #8]\n\t"
        "rsbs r5, r5, #0\n\t"
        "b 1b\n"
        "2:\n\t"
        "pop {r0, r1}\n\t"
        "mov r4, r8\n\t"
        "mov r5, r9\n\t"
        "mov r6, r10\n\t"
        "mov r7, r11\n\t"
        "stm r0!, {r4, r5, r6, r7}\n\t"
        "pop {r4, r5, r6, r7}\n\t"
        "mov r8, r4\n\t"
        "mov r9, r5\n\t"
        "mov r10, r6\n\t"
        "mov r11, r7\n\t"
        "pop {r4, r5, r6, r7, pc}");
}

/* The block from this output channel on. Beyond the last, that is computed again. */
MUNAS_KERNEL void munas_block(
    const struct munas_layer *layer, const struct munas_rows *rows, munas_size channel, int8_t *output) {
    const munas_size channels = munas_smaller(layer->output_channels - channel, MUNAS_BLOCK);
    const int32_t (*scales)[2] = layer->scales + channel;
    const int8_t *weights = rows->weights + channel * rows->kernel;
    struct munas_sums sums;
    sums.weights[0] = weights;
    sums.sums[0] = (*scales)[0];
    if (channels > 1) {
        scales++;
        weights += rows->kernel;
    }
    sums.weights[1] = weights;
    sums.sums[1] = (*scales)[0];
    if (channels > 2) {
        scales++;
        weights += rows->kernel;
    }
    sums.weights[2] = weights;
    sums.sums[2] = (*scales)[0];
    if (channels > 3) {
        scales++;
        weights += rows->kernel;
    }
    sums.weights[3] = weights;
    sums.sums[3] = (*scales)[0];
    munas_dot_rows(&sums, rows);
    for (munas_size u = 0; u < channels; u++) {
        output[channel + u] = munas_requantise(munas_scale_of(layer, channel + u), sums.sums[u]);
    }
}

#else

/* AVR has no registers for the sums of four channels. */
#if defined(__AVR__)
#define MUNAS_BLOCK 2
#else
#define MUNAS_BLOCK 4

/* Three or four output channels; of three, the last twice. */
MUNAS_KERNEL void munas_four_channels(
    const struct munas_layer *layer, const struct munas_rows *rows, munas_size channel, int8_t *output) {
    const munas_size last = munas_smaller(channel + 3, layer->output_channels - 1u);
    const int8_t *elements = rows->elements;
    const int8_t *weights_0 = rows->weights + channel * rows->kernel;
    const int8_t *weights_1 = weights_0 + rows->kernel;
    const int8_t *weights_2 = weights_1 + rows->kernel;
    const int8_t *weights_3 = rows->weights + last * rows->kernel;
    int32_t sum_0 = layer->scales[channel][0];
    int32_t sum_1 = layer->scales[channel + 1][0];
    int32_t sum_2 = layer->scales[channel + 2][0];
    int32_t sum_3 = layer->scales[last][0];
    for (munas_size row = rows->count; row > 0; row--) {
        for (munas_size i = 0; i < rows->length; i++) {
            const int element = elements[i] + rows->offset;
            sum_0 += element * weights_0[i];
            sum_1 += element * weights_1[i];
            sum_2 += element * weights_2[i];
            sum_3 += element * weights_3[i];
        }
        elements += rows->elements_step;
        weights_0 += rows->weights_step;
        weights_1 += rows->weights_step;
        weights_2 += rows->weights_step;
        weights_3 += rows->weights_step;
    }
    const int8_t element_0 = munas_requantise(munas_scale_of(layer, channel), sum_0);
    const int8_t element_1 = munas_requantise(munas_scale_of(layer, channel + 1), sum_1);
    const int8_t element_2 = munas_requantise(munas_scale_of(layer, channel + 2), sum_2);
    const int8_t element_3 = munas_requantise(munas_scale_of(layer, last), sum_3);
    output[channel] = element_0;
    output[channel + 1] = element_1;
    output[channel + 2] = element_2;
    output[last] = element_3;
}

#endif

/* One or two output channels; one twice. */
MUNAS_KERNEL void munas_two_channels(
    const struct munas_layer *layer, const struct munas_rows *rows, munas_size channel, int8_t *output) {
    const munas_size last = munas_smaller(channel + 1, layer->output_channels - 1u);
    const int8_t *elements = rows->elements;
    const int8_t *weights_0 = rows->weights + channel * rows->kernel;
    const int8_t *weights_1 = rows->weights + last * rows->kernel;
    int32_t sum_0 = MUNAS_READ_32(&layer->scales[channel][0]);
    int32_t sum_1 = MUNAS_READ_32(&layer->scales[last][0]);
    for (munas_size row = rows->count; row > 0; row--) {
        for (munas_size i = 0; i < rows->length; i++) {
            const int element = elements[i] + rows->offset;
            sum_0 += element * MUNAS_READ_8(weights_0 + i);
            sum_1 += element * MUNAS_READ_8(weights_1 + i);
        }
        elements += rows->elements_step;
        weights_0 += rows->weights_step;
        weights_1 += rows->weights_step;
    }
    output[channel] = munas_requantise(munas_scale_of(layer, channel), sum_0);
    output[last] = munas_requantise(munas_scale_of(layer, last), sum_1);
}

MUNAS_KERNEL void munas_block(
    const struct munas_layer *layer, const struct munas_rows *rows, munas_size channel, int8_t *output) {
#if MUNAS_BLOCK == 4
    if (channel + 2 < layer->output_channels) {
        munas_four_channels(layer, rows, channel, output);
        return;
    }
#endif
    munas_two_channels(layer, rows, channel, output);
}

#endif

#endif
