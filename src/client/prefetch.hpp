// prefetch.hpp - what will be needed in a moment is fetched while something else is done.
#pragma once

#include <cstddef>

namespace postrider::line {

/// From the line that `first` is in up to that of `last`.
inline void prefetch(const void* first, const void* last) noexcept {
    constexpr std::ptrdiff_t cache_line = 64;
    for (const auto* at = static_cast<const char*>(first); at <= last; at += cache_line) {
        __builtin_prefetch(at);
    }
}

} // namespace postrider::line
