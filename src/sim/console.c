/* What the board says on its streams. */
#include "board.h"

#include "espota/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sim_send(struct sim_board *board, enum sim_stream stream, const uint8_t *data, size_t length)
{
    if (board->state != SIM_OFF && board->flash->powered)
        board->options.send(board->options.context, stream, data, length);
}

void sim_print(struct sim_board *board, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length < 0)
        return;
    if (board->options.log)
        board->options.log(board->options.context, line);
    sim_send(board, SIM_UART, (const uint8_t *)line, strlen(line));
    sim_send(board, SIM_UART, (const uint8_t *)"\r\n", 2);
}

unsigned sim_board_uptime_ms(const struct sim_board *board)
{
    return (unsigned)(espota_clock_now_ms(board->options.clock) - board->started_ms);
}
