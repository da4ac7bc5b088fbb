/* ArduinoOTA: the image travels over a connection that the device opens to us. */
#include "espota/arduino_device.h"

#include "espota/address.h"
#include "espota/arduino_ota.h"
#include "espota/clock.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/random.h"
#include "host.h"
#include "talk.h"

#include <stdlib.h>
#include <string.h>

enum {
    INVITATIONS = 10,
    REFUSED_MOST = 3,   /* invitations that come back: nothing listens there */
    PROOF_MS = 10000,   /* 10000 rounds take an ESP8266 some seconds */
    CONNECT_MS = 15000, /* what a sketch does before it begins */
    CHUNK = 1460,       /* what an ESP takes at a time */
    RESULT_MS = 60000,  /* from the last byte to the verdict */
    CLOSE_MS = 3000,    /* an ESP8266 waits for a second before it closes the connection, */
    GONE_MS = 1500,     /* and each for a moment before it restarts */
    LOOK_MS = 500,
    LISTENS_MS = 700,
};

struct arduino_device {
    struct espota_device device;
    struct espota_arduino_options options; /* its texts are ours */
    char *password, *listen_at;
    struct sockaddr_storage peer;
    socklen_t peer_length;
};

struct transfer {
    struct arduino_device *a;
    struct arduino_host host;
    const struct espota_payload *payload;
    char invitation[ESPOTA_ARDUINO_MESSAGE];
    size_t invitation_length;
    struct espota_arduino_result result;
};

/* ---- the invitation -------------------------------------------------------------------------------------
 */

static int make_invitation(struct transfer *t, struct espota_error *error)
{
    uint8_t md5[ESPOTA_MD5_LENGTH];
    enum espota_arduino_command command =
        t->a->options.file_system ? ESPOTA_ARDUINO_FILE_SYSTEM : ESPOTA_ARDUINO_APP;
    if (espota_md5(t->payload->data, t->payload->size, md5) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "MD5 is not available from the crypto library");
    t->invitation_length =
        espota_arduino_invitation(command, t->host.port, (uint32_t)t->payload->size, md5, t->invitation);
    return 0;
}

/* A sketch that is busy looks at its messages late: the pauses grow. */
static unsigned answer_ms(const struct arduino_device *a, int attempt)
{
    return a->options.answer_ms ? a->options.answer_ms : 1000 + 1000 * (unsigned)(attempt / 2);
}

static int no_answer(const struct transfer *t, int attempts, struct espota_error *error)
{
    const char *name = t->a->device.name;
    if (t->host.unreachable)
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE,
                           "nothing listens at %s by UDP: is it the right port, and does the sketch call "
                           "ArduinoOTA.begin()?",
                           name);
    return espota_fail(
        error, ESPOTA_ERR_NO_DEVICE,
        "%s does not answer (%d invitations by UDP): is it switched on, in this network, and does "
        "its sketch call ArduinoOTA.handle() in loop()?",
        name, attempts);
}

static int invite(struct transfer *t, struct espota_arduino_answer *answer, struct espota_error *error)
{
    int refused = 0;
    for (int i = 0; i < INVITATIONS; i++) {
        int result = arduino_host_ask(&t->host, t->invitation, t->invitation_length, answer_ms(t->a, i),
                                      answer, error);
        if (result != 0 || answer->kind != ESPOTA_ARDUINO_SILENT)
            return result;
        refused += t->host.unreachable;
        if (refused == REFUSED_MOST)
            return no_answer(t, i + 1, error);
        espota_device_detail(&t->a->device, "no answer yet");
    }
    return no_answer(t, INVITATIONS, error);
}

static int refused(const struct transfer *t, const struct espota_arduino_answer *answer,
                   struct espota_error *error)
{
    if (strncmp(answer->words, "AUTH", 4) == 0)
        return espota_fail(
            error, ESPOTA_ERR_DEVICE,
            "%s asks for its password in a way that is not known: expected 32 or 64 hex digits",
            t->a->device.name);
    return espota_fail(error, ESPOTA_ERR_DEVICE, "%s does not take the update: it says '%s'",
                       t->a->device.name, answer->words);
}

