/* An app with the espota agent: on UART 0 beside the console, and on Wi-Fi when a network and a key are
 * configured. The partition table is made by 'espota plan --flash 4M --force2p --app-name app -o
 * partitions.csv'. */
#include "espota_idf.h"
#include "example_keys.h"

#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_wifi.h"
#include "nvs_flash.h"
#include "sdkconfig.h"

#include <stdio.h>
#include <string.h>

static const char tag[] = "example";

static bool allow_update(void *context, uint32_t length)
{
    (void)context;
    ESP_LOGI(tag, "an update of %u bytes", (unsigned)length);
    return true; /* false while the app must not be disturbed */
}

static void about_to_restart(void *context)
{
    (void)context;
    ESP_LOGI(tag, "restarting");
}

static void reconnect(void *context, esp_event_base_t base, int32_t id, void *data)
{
    (void)context;
    (void)base;
    (void)id;
    (void)data;
    esp_wifi_connect();
}

static void join_network(void)
{
    wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    wifi_config_t config = { 0 };
    ESP_ERROR_CHECK(nvs_flash_init());
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    esp_netif_create_default_wifi_sta();
    ESP_ERROR_CHECK(esp_wifi_init(&init));
    ESP_ERROR_CHECK(esp_event_handler_register(WIFI_EVENT, WIFI_EVENT_STA_START, reconnect, NULL));
    ESP_ERROR_CHECK(esp_event_handler_register(WIFI_EVENT, WIFI_EVENT_STA_DISCONNECTED, reconnect, NULL));
    snprintf((char *)config.sta.ssid, sizeof config.sta.ssid, "%s", CONFIG_EXAMPLE_WIFI_SSID);
    snprintf((char *)config.sta.password, sizeof config.sta.password, "%s", CONFIG_EXAMPLE_WIFI_PASSWORD);
    ESP_ERROR_CHECK(esp_wifi_set_mode(WIFI_MODE_STA));
    ESP_ERROR_CHECK(esp_wifi_set_config(WIFI_IF_STA, &config));
    ESP_ERROR_CHECK(esp_wifi_start());
}

void app_main(void)
{
    const uint8_t *key = example_key();
    struct espota_idf_config config = {
        .name = "espota example",
        .key = key,
        .key_length = key ? EXAMPLE_KEY_LENGTH : 0,
        .owner = example_owner(),
        .uart = { .used = true },
        .callbacks = { .allow_update = allow_update, .about_to_restart = about_to_restart },
    };
    if (key && strlen(CONFIG_EXAMPLE_WIFI_SSID) > 0) {
        join_network();
        config.tcp.used = true;
        config.tcp.mdns_name = "espota-example";
    }
    ESP_ERROR_CHECK(espota_idf_start(&config));
}
