/* Shared by the files of the agent's core. */
#ifndef ESPOTA_AGENT_PRIVATE_H
#define ESPOTA_AGENT_PRIVATE_H

#include "espota/agent.h"
#include "espota/hash.h"
#include "espota/table.h"

/* With one buffer there is code for raw streams alone, one sector after the other. */
enum { MORE_SECTORS = ESPOTA_AGENT_SECTORS > 1, BASES = MORE_SECTORS && ESPOTA_AGENT_BASES };

/* A request as it arrived: its payload is in the stream's frame. */
struct espota_agent_request_in {
    struct espota_agent_stream *stream;
    bool sealed; /* it came encrypted, and so does its answer */
    uint8_t type;
    uint32_t sequence;
    const uint8_t *data;
    size_t length;
};

/* A reply under construction in agent->reply, with room in front for the status and what is sealed with it.
 */
enum { REPLY_STATUS = ESPOTA_AGENT_SEALED_HEADER + ESPOTA_AGENT_SEALED_INNER, REPLY_DATA };
struct reply {
    uint8_t *data; /* behind the status */
    size_t length; /* of data */
};

typedef enum espota_agent_status handler(struct espota_agent *agent,
                                         const struct espota_agent_request_in *request, struct reply *reply);

/* What an agent serves, so that one that needs only a part of it links no more. */
struct espota_agent_service {
    uint32_t capabilities;
    int (*start)(struct espota_agent *agent); /* -1: INFO and RESTART alone are carried out */
    /* May the range be spoken of at all, be read, be digested as a whole? */
    enum espota_agent_status (*may_reach)(const struct espota_agent *agent, uint32_t offset, uint32_t length);
    enum espota_agent_status (*may_read)(const struct espota_agent *agent, uint32_t offset, uint32_t length);
    enum espota_agent_status (*may_digest)(const struct espota_agent *agent, uint32_t offset,
                                           uint32_t length);
    /* A sector is to be written to this offset in flash: what has to happen first. `*start`: its bytes before
     * that stay out of flash, SECTOR: all of them do. */
    enum espota_agent_status (*prepare)(struct espota_agent *agent, uint32_t offset, const uint8_t *sector,
                                        uint32_t *start);
    /* All of the image comes, built on a base: what may be done while the map comes. NULL: nothing. */
    enum espota_agent_status (*make_way)(struct espota_agent *agent);
    /* How many bytes an image that begins there may have, one that is named or built upon; 0: none may. Of no
     * use with one sector buffer. */
    uint32_t (*room)(const struct espota_agent *agent, uint32_t offset);
    handler *handlers[ESPOTA_AGENT_REQUESTS]; /* NULL: unsupported */
};

/* Those that are the same for all. */
#define COMMON_HANDLERS                                                                                      \
    [ESPOTA_AGENT_HELLO] = espota_agent_hello, [ESPOTA_AGENT_HANDSHAKE] = espota_agent_handshake,            \
    [ESPOTA_AGENT_INFO] = espota_agent_info, [ESPOTA_AGENT_READ] = espota_agent_read,                        \
    [ESPOTA_AGENT_DIGEST] = espota_agent_digest, [ESPOTA_AGENT_WRITE] = espota_agent_write,                  \
    [ESPOTA_AGENT_RESTART] = espota_agent_restart, [ESPOTA_AGENT_RATE] = espota_agent_rate,                  \
    [ESPOTA_AGENT_IDENTIFY] = MORE_SECTORS ? espota_agent_identify : NULL

/* agent.c */
handler espota_agent_restart;
/* Others have their turn: the port's streams. */
static inline void espota_agent_relax(const struct espota_agent *agent)
{
    if (agent->port->relax)
        agent->port->relax(agent->port->context);
}

/* state.c */
/* Do `length` bytes at `offset` lie in the range of `size` at `start`? */
bool espota_agent_inside(uint32_t offset, uint32_t length, uint32_t start, uint32_t size);
/* Nothing but FF? */
bool espota_agent_is_blank(const uint8_t *data, size_t length);
int espota_agent_flash_read(const struct espota_agent *agent, uint32_t offset, void *buffer, size_t length);
/* The same with the header that an update holds back. */
int espota_agent_slot_read(const struct espota_agent *agent, uint32_t offset, void *buffer, size_t length);
/* The part that comes next. */
static inline void espota_agent_expect(struct espota_agent_input_stream *in, enum espota_agent_part part,
                                       uint32_t bytes)
{
    in->part = part;
    in->has = 0;
    in->needs = (uint16_t)bytes;
}

