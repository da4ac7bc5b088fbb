/* repl_board.py, as it stands. */
#include "repl_script.h"

extern const char sim_repl_begin[], sim_repl_end[];
__asm__(".pushsection .rodata\n"
        ".global sim_repl_begin, sim_repl_end\n"
        "sim_repl_begin:\n"
        ".incbin \"src/sim/repl_board.py\"\n"
        "sim_repl_end:\n"
        ".popsection\n");

const char *sim_repl_script(size_t *size)
{
    /* cppcheck-suppress comparePointers ; the assembler has them in one section */
    *size = (size_t)(sim_repl_end - sim_repl_begin);
    return sim_repl_begin;
}
