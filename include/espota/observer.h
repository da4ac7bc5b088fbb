/** Who wants to know how a long operation goes, and may stop it. One observer serves every operation: a
 * download, a connection, reading, erasing, writing; what it hears is tagged with the device that it is
 * about, so that one observer can serve several devices.
 *
 * The algorithms, such as espota/smart_write.h, own the progress: it counts every byte of what was asked for
 * once, and never goes back. */
#ifndef ESPOTA_OBSERVER_H
#define ESPOTA_OBSERVER_H

#pragma GCC visibility push(default)

#include <stdbool.h>
#include <stdint.h>

enum espota_phase { ESPOTA_PHASE_DOWNLOAD, ESPOTA_PHASE_READ, ESPOTA_PHASE_ERASE, ESPOTA_PHASE_WRITE };

struct espota_progress {
    enum espota_phase phase;
    const char *what; /* the part at work, "bootloader", a partition's name; NULL: no part in particular */
    uint64_t done, total; /* bytes; total 0: not known */
};

enum espota_message {
    ESPOTA_MESSAGE_DETAIL, /* for those who want to see every step */
    ESPOTA_MESSAGE_NOTE,   /* the course of things, a line at a time */
    ESPOTA_MESSAGE_WARNING,
};

/** Each function may be NULL. `device` is the device's name, NULL where there is none (a download). Called
 * from the thread that called the operation. Texts live for the call only, and may hold what a device or
 * server said: they are to be cleaned before a terminal sees them. */
struct espota_observer {
    void *context;
    void (*progress)(void *context, const char *device, const struct espota_progress *progress);
    void (*message)(void *context, const char *device, enum espota_message kind, const char *text);
    /** Is it time to stop? Asked at least every 100 ms. */
    bool (*cancelled)(void *context);
};

/** Tell an observer, which may be NULL. */
void espota_observe_progress(const struct espota_observer *observer, const char *device,
                             const struct espota_progress *progress);
void espota_observe_message(const struct espota_observer *observer, const char *device,
                            enum espota_message kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool espota_observer_cancelled(const struct espota_observer *observer);

#pragma GCC visibility pop

#endif
