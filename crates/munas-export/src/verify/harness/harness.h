/* The samples and, below, the network of this firmware. The definitions after this text are written for each network. */
#include <stdint.h>

#if defined(__AVR__)
#include <avr/pgmspace.h>
#define HARNESS_PROGRAM_MEMORY PROGMEM
#else
#define HARNESS_PROGRAM_MEMORY
#endif

/* HARNESS_RAW is the type of a sample's values: int8_t for inputs of the network, another one where HARNESS_QUANTISE makes them. */
#define HARNESS_SAMPLE_ARRAY \
    const HARNESS_RAW harness_samples[HARNESS_SAMPLES][HARNESS_INPUT_LENGTH] HARNESS_PROGRAM_MEMORY

