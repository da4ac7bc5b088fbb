/* Messages of the DDI API. */
#include "espota/ddi.h"

#include "espota/fetch.h"
#include "espota/hex.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_URL = 4096, LONGEST_KEY = 128, LONGEST_VALUE = 256, LONGEST_SLEEP_S = 7 * 24 * 3600 };

static int not_understood(const char *what, const char *why, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_NETWORK, "the server's answer is no %s of the DDI API: %s", what,
                       why);
}

static json_t *parse(const char *text, size_t length, const char *what, struct espota_error *error)
{
    json_error_t reason;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &reason);
    if (!root)
        not_understood(what, reason.text, error);
    return root;
}

/* A text that fits, or nothing. */
static bool copy(char *to, size_t room, const json_t *from)
{
    const char *text = json_string_value(from);
    to[0] = '\0';
    if (!text || strlen(text) != json_string_length(from) || strlen(text) >= room)
        return false;
    memcpy(to, text, strlen(text) + 1);
    return true;
}

/* ---- addresses ------------------------------------------------------------------------------------------
 */

/* The address of links[name]. @return 0 also where there is none. */
static int link_of(const json_t *links, const char *name, const char *base, char **url,
                   struct espota_error *error)
{
    const json_t *href = json_object_get(json_object_get(links, name), "href");
    const char *text = json_string_value(href);
    if (!text)
        return 0;
    if (strlen(text) != json_string_length(href) || strlen(text) > LONGEST_URL)
        return not_understood("message", "an address in it is none", error);
    *url = espota_fetch_absolute_url(base, text);
    return *url ? 0 : not_understood("message", "an address in it is none", error);
}

/* ---- poll -----------------------------------------------------------------------------------------------
 */

/* "HH:MM:SS" */
static bool read_sleep(const char *text, uint32_t *sleep_s)
{
    unsigned hours = 0, minutes = 0, seconds = 0;
    char end = '\0';
    if (!text || sscanf(text, "%4u:%2u:%2u%c", &hours, &minutes, &seconds, &end) != 3)
        return false;
    uint64_t all = 3600ull * hours + 60ull * minutes + seconds;
    *sleep_s = all > LONGEST_SLEEP_S ? LONGEST_SLEEP_S : (uint32_t)all;
    return true;
}

int espota_ddi_poll_parse(struct espota_ddi_poll *poll, const char *text, size_t length, const char *base,
                          struct espota_error *error)
{
    memset(poll, 0, sizeof *poll);
    json_t *root = parse(text, length, "answer to a poll", error);
    if (!root)
        return (int)error->status;
    int result = json_is_object(root) ? 0 : not_understood("answer to a poll", "it is no object", error);
    const json_t *links = json_object_get(root, "_links");
    const json_t *polling = json_object_get(json_object_get(root, "config"), "polling");
    poll->has_sleep = read_sleep(json_string_value(json_object_get(polling, "sleep")), &poll->sleep_s);
    if (result == 0)
        result = link_of(links, "configData", base, &poll->config_data, error);
    if (result == 0)
        result = link_of(links, "deploymentBase", base, &poll->deployment, error);
    if (result == 0)
        result = link_of(links, "cancelAction", base, &poll->cancel, error);
    if (result == 0)
        result = link_of(links, "confirmationBase", base, &poll->confirmation, error);
    json_decref(root);
    return result;
}

void espota_ddi_poll_free(struct espota_ddi_poll *poll)
{
    free(poll->config_data);
    free(poll->deployment);
    free(poll->cancel);
    free(poll->confirmation);
    memset(poll, 0, sizeof *poll);
}

/* ---- deployment -----------------------------------------------------------------------------------------
 */

static enum espota_ddi_handling handling(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && strcmp(text, "forced") == 0    ? ESPOTA_DDI_FORCED
           : text && strcmp(text, "attempt") == 0 ? ESPOTA_DDI_ATTEMPT
                                                  : ESPOTA_DDI_SKIP;
}

static bool digest(const json_t *hashes, const char *name, uint8_t *bytes, size_t length)
{
    const json_t *value = json_object_get(hashes, name);
    return json_string_length(value) == 2 * length && espota_unhex(json_string_value(value), bytes, length);
}

static int read_artifact(struct espota_ddi_artifact *to, const json_t *from, const char *base,
                         struct espota_error *error)
{
    const json_t *hashes = json_object_get(from, "hashes"), *links = json_object_get(from, "_links");
    const json_t *size = json_object_get(from, "size");
    if (!copy(to->name, sizeof to->name, json_object_get(from, "filename")))
        return not_understood("deployment", "an artifact has no name, or too long a one", error);
    if (size && (!json_is_integer(size) || json_integer_value(size) < 0))
        return not_understood("deployment", "the size of an artifact is no number", error);
    to->size = (uint64_t)json_integer_value(size);
    to->has_sha256 = digest(hashes, "sha256", to->sha256, sizeof to->sha256);
    to->has_sha1 = digest(hashes, "sha1", to->sha1, sizeof to->sha1);
    to->has_md5 = digest(hashes, "md5", to->md5, sizeof to->md5);
    int result = link_of(links, "download", base, &to->url, error);
    if (result == 0)
        result = link_of(links, "download-http", base, &to->plain_url, error);
    if (result == 0 && !to->url && !to->plain_url)
        result = not_understood("deployment", "an artifact has no address", error);
    return result;
}

