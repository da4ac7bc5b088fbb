/* A hostile host: requests of any type and content, in frames that are whole, so that they reach the agent's
 * handlers. Whatever comes, nothing outside the idle slot and otadata changes; with a key, or where an app
 * has to have a later secure version, nothing boots that did not before. Input: a byte that says which agent,
 * then type, length, payload, again and again. */
#include "espota/bytes.h"
#include "espota/crc32.h"
#include "espota/host.h"
#include "espota/plan.h"
#include "sim/board.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    FLASH = 4 << 20,
    RUNNING = 0x10000,
    IDLE = 0x110000,
    IDLE_END = 0x210000,
    OTADATA = 0xd000,
    OTADATA_END = 0xf000
};

static void swallow(void *context, enum sim_stream stream, const uint8_t *data, size_t length)
{
    (void)context;
    (void)stream;
    (void)data;
    (void)length;
}

static void put_image(struct sim_flash *flash, uint32_t offset)
{
    static uint8_t content[512], image[1024];
    struct espota_image_part part = { 0x3f400020, content, sizeof content };
    struct espota_image header = { .flash_size = 2 };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    if (!sha256 || espota_image_build(&header, &part, 1, sha256, image) != 0)
        abort();
    memcpy(flash->data + offset, image, espota_image_build_size(&part, 1));
    espota_hash_free(sha256);
}

static void prepare(struct sim_flash *flash)
{
    struct espota_plan plan;
    struct espota_plan_request request = { .flash_size = FLASH };
    struct espota_error error;
    if (espota_plan_make(&plan, &request, &error) != 0 ||
        espota_table_to_binary(&plan.table, flash->data + 0x8000, &error) != 0)
        abort();
    put_image(flash, 0x1000);
    put_image(flash, RUNNING);
}

static void send_frame(struct sim_board *board, uint8_t type, uint32_t sequence, const uint8_t *payload,
                       size_t length)
{
    uint8_t body[8 + 2048 + 4], wire[ESPOTA_SLIP_MAX_ENCODED(sizeof body)];
    body[0] = ESPOTA_AGENT_MARK;
    body[1] = type;
    espota_put_le16(body + 2, (uint16_t)length);
    espota_put_le32(body + 4, sequence);
    memcpy(body + 8, payload, length);
    espota_put_le32(body + 8 + length, espota_crc32(0, body, 8 + length));
    sim_board_input(board, SIM_UART, wire, espota_slip_encode(body, length + 12, wire));
}

static void check_untouched(const struct sim_flash *flash, const uint8_t *before)
{
    if (memcmp(flash->data, before, OTADATA) != 0 ||
        memcmp(flash->data + OTADATA_END, before + OTADATA_END, IDLE - OTADATA_END) != 0 ||
        memcmp(flash->data + IDLE_END, before + IDLE_END, FLASH - IDLE_END) != 0)
        abort();
}

static void talk(struct sim_board *board, const uint8_t *data, size_t size)
{
    static const uint8_t hello[18] = { 1, 1 };
    uint32_t sequence = 1;
    send_frame(board, ESPOTA_AGENT_HELLO, sequence++, hello, sizeof hello);
    while (size >= 3) {
        uint8_t type = data[0] % 15;
        size_t length = espota_get_le16(data + 1) % 1100;
        data += 3;
        size -= 3;
        if (length > size)
            length = size;
        if (type != ESPOTA_AGENT_RESTART) /* would boot another slot, and then that one may not change */
            send_frame(board, type, sequence++, data, length);
        data += length;
        size -= length;
    }
}

static int slot_that_boots(const struct sim_flash *flash)
{
    struct espota_otadata otadata;
    for (uint32_t i = 0; i < 2; i++)
        espota_otadata_record_parse(&otadata.record[i], flash->data + OTADATA + i * ESPOTA_SECTOR_SIZE);
    return espota_otadata_active_slot(&otadata, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t before[FLASH];
    static struct sim_flash flash;
    struct sim_board *board = calloc(1, sizeof *board);
    struct espota_error error;
    if (!board)
        return 0;
    if (!flash.data) { /* made once: filling 4M for each input is slow */
        if (sim_flash_memory(&flash, FLASH, &error) != 0)
            abort();
        prepare(&flash);
        memcpy(before, flash.data, FLASH);
    }
    static const uint8_t key[32] = "nobody has told it to the host";
    bool keyed = size > 0 && data[0] & 1, versioned = size > 0 && data[0] & 2;
    struct sim_board_options options = { .chip = espota_chip_by_name("esp32"),
                                         .table_offset = 0x8000,
                                         .rollback = true,
                                         .send = swallow,
                                         .key = keyed ? key : NULL,
                                         .key_length = keyed ? sizeof key : 0,
                                         .min_secure_version = versioned };
    if (sim_board_init(board, &flash, &options, &error) != 0)
        abort();
    sim_board_reset(board, false);
    if (board->state != SIM_RUNNING)
        abort();
    uint64_t operations = flash.operations; /* the bootloader may have written otadata */
    int boots = slot_that_boots(&flash);
    sim_board_input(board, SIM_UART, data, size); /* raw: frames that are none */
    if (size > 0)
        talk(board, data + 1, size - 1);
    sim_board_end(board);
    free(board);
    if (keyed && flash.operations > operations)
        abort();
    if (versioned && slot_that_boots(&flash) != boots)
        abort();
    if (memcmp(flash.data, before, OTADATA) != 0 || flash.operations > 0) {
        check_untouched(&flash, before);
        memcpy(flash.data, before, FLASH);
        flash.operations = 0;
    }
    return 0;
}
