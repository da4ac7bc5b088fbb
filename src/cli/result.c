/* What a command gives: its result on stdout, once. */
#include "cli.h"

#include "espota/error.h"
#include "espota/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool to_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

void print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    espota_ui_vprint(stdout, format, args);
    va_end(args);
}

struct fields failure_fields(const struct espota_error *error)
{
    struct fields failure = fields_begin();
    field_text(&failure, "status", espota_status_name(error->status));
    field_number(&failure, "exit", espota_exit_status(error->status));
    field_text(&failure, "message", error->text);
    field_text(&failure, "hint", espota_hint_name(error->hint));
    return failure;
}

static int print_json(char *text, struct espota_error *error)
{
    if (!text)
        return espota_fail_memory(error, "building the JSON result");
    for (const char *at = text; *at; at++) {
        if (*at == 0x7f) /* the one control character that Jansson does not escape */
            fputs("\\u007f", stdout);
        else
            fputc(*at, stdout);
    }
    fputc('\n', stdout);
    free(text);
    fflush(stdout); /* a signal may be the end; finish_output() finds what went wrong */
    return 0;
}

int print_document(struct fields *document, struct espota_error *error)
{
    char *text = document_text(document);
    fields_free(document);
    return print_json(text, error);
}

int print_line(struct fields *document, struct espota_error *error)
{
    char *text = document_line(document);
    fields_free(document);
    return print_json(text, error);
}

int set_result(struct cli *cli, struct fields document, struct espota_error *error)
{
    fields_free(&cli->result);
    cli->result = document;
    return document.failed ? espota_fail_memory(error, "building the JSON result") : 0;
}

int set_device_result(struct cli *cli, struct fields document, struct espota_error *error)
{
    bool any = cli->warnings.list || cli->warnings.failed;
    field_list(&document, "warnings", any ? cli->warnings : items_begin());
    cli->warnings = (struct items){ 0 };
    return set_result(cli, document, error);
}

void warn_about_device(struct cli *cli, const char *text)
{
    if (!cli->warnings.list)
        cli->warnings = items_begin();
    if (items_have_text(&cli->warnings, text))
        return;
    item_text(&cli->warnings, text);
    if (!cli->ui.quiet)
        espota_ui_warn(&cli->ui, "%s", text);
}

int finish_output(struct cli *cli, struct espota_error *error)
{
    int result = cli->result.object ? print_document(&cli->result, error) : 0;
    if (result == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        return espota_fail(error, ESPOTA_ERR_IO, "cannot write the result to standard output: %s",
                           espota_reason(errno));
    return result;
}
