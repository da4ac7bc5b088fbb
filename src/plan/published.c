/* The sources are named in espota/plan.h. Offsets and sizes are in K. */
#include "published.h"

#include "espota/table.h"

#include <stddef.h>
#include <string.h>

#define APP   ESPOTA_TYPE_APP
#define DATA  ESPOTA_TYPE_DATA
#define SLOT0 ESPOTA_APP_OTA_0
#define SLOT1 (ESPOTA_APP_OTA_0 + 1)
#define END                                                                                                  \
    {                                                                                                        \
        NULL, 0, 0, 0, 0                                                                                     \
    }

typedef const struct published_row rows[];

/* ---- MicroPython ----------------------------------------------------------------------------------------
 */

#define MICROPYTHON_SMALL                                                                                    \
    { "nvs", DATA, ESPOTA_DATA_NVS, 36, 24 },                                                                \
    {                                                                                                        \
        "phy_init", DATA, ESPOTA_DATA_PHY, 60, 4                                                             \
    }
#define MICROPYTHON_SMALL_OTA                                                                                \
    { "nvs", DATA, ESPOTA_DATA_NVS, 36, 16 }, { "otadata", DATA, ESPOTA_DATA_OTA, 52, 8 },                   \
    {                                                                                                        \
        "phy_init", DATA, ESPOTA_DATA_PHY, 60, 4                                                             \
    }

static rows micropython_2m = { MICROPYTHON_SMALL,
                               { "factory", APP, ESPOTA_APP_FACTORY, 64, 1408 },
                               { "vfs", DATA, ESPOTA_DATA_FAT, 1472, 0 },
                               END };
static rows micropython = { MICROPYTHON_SMALL,
                            { "factory", APP, ESPOTA_APP_FACTORY, 64, 1984 },
                            { "vfs", DATA, ESPOTA_DATA_FAT, 2048, 0 },
                            END };
static rows micropython_ota_4m = { MICROPYTHON_SMALL_OTA,
                                   { "ota_0", APP, SLOT0, 64, 1536 },
                                   { "ota_1", APP, SLOT1, 1600, 1536 },
                                   { "vfs", DATA, ESPOTA_DATA_FAT, 3136, 0 },
                                   END };
static rows micropython_ota = { MICROPYTHON_SMALL_OTA,
                                { "ota_0", APP, SLOT0, 64, 2496 },
                                { "ota_1", APP, SLOT1, 2560, 2496 },
                                { "vfs", DATA, ESPOTA_DATA_FAT, 5056, 0 },
                                END };

/* ---- CircuitPython --------------------------------------------------------------------------------------
 */

/* CircuitPython, Arduino and Tasmota */
#define SMALL                                                                                                \
    { "nvs", DATA, ESPOTA_DATA_NVS, 36, 20 },                                                                \
    {                                                                                                        \
        "otadata", DATA, ESPOTA_DATA_OTA, 56, 8                                                              \
    }

static rows circuitpython_2m = { { "nvs", DATA, ESPOTA_DATA_NVS, 36, 20 },
                                 { "app", APP, ESPOTA_APP_FACTORY, 64, 1408 },
                                 { "user_fs", DATA, ESPOTA_DATA_FAT, 1472, 576 },
                                 END };
static rows circuitpython_4m = { SMALL,
                                 { "ota_0", APP, SLOT0, 64, 1408 },
                                 { "ota_1", APP, SLOT1, 1472, 1408 },
                                 { "user_fs", DATA, ESPOTA_DATA_FAT, 2880, 1216 },
                                 END };
static rows circuitpython_4m_no_ota = {
    SMALL, { "ota_0", APP, SLOT0, 64, 2816 }, { "user_fs", DATA, ESPOTA_DATA_FAT, 2880, 1216 }, END
};
static rows circuitpython = { SMALL,
                              { "ota_0", APP, SLOT0, 64, 2048 },
                              { "ota_1", APP, SLOT1, 2112, 2048 },
                              { "user_fs", DATA, ESPOTA_DATA_FAT, 4160, 0 },
                              END };

/* ---- Arduino --------------------------------------------------------------------------------------------
 */

static rows arduino_2m = { SMALL,
                           { "app0", APP, SLOT0, 64, 1280 },
                           { "spiffs", DATA, ESPOTA_DATA_SPIFFS, 1344, 640 },
                           { "coredump", DATA, ESPOTA_DATA_COREDUMP, 1984, 64 },
                           END };
static rows arduino_4m = { SMALL,
                           { "app0", APP, SLOT0, 64, 1280 },
                           { "app1", APP, SLOT1, 1344, 1280 },
                           { "spiffs", DATA, ESPOTA_DATA_SPIFFS, 2624, 1408 },
                           { "coredump", DATA, ESPOTA_DATA_COREDUMP, 4032, 64 },
                           END };
