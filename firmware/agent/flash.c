/* Sectors into flash, while bytes arrive and sectors are rebuilt: each is compared, erased unless it is
 * blank, programmed page by page, and read back, a small step at a time. Between sectors, what the stream
 * will come to is erased ahead. */
#include "private.h"

#include "espota/table.h"

#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

enum {
    PAGE = 256,
    BLOCK = 65536,
    HALF_BLOCK = 32768,
    PAYS = 16384,
    ERASE_PAUSE = 15,      /* steps; erasing takes hundreds */
    AHEAD = BLOCK,         /* of the sector that comes next, what is to be blank; further on it can wait */
    FAR_AHEAD = 4 * BLOCK, /* while there is nothing else to do */
};

enum { SAME = 1, BLANK = 2 };

enum state {
    NEXT, /* nothing is under way, but flash may be busy erasing ahead */
    COMPARE,
    PROGRAM,
    READ_BACK,
    HASH, /* flash holds the sector */
};

/* ---- one operation --------------------------------------------------------------------------------------
 */

/* What was queued is lost, and so is the stream. */
static void fail(struct espota_agent *agent)
{
    struct espota_agent_flash *flash = &agent->flash;
    espota_agent_drop_stream(agent);
    flash->failed = true;
    flash->count = 0;
    flash->state = NEXT;
    flash->blank_end = 0;
}

/* Is the last operation over? */
static bool is_idle(struct espota_agent *agent)
{
    const struct espota_agent_port *port = agent->port;
    struct espota_agent_flash *flash = &agent->flash;
    if (MORE_SECTORS && flash->busy && agent->rest > 0) {
        agent->rest--;
        return false;
    }
    int busy = flash->busy && port->flash_busy ? port->flash_busy(port->context) : 0;
    if (MORE_SECTORS)
        agent->rest = agent->pause;
    flash->busy = busy > 0;
    if (busy < 0)
        fail(agent);
    return busy <= 0;
}

static void begun(struct espota_agent *agent, int result)
{
    agent->flash.busy = true;
    if (result != 0)
        fail(agent);
}

static void begin_erase(struct espota_agent *agent, uint32_t offset, uint32_t length)
{
    const struct espota_agent_port *port = agent->port;
    begun(agent, port->flash_erase(port->context, offset, length));
    if (MORE_SECTORS) /* each look at it costs a command */
        agent->pause = agent->rest = port->flash_busy ? ERASE_PAUSE : 0;
}

static void begin_program(struct espota_agent *agent, uint32_t offset, const uint8_t *data, size_t length)
{
    const struct espota_agent_port *port = agent->port;
    if (KNOWS_BLANK)
        espota_agent_saw_sector(agent, offset, false);
    begun(agent, port->flash_program(port->context, offset, data, length));
    if (MORE_SECTORS)
        agent->pause = agent->rest = 0;
}

/* What flash holds of `length` bytes, at most a page: SAME as `data`, BLANK, both or neither. */
static unsigned compare(struct espota_agent *agent, uint32_t offset, const uint8_t *data, size_t length)
{
    uint8_t piece[PAGE];
    espota_agent_relax(agent);
    if (espota_agent_flash_read(agent, offset, piece, length) != 0) {
        fail(agent);
        return 0;
    }
    return (data && memcmp(piece, data, length) == 0 ? SAME : 0) |
           (!agent->port->encrypted && espota_agent_is_blank(piece, length) ? BLANK : 0);
}

/* All of a sector. */
static unsigned compare_sector(struct espota_agent *agent, uint32_t offset, const uint8_t *data,
                               unsigned wanted)
{
    for (uint32_t at = 0; wanted && at < SECTOR; at += PAGE)
        wanted &= compare(agent, offset + at, data ? data + at : NULL, PAGE);
    return wanted;
}

static bool is_blank_sector(struct espota_agent *agent, uint32_t offset)
{
    return (KNOWS_BLANK && espota_agent_saw_blank(agent, offset)) ||
           compare_sector(agent, offset, NULL, BLANK);
}

/* Is it worth while to erase all of that at once? Blocks of 25Q chips take as long as three or four sectors.
 */
static bool pays(struct espota_agent *agent, uint32_t offset, uint32_t length, uint32_t end)
{
    uint32_t filled = 0;
    if (!MORE_SECTORS || !(agent->port->erase_steps & length) || offset % length != 0 ||
        end - offset < length)
        return false;
    for (uint32_t at = 0; at < length; at += SECTOR)
        filled += !is_blank_sector(agent, offset + at);
    return filled > length / PAYS;
}

/* Begin to erase the sector, and as much behind it as one operation does well. @return where that ends. */
static uint32_t erase_up_to(struct espota_agent *agent, uint32_t offset, uint32_t end)
{
    uint32_t length = pays(agent, offset, BLOCK, end)        ? BLOCK
                      : pays(agent, offset, HALF_BLOCK, end) ? HALF_BLOCK
                                                             : SECTOR;
    if (BASES && length > SECTOR)
        espota_agent_fetch_lines(agent);
    begin_erase(agent, offset, length);
    return offset + length;
}

