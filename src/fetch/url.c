/* URLs: completing them, and where a redirect may lead. */
#include "url.h"

#include "espota/address.h"
#include "espota/error.h"
#include "espota/fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int complete(CURLU *u, const char *text, uint16_t port, const char *path, char **url)
{
    char *has = NULL;
    char number[8];
    if (curl_url_set(u, CURLUPART_URL, text, CURLU_GUESS_SCHEME) != CURLUE_OK)
        return -1;
    if (port != 0 && curl_url_get(u, CURLUPART_PORT, &has, 0) != CURLUE_OK) {
        snprintf(number, sizeof number, "%u", port);
        if (curl_url_set(u, CURLUPART_PORT, number, 0) != CURLUE_OK)
            return -1;
    }
    curl_free(has);
    has = NULL;
    if (curl_url_get(u, CURLUPART_PATH, &has, 0) != CURLUE_OK)
        return -1;
    bool bare = strcmp(has, "/") == 0 || *has == '\0';
    curl_free(has);
    has = NULL;
    if (bare && curl_url_set(u, CURLUPART_PATH, path, 0) != CURLUE_OK)
        return -1;
    if (curl_url_get(u, CURLUPART_URL, &has, 0) != CURLUE_OK)
        return -1;
    *url = strdup(has);
    curl_free(has);
    return *url ? 0 : -1;
}

bool fetch_is_https(const char *url)
{
    return espota_address_after(url, "https://") != NULL;
}

bool fetch_is_http(const char *url)
{
    return espota_address_after(url, "http://") || fetch_is_https(url);
}

static int no_url(const char *text, struct espota_error *error)
{
    char *shown = espota_address_shown(text);
    bool space = strpbrk(text, " \t\r\n") != NULL;
    espota_fail(error, ESPOTA_ERR_USAGE, "'%s' is no http:// or https:// address%s", shown ? shown : "",
                space ? ": there is a space in it, which is written %20 there" : "");
    free(shown);
    return (int)error->status;
}

/* What is secret does not travel by a scheme that was guessed. */
static int no_scheme(const char *text, struct espota_error *error)
{
    char *shown = espota_address_shown(text);
    espota_fail(error, ESPOTA_ERR_USAGE,
                "the URL of '%s' has a password, and does not say how it travels: begin it with https://, or "
                "with http:// where others may read it",
                shown ? shown : "a server");
    free(shown);
    return (int)error->status;
}

int espota_fetch_complete_url(const char *text, uint16_t port, const char *path, char **url,
                              struct espota_error *error)
{
    if (!espota_address_has_scheme(text) && espota_address_has_user(text))
        return no_scheme(text, error);
    CURLU *u = curl_url();
    int result = u ? complete(u, text, port, path, url) : -1;
    curl_url_cleanup(u);
    if (result == 0 && !fetch_is_http(*url)) {
        free(*url);
        *url = NULL;
        result = -1;
    }
    return result == 0 ? 0 : no_url(text, error);
}

/* ---- redirects ------------------------------------------------------------------------------------------
 */

static bool same_part(CURLU *a, CURLU *b, CURLUPart part, unsigned flags)
{
    char *x = NULL, *y = NULL;
    bool same = curl_url_get(a, part, &x, flags) == CURLUE_OK &&
                curl_url_get(b, part, &y, flags) == CURLUE_OK && strcasecmp(x, y) == 0;
    curl_free(x);
    curl_free(y);
    return same;
}

static void copy_part(CURLU *from, CURLU *to, CURLUPart part)
{
    char *text = NULL;
    if (curl_url_get(from, part, &text, 0) == CURLUE_OK)
        (void)curl_url_set(to, part, text, 0); /* without it the server says 401 */
    curl_free(text);
}

static bool same_server(CURLU *a, CURLU *b)
{
    return same_part(a, b, CURLUPART_SCHEME, 0) && same_part(a, b, CURLUPART_HOST, 0) &&
           same_part(a, b, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

bool espota_fetch_same_server(const char *a, const char *b)
{
    CURLU *x = curl_url(), *y = curl_url();
    bool same = x && y && curl_url_set(x, CURLUPART_URL, a, 0) == CURLUE_OK &&
                curl_url_set(y, CURLUPART_URL, b, 0) == CURLUE_OK && same_server(x, y);
    curl_url_cleanup(x);
    curl_url_cleanup(y);
    return same;
}

char *espota_fetch_absolute_url(const char *base, const char *reference)
{
    CURLU *u = curl_url();
    char *text = NULL, *result = NULL;
    if (u && curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
        curl_url_set(u, CURLUPART_URL, reference, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK && fetch_is_http(text))
        result = strdup(text);
    curl_free(text);
    curl_url_cleanup(u);
    return result;
}

/* User name and password go along to the same server only. */
char *fetch_redirect_target(const char *from, const char *location)
{
    CURLU *a = curl_url(), *b = curl_url();
    char *text = NULL, *result = NULL;
    if (a && b && curl_url_set(a, CURLUPART_URL, from, 0) == CURLUE_OK &&
        curl_url_set(b, CURLUPART_URL, location, 0) == CURLUE_OK) {
        if (same_server(a, b)) {
            copy_part(a, b, CURLUPART_USER);
            copy_part(a, b, CURLUPART_PASSWORD);
        }
        if (curl_url_get(b, CURLUPART_URL, &text, 0) == CURLUE_OK)
            result = strdup(text);
        curl_free(text);
    }
    curl_url_cleanup(a);
    curl_url_cleanup(b);
    return result;
}