static rows arduino_4m_no_ota = { SMALL,
                                  { "app0", APP, SLOT0, 64, 3072 },
                                  { "spiffs", DATA, ESPOTA_DATA_SPIFFS, 3136, 896 },
                                  { "coredump", DATA, ESPOTA_DATA_COREDUMP, 4032, 64 },
                                  END };
static rows arduino_8m = { SMALL,
                           { "app0", APP, SLOT0, 64, 3264 },
                           { "app1", APP, SLOT1, 3328, 3264 },
                           { "spiffs", DATA, ESPOTA_DATA_SPIFFS, 6592, 1536 },
                           { "coredump", DATA, ESPOTA_DATA_COREDUMP, 8128, 64 },
                           END };
static rows arduino_16m = { SMALL,
                            { "app0", APP, SLOT0, 64, 6400 },
                            { "app1", APP, SLOT1, 6464, 6400 },
                            { "spiffs", DATA, ESPOTA_DATA_SPIFFS, 12864, 3456 },
                            { "coredump", DATA, ESPOTA_DATA_COREDUMP, 16320, 64 },
                            END };
static rows arduino_32m = { SMALL,
                            { "app0", APP, SLOT0, 64, 12800 },
                            { "app1", APP, SLOT1, 12864, 12800 },
                            { "spiffs", DATA, ESPOTA_DATA_SPIFFS, 25664, 6912 },
                            { "coredump", DATA, ESPOTA_DATA_COREDUMP, 32704, 64 },
                            END };

/* ---- ESPHome --------------------------------------------------------------------------------------------
 */

#define ESPHOME(app)                                                                                         \
    {                                                                                                        \
        { "otadata", DATA, ESPOTA_DATA_OTA, 36, 8 }, { "phy_init", DATA, ESPOTA_DATA_PHY, 44, 4 },           \
            { "app0", APP, SLOT0, 64, app }, { "app1", APP, SLOT1, 64 + (app), app },                        \
            { "nvs", DATA, ESPOTA_DATA_NVS, 64 + 2 * (app), 436 }, END                                       \
    }

static rows esphome_2m = ESPHOME(768), esphome_4m = ESPHOME(1792), esphome_8m = ESPHOME(3840),
            esphome_16m = ESPHOME(7936), esphome_32m = ESPHOME(16128);

/* ---- Tasmota --------------------------------------------------------------------------------------------
 */

static rows tasmota_2m = { SMALL,
                           { "safeboot", APP, ESPOTA_APP_FACTORY, 64, 704 },
                           { "app0", APP, SLOT0, 768, 1216 },
                           { "spiffs", DATA, ESPOTA_DATA_SPIFFS, 1984, 64 },
                           END };
static rows tasmota_4m = { SMALL,
                           { "safeboot", APP, ESPOTA_APP_FACTORY, 64, 832 },
                           { "app0", APP, SLOT0, 896, 2880 },
                           { "spiffs", DATA, ESPOTA_DATA_SPIFFS, 3776, 320 },
                           END };
static rows tasmota = { SMALL,
                        { "safeboot", APP, ESPOTA_APP_FACTORY, 64, 832 },
                        { "app0", APP, SLOT0, 896, 3904 },
                        { "spiffs", DATA, ESPOTA_DATA_SPIFFS, 4800, 0 },
                        END };

/* ---------------------------------------------------------------------------------------------------------
 */

