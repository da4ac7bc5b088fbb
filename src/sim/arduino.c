#include "arduino.h"

#include "espota/error.h"
#include "espota/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000, CHECK_MS = 100, TRIES = 3, CHUNK = 1460 };

int sim_arduino_open(struct sim_arduino *a, struct sim_board *board, enum espota_arduino_auth auth,
                     const char *password, uint16_t *port, struct espota_error *error)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(*port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    a->board = board;
    a->auth = auth;
    a->password = password;
    a->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (a->udp < 0 || bind(a->udp, (struct sockaddr *)&address, size) != 0 ||
        getsockname(a->udp, (struct sockaddr *)&address, &size) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot listen on 127.0.0.1:%u by UDP: %s", *port,
                           espota_reason(errno));
    *port = ntohs(address.sin_port);
    return 0;
}

static void hang_up(struct sim_arduino *a)
{
    sim_updater_abort(&a->updater);
    if (a->tcp >= 0)
        close(a->tcp);
    a->tcp = -1;
    a->state = SIM_ARDUINO_IDLE;
}

void sim_arduino_close(struct sim_arduino *a)
{
    hang_up(a);
    if (a->udp >= 0)
        close(a->udp);
    a->udp = -1;
}

void sim_arduino_watch(const struct sim_arduino *a, struct pollfd p[SIM_ARDUINO_FDS])
{
    /* while an update goes on, messages wait */
    p[0] = (struct pollfd){ a->tcp < 0 ? a->udp : -1, POLLIN, 0 };
    p[1] = (struct pollfd){ a->state == SIM_ARDUINO_CHECKING ? -1 : a->tcp,
                            a->state == SIM_ARDUINO_CONNECTING ? POLLOUT : POLLIN, 0 };
}

int sim_arduino_timeout(const struct sim_arduino *a, uint64_t now)
{
    if (a->tcp < 0)
        return -1;
    uint64_t due = a->heard_ms + (a->state == SIM_ARDUINO_CHECKING ? CHECK_MS : PATIENCE_MS);
    return due > now ? (int)(due - now) : 0;
}

/* ---- the invitation -------------------------------------------------------------------------------------
 */

static void answer(const struct sim_arduino *a, const char *text)
{
    (void)sendto(a->udp, text, strlen(text), 0, (const struct sockaddr *)&a->host, sizeof a->host);
}

/* One that does not fit is not told: the host sees that nobody connects. */
static void accept_invitation(struct sim_arduino *a, uint64_t now)
{
    struct sockaddr_in host = a->host;
    answer(a, "OK");
    a->state = SIM_ARDUINO_IDLE;
    if (!sim_updater_begin(&a->updater, a->board, a->invitation.size,
                           a->invitation.command == ESPOTA_ARDUINO_APP)) {
        sim_print(a->board, "E (%u) ota: Begin ERROR", sim_board_uptime_ms(a->board));
        return;
    }
    host.sin_port = htons(a->invitation.port);
    a->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    a->state = SIM_ARDUINO_CONNECTING;
    a->heard_ms = now;
    a->written = a->tried = 0;
    if (a->tcp < 0 || (connect(a->tcp, (struct sockaddr *)&host, sizeof host) != 0 && errno != EINPROGRESS))
        hang_up(a);
}

static void challenge(struct sim_arduino *a)
{
    char text[ESPOTA_ARDUINO_MESSAGE];
    if (espota_arduino_nonce(a->auth, a->nonce) != 0)
        return;
    snprintf(text, sizeof text, "AUTH %s", a->nonce);
    answer(a, text);
    a->state = SIM_ARDUINO_ASKED;
}

static void judge(struct sim_arduino *a, const struct espota_arduino_request *proof, uint64_t now)
{
    char expected[ESPOTA_ARDUINO_HEX];
    a->state = SIM_ARDUINO_IDLE;
    if (proof->command != ESPOTA_ARDUINO_PROOF || strlen(proof->cnonce) != espota_arduino_digits(a->auth))
        return;
    if (espota_arduino_respond(a->auth, a->password, a->nonce, proof->cnonce, expected) == 0 &&
        strcmp(expected, proof->response) == 0)
        accept_invitation(a, now);
    else
        answer(a, "Authentication Failed");
}

