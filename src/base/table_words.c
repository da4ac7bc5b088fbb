/* A sentence for each problem of a table. */
#include "espota/error.h"
#include "espota/nearest.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <inttypes.h>
#include <stdio.h>

/* ota_0 to ota_15 are one word. */
static void describe_subtypes(const struct espota_table_problem *p, char *text, size_t room)
{
    uint8_t type = (uint8_t)p->value[0];
    const char *type_name = espota_type_name(type), *separator = ": name ";
    int used = snprintf(text, room, "'%s' is neither a number nor a subtype of %s", p->token,
                        type_name ? type_name : "its type");
    for (unsigned i = 0; i <= UINT8_MAX && used >= 0 && (size_t)used < room; i++) {
        const char *name = espota_subtype_name(type, (uint8_t)i);
        if (!name || (type == ESPOTA_TYPE_APP && i > ESPOTA_APP_OTA_0 && i <= ESPOTA_APP_OTA_15))
            continue;
        used += snprintf(text + used, room - (size_t)used, "%s%s%s", separator, name,
                         type == ESPOTA_TYPE_APP && i == ESPOTA_APP_OTA_0 ? " .. ota_15" : "");
        separator = ", ";
    }
}

static void describe_csv(const struct espota_table_problem *p, char *text, size_t room)
{
    switch (p->fault) {
    case ESPOTA_TABLE_UNKNOWN_VARIABLE:
        snprintf(text, room, "unknown variable '%s': set it in the environment", p->token);
        break;
    case ESPOTA_TABLE_EMPTY_TYPE:
        snprintf(text, room, "the type of '%s' is empty: name app, data or a number", p->label);
        break;
    case ESPOTA_TABLE_EMPTY_APP_SUBTYPE:
        snprintf(text, room,
                 "the subtype of app partition '%s' is empty: name factory, ota_0 .. ota_15 or test",
                 p->label);
        break;
    case ESPOTA_TABLE_EMPTY_SIZE:
        snprintf(text, room, "the size of '%s' is empty", p->label);
        break;
    case ESPOTA_TABLE_BAD_VALUE:
        snprintf(text, room, "'%s' is no number", p->token);
        break;
    case ESPOTA_TABLE_UNKNOWN_TYPE:
        snprintf(text, room,
                 "'%s' is neither a number nor a type: name app, data, bootloader or partition_table",
                 p->token);
        break;
    case ESPOTA_TABLE_UNKNOWN_SUBTYPE:
        describe_subtypes(p, text, room);
        break;
    case ESPOTA_TABLE_VALUE_RANGE:
        snprintf(text, room, "%s is out of range for its field", p->token);
        break;
    case ESPOTA_TABLE_UNKNOWN_FLAG:
        snprintf(text, room, "unknown flag '%s': flags are encrypted and readonly", p->token);
        break;
    case ESPOTA_TABLE_CSV_BELOW:
        snprintf(text, room,
                 "'%s' at 0x%" PRIx32 " overlaps the partition table: use 0x%" PRIx32 " or higher", p->label,
                 p->value[0], p->value[1]);
        break;
    case ESPOTA_TABLE_CSV_OVERLAP:
        snprintf(text, room,
                 "'%s' at 0x%" PRIx32 " overlaps the partition before it, which ends at 0x%" PRIx32, p->label,
                 p->value[0], p->value[1]);
        break;
    case ESPOTA_TABLE_NEGATIVE_SIZE:
        snprintf(text, room, "'%s' should end at 0x%" PRIx32 ", but starts at 0x%" PRIx32, p->label,
                 p->value[1], p->value[0]);
        break;
    case ESPOTA_TABLE_NO_BOOTLOADER_OFFSET:
        snprintf(text, room, "'%s' is a bootloader partition, and where bootloaders lie is not known",
                 p->label);
        break;
    default:
        snprintf(text, room, "more than %" PRIu32 " partitions", p->value[0]);
        break;
    }
}

