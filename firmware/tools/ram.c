/* What firmware/tools/size.sh measures: an agent that serves one stream, and with a decoder the least ring.
 */
#include "espota/agent.h"

struct espota_agent measured_agent;
struct espota_agent_stream measured_stream;
#if ESPOTA_AGENT_SECTORS > 1
uint8_t measured_ring[2048];
#endif
