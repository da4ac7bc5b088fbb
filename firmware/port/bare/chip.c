#include "chip.h"

#include "registers.h"

enum { UART_STATUS = 0x1c, UART_FIFO = 128, DRAIN_MS = 20, WATCHDOG = 0x48, WATCHDOG_PROTECT = 0x64 };

#define RESTART           (1u << 31)
#define WRITE_PROTECT_KEY 0x50d83aa1u

uint32_t bare_chip_flash_size(const void *context)
{
    const struct bare_chip *chip = context;
    uint32_t log = bare_flash_id(&chip->spi) >> 16 & 0xff;
    return log >= 16 && log <= 24 ? 1u << log : 0; /* 24-bit addresses reach 16M */
}

int bare_chip_flash_read(const void *context, uint32_t offset, void *out, size_t length)
{
    const struct bare_chip *chip = context;
    return bare_flash_read(&chip->spi, offset, out, length);
}

int bare_chip_flash_erase(const void *context, uint32_t offset, uint32_t length)
{
    const struct bare_chip *chip = context;
    return bare_flash_erase(&chip->spi, offset, length);
}

int bare_chip_flash_program(const void *context, uint32_t offset, const void *data, size_t length)
{
    const struct bare_chip *chip = context;
    return bare_flash_program(&chip->spi, offset, data, length);
}

size_t bare_chip_uart_read(const void *context, uint8_t *out, size_t room)
{
    const struct bare_chip *chip = context;
    size_t count = bare_get(chip->uart + UART_STATUS) & chip->fifo_mask;
    count = count < room ? count : room;
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)bare_get(chip->uart);
    return count;
}

int bare_chip_uart_write(const void *context, const uint8_t *data, size_t length)
{
    const struct bare_chip *chip = context;
    for (size_t i = 0; i < length; i++) {
        while ((bare_get(chip->uart + UART_STATUS) >> 16 & chip->fifo_mask) >= UART_FIFO - 2)
            continue;
        bare_put(chip->uart_out, data[i]);
    }
    return 0;
}

void bare_chip_mac(const void *context, uint8_t mac[6])
{
    const struct bare_chip *chip = context;
    uint32_t low = bare_get(chip->mac), high = bare_get(chip->mac + 4);
    for (unsigned i = 0; i < 2; i++)
        mac[i] = (uint8_t)(high >> (8 - 8 * i));
    for (unsigned i = 0; i < 4; i++)
        mac[2 + i] = (uint8_t)(low >> (24 - 8 * i));
}

uint32_t bare_chip_noise(const void *context)
{
    const struct bare_chip *chip = context;
    return bare_get(chip->random);
}

/* The answer to the host is still in the FIFO: 128 bytes take 11 ms. */
void bare_chip_restart(const void *context)
{
    const struct bare_chip *chip = context;
    for (uint32_t start = chip->now_ms(chip); chip->now_ms(chip) - start < DRAIN_MS;)
        continue;
    bare_change(chip->rtc, 0, RESTART);
    for (;;)
        continue;
}

static void stop_watchdog(uint32_t configuration, uint32_t protection)
{
    bare_put(protection, WRITE_PROTECT_KEY);
    bare_put(configuration, 0);
    bare_put(protection, 0);
}

void bare_chip_disable_watchdogs(const struct bare_chip *chip)
{
    stop_watchdog(chip->rtc_watchdog, chip->rtc_protect);
    stop_watchdog(chip->timer_group + WATCHDOG, chip->timer_group + WATCHDOG_PROTECT);
    stop_watchdog(chip->timer_group_other + WATCHDOG, chip->timer_group_other + WATCHDOG_PROTECT);
}
