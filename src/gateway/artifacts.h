/* Artifacts: each is fetched once, however many devices want it, and checked by its hashes; what is kept of
 * them is bounded. */
#ifndef ESPOTA_GATEWAY_ARTIFACTS_H
#define ESPOTA_GATEWAY_ARTIFACTS_H

#include "espota/buffer.h"
#include "espota/ddi.h"
#include "espota/error.h"
#include "espota/image_cache.h"
#include "espota/observer.h"

struct artifacts;

/* All have to outlive what is returned; `certificate` and `cache` may be NULL. NULL: memory is short. */
struct artifacts *artifacts_new(const char *server, const char *certificate,
                                struct espota_image_cache *cache);
void artifacts_free(struct artifacts *artifacts);

/* Artifacts that are wanted together: at most ESPOTA_DDI_ARTIFACTS. */
struct artifacts_wanted {
    const struct espota_ddi_artifact *artifact[ESPOTA_DDI_ARTIFACTS];
    size_t count;
    const char *authorization; /* NULL: none */
};

/* The app image in each artifact, which is the image itself or an SWU archive with it: from any thread; waits
 * while another one fetches it, and while there is no room: images of all threads take 64 MiB at most. Each
 * `image[i]` stays until artifacts_release.
 * @return ESPOTA_ERR_NETWORK, ESPOTA_ERR_CANCELLED; ESPOTA_ERR_TOO_BIG where all of them would take more than
 * that; ESPOTA_ERR_VERIFY when a hash, or the size, is another; or when it holds no image. Then there are
 * none. */
int artifacts_get(struct artifacts *artifacts, const struct artifacts_wanted *wanted,
                  const struct espota_observer *observer, const struct espota_bytes **image,
                  struct espota_error *error);
void artifacts_release(struct artifacts *artifacts, const struct espota_bytes *image);

#endif
