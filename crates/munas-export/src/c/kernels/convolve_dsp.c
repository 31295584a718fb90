/* ---- Convolution with the DSP extension ----
 *
 * Blocks of two output channels and two output positions: each word of weights, widened to two pairs of 16-bit
 * integers, meets two words of elements, and each word of elements two words of weights. Of an odd number of
 * positions the last is computed twice, and so is the last of an odd number of channels unless it has a loop of
 * its own. Bytes are widened as (0, 2) and (1, 3), elements and weights alike, so that none has to be moved.
 */

#if MUNAS_DSP

/* Two output channels; of an odd number, the last is both. */
struct munas_channels {
    munas_size first, second;
};

static inline struct munas_channels munas_channels_from(const struct munas_layer *layer, munas_size first) {
    const struct munas_channels channels = {first, munas_smaller(first + 1, layer->output_channels - 1u)};
    return channels;
}

/* Sums of the first channel at both positions, then of the second. */
static inline void munas_start_sums(
    const struct munas_layer *layer, struct munas_channels channels, int32_t sums[4]) {
    sums[0] = sums[1] = layer->scales[channels.first][0];
    sums[2] = sums[3] = layer->scales[channels.second][0];
}

static inline void munas_store_sums(
    const struct munas_layer *layer, struct munas_channels channels, const int32_t sums[4], int8_t *output_0,
    int8_t *output_1) {
    const struct munas_scale first = munas_scale_of(layer, channels.first);
    const struct munas_scale second = munas_scale_of(layer, channels.second);
    const int8_t elements[4] = {
        munas_requantise(first, sums[0]), munas_requantise(first, sums[1]), munas_requantise(second, sums[2]),
        munas_requantise(second, sums[3])};
    output_0[channels.first] = elements[0];
    output_1[channels.first] = elements[1];
    output_0[channels.second] = elements[2];
    output_1[channels.second] = elements[3];
}

#endif
