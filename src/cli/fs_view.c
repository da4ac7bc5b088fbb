#include "fs_view.h"

#include "partition.h"

#include "espota/file.h"
#include "espota/file_kind.h"
#include "espota/size.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LARGEST_IMAGE = 128 << 20 };

/* ---- where it comes from --------------------------------------------------------------------------------
 */

const struct espota_error *fs_view_error(const struct fs_view *view)
{
    return &view->cache.error;
}

static int read_image(void *context, uint32_t offset, void *buffer, uint32_t length)
{
    const struct espota_bytes *image = context;
    memcpy(buffer, image->data + offset, length);
    return 0;
}

/* What is there instead of a file system that is read here. */
static int explain(struct fs_view *view, enum espota_fs_status status, const char *where,
                   struct espota_error *error)
{
    char what[300], words[ESPOTA_FILE_WORDS];
    uint8_t head[2 * ESPOTA_SECTOR_SIZE];
    struct espota_file about;
    uint32_t size = view->fs.source.size;
    snprintf(what, sizeof what, "read %s", where);
    if (status != ESPOTA_FS_UNKNOWN)
        return espota_fs_fail(&view->fs, status, what, fs_view_error(view), error);
    uint32_t length = size < sizeof head ? size : (uint32_t)sizeof head;
    if (view->fs.source.read(view->fs.source.context, 0, head, length) != 0)
        return espota_fs_fail(&view->fs, ESPOTA_FS_SOURCE, what, fs_view_error(view), error);
    espota_file_examine(&about, head, length);
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "cannot %s: neither littlefs nor FAT nor SPIFFS is in it: it is %s", what,
                       espota_file_words(&about, words));
}

int fs_view_of_device(struct fs_view *view, struct espota_device *device, uint32_t table_offset,
                      const char *name, struct espota_error *error)
{
    static const uint8_t subtypes[] = { ESPOTA_DATA_FAT, ESPOTA_DATA_SPIFFS, ESPOTA_DATA_LITTLEFS };
    static const struct partition_kind kind = { "file system", NULL, subtypes, 3 };
    char where[80];
    view->device = device;
    int result = partition_choose(device, table_offset, name, &kind, &view->partition, error);
    if (result == 0)
        result =
            espota_fs_device_init(&view->cache, device, view->partition.offset, view->partition.size, error);
    if (result != 0)
        return result;
    const struct espota_fs_source source = espota_fs_device_source(&view->cache);
    enum espota_fs_status status = espota_fs_open(&view->fs, &source);
    snprintf(where, sizeof where, "partition '%s'", view->partition.label);
    return status == ESPOTA_FS_OK ? 0 : explain(view, status, where, error);
}

int fs_view_of_image(struct fs_view *view, const char *image, struct espota_error *error)
{
    view->name = image;
    int result = espota_file_read(image, LARGEST_IMAGE, &view->image, error);
    if (result != 0)
        return result;
    const struct espota_fs_source source = { read_image, &view->image, (uint32_t)view->image.size };
    enum espota_fs_status status = espota_fs_open(&view->fs, &source);
    return status == ESPOTA_FS_OK ? 0 : explain(view, status, image, error);
}

void fs_view_free(struct fs_view *view)
{
    espota_fs_device_free(&view->cache);
    espota_bytes_free(&view->image);
}

/* ---- how it looks ---------------------------------------------------------------------------------------
 */

enum { TIME_TEXT = 32 };

/* As FAT has it, and as clocks without a time zone keep it. Empty: it has none. */
static void time_text(const struct espota_fs_file *file, char text[TIME_TEXT])
{
    time_t time = (time_t)file->time;
    struct tm parts;
    memset(text, 0, TIME_TEXT);
    if (file->has_time && gmtime_r(&time, &parts))
        (void)strftime(text, TIME_TEXT, "%Y-%m-%d %H:%M:%S", &parts);
}

static void print_summary(const struct fs_view *view, const struct espota_fs_tree *tree)
{
    char words[ESPOTA_FS_WORDS], size[ESPOTA_SIZE_TEXT];
    size_t files = tree->count - tree->directories;
    print("%s of %s: %zu file%s, %u director%s, %" PRIu64 " byte%s\n", espota_fs_words(&view->fs, words),
          espota_size_text(view->fs.source.size, size), files, ESPOTA_PLURAL(files), tree->directories,
          tree->directories == 1 ? "y" : "ies", tree->bytes, ESPOTA_PLURAL(tree->bytes));
}

void print_fs_files(const struct fs_view *view, const struct espota_fs_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->count; i++) {
        const struct espota_fs_file *file = &tree->file[i];
        char time[TIME_TEXT], size[16] = "";
        time_text(file, time);
        time[16] = '\0'; /* without the seconds */
        if (!file->place.is_directory)
            snprintf(size, sizeof size, "%" PRIu32, file->place.size);
        print("%10s  %-16s  %s%s%s\n", size, time, path, file->path, file->place.is_directory ? "/" : "");
    }
    if (tree->count > 0)
        print("\n");
    print_summary(view, tree);
}

struct fields fs_document(const struct fs_view *view)
{
    static const char *const kinds[] = {
        [ESPOTA_FS_LITTLEFS] = "littlefs", [ESPOTA_FS_FAT] = "fat", [ESPOTA_FS_SPIFFS] = "spiffs"
    };
    struct fields document = device_document_begin(view->device ? view->device->name : NULL);
    field_label(&document, "partition", view->device ? &view->partition : NULL);
    field_text(&document, "image", view->name);
    field_text(&document, "type", kinds[view->fs.kind]);
    field_flag(&document, "wear_levelling", view->fs.wear_levelling);
    field_number(&document, "size", view->fs.source.size);
    return document;
}

struct items fs_file_items(const struct espota_fs_tree *tree)
{
    struct items list = items_begin();
    for (size_t i = 0; i < tree->count; i++) {
        const struct espota_fs_file *file = &tree->file[i];
        struct fields item = fields_begin();
        char time[TIME_TEXT];
        time_text(file, time);
        if (time[0])
            time[10] = 'T'; /* ISO 8601 */
        field_text(&item, "path", file->path);
        field_flag(&item, "directory", file->place.is_directory);
        field_number_if(&item, "size", !file->place.is_directory, file->place.size);
        field_text_if_any(&item, "modified", time);
        item_object(&list, item);
    }
    return list;
}