/* frame.c */
void espota_agent_send_status(struct espota_agent *agent, const struct espota_agent_request_in *request,
                              enum espota_agent_status status, size_t data_length);
/* The host waits on, if it has not been told so for a while. For loops that may take long. */
void espota_agent_say_working(struct espota_agent *agent);

/* session.c */
handler espota_agent_hello, espota_agent_handshake, espota_agent_rate;
/* A frame of the session was understood. */
void espota_agent_heard(struct espota_agent *agent, const struct espota_agent_stream *stream);
/* RATE was answered. */
void espota_agent_change_rate(struct espota_agent *agent, struct espota_agent_stream *stream, uint32_t baud);
/* Is it time to go back to a rate that was before? */
void espota_agent_check_rate(struct espota_agent *agent);
/* Has the port what a key needs? */
bool espota_agent_can_be_keyed(const struct espota_agent_port *port);
void espota_agent_end_session(struct espota_agent *agent);

/* seal.c */
/* Encrypt `length` bytes in place, with room for the tag behind them. */
int espota_agent_encrypt(struct espota_agent *agent, uint8_t head[ESPOTA_AGENT_SEALED_HEADER], uint8_t *inner,
                         size_t length);
/* The sealed frame of `length` bytes in the session's stream, decrypted. @return false when it is not the
 * host's, or not new. */
bool espota_agent_decrypt(struct espota_agent *agent, struct espota_agent_request_in *request, size_t length);

/* read.c */
handler espota_agent_info, espota_agent_read, espota_agent_digest;
/* Does it take coded streams? They refer to the image as it lies in flash, which a device that conceals it
 * does not tell. An agent with one sector buffer has no code for them. */
static inline bool espota_agent_decodes(const struct espota_agent *agent)
{
    return MORE_SECTORS && agent->port->decoder && !agent->config->conceal;
}
/* Of what espota_agent_slot_read gives. */
enum espota_agent_status espota_agent_digest_range(struct espota_agent *agent, uint32_t offset,
                                                   uint32_t length, uint8_t digest[ESPOTA_SHA256_LENGTH]);
/* The same of what the running hash has already, and so many bytes more. */
enum espota_agent_status espota_agent_digest_rest(struct espota_agent *agent, uint32_t offset,
                                                  uint32_t length, uint8_t digest[ESPOTA_SHA256_LENGTH]);

/* base.c */
handler espota_agent_identify;
/* The base that a stream names, in `chunk`: does flash hold it, and may it be read by this host? */
enum espota_agent_status espota_agent_check_base(struct espota_agent *agent);
/* log2 of the bytes of the largest context table that fits: with a base, or without. */
uint8_t espota_agent_table_log(const struct espota_agent *agent, bool base, unsigned deep);
/* A range of flash is going to change: what was named in it is not known any more. */
void espota_agent_forget(struct espota_agent *agent, uint32_t offset, uint32_t length);
static inline void espota_agent_forget_named(struct espota_agent *agent, uint32_t offset, uint32_t length)
{
    if (MORE_SECTORS)
        espota_agent_forget(agent, offset, length);
}

/* lines.c: of the base that the stream has. */
static inline unsigned espota_agent_base_lines(const struct espota_agent *agent)
{
    return agent->port->base_lines > 0 && agent->port->base_lines < ESPOTA_AGENT_BASE_LINES
               ? agent->port->base_lines
               : ESPOTA_AGENT_BASE_LINES;
}
/* The line that begins at `at`, if it is known. */
const uint8_t *espota_agent_base_line(struct espota_agent *agent, uint32_t at);
/* It is not, and flash is idle: from there; NULL: flash cannot be read. The base lies in no range that is
 * written. */
const uint8_t *espota_agent_read_lines(struct espota_agent *agent, uint32_t at);
/* Flash is idle, and about to be busy for long: as many of those that come next as there is room for. */
void espota_agent_fetch_lines(struct espota_agent *agent);

/* permit.c: of the slots' service. */
/* The factory or OTA app partition that begins there, or NULL. */
const struct espota_partition *espota_agent_app_at(const struct espota_agent *agent, uint32_t offset);
uint32_t espota_agent_slots_room(const struct espota_agent *agent, uint32_t offset);
enum espota_agent_status espota_agent_slots_may_reach(const struct espota_agent *agent, uint32_t offset,
                                                      uint32_t length);
enum espota_agent_status espota_agent_slots_may_read(const struct espota_agent *agent, uint32_t offset,
                                                     uint32_t length);
enum espota_agent_status espota_agent_slots_may_digest(const struct espota_agent *agent, uint32_t offset,
                                                       uint32_t length);

