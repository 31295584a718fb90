/* Takes up a row of the input, the first of its windows or a later one, in the row of the output that is being made. */
MUNAS_KERNEL void munas_pool_max_row(
    const struct munas_layer *layer, const int8_t *input, int is_first, int8_t *output) {
    const munas_size channels = layer->input_channels;
    for (munas_size x = 0; x < layer->output_width; x++) {
        const int8_t *largest = is_first ? input : output;
        for (munas_size columns = layer->kernel_width; columns > 0; columns--) {
            munas_larger(largest, input, channels, output);
            largest = output;
            input += channels;
        }
        output += channels;
    }
}
