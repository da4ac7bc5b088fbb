/* Keyed sessions against who does not know the key: what he says, replays, changes, reorders or cuts off
 * opens nothing, changes nothing, and keeps the owner neither out nor waiting. */
#include "device/agent_client/client.h"

#include "espota/clock.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/ota.h"
#include "espota/random.h"

#include "fixtures/keyed_board.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MAX_FRAMES = 64 };

/* The frames that went over a link in one direction. */
struct recording {
    struct espota_slip_decoder decoder;
    uint8_t body[FRAME_ROOM];
    struct frame frame[MAX_FRAMES];
    unsigned count;
    bool out; /* which direction */
};

static void record(void *context, bool out, const uint8_t *data, size_t size)
{
    struct recording *r = context;
    for (size_t i = 0; out == r->out && i < size; i++)
        if (espota_slip_byte(&r->decoder, data[i]) == ESPOTA_SLIP_FRAME && r->count < MAX_FRAMES) {
            struct frame *f = &r->frame[r->count++];
            f->length = r->decoder.length;
            memcpy(f->data, r->body, f->length);
        }
}

static void start_recording(struct recording *r, struct memory_board *b, bool out)
{
    memset(r, 0, sizeof *r);
    r->out = out;
    espota_slip_begin(&r->decoder, r->body, sizeof r->body);
    b->link.trace = record;
    b->link.trace_context = r;
}

/* A whole greeting by somebody with this key. @return the status of its end. */
static int greet(struct memory_board *b, enum sim_stream stream, const uint8_t *key)
{
    uint8_t hello[ESPOTA_AGENT_HELLO_SIZE] = { ESPOTA_AGENT_VERSION, ESPOTA_AGENT_VERSION },
            secret[32] = { 1 };
    uint8_t psk[32], message[ESPOTA_AGENT_HANDSHAKE_SIZE], said[128];
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    struct frame reply, f = frame_request(ESPOTA_AGENT_HELLO, hello, sizeof hello);
    struct espota_noise noise;
    keyed_board_send(b, stream, f.data, f.length);
    assert_true(keyed_board_answer(b, &reply));
    size_t label = sizeof ESPOTA_AGENT_LABEL_PROLOGUE - 1, length = reply.length - HEADER - CRC;
    memcpy(said, ESPOTA_AGENT_LABEL_PROLOGUE, label);
    memcpy(said + label, hello, sizeof hello);
    memcpy(said + label + sizeof hello, reply.data + HEADER, length);
    assert_int_equal(espota_noise_psk(sha256, key, KEY, psk), 0);
    assert_int_equal(espota_noise_begin(&noise, sha256, &espota_crypto_openssl), 0);
    assert_int_equal(espota_noise_prologue(&noise, said, label + sizeof hello + length), 0);
    assert_int_equal(espota_noise_write_first(&noise, psk, secret, message, 0), 0);
    espota_hash_free(sha256);
    f = frame_request(ESPOTA_AGENT_HANDSHAKE, message, sizeof message);
    return keyed_board_ask(b, stream, &f);
}

/* ---- strangers ------------------------------------------------------------------------------------------
 */

static void wrong_proofs_keep_nobody_out(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    for (unsigned i = 0; i < 105; i++) {
        assert_int_equal(greet(b, SIM_UART, WRONG_KEY), ESPOTA_AGENT_PROOF);
        assert_int_equal(greet(b, SIM_UART, DEVICE_KEY), ESPOTA_AGENT_OK);
    }
    memory_board_free(b);
}

