/* The stride is the kernel and there is no padding. */
MUNAS_KERNEL void munas_pool_max(const struct munas_layer *layer, const int8_t *input, int8_t *output) {
    const munas_size channels = layer->input_channels;
    const munas_size input_row = layer->input_width * channels;
    for (munas_size y = 0; y < layer->output_height; y++) {
        for (munas_size x = 0; x < layer->output_width; x++) {
            const int8_t *row = input + y * layer->kernel_height * input_row + x * layer->kernel_width * channels;
            /* The largest so far: at first the first element of the window. */
            const int8_t *largest = row;
            for (munas_size rows = layer->kernel_height; rows > 0; rows--) {
                const int8_t *elements = row;
                for (munas_size columns = layer->kernel_width; columns > 0; columns--) {
                    munas_larger(largest, elements, channels, output);
                    largest = output;
                    elements += channels;
                }
                row += input_row;
            }
            output += channels;
        }
    }
}
