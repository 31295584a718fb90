#if defined(__AVR__)
#define MUNAS_READ_FLOAT(pointer) pgm_read_float(pointer)
#else
#define MUNAS_READ_FLOAT(pointer) (*(pointer))
#endif

/* The element of a value in steps of the input's scale. Steps in munas_quantise_input go through memory (volatile), so that no
 * compiler makes one rounding of two, or computes in more bits than the host. What is done here is exact. */
static int8_t munas_nearest_element(float value) {
    if (value != value) {
        return 0;
    }
    if (value <= SMALLEST_STEP) {
        return -128;
    }
    if (value >= LARGEST_STEP) {
        return 127;
    }
    int steps = (int)value;
    const float rest = value - (float)steps;
    const int is_odd = steps & 1;
    if (rest > 0.5f || (rest == 0.5f && is_odd)) {
        steps++;
    } else if (rest < -0.5f || (rest == -0.5f && is_odd)) {
        steps--;
    }
    return (int8_t)(steps + MUNAS_INPUT_ZERO_POINT);
}
