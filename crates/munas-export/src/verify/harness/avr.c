/* ATmega1284P under simavr: serial console and two timers that together count cycles. Start-up is avr-libc's. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>
#include "harness.h"
#include "platform.h"

extern uint8_t __heap_start[];

static HARNESS_RAW sample_in_ram[HARNESS_INPUT_LENGTH];

/* simavr prints what the serial port sends, line by line. */
void platform_write(const char *text)
{
    UCSR0A = 1 << U2X0;
    UCSR0B = 1 << TXEN0;
    for (; *text != 0; text++) {
        while (!(UCSR0A & (1 << UDRE0))) {
        }
        UDR0 = (uint8_t)*text;
    }
}

/* simavr ends when the core sleeps with interrupts off. */
void platform_exit(void)
{
    while (!(UCSR0A & (1 << UDRE0))) {
    }
    cli();
    sleep_mode();
}

/* Timer 3 counts every cycle and wraps after 65,536; timer 1 counts every 1,024th and wraps after 67 million, which the
   interrupt counts. */
static volatile uint16_t wraps;

ISR(TIMER1_OVF_vect)
{
    wraps++;
}

void platform_counter_start(void)
{
    TCCR1B = (1 << CS12) | (1 << CS10);
    TCCR3B = 1 << CS30;
    TIMSK1 = 1 << TOIE1;
    sei();
}

uint32_t platform_counter(void)
{
    const uint16_t fine = TCNT3;
    const uint16_t coarse = TCNT1;
    const uint32_t about = ((uint32_t)wraps << 26) | ((uint32_t)coarse << 10);
    /* The number nearest to `about` whose low 16 bits are `fine`. */
    return about + (uint32_t)(int32_t)(int16_t)(fine - (uint16_t)about);
}

uint8_t *platform_stack_limit(void)
{
    return __heap_start;
}

const HARNESS_RAW *platform_sample(uint16_t index)
{
    uint8_t *const bytes = (uint8_t *)sample_in_ram;
    const uint_farptr_t start = pgm_get_far_address(harness_samples) + (uint32_t)index * sizeof sample_in_ram;
    for (uint16_t i = 0; i < sizeof sample_in_ram; i++) {
        bytes[i] = pgm_read_byte_far(start + i);
    }
    return sample_in_ram;
}
