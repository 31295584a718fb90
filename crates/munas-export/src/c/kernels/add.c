/* ---- Add ---- */

/* What an element contributes to a sum. Shifted it has less than 31 bits. */
static inline int32_t munas_summand(int element, int left_shift, int zero_point, int32_t multiplier, int shift) {
    return munas_multiply_small((int32_t)(element - zero_point) * ((int32_t)1 << left_shift), multiplier, shift);
}

/* The element that stands for a sum of two summands, each of which the multipliers halve. */
static inline int munas_sum(int32_t sum, int32_t multiplier, int shift, int zero_point) {
    return (int)munas_element(munas_multiply_small(sum, multiplier, shift), zero_point);
}
