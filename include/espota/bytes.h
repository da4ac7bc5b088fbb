/** Little-endian fields in byte arrays, the byte order of everything an ESP32 stores or sends. */
#ifndef ESPOTA_BYTES_H
#define ESPOTA_BYTES_H

#include <stdint.h>

/* On a chip one copy of each is smaller than the code for it wherever it is used; the linker keeps one. */
#ifdef ESPOTA_SMALL
#define ESPOTA_BYTES_FUNCTION __attribute__((weak))
uint16_t espota_get_le16(const uint8_t *p);
uint32_t espota_get_le32(const uint8_t *p);
void espota_put_le16(uint8_t *p, uint16_t value);
void espota_put_le32(uint8_t *p, uint32_t value);
#else
#define ESPOTA_BYTES_FUNCTION static inline
#endif

ESPOTA_BYTES_FUNCTION uint16_t espota_get_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | (uint16_t)(p[1] << 8));
}

ESPOTA_BYTES_FUNCTION uint32_t espota_get_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

ESPOTA_BYTES_FUNCTION void espota_put_le16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

ESPOTA_BYTES_FUNCTION void espota_put_le32(uint8_t *p, uint32_t value)
{
    espota_put_le16(p, (uint16_t)value);
    espota_put_le16(p + 2, (uint16_t)(value >> 16));
}

#endif
