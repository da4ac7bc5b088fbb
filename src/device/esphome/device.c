/* ESPHome: one connection to the device, an answer of a byte for each step. */
#include "espota/esphome_device.h"

#include "espota/address.h"
#include "espota/clock.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/esphome_ota.h"
#include "espota/hex.h"
#include "espota/link.h"
#include "espota/random.h"
#include "gzip.h"
#include "talk.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEP_MS = 20000,                  /* of the handshake, as the device has it */
    DATA_MS = 90000,                  /* erasing a slot, and everything from there on */
    AHEAD = 2 * ESPOTA_ESPHOME_BLOCK, /* bytes that may be on their way unacknowledged */
    CHUNK = 2048,
    GONE_MS = 1500, /* before it restarts, */
    LOOK_MS = 500,  /* and between looks whether it is back */
    HELLO_MS = 2000,
};

struct esphome_device {
    struct espota_device device;
    char *password;
    struct espota_address address;
};

struct transfer {
    struct esphome_device *e;
    struct espota_link *link;
    const uint8_t *data; /* what travels: the image, or `packed` */
    size_t size;
    struct espota_bytes packed;
    unsigned version;
    bool flags;            /* it says what it can, and wants to hear what comes */
    unsigned acknowledged; /* blocks */
};

/* ---- bytes ----------------------------------------------------------------------------------------------
 */

static int receive(struct transfer *t, void *buffer, size_t length, unsigned wait_ms, const char *what,
                   struct espota_error *error)
{
    uint64_t deadline = espota_link_now_ms(t->link) + wait_ms;
    for (size_t done = 0, got; done < length; done += got) {
        int result = espota_device_receive(&t->e->device, t->link, (uint8_t *)buffer + done, length - done,
                                           deadline, &got, error);
        if (result != 0)
            return result;
        if (got == 0 && espota_link_now_ms(t->link) >= deadline)
            return espota_fail(error, ESPOTA_ERR_TIMEOUT, "%s does not answer to %s", t->e->device.name,
                               what);
    }
    return 0;
}

static int send(struct transfer *t, const void *data, size_t length, struct espota_error *error)
{
    return espota_link_write(t->link, data, length, error);
}

static int refused(const struct transfer *t, uint8_t answer, const char *what, struct espota_error *error)
{
    const char *name = t->e->device.name;
    if (answer == ESPOTA_ESPHOME_BAD_AUTH)
        return espota_fail_hint(error, ESPOTA_ERR_FAILED, ESPOTA_HINT_GIVE_PASSWORD, "%s refuses %s: %s",
                                name, what, espota_esphome_error_words(answer));
    if (answer < ESPOTA_ESPHOME_ERROR)
        return espota_fail(error, ESPOTA_ERR_DEVICE,
                           "%s answers to %s with 0x%02x, which is not what ESPHome says there", name, what,
                           answer);
    return espota_fail(error, ESPOTA_ERR_DEVICE, "%s refuses %s: %s (0x%02x)", name, what,
                       espota_esphome_error_words(answer), answer);
}

/* The one answer that is right. */
static int expect(struct transfer *t, enum espota_esphome_answer wanted, unsigned wait_ms, const char *what,
                  struct espota_error *error)
{
    uint8_t answer = 0;
    int result = receive(t, &answer, 1, wait_ms, what, error);
    return result || answer == wanted ? result : refused(t, answer, what, error);
}

/* ---- the handshake --------------------------------------------------------------------------------------
 */

static int greet(struct transfer *t, unsigned wait_ms, struct espota_error *error)
{
    uint8_t version = 0;
    int result = send(t, espota_esphome_magic, sizeof espota_esphome_magic, error);
    if (result == 0)
        result = expect(t, ESPOTA_ESPHOME_OK, wait_ms, "the first bytes", error);
    if (result == 0)
        result = receive(t, &version, 1, wait_ms, "the first bytes", error);
    if (result == 0 && version != 1 && version != 2)
        result = espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                             "%s speaks version %u of ESPHome's OTA: 1 and 2 are "
                             "known",
                             t->e->device.name, version);
    t->version = version;
    return result;
}

