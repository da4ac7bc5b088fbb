# Begins on QEMU's Xtensa machine 'sim': one stack; RAM is zeros.
    .section .text.reset, "ax"
    j _start
    .section .text.start, "ax"
    .literal_position
    .align 4
    .globl _start, stream, base
_start:
    movi a1, stack
    call0 main
1:  j 1b
    .section .rodata
    .align 4
stream:
    .incbin STREAM
    .balign 4
base:
    .incbin BASE
    .bss
    .align 16
    .space 8192
stack:
    .space 16
