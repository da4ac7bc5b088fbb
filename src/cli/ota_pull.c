#include "ota_pull.h"
#include "ota_bases.h"
#include "sink.h"

#include "espota/address.h"
#include "espota/buffer.h"
#include "espota/clock.h"
#include "espota/error.h"
#include "espota/fetch.h"
#include "espota/file.h"
#include "espota/ota.h"
#include "espota/ota_pull.h"

#include <stdlib.h>
#include <string.h>

static int set_pull_result(struct cli *cli, const struct espota_device *device,
                           const struct espota_ota_pull_request *request,
                           const struct espota_ota_pull_result *r, double seconds, struct espota_error *error)
{
    const struct espota_ota_result nothing = { 0 }; /* was sent from here */
    struct fields document = device_document_begin(device->name);
    field_text(&document, "image", request->name);
    field_flag(&document, "already", false);
    field_flag(&document, "pulled", true);
    field_text_if_any(&document, "from", r->from.label);
    field_label(&document, "to", &r->to);
    field_number(&document, "offset", r->to.offset);
    field_number(&document, "size", r->state.total);
    field_bytes(&document, "sha256", r->state.sha256, sizeof r->state.sha256);
    field_flag(&document, "md5_checked", request->order.sidecar);
    field_number_if(&document, "written", false, 0);
    field_number(&document, "kept", r->state.kept);
    bases_fields(&document, false, &nothing);
    field_real(&document, "seconds", seconds);
    field_flag(&document, "trial", request->order.trial);
    field_flag(&document, "restarted", request->order.restart);
    sink_fields(&document, device, false);
    return set_device_result(cli, document, error);
}

static int run(struct cli *cli, const struct espota_ota_pull_request *request, struct espota_device *device,
               struct espota_error *error)
{
    struct espota_ota_pull_result result;
    uint64_t started = espota_now_ms();
    int outcome = espota_ota_pull(device, request, &result, error);
    espota_ui_progress_end(&cli->ui);
    if (outcome != 0)
        return outcome;
    double seconds = (double)(espota_now_ms() - started) / 1000.0;
    if (request->order.sidecar)
        espota_ui_say(&cli->ui, "MD5 Checksum check PASSED");
    espota_ui_say(&cli->ui, "Done in %.1f s", seconds);
    if (request->order.restart) /* it would do so by itself, a little later */
        outcome = espota_device_restart(device, error);
    if (outcome == 0 && request->order.restart)
        espota_ui_say(&cli->ui, "Restarted");
    return outcome == 0 && cli->json ? set_pull_result(cli, device, request, &result, seconds, error)
                                     : outcome;
}

int pull_check(const struct source_options *source, struct espota_error *error)
{
    char *url = NULL;
    int result = source_url(source, &url, error);
    if (result == 0 && !espota_pull_is_url(url, strlen(url)))
        result = espota_fail(
            error, ESPOTA_ERR_USAGE,
            "cannot have '%s' fetched by a device: it is longer than %u bytes, or has characters in "
            "it that have to be written as %%XX",
            source->url, ESPOTA_PULL_URL);
    free(url);
    return result;
}

int pull_image(struct cli *cli, const struct source_options *source, const struct pull_wishes *wishes,
               struct espota_device *device, struct espota_error *error)
{
    struct espota_bytes certificate = { 0 };
    struct espota_ota_pull_request request = { .table_offset = wishes->table_offset };
    char *url = NULL, *shown = NULL;
    cli_catch_interrupts();
    int result = source_url(source, &url, error);
    if (result == 0 && source->certificate)
        result = espota_file_read(source->certificate, ESPOTA_PULL_CERTIFICATE, &certificate, error);
    if (result == 0 && source->certificate &&
        certificate.size == 0) /* that would be: what the device trusts */
        result = espota_fail(error, ESPOTA_ERR_USAGE, "cannot use the certificate %s: the file is empty",
                             source->certificate);
    if (result == 0 && !(shown = espota_address_shown(url)))
        result = espota_fail_memory(error, "ordering an image");
    if (result == 0) {
        request.name = shown;
        request.order = (struct espota_pull_order){ .url = url,
                                                    .url_length = strlen(url),
                                                    .certificate = certificate.data,
                                                    .certificate_length = certificate.size,
                                                    .factory = wishes->factory,
                                                    .trial = wishes->trial,
                                                    .restart = wishes->restart,
                                                    .sidecar = source->md5 };
        result = run(cli, &request, device, error);
    }
    espota_bytes_free(&certificate);
    free(shown);
    free(url);
    return result;
}
