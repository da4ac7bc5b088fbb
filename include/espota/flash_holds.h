/** Does flash hold these bytes already? */
#ifndef ESPOTA_FLASH_HOLDS_H
#define ESPOTA_FLASH_HOLDS_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"

#include <stdbool.h>
#include <stdint.h>

/** Does flash at `offset` hold exactly these bytes? Sound also against bytes that somebody made to deceive: a
 * device with SHA-256 is asked for one digest. A mask ROM has MD5 alone, and a pair of files with the same
 * MD5 takes seconds to make; but its colliding blocks collide only behind one certain beginning and in one
 * alignment. So the digest is asked for from two random places within the first 1K to the end, and the bytes
 * before the later one are read back: who makes a pair has to foresee both (1 in 2^20, for each try of the
 * person who writes).
 * @return 0 with `*holds` set, or what the device returned. */
int espota_flash_holds(struct espota_device *device, uint32_t offset, const void *data, uint32_t length,
                       bool *holds, struct espota_error *error);

#pragma GCC visibility pop

#endif
