// What runs before main() on a Cortex-M3, and the millisecond clock.
#include "board.hpp"

#include <cstdint>
#include <cstring>

extern "C" {

extern std::uint32_t data_start, data_end, data_load, bss_start, bss_end, stack_top;

[[noreturn]] void reset_handler();
[[noreturn]] void fault_handler();
void tick_handler();

} // extern "C"

namespace {

volatile std::uint32_t milliseconds = 0;

constexpr std::uint32_t core_clock = 25'000'000; // Hz
constexpr std::uintptr_t systick = 0xE000E010;   // ARMv7-M B3.3

} // namespace

using handler = void (*)();

[[gnu::section(".vectors"), gnu::used]] const handler vectors[16] = {
    reinterpret_cast<handler>(&stack_top),
    reset_handler,
    fault_handler, // NMI
    fault_handler, // HardFault
    fault_handler,
    fault_handler,
    fault_handler,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    fault_handler, // SVCall
    fault_handler,
    nullptr,
    fault_handler, // PendSV
    tick_handler,
};

extern "C" void reset_handler() {
    std::memcpy(&data_start, &data_load,
                reinterpret_cast<char*>(&data_end) - reinterpret_cast<char*>(&data_start));
    std::memset(&bss_start, 0, reinterpret_cast<char*>(&bss_end) - reinterpret_cast<char*>(&bss_start));
    board::word(systick + 4) = core_clock / 1000 - 1;
    board::word(systick + 8) = 0;
    board::word(systick) = 7; // core clock, interrupt, on
    board::stop(firmware_main());
}

extern "C" void fault_handler() {
    board::stop(70);
}

extern "C" void tick_handler() {
    milliseconds = milliseconds + 1;
}

std::uint32_t board::now() {
    return milliseconds;
}
