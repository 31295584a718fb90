/* ---- Types and arithmetic ----
 *
 * Right shifts of negative numbers and conversions to a narrower signed type are implementation-defined in C.
 * Every compiler for the supported targets shifts arithmetically, which is checked here, and wraps around. */
typedef char munas_shifts_are_arithmetic[(-1 >> 1) == -1 ? 1 : -1];

/* Sizes and indices: the natural unsigned type, 16 bits on AVR. */
typedef unsigned int munas_size;

/* Where the constant tables and the arena are placed: attributes, such as __attribute__((section(".qspi"))). Tables stay in flash
 * by themselves; on AVR this takes an attribute and loads of their own, from the first 64 KiB. */
#if defined(__AVR__)
#if MUNAS_TABLE_SIZE > 65000
#error "the tables do not fit the first 64 KiB of flash, which is where AVR reads them from"
#endif
#include <avr/pgmspace.h>
#define MUNAS_READ_8(pointer) ((int8_t)pgm_read_byte(pointer))
#define MUNAS_READ_32(pointer) ((int32_t)pgm_read_dword(pointer))
#if !defined(MUNAS_FLASH)
#define MUNAS_FLASH PROGMEM
#endif
#else
#define MUNAS_READ_8(pointer) (*(pointer))
#define MUNAS_READ_32(pointer) (*(pointer))
#if !defined(MUNAS_FLASH)
#define MUNAS_FLASH
#endif
#endif
#if !defined(MUNAS_ARENA)
#define MUNAS_ARENA
#endif

/* How kernels are compiled: as functions that layers share, or once for each layer with its constants.
 * On AVR always the latter, which leaves no layer description in RAM. */
#if !defined(MUNAS_KERNEL)
#if defined(__AVR__)
#define MUNAS_KERNEL static inline __attribute__((always_inline))
#else
#define MUNAS_KERNEL static
#endif
#endif

/* Whether there are instructions on pairs of 16-bit integers, and loads of words that are not aligned. */
#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_UNALIGNED) && defined(__thumb2__) \
    && !defined(__ARM_BIG_ENDIAN) && !defined(MUNAS_PORTABLE)
#define MUNAS_DSP 1
#else
#define MUNAS_DSP 0
#endif

/* A function written in assembly: its arguments are where the procedure call standard puts them (r0 to r3, then
 * the stack), and the compiler assumes nothing of it. Innermost loops are written so because compilers run out
 * of the 14 registers. */
#if defined(__clang__)
#define MUNAS_ASSEMBLY static __attribute__((naked, noinline))
#else
#define MUNAS_ASSEMBLY static __attribute__((naked, noipa))
#endif
#define MUNAS_ARGUMENT __attribute__((unused))

/* A convolution, depthwise convolution, dense layer or pooling. Tensors are (height, width, channels). */
struct munas_layer {
    uint16_t input_height, input_width, input_channels;
    uint16_t output_height, output_width, output_channels;
    uint16_t kernel_height, kernel_width;
    uint16_t stride_height, stride_width;
    /* Rows and columns of padding before the input. */
    uint16_t padding_top, padding_left;
    /* Added to each element of the input: less its zero point, or 0 where that is part of the biases. */
    int16_t input_offset;
    int16_t output_zero_point;
    /* The smallest output: above -128 for a ReLU whose zero is above it. The largest is 127. */
    int8_t smallest_output;
    const int8_t *weights;
    /* For each output channel, the bias and the mantissa of the multiplier. */
    const int32_t (*scales)[2];
    /* For each output channel, the multiplier's right shift; below 0 it is a left shift. */
    const int8_t *shifts;
};

static inline munas_size munas_smaller(munas_size a, munas_size b) {
    return a < b ? a : b;
}

/* value * multiplier / 2^31, rounded to the nearest integer, halves up. */
static inline int32_t munas_high_product(int32_t value, int32_t multiplier) {
    return (int32_t)(((int64_t)value * multiplier + ((int64_t)1 << 30)) >> 31);
}

/* value / 2^shift for a shift of 1 or more, rounded to the nearest integer, halves away from zero. */
static inline int32_t munas_shift_right(int32_t value, int shift) {
    value += value >> 31;
    return ((value >> (shift - 1)) + 1) >> 1;
}

/* Multiplication by multiplier * 2^(-31 - shift), with two roundings. A left shift drops high bits. */
static inline int32_t munas_multiply(int32_t value, int32_t multiplier, int shift) {
    if (shift < 0) {
        return munas_high_product((int32_t)((uint32_t)value << -shift), multiplier);
    }
    value = munas_high_product(value, multiplier);
    return shift == 0 ? value : munas_shift_right(value, shift);
}

#if MUNAS_DSP

static inline uint32_t munas_load_word(const int8_t *bytes) {
    uint32_t word;
    __builtin_memcpy(&word, bytes, sizeof word);
    return word;
}

static inline void munas_store_word(int8_t *bytes, uint32_t word) {
    __builtin_memcpy(bytes, &word, sizeof word);
}

