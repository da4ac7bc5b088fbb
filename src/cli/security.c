/* Chips that strangers are kept out of, and we with them. */
#include "connect.h"

#include "espota/device.h"
#include "espota/error.h"

int check_security(struct cli *cli, const struct espota_device *device, bool force,
                   struct espota_error *error)
{
    const struct espota_security *s = &device->info.security;
    if (!s->secure_boot && !s->flash_encryption)
        return 0;
    const char *what = s->secure_boot && s->flash_encryption
                           ? "boots only signed images and its flash is encrypted"
                       : s->secure_boot ? "boots only signed images (secure boot)"
                                        : "has its flash encrypted: plain data would not be understood";
    if (!force)
        return espota_fail(
            error, ESPOTA_ERR_REFUSED,
            "refused to write to %s: the chip %s, and may never start again; --force writes anyway",
            device->name, what);
    espota_ui_warn(&cli->ui, "the chip %s; writing anyway, as --force says", what);
    return 0;
}