/* Of one firmware and size, the usual one comes first. */
static const struct published_layout layouts[] = {
    { ESPOTA_FIRMWARE_MICROPYTHON, ESPOTA_LAYOUT_SINGLE, 2, 2, micropython_2m },
    { ESPOTA_FIRMWARE_MICROPYTHON, ESPOTA_LAYOUT_SINGLE, 4, 32, micropython },
    { ESPOTA_FIRMWARE_MICROPYTHON, ESPOTA_LAYOUT_2P, 4, 4, micropython_ota_4m },
    { ESPOTA_FIRMWARE_MICROPYTHON, ESPOTA_LAYOUT_2P, 8, 32, micropython_ota },
    { ESPOTA_FIRMWARE_CIRCUITPYTHON, ESPOTA_LAYOUT_SINGLE, 2, 2, circuitpython_2m },
    { ESPOTA_FIRMWARE_CIRCUITPYTHON, ESPOTA_LAYOUT_2P, 4, 4, circuitpython_4m },
    { ESPOTA_FIRMWARE_CIRCUITPYTHON, ESPOTA_LAYOUT_SINGLE, 4, 4, circuitpython_4m_no_ota },
    { ESPOTA_FIRMWARE_CIRCUITPYTHON, ESPOTA_LAYOUT_2P, 8, 32, circuitpython },
    { ESPOTA_FIRMWARE_ARDUINO, ESPOTA_LAYOUT_SINGLE, 2, 2, arduino_2m },
    { ESPOTA_FIRMWARE_ARDUINO, ESPOTA_LAYOUT_2P, 4, 4, arduino_4m },
    { ESPOTA_FIRMWARE_ARDUINO, ESPOTA_LAYOUT_SINGLE, 4, 4, arduino_4m_no_ota },
    { ESPOTA_FIRMWARE_ARDUINO, ESPOTA_LAYOUT_2P, 8, 8, arduino_8m },
    { ESPOTA_FIRMWARE_ARDUINO, ESPOTA_LAYOUT_2P, 16, 16, arduino_16m },
    { ESPOTA_FIRMWARE_ARDUINO, ESPOTA_LAYOUT_2P, 32, 32, arduino_32m },
    { ESPOTA_FIRMWARE_ESPHOME, ESPOTA_LAYOUT_2P, 2, 2, esphome_2m },
    { ESPOTA_FIRMWARE_ESPHOME, ESPOTA_LAYOUT_2P, 4, 4, esphome_4m },
    { ESPOTA_FIRMWARE_ESPHOME, ESPOTA_LAYOUT_2P, 8, 8, esphome_8m },
    { ESPOTA_FIRMWARE_ESPHOME, ESPOTA_LAYOUT_2P, 16, 16, esphome_16m },
    { ESPOTA_FIRMWARE_ESPHOME, ESPOTA_LAYOUT_2P, 32, 32, esphome_32m },
    { ESPOTA_FIRMWARE_TASMOTA, ESPOTA_LAYOUT_SAFEBOOT, 2, 2, tasmota_2m },
    { ESPOTA_FIRMWARE_TASMOTA, ESPOTA_LAYOUT_SAFEBOOT, 4, 4, tasmota_4m },
    { ESPOTA_FIRMWARE_TASMOTA, ESPOTA_LAYOUT_SAFEBOOT, 8, 16, tasmota },
};

enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

static bool is_of(const struct published_layout *l, enum espota_firmware firmware, enum espota_layout layout)
{
    return l->firmware == firmware && (layout == ESPOTA_LAYOUT_AUTO || l->layout == layout);
}

const struct published_layout *published_find(enum espota_firmware firmware, enum espota_layout layout,
                                              uint32_t flash_mib)
{
    for (size_t i = 0; i < LAYOUTS; i++)
        if (is_of(&layouts[i], firmware, layout) && layouts[i].from <= flash_mib &&
            flash_mib <= layouts[i].to)
            return &layouts[i];
    return NULL;
}

bool published_has_layout(enum espota_firmware firmware, enum espota_layout layout)
{
    for (size_t i = 0; i < LAYOUTS; i++)
        if (is_of(&layouts[i], firmware, layout))
            return true;
    return false;
}

/* ---- names ----------------------------------------------------------------------------------------------
 */

static const char *const names[] = {
    "lobo", "micropython", "circuitpython", "arduino", "esphome", "tasmota"
};

const char *espota_firmware_name(enum espota_firmware firmware)
{
    return names[firmware];
}

bool espota_firmware_by_name(const char *name, enum espota_firmware *firmware)
{
    for (unsigned i = 0; i < ESPOTA_FIRMWARES; i++)
        if (strcmp(names[i], name) == 0) {
            *firmware = (enum espota_firmware)i;
            return true;
        }
    return false;
}

bool espota_micropython_version(const uint8_t *app, size_t size, char version[ESPOTA_MICROPYTHON_VERSION])
{
    static const char mark[] = "; MicroPython v";
    size_t length = sizeof mark - 1;
    for (size_t at = 0; at + length < size; at++) {
        const uint8_t *found = memchr(app + at, mark[0], size - length - at);
        if (!found)
            return false;
        at = (size_t)(found - app);
        if (memcmp(found, mark, length) != 0)
            continue;
        size_t n = 0;
        for (at += length - 1;
             n + 1 < ESPOTA_MICROPYTHON_VERSION && at < size && app[at] > ' ' && app[at] < 0x7f;)
            version[n++] = (char)app[at++];
        version[n] = '\0';
        return true;
    }
    return false;
}

enum espota_firmware espota_firmware_of_app(const struct espota_app_desc *description, const uint8_t *app,
                                            size_t size)
{
    char version[ESPOTA_MICROPYTHON_VERSION];
    const char *project = description ? description->project : "";
    if (strcmp(project, "circuitpython") == 0)
        return ESPOTA_FIRMWARE_CIRCUITPYTHON;
    if (strstr(project, "arduino-lib-builder"))
        return ESPOTA_FIRMWARE_ARDUINO;
    return espota_micropython_version(app, size, version) ? ESPOTA_FIRMWARE_MICROPYTHON
                                                          : ESPOTA_FIRMWARE_LOBO;
}
