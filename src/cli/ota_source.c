/* The image of an update: from a server or a file, checked with its MD5. */
#include "ota_source.h"

#include "espota/address.h"
#include "espota/error.h"
#include "espota/fetch.h"
#include "espota/file.h"
#include "espota/hex.h"
#include "espota/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_IMAGE = 16 << 20, LARGEST_ELF = 128 << 20, LARGEST_SIDECAR = 4096 };
#define DEFAULT_PATH "/MicroPython.bin"

const struct option_spec source_options[] = {
    { "url", 'u', OPTION_TEXT, offsetof(struct source_options, url), "URL",
      "http or https address of the image" },
    { "file", 'f', OPTION_TEXT, offsetof(struct source_options, file), "FILE",
      "local image or ELF file; FILE.md5 is checked when it exists" },
    { "md5", 'm', OPTION_FLAG, offsetof(struct source_options, md5), NULL,
      "require URL.md5 (FILE.md5) and check the image with it" },
    { "certificate", 0, OPTION_TEXT, offsetof(struct source_options, certificate), "PEM",
      "trust this certificate (a CA's, or the server's) for https" },
    { "path", 0, OPTION_TEXT, offsetof(struct source_options, path), "PATH",
      "path on the server when the URL has none (" DEFAULT_PATH ")" },
    { "http-port", 0, OPTION_NUMBER, offsetof(struct source_options, http_port), "PORT",
      "port of the server when the URL has none (80; https 443)" },
    { "stall-timeout", 0, OPTION_NUMBER, offsetof(struct source_options, stall_timeout), "SECONDS",
      "give up on a server that sends nothing, or next to it, for so long (30)" },
    { "timeout", 0, OPTION_NUMBER, offsetof(struct source_options, timeout), "SECONDS",
      "give up on a download that takes longer in all (600)" },
    OPTION_END,
};

void source_free(struct source *source)
{
    free(source->name);
    free(source->url);
    espota_bytes_free(&source->image);
    bases_close(&source->bases);
}

/* Where OpenSSL and curl look too: on a system that keeps the authorities elsewhere, or has none. */
static const char *authorities(void)
{
    const char *file = getenv("SSL_CERT_FILE");
    return file && access(file, R_OK) == 0 ? file : NULL;
}

static struct espota_fetch_options fetch_options(struct cli *cli, const struct source_options *o,
                                                 size_t limit)
{
    return (struct espota_fetch_options){
        .certificate = o->certificate ? o->certificate : authorities(),
        .limit = limit,
        .stall_timeout_s = o->stall_timeout.value,
        .total_timeout_s = o->timeout.value,
        .observer = &cli->observer,
    };
}

/* "http://server/app.bin?x" has its sidecar at "http://server/app.bin.md5?x". */
static char *sidecar_name(const char *name, bool url, const char *ending)
{
    size_t base = url ? strcspn(name, "?#") : strlen(name);
    size_t size = strlen(name) + strlen(ending) + 1;
    char *sidecar = malloc(size);
    if (sidecar)
        snprintf(sidecar, size, "%.*s%s%s", (int)base, name, ending, name + base);
    return sidecar;
}

static int fetch_md5(struct cli *cli, const struct source_options *o, struct source *source,
                     struct espota_error *error)
{
    struct espota_bytes text = { 0 };
    struct espota_fetch_options fetch = fetch_options(cli, o, LARGEST_SIDECAR);
    char *name = sidecar_name(source->url, true, ".md5");
    char *shown = name ? espota_address_shown(name) : NULL;
    char *file = strndup(source->url, strcspn(source->url, "?#"));
    if (!shown || !file) {
        free(name);
        free(shown);
        free(file);
        return espota_fail_memory(error, "fetching an MD5");
    }
    int result = espota_fetch_url(name, &fetch, &text, error);
    if (result == ESPOTA_ERR_NETWORK || result == ESPOTA_ERR_TOO_BIG) {
        error->status = ESPOTA_ERR_VERIFY;
        result = espota_fail_while(error, "--md5 was asked for, but there is no MD5 to check with");
    }
    if (result == 0)
        result = espota_md5_sidecar(&text, shown, file, source->md5, error);
    source->has_md5 = result == 0;
    espota_bytes_free(&text);
    free(name);
    free(shown);
    free(file);
    return result;
}

