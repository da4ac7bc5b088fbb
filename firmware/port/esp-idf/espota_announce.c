/* The agent on mDNS: firmware/PROTOCOL.md, Announcement. */
#include "espota_private.h"

#include "esp_log.h"
#include "sdkconfig.h"

static const char tag[] = "espota";

#ifdef ESPOTA_MDNS
#include "esp_app_desc.h"
#include "mdns.h"

#include <stdio.h>

enum { MAC_TEXT = 13 };

/* The component puts each before those that it has: what is last here comes first. */
static esp_err_t add_service(const struct espota_idf *e, uint16_t port, const char mac[MAC_TEXT])
{
    mdns_txt_item_t text[] = {
        { "key", e->agent_config.key_length > 0 ? "yes" : "no" },
        { "mac", mac },
#ifdef CONFIG_ESPOTA_MDNS_APP
        { "version", esp_app_get_description()->version },
        { "project", esp_app_get_description()->project_name },
#endif
        { "chip", CONFIG_IDF_TARGET },
        { "proto", "1" },
        { "txtvers", "1" },
    };
    return mdns_service_add(NULL, "_espota", "_tcp", port, text, sizeof text / sizeof text[0]);
}

/* Without mDNS the agent is still there, by its address. */
void espota_idf_announce(const struct espota_idf *e, uint16_t port)
{
    const char *name = e->config.tcp.mdns_name;
    const uint8_t *m = e->agent_config.mac;
    char mac[MAC_TEXT];
    if (!name)
        return;
    snprintf(mac, sizeof mac, "%02x%02x%02x%02x%02x%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    esp_err_t result = mdns_init();
    if (result == ESP_OK || result == ESP_ERR_INVALID_STATE) /* the app may have begun it */
        result = mdns_hostname_set(name);
    if (result == ESP_OK)
        result = add_service(e, port, mac);
    if (result != ESP_OK)
        ESP_LOGW(tag, "not announced by mDNS: %s", esp_err_to_name(result));
}
#else
void espota_idf_announce(const struct espota_idf *e, uint16_t port)
{
    (void)port;
    if (e->config.tcp.mdns_name)
        ESP_LOGW(tag, "mDNS is not built in: CONFIG_ESPOTA_MDNS and the component mdns");
}
#endif
