/* What a server says, and where it sends us. */
#include "puller_private.h"

#include <string.h>

static bool take_number(const char **text, uint32_t *number)
{
    const char *at = *text;
    uint32_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint32_t next = (uint32_t)(*at - '0');
        if (value > (UINT32_MAX - next) / 10)
            return false;
        value = value * 10 + next;
    }
    bool any = at != *text;
    *text = at;
    *number = value;
    return any;
}

bool puller_parse_range(const char *text, uint32_t *first, uint32_t *last, uint32_t *total)
{
    while (*text == ' ')
        text++;
    if (strncmp(text, "bytes ", 6) != 0)
        return false;
    text += 6;
    while (*text == ' ')
        text++;
    if (!take_number(&text, first) || *text++ != '-' || !take_number(&text, last) || *text++ != '/' ||
        !take_number(&text, total))
        return false;
    while (*text == ' ')
        text++;
    return *text == '\0' && *first <= *last && *last < *total;
}

/* Behind "http://". */
static size_t authority_of(const char *url)
{
    const char *slashes = strstr(url, "://");
    return slashes ? (size_t)(slashes - url) + 3 : 0;
}

/* Where the path begins, or query or fragment, or the text ends. */
static size_t path_of(const char *url)
{
    size_t at = authority_of(url);
    return at + strcspn(url + at, "/?#");
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* Up to the last @ before the path; a user without a password has an empty one. */
size_t espota_puller_credentials(const char *url, char *out, size_t room)
{
    size_t at = authority_of(url), end = path_of(url), length = 0;
    bool colon = false;
    while (end > at && url[end - 1] != '@')
        end--;
    if (end == at)
        return 0;
    for (end--; at < end; at++) {
        int high = url[at] == '%' && at + 2 < end ? digit_of(url[at + 1]) : -1;
        int low = high >= 0 ? digit_of(url[at + 2]) : -1;
        if (length + 2 > room || (url[at] == '%' && low < 0))
            return 0;
        colon = colon || url[at] == ':';
        int byte = low >= 0 ? high << 4 | low : url[at];
        out[length++] = (char)byte;
        at += low >= 0 ? 2 : 0;
    }
    if (!colon)
        out[length++] = ':';
    return length;
}

static bool has_scheme(const char *text)
{
    size_t length = strcspn(text, ":/?#");
    return length > 0 && text[length] == ':';
}

/* How much of the base stands before a location that is relative. */
static size_t kept_of(const char *base, const char *location)
{
    if (location[0] == '/' && location[1] == '/')
        return authority_of(base) - 2;
    size_t path = path_of(base), end = path + strcspn(base + path, "?#");
    if (location[0] == '/')
        return path;
    if (location[0] == '?')
        return end;
    while (end > path && base[end - 1] != '/')
        end--;
    return end;
}

bool puller_redirect(char url[ESPOTA_PULL_URL + 1], const char *location)
{
    bool https = espota_pull_is_https(url, strlen(url));
    size_t kept = has_scheme(location) ? 0 : kept_of(url, location), length = strcspn(location, "#");
    bool slash = kept > 0 && location[0] != '/' && location[0] != '?' && url[kept - 1] != '/';
    if (length == 0 || kept + slash + length > ESPOTA_PULL_URL)
        return false;
    if (kept + slash > 0 && slash)
        url[kept] = '/';
    memmove(url + kept + slash, location, length);
    url[kept + slash + length] = '\0';
    length = strlen(url);
    return espota_pull_is_url(url, length) && (!https || espota_pull_is_https(url, length));
}

bool puller_sidecar_url(char url[ESPOTA_PULL_URL + 1])
{
    static const char ending[] = ".md5";
    size_t length = strlen(url), base = strcspn(url, "?#"), more = sizeof ending - 1;
    if (length + more > ESPOTA_PULL_URL)
        return false;
    memmove(url + base + more, url + base, length - base + 1);
    memcpy(url + base, ending, more);
    return true;
}

void puller_cut_query(char *url)
{
    url[strcspn(url, "?#")] = '\0';
}
