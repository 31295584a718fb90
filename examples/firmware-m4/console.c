/* Semihosting: a debugger or QEMU shows what the board writes. */
#include <stdint.h>

#include "console.h"

enum { SYS_WRITE0 = 0x04, SYS_EXIT = 0x18 };

static void semihost(uint32_t operation, uintptr_t argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void console_text(const char *text)
{
    semihost(SYS_WRITE0, (uintptr_t)text);
}

void console_number(unsigned int number)
{
    char digits[11];
    char *first = digits + sizeof digits - 1;
    *first = 0;
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    console_text(first);
}

void console_exit(int status)
{
    /* ADP_Stopped_ApplicationExit and ADP_Stopped_RunTimeErrorUnknown */
    semihost(SYS_EXIT, status == 0 ? 0x20026u : 0x20023u);
    for (;;) {
    }
}
