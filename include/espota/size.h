/** Sizes as people write them. */
#ifndef ESPOTA_SIZE_H
#define ESPOTA_SIZE_H

#pragma GCC visibility push(default)

#include <stdbool.h>
#include <stdint.h>

/** "1M", "64K", "4096", "0x1000" to bytes. @return false for anything else, or more than UINT32_MAX. */
bool espota_size_parse(const char *text, uint32_t *size);

/** Bytes as the shortest exact form: "1M", "1984K", "100 bytes". @return `text`. */
#define ESPOTA_SIZE_TEXT 24
const char *espota_size_text(uint64_t size, char text[ESPOTA_SIZE_TEXT]);

/** What a noun has behind so many: "1 byte", "2 bytes". */
#define ESPOTA_PLURAL(count) ((count) == 1 ? "" : "s")

#pragma GCC visibility pop

#endif
