/* ---- Max pooling ---- */

#if MUNAS_DSP

/* The larger of each two bytes. */
static inline uint32_t munas_larger_bytes(uint32_t a, uint32_t b) {
    uint32_t larger;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(larger) : "r"(a), "r"(b) : "cc");
    return larger;
}

#endif

/* The larger of each two elements. */
static inline void munas_larger(const int8_t *a, const int8_t *b, munas_size length, int8_t *larger) {
    munas_size rest = length;
#if MUNAS_DSP
    for (; rest >= 4; rest -= 4) {
        munas_store_word(larger, munas_larger_bytes(munas_load_word(a), munas_load_word(b)));
        a += 4;
        b += 4;
        larger += 4;
    }
#endif
    for (; rest > 0; rest--) {
        *larger++ = *a > *b ? *a : *b;
        a++;
        b++;
    }
}
