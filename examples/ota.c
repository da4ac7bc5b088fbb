/* Update the device at PORT (/dev/ttyUSB0, tcp://host:port) from a URL: ota PORT URL */
#include <espota/agent_client.h>
#include <espota/fetch.h>
#include <espota/link.h>
#include <espota/ota.h>

#include <stdio.h>

int main(int argc, char **argv)
{
    struct espota_fetch_options fetch = { .limit = 16u << 20 };
    struct espota_agent_client_options agent = { 0 };
    struct espota_ota_result done;
    struct espota_bytes image = { 0 };
    struct espota_device *device = NULL;
    struct espota_link *link = NULL;
    struct espota_error error = { 0 };
    if (argc != 3)
        return fprintf(stderr, "usage: ota PORT URL\n") > 0 ? 2 : 1;
    int result = espota_fetch_url(argv[2], &fetch, &image, &error);
    if (result == 0)
        result = espota_link_open(&link, argv[1], 115200, &error);
    if (result == 0)
        result = espota_agent_client_open(&device, link, &agent, &error);
    struct espota_ota_request request = { .name = argv[2],
                                          .payload = espota_payload_raw(image.data, image.size) };
    if (result == 0)
        result = espota_ota_run(device, &request, &done, &error);
    if (result == 0)
        result = espota_device_restart(device, &error);
    if (result == 0)
        printf("%s now runs '%s'\n", argv[1], done.to.label);
    else
        fprintf(stderr, "ota: %s\n", error.text);
    espota_device_close(device);
    espota_bytes_free(&image);
    return espota_exit_status((enum espota_status)result);
}
