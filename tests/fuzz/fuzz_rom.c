/* A lying chip: answers of any content to every request of the ROM protocol, in frames that are whole or not.
 * Whatever comes, a connection ends with success or a status, and so do reading, digests and erasing. Time is
 * only counted here. Input: for each answer a byte for its kind, a length, and the content. */
#include "espota/bytes.h"
#include "espota/clock.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/rom_device.h"
#include "espota/rom_protocol.h"
#include "espota/slip.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t count_ms(void *context)
{
    uint64_t *now = context;
    return ++*now;
}

static void skip_ms(void *context, unsigned ms)
{
    uint64_t *now = context;
    *now += ms;
}

struct liar {
    struct espota_link link;
    uint64_t now; /* counted */
    struct espota_clock clock;
    const uint8_t *data;
    size_t size;
    uint8_t command; /* of the last request */
    struct espota_slip_decoder decoder;
    uint8_t request[64], answer[2 * 300 + 2];
    size_t length, sent;
};

static uint8_t take(struct liar *l)
{
    if (l->size == 0)
        return 0;
    l->size--;
    return *l->data++;
}

static void lie(struct liar *l)
{
    uint8_t kind = take(l), body[8 + 255];
    size_t length = take(l);
    body[0] = 1;
    body[1] = kind & 2 ? take(l) : l->command;
    uint16_t claimed = kind & 4 ? take(l) : (uint16_t)length;
    for (size_t i = 4; i < 8; i++)
        body[i] = kind & 8 ? take(l) : 0;
    if (length > l->size)
        length = l->size;
    l->sent = 0;
    if (kind & 1) { /* noise */
        memcpy(l->answer, l->data, length);
        l->length = length;
    } else {
        espota_put_le16(body + 2, claimed);
        memcpy(body + 8, l->data, length);
        if (!(kind & 16) && length >= 4)
            memset(body + 8 + length - 4, 0, 4); /* success */
        l->length = espota_slip_encode(body, 8 + length, l->answer);
    }
    l->data += length;
    l->size -= length;
}

static int read_lie(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                    struct espota_error *error)
{
    struct liar *l = (struct liar *)link;
    (void)timeout_ms;
    if (l->sent == l->length) {
        if (l->size == 0)
            return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "no more lies");
        lie(l);
    }
    *got = size < l->length - l->sent ? size : l->length - l->sent;
    memcpy(buffer, l->answer + l->sent, *got);
    l->sent += *got;
    return 0;
}

static int write_away(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    struct liar *l = (struct liar *)link;
    (void)error;
    for (size_t i = 0; i < size; i++)
        if (espota_slip_byte(&l->decoder, ((const uint8_t *)data)[i]) == ESPOTA_SLIP_FRAME &&
            l->decoder.length > 1)
            l->command = l->request[1];
    return 0;
}

static int set_baud(struct espota_link *link, uint32_t baud, struct espota_error *error)
{
    (void)error;
    link->baud = baud;
    return 0;
}

static void drain(struct espota_link *link)
{
    (void)link;
}

static void close_link(struct espota_link *link)
{
    free(link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct espota_link_ops ops = {
        .read = read_lie, .write = write_away, .set_baud = set_baud, .drain = drain, .close = close_link
    };
    struct espota_rom_options options = { .before = ESPOTA_BEFORE_NO_RESET,
                                          .after = ESPOTA_AFTER_NO_RESET,
                                          .attempts = 2 };
    struct espota_error error = { 0 };
    struct espota_device *device = NULL;
    struct liar *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    *l = (struct liar){ .link = { .ops = &ops, .name = "liar", .baud = 115200, .clock = &l->clock },
                        .clock = { &l->now, count_ms, skip_ms },
                        .data = data,
                        .size = size };
    espota_slip_begin(&l->decoder, l->request, sizeof l->request);
    options.baud = take(l) & 1 ? 921600 : 0;
    options.baud_auto = options.baud > 0;
    options.identify_only = take(l) & 1;
    if (espota_rom_open(&device, &l->link, &options, &error) != 0)
        return 0;
    uint8_t bytes[4096] = { 0 }, digest[64];
    struct espota_chip_details details;
    (void)espota_device_details(device, &details, &error);
    (void)espota_device_read(device, 0x8000, bytes, sizeof bytes, &error);
    (void)espota_device_digest(device, 0, 4096, digest, &error);
    (void)espota_device_write(device, 0x10000, bytes, sizeof bytes, &error);
    (void)espota_device_erase(device, 0, 4096, &error);
    (void)espota_device_restart(device, &error);
    espota_device_close(device);
    return 0;
}
