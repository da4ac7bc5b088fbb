/* A board whose agent has an owner, in any of a few layouts, with a guard on what boots; and requests to it,
 * one by one, as a hostile host may make them. */
#ifndef ESPOTA_TESTS_OWNED_BOARD_H
#define ESPOTA_TESTS_OWNED_BOARD_H

#include "device/agent/agent.h"
#include "espota/update.h"
#include "signed_images.h"

enum {
    APP_SIZE = 0x10000,
    APPS_AT = 0x10000,
    OTADATA_AT = 0xd000,
    OWNED_FLASH = 1 << 20,
    NO_ANSWER = -1,
};

struct owned_board {
    struct memory_board *b;
    struct boot_guard guard;
    struct espota_device *device; /* a session; NULL: none */
    const struct signed_images *images;
};

/* Which app partitions a board has, from APPS_AT on; 0xff: no more. */
struct owned_layout {
    uint8_t subtype[5];
};

static const struct owned_layout owned_layouts[] = {
    { { ESPOTA_APP_OTA_0, ESPOTA_APP_OTA_0 + 1, 0xff } },
    { { ESPOTA_APP_FACTORY, ESPOTA_APP_OTA_0, ESPOTA_APP_OTA_0 + 1, 0xff } },
    { { ESPOTA_APP_FACTORY, ESPOTA_APP_OTA_0, ESPOTA_APP_OTA_0 + 1, ESPOTA_APP_OTA_0 + 2, 0xff } },
    { { ESPOTA_APP_OTA_0, ESPOTA_APP_OTA_0 + 1, ESPOTA_APP_TEST, 0xff } },
};

static inline void owned_add(struct espota_table *t, uint8_t type, uint8_t subtype, uint32_t offset,
                             uint32_t size)
{
    struct espota_partition *p = &t->entry[t->count++];
    *p = (struct espota_partition){ .type = type, .subtype = subtype, .offset = offset, .size = size };
    snprintf(p->label, sizeof p->label, "part%u", t->count);
}

static inline uint32_t owned_app(unsigned index)
{
    return APPS_AT + index * APP_SIZE;
}

/* Bootloader, table, and `first` in the app partition number `runs`; otadata names it where it is a slot. */
static inline void owned_board_make(struct owned_board *o, const struct signed_images *images,
                                    const struct owned_layout *layout, unsigned runs,
                                    enum signed_image_kind first, bool rollback)
{
    struct espota_table table = { .offset = 0x8000, .has_md5 = true };
    struct espota_bytes bootloader = memory_board_image(4096, 3, 0);
    struct espota_error error;
    memset(o, 0, sizeof *o);
    o->images = images;
    o->b = memory_board_blank(OWNED_FLASH, "esp32");
    owned_add(&table, ESPOTA_TYPE_DATA, ESPOTA_DATA_NVS, 0x9000, 0x4000);
    owned_add(&table, ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA, OTADATA_AT, ESPOTA_OTADATA_SIZE);
    for (unsigned i = 0; layout->subtype[i] != 0xff; i++)
        owned_add(&table, ESPOTA_TYPE_APP, layout->subtype[i], owned_app(i), APP_SIZE);
    memory_board_check(espota_table_to_binary(&table, o->b->flash.data + 0x8000, &error) == 0, "a table");
    memory_board_put(o->b, 0x1000, &bootloader);
    memory_board_put(o->b, owned_app(runs), &images->image[first]);
    espota_bytes_free(&bootloader);
    if (layout->subtype[runs] != ESPOTA_APP_FACTORY)
        espota_otadata_fresh(layout->subtype[runs] - ESPOTA_APP_OTA_0, o->b->flash.data + OTADATA_AT);
    signed_images_own(images, &o->b->board.options);
    o->b->board.options.rollback = rollback;
    o->guard = (struct boot_guard){ .images = images, .board = &o->b->board };
}

static inline void owned_board_close(struct owned_board *o)
{
    espota_device_close(o->device);
    o->device = NULL;
}

static inline void owned_board_open(struct owned_board *o)
{
    struct espota_agent_options options = { .hello_timeout_ms = 50 };
    struct espota_error error;
    owned_board_close(o);
    if (o->b->flash.powered && o->b->board.state == SIM_RUNNING)
        (void)espota_agent_open(&o->device, &o->b->link, &options, &error);
}

