#ifndef ESPOTA_VERSION_H
#define ESPOTA_VERSION_H

#define ESPOTA_VERSION "0.1.0"

#endif
