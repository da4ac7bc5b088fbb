/* URLs, for http.c. */
#ifndef ESPOTA_FETCH_URL_H
#define ESPOTA_FETCH_URL_H

#include <stdbool.h>

bool fetch_is_http(const char *url); /* or https */
bool fetch_is_https(const char *url);

/* Where a redirect of `from` leads: `location`, absolute, with user name and password of `from` when it is
 * the same server. @return a string for the caller to free, or NULL when it is no URL. */
char *fetch_redirect_target(const char *from, const char *location);

#endif
