/* The agent's port to ESP-IDF: flash through esp_partition, callbacks of the app. */
#include "espota_private.h"

#include "esp_app_desc.h"
#include "esp_chip_info.h"
#include "esp_flash.h"
#include "esp_flash_encrypt.h"
#include "esp_log.h"
#include "esp_mac.h"
#include "esp_ota_ops.h"
#include "esp_partition.h"
#include "esp_system.h"
#include "esp_timer.h"
#include "sdkconfig.h"

#include "espota/image.h"
#include "espota/table.h"

#include <stdlib.h>

static const char tag[] = "espota";

enum { SHORTEST_KEY = 32, LONGEST_KEY = 64, BLOCK = 65536 };

/* Other tasks get a turn now and then, also while there is always something to decode. */
enum { TURN_MS = 1000 };

/* ---- flash ----------------------------------------------------------------------------------------------
 */

/* The partition around a stretch of flash, since encryption is a partition's matter. */
static const esp_partition_t *partition_around(uint32_t offset, size_t length)
{
    const esp_partition_t *found = NULL;
    esp_partition_iterator_t it = esp_partition_find(ESP_PARTITION_TYPE_ANY, ESP_PARTITION_SUBTYPE_ANY, NULL);
    for (; it && !found; it = esp_partition_next(it)) {
        const esp_partition_t *p = esp_partition_get(it);
        if (offset >= p->address && offset - p->address <= p->size &&
            length <= p->size - (offset - p->address))
            found = p;
    }
    esp_partition_iterator_release(it);
    return found;
}

static int flash_read(void *context, uint32_t offset, void *out, size_t length)
{
    const esp_partition_t *p = partition_around(offset, length);
    esp_err_t result;
    (void)context;
    if (p)
        result = esp_partition_read(p, offset - p->address, out, length);
    else if (esp_flash_encryption_enabled()) /* the partition table is in no partition */
        result = esp_flash_read_encrypted(NULL, offset, out, length);
    else
        result = esp_flash_read(NULL, out, offset, length);
    return result == ESP_OK ? 0 : -1;
}

static int flash_erase(void *context, uint32_t offset, uint32_t length)
{
    const esp_partition_t *p = partition_around(offset, length);
    (void)context;
    return p && esp_partition_erase_range(p, offset - p->address, length) == ESP_OK ? 0 : -1;
}

/* Sector by sector; the header comes last. */
static void tell_progress(const struct espota_idf *e, uint32_t end)
{
    const struct espota_idf_callbacks *c = &e->config.callbacks;
    uint32_t done = end - e->update_offset;
    if (!c->progress || e->update_length == 0 || end <= e->update_offset + ESPOTA_AGENT_HEADER)
        return;
    if (end % ESPOTA_SECTOR_SIZE == 0 || done >= e->update_length)
        c->progress(c->context, done < e->update_length ? done : e->update_length, e->update_length);
}

static int flash_program(void *context, uint32_t offset, const void *data, size_t length)
{
    const struct espota_idf *e = context;
    const esp_partition_t *p = partition_around(offset, length);
    if (!p || esp_partition_write(p, offset - p->address, data, length) != ESP_OK)
        return -1;
    tell_progress(e, offset + (uint32_t)length);
    return 0;
}

/* ---- what the agent asks and tells ----------------------------------------------------------------------
 */

static uint32_t now_ms(void *context)
{
    (void)context;
    return (uint32_t)(esp_timer_get_time() / 1000);
}

/* Streams have drivers that fill their buffers; what has to run meanwhile is the rest of the app. */
static void relax(void *context)
{
    struct espota_idf *e = context;
    TickType_t now = xTaskGetTickCount();
    if (now - e->turn < pdMS_TO_TICKS(TURN_MS))
        return;
    vTaskDelay(1);
    e->turn = now;
}

static void restart(void *context)
{
    const struct espota_idf *e = context;
    const struct espota_idf_callbacks *c = &e->config.callbacks;
    if (c->about_to_restart)
        c->about_to_restart(c->context);
    vTaskDelay(pdMS_TO_TICKS(50)); /* the answer is on its way */
    esp_restart();
}

static bool allow_update(void *context, uint32_t offset, uint32_t length)
{
    struct espota_idf *e = context;
    const struct espota_idf_callbacks *c = &e->config.callbacks;
    if (c->allow_update && !c->allow_update(c->context, length))
        return false;
    e->update_offset = offset;
    e->update_length = length;
    return true;
}