static int prove(struct transfer *t, enum espota_arduino_auth auth, const char *nonce,
                 struct espota_arduino_answer *answer, struct espota_error *error)
{
    char cnonce[ESPOTA_ARDUINO_HEX], response[ESPOTA_ARDUINO_HEX], proof[ESPOTA_ARDUINO_MESSAGE];
    if (espota_arduino_nonce(auth, cnonce) != 0 ||
        espota_arduino_respond(auth, t->a->password, nonce, cnonce, response) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "the crypto library refuses the proof of a password");
    size_t length = espota_arduino_proof(cnonce, response, proof);
    return arduino_host_ask(&t->host, proof, length, PROOF_MS, answer, error);
}

static int wrong_password(const struct transfer *t, struct espota_error *error)
{
    if (!t->a->password)
        return espota_fail_hint(error, ESPOTA_ERR_FAILED, ESPOTA_HINT_GIVE_PASSWORD, "%s asks for a password",
                                t->a->device.name);
    return espota_fail_hint(error, ESPOTA_ERR_FAILED, ESPOTA_HINT_GIVE_PASSWORD, "%s has another password",
                            t->a->device.name);
}

static void say_auth(const struct transfer *t, enum espota_arduino_auth auth)
{
    if (auth == ESPOTA_ARDUINO_MD5)
        espota_device_warn(
            &t->a->device,
            "%s asks for its password by MD5, from which whoever listens can find a short one out: "
            "newer versions of Arduino use SHA-256",
            t->a->device.name);
    else if (auth == ESPOTA_ARDUINO_SHA256_OF_MD5)
        espota_device_warn(&t->a->device, "the sketch of %s has its password as MD5: SHA-256 is better",
                           t->a->device.name);
}

/* What is tried, one after the other, each with a challenge of its own. */
static enum espota_arduino_auth way_to_prove(const struct transfer *t,
                                             const struct espota_arduino_answer *asked, int attempt)
{
    if (asked->auth == ESPOTA_ARDUINO_MD5)
        return ESPOTA_ARDUINO_MD5;
    return attempt > 0 || t->a->options.md5_password ? ESPOTA_ARDUINO_SHA256_OF_MD5 : ESPOTA_ARDUINO_SHA256;
}

/* Up to the device's "OK". An answer that gets lost on its way costs a challenge; so does the wrong hash of
 * the password. */
static int agree(struct transfer *t, struct espota_error *error)
{
    enum { LOST_MOST = 3 };
    struct espota_arduino_answer answer;
    int wrong = 0;
    for (int lost = 0; lost < LOST_MOST;) {
        int result = invite(t, &answer, error);
        if (result != 0 || answer.kind == ESPOTA_ARDUINO_OK)
            return result;
        if (answer.kind == ESPOTA_ARDUINO_WORDS)
            return refused(t, &answer, error);
        if (!t->a->password)
            return wrong_password(t, error);
        enum espota_arduino_auth auth = way_to_prove(t, &answer, wrong);
        result = prove(t, auth, answer.nonce, &answer, error);
        if (result == 0 && answer.kind == ESPOTA_ARDUINO_OK)
            say_auth(t, auth);
        if (result != 0 || answer.kind == ESPOTA_ARDUINO_OK)
            return result;
        if (answer.kind == ESPOTA_ARDUINO_SILENT)
            lost++;
        else if (auth != ESPOTA_ARDUINO_SHA256 || wrong++ > 0)
            return wrong_password(t, error);
    }
    return espota_fail(error, ESPOTA_ERR_TIMEOUT, "%s does not answer to the proof of its password",
                       t->a->device.name);
}

/* ---- the image ------------------------------------------------------------------------------------------
 */

static int said(const struct transfer *t, size_t done, struct espota_error *error)
{
    if (t->result.ok)
        return espota_fail(error, ESPOTA_ERR_DEVICE,
                           "%s says OK after %zu of %zu bytes: it has not all of it", t->a->device.name, done,
                           t->payload->size);
    return espota_fail(error, ESPOTA_ERR_DEVICE, "%s says '%s' after %zu of %zu bytes, and stays as it is",
                       t->a->device.name, t->result.words, done, t->payload->size);
}

