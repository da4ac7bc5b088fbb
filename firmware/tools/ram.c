/* What firmware/tools/size.sh measures: an agent that serves one stream. */
#include "espota/agent.h"

struct espota_agent measured_agent;
struct espota_agent_stream measured_stream;