static void done(void *context, enum espota_agent_request request)
{
    struct espota_idf *e = context;
    const struct espota_idf_callbacks *c = &e->config.callbacks;
    if (request == ESPOTA_AGENT_VERIFY)
        espota_idf_free_decoder(e);
    if (request == ESPOTA_AGENT_SELECT) {
        e->update_length = 0;
        if (c->updated)
            c->updated(c->context);
    } else if (request == ESPOTA_AGENT_CONFIRM && c->confirmed) {
        c->confirmed(c->context);
    }
}

/* An app for other revisions of the chip makes the bootloader look for another app. */
static bool starts(void *context, const struct espota_image *image)
{
    esp_chip_info_t chip;
    (void)context;
    esp_chip_info(&chip);
    return espota_image_is_for_revision(image, chip.revision);
}

/* ---- streams --------------------------------------------------------------------------------------------
 */

static int send_bytes(void *context, const uint8_t *data, size_t length)
{
    struct espota_stream *stream = context;
    return stream->send(stream, data, length);
}

static int set_rate(void *context, uint32_t baud)
{
    struct espota_stream *stream = context;
    return stream->set_rate(stream, baud);
}

void espota_idf_begin(struct espota_stream *stream)
{
    stream->agent.context = stream;
    stream->agent.send = send_bytes;
    stream->agent.set_rate = stream->set_rate ? set_rate : NULL;
    espota_agent_stream_begin(&stream->agent);
}

void espota_idf_hear(struct espota_stream *stream, const uint8_t *data, size_t length)
{
    struct espota_idf *e = stream->owner;
    xSemaphoreTake(e->lock, portMAX_DELAY);
    e->agent_config.window = stream->window;
    e->agent_config.window_bytes = stream->window_bytes;
    espota_agent_input(&e->agent, &stream->agent, data, length);
    xSemaphoreGive(e->lock);
}

void espota_idf_work(struct espota_idf *e)
{
    xSemaphoreTake(e->lock, portMAX_DELAY);
    espota_agent_work(&e->agent);
    if (e->decoder.memory && espota_agent_silence_ms(&e->agent) >= ESPOTA_SILENCE_MS) {
        espota_agent_drop_stream(&e->agent);
        espota_idf_free_decoder(e);
    }
#ifdef CONFIG_ESPOTA_PULL
    if (espota_agent_silence_ms(&e->agent) >= ESPOTA_SILENCE_MS)
        espota_puller_forget_order(&e->pull.puller);
    espota_idf_cut_connection(e);
#endif
    xSemaphoreGive(e->lock);
}

void espota_idf_forget(struct espota_stream *stream)
{
    struct espota_idf *e = stream->owner;
    xSemaphoreTake(e->lock, portMAX_DELAY);
    espota_agent_stream_end(&e->agent, &stream->agent);
    xSemaphoreGive(e->lock);
}

bool espota_idf_serves(struct espota_stream *stream, uint32_t *silence_ms)
{
    struct espota_idf *e = stream->owner;
    xSemaphoreTake(e->lock, portMAX_DELAY);
    bool serves = espota_agent_serves(&e->agent, &stream->agent);
    *silence_ms = espota_agent_silence_ms(&e->agent);
    xSemaphoreGive(e->lock);
    return serves;
}

/* ---- start ----------------------------------------------------------------------------------------------
 */

static esp_err_t check_config(const struct espota_idf_config *config)
{
    bool keyed = config->key != NULL;
#ifndef CONFIG_ESPOTA_PULL
    if (!config->uart.used && !config->tcp.used)
        return ESP_ERR_INVALID_ARG;
#endif
    if (config->tcp.used && !keyed)
        return ESP_ERR_INVALID_ARG;
    if (keyed && (config->key_length < SHORTEST_KEY || config->key_length > LONGEST_KEY))
        return ESP_ERR_INVALID_ARG;
    return ESP_OK;
}

static const struct espota_agent_owner owner = { espota_agent_check_owner, espota_idf_check_signature };

