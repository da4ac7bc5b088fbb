/* The recovery agent: finds out where it runs from, then serves. */
#include "bare.h"
#include "crypto.h"
#include "sha_engine.h"

#include "espota/agent_settings.h"
#include "espota/bytes.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/otadata.h"
#include "espota/table.h"
#include "espota/version.h"

#include <string.h>

#ifndef RECOVERY_DECODER_MEMORY
#define RECOVERY_DECODER_MEMORY 61504 /* of a table of 32 KiB */
#endif
#ifndef RECOVERY_RING
#define RECOVERY_RING 16384
#endif

#define HIDDEN_IN(section_name) __attribute__((section(section_name), used))

enum { NOISE_WORDS = 8, NOISE_READS = 256, BOOT_STIRS = 16, DESCRIPTION_AT = ESPOTA_IMAGE_HEADER_SIZE + 8 };

/* As espota_app_desc lies in flash. firmware/tools/elf2image fills in the hash. */
struct description {
    uint32_t magic, secure_version, reserved1[2];
    char version[32], project[32], time[16], date[16], idf[32];
    uint8_t hash[32];
    uint32_t reserved2[20];
};

HIDDEN_IN(".description")
const volatile struct description bare_description = {
    .magic = ESPOTA_APP_DESC_MAGIC, .version = ESPOTA_VERSION, .project = "espota-recovery", .idf = "none"
};

HIDDEN_IN(".settings")
const volatile struct espota_agent_settings bare_settings = { .magic = ESPOTA_SETTINGS_MAGIC };

struct recovery {
    struct bare_server server;
    uint8_t pool[ESPOTA_SHA256_LENGTH]; /* random bytes come from here */
    uint32_t arrivals;
    struct espota_agent_settings settings;
};

/* ---- random bytes ---------------------------------------------------------------------------------------
 */

enum purpose { TO_KEEP, TO_DRAW };

/* Several reads go into a word: the chip takes time to make one that is new. */
static uint32_t gather(const struct recovery *r)
{
    const struct bare_board *board = r->server.board;
    uint32_t noise = board->cycles(board->context);
    for (unsigned i = 0; i < NOISE_READS; i++)
        noise = (noise << 5 | noise >> 27) + board->noise(board->context);
    return noise;
}

/* The pool with all that the chip has of noise now, hashed; the purpose keeps what is drawn, which others may
 * see, apart from what stays. */
static int stir(struct recovery *r, enum purpose purpose, uint8_t *out)
{
    const uint8_t label = (uint8_t)purpose;
    struct espota_hash hash = bare_sha256_hash(&(struct bare_sha256){ 0 });
    uint32_t noise[NOISE_WORDS];
    for (size_t i = 0; i < NOISE_WORDS; i++)
        noise[i] = gather(r);
    if (hash.begin(hash.context) != 0 || hash.update(hash.context, &label, 1) != 0 ||
        hash.update(hash.context, r->pool, sizeof r->pool) != 0 ||
        hash.update(hash.context, noise, sizeof noise) != 0)
        return -1;
    return hash.finish(hash.context, out);
}

/* Once, before anybody asks. */
static void fill_pool(struct recovery *r)
{
    const struct bare_board *board = r->server.board;
    if (board->entropy)
        board->entropy(true);
    for (size_t i = 0; i < BOOT_STIRS; i++)
        (void)stir(r, TO_KEEP, r->pool);
    if (board->entropy)
        board->entropy(false);
}

/* When bytes come, to the cycle, is more than anybody knows who does not sit beside the chip. The words of
 * the pool are turned and added to; a hash mixes them when bytes are drawn. */
static void stir_arrival(void *context, const uint8_t *data, size_t length)
{
    struct recovery *r = context;
    uint32_t cycles = r->server.board->cycles(r->server.board->context);
    for (size_t i = 0; i < length; i++) {
        uint8_t *at = r->pool + 4 * (r->arrivals++ % (sizeof r->pool / 4));
        uint32_t word = espota_get_le32(at);
        espota_put_le32(at, (word << 7 | word >> 25) + (cycles ^ (uint32_t)data[i] << 24));
    }
}

/* What a draw leaves behind does not say what was drawn. */
static int random_bytes(void *context, uint8_t *out, size_t length)
{
    struct bare_server *server = context;
    struct recovery *r = (struct recovery *)server; /* its first member */
    uint8_t drawn[ESPOTA_SHA256_LENGTH];
    while (length > 0) {
        size_t take = length < sizeof drawn ? length : sizeof drawn;
        if (stir(r, TO_DRAW, drawn) != 0 || stir(r, TO_KEEP, r->pool) != 0)
            return -1;
        memcpy(out, drawn, take);
        out += take;
        length -= take;
    }
    espota_noise_forget(drawn, sizeof drawn);
    return 0;
}

