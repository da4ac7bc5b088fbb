/* USB-Serial/JTAG of an Espressif chip. The host is held up when what it sent is not read. Source: ESP-IDF,
 * components/soc/CHIP/register, usb_serial_jtag_reg.h. */
#ifndef ESPOTA_BARE_USB_JTAG_H
#define ESPOTA_BARE_USB_JTAG_H

#include <stddef.h>
#include <stdint.h>

size_t bare_usb_read(uint32_t base, uint8_t *out, size_t room);
/* As many as there is room for, which are on their way then. */
size_t bare_usb_write(uint32_t base, const uint8_t *data, size_t length);

#endif