static int read_chunk(struct espota_ddi_deployment *d, const json_t *chunk, const char *base,
                      struct espota_error *error)
{
    const json_t *artifact;
    size_t i;
    if (d->name[0] == '\0' && d->version[0] == '\0') {
        (void)copy(d->name, sizeof d->name, json_object_get(chunk, "name"));
        (void)copy(d->version, sizeof d->version, json_object_get(chunk, "version"));
    }
    json_array_foreach(json_object_get(chunk, "artifacts"), i, artifact)
    {
        if (d->count == ESPOTA_DDI_ARTIFACTS)
            return not_understood("deployment", "it has too many artifacts", error);
        int result = read_artifact(&d->artifact[d->count++], artifact, base, error);
        if (result != 0)
            return result;
    }
    return 0;
}

static int read_deployment(struct espota_ddi_deployment *d, const json_t *root, const char *base,
                           struct espota_error *error)
{
    const json_t *body = json_object_get(root, "deployment"), *chunk;
    const char *window = json_string_value(json_object_get(body, "maintenanceWindow"));
    size_t i;
    if (!body)
        body = json_object_get(root, "confirmation");
    if (!json_is_object(body) || !copy(d->id, sizeof d->id, json_object_get(root, "id")) || d->id[0] == '\0')
        return not_understood("deployment", "id or contents are missing", error);
    d->download = handling(json_object_get(body, "download"));
    d->update = handling(json_object_get(body, "update"));
    d->window_closed = window && strcmp(window, "unavailable") == 0;
    json_array_foreach(json_object_get(body, "chunks"), i, chunk)
    {
        int result = read_chunk(d, chunk, base, error);
        if (result != 0)
            return result;
    }
    return 0;
}

int espota_ddi_deployment_parse(struct espota_ddi_deployment *deployment, const char *text, size_t length,
                                const char *base, struct espota_error *error)
{
    memset(deployment, 0, sizeof *deployment);
    json_t *root = parse(text, length, "deployment", error);
    if (!root)
        return (int)error->status;
    int result = json_is_null(root) ? 0 : read_deployment(deployment, root, base, error);
    json_decref(root);
    return result;
}

void espota_ddi_deployment_free(struct espota_ddi_deployment *deployment)
{
    for (size_t i = 0; i < deployment->count; i++) {
        free(deployment->artifact[i].url);
        free(deployment->artifact[i].plain_url);
    }
    memset(deployment, 0, sizeof *deployment);
}

int espota_ddi_cancel_parse(struct espota_ddi_cancel *cancel, const char *text, size_t length,
                            struct espota_error *error)
{
    memset(cancel, 0, sizeof *cancel);
    json_t *root = parse(text, length, "cancellation", error);
    if (!root)
        return (int)error->status;
    const json_t *stop = json_object_get(json_object_get(root, "cancelAction"), "stopId");
    int result = 0;
    if (!copy(cancel->id, sizeof cancel->id, json_object_get(root, "id")) ||
        !copy(cancel->stop_id, sizeof cancel->stop_id, stop))
        result = not_understood("cancellation", "an id is missing", error);
    json_decref(root);
    return result;
}

/* ---- what the device says -------------------------------------------------------------------------------
 */

static char *dump(json_t *root)
{
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

/* What came from a device, as text: what is no UTF-8 is left out. */
static json_t *any_text(const char *text, size_t most)
{
    char bytes[512];
    size_t length = 0;
    for (; *text && length < most && length < sizeof bytes - 1; text++)
        bytes[length++] = *text;
    bytes[length] = '\0';
    json_t *value = json_stringn(bytes, length);
    while (!value && length > 0) /* cut in the middle of a character, or no text at all */
        value = json_stringn(bytes, --length);
    return value ? value : json_string("");
}

static const char *const executions[] = { "proceeding", "downloaded", "closed", "rejected" };
static const char *const endings[] = { "none", "success", "failure" };

char *espota_ddi_feedback_text(const struct espota_ddi_feedback *f)
{
    json_t *details = json_array();
    if (f->detail)
        json_array_append_new(details, any_text(f->detail, 500));
    return dump(json_pack("{s:s, s:{s:s, s:{s:s, s:{s:i, s:i}}, s:o}}", "id", f->id, "status", "execution",
                          executions[f->execution], "result", "finished", endings[f->finished], "progress",
                          "cnt", (int)f->done, "of", (int)f->of, "details", details));
}

char *espota_ddi_consent_text(bool given, const char *detail)
{
    return dump(json_pack("{s:s, s:i, s:[o]}", "confirmation", given ? "confirmed" : "denied", "code",
                          given ? 1 : -1, "details", any_text(detail, LONGEST_VALUE)));
}

char *espota_ddi_attributes_text(const struct espota_ddi_attribute *attribute, size_t count)
{
    json_t *data = json_object();
    for (size_t i = 0; i < count; i++)
        if (attribute[i].value && strlen(attribute[i].key) <= LONGEST_KEY)
            json_object_set_new(data, attribute[i].key, any_text(attribute[i].value, LONGEST_VALUE));
    return dump(json_pack("{s:s, s:o}", "mode", "merge", "data", data));
}
