#include "random.hpp"

#include <array>
#include <cerrno>
#include <string_view>
#include <sys/random.h>

namespace postrider {
namespace {

bool from_system(std::span<unsigned char> into) {
    while (!into.empty()) {
        const ssize_t n = ::getrandom(into.data(), into.size(), 0);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        into = into.subspan(n < 0 ? 0 : static_cast<std::size_t>(n));
    }
    return true;
}

} // namespace

std::optional<std::string> random_name(const random_source& source) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, 16> bits{};
    if (source ? !source(bits) : !from_system(bits)) {
        return std::nullopt;
    }
    std::string name;
    for (const unsigned char octet : bits) {
        name += {digits[octet >> 4], digits[octet & 15]};
    }
    return name;
}

} // namespace postrider
