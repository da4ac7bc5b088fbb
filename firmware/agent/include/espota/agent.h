/** The on-device agent: serves OTA updates over a byte stream, and drives nothing but flash.
 *
 * Portable C99: no allocation, no OS, no globals. A port says how to reach flash, the stream and the crypto
 * of the device; the agent is one struct that its owner keeps. One session at a time. Protocol:
 * firmware/PROTOCOL.md. */
#ifndef ESPOTA_AGENT_H
#define ESPOTA_AGENT_H

#include "espota/agent_protocol.h"
#include "espota/coder.h"
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

/** Data bytes in one frame; a divisor of the sector size. A host has as many as the stub. */
#ifndef ESPOTA_AGENT_MAX_DATA
#ifdef __unix__
#define ESPOTA_AGENT_MAX_DATA 2048u
#else
#define ESPOTA_AGENT_MAX_DATA 1024u
#endif
#endif

/** Sector buffers. With two or more the agent takes coded streams, if the port has a decoder, and erases
 * ahead, in blocks where the port has them; with one it has no code for any of that. A
 * host, which simulates, has as many as the stub. */
#ifndef ESPOTA_AGENT_SECTORS
#ifdef __unix__
#define ESPOTA_AGENT_SECTORS 16u
#else
#define ESPOTA_AGENT_SECTORS 2u
#endif
#endif

/** Does it take streams with a base? 0: it has no code for them, whatever its decoder can. */
#ifndef ESPOTA_AGENT_BASES
#define ESPOTA_AGENT_BASES (ESPOTA_AGENT_SECTORS > 1u)
#endif

/** Can it serve PULL, where its service has that (firmware/pull)? 0: it has no code for it. */
#ifndef ESPOTA_AGENT_PULLS
#ifdef __unix__
#define ESPOTA_AGENT_PULLS 1
#else
#define ESPOTA_AGENT_PULLS 0
#endif
#endif

/** Sectors from the start of flash of which it remembers that it saw them blank: the stub, which is asked for
 * all of flash before it writes, and whoever has as much memory. */
#define ESPOTA_AGENT_BLANK (ESPOTA_AGENT_SECTORS < 16u ? 0u : 4096u)

struct espota_agent_request_in;
struct espota_agent;
struct espota_agent_service;

/** What an agent serves. On a device in the field: the slots that do not run, with the promise that nothing
 * boots that was not verified. */
extern const struct espota_agent_service espota_agent_slots;
/** In RAM, loaded through the chip's own loader, which holds nothing back: all of flash, without promises. */
extern const struct espota_agent_service espota_agent_ranges;

/** The device's owner. */
struct espota_agent_owner {
    /** espota_agent_check_owner: a port without an owner does not link it. */
    enum espota_agent_status (*check)(struct espota_agent *agent, const struct espota_partition *partition,
                                      uint32_t length);
    /** Is `r_s` (ECDSA P-256, big-endian) his signature of `digest`? `context` is the port's. 0, or -1. */
    int (*check_signature)(void *context, const uint8_t digest[ESPOTA_SHA256_LENGTH],
                           const uint8_t r_s[ESPOTA_P256_SIZE]);
};

/** Does a partition hold, behind an image of `length` bytes, its signature by the owner? A recovery agent,
 * which checks none, is refused. */
enum espota_agent_status espota_agent_check_owner(struct espota_agent *agent,
                                                  const struct espota_partition *partition, uint32_t length);

