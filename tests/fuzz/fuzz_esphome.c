/* ESPHome: whatever a device answers, an update ends, and well only if it said so at every step. */
#include "device/esphome/talk.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/esphome_device.h"
#include "espota/esphome_ota.h"
#include "espota/link.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IMAGE = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* It has said all of it before it is asked, and hears nothing. */
static struct espota_link *answers(const uint8_t *data, size_t size, int *other)
{
    struct espota_link *link = NULL;
    struct espota_error error;
    int fds[2];
    if (size > 8192 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return NULL;
    if (write(fds[1], data, size) != (ssize_t)size || shutdown(fds[1], SHUT_WR) != 0 ||
        espota_link_from_fd(&link, fds[0], "device", &error) != 0)
        abort();
    *other = fds[1];
    return link;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t image[IMAGE] = { 0xe9 };
    const struct espota_esphome_options options = { .password = "fish" };
    struct espota_payload payload = espota_payload_raw(image, sizeof image);
    struct espota_device *device = NULL;
    struct espota_error error = { 0 };
    int other = -1;
    struct espota_link *link = answers(data, size, &other);
    if (!link || espota_esphome_open(&device, "device", &options, &error) != 0)
        return 0;
    int result = esphome_talk(device, link, &payload, &error);
    if (result == 0 && (size < 6 || data[0] != ESPOTA_ESPHOME_OK || error.text[0]))
        abort();
    if (result != 0 && !error.text[0])
        abort();
    espota_device_close(device);
    espota_link_close(link);
    close(other);
    return 0;
}
