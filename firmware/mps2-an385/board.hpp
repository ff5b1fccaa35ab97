// The few things of the board that the example needs: a clock, a serial line to the modem, a console.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

/// The application.
int firmware_main();

namespace board {

inline volatile std::uint32_t& word(std::uintptr_t address) {
    return *reinterpret_cast<volatile std::uint32_t*>(address);
}

/// Milliseconds since reset.
std::uint32_t now();

/// The UART that leads to the network: one octet at a time, as the hardware has it.
bool uart_can_write();
bool uart_can_read();
void uart_write(char c);
char uart_read();

// --- semihosting: a debugger, or QEMU, stands behind the board ---

/// Prints on the console of the host.
void print(std::string_view text);
/// The command line given to the image, without a final NUL; empty when there is none.
std::string_view command_line(std::span<char> space);
/// Ends the run with an exit code.
[[noreturn]] void stop(int code);

} // namespace board
