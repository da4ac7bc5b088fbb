# Begins on QEMU's riscv32 machine 'virt': no interrupts, one stack, RAM that is not cleared by anyone else.
    .globl _start, stream, base
    .section .text.start, "ax"
_start:
    la sp, stack
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la t0, __bss_start
    la t1, _end
1:  bgeu t0, t1, 2f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 1b
2:  call main
    .section .rodata
    .balign 4
stream:
    .incbin STREAM
    .balign 4
base:
    .incbin BASE
    .bss
    .balign 16
    .space 8192
stack:
