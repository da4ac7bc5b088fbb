/* What a file is, by its content: any bytes get one kind, with words for it. */
#include "espota/chip.h"
#include "espota/file_kind.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct espota_file file;
    char words[ESPOTA_FILE_WORDS];
    espota_file_examine(&file, data, size);
    if (file.kind >= ESPOTA_FILE_KINDS || !espota_file_kind_name(file.kind) ||
        strlen(espota_file_words(&file, words)) == 0)
        abort();
    if (file.kind == ESPOTA_FILE_MERGED &&
        (file.merged.bootloader >= size || file.merged.table >= size || file.merged.app >= size))
        abort();
    if (file.kind == ESPOTA_FILE_BOOTLOADER && !espota_image_overlaps_loader(&file.image, &file.chip))
        abort();
    return 0;
}
