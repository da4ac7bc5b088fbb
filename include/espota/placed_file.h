/** Files that say where in flash their bytes belong: Intel HEX and UF2.
 *
 * Intel HEX: lines ":LLAAAATT...CC"; type 00 data, 01 end, 02 and 04 the upper part of the address (segment,
 * linear), 03 and 05 an entry, which flash has no use for; all bytes of a line add up to 0. UF2: blocks of
 * 512 bytes with address, length and, when flag 0x2000 is set, the family of the chip; flag 1 marks blocks
 * that are not for flash. Sources: Intel, Hexadecimal Object File Format Specification, revision A (1988);
 * github.com/microsoft/uf2; esptool, merge-bin --format hex and uf2, writes both with addresses that are
 * offsets in flash.
 *
 * Pure code: no allocation, no I/O, no globals. */
#ifndef ESPOTA_PLACED_FILE_H
#define ESPOTA_PLACED_FILE_H

#pragma GCC visibility push(default)

#include <stddef.h>
#include <stdint.h>

enum espota_placed_fault {
    ESPOTA_PLACED_OK = 0,
    ESPOTA_PLACED_STOPPED,     /* by the callback */
    ESPOTA_PLACED_BAD_RECORD,  /* a line or block is not what it should be */
    ESPOTA_PLACED_BAD_SUM,     /* a line's bytes do not add up to 0 */
    ESPOTA_PLACED_BAD_TYPE,    /* a line of an unknown type */
    ESPOTA_PLACED_NO_END,      /* the file is cut off */
    ESPOTA_PLACED_OTHER_FAMILY /* a UF2 block of another family of chips */
};

struct espota_placed_problem {
    enum espota_placed_fault fault;
    uint32_t where; /* line or block, counted from 1 */
};

/** Bytes with a place. @return 0 to go on. */
typedef int espota_placed_fn(void *context, uint32_t address, const uint8_t *data, size_t length);

/** Call `place` for each stretch of data, in the file's order. @return 0, or -1 with `problem` filled in. */
int espota_intel_hex_walk(const uint8_t *text, size_t size, espota_placed_fn *place, void *context,
                          struct espota_placed_problem *problem);

/** The same for UF2. `family` 0: any; otherwise blocks that name another one are a fault. */
int espota_uf2_walk(const uint8_t *data, size_t size, uint32_t family, espota_placed_fn *place, void *context,
                    struct espota_placed_problem *problem);

#pragma GCC visibility pop

#endif
