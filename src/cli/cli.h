/* The command line: a command is data (name, options, run function), the rest is here. */
#ifndef ESPOTA_CLI_CLI_H
#define ESPOTA_CLI_CLI_H

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/image.h"
#include "espota/observer.h"
#include "espota/table.h"
#include "json.h"
#include "ui/ui.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings;
struct espota_stream_cache;

struct cli {
    struct espota_ui ui;
    struct settings *settings; /* where values came from that no option gave */
    bool json;
    char **arguments; /* positional */
    int argument_count;
    struct fields result;            /* to be printed at the end; no object: none */
    struct items warnings;           /* about the device, each once; no list: none yet */
    struct espota_observer observer; /* shows what the library tells, and asks for the end at Ctrl-C */
    /* of many devices at once */
    bool of_many, canary;
    void *shared; /* what the command's fleet part prepared, for all of them; NULL: this is the only one */
    struct espota_stream_cache *streams; /* of all of them; NULL: as before */
    size_t devices;                      /* how many they are, 0: one; at most so many at a time */
    unsigned at_once;
};

/* Fill in cli->observer. */
void cli_observe(struct cli *cli);

/* SIGINT and SIGTERM: at first they end the program at once. From cli_catch_interrupts on the first one is a
 * request that cli_interrupted reports, so that devices are left in order, and the second one the end.
 * cli_let_finish: what follows leaves the device in order, whatever was requested.
 * cli_ended_by_request: was it SIGTERM, by which a service is stopped? Then that is no interruption.
 * cli_end_if_interrupted: when all is in order, end by the signal that asked for it. */
void cli_start_interrupts(void);
void cli_catch_interrupts(void);
bool cli_interrupted(void *unused);
void cli_let_finish(void);
bool cli_ended_by_request(void);
void cli_end_if_interrupted(void);

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_SIZE,   /* struct number_option: bytes with K or M */
    OPTION_NUMBER, /* struct number_option: decimal or 0x */
    OPTION_VALUE,  /* uint32_t: such a number, where none is as good as 0 */
    OPTION_CHOICE, /* const char *: the name of the one option that is given, of all that have this field */
    OPTION_LIST,   /* struct list_option: given several times, or followed by more of what has commas in it */
};

struct number_option {
    bool given;
    uint32_t value;
};

enum { LIST_MAX = 64 };

struct list_option {
    unsigned count;
    const char *item[LIST_MAX];
};

struct option_spec {
    const char *name; /* long name; NULL ends the table */
    char letter;      /* short name or 0 */
    enum option_kind kind;
    size_t offset;        /* of the field in the command's options */
    const char *argument; /* name of its argument in help */
    const char *help;
};

/* Options that several commands share, with their fields from `offset` on in the command's options. */
struct option_group {
    const struct option_spec *options; /* NULL ends the list */
    size_t offset;
};

enum { MAX_GROUPS = 16 };

enum { FLEET_WORDS = 200 };

/* What a command does for many devices at once besides running for each. */
struct fleet_part {
    /* Once, before the first. `*shared` is for all of them, each on a thread of its own: constant. NULL:
     * nothing. */
    int (*prepare)(struct cli *cli, const void *options, void **shared, struct espota_error *error);
    void (*release)(void *shared);
    /* A result as words, to follow the device's name. NULL: "done". */
    void (*sum_up)(const struct fields *result, char words[FLEET_WORDS]);
};

struct command {
    const char *name;
    const char *summary;               /* one line */
    const char *usage;                 /* what follows "espota NAME [options]" */
    const char *description;           /* a paragraph for --help */
    const struct option_spec *options; /* its own; NULL: none */
    struct option_group groups[MAX_GROUPS];
    size_t options_size; /* of the struct that the options fill in, zeroed before */
    int min_arguments, max_arguments;
    bool is_simulator; /* settings are about devices that are there */
    int (*run)(struct cli *cli, const void *options, struct espota_error *error);
    const struct fleet_part *fleet; /* NULL: one device at a time */
};

/* The end of an option table. */
#define OPTION_END                                                                                           \
    {                                                                                                        \
        NULL, 0, OPTION_FLAG, 0, NULL, NULL                                                                  \
    }

/* Shared by commands: --table-offset (struct number_option), --extra-partition-subtypes (struct list_option),
 * --trial, --restart, --force (bool). */
