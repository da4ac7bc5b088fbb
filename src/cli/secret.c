/* What holds a key is for its owner's eyes. */
#include "cli.h"

#include "espota/agent_settings.h"
#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/file.h"

void warn_about_readers(struct cli *cli, const char *path)
{
    if (espota_file_others_can_read(path))
        espota_ui_warn(&cli->ui, "others can read %s: 'chmod 600 %s'", path, path);
}

int write_image(const char *path, const struct espota_bytes *image, struct espota_error *error)
{
    return espota_settings_hold_key(image->data, image->size)
               ? espota_file_write_secret(path, image->data, image->size, error)
               : espota_file_write(path, image->data, image->size, error);
}
