/* What the library's hints are called on this command line. */
#include "plan_options.h"

#include "espota/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void more_room(const uint32_t value[3], char *text, size_t room)
{
    char way[3][48] = { "", "", "" };
    unsigned count = 0;
    if (value[0])
        snprintf(way[count++], sizeof way[0], "--appsize %" PRIu32 "K or less", value[0] >> 10);
    if (value[2])
        snprintf(way[count++], sizeof way[0], "--%s", layout_option((enum espota_layout)value[2]));
    if (value[1])
        snprintf(way[count++], sizeof way[0], "--flash %" PRIu32 "M", value[1] >> 20);
    text[0] = '\0';
    for (unsigned i = 0; i < count; i++)
        snprintf(text + strlen(text), room - strlen(text), "%s%s",
                 i == 0           ? "use "
                 : i + 1 == count ? (count > 2 ? ", or " : " or ")
                                  : ", ",
                 way[i]);
}

static const char *const texts[] = {
    [ESPOTA_HINT_FLASH_SIZE] = "give one of them with --flash",
    [ESPOTA_HINT_SMALLER_APP] = "use a larger --flash or a smaller app",
    [ESPOTA_HINT_SMALLER_NVS] = "use a smaller --nvs-size or --table-offset",
    [ESPOTA_HINT_LOWER_BAUD] = "use a lower --baud, or --baud auto",
    [ESPOTA_HINT_CHIP] = "give the right --chip, or leave it out",
    [ESPOTA_HINT_BOOT_BUTTON] = "--before no-reset leaves that to you",
    [ESPOTA_HINT_ASK_AGENT] = "an espota agent is asked with --via agent",
    [ESPOTA_HINT_NAME_PORT] =
        "give --port or --port-filter, or set ESPOTA_PORT; 'espota devices' lists what there is",
    [ESPOTA_HINT_MAKE_KEY] = "'espota key --signing' makes one",
    [ESPOTA_HINT_SIGN] = "'espota sign' does it",
    [ESPOTA_HINT_GIVE_KEY] = "give --key FILE, with the key of this device",
    [ESPOTA_HINT_AGENT_BAUD] = "the app's console may have another --monitor-baud",
    [ESPOTA_HINT_END_TRIAL] = "'espota confirm' or 'espota rollback' first",
    [ESPOTA_HINT_LARGER_SLOT] = "plan a larger --appsize and flash that layout",
    [ESPOTA_HINT_OTA_LAYOUT] = "flash one with 'espota flash' and --force2p or --force3p",
    [ESPOTA_HINT_NOT_FACTORY] = "leave --force-factory out, or update and boot an OTA slot first",
    [ESPOTA_HINT_FLASH_FIRST] = "flash it first with 'espota flash'",
    [ESPOTA_HINT_WRITE_APP] = "write one with 'espota ota'",
    [ESPOTA_HINT_SEE_STATUS] = "see 'espota status'",
    [ESPOTA_HINT_MAKE_FILE] = "'espota flash' with --flash SIZE makes one",
    [ESPOTA_HINT_BOOTLOADER_OFFSET] =
        "say with --bootloader-offset (or --recovery-offset) where bootloaders lie, below the table",
    [ESPOTA_HINT_NAME_CHIP] = "give --chip",
    [ESPOTA_HINT_MERGED] = "'espota flash FILE' flashes it as a whole",
    [ESPOTA_HINT_AS_BOOTLOADER] = "give it with --bootloader, and the app with --app",
    [ESPOTA_HINT_AS_TABLE] = "give it with --table",
    [ESPOTA_HINT_AS_FS] = "give it with --fs-image",
    [ESPOTA_HINT_WRITE_RANGE] = "'espota write' writes it to a partition or an offset",
    [ESPOTA_HINT_NEED_TABLE] = "give --table, or options that plan one",
    [ESPOTA_HINT_MOVE_TABLE] = "move it with --table-offset, or build a smaller bootloader",
    [ESPOTA_HINT_LARGER_PARTITION] = "plan a larger one, with --appsize or --fssize, or --table",
    [ESPOTA_HINT_KEEP_HEADER] = "use --flash-size keep",
    [ESPOTA_HINT_CHANGE_LAYOUT] = ("back up what matters ('espota backup'), then give --migrate to keep what "
                                   "stays, or --erase to begin anew"),
    [ESPOTA_HINT_WRITE_OVER] = ("back up what matters ('espota backup'), then give --erase to begin anew, or "
                                "--force to write over it and leave the rest"),
    [ESPOTA_HINT_REPLACE] = "choose another name, or --force replaces it",
    [ESPOTA_HINT_RESTORE_ANYWAY] = "--force restores anyway",
    [ESPOTA_HINT_LIST_PARTITIONS] = "'espota table --port ...' lists them",
    [ESPOTA_HINT_WRITE_RAW] = "--raw writes it all the same",
    [ESPOTA_HINT_PRIVATE_CA] = "for a private CA give --certificate PEM",
    [ESPOTA_HINT_NO_STUB] = "--no-stub does without it",
    [ESPOTA_HINT_NAME_BUILD] = "--env NAME takes one",
    [ESPOTA_HINT_FS_TYPE] = "--fs-type littlefs, fat or fat-plain",
    [ESPOTA_HINT_GIVE_PASSWORD] = "give --password-file FILE, with its password",
    [ESPOTA_HINT_LISTEN_PORT] = "--listen-port PORT is one that you have opened for it",
    [ESPOTA_HINT_NAME_FILE] = "name the one that is meant: --app FILE, or the like",
    [ESPOTA_HINT_SEND_IMAGE] = "without --pull the image is fetched here, and sent to the device",
    [ESPOTA_HINT_NAME_HOST] = "an agent whose address is known is reached with --host",
};

static void about_table(const struct espota_error *error, char *text, size_t room)
{
    uint32_t at = error->hint_value[0];
    if (error->hint == ESPOTA_HINT_OTHER_TABLE)
        snprintf(text, room,
                 "--table-offset 0x%" PRIx32 " goes by that table; --erase begins anew, and all data is lost",
                 at);
    else
        snprintf(text, room,
                 "'espota write 0x%" PRIx32
                 " TABLE' puts a good one in its place; --force writes another one and leaves "
                 "the rest, --erase begins anew",
                 at);
}

void add_hint(struct espota_error *error)
{
    char text[256] = "";
    if (error->hint == ESPOTA_HINT_MORE_ROOM)
        more_room(error->hint_value, text, sizeof text);
    else if (error->hint == ESPOTA_HINT_FEWER_APPS)
        snprintf(text, sizeof text, "use --%s", layout_option((enum espota_layout)error->hint_value[0]));
    else if (error->hint == ESPOTA_HINT_OTHER_TABLE || error->hint == ESPOTA_HINT_MEND_TABLE)
        about_table(error, text, sizeof text);
    else if ((size_t)error->hint < sizeof texts / sizeof texts[0] && texts[error->hint])
        snprintf(text, sizeof text, "%s", texts[error->hint]);
    size_t length = strlen(error->text);
    if (*text && length + strlen(text) + 3 < sizeof error->text)
        snprintf(error->text + length, sizeof error->text - length, "; %s", text);
}
