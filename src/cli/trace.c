#include "trace.h"

#include "espota/link.h"

#include <stdio.h>

static void trace(void *context, bool out, const uint8_t *data, size_t size)
{
    struct cli *cli = context;
    for (size_t at = 0; at < size; at += 16) {
        char line[16 * 3 + 1] = "";
        for (size_t i = at; i < size && i < at + 16; i++)
            snprintf(line + 3 * (i - at), 4, "%02x ", data[i]);
        espota_ui_detail(&cli->ui, "%s %s", out ? "->" : "<-", line);
    }
}

void trace_link(struct cli *cli, struct espota_link *link)
{
    if (cli->ui.verbosity < 2)
        return;
    link->trace = trace;
    link->trace_context = cli;
}
