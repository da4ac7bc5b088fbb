/* Partition tables, binary and CSV: whatever parses and verifies must survive a round trip. */
#include "espota/digest.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct espota_table *table)
{
    static uint8_t binary[ESPOTA_TABLE_BINARY_SIZE];
    struct espota_table again;
    struct espota_table_problem problem;
    if (espota_table_format_binary(table, binary, espota_md5, &problem) != 0)
        return;
    if (espota_table_parse_binary(&again, binary, sizeof binary, table->offset, espota_md5, &problem) != 0 ||
        again.count != table->count)
        abort();
}

static void count_breach(void *count, const struct espota_table_problem *problem)
{
    char words[ESPOTA_PROBLEM_TEXT];
    (void)espota_table_problem_text(problem, words);
    ++*(unsigned *)count;
}

/* A table from flash may say anything: what is derived from it stays within it, and within the flash. */
static void as_the_bootloader_does(const uint8_t *data, size_t size)
{
    enum { FLASH = 4 << 20 };
    struct espota_table table;
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    unsigned count = 0;
    if (espota_table_parse_flash(&table, data, size, 0x8000, FLASH, espota_md5, &problem) != 0) {
        (void)espota_table_problem_text(&problem, words);
        return;
    }
    unsigned breaches = espota_table_check(&table, count_breach, &count);
    if (breaches != count || (breaches == 0) != (espota_table_verify(&table, &problem) == 0))
        abort();
    for (unsigned i = 0; i < table.count; i++) {
        const struct espota_partition *p = &table.entry[i];
        if (p->offset > FLASH || p->size > FLASH - p->offset || espota_partition_capacity(p) > p->size)
            abort();
        if (breaches == 0 && p->type <= ESPOTA_TYPE_DATA &&
            espota_table_verify_writable(&table, p, &problem) != 0)
            abort();
    }
    round_trip(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct espota_table table;
    struct espota_table_problem problem;
    struct espota_table_csv_options options = { .table_offset = 0x8000 };
    char words[ESPOTA_PROBLEM_TEXT];
    as_the_bootloader_does(data, size);
    if (espota_table_parse_binary(&table, data, size, 0x8000, espota_md5, &problem) != 0)
        (void)espota_table_problem_text(&problem, words);
    else if (espota_table_verify(&table, &problem) == 0)
        round_trip(&table);
    if (espota_table_parse_csv(&table, (const char *)data, size, &options, &problem) != 0) {
        (void)espota_table_problem_text(&problem, words);
        return 0;
    }
    if (espota_table_verify(&table, &problem) == 0)
        round_trip(&table);
    (void)espota_table_verify_fits(&table, 4u << 20, &problem);
    return 0;
}
