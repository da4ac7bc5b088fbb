#include "espota/ports.h"

#include "espota/error.h"
#include "espota/file.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <libserialport.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Sources: Linux, drivers/usb/serial/{cp210x,ch341,ftdi_sio,pl2303}.c; espressif/usb-pids. A pid of 0 stands
 * for all of a maker. */
static const struct {
    uint16_t vid, pid;
    const char *name;
} adapters[] = {
    { 0x303a, 0x1001, "USB-Serial/JTAG" },
    { 0x303a, 0x0002, "ESP32-S2 USB-OTG" },
    { 0x303a, 0x0009, "ESP32-S3 USB-OTG" },
    { 0x303a, 0x0012, "ESP32-P4 USB-OTG" },
    { 0x303a, 0, "Espressif USB" },
    { 0x10c4, 0xea60, "CP210x" },
    { 0x10c4, 0xea64, "CP2102C" },
    { 0x10c4, 0xea70, "CP2105" },
    { 0x10c4, 0xea71, "CP2108" },
    { 0x1a86, 0x7523, "CH340" },
    { 0x1a86, 0x5523, "CH341" },
    { 0x1a86, 0x7522, "CH340K" },
    { 0x1a86, 0x55d2, "CH9102" },
    { 0x1a86, 0x55d3, "CH343" },
    { 0x1a86, 0x55d4, "CH9102" },
    { 0x0403, 0x6001, "FT232R" },
    { 0x0403, 0x6010, "FT2232" },
    { 0x0403, 0x6011, "FT4232" },
    { 0x0403, 0x6014, "FT232H" },
    { 0x0403, 0x6015, "FT231X" },
    { 0x067b, 0x2303, "PL2303" },
};

const char *espota_port_adapter(uint16_t vid, uint16_t pid)
{
    for (size_t i = 0; i < sizeof adapters / sizeof adapters[0]; i++)
        if (adapters[i].vid == vid && (adapters[i].pid == pid || adapters[i].pid == 0))
            return adapters[i].name;
    return NULL;
}

/* ---- who holds it ---------------------------------------------------------------------------------------
 */

/* Does this process have `target` open, and no pseudo-terminal of its own making? */
static bool process_holds(const char *pid, const char *target)
{
    char folder[64], path[sizeof folder + NAME_MAX + 2], link[PATH_MAX];
    bool holds = false, makes_terminals = false;
    snprintf(folder, sizeof folder, "/proc/%.20s/fd", pid);
    DIR *files = opendir(folder);
    if (!files)
        return false; /* another user's, or gone */
    for (struct dirent *e; (e = readdir(files));) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        ssize_t length = readlink(path, link, sizeof link - 1);
        if (length < 0)
            continue;
        link[length] = '\0';
        holds = holds || strcmp(link, target) == 0;
        makes_terminals = makes_terminals || strstr(link, "/ptmx") != NULL;
    }
    closedir(files);
    return holds && !makes_terminals;
}

static void process_name(const char *pid, char *name, size_t room)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    FILE *file = fopen(path, "re");
    if (!file || !fgets(name, (int)room, file))
        snprintf(name, room, "a program");
    if (file)
        fclose(file);
    name[strcspn(name, "\n")] = '\0';
}

bool espota_port_holder(const char *path, char *text, size_t room)
{
    char target[PATH_MAX], own[24], name[32];
    bool found = false;
    DIR *processes = realpath(path, target) && strncmp(target, "/dev/", 5) == 0 ? opendir("/proc") : NULL;
    if (!processes)
        return false;
    snprintf(own, sizeof own, "%ld", (long)getpid());
    for (struct dirent *e; !found && (e = readdir(processes));) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9' || strcmp(e->d_name, own) == 0 ||
            !process_holds(e->d_name, target))
            continue;
        process_name(e->d_name, name, sizeof name);
        snprintf(text, room, "%s (pid %.20s)", name, e->d_name);
        found = true;
    }
    closedir(processes);
    return found;
}

/* ---- can it be opened -----------------------------------------------------------------------------------
 */

/* Whoever is in the group of the device file may open it: dialout on Debian, uucp elsewhere. */
static void explain_denial(struct espota_port *port)
{
    struct stat about;
    const struct group *group = stat(port->path, &about) == 0 && about.st_gid ? getgrgid(about.st_gid) : NULL;
    const char *name = group ? group->gr_name : "dialout";
    port->state = ESPOTA_PORT_DENIED;
    snprintf(port->reason, sizeof port->reason,
             "permission denied: add yourself to the group %.32s (sudo usermod -aG %.32s $USER, then log in "
             "again), or install the udev rules 60-espota.rules that come with espota",
             name, name);
}

/* /dev/null, /dev/zero and their like, on Linux; everybody has them open. */
#define MEMORY_DEVICES 1

