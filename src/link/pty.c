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

int espota_link_open_pty(struct espota_link **link, const char *path, struct espota_error *error)
{
    struct termios raw;
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || tcgetattr(fd, &raw) != 0) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "cannot open port %s: %s", path,
                           espota_reason(reason));
    }
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSANOW, &raw) != 0) {
        close(fd);
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "cannot configure port %s: %s", path,
                           espota_reason(errno));
    }
    int result = espota_link_from_pty(link, fd, path, error);
    if (result != 0)
        close(fd);
    return result;
}
