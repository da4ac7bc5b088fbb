/** Encoding a stretch of an image as a stream for an agent (firmware/PROTOCOL.md, "Coded streams").
 *
 * Either the whole stretch at once, or one sector after the other, so that it can be sent while it is made.
 * What the coder cannot shorten is stored, a sector of one repeated byte is a fill, a sector that the image
 * had before is a copy. With a base, what the device has already, most sectors are a few bytes. */
#ifndef ESPOTA_ENCODE_H
#define ESPOTA_ENCODE_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/coder.h"
#include "espota/patch_file.h"

#include <stdbool.h>
#include <stdint.h>

/** How an image can be made of another one, its base: worked out once, then used for any number of streams,
 * by several threads too. It keeps pointers to both images, which must stay as they are until it is freed. */
struct espota_base;

/** Images up to this size are compared; what is larger is sent without a base. The time that it takes is
 * bounded by that, whatever is in them: 0.5 s for 1.5 MB, 5 s for the largest; and so is the memory, 8 bytes
 * for a byte of the base. */
#define ESPOTA_BASE_LARGEST (16u << 20)

/** @param old, old_length  the base, as the device has it
 * @return 0 and a base that espota_base_free frees; or an error, with *base NULL: ESPOTA_ERR_NOMEM, or
 * ESPOTA_ERR_USAGE where an image is empty or of 2 GB and more. */
int espota_base_new(struct espota_base **base, enum espota_isa isa, const uint8_t *old, size_t old_length,
                    const uint8_t *image, size_t image_length, struct espota_error *error);
/** A base that is not known itself, by a patch that was made against it elsewhere (espota/patch_file.h),
 * which must stay as it is until it is freed. Streams of the whole image, by its instruction set and its
 * table, are the one in the patch; all others are made without a base.
 * @return 0, or ESPOTA_ERR_NOMEM. */
int espota_base_of_patch(struct espota_base **base, const struct espota_patch *patch,
                         struct espota_error *error);
/** Free it; NULL is allowed. */
void espota_base_free(struct espota_base *base);
/** Does it take fewer bytes with it? Where they have little in common that was tried, on a sample of a large
 * image. If not, streams are made without it. */
bool espota_base_helps(const struct espota_base *base);
/** Say in a stream, as it begins, where in the device's flash its base lies; nothing where it has no base.
 * @param size  bytes of the stream that are there */
void espota_stream_set_base(uint8_t *stream, size_t size, uint32_t flash_offset);

/** Append the stream, head included, of `length` bytes at `offset` of the image to `stream`. Offset and
 * length are whole sectors; what lies beyond `image_length` counts as FF. `table_log` is what the decoder
 * takes. `base` may be NULL: none; else it was made for this image and instruction set. The head of a stream
 * that has a base says offset 0 for it (espota_stream_set_base), and the map follows the head.
 * @return 0, or an error: ESPOTA_ERR_NOMEM, or ESPOTA_ERR_USAGE where arguments are out of range. */
int espota_encode(enum espota_isa isa, unsigned table_log, const struct espota_base *base,
                  const uint8_t *image, size_t image_length, uint32_t offset, uint32_t length,
                  struct espota_bytes *stream, struct espota_error *error);

/** The same bit by bit. */
struct espota_encoder;

/** Begin a stretch: its head, and the map where there is a base, are appended to `stream`. `image` must stay
 * as it is until the end.
 * @return 0 and an encoder that espota_encoder_end frees; or an error as above, with *encoder NULL. */
int espota_encoder_begin(struct espota_encoder **encoder, enum espota_isa isa, unsigned table_log,
                         const struct espota_base *base, const uint8_t *image, size_t image_length,
                         uint32_t offset, uint32_t length, struct espota_bytes *stream,
                         struct espota_error *error);
/** From the next sector on, the line shall not wait for the decoder: where it would, a sector is stored and
 * not coded. Without it all is coded that gets shorter by that.
 * @param line_ns    a byte on the line
 * @param decode_ns  a byte that comes out of the decoder
 * @param window     bytes of the stream that may be under way while the decoder works */
void espota_encoder_pace(struct espota_encoder *encoder, uint32_t line_ns, uint32_t decode_ns,
                         uint32_t window);
/** Append the chunk of the next sector; nothing where that comes in the chunk of the one before, as it may
 * with a base. @return 1; 0 when the stretch has no more; negative on failure: no memory. */
int espota_encoder_sector(struct espota_encoder *encoder, struct espota_bytes *stream,
                          struct espota_error *error);
/** Free it; NULL is allowed. */
void espota_encoder_end(struct espota_encoder *encoder);

/** Does one byte, repeated, make the whole sector of 4096 bytes? */
bool espota_chunk_is_fill(const uint8_t *sector);
/** Append the chunk of a sector that costs no decoder anything: fill or stored. @return 0, or
 * ESPOTA_ERR_NOMEM. */
int espota_chunk_append_plain(struct espota_bytes *stream, const uint8_t *sector, struct espota_error *error);

#pragma GCC visibility pop

#endif