static int compress(struct transfer *t, struct espota_error *error)
{
    int result = gzip_pack(&t->packed, t->data, t->size, error);
    if (result != 0)
        return result;
    espota_device_detail(&t->e->device, "%s takes gzip: %zu bytes become %zu", t->e->device.name, t->size,
                         t->packed.size);
    t->data = t->packed.data;
    t->size = t->packed.size;
    return 0;
}

static int agree_on_features(struct transfer *t, struct espota_error *error)
{
    const uint8_t ours =
        ESPOTA_ESPHOME_CAN_COMPRESSION | ESPOTA_ESPHOME_CAN_SHA256 | ESPOTA_ESPHOME_CAN_FLAGS;
    uint8_t answer = 0, theirs = 0;
    int result = send(t, &ours, 1, error);
    if (result == 0)
        result = receive(t, &answer, 1, STEP_MS, "the question what it can do", error);
    t->flags = answer == ESPOTA_ESPHOME_FLAGS;
    if (result == 0 && t->flags)
        result = receive(t, &theirs, 1, STEP_MS, "the question what it can do", error);
    else if (result == 0 && answer == ESPOTA_ESPHOME_COMPRESSION)
        theirs = ESPOTA_ESPHOME_CAN_COMPRESSION;
    else if (result == 0 && answer != ESPOTA_ESPHOME_HEADER_OK)
        result = refused(t, answer, "the question what it can do", error);
    return result == 0 && (theirs & ESPOTA_ESPHOME_CAN_COMPRESSION) ? compress(t, error) : result;
}

static int receive_nonce(struct transfer *t, char *nonce, size_t digits, struct espota_error *error)
{
    int result = receive(t, nonce, digits, STEP_MS, "the question for a nonce", error);
    nonce[digits] = '\0';
    for (size_t i = 0; result == 0 && i < digits; i++)
        if (!isxdigit((unsigned char)nonce[i]))
            result = espota_fail(error, ESPOTA_ERR_DEVICE,
                                 "%s asks for its password in a way that is not known", t->e->device.name);
    return result;
}

static int prove(struct transfer *t, enum espota_hash_kind kind, struct espota_error *error)
{
    char nonce[ESPOTA_ESPHOME_HEX], cnonce[ESPOTA_ESPHOME_HEX], response[ESPOTA_ESPHOME_HEX];
    uint8_t random[ESPOTA_SHA256_LENGTH];
    size_t digits = espota_esphome_digits(kind);
    if (!t->e->password)
        return espota_fail_hint(error, ESPOTA_ERR_FAILED, ESPOTA_HINT_GIVE_PASSWORD, "%s asks for a password",
                                t->e->device.name);
    int result = receive_nonce(t, nonce, digits, error);
    if (result == 0 && espota_random(random, digits / 2) != 0)
        result = espota_fail(error, ESPOTA_ERR_FAILED, "the crypto library has no random numbers");
    espota_hex(random, digits / 2, cnonce);
    if (result == 0 && espota_esphome_respond(kind, t->e->password, nonce, cnonce, response) != 0)
        result = espota_fail(error, ESPOTA_ERR_FAILED, "the crypto library refuses the proof of a password");
    if (result == 0)
        result = send(t, cnonce, digits, error);
    if (result == 0)
        result = send(t, response, digits, error);
    return result ? result : expect(t, ESPOTA_ESPHOME_AUTH_OK, STEP_MS, "the proof of its password", error);
}

