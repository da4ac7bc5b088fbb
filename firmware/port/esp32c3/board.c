/* The recovery agent on an ESP32-C3: UART0 and USB-Serial/JTAG, the flash behind SPI1. Sources: ESP32-C3
 * Technical Reference Manual; ESP-IDF, components/soc/esp32c3/register. */
#include "bare.h"
#include "registers.h"
#include "spi_flash.h"

#include "espota/version.h"

enum { UART_FIFO = 128, DRAIN_MS = 20, USB_MS = 50 };

#define UART0             0x60000000u
#define UART0_STATUS      (UART0 + 0x1c)
#define USB               0x60043000u
#define USB_CONTROL       (USB + 0x04)
#define USB_FLUSH         (1u << 0)
#define USB_ROOM          (1u << 1)
#define USB_RECEIVED      (1u << 2)
#define EFUSE_MAC         0x60008844u
#define RTC_OPTIONS       0x60008000u
#define RTC_WATCHDOG      0x60008090u
#define RTC_PROTECT       0x600080a8u
#define SUPER_WATCHDOG    0x600080acu
#define SUPER_PROTECT     0x600080b0u
#define SUPER_FEEDS       (1u << 31)
#define TIMER_GROUP0      0x6001f000u
#define TIMER_GROUP1      0x60020000u
#define SYSTEM_TIMER      0x60023000u
#define RANDOM            0x600260b0u
#define WRITE_PROTECT_KEY 0x50d83aa1u
#define SUPER_PROTECT_KEY 0x8f1d312au

static const struct bare_spi spi = { .base = 0x60002000,
                                     .user = 0x18,
                                     .user1 = 0x1c,
                                     .user2 = 0x20,
                                     .mosi_length = 0x24,
                                     .miso_length = 0x28,
                                     .data = 0x58,
                                     .address_shift = 0 };

int main(void);

/* ---- flash ----------------------------------------------------------------------------------------------
 */

static uint32_t flash_size(void)
{
    uint32_t log = bare_flash_id(&spi) >> 16 & 0xff;
    return log >= 16 && log <= 24 ? 1u << log : 0; /* 24-bit addresses reach 16M */
}

static int flash_read(void *context, uint32_t offset, void *out, size_t length)
{
    (void)context;
    return bare_flash_read(&spi, offset, out, length);
}

static int flash_erase(void *context, uint32_t offset)
{
    (void)context;
    return bare_flash_erase(&spi, offset);
}

static int flash_program(void *context, uint32_t offset, const void *data, size_t length)
{
    (void)context;
    return bare_flash_program(&spi, offset, data, length);
}

/* ---- streams --------------------------------------------------------------------------------------------
 */

/* The system timer counts 16 MHz in 52 bits. */
static uint32_t now_ms(void *context)
{
    (void)context;
    bare_put(SYSTEM_TIMER + 0x04, 1u << 30);
    while (!(bare_get(SYSTEM_TIMER + 0x04) & 1u << 29))
        continue;
    uint64_t high = bare_get(SYSTEM_TIMER + 0x40) & 0xfffff;
    return (uint32_t)((high << 32 | bare_get(SYSTEM_TIMER + 0x44)) / 16000);
}

static size_t uart_read(uint8_t *out, size_t room)
{
    size_t count = bare_get(UART0_STATUS) & 0x3ff;
    count = count < room ? count : room;
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)bare_get(UART0);
    return count;
}

static uint32_t uart_unsent(void)
{
    return bare_get(UART0_STATUS) >> 16 & 0x3ff;
}

static int uart_write(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        while (uart_unsent() >= UART_FIFO - 2)
            continue;
        bare_put(UART0, data[i]);
    }
    return 0;
}

static size_t usb_read(uint8_t *out, size_t room)
{
    size_t count = 0;
    while (count < room && bare_get(USB_CONTROL) & USB_RECEIVED)
        out[count++] = (uint8_t)bare_get(USB);
    return count;
}

/* A host that does not fetch what was sent before is not there. */
static int usb_write(const uint8_t *data, size_t length)
{
    uint32_t start = now_ms(NULL);
    for (size_t i = 0; i < length;) {
        if (bare_get(USB_CONTROL) & USB_ROOM) {
            bare_put(USB, data[i++]);
            start = now_ms(NULL);
        } else if (now_ms(NULL) - start > USB_MS) {
            return -1;
        }
    }
    bare_put(USB_CONTROL, USB_FLUSH);
    return 0;
}

/* ---- the rest -------------------------------------------------------------------------------------------
 */

static void mac(uint8_t out[6])
{
    uint32_t low = bare_get(EFUSE_MAC), high = bare_get(EFUSE_MAC + 4);
    for (unsigned i = 0; i < 2; i++)
        out[i] = (uint8_t)(high >> (8 - 8 * i));
    for (unsigned i = 0; i < 4; i++)
        out[2 + i] = (uint8_t)(low >> (24 - 8 * i));
}

static uint32_t noise(void)
{
    return bare_get(RANDOM);
}

/* The answer to the host is still in the FIFO: 128 bytes take 11 ms. */
static void restart(void *context)
{
    for (uint32_t start = now_ms(context); now_ms(context) - start < DRAIN_MS;)
        continue;
    bare_put(RTC_OPTIONS, bare_get(RTC_OPTIONS) | 1u << 31);
    for (;;)
        continue;
}

/* The bootloader leaves watchdogs behind, which an app has to stop or feed. */
static void calm_watchdogs(void)
{
    bare_put(RTC_PROTECT, WRITE_PROTECT_KEY);
    bare_put(RTC_WATCHDOG, 0);
    bare_put(RTC_PROTECT, 0);
    bare_put(SUPER_PROTECT, SUPER_PROTECT_KEY);
    bare_change(SUPER_WATCHDOG, 0, SUPER_FEEDS);
    bare_put(SUPER_PROTECT, 0);
    for (uint32_t group = TIMER_GROUP0; group <= TIMER_GROUP1; group += TIMER_GROUP1 - TIMER_GROUP0) {
        bare_put(group + 0x64, WRITE_PROTECT_KEY);
        bare_put(group + 0x48, 0);
        bare_put(group + 0x64, 0);
    }
}

int main(void)
{
    static const struct bare_board board = { .chip_id = 5,
                                             .name = "espota recovery " ESPOTA_VERSION,
                                             .flash_size = flash_size,
                                             .flash_read = flash_read,
                                             .flash_erase = flash_erase,
                                             .flash_program = flash_program,
                                             .mac = mac,
                                             .now_ms = now_ms,
                                             .noise = noise,
                                             .restart = restart,
                                             .stream = { { uart_read, uart_write },
                                                         { usb_read, usb_write } } };
    calm_watchdogs();
    bare_spi_begin(&spi);
    bare_serve(&board);
    return 0;
}