/* Power on or reset: what starts is what the guard of the session before allows. */
static inline void owned_board_start(struct owned_board *o)
{
    owned_board_close(o);
    o->b->flash.cut = SIM_CUT_NONE;
    memory_board_restart(o->b);
    if (o->guard.before && !boot_guard_may_boot(&o->guard, o->b->board.running))
        o->guard.faults++;
    if (o->b->board.state == SIM_RUNNING)
        boot_guard_set(&o->guard);
    owned_board_open(o);
}

static inline void owned_board_free(struct owned_board *o)
{
    owned_board_close(o);
    boot_guard_free(&o->guard);
    memory_board_free(o->b);
}

/* ---- requests -------------------------------------------------------------------------------------------
 */

/* @return the status, or NO_ANSWER without power. What is restarted meanwhile has a new session. */
static inline int owned_ask(struct owned_board *o, enum espota_agent_request type, const void *data,
                            size_t length)
{
    struct agent_response response = { 0 };
    struct espota_error error;
    if (!o->device)
        return NO_ANSWER;
    int result = agent_exchange((struct agent *)o->device, type, data, length, 100, 0, &response, &error);
    return result == 0 || response.type == type ? (int)response.status : NO_ANSWER;
}

static inline int owned_begin(struct owned_board *o, uint32_t offset, enum signed_image_kind kind)
{
    uint8_t in[12 + ESPOTA_SHA256_LENGTH] = { ESPOTA_AGENT_RAW };
    const struct espota_bytes *image = &o->images->image[kind];
    espota_put_le32(in + 4, offset);
    espota_put_le32(in + 8, (uint32_t)image->size);
    memory_board_check(espota_sha256(image->data, image->size, in + 12) == 0, "a hash");
    return owned_ask(o, ESPOTA_AGENT_BEGIN, in, sizeof in);
}

/* One sector of an image, in a run of its own. */
static inline int owned_write_sector(struct owned_board *o, enum signed_image_kind kind, uint32_t sector)
{
    const struct espota_bytes *image = &o->images->image[kind];
    int status = ESPOTA_AGENT_OK;
    for (uint32_t at = 0; status == ESPOTA_AGENT_OK && at < ESPOTA_SECTOR_SIZE; at += 1024) {
        uint8_t in[ESPOTA_AGENT_WRITE_HEADER + 1024];
        uint32_t from = sector * ESPOTA_SECTOR_SIZE + at;
        memset(in, 0xff, sizeof in);
        espota_put_le32(in, from);
        in[4] = at == 0 ? ESPOTA_AGENT_WRITE_START : 0;
        if (from < image->size)
            memcpy(in + ESPOTA_AGENT_WRITE_HEADER, image->data + from,
                   image->size - from < 1024 ? image->size - from : 1024);
        status = owned_ask(o, ESPOTA_AGENT_WRITE, in, sizeof in);
    }
    return status;
}

static inline int owned_write(struct owned_board *o, enum signed_image_kind kind)
{
    int status = ESPOTA_AGENT_OK;
    for (uint32_t s = 0; status == ESPOTA_AGENT_OK && s * ESPOTA_SECTOR_SIZE < o->images->image[kind].size;
         s++)
        status = owned_write_sector(o, kind, s);
    return status;
}

static inline int owned_select(struct owned_board *o, uint32_t offset, uint32_t state)
{
    uint8_t in[8];
    espota_put_le32(in, offset);
    espota_put_le32(in + 4, state);
    return owned_ask(o, ESPOTA_AGENT_SELECT, in, sizeof in);
}

static inline int owned_verify(struct owned_board *o)
{
    return owned_ask(o, ESPOTA_AGENT_VERIFY, NULL, 0);
}

/* BEGIN, WRITE, VERIFY: an image that may boot is in order then. */
static inline int owned_install(struct owned_board *o, uint32_t offset, enum signed_image_kind kind)
{
    int status = owned_begin(o, offset, kind);
    if (status == ESPOTA_AGENT_OK)
        status = owned_write(o, kind);
    return status == ESPOTA_AGENT_OK ? owned_verify(o) : status;
}

#endif
