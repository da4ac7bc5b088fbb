/* An app with the espota agent on Ethernet: which MAC, PHY and pins is said in 'idf.py menuconfig', Ethernet
 * Configuration; on an emulated chip it is OpenCores Ethernet. The agent needs a key there:
 * CONFIG_EXAMPLE_KEY. */
#include "espota_idf.h"
#include "example_keys.h"

#include "esp_eth.h"
#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "ethernet_init.h"

static const char tag[] = "example";

static void got_address(void *context, esp_event_base_t base, int32_t id, void *data)
{
    const ip_event_got_ip_t *event = data;
    (void)context;
    (void)base;
    (void)id;
    ESP_LOGI(tag, "espota --host " IPSTR, IP2STR(&event->ip_info.ip));
}

/* The agent waits for hosts whether the link is up or not, so nothing here waits for it. */
static void join_network(void)
{
    const esp_netif_config_t config = ESP_NETIF_DEFAULT_ETH();
    esp_eth_handle_t *ports = NULL;
    uint8_t count = 0;
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_ERROR_CHECK(esp_event_handler_register(IP_EVENT, IP_EVENT_ETH_GOT_IP, got_address, NULL));
    if (ethernet_init_all(&ports, &count) != ESP_OK || count == 0) {
        ESP_LOGE(tag, "no Ethernet as 'idf.py menuconfig', Ethernet Configuration, has it: the UART remains");
        return;
    }
    ESP_ERROR_CHECK(esp_netif_attach(esp_netif_new(&config), esp_eth_new_netif_glue(ports[0])));
    ESP_ERROR_CHECK(esp_eth_start(ports[0]));
}

void app_main(void)
{
    const uint8_t *key = example_key();
    const struct espota_idf_config config = {
        .name = "espota example",
        .key = key,
        .key_length = key ? EXAMPLE_KEY_LENGTH : 0,
        .owner = example_owner(),
        .uart = { .used = true },
        .tcp = { .used = key != NULL, .mdns_name = "espota-example" },
    };
    join_network();
    ESP_ERROR_CHECK(espota_idf_start(&config));
}