/** How the agent reaches its device. Functions return 0, or -1 on failure, unless said otherwise. */
struct espota_agent_port {
    void *context;
    const struct espota_agent_service *service;
    /** Not called while flash is busy. */
    int (*flash_read)(void *context, uint32_t offset, void *buffer, size_t length);
    /** Erase to FF: a sector of 4096 bytes, or a block of 32768 or 65536 where `erase_steps` has that bit.
     * `offset` is a multiple of `length`. May return when the operation has begun, if there is flash_busy. */
    int (*flash_erase)(void *context, uint32_t offset, uint32_t length);
    /** Program erased bytes within one page of 256. `length` is a multiple of 4. May return when the
     * operation has begun, if there is flash_busy; `data` stays as it is until that is over. */
    int (*flash_program)(void *context, uint32_t offset, const void *data, size_t length);
    /** Goes the last operation on? 1: it does, 0: it is done, -1: it failed. NULL: operations are done when
     * they return. */
    int (*flash_busy)(void *context);
    /** Lengths of blocks that flash_erase takes besides 4096: 32768, 65536, both or 0. */
    uint32_t erase_steps;
    /** Flash is encrypted, and reads decrypted: what reads as FF was programmed so, and has to be erased
     * before it takes anything else. */
    bool encrypted;
    /** Called by whatever computes or waits, every 0.3 ms at 80 MHz or more often: the port takes what its
     * streams have received into its buffers. It must not call the agent. NULL: bytes wait by themselves. */
    void (*relax)(void *context);
    /** Milliseconds of any clock that goes on. */
    uint32_t (*now_ms)(void *context);
    /** Unpredictable bytes; NULL on a port that has none, which then cannot have a key. */
    int (*random)(void *context, uint8_t *out, size_t length);
    /** Restart the device; may return (a simulator's does). */
    void (*restart)(void *context);
    /** Of the sector buffers, how many it uses; 0: all. So a simulator is no better than the device. */
    uint8_t sectors;
    /** The same of the lines of a base; a multiple of 4. */
    uint8_t base_lines;
    /** Nobody but the agent writes to flash while it has a session: what it verified stays so until it writes
     * itself, and SELECT takes the verdict of VERIFY. */
    bool alone;
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
    /** With one the agent has nothing boot that he did not sign. NULL: images need no signature. */
    const struct espota_agent_owner *owner;
    /** Of coded streams, and memory for it, aligned for any type; the size says how large a context table may
     * be. NULL: raw streams alone. */
    const struct espota_decoder_ops *decoder;
    void *decoder_memory;
    size_t decoder_memory_size;
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
    uint8_t window;              /* requests that may be unanswered; 1 or more */
    uint32_t window_bytes;       /* of encoded frames that the stream can hold while the agent is busy */
    uint32_t flash_id;           /* JEDEC: maker, type, log2 of the size, from the low byte on; 0: unknown */
    uint16_t cpu_mhz;            /* 0: unknown */
    enum espota_isa isa;         /* of the chip */
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
    /** Change the rate, when what was sent has left. 0; or -1: the rate stays as it is. NULL: the stream has
     * none. */
    int (*set_rate)(void *context, uint32_t baud);
    uint32_t rate; /* in baud, that it begins with; of matter with set_rate alone */
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
    uint32_t limit;     /* of what may be written: the image in whole sectors */
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
};

/** The part of a stream that is being gathered. */
enum espota_agent_part {
    ESPOTA_AGENT_PART_HEAD,
    ESPOTA_AGENT_PART_SECTOR, /* as it is */
    ESPOTA_AGENT_PART_BASE,
    ESPOTA_AGENT_PART_WORD, /* of a chunk; what follows depends on it */
    ESPOTA_AGENT_PART_CODED,
    ESPOTA_AGENT_PART_FILL,
    ESPOTA_AGENT_PART_COPY,
    ESPOTA_AGENT_PART_NONE, /* the stretch is rebuilt */
};

/** WRITE with START opens it. */
struct espota_agent_input_stream {
    bool open;
    uint8_t number; /* that START gave it */
    bool coded;
    bool based, mapping; /* it has a base; its map comes */
    enum espota_agent_part part;
    uint16_t has, needs; /* bytes of the part */
    uint32_t next;       /* offset within the stream */
    uint32_t at, end;    /* of the stretch within the image: the sector that comes next, and its end */
    uint8_t piece[ESPOTA_BASED_HEAD_SIZE];
};

/** What was hashed last to name it: an image in flash. */
struct espota_agent_named {
    uint32_t offset, length; /* length 0: none */
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
};

/** What was read of a base last, in lines: while flash works, the decoder goes on with that. */
#define ESPOTA_AGENT_BASE_LINE 256u
#ifndef ESPOTA_AGENT_BASE_LINES
#ifdef __unix__
#define ESPOTA_AGENT_BASE_LINES 96u
#else
#define ESPOTA_AGENT_BASE_LINES (ESPOTA_AGENT_BASES ? 16u : 1u)
#endif
#endif
#define ESPOTA_AGENT_IMAGE_LINES(base_lines) ((base_lines) / 4u + 4u)
struct espota_agent_base {
    uint32_t offset;      /* in flash */
    uint8_t oldest;       /* line; at most 252, and a multiple of 4 */
    uint32_t place, last; /* up to where it was read in a row; the line that was asked for last */
    uint32_t at[ESPOTA_AGENT_BASE_LINES]; /* where they begin within the base */
    uint8_t line[ESPOTA_AGENT_BASE_LINES][ESPOTA_AGENT_BASE_LINE];
    uint8_t image_oldest; /* the same of the image */
    uint32_t image_at[ESPOTA_AGENT_IMAGE_LINES(ESPOTA_AGENT_BASE_LINES)];
    uint8_t image_line[ESPOTA_AGENT_IMAGE_LINES(ESPOTA_AGENT_BASE_LINES)][ESPOTA_AGENT_BASE_LINE];
};

