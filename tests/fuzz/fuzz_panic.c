/* A console: any lines may come. What is read of a stack lies within its room, and tags and digits within the
 * line. */
#include "espota/log_line.h"
#include "espota/panic.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const char *line, size_t length)
{
    struct espota_log_line log;
    const char *digits = line;
    uint32_t address;
    for (size_t at = 0, before = 0; espota_panic_address(line, length, &at, &address); before = at) {
        if (at > length || at < before + 10)
            abort();
        (void)espota_panic_is_return(line, at - 10);
    }
    size_t count = espota_panic_elf_sha256(line, length, &digits);
    if (count > length || digits < line || digits + count > line + length)
        abort();
    if (espota_log_line_parse(line, length, &log) &&
        (log.tag < line || log.tag_length == 0 || log.tag + log.tag_length + 2 > line + length))
        abort();
}

static void filter(const char *text, const char *line, size_t length)
{
    struct espota_log_filter rules;
    const char *culprit = NULL;
    if (espota_log_filter_parse(&rules, text, &culprit) == ESPOTA_LOG_FILTER_GOOD)
        (void)espota_log_filter_passes(&rules, line, length);
    else if (!culprit || culprit < text || culprit > text + strlen(text))
        abort();
}

/* Each line in memory of its own, so that nothing behind it is read unseen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct espota_panic panic;
    char *before = NULL;
    espota_panic_begin(&panic);
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t length = end ? (size_t)(end - data) - at : size - at;
        char *line = malloc(length + 1);
        char *exact = malloc(length ? length : 1);
        if (!line || !exact)
            abort();
        memcpy(line, data + at, length);
        memcpy(exact, data + at, length);
        line[length] = '\0';
        (void)espota_panic_line(&panic, exact, length);
        if (panic.stack_length > sizeof panic.stack)
            abort();
        look(exact, length);
        if (before)
            filter(before, exact, length);
        free(before);
        free(exact);
        before = line;
        at += length + 1;
    }
    free(before);
    return 0;
}
