#include "image_command.h"

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/file_kind.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/sign.h"

#include <string.h>

#define FIELD(member) offsetof(struct image_options, member)

static const struct option_spec option_table[] = {
    { "output", 'o', OPTION_TEXT, FIELD(output), "FILE",
      "write the image of an ELF file, or merged files, to FILE" },
    { "merge", 0, OPTION_FLAG, FIELD(merge), NULL, "merge ADDRESS FILE pairs into one file" },
    { "extract", 0, OPTION_TEXT, FIELD(extract), "DIR",
      "take a merged image apart: its parts as files in DIR" },
    { "swu", 0, OPTION_FLAG, FIELD(swu), NULL, "put an app image into an SWU archive, for update servers" },
    { "swu-version", 0, OPTION_TEXT, FIELD(swu_version), "VERSION",
      "what the archive calls its software (the app's version)" },
    { "pubkey", 0, OPTION_TEXT, FIELD(pubkey), "PEM", "check that the image is signed with this key" },
    { "chip", 'c', OPTION_TEXT, FIELD(chip), "CHIP", "esp32, esp32c3 ... (as the files say)" },
    { "format", 'f', OPTION_TEXT, FIELD(format), "FORMAT", "of merged files: raw, hex or uf2 (raw)" },
    { "target-offset", 't', OPTION_SIZE, FIELD(target_offset), "OFFSET",
      "raw: where in flash the merged file begins (0)" },
    { "pad-to-size", 0, OPTION_SIZE, FIELD(pad_to), "SIZE",
      "FF up to the end of a flash of SIZE; of an ELF file's image, up to a multiple of SIZE" },
    { "chunk-size", 0, OPTION_NUMBER, FIELD(chunk_size), "BYTES",
      "uf2: data in a block (all that it has room for)" },
    { "md5-disable", 0, OPTION_FLAG, FIELD(no_md5), NULL, "uf2: no MD5 in the blocks" },
    { "flash-mode", 0, OPTION_TEXT, FIELD(header.mode), "MODE",
      "in an image's header: qio, qout, dio or dout; merging: in the bootloader's (qio; merging: keep)" },
    { "flash-freq", 0, OPTION_TEXT, FIELD(header.frequency), "FREQ",
      "the same: 80m, 40m ... (the chip's code 0; merging: keep)" },
    { "flash-size", 0, OPTION_TEXT, FIELD(header.size), "SIZE",
      "the same: 1M, 2M, 4M ... (1M; merging: keep)" },
    { "min-rev-full", 0, OPTION_NUMBER, FIELD(min_revision), "N",
      "oldest chip revision that the image is for: 100 times major, plus minor (0)" },
    { "max-rev-full", 0, OPTION_NUMBER, FIELD(max_revision), "N", "newest one (65535: any)" },
    { "min-rev", 'r', OPTION_NUMBER, FIELD(oldest_revision), "N",
      "oldest one as bootloaders before ESP-IDF 4.4 read it (0)" },
    { "flash-mmu-page-size", 0, OPTION_SIZE, FIELD(page_size), "SIZE",
      "what the ELF file was linked for (as it says, or 64K)" },
    { "elf-sha256-offset", 0, OPTION_NUMBER, FIELD(hash_offset), "OFFSET",
      "where in the image the SHA-256 of the ELF file goes (into the app description)" },
    { "use-segments", 0, OPTION_FLAG, FIELD(segments), NULL,
      "go by the ELF file's segments, not its sections" },
    { "secure-pad", 0, OPTION_FLAG, FIELD(padding_v1), NULL,
      "leave room for a signature of secure boot V1 (ESP32)" },
    { "secure-pad-v2", 0, OPTION_FLAG, FIELD(padding_v2), NULL,
      "leave room for a signature of secure boot V2" },
    { "dont-append-digest", 0, OPTION_FLAG, FIELD(no_hash), NULL, "no SHA-256 behind the image" },
    { "ram-only-header", 0, OPTION_FLAG, FIELD(ram_only_header), NULL,
      "the ROM sees what goes into RAM alone; no SHA-256" },
    OPTION_END,
};

static int check_owner(const char *pubkey, const char *name, const struct espota_bytes *bytes,
                       struct espota_error *error)
{
    struct espota_signer *owner = NULL;
    int result = espota_signer_load(&owner, pubkey, false, error);
    if (result == 0)
        result = espota_sign_check_image(owner, name, bytes, error);
    espota_signer_free(owner);
    return result;
}

