/* ---- Dense ----
 *
 * Also convolutions with a single output position whose kernel covers the whole input. */

#if MUNAS_DSP

/* Four elements and a unit: r10 and r11 pairs of elements. */
#define MUNAS_DENSE_PRODUCTS(weights, sum)                                                                         \
    "ldr r12, [" weights "], #4\n\t"                                                                               \
    "sxtb16 lr, r12\n\t"                                                                                           \
    "sxtb16 r12, r12, ror #8\n\t"                                                                                  \
    "smlad " sum ", lr, r10, " sum "\n\t"                                                                          \
    "smlad " sum ", r12, r11, " sum "\n\t"

/* Four elements and four units: r0 elements, r2 offsets. */
#define MUNAS_DENSE_STEP                                                                                           \
    "ldr r12, [r0], #4\n\t"                                                                                        \
    "sxtab16 r10, r2, r12\n\t"                                                                                     \
    "sxtab16 r11, r2, r12, ror #8\n\t"                                                                             \
    MUNAS_DENSE_PRODUCTS("r1", "r4")                                                                               \
    MUNAS_DENSE_PRODUCTS("r3", "r5")                                                                               \
    MUNAS_DENSE_PRODUCTS("r8", "r6")                                                                               \
    MUNAS_DENSE_PRODUCTS("r9", "r7")

/* Adds the products of so many words, at least one, to the sums of four units. */
MUNAS_ASSEMBLY void munas_dot_dense(
    const int8_t *elements MUNAS_ARGUMENT, const int8_t *const weights[4] MUNAS_ARGUMENT,
    uint32_t offsets MUNAS_ARGUMENT, munas_size words MUNAS_ARGUMENT, int32_t *sums MUNAS_ARGUMENT) {
    __asm__ volatile(
        "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
        "ldr r12, [sp, #36]\n\t"
        "ldm r12, {r4, r5, r6, r7}\n\t"
        /* The end of the elements. */
        "add r12, r0, r3, lsl #2\n\t"
        "str r12, [sp, #-4]!\n\t"
        /* Two steps per round; an odd number starts in the middle. */
        "tst r3, #1\n\t"
        "ldm r1, {r1, r3, r8, r9}\n\t"
        "bne 2f\n"
        "1:\n\t" MUNAS_DENSE_STEP
        "2:\n\t" MUNAS_DENSE_STEP
        "ldr r12, [sp]\n\t"
        "cmp r0, r12\n\t"
        "bne 1b\n\t"
        "add sp, sp, #4\n\t"
        "ldr r12, [sp, #36]\n\t"
        "stm r12, {r4, r5, r6, r7}\n\t"
        "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}");
}

#define MUNAS_UNITS 4
#else
#define MUNAS_UNITS 2
#endif

/* So many units at a time; in the last of these blocks, the last unit may be computed more than once. */
MUNAS_KERNEL void munas_dense(const struct munas_layer *layer, const int8_t *input, int8_t *output) {
    const munas_size features = (munas_size)layer->kernel_height * layer->kernel_width * layer->input_channels;
    for (munas_size unit = 0; unit < layer->output_channels; unit += MUNAS_UNITS) {
        munas_size units[MUNAS_UNITS];
        const int8_t *weights[MUNAS_UNITS];
        int32_t sums[MUNAS_UNITS];
        for (int u = 0; u < MUNAS_UNITS; u++) {
            units[u] = munas_smaller(unit + (munas_size)u, layer->output_channels - 1u);
            weights[u] = layer->weights + units[u] * features;
            sums[u] = MUNAS_READ_32(&layer->scales[units[u]][0]);
        }
        munas_size i = 0;
#if MUNAS_DSP
        if (features >= 4) {
            munas_dot_dense(input, weights, munas_pair_of(layer->input_offset), features / 4, sums);
            i = features / 4 * 4;
        }
#endif
        for (munas_size rest = features - i; rest > 0; rest--) {
            const int element = input[i] + layer->input_offset;
            for (int u = 0; u < MUNAS_UNITS; u++) {
                sums[u] += element * MUNAS_READ_8(weights[u] + i);
            }
            i++;
        }
        for (int u = 0; u < MUNAS_UNITS; u++) {
            output[units[u]] = munas_requantise(munas_scale_of(layer, units[u]), sums[u]);
        }
    }
}
