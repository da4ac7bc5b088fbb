/** The on-device agent: serves OTA updates over a byte stream, and drives nothing but flash.
 *
 * Portable C99: no allocation, no OS, no globals. A port says how to reach flash, the stream and the crypto
 * of the device; the agent is one struct that its owner keeps. One session at a time. Protocol:
 * firmware/PROTOCOL.md. */
#ifndef ESPOTA_AGENT_H
#define ESPOTA_AGENT_H

#include "espota/agent_protocol.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/otadata.h"
#include "espota/signature.h"
#include "espota/slip.h"
#include "espota/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef ESPOTA_AGENT_MAX_DATA
#define ESPOTA_AGENT_MAX_DATA 1024u /* data bytes in one frame; a divisor of the sector size */
#endif

/** How the agent reaches its device. Functions return 0, or -1 on failure, unless said otherwise. */
struct espota_agent_port {
    void *context;
    int (*flash_read)(void *context, uint32_t offset, void *buffer, size_t length);
    /** Erase one 4 KiB sector to FF. */
    int (*flash_erase)(void *context, uint32_t offset);
    /** Program within erased sectors. `length` is a multiple of 4. Called only after flash_erase or on FF. */
    int (*flash_program)(void *context, uint32_t offset, const void *data, size_t length);
    /** Send all bytes to the host; may block while the stream is busy. */
    int (*send)(void *context, const uint8_t *data, size_t length);
    /** Milliseconds of any clock that goes on. */
    uint32_t (*now_ms)(void *context);
    /** Unpredictable bytes; NULL on a port that has none, which then cannot have a key. */
    int (*random)(void *context, uint8_t *out, size_t length);
    /** Restart the device; may return (a simulator's does). */
    void (*restart)(void *context);
    /** A running SHA-256. The agent uses it for one digest at a time. */
    struct espota_hash sha256;
    espota_md5_fn *md5;
    /** May an update of `length` bytes into the partition at `offset` begin now? NULL: always. */
    bool (*allow_update)(void *context, uint32_t offset, uint32_t length);
    /** A request that changes something was carried out: BEGIN, VERIFY, SELECT, CONFIRM, ROLLBACK. NULL:
     * nobody asks. */
    void (*done)(void *context, enum espota_agent_request request);
    /** Is `r_s` (ECDSA P-256, big-endian) the owner's signature of `digest`? NULL: images need no signature.
     * With it the agent has nothing boot that is not signed so. */
    int (*check_signature)(void *context, const uint8_t digest[ESPOTA_SHA256_LENGTH],
                           const uint8_t r_s[ESPOTA_P256_SIZE]);
};

/** What the agent is told about its device. The key stays with the owner and must outlive the agent. */
struct espota_agent_config {
    uint16_t chip_id;        /* as in image headers */
    uint32_t flash_size;     /* bytes */
    uint32_t table_offset;   /* of the partition table */
    uint32_t running_offset; /* of the partition that runs now */
    uint8_t mac[6];
    const char *name; /* "espota agent 1.0", at most 31 bytes shown */
    const uint8_t *key;
    size_t key_length;           /* 0: open sessions */
    uint8_t window;              /* requests that the stream can hold while the agent is busy; 1 or more */
    bool rollback;               /* the bootloader honours trial states */
    uint32_t min_secure_version; /* apps whose description says less are refused */
    const char *project;         /* apps whose description names another one are refused; NULL: any */
};

struct espota_agent_session {
    bool greeted;
    bool keyed; /* AUTH succeeded: frames carry codes */
    uint8_t nonces[2 * ESPOTA_AGENT_NONCE_SIZE];
    uint8_t to_agent[ESPOTA_SHA256_LENGTH];
    uint8_t to_host[ESPOTA_SHA256_LENGTH];
    uint32_t last_sequence;
    bool any_sequence;
};

/* The start of an image, which reaches flash last: no bootloader starts what has no header. Flash encryption
 * writes 32 bytes at a time. */
#define ESPOTA_AGENT_HEADER 32u

/** BEGIN opens it. The first write that changes flash clears the slot's header; the header of the new image
 * is held here until VERIFY finds all of it in order. Then it is sealed: nothing can be written any more. */
struct espota_agent_update {
    bool open;
    bool cleared; /* flash has no header in the slot */
    bool held;    /* `header` belongs there */
    bool sealed;
    uint8_t header[ESPOTA_AGENT_HEADER];
    uint32_t partition; /* offset */
    uint32_t size;      /* of the partition */
    uint32_t length;    /* of the image */
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    bool running_run; /* START was seen */
    uint32_t next;    /* offset within the image that the run goes on with */
};

struct espota_agent {
    const struct espota_agent_port *port;
    const struct espota_agent_config *config;
    struct espota_slip_decoder decoder;
    struct espota_agent_session session;
    struct espota_agent_update update;
    struct espota_table table;
    bool has_table;
    unsigned failures; /* wrong proofs in a row */
    uint32_t failed_at;
    uint8_t frame[ESPOTA_AGENT_MAX_FRAME(ESPOTA_AGENT_MAX_DATA)];
    uint8_t reply[ESPOTA_AGENT_MAX_DATA + 8];
    uint8_t sector[ESPOTA_SECTOR_SIZE];
};

/** Start. `port` and `config` must outlive the agent. The partition table is read from flash.
 * @return 0; or -1 when the table cannot be read or a key is given without a random source: the agent then
 * serves HELLO and INFO, and answers everything else with a status. */
int espota_agent_start(struct espota_agent *agent, const struct espota_agent_port *port,
                       const struct espota_agent_config *config);

/** Take bytes from the stream, in pieces of any size. Requests that they complete are carried out, and
 * answered through port->send, before this returns. */
void espota_agent_input(struct espota_agent *agent, const uint8_t *data, size_t length);

/** The stream was closed: forget the session. */
void espota_agent_disconnect(struct espota_agent *agent);

#endif
