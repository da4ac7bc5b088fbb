#include "page.h"

#include <string.h>
#include <strings.h>

/* Both kinds of quotes, and none, are about. */
static bool has_field(const char *page, const char *field)
{
    for (const char *at = page; (at = strcasestr(at, "name=")) != NULL; at++) {
        const char *value = at + strlen("name=");
        value += *value == '"' || *value == '\'';
        size_t length = strlen(field);
        if (strncmp(value, field, length) == 0 && strchr("\"' />", value[length]))
            return true;
    }
    return false;
}

enum page_kind page_kind_of(const char *page)
{
    if (strstr(page, "ElegantOTA") || strstr(page, "Elegant OTA"))
        return PAGE_ELEGANT;
    if (has_field(page, "u2"))
        return PAGE_TASMOTA;
    return has_field(page, "firmware") ? PAGE_UPDATE_SERVER : PAGE_UNKNOWN;
}

const char *page_kind_name(enum page_kind kind)
{
    static const char *const names[] = { "an unknown page", "HTTPUpdateServer", "ElegantOTA",
                                         "ElegantOTA 2",    "ElegantOTA 3",     "Tasmota" };
    return names[kind];
}

enum page_verdict page_judge(enum page_kind kind, long status, const char *answer)
{
    const char *good = kind == PAGE_UPDATE_SERVER ? "Update Success" : "Successful";
    const char *bad = kind == PAGE_UPDATE_SERVER ? "Update error" : "Failed";
    char words[4096];
    if (status != 200)
        return PAGE_FAILED;
    if (kind == PAGE_ELEGANT_2 || kind == PAGE_ELEGANT_3)
        return strcmp(answer, "OK") == 0 ? PAGE_DONE : PAGE_FAILED;
    page_words(answer, words, sizeof words); /* scripts say both */
    if (strstr(words, bad))
        return PAGE_FAILED;
    return strstr(words, good) ? PAGE_DONE : PAGE_SAYS_NEITHER;
}

/* The text of scripts and styles is none for readers. */
static const char *behind(const char *page, const char *end)
{
    const char *found = strcasestr(page, end);
    return found ? found : page + strlen(page);
}

static const char *behind_tag(const char *tag)
{
    if (strncasecmp(tag, "<script", 7) == 0)
        tag = behind(tag, "</script");
    else if (strncasecmp(tag, "<style", 6) == 0)
        tag = behind(tag, "</style");
    else if (strncasecmp(tag, "<title", 6) == 0)
        tag = behind(tag, "</title");
    const char *end = strchr(tag, '>');
    return end ? end + 1 : tag + strlen(tag);
}

void page_words(const char *page, char *words, size_t room)
{
    size_t length = 0;
    bool gap = false;
    while (*page && length + 2 < room) {
        if (*page == '<') {
            page = behind_tag(page);
            gap = length > 0;
        } else if ((unsigned char)*page <= ' ' || *page == 0x7f) {
            gap = length > 0;
            page++;
        } else {
            if (gap)
                words[length++] = ' ';
            gap = false;
            words[length++] = *page++;
        }
    }
    words[length] = '\0';
}
