/* Files that place their bytes, merged; merged images, taken apart: the parts lie within, and merging what a
 * file placed and placing it again gives the same. */
#include "espota/file_kind.h"
#include "espota/image_details.h"
#include "espota/merged_image.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_apart(const uint8_t *data, size_t size)
{
    static struct espota_extract extract;
    struct espota_file about;
    struct espota_error error = { 0 };
    struct espota_image_details details;
    espota_file_examine(&about, data, size);
    if (about.kind == ESPOTA_FILE_APP || about.kind == ESPOTA_FILE_BOOTLOADER)
        espota_image_details(&details, &about.image, data, size);
    if (espota_extract(&extract, "x", &about, data, size, &error) != 0)
        return;
    for (unsigned i = 0; i < extract.count; i++) {
        const struct espota_extract_part *p = &extract.part[i];
        if (p->data < data || p->length > size - (size_t)(p->data - data) || strpbrk(p->name, "/\\") ||
            !p->name[0])
            abort();
    }
}

static void merge(const struct espota_bytes *file)
{
    struct espota_file about;
    struct espota_bytes store = { 0 }, hex = { 0 }, raw = { 0 };
    struct espota_merge_part *parts = NULL;
    struct espota_error error = { 0 };
    unsigned count = 0;
    espota_file_examine(&about, file->data, file->size);
    if (about.kind != ESPOTA_FILE_UF2 && about.kind != ESPOTA_FILE_INTEL_HEX)
        return;
    if (espota_merge_unpack(file, &about, "x", &store, &parts, &count, &error) == 0 && count > 0) {
        struct espota_merge_options options = { .format = ESPOTA_MERGE_HEX };
        if (espota_merge(parts, count, &options, &hex, &error) == 0) {
            options.format = ESPOTA_MERGE_UF2;
            (void)espota_merge(parts, count, &options, &raw, &error);
            struct espota_bytes again = { 0 };
            struct espota_merge_part *other = NULL;
            unsigned found = 0;
            espota_file_examine(&about, hex.data, hex.size);
            if (about.kind != ESPOTA_FILE_INTEL_HEX ||
                espota_merge_unpack(&hex, &about, "y", &again, &other, &found, &error) != 0 ||
                again.size != store.size)
                abort();
            espota_bytes_free(&again);
            free(other);
        }
    }
    espota_bytes_free(&store);
    espota_bytes_free(&hex);
    espota_bytes_free(&raw);
    free(parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct espota_bytes file = { (uint8_t *)(uintptr_t)data, size, size };
    take_apart(data, size);
    merge(&file);
    return 0;
}
