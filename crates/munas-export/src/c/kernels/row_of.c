/* A layer as it makes a row of its output from so many rows of its input, under so many of padding. It is described as it makes one from
 * all the rows of its kernel; another description is written to the storage. */
static inline const struct munas_layer *munas_row_of(
    const struct munas_layer *layer, munas_size padding, munas_size rows, struct munas_layer *storage) {
#if !defined(__AVR__)
    if (padding == 0 && rows == layer->kernel_height) {
        return layer;
    }
#endif
    *storage = *layer;
    storage->padding_top = (uint16_t)padding;
    storage->input_height = (uint16_t)rows;
    return storage;
}
