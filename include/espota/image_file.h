/** Images in memory examined with OpenSSL, and a sentence about what was found. */
#ifndef ESPOTA_IMAGE_FILE_H
#define ESPOTA_IMAGE_FILE_H

#pragma GCC visibility push(default)

#include "espota/image.h"
#include "espota/table_file.h"

#include <stddef.h>

/** One sentence about a verdict. `image` as espota_image_examine left it. @return `text`. */
const char *espota_image_verdict_text(enum espota_image_verdict verdict, const struct espota_image *image,
                                      char text[ESPOTA_PROBLEM_TEXT]);

/** Examine an image in memory with OpenSSL's SHA-256. */
enum espota_image_verdict espota_image_examine_memory(struct espota_image *image, const void *data,
                                                      size_t size);

#pragma GCC visibility pop

#endif
