/* fs: the files in a file system of a device, a dump or an image; and one made from a folder. */
#include "connect.h"
#include "fs_view.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/fs_make.h"
#include "espota/size.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct options {
    struct connect_options connect;
    struct number_option table_offset;
    const char *partition, *image, *output, *type;
    struct number_option size, sector;
    bool recursive, force;
};

static const struct option_spec option_table[] = {
    { "partition", 0, OPTION_TEXT, offsetof(struct options, partition), "NAME",
      "the partition of the file system (the only one)" },
    { "image", 'i', OPTION_TEXT, offsetof(struct options, image), "FILE",
      "a file system in FILE alone, and not on a device" },
    { "recursive", 'r', OPTION_FLAG, offsetof(struct options, recursive), NULL,
      "ls: list what lies below, too" },
    { "force", 'f', OPTION_FLAG, offsetof(struct options, force), NULL, "get: replace files that are there" },
    { "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE", "make: the image to write" },
    { "type", 't', OPTION_TEXT, offsetof(struct options, type), "TYPE",
      "make: littlefs, fat, or fat-plain: without wear levelling" },
    { "size", 0, OPTION_SIZE, offsetof(struct options, size), "SIZE", "make: size of the partition" },
    { "sector", 0, OPTION_SIZE, offsetof(struct options, sector), "SIZE",
      "make: sectors of FAT, CONFIG_WL_SECTOR_SIZE of the app: 512 to 4K (4K)" },
    OPTION_END,
};

/* A verb at work. */
struct work {
    struct cli *cli;
    const struct options *o;
    struct fs_view *view;
};

static int failed(const struct work *w, enum espota_fs_status status, const char *verb, const char *path,
                  struct espota_error *error)
{
    char what[320];
    snprintf(what, sizeof what, "%s %.300s", verb, path);
    return espota_fs_fail(&w->view->fs, status, what, fs_view_error(w->view), error);
}

static int find(const struct work *w, const char *verb, const char *path, struct espota_fs_entry *entry,
                struct espota_error *error)
{
    enum espota_fs_status status = espota_fs_find(&w->view->fs, path, entry);
    return status == ESPOTA_FS_OK ? 0 : failed(w, status, verb, path, error);
}

/* ---- ls -------------------------------------------------------------------------------------------------
 */

/* What stands before each path of a list: the directory, without a '/' at its start. */
static void prefix_of(const char *path, char *prefix, size_t room)
{
    while (*path == '/')
        path++;
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        length--;
    snprintf(prefix, room, "%.*s%s", (int)length, path, length > 0 ? "/" : "");
}

static int list(struct work *w, struct espota_error *error)
{
    const char *path = w->cli->argument_count > 1 ? w->cli->arguments[1] : "/";
    struct espota_fs_entry entry;
    struct espota_fs_tree tree = { 0 };
    char prefix[512];
    int result = find(w, "list", path, &entry, error);
    if (result == 0 && !entry.place.is_directory)
        result = failed(w, ESPOTA_FS_NO_DIRECTORY, "list", path, error);
    if (result == 0)
        result = espota_fs_tree_list(&tree, &w->view->fs, &entry.place, w->o->recursive,
                                     fs_view_error(w->view), error);
    prefix_of(path, prefix, sizeof prefix);
    if (result == 0 && w->cli->json) {
        struct fields document = fs_document(w->view);
        field_text(&document, "path", path);
        field_number(&document, "bytes", (int64_t)tree.bytes);
        field_list(&document, "files", fs_file_items(&tree));
        result = set_device_result(w->cli, document, error);
    } else if (result == 0) {
        print_fs_files(w->view, &tree, prefix);
    }
    espota_fs_tree_free(&tree);
    return result;
}

/* ---- get ------------------------------------------------------------------------------------------------
 */