static void describe_binary(const struct espota_table_problem *p, char *text, size_t room)
{
    switch (p->fault) {
    case ESPOTA_TABLE_BAD_LENGTH:
        snprintf(text, room, "%" PRIu32 " byte%s not whole 32-byte records", p->value[0],
                 p->value[0] == 1 ? " is" : "s are");
        break;
    case ESPOTA_TABLE_BAD_MAGIC:
        snprintf(text, room,
                 "the record at 0x%" PRIx32 " begins with %02" PRIx32 " %02" PRIx32
                 " instead of aa 50: this is no partition table, or a damaged one",
                 p->value[1], p->value[0] & 0xff, p->value[0] >> 8);
        break;
    case ESPOTA_TABLE_BAD_MD5:
        snprintf(text, room, "its MD5 does not match: the table is damaged");
        break;
    case ESPOTA_TABLE_HASH_FAILED:
        snprintf(text, room, "MD5 is not available from the crypto library");
        break;
    default:
        snprintf(text, room, "there is no end marker: the table is cut off");
        break;
    }
}

static void describe_rule(const struct espota_table_problem *p, char *text, size_t room)
{
    switch (p->fault) {
    case ESPOTA_TABLE_MISALIGNED_OFFSET:
        snprintf(text, room, "'%s': offset 0x%" PRIx32 " is not a multiple of 0x%" PRIx32, p->label,
                 p->value[0], p->value[1]);
        break;
    case ESPOTA_TABLE_MISALIGNED_SIZE:
        snprintf(text, room, "'%s': size 0x%" PRIx32 " is not a multiple of 0x%" PRIx32, p->label,
                 p->value[0], p->value[1]);
        break;
    case ESPOTA_TABLE_NOT_READONLY:
        snprintf(text, room, "'%s' is always written to and cannot be readonly", p->label);
        break;
    case ESPOTA_TABLE_NVS_TOO_SMALL:
        snprintf(text, room,
                 "'%s': nvs of 0x%" PRIx32 " bytes must be readonly; writable nvs needs 0x%" PRIx32, p->label,
                 p->value[0], p->value[1]);
        break;
    case ESPOTA_TABLE_DUPLICATE_NAME:
        snprintf(text, room, "two partitions are called '%s': names must be unique", p->label);
        break;
    case ESPOTA_TABLE_BELOW_TABLE:
        snprintf(text, room, "'%s' at 0x%" PRIx32 " lies below the end of the partition table, 0x%" PRIx32,
                 p->label, p->value[0], p->value[1]);
        break;
    case ESPOTA_TABLE_OVERLAP:
        snprintf(text, room, "'%s' at 0x%" PRIx32 " overlaps the partition at 0x%" PRIx32 "-0x%" PRIx32,
                 p->label, p->value[0], p->value[1], p->value[2]);
        break;
    case ESPOTA_TABLE_SEVERAL_OTADATA:
        snprintf(text, room, "'%s' is a second %s partition: there can be only one", p->label,
                 p->value[0] == ESPOTA_DATA_OTA ? "otadata" : "TEE otadata");
        break;
    case ESPOTA_TABLE_OTADATA_SIZE:
        snprintf(text, room, "otadata partition '%s' has size 0x%" PRIx32 " and must have 0x%" PRIx32,
                 p->label, p->value[0], p->value[1]);
        break;
    default:
        snprintf(text, room, "'%s' ends at 0x%" PRIx32 ", beyond the end of the flash, 0x%" PRIx32, p->label,
                 p->value[0], p->value[1]);
        break;
    }
}

const char *espota_table_problem_text(const struct espota_table_problem *p, char text[ESPOTA_PROBLEM_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    if (p->line > 0)
        used = (size_t)snprintf(text, ESPOTA_PROBLEM_TEXT, "line %u: ", p->line);
    if (p->fault <= ESPOTA_TABLE_TOO_MANY)
        describe_csv(p, text + used, ESPOTA_PROBLEM_TEXT - used);
    else if (p->fault <= ESPOTA_TABLE_HASH_FAILED)
        describe_binary(p, text + used, ESPOTA_PROBLEM_TEXT - used);
    else
        describe_rule(p, text + used, ESPOTA_PROBLEM_TEXT - used);
    return text;
}

int espota_table_fail_absent(const struct espota_table *table, const char *label, const char *device,
                             struct espota_error *error)
{
    struct espota_nearest nearest = { .word = label };
    char meant[48] = "";
    for (unsigned i = 0; i < table->count; i++)
        espota_nearest_consider(&nearest, table->entry[i].label);
    if (nearest.best)
        snprintf(meant, sizeof meant, "; did you mean '%s'?", nearest.best);
    return espota_fail_hint(error, ESPOTA_ERR_FAILED, ESPOTA_HINT_LIST_PARTITIONS,
                            "there is no partition '%.60s' on %s%s", label, device, meant);
}
