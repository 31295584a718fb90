/* The stride is the kernel and there is no padding. */
MUNAS_KERNEL void munas_pool_average(const struct munas_layer *layer, const int8_t *input, int8_t *output) {
    const munas_size channels = layer->input_channels;
    const munas_size rest_of_row = (layer->input_width - layer->kernel_width) * channels;
    const int32_t count = (int32_t)layer->kernel_height * layer->kernel_width;
    for (munas_size y = 0; y < layer->output_height; y++) {
        for (munas_size x = 0; x < layer->output_width; x++) {
            const int8_t *const window =
                input + (y * layer->kernel_height * layer->input_width + x * layer->kernel_width) * channels;
            munas_size c = 0;
#if MUNAS_DSP
            /* Up to 256 elements of 8 bits add up to 16 bits. */
            for (; count <= 256 && c + 4 <= channels; c += 4) {
                const int8_t *elements = window + c;
                uint32_t even = 0;
                uint32_t odd = 0;
                for (munas_size row = 0; row < layer->kernel_height; row++) {
                    for (munas_size column = 0; column < layer->kernel_width; column++) {
                        const uint32_t word = munas_load_word(elements);
                        even = munas_add_even(even, word);
                        odd = munas_add_odd(odd, word);
                        elements += channels;
                    }
                    elements += rest_of_row;
                }
                output[c] = munas_mean((int16_t)even, count);
                output[c + 1] = munas_mean((int16_t)odd, count);
                output[c + 2] = munas_mean((int16_t)(even >> 16), count);
                output[c + 3] = munas_mean((int16_t)(odd >> 16), count);
            }
#endif
            for (; c < channels; c++) {
                const int8_t *elements = window + c;
                int32_t sum = 0;
                for (munas_size row = 0; row < layer->kernel_height; row++) {
                    for (munas_size column = 0; column < layer->kernel_width; column++) {
                        sum += *elements;
                        elements += channels;
                    }
                    elements += rest_of_row;
                }
                output[c] = munas_mean(sum, count);
            }
            output += channels;
        }
    }
}
