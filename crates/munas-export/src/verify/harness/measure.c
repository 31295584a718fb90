/* Runs the network on every sample and writes what verify/console.rs reads: outputs, classes, counts and the stack. */
#if defined(__AVR__)
#include <avr/io.h>
#endif
#include "harness.h"
#include "platform.h"

#define PAINT 0xA5u
#define BYTES_PER_LINE 32

typedef int (*invoke_function)(const int8_t *input, int8_t *output);

static int8_t output[HARNESS_OUTPUT_LENGTH];

static void write_number(uint32_t value)
{
    char digits[11];
    uint8_t at = sizeof digits - 1;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    platform_write(digits + at);
}

static void write_field(const char *name, uint32_t value)
{
    platform_write(name);
    platform_write(" ");
    write_number(value);
    platform_write("\n");
}

/* Short lines, since simavr breaks long ones. */
static void write_bytes(const char *name, const int8_t *bytes, uint32_t length)
{
    static const char digits[] = "0123456789abcdef";
    for (uint32_t i = 0; i < length; i++) {
        const uint8_t byte = (uint8_t)bytes[i];
        const char pair[3] = { digits[byte >> 4], digits[byte & 15], 0 };
        if (i % BYTES_PER_LINE == 0) {
            if (i != 0) {
                platform_write("\n");
            }
            platform_write(name);
            platform_write(" ");
        }
        platform_write(pair);
    }
    platform_write("\n");
}

#if defined(HARNESS_TRACE)
static uint32_t trace_start;

/* Called after each operator with its output. Writing is not part of the time of the next one. */
void harness_trace(uint16_t operator_index, const int8_t *tensor, uint32_t length)
{
    const uint32_t elapsed = platform_counter() - trace_start;
    write_field("operator", operator_index);
    write_field("elapsed", elapsed);
    write_bytes("tensor", tensor, length);
    trace_start = platform_counter();
}
#endif

static int no_network(const int8_t *input, int8_t *result)
{
    (void)input;
    (void)result;
    return 0;
}

/* Counter ticks from before the call to after the return. */
static __attribute__((noinline)) uint32_t ticks_of(invoke_function invoke, const int8_t *sample)
{
    const uint32_t before = platform_counter();
#if defined(HARNESS_TRACE)
    trace_start = before;
#endif
    const int status = invoke(sample, output);
    const uint32_t after = platform_counter();
    if (status != 0) {
        write_field("status", (uint32_t)status);
    }
    return after - before;
}

#if !defined(HARNESS_TRACE)
/* Bytes of stack below the caller of the network. Nothing is live below the stack pointer of this function, which calls
   nothing while it paints. */
static __attribute__((noinline)) uint32_t stack_of(invoke_function invoke, const int8_t *sample)
{
    const uint8_t *const top = platform_stack_pointer();
    for (volatile uint8_t *byte = platform_stack_limit(); byte < top; byte++) {
        *byte = PAINT;
    }
    (void)invoke(sample, output);
    const volatile uint8_t *byte = platform_stack_limit();
    while (byte < top && *byte == PAINT) {
        byte++;
    }
    return (uint32_t)(top - (const uint8_t *)byte);
}
#endif

/* A sample as the network's input. */
static const int8_t *input_of(uint16_t index)
{
#if defined(HARNESS_QUANTISE)
    static int8_t input[HARNESS_INPUT_LENGTH];
    HARNESS_QUANTISE(platform_sample(index), input);
    return input;
#else
    return platform_sample(index);
#endif
}

int main(void)
{
    /* Calls through variables are the same calls for both functions, and none of them is inlined. */
    const volatile invoke_function network = HARNESS_INVOKE;
    const volatile invoke_function nothing = no_network;
    platform_counter_start();
    write_field("overhead", ticks_of(nothing, input_of(0)));
    for (uint16_t sample = 0; sample < HARNESS_SAMPLES; sample++) {
        const int8_t *const input = input_of(sample);
        write_field("ticks", ticks_of(network, input));
#if defined(HARNESS_QUANTISE)
        write_bytes("input", input, HARNESS_INPUT_LENGTH);
#endif
        write_bytes("output", output, HARNESS_OUTPUT_LENGTH);
#if defined(HARNESS_CLASSIFY)
        write_field("class", HARNESS_CLASSIFY(output));
#endif
    }
#if !defined(HARNESS_TRACE)
    write_field("stack", stack_of(network, input_of(0)));
#endif
    platform_write("end\n");
    platform_exit();
    return 0;
}
