/* The stub on a chip: STUB_CHIP is its name. */
#include "check.h"
#include "chip.h"
#include "stub.h"

#include "espota/version.h"

#include <stdbool.h>
#include <string.h>

#define CONCATENATED(a, b) a##b
#define DESCRIPTION(name)  CONCATENATED(bare_, name)

enum { RING = STUB_RING };

extern uint8_t stub_memory[], stub_memory_end[]; /* what the linker leaves */
extern const uint32_t stub_text[], stub_text_end[], stub_data[];

__attribute__((section(".check"), used)) static const volatile struct stub_check expected = { 0 };

static void add(struct stub_check *check, const uint32_t *from, const uint32_t *end)
{
    for (const volatile uint32_t *at = from; at < end; at++)
        stub_check_add(check, *at);
}

/* Before anything of it is changed. */
static bool is_whole(void)
{
    struct stub_check check = { 0 };
    add(&check, stub_text, stub_text_end);
    add(&check, stub_data, (const uint32_t *)&expected);
    return check.sum == expected.sum && check.sum_of_sums == expected.sum_of_sums;
}

int main(void);

int main(void)
{
    static struct bare_device device;
    static struct stub stub;
    static struct bare_hasher hasher;
    static uint8_t ring[RING];
    static struct bare_board board = {
        BARE_DEVICE_BOARD,
        .name = "espota stub " ESPOTA_VERSION,
        .context = &device,
        .stream = { BARE_UART_STREAM },
    };
    static const struct bare_stream usb = BARE_USB_STREAM;
    const struct bare_memory memory = { .ring = ring,
                                        .ring_size = sizeof ring,
                                        .decoder = &espota_decoder,
                                        .decoder_memory = stub_memory,
                                        .decoder_size = (uintptr_t)stub_memory_end - (uintptr_t)stub_memory };
    if (!is_whole())
        return 0; /* and stay silent: the host then does without */
    bare_device_begin(&device, &DESCRIPTION(STUB_CHIP));
    board.chip_id = device.chip->id;
    board.isa = device.chip->isa;
    if (device.chip->usb)
        board.stream[1] = usb;
    stub_begin(&stub, &board, &memory);
    if (bare_sha_engine_begin(&device.chip->sha, &hasher))
        stub.server.sha256.hasher = &hasher;
    for (;;)
        (void)stub_step(&stub);
}
