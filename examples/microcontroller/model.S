/* model.S - the model that the desktop has trained, where constants are: read in place, never copied. MODEL is its path. */
    .section .rodata.model, "a"
    .global model_start
    .global model_end
    .balign 4
model_start:
    .incbin MODEL
model_end:
#ifdef __linux__
    .section .note.GNU-stack, "", %progbits
#endif