/* flash.c */
/* A small step forward, which does not wait. */
void espota_agent_flash_step(struct espota_agent *agent);
/* Until flash is idle and all sectors are in it. What is erased ahead meanwhile is waited for too. */
void espota_agent_drain(struct espota_agent *agent);
/* Did something fail since this was asked last? */
bool espota_agent_flash_failed(struct espota_agent *agent);
/* Sectors up to there are going to come, in order. */
void espota_agent_begin_stretch(struct espota_agent *agent, uint32_t end);
/* The buffer for the next sector, when one is free. */
uint8_t *espota_agent_free_sector(struct espota_agent *agent);
/* Bytes of the slot or range, and of a base, while sectors are under way: what the buffers have of it comes
 * from there. */
int espota_agent_read_between(struct espota_agent *agent, uint32_t offset, void *buffer, size_t length);
/* Until nothing is under way; what is queued waits. */
void espota_agent_wait_for_flash(struct espota_agent *agent);
/* That buffer goes to flash, but for its bytes before `start`. */
void espota_agent_put(struct espota_agent *agent, uint32_t offset, uint32_t start);
bool espota_agent_flash_holds(struct espota_agent *agent, uint32_t offset, const uint8_t *sector);
/* All of the stretch is in flash: its SHA-256, once. @return its length; 0: the hash served others meanwhile.
 */
size_t espota_agent_stretch_digest(struct espota_agent *agent, uint8_t digest[ESPOTA_SHA256_LENGTH]);
/* The next sector of the stretch, which flash holds. */
void espota_agent_hash_sector(struct espota_agent *agent, const uint8_t *sector);
/* Begin to make the sector blank, if it is not, and what lies behind it as far as one operation does well, up
 * to `end`. @return where what is blank then ends. */
uint32_t espota_agent_begin_blank(struct espota_agent *agent, uint32_t offset, uint32_t end);
/* A sector, and bytes within a page; it is done when they return. */
int espota_agent_erase(struct espota_agent *agent, uint32_t offset);
int espota_agent_program(struct espota_agent *agent, uint32_t offset, const uint8_t *data, size_t length);

/* blank.c: sectors that were read as FF since the session began, and that only this agent can have changed.
 */
enum { KNOWS_BLANK = ESPOTA_AGENT_BLANK > 0 };
/* The sector was read, and is blank; or it is about to be programmed. */
void espota_agent_saw_sector(struct espota_agent *agent, uint32_t offset, bool blank);
bool espota_agent_saw_blank(const struct espota_agent *agent, uint32_t offset);
void espota_agent_saw_none(struct espota_agent *agent);

/* stream.c */
handler espota_agent_write;

/* coded.c */
enum { CHUNK_WORD = 2 };
/* The head of a coded stream is there, and its base. */
enum espota_agent_status espota_agent_begin_coded(struct espota_agent *agent);
enum espota_agent_status espota_agent_take_word(struct espota_agent_input_stream *in);
/* A chunk of the map. */
enum espota_agent_status espota_agent_take_map(struct espota_agent *agent);
/* The sector that a chunk stands for; `again`: the next one that it does. @return 1: there is another one; 0:
 * that was the last; -1: it stands for none. */
int espota_agent_rebuild(struct espota_agent *agent, uint8_t *sector, bool again);

/* verify.c */
/* Does flash hold an image in the partition that may boot: whole, for this chip and product, signed and new
 * enough? */
enum espota_agent_status espota_agent_examine(struct espota_agent *agent,
                                              const struct espota_partition *partition);

/* The same for an image whose first `length` bytes have this SHA-256, which flash is read once for. `digest`:
 * what they have. @return BAD_DIGEST before anything else where it is another. */
enum espota_agent_status espota_agent_examine_as(struct espota_agent *agent,
                                                 const struct espota_partition *partition, uint32_t length,
                                                 const uint8_t sha256[ESPOTA_SHA256_LENGTH],
                                                 uint8_t digest[ESPOTA_SHA256_LENGTH]);

/* Does it hold one that the bootloader would start, whoever made it? */
bool espota_agent_is_bootable(struct espota_agent *agent, const struct espota_partition *partition);

/* boot.c */
/* Before a slot is written: have otadata ask for the app that runs. */
enum espota_agent_status espota_agent_settle(struct espota_agent *agent);
/* @return TRIAL while the running app is on a trial that nobody confirmed. */
enum espota_agent_status espota_agent_check_trial(struct espota_agent *agent);
handler espota_agent_select, espota_agent_confirm, espota_agent_rollback;

#endif
