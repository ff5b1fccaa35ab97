// progress_bar.hpp - one line on standard error for what takes longer than a second.
#pragma once

#include "postrider/client.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace postrider::cli {

/// Draws over itself; wiped when finished. Called by one thread at a time.
class progress_bar {
  public:
    /// `when`: auto (only on a terminal and after a second), always, never.
    explicit progress_bar(std::string_view when);

    bool wanted() const noexcept { return wanted_; }
    void show(const progress& now);
    /// Of many messages; `failed` and those that were done `before` are among the `done` ones.
    void show(std::uint64_t done, std::uint64_t total, std::uint64_t failed, std::uint64_t before);
    /// Before anything else is written to standard error.
    void finish();

  private:
    bool due(bool ended);

    using clock = std::chrono::steady_clock;
    clock::time_point begun_ = clock::now();
    clock::time_point drawn_{};
    clock::duration patience_;
    bool wanted_;
    bool visible_ = false;
};

} // namespace postrider::cli
