/* ArduinoOTA: what devices answer, and what hosts ask of them; images for the ESP8266. */
#include "espota/arduino_ota.h"
#include "espota/esp8266_image.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(const uint8_t *data, size_t size)
{
    struct espota_arduino_answer answer;
    espota_arduino_answer_parse(&answer, data, size);
    if (strlen(answer.words) >= sizeof answer.words ||
        strlen(answer.nonce) != espota_arduino_digits(answer.auth) ||
        (answer.kind == ESPOTA_ARDUINO_CHALLENGE) != (answer.nonce[0] != '\0'))
        abort();
}

/* In two pieces it is the same. */
static void verdict(const uint8_t *data, size_t size)
{
    struct espota_arduino_result whole = { 0 }, pieces = { 0 };
    size_t cut = size > 0 ? data[0] % size : 0;
    espota_arduino_result_take(&whole, data, size);
    espota_arduino_result_take(&pieces, data, cut);
    espota_arduino_result_take(&pieces, data + cut, size - cut);
    if (whole.ok != pieces.ok || whole.length != pieces.length || strcmp(whole.words, pieces.words) != 0 ||
        whole.length != strlen(whole.words))
        abort();
}

static void request(const uint8_t *data, size_t size)
{
    struct espota_arduino_request request;
    if (!espota_arduino_request_parse(&request, data, size))
        return;
    if (request.command == ESPOTA_ARDUINO_PROOF ? !request.cnonce[0] : strlen(request.md5) != 32)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    answer(data, size);
    verdict(data, size);
    request(data, size);
    (void)espota_esp8266_examine(data, size);
    return 0;
}
