/* All that is done with a file system, for fuzzers. */
#ifndef ESPOTA_TESTS_FUZZ_FS_ROUNDS_H
#define ESPOTA_TESTS_FUZZ_FS_ROUNDS_H

#include "espota/fs_tree.h"

#include <stdlib.h>
#include <string.h>

struct fs_bytes {
    const uint8_t *data;
    size_t size;
    unsigned reads; /* walks end: none takes more than so many */
};

static int fs_bytes_read(void *context, uint32_t offset, void *buffer, uint32_t length)
{
    struct fs_bytes *bytes = context;
    if (length > bytes->size || offset > bytes->size - length || ++bytes->reads > 50000000)
        abort();
    memcpy(buffer, bytes->data + offset, length);
    return 0;
}

static void fs_all(const uint8_t *image, size_t size)
{
    static struct espota_fs fs;
    struct fs_bytes bytes = { image, size, 0 };
    const struct espota_fs_source source = { fs_bytes_read, &bytes, (uint32_t)size };
    struct espota_fs_tree tree = { 0 };
    struct espota_error error;
    if (espota_fs_open(&fs, &source) == ESPOTA_FS_OK &&
        espota_fs_tree_list(&tree, &fs, &fs.root, true, NULL, &error) == 0)
        for (size_t i = 0; i < tree.count; i++) {
            struct espota_bytes whole = { 0 };
            struct espota_fs_entry entry;
            if (!tree.file[i].place.is_directory &&
                espota_fs_read_whole(&fs, &tree.file[i].place, &whole, NULL, &error) == 0 &&
                whole.size != tree.file[i].place.size)
                abort();
            (void)espota_fs_find(&fs, tree.file[i].path, &entry);
            espota_bytes_free(&whole);
        }
    espota_fs_tree_free(&tree);
}

#endif