static void take_message(struct sim_arduino *a, uint64_t now)
{
    char data[512];
    struct sockaddr_in host;
    socklen_t size = sizeof host;
    struct espota_arduino_request request;
    ssize_t count = recvfrom(a->udp, data, sizeof data, 0, (struct sockaddr *)&host, &size);
    if (count < 0 || a->board->state != SIM_RUNNING || !a->board->flash->powered)
        return;
    bool known = espota_arduino_request_parse(&request, data, (size_t)count);
    a->host = host;
    if (a->state == SIM_ARDUINO_ASKED) {
        judge(a, &request, now);
    } else if (known && request.command != ESPOTA_ARDUINO_PROOF) {
        a->invitation = request;
        if (a->auth == ESPOTA_ARDUINO_NO_AUTH)
            accept_invitation(a, now);
        else
            challenge(a);
    }
}

/* ---- the image ------------------------------------------------------------------------------------------
 */

static const char *words(enum sim_update_error error)
{
    static const char *const texts[] = {
        [SIM_UPDATE_NO_PARTITION] = "Partition Could Not be Found",
        [SIM_UPDATE_SIZE] = "Bad Size Given",
        [SIM_UPDATE_MAGIC] = "Wrong Magic Byte",
        [SIM_UPDATE_WRITE] = "Flash Write Failed",
        [SIM_UPDATE_MD5] = "MD5 Check Failed",
        [SIM_UPDATE_IMAGE] = "Could Not Activate The Firmware",
        [SIM_UPDATE_ABORTED] = "Aborted",
    };
    return texts[error] ? texts[error] : "No Error";
}

static void say(const struct sim_arduino *a, const char *text)
{
    if (a->board->flash->powered)
        (void)send(a->tcp, text, strlen(text), MSG_NOSIGNAL);
}

static void finish(struct sim_arduino *a)
{
    bool whole = sim_updater_end(&a->updater, a->invitation.md5);
    char text[80];
    snprintf(text, sizeof text, whole ? "OK" : "%s\r\n", words(a->updater.error));
    say(a, text);
    sim_print(a->board, whole ? "I (%u) ota: update done" : "E (%u) ota: update failed",
              sim_board_uptime_ms(a->board));
    hang_up(a);
    if (whole && a->board->flash->powered)
        sim_board_reset(a->board, false);
}

static void take_data(struct sim_arduino *a, uint64_t now)
{
    uint8_t data[CHUNK];
    char text[16];
    ssize_t count = recv(a->tcp, data, sizeof data, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) {
        hang_up(a);
        return;
    }
    a->heard_ms = now;
    a->tried = 0;
    if (sim_updater_write(&a->updater, data, (size_t)count)) {
        a->written = (unsigned)count;
        snprintf(text, sizeof text, "%u", a->written);
        say(a, text);
    }
    if (!a->updater.partition || a->updater.taken == a->updater.size)
        a->state = SIM_ARDUINO_CHECKING;
}

static void be_impatient(struct sim_arduino *a, uint64_t now)
{
    char text[16];
    if (a->state == SIM_ARDUINO_CONNECTING || a->written == 0 || a->tried++ >= TRIES) {
        hang_up(a);
        return;
    }
    a->heard_ms = now;
    snprintf(text, sizeof text, "%u", a->written);
    say(a, text);
}

void sim_arduino_step(struct sim_arduino *a, const struct pollfd p[SIM_ARDUINO_FDS], uint64_t now)
{
    int reason = 0;
    socklen_t size = sizeof reason;
    if (p[0].revents && a->tcp < 0)
        take_message(a, now);
    else if (a->state == SIM_ARDUINO_CHECKING && sim_arduino_timeout(a, now) == 0)
        finish(a);
    else if (a->tcp >= 0 && a->state != SIM_ARDUINO_CHECKING && !sim_updater_runs(&a->updater))
        hang_up(a); /* the board was reset */
    else if (p[1].revents && a->state == SIM_ARDUINO_RECEIVING)
        take_data(a, now);
    else if (p[1].revents && (getsockopt(a->tcp, SOL_SOCKET, SO_ERROR, &reason, &size) != 0 || reason != 0))
        hang_up(a);
    else if (p[1].revents)
        a->state = SIM_ARDUINO_RECEIVING;
    else if (a->tcp >= 0 && sim_arduino_timeout(a, now) == 0)
        be_impatient(a, now);
}
