/* Flash a build folder to the board at PORT (/dev/ttyUSB0, rfc2217://host:port): flash PORT FOLDER */
#include <espota/device.h>
#include <espota/error.h>
#include <espota/flash_plan.h>
#include <espota/link.h>
#include <espota/rom_device.h>

#include <stdio.h>

int main(int argc, char **argv)
{
    static struct espota_flash_files files;
    static struct espota_flash_plan plan;
    struct espota_flash_request request = { .files = &files };
    struct espota_rom_options rom = { 0 };
    struct espota_device *device = NULL;
    struct espota_link *link = NULL;
    struct espota_error error = { 0 };
    int result = argc == 3 ? espota_flash_files_find(&files, argv[2], &error) : 2;
    if (result == 0)
        result = espota_link_open(&link, argv[1], 115200, &error);
    if (result == 0)
        result = espota_rom_open(&device, link, &rom, &error);
    if (result == 0)
        result = espota_flash_plan(&plan, device, &request, &error);
    for (unsigned i = 0; result == 0 && i < plan.piece_count; i++)
        printf("0x%06x %s\n", (unsigned)plan.piece[i].offset, plan.piece[i].name);
    if (result == 0)
        result = espota_flash_run(&plan, device, &error);
    if (result == 0)
        result = espota_device_restart(device, &error);
    for (unsigned i = 0; result == 0 && i < plan.piece_count; i++)
        printf("0x%06x %s\n", (unsigned)plan.piece[i].offset, plan.piece[i].name);
    fprintf(stderr, "%s\n", result ? error.text : plan.boots ? plan.boots->label : "nothing boots");
    espota_flash_plan_free(&plan);
    espota_flash_files_free(&files);
    espota_device_close(device);
    return espota_exit_status((enum espota_status)result);
}
