/* NVS: whatever a partition holds is read to its end; whatever CSV says makes one that reads back, or none.
 */
#include "espota/bytes.h"
#include "espota/nvs_csv.h"
#include "espota/nvs_values.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGE = 4096, PAGES = 3 };

/* Right CRCs lead further than wrong ones: of pages, and of entries where the mask says so. */
static void mend(uint8_t *page, uint8_t mask)
{
    espota_put_le32(page + 28, espota_nvs_header_crc(page));
    for (unsigned i = 0; i < ESPOTA_NVS_ENTRIES; i++)
        if (mask & 1u << (i % 8)) {
            uint8_t *entry = page + 64 + i * ESPOTA_NVS_ENTRY;
            espota_put_le32(entry + 4, espota_nvs_entry_crc(entry));
        }
}

static void look(const uint8_t *image, size_t size)
{
    struct espota_nvs_values values;
    struct espota_error error;
    if (espota_nvs_values_read(&values, image, size, &error) == 0)
        for (size_t i = 0; i < values.count; i++)
            if (values.value[i].data && values.value[i].data[values.value[i].size] != '\0')
                abort();
    espota_nvs_values_free(&values);
}

static void read_image(const uint8_t *data, size_t size, uint8_t mask)
{
    static const size_t part = 600;
    uint8_t *image = malloc(PAGES * PAGE);
    memset(image, 0xff, PAGES * PAGE);
    for (size_t i = 0; i < PAGES && size > 0; i++) {
        size_t n = size < part ? size : part;
        memcpy(image + i * PAGE, data, n);
        mend(image + i * PAGE, mask);
        data += n;
        size -= n;
    }
    look(image, PAGES * PAGE);
    free(image);
}

static void make_image(const uint8_t *data, size_t size, unsigned version)
{
    struct espota_nvs_builder builder;
    struct espota_error error;
    uint8_t *image = malloc(PAGES * PAGE);
    (void)espota_nvs_build_begin(&builder, image, PAGES * PAGE, version);
    /* files are no business of a fuzzer */
    if (!memmem(data, size, "file", 4) && espota_nvs_csv_read(&builder, "fuzz", data, size, &error) == 0) {
        struct espota_nvs_values values;
        if (espota_nvs_values_read(&values, image, PAGES * PAGE, &error) != 0 || values.damaged != 0)
            abort();
        espota_nvs_values_free(&values);
    }
    free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    if (data[0] == 'k') /* "key,..." */
        make_image(data, size, 1 + size % 2);
    else
        read_image(data + 1, size - 1, data[0]);
    return 0;
}
