// interruption.hpp - Ctrl-C and SIGTERM while mail is on its way: the client is told to stop and then says
// what became of each recipient. A second signal ends the program at once.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace postrider::cli {

/// While it lives, SIGINT, SIGTERM and SIGHUP call `stop` on a thread of their own. Make it before any other
/// thread: they inherit that the signals wait.
class interruption {
  public:
    /// `saying` goes to standard error.
    explicit interruption(std::function<void()> stop,
                          const char* saying = "dropping the line (again to leave at once)");
    ~interruption();
    interruption(const interruption&) = delete;
    interruption& operator=(const interruption&) = delete;

  private:
    void watch();

    std::function<void()> stop_;
    const char* saying_;
    sigset_t signals_{};
    sigset_t before_{};
    int signal_file_ = -1;
    int end_file_ = -1;
    std::thread watcher_;
};

} // namespace postrider::cli
