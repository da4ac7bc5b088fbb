/** Errors are values: a code that a program decides on, a text that a person reads.
 *
 * A function that can fail takes a `struct espota_error *` (never NULL), returns 0 or a code below, and on
 * failure has filled in the error. The text says what was attempted, on what and what went wrong; the hint,
 * where there is one, what to do.
 */
#ifndef ESPOTA_ERROR_H
#define ESPOTA_ERROR_H

#pragma GCC visibility push(default)

#include <stdarg.h>
#include <stdint.h>

enum espota_status {
    ESPOTA_OK = 0,
    ESPOTA_ERR_FAILED,      /* anything without a code of its own */
    ESPOTA_ERR_USAGE,       /* wrong options or arguments */
    ESPOTA_ERR_NO_DEVICE,   /* no such port, or nobody answers on it */
    ESPOTA_ERR_TIMEOUT,     /* somebody answered before, but not now */
    ESPOTA_ERR_VERIFY,      /* data is not what it claims to be, or not what was written */
    ESPOTA_ERR_REFUSED,     /* going on would lose data */
    ESPOTA_ERR_TOO_BIG,     /* does not fit */
    ESPOTA_ERR_UNSUPPORTED, /* this kind of device cannot do that */
    ESPOTA_ERR_IO,          /* a file or the system */
    ESPOTA_ERR_NOMEM,
    ESPOTA_ERR_NETWORK,   /* a server or the way to it */
    ESPOTA_ERR_DEVICE,    /* the device answered with an error */
    ESPOTA_ERR_CANCELLED, /* the user stopped it */
};

/** What could be done about it. The library names it, a program puts it into its own words: it alone knows by
 * which option, button or setting. `hint_value` of the error says more where noted. */
