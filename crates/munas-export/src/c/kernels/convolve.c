/* ---- Convolution ---- */

#if !MUNAS_DSP

#define munas_convolve_gathered munas_convolve
#define munas_convolve_direct munas_convolve

/* Two output channels at a time; of an odd number, the last is computed twice. */
MUNAS_KERNEL void munas_convolve(const struct munas_layer *layer, const int8_t *input, int8_t *output) {
    const munas_size channels = layer->input_channels;
    const munas_size input_row = layer->input_width * channels;
    const munas_size kernel_row = layer->kernel_width * channels;
    const munas_size kernel = layer->kernel_height * kernel_row;
    for (munas_size y = 0; y < layer->output_height; y++) {
        for (munas_size x = 0; x < layer->output_width; x++) {
            const struct munas_window window = munas_window_at(layer, input, y, x);
            const int8_t *const weights =
                layer->weights + window.first_row * kernel_row + window.first_column * channels;
            const munas_size run = window.columns * channels;
            for (munas_size c = 0; c < layer->output_channels; c += 2) {
                const munas_size next = munas_smaller(c + 1, layer->output_channels - 1u);
                int32_t sum_0 = MUNAS_READ_32(&layer->scales[c][0]);
                int32_t sum_1 = MUNAS_READ_32(&layer->scales[next][0]);
                const int8_t *elements = window.input;
                const int8_t *weights_0 = weights + c * kernel;
                const int8_t *weights_1 = weights + next * kernel;
                for (munas_size row = 0; row < window.rows; row++) {
                    for (munas_size i = 0; i < run; i++) {
                        const int element = elements[i] + layer->input_offset;
                        sum_0 += element * MUNAS_READ_8(weights_0 + i);
                        sum_1 += element * MUNAS_READ_8(weights_1 + i);
                    }
                    elements += input_row;
                    weights_0 += kernel_row;
                    weights_1 += kernel_row;
                }
                output[c] = munas_requantise(munas_scale_of(layer, c), sum_0);
                output[next] = munas_requantise(munas_scale_of(layer, next), sum_1);
            }
            output += layer->output_channels;
        }
    }
}

#endif
