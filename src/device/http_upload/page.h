/* Web pages that take images: which kind one is, and what it says of an upload. Text of any bytes, with a NUL
 * behind. */
#ifndef ESPOTA_DEVICE_HTTP_UPLOAD_PAGE_H
#define ESPOTA_DEVICE_HTTP_UPLOAD_PAGE_H

#include <stdbool.h>
#include <stddef.h>

enum page_kind {
    PAGE_UNKNOWN,
    PAGE_UPDATE_SERVER,
    PAGE_ELEGANT,
    PAGE_ELEGANT_2,
    PAGE_ELEGANT_3,
    PAGE_TASMOTA
};

/* PAGE_ELEGANT: of either version, which the page does not say. */
enum page_kind page_kind_of(const char *page);
/* For people. */
const char *page_kind_name(enum page_kind kind);

/* Did the upload do, by what the device says to it? */
enum page_verdict { PAGE_DONE, PAGE_FAILED, PAGE_SAYS_NEITHER };
enum page_verdict page_judge(enum page_kind kind, long status, const char *answer);

/* What a page says to a reader: without tags, in one line, at most `room` - 1 bytes. */
void page_words(const char *page, char *words, size_t room);

#endif
