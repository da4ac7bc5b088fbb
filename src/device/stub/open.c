/* The ROM, then the stub, then whichever of them serves. */
#include "stub.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

static int back_to_rom(struct rom *rom, struct espota_error *error)
{
    enum { SYNCS = 10 };
    int result = ESPOTA_ERR_TIMEOUT;
    rom_drain(rom);
    for (int i = 0; !rom->handed_over && result == ESPOTA_ERR_TIMEOUT && i < SYNCS; i++)
        result = rom_sync(rom, error);
    return result == ESPOTA_ERR_TIMEOUT ? rom_return(rom, error) : result;
}

/* The stub does not serve; `why` not. Where no line resets the chip, only its owner can. */
static int fall_back(struct rom *rom, const struct espota_error *why, struct espota_error *error)
{
    espota_device_note(&rom->device, "%s: going on with the ROM bootloader, which is slower", why->text);
    int result = back_to_rom(rom, error);
    if (result == ESPOTA_ERR_NO_DEVICE && !rom_can_reset(rom))
        return espota_fail_hint(
            error, ESPOTA_ERR_NO_DEVICE, ESPOTA_HINT_NO_STUB,
            "the stub does not start on %s, and the ROM bootloader does not answer any more: "
            "reset the chip into download mode",
            rom->link->name);
    return result;
}

/* A protected chip gets none: so a stub that an earlier run left is on a chip that nothing protects. */
static bool wants_stub(const struct rom *rom)
{
    const struct espota_security *s = &rom->device.info.security;
    return !s->secure_download && !s->secure_boot && !s->flash_encryption && !rom_on_usb_otg(rom) &&
           espota_stub_image(rom->device.info.chip);
}

/* On a ROM that answers. `*device` stays as it is where the ROM serves on. */
static int load_stub(struct espota_device **device, struct rom *rom, struct espota_error *error)
{
    struct espota_error why = { 0 };
    struct stub *stub = NULL;
    int result = rom_clear_force_download(rom, error);
    if (result == 0)
        result = stub_new(&stub, rom, error);
    if (result != 0)
        return result;
    result = stub_start(stub, &why);
    if (result == 0) {
        *device = &stub->client.device;
        return 0;
    }
    stub_free(stub);
    if (result == ESPOTA_ERR_CANCELLED) {
        *error = why;
        return result;
    }
    return fall_back(rom, &why, error);
}

static int wrong_chip(const struct rom *rom, struct espota_error *error)
{
    return espota_fail_hint(error, ESPOTA_ERR_USAGE, ESPOTA_HINT_CHIP, "the chip on %s is an %s, not an %s",
                            rom->link->name, rom->device.info.chip->name, rom->options.chip->name);
}

/* One that an earlier run left. What the ROM would have told is not known, but for what the stub says. */
static int take_running(struct espota_device **device, struct rom *rom, struct espota_error *error)
{
    struct stub *stub = NULL;
    int result = stub_new(&stub, rom, error);
    if (result == 0)
        result = stub_find(stub, error);
    if (result != 0) {
        if (stub)
            stub_free(stub);
        return result;
    }
    const struct espota_chip *chip = stub->client.device.info.chip, *wanted = rom->options.chip;
    rom->device.info.chip = chip;
    rom->handed_over = true;
    espota_device_note(&stub->client.device, "a stub runs on %s already", rom->link->name);
    if (!wanted || wanted == chip)
        result = stub_raise_rate(stub, error);
    else
        result = wrong_chip(rom, error);
    if (result == 0)
        *device = &stub->client.device;
    else
        stub_free(stub);
    return result;
}

/* Where nothing resets the chip, a ROM that does not answer at first may have been left for a stub. */
static int connect(struct espota_device **device, struct rom *rom, struct espota_error *error)
{
    unsigned attempts = rom->options.attempts;
    if (rom_can_reset(rom))
        return rom_connect(rom, error);
    rom->options.attempts = 1;
    int result = rom_connect(rom, error);
    rom->options.attempts = attempts;
    if (result != ESPOTA_ERR_NO_DEVICE)
        return result;
    result = take_running(device, rom, error);
    return result == 0 || result == ESPOTA_ERR_CANCELLED || result == ESPOTA_ERR_USAGE
               ? result
               : rom_connect(rom, error);
}

int espota_stub_open(struct espota_device **device, struct espota_link *link,
                     const struct espota_stub_options *options, struct espota_error *error)
{
    struct rom *rom = NULL;
    struct espota_device *running = NULL, *loaded = NULL;
    int result = rom_new(&rom, link, &options->rom, error);
    if (result != 0)
        return result;
    result = connect(&running, rom, error);
    if (result == 0 && !running)
        result = rom_begin(rom, error);
    if (result == 0 && !running && !options->only_if_running && wants_stub(rom))
        result = load_stub(&loaded, rom, error);
    if (result != 0)
        return rom_give_up(rom, result);
    *device = running ? running : loaded ? loaded : &rom->device;
    if (running || loaded)
        client_of(*device)->options.streams = options->streams;
    return 0;
}
