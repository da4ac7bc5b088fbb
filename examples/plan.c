/* Print the partition table for a flash of 4M as CSV: cc plan.c $(pkg-config --cflags --libs espota) */
#include <espota/buffer.h>
#include <espota/error.h>
#include <espota/plan.h>
#include <espota/table_file.h>

#include <stdio.h>

int main(void)
{
    struct espota_plan_request request = { .flash_size = 4u << 20,
                                           .fs = "littlefs",
                                           .app_size = 1536u << 10 };
    struct espota_plan plan;
    struct espota_bytes csv = { 0 };
    struct espota_error error;
    int result = espota_plan_make(&plan, &request, &error);
    if (result == 0)
        result = espota_table_to_csv(&plan.table, &csv, &error);
    if (result == 0)
        fwrite(csv.data, 1, csv.size, stdout);
    else
        fprintf(stderr, "plan: %s\n", error.text);
    espota_bytes_free(&csv);
    return espota_exit_status((enum espota_status)result);
}
