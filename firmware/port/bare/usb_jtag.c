#include "usb_jtag.h"

#include "registers.h"

#define CONTROL  0x04u
#define FLUSH    (1u << 0)
#define ROOM     (1u << 1)
#define RECEIVED (1u << 2)

size_t bare_usb_read(uint32_t base, uint8_t *out, size_t room)
{
    size_t count = 0;
    while (count < room && bare_get(base + CONTROL) & RECEIVED)
        out[count++] = (uint8_t)bare_get(base);
    return count;
}

size_t bare_usb_write(uint32_t base, const uint8_t *data, size_t length)
{
    size_t count = 0;
    while (count < length && bare_get(base + CONTROL) & ROOM)
        bare_put(base, data[count++]);
    if (count > 0)
        bare_put(base + CONTROL, FLUSH);
    return count;
}