static int take_words(struct transfer *t, struct espota_link *link, unsigned wait_ms, bool *any,
                      struct espota_error *error)
{
    uint8_t data[512];
    size_t got = 0;
    int result = espota_link_read(link, data, sizeof data, wait_ms, &got, error);
    espota_arduino_result_take(&t->result, data, got);
    *any = got > 0;
    return result;
}

/* Its words may come in pieces: the rest of them. */
static void take_rest(struct transfer *t, struct espota_link *link)
{
    enum { PIECES_MS = 1000, LOOK_PIECE_MS = 100 };
    uint64_t deadline = espota_now_ms() + PIECES_MS;
    struct espota_error ignored;
    bool any;
    while (!t->result.ok && espota_now_ms() < deadline &&
           take_words(t, link, LOOK_PIECE_MS, &any, &ignored) == 0)
        continue;
}

/* Before the end every word is one too many; with the last bytes, it may be the verdict, behind which it
 * closes the connection. */
static int hear(struct transfer *t, struct espota_link *link, size_t done, struct espota_error *error)
{
    enum { READS_MOST = 64 }; /* of one who talks without end */
    int result = 0;
    bool any = true;
    for (int i = 0; result == 0 && any && i < READS_MOST; i++)
        result = take_words(t, link, 0, &any, error);
    if (t->result.length == 0)
        return result;
    if (done == t->payload->size)
        return 0;
    take_rest(t, link);
    return said(t, done, error);
}

/* Why it closed the connection may be among them. */
static int last_words(struct transfer *t, struct espota_link *link, size_t done, int written,
                      struct espota_error *error)
{
    struct espota_error why = *error;
    int result = hear(t, link, done, error);
    if (written == 0 || t->result.length > 0)
        return result;
    *error = why;
    return written;
}

static int send_image(struct transfer *t, struct espota_link *link, struct espota_error *error)
{
    const struct espota_payload *payload = t->payload;
    int result = 0;
    for (size_t at = 0, chunk; result == 0 && at < payload->size; at += chunk) {
        chunk = payload->size - at < CHUNK ? payload->size - at : CHUNK;
        result = espota_device_check_cancelled(&t->a->device, error);
        if (result == 0)
            result = espota_link_write(link, payload->data + at, chunk, error);
        if (result == 0 || result == ESPOTA_ERR_NO_DEVICE)
            result = last_words(t, link, at + chunk, result, error);
        if (result == 0)
            espota_device_moved(&t->a->device, (uint32_t)chunk);
    }
    return result;
}

static int await_verdict(struct transfer *t, struct espota_link *link, struct espota_error *error)
{
    enum { LOOK_VERDICT_MS = 100 };
    uint64_t deadline = espota_now_ms() + RESULT_MS;
    bool any = false;
    int result = 0;
    while (result == 0 && t->result.length == 0 && espota_now_ms() < deadline) {
        result = espota_device_check_cancelled(&t->a->device, error);
        if (result == 0)
            result = take_words(t, link, LOOK_VERDICT_MS, &any, error);
    }
    if (t->result.length > 0)
        take_rest(t, link);
    if (t->result.ok)
        return 0;
    if (t->result.length > 0)
        return said(t, t->payload->size, error);
    return result ? espota_fail_while(error, "it has the image, but did not say that it takes it")
                  : espota_fail(error, ESPOTA_ERR_TIMEOUT,
                                "%s has the image, but did not say that it takes it", t->a->device.name);
}

/* Before it closes the connection it does not restart. */
static void await_close(struct transfer *t, struct espota_link *link)
{
    uint64_t deadline = espota_now_ms() + CLOSE_MS;
    struct espota_error ignored;
    bool any;
    while (espota_now_ms() < deadline && espota_device_check_cancelled(&t->a->device, &ignored) == 0 &&
           take_words(t, link, 100, &any, &ignored) == 0)
        continue;
}

int arduino_talk(struct espota_device *device, struct espota_link *link, const struct espota_payload *payload,
                 struct espota_error *error)
{
    struct transfer t = { .a = (struct arduino_device *)device, .payload = payload };
    int result = send_image(&t, link, error);
    if (result == 0)
        result = await_verdict(&t, link, error);
    if (result == 0)
        await_close(&t, link);
    return result;
}

