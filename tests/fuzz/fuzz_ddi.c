/* What an update server answers: the first byte says to what. */
#include "espota/ddi.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void poll(const char *text, size_t length)
{
    struct espota_ddi_poll poll;
    struct espota_error error;
    (void)espota_ddi_poll_parse(&poll, text, length, "https://updates.example/x", &error);
    espota_ddi_poll_free(&poll);
}

static void deployment(const char *text, size_t length)
{
    struct espota_ddi_deployment d;
    struct espota_error error;
    int result = espota_ddi_deployment_parse(&d, text, length, "https://updates.example/x", &error);
    for (size_t i = 0; result == 0 && i < d.count; i++)
        if (!d.artifact[i].url && !d.artifact[i].plain_url)
            abort();
    espota_ddi_deployment_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct espota_ddi_cancel cancel;
    struct espota_error error;
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    if (data[0] % 3 == 0)
        poll(text, size - 1);
    else if (data[0] % 3 == 1)
        deployment(text, size - 1);
    else
        (void)espota_ddi_cancel_parse(&cancel, text, size - 1, &error);
    return 0;
}