static void set_up_port(struct espota_idf *e)
{
    e->port = (struct espota_agent_port){
        .context = e,
        .service = &espota_agent_slots,
        .flash_read = flash_read,
        .flash_erase = flash_erase,
        .flash_program = flash_program,
        .erase_steps = BLOCK,
        .encrypted = esp_flash_encryption_enabled(),
        .relax = relax,
        .now_ms = now_ms,
        .random = espota_idf_random,
        .restart = restart,
        .sha256 = espota_idf_sha256(&e->sha256),
        .crypto = espota_idf_crypto,
        .md5 = espota_idf_md5,
        .allow_update = allow_update,
        .done = done,
        .starts = starts,
        .owner = e->config.owner ? &owner : NULL,
    };
    espota_idf_set_up_decoder(e);
    espota_idf_set_up_pull(e);
}

/* As the agent tells it: the maker in the low byte. */
static uint32_t flash_id(void)
{
    uint32_t id;
    if (esp_flash_read_id(NULL, &id) != ESP_OK)
        return 0;
    return id >> 16 | (id & 0xff00) | (id & 0xff) << 16;
}

/* Whose apps are taken: of the project that the owner named, or of the one that runs. */
static const char *project(const struct espota_idf_config *config)
{
#ifdef CONFIG_ESPOTA_SAME_PROJECT
    if (!config->project)
        return esp_app_get_description()->project_name;
#endif
    return config->project;
}

static esp_err_t start_agent(struct espota_idf *e)
{
    const esp_partition_t *running = esp_ota_get_running_partition();
    uint32_t flash_size = 0;
    if (!running || esp_flash_get_size(NULL, &flash_size) != ESP_OK)
        return ESP_ERR_INVALID_STATE;
    e->agent_config = (struct espota_agent_config){
        .chip_id = CONFIG_IDF_FIRMWARE_CHIP_ID,
        .flash_size = flash_size,
        .table_offset = CONFIG_PARTITION_TABLE_OFFSET,
        .running_offset = running->address,
        .name = e->config.name ? e->config.name : "espota agent",
        .key = e->config.key,
        .key_length = e->config.key ? e->config.key_length : 0,
        .conceal = esp_flash_encryption_enabled() && !e->config.read_encrypted,
        .flash_id = flash_id(),
        .cpu_mhz = CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ,
        .isa = ESPOTA_IDF_ISA,
        .window = 1, /* each stream has its own */
#ifdef CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE
        .rollback = true,
#endif
        .min_secure_version = e->config.min_secure_version,
        .project = project(&e->config),
    };
    if (esp_read_mac(e->agent_config.mac, ESP_MAC_EFUSE_FACTORY) != ESP_OK)
        ESP_LOGW(tag, "the MAC address cannot be read");
    return espota_agent_start(&e->agent, &e->port, &e->agent_config) == 0 ? ESP_OK : ESP_ERR_INVALID_STATE;
}

static esp_err_t start(struct espota_idf *e)
{
    if (psa_crypto_init() != PSA_SUCCESS)
        return ESP_ERR_INVALID_STATE;
    e->lock = xSemaphoreCreateMutex();
    if (!e->lock)
        return ESP_ERR_NO_MEM;
    esp_err_t result = e->config.owner ? espota_idf_import_owner(e) : ESP_OK;
    if (result == ESP_OK)
        result = start_agent(e);
    if (result == ESP_OK && e->config.uart.used)
        result = espota_idf_start_uart(e);
    if (result == ESP_OK && e->config.tcp.used)
        result = espota_idf_start_tcp(e);
    return result;
}

/* There is one flash, and one agent for it. */
static struct espota_idf *agent;

struct espota_idf *espota_idf_agent(void)
{
    return agent;
}

esp_err_t espota_idf_start(const struct espota_idf_config *config)
{
    esp_err_t result = config ? check_config(config) : ESP_ERR_INVALID_ARG;
    if (result != ESP_OK)
        return result;
    if (agent)
        return ESP_ERR_INVALID_STATE;
    struct espota_idf *e = calloc(1, sizeof *e);
    if (!e)
        return ESP_ERR_NO_MEM;
    e->config = *config;
    e->sha256 = psa_hash_operation_init();
    set_up_port(e);
    agent = e; /* tasks may live from here on: a failure leaves what there is, and no second try */
    result = start(e);
    if (result != ESP_OK)
        ESP_LOGE(tag, "the agent does not start: %s", esp_err_to_name(result));
    return result;
}
