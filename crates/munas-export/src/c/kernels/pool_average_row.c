/* Takes up a row of the input in the sums of its windows: the first row begins them, the last one makes elements of them. */
MUNAS_KERNEL void munas_pool_average_row(
    const struct munas_layer *layer, const int8_t *input, int is_first, int is_last, munas_word *sums, int8_t *output) {
    const munas_size channels = layer->input_channels;
    const int32_t count = (int32_t)layer->kernel_height * layer->kernel_width;
    for (munas_size x = 0; x < layer->output_width; x++) {
        munas_size c = 0;
#if MUNAS_DSP
        /* Up to 256 elements of 8 bits add up to 16 bits. */
        for (; layer->kernel_width <= 256 && c + 4 <= channels; c += 4) {
            const int8_t *elements = input + c;
            uint32_t even = 0;
            uint32_t odd = 0;
            for (munas_size column = layer->kernel_width; column > 0; column--) {
                const uint32_t word = munas_load_word(elements);
                even = munas_add_even(even, word);
                odd = munas_add_odd(odd, word);
                elements += channels;
            }
            const int32_t row[4] = {(int16_t)even, (int16_t)odd, (int16_t)(even >> 16), (int16_t)(odd >> 16)};
            for (munas_size i = 0; i < 4; i++) {
                const int32_t sum = is_first ? row[i] : sums[c + i] + row[i];
                sums[c + i] = sum;
                if (is_last) {
                    output[c + i] = munas_mean(sum, count);
                }
            }
        }
#endif
        for (; c < channels; c++) {
            const int8_t *elements = input + c;
            int32_t sum = is_first ? 0 : sums[c];
            for (munas_size column = layer->kernel_width; column > 0; column--) {
                sum += *elements;
                elements += channels;
            }
            sums[c] = sum;
            if (is_last) {
                output[c] = munas_mean(sum, count);
            }
        }
        input += layer->kernel_width * channels;
        sums += channels;
        output += channels;
    }
}