static int report_got(struct work *w, const char *path, const char *to, uint64_t bytes, size_t files,
                      unsigned left_out, struct espota_error *error)
{
    espota_ui_progress_end(&w->cli->ui);
    if (w->cli->json) {
        struct fields document = fs_document(w->view);
        field_text(&document, "path", path);
        field_text(&document, "output", to);
        field_number(&document, "files", (int64_t)files);
        field_number(&document, "bytes", (int64_t)bytes);
        int result = set_device_result(w->cli, document, error);
        if (result != 0)
            return result;
    } else if (!to_stdout(to)) {
        espota_ui_say(&w->cli->ui, "Got %zu file%s, %" PRIu64 " byte%s, into %s", files, ESPOTA_PLURAL(files),
                      bytes, ESPOTA_PLURAL(bytes), to);
    }
    if (left_out > 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "%u of what is in %s was left out: no file can be called so, or one of that name "
                           "is there already",
                           left_out, path);
    return 0;
}

static int get_tree(struct work *w, const char *path, const struct espota_fs_entry *entry, const char *to,
                    struct espota_error *error)
{
    struct espota_fs_tree tree = { 0 };
    int result = to_stdout(to) ? espota_fail(error, ESPOTA_ERR_USAGE,
                                             "%s is a directory, which standard output cannot hold", path)
                               : espota_fs_tree_list(&tree, &w->view->fs, &entry->place, true,
                                                     fs_view_error(w->view), error);
    for (size_t i = 0; result == 0 && i < tree.count; i++)
        if (tree.file[i].bad_name)
            espota_ui_warn(&w->cli->ui, "left out: %s", tree.file[i].path);
    if (result == 0)
        result = espota_fs_tree_write(&tree, &w->view->fs, to, w->o->force, &w->cli->observer,
                                      fs_view_error(w->view), error);
    if (result == 0)
        result = report_got(w, path, to, tree.bytes, tree.count - tree.directories - tree.bad_names,
                            tree.bad_names, error);
    espota_fs_tree_free(&tree);
    return result;
}

static int write_file(struct work *w, const char *to, const struct espota_bytes *bytes,
                      struct espota_error *error)
{
    if (!w->o->force && !to_stdout(to) && espota_file_exists(to))
        return espota_fail_hint(error, ESPOTA_ERR_REFUSED, ESPOTA_HINT_REPLACE, "%s exists already", to);
    return espota_file_write(to, bytes->data, bytes->size, error);
}

static int get_file(struct work *w, const char *path, const struct espota_fs_entry *entry, const char *to,
                    struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    int result = espota_fs_read_whole(&w->view->fs, &entry->place, &bytes, fs_view_error(w->view), error);
    if (result != 0)
        result = espota_fail_while(error, "%s", path);
    if (result == 0)
        result = write_file(w, to, &bytes, error);
    if (result == 0)
        result = report_got(w, path, to, bytes.size, 1, 0, error);
    espota_bytes_free(&bytes);
    return result;
}

/* A file keeps its name where none is given; its name in the image decides nothing but that. */
static int name_file(const struct espota_fs_entry *entry, const char *to, char *name, size_t room,
                     struct espota_error *error)
{
    struct stat st;
    bool into = !to || (stat(to, &st) == 0 && S_ISDIR(st.st_mode));
    const char *slash = strrchr(entry->name, '/'), *own = slash ? slash + 1 : entry->name;
    bool bad = own[0] == '\0' || strchr(own, '/') || strcmp(own, ".") == 0 || strcmp(own, "..") == 0;
    for (const char *c = own; *c; c++)
        bad = bad || (unsigned char)*c < 0x20 || *c == 0x7f;
    if (into && bad)
        return espota_fail(error, ESPOTA_ERR_USAGE, "no file here can be called '%s': give a name for it",
                           own);
    int length = into ? snprintf(name, room, "%s%s%s", to ? to : "", to ? "/" : "", own)
                      : snprintf(name, room, "%s", to);
    return length >= 0 && (size_t)length < room
               ? 0
               : espota_fail(error, ESPOTA_ERR_USAGE, "the path %s is too long", to);
}

