/* ---- Average pooling ---- */

/* sum / count, rounded to the nearest integer, halves away from zero. */
static inline int8_t munas_mean(int32_t sum, int32_t count) {
    return (int8_t)((sum > 0 ? sum + count / 2 : sum - count / 2) / count);
}
