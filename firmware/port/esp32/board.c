/* The recovery agent on an ESP32: UART0, the flash behind SPI1. Sources: ESP32 Technical Reference Manual;
 * ESP-IDF, components/soc/esp32/register. */
#include "bare.h"
#include "registers.h"
#include "spi_flash.h"

#include "espota/version.h"

enum { UART_FIFO = 128, DRAIN_MS = 20, WRITE_PROTECT_KEY = 0x50d83aa1 };

#define UART0        0x3ff40000u
#define UART0_STATUS (UART0 + 0x1c)
#define UART0_AHB                                                                                            \
    0x60000000u /* writes to the FIFO go by this way: ESP32 errata, 3.17 in the first revisions */
#define EFUSE_MAC    0x3ff5a004u
#define RTC_OPTIONS  0x3ff48000u
#define RTC_WATCHDOG 0x3ff4808cu
#define RTC_PROTECT  0x3ff480a4u
#define TIMER_GROUP0 0x3ff5f000u
#define TIMER_GROUP1 0x3ff60000u
#define RANDOM       0x3ff75144u

static const struct bare_spi spi = { .base = 0x3ff42000,
                                     .user = 0x1c,
                                     .user1 = 0x20,
                                     .user2 = 0x24,
                                     .mosi_length = 0x28,
                                     .miso_length = 0x2c,
                                     .data = 0x80,
                                     .address_shift = 8 };

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

/* ---- UART -----------------------------------------------------------------------------------------------
 */

static size_t uart_read(uint8_t *out, size_t room)
{
    size_t count = bare_get(UART0_STATUS) & 0xff;
    count = count < room ? count : room;
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)bare_get(UART0);
    return count;
}

static uint32_t uart_unsent(void)
{
    return bare_get(UART0_STATUS) >> 16 & 0xff;
}

static int uart_write(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        while (uart_unsent() >= UART_FIFO - 2)
            continue;
        bare_put(UART0_AHB, data[i]);
    }
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

/* Timer 0 counts 80 MHz / 40000. */
static void start_clock(void)
{
    bare_put(TIMER_GROUP0, 0);
    bare_put(TIMER_GROUP0 + 0x18, 0);
    bare_put(TIMER_GROUP0 + 0x1c, 0);
    bare_put(TIMER_GROUP0 + 0x20, 0);
    bare_put(TIMER_GROUP0, 1u << 31 | 1u << 30 | 40000u << 13);
}

static uint32_t now_ms(void *context)
{
    (void)context;
    bare_put(TIMER_GROUP0 + 0x0c, 0);
    return bare_get(TIMER_GROUP0 + 0x04) / 2;
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
    for (uint32_t group = TIMER_GROUP0; group <= TIMER_GROUP1; group += TIMER_GROUP1 - TIMER_GROUP0) {
        bare_put(group + 0x64, WRITE_PROTECT_KEY);
        bare_put(group + 0x48, 0);
        bare_put(group + 0x64, 0);
    }
}

int main(void)
{
    static const struct bare_board board = { .chip_id = 0,
                                             .name = "espota recovery " ESPOTA_VERSION,
                                             .flash_size = flash_size,
                                             .flash_read = flash_read,
                                             .flash_erase = flash_erase,
                                             .flash_program = flash_program,
                                             .mac = mac,
                                             .now_ms = now_ms,
                                             .noise = noise,
                                             .restart = restart,
                                             .stream = { { uart_read, uart_write } } };
    calm_watchdogs();
    start_clock();
    bare_spi_begin(&spi);
    bare_serve(&board);
    return 0;
}
