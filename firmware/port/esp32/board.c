/* The recovery agent on an ESP32, at UART0. Sources: ESP32 Technical Reference Manual; ESP-IDF,
 * components/soc/esp32/register. */
#include "bare.h"
#include "chip.h"
#include "registers.h"

#include "espota/version.h"

#define WIFI_CLOCKS 0x3ff000ccu
#define CLOCKS      0x3ff000c0u
#define I2S0        (1u << 4)
#define TEST_MUX    0x3ff480a8u
#define SENS        0x3ff48800u
#define SYSCON      0x3ff66000u
#define I2S         0x3ff4f000u
#define PATTERN     0xadadadadu

int main(void);

/* As the second-stage bootloader has it while it runs: the second ADC measures the reference voltage, and
 * what it measures goes by I2S into the random number generator. Registers: ESP-IDF,
 * components/soc/esp32/register/soc (sens_reg.h, syscon_reg.h, i2s_reg.h, dport_reg.h, rtc_cntl_reg.h). */
static const struct bare_step entropy_on[] = {
    { WIFI_CLOCKS, 0, 1u << 15 },                /* of the generator */
    { TEST_MUX, 3u << 30, 2u << 30 | 1u << 29 }, /* the reference voltage, to the ADC */
    { SENS + 0x2c, 1u << 8 | 1u << 9, 1u << 4 }, /* test input; not by the ULP */
    { CLOCKS, 0, I2S0 },                         /* of I2S */
    { SYSCON + 0x2c, ~0u, PATTERN },             /* four words of channel, width, attenuation */
    { SYSCON + 0x30, ~0u, PATTERN },
    { SYSCON + 0x34, ~0u, PATTERN },
    { SYSCON + 0x38, ~0u, PATTERN },
    { SENS + 0x0c, 0, 3u << 18 }, /* power of the ADCs */
    { SENS, 0, 1u << 27 },        /* under digital control */
    { SENS + 0x90, 0, 1u << 28 },
    { SYSCON + 0x10, 0xffu << 7 | 3u << 3 | 1u << 25, 1u << 2 | 4u << 7 | 1u << 5 },
    { SYSCON + 0x18, 0xffu | 0xffu << 16, 8u | 10u << 16 },
    { I2S + 0xb0, 0x3fu << 6, 20u << 6 }, /* bit clock */
    { SYSCON + 0x10, 0, 1u << 26 },       /* data to I2S */
    { I2S + 0xa8, 1u << 0, 1u << 5 | 1u << 4 | 1u << 3 },
    { I2S + 0x08, 0, 1u << 5 }, /* receive */
};

static const struct bare_step entropy_off[] = {
    { I2S + 0x08, 1u << 5, 0 },
    { I2S + 0xa8, 1u << 0 | 1u << 5 | 1u << 4 | 1u << 3, 0 },
    { CLOCKS, I2S0, 0 },
    { SENS, 1u << 27, 0 },
    { SENS + 0x90, 1u << 28, 0 },
    { SENS + 0x2c, 1u << 4, 0 },
    { SYSCON + 0x10, 1u << 2 | 1u << 5 | 1u << 26, 0 },
    { SENS + 0x0c, 3u << 18, 0 },
    { SYSCON + 0x18, 0xffu << 16, 8u << 16 },
    { CLOCKS + 4, 0, I2S0 }, /* reset of I2S */
    { CLOCKS + 4, I2S0, 0 },
    { TEST_MUX, 3u << 30 | 1u << 29, 0 },
};

static void entropy(bool on)
{
    if (on)
        bare_walk(entropy_on, sizeof entropy_on / sizeof entropy_on[0]);
    else
        bare_walk(entropy_off, sizeof entropy_off / sizeof entropy_off[0]);
}

int main(void)
{
    static struct bare_device device;
    static const struct bare_board board = {
        BARE_DEVICE_BOARD,
        .noise = bare_device_noise,
        .entropy = entropy,
        .cycles = bare_device_cycles,
        .chip_id = 0,
        .isa = ESPOTA_ISA_XTENSA,
        .sha = &bare_esp32.sha,
        .context = &device,
        .name = "espota recovery " ESPOTA_VERSION,
        .stream = { BARE_UART_STREAM },
    };
    bare_device_begin(&device, &bare_esp32);
    bare_serve(&board);
    return 0;
}
