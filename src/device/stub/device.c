/* The stub as a device: an agent client whose chip is reset through the ROM's ways. */
#include "stub.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

#include <inttypes.h>
#include <stdlib.h>

/* It never works longer than flash takes to erase a block, and says so. */
enum { QUIET_MS = 4000 };

static struct stub *stub_of(struct espota_device *device)
{
    return (struct stub *)device;
}

/* By the lines as ever; where that would take the ROM, the stub does it. */
static int stub_restart(struct espota_device *device, struct espota_error *error)
{
    struct stub *stub = stub_of(device);
    stub->rom->device.observer = device->observer;
    int result = rom_leave(stub->rom, error);
    uint32_t console_baud = stub->rom->options.console_baud;
    if (result == ESPOTA_ERR_UNSUPPORTED) {
        result = client_ops.restart(device, error);
        return result || !console_baud ? result : espota_link_set_baud(stub->rom->link, console_baud, error);
    }
    if (stub->rom->options.after != ESPOTA_AFTER_NO_RESET)
        client_forget_rate(&stub->client); /* it went with the stub */
    return result;
}

static void stub_close(struct espota_device *device)
{
    struct stub *stub = stub_of(device);
    struct rom *rom = stub->rom;
    if (device->ops == &stub->ops)
        client_take_back_rate(&stub->client);
    stub_free(stub);
    espota_device_close(&rom->device);
}

/* ---- without it -----------------------------------------------------------------------------------------
 */

/* The stub is lost for good in the middle of something: from then on the device passes everything on to the
 * ROM. What was asked of it before is asked again, as digests are of another kind now. */

static struct espota_device *rom_for(struct espota_device *device)
{
    struct espota_device *rom = &stub_of(device)->rom->device;
    rom->observer = device->observer;
    rom->what = device->what;
    rom->moved = device->moved;
    rom->moved_context = device->moved_context;
    return rom;
}

static int lost_digest(struct espota_device *device, uint32_t offset, uint32_t length, uint8_t *digest,
                       struct espota_error *error)
{
    struct espota_device *rom = rom_for(device);
    return rom->ops->digest(rom, offset, length, digest, error);
}

static int lost_read(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                     struct espota_error *error)
{
    struct espota_device *rom = rom_for(device);
    return rom->ops->read(rom, offset, buffer, length, error);
}

static int lost_erase(struct espota_device *device, uint32_t offset, uint32_t length,
                      struct espota_error *error)
{
    struct espota_device *rom = rom_for(device);
    return rom->ops->erase(rom, offset, length, error);
}

static int lost_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                      struct espota_error *error)
{
    struct espota_device *rom = rom_for(device);
    return rom->ops->write(rom, offset, data, length, error);
}

static int lost_restart(struct espota_device *device, struct espota_error *error)
{
    struct espota_device *rom = rom_for(device);
    return rom->ops->restart(rom, error);
}

static int lost_recover(struct espota_device *device, struct espota_error *error)
{
    struct espota_device *rom = rom_for(device);
    return rom->ops->recover(rom, error);
}

static const struct espota_device_ops lost_ops = {
    .digest = lost_digest,
    .read = lost_read,
    .erase = lost_erase,
    .write = lost_write,
    .restart = lost_restart,
    .recover = lost_recover,
    .close = stub_close,
};

static void become_rom(struct stub *stub)
{
    struct espota_device *device = &stub->client.device;
    const struct espota_device *rom = &stub->rom->device;
    device->ops = &lost_ops;
    device->kind = rom->kind;
    device->caps = rom->caps & ~(uint32_t)ESPOTA_CAP_DETAILS;
    device->payloads = rom->payloads;
    device->digest_kind = rom->digest_kind;
    device->info = rom->info;
}

enum { MOST_RELOADS = 2, RECOVERIES_PER_RATE = 3 };

/* A line on which the two lose each other this often is too fast. */
static int slow_down(struct stub *stub, struct espota_error *error)
{
    struct agent_client *client = &stub->client;
    uint32_t rate = client->rate ? client->rate : client->link->baud;
    if (++stub->recoveries <= RECOVERIES_PER_RATE || rate <= ESPOTA_ROM_INITIAL_BAUD)
        return 0;
    stub->recoveries = 0;
    espota_device_detail(&client->device, "the line is too noisy for %" PRIu32 " baud", rate);
    int result = client_set_rate(client, rom_next_rate_below(rate), error);
    return result == ESPOTA_ERR_UNSUPPORTED ? 0 : result;
}

/* Greet again; when nobody answers, begin where every connection begins. A stub that is lost again and again
 * is of no use. */
static int stub_recover(struct espota_device *device, struct espota_error *error)
{
    struct stub *stub = stub_of(device);
    int result = client_ops.recover(device, error);
    if (result == 0) {
        stub_adopt(stub);
        result = slow_down(stub, error);
    }
    if (result == 0 || result == ESPOTA_ERR_CANCELLED || !stub->info.chip)
        return result;
    espota_device_detail(device, "the stub is lost; loading the stub again");
    stub->rom->device.observer = device->observer;
    result = rom_return(stub->rom, error);
    if (result == ESPOTA_ERR_NO_DEVICE && !rom_can_reset(stub->rom))
        espota_device_note(device, "the stub is lost: reset the chip into download mode");
    if (result != 0)
        return result;
    if (++stub->reloads > MOST_RELOADS)
        (void)espota_fail(error, ESPOTA_ERR_DEVICE, "the stub on %s is lost again and again", device->name);
    else if (stub_start(stub, error) == 0)
        return 0;
    if (error->status == ESPOTA_ERR_CANCELLED)
        return (int)error->status;
    espota_device_note(device, "%s: going on with the ROM bootloader, which is slower", error->text);
    if (stub->rom->handed_over)
        result = rom_return(stub->rom, error);
    if (result == 0)
        become_rom(stub);
    return result;
}

/* ---- opening --------------------------------------------------------------------------------------------
 */

int stub_new(struct stub **stub, struct rom *rom, struct espota_error *error)
{
    const struct espota_agent_client_options options = { .quiet_ms = QUIET_MS,
                                                         .observer = rom->device.observer };
    struct stub *s = calloc(1, sizeof *s);
    if (!s)
        return espota_fail_memory(error, "connecting");
    int result = client_begin(&s->client, rom->link, &options, error);
    s->rom = rom;
    s->info = rom->device.info;
    s->ops = client_ops;
    s->ops.restart = stub_restart;
    s->ops.recover = stub_recover;
    s->ops.close = stub_close;
    s->client.device.ops = &s->ops;
    s->client.device.kind = "stub";
    s->client.device.app_stopped = true;
    s->client.device.found_so = rom->device.found_so;
    if (result == 0)
        *stub = s;
    else
        stub_free(s);
    return result;
}

void stub_free(struct stub *stub)
{
    client_end(&stub->client);
    free(stub);
}
