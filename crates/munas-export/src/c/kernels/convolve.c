/* ---- Convolution ---- */

#if !MUNAS_DSP

#define munas_convolve_gathered munas_convolve
#define munas_convolve_direct munas_convolve

MUNAS_KERNEL void munas_convolve(const struct munas_layer *layer, const int8_t *input, int8_t *output) {
    const munas_size channels = layer->input_channels;
    const munas_size kernel_row = layer->kernel_width * channels;
    struct munas_rows rows;
    rows.elements_step = layer->input_width * channels;
    rows.weights_step = kernel_row;
    rows.kernel = layer->kernel_height * kernel_row;
    rows.offset = layer->input_offset;
    for (munas_size y = 0; y < layer->output_height; y++) {
        for (munas_size x = 0; x < layer->output_width; x++) {
            const struct munas_window window = munas_window_at(layer, input, y, x);
            rows.elements = window.input;
            rows.weights = layer->weights + window.first_row * kernel_row + window.first_column * channels;
            rows.count = window.rows;
            rows.length = window.columns * channels;
            for (munas_size c = 0; c < layer->output_channels; c += MUNAS_BLOCK) {
                munas_block(layer, &rows, c, output);
            }
            output += layer->output_channels;
        }
    }
}

#endif
