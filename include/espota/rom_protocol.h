/** The serial protocol of the mask-ROM bootloader: packets inside SLIP frames, little-endian.
 *
 * Request:  00, command, length (2), checksum (4), data.
 * Response: 01, command, length (2), value (4), data, status, error[, 2 reserved bytes from a ROM].
 * Source: esptool, docs/en/advanced-topics/serial-protocol.rst. */
#ifndef ESPOTA_ROM_PROTOCOL_H
#define ESPOTA_ROM_PROTOCOL_H

#pragma GCC visibility push(default)

#include <stddef.h>
#include <stdint.h>

#define ESPOTA_ROM_HEADER_SIZE   8u
#define ESPOTA_ROM_CHECKSUM_SEED 0xEFu
#define ESPOTA_ROM_BLOCK_SIZE    0x400u  /* data bytes in a FLASH_DATA packet without a stub */
#define ESPOTA_ROM_BLOCK_HEADER  16u     /* of a *_DATA packet, before its data */
#define ESPOTA_ROM_MEMORY_BLOCK  0x1800u /* data bytes in a MEM_DATA packet */
#define ESPOTA_ROM_WINDOW_SIZE   0x8000u /* the ROM inflates into this and writes it whole */
#define ESPOTA_ROM_READ_SIZE     64u     /* bytes of a READ_FLASH_SLOW response */
#define ESPOTA_ROM_STATUS_SIZE   4u      /* a ROM's; a stub sends 2 */
#define ESPOTA_ROM_MD5_TEXT      32u     /* a ROM sends MD5 as hex */
#define ESPOTA_ROM_INITIAL_BAUD  115200u

enum espota_rom_command {
    ESPOTA_ROM_FLASH_BEGIN = 0x02,      /* bytes to erase, packets, packet size, offset[, encrypt] */
    ESPOTA_ROM_FLASH_DATA = 0x03,       /* length, sequence, 0, 0, data */
    ESPOTA_ROM_FLASH_END = 0x04,        /* 0: reboot, 1: run user code */
    ESPOTA_ROM_MEM_BEGIN = 0x05,        /* bytes, packets, packet size, address */
    ESPOTA_ROM_MEM_END = 0x06,          /* 0: jump to the entry, 1: stay; entry */
    ESPOTA_ROM_MEM_DATA = 0x07,         /* as FLASH_DATA */
    ESPOTA_ROM_SYNC = 0x08,             /* 07 07 12 20, 32 x 55; answered eight times */
    ESPOTA_ROM_WRITE_REG = 0x09,        /* address, value, mask, delay in us */
    ESPOTA_ROM_READ_REG = 0x0a,         /* address */
    ESPOTA_ROM_SPI_SET_PARAMS = 0x0b,   /* id, size, block, sector, page, status mask */
    ESPOTA_ROM_SPI_ATTACH = 0x0d,       /* 0, 0 */
    ESPOTA_ROM_READ_FLASH_SLOW = 0x0e,  /* offset, length <= 64 */
    ESPOTA_ROM_CHANGE_BAUDRATE = 0x0f,  /* new rate, 0 */
    ESPOTA_ROM_FLASH_DEFL_BEGIN = 0x10, /* uncompressed bytes, packets, packet size, offset[, encrypt] */
    ESPOTA_ROM_FLASH_DEFL_DATA = 0x11,  /* as FLASH_DATA, of a zlib stream */
    ESPOTA_ROM_FLASH_DEFL_END = 0x12,
    ESPOTA_ROM_SPI_FLASH_MD5 = 0x13, /* offset, length, 0, 0 */
    ESPOTA_ROM_GET_SECURITY_INFO = 0x14,
};

enum espota_rom_error {
    ESPOTA_ROM_ERR_INVALID_MESSAGE = 0x05, /* also: no such command */
    ESPOTA_ROM_ERR_FAILED = 0x06,
    ESPOTA_ROM_ERR_CHECKSUM = 0x07,
    ESPOTA_ROM_ERR_FLASH_WRITE = 0x08,
    ESPOTA_ROM_ERR_FLASH_READ = 0x09,
    ESPOTA_ROM_ERR_FLASH_READ_LENGTH = 0x0a,
    ESPOTA_ROM_ERR_DEFLATE = 0x0b,
    ESPOTA_ROM_ERR_DEFLATE_ADLER = 0x0c,
    ESPOTA_ROM_ERR_DEFLATE_PARAMETER = 0x0d,
};

/** XOR checksum of the data of *_DATA packets. */
static inline uint8_t espota_rom_checksum(const uint8_t *data, size_t length)
{
    uint8_t checksum = ESPOTA_ROM_CHECKSUM_SEED;
    for (size_t i = 0; i < length; i++)
        checksum ^= data[i];
    return checksum;
}

/** What a ROM error code means, in words; NULL when unknown. Static storage. */
const char *espota_rom_error_text(uint8_t code);

#pragma GCC visibility pop

#endif
