#include "espota/image_file.h"

#include "espota/digest.h"

#include <stdio.h>
#include <string.h>

const char *espota_image_verdict_text(enum espota_image_verdict verdict, const struct espota_image *image,
                                      char text[ESPOTA_PROBLEM_TEXT])
{
    size_t room = ESPOTA_PROBLEM_TEXT;
    switch (verdict) {
    case ESPOTA_IMAGE_OK:
        snprintf(text, room, "valid");
        break;
    case ESPOTA_IMAGE_READ_FAILED:
        snprintf(text, room, "it could not be read");
        break;
    case ESPOTA_IMAGE_HASH_FAILED:
        snprintf(text, room, "SHA-256 is not available from the crypto library");
        break;
    case ESPOTA_IMAGE_TRUNCATED:
        snprintf(text, room, "it ends before its image does: the file is cut off");
        break;
    case ESPOTA_IMAGE_NO_MAGIC:
        snprintf(text, room, "it is not an ESP image");
        break;
    case ESPOTA_IMAGE_BAD_SEGMENTS:
        snprintf(text, room, "its header claims %u segments; an image has 1 to 16", image->segment_count);
        break;
    case ESPOTA_IMAGE_BAD_LENGTH:
        snprintf(text, room, "a segment's length is no multiple of 4 or beyond 16M: the image is damaged");
        break;
    case ESPOTA_IMAGE_BAD_CHECKSUM:
        snprintf(text, room, "its checksum is %02x, but its content gives %02x: the image is damaged",
                 image->checksum_stored, image->checksum_computed);
        break;
    case ESPOTA_IMAGE_BAD_HASH:
        snprintf(text, room, "its SHA-256 does not match its content: the image is damaged");
        break;
    }
    return text;
}

enum espota_image_verdict espota_image_examine_memory(struct espota_image *image, const void *data,
                                                      size_t size)
{
    struct espota_image_memory memory = { data, size };
    struct espota_image_source source = { &memory, espota_image_memory_read,
                                          size > UINT32_MAX ? UINT32_MAX : (uint32_t)size };
    uint8_t buffer[4096];
    memset(image, 0, sizeof *image);
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    if (!sha256)
        return ESPOTA_IMAGE_HASH_FAILED;
    enum espota_image_verdict verdict = espota_image_examine(image, &source, sha256, buffer, sizeof buffer);
    espota_hash_free(sha256);
    return verdict;
}
