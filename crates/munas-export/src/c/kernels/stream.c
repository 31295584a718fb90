/* ---- Execution in rows ----
 *
 * Of a tensor between two operators no more rows are kept than its readers still need, the oldest first. */

#if defined(__AVR__)
#define MUNAS_READ_16(pointer) ((munas_size)pgm_read_word(pointer))
#else
#define MUNAS_READ_16(pointer) ((munas_size)*(pointer))
#endif

/* Called with each row that an operator has made, its elements and their number, where it is defined before. */
#if !defined(MUNAS_ROW_MADE)
#define MUNAS_ROW_MADE(op, row, count)
#endif

/* A sum in the arena, and a word of elements. */
typedef int32_t __attribute__((may_alias)) munas_word;

/* Moves bytes to lower addresses, or to other memory. */
static __attribute__((unused)) void munas_move(int8_t *target, const int8_t *source, munas_size bytes) {
    const int8_t *const end = source + bytes;
#if MUNAS_DSP
    while (end - source >= 16) {
        const uint32_t word_0 = munas_load_word(source);
        const uint32_t word_1 = munas_load_word(source + 4);
        const uint32_t word_2 = munas_load_word(source + 8);
        const uint32_t word_3 = munas_load_word(source + 12);
        munas_store_word(target, word_0);
        munas_store_word(target + 4, word_1);
        munas_store_word(target + 8, word_2);
        munas_store_word(target + 12, word_3);
        source += 16;
        target += 16;
    }
#elif !defined(__AVR__)
    if ((((uintptr_t)target | (uintptr_t)source) & 3u) == 0) {
        while (end - source >= 4) {
            *(munas_word *)(void *)target = *(const munas_word *)(const void *)source;
            source += 4;
            target += 4;
        }
    }
#endif
    while (source < end) {
        *target++ = *source++;
    }
}
