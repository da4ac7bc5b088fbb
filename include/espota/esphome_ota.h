/** ESPHome's own OTA protocol: its bytes, and how a device is shown that its password is known.
 *
 * Over TCP, the host first: 5 bytes of magic; the device answers OK and its version, 1 or 2. The host sends
 * one byte of what it can (bits below); the device answers HEADER_OK, COMPRESSION where it takes gzip and the
 * host offers it, or FLAGS and a byte of what it can where the host knows that. Then AUTH_OK, or a request
 * for a proof with a nonce in hex digits: 32 for MD5, 64 for SHA-256; the proof is a nonce of the host's and
 * the hash of password, nonce and that nonce, each in as many hex digits. After FLAGS the host says of what
 * kind the update is (0: an app). Then its size, 4 bytes, the highest first, and when the device is prepared,
 * the MD5 of what comes, in hex. Version 2 acknowledges each 8192 bytes, and the last ones. RECEIVE_OK, and
 * when it has checked the image, END_OK; the host answers OK, and the device restarts by itself.
 *
 * Sources: ESPHome 2026.6 and 2024.10, esphome/espota2.py and esphome/components/esphome/ota/ota_esphome.cpp;
 * of version 1, PyPI's espota 0.5.0. */
#ifndef ESPOTA_ESPHOME_OTA_H
#define ESPOTA_ESPHOME_OTA_H

#pragma GCC visibility push(default)

#include "espota/digest.h"

#include <stddef.h>
#include <stdint.h>

/** TCP ports of devices. */
enum { ESPOTA_ESPHOME_PORT = 3232, ESPOTA_ESPHOME_PORT_ESP8266 = 8266 };

enum { ESPOTA_ESPHOME_BLOCK = 8192 };

#define ESPOTA_ESPHOME_MAGIC_LENGTH 5
extern const uint8_t espota_esphome_magic[ESPOTA_ESPHOME_MAGIC_LENGTH];

/** What a host can, and what a device can, with FLAGS. */
enum espota_esphome_feature {
    ESPOTA_ESPHOME_CAN_COMPRESSION = 0x01, /* both */
    ESPOTA_ESPHOME_CAN_SHA256 = 0x02,      /* the host */
    ESPOTA_ESPHOME_CAN_FLAGS = 0x04,       /* the host */
};

/** What a device answers; from 0x80 on: what is wrong. */
enum espota_esphome_answer {
    ESPOTA_ESPHOME_OK = 0x00,
    ESPOTA_ESPHOME_ASKS_MD5 = 0x01,
    ESPOTA_ESPHOME_ASKS_SHA256 = 0x02,
    ESPOTA_ESPHOME_HEADER_OK = 0x40,
    ESPOTA_ESPHOME_AUTH_OK = 0x41,
    ESPOTA_ESPHOME_PREPARE_OK = 0x42,
    ESPOTA_ESPHOME_MD5_OK = 0x43,
    ESPOTA_ESPHOME_RECEIVE_OK = 0x44,
    ESPOTA_ESPHOME_END_OK = 0x45,
    ESPOTA_ESPHOME_COMPRESSION = 0x46,
    ESPOTA_ESPHOME_CHUNK_OK = 0x47,
    ESPOTA_ESPHOME_FLAGS = 0x48,
    ESPOTA_ESPHOME_ERROR = 0x80, /* this one, magic, and all above it are errors */
    ESPOTA_ESPHOME_BAD_AUTH = 0x82,
    ESPOTA_ESPHOME_WRITE_FAILED = 0x83,
    ESPOTA_ESPHOME_END_FAILED = 0x84,
    ESPOTA_ESPHOME_NO_SPACE = 0x89, /* in its slot */
    ESPOTA_ESPHOME_NO_SLOT = 0x8a,
    ESPOTA_ESPHOME_BAD_MD5 = 0x8b,
    ESPOTA_ESPHOME_OTHER_KIND = 0x8e,
    ESPOTA_ESPHOME_UNKNOWN = 0xff,
};

/** What an error says, as the end of a sentence about the device: "the image is larger than its slot"; of one
 * that is not known, "an error that is not known". Static storage. */
const char *espota_esphome_error_words(uint8_t answer);

/** The proof that the password is known: as many hex digits as the nonces have. @return 0, or -1 when the
 * crypto library refuses. */
#define ESPOTA_ESPHOME_HEX (2 * ESPOTA_SHA256_LENGTH + 1)
int espota_esphome_respond(enum espota_hash_kind kind, const char *password, const char *nonce,
                           const char *cnonce, char response[ESPOTA_ESPHOME_HEX]);

/** Hex digits of a nonce or proof. */
size_t espota_esphome_digits(enum espota_hash_kind kind);

#pragma GCC visibility pop

#endif