/* Ports are character devices. */
static bool is_something_else(struct espota_port *port)
{
    struct stat about;
    if (stat(port->path, &about) != 0 || (S_ISCHR(about.st_mode) && major(about.st_rdev) != MEMORY_DEVICES))
        return false;
    snprintf(port->reason, sizeof port->reason, "it is %s, no serial port%s",
             S_ISREG(about.st_mode)   ? "a file"
             : S_ISDIR(about.st_mode) ? "a directory"
                                      : "something else",
             S_ISREG(about.st_mode) ? "; a flash image is named with file: before its path" : "");
    return true;
}

void espota_port_examine(struct espota_port *port)
{
    char holder[64];
    port->state = ESPOTA_PORT_FREE;
    port->reason[0] = '\0';
    if (access(port->path, F_OK) != 0) {
        port->state = ESPOTA_PORT_GONE;
        snprintf(port->reason, sizeof port->reason, "it is not there: is the board plugged in?");
    } else if (access(port->path, R_OK | W_OK) != 0)
        explain_denial(port);
    else if (is_something_else(port))
        port->state = ESPOTA_PORT_GONE;
    else if (espota_port_holder(port->path, holder, sizeof holder)) {
        port->state = ESPOTA_PORT_BUSY;
        snprintf(port->reason, sizeof port->reason, "%s has it open: end that program first", holder);
    }
}

/* ---- the list -------------------------------------------------------------------------------------------
 */

static void copy_text(char *out, size_t room, const char *text)
{
    size_t i = 0;
    for (; text && text[i] && i < room - 1; i++)
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    out[i] = '\0';
}

static void describe(struct espota_port *port, const struct sp_port *found)
{
    int vid = 0, pid = 0;
    *port = (struct espota_port){ 0 };
    snprintf(port->path, sizeof port->path, "%s", sp_get_port_name(found));
    if (sp_get_port_transport(found) == SP_TRANSPORT_USB &&
        sp_get_port_usb_vid_pid(found, &vid, &pid) == SP_OK) {
        port->vid = (uint16_t)vid;
        port->pid = (uint16_t)pid;
        copy_text(port->product, sizeof port->product, sp_get_port_usb_product(found));
        copy_text(port->serial, sizeof port->serial, sp_get_port_usb_serial(found));
        port->adapter = espota_port_adapter(port->vid, port->pid);
    }
    espota_port_examine(port);
}

static bool append(struct espota_port **ports, size_t *count, const struct sp_port *found)
{
    struct espota_port *more = realloc(*ports, (*count + 1) * sizeof **ports);
    if (!more)
        return false;
    *ports = more;
    describe(&more[(*count)++], found);
    return true;
}

/* One that is in /dev, as the device files of a container need not be. */
static bool append_named(struct espota_port **ports, size_t *count, const char *name)
{
    char path[sizeof "/sys/class/tty//device" + NAME_MAX];
    struct sp_port *port = NULL;
    snprintf(path, sizeof path, "/sys/class/tty/%.*s/device", NAME_MAX, name);
    if (access(path, F_OK) != 0) /* no hardware behind it */
        return true;
    snprintf(path, sizeof path, "/dev/%.*s", NAME_MAX, name);
    if (access(path, F_OK) != 0 || sp_get_port_by_name(path, &port) != SP_OK)
        return true;
    bool done = append(ports, count, port);
    sp_free_port(port);
    return done;
}

/* What the kernel knows, less what has no device file: libserialport 0.1.2 gives up the whole list for one of
 * those. */
static int list_by_name(struct espota_port **ports, size_t *count, struct espota_error *error)
{
    DIR *names = opendir("/sys/class/tty");
    if (!names)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot list the serial ports: /sys/class/tty: %s",
                           espota_reason(errno));
    bool done = true;
    for (struct dirent *e; done && (e = readdir(names));)
        done = e->d_name[0] == '.' || append_named(ports, count, e->d_name);
    closedir(names);
    return done ? 0 : espota_fail_memory(error, "listing the serial ports");
}

int espota_ports_list(struct espota_port **ports, size_t *count, struct espota_error *error)
{
    struct sp_port **found = NULL;
    *count = 0;
    *ports = calloc(1, sizeof **ports);
    if (!*ports)
        return espota_fail_memory(error, "listing the serial ports");
    bool done = true;
    int status = 0;
    if (sp_list_ports(&found) != SP_OK)
        status = list_by_name(ports, count, error);
    for (size_t i = 0; found && found[i] && done; i++)
        done = append(ports, count, found[i]);
    if (found)
        sp_free_port_list(found);
    if (!done)
        status = espota_fail_memory(error, "listing the serial ports");
    if (status != 0) {
        free(*ports);
        *ports = NULL;
    }
    return status;
}

int espota_ports_choose(const struct espota_port *ports, size_t count, const struct espota_port **chosen,
                        struct espota_error *error)
{
    char names[512] = "";
    size_t found = 0;
    *chosen = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!ports[i].adapter)
            continue;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", found ? ", " : "", ports[i].path);
        *chosen = &ports[i];
        found++;
    }
    if (found == 1)
        return 0;
    if (found == 0)
        return espota_fail_hint(error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NAME_PORT,
                                "which device? No serial port here looks like a board");
    return espota_fail_hint(error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NAME_PORT,
                            "which device? Several ports look like boards (%s)", names);
}
