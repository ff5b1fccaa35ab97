// A stream over a serial line: what a modem, a radio or any transport of your own needs to carry a session.
#pragma once

#include "board.hpp"
#include "postrider/stream.hpp"

/// Blocks by polling. A serial line has no notion of a closed connection: a silent peer shows as a time-out.
class uart_stream {
  public:
    postrider::io_result write(std::span<const std::string_view> slices, postrider::instant deadline) {
        postrider::io_result done;
        for (const std::string_view slice : slices) {
            for (const char c : slice) {
                while (!board::uart_can_write()) {
                    if (board::now() >= deadline) {
                        done.error = postrider::errc::timed_out;
                        return done;
                    }
                }
                if (board::uart_can_read()) {
                    return done; // the UART holds one octet only: read before the next one is lost
                }
                board::uart_write(c);
                ++done.size;
            }
        }
        return done;
    }

    postrider::io_result read(std::span<char> space, postrider::instant deadline) {
        postrider::io_result done;
        while (done.size < space.size()) {
            if (board::uart_can_read()) {
                space[done.size++] = board::uart_read();
            } else if (done.size > 0) {
                return done;
            } else if (board::now() >= deadline) {
                done.error = postrider::errc::timed_out;
                return done;
            }
        }
        return done;
    }

    // This board has no TLS: a session with tls_policy::none never asks.
    postrider::handshake_result start_tls(postrider::instant) {
        return {postrider::errc::tls_handshake, false};
    }
};
