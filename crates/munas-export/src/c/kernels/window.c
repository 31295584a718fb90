/* ---- Windows ---- */

/* Which rows or columns a kernel at an output position covers, without those in the padding. */
struct munas_span {
    /* The first of the kernel that lies inside of the input, the one of the input under it, and how many do. */
    munas_size first, start, count;
};

static inline struct munas_span munas_span_of(
    munas_size position, munas_size padding, munas_size kernel, munas_size length) {
    struct munas_span span;
    span.first = padding > position ? padding - position : 0;
    span.start = position + span.first - padding;
    span.count = munas_smaller(kernel, length + padding - position) - span.first;
    return span;
}

static inline struct munas_span munas_rows_at(const struct munas_layer *layer, munas_size y) {
    return munas_span_of(
        y * layer->stride_height, layer->padding_top, layer->kernel_height, layer->input_height);
}

static inline struct munas_span munas_columns_at(const struct munas_layer *layer, munas_size x) {
    return munas_span_of(x * layer->stride_width, layer->padding_left, layer->kernel_width, layer->input_width);
}

/* What a kernel at an output position covers of the input, without what lies in the padding. */
struct munas_window {
    /* First row and column of the kernel that lie inside of the input, and how many do. */
    munas_size first_row, first_column, rows, columns;
    /* The element of the input under them. */
    const int8_t *input;
};

static inline struct munas_window munas_window_at(
    const struct munas_layer *layer, const int8_t *input, munas_size y, munas_size x) {
    const struct munas_span rows = munas_rows_at(layer, y);
    const struct munas_span columns = munas_columns_at(layer, x);
    const struct munas_window window = {
        rows.first, columns.first, rows.count, columns.count,
        input + (rows.start * layer->input_width + columns.start) * layer->input_channels};
    return window;
}
