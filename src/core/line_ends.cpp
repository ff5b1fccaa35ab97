#include "line_ends.hpp"

#include "line_blocks.hpp"
#include "postrider/features.hpp"

namespace postrider {

const char* due_between(char previous, char next, bool dots) noexcept {
    const bool bare_cr = previous == '\r' && next != '\n';
    if (dots && next == '.' && (bare_cr || previous == '\n')) {
        return bare_cr ? "\n." : ".";
    }
    const bool bare_lf = previous != '\r' && next == '\n';
    return bare_cr ? "\n" : bare_lf ? "\r" : "";
}

#if !POSTRIDER_FAST_SCAN
std::size_t find_due(std::string_view s, std::size_t from, bool dots) noexcept {
    return find_due_by_octet(s, from, dots);
}
#elif defined(__x86_64__)
[[gnu::target("avx2")]] static std::size_t find_due_avx2(std::string_view s, std::size_t from,
                                                         bool dots) noexcept {
    return find_due_by<block_32>(s, from, dots);
}
std::size_t find_due(std::string_view s, std::size_t from, bool dots) noexcept {
    return __builtin_cpu_supports("avx2") ? find_due_avx2(s, from, dots)
                                          : find_due_by<block_16>(s, from, dots);
}
#elif defined(__aarch64__)
std::size_t find_due(std::string_view s, std::size_t from, bool dots) noexcept {
    return find_due_by<block_16>(s, from, dots);
}
#else
std::size_t find_due(std::string_view s, std::size_t from, bool dots) noexcept {
    return find_due_by<word_block>(s, from, dots);
}
#endif

} // namespace postrider