uint32_t espota_agent_begin_blank(struct espota_agent *agent, uint32_t offset, uint32_t end)
{
    return is_blank_sector(agent, offset) ? offset + SECTOR : erase_up_to(agent, offset, end);
}

/* ---- the stretch's hash ---------------------------------------------------------------------------------
 */

/* What flash holds when its sector is done. Whoever else needs the hash takes it. */
static void hash(struct espota_agent *agent, const uint8_t *data, size_t length)
{
    const struct espota_hash *h = &agent->port->sha256;
    if (MORE_SECTORS && agent->hashed)
        agent->hashed = h->update(h->context, data, length) == 0;
}

void espota_agent_hash_sector(struct espota_agent *agent, const uint8_t *sector)
{
    for (uint32_t at = 0; MORE_SECTORS && at < SECTOR; at += PAGE) {
        espota_agent_relax(agent);
        hash(agent, sector + at, PAGE);
    }
}

size_t espota_agent_stretch_digest(struct espota_agent *agent, uint8_t digest[ESPOTA_SHA256_LENGTH])
{
    const struct espota_hash *h = &agent->port->sha256;
    bool hashed = agent->hashed;
    agent->hashed = false;
    return hashed && h->finish(h->context, digest) == 0 ? ESPOTA_SHA256_LENGTH : 0;
}

/* ---- sectors --------------------------------------------------------------------------------------------
 */

/* Something differs from what flash holds, so that from there on all of it will: the first sector that is not
 * known to be blank is found to be, or made so. Without a head, or a stream, the stretch is another's. */
static void look_ahead(struct espota_agent *agent)
{
    struct espota_agent_flash *flash = &agent->flash;
    uint32_t ahead = flash->blank_end;
    uint32_t next = agent->update.partition + agent->input.at,
             most = BASES && agent->input.mapping ? FAR_AHEAD : AHEAD;
    if (agent->input.part == ESPOTA_AGENT_PART_HEAD || ahead == 0 || ahead < next || ahead >= flash->end ||
        ahead - next >= most)
        return;
    flash->blank_end = espota_agent_begin_blank(agent, ahead, flash->end);
}

static void end_sector(struct espota_agent_flash *flash)
{
    flash->first = (uint8_t)((flash->first + 1) % ESPOTA_AGENT_SECTORS);
    flash->count--;
    flash->state = NEXT;
}

/* It is known what flash holds. */
static void choose(struct espota_agent *agent, uint32_t offset)
{
    struct espota_agent_flash *flash = &agent->flash;
    if (!MORE_SECTORS && flash->holds & SAME) {
        end_sector(flash);
        return;
    }
    flash->at = flash->start[flash->first];
    hash(agent, agent->sector[flash->first], flash->at);
    flash->state = MORE_SECTORS && flash->holds & SAME ? HASH : PROGRAM;
    if (flash->state == HASH)
        return;
    flash->blank_end = flash->holds & BLANK ? offset + SECTOR : erase_up_to(agent, offset, flash->end);
}

static void begin_sector(struct espota_agent *agent)
{
    struct espota_agent_flash *flash = &agent->flash;
    uint32_t offset = flash->offset[flash->first];
    const uint8_t *sector = agent->sector[flash->first];
    flash->at = flash->start[flash->first];
    flash->holds = SAME | BLANK;
    flash->state = MORE_SECTORS && offset < flash->blank_end ? PROGRAM : COMPARE;
    if (flash->state == PROGRAM) {
        hash(agent, sector, flash->at);
    } else if (KNOWS_BLANK && espota_agent_saw_blank(agent, offset)) {
        flash->holds = espota_agent_is_blank(sector + flash->at, SECTOR - flash->at) ? SAME | BLANK : BLANK;
        choose(agent, offset);
    }
}

/* Encrypted flash that is erased does not read as FF, so that a page of FF is programmed like any other. */
static void program_page(struct espota_agent *agent, uint32_t offset, const uint8_t *data, size_t length)
{
    if (!espota_agent_is_blank(data, length) || compare(agent, offset, data, length) == 0)
        begin_program(agent, offset, data, length);
}

/* The next page of the sector. */
static void go_on(struct espota_agent *agent)
{
    struct espota_agent_flash *flash = &agent->flash;
    uint32_t offset = flash->offset[flash->first], at = flash->at;
    const uint8_t *data = agent->sector[flash->first] + at;
    size_t length = PAGE - at % PAGE;
    flash->at += (uint32_t)length;
    if (flash->state == PROGRAM)
        program_page(agent, offset + at, data, length);
    else if (!MORE_SECTORS || flash->state != HASH)
        flash->holds &= (uint8_t)compare(agent, offset + at, data, length);
    if (flash->failed)
        return;
    if (MORE_SECTORS && (flash->state == PROGRAM || flash->state == HASH)) /* flash works meanwhile */
        hash(agent, data, length);
    if (flash->state == COMPARE && (flash->at == SECTOR || !flash->holds)) {
        choose(agent, offset);
    } else if (flash->state == PROGRAM && flash->at == SECTOR) {
        flash->at = flash->start[flash->first];
        flash->holds = SAME;
        flash->state = READ_BACK;
    } else if (flash->state == READ_BACK && !flash->holds) {
        fail(agent);
    } else if ((flash->state == READ_BACK || (MORE_SECTORS && flash->state == HASH)) && flash->at == SECTOR) {
        end_sector(flash);
    }
}