static int transfer(struct transfer *t, struct espota_error *error)
{
    struct espota_link *link = NULL;
    const struct arduino_device *a = t->a;
    int result = arduino_host_open(&t->host, a->listen_at, a->options.listen_port, error);
    if (result == 0)
        result = make_invitation(t, error);
    if (result != 0)
        return result;
    espota_device_detail(&t->a->device, "inviting %s to connect to %s", a->device.name, t->host.here);
    result = agree(t, error);
    if (result == 0)
        result = arduino_host_accept(&t->host, CONNECT_MS, &link, error);
    if (result != 0)
        return result;
    result = arduino_talk(&t->a->device, link, t->payload, error);
    espota_link_close(link);
    return result;
}

static int put_image(struct espota_device *device, const struct espota_payload *payload,
                     struct espota_error *error)
{
    struct arduino_device *a = (struct arduino_device *)device;
    struct transfer t = { .a = a,
                          .host = { .device = device,
                                    .udp = -1,
                                    .listener = -1,
                                    .peer = a->peer,
                                    .peer_length = a->peer_length },
                          .payload = payload };
    int result = transfer(&t, error);
    arduino_host_close(&t.host);
    return result;
}

/* ---- afterwards -----------------------------------------------------------------------------------------
 */

static int await_return(struct espota_device *device, unsigned patience_ms, struct espota_error *error)
{
    const struct arduino_device *a = (const struct arduino_device *)device;
    uint64_t deadline = espota_now_ms() + patience_ms;
    bool lives = false, listens = false;
    int result = espota_device_pause(device, GONE_MS, error);
    while (result == 0) { /* once at least, however slow this machine is */
        lives = arduino_host_lives(&a->peer, a->peer_length, LOOK_MS);
        listens = lives && arduino_host_listens(&a->peer, a->peer_length, LISTENS_MS);
        if (listens || espota_now_ms() >= deadline)
            break;
        result = espota_device_pause(device, LOOK_MS, error);
    }
    if (result != 0 || listens)
        return result;
    return espota_fail(
        error, ESPOTA_ERR_NO_DEVICE,
        lives ? "%s is back in the network, but nothing listens for ArduinoOTA there: the new app "
                "may have none"
              : "%s is not back in the network",
        device->name);
}

static void close_device(struct espota_device *device)
{
    struct arduino_device *a = (struct arduino_device *)device;
    if (a->password)
        espota_wipe(a->password, strlen(a->password));
    free(a->password);
    free(a->listen_at);
    free(a);
}

static const struct espota_device_ops arduino_ops = {
    .put_image = put_image,
    .await_return = await_return,
    .close = close_device,
};

static int copy(char **to, const char *text, struct espota_error *error)
{
    *to = text ? strdup(text) : NULL;
    return text && !*to ? espota_fail_memory(error, "opening a device") : 0;
}

int espota_arduino_open(struct espota_device **device, const char *address,
                        const struct espota_arduino_options *options, struct espota_error *error)
{
    struct espota_address where;
    int result = espota_address_parse(&where, address, ESPOTA_ARDUINO_PORT, error);
    if (result != 0)
        return result;
    struct arduino_device *a = calloc(1, sizeof *a);
    if (!a)
        return espota_fail_memory(error, "opening a device");
    a->options = *options;
    espota_device_init(&a->device, &arduino_ops, "arduino", ESPOTA_HASH_MD5, where.text);
    a->device.observer = options->observer;
    a->device.lacks = ESPOTA_LACKS_VERIFICATION | ESPOTA_LACKS_ENCRYPTION | ESPOTA_LACKS_RESUME;
    a->device.info.esp8266 = ESPOTA_MAYBE_ESP8266;
    result = arduino_lookup(&where, &a->peer, &a->peer_length, error);
    if (result == 0)
        result = copy(&a->password, options->password, error);
    if (result == 0)
        result = copy(&a->listen_at, options->listen_at, error);
    if (result == 0)
        *device = &a->device;
    else
        close_device(&a->device);
    return result;
}
