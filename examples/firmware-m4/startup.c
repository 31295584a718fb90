/* Start-up of a Cortex-M: vectors, initialised data, zeroed data, main. Most vendors' kits bring their own; use theirs then. */
#include <stdint.h>

#include "console.h"

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];

int main(void);

void reset_handler(void)
{
    const uint32_t *load = data_load;
    for (uint32_t *word = data_start; word < data_end; word++) {
        *word = *load++;
    }
    for (uint32_t *word = bss_start; word < bss_end; word++) {
        *word = 0;
    }
    console_exit(main());
}

static void fault_handler(void)
{
    console_text("fault\n");
    console_exit(1);
}

/* Initial stack pointer, reset, NMI and the faults; interrupts of the board's devices would follow. */
__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))stack_top, reset_handler, fault_handler, fault_handler,
    fault_handler, fault_handler, fault_handler,
};