/* Bytes 0 and 2 as a pair of 16-bit integers. */
static inline uint32_t munas_even(uint32_t bytes) {
    uint32_t pair;
    __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(bytes));
    return pair;
}

/* Bytes 1 and 3 as a pair of 16-bit integers. */
static inline uint32_t munas_odd(uint32_t bytes) {
    uint32_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(bytes));
    return pair;
}

/* The same, added to a pair. */
static inline uint32_t munas_add_even(uint32_t pair, uint32_t bytes) {
    uint32_t sum;
    __asm__("sxtab16 %0, %1, %2" : "=r"(sum) : "r"(pair), "r"(bytes));
    return sum;
}

static inline uint32_t munas_add_odd(uint32_t pair, uint32_t bytes) {
    uint32_t sum;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(sum) : "r"(pair), "r"(bytes));
    return sum;
}

/* A pair of the same integer twice. */
static inline uint32_t munas_pair_of(int16_t integer) {
    const uint32_t low = (uint32_t)integer & 0xffffu;
    return low << 16 | low;
}

/* sum + a.low * b.low + a.high * b.high */
static inline int32_t munas_dot(uint32_t a, uint32_t b, int32_t sum) {
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

/* munas_high_product for values of less than 31 bits: the high word of (2 * value) * multiplier, rounded. */
static inline int32_t munas_small_high_product(int32_t value, int32_t multiplier) {
    int32_t product;
    __asm__("smmulr %0, %1, %2" : "=r"(product) : "r"(value * 2), "r"(multiplier));
    return product;
}

#else

static inline int32_t munas_small_high_product(int32_t value, int32_t multiplier) {
    return munas_high_product(value, multiplier);
}

#endif

#if defined(__ARM_FEATURE_SAT) && defined(__thumb2__) && !defined(MUNAS_PORTABLE)

static inline int32_t munas_saturate(int32_t value) {
    int32_t saturated;
    __asm__("ssat %0, #8, %1" : "=r"(saturated) : "r"(value) : "cc");
    return saturated;
}

#else

static inline int32_t munas_saturate(int32_t value) {
    return value < -128 ? -128 : value > 127 ? 127 : value;
}

#endif

/* munas_multiply for values of less than 31 bits. */
static inline int32_t munas_multiply_small(int32_t value, int32_t multiplier, int shift) {
    if (shift < 0) {
        return munas_multiply(value, multiplier, shift);
    }
    value = munas_small_high_product(value, multiplier);
    return shift == 0 ? value : munas_shift_right(value, shift);
}

/* A value and a zero point as an element. */
static inline int32_t munas_element(int32_t value, int zero_point) {
    return munas_saturate((int32_t)((uint32_t)value + (uint32_t)(int32_t)zero_point));
}

/* How the sums of an output channel become elements. Read before elements are stored: for the compiler, a store
 * of bytes may change anything that is read after it. */
struct munas_scale {
    int32_t multiplier;
    int shift;
    int zero_point;
    int smallest_output;
};

static inline struct munas_scale munas_scale_of(const struct munas_layer *layer, munas_size channel) {
    const struct munas_scale scale = {
        MUNAS_READ_32(&layer->scales[channel][1]), MUNAS_READ_8(layer->shifts + channel), layer->output_zero_point,
        layer->smallest_output};
    return scale;
}

/* A sum as an element of the output. */
static inline int8_t munas_requantise(struct munas_scale scale, int32_t sum) {
#if MUNAS_SMALL_SUMS
    sum = munas_shift_right(munas_small_high_product(sum, scale.multiplier), scale.shift);
#else
    sum = munas_multiply(sum, scale.multiplier, scale.shift);
#endif
    sum = munas_element(sum, scale.zero_point);
#if MUNAS_CLAMPS
    if (sum < scale.smallest_output) {
        sum = scale.smallest_output;
    }
#endif
    return (int8_t)sum;
}

#if MUNAS_DSP

/* Sums of four neighbouring channels as elements of the output. */
static inline void munas_store_four(
    const struct munas_layer *layer, munas_size channel, int32_t sum_0, int32_t sum_1, int32_t sum_2,
    int32_t sum_3, int8_t *output) {
    const int32_t (*const scales)[2] = layer->scales + channel;
    const int8_t *const shifts = layer->shifts + channel;
    const int zero_point = layer->output_zero_point;
    const int smallest = layer->smallest_output;
    const struct munas_scale scale_0 = {scales[0][1], shifts[0], zero_point, smallest};
    const struct munas_scale scale_1 = {scales[1][1], shifts[1], zero_point, smallest};
    const struct munas_scale scale_2 = {scales[2][1], shifts[2], zero_point, smallest};
    const struct munas_scale scale_3 = {scales[3][1], shifts[3], zero_point, smallest};
    output[channel] = munas_requantise(scale_0, sum_0);
    output[channel + 1] = munas_requantise(scale_1, sum_1);
    output[channel + 2] = munas_requantise(scale_2, sum_2);
    output[channel + 3] = munas_requantise(scale_3, sum_3);
}

#endif
