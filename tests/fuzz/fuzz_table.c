/* Partition tables, binary and CSV: whatever parses and verifies must survive a round trip. */
#include "espota/host.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct espota_table table;
    struct espota_table_problem problem;
    struct espota_table_csv_options options = { .table_offset = 0x8000 };
    char words[ESPOTA_PROBLEM_TEXT];
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