/* Also one that is refused: no handshake goes on with what was said before it. */
static void each_hello_makes_the_one_before_void(void **state)
{
    (void)state;
    static const uint8_t message[ESPOTA_AGENT_HANDSHAKE_SIZE] = { 1, 2, 3 };
    uint8_t hello[ESPOTA_AGENT_HELLO_SIZE] = { ESPOTA_AGENT_VERSION, ESPOTA_AGENT_VERSION };
    struct memory_board *b = keyed_board();
    struct frame good = frame_request(ESPOTA_AGENT_HELLO, hello, sizeof hello);
    struct frame handshake = frame_request(ESPOTA_AGENT_HANDSHAKE, message, sizeof message);
    assert_int_equal(keyed_board_ask(b, SIM_UART, &good), ESPOTA_AGENT_OK);
    assert_int_equal(keyed_board_ask(b, SIM_UART, &handshake), ESPOTA_AGENT_PROOF);
    assert_int_equal(keyed_board_ask(b, SIM_UART, &handshake), ESPOTA_AGENT_ORDER);
    hello[0] = hello[1] = ESPOTA_AGENT_VERSION + 1;
    struct frame newer = frame_request(ESPOTA_AGENT_HELLO, hello, sizeof hello);
    assert_int_equal(keyed_board_ask(b, SIM_UART, &good), ESPOTA_AGENT_OK);
    assert_int_equal(keyed_board_ask(b, SIM_UART, &newer), ESPOTA_AGENT_BAD_VERSION);
    assert_int_equal(keyed_board_ask(b, SIM_UART, &handshake), ESPOTA_AGENT_ORDER);
    memory_board_free(b);
}

/* On the owner's stream as on another one. */
static void strangers_do_not_end_the_owners_session(void **state)
{
    (void)state;
    static const enum sim_stream streams[] = { SIM_NETWORK, SIM_UART };
    struct memory_board *b = keyed_board();
    struct espota_device *device = keyed_board_owner(b, NULL);
    static const uint8_t noise[ESPOTA_AGENT_HANDSHAKE_SIZE] = { 1, 2, 3 };
    for (size_t s = 0; s < 2; s++)
        for (uint8_t type = 0; type < 0x20; type++) {
            struct frame f = frame_request(type, noise, sizeof noise);
            assert_int_equal(greet(b, streams[s], WRONG_KEY), ESPOTA_AGENT_PROOF);
            assert_true(keyed_board_serves(b, device));
            keyed_board_ask(b, streams[s], &f);
            assert_true(keyed_board_serves(b, device));
            f.data[0] = ESPOTA_AGENT_SEALED;
            keyed_board_ask(b, streams[s], &f);
            assert_true(keyed_board_serves(b, device));
            keyed_board_send(b, streams[s], f.data, 5); /* and half a frame, without an end */
            sim_board_input(&b->board, SIM_NETWORK, f.data, 20);
            b->answer.size = b->answer_at = 0;
            assert_true(keyed_board_serves(b, device));
        }
    espota_device_close(device);
    memory_board_free(b);
}

/* A session that is silent is closed: what strangers say keeps it no longer. */
static void what_strangers_say_is_no_life(void **state)
{
    (void)state;
    enum { LONG_MS = 20000 };
    static const enum sim_stream streams[] = { SIM_NETWORK, SIM_UART };
    struct memory_board *b = keyed_board();
    struct espota_device *device = keyed_board_owner(b, NULL);
    struct espota_agent *agent = &b->board.agent;
    struct frame f = frame_request(ESPOTA_AGENT_INFO, NULL, 0);
    agent->session.heard_ms -= LONG_MS;
    for (size_t s = 0; s < 2; s++) {
        assert_int_equal(greet(b, streams[s], WRONG_KEY), ESPOTA_AGENT_PROOF);
        f.data[0] = ESPOTA_AGENT_MARK;
        keyed_board_ask(b, streams[s], &f);
        f.data[0] = ESPOTA_AGENT_SEALED;
        keyed_board_ask(b, streams[s], &f);
        assert_true(espota_agent_silence_ms(agent) >= LONG_MS);
    }
    assert_true(keyed_board_serves(b, device));
    assert_true(espota_agent_silence_ms(agent) < LONG_MS);
    espota_device_close(device);
    memory_board_free(b);
}

/* Who has a key does not go on in clear because what answers asks for none. */
static void a_host_with_a_key_says_nothing_to_who_wants_none(void **state)
{
    (void)state;
    static struct recording r;
    struct memory_board *b = memory_board_running(false);
    struct espota_device *device = NULL;
    struct espota_error error = { 0 };
    struct espota_agent_client_options options = { .key = DEVICE_KEY,
                                                   .key_length = KEY,
                                                   .hello_timeout_ms = 50 };
    start_recording(&r, b, true);
    assert_int_equal(espota_agent_client_open(&device, &b->link, &options, &error), ESPOTA_ERR_REFUSED);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.frame[0].data[1], ESPOTA_AGENT_HELLO);
    memory_board_free(b);
}

