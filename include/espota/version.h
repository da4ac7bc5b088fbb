#ifndef ESPOTA_VERSION_H
#define ESPOTA_VERSION_H

#define ESPOTA_VERSION "0.2.0"

#endif