static int get(struct work *w, struct espota_error *error)
{
    const char *path = w->cli->argument_count > 1 ? w->cli->arguments[1] : "/";
    const char *to = w->cli->argument_count > 2 ? w->cli->arguments[2] : NULL;
    struct espota_fs_entry entry;
    char name[2048];
    if (to_stdout(to) && w->cli->json)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--json and the data cannot both go to standard output");
    int result = find(w, "get", path, &entry, error);
    if (result != 0)
        return result;
    if (entry.place.is_directory)
        return get_tree(w, path, &entry, to ? to : ".", error);
    result = name_file(&entry, to, name, sizeof name, error);
    return result ? result : get_file(w, path, &entry, name, error);
}

/* ---- cat ------------------------------------------------------------------------------------------------
 */

static int cat(struct work *w, struct espota_error *error)
{
    int result = w->cli->argument_count > 1 ? 0 : espota_fail(error, ESPOTA_ERR_USAGE, "cat wants a PATH");
    if (result == 0 && w->cli->json)
        result =
            espota_fail(error, ESPOTA_ERR_USAGE, "--json and the data cannot both go to standard output");
    for (int i = 1; result == 0 && i < w->cli->argument_count; i++) {
        const char *path = w->cli->arguments[i];
        struct espota_fs_entry entry;
        result = find(w, "show", path, &entry, error);
        if (result == 0 && entry.place.is_directory)
            result = espota_fail(error, ESPOTA_ERR_USAGE, "%s is a directory", path);
        if (result == 0)
            result = get_file(w, path, &entry, "-", error);
    }
    return result;
}

/* ---- make -----------------------------------------------------------------------------------------------
 */

static int check_make(const struct cli *cli, const struct options *o, struct espota_fs_request *request,
                      struct espota_error *error)
{
    if (cli->argument_count != 2)
        return espota_fail(error, ESPOTA_ERR_USAGE, "make wants one folder");
    if (!o->output || !o->size.given || !o->type)
        return espota_fail(error, ESPOTA_ERR_USAGE, "make wants --output FILE, --size SIZE and --type TYPE");
    *request = (struct espota_fs_request){ .size = o->size.value, .sector = o->sector.value };
    if (strcmp(o->type, "spiffs") == 0)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                           "SPIFFS is not made here. These make it: mkspiffs -c %s -b 4096 -p 256 -s %" PRIu32
                           " %s, or ESP-IDF's spiffsgen.py %" PRIu32 " %s %s",
                           cli->arguments[1], o->size.value, o->output, o->size.value, cli->arguments[1],
                           o->output);
    if (!espota_fs_type_from_name(o->type, &request->type))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--type '%s': use littlefs, fat or fat-plain", o->type);
    if (o->sector.given && request->type == ESPOTA_FS_TYPE_LITTLEFS)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--sector goes with FAT");
    if (to_stdout(o->output) && cli->json)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--json and the data cannot both go to standard output");
    return 0;
}

static int report_made(struct cli *cli, const struct options *o, const struct espota_fs_made *made,
                       struct espota_error *error)
{
    if (made->long_names > 0)
        espota_ui_warn(&cli->ui,
                       "%u names are longer than 8.3: an app sees them only with long names on in its "
                       "FatFs (CONFIG_FATFS_LFN_HEAP)",
                       made->long_names);
    if (!cli->json) {
        if (!to_stdout(o->output))
            espota_ui_say(&cli->ui,
                          "Made %s: %u file%s, %u director%s, %" PRIu64 " byte%s; %" PRIu32 "K of %" PRIu32
                          "K taken",
                          o->output, made->files, ESPOTA_PLURAL(made->files), made->directories,
                          made->directories == 1 ? "y" : "ies", made->bytes, ESPOTA_PLURAL(made->bytes),
                          made->used / 1024, o->size.value / 1024);
        return 0;
    }
    struct fields document = document_begin();
    field_text(&document, "output", o->output);
    field_text(&document, "type", o->type);
    field_number(&document, "size", o->size.value);
    field_number(&document, "used", made->used);
    field_number(&document, "files", made->files);
    field_number(&document, "directories", made->directories);
    field_number(&document, "bytes", (int64_t)made->bytes);
    field_number(&document, "long_names", made->long_names);
    return set_result(cli, document, error);
}

