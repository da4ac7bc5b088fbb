#include "espota/chip.h"
#include "espota/error.h"
#include "espota/file_kind.h"
#include "espota/image.h"
#include "espota/image_file.h"

#include <stdio.h>
#include <string.h>

void espota_file_examine(struct espota_file *file, const void *data, size_t size)
{
    struct espota_file_chip chips[32];
    unsigned count = 0;
    for (; count < sizeof chips / sizeof chips[0] && espota_chips[count]; count++)
        chips[count] = espota_chip_file_facts(espota_chips[count]);
    espota_file_recognise(file, data, size, chips, count);
}

struct espota_file_chip espota_chip_file_facts(const struct espota_chip *chip)
{
    struct espota_file_chip facts = { .name = chip->name,
                                      .image_id = chip->image_id,
                                      .bootloader_offset = chip->bootloader_offset,
                                      .uf2_family = chip->uf2_family };
    memcpy(facts.loader, chip->loader, sizeof facts.loader);
    return facts;
}

const char *espota_image_fault_words(enum espota_image_verdict verdict, const struct espota_image *image,
                                     const void *data, size_t size, char text[ESPOTA_FILE_WORDS])
{
    struct espota_file file;
    char words[ESPOTA_FILE_WORDS];
    espota_file_examine(&file, data, size);
    if (file.kind == ESPOTA_FILE_DATA || file.kind == ESPOTA_FILE_APP ||
        file.kind == ESPOTA_FILE_BOOTLOADER ||
        (verdict != ESPOTA_IMAGE_NO_MAGIC && file.kind != ESPOTA_FILE_ESP8266 &&
         file.kind != ESPOTA_FILE_EMPTY))
        return espota_image_verdict_text(verdict, image, text);
    snprintf(text, ESPOTA_FILE_WORDS, "it is %.240s", espota_file_words(&file, words));
    return text;
}

int espota_file_check_table(const struct espota_file *file, const char *name, struct espota_error *error)
{
    char words[ESPOTA_FILE_WORDS];
    switch (file->kind) {
    case ESPOTA_FILE_DATA:
    case ESPOTA_FILE_EMPTY: /* CSV without a line */
    case ESPOTA_FILE_BLANK:
    case ESPOTA_FILE_TABLE:
    case ESPOTA_FILE_TABLE_CSV:
    case ESPOTA_FILE_TEXT:
        return 0;
    default:
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no partition table: it is %s", name,
                           espota_file_words(file, words));
    }
}
