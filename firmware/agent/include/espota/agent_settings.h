/** What can be set in the image of a recovery agent before it is flashed ('espota provision').
 *
 * The settings follow the app description at the start of the image's first segment. */
#ifndef ESPOTA_AGENT_SETTINGS_H
#define ESPOTA_AGENT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ESPOTA_SETTINGS_MAGIC "espota settings1" /* 16 bytes, without the terminator */
#define ESPOTA_SETTINGS_OFFSET                                                                               \
    (24u + 8u + 256u) /* in the image: behind its header, the segment's, the description */
#define ESPOTA_SETTINGS_KEY_SIZE 32u

#define ESPOTA_SETTINGS_ROLLBACK 0x01u /* of the flags: the bootloader was built with app rollback */

/** All 0: an open agent. */
struct espota_agent_settings {
    char magic[16];
    uint8_t min_secure_version[4]; /* little-endian; apps whose description says less are refused */
    uint8_t table_offset[4];       /* little-endian; 0: 0x8000 */
    uint8_t key_length;            /* of the device's key; 0: open sessions */
    uint8_t flags;
    uint8_t reserved[6];
    uint8_t key[ESPOTA_SETTINGS_KEY_SIZE];
    char project[32]; /* apps of another one are refused; empty: any */
    uint8_t spare[32];
};

/** Is this image a recovery agent? It checks no signatures: an agent with an owner lets none in. */
static inline bool espota_settings_present(const uint8_t *image, size_t size)
{
    const size_t length = sizeof ESPOTA_SETTINGS_MAGIC - 1;
    return size >= ESPOTA_SETTINGS_OFFSET + length &&
           memcmp(image + ESPOTA_SETTINGS_OFFSET, ESPOTA_SETTINGS_MAGIC, length) == 0;
}

/** Is there a device's key in it? */
static inline bool espota_settings_hold_key(const uint8_t *image, size_t size)
{
    return size >= ESPOTA_SETTINGS_OFFSET + sizeof(struct espota_agent_settings) &&
           espota_settings_present(image, size) &&
           image[ESPOTA_SETTINGS_OFFSET + offsetof(struct espota_agent_settings, key_length)] != 0;
}

#endif
