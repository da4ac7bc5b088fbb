/** The on-device agent: serves OTA updates over a byte stream, and drives nothing but flash.
 *
 * Portable C99: no allocation, no OS, no globals. A port says how to reach flash, the stream and the crypto
 * of the device; the agent is one struct that its owner keeps. One session at a time. Protocol:
 * firmware/PROTOCOL.md. */
#ifndef ESPOTA_AGENT_H
#define ESPOTA_AGENT_H

#include "espota/agent_protocol.h"
#include "espota/crypto.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/noise.h"
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
    /** Milliseconds of any clock that goes on. */
    uint32_t (*now_ms)(void *context);
    /** Unpredictable bytes; NULL on a port that has none, which then cannot have a key. */
    int (*random)(void *context, uint8_t *out, size_t length);
    /** Restart the device; may return (a simulator's does). */
    void (*restart)(void *context);
    /** A running SHA-256. The agent uses it for one digest at a time. */
    struct espota_hash sha256;
    /** Ciphers of a keyed session; all NULL on a port that has none, which then cannot have a key. */
    struct espota_crypto crypto;
    espota_md5_fn *md5;
    /** May an update of `length` bytes into the partition at `offset` begin now? NULL: always. */
    bool (*allow_update)(void *context, uint32_t offset, uint32_t length);
    /** Does the device's bootloader start such an image, which is whole and for this chip? It looks at the
     * chip's revision too, and at the memory that it needs itself. NULL: it starts all of them. */
    bool (*starts)(void *context, const struct espota_image *image);
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
    size_t key_length;           /* 32 to 64; 0: open sessions */
    bool conceal;                /* apps are not read out: flash encryption is to keep them secret */
    uint8_t window;              /* requests that the stream can hold while the agent is busy; 1 or more */
    bool rollback;               /* the bootloader honours trial states */
    uint32_t min_secure_version; /* apps whose description says less are refused */
    const char *project;         /* apps whose description names another one are refused; NULL: any */
};

/** A stream by which hosts reach the agent: a UART, a connection. Its owner keeps it, and begins it with
 * espota_agent_stream_begin. What a stranger says on one stream does not touch what another has. */
struct espota_agent_stream {
    void *context;
    /** Send all bytes to the host; may block while the stream is busy. 0, or -1. */
    int (*send)(void *context, const uint8_t *data, size_t length);
    struct espota_slip_decoder decoder;
    bool greeted; /* HELLO was answered, and the handshake goes on */
    struct espota_noise noise;
    uint8_t frame[ESPOTA_AGENT_MAX_FRAME(ESPOTA_AGENT_MAX_DATA)];
};

struct espota_agent_session {
    const struct espota_agent_stream *stream; /* that it is on, or NULL: there is none */
    bool sealed;                              /* with a key: frames are encrypted */
    struct espota_noise_keys keys;
    uint32_t received, sent; /* numbers of the last sealed frames */
    uint32_t heard_ms;       /* when the last frame of the session was taken */
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
    struct espota_agent_session session;
    struct espota_agent_update update;
    struct espota_table table;
    bool has_table;
    uint8_t reply[ESPOTA_AGENT_SEALED_INNER + 1 + ESPOTA_AGENT_MAX_DATA + ESPOTA_AGENT_TAG_SIZE];
    uint8_t sector[ESPOTA_SECTOR_SIZE];
};

/** Start. `port` and `config` must outlive the agent. The partition table is read from flash.
 * @return 0; or -1 when the table cannot be read or a key is given to a port without random source or
 * ciphers: the agent then serves HELLO and INFO, and answers everything else with a status. */
int espota_agent_start(struct espota_agent *agent, const struct espota_agent_port *port,
                       const struct espota_agent_config *config);

/** Begin a stream, whose `context` and `send` are set. */
void espota_agent_stream_begin(struct espota_agent_stream *stream);

/** Take bytes from a stream, in pieces of any size. Requests that they complete are carried out, and answered
 * through its `send`, before this returns. */
void espota_agent_input(struct espota_agent *agent, struct espota_agent_stream *stream, const uint8_t *data,
                        size_t length);

/** A stream was closed: a session on it is forgotten. */
void espota_agent_stream_end(struct espota_agent *agent, struct espota_agent_stream *stream);

/** Has this stream the session? On an agent with a key: is it a host that knows the key? A network port hangs
 * up on who is not within seconds, so that strangers keep nobody out. */
bool espota_agent_serves(const struct espota_agent *agent, const struct espota_agent_stream *stream);

/** For how many milliseconds the session has been silent; meaningless without one. */
uint32_t espota_agent_silence_ms(const struct espota_agent *agent);

#endif
