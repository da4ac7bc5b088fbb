/* A WebSocket as a link, with servers that send what they please. */
#include "espota/error.h"
#include "espota/link.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* %s in `answer` is what the client's key makes it. */
struct server {
    const char *answer;
    const char *frames;
    size_t size;
    unsigned times; /* 0: once */
    bool in_bytes;  /* one by one */
    bool stays;     /* until the client leaves */
    int listener, port;
    pthread_t thread;
    uint8_t heard[256]; /* after the request, as it came */
    size_t heard_size;
};

#define UPGRADE                                                                                              \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                      \
    "Sec-WebSocket-Accept: %s\r\n\r\n"
#define SENDS(text) .frames = (text), .size = sizeof(text) - 1

#define SIXTH "abcdefghijklmnopqrstu"
#define LONG  SIXTH SIXTH SIXTH SIXTH SIXTH SIXTH

static void send_slowly(int fd, const char *data, size_t size, bool in_bytes)
{
    for (size_t at = 0, part; at < size; at += part) {
        part = in_bytes ? 1 : size - at;
        if (send(fd, data + at, part, MSG_NOSIGNAL) < 0)
            return;
        if (in_bytes)
            usleep(500);
    }
}

static void answer(struct server *s, int fd)
{
    char request[1024] = "", proof[128], digits[64] = "", text[4096];
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t size = 0;
    while (size < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
        ssize_t got = read(fd, request + size, sizeof request - 1 - size);
        if (got <= 0)
            return;
        size += (size_t)got;
    }
    const char *key = strstr(request, "Sec-WebSocket-Key: ");
    assert_non_null(key);
    snprintf(proof, sizeof proof, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
    EVP_Digest(proof, strlen(proof), digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock((uint8_t *)digits, digest, 20);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int length = snprintf(text, sizeof text, s->answer, digits);
#pragma GCC diagnostic pop
    send_slowly(fd, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1, s->in_bytes);
}

static void *serve(void *context)
{
    struct server *s = context;
    int fd = accept(s->listener, NULL, NULL);
    answer(s, fd);
    for (unsigned i = 0; i < (s->times ? s->times : 1) && s->size > 0; i++)
        send_slowly(fd, s->frames, s->size, s->in_bytes);
    if (!s->stays)
        shutdown(fd, SHUT_WR);
    ssize_t got;
    while (s->heard_size < sizeof s->heard &&
           (got = read(fd, s->heard + s->heard_size, sizeof s->heard - s->heard_size)) > 0)
        s->heard_size += (size_t)got;
    close(fd);
    return NULL;
}

static void begin(struct server *s)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
    s->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void end(struct server *s)
{
    pthread_join(s->thread, NULL);
    close(s->listener);
}

static int connect_to(const struct server *s, struct espota_link **link, struct espota_error *error)
{
    char port[64];
    const struct espota_link_patience patience = { .timeout_ms = 3000 };
    snprintf(port, sizeof port, "ws://127.0.0.1:%d/repl", s->port);
    *link = NULL;
    return espota_link_open_within(link, port, 0, &patience, error);
}

/* Everything, up to the end or the first error. */
static int read_all(struct espota_link *link, char *text, size_t room, size_t *size,
                    struct espota_error *error)
{
    int result = 0;
    size_t got = 1;
    for (*size = 0; result == 0 && got > 0 && *size < room; *size += got)
        result = espota_link_read(link, text + *size, room - *size, 300, &got, error);
    return result;
}

static void what_frames_hold_is_read(void **state)
{
    static const struct {
        struct server server;
        const char *text;
        size_t size;
        const char *error; /* NULL: more may come */
    } cases[] = {
        { { UPGRADE, SENDS("\x81\x05Hello"), .stays = true }, "Hello", 5, NULL },
        { { UPGRADE, SENDS("\x81\x05Hello"), .stays = true, .in_bytes = true }, "Hello", 5, NULL },
        { { UPGRADE, SENDS("\x01\x03Hel\x89\x02hi\x80\x02lo"), .stays = true }, "Hello", 5, NULL },
        { { UPGRADE,
            SENDS("\x82\x02"
                  "a\0"
                  "\x81\x00\x81\x01"
                  "b"),
            .stays = true },
          "a\0b",
          3,
          NULL },
        { { UPGRADE, SENDS("\x81\x05R\x01\x80\x00\x01"), .stays = true }, "R\x01\x80\x00\x01", 5, NULL },
        { { UPGRADE, SENDS("\x81\x7e\x00\x7e" LONG), .stays = true }, LONG, sizeof LONG - 1, NULL },
        { { UPGRADE, SENDS("\x8a\x00\x81\x01x\x88\x02\x03\xe8\x81\x01y") },
          "x",
          1,
          "the other end closed it" },
        { { UPGRADE, SENDS("\x81\x05Hel") }, "Hel", 3, "the other end closed it" },
        { { UPGRADE, SENDS("\xc1\x01x"), .stays = true }, "", 0, "no WebSocket's" },
        { { UPGRADE, SENDS("\x89\x7e\x00\x80"), .stays = true }, "", 0, "no WebSocket's" },
        { { UPGRADE, SENDS("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), .stays = true },
          "",
          0,
          "no WebSocket's" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server server = cases[i].server;
        struct espota_error error = { 0 };
        struct espota_link *link;
        char text[256];
        size_t size = 0;
        begin(&server);
        if (connect_to(&server, &link, &error) != 0)
            fail_msg("case %zu: %s", i, error.text);
        int result = read_all(link, text, sizeof text, &size, &error);
        if (size != cases[i].size || memcmp(text, cases[i].text, size) != 0)
            fail_msg("case %zu: %zu bytes, %d %s", i, size, result, error.text);
        const char *why = cases[i].error;
        assert_int_equal(result, !why                            ? 0
                                 : strstr(why, "no WebSocket's") ? ESPOTA_ERR_DEVICE
                                                                 : ESPOTA_ERR_NO_DEVICE);
        if (cases[i].error && !strstr(error.text, cases[i].error))
            fail_msg("case %zu: %s", i, error.text);
        espota_link_close(link);
        end(&server);
    }
}

static void who_answers_otherwise_is_no_websocket(void **state)
{
    static const struct {
        const char *answer, *error;
        bool stays;
    } cases[] = {
        { "HTTP/1.0 200 OK\r\n\r\n<html>", "HTTP status 200", false },
        { "HTTP/1.1 101 Sure\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
          "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
          "not to what it was asked", false },
        { "HTTP/1.1 101 Sure\r\nUpgrade: h2c\r\nSec-WebSocket-Accept: %s\r\n\r\n", "not to what it was asked",
          false },
        { "SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not speak HTTP", false },
        { "SSH-2.0-OpenSSH_9.2\r\n", "closed it", false },
        { "", "closed it", false },
        { "HTTP/1.1 101", "does not answer", true },
        { "%2000s", "answers without an end", true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server server = { .answer = cases[i].answer, .stays = cases[i].stays };
        struct espota_error error = { 0 };
        struct espota_link *link;
        begin(&server);
        assert_int_equal(connect_to(&server, &link, &error), ESPOTA_ERR_NO_DEVICE);
        assert_null(link);
        if (!strstr(error.text, cases[i].error))
            fail_msg("case %zu: %s", i, error.text);
        end(&server);
    }
}

/* RFC 6455, 5.3: what a client sends is masked. */
static void what_is_written_travels_as_text(void **state)
{
    struct server server = { UPGRADE, SENDS("\x89\x02hi"), .stays = true };
    struct espota_error error = { 0 };
    struct espota_link *link;
    char byte;
    size_t got;
    (void)state;
    begin(&server);
    assert_int_equal(connect_to(&server, &link, &error), 0);
    assert_int_equal(espota_link_read(link, &byte, 1, 200, &got, &error), 0);
    assert_int_equal(got, 0);
    assert_int_equal(espota_link_write(link, "\x03x", 2, &error), 0);
    espota_link_close(link);
    end(&server);
    const uint8_t *h = server.heard;
    assert_int_equal(server.heard_size, 8 + 8 + 6);
    assert_true(h[0] == 0x8a && h[1] == 0x82 && (h[6] ^ h[2]) == 'h' && (h[7] ^ h[3]) == 'i');
    assert_true(h[8] == 0x81 && h[9] == 0x82 && (h[14] ^ h[10]) == 3 && (h[15] ^ h[11]) == 'x');
    assert_true(h[16] == 0x88 && h[17] == 0x80);
}

static void pings_without_an_end_are_not_waited_for(void **state)
{
    struct server server = { UPGRADE, SENDS("\x89\x00"), .times = 600, .in_bytes = true, .stays = true };
    struct espota_error error = { 0 };
    struct espota_link *link;
    char byte;
    size_t got = 0;
    (void)state;
    begin(&server);
    assert_int_equal(connect_to(&server, &link, &error), 0);
    uint64_t began = espota_link_now_ms(link);
    assert_int_equal(espota_link_read(link, &byte, 1, 100, &got, &error), 0);
    assert_true(got == 0 && espota_link_now_ms(link) - began < 500);
    espota_link_close(link);
    end(&server);
}

static void some_addresses_are_none(void **state)
{
    static const struct {
        const char *port;
        int status;
    } cases[] = {
        { "ws://", ESPOTA_ERR_USAGE },
        { "ws://host:port", ESPOTA_ERR_USAGE },
        { "ws:///repl", ESPOTA_ERR_USAGE },
        { "ws://host:80/a b", ESPOTA_ERR_USAGE },
        { "ws://h:0/", ESPOTA_ERR_USAGE },
        { "wss://host:8266", ESPOTA_ERR_UNSUPPORTED },
        { "ws://h:1/\r\nX: y", ESPOTA_ERR_USAGE },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_error error = { 0 };
        struct espota_link *link = NULL;
        assert_int_equal(espota_link_open(&link, cases[i].port, 0, &error), cases[i].status);
        assert_null(link);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_frames_hold_is_read),
        cmocka_unit_test(who_answers_otherwise_is_no_websocket),
        cmocka_unit_test(what_is_written_travels_as_text),
        cmocka_unit_test(pings_without_an_end_are_not_waited_for),
        cmocka_unit_test(some_addresses_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
