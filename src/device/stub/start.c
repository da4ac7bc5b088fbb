/* Loading the stub through the ROM, and finding it. */
#include "stub.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

#include <string.h>

enum { STARTS = 3, FIRST_HELLO_MS = 1000, LATER_HELLO_MS = 1500 };

/* All of it by the ROM. */
static int load_by_rom(struct stub *stub, const struct espota_stub_image *image, struct espota_error *error)
{
    struct espota_stub_program program;
    struct rom *rom = stub->rom;
    int result = espota_stub_unpack(image, &program, error);
    if (result != 0)
        return result;
    for (size_t i = 0; result == 0 && i < ESPOTA_STUB_SEGMENTS; i++) {
        const struct espota_stub_segment *segment = &program.segment[i];
        if (segment->length > 0)
            result = rom_load(rom, segment->address, segment->data, segment->length, error);
    }
    if (result == 0)
        result = rom_start(rom, program.entry, error);
    espota_stub_program_free(&program);
    return result;
}

/* That the ROM's options ask for, where the link has no rate of its own; 0: it stays as it is. */
static uint32_t wanted_rate(const struct stub *stub)
{
    const struct espota_rom_options *o = &stub->rom->options;
    bool as_it_is = espota_link_has_baud(stub->rom->link) || o->baud_auto || o->baud == 0 ||
                    o->baud == ESPOTA_ROM_INITIAL_BAUD;
    return as_it_is || stub->rate_fails ? 0 : o->baud;
}

/* By its first stage. */
static int load_by_stage(struct stub *stub, const struct espota_stub_image *image, struct espota_error *error)
{
    stub->rate_fails = false;
    return stub_upload(stub, image, wanted_rate(stub), error);
}

typedef int loads(struct stub *stub, const struct espota_stub_image *image, struct espota_error *error);

/* A rate at which not even this comes through is too high. */
static int load_slower(struct stub *stub, loads *load, const struct espota_stub_image *image,
                       struct espota_error *error)
{
    struct rom *rom = stub->rom;
    int result = load(stub, image, error);
    while ((result == ESPOTA_ERR_TIMEOUT || result == ESPOTA_ERR_DEVICE) && !rom->handed_over &&
           rom->link->baud > ESPOTA_ROM_INITIAL_BAUD) {
        struct espota_error cause = *error;
        if (rom_slow_down(rom, error) != 0) {
            *error = cause;
            break;
        }
        result = load(stub, image, error);
    }
    return result;
}

/* The right kind of agent, on the chip that the ROM named. */
static int check(const struct stub *stub, struct espota_error *error)
{
    const struct espota_device *device = &stub->client.device;
    const struct espota_chip *expected = stub->info.chip;
    if (!espota_device_can(device, ESPOTA_CAP_READ | ESPOTA_CAP_ERASE | ESPOTA_CAP_WRITE))
        return espota_fail(error, ESPOTA_ERR_DEVICE, "what answers on %s is an agent, but no stub",
                           device->name);
    if (expected && device->info.chip != expected)
        return espota_fail(error, ESPOTA_ERR_DEVICE,
                           "the stub on %s says that it runs on an %s, not on an %s", device->name,
                           device->info.chip->name, expected->name);
    return 0;
}

void stub_adopt(struct stub *stub)
{
    struct espota_device_info *info = &stub->client.device.info;
    uint32_t reach = info->flash_size;
    info->has_running = false;
    info->table_offset = 0;
    info->firmware[0] = '\0';
    if (!stub->info.chip)
        return;
    *info = stub->info;
    info->addressable = reach < info->flash_size ? reach : 0;
}

static int greet(struct stub *stub, unsigned patience_ms, struct espota_error *error)
{
    stub->client.options.hello_timeout_ms = patience_ms;
    int result = client_greet(&stub->client, error);
    stub->client.options.hello_timeout_ms = LATER_HELLO_MS;
    if (result == 0)
        result = check(stub, error);
    if (result == 0)
        stub_adopt(stub);
    return result;
}

