/* App images: what the examination calls valid, the outline must find too, with the same length. */
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/table_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct espota_image image, outline;
    struct espota_image_memory memory = { data, size };
    struct espota_image_source source = { &memory, espota_image_memory_read, (uint32_t)size };
    char words[ESPOTA_PROBLEM_TEXT];
    enum espota_image_verdict verdict = espota_image_examine_memory(&image, data, size);
    (void)espota_image_verdict_text(verdict, &image, words);
    enum espota_image_verdict found = espota_image_parse_headers(&outline, &source);
    if (verdict == ESPOTA_IMAGE_OK && (found != ESPOTA_IMAGE_OK || outline.length != image.length))
        abort();
    return 0;
}
