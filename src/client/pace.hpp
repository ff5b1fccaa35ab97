// pace.hpp - so many per second, evenly.
//
// The generic cell rate algorithm: one point in time says when the next one would be due if all came evenly;
// whoever comes a little before it is let through, within a slack of a hundredth of a second. So nothing is
// saved up over a pause, and rates beyond a timer's resolution are still kept.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>

namespace postrider::line {

class pace {
  public:
    using clock = std::chrono::steady_clock;
    using time_point = clock::time_point;
    static constexpr std::chrono::milliseconds slack{10};

    /// 0 (or less): no limit.
    explicit pace(double per_second = 0) { set(per_second); }

    void set(double per_second) {
        const std::chrono::duration<double> whole(per_second > 0 ? 1 / per_second : 0);
        interval_ = whole < longest ? std::chrono::duration_cast<clock::duration>(whole) : longest;
    }
    bool is_limited() const { return interval_ > clock::duration::zero(); }

    /// How many may begin at this moment.
    std::size_t available(time_point now) const {
        if (!is_limited()) {
            return std::numeric_limits<std::size_t>::max();
        }
        const clock::duration ahead = now + slack - std::max(due_, now);
        return ahead < clock::duration::zero() ? 0 : static_cast<std::size_t>(ahead / interval_) + 1;
    }
    /// From when on one more than `others` may begin.
    time_point next(time_point now, std::size_t others = 0) const {
        return std::max(due_, now) - slack + others * interval_;
    }
    /// One begins.
    void take(time_point now) { due_ = std::max(due_, now) + interval_; }

  private:
    static constexpr clock::duration longest = std::chrono::hours(24);

    clock::duration interval_{0};
    time_point due_{};
};

} // namespace postrider::line
