/* ---- Outputs that end below 127 ---- */

MUNAS_KERNEL void munas_limit(int8_t *elements, munas_size count, int largest) {
    for (munas_size i = 0; i < count; i++) {
        if (elements[i] > largest) {
            elements[i] = (int8_t)largest;
        }
    }
}
