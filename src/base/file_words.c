/* Words for what a file is. */
#include "espota/error.h"
#include "espota/file_kind.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/table_file.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    const char *name, *text; /* text NULL: it depends on the facts */
} kinds[ESPOTA_FILE_KINDS] = {
    [ESPOTA_FILE_DATA] = { "data", "data of no known kind" },
    [ESPOTA_FILE_EMPTY] = { "empty", "empty" },
    [ESPOTA_FILE_BLANK] = { "blank", "blank: nothing but FF" },
    [ESPOTA_FILE_APP] = { "app", NULL },
    [ESPOTA_FILE_BOOTLOADER] = { "bootloader", NULL },
    [ESPOTA_FILE_MERGED] = { "merged", NULL },
    [ESPOTA_FILE_ESP8266] = { "esp8266", "an image for the ESP8266, another family of chips" },
    [ESPOTA_FILE_MCUBOOT] = { "mcuboot", "an image for the MCUboot bootloader (Zephyr), which ESP-IDF's does "
                                         "not start" },
    [ESPOTA_FILE_TABLE] = { "table", "a binary partition table" },
    [ESPOTA_FILE_TABLE_CSV] = { "table-csv", "a partition table as CSV text" },
    [ESPOTA_FILE_OTADATA] = { "otadata", "otadata: which app slot boots" },
    [ESPOTA_FILE_NVS] = { "nvs", "the content of an NVS partition" },
    [ESPOTA_FILE_FAT] = { "fat", "a FAT file system" },
    [ESPOTA_FILE_LITTLEFS] = { "littlefs", "a LittleFS file system" },
    [ESPOTA_FILE_SPIFFS] = { "spiffs", "a SPIFFS file system" },
    [ESPOTA_FILE_ELF] = { "elf", NULL },
    [ESPOTA_FILE_INTEL_HEX] = { "intel-hex", "an Intel HEX file" },
    [ESPOTA_FILE_UF2] = { "uf2", NULL },
    [ESPOTA_FILE_HTML] = { "html",
                           "an HTML page: the server probably answered with an error page or a login page" },
    [ESPOTA_FILE_XML] = { "xml", "an XML document: the server probably answered with an error message" },
    [ESPOTA_FILE_JSON] = { "json", "JSON text" },
    [ESPOTA_FILE_PEM] = { "pem", "a key or certificate (PEM)" },
    [ESPOTA_FILE_TEXT] = { "text", "plain text" },
    [ESPOTA_FILE_GZIP] = { "gzip", "compressed with gzip: unpack it first" },
    [ESPOTA_FILE_ZIP] = { "zip", "a ZIP archive: unpack it first" },
    [ESPOTA_FILE_XZ] = { "xz", "compressed with xz: unpack it first" },
    [ESPOTA_FILE_BZIP2] = { "bzip2", "compressed with bzip2: unpack it first" },
    [ESPOTA_FILE_ZSTD] = { "zstd", "compressed with zstd: unpack it first" },
    [ESPOTA_FILE_TAR] = { "tar", "a tar archive: unpack it first" },
};

const char *espota_file_kind_name(enum espota_file_kind kind)
{
    return kinds[kind].name;
}

/* " for the ESP32-C3", " for an unknown chip (id 77)". */
static const char *for_chip(const struct espota_file *file, char text[64])
{
    if (file->has_chip)
        snprintf(text, 64, " for the %s", file->chip.name);
    else
        snprintf(text, 64, " for an unknown chip (id %u)", file->image.chip_id);
    return text;
}

static void describe_image(const struct espota_file *file, const char *what, char text[ESPOTA_FILE_WORDS])
{
    char chip[64], fault[ESPOTA_PROBLEM_TEXT];
    int used = snprintf(text, ESPOTA_FILE_WORDS, "%s%s", what, for_chip(file, chip));
    if (file->image_verdict != ESPOTA_IMAGE_OK)
        snprintf(text + used, ESPOTA_FILE_WORDS - (size_t)used, ", but damaged: %s",
                 espota_image_verdict_text(file->image_verdict, &file->image, fault));
}

static void describe_merged(const struct espota_file *file, char text[ESPOTA_FILE_WORDS])
{
    char chip[64];
    const char *parts[3], *between[] = { "", " and ", ", " };
    unsigned count = 0;
    if (file->merged.has_bootloader)
        parts[count++] = "bootloader";
    if (file->merged.has_table)
        parts[count++] = "partition table";
    if (file->merged.has_app)
        parts[count++] = "app";
    int used =
        snprintf(text, ESPOTA_FILE_WORDS, "a merged image%s (", file->has_chip ? for_chip(file, chip) : "");
    for (unsigned i = 0; i < count; i++)
        used += snprintf(text + used, ESPOTA_FILE_WORDS - (size_t)used, "%s%s",
                         i == 0 ? "" : between[count - i < 3 ? count - i : 2], parts[i]);
    snprintf(text + used, ESPOTA_FILE_WORDS - (size_t)used, " in one file, for flash from 0x%" PRIx32 " on)",
             file->merged.flash_offset);
}

static void describe_elf(const struct espota_file *file, char text[ESPOTA_FILE_WORDS])
{
    const char *machine = file->elf_machine == 94    ? " for an Xtensa chip"
                          : file->elf_machine == 243 ? " for a RISC-V chip"
                                                     : "";
    snprintf(text, ESPOTA_FILE_WORDS, "an ELF file%s, the linker's output", machine);
}

static void describe_uf2(const struct espota_file *file, char text[ESPOTA_FILE_WORDS])
{
    if (file->has_chip)
        snprintf(text, ESPOTA_FILE_WORDS, "a UF2 file for the %s", file->chip.name);
    else if (file->uf2_family)
        snprintf(text, ESPOTA_FILE_WORDS, "a UF2 file for another family of chips (0x%08" PRIx32 ")",
                 file->uf2_family);
    else
        snprintf(text, ESPOTA_FILE_WORDS, "a UF2 file for no particular chip");
}

const char *espota_file_words(const struct espota_file *file, char text[ESPOTA_FILE_WORDS])
{
    switch (file->kind) {
    case ESPOTA_FILE_APP:
        describe_image(file, "an app image", text);
        break;
    case ESPOTA_FILE_BOOTLOADER:
        describe_image(file, "a second-stage bootloader", text);
        break;
    case ESPOTA_FILE_MERGED:
        describe_merged(file, text);
        break;
    case ESPOTA_FILE_ELF:
        describe_elf(file, text);
        break;
    case ESPOTA_FILE_UF2:
        describe_uf2(file, text);
        break;
    default:
        snprintf(text, ESPOTA_FILE_WORDS, "%s", kinds[file->kind].text);
    }
    return text;
}

int espota_file_check_app(const struct espota_file *file, const char *name, struct espota_error *error)
{
    char words[ESPOTA_FILE_WORDS];
    if (file->kind == ESPOTA_FILE_APP)
        return 0;
    return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no app: it is %s", name,
                       espota_file_words(file, words));
}
