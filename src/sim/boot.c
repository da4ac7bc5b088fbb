/* A model of the second-stage bootloader, after ESP-IDF's bootloader_utility.c, in the words of its log. */
#include "board.h"

#include "espota/bootsel.h"
#include "espota/bytes.h"
#include "espota/digest.h"
#include "espota/file_kind.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/otadata.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <inttypes.h>
#include <string.h>

struct place {
    struct sim_flash *flash;
    uint32_t offset;
};

static int read_place(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct place *place = context;
    return sim_flash_read(place->flash, place->offset + offset, buffer, length);
}

static enum espota_image_verdict examine(struct sim_board *board, uint32_t offset, uint32_t size,
                                         struct espota_image *image)
{
    uint8_t buffer[4096];
    struct place place = { board->flash, offset };
    struct espota_image_source source = { &place, read_place, size };
    return espota_image_examine(image, &source, board->port.sha256, buffer, sizeof buffer);
}

/* What the ROM does: no bootloader, no boot. */
static bool rom_boots(struct sim_board *board)
{
    struct espota_image image;
    char words[ESPOTA_PROBLEM_TEXT];
    uint8_t head[4] = { 0 };
    uint32_t offset = board->options.chip->bootloader_offset;
    (void)sim_flash_read(board->flash, offset, head, sizeof head);
    sim_print(board, "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)");
    enum espota_image_verdict verdict = examine(board, offset, board->options.table_offset - offset, &image);
    if (verdict == ESPOTA_IMAGE_NO_MAGIC)
        sim_print(board, "invalid header: 0x%08" PRIx32, espota_get_le32(head));
    else if (verdict != ESPOTA_IMAGE_OK)
        sim_print(board, "flash read err: bootloader: %s", espota_image_verdict_text(verdict, &image, words));
    return verdict == ESPOTA_IMAGE_OK;
}

static bool load_table(struct sim_board *board)
{
    uint8_t data[ESPOTA_TABLE_BINARY_SIZE];
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    if (sim_flash_read(board->flash, board->options.table_offset, data, sizeof data) == 0 &&
        espota_table_parse_flash(&board->table, data, sizeof data, board->options.table_offset,
                                 board->flash->size, espota_md5, &problem) == 0)
        return true;
    sim_print(board, "E (%u) boot: Failed to verify partition table: %s", sim_board_uptime_ms(board),
              espota_table_problem_text(&problem, words));
    return false;
}

static void print_partitions(struct sim_board *board)
{
    sim_print(board, "I (%u) boot: Partition Table:", sim_board_uptime_ms(board));
    sim_print(board, "I (%u) boot: ## Label            Usage          Type ST Offset   Length",
              sim_board_uptime_ms(board));
    for (unsigned i = 0; i < board->table.count; i++) {
        const struct espota_partition *p = &board->table.entry[i];
        const char *usage = espota_subtype_name(p->type, p->subtype);
        sim_print(board, "I (%u) boot: %2u %-16s %-16s %02x %02x %08" PRIx32 " %08" PRIx32,
                  sim_board_uptime_ms(board), i, p->label, usage ? usage : "Unknown", p->type, p->subtype,
                  p->offset, p->size);
    }
    sim_print(board, "I (%u) boot: End of partition table", sim_board_uptime_ms(board));
}

/* A bootloader does not let an app write over itself: esp_image_format.c, verify_load_addresses. */
const char *sim_boot_refusal(const struct sim_board *board, const struct espota_image *image)
{
    struct espota_file_chip facts = espota_chip_file_facts(board->options.chip);
    if (image->chip_id != board->options.chip->image_id)
        return "image is for another chip";
    if (!espota_image_is_for_revision(image, board->options.identity.revision))
        return "image is for other revisions of the chip";
    return espota_image_overlaps_loader(image, &facts) ? "a segment overlaps the bootloader's memory" : NULL;
}

static const char *why_not(const struct sim_board *board, enum espota_image_verdict verdict,
                           const struct espota_image *image, char words[ESPOTA_PROBLEM_TEXT])
{
    return verdict != ESPOTA_IMAGE_OK ? espota_image_verdict_text(verdict, image, words)
                                      : sim_boot_refusal(board, image);
}

static bool bootable(void *context, const struct espota_partition *partition)
{
    struct sim_board *board = context;
    struct espota_image image;
    char words[ESPOTA_PROBLEM_TEXT];
    enum espota_image_verdict verdict = examine(board, partition->offset, partition->size, &image);
    const char *reason = why_not(board, verdict, &image, words);
    if (reason)
        sim_print(board, "E (%u) boot: partition '%s' is not bootable: %s", sim_board_uptime_ms(board),
                  partition->label, reason);
    return !reason;
}

bool sim_boot_takes(struct sim_board *board, const struct espota_partition *partition)
{
    return bootable(board, partition);
}

static void load_otadata(struct sim_board *board, const struct espota_partition *otadata_at,
                         struct espota_otadata *otadata)
{
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t data[ESPOTA_OTADATA_RECORD_SIZE];
        memset(data, 0xff, sizeof data);
        if (otadata_at)
            (void)sim_flash_read(board->flash, otadata_at->offset + i * ESPOTA_SECTOR_SIZE, data,
                                 sizeof data);
        espota_otadata_record_parse(&otadata->record[i], data);
    }
}

/* The bootloader's own writes are flash operations like any: power may fail here too. */
static bool store_otadata(struct sim_board *board, const struct espota_partition *otadata_at,
                          const struct espota_otadata *otadata, const struct espota_boot_choice *choice)
{
    for (uint32_t i = 0; otadata_at && i < 2; i++) {
        uint8_t data[ESPOTA_OTADATA_RECORD_SIZE];
        uint32_t at = otadata_at->offset + i * ESPOTA_SECTOR_SIZE;
        if (!choice->otadata_changed[i])
            continue;
        espota_otadata_record_format(&otadata->record[i], data);
        if (sim_flash_erase(board->flash, at) != 0 ||
            sim_flash_program(board->flash, at, data, sizeof data) != 0)
            return false;
    }
    return true;
}

static void print_app(struct sim_board *board, const struct espota_partition *p)
{
    struct espota_image image;
    sim_print(board, "I (%u) boot: Loaded app from partition at offset 0x%" PRIx32,
              sim_board_uptime_ms(board), p->offset);
    (void)examine(board, p->offset, p->size, &image);
    board->description = (struct espota_app_desc){ 0 };
    if (!image.has_description)
        return;
    board->description = image.description;
    sim_print(board, "I (%u) cpu_start: Project name:     %s", sim_board_uptime_ms(board),
              image.description.project);
    sim_print(board, "I (%u) cpu_start: App version:      %s", sim_board_uptime_ms(board),
              image.description.version);
}

bool sim_boot(struct sim_board *board)
{
    struct espota_otadata otadata;
    if (!rom_boots(board) || !load_table(board))
        return false;
    print_partitions(board);
    const struct espota_partition *otadata_at = espota_table_otadata(&board->table);
    load_otadata(board, otadata_at, &otadata);
    struct espota_boot_choice choice =
        espota_boot_choose(&board->table, &otadata, board->options.rollback, bootable, board);
    if (!store_otadata(board, otadata_at, &otadata, &choice))
        return false;
    if (!choice.partition) {
        sim_print(board, "E (%u) boot: No bootable app partitions in the partition table",
                  sim_board_uptime_ms(board));
        return false;
    }
    board->running = choice.partition;
    print_app(board, choice.partition);
    return true;
}
