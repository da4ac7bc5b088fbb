/* Lines of HTTP headers: for requests that libcurl makes, and from answers that it hands out. */
#ifndef ESPOTA_BASE_HTTP_HEADER_H
#define ESPOTA_BASE_HTTP_HEADER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

/* Add "name: value" to a list for CURLOPT_HTTPHEADER; an empty value keeps libcurl from sending a header of
 * its own. @return false, with the list as it was, when memory is short or the line is longer than 639
 * characters. */
bool http_header_add(struct curl_slist **headers, const char *name, const char *value);

/* Is `line`, as CURLOPT_HEADERFUNCTION gets it, of this header? Then `*value`, of `*value_length` bytes in
 * the line, is what it says, without blanks before it and the end of the line. */
bool http_header_is(const char *line, size_t length, const char *name, const char **value,
                    size_t *value_length);

#endif