static void whoever_knows_the_key_takes_over(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    struct espota_device *device = keyed_board_owner(b, NULL);
    struct espota_error error = { 0 };
    uint8_t table[64];
    assert_int_equal(greet(b, SIM_NETWORK, DEVICE_KEY), ESPOTA_AGENT_OK);
    uint64_t start = espota_now_ms();
    assert_int_equal(espota_device_read(device, 0x8000, table, sizeof table, &error), ESPOTA_ERR_DEVICE);
    assert_non_null(strstr(error.text, "lost the session"));
    assert_in_range(espota_now_ms() - start, 0, 1000);
    espota_device_close(device);
    memory_board_free(b);
}

static void in_clear_nothing_is_answered_but_greetings(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    struct espota_device *device = keyed_board_owner(b, NULL);
    for (unsigned type = ESPOTA_AGENT_INFO; type < ESPOTA_AGENT_REQUESTS; type++) {
        struct frame f = frame_request((uint8_t)type, NULL, 0);
        assert_int_equal(keyed_board_ask(b, SIM_UART, &f), ESPOTA_AGENT_LOCKED);
    }
    espota_device_close(device);
    memory_board_free(b);
}

/* ---- on the way -----------------------------------------------------------------------------------------
 */

/* Frame `victim` arrives with a byte changed, and with the right CRC where frames have one. */
struct meddler {
    struct espota_link link; /* that the host has */
    struct memory_board *board;
    unsigned frames, victim;
    size_t byte, length; /* of the victim */
    bool to_host;
    struct espota_bytes in; /* to the host, as it arrives */
    size_t in_at;
    struct espota_slip_decoder decoder;
    uint8_t body[FRAME_ROOM];
};

static void spoil(struct meddler *m, struct frame *f)
{
    if (m->frames++ != m->victim)
        return;
    m->length = f->length;
    bool has_crc = f->data[0] == ESPOTA_AGENT_MARK;
    if (m->byte < f->length)
        f->data[m->byte] ^= 0x10;
    if (has_crc && m->byte + CRC < f->length)
        frame_fix_crc(f);
}

static int meddle(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    struct meddler *m = (struct meddler *)link;
    struct espota_slip_decoder decoder;
    struct frame f = { 0 };
    (void)error;
    espota_slip_begin(&decoder, f.data, sizeof f.data);
    for (size_t i = 0; i < size; i++) {
        if (espota_slip_byte(&decoder, ((const uint8_t *)data)[i]) != ESPOTA_SLIP_FRAME)
            continue;
        f.length = decoder.length;
        if (!m->to_host)
            spoil(m, &f);
        keyed_board_send(m->board, SIM_UART, f.data, f.length);
    }
    return 0;
}

static int pass_on(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                   struct espota_error *error)
{
    struct meddler *m = (struct meddler *)link;
    struct espota_bytes *from = &m->board->answer;
    uint8_t wire[ESPOTA_SLIP_MAX_ENCODED(FRAME_ROOM)];
    (void)timeout_ms;
    for (size_t i = m->board->answer_at; i < from->size; i++)
        if (espota_slip_byte(&m->decoder, from->data[i]) == ESPOTA_SLIP_FRAME) {
            struct frame f = { .length = m->decoder.length };
            memcpy(f.data, m->body, f.length);
            if (m->to_host && f.length > HEADER)
                spoil(m, &f);
            assert_int_equal(
                espota_bytes_append(&m->in, wire, espota_slip_encode(f.data, f.length, wire), error), 0);
        }
    from->size = m->board->answer_at = 0;
    *got = m->in.size - m->in_at < size ? m->in.size - m->in_at : size;
    if (*got > 0)
        memcpy(buffer, m->in.data + m->in_at, *got);
    m->in_at += *got;
    return 0;
}

static void drain(struct espota_link *link)
{
    struct meddler *m = (struct meddler *)link;
    m->board->answer.size = m->board->answer_at = 0;
}

static void close_nothing(struct espota_link *link)
{
    (void)link;
}

