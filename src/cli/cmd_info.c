/* info: what is there: chip, flash, protection. */
#include "connect.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/hex.h"
#include "espota/size.h"

#include <inttypes.h>
#include <stdio.h>

struct options {
    struct connect_options connect;
};

/* By bit of the security info's flags. Source: esptool, esptool/loader.py, get_security_info. */
static const char *const flag_names[] = {
    "secure-boot",
    "aggressive-key-revoke",
    "secure-download",
    "key-0-revoked",
    "key-1-revoked",
    "key-2-revoked",
    "jtag-soft-disabled",
    "jtag-hard-disabled",
    "usb-disabled",
    "download-dcache-disabled",
    "download-icache-disabled",
};

enum { FLAGS = sizeof flag_names / sizeof flag_names[0] };

static const char *on_off(bool on)
{
    return on ? "on" : "off";
}

static void print_chip(const struct espota_device_info *info, const struct espota_chip_details *d)
{
    char mac[ESPOTA_MAC_TEXT];
    print("Chip:             %s", d->package[0] ? d->package : info->chip ? info->chip->name : "not known");
    if (d->package[0])
        print(", revision v%u.%u", d->revision / 100u, d->revision % 100u);
    print("\n");
    if (d->features[0])
        print("Features:         %s\n", d->features);
    if (d->crystal_mhz)
        print("Crystal:          %" PRIu32 " MHz\n", d->crystal_mhz);
    if (info->has_mac)
        print("MAC:              %s\n", espota_mac_text(info->mac, mac));
    if (info->firmware[0])
        print("Agent:            %s\n", info->firmware);
}

static void print_flash(const struct espota_device_info *info)
{
    char size[ESPOTA_SIZE_TEXT];
    const char *maker = espota_flash_maker(info->flash_id);
    if (info->flash_size)
        print("Flash:            %s", espota_size_text(info->flash_size, size));
    if (info->flash_size && info->flash_id)
        print(", maker %02" PRIx32 " (%s), device %02" PRIx32 "%02" PRIx32, info->flash_id & 0xff,
              maker ? maker : "unknown", info->flash_id >> 8 & 0xff, info->flash_id >> 16 & 0xff);
    if (info->flash_size)
        print("\n");
}

static void print_security(const struct espota_security *s)
{
    if (!s->known)
        return;
    print("Secure boot:      %s\n", on_off(s->secure_boot));
    print("Flash encryption: %s\n", on_off(s->flash_encryption));
    if (!s->has_flags)
        return;
    print("Secure download:  %s\n", on_off(s->secure_download));
    print("Security flags:   0x%08" PRIx32, s->flags);
    for (unsigned i = 0; i < FLAGS; i++)
        if (s->flags >> i & 1u)
            print(" %s", flag_names[i]);
    print("\nKey purposes:    ");
    for (size_t i = 0; i < sizeof s->key_purpose; i++)
        print(" %u", s->key_purpose[i]);
    print("\n");
}

static struct fields security_fields(const struct espota_security *s)
{
    struct fields fields = fields_begin();
    struct items names = items_begin(), purposes = items_begin();
    for (unsigned i = 0; i < FLAGS; i++)
        if (s->flags >> i & 1u)
            item_text(&names, flag_names[i]);
    for (size_t i = 0; s->has_flags && i < sizeof s->key_purpose; i++)
        item_number(&purposes, s->key_purpose[i]);
    field_flag(&fields, "secure_boot", s->secure_boot);
    field_flag(&fields, "flash_encryption", s->flash_encryption);
    field_flag(&fields, "secure_download", s->secure_download);
    field_number_if(&fields, "flags", s->has_flags, s->flags);
    field_list(&fields, "flag_names", names);
    field_list(&fields, "key_purposes", purposes);
    field_number(&fields, "flash_crypt_count", s->crypt_count);
    return fields;
}

static void add_chip(struct fields *to, const struct espota_device_info *info,
                     const struct espota_chip_details *d)
{
    char revision[16] = "";
    if (d->package[0])
        snprintf(revision, sizeof revision, "%u.%u", d->revision / 100u, d->revision % 100u);
    field_chip(to, "chip", info->chip);
    field_text_if_any(to, "package", d->package);
    field_text_if_any(to, "revision", revision);
    field_text_if_any(to, "features", d->features);
    field_number_if(to, "crystal_mhz", d->crystal_mhz > 0, d->crystal_mhz);
    field_mac(to, "mac", info);
}

static void add_flash(struct fields *to, const struct espota_device_info *info)
{
    uint8_t id[3] = { (uint8_t)info->flash_id, (uint8_t)(info->flash_id >> 8),
                      (uint8_t)(info->flash_id >> 16) };
    field_number_if(to, "flash_size", info->flash_size > 0, info->flash_size);
    field_bytes(to, "flash_id", info->flash_id ? id : NULL, sizeof id);
    field_text(to, "flash_maker", info->flash_id ? espota_flash_maker(info->flash_id) : NULL);
}

static struct fields info_document(const struct espota_device *device, const struct espota_chip_details *d)
{
    const struct espota_device_info *info = &device->info;
    struct fields document = device_document_begin(device->name);
    field_text(&document, "kind", device->kind);
    add_chip(&document, info, d);
    add_flash(&document, info);
    field_text_if_any(&document, "agent", info->firmware);
    if (info->security.known)
        field_object(&document, "security", security_fields(&info->security));
    else
        field_null(&document, "security");
    return document;
}

static int show(struct cli *cli, struct espota_device *device, struct espota_error *error)
{
    struct espota_chip_details details = { 0 };
    int result = 0;
    if (espota_device_can(device, ESPOTA_CAP_DETAILS) && !device->info.security.secure_download)
        result = espota_device_details(device, &details, error);
    if (result == 0 && cli->json)
        return set_device_result(cli, info_document(device, &details), error);
    if (result != 0)
        return result;
    print_chip(&device->info, &details);
    print_flash(&device->info);
    print_security(&device->info.security);
    return 0;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct espota_device *device = NULL;
    struct connect_options connect = o->connect;
    connect.no_flash = true;
    bool agent = o->connect.host || o->connect.key || o->connect.via;
    int result = agent ? connect_device(cli, &connect, VIA_ROM, &device, error)
                       : connect_to_look(cli, &connect, &device, error);
    if (result == 0)
        result = show(cli, device, error);
    return disconnect_device(device, result, error);
}

const struct command command_info = {
    .name = "info",
    .summary = "show chip, flash and what protects them",
    .usage = "",
    .description =
        "Asks the ROM (or the agent) which chip this is, its revision, features, crystal, MAC and flash, and "
        "whether\n"
        "secure boot or flash encryption are on.",
    .groups = { CONNECT_GROUPS(via_rom_option) },
    .options_size = sizeof(struct options),
    .run = run,
};
