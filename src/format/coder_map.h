/* Inside the coder: the map, which says what parts of the base are where in the image.
 *
 * It is a row of blocks, sorted by where they begin in the base, and kept as it takes least room: each block
 * as three numbers of seven bits a byte, relative to the one before. */
#ifndef ESPOTA_FORMAT_CODER_MAP_H
#define ESPOTA_FORMAT_CODER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODER_MAP_SIZE   10240u               /* bytes for blocks */
#define CODER_MAP_ALL    (UINT32_MAX / 4 - 1) /* length of a block that ends nowhere */
#define CODER_MAP_STRIDE 32u                  /* about every so many blocks one is in the index */
#define CODER_MAP_INDEX  136u
#define CODER_MAP_NEAR   32u /* blocks of a sector */
#define CODER_MAP_PLACES 16u /* that were found last */

/* `length` bytes at `old` of the base are, more or less, at old + shift of the image. */
struct coder_block {
    uint32_t old, length, shift;
    bool again; /* what is there is elsewhere too, and whoever looks for it is told that */
};

/* Places of the base from `from` on, `length` bytes: between which blocks they are, or in the first. */
struct coder_map_place {
    uint32_t from, length;
    struct coder_block before;
    uint32_t next, next_shift; /* where the next block begins; 0: it does not count */
};

struct coder_map {
    uint16_t used, indexed, since; /* bytes; blocks in the index, and since the last of them */
    struct coder_block last;
    uint32_t index_old[CODER_MAP_INDEX], index_length[CODER_MAP_INDEX], index_shift[CODER_MAP_INDEX];
    uint16_t index_at[CODER_MAP_INDEX]; /* where the block behind that one is */
    uint8_t bytes[CODER_MAP_SIZE];
    /* the blocks that are next in the image, sorted by where they are there */
    struct coder_block near[CODER_MAP_NEAR];
    uint32_t near_count, near_at, near_end; /* up to here in the image they are all */
    struct coder_map_place place[CODER_MAP_PLACES];
};

/* In which way a place of the base is known. */
enum coder_map_answer { CODER_MAP_INSIDE, CODER_MAP_BETWEEN, CODER_MAP_NOWHERE };

/* Append a block that begins behind the beginning of the last one, or there. @return 0; -1: no room, or it is
 * none. */
int coder_map_add(struct coder_map *map, struct coder_block block);
/* How far what is at `old` has moved. */
enum coder_map_answer coder_map_find(struct coder_map *map, uint32_t old, uint32_t *shift);
/* The block at `offset` of the image. @return false: there is none. */
bool coder_map_at(struct coder_map *map, uint32_t offset, struct coder_block *block);

#endif
