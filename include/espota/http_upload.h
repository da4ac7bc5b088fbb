/** A device with a web page that takes images, as an image sink: the plain HTTP upload of a form with a file.
 *
 * Which page it is is seen by what it says, and so is how to fill it in:
 *   HTTPUpdateServer (arduino-esp32, esp8266 Arduino): field "firmware" or "filesystem"; it wants the Origin
 *     of its own page
 *   ElegantOTA 2 and its asynchronous twin: MD5, then "firmware" or "filesystem"
 *   ElegantOTA 3: /ota/start with mode and MD5, then "file" to /ota/upload
 *   Tasmota: "u2" to /u2, with the size in the query; it wants its own page as Referer
 * Sources: arduino-esp32, libraries/HTTPUpdateServer/src/HTTPUpdateServer.h; ElegantOTA, src/ElegantOTA.cpp;
 * AsyncElegantOTA, src/AsyncElegantOTA.h; Tasmota, tasmota/tasmota_xdrv_driver/xdrv_01_9_webserver.ino.
 *
 * The device says what became of it in words, on a page; nobody sees what its flash holds. It restarts by
 * itself. */
#ifndef ESPOTA_HTTP_UPLOAD_H
#define ESPOTA_HTTP_UPLOAD_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/observer.h"

#include <stdbool.h>

struct espota_http_upload_options {
    const char *password;    /* of the user in the URL, or of "admin"; copied; NULL: none */
    const char *certificate; /* PEM file to trust for https instead of the system's; copied; or NULL */
    bool file_system;        /* images are of the file system, not apps */
    const struct espota_observer *observer; /* as in struct espota_device */
};

/** The device whose page is at `url`, http or https; without a path at /update. Nothing is asked before it
 * gets an image. @return 0 and `*device`, owned by the caller (espota_device_close); ESPOTA_ERR_USAGE for
 * what is no such URL, or one with a password in it.
 *
 * espota_device_put_image returns ESPOTA_ERR_NO_DEVICE when nobody answers or the connection breaks;
 * ESPOTA_ERR_FAILED where the password is not right; ESPOTA_ERR_UNSUPPORTED where the page is of no kind
 * above; ESPOTA_ERR_DEVICE when it said what went wrong; ESPOTA_ERR_TIMEOUT when it said nothing in the end.
 */
int espota_http_upload_open(struct espota_device **device, const char *url,
                            const struct espota_http_upload_options *options, struct espota_error *error);

#pragma GCC visibility pop

#endif
