// spool.hpp - octets put aside: in memory while they are few, then in a file that has no name.
#pragma once

#include "postrider/content.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postrider {

/// Append, then finish once. The file is readable by its owner only and vanishes with the last content that
/// uses it.
class spool {
  public:
    explicit spool(std::size_t memory_limit) noexcept : memory_limit_(memory_limit) {}
    spool(const spool&) = delete;
    spool& operator=(const spool&) = delete;
    ~spool();

    /// False when the file cannot be made or written; errno tells why, and later calls fail, too.
    bool append(std::string_view octets);
    /// Error: content_unreadable.
    result<content> finish();

  private:
    bool flush();

    std::size_t memory_limit_;
    std::string memory_; // all octets, or those the file does not hold yet
    std::uint64_t written_ = 0;
    int fd_ = -1;
    bool failed_ = false;
};

} // namespace postrider