static bool no_answer(int result)
{
    return result == ESPOTA_ERR_NO_DEVICE || result == ESPOTA_ERR_TIMEOUT;
}

/* A link without a rate of its own, as TCP is: the chip and what stands before it are asked for another one.
 */
int stub_raise_rate(struct stub *stub, struct espota_error *error)
{
    uint32_t wanted = wanted_rate(stub);
    int result = wanted ? client_set_rate(&stub->client, wanted, error) : 0;
    return result == ESPOTA_ERR_UNSUPPORTED ? 0 : result; /* it stays as it was */
}

/* TCP says nothing of the rate of the UART at its end, which every chip begins with. */
static void assume_rate(struct espota_link *link)
{
    if (!espota_link_has_baud(link) && link->baud == 0)
        link->baud = ESPOTA_ROM_INITIAL_BAUD;
}

/* One way of loading it, and a greeting. Of a first stage that is silent the last answer may have been lost.
 */
static int load_and_greet(struct stub *stub, loads *load, struct espota_error *error)
{
    int result = load_slower(stub, load, espota_stub_image(stub->info.chip), error);
    bool perhaps = result == ESPOTA_ERR_TIMEOUT && stub->rom->handed_over;
    return result == 0 || perhaps ? greet(stub, FIRST_HELLO_MS, error) : result;
}

/* Nobody answers. The jump itself may have been lost on the way: then the ROM is still there; else a reset
 * brings it back, once. */
static bool rom_is_back(struct stub *stub, bool *reset)
{
    struct espota_error ignored;
    struct rom *rom = stub->rom;
    if (rom_sync(rom, &ignored) != 0) {
        if (*reset || !rom_can_reset(rom) || rom_return(rom, &ignored) != 0)
            return false;
        *reset = true;
    }
    rom->handed_over = false;
    return true;
}

int stub_start(struct stub *stub, struct espota_error *error)
{
    struct rom *rom = stub->rom;
    bool staged = espota_stub_image(stub->info.chip)->first.length > 0, reset = false;
    uint64_t begun = espota_link_now_ms(rom->link);
    int result = load_and_greet(stub, staged ? load_by_stage : load_by_rom, error);
    for (unsigned i = 1; no_answer(result) && i < STARTS && rom_is_back(stub, &reset); i++)
        result = load_and_greet(stub, load_by_rom, error);
    if (no_answer(result) && rom->handed_over)
        return espota_fail(error, ESPOTA_ERR_TIMEOUT, "the stub on %s does not answer", rom->link->name);
    if (result != 0)
        return result;
    espota_device_detail(&stub->client.device, "the stub answers after %u ms",
                         (unsigned)(espota_link_now_ms(rom->link) - begun));
    assume_rate(rom->link);
    return stub_raise_rate(stub, error);
}

static int greet_or_load(struct stub *stub, struct espota_error *error)
{
    struct espota_error ignored;
    int result = greet(stub, FIRST_HELLO_MS, error);
    if (no_answer(result) && stub_resume(stub, &ignored) == 0)
        result = greet(stub, FIRST_HELLO_MS, error);
    return result;
}

int stub_find(struct stub *stub, struct espota_error *error)
{
    struct espota_link *link = stub->rom->link;
    const uint32_t rates[] = { link->baud, stub->rom->options.baud };
    int result = ESPOTA_ERR_NO_DEVICE;
    unsigned count = espota_link_has_baud(link) && rates[1] && rates[1] != rates[0] ? 2 : 1;
    for (unsigned i = 0; no_answer(result) && i < count; i++) {
        result = espota_link_set_baud(link, rates[i], error);
        if (result == 0)
            result = greet_or_load(stub, error);
    }
    struct espota_error ignored;
    if (result != 0)
        (void)espota_link_set_baud(link, rates[0], &ignored);
    else
        assume_rate(link);
    return result;
}
