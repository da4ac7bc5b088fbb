#include "espota/observer.h"

#include <stdarg.h>
#include <stdio.h>

void espota_observe_progress(const struct espota_observer *observer, const char *device,
                             const struct espota_progress *progress)
{
    if (observer && observer->progress)
        observer->progress(observer->context, device, progress);
}

void espota_observe_message(const struct espota_observer *observer, const char *device,
                            enum espota_message kind, const char *format, ...)
{
    char text[512];
    va_list args;
    if (!observer || !observer->message)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    observer->message(observer->context, device, kind, text);
}

bool espota_observer_cancelled(const struct espota_observer *observer)
{
    return observer && observer->cancelled && observer->cancelled(observer->context);
}
