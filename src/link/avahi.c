#include "avahi.h"

#include "espota/error.h"

#include <avahi-common/error.h>
#include <dbus/dbus.h>
#include <stdbool.h>

int avahi_failed(struct espota_error *error, const char *what, int code)
{
    if (code == AVAHI_ERR_NO_MEMORY)
        return espota_fail_memory(error, what);
    bool gone = code == AVAHI_ERR_DBUS_ERROR || code == AVAHI_ERR_DISCONNECTED;
    return espota_fail_hint(error, ESPOTA_ERR_IO, ESPOTA_HINT_NAME_HOST, "cannot %s: avahi-daemon %s: %s",
                            what, gone ? "has ended, or does not answer in time" : "does not do it",
                            avahi_strerror(code));
}

static int not_running(struct espota_error *error, const char *what, int code)
{
    if (code == AVAHI_ERR_NO_MEMORY)
        return espota_fail_memory(error, what);
    return espota_fail_hint(error, ESPOTA_ERR_IO, ESPOTA_HINT_NAME_HOST,
                            "cannot %s: avahi-daemon, which speaks mDNS for this machine, does not run (%s); "
                            "install the package avahi-daemon, and start it",
                            what, avahi_strerror(code));
}

AvahiClient *avahi_connect(const AvahiPoll *poll, AvahiClientFlags flags, AvahiClientCallback told,
                           void *context, const char *what, struct espota_error *error)
{
    int code = 0;
    dbus_connection_set_change_sigpipe(FALSE); /* what SIGPIPE does is for the program to say */
    AvahiClient *client = avahi_client_new(poll, flags, told, context, &code);
    if (client && avahi_client_get_state(client) == AVAHI_CLIENT_CONNECTING) { /* with AVAHI_CLIENT_NO_FAIL */
        avahi_client_free(client);
        client = NULL;
        code = AVAHI_ERR_NO_DAEMON;
    }
    if (!client)
        not_running(error, what, code);
    return client;
}
