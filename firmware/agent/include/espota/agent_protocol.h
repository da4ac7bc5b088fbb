/** Numbers of the agent's protocol, for both ends. The protocol is described in firmware/PROTOCOL.md. */
#ifndef ESPOTA_AGENT_PROTOCOL_H
#define ESPOTA_AGENT_PROTOCOL_H

#define ESPOTA_AGENT_VERSION      1u
#define ESPOTA_AGENT_MARK         0xA5u /* of an open frame */
#define ESPOTA_AGENT_SEALED       0xA6u /* of an encrypted one */
#define ESPOTA_AGENT_RESPONSE     0x80u /* bit of the type */
#define ESPOTA_AGENT_HEADER_SIZE  8u    /* open: mark, type, length, sequence */
#define ESPOTA_AGENT_CRC_SIZE     4u
#define ESPOTA_AGENT_NONCE_SIZE   16u
#define ESPOTA_AGENT_NAME_SIZE    32u
#define ESPOTA_AGENT_WRITE_HEADER 5u /* offset, flags */

/** A sealed frame: mark and number in clear, then encrypted type, sequence and payload, then the tag. */
#define ESPOTA_AGENT_SEALED_HEADER 5u
#define ESPOTA_AGENT_SEALED_INNER  5u
#define ESPOTA_AGENT_TAG_SIZE      16u

/** Largest frame body for `data` payload data bytes, whatever its type. */
#define ESPOTA_AGENT_MAX_FRAME(data)                                                                         \
    (ESPOTA_AGENT_SEALED_HEADER + ESPOTA_AGENT_SEALED_INNER + 8u + (data) + ESPOTA_AGENT_TAG_SIZE)

enum espota_agent_request {
    ESPOTA_AGENT_HELLO = 0x01,
    ESPOTA_AGENT_HANDSHAKE = 0x02,
    ESPOTA_AGENT_INFO = 0x03,
    ESPOTA_AGENT_READ = 0x04,
    ESPOTA_AGENT_DIGEST = 0x05,
    ESPOTA_AGENT_BEGIN = 0x06,
    ESPOTA_AGENT_WRITE = 0x07,
    ESPOTA_AGENT_PULL = 0x08,
    ESPOTA_AGENT_VERIFY = 0x09,
    ESPOTA_AGENT_SELECT = 0x0a,
    ESPOTA_AGENT_CONFIRM = 0x0b,
    ESPOTA_AGENT_ROLLBACK = 0x0c,
    ESPOTA_AGENT_RESTART = 0x0d,
    ESPOTA_AGENT_ERASE = 0x0e,
    ESPOTA_AGENT_RATE = 0x0f,
    ESPOTA_AGENT_IDENTIFY = 0x10,
    ESPOTA_AGENT_REQUESTS, /* no request has this number or a higher one */
};

enum espota_agent_status {
    ESPOTA_AGENT_OK = 0x00,
    ESPOTA_AGENT_WORKING = 0x01,
    ESPOTA_AGENT_UNKNOWN = 0x02,
    ESPOTA_AGENT_MALFORMED = 0x03,
    ESPOTA_AGENT_BAD_VERSION = 0x04,
    ESPOTA_AGENT_LOCKED = 0x05,
    ESPOTA_AGENT_PROOF = 0x06,
    ESPOTA_AGENT_RANGE = 0x08,
    ESPOTA_AGENT_DENIED = 0x09,
    ESPOTA_AGENT_RUNNING = 0x0a,
    ESPOTA_AGENT_SIZE = 0x0b,
    ESPOTA_AGENT_ORDER = 0x0c,
    ESPOTA_AGENT_GAP = 0x0d,
    ESPOTA_AGENT_FLASH = 0x0e,
    ESPOTA_AGENT_BAD_DIGEST = 0x0f,
    ESPOTA_AGENT_IMAGE = 0x10,
    ESPOTA_AGENT_STATE = 0x11,
    ESPOTA_AGENT_UNSUPPORTED = 0x12,
    ESPOTA_AGENT_BASE = 0x13,
    ESPOTA_AGENT_CRYPTO = 0x14,
    ESPOTA_AGENT_UNSIGNED = 0x15,
    ESPOTA_AGENT_OLD = 0x16,
    ESPOTA_AGENT_NOT_NOW = 0x17,
    ESPOTA_AGENT_TRIAL = 0x18,
    ESPOTA_AGENT_PROJECT = 0x19,
    ESPOTA_AGENT_RECOVERY = 0x1a,
    ESPOTA_AGENT_PULLING = 0x1b,
};

#define ESPOTA_AGENT_HELLO_KEY_NEEDED 0x01u
#define ESPOTA_AGENT_BEGIN_RANGE      0x01u
#define ESPOTA_AGENT_BEGIN_SIZE       (12u + 32u)

/** Flags of WRITE: the other seven bits are the stream's number, which changes from one START to the next. */
#define ESPOTA_AGENT_WRITE_START        0x01u
#define ESPOTA_AGENT_WRITE_NUMBER_SHIFT 1u

/** A rate at which nothing is understood lasts so long. */
#define ESPOTA_AGENT_RATE_PROOF_MS 1000u
/** So long a session may be silent without losing its rate. */
#define ESPOTA_AGENT_RATE_IDLE_MS 3000u

/** Capabilities. */
#define ESPOTA_AGENT_CAN_CODED     (1u << 0)
#define ESPOTA_AGENT_CAN_PATCH     (1u << 1)
#define ESPOTA_AGENT_CAN_TRIAL     (1u << 2)
#define ESPOTA_AGENT_SIGNED_ONLY   (1u << 3) /* bit 4 is reserved */
#define ESPOTA_AGENT_CAN_ALL_FLASH (1u << 5)
#define ESPOTA_AGENT_CAN_RATE      (1u << 6)
#define ESPOTA_AGENT_CAN_PULL      (1u << 7)

/** What PULL is asked to do: the first byte of its payload. */
enum espota_agent_pull {
    ESPOTA_AGENT_PULL_ASK = 0,
    ESPOTA_AGENT_PULL_ORDER = 1,
    ESPOTA_AGENT_PULL_START = 2,
    ESPOTA_AGENT_PULL_CANCEL = 3,
};

#define ESPOTA_AGENT_HELLO_SIZE       (2u + ESPOTA_AGENT_NONCE_SIZE)  /* a request's payload */
#define ESPOTA_AGENT_HELLO_REPLY_SIZE (14u + ESPOTA_AGENT_NONCE_SIZE) /* a response's, with its status */
#define ESPOTA_AGENT_INFO_SIZE        64u                             /* a response's, behind its status */
#define ESPOTA_AGENT_HANDSHAKE_SIZE   48u                             /* a Noise message */
#define ESPOTA_AGENT_IDENTIFY_SIZE    (4u + 32u)                      /* as INFO's; length 0: no SHA-256 */

/** What the prologue of a handshake begins with; the payloads of HELLO's request and response follow. */
#define ESPOTA_AGENT_LABEL_PROLOGUE "espota session 1"

#endif
