/* The opening handshake of a WebSocket: RFC 6455, 4.1. */
#include "link.h"
#include "websocket.h"

#include "base/http_header.h"
#include "espota/address.h"
#include "espota/clock.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/random.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    USUAL_PORT = 80,
    ANSWER_MS = 10000,
    LOOK_MS = 100,
    KEY = 16,
    KEY_TEXT = (KEY + 2) / 3 * 4,
    SHA1 = 20,
    ACCEPT_TEXT = (SHA1 + 2) / 3 * 4,
};

static int take_apart(const char *address, struct espota_address *host, const char **path,
                      struct espota_error *error)
{
    char text[sizeof host->text];
    size_t length = strcspn(address, "/");
    *path = address[length] ? address + length : "/";
    for (const char *c = *path; *c; c++)
        if (!isgraph((unsigned char)*c))
            return espota_fail(error, ESPOTA_ERR_USAGE, "'ws://%.60s' has a character that no URL has",
                               address);
    snprintf(text, sizeof text, "%.*s", length < sizeof text ? (int)length : (int)sizeof text - 1, address);
    if (length < sizeof text && espota_address_parse(host, text, USUAL_PORT, error) == 0)
        return 0;
    return espota_fail(error, ESPOTA_ERR_USAGE, "'ws://%.60s' is no address: write ws://host:port", address);
}

static int make_key(char key[KEY_TEXT + 1], struct espota_error *error)
{
    uint8_t random[KEY];
    if (espota_random(random, sizeof random) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "there are no random numbers here");
    EVP_EncodeBlock((uint8_t *)key, random, sizeof random);
    return 0;
}

/* What proves that the other end has read the request. */
static bool expected_accept(const char *key, char accept[ACCEPT_TEXT + 1])
{
    char text[KEY_TEXT + 40];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    if (EVP_Digest(text, strlen(text), digest, &length, EVP_sha1(), NULL) != 1 || length != SHA1)
        return false;
    EVP_EncodeBlock((uint8_t *)accept, digest, SHA1);
    return true;
}

static int ask(struct espota_link *stream, const struct espota_address *host, const char *path,
               const char *key, struct espota_error *error)
{
    char request[1024];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                          path, host->text, key);
    if (length < 0 || (size_t)length >= sizeof request)
        return espota_fail(error, ESPOTA_ERR_USAGE, "'ws://%s%.60s...' is too long", host->text, path);
    return espota_link_write(stream, request, (size_t)length, error);
}

/* Up to the empty line, into `answer`; `*head` is what of it belongs to the headers. */
static int await_answer(struct espota_link *stream, const struct espota_link_patience *patience, char *answer,
                        size_t *size, size_t *head, struct espota_error *error)
{
    uint64_t deadline = espota_now_ms() + (patience->timeout_ms ? patience->timeout_ms : ANSWER_MS);
    for (*size = 0; *size < WEBSOCKET_ROOM;) {
        size_t got = 0;
        int result = espota_link_read(stream, answer + *size, WEBSOCKET_ROOM - *size, LOOK_MS, &got, error);
        if (result != 0)
            return result;
        *size += got;
        answer[*size] = '\0';
        const char *end = strstr(answer, "\r\n\r\n");
        if (end) {
            *head = (size_t)(end - answer) + 4;
            return 0;
        }
        if (patience->cancelled && patience->cancelled(patience->context))
            return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped on request while connecting to %s",
                               stream->name);
        if (espota_now_ms() >= deadline)
            return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "%s takes the connection, but does not answer",
                               stream->name);
    }
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "%s answers without an end: no WebSocket is there",
                       stream->name);
}

static bool says(const char *value, size_t length, const char *wanted)
{
    return length == strlen(wanted) && strncasecmp(value, wanted, length) == 0;
}

static int judge(const struct espota_link *stream, const char *answer, size_t head, const char *accept,
                 struct espota_error *error)
{
    char status[4] = "";
    bool upgraded = false, accepted = false;
    if (sscanf(answer, "HTTP/1.%*[01] %3[0-9]", status) != 1)
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "%s does not speak HTTP: no WebSocket is there",
                           stream->name);
    for (size_t at = 0, length; at < head; at += length) {
        const char *line = answer + at, *value;
        size_t count;
        length = (size_t)(strchr(line, '\n') - line) + 1;
        if (http_header_is(line, length, "Upgrade", &value, &count))
            upgraded = says(value, count, "websocket");
        else if (http_header_is(line, length, "Sec-WebSocket-Accept", &value, &count))
            accepted = count == ACCEPT_TEXT && memcmp(value, accept, count) == 0;
    }
    if (strcmp(status, "101") == 0 && upgraded && accepted)
        return 0;
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "%s answers with HTTP status %s%s: no WebSocket is there",
                       stream->name, status,
                       strcmp(status, "101") == 0 ? ", but not to what it was asked" : "");
}

static int shake_hands(struct espota_link *stream, const struct espota_address *host, const char *path,
                       const struct espota_link_patience *patience, uint8_t rest[WEBSOCKET_ROOM],
                       size_t *count, struct espota_error *error)
{
    char key[KEY_TEXT + 1], accept[ACCEPT_TEXT + 1], answer[WEBSOCKET_ROOM + 1];
    size_t size = 0, head = 0;
    int result = make_key(key, error);
    if (result == 0 && !expected_accept(key, accept))
        result = espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                             "this machine's OpenSSL does no SHA-1, which a WebSocket begins with");
    if (result == 0)
        result = ask(stream, host, path, key, error);
    if (result == 0)
        result = await_answer(stream, patience, answer, &size, &head, error);
    if (result == 0)
        result = judge(stream, answer, head, accept, error);
    if (result == 0) {
        *count = size - head;
        memcpy(rest, answer + head, *count);
    }
    return result;
}

int websocket_connect(struct espota_link **stream, const char *address,
                      const struct espota_link_patience *patience, uint8_t rest[WEBSOCKET_ROOM],
                      size_t *count, struct espota_error *error)
{
    struct espota_address host;
    const char *path;
    *stream = NULL;
    int result = take_apart(address, &host, &path, error);
    if (result == 0)
        result = espota_link_open_tcp(stream, host.text, "ws://", patience, error);
    if (result != 0)
        return result;
    snprintf((*stream)->name, sizeof(*stream)->name, "ws://%.240s", address);
    result = shake_hands(*stream, &host, path, patience, rest, count, error);
    if (result != 0) {
        espota_link_close(*stream);
        *stream = NULL;
    }
    return result;
}
