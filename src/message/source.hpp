// source.hpp - where the octets of a content live; private to content and spool.
#pragma once

#include "postrider/content.hpp"

#include <atomic>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <string>
#include <string_view>

namespace postrider {

struct content::source {
    source() = default;
    source(const source&) = delete;
    source& operator=(const source&) = delete;
    ~source();

    bool in_file() const noexcept { return fd >= 0; }
    /// A file of somebody else's can change between measuring and sending; a different number of octets than
    /// SIZE and BDAT announced, or half of two versions, must not go out.
    bool unchanged() const noexcept;

    std::string owned;
    std::string_view octets; // in memory
    int fd = -1;             // or in a file,
    std::uint64_t start = 0; // from here
    std::uint64_t size = 0;
    bool watched = false;
    std::uint64_t file_size = 0;
    std::timespec modified{};

    // What is in memory stays as it is: one look is enough for every copy, however often it is sent.
    mutable std::once_flag measuring;
    mutable std::atomic<bool> is_measured = false;
    mutable content_traits measured; // once it is
};

} // namespace postrider
