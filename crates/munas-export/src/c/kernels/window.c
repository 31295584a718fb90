/* ---- Windows ---- */

/* What a kernel at an output position covers of the input, without what lies in the padding. */
struct munas_window {
    /* First row and column of the kernel that lie inside of the input, and how many do. */
    munas_size first_row, first_column, rows, columns;
    /* The element of the input under them. */
    const int8_t *input;
};

static inline struct munas_window munas_window_at(
    const struct munas_layer *layer, const int8_t *input, munas_size y, munas_size x) {
    const munas_size top = y * layer->stride_height;
    const munas_size left = x * layer->stride_width;
    struct munas_window window;
    window.first_row = layer->padding_top > top ? layer->padding_top - top : 0;
    window.first_column = layer->padding_left > left ? layer->padding_left - left : 0;
    window.rows = munas_smaller(layer->kernel_height, (munas_size)layer->input_height + layer->padding_top - top)
        - window.first_row;
    window.columns = munas_smaller(layer->kernel_width, (munas_size)layer->input_width + layer->padding_left - left)
        - window.first_column;
    window.input = input
        + ((top + window.first_row - layer->padding_top) * layer->input_width
           + (left + window.first_column - layer->padding_left))
            * layer->input_channels;
    return window;
}