static int authenticate(struct transfer *t, struct espota_error *error)
{
    uint8_t answer = 0;
    int result = receive(t, &answer, 1, STEP_MS, "the question what it can do", error);
    if (result != 0 || answer == ESPOTA_ESPHOME_AUTH_OK)
        return result;
    if (answer != ESPOTA_ESPHOME_ASKS_MD5 && answer != ESPOTA_ESPHOME_ASKS_SHA256)
        return refused(t, answer, "the question what it can do", error);
    bool md5 = answer == ESPOTA_ESPHOME_ASKS_MD5;
    result = prove(t, md5 ? ESPOTA_HASH_MD5 : ESPOTA_HASH_SHA256, error);
    if (result == 0 && md5)
        espota_device_warn(
            &t->e->device,
            "%s asks for its password by MD5, from which whoever listens can find a short one out: "
            "newer versions of ESPHome use SHA-256",
            t->e->device.name);
    return result;
}

/* ---- the image ------------------------------------------------------------------------------------------
 */

static int announce(struct transfer *t, struct espota_error *error)
{
    const uint8_t app = 0;
    const uint8_t size[4] = { (uint8_t)(t->size >> 24), (uint8_t)(t->size >> 16), (uint8_t)(t->size >> 8),
                              (uint8_t)t->size };
    uint8_t md5[ESPOTA_MD5_LENGTH];
    char hex[2 * ESPOTA_MD5_LENGTH + 1];
    if (espota_md5(t->data, t->size, md5) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "MD5 is not available from the crypto library");
    espota_hex(md5, sizeof md5, hex);
    int result = t->flags ? send(t, &app, 1, error) : 0;
    if (result == 0)
        result = send(t, size, sizeof size, error);
    if (result == 0)
        result = expect(t, ESPOTA_ESPHOME_PREPARE_OK, DATA_MS, "the announcement of an image", error);
    if (result == 0)
        result = send(t, hex, sizeof hex - 1, error);
    return result ? result : expect(t, ESPOTA_ESPHOME_MD5_OK, DATA_MS, "the MD5 of the image", error);
}

/* Version 1 says nothing until the end, unless something is wrong. */
static int hear_error(struct transfer *t, struct espota_error *error)
{
    uint8_t answer;
    size_t got = 0;
    int result = espota_link_read(t->link, &answer, 1, 0, &got, error);
    return result == 0 && got > 0 ? refused(t, answer, "what has been sent of the image", error) : result;
}

static int send_image(struct transfer *t, const struct espota_payload *payload, struct espota_error *error)
{
    size_t told = 0;
    int result = 0;
    for (size_t at = 0, chunk; result == 0 && at < t->size; at += chunk) {
        chunk = t->size - at < CHUNK ? t->size - at : CHUNK;
        while (result == 0 && t->version >= 2 &&
               at + chunk - (size_t)t->acknowledged * ESPOTA_ESPHOME_BLOCK > AHEAD) {
            result = expect(t, ESPOTA_ESPHOME_CHUNK_OK, DATA_MS, "a block of the image", error);
            t->acknowledged++;
        }
        if (result == 0)
            result = espota_device_check_cancelled(&t->e->device, error);
        if (result == 0)
            result = send(t, t->data + at, chunk, error);
        if (result == 0 && t->version < 2 && at + chunk < t->size) /* then comes its verdict */
            result = hear_error(t, error);
        /* of the image's bytes, where compressed ones travel */
        size_t share = (size_t)((uint64_t)payload->size * (at + chunk) / t->size);
        if (result == 0)
            espota_device_moved(&t->e->device, (uint32_t)(share - told));
        told = share;
    }
    return result;
}

static int finish(struct transfer *t, struct espota_error *error)
{
    const uint8_t ok = ESPOTA_ESPHOME_OK;
    unsigned blocks = (unsigned)((t->size + ESPOTA_ESPHOME_BLOCK - 1) / ESPOTA_ESPHOME_BLOCK);
    struct espota_error ignored;
    int result = 0;
    for (; result == 0 && t->version >= 2 && t->acknowledged < blocks; t->acknowledged++)
        result = expect(t, ESPOTA_ESPHOME_CHUNK_OK, DATA_MS, "a block of the image", error);
    if (result == 0)
        result = expect(t, ESPOTA_ESPHOME_RECEIVE_OK, DATA_MS, "the end of the image", error);
    if (result == 0)
        result = expect(t, ESPOTA_ESPHOME_END_OK, DATA_MS, "the whole image", error);
    if (result == 0)
        (void)send(t, &ok, 1, &ignored); /* it restarts with it or without */
    return result;
}

