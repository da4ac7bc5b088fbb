/* PlatformIO's older builds leave the bootloader in the package of the framework. idedata.json, which IDEs
 * have it write, says where ("extra": {"flash_images": [{"offset", "path"}]}; platformio-core,
 * platformio/project). */
#include "flash_folder.h"

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/file.h"

#include <jansson.h>
#include <string.h>

/* Whatever it names is opened, but kept only if it is a bootloader. */
static void try_path(struct espota_flash_files *files, const char *path)
{
    struct espota_error error;
    if (!flash_is_file(path) || espota_flash_files_add(files, ESPOTA_FLASH_BOOTLOADER, path, &error) != 0)
        return;
    if (files->list[files->count - 1].file.kind != ESPOTA_FILE_BOOTLOADER)
        flash_files_drop(files, files->count - 1);
}

static void try_images(struct espota_flash_files *files, const json_t *root)
{
    const json_t *images = json_object_get(json_object_get(root, "extra"), "flash_images"), *image;
    size_t index;
    json_array_foreach(images, index, image)
    {
        const char *path = json_string_value(json_object_get(image, "path"));
        if (path && !espota_flash_files_get(files, ESPOTA_FLASH_BOOTLOADER))
            try_path(files, path);
    }
}

void flash_idedata_find_bootloader(struct espota_flash_files *files, const char *directory)
{
    char path[PATH_MAX];
    struct espota_bytes text = { 0 };
    struct espota_error error;
    if (espota_flash_files_get(files, ESPOTA_FLASH_BOOTLOADER) ||
        espota_flash_files_get(files, ESPOTA_FLASH_MERGED) || !flash_path(path, directory, "idedata.json") ||
        !flash_is_file(path) || espota_file_read(path, 16 << 20, &text, &error) != 0)
        return;
    json_t *root = json_loadb((const char *)text.data, text.size, 0, NULL);
    try_images(files, root);
    json_decref(root);
    espota_bytes_free(&text);
}
