/* Entered by the second-stage bootloader, which is windowed code: from here on windows, interrupts and coprocessors are
 * not used, and the stack is ours. Compiled with the call0 ABI. */
    .section .text.start, "ax"
    .literal_position
    .align 4
    .global _start
_start:
    movi a0, 0
    movi a2, 0x0f               /* PS: interrupt level 15; no window exceptions, no user mode */
    wsr.ps a2
    rsync
    movi a1, _stack_top
    movi a2, _bss_start
    movi a3, _bss_end
    movi a4, 0
1:  bgeu a2, a3, 2f
    s32i a4, a2, 0
    addi a2, a2, 4
    j 1b
2:  call0 main
3:  j 3b
