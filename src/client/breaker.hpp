// breaker.hpp - how another thread reaches one that is blocked in a system call on a socket.
#pragma once

#include <atomic>
#include <mutex>
#include <sys/socket.h>

namespace postrider::line {

class breaker {
  public:
    /// Something begins; what was struck before is not meant. Ends with the object.
    class guard {
      public:
        explicit guard(breaker& of) : of_(of) { of_.set_busy(true); }
        guard(const guard&) = delete;
        guard& operator=(const guard&) = delete;
        ~guard() { of_.set_busy(false); }

      private:
        breaker& of_;
    };

    /// The socket that what is under way waits on from now.
    void watch(int descriptor) {
        const std::lock_guard lock(mutex_);
        descriptor_ = descriptor;
        if (struck_) {
            ::shutdown(descriptor_, SHUT_RDWR); // before there was a socket
        }
    }
    /// Before the descriptor is closed: its number may be another socket's a moment later.
    void forget() {
        const std::lock_guard lock(mutex_);
        descriptor_ = -1;
    }
    /// Ends whatever waits on the socket, or will do so for what is under way.
    void strike() {
        const std::lock_guard lock(mutex_);
        struck_ = struck_ || busy_ || descriptor_ >= 0;
        if (descriptor_ >= 0) {
            ::shutdown(descriptor_, SHUT_RDWR);
        }
    }
    bool struck() const noexcept { return struck_; }

  private:
    // Without the mutex: who strikes at the same time may mean either what ends or what begins.
    void set_busy(bool yes) {
        if (yes && struck_.load(std::memory_order_relaxed)) {
            struck_ = false;
        }
        busy_.store(yes, std::memory_order_release);
    }

    std::mutex mutex_;
    int descriptor_ = -1;
    std::atomic<bool> busy_ = false;
    std::atomic<bool> struck_ = false;
};

} // namespace postrider::line
