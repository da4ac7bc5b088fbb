/* image --merge: files at their places in flash, in one. */
#include "image_command.h"

#include "espota/error.h"
#include "espota/file.h"
#include "espota/flash_files.h"
#include "espota/merged_image.h"
#include "espota/size.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct source {
    const char *name;
    struct espota_bytes bytes, placed;
    struct espota_file about;
};

struct merger {
    struct cli *cli;
    const struct image_options *options;
    const struct espota_chip *chip; /* of --chip, or of the first file that says one */
    struct source *source;
    unsigned sources;
    struct espota_merge_part *part;
    unsigned parts;
    struct espota_error *error;
};

static int check_options(const struct image_options *o, struct espota_merge_options *merge,
                         struct espota_error *error)
{
    static const char *const formats[] = { "raw", "bin", "hex", "uf2" };
    static const enum espota_merge_format kinds[] = { ESPOTA_MERGE_RAW, ESPOTA_MERGE_RAW, ESPOTA_MERGE_HEX,
                                                      ESPOTA_MERGE_UF2 };
    size_t i = 0;
    for (; o->format && i < 4 && strcmp(o->format, formats[i]) != 0;)
        i++;
    if (i == 4)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--format '%s': use raw, hex or uf2", o->format);
    merge->format = kinds[i];
    merge->target_offset = o->target_offset.value;
    merge->pad_to = o->pad_to.value;
    merge->chunk_size = o->chunk_size.value;
    merge->no_md5 = o->no_md5;
    if (o->chunk_size.given && o->chunk_size.value == 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--chunk-size takes a number from 1 on");
    return espota_flash_header_check(&o->header, error);
}

/* Intel HEX and UF2 go where they say; what is given with them does not count. */
static int add_parts(struct merger *m, struct source *s, uint32_t offset)
{
    if (s->about.kind == ESPOTA_FILE_INTEL_HEX || s->about.kind == ESPOTA_FILE_UF2)
        return espota_merge_unpack(&s->bytes, &s->about, s->name, &s->placed, &m->part, &m->parts, m->error);
    struct espota_merge_part *grown = realloc(m->part, (m->parts + 1) * sizeof *grown);
    if (!grown)
        return espota_fail_memory(m->error, "merging files");
    m->part = grown;
    grown[m->parts++] = (struct espota_merge_part){ s->name, offset, s->bytes.data, s->bytes.size };
    return 0;
}

static int take_source(struct merger *m, struct source *s, const char *address, const char *path)
{
    uint32_t offset = 0;
    s->name = path;
    if (!espota_size_parse(address, &offset))
        return espota_fail(m->error, ESPOTA_ERR_USAGE,
                           "'%s' is no address: give ADDRESS FILE pairs, such as 0x10000 app.bin", address);
    int result = espota_file_read(path, IMAGE_LARGEST_FILE, &s->bytes, m->error);
    if (result != 0)
        return result;
    espota_file_examine(&s->about, s->bytes.data, s->bytes.size);
    if (s->about.kind == ESPOTA_FILE_ELF) {
        result = image_make(m->cli, m->options, path, &s->bytes, NULL, m->error);
        espota_file_examine(&s->about, s->bytes.data, s->bytes.size);
    }
    if (!m->chip && s->about.has_chip)
        m->chip = espota_chip_by_image_id(s->about.chip.image_id);
    return result ? result : add_parts(m, s, offset);
}

/* Flash settings go into the header of the bootloader, which lies where its chip has it. */
static int set_header(struct merger *m)
{
    const struct espota_flash_header *h = &m->options->header;
    struct espota_flash_notes *notes = calloc(1, sizeof *notes);
    int result = notes ? 0 : espota_fail_memory(m->error, "merging files");
    bool any = h->mode || h->size || h->frequency;
    for (unsigned i = 0; result == 0 && any && m->chip && i < m->sources; i++) {
        struct source *s = &m->source[i];
        for (unsigned k = 0; result == 0 && k < m->parts; k++)
            if (m->part[k].data == s->bytes.data && m->part[k].offset == m->chip->bootloader_offset)
                result =
                    espota_flash_header_apply(h, m->chip, 0, s->bytes.data, s->bytes.size, notes, m->error);
    }
    for (unsigned i = 0; notes && i < notes->count; i++)
        espota_ui_say(&m->cli->ui, "note: %s", notes->note[i].text);
    free(notes);
    return result;
}

static int set_merge_result(struct merger *m, const struct espota_bytes *out, uint32_t target_offset)
{
    struct fields document = document_begin();
    struct items parts = items_begin();
    for (unsigned i = 0; i < m->parts; i++) {
        struct fields fields = fields_begin();
        field_text(&fields, "file", m->part[i].name);
        field_number(&fields, "offset", m->part[i].offset);
        field_number(&fields, "size", (int64_t)m->part[i].size);
        item_object(&parts, fields);
    }
    field_text(&document, "output", m->options->output);
    field_chip(&document, "chip", m->chip);
    field_number(&document, "size", (int64_t)out->size);
    field_number(&document, "offset", target_offset);
    field_list(&document, "parts", parts);
    return set_result(m->cli, document, m->error);
}

static int finish(struct merger *m, struct espota_merge_options *merge)
{
    struct espota_bytes out = { 0 };
    if (merge->format == ESPOTA_MERGE_UF2 && !m->chip)
        return espota_fail_hint(m->error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NAME_CHIP,
                                "a UF2 file says which chip it is for, and none of these files does");
    merge->family = m->chip ? m->chip->uf2_family : 0;
    int result = espota_merge(m->part, m->parts, merge, &out, m->error);
    if (result == 0)
        result = espota_file_write(m->options->output, out.data, out.size, m->error);
    if (result == 0 && merge->format == ESPOTA_MERGE_RAW)
        espota_ui_say(&m->cli->ui, "Merged into %s: %zu bytes, for flash from 0x%" PRIx32 " on",
                      m->options->output, out.size, merge->target_offset);
    else if (result == 0)
        espota_ui_say(&m->cli->ui, "Merged into %s: %zu bytes, which say where in flash they go",
                      m->options->output, out.size);
    if (result == 0 && m->cli->json)
        result = set_merge_result(m, &out, merge->target_offset);
    espota_bytes_free(&out);
    return result;
}

static int merge_all(struct merger *m)
{
    struct cli *cli = m->cli;
    struct espota_merge_options merge = { 0 };
    int result = check_options(m->options, &merge, m->error);
    if (result == 0)
        result = image_chip(m->options, &m->chip, m->error);
    for (int i = 0; result == 0 && i + 1 < cli->argument_count; i += 2)
        result = take_source(m, &m->source[m->sources++], cli->arguments[i], cli->arguments[i + 1]);
    if (result == 0)
        result = set_header(m);
    return result ? result : finish(m, &merge);
}

int image_merge(struct cli *cli, const struct image_options *o, struct espota_error *error)
{
    struct merger m = { .cli = cli, .options = o, .error = error };
    if (!o->output)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--merge makes a file: give its name with --output");
    if (cli->argument_count < 2 || cli->argument_count % 2 != 0)
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--merge takes pairs of ADDRESS and FILE, such as 0x1000 bootloader.bin 0x10000 app.bin");
    m.source = calloc((size_t)cli->argument_count, sizeof *m.source);
    int result = m.source ? merge_all(&m) : espota_fail_memory(error, "merging files");
    for (unsigned i = 0; i < m.sources; i++) {
        espota_bytes_free(&m.source[i].bytes);
        espota_bytes_free(&m.source[i].placed);
    }
    free(m.source);
    free(m.part);
    return result;
}
