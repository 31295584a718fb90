/* What measure.c needs of a target: console, counter, stack and samples. */
#ifndef MUNAS_PLATFORM_H
#define MUNAS_PLATFORM_H

#include <stdint.h>

/* Writes a string that ends with a zero byte to the emulator's console. */
void platform_write(const char *text);

/* Ends the emulation. */
void platform_exit(void);

/* Starts the counter; it then runs on. */
void platform_counter_start(void);

/* Raw value of the counter, which counts upwards; `Target` in target.rs knows the unit. */
uint32_t platform_counter(void);

/* The lowest address that the stack may use. */
uint8_t *platform_stack_limit(void);

/* Declared here, defined in samples.c. */
extern HARNESS_SAMPLE_ARRAY;

/* One sample of the harness, NHWC, in memory that the network can read. */
const HARNESS_RAW *platform_sample(uint16_t index);

/* The stack pointer of the caller. */
static inline uint8_t *platform_stack_pointer(void)
{
#if defined(__AVR__)
    return (uint8_t *)SP;
#elif defined(__riscv)
    uint8_t *pointer;
    __asm__ volatile("mv %0, sp" : "=r"(pointer));
    return pointer;
#else
    uint8_t *pointer;
    __asm__ volatile("mov %0, sp" : "=r"(pointer));
    return pointer;
#endif
}

#endif
