#include "http_header.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool http_header_add(struct curl_slist **headers, const char *name, const char *value)
{
    char line[640];
    int length = snprintf(line, sizeof line, "%s:%s%s", name, *value ? " " : "", value);
    struct curl_slist *longer =
        length > 0 && (size_t)length < sizeof line ? curl_slist_append(*headers, line) : NULL;
    if (longer)
        *headers = longer;
    return longer != NULL;
}

bool http_header_is(const char *line, size_t length, const char *name, const char **value,
                    size_t *value_length)
{
    size_t begin = strlen(name), end = length;
    if (length <= begin || strncasecmp(line, name, begin) != 0 || line[begin++] != ':')
        return false;
    while (begin < end && line[begin] == ' ')
        begin++;
    while (end > begin && (line[end - 1] == '\r' || line[end - 1] == '\n'))
        end--;
    *value = line + begin;
    *value_length = end - begin;
    return true;
}