/* ---- where it runs from ---------------------------------------------------------------------------------
 */

/* What stands in this image, as it is in RAM: an image's maker fills it in, behind the compiler's back. */
static void copy_constant(void *to, const volatile void *from, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)to)[i] = ((const volatile uint8_t *)from)[i];
}

/* Does this partition hold the image that runs? Its description, with the hash in it, says so. */
static bool holds_this(const struct recovery *r, const struct espota_partition *p)
{
    struct description there, own = { 0 };
    copy_constant(&own, &bare_description, sizeof own);
    const struct bare_board *board = r->server.board;
    return board->flash_read(board->context, p->offset + DESCRIPTION_AT, &there, sizeof there) == 0 &&
           memcmp(&there, &own, sizeof there) == 0;
}

/* The app that otadata has the bootloader start. */
static const struct espota_partition *named(const struct recovery *r)
{
    const struct bare_board *board = r->server.board;
    const struct espota_table *table = &r->server.agent.table;
    const struct espota_partition *otadata_at = espota_table_otadata(table);
    struct espota_otadata otadata;
    uint8_t record[ESPOTA_OTADATA_RECORD_SIZE];
    unsigned slots = espota_table_slot_count(table);
    int slot = ESPOTA_SLOT_FACTORY;
    for (uint32_t i = 0; otadata_at && i < 2; i++) {
        if (board->flash_read(board->context, otadata_at->offset + i * ESPOTA_SECTOR_SIZE, record,
                              sizeof record) != 0)
            return NULL;
        espota_otadata_record_parse(&otadata.record[i], record);
    }
    if (otadata_at && slots > 0)
        slot = espota_otadata_active_slot(&otadata, slots);
    const struct espota_partition *factory =
        espota_table_find_type(table, ESPOTA_TYPE_APP, ESPOTA_APP_FACTORY);
    if (slot >= 0)
        return espota_table_slot(table, (unsigned)slot);
    return factory ? factory : espota_table_slot(table, 0);
}

static uint32_t running_offset(const struct recovery *r)
{
    const struct espota_partition *p = named(r);
    const struct espota_table *table = &r->server.agent.table;
    if (p && (r->server.board->always_slot || holds_this(r, p)))
        return p->offset;
    for (unsigned i = 0; i < table->count; i++) {
        p = &table->entry[i];
        if (p->type == ESPOTA_TYPE_APP && holds_this(r, p))
            return p->offset;
    }
    return 0;
}

/* ---- serving --------------------------------------------------------------------------------------------
 */

static void take_settings(struct recovery *r)
{
    struct espota_agent_settings *settings = &r->settings;
    struct espota_agent_config *config = &r->server.config;
    copy_constant(settings, &bare_settings, sizeof *settings);
    config->table_offset = ESPOTA_TABLE_DEFAULT_OFFSET;
    if (espota_get_le32(settings->table_offset) != 0)
        config->table_offset = espota_get_le32(settings->table_offset);
    config->min_secure_version = espota_get_le32(settings->min_secure_version);
    settings->project[sizeof settings->project - 1] = '\0';
    if (settings->project[0])
        config->project = settings->project;
    config->rollback = settings->flags & ESPOTA_SETTINGS_ROLLBACK;
    config->key = settings->key;
    config->key_length = settings->key_length; /* one too long must not open the agent */
    if (config->key_length > sizeof settings->key)
        config->key_length = sizeof settings->key;
}

static void set_up(struct recovery *r, const struct bare_board *board)
{
    static uint8_t ring[RECOVERY_RING];
    static uint32_t decoder_memory[RECOVERY_DECODER_MEMORY / 4];
    const struct bare_memory memory = { .ring = ring,
                                        .ring_size = sizeof ring,
                                        .decoder = &espota_decoder,
                                        .decoder_memory = decoder_memory,
                                        .decoder_size = sizeof decoder_memory };
    static struct bare_hasher hasher;
    struct bare_server *server = &r->server;
    memset(r, 0, sizeof *r);
    bare_server_begin(server, board, &memory);
    if (board->sha && bare_sha_engine_begin(board->sha, &hasher))
        server->sha256.hasher = &hasher;
    server->port.service = &espota_agent_slots;
    server->port.random = random_bytes;
    server->port.crypto = bare_crypto;
    server->port.md5 = bare_md5;
    server->arrived = stir_arrival;
    server->arrived_context = r;
    fill_pool(r);
    take_settings(r);
    /* without a table it still says so, and who it is */
    (void)espota_agent_start(&server->agent, &server->port, &server->config);
    if (server->agent.serves)
        server->config.running_offset = running_offset(r);
}

void bare_serve(const struct bare_board *board)
{
    static struct recovery recovery; /* all that there is; too large for a stack */
    set_up(&recovery, board);
    for (;;)
        (void)bare_server_step(&recovery.server);
}
