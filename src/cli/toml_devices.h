/* The [[device]] tables of a TOML document: the border to a library in C++. */
#ifndef ESPOTA_CLI_TOML_DEVICES_H
#define ESPOTA_CLI_TOML_DEVICES_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct toml_place {
    unsigned line, column; /* from 1 */
};

/* NULL: it has none of that. */
struct toml_device {
    const char *name, *address, *key, *token;
    const char *tags; /* with blanks between them */
    struct toml_place place;
};

struct toml_fault {
    struct toml_place place;
    char text[160];
};

enum toml_result { TOML_DONE, TOML_STOPPED, TOML_WRONG, TOML_NO_DEVICES, TOML_NO_MEMORY };

/* `take` gets one after another, as they are listed; what is not 0 stops it. Nothing is thrown.
 * @return TOML_WRONG: `*fault` says what, and where. */
enum toml_result toml_devices(const char *text, size_t size,
                              int (*take)(void *context, const struct toml_device *device), void *context,
                              struct toml_fault *fault);

#ifdef __cplusplus
}
#endif

#endif
