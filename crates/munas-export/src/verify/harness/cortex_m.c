/* Cortex-M under QEMU: start-up, semihosting console, and a timer that counts emulated time. */
#include "harness.h"
#include "platform.h"

extern uint32_t linker_data_load[], linker_data_start[], linker_data_end[];
extern uint32_t linker_bss_start[], linker_bss_end[], linker_stack_top[];

int main(void);
void reset_handler(void);

/* Semihosting operations (Arm, Semihosting for AArch32 and AArch64). */
enum { SYS_WRITE0 = 0x04, SYS_EXIT = 0x18 };
#define STOPPED_APPLICATION_EXIT 0x20026u
#define STOPPED_RUN_TIME_ERROR 0x20023u

static void semihost(uint32_t operation, uintptr_t argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void platform_write(const char *text)
{
    semihost(SYS_WRITE0, (uintptr_t)text);
}

void platform_exit(void)
{
    semihost(SYS_EXIT, STOPPED_APPLICATION_EXIT);
}

#if defined(HARNESS_TIMER_NRF51)
/* nRF51 TIMER0 (nRF51 series reference manual, 18): 32 bits at 16 MHz. */
#define TIMER0 0x40008000u
#define TIMER_REGISTER(offset) (*(volatile uint32_t *)(TIMER0 + (offset)))

void platform_counter_start(void)
{
    TIMER_REGISTER(0x508) = 3; /* BITMODE: 32 bits */
    TIMER_REGISTER(0x510) = 0; /* PRESCALER: 16 MHz */
    TIMER_REGISTER(0x000) = 1; /* START */
}

uint32_t platform_counter(void)
{
    TIMER_REGISTER(0x040) = 1; /* CAPTURE[0] */
    return TIMER_REGISTER(0x540);
}
#elif defined(HARNESS_TIMER_SSE)
/* System counter of Arm's SSE-300 subsystem: 64 bits at 32 MHz. */
#define COUNTER_REGISTER(offset) (*(volatile uint32_t *)(HARNESS_TIMER_SSE + (offset)))

void platform_counter_start(void)
{
    COUNTER_REGISTER(0x0) = 1; /* CNTCR: enable */
}

uint32_t platform_counter(void)
{
    return COUNTER_REGISTER(0x8); /* CNTCV, low word */
}
#else
/* CMSDK APB timer (Arm Cortex-M System Design Kit, 4.4): counts down from RELOAD at 25 MHz. */
#define TIMER_REGISTER(offset) (*(volatile uint32_t *)(HARNESS_TIMER_CMSDK + (offset)))

void platform_counter_start(void)
{
    TIMER_REGISTER(0x8) = UINT32_MAX; /* RELOAD */
    TIMER_REGISTER(0x4) = UINT32_MAX; /* VALUE */
    TIMER_REGISTER(0x0) = 1;          /* CTRL: enable */
}

uint32_t platform_counter(void)
{
    return UINT32_MAX - TIMER_REGISTER(0x4);
}
#endif

uint8_t *platform_stack_limit(void)
{
    return (uint8_t *)linker_bss_end;
}

const HARNESS_RAW *platform_sample(uint16_t index)
{
    return harness_samples[index];
}

void reset_handler(void)
{
#if defined(__ARM_FEATURE_MVE)
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: the vector unit is part of coprocessors 10 and 11 */
    __asm__ volatile("dsb\n isb");
#endif
    const uint32_t *load = linker_data_load;
    for (uint32_t *word = linker_data_start; word < linker_data_end; word++) {
        *word = *load++;
    }
    for (uint32_t *word = linker_bss_start; word < linker_bss_end; word++) {
        *word = 0;
    }
    main();
    for (;;) {
    }
}

static void fault_handler(void)
{
    platform_write("fault\n");
    semihost(SYS_EXIT, STOPPED_RUN_TIME_ERROR);
    for (;;) {
    }
}

/* The vectors of the architecture: initial stack, reset, then exceptions. */
__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))linker_stack_top,
    reset_handler,
    fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
    0, 0, 0, 0,
    fault_handler, fault_handler, 0, fault_handler, fault_handler,
};