/** Sectors on their way into flash from the buffers of the agent, the first one under way. */
struct espota_agent_flash {
    uint8_t state;
    uint8_t first, count;                  /* of the buffers that are full */
    bool busy;                             /* an operation was begun, and was not seen to end */
    bool failed;                           /* which nobody was told yet */
    uint8_t holds;                         /* how flash compares with the first sector so far */
    uint32_t at;                           /* within the first sector */
    uint32_t end;                          /* of the stretch, in flash */
    uint32_t blank_end;                    /* all is blank from the sector that comes next to here */
    uint32_t offset[ESPOTA_AGENT_SECTORS]; /* in flash */
    uint16_t start[ESPOTA_AGENT_SECTORS];  /* bytes before it stay out of flash */
};

/** A rate that RATE asked for, in baud. */
struct espota_agent_rate {
    struct espota_agent_stream *stream; /* that has it, or NULL: none has another than it began with */
    uint32_t now, back;                 /* `back`: when the session has been silent for so long */
    uint32_t limit_ms;
};

/* Small members first: code for those is smaller. */
struct espota_agent {
    const struct espota_agent_port *port;
    const struct espota_agent_config *config;
    const struct espota_agent_request_in *request; /* that is carried out and may take long; NULL: none */
    uint32_t told_ms;                              /* when its host was told so */
    bool serves;                                   /* it found what its service needs: a table */
    struct espota_agent_flash flash;
    struct espota_agent_input_stream input;
    struct espota_agent_update update;
    struct espota_agent_rate rate;
    uint32_t wanted_baud; /* when the answer has left; 0: none */
    struct espota_agent_session session;
    struct espota_coder_image image;
    struct espota_table table;
    /* With several sector buffers alone. */
    bool hashed;         /* the port's hash is that of the stretch, as far as it came */
    uint8_t pause, rest; /* steps from one look at a flash operation to the next; yet to go */
    uint8_t turns;       /* that a decoder gave */
    uint32_t verified;   /* for SELECT: the partition that VERIFY was content with since; 0: none */
    struct espota_agent_named named;
    struct espota_agent_base base;                                      /* that the stream has */
    uint8_t blank[ESPOTA_AGENT_BLANK > 0 ? ESPOTA_AGENT_BLANK / 8 : 4]; /* sectors seen to be, in a bit */
    uint8_t reply[(ESPOTA_AGENT_SEALED_HEADER + ESPOTA_AGENT_SEALED_INNER + 1 + ESPOTA_AGENT_MAX_DATA +
                   ESPOTA_AGENT_TAG_SIZE + 3) /
                  4 * 4];                                              /* sectors lie as words do */
    uint8_t chunk[ESPOTA_AGENT_SECTORS > 1 ? ESPOTA_CODER_SECTOR : 1]; /* a coded one, being gathered */
    uint8_t sector[ESPOTA_AGENT_SECTORS][ESPOTA_SECTOR_SIZE];
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

/** Go on with what was begun, without waiting: flash, a rate that nobody answers at. For the port's idle
 * loop. */
void espota_agent_work(struct espota_agent *agent);

/** What WRITE began is dropped, and its host begins it anew: before a port takes the decoder's memory away.
 */
void espota_agent_drop_stream(struct espota_agent *agent);

/** A stream was closed: a session on it is forgotten. */
void espota_agent_stream_end(struct espota_agent *agent, struct espota_agent_stream *stream);

/** Has this stream the session? On an agent with a key: is it a host that knows the key? A network port hangs
 * up on who is not within seconds, so that strangers keep nobody out. */
bool espota_agent_serves(const struct espota_agent *agent, const struct espota_agent_stream *stream);

/** For how many milliseconds the session has been silent; meaningless without one. */
uint32_t espota_agent_silence_ms(const struct espota_agent *agent);

#endif
