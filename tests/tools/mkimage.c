/* Makes app images for the tests and the demo: valid, of a chosen size and version, with content that hardly
 * compresses, or as firmware does. They are data: no chip could run them. */
#include "espota/agent_settings.h"
#include "espota/bytes.h"
#include "espota/chip.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/size.h"

#include "fixtures/code_like.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    const char *output, *version, *project, *chip, *content; /* "xtensa", "riscv", "random", or NULL */
    uint32_t size, seed, flash_size, secure_version;
    bool bootloader, agent;
};

static void describe(uint8_t *out, const struct request *r)
{
    memset(out, 0, ESPOTA_APP_DESC_SIZE);
    espota_put_le32(out, ESPOTA_APP_DESC_MAGIC);
    espota_put_le32(out + 4, r->secure_version);
    snprintf((char *)out + 16, 32, "%s", r->version);
    snprintf((char *)out + 48, 32, "%s", r->project);
    snprintf((char *)out + 80, 16, "12:00:00");
    snprintf((char *)out + 96, 16, "Nov  1 2026");
    snprintf((char *)out + 112, 32, "v5.3");
}

/* Runs of repeated words between random ones: about as compressible as code. */
static void fill(uint8_t *data, uint32_t size, uint32_t seed, bool random)
{
    uint32_t x = seed ? seed : 1;
    for (uint32_t at = 0; at + 4 <= size; at += 4) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        espota_put_le32(data + at, random || x % 3 ? x : x & 0xff);
    }
}

static int build(const struct request *r, uint8_t **image, size_t *size)
{
    const struct espota_chip *chip = espota_chip_by_name(r->chip);
    uint32_t flash = 0;
    struct espota_image_part part = { 0x3f400020u, NULL, 0 };
    if (!chip || r->size < 1024)
        return -1;
    if (r->bootloader)
        part.load_address = chip->loader[0].start;
    while (flash < 7 && (1u << (20 + flash)) < r->flash_size)
        flash++;
    part.length = (r->size - 24 - 8 - 16 - 32) / 16 * 16;
    uint8_t *data = malloc(part.length);
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    struct espota_image header = { .flash_mode = 2,
                                   .flash_size = (uint8_t)flash,
                                   .entry = 0x40080000,
                                   .chip_id = chip->image_id,
                                   .max_revision = UINT16_MAX };
    int result = -1;
    if (data && sha256) {
        bool random = r->content && strcmp(r->content, "random") == 0;
        if (r->content && !random)
            code_like_fill(data, part.length, r->seed, strcmp(r->content, "riscv") == 0);
        else
            fill(data, part.length, r->seed, random);
        if (!r->bootloader)
            describe(data, r);
        if (r->agent)
            memcpy(memset(data + ESPOTA_APP_DESC_SIZE, 0, sizeof(struct espota_agent_settings)),
                   ESPOTA_SETTINGS_MAGIC, sizeof ESPOTA_SETTINGS_MAGIC - 1);
        part.data = data;
        *size = espota_image_build_size(&part, 1);
        *image = malloc(*size);
        if (*image)
            result = espota_image_build(&header, &part, 1, sha256, *image);
    }
    espota_hash_free(sha256);
    free(data);
    return result;
}

int main(int argc, char **argv)
{
    struct request r = { .version = "1.0",
                         .project = "demo",
                         .chip = "esp32",
                         .size = 256 << 10,
                         .seed = 1,
                         .flash_size = 4 << 20 };
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        bool ok = true;
        if (strcmp(name, "-o") == 0)
            r.output = value;
        else if (strcmp(name, "--version") == 0)
            r.version = value;
        else if (strcmp(name, "--project") == 0)
            r.project = value;
        else if (strcmp(name, "--chip") == 0)
            r.chip = value;
        else if (strcmp(name, "--content") == 0)
            r.content = value;
        else if (strcmp(name, "--kind") == 0)
            r.bootloader = strcmp(value, "bootloader") == 0, r.agent = strcmp(value, "agent") == 0;
        else if (strcmp(name, "--size") == 0)
            ok = espota_size_parse(value, &r.size);
        else if (strcmp(name, "--flash") == 0)
            ok = espota_size_parse(value, &r.flash_size);
        else if (strcmp(name, "--secure-version") == 0)
            ok = espota_size_parse(value, &r.secure_version);
        else if (strcmp(name, "--seed") == 0)
            ok = espota_size_parse(value, &r.seed);
        else
            ok = false;
        if (!ok) {
            fprintf(stderr, "mkimage: cannot use %s %s\n", name, value);
            return 2;
        }
    }
    uint8_t *image = NULL;
    size_t size = 0;
    struct espota_error error = { 0 };
    if (!r.output || build(&r, &image, &size) != 0) {
        fprintf(stderr, "mkimage: -o FILE is missing, or chip or size are impossible\n");
        free(image);
        return 1;
    }
    int result = espota_file_write(r.output, image, size, &error);
    if (result != 0)
        fprintf(stderr, "mkimage: %s\n", error.text);
    free(image);
    return result != 0;
}