void espota_agent_flash_step(struct espota_agent *agent)
{
    struct espota_agent_flash *flash = &agent->flash;
    espota_agent_relax(agent);
    if (!is_idle(agent) || flash->failed)
        return;
    if (flash->state != NEXT)
        go_on(agent);
    else if (flash->count > 0)
        begin_sector(agent);
    else if (MORE_SECTORS)
        look_ahead(agent);
}

/* ---- for the rest of the core ---------------------------------------------------------------------------
 */

static uint8_t most_sectors(const struct espota_agent *agent)
{
    return MORE_SECTORS && agent->port->sectors ? agent->port->sectors : ESPOTA_AGENT_SECTORS;
}

uint8_t *espota_agent_free_sector(struct espota_agent *agent)
{
    struct espota_agent_flash *flash = &agent->flash;
    while (flash->count >= most_sectors(agent))
        espota_agent_flash_step(agent);
    return agent->sector[(flash->first + flash->count) % ESPOTA_AGENT_SECTORS];
}

/* A sector that was flushed stays in its buffer until that is used again. The one that is free may be half
 * written. */
static const uint8_t *buffered(const struct espota_agent *agent, uint32_t offset)
{
    const struct espota_agent_flash *flash = &agent->flash;
    size_t fresh = flash->first + flash->count, most = most_sectors(agent);
    for (size_t back = 1; back < most || (back == most && flash->count == most); back++) {
        size_t i = (fresh + ESPOTA_AGENT_SECTORS - back) % ESPOTA_AGENT_SECTORS;
        if (flash->offset[i] == offset - offset % SECTOR)
            return agent->sector[i] + offset % SECTOR;
    }
    return NULL;
}

void espota_agent_wait_for_flash(struct espota_agent *agent)
{
    while (!is_idle(agent))
        espota_agent_relax(agent);
}

int espota_agent_read_between(struct espota_agent *agent, uint32_t offset, void *buffer, size_t length)
{
    uint8_t *to = buffer;
    while (length > 0) {
        size_t room = SECTOR - offset % SECTOR, part = length < room ? length : room;
        const uint8_t *from = buffered(agent, offset);
        if (!from)
            espota_agent_wait_for_flash(agent);
        if (from)
            memcpy(to, from, part);
        else if (agent->flash.failed || espota_agent_slot_read(agent, offset, to, part) != 0)
            return -1;
        to += part;
        offset += (uint32_t)part;
        length -= part;
    }
    return 0;
}

void espota_agent_put(struct espota_agent *agent, uint32_t offset, uint32_t start)
{
    struct espota_agent_flash *flash = &agent->flash;
    if (flash->failed)
        return;
    size_t index = (flash->first + flash->count) % ESPOTA_AGENT_SECTORS;
    flash->offset[index] = offset;
    flash->start[index] = (uint16_t)start;
    flash->count++;
}

void espota_agent_drain(struct espota_agent *agent)
{
    while (!is_idle(agent) || agent->flash.count > 0) {
        espota_agent_flash_step(agent);
        espota_agent_say_working(agent);
    }
}

bool espota_agent_flash_failed(struct espota_agent *agent)
{
    bool failed = agent->flash.failed;
    agent->flash.failed = false;
    return failed;
}

void espota_agent_begin_stretch(struct espota_agent *agent, uint32_t end)
{
    const struct espota_hash *h = &agent->port->sha256;
    espota_agent_drain(agent);
    memset(agent->flash.offset, 0xff, sizeof agent->flash.offset); /* no sector lies there */
    agent->flash.blank_end = 0;
    agent->flash.end = end;
    if (MORE_SECTORS)
        agent->hashed = h->begin(h->context) == 0;
}

bool espota_agent_flash_holds(struct espota_agent *agent, uint32_t offset, const uint8_t *sector)
{
    espota_agent_drain(agent);
    return compare_sector(agent, offset, sector, SAME);
}

static int finish(struct espota_agent *agent)
{
    espota_agent_drain(agent);
    return espota_agent_flash_failed(agent) ? -1 : 0;
}

/* Nothing is under way: whoever asks for this has looked at flash before. */
int espota_agent_erase(struct espota_agent *agent, uint32_t offset)
{
    begin_erase(agent, offset, SECTOR);
    return finish(agent);
}

int espota_agent_program(struct espota_agent *agent, uint32_t offset, const uint8_t *data, size_t length)
{
    begin_program(agent, offset, data, length);
    return finish(agent);
}
