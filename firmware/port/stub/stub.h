/* The stub: the agent in RAM, loaded by the loader in a chip's ROM (MEM_BEGIN, MEM_DATA, MEM_END). It serves
 * all of flash on every stream that the board has, at the rate that it finds; the first one that speaks gets
 * the session. A simulator runs the same with a board of its own. */
#ifndef ESPOTA_STUB_H
#define ESPOTA_STUB_H

#include "bare.h"

struct stub {
    struct bare_server server;
};

/* `board` must outlive the stub, and so must what `memory` points to. */
void stub_begin(struct stub *stub, const struct bare_board *board, const struct bare_memory *memory);

/* One turn of its loop. @return whether anything came. */
bool stub_step(struct stub *stub);

#endif
