/* RISC-V `virt` machine under QEMU: start-up, semihosting console, retired instructions as the counter. */
#include "harness.h"
#include "platform.h"

extern uint8_t linker_bss_end[];

/* Semihosting operations (RISC-V Semihosting, which takes those of Arm). */
enum { SYS_WRITE0 = 0x04, SYS_EXIT = 0x18 };
#define STOPPED_APPLICATION_EXIT 0x20026u
#define STOPPED_RUN_TIME_ERROR 0x20023u

/* The three instructions must be uncompressed and lie in one page: aligned to 16 bytes. */
static __attribute__((noinline)) void semihost(uintptr_t operation, uintptr_t argument)
{
    register uintptr_t a0 __asm__("a0") = operation;
    register uintptr_t a1 __asm__("a1") = argument;
    __asm__ volatile(
        ".option push\n"
        ".option norvc\n"
        ".balign 16\n"
        "slli x0, x0, 0x1f\n"
        "ebreak\n"
        "srai x0, x0, 7\n"
        ".option pop\n"
        : "+r"(a0)
        : "r"(a1)
        : "memory");
}

void platform_write(const char *text)
{
    semihost(SYS_WRITE0, (uintptr_t)text);
}

void platform_exit(void)
{
    semihost(SYS_EXIT, STOPPED_APPLICATION_EXIT);
}

void platform_counter_start(void)
{
}

uint32_t platform_counter(void)
{
    uint32_t count;
    __asm__ volatile(
        ".option push\n"
        ".option arch, +zicsr\n"
        "csrr %0, minstret\n"
        ".option pop\n"
        : "=r"(count));
    return count;
}

uint8_t *platform_stack_limit(void)
{
    return linker_bss_end;
}

const HARNESS_RAW *platform_sample(uint16_t index)
{
    return harness_samples[index];
}

__attribute__((aligned(4))) void trap_handler(void)
{
    platform_write("fault\n");
    semihost(SYS_EXIT, STOPPED_RUN_TIME_ERROR);
    for (;;) {
    }
}

/* QEMU loads data where it runs; only the stack, the trap vector and the zeroed memory are to be set up. */
__asm__(
    ".section .start, \"ax\"\n"
    ".global reset_handler\n"
    "reset_handler:\n"
    "    .option push\n"
    "    .option norelax\n"
    "    la gp, __global_pointer$\n"
    "    .option pop\n"
    "    la sp, linker_stack_top\n"
    "    la t0, trap_handler\n"
    "    .option push\n"
    "    .option arch, +zicsr\n"
    "    csrw mtvec, t0\n"
    "    .option pop\n"
    "    la t0, linker_bss_start\n"
    "    la t1, linker_bss_end\n"
    "1:  bgeu t0, t1, 2f\n"
    "    sw zero, 0(t0)\n"
    "    addi t0, t0, 4\n"
    "    j 1b\n"
    "2:  call main\n"
    "3:  j 3b\n"
    ".text\n");