enum espota_hint {
    ESPOTA_HINT_NONE = 0,
    ESPOTA_HINT_FLASH_SIZE, /* give the size that the flash chip has */
    ESPOTA_HINT_FEWER_APPS, /* a layout with fewer apps: [0] enum espota_layout */
    ESPOTA_HINT_MORE_ROOM,  /* any of: apps of at most [0] bytes (0: no), a flash of [1] bytes (0: no), layout
                               [2]  (0: no) */
    ESPOTA_HINT_SMALLER_APP, /* or a larger flash */
    ESPOTA_HINT_SMALLER_NVS, /* or a table that lies elsewhere */
    ESPOTA_HINT_LOWER_BAUD,
    ESPOTA_HINT_CHIP,              /* the chip that was named is not the one that is there */
    ESPOTA_HINT_BOOT_BUTTON,       /* get the chip into download mode by hand, and leave the lines alone */
    ESPOTA_HINT_ASK_AGENT,         /* an app runs, which may have an agent */
    ESPOTA_HINT_NAME_PORT,         /* say which port */
    ESPOTA_HINT_MAKE_KEY,          /* a signing key can be made */
    ESPOTA_HINT_SIGN,              /* the image can be signed */
    ESPOTA_HINT_GIVE_KEY,          /* the device's key is wanted, or the right one */
    ESPOTA_HINT_AGENT_BAUD,        /* the rate may not be the one that the agent's app uses */
    ESPOTA_HINT_END_TRIAL,         /* confirm the app on trial, or roll it back, first */
    ESPOTA_HINT_LARGER_SLOT,       /* a layout with larger app partitions */
    ESPOTA_HINT_OTA_LAYOUT,        /* a layout with OTA slots */
    ESPOTA_HINT_NOT_FACTORY,       /* update a slot, and not the factory app */
    ESPOTA_HINT_FLASH_FIRST,       /* the device needs a layout and an app first */
    ESPOTA_HINT_WRITE_APP,         /* an app can be written there */
    ESPOTA_HINT_SEE_STATUS,        /* look at what runs and what boots */
    ESPOTA_HINT_MAKE_FILE,         /* a flash file is made by flashing into it */
    ESPOTA_HINT_BOOTLOADER_OFFSET, /* a table with bootloader partitions needs to know where bootloaders lie
                                    */
    ESPOTA_HINT_NAME_CHIP,         /* say which chip it is */
    ESPOTA_HINT_MERGED,            /* the file is a merged image: flash it as a whole */
    ESPOTA_HINT_AS_BOOTLOADER,     /* the file is a bootloader: give it as one */
    ESPOTA_HINT_AS_TABLE,          /* the file is a table: give it as one */
    ESPOTA_HINT_AS_FS,             /* the file is a file system: give it as one */
    ESPOTA_HINT_WRITE_RANGE,       /* the file can be written to a partition or offset */
    ESPOTA_HINT_NEED_TABLE,        /* give a table, or have one planned */
    ESPOTA_HINT_MOVE_TABLE,        /* let the table lie elsewhere, or build a smaller bootloader */
    ESPOTA_HINT_LARGER_PARTITION,  /* a layout with a larger partition */
    ESPOTA_HINT_KEEP_HEADER,       /* leave the bootloader's header as it is */
    ESPOTA_HINT_CHANGE_LAYOUT,     /* say that data may go: what has to, or all */
    ESPOTA_HINT_WRITE_OVER,        /* say that what is there may be written over, or erased */
    ESPOTA_HINT_OTHER_TABLE,       /* go by the table at [0], or say that all may be erased */
    ESPOTA_HINT_MEND_TABLE,        /* write a good table to [0], or say that all may be erased */
    ESPOTA_HINT_REPLACE,           /* choose another name, or say that it may be replaced */
    ESPOTA_HINT_RESTORE_ANYWAY,    /* say that another device's backup is meant */
    ESPOTA_HINT_LIST_PARTITIONS,   /* the partitions of a device can be listed */
    ESPOTA_HINT_WRITE_RAW,         /* say that the file is to be written as it is */
    ESPOTA_HINT_PRIVATE_CA,        /* give the certificate of the CA that vouches for the server */
    ESPOTA_HINT_NO_STUB,           /* do without the stub */
    ESPOTA_HINT_NAME_BUILD,        /* say which build of several is meant */
    ESPOTA_HINT_FS_TYPE,           /* say what kind of file system is meant */
    ESPOTA_HINT_NAME_FILE,         /* say which file of several is meant */
    ESPOTA_HINT_GIVE_PASSWORD,     /* the device's password is wanted, or the right one */
    ESPOTA_HINT_LISTEN_PORT,       /* let the device connect to a port that is open for it */
    ESPOTA_HINT_SEND_IMAGE,        /* fetch the image here, and send it to the device */
    ESPOTA_HINT_NAME_HOST,         /* a device on the network can be named, where its address is known */
};

struct espota_error {
    enum espota_status status;
    enum espota_hint hint;
    uint32_t hint_value[3];
    char text[1024];
};

/** Fill in the error. @return `status`, so that callers can write `return espota_fail(...)`. */
int espota_fail(struct espota_error *error, enum espota_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The same, with what could be done about it; its values are 0 until the caller sets them. */
int espota_fail_hint(struct espota_error *error, enum espota_status status, enum espota_hint hint,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/** Put a prefix before the text that is there: what was attempted when it happened. @return the status. */
int espota_fail_while(struct espota_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Out of memory, while doing `what`. @return ESPOTA_ERR_NOMEM. */
int espota_fail_memory(struct espota_error *error, const char *what);

/** Exit status of the program for a status: 0 done, 1 failed, 2 wrong usage, 3 no device or no answer,
 * 4 verification failed, 5 refused because data would be lost. */
int espota_exit_status(enum espota_status status);

/** Machine-readable name of a status for JSON, e.g. "no-device". Static storage. */
const char *espota_status_name(enum espota_status status);

/** Machine-readable name of a hint, e.g. "lower-baud"; NULL for none. Static storage. */
const char *espota_hint_name(enum espota_hint hint);

#pragma GCC visibility pop

#endif
