/* What an update costs on the wire: bytes, and seconds as modelled for a UART and a typical flash chip. The
 * model does not depend on the machine: bits at 10 per byte, 45 ms per sector erased, 0.4 ms per 256 bytes
 * programmed; sending and flash work overlap nowhere, so that it is an upper bound. */
#include "espota/agent_client.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/ota.h"

#include "fixtures/memory_board.h"

#include <stdio.h>
#include <stdlib.h>

static void update(const char *name, struct memory_board *b, const struct espota_bytes *image)
{
    struct espota_device *device = NULL;
    struct espota_agent_client_options options = { 0 };
    struct espota_ota_request request = { .name = "image",
                                          .payload = espota_payload_raw(image->data, image->size) };
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    uint64_t out = b->link.bytes_out, in = b->link.bytes_in, busy = b->flash.busy_us;
    if (espota_agent_client_open(&device, &b->link, &options, &error) != 0 ||
        espota_ota_run(device, &request, &result, &error) != 0) {
        fprintf(stderr, "bench: %s\n", error.text);
        exit(1);
    }
    espota_device_close(device);
    out = b->link.bytes_out - out;
    in = b->link.bytes_in - in;
    double flash = (double)(b->flash.busy_us - busy) / 1e6;
    double wire = (double)(out + in) * 10;
    printf("%-34s %8llu out %6llu in  flash %5.1f s  total %6.1f s at 115200, %5.1f s at 921600\n", name,
           (unsigned long long)out, (unsigned long long)in, flash, wire / 115200 + flash,
           wire / 921600 + flash);
}

/* The same content with two bytes changed, and the checksum and hash that this takes. */
static struct espota_bytes changed(const struct espota_bytes *image)
{
    struct espota_bytes other = { 0 };
    struct espota_error error;
    struct espota_image found;
    memory_board_check(espota_bytes_append(&other, image->data, image->size, &error) == 0, "memory");
    other.data[5000] ^= 1;
    other.data[600000] ^= 1;
    memory_board_check(espota_image_examine_memory(&found, other.data, other.size) != ESPOTA_IMAGE_OK,
                       "changing an image");
    memory_board_check(espota_sha256(other.data, other.size - 32, other.data + other.size - 32) == 0,
                       "SHA-256");
    return other;
}

int main(void)
{
    struct memory_board *b = memory_board_running(false);
    struct espota_bytes image = memory_board_image(900 << 10, 7, 0), other = changed(&image);
    printf("OTA of 900 KiB through the agent\n");
    update("into a blank slot", b, &image);
    update("the same again", b, &image);
    update("two bytes changed", b, &other);
    espota_bytes_free(&image);
    espota_bytes_free(&other);
    memory_board_free(b);
    return 0;
}
