#include "board.hpp"

namespace board {

namespace {

// CMSDK APB UART 1 (ARM DDI 0479): data, state, control, interrupt status, baud divider.
constexpr std::uintptr_t uart = 0x40005000;
constexpr std::uint32_t tx_full = 1;
constexpr std::uint32_t rx_full = 2;

void uart_enable() {
    static bool enabled = false;
    if (!enabled) {
        enabled = true;
        word(uart + 16) = 16; // the smallest divider: as fast as the line goes
        word(uart + 8) = 3;   // transmit and receive
    }
}

std::uint32_t uart_state() {
    uart_enable();
    return word(uart + 4);
}

// ARM semihosting (ARM IHI 0104): operation in r0, its block in r1, BKPT 0xAB.
int semihosting(unsigned operation, const void* block) {
    register int r0 asm("r0") = static_cast<int>(operation);
    register const void* r1 asm("r1") = block;
    asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

constexpr unsigned sys_writec = 0x03;
constexpr unsigned sys_get_cmdline = 0x15;
constexpr unsigned sys_exit_extended = 0x20;
constexpr std::uint32_t application_exit = 0x20026;

} // namespace

bool uart_can_write() {
    return (uart_state() & tx_full) == 0;
}
bool uart_can_read() {
    return (uart_state() & rx_full) != 0;
}
void uart_write(char c) {
    word(uart) = static_cast<unsigned char>(c);
}
char uart_read() {
    return static_cast<char>(word(uart));
}

void print(std::string_view text) {
    for (const char& c : text) {
        semihosting(sys_writec, &c);
    }
}

std::string_view command_line(std::span<char> space) {
    struct {
        char* text;
        std::uint32_t size;
    } block{space.data(), static_cast<std::uint32_t>(space.size())};
    return semihosting(sys_get_cmdline, &block) == 0 ? std::string_view{space.data(), block.size}
                                                     : std::string_view{};
}

void stop(int code) {
    const struct {
        std::uint32_t reason;
        std::uint32_t code;
    } block{application_exit, static_cast<std::uint32_t>(code)};
    semihosting(sys_exit_extended, &block);
    for (;;) {
    }
}

} // namespace board
