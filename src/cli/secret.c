/* What holds a key is for its owner's eyes. */
#include "cli.h"

#include "espota/agent_settings.h"
#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/file.h"

#include <stddef.h>
#include <string.h>

void warn_about_readers(struct cli *cli, const char *path)
{
    if (espota_file_others_can_read(path))
        espota_ui_warn(&cli->ui, "others can read the key in %s: 'chmod 600 %s'", path, path);
}

/* The settings of a recovery agent follow the app description. */
static bool holds_key(const struct espota_bytes *image)
{
    const uint8_t *at = image->data + ESPOTA_SETTINGS_OFFSET;
    return image->size >= ESPOTA_SETTINGS_OFFSET + sizeof(struct espota_agent_settings) &&
           memcmp(at, ESPOTA_SETTINGS_MAGIC, sizeof ESPOTA_SETTINGS_MAGIC - 1) == 0 &&
           at[offsetof(struct espota_agent_settings, key_length)] != 0;
}

int write_image(const char *path, const struct espota_bytes *image, struct espota_error *error)
{
    return holds_key(image) ? espota_file_write_secret(path, image->data, image->size, error)
                            : espota_file_write(path, image->data, image->size, error);
}
