#include "espota/arduino_ota.h"

#include "espota/digest.h"
#include "espota/hex.h"
#include "espota/random.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 10000, MD5_DIGITS = 2 * ESPOTA_MD5_LENGTH, SHA256_DIGITS = 2 * ESPOTA_SHA256_LENGTH };

size_t espota_arduino_digits(enum espota_arduino_auth auth)
{
    return auth == ESPOTA_ARDUINO_NO_AUTH ? 0 : auth == ESPOTA_ARDUINO_MD5 ? MD5_DIGITS : SHA256_DIGITS;
}

static int md5_hex(const char *text, char hex[MD5_DIGITS + 1])
{
    uint8_t digest[ESPOTA_MD5_LENGTH];
    int result = espota_md5(text, strlen(text), digest);
    espota_hex(digest, sizeof digest, hex);
    return result;
}

static int sha256_hex(const char *text, char hex[SHA256_DIGITS + 1])
{
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    int result = espota_sha256(text, strlen(text), digest);
    espota_hex(digest, sizeof digest, hex);
    return result;
}

static void join(const char *first, const char *nonce, const char *cnonce, char text[ESPOTA_ARDUINO_MESSAGE])
{
    snprintf(text, ESPOTA_ARDUINO_MESSAGE, "%s:%s:%s", first, nonce, cnonce);
}

static int respond_md5(const char *password, const char *nonce, const char *cnonce,
                       char response[ESPOTA_ARDUINO_HEX])
{
    char hash[MD5_DIGITS + 1], text[ESPOTA_ARDUINO_MESSAGE];
    int result = md5_hex(password, hash);
    join(hash, nonce, cnonce, text);
    espota_wipe(hash, sizeof hash);
    return result ? result : md5_hex(text, response);
}

static int derive(const char *hash, const char *nonce, const char *cnonce, char hex[SHA256_DIGITS + 1])
{
    uint8_t key[ESPOTA_SHA256_LENGTH];
    char salt[ESPOTA_ARDUINO_MESSAGE];
    int length = snprintf(salt, sizeof salt, "%s:%s", nonce, cnonce);
    int result = espota_pbkdf2_sha256(hash, strlen(hash), salt, (size_t)length, ROUNDS, key, sizeof key);
    espota_hex(key, sizeof key, hex);
    espota_wipe(key, sizeof key);
    return result;
}

static int respond_sha256(bool md5, const char *password, const char *nonce, const char *cnonce,
                          char response[ESPOTA_ARDUINO_HEX])
{
    char hash[SHA256_DIGITS + 1], key[SHA256_DIGITS + 1], text[ESPOTA_ARDUINO_MESSAGE];
    int result = md5 ? md5_hex(password, hash) : sha256_hex(password, hash);
    if (result == 0)
        result = derive(hash, nonce, cnonce, key);
    if (result == 0) {
        join(key, nonce, cnonce, text);
        result = sha256_hex(text, response);
    }
    espota_wipe(hash, sizeof hash);
    espota_wipe(key, sizeof key);
    return result;
}

int espota_arduino_respond(enum espota_arduino_auth auth, const char *password, const char *nonce,
                           const char *cnonce, char response[ESPOTA_ARDUINO_HEX])
{
    response[0] = '\0';
    if (auth == ESPOTA_ARDUINO_NO_AUTH)
        return -1;
    return auth == ESPOTA_ARDUINO_MD5
               ? respond_md5(password, nonce, cnonce, response)
               : respond_sha256(auth == ESPOTA_ARDUINO_SHA256_OF_MD5, password, nonce, cnonce, response);
}

int espota_arduino_nonce(enum espota_arduino_auth auth, char nonce[ESPOTA_ARDUINO_HEX])
{
    uint8_t random[ESPOTA_SHA256_LENGTH];
    size_t length = espota_arduino_digits(auth) / 2;
    int result = espota_random(random, length);
    espota_hex(random, length, nonce);
    return result;
}

/* ---- the host -------------------------------------------------------------------------------------------
 */

size_t espota_arduino_invitation(enum espota_arduino_command command, uint16_t port, uint32_t size,
                                 const uint8_t md5[ESPOTA_MD5_LENGTH], char text[ESPOTA_ARDUINO_MESSAGE])
{
    char hex[MD5_DIGITS + 1];
    espota_hex(md5, ESPOTA_MD5_LENGTH, hex);
    return (size_t)snprintf(text, ESPOTA_ARDUINO_MESSAGE, "%d %u %" PRIu32 " %s\n", (int)command, port, size,
                            hex);
}

