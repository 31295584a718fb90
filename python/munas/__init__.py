"""munas: neural architecture search for microcontrollers, as far as it is written in Python."""
