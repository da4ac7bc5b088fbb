#include "devices_csv.h"

#include "espota/buffer.h"
#include "espota/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_TEXT = 128, TAG_TEXT = 80 };

struct row {
    char name[NAME_TEXT], address[ADDRESS_TEXT];
    const struct espota_found_device *device;
};

/* ---- which ----------------------------------------------------------------------------------------------
 */

static const struct row *with_name(const struct row *rows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static const struct row *with_address(const struct row *rows, size_t count, const char *address)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].address, address) == 0)
            return &rows[i];
    return NULL;
}

/* A list passes over what begins with '#'. */
static void name_row(struct row *row, const struct row *before, size_t count)
{
    char clean[sizeof row->device->name];
    snprintf(clean, sizeof clean, "%s", *row->device->name ? row->device->name : "?");
    espota_ui_clean(clean);
    if (clean[0] == '#')
        clean[0] = '?';
    snprintf(row->name, sizeof row->name, "%s", clean);
    for (size_t i = 2; with_name(before, count, row->name); i++)
        snprintf(row->name, sizeof row->name, "%s (%zu)", clean, i);
}

/* Whoever announces somebody else's address must not keep that one from being reached. */
static size_t choose_rows(struct cli *cli, const struct espota_found_devices *found, struct row *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < found->count; i++) {
        struct row *row = &rows[count];
        row->device = &found->device[i];
        if (!espota_found_device_address(row->device, row->address, sizeof row->address))
            continue;
        const struct row *same = with_address(rows, count, row->address);
        if (same)
            espota_ui_warn(&cli->ui, "'%s' and '%s' announce one address, %s: it is listed once", same->name,
                           row->device->name, row->address);
        else
            name_row(&rows[count], rows, count), count++;
    }
    return count;
}

/* ---- CSV ------------------------------------------------------------------------------------------------
 */

static int put(struct espota_bytes *csv, const char *text, struct espota_error *error)
{
    return espota_bytes_append(csv, text, strlen(text), error);
}

/* RFC 4180. Of a stranger's text no more than its harmless characters. */
static int put_field(struct espota_bytes *csv, const char *text, const char *end, struct espota_error *error)
{
    char clean[NAME_TEXT];
    snprintf(clean, sizeof clean, "%s", text);
    espota_ui_clean(clean);
    bool quoted = strpbrk(clean, ",\"") || clean[0] == ' ';
    int result = quoted ? put(csv, "\"", error) : 0;
    for (const char *c = clean; result == 0 && *c; c++)
        result = espota_bytes_append(csv, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1, error);
    if (result == 0 && quoted)
        result = put(csv, "\"", error);
    return result ? result : put(csv, end, error);
}

/* Tags are separated by blanks. */
static void tags_of(const struct espota_found_device *d, char tags[2 * TAG_TEXT])
{
    char project[TAG_TEXT], chip[TAG_TEXT];
    snprintf(project, sizeof project, "%s", d->project);
    snprintf(chip, sizeof chip, "%s", d->chip);
    for (char *c = project; *c; c++)
        *c = *c == ' ' ? '_' : *c;
    for (char *c = chip; *c; c++)
        *c = *c == ' ' ? '_' : *c;
    snprintf(tags, 2 * TAG_TEXT, "%s%s%s", project, *project && *chip ? " " : "", chip);
}

static int put_row(struct espota_bytes *csv, const struct row *row, struct espota_error *error)
{
    const struct espota_found_device *d = row->device;
    char tags[2 * TAG_TEXT];
    tags_of(d, tags);
    const char *const fields[] = {
        row->name, row->address, "", tags, d->chip, d->project, d->version, d->id
    };
    size_t count = sizeof fields / sizeof fields[0];
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++)
        result = put_field(csv, fields[i], i + 1 < count ? "," : "\n", error);
    return result;
}

int print_device_list(struct cli *cli, const struct espota_found_devices *found, struct espota_error *error)
{
    struct espota_bytes csv = { 0 };
    struct row *rows = calloc(found->count + 1, sizeof *rows);
    if (!rows)
        return espota_fail_memory(error, "listing devices");
    size_t count = choose_rows(cli, found, rows);
    int result = put(&csv, "name,address,key,tags,chip,project,version,id\n", error);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = put_row(&csv, &rows[i], error);
    if (result == 0)
        print_csv(&csv);
    espota_bytes_free(&csv);
    free(rows);
    return result;
}
