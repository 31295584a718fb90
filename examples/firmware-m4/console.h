/* Text output. Replace console.c by one for the serial port of your board. */
#ifndef CONSOLE_H
#define CONSOLE_H

/* Writes a string. */
void console_text(const char *text);

/* Writes a number in decimal. */
void console_number(unsigned int number);

/* Ends the program; for a board without a debugger, wait here instead. */
void console_exit(int status);

#endif
