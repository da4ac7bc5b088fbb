/** ArduinoOTA: what hosts and devices say to each other, and how a device is shown that its password is
 * known.
 *
 * The host invites the device by UDP: "0 PORT SIZE MD5\n", where 0 is an app, 100 the image of a file system,
 * PORT is where the host listens by TCP, and MD5, in hex, is that of the image. The device answers "OK"; or
 * "AUTH NONCE", which the host answers with "200 CNONCE RESPONSE\n", and the device with "OK" or words. Then
 * the device connects to the host and takes the image, saying in decimal digits, with nothing in between, how
 * many bytes it has written each time, and in the end "OK", or what went wrong. It restarts by itself.
 *
 * A nonce of 32 hex digits asks for MD5: RESPONSE is the MD5 of "MD5(password):NONCE:CNONCE". One of 64 asks
 * for PBKDF2-HMAC-SHA256 (arduino-esp32 from 3.3.1 on): with the key that 10000 rounds make of the hash of
 * the password and the salt "NONCE:CNONCE", RESPONSE is the SHA-256 of "KEY:NONCE:CNONCE". The hash of the
 * password is SHA-256, or MD5 where a sketch has only that. All hashes are hex, and text when they are hashed
 * again.
 *
 * Sources: arduino-esp32, libraries/ArduinoOTA/src/ArduinoOTA.cpp and tools/espota.py, 3.0 and 3.3.5; esp8266
 * Arduino, libraries/ArduinoOTA/ArduinoOTA.cpp and tools/espota.py, 3.1.2. */
#ifndef ESPOTA_ARDUINO_OTA_H
#define ESPOTA_ARDUINO_OTA_H

#pragma GCC visibility push(default)

#include "espota/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** UDP ports of devices. */
enum { ESPOTA_ARDUINO_PORT = 3232, ESPOTA_ARDUINO_PORT_ESP8266 = 8266 };

enum espota_arduino_command {
    ESPOTA_ARDUINO_APP = 0,
    ESPOTA_ARDUINO_FILE_SYSTEM = 100,
    ESPOTA_ARDUINO_PROOF = 200, /* of the password */
};

enum espota_arduino_auth {
    ESPOTA_ARDUINO_NO_AUTH,
    ESPOTA_ARDUINO_MD5,
    ESPOTA_ARDUINO_SHA256,        /* with the password as its SHA-256, */
    ESPOTA_ARDUINO_SHA256_OF_MD5, /* or as its MD5 */
};

#define ESPOTA_ARDUINO_HEX     (2 * ESPOTA_SHA256_LENGTH + 1) /* the longest nonce, with its end */
#define ESPOTA_ARDUINO_MESSAGE 256                            /* room for each message */

/** Hex digits of a nonce or response: 32, 64, or 0 for none. */
size_t espota_arduino_digits(enum espota_arduino_auth auth);

/** The proof that the password is known. @return 0, or -1 when the crypto library refuses. */
int espota_arduino_respond(enum espota_arduino_auth auth, const char *password, const char *nonce,
                           const char *cnonce, char response[ESPOTA_ARDUINO_HEX]);

/** A nonce: hex digits of random numbers. @return 0, or -1 when the crypto library refuses. */
int espota_arduino_nonce(enum espota_arduino_auth auth, char nonce[ESPOTA_ARDUINO_HEX]);

/* ---- the host -------------------------------------------------------------------------------------------
 */

/** Both return the length, without the end of the text. */
size_t espota_arduino_invitation(enum espota_arduino_command command, uint16_t port, uint32_t size,
                                 const uint8_t md5[ESPOTA_MD5_LENGTH], char text[ESPOTA_ARDUINO_MESSAGE]);
size_t espota_arduino_proof(const char *cnonce, const char *response, char text[ESPOTA_ARDUINO_MESSAGE]);

enum espota_arduino_answer_kind {
    ESPOTA_ARDUINO_SILENT, /* none came */
    ESPOTA_ARDUINO_OK,
    ESPOTA_ARDUINO_CHALLENGE,
    ESPOTA_ARDUINO_WORDS, /* a refusal, or nothing that is known */
};

struct espota_arduino_answer {
    enum espota_arduino_answer_kind kind;
    enum espota_arduino_auth auth;  /* of a challenge: MD5 or SHA256 */
    char nonce[ESPOTA_ARDUINO_HEX]; /* of a challenge: hex digits alone */
    char words[100];                /* what it said, any bytes but 0, cut off where there is no room */
};

/** What came from the device by UDP. */
void espota_arduino_answer_parse(struct espota_arduino_answer *answer, const void *data, size_t length);

/** What comes from the device by TCP, as it arrives: zeroed at first. */
struct espota_arduino_result {
    bool ok;         /* it said so */
    size_t length;   /* of its words; 0: only numbers so far */
    char words[100]; /* what it says, from the first that is no number, cut off where there is no room */
};

void espota_arduino_result_take(struct espota_arduino_result *result, const void *data, size_t length);

/* ---- the device -----------------------------------------------------------------------------------------
 */

struct espota_arduino_request {
    int command; /* as it came, any number */
    uint16_t port;
    uint32_t size;
    char md5[2 * ESPOTA_MD5_LENGTH + 1];
    char cnonce[ESPOTA_ARDUINO_HEX], response[ESPOTA_ARDUINO_HEX];
};

/** What came from a host by UDP, as a device reads it. @return false when it is neither an invitation nor a
 * proof. */
bool espota_arduino_request_parse(struct espota_arduino_request *request, const void *data, size_t length);

#pragma GCC visibility pop

#endif