extern const struct option_spec table_offset_option[], subtypes_option[], trial_option[], restart_option[],
    force_option[];

extern const struct command command_plan;
extern const struct command command_table;
extern const struct command command_image;
extern const struct command command_sim;
extern const struct command command_flash;
extern const struct command command_ota;
extern const struct command command_boot;
extern const struct command command_status;
extern const struct command command_confirm;
extern const struct command command_rollback;
extern const struct command command_info;
extern const struct command command_read;
extern const struct command command_write;
extern const struct command command_verify;
extern const struct command command_erase;
extern const struct command command_backup;
extern const struct command command_restore;
extern const struct command command_monitor;
extern const struct command command_reset;
extern const struct command command_key;
extern const struct command command_sign;
extern const struct command command_provision;
extern const struct command command_devices;
extern const struct command command_config;
extern const struct command command_cache;
extern const struct command command_delta;
extern const struct command command_nvs;
extern const struct command command_fs;
extern const struct command command_gateway;

/* All commands in the order of help; NULL ends the list. */
extern const struct command *const commands[];

/* Fill `options` from `argv` (argv[0] is the command). Common options go to `cli`. `*help` is set when help
 * was asked for. */
int options_parse(const struct command *command, int argc, char **argv, void *options, struct cli *cli,
                  bool *help, struct espota_error *error);
void options_help(const struct command *command);
/* The options of a command, the common ones too, one by one; false, or NULL, at the end. `letter` is 0 for
 * none. */
bool option_spec_at(const struct command *command, int index, const struct option_spec **spec, char *letter);
const char *option_name(const struct command *command, int index);
/* Machine-readable list of a command's options, for completions and their test. */
void options_dump(const struct command *command);
/* The same of the values that options can have. */
void values_dump(void);

/* ---- shared by commands
 * ------------------------------------------------------------------------------------ */

/* printf for results on stdout, as espota_ui_print. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The result as JSON: printed by finish_output, when the command has ended well. Takes `document`. */
int set_result(struct cli *cli, struct fields document, struct espota_error *error);
/* The same about a device, with the warnings about that device in it. */
int set_device_result(struct cli *cli, struct fields document, struct espota_error *error);
/* What a document says of a failure, as `error`. */
struct fields failure_fields(const struct espota_error *error);
/* Print a document on stdout at once, and free it; as one line. */
int print_document(struct fields *document, struct espota_error *error);
int print_line(struct fields *document, struct espota_error *error);
/* Warn about the device: each thing once, and not with -q. */
void warn_about_device(struct cli *cli, const char *text);
/* Is the output file "-"? */
bool to_stdout(const char *path);
/* Print the result that was set, and flush stdout; a full disk must not pass as success. */
int finish_output(struct cli *cli, struct espota_error *error);

/* A warning when anybody but its owner can read the key in `path`. */
void warn_about_readers(struct cli *cli, const char *path);
/* Write an image; one of an agent with a key in it for its owner alone. */
int write_image(const char *path, const struct espota_bytes *image, struct espota_error *error);

/* Put the error's hint into this program's words, behind its text. */
void add_hint(struct espota_error *error);

/* A document that ends with '\0', as it is into files and pipes; harmless on a terminal. */
void print_text(const char *text, size_t length);
/* CSV on stdout, or into a file. */
void print_csv(const struct espota_bytes *csv);
int write_csv(const char *path, const struct espota_bytes *csv, struct espota_error *error);

/* A drawing of the table into a file, or '-', in `flash_size` bytes (0: up to the table's end). */
int write_svg(const char *path, const char *title, const struct espota_table *table, uint64_t flash_size,
              struct espota_error *error);

/* A table as people see it: rows, then the map to scale of `flash_size` bytes (0: up to the table's end). */
int print_table(const struct espota_table *table, uint64_t flash_size, struct espota_error *error);
struct items table_items(const struct espota_table *table);
/* Warnings about labels that look like slips. */
void warn_about_labels(struct cli *cli, const struct espota_table *table);

/* The names of subtypes that an option lists, for reading CSV; `names` has room for LIST_MAX. */
int read_subtype_names(const struct list_option *list, struct espota_subtype_name *names,
                       struct espota_table_csv_options *csv, struct espota_error *error);

#endif