int source_url(const struct source_options *o, char **url, struct espota_error *error)
{
    return espota_fetch_complete_url(o->url, (uint16_t)o->http_port.value, o->path ? o->path : DEFAULT_PATH,
                                     url, error);
}

static int fetch_url(struct cli *cli, const struct source_options *o, struct source *source,
                     struct espota_error *error)
{
    struct espota_fetch_options fetch = fetch_options(cli, o, LARGEST_IMAGE);
    int result = source_url(o, &source->url, error);
    if (result == 0 && !(source->name = espota_address_shown(source->url)))
        result = espota_fail_memory(error, "fetching an image");
    if (result == 0 && o->md5)
        result = fetch_md5(cli, o, source, error);
    if (result == 0)
        result = espota_fetch_url(source->url, &fetch, &source->image, error);
    return result;
}

static int read_file(const struct source_options *o, struct source *source, struct espota_error *error)
{
    struct espota_bytes text = { 0 };
    source->name = strdup(o->file);
    char *name = sidecar_name(o->file, false, ".md5");
    int result = 0;
    if (!source->name || !name) {
        result = espota_fail_memory(error, "reading an image");
    } else if (o->md5 || espota_file_exists(name)) {
        result = espota_file_read(name, LARGEST_SIDECAR, &text, error);
        if (result != 0) {
            error->status = ESPOTA_ERR_VERIFY;
            result = espota_fail_while(error, "there is no MD5 to check %s with", o->file);
        } else {
            result = espota_md5_sidecar(&text, name, o->file, source->md5, error);
        }
        source->has_md5 = result == 0;
    }
    if (result == 0)
        result = espota_file_read(o->file, LARGEST_ELF, &source->image, error);
    espota_bytes_free(&text);
    free(name);
    return result;
}

int source_get(struct cli *cli, const struct source_options *o, struct source *source,
               struct espota_error *error)
{
    source->options = o;
    cli_catch_interrupts();
    int result = o->url ? fetch_url(cli, o, source, error) : read_file(o, source, error);
    espota_ui_progress_end(&cli->ui);
    if (result != 0 || !source->has_md5)
        return result;
    result = espota_md5_check(&source->image, source->name, source->md5, error);
    if (result == 0)
        espota_ui_say(&cli->ui, "MD5 Checksum check PASSED");
    return result;
}

/* A patch against an image that is not known here lies beside this one, if there is any. It is not worth much
 * waiting, nor is one that is as long as the image. */
int source_get_patch(void *context, const uint8_t base_sha256[ESPOTA_SHA256_LENGTH],
                     struct espota_bytes *file, struct espota_error *error)
{
    enum { PATIENCE_S = 20, ENDING = 2 * ESPOTA_SHA256_LENGTH + 16 };
    const struct source *source = context;
    const struct espota_observer quiet = { .cancelled = cli_interrupted };
    struct espota_fetch_options fetch = { .certificate = source->options->certificate
                                                             ? source->options->certificate
                                                             : authorities(),
                                          .limit = source->image.size,
                                          .connect_timeout_s = PATIENCE_S,
                                          .stall_timeout_s = PATIENCE_S,
                                          .total_timeout_s = PATIENCE_S,
                                          .attempts = 1,
                                          .observer = &quiet };
    char ending[ENDING] = ".";
    int result = 0;
    espota_hex(base_sha256, ESPOTA_SHA256_LENGTH, ending + 1);
    strcat(ending, ".patch");
    const char *beside = source->url ? source->url : source->options->file;
    char *name = sidecar_name(beside, source->url, ending);
    if (!name)
        return espota_fail_memory(error, "looking for a patch");
    if (source->url)
        result = espota_fetch_url(name, &fetch, file, error);
    else if (espota_file_exists(name))
        result = espota_file_read(name, source->image.size, file, error);
    free(name);
    return result;
}
