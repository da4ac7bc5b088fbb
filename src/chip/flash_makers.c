#include "espota/chip.h"

#include <stddef.h>

/* Source: JEDEC JEP106; some makers of flash chips use numbers that are not theirs. */
static const struct {
    uint8_t id;
    const char *name;
} makers[] = {
    { 0x01, "Spansion" }, { 0x0b, "XTX" },        { 0x1c, "EON" },        { 0x1f, "Adesto" },
    { 0x20, "XMC" },      { 0x46, "TT" },         { 0x51, "GigaDevice" }, { 0x5e, "Zbit" },
    { 0x68, "Boya" },     { 0x85, "Puya" },       { 0x9d, "ISSI" },       { 0xa1, "Fudan" },
    { 0xba, "Zetta" },    { 0xbf, "Microchip" },  { 0xc2, "Macronix" },   { 0xc8, "GigaDevice" },
    { 0xcd, "TH" },       { 0xe0, "Berg Micro" }, { 0xef, "Winbond" },
};

const char *espota_flash_maker(uint32_t flash_id)
{
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++)
        if (makers[i].id == (flash_id & 0xff))
            return makers[i].name;
    return NULL;
}