size_t espota_arduino_proof(const char *cnonce, const char *response, char text[ESPOTA_ARDUINO_MESSAGE])
{
    return (size_t)snprintf(text, ESPOTA_ARDUINO_MESSAGE, "%d %s %s\n", ESPOTA_ARDUINO_PROOF, cnonce,
                            response);
}

/* As text, without white space and zeros at its ends. */
static void copy_words(char *to, size_t room, const char *data, size_t length)
{
    while (length > 0 && (isspace((unsigned char)data[length - 1]) || data[length - 1] == '\0'))
        length--;
    for (; length > 0 && isspace((unsigned char)*data); length--)
        data++;
    length = length < room ? length : room - 1;
    for (size_t i = 0; i < length; i++)
        to[i] = data[i] ? data[i] : ' ';
    to[length] = '\0';
}

static bool are_hex_digits(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isxdigit((unsigned char)text[i]))
            return false;
    return true;
}

static void parse_challenge(struct espota_arduino_answer *answer, const char *nonce)
{
    size_t length = strlen(nonce);
    if ((length != MD5_DIGITS && length != SHA256_DIGITS) || !are_hex_digits(nonce, length))
        return;
    answer->kind = ESPOTA_ARDUINO_CHALLENGE;
    answer->auth = length == MD5_DIGITS ? ESPOTA_ARDUINO_MD5 : ESPOTA_ARDUINO_SHA256;
    memcpy(answer->nonce, nonce, length + 1);
}

void espota_arduino_answer_parse(struct espota_arduino_answer *answer, const void *data, size_t length)
{
    memset(answer, 0, sizeof *answer);
    answer->kind = ESPOTA_ARDUINO_WORDS;
    copy_words(answer->words, sizeof answer->words, data, length);
    if (strcmp(answer->words, "OK") == 0)
        answer->kind = ESPOTA_ARDUINO_OK;
    else if (strncmp(answer->words, "AUTH ", 5) == 0)
        parse_challenge(answer, answer->words + 5);
}

void espota_arduino_result_take(struct espota_arduino_result *result, const void *data, size_t length)
{
    const char *at = data;
    for (size_t i = 0; i < length; i++) {
        bool number = isdigit((unsigned char)at[i]) || isspace((unsigned char)at[i]) || at[i] == '\0';
        if ((result->length > 0 || !number) && result->length + 1 < sizeof result->words)
            result->words[result->length++] = at[i] ? at[i] : ' ';
    }
    result->ok = strncmp(result->words, "OK", 2) == 0;
}

/* ---- the device -----------------------------------------------------------------------------------------
 */

struct reader {
    const char *at, *end;
};

static uint32_t read_number(struct reader *r)
{
    uint64_t number = 0;
    while (r->at < r->end && *r->at == ' ')
        r->at++;
    for (; r->at < r->end && isdigit((unsigned char)*r->at); r->at++)
        number = number > UINT32_MAX ? number : 10 * number + (unsigned)(*r->at - '0');
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* What is longer than there is room for is not taken at all. */
static void read_word(struct reader *r, char until, char *word, size_t room)
{
    const char *begin = r->at;
    while (r->at < r->end && *r->at != until && *r->at != '\0')
        r->at++;
    size_t length = (size_t)(r->at - begin);
    while (length > 0 && isspace((unsigned char)begin[length - 1]))
        length--;
    bool fits = length < room && are_hex_digits(begin, length);
    if (fits)
        memcpy(word, begin, length);
    word[fits ? length : 0] = '\0';
    if (r->at < r->end)
        r->at++;
}

bool espota_arduino_request_parse(struct espota_arduino_request *request, const void *data, size_t length)
{
    struct reader r = { data, (const char *)data + length };
    memset(request, 0, sizeof *request);
    uint32_t command = read_number(&r);
    request->command = command > INT32_MAX ? -1 : (int)command;
    if (command == ESPOTA_ARDUINO_PROOF) {
        r.at += r.at < r.end;
        read_word(&r, ' ', request->cnonce, sizeof request->cnonce);
        read_word(&r, '\n', request->response, sizeof request->response);
        return request->cnonce[0] && request->response[0];
    }
    if (command != ESPOTA_ARDUINO_APP && command != ESPOTA_ARDUINO_FILE_SYSTEM)
        return false;
    uint32_t port = read_number(&r);
    request->port = port > UINT16_MAX ? 0 : (uint16_t)port;
    request->size = read_number(&r);
    r.at += r.at < r.end;
    read_word(&r, '\n', request->md5, sizeof request->md5);
    return strlen(request->md5) == MD5_DIGITS;
}
