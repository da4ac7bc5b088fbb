#include "esphome.h"

#include "espota/error.h"
#include "espota/file.h"
#include "espota/hex.h"
#include "espota/random.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

enum { HANDSHAKE_MS = 20000, DATA_MS = 90000, MD5_DIGITS = 2 * ESPOTA_MD5_LENGTH };

int sim_esphome_open(struct sim_esphome *e, struct sim_board *board, enum sim_esphome_like like,
                     const char *password, uint16_t *port, struct espota_error *error)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(*port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int one = 1;
    e->board = board;
    e->like = like;
    e->password = password;
    e->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (e->listener < 0 || setsockopt(e->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(e->listener, (struct sockaddr *)&address, size) != 0 || listen(e->listener, 1) != 0 ||
        getsockname(e->listener, (struct sockaddr *)&address, &size) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot listen on 127.0.0.1:%u: %s", *port,
                           espota_reason(errno));
    *port = ntohs(address.sin_port);
    return 0;
}

static void hang_up(struct sim_esphome *e)
{
    sim_updater_abort(&e->updater);
    espota_bytes_free(&e->packed);
    if (e->fd >= 0)
        close(e->fd);
    e->fd = -1;
}

void sim_esphome_close(struct sim_esphome *e)
{
    hang_up(e);
    if (e->listener >= 0)
        close(e->listener);
    e->listener = -1;
}

void sim_esphome_watch(const struct sim_esphome *e, struct pollfd p[SIM_ESPHOME_FDS])
{
    p[0] = (struct pollfd){ e->fd < 0 ? e->listener : -1, POLLIN, 0 }; /* one at a time */
    p[1] = (struct pollfd){ e->fd, POLLIN, 0 };
}

int sim_esphome_timeout(const struct sim_esphome *e, uint64_t now)
{
    if (e->fd < 0)
        return -1;
    uint64_t due = e->heard_ms + (e->state < SIM_ESPHOME_KIND ? HANDSHAKE_MS : DATA_MS);
    return due > now ? (int)(due - now) : 0;
}

/* ---- answers --------------------------------------------------------------------------------------------
 */

static void say_bytes(const struct sim_esphome *e, const void *data, size_t length)
{
    if (e->board->flash->powered)
        (void)send(e->fd, data, length, MSG_NOSIGNAL);
}

static void say(const struct sim_esphome *e, uint8_t answer)
{
    say_bytes(e, &answer, 1);
}

static void refuse(struct sim_esphome *e, uint8_t answer)
{
    say(e, answer);
    hang_up(e);
}

static uint8_t answer_of(enum sim_update_error error)
{
    static const uint8_t answers[] = {
        [SIM_UPDATE_NO_PARTITION] = ESPOTA_ESPHOME_NO_SLOT, [SIM_UPDATE_SIZE] = ESPOTA_ESPHOME_NO_SPACE,
        [SIM_UPDATE_MAGIC] = ESPOTA_ESPHOME_ERROR,          [SIM_UPDATE_WRITE] = ESPOTA_ESPHOME_WRITE_FAILED,
        [SIM_UPDATE_MD5] = ESPOTA_ESPHOME_BAD_MD5,          [SIM_UPDATE_IMAGE] = ESPOTA_ESPHOME_END_FAILED,
        [SIM_UPDATE_ABORTED] = ESPOTA_ESPHOME_UNKNOWN,
    };
    return answers[error];
}

static enum espota_hash_kind hash_of(const struct sim_esphome *e)
{
    return e->like >= SIM_ESPHOME_2024 ? ESPOTA_HASH_MD5 : ESPOTA_HASH_SHA256;
}

static void enter(struct sim_esphome *e, enum sim_esphome_state state)
{
    e->state = state;
    e->count = 0;
}

/* ---- steps: each takes what it waited for ----------------------------------------------------------------
 */

static void take_magic(struct sim_esphome *e)
{
    const uint8_t answer[2] = { ESPOTA_ESPHOME_OK, e->like == SIM_ESPHOME_2021 ? 1 : 2 };
    if (memcmp(e->held, espota_esphome_magic, sizeof espota_esphome_magic) != 0) {
        refuse(e, ESPOTA_ESPHOME_ERROR);
        return;
    }
    say_bytes(e, answer, sizeof answer);
    enter(e, SIM_ESPHOME_FEATURES);
}

static void open_door(struct sim_esphome *e)
{
    say(e, ESPOTA_ESPHOME_AUTH_OK);
    enter(e, e->flags ? SIM_ESPHOME_KIND : SIM_ESPHOME_SIZE);
}

static void challenge(struct sim_esphome *e)
{
    uint8_t random[ESPOTA_SHA256_LENGTH] = { 0 };
    size_t digits = espota_esphome_digits(hash_of(e));
    (void)espota_random(random, digits / 2);
    espota_hex(random, digits / 2, e->nonce);
    say(e, hash_of(e) == ESPOTA_HASH_MD5 ? ESPOTA_ESPHOME_ASKS_MD5 : ESPOTA_ESPHOME_ASKS_SHA256);
    say_bytes(e, e->nonce, digits);
    enter(e, SIM_ESPHOME_PROOF);
}

static void take_features(struct sim_esphome *e)
{
    uint8_t theirs = e->held[0];
    e->gzip = e->like == SIM_ESPHOME_GZIP && (theirs & ESPOTA_ESPHOME_CAN_COMPRESSION);
    e->flags = e->like < SIM_ESPHOME_2024 && (theirs & ESPOTA_ESPHOME_CAN_FLAGS);
    const uint8_t flags[2] = { ESPOTA_ESPHOME_FLAGS, e->gzip ? ESPOTA_ESPHOME_CAN_COMPRESSION : 0 };
    if (e->flags)
        say_bytes(e, flags, sizeof flags);
    else
        say(e, e->gzip ? ESPOTA_ESPHOME_COMPRESSION : ESPOTA_ESPHOME_HEADER_OK);
    if (!e->password)
        open_door(e);
    else if (hash_of(e) == ESPOTA_HASH_SHA256 && !(theirs & ESPOTA_ESPHOME_CAN_SHA256))
        refuse(e, ESPOTA_ESPHOME_BAD_AUTH);
    else
        challenge(e);
}

static void take_proof(struct sim_esphome *e)
{
    char cnonce[ESPOTA_ESPHOME_HEX], expected[ESPOTA_ESPHOME_HEX];
    size_t digits = espota_esphome_digits(hash_of(e));
    memcpy(cnonce, e->held, digits);
    cnonce[digits] = '\0';
    if (espota_esphome_respond(hash_of(e), e->password, e->nonce, cnonce, expected) == 0 &&
        memcmp(expected, e->held + digits, digits) == 0)
        open_door(e);
    else
        refuse(e, ESPOTA_ESPHOME_BAD_AUTH);
}

static void take_kind(struct sim_esphome *e)
{
    if (e->held[0] != 0)
        refuse(e, ESPOTA_ESPHOME_OTHER_KIND);
    else
        enter(e, SIM_ESPHOME_SIZE);
}

static void take_size(struct sim_esphome *e)
{
    e->size =
        (uint32_t)e->held[0] << 24 | (uint32_t)e->held[1] << 16 | (uint32_t)e->held[2] << 8 | e->held[3];
    e->taken = e->acknowledged = 0;
    if (!sim_updater_begin(&e->updater, e->board, e->size, true)) {
        refuse(e, answer_of(e->updater.error));
        return;
    }
    say(e, ESPOTA_ESPHOME_PREPARE_OK);
    enter(e, SIM_ESPHOME_MD5);
}

static void take_md5(struct sim_esphome *e)
{
    memcpy(e->md5, e->held, MD5_DIGITS);
    e->md5[MD5_DIGITS] = '\0';
    say(e, ESPOTA_ESPHOME_MD5_OK);
    enter(e, SIM_ESPHOME_DATA);
}

/* What eboot does on an ESP8266 when it starts. */
static bool unpack(struct sim_esphome *e)
{
    uint8_t out[4096], head[4] = { 0 };
    uint32_t size = 0;
    if (e->packed.size >= 18)
        memcpy(head, e->packed.data + e->packed.size - 4, 4); /* its size, unpacked */
    size = head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
    z_stream z = { .next_in = e->packed.data, .avail_in = (uInt)e->packed.size };
    int state = Z_OK;
    if (!sim_updater_begin(&e->updater, e->board, size, true) || inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return false;
    while (state == Z_OK) {
        z.next_out = out;
        z.avail_out = sizeof out;
        state = inflate(&z, Z_NO_FLUSH);
        if (state < 0 || !sim_updater_write(&e->updater, out, sizeof out - z.avail_out))
            state = Z_DATA_ERROR;
    }
    inflateEnd(&z);
    return state == Z_STREAM_END;
}

static bool update(struct sim_esphome *e)
{
    uint8_t digest[ESPOTA_MD5_LENGTH];
    char hex[MD5_DIGITS + 1];
    if (!e->gzip)
        return sim_updater_end(&e->updater, e->md5);
    if (espota_md5(e->packed.data, e->packed.size, digest) != 0)
        return false;
    espota_hex(digest, sizeof digest, hex);
    if (strcmp(hex, e->md5) != 0) {
        e->updater.error = SIM_UPDATE_MD5;
        return false;
    }
    return unpack(e) && sim_updater_end(&e->updater, NULL);
}

static void finish(struct sim_esphome *e)
{
    say(e, ESPOTA_ESPHOME_RECEIVE_OK);
    if (!update(e)) {
        sim_print(e->board, "W (%u) esphome.ota: End update err", sim_board_uptime_ms(e->board));
        refuse(e, answer_of(e->updater.error));
        return;
    }
    say(e, ESPOTA_ESPHOME_END_OK);
    enter(e, SIM_ESPHOME_END);
}

static bool store(struct sim_esphome *e)
{
    struct espota_error ignored;
    return e->gzip ? espota_bytes_append(&e->packed, e->held, e->count, &ignored) == 0
                   : sim_updater_write(&e->updater, e->held, e->count);
}

static void take_data(struct sim_esphome *e)
{
    if (!store(e)) {
        refuse(e, answer_of(e->updater.error));
        return;
    }
    e->taken += (uint32_t)e->count;
    e->count = 0;
    while (e->like != SIM_ESPHOME_2021 && (e->acknowledged + ESPOTA_ESPHOME_BLOCK <= e->taken ||
                                           (e->taken == e->size && e->acknowledged < e->size))) {
        say(e, ESPOTA_ESPHOME_CHUNK_OK);
        e->acknowledged += ESPOTA_ESPHOME_BLOCK;
    }
    if (e->taken == e->size)
        finish(e);
}

static void restart(struct sim_esphome *e)
{
    sim_print(e->board, "I (%u) esphome.ota: Update complete", sim_board_uptime_ms(e->board));
    hang_up(e);
    if (e->board->flash->powered)
        sim_board_reset(e->board, false);
}

static const struct {
    size_t wanted;
    void (*take)(struct sim_esphome *e);
} steps[] = {
    [SIM_ESPHOME_MAGIC] = { ESPOTA_ESPHOME_MAGIC_LENGTH, take_magic },
    [SIM_ESPHOME_FEATURES] = { 1, take_features },
    [SIM_ESPHOME_PROOF] = { 0, take_proof },
    [SIM_ESPHOME_KIND] = { 1, take_kind },
    [SIM_ESPHOME_SIZE] = { 4, take_size },
    [SIM_ESPHOME_MD5] = { MD5_DIGITS, take_md5 },
    [SIM_ESPHOME_DATA] = { 0, take_data },
    [SIM_ESPHOME_END] = { 1, restart },
};

/* ---- bytes ----------------------------------------------------------------------------------------------
 */

static size_t wanted(const struct sim_esphome *e)
{
    if (e->state == SIM_ESPHOME_PROOF)
        return 2 * espota_esphome_digits(hash_of(e));
    if (e->state != SIM_ESPHOME_DATA)
        return steps[e->state].wanted;
    return e->size - e->taken < SIM_ESPHOME_MOST ? e->size - e->taken : SIM_ESPHOME_MOST;
}

static void take_bytes(struct sim_esphome *e, uint64_t now)
{
    ssize_t got = recv(e->fd, e->held + e->count, wanted(e) - e->count, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        if (e->state == SIM_ESPHOME_END)
            restart(e); /* it does so without the last word, too */
        else
            hang_up(e);
        return;
    }
    e->heard_ms = now;
    e->count += (size_t)got;
    if (e->count == wanted(e) || e->state == SIM_ESPHOME_DATA)
        steps[e->state].take(e);
}

static void take_caller(struct sim_esphome *e, uint64_t now)
{
    int one = 1;
    int fd = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* only slower without */
    e->fd = fd;
    e->heard_ms = now;
    e->started_ms = e->board->started_ms;
    enter(e, SIM_ESPHOME_MAGIC);
    if (e->board->state != SIM_RUNNING || !e->board->flash->powered)
        hang_up(e);
}

void sim_esphome_step(struct sim_esphome *e, const struct pollfd p[SIM_ESPHOME_FDS], uint64_t now)
{
    if (e->fd >= 0 && (e->board->state != SIM_RUNNING || e->board->started_ms != e->started_ms ||
                       !e->board->flash->powered))
        hang_up(e); /* the board was reset */
    else if (e->fd >= 0 && p[1].revents)
        take_bytes(e, now);
    else if (e->fd >= 0 && sim_esphome_timeout(e, now) == 0)
        hang_up(e);
    else if (e->fd < 0 && p[0].revents)
        take_caller(e, now);
}
