#include "espota/error.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int exit_status;
} statuses[] = {
    [ESPOTA_OK] = { "ok", 0 },
    [ESPOTA_ERR_FAILED] = { "failed", 1 },
    [ESPOTA_ERR_USAGE] = { "usage", 2 },
    [ESPOTA_ERR_NO_DEVICE] = { "no-device", 3 },
    [ESPOTA_ERR_TIMEOUT] = { "timeout", 3 },
    [ESPOTA_ERR_VERIFY] = { "verify", 4 },
    [ESPOTA_ERR_REFUSED] = { "refused", 5 },
    [ESPOTA_ERR_TOO_BIG] = { "too-big", 1 },
    [ESPOTA_ERR_UNSUPPORTED] = { "unsupported", 1 },
    [ESPOTA_ERR_IO] = { "io", 1 },
    [ESPOTA_ERR_NOMEM] = { "no-memory", 1 },
    [ESPOTA_ERR_NETWORK] = { "network", 1 },
    [ESPOTA_ERR_DEVICE] = { "device", 1 },
    [ESPOTA_ERR_CANCELLED] = { "cancelled", 130 },
};

__attribute__((format(printf, 4, 0))) static int fill(struct espota_error *error, enum espota_status status,
                                                      enum espota_hint hint, const char *format, va_list args)
{
    error->status = status;
    error->hint = hint;
    memset(error->hint_value, 0, sizeof error->hint_value);
    vsnprintf(error->text, sizeof error->text, format, args);
    return (int)status;
}

int espota_fail(struct espota_error *error, enum espota_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(error, status, ESPOTA_HINT_NONE, format, args);
    va_end(args);
    return (int)status;
}

int espota_fail_hint(struct espota_error *error, enum espota_status status, enum espota_hint hint,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(error, status, hint, format, args);
    va_end(args);
    return (int)status;
}

int espota_fail_while(struct espota_error *error, const char *format, ...)
{
    char attempted[sizeof error->text];
    char cause[sizeof error->text];
    va_list args;
    va_start(args, format);
    vsnprintf(attempted, sizeof attempted, format, args);
    va_end(args);
    memcpy(cause, error->text, sizeof cause);
    int length = snprintf(error->text, sizeof error->text, "%.400s: ", attempted);
    if (length > 0)
        snprintf(error->text + length, sizeof error->text - (size_t)length, "%.600s", cause);
    return (int)error->status;
}

int espota_fail_memory(struct espota_error *error, const char *what)
{
    return espota_fail(error, ESPOTA_ERR_NOMEM, "%s: out of memory", what);
}

const char *espota_hint_name(enum espota_hint hint)
{
    static const char *const names[] = {
        [ESPOTA_HINT_NONE] = NULL,
        [ESPOTA_HINT_FLASH_SIZE] = "flash-size",
        [ESPOTA_HINT_FEWER_APPS] = "fewer-apps",
        [ESPOTA_HINT_MORE_ROOM] = "more-room",
        [ESPOTA_HINT_SMALLER_APP] = "smaller-app",
        [ESPOTA_HINT_SMALLER_NVS] = "smaller-nvs",
        [ESPOTA_HINT_LOWER_BAUD] = "lower-baud",
        [ESPOTA_HINT_CHIP] = "chip",
        [ESPOTA_HINT_BOOT_BUTTON] = "boot-button",
        [ESPOTA_HINT_ASK_AGENT] = "ask-agent",
        [ESPOTA_HINT_NAME_PORT] = "name-port",
        [ESPOTA_HINT_MAKE_KEY] = "make-key",
        [ESPOTA_HINT_SIGN] = "sign",
        [ESPOTA_HINT_GIVE_KEY] = "give-key",
        [ESPOTA_HINT_AGENT_BAUD] = "agent-baud",
        [ESPOTA_HINT_END_TRIAL] = "end-trial",
        [ESPOTA_HINT_LARGER_SLOT] = "larger-slot",
        [ESPOTA_HINT_OTA_LAYOUT] = "ota-layout",
        [ESPOTA_HINT_NOT_FACTORY] = "not-factory",
        [ESPOTA_HINT_FLASH_FIRST] = "flash-first",
        [ESPOTA_HINT_WRITE_APP] = "write-app",
        [ESPOTA_HINT_SEE_STATUS] = "see-status",
        [ESPOTA_HINT_MAKE_FILE] = "make-file",
        [ESPOTA_HINT_BOOTLOADER_OFFSET] = "bootloader-offset",
        [ESPOTA_HINT_NAME_CHIP] = "name-chip",
        [ESPOTA_HINT_MERGED] = "merged",
        [ESPOTA_HINT_AS_BOOTLOADER] = "as-bootloader",
        [ESPOTA_HINT_AS_TABLE] = "as-table",
        [ESPOTA_HINT_AS_FS] = "as-fs",
        [ESPOTA_HINT_WRITE_RANGE] = "write-range",
        [ESPOTA_HINT_NEED_TABLE] = "need-table",
        [ESPOTA_HINT_MOVE_TABLE] = "move-table",
        [ESPOTA_HINT_LARGER_PARTITION] = "larger-partition",
        [ESPOTA_HINT_KEEP_HEADER] = "keep-header",
        [ESPOTA_HINT_CHANGE_LAYOUT] = "change-layout",
        [ESPOTA_HINT_WRITE_OVER] = "write-over",
        [ESPOTA_HINT_OTHER_TABLE] = "other-table",
        [ESPOTA_HINT_MEND_TABLE] = "mend-table",
        [ESPOTA_HINT_REPLACE] = "replace",
        [ESPOTA_HINT_RESTORE_ANYWAY] = "restore-anyway",
        [ESPOTA_HINT_LIST_PARTITIONS] = "list-partitions",
        [ESPOTA_HINT_WRITE_RAW] = "write-raw",
        [ESPOTA_HINT_PRIVATE_CA] = "private-ca",
        [ESPOTA_HINT_NO_STUB] = "no-stub",
        [ESPOTA_HINT_NAME_BUILD] = "name-build",
        [ESPOTA_HINT_FS_TYPE] = "fs-type",
        [ESPOTA_HINT_NAME_FILE] = "name-file",
        [ESPOTA_HINT_GIVE_PASSWORD] = "give-password",
        [ESPOTA_HINT_LISTEN_PORT] = "listen-port",
        [ESPOTA_HINT_SEND_IMAGE] = "send-image",
        [ESPOTA_HINT_NAME_HOST] = "name-host",
    };
    return names[hint];
}

int espota_exit_status(enum espota_status status)
{
    return statuses[status].exit_status;
}

const char *espota_status_name(enum espota_status status)
{
    return statuses[status].name;
}