static void meddler_begin(struct meddler *m, struct memory_board *b)
{
    static const struct espota_link_ops ops = {
        .read = pass_on, .write = meddle, .drain = drain, .close = close_nothing
    };
    memset(m, 0, sizeof *m);
    m->link.ops = &ops;
    strcpy(m->link.name, "meddler");
    m->board = b;
    m->victim = MAX_FRAMES;
    espota_slip_begin(&m->decoder, m->body, sizeof m->body);
}

/* Every byte of HELLO and HANDSHAKE, either way: version, flags, window, largest data, capabilities, nonces,
 * keys, tags. No session begins on what was changed: where one begins, it was by asking again. */
static void no_byte_of_a_greeting_can_be_changed(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    unsigned refused = 0, tried = 0;
    for (unsigned to_host = 0; to_host < 2; to_host++)
        for (unsigned victim = 0; victim < 2; victim++) {
            size_t length = 1;
            for (size_t byte = HEADER; byte + CRC < length || byte == HEADER; byte++) { /* the payload */
                struct meddler m;
                struct espota_device *device = NULL;
                struct espota_error error = { 0 };
                struct espota_agent_client_options options = { .key = DEVICE_KEY,
                                                               .key_length = KEY,
                                                               .hello_timeout_ms = 50 };
                meddler_begin(&m, b);
                m.to_host = to_host;
                m.victim = victim;
                m.byte = byte;
                int result = espota_agent_client_open(&device, &m.link, &options, &error);
                length = m.length;
                tried++;
                refused += result != 0;
                if (result == 0)
                    fail_msg("frame %u %s with byte %zu changed begins a session", victim,
                             to_host ? "to the host" : "to the agent", byte);
                espota_bytes_free(&m.in);
            }
        }
    print_message("# %u changes\n", tried);
    assert_int_equal(refused, tried);
    assert_in_range(tried, 18 + 48 + 26 + 49, 200);
    memory_board_free(b);
}

/* A frame of a session, kept from the agent. */
static struct frame catch_request(struct memory_board *b, struct espota_device *device)
{
    static struct recording r;
    struct agent_client *agent = (struct agent_client *)device;
    struct espota_error error = { 0 };
    uint8_t payload[6] = { 0, 0x80, 0, 0, 64, 0 };
    start_recording(&r, b, true);
    b->lose_every = 1;
    assert_int_equal(client_send(agent, ESPOTA_AGENT_READ, payload, sizeof payload, &error), 0);
    b->lose_every = 0;
    b->link.trace = NULL;
    assert_int_equal(r.count, 1);
    return r.frame[0];
}

static void no_byte_of_a_request_can_be_changed(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    struct espota_device *device = keyed_board_owner(b, NULL);
    struct frame good = catch_request(b, device), reply;
    assert_int_equal(good.data[0], ESPOTA_AGENT_SEALED);
    for (size_t i = 0; i < good.length; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            struct frame f = good;
            f.data[i] ^= (uint8_t)(1u << bit);
            keyed_board_send(b, SIM_UART, f.data, f.length);
            if (keyed_board_answer(b, &reply))
                fail_msg("a request is answered with byte %zu changed", i);
        }
    for (size_t length = 0; length < good.length; length++) { /* cut off */
        keyed_board_send(b, SIM_UART, good.data, length);
        assert_false(keyed_board_answer(b, &reply));
    }
    keyed_board_send(b, SIM_UART, good.data, good.length);
    assert_true(keyed_board_answer(b, &reply));
    espota_device_close(device);
    memory_board_free(b);
}

static int receive(struct memory_board *b, struct espota_device *device, const struct frame *f)
{
    struct client_response response;
    struct espota_error error = { 0 };
    uint8_t wire[ESPOTA_SLIP_MAX_ENCODED(FRAME_ROOM)];
    b->answer.size = b->answer_at = 0;
    assert_int_equal(
        espota_bytes_append(&b->answer, wire, espota_slip_encode(f->data, f->length, wire), &error), 0);
    return client_receive((struct agent_client *)device, espota_now_ms() + 2, &response, &error);
}

