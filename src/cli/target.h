/* What part of flash a command is about: a partition by name, an offset with a length, or all. */
#ifndef ESPOTA_CLI_TARGET_H
#define ESPOTA_CLI_TARGET_H

#include "cli.h"

#include "espota/device.h"

#define TARGET_HELP "a partition's name, OFFSET+LENGTH, or all"

struct target {
    char name[48]; /* as it was given, for JSON */
    char text[80]; /* for messages: "'nvs' (0x9000)", "0x10000", "all of the flash" */
    uint32_t offset, length;
    uint8_t type;                     /* of the partition, where it is one */
    bool named;                       /* a partition: what shares a sector with it is not touched */
    char shared[ESPOTA_PROBLEM_TEXT]; /* why writing the partition would harm something else; empty: it would
                                         not */
    bool open_end;                    /* only an offset was given: `length` reaches to the end of flash */
};

/* Find the target that `text` names on `device`; the table at `table_offset` (0: as the device says, or
 * 0x8000) is read when it is a name. `open_end`: an offset alone will do. */
int target_parse(struct target *target, const char *text, struct espota_device *device, uint32_t table_offset,
                 bool open_end, struct espota_error *error);

/* Refuse to change a partition that shares flash with something else. */
int target_check_alone(const struct target *target, struct espota_error *error);

#endif