static int make_image(struct cli *cli, const struct options *o, struct espota_error *error)
{
    struct espota_fs_request request;
    struct espota_fs_made made;
    struct espota_bytes image = { 0 };
    int result = check_make(cli, o, &request, error);
    if (result == 0)
        result = espota_fs_make(&image, cli->arguments[1], &request, &made, error);
    if (result == 0)
        result = espota_file_write(o->output, image.data, image.size, error);
    if (result == 0)
        result = report_made(cli, o, &made, error);
    espota_bytes_free(&image);
    return result;
}

/* ---- the command ----------------------------------------------------------------------------------------
 */

static const struct verb {
    const char *name;
    int most_arguments;
    int (*run)(struct work *work, struct espota_error *error);
} verbs[] = { { "ls", 2, list }, { "get", 3, get }, { "cat", 64, cat } };

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static int on_device(struct cli *cli, const void *options, struct espota_device *device,
                     struct espota_error *error)
{
    const struct options *o = options;
    struct fs_view *view = calloc(1, sizeof *view);
    struct work w = { cli, o, view };
    if (!view)
        return espota_fail_memory(error, "reading a file system");
    int result = device ? fs_view_of_device(view, device, o->table_offset.value, o->partition, error)
                        : fs_view_of_image(view, o->image, error);
    if (result == 0)
        result = find_verb(cli->arguments[0])->run(&w, error);
    if (device)
        espota_ui_detail(&cli->ui, "%" PRIu32 "K of %" PRIu32 "K were read", view->cache.travelled / 1024,
                         view->partition.size / 1024);
    fs_view_free(view);
    free(view);
    return result;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    const struct verb *verb = find_verb(cli->arguments[0]);
    if (strcmp(cli->arguments[0], "make") == 0)
        return make_image(cli, o, error);
    if (!verb)
        return espota_fail(error, ESPOTA_ERR_USAGE, "'fs %s' is not there: use ls, get, cat or make",
                           cli->arguments[0]);
    if (o->output || o->size.given || o->sector.given || o->type)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--output, --type, --size and --sector go with make");
    if (cli->argument_count > verb->most_arguments)
        return espota_fail(error, ESPOTA_ERR_USAGE, "'%s' is one argument too many",
                           cli->arguments[verb->most_arguments]);
    if (!o->image)
        return work_on_device(cli, &o->connect, VIA_ROM, on_device, options, error);
    if (o->connect.port || o->connect.host || o->partition)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--image is no device: --port, --host and --partition "
                           "do not go with it");
    return on_device(cli, options, NULL, error);
}

const struct command command_fs = {
    .name = "fs",
    .summary = "list, get and make the files of a file system",
    .usage = "ls [PATH] | get [PATH [TO]] | cat PATH... | make DIR -o FILE --type TYPE --size SIZE",
    .description =
        "The file system is littlefs, FAT or SPIFFS, in a partition of a device, of a dump\n"
        "(--port file:FLASH), or in --image FILE. Only what is asked for is read.\n"
        "get copies a file, or all that is in a directory, into TO (here).\n"
        "make makes an image of a folder; 'espota flash --fs-dir DIR' puts it into a device at once.",
    .options = option_table,
    .groups = { CONNECT_GROUPS(via_rom_option),
                { table_offset_option, offsetof(struct options, table_offset) } },
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 64,
    .run = run,
};
