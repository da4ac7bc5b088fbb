/* Pseudo-terminals, as emulators and the simulator offer them: terminals without a rate and control lines,
 * which libserialport does not open. */
#include "link.h"

#include "espota/error.h"
#include "espota/file.h"
#include "espota/link.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

bool espota_link_is_pty(const char *path)
{
    int lines = 0;
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool pty = isatty(fd) == 1 && ioctl(fd, TIOCMGET, &lines) != 0 && (errno == ENOTTY || errno == EINVAL);
    close(fd);
    return pty;
}

static int open_pty(const char *path, struct espota_error *error)
{
    struct termios raw;
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || tcgetattr(fd, &raw) != 0) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        (void)espota_fail(error, ESPOTA_ERR_NO_DEVICE, "cannot open port %s: %s", path,
                          espota_reason(reason));
        return -1;
    }
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSANOW, &raw) != 0) {
        (void)espota_fail(error, ESPOTA_ERR_NO_DEVICE, "cannot configure port %s: %s", path,
                          espota_reason(errno));
        close(fd);
        return -1;
    }
    return fd;
}

int espota_link_open_pty(struct espota_link **link, const char *path, struct espota_error *error)
{
    int fd = open_pty(path, error);
    if (fd < 0)
        return (int)error->status;
    int result = espota_link_from_pty(link, fd, path, open_pty, error);
    if (result != 0)
        close(fd);
    return result;
}