static int open_link(struct esphome_device *e, struct espota_link **link, struct espota_error *error)
{
    char port[sizeof e->address.text + 8];
    snprintf(port, sizeof port, "tcp://%s", e->address.text);
    return espota_link_open(link, port, 0, error);
}

int esphome_talk(struct espota_device *device, struct espota_link *link, const struct espota_payload *payload,
                 struct espota_error *error)
{
    struct transfer t = {
        .e = (struct esphome_device *)device, .link = link, .data = payload->data, .size = payload->size
    };
    int result = greet(&t, STEP_MS, error);
    if (result == 0)
        result = agree_on_features(&t, error);
    if (result == 0)
        result = authenticate(&t, error);
    if (result == 0)
        result = announce(&t, error);
    if (result == 0)
        result = send_image(&t, payload, error);
    if (result == 0)
        result = finish(&t, error);
    espota_bytes_free(&t.packed);
    return result;
}

static int put_image(struct espota_device *device, const struct espota_payload *payload,
                     struct espota_error *error)
{
    struct espota_link *link = NULL;
    int result = open_link((struct esphome_device *)device, &link, error);
    if (result == 0)
        result = esphome_talk(device, link, payload, error);
    espota_link_close(link);
    return result;
}

/* ---- afterwards -----------------------------------------------------------------------------------------
 */

/* It answers as ESPHome does. */
static int say_hello(struct esphome_device *e, struct espota_error *error)
{
    struct transfer t = { .e = e };
    int result = open_link(e, &t.link, error);
    if (result == 0)
        result = greet(&t, HELLO_MS, error);
    espota_link_close(t.link);
    return result;
}

static int await_return(struct espota_device *device, unsigned patience_ms, struct espota_error *error)
{
    struct esphome_device *e = (struct esphome_device *)device;
    uint64_t deadline = espota_now_ms() + patience_ms;
    int result = espota_device_pause(device, GONE_MS, error);
    bool back = false;
    while (result == 0) { /* once at least */
        back = say_hello(e, error) == 0;
        if (back || espota_now_ms() >= deadline)
            break;
        result = espota_device_pause(device, LOOK_MS, error);
    }
    return result || back
               ? result
               : espota_fail(error, ESPOTA_ERR_NO_DEVICE, "%s does not answer as ESPHome does", device->name);
}

static void close_device(struct espota_device *device)
{
    struct esphome_device *e = (struct esphome_device *)device;
    if (e->password)
        espota_wipe(e->password, strlen(e->password));
    free(e->password);
    free(e);
}

static const struct espota_device_ops esphome_ops = {
    .put_image = put_image,
    .await_return = await_return,
    .close = close_device,
};

int espota_esphome_open(struct espota_device **device, const char *address,
                        const struct espota_esphome_options *options, struct espota_error *error)
{
    struct espota_address where;
    int result = espota_address_parse(&where, address, ESPOTA_ESPHOME_PORT, error);
    if (result != 0)
        return result;
    struct esphome_device *e = calloc(1, sizeof *e);
    if (e && options->password)
        e->password = strdup(options->password);
    if (!e || (options->password && !e->password)) {
        free(e);
        return espota_fail_memory(error, "opening a device");
    }
    e->address = where;
    espota_device_init(&e->device, &esphome_ops, "esphome", ESPOTA_HASH_MD5, where.text);
    e->device.observer = options->observer;
    e->device.lacks = ESPOTA_LACKS_VERIFICATION | ESPOTA_LACKS_ENCRYPTION | ESPOTA_LACKS_RESUME;
    e->device.info.esp8266 = ESPOTA_MAYBE_ESP8266;
    *device = &e->device;
    return 0;
}
