/* A device's key, or password, in a file. */
#include "connect.h"

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hex.h"
#include "espota/random.h"

#include <ctype.h>
#include <string.h>

enum { MIN_KEY = 32, MAX_KEY = 64 };

int parse_key(const char *path, const struct espota_bytes *text, uint8_t *key, size_t *length,
              struct espota_error *error)
{
    size_t digits = text->size;
    while (digits > 0 && isspace(text->data[digits - 1]))
        digits--;
    *length = digits / 2;
    if (digits % 2 == 0 && *length >= MIN_KEY && *length <= MAX_KEY &&
        espota_unhex((const char *)text->data, key, *length))
        return 0;
    return espota_fail(error, ESPOTA_ERR_USAGE,
                       "%s holds no key: expected %d to %d bytes in hex, as 'espota key --new' makes them",
                       path, MIN_KEY, MAX_KEY);
}

int read_key(struct cli *cli, const char *path, uint8_t *key, size_t *length, struct espota_error *error)
{
    struct espota_bytes text = { 0 };
    int result = espota_file_read(path, 4096, &text, error);
    if (result == 0)
        warn_about_readers(cli, path);
    if (result == 0)
        result = parse_key(path, &text, key, length, error);
    espota_wipe(text.data, text.size);
    espota_bytes_free(&text);
    return result;
}

/* The first line, which may have no end. */
int read_password(struct cli *cli, const char *path, char password[PASSWORD_ROOM], struct espota_error *error)
{
    struct espota_bytes text = { 0 };
    int result = espota_file_read(path, 4096, &text, error);
    size_t length = 0;
    if (result != 0)
        return result;
    warn_about_readers(cli, path);
    while (length < text.size && !strchr("\r\n", text.data[length]))
        length++;
    if (length == 0 || length >= PASSWORD_ROOM)
        result = espota_fail(error, ESPOTA_ERR_USAGE, "%s holds no password: its first line is %s", path,
                             length ? "too long" : "empty");
    else
        memcpy(password, text.data, length);
    password[result ? 0 : length] = '\0';
    espota_wipe(text.data, text.size);
    espota_bytes_free(&text);
    return result;
}