/* What is wrong with it, or whose it is. */
static int judge(const struct image_options *o, const char *name, enum espota_image_verdict verdict,
                 const struct espota_image *image, const struct espota_bytes *bytes,
                 struct espota_error *error)
{
    char words[ESPOTA_FILE_WORDS];
    if (verdict != ESPOTA_IMAGE_OK)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s: %s", name,
                           espota_image_fault_words(verdict, image, bytes->data, bytes->size, words));
    return o->pubkey ? check_owner(o->pubkey, name, bytes, error) : 0;
}

static int show(struct cli *cli, const struct image_options *o, const char *name,
                const struct espota_bytes *bytes, struct espota_error *error)
{
    struct espota_image image;
    enum espota_image_verdict verdict = espota_image_examine_memory(&image, bytes->data, bytes->size);
    int result = judge(o, name, verdict, &image, bytes, error);
    if (cli->json && result == 0)
        return set_result(cli, image_document(&image, bytes), error);
    if (!cli->json && verdict != ESPOTA_IMAGE_NO_MAGIC && verdict != ESPOTA_IMAGE_READ_FAILED &&
        bytes->size > 0)
        image_print(name, &image, bytes);
    return result;
}

/* The image of an ELF file into a file. */
static int convert(struct cli *cli, const struct image_options *o, const char *name,
                   struct espota_bytes *bytes, struct espota_error *error)
{
    struct fields document = document_begin();
    field_text(&document, "output", o->output);
    int result = image_make(cli, o, name, bytes, &document, error);
    if (result == 0)
        result = espota_file_write(o->output, bytes->data, bytes->size, error);
    if (result == 0 && cli->json)
        return set_result(cli, document, error);
    fields_free(&document);
    return result;
}

static int work_on(struct cli *cli, const struct image_options *o, const char *name,
                   struct espota_bytes *bytes, struct espota_error *error)
{
    struct espota_file about;
    char words[ESPOTA_FILE_WORDS];
    if (o->extract)
        return image_extract(cli, o, name, bytes, error);
    if (o->swu)
        return image_swu(cli, o, name, bytes, error);
    espota_file_examine(&about, bytes->data, bytes->size);
    if (o->output && about.kind != ESPOTA_FILE_ELF)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s: an image is made of an ELF file, but it is %s",
                           name, espota_file_words(&about, words));
    if (o->output)
        return convert(cli, o, name, bytes, error);
    int result = about.kind == ESPOTA_FILE_ELF ? image_make(cli, o, name, bytes, NULL, error) : 0;
    return result ? result : show(cli, o, name, bytes, error);
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct image_options *o = options;
    struct espota_bytes bytes = { 0 };
    if (o->merge + (o->extract != NULL) + o->swu > 1)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--merge, --extract and --swu contradict each other");
    if (to_stdout(o->output) && cli->json)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--json and the data cannot both go to standard output");
    if (o->merge)
        return image_merge(cli, o, error);
    if (cli->argument_count > 1)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "one FILE at a time; with --merge, pairs of ADDRESS and FILE");
    int result = espota_file_read(cli->arguments[0], IMAGE_LARGEST_FILE, &bytes, error);
    if (result == 0)
        result = work_on(cli, o, cli->arguments[0], &bytes, error);
    espota_bytes_free(&bytes);
    return result;
}

const struct command command_image = {
    .name = "image",
    .summary = "show and check an image; make one of an ELF file; merge, extract, archive",
    .usage =
        "FILE | ELF -o FILE | --merge -o FILE ADDRESS FILE... | --extract DIR FILE | --swu -o FILE IMAGE",
    .description =
        "Shows chip, segments, entry, flash settings, checksum and SHA-256 verdicts, and the app "
        "description.\n"
        "Exit status 4 when the image is broken, or not signed with the key of --pubkey. '-' reads standard "
        "input.\n"
        "With --output, makes the image of an ELF file, as esptool's elf2image does. --merge puts files into "
        "one\n"
        "as they lie in flash, as esptool's merge-bin does; --extract takes such a file apart.",
    .options = option_table,
    .options_size = sizeof(struct image_options),
    .min_arguments = 1,
    .max_arguments = 128,
    .run = run,
};