static void no_byte_of_a_response_can_be_changed(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    struct espota_device *device = keyed_board_owner(b, NULL);
    struct frame asked = catch_request(b, device), good;
    keyed_board_send(b, SIM_UART, asked.data, asked.length);
    assert_true(keyed_board_answer(b, &good));
    for (size_t i = 0; i < good.length; i++) {
        struct frame f = good;
        f.data[i] ^= (uint8_t)(1u << i % 8);
        if (receive(b, device, &f) != ESPOTA_ERR_TIMEOUT)
            fail_msg("a response is taken with byte %zu changed", i);
    }
    assert_int_equal(receive(b, device, &good), 0);
    assert_int_equal(receive(b, device, &good), ESPOTA_ERR_TIMEOUT); /* once */
    espota_device_close(device);
    memory_board_free(b);
}

static void older_frames_than_the_last_are_dropped(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    struct espota_device *device = keyed_board_owner(b, NULL);
    struct frame one = catch_request(b, device), two = catch_request(b, device), reply;
    keyed_board_send(b, SIM_UART, two.data, two.length);
    assert_true(keyed_board_answer(b, &reply));
    keyed_board_send(b, SIM_UART, one.data, one.length); /* late */
    assert_false(keyed_board_answer(b, &reply));
    keyed_board_send(b, SIM_UART, two.data, two.length); /* again */
    assert_false(keyed_board_answer(b, &reply));
    assert_true(keyed_board_serves(b, device));
    espota_device_close(device);
    memory_board_free(b);
}

/* All that a host said in a whole update, into the same session, a new one of the owner's, and none. */
static void a_recorded_update_opens_nothing(void **state)
{
    (void)state;
    static struct recording r;
    struct memory_board *b = keyed_board();
    struct espota_bytes image = memory_board_image(5000, 7, 0);
    struct espota_ota_request update = { .name = "new",
                                         .payload = espota_payload_raw(image.data, image.size) };
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    start_recording(&r, b, true);
    struct espota_device *device = keyed_board_owner(b, NULL);
    if (espota_ota_run(device, &update, &result, &error) != 0)
        fail_msg("%s", error.text);
    b->link.trace = NULL;
    assert_in_range(r.count, 10, MAX_FRAMES - 1);
    uint64_t operations = b->flash.operations;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < r.count; i++) {
            struct frame reply;
            keyed_board_send(b, SIM_UART, r.frame[i].data, r.frame[i].length);
            if (keyed_board_answer(b, &reply))
                assert_int_equal(reply.data[0], ESPOTA_AGENT_MARK); /* in clear, so it says nothing */
        }
        if (round < 1)
            assert_true(keyed_board_serves(b, device));
        espota_device_close(device);
        if (round == 1)
            memory_board_restart(b);
        device = keyed_board_owner(b, NULL);
    }
    assert_int_equal(b->flash.operations, operations);
    espota_device_close(device);
    espota_bytes_free(&image);
    memory_board_free(b);
}

static void no_number_serves_twice(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    struct espota_device *device = keyed_board_owner(b, NULL);
    struct agent_client *agent = (struct agent_client *)device;
    struct espota_error error = { 0 };
    struct frame f = catch_request(b, device), reply;
    b->board.agent.session.sent = UINT32_MAX;
    keyed_board_send(b, SIM_UART, f.data, f.length);
    assert_false(keyed_board_answer(b, &reply));
    agent->sent = UINT32_MAX;
    assert_int_equal(client_send(agent, ESPOTA_AGENT_INFO, NULL, 0, &error), ESPOTA_ERR_FAILED);
    espota_device_close(device);
    memory_board_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_proofs_keep_nobody_out),
        cmocka_unit_test(each_hello_makes_the_one_before_void),
        cmocka_unit_test(strangers_do_not_end_the_owners_session),
        cmocka_unit_test(what_strangers_say_is_no_life),
        cmocka_unit_test(a_host_with_a_key_says_nothing_to_who_wants_none),
        cmocka_unit_test(whoever_knows_the_key_takes_over),
        cmocka_unit_test(in_clear_nothing_is_answered_but_greetings),
        cmocka_unit_test(no_byte_of_a_greeting_can_be_changed),
        cmocka_unit_test(no_byte_of_a_request_can_be_changed),
        cmocka_unit_test(no_byte_of_a_response_can_be_changed),
        cmocka_unit_test(older_frames_than_the_last_are_dropped),
        cmocka_unit_test(a_recorded_update_opens_nothing),
        cmocka_unit_test(no_number_serves_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
