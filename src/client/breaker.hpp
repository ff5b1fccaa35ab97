// breaker.hpp - how another thread reaches one that is blocked in a system call on a socket.
#pragma once

#include <atomic>
#include <mutex>
#include <sys/socket.h>

namespace postrider::line {

class breaker {
  public:
    void watch(int descriptor) {
        const std::lock_guard lock(mutex_);
        descriptor_ = descriptor;
        struck_ = false;
    }
    /// Before the descriptor is closed: its number may be another socket's a moment later.
    void forget() {
        const std::lock_guard lock(mutex_);
        descriptor_ = -1;
    }
    /// Ends whatever waits on the socket.
    void strike() {
        const std::lock_guard lock(mutex_);
        if (descriptor_ >= 0) {
            struck_ = true;
            ::shutdown(descriptor_, SHUT_RDWR);
        }
    }
    bool struck() const noexcept { return struck_; }

  private:
    std::mutex mutex_;
    int descriptor_ = -1;
    std::atomic<bool> struck_ = false;
};

} // namespace postrider::line
