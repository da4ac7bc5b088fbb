/* What strangers announce: answers, one behind the other. What is made of them is bounded, and holds nothing
 * that a terminal obeys. */
#include "espota/discovery.h"
#include "link/discovery.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MOST_TEXT = 80 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t byte(struct input *in)
{
    if (in->size == 0)
        return 0;
    in->size--;
    return *in->data++;
}

static const uint8_t *bytes(struct input *in, size_t wanted, size_t *length)
{
    const uint8_t *from = in->data;
    *length = wanted < in->size ? wanted : in->size;
    in->data += *length;
    in->size -= *length;
    return from;
}

/* A text as Avahi hands it on: at most 255 bytes, without a NUL. */
static const char *text(struct input *in, char room[256])
{
    size_t length;
    const uint8_t *from = bytes(in, byte(in), &length);
    if (length > 0)
        memcpy(room, from, length);
    room[length] = '\0';
    return room;
}

static void take(struct discovery *d, struct input *in)
{
    struct discovery_text string[MOST_TEXT];
    struct discovery_answer answer = { .text = string };
    struct espota_error error;
    char name[256], host[256];
    uint8_t address[16] = { 0 }, kind = byte(in);
    size_t length, count = byte(in) % MOST_TEXT;
    answer.service = (enum espota_service)(kind % ESPOTA_SERVICES);
    answer.name = text(in, name);
    answer.host = kind & 0x10 ? text(in, host) : NULL;
    answer.network = kind & 0x20 ? "wlan0" : NULL; /* this machine's own word */
    answer.loopback = kind & 0x40;
    answer.family = kind & 0x80 ? AF_INET6 : AF_INET;
    answer.port = (uint16_t)(byte(in) << 8 | byte(in));
    const uint8_t *given = bytes(in, sizeof address, &length);
    if (length > 0)
        memcpy(address, given, length);
    answer.address = address;
    for (; answer.host && answer.text_count < count; answer.text_count++) {
        struct discovery_text *t = &string[answer.text_count];
        t->data = bytes(in, byte(in), &t->size);
    }
    if (discovery_take(d, &answer, &error) != 0)
        abort();
}

static void harmless(const char *text, size_t most)
{
    size_t length = text ? strlen(text) : 0;
    if (length > most)
        abort();
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            abort();
}

static void look_at(const struct espota_found_device *d)
{
    char address[128];
    harmless(d->name, sizeof d->name - 1);
    harmless(d->host, sizeof d->host - 1);
    harmless(d->network, sizeof d->network - 1);
    harmless(d->project, sizeof d->project - 1);
    harmless(d->version, sizeof d->version - 1);
    harmless(d->chip, sizeof d->chip - 1);
    harmless(d->board, sizeof d->board - 1);
    if (d->attribute_count > ESPOTA_FOUND_MOST_ATTRIBUTES || d->address_count > ESPOTA_FOUND_MOST_ADDRESSES)
        abort();
    for (unsigned i = 0; i < d->attribute_count; i++) {
        harmless(d->attribute[i].key, 255);
        harmless(d->attribute[i].value, 255);
    }
    for (unsigned i = 0; i < d->address_count; i++)
        harmless(d->address[i], sizeof d->address[i] - 1);
    if (espota_found_device_address(d, address, sizeof address))
        harmless(address, sizeof address - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct discovery d = { 0 };
    struct input in = { data, size };
    while (in.size > 0)
        take(&d, &in);
    discovery_end(&d);
    if (d.found.count > ESPOTA_FOUND_MOST)
        abort();
    for (size_t i = 0; i < d.found.count; i++)
        look_at(&d.found.device[i]);
    espota_found_devices_free(&d.found);
    return 0;
}
