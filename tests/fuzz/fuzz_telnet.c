/* Telnet: any bytes may come in; data and commands that go out come in again. */
#include "espota/telnet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t wire[2 * 1024], command[ESPOTA_COM_MAX_SIZE];
    struct espota_telnet telnet = { 0 };
    for (size_t i = 0; i < size; i++)
        if (espota_telnet_byte(&telnet, data[i]) == ESPOTA_TELNET_SUB &&
            telnet.sub_length > sizeof telnet.sub)
            abort();
    if (size == 0 || size > sizeof wire / 2)
        return 0;
    telnet = (struct espota_telnet){ 0 };
    size_t length = espota_telnet_escape(data, size, wire), got = 0;
    for (size_t i = 0; i < length; i++)
        if (espota_telnet_byte(&telnet, wire[i]) == ESPOTA_TELNET_DATA &&
            (got >= size || wire[i] != data[got++]))
            abort();
    if (got != size)
        abort();
    size_t value = size - 1 < 8 ? size - 1 : 8;
    size_t end = espota_com_command(data[0], data + 1, value, command);
    enum espota_telnet_event last = ESPOTA_TELNET_NOTHING;
    for (size_t i = 0; i < end; i++)
        last = espota_telnet_byte(&telnet, command[i]);
    if (end > sizeof command || last != ESPOTA_TELNET_SUB || telnet.sub_length != value + 2 ||
        memcmp(telnet.sub + 2, data + 1, value) != 0)
        abort();
    return 0;
}
