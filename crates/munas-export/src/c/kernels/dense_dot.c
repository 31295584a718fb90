/* ---- Dense ----
 *
 * Also convolutions with a single output position whose kernel covers the whole input. */

#if MUNAS_DSP

/* Four elements and a unit: r12 the weights, r10 and r11 pairs of elements. */
#define MUNAS_DENSE_PRODUCTS(sum)                                                                                  \
    "sxtb16 lr, r12\n\t"                                                                                           \
    "sxtb16 r12, r12, ror #8\n\t"                                                                                  \
    "smlad " sum ", lr, r10, " sum "\n\t"                                                                          \
    "smlad " sum ", r12, r11, " sum "\n\t"

#define MUNAS_DENSE_WORD(weights, sum) "ldr r12, [" weights "], #4\n\t" MUNAS_DENSE_PRODUCTS(sum)

/* Four elements and four units: r0 elements, r2 offsets. */
#define MUNAS_DENSE_STEP                                                                                           \
    "ldr r12, [r0], #4\n\t"                                                                                        \
    "sxtab16 r10, r2, r12\n\t"                                                                                     \
    "sxtab16 r11, r2, r12, ror #8\n\t"                                                                             \
    MUNAS_DENSE_WORD("r1", "r4")                                                                                   \
    MUNAS_DENSE_WORD("r3", "r5")                                                                                   \
    MUNAS_DENSE_WORD("r8", "r6")                                                                                   \
    MUNAS_DENSE_WORD("r9", "r7")

/* The last word of a row, at offset r0 and without the r2 bits whose products are added already. */
#define MUNAS_DENSE_REST(weights, sum)                                                                             \
    "ldr r12, [" weights ", r0]\n\t"                                                                               \
    "lsr r12, r12, r2\n\t"                                                                                         \
    MUNAS_DENSE_PRODUCTS(sum)

/* Adds the products of so many elements, at least four, to the sums of four units: r0 elements, r1 weights of the first unit, r2 offsets,
 * r3 the number. The statements make r3, r8 and r9 the weights of the other units. */
#define MUNAS_DENSE_DOT(other_units)                                                                               \
    "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"                                                              \
    "ldr r12, [sp, #36]\n\t"                                                                                       \
    "ldm r12, {r4, r5, r6, r7}\n\t" /* The end of the whole words; below, the rest. */                             \
    "and r10, r3, #3\n\t"                                                                                          \
    "sub r11, r3, r10\n\t"                                                                                         \
    "add r11, r11, r0\n\t"                                                                                         \
    "push {r10, r11}\n\t" /* Two steps per round; an odd number of words starts in the middle. */                  \
    "tst r3, #4\n\t" other_units                                                                                   \
    "bne 2f\n"                                                                                                      \
    "1:\n\t" MUNAS_DENSE_STEP                                                                                      \
    "2:\n\t" MUNAS_DENSE_STEP                                                                                      \
    "ldr r12, [sp, #4]\n\t"                                                                                        \
    "cmp r0, r12\n\t"                                                                                              \
    "bne 1b\n\t"                                                                                                   \
    "ldr r11, [sp]\n\t"                                                                                            \
    "cmp r11, #0\n\t"                                                                                              \
    "beq 3f\n\t"                                                                                                   \
    "sub r11, r11, #4\n\t"                                                                                         \
    "ldr r12, [r0, r11]\n\t"                                                                                       \
    "mov r0, r11\n\t"                                                                                              \
    "lsl lr, r11, #3\n\t"                                                                                          \
    "rsb lr, lr, #0\n\t"                                                                                           \
    "lsr r12, r12, lr\n\t"                                                                                         \
    "sxtab16 r10, r2, r12\n\t"                                                                                     \
    "sxtab16 r11, r2, r12, ror #8\n\t"                                                                             \
    "mov r2, lr\n\t"                                                                                               \
    MUNAS_DENSE_REST("r1", "r4")                                                                                   \
    MUNAS_DENSE_REST("r3", "r5")                                                                                   \
    MUNAS_DENSE_REST("r8", "r6")                                                                                   \
    MUNAS_DENSE_REST("r9", "r7")                                                                                   \
    "3:\n\t"                                                                                                       \
    "add sp, sp, #8\n\t"                                                                                           \
    "ldr r12, [sp, #36]\n\t"                                                                                       \
    "stm r12, {r4, r5, r6, r7}\n\t"                                                                                \
    "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}"

#endif

/* The products of so many elements with the weights of two units, added to their sums. */
static inline void munas_dot_row(
    const int8_t *elements, munas_size length, int offset, const int8_t *weights_0, const int8_t *weights_1,
    int32_t *sum_0, int32_t *sum_1) {
    int32_t first = *sum_0;
    int32_t second = *sum_1;
    munas_size i = 0;
#if MUNAS_DSP
    const uint32_t offsets = munas_pair_of((int16_t)offset);
    for (; i + 4 <= length; i += 4) {
        const uint32_t word = munas_load_word(elements + i);
        const uint32_t even = munas_add_even(offsets, word);
        const uint32_t odd = munas_add_odd(offsets, word);
        const uint32_t word_0 = munas_load_word(weights_0 + i);
        const uint32_t word_1 = munas_load_word(weights_1 + i);
        first = munas_dot(munas_odd(word_0), odd, munas_dot(munas_even(word_0), even, first));
        second = munas_dot(munas_odd(word_1), odd, munas_dot(munas_even(word_1), even, second));
    }
#endif
    for (; i < length; i++) {
        const int element = elements[i] + offset;
        first += element * MUNAS_READ_8(weights_0 + i);
        second += element * MUNAS_READ_8(weights_1 + i);
    }
    *sum_0 = first;
    *sum_1 = second;
}
